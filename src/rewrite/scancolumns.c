/*-------------------------------------------------------------------------
 *
 * scancolumns.c
 *		What an index could have done for a scan that was run.
 *
 * src/rewrite/scancolumns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/stratnum.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/typcache.h"

#include "rewrite/scancolumns.h"
#include "rewrite/tableindex.h"

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Without casts that nobody wrote */
static Node *
strip_implicit(Node *node)
{
	for (;;)
	{
		node = strip_relabel(node);
		if (node != NULL && IsA(node, FuncExpr) &&
			((FuncExpr *) node)->funcformat == COERCE_IMPLICIT_CAST)
			node = linitial(((FuncExpr *) node)->args);
		else if (node != NULL && IsA(node, CoerceViaIO) &&
				 ((CoerceViaIO *) node)->coerceformat == COERCE_IMPLICIT_CAST)
			node = (Node *) ((CoerceViaIO *) node)->arg;
		else
			return node;
	}
}

static bool
is_column(const Node *node)
{
	return node != NULL && IsA(node, Var) && ((const Var *) node)->varattno > 0;
}

static bool
param_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) || IsA(node, SubPlan) ||
		(IsA(node, Var) && ((Var *) node)->varattno <= 0))
		return true;
	return expression_tree_walker(node, param_walker, context);
}

/* Could an index have this expression as a column? */
static bool
is_indexable(Node *node)
{
	if (!IsA(node, FuncExpr) && !IsA(node, OpExpr) && !IsA(node, CoalesceExpr))
		return false;
	return contain_var_clause(node) && !param_walker(node, NULL) &&
		!contain_mutable_functions(node);
}

/* How a B-tree of the type, ordered as by default, uses the operator */
static ScanUse
btree_use(Oid type, Oid operator)
{
	TypeCacheEntry *entry = lookup_type_cache(type, TYPECACHE_BTREE_OPFAMILY);

	if (!OidIsValid(entry->btree_opf))
		return SCAN_NOTHING;
	switch (get_op_opfamily_strategy(operator, entry->btree_opf))
	{
		case BTEqualStrategyNumber:
			return SCAN_EQUAL;
		case BTLessStrategyNumber:
		case BTLessEqualStrategyNumber:
		case BTGreaterEqualStrategyNumber:
		case BTGreaterStrategyNumber:
			return SCAN_RANGE;
		default:
			return SCAN_NOTHING;
	}
}

/* In the order in which they are preferred */
static const struct
{
	ScanUse		use;
	Oid			am;
	const char *name;
}			special_uses[] =

{
	{SCAN_GIN, GIN_AM_OID, "gin"},
	{SCAN_GIST, GIST_AM_OID, "gist"},
	{SCAN_SPGIST, SPGIST_AM_OID, "spgist"}
};

ScanUse
scan_special_use(Oid type, Oid operator)
{
	Oid			negator = get_negator(operator);

	/* btree_gist has "<>", which finds nearly all rows */
	if (OidIsValid(negator) && btree_use(type, negator) == SCAN_EQUAL)
		return SCAN_NOTHING;
	for (int i = 0; i < lengthof(special_uses); i++)
	{
		Oid			opclass = GetDefaultOpClass(type, special_uses[i].am);

		if (OidIsValid(opclass) &&
			op_in_opfamily(operator, get_opclass_family(opclass)))
			return special_uses[i].use;
	}
	return SCAN_NOTHING;
}

Oid
scan_special_am(ScanUse use)
{
	for (int i = 0; i < lengthof(special_uses); i++)
	{
		if (special_uses[i].use == use)
			return special_uses[i].am;
	}
	return InvalidOid;
}

const char *
scan_special_name(ScanUse use)
{
	for (int i = 0; i < lengthof(special_uses); i++)
	{
		if (special_uses[i].use == use)
			return special_uses[i].name;
	}
	return NULL;
}

static bool
same_collation(Node *side, Oid collation)
{
	return !OidIsValid(collation) || collation == exprCollation(side);
}

static void
add_column(ScanColumns *columns, const Node *column, ScanUse use,
		   Oid value_type)
{
	ScanColumn	new = {.use = use};
	int			place = 0;

	if (is_column(column))
		new.attnum = ((const Var *) column)->varattno;
	while (place < SCAN_COLUMNS && columns->columns[place].use != SCAN_NOTHING)
	{
		if (new.attnum != 0 &&
			columns->columns[place].attnum == new.attnum &&
			columns->columns[place].use == use)
			return;
		place++;
	}
	if (use == SCAN_MISMATCH && !OidIsValid(columns->value_type))
		columns->value_type = value_type;

	/* those that are equal go to the front, and push the last one out */
	if (use == SCAN_EQUAL)
	{
		int			first = 0;

		while (first < place && columns->columns[first].use == SCAN_EQUAL)
			first++;
		for (int i = Min(place, SCAN_COLUMNS - 1); i > first; i--)
			columns->columns[i] = columns->columns[i - 1];
		place = first;
	}
	if (place < SCAN_COLUMNS)
		columns->columns[place] = new;
}

static void
add_comparison(ScanColumns *columns, Node *side, Node *other, Oid operator,
			   Oid collation, bool list)
{
	Node	   *plain = strip_relabel(side);
	Node	   *bare = strip_implicit(side);
	ScanUse		use;

	if (!OidIsValid(operator) || contain_var_clause(other) ||
		contain_volatile_functions(other) ||
		(!is_column(bare) && !is_indexable(plain)))
		return;
	if (is_column(plain) || !is_column(bare))
	{
		use = btree_use(exprType(plain), operator);
		if (use != SCAN_NOTHING)
		{
			if (same_collation(plain, collation) &&
				(!list || use == SCAN_EQUAL))
				add_column(columns, plain, use, InvalidOid);
			return;
		}
		use = list ? SCAN_NOTHING : scan_special_use(exprType(plain), operator);
		if (use != SCAN_NOTHING && same_collation(plain, collation))
		{
			add_column(columns, plain, use, InvalidOid);
			return;
		}
	}

	/* the column was cast to what the value is */
	if (is_column(bare) && exprType(bare) != exprType(side) &&
		btree_use(exprType(side), operator) != SCAN_NOTHING)
	{
		Oid			type = exprType(strip_implicit(other));

		if (list && OidIsValid(get_element_type(type)))
			type = get_element_type(type);
		add_column(columns, bare, SCAN_MISMATCH, type);
	}
}

Node *
scan_boolean_column(Node *node)
{
	if (is_notclause(node))
		node = (Node *) get_notclausearg(node);
	else if (IsA(node, BooleanTest) &&
			 (((BooleanTest *) node)->booltesttype == IS_TRUE ||
			  ((BooleanTest *) node)->booltesttype == IS_FALSE))
		node = (Node *) ((BooleanTest *) node)->arg;
	return is_column(node) && exprType(node) == BOOLOID ? node : NULL;
}

static void
add_condition(ScanColumns *columns, Node *node)
{
	Node	   *column;

	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) node;

		add_comparison(columns, linitial(op->args), lsecond(op->args),
					   op->opno, op->inputcollid, false);
		add_comparison(columns, lsecond(op->args), linitial(op->args),
					   get_commutator(op->opno), op->inputcollid, false);
	}
	else if (IsA(node, ScalarArrayOpExpr) &&
			 ((ScalarArrayOpExpr *) node)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;

		add_comparison(columns, linitial(op->args), lsecond(op->args),
					   op->opno, op->inputcollid, true);
	}
	else if (IsA(node, RowCompareExpr))
	{
		RowCompareExpr *row = (RowCompareExpr *) node;

		add_comparison(columns, linitial(row->largs), linitial(row->rargs),
					   linitial_oid(row->opnos),
					   linitial_oid(row->inputcollids), false);
	}
	else if (IsA(node, NullTest) &&
			 ((NullTest *) node)->nulltesttype == IS_NULL &&
			 is_column((Node *) ((NullTest *) node)->arg))
		add_column(columns, (Node *) ((NullTest *) node)->arg, SCAN_EQUAL,
				   InvalidOid);
	else if ((column = scan_boolean_column(node)) != NULL)
		add_column(columns, column, SCAN_EQUAL, InvalidOid);
}

/* Is the column one of the first n of the index? */
static bool
index_has(const TableIndex *index, int n, AttrNumber attnum)
{
	for (int i = 0; i < Min(n, index->ncolumns); i++)
	{
		if (index->columns[i] == attnum)
			return true;
	}
	return false;
}

static bool
index_serves(const TableIndex *index, const ScanColumns *columns)
{
	int			nequal = 0;
	int			found = 0;

	while (nequal < SCAN_COLUMNS && columns->columns[nequal].use == SCAN_EQUAL)
		nequal++;
	if (nequal == 0)
	{
		const ScanColumn *first = &columns->columns[0];

		return first->attnum != 0 && index_has(index, 1, first->attnum) &&
			(first->use == SCAN_RANGE ? index->am == BTREE_AM_OID :
			 index->am == scan_special_am(first->use));
	}
	if (index->am != BTREE_AM_OID && index->am != HASH_AM_OID)
		return false;
	for (int i = 0; i < nequal; i++)
		found += columns->columns[i].attnum != 0 &&
			index_has(index, nequal, columns->columns[i].attnum);
	return found == nequal || (index->unique && found == index->ncolumns);
}

bool
scan_columns_served(Oid relid, const ScanColumns *columns)
{
	ListCell   *lc;

	foreach(lc, table_indexes(relid))
	{
		const TableIndex *index = lfirst(lc);

		if (!index->partial && index_serves(index, columns))
			return true;
	}
	return false;
}

void
scan_columns_of(const List *conditions, ScanColumns *columns)
{
	ListCell   *lc;

	memset(columns, 0, sizeof(ScanColumns));
	foreach(lc, conditions)
		add_condition(columns, lfirst(lc));
}

void
scan_columns(ScanState * scan, ScanColumns *columns)
{
	Relation	rel = scan->ss_currentRelation;

	memset(columns, 0, sizeof(ScanColumns));
	if (rel == NULL || rel->rd_rel->relpersistence == RELPERSISTENCE_TEMP)
		return;
	scan_columns_of(scan->ps.plan->qual, columns);
	if (scan_columns_any(columns) &&
		scan_columns_served(RelationGetRelid(rel), columns))
		memset(columns, 0, sizeof(ScanColumns));
}

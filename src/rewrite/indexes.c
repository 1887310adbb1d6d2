/*-------------------------------------------------------------------------
 *
 * indexes.c
 *		The index that a statement misses.
 *
 * Looks at the AND-ed conditions on one table that compare a column, or an
 * immutable expression over the table's columns, with something that does not
 * come from the same FROM list.  Views are expanded first.  What a B-tree can
 * do with them decides: columns compared for equality in front, those with
 * the most distinct values first (of a subquery, those compared with rows of
 * the outer query last), then one range or the order that a LIMIT
 * cuts.  Where there is nothing for a B-tree, a condition on an array, jsonb,
 * range or the like may be one for GIN, GiST or SP-GiST.
 *
 * src/rewrite/indexes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "rewrite/analyzed.h"
#include "rewrite/hypothetical.h"
#include "rewrite/indexes.h"
#include "rewrite/rewrite_internal.h"
#include "rewrite/scancolumns.h"
#include "rewrite/tableindex.h"
#include "rewrite/trust.h"

/* More columns than these do not make an index better */
#define MAX_COLUMNS	4

/* What an index could have as a column */
typedef struct IndexColumn
{
	AttrNumber	attnum;			/* 0: an expression */
	Node	   *expression;		/* if so, with varno 1 */
	double		ndistinct;		/* 0: not known */
	bool		descending;
	bool		nulls_first;
	bool		wide;			/* too wide for a B-tree */
	bool		outer;			/* compared with a row of an outer query */
} IndexColumn;

typedef struct IndexSearch
{
	const RewriteSource *source;
	Oid			relid;			/* the table that the statement names */
	MemoryContext context;		/* of the advice */
	IndexAdvice *advice;
	bool		whole;			/* an index must serve range and order too */

	Query	   *query;			/* the one being walked */
	int			varno;			/* of the table in it */
	IndexColumn equal[MAX_COLUMNS];
	int			nequal;
	IndexColumn range;			/* if has_range */
	bool		has_range;
	IndexColumn order[MAX_COLUMNS];
	int			norder;
	IndexColumn special;		/* if special_use is not SCAN_NOTHING */
	ScanUse		special_use;
	Node	   *special_condition;
	IndexColumn hash;			/* if has_hash: compared for equality, wide */
	Node	   *hash_condition;
	bool		has_hash;
	bool		too_wide;		/* a range of such a column was left out */
	List	   *clauses;		/* conditions on the table, with varno 1 */
	List	   *conditions;		/* text of those that the index serves */
} IndexSearch;

static bool
found_columns(const IndexSearch *search)
{
	return search->nequal > 0 || search->has_range ||
		search->special_use != SCAN_NOTHING;
}

/* In the caller's memory */
static char *
give(const IndexSearch *search, const char *text)
{
	return text != NULL ? MemoryContextStrdup(search->context, text) : NULL;
}

/* Does this part of a FROM list have the table in it? */
static bool
has_relation(const Node *node, int varno)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (IsA(node, RangeTblRef))
		return ((const RangeTblRef *) node)->rtindex == varno;
	if (IsA(node, JoinExpr))
		return has_relation(((const JoinExpr *) node)->larg, varno) ||
			has_relation(((const JoinExpr *) node)->rarg, varno);
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((const FromExpr *) node)->fromlist)
		{
			if (has_relation(lfirst(lc), varno))
				return true;
		}
	}
	return false;
}

/*
 * Fills in what ANALYZE found out about a column of a table: the number of
 * distinct values, and whether they are too wide for an entry of a B-tree.
 * ANALYZE leaves wide values out of what it says of a column: where all of
 * them are, there is nothing left.
 */
static void
read_statistics(Oid relid, AttrNumber attnum, IndexColumn *column)
{
	ScanKeyData keys[2];
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		inherited = true;

	column->ndistinct = 0;
	column->wide = false;

	/* the cache would keep all that statistics have of the column */
	ScanKeyInit(&keys[0], Anum_pg_statistic_starelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	ScanKeyInit(&keys[1], Anum_pg_statistic_staattnum, BTEqualStrategyNumber,
				F_INT2EQ, Int16GetDatum(attnum));
	rel = table_open(StatisticRelationId, AccessShareLock);
	scan = systable_beginscan(rel, StatisticRelidAttnumInhIndexId, true, NULL,
							  lengthof(keys), keys);
	while (inherited && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_statistic statistics = (Form_pg_statistic) GETSTRUCT(tuple);

		column->ndistinct = statistics->stadistinct;
		column->wide = statistics->stanullfrac < 1 &&
			statistics->stadistinct < 0;
		for (int slot = 0; slot < STATISTIC_NUM_SLOTS; slot++)
		{
			int			kind = (&statistics->stakind1)[slot];

			if (kind == STATISTIC_KIND_MCV ||
				kind == STATISTIC_KIND_HISTOGRAM)
				column->wide = false;
		}
		inherited = statistics->stainherit;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);

	if (get_typlen(get_atttype(relid, attnum)) != -1)
		column->wide = false;
	if (column->ndistinct < 0)
	{
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (!HeapTupleIsValid(tuple))
			return;
		column->ndistinct *= -((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	column->ndistinct = Max(column->ndistinct, 0);
}

static bool
same_column(const IndexColumn *a, const IndexColumn *b)
{
	return a->attnum == b->attnum &&
		(a->attnum != 0 || equal(a->expression, b->expression));
}

static Node *
strip_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

static bool
foreign_var_walker(Node *node, const int *varno)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno != *varno ||
			((Var *) node)->varlevelsup != 0 ||
			((Var *) node)->varattno <= 0;
	if (IsA(node, Param) || IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, foreign_var_walker, (void *) varno);
}

/* Can this side of a condition be a column of an index of the table? */
static bool
make_column(const IndexSearch *search, Node *node, IndexColumn *column)
{
	Var		   *var = (Var *) strip_relabel(node);

	memset(column, 0, sizeof(IndexColumn));
	if (var == NULL || !contain_vars_of_level((Node *) var, 0))
		return false;
	if (IsA(var, Var))
	{
		Oid			relid;
		AttrNumber	attnum;
		RangeTblEntry *rte = rt_fetch(var->varno, search->query->rtable);

		/* through a view or subquery that only filters */
		if (rte->rtekind == RTE_SUBQUERY &&
			!rewrite_filters_rows(rte->subquery))
			return false;
		if (!shape_resolve_var(search->query, var, &relid, &attnum) ||
			relid != search->relid || attnum <= 0)
			return false;
		column->attnum = attnum;
		read_statistics(relid, attnum, column);
		return true;
	}

	/* an expression: over this table's columns only, and always the same */
	if (!(IsA(var, FuncExpr) &&
		  ((FuncExpr *) var)->funcformat == COERCE_EXPLICIT_CALL) &&
		!IsA(var, OpExpr) && !IsA(var, CoalesceExpr))
		return false;
	if (search->varno == 0 ||
		foreign_var_walker((Node *) var, &search->varno) ||
		contain_mutable_functions((Node *) var))
		return false;
	column->expression = copyObject((Node *) var);
	ChangeVarNodes(column->expression, search->varno, 1, 0);
	return true;
}

/* Type and collation that an index on the column would have by default */
static void
column_type(const IndexSearch *search, const IndexColumn *column, Oid *type,
			Oid *collation)
{
	int32		typmod;

	if (column->attnum != 0)
		get_atttypetypmodcoll(search->relid, column->attnum, type, &typmod,
							  collation);
	else
	{
		*type = exprType(column->expression);
		*collation = exprCollation(column->expression);
	}
}

/* Strategy of an operator in the column's default B-tree index; 0: none */
static int
btree_strategy(const IndexSearch *search, const IndexColumn *column,
			   Oid operator, Oid collation)
{
	Oid			type;
	Oid			column_collation;
	Oid			opclass;

	column_type(search, column, &type, &column_collation);
	opclass = GetDefaultOpClass(type, BTREE_AM_OID);
	if (!OidIsValid(opclass) ||
		(OidIsValid(collation) && collation != column_collation))
		return 0;
	return get_op_opfamily_strategy(operator, get_opclass_family(opclass));
}

/* The condition as text, for conditions on the statement's own tables */
static void
note_condition(IndexSearch *search, Node *condition)
{
	Node	   *copy;
	char	   *text;
	int			length;

	if (search->varno == 0 ||
		contain_vars_of_level(condition, 1) ||
		checkExprHasSubLink(condition))
		return;
	copy = copyObject(condition);
	ChangeVarNodes(copy, search->varno, 1, 0);
	text = deparse_expression(copy,
							  deparse_context_for(get_rel_name(search->relid),
												  search->relid),
							  false, false);
	length = strlen(text);
	if (length > 2 && text[0] == '(' && text[length - 1] == ')')
		text = pnstrdup(text + 1, length - 2);
	search->conditions = lappend(search->conditions, text);
}

/* Is anything in it of another table, or a subquery's? */
static bool
other_table_walker(Node *node, const int *varno)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return ((Var *) node)->varno != *varno ||
			((Var *) node)->varlevelsup != 0;
	if (IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, other_table_walker, (void *) varno);
}

static bool
param_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param))
		return true;
	return expression_tree_walker(node, param_walker, context);
}

/* An expression that an index could have, were its parameters constants */
static void
note_expression(IndexSearch *search, Node *side)
{
	Node	   *expression = strip_relabel(side);

	if (search->advice->expression != NULL || search->varno == 0 ||
		expression == NULL || IsA(expression, Var) ||
		!contain_vars_of_level(expression, 0) ||
		!param_walker(expression, NULL) ||
		other_table_walker(expression, &search->varno) ||
		contain_mutable_functions(expression))
		return;
	expression = copyObject(expression);
	ChangeVarNodes(expression, search->varno, 1, 0);
	search->advice->expression =
		give(search, deparse_expression(expression,
										deparse_context_for(get_rel_name(search->relid),
															search->relid),
										false, false));
}

/* A condition that an index's predicate may follow from */
static void
remember_clause(IndexSearch *search, Node *node)
{
	if (search->varno == 0 || other_table_walker(node, &search->varno))
		return;
	node = copyObject(node);
	ChangeVarNodes(node, search->varno, 1, 0);
	search->clauses = lappend(search->clauses, node);
}

static void
add_equal(IndexSearch *search, const IndexColumn *column, Node *condition)
{
	int			place;

	for (int i = 0; i < search->nequal; i++)
	{
		if (same_column(&search->equal[i], column))
			return;
	}
	if (search->nequal == MAX_COLUMNS)
		return;
	for (place = search->nequal; place > 0; place--)
	{
		const IndexColumn *before = &search->equal[place - 1];

		/* an outer row is not there where the subquery becomes a join */
		if (before->outer == column->outer ?
			before->ndistinct >= column->ndistinct : column->outer)
			break;
		search->equal[place] = search->equal[place - 1];
	}
	search->equal[place] = *column;
	search->nequal++;
	note_condition(search, condition);
}

/* A hash index has no values in it */
static void
add_hash(IndexSearch *search, const IndexColumn *column, Node *condition)
{
	Oid			type;
	Oid			collation;

	column_type(search, column, &type, &collation);
	if (!OidIsValid(GetDefaultOpClass(type, HASH_AM_OID)))
		search->too_wide = true;
	else if (!search->has_hash)
	{
		search->has_hash = true;
		search->hash = *column;
		search->hash_condition = condition;
	}
}

/* A comparison that no B-tree serves */
static void
consider_special(IndexSearch *search, Node *condition,
				 const IndexColumn *column, Oid operator, Oid collation)
{
	Oid			type;
	Oid			column_collation;

	column_type(search, column, &type, &column_collation);
	if (OidIsValid(collation) && collation != column_collation)
		return;
	search->special_use = scan_special_use(type, operator);
	search->special = *column;
	search->special_condition = condition;
}

/* One comparison of a column with something else */
static void
consider_comparison(IndexSearch *search, Node *condition, Node *side,
					Node *other, Oid operator, Oid collation, bool list)
{
	IndexColumn column;

	if (!OidIsValid(operator) || contain_vars_of_level(other, 0) ||
		contain_volatile_functions(other))
		return;
	if (!make_column(search, side, &column))
	{
		note_expression(search, side);
		return;
	}
	column.outer = contain_vars_of_level(other, 1);
	switch (btree_strategy(search, &column, operator, collation))
	{
		case BTEqualStrategyNumber:
			if (column.wide)
				add_hash(search, &column, condition);
			else
				add_equal(search, &column, condition);
			break;
		case BTLessStrategyNumber:
		case BTLessEqualStrategyNumber:
		case BTGreaterEqualStrategyNumber:
		case BTGreaterStrategyNumber:
			if (column.wide)
				search->too_wide = true;
			else if (!list && (!search->has_range ||
							   same_column(&search->range, &column)))
			{
				search->has_range = true;
				search->range = column;
				note_condition(search, condition);
			}
			break;
		default:
			if (!list && search->special_use == SCAN_NOTHING)
				consider_special(search, condition, &column, operator,
								 collation);
			break;
	}
}

static void
consider_condition(IndexSearch *search, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	if (!IsA(node, List) && !is_andclause(node))
		remember_clause(search, node);
	if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			consider_condition(search, lfirst(lc));
	}
	else if (is_andclause(node))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			consider_condition(search, lfirst(lc));
	}
	else if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) node;

		consider_comparison(search, node, linitial(op->args),
							lsecond(op->args), op->opno, op->inputcollid,
							false);
		consider_comparison(search, node, lsecond(op->args),
							linitial(op->args), get_commutator(op->opno),
							op->inputcollid, false);
	}
	else if (IsA(node, ScalarArrayOpExpr) &&
			 ((ScalarArrayOpExpr *) node)->useOr)
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;

		consider_comparison(search, node, linitial(op->args),
							lsecond(op->args), op->opno, op->inputcollid,
							true);
	}
	else if (IsA(node, RowCompareExpr))
	{
		RowCompareExpr *row = (RowCompareExpr *) node;

		consider_comparison(search, node, linitial(row->largs),
							linitial(row->rargs), linitial_oid(row->opnos),
							linitial_oid(row->inputcollids), false);
	}
	else if (IsA(node, NullTest) &&
			 ((NullTest *) node)->nulltesttype == IS_NULL &&
			 !((NullTest *) node)->argisrow)
	{
		IndexColumn column;

		if (make_column(search, (Node *) ((NullTest *) node)->arg, &column) &&
			column.attnum != 0)
		{
			/* NULLs are one value, and often that of most rows */
			column.ndistinct = 0;
			add_equal(search, &column, node);
		}
	}
	else if (scan_boolean_column(node) != NULL)
	{
		IndexColumn column;

		if (make_column(search, scan_boolean_column(node), &column))
			add_equal(search, &column, node);
	}
}

/* Conditions that restrict the rows of the table, or of what stands for it */
static void
consider_from(IndexSearch *search, Node *node, int varno)
{
	ListCell   *lc;

	if (node == NULL || !has_relation(node, varno))
		return;
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			consider_from(search, lfirst(lc), varno);
		consider_condition(search, ((FromExpr *) node)->quals);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		consider_from(search, join->larg, varno);
		consider_from(search, join->rarg, varno);
		if (join->jointype == JOIN_INNER ||
			(join->jointype == JOIN_LEFT && has_relation(join->rarg, varno)) ||
			(join->jointype == JOIN_RIGHT && has_relation(join->larg, varno)))
			consider_condition(search, join->quals);
	}
}

/* The order that a LIMIT cuts, if it is one by columns of the table */
static void
consider_order(IndexSearch *search)
{
	Query	   *query = search->query;
	ListCell   *lc;

	if (query->limitCount == NULL || query->hasAggs ||
		query->groupClause != NIL || query->hasWindowFuncs ||
		query->distinctClause != NIL || query->setOperations != NULL)
		return;
	foreach(lc, query->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(sort, query->targetList);
		TypeCacheEntry *type;
		IndexColumn *column = &search->order[search->norder];
		Oid			column_type_oid;
		Oid			collation;

		if (search->norder == MAX_COLUMNS ||
			!make_column(search, expr, column))
		{
			search->norder = 0;
			return;
		}
		column_type(search, column, &column_type_oid, &collation);
		type = lookup_type_cache(column_type_oid,
								 TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		if ((sort->sortop != type->lt_opr && sort->sortop != type->gt_opr) ||
			collation != exprCollation(expr))
		{
			search->norder = 0;
			return;
		}
		column->descending = sort->sortop == type->gt_opr;
		column->nulls_first = sort->nulls_first;
		search->norder++;
	}
}

/* The table as a relation of the query, or what stands for it: a view's */
static void
consider_relation(IndexSearch *search, int varno)
{
	RangeTblEntry *rte = rt_fetch(varno, search->query->rtable);

	if (rte->rtekind == RTE_RELATION && rte->relid == search->relid)
		search->varno = varno;
	else if (rte->rtekind != RTE_SUBQUERY)
		return;
	search->clauses = NIL;
	consider_from(search, (Node *) search->query->jointree, varno);
	search->varno = rte->rtekind == RTE_RELATION ? varno : 0;
	if (found_columns(search) &&
		rte->rtekind == RTE_RELATION)
		consider_order(search);
}

static bool
search_walker(Node *node, IndexSearch *search)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *outer = search->query;
		Query	   *query = (Query *) node;

		search->query = query;
		search->varno = 0;
		for (int i = 1; i <= list_length(query->rtable) &&
			 !found_columns(search);
			 i++)
			consider_relation(search, i);
		if (!found_columns(search))
			(void) query_tree_walker(query, search_walker, search, 0);
		search->query = outer;
		return found_columns(search);
	}
	return expression_tree_walker(node, search_walker, search);
}

/* Is one of the index's columns, from first before end, this one? */
static bool
index_has(const TableIndex *index, int first, int end,
		  const IndexColumn *column)
{
	ListCell   *expression = list_head(index->expressions);

	for (int i = 0; i < Min(end, index->ncolumns); i++)
	{
		Node	   *node = NULL;

		if (index->columns[i] == 0 && expression != NULL)
		{
			node = lfirst(expression);
			expression = lnext(index->expressions, expression);
		}
		if (i < first)
			continue;
		if (index->columns[i] != 0 ? index->columns[i] == column->attnum :
			column->attnum == 0 && equal(node, column->expression))
			return true;
	}
	return false;
}

/* Is this condition that of the index, but for a value that is not known? */
static bool
may_be_condition(const Node *predicate, const Node *clause)
{
	const OpExpr *p = (const OpExpr *) predicate;
	const OpExpr *c = (const OpExpr *) clause;

	return IsA(predicate, OpExpr) && IsA(clause, OpExpr) &&
		p->opno == c->opno && list_length(p->args) == 2 &&
		list_length(c->args) == 2 &&
		equal(linitial(p->args), linitial(c->args)) &&
		param_walker(lsecond(c->args), NULL);
}

/* Is the column in the predicate of a partial index? */
static bool
predicate_has(const TableIndex *index, const IndexColumn *column)
{
	Bitmapset  *columns = NULL;

	pull_varattnos((Node *) index->predicate, 1, &columns);
	return column->attnum != 0 &&
		bms_is_member(column->attnum - FirstLowInvalidHeapAttributeNumber,
					  columns);
}

/* Pairs of conditions that are compared: each takes a microsecond or so */
#define MAX_PAIRS	10000

static bool
count_walker(Node *node, int *count)
{
	if (node == NULL)
		return false;
	++*count;
	return expression_tree_walker(node, count_walker, count);
}

/* May the planner use a partial index for the conditions? */
static bool
may_apply(const IndexSearch *search, const TableIndex *index)
{
	int			of_index = 0;
	int			of_query = 0;
	ListCell   *lc;
	ListCell   *lc2;

	CHECK_FOR_INTERRUPTS();
	(void) count_walker((Node *) index->predicate, &of_index);
	(void) count_walker((Node *) search->clauses, &of_query);
	if ((int64) of_index * of_query > MAX_PAIRS * 9)
		return false;
	foreach(lc, index->predicate)
	{
		bool		found = predicate_implied_by(list_make1(lfirst(lc)),
												 search->clauses, false);

		foreach(lc2, search->clauses)
			found = found || may_be_condition(lfirst(lc), lfirst(lc2));
		if (!found)
			return false;
	}
	return true;
}

/* Does an index have all that an index for the search would have? */
static bool
serves_whole(const IndexSearch *search, const TableIndex *index)
{
	int			place = search->nequal;

	if (index->am != BTREE_AM_OID || index->partial)
		return false;
	for (int i = 0; i < search->nequal; i++)
	{
		if (!index_has(index, 0, search->nequal, &search->equal[i]))
			return false;
	}
	if (search->has_range &&
		(search->norder == 0 ||
		 !same_column(&search->range, &search->order[0])))
		return index_has(index, place, place + 1, &search->range);
	for (int i = 0; i < search->norder; i++)
	{
		if (index_has(index, 0, search->nequal, &search->order[i]))
			continue;
		if (!index_has(index, place, place + 1, &search->order[i]))
			return false;
		place++;
	}
	return true;
}

/* Is there an index that serves the conditions already? */
static bool
is_served(const IndexSearch *search)
{
	List	   *indexes = table_indexes(search->relid);
	ListCell   *lc;

	foreach(lc, indexes)
	{
		const TableIndex *index = lfirst(lc);
		int			nequal = 0;

		if (search->whole && search->nequal + search->has_range > 0)
		{
			if (serves_whole(search, index))
				return true;
			continue;
		}
		if (index->partial && !may_apply(search, index))
			continue;
		if (search->nequal == 0 && !search->has_range)
		{
			if (search->special_use == SCAN_NOTHING)
			{
				if (index->am == HASH_AM_OID &&
					index_has(index, 0, 1, &search->hash))
					return true;
			}
			else if (index->am == scan_special_am(search->special_use) &&
					 index_has(index, 0, index->ncolumns, &search->special))
				return true;
			continue;
		}
		if (index->am != BTREE_AM_OID &&
			!(index->am == HASH_AM_OID && search->nequal > 0))
			continue;
		if (search->nequal == 0)
		{
			if (index_has(index, 0, 1, &search->range))
				return true;
			continue;
		}
		for (int i = 0; i < search->nequal; i++)
			nequal += index_has(index, 0, search->nequal, &search->equal[i]) ||
				predicate_has(index, &search->equal[i]);
		if (nequal == search->nequal)
			return true;

		/* one row at most is left of a unique one whose columns are all there */
		if (index->unique && nequal == index->ncolumns)
			return true;
	}
	return false;
}

static void
append_column(const IndexSearch *search, StringInfo buf,
			  const IndexColumn *column, bool ordered)
{
	if (buf->len > 0)
		appendStringInfoString(buf, ", ");
	if (column->attnum != 0)
		appendStringInfoString(buf,
							   quote_identifier(get_attname(search->relid,
															column->attnum,
															false)));
	else
		appendStringInfoString(buf,
							   deparse_expression(column->expression,
												  deparse_context_for(get_rel_name(search->relid),
																	  search->relid),
												  false, false));
	if (!ordered)
		return;
	if (column->descending)
		appendStringInfoString(buf, " DESC");
	if (column->nulls_first != column->descending)
		appendStringInfoString(buf, column->nulls_first ? " NULLS FIRST" :
							   " NULLS LAST");
}

/* The columns, or NULL if there are none */
static char *
written_columns(const IndexSearch *search)
{
	StringInfoData buf;
	bool		ordered = false;

	initStringInfo(&buf);
	if (search->nequal == 0 && !search->has_range)
	{
		if (search->special_use != SCAN_NOTHING)
			append_column(search, &buf, &search->special, false);
		else if (search->has_hash)
			append_column(search, &buf, &search->hash, false);
		return buf.len > 0 ? buf.data : NULL;
	}
	for (int i = 0; i < search->nequal; i++)
		append_column(search, &buf, &search->equal[i], false);
	/* an order that begins with the range has it in it */
	if (search->has_range &&
		(search->norder == 0 ||
		 !same_column(&search->range, &search->order[0])))
	{
		append_column(search, &buf, &search->range, false);
		return buf.data;
	}

	/* an order that is the same in both directions needs not be written */
	for (int i = 0; i < search->norder; i++)
	{
		const IndexColumn *column = &search->order[i];

		ordered |= column->descending != search->order[0].descending ||
			column->nulls_first != column->descending;
	}
	for (int i = 0; i < search->norder; i++)
	{
		bool		there = false;

		for (int j = 0; j < search->nequal; j++)
			there |= same_column(&search->equal[j], &search->order[i]);
		if (!there)
			append_column(search, &buf, &search->order[i], ordered);
	}
	return buf.data;
}

static bool
names_relation_walker(Node *node, const Oid *relid)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
			((RangeTblEntry *) node)->relid == *relid;
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, names_relation_walker,
								 (void *) relid, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, names_relation_walker, (void *) relid);
}

/* What was scanned may be a part of the table that the statement names */
static void
name_whole_table(IndexSearch *search, Query *query)
{
	ListCell   *lc;

	if (!get_rel_relispartition(search->relid))
		return;
	foreach(lc, get_partition_ancestors(search->relid))
	{
		Oid			ancestor = lfirst_oid(lc);

		if (names_relation_walker((Node *) query, &ancestor))
			search->relid = ancestor;
	}
}

/* AnalyzedCallback */
static void
find_index(void *arg, AnalyzedText *analyzed)
{
	IndexSearch *search = (IndexSearch *) arg;
	IndexAdvice *advice = search->advice;
	List	   *rewritten;
	char		relkind;
	bool		recorded = OidIsValid(search->source->userid);
	char	   *columns;
	char	   *name;
	const char *using = "";
	char	   *conditions = NULL;
	ListCell   *lc;
	HypotheticalCosts costs;

	if (recorded && !trust_expansion(analyzed->query))
		return;
	advice->verdict = INDEX_NO_CONDITION;
	rewritten = QueryRewrite(copyObject(analyzed->query));
	if (list_length(rewritten) != 1)
		return;
	name_whole_table(search, linitial_node(Query, rewritten));
	relkind = get_rel_relkind(search->relid);
	if ((relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW &&
		 relkind != RELKIND_PARTITIONED_TABLE) ||
		search->relid < FirstNormalObjectId ||
		get_rel_persistence(search->relid) == RELPERSISTENCE_TEMP)
		return;

	if (recorded && !trust_printing(linitial(rewritten)))
	{
		advice->verdict = INDEX_NOT_ANALYZED;
		return;
	}
	(void) search_walker(linitial(rewritten), search);
	columns = written_columns(search);
	if (columns == NULL)
	{
		advice->verdict = search->too_wide ? INDEX_TOO_WIDE :
			INDEX_NO_CONDITION;
		return;
	}
	if (is_served(search))
	{
		advice->verdict = INDEX_SERVED;
		return;
	}
	if (search->nequal == 0 && !search->has_range)
	{
		const char *special = scan_special_name(search->special_use);

		using = psprintf("USING %s ", special != NULL ? special : "hash");
		note_condition(search, special != NULL ? search->special_condition :
					   search->hash_condition);
	}

	name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(search->relid)),
									  get_rel_name(search->relid));
	foreach(lc, search->conditions)
		conditions = conditions == NULL ? lfirst(lc) :
		psprintf("%s AND %s", conditions, (char *) lfirst(lc));

	if ((!recorded || trust_planning(linitial(rewritten))) &&
		hypothetical_costs(analyzed->query, analyzed->text,
						   psprintf("CREATE INDEX ON %s %s(%s)", name, using,
									columns),
						   &costs))
	{
		if (!costs.used)
		{
			advice->verdict = INDEX_REFUSED;
			return;
		}
		advice->tried = true;
		advice->cost_without = costs.without;
		advice->cost_with = costs.with;
	}
	/* an index of all partitions cannot be made concurrently */
	advice->statement = give(search,
							 psprintf("CREATE INDEX %sON %s %s(%s)",
									  relkind == RELKIND_PARTITIONED_TABLE ?
									  "" : "CONCURRENTLY ",
									  name, using, columns));
	advice->relid = search->relid;
	advice->columns = give(search, columns);
	advice->condition = give(search, conditions);
	advice->verdict = INDEX_ADVISED;
}

static bool
advise(const RewriteSource *source, Oid relid, bool whole, IndexAdvice *advice)
{
	IndexSearch search = {
		.source = source,
		.relid = relid,
		.context = CurrentMemoryContext,
		.advice = advice,
		.whole = whole
	};

	memset(advice, 0, sizeof(IndexAdvice));
	if (!analyzed_call(source, find_index, &search))
		advice->verdict = INDEX_NOT_ANALYZED;
	return advice->verdict == INDEX_ADVISED;
}

bool
index_advice(const RewriteSource *source, Oid relid, IndexAdvice *advice)
{
	return advise(source, relid, false, advice);
}

bool
index_advice_whole(const RewriteSource *source, Oid relid, IndexAdvice *advice)
{
	return advise(source, relid, true, advice);
}

/*
 * From a scan
 */

typedef struct ScanSearch
{
	Oid			relid;
	const ScanColumns *columns;
	MemoryContext context;		/* of the advice */
	IndexAdvice *advice;
	bool		found;
} ScanSearch;

/* Says what is of another type than its column, and which index is in vain */
static void
explain_mismatch(ScanSearch *search, AttrNumber attnum)
{
	ListCell   *lc;
	char	   *name = get_attname(search->relid, attnum, true);
	char	   *unused = NULL;

	if (name == NULL)
		return;
	foreach(lc, table_indexes(search->relid))
	{
		const TableIndex *index = lfirst(lc);

		if (index->columns[0] == attnum && !index->partial && unused == NULL)
			unused = get_rel_name(index->oid);
	}
	search->advice->mismatch =
		MemoryContextStrdup(search->context,
							psprintf("the column %s is %s, what it is compared with is %s",
									 quote_identifier(name),
									 format_type_be(get_atttype(search->relid,
																attnum)),
									 format_type_be(search->columns->value_type)));
	if (unused != NULL)
		search->advice->unused = MemoryContextStrdup(search->context, unused);
}

/* The columns of an index, and what it is; NULL: there is no such index */
static char *
columns_of_scan(const ScanSearch *search, const char **using)
{
	StringInfoData buf;

	initStringInfo(&buf);
	*using = "";
	for (int i = 0; i < SCAN_COLUMNS; i++)
	{
		const ScanColumn *column = &search->columns->columns[i];
		char	   *name;
		IndexColumn known;

		if (column->use == SCAN_NOTHING)
			break;
		if (column->attnum == 0 || column->use == SCAN_MISMATCH ||
			(scan_special_name(column->use) != NULL && buf.len > 0) ||
			(name = get_attname(search->relid, column->attnum, true)) == NULL)
			continue;
		read_statistics(search->relid, column->attnum, &known);
		if (known.wide && scan_special_name(column->use) == NULL)
			continue;
		appendStringInfo(&buf, "%s%s", buf.len > 0 ? ", " : "",
						 quote_identifier(name));
		if (scan_special_name(column->use) != NULL)
			*using = psprintf("USING %s ", scan_special_name(column->use));
		if (column->use != SCAN_EQUAL)
			break;
	}
	return buf.len > 0 ? buf.data : NULL;
}

/*
 * May the current role read some of a table's columns?  One that could only
 * by a view may not: what it may use of that is not known here.
 */
static bool
may_read(Oid relid)
{
	return pg_class_aclcheck(relid, GetUserId(),
							 ACL_SELECT) == ACLCHECK_OK ||
		pg_attribute_aclcheck_all(relid, GetUserId(), ACL_SELECT,
								  ACLMASK_ANY) == ACLCHECK_OK;
}

/* GuardedCallback */
static void
find_index_of_scan(void *arg)
{
	ScanSearch *search = (ScanSearch *) arg;
	const ScanColumns *columns = search->columns;
	char		relkind;
	char	   *names;
	const char *using;

	if (!ConditionalLockRelationOid(search->relid, AccessShareLock) ||
		!SearchSysCacheExists1(RELOID, ObjectIdGetDatum(search->relid)) ||
		!trust_definitions(list_make1_oid(search->relid), NIL, NIL))
		return;
	relkind = get_rel_relkind(search->relid);
	if (relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW)
		return;
	if (scan_columns_served(search->relid, columns))
		return;
	for (int i = 0; i < SCAN_COLUMNS; i++)
	{
		if (columns->columns[i].use == SCAN_MISMATCH &&
			search->advice->mismatch == NULL)
			explain_mismatch(search, columns->columns[i].attnum);
	}
	names = may_read(search->relid) ? columns_of_scan(search, &using) : NULL;
	if (names != NULL)
	{
		char	   *name = quote_qualified_identifier(get_namespace_name(get_rel_namespace(search->relid)),
													  get_rel_name(search->relid));

		search->advice->relid = search->relid;
		search->advice->columns = MemoryContextStrdup(search->context, names);
		search->advice->statement =
			MemoryContextStrdup(search->context,
								psprintf("CREATE INDEX CONCURRENTLY ON %s %s(%s)",
										 name, using, names));
	}
	search->found = true;
}

bool
index_of_scan(Oid userid, Oid relid, const ScanColumns *columns,
			  IndexAdvice *advice)
{
	ScanSearch	search = {
		.relid = relid,
		.columns = columns,
		.context = CurrentMemoryContext,
		.advice = advice
	};

	return guarded_look_as(userid, NULL, find_index_of_scan, &search) &&
		search.found;
}

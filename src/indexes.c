/*-------------------------------------------------------------------------
 *
 * indexes.c
 *		The index that a statement misses.
 *
 * Looks at the AND-ed conditions on one table that compare a column, or an
 * immutable expression over the table's columns, with something that does not
 * come from the same FROM list.  Views are expanded first.  What a B-tree can
 * do with them decides: columns compared for equality in front, those with
 * the most distinct values first, then one range or the order that a LIMIT
 * cuts.  Where there is nothing for a B-tree, a condition on an array, jsonb
 * or the like may be one for GIN.
 *
 * src/indexes.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/stratnum.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/partition.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_statistic.h"
#include "catalog/pg_type.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rewriteManip.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/ruleutils.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "analyzed.h"
#include "compat.h"
#include "hypothetical.h"
#include "indexes.h"
#include "rewrite_internal.h"
#include "tableindex.h"
#include "trust.h"

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
} IndexColumn;

typedef struct IndexSearch
{
	const RewriteSource *source;
	Oid			relid;			/* the table that the statement names */
	MemoryContext context;		/* of the advice */
	IndexAdvice *advice;
	bool		found;

	Query	   *query;			/* the one being walked */
	int			varno;			/* of the table in it */
	IndexColumn equal[MAX_COLUMNS];
	int			nequal;
	IndexColumn range;			/* if has_range */
	bool		has_range;
	IndexColumn order[MAX_COLUMNS];
	int			norder;
	IndexColumn gin;			/* if has_gin */
	bool		has_gin;
	List	   *conditions;		/* text of those that the index serves */
} IndexSearch;

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

/* Number of distinct values of a column, as ANALYZE found it; 0: not known */
static double
distinct_values(Oid relid, AttrNumber attnum)
{
	ScanKeyData keys[2];
	Relation	rel;
	SysScanDesc scan;
	HeapTuple	tuple;
	double		result = 0;
	bool		inherited = true;

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
		result = ((Form_pg_statistic) GETSTRUCT(tuple))->stadistinct;
		inherited = ((Form_pg_statistic) GETSTRUCT(tuple))->stainherit;
	}
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	if (result < 0)
	{
		tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
		if (!HeapTupleIsValid(tuple))
			return 0;
		result *= -((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return Max(result, 0);
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
		column->ndistinct = distinct_values(relid, attnum);
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

static bool
is_gin_operator(const IndexSearch *search, const IndexColumn *column,
				Oid operator)
{
	Oid			type;
	Oid			collation;
	Oid			opclass;

	column_type(search, column, &type, &collation);
	opclass = GetDefaultOpClass(type, GIN_AM_OID);
	return OidIsValid(opclass) &&
		op_in_opfamily(operator, get_opclass_family(opclass));
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
		if (search->equal[place - 1].ndistinct >= column->ndistinct)
			break;
		search->equal[place] = search->equal[place - 1];
	}
	search->equal[place] = *column;
	search->nequal++;
	note_condition(search, condition);
}

/* One comparison of a column with something else */
static void
consider_comparison(IndexSearch *search, Node *condition, Node *side,
					Node *other, Oid operator, Oid collation, bool list)
{
	IndexColumn column;

	if (!OidIsValid(operator) || contain_vars_of_level(other, 0) ||
		contain_volatile_functions(other) ||
		!make_column(search, side, &column))
		return;
	switch (btree_strategy(search, &column, operator, collation))
	{
		case BTEqualStrategyNumber:
			add_equal(search, &column, condition);
			break;
		case BTLessStrategyNumber:
		case BTLessEqualStrategyNumber:
		case BTGreaterEqualStrategyNumber:
		case BTGreaterStrategyNumber:
			if (!list && (!search->has_range ||
						  same_column(&search->range, &column)))
			{
				search->has_range = true;
				search->range = column;
				note_condition(search, condition);
			}
			break;
		default:
			if (!list && !search->has_gin &&
				is_gin_operator(search, &column, operator))
			{
				search->has_gin = true;
				search->gin = column;
			}
			break;
	}
}

static void
consider_condition(IndexSearch *search, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
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
	consider_from(search, (Node *) search->query->jointree, varno);
	search->varno = rte->rtekind == RTE_RELATION ? varno : 0;
	if (search->nequal + search->has_range + search->has_gin > 0 &&
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
			 search->nequal == 0 && !search->has_range && !search->has_gin;
			 i++)
			consider_relation(search, i);
		if (search->nequal == 0 && !search->has_range && !search->has_gin)
			(void) query_tree_walker(query, search_walker, search, 0);
		search->query = outer;
		return search->nequal > 0 || search->has_range || search->has_gin;
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

		if (index->partial)
			continue;
		if (search->nequal == 0 && !search->has_range)
		{
			if (index->am == GIN_AM_OID &&
				index_has(index, 0, index->ncolumns, &search->gin))
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
			nequal += index_has(index, 0, search->nequal, &search->equal[i]);
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
		if (search->has_gin)
			append_column(search, &buf, &search->gin, false);
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

static char *
give(const IndexSearch *search, const char *text)
{
	return text != NULL ? MemoryContextStrdup(search->context, text) : NULL;
}

/* AnalyzedCallback */
static void
find_index(void *arg, AnalyzedText *analyzed)
{
	IndexSearch *search = (IndexSearch *) arg;
	IndexAdvice *advice = search->advice;
	List	   *rewritten;
	char		relkind = get_rel_relkind(search->relid);
	bool		recorded = OidIsValid(search->source->userid);
	char	   *columns;
	char	   *name;
	const char *using = "";
	char	   *conditions = NULL;
	ListCell   *lc;
	HypotheticalCosts costs;

	/* the table that the statement has, if what it scans is a part of it */
	if (get_rel_relispartition(search->relid))
	{
		foreach(lc, get_partition_ancestors(search->relid))
		{
			for (int i = 0; i < list_length(analyzed->query->rtable); i++)
			{
				RangeTblEntry *rte = list_nth_node(RangeTblEntry,
												   analyzed->query->rtable, i);

				if (rte->rtekind == RTE_RELATION &&
					rte->relid == lfirst_oid(lc))
				{
					search->relid = rte->relid;
					relkind = rte->relkind;
				}
			}
		}
	}
	if ((relkind != RELKIND_RELATION && relkind != RELKIND_MATVIEW &&
		 relkind != RELKIND_PARTITIONED_TABLE) ||
		search->relid < FirstNormalObjectId ||
		get_rel_persistence(search->relid) == RELPERSISTENCE_TEMP)
	{
		advice->looked = true;
		return;
	}

	if (recorded && !trust_expansion(analyzed->query))
		return;
	advice->looked = true;
	rewritten = QueryRewrite(copyObject(analyzed->query));
	if (list_length(rewritten) != 1)
		return;
	if (recorded && !trust_printing(linitial(rewritten)))
	{
		advice->looked = false;
		return;
	}
	(void) search_walker(linitial(rewritten), search);
	columns = written_columns(search);
	if (columns == NULL || is_served(search))
		return;
	if (search->nequal == 0 && !search->has_range)
		using = "USING gin ";

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
			return;
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
	advice->columns = give(search, columns);
	advice->condition = give(search, conditions);
	search->found = true;
}

bool
index_advice(const RewriteSource *source, Oid relid, IndexAdvice *advice)
{
	IndexSearch search = {
		.source = source,
		.relid = relid,
		.context = CurrentMemoryContext,
		.advice = advice
	};

	memset(advice, 0, sizeof(IndexAdvice));
	if (!analyzed_call(source, find_index, &search))
		search.found = advice->looked = false;
	return search.found;
}

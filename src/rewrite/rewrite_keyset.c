/*-------------------------------------------------------------------------
 *
 * rewrite_keyset.c
 *		The next page after a row, in place of the page after so many rows.
 *
 * A row belongs to the next page if it comes later in the order.  That takes
 * columns that are never NULL and, together, never twice the same: where the
 * ORDER BY does not have such a key of the table, it is added, in the
 * direction of the last column.  Columns that are all sorted in one direction
 * are compared as a row, which an index serves; others one after another.
 *
 * src/rewrite/rewrite_keyset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/tlist.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "rewrite/rewrite_internal.h"
#include "rewrite/tableindex.h"

/* The order of the pages */
typedef struct PageOrder
{
	AttrNumber	columns[INDEX_MAX_KEYS];
	bool		descending[INDEX_MAX_KEYS];
	char	   *names[INDEX_MAX_KEYS];
	int			ncolumns;
	int			nwritten;		/* those that are in the ORDER BY already */
	bool		mixed;			/* directions */
} PageOrder;

static bool
is_never_null(Oid relid, AttrNumber attnum)
{
	HeapTuple	tuple = SearchSysCache2(ATTNUM, ObjectIdGetDatum(relid),
										Int16GetDatum(attnum));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	result = ((Form_pg_attribute) GETSTRUCT(tuple))->attnotnull;
	ReleaseSysCache(tuple);
	return result;
}

static bool
has_column(const PageOrder *order, AttrNumber attnum)
{
	for (int i = 0; i < order->ncolumns; i++)
	{
		if (order->columns[i] == attnum)
			return true;
	}
	return false;
}

static bool
add_column(PageOrder *order, AttrNumber attnum, bool descending)
{
	if (order->ncolumns == INDEX_MAX_KEYS)
		return false;
	order->columns[order->ncolumns] = attnum;
	order->descending[order->ncolumns] = descending;
	order->mixed |= descending != order->descending[0];
	order->ncolumns++;
	return true;
}

/* The columns of the ORDER BY; false if it has anything else */
static bool
get_order(const Query *query, Oid relid, PageOrder *order)
{
	ListCell   *lc;

	memset(order, 0, sizeof(PageOrder));
	foreach(lc, query->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		Node	   *expr = get_sortgroupclause_expr(sort, query->targetList);
		Var		   *var = (Var *) expr;
		TypeCacheEntry *type;

		if (!IsA(expr, Var) || var->varlevelsup != 0 || var->varattno <= 0 ||
			!is_never_null(relid, var->varattno))
			return false;
		type = lookup_type_cache(var->vartype,
								 TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		if (sort->sortop != type->lt_opr && sort->sortop != type->gt_opr)
			return false;
		if (!has_column(order, var->varattno) &&
			!add_column(order, var->varattno, sort->sortop == type->gt_opr))
			return false;
		order->nwritten = order->ncolumns;
	}
	return order->ncolumns > 0;
}

/* Does an index make rows unique by its columns, as ORDER BY compares them? */
static bool
is_key(const TableIndex *index)
{
	if (!index->unique || index->partial || index->am != BTREE_AM_OID)
		return false;
	for (int i = 0; i < index->ncolumns; i++)
	{
		if (index->columns[i] <= 0 || !index->default_order[i] ||
			!is_never_null(index->relid, index->columns[i]))
			return false;
	}
	return true;
}

/* Adds a key of the table, unless there is one; false if it has none */
static bool
complete_order(Oid relid, PageOrder *order)
{
	List	   *indexes = table_indexes(relid);
	const TableIndex *key = NULL;
	bool		descending = order->descending[order->ncolumns - 1];
	ListCell   *lc;

	foreach(lc, indexes)
	{
		const TableIndex *index = lfirst(lc);
		bool		contained = true;

		if (!is_key(index))
			continue;
		for (int i = 0; i < index->ncolumns; i++)
			contained &= has_column(order, index->columns[i]);
		if (contained)
			return true;
		if (key == NULL || index->primary)
			key = index;
	}
	if (key == NULL)
		return false;
	for (int i = 0; i < key->ncolumns; i++)
	{
		if (!has_column(order, key->columns[i]) &&
			!add_column(order, key->columns[i], descending))
			return false;
	}
	return true;
}

/* Is the table's name written before columns? */
static bool
writes_qualified(const AnalyzedText *analyzed, const char *name)
{
	const char *always_quoted = psprintf("\"%s\"", name);

	for (int i = 0; i + 1 < analyzed->ntokens; i++)
	{
		if ((token_is(analyzed, i, name) ||
			 token_is(analyzed, i, always_quoted)) &&
			token_is(analyzed, i + 1, "."))
			return true;
	}
	return false;
}

/* "(a, b) > ($2, $3)", or its long form */
static char *
written_comparison(const PageOrder *order, const int *params)
{
	StringInfoData buf;

	initStringInfo(&buf);
	if (order->mixed)
	{
		for (int i = 0; i < order->ncolumns; i++)
		{
			bool		last = i == order->ncolumns - 1;

			appendStringInfo(&buf, "%s%s %c $%d", last ? "" : "(",
							 order->names[i],
							 order->descending[i] ? '<' : '>', params[i]);
			if (!last)
				appendStringInfo(&buf, " OR (%s = $%d AND ",
								 order->names[i], params[i]);
		}
		for (int i = 0; i < order->ncolumns - 1; i++)
			appendStringInfoString(&buf, "))");
		return buf.data;
	}
	if (order->ncolumns > 1)
		appendStringInfoChar(&buf, '(');
	for (int i = 0; i < order->ncolumns; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", order->names[i]);
	appendStringInfo(&buf, order->ncolumns > 1 ? ") %c (" : " %c ",
					 order->descending[0] ? '<' : '>');
	for (int i = 0; i < order->ncolumns; i++)
		appendStringInfo(&buf, "%s$%d", i > 0 ? ", " : "", params[i]);
	if (order->ncolumns > 1)
		appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* Is it the page that was meant, of the same rows in the same order? */
static bool
is_next_page(const Query *query, Query *made, int nadded,
			 const PageOrder *order)
{
	List	   *quals = make_ands_implicit((Expr *) query->jointree->quals);
	List	   *made_quals = make_ands_implicit((Expr *) made->jointree->quals);
	int			n = 0;
	ListCell   *lc;

	if (made->limitOffset != NULL ||
		!equal(made->limitCount, query->limitCount) ||
		only_relation(made) == NULL ||
		only_relation(made)->relid != only_relation(query)->relid ||
		list_length(made->rtable) != list_length(query->rtable) ||
		list_length(made_quals) != list_length(quals) + 1 ||
		!equal(list_truncate(list_copy(made_quals), list_length(quals)), quals))
		return false;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		TargetEntry *made_tle;

		if (tle->resjunk)
			continue;
		if (n + nadded >= list_length(made->targetList))
			return false;
		made_tle = list_nth_node(TargetEntry, made->targetList, nadded + n++);
		if (made_tle->resjunk || !equal(made_tle->expr, tle->expr))
			return false;
	}

	if (list_length(made->sortClause) !=
		list_length(query->sortClause) + order->ncolumns - order->nwritten)
		return false;
	n = 0;
	foreach(lc, query->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		SortGroupClause *made_sort = list_nth_node(SortGroupClause,
												   made->sortClause, n++);

		if (sort->sortop != made_sort->sortop ||
			!equal(get_sortgroupclause_expr(sort, query->targetList),
				   get_sortgroupclause_expr(made_sort, made->targetList)))
			return false;
	}
	n = order->nwritten;
	for_each_from(lc, made->sortClause, list_length(query->sortClause))
	{
		Var		   *var = (Var *)
		get_sortgroupclause_expr(lfirst_node(SortGroupClause, lc),
								 made->targetList);

		if (!IsA(var, Var) || var->varattno != order->columns[n++])
			return false;
	}
	return true;
}

/* AnalyzedCallback */
static void
make_keyset(void *arg, AnalyzedText *analyzed)
{
	Query	   *query = analyzed->query;
	RangeTblEntry *rte = only_relation(query);
	Param	   *offset = param_of(query->limitOffset, true);
	PageOrder	order;
	TextEdits	edits = {0};
	int			params[INDEX_MAX_KEYS];
	int			select_token = token_find(analyzed, 0, "select");
	int			where_token = token_find(analyzed, 0, "where");
	int			order_token;
	int			offset_token;
	int			end;
	int			nadded = 0;
	char	   *comparison;
	char	   *text;

	if (query->commandType != CMD_SELECT || query->setOperations != NULL ||
		query->groupClause != NIL || query->groupingSets != NIL ||
		query->havingQual != NULL || query->hasAggs ||
		query->hasWindowFuncs || query->hasTargetSRFs ||
		query->distinctClause != NIL || query->rowMarks != NIL ||
		query->limitCount == NULL ||
		query->limitOption != LIMIT_OPTION_COUNT ||
		!rewrite_reads_safely(query, ((RewriteRequest *) arg)->source))
		return;
	if (rte == NULL || offset == NULL ||
		token_count_param(analyzed, offset->paramid) != 1 ||
		(rte->relkind != RELKIND_RELATION &&
		 rte->relkind != RELKIND_PARTITIONED_TABLE &&
		 rte->relkind != RELKIND_MATVIEW) ||
		rte->tablesample != NULL)
		return;
	/* what is unique in a table need not be so with what inherits from it */
	if (rte->relkind == RELKIND_RELATION && rte->inh &&
		has_subclass(rte->relid))
		return;
	if (!get_order(query, rte->relid, &order) ||
		!complete_order(rte->relid, &order))
		return;

	order_token = token_find(analyzed, Max(where_token, 0), "order");
	offset_token = token_find(analyzed, Max(order_token, 0), "offset");
	if (select_token < 0 || order_token < 1 || offset_token < 1)
		return;

	for (int i = 0; i < order.ncolumns; i++)
	{
		const char *name =
		quote_identifier(get_attname(rte->relid, order.columns[i], false));

		order.names[i] = pstrdup(name);
		if (writes_qualified(analyzed, rte->eref->aliasname))
			order.names[i] = psprintf("%s.%s",
									  quote_identifier(rte->eref->aliasname),
									  order.names[i]);
		params[i] = i == 0 ? offset->paramid : analyzed->nparams + i;
	}

	/* what the next page is asked for with has to be in this one */
	for (int i = 0; i < order.ncolumns; i++)
	{
		const char *name = get_attname(rte->relid, order.columns[i], false);
		bool		found = false;
		ListCell   *lc;

		foreach(lc, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);

			if (tle->resjunk || strcmp(tle->resname, name) != 0)
				continue;
			/* who takes it by its name must not get something else */
			if (!IsA(tle->expr, Var) ||
				((Var *) tle->expr)->varattno != order.columns[i] ||
				((Var *) tle->expr)->varlevelsup != 0)
				return;
			found = true;
		}
		if (found)
			continue;
		nadded++;
		edit_tokens(&edits, analyzed, select_token + 1, select_token + 1,
					psprintf("%s, ", order.names[i]));
	}

	comparison = written_comparison(&order, params);
	if (where_token < 0)
		edit_tokens(&edits, analyzed, order_token, order_token,
					psprintf("WHERE %s ", comparison));
	else if (query->jointree->quals != NULL &&
			 is_orclause(query->jointree->quals))
	{
		edit_tokens(&edits, analyzed, where_token + 1, where_token + 1, "(");
		edit_bytes(&edits, analyzed->tokens[order_token - 1].end,
				   analyzed->tokens[order_token - 1].end, ")");
		edit_tokens(&edits, analyzed, order_token, order_token,
					psprintf("AND %s ", comparison));
	}
	else
		edit_tokens(&edits, analyzed, order_token, order_token,
					psprintf("AND %s ", comparison));

	end = analyzed->ntokens;
	for (int i = order_token; i < end; i++)
	{
		if (analyzed->tokens[i].depth == 0 &&
			(token_is(analyzed, i, "limit") ||
			 token_is(analyzed, i, "offset") ||
			 token_is(analyzed, i, "fetch")))
			end = i;
	}
	for (int i = order.nwritten; i < order.ncolumns; i++)
		edit_bytes(&edits, analyzed->tokens[end - 1].end,
				   analyzed->tokens[end - 1].end,
				   psprintf(", %s%s", order.names[i],
							order.descending[i] ? " DESC" : ""));

	/* OFFSET $n, and what separates it from what is before it */
	end = offset_token + 2;
	if (token_is(analyzed, offset_token + 1, "cast"))
		end = token_after_parenthesis(analyzed, offset_token + 2);
	if (token_is(analyzed, end, "::"))
		end = token_after_type(analyzed, end + 1);
	if (token_is(analyzed, end, "row") || token_is(analyzed, end, "rows"))
		end++;
	edit_bytes(&edits, analyzed->tokens[offset_token - 1].end,
			   analyzed->tokens[end - 1].end, "");
	text = apply_edits(analyzed, &edits);

	/* $n is now the value of a column */
	analyzed->param_types[offset->paramid - 1] = InvalidOid;
	if (is_next_page(query, analyze_again(analyzed, text)->query, nadded, &order))
	{
		const char *typed = rewrite_typed(analyzed,
										  ((RewriteRequest *) arg)->source,
										  text);

		if (typed != NULL)
			rewrite_give((RewriteRequest *) arg, typed);
	}
}

char *
rewrite_keyset(const RewriteSource *source)
{
	return rewrite_make(source, make_keyset, 1);
}

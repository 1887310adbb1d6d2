/*-------------------------------------------------------------------------
 *
 * rewrite_join.c
 *		The statement whose rows are walked over, together with the one that
 *		is run for each of them.
 *
 * Where both are plain filters of one relation each, they become one LEFT
 * JOIN; otherwise the parent is a subquery, to each row of which the child's
 * rows are joined (LATERAL).  A join keeps no order but its own: that of the
 * parent, then its key's, then that of the child, as far as there are any; or
 * that of their rows' numbers, where they are ordered by what is not in their
 * output.
 *
 * src/rewrite/rewrite_join.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/tlist.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "rewrite/rewrite_internal.h"

typedef struct JoinRequest
{
	RewriteRequest common;		/* source: the parent */
	const RewriteSource *child;
	AnalyzedText *parent;
} JoinRequest;

typedef struct ParentJoin
{
	AnalyzedText *parent;
	AnalyzedText *child;
	int			key_param;		/* of the child */
	int		   *numbers;		/* of the child's parameters, by $n */
	int			key_output;		/* of the parent: which column is the key */
} ParentJoin;

/* Which output column is this one of a relation?  From 1; 0: none */
static int
output_of(Query *query, Oid relid, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Oid			tle_relid;
		AttrNumber	tle_attnum;

		if (!tle->resjunk && IsA(tle->expr, Var) &&
			shape_resolve_var(query, (Var *) tle->expr, &tle_relid,
							  &tle_attnum) &&
			tle_relid == relid && tle_attnum == attnum)
			return tle->resno;
	}
	return 0;
}

/* Numbers the child's parameters after the parent's, all but the key's */
static void
number_params(ParentJoin *join)
{
	int			highest = join->parent->nparams;

	join->numbers = palloc0_array(int, join->child->nparams + 1);
	for (int n = 1; n <= join->child->nparams; n++)
	{
		if (n != join->key_param && token_count_param(join->child, n) > 0)
			join->numbers[n] = ++highest;
	}
}

static void
edit_child_params(const ParentJoin *join, const char *key, int first, int end,
				  TextEdits *edits)
{
	for (int i = first; i < end; i++)
	{
		int			param = join->child->tokens[i].param;

		if (param > 0)
			edit_tokens(edits, join->child, i, i + 1,
						param == join->key_param ? key :
						psprintf("$%d", join->numbers[param]));
	}
}

/* Analyses a text with the parameters of both */
static AnalyzedText *
analyze_joined(const ParentJoin *join, const char *text)
{
	const AnalyzedText *parent = join->parent;
	const AnalyzedText *child = join->child;
	int			ntypes = parent->nparams + child->nparams;
	Oid		   *types = palloc0_array(Oid, ntypes + 1);

	if (parent->nparams > 0)
		memcpy(types, parent->param_types, sizeof(Oid) * parent->nparams);
	for (int n = 1; n <= child->nparams; n++)
	{
		if (join->numbers[n] > 0)
			types[join->numbers[n] - 1] = child->param_types[n - 1];
	}
	return analyze_with(text, types, ntypes);
}

/* Puts the child's parameters back, and its key's */
typedef struct ChildRestorer
{
	const ParentJoin *join;
	int			depth;			/* of queries around */
	int			parent_varno;
	int			child_varno;	/* 0: a subquery that has its own */
	AttrNumber	parent_attnum;
} ChildRestorer;

static Node *
restore_child(Node *node, ChildRestorer *restorer)
{
	const ParentJoin *join = restorer->join;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) copyObject(node);

		if (var->varlevelsup != restorer->depth)
			return (Node *) var;
		if (var->varno == restorer->parent_varno &&
			var->varattno == restorer->parent_attnum)
			return (Node *) rewrite_param(join->key_param,
										  join->child->param_types[join->key_param - 1]);
		if (var->varno == restorer->child_varno)
			var->varno = 1;
		compat_forget_nulling(var);
		return (Node *) var;
	}
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) copyObject(node);

		for (int n = 1; n <= join->child->nparams; n++)
		{
			if (join->numbers[n] == param->paramid)
			{
				param->paramid = n;
				return (Node *) param;
			}
		}
		return (Node *) param;
	}
	if (IsA(node, Query))
	{
		Query	   *result;

		restorer->depth++;
		result = query_tree_mutator((Query *) node, restore_child, restorer, 0);
		restorer->depth--;
		return (Node *) result;
	}
	return expression_tree_mutator(node, restore_child, restorer);
}

/* Is this output column's name there once? */
static bool
is_only_of_name(const Query *query, const TargetEntry *column)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		const TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle != column && !tle->resjunk &&
			strcmp(tle->resname, column->resname) == 0)
			return false;
	}
	return true;
}

/*
 * Appends the ORDER BY of a query, as that of its output columns under another
 * name; false if that is not possible
 */
static bool
append_order(StringInfo buf, const Query *query, const char *rows)
{
	ListCell   *lc;

	foreach(lc, query->sortClause)
	{
		SortGroupClause *sort = lfirst_node(SortGroupClause, lc);
		const TargetEntry *tle = get_sortgroupclause_tle(sort,
														 query->targetList);
		TypeCacheEntry *type = lookup_type_cache(exprType((Node *) tle->expr),
												 TYPECACHE_LT_OPR | TYPECACHE_GT_OPR);
		bool		descending = sort->sortop == type->gt_opr;

		if (tle->resjunk || !is_only_of_name(query, tle) ||
			(!descending && sort->sortop != type->lt_opr))
			return false;
		appendStringInfo(buf, "%s%s.%s%s%s", buf->len > 0 ? ", " : "", rows,
						 quote_identifier(tle->resname),
						 descending ? " DESC" : "",
						 sort->nulls_first == descending ? "" :
						 sort->nulls_first ? " NULLS FIRST" : " NULLS LAST");
	}
	return true;
}

/* A name that neither a token nor an output column has */
static char *
number_name(const AnalyzedText *analyzed)
{
	for (int i = 0;; i++)
	{
		char	   *name = unused_name(analyzed, i == 0 ? "n" : psprintf("n%d_", i));
		bool		used = false;
		ListCell   *lc;

		foreach(lc, analyzed->query->targetList)
		{
			const TargetEntry *tle = lfirst_node(TargetEntry, lc);

			used |= !tle->resjunk && strcmp(tle->resname, name) == 0;
		}
		if (!used)
			return name;
	}
}

/* One side of a join, a subquery */
typedef struct JoinSide
{
	const AnalyzedText *analyzed;
	char	   *name;			/* its alias */
	char	   *output;			/* "p.*" or its columns */
	char	   *from;			/* its text */
	char	   *order;			/* of its rows; "" if there is none */
	bool		numbered;		/* the statement is in a further subquery */
} JoinSide;

/* False if its rows cannot be ordered by their numbers */
static bool
make_side(JoinSide *side, const AnalyzedText *analyzed, char *name,
		  char *text, bool ordered)
{
	StringInfoData order;
	StringInfoData output;
	char	   *number;
	ListCell   *lc;

	side->analyzed = analyzed;
	side->name = name;
	side->output = psprintf("%s.*", name);
	side->from = text;
	side->order = "";
	side->numbered = false;
	if (!ordered || analyzed->query->sortClause == NIL)
		return true;
	initStringInfo(&order);
	if (append_order(&order, analyzed->query, name))
	{
		side->order = order.data;
		return true;
	}

	number = number_name(analyzed);
	initStringInfo(&output);
	foreach(lc, analyzed->query->targetList)
	{
		const TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		if (!is_only_of_name(analyzed->query, tle))
			return false;
		appendStringInfo(&output, "%s%s.%s", output.len > 0 ? ", " : "", name,
						 quote_identifier(tle->resname));
	}
	side->numbered = true;
	side->output = output.data;
	side->order = psprintf("%s.%s", name, number);
	side->from = psprintf("SELECT %s.*, row_number() OVER () AS %s FROM (%s) AS %s",
						  name, number, text, name);
	return true;
}

/* The statement that is in a side, as analysed again */
static Query *
query_of_side(const JoinSide *side, const Query *made, int varno)
{
	const RangeTblEntry *rte = rt_fetch(varno, made->rtable);

	if (rte->rtekind != RTE_SUBQUERY || !side->numbered)
		return rte->subquery;
	rte = linitial_node(RangeTblEntry, rte->subquery->rtable);
	return rte->subquery;
}

static char *
join_lateral(ParentJoin *join)
{
	AnalyzedText *parent = join->parent;
	AnalyzedText *child = join->child;
	TargetEntry *key = list_nth_node(TargetEntry, parent->query->targetList,
									 join->key_output - 1);
	char	   *rows = unused_name(child, "p");
	char	   *children = unused_name(child, "c");
	bool		ordered = parent->query->sortClause != NIL;
	ChildRestorer restorer = {join, 0, 1, 0, join->key_output};
	TextEdits	edits = {0};
	JoinSide	first;
	JoinSide	second;
	StringInfoData text;
	Query	   *made;

	if (!is_only_of_name(parent->query, key) ||
		!OidIsValid(lookup_type_cache(exprType((Node *) key->expr),
									  TYPECACHE_LT_OPR)->lt_opr) ||
		parent->query->rowMarks != NIL || child->query->rowMarks != NIL ||
		exprType((Node *) key->expr) !=
		child->param_types[join->key_param - 1])
		return NULL;

	edit_child_params(join, psprintf("%s.%s", rows,
									 quote_identifier(key->resname)),
					  0, child->ntokens, &edits);
	if (!make_side(&first, parent, rows, parent->text, ordered) ||
		!make_side(&second, child, children, apply_edits(child, &edits),
				   ordered))
		return NULL;
	initStringInfo(&text);
	appendStringInfo(&text, "SELECT %s, %s FROM (%s) AS %s LEFT JOIN LATERAL (%s) AS %s ON true",
					 first.output, second.output, first.from, rows,
					 second.from, children);
	if (ordered)
	{
		appendStringInfo(&text, " ORDER BY %s", first.order);
		/* the rows of one parent stay together */
		if (!first.numbered && key->ressortgroupref == 0)
			appendStringInfo(&text, ", %s.%s", rows,
							 quote_identifier(key->resname));
		if (second.order[0] != '\0')
			appendStringInfo(&text, ", %s", second.order);
	}

	made = analyze_joined(join, text.data)->query;
	if (list_length(made->rtable) != 3 ||
		!equal(query_of_side(&first, made, 1), parent->query))
		return NULL;
	restorer.depth = second.numbered;
	return equal(restore_child((Node *) query_of_side(&second, made, 2),
							   &restorer), child->query) ? text.data : NULL;
}

/* Is it SELECT ... FROM one relation [WHERE ...] [ORDER BY ...]? */
static bool
is_plain(const AnalyzedText *analyzed)
{
	const Query *query = analyzed->query;
	RangeTblEntry *rte = only_relation(query);

	return rte != NULL && rewrite_filters_rows(query) &&
		list_length(query->rtable) == 1 && query->rowMarks == NIL &&
		!query->hasTargetSRFs && !query->hasSubLinks &&
		query->cteList == NIL && rte->tablesample == NULL &&
		token_is(analyzed, 0, "select") && token_find(analyzed, 0, "from") > 1;
}

/* Does the output list of one query continue the other's? */
static bool
same_output(List *made, int skip, List *original, ChildRestorer *restorer)
{
	ListCell   *lc;
	int			n = skip;

	foreach(lc, original)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);
		Node	   *expr;

		if (tle->resjunk)
			continue;
		if (n >= list_length(made))
			return false;
		expr = (Node *) list_nth_node(TargetEntry, made, n++)->expr;
		if (restorer != NULL)
			expr = restore_child(expr, restorer);
		if (!equal(expr, tle->expr))
			return false;
	}
	return true;
}

static int
visible_outputs(const List *list)
{
	int			n = 0;
	ListCell   *lc;

	foreach(lc, list)
		n += !lfirst_node(TargetEntry, lc)->resjunk;
	return n;
}

static char *
join_plain(ParentJoin *join, AttrNumber key_attnum)
{
	AnalyzedText *parent = join->parent;
	AnalyzedText *child = join->child;
	ChildRestorer restorer = {join, 0, 1, 2, key_attnum};
	TextEdits	parent_edits = {0};
	TextEdits	child_edits = {0};
	RangeTblEntry *rte;
	JoinExpr   *made_join;
	int			parent_from;
	int			parent_where;
	int			parent_end;
	int			child_from;
	int			child_where;
	char	   *text;
	Query	   *made;

	if (!is_plain(parent) || !is_plain(child) ||
		child->query->sortClause != NIL)
		return NULL;
	rte = only_relation(parent->query);
	if (strcmp(rte->eref->aliasname,
			   only_relation(child->query)->eref->aliasname) == 0)
		return NULL;
	parent_from = token_find(parent, 0, "from");
	child_from = token_find(child, 0, "from");
	child_where = token_find(child, 0, "where");
	if (child_where < 0)
		return NULL;

	/* the parent's FROM ends where its WHERE or ORDER BY begins */
	parent_where = token_find(parent, 0, "where");
	parent_end = parent_where > 0 ? parent_where :
		token_find(parent, 0, "order");
	if (parent_end < 0)
		parent_end = parent->ntokens;

	rewrite_qualify(parent, 1, &parent_edits);
	rewrite_qualify(child, 1, &child_edits);
	edit_child_params(join,
					  psprintf("%s.%s",
							   quote_identifier(rte->eref->aliasname),
							   quote_identifier(get_attname(rte->relid,
															key_attnum,
															false))),
					  0, child->ntokens, &child_edits);

	text = psprintf("%s, %s %s LEFT JOIN %s ON %s%s%s",
					apply_edits_between(parent, &parent_edits, 0, parent_from),
					apply_edits_between(child, &child_edits, 1, child_from),
					apply_edits_between(parent, &parent_edits, parent_from, parent_end),
					apply_edits_between(child, &child_edits, child_from + 1, child_where),
					apply_edits_between(child, &child_edits, child_where + 1, child->ntokens),
					parent_end < parent->ntokens ? " " : "",
					apply_edits_between(parent, &parent_edits, parent_end, parent->ntokens));

	made = analyze_joined(join, text)->query;
	if (list_length(made->rtable) != 3 ||
		list_length(made->jointree->fromlist) != 1)
		return NULL;
	made_join = linitial(made->jointree->fromlist);
	if (!IsA(made_join, JoinExpr) || made_join->jointype != JOIN_LEFT ||
		rt_fetch(1, made->rtable)->relid != rte->relid ||
		rt_fetch(2, made->rtable)->relid !=
		only_relation(child->query)->relid ||
		visible_outputs(made->targetList) !=
		visible_outputs(parent->query->targetList) +
		visible_outputs(child->query->targetList) ||
		!same_output(made->targetList, 0, parent->query->targetList, NULL) ||
		!same_output(made->targetList,
					 visible_outputs(parent->query->targetList),
					 child->query->targetList, &restorer) ||
		!equal(restore_child(made_join->quals, &restorer),
			   child->query->jointree->quals) ||
		!equal(made->jointree->quals, parent->query->jointree->quals) ||
		!equal(made->sortClause, parent->query->sortClause))
		return NULL;
	return text;
}

/* AnalyzedCallback for the child, within that for the parent */
static void
make_with_child(void *arg, AnalyzedText *child)
{
	JoinRequest *request = (JoinRequest *) arg;
	const RewriteSource *source = request->common.source;
	Query	   *parent = request->parent->query;
	ParentJoin	join = {.parent = request->parent,.child = child};
	RangeTblEntry *rte = only_relation(parent);
	List	   *conditions;
	const KeyCondition *key;
	char	   *text = NULL;

	if (!rewrite_reads_safely(child->query, request->child))
		return;
	conditions = rewrite_conditions(child);
	key = rewrite_key(conditions, request->child);
	if (key == NULL ||
		list_length(rewrite_varying(child, conditions, request->child, key)) > 1)
		return;
	join.key_param = key->param;
	number_params(&join);
	join.key_output = output_of(parent, source->key_relid,
								source->key_attnum);

	if (request->common.attempt == 0 && rte != NULL &&
		rte->relid == source->key_relid)
		text = join_plain(&join, source->key_attnum);
	if (text == NULL && join.key_output > 0)
		text = join_lateral(&join);
	if (text != NULL)
		rewrite_give(&request->common, text);
}

/* AnalyzedCallback */
static void
make_joined(void *arg, AnalyzedText *parent)
{
	JoinRequest *request = (JoinRequest *) arg;

	if (!rewrite_reads_safely(parent->query, request->common.source))
		return;
	request->parent = parent;
	for (; request->common.attempt < 2; request->common.attempt++)
	{
		request->common.result = NULL;
		if (analyzed_call(request->child, make_with_child, request))
			break;
	}
}

char *
rewrite_joined(const RewriteSource *parent, const RewriteSource *child)
{
	JoinRequest request = {{parent, 0, CurrentMemoryContext, NULL}, child, NULL};

	if (!analyzed_call(parent, make_joined, &request))
		return NULL;
	return request.common.result;
}

/*-------------------------------------------------------------------------
 *
 * rewrite_batch.c
 *		One SELECT for a list of keys, in place of one for each key.
 *
 * Three forms.  Of a statement that only filters rows, the condition becomes
 * "= ANY" (form_any).  A single row of counts and sums is grouped by the key
 * and joined to the list, for a key that has no rows has a count too
 * (form_grouped).  Everything else, with LIMIT, DISTINCT, UNION, conditions in
 * subqueries and so on, is run for each key of the list inside the server
 * (form_lateral): always right, and still one round trip.
 *
 * src/rewrite_batch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "compat.h"
#include "rewrite_internal.h"

/* The condition whose value varies, and what is made of it */
typedef struct Batch
{
	AnalyzedText *analyzed;
	Node	   *condition;		/* OpExpr and the like */
	Node	   *key;			/* its side that the columns are on */
	Var		   *column;			/* if that is a column, else NULL */
	Node	   *value;			/* its other side */
	bool		value_first;
	int			param;			/* the $n in value */
	int			token;			/* of $n, if there is one only, or -1 */
	Oid			element_type;	/* of $n */
	char	   *key_name;		/* a column's, quoted as needed */
} Batch;

/* The node whose place in the text is that of the condition */
static int
condition_location(const Node *condition)
{
	if (IsA(condition, ScalarArrayOpExpr))
		return ((const ScalarArrayOpExpr *) condition)->location;
	return ((const OpExpr *) condition)->location;
}

/* Is it among the AND-ed conditions of the topmost query? */
static bool
restricts_all(const Node *node, const Node *condition)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (node == condition)
		return true;
	if (IsA(node, FromExpr))
	{
		const FromExpr *from = (const FromExpr *) node;

		foreach(lc, from->fromlist)
		{
			if (restricts_all(lfirst(lc), condition))
				return true;
		}
		return restricts_all(from->quals, condition);
	}
	if (IsA(node, JoinExpr))
	{
		const JoinExpr *join = (const JoinExpr *) node;

		return join->jointype == JOIN_INNER &&
			(restricts_all(join->larg, condition) ||
			 restricts_all(join->rarg, condition) ||
			 restricts_all(join->quals, condition));
	}
	if (is_andclause(node))
	{
		foreach(lc, ((const BoolExpr *) node)->args)
		{
			if (restricts_all(lfirst(lc), condition))
				return true;
		}
	}
	return false;
}

/* Is the answer one row of aggregates whose values for no rows are known? */
static bool
aggregates_only(const Query *query)
{
	ListCell   *lc;

	if (!query->hasAggs || query->setOperations != NULL ||
		query->groupClause != NIL || query->groupingSets != NIL ||
		query->havingQual != NULL || query->hasWindowFuncs ||
		query->distinctClause != NIL || query->limitCount != NULL ||
		query->limitOffset != NULL || query->sortClause != NIL ||
		query->hasTargetSRFs || query->rowMarks != NIL)
		return false;
	foreach(lc, query->targetList)
	{
		const TargetEntry *tle = lfirst_node(TargetEntry, lc);
		char	   *name;

		if (!IsA(tle->expr, Aggref) ||
			((const Aggref *) tle->expr)->agglevelsup != 0 ||
			((const Aggref *) tle->expr)->aggfnoid >= FirstNormalObjectId)
			return false;
		name = get_func_name(((const Aggref *) tle->expr)->aggfnoid);
		if (strcmp(name, "count") != 0 && strcmp(name, "sum") != 0 &&
			strcmp(name, "min") != 0 && strcmp(name, "max") != 0 &&
			strcmp(name, "avg") != 0)
			return false;
	}
	return true;
}

/*
 * May the key that comes back look different from the one that was asked for?
 */
static bool
equal_but_different(const Batch *batch)
{
	Oid			type = getBaseType(exprType(batch->key));
	Oid			collation = exprCollation(batch->key);

	if (type >= FirstNormalObjectId && !type_is_enum(type))
		return true;
	return OidIsValid(collation) && !get_collation_isdeterministic(collation);
}

/*
 * "$n::type[]", for the value as it is compared; NULL if that is more than $n
 * as it comes.
 */
static char *
written_list(const Batch *batch)
{
	Node	   *value = batch->value;
	Param	   *param = param_of(value, true);
	Oid			type;

	if (param == NULL)
		return NULL;

	/* what is added without being written is added again */
	while (!IsA(value, Param))
	{
		if (IsA(value, RelabelType) &&
			((RelabelType *) value)->relabelformat == COERCE_IMPLICIT_CAST)
			value = (Node *) ((RelabelType *) value)->arg;
		else if (IsA(value, FuncExpr) &&
				 ((FuncExpr *) value)->funcformat == COERCE_IMPLICIT_CAST)
			value = linitial(((FuncExpr *) value)->args);
		else
			break;
	}
	type = exprType(value);
	if (type != param->paramtype || !OidIsValid(get_array_type(type)) ||
		get_typtype(type) == TYPTYPE_PSEUDO)
		return NULL;
	return psprintf("$%d::%s", batch->param,
					written_type(type, exprTypmod(value), true));
}

/*
 * Writes the condition as "key = ANY (list)".  False if its text is not of a
 * form that is known.
 */
static bool
edit_condition(const Batch *batch, const char *list, TextEdits *edits)
{
	const AnalyzedText *analyzed = batch->analyzed;
	int			operator = token_at(analyzed,
									condition_location(batch->condition));
	int			param = batch->token;
	int			first = operator;
	int			end;
	const char *column = "";

	if (operator < 0 || param < 0)
		return false;

	/* the value, from first to end */
	if (batch->value_first)
	{
		if (!token_is(analyzed, operator, "="))
			return false;
		first = param;
		end = param + 1;
		if (token_is(analyzed, end, "::"))
			end = token_after_type(analyzed, end + 1);
		else if (param >= 2 && token_is(analyzed, param - 2, "cast"))
		{
			first = param - 2;
			end = token_after_parenthesis(analyzed, param - 1);
		}
		if (end != operator)
			return false;
		end = token_after_name(analyzed, operator + 1);
		column = psprintf("%s ", tokens_text(analyzed, operator + 1, end));
	}
	else if (token_is(analyzed, operator, "in") ||
			 (token_is(analyzed, operator, "=") &&
			  token_is(analyzed, operator + 1, "(") && param == operator + 2))
		end = token_after_parenthesis(analyzed, operator + 1);
	else if (!token_is(analyzed, operator, "="))
		return false;
	else if (token_is(analyzed, operator + 1, "cast") && param == operator + 3)
		end = token_after_parenthesis(analyzed, operator + 2);
	else if (param == operator + 1)
	{
		end = param + 1;
		if (token_is(analyzed, end, "::"))
			end = token_after_type(analyzed, end + 1);
	}
	else
		return false;

	edit_tokens(edits, analyzed, first, end,
				psprintf("%s= ANY (%s)", column, list));
	return true;
}

/* Puts an expression in front of the output; false if there is no place */
static bool
edit_output(const AnalyzedText *analyzed, const char *expression,
			TextEdits *edits)
{
	int			select = token_find(analyzed, 0, "select");

	if (select < 0)
		return false;
	if (token_is(analyzed, select + 1, "all"))
		select++;
	if (select + 1 >= analyzed->ntokens)
		return false;
	edit_tokens(edits, analyzed, select + 1, select + 1,
				psprintf("%s, ", expression));
	return true;
}

/* Text of the key column as the condition has it */
static char *
written_column(const Batch *batch)
{
	int			token = token_at(batch->analyzed, batch->column->location);

	if (token < 0)
		return NULL;
	return tokens_text(batch->analyzed, token,
					   token_after_name(batch->analyzed, token));
}

static bool
is_in_output(const Query *query, const Var *column)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && equal(tle->expr, column))
			return true;
	}
	return false;
}

/* Puts TRUE for the condition: that of the batch, or the one made of it */
typedef struct ConditionBlanker
{
	const Batch *batch;
	bool		original;
	int			replaced;
} ConditionBlanker;

static bool
is_made_condition(const Batch *batch, const ScalarArrayOpExpr *made)
{
	const OpExpr *original = (const OpExpr *) batch->condition;
	Param	   *param = param_of(lsecond(made->args), true);
	Oid			opno = original->opno;

	if (batch->value_first)
		opno = get_commutator(opno);
	return made->useOr && made->opno == opno &&
		made->inputcollid == original->inputcollid &&
		param != NULL && param->paramid == batch->param &&
		equal(linitial(made->args), batch->key);
}

static Node *
blank_condition(Node *node, ConditionBlanker *blanker)
{
	if (node == NULL)
		return NULL;
	if (blanker->original ?
		IsA(node, OpExpr) && condition_location(node) ==
		condition_location(blanker->batch->condition) :
		IsA(node, ScalarArrayOpExpr) &&
		is_made_condition(blanker->batch, (ScalarArrayOpExpr *) node))
	{
		blanker->replaced++;
		return makeBoolConst(true, false);
	}
	if (IsA(node, Query))
		return (Node *) query_tree_mutator((Query *) node, blank_condition,
										   blanker, 0);
	return expression_tree_mutator(node, blank_condition, blanker);
}

/* Are two queries the same but for the condition? */
static bool
same_but_condition(const Batch *batch, Query *made)
{
	ConditionBlanker original = {batch, true, 0};
	ConditionBlanker other = {batch, false, 0};
	Node	   *a = blank_condition((Node *) batch->analyzed->query, &original);
	Node	   *b = blank_condition((Node *) made, &other);

	return original.replaced == 1 && other.replaced == 1 && equal(a, b);
}

/* Takes away the first output column, which was added */
static void
remove_first_output(Query *query)
{
	ListCell   *lc;

	query->targetList = list_delete_first(query->targetList);
	foreach(lc, query->targetList)
		lfirst_node(TargetEntry, lc)->resno--;
}

static char *
form_any(const Batch *batch)
{
	const Query *query = batch->analyzed->query;
	char	   *list = written_list(batch);
	TextEdits	edits = {0};
	bool		added = false;
	char	   *text;
	Query	   *made;

	if (list == NULL || !edit_condition(batch, list, &edits))
		return NULL;
	if (!is_in_output(query, batch->column))
	{
		char	   *column = written_column(batch);

		added = true;
		if (column == NULL ||
			!edit_output(batch->analyzed, column, &edits))
			return NULL;
	}
	text = apply_edits(batch->analyzed, &edits);

	made = analyze_again(batch->analyzed, text)->query;
	if (added)
	{
		TargetEntry *first = linitial_node(TargetEntry, made->targetList);

		if (!equal(first->expr, batch->column) || first->ressortgroupref != 0)
			return NULL;
		remove_first_output(made);
	}
	return same_but_condition(batch, made) ? text : NULL;
}

/* Names for the output columns, each once; the first is the key's */
static List *
output_names(const Batch *batch)
{
	List	   *names = list_make1(makeString(batch->key_name));
	ListCell   *lc;

	foreach(lc, batch->analyzed->query->targetList)
	{
		const char *base = lfirst_node(TargetEntry, lc)->resname;
		char	   *name = pstrdup(quote_identifier(base));

		for (int n = 1; list_member(names, makeString(name)); n++)
			name = pstrdup(quote_identifier(psprintf("%s_%d", base, n)));
		names = lappend(names, makeString(name));
	}
	return names;
}

/* The subquery in the FROM list; NULL if there is none */
static Query *
subquery_of(const Query *query)
{
	ListCell   *lc;

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_SUBQUERY)
			return rte->subquery;
	}
	return NULL;
}

static char *
form_grouped(const Batch *batch)
{
	AnalyzedText *analyzed = batch->analyzed;
	OpExpr	   *condition = (OpExpr *) batch->condition;
	char	   *list = written_list(batch);
	char	   *column = written_column(batch);
	char	   *keys = unused_name(analyzed, "k");
	char	   *rows = unused_name(analyzed, "q");
	TextEdits	edits = {0};
	StringInfoData buf;
	List	   *names;
	ListCell   *lc;
	ListCell   *name;
	Query	   *made;
	Query	   *grouped;
	JoinExpr   *join;
	OpExpr	   *joined_by;

	if (list == NULL || column == NULL ||
		!edit_condition(batch, list, &edits) ||
		!edit_output(analyzed, column, &edits))
		return NULL;
	edit_tokens(&edits, analyzed, analyzed->ntokens, analyzed->ntokens,
				psprintf(" GROUP BY %s", column));

	names = output_names(batch);
	initStringInfo(&buf);
	appendStringInfo(&buf, "SELECT %s.%s", keys, batch->key_name);
	forboth(lc, analyzed->query->targetList, name, list_copy_tail(names, 1))
	{
		Aggref	   *aggregate = (Aggref *) lfirst_node(TargetEntry, lc)->expr;
		const char *column_name = strVal(lfirst(name));

		/* what a count of no rows is */
		if (aggregate->aggfnoid == F_COUNT_ || aggregate->aggfnoid == F_COUNT_ANY)
			appendStringInfo(&buf, ", coalesce(%s.%s, 0) AS %s", rows,
							 column_name, column_name);
		else
			appendStringInfo(&buf, ", %s.%s", rows, column_name);
	}
	appendStringInfo(&buf, " FROM unnest(%s) AS %s(%s) LEFT JOIN (%s) AS %s(",
					 list, keys, batch->key_name,
					 apply_edits(analyzed, &edits), rows);
	foreach(name, names)
		appendStringInfo(&buf, "%s%s", name == list_head(names) ? "" : ", ",
						 strVal(lfirst(name)));
	appendStringInfo(&buf, ") ON %s.%s = %s.%s", rows, batch->key_name, keys,
					 batch->key_name);

	made = analyze_again(batch->analyzed, buf.data)->query;
	grouped = subquery_of(made);
	join = linitial(made->jointree->fromlist);
	if (grouped == NULL || !IsA(join, JoinExpr) || !IsA(join->quals, OpExpr) ||
		list_length(grouped->groupClause) != 1)
		return NULL;
	compat_ungroup(grouped);

	/* equal keys are one group, and joined as they were compared */
	joined_by = (OpExpr *) join->quals;
	if (joined_by->opno != (batch->value_first ?
							get_commutator(condition->opno) : condition->opno) ||
		!equality_ops_are_compatible(joined_by->opno,
									 linitial_node(SortGroupClause, grouped->groupClause)->eqop) ||
		!equal(linitial_node(TargetEntry, grouped->targetList)->expr,
			   batch->column))
		return NULL;
	grouped->groupClause = NIL;
	remove_first_output(grouped);
	return same_but_condition(batch, grouped) ? buf.data : NULL;
}

/* Puts $n back for the key of the list, as seen from within a subquery */
typedef struct KeyRestorer
{
	const Batch *batch;
	int			depth;			/* of queries around */
} KeyRestorer;

static Node *
restore_key(Node *node, KeyRestorer *restorer)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varlevelsup == restorer->depth && var->varno == 1)
			return (Node *) rewrite_param(restorer->batch->param,
										  restorer->batch->element_type);
		return (Node *) copyObject(var);
	}
	if (IsA(node, Query))
	{
		Query	   *result;

		restorer->depth++;
		result = query_tree_mutator((Query *) node, restore_key, restorer, 0);
		restorer->depth--;
		return (Node *) result;
	}
	return expression_tree_mutator(node, restore_key, restorer);
}

static char *
form_lateral(const Batch *batch)
{
	AnalyzedText *analyzed = batch->analyzed;
	char	   *keys = unused_name(analyzed, "k");
	char	   *rows = unused_name(analyzed, "q");
	KeyRestorer restorer = {batch, 0};
	TextEdits	edits = {0};
	char	   *text;
	Query	   *made;

	if (analyzed->query->rowMarks != NIL ||
		!rewrite_can_unnest(batch->element_type))
		return NULL;
	for (int i = 0; i < analyzed->ntokens; i++)
	{
		if (analyzed->tokens[i].param == batch->param)
			edit_tokens(&edits, analyzed, i, i + 1,
						psprintf("%s.%s", keys, batch->key_name));
	}
	text = psprintf("SELECT %s.%s, %s.* FROM unnest($%d::%s) AS %s(%s) CROSS JOIN LATERAL (%s) AS %s",
					keys, batch->key_name, rows, batch->param,
					written_type(batch->element_type, -1, true),
					keys, batch->key_name, apply_edits(analyzed, &edits),
					rows);

	made = subquery_of(analyze_again(batch->analyzed, text)->query);
	if (made == NULL ||
		!equal(restore_key((Node *) made, &restorer), analyzed->query))
		return NULL;
	return text;
}

/* Looks for conditions on the key, in the query and those inside it */
typedef struct KeyFinder
{
	const RewriteSource *source;
	Query	   *query;			/* the one being walked */
	Batch	   *batch;
	bool		ambiguous;
} KeyFinder;

static bool
only_param_walker(Node *node, Param **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Param) && ((Param *) node)->paramkind == PARAM_EXTERN)
	{
		if (*found != NULL && (*found)->paramid != ((Param *) node)->paramid)
			return true;
		*found = (Param *) node;
		return false;
	}
	if (IsA(node, Var) || IsA(node, SubLink))
		return true;
	return expression_tree_walker(node, only_param_walker, found);
}

static bool
first_var_walker(Node *node, Var **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		*found = (Var *) node;
		return true;
	}
	if (IsA(node, SubLink))
		return false;
	return expression_tree_walker(node, first_var_walker, found);
}

static Node *
without_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Takes this condition if it is one on the key */
static void
consider(KeyFinder *finder, Node *condition, Node *key, Node *value,
		 bool value_first)
{
	const RewriteSource *source = finder->source;
	Batch	   *batch = finder->batch;
	Param	   *param = NULL;
	Var		   *column = NULL;
	Oid			relid;
	AttrNumber	attnum;

	if (only_param_walker(value, &param) || param == NULL ||
		!first_var_walker(key, &column) ||
		!shape_resolve_var(finder->query, column, &relid, &attnum))
		return;
	if (without_relabel(key) != (Node *) column)
	{
		column = NULL;
		attnum = 0;
	}
	if (OidIsValid(source->key_relid) &&
		(source->key_relid != relid || source->key_attnum != attnum))
		return;

	if (batch->condition != NULL)
	{
		if (batch->param != param->paramid)
			finder->ambiguous = true;
		return;
	}
	batch->condition = condition;
	batch->key = key;
	batch->column = column;
	batch->value = value;
	batch->value_first = value_first;
	batch->param = param->paramid;
	batch->key_name = "key";
	if (attnum > 0)
		batch->key_name =
			pstrdup(quote_identifier(get_attname(relid, attnum, false)));
}

static bool
find_key_walker(Node *node, KeyFinder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *outer = finder->query;

		finder->query = (Query *) node;
		(void) query_tree_walker((Query *) node, find_key_walker, finder, 0);
		finder->query = outer;
		return false;
	}
	if (IsA(node, OpExpr) || IsA(node, DistinctExpr))
	{
		OpExpr	   *op = (OpExpr *) node;

		if (list_length(op->args) == 2)
		{
			char	   *name = get_opname(op->opno);

			if (name != NULL && strcmp(name, "=") == 0)
			{
				consider(finder, node, linitial(op->args), lsecond(op->args),
						 false);
				consider(finder, node, lsecond(op->args), linitial(op->args),
						 true);
			}
		}
	}
	else if (IsA(node, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;
		Node	   *array = lsecond(op->args);

		if (op->useOr && IsA(array, ArrayExpr) &&
			list_length(((ArrayExpr *) array)->elements) == 1)
			consider(finder, node, linitial(op->args),
					 linitial(((ArrayExpr *) array)->elements), false);
	}
	return expression_tree_walker(node, find_key_walker, finder);
}

/* The condition on the key, into *batch; false if there is none, or several */
static bool
find_key(AnalyzedText *analyzed, const RewriteSource *source, Batch *batch)
{
	KeyFinder	finder = {.source = source,.batch = batch};

	memset(batch, 0, sizeof(Batch));
	batch->analyzed = analyzed;
	batch->token = -1;
	(void) find_key_walker((Node *) analyzed->query, &finder);
	if (batch->condition == NULL || finder.ambiguous)
		return false;
	batch->element_type = analyzed->param_types[batch->param - 1];
	if (token_count_param(analyzed, batch->param) == 1)
	{
		for (int i = 0; i < analyzed->ntokens; i++)
		{
			if (analyzed->tokens[i].param == batch->param)
				batch->token = i;
		}
	}
	return true;
}

int
rewrite_key_param(AnalyzedText *analyzed, const RewriteSource *source)
{
	Batch		batch;

	return find_key(analyzed, source, &batch) ? batch.param : 0;
}

/* Is it "column = $n", AND-ed, in the topmost query? */
static bool
is_simple_condition(const Batch *batch)
{
	return batch->column != NULL && batch->column->varlevelsup == 0 &&
		IsA(batch->condition, OpExpr) &&
		restricts_all((Node *) batch->analyzed->query->jointree,
					  batch->condition);
}

char *
rewrite_condition_as_list(AnalyzedText *analyzed, const RewriteSource *source)
{
	Batch		batch;
	TextEdits	edits = {0};
	char	   *list;
	char	   *text;

	if (!find_key(analyzed, source, &batch) || !is_simple_condition(&batch))
		return NULL;
	list = written_list(&batch);
	if (list == NULL || !edit_condition(&batch, list, &edits))
		return NULL;
	text = apply_edits(analyzed, &edits);
	return same_but_condition(&batch, analyze_again(analyzed, text)->query) ? text : NULL;
}

/* AnalyzedCallback */
static void
make_batched(void *arg, AnalyzedText *analyzed)
{
	RewriteRequest *request = (RewriteRequest *) arg;
	Query	   *query = analyzed->query;
	Batch		batch;
	char	   *text = NULL;

	if (query->commandType != CMD_SELECT || query->hasModifyingCTE ||
		contain_volatile_functions((Node *) query) ||
		!find_key(analyzed, request->source, &batch))
		return;

	/* if a form was not valid here it has raised, and the last one is left */
	if (request->attempt == 0 && is_simple_condition(&batch))
	{
		if (rewrite_filters_rows(query) && !equal_but_different(&batch))
			text = form_any(&batch);
		else if (aggregates_only(query))
			text = form_grouped(&batch);
	}
	if (text == NULL)
		text = form_lateral(&batch);
	if (text != NULL)
		rewrite_give(request, text);
}

char *
rewrite_batched(const RewriteSource *source)
{
	return rewrite_make(source, make_batched, 2);
}

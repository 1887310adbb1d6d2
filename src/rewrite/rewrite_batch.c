/*-------------------------------------------------------------------------
 *
 * rewrite_batch.c
 *		One SELECT for a list of keys, in place of one for each key.
 *
 * Four forms.  Of a statement that only filters rows, the condition becomes
 * "= ANY" (form_any), or several whose values varied become "(a, b) IN (SELECT
 * * FROM unnest(...))" (form_pairs).  A single row of counts and sums is
 * grouped by the key and joined to the list, for a key that has no rows has a
 * count too (form_grouped).  Everything else, with LIMIT, DISTINCT, UNION,
 * conditions in subqueries, other values that varied and so on, is run for
 * each row of values inside the server (form_lateral): always right, and still
 * one round trip.
 *
 * A LIMIT is left out where the key is unique: there is one row at most.
 *
 * src/rewrite/rewrite_batch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_collation.h"
#include "catalog/pg_class.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parse_coerce.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "common/compat.h"
#include "rewrite/rewrite_internal.h"
#include "rewrite/tableindex.h"

/* The condition whose value varies, and what is made of it */
typedef struct Batch
{
	AnalyzedText *analyzed;
	List	   *conditions;		/* KeyCondition: all of them */
	List	   *varying;		/* numbers of the parameters that vary */
	const KeyCondition *on;		/* the condition; NULL: none in particular */
	Node	   *condition;		/* its fields, or NULL and 0 */
	Node	   *key;
	Var		   *column;
	Node	   *value;
	bool		value_first;
	int			param;
	int			token;
	char	   *key_name;		/* a column's, quoted as needed */
	Query	   *filter;			/* the query, without the LIMIT that is left
								 * out ... */
	int			limit;			/* ... which begins at this token; 0: none */
	int			limit_end;
} Batch;

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
equal_but_different(const KeyCondition *on)
{
	Oid			type = getBaseType(exprType(on->key));
	Oid			other = getBaseType(exprType(on->value));
	Oid			collation = exprCollation(on->key);

	if ((type >= FirstNormalObjectId && !type_is_enum(type)) ||
		type == BPCHAROID)
		return true;
	if (type != other && (TypeCategory(type) != TypeCategory(other) ||
						  TypeCategory(type) == TYPCATEGORY_DATETIME))
		return true;
	return OidIsValid(collation) && !get_collation_isdeterministic(collation);
}

/*
 * "$n::type[]", for the value as it is compared; NULL if that is more than $n
 * as it comes.
 */
static char *
written_list(const KeyCondition *on)
{
	Node	   *value = on->value;
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
	return psprintf("$%d::%s", on->param,
					written_type(type, exprTypmod(value), true));
}

/*
 * Finds the tokens of a condition, from *first up to *end, and where its
 * column begins and ends.  False if its text is not of a form that is known.
 */
static bool
find_text(const AnalyzedText *analyzed, const KeyCondition *on, int *first,
		  int *end, int *column, int *column_end)
{
	int			operator =
	token_at(analyzed, rewrite_condition_location(on->condition));
	int			param = on->token;

	*column = on->column != NULL ? token_at(analyzed, on->column->location) : -1;
	if (operator < 0 || param < 0 || *column < 0)
		return false;
	*column_end = token_after_name(analyzed, *column);

	if (on->value_first)
	{
		if (!token_is(analyzed, operator, "=") || *column != operator + 1)
			return false;
		*first = param;
		*end = param + 1;
		if (token_is(analyzed, *end, "::"))
			*end = token_after_type(analyzed, *end + 1);
		else if (param >= 2 && token_is(analyzed, param - 2, "cast"))
		{
			*first = param - 2;
			*end = token_after_parenthesis(analyzed, param - 1);
		}
		if (*end != operator)
			return false;
		*end = *column_end;
		return true;
	}

	*first = *column;
	if (*column_end != operator)
		return false;
	if (token_is(analyzed, operator, "in") ||
		(token_is(analyzed, operator, "=") &&
		 token_is(analyzed, operator + 1, "(") && param == operator + 2))
		*end = token_after_parenthesis(analyzed, operator + 1);
	else if (!token_is(analyzed, operator, "="))
		return false;
	else if (token_is(analyzed, operator + 1, "cast") && param == operator + 3)
		*end = token_after_parenthesis(analyzed, operator + 2);
	else if (param == operator + 1)
	{
		*end = param + 1;
		if (token_is(analyzed, *end, "::"))
			*end = token_after_type(analyzed, *end + 1);
	}
	else
		return false;
	return true;
}

/* Writes the condition as "column = ANY (list)" */
static bool
edit_condition(const Batch *batch, const char *list, TextEdits *edits)
{
	const AnalyzedText *analyzed = batch->analyzed;
	int			first;
	int			end;
	int			column;
	int			column_end;

	if (!find_text(analyzed, batch->on, &first, &end, &column, &column_end))
		return false;
	edit_tokens(edits, analyzed, first, end,
				psprintf("%s = ANY (%s)",
						 tokens_text(analyzed, column, column_end), list));
	return true;
}

/* Takes the LIMIT away */
static void
edit_limit(const Batch *batch, TextEdits *edits)
{
	if (batch->limit > 0)
		edit_bytes(edits, batch->analyzed->tokens[batch->limit - 1].end,
				   batch->analyzed->tokens[batch->limit_end - 1].end, "");
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

/* Text of a column as the condition has it */
static char *
written_column(const AnalyzedText *analyzed, const Var *column)
{
	int			token = token_at(analyzed, column->location);

	if (token < 0)
		return NULL;
	return tokens_text(analyzed, token, token_after_name(analyzed, token));
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
		IsA(node, OpExpr) && rewrite_condition_location(node) ==
		rewrite_condition_location(blanker->batch->condition) :
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
	Node	   *a = blank_condition((Node *) batch->filter, &original);
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
	char	   *list = written_list(batch->on);
	TextEdits	edits = {0};
	bool		added = false;
	char	   *text;
	Query	   *made;

	if (list == NULL || !edit_condition(batch, list, &edits))
		return NULL;
	if (!is_in_output(query, batch->column))
	{
		char	   *column = written_column(batch->analyzed, batch->column);

		added = true;
		if (column == NULL ||
			!edit_output(batch->analyzed, column, &edits))
			return NULL;
	}
	edit_limit(batch, &edits);
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

/* A condition that becomes part of a row comparison, and its place */
typedef struct PairPart
{
	const KeyCondition *on;
	int			first;
	int			end;
	int			column;
	int			column_end;
} PairPart;

static int
compare_parts(const void *a, const void *b)
{
	return ((const PairPart *) a)->first - ((const PairPart *) b)->first;
}

/* Is it "(a, b) IN (SELECT ...)" of these conditions' columns and operators? */
static bool
is_made_pair(const SubLink *made, const PairPart *parts, int nparts)
{
	List	   *comparisons;

	if (!IsA(made, SubLink) || made->subLinkType != ANY_SUBLINK ||
		made->testexpr == NULL)
		return false;
	comparisons = make_ands_implicit((Expr *) made->testexpr);
	if (list_length(comparisons) != nparts)
		return false;
	for (int i = 0; i < nparts; i++)
	{
		const OpExpr *original = (const OpExpr *) parts[i].on->condition;
		const OpExpr *comparison = list_nth(comparisons, i);
		Oid			opno = original->opno;

		if (parts[i].on->value_first)
			opno = get_commutator(opno);
		if (!IsA(comparison, OpExpr) || comparison->opno != opno ||
			comparison->inputcollid != original->inputcollid ||
			!equal(linitial(comparison->args), parts[i].on->key) ||
			exprType(lsecond(comparison->args)) !=
			exprType(parts[i].on->value))
			return false;
	}
	return true;
}

/*
 * Several conditions, one beside the other, whose values vary together: the
 * rows of values.
 */
static char *
form_pairs(const Batch *batch)
{
	AnalyzedText *analyzed = batch->analyzed;
	int			nparts = list_length(batch->varying);
	PairPart   *parts = palloc0_array(PairPart, nparts);
	StringInfoData columns;
	StringInfoData lists;
	TextEdits	edits = {0};
	List	   *quals = make_ands_implicit((Expr *) batch->filter->jointree->quals);
	List	   *made_quals = NIL;
	Query	   *filter = copyObject(batch->filter);
	Query	   *made;
	SubLink    *pair = NULL;
	char	   *text;
	ListCell   *lc;

	for (int i = 0; i < nparts; i++)
	{
		PairPart   *part = &parts[i];

		foreach(lc, batch->conditions)
		{
			const KeyCondition *condition = lfirst(lc);

			if (condition->param == list_nth_int(batch->varying, i))
			{
				if (part->on != NULL)
					return NULL;
				part->on = condition;
			}
		}
		if (part->on == NULL || !rewrite_is_simple(analyzed, part->on) ||
			equal_but_different(part->on) ||
			!list_member_ptr(quals, part->on->condition) ||
			!find_text(analyzed, part->on, &part->first, &part->end,
					   &part->column, &part->column_end))
			return NULL;
	}
	qsort(parts, nparts, sizeof(PairPart), compare_parts);

	initStringInfo(&columns);
	initStringInfo(&lists);
	for (int i = 0; i < nparts; i++)
	{
		const PairPart *part = &parts[i];
		char	   *list = written_list(part->on);

		/* tokens between this and the next: AND, and nothing else */
		if (list == NULL ||
			(i > 0 && (part->first != parts[i - 1].end + 1 ||
					   !token_is(analyzed, part->first - 1, "and"))))
			return NULL;
		appendStringInfo(&columns, "%s%s", i > 0 ? ", " : "",
						 tokens_text(analyzed, part->column, part->column_end));
		appendStringInfo(&lists, "%s%s", i > 0 ? ", " : "", list);
		quals = list_delete_ptr(quals, part->on->condition);
	}
	edit_tokens(&edits, analyzed, parts[0].first, parts[nparts - 1].end,
				psprintf("(%s) IN (SELECT * FROM unnest(%s))", columns.data,
						 lists.data));
	for (int i = 0; i < nparts; i++)
	{
		if (is_in_output(analyzed->query, parts[i].on->column))
			continue;
		if (!edit_output(analyzed,
						 tokens_text(analyzed, parts[i].column,
									 parts[i].column_end), &edits))
			return NULL;
	}
	edit_limit(batch, &edits);
	text = apply_edits(analyzed, &edits);

	made = analyze_again(analyzed, text)->query;
	for (int i = 0; i < nparts; i++)
	{
		TargetEntry *first = linitial_node(TargetEntry, made->targetList);

		if (is_in_output(analyzed->query, parts[i].on->column))
			continue;
		if (!equal(first->expr, parts[i].on->column) ||
			first->ressortgroupref != 0)
			return NULL;
		remove_first_output(made);
	}
	foreach(lc, make_ands_implicit((Expr *) made->jointree->quals))
	{
		if (pair == NULL && is_made_pair(lfirst(lc), parts, nparts))
			pair = lfirst(lc);
		else
			made_quals = lappend(made_quals, lfirst(lc));
	}
	if (pair == NULL)
		return NULL;
	filter->jointree->quals = (Node *) quals;
	made->jointree->quals = (Node *) made_quals;
	made->hasSubLinks = filter->hasSubLinks;
	return equal(made, filter) ? text : NULL;
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
	char	   *list = written_list(batch->on);
	char	   *column = written_column(analyzed, batch->column);
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

/* Puts each $n back for its column of the rows, as seen from a subquery */
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

		if (var->varlevelsup == restorer->depth && var->varno == 1 &&
			var->varattno > 0 &&
			var->varattno <= list_length(restorer->batch->varying))
		{
			int			param = list_nth_int(restorer->batch->varying,
											 var->varattno - 1);

			return (Node *) rewrite_param(param,
										  restorer->batch->analyzed->param_types[param - 1]);
		}
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

/* Names for the columns of the rows of values, each once */
static char **
value_names(const Batch *batch)
{
	int			nvalues = list_length(batch->varying);
	char	  **names = palloc_array(char *, nvalues);

	for (int i = 0; i < nvalues; i++)
	{
		int			param = list_nth_int(batch->varying, i);
		const char *name = NULL;
		ListCell   *lc;

		if (param == batch->param)
			name = batch->key_name;
		foreach(lc, batch->conditions)
		{
			const KeyCondition *condition = lfirst(lc);

			if (name == NULL && condition->param == param &&
				condition->attnum > 0)
				name = rewrite_column_name(condition);
		}
		for (int j = 0; name != NULL && j < i; j++)
		{
			if (strcmp(names[j], name) == 0)
				name = NULL;
		}
		names[i] = name ? pstrdup(name) : psprintf("p%d", param);
	}
	return names;
}

static char *
form_lateral(const Batch *batch)
{
	AnalyzedText *analyzed = batch->analyzed;
	char	   *keys = unused_name(analyzed, "k");
	char	   *rows = unused_name(analyzed, "q");
	char	  **names = value_names(batch);
	KeyRestorer restorer = {batch, 0};
	TextEdits	edits = {0};
	StringInfoData output;
	StringInfoData lists;
	StringInfoData columns;
	char	   *text;
	Query	   *made;

	if (analyzed->query->rowMarks != NIL)
		return NULL;
	initStringInfo(&output);
	initStringInfo(&lists);
	initStringInfo(&columns);
	for (int i = 0; i < list_length(batch->varying); i++)
	{
		const char *separator = i > 0 ? ", " : "";
		int			param = list_nth_int(batch->varying, i);
		Oid			type = analyzed->param_types[param - 1];

		if (!rewrite_can_unnest(type))
			return NULL;
		appendStringInfo(&output, "%s.%s, ", keys, names[i]);
		appendStringInfo(&lists, "%s$%d::%s", separator, param,
						 written_type(type, -1, true));
		appendStringInfo(&columns, "%s%s", separator, names[i]);
		for (int t = 0; t < analyzed->ntokens; t++)
		{
			if (analyzed->tokens[t].param == param)
				edit_tokens(&edits, analyzed, t, t + 1,
							psprintf("%s.%s", keys, names[i]));
		}
	}
	text = psprintf("SELECT %s%s.* FROM unnest(%s) AS %s(%s) CROSS JOIN LATERAL (%s) AS %s",
					output.data, rows, lists.data, keys, columns.data,
					apply_edits(analyzed, &edits), rows);

	made = subquery_of(analyze_again(analyzed, text)->query);
	if (made == NULL ||
		!equal(restore_key((Node *) made, &restorer), analyzed->query))
		return NULL;
	return text;
}

/* Uses this condition; NULL: none in particular */
static void
set_condition(Batch *batch, const KeyCondition *on)
{
	batch->on = on;
	if (on == NULL)
		return;
	batch->condition = on->condition;
	batch->key = on->key;
	batch->column = on->column;
	batch->value = on->value;
	batch->value_first = on->value_first;
	batch->param = on->param;
	batch->token = on->token;
	batch->key_name = rewrite_column_name(on);
}

/*
 * Finds the condition on the key and what else varies, into *batch; false if
 * it is not known what does.
 */
static bool
find_key(AnalyzedText *analyzed, const RewriteSource *source, Batch *batch)
{
	memset(batch, 0, sizeof(Batch));
	batch->analyzed = analyzed;
	batch->filter = analyzed->query;
	batch->token = -1;
	batch->conditions = rewrite_conditions(analyzed);
	set_condition(batch, rewrite_key(batch->conditions, source));
	batch->varying = rewrite_varying(analyzed, batch->conditions, source,
									 batch->on);
	return batch->varying != NIL;
}

/* Is the column unique by itself? */
static bool
is_unique(const Batch *batch)
{
	const RangeTblEntry *rte = only_relation(batch->analyzed->query);
	ListCell   *lc;

	if (rte == NULL || rte->relid != batch->on->relid ||
		(rte->relkind != RELKIND_RELATION &&
		 rte->relkind != RELKIND_PARTITIONED_TABLE) ||
		(rte->relkind == RELKIND_RELATION && rte->inh &&
		 has_subclass(rte->relid)))
		return false;
	foreach(lc, table_indexes(rte->relid))
	{
		const TableIndex *index = lfirst(lc);

		if (index->unique && !index->partial && index->ncolumns == 1 &&
			index->columns[0] == batch->on->attnum &&
			index->default_order[0])
			return true;
	}
	return false;
}

/* A LIMIT of rows of which there is one at most */
static void
leave_out_limit(Batch *batch)
{
	const AnalyzedText *analyzed = batch->analyzed;
	const Query *query = analyzed->query;
	Param	   *param = param_of(query->limitCount, true);
	int			limit = token_find(analyzed, 0, "limit");
	int			end;

	if (query->limitCount == NULL || query->limitOffset != NULL ||
		query->limitOption != LIMIT_OPTION_COUNT || limit < 1 ||
		batch->on == NULL || !rewrite_is_simple(analyzed, batch->on) ||
		equal_but_different(batch->on) || !is_unique(batch))
		return;
	for (end = limit + 1; end < analyzed->ntokens; end++)
	{
		if (analyzed->tokens[end].depth == 0 && token_is(analyzed, end, "for"))
			break;
	}
	if (param != NULL)
	{
		/* there must not be a gap in the numbers */
		if (param->paramid != analyzed->nparams || param == (Param *) batch->value ||
			token_count_param(analyzed, param->paramid) != 1)
			return;
		batch->varying = list_delete_int(list_copy(batch->varying),
										 param->paramid);
	}
	else if (!IsA(query->limitCount, Const) ||
			 ((Const *) query->limitCount)->constisnull ||
			 DatumGetInt64(((Const *) query->limitCount)->constvalue) < 1)
		return;
	batch->filter = copyObject(analyzed->query);
	batch->filter->limitCount = NULL;
	batch->limit = limit;
	batch->limit_end = end;
}

char *
rewrite_condition_as_list(AnalyzedText *analyzed, const RewriteSource *source)
{
	Batch		batch;
	TextEdits	edits = {0};
	char	   *list;
	char	   *text;

	if (!find_key(analyzed, source, &batch) || batch.on == NULL ||
		!rewrite_is_simple(analyzed, batch.on))
		return NULL;
	list = written_list(batch.on);
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
	const char *text = NULL;

	if (!rewrite_reads_safely(query, request->source) ||
		!find_key(analyzed, request->source, &batch))
		return;

	/* if a form was not valid here it has raised, and the last one is left */
	if (request->attempt == 0)
	{
		bool		simple;

		leave_out_limit(&batch);
		simple = list_length(batch.varying) == 1 && batch.on != NULL &&
			rewrite_is_simple(analyzed, batch.on);
		if (rewrite_filters_rows(batch.filter) &&
			list_length(batch.varying) > 1)
			text = form_pairs(&batch);
		else if (simple && rewrite_filters_rows(batch.filter) &&
				 !equal_but_different(batch.on))
			text = form_any(&batch);
		else if (simple && aggregates_only(query))
			text = form_grouped(&batch);
		if (text == NULL && batch.limit > 0)
			(void) find_key(analyzed, request->source, &batch);
	}
	if (text == NULL)
		text = form_lateral(&batch);
	if (text != NULL)
		text = rewrite_typed(analyzed, request->source, text);
	if (text != NULL)
		rewrite_give(request, text);
}

char *
rewrite_batched(const RewriteSource *source)
{
	return rewrite_make(source, make_batched, 2);
}

/*-------------------------------------------------------------------------
 *
 * rewrite_conditions.c
 *		The conditions that a statement finds its rows by, and which of its
 *		values were others in each execution.
 *
 * The detector knows values by the conditions of the statement's shape; here
 * they are found again by their columns.  A value of which it is not known
 * that it was always the same is taken for one that varied.
 *
 * src/rewrite/rewrite_conditions.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "nodes/nodeFuncs.h"
#include "nodes/makefuncs.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "common/compat.h"
#include "rewrite/rewrite_internal.h"

int
rewrite_condition_location(const Node *condition)
{
	if (IsA(condition, ScalarArrayOpExpr))
		return ((const ScalarArrayOpExpr *) condition)->location;
	return ((const OpExpr *) condition)->location;
}

bool
rewrite_restricts_all(const Node *node, const Node *condition)
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
			if (rewrite_restricts_all(lfirst(lc), condition))
				return true;
		}
		return rewrite_restricts_all(from->quals, condition);
	}
	if (IsA(node, JoinExpr))
	{
		const JoinExpr *join = (const JoinExpr *) node;

		return join->jointype == JOIN_INNER &&
			(rewrite_restricts_all(join->larg, condition) ||
			 rewrite_restricts_all(join->rarg, condition) ||
			 rewrite_restricts_all(join->quals, condition));
	}
	if (is_andclause(node))
	{
		foreach(lc, ((const BoolExpr *) node)->args)
		{
			if (rewrite_restricts_all(lfirst(lc), condition))
				return true;
		}
	}
	return false;
}

/* Looks for conditions in the query and those inside it */
typedef struct ConditionFinder
{
	const AnalyzedText *analyzed;
	Query	   *query;			/* the one being walked */
	List	   *conditions;		/* of KeyCondition */
} ConditionFinder;

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

static Node *
without_relabel(Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (Node *) ((RelabelType *) node)->arg;
	return node;
}

/* Also without those that the comparison with another type takes */
static Node *
without_casts(Node *node)
{
	for (;;)
	{
		node = without_relabel(node);
		if (node == NULL || !IsA(node, FuncExpr) ||
			((FuncExpr *) node)->funcformat != COERCE_IMPLICIT_CAST)
			return node;
		node = linitial(((FuncExpr *) node)->args);
	}
}

/* Takes this condition if it compares something of a table with a parameter */
static void
consider(ConditionFinder *finder, Node *node, Node *key, Node *value,
		 bool value_first)
{
	const AnalyzedText *analyzed = finder->analyzed;
	KeyCondition *condition;
	Param	   *param = NULL;
	Var		   *column = NULL;
	Oid			relid;
	AttrNumber	attnum;

	if (only_param_walker(value, &param) || param == NULL ||
		!shape_find_var(key, &column) ||
		!shape_resolve_var(finder->query, column, &relid, &attnum))
		return;
	if (without_casts(key) != (Node *) column)
		attnum = 0;
	if (without_relabel(key) != (Node *) column)
		column = NULL;
	condition = palloc0_object(KeyCondition);
	condition->condition = node;
	condition->key = key;
	condition->column = column;
	condition->value = value;
	condition->value_first = value_first;
	condition->param = param->paramid;
	condition->relid = relid;
	condition->attnum = attnum;
	condition->token = -1;
	if (token_count_param(analyzed, param->paramid) == 1)
	{
		for (int i = 0; i < analyzed->ntokens; i++)
		{
			if (analyzed->tokens[i].param == param->paramid)
				condition->token = i;
		}
	}
	finder->conditions = lappend(finder->conditions, condition);
}

static bool
condition_walker(Node *node, ConditionFinder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, Query))
	{
		Query	   *outer = finder->query;

		finder->query = (Query *) node;
		(void) query_tree_walker((Query *) node, condition_walker, finder, 0);
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
	return expression_tree_walker(node, condition_walker, finder);
}

List *
rewrite_conditions(AnalyzedText *analyzed)
{
	ConditionFinder finder = {.analyzed = analyzed};

	(void) condition_walker((Node *) analyzed->query, &finder);
	return finder.conditions;
}

KeyCondition *
rewrite_key(List *conditions, const RewriteSource *source)
{
	KeyCondition *key = NULL;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		KeyCondition *condition = lfirst(lc);

		if (OidIsValid(source->key_relid) &&
			(source->key_relid != condition->relid ||
			 source->key_attnum != condition->attnum))
			continue;
		if (key == NULL)
			key = condition;
		else if (key->param != condition->param)
			return NULL;
	}
	return key;
}

bool
rewrite_is_simple(const AnalyzedText *analyzed, const KeyCondition *condition)
{
	return condition->column != NULL && condition->column->varlevelsup == 0 &&
		IsA(condition->condition, OpExpr) &&
		rewrite_restricts_all((Node *) analyzed->query->jointree,
							  condition->condition);
}

char *
rewrite_column_name(const KeyCondition *condition)
{
	if (condition->attnum <= 0)
		return "key";
	return pstrdup(quote_identifier(get_attname(condition->relid,
												condition->attnum, false)));
}

/* Conditions of the shape on that column, and which of them varied */
static int
conditions_of_shape(const RewriteSource *source, Oid relid, AttrNumber attnum,
					bool *varied)
{
	int			n = 0;

	*varied = false;
	for (int i = 0; i < source->shape->nconditions; i++)
	{
		const ShapeCondition *condition = &source->shape->conditions[i];

		if (condition->relid != relid || condition->attnum != attnum)
			continue;
		n++;
		*varied |= (source->varied & VARIED_CONDITION(i)) != 0;
	}
	return n;
}

bool
rewrite_varies(List *conditions, const RewriteSource *source, int param)
{
	bool		found = false;
	ListCell   *lc;

	if (!source->seen || source->shape == NULL)
		return false;
	foreach(lc, conditions)
	{
		const KeyCondition *condition = lfirst(lc);
		const ListCell *lc2;
		bool		varied;
		int			nshape;
		int			nhere = 0;

		if (condition->param != param)
			continue;
		nshape = conditions_of_shape(source, condition->relid,
									 condition->attnum, &varied);
		if (nshape == 0)
			continue;
		found = true;
		foreach(lc2, conditions)
		{
			const KeyCondition *other = lfirst(lc2);

			nhere += other->relid == condition->relid &&
				other->attnum == condition->attnum;
		}
		/* one may be there that is not the shape's */
		if (varied || (nhere != nshape && (source->varied & VARIED_OTHERS)))
			return true;
	}
	return !found && (source->varied & VARIED_OTHERS) != 0;
}

List *
rewrite_varying(const AnalyzedText *analyzed, List *conditions,
				const RewriteSource *source, const KeyCondition *key)
{
	List	   *params = NIL;

	for (int param = 1; param <= analyzed->nparams; param++)
	{
		if (token_count_param(analyzed, param) > 0 &&
			((key != NULL && key->param == param) ||
			 rewrite_varies(conditions, source, param)))
			params = lappend_int(params, param);
	}
	return params;
}

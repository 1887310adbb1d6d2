/*-------------------------------------------------------------------------
 *
 * rewrite.c
 *		What all rewrites need; see rewrite.h.
 *
 * src/rewrite/rewrite.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "rewrite/rewrite_internal.h"

char *
rewrite_make(const RewriteSource *source, AnalyzedCallback callback,
			 int attempts)
{
	RewriteRequest request = {source, 0, CurrentMemoryContext, NULL};

	for (; request.attempt < attempts; request.attempt++)
	{
		request.result = NULL;
		if (analyzed_call(source, callback, &request))
			return request.result;
	}
	return NULL;
}

void
rewrite_give(RewriteRequest *request, const char *text)
{
	request->result = MemoryContextStrdup(request->context, text);
}

/* May a value of the type be rounded if it is taken for one of another? */
static bool
is_rounded(Oid type)
{
	switch (type)
	{
		case NUMERICOID:
		case FLOAT4OID:
		case FLOAT8OID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case INTERVALOID:
			return true;
		default:
			return false;
	}
}

const char *
rewrite_typed(const AnalyzedText *analyzed, const RewriteSource *source,
			  const char *text)
{
	AnalyzedText *made;
	TextEdits	edits = {0};
	char	   *typed;
	bool		any = false;

	for (int i = 0; i < analyzed->nparams; i++)
		any |= is_rounded(analyzed->param_types[i]);
	if (source->origin == NULL || !any)
		return text;
	made = analyze_again(analyzed, text);
	for (int i = 0; i < made->ntokens; i++)
	{
		int			param = made->tokens[i].param;

		if (param == 0 || param > analyzed->nparams ||
			!is_rounded(analyzed->param_types[param - 1]) ||
			token_is(made, i + 1, "::") ||
			(i >= 2 && token_is(made, i - 2, "cast")))
			continue;
		edit_bytes(&edits, made->tokens[i].end, made->tokens[i].end,
				   psprintf("::%s",
							written_type(analyzed->param_types[param - 1], -1,
										 false)));
	}
	if (edits.nedits == 0)
		return text;
	typed = apply_edits(made, &edits);
	return equal(analyze_again(analyzed, typed)->query, made->query) ? typed :
		NULL;
}

bool
rewrite_filters_rows(const Query *query)
{
	return query->setOperations == NULL && query->groupClause == NIL &&
		query->groupingSets == NIL && query->havingQual == NULL &&
		!query->hasAggs && !query->hasWindowFuncs &&
		query->distinctClause == NIL && query->limitCount == NULL &&
		query->limitOffset == NULL;
}

Param *
rewrite_param(int number, Oid type)
{
	Param	   *param = makeNode(Param);

	param->paramkind = PARAM_EXTERN;
	param->paramid = number;
	param->paramtype = type;
	param->paramtypmod = -1;
	param->paramcollid = get_typcollation(type);
	param->location = -1;
	return param;
}

/* Collects the columns of one relation, also those in subqueries */
typedef struct ColumnFinder
{
	int			varno;
	int			depth;			/* of queries around */
	List	   *columns;		/* of Var */
} ColumnFinder;

static bool
column_walker(Node *node, ColumnFinder *finder)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;

		if (var->varno == finder->varno &&
			var->varlevelsup == finder->depth && var->varattno != 0)
			finder->columns = lappend(finder->columns, var);
		return false;
	}
	if (IsA(node, Query))
	{
		finder->depth++;
		(void) query_tree_walker((Query *) node, column_walker, finder, 0);
		finder->depth--;
		return false;
	}
	return expression_tree_walker(node, column_walker, finder);
}

void
rewrite_qualify(const AnalyzedText *analyzed, int varno, TextEdits *edits)
{
	ColumnFinder finder = {varno, 0, NIL};
	RangeTblEntry *rte = rt_fetch(varno, analyzed->query->rtable);
	char	   *prefix = psprintf("%s.",
								  quote_identifier(rte->eref->aliasname));
	bool	   *done = palloc0_array(bool, analyzed->ntokens);
	ListCell   *lc;

	(void) query_tree_walker(analyzed->query, column_walker, &finder, 0);
	foreach(lc, finder.columns)
	{
		int			token = token_at(analyzed,
									 lfirst_node(Var, lc)->location);

		if (token < 0 || done[token])
			continue;
		done[token] = true;
		if (!token_is(analyzed, token + 1, "."))
			edit_tokens(edits, analyzed, token, token, prefix);
	}
}

bool
rewrite_can_unnest(Oid type)
{
	return OidIsValid(type) && OidIsValid(get_array_type(type)) &&
		get_typtype(type) != TYPTYPE_PSEUDO && !type_is_rowtype(type);
}

/*-------------------------------------------------------------------------
 *
 * rewrite_write.c
 *		Many rows written by one statement, in place of one for each.
 *
 * All parameters of the statement are taken for the row's own: each becomes
 * an array, so that what differed between executions can still differ.
 *
 * A row that is updated twice is updated by one of the two only, so an UPDATE
 * is made at once where no two executions had the same key, and does not write
 * the key; ON CONFLICT DO UPDATE, of whose keys nothing is known, is not.
 * Rows that come back are told apart by their keys, which are added to
 * RETURNING; those of an INSERT come in the order of the arrays.
 *
 * src/rewrite/rewrite_write.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "common/compat.h"
#include "rewrite/rewrite_internal.h"

/* One of the values of INSERT ... VALUES: tokens from first, before end */
typedef struct RowItem
{
	int			first;
	int			end;
} RowItem;

typedef struct InsertRow
{
	int			values;			/* token VALUES */
	int			end;			/* token behind its parenthesis */
	RowItem    *items;
	int			nitems;
} InsertRow;

/* The rows of parameters that a write is joined with: unnest(...) AS v(...) */
typedef struct ParamRows
{
	const AnalyzedText *analyzed;
	char	   *alias;
	int		   *columns;		/* by $n: its column, from 1; 0: not there */
	int		   *params;			/* by column, from 0: its $n */
	char	  **names;			/* by column, from 0; quoted as needed */
	int			ncolumns;
} ParamRows;

/* Gives a parameter a column of that name, if it has none yet */
static void
add_param(ParamRows *rows, int param, const char *name)
{
	char	   *unique = pstrdup(name);

	if (rows->columns[param] > 0)
		return;
	for (int n = 1;; n++)
	{
		bool		used = false;

		for (int i = 0; i < rows->ncolumns; i++)
			used |= strcmp(rows->names[i], quote_identifier(unique)) == 0;
		if (!used)
			break;
		unique = psprintf("%s_%d", name, n);
	}
	rows->names[rows->ncolumns] = pstrdup(quote_identifier(unique));
	rows->params[rows->ncolumns++] = param;
	rows->columns[param] = rows->ncolumns;
}

static void
start_rows(ParamRows *rows, const AnalyzedText *analyzed)
{
	rows->analyzed = analyzed;
	rows->alias = unused_name(analyzed, "v");
	rows->columns = palloc0_array(int, analyzed->nparams + 1);
	rows->params = palloc0_array(int, analyzed->nparams + 1);
	rows->names = palloc0_array(char *, analyzed->nparams + 1);
	rows->ncolumns = 0;
}

/* Columns for the parameters that have none, in their order in the text */
static void
add_other_params(ParamRows *rows, int first, int end)
{
	for (int i = first; i < end; i++)
	{
		int			param = rows->analyzed->tokens[i].param;

		if (param > 0)
			add_param(rows, param, psprintf("p%d", param));
	}
}

/* "unnest($1::integer[], ...)"; NULL if a type cannot be listed that way */
static char *
written_unnest(const ParamRows *rows)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfoString(&buf, "unnest(");
	for (int i = 0; i < rows->ncolumns; i++)
	{
		int			param = rows->params[i];
		Oid			type = rows->analyzed->param_types[param - 1];

		if (!rewrite_can_unnest(type))
			return NULL;
		appendStringInfo(&buf, "%s$%d::%s", i > 0 ? ", " : "", param,
						 written_type(type, -1, true));
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

/* "v(a, b)" */
static char *
written_alias(const ParamRows *rows)
{
	StringInfoData buf;

	initStringInfo(&buf);
	appendStringInfo(&buf, "%s(", rows->alias);
	for (int i = 0; i < rows->ncolumns; i++)
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "", rows->names[i]);
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

static void
edit_params(const ParamRows *rows, int first, int end, TextEdits *edits)
{
	for (int i = first; i < end; i++)
	{
		int			param = rows->analyzed->tokens[i].param;

		if (param > 0)
			edit_tokens(edits, rows->analyzed, i, i + 1,
						psprintf("%s.%s", rows->alias,
								 rows->names[rows->columns[param] - 1]));
	}
}

/* Undoes what the rows of parameters have changed in an analysed tree */
typedef struct ParamRestorer
{
	const ParamRows *rows;
	int			varno;			/* of the rows */
	const List *through;		/* INSERT ... SELECT: output of the subquery,
								 * varno, that selects from the rows */
} ParamRestorer;

static Node *
restore_params(Node *node, ParamRestorer *restorer)
{
	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) copyObject(node);

		if (var->varno == restorer->varno && restorer->through != NIL)
		{
			ParamRestorer inner = {restorer->rows, 1, NIL};

			return restore_params((Node *)
								  list_nth_node(TargetEntry, restorer->through,
												var->varattno - 1)->expr,
								  &inner);
		}
		if (var->varno == restorer->varno && var->varattno > 0)
		{
			int			param = restorer->rows->params[var->varattno - 1];

			return (Node *) rewrite_param(param,
										  restorer->rows->analyzed->param_types[param - 1]);
		}
		/* what is behind the rows in the range table was there before */
		if (var->varno > restorer->varno)
		{
			var->varno--;
			var->varnosyn--;
		}
		return (Node *) var;
	}
	return expression_tree_mutator(node, restore_params, restorer);
}

static bool
same_but_rows(ParamRestorer *restorer, void *made, const void *original)
{
	return equal(restore_params((Node *) made, restorer), original);
}

/*
 * The row of INSERT ... VALUES; false if there isn't one, or it depends on
 * those inserted before
 */
static bool
find_row(const AnalyzedText *analyzed, const RewriteSource *source,
		 InsertRow *row)
{
	const Query *query = analyzed->query;
	int			depth;

	if (query->commandType != CMD_INSERT || query->jointree->fromlist != NIL ||
		(source->seen && query->onConflict != NULL &&
		 query->onConflict->action == ONCONFLICT_UPDATE) ||
		!rewrite_writes_safely(analyzed->query, source))
		return false;
	row->values = token_find(analyzed, 0, "values");
	if (row->values < 0 || !token_is(analyzed, row->values + 1, "("))
		return false;
	row->end = token_after_parenthesis(analyzed, row->values + 1);
	if (token_is(analyzed, row->end, ","))
		return false;

	/* parameters elsewhere, in ON CONFLICT, cannot differ by row */
	for (int i = 0; i < analyzed->ntokens; i++)
	{
		if ((i < row->values || i >= row->end) &&
			analyzed->tokens[i].param > 0)
			return false;
	}

	depth = analyzed->tokens[row->values].depth + 1;
	row->items = palloc_array(RowItem, row->end - row->values);
	row->nitems = 0;
	row->items[0].first = row->values + 2;
	for (int i = row->values + 2; i < row->end; i++)
	{
		if (i < row->end - 1 &&
			!(analyzed->tokens[i].depth == depth && token_is(analyzed, i, ",")))
			continue;
		row->items[row->nitems++].end = i;
		row->items[row->nitems].first = i + 1;
	}
	return list_length(query->targetList) <= row->nitems;
}

static int
item_param(const AnalyzedText *analyzed, const RowItem *item)
{
	return item->end == item->first + 1 ?
		analyzed->tokens[item->first].param : 0;
}

static bool
item_is_default(const AnalyzedText *analyzed, const RowItem *item)
{
	return item->end == item->first + 1 &&
		token_is(analyzed, item->first, "default");
}

static char *
insert_from_arrays(const AnalyzedText *analyzed, const RewriteSource *source)
{
	const Query *query = analyzed->query;
	InsertRow	row;
	ParamRows	rows;
	ParamRestorer restorer;
	TextEdits	edits = {0};
	bool		params_only = true;
	char	   *unnest;
	char	   *text;
	Query	   *made;
	RangeTblEntry *subquery;

	if (analyzed->nparams == 0 || !find_row(analyzed, source, &row) ||
		list_length(query->targetList) != row.nitems)
		return NULL;
	start_rows(&rows, analyzed);
	for (int i = 0; i < row.nitems; i++)
	{
		int			param = item_param(analyzed, &row.items[i]);

		if (item_is_default(analyzed, &row.items[i]))
			return NULL;
		if (param == 0 || rows.columns[param] > 0)
			params_only = false;
		if (param > 0)
			add_param(&rows, param,
					  list_nth_node(TargetEntry, query->targetList, i)->resname);
	}
	add_other_params(&rows, row.values, row.end);
	unnest = written_unnest(&rows);
	if (unnest == NULL)
		return NULL;

	if (params_only)
		edit_tokens(&edits, analyzed, row.values, row.end,
					psprintf("SELECT * FROM %s", unnest));
	else
	{
		edit_tokens(&edits, analyzed, row.values, row.values + 2, "SELECT ");
		edit_params(&rows, row.values, row.end, &edits);
		edit_tokens(&edits, analyzed, row.end - 1, row.end,
					psprintf(" FROM %s AS %s", unnest, written_alias(&rows)));
	}
	text = apply_edits(analyzed, &edits);

	made = analyze_again(analyzed, text)->query;
	if (list_length(made->rtable) != list_length(query->rtable) + 1)
		return NULL;
	subquery = rt_fetch(2, made->rtable);
	if (subquery->rtekind != RTE_SUBQUERY)
		return NULL;
	restorer = (ParamRestorer)
	{
		&rows, 2, subquery->subquery->targetList
	};
	if (!same_but_rows(&restorer, made->targetList, query->targetList) ||
		!same_but_rows(&restorer, made->returningList, query->returningList))
		return NULL;
	if (query->onConflict != NULL)
	{
		made->onConflict->exclRelIndex = query->onConflict->exclRelIndex;
		if (!same_but_rows(&restorer, made->onConflict, query->onConflict))
			return NULL;
	}
	return text;
}

/* Is the value of this column a parameter?  Which? */
static int
assigned_param(const TargetEntry *tle)
{
	Param	   *param = param_of((Node *) tle->expr, true);

	return param != NULL ? param->paramid : 0;
}

static bool
is_written(const Query *query, AttrNumber attnum)
{
	ListCell   *lc;

	foreach(lc, query->targetList)
	{
		const TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (!tle->resjunk && tle->resno == attnum)
			return true;
	}
	return false;
}

/* Are values of the type different whenever they are written differently? */
static bool
has_one_spelling(Oid relid, AttrNumber attnum)
{
	Oid			type;
	int32		typmod;
	Oid			collation;

	get_atttypetypmodcoll(relid, attnum, &type, &typmod, &collation);
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case UUIDOID:
		case BOOLOID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return true;
		case TEXTOID:
		case VARCHAROID:
			return get_collation_isdeterministic(collation);
		default:
			return false;
	}
}

/* Did every execution of the UPDATE find other rows? */
static bool
finds_rows_once(const Query *query, const RewriteSource *source)
{
	Oid			relid = rt_fetch(query->resultRelation, query->rtable)->relid;
	bool		found = false;

	if (!source->seen)
		return true;
	if ((source->varied & VARIED_SAME_KEYS) != 0 || source->shape == NULL)
		return false;
	for (int i = 0; i < source->shape->nconditions; i++)
	{
		const ShapeCondition *condition = &source->shape->conditions[i];

		if ((source->varied & VARIED_CONDITION(i)) == 0)
			continue;
		if (condition->relid != relid || condition->attnum <= 0 ||
			is_written(query, condition->attnum) ||
			!has_one_spelling(relid, condition->attnum))
			return false;
		found = true;
	}
	return found;
}

/*
 * Puts the columns of the keys (their numbers) into RETURNING, in front; *nadded
 * were not there yet.  False if there is no place.
 */
static bool
edit_returning(const AnalyzedText *analyzed, List *keys, TextEdits *edits,
			   int *nadded)
{
	const Query *query = analyzed->query;
	const RangeTblEntry *rte = rt_fetch(query->resultRelation, query->rtable);
	const char *prefix = quote_identifier(rte->eref->aliasname);
	int			returning = token_find(analyzed, 0, "returning");
	ListCell   *key;

	*nadded = 0;
	if (query->returningList == NIL)
		return true;
	if (returning < 0)
		return false;
	foreach(key, keys)
	{
		bool		found = false;
		ListCell   *lc;

		foreach(lc, query->returningList)
		{
			const Var  *var = (Var *) lfirst_node(TargetEntry, lc)->expr;

			found |= IsA(var, Var) && var->varno == query->resultRelation &&
				var->varattno == lfirst_int(key);
		}
		if (found)
			continue;
		edit_tokens(edits, analyzed, returning + 1, returning + 1,
					psprintf("%s.%s, ", prefix,
							 quote_identifier(get_attname(rte->relid,
														  lfirst_int(key),
														  false))));
		(*nadded)++;
	}
	return true;
}

/* RETURNING without the columns that were added */
static List *
without_added(List *returning, int nadded)
{
	List	   *rest = list_copy_tail(returning, nadded);
	ListCell   *lc;

	foreach(lc, rest)
		lfirst_node(TargetEntry, lc)->resno -= nadded;
	return rest;
}

/*
 * The columns that an UPDATE or DELETE finds its rows by are what makes the
 * rows differ.  Gives their parameters names, and lists the columns that keep
 * their value; false if there is none, so that a row could be found again by
 * another's key.
 */
static bool
name_keys(const AnalyzedText *analyzed, ParamRows *rows, List **keys)
{
	const Query *query = analyzed->query;
	List	   *quals = make_ands_implicit((Expr *) query->jointree->quals);
	ListCell   *lc;

	*keys = NIL;
	foreach(lc, quals)
	{
		OpExpr	   *op = lfirst(lc);
		Param	   *param;
		Node	   *column;
		char	   *name;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2)
			continue;
		name = get_opname(op->opno);
		if (name == NULL || strcmp(name, "=") != 0)
			continue;
		column = linitial(op->args);
		param = param_of(lsecond(op->args), true);
		if (param == NULL)
		{
			column = lsecond(op->args);
			param = param_of(linitial(op->args), true);
		}
		while (column != NULL && IsA(column, RelabelType))
			column = (Node *) ((RelabelType *) column)->arg;
		if (param == NULL || column == NULL || !IsA(column, Var) ||
			((Var *) column)->varattno <= 0)
			continue;
		add_param(rows, param->paramid,
				  get_attname(rt_fetch(query->resultRelation, query->rtable)->relid,
							  ((Var *) column)->varattno, false));
		if (query->commandType == CMD_DELETE ||
			!is_written(query, ((Var *) column)->varattno))
			*keys = list_append_unique_int(*keys, ((Var *) column)->varattno);
	}
	return *keys != NIL;
}

static char *
update_from_arrays(const AnalyzedText *analyzed, const char *from)
{
	const Query *query = analyzed->query;
	ParamRows	rows;
	ParamRestorer restorer;
	TextEdits	edits = {0};
	int			where = token_find(analyzed, 0, "where");
	ListCell   *lc;
	List	   *keys;
	int			nadded;
	char	   *unnest;
	char	   *text;
	Query	   *made;

	if (where < 0 || list_length(query->rtable) != 1)
		return NULL;
	start_rows(&rows, analyzed);
	if (query->commandType == CMD_UPDATE)
	{
		foreach(lc, query->targetList)
		{
			TargetEntry *tle = lfirst_node(TargetEntry, lc);
			int			param = assigned_param(tle);

			if (param > 0)
				add_param(&rows, param,
						  get_attname(rt_fetch(1, query->rtable)->relid,
									  tle->resno, false));
		}
	}
	if (!name_keys(analyzed, &rows, &keys))
		return NULL;
	add_other_params(&rows, 0, analyzed->ntokens);
	unnest = written_unnest(&rows);
	if (unnest == NULL)
		return NULL;

	if (!edit_returning(analyzed, keys, &edits, &nadded))
		return NULL;
	rewrite_qualify(analyzed, query->resultRelation, &edits);
	edit_params(&rows, 0, analyzed->ntokens, &edits);
	edit_tokens(&edits, analyzed, where, where,
				psprintf("%s %s AS %s ", from, unnest, written_alias(&rows)));
	text = apply_edits(analyzed, &edits);

	made = analyze_again(analyzed, text)->query;
	if (list_length(made->rtable) != 2 ||
		list_length(made->jointree->fromlist) != 2)
		return NULL;
	restorer = (ParamRestorer)
	{
		&rows, 2, NIL
	};
	return same_but_rows(&restorer, made->targetList, query->targetList) &&
		same_but_rows(&restorer, without_added(made->returningList, nadded),
					  query->returningList) &&
		same_but_rows(&restorer, made->jointree->quals, query->jointree->quals) &&
		equal(linitial(made->rtable), linitial(query->rtable)) ? text : NULL;
}

/* AnalyzedCallback */
static void
make_written_at_once(void *arg, AnalyzedText *analyzed)
{
	RewriteRequest *request = (RewriteRequest *) arg;
	char	   *text = NULL;

	switch (analyzed->query->commandType)
	{
		case CMD_INSERT:
			text = insert_from_arrays(analyzed, request->source);
			break;
		case CMD_UPDATE:
			if (rewrite_writes_safely(analyzed->query, request->source) &&
				finds_rows_once(analyzed->query, request->source))
				text = update_from_arrays(analyzed, "FROM");
			break;
		case CMD_DELETE:
			if (!rewrite_writes_safely(analyzed->query, request->source))
				break;
			if (request->attempt == 0 && analyzed->nparams == 1 &&
				analyzed->query->returningList == NIL)
				text = rewrite_condition_as_list(analyzed, request->source);
			if (text == NULL)
				text = update_from_arrays(analyzed, "USING");
			break;
		default:
			break;
	}
	if (text != NULL)
		rewrite_give(request, text);
}

char *
rewrite_written_at_once(const RewriteSource *source)
{
	return rewrite_make(source, make_written_at_once, 2);
}

/* AnalyzedCallback */
static void
make_multirow_values(void *arg, AnalyzedText *analyzed)
{
	InsertRow	row;
	StringInfoData second;
	TextEdits	edits = {0};
	int		   *numbers = palloc0_array(int, analyzed->nparams + 1);
	int			highest = analyzed->nparams;
	Oid		   *types;
	AnalyzedText *made;
	char	   *text;

	if (analyzed->nparams == 0 ||
		!find_row(analyzed, ((RewriteRequest *) arg)->source, &row))
		return;

	initStringInfo(&second);
	appendStringInfoString(&second, ", (");
	for (int i = 0; i < row.nitems; i++)
	{
		const RowItem *item = &row.items[i];
		TextEdits	numbered = {0};

		for (int t = item->first; t < item->end; t++)
		{
			int			param = analyzed->tokens[t].param;

			if (param == 0)
				continue;
			if (numbers[param] == 0)
				numbers[param] = ++highest;
			edit_tokens(&numbered, analyzed, t, t + 1,
						psprintf("$%d", numbers[param]));
		}
		appendStringInfo(&second, "%s%s", i > 0 ? ", " : "",
						 apply_edits_between(analyzed, &numbered, item->first,
											 item->end));
	}
	appendStringInfoChar(&second, ')');
	edit_bytes(&edits, analyzed->tokens[row.end - 1].end,
			   analyzed->tokens[row.end - 1].end, second.data);
	text = apply_edits(analyzed, &edits);

	types = palloc0_array(Oid, highest);
	for (int n = 1; n <= analyzed->nparams; n++)
	{
		types[n - 1] = analyzed->param_types[n - 1];
		if (numbers[n] > 0)
			types[numbers[n] - 1] = analyzed->param_types[n - 1];
	}
	made = analyze_with(text, types, highest);
	for (int n = 1; n <= analyzed->nparams; n++)
	{
		if (made->param_types[n - 1] != analyzed->param_types[n - 1] ||
			(numbers[n] > 0 && made->param_types[numbers[n] - 1] !=
			 analyzed->param_types[n - 1]))
			return;
	}
	rewrite_give((RewriteRequest *) arg, text);
}

char *
rewrite_multirow_values(const RewriteSource *source)
{
	return rewrite_make(source, make_multirow_values, 1);
}

static bool
has_row_security(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	result = ((Form_pg_class) GETSTRUCT(tuple))->relrowsecurity;
	ReleaseSysCache(tuple);
	return result;
}

/* AnalyzedCallback */
static void
make_copy(void *arg, AnalyzedText *analyzed)
{
	const Query *query = analyzed->query;
	RangeTblEntry *target;
	InsertRow	row;
	StringInfoData buf;
	int			into = token_find(analyzed, 0, "into");
	int			ncolumns = 0;
	ListCell   *lc;

	if (into < 0 || !find_row(analyzed, ((RewriteRequest *) arg)->source, &row) ||
		query->onConflict != NULL ||
		query->returningList != NIL || query->override != OVERRIDING_NOT_SET)
		return;
	target = rt_fetch(query->resultRelation, query->rtable);
	if (has_row_security(target->relid))
		return;

	initStringInfo(&buf);
	appendStringInfo(&buf, "COPY %s (",
					 tokens_text(analyzed, into + 1,
								 token_after_name(analyzed, into + 1)));
	lc = list_head(query->targetList);
	for (int i = 0; i < row.nitems; i++)
	{
		if (item_is_default(analyzed, &row.items[i]))
		{
			/* analysis may have kept it or not: too much to be sorted out */
			return;
		}
		if (lc == NULL || item_param(analyzed, &row.items[i]) == 0 ||
			analyzed->param_types[item_param(analyzed, &row.items[i]) - 1] !=
			get_atttype(target->relid, lfirst_node(TargetEntry, lc)->resno))
			return;
		appendStringInfo(&buf, "%s%s", ncolumns++ > 0 ? ", " : "",
						 quote_identifier(lfirst_node(TargetEntry, lc)->resname));
		lc = lnext(query->targetList, lc);
	}
	appendStringInfoString(&buf, ") FROM STDIN");
	if (ncolumns > 0)
		rewrite_give((RewriteRequest *) arg, buf.data);
}

char *
rewrite_copy(const RewriteSource *source)
{
	return rewrite_make(source, make_copy, 1);
}

/*-------------------------------------------------------------------------
 *
 * sqlrewrite.c
 *		SQL-callable functions that make one statement of another.
 *
 * The statement is the caller's own text, so its names mean what they mean to
 * the caller.
 *
 * src/functions/sqlrewrite.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/varlena.h"

#include "common/shmem.h"
#include "rewrite/indexes.h"
#include "rewrite/rewrite.h"

PG_FUNCTION_INFO_V1(pg_querywatch_missing_index_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_rewrite_1_0);

/* Finds the column that a name as in table.column is of */
static void
find_column(text * name, Oid *relid, AttrNumber *attnum)
{
	List	   *names = textToQualifiedNameList(name);
	char	   *column;

	if (list_length(names) < 2)
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("column \"%s\" is named without its table",
						text_to_cstring(name)),
				 errhint("Write it as table.column.")));
	column = strVal(llast(names));
	names = list_delete_last(names);
	*relid = RangeVarGetRelid(makeRangeVarFromNameList(names), NoLock, false);
	*attnum = get_attnum(*relid, column);
	if (*attnum == InvalidAttrNumber)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_COLUMN),
				 errmsg("column \"%s\" of relation \"%s\" does not exist",
						column, get_rel_name(*relid))));
}

/* rewrite(query, kind, key_column, parent_query, parent_column) */
Datum
pg_querywatch_rewrite_1_0(PG_FUNCTION_ARGS)
{
	RewriteSource source = {0};
	RewriteSource parent = {0};
	char	   *kind;
	char	   *result;

	shmem_require();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1))
		PG_RETURN_NULL();
	source.text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	kind = text_to_cstring(PG_GETARG_TEXT_PP(1));
	if (!PG_ARGISNULL(2))
		find_column(PG_GETARG_TEXT_PP(2), &source.key_relid,
					&source.key_attnum);
	if (!PG_ARGISNULL(3))
		parent.text = text_to_cstring(PG_GETARG_TEXT_PP(3));
	if (!PG_ARGISNULL(4))
		find_column(PG_GETARG_TEXT_PP(4), &parent.key_relid,
					&parent.key_attnum);

	if (strcmp(kind, "batch") == 0)
		result = rewrite_batched(&source);
	else if (strcmp(kind, "join") == 0)
	{
		if (parent.text == NULL || !OidIsValid(parent.key_relid))
			ereport(ERROR,
					(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
					 errmsg("\"join\" needs the parent's query and column")));
		result = rewrite_joined(&parent, &source);
	}
	else if (strcmp(kind, "write") == 0)
		result = rewrite_written_at_once(&source);
	else if (strcmp(kind, "values") == 0)
		result = rewrite_multirow_values(&source);
	else if (strcmp(kind, "copy") == 0)
		result = rewrite_copy(&source);
	else if (strcmp(kind, "keyset") == 0)
		result = rewrite_keyset(&source);
	else
		ereport(ERROR,
				(errcode(ERRCODE_INVALID_PARAMETER_VALUE),
				 errmsg("there is no rewrite of kind \"%s\"", kind),
				 errhint("Kinds are batch, join, write, values, copy and keyset.")));

	if (result == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(result));
}

/* missing_index(query, relation): statement, cost, cost_with_index */
Datum
pg_querywatch_missing_index_1_0(PG_FUNCTION_ARGS)
{
	RewriteSource source = {0};
	IndexAdvice advice;
	TupleDesc	desc;
	Datum		values[3];
	bool		nulls[3] = {false, true, true};

	shmem_require();
	if (get_call_result_type(fcinfo, NULL, &desc) != TYPEFUNC_COMPOSITE ||
		desc->natts != lengthof(values))
		elog(ERROR, "missing_index() is declared with a wrong number of columns");

	source.text = text_to_cstring(PG_GETARG_TEXT_PP(0));
	if (!index_advice(&source, PG_GETARG_OID(1), &advice))
		PG_RETURN_NULL();

	values[0] = CStringGetTextDatum(advice.statement);
	if (advice.tried)
	{
		nulls[1] = nulls[2] = false;
		values[1] = Float8GetDatum(advice.cost_without);
		values[2] = Float8GetDatum(advice.cost_with);
	}
	PG_RETURN_DATUM(HeapTupleGetDatum(heap_form_tuple(BlessTupleDesc(desc),
													  values, nulls)));
}

/*-------------------------------------------------------------------------
 *
 * sqlcapture.c
 *		begin_capture() and end_capture().
 *
 * src/functions/sqlcapture.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "common/visible.h"
#include "repeats/capture.h"
#include "statements/statements.h"

#define END_CAPTURE_COLUMNS		7

PG_FUNCTION_INFO_V1(pg_querywatch_begin_capture_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_end_capture_1_0);

Datum
pg_querywatch_begin_capture_1_0(PG_FUNCTION_ARGS)
{
	shmem_require();
	if (capture_on)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("a capture is already running in this session"),
				 errhint("querywatch.end_capture() ends it and returns its counts; DISCARD ALL ends it, too.")));
	if (!IsQueryIdEnabled())
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement can be captured while compute_query_id is off"),
				 errhint("Set compute_query_id to auto or on.")));
	if (qw_track == TRACK_NONE)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no statement can be captured while pg_querywatch.track is none"),
				 errhint("Set pg_querywatch.track to top or all.")));
	capture_begin();
	PG_RETURN_VOID();
}

/* A row of end_capture() */
static void
put_statement(ReturnSetInfo *rsinfo, int n, const CapturedStatement *s)
{
	Datum		values[END_CAPTURE_COLUMNS] = {0};
	bool		nulls[END_CAPTURE_COLUMNS] = {0};
	bool		known = s->key.queryid != 0;
	bool		visible = !known || visible_to_caller(s->key.userid);
	char	   *text = known && visible ? statements_text(&s->key) : NULL;
	int			i = 0;

	values[i++] = Int64GetDatum(n);
	nulls[i] = !known || !visible;
	values[i++] = Int64GetDatum((int64) s->key.queryid);
	nulls[i] = visible && text == NULL;
	if (!visible)
		values[i] = CStringGetTextDatum("<insufficient privilege>");
	else if (text)
		values[i] = CStringGetTextDatum(text);
	i++;
	values[i++] = Int64GetDatum((int64) s->executions);
	nulls[i] = !known;
	values[i++] = Int64GetDatum((int64) s->distinct_values);
	values[i++] = Int64GetDatum((int64) s->rows);
	values[i++] = Float8GetDatum((double) s->exec_time / NANOSECONDS_PER_MS);
	Assert(i == END_CAPTURE_COLUMNS);
	tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
}

Datum
pg_querywatch_end_capture_1_0(PG_FUNCTION_ARGS)
{
	int			count;
	bool		all_statements;
	bool		all_values;

	shmem_require();
	if (!capture_on)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("no capture is running in this session"),
				 errhint("Call querywatch.begin_capture() first, on the same connection; behind a pooler that shares connections between transactions, in the same transaction.")));
	InitMaterializedSRF(fcinfo, 0);

	count = capture_count();
	for (int n = 0; n < count; n++)
		put_statement((ReturnSetInfo *) fcinfo->resultinfo, n + 1,
					  capture_statement(n));
	all_statements = count <= CAPTURE_MAX_STATEMENTS;
	all_values = capture_values_complete();
	capture_forget();

	if (!all_statements)
		ereport(WARNING,
				(errmsg("capture kept only the first %d different statements",
						CAPTURE_MAX_STATEMENTS),
				 errdetail("The last row has the executions of all others.")));
	if (!all_values)
		ereport(WARNING,
				(errmsg("capture kept only the first %d distinct parameters",
						CAPTURE_MAX_VALUES),
				 errdetail("distinct_parameters is too low for what came later.")));
	return (Datum) 0;
}

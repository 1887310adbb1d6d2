/*-------------------------------------------------------------------------
 *
 * sqlfindings.c
 *		SQL-callable function of the findings.
 *
 * No state and no locks of its own.  Of statements of roles whose statements
 * the caller may not see, it shows that there is something, not what: neither
 * texts, nor names of tables and columns, nor tags.
 *
 * src/functions/sqlfindings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/spi.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "common/shmem.h"
#include "common/visible.h"
#include "findings/findings.h"
#include "findings/suggest.h"
#include "repeats/advice.h"

PG_FUNCTION_INFO_V1(pg_querywatch_findings_1_0);

/* Columns of findings() */
typedef enum FindingColumn
{
	COLUMN_SEVERITY,
	COLUMN_KIND,
	COLUMN_CONFIDENCE,
	COLUMN_DBID,
	COLUMN_USERID,
	COLUMN_APPLICATION_NAME,
	COLUMN_ROUTE,
	COLUMN_QUERY,
	COLUMN_PARENT_QUERY,
	COLUMN_OCCURRENCES,
	COLUMN_EXECUTIONS,
	COLUMN_TIME_LOST,
	COLUMN_EVIDENCE,
	COLUMN_SUGGESTION,
	COLUMN_REWRITE,
	COLUMN_QUERYID,
	COLUMN_PARENT_QUERYID,
	COLUMN_FIRST_SEEN,
	COLUMN_LAST_SEEN,
	COLUMN_COUNT
} FindingColumn;

typedef struct FindingRow
{
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];
} FindingRow;

static void
set_column(FindingRow *row, FindingColumn column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static void
set_text(FindingRow *row, FindingColumn column, const char *text)
{
	if (text != NULL && text[0] != '\0')
		set_column(row, column, CStringGetTextDatum(text));
}

static void
set_queryid(FindingRow *row, FindingColumn column, uint64 queryid)
{
	if (queryid != 0)
		set_column(row, column, Int64GetDatum((int64) queryid));
}

static void
set_timestamp(FindingRow *row, FindingColumn column, TimestampTz t)
{
	if (t != 0)
		set_column(row, column, TimestampTzGetDatum(t));
}

/* The thresholds of this database; a row that is not there has its default */
static void
read_thresholds(Thresholds *thresholds)
{
	thresholds_defaults(thresholds);
	SPI_connect();
	if (SPI_execute("SELECT t.name, t.value FROM querywatch.thresholds AS t",
					true, 0) != SPI_OK_SELECT)
		elog(ERROR, "could not read querywatch.thresholds");
	for (uint64 i = 0; i < SPI_processed; i++)
	{
		HeapTuple	tuple = SPI_tuptable->vals[i];
		char	   *name = SPI_getvalue(tuple, SPI_tuptable->tupdesc, 1);
		bool		isnull;
		Datum		value = SPI_getbinval(tuple, SPI_tuptable->tupdesc, 2,
										  &isnull);

		for (int t = 0; t < NTHRESHOLDS; t++)
		{
			if (!isnull && strcmp(name, threshold_names[t]) == 0)
				thresholds->value[t] = DatumGetFloat8(value);
		}
	}
	SPI_finish();
}

static void
set_private_columns(FindingRow *row, const Finding *finding,
					const Suggestion *suggestion)
{
	if (finding->pattern)
	{
		const PatternStrings *strings = &finding->pattern->strings;

		set_text(row, COLUMN_ROUTE,
				 visible_text(strings->route, strings->encoding));
		set_queryid(row, COLUMN_PARENT_QUERYID,
					finding->pattern->key.parent_queryid);
	}
	set_text(row, COLUMN_QUERY, suggestion->query);
	set_text(row, COLUMN_PARENT_QUERY, suggestion->parent_query);
	set_text(row, COLUMN_EVIDENCE, suggestion->evidence);
	set_text(row, COLUMN_SUGGESTION, suggestion->suggestion);
	set_text(row, COLUMN_REWRITE, suggestion->rewrite);
	set_queryid(row, COLUMN_QUERYID, finding->key.queryid);
}

/* False if there is no finding after all */
static bool
fill_row(FindingRow *row, const Finding *finding, const SlowPlans *plans)
{
	Suggestion	suggestion = {.confidence = finding->confidence};

	memset(row->nulls, true, sizeof(row->nulls));
	if (visible_to_caller(finding->key.userid))
	{
		suggest(finding, plans, &suggestion);
		if (suggestion.dropped)
			return false;
		set_private_columns(row, finding, &suggestion);
	}
	else
		set_text(row, COLUMN_QUERY, "<insufficient privilege>");

	set_text(row, COLUMN_SEVERITY, finding_severity_name(finding->severity));
	set_text(row, COLUMN_KIND, finding_kind_name(finding));
	set_text(row, COLUMN_CONFIDENCE,
			 repeat_confidence_name(suggestion.confidence));
	set_column(row, COLUMN_DBID, ObjectIdGetDatum(finding->key.dbid));
	set_column(row, COLUMN_USERID, ObjectIdGetDatum(finding->key.userid));
	if (finding->pattern)
		set_text(row, COLUMN_APPLICATION_NAME,
				 visible_text(finding->pattern->strings.application_name,
							  finding->pattern->strings.encoding));
	set_column(row, COLUMN_OCCURRENCES, Int64GetDatum(finding->occurrences));
	set_column(row, COLUMN_EXECUTIONS, Int64GetDatum(finding->executions));
	set_column(row, COLUMN_TIME_LOST,
			   Float8GetDatum(finding->time_lost / NANOSECONDS_PER_MS));
	set_timestamp(row, COLUMN_FIRST_SEEN, finding->first_seen);
	set_timestamp(row, COLUMN_LAST_SEEN, finding->last_seen);
	return true;
}

Datum
pg_querywatch_findings_1_0(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Thresholds	thresholds;
	Finding    *findings;
	int			nfindings;
	SlowPlans  *plans;
	MemoryContext context;
	MemoryContext old;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	read_thresholds(&thresholds);
	findings = findings_collect(&thresholds, true, &nfindings);
	plans = slow_plans_read();

	context = AllocSetContextCreate(CurrentMemoryContext,
									"pg_querywatch finding",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);
	for (int i = 0; i < nfindings; i++)
	{
		FindingRow	row;

		CHECK_FOR_INTERRUPTS();
		if (fill_row(&row, &findings[i], plans))
			tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc,
								 row.values, row.nulls);
		MemoryContextReset(context);
	}
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
	return (Datum) 0;
}

/*-------------------------------------------------------------------------
 *
 * sqlfuncs.c
 *		SQL-callable functions over statements, repeats and info.
 *
 * No state and no locks of their own: they read through the modules and put
 * what they get into rows.  A role without pg_read_all_stats sees texts,
 * query ids, parameters and tags of its own rows only.
 *
 * src/functions/sqlfuncs.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_type.h"
#include "fmgr.h"
#include "funcapi.h"
#include "miscadmin.h"
#include "tcop/cmdtag.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/numeric.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "common/visible.h"
#include "findings/lists.h"
#include "repeats/advice.h"
#include "repeats/evidence.h"
#include "repeats/patterns.h"
#include "repeats/repeats.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "statements/planwaste.h"
#include "statements/statements.h"
#include "statements/texts.h"
#include "waits/waits.h"

PG_FUNCTION_INFO_V1(pg_querywatch_statements_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_statement_text_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_statement_tables_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_repeats_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_evicted_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_info_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_reset_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_reset_patterns_1_0);

/* One row under construction */
typedef struct RowBuilder
{
	ReturnSetInfo *rsinfo;
	int			ncolumns;
	int			n;				/* columns put so far */
	Datum	   *values;
	bool	   *nulls;
	bool		showtext;
	MemoryContext context;		/* of a row's values ... */
	MemoryContext caller;		/* ... while it is built, the one before */
} RowBuilder;

static void
begin_rows(RowBuilder *row, FunctionCallInfo fcinfo)
{
	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	row->rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	row->ncolumns = row->rsinfo->setDesc->natts;
	row->values = palloc0(sizeof(Datum) * row->ncolumns);
	row->nulls = palloc0(sizeof(bool) * row->ncolumns);
	row->n = 0;
	row->showtext = true;
	row->caller = NULL;
	row->context = AllocSetContextCreate(CurrentMemoryContext,
										 "pg_querywatch row",
										 ALLOCSET_DEFAULT_SIZES);
}

/* What is allocated for the row goes with end_row() */
static void
begin_row(RowBuilder *row)
{
	row->caller = MemoryContextSwitchTo(row->context);
}

static void
put(RowBuilder *row, Datum value)
{
	Assert(row->n < row->ncolumns);
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

static void
put_null(RowBuilder *row)
{
	Assert(row->n < row->ncolumns);
	row->nulls[row->n] = true;
	row->values[row->n++] = (Datum) 0;
}

static void
put_int8(RowBuilder *row, int64 value)
{
	put(row, Int64GetDatum(value));
}

/* NULL where this server cannot know */
static void
put_int8_if(RowBuilder *row, bool known, int64 value)
{
	if (known)
		put_int8(row, value);
	else
		put_null(row);
}

/* Nanoseconds as milliseconds */
static void
put_time(RowBuilder *row, double ns)
{
	put(row, Float8GetDatum(ns / NANOSECONDS_PER_MS));
}

static void
put_time_if(RowBuilder *row, bool known, double ns)
{
	if (known)
		put_time(row, ns);
	else
		put_null(row);
}

static void
put_timestamp(RowBuilder *row, TimestampTz t)
{
	if (t != 0)
		put(row, TimestampTzGetDatum(t));
	else
		put_null(row);
}

static Datum
text_datum(const char *string, int encoding)
{
	return CStringGetTextDatum(visible_text(string, encoding));
}

static void
put_text(RowBuilder *row, const char *string, int encoding)
{
	if (string == NULL || string[0] == '\0')
		put_null(row);
	else
		put(row, text_datum(string, encoding));
}

static void
end_row(RowBuilder *row)
{
	Assert(row->n == row->ncolumns);
	tuplestore_putvalues(row->rsinfo->setResult, row->rsinfo->setDesc,
						 row->values, row->nulls);
	row->n = 0;
	if (row->caller)
		MemoryContextSwitchTo(row->caller);
	row->caller = NULL;
	MemoryContextReset(row->context);
}

/*
 * statements
 */

static void
put_times(RowBuilder *row, const TimeStats *times)
{
	put_time(row, times->total);
	put_time(row, times_min(times));
	put_time(row, times->max);
	put_time(row, times_mean(times));
	put_time(row, times_stddev(times));
}

/* Names separated by NULs, the last by two, as text[] */
static Datum
names_array(const char *names, int encoding)
{
	ArrayBuildState *state = initArrayResult(TEXTOID, CurrentMemoryContext,
											 false);

	for (const char *name = names; *name; name += strlen(name) + 1)
		state = accumArrayResult(state, text_datum(name, encoding), false,
								 TEXTOID, CurrentMemoryContext);
	return makeArrayResult(state, CurrentMemoryContext);
}

static const char *
command_name(const StatementShape *shape)
{
	switch ((ShapeCommand) shape->command)
	{
		case SHAPE_SELECT:
			return "SELECT";
		case SHAPE_INSERT:
			return "INSERT";
		case SHAPE_UPDATE:
			return "UPDATE";
		case SHAPE_DELETE:
			return "DELETE";
		case SHAPE_MERGE:
			return "MERGE";
		case SHAPE_UTILITY:
			return GetCommandTagName((CommandTag) shape->noutput);
		case SHAPE_OTHER:
			break;
	}
	return NULL;
}

static void
put_statement(void *arg, const StatementRow *s)
{
	RowBuilder *row = arg;
	const StatementCounters *c = &s->counters;
	const Usage *u = &c->usage;
	bool		visible = visible_to_caller(s->key.userid);
	double		min = times_min(&c->exec);
	double		max = c->exec.max > 0 ? c->exec.max : INFINITY;

	begin_row(row);
	put(row, ObjectIdGetDatum(s->key.userid));
	put(row, ObjectIdGetDatum(s->key.dbid));
	put(row, BoolGetDatum(s->key.toplevel != 0));
	if (visible)
		put_int8(row, (int64) s->key.queryid);
	else
		put_null(row);
	if (!row->showtext)
		put_null(row);
	else if (!visible)
		put(row, CStringGetTextDatum("<insufficient privilege>"));
	else if (s->text)
		put(row, text_datum(s->text, s->encoding));
	else
		put_null(row);

	put_int8(row, c->plan.count);
	put_times(row, &c->plan);
	put_int8(row, c->calls);
	put_times(row, &c->exec);
	put_int8(row, c->rows);
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		put_int8(row, u->blocks[i]);
	put_time(row, u->times[USAGE_SHARED_READ_TIME]);
	put_time(row, u->times[USAGE_SHARED_WRITE_TIME]);
	put_time_if(row, HAVE_LOCAL_BLK_TIMES, u->times[USAGE_LOCAL_READ_TIME]);
	put_time_if(row, HAVE_LOCAL_BLK_TIMES, u->times[USAGE_LOCAL_WRITE_TIME]);
	put_time(row, u->times[USAGE_TEMP_READ_TIME]);
	put_time(row, u->times[USAGE_TEMP_WRITE_TIME]);
	put_int8(row, u->wal[USAGE_WAL_RECORDS]);
	put_int8(row, u->wal[USAGE_WAL_FPI]);
	put(row, NumericGetDatum(int64_to_numeric(u->wal[USAGE_WAL_BYTES])));
	put_int8_if(row, HAVE_WAL_BUFFERS_FULL, u->wal[USAGE_WAL_BUFFERS_FULL]);
	for (int i = 0; i < JIT_NPARTS; i++)
	{
		bool		known = i != JIT_DEFORM || HAVE_JIT_DEFORM;

		put_int8_if(row, known, c->jit.count[i]);
		put_time_if(row, known, c->jit.time[i]);
	}
	put_int8_if(row, HAVE_PARALLEL_WORKERS, c->workers_planned);
	put_int8_if(row, HAVE_PARALLEL_WORKERS, c->workers_launched);
	put_int8_if(row, HAVE_CACHED_PLAN_ORIGIN, c->generic_plan_calls);
	put_int8_if(row, HAVE_CACHED_PLAN_ORIGIN, c->custom_plan_calls);
	put_timestamp(row, s->stats_since);
	put_timestamp(row, s->minmax_since);

	put_time(row, histogram_quantile(s->histogram, 0.50, min, max));
	put_time(row, histogram_quantile(s->histogram, 0.95, min, max));
	put_time(row, histogram_quantile(s->histogram, 0.99, min, max));
	put_int8(row, c->errors);
	put_int8(row, c->cancels);
	put_int8(row, c->slow_calls);
	put_time(row, (double) c->client_time);
	if (command_name(&s->shape))
		put(row, CStringGetTextDatum(command_name(&s->shape)));
	else
		put_null(row);
	if (visible && s->tables)
		put(row, names_array(s->tables, s->encoding));
	else
		put_null(row);
	put_timestamp(row, c->last_seen);
	put_int8(row, c->timeouts);
	put_timestamp(row, c->last_slow);
	end_row(row);
}

Datum
pg_querywatch_statements_1_0(PG_FUNCTION_ARGS)
{
	RowBuilder	row;

	begin_rows(&row, fcinfo);
	row.showtext = PG_GETARG_BOOL(0);
	/* the tables come with the texts */
	statements_read(row.showtext, put_statement, &row);
	return (Datum) 0;
}

/* Of the statement that is called so in a row of statements(false) */
static bool
statement_argument(FunctionCallInfo fcinfo, StatementKey *key)
{
	shmem_require();
	if (PG_ARGISNULL(0) || PG_ARGISNULL(1) || PG_ARGISNULL(2) ||
		PG_ARGISNULL(3) || !visible_to_caller(PG_GETARG_OID(0)))
		return false;
	*key = statement_key((uint64) PG_GETARG_INT64(3), PG_GETARG_OID(0),
						 PG_GETARG_OID(1), PG_GETARG_BOOL(2));
	return true;
}

Datum
pg_querywatch_statement_text_1_0(PG_FUNCTION_ARGS)
{
	StatementKey key;
	char	   *text;

	if (!statement_argument(fcinfo, &key))
		PG_RETURN_TEXT_P(cstring_to_text("<insufficient privilege>"));
	text = statements_text(&key);
	if (text == NULL)
		PG_RETURN_NULL();
	PG_RETURN_TEXT_P(cstring_to_text(text));
}

Datum
pg_querywatch_statement_tables_1_0(PG_FUNCTION_ARGS)
{
	StatementKey key;
	int			encoding;
	const char *tables;

	if (!statement_argument(fcinfo, &key) ||
		(tables = statements_tables(&key, &encoding)) == NULL)
		PG_RETURN_NULL();
	PG_RETURN_DATUM(names_array(tables, encoding));
}

/*
 * repeated statements
 */

/* The example's values as text[], NULL if they were not captured */
static void
put_values(RowBuilder *row, const PatternStrings *strings)
{
	ArrayBuildState *state;
	const char *value = strings->values;

	if (strings->nvalues < 0)
	{
		put_null(row);
		return;
	}
	state = initArrayResult(TEXTOID, CurrentMemoryContext, false);
	for (int i = 0; i < strings->nvalues; i++)
	{
		bool		isnull = *value == PATTERN_VALUE_NULL;

		state = accumArrayResult(state,
								 isnull ? (Datum) 0 :
								 text_datum(value, strings->encoding),
								 isnull, TEXTOID, CurrentMemoryContext);
		value += strlen(value) + 1;
	}
	put(row, makeArrayResult(state, CurrentMemoryContext));
}

/* Text of a statement: the client's, or a cursor's, kept as a nested one */
static void
put_statement_text(RowBuilder *row, const PatternKey *key, uint64 queryid,
				   bool visible)
{
	StatementKey statement = statement_key(queryid, key->userid, key->dbid,
										   true);
	char	   *text;

	if (queryid == 0)
	{
		put_null(row);
		return;
	}
	if (!visible)
	{
		put(row, CStringGetTextDatum("<insufficient privilege>"));
		return;
	}
	text = statements_text(&statement);
	if (text == NULL)
	{
		statement.toplevel = 0;
		text = statements_text(&statement);
	}
	if (text)
		put(row, CStringGetTextDatum(text));
	else
		put_null(row);
}

static void
put_queryid(RowBuilder *row, uint64 queryid, bool visible)
{
	put_int8_if(row, visible && queryid != 0, (int64) queryid);
}

static void
put_pattern(void *arg, const Pattern *p)
{
	RowBuilder *row = arg;
	const PatternStrings *s = &p->strings;
	const char *relationship = repeat_relationship_name(p->relationship);
	bool		visible = visible_to_caller(p->key.userid);

	begin_row(row);
	put(row, CStringGetTextDatum(repeat_kind_name(p->key.kind)));
	put(row, CStringGetTextDatum(repeat_confidence_name(p->confidence)));
	put(row, ObjectIdGetDatum(p->key.dbid));
	put(row, ObjectIdGetDatum(p->key.userid));
	put_text(row, s->application_name, s->encoding);
	put_text(row, visible ? s->route : NULL, s->encoding);
	put_queryid(row, p->key.queryid, visible);
	put_statement_text(row, &p->key, p->key.queryid, visible);
	put_queryid(row, p->key.parent_queryid, visible);
	put_statement_text(row, &p->key, p->key.parent_queryid, visible);
	if (relationship)
		put(row, CStringGetTextDatum(relationship));
	else
		put_null(row);
	put_int8(row, p->bursts);
	put_int8(row, p->executions);
	put(row, Float8GetDatum((double) p->executions / (double) Max(p->bursts, 1)));
	put_int8(row, p->max_burst);
	put_int8(row, p->distinct_values);
	put_time(row, p->exec_time);
	put_time(row, p->burst_time);
	put_time(row, p->time_lost);
	if (visible)
		put_values(row, s);
	else
		put_null(row);
	put_text(row, visible ? s->trace_id : NULL, s->encoding);
	put_timestamp(row, p->first_seen);
	put_timestamp(row, p->last_seen);
	put_text(row, visible ? s->key_column : NULL, s->encoding);
	put_text(row, visible ? s->parent_column : NULL, s->encoding);
	put_text(row, visible ? s->constraint_name : NULL, s->encoding);
	put_int8_if(row, p->parent_executions > 0, p->parent_executions);
	put_int8_if(row, p->parent_executions > 0, p->parent_rows);
	put_int8(row, p->rows);
	put_int8(row, p->transactions);
	put_int8(row, p->bursts_one_transaction);
	put_int8(row, p->bursts_committed_alone);
	put_int8_if(row, p->parent_executions > 0, p->values_compared);
	put_int8_if(row, p->parent_executions > 0, p->values_matched);
	put_int8(row, p->bursts_values_confirm);
	put_int8(row, p->bursts_values_doubt);
	end_row(row);
}

Datum
pg_querywatch_repeats_1_0(PG_FUNCTION_ARGS)
{
	RowBuilder	row;

	begin_rows(&row, fcinfo);
	repeats_publish();
	patterns_read(put_pattern, &row);
	return (Datum) 0;
}

Datum
pg_querywatch_reset_patterns_1_0(PG_FUNCTION_ARGS)
{
	shmem_require();
	patterns_reset();
	snapshot_request();
	evidence_reset();
	PG_RETURN_TIMESTAMPTZ(GetCurrentTimestamp());
}

/*
 * evicted
 */

static void
put_evicted(void *arg, Oid dbid, int64 statements, const StatementCounters *c)
{
	RowBuilder *row = arg;

	begin_row(row);
	put(row, ObjectIdGetDatum(dbid));
	put_int8(row, statements);
	put_int8(row, c->calls);
	put_int8(row, c->rows);
	put_int8(row, c->errors);
	put_int8(row, c->cancels);
	put_int8(row, c->plan.count);
	put_time(row, c->plan.total);
	put_time(row, c->exec.total);
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		put_int8(row, c->usage.blocks[i]);
	end_row(row);
}

Datum
pg_querywatch_evicted_1_0(PG_FUNCTION_ARGS)
{
	RowBuilder	row;

	begin_rows(&row, fcinfo);
	statements_evicted(put_evicted, &row);
	return (Datum) 0;
}

/*
 * info
 */

/* The settings that something did not fit into */
static void
put_settings_to_raise(RowBuilder *row, const StatementsInfo *statements,
					  const SlowlogCounters *slow,
					  const PatternsInfo *patterns, const WaitsInfo *waits)
{
	const struct
	{
		const char *name;
		int64		lost;
	}			settings[] = {
		{"pg_querywatch.max_statements", statements->dealloc},
		{"pg_querywatch.text_memory", statements->texts_dropped},
		{"pg_querywatch.slow_memory", slow->dropped},
		{"pg_querywatch.max_patterns", patterns->dropped},
		{"pg_querywatch.repeat_memory", patterns->memory_refused},
		{"pg_querywatch.max_waits", waits->evicted}
	};
	Datum		names[lengthof(settings)];
	int			n = 0;

	for (int i = 0; i < lengthof(settings); i++)
	{
		if (settings[i].lost > 0)
			names[n++] = CStringGetTextDatum(settings[i].name);
	}
	if (n == 0)
		put_null(row);
	else
		put(row, PointerGetDatum(construct_array(names, n, TEXTOID, -1, false,
												 TYPALIGN_INT)));
}

Datum
pg_querywatch_info_1_0(PG_FUNCTION_ARGS)
{
	RowBuilder	row;
	StatementsInfo statements;
	SlowlogCounters slow;
	PatternsInfo patterns;
	WaitsInfo	waits;
	PlanWasteInfo wastes;
	LockWaitsInfo lockwaits;

	begin_rows(&row, fcinfo);
	statements_info(&statements);
	slowlog_counters(&slow);
	patterns_info(&patterns);
	waits_info(&waits);
	planwaste_info(&wastes);
	lockwaits_info(&lockwaits);

	put(&row, CStringGetTextDatum(QW_VERSION));
	put_int8(&row, statements.entries);
	put_int8(&row, statements.limit);
	put_int8(&row, statements.dealloc);
	put_int8(&row, lists_count());
	put_int8(&row, texts_used());
	put_int8(&row, texts_limit());
	put_int8(&row, statements.texts_dropped);
	put_int8(&row, slow.recorded);
	put_int8(&row, slow.overwritten);
	put_int8(&row, slow.dropped);
	put_int8(&row, patterns.patterns);
	put_int8(&row, patterns.limit);
	put_int8(&row, patterns.dropped);
	put_int8(&row, patterns.routes_folded);
	put_int8(&row, patterns.applications_folded);
	put_int8(&row, patterns.memory_refused);
	put_int8(&row, waits.entries);
	put_int8(&row, waits.limit);
	put_int8(&row, waits.evicted);
	put_int8(&row, wastes.evicted);
	put_int8(&row, waits.folded);
	put_int8(&row, lockwaits.entries);
	put_int8(&row, LOCKWAITS_MAX);
	put_int8(&row, lockwaits.evicted);
	put_int8(&row, shmem_total_size());
	put_int8(&row, shmem_connection_size());
	put_timestamp(&row, statements.stats_reset);
	put_timestamp(&row, snapshot_saved_at());
	put_settings_to_raise(&row, &statements, &slow, &patterns, &waits);
	end_row(&row);
	return (Datum) 0;
}

/*
 * Reset
 */

Datum
pg_querywatch_reset_1_0(PG_FUNCTION_ARGS)
{
	TimestampTz now;

	shmem_require();
	now = statements_reset(PG_GETARG_OID(0), PG_GETARG_OID(1),
						   (uint64) PG_GETARG_INT64(2), PG_GETARG_BOOL(3));
	if (!PG_GETARG_BOOL(3))
		lockwaits_reset(PG_GETARG_OID(0), PG_GETARG_OID(1),
						(uint64) PG_GETARG_INT64(2));
	snapshot_request();
	PG_RETURN_TIMESTAMPTZ(now);
}

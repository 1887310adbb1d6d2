/*-------------------------------------------------------------------------
 *
 * sqlwaits.c
 *		SQL functions: what sessions wait for, have waited for, and what they
 *		run.
 *
 * src/functions/sqlwaits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/pg_type.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "common/visible.h"
#include "metrics/capacity.h"
#include "query/comment.h"
#include "repeats/patterns.h"
#include "snapshot/snapshot.h"
#include "statements/statements.h"
#include "waits/activity.h"
#include "waits/blockers.h"
#include "waits/waits.h"

#define HIDDEN		"<insufficient privilege>"

/* The most columns of a row */
#define ACTIVITY_COLUMNS	17

PG_FUNCTION_INFO_V1(pg_querywatch_waits_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_activity_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_reset_waits_1_0);

/* One row in the making */
typedef struct WaitsRow
{
	ReturnSetInfo *rsinfo;
	int			n;
	Datum		values[ACTIVITY_COLUMNS];
	bool		nulls[ACTIVITY_COLUMNS];
} WaitsRow;

static void
put(WaitsRow *row, Datum value)
{
	row->nulls[row->n] = false;
	row->values[row->n++] = value;
}

static void
put_null(WaitsRow *row)
{
	row->nulls[row->n++] = true;
}

/* In an encoding that is not known; NULL for none and for an empty one */
static void
put_text(WaitsRow *row, const char *string)
{
	if (string == NULL || string[0] == '\0')
		put_null(row);
	else
		put(row, CStringGetTextDatum(visible_text(string, PG_SQL_ASCII)));
}

static void
put_name(WaitsRow *row, const char *string)
{
	if (string == NULL)
		put_null(row);
	else
		put(row, DirectFunctionCall1(namein, CStringGetDatum(string)));
}

/* Milliseconds from then to now; NULL if then is not known */
static void
put_since(WaitsRow *row, TimestampTz then, TimestampTz now)
{
	if (then == 0)
		put_null(row);
	else
		put(row, Float8GetDatum(Max(now - then, 0) / 1000.0));
}

static void
end_row(WaitsRow *row)
{
	Assert(row->n == row->rsinfo->setDesc->natts);
	tuplestore_putvalues(row->rsinfo->setResult, row->rsinfo->setDesc,
						 row->values, row->nulls);
	row->n = 0;
}

static void
put_wait(void *arg, const WaitEntry *entry)
{
	WaitsRow   *row = arg;
	bool		visible = visible_to_caller(entry->key.userid);

	put(row, ObjectIdGetDatum(entry->key.dbid));
	put(row, ObjectIdGetDatum(entry->key.userid));
	put_text(row, entry->application);
	if (entry->key.queryid != 0 && visible)
	{
		StatementKey key = statement_key(entry->key.queryid,
										 entry->key.userid, entry->key.dbid,
										 true);

		put(row, Int64GetDatum((int64) entry->key.queryid));
		put_text(row, statements_text(&key));
	}
	else
	{
		put_null(row);
		put_text(row, visible ? NULL : HIDDEN);
	}
	put_text(row, entry->type);
	put_text(row, entry->event);
	put(row, Int64GetDatum(entry->samples));
	put(row, Float8GetDatum(entry->total_time / 1000.0));
	put(row, TimestampTzGetDatum(entry->last_seen));
	end_row(row);
}

Datum
pg_querywatch_waits_1_0(PG_FUNCTION_ARGS)
{
	WaitsRow	row = {0};

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	row.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	waits_read(put_wait, &row);
	return (Datum) 0;
}

/* Route and trace id out of the comment of a statement that may be cut off */
static void
put_tags(WaitsRow *row, const char *text)
{
	int			length = strlen(text);
	CommentTags tags;
	char		route[PATTERN_ROUTE_LENGTH] = "";

	if (!comment_present(text, length) || !comment_parse(text, length, &tags))
	{
		put_null(row);
		put_null(row);
		return;
	}
	if (!settings_keep_no_tag())
		comment_route(&tags, route, sizeof(route));
	put_text(row, route);
	put_text(row, tags.trace_id);
}

/*
 * Who holds the lock that it waits for: their pids, and of who is at the head
 * of the chain pid, state, since when, and statement
 */
static void
put_blockers(WaitsRow *row, BlockerSearch *search, const BackendActivity *a,
			 const BackendWait *wait, TimestampTz now, char *text, Size size)
{
	const Blockers *blockers = wait->lock_start != 0 ?
	blockers_of(search, a->pid) : NULL;
	Datum	   *pids;
	BackendActivity root;
	BackendWait root_wait;
	int			root_pid;

	if (blockers == NULL || blockers->n == 0)
	{
		for (int i = 0; i < 5; i++)
			put_null(row);
		return;
	}
	pids = palloc(sizeof(Datum) * blockers->n);
	for (int i = 0; i < blockers->n; i++)
		pids[i] = Int32GetDatum(blockers->pids[i]);
	put(row, PointerGetDatum(construct_array(pids, blockers->n, INT4OID,
											 sizeof(int32), true,
											 TYPALIGN_INT)));

	if (blockers_root(search, a->pid, &root_pid, NULL, NULL) != BLOCKERS_HEAD)
	{
		for (int i = 0; i < 4; i++)
			put_null(row);
		return;
	}
	put(row, Int32GetDatum(root_pid));
	if (root_pid == 0)
	{
		put_text(row, "prepared transaction");
		put_null(row);
		put_null(row);
	}
	else if (!activity_find(root_pid, &root, &root_wait, text, size))
	{
		for (int i = 0; i < 3; i++)
			put_null(row);
	}
	else if (!visible_to_caller(root.userid))
	{
		put_null(row);
		put_null(row);
		put_text(row, HIDDEN);
	}
	else
	{
		put_text(row, activity_state_name(&root));
		put_since(row, root.state_start, now);
		put_text(row, text);
	}
}

static void
put_activity(WaitsRow *row, const Directory *directory,
			 const BackendActivity *a, const BackendWait *wait,
			 char *text, Size size, BlockerSearch *search)
{
	TimestampTz now = GetCurrentTimestamp();
	bool		visible = visible_to_caller(a->userid);
	const char *type;
	const char *event;

	activity_wait_names(wait->event, &type, &event);
	put(row, Int32GetDatum(a->pid));
	put_name(row, directory ?
			 directory_database_name(directory, a->dbid) : NULL);
	put_name(row, directory ? directory_role_name(directory, a->userid) : NULL);
	put_text(row, a->application);
	if (visible)
	{
		put_tags(row, text);
		if (a->queryid != 0)
			put(row, Int64GetDatum((int64) a->queryid));
		else
			put_null(row);
		put_text(row, text);
		put_since(row, a->statement_start, now);
		put_text(row, type);
		put_text(row, event);
		put_since(row, wait->lock_start, now);
	}
	else
	{
		/* as pg_stat_activity; who blocks whom, anybody may ask the server */
		put_null(row);
		put_null(row);
		put_null(row);
		put_text(row, HIDDEN);
		for (int i = 0; i < 4; i++)
			put_null(row);
	}
	put_blockers(row, search, a, wait, now, text, size);
	end_row(row);
}

/*
 * The statement's text of pg_stat_activity, not that of the table: it is what
 * runs, and is there while it is still parsed.
 */
Datum
pg_querywatch_activity_1_0(PG_FUNCTION_ARGS)
{
	WaitsRow	row = {0};
	Directory	names;
	Directory  *directory;
	BlockerSearch search;
	Size		size = pgstat_track_activity_query_size;
	char	   *text = palloc(size);
	MemoryContext context;
	MemoryContext caller;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	row.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;

	/* names are left out, rather than that it waits for a lock */
	directory = directory_read(&names, true) ? &names : NULL;
	blockers_begin(&search, MaxBackends);
	context = AllocSetContextCreate(CurrentMemoryContext,
									"pg_querywatch activity",
									ALLOCSET_DEFAULT_SIZES);

	for (int i = 0; i < ACTIVITY_CLIENTS; i++)
	{
		BackendActivity activity;
		BackendWait wait;

		CHECK_FOR_INTERRUPTS();
		if (!activity_read_active(i, &activity, &wait, text, size))
			continue;
		caller = MemoryContextSwitchTo(context);
		put_activity(&row, directory, &activity, &wait, text, size,
					 &search);
		MemoryContextSwitchTo(caller);
		MemoryContextReset(context);
	}
	return (Datum) 0;
}

Datum
pg_querywatch_reset_waits_1_0(PG_FUNCTION_ARGS)
{
	shmem_require();
	waits_reset();
	lockwaits_reset(InvalidOid, InvalidOid, 0);
	snapshot_request();
	PG_RETURN_VOID();
}

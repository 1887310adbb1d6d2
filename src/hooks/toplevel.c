/*-------------------------------------------------------------------------
 *
 * toplevel.c
 *		How the client's own statement comes to its end if it fails.
 *
 * src/hooks/toplevel.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "hooks/toplevel.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "repeats/capture.h"
#include "slow/slowlog.h"

Toplevel	toplevel = {.running.counted = true};

/*
 * The error seen last during the phase: the statement's end, should nobody
 * handle it
 */
static struct
{
	bool		waiting;		/* the callback is registered */
	MemoryContextCallback handled;
	uint64		phase;			/* number of the phase it is of, 0: none */
	Execution	execution;
	Usage		usage;
	SlowHeld   *slow;			/* its slow log record, or NULL */
}			failure;

static void
forget_failure(void)
{
	slowlog_drop(failure.slow);
	failure.slow = NULL;
	failure.phase = 0;
}

/* Is the frame that the phase began in still there? */
static bool
phase_lives(void)
{
	for (ErrorContextCallback * context = error_context_stack; context != NULL;
		 context = context->previous)
	{
		if (context == &toplevel.context)
			return true;
	}
	return false;
}

/*
 * The times of the phase.  A start's clock has not been read: what has passed
 * since the client's message, without planning, comes close.
 */
static void
fill_times(Execution *e)
{
	if (session.phase == TOPLEVEL_STARTING)
	{
		int64		passed = GetCurrentTimestamp() -
		GetCurrentStatementStartTimestamp();

		e->key = statement_key((uint64) toplevel.queryDesc->plannedstmt->queryId,
							   GetUserId(), MyDatabaseId, true);
		e->plan_time = plan_time_of(e->key.queryid);
		e->elapsed = (uint64) Max(passed, 0) * 1000;
		e->elapsed -= Min(e->elapsed, e->plan_time);
		e->start = compat_clock() - e->elapsed;
		return;
	}
	if (session.phase == TOPLEVEL_COMMAND)
		e->key = statement_key(toplevel.queryid, GetUserId(), MyDatabaseId,
							   true);
	else
		e->key = toplevel.running.key;
	e->start = toplevel.running.measure.start;
	e->elapsed = compat_clock() - e->start;
}

/* Has the error's execution put down for the slow log, while it is all there */
static void
hold_slow(const Execution *e)
{
	const char *text;
	int			location;
	int			length;

	if (session.phase == TOPLEVEL_PLANNING)
	{
		text = toplevel.text;
		location = toplevel.query->stmt_location;
		length = toplevel.query->stmt_len;
	}
	else if (session.phase == TOPLEVEL_COMMAND)
	{
		text = toplevel.text;
		location = toplevel.location;
		length = toplevel.length;
	}
	else
	{
		text = toplevel.queryDesc->sourceText;
		location = toplevel.queryDesc->plannedstmt->stmt_location;
		length = toplevel.queryDesc->plannedstmt->stmt_len;
	}
	comment_include(text, &location, &length);
	normalize_clean(&text, &location, &length);
	failure.slow = slowlog_hold(e, session.phase == TOPLEVEL_PLANNING ||
								session.phase == TOPLEVEL_COMMAND ?
								NULL : toplevel.queryDesc, text, length,
								GetCurrentTimestamp() -
								(int64) (e->elapsed / 1000));
}

/* The statement has failed: its frame is gone */
static void
phase_failed(void)
{
	ToplevelPhase phase = session.phase;

	session.phase = TOPLEVEL_NONE;
	session.level = 0;
	if (failure.phase == toplevel.phases)
	{
		Execution  *e = &failure.execution;

		if (phase == TOPLEVEL_RUNNING)
		{
			if (facts_query == toplevel.queryDesc)
				facts_query = NULL;
			repeats_failed(toplevel.running.run, e->start + e->elapsed);
		}
		record_noted_failure(e, failure.slow);
		failure.slow = NULL;
		if (unlikely(capture_on))
			capture_execution(&e->key, e->start, e->elapsed, 0);
	}
	forget_failure();
}

/*
 * An error was handled, this one's or another.  Code inside of the statement
 * that did so may raise it again, which calls no callbacks; so that is looked
 * at once more when the client's next message is waited for.
 */
static void
error_handled(void *arg)
{
	failure.waiting = false;
	if (session.phase == TOPLEVEL_NONE)
		return;
	toplevel_settle();
	if (session.phase != TOPLEVEL_NONE && MessageContext != NULL)
	{
		failure.waiting = true;
		MemoryContextRegisterResetCallback(MessageContext, &failure.handled);
	}
}

/* Is what starts recorded, and not an EXPLAIN's? */
static bool
is_execution(void)
{
	const QueryDesc *queryDesc = toplevel.queryDesc;

	return queryDesc->plannedstmt->queryId != 0 && qw_track != TRACK_NONE &&
		!IsParallelWorker() &&
		(queryDesc->estate == NULL ||
		 (queryDesc->estate->es_top_eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0);
}

/*
 * A message is being reported during the phase.  Nothing here raises.  A
 * warning cannot be told from an error that has the SQLSTATE of one; it does
 * no harm, for the statement goes on.
 */
static void
note_error(void *arg)
{
	int			sqlstate = geterrcode();
	Execution  *e = &failure.execution;

	if (sqlstate == ERRCODE_SUCCESSFUL_COMPLETION ||
		session.phase == TOPLEVEL_NONE)
		return;

	if (!failure.waiting)
	{
		failure.waiting = true;
		failure.handled.func = error_handled;
		MemoryContextRegisterResetCallback(ErrorContext, &failure.handled);
	}
	if (session.phase == TOPLEVEL_STARTING && !is_execution())
		return;

	if (failure.phase != toplevel.phases)
		forget_failure();
	failure.phase = toplevel.phases;
	memset(e, 0, sizeof(*e));
	memset(&failure.usage, 0, sizeof(failure.usage));
	fill_times(e);
	e->usage = &failure.usage;
	if (session.phase == TOPLEVEL_RUNNING && toplevel.running.running)
		measure_usage(&toplevel.running.measure, &failure.usage);
	e->sqlstate = sqlstate;
	e->outcome = outcome_of_error(sqlstate);
	if (failure.slow == NULL && is_slow(e->elapsed))
		hold_slow(e);
}

void
toplevel_settle(void)
{
	if (!phase_lives())
		phase_failed();
}

void
toplevel_init(void)
{
	toplevel.context.callback = note_error;
}

/*-------------------------------------------------------------------------
 *
 * recording.c
 *		Hands executions to the recorders.
 *
 * src/hooks/recording.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "hooks/recording.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "query/secrets.h"
#include "repeats/repeats.h"
#include "statements/statements_run.h"

bool		in_cursor_utility = false;

PlanSeen	last_plan;
ClientStatement last_client_statement;

/* The time "idle" was long, or the last statement has no slot */
void
record_client_time(uint64 idle)
{
	StatementLocal *local = statements_last_client;

	/* autovacuum, or what applies replicated changes, has no client */
	if (MyProcPort == NULL)
		return;

	/* the server measures it by a clock that can be set */
	if (unlikely(idle >= FACTS_LONG_IDLE))
		idle = Min(idle, compat_clock() - last_client_statement.end);
	if (likely(idle > 0))
		statements_record_client(local, idle);
	if (unlikely(idle >= FACTS_LONG_IDLE))
		facts_idle(statements_number(local), idle);
}

/* Nanoseconds since a time of the server's clock that can be set */
static uint64
passed_since(TimestampTz then)
{
	return (uint64) Max(GetCurrentTimestamp() - then, 0) * 1000;
}

uint64
session_idle_since(uint64 end, uint64 now)
{
	uint64		gap = now - end;
	uint64		busy;

	if (pgstat_track_activities &&
		last_client_statement.transaction == compat_transaction_id())
	{
		uint64		idle = (uint64) (pgStatTransactionIdleTime -
									 last_client_statement.idle) * 1000;

		busy = now - last_client_statement.end;
		busy -= Min(busy, idle);
	}
	else if (!IsTransactionBlock())
	{
		/* it began with the first of the messages that ask for this */
		busy = passed_since(GetCurrentTransactionStartTimestamp());
	}
	else
		busy = passed_since(GetCurrentStatementStartTimestamp());
	return gap - Min(gap, busy);
}

/* Adds it to its statement; true if the slow log wants it as well */
static bool
count_execution(const Execution *e)
{
	bool		slow = is_slow(e->elapsed);
	int			slot = statements_slot(&e->key);

	if (slot < 0)
		return false;
	statements_record(slot, e, slow);
	if (unlikely(e->outcome == OUTCOME_TIMEOUT))
		facts_timeout(slot, e->elapsed);
	return slow;
}

void
record_execution(Execution *e, QueryDesc *queryDesc, const char *text,
				 int location, int length)
{
	if (unlikely(count_execution(e)))
	{
		comment_include(text, &location, &length);
		normalize_clean(&text, &location, &length);
		if (unlikely(secrets_cut(text, &length)))
			e->text_cut = true;
		slowlog_record(e, queryDesc, text, length,
					   GetCurrentTimestamp() - (int64) (e->elapsed / 1000));
	}
}

void
record_query(Execution *e, QueryDesc *queryDesc)
{
	JitUsage	jit;

	if (unlikely(queryDesc->estate && queryDesc->estate->es_jit))
	{
		compat_jit_usage(&jit, &queryDesc->estate->es_jit->instr);
		e->jit = &jit;
	}
	if (queryDesc->estate)
		compat_parallel_workers(queryDesc->estate, &e->workers_planned,
								&e->workers_launched);
	compat_cached_plan(queryDesc->plannedstmt, &e->generic_plan,
					   &e->custom_plan);
	record_execution(e, queryDesc, queryDesc->sourceText,
					 queryDesc->plannedstmt->stmt_location,
					 queryDesc->plannedstmt->stmt_len);
	e->jit = NULL;
}

ExecutionOutcome
outcome_of_error(int sqlstate)
{
	ExecutionOutcome outcome = OUTCOME_ERROR;

	if (sqlstate == ERRCODE_QUERY_CANCELED)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		ErrorData  *error = CopyErrorData();

		/* only the message, untranslated, tells a timeout */
		outcome = error->message_id &&
			strstr(error->message_id, "statement timeout") != NULL ?
			OUTCOME_TIMEOUT : OUTCOME_CANCELED;
		FreeErrorData(error);
		MemoryContextSwitchTo(old);
	}
	return outcome;
}

/* A serialization failure or deadlock ends the window */
static void
heed_rollback(const Execution *e)
{
	if (e->key.toplevel &&
		ERRCODE_TO_CATEGORY(e->sqlstate) == ERRCODE_TRANSACTION_ROLLBACK)
		repeats_close();
}

void
record_failure(Execution *e, QueryDesc *queryDesc, const char *text,
			   int location, int length)
{
	e->sqlstate = geterrcode();
	e->outcome = outcome_of_error(e->sqlstate);
	record_execution(e, queryDesc, text, location, length);
	heed_rollback(e);
}

void
record_noted_failure(Execution *e, SlowHeld *slow)
{
	if (count_execution(e))
		slowlog_insert(slow, e);
	else
		slowlog_drop(slow);
	heed_rollback(e);
}

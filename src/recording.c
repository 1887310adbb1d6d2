/*-------------------------------------------------------------------------
 *
 * recording.c
 *		Hands executions to the recorders.
 *
 * src/recording.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "normalize.h"
#include "recording.h"
#include "repeats.h"
#include "slowlog.h"

int			nesting_level = 0;
bool		in_cursor_utility = false;

/* The planning seen last, until its execution takes it over */
static uint64 last_plan_queryid = 0;
static uint64 last_plan_time = 0;

/* The client's statement that ended last */
static StatementKey last_key;
static int	last_slot = -1;		/* -1: none */
static uint64 last_end;
static uint64 last_transaction;

void
plan_seen(uint64 queryid, uint64 elapsed)
{
	last_plan_queryid = queryid;
	last_plan_time = elapsed;
}

uint64
plan_time_of(uint64 queryid)
{
	return last_plan_queryid == queryid ? last_plan_time : 0;
}

void
client_statement_begins(uint64 now)
{
	if (last_slot >= 0 && last_transaction == compat_transaction_id())
	{
		uint64		gap = now - last_end;

		/* planning in between was ours */
		if (gap > last_plan_time)
			statements_record_client(&last_key, last_slot,
									 gap - last_plan_time);
	}
	last_slot = -1;
}

void
client_statement_ended(const StatementKey *key, int slot, uint64 end)
{
	last_key = *key;
	last_slot = slot;
	last_end = end;
	last_transaction = compat_transaction_id();
	last_plan_queryid = 0;
	last_plan_time = 0;
}

void
record_execution(Execution *e, QueryDesc *queryDesc, const char *text,
				 int location, int length)
{
	bool		slow = is_slow(e->elapsed);
	int			slot = statements_slot(&e->key);

	if (slot < 0)
		return;
	statements_record(slot, e, slow);
	if (unlikely(slow))
	{
		normalize_clean(&text, &location, &length);
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
}

/* What kind of failure the error being handled is */
static ExecutionOutcome
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

void
record_failure(Execution *e, QueryDesc *queryDesc, const char *text,
			   int location, int length)
{
	e->sqlstate = geterrcode();
	e->outcome = outcome_of_error(e->sqlstate);
	record_execution(e, queryDesc, text, location, length);

	/* a transaction that has to be tried again is another one */
	if (e->key.toplevel &&
		ERRCODE_TO_CATEGORY(e->sqlstate) == ERRCODE_TRANSACTION_ROLLBACK)
		repeats_close();
}

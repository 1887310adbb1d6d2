/*-------------------------------------------------------------------------
 *
 * recording.h
 *		What the hooks of queries and of utility statements share: where in
 *		the nest of statements a session is, measuring, and handing an
 *		execution to the recorders.
 *
 * Backend-local.  Nothing here raises.
 *
 * src/hooks/recording.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_RECORDING_H
#define QW_RECORDING_H

#include "miscadmin.h"
#include "pgstat.h"

#include "common/compat.h"
#include "common/session.h"
#include "common/settings.h"
#include "slow/slowlog.h"
#include "statements/measure.h"
#include "statements/statements_internal.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* In a DECLARE CURSOR or FETCH that the client sent */
extern bool in_cursor_utility;

/* Are statements of the current level recorded? */
static inline bool
level_tracked(void)
{
	return session.level < qw_track;
}

/* Is this statement recorded?  Parallel workers leave it to their leader. */
static inline bool
tracked(uint64 queryid)
{
	return queryid != 0 && level_tracked() && !IsParallelWorker();
}

static inline StatementKey
current_key(uint64 queryid)
{
	return statement_key(queryid, GetUserId(), MyDatabaseId,
						 session.level == 0);
}

static inline bool
is_slow(uint64 elapsed)
{
	return elapsed >= qw_slow_nanoseconds;
}

/*
 * Records an execution that is over, in the statistics and, if it was slow,
 * in the slow log.  "queryDesc" is NULL for a utility statement; the
 * statement within its source text is given as a PlannedStmt has it.
 */
extern void record_execution(Execution *execution, QueryDesc *queryDesc,
							 const char *text, int location, int length);

/* The same for a query whose estate is still there: adds what that tells */
extern void record_query(Execution *execution, QueryDesc *queryDesc);

/*
 * Counts a failure while its error is being handled: reads no catalogs.
 * "execution" has its key, times and usage.
 */
extern void record_failure(Execution *execution, QueryDesc *queryDesc,
						   const char *text, int location, int length);

/*
 * The same in steps, for an error that may yet be handled: what kind of failure
 * the error that is reported or handled is; and, when nobody handled it, the
 * recording, of an execution that has it all.  "slow" is its record of the slow
 * log, NULL if there is none; it is consumed.
 */
extern ExecutionOutcome outcome_of_error(int sqlstate);
extern void record_noted_failure(Execution *execution, SlowHeld *slow);

/* The planning seen last, until its execution takes it over */
typedef struct PlanSeen
{
	uint64		queryid;		/* 0: none */
	uint64		elapsed;
} PlanSeen;

extern PlanSeen last_plan;

static inline uint64
plan_time_of(uint64 queryid)
{
	return last_plan.queryid == queryid ? last_plan.elapsed : 0;
}

/*
 * Time of the client's own: a statement of the client begins, one has ended.
 * statements_last_client is the one that ended last, NULL if another began, or
 * if it has lost its slot: its time is not kept then.
 */
typedef struct ClientStatement
{
	uint64		end;
	PgStat_Counter idle;		/* the session's time idle in transactions
								 * until then, us */
	uint64		transaction;
} ClientStatement;

extern ClientStatement last_client_statement;
extern void record_client_time(uint64 idle);

/*
 * A statement of the client's begins in the transaction of the last one.  What
 * passed between them is the client's time only as far as the session's state
 * was "idle in transaction": parsing, planning, waiting for a lock in either, or
 * a function called by the fast path are the server's.
 */
static pg_attribute_always_inline void
client_statement_begins(uint64 transaction)
{
	StatementLocal *local = statements_last_client;

	if (local != NULL && last_client_statement.transaction == transaction)
	{
		uint64		idle = (uint64) (pgStatTransactionIdleTime -
									 last_client_statement.idle) * 1000;

		if (likely(idle < FACTS_LONG_IDLE && local->slot != NULL &&
				   MyProcPort != NULL))
			slot_add_client_time(local->slot, idle);
		else
			record_client_time(idle);
	}
	statements_last_client = NULL;
}

/*
 * How much of the time from "end", when a statement had ended, until "now",
 * when one of the current transaction begins, was the client's?  All but what
 * is known to have been the server's.
 */
extern uint64 session_idle_since(uint64 end, uint64 now);

static inline void
client_statement_ended(StatementLocal *local, uint64 end, uint64 transaction)
{
	statements_last_client = local;
	last_client_statement.end = end;
	last_client_statement.idle = pgStatTransactionIdleTime;
	last_client_statement.transaction = transaction;
	last_plan.queryid = 0;
}

#pragma GCC visibility pop

#endif							/* QW_RECORDING_H */

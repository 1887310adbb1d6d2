/*-------------------------------------------------------------------------
 *
 * counters.h
 *		The counts of a statement, and their sums.
 *
 * Plain values; who holds them says which lock guards them.
 *
 * src/common/counters.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_COUNTERS_H
#define QW_COUNTERS_H

#include "common/execution.h"
#include "common/histogram.h"
#include "common/times.h"

typedef struct StatementCounters
{
	int64		calls;			/* that completed */
	int64		errors;			/* failed, other than ... */
	int64		cancels;		/* ... those cancelled, timeouts included */
	int64		timeouts;		/* cancelled by statement_timeout */
	int64		slow_calls;		/* past slow_threshold, completed or not */
	int64		rows;			/* of completed calls, as are the usages */
	TimeStats	exec;			/* all executions, failed ones too */
	TimeStats	plan;
	Usage		usage;
	JitUsage	jit;
	int64		workers_planned;
	int64		workers_launched;
	int64		generic_plan_calls;
	int64		custom_plan_calls;
	int64		client_time;	/* ns from its end to the start of the next
								 * statement of its transaction */
	TimestampTz last_seen;		/* start of the last client message that ran
								 * it */
	TimestampTz last_slow;		/* 0: never */
} StatementCounters;

extern void usage_add(Usage *pg_restrict a, const Usage *pg_restrict b);

/* Adds b to a */
extern void counters_add(StatementCounters *pg_restrict a,
						 const StatementCounters *pg_restrict b);

/*
 * The buckets of a histogram that can be above 0 if it has counted the same
 * executions as these counters, whose extremes were never cleared on their own:
 * first <= i < end
 */
static inline int
counters_first_bucket(const StatementCounters *counters)
{
	return counters->exec.count == 0 ? 0 :
		histogram_bucket(counters->exec.min);
}

static inline int
counters_end_bucket(const StatementCounters *counters)
{
	return counters->exec.count == 0 ? 0 :
		histogram_bucket(counters->exec.max) + 1;
}

/* No counts at all; the extremes empty */
extern void counters_clear(StatementCounters *counters);
extern void counters_clear_minmax(StatementCounters *counters);

#endif							/* QW_COUNTERS_H */

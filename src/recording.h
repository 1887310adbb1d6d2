/*-------------------------------------------------------------------------
 *
 * recording.h
 *		What the hooks of queries and of utility statements share: where in
 *		the nest of statements a session is, measuring, and handing an
 *		execution to the recorders.
 *
 * Backend-local.  Nothing here raises.
 *
 * src/recording.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_RECORDING_H
#define QW_RECORDING_H

#include "miscadmin.h"
#include "storage/bufmgr.h"

#include "compat.h"
#include "settings.h"
#include "statements.h"

/* Executor, planner and utility statements that we are inside of */
extern int	nesting_level;

/* In a DECLARE CURSOR or FETCH that the client sent */
extern bool in_cursor_utility;

/* What was used up before something was measured */
typedef struct Measure
{
	uint64		start;			/* monotonic clock, ns */
	BufferUsage buffers;
	WalUsage	wal;
} Measure;

static inline void
measure_start(Measure *measure)
{
	measure->start = compat_clock();
	measure->buffers = pgBufferUsage;
	measure->wal = pgWalUsage;
}

static inline void
measure_usage(const Measure *measure, Usage *usage)
{
	const int64 *now = (const int64 *) &pgBufferUsage;
	const int64 *then = (const int64 *) &measure->buffers;

	for (int i = 0; i < USAGE_NBLOCKS; i++)
		usage->blocks[i] = now[i] - then[i];
	compat_wal_usage(usage->wal, &pgWalUsage, &measure->wal);
	if (unlikely(track_io_timing))
		compat_io_times(usage->times, &pgBufferUsage, &measure->buffers);
	else
		memset(usage->times, 0, sizeof(usage->times));
}

/* Are statements of the current level recorded? */
static inline bool
level_tracked(void)
{
	return qw_track == TRACK_ALL ||
		(qw_track == TRACK_TOP && nesting_level == 0);
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
						 nesting_level == 0);
}

static inline bool
is_slow(uint64 elapsed)
{
	return qw_slow_threshold >= 0 &&
		elapsed >= (uint64) qw_slow_threshold * 1000000;
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

/* Planning time: seen, and taken over by the execution that follows */
extern void plan_seen(uint64 queryid, uint64 elapsed);
extern uint64 plan_time_of(uint64 queryid);

/*
 * Time of the client's own: a statement of the client begins, one has ended.
 */
extern void client_statement_begins(uint64 now);
extern void client_statement_ended(const StatementKey *key, int slot,
								   uint64 end);

#endif							/* QW_RECORDING_H */

/*-------------------------------------------------------------------------
 *
 * counters.c
 *		Emptying counts and adding them up.
 *
 * src/common/counters.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/counters.h"

void
counters_clear(StatementCounters *counters)
{
	memset(counters, 0, sizeof(StatementCounters));
	times_clear(&counters->exec);
	times_clear(&counters->plan);
}

void
counters_clear_minmax(StatementCounters *counters)
{
	times_clear_minmax(&counters->exec);
	times_clear_minmax(&counters->plan);
}

void
usage_add(Usage *pg_restrict a, const Usage *pg_restrict b)
{
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		a->blocks[i] += b->blocks[i];
	for (int i = 0; i < USAGE_NTIMES; i++)
		a->times[i] += b->times[i];
	for (int i = 0; i < USAGE_NWAL; i++)
		a->wal[i] += b->wal[i];
}

void
counters_add(StatementCounters *pg_restrict a,
			 const StatementCounters *pg_restrict b)
{
	a->calls += b->calls;
	a->errors += b->errors;
	a->cancels += b->cancels;
	a->timeouts += b->timeouts;
	a->slow_calls += b->slow_calls;
	a->rows += b->rows;
	times_add(&a->exec, &b->exec);
	times_add(&a->plan, &b->plan);
	usage_add(&a->usage, &b->usage);
	for (int i = 0; i < JIT_NPARTS; i++)
	{
		a->jit.count[i] += b->jit.count[i];
		a->jit.time[i] += b->jit.time[i];
	}
	a->workers_planned += b->workers_planned;
	a->workers_launched += b->workers_launched;
	a->generic_plan_calls += b->generic_plan_calls;
	a->custom_plan_calls += b->custom_plan_calls;
	a->client_time += b->client_time;
	a->last_seen = Max(a->last_seen, b->last_seen);
	a->last_slow = Max(a->last_slow, b->last_slow);
}

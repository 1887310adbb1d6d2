/*-------------------------------------------------------------------------
 *
 * counters.c
 *		Emptying counts and adding them up.
 *
 * src/counters.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "counters.h"

static void
times_clear(TimeStats *times)
{
	memset(times, 0, sizeof(TimeStats));
	times->min = INFINITY;
}

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
	counters->exec.min = counters->plan.min = INFINITY;
	counters->exec.max = counters->plan.max = 0;
}

/* Mean and m2 of the union: Chan, Golub and LeVeque (1979) */
static void
times_add(TimeStats *a, const TimeStats *b)
{
	double		delta;
	int64		count;

	if (b->count == 0)
		return;
	count = a->count + b->count;
	delta = b->mean - a->mean;
	a->mean += delta * ((double) b->count / (double) count);
	a->m2 += b->m2 + delta * delta *
		((double) a->count * (double) b->count / (double) count);
	a->count = count;
	a->total += b->total;
	a->min = Min(a->min, b->min);
	a->max = Max(a->max, b->max);
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

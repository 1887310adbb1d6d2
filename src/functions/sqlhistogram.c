/*-------------------------------------------------------------------------
 *
 * sqlhistogram.c
 *		latency_histogram(): the distribution of execution times, as bars.
 *
 * It is made to be read: in 80 columns, and without paging.  So where the
 * times are far apart two, four or more buckets of the histogram make a row,
 * and bounds are rounded to three figures.
 *
 * src/functions/sqlhistogram.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "fmgr.h"
#include "funcapi.h"
#include "utils/builtins.h"
#include "utils/float.h"
#include "utils/tuplestore.h"

#include "common/shmem.h"
#include "common/visible.h"
#include "statements/statements.h"

#define MAX_ROWS		24
#define BAR_LENGTH		40

PG_FUNCTION_INFO_V1(pg_querywatch_histogram_1_0);

typedef struct HistogramSum
{
	bool		all;			/* or just those of queryid */
	uint64		queryid;
	uint64		buckets[HISTOGRAM_BUCKETS];
} HistogramSum;

static void
add_histogram(void *arg, const StatementRow *s)
{
	HistogramSum *sum = arg;

	if (!sum->all &&
		(sum->queryid != s->key.queryid || !visible_to_caller(s->key.userid)))
		return;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		sum->buckets[i] += s->histogram[i];
}

/* Nanoseconds as milliseconds, rounded to three figures */
static double
rounded_time(uint64 ns)
{
	char		figures[32];

	snprintf(figures, sizeof(figures), "%.3g", (double) ns / NANOSECONDS_PER_MS);
	return strtod(figures, NULL);
}

/*
 * The row that a bucket is in, where "group" of them make one: the first and
 * the last bucket, which are open to one side, have rows of their own.
 */
static int
row_of_bucket(int bucket, int group)
{
	if (bucket == 0)
		return 0;
	if (bucket == HISTOGRAM_BUCKETS - 1)
		return 1 + (HISTOGRAM_BUCKETS - 2 + group - 1) / group;
	return 1 + (bucket - 1) / group;
}

Datum
pg_querywatch_histogram_1_0(PG_FUNCTION_ARGS)
{
	HistogramSum *sum = palloc0(sizeof(HistogramSum));
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	uint64		rows[HISTOGRAM_BUCKETS] = {0};
	int			first = HISTOGRAM_BUCKETS;
	int			last = -1;
	int			group = 1;
	uint64		most = 0;
	int			bucket;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	sum->all = PG_NARGS() == 0;
	sum->queryid = sum->all ? 0 : (uint64) PG_GETARG_INT64(0);
	statements_read(false, add_histogram, sum);

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		if (sum->buckets[i] == 0)
			continue;
		first = Min(first, i);
		last = i;
	}
	if (last < 0)
		return (Datum) 0;

	while (row_of_bucket(last, group) - row_of_bucket(first, group) >= MAX_ROWS)
		group *= 2;
	for (int i = first; i <= last; i++)
		rows[row_of_bucket(i, group)] += sum->buckets[i];
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		most = Max(most, rows[i]);

	/* from the first row that holds anything to the last */
	for (bucket = 0; row_of_bucket(bucket, group) < row_of_bucket(first, group);)
		bucket++;
	while (bucket <= last)
	{
		int			row = row_of_bucket(bucket, group);
		int			length = (int) ceil((double) rows[row] * BAR_LENGTH /
										(double) most);
		char		bar[BAR_LENGTH + 1];
		Datum		values[4];
		bool		nulls[4] = {false, false, false, false};

		memset(bar, '#', length);
		bar[length] = '\0';
		values[0] = Float8GetDatum(rounded_time(histogram_lower(bucket)));
		while (bucket < HISTOGRAM_BUCKETS && row_of_bucket(bucket, group) == row)
			bucket++;
		values[1] = Float8GetDatum(bucket < HISTOGRAM_BUCKETS ?
								   rounded_time(histogram_lower(bucket)) :
								   get_float8_infinity());
		values[2] = Int64GetDatum((int64) rows[row]);
		values[3] = CStringGetTextDatum(bar);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

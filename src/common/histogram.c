/*-------------------------------------------------------------------------
 *
 * histogram.c
 *		Bounds and quantiles of latency histograms.
 *
 * src/common/histogram.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/histogram.h"

/*
 * How far a quantile may be from the value it stands for.  For a bucket whose
 * upper bound is 1.2 times the lower one, 0.091 is the least that can be had.
 */
#define MAX_ERROR	0.095

uint64
histogram_lower(int bucket)
{
	int			exponent;

	if (bucket <= 0)
		return 0;
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return UINT64CONST(1) << HISTOGRAM_MAX_EXPONENT;
	exponent = HISTOGRAM_MIN_EXPONENT + (bucket - 1) / 4;
	return (uint64) histogram_parts[(bucket - 1) % 4] << (exponent - 5);
}

uint64
histogram_upper(int bucket)
{
	if (bucket >= HISTOGRAM_BUCKETS - 1)
		return PG_UINT64_MAX;
	return histogram_lower(bucket + 1);
}

double
histogram_quantile(const uint64 *buckets, double q, double min, double max)
{
	uint64		total = 0;
	uint64		below = 0;
	double		rank;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		total += buckets[i];
	if (total == 0)
		return 0.0;

	/* nearest rank: the smallest value that q of all are not above */
	rank = ceil(q * (double) total);
	if (rank < 1.0)
		rank = 1.0;

	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		double		lower;
		double		upper;
		double		value;

		if ((double) (below + buckets[i]) < rank)
		{
			below += buckets[i];
			continue;
		}

		/* what is known of the extremes narrows the bucket */
		lower = Max((double) histogram_lower(i), min);
		upper = Min((double) histogram_upper(i), max);
		if (upper < lower)
			return Min(Max(lower, min), max);

		/* the middle of its place among the bucket's values */
		value = lower + (upper - lower) *
			((rank - (double) below - 0.5) / (double) buckets[i]);

		/* but not far from either end, for all of them may be there */
		if (upper * (1 - MAX_ERROR) <= lower * (1 + MAX_ERROR))
			value = Min(Max(value, upper * (1 - MAX_ERROR)),
						lower * (1 + MAX_ERROR));
		return value;
	}
	return max;					/* not reached: total counts every bucket */
}

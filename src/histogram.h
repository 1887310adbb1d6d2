/*-------------------------------------------------------------------------
 *
 * histogram.h
 *		Latency histograms: fixed log-linear buckets.
 *
 * A bucket is the exponent of the nanoseconds and their top two bits below
 * it: four buckets for each power of two, from 1024 ns (about 1 microsecond)
 * to 2^42 ns (1 h 13 min).  Bucket 0 holds everything shorter, the last one
 * everything longer.  Fixed for all servers and versions, so that histograms
 * can be added.  The same idea as in HdrHistogram (log-linear buckets).
 *
 * Pure: no server needed.
 *
 * src/histogram.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_HISTOGRAM_H
#define QW_HISTOGRAM_H

#include "port/pg_bitutils.h"

#define HISTOGRAM_MIN_EXPONENT	10	/* 2^10 ns */
#define HISTOGRAM_MAX_EXPONENT	42	/* 2^42 ns */
#define HISTOGRAM_BUCKETS \
	(2 + (HISTOGRAM_MAX_EXPONENT - HISTOGRAM_MIN_EXPONENT) * 4)

static inline int
histogram_bucket(uint64 ns)
{
	int			exponent;

	if (ns < (UINT64CONST(1) << HISTOGRAM_MIN_EXPONENT))
		return 0;
	if (ns >= (UINT64CONST(1) << HISTOGRAM_MAX_EXPONENT))
		return HISTOGRAM_BUCKETS - 1;
	exponent = pg_leftmost_one_pos64(ns);
	return 1 + (exponent - HISTOGRAM_MIN_EXPONENT) * 4 +
		(int) ((ns >> (exponent - 2)) & 3);
}

/* Bounds of a bucket in nanoseconds: lower <= t < upper */
extern uint64 histogram_lower(int bucket);
extern uint64 histogram_upper(int bucket);

/*
 * The q-quantile (0 < q <= 1) in nanoseconds, 0 if the histogram is empty:
 * interpolated within its bucket, and never outside of min to max, the
 * smallest and the largest value counted (0 and infinity if not known).
 */
extern double histogram_quantile(const uint64 *buckets, double q,
								 double min, double max);

#endif							/* QW_HISTOGRAM_H */

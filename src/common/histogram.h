/*-------------------------------------------------------------------------
 *
 * histogram.h
 *		Latency histograms: fixed buckets, four for each power of two.
 *
 * A bucket is the exponent of the nanoseconds, and which of four parts their
 * next five bits are in, from 1024 ns (about 1 microsecond) to 2^42 ns (1 h
 * 13 min).  Bucket 0 holds everything shorter, the last one everything longer.
 * Fixed for all servers and versions, so that histograms can be added.
 *
 * The parts grow by about the same factor, 1.18 to 1.20, so that there is a
 * value in each that is within 10 % of all others.  Four equal parts, which
 * HdrHistogram's would be, grow by 1.25 to 1.14, and have none in the first.
 *
 * Pure: no server needed.
 *
 * src/common/histogram.h
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

/* Where the parts of a power of two begin, in 32nds of it */
static const uint8 histogram_parts[4] = {32, 38, 45, 54};

/* The part that each 32nd is in */
static const uint8 histogram_part_of[32] =
{0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 2,
2, 2, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3};

static inline int
histogram_bucket(uint64 ns)
{
	int			exponent;

	/* one comparison for both ends; the upper one's bucket is right below */
	if (unlikely(((ns - (UINT64CONST(1) << HISTOGRAM_MIN_EXPONENT)) >>
				  HISTOGRAM_MAX_EXPONENT) != 0))
		return ns < (UINT64CONST(1) << HISTOGRAM_MIN_EXPONENT) ?
			0 : HISTOGRAM_BUCKETS - 1;
#ifdef HAVE__BUILTIN_CLZ
	exponent = 63 ^ __builtin_clzll(ns);	/* one instruction where there is
											 * one */
#else
	exponent = pg_leftmost_one_pos64(ns);
#endif
	return 1 + (exponent - HISTOGRAM_MIN_EXPONENT) * 4 +
		histogram_part_of[(ns >> (exponent - 5)) & 31];
}

/* Bounds of a bucket in nanoseconds: lower <= t < upper */
extern uint64 histogram_lower(int bucket);
extern uint64 histogram_upper(int bucket);

/*
 * The q-quantile (0 < q <= 1) in nanoseconds, 0 if the histogram is empty:
 * the value at the nearest rank, within 10 % if it is in one of the buckets
 * between the first and the last.  Interpolated within its bucket, and never
 * outside of min to max, the smallest and the largest value counted (0 and
 * infinity if not known).
 */
extern double histogram_quantile(const uint64 *buckets, double q,
								 double min, double max);

#endif							/* QW_HISTOGRAM_H */

/*-------------------------------------------------------------------------
 *
 * times.h
 *		Count, sum, extremes and standard deviation of durations.
 *
 * Nanoseconds, and sums of them and of their squares, are whole numbers and
 * kept as such: nothing is rounded, however many there are and however little
 * they differ, the sums of two sets are those of their union, and an execution
 * costs no division (Welford's method, which keeps mean and squared
 * differences in floating point, does one for each).  64 bits hold 584 years of
 * executing, the squares have 128.
 *
 * Pure: no server needed.
 *
 * src/common/times.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TIMES_H
#define QW_TIMES_H

#include <math.h>

typedef struct TimeStats
{
	uint64		total;			/* ns */
	uint64		min;			/* PG_UINT64_MAX: there is none */
	uint64		max;
	uint64		squares_low;	/* sum of the squares, ns^2 */
	uint64		squares_high;
	int64		count;
} TimeStats;

/* Adds a * b to a number of two words */
static inline void
times_add_product(uint64 *low, uint64 *high, uint64 a, uint64 b)
{
#ifdef HAVE_INT128
	uint128		sum = ((uint128) * high << 64) | *low;

	sum += (uint128) a * b;
	*low = (uint64) sum;
	*high = (uint64) (sum >> 64);
#else
	uint64		a_low = a & PG_UINT32_MAX;
	uint64		a_high = a >> 32;
	uint64		b_low = b & PG_UINT32_MAX;
	uint64		b_high = b >> 32;
	uint64		lowest = a_low * b_low;
	uint64		middle = a_high * b_low + (lowest >> 32);
	uint64		other = a_low * b_high + (middle & PG_UINT32_MAX);
	uint64		product = (other << 32) | (lowest & PG_UINT32_MAX);

	*low += product;
	*high += a_high * b_high + (middle >> 32) + (other >> 32) +
		(*low < product ? 1 : 0);
#endif
}

static inline void
times_clear_minmax(TimeStats *times)
{
	times->min = PG_UINT64_MAX;
	times->max = 0;
}

static inline void
times_clear(TimeStats *times)
{
	memset(times, 0, sizeof(TimeStats));
	times->min = PG_UINT64_MAX;
}

static inline void
times_record(TimeStats *times, uint64 t)
{
	times->count++;
	times->total += t;
	times_add_product(&times->squares_low, &times->squares_high, t, t);
	if (t < times->min)
		times->min = t;
	if (t > times->max)
		times->max = t;
}

/* Adds b to a */
static inline void
times_add(TimeStats *a, const TimeStats *b)
{
	a->count += b->count;
	a->total += b->total;
	a->squares_low += b->squares_low;
	a->squares_high += b->squares_high +
		(a->squares_low < b->squares_low ? 1 : 0);
	a->min = Min(a->min, b->min);
	a->max = Max(a->max, b->max);
}

/* The extremes in nanoseconds, 0 if there are none */
static inline uint64
times_min(const TimeStats *times)
{
	return times->min == PG_UINT64_MAX ? 0 : times->min;
}

static inline double
times_mean(const TimeStats *times)
{
	return times->count > 0 ? (double) times->total / times->count : 0;
}

/*
 * Standard deviation in nanoseconds, of all there are: divided by their number,
 * as pg_stat_statements does.
 *
 * The sum of the squared differences from the mean's whole part, which is that
 * of the squares less mean * (total + remainder), is still an exact number, and
 * so small that the rest can do with floating point.
 */
static inline double
times_stddev(const TimeStats *times)
{
	uint64		count = (uint64) times->count;
	uint64		mean;
	uint64		remainder;
	uint64		low = 0;
	uint64		high = 0;
	double		differences;

	if (times->count <= 1)
		return 0;
	mean = times->total / count;
	remainder = times->total % count;
	times_add_product(&low, &high, mean, times->total + remainder);
	high = times->squares_high - high - (times->squares_low < low ? 1 : 0);
	low = times->squares_low - low;
	differences = ldexp((double) high, 64) + (double) low -
		(double) remainder * ((double) remainder / (double) count);
	return differences > 0 ? sqrt(differences / (double) count) : 0;
}

#endif							/* QW_TIMES_H */

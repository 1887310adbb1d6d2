/*-------------------------------------------------------------------------
 *
 * test_histogram.c
 *		Percentiles against exact order statistics, and merging.
 *
 * test/unit/test_histogram.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/histogram.h"
#include "unit.h"

#define MICROSECOND		1e3		/* in nanoseconds */
#define SECOND			1e9
#define SHORTEST		(2 * MICROSECOND)
#define LONGEST			(100 * SECOND)

#define SAMPLES			10001

static const double quantiles[] = {0.50, 0.95, 0.99};

static uint64 random_state = 42;

/* From 0 up to 1; the same numbers in every run */
static double
random_fraction(void)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (double) (random_state >> 11) / 9007199254740992.0;
}

/* Box and Muller */
static double
random_normal(void)
{
	return sqrt(-2 * log(1 - random_fraction())) *
		cos(2 * M_PI * random_fraction());
}

/* Evenly on a logarithmic scale */
static double
random_scale(double from, double to)
{
	return from * pow(to / from, random_fraction());
}

static uint64 samples[SAMPLES];

static void
set_sample(int i, double ns)
{
	samples[i] = (uint64) Min(Max(ns, SHORTEST), LONGEST);
}

static int
compare(const void *a, const void *b)
{
	uint64		x = *(const uint64 *) a;
	uint64		y = *(const uint64 *) b;

	return x < y ? -1 : x > y;
}

/*
 * The largest relative error of the percentiles of the samples, with the
 * extremes known, and without
 */
static double
worst_error(void)
{
	uint64		buckets[HISTOGRAM_BUCKETS] = {0};
	double		worst = 0;

	for (int i = 0; i < SAMPLES; i++)
		buckets[histogram_bucket(samples[i])]++;
	qsort(samples, SAMPLES, sizeof(uint64), compare);

	for (int q = 0; q < lengthof(quantiles); q++)
	{
		double		exact = (double)
		samples[(int) ceil(quantiles[q] * SAMPLES) - 1];
		double		known = histogram_quantile(buckets, quantiles[q],
											   (double) samples[0],
											   (double) samples[SAMPLES - 1]);
		double		unknown = histogram_quantile(buckets, quantiles[q],
												 0, INFINITY);

		worst = Max(worst, fabs(known - exact) / exact);
		worst = Max(worst, fabs(unknown - exact) / exact);
	}
	return worst;
}

static void
within_ten_percent(double worst, const char *what)
{
	ok(worst <= 0.10, "%s: within %.1f %%", what, worst * 100);
}

static void
test_uniform(void)
{
	double		worst = 0;

	for (int run = 0; run < 100; run++)
	{
		double		from = run == 0 ? SHORTEST : random_scale(SHORTEST, LONGEST);
		double		to = run == 0 ? LONGEST : random_scale(from, LONGEST);

		for (int i = 0; i < SAMPLES; i++)
			set_sample(i, from + (to - from) * random_fraction());
		worst = Max(worst, worst_error());
	}
	within_ten_percent(worst, "uniform");
}

static void
test_log_normal(void)
{
	double		worst = 0;

	for (int run = 0; run < 100; run++)
	{
		double		median = random_scale(SHORTEST, LONGEST);
		double		sigma = 0.1 + 2 * random_fraction();

		for (int i = 0; i < SAMPLES; i++)
			set_sample(i, median * exp(sigma * random_normal()));
		worst = Max(worst, worst_error());
	}
	within_ten_percent(worst, "log-normal");
}

/* Modes that are sharp, or somewhat wide */
static void
test_modes(int nmodes, const char *name)
{
	double		worst = 0;

	for (int run = 0; run < 300; run++)
	{
		double		modes[5];
		double		weight = random_fraction();
		double		width = run % 2 == 0 ? 0 : 0.2 * random_fraction();

		for (int m = 0; m < nmodes; m++)
			modes[m] = random_scale(SHORTEST, LONGEST);
		for (int i = 0; i < SAMPLES; i++)
		{
			int			m = nmodes <= 2 ? random_fraction() < weight :
			(int) (random_fraction() * nmodes);

			set_sample(i, modes[Min(m, nmodes - 1)] *
					   (1 + width * random_fraction()));
		}
		worst = Max(worst, worst_error());
	}
	within_ten_percent(worst, name);
}

static void
test_constant(void)
{
	double		worst = 0;

	for (double ns = SHORTEST; ns <= LONGEST; ns *= 1.013)
	{
		for (int i = 0; i < SAMPLES; i++)
			set_sample(i, ns);
		worst = Max(worst, worst_error());
	}
	within_ten_percent(worst, "constant");
}

static void
test_bounds(void)
{
	int			wrong = 0;
	double		widest = 0;

	for (int i = 0; i < 1000000; i++)
	{
		uint64		ns = (uint64) random_scale(1, 1e14);
		int			bucket = histogram_bucket(ns);

		wrong += bucket < 0 || bucket >= HISTOGRAM_BUCKETS ||
			ns < histogram_lower(bucket) || ns >= histogram_upper(bucket);
	}
	is(wrong, 0, "a time is within the bounds of its bucket");

	wrong = histogram_lower(0) != 0;
	for (int i = 1; i < HISTOGRAM_BUCKETS; i++)
	{
		uint64		lower = histogram_lower(i);

		wrong += lower != histogram_upper(i - 1) ||
			histogram_bucket(lower) != i || histogram_bucket(lower - 1) != i - 1;
		if (i > 1)
			widest = Max(widest, (double) lower / histogram_lower(i - 1));
	}
	is(wrong, 0, "each bucket begins where the one before ends");
	ok(widest <= 1.1 / 0.9,
	   "none is so wide that nothing in it is within 10 %% of both ends");
	is(histogram_bucket(PG_UINT64_MAX), HISTOGRAM_BUCKETS - 1,
	   "the last bucket holds the longest time");
	is(histogram_bucket(0), 0, "the first one the shortest");
}

static void
test_merge(void)
{
	int			wrong = 0;

	for (int run = 0; run < 100; run++)
	{
		uint64		parts[3][HISTOGRAM_BUCKETS] = {{0}};
		uint64		whole[HISTOGRAM_BUCKETS] = {0};
		uint64		sum[HISTOGRAM_BUCKETS] = {0};

		for (int i = 0; i < 1000; i++)
		{
			int			part = (int) (random_fraction() * 3);
			uint64		ns = (uint64) (random_scale(1, 1e13) * (part + 1));

			parts[part][histogram_bucket(ns)]++;
			whole[histogram_bucket(ns)]++;
		}
		for (int part = 0; part < 3; part++)
		{
			for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
				sum[i] += parts[part][i];
		}
		wrong += memcmp(sum, whole, sizeof(sum)) != 0;
		for (int q = 0; q < lengthof(quantiles); q++)
			wrong += histogram_quantile(sum, quantiles[q], 0, INFINITY) !=
				histogram_quantile(whole, quantiles[q], 0, INFINITY);
	}
	is(wrong, 0, "histograms added up are the histogram of the union");
}

static void
test_few(void)
{
	uint64		buckets[HISTOGRAM_BUCKETS] = {0};

	ok(histogram_quantile(buckets, 0.5, INFINITY, 0) == 0, "no executions");
	buckets[histogram_bucket(5000)]++;
	ok(histogram_quantile(buckets, 0.5, 5000, 5000) == 5000 &&
	   histogram_quantile(buckets, 0.99, 5000, 5000) == 5000,
	   "one execution");
	buckets[histogram_bucket(0)]++;
	ok(histogram_quantile(buckets, 0.5, 0, 5000) < 1024, "one below 1 us");
	buckets[HISTOGRAM_BUCKETS - 1]++;
	ok(histogram_quantile(buckets, 0.99, 0, 1e13) <= 1e13,
	   "one above an hour");
}

int
main(void)
{
	test_bounds();
	test_uniform();
	test_log_normal();
	test_modes(2, "bimodal");
	test_modes(5, "five modes");
	test_constant();
	test_merge();
	test_few();
	return unit_done();
}

/*-------------------------------------------------------------------------
 *
 * test_times.c
 *		Sums of durations against the same computed in two passes.
 *
 * Links: none
 *
 * test/unit/test_times.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/times.h"
#include "unit.h"

#define SAMPLES		10000

static uint64 samples[SAMPLES];
static uint64 random_state = 42;

/* The same numbers in every run */
static uint64
random_below(uint64 bound)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return random_state % bound;
}

/* Standard deviation of the samples, which are near to a base */
static double
stddev_of_samples(int n, uint64 base)
{
	long double mean = 0;
	long double sum = 0;

	for (int i = 0; i < n; i++)
		mean += (long double) (int64) (samples[i] - base) / n;
	for (int i = 0; i < n; i++)
	{
		long double difference = (int64) (samples[i] - base) - mean;

		sum += difference * difference / n;
	}
	return (double) sqrtl(sum);
}

static void
record_samples(TimeStats *times, int n)
{
	times_clear(times);
	for (int i = 0; i < n; i++)
		times_record(times, samples[i]);
}

/* Samples between base and base + spread, recorded at once and in two parts */
static void
test_samples(uint64 base, uint64 spread, const char *name)
{
	TimeStats	times;
	TimeStats	first;
	TimeStats	second;
	double		expected;

	for (int i = 0; i < SAMPLES; i++)
		samples[i] = base + random_below(spread + 1);
	record_samples(&times, SAMPLES);
	expected = stddev_of_samples(SAMPLES, base);
	ok(fabs(times_stddev(&times) - expected) <= expected * 1e-12,
	   "%s: standard deviation %.6f", name, expected);

	times_clear(&first);
	times_clear(&second);
	for (int i = 0; i < SAMPLES; i++)
		times_record(i % 3 == 0 ? &first : &second, samples[i]);
	times_add(&first, &second);
	ok(memcmp(&first, &times, sizeof(TimeStats)) == 0,
	   "%s: the sums of two parts are those of the whole", name);
}

int
main(void)
{
	TimeStats	times;
	TimeStats	none;
	uint64		low = PG_UINT64_MAX;
	uint64		high = 0;

	times_add_product(&low, &high, PG_UINT64_MAX, PG_UINT64_MAX);
	ok(low == 0 && high == PG_UINT64_MAX,
	   "a product of the largest numbers carries");
	low = high = 0;
	times_add_product(&low, &high, UINT64CONST(0x123456789abcdef1),
					  UINT64CONST(0xfedcba9876543211));
	ok(low == UINT64CONST(0x347e9a0f6729e001) &&
	   high == UINT64CONST(0x121fa00ad77d7423), "a product of two words");

	times_clear(&none);
	is(times_min(&none), 0, "no shortest of none");
	ok(times_mean(&none) == 0 && times_stddev(&none) == 0, "nor mean");

	times_clear(&times);
	times_record(&times, 7);
	ok(times_mean(&times) == 7 && times_stddev(&times) == 0, "one");
	times_add(&times, &none);
	is(times_min(&times), 7, "and none: shortest");
	is(times.max, 7, "and none: longest");

	test_samples(2000, 98000, "2 to 100 us");
	test_samples(0, UINT64CONST(100000000000), "up to 100 s");
	test_samples(UINT64CONST(3600000000000), 3, "an hour, and a few ns");
	test_samples(UINT64CONST(3600000000000), 0, "an hour each");
	return unit_done();
}

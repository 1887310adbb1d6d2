/*-------------------------------------------------------------------------
 *
 * unit.h
 *		TAP output of a unit test, which needs no server.
 *
 * test/unit/unit.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_UNIT_H
#define QW_UNIT_H

#include <stdarg.h>
#include <stdio.h>

#undef printf
#undef vprintf
#undef fprintf
#undef vsnprintf

static int	unit_tests = 0;
static int	unit_failures = 0;

/* One test; its name is a format.  Returns whether it passed. */
static inline bool
ok(bool passed, const char *name,...)
{
	va_list		args;

	unit_tests++;
	if (!passed)
		unit_failures++;
	printf("%sok %d - ", passed ? "" : "not ", unit_tests);
	va_start(args, name);
	vprintf(name, args);
	va_end(args);
	printf("\n");
	return passed;
}

/* One test that two numbers are the same, and a line of both if not */
static inline bool
is(long long found, long long expected, const char *name)
{
	bool		passed = ok(found == expected, "%s", name);

	if (!passed)
		printf("# %s: found %lld, expected %lld\n", name, found, expected);
	return passed;
}

/* To be returned by main() */
static inline int
unit_done(void)
{
	printf("1..%d\n", unit_tests);
	if (unit_failures > 0)
		printf("# %d of %d failed\n", unit_failures, unit_tests);
	return unit_failures > 0 ? 1 : 0;
}

#endif							/* QW_UNIT_H */

/*-------------------------------------------------------------------------
 *
 * fuzz.h
 *		What the fuzzers have in common.
 *
 * A fuzzer fuzz_NAME.c defines LLVMFuzzerTestOneInput(), and is linked with
 * the sources that a line " * Links: a.c b.c" of its head comment names, and
 * with the corpus in corpus/NAME.  None of them needs a server.
 *
 * test/fuzz/fuzz.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_FUZZ_H
#define QW_FUZZ_H

extern int	LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What must hold, whatever the input */
#define CHECK(condition)	do { if (!(condition)) __builtin_trap(); } while (0)

/*
 * A copy of the bytes in memory of just that size, so that the address
 * sanitizer sees what is read outside of it
 */
static inline char *
fuzz_copy(const uint8_t *data, size_t size)
{
	char	   *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	return copy;
}

#endif							/* QW_FUZZ_H */

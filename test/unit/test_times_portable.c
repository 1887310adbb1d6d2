/*-------------------------------------------------------------------------
 *
 * test_times_portable.c
 *		The same where the compiler has no integers of 128 bits.
 *
 * Links: none
 *
 * test/unit/test_times_portable.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#undef HAVE_INT128

#include "test_times.c"

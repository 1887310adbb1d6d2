/*-------------------------------------------------------------------------
 *
 * sanitizer_first.c
 *		Starts the address sanitizer before any other library is initialized,
 *		and says how.
 *
 * It starts with the first malloc().  If that is a library's that sets up its
 * translations (libgpg-error, below libldap), the C library holds a lock
 * then, which the sanitizer's own start waits for, for ever.  So early there
 * is no environment yet: its options are here.  LOG_PATH is where its reports
 * go to, with the process's id.
 *
 * test/setup/sanitizer_first.c
 *
 *-------------------------------------------------------------------------
 */
#include <stdlib.h>

__attribute__((constructor))
static void
first(void)
{
	void	   *volatile memory = malloc(1);

	free(memory);
}

const char *
__asan_default_options(void)
{
	return "log_path=" LOG_PATH ":detect_leaks=0:abort_on_error=1"
		":strict_string_checks=1:verify_asan_link_order=0";
}

const char *
__ubsan_default_options(void)
{
	return "log_path=" LOG_PATH ":print_stacktrace=1";
}

/*-------------------------------------------------------------------------
 *
 * sanitizer_first.c
 *		Starts the address sanitizer before any other library is initialized.
 *
 * It starts with the first malloc().  If that is a library's that sets up its
 * translations (libgpg-error, below libldap), the C library holds a lock
 * then, which the sanitizer's own start waits for, for ever.
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

/*-------------------------------------------------------------------------
 *
 * visible.c
 *		What a role may see, and in which encoding.
 *
 * src/common/visible.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/acl.h"

#include "common/compat.h"
#include "common/visible.h"

bool
visible_all_to_caller(void)
{
	return has_privs_of_role(GetUserId(), ROLE_PG_READ_ALL_STATS);
}

bool
visible_to_caller(Oid userid)
{
	return userid == GetUserId() || visible_all_to_caller();
}

bool
visible_ascii(char *string)
{
	bool		changed = false;

	for (char *p = string; *p != '\0'; p++)
	{
		if (IS_HIGHBIT_SET(*p))
		{
			*p = '?';
			changed = true;
		}
	}
	return changed;
}

char *
visible_text(const char *string, int encoding)
{
	bool		exact = true;

	return visible_text_exact(string, encoding, &exact);
}

char *
visible_text_exact(const char *string, int encoding, bool *exact)
{
	int			server_encoding = GetDatabaseEncoding();
	int			left = strlen(string);
	Oid			conversion = InvalidOid;
	char	   *result;
	Size		size;
	Size		length = 0;

	if (encoding == server_encoding || encoding == PG_SQL_ASCII)
	{
		result = pstrdup(string);
		if (!pg_verify_mbstr(server_encoding, result, left, true) &&
			visible_ascii(result))
			*exact = false;
		return result;
	}

	if (PG_VALID_BE_ENCODING(encoding) && server_encoding != PG_SQL_ASCII)
		conversion = FindDefaultConversionProc(encoding, server_encoding);
	if (!OidIsValid(conversion))
	{
		result = pstrdup(string);
		if (visible_ascii(result))
			*exact = false;
		return result;
	}

	size = (Size) left * MAX_CONVERSION_GROWTH + 1;
	result = palloc_extended(size, MCXT_ALLOC_HUGE);
	result[0] = '\0';
	while (left > 0)
	{
		int			done;

		/* up to what can't be converted */
		done = pg_do_encoding_conversion_buf(conversion,
											 encoding, server_encoding,
											 (unsigned char *) string, left,
											 (unsigned char *) result + length,
											 (int) Min(size - length, INT_MAX),
											 true);
		length += strlen(result + length);
		string += done;
		left -= done;

		if (left > 0)
		{
			int			skip = Min(pg_encoding_mblen(encoding, string), left);

			*exact = false;
			result[length++] = '?';
			result[length] = '\0';
			string += skip;
			left -= skip;
		}
	}
	return result;
}

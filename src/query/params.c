/*-------------------------------------------------------------------------
 *
 * params.c
 *		Values of a statement: hashes of them and their texts.
 *
 * A value is hashed for what it is, not for how its type stores it, where that
 * is cheap: integers of any width agree with integer constants in the text,
 * strings of any type with quoted strings, and both with strings that spell an
 * integer or a UUID.  How a text is read, where it can be read in several ways,
 * depends on the type it is compared as.  An array of one element counts as
 * that element.
 *
 * src/query/params.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/htup_details.h"
#include "access/tupmacs.h"
#include "access/xact.h"
#include "catalog/pg_type.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "parser/scansup.h"
#include "port/pg_bitutils.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/date.h"
#include "utils/datetime.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/uuid.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "detector/keyhash.h"
#include "query/builtin.h"
#include "query/normalize.h"
#include "query/params.h"

/* Hash of NULL, and of a value that cannot be looked at */
#define HASH_NULL		UINT64CONST(0x9e3779b97f4a7c15)
#define HASH_OPAQUE		UINT64CONST(0xc2b2ae3d27d4eb4f)

/* The bytes of a varlena as they are, in whatever form of storage */
static uint64
hash_varlena(Datum value)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);

	if (VARATT_IS_EXTERNAL(varlena))
		return keyhash_data(varlena, VARSIZE_EXTERNAL(varlena));
	return keyhash_data(VARDATA_ANY(varlena), VARSIZE_ANY_EXHDR(varlena));
}

static uint64
hash_by_length(Datum value, int16 length, bool byval)
{
	if (byval)
	{
		switch (length)
		{
			case 1:
				return keyhash_number((uint64) DatumGetUInt8(value));
			case 2:
				return keyhash_number((uint64) (int64) DatumGetInt16(value));
			case 4:
				return keyhash_number((uint64) (int64) DatumGetInt32(value));
			default:
				return keyhash_number((uint64) value);
		}
	}
	if (length == -1)
		return hash_varlena(value);
	if (length == -2)
		return keyhash_data(DatumGetCString(value), strlen(DatumGetCString(value)));
	return keyhash_data(DatumGetPointer(value), length);
}

/*
 * An integer in the text, sign and digits; false if it is something else or
 * has more digits than surely fit.
 */
static bool
parse_integer(const char *text, int length, int64 *number)
{
	bool		negative = (length > 0 && text[0] == '-');
	int64		result = 0;

	if (negative)
	{
		text++;
		length--;
	}
	if (length < 1 || length > 18)
		return false;
	for (int i = 0; i < length; i++)
	{
		if (text[i] < '0' || text[i] > '9')
			return false;
		result = result * 10 + (text[i] - '0');
	}
	*number = negative ? -result : result;
	return true;
}

/* A string that is an integer as int8out() writes it */
static inline bool
is_integer_text(const char *text, int length, int64 *number)
{
	const char *digits = text;

	if (length == 0 || *digits > '9')
		return false;

	if (length > 1 && *digits == '-')
		digits++;
	else if (length != 1 && *digits == '0')
		return false;
	return *digits >= (digits > text ? '1' : '0') && *digits <= '9' &&
		parse_integer(text, length, number);
}

/* The value of a hexadecimal digit, or -1 */
static inline int
hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/*
 * A UUID as uuid_in() reads it: digits of either case, a hyphen after any four
 * of them or not, braces around or not.  "plain": only as uuid_out() writes it.
 */
static bool
is_uuid_text(const char *text, int length, bool plain, unsigned char *uuid)
{
	int			digits = 0;

	if (plain ? length != UUID_TEXT_LENGTH :
		length < 2 * UUID_LEN || length > UUID_TEXT_LENGTH + 5)
		return false;
	if (!plain && text[0] == '{' && text[length - 1] == '}')
	{
		text++;
		length -= 2;
	}
	for (int i = 0; i < length; i++)
	{
		int			nibble = hex_digit(text[i]);

		if (text[i] == '-' && digits > 0 && digits % 4 == 0 &&
			(!plain || i == 8 || i == 13 || i == 18 || i == 23))
			continue;
		if (nibble < 0 || digits == 2 * UUID_LEN)
			return false;
		if (digits % 2 == 0)
			uuid[digits / 2] = nibble << 4;
		else
			uuid[digits / 2] |= nibble;
		digits++;
	}
	return digits == 2 * UUID_LEN;
}

/*
 * A string stands for the integer or UUID that it spells: clients send keys as
 * either.
 */
static uint64
hash_string(const char *text, int length)
{
	unsigned char uuid[UUID_LEN];
	int64		number;

	if (length == UUID_TEXT_LENGTH && is_uuid_text(text, length, true, uuid))
		return keyhash_data(uuid, UUID_LEN);
	if (is_integer_text(text, length, &number))
		return keyhash_number((uint64) number);
	return keyhash_data(text, length);
}

/* Of a character(n) */
static int
length_without_blanks(const char *text, int length)
{
	while (length > 0 && text[length - 1] == ' ')
		length--;
	return length;
}

/*
 * An integer as the input functions of numbers read it: with blanks around, a
 * sign, leading zeros, and zeros behind a point.
 */
static bool
is_number_text(const char *text, int length, int64 *number)
{
	bool		negative = false;
	const char *point;

	while (length > 0 && scanner_isspace(text[length - 1]))
		length--;
	while (length > 0 && scanner_isspace(*text))
	{
		text++;
		length--;
	}
	if (length > 0 && (*text == '-' || *text == '+'))
	{
		negative = *text == '-';
		text++;
		length--;
	}

	/* between a sign written as an operator and its number */
	while (length > 0 && scanner_isspace(*text))
	{
		text++;
		length--;
	}
	if (length <= 0)
		return false;
	point = memchr(text, '.', length);
	if (point != NULL && point > text)
	{
		for (const char *zero = point + 1; zero < text + length; zero++)
		{
			if (*zero != '0')
				return false;
		}
		length = point - text;
	}
	while (length > 18 && *text == '0')
	{
		text++;
		length--;
	}
	if (*text == '-' || !parse_integer(text, length, number))
		return false;
	if (negative)
		*number = -*number;
	return true;
}

/* So many digits as a number; advances *text past them */
static bool
parse_digits(const char **text, const char *end, int digits, int *number)
{
	*number = 0;
	for (int i = 0; i < digits; i++, (*text)++)
	{
		if (*text >= end || **text < '0' || **text > '9')
			return false;
		*number = *number * 10 + (**text - '0');
	}
	return true;
}

static inline bool
parse_char(const char **text, const char *end, char c)
{
	if (*text >= end || **text != c)
		return false;
	(*text)++;
	return true;
}

/*
 * A date or time in ISO 8601, as drivers write it: its days, and microseconds
 * since 2000.  *zoned: it says how far from UTC it is.  False if it is spelled
 * in another way.
 */
static bool
parse_iso_time(const char *text, int length, int64 *days, int64 *microseconds,
			   bool *zoned)
{
	const char *end = text + length;
	int			year;
	int			month;
	int			day;
	int			hour = 0;
	int			minute = 0;
	int			second = 0;
	int			fraction = 0;
	int			offset = 0;

	*zoned = false;
	if (!parse_digits(&text, end, 4, &year) || !parse_char(&text, end, '-') ||
		!parse_digits(&text, end, 2, &month) || !parse_char(&text, end, '-') ||
		!parse_digits(&text, end, 2, &day) ||
		month < 1 || month > 12 || day < 1 || day > 31)
		return false;
	if (parse_char(&text, end, ' ') || parse_char(&text, end, 'T'))
	{
		if (!parse_digits(&text, end, 2, &hour) ||
			!parse_char(&text, end, ':') ||
			!parse_digits(&text, end, 2, &minute) ||
			(parse_char(&text, end, ':') &&
			 !parse_digits(&text, end, 2, &second)))
			return false;
		if (parse_char(&text, end, '.'))
		{
			for (int unit = 100000; text < end && *text >= '0' && *text <= '9';
				 unit /= 10, text++)
				fraction += (*text - '0') * unit;
		}
		if (parse_char(&text, end, 'Z'))
			*zoned = true;
		else if (text < end && (*text == '+' || *text == '-'))
		{
			int			sign = *text++ == '+' ? 1 : -1;
			int			hours;
			int			minutes = 0;

			if (!parse_digits(&text, end, 2, &hours))
				return false;
			(void) parse_char(&text, end, ':');
			if (text < end && !parse_digits(&text, end, 2, &minutes))
				return false;
			offset = sign * (hours * 60 + minutes) * 60;
			*zoned = true;
		}
	}
	if (text != end)
		return false;
	*days = date2j(year, month, day) - POSTGRES_EPOCH_JDATE;
	*microseconds = ((*days * 24 + hour) * 60 + minute) * 60 + second - offset;
	*microseconds = *microseconds * 1000000 + fraction;
	return true;
}

/* Of dates, and of times: apart from integers, which they are not equal to */
static inline uint64
hash_time(int64 number)
{
	return keyhash_data(&number, sizeof(number));
}

/* A bytea written as \x and hexadecimal digits */
static bool
hash_hex(const char *text, int length, uint64 *hash)
{
	char		bytes[PARAMS_KEY_LENGTH];

	if (length < 2 || text[0] != '\\' || text[1] != 'x' || length % 2 != 0 ||
		length / 2 - 1 > PARAMS_KEY_LENGTH)
		return false;
	for (int i = 2; i < length; i += 2)
	{
		int			high = hex_digit(text[i]);
		int			low = hex_digit(text[i + 1]);

		if (high < 0 || low < 0)
			return false;
		bytes[i / 2 - 1] = (char) (high << 4 | low);
	}
	*hash = keyhash_data(bytes, length / 2 - 1);
	return true;
}

/*
 * The text of a value that is compared as one of this class.  Sets *opaque if
 * it does not tell what equals the value.
 */
static uint64
hash_spelled(ShapeValueClass value_class, const char *text, int length,
			 bool *opaque)
{
	unsigned char uuid[UUID_LEN];
	int64		number;
	int64		microseconds;
	uint64		hash;
	bool		zoned;

	switch (value_class)
	{
		case SHAPE_CLASS_NUMBER:
			if (is_number_text(text, length, &number))
				return keyhash_number((uint64) number);
			break;
		case SHAPE_CLASS_UUID:
			if (is_uuid_text(text, length, false, uuid))
				return keyhash_data(uuid, UUID_LEN);
			break;
		case SHAPE_CLASS_BLANK_PADDED:
			length = length_without_blanks(text, length);
			break;
		case SHAPE_CLASS_DATE:
			if (parse_iso_time(text, length, &number, &microseconds, &zoned))
				return hash_time(number);
			break;
		case SHAPE_CLASS_TIMESTAMP:
			if (parse_iso_time(text, length, &number, &microseconds, &zoned) &&
				!zoned)
				return hash_time(microseconds);
			break;
		case SHAPE_CLASS_TIMESTAMPTZ:
			if (parse_iso_time(text, length, &number, &microseconds, &zoned) &&
				zoned)
				return hash_time(microseconds);
			break;
		case SHAPE_CLASS_BYTES:
			if (hash_hex(text, length, &hash))
				return hash;
			break;
		default:
			break;
	}
	if (value_class >= SHAPE_CLASS_DATE)
		*opaque = true;
	return hash_string(text, length);
}

static uint64
hash_text_datum(Datum value, ShapeValueClass value_class, bool *opaque)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);
	const char *text = VARDATA_ANY(varlena);
	int			length;

	if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena))
		return hash_varlena(value);
	length = VARSIZE_ANY_EXHDR(varlena);
	return hash_spelled(value_class, text, length, opaque);
}

uint64
params_hash_text(Oid type, Datum value, ShapeValueClass value_class,
				 bool *opaque)
{
	if (type == BPCHAROID && value_class <= SHAPE_CLASS_TEXT)
		value_class = SHAPE_CLASS_BLANK_PADDED;
	return hash_text_datum(value, value_class, opaque);
}

/* A numeric as the integer that it may be */
static uint64
hash_numeric_datum(Datum value)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);
	char	   *text;
	uint64		hash;
	bool		opaque;

	if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena) ||
		VARSIZE_ANY_EXHDR(varlena) > PARAMS_KEY_LENGTH / 4)
		return hash_varlena(value);
	text = DatumGetCString(DirectFunctionCall1(numeric_out, value));
	hash = hash_spelled(SHAPE_CLASS_NUMBER, text, strlen(text), &opaque);
	pfree(text);
	return hash;
}

uint64
params_hash_other(Oid type, Datum value, bool isnull)
{
	const BuiltinType *builtin;
	HeapTuple	tuple;
	uint64		hash;
	bool		opaque;

	if (isnull)
		return HASH_NULL;
	switch (type)
	{
		case INT2OID:
			return keyhash_number((uint64) (int64) DatumGetInt16(value));
		case OIDOID:
			return keyhash_number((uint64) DatumGetObjectId(value));
		case TEXTOID:
		case VARCHAROID:
			return hash_text_datum(value, SHAPE_CLASS_TEXT, &opaque);
		case BPCHAROID:
			return hash_text_datum(value, SHAPE_CLASS_BLANK_PADDED, &opaque);
		case UUIDOID:
			return keyhash_data(DatumGetPointer(value), UUID_LEN);
		case NUMERICOID:
			return hash_numeric_datum(value);
		case DATEOID:
			return hash_time(DatumGetDateADT(value));
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			return hash_time(DatumGetTimestamp(value));
		case NAMEOID:
			return hash_string(NameStr(*DatumGetName(value)),
							   strlen(NameStr(*DatumGetName(value))));
	}

	builtin = builtin_type(type);
	if (builtin != NULL)
	{
		if (builtin->type == type)
			return hash_by_length(value, builtin->length,
								  builtin->byval);
		return hash_varlena(value);
	}

	if (!OidIsValid(type) || !IsTransactionState())
		return HASH_OPAQUE;
	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
	if (!HeapTupleIsValid(tuple))
		return HASH_OPAQUE;
	hash = hash_by_length(value,
						  ((Form_pg_type) GETSTRUCT(tuple))->typlen,
						  ((Form_pg_type) GETSTRUCT(tuple))->typbyval);
	ReleaseSysCache(tuple);
	return keyhash_not_zero(hash);
}

bool
params_key_type(Oid type)
{
	switch (type)
	{
		case INT8OID:
		case INT4OID:
		case INT2OID:
		case UUIDOID:
		case TEXTOID:
		case VARCHAROID:
		case BPCHAROID:
		case DATEOID:
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
		case BYTEAOID:
			return true;
		default:
			return false;
	}
}

static uint64
hash_integer(int64 number, uint64 *magnitude)
{
	*magnitude = keyhash_magnitude(number);
	return keyhash_number((uint64) number);
}

uint64
params_hash_key(Oid type, Datum value, uint64 *magnitude)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(value);
	const char *text;
	int			length;
	int64		number;

	switch (type)
	{
		case INT8OID:
			return hash_integer(DatumGetInt64(value), magnitude);
		case INT4OID:
			return hash_integer(DatumGetInt32(value), magnitude);
		case INT2OID:
			return hash_integer(DatumGetInt16(value), magnitude);
		case UUIDOID:
			*magnitude = KEY_NO_NUMBER;
			return keyhash_data(DatumGetPointer(value),
								UUID_LEN);
		case DATEOID:
			*magnitude = KEY_NO_NUMBER;
			return hash_time(DatumGetDateADT(value));
		case TIMESTAMPOID:
		case TIMESTAMPTZOID:
			*magnitude = KEY_NO_NUMBER;
			return hash_time(DatumGetTimestamp(value));
	}

	*magnitude = 0;
	if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena))
		return 0;
	text = VARDATA_ANY(varlena);
	length = VARSIZE_ANY_EXHDR(varlena);
	if (length > PARAMS_KEY_LENGTH)
		return 0;
	if (type == BPCHAROID)
		length = length_without_blanks(text, length);
	if (type != BYTEAOID && is_integer_text(text, length, &number))
		return hash_integer(number, magnitude);
	*magnitude = KEY_NO_NUMBER;
	if (type != BYTEAOID && length == UUID_TEXT_LENGTH)
		return hash_string(text, length);
	return keyhash_data(text, length);
}

/* Narrows a plain quoted string to what is between the quotes */
static void
strip_quotes(const char **text, int *length)
{
	if (*length >= 2 && (*text)[0] == '\'' && (*text)[*length - 1] == '\'')
	{
		(*text)++;
		*length -= 2;
	}
}

/* What a backslash and the character stand for, in E'...' */
static inline char
escaped_char(char c)
{
	switch (c)
	{
		case 'b':
			return '\b';
		case 'f':
			return '\f';
		case 'n':
			return '\n';
		case 'r':
			return '\r';
		case 't':
			return '\t';
		default:
			return c;
	}
}

/* How a string's backslashes are to be read */
typedef enum StringEscapes
{
	ESCAPES_NONE,
	ESCAPES_C,					/* E'...' */
	ESCAPES_UNICODE				/* U&'...' */
} StringEscapes;

/* At most "most" digits to a base of 8 or 16, or "most" exactly; their count */
static int
parse_code(const char *text, const char *end, int base, int most, bool exactly,
		   pg_wchar * code)
{
	int			n = 0;

	*code = 0;
	for (; n < most && text + n < end; n++)
	{
		int			digit = hex_digit(text[n]);

		if (digit < 0 || digit >= base)
			break;
		*code = *code * base + digit;
	}
	return exactly && n < most ? 0 : n;
}

/*
 * The escape behind a backslash, one that names a character or a byte by its
 * number: how much of the text it is, and the *length bytes that it stands for,
 * never more than it has itself.  0 if it is none, or cannot be told.
 */
static int
numbered_char(const char *text, const char *end, StringEscapes escapes,
			  char *plain, int *length)
{
	pg_wchar	code;
	int			lead = 0;
	int			digits;

	if (escapes == ESCAPES_C && *text >= '0' && *text <= '7')
		digits = parse_code(text, end, 8, 3, false, &code);
	else if (escapes == ESCAPES_C && *text == 'x')
		digits = parse_code(text + (lead = 1), end, 16, 2, false, &code);
	else if (escapes == ESCAPES_C && (*text == 'u' || *text == 'U'))
		digits = parse_code(text + (lead = 1), end, 16, *text == 'u' ? 4 : 8,
							true, &code);
	else if (escapes == ESCAPES_UNICODE && *text == '+')
		digits = parse_code(text + (lead = 1), end, 16, 6, true, &code);
	else if (escapes == ESCAPES_UNICODE)
		digits = parse_code(text, end, 16, 4, true, &code);
	else
		return 0;
	if (digits == 0)
		return 0;

	*length = 1;
	*plain = (char) code;
	if (code > 0x7F && !(escapes == ESCAPES_C && lead + digits <= 3))
	{
		/* other encodings would have to be asked, and pairs be put together */
		if (GetDatabaseEncoding() != PG_UTF8 || code > 0x10FFFF ||
			is_utf16_surrogate_first(code) || is_utf16_surrogate_second(code))
			return 0;
		unicode_to_utf8(code, (unsigned char *) plain);
		*length = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	}
	return lead + digits;
}

/*
 * What a quoted string says: each quote within it is written twice, and a
 * backslash comes before what it changes.  Returns its length; -1 if it is too
 * long for a key, has an escape that cannot be told, or goes on behind another
 * quote.
 */
static int
plain_string(const char *text, int length, StringEscapes escapes, char *plain)
{
	const char *end = text + length;
	int			n = 0;

	if (length > PARAMS_KEY_LENGTH)
		return -1;
	for (const char *p = text; p < end; p++)
	{
		int			bytes = 1;
		int			escape;

		plain[n] = *p;
		if (*p == '\'')
		{
			if (++p == end || *p != '\'')
				return -1;
		}
		else if (escapes != ESCAPES_NONE && *p == '\\' && p + 1 < end)
		{
			p++;
			escape = numbered_char(p, end, escapes, &plain[n], &bytes);
			if (escape > 0)
				p += escape - 1;
			else if (isalnum((unsigned char) *p) &&
					 (escapes == ESCAPES_UNICODE || strchr("xuU", *p) ||
					  isdigit((unsigned char) *p)))
				return -1;
			else
				plain[n] = escapes == ESCAPES_C ? escaped_char(*p) : *p;
		}
		n += bytes;
	}
	return n;
}

/* The hash of a string with quotes or escapes in it */
static pg_noinline uint64
hash_escaped(ShapeValueClass value_class, const char *text, int length,
			 StringEscapes escapes, bool *opaque)
{
	/* what an escape stands for is no longer than the escape */
	char		plain[PARAMS_KEY_LENGTH] = "";
	int			n = plain_string(text, length, escapes, plain);

	if (n >= 0)
		return hash_spelled(value_class, plain, n, opaque);
	*opaque = true;
	return hash_string(text, length);
}

static uint64
hash_text(ShapeValueClass value_class, const char *text, int length,
		  bool *opaque)
{
	StringEscapes escapes = ESCAPES_NONE;
	int64		number;

	if (parse_integer(text, length, &number))
		return keyhash_number((uint64) number);
	if (length > 2 && (text[0] == 'E' || text[0] == 'e') && text[1] == '\'')
	{
		escapes = ESCAPES_C;
		text++;
		length--;
	}
	else if (length > 3 && (text[0] == 'U' || text[0] == 'u') &&
			 text[1] == '&' && text[2] == '\'')
	{
		escapes = ESCAPES_UNICODE;
		text += 2;
		length -= 2;
	}
	else if (!STANDARD_STRINGS && text[0] == '\'')
		escapes = ESCAPES_C;
	strip_quotes(&text, &length);
	if (memchr(text, '\'', length) == NULL &&
		(escapes == ESCAPES_NONE || memchr(text, '\\', length) == NULL))
		return hash_spelled(value_class, text, length, opaque);
	return hash_escaped(value_class, text, length, escapes, opaque);
}

/*
 * A list in the text, '{1,2,3}': how many elements, roughly, and the hash of
 * the one if it is one.
 */
static int
hash_list_text(ShapeValueClass value_class, const char *text, int length,
			   uint64 *hash, bool *opaque)
{
	const char *end = text + length;
	const char *open = memchr(text, '{', length);
	const char *p;
	bool		quoted = false;
	bool		empty = true;
	int			elements = 1;

	if (open == NULL)
		return 0;
	for (p = open + 1; p < end && (quoted || *p != '}'); p++)
	{
		if (*p == '"')
			quoted = !quoted;
		else if (*p == '\\' && p + 1 < end)
			p++;
		else if (*p == ',' && !quoted)
			elements++;
		if (!scanner_isspace(*p))
			empty = false;
	}
	if (empty)
		return 0;
	if (elements == 1)
		*hash = hash_text(value_class, open + 1, Min(p, end) - (open + 1),
						  opaque);
	return elements;
}

/*
 * An array parameter: how many elements, and the hash of the one if it is one.
 * 0 if that cannot be told from the datum as it is.
 */
static int
hash_list_param(ShapeValueClass value_class, const ParamExternData *param,
				uint64 *hash, bool *opaque)
{
	struct varlena *varlena = (struct varlena *) DatumGetPointer(param->value);
	const BuiltinType *builtin;
	ArrayType  *array;
	Oid			element_type;
	int			elements;

	if (param->ptype == TEXTOID || param->ptype == VARCHAROID)
	{
		/* one that the statement itself casts to an array */
		if (VARATT_IS_EXTERNAL(varlena) || VARATT_IS_COMPRESSED(varlena))
			return 0;
		return hash_list_text(value_class, VARDATA_ANY(varlena),
							  VARSIZE_ANY_EXHDR(varlena), hash, opaque);
	}

	builtin = builtin_type(param->ptype);
	if (builtin != NULL)
		element_type = (builtin->array == param->ptype) ?
			builtin->type : InvalidOid;
	else
		element_type = IsTransactionState() ?
			get_element_type(param->ptype) : InvalidOid;
	if (!OidIsValid(element_type) || !VARATT_IS_4B_U(varlena))
		return 0;

	array = (ArrayType *) varlena;
	elements = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (elements == 1 && ARR_NULLBITMAP(array) == NULL &&
		builtin != NULL && ARR_ELEMTYPE(array) == builtin->type)
		*hash = params_hash_value(builtin->type,
								  fetch_att(ARR_DATA_PTR(array), builtin->byval,
											builtin->length),
								  false);
	return elements;
}

/* The parameter that a shape's value names, or NULL */
static const ParamExternData *
find_param(ParamListInfo params, const ShapeValue *value)
{
	if (value->source != SHAPE_VALUE_PARAM || params == NULL ||
		value->number < 1 || value->number > params->numParams)
		return NULL;
	return &params->params[value->number - 1];
}

/* Likewise the literal */
static const LiteralSpan *
find_literal(const StatementLiterals *literals, const ShapeValue *value)
{
	if (value->source != SHAPE_VALUE_LITERAL || literals == NULL ||
		value->number < 0 || value->number >= literals->nliterals)
		return NULL;
	return &literals->literals[value->number];
}

static void
hash_condition(ParamListInfo params, const StatementLiterals *literals,
			   const ShapeCondition *condition, uint64 *hash, int *list_length,
			   bool *opaque)
{
	const ShapeValue *value = &condition->value;
	const ParamExternData *param = find_param(params, value);
	const LiteralSpan *literal = find_literal(literals, value);
	int			elements = 0;

	if (param != NULL)
	{
		*hash = params_hash_as(condition->value_class, param->ptype, param->value,
							   param->isnull, opaque);
		if (value->list && !param->isnull)
			elements = hash_list_param(condition->value_class, param, hash,
									   opaque);
	}
	else if (literal != NULL)
	{
		const char *text = literals->text + literal->offset;

		*hash = hash_text(condition->value_class, text, literal->length, opaque);
		if (value->list)
			elements = hash_list_text(condition->value_class, text,
									  literal->length, hash, opaque);
	}
	*list_length = Max(*list_length, elements);
}

static int64
offset_value(ParamListInfo params, const StatementLiterals *literals,
			 const ShapeValue *value)
{
	const ParamExternData *param = find_param(params, value);
	const LiteralSpan *literal = find_literal(literals, value);
	int64		number;

	if (param != NULL && !param->isnull)
	{
		if (param->ptype == INT8OID)
			return DatumGetInt64(param->value);
		if (param->ptype == INT4OID)
			return DatumGetInt32(param->value);
		if (param->ptype == INT2OID)
			return DatumGetInt16(param->value);
	}
	else if (literal != NULL)
	{
		const char *text = literals->text + literal->offset;
		int			length = literal->length;

		strip_quotes(&text, &length);
		if (parse_integer(text, length, &number))
			return number;
	}
	return -1;
}

/* Is it one of the conditions' values? */
static bool
is_condition(const StatementShape *shape, ShapeValueSource source, int number)
{
	for (int i = 0; i < Min(shape->nconditions, SHAPE_MAX_CONDITIONS); i++)
	{
		const ShapeValue *value = &shape->conditions[i].value;

		if (value->source == source && value->number == number)
			return true;
	}
	return false;
}

/* The values that no condition has */
static uint64
hash_others(ParamListInfo params, const StatementLiterals *literals,
			const StatementShape *shape)
{
	uint64		hash = 0;

	for (int i = 0; params != NULL && i < params->numParams; i++)
	{
		const ParamExternData *param = &params->params[i];

		if (!is_condition(shape, SHAPE_VALUE_PARAM, i + 1))
			hash = hash_combine64(hash,
								  params_hash_value(param->ptype, param->value,
													param->isnull));
	}
	if (literals == NULL)
		return hash;

	/* not all of them are stored if there are so many */
	if (literals->nliterals == PARAMS_MAX_LITERALS)
		return hash_combine64(hash, literals->hash_all);
	for (int i = 0; i < literals->nliterals; i++)
	{
		const LiteralSpan *literal = &literals->literals[i];

		if (!is_condition(shape, SHAPE_VALUE_LITERAL, i))
			hash = hash_combine64(hash,
								  hash_bytes_extended((const unsigned char *) literals->text +
													  literal->offset,
													  literal->length, 0));
	}
	return hash;
}

void
params_hash(ParamListInfo params, const StatementLiterals *literals,
			const StatementShape *shape, WindowValues *values)
{
	uint64		all = 0;
	bool		any = false;

	/* values that have to be fetched from elsewhere are not looked at */
	if (params != NULL && params->paramFetch != NULL)
		params = NULL;

	memset(values, 0, sizeof(WindowValues));
	if (params != NULL)
	{
		for (int i = 0; i < params->numParams; i++)
		{
			const ParamExternData *param = &params->params[i];

			all = hash_combine64(all, params_hash_value(param->ptype, param->value,
														param->isnull));
			any = true;
		}
	}
	if (literals != NULL && literals->hash_all != 0)
	{
		all = hash_combine64(all, literals->hash_all);
		any = true;
	}
	values->all = any ? keyhash_not_zero(all) : 0;
	values->others = hash_others(params, literals, shape);

	for (int i = 0; i < Min(shape->nconditions, SHAPE_MAX_CONDITIONS); i++)
	{
		bool		opaque = false;

		hash_condition(params, literals, &shape->conditions[i],
					   &values->conditions[i], &values->list_length, &opaque);
		if (opaque)
			values->opaque |= 1U << i;
	}

	values->offset = offset_value(params, literals, &shape->offset_value);
}

/* What output_value() works on */
typedef struct OutputRequest
{
	Oid			type;
	Datum		value;
	char	   *text;			/* the answer */
} OutputRequest;

/* GuardedCallback: a value through its type's output function */
static void
output_value(void *arg)
{
	OutputRequest *request = (OutputRequest *) arg;
	TextSettings settings;

	builtin_fix_settings(&settings);
	PG_TRY();
	{
		Oid			function;
		bool		is_varlena;

		getTypeOutputInfo(request->type, &function, &is_varlena);
		request->text = OidOutputFunctionCall(function, request->value);
	}
	PG_FINALLY();
	{
		builtin_restore_settings(&settings);
	}
	PG_END_TRY();
}

bool
params_value_cut(StringInfo buf, Oid type, Datum value, int max,
				 bool in_error, bool *complete)
{
	OutputRequest request;
	int			length;
	bool		cut;

	*complete = true;
	if (builtin_append(buf, type, value, max, &cut))
	{
		*complete = !cut;
		return true;
	}
	if (in_error)
		return false;

	request.type = type;
	request.value = value;
	request.text = NULL;
	if (!guarded_call(output_value, &request) || request.text == NULL)
		return false;

	length = strlen(request.text);
	if (max > 0 && length > max)
	{
		length = pg_mbcliplen(request.text, length, max);
		*complete = false;
	}
	appendBinaryStringInfo(buf, request.text, length);
	pfree(request.text);
	return true;
}

void
params_literal_text(StringInfo buf, const char *text, const LiteralSpan *span,
					int max)
{
	const char *p = text + span->offset;
	const char *end = p + span->length;
	int			start = buf->len;
	bool		backslashes = !STANDARD_STRINGS;

	if (span->length >= 2 && end[-1] == '\'')
	{
		/* up to the quote is E, N, B, X or U& */
		while (p < end && *p != '\'')
		{
			if (*p == 'E' || *p == 'e')
				backslashes = true;
			else if (strchr("BbXxUu", *p) != NULL)
				backslashes = false;
			p++;
		}
		p++;
		while (p < end && (max <= 0 || buf->len - start <= max))
		{
			if (*p == '\\' && backslashes && p + 1 < end &&
				strchr("01234567xuU", p[1]) == NULL)
			{
				appendStringInfoCharMacro(buf, escaped_char(p[1]));
				p += 2;
			}
			else if (*p == '\'')
			{
				/* two are one; else it ends, or goes on in another piece */
				p++;
				if (p < end && *p == '\'')
					appendStringInfoCharMacro(buf, '\'');
				else
				{
					while (p < end && *p != '\'')
						p += (p[0] == '-') ? strcspn(p, "\n\r") : 1;
				}
				p++;
			}
			else
			{
				appendStringInfoCharMacro(buf, *p);
				p++;
			}
		}
	}
	else
	{
		if (span->length >= 4 && *p == '$' && end[-1] == '$')
		{
			const char *tag_end = memchr(p + 1, '$', span->length - 1);
			int			tag_length = tag_end + 1 - p;

			if (span->length >= 2 * tag_length)
			{
				p += tag_length;
				end -= tag_length;
			}
		}
		appendBinaryStringInfo(buf, p, max > 0 ? Min(end - p, max + 1) : end - p);
	}

	if (max > 0 && buf->len - start > max)
		buf->len = start + pg_mbcliplen(buf->data + start, buf->len - start,
										max);
	buf->data[buf->len] = '\0';
}

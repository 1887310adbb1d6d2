/*-------------------------------------------------------------------------
 *
 * normalize.c
 *		The constants of a statement: where they are in its text, and the text
 *		without them.
 *
 * The text has been parsed before it comes here, so that the lexer may rely
 * on what stands at a constant's place being a token.  Should it be something
 * else all the same (a setting that the lexer depends on was changed between
 * parsing and now), the lengths found are off, and nothing worse.  Every
 * server encoding keeps ASCII bytes out of its multibyte characters.
 *
 * src/normalize.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scansup.h"

#include "normalize.h"
#include "valueset.h"

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static inline bool
is_identifier_start(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
		IS_HIGHBIT_SET(c);
}

/*
 * Skips white space and comments to the end of line, and the comments between
 * slashes and stars too if "all" is given; *newline tells whether a line ended.
 */
static const char *
skip_blanks(const char *p, bool all, bool *newline)
{
	*newline = false;
	for (;;)
	{
		if (*p == '\n' || *p == '\r')
		{
			*newline = true;
			p++;
		}
		else if (*p != '\0' && scanner_isspace(*p))
			p++;
		else if (p[0] == '-' && p[1] == '-')
			p += strcspn(p, "\n\r");
		else if (all && p[0] == '/' && p[1] == '*')
		{
			int			depth = 1;

			p += 2;
			while (depth > 0 && *p != '\0')
			{
				if (p[0] == '/' && p[1] == '*')
				{
					depth++;
					p += 2;
				}
				else if (p[0] == '*' && p[1] == '/')
				{
					depth--;
					p += 2;
				}
				else
					p++;
			}
		}
		else
			return p;
	}
}

/*
 * Skips what is quoted, from the opening quote to after the closing one.  Two
 * quotes in a row stand for one.
 */
static const char *
skip_quoted(const char *p, bool backslashes)
{
	char		quote = *p++;

	for (;;)
	{
		if (backslashes)
		{
			while (*p != '\0' && *p != quote)
				p += (p[0] == '\\' && p[1] != '\0') ? 2 : 1;
		}
		else
		{
			const char *found = strchr(p, quote);

			p = (found != NULL) ? found : p + strlen(p);
		}

		if (*p == '\0')
			return p;
		p++;
		if (*p != quote)
			return p;
		p++;
	}
}

/*
 * Skips a string constant: pieces of it on several lines are one constant.
 */
static const char *
skip_string(const char *p, bool backslashes)
{
	for (;;)
	{
		const char *next;
		bool		newline;

		p = skip_quoted(p, backslashes);
		if (*p == '\0')
			return p;
		next = skip_blanks(p, false, &newline);
		if (!newline || *next != '\'')
			return p;
		p = next;
	}
}

static const char *
skip_identifier(const char *p)
{
	while (is_identifier_start(*p) || is_digit(*p) || *p == '$')
		p++;
	return p;
}

/* Skips $tag$ ... $tag$; returns p if that is not what it is */
static const char *
skip_dollar_quoted(const char *p)
{
	const char *tag_end = p + 1;
	const char *q;
	size_t		tag_length;

	if (is_identifier_start(*tag_end))
	{
		while (is_identifier_start(*tag_end) || is_digit(*tag_end))
			tag_end++;
	}
	if (*tag_end != '$')
		return p;
	tag_length = tag_end + 1 - p;

	for (q = tag_end + 1; (q = strchr(q, '$')) != NULL; q++)
	{
		if (strncmp(q, p, tag_length) == 0)
			return q + tag_length;
	}
	return p + strlen(p);
}

/*
 * Skips a number: decimal with fraction and exponent, 0x, 0o, 0b, underscores
 * between digits.  "1..2" is 1 and a range.
 */
static const char *
skip_number(const char *p)
{
	if (p[0] == '0' && strchr("xXoObB", p[1]) != NULL && p[1] != '\0' &&
		(isxdigit((unsigned char) p[2]) || p[2] == '_'))
	{
		p += 2;
		while (isxdigit((unsigned char) *p) || *p == '_')
			p++;
		return p;
	}

	while (is_digit(*p) || (*p == '_' && is_digit(p[1])))
		p++;
	if (*p == '.' && p[1] != '.')
	{
		p++;
		while (is_digit(*p) || (*p == '_' && is_digit(p[1])))
			p++;
	}
	if ((*p == 'e' || *p == 'E') &&
		(is_digit(p[1]) ||
		 ((p[1] == '-' || p[1] == '+') && is_digit(p[2]))))
	{
		p += 2;
		while (is_digit(*p) || (*p == '_' && is_digit(p[1])))
			p++;
	}
	return p;
}

/*
 * Length of the constant that begins at text, which ends with a NUL.  A minus
 * sign belongs to the number after it.  What the grammar makes a constant may
 * also be a keyword or a name: TRUE, NULL, the field of EXTRACT.
 */
static int
constant_length(const char *text)
{
	const char *p = text;
	bool		newline;

	if (*p == '-')
		p = skip_blanks(p + 1, true, &newline);

	switch (*p)
	{
		case '\0':
			break;
		case '\'':
			p = skip_string(p, !STANDARD_STRINGS);
			break;
		case '"':
			p = skip_quoted(p, false);
			break;
		case '$':
			if (is_digit(p[1]))
			{
				p++;
				while (is_digit(*p))
					p++;
			}
			else
			{
				const char *end = skip_dollar_quoted(p);

				p = (end > p) ? end : p + 1;
			}
			break;
		case 'e':
		case 'E':
			if (p[1] == '\'')
				p = skip_string(p + 1, true);
			else
				p = skip_identifier(p);
			break;
		case 'n':
		case 'N':
			if (p[1] == '\'')
				p = skip_string(p + 1, !STANDARD_STRINGS);
			else
				p = skip_identifier(p);
			break;
		case 'b':
		case 'B':
		case 'x':
		case 'X':
			if (p[1] == '\'')
				p = skip_string(p + 1, false);
			else
				p = skip_identifier(p);
			break;
		case 'u':
		case 'U':
			if (p[1] == '&' && p[2] == '\'')
				p = skip_string(p + 2, false);
			else if (p[1] == '&' && p[2] == '"')
				p = skip_quoted(p + 2, false);
			else
				p = skip_identifier(p);
			break;
		default:
			if (is_digit(*p) || (*p == '.' && is_digit(p[1])))
				p = skip_number(p);
			else if (is_identifier_start(*p))
				p = skip_identifier(p);
			else
				p++;
	}
	return p - text;
}

/*
 * Is this location one that is replaced?  Parameters are only where lists of
 * constants were squashed, as all of them are numbered anew then.
 */
static inline bool
is_replaced(const JumbleState *jstate, const LocationLen *location)
{
	return location->location >= 0 &&
		(!LOCATION_IS_PARAM(location) || JUMBLE_HAS_SQUASHED_LISTS(jstate));
}

static int
compare_locations(const void *a, const void *b)
{
	int			left = ((const LocationLen *) a)->location;
	int			right = ((const LocationLen *) b)->location;

	return (left > right) - (left < right);
}

void
normalize_clean(const char **query, int *location, int *length)
{
	const char *start = *query;
	int			start_location = *location;
	int			left = *length;

	if (start_location < 0)
	{
		start_location = 0;
		left = 0;				/* not to be trusted either */
	}
	start += start_location;
	if (left <= 0)
		left = strlen(start);

	while (left > 0 && scanner_isspace(*start))
	{
		start++;
		start_location++;
		left--;
	}
	while (left > 0 && scanner_isspace(start[left - 1]))
		left--;

	*query = start;
	*location = start_location;
	*length = left;
}

char *
normalize_text(const char *query, int location, int *length,
			   const JumbleState *jstate, int **constants, int *nconstants)
{
	int			nlocations = jstate->clocations_count;
	LocationLen *locations = NULL;
	StringInfoData buf;
	int			copied = 0;		/* of the query, to here */
	int			replaced = 0;
	int			last = -1;

	if (nlocations > 0)
	{
		locations = palloc_array(LocationLen, nlocations);
		memcpy(locations, jstate->clocations,
			   sizeof(LocationLen) * nlocations);
		qsort(locations, nlocations, sizeof(LocationLen), compare_locations);
	}

	*constants = palloc_array(int, nlocations + 1);
	initStringInfo(&buf);
	enlargeStringInfo(&buf, *length + 1);

	for (int i = 0; i < nlocations; i++)
	{
		const LocationLen *constant = &locations[i];
		int			offset = constant->location - location;
		int			constant_len;

		if (!is_replaced(jstate, constant) || constant->location == last ||
			offset < copied || offset >= *length)
			continue;
		last = constant->location;

		constant_len = LOCATION_IS_SQUASHED(constant) ?
			constant->length : constant_length(query + offset);

		appendBinaryStringInfo(&buf, query + copied, offset - copied);
		(*constants)[replaced++] = constant->location;
		appendStringInfo(&buf, "$%d%s",
						 jstate->highest_extern_param_id + replaced,
						 LOCATION_IS_SQUASHED(constant) ? " /*, ... */" : "");
		copied = Min(offset + constant_len, *length);
	}
	appendBinaryStringInfo(&buf, query + copied, *length - copied);

	if (locations != NULL)
		pfree(locations);
	*nconstants = replaced;
	*length = buf.len;
	return buf.data;
}

/* Short ones, as keys are, take less than hash_bytes_extended() does */
static inline uint64
hash_constant(const char *constant, int length, uint64 hash)
{
	uint64		word = length;

	if (length >= sizeof(word))
		return hash_bytes_extended((const unsigned char *) constant, length,
								   hash);
	for (int i = 0; i < length; i++)
		word = (word << 8) | (unsigned char) constant[i];
	return valueset_mix(hash ^ word);
}

bool
normalize_same_text(const StatementLiterals *literals, const char *text)
{
	int			length = literals->text_length;

	if (strlen(text) != length)
		return false;
	if (length <= PARAMS_SHORT_TEXT)
		return memcmp(text, literals->text_copy, length) == 0;
	return hash_bytes_extended((const unsigned char *) text, length, 0) ==
		literals->text_hash;
}

void
normalize_literals(const char *source_text, const JumbleState *jstate,
				   StatementLiterals *literals)
{
	int			text_length = strlen(source_text);
	int			n = 0;
	uint64		hash = 0;

	for (int i = 0; i < jstate->clocations_count; i++)
	{
		const LocationLen *constant = &jstate->clocations[i];
		int			offset = constant->location;
		int			length;
		int			place;

		if (!is_replaced(jstate, constant) || offset >= text_length)
			continue;

		/* Mostly they come in the order of the text */
		for (place = n; place > 0; place--)
		{
			if (literals->literals[place - 1].offset <= offset)
				break;
		}
		if (place > 0 && literals->literals[place - 1].offset == offset)
			continue;

		length = LOCATION_IS_SQUASHED(constant) ?
			constant->length : constant_length(source_text + offset);
		length = Min(length, text_length - offset);

		/*
		 * The order that they are hashed in is the one that the statement was
		 * walked in: another than the text's, but the same each time.
		 */
		hash = hash_constant(source_text + offset, length, hash);

		if (place >= PARAMS_MAX_LITERALS)
			continue;
		if (n == PARAMS_MAX_LITERALS)
			n--;				/* the last one gives way */
		memmove(&literals->literals[place + 1], &literals->literals[place],
				sizeof(LiteralSpan) * (n - place));
		literals->literals[place].offset = offset;
		literals->literals[place].length = length;
		n++;
	}

	literals->text = source_text;
	literals->text_length = text_length;
	if (text_length <= PARAMS_SHORT_TEXT)
		memcpy(literals->text_copy, source_text, text_length);
	else
		literals->text_hash =
			hash_bytes_extended((const unsigned char *) source_text,
								text_length, 0);
	literals->nliterals = n;
	literals->hash_all = (n > 0 && hash == 0) ? 1 : hash;
}

/* Does a constant begin here, at the start of a token? */
static bool
is_constant(const char *p)
{
	switch (*p)
	{
		case '\'':
			return true;
		case '$':
			return !is_digit(p[1]) && skip_dollar_quoted(p) > p;
		case '.':
			return is_digit(p[1]);
		case 'e':
		case 'E':
		case 'n':
		case 'N':
		case 'b':
		case 'B':
		case 'x':
		case 'X':
			return p[1] == '\'';
		case 'u':
		case 'U':
			return p[1] == '&' && p[2] == '\'';
		default:
			return is_digit(*p);
	}
}

/* The end of a comment that begins here, or p */
static const char *
skip_comment(const char *p)
{
	int			depth = 0;

	if (p[0] == '-' && p[1] == '-')
		return p + strcspn(p, "\r\n");
	if (p[0] != '/' || p[1] != '*')
		return p;
	for (; *p != '\0'; p++)
	{
		if (p[0] == '/' && p[1] == '*')
		{
			depth++;
			p++;
		}
		else if (p[0] == '*' && p[1] == '/')
		{
			p++;
			if (--depth == 0)
				return p + 1;
		}
	}
	return p;
}

char *
normalize_unparsed(const char *query, int length)
{
	char	   *copy = pnstrdup(query, length);
	StringInfoData buf;
	int			number = 0;

	/* new parameters are counted on from those that are there */
	for (const char *p = copy; *p != '\0';)
	{
		const char *end = skip_comment(p);

		if (end == p)
		{
			end = *p == '-' ? p + 1 : p + constant_length(p);
			if (*p == '$' && is_digit(p[1]))
				number = Max(number, atoi(p + 1));
		}
		p = end;
	}

	initStringInfo(&buf);
	for (const char *p = copy; *p != '\0';)
	{
		const char *end = skip_comment(p);

		if (end > p)
			appendBinaryStringInfo(&buf, p, end - p);
		else if (*p == '-' || !is_constant(p))
		{
			/* a sign is not part of the token here */
			end = *p == '-' ? p + 1 : p + constant_length(p);
			appendBinaryStringInfo(&buf, p, end - p);
		}
		else
		{
			end = p + constant_length(p);
			appendStringInfo(&buf, "$%d", ++number);
		}
		p = end;
	}
	pfree(copy);
	return buf.data;
}

int
normalize_before_string(const char *text, int length, int from)
{
	const char *p = text;

	while (p < text + length && *p != '\0')
	{
		const char *end = skip_comment(p);

		if (end > p)
		{
			if (memchr(p, '\'', end - p) != NULL)
				return p - text;
		}
		else
		{
			if (p - text >= from && is_constant(p) &&
				!is_digit(*p) && *p != '.')
				return p - text;
			end = *p == '-' ? p + 1 : p + constant_length(p);
		}
		p = end;
	}
	return length;
}

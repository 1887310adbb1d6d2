/*-------------------------------------------------------------------------
 *
 * lexer.c
 *		Splits a statement into tokens, without memory and without errors.
 *
 * The text has been parsed before it comes here, so the lexer relies on its
 * tokens being whole.  Where they are not (a setting that the lexer depends on
 * was changed between parsing and now), a token ends at the text's NUL, and
 * nothing worse happens.  Every server encoding keeps ASCII bytes out of its
 * multibyte characters.
 *
 * The rules are those of core's scan.l.  N'...' is two tokens, as there, and
 * UESCAPE belongs to the U&'...' or U&"..." before it.
 *
 * src/query/lexer.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "parser/scansup.h"

#include "common/compat.h"
#include "query/lexer.h"

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

static const char *
skip_digits(const char *p)
{
	while (is_digit(*p) || (NUMBERS_WITH_PREFIX && *p == '_' && is_digit(p[1])))
		p++;
	return p;
}

/*
 * Skips a number: decimal with fraction and exponent and, where the server
 * reads them, 0x, 0o, 0b, underscores between digits.  "1..2" is 1 and a
 * range.
 */
static const char *
skip_number(const char *p)
{
	if (NUMBERS_WITH_PREFIX && p[0] == '0' &&
		p[1] != '\0' && strchr("xXoObB", p[1]) != NULL &&
		(isxdigit((unsigned char) p[2]) || p[2] == '_'))
	{
		p += 2;
		while (isxdigit((unsigned char) *p) || *p == '_')
			p++;
		return p;
	}

	p = skip_digits(p);
	if (*p == '.' && p[1] != '.')
		p = skip_digits(p + 1);
	if ((*p == 'e' || *p == 'E') &&
		(is_digit(p[1]) ||
		 ((p[1] == '-' || p[1] == '+') && is_digit(p[2]))))
		p = skip_digits(p + 2);
	return p;
}

/* Skips UESCAPE '...' after what is quoted with U& */
static const char *
skip_uescape(const char *p)
{
	bool		newline;
	const char *word = skip_blanks(p, true, &newline);
	const char *quote;

	if (pg_strncasecmp(word, "uescape", 7) != 0)
		return p;
	quote = skip_blanks(word + 7, true, &newline);
	return (*quote == '\'') ? skip_quoted(quote, false) : p;
}

/* Skips a token that begins with a letter, and finds its kind */
static const char *
skip_word(const char *p, LexerKind *kind)
{
	*kind = LEXER_STRING;
	switch (*p)
	{
		case 'e':
		case 'E':
			if (p[1] == '\'')
				return skip_string(p + 1, true);
			break;
		case 'b':
		case 'B':
		case 'x':
		case 'X':
			if (p[1] == '\'')
				return skip_string(p + 1, false);
			break;
		case 'u':
		case 'U':
			if (p[1] == '&' && p[2] == '\'')
				return skip_uescape(skip_string(p + 2, false));
			if (p[1] == '&' && p[2] == '"')
			{
				*kind = LEXER_NAME;
				return skip_uescape(skip_quoted(p + 2, false));
			}
			break;
		default:
			break;
	}
	*kind = LEXER_WORD;
	return skip_identifier(p);
}

static const char *
skip_dollar(const char *p, LexerKind *kind)
{
	const char *end;

	if (is_digit(p[1]))
	{
		*kind = LEXER_PARAM;
		for (p++; is_digit(*p);)
			p++;
		return p;
	}
	end = skip_dollar_quoted(p);
	*kind = (end > p) ? LEXER_STRING : LEXER_OTHER;
	return (end > p) ? end : p + 1;
}

const char *
lexer_skip(const char *p, bool backslashes, LexerKind *kind)
{
	if (is_identifier_start(*p))
		return skip_word(p, kind);
	if (is_digit(*p) || (*p == '.' && is_digit(p[1])))
	{
		*kind = LEXER_NUMBER;
		return skip_number(p);
	}
	switch (*p)
	{
		case '\'':
			*kind = LEXER_STRING;
			return skip_string(p, backslashes);
		case '"':
			*kind = LEXER_NAME;
			return skip_quoted(p, false);
		case '$':
			return skip_dollar(p, kind);
		default:
			*kind = LEXER_OTHER;
			if (*p == '\0')
				return p;
			return (p[0] == ':' && p[1] == ':') ? p + 2 : p + 1;
	}
}

bool
lexer_next(const char *p, const char *end, bool backslashes, LexerToken *token)
{
	bool		newline;

	token->start = skip_blanks(p, true, &newline);
	if (token->start >= end)
		return false;
	token->end = Min(lexer_skip(token->start, backslashes, &token->kind), end);
	return token->end > token->start;
}

int
lexer_constant_length(const char *text, bool backslashes)
{
	const char *p = text;
	LexerKind	kind;
	bool		newline;

	if (*p == '-')
		p = skip_blanks(p + 1, true, &newline);
	return lexer_skip(p, backslashes, &kind) - text;
}

/*-------------------------------------------------------------------------
 *
 * normalize.c
 *		The constants of a statement: where they are in its text, and the text
 *		without them.
 *
 * Jumbling lists the constants that it came across.  It does not come across
 * all of them: of two equal expressions in ORDER BY, GROUP BY, DISTINCT ON or
 * a window parse analysis keeps one, and some parts of a statement (XMLTABLE's
 * columns) are left out of a query's id.  So the text is read token by token,
 * and each constant is replaced, listed or not; numbers that are no values
 * stay (clause.h), unless they are listed.  What is listed is replaced in any
 * case, TRUE and NULL too, as pg_stat_statements does.
 *
 * One that is not listed gets the number of a listed one with the same text:
 * then it is the second of two equal expressions, and they stay equal, so that
 * "SELECT date_trunc('day', at) ... GROUP BY date_trunc('day', at)" can be
 * analysed and planned with parameters.  Not in what jumbling leaves out, where
 * that may be chance.
 *
 * src/query/normalize.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "parser/parser.h"
#include "parser/scansup.h"

#include "detector/valueset.h"
#include "query/clause.h"
#include "query/lexer.h"
#include "query/normalize.h"

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

/*
 * The constants that jumbling listed, in the order of the text, each once, and
 * a squashed list as one
 */
static LocationLen *
list_constants(const JumbleState *jstate, int location, int length, int *n)
{
	LocationLen *listed;
	int			count = 0;

	listed = palloc_array(LocationLen, jstate->clocations_count + 1);
	for (int i = 0; i < jstate->clocations_count; i++)
	{
		const LocationLen *constant = &jstate->clocations[i];

		if (normalize_counts(jstate, constant) && constant->location >= location &&
			constant->location - location < length)
			listed[count++] = *constant;
	}
	qsort(listed, count, sizeof(LocationLen), compare_locations);
	*n = 0;
	for (int i = 0; i < count; i++)
	{
		const LocationLen *last = *n > 0 ? &listed[*n - 1] : NULL;

		if (last == NULL ||
			(last->location != listed[i].location &&
			 !(LOCATION_IS_SQUASHED(last) &&
			   listed[i].location < last->location + last->length)))
			listed[(*n)++] = listed[i];
	}
	return listed;
}

/* The highest $n of a text, 0 if there is none */
static int
highest_param(const char *query, int length)
{
	const char *end = query + length;
	LexerToken	token = {.end = query};
	int			highest = 0;

	if (memchr(query, '$', length) == NULL)
		return 0;
	while (lexer_next(token.end, end, !STANDARD_STRINGS, &token))
	{
		if (token.kind == LEXER_PARAM)
			highest = Max(highest, atoi(token.start + 1));
	}
	return highest;
}

/* As many listed constants are looked through for one with the same text */
#define MAX_TWINS	128

/* ... and as much of the text on either side */
#define MAX_CONTEXT	64

/* What normalize_text() works on */
typedef struct Normalizer
{
	const char *query;
	int			location;
	int			length;
	LocationLen *listed;		/* lengths are worked out when needed */
	int			nlisted;
	bool		all;			/* those not listed too */
	bool		params;			/* number parameters anew as well */
	bool		left_out;		/* jumbling leaves out what comes here */
	StringInfoData buf;
	const char *copied;			/* of the query, to here */
	TextConstants *constants;
	int			space;			/* of its array */
} Normalizer;

/* Puts a parameter in place of a constant; number: from 0 */
static void
replace(Normalizer *normalizer, const char *start, const char *end,
		int number, bool squashed)
{
	appendBinaryStringInfo(&normalizer->buf, normalizer->copied,
						   start - normalizer->copied);
	appendStringInfo(&normalizer->buf, "$%d%s",
					 normalizer->constants->nparams + number + 1,
					 squashed ? " /*, ... */" : "");
	normalizer->copied = end;
}

/* How much of the text around two places of it is the same, up to a limit */
static int
common_context(const Normalizer *normalizer, const char *a, const char *b,
			   int length)
{
	const char *first = Min(a, b);
	const char *last = Max(a, b);
	const char *end = normalizer->query + normalizer->length;
	int			before = 0;
	int			after = length;

	while (before < MAX_CONTEXT && first - before > normalizer->query &&
		   first[-before - 1] == last[-before - 1])
		before++;
	while (after < MAX_CONTEXT && last + after < end &&
		   first[after] == last[after])
		after++;
	return before + after;
}

/*
 * The number of a listed constant with the same text, or -1.  If there are
 * several, it is the one with the most of the text around it in common.
 */
static int
find_twin(const Normalizer *normalizer, const char *text, int length,
		  bool backslashes)
{
	int			found = -1;
	int			most = -1;

	if (normalizer->left_out)
		return -1;
	for (int i = 0; i < Min(normalizer->nlisted, MAX_TWINS); i++)
	{
		LocationLen *constant = &normalizer->listed[i];
		const char *twin = normalizer->query +
		(constant->location - normalizer->location);
		int			common;

		if (LOCATION_IS_SQUASHED(constant))
			continue;
		if (constant->length < 0)
			constant->length = lexer_constant_length(twin, backslashes);
		if (constant->length != length || memcmp(twin, text, length) != 0)
			continue;
		common = common_context(normalizer, twin, text, length);
		if (common > most)
		{
			most = common;
			found = i;
		}
	}
	return found;
}

/* The same for one that is not listed */
static void
replace_other(Normalizer *normalizer, const LexerToken *token,
			  bool backslashes)
{
	TextConstants *constants = normalizer->constants;
	int			number = find_twin(normalizer, token->start,
								   token->end - token->start, backslashes);

	if (number < 0)
	{
		if (constants->nplaces == normalizer->space)
		{
			normalizer->space *= 2;
			constants->places = repalloc_array(constants->places, int,
											   normalizer->space);
		}
		number = constants->nplaces++;
		constants->places[number] =
			normalizer->location + (token->start - normalizer->query);
	}
	replace(normalizer, token->start, token->end, number, false);
}

/*
 * Replaces a number with its sign, of which this is the token, by its twin.
 * Without a twin the sign stays.
 */
static void
replace_negative(Normalizer *normalizer, LexerToken *sign, bool backslashes)
{
	int			length = lexer_constant_length(sign->start, backslashes);
	int			number;

	if (sign->start + length > normalizer->query + normalizer->length)
		return;
	number = find_twin(normalizer, sign->start, length, backslashes);
	if (number < 0)
		return;
	sign->end = sign->start + length;
	sign->kind = LEXER_NUMBER;
	replace(normalizer, sign->start, sign->end, number, false);
}

/*
 * Is this the word of a clause whose constants jumbling leaves out?  They come
 * after it.
 */
static bool
is_left_out(const LexerToken *token)
{
	static const char *const words[] = {"xmltable", "json_table", "cycle"};

	for (int i = 0; token->kind == LEXER_WORD && i < lengthof(words); i++)
	{
		if (token->end - token->start == strlen(words[i]) &&
			pg_strncasecmp(token->start, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

/* Is this token, which is not listed, a constant? */
static bool
is_constant(const Normalizer *normalizer, const Clause *clause,
			const LexerToken *token)
{
	switch (token->kind)
	{
		case LEXER_STRING:
			return normalizer->all;
		case LEXER_NUMBER:
			return normalizer->all && !clause_keeps(clause, token);
		case LEXER_PARAM:
			return normalizer->params;
		default:
			return false;
	}
}

/*
 * Replaces the constants.  Each listed one is at the begin of a token if
 * "backslashes" is what the text was parsed with.  If one is not, "exact"
 * stops with false; else the token before it ends there.
 */
static bool
replace_constants(Normalizer *normalizer, bool backslashes, bool exact)
{
	const char *query = normalizer->query;
	const char *end = query + normalizer->length;
	int			n = 0;			/* of the listed ones, those passed */
	LexerToken	token = {.end = query};
	Clause		clause;

	resetStringInfo(&normalizer->buf);
	normalizer->copied = query;
	normalizer->left_out = false;
	normalizer->constants->nplaces = normalizer->nlisted;
	for (int i = 0; i < normalizer->nlisted; i++)
	{
		normalizer->constants->places[i] = normalizer->listed[i].location;
		if (!LOCATION_IS_SQUASHED(&normalizer->listed[i]))
			normalizer->listed[i].length = -1;
	}
	clause_init(&clause, end, backslashes);

	while (lexer_next(token.end, end, backslashes, &token))
	{
		const LocationLen *constant = NULL;
		const char *place = NULL;

		for (; n < normalizer->nlisted; n++)
		{
			constant = &normalizer->listed[n];
			place = query + (constant->location - normalizer->location);
			if (place >= token.start)
				break;
			if (exact)
				return false;
		}
		if (n == normalizer->nlisted)
			place = NULL;

		if (place == token.start)
		{
			bool		squashed = LOCATION_IS_SQUASHED(constant);
			int			length = squashed ? constant->length :
			lexer_constant_length(place, backslashes);

			token.kind = LEXER_STRING;
			token.end = Min(place + Max(length, 1), end);
			replace(normalizer, token.start, token.end, n++, squashed);
		}
		else
		{
			if (place != NULL && place < token.end)
			{
				if (exact)
					return false;
				token.end = place;
			}
			if (is_constant(normalizer, &clause, &token))
				replace_other(normalizer, &token, backslashes);
			else if (is_left_out(&token))
				normalizer->left_out = true;
			else if (normalizer->all && *token.start == '-' &&
					 clause_starts_expression(&clause))
				replace_negative(normalizer, &token, backslashes);
		}
		clause_advance(&clause, &token);
	}
	appendBinaryStringInfo(&normalizer->buf, normalizer->copied,
						   end - normalizer->copied);
	return true;
}

char *
normalize_text(const char *query, int location, int *length,
			   const JumbleState *jstate, bool all, TextConstants *constants)
{
	Normalizer	normalizer = {
		.query = query,
		.location = location,
		.length = *length,
		.all = all,
		.constants = constants
	};

	constants->nparams = 0;
	if (jstate != NULL)
	{
		normalizer.listed = list_constants(jstate, location, *length,
										   &normalizer.nlisted);
		normalizer.params = JUMBLE_HAS_SQUASHED_LISTS(jstate);
		constants->nparams = jstate->highest_extern_param_id;
	}
	/* a parameter may be where jumbling does not look */
	if (!normalizer.params)
		constants->nparams = Max(constants->nparams,
								 highest_param(query, *length));
	normalizer.space = normalizer.nlisted + 16;
	constants->places = palloc_array(int, normalizer.space);
	initStringInfo(&normalizer.buf);
	enlargeStringInfo(&normalizer.buf, *length + 1);

	/* the setting may have changed since the text was parsed */
	if (!replace_constants(&normalizer, !STANDARD_STRINGS, true) &&
		!replace_constants(&normalizer, STANDARD_STRINGS, true))
		(void) replace_constants(&normalizer, !STANDARD_STRINGS, false);

	if (normalizer.listed != NULL)
		pfree(normalizer.listed);
	*length = normalizer.buf.len;
	return normalizer.buf.data;
}

/* Length of a listed constant; an integer's, as keys are, with no call */
static inline int
listed_length(const char *text)
{
	const char *p = text;

	while (*p >= '0' && *p <= '9')
		p++;
	if (p > text && *p != '.' && *p != '_' &&
		!((*p | 0x20) >= 'a' && (*p | 0x20) <= 'z'))
		return p - text;
	return lexer_constant_length(text, !STANDARD_STRINGS);
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

/* The stretch of a source text that is one statement of it */
static inline const char *
statement_of(const char *source_text, int *location, int *length)
{
	const char *start;

	if (*location < 0)
	{
		*location = 0;
		*length = 0;			/* not to be trusted either */
	}
	start = source_text + *location;
	if (*length <= 0)
		*length = strlen(start);
	return start;
}

bool
normalize_same_text(const StatementLiterals *literals, const char *text,
					int location, int length)
{
	const char *start = statement_of(text, &location, &length);

	if (location != literals->location || length != literals->text_length)
		return false;
	if (length <= PARAMS_SHORT_TEXT)
		return memcmp(start, literals->text_copy, length) == 0;
	return hash_bytes_extended((const unsigned char *) start, length, 0) ==
		literals->text_hash;
}

void
normalize_literals(const char *source_text, int location, int text_length,
				   const JumbleState *jstate, StatementLiterals *literals)
{
	const char *start = statement_of(source_text, &location, &text_length);
	int			end = location + text_length;
	int			n = 0;
	uint64		left_out = 0;
	uint64		hash;

	for (int i = 0; i < jstate->clocations_count; i++)
	{
		const LocationLen *constant = &jstate->clocations[i];
		int			offset = constant->location;
		int			length;
		int			place;

		if (!normalize_counts(jstate, constant) || offset >= end)
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
			constant->length :
			listed_length(source_text + offset);
		length = Min(length, end - offset);

		/* of those left out the order does not count */
		if (place >= PARAMS_MAX_LITERALS)
		{
			left_out += hash_constant(source_text + offset, length, 0);
			continue;
		}
		if (n == PARAMS_MAX_LITERALS)
		{
			const LiteralSpan *last = &literals->literals[--n];

			left_out += hash_constant(source_text + last->offset,
									  last->length, 0);
		}
		memmove(&literals->literals[place + 1], &literals->literals[place],
				sizeof(LiteralSpan) * (n - place));
		literals->literals[place].offset = offset;
		literals->literals[place].length = length;
		n++;
	}

	/*
	 * In the order of the text: that of jstate is another once the statement
	 * was normalized, here or by another extension
	 */
	hash = left_out;
	for (int i = 0; i < n; i++)
		hash = hash_constant(source_text + literals->literals[i].offset,
							 literals->literals[i].length, hash);

	literals->text = source_text;
	literals->location = location;
	literals->text_length = text_length;
	if (text_length <= PARAMS_SHORT_TEXT)
		memcpy(literals->text_copy, start, text_length);
	else
		literals->text_hash =
			hash_bytes_extended((const unsigned char *) start, text_length, 0);
	literals->nliterals = n;
	literals->hash_all = (n > 0 && hash == 0) ? 1 : hash;
}

int
normalize_before_string(const char *text, int length, int from)
{
	const char *end = text + length;
	LexerToken	token = {.end = text};

	for (;;)
	{
		const char *p = token.end;
		bool		found = lexer_next(p, end, !STANDARD_STRINGS, &token);
		const char *next = found ? token.start : end;

		while (p < next && scanner_isspace(*p))
			p++;
		if (memchr(p, '\'', next - p) != NULL)
			return p - text;
		if (!found)
			return length;
		if (token.kind == LEXER_STRING && token.start - text >= from)
			return token.start - text;
	}
}

/*-------------------------------------------------------------------------
 *
 * fuzz_literals.c
 *		Constants in a statement: the text without them, their spans, hashes
 *		and texts.
 *
 * The first byte says how many constants there are, and the bytes after it
 * where: the rest is the statement.  So constants "begin" where the parser
 * would never find one, too; then the lengths are off, and nothing worse.
 *
 * Links: clause.c lexer.c normalize.c params.c
 *
 * test/fuzz/fuzz_literals.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "parser/parser.h"
#include "parser/scansup.h"
#include "utils/array.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "query/builtin.h"
#include "fuzz.h"
#include "query/normalize.h"
#include "query/params.h"

#define MAX_LOCATIONS	80

/* The server's, as far as they are needed */
bool		standard_conforming_strings = true;

bool
scanner_isspace(char ch)
{
	return ch == ' ' || ch == '\t' || ch == '\n' || ch == '\r' || ch == '\f';
}

int
pg_mbcliplen(const char *mbstr, int len, int limit)
{
	return Min(len, limit);
}

const BuiltinType *
builtin_type(Oid type)
{
	return NULL;
}

bool
IsTransactionState(void)
{
	return false;
}

Oid
get_element_type(Oid typid)
{
	return InvalidOid;
}

int
ArrayGetNItems(int ndim, const int *dims)
{
	return 0;
}

HeapTuple
SearchSysCache1(int cacheId, Datum key1)
{
	return NULL;
}

void
ReleaseSysCache(HeapTuple tuple)
{
}

static void
check_literals(const StatementLiterals *literals)
{
	StringInfoData buf;
	StatementShape shape;
	WindowValues values;

	initStringInfo(&buf);
	CHECK(literals->nliterals <= PARAMS_MAX_LITERALS);
	for (int i = 0; i < literals->nliterals; i++)
	{
		const LiteralSpan *span = &literals->literals[i];

		CHECK(span->offset >= 0 && span->length >= 0 &&
			  span->offset + span->length <= literals->text_length);
		CHECK(i == 0 || span->offset > literals->literals[i - 1].offset);
		for (int max = 0; max <= 16; max += 8)
		{
			resetStringInfo(&buf);
			params_literal_text(&buf, literals->text, span, max);
			CHECK(max == 0 || buf.len <= max);
			CHECK(max > 0 || buf.len <= span->length);
		}
	}
	pfree(buf.data);

	/* as the values of conditions, single ones and lists */
	memset(&shape, 0, sizeof(shape));
	for (int i = 0; i < Min(literals->nliterals, SHAPE_MAX_CONDITIONS); i++)
	{
		ShapeValue *value = &shape.conditions[shape.nconditions++].value;

		value->source = SHAPE_VALUE_LITERAL;
		value->number = i;
		value->list = i % 2;
	}
	shape.offset_value.source = SHAPE_VALUE_LITERAL;
	params_hash(NULL, literals, &shape, &values);
	CHECK((literals->nliterals == 0) == (values.all == 0));
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	LocationLen locations[MAX_LOCATIONS];
	JumbleState jstate;
	static StatementLiterals literals;
	char	   *text;
	char	   *normalized;
	const char *clean;
	int			n;
	int			location = 0;
	int			length;

	if (size < 1)
		return 0;
	n = Min(data[0], MAX_LOCATIONS);
	data++;
	size--;
	if (size < n)
		return 0;
	memset(&jstate, 0, sizeof(jstate));
	memset(locations, 0, sizeof(locations));
	for (int i = 0; i < n; i++)
	{
		locations[i].location = data[i];
		locations[i].length = -1;
	}
	jstate.clocations = locations;
	jstate.clocations_count = n;
	data += n;
	size -= n;

	/* a statement ends at its NUL */
	size = strnlen((const char *) data, size);
	text = malloc(size + 1);
	memcpy(text, data, size);
	text[size] = '\0';

	for (int strings = 0; strings <= 1; strings++)
	{
		standard_conforming_strings = strings;
		normalize_literals(text, 0, 0, &jstate, &literals);
		check_literals(&literals);

		clean = text;
		location = 0;
		length = 0;
		normalize_clean(&clean, &location, &length);
		CHECK(length >= 0 && location + length <= size && clean == text + location);
		for (int all = 0; all <= 3; all++)
		{
			TextConstants constants;
			int			normalized_length = length;

			normalized = normalize_text(clean, location, &normalized_length,
										all & 2 ? &jstate : NULL, all & 1,
										&constants);
			CHECK(strlen(normalized) == normalized_length);
			for (int i = 0; i < constants.nplaces; i++)
				CHECK(constants.places[i] >= location &&
					  constants.places[i] < location + length);
			pfree(constants.places);
			pfree(normalized);
		}
	}
	free(text);
	return 0;
}

/*-------------------------------------------------------------------------
 *
 * clause.c
 *		Numbers in a statement's text that are no values.
 *
 * The parse tree does not say where they are (an analysed Query has neither
 * the place of a type modifier nor that of a column's position), so they are
 * found by the words around them.  The grammar has few such places:
 *
 *	- in parentheses after the name of a type.  numeric, varchar and the like
 *	  are keywords, and such a name cannot be called as a function; any other
 *	  type follows "::" or AS.  Brackets likewise.
 *	- an item of a query's ORDER BY, GROUP BY or DISTINCT ON that is nothing
 *	  but an integer.  Below GROUP BY also in parentheses.
 *
 * A number that is taken for a value by mistake makes a text that cannot be
 * analysed again; one that is kept by mistake is an integer in a place where
 * it looks like one of these.
 *
 * src/query/clause.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query/clause.h"

/* Tokens, ClauseMark.id */
enum
{
	MARK_NONE,					/* the begin of the statement */
	MARK_OTHER,
	MARK_NAME,					/* any word that is not listed below */
	MARK_STRING,
	MARK_OPEN,
	MARK_CLOSE,
	MARK_BRACKET,
	MARK_BRACKET_CLOSE,
	MARK_COMMA,
	MARK_DOT,
	MARK_SEMICOLON,
	MARK_CAST,
	MARK_KEYWORD,				/* listed for its flags only */
	MARK_ALL,
	MARK_AS,
	MARK_BY,
	MARK_DISTINCT,
	MARK_GROUP,
	MARK_INTERVAL,
	MARK_ON,
	MARK_ORDER,
	MARK_SECOND,
	MARK_TO
};

/* ClauseMark.flags of words */
#define STARTS_QUERY	0x01	/* first word of a query */
#define ENDS_LIST		0x02	/* a query's next clause */
#define IS_OPERATOR		0x04	/* after it an expression goes on */
#define IS_TYPE			0x08	/* type whose modifiers are in the grammar */
#define CONTINUES_TYPE	0x10	/* not the first word of a type's name */
#define IS_NO_CALL		0x20	/* parentheses after it are not arguments */
#define IS_NO_TYPE		0x40	/* after AS it is no name */
#define STARTS_GROUP	0x80	/* ROLLUP (, CUBE (, GROUPING SETS ( */

typedef struct ClauseWord
{
	const char *word;
	ClauseMark	mark;
} ClauseWord;

/* Sorted */
static const ClauseWord words[] = {
	{"all", {MARK_ALL, IS_NO_CALL}},
	{"and", {MARK_KEYWORD, IS_OPERATOR | IS_NO_CALL}},
	{"any", {MARK_KEYWORD, IS_NO_CALL}},
	{"array", {MARK_KEYWORD, CONTINUES_TYPE | IS_NO_CALL}},
	{"as", {MARK_AS, IS_NO_CALL}},
	{"at", {MARK_KEYWORD, IS_OPERATOR}},
	{"between", {MARK_KEYWORD, IS_OPERATOR | IS_NO_CALL}},
	{"bit", {MARK_KEYWORD, IS_TYPE}},
	{"by", {MARK_BY, IS_NO_CALL}},
	{"char", {MARK_KEYWORD, IS_TYPE}},
	{"character", {MARK_KEYWORD, IS_TYPE}},
	{"collate", {MARK_KEYWORD, IS_OPERATOR}},
	{"cube", {MARK_KEYWORD, STARTS_GROUP}},
	{"day", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"dec", {MARK_KEYWORD, IS_TYPE}},
	{"decimal", {MARK_KEYWORD, IS_TYPE}},
	{"delete", {MARK_KEYWORD, STARTS_QUERY | IS_NO_TYPE}},
	{"distinct", {MARK_DISTINCT, IS_NO_CALL}},
	{"except", {MARK_KEYWORD, ENDS_LIST | IS_NO_CALL}},
	{"execute", {MARK_KEYWORD, IS_NO_TYPE}},
	{"exists", {MARK_KEYWORD, IS_NO_CALL}},
	{"fetch", {MARK_KEYWORD, ENDS_LIST}},
	{"float", {MARK_KEYWORD, IS_TYPE}},
	{"for", {MARK_KEYWORD, ENDS_LIST}},
	{"from", {MARK_KEYWORD, IS_NO_CALL}},
	{"group", {MARK_GROUP, 0}},
	{"having", {MARK_KEYWORD, ENDS_LIST | IS_NO_CALL}},
	{"hour", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"ilike", {MARK_KEYWORD, IS_OPERATOR}},
	{"in", {MARK_KEYWORD, IS_OPERATOR | IS_NO_CALL}},
	{"insert", {MARK_KEYWORD, STARTS_QUERY | IS_NO_TYPE}},
	{"intersect", {MARK_KEYWORD, ENDS_LIST | IS_NO_CALL}},
	{"interval", {MARK_INTERVAL, IS_TYPE}},
	{"is", {MARK_KEYWORD, IS_OPERATOR}},
	{"isnull", {MARK_KEYWORD, IS_OPERATOR}},
	{"join", {MARK_KEYWORD, IS_NO_CALL}},
	{"lateral", {MARK_KEYWORD, IS_NO_CALL}},
	{"like", {MARK_KEYWORD, IS_OPERATOR}},
	{"limit", {MARK_KEYWORD, ENDS_LIST}},
	{"materialized", {MARK_KEYWORD, IS_NO_CALL | IS_NO_TYPE}},
	{"merge", {MARK_KEYWORD, STARTS_QUERY | IS_NO_TYPE}},
	{"minute", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"month", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"nchar", {MARK_KEYWORD, IS_TYPE}},
	{"not", {MARK_KEYWORD, IS_OPERATOR | IS_NO_CALL | IS_NO_TYPE}},
	{"notnull", {MARK_KEYWORD, IS_OPERATOR}},
	{"numeric", {MARK_KEYWORD, IS_TYPE}},
	{"offset", {MARK_KEYWORD, ENDS_LIST}},
	{"on", {MARK_ON, IS_NO_CALL}},
	{"operator", {MARK_KEYWORD, IS_OPERATOR}},
	{"or", {MARK_KEYWORD, IS_OPERATOR | IS_NO_CALL}},
	{"order", {MARK_ORDER, 0}},
	{"overlaps", {MARK_KEYWORD, IS_OPERATOR}},
	{"precision", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"returning", {MARK_KEYWORD, ENDS_LIST | IS_NO_CALL}},
	{"rollup", {MARK_KEYWORD, STARTS_GROUP}},
	{"second", {MARK_SECOND, CONTINUES_TYPE}},
	{"select", {MARK_KEYWORD, STARTS_QUERY | IS_NO_CALL | IS_NO_TYPE}},
	{"sets", {MARK_KEYWORD, STARTS_GROUP}},
	{"similar", {MARK_KEYWORD, IS_OPERATOR}},
	{"some", {MARK_KEYWORD, IS_NO_CALL}},
	{"table", {MARK_KEYWORD, STARTS_QUERY | IS_NO_TYPE}},
	{"time", {MARK_KEYWORD, IS_TYPE | CONTINUES_TYPE}},
	{"timestamp", {MARK_KEYWORD, IS_TYPE}},
	{"to", {MARK_TO, CONTINUES_TYPE}},
	{"union", {MARK_KEYWORD, ENDS_LIST | IS_NO_CALL}},
	{"update", {MARK_KEYWORD, STARTS_QUERY | IS_NO_TYPE}},
	{"values", {MARK_KEYWORD, STARTS_QUERY | IS_NO_CALL | IS_NO_TYPE}},
	{"varchar", {MARK_KEYWORD, IS_TYPE}},
	{"varying", {MARK_KEYWORD, IS_TYPE | CONTINUES_TYPE}},
	{"where", {MARK_KEYWORD, IS_NO_CALL}},
	{"window", {MARK_KEYWORD, ENDS_LIST}},
	{"with", {MARK_KEYWORD, STARTS_QUERY | CONTINUES_TYPE | IS_NO_TYPE}},
	{"without", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"year", {MARK_KEYWORD, CONTINUES_TYPE}},
	{"zone", {MARK_KEYWORD, CONTINUES_TYPE}},
};

/* No position of a column is longer, and no modifier */
#define MAX_DIGITS	9

static ClauseMark
mark_of_word(const LexerToken *token)
{
	int			length = token->end - token->start;
	int			low = 0;
	int			high = lengthof(words) - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const char *word = words[middle].word;
		int			order = pg_strncasecmp(token->start, word, length);

		if (order == 0 && word[length] == '\0')
			return words[middle].mark;
		if (order > 0)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return (ClauseMark)
	{
		MARK_NAME, 0
	};
}

static ClauseMark
mark_of(const LexerToken *token)
{
	ClauseMark	mark = {MARK_OTHER, 0};

	switch (token->kind)
	{
		case LEXER_WORD:
			return mark_of_word(token);
		case LEXER_NAME:
			mark.id = MARK_NAME;
			return mark;
		case LEXER_STRING:
			mark.id = MARK_STRING;
			return mark;
		case LEXER_NUMBER:
		case LEXER_PARAM:
			return mark;
		case LEXER_OTHER:
			break;
	}
	switch (*token->start)
	{
		case '(':
			mark.id = MARK_OPEN;
			break;
		case ')':
			mark.id = MARK_CLOSE;
			break;
		case '[':
			mark.id = MARK_BRACKET;
			break;
		case ']':
			mark.id = MARK_BRACKET_CLOSE;
			break;
		case ',':
			mark.id = MARK_COMMA;
			break;
		case '.':
			mark.id = MARK_DOT;
			break;
		case ';':
			mark.id = MARK_SEMICOLON;
			break;
		case ':':
			if (token->end - token->start == 2)
				mark.id = MARK_CAST;
			break;
	}
	return mark;
}

void
clause_init(Clause *clause, const char *end, bool backslashes)
{
	memset(clause, 0, sizeof(Clause));
	clause->end = end;
	clause->backslashes = backslashes;
	clause->levels[0].kind = CLAUSE_QUERY;
}

/* The level that the next token is in, NULL where it is too deep */
static ClauseLevel *
current_level(Clause *clause)
{
	return clause->depth < CLAUSE_MAX_DEPTH ?
		&clause->levels[clause->depth] : NULL;
}

/* Is an item of a list complete before p? */
static bool
item_ends(const Clause *clause, const char *p)
{
	LexerToken	token;
	ClauseMark	mark;

	if (!lexer_next(p, clause->end, clause->backslashes, &token))
		return true;
	mark = mark_of(&token);
	return mark.id == MARK_COMMA || mark.id == MARK_CLOSE ||
		mark.id == MARK_SEMICOLON ||
		(token.kind == LEXER_WORD && (mark.flags & IS_OPERATOR) == 0);
}

/* Does an item of a list begin after the last token? */
static bool
item_begins(const Clause *clause, ClauseList list)
{
	switch (clause->last.id)
	{
		case MARK_BY:
		case MARK_COMMA:
		case MARK_OPEN:
			return list != CLAUSE_NO_LIST;
		case MARK_ALL:
		case MARK_DISTINCT:
			return list == CLAUSE_GROUP && clause->before.id == MARK_BY;
		default:
			return list == CLAUSE_GROUP &&
				(clause->last.flags & STARTS_GROUP) != 0;
	}
}

/*
 * May the parentheses that open here be around a position, or positions to
 * group by?  Not if the expression goes on behind them, nor if they are a row.
 */
static bool
holds_items(const Clause *clause, ClauseList list, const LexerToken *open)
{
	LexerToken	token = *open;
	int			depth = 1;

	while (lexer_next(token.end, clause->end, clause->backslashes, &token))
	{
		switch (mark_of(&token).id)
		{
			case MARK_OPEN:
				depth++;
				break;
			case MARK_CLOSE:
				if (--depth == 0)
					return item_ends(clause, token.end);
				break;
			case MARK_COMMA:
				if (depth == 1 && list != CLAUSE_GROUP)
					return false;
				break;
			default:
				break;
		}
	}
	return false;
}

/* Do parentheses after the last token hold a type's modifiers? */
static bool
follows_type(const Clause *clause, const ClauseLevel *around)
{
	ClauseMark	last = clause->last;
	int			before = clause->before.id;

	if (clause->type == CLAUSE_TYPE_NAMED)
		return true;
	if (last.flags & IS_TYPE)
		return before != MARK_DOT;
	if (last.id == MARK_SECOND)
		return before == MARK_STRING || before == MARK_TO ||
			before == MARK_INTERVAL;
	return last.id == MARK_NAME && around->kind == CLAUSE_TYPE;
}

static void
open_level(Clause *clause, const LexerToken *token, bool bracket)
{
	ClauseLevel *around = current_level(clause);
	ClauseLevel *level;

	clause->depth++;
	level = current_level(clause);
	if (level == NULL)
		return;
	level->kind = CLAUSE_VALUES;
	level->list = CLAUSE_NO_LIST;
	level->first = clause->last.id == MARK_OPEN;
	level->call = clause->last.id >= MARK_KEYWORD ?
		(clause->last.flags & IS_NO_CALL) == 0 :
		clause->last.id == MARK_NAME;

	if (bracket)
	{
		if (clause->type == CLAUSE_TYPE_NAMED)
			level->kind = CLAUSE_TYPE;
	}
	else if (follows_type(clause, around))
		level->kind = CLAUSE_TYPE;
	else if (clause->last.id == MARK_ON && clause->before.id == MARK_DISTINCT)
		level->list = CLAUSE_ORDER;
	else if (item_begins(clause, around->list) &&
			 holds_items(clause, around->list, token))
		level->list = around->list;
}

/* Its first word says that a level is a query; so are parentheses around it */
static void
set_query(Clause *clause)
{
	int			depth = clause->depth;

	for (;;)
	{
		ClauseLevel *level = &clause->levels[depth];
		const ClauseLevel *around;

		level->kind = CLAUSE_QUERY;
		level->list = CLAUSE_NO_LIST;
		if (!level->first || depth < 2)
			return;
		around = &clause->levels[--depth];
		if (around->kind != CLAUSE_TYPE &&
			(around->call || around->list != CLAUSE_NO_LIST))
			return;
	}
}

/* What a type's name is after this token */
static ClauseType
next_type(const Clause *clause, ClauseMark mark, bool word)
{
	if (mark.id == MARK_CAST || mark.id == MARK_AS)
		return CLAUSE_TYPE_EXPECTED;
	switch (clause->type)
	{
		case CLAUSE_TYPE_EXPECTED:
			return word && (mark.flags & IS_NO_TYPE) == 0 ?
				CLAUSE_TYPE_NAMED : CLAUSE_NO_TYPE;
		case CLAUSE_TYPE_NAMED:
			if (mark.id == MARK_DOT)
				return CLAUSE_TYPE_EXPECTED;
			return (mark.flags & CONTINUES_TYPE) != 0 ?
				CLAUSE_TYPE_NAMED : CLAUSE_NO_TYPE;
		default:
			return CLAUSE_NO_TYPE;
	}
}

void
clause_advance(Clause *clause, const LexerToken *token)
{
	ClauseMark	mark = mark_of(token);
	ClauseLevel *level = current_level(clause);
	ClauseType	type = next_type(clause, mark,
								 token->kind == LEXER_WORD ||
								 token->kind == LEXER_NAME);

	if (level != NULL && clause->last.id == MARK_OPEN &&
		(mark.flags & STARTS_QUERY) != 0)
		set_query(clause);

	switch (mark.id)
	{
		case MARK_OPEN:
		case MARK_BRACKET:
			open_level(clause, token, mark.id == MARK_BRACKET);
			break;
		case MARK_CLOSE:
		case MARK_BRACKET_CLOSE:
			if (level != NULL && level->kind == CLAUSE_TYPE)
				type = CLAUSE_TYPE_NAMED;
			if (clause->depth > 0)
				clause->depth--;
			break;
		case MARK_BY:
			if (level != NULL && level->kind == CLAUSE_QUERY)
				level->list = clause->last.id == MARK_ORDER ? CLAUSE_ORDER :
					clause->last.id == MARK_GROUP ? CLAUSE_GROUP :
					CLAUSE_NO_LIST;
			break;
		default:
			if (level != NULL && level->kind == CLAUSE_QUERY &&
				(mark.flags & ENDS_LIST) != 0)
				level->list = CLAUSE_NO_LIST;
			break;
	}

	clause->type = type;
	clause->before = clause->last;
	clause->last = mark;
}

bool
clause_starts_expression(const Clause *clause)
{
	switch (clause->last.id)
	{
		case MARK_BRACKET:
		case MARK_BY:
		case MARK_COMMA:
		case MARK_OPEN:
			return true;
		default:
			return false;
	}
}

bool
clause_keeps(const Clause *clause, const LexerToken *number)
{
	const ClauseLevel *level;

	if (clause->depth >= CLAUSE_MAX_DEPTH ||
		number->end - number->start > MAX_DIGITS)
		return false;
	for (const char *p = number->start; p < number->end; p++)
	{
		if (*p < '0' || *p > '9')
			return false;
	}
	level = &clause->levels[clause->depth];
	if (level->kind == CLAUSE_TYPE)
		return true;
	return item_begins(clause, level->list) &&
		item_ends(clause, number->end);
}

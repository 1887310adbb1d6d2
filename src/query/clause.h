/*-------------------------------------------------------------------------
 *
 * clause.h
 *		Numbers in a statement's text that are no values: type modifiers,
 *		array bounds, and positions of output columns.
 *
 * varchar(10), numeric(10,2), int[3], interval '...' second(3), ORDER BY 1,
 * GROUP BY 1, DISTINCT ON (1): a parameter in their place is an error, or the
 * statement means something else.
 *
 * Follows the tokens of a statement from its first to its last.  Pure:
 * allocates nothing, raises nothing.  What is nested deeper than
 * CLAUSE_MAX_DEPTH counts as a value.
 *
 * src/query/clause.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_CLAUSE_H
#define QW_CLAUSE_H

#include "query/lexer.h"

#define CLAUSE_MAX_DEPTH	64

/* What a pair of parentheses or brackets holds */
typedef enum ClauseKind
{
	CLAUSE_VALUES,				/* expressions, names */
	CLAUSE_QUERY,				/* a query: its ORDER BY takes positions,
								 * those of aggregates and windows do not */
	CLAUSE_TYPE					/* modifiers of a type, bounds of an array, or
								 * definitions of columns */
} ClauseKind;

/* What the items of a list that is being read may be, apart from values */
typedef enum ClauseList
{
	CLAUSE_NO_LIST,
	CLAUSE_ORDER,				/* positions */
	CLAUSE_GROUP				/* positions, and lists of them in parentheses */
} ClauseList;

typedef struct ClauseLevel
{
	ClauseKind	kind;
	ClauseList	list;
	bool		first;			/* opened right after the one around it */
	bool		call;			/* opened after a name */
} ClauseLevel;

/* A token, as far as it matters */
typedef struct ClauseMark
{
	int			id;
	int			flags;
} ClauseMark;

/* Has a type's name been read? */
typedef enum ClauseType
{
	CLAUSE_NO_TYPE,
	CLAUSE_TYPE_EXPECTED,		/* it comes next */
	CLAUSE_TYPE_NAMED			/* it may go on, or have modifiers */
} ClauseType;

typedef struct Clause
{
	const char *end;			/* of the statement */
	bool		backslashes;	/* see lexer.h */
	int			depth;			/* may be above the maximum */
	ClauseLevel levels[CLAUSE_MAX_DEPTH];
	ClauseMark	last;			/* the token before this one ... */
	ClauseMark	before;			/* ... and the one before that */
	ClauseType	type;
} Clause;

/* To be called before the first token; end: where the statement ends */
extern void clause_init(Clause *clause, const char *end, bool backslashes);

/* Must this number, the next token, stay as it is? */
extern bool clause_keeps(const Clause *clause, const LexerToken *number);

/* Is the next token the first one of an expression?  False if not known. */
extern bool clause_starts_expression(const Clause *clause);

/* Goes on past a token */
extern void clause_advance(Clause *clause, const LexerToken *token);

#endif							/* QW_CLAUSE_H */

/*-------------------------------------------------------------------------
 *
 * lexer.h
 *		The tokens of a statement's text.
 *
 * Pure: allocates nothing, raises nothing, and reads no further than the NUL
 * that ends the text.  "backslashes" says whether they are escapes in '...',
 * as with standard_conforming_strings off.
 *
 * src/query/lexer.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_LEXER_H
#define QW_LEXER_H

typedef enum LexerKind
{
	LEXER_WORD,					/* keyword, or a name without quotes */
	LEXER_NAME,					/* name in double quotes */
	LEXER_STRING,				/* constant in quotes of any form */
	LEXER_NUMBER,
	LEXER_PARAM,				/* $n */
	LEXER_OTHER					/* "::", or one character of something else */
} LexerKind;

typedef struct LexerToken
{
	LexerKind	kind;
	const char *start;
	const char *end;			/* behind its last byte */
} LexerToken;

/* Skips the token that begins at p and tells its kind */
extern const char *lexer_skip(const char *p, bool backslashes, LexerKind *kind);

/*
 * Finds the next token at or after p, which is not within a token or a
 * comment, and before end.  Returns false if there is none.
 */
extern bool lexer_next(const char *p, const char *end, bool backslashes,
					   LexerToken *token);

/*
 * Length of the constant that parse analysis says begins at text.  A minus
 * sign belongs to the number after it.  What the grammar makes a constant may
 * also be a keyword or a name: TRUE, NULL, the field of EXTRACT.
 */
extern int	lexer_constant_length(const char *text, bool backslashes);

#endif							/* QW_LEXER_H */

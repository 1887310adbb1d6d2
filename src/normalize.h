/*-------------------------------------------------------------------------
 *
 * normalize.h
 *		The constants of a statement: where they are in its text, and the text
 *		without them.
 *
 * Parse analysis tells where each constant begins (JumbleState), not where it
 * ends; that is found here, by a lexer for single tokens that needs neither
 * the text before them nor memory, and cannot raise.  The JumbleState is
 * shared with other modules and is never changed.
 *
 * src/normalize.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_NORMALIZE_H
#define QW_NORMALIZE_H

#include "compat.h"
#include "params.h"

/*
 * Narrows a source text to one of its statements, without the white space
 * around it: *location and *length, as a Query or PlannedStmt has them (-1:
 * not known; length 0: to the end), become those of what is left, and *query
 * its start.
 */
extern void normalize_clean(const char **query, int *location, int *length);

/*
 * The text of a statement, given as by normalize_clean(), with its constants
 * replaced by $1, $2, ... or, where it has parameters, the numbers after
 * theirs: palloc'd, its length put into *length.  As pg_stat_statements shows
 * it.  *constants, palloc'd, gets the places of the *nconstants constants that
 * were replaced, in order: offsets in the source text, as Const.location has
 * them.
 */
extern char *normalize_text(const char *query, int location, int *length,
							const JumbleState *jstate,
							int **constants, int *nconstants);

/*
 * The same for a statement whose parse was not seen: every constant in it is
 * replaced, those too that parse analysis would have kept.  Does not raise but
 * for lack of memory.
 */
extern char *normalize_unparsed(const char *query, int length);

/*
 * Finds the constants of the statement being parsed; "source_text" is the
 * whole text, of all its statements.  Allocates nothing.
 */
extern void normalize_literals(const char *source_text,
							   const JumbleState *jstate,
							   StatementLiterals *literals);

/*
 * Length of a statement's text up to its first string constant at or past
 * "from", or up to a comment before that with a quote in it.  Allocates
 * nothing.
 */
extern int	normalize_before_string(const char *text, int length, int from);

/* Is this the text that they were found in? */
extern bool normalize_same_text(const StatementLiterals *literals,
								const char *text);

#endif							/* QW_NORMALIZE_H */

/*-------------------------------------------------------------------------
 *
 * normalize.h
 *		The constants of a statement: where they are in its text, and the text
 *		without them.
 *
 * Jumbling tells where constants begin (JumbleState), not where they end, and
 * not all of them; the rest is read from the text (lexer.h).  The JumbleState
 * is shared with other modules and is never changed.
 *
 * src/query/normalize.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_NORMALIZE_H
#define QW_NORMALIZE_H

#include "common/compat.h"
#include "query/params.h"

/*
 * Is what jumbling listed here a constant, to be counted and replaced?
 * Parameters are only where lists of constants were squashed, as all of them
 * are numbered anew then.
 */
static inline bool
normalize_counts(const JumbleState *jstate, const LocationLen *location)
{
	return location->location >= 0 &&
		(!LOCATION_IS_PARAM(location) || JUMBLE_HAS_SQUASHED_LISTS(jstate));
}

/*
 * Narrows a source text to one of its statements, without the white space
 * around it: *location and *length, as a Query or PlannedStmt has them (-1:
 * not known; length 0: to the end), become those of what is left, and *query
 * its start.
 */
extern void normalize_clean(const char **query, int *location, int *length);

/*
 * What the $n of a text without constants stand for: $1 to $nparams for the
 * statement's own parameters, the others for the constants that were replaced.
 * Those that jumbling listed come first, in the order of the text and of
 * StatementLiterals; then the others, likewise.
 */
typedef struct TextConstants
{
	int			nparams;
	int			nplaces;
	int		   *places;			/* offsets in the source text, as
								 * Const.location has them; palloc'd */
} TextConstants;

/*
 * The text of a statement, given as by normalize_clean(), with its constants
 * replaced by $n: palloc'd, its length put into *length.  Those that jumbling
 * listed are, and with "all" every other one; the text is as
 * pg_stat_statements shows it where jumbling listed all of them.  "jstate" is
 * NULL for a statement whose parse was not seen.  Does not raise but for lack
 * of memory.
 */
extern char *normalize_text(const char *query, int location, int *length,
							const JumbleState *jstate, bool all,
							TextConstants *constants);

/*
 * Finds the constants that jumbling listed in the statement being parsed.
 * "source_text" is the whole text, of all its statements; where this one is in
 * it, a Query says (location -1: not known; length 0: to the end).  Allocates
 * nothing.
 */
extern void normalize_literals(const char *source_text, int location,
							   int length, const JumbleState *jstate,
							   StatementLiterals *literals);

/*
 * Length of a statement's text up to its first string constant at or past
 * "from", or up to a comment before that with a quote in it.  Allocates
 * nothing.
 */
extern int	normalize_before_string(const char *text, int length, int from);

/*
 * Is this the statement that they were found in?  Its place in "text" is the
 * one that its PlannedStmt has.
 */
extern bool normalize_same_text(const StatementLiterals *literals,
								const char *text, int location, int length);

#endif							/* QW_NORMALIZE_H */

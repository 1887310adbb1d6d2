/*-------------------------------------------------------------------------
 *
 * suggest.h
 *		Findings in words: the evidence in figures, what to change, and the
 *		statement to use instead.
 *
 * Runs in the session of a reader.  Looks into catalogs for findings of this
 * database; for those of others it says what the figures alone allow.
 *
 * src/findings/suggest.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SUGGEST_H
#define QW_SUGGEST_H

#include "findings/findings.h"

typedef struct Suggestion
{
	bool		dropped;		/* looked at closely, it is none: an index
								 * serves already, say */
	RepeatConfidence confidence;
	char	   *query;			/* as readers see it; NULL: not there */
	char	   *parent_query;
	char	   *evidence;
	char	   *suggestion;
	char	   *rewrite;		/* NULL: none is known to be right */
} Suggestion;

/* What the slow log knows of the statements, to be read once */
typedef struct SlowPlans SlowPlans;
extern SlowPlans *slow_plans_read(void);

/* All strings are palloc'd, or constants */
extern void suggest(const Finding *finding, const SlowPlans *plans,
					Suggestion *suggestion);

#endif							/* QW_SUGGEST_H */

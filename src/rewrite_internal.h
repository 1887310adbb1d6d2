/*-------------------------------------------------------------------------
 *
 * rewrite_internal.h
 *		What the files of rewrite.h share.
 *
 * All of it is called within analyzed_call(), and may raise.
 *
 * src/rewrite_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_REWRITE_INTERNAL_H
#define QW_REWRITE_INTERNAL_H

#include "analyzed.h"
#include "rewrite.h"

/* A rewrite in the making: arg of an AnalyzedCallback */
typedef struct RewriteRequest
{
	const RewriteSource *source;
	int			attempt;		/* from 0: after one that raised, the next */
	MemoryContext context;		/* of the result */
	char	   *result;
} RewriteRequest;

/*
 * Calls back until an attempt does not raise.  The callback puts what it made
 * where rewrite_give() says.
 */
extern char *rewrite_make(const RewriteSource *source,
						  AnalyzedCallback callback, int attempts);
extern void rewrite_give(RewriteRequest *request, const char *text);

/* The statement with "= ANY" for its condition on the key, or NULL */
extern char *rewrite_condition_as_list(AnalyzedText *analyzed,
									   const RewriteSource *source);

/* The $n that a condition on the key compares it with; 0: none, or several */
extern int	rewrite_key_param(AnalyzedText *analyzed,
							  const RewriteSource *source);

/*
 * Do rows that satisfy different conditions not influence each other?  No
 * aggregates, LIMIT, DISTINCT and the like.
 */
extern bool rewrite_filters_rows(const Query *query);

/* A Param as analysis makes it */
extern Param *rewrite_param(int number, Oid type);

/*
 * Writes the name of relation number varno before its columns where they are
 * written without one, so that another relation may join it.
 */
extern void rewrite_qualify(const AnalyzedText *analyzed, int varno,
							TextEdits *edits);

/* Can unnest() give rows of one column of this type? */
extern bool rewrite_can_unnest(Oid type);

#endif							/* QW_REWRITE_INTERNAL_H */

/*-------------------------------------------------------------------------
 *
 * suggest_internal.h
 *		Words that suggest.c, suggest_plan.c and suggest_lock.c share.
 *
 * All strings are palloc'd, or constants.
 *
 * src/findings/suggest_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SUGGEST_INTERNAL_H
#define QW_SUGGEST_INTERNAL_H

#include "findings/suggest.h"
#include "rewrite/rewrite.h"

#pragma GCC visibility push(hidden)

/*
 * Bytes of a suggestion.  Room is left for what is said after, or in place of,
 * a statement that it has in it.
 */
#define SUGGESTION_LENGTH	400

/* Figures: "12,345", "1 query" or "5 queries", "1.2 s", "4.0 MB" */
extern char *count_text(int64 n);
extern char *counted(int64 n, const char *one, const char *many);
extern char *time_text(double ns);
extern char *bytes_text(double bytes);

/* A table's name as a statement of this session would write it, or a word */
extern char *table_text(Oid relid);

/* Rows that a table has, as ANALYZE and VACUUM last said; -1: not known */
extern double table_rows(Oid relid);

/* Is it about a statement of this database? */
extern bool is_here(const Finding *finding);

/* False if there is nothing to rewrite: another database, no text */
extern bool rewrite_source(const Finding *finding,
						   const FindingStatement *statement,
						   RewriteSource *source);

/* Findings about plans: suggest_plan.c */
extern void suggest_scan(const Finding *finding, Suggestion *result);
extern void suggest_foreign_key(const Finding *finding, Suggestion *result);

/* Findings about locks: suggest_lock.c */
extern void suggest_shorter_lock(const Finding *finding, Suggestion *result);

#pragma GCC visibility pop

#endif							/* QW_SUGGEST_INTERNAL_H */

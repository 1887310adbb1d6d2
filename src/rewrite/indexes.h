/*-------------------------------------------------------------------------
 *
 * indexes.h
 *		The index that a statement misses.
 *
 * src/rewrite/indexes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_INDEXES_H
#define QW_INDEXES_H

#include "rewrite/rewrite.h"
#include "rewrite/scancolumns.h"

/* What became of the search for an index */
typedef enum IndexVerdict
{
	INDEX_NOT_ANALYZED,			/* not looked at, see analyzed_call() */
	INDEX_NO_CONDITION,			/* none that an index serves */
	INDEX_SERVED,				/* an index that serves it is there */
	INDEX_TOO_WIDE,				/* the values do not fit into an index */
	INDEX_REFUSED,				/* the planner would not use it */
	INDEX_ADVISED
} IndexVerdict;

typedef struct IndexAdvice
{
	IndexVerdict verdict;
	char	   *expression;		/* INDEX_NO_CONDITION: one with parameters in
								 * it, that an index could have with their
								 * values; NULL: none */
	char	   *mismatch;		/* index_of_scan(): what is of another type
								 * than the column; NULL: nothing */
	char	   *unused;			/* an index on that column; NULL: none */
	Oid			relid;			/* of the table: that of the scan, or the one
								 * that it is a partition of */
	char	   *statement;		/* CREATE INDEX ... */
	char	   *columns;		/* what is in its parentheses */
	char	   *condition;		/* that it serves, as the planner sees it */
	bool		tried;			/* HypoPG made the costs */
	double		cost_without;
	double		cost_with;
} IndexAdvice;

/*
 * The index that would spare the statement the sequential scan of this table
 * (or partition): columns that are compared for equality first, then one with
 * a range condition or those of the ORDER BY.  False if there is none to be
 * advised: no such condition, an index that serves it is there, the table is
 * temporary, foreign or a catalog.
 *
 * Where HypoPG is installed in this database the statement is planned without
 * and with the index, for any values of its parameters; where the planner
 * would not use the index, it is not advised.  A recorded statement is not
 * planned if that may run functions that its role has made, see trust.h.
 *
 * Contract as in rewrite.h.  The strings are palloc'd.  advice->verdict is set
 * in any case.
 */
extern bool index_advice(const RewriteSource *source, Oid relid,
						 IndexAdvice *advice);

/*
 * The same for a scan that was not sequential, or more than that: an index
 * counts as one that serves the statement only if it serves all that index
 * would which could be advised.
 */
extern bool index_advice_whole(const RewriteSource *source, Oid relid,
							   IndexAdvice *advice);

/*
 * The same from what was seen of a scan of the role's, where the statement's
 * text does not tell.  True with a statement, or with "mismatch", or with
 * neither where an index on an expression would serve; false if there is
 * nothing to say: the table is gone or locked, an index serves it by now.
 */
extern bool index_of_scan(Oid userid, Oid relid, const ScanColumns *columns,
						  IndexAdvice *advice);

#endif							/* QW_INDEXES_H */

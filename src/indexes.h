/*-------------------------------------------------------------------------
 *
 * indexes.h
 *		The index that a statement misses.
 *
 * src/indexes.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_INDEXES_H
#define QW_INDEXES_H

#include "rewrite.h"

typedef struct IndexAdvice
{
	char	   *statement;		/* CREATE INDEX ... */
	char	   *columns;		/* what is in its parentheses */
	char	   *condition;		/* that it serves, as the planner sees it */
	bool		looked;			/* false: the statement was not looked at, see
								 * analyzed_call() */
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
 * Contract as in rewrite.h.  The strings are palloc'd.
 */
extern bool index_advice(const RewriteSource *source, Oid relid,
						 IndexAdvice *advice);

#endif							/* QW_INDEXES_H */

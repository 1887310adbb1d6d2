/*-------------------------------------------------------------------------
 *
 * plans.h
 *		The plan of an execution as text.
 *
 * src/plans/plans.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PLANS_H
#define QW_PLANS_H

#include "executor/execdesc.h"

/*
 * EXPLAIN (COSTS, no ANALYZE) of a query that has just run and was not ended
 * yet: palloc'd in the current context.  Reads catalogs.  NULL if it cannot
 * be had; does not raise (an error inside is undone with a subtransaction).
 */
extern char *plans_text(QueryDesc *queryDesc);

#endif							/* QW_PLANS_H */

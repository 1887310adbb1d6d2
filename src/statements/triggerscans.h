/*-------------------------------------------------------------------------
 *
 * triggerscans.h
 *		Tables that the triggers of foreign keys read row by row, because the
 *		foreign key has no index.
 *
 * Backend-local.  Watches what the finish of one recorded statement runs, the
 * outermost: the queries that the server itself writes for foreign keys, if
 * their plan scans a table and costs TRIGGERSCANS_COST or more.  Each is timed;
 * of some, rows are counted.  Whether they are recorded as nested statements
 * makes no difference.
 *
 * Nothing here raises but for lack of memory in triggerscans_started().
 *
 * src/statements/triggerscans.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TRIGGERSCANS_H
#define QW_TRIGGERSCANS_H

#include "executor/execdesc.h"

#include "common/execution.h"

#pragma GCC visibility push(hidden)

/* Planner's cost of a trigger's query from which it is watched */
#define TRIGGERSCANS_COST	50.0

extern bool triggerscans_on;	/* a statement's triggers are watched */

/* Before the finish of a statement; false if it is inside one watched already */
extern bool triggerscans_begin(void);

/*
 * After it, if that was true: adds what was seen to the table of planwaste.h.
 * "key" is the statement's; NULL: it failed, forget what was seen.  Reads
 * catalogs, by a guarded call, where a table's scans took half a
 * millisecond or more.
 */
extern void triggerscans_end(const StatementKey *key);

/*
 * Before and after the start of a query, while triggerscans_on.  The first may
 * ask for rows to be counted, and tells whether the second is to be called.
 */
extern bool triggerscans_wanted(QueryDesc *queryDesc);
extern void triggerscans_started(QueryDesc *queryDesc);

#pragma GCC visibility pop

#endif							/* QW_TRIGGERSCANS_H */

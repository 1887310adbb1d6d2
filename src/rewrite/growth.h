/*-------------------------------------------------------------------------
 *
 * growth.h
 *		How much analysis and planning make of a statement.
 *
 * Both copy: analysis the columns of every relation for each "*" and each
 * join, the planner the expression of a subquery's column for each place that
 * names it.  So a short text can become very large when the tables and views
 * that it names are others than when it ran.
 *
 * All of this may raise, if it is cancelled for instance; it allocates in the
 * current memory context.
 *
 * src/rewrite/growth.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_GROWTH_H
#define QW_GROWTH_H

#include "nodes/parsenodes.h"

/*
 * Is the number of columns that analysis makes of a raw parse tree bounded?
 * Looks relations up by name, and opens none.
 */
extern bool growth_of_analysis(Node *statement);

/* Is the size of a query bounded when its subqueries have been pulled up? */
extern bool growth_of_planning(Query *query);

#endif							/* QW_GROWTH_H */

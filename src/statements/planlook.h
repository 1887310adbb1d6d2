/*-------------------------------------------------------------------------
 *
 * planlook.h
 *		Looks at plans that ran, for what they wasted.
 *
 * Rows that a plan reads and throws away are known only where the executor
 * counts rows.  So a plan that may waste is run with instrumentation (rows only,
 * no clock) the first times a statement is seen, and then every
 * PLANLOOK_STEP-th time: facts.c decides when.  Blocks are counted too where
 * an index is read by columns that are not its first ones: nothing but its
 * blocks tells how many of its entries that takes.
 *
 * src/statements/planlook.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PLANLOOK_H
#define QW_PLANLOOK_H

#include "executor/execdesc.h"

#include "statements/planwaste.h"

/* Planner's cost from which plans are looked at, and how often */
#define PLANLOOK_COST	500.0
#define PLANLOOK_FIRST	4
#define PLANLOOK_STEP	16

/* Rows that a scan throws away, pairs of rows that a join does: counted from */
#define PLANLOOK_ROWS	1000
#define PLANLOOK_PAIRS	100000

/*
 * May it waste?  Of a LIMIT the whole cost counts: that few rows need be read
 * is what the planner hopes.
 */
static inline bool
planlook_costly(const Plan * plan)
{
	return plan->total_cost >= PLANLOOK_COST ||
		(unlikely(IsA(plan, Limit)) &&
		 plan->lefttree->total_cost >= PLANLOOK_COST);
}

/*
 * The instrumentation (INSTRUMENT_...) by which the plan can be looked at after
 * it ran; 0 where there is nothing to look at.  Reads no catalogs, does not
 * raise.
 */
extern int	planlook_needs(const PlannedStmt *plannedstmt);

/* What the scan that wasted most did: what there is for an index to do */
typedef struct PlanLook
{
	WastedScan	scan;			/* how SCAN_WASTE_NONE: none */
	bool		sequential;		/* of a whole table, and an index may serve it */
} PlanLook;

/*
 * After the run of a plan that had its rows counted; false if nothing was
 * wasted.  Reads catalogs, by a guarded call.
 */
extern bool planlook_end(QueryDesc *queryDesc, PlanLook *look);

#endif							/* QW_PLANLOOK_H */

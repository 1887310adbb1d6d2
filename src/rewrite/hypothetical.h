/*-------------------------------------------------------------------------
 *
 * hypothetical.h
 *		What a statement would cost with an index that is not there: HypoPG.
 *
 * src/rewrite/hypothetical.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_HYPOTHETICAL_H
#define QW_HYPOTHETICAL_H

#include "nodes/parsenodes.h"

typedef struct HypotheticalCosts
{
	bool		used;			/* the planner would use the index */
	double		without;
	double		with;
} HypotheticalCosts;

/*
 * Plans an analysed query without and with an index, as the current role.
 * False if that cannot be done: HypoPG is not there, or does not take the
 * index.  The index is gone afterwards.  To be called within analyzed_call(),
 * for a query that trust_planning() lets pass.
 */
extern bool hypothetical_costs(const Query *query, const char *text,
							   const char *create_index,
							   HypotheticalCosts *costs);

#endif							/* QW_HYPOTHETICAL_H */

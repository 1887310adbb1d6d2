/*-------------------------------------------------------------------------
 *
 * budget.h
 *		Memory taken piece by piece when it is first needed, never more than
 *		a limit.
 *
 * Pure: where the memory comes from is the caller's.  A piece that is refused,
 * because the limit is reached or there is none left, is counted; whoever asked
 * does without.  Nothing here raises errors, if what it calls does not.
 *
 * src/detector/budget.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_BUDGET_H
#define QW_BUDGET_H

#include "port/pg_bitutils.h"

/* Smaller pieces take as much as the next power of two, in memory contexts */
#define BUDGET_ROUNDED		8192

typedef struct Budget
{
	void	   *(*allocate) (Size size);	/* NULL if there is none */
	void		(*release) (void *place);
	Size		limit;
	Size		used;
	uint64		refused;		/* pieces, so far */
} Budget;

static inline Size
budget_size(Size size)
{
	return size <= BUDGET_ROUNDED ? pg_nextpower2_32(Max(size, 8)) : size;
}

static inline bool
budget_has(const Budget *budget, Size size)
{
	return budget_size(size) <= budget->limit - budget->used;
}

static inline void *
budget_take(Budget *budget, Size size)
{
	void	   *place = NULL;

	if (budget_has(budget, size))
		place = budget->allocate(size);
	if (place == NULL)
		budget->refused++;
	else
		budget->used += budget_size(size);
	return place;
}

static inline void
budget_return(Budget *budget, void *place, Size size)
{
	if (place == NULL)
		return;
	budget->release(place);
	budget->used -= budget_size(size);
}

#endif							/* QW_BUDGET_H */

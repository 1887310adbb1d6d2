/*-------------------------------------------------------------------------
 *
 * valueset.c
 *		A set of hashes of bounded size that counts distinct ones.
 *
 * By Wegman's adaptive sampling (P. Flajolet, "On Adaptive Sampling",
 * Computing 43, 1990): when the set is full it drops the hashes whose lowest
 * bit is not zero, when it is full again those whose two lowest bits are not
 * zero, and so on; 2^level times its size estimates the number of distinct
 * values, with a standard error of about 15 % at this size.
 *
 * src/detector/valueset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/valueset.h"

static inline bool
is_sampled(const ValueSet *set, uint64 hash)
{
	return (hash & ((UINT64CONST(1) << set->level) - 1)) == 0;
}

bool
valueset_add(ValueSet *set, uint64 hash, uint32 *mark)
{
	uint32		new_mark = *mark;
	uint64	   *word = &set->filter[(hash >> 62) % VALUESET_FILTER];
	uint64		bit = UINT64CONST(1) << ((hash >> 56) & 63);
	bool		possible = (*word & bit) != 0;

	if (!is_sampled(set, hash))
		return false;
	*word |= bit;
	for (int i = 0; possible && i < set->nhashes; i++)
	{
		if (set->hashes[i] == hash)
		{
			*mark = set->marks[i];
			set->marks[i] = new_mark;
			return true;
		}
	}
	while (set->nhashes == set->room)
	{
		int			kept = 0;

		set->level++;
		for (int i = 0; i < set->nhashes; i++)
		{
			if (is_sampled(set, set->hashes[i]))
			{
				set->hashes[kept] = set->hashes[i];
				set->marks[kept] = set->marks[i];
				kept++;
			}
		}
		set->nhashes = kept;
		if (!is_sampled(set, hash))
			return false;
	}
	set->hashes[set->nhashes] = hash;
	set->marks[set->nhashes] = new_mark;
	set->nhashes++;
	return false;
}

/*
 * An execution that was not hashed is presumed to be like all others if those
 * are alike, and unlike them if all of them differ.
 */
uint64
valueset_estimate(uint64 distinct, uint64 hashed, uint64 executions)
{
	if (hashed == 0)
		return 0;
	if (distinct == hashed && distinct > 1 && executions == hashed + 1)
		return distinct + 1;

	/*
	 * Those that were not looked at are as the others: if all differ, they
	 * do, and if values come again, most of them have been seen.
	 */
	if (executions > hashed && distinct * 2 > hashed)
	{
		double		rest = (double) (executions - hashed) / (double) hashed;
		double		fresh = 2.0 * (double) distinct / (double) hashed - 1.0;

		distinct = (uint64) ((double) distinct * (1.0 + rest * fresh));
		distinct = Min(distinct, executions);
	}
	return distinct;
}

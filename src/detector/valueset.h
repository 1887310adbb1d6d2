/*-------------------------------------------------------------------------
 *
 * valueset.h
 *		A set of hashes of bounded size that counts distinct ones.
 *
 * Exact up to WINDOW_MAX_VALUES, estimated past it.
 *
 * src/detector/valueset.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_VALUESET_H
#define QW_VALUESET_H

#include "detector/window.h"

/* Words of the filter that tells at once that a hash is not there */
#define VALUESET_FILTER		4

typedef struct ValueSet
{
	int			nhashes;
	int			room;			/* most hashes that it can hold */
	int			level;			/* hashes with this many zero bits are kept */
	uint64		filter[VALUESET_FILTER];	/* a bit for each hash ever added */
	uint64	   *hashes;
	uint32	   *marks;			/* given when last seen */
} ValueSet;

/* Where a set keeps its hashes: at first, and when these are too many */
#define VALUESET_FEW		4

typedef struct ValueSetFew
{
	uint64		hashes[VALUESET_FEW];
	uint32		marks[VALUESET_FEW];
} ValueSetFew;

typedef struct ValueSetMany
{
	uint64		hashes[WINDOW_MAX_VALUES];
	uint32		marks[WINDOW_MAX_VALUES];
} ValueSetMany;

/*
 * Makes all bits depend on all others, as the set needs it.  (The finalizer of
 * MurmurHash3, a bijection.)
 */
static inline uint64
valueset_mix(uint64 hash)
{
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xff51afd7ed558ccd);
	hash ^= hash >> 33;
	hash *= UINT64CONST(0xc4ceb9fe1a85ec53);
	hash ^= hash >> 33;
	return hash;
}

static inline void
valueset_init(ValueSet *set, ValueSetFew *few)
{
	set->nhashes = 0;
	set->level = 0;
	set->room = VALUESET_FEW;
	set->hashes = few->hashes;
	set->marks = few->marks;
}

/* Gives a set room for all the hashes that one may have */
static inline void
valueset_move(ValueSet *set, ValueSetMany *many)
{
	memcpy(many->hashes, set->hashes, set->nhashes * sizeof(many->hashes[0]));
	memcpy(many->marks, set->marks, set->nhashes * sizeof(many->marks[0]));
	set->hashes = many->hashes;
	set->marks = many->marks;
	set->room = WINDOW_MAX_VALUES;
}

static inline void
valueset_clear(ValueSet *set)
{
	set->nhashes = 0;
	set->level = 0;
	memset(set->filter, 0, sizeof(set->filter));
}

/*
 * Adds a mixed hash and its mark.  True if the hash was there already; then
 * *mark is the one it had before.  One of 2^level hashes is remembered.
 */
extern bool valueset_add(ValueSet *set, uint64 hash, uint32 *mark);

/*
 * The same, but only where it is seen at once that the hash was not there and
 * that there is room; else false, with nothing done
 */
static inline bool
valueset_add_fresh(ValueSet *set, uint64 hash, uint32 mark)
{
	uint64	   *word = &set->filter[(hash >> 62) % VALUESET_FILTER];
	uint64		bit = UINT64CONST(1) << ((hash >> 56) & 63);

	if ((*word & bit) != 0 || set->level > 0 ||
		set->nhashes == set->room)
		return false;
	*word |= bit;
	set->hashes[set->nhashes] = hash;
	set->marks[set->nhashes] = mark;
	set->nhashes++;
	return true;
}

/* A copy, in the room that the other has; that must be as much */
static inline void
valueset_copy(ValueSet *to, const ValueSet *from)
{
	to->nhashes = from->nhashes;
	to->level = from->level;
	memcpy(to->filter, from->filter, sizeof(to->filter));
	memcpy(to->hashes, from->hashes, from->nhashes * sizeof(to->hashes[0]));
	memcpy(to->marks, from->marks, from->nhashes * sizeof(to->marks[0]));
}

/* Distinct values among the "hashed" that were added */
static inline uint64
valueset_count(const ValueSet *set, uint64 hashed)
{
	return hashed == 0 ? 0 : Min((uint64) set->nhashes << set->level, hashed);
}

/*
 * Distinct values of all executions, where those that were hashed had so many
 */
extern uint64 valueset_estimate(uint64 distinct, uint64 hashed,
								uint64 executions);

#endif							/* QW_VALUESET_H */

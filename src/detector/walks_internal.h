/*-------------------------------------------------------------------------
 *
 * walks_internal.h
 *		What the sources that find and weigh walks share: walks.c, walkrows.c,
 *		walkproof.c and units.c.  No other file includes this.
 *
 * src/detector/walks_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WALKS_INTERNAL_H
#define QW_WALKS_INTERNAL_H

#include "detector/window_run.h"

/* Loose executions that may lie between two steps of a walk, at least */
#define NEAR_STEP			16

/* ... at most */
#define FAR_STEP			48

/* ... between the rows and a walk that something interrupts */
#define FAR_ROWS			64

/* Different values that a walk has when it is weighed */
#define LEAST_WEIGHED		5

/* ----------
 * The ring
 *
 * Records are found by their number, counted from the statement's first one.
 * ----------
 */

#define RECORD_PLACES		0
#define RECORD_START		1
#define RECORD_ALL			2

static inline uint64 *
record_of(const WalkStatement *walked, uint64 number)
{
	Assert(walked->room > 0);
	return &walked->ring[number % walked->room * walked->record_size];
}

/* The oldest record that is still there */
static inline uint64
ring_begin(const WalkStatement *walked)
{
	return Max(walked->overwritten, walked->recorded > walked->room ?
			   walked->recorded - walked->room : 0);
}

/* Of a place only the lower half is kept */
static inline uint64
whole_place(uint64 now, uint32 kept)
{
	return now - (uint32) ((uint32) now - kept);
}

static inline uint64
place_of(const Window *window, const uint64 *record)
{
	return whole_place(window->position + 1,
					   (uint32) (record[RECORD_PLACES] >> 32));
}

static inline uint64
loose_of(const Window *window, const uint64 *record)
{
	return whole_place(window->position + 1 - window->steps,
					   (uint32) record[RECORD_PLACES]);
}

/* ----------
 * Walks
 * ----------
 */

/* The rows that are walked over, if they are still those */
static inline WalkRows *
rows_of(const Window *window, const Walk *walk)
{
	WalkRows   *rows;

	if (walk->serial == 0)
		return NULL;
	rows = &window->rows->rows[walk->rows];
	return rows->serial == walk->serial ? rows : NULL;
}

/* Are (almost) all values those of the column? */
static inline bool
is_match(const Walk *walk)
{
	return walk->matched >= 2 && walk->matched * 10 >= walk->compared * 9;
}

/* Steps against the order of the rows */
static inline int
disorder(const Walk *walk)
{
	return Min(walk->up, walk->down);
}

static inline bool
is_ordered(const Walk *walk)
{
	return walk->up + walk->down > 0 &&
		disorder(walk) * 10 <= walk->up + walk->down;
}

/* Most loose executions that may lie between its last step and the next */
static inline uint64
longest_step(const Walk *walk)
{
	uint64		mean = (walk->last_loose - walk->first_loose) /
	Max(walk->matched - 1, 1);

	return Min(FAR_STEP, Max(NEAR_STEP, 3 * mean));
}

/* walkproof.c: what a walk proves */

/* Is it one that requests do not take, whatever lies between its steps? */
extern WalkProof walkproof_weigh(Window *window,
								 const WindowStatement *statement,
								 WalkRows *rows, Walk *walk);

/* Did another statement come once for each step, as the head of a request? */
extern bool walkproof_has_head(Window *window,
							   const WindowStatement *statement,
							   const Walk *walk, WalkProof proof);

/* The walk has ended: what it says of others like it is remembered */
extern void walkproof_ended(Window *window, const WindowStatement *statement,
							const Walk *walk);

#endif							/* QW_WALKS_INTERNAL_H */

/*-------------------------------------------------------------------------
 *
 * kept.h
 *		Statements of this session that have no slot.
 *
 * A session that runs more statements than it has slots remembers what it
 * knew of some hundred of them, in memory of its own.  When one comes again it
 * need not be looked up anew, and mostly it is not given a slot either, which
 * another would lose for it: its counts go straight to its entry.  The entry is
 * not pinned; whether the table still has it is found out each time.
 *
 * A kept statement is known by its number, from FIRST_KEPT on, and what is
 * known of it is in statements_locals.  Nothing here raises.
 *
 * src/statements/kept.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_KEPT_H
#define QW_KEPT_H

#include "statements/measure.h"
#include "statements/statements_internal.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/*
 * The number of a kept statement, -1 if it is none.  Where its entry is no
 * more it wants a slot.
 */
extern int	kept_find(const StatementKey *key);

/* Has kept_find() found its entry gone? */
extern bool kept_is_gone(int number);

/* A statement loses its slot, and nothing is left in it to be counted */
extern void kept_remember(const StatementLocal *local);

/* It is given a slot again, or makes room for another */
extern void kept_forget(int number);

/*
 * Adds an execution that completed in one run, and its planning, to the entry;
 * under its mutex, or if that is not to be had at once the partition's lock.
 * Returns whether it wrote WAL.
 */
extern bool kept_record_run(int number, uint64 elapsed, uint64 rows,
							const Measure *measure);

/* Adds time between statements */
extern void kept_record_client(int number, uint64 elapsed);

/*
 * The same, of a statement that has a slot too, always under the partition's
 * lock: for an execution that a slot cannot count
 */
extern bool kept_record_elsewhere(int number, uint64 elapsed, uint64 rows,
								  const Measure *measure);

/*
 * Anything else: the caller adds to the counts that this returns, which nobody
 * else sees, with kept_add_bucket() to their histogram, and has them taken to
 * the table.
 */
extern StatementCounters *kept_open(int number);
extern void kept_add_bucket(uint64 elapsed);
extern void kept_close(void);

/* Counts what was planned and not executed; before the process ends */
extern void kept_detach(void);

#pragma GCC visibility pop

#endif							/* QW_KEPT_H */

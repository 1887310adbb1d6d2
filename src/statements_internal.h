/*-------------------------------------------------------------------------
 *
 * statements_internal.h
 *		The slots of the backends: for statements.c, which fills them,
 *		statements_run.h and statements_read.c.
 *
 * src/statements_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_INTERNAL_H
#define QW_STATEMENTS_INTERNAL_H

#include "statements.h"
#include "table.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

typedef struct SharedSlot
{
	uint32		change;			/* odd while the owner writes; see
								 * statements.c */
	uint32		used;			/* 0: empty, nothing else is meant */
	StatementKey key;
	TableRef	ref;
	uint64		reset_serial;
	uint32		totalled;		/* the counts are in this backend's totals
								 * already (see totals.c) */
	uint32		partition;		/* of the key */
	StatementCounters counters; /* not yet in the table */
	uint32		histogram[HISTOGRAM_BUCKETS];
} SharedSlot;

typedef struct SharedBackend
{
	uint32		in_use;
	SharedSlot	slots[SLOTS];
} SharedBackend;

typedef struct SharedStatements
{
	int			nbackends;
	char		pad[PG_CACHE_LINE_SIZE];
	SharedBackend backends[FLEXIBLE_ARRAY_MEMBER];
} SharedStatements;

extern SharedStatements *statements_shared;

/* This backend's slots; NULL before the first use and after they are gone */
extern SharedBackend *statements_mine;

/* The owner's writes to a slot stand between these two */
static inline void
slot_write_begins(SharedSlot *slot)
{
	((volatile SharedSlot *) slot)->change++;
	pg_write_barrier();
}

static inline void
slot_write_ends(SharedSlot *slot)
{
	pg_write_barrier();
	((volatile SharedSlot *) slot)->change++;
}

/* Between them: adds a planning that statements_planned() kept */
static inline void
slot_add_planned(SharedSlot *slot, StatementLocal *local)
{
	times_record(&slot->counters.plan, local->planned - 1);
	local->planned = 0;
}

/* There was a reset: are the slot's counts from before it? */
extern void statements_heed_reset(SharedSlot *slot);

#pragma GCC visibility pop

#endif							/* QW_STATEMENTS_INTERNAL_H */

/*-------------------------------------------------------------------------
 *
 * statements_internal.h
 *		The slots of the backends: for statements.c, which fills them,
 *		statements_run.h and statements_read.c.
 *
 * src/statements/statements_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_INTERNAL_H
#define QW_STATEMENTS_INTERNAL_H

#include "statements/statements.h"
#include "statements/table.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/*
 * What is counted in a slot: executions that completed and have nothing else
 * to tell.  Any other goes to its entry at once, see statements_record().
 */
typedef struct SlotCounters
{
	TimeStats	exec;			/* its count is that of the calls */
	TimeStats	plan;
	int64		rows;
	int64		blocks[USAGE_NBLOCKS];
	int64		wal[USAGE_NWAL];
	int64		client_time;
	TimestampTz last_seen;
	uint32		generic_plan_calls;
	uint32		custom_plan_calls;
}			SlotCounters;

/*
 * A bucket of a slot's histogram counts up to SLOT_BUCKET_MAX; then the slot is
 * emptied into the table.  So no other count of a slot comes near its type's
 * maximum.
 */
#define SLOT_BUCKET_MAX		PG_UINT8_MAX

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
	SlotCounters counters;		/* not yet in the table */
	uint8		histogram[HISTOGRAM_BUCKETS];
} SharedSlot;

/* Slots come in chunks; no two lie on the same cache line */
#define CHUNK_SLOTS		8
#define BACKEND_CHUNKS	(SLOTS / CHUNK_SLOTS)

typedef union SharedChunk
{
	SharedSlot	slots[CHUNK_SLOTS];
	char		pad[TYPEALIGN(PG_CACHE_LINE_SIZE,
							  CHUNK_SLOTS * sizeof(SharedSlot))];
}			SharedChunk;

/* Each backend has a chunk, and takes further ones from the pool */
typedef union SharedBackend
{
	struct
	{
		uint32		in_use;
		uint32		nchunks;	/* with its own */
		uint32		chunks[BACKEND_CHUNKS]; /* in statements_chunks */
		uint32		takings[BACKEND_CHUNKS];	/* statements_takings of each,
												 * when it was taken */
	};
	char		pad[PG_CACHE_LINE_SIZE];
} SharedBackend;

typedef struct SharedStatements
{
	int			nbackends;
	int			npool;			/* chunks in the pool; they lie behind those
								 * of the backends */
	pg_atomic_uint32 nfree;		/* of the pool */
	pg_atomic_uint32 takings;	/* of chunks, so far */
} SharedStatements;

extern SharedStatements *statements_shared;
extern SharedBackend *statements_backends;
extern SharedChunk * statements_chunks;

/* Of each chunk, which of all takings it was; 0: nobody has it */
extern pg_atomic_uint32 *statements_takings;

/* A slot of a backend, of any of its chunks */
static inline SharedSlot *
backend_slot(const SharedBackend *backend, int slot)
{
	return &statements_chunks[backend->chunks[slot / CHUNK_SLOTS]].slots[slot % CHUNK_SLOTS];
}

/* The counts of a slot as those of a statement */
extern void slot_counters(const SlotCounters * from, StatementCounters *to);

/* This backend's slots; NULL before the first use and after they are gone */
extern SharedBackend *statements_mine;

/* Empties a slot into the table; the statement keeps it */
extern void statements_empty_slot(StatementLocal *local);

/* The owner's writes to a slot stand between these two */
static inline void
slot_write_begins(SharedSlot *slot)
{
	slot->change++;
	pg_write_barrier();
}

static inline void
slot_write_ends(SharedSlot *slot)
{
	pg_write_barrier();
	slot->change++;
}

/* Adds time between statements */
static inline void
slot_add_client_time(SharedSlot *slot, uint64 elapsed)
{
	slot_write_begins(slot);
	slot->counters.client_time += (int64) elapsed;
	slot_write_ends(slot);
}

/* Between slot_write_begins() and slot_write_ends(): adds a planning that statements_planned() kept */
static inline void
slot_add_planned(SharedSlot *slot, StatementLocal *local)
{
	times_record(&slot->counters.plan, local->planned - 1);
	local->planned = 0;
}

/* There was a reset: are the counts of the statement's slot from before it? */
extern void statements_heed_reset(StatementLocal *local);

#pragma GCC visibility pop

#endif							/* QW_STATEMENTS_INTERNAL_H */

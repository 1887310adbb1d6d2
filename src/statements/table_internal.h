/*-------------------------------------------------------------------------
 *
 * table_internal.h
 *		What the table of statements is made of: for table.c, which finds,
 *		creates, fills and evicts entries, table_reset.c and table_texts.c.
 *
 * src/statements/table_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TABLE_INTERNAL_H
#define QW_TABLE_INTERNAL_H

#include "storage/spin.h"

#include "common/shmem.h"
#include "statements/table.h"
#include "statements/texts.h"

/* Evictions, as a multiple of max_statements, in which use decays by half */
#define EVICTION_HALF_LIFE	16

/* Databases with a sum of their own; the rest share the one of OID 0 */
#define EVICTED_DATABASES	64

#define NO_ENTRY			PG_UINT32_MAX

/*
 * "Both": changed only with the partition's lock held exclusively and the
 * mutex too, so that either is enough to read it.
 */
typedef struct SharedStatement
{
	StatementKey key;			/* partition lock */
	uint32		next;			/* in the chain or free list; partition lock,
								 * or header.mutex while free */
	slock_t		mutex;			/* held for arithmetic only */
	bool		quiet;			/* both: a reader wants no flush, see
								 * table_quiet() */
	uint32		incarnation;	/* both */
	uint32		changes;		/* mutex: of its counts and incarnation; read
								 * without, see table_changed() */
	uint32		pins;			/* mutex: slots that hold it */
	uint32		text_changes;	/* both, as the next three */
	TextRef		text;
	uint32		text_size;		/* of all that is stored */
	uint32		text_length;	/* of the query in it; tables and the
								 * statement's origin follow */
	int			encoding;		/* partition lock */
	uint32		shape_serial;	/* both: another with each shape */
	StatementShape shape;		/* both */
	TimestampTz stats_since;	/* both, as ... */
	TimestampTz minmax_since;
	uint64		reset_serial;
	uint64		minmax_serial;	/* ... these */

	/* mutex, or the partition exclusively while nobody else knows of it */
	uint64		created;		/* SharedTable.created then; both */
	double		usage;			/* executions, decayed up to usage_clock */
	uint64		usage_clock;
	StatementCounters counters;
	StatementFacts facts;
	uint64		histogram[HISTOGRAM_BUCKETS];
	StatementBase base;
} SharedStatement;

typedef struct SharedEvicted
{
	Oid			dbid;			/* 0: not used, or the rest (first one) */
	int64		statements;
	StatementCounters counters;
} SharedEvicted;

typedef struct SharedTable
{
	uint32		max;			/* max_statements */
	uint32		nentries;		/* of the array: max and the spare ones */
	uint32		nbuckets;		/* a power of two */

	slock_t		mutex;			/* guards the free list and the count */
	uint32		first_free;
	uint32		count;

	pg_atomic_uint64 evictions; /* clock of the decay; never reset */
	pg_atomic_uint64 created;	/* entries; unlike the time of day it never
								 * steps back */
	pg_atomic_uint64 dealloc;	/* since the last reset of everything */
	pg_atomic_uint64 texts_dropped;
	pg_atomic_uint64 stats_reset;	/* TimestampTz */

	/*
	 * For each partition: counts from before this reset serial are void,
	 * whatever entry they come to.  Written with the partition's lock held
	 * exclusively.
	 */
	pg_atomic_uint64 void_before[STATEMENT_PARTITIONS];

	/* read for every execution, seldom written: a cache line of their own */
	char		pad1[PG_CACHE_LINE_SIZE];
	pg_atomic_uint64 reset_serial;
	pg_atomic_uint32 text_serial;
	char		pad2[PG_CACHE_LINE_SIZE];

	/* SHMEM_LOCK_EVICTED */
	SharedEvicted evicted[EVICTED_DATABASES];
} SharedTable;

extern SharedTable *table_header;
extern uint32 *table_buckets;
extern SharedStatement *table_statements;

static inline uint32
table_hash(const StatementKey *key)
{
	uint64		h = key->queryid;

	h ^= ((uint64) key->userid << 32 | key->dbid) * UINT64CONST(0x9E3779B97F4A7C15);
	h += key->toplevel;
	/* the finalizer of MurmurHash3 */
	h ^= h >> 33;
	h *= UINT64CONST(0xFF51AFD7ED558CCD);
	h ^= h >> 33;
	return (uint32) h;
}

static inline uint32
table_bucket(const StatementKey *key)
{
	return table_hash(key) & (table_header->nbuckets - 1);
}

static inline int
bucket_partition(uint32 bucket)
{
	return bucket % STATEMENT_PARTITIONS;
}

static inline LWLock *
partition_lock(int partition)
{
	return shmem_lock(SHMEM_LOCK_PARTITION + partition);
}

/*
 * Takes the mutex of the statement's entry, NULL if ref is not the statement's
 * any more.  No other lock is needed: an entry gets its new incarnation under
 * the mutex.
 */
static inline SharedStatement *
lock_statement(const TableRef *ref)
{
	SharedStatement *entry;

	if (unlikely(ref->entry == NO_ENTRY))
		return NULL;
	entry = &table_statements[ref->entry];
	SpinLockAcquire(&entry->mutex);
	if (likely(entry->incarnation == ref->incarnation))
		return entry;
	SpinLockRelease(&entry->mutex);
	return NULL;
}

/*
 * Use of an entry as of now: straight lines between the halvings, as this is
 * worked out under a spinlock, where no library is called
 */
static inline double
decayed_usage(const SharedStatement *entry)
{
	uint64		age = pg_atomic_read_u64(&table_header->evictions) -
	entry->usage_clock;
	uint64		half_life;
	uint64		halvings;
	uint64		bits;
	double		factor;

	if (likely(age == 0))
		return entry->usage;
	half_life = (uint64) EVICTION_HALF_LIFE * table_header->max;
	halvings = age / half_life;
	if (halvings > 1000)
		return 0;

	/* 2^-halvings */
	bits = (1023 - halvings) << 52;
	memcpy(&factor, &bits, sizeof(factor));
	return entry->usage * factor *
		(1 - 0.5 * (double) (age % half_life) / (double) half_life);
}

/* So many executions are added; mutex held */
static inline void
use_entry(SharedStatement *entry, double executions)
{
	entry->usage = decayed_usage(entry) + executions;
	entry->usage_clock = pg_atomic_read_u64(&table_header->evictions);
}

/* The entry in its chain, NO_ENTRY if there is none; partition lock held */
extern uint32 table_find(const StatementKey *key, uint32 bucket);

/* See table.c */
extern bool table_unlink(uint32 *link, TextRef *text);
extern void table_give_free(uint32 i);
extern uint32 table_least_used(int partition, bool only_texts, uint32 *bucket);

#endif							/* QW_TABLE_INTERNAL_H */

/*-------------------------------------------------------------------------
 *
 * table.c
 *		The shared table of statements: look-up, creation, eviction, reset.
 *
 * The hash is an array of buckets, each the head of a chain of entries; a
 * bucket's number tells its partition.  Entries come from one array: there
 * are max_statements of them, and one more for each partition, because an
 * entry is evicted only from the partition that needs room (whose lock is
 * held), and a partition that has none to give takes one of those.
 *
 * Eviction looks at a few entries of the partition, from a random place on,
 * and takes the one with the least use.  Use counts executions and decays by
 * half with every EVICTION_HALF_LIFE times max_statements evictions, worked out
 * when it is looked at, so that a statement that is used now and then outlives
 * a flood of those that never come again.  Of those with about the same use
 * the newest goes: in a flood each has run once, and those that were there
 * before it have had time to show that they will not run again, or to begin to.
 * When they have not, decay sets them below the new ones.
 * Nothing is sorted and no lock but the partition's is held.  Entries in some
 * backend's slots are pinned and taken only if all of the partition are: hot
 * statements stay in slots and are not flushed for long, so their use here is
 * out of date.
 *
 * Spinlocks: header.mutex guards the free list and the count of entries, an
 * entry's mutex its counters (see table.h).  Both are held for arithmetic
 * only.
 *
 * src/table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "mb/pg_wchar.h"
#include "port/atomics.h"
#include "storage/spin.h"
#include "utils/timestamp.h"

#include "settings.h"
#include "shmem.h"
#include "table.h"
#include "texts.h"
#include "totals.h"
#include "visible.h"

/* Evictions, as a multiple of max_statements, in which use decays by half */
#define EVICTION_HALF_LIFE	16

/*
 * Use of a new entry.  With one execution it keeps its grade for half of
 * EVICTION_HALF_LIFE, more or less.
 */
#define FIRST_USAGE			0.5

/* Entries that an eviction looks at */
#define EVICTION_SAMPLE		8

/* Texts dropped at most to make room for one */
#define TEXT_DROP_TRIES		16

/* Databases with a sum of their own; the rest share the one of OID 0 */
#define EVICTED_DATABASES	64

#define NO_ENTRY			PG_UINT32_MAX

typedef struct SharedStatement
{
	StatementKey key;			/* partition lock */
	uint32		next;			/* in the chain or free list; partition lock,
								 * or header.mutex while free */
	uint32		incarnation;	/* partition lock */
	pg_atomic_uint32 pins;		/* slots that hold it */
	TextRef		text;			/* partition lock */
	Size		text_length;	/* of the query in the text; tables follow */
	int			encoding;		/* partition lock */
	StatementShape shape;		/* partition lock */
	TimestampTz stats_since;	/* partition lock exclusive to change, as */
	TimestampTz minmax_since;	/* for these ... */
	uint64		reset_serial;
	uint64		minmax_serial;	/* ... four */

	slock_t		mutex;			/* guards the rest */
	double		usage;			/* executions, decayed up to usage_clock */
	uint64		usage_clock;
	StatementCounters counters;
	StatementFacts facts;
	uint64		histogram[HISTOGRAM_BUCKETS];
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
	pg_atomic_uint64 dealloc;	/* since the last reset of everything */
	pg_atomic_uint64 texts_dropped;
	pg_atomic_uint64 stats_reset;	/* TimestampTz */

	/* read for every execution, seldom written: a cache line of their own */
	char		pad1[PG_CACHE_LINE_SIZE];
	pg_atomic_uint64 reset_serial;
	pg_atomic_uint32 text_serial;
	char		pad2[PG_CACHE_LINE_SIZE];

	/* SHMEM_LOCK_EVICTED */
	SharedEvicted evicted[EVICTED_DATABASES];
} SharedTable;

static SharedTable *header = NULL;
static uint32 *buckets = NULL;
static SharedStatement *entries = NULL;

pg_atomic_uint32 *table_text_serial = NULL;
pg_atomic_uint64 *table_reset_serial = NULL;

static uint32
bucket_count(void)
{
	return Max(pg_nextpower2_32((uint32) qw_max_statements),
			   STATEMENT_PARTITIONS);
}

Size
table_shmem_size(void)
{
	Size		size = MAXALIGN(sizeof(SharedTable));

	size = add_size(size, MAXALIGN(mul_size(bucket_count(), sizeof(uint32))));
	return add_size(size, mul_size((Size) qw_max_statements +
								   STATEMENT_PARTITIONS,
								   MAXALIGN(sizeof(SharedStatement))));
}

void
table_shmem_init(void *place, bool found)
{
	header = place;
	buckets = (uint32 *) ((char *) place + MAXALIGN(sizeof(SharedTable)));
	entries = (SharedStatement *)
		((char *) buckets + MAXALIGN(bucket_count() * sizeof(uint32)));
	table_text_serial = &header->text_serial;
	table_reset_serial = &header->reset_serial;
	if (found)
		return;

	memset(header, 0, sizeof(SharedTable));
	header->max = qw_max_statements;
	header->nentries = header->max + STATEMENT_PARTITIONS;
	header->nbuckets = bucket_count();
	SpinLockInit(&header->mutex);
	pg_atomic_init_u64(&header->evictions, 0);
	pg_atomic_init_u64(&header->dealloc, 0);
	pg_atomic_init_u64(&header->texts_dropped, 0);
	pg_atomic_init_u64(&header->stats_reset, (uint64) GetCurrentTimestamp());
	pg_atomic_init_u64(&header->reset_serial, 1);
	pg_atomic_init_u32(&header->text_serial, 1);

	for (uint32 i = 0; i < header->nbuckets; i++)
		buckets[i] = NO_ENTRY;
	for (uint32 i = 0; i < header->nentries; i++)
	{
		SharedStatement *entry = &entries[i];

		memset(entry, 0, sizeof(SharedStatement));
		pg_atomic_init_u32(&entry->pins, 0);
		SpinLockInit(&entry->mutex);
		entry->next = i + 1 < header->nentries ? i + 1 : NO_ENTRY;
	}
	header->first_free = 0;
	for (int i = 0; i < EVICTED_DATABASES; i++)
		counters_clear(&header->evicted[i].counters);
}

/*
 * Look-up
 */

static inline uint32
key_hash(const StatementKey *key)
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

static inline int
bucket_partition(uint32 bucket)
{
	return bucket % STATEMENT_PARTITIONS;
}

int
table_partition(const StatementKey *key)
{
	return bucket_partition(key_hash(key) & (header->nbuckets - 1));
}

static inline LWLock *
partition_lock(int partition)
{
	return shmem_lock(SHMEM_LOCK_PARTITION + partition);
}

/* The entry in its chain, NO_ENTRY if there is none; partition lock held */
static uint32
find(const StatementKey *key, uint32 bucket)
{
	uint32		i;

	Assert(LWLockHeldByMe(partition_lock(bucket_partition(bucket))));
	for (i = buckets[bucket]; i != NO_ENTRY; i = entries[i].next)
	{
		if (statement_key_equal(&entries[i].key, key))
			break;
	}
	return i;
}

/* Use of an entry as of now; its spinlock or partition held exclusively */
static double
decayed_usage(const SharedStatement *entry)
{
	uint64		age = pg_atomic_read_u64(&header->evictions) -
	entry->usage_clock;

	if (age == 0)
		return entry->usage;
	return entry->usage * exp2(-(double) age / (EVICTION_HALF_LIFE * (double) header->max));
}

/* About how much an entry is used, for comparison: a power of two */
static inline int
usage_grade(const SharedStatement *entry)
{
	return ilogb(decayed_usage(entry));
}

/* Adds counts of evicted statements to the sum of their database */
static void
add_evicted(Oid dbid, int64 statements, const StatementCounters *counters)
{
	SharedEvicted *sum = &header->evicted[0];

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_EXCLUSIVE);
	for (int i = 1; i < EVICTED_DATABASES && dbid != InvalidOid; i++)
	{
		if (header->evicted[i].dbid == dbid ||
			header->evicted[i].dbid == InvalidOid)
		{
			sum = &header->evicted[i];
			sum->dbid = dbid;
			break;
		}
	}
	sum->statements += statements;
	counters_add(&sum->counters, counters);
	LWLockRelease(shmem_lock(SHMEM_LOCK_EVICTED));
}

/*
 * Chooses an entry of the partition to give up, NO_ENTRY if it has none:
 * of a sample the one with the least use, one that is pinned only if it has no
 * other.  With only_texts
 * those without a text are passed over.  *bucket is where it is.
 */
static uint32
least_used(int partition, bool only_texts, uint32 *bucket)
{
	uint32		nbuckets = header->nbuckets / STATEMENT_PARTITIONS;
	uint32		start = pg_prng_uint32(&pg_global_prng_state) % nbuckets;
	uint32		best = NO_ENTRY;
	int			best_grade = 0;
	bool		best_pinned = false;
	int			seen = 0;

	Assert(LWLockHeldByMeInMode(partition_lock(partition), LW_EXCLUSIVE));
	for (uint32 i = 0;
		 i < nbuckets && (seen < EVICTION_SAMPLE || best_pinned); i++)
	{
		uint32		b = ((start + i) % nbuckets) * STATEMENT_PARTITIONS +
		partition;

		for (uint32 e = buckets[b]; e != NO_ENTRY; e = entries[e].next)
		{
			bool		pinned = pg_atomic_read_u32(&entries[e].pins) > 0;
			int			grade = usage_grade(&entries[e]);

			if (only_texts && entries[e].text == TEXT_NONE)
				continue;
			seen++;
			if (best == NO_ENTRY ||
				(best_pinned && !pinned) ||
				(best_pinned == pinned &&
				 (grade < best_grade ||
				  (grade == best_grade &&
				   entries[e].stats_since > entries[best].stats_since))))
			{
				best = e;
				best_grade = grade;
				best_pinned = pinned;
				*bucket = b;
			}
		}
	}
	return best;
}

/* Takes an entry out of its chain, its counts into the evicted sums */
static void
evict(uint32 victim, uint32 bucket)
{
	SharedStatement *entry = &entries[victim];
	uint32	   *link = &buckets[bucket];

	while (*link != victim)
		link = &entries[*link].next;
	*link = entry->next;

	add_evicted(entry->key.dbid, 1, &entry->counters);
	texts_free(entry->text);
	entry->text = TEXT_NONE;
	entry->incarnation++;
	if (pg_atomic_exchange_u32(&entry->pins, 0) > 0)
		pg_atomic_fetch_add_u32(&header->text_serial, 1);
	pg_atomic_fetch_add_u64(&header->evictions, 1);
	pg_atomic_fetch_add_u64(&header->dealloc, 1);
}

/* An entry of the free list if the table is not full (or "spare"), or not */
static uint32
take_free(bool spare)
{
	uint32		i = NO_ENTRY;

	SpinLockAcquire(&header->mutex);
	if (spare || header->count < header->max)
	{
		i = header->first_free;
		if (i != NO_ENTRY)
		{
			header->first_free = entries[i].next;
			header->count++;
		}
	}
	SpinLockRelease(&header->mutex);
	return i;
}

/* Makes a free entry that of a statement; partition lock held exclusively */
static void
init_entry(uint32 i, const StatementKey *key, uint32 bucket, TimestampTz now)
{
	SharedStatement *entry = &entries[i];

	entry->key = *key;
	entry->text = TEXT_NONE;
	entry->text_length = 0;
	entry->encoding = -1;
	memset(&entry->shape, 0, sizeof(StatementShape));
	entry->stats_since = entry->minmax_since = now;
	entry->reset_serial = entry->minmax_serial = 0;
	entry->usage = FIRST_USAGE;
	entry->usage_clock = pg_atomic_read_u64(&header->evictions);
	counters_clear(&entry->counters);
	memset(&entry->facts, 0, sizeof(entry->facts));
	memset(entry->histogram, 0, sizeof(entry->histogram));
	entry->next = buckets[bucket];
	buckets[bucket] = i;
}

/*
 * Creates an entry.  Partition lock held exclusively; the key is not there.
 * Returns NO_ENTRY only if the spare entries have all gone to other empty
 * partitions, which their number rules out.
 */
static uint32
create(const StatementKey *key, uint32 bucket, TimestampTz now)
{
	uint32		i = take_free(false);

	if (i == NO_ENTRY)
	{
		uint32		from;

		i = least_used(bucket_partition(bucket), false, &from);
		if (i != NO_ENTRY)
			evict(i, from);
		else
			i = take_free(true);
		if (i == NO_ENTRY)
			return NO_ENTRY;
	}

	init_entry(i, key, bucket, now);
	return i;
}

/*
 * Finds or creates the key's entry and leaves its partition locked (shared,
 * or exclusively if it had to be created).  NO_ENTRY: see create().
 */
static uint32
lock_entry(const StatementKey *key, LWLock **lock)
{
	uint32		bucket = key_hash(key) & (header->nbuckets - 1);
	uint32		i;
	TimestampTz now;

	*lock = partition_lock(bucket_partition(bucket));
	LWLockAcquire(*lock, LW_SHARED);
	i = find(key, bucket);
	if (i != NO_ENTRY)
		return i;
	LWLockRelease(*lock);

	now = GetCurrentTimestamp();
	LWLockAcquire(*lock, LW_EXCLUSIVE);
	i = find(key, bucket);
	if (i == NO_ENTRY)
		i = create(key, bucket, now);
	return i;
}

/* Is this still the statement's entry?  Partition lock held. */
static inline bool
ref_valid(const StatementKey *key, const TableRef *ref)
{
	return ref->entry < header->nentries &&
		entries[ref->entry].incarnation == ref->incarnation &&
		statement_key_equal(&entries[ref->entry].key, key);
}

void
table_pin(const StatementKey *key, TableEntryInfo *info,
		  StatementShape *shape)
{
	LWLock	   *lock;
	uint32		i;

	info->text_serial = pg_atomic_read_u32(&header->text_serial);
	info->reset_serial = pg_atomic_read_u64(&header->reset_serial);
	i = lock_entry(key, &lock);
	info->ref.entry = i;
	info->ref.incarnation = 0;
	info->has_text = false;
	info->observed = 0;
	if (i != NO_ENTRY)
	{
		pg_atomic_fetch_add_u32(&entries[i].pins, 1);
		info->ref.incarnation = entries[i].incarnation;
		*shape = entries[i].shape;
		info->has_text = entries[i].text != TEXT_NONE;
		info->observed = entries[i].facts.observed;

		/* a reset under way may have stamped it already */
		info->reset_serial = Max(info->reset_serial,
								 Max(entries[i].reset_serial,
									 entries[i].minmax_serial));
	}
	else
		memset(shape, 0, sizeof(StatementShape));
	LWLockRelease(lock);
}

void
table_flush(const StatementKey *key, const TableRef *ref,
			const StatementCounters *counters, const uint32 *histogram,
			uint64 reset_serial, uint32 *used)
{
	LWLock	   *lock = partition_lock(table_partition(key));
	uint32		i = ref->entry;
	bool		pinned;

	LWLockAcquire(lock, LW_SHARED);
	pinned = ref_valid(key, ref);
	if (!pinned && counters->exec.count + counters->plan.count > 0)
	{
		LWLockRelease(lock);
		i = lock_entry(key, &lock);
	}
	else if (!pinned)
		i = NO_ENTRY;			/* nothing to keep */

	if (i != NO_ENTRY && reset_serial >= entries[i].reset_serial)
	{
		SharedStatement *entry = &entries[i];
		TimeStats	exec;
		TimeStats	plan;

		SpinLockAcquire(&entry->mutex);
		exec = entry->counters.exec;
		plan = entry->counters.plan;
		counters_add(&entry->counters, counters);
		if (reset_serial < entry->minmax_serial)
		{
			/* the slot's extremes are from before they were reset */
			entry->counters.exec.min = exec.min;
			entry->counters.exec.max = exec.max;
			entry->counters.plan.min = plan.min;
			entry->counters.plan.max = plan.max;
		}
		if (counters->exec.count == 1)
			entry->histogram[histogram_bucket(counters->exec.total)]++;
		else
		{
			for (int b = 0; b < HISTOGRAM_BUCKETS; b++)
				entry->histogram[b] += histogram[b];
		}
		entry->usage = decayed_usage(entry) + (double) counters->exec.count;
		entry->usage_clock = pg_atomic_read_u64(&header->evictions);
		SpinLockRelease(&entry->mutex);
	}
	if (pinned)
		pg_atomic_fetch_sub_u32(&entries[ref->entry].pins, 1);
	*used = 0;
	LWLockRelease(lock);
}

void
table_add_facts(const StatementKey *key, const TableRef *ref,
				const StatementFacts *facts)
{
	LWLock	   *lock = partition_lock(table_partition(key));

	LWLockAcquire(lock, LW_SHARED);
	if (ref_valid(key, ref))
	{
		SharedStatement *entry = &entries[ref->entry];

		SpinLockAcquire(&entry->mutex);
		facts_add(&entry->facts, facts);
		SpinLockRelease(&entry->mutex);
	}
	LWLockRelease(lock);
}

int
table_entries(void)
{
	return header->nentries;
}

/*
 * Texts
 */

/* Drops the text of a little used statement of some partition */
static void
drop_a_text(void)
{
	int			partition = pg_prng_uint32(&pg_global_prng_state) %
	STATEMENT_PARTITIONS;
	uint32		bucket;
	uint32		i;

	LWLockAcquire(partition_lock(partition), LW_EXCLUSIVE);
	i = least_used(partition, true, &bucket);
	if (i != NO_ENTRY)
	{
		texts_free(entries[i].text);
		entries[i].text = TEXT_NONE;
		pg_atomic_fetch_add_u64(&header->texts_dropped, 1);

		/* only who has it in a slot believes that the text is there */
		if (pg_atomic_read_u32(&entries[i].pins) > 0)
			pg_atomic_fetch_add_u32(&header->text_serial, 1);
	}
	LWLockRelease(partition_lock(partition));
}

bool
table_describe(const StatementKey *key, const TableRef *ref,
			   const char *text, Size text_length,
			   const char *tables, Size tables_length,
			   const StatementShape *shape)
{
	LWLock	   *lock = partition_lock(table_partition(key));
	Size		length = text_length + 1 + tables_length;
	char	   *joined = palloc_extended(length, MCXT_ALLOC_NO_OOM);
	TextRef		stored = TEXT_NONE;
	bool		has_text = false;

	if (joined != NULL)
	{
		memcpy(joined, text, text_length);
		joined[text_length] = '\0';
		memcpy(joined + text_length + 1, tables, tables_length);

		stored = texts_store(joined, length);
		for (int tries = 0; stored == TEXT_NONE && tries < TEXT_DROP_TRIES &&
			 length <= texts_limit() / 4; tries++)
		{
			drop_a_text();
			stored = texts_store(joined, length);
		}
		pfree(joined);
	}
	if (stored == TEXT_NONE)
		pg_atomic_fetch_add_u64(&header->texts_dropped, 1);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (ref_valid(key, ref))
	{
		SharedStatement *entry = &entries[ref->entry];

		entry->shape = *shape;
		if (entry->text == TEXT_NONE && stored != TEXT_NONE)
		{
			entry->text = stored;
			entry->text_length = text_length;
			entry->encoding = GetDatabaseEncoding();
			stored = TEXT_NONE;
		}
		has_text = entry->text != TEXT_NONE;
	}
	/* not needed: somebody else was faster, or the entry has gone */
	texts_free(stored);
	LWLockRelease(lock);
	return has_text;
}

bool
table_look(const StatementKey *key, const TableRef *ref,
		   uint32 *text_serial, bool *has_text)
{
	LWLock	   *lock = partition_lock(table_partition(key));
	bool		valid;

	*text_serial = pg_atomic_read_u32(&header->text_serial);
	LWLockAcquire(lock, LW_SHARED);
	valid = ref_valid(key, ref);
	*has_text = valid && entries[ref->entry].text != TEXT_NONE;
	LWLockRelease(lock);
	return valid;
}

/*
 * A copy of what is stored of the statement: its text, a NUL, and the names of
 * its tables at *tables.  NULL if it is not there.
 */
static char *
copy_texts(const StatementKey *key, const char **tables, int *encoding)
{
	uint32		bucket = key_hash(key) & (header->nbuckets - 1);
	LWLock	   *lock = partition_lock(bucket_partition(bucket));
	Size		max = 0;
	Size		needed = 1;
	Size		text_length = 0;
	char	   *buffer = NULL;

	/* its length is known only under the lock, where nothing is allocated */
	while (needed > max)
	{
		uint32		i;

		max = Max(needed, 1024);
		if (buffer)
			pfree(buffer);
		buffer = palloc(max);
		needed = 0;

		LWLockAcquire(lock, LW_SHARED);
		i = find(key, bucket);
		if (i != NO_ENTRY && entries[i].text != TEXT_NONE)
		{
			needed = texts_length(entries[i].text);
			text_length = entries[i].text_length;
			*encoding = entries[i].encoding;
			if (needed <= max)
				texts_copy(entries[i].text, buffer);
		}
		LWLockRelease(lock);
	}
	if (needed == 0)
	{
		pfree(buffer);
		return NULL;
	}
	Assert(buffer[text_length] == '\0');
	*tables = buffer + text_length + 1;
	return buffer;
}

char *
statements_raw_text(const StatementKey *key, int *encoding)
{
	const char *tables;

	return copy_texts(key, &tables, encoding);
}

char *
statements_text(const StatementKey *key)
{
	const char *tables;
	int			encoding;
	char	   *text = copy_texts(key, &tables, &encoding);

	return text ? visible_text(text, encoding) : NULL;
}

const char *
statements_tables(const StatementKey *key, int *encoding)
{
	const char *tables;

	return copy_texts(key, &tables, encoding) ? tables : NULL;
}

/*
 * Reset
 */

void
table_reset_serials(const StatementKey *key, const TableRef *ref,
					uint64 *entry, uint64 *minmax)
{
	LWLock	   *lock = partition_lock(table_partition(key));

	*entry = *minmax = 0;
	LWLockAcquire(lock, LW_SHARED);
	if (ref_valid(key, ref))
	{
		*entry = entries[ref->entry].reset_serial;
		*minmax = entries[ref->entry].minmax_serial;
	}
	LWLockRelease(lock);
}

TimestampTz
statements_reset(Oid userid, Oid dbid, uint64 queryid, bool minmax_only)
{
	TimestampTz now = GetCurrentTimestamp();
	uint64		serial;

	/*
	 * Entries are stamped before the serial is published: an owner that sees
	 * it finds the stamp.
	 */
	LWLockAcquire(shmem_lock(SHMEM_LOCK_RESET), LW_EXCLUSIVE);
	serial = pg_atomic_read_u64(&header->reset_serial) + 1;
	if (!minmax_only && userid == 0 && dbid == 0 && queryid == 0)
		totals_reset(serial);
	for (int partition = 0; partition < STATEMENT_PARTITIONS; partition++)
	{
		LWLockAcquire(partition_lock(partition), LW_EXCLUSIVE);
		for (uint32 b = partition; b < header->nbuckets;
			 b += STATEMENT_PARTITIONS)
		{
			for (uint32 i = buckets[b]; i != NO_ENTRY; i = entries[i].next)
			{
				SharedStatement *entry = &entries[i];

				if ((userid != 0 && entry->key.userid != userid) ||
					(dbid != 0 && entry->key.dbid != dbid) ||
					(queryid != 0 && entry->key.queryid != queryid))
					continue;

				entry->minmax_serial = serial;
				entry->minmax_since = now;
				if (minmax_only)
				{
					counters_clear_minmax(&entry->counters);
					continue;
				}
				entry->reset_serial = serial;
				entry->stats_since = now;
				entry->usage = 0;
				counters_clear(&entry->counters);
				memset(&entry->facts, 0, sizeof(entry->facts));
				memset(entry->histogram, 0, sizeof(entry->histogram));
			}
		}
		LWLockRelease(partition_lock(partition));
	}

	pg_atomic_write_u64(&header->reset_serial, serial);

	if (!minmax_only && userid == 0 && dbid == 0 && queryid == 0)
	{
		LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_EXCLUSIVE);
		for (int i = 0; i < EVICTED_DATABASES; i++)
		{
			header->evicted[i].dbid = InvalidOid;
			header->evicted[i].statements = 0;
			counters_clear(&header->evicted[i].counters);
		}
		LWLockRelease(shmem_lock(SHMEM_LOCK_EVICTED));
		pg_atomic_write_u64(&header->dealloc, 0);
		pg_atomic_write_u64(&header->texts_dropped, 0);
		pg_atomic_write_u64(&header->stats_reset, (uint64) now);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_RESET));
	return now;
}

/*
 * Reading
 */

bool
table_copy_partition(int partition, TableCopy *copy)
{
	int			nrows = 0;
	Size		ntexts = 0;

	Assert(LWLockHeldByMeInMode(partition_lock(partition), LW_EXCLUSIVE));
	for (uint32 b = partition; b < header->nbuckets; b += STATEMENT_PARTITIONS)
	{
		for (uint32 i = buckets[b]; i != NO_ENTRY; i = entries[i].next)
		{
			SharedStatement *entry = &entries[i];
			StatementRow *row = &copy->rows[nrows];
			Size		length = 0;

			if (copy->with_text && entry->text != TEXT_NONE)
				length = texts_length(entry->text);

			if (nrows < copy->max_rows && ntexts + length <= copy->max_texts)
			{
				row->key = entry->key;
				row->shape = entry->shape;
				row->counters = entry->counters;
				row->facts = entry->facts;
				memcpy(row->histogram, entry->histogram,
					   sizeof(row->histogram));
				row->stats_since = entry->stats_since;
				row->minmax_since = entry->minmax_since;
				row->usage = decayed_usage(entry);
				row->encoding = -1;
				row->text = row->tables = NULL;
				if (length > 0)
				{
					texts_copy(entry->text, copy->texts + ntexts);
					row->encoding = entry->encoding;
					row->text = copy->texts + ntexts;
					row->tables = row->text + entry->text_length + 1;
				}
				copy->refs[nrows].entry = i;
				copy->refs[nrows].incarnation = entry->incarnation;
				copy->reset_serials[nrows] = entry->reset_serial;
				copy->minmax_serials[nrows] = entry->minmax_serial;
			}
			nrows++;
			ntexts += length;
		}
	}

	copy->nrows = nrows;
	if (nrows <= copy->max_rows && ntexts <= copy->max_texts)
		return true;
	copy->max_rows = Max(copy->max_rows, nrows);
	copy->max_texts = Max(copy->max_texts, ntexts);
	return false;
}

void
statements_info(StatementsInfo *info)
{
	SpinLockAcquire(&header->mutex);
	info->entries = header->count;
	SpinLockRelease(&header->mutex);
	info->limit = header->max;
	info->dealloc = pg_atomic_read_u64(&header->dealloc);
	info->texts_dropped = pg_atomic_read_u64(&header->texts_dropped);
	info->stats_reset = (TimestampTz) pg_atomic_read_u64(&header->stats_reset);
}

void
statements_evicted(EvictedCallback callback, void *arg)
{
	SharedEvicted *copy = palloc(sizeof(header->evicted));

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_SHARED);
	memcpy(copy, header->evicted, sizeof(header->evicted));
	LWLockRelease(shmem_lock(SHMEM_LOCK_EVICTED));

	for (int i = 0; i < EVICTED_DATABASES; i++)
	{
		if (copy[i].statements > 0)
			callback(arg, copy[i].dbid, copy[i].statements,
					 &copy[i].counters);
	}
	pfree(copy);
}

/*
 * Restoring
 */

void
statements_restore(const StatementRow *row, Size texts_length)
{
	uint32		bucket = key_hash(&row->key) & (header->nbuckets - 1);
	LWLock	   *lock = partition_lock(bucket_partition(bucket));
	uint32		i = NO_ENTRY;
	SharedStatement *entry;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (find(&row->key, bucket) == NO_ENTRY)
		i = take_free(false);
	if (i != NO_ENTRY)
	{
		init_entry(i, &row->key, bucket, row->stats_since);
		entry = &entries[i];
		entry->shape = row->shape;
		entry->minmax_since = row->minmax_since;
		entry->usage = row->usage;
		entry->counters = row->counters;
		entry->facts = row->facts;
		memcpy(entry->histogram, row->histogram, sizeof(entry->histogram));
		if (row->text != NULL)
		{
			entry->text = texts_store(row->text, texts_length);
			if (entry->text != TEXT_NONE)
			{
				entry->text_length = strlen(row->text);
				entry->encoding = row->encoding;
			}
			else
				pg_atomic_fetch_add_u64(&header->texts_dropped, 1);
		}
	}
	else
	{
		add_evicted(row->key.dbid, 1, &row->counters);
		pg_atomic_fetch_add_u64(&header->dealloc, 1);
	}
	LWLockRelease(lock);
}

void
statements_restore_evicted(Oid dbid, int64 statements,
						   const StatementCounters *counters)
{
	add_evicted(dbid, statements, counters);
}

void
statements_restore_info(const StatementsInfo *info)
{
	pg_atomic_write_u64(&header->dealloc, (uint64) info->dealloc);
	pg_atomic_write_u64(&header->texts_dropped, (uint64) info->texts_dropped);
	pg_atomic_write_u64(&header->stats_reset, (uint64) info->stats_reset);
}

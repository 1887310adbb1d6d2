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
 * out of date.  That of statements without a slot is not.
 *
 * Spinlocks: header.mutex guards the free list and the count of entries, an
 * entry's mutex its counts and its incarnation.  Both are held for arithmetic
 * and copies only.  Whoever knows an entry's incarnation needs no more than its
 * mutex to pin it, to add to its counts or to copy them: eviction, which holds
 * the partition exclusively, gives it the next incarnation under the mutex
 * before it takes the counts away.
 *
 * src/statements/table.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "common/pg_prng.h"
#include "port/atomics.h"
#include "utils/timestamp.h"

#include "common/settings.h"
#include "statements/table_internal.h"
#include "statements/totals.h"

/*
 * Use of a new entry.  With one execution it keeps its grade for half of
 * EVICTION_HALF_LIFE, more or less.
 */
#define FIRST_USAGE			0.5

/*
 * Entries that an eviction looks at, and at most where all of those have run
 * more than once: some sample of a few holds none but hot statements
 */
#define EVICTION_SAMPLE		16
#define EVICTION_MOST		64

SharedTable *table_header = NULL;
uint32	   *table_buckets = NULL;
SharedStatement *table_statements = NULL;

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
	table_header = place;
	table_buckets = (uint32 *) ((char *) place + MAXALIGN(sizeof(SharedTable)));
	table_statements = (SharedStatement *)
		((char *) table_buckets + MAXALIGN(bucket_count() * sizeof(uint32)));
	table_text_serial = &table_header->text_serial;
	table_reset_serial = &table_header->reset_serial;
	if (found)
		return;

	memset(table_header, 0, sizeof(SharedTable));
	table_header->max = qw_max_statements;
	table_header->nentries = table_header->max + STATEMENT_PARTITIONS;
	table_header->nbuckets = bucket_count();
	SpinLockInit(&table_header->mutex);
	pg_atomic_init_u64(&table_header->evictions, 0);
	pg_atomic_init_u64(&table_header->created, 0);
	pg_atomic_init_u64(&table_header->dealloc, 0);
	pg_atomic_init_u64(&table_header->texts_dropped, 0);
	pg_atomic_init_u64(&table_header->stats_reset, (uint64) GetCurrentTimestamp());
	pg_atomic_init_u64(&table_header->reset_serial, 1);
	for (int i = 0; i < STATEMENT_PARTITIONS; i++)
		pg_atomic_init_u64(&table_header->void_before[i], 0);
	pg_atomic_init_u32(&table_header->text_serial, 1);

	for (uint32 i = 0; i < table_header->nbuckets; i++)
		table_buckets[i] = NO_ENTRY;
	for (uint32 i = 0; i < table_header->nentries; i++)
	{
		SharedStatement *entry = &table_statements[i];

		memset(entry, 0, sizeof(SharedStatement));
		SpinLockInit(&entry->mutex);
		entry->next = i + 1 < table_header->nentries ? i + 1 : NO_ENTRY;
	}
	table_header->first_free = 0;
	for (int i = 0; i < EVICTED_DATABASES; i++)
		counters_clear(&table_header->evicted[i].counters);
}

/*
 * Look-up
 */

int
table_partition(const StatementKey *key)
{
	return bucket_partition(table_bucket(key));
}

uint64
table_void_before(int partition)
{
	return pg_atomic_read_u64(&table_header->void_before[partition]);
}

uint32
table_find(const StatementKey *key, uint32 bucket)
{
	uint32		i;

	Assert(LWLockHeldByMe(partition_lock(bucket_partition(bucket))));
	for (i = table_buckets[bucket]; i != NO_ENTRY; i = table_statements[i].next)
	{
		if (statement_key_equal(&table_statements[i].key, key))
			break;
	}
	return i;
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
	SharedEvicted *sum = &table_header->evicted[0];

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_EXCLUSIVE);
	for (int i = 1; i < EVICTED_DATABASES && dbid != InvalidOid; i++)
	{
		if (table_header->evicted[i].dbid == dbid ||
			table_header->evicted[i].dbid == InvalidOid)
		{
			sum = &table_header->evicted[i];
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
uint32
table_least_used(int partition, bool only_texts, uint32 *bucket)
{
	uint32		nbuckets = table_header->nbuckets / STATEMENT_PARTITIONS;
	uint32		start = pg_prng_uint32(&pg_global_prng_state) % nbuckets;
	uint32		best = NO_ENTRY;
	int			best_grade = 0;
	bool		best_pinned = false;
	int			seen = 0;

	Assert(LWLockHeldByMeInMode(partition_lock(partition), LW_EXCLUSIVE));
	for (uint32 i = 0;
		 i < nbuckets && (seen < EVICTION_SAMPLE || best_pinned ||
						  (best_grade > 0 && seen < EVICTION_MOST)); i++)
	{
		uint32		b = ((start + i) % nbuckets) * STATEMENT_PARTITIONS +
		partition;

		for (uint32 e = table_buckets[b]; e != NO_ENTRY; e = table_statements[e].next)
		{
			bool		pinned = table_statements[e].pins > 0;
			int			grade = usage_grade(&table_statements[e]);

			if (only_texts && table_statements[e].text == TEXT_NONE)
				continue;
			seen++;
			if (best == NO_ENTRY ||
				(best_pinned && !pinned) ||
				(best_pinned == pinned &&
				 (grade < best_grade ||
				  (grade == best_grade &&
				   table_statements[e].created > table_statements[best].created))))
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

/*
 * Takes the entry that *link names out of its chain; partition held
 * exclusively.  From its new incarnation on nobody adds to its counts.  Gives
 * its text to the caller, who frees it.  Returns whether slots held the entry:
 * then the caller bumps text_serial, so that their owners look.
 */
bool
table_unlink(uint32 *link, TextRef *text)
{
	SharedStatement *entry = &table_statements[*link];
	bool		pinned;

	*link = entry->next;

	SpinLockAcquire(&entry->mutex);
	entry->incarnation++;
	entry->changes++;
	*text = entry->text;
	entry->text = TEXT_NONE;
	entry->text_changes++;
	pinned = entry->pins > 0;
	entry->pins = 0;
	SpinLockRelease(&entry->mutex);
	return pinned;
}

/*
 * Takes an entry out of its chain, its counts into the evicted sums.  One that
 * a reset emptied, and that no slot holds, counts as no eviction.
 */
static void
evict(uint32 victim, uint32 bucket)
{
	SharedStatement *entry = &table_statements[victim];
	uint32	   *link = &table_buckets[bucket];
	TextRef		text;
	bool		pinned;

	while (*link != victim)
		link = &table_statements[*link].next;
	pinned = table_unlink(link, &text);

	if (pinned || entry->counters.exec.count > 0 ||
		entry->counters.plan.count > 0)
	{
		add_evicted(entry->key.dbid, 1, &entry->counters);
		pg_atomic_fetch_add_u64(&table_header->dealloc, 1);
	}
	texts_free(text);
	if (pinned)
		pg_atomic_fetch_add_u32(&table_header->text_serial, 1);
	pg_atomic_fetch_add_u64(&table_header->evictions, 1);
}

/* An entry of the free list if the table is not full (or "spare"), or not */
static uint32
take_free(bool spare)
{
	uint32		i = NO_ENTRY;

	SpinLockAcquire(&table_header->mutex);
	if (spare || table_header->count < table_header->max)
	{
		i = table_header->first_free;
		if (i != NO_ENTRY)
		{
			table_header->first_free = table_statements[i].next;
			table_header->count++;
		}
	}
	SpinLockRelease(&table_header->mutex);
	return i;
}

/* Puts an entry that is in no chain on the free list */
void
table_give_free(uint32 i)
{
	SpinLockAcquire(&table_header->mutex);
	table_statements[i].next = table_header->first_free;
	table_header->first_free = i;
	table_header->count--;
	SpinLockRelease(&table_header->mutex);
}

/*
 * Makes a free entry that of a statement; partition lock held exclusively.
 * Nobody knows its incarnation yet.
 */
static void
init_entry(uint32 i, const StatementKey *key, uint32 bucket, TimestampTz now)
{
	SharedStatement *entry = &table_statements[i];

	entry->key = *key;
	entry->text = TEXT_NONE;
	entry->text_size = entry->text_length = 0;
	entry->encoding = -1;
	entry->shape_serial++;
	memset(&entry->shape, 0, sizeof(StatementShape));
	entry->stats_since = entry->minmax_since = now;
	entry->reset_serial = entry->minmax_serial =
		pg_atomic_read_u64(&table_header->void_before[bucket_partition(bucket)]);
	entry->created = pg_atomic_fetch_add_u64(&table_header->created, 1);
	entry->usage = FIRST_USAGE;
	entry->usage_clock = pg_atomic_read_u64(&table_header->evictions);
	counters_clear(&entry->counters);
	memset(&entry->facts, 0, sizeof(entry->facts));
	memset(entry->histogram, 0, sizeof(entry->histogram));
	memset(&entry->base, 0, sizeof(entry->base));
	entry->next = table_buckets[bucket];
	table_buckets[bucket] = i;
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

		i = table_least_used(bucket_partition(bucket), false, &from);
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
	uint32		bucket = table_bucket(key);
	uint32		i;
	TimestampTz now;

	*lock = partition_lock(bucket_partition(bucket));
	LWLockAcquire(*lock, LW_SHARED);
	i = table_find(key, bucket);
	if (i != NO_ENTRY)
		return i;
	LWLockRelease(*lock);

	now = GetCurrentTimestamp();
	LWLockAcquire(*lock, LW_EXCLUSIVE);
	i = table_find(key, bucket);
	if (i == NO_ENTRY)
		i = create(key, bucket, now);
	return i;
}

/* What the pinner of an entry gets to know; mutex held */
static inline void
pin_entry(SharedStatement *entry, TableEntryInfo *info, StatementShape *shape)
{
	entry->pins++;
	info->has_text = entry->text != TEXT_NONE;
	if (info->shape_serial != entry->shape_serial)
	{
		info->shape_serial = entry->shape_serial;
		*shape = entry->shape;
	}

	/* a reset under way may have stamped it already */
	info->reset_serial = Max(info->reset_serial,
							 Max(entry->reset_serial, entry->minmax_serial));
}

bool
table_pin_again(TableEntryInfo *info, StatementShape *shape)
{
	SharedStatement *entry;

	info->text_serial = pg_atomic_read_u32(&table_header->text_serial);
	info->reset_serial = pg_atomic_read_u64(&table_header->reset_serial);
	entry = lock_statement(&info->ref);
	if (entry == NULL)
		return false;
	pin_entry(entry, info, shape);
	SpinLockRelease(&entry->mutex);
	return true;
}

void
table_pin(const StatementKey *key, TableEntryInfo *info,
		  StatementShape *shape)
{
	LWLock	   *lock;
	uint32		i;

	info->text_serial = pg_atomic_read_u32(&table_header->text_serial);
	info->reset_serial = pg_atomic_read_u64(&table_header->reset_serial);
	info->shape_serial = 0;
	i = lock_entry(key, &lock);
	info->ref.entry = i;
	info->ref.incarnation = 0;
	info->has_text = false;
	info->observed = 0;
	if (i != NO_ENTRY)
	{
		SharedStatement *entry = &table_statements[i];

		SpinLockAcquire(&entry->mutex);
		info->ref.incarnation = entry->incarnation;
		info->observed = entry->facts.observed;
		pin_entry(entry, info, shape);
		SpinLockRelease(&entry->mutex);
	}
	else
		memset(shape, 0, sizeof(StatementShape));
	LWLockRelease(lock);
}

/* Adds counts from before the entry's extremes were reset */
static pg_noinline void
add_without_extremes(StatementCounters *a, const StatementCounters *b)
{
	StatementCounters without = *b;

	counters_clear_minmax(&without);
	counters_add(a, &without);
}

/*
 * Adds a slot's counts to an entry, whose mutex is held, and empties the slot.
 * The change is there to be seen before the slot is empty: see
 * table_changed().
 */
static inline void
take_counts(SharedStatement *entry, const StatementCounters *counters,
			const uint8 *histogram, uint64 reset_serial, uint32 *used)
{
	int			end;

	entry->changes++;
	pg_write_barrier();
	if (reset_serial >= entry->reset_serial)
	{
		if (likely(reset_serial >= entry->minmax_serial))
			counters_add(&entry->counters, counters);
		else
			add_without_extremes(&entry->counters, counters);
		end = counters_end_bucket(counters);
		for (int b = counters_first_bucket(counters); b < end; b++)
			entry->histogram[b] += histogram[b];
		use_entry(entry, (double) counters->exec.count);
	}
	*used = 0;
}

/*
 * A slot's counts, where its entry has become another's or a reader wants it to
 * stand still.
 */
static pg_noinline void
flush_elsewhere(const StatementKey *key, const TableRef *ref,
				const StatementCounters *counters, const uint8 *histogram,
				uint64 reset_serial, uint32 *used)
{
	LWLock	   *lock;
	uint32		i = lock_entry(key, &lock);

	if (i != NO_ENTRY)
	{
		SharedStatement *entry = &table_statements[i];

		SpinLockAcquire(&entry->mutex);
		take_counts(entry, counters, histogram, reset_serial, used);
		if (i == ref->entry && entry->incarnation == ref->incarnation)
			entry->pins--;
		SpinLockRelease(&entry->mutex);
	}
	*used = 0;
	LWLockRelease(lock);
}

void
table_flush(const StatementKey *key, const TableRef *ref,
			const StatementCounters *counters, const uint8 *histogram,
			uint64 reset_serial, uint32 *used)
{
	SharedStatement *entry = lock_statement(ref);

	if (likely(entry != NULL && !entry->quiet))
	{
		take_counts(entry, counters, histogram, reset_serial, used);
		entry->pins--;
		SpinLockRelease(&entry->mutex);
		return;
	}
	if (entry != NULL)
		SpinLockRelease(&entry->mutex);
	else if (counters->exec.count + counters->plan.count == 0 ||
			 reset_serial < table_void_before(table_partition(key)))
	{
		*used = 0;				/* nothing to keep */
		return;
	}
	flush_elsewhere(key, ref, counters, histogram, reset_serial, used);
}

void
table_add_facts(const TableRef *ref, const StatementFacts *facts)
{
	SharedStatement *entry = lock_statement(ref);

	if (entry != NULL)
	{
		facts_add(&entry->facts, facts);
		SpinLockRelease(&entry->mutex);
	}
}

int
table_entries(void)
{
	return table_header->nentries;
}

/*
 * Restoring
 */

void
statements_restore(const StatementRow *row, Size texts_length)
{
	uint32		bucket = table_bucket(&row->key);
	LWLock	   *lock = partition_lock(bucket_partition(bucket));
	uint32		i = NO_ENTRY;
	SharedStatement *entry;

	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (table_find(&row->key, bucket) == NO_ENTRY)
		i = take_free(false);
	if (i != NO_ENTRY)
	{
		init_entry(i, &row->key, bucket, row->stats_since);
		entry = &table_statements[i];
		entry->shape = row->shape;
		entry->minmax_since = row->minmax_since;
		entry->usage = row->usage;
		entry->counters = row->counters;
		entry->facts = row->facts;
		entry->base = row->base;
		memcpy(entry->histogram, row->histogram, sizeof(entry->histogram));
		if (row->text != NULL)
		{
			entry->text = texts_store(row->text, texts_length);
			if (entry->text != TEXT_NONE)
			{
				entry->text_size = texts_length;
				entry->text_length = strlen(row->text);
				entry->encoding = row->encoding;
			}
			else
				pg_atomic_fetch_add_u64(&table_header->texts_dropped, 1);
		}
	}
	else
	{
		add_evicted(row->key.dbid, 1, &row->counters);
		pg_atomic_fetch_add_u64(&table_header->dealloc, 1);
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
	pg_atomic_write_u64(&table_header->dealloc, (uint64) info->dealloc);
	pg_atomic_write_u64(&table_header->texts_dropped, (uint64) info->texts_dropped);
	pg_atomic_write_u64(&table_header->stats_reset, (uint64) info->stats_reset);
}

/*-------------------------------------------------------------------------
 *
 * statements.c
 *		Recording into backend slots, and reading table and slots together.
 *
 * Write locally, merge on read.  Every backend owns SLOTS slots in shared
 * memory, each with the counts of one statement that are not in the table
 * yet.  Only the owner writes them.
 *
 * The path of a statement that has a slot takes no lock, makes no atomic
 * read-modify-write, allocates nothing and writes no cache line that another
 * backend writes:
 *
 *	- statements_slot() compares the key with that of the slot found last in
 *	  the list that its hash names, then with the others of the list.
 *	- statements_record() brackets its stores with two increments of the
 *	  slot's change counter (the idiom of PgBackendStatus.st_changecount).
 *	  The counter is written by the owner only, so plain stores with write
 *	  barriers between will do; a reader that finds it odd, or changed after
 *	  its copy (read barriers between), copies again.  On x86 the barriers
 *	  stop the compiler, on ARM and POWER the processor too.
 *	- the only shared words it reads are the table's reset and text serials,
 *	  which nobody writes but a reset or a dropped text.
 *
 * A statement without a slot takes that of another (see choose_slot()): the
 * counts there are added to the table (partition lock shared, spinlock of
 * the entry), and the new statement's entry is looked up or created.  The
 * entry is pinned as long as it has a slot, so that eviction leaves alone
 * what is in use; when it must evict it all the same, the slot's counts make
 * a new entry when they are flushed.  Nothing is lost.  A backend flushes all
 * its slots when it exits.
 *
 * A reader takes one partition after the other, exclusively: nothing can be
 * flushed into it then, so the entries and the slots copied under that lock
 * are disjoint and complete, and counts never go back between two reads.
 *
 * A reset cannot write slots of others.  It bumps the reset serial and stamps
 * the entries it clears with it; a slot carries the serial of when it was
 * last empty, and its counts are void where the entry's stamp is newer.  The
 * owner notices at its next execution, before it adds to them.
 *
 * src/statements.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "compat.h"
#include "shmem.h"
#include "statements.h"
#include "table.h"
#include "totals.h"

/* Of so many statements without a slot one is given that of another */
#define KEEP_SLOTS		8

/* Copies tried of a slot that is being written */
#define MAX_COPY_TRIES	100000

typedef struct SharedSlot
{
	uint32		change;			/* odd while the owner writes; see above */
	uint32		used;			/* 0: empty, nothing else is meant */
	StatementKey key;
	TableRef	ref;
	uint64		reset_serial;
	uint32		totalled;		/* the counts are in this backend's totals
								 * already (see totals.c) */
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

static SharedStatements *shared = NULL;

/* This backend's slots; NULL before the first use and after they are gone */
static SharedBackend *mine = NULL;
static bool detached = false;

StatementLocal statements_locals[SLOTS + 1];
uint8		statements_lists[SLOT_LISTS];

/* How slots are given to statements: see choose_slot() */
static int	slots_given = 0;	/* that hold, or held, a statement */
static int	last_given = 0;		/* the one given last */
static int	hand = 0;			/* where the search for one to give ended */
uint64		statements_fills = 0;

static int
backend_count(void)
{
	return MaxBackends;
}

static Size
slots_size(void)
{
	return add_size(offsetof(SharedStatements, backends),
					mul_size(backend_count(), sizeof(SharedBackend)));
}

Size
statements_shmem_size(void)
{
	return add_size(CACHELINEALIGN(slots_size()), table_shmem_size());
}

void
statements_shmem_init(void *place, bool found)
{
	shared = place;
	table_shmem_init((char *) place + CACHELINEALIGN(slots_size()), found);
	if (found)
		return;
	shared->nbackends = backend_count();
	for (int i = 0; i < shared->nbackends; i++)
		memset(&shared->backends[i], 0, sizeof(SharedBackend));
}

/*
 * The owner's writes to a slot stand between these two
 */
static inline void
begin_write(SharedSlot *slot)
{
	((volatile SharedSlot *) slot)->change++;
	pg_write_barrier();
}

static inline void
end_write(SharedSlot *slot)
{
	pg_write_barrier();
	((volatile SharedSlot *) slot)->change++;
}

static void
clear_counts(SharedSlot *slot)
{
	counters_clear(&slot->counters);
	memset(slot->histogram, 0, sizeof(slot->histogram));
}

/* Adds a slot's counts to the totals of this backend's database */
static void
total_slot(SharedSlot *slot)
{
	totals_add(&slot->counters, slot->histogram, slot->key.toplevel != 0,
			   slot->reset_serial, &slot->totalled);
}

/* Moves a slot's counts to the table and leaves it empty */
static void
flush_slot(SharedSlot *slot)
{
	if (!slot->used)
		return;
	total_slot(slot);
	table_flush(&slot->key, &slot->ref, &slot->counters, slot->histogram,
				slot->reset_serial, &slot->used);
}

/* Flushes all slots; before_shmem_exit callback */
static void
detach(int code, Datum arg)
{
	if (mine == NULL)
		return;
	for (int i = 0; i < SLOTS; i++)
	{
		flush_slot(&mine->slots[i]);
		statements_locals[i].key.queryid = 0;
	}
	memset(statements_lists, NO_SLOT, sizeof(statements_lists));
	totals_detach();
	mine->in_use = 0;
	mine = NULL;
	detached = true;
}

/* Takes possession of this backend's slots; false if it has none */
static bool
attach(void)
{
	int			number;

	if (detached || shared == NULL || MyProc == NULL)
		return false;
	number = compat_proc_number();
	if (number < 0 || number >= shared->nbackends)
		return false;			/* auxiliary process */

	mine = &shared->backends[number];
	for (int i = 0; i < SLOTS; i++)
		mine->slots[i].used = 0;
	memset(statements_lists, NO_SLOT, sizeof(statements_lists));
	totals_attach();
	mine->in_use = 1;
	before_shmem_exit(detach, (Datum) 0);
	return true;
}

/*
 * Slots
 */

/* Puts a statement into an empty slot */
static void
pin_slot(int number, const StatementKey *key)
{
	SharedSlot *slot = &mine->slots[number];
	StatementLocal *l = &statements_locals[number];
	TableEntryInfo info;

	table_pin(key, &info, &l->shape);

	begin_write(slot);
	slot->key = *key;
	slot->ref = info.ref;
	slot->reset_serial = info.reset_serial;
	clear_counts(slot);
	slot->totalled = 0;
	slot->used = 1;
	end_write(slot);

	l->key = *key;
	l->seen = 0;
	l->window_statement = NULL;
	l->plain_text = NULL;
	l->scans_seen = info.observed;
	l->scans_passed = (uint16) (pg_prng_uint32(&pg_global_prng_state) %
								FACTS_SCAN_STEP);
	l->has_text = info.has_text;
	l->text_serial = info.text_serial;
}

/* Executions of the slot's statement that it has not given to the table yet */
static inline uint32
slot_executions(int slot)
{
	return (uint32) mine->slots[slot].counters.exec.count;
}

/*
 * The slot to give to a statement that has none: one never used, or that of a
 * statement which did not run again since this was last asked of it (CLOCK).
 *
 * A backend that runs more statements in turn than there are slots would find
 * none of them there; and of those that run once, each would take the slot of
 * one that will run again.  So most take the slot that was given last, where
 * its statement has run just once since, and the others keep theirs.
 */
static int
choose_slot(void)
{
	if (slots_given < SLOTS)
		return slots_given++;
	if (statements_fills % KEEP_SLOTS != 0 &&
		slot_executions(last_given) == 1)
		return last_given;
	for (;;)
	{
		StatementLocal *l;

		hand = (hand + 1) % SLOTS;
		l = &statements_locals[hand];
		if (l->seen == slot_executions(hand))
			return hand;
		l->seen = slot_executions(hand);
	}
}

/* Takes a slot out of its list */
static void
unlink_slot(int slot)
{
	StatementLocal *l = &statements_locals[slot];
	uint8	   *link = &statements_lists[statements_list(&l->key)];

	while (*link != slot && *link != NO_SLOT)
		link = &statements_locals[*link].next;
	*link = l->next;
}

/* Gives a statement a slot */
static int
fill_slot(const StatementKey *key)
{
	int			slot = choose_slot();

	statements_fills++;
	last_given = slot;
	if (mine->slots[slot].used)
	{
		flush_slot(&mine->slots[slot]);
		unlink_slot(slot);
	}
	pin_slot(slot, key);
	return slot;
}

int
statements_find_slot(const StatementKey *key)
{
	uint8	   *list = &statements_lists[statements_list(key)];
	uint8	   *link = list;
	int			slot;

	if (mine == NULL && !attach())
		return -1;

	while (*link != NO_SLOT &&
		   !statement_key_equal(&statements_locals[*link].key, key))
		link = &statements_locals[*link].next;
	slot = *link;
	if (slot != NO_SLOT)
		*link = statements_locals[slot].next;
	else
		slot = fill_slot(key);

	/* to the front: it will be wanted again */
	statements_locals[slot].next = *list;
	*list = slot;
	return slot;
}

/* A text was dropped somewhere: is this slot's statement still described? */
bool
statements_look(int slot)
{
	StatementLocal *l = &statements_locals[slot];
	SharedSlot *s = &mine->slots[slot];

	if (!table_look(&s->key, &s->ref, &l->text_serial, &l->has_text))
	{
		/* evicted all the same: begin with a new entry */
		StatementKey key = s->key;

		flush_slot(s);
		pin_slot(slot, &key);
	}
	return l->has_text;
}

void
statements_describe(int slot, const char *text, Size text_length,
					const char *tables, Size tables_length,
					const StatementShape *shape)
{
	SharedSlot *s = &mine->slots[slot];
	StatementLocal *l = &statements_locals[slot];

	/* another table of that name: the window has to see it */
	if (memcmp(&l->shape, shape, sizeof(StatementShape)) != 0)
		l->window_statement = NULL;
	l->shape = *shape;
	l->has_text =
		table_describe(&s->key, &s->ref, text, text_length,
					   tables, tables_length, shape);
}

/*
 * Recording
 */

/* There was a reset: are the slot's counts from before it? */
static void
heed_reset(SharedSlot *slot)
{
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	uint64		entry_serial;
	uint64		minmax_serial;

	table_reset_serials(&slot->key, &slot->ref, &entry_serial, &minmax_serial);
	if (slot->reset_serial < entry_serial)
		total_slot(slot);		/* the totals keep them */
	begin_write(slot);
	if (slot->reset_serial < entry_serial)
	{
		clear_counts(slot);
		slot->totalled = 0;
	}
	else if (slot->reset_serial < minmax_serial)
		counters_clear_minmax(&slot->counters);
	slot->reset_serial = Max(serial, Max(entry_serial, minmax_serial));
	end_write(slot);
}

void
statements_record(int slot_number, const Execution *e, bool slow)
{
	SharedSlot *slot = &mine->slots[slot_number];
	StatementCounters *c = &slot->counters;

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		heed_reset(slot);

	begin_write(slot);
	times_record(&c->exec, e->elapsed);
	slot->histogram[histogram_bucket(e->elapsed)]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	if (likely(e->outcome == OUTCOME_COMPLETED))
	{
		c->calls++;
		c->rows += e->rows;
		usage_add(&c->usage, e->usage);
		if (unlikely(e->jit != NULL))
		{
			for (int i = 0; i < JIT_NPARTS; i++)
			{
				c->jit.count[i] += e->jit->count[i];
				c->jit.time[i] += e->jit->time[i];
			}
		}
		c->workers_planned += e->workers_planned;
		c->workers_launched += e->workers_launched;
		c->generic_plan_calls += e->generic_plan;
		c->custom_plan_calls += e->custom_plan;
	}
	else if (e->outcome == OUTCOME_ERROR)
		c->errors++;
	else
	{
		c->cancels++;
		if (e->outcome == OUTCOME_TIMEOUT)
			c->timeouts++;
	}
	if (unlikely(slow))
	{
		c->slow_calls++;
		c->last_slow = c->last_seen;
	}
	end_write(slot);
	if (unlikely(e->outcome == OUTCOME_ERROR))
		totals_count_error(e->sqlstate);
}

void
statements_record_run(int slot_number, uint64 elapsed, uint64 rows,
					  const Measure *measure)
{
	SharedSlot *slot = &mine->slots[slot_number];
	StatementCounters *c = &slot->counters;

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		heed_reset(slot);

	begin_write(slot);
	times_record(&c->exec, elapsed);
	slot->histogram[histogram_bucket(elapsed)]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	c->calls++;
	c->rows += rows;
	measure_add_usage(measure, &c->usage);
	end_write(slot);
}

void
statements_record_plan(int slot_number, uint64 elapsed)
{
	SharedSlot *slot = &mine->slots[slot_number];

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		heed_reset(slot);

	begin_write(slot);
	times_record(&slot->counters.plan, elapsed);
	end_write(slot);
}

void
statements_add_facts(int slot, const StatementFacts *facts)
{
	const SharedSlot *s = &mine->slots[slot];

	table_add_facts(&s->key, &s->ref, facts);
}

bool
statements_slot_holds(int slot, const StatementKey *key)
{
	const SharedSlot *s = &mine->slots[slot];

	return s->used && statement_key_equal(&s->key, key);
}

void
statements_record_client(const StatementKey *key, int slot_number,
						 uint64 elapsed)
{
	SharedSlot *slot = &mine->slots[slot_number];

	/* it may have lost its slot meanwhile: then the time is not kept */
	if (!statements_slot_holds(slot_number, key))
		return;
	begin_write(slot);
	slot->counters.client_time += (int64) elapsed;
	end_write(slot);
}

/*
 * Reading
 */

/* Copies a slot; false if it is empty */
static bool
copy_slot(SharedSlot *from, SharedSlot *to)
{
	volatile SharedSlot *slot = from;

	if (!slot->used)
		return false;
	for (int tries = 0; tries < MAX_COPY_TRIES; tries++)
	{
		uint32		before = slot->change;

		pg_read_barrier();
		memcpy(to, from, sizeof(SharedSlot));
		pg_read_barrier();
		if ((before & 1) == 0 && slot->change == before)
			break;
		pg_spin_delay();
	}

	/*
	 * After so many tries its owner was stopped in the middle of its dozen
	 * stores: the words are whole, so take them as they are.
	 */
	return to->used;
}

/* Adds a slot's counts to a row */
static void
merge_slot(StatementRow *row, SharedSlot *slot, uint64 entry_serial,
		   uint64 minmax_serial)
{
	if (slot->reset_serial < entry_serial)
		return;
	if (slot->reset_serial < minmax_serial)
		counters_clear_minmax(&slot->counters);
	counters_add(&row->counters, &slot->counters);
	row->usage += (double) slot->counters.exec.count;
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
		row->histogram[i] += slot->histogram[i];
}

/* A row for a slot whose entry was evicted; its text went with it */
static bool
add_orphan(TableCopy *copy, const SharedSlot *slot)
{
	StatementRow *row;

	if (copy->nrows >= copy->max_rows)
	{
		copy->max_rows *= 2;
		return false;
	}
	row = &copy->rows[copy->nrows];
	memset(row, 0, sizeof(StatementRow));
	row->key = slot->key;
	counters_clear(&row->counters);
	row->stats_since = row->minmax_since = slot->counters.last_seen;
	row->encoding = -1;
	copy->refs[copy->nrows] = slot->ref;
	copy->reset_serials[copy->nrows] = 0;
	copy->minmax_serials[copy->nrows] = 0;
	copy->nrows++;
	return true;
}

/*
 * Merges the slots of all backends into the rows of their partition.  False
 * if there is no room for another row: *copy then says how many to make room
 * for.  The caller holds the partition's lock exclusively.
 */
static bool
merge_slots(TableCopy *copy, int partition, SharedSlot *buffer,
			uint32 *row_of_entry)
{
	for (int i = 0; i < copy->nrows; i++)
		row_of_entry[copy->refs[i].entry] = i;

	for (int b = 0; b < shared->nbackends; b++)
	{
		if (!shared->backends[b].in_use)
			continue;
		for (int s = 0; s < SLOTS; s++)
		{
			int			row;

			if (table_partition(&shared->backends[b].slots[s].key) != partition ||
				!copy_slot(&shared->backends[b].slots[s], buffer) ||
				table_partition(&buffer->key) != partition)
				continue;

			row = buffer->ref.entry < table_entries() ?
				row_of_entry[buffer->ref.entry] : copy->nrows;
			if (row >= copy->nrows ||
				copy->refs[row].entry != buffer->ref.entry ||
				copy->refs[row].incarnation != buffer->ref.incarnation)
			{
				for (row = 0; row < copy->nrows; row++)
				{
					if (statement_key_equal(&copy->rows[row].key, &buffer->key))
						break;
				}
				if (row == copy->nrows && !add_orphan(copy, buffer))
					return false;
			}
			merge_slot(&copy->rows[row], buffer, copy->reset_serials[row],
					   copy->minmax_serials[row]);
		}
	}
	return true;
}

void
statements_read(bool with_text, StatementCallback callback, void *arg)
{
	TableCopy	copy;
	SharedSlot *buffer = palloc(sizeof(SharedSlot));
	uint32	   *row_of_entry = palloc0(sizeof(uint32) * table_entries());

	memset(&copy, 0, sizeof(copy));
	copy.with_text = with_text;
	copy.max_rows = table_entries() / STATEMENT_PARTITIONS + 64;
	copy.max_texts = with_text ? 64 * 1024 : 0;

	for (int partition = 0; partition < STATEMENT_PARTITIONS; partition++)
	{
		LWLock	   *lock = shmem_lock(SHMEM_LOCK_PARTITION + partition);
		bool		complete = false;
		bool		again = copy.rows != NULL;

		while (!complete)
		{
			/* room for what the last attempt found wanting */
			if (!again)
			{
				if (copy.rows != NULL)
				{
					pfree(copy.rows);
					pfree(copy.refs);
					pfree(copy.reset_serials);
					pfree(copy.minmax_serials);
					pfree(copy.texts);
				}
				copy.rows = MemoryContextAllocHuge(CurrentMemoryContext,
												   sizeof(StatementRow) * copy.max_rows);
				copy.refs = palloc(sizeof(TableRef) * copy.max_rows);
				copy.reset_serials = palloc(sizeof(uint64) * copy.max_rows);
				copy.minmax_serials = palloc(sizeof(uint64) * copy.max_rows);
				copy.texts = palloc(Max(copy.max_texts, 1));
			}

			LWLockAcquire(lock, LW_EXCLUSIVE);
			complete = table_copy_partition(partition, &copy) &&
				merge_slots(&copy, partition, buffer, row_of_entry);
			LWLockRelease(lock);
			again = false;
		}

		for (int i = 0; i < copy.nrows; i++)
		{
			const StatementCounters *c = &copy.rows[i].counters;

			if (c->exec.count > 0 || c->plan.count > 0 || c->calls > 0)
				callback(arg, &copy.rows[i]);
		}
	}

	pfree(copy.rows);
	pfree(copy.refs);
	pfree(copy.reset_serials);
	pfree(copy.minmax_serials);
	pfree(copy.texts);
	pfree(buffer);
	pfree(row_of_entry);
}

void
statements_pending(int backend, PendingCallback callback, void *arg)
{
	SharedSlot	slot;

	for (int i = 0; i < SLOTS; i++)
	{
		if (copy_slot(&shared->backends[backend].slots[i], &slot) &&
			!slot.totalled)
			callback(arg, &slot.key, &slot.counters, slot.histogram,
					 slot.reset_serial);
	}
}

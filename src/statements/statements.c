/*-------------------------------------------------------------------------
 *
 * statements.c
 *		Recording into backend slots.
 *
 * Write locally, merge on read.  Every backend owns slots in shared memory, each
 * with the counts of one statement that are not in the table yet.  Only the
 * owner writes them.  It has CHUNK_SLOTS of them, and takes as many again, up to
 * SLOTS, from a pool that all backends share, when it runs more statements; it
 * gives them back when it ends.
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
 * A new statement takes the slot of another (see choose_slot()): the counts
 * there are added to the table under the mutex of their entry, and the new
 * statement's entry is looked up or created.  The entry is pinned as long as it
 * has a slot, so that eviction leaves alone what is in use; when it must evict
 * it all the same, the slot's counts make a new entry when they are flushed.
 * Nothing is lost.  A backend flushes all its slots when it exits.
 *
 * A slot is small, so that a server of many connections has room for them.  It
 * counts in 8 bits what a bucket of the histogram holds, and is flushed when
 * one of these is full, once in 255 executions or less often.  What few
 * executions have to tell (that they failed or were slow, JIT, timed I/O,
 * parallel workers) it has no place for: such an execution is added to its
 * entry at once.
 *
 * A statement that lost its slot is remembered (kept.c).  When it runs again
 * its counts are added to its entry at once, under the entry's mutex: cheaper
 * than to empty a slot for it, of which the next would be emptied for it again.
 * One that runs over and over gets a slot.
 *
 * statements_read.c says how table and slots are read together.
 *
 * A reset cannot write slots of others.  It bumps the reset serial and stamps
 * the entries it clears with it; a slot carries the serial of when it was
 * last empty, and its counts are void where the entry's stamp is newer.  A
 * reset of everything takes all entries away and stamps their partitions.  The
 * owner notices at its next execution, before it adds to the slot's counts.
 * The text has gone with the entry; what this session knows of the shape is
 * given to the new one, for a prepared statement may never be parsed again.
 *
 * src/statements/statements.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/pg_prng.h"
#include "miscadmin.h"
#include "storage/ipc.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/shmem.h"
#include "statements/kept.h"
#include "statements/statements_internal.h"
#include "statements/totals.h"

/* Of so many statements without a slot one is given that of another */
#define KEEP_SLOTS		8

SharedStatements *statements_shared = NULL;

SharedBackend *statements_backends = NULL;
SharedChunk *statements_chunks = NULL;

pg_atomic_uint32 *statements_takings = NULL;

/* This backend's slots; NULL before the first use and after they are gone */
SharedBackend *statements_mine = NULL;
static bool detached = false;

StatementLocal statements_locals[FIRST_KEPT + KEPT_STATEMENTS];
uint8		statements_lists[SLOT_LISTS];

/* How slots are given to statements: see choose_slot() */
static int	slots_given = 0;	/* that hold, or held, a statement */
static int	slots_there = 0;	/* in the chunks that this backend has */
static int	last_given = 0;		/* the one given last */
static int	hand = 0;			/* where the search for one to give ended */
uint64		statements_fills = 0;
StatementLocal *statements_last_client = NULL;

static int
backend_count(void)
{
	return MaxBackends;
}

/* As many chunks in the pool as there are backends */
static int
chunk_count(void)
{
	return 2 * backend_count();
}

/* The parts: header, backends, chunks, and which of these are taken */
static Size
header_size(void)
{
	return CACHELINEALIGN(sizeof(SharedStatements));
}

static Size
backends_size(void)
{
	return mul_size(backend_count(), sizeof(SharedBackend));
}

static Size
chunks_size(void)
{
	return mul_size(chunk_count(), sizeof(SharedChunk));
}

static Size
slots_size(void)
{
	Size		size = add_size(header_size(), backends_size());

	size = add_size(size, chunks_size());
	return add_size(size, mul_size(chunk_count(), sizeof(pg_atomic_uint32)));
}

Size
statements_connection_size(void)
{
	return sizeof(SharedBackend) + 2 * (sizeof(SharedChunk) +
										sizeof(pg_atomic_uint32));
}

Size
statements_shmem_size(void)
{
	return add_size(CACHELINEALIGN(slots_size()), table_shmem_size());
}

void
statements_shmem_init(void *place, bool found)
{
	char	   *p = place;

	StaticAssertStmt(sizeof(SharedChunk) % PG_CACHE_LINE_SIZE == 0 &&
					 sizeof(SharedBackend) % PG_CACHE_LINE_SIZE == 0,
					 "no cache line belongs to two backends");
	statements_shared = place;
	statements_backends = (SharedBackend *) (p + header_size());
	statements_chunks = (SharedChunk *) ((char *) statements_backends +
										 backends_size());
	statements_takings = (pg_atomic_uint32 *) ((char *) statements_chunks +
											   chunks_size());
	table_shmem_init(p + CACHELINEALIGN(slots_size()), found);
	if (found)
		return;
	memset(place, 0, slots_size());
	statements_shared->nbackends = backend_count();
	statements_shared->npool = chunk_count() - backend_count();
	pg_atomic_init_u32(&statements_shared->nfree, statements_shared->npool);
	pg_atomic_init_u32(&statements_shared->takings, 0);
	for (int i = 0; i < chunk_count(); i++)
		pg_atomic_init_u32(&statements_takings[i], 0);
}

static void
clear_counts(SharedSlot *slot)
{
	SlotCounters *c = &slot->counters;

	if (c->exec.count > 0)
	{
		int			first = histogram_bucket(c->exec.min);

		memset(&slot->histogram[first], 0,
			   histogram_bucket(c->exec.max) + 1 - first);
	}
	memset(c, 0, sizeof(SlotCounters));
	times_clear(&c->exec);
	times_clear(&c->plan);
}

void
slot_counters(const SlotCounters * from, StatementCounters *to)
{
	memset(to, 0, sizeof(StatementCounters));
	to->calls = from->exec.count;
	to->rows = from->rows;
	to->exec = from->exec;
	to->plan = from->plan;
	memcpy(to->usage.blocks, from->blocks, sizeof(to->usage.blocks));
	memcpy(to->usage.wal, from->wal, sizeof(to->usage.wal));
	to->generic_plan_calls = from->generic_plan_calls;
	to->custom_plan_calls = from->custom_plan_calls;
	to->client_time = from->client_time;
	to->last_seen = from->last_seen;
}

/*
 * Moves a slot's counts to the totals of this backend's database and to the
 * table, and leaves it empty
 */
static void
flush_slot(StatementLocal *l)
{
	SharedSlot *slot = l->slot;
	StatementCounters counters;

	if (!slot->used)
		return;
	if (l->planned != 0)
	{
		slot_write_begins(slot);
		slot_add_planned(slot, l);
		slot_write_ends(slot);
	}
	slot_counters(&slot->counters, &counters);
	totals_add(&counters, slot->histogram, slot->key.toplevel != 0,
			   slot->reset_serial, &slot->totalled);
	table_flush(&slot->key, &slot->ref, &counters, slot->histogram,
				slot->reset_serial, &slot->used);
}

/* Gives this backend a chunk, if nobody has it */
static bool
take_chunk(uint32 chunk)
{
	uint32		nobody = 0;
	uint32		taking;

	if (pg_atomic_read_u32(&statements_takings[chunk]) != 0)
		return false;
	do
	{
		taking = pg_atomic_fetch_add_u32(&statements_shared->takings, 1) + 1;
	} while (taking == 0);
	if (!pg_atomic_compare_exchange_u32(&statements_takings[chunk], &nobody,
										taking))
		return false;

	/* readers look at it from when it is among so many */
	statements_mine->chunks[statements_mine->nchunks] = chunk;
	statements_mine->takings[statements_mine->nchunks] = taking;
	pg_write_barrier();
	statements_mine->nchunks++;
	slots_there += CHUNK_SLOTS;
	return true;
}

/* Takes a chunk of the pool, if there is one to be had */
static void
take_pooled_chunk(void)
{
	int			npool = statements_shared->npool;
	int			start = statements_mine - statements_backends;

	if (slots_there == SLOTS ||
		pg_atomic_read_u32(&statements_shared->nfree) == 0)
		return;
	for (int i = 0; i < npool; i++)
	{
		if (take_chunk(statements_shared->nbackends + (start + i) % npool))
		{
			pg_atomic_fetch_sub_u32(&statements_shared->nfree, 1);
			return;
		}
	}
}

/* Gives the chunks of this backend back; its slots are empty */
static void
give_chunks_back(void)
{
	while (statements_mine->nchunks > 0)
	{
		uint32		chunk = statements_mine->chunks[--statements_mine->nchunks];

		pg_memory_barrier();
		pg_atomic_write_u32(&statements_takings[chunk], 0);
		if (chunk >= statements_shared->nbackends)
			pg_atomic_fetch_add_u32(&statements_shared->nfree, 1);
	}
	slots_there = 0;
}

/* Flushes all slots; before_shmem_exit callback */
static void
detach(int code, Datum arg)
{
	if (statements_mine == NULL)
		return;
	for (int i = 0; i < slots_given; i++)
	{
		flush_slot(&statements_locals[i]);
		statements_locals[i].key.queryid = 0;
		statements_locals[i].slot = NULL;
	}
	memset(statements_lists, NO_SLOT, sizeof(statements_lists));
	kept_detach();
	totals_detach();
	give_chunks_back();
	statements_mine->in_use = 0;
	statements_mine = NULL;
	detached = true;
}

/* Takes possession of this backend's slots; false if it has none */
static bool
attach(void)
{
	int			number;

	/* parallel workers leave their statements to their leader */
	if (detached || statements_shared == NULL || MyProc == NULL ||
		IsParallelWorker())
		return false;
	number = compat_proc_number();
	if (number < 0 || number >= statements_shared->nbackends)
		return false;			/* auxiliary process */

	statements_mine = &statements_backends[number];
	statements_mine->nchunks = 0;
	(void) take_chunk(number);
	memset(statements_lists, NO_SLOT, sizeof(statements_lists));
	totals_attach();
	statements_mine->in_use = 1;
	before_shmem_exit(detach, (Datum) 0);
	return true;
}

/*
 * Slots
 */

/*
 * Puts a statement into an empty slot.  "known" is what is known of it from
 * before, or NULL.
 */
static void
pin_slot(int number, const StatementKey *key, const StatementLocal *known)
{
	SharedSlot *slot = backend_slot(statements_mine, number);
	StatementLocal *l = &statements_locals[number];
	uint8		next = l->next;
	TableEntryInfo info;

	if (known != NULL)
	{
		*l = *known;
		info.ref = l->ref;
		info.shape_serial = l->shape_serial;
	}
	else
		l->planned = 0;
	if (known == NULL || !table_pin_again(&info, &l->shape))
	{
		StatementShape shape;

		table_pin(key, &info, &shape);
		if (shape.command != SHAPE_OTHER ||
			!statement_key_equal(&l->key, key))
			l->shape = shape;
		l->key = *key;
		l->window_statement = NULL;
		l->plain_plan = NULL;
		l->scans_seen = info.observed;
		l->scans_passed = (uint16) (pg_prng_uint32(&pg_global_prng_state) %
									PLANLOOK_STEP);
	}
	else if (info.shape_serial != l->shape_serial)
		statements_new_shape(l);	/* another table of that name */
	l->ref = info.ref;
	l->next = next;
	l->seen = 0;
	l->has_text = info.has_text;
	l->text_serial = info.text_serial;
	l->shape_serial = info.shape_serial;

	l->slot = slot;
	slot_write_begins(slot);
	slot->key = *key;
	slot->ref = info.ref;
	slot->reset_serial = info.reset_serial;
	clear_counts(slot);
	slot->totalled = 0;
	slot->partition = table_partition(key);
	slot->used = 1;
	slot_write_ends(slot);
}

/* Executions of the slot's statement that it has not given to the table yet */
static inline uint32
slot_executions(int slot)
{
	return (uint32) statements_locals[slot].slot->counters.exec.count;
}

/*
 * The slot to give to a statement that has none: one never used, or that of a
 * statement which did not run again since this was last asked of it (CLOCK).
 *
 * A backend that runs more statements in turn than there are slots would find
 * none of them there; and of those that run once, each would take the slot of
 * one that will run again.  So few of the kept statements are given one at all
 * (see kept.c), and most of the new ones take the slot that the one before was
 * given, where that has run just once since, and the others keep theirs.
 */
static int
choose_slot(bool is_new)
{
	if (slots_given == slots_there)
		take_pooled_chunk();
	if (slots_given < slots_there)
		return slots_given++;
	if (is_new && statements_fills % KEEP_SLOTS != 0 &&
		slot_executions(last_given) == 1)
		return last_given;
	for (;;)
	{
		StatementLocal *l;

		hand = (hand + 1) % slots_given;
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

/* Gives a slot to a statement: a kept one, or one that is new here (-1) */
static int
fill_slot(const StatementKey *key, int kept)
{
	bool		is_new = kept < 0 || kept_is_gone(kept);
	int			slot = choose_slot(is_new);
	StatementLocal known;

	statements_fills++;
	if (kept >= 0)
	{
		known = statements_locals[kept];
		statements_locals[kept].planned = 0;	/* it goes along */
		kept_forget(kept);
	}
	if (is_new)
		last_given = slot;
	if (statements_locals[slot].slot != NULL)
	{
		flush_slot(&statements_locals[slot]);
		kept_remember(&statements_locals[slot]);
		unlink_slot(slot);
	}
	pin_slot(slot, key, kept >= 0 ? &known : NULL);
	statements_move_in(&statements_locals[slot]);
	return slot;
}

int
statements_find_slot(const StatementKey *key)
{
	uint8	   *list = &statements_lists[statements_list(key)];
	uint8	   *link = list;
	int			slot;

	if (statements_mine == NULL && !attach())
		return -1;

	while (*link != NO_SLOT &&
		   !statement_key_equal(&statements_locals[*link].key, key))
		link = &statements_locals[*link].next;
	slot = *link;
	if (slot != NO_SLOT)
		*link = statements_locals[slot].next;
	else
	{
		int			kept = kept_find(key);

		if (kept >= 0 && !statements_locals[kept].wants_slot)
			return kept;
		slot = fill_slot(key, kept);
	}

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

	if (!table_look(&l->ref, &l->text_serial, &l->has_text) &&
		slot < SLOTS)
	{
		/* evicted all the same: begin with a new entry */
		StatementKey key = l->key;

		flush_slot(l);
		pin_slot(slot, &key, NULL);
	}
	return l->has_text;
}

void
statements_describe(int slot, const char *text, Size text_length,
					const char *tables, Size tables_length,
					const StatementShape *shape)
{
	StatementLocal *l = &statements_locals[slot];

	/* another table of that name: the window has to see it */
	if (memcmp(&l->shape, shape, sizeof(StatementShape)) != 0)
		statements_new_shape(l);
	l->shape = *shape;
	l->has_text =
		table_describe(&l->key, &l->ref, text, text_length,
					   tables, tables_length, shape, &l->shape_serial);
}

/*
 * Recording
 */

void
statements_empty_slot(StatementLocal *local)
{
	StatementLocal known;

	flush_slot(local);
	known = *local;
	pin_slot(statements_number(local), &known.key, &known);
}

void
statements_heed_reset(StatementLocal *l)
{
	SharedSlot *slot = l->slot;
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	uint64		entry_serial;
	uint64		minmax_serial;

	table_reset_serials(&slot->ref, slot->partition, &entry_serial,
						&minmax_serial);

	/* the table knows which of the counts, or extremes, are void */
	if (slot->reset_serial < Max(entry_serial, minmax_serial))
	{
		StatementKey key = slot->key;
		uint64		planned = l->planned;

		/* what was planned is yet to be executed, after the reset */
		l->planned = 0;
		flush_slot(l);
		pin_slot(statements_number(l), &key, NULL);
		l->planned = planned;
	}
	slot_write_begins(slot);
	slot->reset_serial = Max(serial, slot->reset_serial);
	slot_write_ends(slot);
}

/* Can a slot count all that there is to tell of the execution? */
static bool
is_plain(const Execution *e, bool slow)
{
	int64		times = 0;

	if (e->outcome != OUTCOME_COMPLETED || slow || e->jit != NULL ||
		e->workers_planned + e->workers_launched > 0)
		return false;
	for (int i = 0; i < USAGE_NTIMES; i++)
		times |= e->usage->times[i];
	return times == 0;
}

/* Adds it to the slot of its statement */
static void
record_plain(StatementLocal *l, const Execution *e)
{
	int			bucket = histogram_bucket(e->elapsed);
	SharedSlot *slot;
	SlotCounters *c;

	if (l->slot->histogram[bucket] == SLOT_BUCKET_MAX)
		statements_empty_slot(l);
	slot = l->slot;
	c = &slot->counters;
	slot_write_begins(slot);
	if (unlikely(l->planned != 0))
		slot_add_planned(slot, l);
	times_record(&c->exec, e->elapsed);
	slot->histogram[bucket]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	c->rows += e->rows;
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		c->blocks[i] += e->usage->blocks[i];
	for (int i = 0; i < USAGE_NWAL; i++)
		c->wal[i] += e->usage->wal[i];
	c->generic_plan_calls += e->generic_plan;
	c->custom_plan_calls += e->custom_plan;
	slot_write_ends(slot);
}

/* Adds it to the entry of its statement */
static void
record_at_once(StatementLocal *l, const Execution *e, bool slow)
{
	StatementCounters *c = kept_open(statements_number(l));

	if (l->planned != 0)
		times_record(&c->plan, l->planned - 1);
	l->planned = 0;
	times_record(&c->exec, e->elapsed);
	kept_add_bucket(e->elapsed);
	c->last_seen = GetCurrentStatementStartTimestamp();
	if (e->outcome == OUTCOME_COMPLETED)
	{
		c->calls++;
		c->rows += e->rows;
		c->usage = *e->usage;
		if (e->jit != NULL)
			c->jit = *e->jit;
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
	if (slow)
	{
		c->slow_calls++;
		c->last_slow = c->last_seen;
	}
	kept_close();
}

/* There was a reset: it must not come between the slot's counts and the next */
static inline void
heed_reset(StatementLocal *l)
{
	if (l->slot != NULL &&
		unlikely(l->slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		statements_heed_reset(l);
}

void
statements_record(int slot_number, const Execution *e, bool slow)
{
	StatementLocal *l = &statements_locals[slot_number];

	heed_reset(l);
	if (l->slot != NULL && likely(is_plain(e, slow)))
		record_plain(l, e);
	else
		record_at_once(l, e, slow);
	if (unlikely(e->outcome == OUTCOME_ERROR))
		totals_count_error(e->sqlstate);
}

void
statements_record_plan(int slot_number, uint64 elapsed)
{
	StatementLocal *l = &statements_locals[slot_number];

	if (l->slot == NULL)
	{
		times_record(&kept_open(slot_number)->plan, elapsed);
		kept_close();
		return;
	}
	heed_reset(l);
	slot_write_begins(l->slot);
	times_record(&l->slot->counters.plan, elapsed);
	slot_write_ends(l->slot);
}

void
statements_add_facts(int slot, const StatementFacts *facts)
{
	table_add_facts(&statements_locals[slot].ref, facts);
}

bool
statements_slot_holds(int slot, const StatementKey *key)
{
	return statement_key_equal(&statements_locals[slot].key, key);
}

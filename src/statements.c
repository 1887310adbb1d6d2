/*-------------------------------------------------------------------------
 *
 * statements.c
 *		Recording into backend slots.
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
 * A new statement takes the slot of another (see choose_slot()): the counts
 * there are added to the table under the mutex of their entry, and the new
 * statement's entry is looked up or created.  The entry is pinned as long as it
 * has a slot, so that eviction leaves alone what is in use; when it must evict
 * it all the same, the slot's counts make a new entry when they are flushed.
 * Nothing is lost.  A backend flushes all its slots when it exits.
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
#include "kept.h"
#include "shmem.h"
#include "statements_internal.h"
#include "totals.h"

/* Of so many statements without a slot one is given that of another */
#define KEEP_SLOTS		8

SharedStatements *statements_shared = NULL;

/* This backend's slots; NULL before the first use and after they are gone */
SharedBackend *statements_mine = NULL;
static bool detached = false;

StatementLocal statements_locals[FIRST_KEPT + KEPT_STATEMENTS];
uint8		statements_lists[SLOT_LISTS];

/* How slots are given to statements: see choose_slot() */
static int	slots_given = 0;	/* that hold, or held, a statement */
static int	last_given = 0;		/* the one given last */
static int	hand = 0;			/* where the search for one to give ended */
uint64		statements_fills = 0;
uint64		statements_tenures = 0;

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
	statements_shared = place;
	table_shmem_init((char *) place + CACHELINEALIGN(slots_size()), found);
	if (found)
		return;
	statements_shared->nbackends = backend_count();
	for (int i = 0; i < statements_shared->nbackends; i++)
		memset(&statements_shared->backends[i], 0, sizeof(SharedBackend));
}

static void
clear_counts(SharedSlot *slot)
{
	int			end = counters_end_bucket(&slot->counters);

	for (int i = counters_first_bucket(&slot->counters); i < end; i++)
		slot->histogram[i] = 0;
	counters_clear(&slot->counters);
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
	StatementLocal *l = &statements_locals[slot - statements_mine->slots];

	if (!slot->used)
		return;
	if (l->planned != 0)
	{
		slot_write_begins(slot);
		slot_add_planned(slot, l);
		slot_write_ends(slot);
	}
	total_slot(slot);
	table_flush(&slot->key, &slot->ref, &slot->counters, slot->histogram,
				slot->reset_serial, &slot->used);
}

/* Flushes all slots; before_shmem_exit callback */
static void
detach(int code, Datum arg)
{
	if (statements_mine == NULL)
		return;
	for (int i = 0; i < SLOTS; i++)
	{
		flush_slot(&statements_mine->slots[i]);
		statements_locals[i].key.queryid = 0;
		statements_locals[i].slot = NULL;
	}
	memset(statements_lists, NO_SLOT, sizeof(statements_lists));
	kept_detach();
	totals_detach();
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

	statements_mine = &statements_shared->backends[number];
	for (int i = 0; i < SLOTS; i++)
		statements_mine->slots[i].used = 0;
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
	SharedSlot *slot = &statements_mine->slots[number];
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
									FACTS_SCAN_STEP);
	}
	else if (info.shape_serial != l->shape_serial)
		l->window_statement = NULL; /* another table of that name */
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
	return (uint32) statements_mine->slots[slot].counters.exec.count;
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
	if (slots_given < SLOTS)
		return slots_given++;
	if (is_new && statements_fills % KEEP_SLOTS != 0 &&
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
	if (statements_mine->slots[slot].used)
	{
		flush_slot(&statements_mine->slots[slot]);
		kept_remember(&statements_locals[slot]);
		unlink_slot(slot);
	}
	pin_slot(slot, key, kept >= 0 ? &known : NULL);
	statements_locals[slot].tenure = ++statements_tenures;
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

		flush_slot(&statements_mine->slots[slot]);
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
		l->window_statement = NULL;
	l->shape = *shape;
	l->has_text =
		table_describe(&l->key, &l->ref, text, text_length,
					   tables, tables_length, shape, &l->shape_serial);
}

/*
 * Recording
 */

void
statements_heed_reset(SharedSlot *slot)
{
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	uint64		entry_serial;
	uint64		minmax_serial;

	table_reset_serials(&slot->ref, slot->partition, &entry_serial,
						&minmax_serial);

	/* the table knows which of the counts, or extremes, are void */
	if (slot->reset_serial < Max(entry_serial, minmax_serial))
	{
		StatementLocal *l = &statements_locals[slot - statements_mine->slots];
		StatementKey key = slot->key;
		uint64		planned = l->planned;

		/* what was planned is yet to be executed, after the reset */
		l->planned = 0;
		flush_slot(slot);
		pin_slot(slot - statements_mine->slots, &key, NULL);
		l->planned = planned;
	}
	slot_write_begins(slot);
	slot->reset_serial = Max(serial, slot->reset_serial);
	slot_write_ends(slot);
}

/*
 * The slot that a statement's counts are added to, between these two: its own,
 * or one on the way to the table.
 */
static SharedSlot *
counting_begins(int number)
{
	SharedSlot *slot;

	if (number >= FIRST_KEPT)
		slot = kept_open(number);
	else
	{
		slot = &statements_mine->slots[number];
		if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
			statements_heed_reset(slot);
	}
	slot_write_begins(slot);
	return slot;
}

static void
counting_ends(int number, SharedSlot *slot)
{
	slot_write_ends(slot);
	if (number >= FIRST_KEPT)
		kept_close();
}

void
statements_record(int slot_number, const Execution *e, bool slow)
{
	SharedSlot *slot = counting_begins(slot_number);
	StatementCounters *c = &slot->counters;

	if (unlikely(statements_locals[slot_number].planned != 0))
		slot_add_planned(slot, &statements_locals[slot_number]);
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
	counting_ends(slot_number, slot);
	if (unlikely(e->outcome == OUTCOME_ERROR))
		totals_count_error(e->sqlstate);
}

void
statements_record_plan(int slot_number, uint64 elapsed)
{
	SharedSlot *slot = counting_begins(slot_number);

	times_record(&slot->counters.plan, elapsed);
	counting_ends(slot_number, slot);
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

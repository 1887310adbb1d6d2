/*-------------------------------------------------------------------------
 *
 * kept.c
 *		Statements of this session that have no slot.
 *
 * Sets of a few ways, their queryids side by side.  A statement takes a way
 * that is free, or if there is none that of another, each in turn.
 *
 * The entry of a kept statement is not pinned, so it can be evicted, or lose
 * its text, at any time.  kept_find() looks at it without a lock: that costs
 * next to nothing, and what it sees is no more than a hint.  What is written is
 * written under the entry's mutex, with the incarnation looked at again.
 *
 * An execution is counted as if a slot, empty until then, had been flushed as
 * soon as it had counted it: void if the entry, or the totals, have been
 * stamped with a reset that was published only after that.  A reader sees the
 * entry with it or without it, and that it has changed.
 *
 * src/statements/kept.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "statements/kept.h"
#include "statements/table_internal.h"
#include "statements/totals.h"

#define KEPT_WAYS	8
#define KEPT_SETS	(KEPT_STATEMENTS / KEPT_WAYS)

/* Every RUNS_PER_SLOT-th execution without a slot requests a slot */
#define RUNS_PER_SLOT	8

/* The keys' queryids, 0: the way is free; and the way to be used next */
static uint64 kept_queryids[KEPT_SETS][KEPT_WAYS];
static uint8 kept_next[KEPT_SETS];

/* The kept statement that ran last, and how many did */
static int	last_run = NO_SLOT;
static uint32 runs = 0;

/* Counts on their way to the table; see kept_open() */
static struct
{
	StatementKey key;
	uint64		reset_serial;
	uint32		totalled;
	uint32		used;
	StatementCounters counters;
	uint8		histogram[HISTOGRAM_BUCKETS];
}			passing;

/* Of other bits than the lists of slots */
static inline int
set_of(const StatementKey *key)
{
	return (int) (((key->queryid >> 7) ^ (key->queryid >> 39)) % KEPT_SETS);
}

static inline int
number_of(int set, int way)
{
	return FIRST_KEPT + set * KEPT_WAYS + way;
}

/* Another shape than was known: another table of that name has come */
static pg_noinline void
learn_shape(StatementLocal *l)
{
	SharedStatement *entry = lock_statement(&l->ref);

	if (entry == NULL)
		return;
	l->shape = entry->shape;
	l->shape_serial = entry->shape_serial;
	SpinLockRelease(&entry->mutex);
	statements_new_shape(l);
}

/* Is the statement's entry still there?  Then learns what of it can change. */
static inline bool
is_there(StatementLocal *l)
{
	const volatile SharedStatement *entry = &table_statements[l->ref.entry];

	if (unlikely(l->ref.entry == NO_ENTRY))
		return false;
	l->text_serial = pg_atomic_read_u32(table_text_serial);
	if (unlikely(entry->incarnation != l->ref.incarnation))
		return false;
	l->has_text = entry->text != TEXT_NONE;
	if (unlikely(entry->shape_serial != l->shape_serial))
		learn_shape(l);
	return true;
}

int
kept_find(const StatementKey *key)
{
	int			set = set_of(key);
	const uint64 *queryids = kept_queryids[set];

	for (int way = 0; way < KEPT_WAYS; way++)
	{
		int			number = number_of(set, way);

		if (queryids[way] != key->queryid ||
			!statement_key_equal(&statements_locals[number].key, key))
			continue;
		if (unlikely(!is_there(&statements_locals[number])))
		{
			statements_locals[number].ref.entry = NO_ENTRY;
			statements_locals[number].wants_slot = true;
		}
		return number;
	}
	return -1;
}

bool
kept_is_gone(int number)
{
	return statements_locals[number].ref.entry == NO_ENTRY;
}

void
kept_forget(int number)
{
	StatementLocal *l = &statements_locals[number];
	int			way = number - FIRST_KEPT;

	if (unlikely(l->planned != 0))
		statements_record_plan(number, l->planned - 1);
	l->planned = 0;
	l->key.queryid = 0;
	statements_move_in(l);
	kept_queryids[way / KEPT_WAYS][way % KEPT_WAYS] = 0;
}

void
kept_remember(const StatementLocal *local)
{
	int			set = set_of(&local->key);
	StatementLocal *l;
	int			way;

	if (local->ref.entry == NO_ENTRY)
		return;
	for (way = 0; way < KEPT_WAYS; way++)
	{
		if (kept_queryids[set][way] == 0)
			break;
	}
	if (way == KEPT_WAYS)
	{
		way = kept_next[set]++ % KEPT_WAYS;
		kept_forget(number_of(set, way));
	}
	l = &statements_locals[number_of(set, way)];
	*l = *local;
	l->slot = NULL;
	statements_move_in(l);
	l->wants_slot = false;
	kept_queryids[set][way] = local->key.queryid;
}

/*
 * Recording
 */

StatementCounters *
kept_open(int number)
{
	const StatementLocal *l = &statements_locals[number];

	passing.key = l->key;
	passing.reset_serial = pg_atomic_read_u64(table_reset_serial);
	counters_clear(&passing.counters);
	memset(passing.histogram, 0, sizeof(passing.histogram));
	passing.totalled = 0;
	passing.used = 1;
	return &passing.counters;
}

void
kept_add_bucket(uint64 elapsed)
{
	passing.histogram[histogram_bucket(elapsed)]++;
}

/* By the key, so that the entry is found, or made, wherever it is now */
void
kept_close(void)
{
	TableRef	unpinned = {NO_ENTRY, 0};

	pg_read_barrier();			/* the serial was read before */
	totals_add(&passing.counters, passing.histogram,
			   passing.key.toplevel != 0, passing.reset_serial,
			   &passing.totalled);
	table_flush(&passing.key, &unpinned, &passing.counters, passing.histogram,
				passing.reset_serial, &passing.used);
}

/*
 * Takes the entry's mutex to add to its counts; NULL if there is anything in
 * the way: an eviction, a reset that is not published yet, a reader who wants it
 * to stand still.
 */
static inline SharedStatement *
lock_counts(const TableRef *ref, uint64 serial)
{
	SharedStatement *entry = lock_statement(ref);

	if (unlikely(entry == NULL))
		return NULL;
	if (likely(!entry->quiet && serial >= entry->minmax_serial))
	{
		entry->changes++;
		return entry;
	}
	SpinLockRelease(&entry->mutex);
	return NULL;
}

/* An execution in one run, to the counts of an entry or a slot */
static inline bool
add_run(StatementCounters *c, uint64 planned, uint64 elapsed, uint64 rows,
		TimestampTz seen, const Measure *measure)
{
	if (planned != 0)
		times_record(&c->plan, planned - 1);
	times_record(&c->exec, elapsed);
	c->last_seen = Max(c->last_seen, seen);
	c->calls++;
	c->rows += rows;
	return measure_add_usage(measure, &c->usage);
}

/*
 * Is it time that the statement has a slot?  When it runs twice in a row, and
 * now and then.
 */
static inline void
consider_slot(StatementLocal *l, int number)
{
	if (number == last_run || ++runs % RUNS_PER_SLOT == 0)
		l->wants_slot = true;
	last_run = number;
}

bool
kept_record_elsewhere(int number, uint64 elapsed, uint64 rows,
					  const Measure *measure)
{
	StatementLocal *l = &statements_locals[number];
	StatementCounters *counters = kept_open(number);
	bool		wrote;

	wrote = add_run(counters, l->planned, elapsed, rows,
					GetCurrentStatementStartTimestamp(), measure);
	kept_add_bucket(elapsed);
	l->planned = 0;
	kept_close();
	return wrote;
}

bool
kept_record_run(int number, uint64 elapsed, uint64 rows,
				const Measure *measure)
{
	StatementLocal *l = &statements_locals[number];
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	TimestampTz seen = GetCurrentStatementStartTimestamp();
	uint64		planned = l->planned;
	int			bucket = histogram_bucket(elapsed);
	SharedStatement *entry;
	bool		wrote;

	consider_slot(l, number);
	entry = lock_counts(&l->ref, serial);
	if (unlikely(entry == NULL))
		return kept_record_elsewhere(number, elapsed, rows, measure);
	wrote = add_run(&entry->counters, planned, elapsed, rows, seen, measure);
	entry->histogram[bucket]++;
	use_entry(entry, 1);
	SpinLockRelease(&entry->mutex);

	totals_add_run(elapsed, planned, rows, measure, l->key.toplevel != 0,
				   serial);
	l->planned = 0;
	return wrote;
}

void
kept_record_client(int number, uint64 elapsed)
{
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	SharedStatement *entry = lock_counts(&statements_locals[number].ref,
										 serial);

	/* in the way of something else it is not kept */
	if (entry == NULL)
		return;
	entry->counters.client_time += (int64) elapsed;
	SpinLockRelease(&entry->mutex);
	totals_add_client(elapsed, serial);
}

void
kept_detach(void)
{
	for (int set = 0; set < KEPT_SETS; set++)
	{
		for (int way = 0; way < KEPT_WAYS; way++)
		{
			if (kept_queryids[set][way] != 0)
				kept_forget(number_of(set, way));
		}
	}
}

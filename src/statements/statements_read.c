/*-------------------------------------------------------------------------
 *
 * statements_read.c
 *		Reading the table of statements and the backends' slots together.
 *
 * A count is in a slot until it is flushed, then in the table's entry; that of
 * a statement without a slot is in the entry from the beginning.  One reader
 * after the other must find it in one of the two, never in both and never in
 * neither, while no owner waits for a reader.  So a reader
 *
 *	1. lists the entries of a partition (its lock shared, for a walk along the
 *	   chains), and copies them one by one, each under its mutex, with the
 *	   number of changes made to it;
 *	2. copies the slots of the partition and adds them to the copies;
 *	3. looks whether an entry has changed since its copy: where a slot was
 *	   flushed into it, it may have been seen on both sides or on neither.
 *	   These are copied anew, and their slots.
 *
 * Full memory barriers stand between the steps.  Whoever flushes a slot
 * counts the change up before the slot is seen empty, so a reader that finds
 * it empty, or filled with another statement, finds the change in step 3.  A
 * slot that is still full when it is copied, although the entry was copied
 * after its flush, there is not: it is emptied under the entry's mutex.
 *
 * What is added to an entry without a slot counts its changes up as well, so
 * that all entries are seen as they are at one time.
 *
 * A statement that is flushed over and over could keep a reader busy.  After
 * QUIET_TRIES it takes the partition's lock exclusively and tells the entry to
 * be quiet: then whoever adds to it waits for that lock.
 *
 * The rows of a partition are thus all of one time, except that an entry which
 * is evicted meanwhile is left out, as one created meanwhile is; each count is
 * in the row of its statement, and what a later reader sees of an entry is
 * never less.  As a key is always in the same partition, no statement comes
 * twice.
 *
 * Texts are copied without a lock and looked at for changes afterwards, too.
 *
 * src/statements/statements_read.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"

#include "common/shmem.h"
#include "statements/statements_internal.h"

/* Copies tried of a slot that is being written */
#define MAX_COPY_TRIES	100000

/* Copies tried of entries that change before they are told to be quiet */
#define QUIET_TRIES		8

/* A row that is being made */
typedef struct ReadRow
{
	TableCopy	copy;
	bool		orphan;			/* of slots whose entry was evicted, by no
								 * reset; its text went with it */
	bool		gone;			/* evicted meanwhile */
	bool		merge;			/* its slots are to be added now */
} ReadRow;

/* The rows of a partition */
typedef struct Reading
{
	int			partition;
	int			nrows;
	int			max_rows;
	StatementRow *rows;
	ReadRow    *states;
	TableRef   *refs;			/* max_rows of them */
	uint32	   *row_of_entry;
	SharedSlot *buffer;
} Reading;

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

/*
 * Copies a slot of a backend; false if it is empty, or in a chunk that the
 * backend has given back meanwhile, and that may be another's by now
 */
static bool
copy_backend_slot(const SharedBackend *backend, int slot, SharedSlot *to)
{
	const volatile SharedBackend *b = backend;
	uint32		chunk = b->chunks[slot / CHUNK_SLOTS];
	uint32		taking = b->takings[slot / CHUNK_SLOTS];

	if (!copy_slot(&statements_chunks[chunk].slots[slot % CHUNK_SLOTS], to))
		return false;
	pg_read_barrier();
	return pg_atomic_read_u32(&statements_takings[chunk]) == taking;
}

/* How many slots has a backend, that may hold something? */
static int
slots_of(const SharedBackend *backend)
{
	const volatile SharedBackend *b = backend;
	int			nslots = b->in_use ? b->nchunks * CHUNK_SLOTS : 0;

	pg_read_barrier();
	return nslots;
}

/* Adds a slot's counts to a row */
static void
merge_slot(StatementRow *row, SharedSlot *slot, const TableCopy *copy)
{
	StatementCounters counters;
	int			end;

	if (slot->reset_serial < copy->reset_serial)
		return;
	slot_counters(&slot->counters, &counters);
	end = counters_end_bucket(&counters);
	for (int i = counters_first_bucket(&counters); i < end; i++)
		row->histogram[i] += slot->histogram[i];
	if (slot->reset_serial < copy->minmax_serial)
		counters_clear_minmax(&counters);
	counters_add(&row->counters, &counters);
	row->usage += (double) slot->counters.exec.count;
}

static void
make_room(Reading *r, int max_rows)
{
	if (max_rows <= r->max_rows)
		return;
	r->max_rows = max_rows;
	r->rows = repalloc_huge(r->rows, sizeof(StatementRow) * max_rows);
	r->states = repalloc(r->states, sizeof(ReadRow) * max_rows);
	r->refs = repalloc(r->refs, sizeof(TableRef) * max_rows);
}

/* A row for a slot whose entry was evicted */
static int
add_orphan(Reading *r, const SharedSlot *slot)
{
	int			row = r->nrows++;

	make_room(r, r->nrows + 16);
	memset(&r->rows[row], 0, sizeof(StatementRow));
	memset(&r->states[row], 0, sizeof(ReadRow));
	r->rows[row].key = slot->key;
	counters_clear(&r->rows[row].counters);
	r->rows[row].stats_since = r->rows[row].minmax_since =
		slot->counters.last_seen;
	r->states[row].orphan = r->states[row].merge = true;
	r->states[row].copy.ref = slot->ref;
	return row;
}

/* The row that a slot's counts belong to; -1 if there is none */
static int
find_row(const Reading *r, const SharedSlot *slot)
{
	if (slot->ref.entry < table_entries())
	{
		uint32		row = r->row_of_entry[slot->ref.entry];

		if (row < r->nrows &&
			r->states[row].copy.ref.entry == slot->ref.entry &&
			r->states[row].copy.ref.incarnation == slot->ref.incarnation)
			return row;
	}

	/* evicted, but perhaps there is a new one */
	for (int row = 0; row < r->nrows; row++)
	{
		if (!r->states[row].gone &&
			statement_key_equal(&r->rows[row].key, &slot->key))
			return row;
	}
	return -1;
}

/* Adds the slots of all backends to those rows that want it */
static void
merge_slots(Reading *r, bool orphans)
{
	SharedSlot *buffer = r->buffer;

	pg_memory_barrier();
	for (int b = 0; b < statements_shared->nbackends; b++)
	{
		const SharedBackend *backend = &statements_backends[b];
		int			nslots = slots_of(backend);

		for (int s = 0; s < nslots; s++)
		{
			int			row;

			if (backend_slot(backend, s)->partition != r->partition ||
				!copy_backend_slot(backend, s, buffer) ||
				buffer->partition != r->partition)
				continue;
			row = find_row(r, buffer);
			if (row < 0 && orphans &&
				buffer->reset_serial >= table_void_before(r->partition))
				row = add_orphan(r, buffer);
			if (row >= 0 && r->states[row].merge && !r->states[row].gone)
				merge_slot(&r->rows[row], buffer, &r->states[row].copy);
		}
	}
	pg_memory_barrier();
}

/* Which rows have changed since they were copied?  How many are there? */
static int
find_changed(Reading *r)
{
	int			nchanged = 0;

	for (int row = 0; row < r->nrows; row++)
	{
		ReadRow    *state = &r->states[row];

		state->merge = !state->orphan && !state->gone &&
			table_changed(&state->copy);
		nchanged += state->merge;
	}
	return nchanged;
}

static void
copy_rows(Reading *r)
{
	for (int row = 0; row < r->nrows; row++)
	{
		ReadRow    *state = &r->states[row];

		if (state->merge)
			state->gone = !table_copy(&state->copy, &r->rows[row]);
	}
}

/* Copies the rows that have changed while nobody can change them */
static void
copy_quietly(Reading *r)
{
	LWLock	   *lock = shmem_lock(SHMEM_LOCK_PARTITION + r->partition);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	for (int row = 0; row < r->nrows; row++)
	{
		ReadRow    *state = &r->states[row];

		if (state->merge)
			state->gone = !table_quiet(&state->copy, &r->rows[row], true);
	}
	merge_slots(r, false);
	for (int row = 0; row < r->nrows; row++)
	{
		ReadRow    *state = &r->states[row];

		if (state->merge && !state->gone)
			(void) table_quiet(&state->copy, &r->rows[row], false);
	}
	LWLockRelease(lock);
}

/* Reads the counts of a partition */
static void
read_partition(Reading *r, int partition)
{
	int			n;

	r->partition = partition;
	while ((n = table_list(partition, r->refs, r->max_rows)) > r->max_rows)
		make_room(r, n + 16);
	r->nrows = n;
	for (int row = 0; row < n; row++)
	{
		ReadRow    *state = &r->states[row];

		state->copy.ref = r->refs[row];
		state->orphan = state->gone = false;
		state->merge = true;
		r->row_of_entry[r->refs[row].entry] = row;
	}

	copy_rows(r);
	merge_slots(r, true);
	for (int tries = 1; find_changed(r) > 0; tries++)
	{
		CHECK_FOR_INTERRUPTS();
		if (tries >= QUIET_TRIES)
		{
			copy_quietly(r);
			break;
		}
		copy_rows(r);
		merge_slots(r, false);
	}
}

/* Gives the rows of a partition their texts */
static void
read_texts(Reading *r, StringInfo texts)
{
	TableText  *found = palloc(sizeof(TableText) * Max(r->nrows, 1));

	resetStringInfo(texts);
	for (int row = 0; row < r->nrows; row++)
	{
		const ReadRow *state = &r->states[row];

		if (state->orphan || state->gone ||
			!table_copy_text(&state->copy.ref, texts, &found[row]))
			found[row].ref = TEXT_NONE;
	}

	/* they lie still now */
	for (int row = 0; row < r->nrows; row++)
	{
		StatementRow *target = &r->rows[row];

		if (found[row].ref == TEXT_NONE)
			continue;
		target->encoding = found[row].encoding;
		target->text = texts->data + found[row].offset;
		target->tables = target->text + found[row].length + 1;
	}
	pfree(found);
}

void
statements_read(bool with_text, StatementCallback callback, void *arg)
{
	Reading		r = {0};
	StringInfoData texts;

	r.buffer = palloc(sizeof(SharedSlot));
	r.row_of_entry = palloc0(sizeof(uint32) * table_entries());
	r.rows = palloc(1);
	r.states = palloc(1);
	r.refs = palloc(1);
	make_room(&r, table_entries() / STATEMENT_PARTITIONS + 64);
	initStringInfo(&texts);

	for (int partition = 0; partition < STATEMENT_PARTITIONS; partition++)
	{
		read_partition(&r, partition);
		for (int row = 0; row < r.nrows; row++)
		{
			r.rows[row].encoding = -1;
			r.rows[row].text = r.rows[row].tables = NULL;
		}
		if (with_text)
			read_texts(&r, &texts);

		for (int row = 0; row < r.nrows; row++)
		{
			const StatementCounters *c = &r.rows[row].counters;

			if (!r.states[row].gone &&
				(c->exec.count > 0 || c->plan.count > 0 || c->calls > 0))
				callback(arg, &r.rows[row]);
		}
	}

	pfree(r.rows);
	pfree(r.states);
	pfree(r.refs);
	pfree(r.buffer);
	pfree(r.row_of_entry);
	pfree(texts.data);
}

void
statements_pending(int backend, PendingCallback callback, void *arg)
{
	const SharedBackend *b = &statements_backends[backend];
	int			nslots = slots_of(b);
	SharedSlot	slot;
	StatementCounters counters;

	for (int i = 0; i < nslots; i++)
	{
		if (!copy_backend_slot(b, i, &slot) || slot.totalled)
			continue;
		slot_counters(&slot.counters, &counters);
		callback(arg, &slot.key, &counters, slot.histogram,
				 slot.reset_serial);
	}
}

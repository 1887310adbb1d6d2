/*-------------------------------------------------------------------------
 *
 * table_reset.c
 *		Resetting the statements in the table.
 *
 * src/statements/table_reset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "statements/planwaste.h"
#include "statements/table_internal.h"
#include "statements/totals.h"

void
table_reset_serials(const TableRef *ref, int partition, uint64 *entry_serial,
					uint64 *minmax)
{
	SharedStatement *entry = lock_statement(ref);

	*entry_serial = *minmax = table_void_before(partition);
	if (entry != NULL)
	{
		*entry_serial = entry->reset_serial;
		*minmax = entry->minmax_serial;
		SpinLockRelease(&entry->mutex);
	}
}

/* What a reset does */
typedef struct Reset
{
	Oid			userid;			/* of whom, 0: of all; so for the next two */
	Oid			dbid;
	uint64		queryid;
	bool		everything;		/* no count of before is left */
	bool		minmax_only;
	uint64		serial;
	TimestampTz now;
	bool		dropped;		/* a text, or an entry, that slots hold */
} Reset;

static bool
matches(const Reset *reset, const StatementKey *key)
{
	return (reset->userid == 0 || key->userid == reset->userid) &&
		(reset->dbid == 0 || key->dbid == reset->dbid) &&
		(reset->queryid == 0 || key->queryid == reset->queryid);
}

/* Resets the extremes of an entry; its partition's lock is held exclusively */
static void
reset_extremes(const Reset *reset, SharedStatement *entry)
{
	SpinLockAcquire(&entry->mutex);
	entry->changes++;
	entry->minmax_serial = reset->serial;
	entry->minmax_since = reset->now;
	counters_clear_minmax(&entry->counters);
	SpinLockRelease(&entry->mutex);
}

/*
 * Empties an entry that slots hold, and takes its text away.  False if no slot
 * holds it.
 */
static bool
empty_entry(Reset *reset, SharedStatement *entry)
{
	TextRef		text;

	SpinLockAcquire(&entry->mutex);
	if (entry->pins == 0)
	{
		SpinLockRelease(&entry->mutex);
		return false;
	}
	entry->changes++;
	entry->minmax_serial = entry->reset_serial = reset->serial;
	entry->minmax_since = entry->stats_since = reset->now;
	entry->usage = 0;
	counters_clear(&entry->counters);
	memset(&entry->facts, 0, sizeof(entry->facts));
	memset(entry->histogram, 0, sizeof(entry->histogram));
	memset(&entry->base, 0, sizeof(entry->base));
	text = entry->text;
	entry->text = TEXT_NONE;
	entry->text_changes++;
	SpinLockRelease(&entry->mutex);

	texts_free(text);
	reset->dropped = true;
	return true;
}

/*
 * Resets what matches in a chain, from *link on; its partition's lock is held
 * exclusively.  An entry goes, and its place is free, unless there may be
 * counts of it in slots that only its stamp makes void.
 */
static void
reset_chain(Reset *reset, uint32 *link)
{
	while (*link != NO_ENTRY)
	{
		uint32		i = *link;
		SharedStatement *entry = &table_statements[i];
		bool		gone = false;

		if (matches(reset, &entry->key))
		{
			if (reset->minmax_only)
				reset_extremes(reset, entry);
			else if (reset->everything || !empty_entry(reset, entry))
			{
				TextRef		text;

				reset->dropped |= table_unlink(link, &text);
				texts_free(text);
				table_give_free(i);
				gone = true;
			}
		}
		if (!gone)
			link = &entry->next;
	}
}

TimestampTz
statements_reset(Oid userid, Oid dbid, uint64 queryid, bool minmax_only)
{
	Reset		reset = {
		.userid = userid,
		.dbid = dbid,
		.queryid = queryid,
		.minmax_only = minmax_only,
		.everything = !minmax_only && userid == 0 && dbid == 0 && queryid == 0,
		.now = GetCurrentTimestamp()
	};

	/*
	 * Entries, or the partition, are stamped before the serial is published:
	 * an owner that sees it finds the stamp.
	 */
	LWLockAcquire(shmem_lock(SHMEM_LOCK_RESET), LW_EXCLUSIVE);
	reset.serial = pg_atomic_read_u64(&table_header->reset_serial) + 1;
	if (reset.everything)
		totals_reset(reset.serial);
	for (int partition = 0; partition < STATEMENT_PARTITIONS; partition++)
	{
		LWLockAcquire(partition_lock(partition), LW_EXCLUSIVE);
		if (reset.everything)
			pg_atomic_write_u64(&table_header->void_before[partition],
								reset.serial);
		for (uint32 b = partition; b < table_header->nbuckets;
			 b += STATEMENT_PARTITIONS)
			reset_chain(&reset, &table_buckets[b]);
		LWLockRelease(partition_lock(partition));
	}
	if (reset.dropped)
		pg_atomic_fetch_add_u32(&table_header->text_serial, 1);

	pg_atomic_write_u64(&table_header->reset_serial, reset.serial);

	if (reset.everything)
	{
		LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_EXCLUSIVE);
		for (int i = 0; i < EVICTED_DATABASES; i++)
		{
			table_header->evicted[i].dbid = InvalidOid;
			table_header->evicted[i].statements = 0;
			counters_clear(&table_header->evicted[i].counters);
		}
		LWLockRelease(shmem_lock(SHMEM_LOCK_EVICTED));
		pg_atomic_write_u64(&table_header->dealloc, 0);
		pg_atomic_write_u64(&table_header->texts_dropped, 0);
		pg_atomic_write_u64(&table_header->stats_reset, (uint64) reset.now);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_RESET));
	if (!minmax_only)
		planwaste_reset(userid, dbid, queryid);
	return reset.now;
}

/*-------------------------------------------------------------------------
 *
 * table_reset.c
 *		Resetting the statements in the table.
 *
 * src/table_reset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/timestamp.h"

#include "table_internal.h"
#include "totals.h"

void
table_reset_serials(const TableRef *ref, uint64 *entry_serial, uint64 *minmax)
{
	SharedStatement *entry = lock_statement(ref);

	*entry_serial = *minmax = 0;
	if (entry != NULL)
	{
		*entry_serial = entry->reset_serial;
		*minmax = entry->minmax_serial;
		SpinLockRelease(&entry->mutex);
	}
}

/* Resets an entry; its partition's lock is held exclusively */
static void
reset_entry(SharedStatement *entry, uint64 serial, TimestampTz now,
			bool minmax_only)
{
	SpinLockAcquire(&entry->mutex);
	entry->changes++;
	entry->minmax_serial = serial;
	entry->minmax_since = now;
	if (minmax_only)
		counters_clear_minmax(&entry->counters);
	else
	{
		entry->reset_serial = serial;
		entry->stats_since = now;
		entry->usage = 0;
		counters_clear(&entry->counters);
		memset(&entry->facts, 0, sizeof(entry->facts));
		memset(entry->histogram, 0, sizeof(entry->histogram));
	}
	SpinLockRelease(&entry->mutex);
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
	serial = pg_atomic_read_u64(&table_header->reset_serial) + 1;
	if (!minmax_only && userid == 0 && dbid == 0 && queryid == 0)
		totals_reset(serial);
	for (int partition = 0; partition < STATEMENT_PARTITIONS; partition++)
	{
		LWLockAcquire(partition_lock(partition), LW_EXCLUSIVE);
		for (uint32 b = partition; b < table_header->nbuckets;
			 b += STATEMENT_PARTITIONS)
		{
			for (uint32 i = table_buckets[b]; i != NO_ENTRY; i = table_statements[i].next)
			{
				SharedStatement *entry = &table_statements[i];

				if ((userid != 0 && entry->key.userid != userid) ||
					(dbid != 0 && entry->key.dbid != dbid) ||
					(queryid != 0 && entry->key.queryid != queryid))
					continue;

				reset_entry(entry, serial, now, minmax_only);
			}
		}
		LWLockRelease(partition_lock(partition));
	}

	pg_atomic_write_u64(&table_header->reset_serial, serial);

	if (!minmax_only && userid == 0 && dbid == 0 && queryid == 0)
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
		pg_atomic_write_u64(&table_header->stats_reset, (uint64) now);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_RESET));
	return now;
}

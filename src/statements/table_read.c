/*-------------------------------------------------------------------------
 *
 * table_read.c
 *		Reading the table of statements: what statements_read.c is made with,
 *		the sums of evicted statements, and how full the table is.
 *
 * src/statements/table_read.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "statements/table_internal.h"

int
table_list(int partition, TableRef *refs, int max)
{
	int			n = 0;

	LWLockAcquire(partition_lock(partition), LW_SHARED);
	for (uint32 b = partition; b < table_header->nbuckets;
		 b += STATEMENT_PARTITIONS)
	{
		for (uint32 i = table_buckets[b]; i != NO_ENTRY;
			 i = table_statements[i].next)
		{
			if (n < max)
			{
				refs[n].entry = i;
				refs[n].incarnation = table_statements[i].incarnation;
			}
			n++;
		}
	}
	LWLockRelease(partition_lock(partition));
	return n;
}

/* Copies an entry, whose mutex is held */
static void
copy_entry(const SharedStatement *entry, TableCopy *copy, StatementRow *row)
{
	row->key = entry->key;
	row->shape = entry->shape;
	row->counters = entry->counters;
	row->facts = entry->facts;
	memcpy(row->histogram, entry->histogram, sizeof(row->histogram));
	row->base = entry->base;
	row->stats_since = entry->stats_since;
	row->minmax_since = entry->minmax_since;
	row->usage = decayed_usage(entry);
	copy->changes = entry->changes;
	copy->reset_serial = entry->reset_serial;
	copy->minmax_serial = entry->minmax_serial;
}

bool
table_copy(TableCopy *copy, StatementRow *row)
{
	SharedStatement *entry = lock_statement(&copy->ref);

	if (entry == NULL)
		return false;
	copy_entry(entry, copy, row);
	SpinLockRelease(&entry->mutex);
	return true;
}

bool
table_changed(const TableCopy *copy)
{
	const volatile SharedStatement *entry =
	&table_statements[copy->ref.entry];

	return entry->changes != copy->changes;
}

bool
table_quiet(TableCopy *copy, StatementRow *row, bool quiet)
{
	SharedStatement *entry = lock_statement(&copy->ref);

	Assert(LWLockHeldByMeInMode(partition_lock(table_partition(&row->key)),
								LW_EXCLUSIVE));
	if (entry == NULL)
		return false;
	entry->quiet = quiet;
	if (quiet)
		copy_entry(entry, copy, row);
	SpinLockRelease(&entry->mutex);
	return true;
}

void
statements_info(StatementsInfo *info)
{
	SpinLockAcquire(&table_header->mutex);
	info->entries = table_header->count;
	SpinLockRelease(&table_header->mutex);
	info->limit = table_header->max;
	info->dealloc = pg_atomic_read_u64(&table_header->dealloc);
	info->texts_dropped = pg_atomic_read_u64(&table_header->texts_dropped);
	info->stats_reset = (TimestampTz) pg_atomic_read_u64(&table_header->stats_reset);
}

void
statements_evicted(EvictedCallback callback, void *arg)
{
	SharedEvicted *copy = palloc(sizeof(table_header->evicted));

	LWLockAcquire(shmem_lock(SHMEM_LOCK_EVICTED), LW_SHARED);
	memcpy(copy, table_header->evicted, sizeof(table_header->evicted));
	LWLockRelease(shmem_lock(SHMEM_LOCK_EVICTED));

	for (int i = 0; i < EVICTED_DATABASES; i++)
	{
		if (copy[i].statements > 0)
			callback(arg, copy[i].dbid, copy[i].statements,
					 &copy[i].counters);
	}
	pfree(copy);
}

/*-------------------------------------------------------------------------
 *
 * statements_run.h
 *		What every statement takes through the recording: inline, for hooks.c.
 *
 * src/statements/statements_run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_RUN_H
#define QW_STATEMENTS_RUN_H

#include "access/xact.h"
#include "executor/execdesc.h"

#include "statements/kept.h"

/* Has there been I/O that was timed? */
static pg_noinline bool
measure_has_times(const Measure *measure)
{
	int64		used[USAGE_NTIMES];
	int64		all = 0;

	compat_io_times(used, &pgBufferUsage, &measure->buffers);
	for (int i = 0; i < USAGE_NTIMES; i++)
		all |= used[i];
	return all != 0;
}

/*
 * Adds an execution that completed to its statement's slot, but for its usage.
 * The bucket is the one of "elapsed", and not full.
 */
static pg_attribute_always_inline void
slot_add_completed(SharedSlot *slot, uint64 elapsed, int bucket)
{
	SlotCounters *c = &slot->counters;

	times_record(&c->exec, elapsed);
	slot->histogram[bucket]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
}

/*
 * The statement's slot, ready to count one more execution.  Calls "describe"
 * where a reset has taken the statement's text.
 */
static pg_attribute_always_inline SharedSlot *
slot_to_count(StatementLocal *local, int bucket,
			  void (*describe) (int slot, QueryDesc *queryDesc),
			  QueryDesc *queryDesc)
{
	SharedSlot *slot = local->slot;

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
	{
		statements_heed_reset(local);
		if (describe != NULL && !statement_described(local))
			describe(statements_number(local), queryDesc);
	}
	if (unlikely(slot->histogram[bucket] == SLOT_BUCKET_MAX))
		statements_empty_slot(local);
	return slot;
}

/*
 * Adds an execution that completed in one run, and its planning.  Lock-free, but
 * for a slot that has to be emptied.  "rare" is measure_used_rare().  Returns
 * whether it wrote WAL.
 */
static pg_attribute_always_inline bool
statements_record_run(StatementLocal *local, uint64 elapsed, uint64 rows,
					  const Measure *measure, bool rare,
					  void (*describe) (int slot, QueryDesc *queryDesc),
					  QueryDesc *queryDesc)
{
	SharedSlot *slot;
	int			bucket;
	bool		wrote;

	if (unlikely(local->slot == NULL))
		return kept_record_run(statements_number(local), elapsed, rows,
							   measure);
	bucket = histogram_bucket(elapsed);
	slot = slot_to_count(local, bucket, describe, queryDesc);
	if (unlikely(rare && measure->io_timing && measure_has_times(measure)))
		return kept_record_elsewhere(statements_number(local), elapsed, rows,
									 measure);

	slot_write_begins(slot);
	if (unlikely(local->planned != 0))
		slot_add_planned(slot, local);
	slot_add_completed(slot, elapsed, bucket);
	slot->counters.rows += rows;
	measure_add_hits(measure, slot->counters.blocks);
	if (unlikely(rare))
		measure_add_rare(measure, slot->counters.blocks);
	wrote = measure_wrote(measure);
	if (unlikely(wrote))
		measure_add_wal(measure, slot->counters.wal);
	slot_write_ends(slot);
	return wrote;
}

/*
 * The same for a command that uses nothing, of a statement that has a slot; no
 * planning can be waiting for it.
 */
static pg_attribute_always_inline void
statements_record_command(StatementLocal *local, uint64 elapsed)
{
	int			bucket = histogram_bucket(elapsed);
	SharedSlot *slot = slot_to_count(local, bucket, NULL, NULL);

	slot_write_begins(slot);
	slot_add_completed(slot, elapsed, bucket);
	slot_write_ends(slot);
}

/* Adds time between statements */
static inline void
statements_record_client(const StatementLocal *local, uint64 elapsed)
{
	SharedSlot *slot = local->slot;

	if (unlikely(slot == NULL))
	{
		kept_record_client(statements_number(local), elapsed);
		return;
	}
	slot_add_client_time(slot, elapsed);
}

#endif							/* QW_STATEMENTS_RUN_H */

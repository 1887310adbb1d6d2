/*-------------------------------------------------------------------------
 *
 * statements_run.h
 *		What every statement takes through the recording: inline, for hooks.c.
 *
 * src/statements_run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_RUN_H
#define QW_STATEMENTS_RUN_H

#include "access/xact.h"
#include "executor/execdesc.h"

#include "kept.h"

/* Adds an execution that completed to its statement's slot, but for its usage */
static pg_attribute_always_inline void
slot_add_completed(SharedSlot *slot, uint64 elapsed)
{
	StatementCounters *c = &slot->counters;

	times_record(&c->exec, elapsed);
	slot->histogram[histogram_bucket(elapsed)]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	c->calls++;
}

/*
 * Adds an execution that completed in one run, and its planning.  Lock-free.
 * Calls "describe" where a reset has taken the statement's text.  Returns
 * whether it wrote WAL.
 */
static pg_attribute_always_inline bool
statements_record_run(StatementLocal *local, uint64 elapsed, uint64 rows,
					  const Measure *measure,
					  void (*describe) (int slot, QueryDesc *queryDesc),
					  QueryDesc *queryDesc)
{
	SharedSlot *slot = local->slot;
	bool		wrote;

	if (unlikely(slot == NULL))
		return kept_record_run(statements_number(local), elapsed, rows,
							   measure);

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
	{
		statements_heed_reset(slot);
		if (!statement_described(local))
			describe(statements_number(local), queryDesc);
	}

	slot_write_begins(slot);
	if (unlikely(local->planned != 0))
		slot_add_planned(slot, local);
	slot_add_completed(slot, elapsed);
	slot->counters.rows += rows;
	wrote = measure_add_usage(measure, &slot->counters.usage);
	slot_write_ends(slot);
	return wrote;
}

/*
 * The same for a command that uses nothing, of a statement that has a slot; no
 * planning can be waiting for it.
 */
static pg_attribute_always_inline void
statements_record_command(const StatementLocal *local, uint64 elapsed)
{
	SharedSlot *slot = local->slot;

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		statements_heed_reset(slot);

	slot_write_begins(slot);
	slot_add_completed(slot, elapsed);
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
	slot_write_begins(slot);
	slot->counters.client_time += (int64) elapsed;
	slot_write_ends(slot);
}

#endif							/* QW_STATEMENTS_RUN_H */

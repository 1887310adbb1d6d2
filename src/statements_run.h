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

/*
 * Adds an execution that completed in one run, and its planning.  Lock-free.
 * Calls "describe" where a reset has taken the statement's text.  Returns
 * whether it wrote WAL.
 */
static pg_attribute_always_inline bool
statements_record_run(int slot_number, uint64 elapsed, uint64 rows,
					  const Measure *measure,
					  void (*describe) (int slot, QueryDesc *queryDesc),
					  QueryDesc *queryDesc)
{
	SharedSlot *slot;
	StatementCounters *c;
	bool		wrote;

	if (unlikely(slot_number >= FIRST_KEPT))
		return kept_record_run(slot_number, elapsed, rows, measure);

	slot = &statements_mine->slots[slot_number];
	c = &slot->counters;
	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
	{
		statements_heed_reset(slot);
		if (!statements_described(slot_number))
			describe(slot_number, queryDesc);
	}

	slot_write_begins(slot);
	if (statements_locals[slot_number].planned != 0)
		slot_add_planned(slot, &statements_locals[slot_number]);
	times_record(&c->exec, elapsed);
	slot->histogram[histogram_bucket(elapsed)]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	c->calls++;
	c->rows += rows;
	wrote = measure_add_usage(measure, &c->usage);
	slot_write_ends(slot);
	return wrote;
}

/*
 * The same for a command that uses nothing, of a statement that has a slot; no
 * planning can be waiting for it.
 */
static pg_attribute_always_inline void
statements_record_command(int slot_number, uint64 elapsed)
{
	SharedSlot *slot = &statements_mine->slots[slot_number];
	StatementCounters *c = &slot->counters;

	if (unlikely(slot->reset_serial != pg_atomic_read_u64(table_reset_serial)))
		statements_heed_reset(slot);

	slot_write_begins(slot);
	times_record(&c->exec, elapsed);
	slot->histogram[histogram_bucket(elapsed)]++;
	c->last_seen = GetCurrentStatementStartTimestamp();
	c->calls++;
	slot_write_ends(slot);
}

#endif							/* QW_STATEMENTS_RUN_H */

/*-------------------------------------------------------------------------
 *
 * snapshot_layout.c
 *		What lies where in the records of a snapshot.
 *
 * Every field that is saved is listed here, in the order of its struct; a
 * unit test finds those that are left out.
 *
 * src/snapshot/snapshot_layout.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "snapshot/snapshot_layout.h"

/* A field of the struct TYPE, and one that is an array */
#define FIELD_OR(member, missing) \
	{#member, offsetof(TYPE, member), sizeof(((TYPE *) 0)->member), 1, missing}
#define FIELD(member)	FIELD_OR(member, 0)
#define ARRAY_OR(member, missing) \
	{#member, offsetof(TYPE, member), sizeof(((TYPE *) 0)->member[0]), \
	lengthof(((TYPE *) 0)->member), missing}
#define ARRAY(member)	ARRAY_OR(member, 0)

#define TIMES(t) \
	FIELD(t.total), FIELD(t.min), FIELD(t.max), FIELD(t.squares_low), \
	FIELD(t.squares_high), FIELD(t.count)

#define COUNTERS(c) \
	FIELD(c.calls), FIELD(c.errors), FIELD(c.cancels), FIELD(c.timeouts), \
	FIELD(c.slow_calls), FIELD(c.rows), TIMES(c.exec), TIMES(c.plan), \
	ARRAY(c.usage.blocks), ARRAY(c.usage.times), ARRAY(c.usage.wal), \
	ARRAY(c.jit.count), ARRAY(c.jit.time), FIELD(c.workers_planned), \
	FIELD(c.workers_launched), FIELD(c.generic_plan_calls), \
	FIELD(c.custom_plan_calls), FIELD(c.client_time), FIELD(c.last_seen), \
	FIELD(c.last_slow)

#define TOTALS(c) \
	FIELD(c.executions), FIELD(c.errors), FIELD(c.cancels), \
	FIELD(c.timeouts), FIELD(c.slow), FIELD(c.rows), FIELD(c.plans), \
	FIELD(c.exec_time), FIELD(c.plan_time), FIELD(c.client_time), \
	FIELD(c.busy_time), ARRAY(c.blocks), FIELD(c.wal_bytes), ARRAY(c.latency)

#define TYPE StatementsInfo
static const SnapshotField statements_fields[] = {
	FIELD(entries), FIELD(limit), FIELD(dealloc), FIELD(texts_dropped),
	FIELD(stats_reset)
};
#undef TYPE

#define TYPE SnapshotStatement
static const SnapshotField statement_fields[] = {
	FIELD(texts_length),
	FIELD(row.key.queryid), FIELD(row.key.userid), FIELD(row.key.dbid),
	FIELD(row.key.toplevel),
	FIELD(row.shape.command), FIELD(row.shape.nrelations),
	FIELD(row.shape.nconditions), FIELD(row.shape.unused),
	FIELD(row.shape.flags), FIELD(row.shape.noutput), FIELD(row.shape.target),
	FIELD(row.shape.offset_value), ARRAY(row.shape.relations),
	ARRAY(row.shape.not_returned),
	ARRAY(row.shape.conditions),
	COUNTERS(row.counters),
	FIELD(row.facts.large_rows), FIELD(row.facts.large_time),
	FIELD(row.facts.large_calls), FIELD(row.facts.max_rows),
	FIELD(row.facts.offset_rows), FIELD(row.facts.offset_time),
	FIELD(row.facts.offset_calls), FIELD(row.facts.max_offset),
	FIELD(row.facts.spill_time), FIELD(row.facts.spill_calls),
	FIELD(row.facts.max_spill_blocks), FIELD(row.facts.work_mem),
	FIELD(row.facts.work_mem_had), FIELD(row.facts.spilled),
	FIELD(row.facts.idle_calls), FIELD(row.facts.idle_time),
	FIELD(row.facts.max_idle), FIELD(row.facts.blocked),
	FIELD(row.facts.timeout_time), FIELD(row.facts.scan_read),
	FIELD(row.facts.scan_discarded), FIELD(row.facts.scan_relid),
	FIELD(row.facts.scans), FIELD(row.facts.scan_columns),
	FIELD(row.facts.row_bytes), FIELD(row.facts.rows_measured),
	ARRAY(row.facts.widest), FIELD(row.facts.observed),
	ARRAY(row.facts.widest_relid), ARRAY(row.facts.widest_bytes),
	ARRAY(row.histogram),
	FIELD(row.base.executions), FIELD(row.base.failures),
	FIELD(row.base.rows), FIELD(row.base.exec_time),
	FIELD(row.stats_since), FIELD(row.minmax_since), FIELD(row.usage),
	FIELD(row.encoding), FIELD(row.unused)
};
#undef TYPE

#define TYPE SnapshotEvicted
static const SnapshotField evicted_fields[] = {
	FIELD(dbid), FIELD(reserved), FIELD(statements), COUNTERS(counters)
};
#undef TYPE

#define TYPE SlowringState
static const SnapshotField slowlog_fields[] = {
	FIELD(last_id), FIELD(oldest_id), FIELD(recorded), FIELD(overwritten),
	FIELD(dropped)
};
#undef TYPE

#define TYPE SharedSlowRecord
static const SnapshotField slow_fields[] = {
	FIELD(size), FIELD(encoding), FIELD(id), FIELD(started_at),
	FIELD(key.queryid), FIELD(key.userid), FIELD(key.dbid),
	FIELD(key.toplevel), FIELD(elapsed), FIELD(plan_time), FIELD(rows),
	FIELD(outcome), FIELD(sqlstate), FIELD(pid), FIELD(query_form),
	FIELD(shared_blks_hit), FIELD(shared_blks_read),
	FIELD(temp_blks_written), FIELD(wal_bytes), FIELD(blocker_time),
	FIELD(blocker_queryid), FIELD(blocker_userid), FIELD(blocker_dbid),
	FIELD_OR(blocker_pid, 0xFF), FIELD(nvalues),
	ARRAY_OR(lengths, 0xFF)
};
#undef TYPE

#define TYPE PatternsState
static const SnapshotField patterns_fields[] = {
	FIELD(dropped), FIELD(routes_folded), FIELD(nroutes), ARRAY(routes),
	FIELD(applications_folded), FIELD(napplications), ARRAY(applications),
	ARRAY(counts.counts)
};
#undef TYPE

#define TYPE Pattern
static const SnapshotField pattern_fields[] = {
	FIELD(key.kind), FIELD(key.userid), FIELD(key.dbid), FIELD(key.queryid),
	FIELD(key.parent), FIELD(key.application), FIELD(key.route),
	FIELD(key.parent_queryid),
	ARRAY(strings.application_name), ARRAY(strings.route),
	ARRAY(strings.trace_id), ARRAY(strings.key_column),
	ARRAY(strings.parent_column), ARRAY(strings.constraint_name),
	ARRAY(strings.framework), FIELD(strings.nvalues), ARRAY(strings.values),
	FIELD(strings.encoding),
	FIELD(confidence), FIELD(relationship), FIELD(bursts), FIELD(executions),
	FIELD(max_burst), FIELD(distinct_values), FIELD(rows),
	FIELD(transactions), FIELD(bursts_one_transaction),
	FIELD(bursts_committed_alone), FIELD(parent_executions),
	FIELD(parent_rows), FIELD(values_compared), FIELD(values_matched),
	FIELD(bursts_values_confirm), FIELD(bursts_values_doubt),
	FIELD(max_offset), FIELD(varied), FIELD(key_relid), FIELD(parent_relid),
	FIELD(key_attnum), FIELD(parent_attnum), FIELD(exec_time),
	FIELD(burst_time), FIELD(time_lost), FIELD(first_seen), FIELD(last_seen)
};
#undef TYPE

#define TYPE DatabaseTotals
static const SnapshotField totals_fields[] = {
	FIELD(dbid), TOTALS(counts), TOTALS(base)
};
#undef TYPE

#define TYPE ErrorTotal
static const SnapshotField errors_fields[] = {
	FIELD(dbid), FIELD(sqlstate_class), FIELD(count)
};
#undef TYPE

#define TYPE SnapshotBase
static const SnapshotField base_fields[] = {
	FIELD(dealloc), FIELD(texts_dropped), FIELD(patterns_dropped),
	FIELD(slow_overwritten)
};
#undef TYPE

#define TYPE WaitsInfo
static const SnapshotField waits_fields[] = {
	FIELD(entries), FIELD(limit), FIELD(evicted), FIELD(samples), FIELD(folded)
};
#undef TYPE

#define TYPE WaitEntry
static const SnapshotField wait_fields[] = {
	FIELD(key.queryid), FIELD(key.dbid), FIELD(key.userid),
	FIELD(key.application), FIELD(key.event), FIELD(samples),
	FIELD(total_time), FIELD(last_seen), ARRAY(application), ARRAY(type),
	ARRAY(event)
};
#undef TYPE

#define TYPE PlanWasteInfo
static const SnapshotField planwastes_fields[] = {
	FIELD(evicted), FIELD(changes)
};
#undef TYPE

#define TYPE PlanWaste
static const SnapshotField planwaste_fields[] = {
	FIELD(key.queryid), FIELD(key.userid), FIELD(key.dbid),
	FIELD(key.toplevel), FIELD(key.padding), FIELD(last_seen),
	FIELD(scan.read), FIELD(scan.discarded), FIELD(scan.executions),
	FIELD(scan.pages), FIELD(scan.relid), FIELD(scan.index),
	FIELD(scan.columns), FIELD(scan.pattern), FIELD(scan.how),
	FIELD(scan.ordered),
	FIELD(triggers.scans), FIELD(triggers.rows), FIELD(triggers.time),
	FIELD(triggers.executions), FIELD(triggers.constraint),
	FIELD(triggers.relid)
};
#undef TYPE

#define TYPE LockWaitsInfo
static const SnapshotField lockwaits_fields[] = {
	FIELD(entries), FIELD(evicted)
};
#undef TYPE

#define TYPE LockWait
static const SnapshotField lockwait_fields[] = {
	FIELD(key.queryid), FIELD(key.dbid), FIELD(key.userid),
	FIELD(key.blocker_queryid), FIELD(key.blocker_dbid),
	FIELD(key.blocker_userid), FIELD(key.blocker_application),
	FIELD(key.lock_type), FIELD(key.blocker), FIELD(executions),
	FIELD(samples), FIELD(waited), FIELD(waited_before), FIELD(elapsed),
	FIELD(longest),
	FIELD(blocker_time), FIELD(queued_queryid), FIELD(queued_dbid),
	FIELD(queued_userid), FIELD(first_seen), FIELD(last_seen),
	ARRAY(blocker_application), ARRAY(blocker_state)
};
#undef TYPE

#define LAYOUT(type, version, name, struct, fields) \
	[type] = {{type, version, sizeof(struct), lengthof(fields), name}, fields}

static const struct
{
	SnapshotLayout layout;
	const SnapshotField *fields;
}			layouts[SNAPSHOT_NTYPES] =

{
	LAYOUT(SNAPSHOT_STATEMENTS, 1, "statement info", StatementsInfo,
		   statements_fields),
	LAYOUT(SNAPSHOT_STATEMENT, 1, "statements", SnapshotStatement,
		   statement_fields),
	LAYOUT(SNAPSHOT_EVICTED, 1, "evicted", SnapshotEvicted, evicted_fields),
	LAYOUT(SNAPSHOT_SLOWLOG, 1, "slow log", SlowringState, slowlog_fields),
	LAYOUT(SNAPSHOT_SLOW, 1, "slow", SharedSlowRecord, slow_fields),
	LAYOUT(SNAPSHOT_PATTERNS, 1, "pattern info", PatternsState,
		   patterns_fields),
	LAYOUT(SNAPSHOT_PATTERN, 1, "patterns", Pattern, pattern_fields),
	LAYOUT(SNAPSHOT_TOTALS, 1, "totals", DatabaseTotals, totals_fields),
	LAYOUT(SNAPSHOT_ERRORS, 1, "errors", ErrorTotal, errors_fields),
	LAYOUT(SNAPSHOT_BASE, 1, "metrics", SnapshotBase, base_fields),
	LAYOUT(SNAPSHOT_WAITS, 1, "wait info", WaitsInfo, waits_fields),
	LAYOUT(SNAPSHOT_WAIT, 1, "waits", WaitEntry, wait_fields),
	LAYOUT(SNAPSHOT_PLANWASTES, 1, "plan info", PlanWasteInfo,
		   planwastes_fields),
	LAYOUT(SNAPSHOT_PLANWASTE, 1, "plans", PlanWaste, planwaste_fields),
	LAYOUT(SNAPSHOT_LOCKWAITS, 1, "lock wait info", LockWaitsInfo,
		   lockwaits_fields),
	LAYOUT(SNAPSHOT_LOCKWAIT, 1, "lock waits", LockWait, lockwait_fields)
};

const SnapshotLayout *
snapshot_layout(uint32 type, const SnapshotField **fields)
{
	if (type >= SNAPSHOT_NTYPES || layouts[type].fields == NULL)
		return NULL;
	*fields = layouts[type].fields;
	return &layouts[type].layout;
}

/*
 * Format 2, of the versions before 1.0
 */

static const SnapshotField fields_2[] = {
#include "snapshot/snapshot_format2.h"
};

const SnapshotLayout *
snapshot_layout_2(uint32 type, const SnapshotField **fields)
{
	static const struct
	{
		SnapshotLayout layout;
		int			first;		/* of its fields */
	}			layouts_2[] = {
		SNAPSHOT_LAYOUTS_2
	};

	for (int i = 0; i < lengthof(layouts_2); i++)
	{
		if (layouts_2[i].layout.type == type)
		{
			*fields = fields_2 + layouts_2[i].first;
			return &layouts_2[i].layout;
		}
	}
	return NULL;
}

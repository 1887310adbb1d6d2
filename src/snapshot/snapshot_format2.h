/*-------------------------------------------------------------------------
 *
 * snapshot_format2.h
 *		The layout of snapshots of format 2, on 64-bit machines.
 *
 * Written once, from the build that wrote such files; it never changes.
 * Included by snapshot_layout.c for the rows; SNAPSHOT_LAYOUTS_2 says which
 * of them, from which on, are a part's.
 *
 * src/snapshot/snapshot_format2.h
 *
 *-------------------------------------------------------------------------
 */
#define SNAPSHOT_LAYOUTS_2 \
	{{1, 1, 40, 5, "statement info"}, 0}, \
	{{2, 1, 1912, 85, "statements"}, 5}, \
	{{3, 1, 456, 33, "evicted"}, 90}, \
	{{4, 1, 32, 4, "slow log"}, 123}, \
	{{5, 1, 152, 21, "slow"}, 127}, \
	{{6, 1, 1192, 5, "pattern info"}, 148}, \
	{{7, 1, 1080, 44, "patterns"}, 153}, \
	{{8, 1, 728, 29, "totals"}, 197}, \
	{{9, 1, 16, 3, "errors"}, 226}, \
	{{10, 1, 32, 4, "metrics"}, 229}

 /* statement info */
{
	"entries", 0, 8, 1, 0
},

{
	"limit", 8, 8, 1, 0
},

{
	"dealloc", 16, 8, 1, 0
},

{
	"texts_dropped", 24, 8, 1, 0
},

{
	"stats_reset", 32, 8, 1, 0
},

 /* statements */
{
	"texts_length", 0, 8, 1, 0
},

{
	"row.key.queryid", 8, 8, 1, 0
},

{
	"row.key.userid", 16, 4, 1, 0
},

{
	"row.key.dbid", 20, 4, 1, 0
},

{
	"row.key.toplevel", 24, 4, 1, 0
},

{
	"row.shape.command", 32, 1, 1, 0
},

{
	"row.shape.nrelations", 33, 1, 1, 0
},

{
	"row.shape.nconditions", 34, 1, 1, 0
},

{
	"row.shape.unused", 35, 1, 1, 0
},

{
	"row.shape.flags", 36, 2, 1, 0
},

{
	"row.shape.noutput", 38, 2, 1, 0
},

{
	"row.shape.target", 40, 4, 1, 0
},

{
	"row.shape.offset_value", 44, 4, 1, 0
},

{
	"row.shape.relations", 48, 4, 8, 0
},

{
	"row.shape.conditions", 80, 12, 6, 0
},

{
	"row.counters.calls", 152, 8, 1, 0
},

{
	"row.counters.errors", 160, 8, 1, 0
},

{
	"row.counters.cancels", 168, 8, 1, 0
},

{
	"row.counters.timeouts", 176, 8, 1, 0
},

{
	"row.counters.slow_calls", 184, 8, 1, 0
},

{
	"row.counters.rows", 192, 8, 1, 0
},

{
	"row.counters.exec.total", 200, 8, 1, 0
},

{
	"row.counters.exec.min", 208, 8, 1, 0
},

{
	"row.counters.exec.max", 216, 8, 1, 0
},

{
	"row.counters.exec.squares_low", 224, 8, 1, 0
},

{
	"row.counters.exec.squares_high", 232, 8, 1, 0
},

{
	"row.counters.exec.count", 240, 8, 1, 0
},

{
	"row.counters.plan.total", 248, 8, 1, 0
},

{
	"row.counters.plan.min", 256, 8, 1, 0
},

{
	"row.counters.plan.max", 264, 8, 1, 0
},

{
	"row.counters.plan.squares_low", 272, 8, 1, 0
},

{
	"row.counters.plan.squares_high", 280, 8, 1, 0
},

{
	"row.counters.plan.count", 288, 8, 1, 0
},

{
	"row.counters.usage.blocks", 296, 8, 10, 0
},

{
	"row.counters.usage.times", 376, 8, 6, 0
},

{
	"row.counters.usage.wal", 424, 8, 4, 0
},

{
	"row.counters.jit.count", 456, 8, 5, 0
},

{
	"row.counters.jit.time", 496, 8, 5, 0
},

{
	"row.counters.workers_planned", 536, 8, 1, 0
},

{
	"row.counters.workers_launched", 544, 8, 1, 0
},

{
	"row.counters.generic_plan_calls", 552, 8, 1, 0
},

{
	"row.counters.custom_plan_calls", 560, 8, 1, 0
},

{
	"row.counters.client_time", 568, 8, 1, 0
},

{
	"row.counters.last_seen", 576, 8, 1, 0
},

{
	"row.counters.last_slow", 584, 8, 1, 0
},

{
	"row.facts.large_rows", 592, 8, 1, 0
},

{
	"row.facts.large_time", 600, 8, 1, 0
},

{
	"row.facts.large_calls", 608, 4, 1, 0
},

{
	"row.facts.max_rows", 612, 4, 1, 0
},

{
	"row.facts.offset_rows", 616, 8, 1, 0
},

{
	"row.facts.offset_time", 624, 8, 1, 0
},

{
	"row.facts.offset_calls", 632, 4, 1, 0
},

{
	"row.facts.max_offset", 636, 4, 1, 0
},

{
	"row.facts.spill_time", 640, 8, 1, 0
},

{
	"row.facts.spill_calls", 648, 4, 1, 0
},

{
	"row.facts.max_spill_blocks", 652, 4, 1, 0
},

{
	"row.facts.work_mem", 656, 4, 1, 0
},

{
	"row.facts.work_mem_had", 660, 4, 1, 0
},

{
	"row.facts.spilled", 664, 1, 1, 0
},

{
	"row.facts.idle_calls", 668, 4, 1, 0
},

{
	"row.facts.idle_time", 672, 8, 1, 0
},

{
	"row.facts.max_idle", 680, 4, 1, 0
},

{
	"row.facts.blocked", 684, 4, 1, 0
},

{
	"row.facts.timeout_time", 688, 8, 1, 0
},

{
	"row.facts.scan_read", 696, 8, 1, 0
},

{
	"row.facts.scan_discarded", 704, 8, 1, 0
},

{
	"row.facts.scan_relid", 712, 4, 1, 0
},

{
	"row.facts.scans", 716, 4, 1, 0
},

{
	"row.facts.scan_columns", 720, 20, 1, 0
},

{
	"row.facts.row_bytes", 744, 8, 1, 0
},

{
	"row.facts.rows_measured", 752, 4, 1, 0
},

{
	"row.facts.widest", 756, 2, 3, 0
},

{
	"row.facts.observed", 762, 2, 1, 0
},

{
	"row.facts.widest_relid", 764, 4, 3, 0
},

{
	"row.facts.widest_bytes", 776, 4, 3, 0
},

{
	"row.histogram", 792, 8, 130, 0
},

{
	"row.base.executions", 1832, 8, 1, 0
},

{
	"row.base.failures", 1840, 8, 1, 0
},

{
	"row.base.rows", 1848, 8, 1, 0
},

{
	"row.base.exec_time", 1856, 8, 1, 0
},

{
	"row.stats_since", 1864, 8, 1, 0
},

{
	"row.minmax_since", 1872, 8, 1, 0
},

{
	"row.usage", 1880, 8, 1, 0
},

{
	"row.encoding", 1888, 4, 1, 0
},

{
	"row.unused", 1892, 4, 1, 0
},

 /* evicted */
{
	"dbid", 0, 4, 1, 0
},

{
	"reserved", 4, 4, 1, 0
},

{
	"statements", 8, 8, 1, 0
},

{
	"counters.calls", 16, 8, 1, 0
},

{
	"counters.errors", 24, 8, 1, 0
},

{
	"counters.cancels", 32, 8, 1, 0
},

{
	"counters.timeouts", 40, 8, 1, 0
},

{
	"counters.slow_calls", 48, 8, 1, 0
},

{
	"counters.rows", 56, 8, 1, 0
},

{
	"counters.exec.total", 64, 8, 1, 0
},

{
	"counters.exec.min", 72, 8, 1, 0
},

{
	"counters.exec.max", 80, 8, 1, 0
},

{
	"counters.exec.squares_low", 88, 8, 1, 0
},

{
	"counters.exec.squares_high", 96, 8, 1, 0
},

{
	"counters.exec.count", 104, 8, 1, 0
},

{
	"counters.plan.total", 112, 8, 1, 0
},

{
	"counters.plan.min", 120, 8, 1, 0
},

{
	"counters.plan.max", 128, 8, 1, 0
},

{
	"counters.plan.squares_low", 136, 8, 1, 0
},

{
	"counters.plan.squares_high", 144, 8, 1, 0
},

{
	"counters.plan.count", 152, 8, 1, 0
},

{
	"counters.usage.blocks", 160, 8, 10, 0
},

{
	"counters.usage.times", 240, 8, 6, 0
},

{
	"counters.usage.wal", 288, 8, 4, 0
},

{
	"counters.jit.count", 320, 8, 5, 0
},

{
	"counters.jit.time", 360, 8, 5, 0
},

{
	"counters.workers_planned", 400, 8, 1, 0
},

{
	"counters.workers_launched", 408, 8, 1, 0
},

{
	"counters.generic_plan_calls", 416, 8, 1, 0
},

{
	"counters.custom_plan_calls", 424, 8, 1, 0
},

{
	"counters.client_time", 432, 8, 1, 0
},

{
	"counters.last_seen", 440, 8, 1, 0
},

{
	"counters.last_slow", 448, 8, 1, 0
},

 /* slow log */
{
	"last_id", 0, 8, 1, 0
},

{
	"recorded", 8, 8, 1, 0
},

{
	"overwritten", 16, 8, 1, 0
},

{
	"dropped", 24, 8, 1, 0
},

 /* slow */
{
	"size", 0, 4, 1, 0
},

{
	"encoding", 4, 4, 1, 0
},

{
	"id", 8, 8, 1, 0
},

{
	"started_at", 16, 8, 1, 0
},

{
	"key.queryid", 24, 8, 1, 0
},

{
	"key.userid", 32, 4, 1, 0
},

{
	"key.dbid", 36, 4, 1, 0
},

{
	"key.toplevel", 40, 4, 1, 0
},

{
	"elapsed", 48, 8, 1, 0
},

{
	"plan_time", 56, 8, 1, 0
},

{
	"rows", 64, 8, 1, 0
},

{
	"outcome", 72, 4, 1, 0
},

{
	"sqlstate", 76, 4, 1, 0
},

{
	"pid", 80, 4, 1, 0
},

{
	"query_form", 84, 4, 1, 0
},

{
	"shared_blks_hit", 88, 8, 1, 0
},

{
	"shared_blks_read", 96, 8, 1, 0
},

{
	"temp_blks_written", 104, 8, 1, 0
},

{
	"wal_bytes", 112, 8, 1, 0
},

{
	"nvalues", 120, 4, 1, 0
},

{
	"lengths", 124, 4, 7, 255
},

 /* pattern info */
{
	"dropped", 0, 8, 1, 0
},

{
	"routes_folded", 8, 8, 1, 0
},

{
	"nroutes", 16, 8, 1, 0
},

{
	"routes", 24, 8, 50, 0
},

{
	"counts.counts", 424, 96, 8, 0
},

 /* patterns */
{
	"key.kind", 0, 4, 1, 0
},

{
	"key.userid", 4, 4, 1, 0
},

{
	"key.dbid", 8, 4, 1, 0
},

{
	"key.queryid", 16, 8, 1, 0
},

{
	"key.parent_queryid", 24, 8, 1, 0
},

{
	"key.application", 32, 8, 1, 0
},

{
	"key.route", 40, 8, 1, 0
},

{
	"strings.application_name", 48, 1, 64, 0
},

{
	"strings.route", 112, 1, 96, 0
},

{
	"strings.trace_id", 208, 1, 33, 0
},

{
	"strings.key_column", 241, 1, 128, 0
},

{
	"strings.parent_column", 369, 1, 128, 0
},

{
	"strings.constraint_name", 497, 1, 64, 0
},

{
	"strings.framework", 561, 1, 64, 0
},

{
	"strings.nvalues", 628, 4, 1, 0
},

{
	"strings.values", 632, 1, 256, 0
},

{
	"strings.encoding", 888, 4, 1, 0
},

{
	"confidence", 892, 4, 1, 0
},

{
	"relationship", 896, 4, 1, 0
},

{
	"bursts", 904, 8, 1, 0
},

{
	"executions", 912, 8, 1, 0
},

{
	"max_burst", 920, 8, 1, 0
},

{
	"distinct_values", 928, 8, 1, 0
},

{
	"rows", 936, 8, 1, 0
},

{
	"transactions", 944, 8, 1, 0
},

{
	"bursts_one_transaction", 952, 8, 1, 0
},

{
	"bursts_committed_alone", 960, 8, 1, 0
},

{
	"parent_executions", 968, 8, 1, 0
},

{
	"parent_rows", 976, 8, 1, 0
},

{
	"values_compared", 984, 8, 1, 0
},

{
	"values_matched", 992, 8, 1, 0
},

{
	"bursts_values_confirm", 1000, 8, 1, 0
},

{
	"bursts_values_doubt", 1008, 8, 1, 0
},

{
	"max_offset", 1016, 8, 1, 0
},

{
	"varied", 1024, 2, 1, 0
},

{
	"key_relid", 1028, 4, 1, 0
},

{
	"parent_relid", 1032, 4, 1, 0
},

{
	"key_attnum", 1036, 2, 1, 0
},

{
	"parent_attnum", 1038, 2, 1, 0
},

{
	"exec_time", 1040, 8, 1, 0
},

{
	"burst_time", 1048, 8, 1, 0
},

{
	"time_lost", 1056, 8, 1, 0
},

{
	"first_seen", 1064, 8, 1, 0
},

{
	"last_seen", 1072, 8, 1, 0
},

 /* totals */
{
	"dbid", 0, 4, 1, 0
},

{
	"counts.executions", 8, 8, 1, 0
},

{
	"counts.errors", 16, 8, 1, 0
},

{
	"counts.cancels", 24, 8, 1, 0
},

{
	"counts.timeouts", 32, 8, 1, 0
},

{
	"counts.slow", 40, 8, 1, 0
},

{
	"counts.rows", 48, 8, 1, 0
},

{
	"counts.plans", 56, 8, 1, 0
},

{
	"counts.exec_time", 64, 8, 1, 0
},

{
	"counts.plan_time", 72, 8, 1, 0
},

{
	"counts.client_time", 80, 8, 1, 0
},

{
	"counts.busy_time", 88, 8, 1, 0
},

{
	"counts.blocks", 96, 8, 10, 0
},

{
	"counts.wal_bytes", 176, 8, 1, 0
},

{
	"counts.latency", 184, 8, 23, 0
},

{
	"base.executions", 368, 8, 1, 0
},

{
	"base.errors", 376, 8, 1, 0
},

{
	"base.cancels", 384, 8, 1, 0
},

{
	"base.timeouts", 392, 8, 1, 0
},

{
	"base.slow", 400, 8, 1, 0
},

{
	"base.rows", 408, 8, 1, 0
},

{
	"base.plans", 416, 8, 1, 0
},

{
	"base.exec_time", 424, 8, 1, 0
},

{
	"base.plan_time", 432, 8, 1, 0
},

{
	"base.client_time", 440, 8, 1, 0
},

{
	"base.busy_time", 448, 8, 1, 0
},

{
	"base.blocks", 456, 8, 10, 0
},

{
	"base.wal_bytes", 536, 8, 1, 0
},

{
	"base.latency", 544, 8, 23, 0
},

 /* errors */
{
	"dbid", 0, 4, 1, 0
},

{
	"sqlstate_class", 4, 4, 1, 0
},

{
	"count", 8, 8, 1, 0
},

 /* metrics */
{
	"dealloc", 0, 8, 1, 0
},

{
	"texts_dropped", 8, 8, 1, 0
},

{
	"patterns_dropped", 16, 8, 1, 0
},

{
	"slow_overwritten", 24, 8, 1, 0
},

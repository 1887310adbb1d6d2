/*-------------------------------------------------------------------------
 *
 * pg_querywatch.c
 *		Loads the library: lists the parts of shared memory and the tasks of
 *		the worker, and installs the hooks.
 *
 * The map of src/.  A folder includes only folders below it; folders on one
 * line of test/setup/rooms do not include each other.  Each folder has a
 * README.md; doc/internals.md follows one statement through them.  Private
 * headers (*_internal.h) belong to the file that they are named after.
 *
 * functions/			SQL-callable functions
 *	sqlfuncs			statements, patterns, info
 *	sqlslow, sqlfindings, sqlrewrite
 *						slow executions, findings, rewrite()
 *	sqlcapture, sqlhistogram
 *						captures in a test's session, histogram
 *	sqlmetrics, sqlwaits
 *						connections, capacity, metrics; waits, activity
 *
 * metrics/				/metrics, served by the worker
 *	metrics_http		the port
 *	prometheus			the metrics as text
 *	connections			clients' connections, added up
 *	capacity			connection limits, names of databases and roles
 *
 * findings/			what to change
 *	findings			kinds, thresholds, severity
 *	lists				statements that differ in a list's length
 *	suggest, suggest_plan, suggest_lock
 *						evidence and suggestions in words
 *
 * hooks/				the path of one statement: fills Executions
 *	hooks, utility		executor, planner, parser; utility statements
 *	toplevel			how the client's own statement ends
 *	recording			hands Executions to the recorders
 *	describe			text and shape of a new statement
 *
 * snapshot/			saving and loading the statistics
 *	snapshot			when, and what
 *	snapshot_file		files, record by record
 *	snapshot_layout		fields of records, by name
 *	snapshot_format2	an older layout
 *
 * repeats/				the repeat detector at work
 *	repeats				one session: statements in, bursts out
 *	evidence			collects the keys that a parent returns
 *	patterns			bursts, added up in shared memory
 *	capture				counts for a test, in its session
 *	advice				the messages of on_repeat
 *	ignored				the list of ignored statements
 *	schema				foreign keys and names from the catalogs
 *
 * statements/			cumulative statistics: backend slots, shared table
 *	statements, statements_run
 *						recording into slots
 *	statements_read, table_read
 *						reading slots and table together
 *	kept				a session's statements without a slot
 *	measure				clock, buffer and WAL usage, before and after
 *	table, table_reset, table_texts
 *						the shared table
 *	texts				text store
 *	totals				counts of databases, which never go down
 *	facts				waste of an execution
 *	planwaste, planlook	waste of a plan: the table, and its observer
 *	triggerscans		tables that triggers of foreign keys read in full
 *
 * rewrite/				one statement in place of many
 *	rewrite, rewrite_*
 *	indexes, tableindex, scancolumns
 *						missing indexes
 *	foreignkeys			foreign keys without an index
 *	hypothetical		costs with an index, by HypoPG
 *	analyzed			a text, its tokens and its Query
 *	origin				how a statement was analysed when it ran
 *	trust				what may be done with another role's statement
 *	growth				bounds for analysis and planning
 *
 * detector/			the detector: plain C, no server in it
 *	window, window_run	one session's statements, cut into windows
 *	burst, verdict		facts of a burst; kind and confidence
 *	relate, columnnames	which columns lead from parent to child
 *	values, valueset, keyset, keyhash
 *						values asked for, keys returned
 *	walks, walkproof, walkrows, units
 *						values that walk over rows: units of work
 *	budget				its memory
 *
 * slow/				slow executions
 *	slowlog				records and reads them
 *	slowring			the ring in shared memory
 *
 * plans/				plans of statements
 *	plans				plan text
 *
 * waits/				what sessions wait for
 *	sampling			samples, taken by the worker
 *	waits, lockwaits	the sums of what they waited for, and behind whom
 *	activity, blockers	what backends do now, and who blocks them
 *
 * query/				what a statement is
 *	shape				its tables, columns and conditions
 *	normalize, lexer	text without constants; its tokens
 *	clause				numbers that are not values
 *	comment				sqlcommenter tags
 *	secrets				passwords in utility statements
 *	params, builtin		values: hash, text
 *	runnable			a statement with its values written in
 *
 * common/				what all folders use
 *	shmem				the segment and its locks
 *	worker, worker_task	the background worker and its tasks
 *	counters, histogram	counts of a statement, latency buckets
 *	session				nesting and special states of this session
 *	guarded				runs code that may raise
 *	visible				what a role may see, in which encoding
 *	settings			the settings
 *	execution, times	values that flow from hooks to recorders
 *	compat				differences between PostgreSQL versions
 *
 * src/pg_querywatch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "common/worker.h"
#include "hooks/hooks.h"
#include "metrics/metrics_http.h"
#include "repeats/evidence.h"
#include "repeats/patterns.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "statements/planwaste.h"
#include "statements/statements.h"
#include "statements/texts.h"
#include "statements/totals.h"
#include "waits/waits.h"

PG_MODULE_MAGIC;

/* The parts of the segment, in the order they lie in it */
static const ShmemPart parts[] = {
	{statements_shmem_size, statements_shmem_init, statements_connection_size},
	{totals_shmem_size, totals_shmem_init, totals_connection_size},
	{texts_shmem_size, texts_shmem_init},
	{slowlog_shmem_size, slowlog_shmem_init},
	{patterns_shmem_size, patterns_shmem_init, patterns_connection_size},
	{worker_shmem_size, worker_shmem_init},
	{snapshot_shmem_size, snapshot_shmem_init, NULL, snapshot_startup},
	{evidence_shmem_size, evidence_shmem_init},
	{waits_shmem_size, waits_shmem_init},
	{planwaste_shmem_size, planwaste_shmem_init},
	{lockwaits_shmem_size, lockwaits_shmem_init}
};

/* What the worker does, in the order it does it; ends with NULL */
static const WorkerTask *const tasks[] = {
	&snapshot_task,
	&metrics_task,
	&waits_task,
	NULL
};

void		_PG_init(void);

void
_PG_init(void)
{
	/*
	 * Loaded later, there is no shared memory: leave everything alone, so
	 * that the functions can be created and say what is missing.
	 */
	if (!process_shared_preload_libraries_in_progress)
		return;

	settings_define();

	/*
	 * pg_upgrade's servers are not there to be watched, and what was saved is
	 * not theirs to change.
	 */
	if (IsBinaryUpgrade)
		return;

	EnableQueryId();
	shmem_install(parts, lengthof(parts));
	guarded_install();
	hooks_install();
	worker_install(tasks);
}

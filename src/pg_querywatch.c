/*-------------------------------------------------------------------------
 *
 * pg_querywatch.c
 *		Watches how applications use the database: which statements are slow,
 *		and which are repeated when one would do.
 *
 * A map of src/.  Folders lie above those that they include; what stands on
 * one line knows nothing of each other.
 *
 * functions/			SQL-callable functions
 *	sqlfuncs, sqlslow, sqlrewrite, sqlcapture, sqlmetrics, sqlfindings,
 *	sqlhistogram, sqlwaits
 *
 * hooks/				the path of one statement: builds Executions
 *	hooks, utility		executor, planner, parser; utility statements
 *	toplevel			what the client itself sent
 *	recording			hands Executions to the recorders
 *	describe			text and shape of a new statement
 *
 * metrics/				/metrics, served by the worker
 *	metrics_http		the port
 *	prometheus			the metrics as text
 *	connections			clients' connections, added up
 *	capacity			connection limits, names of databases and roles
 *
 * findings/			what to change
 *	findings			kinds, their thresholds and evidence
 *	suggest, suggest_plan
 *						the words
 *
 * snapshot/			saving and loading all that was recorded
 *	snapshot			when, and what
 *	snapshot_file		files, record by record
 *	snapshot_layout		fields of records, by name
 *	snapshot_format2	an older layout
 *
 * repeats/				the repeat detector at work
 *	repeats				one session's: statements in, bursts out
 *	evidence			the keys that a parent returns, as it returns them
 *	patterns			bursts added up
 *	capture				counts for a test, in its session
 *	advice				what on_repeat says
 *	ignored				the list of statements that may be repeated
 *	schema				foreign keys and names out of the catalogs
 *
 * statements/			cumulative statistics: backend slots, shared table
 *	statements, statements_read, kept, measure
 *	table, table_read, table_reset, table_texts
 *	texts				text store
 *	totals				counts of databases, which only go up
 *	facts				what an execution wasted
 *	planwaste, planlook	what a plan wasted: the table, and who looks
 *
 * rewrite/				one statement in place of many
 *	rewrite, rewrite_*
 *	indexes, tableindex, scancolumns
 *						the index that a statement misses
 *	hypothetical		what it would cost with it: HypoPG
 *	analyzed			a text, its tokens and its Query, to be rewritten
 *	origin				how a statement was analysed when it ran
 *	trust				what may be done with a statement of another role
 *	growth				how large analysis and planning make it
 *
 * detector/			the detector itself: plain C, no server in it
 *	window, valueset, burst, relate, verdict, values, keyset, keyhash
 *	walks, walkproof, walkrows, units, columnnames
 *						which statements are one piece of work, told by
 *						their values
 *	budget				its memory
 *
 * slow/				slow executions: slowlog; the ring they are in: slowring
 * plans/				plan text
 * waits/				what sessions wait for, sampled by the worker
 *	activity, blockers	what backends do right now, and who holds their lock
 *
 * query/				what a statement is
 *	shape				its tables, columns and conditions
 *	normalize, lexer	constants out of the text; its tokens
 *	clause				numbers in it that are no values
 *	comment				sqlcommenter tags
 *	secrets				passwords in utility statements
 *	params, builtin		values: hash, text
 *	runnable			a recorded statement with its values written in
 *
 * common/
 *	shmem				the segment and its locks
 *	worker, worker_task	the background worker, and what a task of it is
 *	counters, histogram	counts of a statement, latency buckets
 *	guarded				running what may fail
 *	visible				what a role may see, in which encoding
 *	settings, execution, times, compat
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
	{planwaste_shmem_size, planwaste_shmem_init}
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

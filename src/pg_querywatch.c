/*-------------------------------------------------------------------------
 *
 * pg_querywatch.c
 *		Watches how applications use the database: which statements are slow,
 *		and which are repeated when one would do.
 *
 * A map of src/, from the top of the layers down; includes point downwards:
 *
 *	pg_querywatch.c		loading
 *	hooks, utility		the path of one statement: builds Executions
 *	recording			hands them to the recorders
 *
 *	worker, duty		the background worker, and what it is given to do
 *	snapshot,			saving and loading all that was recorded
 *	snapshot_file
 *
 *	recorders, which know nothing of each other:
 *	statements, table	cumulative statistics: backend slots, shared table
 *	repeats				the repeat detector at work: window, verdict, advice
 *	slowlog, slowring	slow executions, the ring that they are in
 *	patterns			bursts added up
 *	capture				counts for a test, in its session
 *	totals				counts of databases, which only go up
 *	waits				what sessions wait for, sampled by the worker
 *
 *	metrics_http		/metrics, served by the worker
 *	prometheus			the metrics as text
 *	connections			clients' connections, added up
 *	activity			what other backends do right now
 *	blockers			who holds the lock that a process waits for
 *	capacity			connection limits, names of databases and roles
 *
 *	window, valueset,	the detector itself: plain C, no server in it
 *	burst, relate, verdict,
 *	values, keyset,
 *	keyhash
 *	walks, units,		... which statements are one piece of work, told by
 *	columnnames			their values
 *	evidence			the keys that a parent returns, as it returns them
 *	advice				what on_repeat says
 *	schema				foreign keys and names out of the catalogs
 *	ignored				the list of statements that may be repeated
 *	describe			text and shape of a new statement
 *	shape				what a statement is
 *	origin				how it was analysed when it ran
 *	normalize			constants out of the text
 *	lexer				its tokens
 *	clause				numbers in it that are no values
 *	comment				sqlcommenter tags
 *	secrets				passwords in utility statements
 *	params, builtin		values: hash, text
 *	runnable			a recorded statement with its values written in
 *	plans				plan text
 *	guarded				running what may fail
 *	texts				text store
 *	counters, histogram counts of a statement, latency buckets
 *	shmem				the segment and its locks
 *	settings, execution, measure, compat
 *
 *	rewrite, rewrite_*	one statement in place of many
 *	indexes, tableindex, scancolumns
 *						the index that a statement misses
 *	hypothetical		what it would cost with it: HypoPG
 *	analyzed			a text, its tokens and its Query, to be rewritten
 *	trust				what may be done with a statement of another role
 *	growth				how large analysis and planning make it
 *
 *	sqlfuncs, sqlslow,	SQL-callable functions
 *	sqlrewrite, sqlcapture,
 *	sqlmetrics,
 *	sqlfindings,
 *	sqlhistogram,
 *	sqlwaits
 *	visible				what a role may see, in which encoding
 *
 * src/pg_querywatch.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "miscadmin.h"

#include "compat.h"
#include "guarded.h"
#include "hooks.h"
#include "settings.h"
#include "shmem.h"
#include "worker.h"

PG_MODULE_MAGIC;

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
	shmem_install();
	guarded_install();
	hooks_install();
	worker_install();
}

/*-------------------------------------------------------------------------
 *
 * hooks.c
 *		The path of one statement: from parse analysis to its end.
 *
 *		parse	a new statement gets its text and shape
 *		plan	planning time
 *		start	only its errors
 *		run		clock and usage before and after; a plain SELECT that runs to
 *				its end is recorded here, because in the extended protocol its
 *				end may come much later
 *		finish	everything else is recorded here: data changes, whose triggers
 *				run now, and cursors, with all their runs added up
 *
 * A query that is not over after a run is remembered in an OpenQuery in its
 * own memory context; a callback of that context forgets it, so no way out of
 * a query leaves one behind.  A query that fails never gets to its end: its
 * error is counted where it passes, and goes on unchanged.
 *
 * Which executions count as nested follows pg_stat_statements of 17 and later:
 * whatever runs inside the executor, the planner or a utility statement does,
 * except below EXECUTE.
 *
 * src/hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/discard.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/bufmgr.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "hooks.h"
#include "normalize.h"
#include "repeats.h"
#include "settings.h"
#include "slowlog.h"
#include "statements.h"

static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;
static planner_hook_type prev_planner = NULL;
static ExecutorStart_hook_type prev_ExecutorStart = NULL;
static ExecutorRun_hook_type prev_ExecutorRun = NULL;
static ExecutorFinish_hook_type prev_ExecutorFinish = NULL;
static ProcessUtility_hook_type prev_ProcessUtility = NULL;

/* What was used up before something was measured */
typedef struct Measure
{
	uint64		start;
	BufferUsage buffers;
	WalUsage	wal;
} Measure;

/* A query that has run, but is not over */
typedef struct OpenQuery
{
	QueryDesc  *queryDesc;
	struct OpenQuery *next;
	StatementKey key;
	bool		counted;		/* in the statistics; false: only the repeat
								 * detector follows it */
	bool		done;			/* recorded, or not to be */
	bool		repeats_ended;	/* the detector knows of its first run */
	RepeatRun  *run;
	uint64		start;
	uint64		elapsed;
	uint64		rows;
	uint64		plan_time;
	Usage		usage;
	MemoryContextCallback callback;
} OpenQuery;

static OpenQuery *open_queries = NULL;

/* Executor, planner and utility statements that we are inside of */
static int	nesting_level = 0;

/* In a DECLARE CURSOR or FETCH that the client sent */
static bool in_cursor_utility = false;

/* The planning seen last, until its execution takes it over */
static uint64 last_plan_queryid = 0;
static uint64 last_plan_time = 0;

/* The client's statement that ended last */
static struct
{
	StatementKey key;
	int			slot;			/* -1: none */
	uint64		end;
	uint64		transaction;
}			last_execution = {.slot = -1};

StaticAssertDecl(offsetof(BufferUsage, temp_blks_written) ==
				 USAGE_TEMP_WRITTEN * sizeof(int64),
				 "BufferUsage begins with the block counters");

/*
 * Measuring
 */

static inline void
measure_start(Measure *measure)
{
	measure->start = compat_clock();
	measure->buffers = pgBufferUsage;
	measure->wal = pgWalUsage;
}

static inline void
measure_usage(const Measure *measure, Usage *usage)
{
	const int64 *now = (const int64 *) &pgBufferUsage;
	const int64 *then = (const int64 *) &measure->buffers;

	for (int i = 0; i < USAGE_NBLOCKS; i++)
		usage->blocks[i] = now[i] - then[i];
	compat_wal_usage(usage->wal, &pgWalUsage, &measure->wal);
	if (unlikely(track_io_timing))
		compat_io_times(usage->times, &pgBufferUsage, &measure->buffers);
	else
		memset(usage->times, 0, sizeof(usage->times));
}

static inline bool
level_tracked(void)
{
	return qw_track == TRACK_ALL ||
		(qw_track == TRACK_TOP && nesting_level == 0);
}

/* Is this statement recorded?  Parallel workers leave it to their leader. */
static inline bool
tracked(uint64 queryid)
{
	return queryid != 0 && level_tracked() && !IsParallelWorker();
}

static inline bool
is_slow(uint64 elapsed)
{
	return qw_slow_threshold >= 0 &&
		elapsed >= (uint64) qw_slow_threshold * 1000000;
}

static inline StatementKey
current_key(uint64 queryid)
{
	return statement_key(queryid, GetUserId(), MyDatabaseId,
						 nesting_level == 0);
}

/* The time since the client's last statement in this transaction was its own */
static inline void
record_client_time(uint64 now)
{
	if (last_execution.slot >= 0 &&
		last_execution.transaction == compat_transaction_id())
	{
		uint64		gap = now - last_execution.end;

		/* planning in between was ours */
		if (gap > last_plan_time)
			statements_record_client(&last_execution.key, last_execution.slot,
									 gap - last_plan_time);
	}
	last_execution.slot = -1;
}

static inline void
remember_execution(const StatementKey *key, int slot, uint64 end)
{
	last_execution.key = *key;
	last_execution.slot = slot;
	last_execution.end = end;
	last_execution.transaction = compat_transaction_id();
}

/*
 * Records an execution that is over, in the statistics and, if it was slow,
 * in the slow log.  Text: the statement within its source.
 */
static void
record(Execution *e, QueryDesc *queryDesc, const char *text, int location,
	   int length)
{
	bool		slow = is_slow(e->elapsed);
	int			slot = statements_slot(&e->key);

	if (slot < 0)
		return;
	statements_record(slot, e, slow);
	if (unlikely(slow))
	{
		normalize_clean(&text, &location, &length);
		slowlog_record(e, queryDesc, text, length,
					   GetCurrentTimestamp() - (int64) (e->elapsed / 1000));
	}
}

static void
record_query(Execution *e, QueryDesc *queryDesc)
{
	JitUsage	jit;

	if (unlikely(queryDesc->estate && queryDesc->estate->es_jit))
	{
		compat_jit_usage(&jit, &queryDesc->estate->es_jit->instr);
		e->jit = &jit;
	}
	if (queryDesc->estate)
		compat_parallel_workers(queryDesc->estate, &e->workers_planned,
								&e->workers_launched);
	compat_cached_plan(queryDesc->plannedstmt, &e->generic_plan,
					   &e->custom_plan);
	record(e, queryDesc, queryDesc->sourceText,
		   queryDesc->plannedstmt->stmt_location,
		   queryDesc->plannedstmt->stmt_len);
}

/* What kind of failure the error being handled is */
static ExecutionOutcome
outcome_of_error(int sqlstate)
{
	ExecutionOutcome outcome = OUTCOME_ERROR;

	if (sqlstate == ERRCODE_QUERY_CANCELED)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);
		ErrorData  *error = CopyErrorData();

		/* only the message, untranslated, tells a timeout */
		outcome = error->message_id &&
			strstr(error->message_id, "statement timeout") != NULL ?
			OUTCOME_TIMEOUT : OUTCOME_CANCELED;
		FreeErrorData(error);
		MemoryContextSwitchTo(old);
	}
	return outcome;
}

/*
 * Counts a failure while its error is being handled: no catalogs, no errors
 * of our own.
 */
static void
record_failure(const StatementKey *key, QueryDesc *queryDesc,
			   const char *text, int location, int length,
			   uint64 start, uint64 elapsed, uint64 plan_time)
{
	Execution	e = {0};
	Usage		usage = {0};
	int			sqlstate = geterrcode();

	e.key = *key;
	e.start = start;
	e.elapsed = elapsed;
	e.plan_time = plan_time;
	e.sqlstate = sqlstate;
	e.outcome = outcome_of_error(sqlstate);
	e.usage = &usage;
	record(&e, queryDesc, text, location, length);

	/* a transaction that has to be tried again is another one */
	if (key->toplevel &&
		ERRCODE_TO_CATEGORY(sqlstate) == ERRCODE_TRANSACTION_ROLLBACK)
		repeats_close();
}

static void
record_query_failure(const StatementKey *key, QueryDesc *queryDesc,
					 uint64 start, uint64 elapsed)
{
	record_failure(key, queryDesc, queryDesc->sourceText,
				   queryDesc->plannedstmt->stmt_location,
				   queryDesc->plannedstmt->stmt_len,
				   start, elapsed, 0);
}

/*
 * Queries that are not over after a run
 */

static OpenQuery *
find_open(QueryDesc *queryDesc)
{
	OpenQuery  *open;

	for (open = open_queries; open != NULL; open = open->next)
	{
		if (open->queryDesc == queryDesc)
			break;
	}
	return open;
}

static void
record_open(OpenQuery *open, QueryDesc *queryDesc)
{
	Execution	e = {0};

	open->done = true;
	if (!open->counted)
		return;
	e.key = open->key;
	e.start = open->start;
	e.elapsed = open->elapsed;
	e.plan_time = open->plan_time;
	e.rows = open->rows;
	e.outcome = OUTCOME_COMPLETED;
	e.usage = &open->usage;
	if (queryDesc)
		record_query(&e, queryDesc);
	else
	{
		int			slot = statements_slot(&e.key);

		if (slot >= 0)
			statements_record(slot, &e, false);
	}
}

/*
 * Its memory goes, at its end or because its transaction does.  In the latter
 * case, as with a cursor that a ROLLBACK closes, it has not been recorded.
 */
static void
forget_open(void *arg)
{
	OpenQuery  *open = arg;
	OpenQuery **link = &open_queries;

	while (*link != NULL && *link != open)
		link = &(*link)->next;
	if (*link != NULL)
		*link = open->next;
	if (!open->done)
		record_open(open, NULL);
}

static OpenQuery *
make_open(QueryDesc *queryDesc, const StatementKey *key, bool counted)
{
	OpenQuery  *open =
		MemoryContextAllocZero(queryDesc->estate->es_query_cxt,
							   sizeof(OpenQuery));

	open->queryDesc = queryDesc;
	open->key = *key;
	open->counted = counted;
	open->callback.func = forget_open;
	open->callback.arg = open;
	MemoryContextRegisterResetCallback(queryDesc->estate->es_query_cxt,
									   &open->callback);
	open->next = open_queries;
	open_queries = open;
	return open;
}

static void
add_usage(Usage *to, const Usage *from)
{
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		to->blocks[i] += from->blocks[i];
	for (int i = 0; i < USAGE_NTIMES; i++)
		to->times[i] += from->times[i];
	for (int i = 0; i < USAGE_NWAL; i++)
		to->wal[i] += from->wal[i];
}

/*
 * Parse analysis
 */

/* Stores text and shape of a statement that has none yet */
static void
describe(int slot, const char *text, int location, int length,
		 Query *query, const JumbleState *jstate)
{
	MemoryContext context;
	MemoryContext old;
	StringInfoData tables;
	StatementShape shape;
	char	   *normalized;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"pg_querywatch statement",
									ALLOCSET_DEFAULT_SIZES);
	old = MemoryContextSwitchTo(context);

	initStringInfo(&tables);
	if (query->utilityStmt)
	{
		memset(&shape, 0, sizeof(shape));
		shape.command = SHAPE_UTILITY;
		shape.noutput = CreateCommandTag(query->utilityStmt);
		appendStringInfoChar(&tables, '\0');
	}
	else
		shape_of_query(query, (struct JumbleState *) jstate, &shape, &tables);

	normalize_clean(&text, &location, &length);
	if (jstate && jstate->clocations_count > 0)
		normalized = normalize_text(text, location, &length, jstate);
	else
		normalized = unconstify(char *, text);
	if (length > qw_query_max_length)
		length = pg_mbcliplen(normalized, length, qw_query_max_length);
	statements_describe(slot, normalized, length, tables.data, tables.len,
						&shape);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

static void
qw_post_parse_analyze(ParseState *pstate, Query *query, JUMBLE_STATE *jstate)
{
	uint64		queryid;
	StatementKey key;
	int			slot;

	if (prev_post_parse_analyze)
		prev_post_parse_analyze(pstate, query, jstate);

	queryid = (uint64) query->queryId;
	if (queryid == 0 || IsParallelWorker() ||
		!(level_tracked() || in_cursor_utility))
		return;
	/* without constants a utility statement's text can wait until it ran */
	if (query->utilityStmt &&
		(!qw_track_utility || jstate == NULL || jstate->clocations_count == 0))
		return;

	key = current_key(queryid);
	slot = statements_slot(&key);
	if (slot < 0)
		return;
	if (!statements_described(slot))
		describe(slot, pstate->p_sourcetext, query->stmt_location,
				 query->stmt_len, query, jstate);
	else if (key.toplevel && jstate && jstate->clocations_count > 0 &&
			 repeats_wants_literals(statements_local(slot)))
	{
		normalize_literals(pstate->p_sourcetext, jstate,
						   repeats_set_literals(queryid));
		return;
	}
	if (key.toplevel)
		(void) repeats_set_literals(0);
}

/*
 * Planner
 */

static PlannedStmt *
qw_planner(PLANNER_ARGS)
{
	PlannedStmt *result;
	uint64		queryid = (uint64) parse->queryId;
	volatile bool track = qw_track_planning && query_string != NULL &&
		tracked(queryid);
	uint64		start = track ? compat_clock() : 0;

	nesting_level++;
	PG_TRY();
	{
		if (prev_planner)
			result = prev_planner(PLANNER_PASS);
		else
			result = standard_planner(PLANNER_PASS);
	}
	PG_CATCH();
	{
		nesting_level--;
		if (track)
		{
			StatementKey key = current_key(queryid);
			uint64		elapsed = compat_clock() - start;

			record_failure(&key, NULL, query_string, parse->stmt_location,
						   parse->stmt_len, start, 0, elapsed);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	nesting_level--;

	if (track)
	{
		StatementKey key = current_key(queryid);
		int			slot = statements_slot(&key);
		uint64		elapsed = compat_clock() - start;

		if (slot >= 0)
			statements_record_plan(slot, elapsed);
		if (key.toplevel)
		{
			last_plan_queryid = queryid;
			last_plan_time = elapsed;
		}
	}
	return result;
}

/*
 * Executor
 */

static void
qw_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	volatile bool track = tracked((uint64) queryDesc->plannedstmt->queryId) &&
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0;

	PG_TRY();
	{
		if (prev_ExecutorStart)
			prev_ExecutorStart(queryDesc, eflags);
		else
			standard_ExecutorStart(queryDesc, eflags);
	}
	PG_CATCH();
	{
		if (track)
		{
			StatementKey key = current_key(queryDesc->plannedstmt->queryId);

			record_query_failure(&key, queryDesc, compat_clock(), 0);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

static inline void
run_next(EXECUTOR_RUN_ARGS)
{
	if (prev_ExecutorRun)
		prev_ExecutorRun(EXECUTOR_RUN_PASS);
	else
		standard_ExecutorRun(EXECUTOR_RUN_PASS);
}

static void
qw_ExecutorRun(EXECUTOR_RUN_ARGS)
{
	uint64		queryid = (uint64) queryDesc->plannedstmt->queryId;
	volatile bool counted = tracked(queryid);
	volatile bool cursor = nesting_level == 1 && in_cursor_utility;
	volatile int level = nesting_level;
	OpenQuery  *volatile open = NULL;
	RepeatRun  *volatile run = NULL;
	StatementKey key;
	Measure		measure;
	Usage		usage;
	uint64		end;
	uint64		elapsed;
	uint64		rows;
	int			slot = -1;

	if (counted || (cursor && queryid != 0))
	{
		key = current_key(queryid);
		slot = statements_slot(&key);
	}
	if (slot < 0)
	{
		/* what runs below it is nested all the same */
		nesting_level++;
		PG_TRY();
		{
			run_next(EXECUTOR_RUN_PASS);
		}
		PG_FINALLY();
		{
			nesting_level = level;
		}
		PG_END_TRY();
		return;
	}

	if (unlikely(open_queries != NULL))
		open = find_open(queryDesc);
	measure_start(&measure);
	if (level == 0)
		record_client_time(measure.start);

	nesting_level++;
	PG_TRY();
	{
		if ((level == 0 || cursor) && open == NULL)
		{
			bool		burst = false;

			run = repeats_begin(&key, statements_local(slot), queryDesc,
								measure.start, &burst);
			/* looking for its parent was no part of the statement */
			if (unlikely(burst))
				measure_start(&measure);
		}
		run_next(EXECUTOR_RUN_PASS);
	}
	PG_CATCH();
	{
		nesting_level = level;
		end = compat_clock();
		elapsed = end - measure.start;
		repeats_end(run, end, elapsed, 0, true);
		if (open)
		{
			elapsed += open->elapsed;
			open->done = true;
		}
		if (counted)
			record_query_failure(&key, queryDesc, measure.start, elapsed);
		PG_RE_THROW();
	}
	PG_END_TRY();
	nesting_level = level;

	end = compat_clock();
	elapsed = end - measure.start;
	rows = queryDesc->estate->es_processed;
	measure_usage(&measure, &usage);

	if (open == NULL && EXECUTOR_RUN_ONCE && !cursor &&
		queryDesc->operation == CMD_SELECT &&
		!queryDesc->plannedstmt->hasModifyingCTE)
	{
		/* the common case: it is over */
		Execution	e = {0};

		e.key = key;
		e.start = measure.start;
		e.elapsed = elapsed;
		e.rows = rows;
		e.usage = &usage;
		if (last_plan_queryid == queryid)
			e.plan_time = last_plan_time;
		record_query(&e, queryDesc);
		repeats_end(run, end, elapsed, rows, false);
	}
	else
	{
		bool		first = open == NULL;

		if (first)
		{
			open = make_open(queryDesc, &key, counted);
			open->start = measure.start;
			open->run = run;
			if (last_plan_queryid == queryid)
				open->plan_time = last_plan_time;
		}
		open->elapsed += elapsed;
		open->rows += rows;
		add_usage(&open->usage, &usage);

		/* data changes are over when their triggers have run */
		if (queryDesc->operation == CMD_SELECT)
		{
			if (first)
				repeats_end(open->run, end, elapsed, rows, false);
			else
				repeats_more_rows(open->run, key.queryid, end, elapsed, rows);
			open->repeats_ended = true;
		}
	}
	if (level == 0)
	{
		last_plan_time = 0;
		last_plan_queryid = 0;
		remember_execution(&key, statements_slot(&key), end);
	}
}

static inline void
finish_next(QueryDesc *queryDesc)
{
	if (prev_ExecutorFinish)
		prev_ExecutorFinish(queryDesc);
	else
		standard_ExecutorFinish(queryDesc);
}

static void
qw_ExecutorFinish(QueryDesc *queryDesc)
{
	OpenQuery  *volatile open = open_queries ? find_open(queryDesc) : NULL;
	volatile int level = nesting_level;
	Measure		measure;
	Usage		usage;
	uint64		end;

	if (open == NULL || open->done)
	{
		/* a plain SELECT has nothing left to run */
		if (queryDesc->operation == CMD_SELECT &&
			!queryDesc->plannedstmt->hasModifyingCTE)
		{
			finish_next(queryDesc);
			return;
		}
		nesting_level++;
		PG_TRY();
		{
			finish_next(queryDesc);
		}
		PG_FINALLY();
		{
			nesting_level = level;
		}
		PG_END_TRY();
		return;
	}

	measure_start(&measure);
	nesting_level++;
	PG_TRY();
	{
		finish_next(queryDesc);
	}
	PG_CATCH();
	{
		nesting_level = level;
		end = compat_clock();
		open->done = true;
		if (!open->repeats_ended)
			repeats_end(open->run, end, open->elapsed, 0, true);
		if (open->counted)
			record_query_failure(&open->key, queryDesc, open->start,
								 open->elapsed + end - measure.start);
		PG_RE_THROW();
	}
	PG_END_TRY();
	nesting_level = level;

	end = compat_clock();
	measure_usage(&measure, &usage);
	open->elapsed += end - measure.start;
	add_usage(&open->usage, &usage);
	if (!open->repeats_ended)
	{
		repeats_end(open->run, end, open->elapsed, open->rows, false);
		open->repeats_ended = true;
	}
	record_open(open, queryDesc);
	if (level == 0)
		remember_execution(&open->key, statements_slot(&open->key), end);
}

/*
 * Utility statements
 */

/* Statements that change nothing that was read */
static bool
is_harmless(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_TransactionStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_FetchStmt:
		case T_DeclareCursorStmt:
		case T_ClosePortalStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_DiscardStmt:
		case T_ExplainStmt:
		case T_LockStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_NotifyStmt:
		case T_LoadStmt:
		case T_CheckPointStmt:
		case T_ConstraintsSetStmt:
			return true;
		case T_CopyStmt:
			return !((CopyStmt *) parsetree)->is_from;
		default:
			return false;
	}
}

/* Statements whose text may hold a password */
static bool
holds_secrets(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_CreateRoleStmt:
		case T_AlterRoleStmt:
		case T_CreateUserMappingStmt:
		case T_AlterUserMappingStmt:
		case T_CreateForeignServerStmt:
		case T_AlterForeignServerStmt:
		case T_CreateSubscriptionStmt:
		case T_AlterSubscriptionStmt:
			return true;
		default:
			return false;
	}
}

/* Length of a statement up to its first quoted constant */
static int
length_before_secrets(const char *text, int length)
{
	for (int i = 0; i < length; i++)
	{
		if (text[i] == '\'' || text[i] == '$')
			return i;
	}
	return length;
}

static uint64
rows_of_utility(const QueryCompletion *qc)
{
	if (qc == NULL)
		return 0;
	switch (qc->commandTag)
	{
		case CMDTAG_COPY:
		case CMDTAG_FETCH:
		case CMDTAG_SELECT:
		case CMDTAG_REFRESH_MATERIALIZED_VIEW:
			return qc->nprocessed;
		default:
			return 0;
	}
}

static void
qw_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	Node	   *parsetree = pstmt->utilityStmt;
	volatile int level = nesting_level;
	bool		was_in_cursor_utility = in_cursor_utility;
	volatile uint64 queryid = (uint64) pstmt->queryId;
	bool		nests = !IsA(parsetree, ExecuteStmt) &&
		!IsA(parsetree, PrepareStmt) &&
		(TRACKS_DEALLOCATE || !IsA(parsetree, DeallocateStmt));
	volatile bool track = qw_track_utility && nests && level_tracked() &&
		!IsParallelWorker();
	volatile bool discard_all = IsA(parsetree, DiscardStmt) &&
		((DiscardStmt *) parsetree)->target == DISCARD_ALL;
	volatile bool wrote = !is_harmless(parsetree);
	const char *text = queryString;
	int			location = pstmt->stmt_location;
	int			length = pstmt->stmt_len;
	CommandTag	tag = CreateCommandTag(parsetree);
	StatementKey key;
	Measure		measure;
	Usage		usage;
	uint64		end;
	Execution	e = {0};
	int			slot;

	if (track && queryid == 0 && IsQueryIdEnabled())
		queryid = compat_query_id_of_utility(pstmt, queryString);
	track = track && queryid != 0;
	if (track)
	{
		normalize_clean(&text, &location, &length);
		if (holds_secrets(parsetree))
			length = length_before_secrets(text, length);
	}

	measure_start(&measure);
	if (level == 0)
	{
		record_client_time(measure.start);
		in_cursor_utility = IsA(parsetree, FetchStmt) ||
			IsA(parsetree, DeclareCursorStmt);
	}

	if (nests)
		nesting_level++;
	PG_TRY();
	{
		if (prev_ProcessUtility)
			prev_ProcessUtility(pstmt, queryString, readOnlyTree, context,
								params, queryEnv, dest, qc);
		else
			standard_ProcessUtility(pstmt, queryString, readOnlyTree, context,
									params, queryEnv, dest, qc);
	}
	PG_CATCH();
	{
		nesting_level = level;
		in_cursor_utility = was_in_cursor_utility;
		if (track)
		{
			key = current_key(queryid);
			end = compat_clock();
			record_failure(&key, NULL, text, 0, length, measure.start,
						   end - measure.start, 0);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	nesting_level = level;
	in_cursor_utility = was_in_cursor_utility;

	/* *pstmt may be gone by now: ROLLBACK frees it */
	end = compat_clock();
	if (level == 0)
	{
		if (discard_all)
			repeats_close();
		else if (wrote)
			repeats_wrote();
	}
	if (!track)
		return;

	measure_usage(&measure, &usage);
	key = current_key(queryid);
	slot = statements_slot(&key);
	if (slot < 0)
		return;
	if (!statements_described(slot))
	{
		StatementShape shape = {.command = SHAPE_UTILITY};
		int			kept = length > qw_query_max_length ?
			pg_mbcliplen(text, length, qw_query_max_length) : length;

		shape.noutput = tag;
		statements_describe(slot, text, kept, "", 1, &shape);
	}
	e.key = key;
	e.start = measure.start;
	e.elapsed = end - measure.start;
	e.rows = rows_of_utility(qc);
	e.usage = &usage;
	record(&e, NULL, text, 0, length);
	if (level == 0)
		remember_execution(&key, slot, end);
}

void
hooks_install(void)
{
	prev_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = qw_post_parse_analyze;
	prev_planner = planner_hook;
	planner_hook = qw_planner;
	prev_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = qw_ExecutorStart;
	prev_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = qw_ExecutorRun;
	prev_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = qw_ExecutorFinish;
	prev_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = qw_ProcessUtility;
}

/*-------------------------------------------------------------------------
 *
 * hooks.c
 *		The path of one statement: from parse analysis to its end.
 *
 *		parse	a new statement gets its text and shape
 *		plan	planning time
 *		start	only its errors
 *		run		clock and usage before and after; what runs to its end is
 *				recorded here, because in the extended protocol its end may
 *				come much later
 *		finish	data changes whose triggers run now are recorded here, and
 *				cursors, with all their runs added up
 *
 * A query that has run in part is remembered in an OpenQuery in its own memory
 * context; a callback of that context forgets it, so no way out of a query
 * leaves one behind.  Nothing else is allocated.  A query that fails never
 * gets to its end: its error is counted where it passes, and goes on
 * unchanged.
 *
 * Which executions count as nested follows pg_stat_statements of 17 and later:
 * whatever runs inside the executor, the planner or a utility statement does,
 * except below EXECUTE.  What the start of the executor runs, to find the
 * partitions that a query needs, is nested too; there pg_stat_statements counts
 * it as the client's.
 *
 * src/hooks/hooks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "tcop/pquery.h"
#include "utils/timestamp.h"

#include "hooks/describe.h"
#include "hooks/hooks.h"
#include "hooks/recording.h"
#include "hooks/toplevel.h"
#include "query/normalize.h"
#include "query/secrets.h"
#include "repeats/capture.h"
#include "repeats/evidence.h"
#include "repeats/repeats.h"
#include "statements/statements_run.h"
#include "statements/triggerscans.h"

static post_parse_analyze_hook_type prev_post_parse_analyze = NULL;

/* The hooks before ours, or what there is to do where there was none */
static planner_hook_type next_planner = standard_planner;
static ExecutorStart_hook_type next_ExecutorStart = standard_ExecutorStart;
static ExecutorRun_hook_type next_ExecutorRun = standard_ExecutorRun;
static ExecutorFinish_hook_type next_ExecutorFinish = standard_ExecutorFinish;

/*
 * A cursor's query, or another that has run in part: all its runs are added
 * up.  Lies in the query's own memory.
 */
typedef struct OpenQuery
{
	QueryDesc  *queryDesc;
	struct OpenQuery *next;
	StatementKey key;
	bool		counted;		/* in the statistics; false: only the repeat
								 * detector follows it */
	bool		done;			/* recorded, or not to be */
	bool		ran;			/* at least once */
	RepeatRun  *run;
	uint64		start;
	uint64		elapsed;
	uint64		rows;
	uint64		plan_time;
	Usage		usage;
	MemoryContextCallback callback;
} OpenQuery;

static OpenQuery *open_queries = NULL;

/* The query of the cursor that is being declared; queryid 0: none */
static StatementKey declaring;

/*
 * A data change that has run and is about to run its triggers: the finish
 * follows at once.  One is enough: what runs inside a run or a finish is over
 * before that is.
 */
static struct
{
	QueryDesc  *queryDesc;		/* NULL: none */
	bool		recorded;		/* the rest is set */
	uint64		rows;
	Running		running;
}			unfinished;

/* What is known of a statement, NULL if it is not recorded */
static inline StatementLocal *
find_local(const StatementKey *key)
{
	int			slot = statements_slot(key);

	return likely(slot >= 0) ? statements_local(slot) : NULL;
}

/*
 * Queries that have run in part
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
	{
		int			slot;

		record_query(&e, queryDesc);
		slot = statements_slot(&e.key);
		if (open->usage.blocks[USAGE_TEMP_WRITTEN] > 0 && slot >= 0)
			facts_spilled(queryDesc, slot, e.elapsed,
						  open->usage.blocks[USAGE_TEMP_WRITTEN]);
	}
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
	session_obstacle(OBSTACLE_OPEN_QUERY, open_queries != NULL);
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
	session_obstacle(OBSTACLE_OPEN_QUERY, true);
	return open;
}

/*
 * Parse analysis
 */

void
hooks_forget_declaration(void)
{
	declaring.queryid = 0;
}

void
hooks_declare_cursor(const DeclareCursorStmt *stmt, const char *text,
					 int location, int length)
{
	Query	   *query;
	JumbleState *jstate;
	int			slot;

	declaring.queryid = 0;
	if (CURSORS_HAVE_QUERY_ID || !IsA(stmt->query, Query) ||
		((Query *) stmt->query)->queryId != 0 || !IsQueryIdEnabled())
		return;
	query = copyObject((Query *) stmt->query);
	jstate = compat_jumble(query, text);
	if (query->queryId == 0)
		return;

	declaring = statement_key((uint64) query->queryId, GetUserId(),
							  MyDatabaseId, false);
	slot = statements_slot(&declaring);
	if (slot >= 0 && !statements_described(slot))
		describe_query(slot, text, location, length, query, jstate);
}

static pg_noinline void
parsed(ParseState *pstate, Query *query, JUMBLE_STATE *jstate)
{
	uint64		queryid = (uint64) query->queryId;
	StatementKey key;
	int			slot;
	bool		is_value;

	/* with secrets a utility statement's text has to wait: it is cut then */
	if (query->utilityStmt &&
		(!qw_track_utility ||
		 secrets_location(query->utilityStmt, &is_value) >= 0))
		return;
	if (queryid == 0 || IsParallelWorker() ||
		!(level_tracked() || in_cursor_utility))
		return;

	key = current_key(queryid);
	slot = statements_slot(&key);
	if (slot < 0)
		return;
	if (!statements_described(slot) ||
		(QUERY_ID_BY_NAME &&
		 unlikely(!shape_has_relations(&statements_local(slot)->shape, query))))
		describe_query(slot, pstate->p_sourcetext, query->stmt_location,
					   query->stmt_len, query, jstate);
	if (key.toplevel && jstate && jstate->clocations_count > 0 &&
		repeats_wants_literals(statements_local(slot)))
	{
		normalize_literals(pstate->p_sourcetext, query->stmt_location,
						   query->stmt_len, jstate,
						   repeats_set_literals(queryid));
		return;
	}
	if (key.toplevel)
		repeats_no_literals();
}

/* A query of the client's or another was analysed */
static pg_noinline void
analyzed_query(ParseState *pstate, Query *query, JUMBLE_STATE *jstate)
{
	/* a statement of the client's of which all is known that parsing tells */
	if (!QUERY_ID_BY_NAME && session.all == 0 && query->queryId != 0)
	{
		StatementLocal *local;

		local = statements_local_at_once((uint64) query->queryId, GetUserId(),
										 true);
		if (likely(local != NULL && statement_described(local)) &&
			(jstate == NULL || jstate->clocations_count == 0 ||
			 !repeats_wants_literals(local)))
		{
			repeats_no_literals();
			return;
		}
	}
	parsed(pstate, query, jstate);
}

static void
qw_post_parse_analyze(ParseState *pstate, Query *query, JUMBLE_STATE *jstate)
{
	toplevel_check();
	repeats_parses++;
	if (query->utilityStmt == NULL)
		analyzed_query(pstate, query, jstate);
	else
	{
		repeats_no_literals();

		/* without constants the text can wait until it ran */
		if (jstate != NULL && jstate->clocations_count != 0)
			parsed(pstate, query, jstate);
	}
}

/* The same where another library is to be called too */
static void
qw_post_parse_analyze_others(ParseState *pstate, Query *query,
							 JUMBLE_STATE *jstate)
{
	prev_post_parse_analyze(pstate, query, jstate);
	qw_post_parse_analyze(pstate, query, jstate);
}

/*
 * Planner
 */

/* What is not recorded; what runs below it is nested all the same */
static pg_noinline PlannedStmt *
plan_uncounted(PLANNER_ARGS)
{
	PlannedStmt *result;

	session.level++;
	PG_TRY();
	{
		result = next_planner(PLANNER_PASS);
	}
	PG_FINALLY();
	{
		session.level--;
	}
	PG_END_TRY();
	return result;
}

/* It never ran: its time is that of planning */
static pg_noinline void
planning_failed(const Query *parse, const char *query_string, uint64 start)
{
	Execution	e = {0};
	Usage		usage = {0};

	e.key = current_key((uint64) parse->queryId);
	e.start = start;
	e.elapsed = compat_clock() - start;
	e.usage = &usage;
	record_failure(&e, NULL, query_string, parse->stmt_location,
				   parse->stmt_len);
	if (unlikely(capture_on) && e.key.toplevel)
		capture_execution(&e.key, start, e.elapsed, 0);
}

/* It was planned: a statement of the client's, that comes later */
static inline void
planned(const StatementKey *key, uint64 elapsed)
{
	StatementLocal *local = statements_local_at_once(key->queryid, key->userid,
													 true);

	if (unlikely(local == NULL))
		local = find_local(key);
	if (local != NULL && qw_track_planning)
		statements_planned(local, elapsed);
	last_plan.queryid = key->queryid;
	last_plan.elapsed = elapsed;
}

/* Inside another statement */
static pg_noinline PlannedStmt *
plan_nested(PLANNER_ARGS)
{
	PlannedStmt *result;
	StatementKey key = current_key((uint64) parse->queryId);
	uint64		start = compat_clock();
	uint64		elapsed;

	session.level++;
	PG_TRY();
	{
		result = next_planner(PLANNER_PASS);
	}
	PG_CATCH();
	{
		session.level--;
		planning_failed(parse, query_string, start);
		PG_RE_THROW();
	}
	PG_END_TRY();
	session.level--;
	elapsed = compat_clock() - start;
	if (key.toplevel)
		planned(&key, elapsed);
	else if (qw_track_planning)
	{
		int			slot = statements_slot(&key);

		if (slot >= 0)
			statements_record_plan(slot, elapsed);
	}
	return result;
}

static pg_noinline PlannedStmt *
plan_others(PLANNER_ARGS)
{
	if (query_string == NULL || !tracked((uint64) parse->queryId))
		return plan_uncounted(PLANNER_PASS);
	return plan_nested(PLANNER_PASS);
}

static PlannedStmt *
qw_planner(PLANNER_ARGS)
{
	PlannedStmt *result;

	toplevel_check();
	repeats_plans++;

	/* a parallel worker has no statements that it could count */
	if (unlikely(session.all != 0 || query_string == NULL ||
				 parse->queryId == 0))
		return plan_others(PLANNER_PASS);

	toplevel.query = parse;
	toplevel.text = query_string;
	toplevel.running.key = current_key((uint64) parse->queryId);
	toplevel.running.measure.start = compat_clock();
	toplevel_begin(TOPLEVEL_PLANNING, 1);
	result = next_planner(PLANNER_PASS);
	toplevel_end();
	planned(&toplevel.running.key,
			compat_clock() - toplevel.running.measure.start);
	return result;
}

/*
 * Executor
 */

/*
 * A start that fails is counted.  Its clock is not read for that: what has
 * passed since the client's message, without planning, comes close.
 */
static pg_noinline void
start_failed(QueryDesc *queryDesc)
{
	Execution	e = {0};
	Usage		usage = {0};

	e.key = current_key((uint64) queryDesc->plannedstmt->queryId);
	if (e.key.toplevel)
	{
		int64		passed = GetCurrentTimestamp() -
		GetCurrentStatementStartTimestamp();

		e.plan_time = plan_time_of(e.key.queryid);
		e.elapsed = (uint64) Max(passed, 0) * 1000;
		e.elapsed -= Min(e.elapsed, e.plan_time);
	}
	e.usage = &usage;
	record_failure(&e, queryDesc, queryDesc->sourceText,
				   queryDesc->plannedstmt->stmt_location,
				   queryDesc->plannedstmt->stmt_len);
	if (unlikely(capture_on) && e.key.toplevel)
		capture_execution(&e.key, compat_clock() - e.elapsed, e.elapsed, 0);
}

/* Inside another statement, or not recorded */
static pg_noinline void
start_nested(QueryDesc *queryDesc, int eflags)
{
	bool		watched = unlikely(triggerscans_on) &&
	triggerscans_wanted(queryDesc);

	if (!tracked((uint64) queryDesc->plannedstmt->queryId) ||
		(eflags & EXEC_FLAG_EXPLAIN_ONLY) != 0)
		next_ExecutorStart(queryDesc, eflags);
	else
	{
		session.level++;
		PG_TRY();
		{
			next_ExecutorStart(queryDesc, eflags);
		}
		PG_CATCH();
		{
			session.level--;
			start_failed(queryDesc);
			PG_RE_THROW();
		}
		PG_END_TRY();
		session.level--;
	}

	if (watched)
		triggerscans_started(queryDesc);
	if (unlikely(declaring.queryid != 0) && session.level == 1)
	{
		(void) make_open(queryDesc, &declaring, false);
		declaring.queryid = 0;
	}
}

static pg_noinline void
observe(QueryDesc *queryDesc, int eflags)
{
	uint64		queryid = (uint64) queryDesc->plannedstmt->queryId;

	if (tracked(queryid) && (eflags & EXEC_FLAG_EXPLAIN_ONLY) == 0)
	{
		StatementKey key = current_key(queryid);

		facts_observe(queryDesc, &key);
	}
}

static void
qw_ExecutorStart(QueryDesc *queryDesc, int eflags)
{
	/* an address used again: what is remembered of it is another query's */
	if (unlikely(unfinished.queryDesc == queryDesc))
		unfinished.queryDesc = NULL;

	if (unlikely(facts_costly(queryDesc)))
		observe(queryDesc, eflags);
	if (likely(session.all == 0 || toplevel_free()))
	{
		/* whether it is recorded is asked if it fails */
		toplevel.queryDesc = queryDesc;
		toplevel_begin(TOPLEVEL_STARTING, 1);
		next_ExecutorStart(queryDesc, eflags);
		toplevel_end();
	}
	else
	{
		toplevel_check();
		start_nested(queryDesc, eflags);
	}
}

/* A run whose rows are looked at as they are sent */
static pg_noinline void
run_collecting(EXECUTOR_RUN_ARGS)
{
	EvidenceCollector collector;

	evidence_begin(&collector, queryDesc, repeats_wanted_rows);
	repeats_wanted_rows = NULL;
	PG_TRY();
	{
		next_ExecutorRun(EXECUTOR_RUN_PASS);
	}
	PG_CATCH();
	{
		evidence_end(&collector, queryDesc, true);
		PG_RE_THROW();
	}
	PG_END_TRY();
	evidence_end(&collector, queryDesc, false);
}

static pg_noinline bool
has_triggers(List *relations)
{
	ListCell   *cell;

	foreach(cell, relations)
	{
		if (((ResultRelInfo *) lfirst(cell))->ri_TrigDesc != NULL)
			return true;
	}
	return false;
}

/*
 * Will ExecutorFinish do any work: triggers, or parts of the plan that change
 * data?
 */
static inline bool
finish_has_work(QueryDesc *queryDesc)
{
	EState	   *estate = queryDesc->estate;
	List	   *changed = estate->es_opened_result_relations;

	if (unlikely(estate->es_auxmodifytables != NIL ||
				 estate->es_tuple_routing_result_relations != NIL))
		return true;
	if (changed == NIL)
		return false;
	if (likely(list_length(changed) == 1))
		return ((ResultRelInfo *) linitial(changed))->ri_TrigDesc != NULL;
	return has_triggers(changed);
}

/* Does the end of the transaction run what is left of a cursor WITH HOLD? */
static inline bool
runs_held_cursor(void)
{
	return session.level == 0 && ActivePortal != NULL &&
		(ActivePortal->cursorOptions & CURSOR_OPT_HOLD) != 0;
}

/*
 * Is this run, that has a limit, the only one?  What SPI runs is never run
 * again, unless it belongs to a portal.
 */
static bool
runs_once(QueryDesc *queryDesc)
{
	return queryDesc->dest->mydest == DestSPI &&
		(ActivePortal == NULL || ActivePortal->queryDesc != queryDesc);
}

/* Record a run that was slow or has details the fast path does not collect */
static pg_noinline StatementLocal *
record_in_full(const Running *r, QueryDesc *queryDesc, uint64 elapsed,
			   uint64 rows)
{
	Execution	e = {0};
	Usage		usage;
	int			slot;

	measure_usage(&r->measure, &usage);
	e.key = r->key;
	e.start = r->measure.start;
	e.elapsed = elapsed;
	e.plan_time = plan_time_of(r->key.queryid);
	e.rows = rows;
	e.outcome = OUTCOME_COMPLETED;
	e.usage = &usage;
	record_query(&e, queryDesc);
	slot = statements_slot(&r->key);
	if (unlikely(!statements_described(slot)))
		describe_plan(slot, queryDesc); /* reset meanwhile */
	return statements_local(slot);
}

/* Facts of a run, if there is anything in it */
static pg_noinline void
look_at_facts(const Running *r, const StatementLocal *local,
			  QueryDesc *queryDesc, uint64 elapsed, uint64 rows)
{
	int64		spilled = pgBufferUsage.temp_blks_written -
	r->measure.buffers.temp_blks_written;

	if (spilled != 0 || facts_worth_a_look(queryDesc, rows) ||
		facts_skipped(queryDesc) >= FACTS_DEEP_OFFSET)
		facts_end(queryDesc, statements_number(local), elapsed, rows,
				  spilled);
}

/*
 * A query completed in one run (and finish, if that had work).  "simple": it
 * has a PLAN_SIMPLE.
 */
static pg_attribute_always_inline void
run_completed(const Running *r, StatementLocal *local, QueryDesc *queryDesc,
			  bool is_toplevel, bool simple, uint64 end, uint64 rows)
{
	bool		wrote;
	bool		rare = measure_used_rare(&r->measure);
	uint64		elapsed = end - r->measure.start;

	if (unlikely(is_slow(elapsed) ||
				 (!simple && !compat_is_plain(queryDesc))))
	{
		local = record_in_full(r, queryDesc, elapsed, rows);
		wrote = measure_wrote(&r->measure);
	}
	else
		wrote = statements_record_run(local, elapsed, rows, &r->measure, rare,
									  describe_plan, queryDesc);
	if (unlikely(rare || facts_worth_a_look(queryDesc, rows) ||
				 (!simple && facts_skipped(queryDesc) >= FACTS_DEEP_OFFSET)))
		look_at_facts(r, local, queryDesc, elapsed, rows);
	if (r->run)
		repeats_end(r->run, end, elapsed, rows);
	else if (is_toplevel)
		repeats_passed(end);
	if (is_toplevel)
	{
		/* a SELECT that left WAL called a function that wrote */
		if (unlikely(wrote) && queryDesc->operation == CMD_SELECT)
			repeats_wrote();
		client_statement_ended(local, end, r->transaction);
		if (unlikely(capture_on))
			capture_execution(&r->key, r->measure.start, elapsed, rows);
	}
}

/* A cursor's query, or another that may go on, has run in part */
static pg_noinline void
run_in_part(const Running *r, QueryDesc *queryDesc, uint64 end, uint64 rows)
{
	OpenQuery  *open = r->open;
	uint64		elapsed = end - r->measure.start;

	if (open == NULL)
		open = make_open(queryDesc, &r->key, r->counted);
	if (!open->ran)
	{
		open->ran = true;
		open->start = r->measure.start;
		open->run = r->run;
		open->plan_time = plan_time_of(r->key.queryid);
		if (r->run)
			repeats_end(r->run, end, elapsed, rows);
		if (unlikely(capture_on) && r->key.toplevel)
			capture_execution(&r->key, r->measure.start, elapsed, rows);
	}
	else
	{
		repeats_more_rows(open->run, r->key.queryid, end, elapsed, rows);
		if (unlikely(capture_on) && r->key.toplevel)
			capture_more_rows(&r->key, elapsed, rows);
	}
	open->elapsed += elapsed;
	open->rows += rows;
	(void) measure_add_usage(&r->measure, &open->usage);
	if (session.level == 0)
		client_statement_ended(r->local, end, r->transaction);
}

/*
 * Its finish is to come, which may run triggers.  "r" is NULL for a run that is
 * not recorded.
 */
static pg_noinline void
run_unfinished(const Running *r, QueryDesc *queryDesc, uint64 rows)
{
	unfinished.queryDesc = queryDesc;
	unfinished.recorded = r != NULL;
	if (r != NULL)
	{
		unfinished.rows = rows;
		unfinished.running = *r;
	}
}

/* A run that is not recorded; what runs below it is nested all the same */
static pg_noinline void
run_uncounted(EXECUTOR_RUN_ARGS)
{
	session.level++;
	PG_TRY();
	{
		next_ExecutorRun(EXECUTOR_RUN_PASS);
	}
	PG_FINALLY();
	{
		session.level--;
	}
	PG_END_TRY();
	if (session.level == 0 && finish_has_work(queryDesc))
		run_unfinished(NULL, queryDesc, 0);
}

/* The run or finish failed; its error is being handled */
static pg_noinline void
run_failed(const Running *r, QueryDesc *queryDesc)
{
	uint64		end = compat_clock();
	Execution	e = {0};
	Usage		usage = {0};

	e.key = r->key;
	e.start = r->measure.start;
	e.elapsed = end - r->measure.start;
	if (facts_query == queryDesc)
		facts_query = NULL;
	e.usage = &usage;
	if (r->running)
		measure_usage(&r->measure, &usage);
	repeats_failed(r->run, end);
	if (unlikely(capture_on) && r->key.toplevel &&
		(r->open == NULL || !r->open->ran))
		capture_execution(&r->key, e.start, e.elapsed, 0);
	if (r->open)
	{
		e.elapsed += r->open->elapsed;
		usage_add(&usage, &r->open->usage);
		r->open->done = true;
	}
	if (r->counted)
		record_failure(&e, queryDesc, queryDesc->sourceText,
					   queryDesc->plannedstmt->stmt_location,
					   queryDesc->plannedstmt->stmt_len);
}

/* A run that is recorded is about to begin: r->local is set */
static pg_attribute_always_inline void
run_begins(Running *r, QueryDesc *queryDesc, bool watch)
{
	StatementLocal *local = r->local;

	if (unlikely(!statement_described(local)))
		describe_plan(statements_number(local), queryDesc);
	if (watch && repeats_watches(local))
		r->run = repeats_begin(local, queryDesc, &r->measure.start,
							   r->transaction);
	else if (r->open)
		repeats_continue(r->open->run, r->key.queryid);
	else
	{
		if (watch)
			repeats_unwatched(local, queryDesc->sourceText);
		repeats_forget_application();
	}
	r->fills = statements_fills;
	r->running = true;
	measure_usage_start(&r->measure);
}

/* A run is over; "completed": and its query with it */
static pg_attribute_always_inline void
run_over(Running *r, QueryDesc *queryDesc, bool is_toplevel, bool completed)
{
	uint64		rows = queryDesc->estate->es_processed;
	uint64		end;

	if (unlikely(finish_has_work(queryDesc)))
	{
		run_unfinished(r, queryDesc, rows);
		return;
	}
	end = compat_clock();
	if (unlikely(r->fills != statements_fills))
		r->local = find_local(&r->key);
	if (likely(completed))
		run_completed(r, r->local, queryDesc, is_toplevel, false, end, rows);
	else
		run_in_part(r, queryDesc, end, rows);
}

/*
 * Inside another statement, in parts, of a cursor, or not recorded at all.  "r"
 * is the caller's, so that what is set in it while the query runs is still
 * there when that fails.
 */
static pg_noinline void
run_nested(EXECUTOR_RUN_ARGS, Running *r, bool is_toplevel)
{
	uint64		queryid = (uint64) queryDesc->plannedstmt->queryId;
	bool		cursor = unlikely(in_cursor_utility) && session.level == 1;
	DestReceiver *dest = queryDesc->dest;
	bool		watch;

	if (unlikely(queryDesc->operation != CMD_SELECT) && session.level > 0)
		repeats_wrote_within();
	r->local = NULL;
	r->counted = tracked(queryid);
	r->open = unlikely(open_queries != NULL) ? find_open(queryDesc) : NULL;
	if ((r->counted || (cursor && (queryid != 0 || r->open))) &&
		!ScanDirectionIsNoMovement(direction))
	{
		/* before 18 a cursor's query has its id from us alone */
		r->key = r->open ? r->open->key :
			statement_key(queryid, GetUserId(), MyDatabaseId, is_toplevel);
		r->local = find_local(&r->key);
	}
	if (r->local == NULL)
	{
		if (session.level > 0)
			next_ExecutorRun(EXECUTOR_RUN_PASS);
		else
			run_uncounted(EXECUTOR_RUN_PASS);
		return;
	}

	r->run = NULL;
	r->running = false;
	r->measure.start = compat_clock();
	r->transaction = compat_transaction_id();
	if (session.level == 0)
		client_statement_begins(r->transaction);
	watch = (session.level == 0 || cursor) &&
		(r->open == NULL || !r->open->ran);

	if (session.level == 0 && unlikely(facts_wants_width(queryDesc)))
		facts_measure(queryDesc);

	/*
	 * What the repeat detector does before is not measured, but its error, if
	 * on_repeat asks for one, is the statement's.
	 */
	session.level++;
	PG_TRY();
	{
		if (unlikely(capture_on) && watch && r->key.toplevel)
			capture_values(repeats_values(queryDesc,
										  &r->local->shape));
		run_begins(r, queryDesc, watch);
		if (unlikely(repeats_wanted_rows != NULL))
			run_collecting(EXECUTOR_RUN_PASS);
		else
			next_ExecutorRun(EXECUTOR_RUN_PASS);
	}
	PG_CATCH();
	{
		session.level--;
		run_failed(r, queryDesc);
		PG_RE_THROW();
	}
	PG_END_TRY();
	session.level--;
	queryDesc->dest = dest;

	run_over(r, queryDesc, session.level == 0,
			 r->open == NULL && !cursor &&
			 (count == 0 || runs_once(queryDesc)));
}

/*
 * What is left of a cursor's query: it began inside DECLARE, so it goes on; but
 * it runs after the COMMIT, and does not count as nested
 */
static void
run_held(EXECUTOR_RUN_ARGS)
{
	Running		r;

	in_cursor_utility = true;
	session.level++;
	PG_TRY();
	{
		run_nested(EXECUTOR_RUN_PASS, &r, true);
	}
	PG_FINALLY();
	{
		session.level--;
		in_cursor_utility = false;
	}
	PG_END_TRY();
}

static pg_noinline void
run_others(EXECUTOR_RUN_ARGS)
{
	Running		r;

	if (session.level == 0 && (session.obstacles & OBSTACLE_SETTINGS) != 0)
		repeats_configure();
	if (unlikely(runs_held_cursor()))
		run_held(EXECUTOR_RUN_PASS);
	else
		run_nested(EXECUTOR_RUN_PASS, &r, session.level == 0);
}

/*
 * What is known of a plan that the server keeps and runs again: PLAN_SIMPLE has
 * a table, few rows expected, and neither JIT nor parallel workers, LIMIT, or
 * parts that change data.
 */
typedef enum PlanKind
{
	PLAN_UNKNOWN,
	PLAN_SIMPLE,
	PLAN_OTHER
}			PlanKind;

static inline bool
is_known_plan(const StatementLocal *local, const PlannedStmt *plan)
{
	return local->plain_plan == plan && local->plain_plans == repeats_plans;
}

static pg_noinline void
classify_plan(StatementLocal *local, const PlannedStmt *plan)
{
	local->plan_kind = repeats_watches(local) &&
		compat_plan_is_plain(plan) && !plan->parallelModeNeeded &&
		!plan->hasModifyingCTE && !IsA(plan->planTree, Limit) &&
		plan->planTree->plan_rows < FACTS_MANY_ROWS ?
		PLAN_SIMPLE : PLAN_OTHER;
}

/* A run whose rows are looked at as they are sent */
static pg_noinline void
run_looked_at(EXECUTOR_RUN_ARGS, bool measured)
{
	DestReceiver *dest = queryDesc->dest;

	if (measured)
		facts_measure(queryDesc);
	if (repeats_wanted_rows != NULL)
		run_collecting(EXECUTOR_RUN_PASS);
	else
		next_ExecutorRun(EXECUTOR_RUN_PASS);
	queryDesc->dest = dest;
}

/*
 * A statement that the client sent runs at once to its end.  No PG_TRY, see
 * toplevel.h.  "simple": it has a PLAN_SIMPLE.
 */
static pg_attribute_always_inline void
run_of_client(EXECUTOR_RUN_ARGS, StatementLocal *local, bool simple)
{
	Running    *r = &toplevel.running;
	bool		measured;
	uint64		rows;
	uint64		end;

	r->key = local->key;
	r->local = local;
	r->run = NULL;
	r->running = false;
	r->measure.start = compat_clock();
	r->transaction = compat_transaction_id();
	client_statement_begins(r->transaction);
	toplevel.queryDesc = queryDesc;
	toplevel_begin(TOPLEVEL_RUNNING, 1);

	if (unlikely(!statement_described(local)))
		describe_plan(statements_number(local), queryDesc);
	if (simple)
		r->run = repeats_begin_known(local, queryDesc, &r->measure.start,
									 r->transaction);
	else if (repeats_watches(local))
		r->run = repeats_begin(local, queryDesc, &r->measure.start,
							   r->transaction);
	else
	{
		repeats_unwatched(local, queryDesc->sourceText);
		repeats_forget_application();
	}
	r->fills = statements_fills;
	r->running = true;
	measure_usage_restart(&r->measure);

	measured = simple ? facts_result_is_due(queryDesc) :
		facts_wants_width(queryDesc);
	if (unlikely(measured || repeats_wanted_rows != NULL))
		run_looked_at(EXECUTOR_RUN_PASS, measured);
	else
		next_ExecutorRun(EXECUTOR_RUN_PASS);
	toplevel_end();

	rows = queryDesc->estate->es_processed;
	if (!(simple && queryDesc->operation == CMD_SELECT) &&
		unlikely(finish_has_work(queryDesc)))
	{
		run_unfinished(r, queryDesc, rows);
		return;
	}
	end = compat_clock();
	if (unlikely(r->fills != statements_fills))
		local = find_local(&r->key);
	run_completed(r, local, queryDesc, true, simple, end, rows);
}

/* The statement of a plan, if it was not found at once */
static pg_noinline StatementLocal *
find_other(const PlannedStmt *plan)
{
	StatementKey key = current_key((uint64) plan->queryId);

	return find_local(&key);
}

static void
qw_ExecutorRun(EXECUTOR_RUN_ARGS)
{
	const PlannedStmt *plan = queryDesc->plannedstmt;
	StatementLocal *local;

	if (unlikely(session.all != 0 || count != 0 || plan->queryId == 0 ||
				 direction != ForwardScanDirection ||
				 (CURSORS_HAVE_QUERY_ID && runs_held_cursor())))
	{
		run_others(EXECUTOR_RUN_PASS);
		return;
	}
	local = statements_local_at_once((uint64) plan->queryId, GetUserId(), true);
	if (unlikely(local == NULL))
	{
		local = find_other(plan);
		if (local == NULL)
		{
			run_uncounted(EXECUTOR_RUN_PASS);
			return;
		}
	}
	if (is_known_plan(local, plan))
	{
		if (likely(local->plan_kind == PLAN_SIMPLE))
		{
			run_of_client(EXECUTOR_RUN_PASS, local, true);
			return;
		}
		if (local->plan_kind == PLAN_UNKNOWN)
			classify_plan(local, plan);
	}
	run_of_client(EXECUTOR_RUN_PASS, local, false);
}

/* The finish of a run that is recorded: "r" is its run */
static pg_noinline void
finish_recorded(Running *r, QueryDesc *queryDesc, uint64 rows)
{
	bool		watched = triggerscans_begin();

	session.level++;
	PG_TRY();
	{
		next_ExecutorFinish(queryDesc);
	}
	PG_CATCH();
	{
		session.level--;
		if (watched)
			triggerscans_end(NULL);
		run_failed(r, queryDesc);
		PG_RE_THROW();
	}
	PG_END_TRY();
	session.level--;
	r->local = find_local(&r->key);
	run_completed(r, r->local, queryDesc, session.level == 0, false,
				  compat_clock(), rows);
	if (watched)
		triggerscans_end(&r->key);
}

/* One that is not; its triggers are nested all the same */
static pg_noinline void
finish_uncounted(QueryDesc *queryDesc)
{
	session.level++;
	PG_TRY();
	{
		next_ExecutorFinish(queryDesc);
	}
	PG_FINALLY();
	{
		session.level--;
	}
	PG_END_TRY();
}

/* A query that ran in part is over */
static pg_noinline void
finish_open(QueryDesc *queryDesc)
{
	OpenQuery  *open = find_open(queryDesc);

	if (open && !open->done)
		record_open(open, queryDesc);
}

/* One that has triggers to run, or was a cursor's, or might be */
static pg_noinline void
finish_others(QueryDesc *queryDesc)
{
	if (unfinished.queryDesc != queryDesc)
	{
		next_ExecutorFinish(queryDesc);
		if (open_queries != NULL)
			finish_open(queryDesc);
		return;
	}
	unfinished.queryDesc = NULL;
	if (unfinished.recorded)
	{
		Running		r = unfinished.running;

		finish_recorded(&r, queryDesc, unfinished.rows);
	}
	else
		finish_uncounted(queryDesc);
}

static void
qw_ExecutorFinish(QueryDesc *queryDesc)
{
	if (likely(unfinished.queryDesc != queryDesc && open_queries == NULL))
		next_ExecutorFinish(queryDesc);
	else
		finish_others(queryDesc);
}

void
hooks_install(void)
{
	toplevel_init();
	prev_post_parse_analyze = post_parse_analyze_hook;
	post_parse_analyze_hook = prev_post_parse_analyze != NULL ?
		qw_post_parse_analyze_others : qw_post_parse_analyze;
	if (planner_hook)
		next_planner = planner_hook;
	planner_hook = qw_planner;
	if (ExecutorStart_hook)
		next_ExecutorStart = ExecutorStart_hook;
	ExecutorStart_hook = qw_ExecutorStart;
	if (ExecutorRun_hook)
		next_ExecutorRun = ExecutorRun_hook;
	ExecutorRun_hook = qw_ExecutorRun;
	if (ExecutorFinish_hook)
		next_ExecutorFinish = ExecutorFinish_hook;
	ExecutorFinish_hook = qw_ExecutorFinish;
	utility_hook_install();
}

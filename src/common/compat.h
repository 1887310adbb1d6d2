/*-------------------------------------------------------------------------
 *
 * compat.h
 *		What differs between PostgreSQL 15 and 19.
 *
 * The only file that looks at PG_VERSION_NUM.
 *
 * src/common/compat.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_COMPAT_H
#define QW_COMPAT_H

#include "access/parallel.h"
#include "catalog/pg_proc.h"
#include "executor/execdesc.h"
#include "executor/executor.h"
#include "executor/instrument.h"
#include "jit/jit.h"
#include "nodes/makefuncs.h"
#include "optimizer/optimizer.h"
#include "optimizer/planner.h"
#include "parser/analyze.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/typcache.h"
#include "utils/wait_event.h"

#include "common/execution.h"

#if PG_VERSION_NUM < 150000
#error "pg_querywatch needs PostgreSQL 15 or later"
#endif

#if PG_VERSION_NUM >= 160000
#include "nodes/queryjumble.h"
#else
#include "utils/queryjumble.h"
#endif

#if PG_VERSION_NUM >= 180000
#include "commands/explain_format.h"
#include "commands/explain_state.h"
#endif

/* Does jumbling take lists of constants for one, whatever their lengths? */
#define LISTS_ARE_SQUASHED		(PG_VERSION_NUM >= 180000)

/* Constants that jumbling recorded */
#if PG_VERSION_NUM >= 180000
#define LOCATION_IS_SQUASHED(location)		((location)->squashed)
#define LOCATION_IS_PARAM(location)			((location)->extern_param)
#define JUMBLE_HAS_SQUASHED_LISTS(jstate)	((jstate)->has_squashed_lists)
#else
#define LOCATION_IS_SQUASHED(location)		false
#define LOCATION_IS_PARAM(location)			false
#define JUMBLE_HAS_SQUASHED_LISTS(jstate)	false
#endif

/* Numbers like 0x1F and 1_000 */
#define NUMBERS_WITH_PREFIX		(PG_VERSION_NUM >= 160000)

/* Do backslashes in '...' stand for themselves?  Always, since 19 */
#if PG_VERSION_NUM >= 190000
#define STANDARD_STRINGS	true
#else
#define STANDARD_STRINGS	standard_conforming_strings
#endif

/* What an INSERT, UPDATE or DELETE returns, as parsed */
#if PG_VERSION_NUM >= 180000
#define COMPAT_RETURNING(stmt) \
	((stmt)->returningClause ? (stmt)->returningClause->exprs : NIL)
#else
#define COMPAT_RETURNING(stmt)	((stmt)->returningList)
#endif

/* Arguments of hooks and how they are passed on */
#if PG_VERSION_NUM >= 180000
#define EXECUTOR_RUN_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count
#define EXECUTOR_RUN_PASS	queryDesc, direction, count
#else
#define EXECUTOR_RUN_ARGS \
	QueryDesc *queryDesc, ScanDirection direction, uint64 count, \
	bool execute_once
#define EXECUTOR_RUN_PASS	queryDesc, direction, count, execute_once
#endif

#if PG_VERSION_NUM >= 190000
#define PLANNER_ARGS \
	Query *parse, const char *query_string, int cursorOptions, \
	ParamListInfo boundParams, ExplainState *es
#define PLANNER_PASS	parse, query_string, cursorOptions, boundParams, es
#define JUMBLE_STATE	const JumbleState
#else
#define PLANNER_ARGS \
	Query *parse, const char *query_string, int cursorOptions, \
	ParamListInfo boundParams
#define PLANNER_PASS	parse, query_string, cursorOptions, boundParams
#define JUMBLE_STATE	JumbleState
#endif

/*
 * Has a scanner take backslashes in '...' as escapes or not, whatever the
 * settings are, and say nothing of them: the server has said it.  Since 19
 * they never are.  \' is a quote in E'...'.
 */
static inline void
compat_scan_backslashes(core_yy_extra_type *extra, bool escapes)
{
#if PG_VERSION_NUM < 190000
	extra->standard_conforming_strings = !escapes;
	extra->escape_string_warning = false;
#endif
	extra->backslash_quote = BACKSLASH_QUOTE_ON;
}

/*
 * Parses a text into raw trees, with backslashes in '...' as escapes or not,
 * whatever the settings are.  Since 19 they never are.
 */
static inline List *
compat_raw_parse(const char *text, bool escapes)
{
#if PG_VERSION_NUM < 190000
	bool		save_standard_strings = standard_conforming_strings;
	bool		save_warning = escape_string_warning;
#endif
	int			save_backslash_quote = backslash_quote;
	List	   *trees;

#if PG_VERSION_NUM < 190000
	standard_conforming_strings = !escapes;
	escape_string_warning = false;
#endif
	backslash_quote = BACKSLASH_QUOTE_ON;
	PG_TRY();
	{
		trees = raw_parser(text, RAW_PARSE_DEFAULT);
	}
	PG_FINALLY();
	{
#if PG_VERSION_NUM < 190000
		standard_conforming_strings = save_standard_strings;
		escape_string_warning = save_warning;
#endif
		backslash_quote = save_backslash_quote;
	}
	PG_END_TRY();
	return trees;
}

/* May the role refresh this materialized view of that owner? */
static inline bool
compat_may_refresh(Oid view, Oid owner, Oid roleid)
{
#if PG_VERSION_NUM >= 170000
	if (pg_class_aclcheck(view, roleid, ACL_MAINTAIN) == ACLCHECK_OK)
		return true;
#endif
	return has_privs_of_role(roleid, owner);
}

/* May a role act as another?  Since 16, not every member may. */
static inline bool
compat_may_set_role(Oid member, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return member_can_set_role(member, role);
#else
	return is_member_of_role(member, role);
#endif
}

/*
 * The monotonic clock, nanoseconds.  Before 16 the reading is static: a local
 * variable whose address is taken would have the stack of each caller guarded.
 */
static inline uint64
compat_clock(void)
{
#if PG_VERSION_NUM >= 160000
	instr_time	now;
#else
	static instr_time now;
#endif

	INSTR_TIME_SET_CURRENT(now);
#if PG_VERSION_NUM >= 160000
	return (uint64) INSTR_TIME_GET_NANOSEC(now);
#else
	return (uint64) now.tv_sec * UINT64CONST(1000000000) + now.tv_nsec;
#endif
}

/*
 * Options of an EXPLAIN whose parameters have no values.  Before 16 there is
 * none, nor is one needed when no value is looked at.
 */
static inline List *
compat_explain_any_values(void)
{
#if PG_VERSION_NUM >= 160000
	return list_make1(makeDefElem("generic_plan", NULL, -1));
#else
	return NIL;
#endif
}

/*
 * What a column of a grouped query stands for: since 18 an expression of
 * GROUP BY is a column of a range table entry of its own.  NULL if rte is none
 * such.
 */
static inline Node *
compat_grouped(const RangeTblEntry *rte, AttrNumber attnum)
{
#if PG_VERSION_NUM >= 180000
	if (rte->rtekind == RTE_GROUP && attnum > 0 &&
		attnum <= list_length(rte->groupexprs))
		return list_nth(rte->groupexprs, attnum - 1);
#endif
	return NULL;
}

/* All of these; NIL if rte is none such */
static inline List *
compat_group_expressions(const RangeTblEntry *rte)
{
#if PG_VERSION_NUM >= 180000
	if (rte->rtekind == RTE_GROUP)
		return rte->groupexprs;
#endif
	return NIL;
}

/* Puts the expressions of GROUP BY back where they were written */
static inline void
compat_ungroup(Query *query)
{
#if PG_VERSION_NUM >= 180000
	if (!query->hasGroupRTE)
		return;
	query->targetList = (List *)
		flatten_group_exprs(NULL, query, (Node *) query->targetList);
	query->havingQual = flatten_group_exprs(NULL, query, query->havingQual);
	query->rtable = list_delete_last(query->rtable);	/* it came last */
	query->hasGroupRTE = false;
#endif
}

/* Forgets which outer joins may have made a column NULL, kept since 16 */
static inline void
compat_forget_nulling(Var *var)
{
#if PG_VERSION_NUM >= 160000
	var->varnullingrels = NULL;
#endif
}

/* Index of this backend's PGPROC */
static inline int
compat_proc_number(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProcNumber;
#else
	return MyProc->pgprocno;
#endif
}

/* Does the server count this process against limits of databases and roles? */
static inline bool
compat_counts_as_connection(volatile const PGPROC * proc)
{
#if PG_VERSION_NUM >= 190000
	return proc->backendType == B_BACKEND;
#elif PG_VERSION_NUM >= 180000
	return proc->isRegularBackend;
#else
	return !proc->isBackgroundWorker;
#endif
}

/* An entry of the snapshot behind pg_stat_activity, counted from 1 */
static inline const PgBackendStatus *
compat_backend_status(int number)
{
#if PG_VERSION_NUM >= 160000
	LocalPgBackendStatus *status = pgstat_get_local_beentry_by_index(number);
#else
	LocalPgBackendStatus *status = pgstat_fetch_stat_local_beentry(number);
#endif

	return status ? &status->backendStatus : NULL;
}

/*
 * Entries behind pg_stat_activity, in shared memory, by place; the first
 * MaxBackends are those of ordinary processes.  NULL: there are none in this
 * process.
 */
#if PG_VERSION_NUM >= 170000
#define COMPAT_STATUS_PLACES	(MaxBackends + NUM_AUXILIARY_PROCS)
#else
#define COMPAT_STATUS_PLACES	(MaxBackends + NUM_AUXPROCTYPES)
#endif

static inline volatile PgBackendStatus *
compat_status_array(void)
{
#if PG_VERSION_NUM >= 170000
	return MyBEEntry != NULL ? MyBEEntry - MyProcNumber : NULL;
#else
	return MyBEEntry != NULL && MyBackendId >= 1 ?
		MyBEEntry - (MyBackendId - 1) : NULL;
#endif
}

/*
 * The place of the process with this PGPROC; -1 if it has none among those of
 * ordinary processes.  It may be another process's by now.
 */
static inline int
compat_status_place(const PGPROC * proc, int number)
{
#if PG_VERSION_NUM >= 170000
	return number;
#else
	int			id = ((volatile const PGPROC *) proc)->backendId;

	return id >= 1 && id <= MaxBackends ? id - 1 : -1;
#endif
}

/* Local id of the top-level transaction this backend is in */
static inline uint64
compat_transaction_id(void)
{
#if PG_VERSION_NUM >= 170000
	return MyProc->vxid.lxid;
#else
	return MyProc->lxid;
#endif
}

/* A wait event set that lives as long as the process */
static inline WaitEventSet *
compat_create_wait_event_set(int nevents)
{
#if PG_VERSION_NUM >= 170000
	return CreateWaitEventSet(NULL, nevents);
#else
	return CreateWaitEventSet(TopMemoryContext, nevents);
#endif
}

/* A wait event of our own; they have no names before 17 */
static inline uint32
compat_wait_event(const char *name)
{
#if PG_VERSION_NUM >= 170000
	return WaitEventExtensionNew(name);
#else
	return PG_WAIT_EXTENSION;
#endif
}

/* Computes a query's id; its constants are returned */
static inline JumbleState *
compat_jumble(Query *query, const char *source_text)
{
#if PG_VERSION_NUM >= 160000
	return JumbleQuery(query);
#else
	return JumbleQuery(query, source_text);
#endif
}

/*
 * Query id of a utility statement that another module in front of us cleared
 * (pg_stat_statements does): computed as parse analysis did.
 */
static inline uint64
compat_query_id_of_utility(PlannedStmt *pstmt, const char *source_text)
{
	Query	   *query = makeNode(Query);

	query->commandType = CMD_UTILITY;
	query->utilityStmt = pstmt->utilityStmt;
	query->stmt_location = pstmt->stmt_location;
	query->stmt_len = pstmt->stmt_len;
	(void) compat_jumble(query, source_text);
	return (uint64) query->queryId;
}

/* Block I/O times between two readings, in nanoseconds */
static inline void
compat_io_times(int64 *times, const BufferUsage *now, const BufferUsage *then)
{
#define IO_TIME(field) \
	((int64) (INSTR_TIME_GET_DOUBLE(now->field) * 1e9 - \
			  INSTR_TIME_GET_DOUBLE(then->field) * 1e9 + 0.5))
#if PG_VERSION_NUM >= 170000
	times[USAGE_SHARED_READ_TIME] = IO_TIME(shared_blk_read_time);
	times[USAGE_SHARED_WRITE_TIME] = IO_TIME(shared_blk_write_time);
	times[USAGE_LOCAL_READ_TIME] = IO_TIME(local_blk_read_time);
	times[USAGE_LOCAL_WRITE_TIME] = IO_TIME(local_blk_write_time);
#else
	times[USAGE_SHARED_READ_TIME] = IO_TIME(blk_read_time);
	times[USAGE_SHARED_WRITE_TIME] = IO_TIME(blk_write_time);
	times[USAGE_LOCAL_READ_TIME] = 0;
	times[USAGE_LOCAL_WRITE_TIME] = 0;
#endif
	times[USAGE_TEMP_READ_TIME] = IO_TIME(temp_blk_read_time);
	times[USAGE_TEMP_WRITE_TIME] = IO_TIME(temp_blk_write_time);
#undef IO_TIME
}

/* Adds the WAL written between two readings */
static inline void
compat_add_wal_usage(int64 *wal, const WalUsage *now, const WalUsage *then)
{
	wal[USAGE_WAL_RECORDS] += now->wal_records - then->wal_records;
	wal[USAGE_WAL_FPI] += now->wal_fpi - then->wal_fpi;
	wal[USAGE_WAL_BYTES] += (int64) (now->wal_bytes - then->wal_bytes);
#if PG_VERSION_NUM >= 180000
	wal[USAGE_WAL_BUFFERS_FULL] +=
		now->wal_buffers_full - then->wal_buffers_full;
#endif
}

static inline void
compat_jit_usage(JitUsage *jit, const JitInstrumentation *instr)
{
#define JIT_TIME(field) ((int64) (INSTR_TIME_GET_DOUBLE(instr->field) * 1e9))
	jit->count[JIT_GENERATION] = instr->created_functions;
	jit->time[JIT_GENERATION] = JIT_TIME(generation_counter);
	jit->time[JIT_INLINING] = JIT_TIME(inlining_counter);
	jit->count[JIT_INLINING] = jit->time[JIT_INLINING] > 0;
	jit->time[JIT_OPTIMIZATION] = JIT_TIME(optimization_counter);
	jit->count[JIT_OPTIMIZATION] = jit->time[JIT_OPTIMIZATION] > 0;
	jit->time[JIT_EMISSION] = JIT_TIME(emission_counter);
	jit->count[JIT_EMISSION] = jit->time[JIT_EMISSION] > 0;
#if PG_VERSION_NUM >= 170000
	jit->time[JIT_DEFORM] = JIT_TIME(deform_counter);
#else
	jit->time[JIT_DEFORM] = 0;
#endif
	jit->count[JIT_DEFORM] = jit->time[JIT_DEFORM] > 0;
#undef JIT_TIME
}

static inline void
compat_parallel_workers(EState *estate, int *planned, int *launched)
{
#if PG_VERSION_NUM >= 180000
	*planned = estate->es_parallel_workers_to_launch;
	*launched = estate->es_parallel_workers_launched;
#else
	*planned = 0;
	*launched = 0;
#endif
}

/* Pages of a bitmap heap scan: with all of their rows in the bitmap, and not */
static inline int64
compat_exact_pages(const BitmapHeapScanState * scan)
{
#if PG_VERSION_NUM >= 180000
	return (int64) scan->stats.exact_pages;
#else
	return scan->exact_pages;
#endif
}

static inline int64
compat_lossy_pages(const BitmapHeapScanState * scan)
{
#if PG_VERSION_NUM >= 180000
	return (int64) scan->stats.lossy_pages;
#else
	return scan->lossy_pages;
#endif
}

/* Is there nothing to tell of JIT, parallel workers and kind of plan? */
static inline bool
compat_is_plain(const QueryDesc *queryDesc)
{
	return queryDesc->estate->es_jit == NULL
#if PG_VERSION_NUM >= 180000
		&& queryDesc->estate->es_parallel_workers_to_launch == 0
#endif
#if PG_VERSION_NUM >= 190000
		&& queryDesc->plannedstmt->planOrigin != PLAN_STMT_CACHE_GENERIC
		&& queryDesc->plannedstmt->planOrigin != PLAN_STMT_CACHE_CUSTOM
#endif
		;
}

/* Can no execution of the plan have that to tell, but for parallel workers? */
static inline bool
compat_plan_is_plain(const PlannedStmt *plan)
{
	return plan->jitFlags == 0
#if PG_VERSION_NUM >= 190000
		&& plan->planOrigin != PLAN_STMT_CACHE_GENERIC
		&& plan->planOrigin != PLAN_STMT_CACHE_CUSTOM
#endif
		;
}

static inline void
compat_cached_plan(const PlannedStmt *plan, bool *generic, bool *custom)
{
#if PG_VERSION_NUM >= 190000
	*generic = plan->planOrigin == PLAN_STMT_CACHE_GENERIC;
	*custom = plan->planOrigin == PLAN_STMT_CACHE_CUSTOM;
#else
	*generic = false;
	*custom = false;
#endif
}

/* Has this domain, or one that it is made of, a constraint? */
static inline bool
compat_has_constraints(Oid domain)
{
#if PG_VERSION_NUM >= 190000
	return DomainHasConstraints(domain, NULL);
#else
	return DomainHasConstraints(domain);
#endif
}

/* May this role call a function? */
static inline bool
compat_may_execute(Oid function, Oid role)
{
#if PG_VERSION_NUM >= 160000
	return object_aclcheck(ProcedureRelationId, function, role,
						   ACL_EXECUTE) == ACLCHECK_OK;
#else
	return pg_proc_aclcheck(function, role, ACL_EXECUTE) == ACLCHECK_OK;
#endif
}

/* May the current role do what a query does to its relations? */
static inline bool
compat_may_use_relations(Query *query)
{
#if PG_VERSION_NUM >= 160000
	return ExecCheckPermissions(query->rtable, query->rteperminfos, false);
#else
	return ExecCheckRTPerms(query->rtable, false);
#endif
}

/* Which of the columns of the newest pg_stat_statements this server knows */
#define HAVE_LOCAL_BLK_TIMES	(PG_VERSION_NUM >= 170000)
#define HAVE_JIT_DEFORM			(PG_VERSION_NUM >= 170000)
#define HAVE_WAL_BUFFERS_FULL	(PG_VERSION_NUM >= 180000)
#define HAVE_PARALLEL_WORKERS	(PG_VERSION_NUM >= 180000)
#define HAVE_CACHED_PLAN_ORIGIN (PG_VERSION_NUM >= 190000)

/* Tables are told apart by name in a query's id, not by OID */
#define QUERY_ID_BY_NAME		(PG_VERSION_NUM >= 180000)

/* The server computes an id for a cursor's query */
#define CURSORS_HAVE_QUERY_ID	(PG_VERSION_NUM >= 180000)

/* DEALLOCATE is a statement like any other since 17 */
#define TRACKS_DEALLOCATE		(PG_VERSION_NUM >= 170000)

/* What was counted of a node of a plan, and the blocks of it */
#if PG_VERSION_NUM >= 190000
typedef NodeInstrumentation CompatNodeUsage;
#define COMPAT_NODE_BUFFERS(usage)	(&(usage)->instr.bufusage)
#else
typedef Instrumentation CompatNodeUsage;
#define COMPAT_NODE_BUFFERS(usage)	(&(usage)->bufusage)
#endif

#endif							/* QW_COMPAT_H */

/*-------------------------------------------------------------------------
 *
 * sqlslow.c
 *		SQL-callable functions of the slow log.
 *
 * No state and no locks of its own.  What a role may see is decided here: the
 * query, its values, plan and tags are shown to the role that ran it and to
 * members of pg_read_all_stats; others see that it ran.
 *
 * src/functions/sqlslow.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_class.h"
#include "catalog/pg_type.h"
#include "commands/explain.h"
#include "executor/tstoreReceiver.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/analyze.h"
#include "parser/parse_node.h"
#include "utils/acl.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/jsonb.h"
#include "utils/memutils.h"
#include "utils/syscache.h"
#include "utils/timestamp.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "common/shmem.h"
#include "common/visible.h"
#include "query/runnable.h"
#include "rewrite/origin.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "statements/statements.h"

/* A value that is there but has no text, in the array of parameters */
#define NO_TEXT		"<not captured>"

PG_FUNCTION_INFO_V1(querywatch_slow_statements);
PG_FUNCTION_INFO_V1(querywatch_explain);
PG_FUNCTION_INFO_V1(querywatch_reset_slow);

static const char *
outcome_name(ExecutionOutcome outcome)
{
	switch (outcome)
	{
		case OUTCOME_COMPLETED:
			return "completed";
		case OUTCOME_ERROR:
			return "error";
		case OUTCOME_CANCELED:
			return "canceled";
		case OUTCOME_TIMEOUT:
			return "timeout";
	}
	return NULL;
}

/* How the strings of a record came into this database's encoding */
typedef struct Conversion
{
	bool		foreign;		/* they were in another one */
	bool		exact;			/* the query and its values have lost nothing */
} Conversion;

/*
 * Converts every string of a record, in place of those it had: copies in the
 * current context.
 */
static Conversion
convert_record(SlowRecord *record)
{
	Conversion	conversion;
	char	  **strings[] = {
		&record->application_name, &record->client_addr, &record->plan,
		&record->tags, &record->trace_id, &record->search_path,
		&record->blocker_application
	};

	conversion.foreign = record->encoding != GetDatabaseEncoding();
	conversion.exact = true;
	if (record->query != NULL)
		record->query = visible_text_exact(record->query, record->encoding,
										   &conversion.exact);
	for (int i = 0; i < lengthof(strings); i++)
	{
		if (*strings[i] != NULL)
			*strings[i] = visible_text(*strings[i], record->encoding);
	}

	if (record->nvalues > 0)
	{
		RecordedValue *values = palloc_array(RecordedValue, record->nvalues);

		for (int i = 0; i < record->nvalues; i++)
		{
			values[i] = record->values[i];
			if (values[i].text != NULL)
				values[i].text = visible_text_exact(values[i].text,
													record->encoding,
													&conversion.exact);
		}
		record->values = values;
	}
	record->encoding = GetDatabaseEncoding();
	return conversion;
}

/*
 * The statement to run a converted record again, or NULL; *reason then says
 * why there is none, as a hint.
 */
static char *
runnable_sql(const SlowRecord *record, const Conversion *conversion,
			 const char **reason)
{
	char	   *sql;

	if (record->query == NULL || !record->query_complete)
	{
		*reason = gettext_noop("Its text was longer than pg_querywatch.query_max_length.");
		return NULL;
	}
	if (!conversion->exact)
	{
		*reason = gettext_noop("It has characters that the encoding of this database does not have.");
		return NULL;
	}
	if (record->nvalues < 0)
	{
		*reason = gettext_noop("Its parameters were not captured.");
		return NULL;
	}
	for (int i = 0; i < record->nvalues; i++)
	{
		const RecordedValue *value = &record->values[i];

		if (!value->isnull && value->text == NULL)
		{
			*reason = gettext_noop("A parameter's value could not be captured.");
			return NULL;
		}
		if (!value->isnull && !value->complete)
		{
			*reason = gettext_noop("A parameter's value was longer than pg_querywatch.parameter_max_length.");
			return NULL;
		}
		if (record->key.dbid != MyDatabaseId &&
			value->type >= FirstNormalObjectId)
		{
			*reason = gettext_noop("A parameter is of a type of another database.");
			return NULL;
		}
	}

	sql = runnable_write(record->query, record->query_backslashes,
						 conversion->foreign,
						 record->nvalues, record->values);
	if (sql == NULL)
		*reason = gettext_noop("Its text is not a statement into which its parameters can be written.");
	return sql;
}

static Datum
parameters_array(const SlowRecord *record)
{
	Datum	   *elements = palloc_array(Datum, Max(record->nvalues, 1));
	bool	   *nulls = palloc_array(bool, Max(record->nvalues, 1));
	int			dims[1];
	int			lower[1] = {1};

	if (record->nvalues == 0)
		return PointerGetDatum(construct_empty_array(TEXTOID));

	for (int i = 0; i < record->nvalues; i++)
	{
		const RecordedValue *value = &record->values[i];

		nulls[i] = value->isnull;
		elements[i] = value->isnull ? (Datum) 0 :
			CStringGetTextDatum(value->text != NULL ? value->text : NO_TEXT);
	}
	dims[0] = record->nvalues;
	return PointerGetDatum(construct_md_array(elements, nulls, 1, dims, lower,
											  TEXTOID, -1, false,
											  TYPALIGN_INT));
}

/* Columns of slow_statements() */
typedef enum SlowColumn
{
	COLUMN_ID,
	COLUMN_STARTED_AT,
	COLUMN_EXEC_TIME,
	COLUMN_PLAN_TIME,
	COLUMN_ROWS,
	COLUMN_OUTCOME,
	COLUMN_SQLSTATE,
	COLUMN_USERID,
	COLUMN_DBID,
	COLUMN_APPLICATION_NAME,
	COLUMN_CLIENT_ADDR,
	COLUMN_PID,
	COLUMN_TOPLEVEL,
	COLUMN_QUERYID,
	COLUMN_QUERY,
	COLUMN_PARAMETERS,
	COLUMN_PLAN,
	COLUMN_SHARED_BLKS_HIT,
	COLUMN_SHARED_BLKS_READ,
	COLUMN_TEMP_BLKS_WRITTEN,
	COLUMN_WAL_BYTES,
	COLUMN_TAGS,
	COLUMN_TRACE_ID,
	COLUMN_RUNNABLE_SQL,
	COLUMN_WAIT_TIME,
	COLUMN_BLOCKED_BY,
	COLUMN_COUNT
} SlowColumn;

/* One row in the making */
typedef struct SlowRow
{
	ReturnSetInfo *rsinfo;
	MemoryContext context;		/* reset after each row */
	Datum		values[COLUMN_COUNT];
	bool		nulls[COLUMN_COUNT];
} SlowRow;

static inline void
set_column(SlowRow *row, SlowColumn column, Datum value)
{
	row->values[column] = value;
	row->nulls[column] = false;
}

static inline void
set_text_column(SlowRow *row, SlowColumn column, const char *text)
{
	if (text != NULL)
		set_column(row, column, CStringGetTextDatum(text));
}

/* Milliseconds by wait event, as jsonb */
static Datum
wait_times(const char *waits)
{
	char		name[SLOW_WAIT_NAME];
	int64		time;
	StringInfoData buf;

	initStringInfo(&buf);
	while (slow_wait_next(&waits, name, &time))
	{
		appendStringInfoChar(&buf, buf.len == 0 ? '{' : ',');
		escape_json(&buf, visible_text(name, PG_SQL_ASCII));
		appendStringInfo(&buf, ":%.3f", time / 1000.0);
	}
	if (buf.len == 0)
		appendStringInfoChar(&buf, '{');
	appendStringInfoChar(&buf, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data));
}

/*
 * Who held it up, as jsonb; of another role's session only what
 * pg_stat_activity shows
 */
static Datum
blocker(const SlowRecord *record)
{
	StringInfoData buf;
	bool		visible = record->blocker_pid == 0 ||
	visible_to_caller(record->blocker_key.userid);
	const char *statement = NULL;

	if (!visible)
		statement = "<insufficient privilege>";
	else if (record->blocker_pid > 0 && record->blocker_key.queryid != 0)
		statement = statements_text(&record->blocker_key);

	initStringInfo(&buf);
	appendStringInfo(&buf, "{\"pid\":%d", record->blocker_pid);
	if (visible)
	{
		appendStringInfoString(&buf, ",\"state\":");
		escape_json(&buf, record->blocker_state != NULL ?
					visible_text(record->blocker_state, PG_SQL_ASCII) : "");
	}
	if (record->blocker_pid > 0)
	{
		if (visible)
			appendStringInfo(&buf, ",\"state_time\":%.3f",
							 record->blocker_time / 1000.0);
		appendStringInfoString(&buf, ",\"application\":");
		escape_json(&buf, record->blocker_application != NULL ?
					record->blocker_application : "");
	}
	if (statement != NULL)
	{
		appendStringInfoString(&buf, ",\"statement\":");
		escape_json(&buf, statement);
	}
	appendStringInfoChar(&buf, '}');
	return DirectFunctionCall1(jsonb_in, CStringGetDatum(buf.data));
}

/* The columns that not everybody may see */
static void
set_private_columns(SlowRow *row, const SlowRecord *record,
					const Conversion *conversion)
{
	const char *reason;

	set_column(row, COLUMN_QUERYID, Int64GetDatum((int64) record->key.queryid));
	set_text_column(row, COLUMN_QUERY, record->query);
	if (record->client_addr != NULL)
		set_column(row, COLUMN_CLIENT_ADDR,
				   DirectFunctionCall1(inet_in,
									   CStringGetDatum(record->client_addr)));
	if (record->nvalues >= 0)
		set_column(row, COLUMN_PARAMETERS, parameters_array(record));
	set_text_column(row, COLUMN_PLAN, record->plan);
	if (record->tags != NULL)
		set_column(row, COLUMN_TAGS,
				   DirectFunctionCall1(jsonb_in,
									   CStringGetDatum(record->tags)));
	set_text_column(row, COLUMN_TRACE_ID, record->trace_id);
	set_text_column(row, COLUMN_RUNNABLE_SQL,
					runnable_sql(record, conversion, &reason));
	if (record->blocker_pid >= 0)
		set_column(row, COLUMN_BLOCKED_BY, blocker(record));
}

/* SlowlogCallback: one row of slow_statements() */
static void
put_row(void *arg, const SlowRecord *original)
{
	SlowRow    *row = (SlowRow *) arg;
	MemoryContext old_context = MemoryContextSwitchTo(row->context);
	SlowRecord	record = *original;
	Conversion	conversion = convert_record(&record);

	memset(row->nulls, true, sizeof(row->nulls));

	set_column(row, COLUMN_ID, Int64GetDatum(record.id));
	set_column(row, COLUMN_STARTED_AT, TimestampTzGetDatum(record.started_at));
	set_column(row, COLUMN_EXEC_TIME, Float8GetDatum(record.elapsed / 1e6));
	set_column(row, COLUMN_PLAN_TIME, Float8GetDatum(record.plan_time / 1e6));
	set_column(row, COLUMN_ROWS, Int64GetDatum((int64) record.rows));
	set_text_column(row, COLUMN_OUTCOME, outcome_name(record.outcome));
	if (record.outcome != OUTCOME_COMPLETED)
		set_text_column(row, COLUMN_SQLSTATE, unpack_sql_state(record.sqlstate));
	set_column(row, COLUMN_USERID, ObjectIdGetDatum(record.key.userid));
	set_column(row, COLUMN_DBID, ObjectIdGetDatum(record.key.dbid));
	set_text_column(row, COLUMN_APPLICATION_NAME, record.application_name);
	set_column(row, COLUMN_PID, Int32GetDatum(record.pid));
	set_column(row, COLUMN_TOPLEVEL, BoolGetDatum(record.key.toplevel != 0));
	set_column(row, COLUMN_SHARED_BLKS_HIT,
			   Int64GetDatum(record.shared_blks_hit));
	set_column(row, COLUMN_SHARED_BLKS_READ,
			   Int64GetDatum(record.shared_blks_read));
	set_column(row, COLUMN_TEMP_BLKS_WRITTEN,
			   Int64GetDatum(record.temp_blks_written));
	set_column(row, COLUMN_WAL_BYTES,
			   DirectFunctionCall1(int8_numeric,
								   Int64GetDatum(record.wal_bytes)));

	if (record.waits != NULL)
		set_column(row, COLUMN_WAIT_TIME, wait_times(record.waits));

	if (visible_to_caller(record.key.userid))
		set_private_columns(row, &record, &conversion);
	else
		set_text_column(row, COLUMN_QUERY, "<insufficient privilege>");

	tuplestore_putvalues(row->rsinfo->setResult, row->rsinfo->setDesc,
						 row->values, row->nulls);
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(row->context);
}

/*
 * Every slow execution that is still in the ring, newest first.
 */
Datum
querywatch_slow_statements(PG_FUNCTION_ARGS)
{
	SlowRow		row;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);

	row.rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	if (row.rsinfo->setDesc->natts != COLUMN_COUNT)
		elog(ERROR, "slow_statements() is declared with a wrong number of columns");
	row.context = AllocSetContextCreate(CurrentMemoryContext,
										"slow_statements row",
										ALLOCSET_DEFAULT_SIZES);
	slowlog_read(put_row, &row);
	MemoryContextDelete(row.context);
	return (Datum) 0;
}

/* Does this, or anything in it, change data or lock rows? */
static bool
has_side_effects(Node *node, void *context)
{
	if (node == NULL)
		return false;

	switch (nodeTag(node))
	{
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
		case T_MergeStmt:
			return true;
		case T_SelectStmt:
			if (((SelectStmt *) node)->lockingClause != NIL ||
				((SelectStmt *) node)->intoClause != NULL)
				return true;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, has_side_effects, context);
}

/* Error context callback: "arg" is the text that is explained */
static void
explain_error(void *arg)
{
	const char *sql = (const char *) arg;
	int			position = geterrposition();

	if (position > 0)
	{
		errposition(0);
		internalerrposition(position);
		internalerrquery(sql);
	}
	else
		errcontext("SQL statement \"%s\"", sql);
}

/* The only statement of a text, as parsed */
static Node *
parse_one(const char *sql)
{
	List	   *statements = compat_raw_parse(sql, false);

	if (list_length(statements) != 1)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot explain more than one statement at a time")));
	return linitial_node(RawStmt, statements)->stmt;
}

/* Takes INTO away, which the first SELECT of a set operation has */
static void
remove_into(SelectStmt *select)
{
	while (select->op != SETOP_NONE)
		select = select->larg;
	select->intoClause = NULL;
}

/*
 * Takes the query out of a REFRESH MATERIALIZED VIEW, and goes on as the view's
 * owner, as REFRESH does: the view's functions are the owner's.
 */
static Node *
refreshed_query(const RefreshMatViewStmt * refresh, const char **sql)
{
	Oid			view = RangeVarGetRelid(refresh->relation, AccessShareLock, false);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(view));
	Oid			owner;
	Oid			save_userid;
	int			sec_context;

	if (!HeapTupleIsValid(tuple))
		elog(ERROR, "cache lookup failed for relation %u", view);
	if (((Form_pg_class) GETSTRUCT(tuple))->relkind != RELKIND_MATVIEW)
		ereport(ERROR,
				(errcode(ERRCODE_WRONG_OBJECT_TYPE),
				 errmsg("\"%s\" is not a materialized view",
						refresh->relation->relname)));
	owner = ((Form_pg_class) GETSTRUCT(tuple))->relowner;
	ReleaseSysCache(tuple);

	GetUserIdAndSecContext(&save_userid, &sec_context);
	if (!compat_may_refresh(view, owner, save_userid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied for materialized view %s",
						refresh->relation->relname)));
	SetUserIdAndSecContext(owner, sec_context);

	*sql = TextDatumGetCString(DirectFunctionCall1(pg_get_viewdef,
												   ObjectIdGetDatum(view)));
	return parse_one(*sql);
}

/*
 * What is planned for a statement: itself, or the query that it makes a table,
 * a copy or a plan of.  *sql becomes the text in which that is.  The name of a
 * prepared statement says what it is only in the same session.
 */
static Node *
planned_statement(const char **sql, bool same_session)
{
	Node	   *statement = parse_one(*sql);

	while (statement != NULL)
	{
		switch (nodeTag(statement))
		{
			case T_SelectStmt:
				remove_into((SelectStmt *) statement);
				return statement;
			case T_InsertStmt:
			case T_UpdateStmt:
			case T_DeleteStmt:
			case T_MergeStmt:
			case T_DeclareCursorStmt:	/* planned for a fast start */
				return statement;
			case T_ExecuteStmt:
				if (!same_session)
					ereport(ERROR,
							(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
							 errmsg("prepared statement \"%s\" is one of another session",
									((ExecuteStmt *) statement)->name),
							 errhint("Call explain() in the session that ran it.")));
				return statement;
			case T_CreateTableAsStmt:
				statement = ((CreateTableAsStmt *) statement)->query;
				break;
			case T_ExplainStmt:
				statement = ((ExplainStmt *) statement)->query;
				break;
			case T_CopyStmt:
				statement = ((CopyStmt *) statement)->query;
				break;
			case T_RefreshMatViewStmt:
				return refreshed_query((RefreshMatViewStmt *) statement, sql);
			default:
				statement = NULL;
				break;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("this kind of statement has no plan"),
			 errhint("There is a plan of SELECT, INSERT, UPDATE, DELETE, MERGE and VALUES, and of what EXECUTE, DECLARE, EXPLAIN, COPY, CREATE TABLE AS, and CREATE and REFRESH MATERIALIZED VIEW run.")));
}

/* Refuses to run what does more than read */
static void
check_runnable(Node *statement)
{
	if (IsA(statement, DeclareCursorStmt))
		statement = ((DeclareCursorStmt *) statement)->query;
	if (!IsA(statement, SelectStmt) || has_side_effects(statement, NULL))
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("cannot run this statement again"),
				 errdetail("Only a SELECT that locks no rows and changes no data is run with \"analyze\"."),
				 errhint("Leave \"analyze\" off to see the plan without running the statement.")));
}

/*
 * Plans a statement of the text by EXPLAIN and puts the lines into the result.
 * It has to mean what it meant when it ran, where that is known: origin is
 * NULL where it is not.
 */
static void
put_explain(ReturnSetInfo *rsinfo, Node *statement, bool analyze,
			const char *sql, const StatementOrigin *origin)
{
	DestReceiver *dest = CreateDestReceiver(DestTuplestore);
	ParseState *pstate = make_parsestate(NULL);
	ExplainStmt *explain = makeNode(ExplainStmt);
	RawStmt    *raw = makeNode(RawStmt);
	ErrorContextCallback callback;
	Query	   *query;

	callback.callback = explain_error;
	callback.arg = (void *) sql;
	callback.previous = error_context_stack;
	error_context_stack = &callback;

	explain->query = statement;
	if (analyze)
		explain->options = list_make1(makeDefElem("analyze", NULL, -1));
	raw->stmt = (Node *) explain;
	query = parse_analyze_fixedparams(raw, sql, NULL, 0, NULL);
	explain = castNode(ExplainStmt, query->utilityStmt);
	if (origin != NULL &&
		origin_meaning(castNode(Query, explain->query)) != origin->meaning)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("the statement no longer means what it meant when it ran"),
				 errdetail("A name in it stands for another table, column, function, operator or type now."),
				 errhint("Run EXPLAIN on its runnable_sql to see what it does now.")));

	pstate->p_sourcetext = sql;
	SetTuplestoreDestReceiverParams(dest, rsinfo->setResult,
									rsinfo->econtext->ecxt_per_query_memory,
									false, NULL, NULL);
	ExplainQuery(pstate, explain, NULL, dest);
	dest->rDestroy(dest);
	free_parsestate(pstate);
	error_context_stack = callback.previous;
}

/* Sets a setting until the GUC nest level ends */
static void
set_for_level(const char *name, const char *value, GucContext context)
{
	(void) set_config_option(name, value, context, PGC_S_SESSION,
							 GUC_ACTION_SAVE, true, 0, false);
}

/* How a statement was analysed when it ran; false if that is not known */
static bool
read_origin(const StatementKey *key, StatementOrigin *origin)
{
	int			encoding;
	const char *tables = statements_tables(key, &encoding);

	return tables != NULL && origin_read(origin_behind(tables), origin);
}

/*
 * Runs a statement through EXPLAIN as the role that ran it, in the search_path
 * that it had: planning evaluates functions of the statement, which the role
 * may have made, and they get no more rights than it has.  Nor may they change
 * data, or settings that outlive them.  After an error, the end of the
 * transaction or subtransaction puts everything back.
 */
static void
explain_as(const StatementKey *key, const char *sql, const char *search_path,
		   bool same_session, bool analyze, ReturnSetInfo *rsinfo)
{
	StatementOrigin origin;
	bool		known = read_origin(key, &origin);
	bool		save_read_only = XactReadOnly;
	int			nest_level = NewGUCNestLevel();
	Oid			save_userid;
	int			save_sec_context;
	Node	   *statement;

	GetUserIdAndSecContext(&save_userid, &save_sec_context);
	SetUserIdAndSecContext(key->userid, save_sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	XactReadOnly = true;
	/* it is nothing that an application does */
	set_for_level("pg_querywatch.track", "none", PGC_SUSET);
	/* a prepared one is planned in that in which it was prepared */
	if (known)
		search_path = origin.search_path;
	if (search_path != NULL)
		set_for_level("search_path", guarded_search_path(search_path),
					  PGC_USERSET);

	statement = planned_statement(&sql, same_session);
	if (analyze)
		check_runnable(statement);
	put_explain(rsinfo, statement, analyze, sql, known ? &origin : NULL);

	XactReadOnly = save_read_only;
	AtEOXact_GUC(false, nest_level);
	SetUserIdAndSecContext(save_userid, save_sec_context);
}

/*
 * Runs a recorded statement through EXPLAIN, as the role that ran it.
 */
Datum
querywatch_explain(PG_FUNCTION_ARGS)
{
	int64		id = PG_GETARG_INT64(0);
	bool		analyze = PG_GETARG_BOOL(1);
	SlowRecord *record;
	Conversion	conversion;
	const char *reason = NULL;
	char	   *sql;

	shmem_require();
	InitMaterializedSRF(fcinfo, MAT_SRF_USE_EXPECTED_DESC);

	record = slowlog_find(id);
	if (record == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("there is no slow statement with id %lld",
						(long long) id),
				 errhint("It may have been overwritten by newer ones; pg_querywatch.slow_memory says how much is kept.")));
	if (!compat_may_set_role(GetUserId(), record->key.userid))
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("permission denied to explain slow statement %lld",
						(long long) id),
				 errhint("It is planned as the role that ran it, so you must be able to SET ROLE to it; or run EXPLAIN on its runnable_sql.")));
	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(record->key.userid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("the role that ran slow statement %lld no longer exists",
						(long long) id),
				 errhint("Run EXPLAIN on its runnable_sql.")));
	if (record->key.dbid != MyDatabaseId)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("slow statement %lld was run in another database",
						(long long) id),
				 errhint("Connect to that database.")));

	conversion = convert_record(record);
	sql = runnable_sql(record, &conversion, &reason);
	if (sql == NULL)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("slow statement %lld cannot be run again",
						(long long) id),
				 errhint("%s", _(reason))));

	explain_as(&record->key, sql, record->search_path,
			   record->pid == MyProcPid, analyze,
			   (ReturnSetInfo *) fcinfo->resultinfo);
	return (Datum) 0;
}

Datum
querywatch_reset_slow(PG_FUNCTION_ARGS)
{
	shmem_require();
	slowlog_reset();
	snapshot_request();
	PG_RETURN_VOID();
}

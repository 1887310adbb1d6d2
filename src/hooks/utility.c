/*-------------------------------------------------------------------------
 *
 * utility.c
 *		The path of one utility statement.
 *
 * Everything that runs inside a utility statement is nested, except below
 * EXECUTE and PREPARE, which are not counted themselves: the executor counts
 * the prepared statement.
 *
 * src/hooks/utility.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "commands/discard.h"
#include "common/hashfn.h"
#include "tcop/cmdtag.h"
#include "tcop/utility.h"

#include "hooks/describe.h"
#include "hooks/hooks.h"
#include "hooks/recording.h"
#include "hooks/toplevel.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "query/secrets.h"
#include "repeats/capture.h"
#include "repeats/repeats.h"
#include "statements/statements_run.h"

/* The hook before ours, or what there is to do where there was none */
static ProcessUtility_hook_type next_ProcessUtility = standard_ProcessUtility;

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

/* Does it set what results are written or names are looked up by? */
static bool
sets_results(Node *parsetree)
{
	static const char *const settings[] = {
		"bytea_output", "datestyle", "default_text_search_config",
		"extra_float_digits", "intervalstyle", "lc_monetary", "lc_numeric",
		"lc_time", "role", "row_security", "search_path",
		"session_authorization", "timezone", "transform_null_equals",
		"xmlbinary"
	};
	const char *name;

	if (!IsA(parsetree, VariableSetStmt))
		return false;
	name = ((VariableSetStmt *) parsetree)->name;
	for (int i = 0; name != NULL && i < lengthof(settings); i++)
	{
		if (pg_strcasecmp(name, settings[i]) == 0)
			return true;
	}
	return false;
}

/*
 * Does it undo what this transaction did, all of it or since a savepoint?  To
 * be asked before it runs.
 */
static bool
rolls_back(Node *parsetree)
{
	if (!IsA(parsetree, TransactionStmt) || !IsTransactionBlock())
		return false;
	switch (((TransactionStmt *) parsetree)->kind)
	{
		case TRANS_STMT_ROLLBACK:
		case TRANS_STMT_ROLLBACK_TO:
			return true;
		case TRANS_STMT_COMMIT:
		case TRANS_STMT_PREPARE:
			return IsAbortedTransactionBlockState();
		default:
			return false;
	}
}

/* Does it hand a connection back to a pool, as far as can be told? */
static bool
resets_all(Node *parsetree)
{
	return IsA(parsetree, VariableSetStmt) &&
		((VariableSetStmt *) parsetree)->kind == VAR_RESET_ALL;
}

/* Does it end a transaction block, unless that has failed? */
static bool
commits(Node *parsetree)
{
	return IsA(parsetree, TransactionStmt) &&
		(((TransactionStmt *) parsetree)->kind == TRANS_STMT_COMMIT ||
		 ((TransactionStmt *) parsetree)->kind == TRANS_STMT_PREPARE);
}

/*
 * Statements that only control session, transaction and the like: no queries
 * to who counts an application's
 */
static bool
is_control(Node *parsetree)
{
	switch (nodeTag(parsetree))
	{
		case T_TransactionStmt:
		case T_ConstraintsSetStmt:
		case T_VariableSetStmt:
		case T_VariableShowStmt:
		case T_PrepareStmt:
		case T_ExecuteStmt:
		case T_DeallocateStmt:
		case T_ClosePortalStmt:
		case T_DiscardStmt:
		case T_ListenStmt:
		case T_UnlistenStmt:
		case T_LoadStmt:
			return true;
		default:
			return false;
	}
}

/* To the capture: the distinct texts of a utility statement are its values */
static void
capture_utility(const Execution *e, const char *text, int length)
{
	capture_values(hash_bytes_extended((const unsigned char *) text, length,
									   0));
	capture_execution(&e->key, e->start, e->elapsed, e->rows);
}

/*
 * Ends the text of a statement, a part of the source, before its first
 * secret, and leaves out the comments with tags around it.  Returns true if
 * there is a secret.
 */
static inline bool
cut_secrets(Node *parsetree, const char *source, const char **text,
			int *length)
{
	bool		is_value;
	int			location = secrets_location(parsetree, &is_value);
	int			begin = 0;

	if (likely(location < 0))
		return false;
	comment_strip(text, &begin, length);
	location = Max(location - (int) (*text - source), 0);
	if (is_value)
		*length = Min(*length, location);
	*length = normalize_before_string(*text, *length, location);
	secrets_source = source;
	secrets_kept_length = *text + *length - source;
	return true;
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

/*
 * BEGIN, COMMIT and savepoints that the client sent by themselves.  They only
 * say what is to be done: the transaction begins before them and ends after
 * them, so they use nothing that would have to be measured, and they set
 * nothing that the repeat detector would have to look at again.
 */
#define SIMPLE_COMMANDS \
	((1 << TRANS_STMT_BEGIN) | (1 << TRANS_STMT_START) | \
	 (1 << TRANS_STMT_COMMIT) | (1 << TRANS_STMT_SAVEPOINT) | \
	 (1 << TRANS_STMT_RELEASE))

static pg_noinline void
run_utility(PlannedStmt *pstmt, const char *queryString, bool readOnlyTree,
			ProcessUtilityContext context, ParamListInfo params,
			QueryEnvironment *queryEnv, DestReceiver *dest,
			QueryCompletion *qc)
{
	Node	   *parsetree = pstmt->utilityStmt;
	volatile int level = toplevel_level();
	bool		was_in_cursor_utility = in_cursor_utility;
	volatile uint64 queryid = (uint64) pstmt->queryId;
	bool		nests = !IsA(parsetree, ExecuteStmt) &&
	!IsA(parsetree, PrepareStmt) &&
	(TRACKS_DEALLOCATE || !IsA(parsetree, DeallocateStmt));
	volatile bool track = qw_track_utility && nests && level_tracked() &&
	!IsParallelWorker();
	volatile bool discard_all = IsA(parsetree, DiscardStmt) &&
	((DiscardStmt *) parsetree)->target == DISCARD_ALL;
	volatile bool undone = rolls_back(parsetree) || resets_all(parsetree);
	volatile bool committed = commits(parsetree);
	volatile bool captured = level == 0 && !is_control(parsetree);
	volatile bool wrote = !is_harmless(parsetree);
	volatile bool changed = wrote || sets_results(parsetree);
	const char *text = queryString;
	int			location = pstmt->stmt_location;
	int			length = pstmt->stmt_len;
	CommandTag	tag = CreateCommandTag(parsetree);
	bool		hide = describe_hides_constants(parsetree);
	StatementKey key;
	Measure		measure;
	Usage		usage;
	uint64		end;
	Execution	e = {.params = params};
	int			slot;
	const char *outer_source = secrets_source;
	int			outer_length = secrets_kept_length;

	/* parts of a statement, like the index of a table, have none */
	if (track && queryid == 0 && IsQueryIdEnabled() &&
		context != PROCESS_UTILITY_SUBCOMMAND)
		queryid = compat_query_id_of_utility(pstmt, queryString);
	track = track && queryid != 0;
	if (track)
	{
		comment_include(text, &location, &length);
		normalize_clean(&text, &location, &length);
		if (!IsA(parsetree, TransactionStmt))
			e.text_cut = cut_secrets(parsetree, queryString, &text, &length);
	}

	measure_start(&measure);
	if (level == 0)
	{
		client_statement_begins(compat_transaction_id());
		in_cursor_utility = IsA(parsetree, FetchStmt) ||
			IsA(parsetree, DeclareCursorStmt);
	}

	if (nests)
		session.level++;
	PG_TRY();
	{
		if (level == 0 && IsA(parsetree, DeclareCursorStmt))
			hooks_declare_cursor((DeclareCursorStmt *) parsetree, queryString,
								 pstmt->stmt_location, pstmt->stmt_len);
		next_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
							queryEnv, dest, qc);
	}
	PG_CATCH();
	{
		session.level = level;
		in_cursor_utility = was_in_cursor_utility;
		secrets_source = outer_source;
		secrets_kept_length = outer_length;
		hooks_forget_declaration();
		if (track)
		{
			e.key = current_key(queryid);
			e.start = measure.start;
			e.elapsed = compat_clock() - measure.start;
			e.usage = &usage;
			measure_usage(&measure, &usage);
			slot = statements_slot(&e.key);
			/* to hide constants takes memory: not where there may be none */
			if (slot >= 0 &&
				(!hide || ERRCODE_TO_CATEGORY(geterrcode()) !=
				 ERRCODE_INSUFFICIENT_RESOURCES))
				describe_utility(slot, tag, text, length, hide);
			record_failure(&e, NULL, text, 0, length);
			if (unlikely(capture_on) && captured)
				capture_utility(&e, text, length);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
	session.level = level;
	in_cursor_utility = was_in_cursor_utility;
	secrets_source = outer_source;
	secrets_kept_length = outer_length;

	/* *pstmt may be gone by now: ROLLBACK frees it */
	end = compat_clock();
	repeats_forget_application();
	if (level == 0)
	{
		if (discard_all)
			capture_forget();
		if (discard_all || undone)
			repeats_close();
		else if (committed)
			repeats_committed(compat_transaction_id());
		else if (wrote)
			repeats_wrote();
		if (changed)
			repeats_changed();
	}
	else if (wrote)
		repeats_wrote_within();
	if (!track)
		return;

	measure_usage(&measure, &usage);
	key = current_key(queryid);
	slot = statements_slot(&key);
	if (slot < 0)
		return;
	describe_utility(slot, tag, text, length, hide);
	e.key = key;
	e.start = measure.start;
	e.elapsed = end - measure.start;
	e.rows = rows_of_utility(qc);
	e.usage = &usage;
	record_execution(&e, NULL, text, 0, length);
	if (unlikely(capture_on) && captured)
		capture_utility(&e, text, length);
	if (level == 0)
		client_statement_ended(statements_local(slot), end,
							   compat_transaction_id());
}

/*
 * The statement of each of them that ran last, so that it need not be looked up
 * again: at first one that no command is
 */
static StatementLocal *commands[TRANS_STMT_RELEASE + 1] = {
	[TRANS_STMT_BEGIN] = &statements_locals[NO_SLOT],
	[TRANS_STMT_START] = &statements_locals[NO_SLOT],
	[TRANS_STMT_COMMIT] = &statements_locals[NO_SLOT],
	[TRANS_STMT_SAVEPOINT] = &statements_locals[NO_SLOT],
	[TRANS_STMT_RELEASE] = &statements_locals[NO_SLOT],
};

/*
 * Records a command that was slow, or whose statement is another than the last
 * time.  Returns the statement, NULL if it is not recorded.
 */
static pg_noinline StatementLocal *
record_command(const PlannedStmt *pstmt, TransactionStmtKind kind,
			   uint64 elapsed)
{
	Execution	e = {0};
	Usage		usage = {0};
	const char *text = toplevel.text;
	int			location = toplevel.location;
	int			length = toplevel.length;
	int			slot;

	e.key = current_key(toplevel.queryid);
	slot = statements_slot(&e.key);
	if (slot < 0)
		return NULL;
	comment_include(text, &location, &length);
	normalize_clean(&text, &location, &length);
	describe_utility(slot, CreateCommandTag(pstmt->utilityStmt), text, length,
					 describe_hides_constants(pstmt->utilityStmt));
	e.start = toplevel.running.measure.start;
	e.elapsed = elapsed;
	e.usage = &usage;
	record_execution(&e, NULL, text, 0, length);
	if (statements_local(slot)->slot != NULL)
		commands[kind] = statements_local(slot);
	return statements_local(slot);
}

/* A COMMIT has rolled back; else the transaction is to be committed */
static pg_noinline void
rolled_back(void)
{
	repeats_forget_application();
	repeats_close();
}

/*
 * Is it one of SIMPLE_COMMANDS, that nothing special is to be heeded for?  "qc"
 * tells whether a COMMIT commits.
 */
static inline bool
is_simple_command(const PlannedStmt *pstmt, ProcessUtilityContext context,
				  const QueryCompletion *qc)
{
	return session.all == 0 && IsA(pstmt->utilityStmt, TransactionStmt) &&
		context == PROCESS_UTILITY_TOPLEVEL &&
		((1 << ((TransactionStmt *) pstmt->utilityStmt)->kind) &
		 SIMPLE_COMMANDS) != 0 &&
		pstmt->queryId != 0 && qc != NULL;
}

/* A simple command is looked up after it ran: then nothing waits for that */
static void
qw_ProcessUtility(PlannedStmt *pstmt, const char *queryString,
				  bool readOnlyTree, ProcessUtilityContext context,
				  ParamListInfo params, QueryEnvironment *queryEnv,
				  DestReceiver *dest, QueryCompletion *qc)
{
	Running    *r = &toplevel.running;
	TransactionStmtKind kind;
	StatementLocal *local;
	uint64		end;
	uint64		elapsed;

	if (!is_simple_command(pstmt, context, qc))
	{
		run_utility(pstmt, queryString, readOnlyTree, context, params,
					queryEnv, dest, qc);
		return;
	}
	kind = ((TransactionStmt *) pstmt->utilityStmt)->kind;
	toplevel.text = queryString;
	toplevel.queryid = (uint64) pstmt->queryId;
	toplevel.location = pstmt->stmt_location;
	toplevel.length = pstmt->stmt_len;
	r->measure.start = compat_clock();
	r->transaction = compat_transaction_id();
	client_statement_begins(r->transaction);
	toplevel_begin(TOPLEVEL_COMMAND, 1);
	next_ProcessUtility(pstmt, queryString, readOnlyTree, context, params,
						queryEnv, dest, qc);
	toplevel_end();

	end = compat_clock();
	elapsed = end - r->measure.start;
	if (kind == TRANS_STMT_COMMIT)
	{
		if (likely(qc->commandTag != CMDTAG_ROLLBACK))
			repeats_committed(r->transaction);
		else
			rolled_back();
	}
	local = commands[kind];
	if (likely(local->key.queryid == toplevel.queryid &&
			   local->key.userid == GetUserId() &&
			   local->key.toplevel != 0 && local->slot != NULL &&
			   statement_described(local) && !is_slow(elapsed)))
		statements_record_command(local, elapsed);
	else
		local = record_command(pstmt, kind, elapsed);
	if (likely(local != NULL))
		client_statement_ended(local, end, r->transaction);
}

void
utility_hook_install(void)
{
	if (ProcessUtility_hook)
		next_ProcessUtility = ProcessUtility_hook;
	ProcessUtility_hook = qw_ProcessUtility;
}

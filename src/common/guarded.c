/*-------------------------------------------------------------------------
 *
 * guarded.c
 *		Runs code that may raise where nothing may be raised.
 *
 * src/common/guarded.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "access/xact.h"
#include "catalog/namespace.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/value.h"
#include "storage/latch.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/inval.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"
#include "utils/varlena.h"

#include "common/guarded.h"

static bool
call(GuardedCallback callback, void *arg, bool with_snapshot)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	uint32		holdoff_count;
	volatile bool done = false;

	if (!IsTransactionState() || IsAbortedTransactionBlockState() ||
		IsInParallelMode())
		return false;

	HOLD_INTERRUPTS();
	holdoff_count = InterruptHoldoffCount;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		bool		pushed = false;

		if (with_snapshot && !ActiveSnapshotSet())
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			pushed = true;
		}
		callback(arg);
		if (pushed)
			PopActiveSnapshot();

		ReleaseCurrentSubTransaction();
		done = true;
	}
	PG_CATCH();
	{
		/* raising let go of all holds */
		InterruptHoldoffCount = holdoff_count;

		MemoryContextSwitchTo(context);
		FlushErrorState();
		RollbackAndReleaseCurrentSubTransaction();
	}
	PG_END_TRY();

	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	RESUME_INTERRUPTS();
	return done;
}

bool
guarded_call(GuardedCallback callback, void *arg)
{
	return call(callback, arg, true);
}

bool
guarded_call_early(GuardedCallback callback, void *arg)
{
	return call(callback, arg, false);
}

/* Not to be kept from the user whose query it is */
static bool
concerns_user(int sqlerrcode)
{
	switch (sqlerrcode)
	{
		case ERRCODE_QUERY_CANCELED:
		case ERRCODE_ADMIN_SHUTDOWN:
		case ERRCODE_CRASH_SHUTDOWN:
		case ERRCODE_DATABASE_DROPPED:
		case ERRCODE_IDLE_SESSION_TIMEOUT:
		case ERRCODE_OUT_OF_MEMORY:
			return true;
		default:
			return false;
	}
}

/*
 * Is the error that is handled a cancel, as the limit of guarded_look_as()
 * makes one?  Not that of a timeout, which only the message tells.
 */
static bool
was_cancelled(void)
{
	ErrorData  *error;
	bool		result;

	if (geterrcode() != ERRCODE_QUERY_CANCELED)
		return false;
	error = CopyErrorData();
	result = error->message_id == NULL ||
		strstr(error->message_id, "timeout") == NULL;
	FreeErrorData(error);
	return result;
}

static bool
look(GuardedCallback callback, void *arg, const bool *timed_out)
{
	MemoryContext context = CurrentMemoryContext;
	ResourceOwner owner = CurrentResourceOwner;
	ErrorData  *volatile error = NULL;
	volatile bool done = false;

	if (!IsTransactionState() || IsAbortedTransactionBlockState() ||
		IsInParallelMode())
		return false;

	BeginInternalSubTransaction(NULL);
	MemoryContextSwitchTo(context);

	PG_TRY();
	{
		bool		pushed = false;

		if (!ActiveSnapshotSet())
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			pushed = true;
		}
		callback(arg);
		if (pushed)
			PopActiveSnapshot();
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(context);
		if (concerns_user(geterrcode()) &&
			!(timed_out && *timed_out && was_cancelled()))
			error = CopyErrorData();
		FlushErrorState();
	}
	PG_END_TRY();

	RollbackAndReleaseCurrentSubTransaction();
	MemoryContextSwitchTo(context);
	CurrentResourceOwner = owner;
	if (error != NULL)
		ReThrowError(error);
	return done;
}

bool
guarded_look(GuardedCallback callback, void *arg)
{
	return look(callback, arg, NULL);
}

/*
 * Code that is not to be run
 *
 * Whatever calls a function looks it up by fmgr_info() first, and the planner
 * asks before it puts a function's body in its place; both ask needs_fmgr_hook,
 * for all functions but those that are linked into the server.  They do not ask
 * for a function with SECURITY DEFINER or SET: fmgr_hook is called whenever one
 * of those starts.
 */
static bool code_forbidden = false;
static needs_fmgr_hook_type next_needs_fmgr_hook = NULL;
static fmgr_hook_type next_fmgr_hook = NULL;

/* Raises for a function that is neither built in nor compiled */
static pg_noinline void
check_compiled(Oid function)
{
	HeapTuple	tuple;
	Oid			language;

	if (function < FirstNormalObjectId)
		return;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return;
	language = ((Form_pg_proc) GETSTRUCT(tuple))->prolang;
	ReleaseSysCache(tuple);
	if (language != INTERNALlanguageId && language != ClanguageId)
		ereport(ERROR,
				(errcode(ERRCODE_INSUFFICIENT_PRIVILEGE),
				 errmsg("function with OID %u is not to be run in the service of a reader",
						function)));
}

static bool
qw_needs_fmgr_hook(Oid function)
{
	if (unlikely(code_forbidden))
		check_compiled(function);
	return next_needs_fmgr_hook != NULL && next_needs_fmgr_hook(function);
}

static void
qw_fmgr_hook(FmgrHookEventType event, FmgrInfo * function, Datum *arg)
{
	if (unlikely(code_forbidden) && event == FHET_START)
		check_compiled(function->fn_oid);
	if (next_fmgr_hook != NULL)
		next_fmgr_hook(event, function, arg);
}

void
guarded_install(void)
{
	next_needs_fmgr_hook = needs_fmgr_hook;
	needs_fmgr_hook = qw_needs_fmgr_hook;
	next_fmgr_hook = fmgr_hook;
	fmgr_hook = qw_fmgr_hook;
}

/* What guarded_look_as() does within its subtransaction */
typedef struct LookAs
{
	Oid			userid;
	const char *search_path;
	GuardedCallback callback;
	void	   *arg;
}			LookAs;

/* Settings and rights go with the subtransaction. */
static void
set_locally(const char *name, const char *value, GucContext context)
{
	(void) set_config_option(name, value, context, PGC_S_SESSION,
							 GUC_ACTION_LOCAL, true, 0, false);
}

char *
guarded_search_path(const char *search_path)
{
	char	   *copy = pstrdup(search_path);
	List	   *names;
	ListCell   *lc;

	if (!SplitIdentifierString(copy, ',', &names))
		return copy;
	foreach(lc, names)
	{
		if (strcmp(lfirst(lc), "pg_temp") == 0)
			return pstrdup(search_path);
	}
	return psprintf("%s%spg_temp", search_path, names != NIL ? ", " : "");
}

static void
look_as(void *arg)
{
	LookAs	   *as = (LookAs *) arg;
	Oid			save_userid;
	int			sec_context;

	if (!SearchSysCacheExists1(AUTHOID, ObjectIdGetDatum(as->userid)))
		ereport(ERROR,
				(errcode(ERRCODE_UNDEFINED_OBJECT),
				 errmsg("role with OID %u does not exist", as->userid)));

	/* it is nothing that an application does */
	set_locally("pg_querywatch.track", "none", PGC_SUSET);
	/* whether rows are hidden is to be the statement's own affair */
	set_locally("row_security", "on", PGC_USERSET);
	GetUserIdAndSecContext(&save_userid, &sec_context);
	SetUserIdAndSecContext(as->userid, sec_context |
						   SECURITY_LOCAL_USERID_CHANGE |
						   SECURITY_RESTRICTED_OPERATION);
	set_locally("transaction_read_only", "on", PGC_USERSET);
	if (as->search_path)
		set_locally("search_path", guarded_search_path(as->search_path),
					PGC_USERSET);
	as->callback(as->arg);
}

/*
 * The limit of guarded_look_as().  A cancel that the user sends after it was
 * reached, and before that is noticed, is taken for it.
 */
static TimeoutId look_timeout = MAX_TIMEOUTS;
static volatile bool look_timed_out = false;

static void
end_look(void)
{
	/* that of the user ends it too */
	if (QueryCancelPending)
		return;
	look_timed_out = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

/* What catalog caches may keep of one look */
#define MAX_CACHED	(4 * 1024 * 1024)

bool
guarded_look_as(Oid userid, const char *search_path,
				GuardedCallback callback, void *arg)
{
	LookAs		as = {userid, search_path, callback, arg};
	bool		forbids = search_path != NULL || userid != GetUserId();
	volatile bool done = false;
	Size		cached;

	/*
	 * One within another has the time of that, and may forbid more.  What it
	 * raises ends that too.
	 */
	if (look_timeout != MAX_TIMEOUTS && get_timeout_active(look_timeout))
	{
		bool		forbidden = code_forbidden;

		code_forbidden = forbidden || forbids;
		done = look(look_as, &as, NULL);
		code_forbidden = forbidden;
		return done;
	}

	if (look_timeout == MAX_TIMEOUTS)
		look_timeout = RegisterTimeout(USER_TIMEOUT, end_look);
	cached = MemoryContextMemAllocated(CacheMemoryContext, true);
	look_timed_out = false;
	code_forbidden = forbids;
	enable_timeout_after(look_timeout, GUARDED_LOOK_LIMIT);
	PG_TRY();
	{
		done = look(look_as, &as, (const bool *) &look_timed_out);
	}
	PG_FINALLY();
	{
		disable_timeout(look_timeout, false);
		code_forbidden = false;
		/* too late to have been noticed */
		if (look_timed_out)
			QueryCancelPending = false;
	}
	PG_END_TRY();
	if (MemoryContextMemAllocated(CacheMemoryContext, true) >
		cached + MAX_CACHED)
		InvalidateSystemCaches();
	return done;
}

/*-------------------------------------------------------------------------
 *
 * guarded.c
 *		Runs code that may raise where nothing may be raised.
 *
 * src/guarded.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/guc.h"
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"
#include "utils/syscache.h"
#include "utils/timeout.h"

#include "guarded.h"

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
			!(timed_out && *timed_out &&
			  geterrcode() == ERRCODE_QUERY_CANCELED))
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
		set_locally("search_path", as->search_path, PGC_USERSET);
	as->callback(as->arg);
}

/*
 * The limit of guarded_look_as().  A cancel that the user sends in the moment
 * in which the limit is reached is taken for it.
 */
static TimeoutId look_timeout = MAX_TIMEOUTS;
static volatile bool look_timed_out = false;

static void
end_look(void)
{
	look_timed_out = true;
	InterruptPending = true;
	QueryCancelPending = true;
	SetLatch(MyLatch);
}

bool
guarded_look_as(Oid userid, const char *search_path,
				GuardedCallback callback, void *arg)
{
	LookAs		as = {userid, search_path, callback, arg};
	volatile bool done = false;

	/* one within another has the time of that */
	if (look_timeout != MAX_TIMEOUTS && get_timeout_active(look_timeout))
		return look(look_as, &as, NULL);

	if (look_timeout == MAX_TIMEOUTS)
		look_timeout = RegisterTimeout(USER_TIMEOUT, end_look);
	look_timed_out = false;
	enable_timeout_after(look_timeout, GUARDED_LOOK_LIMIT);
	PG_TRY();
	{
		done = look(look_as, &as, (const bool *) &look_timed_out);
	}
	PG_FINALLY();
	{
		disable_timeout(look_timeout, false);
		/* too late to have been noticed */
		if (look_timed_out)
			QueryCancelPending = false;
	}
	PG_END_TRY();
	return done;
}

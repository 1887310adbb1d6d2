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
#include "utils/memutils.h"
#include "utils/resowner.h"
#include "utils/snapmgr.h"

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

bool
guarded_look(GuardedCallback callback, void *arg)
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
		if (concerns_user(geterrcode()))
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

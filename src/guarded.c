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
run_guarded(GuardedCallback callback, void *arg, bool keep)
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

		if (!ActiveSnapshotSet())
		{
			PushActiveSnapshot(GetTransactionSnapshot());
			pushed = true;
		}
		callback(arg);
		if (pushed)
			PopActiveSnapshot();

		if (keep)
			ReleaseCurrentSubTransaction();
		else
			RollbackAndReleaseCurrentSubTransaction();
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
	return run_guarded(callback, arg, true);
}

bool
guarded_look(GuardedCallback callback, void *arg)
{
	return run_guarded(callback, arg, false);
}

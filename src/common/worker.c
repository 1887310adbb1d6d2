/*-------------------------------------------------------------------------
 *
 * worker.c
 *		The background worker: one process, one loop, for all tasks.
 *
 * It has no database, but a connection without one, so that
 * pg_stat_activity shows it and shared catalogs can be read.  It starts when
 * a server, or a hot standby, begins to accept connections, and stays through
 * promotion.
 *
 * It ends by SIGTERM, and then with exit code 1: with 0 the postmaster would
 * not start it again where an administrator, not a shutdown, had ended it.
 *
 * src/common/worker.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "postmaster/bgworker.h"
#include "postmaster/interrupt.h"
#include "storage/ipc.h"
#include "storage/latch.h"
#include "storage/proc.h"
#include "utils/guc.h"

#include "common/compat.h"
#include "common/worker_task.h"
#include "common/worker.h"

#define WORKER_NAME		"pg_querywatch worker"

/* Seconds after which it is started again, if it ended */
#define RESTART_TIME	5

/* What worker_install() was given, ended by NULL */
static const WorkerTask *const *tasks = NULL;

typedef struct SharedWorker
{
	/*
	 * Index of its PGPROC; -1: it does not run.  Read without a lock: whoever
	 * wakes up the wrong process does no harm.
	 */
	int			proc_number;
} SharedWorker;

static SharedWorker *shared = NULL;

PGDLLEXPORT void pg_querywatch_worker_main(Datum arg);

Size
worker_shmem_size(void)
{
	return sizeof(SharedWorker);
}

void
worker_shmem_init(void *place, bool found)
{
	shared = place;
	if (!found)
		shared->proc_number = -1;
}

void
worker_wake(void)
{
	int			number = ((volatile SharedWorker *) shared)->proc_number;

	if (number >= 0)
		SetLatch(&GetPGProcByNumber(number)->procLatch);
}

static void
detach(int code, Datum arg)
{
	shared->proc_number = -1;
}

/* What the loop waits for */
static WaitEventSet *
make_wait_events(void)
{
	WaitEventSet *set;
	int			ntasks = 0;

	while (tasks[ntasks] != NULL)
		ntasks++;
	set = compat_create_wait_event_set(2 + ntasks);
	AddWaitEventToSet(set, WL_LATCH_SET, PGINVALID_SOCKET, MyLatch, NULL);
	AddWaitEventToSet(set, WL_EXIT_ON_PM_DEATH, PGINVALID_SOCKET, NULL, NULL);
	for (int i = 0; tasks[i] != NULL; i++)
	{
		pgsocket	descriptor = tasks[i]->descriptor != NULL ?
		tasks[i]->descriptor() : PGINVALID_SOCKET;

		if (descriptor != PGINVALID_SOCKET)
			AddWaitEventToSet(set, WL_SOCKET_READABLE, descriptor, NULL, NULL);
	}
	return set;
}

void
pg_querywatch_worker_main(Datum arg)
{
	WaitEventSet *set;
	uint32		wait_event;

	pqsignal(SIGHUP, SignalHandlerForConfigReload);
	pqsignal(SIGTERM, SignalHandlerForShutdownRequest);
	BackgroundWorkerUnblockSignals();
	BackgroundWorkerInitializeConnection(NULL, NULL, 0);

	before_shmem_exit(detach, (Datum) 0);
	shared->proc_number = compat_proc_number();

	wait_event = compat_wait_event("PgQuerywatchWorkerMain");
	for (int i = 0; tasks[i] != NULL; i++)
	{
		if (tasks[i]->begin != NULL)
			tasks[i]->begin();
	}
	set = make_wait_events();

	while (!ShutdownRequestPending)
	{
		long		timeout = -1;
		WaitEvent	event;

		for (int i = 0; tasks[i] != NULL; i++)
		{
			long		due = tasks[i]->run();

			if (due >= 0 && (timeout < 0 || due < timeout))
				timeout = due;
		}

		WaitEventSetWait(set, timeout, &event, 1, wait_event);
		ResetLatch(MyLatch);
		CHECK_FOR_INTERRUPTS();
		if (ConfigReloadPending)
		{
			ConfigReloadPending = false;
			ProcessConfigFile(PGC_SIGHUP);
		}
	}

	for (int i = 0; tasks[i] != NULL; i++)
	{
		if (tasks[i]->end != NULL)
			tasks[i]->end();
	}
	proc_exit(1);
}

void
worker_install(const WorkerTask *const *all_tasks)
{
	BackgroundWorker worker;

	tasks = all_tasks;

	memset(&worker, 0, sizeof(worker));
	strlcpy(worker.bgw_name, WORKER_NAME, sizeof(worker.bgw_name));
	strlcpy(worker.bgw_type, WORKER_NAME, sizeof(worker.bgw_type));
	worker.bgw_flags = BGWORKER_SHMEM_ACCESS |
		BGWORKER_BACKEND_DATABASE_CONNECTION;
	worker.bgw_start_time = BgWorkerStart_ConsistentState;
	worker.bgw_restart_time = RESTART_TIME;
	strlcpy(worker.bgw_library_name, "pg_querywatch",
			sizeof(worker.bgw_library_name));
	strlcpy(worker.bgw_function_name, "pg_querywatch_worker_main",
			sizeof(worker.bgw_function_name));
	RegisterBackgroundWorker(&worker);
}

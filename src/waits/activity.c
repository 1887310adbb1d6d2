/*-------------------------------------------------------------------------
 *
 * activity.c
 *		What other backends do right now.
 *
 * src/waits/activity.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "storage/lock.h"
#include "storage/proc.h"
#include "utils/wait_event.h"

#include "common/compat.h"
#include "waits/activity.h"

/* The bits of a wait event that are its type */
#define WAIT_CLASS_MASK	0xFF000000U

/* Tries to read an entry while its owner writes to it */
#define MAX_TRIES	1000

static bool
is_active(BackendState state)
{
	return state == STATE_RUNNING || state == STATE_FASTPATH;
}

/* Copies an entry.  Its owner may be writing to it: then it is tried again. */
static bool
copy_status(volatile PgBackendStatus *status, BackendActivity *a, char *text,
			Size size)
{
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int			before;
		int			after;

		pgstat_begin_read_activity(status, before);
		a->pid = status->st_procpid;
		a->dbid = status->st_databaseid;
		a->userid = status->st_userid;
		a->type = status->st_backendType;
		a->state = status->st_state;
		a->queryid = (uint64) status->st_query_id;
		a->state_start = status->st_state_start_timestamp;
		a->statement_start = status->st_activity_start_timestamp;
		if (a->pid > 0)
		{
			strlcpy(a->application, (const char *) status->st_appname,
					sizeof(a->application));
			if (text != NULL)
				strlcpy(text, (const char *) status->st_activity_raw,
						Min(size, pgstat_track_activity_query_size));
		}
		pgstat_end_read_activity(status, after);
		if (pgstat_read_activity_complete(before, after))
			return a->pid > 0;
	}
	return false;
}

static bool
read_process(int number, bool active_only, BackendActivity *a, char *text,
			 Size size)
{
	PGPROC	   *proc = GetPGProcByNumber(number);
	int			pid = ((volatile PGPROC *) proc)->pid;
	volatile PgBackendStatus *status;

	if (pid == 0 || (status = compat_status_of(proc, number)) == NULL ||
		status->st_procpid != pid)
		return false;
	if (active_only && (!is_active(status->st_state) ||
						status->st_backendType != B_BACKEND))
		return false;
	if (!copy_status(status, a, text, size) || a->pid != pid)
		return false;
	a->wait_event = *(volatile uint32 *) &proc->wait_event_info;
	a->lock_wait_start =
		(a->wait_event & WAIT_CLASS_MASK) == PG_WAIT_LOCK ?
		(TimestampTz) pg_atomic_read_u64(&proc->waitStart) : 0;
	return true;
}

bool
activity_read(int number, BackendActivity *activity, char *text, Size size)
{
	return read_process(number, false, activity, text, size);
}

bool
activity_read_active(int number, BackendActivity *activity, char *text,
					 Size size)
{
	return read_process(number, true, activity, text, size) &&
		is_active(activity->state) && activity->type == B_BACKEND;
}

bool
activity_find(int pid, BackendActivity *activity, char *text, Size size)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		if (((volatile PGPROC *) GetPGProcByNumber(i))->pid == pid &&
			activity_read(i, activity, text, size))
			return true;
	}
	return false;
}

const char *
activity_state_name(const BackendActivity *activity)
{
	if (activity->type != B_BACKEND)
		return GetBackendTypeDesc(activity->type);
	switch (activity->state)
	{
		case STATE_RUNNING:
			return "active";
		case STATE_FASTPATH:
			return "fastpath function call";
		case STATE_IDLE:
			return "idle";
		case STATE_IDLEINTRANSACTION:
			return "idle in transaction";
		case STATE_IDLEINTRANSACTION_ABORTED:
			return "idle in transaction (aborted)";
		case STATE_DISABLED:
			return "disabled";
		default:
			return "starting";
	}
}

void
activity_wait_names(uint32 wait_event, const char **type, const char **name)
{
	*type = pgstat_get_wait_event_type(wait_event);
	*name = pgstat_get_wait_event(wait_event);
	if (*type == NULL || *name == NULL)
		*type = *name = "CPU";
}

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

/* Parallel workers that wait for a lock, of which is looked for a leader's */
#define MAX_WORKERS	64

bool
activity_is_active(const BackendActivity *a)
{
	return a->type == B_BACKEND &&
		(a->state == STATE_RUNNING || a->state == STATE_FASTPATH);
}

int
activity_change(int place)
{
	volatile PgBackendStatus *array = compat_status_array();

	return array != NULL ? array[place].st_changecount : 0;
}

bool
activity_read_place(int place, BackendActivity *a, char *text, Size size,
					int *change)
{
	volatile PgBackendStatus *array = compat_status_array();
	volatile PgBackendStatus *status;

	if (array == NULL)
		return false;
	status = &array[place];

	/* its owner may be writing to it: then it is tried again */
	for (int i = 0; i < MAX_TRIES; i++)
	{
		int			after;

		pgstat_begin_read_activity(status, *change);
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
		if (pgstat_read_activity_complete(*change, after))
			return a->pid > 0;
	}
	*change = 1;				/* odd: as none that is complete */
	return false;
}

void
activity_map(int *numbers)
{
	for (int i = 0; i < ACTIVITY_PLACES; i++)
		numbers[i] = -1;
	for (int i = 0; i < ACTIVITY_CLIENTS; i++)
	{
		int			place = compat_status_place(GetPGProcByNumber(i), i);

		if (place >= 0)
			numbers[place] = i;
	}
}

bool
activity_has_pid(int number, int pid)
{
	return ((volatile PGPROC *) GetPGProcByNumber(number))->pid == pid;
}

static bool
waits_for_lock(uint32 event)
{
	return (event & WAIT_CLASS_MASK) == PG_WAIT_LOCK;
}

void
activity_wait(int number, BackendWait *wait)
{
	volatile	PGPROC *proc = GetPGProcByNumber(number);

	wait->event = proc->wait_event_info;
	wait->lock_start = 0;
	wait->lock = NULL;
	wait->lock_mode = 0;
	if (waits_for_lock(wait->event))
	{
		wait->lock_start =
			(TimestampTz) pg_atomic_read_u64(&GetPGProcByNumber(number)->waitStart);
		wait->lock = proc->waitLock;
		wait->lock_mode = proc->waitLockMode;
	}
}

bool
activity_waits_for_workers(uint32 event)
{
	return (event & WAIT_CLASS_MASK) == PG_WAIT_IPC;
}

int
activity_waiting_workers(int *leaders, BackendWait *waits, int max)
{
	int			n = 0;

	/* the PGPROCs of clients are followed by those of other processes */
	for (int i = ACTIVITY_CLIENTS; i < MaxBackends && n < max; i++)
	{
		volatile	PGPROC *proc = GetPGProcByNumber(i);
		PGPROC	   *leader = proc->lockGroupLeader;

		if (leader == NULL || leader == proc || proc->pid == 0 ||
			!waits_for_lock(proc->wait_event_info))
			continue;
		activity_wait(i, &waits[n]);
		if (waits[n].lock_start == 0)
			continue;
		leaders[n++] = (int) (leader - GetPGProcByNumber(0));
	}
	return n;
}

/* The process with this PGPROC, if its entry is among those of ordinary ones */
static bool
read_process(int number, BackendActivity *a, BackendWait *wait, char *text,
			 Size size)
{
	PGPROC	   *proc = GetPGProcByNumber(number);
	int			pid = ((volatile PGPROC *) proc)->pid;
	int			place = compat_status_place(proc, number);
	int			change;

	if (pid == 0 || place < 0 ||
		!activity_read_place(place, a, text, size, &change) || a->pid != pid)
		return false;
	activity_wait(number, wait);
	return true;
}

bool
activity_read_active(int number, BackendActivity *activity, BackendWait *wait,
					 char *text, Size size)
{
	if (!read_process(number, activity, wait, text, size) ||
		!activity_is_active(activity))
		return false;
	if (activity_waits_for_workers(wait->event))
	{
		int			leaders[MAX_WORKERS];
		BackendWait waits[MAX_WORKERS];
		int			n = activity_waiting_workers(leaders, waits, MAX_WORKERS);

		for (int i = 0; i < n; i++)
		{
			if (leaders[i] == number)
				*wait = waits[i];
		}
	}
	return true;
}

bool
activity_find(int pid, BackendActivity *activity, BackendWait *wait,
			  char *text, Size size)
{
	int			change;

	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		if (((volatile PGPROC *) GetPGProcByNumber(i))->pid == pid &&
			read_process(i, activity, wait, text, size))
			return true;
	}

	/* the entries of auxiliary processes, as the one that replays WAL */
	for (int place = ACTIVITY_PLACES; place < COMPAT_STATUS_PLACES; place++)
	{
		if (activity_read_place(place, activity, text, size, &change) &&
			activity->pid == pid)
		{
			memset(wait, 0, sizeof(BackendWait));
			return true;
		}
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

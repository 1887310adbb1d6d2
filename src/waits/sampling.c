/*-------------------------------------------------------------------------
 *
 * sampling.c
 *		The worker's look at what active sessions wait for.
 *
 * A sample stands for the time since the one before it, so a session that is
 * always active adds up to the time that passed, and one that is active for a
 * tenth of it to about a tenth.
 *
 * A pass over all sessions reads of each what may have changed: of an idle one
 * its entry's change count, of one that still runs the same statement its wait
 * event too.  What was worked out of an entry, down to the place of its sum, is
 * kept until the entry changes.
 *
 * The time that a statement waits for a lock is measured, from when the server
 * says that the wait began to the last sample of it.  It is held back until it
 * is known which statement waits (while it is parsed that is not known) and
 * whom it waits for, or until the statement has ended.
 *
 * src/waits/sampling.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/lwlock.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "waits/blockers.h"
#include "waits/lockwaits.h"
#include "waits/waits.h"
#include "waits/waits_internal.h"

/* How often one pass asks the lock manager, at most */
#define MAX_LOOKS	32

/*
 * Nanoseconds that asking it takes, about: once, and for each process that
 * waits.  After that none follows for so many times as long.
 */
#define LOOK_TIME		10000
#define LOOK_WAITER		200
#define LOOK_PAUSE		1000

/* Microseconds that a lock is waited for before it is asked */
#define MIN_BLOCKED 50000

/* After a pause as long as so many intervals, a sample stands for one */
#define MAX_INTERVALS	10

/* Parallel workers that wait for a lock, of which a pass takes note */
#define MAX_WORKERS		64

/* Wait events whose names are remembered */
#define KNOWN_EVENTS	64

/* The type of the lock is these bits of a wait event */
#define LOCK_TYPE(event)	((int32) ((event) & 0xFFFF))

/* No change count: an entry with it is read */
#define NOT_READ	1

/* What a pass looks at of each entry first */
typedef struct Place
{
	int			change;			/* change count of the entry when it was read */
	int			number;			/* of the process's PGPROC; -1: not known */
	bool		active;			/* then there is a sample */
} Place;

typedef struct Sample
{
	BackendActivity activity;
	uint64		application;	/* hash of the name */
	bool		folded;			/* it is counted under PATTERN_OTHER_NAMES */
	BackendWait wait;
	WaitBlocker blocker;		/* as this pass found it */
	WaitKey		key;
	WaitRef		ref;
	const char *type;
	const char *event;
} Sample;

/* A statement that has waited for a lock, and is not over yet */
typedef struct LockedStatement
{
	bool		listed;			/* its place is in open_places */
	bool		open;			/* there is one */
	bool		counted;		/* as an execution, in an entry */
	int			pid;
	Oid			dbid;
	Oid			userid;
	uint64		queryid;		/* 0: not known yet */
	uint64		text;			/* hash of its text, then */
	TimestampTz statement_start;
	TimestampTz seen_at;
	TimestampTz lock_start;		/* of the wait seen last */
	int32		lock_type;
	WaitBlocker blocker;		/* of that wait */
	int			entry;			/* of lockwaits.c, that it was added to last */

	/* seen, but not in an entry yet; microseconds */
	int64		samples;
	int64		waited;
	int64		waited_before;	/* while it was parsed or planned */
	int64		elapsed;
	int64		waited_in_all;	/* that is in entries included */
} LockedStatement;

typedef struct KnownEvent
{
	uint32		event;
	const char *type;			/* NULL: nothing is here */
	const char *name;
	uint64		hash;
} KnownEvent;

/* Arrays of ACTIVITY_PLACES */
static Place *places = NULL;
static Sample *samples = NULL;
static LockedStatement *locked = NULL;
static int *numbers = NULL;		/* for activity_map() */
static int *active = NULL;		/* places of this pass's samples ... */
static int	nactive = 0;		/* ... and how many there are */
static int *open_places = NULL; /* places of open LockedStatements */
static int	nopen = 0;

static KnownEvent known_events[KNOWN_EVENTS];
static char *text_buffer = NULL;	/* pgstat_track_activity_query_size */
static MemoryContext blockers_context = NULL;
static uint64 last_sample = 0;	/* monotonic ns, 0: none */

/*
 * Looking
 */

/* Reads the entry in a place; "mapped": the PGPROCs have been looked up */
static void
read_entry(int place, bool *mapped)
{
	Place	   *p = &places[place];
	Sample	   *sample = &samples[place];
	BackendActivity *a = &sample->activity;

	p->active = activity_read_place(place, a, NULL, 0, &p->change) &&
		activity_is_active(a);
	if (!p->active)
		return;

	if (p->number < 0 || !activity_has_pid(p->number, a->pid))
	{
		if (!*mapped)
			activity_map(numbers);
		*mapped = true;
		p->number = numbers[place];
		if (p->number < 0 || !activity_has_pid(p->number, a->pid))
		{
			/* it is just beginning, or ending */
			p->number = -1;
			p->active = false;
			p->change = NOT_READ;
			return;
		}
	}
	sample->application = pattern_text_hash(a->application);
	sample->key.queryid = a->queryid;
	sample->key.dbid = a->dbid;
	sample->key.userid = a->userid;
	sample->ref.place = -1;
}

static void
name_event(Sample *sample)
{
	uint32		event = sample->wait.event;
	KnownEvent *known = &known_events[(event ^ (event >> 24)) % KNOWN_EVENTS];

	if (known->type == NULL || known->event != event)
	{
		known->event = event;
		activity_wait_names(event, &known->type, &known->name);
		known->hash = hash_combine64(pattern_text_hash(known->type),
									 pattern_text_hash(known->name));
	}
	sample->type = known->type;
	sample->event = known->name;
	sample->key.event = known->hash;
	sample->ref.place = -1;
}

/* Looks at all sessions; returns how many wait for a lock */
static int
look(void)
{
	int			leaders[MAX_WORKERS];
	BackendWait waits[MAX_WORKERS];
	int			nworkers = activity_waiting_workers(leaders, waits,
													MAX_WORKERS);
	bool		mapped = false;
	int			nwaiting = 0;

	nactive = 0;
	for (int place = 0; place < ACTIVITY_PLACES; place++)
	{
		Place	   *p = &places[place];
		Sample	   *sample = &samples[place];
		BackendWait *wait = &sample->wait;
		uint32		event = wait->event;

		if (p->change != activity_change(place))
			read_entry(place, &mapped);
		if (!p->active)
			continue;
		activity_wait(p->number, wait);
		if (nworkers > 0 && activity_waits_for_workers(wait->event))
		{
			for (int i = 0; i < nworkers; i++)
			{
				if (leaders[i] == p->number)
					*wait = waits[i];
			}
		}
		if (wait->event != event || sample->ref.place < 0)
			name_event(sample);
		sample->blocker.pid = -1;
		sample->blocker.kind = BLOCKER_UNKNOWN;
		nwaiting += wait->lock_start != 0;
		active[nactive++] = place;
	}
	return nwaiting;
}

/*
 * Blockers
 */

static BlockerKind
kind_of(const BackendActivity *a)
{
	if (a->type != B_BACKEND)
		return BLOCKER_OTHER;
	switch (a->state)
	{
		case STATE_RUNNING:
		case STATE_FASTPATH:
			return BLOCKER_ACTIVE;
		case STATE_IDLE:
			return BLOCKER_IDLE;
		case STATE_IDLEINTRANSACTION:
		case STATE_IDLEINTRANSACTION_ABORTED:
			return BLOCKER_IDLE_IN_TRANSACTION;
		default:
			return BLOCKER_UNKNOWN;
	}
}

/* Is it known whom it waits for? */
static bool
blocker_known(const WaitBlocker *blocker)
{
	return blocker->pid >= 0 || blocker->kind == BLOCKER_DEADLOCK;
}

static void
describe_head(WaitBlocker *blocker, int pid, TimestampTz now)
{
	BackendActivity a;
	BackendWait wait;

	if (pid == 0)
	{
		blocker->pid = 0;
		blocker->kind = BLOCKER_PREPARED;
		strlcpy(blocker->state, "prepared transaction",
				sizeof(blocker->state));
	}
	else if (activity_find(pid, &a, &wait, NULL, 0))
	{
		blocker->pid = pid;
		blocker->kind = kind_of(&a);
		blocker->dbid = a.dbid;
		blocker->userid = a.userid;
		blocker->queryid = a.queryid;
		blocker->state_time = Max(now - a.state_start, 0);
		strlcpy(blocker->state, activity_state_name(&a),
				sizeof(blocker->state));
		strlcpy(blocker->application, a.application,
				sizeof(blocker->application));
	}
}

/* Have they all waited since before the search? */
static bool
all_wait(const int *pids, int n, TimestampTz now)
{
	for (int i = 0; i < n; i++)
	{
		BackendActivity a;
		BackendWait wait;

		if (!activity_find(pids[i], &a, &wait, NULL, 0) ||
			wait.lock_start == 0 || now - wait.lock_start < MIN_BLOCKED)
			return false;
	}
	return true;
}

static void
search_blocker(BlockerSearch *search, int pid, WaitBlocker *blocker,
			   TimestampTz now)
{
	const Blockers *direct;
	int			head;
	int		   *waiting;
	int			nwaiting;

	memset(blocker, 0, sizeof(WaitBlocker));
	blocker->pid = -1;
	switch (blockers_root(search, pid, &head, &waiting, &nwaiting))
	{
		case BLOCKERS_NONE:
			return;
		case BLOCKERS_HEAD:
			describe_head(blocker, head, now);
			break;
		case BLOCKERS_CYCLE:
			if (all_wait(waiting, nwaiting, now))
				blocker->kind = BLOCKER_DEADLOCK;
			return;
	}

	direct = blockers_of(search, pid);
	for (int i = 0; direct != NULL && i < direct->n; i++)
	{
		BackendActivity a;
		BackendWait wait;

		if (direct->pids[i] != head && direct->pids[i] != 0 &&
			activity_find(direct->pids[i], &a, &wait, NULL, 0) &&
			wait.lock_start != 0)
		{
			blocker->queued_queryid = a.queryid;
			blocker->queued_dbid = a.dbid;
			blocker->queued_userid = a.userid;
			return;
		}
	}
}

/*
 * Finds out who holds up those that wait for a lock, beginning with others each
 * time.  Who waits for the same lock in the same mode waits for the same.
 */
static void
look_for_blockers(int nwaiting, TimestampTz now)
{
	static unsigned turn = 0;
	static uint64 next_look = 0;
	MemoryContext old_context;
	BlockerSearch search;
	const Sample *found[MAX_LOOKS];
	int			nfound = 0;

	if (compat_clock() < next_look)
		return;
	old_context = MemoryContextSwitchTo(blockers_context);
	blockers_begin(&search, MAX_LOOKS);
	for (int i = 0; i < nactive; i++)
	{
		Sample	   *sample = &samples[active[(turn + i) % nactive]];
		const BackendWait *wait = &sample->wait;
		int			f = 0;

		if (wait->lock_start == 0 || now - wait->lock_start < MIN_BLOCKED)
			continue;
		while (f < nfound && (found[f]->wait.lock != wait->lock ||
							  found[f]->wait.lock_mode != wait->lock_mode))
			f++;
		if (f < nfound)
			sample->blocker = found[f]->blocker;
		else if (nfound < MAX_LOOKS && search.nlooks < MAX_LOOKS)
		{
			search_blocker(&search, sample->activity.pid, &sample->blocker,
						   now);
			if (wait->lock != NULL)
				found[nfound++] = sample;
		}
	}
	turn += MAX_LOOKS;
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(blockers_context);
	next_look = compat_clock() + (uint64) search.nlooks * LOOK_PAUSE *
		(LOOK_TIME + (uint64) nwaiting * LOOK_WAITER);
}

/*
 * Adding
 */

/* Adds what a session's statement waits for to what it has waited for */
static void
add_to_session(int place, int64 elapsed, TimestampTz now)
{
	const Sample *sample = &samples[place];
	SharedSession *session = &waits_sessions[places[place].number];
	const BackendActivity *a = &sample->activity;
	const BackendWait *wait = &sample->wait;
	SessionWaits *waits = &session->waits;
	TimestampTz since;
	int			i = 0;

	if (session->pid != a->pid ||
		session->statement_start != a->statement_start ||
		(session->queryid != a->queryid && session->queryid != 0))
	{
		memset(session, 0, sizeof(SharedSession));
		session->pid = a->pid;
		session->statement_start = a->statement_start;
		waits->blocker.pid = -1;
	}
	session->queryid = a->queryid;

	/* the server knows since when it waits for a lock */
	since = wait->lock_start != 0 ? wait->lock_start : now - elapsed;
	since = Max(since, Max(session->sampled_at, a->statement_start));
	session->sampled_at = now;
	if (wait->event == 0)
		return;

	while (i < waits->nwaits && waits->waits[i].event != wait->event)
		i++;
	if (i == WAITS_PER_SESSION)
		return;
	if (i == waits->nwaits)
		waits->waits[waits->nwaits++].event = wait->event;
	waits->waits[i].time += Max(now - since, 0);
	waits->waits[i].last_seen = now;
	if (sample->blocker.pid >= 0)
	{
		waits->blocker = sample->blocker;
		waits->blocker.seen_at = now;
	}
}

/* Hash of the text of the statement in a place, and what else is known of it */
static uint64
read_text(int place, BackendActivity *activity)
{
	int			change;

	if (!activity_read_place(place, activity, text_buffer,
							 pgstat_track_activity_query_size, &change))
		return 0;
	return pattern_text_hash(text_buffer);
}

/* Adds to an entry what is held back */
static void
flush(LockedStatement *l, TimestampTz now)
{
	const WaitBlocker *blocker = &l->blocker;
	LockWaitKey key;
	LockWait   *entry;
	bool		found;
	bool		folded;

	if (l->samples == 0 && l->elapsed == 0)
		return;
	memset(&key, 0, sizeof(key));
	key.queryid = l->queryid;
	key.dbid = l->dbid;
	key.userid = l->userid;
	key.blocker_queryid = blocker->queryid;
	key.blocker_dbid = blocker->dbid;
	key.blocker_userid = blocker->userid;
	key.blocker_application = pattern_text_hash(blocker->application);
	folded = waits_fold(&key.blocker_application);
	key.lock_type = l->lock_type;
	key.blocker = blocker->kind;

	entry = lockwaits_entry(&key, &l->entry, &found);
	if (!found)
	{
		entry->first_seen = now;
		strlcpy(entry->blocker_application,
				folded ? PATTERN_OTHER_NAMES : blocker->application,
				sizeof(entry->blocker_application));
		strlcpy(entry->blocker_state, blocker->state,
				sizeof(entry->blocker_state));
	}
	entry->executions += !l->counted;
	l->counted = true;
	entry->samples += l->samples;
	entry->waited += l->waited;
	entry->waited_before += l->waited_before;
	entry->elapsed += l->elapsed;
	entry->longest = Max(entry->longest, l->waited_in_all);
	entry->blocker_time = Max(entry->blocker_time, blocker->state_time);
	if (blocker->queued_queryid != 0)
	{
		entry->queued_queryid = blocker->queued_queryid;
		entry->queued_dbid = blocker->queued_dbid;
		entry->queued_userid = blocker->queued_userid;
	}
	entry->last_seen = now;
	l->samples = l->waited = l->waited_before = l->elapsed = 0;
}

/* Its statement is over */
static void
settle(int place, TimestampTz now)
{
	LockedStatement *l = &locked[place];
	BackendActivity a;

	/* it may be known by now what it was */
	if (l->queryid == 0)
	{
		uint64		text = read_text(place, &a);

		if (text != 0 && a.pid == l->pid &&
			(a.statement_start == l->statement_start || text == l->text))
			l->queryid = a.queryid;
	}
	flush(l, now);
	l->open = false;
}

/* Does the session in a place still run the statement? */
static bool
same_statement(int place)
{
	LockedStatement *l = &locked[place];
	const BackendActivity *a = &samples[place].activity;
	BackendActivity again;

	if (l->pid != a->pid)
		return false;
	if (l->statement_start == a->statement_start)
		return l->queryid == 0 || a->queryid == 0 || l->queryid == a->queryid;

	/* parsed by one message, it is planned and executed by others */
	if (l->queryid != 0 || read_text(place, &again) != l->text)
		return false;
	l->statement_start = l->seen_at = a->statement_start;
	return true;
}

/* Follows a statement that waits for a lock, or has waited for one */
static void
follow(int place, TimestampTz now)
{
	LockedStatement *l = &locked[place];
	const Sample *sample = &samples[place];
	const BackendActivity *a = &sample->activity;
	const BackendWait *wait = &sample->wait;
	TimestampTz since;

	if (l->open && !same_statement(place))
		settle(place, now);
	if (!l->open)
	{
		/* another one of the same message began after it was seen last */
		TimestampTz began = l->pid == a->pid &&
		l->statement_start == a->statement_start ? l->seen_at :
		a->statement_start;
		BackendActivity again;

		if (wait->lock_start == 0)
			return;
		if (!l->listed)
			open_places[nopen++] = place;
		memset(l, 0, sizeof(LockedStatement));
		l->listed = l->open = true;
		l->pid = a->pid;
		l->dbid = a->dbid;
		l->userid = a->userid;
		l->statement_start = a->statement_start;
		l->seen_at = began;
		l->blocker.pid = -1;
		l->entry = -1;
		if (a->queryid == 0)
			l->text = read_text(place, &again);
	}
	if (a->queryid != 0)
		l->queryid = a->queryid;

	since = l->seen_at;
	l->elapsed += Max(now - since, 0);
	l->seen_at = now;
	if (wait->lock_start != 0)
	{
		bool		another = l->lock_start != 0 &&
		l->lock_start != wait->lock_start;

		if (another || (blocker_known(&sample->blocker) &&
						blocker_known(&l->blocker) &&
						(sample->blocker.pid != l->blocker.pid ||
						 sample->blocker.queryid != l->blocker.queryid ||
						 sample->blocker.kind != l->blocker.kind)))
		{
			int64		elapsed = Max(now - since, 0);

			l->elapsed -= elapsed;
			flush(l, now);
			l->elapsed = elapsed;
		}
		if (another)
		{
			memset(&l->blocker, 0, sizeof(WaitBlocker));
			l->blocker.pid = -1;
		}
		l->lock_start = wait->lock_start;
		l->lock_type = LOCK_TYPE(wait->event);
		if (blocker_known(&sample->blocker))
			l->blocker = sample->blocker;
		since = Max(now - Max(since, wait->lock_start), 0);
		l->samples++;
		l->waited += since;
		if (a->queryid == 0)
			l->waited_before += since;
		l->waited_in_all += since;
	}
	if (l->queryid != 0 && blocker_known(&l->blocker))
		flush(l, now);
}

/* Ends those that are over */
static void
settle_others(TimestampTz now)
{
	int			n = 0;

	for (int i = 0; i < nopen; i++)
	{
		int			place = open_places[i];

		if (locked[place].open && locked[place].seen_at != now)
			settle(place, now);
		if (locked[place].open)
			open_places[n++] = place;
		else
			locked[place].listed = false;
	}
	nopen = n;
}

/* Adds what was seen: each sample stands for so many microseconds */
static void
add(int64 elapsed, TimestampTz now)
{
	int64		folded = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	for (int i = 0; i < nactive; i++)
	{
		int			place = active[i];
		Sample	   *sample = &samples[place];
		WaitEntry  *entry = waits_entry_again(&sample->ref);

		if (entry == NULL)
		{
			sample->key.application = sample->application;
			sample->folded = waits_fold(&sample->key.application);
			entry = waits_entry(&sample->key, &sample->ref,
								sample->folded ? PATTERN_OTHER_NAMES :
								sample->activity.application,
								sample->type, sample->event);
		}
		entry->samples++;
		entry->total_time += elapsed;
		entry->last_seen = now;
		folded += sample->folded;
		add_to_session(place, elapsed, now);
		if (sample->wait.lock_start != 0 || locked[place].open)
			follow(place, now);
	}
	settle_others(now);
	waits_count(nactive, folded);
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

static void
sample_all(uint64 now)
{
	int64		interval = (int64) qw_wait_sampling_interval * 1000;
	int64		elapsed = last_sample == 0 ? interval :
	(int64) (now - last_sample) / 1000;
	TimestampTz wall = GetCurrentTimestamp();
	int			nwaiting = look();

	/* the worker was busy with something else, or sampling was off */
	if (elapsed > interval * MAX_INTERVALS)
		elapsed = interval;
	if (nwaiting > 0)
		look_for_blockers(nwaiting, wall);
	if (nactive > 0 || nopen > 0)
		add(elapsed, wall);
	last_sample = now;
}

/*
 * The worker's task
 */

static void *
allocate(Size size)
{
	return MemoryContextAllocExtended(TopMemoryContext,
									  size * ACTIVITY_PLACES,
									  MCXT_ALLOC_HUGE | MCXT_ALLOC_ZERO);
}

static void
task_begin(void)
{
	places = allocate(sizeof(Place));
	samples = allocate(sizeof(Sample));
	locked = allocate(sizeof(LockedStatement));
	numbers = allocate(sizeof(int));
	active = allocate(sizeof(int));
	open_places = allocate(sizeof(int));
	text_buffer = MemoryContextAlloc(TopMemoryContext,
									 pgstat_track_activity_query_size);
	for (int place = 0; place < ACTIVITY_PLACES; place++)
	{
		places[place].change = NOT_READ;
		places[place].number = -1;
	}
	blockers_context = AllocSetContextCreate(TopMemoryContext,
											 "pg_querywatch blockers",
											 ALLOCSET_DEFAULT_SIZES);
}

static long
task_run(void)
{
	uint64		now = compat_clock();
	uint64		interval = (uint64) qw_wait_sampling_interval * 1000000;

	if (interval == 0)
	{
		last_sample = 0;
		return -1;
	}
	if (last_sample == 0 || now - last_sample >= interval)
		sample_all(now);
	now = (now - last_sample) / 1000000;
	return Max((long) qw_wait_sampling_interval - (long) now, 1);
}

const WorkerTask waits_task = {
	.begin = task_begin,
	.run = task_run
};

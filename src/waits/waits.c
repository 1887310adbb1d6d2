/*-------------------------------------------------------------------------
 *
 * waits.c
 *		What active sessions wait for.
 *
 * A sample stands for the time since the one before it, so a session that is
 * always active adds up to the time that passed, and one that is active for a
 * tenth of it to about a tenth.
 *
 * src/waits/waits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "repeats/patterns.h"
#include "waits/blockers.h"
#include "waits/waits.h"

#define NO_WAIT		(-1)

/* Entries looked at for one to evict */
#define EVICTION_SAMPLE		16

/* How often one pass asks the lock manager, at most */
#define MAX_LOOKS	32

/*
 * Nanoseconds that asking it takes, about: once, and for each process that
 * waits.  After that none follows for so many times as long.
 */
#define LOOK_TIME		10000
#define LOOK_WAITER		200
#define LOOK_PAUSE		500

/* Microseconds that a lock is waited for before it is asked */
#define MIN_BLOCKED 50000

/* After a pause as long as so many intervals, a sample stands for one */
#define MAX_INTERVALS	10

typedef struct SharedWait
{
	int			next;			/* in its bucket or the free list, or NO_WAIT */
	WaitEntry	entry;
} SharedWait;

/* What the statement that a client's process runs has waited for */
typedef struct SharedSession
{
	int			pid;
	uint64		queryid;
	TimestampTz statement_start;
	TimestampTz sampled_at;
	SessionWaits waits;
} SharedSession;

typedef struct SharedWaits
{
	WaitsInfo	info;
	int			hand;			/* where the next eviction begins to look */
	int			nbuckets;		/* a power of two */
	int			buckets[FLEXIBLE_ARRAY_MEMBER];
	/* qw_max_waits of SharedWait, ACTIVITY_CLIENTS of SharedSession follow */
} SharedWaits;

static SharedWaits *shared = NULL;
static SharedWait *entries = NULL;
static SharedSession *sessions = NULL;

/* Of the worker */
typedef struct Sample
{
	int			number;			/* of the PGPROC */
	WaitBlocker blocker;
	BackendActivity activity;
	WaitKey		key;
	const char *type;
	const char *event;
} Sample;

static Sample *samples = NULL;	/* ACTIVITY_CLIENTS */
static MemoryContext blockers_context = NULL;
static uint64 last_sample = 0;	/* monotonic ns, 0: none */

static int
count_buckets(void)
{
	int			n = 1;

	while (n < qw_max_waits)
		n *= 2;
	return n;
}

static Size
head_size(void)
{
	return MAXALIGN(add_size(offsetof(SharedWaits, buckets),
							 mul_size(sizeof(int), count_buckets())));
}

Size
waits_shmem_size(void)
{
	return add_size(add_size(head_size(),
							 mul_size(sizeof(SharedWait), qw_max_waits)),
					mul_size(sizeof(SharedSession), ACTIVITY_CLIENTS));
}

static void
clear(void)
{
	for (int i = 0; i < shared->nbuckets; i++)
		shared->buckets[i] = NO_WAIT;
	memset(&shared->info, 0, sizeof(WaitsInfo));
	shared->info.limit = qw_max_waits;
	shared->hand = 0;
}

void
waits_shmem_init(void *place, bool found)
{
	shared = place;
	entries = (SharedWait *) ((char *) place + head_size());
	sessions = (SharedSession *) (entries + qw_max_waits);
	if (found)
		return;
	memset(sessions, 0, sizeof(SharedSession) * ACTIVITY_CLIENTS);
	shared->nbuckets = count_buckets();
	clear();
}

static uint64
key_hash(const WaitKey *key)
{
	return hash_bytes_extended((const unsigned char *) key, sizeof(WaitKey),
							   0);
}

static int *
bucket_of(const WaitKey *key)
{
	return &shared->buckets[key_hash(key) & (shared->nbuckets - 1)];
}

static bool
key_equal(const WaitKey *a, const WaitKey *b)
{
	return a->queryid == b->queryid && a->dbid == b->dbid &&
		a->userid == b->userid && a->application == b->application &&
		a->event == b->event;
}

/* A place for one more entry, out of every list.  The lock is held. */
static int
take_place(void)
{
	int			oldest;
	int		   *link;

	if (shared->info.entries < qw_max_waits)
		return (int) shared->info.entries++;

	oldest = shared->hand;
	for (int i = 1; i < EVICTION_SAMPLE; i++)
	{
		int			place = (shared->hand + i) % qw_max_waits;

		if (entries[place].entry.last_seen < entries[oldest].entry.last_seen)
			oldest = place;
	}
	shared->hand = (shared->hand + EVICTION_SAMPLE) % qw_max_waits;

	link = bucket_of(&entries[oldest].entry.key);
	while (*link != oldest)
		link = &entries[*link].next;
	*link = entries[oldest].next;
	shared->info.evicted++;
	return oldest;
}

/* The entry of a key, made if there is none: then only its key is set */
static WaitEntry *
find_entry(const WaitKey *key, bool *found)
{
	int			place;

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE));
	*found = true;
	for (place = *bucket_of(key); place != NO_WAIT; place = entries[place].next)
	{
		if (key_equal(&entries[place].entry.key, key))
			return &entries[place].entry;
	}

	*found = false;
	place = take_place();
	memset(&entries[place].entry, 0, sizeof(WaitEntry));
	entries[place].entry.key = *key;
	entries[place].next = *bucket_of(key);
	*bucket_of(key) = place;
	return &entries[place].entry;
}

/*
 * Sampling
 */

/*
 * Finds out who holds up some of those that wait for a lock, beginning with
 * others each time
 */
static void
look_for_blockers(int n, int nwaiting, TimestampTz now)
{
	static unsigned turn = 0;
	static uint64 next_look = 0;
	MemoryContext old_context;
	BlockerSearch search;

	if (compat_clock() < next_look)
		return;
	old_context = MemoryContextSwitchTo(blockers_context);
	blockers_begin(&search, MAX_LOOKS);
	for (int i = 0; i < n && search.nlooks < MAX_LOOKS; i++)
	{
		Sample	   *sample = &samples[(turn + i) % n];
		WaitBlocker *blocker = &sample->blocker;
		BackendActivity root;
		int			pid;

		if (sample->activity.lock_wait_start == 0 ||
			now - sample->activity.lock_wait_start < MIN_BLOCKED ||
			!blockers_root(&search, sample->activity.pid, &pid))
			continue;
		if (pid == 0)
		{
			blocker->pid = 0;
			strlcpy(blocker->state, "prepared transaction",
					sizeof(blocker->state));
		}
		else if (activity_find(pid, &root, NULL, 0))
		{
			blocker->pid = pid;
			blocker->dbid = root.dbid;
			blocker->userid = root.userid;
			blocker->queryid = root.queryid;
			blocker->state_time = Max(now - root.state_start, 0);
			strlcpy(blocker->state, activity_state_name(&root),
					sizeof(blocker->state));
			strlcpy(blocker->application, root.application,
					sizeof(blocker->application));
		}
	}
	turn += MAX_LOOKS;
	MemoryContextSwitchTo(old_context);
	MemoryContextReset(blockers_context);
	next_look = compat_clock() + (uint64) search.nlooks * LOOK_PAUSE *
		(LOOK_TIME + (uint64) nwaiting * LOOK_WAITER);
}

/* Adds what a session's statement waits for to what it has waited for */
static void
add_to_session(const Sample *sample, int64 elapsed, TimestampTz now)
{
	SharedSession *session = &sessions[sample->number];
	const BackendActivity *a = &sample->activity;
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
	since = a->lock_wait_start != 0 ? a->lock_wait_start : now - elapsed;
	since = Max(since, Max(session->sampled_at, a->statement_start));
	session->sampled_at = now;
	if (a->wait_event == 0)
		return;

	while (i < waits->nwaits && waits->waits[i].event != a->wait_event)
		i++;
	if (i == WAITS_PER_SESSION)
		return;
	if (i == waits->nwaits)
		waits->waits[waits->nwaits++].event = a->wait_event;
	waits->waits[i].time += Max(now - since, 0);
	waits->waits[i].last_seen = now;
	if (sample->blocker.pid >= 0)
	{
		waits->blocker = sample->blocker;
		waits->blocker.seen_at = now;
	}
}

/* Looks at all sessions */
static int
look(TimestampTz now)
{
	int			n = 0;
	int			nwaiting = 0;

	for (int i = 0; i < ACTIVITY_CLIENTS; i++)
	{
		Sample	   *sample = &samples[n];
		BackendActivity *a = &sample->activity;

		if (!activity_read_active(i, a, NULL, 0))
			continue;
		sample->number = i;
		memset(&sample->blocker, 0, sizeof(WaitBlocker));
		sample->blocker.pid = -1;
		nwaiting += a->lock_wait_start != 0;
		if (n > 0 && sample[-1].activity.wait_event == a->wait_event)
		{
			/* many wait for the same */
			sample->type = sample[-1].type;
			sample->event = sample[-1].event;
			sample->key.event = sample[-1].key.event;
		}
		else
		{
			activity_wait_names(a->wait_event, &sample->type, &sample->event);
			sample->key.event =
				hash_combine64(pattern_text_hash(sample->type),
							   pattern_text_hash(sample->event));
		}
		sample->key.queryid = a->queryid;
		sample->key.dbid = a->dbid;
		sample->key.userid = a->userid;
		sample->key.application = pattern_text_hash(a->application);
		n++;
	}
	if (nwaiting > 0)
		look_for_blockers(n, nwaiting, now);
	return n;
}

/* Adds what was seen: each sample stands for so many microseconds */
static void
add(int n, int64 elapsed, TimestampTz now)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	for (int i = 0; i < n; i++)
	{
		const Sample *sample = &samples[i];
		bool		found;
		WaitEntry  *entry = find_entry(&sample->key, &found);

		if (!found)
		{
			strlcpy(entry->application, sample->activity.application,
					sizeof(entry->application));
			strlcpy(entry->type, sample->type, sizeof(entry->type));
			strlcpy(entry->event, sample->event, sizeof(entry->event));
		}
		entry->samples++;
		entry->total_time += elapsed;
		entry->last_seen = now;
		shared->info.samples++;
		add_to_session(sample, elapsed, now);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

static void
sample_all(uint64 now)
{
	int64		interval = (int64) qw_wait_sampling_interval * 1000;
	int64		elapsed = last_sample == 0 ? interval :
	(int64) (now - last_sample) / 1000;
	TimestampTz wall = GetCurrentTimestamp();
	int			n = look(wall);

	/* the worker was busy with something else, or sampling was off */
	if (elapsed > interval * MAX_INTERVALS)
		elapsed = interval;
	if (n > 0)
		add(n, elapsed, wall);
	last_sample = now;
}

static void
task_begin(void)
{
	samples = MemoryContextAllocHuge(TopMemoryContext,
									 sizeof(Sample) * ACTIVITY_CLIENTS);
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

/*
 * Reading
 */

bool
waits_of_execution(TimestampTz started_at, SessionWaits *result)
{
	int			number = compat_proc_number();
	int64		passed = GetCurrentTimestamp() - started_at;
	SharedSession *session;

	memset(result, 0, sizeof(SessionWaits));
	result->blocker.pid = -1;
	if (sessions == NULL || number >= ACTIVITY_CLIENTS)
		return false;

	session = &sessions[number];
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_SHARED);
	if (session->pid == MyProcPid && session->sampled_at >= started_at)
	{
		const SessionWaits *waits = &session->waits;

		/* those from before it, while its statement was parsed, are not its */
		for (int i = 0; i < waits->nwaits; i++)
		{
			if (waits->waits[i].last_seen < started_at)
				continue;
			result->waits[result->nwaits] = waits->waits[i];
			result->waits[result->nwaits].time =
				Min(waits->waits[i].time, passed);
			result->nwaits++;
		}
		if (waits->blocker.pid >= 0 && waits->blocker.seen_at >= started_at)
			result->blocker = waits->blocker;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
	return result->nwaits > 0;
}

void
waits_read(WaitsCallback callback, void *arg)
{
	WaitEntry  *copies = palloc_extended(sizeof(WaitEntry) * qw_max_waits,
										 MCXT_ALLOC_HUGE);
	int			n;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_SHARED);
	n = (int) shared->info.entries;
	for (int i = 0; i < n; i++)
		copies[i] = entries[i].entry;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));

	for (int i = 0; i < n; i++)
		callback(arg, &copies[i]);
	pfree(copies);
}

void
waits_info(WaitsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_SHARED);
	*info = shared->info;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
waits_reset(void)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	clear();
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
waits_restore(const WaitEntry *saved)
{
	bool		found;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	if (shared->info.entries < qw_max_waits)
		*find_entry(&saved->key, &found) = *saved;
	else
		shared->info.evicted++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
waits_restore_info(const WaitsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	shared->info.evicted = info->evicted;
	shared->info.samples = info->samples;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

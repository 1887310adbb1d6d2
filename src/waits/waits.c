/*-------------------------------------------------------------------------
 *
 * waits.c
 *		Sums of what active sessions wait for, and what their statements have
 *		waited for: the shared memory, and reading it.  sampling.c fills it.
 *
 * src/waits/waits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "waits/waits.h"
#include "waits/waits_internal.h"

#define NO_WAIT		(-1)

/* Entries looked at for one to evict */
#define EVICTION_SAMPLE		16

typedef struct SharedWait
{
	int			next;			/* in its bucket, or NO_WAIT */
	uint32		serial;			/* changes when another one takes the place */
	WaitEntry	entry;
} SharedWait;

typedef struct SharedWaits
{
	WaitsInfo	info;
	uint32		serial;			/* of the entry made last; never 0 */
	int			nnames;			/* applications kept apart */
	uint64		names[WAITS_MAX_NAMES];
	int			hand;			/* where the next eviction begins to look */
	int			nbuckets;		/* a power of two */
	int			buckets[FLEXIBLE_ARRAY_MEMBER];
	/* qw_max_waits of SharedWait, ACTIVITY_CLIENTS of SharedSession follow */
} SharedWaits;

static SharedWaits *shared = NULL;
static SharedWait *entries = NULL;
SharedSession *waits_sessions = NULL;

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
	for (int i = 0; i < qw_max_waits; i++)
		entries[i].serial = 0;
	memset(&shared->info, 0, sizeof(WaitsInfo));
	shared->info.limit = qw_max_waits;
	shared->nnames = 0;
	shared->hand = 0;
}

void
waits_shmem_init(void *place, bool found)
{
	shared = place;
	entries = (SharedWait *) ((char *) place + head_size());
	waits_sessions = (SharedSession *) (entries + qw_max_waits);
	if (found)
		return;
	memset(waits_sessions, 0, sizeof(SharedSession) * ACTIVITY_CLIENTS);
	shared->serial = 0;
	shared->nbuckets = count_buckets();
	clear();
}

static int *
bucket_of(const WaitKey *key)
{
	uint64		hash = hash_bytes_extended((const unsigned char *) key,
										   sizeof(WaitKey), 0);

	return &shared->buckets[hash & (shared->nbuckets - 1)];
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

/* Where the entry of a key is, or NO_WAIT */
static int
find_place(const WaitKey *key)
{
	int			place = *bucket_of(key);

	while (place != NO_WAIT && !key_equal(&entries[place].entry.key, key))
		place = entries[place].next;
	return place;
}

/* Makes the entry of a key, of which only the key is set */
static int
make_entry(const WaitKey *key)
{
	int			place = take_place();

	memset(&entries[place].entry, 0, sizeof(WaitEntry));
	if (++shared->serial == 0)
		shared->serial = 1;
	entries[place].serial = shared->serial;
	entries[place].entry.key = *key;
	entries[place].next = *bucket_of(key);
	*bucket_of(key) = place;
	return place;
}

WaitEntry *
waits_entry(const WaitKey *key, WaitRef *ref, const char *application,
			const char *type, const char *event)
{
	int			place = find_place(key);

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE));
	if (place == NO_WAIT)
	{
		WaitEntry  *entry;

		place = make_entry(key);
		entry = &entries[place].entry;
		strlcpy(entry->application, application, sizeof(entry->application));
		strlcpy(entry->type, type, sizeof(entry->type));
		strlcpy(entry->event, event, sizeof(entry->event));
	}
	ref->place = place;
	ref->serial = entries[place].serial;
	return &entries[place].entry;
}

WaitEntry *
waits_entry_again(const WaitRef *ref)
{
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE));
	if (ref->place < 0 || entries[ref->place].serial != ref->serial)
		return NULL;
	return &entries[ref->place].entry;
}

bool
waits_fold(uint64 *application)
{
	uint64		other = pattern_text_hash(PATTERN_OTHER_NAMES);

	if (*application == 0)
		return false;
	for (int i = 0; i < shared->nnames && *application != other; i++)
	{
		if (shared->names[i] == *application)
			return false;
	}
	if (shared->nnames < WAITS_MAX_NAMES && *application != other)
	{
		shared->names[shared->nnames++] = *application;
		return false;
	}
	*application = other;
	return true;
}

void
waits_count(int64 samples, int64 folded)
{
	shared->info.samples += samples;
	shared->info.folded += folded;
}

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
	if (waits_sessions == NULL || number >= ACTIVITY_CLIENTS)
		return false;

	session = &waits_sessions[number];
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
	WaitKey		key = saved->key;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	(void) waits_fold(&key.application);
	if (find_place(&key) == NO_WAIT && shared->info.entries < qw_max_waits)
	{
		WaitEntry  *entry = &entries[make_entry(&key)].entry;

		*entry = *saved;
		if (key.application != saved->key.application)
			strlcpy(entry->application, PATTERN_OTHER_NAMES,
					sizeof(entry->application));
		entry->key = key;
	}
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
	shared->info.folded = info->folded;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

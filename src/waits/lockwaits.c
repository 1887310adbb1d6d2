/*-------------------------------------------------------------------------
 *
 * lockwaits.c
 *		Who has waited for locks.
 *
 * A short table that is searched from its beginning where it is not known where
 * an entry is.
 *
 * src/waits/lockwaits.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "storage/lock.h"
#include "storage/lwlock.h"

#include "common/shmem.h"
#include "waits/lockwaits.h"

/* Entries looked at for one to evict */
#define EVICTION_SAMPLE		16

typedef struct SharedLockWaits
{
	LockWaitsInfo info;
	int			hand;			/* where the next eviction begins to look */
	LockWait	entries[FLEXIBLE_ARRAY_MEMBER];
	/* the hashes of their keys follow */
} SharedLockWaits;

static SharedLockWaits *shared = NULL;
static uint32 *hashes = NULL;

static Size
entries_size(void)
{
	return add_size(offsetof(SharedLockWaits, entries),
					mul_size(sizeof(LockWait), LOCKWAITS_MAX));
}

Size
lockwaits_shmem_size(void)
{
	return add_size(entries_size(), mul_size(sizeof(uint32), LOCKWAITS_MAX));
}

void
lockwaits_shmem_init(void *place, bool found)
{
	shared = place;
	hashes = (uint32 *) ((char *) place + entries_size());
	if (!found)
		memset(place, 0, lockwaits_shmem_size());
}

static uint32
key_hash(const LockWaitKey *key)
{
	return hash_bytes((const unsigned char *) key, sizeof(LockWaitKey));
}

static int
take_place(void)
{
	int			oldest;

	if (shared->info.entries < LOCKWAITS_MAX)
		return (int) shared->info.entries++;
	oldest = shared->hand;
	for (int i = 1; i < EVICTION_SAMPLE; i++)
	{
		int			place = (shared->hand + i) % LOCKWAITS_MAX;

		if (shared->entries[place].last_seen < shared->entries[oldest].last_seen)
			oldest = place;
	}
	shared->hand = (shared->hand + EVICTION_SAMPLE) % LOCKWAITS_MAX;
	shared->info.evicted++;
	return oldest;
}

static bool
is_at(int place, const LockWaitKey *key, uint32 hash)
{
	return hashes[place] == hash &&
		memcmp(&shared->entries[place].key, key, sizeof(LockWaitKey)) == 0;
}

LockWait *
lockwaits_entry(const LockWaitKey *key, int *place, bool *found)
{
	uint32		hash = key_hash(key);

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE));
	*found = true;
	if (*place >= 0 && *place < shared->info.entries &&
		is_at(*place, key, hash))
		return &shared->entries[*place];
	for (*place = 0; *place < shared->info.entries; (*place)++)
	{
		if (is_at(*place, key, hash))
			return &shared->entries[*place];
	}
	*found = false;
	*place = take_place();
	memset(&shared->entries[*place], 0, sizeof(LockWait));
	shared->entries[*place].key = *key;
	hashes[*place] = hash;
	return &shared->entries[*place];
}

int
lockwaits_read(LockWait **entries)
{
	int			n;

	*entries = palloc_extended(sizeof(LockWait) * LOCKWAITS_MAX,
							   MCXT_ALLOC_HUGE);
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_SHARED);
	n = (int) shared->info.entries;
	memcpy(*entries, shared->entries, sizeof(LockWait) * n);
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
	return n;
}

void
lockwaits_info(LockWaitsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_SHARED);
	*info = shared->info;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
lockwaits_reset(Oid userid, Oid dbid, uint64 queryid)
{
	int			n = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	for (int i = 0; i < shared->info.entries; i++)
	{
		const LockWaitKey *key = &shared->entries[i].key;

		if ((OidIsValid(userid) && key->userid != userid) ||
			(OidIsValid(dbid) && key->dbid != dbid) ||
			(queryid != 0 && key->queryid != queryid))
		{
			shared->entries[n] = shared->entries[i];
			hashes[n++] = hashes[i];
		}
	}
	shared->info.entries = n;
	if (n == 0)
		shared->info.evicted = 0;
	shared->hand = 0;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
lockwaits_restore(const LockWait *saved)
{
	bool		found;
	int			place = -1;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	if (shared->info.entries < LOCKWAITS_MAX)
		*lockwaits_entry(&saved->key, &place, &found) = *saved;
	else
		shared->info.evicted++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

void
lockwaits_restore_info(const LockWaitsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_WAITS), LW_EXCLUSIVE);
	shared->info.evicted = info->evicted;
	LWLockRelease(shmem_lock(SHMEM_LOCK_WAITS));
}

const char *
lockwaits_type_name(int lock_type)
{
	if (lock_type < 0 || lock_type > LOCKTAG_LAST_TYPE)
		return "other";
	return LockTagTypeNames[lock_type];
}

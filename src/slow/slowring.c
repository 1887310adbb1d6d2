/*-------------------------------------------------------------------------
 *
 * slowring.c
 *		The slow executions in shared memory: a byte ring, oldest overwritten
 *		first.
 *
 * The ring holds records one after another, each MAXALIGNed and in one piece:
 * a SharedSlowRecord and behind it its strings and values.  From "oldest" on
 * they follow each other up to "next", or, once the ring has been filled, up
 * to "end" and then from 0 to "next":
 *
 *		0 ... next ... oldest ... end ... size
 *
 * There are only offsets in it, so that it may be copied as it is.
 *
 * src/slow/slowring.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/atomics.h"
#include "storage/shmem.h"

#include "common/settings.h"
#include "common/shmem.h"
#include "slow/slowlog.h"
#include "slow/slowring.h"

/* All under SHMEM_LOCK_SLOWLOG, but where it says otherwise */
typedef struct SharedSlowlog
{
	Size		size;			/* of the ring; never changes */
	Size		next;			/* where the next record goes, if it fits */
	Size		oldest;			/* oldest record; of no meaning without one */
	Size		end;			/* end of the records above next */
	int64		nrecords;
	int64		last_id;		/* never starts over, a reset included */
	int64		recorded;
	int64		overwritten;
	pg_atomic_uint64 dropped;	/* without the lock */
	char		ring[FLEXIBLE_ARRAY_MEMBER];	/* MAXALIGNed */
} SharedSlowlog;

/*
 * Bytes that a reader copies while it holds the lock, but for a record that is
 * larger: so long a writer may have to wait for it
 */
#define COPY_SIZE		(32 * 1024)

#define RING_OFFSET		MAXALIGN(offsetof(SharedSlowlog, ring))
#define RING(slowlog)	((char *) (slowlog) + RING_OFFSET)

static SharedSlowlog *slowlog = NULL;

static inline Size
ring_size(void)
{
	return MAXALIGN_DOWN((Size) qw_slow_memory * 1024);
}

Size
slowlog_shmem_size(void)
{
	return add_size(RING_OFFSET, ring_size());
}

void
slowlog_shmem_init(void *place, bool found)
{
	slowlog = (SharedSlowlog *) place;
	if (found)
		return;

	memset(slowlog, 0, RING_OFFSET);
	slowlog->size = ring_size();
	pg_atomic_init_u64(&slowlog->dropped, 0);
}

bool
slowring_attached(void)
{
	return slowlog != NULL;
}

/* Where the record after this one is, which is at place */
static inline Size
after_record(const SharedSlowlog *log, Size place,
			 const SharedSlowRecord *record)
{
	place += record->size;

	/* only those above "next" are followed by the ones from 0 on */
	if (place >= log->end && place > log->next)
		place = 0;
	return place;
}

/* Forgets the oldest record.  Call with the lock held exclusively. */
static void
drop_oldest(void)
{
	slowlog->oldest =
		after_record(slowlog, slowlog->oldest,
					 (SharedSlowRecord *) (RING(slowlog) + slowlog->oldest));
	slowlog->nrecords--;
	slowlog->overwritten++;
}

/*
 * Copies a record in.  Its size is at most the ring's.  Call with the lock
 * held exclusively.
 */
static void
place_record(const SharedSlowRecord *record)
{
	Size		place;

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_EXCLUSIVE));

	place = slowlog->next;
	if (slowlog->size - place < record->size)
	{
		/* start over: those above go first, as they are the oldest */
		while (slowlog->nrecords > 0 && slowlog->oldest >= place)
			drop_oldest();
		slowlog->end = place;
		place = 0;
	}
	while (slowlog->nrecords > 0 &&
		   slowlog->oldest >= place && slowlog->oldest < place + record->size)
		drop_oldest();

	if (slowlog->nrecords == 0)
		slowlog->oldest = place;
	memcpy(RING(slowlog) + place, record, record->size);
	slowlog->next = place + record->size;
	slowlog->nrecords++;
}

void
slowring_insert(SharedSlowRecord *record)
{
	if (record == NULL || record->size > slowlog->size)
	{
		pg_atomic_fetch_add_u64(&slowlog->dropped, 1);
		return;
	}
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_EXCLUSIVE);
	record->id = ++slowlog->last_id;
	slowlog->recorded++;
	place_record(record);
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
}

int64
slowring_copy(const SharedSlowRecord ***records)
{
	SlowringCursor cursor = {0};
	char	   *copies = palloc_extended(slowlog->size, MCXT_ALLOC_HUGE);
	Size		used = 0;
	Size		size;
	int64		nrecords = 0;

	/* what is overwritten meanwhile is passed over, so it all finds room */
	while (used < slowlog->size &&
		   (size = slowring_copy_some(&cursor, copies + used,
									  slowlog->size - used)) > 0)
		used += size;

	for (Size place = 0; place < used;
		 place += ((const SharedSlowRecord *) (copies + place))->size)
		nrecords++;
	*records = palloc_extended(sizeof(SharedSlowRecord *) * Max(nrecords, 1),
							   MCXT_ALLOC_HUGE);
	nrecords = 0;
	for (Size place = 0; place < used;
		 place += (*records)[nrecords++]->size)
		(*records)[nrecords] = (const SharedSlowRecord *) (copies + place);
	return nrecords;
}

void
slowlog_counters(SlowlogCounters *counters)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_SHARED);
	counters->recorded = slowlog->recorded;
	counters->overwritten = slowlog->overwritten;
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
	counters->dropped = (int64) pg_atomic_read_u64(&slowlog->dropped);
}

void
slowlog_reset(void)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_EXCLUSIVE);
	slowlog->next = 0;
	slowlog->oldest = 0;
	slowlog->end = 0;
	slowlog->nrecords = 0;
	slowlog->recorded = 0;
	slowlog->overwritten = 0;
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
	pg_atomic_write_u64(&slowlog->dropped, 0);
}

/*
 * Saving and restoring
 */

void
slowring_state(SlowringState *state)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_SHARED);
	state->last_id = slowlog->last_id;
	state->oldest_id = slowlog->nrecords == 0 ? slowlog->last_id + 1 :
		((SharedSlowRecord *) (RING(slowlog) + slowlog->oldest))->id;
	state->recorded = slowlog->recorded;
	state->overwritten = slowlog->overwritten;
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
	state->dropped = (int64) pg_atomic_read_u64(&slowlog->dropped);
}

Size
slowring_copy_some(SlowringCursor *cursor, char *buffer, Size size)
{
	Size		used = 0;
	int64		oldest_id;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_SHARED);
	if (cursor->id == 0)
		cursor->end = slowlog->last_id;
	if (slowlog->nrecords == 0)
		cursor->id = cursor->end;
	else
	{
		oldest_id = ((SharedSlowRecord *) (RING(slowlog) + slowlog->oldest))->id;
		if (oldest_id > cursor->id)
			cursor->place = slowlog->oldest;
	}

	/* ids only grow, so what is not older than the oldest is all there */
	while (cursor->id < cursor->end)
	{
		const SharedSlowRecord *record = (const SharedSlowRecord *)
		(RING(slowlog) + cursor->place);

		if (used > 0 && used + record->size > COPY_SIZE)
			break;
		if (record->size <= size - used)
		{
			memcpy(buffer + used, record, record->size);
			used += record->size;
		}
		else if (used > 0)
			break;
		cursor->id = record->id;

		/* the newest one; last_id may be of one that found no room */
		if (cursor->place + record->size == slowlog->next)
			cursor->id = cursor->end;
		else
			cursor->place = after_record(slowlog, cursor->place, record);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
	return used;
}

void
slowring_restore_state(const SlowringState *state)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_EXCLUSIVE);
	slowlog->last_id = state->last_id;
	slowlog->recorded = state->recorded;
	slowlog->overwritten = state->overwritten;
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
	pg_atomic_write_u64(&slowlog->dropped, (uint64) state->dropped);
}

void
slowring_restore(const SharedSlowRecord *record)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_SLOWLOG), LW_EXCLUSIVE);
	if (record->size <= slowlog->size)
		place_record(record);
	else
		slowlog->overwritten++;
	slowlog->last_id = Max(slowlog->last_id, record->id);
	LWLockRelease(shmem_lock(SHMEM_LOCK_SLOWLOG));
}

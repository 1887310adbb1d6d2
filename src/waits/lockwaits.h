/*-------------------------------------------------------------------------
 *
 * lockwaits.h
 *		Who has waited for locks, how long, and behind whom: for the finding
 *		lock_wait.
 *
 * Sums by the statement that waited, the type of the lock, and the statement,
 * application and state of whom it waited for.  The worker makes them out of
 * its samples (waits.c).  A table of LOCKWAITS_MAX entries, whose lock is
 * SHMEM_LOCK_WAITS; of those looked at for a new one, the one seen longest ago
 * makes room.
 *
 * src/waits/lockwaits.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_LOCKWAITS_H
#define QW_LOCKWAITS_H

#include "datatype/timestamp.h"

#include "common/execution.h"
#include "common/settings.h"

#define LOCKWAITS_MAX		Min(Max(qw_max_waits / 20, 25), 1000)

/* What whoever held the lock was doing; snapshots have these numbers */
typedef enum BlockerKind
{
	BLOCKER_UNKNOWN = 0,
	BLOCKER_ACTIVE = 1,
	BLOCKER_IDLE = 2,			/* outside of transactions: a session's lock */
	BLOCKER_IDLE_IN_TRANSACTION = 3,
	BLOCKER_PREPARED = 4,		/* a prepared transaction */
	BLOCKER_DEADLOCK = 5,		/* each waited for the other */
	BLOCKER_OTHER = 6			/* no client: an autovacuum worker, say */
} BlockerKind;

#define BLOCKER_KINDS	(BLOCKER_OTHER + 1)

/* Hashed as it is: it has no padding */
typedef struct LockWaitKey
{
	uint64		queryid;		/* of who waited; 0: it was being parsed */
	Oid			dbid;
	Oid			userid;
	uint64		blocker_queryid;	/* 0: not known */
	Oid			blocker_dbid;
	Oid			blocker_userid;
	uint64		blocker_application;	/* hash of the name */
	int32		lock_type;		/* LockTagType */
	int32		blocker;		/* BlockerKind */
} LockWaitKey;

/* Times are microseconds */
typedef struct LockWait
{
	LockWaitKey key;
	int64		executions;		/* that began to wait so */
	int64		samples;
	int64		waited;
	int64		waited_before;	/* of that, before they were executed */
	int64		elapsed;		/* that these executions took, as far as they
								 * were seen */
	int64		longest;		/* wait of one execution */
	int64		blocker_time;	/* that a blocker had been in its state, at
								 * most */
	uint64		queued_queryid; /* of who stood before it in the queue and
								 * waited too; 0: nobody, or not known */
	Oid			queued_dbid;
	Oid			queued_userid;
	TimestampTz first_seen;
	TimestampTz last_seen;
	char		blocker_application[NAMEDATALEN];
	char		blocker_state[32];
} LockWait;

typedef struct LockWaitsInfo
{
	int64		entries;
	int64		evicted;
} LockWaitsInfo;

extern Size lockwaits_shmem_size(void);
extern void lockwaits_shmem_init(void *place, bool found);

/*
 * The entry of a key, made if there is none; the lock is held exclusively.
 * *place, where it was found last or anything, is looked at first.
 */
extern LockWait *lockwaits_entry(const LockWaitKey *key, int *place,
								 bool *found);

/* A palloc'd copy of all entries, in no particular order */
extern int	lockwaits_read(LockWait **entries);

extern void lockwaits_info(LockWaitsInfo *info);

/* Forgets those of a role, a database, a statement; 0 stands for all */
extern void lockwaits_reset(Oid userid, Oid dbid, uint64 queryid);

/* At server start: puts back what was saved, as long as there is room */
extern void lockwaits_restore(const LockWait *entry);
extern void lockwaits_restore_info(const LockWaitsInfo *info);

/* As in pg_locks */
extern const char *lockwaits_type_name(int lock_type);

#endif							/* QW_LOCKWAITS_H */

/*-------------------------------------------------------------------------
 *
 * waits.h
 *		What active sessions wait for, sampled by the worker every
 *		wait_sampling_interval.
 *
 * Sums by database, role, application, statement and wait event are kept in a
 * table of max_waits entries; of those looked at for a new one, the one seen
 * longest ago makes room.  Each client's process has a place besides, for what
 * its current statement has waited for: its slow log record takes it from
 * there.  Who has waited for locks, and behind whom, is in lockwaits.h.
 *
 * One LWLock, SHMEM_LOCK_WAITS: the worker holds it exclusively while it adds a
 * sample of all sessions, which allocates nothing and asks nobody.  Who blocks
 * whom it has found out before, for some of those that wait for a lock.
 * Backends take it to read, and when they record a slow execution; what they
 * execute costs nothing more.
 *
 * A session is seen only where track_activities is on.
 *
 * src/waits/waits.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WAITS_H
#define QW_WAITS_H

#include "common/worker_task.h"
#include "repeats/patterns.h"
#include "waits/activity.h"
#include "waits/lockwaits.h"

/* Distinct wait events of one execution that are told apart */
#define WAITS_PER_SESSION	8

/* Longest name of a type of wait events, with its NUL */
#define WAIT_TYPE_LENGTH	16

/*
 * Distinct applications kept apart; further ones are counted as "(other)", as
 * patterns have it
 */
#define WAITS_MAX_NAMES		PATTERN_MAX_NAMES

/* Hashed as it is: it has no padding */
typedef struct WaitKey
{
	uint64		queryid;		/* 0: not known */
	Oid			dbid;
	Oid			userid;
	uint64		application;	/* hash of the name */
	uint64		event;			/* hash of type and event */
} WaitKey;

typedef struct WaitEntry
{
	WaitKey		key;
	int64		samples;
	int64		total_time;		/* microseconds */
	TimestampTz last_seen;
	char		application[NAMEDATALEN];
	char		type[WAIT_TYPE_LENGTH];
	char		event[WAIT_EVENT_LENGTH];
} WaitEntry;

typedef struct WaitsInfo
{
	int64		entries;
	int64		limit;
	int64		evicted;
	int64		samples;		/* of sessions, since the reset */
	int64		folded;			/* of those, under PATTERN_OTHER_NAMES */
} WaitsInfo;

/*
 * The head of the chain that an execution was held up by, when that was last
 * looked at
 */
typedef struct WaitBlocker
{
	int			pid;			/* -1: there is none; 0: a prepared
								 * transaction, of which the rest is not known */
	BlockerKind kind;			/* BLOCKER_UNKNOWN: it was not found */
	Oid			dbid;
	Oid			userid;
	uint64		queryid;		/* of what it ran, or ran last; 0: not known */
	int64		state_time;		/* in its state so far, microseconds */
	TimestampTz seen_at;
	char		state[32];
	char		application[NAMEDATALEN];

	/* who stands before it in the queue, if that waits too; 0: nobody */
	uint64		queued_queryid;
	Oid			queued_dbid;
	Oid			queued_userid;
} WaitBlocker;

typedef struct SessionWait
{
	uint32		event;
	int64		time;			/* microseconds */
	TimestampTz last_seen;
} SessionWait;

typedef struct SessionWaits
{
	int			nwaits;
	SessionWait waits[WAITS_PER_SESSION];
	WaitBlocker blocker;
} SessionWaits;

extern Size waits_shmem_size(void);
extern void waits_shmem_init(void *place, bool found);

extern const WorkerTask waits_task;

/*
 * What this backend's execution that began then has waited for, as far as it
 * was sampled: within an interval.  False if nothing was seen.  Allocates
 * nothing.
 */
extern bool waits_of_execution(TimestampTz started_at, SessionWaits *waits);

/* Calls back for a copy of each entry, in no particular order */
typedef void (*WaitsCallback) (void *arg, const WaitEntry *entry);
extern void waits_read(WaitsCallback callback, void *arg);

extern void waits_info(WaitsInfo *info);
extern void waits_reset(void);

/* At server start: puts back what was saved, as long as there is room */
extern void waits_restore(const WaitEntry *entry);
extern void waits_restore_info(const WaitsInfo *info);

#endif							/* QW_WAITS_H */

/*-------------------------------------------------------------------------
 *
 * slowlog.h
 *		The slow executions: a byte ring in shared memory, oldest overwritten
 *		first (slowring.c).
 *
 * One LWLock; held exclusively while a finished record is copied in, shared
 * while records are copied out.  Nothing is allocated, looked up or reported
 * under it.  A record is one contiguous piece, so one that does not fit
 * before the end of the ring starts at its beginning.
 *
 * src/slow/slowlog.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SLOWLOG_H
#define QW_SLOWLOG_H

#include "executor/execdesc.h"
#include "common/execution.h"
#include "query/params.h"

/* Longest plan text kept, in bytes, and all parameter texts together */
#define SLOWLOG_MAX_PLAN		(16 * 1024)
#define SLOWLOG_MAX_PARAMETERS	(16 * 1024)

/* A record as the reader gets it; strings are palloc'd or NULL */
typedef struct SlowRecord
{
	int64		id;				/* sequence number, from 1 */
	TimestampTz started_at;
	StatementKey key;
	uint64		elapsed;		/* ns */
	uint64		plan_time;		/* ns */
	uint64		rows;
	ExecutionOutcome outcome;
	int			sqlstate;
	int			pid;
	int64		shared_blks_hit;
	int64		shared_blks_read;
	int64		temp_blks_written;
	int64		wal_bytes;
	bool		query_complete; /* false: query was cut to query_max_length */
	bool		query_backslashes;	/* those in its '...' are escapes */
	int			encoding;		/* of the database it ran in: every string is
								 * in it */
	char	   *query;			/* as sent, cut */
	char	   *application_name;
	char	   *client_addr;
	char	   *plan;			/* NULL: not captured */
	char	   *tags;			/* JSON object text; NULL: none */
	char	   *search_path;	/* the setting when it ended; NULL: not kept */
	char	   *trace_id;
	char	   *waits;			/* for slow_wait_next(); NULL: none seen */
	int			blocker_pid;	/* head of the chain that held it up; -1:
								 * none, 0: a prepared transaction */
	StatementKey blocker_key;	/* what that ran; queryid 0: not known */
	int64		blocker_time;	/* in its state, microseconds */
	char	   *blocker_state;
	char	   *blocker_application;
	int			nvalues;		/* -1: not captured */
	RecordedValue *values;
} SlowRecord;

/*
 * What a record has waited for: type and event joined by a colon, and
 * microseconds.  *waits is moved on; false at the end.
 */
#define SLOW_WAIT_NAME	(NAMEDATALEN + 16 + 1)

extern bool slow_wait_next(const char **waits, char *name, int64 *time);

typedef struct SlowlogCounters
{
	int64		recorded;		/* since start or reset */
	int64		overwritten;
	int64		dropped;		/* did not fit the ring at all */
} SlowlogCounters;

extern Size slowlog_shmem_size(void);
extern void slowlog_shmem_init(void *place, bool found);

/*
 * Records a slow execution.  "queryDesc" is NULL for a utility statement;
 * "text", "length": the statement itself within its source text.  On the path
 * of an error (outcome other than completed) no catalog is read: values of
 * types that are not built in have no text, and there is no plan.  Never
 * raises; keeps the interrupts held while it works.
 */
extern void slowlog_record(const Execution *execution, QueryDesc *queryDesc,
						   const char *text, int length, TimestampTz started_at);

/*
 * The same in two steps, for an error that may yet be handled: the record is
 * put together, or NULL if there is no memory for it; and it is recorded, with
 * the times, the usage and the outcome that it has by then, or dropped.
 * slowlog_insert() takes NULL for a record that is lost.
 */
typedef struct SlowHeld SlowHeld;

extern SlowHeld *slowlog_hold(const Execution *execution, QueryDesc *queryDesc,
							  const char *text, int length,
							  TimestampTz started_at);
extern void slowlog_insert(SlowHeld *held, const Execution *execution);
extern void slowlog_drop(SlowHeld *held);

/*
 * Calls back for each record, newest first, in the caller's memory context.
 * The records are copied out under the lock and handed over after it.
 */
typedef void (*SlowlogCallback) (void *arg, const SlowRecord *record);
extern void slowlog_read(SlowlogCallback callback, void *arg);

/* One record by its id, palloc'd, or NULL if it is not (any more) there */
extern SlowRecord *slowlog_find(int64 id);

extern void slowlog_counters(SlowlogCounters *counters);
extern void slowlog_reset(void);

#endif							/* QW_SLOWLOG_H */

/*-------------------------------------------------------------------------
 *
 * slowring.h
 *		The ring of slow executions, as slowlog.c and snapshots use it.
 *
 * A record is one contiguous piece without pointers, so that it can be copied
 * and stored as it is.
 *
 * src/slow/slowring.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SLOWRING_H
#define QW_SLOWRING_H

#include "datatype/timestamp.h"
#include "common/execution.h"

/* The strings of a record, in the order they are stored */
typedef enum SlowString
{
	SLOW_QUERY,
	SLOW_APPLICATION_NAME,
	SLOW_CLIENT_ADDR,
	SLOW_PLAN,
	SLOW_TAGS,
	SLOW_TRACE_ID,
	SLOW_SEARCH_PATH,
	SLOW_WAITS,					/* see slow_wait_next() */
	SLOW_BLOCKER_STATE,
	SLOW_BLOCKER_APPLICATION,
	SLOW_NSTRINGS
} SlowString;

/* What is kept of a statement's text; snapshots have these numbers */
typedef enum SlowQueryForm
{
	SLOW_QUERY_CUT = 0,
	SLOW_QUERY_COMPLETE = 1,
	SLOW_QUERY_BACKSLASHES = 2	/* complete, with standard_conforming_strings
								 * off and backslashes in it */
} SlowQueryForm;

typedef struct SharedSlowRecord
{
	uint32		size;			/* of all of it, MAXALIGNed */
	int32		encoding;
	int64		id;
	TimestampTz started_at;
	StatementKey key;
	uint64		elapsed;
	uint64		plan_time;
	uint64		rows;
	int32		outcome;		/* ExecutionOutcome */
	int32		sqlstate;
	int32		pid;
	int32		query_form;		/* SlowQueryForm */
	int64		shared_blks_hit;
	int64		shared_blks_read;
	int64		temp_blks_written;
	int64		wal_bytes;
	int64		blocker_time;
	uint64		blocker_queryid;
	Oid			blocker_userid;
	Oid			blocker_dbid;
	int32		blocker_pid;	/* -1: it was not held up */
	int32		nvalues;		/* -1: not captured */
	int32		lengths[SLOW_NSTRINGS]; /* without the NUL; -1: NULL */

	/*
	 * Then the strings that are not NULL, each with its NUL, then for each
	 * value a SharedSlowValue and its text with its NUL, unaligned.
	 */
} SharedSlowRecord;

typedef struct SharedSlowValue
{
	Oid			type;
	int32		length;			/* -1: null, -2: has no text */
	int32		complete;
} SharedSlowValue;

/* Is there a ring in this process? */
extern bool slowring_attached(void);

/*
 * Copies a finished record in and gives it its id; the oldest ones make room.
 * NULL, or one larger than the ring, is counted as dropped.
 */
extern void slowring_insert(SharedSlowRecord *record);

/*
 * Copies the ring out: *records becomes pointers to the copies of its records,
 * oldest first.  Returns how many.  What is overwritten meanwhile is not among
 * them, nor what comes meanwhile.
 */
extern int64 slowring_copy(const SharedSlowRecord ***records);

/* What there is beside the records */
typedef struct SlowringState
{
	int64		last_id;
	int64		oldest_id;		/* of the records that are there; 0: not known */
	int64		recorded;
	int64		overwritten;
	int64		dropped;
} SlowringState;

extern void slowring_state(SlowringState *state);

/*
 * Copies some whole records out, oldest first, as fit into "size" bytes of the
 * buffer: one, or a few that are small, so that a writer waits no longer than
 * for the copy of a record.  Begins with a cursor of
 * zeros; returns the bytes copied, 0 at the end.  Records that are overwritten
 * meanwhile are passed over; so is one larger than the buffer.
 */
typedef struct SlowringCursor
{
	int64		id;				/* of the record copied last */
	int64		end;			/* of the newest one when it began */
	Size		place;			/* where the next one is, if it is still there */
} SlowringCursor;

extern Size slowring_copy_some(SlowringCursor *cursor, char *buffer, Size size);

/*
 * At server start: the state first, then the records, oldest first, with the
 * ids that they have.  Those that there is no room for count as overwritten.
 */
extern void slowring_restore_state(const SlowringState *state);
extern void slowring_restore(const SharedSlowRecord *record);

#endif							/* QW_SLOWRING_H */

/*-------------------------------------------------------------------------
 *
 * activity.h
 *		What other backends do right now, out of the array behind
 *		pg_stat_activity and their PGPROCs.
 *
 * Takes no lock and waits for nobody, so it works while locks are stuck, and
 * in a process without a database.  One entry at a time is copied; entries are
 * not of the same moment.
 *
 * A process has a PGPROC, known by its number, and an entry of that array,
 * known by its place.
 *
 * src/waits/activity.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_ACTIVITY_H
#define QW_ACTIVITY_H

#include "datatype/timestamp.h"
#include "miscadmin.h"
#include "utils/backend_status.h"

/* Names of wait events are shorter than this */
#define WAIT_EVENT_LENGTH	NAMEDATALEN

typedef struct BackendActivity
{
	int			pid;
	Oid			dbid;
	Oid			userid;			/* of the session */
	BackendType type;
	BackendState state;
	uint64		queryid;		/* of the statement that runs, or ran last; 0:
								 * not known, as while it is parsed */
	TimestampTz state_start;
	TimestampTz statement_start;
	char		application[NAMEDATALEN];
} BackendActivity;

/*
 * What a process waits for.  Of the leader of a parallel query that waits for
 * its workers, it is the lock that one of these waits for, if one does.
 */
typedef struct BackendWait
{
	uint32		event;			/* 0: none */
	TimestampTz lock_start;		/* since when it waits for a heavyweight lock;
								 * 0: it does not */
	const void *lock;			/* that lock, to be compared only ... */
	int			lock_mode;		/* ... and how it is wanted */
} BackendWait;

/* The first so many PGPROCs are those of clients */
#define ACTIVITY_CLIENTS	MaxConnections

/* Places of the entries of ordinary processes, those of clients among them */
#define ACTIVITY_PLACES		MaxBackends

/*
 * Changes whenever the entry in a place does: one that has not changed need not
 * be read again
 */
extern int	activity_change(int place);

/*
 * The entry in a place.  False if no process has it.  "text", if not NULL,
 * gets the statement as sent, cut to "size" - 1 bytes; it may end within a
 * character.  *change is what activity_change() would have returned.
 */
extern bool activity_read_place(int place, BackendActivity *activity,
								char *text, Size size, int *change);

/* Does this client's backend run a statement? */
extern bool activity_is_active(const BackendActivity *activity);

/*
 * PGPROCs of clients by place, -1 where there is none: an array of
 * ACTIVITY_PLACES, to be used while the entry there has the PGPROC's pid
 */
extern void activity_map(int *numbers);
extern bool activity_has_pid(int number, int pid);

/* What the process with this PGPROC waits for, as read at once */
extern void activity_wait(int number, BackendWait *wait);

/*
 * Parallel workers that wait for a lock: "leaders" becomes the numbers of
 * their leaders' PGPROCs.  At most "max" are found.
 */
extern int	activity_waiting_workers(int *leaders, BackendWait *waits, int max);

/* Is it one of the events by which a leader waits for its workers? */
extern bool activity_waits_for_workers(uint32 event);

/* What a client's backend does and waits for; false unless it is active */
extern bool activity_read_active(int number, BackendActivity *activity,
								 BackendWait *wait, char *text, Size size);

/* The process with that pid */
extern bool activity_find(int pid, BackendActivity *activity, BackendWait *wait,
						  char *text, Size size);

/* As in pg_stat_activity; of a process that is not a client's, its type */
extern const char *activity_state_name(const BackendActivity *activity);

/* Type and name of a wait event; both 'CPU' for none */
extern void activity_wait_names(uint32 wait_event, const char **type,
								const char **name);

#endif							/* QW_ACTIVITY_H */

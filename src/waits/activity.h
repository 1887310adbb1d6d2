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
	uint32		wait_event;		/* 0: none */
	TimestampTz lock_wait_start;	/* since when it waits for a heavyweight
									 * lock; 0: it does not */
	char		application[NAMEDATALEN];
} BackendActivity;

/* The first so many PGPROCs are those of clients */
#define ACTIVITY_CLIENTS	MaxConnections

/*
 * What the process with this PGPROC does.  False if there is none, or if it has
 * no entry.  "text", if not NULL, gets the statement as sent, cut to "size" - 1
 * bytes; it may end within a character.
 */
extern bool activity_read(int number, BackendActivity *activity, char *text,
						  Size size);

/*
 * The same of a client's backend that runs a statement; cheaper if it is idle
 */
extern bool activity_read_active(int number, BackendActivity *activity,
								 char *text, Size size);

/* The process with that pid */
extern bool activity_find(int pid, BackendActivity *activity, char *text,
						  Size size);

/* As in pg_stat_activity; of a process that is not a client's, its type */
extern const char *activity_state_name(const BackendActivity *activity);

/* Type and name of a wait event; both 'CPU' for none */
extern void activity_wait_names(uint32 wait_event, const char **type,
								const char **name);

#endif							/* QW_ACTIVITY_H */

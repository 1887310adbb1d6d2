/*-------------------------------------------------------------------------
 *
 * waits_internal.h
 *		The shared memory of waits.c, as the worker writes it (sampling.c).
 *
 * src/waits/waits_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WAITS_INTERNAL_H
#define QW_WAITS_INTERNAL_H

#include "waits/waits.h"

#pragma GCC visibility push(hidden)

/* What the statement that a client's process runs has waited for */
typedef struct SharedSession
{
	int			pid;
	uint64		queryid;
	TimestampTz statement_start;
	TimestampTz sampled_at;
	SessionWaits waits;
} SharedSession;

/* Those of all PGPROCs of clients; written with the lock held exclusively */
extern SharedSession *waits_sessions;

/* Where the entry of a key was found: to find it again */
typedef struct WaitRef
{
	int			place;			/* -1: nowhere */
	uint32		serial;			/* of what was there */
} WaitRef;

/*
 * The entry of a key, made if there is none: then "application", "type" and
 * "event" are its names.  The lock is held exclusively.
 */
extern WaitEntry *waits_entry(const WaitKey *key, WaitRef *ref,
							  const char *application, const char *type,
							  const char *event);

/* The entry found before; NULL: it is not there any more */
extern WaitEntry *waits_entry_again(const WaitRef *ref);

/*
 * Puts the hash of PATTERN_OTHER_NAMES in place of that of an application for
 * which there is no room; then true.  The lock is held exclusively.
 */
extern bool waits_fold(uint64 *application);

/* Counts samples added */
extern void waits_count(int64 samples, int64 folded);

#pragma GCC visibility pop

#endif							/* QW_WAITS_INTERNAL_H */

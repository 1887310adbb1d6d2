/*-------------------------------------------------------------------------
 *
 * shmem.h
 *		The one shared-memory segment and its locks.
 *
 * Sized at start from the settings, never growing.  Each part's module says
 * its size and initialises its piece.  Attached by address: on EXEC_BACKEND
 * platforms the start-up hook runs in every backend and finds it by name.
 *
 * src/shmem.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SHMEM_H
#define QW_SHMEM_H

#include "storage/lwlock.h"

#define STATEMENT_PARTITIONS	16

/*
 * Lock order: SHMEM_LOCK_RESET, then SHMEM_LOCK_TOTALS or a statement
 * partition, below the latter SHMEM_LOCK_TEXTS or SHMEM_LOCK_EVICTED; never
 * two partitions; the others are held alone.  No lock is held while anything
 * is allocated, looked up in a catalog or reported.
 */
typedef enum ShmemLockId
{
	SHMEM_LOCK_PARTITION,		/* the first of STATEMENT_PARTITIONS */
	SHMEM_LOCK_TEXTS = STATEMENT_PARTITIONS,
	SHMEM_LOCK_EVICTED,
	SHMEM_LOCK_RESET,
	SHMEM_LOCK_TOTALS,
	SHMEM_LOCK_SLOWLOG,
	SHMEM_LOCK_PATTERNS,
	SHMEM_NLOCKS
} ShmemLockId;

extern LWLock *shmem_lock(ShmemLockId which);

/*
 * Raises 55000 with a hint where the segment is not there, that is, where the
 * library was not preloaded
 */
extern void shmem_require(void);

/* Size of the whole segment, bytes */
extern Size shmem_total_size(void);

/* Installs the request and start-up hooks; in _PG_init only */
extern void shmem_install(void);

#endif							/* QW_SHMEM_H */

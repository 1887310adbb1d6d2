/*-------------------------------------------------------------------------
 *
 * shmem.h
 *		The one shared-memory segment and its locks.
 *
 * Sized at start from the settings, never growing.  Each part's module says
 * its size and initialises its piece.
 *
 * The start-up hook runs in the postmaster, again when the postmaster makes
 * shared memory anew after a crash, and, where processes are started by exec
 * (EXEC_BACKEND, Windows), in every process.  Such a process inherits no
 * variable: it runs _PG_init() and the hook itself, attaches to the segment at
 * the same address and takes every pointer, the locks' too, from the segment.
 * So a part keeps in the segment what only the postmaster knows, and its init
 * function sets its static pointers whether it finds the segment or makes it.
 *
 * src/common/shmem.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SHMEM_H
#define QW_SHMEM_H

#include "storage/lwlock.h"

#define STATEMENT_PARTITIONS	16

/*
 * Lock order, outermost first:
 *
 *		SHMEM_LOCK_RESET
 *		SHMEM_LOCK_TOTALS, or one statement partition (never two)
 *		SHMEM_LOCK_TEXTS, or SHMEM_LOCK_EVICTED
 *
 * A process may leave out any of the three.  It takes SHMEM_LOCK_SLOWLOG,
 * SHMEM_LOCK_PATTERNS, SHMEM_LOCK_WAITS and SHMEM_LOCK_PLANWASTE while it holds
 * no other lock of ours.  The spinlocks of
 * entries and of the table come below all of these.  While a process holds a
 * lock it allocates nothing, looks nothing up in a catalog and reports nothing.
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
	SHMEM_LOCK_WAITS,
	SHMEM_LOCK_PLANWASTE,
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

/* What one more connection adds to it */
extern Size shmem_connection_size(void);

/* A part of the segment: what its module says of it */
typedef struct ShmemPart
{
	Size		(*size) (void);

	/*
	 * Sets the module's pointers to the part, and initialises the part unless
	 * it was "found".  Called with AddinShmemInitLock held.
	 */
	void		(*init) (void *place, bool found);

	/* What one more connection adds to the size, bytes; NULL: nothing */
	Size		(*connection_size) (void);

	/* Called once all parts are initialised; NULL: nothing to do */
	void		(*started) (bool found);
} ShmemPart;

/*
 * Installs the request and start-up hooks; in _PG_init only.  The parts lie in
 * the segment in this order.  The array is kept, not copied.
 */
extern void shmem_install(const ShmemPart *parts, int nparts);

#endif							/* QW_SHMEM_H */

/*-------------------------------------------------------------------------
 *
 * worker.h
 *		The background worker.
 *
 * src/common/worker.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WORKER_H
#define QW_WORKER_H

extern Size worker_shmem_size(void);
extern void worker_shmem_init(void *place, bool found);

/* Has the postmaster start it; in _PG_init only */
extern void worker_install(void);

#endif							/* QW_WORKER_H */

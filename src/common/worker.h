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

#include "common/worker_task.h"

extern Size worker_shmem_size(void);
extern void worker_shmem_init(void *place, bool found);

/*
 * Has the postmaster start the worker; in _PG_init only.  The array of tasks
 * ends with NULL; it is kept, not copied.
 */
extern void worker_install(const WorkerTask *const *tasks);

#endif							/* QW_WORKER_H */

/*-------------------------------------------------------------------------
 *
 * snapshot.h
 *		Saving the statistics to a file, and loading them at server start.
 *
 * src/snapshot/snapshot.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SNAPSHOT_H
#define QW_SNAPSHOT_H

#include "datatype/timestamp.h"
#include "common/worker_task.h"
#include "snapshot/snapshot_file.h"

extern Size snapshot_shmem_size(void);
extern void snapshot_shmem_init(void *place, bool found);

/*
 * The parts of the segment are there: loads the file if they are new, and has
 * the postmaster save when it shuts down.  In the start-up hook only.
 */
extern void snapshot_startup(bool found);

/*
 * Has the worker save soon: after a reset, so that a crash does not bring back
 * what was discarded.
 */
extern void snapshot_request(void);

/* When the file was saved; 0: there is none */
extern TimestampTz snapshot_saved_at(void);

/* What the counters of /metrics are less than those of the views */
extern void snapshot_base(SnapshotBase *base);

/* Saves every save_interval */
extern const WorkerTask snapshot_task;

#endif							/* QW_SNAPSHOT_H */

/*-------------------------------------------------------------------------
 *
 * shmem.c
 *		Requests, creates and attaches to the segment.
 *
 * src/common/shmem.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "storage/ipc.h"
#include "storage/shmem.h"

#include "common/shmem.h"
#include "common/worker.h"
#include "repeats/evidence.h"
#include "repeats/patterns.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "statements/statements.h"
#include "statements/texts.h"
#include "statements/totals.h"
#include "waits/waits.h"

#define SEGMENT_NAME	"pg_querywatch"

static shmem_request_hook_type prev_shmem_request_hook = NULL;
static shmem_startup_hook_type prev_shmem_startup_hook = NULL;

/* First in the segment */
typedef struct SharedSegment
{
	LWLockPadded *locks;		/* SHMEM_NLOCKS; only the postmaster can look
								 * up a tranche by its name */
} SharedSegment;

static LWLockPadded *locks = NULL;
static bool ready = false;

/* The parts, in the order they lie in the segment behind SharedSegment */
static const struct
{
	Size		(*size) (void);
	void		(*init) (void *place, bool found);
}			parts[] =

{
	{statements_shmem_size, statements_shmem_init},
	{totals_shmem_size, totals_shmem_init},
	{texts_shmem_size, texts_shmem_init},
	{slowlog_shmem_size, slowlog_shmem_init},
	{patterns_shmem_size, patterns_shmem_init},
	{worker_shmem_size, worker_shmem_init},
	{snapshot_shmem_size, snapshot_shmem_init},
	{evidence_shmem_size, evidence_shmem_init},
	{waits_shmem_size, waits_shmem_init}
};

Size
shmem_total_size(void)
{
	Size		size = CACHELINEALIGN(sizeof(SharedSegment));

	for (int i = 0; i < lengthof(parts); i++)
		size = add_size(size, CACHELINEALIGN(parts[i].size()));
	return add_size(size, PG_CACHE_LINE_SIZE);
}

Size
shmem_connection_size(void)
{
	return statements_connection_size() + totals_connection_size() +
		patterns_connection_size();
}

LWLock *
shmem_lock(ShmemLockId which)
{
	return &locks[which].lock;
}

void
shmem_require(void)
{
	if (!ready)
		ereport(ERROR,
				(errcode(ERRCODE_OBJECT_NOT_IN_PREREQUISITE_STATE),
				 errmsg("pg_querywatch is not loaded"),
				 errhint("Add pg_querywatch to \"shared_preload_libraries\" and restart the server.")));
}

static void
request(void)
{
	if (prev_shmem_request_hook)
		prev_shmem_request_hook();

	RequestAddinShmemSpace(shmem_total_size());
	RequestNamedLWLockTranche(SEGMENT_NAME, SHMEM_NLOCKS);
}

static void
startup(void)
{
	SharedSegment *segment;
	char	   *place;
	bool		found;

	if (prev_shmem_startup_hook)
		prev_shmem_startup_hook();

	LWLockAcquire(AddinShmemInitLock, LW_EXCLUSIVE);
	place = ShmemInitStruct(SEGMENT_NAME, shmem_total_size(), &found);
	place = (char *) CACHELINEALIGN(place);
	segment = (SharedSegment *) place;
	place += CACHELINEALIGN(sizeof(SharedSegment));
	if (!found)
		segment->locks = GetNamedLWLockTranche(SEGMENT_NAME);
	locks = segment->locks;

	for (int i = 0; i < lengthof(parts); i++)
	{
		parts[i].init(place, found);
		place += CACHELINEALIGN(parts[i].size());
	}
	LWLockRelease(AddinShmemInitLock);

	ready = true;
	snapshot_startup(found);
}

void
shmem_install(void)
{
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup;
}

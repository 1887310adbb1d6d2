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

/* What shmem_install() was given */
static const ShmemPart *parts = NULL;
static int	nparts = 0;

Size
shmem_total_size(void)
{
	Size		size = CACHELINEALIGN(sizeof(SharedSegment));

	for (int i = 0; i < nparts; i++)
		size = add_size(size, CACHELINEALIGN(parts[i].size()));
	return add_size(size, PG_CACHE_LINE_SIZE);
}

Size
shmem_connection_size(void)
{
	Size		size = 0;

	for (int i = 0; i < nparts; i++)
	{
		if (parts[i].connection_size != NULL)
			size += parts[i].connection_size();
	}
	return size;
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

	for (int i = 0; i < nparts; i++)
	{
		parts[i].init(place, found);
		place += CACHELINEALIGN(parts[i].size());
	}
	LWLockRelease(AddinShmemInitLock);

	ready = true;
	for (int i = 0; i < nparts; i++)
	{
		if (parts[i].started != NULL)
			parts[i].started(found);
	}
}

void
shmem_install(const ShmemPart *all_parts, int count)
{
	parts = all_parts;
	nparts = count;
	prev_shmem_request_hook = shmem_request_hook;
	shmem_request_hook = request;
	prev_shmem_startup_hook = shmem_startup_hook;
	shmem_startup_hook = startup;
}

/*-------------------------------------------------------------------------
 *
 * planwaste.c
 *		What plans of statements wasted: the table.
 *
 * src/statements/planwaste.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"

#include "common/shmem.h"
#include "statements/planwaste.h"

typedef struct SharedPlanWaste
{
	PlanWasteInfo info;
	PlanWaste	entries[PLANWASTE_STATEMENTS];
} SharedPlanWaste;

static SharedPlanWaste *shared = NULL;

Size
planwaste_shmem_size(void)
{
	return sizeof(SharedPlanWaste);
}

void
planwaste_shmem_init(void *place, bool found)
{
	shared = place;
	if (!found)
		memset(shared, 0, sizeof(SharedPlanWaste));
}

/* More for each execution that was looked at */
static double
mean_waste(const WastedScan *scan)
{
	return scan->executions > 0 ?
		(double) scan->discarded / scan->executions : 0;
}

/* Another scan's waste counts from when it is the worse one */
static void
add_scan(WastedScan *a, const WastedScan *b)
{
	if (b->how == SCAN_WASTE_NONE)
		return;
	if (a->how != b->how || a->relid != b->relid || a->index != b->index)
	{
		if (mean_waste(a) < mean_waste(b))
			*a = *b;
		return;
	}
	a->read += b->read;
	a->discarded += b->discarded;
	if (a->executions <= PG_UINT32_MAX - b->executions)
		a->executions += b->executions;
	a->pages = Max(a->pages, b->pages);
	a->columns = b->columns;
	a->pattern = b->pattern;
	a->ordered = b->ordered;
}

/* Likewise another foreign key's triggers */
static void
add_triggers(WastedTriggers * a, const WastedTriggers * b)
{
	if (b->executions == 0)
		return;
	if (a->executions == 0 || a->constraint != b->constraint)
	{
		if (a->executions == 0 ||
			(double) a->time / a->executions < (double) b->time / b->executions)
			*a = *b;
		return;
	}
	a->scans += b->scans;
	a->rows += b->rows;
	a->time += b->time;
	if (a->executions <= PG_UINT32_MAX - b->executions)
		a->executions += b->executions;
}

/*
 * The statement's entry, or else one that it may have: *found tells which.  The
 * caller holds the lock exclusively.
 */
static PlanWaste *
find_entry(const StatementKey *key, bool *found)
{
	PlanWaste  *oldest = &shared->entries[0];

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PLANWASTE),
								LW_EXCLUSIVE));
	*found = true;
	for (int i = 0; i < PLANWASTE_STATEMENTS; i++)
	{
		PlanWaste  *entry = &shared->entries[i];

		if (statement_key_equal(&entry->key, key))
			return entry;
		if (oldest->key.queryid != 0 &&
			(entry->key.queryid == 0 || entry->last_seen < oldest->last_seen))
			oldest = entry;
	}
	*found = false;
	if (oldest->key.queryid != 0)
		shared->info.evicted++;
	return oldest;
}

void
planwaste_add(const PlanWaste *waste)
{
	PlanWaste  *entry;
	bool		found;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_EXCLUSIVE);
	entry = find_entry(&waste->key, &found);
	if (found)
	{
		add_scan(&entry->scan, &waste->scan);
		add_triggers(&entry->triggers, &waste->triggers);
	}
	else
		*entry = *waste;
	entry->last_seen = GetCurrentStatementStartTimestamp();
	shared->info.changes++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
}

int
planwaste_read(PlanWaste **entries)
{
	PlanWaste  *copies = palloc_array(PlanWaste, PLANWASTE_STATEMENTS);
	int			n = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_SHARED);
	for (int i = 0; i < PLANWASTE_STATEMENTS; i++)
	{
		if (shared->entries[i].key.queryid != 0)
			copies[n++] = shared->entries[i];
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
	*entries = copies;
	return n;
}

void
planwaste_reset(Oid userid, Oid dbid, uint64 queryid)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_EXCLUSIVE);
	for (int i = 0; i < PLANWASTE_STATEMENTS; i++)
	{
		PlanWaste  *entry = &shared->entries[i];

		if ((userid == 0 || entry->key.userid == userid) &&
			(dbid == 0 || entry->key.dbid == dbid) &&
			(queryid == 0 || entry->key.queryid == queryid))
			memset(entry, 0, sizeof(PlanWaste));
	}
	if (userid == 0 && dbid == 0 && queryid == 0)
		shared->info.evicted = 0;
	shared->info.changes++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
}

void
planwaste_info(PlanWasteInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_SHARED);
	*info = shared->info;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
}

void
planwaste_restore(const PlanWaste *saved)
{
	bool		found;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_EXCLUSIVE);
	*find_entry(&saved->key, &found) = *saved;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
}

void
planwaste_restore_info(const PlanWasteInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PLANWASTE), LW_EXCLUSIVE);
	shared->info = *info;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PLANWASTE));
}

/*-------------------------------------------------------------------------
 *
 * blockers.c
 *		Who holds the lock that a process waits for.
 *
 * src/waits/blockers.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/array.h"
#include "utils/fmgrprotos.h"

#include "waits/blockers.h"

void
blockers_begin(BlockerSearch *search, int max_looks)
{
	search->context = CurrentMemoryContext;
	search->nlooks = 0;
	search->max_looks = max_looks;
	search->looks = palloc_extended(sizeof(Blockers) * max_looks,
									MCXT_ALLOC_HUGE);
}

static bool
is_in(const int *pids, int n, int pid)
{
	for (int i = 0; i < n; i++)
	{
		if (pids[i] == pid)
			return true;
	}
	return false;
}

/* Asks the lock manager */
static void
look(int pid, Blockers *blockers)
{
	ArrayType  *array = DatumGetArrayTypeP(
										   DirectFunctionCall1(pg_blocking_pids,
															   Int32GetDatum(pid)));
	int			n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	const int  *pids = (const int *) ARR_DATA_PTR(array);

	blockers->pid = pid;
	blockers->n = 0;
	blockers->pids = palloc(sizeof(int) * Max(n, 1));

	/* a parallel query's processes are all called by their leader */
	for (int i = 0; i < n; i++)
	{
		if (!is_in(blockers->pids, blockers->n, pids[i]))
			blockers->pids[blockers->n++] = pids[i];
	}
	pfree(array);
}

const Blockers *
blockers_of(BlockerSearch *search, int pid)
{
	MemoryContext caller;

	for (int i = 0; i < search->nlooks; i++)
	{
		if (search->looks[i].pid == pid)
			return &search->looks[i];
	}
	if (search->nlooks == search->max_looks)
		return NULL;
	caller = MemoryContextSwitchTo(search->context);
	look(pid, &search->looks[search->nlooks]);
	MemoryContextSwitchTo(caller);
	return &search->looks[search->nlooks++];
}

BlockersRoot
blockers_root(BlockerSearch *search, int pid, int *root, int **waiting,
			  int *nwaiting)
{
	/* processes still to be asked, none of them twice */
	int			max = 64;
	int			n = 0;
	int		   *pids = palloc(sizeof(int) * max);

	pids[n++] = pid;
	for (int i = 0; i < n; i++)
	{
		const Blockers *blockers;

		if (pids[i] == 0)		/* a prepared transaction waits for nothing */
		{
			*root = 0;
			return BLOCKERS_HEAD;
		}
		blockers = blockers_of(search, pids[i]);
		if (blockers == NULL)
			return BLOCKERS_NONE;
		if (blockers->n == 0)
		{
			/* nobody, not even itself: it waits no more */
			if (i == 0)
				return BLOCKERS_NONE;
			*root = pids[i];
			return BLOCKERS_HEAD;
		}
		for (int b = 0; b < blockers->n; b++)
		{
			if (is_in(pids, n, blockers->pids[b]))
				continue;
			if (n == max)
			{
				max *= 2;
				pids = repalloc(pids, sizeof(int) * max);
			}
			pids[n++] = blockers->pids[b];
		}
	}
	if (waiting != NULL)
	{
		*waiting = pids;
		*nwaiting = n;
	}
	return BLOCKERS_CYCLE;
}

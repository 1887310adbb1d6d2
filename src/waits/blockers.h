/*-------------------------------------------------------------------------
 *
 * blockers.h
 *		Who holds the lock that a process waits for, and who is at the head of
 *		that chain.
 *
 * Each look at a process takes all partition locks of the lock manager, shared
 * and for a short time, as pg_blocking_pids() does: so a search makes a bounded
 * number of them, and asks of no process twice.
 *
 * src/waits/blockers.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_BLOCKERS_H
#define QW_BLOCKERS_H

/* Blockers of one process */
typedef struct Blockers
{
	int			pid;
	int			n;				/* 0: it does not wait */
	int		   *pids;			/* without duplicates; 0 is a prepared
								 * transaction */
} Blockers;

typedef struct BlockerSearch
{
	MemoryContext context;		/* of what was found */
	int			nlooks;
	int			max_looks;
	Blockers   *looks;
} BlockerSearch;

/* Begins a search, in memory of the current context */
extern void blockers_begin(BlockerSearch *search, int max_looks);

/* Who that process waits for; NULL if the search has made all its looks */
extern const Blockers *blockers_of(BlockerSearch *search, int pid);

typedef enum BlockersRoot
{
	BLOCKERS_NONE,				/* it waits no more, or it was not found */
	BLOCKERS_HEAD,				/* *root is the pid; 0: a prepared transaction */
	BLOCKERS_CYCLE				/* all wait for each other: a deadlock, if
								 * they have all waited since before the
								 * search */
} BlockersRoot;

/*
 * Finds the head of a chain: who holds the others up and waits for no lock.
 * *waiting and *nwaiting, unless NULL, become the processes of a cycle, palloc'd.
 */
extern BlockersRoot blockers_root(BlockerSearch *search, int pid, int *root,
								  int **waiting, int *nwaiting);

#endif							/* QW_BLOCKERS_H */

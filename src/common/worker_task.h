/*-------------------------------------------------------------------------
 *
 * worker_task.h
 *		A task of the background worker.
 *
 * One worker runs all tasks in one loop.  It waits until a task is due, the
 * descriptor of a task is readable, or somebody calls worker_wake(), and then
 * runs every task in turn.  So run() is called more often than the task asked
 * for: it checks by itself whether there is work, and it never waits for a
 * client.  pg_querywatch.c has the list of tasks.
 *
 * A task may raise an error: the server logs it, and the postmaster starts
 * the worker again a few seconds later.  A task runs outside of transactions
 * and without a database.
 *
 * src/common/worker_task.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WORKER_TASK_H
#define QW_WORKER_TASK_H

typedef struct WorkerTask
{
	/* Once, when the worker has started; NULL: nothing to do */
	void		(*begin) (void);

	/*
	 * Descriptor that is readable when there is something to do: a socket, or
	 * an epoll instance.  Asked for once, after begin(), and the same until
	 * end().  NULL, or PGINVALID_SOCKET: there is none.
	 */
	pgsocket	(*descriptor) (void);

	/*
	 * Does what is due.  Returns after how many milliseconds it has to be
	 * called again at the latest, or -1: not before it is woken up.
	 */
	long		(*run) (void);

	/* Once, when the worker is asked to end; NULL: nothing to do */
	void		(*end) (void);
} WorkerTask;

/* Makes the worker run its tasks now, if there is a worker.  Takes no lock. */
extern void worker_wake(void);

#endif							/* QW_WORKER_TASK_H */

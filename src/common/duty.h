/*-------------------------------------------------------------------------
 *
 * duty.h
 *		What the background worker does: the interface between it and those
 *		who have work for it.
 *
 * There is one worker for all duties, and one loop: it waits until a duty is
 * due, its descriptor is readable, or somebody called worker_wake(), then
 * runs all duties in turn.  So run() is called more often than asked for, has
 * to look for itself whether there is anything to do, and must not wait for
 * clients.  worker.c has the list of duties.
 *
 * A duty may raise: the error is logged, and the worker ends and is started
 * again a few seconds later.  It runs outside of transactions, and without a
 * database.
 *
 * src/common/duty.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_DUTY_H
#define QW_DUTY_H

typedef struct WorkerDuty
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
} WorkerDuty;

/* Has the worker run its duties now, if there is a worker.  Takes no lock. */
extern void worker_wake(void);

#endif							/* QW_DUTY_H */

/*-------------------------------------------------------------------------
 *
 * guarded.h
 *		Runs code that may raise where nothing may be raised.
 *
 * src/common/guarded.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_GUARDED_H
#define QW_GUARDED_H

typedef void (*GuardedCallback) (void *arg);

/*
 * Calls callback(arg) inside a subtransaction and tells whether it came
 * through.  An error of its is undone and forgotten.  Interrupts are held
 * meanwhile, so that a cancel or a termination is not mistaken for one and
 * comes later.  The callback runs in the caller's memory context and has a
 * snapshot.
 *
 * Returns false without a call where no subtransaction can be had: outside of
 * a transaction, in one that failed, during a parallel operation.  Not to be
 * used while an error is handled, nor after a utility statement that begins or
 * ends a transaction or a savepoint.
 */
extern bool guarded_call(GuardedCallback callback, void *arg);

/*
 * The same without a snapshot, for code that needs none: before a statement
 * that may be SET TRANSACTION, which must come before the first one.
 */
extern bool guarded_call_early(GuardedCallback callback, void *arg);

/*
 * The same for code that only looks, in the service of a user's query: its
 * subtransaction is rolled back when it came through too, so that its locks
 * and settings are gone afterwards.  Interrupts are not held: a cancel, a
 * termination and lack of memory are raised to the caller.
 */
extern bool guarded_look(GuardedCallback callback, void *arg);

/*
 * The same for what concerns a recorded statement: as the role that ran it, in
 * the search_path that it had, with the restrictions of a maintenance command,
 * in a read-only transaction, and recorded nowhere.  False if there is no such
 * role.  What takes longer than GUARDED_LOOK_LIMIT is ended, and counts as
 * failed.
 *
 * The restrictions keep code that a role has written from being run with the
 * rights of whoever calls this.  And none is run: a function that is neither
 * built in nor compiled, which only a superuser can make, raises where it is
 * called.  (Not so for the caller's own text: where it is the current role, and
 * "search_path" is NULL, the session's.)  As a function that was called before
 * may be called without being asked for again, callbacks are to leave such
 * alone: see trust.h.
 */
#define GUARDED_LOOK_LIMIT	2000	/* ms */

extern bool guarded_look_as(Oid userid, const char *search_path,
							GuardedCallback callback, void *arg);

/*
 * The search_path in which to analyse a statement that ran in this one:
 * palloc'd.  Temporary objects are the reader's and come last, as the role that
 * ran the statement could not mean them.
 */
extern char *guarded_search_path(const char *search_path);

/* Called once, before any of the above */
extern void guarded_install(void);

#endif							/* QW_GUARDED_H */

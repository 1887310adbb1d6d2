/*-------------------------------------------------------------------------
 *
 * repeats.h
 *		The repeat detector at work in a backend.
 *
 * Feeds window.c with what the hooks see, and acts on what it finds: a
 * burst's entry in patterns.c, and on_repeat.  Backend-local; takes a lock
 * only when a burst begins or closes.
 *
 * src/repeats/repeats.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_REPEATS_H
#define QW_REPEATS_H

#include "executor/execdesc.h"
#include "query/params.h"
#include "statements/statements.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* An execution as the detector knows it; NULL where it looks away */
typedef WindowStatement RepeatRun;

/* Could this statement tell anything about a repeat? */
static inline bool
repeats_watches(const StatementLocal *local)
{
	return local->shape.command != SHAPE_OTHER && local->shape.nrelations > 0;
}

/*
 * A statement of the client's, of which repeats_watches() is true, is about to
 * run.  Raises what on_repeat asks for, if this execution completes a burst;
 * nothing else.  "local" belongs to the statement's slot, *now is the
 * monotonic clock; it is read again if catalogs were, for a burst that begins.
 * The transaction is compat_transaction_id(), here and below.
 */
extern RepeatRun *repeats_begin(StatementLocal *local, QueryDesc *queryDesc,
								uint64 *now, uint64 transaction);

/*
 * The same of a statement with its "plain_plan", while
 * repeat_threshold, repeat_gap, on_repeat and the capture are as they were
 */
extern RepeatRun *repeats_begin_known(StatementLocal *local,
									  QueryDesc *queryDesc, uint64 *now,
									  uint64 transaction);

/*
 * Where the rows of the run that repeats_begin() or repeats_continue() was last
 * called for are to be collected; NULL: nowhere.  Whoever runs it takes this
 * back to NULL.
 */
extern KeySet *repeats_wanted_rows;

/*
 * A statement of the client's, of which repeats_watches() is false, is about to
 * run: if it is the question of a pool whether the connection is alive, the
 * detector notes it.
 */
extern void repeats_checked_out(const char *text);

static inline void
repeats_unwatched(const StatementLocal *local, const char *text)
{
	if (local->shape.command == SHAPE_SELECT && local->shape.noutput == 1)
		repeats_checked_out(text);
}

/*
 * Takes the settings over if OBSTACLE_SETTINGS says that they may have changed;
 * at the start of a statement of the client's
 */
extern void repeats_configure(void);

/* A further chunk of a cursor is about to be fetched */
extern void repeats_continue(RepeatRun *run, uint64 queryid);

/* It has run; it failed: "run" may be NULL then */
extern void repeats_end(RepeatRun *run, uint64 now, uint64 elapsed,
						uint64 rows);
extern void repeats_failed(RepeatRun *run, uint64 now);

/* It has run on: a cursor's next chunk */
extern void repeats_more_rows(RepeatRun *run, uint64 queryid, uint64 now,
							  uint64 elapsed, uint64 rows);

/*
 * Would an execution of this statement, about to be parsed, have its values
 * looked at?  Then its constants go to repeats_set_literals().
 */
extern bool repeats_wants_literals(const StatementLocal *local);
extern StatementLiterals *repeats_set_literals(uint64 queryid);

/* The statement whose constants are known; 0: none */
extern uint64 repeats_literals_queryid;

/* Those of the statement that was parsed are not known */
static inline void
repeats_no_literals(void)
{
	repeats_literals_queryid = 0;
}

/*
 * Hash of all values of an execution that is about to run, 0 if it has none:
 * what the detector compares.
 */
extern uint64 repeats_values(QueryDesc *queryDesc,
							 const StatementShape *shape);

/* To be counted up with every statement parsed, and every one planned */
extern uint64 repeats_parses;
extern uint64 repeats_plans;

/*
 * Shows readers all that is known by now of this session's open bursts; for
 * who is about to read them
 */
extern void repeats_publish(void);

/*
 * What application_name pointed to when its value was looked at last.  A new
 * value is allocated before the old one is freed, so that the pointer tells
 * whether it was set since; unless it was set twice, and so whatever runs that
 * repeats_begin() is not called for is followed by
 * repeats_forget_application().  (It may go unnoticed, until then, if one
 * statement with a table sets it twice in a transaction that had set it.)
 */
extern const char *repeats_application_seen;

static inline void
repeats_forget_application(void)
{
	repeats_application_seen = NULL;
}

/*
 * A transaction block has ended: readers are told what they were not told while
 * it lasted
 */
extern void repeats_committed(uint64 transaction);

/* A utility statement wrote something */
extern void repeats_wrote(void);

/* A statement wrote inside of another */
extern void repeats_wrote_within(void);

/*
 * What others return may be different from now on, for no statement's writing
 * that was seen
 */
extern void repeats_changed(void);

/* A statement of the client's that repeats_begin() returned NULL for ended */
extern void repeats_passed(uint64 now);

/*
 * The stream ends here: DISCARD ALL, serialization failure, ROLLBACK.  What
 * was undone is no part of what comes next: it is tried again, or is another
 * test of a suite.
 */
extern void repeats_close(void);

#pragma GCC visibility pop

#endif							/* QW_REPEATS_H */

/*-------------------------------------------------------------------------
 *
 * toplevel.h
 *		How the client's own statement comes to its end if it fails.
 *
 * A PG_TRY block is the usual way to see an error pass, but its sigsetjmp is
 * paid for by every statement that does not fail, in each of its phases.  What
 * is nested has one; the statement that the client sent, of which there is one
 * at a time, does without:
 *
 *	- During a phase our entry stands in the server's stack of error contexts.
 *	  Every report that is made meanwhile calls it; it notes SQLSTATE, time and
 *	  usage, and asks to be told when the error has been handled, by a callback
 *	  of ErrorContext, which FlushErrorState() resets.
 *	- Then it is seen who handled the error.  Code inside of the statement, an
 *	  exception block of PL/pgSQL for one, put the stack back to what it was in
 *	  its own frame, and our entry is in it: nothing has happened.  Where the
 *	  entry is gone, so is the frame that it stood in: the statement has failed.
 *
 * Both are rare, so all that an ordinary statement pays is to link and to
 * unlink the entry.
 *
 * An error that was handled and then raised again calls nobody: it is seen
 * when the context of the client's message is reset.
 *
 * An error that somebody handled without flushing it, or reported without the
 * stack, would leave session.level as it was: toplevel_check() finds that out
 * before the next statement.  Nobody handles a FATAL one.
 *
 * src/hooks/toplevel.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TOPLEVEL_H
#define QW_TOPLEVEL_H

#include "hooks/recording.h"
#include "repeats/repeats.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

typedef enum ToplevelPhase
{
	TOPLEVEL_NONE,
	TOPLEVEL_PLANNING,
	TOPLEVEL_STARTING,
	TOPLEVEL_RUNNING,
	TOPLEVEL_COMMAND			/* BEGIN, COMMIT and the like */
} ToplevelPhase;

/*
 * A statement that is being executed: by whom, and what it has used.  Those of
 * nested statements are on the stack.
 */
typedef struct Running
{
	StatementKey key;
	struct OpenQuery *open;		/* runs before this one, or NULL */
	RepeatRun  *run;			/* NULL: the repeat detector has none */
	bool		counted;
	bool		running;		/* the measure has begun */
	StatementLocal *local;		/* of the key; NULL: not recorded */
	uint64		fills;			/* statements_fills when it began */
	uint64		transaction;	/* compat_transaction_id() */
	Measure		measure;
} Running;

typedef struct Toplevel
{
	ErrorContextCallback context;	/* linked during a phase */
	uint64		phases;			/* begun so far */

	/* to be set before a phase */
	QueryDesc  *queryDesc;		/* while starting and running */
	const Query *query;			/* while planning, with its ... */
	const char *text;			/* ... whole source text */
	uint64		queryid;		/* of a command, ... */
	int			location;		/* ... which is there in "text", ... */
	int			length;			/* ... as a PlannedStmt has it */
	Running		running;		/* while planning, the key and measure.start,
								 * of a command this alone; never in part,
								 * always counted */
} Toplevel;

extern Toplevel toplevel;

/* Neither inside anything, nor in a phase already? */
static inline bool
toplevel_free(void)
{
	return session.level == 0 && session.phase == TOPLEVEL_NONE;
}

static inline void
toplevel_begin(ToplevelPhase phase, int level)
{
	toplevel.context.previous = error_context_stack;
	error_context_stack = &toplevel.context;
	session.level = level;
	session.phase = phase;
	toplevel.phases++;
}

static inline void
toplevel_end(void)
{
	error_context_stack = toplevel.context.previous;
	session.level = 0;
	session.phase = TOPLEVEL_NONE;
}

/*
 * To be called before session.level is relied upon: is the client's statement
 * that it counts still there?
 */
extern void toplevel_settle(void);

static inline void
toplevel_check(void)
{
	if (unlikely(session.phase != TOPLEVEL_NONE) && session.level <= 1)
		toplevel_settle();
}

/* session.level, which can be relied upon */
static inline int
toplevel_level(void)
{
	toplevel_check();
	return session.level;
}

/* Once, when the library is loaded */
extern void toplevel_init(void);

#pragma GCC visibility pop

#endif							/* QW_TOPLEVEL_H */

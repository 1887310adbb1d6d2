/*-------------------------------------------------------------------------
 *
 * window_internal.h
 *		What a Window is made of: for window.c and window_run.h, which count,
 *		and burst.c and values.c, which make facts of the counts.  No other
 *		file includes this.
 *
 * src/detector/window_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WINDOW_INTERNAL_H
#define QW_WINDOW_INTERNAL_H

#include "detector/budget.h"
#include "detector/relate.h"
#include "detector/valueset.h"
#include "detector/walks.h"

#define NO_ENTRY			WINDOW_MAX_STATEMENTS

/* Entries are made as many at a time, when there is none left */
#define ENTRIES_AT_ONCE		16

/*
 * What there is for rows, and for all else, of the memory that a window may
 * take; the rest is the Window itself.  A connection whose statements are not
 * repeated needs few kilobytes.
 */
#define MEMORY_OF_ROWS(memory)		((memory) / 32 * 9)
#define MEMORY_OF_REST(memory)		((memory) / 32 * 22)

/* Where the rows of all SELECTs are collected, for them alone */
#define MEMORY_OF_ALL_ROWS(memory)	((memory) * 2)

/* Lists of entries by queryid; a power of two */
#define LOOKUP_LISTS		128

/*
 * Counts of one statement in one window.  The first execution to begin there
 * makes the fields up to first_start zero, the first to end sets the others.
 */
typedef struct WindowCounts
{
	uint64		executions;		/* that have ended; a batch counts once */
	uint64		rows;
	uint64		batch;			/* the last one counted */
	uint64		hashed;			/* executions whose values were looked at */
	uint64		duplicates;		/* of those */
	uint64		rereads;
	uint64		offset_steps;
	uint64		max_offset;
	int			handle;			/* the caller's plus one; 0: none */
	uint8		varying;		/* bit for each condition whose value varies */
	uint8		opaque;			/* ... or was, once, as in WindowValues */
	uint8		nkeys;			/* in WindowDetail.order */
	uint8		keyset;			/* its rows: number in Window.keysets plus
								 * one; 0: they are not collected */
	bool		batched;		/* a list of two elements or more was seen */
	bool		burst;			/* in the window's list of bursts */
	bool		related;		/* a parent was looked for */
	bool		threshold_asked;	/* ... at the threshold */
	bool		others_vary;	/* values that are no condition's */
	bool		same_keys;		/* an UPDATE's conditions had the same values
								 * twice, or may have had */
	bool		keys_apart;		/* an execution's values were more than those
								 * of its conditions */
	bool		same_row;		/* its conditions lead to one row only */
	bool		armed;			/* its rows are wanted */
	bool		taken;			/* a unit has told of it in this window */
	bool		wrote_within;	/* statements inside of it wrote */
	uint64		changed_after;	/* executions before a change of which no
								 * tables are known; 0: there was none */
	uint64		before_transaction; /* executions before the transaction of
									 * the last one */
	uint64		most_in_one;	/* most executions in one transaction, of
								 * those before that one */

	uint64		first_start;
	uint64		first_end;
	uint64		last_end;
	uint64		exec_time;
	uint64		wall_time;		/* see BurstFacts */
	uint64		last_rows;		/* of the latest execution ... */
	uint64		max_rows;		/* ... and of the one with the most */
	uint64		first_transaction;
	uint64		last_transaction;
	uint64		transactions;
	uint64		in_blocks;
	uint64		first_position; /* place among the window's executions */
	uint64		last_position;
	uint64		told;			/* window_moment() when all of the burst's
								 * facts were told last; 0: never */
	uint64		told_at;		/* window's last_end then */
	uint64		due;			/* executions when they are to be told next */
	uint32		first_written;	/* the window's "written" when the statement
								 * ran first ... */
	uint32		hashed_written; /* ... and when it was first hashed */
	uint32		first_changes;	/* the window's "changes" when it ran first */
} WindowCounts;

struct WindowStatement
{
	uint64		queryid;		/* 0: entry was never used */
	uint64		serial;			/* window that counts belongs to */
	uint64		parent_id;		/* relate_parent_id() */
	uint8		index;			/* in Window.statements */
	uint8		next;			/* entry in the same look-up list, NO_ENTRY */
	uint8		unasked;		/* windows in a row that collected its rows
								 * for nothing, ... */
	uint8		only_numbers;	/* ... or strings among them for nothing */
	bool		possible;		/* may become a burst */
	bool		asks_first;		/* ... and the values of its first execution
								 * are looked at too */
	bool		by_key;			/* ... and its one condition's value is a
								 * parameter, no list, and it has no OFFSET */
	bool		writes;
	uint8		written_place;	/* in Window.last_written, of what it writes */
	bool		walked;			/* its WalkStatement is valid */
	bool		covered;		/* the open unit tells of it, not the window */
	bool		is_membership;	/* see BurstFacts, when it was last related */
	uint64		earlier;		/* executions in earlier windows */
	uint64		next_arming;	/* executions in all when statements that may
								 * be its parent are armed */

	/* the execution that is running */
	bool		counts_as_one;	/* not a further one of a batch */
	bool		in_block;
	bool		has_values;		/* WindowDetail.values is of this one */
	bool		ends_plainly;	/* it needs no window_end_more() */
	uint64		start;
	uint64		transaction;

	struct WindowDetail *detail;	/* NULL until it is first needed */
	WalkStatement *walk;		/* NULL until it is; valid if "walked" */
	WindowCounts counts;
	StatementShape shape;
};

/* What the keys show so far that a statement asked for by one condition */
typedef struct KeyMatch
{
	uint8		nkeys;			/* in WindowDetail.order, looked up already */
	uint8		compared;
	uint8		matched;
	uint8		up;				/* steps from row to row, either way */
	uint8		down;
	int16		last;			/* rows: of the last match, */
	int16		first;			/* the first ... */
	int16		furthest;		/* ... and the last of all */
	uint64		last_hash;
} KeyMatch;

/*
 * A condition of the statement, and the column of some rows that its values
 * seem to come from
 */
typedef struct ValueLink
{
	uint8		keyset;			/* in Window.keysets */
	uint8		column;			/* of it */
	uint8		condition;		/* of the statement's shape */
	bool		linked;			/* a key leads through the condition ... */
	bool		exact;			/* ... from this very column */
	bool		unlikely;		/* see BurstFacts.keys_unlikely */
	bool		agrees;			/* ... and keys_agree */
	StatementLink link;
	KeyMatch	match;
} ValueLink;

/* The best of them are kept, to be compared again with more values */
#define MAX_VALUE_LINKS		3

/* The parent of a burst, as it was when it was found */
typedef struct WindowParent
{
	uint64		queryid;		/* 0: there is none */
	uint64		executions;
	uint64		rows;
	bool		shares_transaction; /* ran in that of the burst's first
									 * execution */
	uint8		index;			/* in Window.statements, if still there */
	StatementShape shape;
	StatementLink link;
	uint8		nvalue_links;	/* of any statement, best first */
	ValueLink	value_links[MAX_VALUE_LINKS];
} WindowParent;

/*
 * What is needed of a statement that runs more than once in a window.  It
 * stays with the entry, as does what it points to.
 */
typedef struct WindowDetail
{
	WindowValues values;		/* of the execution that is running */
	uint64		first_conditions[SHAPE_MAX_CONDITIONS]; /* hashed first */
	uint64		first_others;
	uint64		last_key;		/* hashed last */
	int64		last_offset;
	ValueSet	all;
	ValueSet	keys;			/* valid if WindowCounts.keys_apart */
	WindowParent *parent;		/* valid if WindowCounts.related */

	/*
	 * The first different keys that were asked for, in order, the values of
	 * all conditions of each; kept only in a window that has rows to compare
	 * them with
	 */
	uint64	   *order;
	int			order_conditions;	/* there is room for keys of so many */
	ValueSetFew few_all;
	ValueSetFew few_keys;
} WindowDetail;

/* Rows collected in this window */
typedef struct WindowKeySet
{
	uint8		owner;			/* in Window.statements */
	uint64		queryid;		/* of the owner */
	bool		asked;			/* something was compared with it */
	KeySet		rows;
} WindowKeySet;

/*
 * Keys of the UPDATEs of a window, each once, as far as there is room: a hash
 * table with open addressing
 */
#define WINDOW_UPDATED_KEYS	2048

typedef struct UpdatedKeys
{
	uint64		serial;			/* the window that they are of */
	int			nkeys;
	int			nplaces;		/* a power of two; 0: none yet */
	uint64	   *keys;			/* 0: none */
} UpdatedKeys;

/* When an entry was last used */
typedef struct WindowAge
{
	uint64		last_used;
	int			index;			/* in Window.statements */
} WindowAge;

/* Tables are told apart, as written to, by this many places */
#define WRITTEN_PLACES	64

/* Entries found at a time that were used longest ago */
#define WINDOW_OLDEST		64

struct Window
{
	/* the window */
	uint64		gap;			/* idle time that ends it */
	int			threshold;
	bool		open;
	bool		asks_always;	/* of the first execution of a statement too */
	bool		collects_all;	/* see window_collect_all() */
	bool		takes_less;		/* more is in use than there may be now */
	bool		others;			/* another statement than the opener ran since
								 * the opener did */
	uint64		serial;
	uint64		opener;			/* queryid of the statement that opened it ... */
	uint64		opener_transaction; /* ... and where it ran last */
	uint64		last_end;		/* of any execution */
	uint64		accounted;		/* wall time up to here is some statement's */
	uint64		position;		/* executions counted, in all windows */
	uint64		checked_out;	/* position when the connection was handed out
								 * last ... */
	uint64		checked_out_at; /* ... and when that was */
	uint16		check_outs;		/* a bit for each of the last times: it was
								 * soon after the one before, with work
								 * between */
	bool		one_check_out;	/* until the next time it is one piece of work */
	uint64		additions;		/* to executions counted: further chunks of
								 * cursors, others of a batch */
	uint64		batch;			/* round trips */
	uint64		tick;			/* clock of last_used */
	uint32		written;		/* writes */
	uint32		last_written[WRITTEN_PLACES];	/* "written" at the last write
												 * to a table, by its OID;
												 * first, to what is not known */
	uint32		changes;		/* of which no tables are known, ... */
	uint64		changed_at;		/* ... and position at the last one */
	uint64		within;			/* "tick" of the execution that had a write
								 * inside last ... */
	uint8		within_index;	/* ... and its entry */
	int			nkeysets;
	bool		walking;		/* there are rows that values are followed
								 * over, or may be */
	uint64		walking_since;	/* position when there were none before */
	bool		is_staged;		/* "staged" is of the execution that is
								 * running */
	uint64		steps;			/* executions that were a step of a walk */
	uint64		stepped;		/* position that the last of them will have */
	uint64		walk_serial;	/* epochs of rows so far */
	uint64		units;			/* so far */
	WalkUnit	unit;			/* the one that is open */
	WalkedRows *rows;			/* what is walked over; NULL: nothing yet */
	uint64		arm_after;		/* position when parents are armed next ... */
	uint64		arm_pause;		/* ... and how far that was ahead */
	WindowUnitCallback unit_callback;
	WindowContext context;
	WindowArmed *armed;			/* or NULL */
	WindowSchema schema;
	WindowBurstCallback callback;
	void	   *callback_arg;
	int			nbursts;
	uint8		bursts[WINDOW_MAX_STATEMENTS];

	/* the statements */
	int			nstatements;	/* entries in use */
	int			hand;			/* entry to be recycled next, if it is idle */
	int			noldest;		/* entries in oldest, of them ... */
	int			nrecycled;		/* ... looked at already */
	WindowAge	oldest[WINDOW_OLDEST];	/* used longest ago, oldest first */
	uint8		lists[LOOKUP_LISTS];	/* first entry, or NO_ENTRY */
	UpdatedKeys updated;
	WindowKeySet keysets[WINDOW_ALL_KEYSETS];
	KeySet		staged;			/* rows of the execution that is running */
	Budget		memory_of_rows;
	Size		max_memory;		/* of both and the Window */
	Budget		memory;			/* of all else */
	uint64		last_used[WINDOW_MAX_STATEMENTS];
	WindowStatement *statements[WINDOW_MAX_STATEMENTS];
};

/* Does all in it belong to one piece of work, in however many transactions? */
static inline bool
window_is_one_piece(const Window *window)
{
	return window->context.trace != 0 || window->one_check_out;
}

/* Where it is noted that a table was written to */
static inline int
written_place(Oid relid)
{
	return relid == InvalidOid ? 0 : 1 + relid % (WRITTEN_PLACES - 1);
}

static inline void
note_write(Window *window, int place)
{
	window->last_written[place] = ++window->written;
}

/* The execution that begins is a step of a walk */
static inline void
take_step(Window *window)
{
	window->steps++;
	window->stepped = window->position + 1;
}

/* While this is the same, so are all counts of the window */
static inline uint64
window_moment(const Window *window)
{
	return window->position + window->additions;
}

/* Has the statement run in this window, and is it still the same? */
static inline bool
is_of_window(const Window *window, const WindowStatement *statement,
			 uint64 queryid)
{
	return statement->queryid == queryid &&
		statement->serial == window->serial;
}

/*
 * Where a parent's id is: at its place or, where another had that, beside it;
 * NULL if it is not there.
 */
static inline volatile uint64 *
armed_place(const Window *window, uint64 parent_id)
{
	volatile uint64 *parents = window->armed->parents;
	uint64		place = parent_id % WINDOW_ARMED_SIZE;

	Assert(window->armed != NULL);
	return parents[place] == parent_id ? &parents[place] :
		parents[place ^ 1] == parent_id ? &parents[place ^ 1] : NULL;
}

/* Was the statement taken for a parent before, or are rows of all wanted? */
static inline bool
is_armed(const Window *window, const WindowStatement *statement)
{
	return statement->shape.command == SHAPE_SELECT && window->armed != NULL &&
		(window->collects_all ||
		 armed_place(window, statement->parent_id) != NULL);
}

/* From now on its rows are collected, in every session */
static inline void
arm(Window *window, const WindowStatement *statement)
{
	volatile uint64 *parents = window->armed->parents;
	uint64		place = statement->parent_id % WINDOW_ARMED_SIZE;

	Assert(window->armed != NULL);
	if (armed_place(window, statement->parent_id) == NULL)
		parents[parents[place] == 0 ? place : place ^ 1] = statement->parent_id;
}

/* values.c: which rows the values of a statement came from */

/*
 * At the threshold: finds the value links of a statement among the candidates
 * for its parent, in order of preference; "link" is how a key leads from the
 * parent that was found without looking at values, grade LINK_NONE if none
 * does.  Fills in parent->value_links.
 */
extern void values_relate(Window *window, Relater *relater,
						  const WindowStatement *child, uint32 varying,
						  const WindowStatement *const *candidates,
						  int ncandidates, WindowParent *parent);

/*
 * The best of the statement's value links as things stand: fills in *link, or leaves it
 * alone if there is none, and what *facts say of keys.  Returns the statement
 * whose rows have (almost) all the keys, or NULL.
 */
extern const WindowStatement *values_compare(Window *window,
											 const WindowStatement *child,
											 WindowDetail *detail,
											 const ValueLink **link,
											 BurstFacts *facts);

/* The different sets of the conditions' values; the same as of all, mostly */
static inline const ValueSet *
keys_of(const WindowStatement *statement, const WindowDetail *detail)
{
	return statement->counts.keys_apart ? &detail->keys : &detail->all;
}

/*
 * burst.c: VARIED_OTHER_TABLES and VARIED_DATA, by what other statements wrote
 * from position "first" to "last", in this window or earlier ones
 */
extern uint16 burst_changed(const Window *window,
							const WindowStatement *statement, uint64 first,
							uint64 last);

/* Has the statement ended in this window, at least once? */
static inline bool
has_run(const Window *window, const WindowStatement *statement)
{
	return statement->serial == window->serial &&
		statement->counts.executions > 0;
}

/* walks.c: which values walk over which rows */

/* What is remembered of the statement's walks; NULL: there is no memory */
extern WalkStatement *walks_of(Window *window, WindowStatement *statement);

/* An execution with these values is about to run */
extern void walks_run(Window *window, WindowStatement *statement,
					  const WindowValues *values);

/* It has failed: its record is taken back */
extern void walks_failed(Window *window, WindowStatement *statement);

/* Has the rows collected of those that may be the statement's parent */
extern void walks_arm(Window *window, WindowStatement *statement);

/*
 * The rows of the execution that ended are staged; "further": it is one more
 * chunk of a cursor's
 */
extern void walks_collect(Window *window, WindowStatement *statement,
						  uint64 returned, bool further);

/* Nothing goes on from before to after this */
extern void walks_forget(Window *window);

/* The rows that were not used for longest; false if there are none */
extern bool walks_forget_oldest(Window *window);

/* units.c: the units of work that they prove */

/* The walk is decisive: all from its rows to its last step belongs together */
extern void units_extend(Window *window, WindowStatement *statement,
						 WalkRows *rows, const Walk *walk);

/* An execution is about to run, while a unit is open */
extern void units_run(Window *window, WindowStatement *statement,
					  uint64 loose);

/* Tells of the statement, if it has run often enough in the unit */
extern void units_publish(Window *window, WindowStatement *statement);

/* The statement's walk was none after all */
extern void units_take_back(Window *window, WindowStatement *statement);

/* The walk has ended, and proves nothing */
extern void units_suspect(Window *window, WindowStatement *statement,
						  const Walk *walk);

/* The statement's entry is needed for another */
extern void units_end_burst(Window *window, WindowStatement *statement);

/*
 * The window tells of a burst of a statement that is walked.  True if it is not
 * to: the burst stays open, as the walk that goes on will show more.
 */
extern bool units_defer(Window *window, WindowStatement *statement,
						const BurstFacts *facts);

/* Such a burst ends: as it was told last, or with nothing if the unit has it */
extern void units_settle(Window *window, WindowStatement *statement,
						 bool in_unit);
extern void units_close(Window *window);

/* Were the rows of which the window has these asked for by walks? */
extern void walks_were_asked(const Window *window, WindowKeySet *keyset);

/* Nothing was compared with the rows of this statement */
extern void window_unasked(Window *window, WindowStatement *owner);

/* Rows were staged: they go to those who want them */
extern void window_take_rows(Window *window, WindowStatement *statement,
							 uint64 returned, bool further);

/*
 * Takes memory for the window.  Where there is none left, statements that have
 * not run in this window are forgotten, those that ran longest ago first, but
 * for their walks.  NULL: the statements of this window have it all.
 */
extern void *window_take(Window *window, Size size);

/* Makes WindowStatement.detail; false if there is no memory */
extern bool window_make_detail(Window *window, WindowStatement *statement);

/* Counts the values of the execution that is running */
extern void window_count_values(Window *window, WindowStatement *statement,
								WindowDetail *detail);

/* The statement becomes a burst */
extern void window_make_burst(Window *window, WindowStatement *statement);

/*
 * Counts the execution that is running, which is not the first in its window,
 * as if it ended now with no rows.  "statement" and "detail" may be copies.
 */
extern void window_count_execution(Window *window,
								   WindowStatement *statement,
								   WindowDetail *detail, uint64 position);

#endif							/* QW_WINDOW_INTERNAL_H */

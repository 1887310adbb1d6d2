/*-------------------------------------------------------------------------
 *
 * window.h
 *		The repeat detector: one backend's stream of executions, cut into
 *		windows, and what each window shows.
 *
 * Plain C on memory that the caller provides, of bounded size: no hooks, no
 * locks, no shared memory, no catalog, no errors.  What it needs to know of the
 * schema it asks through WindowSchema.  A unit test drives it with written
 * streams.
 *
 * One execution goes through
 *
 *		window_context()	once, before, when role, application, route or
 *							trace may have changed
 *		window_round_trip() unless it came together with the one before it
 *		window_begin()		before it runs; tells which statement it is
 *		window_in_block()	is it in a transaction that BEGIN opened?
 *		window_values()		only if window_wants_values()
 *		window_threshold()	only if window_at_threshold(): facts for a verdict
 *							on a burst that begins now
 *		window_collect()	only if window_wants_rows(): where the rows that it
 *							returns are to be put
 *		window_end()		when it has run, or window_failed()
 *		window_more_rows()	for every further chunk of rows (cursors)
 *
 * and window_close() ends the window, reporting each burst through the
 * callback.  What every execution goes through is in window_run.h.
 *
 * verdict_decide() turns a burst's facts into a verdict; it is a pure function
 * of them, so that a reader can apply it to a copy of the facts of a burst
 * still open in another backend.
 *
 * Times are nanoseconds of a monotonic clock.  A Window belongs to one
 * backend.
 *
 * src/detector/window.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WINDOW_H
#define QW_WINDOW_H

#include "detector/keyset.h"
#include "query/shape.h"

/* Distinct statements in one window; the least recently used is dropped */
#define WINDOW_MAX_STATEMENTS	128

/*
 * Nanoseconds between two executions from which on the application did something
 * else meanwhile: not time that a repeat takes
 */
#define WINDOW_PAUSE			UINT64CONST(100000000)

/*
 * Distinct sets of values remembered per statement; past that, sampled.  In a
 * loop over many transactions that is longer than WINDOW_ALL_VALUES only every
 * WINDOW_VALUE_STEP-th execution's values are looked at.
 */
#define WINDOW_MAX_VALUES		64
#define WINDOW_ALL_VALUES		256
#define WINDOW_VALUE_STEP		8

/*
 * Executions of a burst up to which readers are told all the facts whenever one
 * has changed; and nanoseconds after which they are told those of a longer one,
 * however little it has grown
 */
#define WINDOW_LONG_BURST		64
#define WINDOW_TELL_AFTER		UINT64CONST(1000000000)

/*
 * Statements whose rows are collected in one window, because they were taken
 * for a parent before: the values of the repeated statement are compared with
 * them.
 */
#define WINDOW_MAX_KEYSETS		4

/* Memory of a window, by default */
#define WINDOW_MEMORY			((Size) 1024 * 1024)

/* The same where the rows of all statements are: window_collect_all() */
#define WINDOW_ALL_KEYSETS		16

/*
 * The statements that were taken for a parent: memory of the
 * caller's that backends may share.  It is read and written without a lock; an
 * entry that is wrong costs no more than rows collected for nothing.
 */
#define WINDOW_ARMED_SIZE		1024

#define WINDOW_HISTORY_SIZE		1024

/*
 * Walks of one statement's values over one column of another's rows that were
 * too short to prove anything, added up
 */
typedef struct WalkHistory
{
	uint64		link;			/* hash of the two and their columns */
	uint32		walks;
	uint32		without;		/* executions of the parent without one */
	float		surprise;		/* sum of the walks' */
} WalkHistory;

typedef struct WindowArmed
{
	volatile uint64 parents[WINDOW_ARMED_SIZE]; /* relate_parent_id() */
	WalkHistory history[WINDOW_HISTORY_SIZE];
} WindowArmed;

/*
 * What varied between the executions of a burst: a bit for each condition of
 * the shape, and these.  VARIED_SAME_KEYS is set unless the values of all
 * executions of an UPDATE were looked at, and those of its conditions were
 * never the same in two.
 */
#define VARIED_CONDITION(i)		(1U << (i))
#define VARIED_OTHER_TABLES	0x1000	/* other tables were written between the
									 * executions */
#define VARIED_DATA			0x2000	/* what they read or write was, or may
									 * have been, changed between them by
									 * another statement */
#define VARIED_OTHERS			0x4000	/* values that are no condition's */
#define VARIED_SAME_KEYS		0x8000

typedef enum RepeatKind
{
	REPEAT_NONE,				/* not a repeat */
	REPEAT_N_PLUS_ONE,
	REPEAT_LOOKUP,
	REPEAT_DUPLICATE,
	REPEAT_INSERT,
	REPEAT_UPDATE,
	REPEAT_DELETE,
	REPEAT_DEEP_OFFSET
} RepeatKind;

typedef enum RepeatConfidence
{
	CONFIDENCE_NONE,
	CONFIDENCE_SUSPECTED,
	CONFIDENCE_LIKELY,
	CONFIDENCE_CONFIRMED
} RepeatConfidence;

typedef enum RepeatRelationship
{
	RELATIONSHIP_NONE,			/* no parent, or its kind is not known */
	RELATIONSHIP_ONE_TO_MANY,
	RELATIONSHIP_MANY_TO_ONE,
	RELATIONSHIP_MANY_TO_MANY,
	RELATIONSHIP_COUNT_OR_EXISTS,
	RELATIONSHIP_DEFERRED_COLUMN
} RepeatRelationship;

/* A foreign key of one column or more, as the schema tells it */
#define WINDOW_MAX_KEY_COLUMNS	4
typedef struct WindowForeignKey
{
	Oid			constraint;
	Oid			relid;			/* the table that references ... */
	Oid			refrelid;		/* ... this one */
	int			ncolumns;		/* those stored, at most the maximum */
	AttrNumber	columns[WINDOW_MAX_KEY_COLUMNS];
	AttrNumber	refcolumns[WINDOW_MAX_KEY_COLUMNS];
} WindowForeignKey;

/* What the names of a column, and of a parent's, say of what they stand for */
typedef enum NameAgreement
{
	NAMES_UNKNOWN,
	NAMES_AGREE,				/* projects.id and project_id */
	NAMES_DIFFER,				/* each is called after another table */
	NAMES_NO_KEY				/* the parent's is not called like a key */
} NameAgreement;

/* What the detector asks of the schema: at most once per burst */
typedef struct WindowSchema
{
	/* Foreign keys of which relid is the referencing table, at most max */
	int			(*foreign_keys) (void *arg, Oid relid,
								 WindowForeignKey *keys, int max);
	/* Is this one column, alone, a primary key or unique? */
	bool		(*is_unique) (void *arg, Oid relid, AttrNumber attnum);
	/* What the names of two columns say; may be NULL */
	NameAgreement (*names) (void *arg, Oid relid, AttrNumber attnum,
							Oid parent_relid, AttrNumber parent_attnum);

	/*
	 * Are all columns of a unique key among these, and one or more of them
	 * among the first nfixed?  May be NULL.
	 */
	bool		(*has_key) (void *arg, Oid relid, const AttrNumber *columns,
							int ncolumns, int nfixed);
	void	   *arg;
} WindowSchema;

/* Who and what the executions belong to; a change ends the window */
typedef struct WindowContext
{
	Oid			userid;
	uint64		application;	/* hash of application_name */
	uint64		route;			/* hash of the route tags, 0 if none */
	uint64		trace;			/* hash of the trace id, 0 if none */
} WindowContext;

/*
 * The values of one execution.  Where the statement has none, all hashes are
 * 0.  A hash of 0 is otherwise never used.  Conditions that the statement does
 * not have need not be set.
 */
typedef struct WindowValues
{
	uint64		all;			/* hash of every value */
	uint64		conditions[SHAPE_MAX_CONDITIONS];	/* of each condition's */
	uint64		others;			/* hash of those that are no condition's */
	int			list_length;	/* largest number of elements of an = ANY
								 * array; 0 if there is none */
	uint32		opaque;			/* bit for each condition whose value is
								 * spelled in a way that does not tell what
								 * equals it */
	int64		offset;			/* value of OFFSET, -1 if there is none */
} WindowValues;

/*
 * What is known of a burst; the input of verdict_decide().  A plain value: a
 * reader may copy it from the shared memory of another backend.
 */
typedef struct BurstFacts
{
	uint64		queryid;
	uint64		parent_queryid; /* 0: none */
	StatementShape shape;
	StatementShape parent_shape;	/* valid with a parent */

	/* the repeated statement in this window */
	uint64		executions;		/* a pipelined batch counts as one; failed
								 * ones do not count */
	uint64		rows;
	uint64		distinct_values;	/* sets of all values */
	uint64		distinct_keys;	/* sets of the conditions' values */
	bool		same_row;		/* the conditions lead to one row only: those
								 * sets count for one */
	bool		is_membership;	/* ... or, with a value that varies, to one or
								 * none: see relate_is_membership() */
	uint16		varied;			/* VARIED_... */
	uint64		duplicates;		/* same values as before, and no write by this
								 * session between */
	uint64		rereads;		/* ... and this session wrote between, but to
								 * no table that the statement names */
	uint64		offset_steps;	/* executions whose OFFSET was larger than the
								 * one before, all else equal */
	uint64		max_offset;
	uint64		transactions;	/* distinct, as they came */
	uint64		most_in_one;	/* executions in the one of them that holds
								 * most */
	uint64		in_blocks;		/* executions in a transaction that BEGIN
								 * opened */
	uint64		exec_time;		/* executing */
	uint64		wall_time;		/* its share of the session's time: each
								 * execution, with the pause before it if that
								 * was shorter than WINDOW_PAUSE and is not
								 * the first's */
	uint64		first_start;
	uint64		last_end;
	bool		batched;		/* a list of two elements or more was seen */

	/* the window */
	bool		one_piece;		/* of work, as a trace id says, or the pool
								 * that handed out the connection */
	uint64		others;			/* executions of other statements from this
								 * one's first to its last */
	uint32		cycle_members;	/* other statements that came about as often
								 * as this one while it was repeated */
	uint32		cycle_unexplained;	/* of those: no foreign key leads to a
									 * statement that came more rarely */
	uint32		cycle_walks;	/* of those: walked over rows of such a one */

	/* the parent */
	uint64		parent_executions;
	uint64		parent_rows;	/* in all */
	uint64		parent_transactions_shared; /* 1 if the parent ran in the
											 * transaction of the burst's
											 * first execution, else 0 */
	RepeatRelationship relationship;
	Oid			constraint;		/* foreign key found, or 0 */
	Oid			key_relid;		/* the repeated statement's column, without a
								 * parent the first that varies ... */
	AttrNumber	key_attnum;
	Oid			parent_relid;	/* ... and the parent's that it matches; */
	AttrNumber	parent_attnum;	/* 0 where not known */

	/* the keys asked for, compared with a column of the parent's rows */
	uint16		keys_compared;	/* different ones; 0: there was nothing to
								 * compare them with */
	uint16		keys_matched;	/* are values of the column */
	uint16		keys_disorder;	/* steps against the order of the rows */
	uint16		keys_walked;	/* values of the column up to the last row
								 * that was reached ... */
	uint16		keys_offered;	/* ... and in all */
	bool		keys_complete;	/* all that the parent returned was there to
								 * compare with, this very column */
	bool		keys_dense;		/* small integers, as many a column has */
	bool		keys_unlikely;	/* the schema speaks against the columns
								 * having to do with each other */
	bool		keys_agree;		/* ... or for it, or their names do */
	uint8		unit;			/* UnitRole */
} BurstFacts;

/* What a unit of work says of a statement in it */
typedef enum UnitRole
{
	UNIT_NONE,					/* it is a burst of a window */
	UNIT_SUSPECTED,				/* it walked, but requests may do that */
	UNIT_MEMBER,				/* it ran in the unit */
	UNIT_MATCHES,				/* ... and its values came from the parent */
	UNIT_EACH_ONCE,				/* ... each once */
	UNIT_ORDERED				/* ... in the order of the parent's rows */
} UnitRole;

/* What the values say of the parent */
typedef enum ValueEvidence
{
	VALUES_UNKNOWN,				/* nothing, or not enough */
	VALUES_CONFIRM,				/* the keys came from its rows */
	VALUES_DOUBT				/* they did not, or may be requests for some
								 * of them */
} ValueEvidence;

typedef struct RepeatVerdict
{
	RepeatKind	kind;
	RepeatConfidence confidence;
	RepeatRelationship relationship;	/* of n_plus_one only */
	ValueEvidence values;
	bool		has_parent;		/* the facts' parent belongs to the verdict */
	bool		one_transaction;
	bool		committed_alone;	/* a write: as many transactions as rows */
	uint64		time_lost;		/* the burst's wall_time less one mean
								 * execution */
} RepeatVerdict;

typedef struct Window Window;
typedef struct WindowStatement WindowStatement;

/*
 * Called for every burst when its window closes.  "handle" is what
 * window_set_handle() stored for it, -1 if nothing was.  "facts" may be NULL
 * for a burst whose facts are as they were told last (window_told()).
 */
typedef void (*WindowBurstCallback) (void *arg, const BurstFacts *facts,
									 int handle);

/*
 * Tells of a statement in a unit of work.  WINDOW_UNIT_BEGINS: its burst there
 * begins; the callback returns a handle for it, or -1.  "handle" is that of
 * the statement's burst in the window, if it has one there, which becomes the
 * unit's.  WINDOW_UNIT_GOES_ON and WINDOW_UNIT_ENDS: it has that handle.
 */
typedef enum WindowUnitEvent
{
	WINDOW_UNIT_BEGINS,
	WINDOW_UNIT_GOES_ON,
	WINDOW_UNIT_ENDS
} WindowUnitEvent;

typedef int (*WindowUnitCallback) (void *arg, WindowUnitEvent event,
								   const BurstFacts *facts, int handle);

/* Without it, no units are looked for */
extern void window_set_unit_callback(Window *window,
									 WindowUnitCallback callback);

/*
 * Where a Window's further memory comes from, which it takes when it needs it.
 * NULL: there is none.
 */
typedef struct WindowMemory
{
	void	   *(*allocate) (Size size);
	void		(*release) (void *place);
} WindowMemory;

extern Size window_size(void);
extern void window_init(Window *window, const WindowSchema *schema,
						const WindowMemory *memory,
						WindowBurstCallback callback, void *callback_arg);

/* Where parents are armed; without it, values are never compared */
extern void window_set_armed(Window *window, WindowArmed *armed);

/*
 * Settings, to be given before window_begin(): executions that make a burst
 * (2 or more), idle nanoseconds that end a window.
 */
extern void window_configure(Window *window, int threshold, uint64 gap);

/*
 * Whether the rows of every SELECT are collected, from its first execution in
 * the next window on.  Then a verdict does not depend on what ran before that,
 * in this backend or another.
 */
extern void window_collect_all(Window *window, bool all);

/*
 * Bytes that the window may take in all, WINDOW_MEMORY if not set; and how many
 * pieces of it were refused so far: of what they were for, values or parents
 * are not known.  (Rows that are too many make room for each other.)  What is
 * more than that, or than there may be once rows are no longer collected of
 * every SELECT, is given back when the next window begins.
 */
extern void window_set_memory(Window *window, Size memory);
extern uint64 window_memory_refused(const Window *window);

/* Ends the window when the context is another than it was */
extern void window_context(Window *window, const WindowContext *context);

/*
 * An execution of this statement is about to run: closes the window first if
 * it is over, opens one if none is open.  The shape is copied when it is first
 * seen.  "now" is when it begins, "transaction" differs for every top-level
 * transaction of this backend; savepoints share their transaction's.
 *
 * "known" may be what an earlier call returned for the same queryid, to save
 * the look-up, or NULL; it is checked.  Returns NULL for a statement that can
 * never be part of a repeat nor tell anything about one (utility, no table,
 * catalog only).
 *
 * Where *asks is false, window_wants_values(), window_at_threshold() and
 * window_wants_rows() are too; and whether it is in a block, of which
 * window_in_block() tells, is presumed to be as in the execution before.
 */
extern WindowStatement *window_begin(Window *window, WindowStatement *known,
									 uint64 queryid,
									 const StatementShape *shape, uint64 now,
									 uint64 transaction, bool *asks);

/*
 * Where the rows of this execution, or of the next chunk of a cursor's, are to
 * go; NULL: nowhere.  A set that has no columns yet gets them from the caller.
 * If the execution fails, the caller takes its rows out again.
 */
extern KeySet *window_collect(Window *window, WindowStatement *statement);

/* Are there rows that values will be compared with? */
extern bool window_compares(const Window *window);

/*
 * In the execution that makes the burst: looks for its parent, which asks the
 * schema, and fills *facts as if this execution had ended.
 */
extern void window_threshold(Window *window, WindowStatement *statement,
							 BurstFacts *facts);

/*
 * After window_threshold(): other columns of parents that the values may turn out
 * to come from, instead of those that its facts tell.  How many; at most max.
 */
extern int	window_other_columns(const WindowStatement *statement,
								 Oid *relids, AttrNumber *attnums, int max);

/*
 * A number of the caller's that comes back with the burst.  To be set when the
 * execution that made the burst has ended.
 */
extern void window_set_handle(WindowStatement *statement, int handle);

/* The execution has failed: it is taken back */
extern void window_failed(Window *window, WindowStatement *statement,
						  uint64 now);

/* Does this still stand for that statement, or was it dropped for another? */
extern bool window_holds(const WindowStatement *statement, uint64 queryid);

/* A cursor returned a further chunk */
extern void window_more_rows(Window *window, WindowStatement *statement,
							 uint64 now, uint64 elapsed, uint64 rows);

/* This session wrote something that no shape shows (COPY, DDL, CALL) */
extern void window_wrote(Window *window);

/* A statement wrote inside of the one that is running: a trigger's, say */
extern void window_wrote_within(Window *window);

/* Something changed what other statements return, which the window knows no
 * tables of: COPY, DDL, a setting */
extern void window_changed(Window *window);

/*
 * A statement that the window does not look at has ended: the time it took is
 * not the next one's
 */
extern void window_passed(Window *window, uint64 now);

/* Facts of a statement that is past the threshold, as they stand */
extern void window_facts(Window *window,
						 const WindowStatement *statement, BurstFacts *facts);

/*
 * What the facts that change with (almost) every execution are made of, so
 * that another may bring facts up to date that it was given before: as they
 * are in BurstFacts, but for the last three
 */
typedef struct BurstGrowth
{
	uint64		executions;
	uint64		rows;
	uint64		transactions;
	uint64		exec_time;
	uint64		wall_time;
	uint64		last_end;
} BurstGrowth;

typedef struct BurstProgress
{
	BurstGrowth growth;
	uint64		most_in_one;
	uint64		hashed;			/* executions whose values were looked at */
	uint64		distinct_values;	/* of those */
	uint64		distinct_keys;
	uint16		varied;			/* as in BurstFacts */
} BurstProgress;

extern void window_progress(const Window *window,
							const WindowStatement *statement,
							BurstProgress *progress);
extern void window_advance(BurstFacts *facts, const BurstProgress *progress);

/*
 * Calls back with the facts, as they stand, of every burst of the window; or
 * of those that may have changed since they were told, by window_told() or by
 * this, and are not long or due.  A long one is due again when it has grown by
 * an eighth, the others with their next execution.
 */
extern void window_bursts(Window *window, bool grown,
						  WindowBurstCallback callback, void *arg);

/* Tells of all statements in the unit that is open, as things stand */
extern void window_refresh_units(Window *window);

/* All facts of the burst were told; they are next due at so many executions */
extern void window_told(const Window *window, WindowStatement *statement,
						uint64 due);

/*
 * The facts that window_threshold() gave are those of the burst that has begun
 * with this execution, but for its rows and its times: brings these up to date.
 * They are due to be told at so many executions.
 */
extern void window_begun(const Window *window, WindowStatement *statement,
						 BurstFacts *facts, uint64 due);

/*
 * A transaction that BEGIN opened has committed.  It ends the window if it held
 * a burst by itself: what comes next is another piece of work.
 */
extern void window_committed(Window *window, uint64 transaction);

/*
 * The client has asked whether the connection is alive, as a pool does before
 * it hands it out.  That ends the window if a burst could have run since the
 * last time: a pool that asks before each statement says nothing.  Where it has often been so that a burst could
 * have run, and soon after the last time, the pool does it each time: what comes
 * until the next time is one piece of work, as under a trace id.
 */
extern void window_checked_out(Window *window, uint64 now);

/* Ends the window: DISCARD ALL, serialization failure, backend exit */
extern void window_close(Window *window);

/*
 * Are the values of its first execution looked at too?  Of several it must be
 * known which vary, of an UPDATE whether its keys come again.
 */
static inline bool
window_asks_first(const StatementShape *shape)
{
	return shape->command == SHAPE_UPDATE || shape->nconditions > 1 ||
		(shape->nconditions == 1 &&
		 (shape->flags & (SHAPE_HAS_LIMIT | SHAPE_HAS_OFFSET |
						  SHAPE_RANGE_CONDITION)) != 0);
}

/*
 * Could a statement of this shape ever be a repeat?  Only such a statement
 * becomes a burst.
 */
extern bool verdict_possible(const StatementShape *shape);

/*
 * The verdict on a burst.  "final" is false at the threshold, when the count
 * is not final: cardinality then means that the parent returned at least as
 * many rows as the statement has run.
 */
extern void verdict_decide(const BurstFacts *facts, int threshold, bool final,
						   RepeatVerdict *verdict);

/*
 * Of a burst whose keys are values of the parent: did they come in the order of
 * its rows, without leaving out more than half of them?
 */
extern bool verdict_walks(const BurstFacts *facts);

#endif							/* QW_WINDOW_H */

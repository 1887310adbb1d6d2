/*-------------------------------------------------------------------------
 *
 * statements.h
 *		Cumulative statistics of statements: recording and reading.
 *
 * statements.c says how recording works without locks; table.h is the shared
 * table behind it.
 *
 * src/statements/statements.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_H
#define QW_STATEMENTS_H

#include "port/atomics.h"

#include "common/counters.h"
#include "common/execution.h"
#include "common/histogram.h"
#include "detector/window.h"
#include "query/shape.h"
#include "statements/facts.h"
#include "statements/measure.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* Of a statement's counts, those that /metrics leaves out: see snapshot.c */
typedef struct StatementBase
{
	int64		executions;		/* failed and cancelled ones included */
	int64		failures;
	int64		rows;
	int64		exec_time;		/* nanoseconds */
} StatementBase;

/* A statement as readers get it */
typedef struct StatementRow
{
	StatementKey key;
	StatementShape shape;
	StatementCounters counters;
	StatementFacts facts;
	uint64		histogram[HISTOGRAM_BUCKETS];
	StatementBase base;
	TimestampTz stats_since;
	TimestampTz minmax_since;
	double		usage;			/* executions, decayed: see table.c */
	int			encoding;		/* of text, -1 if there is none */
	int			unused;			/* 0 in a snapshot */
	const char *text;			/* normalised; NULL: not there (any more) */
	const char *tables;			/* names, each ended by a NUL, the last by
								 * two; NULL with the text */
	/* its origin stands behind them: see origin_behind() */
} StatementRow;

typedef void (*StatementCallback) (void *arg, const StatementRow *row);

extern Size statements_shmem_size(void);

/* Of that, what one more connection adds */
extern Size statements_connection_size(void);
extern void statements_shmem_init(void *place, bool found);

/*
 * Slots that a backend has at most, and the lists in which a statement's is
 * looked for
 */
#define SLOTS		64
#define SLOT_LISTS	512
#define NO_SLOT		SLOTS		/* end of a list */

/* Statements that have no slot but are remembered: see kept.h */
#define FIRST_KEPT		(NO_SLOT + 1)
#define KEPT_STATEMENTS 512

/* Where the table has a statement */
typedef struct TableRef
{
	uint32		entry;			/* index */
	uint32		incarnation;
} TableRef;

/*
 * What is known of the statement in a slot, or of a kept one, in this backend's
 * memory
 */
typedef struct StatementLocal
{
	StatementKey key;			/* queryid 0: there is none */
	struct SharedSlot *slot;	/* NULL: it is a kept one, or there is none */
	TableRef	ref;			/* its entry; in the slot too, for readers */
	WindowStatement *window_statement;	/* for repeats.c; NULL at first */
	const struct PlannedStmt *plain_plan;	/* its plan, kept by the server,
											 * when repeats.c found that its
											 * source text has no comment, and
											 * repeats_plans then; for hooks.c
											 * too */
	uint64		plain_plans;
	uint64		planned;		/* planning that is not in the slot yet, in ns
								 * and one more; 0: none */
	uint32		text_serial;	/* of the table when has_text was found out */
	uint32		shape_serial;	/* of the table's entry when it had "shape" */
	bool		has_text;
	uint8		next;			/* slot in the same list */
	bool		wants_slot;		/* a kept one is to have one again */
	uint8		plan_kind;		/* for hooks.c: PlanKind of plain_plan */
	uint32		seen;			/* executions when the slot was last passed
								 * over for another that is less used */
	uint16		scans_seen;		/* for facts.c: executions observed, ... */
	uint16		scans_passed;	/* ... and not observed since */
	StatementShape shape;		/* command SHAPE_OTHER: not known */
} StatementLocal;

/* Of the slots, of NO_SLOT, and of the kept statements */
extern StatementLocal statements_locals[FIRST_KEPT + KEPT_STATEMENTS];
extern uint8 statements_lists[SLOT_LISTS];	/* slot found last in each */
extern uint64 statements_fills; /* slots that were given to a statement */

/*
 * The statement of the client's that ended last, as long as its place has not
 * been given to another; for recording.h
 */
extern StatementLocal *statements_last_client;

/* A place is given to a statement, or becomes free */
static inline void
statements_move_in(const StatementLocal *local)
{
	if (statements_last_client == local)
		statements_last_client = NULL;
}

/* The list that a statement's slot is in */
static inline int
statements_list_of(uint64 queryid, Oid userid)
{
	return (int) ((queryid ^ (queryid >> 32) ^ userid) % SLOT_LISTS);
}

static inline int
statements_list(const StatementKey *key)
{
	return statements_list_of(key->queryid, key->userid);
}

extern int	statements_find_slot(const StatementKey *key);

/*
 * The number by which a statement is known here: of its slot among this
 * backend's, or, from FIRST_KEPT on, of a kept statement that has none; -1 if
 * this process has no slots.  A statement that is not known is given a slot:
 * that takes locks and may evict another; it does not raise.  A number keeps
 * its statement as long as statements_fills stands still.
 */
static inline int
statements_slot(const StatementKey *key)
{
	int			slot = statements_lists[statements_list(key)];

	if (likely(statement_key_equal(&statements_locals[slot].key, key)))
		return slot;
	return statements_find_slot(key);
}

static inline StatementLocal *
statements_local(int slot)
{
	return &statements_locals[slot];
}

/* The same of a key by its parts, where it is found at once; else NULL */
static inline StatementLocal *
statements_local_at_once(uint64 queryid, Oid userid, bool toplevel)
{
	StatementLocal *local;

	local = &statements_locals[statements_lists[statements_list_of(queryid,
																   userid)]];
	return local->key.queryid == queryid && local->key.userid == userid &&
		local->key.toplevel == toplevel ? local : NULL;
}

/* The number again */
static inline int
statements_number(const StatementLocal *local)
{
	return (int) (local - statements_locals);
}

/*
 * Changes whenever an entry that has a slot somewhere loses its text or is
 * evicted
 */
extern pg_atomic_uint32 *table_text_serial;
extern bool statements_look(int slot);

/* Does the table hold the text and the shape of the statement in this slot? */
static inline bool
statement_described(const StatementLocal *local)
{
	/* perhaps it was this one */
	if (unlikely(local->text_serial != pg_atomic_read_u32(table_text_serial)))
		return statements_look(statements_number(local));
	return local->has_text;
}

static inline bool
statements_described(int slot)
{
	return statement_described(&statements_locals[slot]);
}

/* The statement has another shape than was known of it */
static inline void
statements_new_shape(StatementLocal *local)
{
	local->window_statement = NULL;
	local->plain_plan = NULL;
}

/*
 * Stores text and shape of the statement in this slot.  "tables" as in
 * StatementRow, with the origin behind them; tables_length with its NUL.
 */
extern void statements_describe(int slot, const char *text, Size text_length,
								const char *tables, Size tables_length,
								const StatementShape *shape);

/*
 * Adds an execution, a planning.  Lock-free.  statements_run.h has the common
 * case of an execution, and time between statements.
 */
extern void statements_record(int slot, const Execution *execution, bool slow);

/*
 * Adds what an execution showed, straight to the shared table: takes its
 * partition's lock, so only for what happens seldom or took long.
 */
extern void statements_add_facts(int slot, const StatementFacts *facts);

/* Does the number still stand for the statement? */
extern bool statements_slot_holds(int slot, const StatementKey *key);

extern void statements_record_plan(int slot, uint64 elapsed);

/* A planning that the execution will follow, which adds it */
static inline void
statements_planned(StatementLocal *local, uint64 elapsed)
{
	if (unlikely(local->planned != 0))
		statements_record_plan(statements_number(local), local->planned - 1);
	local->planned = elapsed + 1;
}

/*
 * Calls back for every statement that has any count, this backend's and the
 * others' pending counts included, in no particular order.  A row is good
 * during its call; the callback may allocate and raise.
 */
extern void statements_read(bool with_text, StatementCallback callback,
							void *arg);

/*
 * Calls back for each slot of a backend whose counts are not in its totals
 * yet (totals.c); a slot may be moved there meanwhile.  Allocates nothing.
 */
typedef void (*PendingCallback) (void *arg, const StatementKey *key,
								 const StatementCounters *counters,
								 const uint8 *histogram, uint64 serial);
extern void statements_pending(int backend, PendingCallback callback,
							   void *arg);

/*
 * Text of one statement, palloc'd; NULL if not there: in the server encoding,
 * or as it is
 */
extern char *statements_text(const StatementKey *key);

/* Its tables, as in StatementRow, in the encoding told; NULL if not there */
extern const char *statements_tables(const StatementKey *key, int *encoding);
extern char *statements_raw_text(const StatementKey *key, int *encoding);

/*
 * Resets statements that match (0: any); minmax_only: just the extremes.
 * Their entries and texts go.  The entry of a statement that is in a slot
 * somewhere stays, empty, unless everything is reset.
 */
extern TimestampTz statements_reset(Oid userid, Oid dbid, uint64 queryid,
									bool minmax_only);

typedef struct StatementsInfo
{
	int64		entries;		/* in the table */
	int64		limit;
	int64		dealloc;		/* evictions since the reset */
	int64		texts_dropped;	/* texts that found no room or made room */
	TimestampTz stats_reset;
} StatementsInfo;

extern void statements_info(StatementsInfo *info);

/* Sums of evicted statements, per database */
typedef void (*EvictedCallback) (void *arg, Oid dbid, int64 statements,
								 const StatementCounters *counters);
extern void statements_evicted(EvictedCallback callback, void *arg);

/*
 * At server start: puts back what was saved, the most used statements first.
 * Those that the table has no room for go into the sums of evicted ones.
 * texts_length: of row->text with the tables and the origin that follow it, if
 * it has one.
 * Of "info", entries and limit are of no meaning.
 */
extern void statements_restore(const StatementRow *row, Size texts_length);
extern void statements_restore_evicted(Oid dbid, int64 statements,
									   const StatementCounters *counters);
extern void statements_restore_info(const StatementsInfo *info);
#pragma GCC visibility pop

#endif							/* QW_STATEMENTS_H */

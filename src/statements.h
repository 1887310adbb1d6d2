/*-------------------------------------------------------------------------
 *
 * statements.h
 *		Cumulative statistics of statements: recording and reading.
 *
 * statements.c says how recording works without locks; table.h is the shared
 * table behind it.
 *
 * src/statements.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_H
#define QW_STATEMENTS_H

#include "executor/instrument.h"

#include "counters.h"
#include "execution.h"
#include "histogram.h"
#include "shape.h"
#include "window.h"

/* A statement as readers get it */
typedef struct StatementRow
{
	StatementKey key;
	StatementShape shape;
	StatementCounters counters;
	uint64		histogram[HISTOGRAM_BUCKETS];
	TimestampTz stats_since;
	TimestampTz minmax_since;
	int			encoding;		/* of text, -1 if there is none */
	const char *text;			/* normalised; NULL: not there (any more) */
	const char *tables;			/* names, each ended by a NUL, the last by
								 * two; NULL with the text */
} StatementRow;

typedef void (*StatementCallback) (void *arg, const StatementRow *row);

extern Size statements_shmem_size(void);
extern void statements_shmem_init(void *place, bool found);

/*
 * Slot of a statement among this backend's, or -1 if this process has none.
 * A statement that has no slot gets one: that takes locks and may evict
 * another; it does not raise.  A slot keeps its statement as long as
 * statements_fills stands still.
 */
extern int	statements_slot(const StatementKey *key);
extern uint64 statements_fills;

/* What is known of the statement in a slot, in this backend's memory */
typedef struct StatementLocal
{
	StatementShape shape;		/* command SHAPE_OTHER: not known */
	WindowStatement *window_statement;	/* for repeats.c; NULL at first */
	const char *plain_text;		/* for repeats.c: its source text, when that
								 * was found to have no comment, and
								 * repeats_parses then */
	uint64		plain_parses;
	uint64		used;			/* when last, in slot look-ups */
	uint32		text_serial;	/* of the table when has_text was found out */
	bool		has_text;
} StatementLocal;

extern StatementLocal *statements_local(int slot);

/* Does the table hold the text and the shape of the statement in this slot? */
extern bool statements_described(int slot);

/*
 * Stores text and shape of the statement in this slot.  "tables" as in
 * StatementRow, tables_length with the last NUL.
 */
extern void statements_describe(int slot, const char *text, Size text_length,
								const char *tables, Size tables_length,
								const StatementShape *shape);

/*
 * Adds an execution, a planning, time between statements.  Lock-free.
 *
 * statements_record_run() is for the common case, a query that completed in
 * one run: "buffers" and "wal" are what was used up before it.
 */
extern void statements_record(int slot, const Execution *execution, bool slow);
extern void statements_record_run(int slot, uint64 elapsed, uint64 rows,
								  const BufferUsage *buffers,
								  const WalUsage *wal);

extern void statements_record_plan(int slot, uint64 elapsed);
extern void statements_record_client(const StatementKey *key, int slot,
									 uint64 elapsed);

/*
 * Calls back for every statement that has any count, this backend's and the
 * others' pending counts included, in no particular order.  A row is good
 * during its call; the callback may allocate and raise.
 */
extern void statements_read(bool with_text, StatementCallback callback,
							void *arg);

/* Text of one statement in the server encoding, palloc'd; NULL if not there */
extern char *statements_text(const StatementKey *key);

/*
 * Resets statements that match (0: any); minmax_only: just the extremes.
 * Their texts stay, for a prepared statement may never be parsed again.
 */
extern TimestampTz statements_reset(Oid userid, Oid dbid, uint64 queryid,
									bool minmax_only);

typedef struct StatementsInfo
{
	int64		entries;		/* in the table, those that a reset emptied
								 * included */
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

#endif							/* QW_STATEMENTS_H */

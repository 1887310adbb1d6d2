/*-------------------------------------------------------------------------
 *
 * facts.h
 *		What a statement wastes, as its executions showed it: rows fetched at
 *		once, rows skipped, spilled, thrown away, wide rows, idle transactions.
 *
 * Added to the statement's entry in the shared table when an execution ends
 * that was past one of the bounds below, never for another: an execution
 * below all of them pays for a few comparisons.
 *
 * What a plan wastes planlook.h finds out: sequential scans that an index
 * would spare are kept here, everything else in planwaste.h.  Widths of rows
 * are measured on the first rows of a result: of one that is expected to be
 * large, and of every so many others.
 *
 * src/statements/facts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_FACTS_H
#define QW_FACTS_H

#include "executor/execdesc.h"
#include "nodes/execnodes.h"

#include "common/execution.h"
#include "rewrite/scancolumns.h"
#include "statements/planlook.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* Counted from these on; thresholds below them have no effect */
#define FACTS_MANY_ROWS			1000	/* rows of one result */
#define FACTS_DEEP_OFFSET		1000	/* rows skipped by OFFSET */
#define FACTS_LONG_IDLE			100000000	/* ns between two statements of a
											 * transaction; as WINDOW_PAUSE */
#define FACTS_WIDE_ROW			512 /* bytes */

/* Rows of a result that are measured, columns of them kept */
#define FACTS_MEASURED_ROWS		32
#define FACTS_WIDEST			3

/* Bits of StatementFacts.spilled */
#define SPILL_SORT			0x01
#define SPILL_HASH			0x02	/* a hash join */
#define SPILL_GROUPS		0x04	/* hashed groups */
#define SPILL_ROWS			0x08	/* rows kept to be read again: a CTE's,
									 * ... */
#define SPILL_PARALLEL		0x10	/* workers did their part of it */
#define SPILL_UNPREDICTED	0x20	/* work_mem may not be enough */

/* Counts stop at their type's maximum; times are nanoseconds */
typedef struct StatementFacts
{
	/* results of many rows, fetched at once */
	int64		large_rows;
	int64		large_time;
	uint32		large_calls;
	uint32		max_rows;

	/* OFFSET */
	int64		offset_rows;	/* skipped */
	int64		offset_time;
	uint32		offset_calls;
	uint32		max_offset;

	/* temporary files */
	int64		spill_time;
	uint32		spill_calls;
	uint32		max_spill_blocks;	/* written by one execution */
	uint32		work_mem;		/* kB that would have been enough, estimated */
	uint32		work_mem_had;	/* kB that it had, the most */
	uint8		spilled;		/* SPILL_...: what wrote them */

	/* long waits for the client's next statement, inside a transaction */
	uint32		idle_calls;
	int64		idle_time;
	uint32		max_idle;		/* ms */
	uint32		blocked;		/* sessions that waited for it meanwhile, the
								 * most at one time */

	/* cancelled by statement_timeout */
	int64		timeout_time;

	/* scans of a table for rows that meet a condition */
	int64		scan_read;		/* rows, by the observed executions */
	int64		scan_discarded;
	Oid			scan_relid;		/* of the table that lost most */
	uint32		scans;			/* executions observed */
	ScanColumns scan_columns;	/* of that table, of the last one described */

	/* width of rows sent to the client */
	int64		row_bytes;		/* of the rows measured, in all */
	uint32		rows_measured;
	uint16		widest[FACTS_WIDEST];	/* columns of a table, or of the
										 * output; from 1, 0: none */
	uint16		observed;		/* costly executions observed; stops */
	Oid			widest_relid[FACTS_WIDEST]; /* that table; 0: output */
	uint32		widest_bytes[FACTS_WIDEST]; /* mean, of the last measured */
} StatementFacts;

/* Adds b to a; of scans and widths the more wasteful is kept */
extern void facts_add(StatementFacts *a, const StatementFacts *b);

/*
 * Of the execution that runs now.  Each call says what it costs an ordinary
 * execution; none of them raises, nor touches the statement's own state but
 * its instrumentation and its receiver.
 */

/* Before the start: a costly plan may be given instrumentation */
extern void facts_observe(QueryDesc *queryDesc, const StatementKey *key);

static inline bool
facts_costly(const QueryDesc *queryDesc)
{
	return planlook_costly(queryDesc->plannedstmt->planTree);
}

/*
 * Before a statement of the client's runs: has the first rows that it returns
 * measured, by another receiver.  The caller gives it its own back.
 */
extern void facts_measure(QueryDesc *queryDesc);
extern int	facts_countdown;	/* results until one is measured */
extern QueryDesc *facts_query;	/* the statement measured, or NULL */

/* Is it the turn of this one's result? */
static inline bool
facts_result_is_due(const QueryDesc *queryDesc)
{
	return queryDesc->operation == CMD_SELECT && --facts_countdown <= 0;
}

static inline bool
facts_wants_width(const QueryDesc *queryDesc)
{
	return facts_result_is_due(queryDesc) ||
		(queryDesc->operation == CMD_SELECT &&
		 queryDesc->plannedstmt->planTree->plan_rows >= FACTS_MANY_ROWS);
}

/* Rows that a LIMIT ... OFFSET at the top of the plan skipped */
static inline int64
facts_skipped(const QueryDesc *queryDesc)
{
	return IsA(queryDesc->planstate, LimitState) ?
		((const LimitState *) queryDesc->planstate)->offset : 0;
}

/*
 * After the run of a query that completed at once (not a cursor's), if
 * facts_worth_a_look(), or it skipped FACTS_DEEP_OFFSET rows or spilled to
 * temporary files.  "spilled": blocks it wrote there.
 */
static inline bool
facts_worth_a_look(const QueryDesc *queryDesc, uint64 rows)
{
	return rows >= FACTS_MANY_ROWS || facts_query == queryDesc ||
		queryDesc->instrument_options != 0;
}

extern void facts_end(QueryDesc *queryDesc, int slot, uint64 elapsed,
					  uint64 rows, int64 spilled);

/* A cursor's query is over, which wrote to temporary files */
extern void facts_spilled(QueryDesc *queryDesc, int slot, uint64 elapsed,
						  int64 spilled);

/* The client let its transaction wait for so long after this statement */
extern void facts_idle(int slot, uint64 idle);

/* It was cancelled by statement_timeout */
extern void facts_timeout(int slot, uint64 elapsed);

#pragma GCC visibility pop

#endif							/* QW_FACTS_H */

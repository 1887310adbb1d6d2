/*-------------------------------------------------------------------------
 *
 * capture.h
 *		Counts the statements that this session runs, for tests: between
 *		begin_capture() and end_capture().
 *
 * Backend-local, without locks, and no part of a transaction: a ROLLBACK
 * undoes nothing of it.  All memory is allocated when a capture begins;
 * recording allocates nothing and does not raise.  What finds no room is
 * counted as such.
 *
 * Statements that the client sent are counted, those that failed too, and not
 * what runs inside them.  Callers look at capture_on before they call, so that
 * a session without a capture pays for a branch.
 *
 * src/repeats/capture.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_CAPTURE_H
#define QW_CAPTURE_H

#include "common/execution.h"

/* Distinct statements, and distinct values of all of them together */
#define CAPTURE_MAX_STATEMENTS	2048
#define CAPTURE_MAX_VALUES		49152

#pragma GCC visibility push(hidden)
extern bool capture_on;
#pragma GCC visibility pop

/* A statement of one role in a capture */
typedef struct CapturedStatement
{
	StatementKey key;			/* as it came first; queryid 0: all those that
								 * found no room */
	uint64		executions;
	uint64		distinct_values;	/* sets of values */
	uint64		rows;
	uint64		exec_time;		/* ns */
} CapturedStatement;

/* Begins; raises for lack of memory only.  Not to be called while one is on. */
extern void capture_begin(void);

/* Ends, and forgets all; does nothing if none is on */
extern void capture_forget(void);

/*
 * Hash of the values of the execution that is recorded next; 0 if the
 * statement has none.
 */
extern void capture_values(uint64 hash);

/*
 * An execution that began at "start" (monotonic clock) has ended.  Left out if
 * it began before the capture did: the call of begin_capture() itself.
 */
extern void capture_execution(const StatementKey *key, uint64 start,
							  uint64 elapsed, uint64 rows);

/* A statement whose execution was recorded has run on: a portal's next rows */
extern void capture_more_rows(const StatementKey *key, uint64 elapsed,
							  uint64 rows);

/* Those captured so far, in the order in which they came first */
extern int	capture_count(void);
extern const CapturedStatement *capture_statement(int n);

/* Did all distinct values find room? */
extern bool capture_values_complete(void);

#endif							/* QW_CAPTURE_H */

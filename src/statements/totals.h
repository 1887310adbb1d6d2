/*-------------------------------------------------------------------------
 *
 * totals.h
 *		What each database has executed, evictions or not: counters that only
 *		go up.
 *
 * A statement's counts wander: from a backend's slot to the table, and when
 * it is evicted to the sums of its database.  Whoever adds those up one after
 * the other counts some twice and others not at all.  So the totals are kept
 * apart: a backend, which belongs to one database as long as it lives, adds
 * the counts of a slot to its own when it empties the slot, and at its end
 * its own to its database's.  Nothing is done for an execution, and a reader
 * looks at no statement.
 *
 * The totals are forgotten when all statistics are reset, not when those of
 * some statements are.
 *
 * src/statements/totals.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TOTALS_H
#define QW_TOTALS_H

#include "common/counters.h"
#include "common/histogram.h"
#include "statements/measure.h"

/* Databases with totals of their own; the rest share the first ones, OID 0 */
#define TOTALS_DATABASES	64

/* Pairs of database and class of error that are counted apart */
#define TOTALS_ERRORS		256

/*
 * Latency buckets are those of histogram.h taken together between these
 * powers of two nanoseconds, from totals_exponents[i - 1] up to, exclusively,
 * totals_exponents[i]; the last bucket has no upper bound.
 */
#define TOTALS_BOUNDS		22
#define TOTALS_BUCKETS		(TOTALS_BOUNDS + 1)
extern const int totals_exponents[TOTALS_BOUNDS];

/* Counts of statements; times in nanoseconds */
typedef struct TotalCounts
{
	int64		executions;		/* those that failed included */
	int64		errors;
	int64		cancels;		/* timeouts included */
	int64		timeouts;
	int64		slow;
	int64		rows;
	int64		plans;
	int64		exec_time;
	int64		plan_time;
	int64		client_time;
	int64		busy_time;		/* executing and planning what clients sent */
	int64		blocks[USAGE_NBLOCKS];
	int64		wal_bytes;
	int64		latency[TOTALS_BUCKETS];
} TotalCounts;

typedef struct DatabaseTotals
{
	Oid			dbid;			/* 0: all databases that found no place */
	TotalCounts counts;
	TotalCounts base;			/* of these, what a crash may have made less
								 * than was read before: see snapshot.c */
} DatabaseTotals;

typedef struct ErrorTotal
{
	Oid			dbid;			/* 0: as above, or any */
	int			sqlstate_class; /* as by ERRCODE_TO_CATEGORY; 0: any that
								 * found no place */
	int64		count;
} ErrorTotal;

extern Size totals_shmem_size(void);

/* Of that, what one more connection adds */
extern Size totals_connection_size(void);
extern void totals_shmem_init(void *place, bool found);

/*
 * This backend begins, or ends, to have counts.  totals_detach() gives them
 * to its database.
 */
extern void totals_attach(void);
extern void totals_detach(void);

/*
 * Adds what a slot has counted since it was empty to this backend's totals,
 * and sets *totalled, so that a reader sees it once.  "serial" is the reset
 * serial of when it was empty.  Lock-free.
 */
extern void totals_add(const StatementCounters *counters,
					   const uint8 *histogram, bool toplevel,
					   uint64 serial, uint32 *totalled);

/*
 * Adds an execution that completed in one run, and its planning ("planned" as
 * in StatementLocal), or time between statements, that no slot has counted.
 * "serial" is the reset serial, read before.  Lock-free.
 */
extern void totals_add_run(uint64 elapsed, uint64 planned, uint64 rows,
						   const Measure *measure, bool toplevel,
						   uint64 serial);
extern void totals_add_client(uint64 elapsed, uint64 serial);

/* An execution of this backend failed.  Lock-free, never raises. */
extern void totals_count_error(int sqlstate);

/*
 * Void what was counted before the serial of a reset: called before entries
 * are stamped with it
 */
extern void totals_reset(uint64 serial);

/*
 * Fills in databases[TOTALS_DATABASES] and returns how many there are.  The
 * only lock held is one that backends take at their begin and end.
 */
extern int	totals_read(DatabaseTotals *databases);

/* Fills in errors[TOTALS_ERRORS] and returns how many there are */
extern int	totals_read_errors(ErrorTotal *errors);

extern void total_counts_add(TotalCounts *a, const TotalCounts *b);
extern void total_counts_subtract(TotalCounts *a, const TotalCounts *b);

/* At server start: puts back what was saved */
extern void totals_restore(const DatabaseTotals *totals);
extern void totals_restore_error(const ErrorTotal *error);

/*
 * The database is no more: what it counted goes to those without a place,
 * unless some backend still is in it.
 */
extern void totals_forget(Oid dbid);

/* Busy time of the backend of that number, nanoseconds; -1: not known */
extern int64 totals_busy_time(int backend);

#endif							/* QW_TOTALS_H */

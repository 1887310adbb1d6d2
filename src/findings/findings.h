/*-------------------------------------------------------------------------
 *
 * findings.h
 *		Findings: patterns and statements with a verdict.
 *
 * Worked out when they are asked for, from the shared memory alone: no
 * catalog is read here, so that a process without a database may ask too.
 * suggest.h puts them into words.
 *
 * src/findings/findings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_FINDINGS_H
#define QW_FINDINGS_H

#include "repeats/patterns.h"
#include "statements/planwaste.h"
#include "statements/statements.h"
#include "waits/lockwaits.h"

typedef enum FindingKind
{
	FINDING_REPEAT,				/* a pattern: its own kind says which */
	FINDING_SLOW_STATEMENT,
	FINDING_TIMEOUTS,
	FINDING_MISSING_INDEX,
	FINDING_TEMP_SPILL,
	FINDING_DEEP_OFFSET,
	FINDING_LARGE_RESULT,
	FINDING_WIDE_ROWS,
	FINDING_CLIENT_TIME,
	FINDING_IDLE_IN_TRANSACTION,
	FINDING_WASTEFUL_SCAN,
	FINDING_CONSTANT_LISTS,
	FINDING_LOCK_WAIT,
	FINDING_UNINDEXED_FOREIGN_KEY,
	FINDING_KINDS
} FindingKind;

typedef enum FindingSeverity
{
	SEVERITY_LOW,
	SEVERITY_MEDIUM,
	SEVERITY_HIGH
} FindingSeverity;

/*
 * From where on something is a finding.  The view querywatch.thresholds has
 * a row for each: threshold_names[] tells which is which.  Times are
 * milliseconds.
 */
typedef enum ThresholdId
{
	THRESHOLD_SLOW_FLOOR,
	THRESHOLD_SLOW_P95,
	THRESHOLD_SLOW_SHARE,
	THRESHOLD_SLOW_TIME,
	THRESHOLD_INDEX_ROWS,
	THRESHOLD_INDEX_SHARE,
	THRESHOLD_WASTE_ROWS,
	THRESHOLD_WASTE_SHARE,
	THRESHOLD_WASTE_PAIRS,
	THRESHOLD_TRIGGER_ROWS,
	THRESHOLD_TRIGGER_SHARE,
	THRESHOLD_SPILL_BYTES,
	THRESHOLD_OFFSET_ROWS,
	THRESHOLD_LARGE_ROWS,
	THRESHOLD_WIDE_BYTES,
	THRESHOLD_CLIENT_RATIO,
	THRESHOLD_CLIENT_ROWS,
	THRESHOLD_CLIENT_TIME,
	THRESHOLD_IDLE_TIME,
	THRESHOLD_LISTS_SHARE,
	THRESHOLD_LOCK_TIME,
	THRESHOLD_LOCK_SHARE,
	THRESHOLD_LOCK_LONGEST,
	THRESHOLD_HIGH_TIME,
	THRESHOLD_HIGH_SHARE,
	THRESHOLD_MEDIUM_TIME,
	THRESHOLD_MIN_TIME_LOST,
	NTHRESHOLDS
} ThresholdId;

typedef struct Thresholds
{
	double		value[NTHRESHOLDS];
} Thresholds;

extern const char *const threshold_names[NTHRESHOLDS];
extern void thresholds_defaults(Thresholds *thresholds);

/* A statement that a finding is about */
typedef struct FindingStatement
{
	StatementKey key;			/* must be first: hash key */
	bool		known;			/* it is still there: the rest is valid */
	StatementShape shape;
	StatementCounters counters;
	StatementFacts facts;
	const PlanWaste *waste;		/* NULL: none */
	double		p95;			/* ns */
	TimestampTz stats_since;
	int			encoding;
	char	   *text;			/* in that encoding; NULL: not there */
	char	   *origin;			/* see origin.h; NULL with the text */
} FindingStatement;

/* One of the patterns that a finding sums up: after a parent, on a route */
typedef struct FindingPattern
{
	const Pattern *pattern;
	const FindingStatement *parent; /* NULL: none, or it is not known */
} FindingPattern;

/* What a statement waited for locks, behind somebody */
typedef struct FindingLockWait
{
	const LockWait *wait;
	const FindingStatement *blocker;	/* NULL: not known */
	const FindingStatement *queued; /* the same of who waited before it */
} FindingLockWait;

/*
 * There is one finding for a statement and a kind.  Times are nanoseconds.
 *
 * A nanosecond that a session spent is in the time_lost of one finding only,
 * so that they can be added up: what several findings have to do with goes to
 * the repeat, else to the cause that was measured, last to slow_statement.
 */
typedef struct Finding
{
	FindingKind kind;
	RepeatConfidence confidence;
	FindingSeverity severity;
	double		whole;			/* what the change could save, at most */
	double		time_lost;		/* of that, what no other finding has */
	const char *part_of;		/* kind of the finding that has most of the
								 * rest; NULL: there is no rest */
	double		share;			/* whole, of all time executing in its
								 * database */
	int64		occurrences;	/* bursts; or executions it was seen in */
	int64		executions;
	StatementKey key;
	const Pattern *pattern;		/* of FINDING_REPEAT, else NULL: the worst of
								 * its patterns, with the counts of all */
	const FindingPattern *patterns; /* these, worst first ... */
	int			npatterns;		/* ... and how many there are */
	const FindingLockWait *lock_waits;	/* of FINDING_LOCK_WAIT, longest first */
	int			nlock_waits;
	double		before;			/* of "whole": before it was executed */
	const FindingStatement *statement;	/* never NULL */
	const FindingStatement *parent; /* NULL: none */
	int64		same_statement; /* of FINDING_CONSTANT_LISTS: those that are
								 * this statement but for their lists */
	int64		evicted;		/* likewise: from its database */
	TimestampTz first_seen;
	TimestampTz last_seen;
} Finding;

/*
 * All findings, worst first, in an array of *nfindings; all of it palloc'd in
 * the current context.  "with_text": the statements' texts are copied too.
 */
extern Finding *findings_collect(const Thresholds *thresholds, bool with_text,
								 int *nfindings);

/*
 * Time that a statement's executions spent writing and reading temporary files.
 * Without track_io_timing it is an estimate: then *measured is false.
 */
extern double finding_spill_time(const StatementCounters *counters,
								 bool *measured);

extern const char *finding_kind_name(const Finding *finding);
extern const char *finding_severity_name(FindingSeverity severity);

#endif							/* QW_FINDINGS_H */

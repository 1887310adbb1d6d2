/*-------------------------------------------------------------------------
 *
 * patterns.h
 *		Bursts added up over time, and those still open.
 *
 * A fixed table of max_patterns under one LWLock (SHMEM_LOCK_PATTERNS),
 * written only when a burst closes.  A burst that is still open lies in a
 * piece of shared memory that its backend has taken, from a pool of some
 * hundred and one for each two backends, written by the owner alone between two
 * increments of a change counter (as slots are, see statements.c), so
 * that a reader sees it although its connection may stay idle for hours: its
 * facts as they were told last, and what it has grown by since.
 *
 * Nothing here raises but the readers.
 *
 * src/repeats/patterns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PATTERNS_H
#define QW_PATTERNS_H

#include "datatype/timestamp.h"
#include "detector/window.h"

#define PATTERN_ROUTE_LENGTH	96
#define PATTERN_NAME_LENGTH		(2 * NAMEDATALEN)
#define PATTERN_VALUES_LENGTH	256
#define PATTERN_TRACE_LENGTH	33

/*
 * Distinct routes kept apart, and distinct applications; further ones are
 * counted as "(other)"
 */
#define PATTERN_MAX_NAMES		50
#define PATTERN_OTHER_NAMES		"(other)"

/* Of the values of an example: ends each; a value that is null is this byte */
#define PATTERN_VALUE_NULL		'\001'

/* Hash of an application, a route and so on; 0 for "" only */
extern uint64 pattern_text_hash(const char *string);

/* What a pattern says of itself in words; each string ended by a NUL */
typedef struct PatternStrings
{
	char		application_name[NAMEDATALEN];
	char		route[PATTERN_ROUTE_LENGTH];
	char		trace_id[PATTERN_TRACE_LENGTH]; /* of the first burst */
	char		key_column[PATTERN_NAME_LENGTH];	/* table.column */
	char		parent_column[PATTERN_NAME_LENGTH];
	char		constraint_name[NAMEDATALEN];
	char		framework[NAMEDATALEN]; /* as the tags tell it */
	int			nvalues;		/* of the example; -1: not captured */
	char		values[PATTERN_VALUES_LENGTH];
	int			encoding;		/* of all of them */
} PatternStrings;

/* Which pattern a burst belongs to */
typedef struct PatternKey
{
	RepeatKind	kind;
	Oid			userid;
	Oid			dbid;
	uint64		queryid;
	uint64		parent;			/* relate_parent_id() of the parent, or 0 */
	uint64		application;	/* hashes of the two strings */
	uint64		route;
	uint64		parent_queryid; /* the first of those that are the same
								 * parent; not compared */
} PatternKey;

typedef struct Pattern
{
	PatternKey	key;
	PatternStrings strings;
	RepeatConfidence confidence;	/* the highest of its bursts; of those
									 * whose values tell, if there are any */
	RepeatRelationship relationship;
	int64		bursts;
	int64		executions;
	int64		max_burst;
	int64		distinct_values;	/* sum over the bursts */
	int64		rows;
	int64		transactions;	/* sum over the bursts */
	int64		bursts_one_transaction;
	int64		bursts_committed_alone;
	int64		parent_executions;
	int64		parent_rows;
	int64		values_compared;	/* keys looked up in what the parent had
									 * returned, sum over the bursts ... */
	int64		values_matched; /* ... and found in parent_column */
	int64		bursts_values_confirm;	/* bursts whose values spoke for the
										 * parent, and against it */
	int64		bursts_values_doubt;
	int64		max_offset;
	uint16		varied;			/* as in BurstFacts, of any burst */
	Oid			key_relid;		/* as in BurstFacts: the repeated statement's
								 * column ... */
	Oid			parent_relid;	/* ... and the parent's; 0 if not known */
	AttrNumber	key_attnum;
	AttrNumber	parent_attnum;
	double		exec_time;		/* ns, as are the next two */
	double		burst_time;
	double		time_lost;
	TimestampTz first_seen;
	TimestampTz last_seen;
} Pattern;

/*
 * Bursts that have ended, by kind and confidence, and what they add up to:
 * these only go up, whatever patterns make room for others.
 */
#define PATTERN_KINDS		(REPEAT_DEEP_OFFSET + 1)
#define PATTERN_CONFIDENCES	(CONFIDENCE_CONFIRMED + 1)

typedef struct PatternCount
{
	int64		bursts;
	int64		executions;
	int64		time_lost;		/* ns */
} PatternCount;

typedef struct PatternCounts
{
	PatternCount counts[PATTERN_KINDS][PATTERN_CONFIDENCES];
} PatternCounts;

/*
 * Adds another pattern's counts and times; what the first one says of its
 * parent and its names stays
 */
extern void pattern_sum(Pattern *to, const Pattern *from);

extern Size patterns_shmem_size(void);

/* Of that, what one more connection adds */
extern Size patterns_connection_size(void);
extern void patterns_shmem_init(void *place, bool found);

/*
 * A burst begins in this backend: returns a handle for the calls below.  -1
 * if as many are open as a window has statements: then it is not counted.
 */
extern int	patterns_open(const PatternStrings *strings, Oid userid,
						  const BurstFacts *facts);

/* The burst goes on; the second: its counts alone are told */
extern void patterns_update(int handle, const BurstFacts *facts);
extern void patterns_progress(int handle, const BurstProgress *progress);

/*
 * Of a burst that is open, by its handle: where what every execution changes is
 * told; the rest stays as patterns_progress() told it last.
 */
typedef struct GrowingBurst
{
	BurstGrowth *growth;		/* NULL: patterns_progress() was not called */
	uint32	   *change;			/* odd while it is written */
}			GrowingBurst;

extern GrowingBurst patterns_growing[];

/* What was told of it last */
extern const BurstFacts *patterns_facts(int handle);

/* The burst has another key or parent than it seemed: these are their names */
extern void patterns_rename(int handle, const PatternStrings *strings,
							const BurstFacts *facts);

/* Is the parent's column in these facts the one that the burst's strings name? */
extern bool patterns_is_named(int handle, const BurstFacts *facts);

/* The parent's column is another one, without a constraint that has a name */
extern void patterns_rename_parent(int handle, const BurstFacts *facts,
								   const char *column);

/*
 * It has ended: goes into the table if it has a verdict.  Without facts, those
 * told last hold.  "final" is false if it was cut short, see verdict_decide().
 */
extern void patterns_close(int handle, const BurstFacts *facts, bool final);

/*
 * Calls back for every pattern, open bursts of all backends included.
 */
typedef void (*PatternCallback) (void *arg, const Pattern *pattern);
extern void patterns_read(PatternCallback callback, void *arg);

extern void patterns_counts(PatternCounts *counts);

/* Forgets all, bursts that are open too */
extern void patterns_reset(void);

/* Counts pieces of memory that the detector of this session was refused */
extern void patterns_memory_refused(uint64 pieces);

typedef struct PatternsInfo
{
	int64		patterns;
	int64		limit;
	int64		dropped;		/* patterns that made room for others, and
								 * bursts that found none */
	int64		routes_folded;	/* bursts counted under "(other)" */
	int64		applications_folded;
	int64		memory_refused; /* pieces, to sessions' detectors */
} PatternsInfo;

extern void patterns_info(PatternsInfo *info);

/* What there is beside the patterns, to be saved with them */
typedef struct PatternsState
{
	int64		dropped;
	int64		routes_folded;
	int64		nroutes;
	uint64		routes[PATTERN_MAX_NAMES];	/* hashes */
	int64		applications_folded;
	int64		napplications;
	uint64		applications[PATTERN_MAX_NAMES];
	PatternCounts counts;
} PatternsState;

extern void patterns_state(PatternsState *state);

/*
 * At server start: the state, and patterns, the most important first, which is
 * also their order of use.  Those
 * that there is no room for count as dropped.
 */
extern void patterns_restore_state(const PatternsState *state);
extern void patterns_restore(const Pattern *pattern);

#endif							/* QW_PATTERNS_H */

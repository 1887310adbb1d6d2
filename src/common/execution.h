/*-------------------------------------------------------------------------
 *
 * execution.h
 *		The values that flow from the hooks to the recorders.
 *
 * hooks.c fills one Execution for each run of a statement and hands it down;
 * statements.c, repeats.c and slowlog.c read it and never change it.  All
 * times are nanoseconds of the monotonic clock unless a name says otherwise.
 *
 * src/common/execution.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_EXECUTION_H
#define QW_EXECUTION_H

#include "datatype/timestamp.h"
#include "nodes/params.h"

/* To show times, which SQL has in milliseconds */
#define NANOSECONDS_PER_MS	1000000.0

/*
 * What identifies a statement.  Compared and hashed as bytes, so the padding
 * is a field and must be zero: always build one with statement_key().
 */
typedef struct StatementKey
{
	uint64		queryid;		/* never 0: such statements are not recorded */
	Oid			userid;
	Oid			dbid;
	uint32		toplevel;		/* 1 outside of any function, else 0 */
	uint32		padding;		/* always 0 */
} StatementKey;

static inline StatementKey
statement_key(uint64 queryid, Oid userid, Oid dbid, bool toplevel)
{
	StatementKey key;

	key.queryid = queryid;
	key.userid = userid;
	key.dbid = dbid;
	key.toplevel = toplevel ? 1 : 0;
	key.padding = 0;
	return key;
}

static inline bool
statement_key_equal(const StatementKey *a, const StatementKey *b)
{
	return memcmp(a, b, sizeof(StatementKey)) == 0;
}

/* How an execution ended */
typedef enum ExecutionOutcome
{
	OUTCOME_COMPLETED,
	OUTCOME_ERROR,				/* any error but the two below */
	OUTCOME_CANCELED,			/* by a user or an administrator */
	OUTCOME_TIMEOUT				/* by statement_timeout */
} ExecutionOutcome;

/* Block counters, in the order of BufferUsage */
typedef enum UsageBlocks
{
	USAGE_SHARED_HIT,
	USAGE_SHARED_READ,
	USAGE_SHARED_DIRTIED,
	USAGE_SHARED_WRITTEN,
	USAGE_LOCAL_HIT,
	USAGE_LOCAL_READ,
	USAGE_LOCAL_DIRTIED,
	USAGE_LOCAL_WRITTEN,
	USAGE_TEMP_READ,
	USAGE_TEMP_WRITTEN,
	USAGE_NBLOCKS
} UsageBlocks;

/* Block I/O times, in nanoseconds; zero where track_io_timing is off */
typedef enum UsageTimes
{
	USAGE_SHARED_READ_TIME,
	USAGE_SHARED_WRITE_TIME,
	USAGE_LOCAL_READ_TIME,		/* 17 and later */
	USAGE_LOCAL_WRITE_TIME,		/* 17 and later */
	USAGE_TEMP_READ_TIME,
	USAGE_TEMP_WRITE_TIME,
	USAGE_NTIMES
} UsageTimes;

/* WAL counters */
typedef enum UsageWal
{
	USAGE_WAL_RECORDS,
	USAGE_WAL_FPI,
	USAGE_WAL_BYTES,
	USAGE_WAL_BUFFERS_FULL,		/* 18 and later */
	USAGE_NWAL
} UsageWal;

/* What an execution used up */
typedef struct Usage
{
	int64		blocks[USAGE_NBLOCKS];
	int64		times[USAGE_NTIMES];
	int64		wal[USAGE_NWAL];
} Usage;

/* Parts of JIT compilation: how often, and nanoseconds */
typedef enum JitPart
{
	JIT_GENERATION,				/* count is the number of functions */
	JIT_INLINING,
	JIT_OPTIMIZATION,
	JIT_EMISSION,
	JIT_DEFORM,					/* 17 and later */
	JIT_NPARTS
} JitPart;

typedef struct JitUsage
{
	int64		count[JIT_NPARTS];
	int64		time[JIT_NPARTS];
} JitUsage;

/* One run of a statement */
typedef struct Execution
{
	StatementKey key;
	uint64		start;			/* monotonic clock */
	uint64		elapsed;		/* executing, without planning */
	uint64		plan_time;		/* planning just before, 0 if none was seen */
	uint64		rows;			/* returned or affected */
	ExecutionOutcome outcome;
	int			sqlstate;		/* packed as by MAKE_SQLSTATE; 0 if completed */
	bool		text_cut;		/* its text was cut before a password */
	const Usage *usage;
	const JitUsage *jit;		/* NULL when nothing was compiled */
	int			workers_planned;	/* parallel workers asked for ... */
	int			workers_launched;	/* ... and had */
	bool		generic_plan;	/* 19 and later: which kind of cached plan */
	bool		custom_plan;
	ParamListInfo params;		/* of a utility statement; another's are its
								 * QueryDesc's */
} Execution;

#endif							/* QW_EXECUTION_H */

/*-------------------------------------------------------------------------
 *
 * findings.c
 *		Findings: patterns and statements with a verdict.
 *
 * Severity: high from severity_high_time milliseconds lost on, or where what
 * was lost is severity_high_share of all time executing in the database and
 * severity_medium_time at least; medium from either of the two on; else low.
 * What is only suspected is one step lower.
 *
 * Times are shared out when all findings are there, see share_out().
 *
 * src/findings/findings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "findings/findings.h"
#include "findings/lists.h"
#include "repeats/advice.h"
#include "repeats/repeats.h"
#include "rewrite/origin.h"

/* A pause is a repeat's time or an idle transaction's, never both */
StaticAssertDecl(FACTS_LONG_IDLE == WINDOW_PAUSE,
				 "a pause must not be counted twice");

const char *const threshold_names[NTHRESHOLDS] = {
	[THRESHOLD_SLOW_FLOOR] = "slow_statement_floor",
	[THRESHOLD_SLOW_P95] = "slow_statement_p95",
	[THRESHOLD_SLOW_SHARE] = "slow_statement_share",
	[THRESHOLD_SLOW_TIME] = "slow_statement_time",
	[THRESHOLD_INDEX_ROWS] = "missing_index_rows",
	[THRESHOLD_INDEX_SHARE] = "missing_index_share",
	[THRESHOLD_WASTE_ROWS] = "wasteful_scan_rows",
	[THRESHOLD_WASTE_SHARE] = "wasteful_scan_share",
	[THRESHOLD_WASTE_PAIRS] = "wasteful_scan_pairs",
	[THRESHOLD_TRIGGER_ROWS] = "unindexed_foreign_key_rows",
	[THRESHOLD_TRIGGER_SHARE] = "unindexed_foreign_key_share",
	[THRESHOLD_SPILL_BYTES] = "temp_spill_bytes",
	[THRESHOLD_OFFSET_ROWS] = "deep_offset_rows",
	[THRESHOLD_LARGE_ROWS] = "large_result_rows",
	[THRESHOLD_WIDE_BYTES] = "wide_rows_bytes",
	[THRESHOLD_CLIENT_RATIO] = "client_time_ratio",
	[THRESHOLD_CLIENT_ROWS] = "client_time_rows",
	[THRESHOLD_CLIENT_TIME] = "client_time_mean",
	[THRESHOLD_IDLE_TIME] = "idle_in_transaction_time",
	[THRESHOLD_LISTS_SHARE] = "constant_lists_share",
	[THRESHOLD_LOCK_TIME] = "lock_wait_time",
	[THRESHOLD_LOCK_SHARE] = "lock_wait_share",
	[THRESHOLD_LOCK_LONGEST] = "lock_wait_longest",
	[THRESHOLD_HIGH_TIME] = "severity_high_time",
	[THRESHOLD_HIGH_SHARE] = "severity_high_share",
	[THRESHOLD_MEDIUM_TIME] = "severity_medium_time",
	[THRESHOLD_MIN_TIME_LOST] = "min_time_lost"
};

/* As the install script has them: for those who cannot read the table */
void
thresholds_defaults(Thresholds *thresholds)
{
	static const Thresholds defaults = {
		{
			[THRESHOLD_SLOW_FLOOR] = 20,
			[THRESHOLD_SLOW_P95] = 500,
			[THRESHOLD_SLOW_SHARE] = 0.10,
			[THRESHOLD_SLOW_TIME] = 1000,
			[THRESHOLD_INDEX_ROWS] = 10000,
			[THRESHOLD_INDEX_SHARE] = 0.95,
			[THRESHOLD_WASTE_ROWS] = 10000,
			[THRESHOLD_WASTE_SHARE] = 0.95,
			[THRESHOLD_WASTE_PAIRS] = 1000000,
			[THRESHOLD_TRIGGER_ROWS] = 10000,
			[THRESHOLD_TRIGGER_SHARE] = 0.50,
			[THRESHOLD_SPILL_BYTES] = 1024 * 1024,
			[THRESHOLD_OFFSET_ROWS] = 1000,
			[THRESHOLD_LARGE_ROWS] = 10000,
			[THRESHOLD_WIDE_BYTES] = 4096,
			[THRESHOLD_CLIENT_RATIO] = 5,
			[THRESHOLD_CLIENT_ROWS] = 1000,
			[THRESHOLD_CLIENT_TIME] = 50,
			[THRESHOLD_IDLE_TIME] = 1000,
			[THRESHOLD_LISTS_SHARE] = 0.10,
			[THRESHOLD_LOCK_TIME] = 1000,
			[THRESHOLD_LOCK_SHARE] = 0.10,
			[THRESHOLD_LOCK_LONGEST] = 5000,
			[THRESHOLD_HIGH_TIME] = 60000,
			[THRESHOLD_HIGH_SHARE] = 0.10,
			[THRESHOLD_MEDIUM_TIME] = 5000,
			[THRESHOLD_MIN_TIME_LOST] = 0
		}
	};

	*thresholds = defaults;
}

const char *
finding_kind_name(const Finding *finding)
{
	switch (finding->kind)
	{
		case FINDING_REPEAT:
			Assert(finding->pattern != NULL);
			return repeat_kind_name(finding->pattern->key.kind);
		case FINDING_SLOW_STATEMENT:
			return "slow_statement";
		case FINDING_TIMEOUTS:
			return "timeouts";
		case FINDING_MISSING_INDEX:
			return "missing_index";
		case FINDING_TEMP_SPILL:
			return "temp_spill";
		case FINDING_DEEP_OFFSET:
			return "deep_offset";
		case FINDING_LARGE_RESULT:
			return "large_result";
		case FINDING_WIDE_ROWS:
			return "wide_rows";
		case FINDING_CLIENT_TIME:
			return "client_time";
		case FINDING_IDLE_IN_TRANSACTION:
			return "idle_in_transaction";
		case FINDING_WASTEFUL_SCAN:
			return "wasteful_scan";
		case FINDING_CONSTANT_LISTS:
			return "constant_lists";
		case FINDING_LOCK_WAIT:
			return "lock_wait";
		case FINDING_UNINDEXED_FOREIGN_KEY:
			return "unindexed_foreign_key";
		case FINDING_KINDS:
			break;
	}
	return NULL;
}

const char *
finding_severity_name(FindingSeverity severity)
{
	switch (severity)
	{
		case SEVERITY_LOW:
			return "low";
		case SEVERITY_MEDIUM:
			return "medium";
		case SEVERITY_HIGH:
			return "high";
	}
	return NULL;
}

/* What it takes at the least to write or read a block of a temporary file */
#define SPILL_BLOCK_TIME	8000.0	/* ns: 1 GB/s */

/* Time executing in a database; ns */
typedef struct DatabaseTime
{
	Oid			dbid;			/* must be first: hash key */
	double		time;			/* evicted statements' included */
	double		unclaimed;		/* of the client's statements that are there,
								 * what no finding has */
	int64		evicted;		/* statements */
} DatabaseTime;

typedef struct Collection
{
	const Thresholds *thresholds;
	bool		with_text;
	Pattern    *patterns;
	int			npatterns;
	int			max_patterns;
	Finding    *findings;
	int			nfindings;
	int			max_findings;
	PlanWaste  *wastes;
	int			nwastes;
	LockWait   *lock_waits;		/* those of a statement together, the longest
								 * first */
	int			nlock_waits;
	HTAB	   *statements;		/* FindingStatement: those needed */
	HTAB	   *databases;		/* DatabaseTime */
	HTAB	   *families;		/* ListFamily; NULL: nothing was evicted */
	MemoryContext context;		/* of the answer */
} Collection;

static inline double
threshold(const Collection *c, ThresholdId which)
{
	return c->thresholds->value[which];
}

/* A threshold that is a time, in nanoseconds */
static inline double
threshold_time(const Collection *c, ThresholdId which)
{
	return c->thresholds->value[which] * NANOSECONDS_PER_MS;
}

static DatabaseTime *
add_database_time(Collection *c, Oid dbid, double time, bool toplevel)
{
	bool		found;
	DatabaseTime *database = hash_search(c->databases, &dbid, HASH_ENTER,
										 &found);

	if (!found)
	{
		database->time = database->unclaimed = 0;
		database->evicted = 0;
	}
	database->time += time;
	if (toplevel)
		database->unclaimed += time;
	return database;
}

static void
add_evicted_time(void *arg, Oid dbid, int64 statements,
				 const StatementCounters *counters)
{
	add_database_time(arg, dbid, counters->exec.total, false)->evicted +=
		statements;
}

/* The statement in the hash, put there unfilled if it is new */
static FindingStatement *
enter_statement(Collection *c, const StatementKey *key)
{
	bool		found;
	FindingStatement *statement = hash_search(c->statements, key, HASH_ENTER,
											  &found);

	if (!found)
	{
		memset((char *) statement + sizeof(StatementKey), 0,
			   sizeof(FindingStatement) - sizeof(StatementKey));
		statement->encoding = -1;
	}
	return statement;
}

/* Statements of patterns may be a cursor's, which are kept as nested ones */
static void
enter_both(Collection *c, const PatternKey *key, uint64 queryid)
{
	if (queryid == 0)
		return;
	for (int toplevel = 0; toplevel <= 1; toplevel++)
	{
		StatementKey statement = statement_key(queryid, key->userid, key->dbid,
											   toplevel);

		(void) enter_statement(c, &statement);
	}
}

static const FindingStatement *
find_either(Collection *c, const PatternKey *key, uint64 queryid)
{
	FindingStatement *found = NULL;

	if (queryid == 0)
		return NULL;
	for (int toplevel = 1; toplevel >= 0; toplevel--)
	{
		StatementKey statement = statement_key(queryid, key->userid, key->dbid,
											   toplevel);
		FindingStatement *f = hash_search(c->statements, &statement, HASH_FIND,
										  NULL);

		if (found == NULL || (f != NULL && f->known && !found->known))
			found = f;
	}
	return found;
}

static void
add_pattern(void *arg, const Pattern *pattern)
{
	Collection *c = arg;

	if (c->npatterns >= c->max_patterns)
	{
		c->max_patterns *= 2;
		c->patterns = repalloc_huge(c->patterns,
									sizeof(Pattern) * c->max_patterns);
	}
	c->patterns[c->npatterns++] = *pattern;
	enter_both(c, &pattern->key, pattern->key.queryid);
	enter_both(c, &pattern->key, pattern->key.parent_queryid);
}

static Finding *
add_finding(Collection *c)
{
	Finding    *finding;

	if (c->nfindings >= c->max_findings)
	{
		c->max_findings *= 2;
		c->findings = repalloc_huge(c->findings,
									sizeof(Finding) * c->max_findings);
	}
	finding = &c->findings[c->nfindings++];
	memset(finding, 0, sizeof(Finding));
	return finding;
}

/*
 * Statements
 */

static double
row_p95(const StatementRow *row)
{
	const TimeStats *exec = &row->counters.exec;

	return histogram_quantile(row->histogram, 0.95,
							  times_min(exec),
							  exec->max > 0 ? exec->max : INFINITY);
}

double
finding_spill_time(const StatementCounters *counters, bool *measured)
{
	const Usage *usage = &counters->usage;
	double		time = (double) usage->times[USAGE_TEMP_READ_TIME] +
	(double) usage->times[USAGE_TEMP_WRITE_TIME];

	*measured = time > 0;
	if (!*measured)
		time = SPILL_BLOCK_TIME * ((double) usage->blocks[USAGE_TEMP_READ] +
								   (double) usage->blocks[USAGE_TEMP_WRITTEN]);
	return Min(time, counters->exec.total);
}

/* Is what its plan threw away worth a finding? */
static bool
is_wasteful(const Collection *c, const WastedScan *scan)
{
	return scan->how != SCAN_WASTE_NONE &&
		(double) scan->discarded / scan->executions >=
		threshold(c, scan->how == SCAN_WASTE_PAIRS ? THRESHOLD_WASTE_PAIRS :
				  THRESHOLD_WASTE_ROWS) &&
		(double) scan->discarded >=
		threshold(c, THRESHOLD_WASTE_SHARE) * scan->read;
}

/* Does the statement's own kind of waste reach its threshold? */
static bool
is_finding(const Collection *c, FindingKind kind, const StatementRow *row,
		   const PlanWaste *waste)
{
	const StatementCounters *counters = &row->counters;
	const StatementFacts *facts = &row->facts;
	double		executions = (double) counters->exec.count;

	/* what asks catalogs or us for something is not the application's */
	if ((row->shape.flags & SHAPE_CATALOG_ONLY) != 0)
		return false;
	switch (kind)
	{
		case FINDING_SLOW_STATEMENT:
			/* utility statements and nested ones are others' business */
			return row->shape.command != SHAPE_UTILITY &&
				row->key.toplevel &&
				counters->exec.total >= threshold_time(c, THRESHOLD_SLOW_TIME) &&
				(counters->exec.total / Max(executions, 1) >=
				 threshold_time(c, THRESHOLD_SLOW_FLOOR) ||
				 row_p95(row) >= threshold_time(c, THRESHOLD_SLOW_FLOOR));
		case FINDING_TIMEOUTS:
			return counters->timeouts > 0;
		case FINDING_MISSING_INDEX:
			return facts->scans > 0 && scan_columns_any(&facts->scan_columns) &&
				(double) facts->scan_discarded / facts->scans >=
				threshold(c, THRESHOLD_INDEX_ROWS) &&
				(double) facts->scan_discarded >=
				threshold(c, THRESHOLD_INDEX_SHARE) * facts->scan_read;
		case FINDING_TEMP_SPILL:
			return facts->spill_calls > 0 &&
				(double) facts->max_spill_blocks * BLCKSZ >=
				threshold(c, THRESHOLD_SPILL_BYTES);
		case FINDING_DEEP_OFFSET:
			return facts->offset_calls > 0 &&
				facts->max_offset >= threshold(c, THRESHOLD_OFFSET_ROWS);
		case FINDING_LARGE_RESULT:
			return facts->large_calls > 0 && row->key.toplevel &&
				facts->max_rows >= threshold(c, THRESHOLD_LARGE_ROWS) &&
				(row->shape.flags & SHAPE_HAS_LIMIT) == 0;
		case FINDING_WIDE_ROWS:
			return facts->rows_measured > 0 && row->shape.noutput > 1 &&
				(double) facts->row_bytes / facts->rows_measured >=
				threshold(c, THRESHOLD_WIDE_BYTES);
		case FINDING_CLIENT_TIME:
			return row->key.toplevel && counters->calls > 0 &&
				(double) counters->rows / counters->calls >=
				threshold(c, THRESHOLD_CLIENT_ROWS) &&
				facts->max_idle < threshold(c, THRESHOLD_IDLE_TIME) &&
				(double) counters->client_time / executions >=
				threshold_time(c, THRESHOLD_CLIENT_TIME) &&
				(double) counters->client_time >=
				threshold(c, THRESHOLD_CLIENT_RATIO) * counters->exec.total;
		case FINDING_IDLE_IN_TRANSACTION:
			return facts->idle_calls > 0 &&
				facts->max_idle >= threshold(c, THRESHOLD_IDLE_TIME);
		case FINDING_WASTEFUL_SCAN:
			return waste != NULL && is_wasteful(c, &waste->scan);
		case FINDING_UNINDEXED_FOREIGN_KEY:
			return waste != NULL && waste->triggers.executions > 0 &&
				(double) waste->triggers.rows / waste->triggers.executions >=
				threshold(c, THRESHOLD_TRIGGER_ROWS) &&
				(double) waste->triggers.time >=
				threshold(c, THRESHOLD_TRIGGER_SHARE) * counters->exec.total;
		case FINDING_LOCK_WAIT:
		case FINDING_REPEAT:
		case FINDING_KINDS:
		case FINDING_CONSTANT_LISTS:	/* is no one statement's */
			break;
	}
	return false;
}

/* What it cost, at most: in nanoseconds; and how often it was seen */
static void
measure_statement(Finding *finding, const StatementRow *row,
				  const PlanWaste *waste)
{
	const StatementCounters *counters = &row->counters;
	const StatementFacts *facts = &row->facts;
	bool		measured;

	finding->occurrences = finding->executions = counters->exec.count;
	finding->confidence = CONFIDENCE_CONFIRMED;
	switch (finding->kind)
	{
		case FINDING_SLOW_STATEMENT:
			finding->occurrences = counters->slow_calls;
			finding->time_lost = counters->exec.total;
			break;
		case FINDING_TIMEOUTS:
			finding->occurrences = counters->timeouts;
			finding->time_lost = facts->timeout_time;
			break;
		case FINDING_MISSING_INDEX:
			finding->confidence = CONFIDENCE_LIKELY;
			finding->time_lost = counters->exec.total *
				(double) facts->scan_discarded / Max(facts->scan_read, 1);
			break;
		case FINDING_TEMP_SPILL:
			finding->occurrences = facts->spill_calls;
			finding->time_lost = finding_spill_time(counters, &measured);
			break;
		case FINDING_DEEP_OFFSET:
			finding->occurrences = facts->offset_calls;
			finding->time_lost = facts->offset_time;
			break;
		case FINDING_LARGE_RESULT:
			finding->occurrences = facts->large_calls;
			finding->time_lost = facts->large_time;
			break;
		case FINDING_WIDE_ROWS:
			finding->time_lost = counters->exec.total *
				facts->widest_bytes[0] /
				Max((double) facts->row_bytes / facts->rows_measured, 1);
			break;
		case FINDING_CLIENT_TIME:
			finding->confidence = CONFIDENCE_LIKELY;
			finding->time_lost = counters->client_time;
			break;
		case FINDING_IDLE_IN_TRANSACTION:
			finding->occurrences = facts->idle_calls;
			finding->time_lost = facts->idle_time;
			break;
		case FINDING_WASTEFUL_SCAN:
			finding->time_lost = counters->exec.total *
				(double) waste->scan.discarded / Max(waste->scan.read, 1);
			break;
		case FINDING_UNINDEXED_FOREIGN_KEY:
			finding->occurrences = waste->triggers.executions;
			finding->time_lost = Min((double) waste->triggers.time,
									 counters->exec.total);
			break;
		case FINDING_LOCK_WAIT:
		case FINDING_REPEAT:
		case FINDING_CONSTANT_LISTS:
		case FINDING_KINDS:
			break;
	}
}

static double
database_time(Collection *c, Oid dbid)
{
	DatabaseTime *database = hash_search(c->databases, &dbid, HASH_FIND, NULL);

	return database ? database->time : 0;
}

static void
fill_statement(Collection *c, FindingStatement *statement,
			   const StatementRow *row)
{
	statement->known = true;
	statement->shape = row->shape;
	statement->counters = row->counters;
	statement->facts = row->facts;
	statement->p95 = row_p95(row);
	statement->stats_since = row->stats_since;
	statement->encoding = row->encoding;
	if (c->with_text && row->text)
	{
		statement->text = MemoryContextStrdup(c->context, row->text);
		statement->origin =
			MemoryContextStrdup(c->context, origin_behind(row->tables));
	}
}

/* What its plans wasted; NULL: nothing */
static const PlanWaste *
find_waste(const Collection *c, const StatementKey *key)
{
	for (int i = 0; i < c->nwastes; i++)
	{
		if (statement_key_equal(&c->wastes[i].key, key))
			return &c->wastes[i];
	}
	return NULL;
}

/*
 * StatementCallback.  Whether a statement is slow for its database is seen
 * when all have been read, see slow_enough().
 */
static void
judge_statement(void *arg, const StatementRow *row)
{
	Collection *c = arg;
	FindingStatement *statement = hash_search(c->statements, &row->key,
											  HASH_FIND, NULL);

	const PlanWaste *waste = find_waste(c, &row->key);

	(void) add_database_time(c, row->key.dbid, row->counters.exec.total,
							 row->key.toplevel);
	if (c->families != NULL)
	{
		ListFamily *family = list_families_add(c->families, row);

		if (family != NULL && statement == NULL)
			statement = enter_statement(c, &row->key);
	}
	for (int kind = FINDING_SLOW_STATEMENT; kind < FINDING_KINDS; kind++)
	{
		Finding    *finding;

		if (!is_finding(c, kind, row, waste))
			continue;
		if (statement == NULL)
			statement = enter_statement(c, &row->key);
		finding = add_finding(c);
		finding->kind = kind;
		finding->key = row->key;
		finding->first_seen = row->stats_since;
		finding->last_seen = row->counters.last_seen;
		measure_statement(finding, row, waste);
	}
	if (statement)
	{
		fill_statement(c, statement, row);
		statement->waste = waste;
	}
}

/* Of a slow_statement: does it take long, or much of its database's time? */
static bool
slow_enough(const Collection *c, const Finding *finding, double all_time)
{
	return finding->statement->p95 >=
		threshold_time(c, THRESHOLD_SLOW_P95) ||
		finding->statement->counters.exec.total >=
		threshold(c, THRESHOLD_SLOW_SHARE) * all_time;
}

/*
 * Patterns
 */

/* qsort: those of one finding together, the worst of them first */
static int
compare_patterns(const void *a, const void *b)
{
	const Pattern *pa = a;
	const Pattern *pb = b;
	bool		unsure_a = pa->confidence < CONFIDENCE_LIKELY;
	bool		unsure_b = pb->confidence < CONFIDENCE_LIKELY;

	if (pa->key.kind != pb->key.kind)
		return pa->key.kind < pb->key.kind ? -1 : 1;
	if (pa->key.dbid != pb->key.dbid)
		return pa->key.dbid < pb->key.dbid ? -1 : 1;
	if (pa->key.userid != pb->key.userid)
		return pa->key.userid < pb->key.userid ? -1 : 1;
	if (pa->key.queryid != pb->key.queryid)
		return pa->key.queryid < pb->key.queryid ? -1 : 1;
	if (unsure_a != unsure_b)
		return unsure_a ? 1 : -1;
	if (pa->time_lost != pb->time_lost)
		return pa->time_lost > pb->time_lost ? -1 : 1;
	return 0;
}

static bool
same_statement(const PatternKey *a, const PatternKey *b)
{
	return a->kind == b->kind && a->dbid == b->dbid &&
		a->userid == b->userid && a->queryid == b->queryid;
}

/* The finding that n patterns of one statement make, which are sorted */
static void
add_repeat(Collection *c, const Pattern *patterns, int n)
{
	Finding    *finding = add_finding(c);
	Pattern    *all = palloc_object(Pattern);
	FindingPattern *parts = palloc_array(FindingPattern, n);

	*all = patterns[0];
	for (int i = 0; i < n; i++)
	{
		parts[i].pattern = &patterns[i];
		parts[i].parent = find_either(c, &patterns[i].key,
									  patterns[i].key.parent_queryid);
		if (i > 0)
			pattern_sum(all, &patterns[i]);
	}
	finding->kind = FINDING_REPEAT;
	finding->pattern = all;
	finding->patterns = parts;
	finding->npatterns = n;
	finding->confidence = all->confidence;
	finding->key = statement_key(all->key.queryid, all->key.userid,
								 all->key.dbid, true);
	finding->time_lost = all->time_lost;
	finding->occurrences = all->bursts;
	finding->executions = all->executions;
	finding->first_seen = all->first_seen;
	finding->last_seen = all->last_seen;
}

static void
add_repeats(Collection *c)
{
	int			n;

	qsort(c->patterns, c->npatterns, sizeof(Pattern), compare_patterns);
	for (int i = 0; i < c->npatterns; i += n)
	{
		for (n = 1; i + n < c->npatterns &&
			 same_statement(&c->patterns[i].key, &c->patterns[i + n].key); n++)
			continue;
		add_repeat(c, &c->patterns[i], n);
	}
}

/*
 * Statements that differ in the length of a list only
 */

/* Those of a role in a database */
typedef struct ListOwner
{
	StatementKey key;			/* must be first: hash key; without queryid */
	ListFamily	largest;
	int64		statements;		/* that differ from another so */
	int64		executions;
	TimestampTz first_seen;
	TimestampTz last_seen;
} ListOwner;

static HTAB *
list_owners(HTAB * families)
{
	HASHCTL		control = {0};
	HTAB	   *owners;
	HASH_SEQ_STATUS status;
	ListFamily *family;

	control.keysize = sizeof(StatementKey);
	control.entrysize = sizeof(ListOwner);
	control.hcxt = CurrentMemoryContext;
	owners = hash_create("pg_querywatch lists of roles", 16, &control,
						 HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
	{
		StatementKey key = statement_key(0, family->key.userid,
										 family->key.dbid, true);
		ListOwner  *owner;
		bool		found;

		if (family->lists == 0 || family->statements < 2)
			continue;
		owner = hash_search(owners, &key, HASH_ENTER, &found);
		if (!found)
		{
			memset((char *) owner + sizeof(StatementKey), 0,
				   sizeof(ListOwner) - sizeof(StatementKey));
			owner->first_seen = family->first_seen;
		}
		owner->statements += family->statements - 1;
		owner->executions += family->executions;
		owner->first_seen = Min(owner->first_seen, family->first_seen);
		owner->last_seen = Max(owner->last_seen, family->last_seen);
		if (family->statements > owner->largest.statements)
			owner->largest = *family;
	}
	return owners;
}

/* Findings where statements had to make room for such */
static void
add_constant_lists(Collection *c, int64 max_statements)
{
	HTAB	   *owners = list_owners(c->families);
	HASH_SEQ_STATUS status;
	ListOwner  *owner;

	hash_seq_init(&status, owners);
	while ((owner = hash_seq_search(&status)) != NULL)
	{
		DatabaseTime *database = hash_search(c->databases, &owner->key.dbid,
											 HASH_FIND, NULL);
		Finding    *finding;

		if (database == NULL || database->evicted == 0 ||
			owner->statements <
			threshold(c, THRESHOLD_LISTS_SHARE) * max_statements)
			continue;
		finding = add_finding(c);
		finding->kind = FINDING_CONSTANT_LISTS;
		finding->confidence = CONFIDENCE_CONFIRMED;
		finding->key = owner->largest.example;
		finding->occurrences = owner->statements;
		finding->executions = owner->executions;
		finding->same_statement = owner->largest.statements;
		finding->evicted = database->evicted;
		finding->first_seen = owner->first_seen;
		finding->last_seen = owner->last_seen;
	}
	hash_destroy(owners);
}

/* Is the statement's OFFSET told of as a pattern already? */
static bool
told_as_pattern(const Collection *c, const Finding *finding)
{
	if (finding->kind != FINDING_DEEP_OFFSET)
		return false;
	for (int i = 0; i < c->npatterns; i++)
	{
		const PatternKey *key = &c->patterns[i].key;

		if (key->kind == REPEAT_DEEP_OFFSET &&
			key->queryid == finding->key.queryid &&
			key->userid == finding->key.userid &&
			key->dbid == finding->key.dbid)
			return true;
	}
	return false;
}

/*
 * Locks
 */

static StatementKey
waiter_key(const LockWait *wait)
{
	return statement_key(wait->key.queryid, wait->key.userid, wait->key.dbid,
						 true);
}

static StatementKey
blocker_key(const LockWait *wait)
{
	return statement_key(wait->key.blocker_queryid, wait->key.blocker_userid,
						 wait->key.blocker_dbid, true);
}

static StatementKey
queued_key(const LockWait *wait)
{
	return statement_key(wait->queued_queryid, wait->queued_userid,
						 wait->queued_dbid, true);
}

/* qsort: those of a statement together, the longest of them first */
static int
compare_lock_waits(const void *a, const void *b)
{
	const LockWait *wa = a;
	const LockWait *wb = b;

	if (wa->key.queryid != wb->key.queryid)
		return wa->key.queryid < wb->key.queryid ? -1 : 1;
	if (wa->key.dbid != wb->key.dbid)
		return wa->key.dbid < wb->key.dbid ? -1 : 1;
	if (wa->key.userid != wb->key.userid)
		return wa->key.userid < wb->key.userid ? -1 : 1;
	if (wa->waited != wb->waited)
		return wa->waited > wb->waited ? -1 : 1;
	return memcmp(&wa->key, &wb->key, sizeof(LockWaitKey));
}

/* Reads them, and has their statements read */
static void
read_lock_waits(Collection *c)
{
	c->nlock_waits = lockwaits_read(&c->lock_waits);
	qsort(c->lock_waits, c->nlock_waits, sizeof(LockWait), compare_lock_waits);
	for (int i = 0; i < c->nlock_waits; i++)
	{
		StatementKey keys[] = {
			waiter_key(&c->lock_waits[i]),
			blocker_key(&c->lock_waits[i]),
			queued_key(&c->lock_waits[i])
		};

		for (int k = 0; k < lengthof(keys); k++)
		{
			/* one that was being parsed is the first of them alone */
			if (k == 0 || keys[k].queryid != 0)
				(void) enter_statement(c, &keys[k]);
		}
	}
}

static const FindingStatement *
find_statement(Collection *c, const StatementKey *key)
{
	return key->queryid == 0 ? NULL :
		hash_search(c->statements, key, HASH_FIND, NULL);
}

/* The finding of n of them, which are one statement's */
static void
add_lock_wait(Collection *c, const LockWait *waits, int n)
{
	StatementKey key = waiter_key(&waits[0]);
	const FindingStatement *statement = hash_search(c->statements, &key,
													HASH_FIND, NULL);
	FindingLockWait *parts;
	Finding    *finding;
	double		waited = 0;
	double		before = 0;
	double		longest = 0;

	for (int i = 0; i < n; i++)
	{
		waited += waits[i].waited * 1000.0;
		before += waits[i].waited_before * 1000.0;
		longest = Max(longest, waits[i].longest * 1000.0);
	}
	if (waited < threshold_time(c, THRESHOLD_LOCK_TIME) ||
		(longest < threshold_time(c, THRESHOLD_LOCK_LONGEST) &&
		 statement->known &&
		 waited < threshold(c, THRESHOLD_LOCK_SHARE) *
		 (statement->counters.exec.total + before)))
		return;

	parts = palloc_array(FindingLockWait, n);
	finding = add_finding(c);
	finding->kind = FINDING_LOCK_WAIT;
	finding->confidence = CONFIDENCE_CONFIRMED;
	finding->key = key;
	finding->time_lost = waited;
	finding->before = before;
	finding->lock_waits = parts;
	finding->nlock_waits = n;
	finding->first_seen = waits[0].first_seen;
	for (int i = 0; i < n; i++)
	{
		StatementKey blocker = blocker_key(&waits[i]);
		StatementKey queued = queued_key(&waits[i]);

		parts[i].wait = &waits[i];
		parts[i].blocker = find_statement(c, &blocker);
		parts[i].queued = find_statement(c, &queued);
		finding->executions += waits[i].executions;
		finding->first_seen = Min(finding->first_seen, waits[i].first_seen);
		finding->last_seen = Max(finding->last_seen, waits[i].last_seen);
	}
	finding->executions = Max(finding->executions, 1);
	finding->occurrences = finding->executions;
}

static void
add_lock_waits(Collection *c)
{
	int			n;

	for (int i = 0; i < c->nlock_waits; i += n)
	{
		const LockWaitKey *key = &c->lock_waits[i].key;

		for (n = 1; i + n < c->nlock_waits; n++)
		{
			const LockWaitKey *other = &c->lock_waits[i + n].key;

			if (other->queryid != key->queryid || other->dbid != key->dbid ||
				other->userid != key->userid)
				break;
		}
		add_lock_wait(c, &c->lock_waits[i], n);
	}
}

static FindingSeverity
severity_of(const Collection *c, const Finding *finding)
{
	int			severity = SEVERITY_LOW;
	bool		large_share = finding->share >=
	threshold(c, THRESHOLD_HIGH_SHARE);
	bool		medium = finding->whole >=
	threshold_time(c, THRESHOLD_MEDIUM_TIME);

	if (finding->whole >= threshold_time(c, THRESHOLD_HIGH_TIME) ||
		(large_share && medium))
		severity = SEVERITY_HIGH;
	else if (large_share || medium)
		severity = SEVERITY_MEDIUM;
	if (finding->confidence < CONFIDENCE_LIKELY && severity > SEVERITY_LOW)
		severity--;
	return severity;
}

/*
 * Sharing out
 */

/* The kinds that a statement's time executing is shared among, in this order */
static const FindingKind sharers[] = {
	FINDING_LOCK_WAIT,
	FINDING_TIMEOUTS,
	FINDING_TEMP_SPILL,
	FINDING_UNINDEXED_FOREIGN_KEY,
	FINDING_MISSING_INDEX,
	FINDING_WASTEFUL_SCAN,
	FINDING_DEEP_OFFSET,
	FINDING_WIDE_ROWS,
	FINDING_LARGE_RESULT,
	FINDING_SLOW_STATEMENT
};

/* What is left of a statement's time */
typedef struct TimeLeft
{
	StatementKey key;			/* must be first: hash key */
	double		executing;
	double		client;
	double		largest;		/* claim so far on its time executing, ... */
	const char *claimant;		/* ... and whose; NULL: none */
} TimeLeft;

static TimeLeft *
time_left(HTAB * left, const FindingStatement *statement)
{
	bool		found;
	TimeLeft   *result = hash_search(left, &statement->key, HASH_ENTER,
									 &found);

	if (!found)
	{
		result->executing = statement->counters.exec.total;
		result->client = (double) statement->counters.client_time;
		result->largest = 0;
		result->claimant = NULL;
	}
	return result;
}

/* Takes it from what the client's statements of the database took */
static double
take_database_time(Collection *c, Oid dbid, double time)
{
	DatabaseTime *database = hash_search(c->databases, &dbid, HASH_FIND, NULL);

	if (database == NULL)
		return 0;
	time = Min(time, database->unclaimed);
	database->unclaimed -= time;
	return time;
}

/* A loop has its executions, and the pauses before them */
static void
claim_loop(Collection *c, HTAB * left, Finding *finding)
{
	const Pattern *pattern = finding->pattern;
	TimeLeft   *own = time_left(left, finding->statement);

	Assert(pattern != NULL);
	own->executing = Max(own->executing - pattern->exec_time, 0);
	own->largest = INFINITY;
	own->claimant = finding_kind_name(finding);
	(void) take_database_time(c, finding->key.dbid, pattern->exec_time);

	/* the pause may be the client's time after its parent, or after itself */
	for (int i = 0; i < finding->npatterns; i++)
	{
		const FindingPattern *part = &finding->patterns[i];
		double		pauses = Max(part->pattern->time_lost -
								 part->pattern->exec_time, 0);

		own->client = Max(own->client - pauses, 0);
		if (part->parent != NULL && part->parent != finding->statement)
		{
			TimeLeft   *parent = time_left(left, part->parent);

			parent->client = Max(parent->client - pauses, 0);
		}
	}
}

/* A cause has what those before it left */
static void
claim_executing(Collection *c, HTAB * left, Finding *finding)
{
	TimeLeft   *own = time_left(left, finding->statement);
	double		whole = finding->whole - finding->before;
	double		taken;

	/* of one that is not there, nothing else can have it */
	if (!finding->statement->known)
		return;
	finding->time_lost = Min(whole, own->executing);
	if (finding->time_lost < whole)
		finding->part_of = own->claimant;
	taken = take_database_time(c, finding->key.dbid, finding->time_lost);
	if (!finding->key.toplevel && taken < finding->time_lost)
	{
		finding->time_lost = taken;
		finding->part_of = "the statement that calls it";
	}
	own->executing -= finding->time_lost;
	if (finding->time_lost > own->largest)
	{
		own->largest = finding->time_lost;
		own->claimant = finding_kind_name(finding);
	}
	finding->time_lost += finding->before;
}

static void
claim_client(HTAB * left, Finding *finding)
{
	TimeLeft   *own = time_left(left, finding->statement);

	finding->time_lost = Min(finding->whole, own->client);
	if (finding->time_lost < finding->whole)
		finding->part_of = "repeated statements";
}

/* Gives findings of a kind their time */
static void
claim_time(Collection *c, HTAB * left, FindingKind kind, bool toplevel)
{
	for (int i = 0; i < c->nfindings; i++)
	{
		Finding    *finding = &c->findings[i];

		if (finding->kind != kind || finding->key.toplevel != toplevel)
			continue;
		if (kind == FINDING_REPEAT)
			claim_loop(c, left, finding);
		else if (kind == FINDING_CLIENT_TIME)
			claim_client(left, finding);
		else
			claim_executing(c, left, finding);
	}
}

/*
 * Gives every finding the time that no other has.  What a nested statement
 * took, a statement of the client's has taken too: which one called it is not
 * known, but that it was one of the same database.  (An idle transaction's
 * time is no other's: loops leave long pauses out, and client_time is for
 * statements without them.)
 */
static void
share_out(Collection *c)
{
	HASHCTL		control = {0};
	HTAB	   *left;

	control.keysize = sizeof(StatementKey);
	control.entrysize = sizeof(TimeLeft);
	control.hcxt = CurrentMemoryContext;
	left = hash_create("pg_querywatch time left", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	claim_time(c, left, FINDING_REPEAT, true);
	for (int i = 0; i < lengthof(sharers); i++)
		claim_time(c, left, sharers[i], true);
	for (int i = 0; i < lengthof(sharers); i++)
		claim_time(c, left, sharers[i], false);
	claim_time(c, left, FINDING_CLIENT_TIME, true);
	hash_destroy(left);
}

static int
compare_findings(const void *a, const void *b)
{
	const Finding *fa = a;
	const Finding *fb = b;

	if (fa->severity != fb->severity)
		return fa->severity > fb->severity ? -1 : 1;
	if (fa->time_lost != fb->time_lost)
		return fa->time_lost > fb->time_lost ? -1 : 1;
	if (fa->kind != fb->kind)
		return fa->kind < fb->kind ? -1 : 1;
	if (fa->key.queryid != fb->key.queryid)
		return fa->key.queryid < fb->key.queryid ? -1 : 1;
	return 0;
}

Finding *
findings_collect(const Thresholds *thresholds, bool with_text, int *nfindings)
{
	Collection	c = {0};
	HASHCTL		control = {0};
	StatementsInfo info;
	int			kept = 0;

	c.thresholds = thresholds;
	c.with_text = with_text;
	c.context = CurrentMemoryContext;
	c.max_patterns = 64;
	c.patterns = palloc_array(Pattern, c.max_patterns);
	c.max_findings = 64;
	c.findings = palloc_array(Finding, c.max_findings);

	control.keysize = sizeof(StatementKey);
	control.entrysize = sizeof(FindingStatement);
	control.hcxt = CurrentMemoryContext;
	c.statements = hash_create("pg_querywatch findings", 256, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	control.keysize = sizeof(Oid);
	control.entrysize = sizeof(DatabaseTime);
	c.databases = hash_create("pg_querywatch databases", 16, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);

	repeats_publish();
	patterns_read(add_pattern, &c);
	c.nwastes = planwaste_read(&c.wastes);
	statements_info(&info);
	read_lock_waits(&c);
	statements_evicted(add_evicted_time, &c);
	if (info.dealloc > 0)
		c.families = list_families();
	statements_read(with_text || c.families != NULL, judge_statement, &c);
	if (c.families != NULL)
		add_constant_lists(&c, info.limit);
	add_repeats(&c);
	add_lock_waits(&c);

	for (int i = 0; i < c.nfindings; i++)
	{
		Finding    *finding = &c.findings[i];
		double		all_time = database_time(&c, finding->key.dbid);

		finding->whole = finding->time_lost;
		if (finding->whole < threshold_time(&c, THRESHOLD_MIN_TIME_LOST) ||
			told_as_pattern(&c, finding))
			continue;
		if (finding->pattern)
		{
			const PatternKey *key = &finding->pattern->key;

			finding->statement = find_either(&c, key, key->queryid);
			finding->parent = finding->patterns[0].parent;
		}
		else
			finding->statement = hash_search(c.statements, &finding->key,
											 HASH_FIND, NULL);
		if (finding->kind == FINDING_SLOW_STATEMENT &&
			!slow_enough(&c, finding, all_time))
			continue;
		finding->share = all_time > 0 ?
			Min(finding->whole / all_time, 1.0) : 0;
		finding->severity = severity_of(&c, finding);
		c.findings[kept++] = *finding;
	}
	c.nfindings = kept;
	share_out(&c);
	qsort(c.findings, kept, sizeof(Finding), compare_findings);
	*nfindings = kept;
	return c.findings;
}

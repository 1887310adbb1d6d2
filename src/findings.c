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
 * src/findings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "advice.h"
#include "findings.h"
#include "origin.h"
#include "repeats.h"

/* A pause is a repeat's time or an idle transaction's, never both */
StaticAssertDecl(FACTS_LONG_IDLE == WINDOW_PAUSE,
				 "a pause must not be counted twice");

const char *const threshold_names[NTHRESHOLDS] = {
	[THRESHOLD_SLOW_P95] = "slow_statement_p95",
	[THRESHOLD_SLOW_SHARE] = "slow_statement_share",
	[THRESHOLD_SLOW_TIME] = "slow_statement_time",
	[THRESHOLD_INDEX_ROWS] = "missing_index_rows",
	[THRESHOLD_INDEX_SHARE] = "missing_index_share",
	[THRESHOLD_SPILL_BYTES] = "temp_spill_bytes",
	[THRESHOLD_OFFSET_ROWS] = "deep_offset_rows",
	[THRESHOLD_LARGE_ROWS] = "large_result_rows",
	[THRESHOLD_WIDE_BYTES] = "wide_rows_bytes",
	[THRESHOLD_CLIENT_RATIO] = "client_time_ratio",
	[THRESHOLD_CLIENT_ROWS] = "client_time_rows",
	[THRESHOLD_CLIENT_TIME] = "client_time_mean",
	[THRESHOLD_IDLE_TIME] = "idle_in_transaction_time",
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
			[THRESHOLD_SLOW_P95] = 500,
			[THRESHOLD_SLOW_SHARE] = 0.10,
			[THRESHOLD_SLOW_TIME] = 1000,
			[THRESHOLD_INDEX_ROWS] = 10000,
			[THRESHOLD_INDEX_SHARE] = 0.95,
			[THRESHOLD_SPILL_BYTES] = 1024 * 1024,
			[THRESHOLD_OFFSET_ROWS] = 1000,
			[THRESHOLD_LARGE_ROWS] = 10000,
			[THRESHOLD_WIDE_BYTES] = 4096,
			[THRESHOLD_CLIENT_RATIO] = 5,
			[THRESHOLD_CLIENT_ROWS] = 1000,
			[THRESHOLD_CLIENT_TIME] = 50,
			[THRESHOLD_IDLE_TIME] = 1000,
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

/* Time executing in a database, evicted statements' included */
typedef struct DatabaseTime
{
	Oid			dbid;			/* must be first: hash key */
	double		time;			/* ns */
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
	HTAB	   *statements;		/* FindingStatement: those needed */
	HTAB	   *databases;		/* DatabaseTime */
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

static void
add_database_time(Collection *c, Oid dbid, double time)
{
	bool		found;
	DatabaseTime *database = hash_search(c->databases, &dbid, HASH_ENTER,
										 &found);

	if (!found)
		database->time = 0;
	database->time += time;
}

static void
add_evicted_time(void *arg, Oid dbid, int64 statements,
				 const StatementCounters *counters)
{
	add_database_time(arg, dbid, counters->exec.total);
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

/* Does the statement's own kind of waste reach its threshold? */
static bool
is_finding(const Collection *c, FindingKind kind, const StatementRow *row)
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
				counters->exec.total >= threshold_time(c, THRESHOLD_SLOW_TIME);
		case FINDING_TIMEOUTS:
			return counters->timeouts > 0;
		case FINDING_MISSING_INDEX:
			return facts->scans > 0 &&
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
		case FINDING_REPEAT:
			break;
	}
	return false;
}

/* What it cost, at most: in nanoseconds; and how often it was seen */
static void
measure_statement(Finding *finding, const StatementRow *row)
{
	const StatementCounters *counters = &row->counters;
	const StatementFacts *facts = &row->facts;

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
			finding->time_lost = facts->spill_time;
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
		case FINDING_REPEAT:
			break;
	}
}

static double
database_time(Collection *c, Oid dbid)
{
	DatabaseTime *database = hash_search(c->databases, &dbid, HASH_FIND, NULL);

	return database ? database->time : 0;
}

static double
row_p95(const StatementRow *row)
{
	const TimeStats *exec = &row->counters.exec;

	return histogram_quantile(row->histogram, 0.95,
							  times_min(exec),
							  exec->max > 0 ? exec->max : INFINITY);
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

	add_database_time(c, row->key.dbid, row->counters.exec.total);
	for (int kind = FINDING_SLOW_STATEMENT;
		 kind <= FINDING_IDLE_IN_TRANSACTION; kind++)
	{
		Finding    *finding;

		if (!is_finding(c, kind, row))
			continue;
		if (statement == NULL)
			statement = enter_statement(c, &row->key);
		finding = add_finding(c);
		finding->kind = kind;
		finding->key = row->key;
		finding->first_seen = row->stats_since;
		finding->last_seen = row->counters.last_seen;
		measure_statement(finding, row);
	}
	if (statement)
		fill_statement(c, statement, row);
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

static void
add_repeat(Collection *c, const Pattern *pattern)
{
	Finding    *finding = add_finding(c);

	finding->kind = FINDING_REPEAT;
	finding->pattern = pattern;
	finding->confidence = pattern->confidence;
	finding->key = statement_key(pattern->key.queryid, pattern->key.userid,
								 pattern->key.dbid, true);
	finding->time_lost = pattern->time_lost;
	finding->occurrences = pattern->bursts;
	finding->executions = pattern->executions;
	finding->first_seen = pattern->first_seen;
	finding->last_seen = pattern->last_seen;
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

static FindingSeverity
severity_of(const Collection *c, const Finding *finding)
{
	int			severity = SEVERITY_LOW;
	bool		large_share = finding->share >=
	threshold(c, THRESHOLD_HIGH_SHARE);
	bool		medium = finding->time_lost >=
	threshold_time(c, THRESHOLD_MEDIUM_TIME);

	if (finding->time_lost >= threshold_time(c, THRESHOLD_HIGH_TIME) ||
		(large_share && medium))
		severity = SEVERITY_HIGH;
	else if (large_share || medium)
		severity = SEVERITY_MEDIUM;
	if (finding->confidence < CONFIDENCE_LIKELY && severity > SEVERITY_LOW)
		severity--;
	return severity;
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
	statements_evicted(add_evicted_time, &c);
	statements_read(with_text, judge_statement, &c);
	for (int i = 0; i < c.npatterns; i++)
		add_repeat(&c, &c.patterns[i]);

	for (int i = 0; i < c.nfindings; i++)
	{
		Finding    *finding = &c.findings[i];
		double		all_time = database_time(&c, finding->key.dbid);

		if (finding->time_lost < threshold_time(&c, THRESHOLD_MIN_TIME_LOST) ||
			told_as_pattern(&c, finding))
			continue;
		if (finding->pattern)
		{
			const PatternKey *key = &finding->pattern->key;

			finding->statement = find_either(&c, key, key->queryid);
			finding->parent = find_either(&c, key, key->parent_queryid);
		}
		else
			finding->statement = hash_search(c.statements, &finding->key,
											 HASH_FIND, NULL);
		if (finding->kind == FINDING_SLOW_STATEMENT &&
			!slow_enough(&c, finding, all_time))
			continue;
		finding->share = all_time > 0 ?
			Min(finding->time_lost / all_time, 1.0) : 0;
		finding->severity = severity_of(&c, finding);
		c.findings[kept++] = *finding;
	}
	qsort(c.findings, kept, sizeof(Finding), compare_findings);
	*nfindings = kept;
	return c.findings;
}

/*-------------------------------------------------------------------------
 *
 * suggest.c
 *		Findings in words.
 *
 * Evidence is what was counted and measured, never more: where something is
 * an estimate or a bound, it says so ("up to").
 *
 * src/findings/suggest.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "access/htup_details.h"
#include "catalog/pg_class.h"
#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/guc.h"
#include "utils/hsearch.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "common/visible.h"
#include "findings/suggest_internal.h"
#include "repeats/advice.h"
#include "rewrite/indexes.h"
#include "rewrite/rewrite.h"
#include "slow/slowlog.h"
#include "waits/waits.h"

/* Room for what is said in place of a statement */
#define MAX_OTHERWISE		40

/* work_mem (kB) up to which to suggest it */
#define MAX_WORK_MEM	(1024 * 1024)

/* What statements of the slow log have waited for */
typedef struct SlowWait
{
	char		name[SLOW_WAIT_NAME];
	int64		time;
}			SlowWait;

/* What the slow log has of a statement: its latest record */
typedef struct SlowPlan
{
	uint64		queryid;		/* must be first: hash key */
	int64		id;
	char	   *step;			/* the plan's costliest step; NULL: no plan */

	/* all of its records together, microseconds */
	int64		elapsed;
	int64		waited;			/* for what is no work of the plan's */
	int			nwaits;
	SlowWait	waits[WAITS_PER_SESSION];
} SlowPlan;

struct SlowPlans
{
	HTAB	   *plans;
};

#define KEYSET_ADVICE \
	"Remember the last row's sort key and ask for the rows after it (keyset pagination); an index on the sort key makes every page equally fast."

/*
 * Figures for people
 */

/* With separators between thousands */
char *
count_text(int64 n)
{
	char		digits[32];
	StringInfoData buf;
	int			length = snprintf(digits, sizeof(digits), INT64_FORMAT, n);

	initStringInfo(&buf);
	for (int i = 0; i < length; i++)
	{
		if (i > 0 && (length - i) % 3 == 0 && digits[i - 1] != '-')
			appendStringInfoChar(&buf, ',');
		appendStringInfoChar(&buf, digits[i]);
	}
	return buf.data;
}

/* "1 query", "5 queries" */
char *
counted(int64 n, const char *one, const char *many)
{
	return psprintf("%s %s", count_text(n), n == 1 ? one : many);
}

char *
time_text(double ns)
{
	double		ms = ns / NANOSECONDS_PER_MS;

	if (ms < 0.1)
		return psprintf("%.0f us", ns / 1000);
	if (ms < 10)
		return psprintf("%.1f ms", ms);
	if (ms < 1000)
		return psprintf("%.0f ms", ms);
	if (ms < 60000)
		return psprintf("%.1f s", ms / 1000);
	if (ms < 3600000)
		return psprintf("%.1f min", ms / 60000);
	return psprintf("%.1f h", ms / 3600000);
}

char *
bytes_text(double bytes)
{
	static const char *const units[] = {"bytes", "kB", "MB", "GB", "TB"};
	int			unit = 0;

	while (bytes >= 1000 && unit < lengthof(units) - 1)
	{
		bytes /= 1024;
		unit++;
	}
	return psprintf(unit > 0 && bytes < 10 ? "%.1f %s" : "%.0f %s", bytes,
					units[unit]);
}

static char *
percent_text(double share)
{
	if (share > 0 && share < 0.01)
		return pstrdup("under 1 %");
	return psprintf("%.0f %%", floor(share * 100));
}

/*
 * Names
 */

/* A table's name as a statement of this session would write it, or a word */
char *
table_text(Oid relid)
{
	char	   *name = OidIsValid(relid) ? get_rel_name(relid) : NULL;

	return name ? name : pstrdup("a table");
}

bool
is_here(const Finding *finding)
{
	return finding->key.dbid == MyDatabaseId;
}

static const char *
pattern_string(const Pattern *pattern, const char *string)
{
	return visible_text(string, pattern->strings.encoding);
}

/* Rows that a table has, as ANALYZE and VACUUM last said; -1: not known */
double
table_rows(Oid relid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	double		rows = -1;

	if (HeapTupleIsValid(tuple))
	{
		rows = ((Form_pg_class) GETSTRUCT(tuple))->reltuples;
		ReleaseSysCache(tuple);
	}
	return rows;
}

/* Names of the columns that were measured to be the widest */
static char *
widest_text(const StatementFacts *facts, bool here)
{
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < FACTS_WIDEST; i++)
	{
		char	   *name = NULL;

		/* only those that make up a good part of it */
		if (facts->widest[i] == 0 ||
			facts->widest_bytes[i] * 10.0 * facts->rows_measured <
			facts->row_bytes)
			break;
		if (here && OidIsValid(facts->widest_relid[i]))
			name = get_attname(facts->widest_relid[i], facts->widest[i], true);
		if (name == NULL && OidIsValid(facts->widest_relid[i]))
			name = pstrdup("a column");
		if (name == NULL)
			name = psprintf("output column %d", facts->widest[i]);
		appendStringInfo(&buf, "%s%s %s", i > 0 ? ", " : "", name,
						 bytes_text(facts->widest_bytes[i]));
	}
	return buf.data;
}

/*
 * The slow log
 */

/*
 * The step of a plan, as EXPLAIN prints it, that costs most itself: its cost
 * less that of the steps below it.  NULL if there is none.
 */
static char *
costliest_step(const char *plan)
{
	typedef struct Step
	{
		const char *name;
		int			name_length;
		int			indent;
		double		cost;		/* with the steps below */
		double		own;
	} Step;
	Step		steps[64];
	int			nsteps = 0;
	const Step *costliest = NULL;

	for (const char *line = plan; *line && nsteps < lengthof(steps);
		 line += strcspn(line, "\n"), line += *line == '\n')
	{
		int			indent = strspn(line, " ");
		const char *name = line + indent;
		const char *cost = strstr(name, "  (cost=");
		const char *upper;
		Step	   *step = &steps[nsteps];

		if (strncmp(name, "->  ", 4) == 0)
			name += 4;
		else if (nsteps > 0)
			continue;			/* a step's particulars */
		if (cost == NULL || cost > line + strcspn(line, "\n") ||
			(upper = strstr(cost, "..")) == NULL)
			continue;
		step->name = name;
		step->name_length = cost - name;
		step->indent = nsteps == 0 ? -1 : indent;
		step->cost = step->own = strtod(upper + 2, NULL);

		/* its parent: the last one further left */
		for (int i = nsteps - 1; i >= 0; i--)
		{
			if (steps[i].indent < step->indent)
			{
				steps[i].own -= step->cost;
				break;
			}
		}
		nsteps++;
	}
	for (int i = 0; i < nsteps; i++)
	{
		if (costliest == NULL || steps[i].own > costliest->own)
			costliest = &steps[i];
	}
	if (costliest == NULL || steps[0].cost <= 0)
		return NULL;
	return psprintf("%s (%s of the plan's cost)",
					pnstrdup(costliest->name, costliest->name_length),
					percent_text(Min(Max(costliest->own, 0) / steps[0].cost, 1)));
}

/*
 * Reading and writing files, and what parallel workers do, is work that the
 * plan asks for; everything else that is waited for is not.
 */
static bool
is_work(const char *wait)
{
	return strncmp(wait, "IO:", 3) == 0 || strncmp(wait, "IPC:", 4) == 0;
}

static void
add_slow_waits(SlowPlan *plan, const char *waits)
{
	char		name[SLOW_WAIT_NAME];
	int64		time;

	while (slow_wait_next(&waits, name, &time))
	{
		int			i = 0;

		if (is_work(name))
			continue;
		plan->waited += time;
		while (i < plan->nwaits && strcmp(plan->waits[i].name, name) != 0)
			i++;
		if (i == WAITS_PER_SESSION)
			continue;
		if (i == plan->nwaits)
		{
			strlcpy(plan->waits[i].name, name, SLOW_WAIT_NAME);
			plan->waits[i].time = 0;
			plan->nwaits++;
		}
		plan->waits[i].time += time;
	}
}

/* What it has mostly waited for; NULL if it has mostly worked */
static const SlowWait *
mostly_waited(const SlowPlan *plan)
{
	const		SlowWait *most = NULL;

	if (plan->waited * 2 <= plan->elapsed)
		return NULL;
	for (int i = 0; i < plan->nwaits; i++)
	{
		if (most == NULL || plan->waits[i].time > most->time)
			most = &plan->waits[i];
	}
	return most;
}

/* SlowlogCallback: newest first */
static void
add_slow_plan(void *arg, const SlowRecord *record)
{
	SlowPlans  *plans = arg;
	bool		found;
	SlowPlan   *plan = hash_search(plans->plans, &record->key.queryid,
								   HASH_ENTER, &found);

	if (!found)
	{
		plan->id = record->id;
		plan->step = NULL;
		plan->elapsed = plan->waited = 0;
		plan->nwaits = 0;
	}
	plan->elapsed += (int64) (record->elapsed / 1000);
	add_slow_waits(plan, record->waits);
	if (plan->step == NULL && record->plan != NULL)
		plan->step = costliest_step(visible_text(record->plan,
												 record->encoding));
}

SlowPlans *
slow_plans_read(void)
{
	SlowPlans  *plans = palloc(sizeof(SlowPlans));
	HASHCTL		control = {0};

	control.keysize = sizeof(uint64);
	control.entrysize = sizeof(SlowPlan);
	control.hcxt = CurrentMemoryContext;
	plans->plans = hash_create("pg_querywatch slow plans", 128, &control,
							   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	slowlog_read(add_slow_plan, plans);
	return plans;
}

/*
 * Rewrites
 */

/* False if there is nothing to rewrite: another database, no text */
bool
rewrite_source(const Finding *finding, const FindingStatement *statement,
			   RewriteSource *source)
{
	memset(source, 0, sizeof(*source));
	if (!is_here(finding) || statement == NULL || statement->text == NULL)
		return false;
	source->text = visible_text(statement->text, statement->encoding);
	source->shape = &statement->shape;
	source->userid = statement->key.userid;
	source->origin = statement->origin;
	return true;
}

/* The statement's text, NULL if there is none */
static const char *
text_of(const Finding *finding)
{
	return finding->statement ? finding->statement->text : NULL;
}

/*
 * Repeats
 */

/* Parents or routes listed by name */
#define MAX_LISTED	3

typedef struct ListedPart
{
	const FindingPattern *part; /* the first of them */
	double		time_lost;
} ListedPart;

static bool
same_part(const Pattern *a, const Pattern *b, bool routes)
{
	return routes ? a->key.route == b->key.route :
		a->key.parent == b->key.parent;
}

static int
compare_listed(const void *a, const void *b)
{
	double		ta = ((const ListedPart *) a)->time_lost;
	double		tb = ((const ListedPart *) b)->time_lost;

	return ta == tb ? 0 : ta > tb ? -1 : 1;
}

/*
 * The different parents or routes of a finding, with what was lost to each,
 * worst first.  A finding has some dozens of patterns at most.
 */
static ListedPart *
find_parts(const Finding *finding, bool routes, int *nparts)
{
	ListedPart *parts = palloc_array(ListedPart, finding->npatterns);

	*nparts = 0;
	for (int i = 0; i < finding->npatterns; i++)
	{
		const Pattern *pattern = finding->patterns[i].pattern;
		int			place = 0;

		while (place < *nparts &&
			   !same_part(parts[place].part->pattern, pattern, routes))
			place++;
		if (place == *nparts)
		{
			parts[place].part = &finding->patterns[i];
			parts[place].time_lost = 0;
			(*nparts)++;
		}
		parts[place].time_lost += pattern->time_lost;
	}
	qsort(parts, *nparts, sizeof(ListedPart), compare_listed);
	return parts;
}

static char *
parent_text(const Finding *finding, const FindingPattern *part)
{
	Oid			table = part->parent && part->parent->known &&
	is_here(finding) ? main_table(&part->parent->shape) : InvalidOid;

	if (part->pattern->key.parent_queryid == 0)
		return pstrdup("no parent");
	if (OidIsValid(table))
		return psprintf("a query of %s", table_text(table));
	return psprintf("query " INT64_FORMAT,
					(int64) part->pattern->key.parent_queryid);
}

static void
list_parts(StringInfo buf, const Finding *finding, bool routes)
{
	int			nparts;
	ListedPart *parts = find_parts(finding, routes, &nparts);

	for (int i = 0; i < Min(nparts, MAX_LISTED); i++)
	{
		const FindingPattern *part = parts[i].part;
		const char *name;

		if (!routes)
			name = parent_text(finding, part);
		else if (part->pattern->strings.route[0] != '\0')
			name = pattern_string(part->pattern, part->pattern->strings.route);
		else
			name = "none";
		appendStringInfo(buf, "%s%s %s", i > 0 ? ", " : "", name,
						 time_text(parts[i].time_lost));
	}
	if (nparts > MAX_LISTED)
		appendStringInfo(buf, " and %s",
						 counted(nparts - MAX_LISTED, "other", "others"));
}

static bool
has_parts(const Finding *finding, bool routes)
{
	for (int i = 1; i < finding->npatterns; i++)
	{
		if (!same_part(finding->patterns[0].pattern,
					   finding->patterns[i].pattern, routes))
			return true;
	}
	return false;
}

static void
list_parents(StringInfo buf, const Finding *finding)
{
	if (!has_parts(finding, false))
		return;
	appendStringInfoString(buf, "; after ");
	list_parts(buf, finding, false);
}

static void
list_routes(StringInfo buf, const Finding *finding)
{
	const PatternStrings *s = &finding->pattern->strings;

	if (has_parts(finding, true))
	{
		appendStringInfoString(buf, "; routes ");
		list_parts(buf, finding, true);
	}
	else if (s->route[0] != '\0')
		appendStringInfo(buf, "; route %s",
						 pattern_string(finding->pattern, s->route));
}

/* Is it the values of one condition at most that vary? */
static bool
one_condition_varies(const Pattern *p)
{
	int			conditions = p->varied & (VARIED_CONDITION(SHAPE_MAX_CONDITIONS) - 1);

	return (conditions & (conditions - 1)) == 0;
}

static void
repeat_evidence(StringInfo buf, const Finding *finding)
{
	const Pattern *p = finding->pattern;
	const PatternStrings *s = &p->strings;
	const char *table = is_here(finding) && finding->statement->known ?
	table_text(main_table(&finding->statement->shape)) : "a table";
	const char *key = s->key_column[0] != '\0' ?
	pattern_string(p, s->key_column) : table;
	double		mean = (double) p->executions / Max(p->bursts, 1);
	bool		write = false;

	switch (p->key.kind)
	{
		case REPEAT_N_PLUS_ONE:
			if (p->parent_executions > 0)
				appendStringInfo(buf, "after %s that returned %s%s, ",
								 counted(p->parent_executions, "query",
										 "queries"),
								 counted(p->parent_rows, "row", "rows"),
								 finding->parent && finding->parent->known &&
								 !has_parts(finding, false) &&
								 is_here(finding) &&
								 OidIsValid(main_table(&finding->parent->shape)) ?
								 psprintf(" of %s", table_text(main_table(&finding->parent->shape))) : "");
			appendStringInfo(buf, "%s on %s, one %s at a time: %s distinct",
							 counted(p->executions, "query", "queries"),
							 one_condition_varies(p) ? key : table,
							 one_condition_varies(p) ? "value" : "set of values",
							 count_text(p->distinct_values));
			break;
		case REPEAT_LOOKUP:
			appendStringInfo(buf, "%s on %s, one %s at a time: %s distinct",
							 counted(p->executions, "query", "queries"),
							 one_condition_varies(p) ? key : table,
							 one_condition_varies(p) ? "value" : "set of values",
							 count_text(p->distinct_values));
			break;
		case REPEAT_DUPLICATE:
			appendStringInfo(buf, "%s on %s with %s of values, and no write between",
							 counted(p->executions, "query", "queries"), table,
							 counted(p->distinct_values, "set", "sets"));
			break;
		case REPEAT_INSERT:
		case REPEAT_UPDATE:
		case REPEAT_DELETE:
			write = true;
			appendStringInfo(buf, "%s of %s, one at a time, with %s",
							 counted(p->rows, "row", "rows"), table,
							 counted(p->transactions, "commit", "commits"));
			break;
		case REPEAT_DEEP_OFFSET:
			appendStringInfo(buf, "%s of %s, the deepest skips %s",
							 counted(p->executions, "page", "pages"), table,
							 counted(p->max_offset, "row", "rows"));
			break;
		case REPEAT_NONE:
			break;
	}

	if (p->bursts > 1)
		appendStringInfo(buf, "; %s bursts of %.0f on average, %s at most",
						 count_text(p->bursts), mean, count_text(p->max_burst));
	if (!write && p->bursts_one_transaction == p->bursts)
		appendStringInfoString(buf, p->bursts == 1 ? "; in one transaction" :
							   "; each in one transaction");
	else if (p->bursts_committed_alone > 0)
		appendStringInfoString(buf, "; each row committed alone");
	else if (!write)
		appendStringInfo(buf, "; in %s",
						 counted(p->transactions, "transaction",
								 "transactions"));
	appendStringInfo(buf, "; took %s, of which up to %s could be saved",
					 time_text(p->burst_time), time_text(p->time_lost));
	if (p->values_matched > 0 && s->parent_column[0] != '\0')
		appendStringInfo(buf, "; %s took %s from %s", key,
						 p->values_matched == p->values_compared ?
						 psprintf("its %s",
								  counted(p->values_matched, "value", "values")) :
						 psprintf("%s of %s", count_text(p->values_matched),
								  counted(p->values_compared, "value", "values")),
						 pattern_string(p, s->parent_column));
	else if (p->values_compared > 0)
		appendStringInfoString(buf, "; its values are not those that the parent returned");
	if (s->constraint_name[0] != '\0')
		appendStringInfo(buf, "; foreign key %s",
						 pattern_string(p, s->constraint_name));
	list_parents(buf, finding);
	list_routes(buf, finding);
}

/*
 * Adds a statement to a suggestion if it is short enough for it, else what is
 * to be said in its place, if anything
 */
static void
append_statement(StringInfo buf, const char *what, const char *statement,
				 const char *otherwise)
{
	if (buf->len + strlen(what) + strlen(statement) + MAX_OTHERWISE <=
		SUGGESTION_LENGTH)
		appendStringInfo(buf, "%s%s", what, statement);
	else if (otherwise != NULL)
		appendStringInfoString(buf, otherwise);
}

/* Do the rows that it is asked for come from itself? */
static bool
is_tree(const Pattern *p)
{
	return p->key.parent_queryid == p->key.queryid;
}

/*
 * The SQL that asks for all of the keys, where no ORM's words and no statement
 * say it
 */
static void
append_list_condition(StringInfo text, const Finding *finding,
					  const Suggestion *result)
{
	const Pattern *p = finding->pattern;
	const char *column = strrchr(p->strings.key_column, '.');

	if (result->rewrite != NULL || column == NULL ||
		(finding->statement->shape.flags & SHAPE_HAS_LIMIT) != 0)
		return;
	column = visible_text(column + 1, p->strings.encoding);
	if (advice_counts(p->relationship, &finding->statement->shape))
		appendStringInfo(text, " In SQL: SELECT %s, count(*) FROM ... WHERE %s = ANY ($1) GROUP BY %s.",
						 column, column, column);
	else
		appendStringInfo(text, " In SQL: ... WHERE %s = ANY ($1).", column);
}

static void
suggest_repeat(const Finding *finding, Suggestion *result)
{
	const Pattern *p = finding->pattern;
	const char *framework = p->strings.framework;
	const char *own_text = text_of(finding);
	RewriteSource source;
	bool		here = rewrite_source(finding, finding->statement, &source);
	StringInfoData evidence;
	StringInfoData text;
	char	   *joined = NULL;
	const char *loaders;

	source.key_relid = p->key_relid;
	source.key_attnum = p->key_attnum;
	source.seen = true;
	source.varied = p->varied;
	source.one_transaction = p->bursts_one_transaction == p->bursts;
	initStringInfo(&evidence);
	initStringInfo(&text);
	repeat_evidence(&evidence, finding);

	switch (p->key.kind)
	{
		case REPEAT_N_PLUS_ONE:
			if (here)
				result->rewrite = rewrite_batched(&source);
			if (p->relationship == RELATIONSHIP_DEFERRED_COLUMN)
				appendStringInfoString(&text, "Fetch the column with the rows it belongs to.");
			else
			{
				RewriteSource parent;

				appendStringInfoString(&text, is_tree(p) ?
									   "Ask once for each level of the tree, or for all levels by WITH RECURSIVE." :
									   "Ask for all of them at once.");
				if (here && !is_tree(p) && p->bursts_values_confirm > 0 &&
					rewrite_source(finding, finding->parent, &parent))
				{
					parent.key_relid = p->parent_relid;
					parent.key_attnum = p->parent_attnum;
					parent.seen = true;
					parent.one_transaction = source.one_transaction;
					parent.varied = VARIED_OTHERS;
					joined = rewrite_joined(&parent, &source);
				}
			}
			loaders = advice_loaders(p->relationship,
									 &finding->statement->shape, framework,
									 own_text);
			appendStringInfoString(&text, loaders);
			if (*loaders == '\0' && !is_tree(p) &&
				p->relationship != RELATIONSHIP_DEFERRED_COLUMN)
				append_list_condition(&text, finding, result);
			if (joined)
				append_statement(&text, " Or with the parent: ", joined,
								 " Or join it with the parent: querywatch.rewrite() with kind 'join'.");
			break;
		case REPEAT_LOOKUP:
			if (here)
				result->rewrite = rewrite_batched(&source);
			appendStringInfoString(&text, "Collect the values and ask for all of them at once.");
			append_list_condition(&text, finding, result);
			break;
		case REPEAT_DUPLICATE:
			appendStringInfoString(&text, "Ask once and keep the result for the rest of the request, or in a cache with a time limit.");
			break;
		case REPEAT_INSERT:
			appendStringInfo(&text, "Send the rows together%s%s.",
							 p->bursts_committed_alone > 0 ?
							 ", and commit once" : "",
							 advice_writers(p->key.kind, framework,
											own_text));
			if (here)
			{
				char	   *values = rewrite_multirow_values(&source);
				char	   *copy = rewrite_copy(&source);

				result->rewrite = rewrite_written_at_once(&source);
				if (result->rewrite == NULL)
					result->rewrite = values;
				else if (values)
					append_statement(&text, " With values written out: ",
									 psprintf("%s;", values), NULL);
				if (copy)
					append_statement(&text, " From some thousand rows on: ", copy,
									 " From some thousand rows on, use COPY.");
			}
			else
				appendStringInfoString(&text, " From some thousand rows on, use COPY.");
			break;
		case REPEAT_UPDATE:
		case REPEAT_DELETE:
			if (here)
				result->rewrite = rewrite_written_at_once(&source);
			appendStringInfo(&text, "Change all rows with one statement%s%s.",
							 p->bursts_committed_alone > 0 ?
							 ", and commit once" : "",
							 advice_writers(p->key.kind, framework,
											own_text));
			if (result->rewrite && p->key.kind == REPEAT_UPDATE)
				appendStringInfoString(&text, " No key came twice in a loop; the statement needs that.");
			break;
		case REPEAT_DEEP_OFFSET:
			if (here)
				result->rewrite = rewrite_keyset(&source);
			appendStringInfoString(&text, KEYSET_ADVICE);
			break;
		case REPEAT_NONE:
			break;
	}
	result->evidence = evidence.data;
	result->suggestion = text.data;
}

/*
 * Statements
 */

static void
suggest_slow(const Finding *finding, const SlowPlans *plans,
			 Suggestion *result)
{
	const FindingStatement *s = finding->statement;
	const SlowPlan *plan = hash_search(plans->plans, &finding->key.queryid,
									   HASH_FIND, NULL);
	const		SlowWait *wait = plan ? mostly_waited(plan) : NULL;
	const char *where = "";

	if (wait != NULL)
		where = psprintf("; those in the slow log waited %s of %s, mostly for %s",
						 time_text(plan->waited * 1000.0),
						 time_text(plan->elapsed * 1000.0),
						 visible_text(wait->name, PG_SQL_ASCII));
	else if (plan && plan->step)
		where = psprintf("; costliest step: %s", plan->step);

	result->evidence =
		psprintf("%s took %s, %s of all time executing; p95 %s, longest %s; %s of slow_threshold or longer%s",
				 counted(finding->executions, "execution", "executions"),
				 time_text(finding->whole),
				 percent_text(finding->share), time_text(s->p95),
				 time_text(s->counters.exec.max),
				 counted(s->counters.slow_calls, "execution", "executions"),
				 where);
	if (wait != NULL)
		result->suggestion =
			psprintf("It waited more than it worked, so another plan would help little. What for, and who held it up: SELECT wait_time, blocked_by FROM querywatch.slow_statements WHERE queryid = " INT64_FORMAT ".",
					 (int64) finding->key.queryid);
	else if (plan)
		result->suggestion =
			psprintf("See its plan: SELECT * FROM querywatch.explain(" INT64_FORMAT "). Other findings of this statement say why.",
					 plan->id);
	else
		result->suggestion = pstrdup("Lower pg_querywatch.slow_threshold to have its plan and parameters logged. Other findings of this statement say why it takes long.");
}

static void
suggest_timeouts(const Finding *finding, Suggestion *result)
{
	const FindingStatement *s = finding->statement;

	result->evidence =
		psprintf("%s of %s cancelled by statement_timeout, after %s in all, in vain",
				 count_text(s->counters.timeouts),
				 counted(finding->executions, "execution", "executions"),
				 time_text(s->facts.timeout_time));
	result->suggestion = pstrdup("Look for the same statement in querywatch.slow_statements: querywatch.explain(id) shows the plan for the values that took too long. A job that must take longer sets its own limit: SET LOCAL statement_timeout.");
}

/* Of a statement of this database; false if there is nothing to say */
static bool
suggest_index_here(const Finding *finding, StringInfo evidence,
				   Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;
	const ScanColumns *columns = &facts->scan_columns;
	const char *table = table_text(facts->scan_relid);
	RewriteSource source;
	IndexAdvice advice = {.verdict = INDEX_NOT_ANALYZED};

	if (rewrite_source(finding, finding->statement, &source))
		(void) index_advice(&source, facts->scan_relid, &advice);
	if (advice.verdict == INDEX_REFUSED)
		return false;
	if (advice.verdict == INDEX_TOO_WIDE)
	{
		result->suggestion = psprintf("The values of %s that it compares are too wide for an index: index and compare something short that is made of them, such as their beginning.",
									  table);
		return true;
	}
	if (advice.verdict != INDEX_ADVISED)
	{
		/* an index that it has or a mismatch would explain each other */
		if (advice.verdict == INDEX_SERVED &&
			!OidIsValid(columns->value_type))
			return false;
		if (!index_of_scan(finding->key.userid, facts->scan_relid, columns,
						   &advice))
			return false;
	}

	result->rewrite = advice.statement;
	if (advice.condition)
		appendStringInfo(evidence, "; condition: %s", advice.condition);
	if (advice.tried)
	{
		appendStringInfo(evidence,
						 "; planner's cost %.0f, with the index %.0f (tried with HypoPG)",
						 advice.cost_without, advice.cost_with);
		result->confidence = CONFIDENCE_CONFIRMED;
	}
	if (advice.mismatch)
		appendStringInfo(evidence, "; %s%s", advice.mismatch,
						 advice.unused ?
						 psprintf(", so that the index %s is not used",
								  advice.unused) : "");
	if (advice.statement)
		result->suggestion = psprintf("Create an index on %s (%s).",
									  table_text(advice.relid),
									  advice.columns);
	else if (advice.mismatch)
		result->suggestion = psprintf("Pass a value of the column's type, or cast the value to it%s.",
									  advice.unused ? "" :
									  ", and create an index on the column");
	else if (advice.expression)
		result->suggestion = psprintf("Create an index on an expression of %s: %s, with the values of its parameters written out.",
									  table, advice.expression);
	else
		result->suggestion = psprintf("Create an index on the expression of %s in its condition.",
									  table);
	if (strlen(result->suggestion) > SUGGESTION_LENGTH)
		result->suggestion = psprintf("Create an index on an expression of %s in its condition.",
									  table);
	return true;
}

static void
suggest_index(const Finding *finding, Suggestion *result)
{
	const FindingStatement *s = finding->statement;
	const StatementFacts *facts = &s->facts;
	double		rows = is_here(finding) ? table_rows(facts->scan_relid) : -1;
	StringInfoData evidence;

	initStringInfo(&evidence);
	appendStringInfo(&evidence, "each execution reads %s of %s%s and throws %s away (%s looked at)",
					 counted(facts->scan_read / facts->scans, "row", "rows"),
					 is_here(finding) ? table_text(facts->scan_relid) : "a table",
					 rows >= 0 ? psprintf(" (which has %s)",
										  count_text((int64) rows)) : "",
					 count_text(facts->scan_discarded / facts->scans),
					 counted(facts->scans, "execution", "executions"));
	if (!is_here(finding))
		result->suggestion = pstrdup("An index could serve its condition, or the types of the two do not match. Look at this view in the statement's own database for which.");
	else if (!suggest_index_here(finding, &evidence, result))
	{
		result->dropped = true;
		return;
	}
	result->evidence = evidence.data;
}

/* What wrote the files, " by a sort and a hash join", or "" */
static char *
spilled_by(int spilled)
{
	static const struct
	{
		int			bit;
		const char *name;
	}			steps[] = {
		{SPILL_SORT, "a sort"},
		{SPILL_HASH, "a hash join"},
		{SPILL_GROUPS, "hashed groups"},
		{SPILL_ROWS, "rows kept to be read again"}
	};
	StringInfoData buf;

	initStringInfo(&buf);
	for (int i = 0; i < lengthof(steps); i++)
	{
		if ((spilled & steps[i].bit) != 0)
			appendStringInfo(&buf, "%s%s", buf.len > 0 ? " and " : " by ",
							 steps[i].name);
	}
	if ((spilled & SPILL_PARALLEL) != 0)
		appendStringInfoString(&buf, ", with parallel workers");
	return buf.data;
}

static void
suggest_work_mem(const Finding *finding, Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;
	bool		measured;
	double		io = finding_spill_time(&finding->statement->counters,
										&measured);
	const char *less;
	int			megabytes = 4;

	result->evidence =
		psprintf("%s of %s wrote temporary files%s, %s at most, with a work_mem of %s; took %s, of which writing and reading them %s%s",
				 count_text(facts->spill_calls),
				 counted(finding->executions, "execution", "executions"),
				 spilled_by(facts->spilled),
				 bytes_text((double) facts->max_spill_blocks * BLCKSZ),
				 bytes_text((double) facts->work_mem_had * 1024),
				 time_text((double) facts->spill_time), time_text(io),
				 measured ? "" : " (estimated; track_io_timing measures it)");
	less = (facts->spilled & SPILL_SORT) != 0 ?
		"An index that gives the order, or fewer rows and columns, saves the sort." :
		"Fewer rows or columns need less.";
	if (facts->work_mem > MAX_WORK_MEM ||
		(facts->spilled & SPILL_UNPREDICTED) != 0)
	{
		result->suggestion =
			psprintf("It would take %s %s of work_mem to keep it in memory, %s. %s",
					 facts->work_mem > facts->work_mem_had ? "some" : "more than",
					 bytes_text((double) Max(facts->work_mem,
											 facts->work_mem_had) * 1024),
					 facts->work_mem > MAX_WORK_MEM ? "which is too much" :
					 "which is a guess", less);
		return;
	}
	while (megabytes * 1024.0 < facts->work_mem ||
		   megabytes * 1024.0 <= facts->work_mem_had)
		megabytes *= 2;
	result->rewrite = psprintf("SET LOCAL work_mem = '%dMB'", megabytes);
	result->suggestion = psprintf("%s, in its transaction, keeps it in memory (for the largest execution so far). %s",
								  result->rewrite, less);
}

static void
suggest_keyset(const Finding *finding, Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;
	RewriteSource source;

	result->evidence =
		psprintf("%s skipped %s in all to return the rows after them, %s at most; took %s",
				 counted(facts->offset_calls, "execution", "executions"),
				 counted(facts->offset_rows, "row", "rows"),
				 count_text(facts->max_offset), time_text(facts->offset_time));
	if (rewrite_source(finding, finding->statement, &source))
		result->rewrite = rewrite_keyset(&source);
	result->suggestion = pstrdup(KEYSET_ADVICE);
}

static void
suggest_fewer_rows(const Finding *finding, Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;
	char	   *bytes = "";

	if (facts->rows_measured > 0)
		bytes = psprintf(", some %s",
						 bytes_text((double) facts->row_bytes /
									facts->rows_measured * facts->max_rows));
	result->evidence =
		psprintf("%s returned %s rows or more at once, %s at most%s; no cursor, no LIMIT",
				 counted(facts->large_calls, "execution", "executions"),
				 count_text(FACTS_MANY_ROWS), count_text(facts->max_rows), bytes);
	result->suggestion =
		psprintf("Fetch in parts by a cursor%s, or ask for fewer rows: LIMIT, a condition, an aggregate.",
				 advice_readers(FETCH_IN_PARTS, text_of(finding)));
}

static void
suggest_fewer_columns(const Finding *finding, Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;

	result->evidence =
		psprintf("%s a row on average, in %d columns; the widest: %s",
				 bytes_text((double) facts->row_bytes / facts->rows_measured),
				 finding->statement->shape.noutput,
				 widest_text(facts, is_here(finding)));
	result->suggestion =
		psprintf("List the columns that are needed%s, and fetch the wide ones where they are used.",
				 advice_readers(FETCH_FEWER_COLUMNS, text_of(finding)));
}

static void
suggest_lighter_rows(const Finding *finding, Suggestion *result)
{
	const StatementCounters *c = &finding->statement->counters;

	result->evidence =
		psprintf("after it the application took %s in its transactions before it sent the next statement, %s a row; the server took %s to make the %s",
				 time_text(c->client_time),
				 time_text((double) c->client_time / Max(c->rows, 1)),
				 time_text(c->exec.total), counted(c->rows, "row", "rows"));
	result->suggestion =
		psprintf("Make lighter use of the result: plain rows in place of objects%s, fewer columns, or a stream.",
				 advice_readers(FETCH_PLAIN_ROWS, text_of(finding)));
}

static void
suggest_commit(const Finding *finding, Suggestion *result)
{
	const StatementFacts *facts = &finding->statement->facts;
	char	   *blocked = "";

	if (facts->blocked > 0)
		blocked = psprintf("; %s waited for it meanwhile",
						   counted(facts->blocked, "session", "sessions"));
	result->evidence =
		psprintf("after %s of this statement its transaction stayed open and did nothing: %s at the longest, %s in all%s",
				 counted(facts->idle_calls, "execution", "executions"),
				 time_text(facts->max_idle * NANOSECONDS_PER_MS),
				 time_text(facts->idle_time), blocked);
	result->suggestion = pstrdup("Commit before slow work (calls to other services, files, waiting for people): it keeps locks, a connection, and VACUUM waiting. idle_in_transaction_session_timeout ends what was forgotten.");
}

static void
suggest_arrays(const Finding *finding, Suggestion *result)
{
	StatementsInfo info;

	statements_info(&info);
	result->evidence =
		psprintf("%s of the %s kept differ from another of this role in the length of a list only, %s of them from this one; %s of this database had to make room",
				 counted(finding->occurrences, "statement", "statements"),
				 count_text(info.entries),
				 count_text(finding->same_statement - 1),
				 counted(finding->evicted, "statement", "statements"));
	if (finding->statement->shape.command == SHAPE_INSERT)
		result->suggestion = pstrdup("Send the rows as one array for each column: INSERT ... SELECT * FROM unnest($1, $2) is one statement, however many rows there are. Until then a larger pg_querywatch.max_statements keeps others from being evicted.");
	else
		result->suggestion = psprintf("Send the list as one array: = ANY ($1) is one statement, however many elements it has, and can stay prepared.%s Until then a larger pg_querywatch.max_statements keeps others from being evicted.",
									  LISTS_ARE_SQUASHED ? "" :
									  " PostgreSQL 18 counts lists of constants as one.");
}

void
suggest(const Finding *finding, const SlowPlans *plans, Suggestion *result)
{
	const FindingStatement *statement = finding->statement;

	memset(result, 0, sizeof(*result));
	result->confidence = finding->confidence;
	if (statement->text)
		result->query = visible_text(statement->text, statement->encoding);
	if (finding->parent && finding->parent->text)
		result->parent_query = visible_text(finding->parent->text,
											finding->parent->encoding);
	switch (finding->kind)
	{
		case FINDING_REPEAT:
			suggest_repeat(finding, result);
			break;
		case FINDING_SLOW_STATEMENT:
			suggest_slow(finding, plans, result);
			break;
		case FINDING_TIMEOUTS:
			suggest_timeouts(finding, result);
			break;
		case FINDING_MISSING_INDEX:
			suggest_index(finding, result);
			break;
		case FINDING_TEMP_SPILL:
			suggest_work_mem(finding, result);
			break;
		case FINDING_DEEP_OFFSET:
			suggest_keyset(finding, result);
			break;
		case FINDING_LARGE_RESULT:
			suggest_fewer_rows(finding, result);
			break;
		case FINDING_WIDE_ROWS:
			suggest_fewer_columns(finding, result);
			break;
		case FINDING_CLIENT_TIME:
			suggest_lighter_rows(finding, result);
			break;
		case FINDING_IDLE_IN_TRANSACTION:
			suggest_commit(finding, result);
			break;
		case FINDING_WASTEFUL_SCAN:
			suggest_scan(finding, result);
			break;
		case FINDING_UNINDEXED_FOREIGN_KEY:
			suggest_foreign_key(finding, result);
			break;
		case FINDING_CONSTANT_LISTS:
			suggest_arrays(finding, result);
			break;
		case FINDING_LOCK_WAIT:
			suggest_shorter_lock(finding, result);
			break;
		case FINDING_KINDS:
			break;
	}
	if (finding->part_of != NULL && !result->dropped)
		result->evidence = psprintf("%s; %s of that is part of %s",
									result->evidence,
									time_text(finding->whole -
											  finding->time_lost),
									finding->part_of);
	Assert(result->dropped || strlen(result->suggestion) <= SUGGESTION_LENGTH);
}

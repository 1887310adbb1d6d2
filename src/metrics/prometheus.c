/*-------------------------------------------------------------------------
 *
 * prometheus.c
 *		Collects the metrics and writes them down.
 *
 * Every label value is escaped, and made valid in the encoding of the text:
 * names in the shared catalogs are in whatever encoding the database had in
 * which they were given.  A name that had to be changed for that gets its OID
 * behind it, so that no two series are the same.
 *
 * How many series there are is bounded: databases by totals.h, pairs of
 * database and role by connections.h, limits below.  What is past a bound is
 * added up under empty labels, which no name can be.
 *
 * src/metrics/prometheus.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/shmem.h"
#include "findings/findings.h"
#include "metrics/connections.h"
#include "metrics/prometheus.h"
#include "repeats/advice.h"
#include "repeats/patterns.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "statements/statements.h"
#include "statements/texts.h"
#include "statements/totals.h"

#define PREFIX	"pg_querywatch_"

/* Limits of databases and roles shown, those nearest to theirs */
#define MAX_CAPACITIES	200

/* Bytes of a statement's text shown */
#define MAX_TEXT	200

#define BLOCK_BYTES(counts, which)	((counts)->blocks[which] * (int64) BLCKSZ)

/* Kinds of findings: more than there are */
#define MAX_FINDING_KINDS	32

typedef struct FindingCount
{
	const char *kind;
	int			findings[SEVERITY_HIGH + 1];
} FindingCount;

/* As last worked out in this process */
static FindingCount finding_counts[MAX_FINDING_KINDS];
static int	nfinding_counts = 0;
static uint64 findings_counted = 0; /* monotonic clock */

/* A statement among those with the most time */
typedef struct TopStatement
{
	StatementKey key;
	int64		executions;
	int64		failures;
	int64		rows;
	double		exec_time;		/* ns */
} TopStatement;

struct PrometheusData
{
	int			ndatabases;
	DatabaseTotals databases[TOTALS_DATABASES];
	int			nerrors;
	ErrorTotal	errors[TOTALS_ERRORS];
	PatternCounts patterns;
	PatternsInfo patterns_info;
	StatementsInfo statements_info;
	SlowlogCounters slow;
	SnapshotBase base;
	Connections connections;
	int			ntop;
	int			max_top;
	TopStatement *top;			/* a heap, the one with the least time first */
};

/*
 * Collecting
 */

/* Lets the statement at "i" of the heap sink to its place */
static void
sink(TopStatement *heap, int n, int i)
{
	for (;;)
	{
		int			least = 2 * i + 1;
		TopStatement moved = heap[i];

		if (least >= n)
			return;
		if (least + 1 < n &&
			heap[least + 1].exec_time < heap[least].exec_time)
			least++;
		if (heap[i].exec_time <= heap[least].exec_time)
			return;
		heap[i] = heap[least];
		heap[least] = moved;
		i = least;
	}
}

static void
add_top(void *arg, const StatementRow *row)
{
	PrometheusData *data = arg;
	TopStatement top;

	top.key = row->key;
	top.executions = row->counters.exec.count - row->base.executions;
	top.failures = row->counters.errors + row->counters.cancels -
		row->base.failures;
	top.rows = row->counters.rows - row->base.rows;
	top.exec_time = row->counters.exec.total - row->base.exec_time;
	if (data->ntop < data->max_top)
	{
		data->top[data->ntop++] = top;
		if (data->ntop == data->max_top)
		{
			for (int i = data->ntop / 2 - 1; i >= 0; i--)
				sink(data->top, data->ntop, i);
		}
	}
	else if (top.exec_time > data->top[0].exec_time)
	{
		data->top[0] = top;
		sink(data->top, data->ntop, 0);
	}
}

/* The count of a kind; NULL, were there more kinds than places */
static FindingCount *
count_of_finding(const Finding *finding)
{
	const char *kind = finding_kind_name(finding);

	for (int i = 0; i < nfinding_counts; i++)
	{
		if (strcmp(finding_counts[i].kind, kind) == 0)
			return &finding_counts[i];
	}
	if (nfinding_counts == MAX_FINDING_KINDS)
		return NULL;
	memset(&finding_counts[nfinding_counts], 0, sizeof(FindingCount));
	finding_counts[nfinding_counts].kind = kind;
	return &finding_counts[nfinding_counts++];
}

/*
 * Counts the findings, by the thresholds' defaults: those in force are in a
 * table, which a process without a database cannot read.
 */
static void
count_findings(void)
{
	Thresholds	thresholds;
	int			n;
	Finding    *findings;
	Finding		sample = {0};
	Pattern    *pattern = palloc0(sizeof(Pattern));

	thresholds_defaults(&thresholds);
	findings = findings_collect(&thresholds, false, &n);

	/* every kind has a count, if it is 0 */
	nfinding_counts = 0;
	sample.pattern = pattern;
	for (int kind = REPEAT_NONE + 1; kind < PATTERN_KINDS; kind++)
	{
		sample.kind = FINDING_REPEAT;
		pattern->key.kind = kind;
		(void) count_of_finding(&sample);
	}
	for (int kind = FINDING_REPEAT + 1; kind < FINDING_KINDS; kind++)
	{
		sample.kind = kind;
		(void) count_of_finding(&sample);
	}
	for (int i = 0; i < n; i++)
	{
		FindingCount *count = count_of_finding(&findings[i]);

		if (count)
			count->findings[findings[i].severity]++;
	}
	pfree(pattern);
}

PrometheusData *
prometheus_collect(int statements, int findings_age)
{
	PrometheusData *data = palloc0(sizeof(PrometheusData));
	uint64		now = compat_clock();

	if (findings_counted == 0 ||
		now - findings_counted >= (uint64) findings_age * 1000000000)
	{
		count_findings();
		findings_counted = now;
	}

	data->ndatabases = totals_read(data->databases);
	for (int i = 0; i < data->ndatabases; i++)
		total_counts_subtract(&data->databases[i].counts,
							  &data->databases[i].base);
	data->nerrors = totals_read_errors(data->errors);
	patterns_counts(&data->patterns);
	patterns_info(&data->patterns_info);
	statements_info(&data->statements_info);
	slowlog_counters(&data->slow);
	snapshot_base(&data->base);
	connections_read(&data->connections);
	if (statements > 0)
	{
		data->max_top = statements;
		data->top = palloc(sizeof(TopStatement) * statements);
		statements_read(false, add_top, data);
	}
	return data;
}

/*
 * Writing
 */

typedef struct Writer
{
	StringInfo	out;
	const Directory *directory;
	bool		ascii;
	const char *family;
	bool		labelled;		/* the series has a label already */
} Writer;

static void
family(Writer *w, const char *name, const char *type, const char *help)
{
	w->family = name;
	appendStringInfo(w->out, "# HELP " PREFIX "%s %s\n# TYPE " PREFIX "%s %s\n",
					 name, help, name, type);
}

static void
series_of(Writer *w, const char *suffix)
{
	appendStringInfoString(w->out, PREFIX);
	appendStringInfoString(w->out, w->family);
	appendStringInfoString(w->out, suffix);
	w->labelled = false;
}

static void
series(Writer *w)
{
	series_of(w, "");
}

/* Appends the value of a label; true if it could not be left as it is */
static bool
append_escaped(Writer *w, const char *value, int length)
{
	bool		plain = w->ascii ||
	!pg_verify_mbstr(PG_UTF8, value, length, true);
	bool		changed = false;

	for (int i = 0; i < length; i++)
	{
		char		c = value[i];

		if (c == '\\' || c == '"')
			appendStringInfoChar(w->out, '\\');
		if (c == '\n')
			appendStringInfoString(w->out, "\\n");
		else if (plain && IS_HIGHBIT_SET(c))
		{
			appendStringInfoChar(w->out, '?');
			changed = true;
		}
		else
			appendStringInfoChar(w->out, c);
	}
	return changed;
}

/* "oid": of what the value is the name, or 0 */
static void
label_of(Writer *w, const char *name, const char *value, int length, Oid oid)
{
	appendStringInfo(w->out, "%c%s=\"", w->labelled ? ',' : '{', name);
	if (append_escaped(w, value, length) && OidIsValid(oid))
		appendStringInfo(w->out, " (%u)", oid);
	appendStringInfoChar(w->out, '"');
	w->labelled = true;
}

static void
label(Writer *w, const char *name, const char *value)
{
	label_of(w, name, value, strlen(value), InvalidOid);
}

/* Names; empty if there is none */
static void
label_database(Writer *w, Oid dbid)
{
	const char *name = directory_database_name(w->directory, dbid);

	label_of(w, "datname", name ? name : "", name ? strlen(name) : 0, dbid);
}

static void
label_role(Writer *w, Oid userid)
{
	const char *name = directory_role_name(w->directory, userid);

	label_of(w, "rolname", name ? name : "", name ? strlen(name) : 0, userid);
}

static void
end_labels(Writer *w)
{
	appendStringInfoString(w->out, w->labelled ? "} " : " ");
}

static void
value(Writer *w, int64 number)
{
	end_labels(w);
	appendStringInfo(w->out, INT64_FORMAT "\n", number);
}

/* A fixed-point number with so many digits behind the point, exact */
static void
append_fixed(StringInfo out, int64 number, int digits)
{
	int64		unit = 1;
	int64		fraction;

	for (int i = 0; i < digits; i++)
		unit *= 10;
	if (number < 0)
	{
		appendStringInfoChar(out, '-');
		number = -number;
	}
	appendStringInfo(out, INT64_FORMAT, number / unit);
	fraction = number % unit;
	if (fraction == 0)
		return;
	while (fraction % 10 == 0)
	{
		fraction /= 10;
		digits--;
	}
	appendStringInfo(out, ".%0*lld", digits, (long long) fraction);
}

/* Nanoseconds, or microseconds, as seconds */
static void
value_ns(Writer *w, int64 ns)
{
	end_labels(w);
	append_fixed(w->out, ns, 9);
	appendStringInfoChar(w->out, '\n');
}

static void
value_us(Writer *w, int64 us)
{
	end_labels(w);
	append_fixed(w->out, us, 6);
	appendStringInfoChar(w->out, '\n');
}

/*
 * Parts of the text
 */

static void
write_build(Writer *w, const PrometheusData *data)
{
	family(w, "build_info", "gauge",
		   "Version of pg_querywatch and of the server; always 1.");
	series(w);
	label(w, "version", QW_VERSION);
	label(w, "postgresql", PG_VERSION);
	value(w, 1);

	family(w, "stats_reset_timestamp_seconds", "gauge",
		   "When all statistics were last reset, or the server first started, as Unix time.");
	series(w);
	value_us(w, data->statements_info.stats_reset +
			 (POSTGRES_EPOCH_JDATE - UNIX_EPOCH_JDATE) * USECS_PER_DAY);
}

typedef enum TotalUnit
{
	TOTAL_COUNT,
	TOTAL_BLOCKS,
	TOTAL_NS
} TotalUnit;

/* Counters of databases that are one number each */
static const struct
{
	const char *name;
	const char *help;
	Size		offset;
	TotalUnit	unit;
}			totals[] =

{
	{"executions_total",
		"Executions of statements, failed and cancelled ones included.",
	offsetof(TotalCounts, executions), TOTAL_COUNT},
	{"slow_executions_total",
		"Executions that took pg_querywatch.slow_threshold or more.",
	offsetof(TotalCounts, slow), TOTAL_COUNT},
	{"rows_total", "Rows returned or affected.",
	offsetof(TotalCounts, rows), TOTAL_COUNT},
	{"planning_seconds_total", "Time spent planning statements.",
	offsetof(TotalCounts, plan_time), TOTAL_NS},
	{"client_seconds_total",
		"Time between the statements of a transaction: network and application.",
	offsetof(TotalCounts, client_time), TOTAL_NS},
	{"shared_hit_bytes_total", "Data found in shared buffers.",
	offsetof(TotalCounts, blocks[USAGE_SHARED_HIT]), TOTAL_BLOCKS},
	{"shared_read_bytes_total", "Data read into shared buffers.",
	offsetof(TotalCounts, blocks[USAGE_SHARED_READ]), TOTAL_BLOCKS},
	{"temp_written_bytes_total", "Data written to temporary files.",
	offsetof(TotalCounts, blocks[USAGE_TEMP_WRITTEN]), TOTAL_BLOCKS},
	{"wal_bytes_total", "WAL generated.",
	offsetof(TotalCounts, wal_bytes), TOTAL_COUNT},
};

static void
write_totals(Writer *w, const PrometheusData *data)
{
	for (int t = 0; t < lengthof(totals); t++)
	{
		family(w, totals[t].name, "counter", totals[t].help);
		for (int i = 0; i < data->ndatabases; i++)
		{
			const TotalCounts *counts = &data->databases[i].counts;
			int64		number = *(const int64 *)
			((const char *) counts + totals[t].offset);

			series(w);
			label_database(w, data->databases[i].dbid);
			if (totals[t].unit == TOTAL_NS)
				value_ns(w, number);
			else
				value(w, totals[t].unit == TOTAL_BLOCKS ?
					  number * BLCKSZ : number);
		}
	}

	family(w, "cancels_total", "counter",
		   "Executions that were cancelled, by statement_timeout or on request.");
	for (int i = 0; i < data->ndatabases; i++)
	{
		const TotalCounts *counts = &data->databases[i].counts;

		series(w);
		label_database(w, data->databases[i].dbid);
		label(w, "cause", "statement_timeout");
		value(w, counts->timeouts);
		series(w);
		label_database(w, data->databases[i].dbid);
		label(w, "cause", "request");
		value(w, counts->cancels - counts->timeouts);
	}
}

static void
write_errors(Writer *w, const PrometheusData *data)
{
	family(w, "errors_total", "counter",
		   "Executions that failed, other than by cancellation, by class of SQLSTATE.");
	for (int i = 0; i < data->nerrors; i++)
	{
		const ErrorTotal *error = &data->errors[i];
		char		sqlstate_class[3] = "";

		if (error->sqlstate_class != 0)
		{
			sqlstate_class[0] = PGUNSIXBIT(error->sqlstate_class);
			sqlstate_class[1] = PGUNSIXBIT(error->sqlstate_class >> 6);
			sqlstate_class[2] = '\0';
		}
		series(w);
		label_database(w, error->dbid);
		label(w, "sqlstate_class", sqlstate_class);
		value(w, error->count);
	}
}

static void
write_latency(Writer *w, const PrometheusData *data)
{
	family(w, "execution_seconds", "histogram",
		   "Time executing a statement, without planning.");
	for (int i = 0; i < data->ndatabases; i++)
	{
		const DatabaseTotals *database = &data->databases[i];
		int64		below = 0;

		for (int b = 0; b < TOTALS_BUCKETS; b++)
		{
			below += database->counts.latency[b];
			series_of(w, "_bucket");
			label_database(w, database->dbid);
			appendStringInfoString(w->out, ",le=\"");
			if (b < TOTALS_BOUNDS)
				append_fixed(w->out, INT64CONST(1) << totals_exponents[b], 9);
			else
				appendStringInfoString(w->out, "+Inf");
			appendStringInfoChar(w->out, '"');
			value(w, below);
		}
		series_of(w, "_sum");
		label_database(w, database->dbid);
		value_ns(w, database->counts.exec_time);
		series_of(w, "_count");
		label_database(w, database->dbid);
		value(w, below);
	}
}

static void
write_patterns(Writer *w, const PrometheusData *data)
{
	static const struct
	{
		const char *name;
		const char *help;
	}			families[] =

	{
		{"bursts_total",
		"Times that a statement was repeated past pg_querywatch.repeat_threshold."},
		{"repeated_executions_total",
		"Executions of statements in such bursts."},
		{"time_lost_seconds_total",
		"Time that one statement in place of each burst could have saved, at best."}
	};

	for (int f = 0; f < lengthof(families); f++)
	{
		family(w, families[f].name, "counter", families[f].help);
		for (int kind = REPEAT_NONE + 1; kind < PATTERN_KINDS; kind++)
		{
			for (int confidence = CONFIDENCE_NONE + 1;
				 confidence < PATTERN_CONFIDENCES; confidence++)
			{
				const PatternCount *count =
				&data->patterns.counts[kind][confidence];

				series(w);
				label(w, "kind", repeat_kind_name(kind));
				label(w, "confidence", repeat_confidence_name(confidence));
				if (f == 0)
					value(w, count->bursts);
				else if (f == 1)
					value(w, count->executions);
				else
					value_ns(w, count->time_lost);
			}
		}
	}
}

static void
write_findings(Writer *w)
{
	family(w, "findings", "gauge",
		   "Findings, by pg_querywatch's default thresholds.");
	for (int i = 0; i < nfinding_counts; i++)
	{
		for (FindingSeverity s = SEVERITY_LOW; s <= SEVERITY_HIGH; s++)
		{
			series(w);
			label(w, "kind", finding_counts[i].kind);
			label(w, "severity", finding_severity_name(s));
			value(w, finding_counts[i].findings[s]);
		}
	}
}

static void
write_connections(Writer *w, const PrometheusData *data)
{
	const Connections *c = &data->connections;

	family(w, "connections", "gauge",
		   "Clients' connections by state.");
	for (int i = 0; i < c->ngroups; i++)
	{
		for (ConnectionState state = 0; state < CONNECTION_NSTATES; state++)
		{
			if (state == CONNECTION_OTHER &&
				c->groups[i].connections[state] == 0)
				continue;
			series(w);
			label_database(w, c->groups[i].dbid);
			label_role(w, c->groups[i].userid);
			label(w, "state", connection_state_name(state));
			value(w, c->groups[i].connections[state]);
		}
	}

	family(w, "longest_transaction_seconds", "gauge",
		   "Time since the oldest open transaction began.");
	for (int i = 0; i < c->ndatabases; i++)
	{
		series(w);
		label_database(w, c->databases[i].dbid);
		value_us(w, c->databases[i].longest_transaction);
	}
	family(w, "longest_idle_in_transaction_seconds", "gauge",
		   "Longest time that a connection has been idle inside a transaction.");
	for (int i = 0; i < c->ndatabases; i++)
	{
		series(w);
		label_database(w, c->databases[i].dbid);
		value_us(w, c->databases[i].longest_idle_in_transaction);
	}
}

/* The server first, then those nearest to their limit */
static int
compare_capacity(const void *a, const void *b)
{
	const Capacity *x = a;
	const Capacity *y = b;

	if ((x->scope == CAPACITY_SERVER) != (y->scope == CAPACITY_SERVER))
		return x->scope == CAPACITY_SERVER ? -1 : 1;
	if (x->utilization != y->utilization)
		return x->utilization > y->utilization ? -1 : 1;
	return x->oid < y->oid ? -1 : x->oid > y->oid;
}

static void
capacity_series(Writer *w, const Capacity *c)
{
	const char *name = c->name ? c->name : "";

	series(w);
	label(w, "scope", capacity_scope_name(c->scope));
	label_of(w, "name", name, strlen(name), c->oid);
}

static void
write_capacity(Writer *w)
{
	Capacity   *capacity;
	int			n = capacity_read(w->directory, &capacity);

	qsort(capacity, n, sizeof(Capacity), compare_capacity);
	n = Min(n, MAX_CAPACITIES);

	family(w, "connections_used", "gauge",
		   "Connections that count against the limit of the server, or of a database or role that has one.");
	for (int i = 0; i < n; i++)
	{
		capacity_series(w, &capacity[i]);
		value(w, capacity[i].used);
	}
	family(w, "connections_limit", "gauge",
		   "The limit: max_connections, or CONNECTION LIMIT of the database or role.");
	for (int i = 0; i < n; i++)
	{
		capacity_series(w, &capacity[i]);
		value(w, capacity[i].connection_limit);
	}
	family(w, "connections_reserved", "gauge",
		   "Connections of the server's limit that are kept for superusers and members of pg_use_reserved_connections.");
	series(w);
	value(w, capacity[0].reserved);
	family(w, "connections_utilization_ratio", "gauge",
		   "Connections used of those not reserved: from 1 on, ordinary roles are refused.");
	for (int i = 0; i < n; i++)
	{
		capacity_series(w, &capacity[i]);
		end_labels(w);
		appendStringInfo(w->out, "%.6g\n", capacity[i].utilization);
	}
}

/* A count without that of the base, but for a reset since */
static int64
above(int64 count, int64 base)
{
	return count >= base ? count - base : count;
}

static void
write_memory(Writer *w, const PrometheusData *data)
{
	const struct
	{
		const char *what;
		int64		kept;
		int64		limit;
	}			kept[] =

	{
		{"statements", data->statements_info.entries,
		data->statements_info.limit},
		{"patterns", data->patterns_info.patterns, data->patterns_info.limit},
	};
	const struct
	{
		const char *what;
		int64		count;
	}			evictions[] =

	{
		{"statement", above(data->statements_info.dealloc,
							data->base.dealloc)},
		{"text", above(data->statements_info.texts_dropped,
					   data->base.texts_dropped)},
		{"pattern", above(data->patterns_info.dropped,
						  data->base.patterns_dropped)},
		{"slow_execution", above(data->slow.overwritten,
								 data->base.slow_overwritten)},
	};

	family(w, "entries", "gauge", "Statements and patterns kept.");
	for (int i = 0; i < lengthof(kept); i++)
	{
		series(w);
		label(w, "kind", kept[i].what);
		value(w, kept[i].kept);
	}
	family(w, "entries_limit", "gauge",
		   "Statements and patterns kept at most: pg_querywatch.max_statements and max_patterns.");
	for (int i = 0; i < lengthof(kept); i++)
	{
		series(w);
		label(w, "kind", kept[i].what);
		value(w, kept[i].limit);
	}
	family(w, "evictions_total", "counter",
		   "Statements, texts, patterns and slow executions that made room for others.");
	for (int i = 0; i < lengthof(evictions); i++)
	{
		series(w);
		label(w, "kind", evictions[i].what);
		value(w, evictions[i].count);
	}
	family(w, "snapshot_age_seconds", "gauge",
		   "Time since the statistics were last saved; not there if they never were.");
	if (snapshot_saved_at() != 0)
	{
		series(w);
		value_us(w, Max(GetCurrentTimestamp() - snapshot_saved_at(), 0));
	}
	family(w, "text_memory_used_bytes", "gauge",
		   "Memory in use for the texts of statements.");
	series(w);
	value(w, texts_used());
	family(w, "text_memory_limit_bytes", "gauge",
		   "Memory for the texts of statements: pg_querywatch.text_memory.");
	series(w);
	value(w, texts_limit());
	family(w, "shared_memory_bytes", "gauge",
		   "Shared memory of pg_querywatch in all; it never grows.");
	series(w);
	value(w, shmem_total_size());
}

static void
statement_series(Writer *w, const TopStatement *top)
{
	char		queryid[32];

	snprintf(queryid, sizeof(queryid), INT64_FORMAT, (int64) top->key.queryid);
	series(w);
	label_database(w, top->key.dbid);
	label_role(w, top->key.userid);
	label(w, "queryid", queryid);
	label(w, "toplevel", top->key.toplevel ? "true" : "false");
}

static void
write_statements(Writer *w, const PrometheusData *data)
{
	if (data->max_top == 0)
		return;

	family(w, "statement_info", "gauge",
		   "Text of a statement, one of those with the most time; always 1.");
	for (int i = 0; i < data->ntop; i++)
	{
		int			encoding;
		char	   *text = statements_raw_text(&data->top[i].key, &encoding);
		int			length = text ? strlen(text) : 0;

		statement_series(w, &data->top[i]);
		if (length > MAX_TEXT)
			length = pg_encoding_mbcliplen(encoding, text, length, MAX_TEXT);
		label_of(w, "query", text ? text : "", length, InvalidOid);
		value(w, 1);
		if (text)
			pfree(text);
	}
	family(w, "statement_executions_total", "counter",
		   "Executions of a statement, failed and cancelled ones included.");
	for (int i = 0; i < data->ntop; i++)
	{
		statement_series(w, &data->top[i]);
		value(w, data->top[i].executions);
	}
	family(w, "statement_failures_total", "counter",
		   "Executions of a statement that failed or were cancelled.");
	for (int i = 0; i < data->ntop; i++)
	{
		statement_series(w, &data->top[i]);
		value(w, data->top[i].failures);
	}
	family(w, "statement_rows_total", "counter",
		   "Rows that a statement returned or affected.");
	for (int i = 0; i < data->ntop; i++)
	{
		statement_series(w, &data->top[i]);
		value(w, data->top[i].rows);
	}
	family(w, "statement_seconds_total", "counter",
		   "Time executing a statement.");
	for (int i = 0; i < data->ntop; i++)
	{
		statement_series(w, &data->top[i]);
		value_ns(w, (int64) data->top[i].exec_time);
	}
}

/*
 * Leaves out what has no name any more, so that no two series are the same:
 * counts of dropped databases go to those without a place of their own.
 */
static void
drop_nameless(PrometheusData *data, const Directory *directory, bool fresh)
{
	Connections *c = &data->connections;
	DatabaseTotals rest = {InvalidOid};
	int64		rest_errors = 0;
	int			n = 0;

	for (int i = 0; i < data->ndatabases; i++)
	{
		Oid			dbid = data->databases[i].dbid;

		if (directory_database_name(directory, dbid) != NULL)
		{
			data->databases[n++] = data->databases[i];
			continue;
		}
		total_counts_add(&rest.counts, &data->databases[i].counts);
		if (fresh && OidIsValid(dbid))
			totals_forget(dbid);
	}
	data->ndatabases = n;
	if (rest.counts.executions + rest.counts.plans > 0 && n < TOTALS_DATABASES)
		data->databases[data->ndatabases++] = rest;

	n = 0;
	for (int i = 0; i < data->nerrors; i++)
	{
		ErrorTotal *error = &data->errors[i];

		if (error->sqlstate_class != 0 && (error->dbid == InvalidOid ||
										   directory_database_name(directory, error->dbid) != NULL))
			data->errors[n++] = *error;
		else
			rest_errors += error->count;
	}
	data->nerrors = n;
	if (rest_errors > 0 && n < TOTALS_ERRORS)
	{
		data->errors[n].dbid = InvalidOid;
		data->errors[n].sqlstate_class = 0;
		data->errors[n].count = rest_errors;
		data->nerrors++;
	}

	n = 0;
	for (int i = 0; i < c->ndatabases; i++)
	{
		if (directory_database_name(directory, c->databases[i].dbid) != NULL)
			c->databases[n++] = c->databases[i];
	}
	c->ndatabases = n;
	n = 0;
	for (int i = 0; i < c->ngroups; i++)
	{
		const ConnectionGroup *g = &c->groups[i];

		if ((g->dbid == InvalidOid && g->userid == InvalidOid) ||
			(directory_database_name(directory, g->dbid) != NULL &&
			 directory_role_name(directory, g->userid) != NULL))
			c->groups[n++] = *g;
	}
	c->ngroups = n;
	n = 0;
	for (int i = 0; i < data->ntop; i++)
	{
		const StatementKey *key = &data->top[i].key;

		if (directory_database_name(directory, key->dbid) != NULL &&
			directory_role_name(directory, key->userid) != NULL)
			data->top[n++] = data->top[i];
	}
	data->ntop = n;
}

void
prometheus_render(StringInfo out, PrometheusData *data,
				  const Directory *directory, bool fresh, bool ascii)
{
	Writer		w;

	w.out = out;
	w.directory = directory;
	w.ascii = ascii;
	drop_nameless(data, directory, fresh);

	write_build(&w, data);
	write_totals(&w, data);
	write_latency(&w, data);
	write_errors(&w, data);
	write_patterns(&w, data);
	write_findings(&w);
	write_connections(&w, data);
	write_capacity(&w);
	write_memory(&w, data);
	write_statements(&w, data);
}

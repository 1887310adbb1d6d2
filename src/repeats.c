/*-------------------------------------------------------------------------
 *
 * repeats.c
 *		Feeds the repeat detector and acts on its bursts.
 *
 * What the detector cannot know, being pure, is found out here: who the
 * statement belongs to (role, application, route, trace), its values, and
 * whether the client waited for the answer to the one before.  The last is
 * told by the session's own time keeping: going idle adds to the time active,
 * and coming back to the time idle in transaction, so if neither moved since
 * the last execution of the same transaction, both came in one batch.
 *
 * src/repeats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"

#include "advice.h"
#include "capture.h"
#include "comment.h"
#include "compat.h"
#include "evidence.h"
#include "ignored.h"
#include "patterns.h"
#include "repeats.h"
#include "schema.h"
#include "settings.h"
#include "visible.h"

/* Executions of a burst up to which readers get all the facts with each */
#define LONG_BURST	64

static Window *window = NULL;
static bool detached = false;

/* Whose executions the window holds */
static char application[NAMEDATALEN];
static uint64 application_hash = 0;
static char route[PATTERN_ROUTE_LENGTH];
static char trace_id[PATTERN_TRACE_LENGTH];
static char framework[NAMEDATALEN];
static Oid	context_userid = InvalidOid;
static bool plain_context = false;	/* neither route nor trace */

KeySet	   *repeats_wanted_rows = NULL;

/* Statements parsed in this session */
uint64		repeats_parses = 0;

/* What the window was last configured with */
static int	configured_threshold = 0;
static int	configured_gap = 0;
static int	configured_on_repeat = ON_REPEAT_OFF;

/* Of the last execution */
static uint64 last_transaction = 0;
static PgStat_Counter last_active_time = 0;
static PgStat_Counter last_idle_time = 0;

/* Constants of the statement parsed last, if it was asked for */
static StatementLiterals literals;
static uint64 literals_queryid = 0;

/* The window closes: its bursts are counted */
static void
burst_closed(void *arg, const BurstFacts *facts, int handle)
{
	patterns_close(handle, facts, true);
}

static void
close_at_exit(int code, Datum arg)
{
	repeats_close();
	detached = true;
}

static bool
attach(void)
{
	if (detached || MyBackendType != B_BACKEND)
		return false;
	window = MemoryContextAllocExtended(TopMemoryContext, window_size(),
										MCXT_ALLOC_NO_OOM);
	if (window == NULL)
		return false;
	window_init(window, &schema_of_catalogs, burst_closed, NULL);
	window_set_armed(window, evidence_armed());
	before_shmem_exit(close_at_exit, (Datum) 0);
	return true;
}

/* Takes out the tags that pg_querywatch.tags does not keep */
static void
drop_unwanted_tags(CommentTags *tags)
{
	int			kept = 0;

	for (int i = 0; i < tags->ntags; i++)
	{
		if (settings_keep_tag(tags->tags[i].key))
			tags->tags[kept++] = tags->tags[i];
	}
	tags->ntags = kept;
}

/*
 * Tells the window whose execution comes next.  False if the statement asks
 * to be ignored.
 */
static bool
set_context(const StatementKey *key, const char *text, int length)
{
	WindowContext context;
	CommentTags tags;

	route[0] = trace_id[0] = framework[0] = '\0';
	plain_context = true;
	if (unlikely(comment_present(text, length)) &&
		comment_parse(text, length, &tags))
	{
		const char *value;

		plain_context = false;
		if (tags.ignore)
			return false;
		drop_unwanted_tags(&tags);
		comment_route(&tags, route, sizeof(route));
		if (GetDatabaseEncoding() != PG_UTF8)
			visible_ascii(route);	/* tags are UTF-8 */
		strlcpy(trace_id, tags.trace_id, sizeof(trace_id));
		if ((value = comment_tag(&tags, "framework")) != NULL ||
			(value = comment_tag(&tags, "db_driver")) != NULL)
			strlcpy(framework, value, sizeof(framework));
	}

	if (unlikely(strcmp(application, application_name) != 0))
	{
		strlcpy(application, application_name, sizeof(application));
		application_hash = pattern_text_hash(application);
	}

	context_userid = key->userid;
	context.userid = key->userid;
	context.application = application_hash;
	context.route = pattern_text_hash(route);
	context.trace = pattern_text_hash(trace_id);
	window_context(window, &context);
	return true;
}

/* Did the client wait for the last answer before it sent this? */
static bool
came_by_itself(uint64 transaction)
{
	bool		same = transaction == last_transaction &&
	pgStatActiveTime == last_active_time &&
	pgStatTransactionIdleTime == last_idle_time;

	last_transaction = transaction;
	last_active_time = pgStatActiveTime;
	last_idle_time = pgStatTransactionIdleTime;

	/* without the time keeping only an implicit transaction tells */
	return !same || (!pgstat_track_activities && IsTransactionBlock());
}

/* Constants of this execution, NULL if it has none that are known */
static const StatementLiterals *
literals_of(QueryDesc *queryDesc)
{
	const char *text = queryDesc->sourceText;

	if (literals_queryid == 0 ||
		literals_queryid != (uint64) queryDesc->plannedstmt->queryId)
		return NULL;

	/*
	 * The extended protocol copies the text that it parsed.  Another text of
	 * the same statement has its constants elsewhere.
	 */
	if (strlen(text) != literals.text_length ||
		hash_bytes_extended((const unsigned char *) text,
							literals.text_length, 0) != literals.text_hash)
		return NULL;
	literals.text = text;
	return &literals;
}

static bool
uses_literals(const StatementShape *shape)
{
	for (int i = 0; i < shape->nconditions; i++)
	{
		if (shape->conditions[i].value.source == SHAPE_VALUE_LITERAL)
			return true;
	}
	return shape->offset_value.source == SHAPE_VALUE_LITERAL;
}

static void
hash_values(QueryDesc *queryDesc, const StatementShape *shape,
			WindowValues *values)
{
	const StatementLiterals *known = literals_of(queryDesc);

	params_hash(queryDesc->params, known, shape, values);
	if (known == NULL && uses_literals(shape))
	{
		/* prepared with its constants: the text stands for them */
		uint64		h = pattern_text_hash(queryDesc->sourceText);

		values->all = hash_combine64(values->all, h) | 1;
		for (int i = 0; i < shape->nconditions; i++)
		{
			if (shape->conditions[i].value.source == SHAPE_VALUE_LITERAL)
				values->conditions[i] = h;
		}
	}
}

/* Values of this execution, as an example of the burst */
static void
example_values(QueryDesc *queryDesc, PatternStrings *strings)
{
	const StatementLiterals *known = literals_of(queryDesc);
	ParamListInfo params = queryDesc->params;
	StringInfoData buf;
	int			n = 0;

	strings->nvalues = -1;
	if (!qw_capture_parameters)
		return;

	initStringInfo(&buf);
	for (int i = 0; params && i < params->numParams; i++)
	{
		ParamExternData *param = &params->params[i];
		int			start = buf.len;

		if (param->isnull)
			appendStringInfoChar(&buf, PATTERN_VALUE_NULL);
		else
		{
			bool		complete;

			if (!params_value_cut(&buf, param->ptype, param->value,
								  Min(qw_parameter_max_length,
									  PATTERN_VALUES_LENGTH / 2),
								  true, &complete) ||
				buf.data[start] == PATTERN_VALUE_NULL)
			{
				buf.len = start;
				appendStringInfoChar(&buf, '?');
			}
		}
		appendStringInfoChar(&buf, '\0');
		if (buf.len > sizeof(strings->values))
		{
			buf.len = start;
			break;
		}
		n++;
	}
	for (int i = 0; known && i < known->nliterals; i++)
	{
		int			start = buf.len;

		params_literal_text(&buf, known->text, &known->literals[i],
							qw_parameter_max_length);
		appendStringInfoChar(&buf, '\0');
		if (buf.len > sizeof(strings->values))
		{
			buf.len = start;
			break;
		}
		n++;
	}
	memcpy(strings->values, buf.data, buf.len);
	strings->nvalues = n;
	pfree(buf.data);
}

/* The least confidence that on_repeat acts on */
static const RepeatConfidence confidence_acted_on[] = {
	[ON_REPEAT_SUSPECTED] = CONFIDENCE_SUSPECTED,
	[ON_REPEAT_LIKELY] = CONFIDENCE_LIKELY,
	[ON_REPEAT_CONFIRMED] = CONFIDENCE_CONFIRMED
};

/* The burst that the execution now running makes; NULL: none */
static RepeatRun *beginning_run = NULL;
static Oid	beginning_userid;
static PatternStrings beginning;

/*
 * This execution makes a burst: look for its parent, and act if that is asked
 * for.
 */
static void
begin_burst(RepeatRun *run, const StatementKey *key, QueryDesc *queryDesc)
{
	BurstFacts	facts;
	PatternStrings strings;
	RepeatVerdict verdict;

	window_threshold(window, run, &facts);

	memset(&strings, 0, sizeof(strings));
	strlcpy(strings.application_name, application,
			sizeof(strings.application_name));
	strlcpy(strings.route, route, sizeof(strings.route));
	strlcpy(strings.trace_id, trace_id, sizeof(strings.trace_id));
	strlcpy(strings.framework, framework, sizeof(strings.framework));
	strings.encoding = GetDatabaseEncoding();
	schema_column_name(facts.key_relid, facts.key_attnum,
					   strings.key_column, sizeof(strings.key_column));
	schema_column_name(facts.parent_relid, facts.parent_attnum,
					   strings.parent_column, sizeof(strings.parent_column));
	schema_constraint_name(facts.constraint, strings.constraint_name,
						   sizeof(strings.constraint_name));
	example_values(queryDesc, &strings);

	/* it is one when this execution has ended well */
	beginning_run = run;
	beginning_userid = key->userid;
	beginning = strings;

	if (qw_on_repeat == ON_REPEAT_OFF)
		return;
	verdict_decide(&facts, qw_repeat_threshold, false, &verdict);
	if (verdict.kind == REPEAT_NONE ||
		verdict.confidence < confidence_acted_on[qw_on_repeat_confidence] ||
		!ignored_may_act(key))
		return;
	if (qw_on_repeat == ON_REPEAT_ERROR)
	{
		/* the error ends the window: count what there is, begin anew after it */
		beginning_run = NULL;
		patterns_close(patterns_open(&strings, key->userid, &facts), &facts,
					   false);
		window_close(window);
	}
	advice_report(qw_on_repeat, key, &facts, &verdict, &strings);
}

RepeatRun *
repeats_begin(const StatementKey *key, StatementLocal *local,
			  QueryDesc *queryDesc, uint64 *now)
{
	const char *text = queryDesc->sourceText;
	int			length = queryDesc->plannedstmt->stmt_len;
	bool		same_owner;
	WindowStart start;
	RepeatRun  *run;

	/* Without a portal no client sent it: a deferred trigger, at COMMIT */
	if (ActivePortal == NULL)
		return NULL;
	if (unlikely(window == NULL) && !attach())
		return NULL;

	/*
	 * A text that nothing was parsed since it was looked at is the same, and
	 * had no comment then
	 */
	same_owner = plain_context && context_userid == key->userid &&
		strcmp(application, application_name) == 0;
	if (!same_owner || local->plain_text != text ||
		local->plain_parses != repeats_parses)
	{
		const char *statement = text;
		int			location = queryDesc->plannedstmt->stmt_location;

		if (location > 0)
		{
			comment_include(text, &location, &length);
			statement += location;
		}
		if (length <= 0)
			length = strlen(statement);
		if ((!same_owner || unlikely(comment_present(statement, length))) &&
			!set_context(key, statement, length))
			return NULL;
		if (plain_context)
		{
			local->plain_text = text;
			local->plain_parses = repeats_parses;
		}
	}

	if (unlikely(configured_threshold != qw_repeat_threshold ||
				 configured_gap != qw_repeat_gap ||
				 configured_on_repeat != qw_on_repeat))
	{
		/* switched on: what came before, a test's data say, is not meant */
		if (configured_on_repeat == ON_REPEAT_OFF)
			window_close(window);
		configured_on_repeat = qw_on_repeat;
		configured_threshold = qw_repeat_threshold;
		configured_gap = qw_repeat_gap;
		window_configure(window, qw_repeat_threshold,
						 (uint64) qw_repeat_gap * 1000000);
	}
	start.queryid = key->queryid;
	start.shape = &local->shape;
	start.now = *now;
	start.transaction = compat_transaction_id();
	start.in_block = IsTransactionBlock();
	start.round_trip = came_by_itself(start.transaction);
	beginning_run = NULL;
	run = window_begin(window, local->window_statement, &start);
	if (run == NULL)
		return NULL;
	local->window_statement = run;
	if (likely(!start.again))
		return run;

	if (window_wants_values(window, run))
	{
		WindowValues values;

		hash_values(queryDesc, &local->shape, &values);
		window_values(window, run, &values);
	}
	if (unlikely(window_at_threshold(window, run)))
	{
		begin_burst(run, key, queryDesc);
		*now = compat_clock();
	}
	if (unlikely(start.collect))
		repeats_wanted_rows = window_collect(window, run);
	return run;
}

void
repeats_continue(RepeatRun *run, uint64 queryid)
{
	if (run != NULL && window != NULL && window_holds(run, queryid))
		repeats_wanted_rows = window_collect(window, run);
}

/*
 * Readers follow a burst as it goes on: its counts with every execution; all
 * that is known of it too, but past LONG_BURST only when it has grown by an
 * eighth or so.  A reader of the same session has repeats_publish() for all.
 */
static pg_noinline void
update_burst(RepeatRun *run, int handle)
{
	BurstProgress progress;
	uint64		step = 1;

	window_progress(window, run, &progress);
	if (progress.executions > LONG_BURST)
		step = UINT64CONST(1) <<
			(pg_leftmost_one_pos64(progress.executions) - 3);
	if (progress.executions % step != 0)
		patterns_progress(handle, &progress);
	else
	{
		BurstFacts	facts;

		window_facts(window, run, &facts);
		patterns_update(handle, &facts);
	}
}

static void
publish_burst(void *arg, const BurstFacts *facts, int handle)
{
	patterns_update(handle, facts);
}

void
repeats_publish(void)
{
	if (window)
		window_bursts(window, publish_burst, NULL);
}

/* The execution that makes a burst has ended */
static pg_noinline void
burst_begun(RepeatRun *run, bool failed)
{
	if (beginning_run == run && !failed)
	{
		BurstFacts	facts;

		window_facts(window, run, &facts);
		window_set_handle(run, patterns_open(&beginning, beginning_userid,
											 &facts));
	}
	beginning_run = NULL;
}

void
repeats_end(RepeatRun *run, uint64 now, uint64 elapsed, uint64 rows,
			bool failed)
{
	int			handle;

	if (run == NULL)
		return;
	handle = window_end(window, run, now, elapsed, rows, failed);
	if (unlikely(beginning_run != NULL))
		burst_begun(run, failed);
	else if (handle >= 0)
		update_burst(run, handle);
}

void
repeats_more_rows(RepeatRun *run, uint64 queryid, uint64 now, uint64 elapsed,
				  uint64 rows)
{
	/* it may have been dropped from the window since the chunk before */
	if (run == NULL || window == NULL || !window_holds(run, queryid))
		return;
	window_more_rows(window, run, now, elapsed, rows);
	if (window_handle(window, run) >= 0)
		update_burst(run, window_handle(window, run));
}

uint64
repeats_values(QueryDesc *queryDesc, const StatementShape *shape)
{
	WindowValues values;

	hash_values(queryDesc, shape, &values);
	return values.all;
}

bool
repeats_wants_literals(const StatementLocal *local)
{
	if (unlikely(capture_on))
		return true;
	if (window == NULL || local->window_statement == NULL)
		return qw_repeat_threshold <= 2 ||
			(window != NULL && window_compares(window));
	return window_wants_values(window, local->window_statement);
}

StatementLiterals *
repeats_set_literals(uint64 queryid)
{
	literals_queryid = queryid;
	return &literals;
}

void
repeats_wrote(void)
{
	if (window)
		window_wrote(window);
}

void
repeats_close(void)
{
	if (window)
		window_close(window);
}

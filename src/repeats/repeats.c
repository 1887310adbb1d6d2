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
 * src/repeats/repeats.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/xact.h"
#include "common/hashfn.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "storage/ipc.h"
#include "tcop/pquery.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/visible.h"
#include "detector/window_run.h"
#include "hooks/recording.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "repeats/advice.h"
#include "repeats/capture.h"
#include "repeats/evidence.h"
#include "repeats/ignored.h"
#include "repeats/patterns.h"
#include "repeats/repeats.h"
#include "repeats/schema.h"

static Window *window = NULL;
static bool detached = false;

/* Whose executions the window holds */
static char application[NAMEDATALEN];
static uint64 application_hash = 0;
static char route[PATTERN_ROUTE_LENGTH];
static char trace_id[PATTERN_TRACE_LENGTH];
static char framework[NAMEDATALEN];
static uint64 contexts = 0;		/* grows whenever one of these is set */

static Oid	plain_userid = InvalidOid;	/* their role, if they have neither
										 * route nor trace */

const char *repeats_application_seen = NULL;

/* Some open burst that is not long has unpublished changes */
static bool behind = false;

KeySet	   *repeats_wanted_rows = NULL;

/* Statements parsed, and planned, in this session */
uint64		repeats_parses = 0;
uint64		repeats_plans = 0;

/* Of window_memory_refused(), what readers were told */
static uint64 refused_reported = 0;

/* When the window was last configured: on_repeat, and was a capture on? */
static int	configured_on_repeat = ON_REPEAT_OFF;
static bool configured_capture = false;

/* Of the last execution: its transaction, the session's time until it began */
static uint64 last_transaction = 0;
static PgStat_Counter last_time_kept = 0;

/* Constants of the statement parsed last, if it was asked for */
static StatementLiterals literals;
uint64		repeats_literals_queryid = 0;
static uint64 literals_parses = 0;	/* repeats_parses when they were found */

static int	unit_burst(void *arg, WindowUnitEvent event,
					   const BurstFacts *facts, int handle);

/* Its values may have turned out to be those of another column */
static void
name_parent(const BurstFacts *facts, int handle)
{
	char		column[sizeof(((PatternStrings *) NULL)->parent_column)];

	if (facts->parent_attnum != 0 && !patterns_is_named(handle, facts) &&
		schema_known_name(facts->parent_relid, facts->parent_attnum, column,
						  sizeof(column)))
		patterns_rename_parent(handle, facts, column);
}

/* The window closes: its bursts are counted */
static void
burst_closed(void *arg, const BurstFacts *facts, int handle)
{
	uint64		refused = window_memory_refused(window);

	if (handle >= 0)
		name_parent(facts != NULL ? facts : patterns_facts(handle), handle);
	patterns_close(handle, facts, true);
	if (unlikely(refused != refused_reported))
	{
		patterns_memory_refused(refused - refused_reported);
		refused_reported = refused;
	}
}

static void
close_at_exit(int code, Datum arg)
{
	repeats_close();
	detached = true;
}

/* What the detector knows of this backend's statements */
static MemoryContext detector_context = NULL;

static bool
make_context(void)
{
	MemoryContext old_context = CurrentMemoryContext;

	if (detector_context != NULL)
		return true;
	PG_TRY();
	{
		detector_context = AllocSetContextCreate(TopMemoryContext,
												 "pg_querywatch detector",
												 0, 1024, 32 * 1024);
	}
	PG_CATCH();
	{
		/* no memory: nothing else can go wrong here */
		MemoryContextSwitchTo(old_context);
		FlushErrorState();
	}
	PG_END_TRY();
	return detector_context != NULL;
}

static void *
allocate(Size size)
{
	return MemoryContextAllocExtended(detector_context, size,
									  MCXT_ALLOC_NO_OOM);
}

static const WindowMemory memory_of_backend = {allocate, pfree};

static bool
attach(void)
{
	if (detached || MyBackendType != B_BACKEND)
		return false;
	if (!make_context())
		return false;
	window = allocate(window_size());
	if (window == NULL)
		return false;
	window_init(window, &schema_of_catalogs, &memory_of_backend, burst_closed,
				NULL);
	window_set_unit_callback(window, unit_burst);
	window_set_armed(window, evidence_armed());
	before_shmem_exit(close_at_exit, (Datum) 0);
	session_obstacle(OBSTACLE_SETTINGS, true);
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

static bool
is_same_application(void)
{
	if (repeats_application_seen != application_name &&
		strcmp(application, application_name) == 0)
		repeats_application_seen = application_name;
	return repeats_application_seen == application_name;
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

	contexts++;
	route[0] = trace_id[0] = framework[0] = '\0';
	plain_userid = key->userid;
	if (unlikely(comment_present(text, length)) &&
		comment_parse(text, length, &tags))
	{
		const char *value;

		plain_userid = InvalidOid;
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

	if (!is_same_application())
	{
		strlcpy(application, application_name, sizeof(application));
		application_hash = pattern_text_hash(application);
		repeats_application_seen = application_name;
	}

	context.userid = key->userid;
	context.application = application_hash;
	context.route = pattern_text_hash(route);
	context.trace = pattern_text_hash(trace_id);
	window_context(window, &context);
	return true;
}

/*
 * Does it look as if the client had not waited for the last answer before it
 * sent this?
 */
static inline bool
came_at_once(uint64 transaction)
{
	return transaction == last_transaction &&
		pgStatActiveTime + pgStatTransactionIdleTime == last_time_kept;
}

static inline void
remember_coming(uint64 transaction)
{
	last_transaction = transaction;
	last_time_kept = pgStatActiveTime + pgStatTransactionIdleTime;
}

/* Constants of this execution, NULL if it has none that are known */
static pg_noinline const StatementLiterals *
find_literals(QueryDesc *queryDesc)
{
	const char *text = queryDesc->sourceText;

	/* a portal of the simple protocol runs what was parsed just before */
	if (text == literals.text && literals_parses == repeats_parses &&
		ActivePortal != NULL && ActivePortal->cplan == NULL)
		return &literals;

	/*
	 * The extended protocol copies the text that it parsed.  Another text of
	 * the same statement has its constants elsewhere.
	 */
	if (!normalize_same_text(&literals, text,
							 queryDesc->plannedstmt->stmt_location,
							 queryDesc->plannedstmt->stmt_len))
		return NULL;
	literals.text = text;
	return &literals;
}

/* May constants of this execution be known? */
static inline bool
has_literals(const QueryDesc *queryDesc)
{
	return repeats_literals_queryid != 0 &&
		repeats_literals_queryid == (uint64) queryDesc->plannedstmt->queryId;
}

static inline const StatementLiterals *
literals_of(QueryDesc *queryDesc)
{
	return has_literals(queryDesc) ? find_literals(queryDesc) : NULL;
}

static inline bool
uses_literals(const StatementShape *shape)
{
	for (int i = 0; i < shape->nconditions; i++)
	{
		if (shape->conditions[i].value.source == SHAPE_VALUE_LITERAL)
			return true;
	}
	return shape->offset_value.source == SHAPE_VALUE_LITERAL;
}

/*
 * Prepared with its constants: the text stands for them, and tells nothing
 * that could be compared with what a parent returned.
 */
static pg_noinline void
hash_constants(QueryDesc *queryDesc, const StatementShape *shape,
			   WindowValues *values)
{
	const char *text = queryDesc->sourceText;
	int			location = queryDesc->plannedstmt->stmt_location;
	int			length = queryDesc->plannedstmt->stmt_len;
	uint64		h;

	normalize_clean(&text, &location, &length);
	h = hash_bytes_extended((const unsigned char *) text, length, 0);
	values->all = hash_combine64(values->all, h) | 1;
	for (int i = 0; i < shape->nconditions; i++)
	{
		if (shape->conditions[i].value.source == SHAPE_VALUE_LITERAL)
		{
			values->conditions[i] = h;
			values->opaque |= 1U << i;
		}
	}
}

/* What is not a row asked for by its key */
static pg_noinline void
hash_other_values(QueryDesc *queryDesc, const StatementShape *shape,
				  WindowValues *values)
{
	const StatementLiterals *known = literals_of(queryDesc);

	params_hash(queryDesc->params, known, shape, values);

	/* an UPDATE's keys are compared with others, so these are left unknown */
	if (known == NULL && uses_literals(shape) &&
		shape->command != SHAPE_UPDATE)
		hash_constants(queryDesc, shape, values);
}

static inline void
hash_is_key(uint64 hash, WindowValues *values)
{
	values->all = values->conditions[0] = hash;
	values->list_length = 0;
	values->opaque = 0;
	values->offset = -1;
}

static pg_attribute_always_inline void
hash_values(QueryDesc *queryDesc, const StatementShape *shape, bool by_key,
			WindowValues *values)
{
	const ParamExternData *key = params_only(queryDesc->params);
	bool		opaque = false;

	if (unlikely(!by_key || key == NULL || literals_of(queryDesc) != NULL))
	{
		hash_other_values(queryDesc, shape, values);
		return;
	}
	hash_is_key(params_hash_as(shape->conditions[0].value_class, key->ptype,
							   key->value, key->isnull, &opaque),
				values);
	values->opaque = opaque;
}

/* Values of this execution, as an example of the burst */
static void
example_values(QueryDesc *queryDesc, PatternStrings *strings)
{
	const StatementLiterals *known = literals_of(queryDesc);
	ParamListInfo params = queryDesc->params;
	static StringInfoData buf;
	int			n = 0;

	/* nothing of an earlier burst's */
	strings->nvalues = -1;
	memset(strings->values, 0, sizeof(strings->values));
	if (!qw_capture_parameters)
		return;

	/* of little more than PATTERN_VALUES_LENGTH; kept for the next burst */
	if (buf.data == NULL)
	{
		MemoryContext old_context = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&buf);
		MemoryContextSwitchTo(old_context);
	}
	resetStringInfo(&buf);
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
}

/* Has the names of columns at hand that may turn out to be the parent's */
static void
name_other_columns(const WindowStatement *run)
{
	Oid			relids[3];
	AttrNumber	attnums[3];
	char		name[2 * NAMEDATALEN];
	int			n = window_other_columns(run, relids, attnums, lengthof(relids));

	for (int i = 0; i < n; i++)
		schema_column_name(relids[i], attnums[i], name, sizeof(name));
}

/*
 * What the burst is called, and who it belongs to: all of the strings but the
 * values.  Those of the burst before are right if it was of the same pattern.
 */
static void
name_burst(const BurstFacts *facts, PatternStrings *strings)
{
	static struct
	{
		const PatternStrings *strings;
		uint64		contexts;	/* 0: the strings are not complete */
		uint64		altered;
		Oid			key_relid;
		Oid			parent_relid;
		Oid			constraint;
		AttrNumber	key_attnum;
		AttrNumber	parent_attnum;
	}			named;
	uint64		altered = schema_altered(facts->key_relid) +
	schema_altered(facts->parent_relid);

	if (named.strings == strings &&
		named.contexts == contexts && named.altered == altered &&
		named.key_relid == facts->key_relid &&
		named.parent_relid == facts->parent_relid &&
		named.constraint == facts->constraint &&
		named.key_attnum == facts->key_attnum &&
		named.parent_attnum == facts->parent_attnum)
		return;

	named.contexts = 0;
	memset(strings, 0, sizeof(PatternStrings));
	strlcpy(strings->application_name, application,
			sizeof(strings->application_name));
	strlcpy(strings->route, route, sizeof(strings->route));
	strlcpy(strings->trace_id, trace_id, sizeof(strings->trace_id));
	strlcpy(strings->framework, framework, sizeof(strings->framework));
	strings->encoding = GetDatabaseEncoding();
	schema_column_name(facts->key_relid, facts->key_attnum,
					   strings->key_column, sizeof(strings->key_column));
	schema_column_name(facts->parent_relid, facts->parent_attnum,
					   strings->parent_column, sizeof(strings->parent_column));
	schema_constraint_name(facts->constraint, strings->constraint_name,
						   sizeof(strings->constraint_name));
	named.strings = strings;
	named.altered = altered;
	named.key_relid = facts->key_relid;
	named.parent_relid = facts->parent_relid;
	named.constraint = facts->constraint;
	named.key_attnum = facts->key_attnum;
	named.parent_attnum = facts->parent_attnum;
	named.contexts = contexts;
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
static BurstFacts beginning_facts;
static PatternStrings beginning;

/*
 * This execution makes a burst: look for its parent, and act if that is asked
 * for.
 */
static void
begin_burst(RepeatRun *run, const StatementKey *key, QueryDesc *queryDesc)
{
	BurstFacts *facts = &beginning_facts;
	PatternStrings *strings = &beginning;
	RepeatVerdict verdict;

	window_threshold(window, run, facts);
	name_burst(facts, strings);
	name_other_columns(run);
	example_values(queryDesc, strings);

	/* it is one when this execution has ended well */
	beginning_run = run;
	beginning_userid = key->userid;

	if (qw_on_repeat == ON_REPEAT_OFF)
		return;
	verdict_decide(facts, qw_repeat_threshold, false, &verdict);
	if (verdict.kind == REPEAT_NONE ||
		verdict.confidence < confidence_acted_on[qw_on_repeat_confidence] ||
		!ignored_may_act(key))
		return;
	if (qw_on_repeat == ON_REPEAT_ERROR)
	{
		/* the error ends the window: count what there is, begin anew after it */
		beginning_run = NULL;
		patterns_close(patterns_open(strings, key->userid, facts), facts,
					   false);
		window_close(window);
	}
	advice_report(qw_on_repeat, key, facts, &verdict, strings);
}

/* Does on_repeat act on a burst that these facts were told of as it began? */
static bool
is_acted_on(const BurstFacts *facts)
{
	RepeatVerdict verdict;

	verdict_decide(facts, qw_repeat_threshold, false, &verdict);
	return verdict.kind != REPEAT_NONE &&
		verdict.confidence >= confidence_acted_on[qw_on_repeat_confidence];
}

/* The role of the execution that begins */
static Oid	current_userid = InvalidOid;
static uint64 current_queryid = 0;

/* It begins a burst in a unit of work, which on_repeat is to be asked about */
static bool unit_began = false;
static BurstFacts unit_facts;
static PatternStrings unit_strings;

/* WindowUnitCallback */
static int
unit_burst(void *arg, WindowUnitEvent event, const BurstFacts *facts,
		   int handle)
{
	static PatternStrings strings;

	switch (event)
	{
		case WINDOW_UNIT_BEGINS:
			name_burst(facts, &strings);
			if (qw_on_repeat != ON_REPEAT_OFF &&
				facts->queryid == current_queryid &&
				(handle < 0 || !is_acted_on(patterns_facts(handle))))
			{
				unit_began = true;
				unit_facts = *facts;
				unit_strings = strings;
				unit_strings.nvalues = -1;
			}
			if (handle >= 0)
			{
				patterns_rename(handle, &strings, facts);
				return handle;
			}
			strings.nvalues = -1;
			memset(strings.values, 0, sizeof(strings.values));
			return patterns_open(&strings, current_userid, facts);
		case WINDOW_UNIT_GOES_ON:
			name_burst(facts, &strings);
			patterns_rename(handle, &strings, facts);
			break;
		case WINDOW_UNIT_ENDS:
			patterns_close(handle, facts, true);
			break;
	}
	return handle;
}

/* The execution that begins makes a burst in a unit: do what is asked for */
static pg_noinline void
act_on_unit(const StatementLocal *local)
{
	StatementKey key = local->key;	/* it may lose its slot on the way */
	RepeatVerdict verdict;

	unit_began = false;
	if (!is_acted_on(&unit_facts) || !ignored_may_act(&key))
		return;
	verdict_decide(&unit_facts, qw_repeat_threshold, false, &verdict);
	if (qw_on_repeat == ON_REPEAT_ERROR)
		window_close(window);
	advice_report(qw_on_repeat, &key, &unit_facts, &verdict, &unit_strings);
}

static void
configure(void)
{
	/* switched on: what came before, a test's data say, is not meant */
	if ((configured_on_repeat == ON_REPEAT_OFF &&
		 qw_on_repeat != ON_REPEAT_OFF) ||
		(!configured_capture && capture_on))
		window_close(window);
	configured_on_repeat = qw_on_repeat;
	configured_capture = capture_on;
	window_collect_all(window, qw_on_repeat != ON_REPEAT_OFF || capture_on);
	window_configure(window, qw_repeat_threshold,
					 (uint64) qw_repeat_gap * 1000000);
	window_set_memory(window, (Size) qw_repeat_memory * 1024);
	session_obstacle(OBSTACLE_SETTINGS, false);
}

void
repeats_configure(void)
{
	if (window != NULL)
		configure();
	else
		session_obstacle(OBSTACLE_SETTINGS, false); /* see attach() */
}

/*
 * Had this plan's source text no comment when it was looked at?  A plan at the
 * same address is the same one if nothing was planned since.
 */
static inline bool
is_plain_plan(const StatementLocal *local, const PlannedStmt *plan)
{
	return local->plain_plan == plan && local->plain_plans == repeats_plans;
}

/*
 * Is this execution, whose plan has no comment, of the same role and
 * application as the last one, which had none either, as far as can be told at
 * once?
 */
static inline bool
is_same_owner(const StatementLocal *local)
{
	return plain_userid == local->key.userid &&
		repeats_application_seen == application_name;
}

/*
 * Finds out who the execution belongs to.  False if it is not to be looked at.
 */
static inline bool
find_context(StatementLocal *local, QueryDesc *queryDesc)
{
	const StatementKey *key = &local->key;
	const char *text = queryDesc->sourceText;
	const char *statement = text;
	int			location = queryDesc->plannedstmt->stmt_location;
	int			length = queryDesc->plannedstmt->stmt_len;
	bool		same_owner;

	/* Without a portal no client sent it: a deferred trigger, at COMMIT */
	if (ActivePortal == NULL)
		return false;
	if (unlikely(window == NULL) && !attach())
		return false;
	if (unlikely((session.obstacles & OBSTACLE_SETTINGS) != 0))
		configure();

	same_owner = plain_userid == key->userid && is_same_application();
	if (same_owner && is_plain_plan(local, queryDesc->plannedstmt))
		return true;

	if (location > 0)
	{
		comment_include(text, &location, &length);
		statement += location;
	}
	if (length <= 0)
		length = strlen(statement);
	if ((!same_owner ||
		 (unlikely(comment_possible(statement, length)) &&
		  comment_present(statement, length))) &&
		!set_context(key, statement, length))
		return false;

	/* the plan of a portal without a cached one does not come again */
	if (OidIsValid(plain_userid) && ActivePortal->cplan != NULL)
	{
		local->plain_plan = queryDesc->plannedstmt;
		local->plain_plans = repeats_plans;
		local->plan_kind = 0;
	}
	return true;
}

/* The transaction of the last block that an execution was seen in */
static uint64 block_transaction = 0;

/* What few executions of those need */
static pg_noinline RepeatRun *
begin_rare(RepeatRun *run, const StatementLocal *local, QueryDesc *queryDesc,
		   uint64 *now)
{
	if (window_at_threshold(window, run))
	{
		StatementKey key = local->key;	/* it may lose its slot on the way */

		begin_burst(run, &key, queryDesc);
		*now = compat_clock();
	}
	if (window_wants_rows(run))
		repeats_wanted_rows = window_collect(window, run);
	return run;
}

/* What only some executions need before they run */
static pg_noinline RepeatRun *
begin_asked(RepeatRun *run, const StatementLocal *local, QueryDesc *queryDesc,
			uint64 *now)
{
	bool		in_block = IsTransactionBlock();

	beginning_run = NULL;
	current_userid = local->key.userid;
	current_queryid = local->key.queryid;
	if (in_block)
		block_transaction = compat_transaction_id();
	window_in_block(run, in_block);
	window_look(window, run);
	if (window_wants_values(window, run))
	{
		WindowValues *values = window_values_place(window, run);

		hash_values(queryDesc, &local->shape, window_is_by_key(run), values);
		window_values(window, run, values);
	}
	if (unlikely(unit_began))
		act_on_unit(local);
	if (unlikely(window_at_threshold(window, run) || window_wants_rows(run)))
		return begin_rare(run, local, queryDesc, now);
	return run;
}

/*
 * begin_asked() of what N+1 mostly is: once more the row of a key, in the block
 * that the one before was in, with nothing to be asked but the key.  (Something
 * is, and its rows or values are the only things that could be.)  A leaf, so
 * that it is cheap.
 */
static pg_noinline RepeatRun *
begin_next(RepeatRun *run, const StatementLocal *local, QueryDesc *queryDesc,
		   uint64 *now)
{
	const ParamExternData *param = params_only(queryDesc->params);

	if (unlikely(!window_is_by_key(run) || param == NULL || !params_is_integer(param) ||
				 block_transaction != compat_transaction_id() ||
				 has_literals(queryDesc) || window_wants_rows(run) ||
				 window_at_threshold(window, run)))
		return begin_asked(run, local, queryDesc, now);

	beginning_run = NULL;
	current_userid = local->key.userid;
	current_queryid = local->key.queryid;
	window_in_block(run, true);
	hash_is_key(params_hash_integer(param),
				window_values_place(window, run));
	window_has_key(window, run);
	if (unlikely(unit_began))
		act_on_unit(local);
	return run;
}

/* The first of its window, or of a statement that has no entry */
static pg_noinline RepeatRun *
begin_first(StatementLocal *local, QueryDesc *queryDesc, uint64 *now)
{
	bool		asks;
	RepeatRun  *run;

	if (window_is_late(window, *now))
		window_went_on(window, *now,
					   session_idle_since(window_last_end(window), *now));
	run = window_begin(window, local->window_statement, local->key.queryid,
					   &local->shape, *now, compat_transaction_id(), &asks);
	local->window_statement = run;
	if (!asks)
		return run;
	return begin_asked(run, local, queryDesc, now);
}

static pg_attribute_always_inline RepeatRun *
begin_run(StatementLocal *local, QueryDesc *queryDesc, uint64 *now,
		  uint64 transaction)
{
	RepeatRun  *run = local->window_statement;
	bool		asks;

	if (unlikely(!window_begin_known(window, run, local->key.queryid,
									 &local->shape, *now, transaction, &asks)))
		return begin_first(local, queryDesc, now);
	if (asks)
		return begin_next(run, local, queryDesc, now);
	return run;
}

/* It may belong to somebody else, or be one of a batch */
RepeatRun *
repeats_begin(StatementLocal *local, QueryDesc *queryDesc, uint64 *now,
			  uint64 transaction)
{
	if (!find_context(local, queryDesc))
		return NULL;

	/* without the time keeping only an implicit transaction tells */
	if (!came_at_once(transaction) ||
		(!pgstat_track_activities && IsTransactionBlock()))
		window_round_trip(window);
	remember_coming(transaction);
	return begin_run(local, queryDesc, now, transaction);
}

RepeatRun *
repeats_begin_known(StatementLocal *local, QueryDesc *queryDesc, uint64 *now,
					uint64 transaction)
{
	if (unlikely(!is_same_owner(local) || came_at_once(transaction)))
		return repeats_begin(local, queryDesc, now, transaction);

	remember_coming(transaction);
	window_round_trip(window);
	return begin_run(local, queryDesc, now, transaction);
}

void
repeats_continue(RepeatRun *run, uint64 queryid)
{
	if (run != NULL && window != NULL && window_holds(run, queryid))
		repeats_wanted_rows = window_collect(window, run);
}

/*
 * Readers follow a burst as it goes on: all that is known of it is told with
 * every execution, past WINDOW_LONG_BURST only when it has grown by an eighth or after
 * a second, and its counts with those in between.  Inside of a transaction
 * block it is told when it is four times as long, or long, its counts with every
 * eighth execution, and when the block ends what was not told meanwhile.  A reader of
 * the same session has repeats_publish().
 */
static uint64
executions_due(const RepeatRun *run)
{
	uint64		executions = window_executions(run);

	if (window_is_long(run))
		return executions + executions / 8;
	if (!IsTransactionBlock())
		return executions + 1;
	return Min(4 * executions, WINDOW_LONG_BURST + 1);
}

static pg_noinline void
tell_progress(const RepeatRun *run, int handle)
{
	BurstProgress progress;

	window_progress(window, run, &progress);
	patterns_progress(handle, &progress);
}

static pg_noinline void
tell_all(RepeatRun *run, int handle)
{
	BurstFacts	facts;

	window_facts(window, run, &facts);
	patterns_update(handle, &facts);
	window_told(window, run, executions_due(run));
	if (window_is_long(run))
		tell_progress(run, handle);
}

static inline void
update_burst(RepeatRun *run, int handle)
{
	if (window_is_due(window, run))
		tell_all(run, handle);
	else
	{
		behind |= !window_is_long(run);
		if (window_is_long(run) || window_executions(run) % 8 == 0)
			tell_progress(run, handle);
	}
}

static void
publish_burst(void *arg, const BurstFacts *facts, int handle)
{
	if (handle >= 0)
		name_parent(facts, handle);
	patterns_update(handle, facts);
}

void
repeats_publish(void)
{
	if (window == NULL)
		return;
	window_bursts(window, false, publish_burst, NULL);
	window_refresh_units(window);
}

/* The execution has made a burst */
static pg_noinline void
open_burst(RepeatRun *run)
{
	int			handle;

	window_begun(window, run, &beginning_facts, executions_due(run));
	handle = patterns_open(&beginning, beginning_userid, &beginning_facts);
	window_set_handle(run, handle);
	behind = true;
}

/* It has grown, and nothing else is told of it */
static inline void
tell_growth(const RepeatRun *run, int handle)
{
	const		GrowingBurst *growing = &patterns_growing[handle];

	if (unlikely(growing->growth == NULL))
	{
		tell_progress(run, handle);
		return;
	}
	(*growing->change)++;
	pg_write_barrier();
	window_grow(run, growing->growth);
	pg_write_barrier();
	(*growing->change)++;
}

static pg_noinline void
end_other(RepeatRun *run)
{
	if (window_end_more(window, run))
	{
		int			handle = window_handle(window, run);

		if (likely(handle >= 0))
			update_burst(run, handle);
		else if (beginning_run == run)
			open_burst(run);
	}
	beginning_run = NULL;
}

/*
 * The end of one that had values, is in a burst, or makes one.  What N+1 mostly
 * is, a further key in a burst of which nothing is to be told, is counted
 * before anything else is called; and so is one more of a long burst, of which
 * no more is to be told than that.
 */
static pg_noinline void
end_asked(RepeatRun *run)
{
	int			handle = window_handle(window, run);

	if (likely(handle >= 0 && !window_is_due(window, run)))
	{
		if (window_is_long(run))
		{
			if (window_ends_uncounted(window, run) ||
				window_end_key(window, run))
			{
				tell_growth(run, handle);
				return;
			}
		}
		else if (window_executions(run) % 8 != 0 && window_end_key(window, run))
		{
			behind = true;
			return;
		}
	}
	end_other(run);
}

void
repeats_end(RepeatRun *run, uint64 now, uint64 elapsed, uint64 rows)
{
	if (!window_end(window, run, now, elapsed, rows))
		end_asked(run);
}

void
repeats_failed(RepeatRun *run, uint64 now)
{
	if (run == NULL)
		return;
	window_failed(window, run, now);
	beginning_run = NULL;
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

	hash_other_values(queryDesc, shape, &values);
	return values.all;
}

bool
repeats_wants_literals(const StatementLocal *local)
{
	/* with other settings another window begins */
	if (unlikely(capture_on ||
				 (session.obstacles & OBSTACLE_SETTINGS) != 0))
		return true;
	if (window == NULL || local->window_statement == NULL)
		return qw_repeat_threshold <= 2 ||
			qw_on_repeat != ON_REPEAT_OFF ||
			window_asks_first(&local->shape) ||
			(window != NULL && window_compares(window));
	return window_expects_values(window, local->window_statement,
								 compat_transaction_id());
}

StatementLiterals *
repeats_set_literals(uint64 queryid)
{
	repeats_literals_queryid = queryid;
	literals_parses = repeats_parses;
	return &literals;
}

void
repeats_committed(uint64 transaction)
{
	if (window)
		window_committed(window, transaction);
	if (behind)
		window_bursts(window, true, publish_burst, NULL);
	behind = false;
}

void
repeats_checked_out(const char *text)
{
	static const char question[] = "SELECT 1";

	if (window == NULL || pg_strncasecmp(text, question,
										 sizeof(question) - 1) != 0)
		return;
	for (text += sizeof(question) - 1; *text != '\0'; text++)
	{
		if (*text != ' ' && *text != ';' && *text != '\n')
			return;
	}
	window_checked_out(window, compat_clock());
}

void
repeats_wrote(void)
{
	if (window)
		window_wrote(window);
}

void
repeats_wrote_within(void)
{
	if (window)
		window_wrote_within(window);
}

void
repeats_changed(void)
{
	if (window)
		window_changed(window);
}

void
repeats_passed(uint64 now)
{
	if (window)
		window_passed(window, now);
}

void
repeats_close(void)
{
	if (window)
		window_close(window);
}

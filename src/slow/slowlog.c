/*-------------------------------------------------------------------------
 *
 * slowlog.c
 *		Recording slow executions, and reading them.
 *
 * A record is put together in a work buffer of this backend, then copied in
 * under the lock.  The work buffer and a memory context for what is worked out
 * on the way are made once and kept.  While an error is handled, raising
 * another one would lose it: on that path nothing is done but what cannot
 * raise, and if memory has run out even values are left out.
 *
 * src/slow/slowlog.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/ip.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/guc.h"
#include "utils/json.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/visible.h"
#include "plans/plans.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "slow/slowlog.h"
#include "slow/slowring.h"
#include "waits/waits.h"

/* Longest text of tags; a byte of a tag takes six at most */
#define MAX_TAGS_TEXT	(COMMENT_MAX_BYTES * 6 + COMMENT_MAX_TAGS * 8 + 16)

/* A longer search_path is not kept */
#define MAX_SEARCH_PATH	512

/* Longest record, apart from the query */
#define MAX_WORK_SIZE \
	(sizeof(SharedSlowRecord) + NAMEDATALEN + NI_MAXHOST + \
	 SLOWLOG_MAX_PLAN + SLOWLOG_MAX_PARAMETERS + MAX_TAGS_TEXT + \
	 COMMENT_TRACE_ID_LENGTH + MAX_SEARCH_PATH + \
	 WAITS_PER_SESSION * (SLOW_WAIT_NAME + 24) + sizeof(WaitBlocker) + \
	 SLOW_NSTRINGS + \
	 MAXIMUM_ALIGNOF)

/*
 * The work buffer: a record in the making.  What does not fit is left out.
 */
typedef struct WorkBuffer
{
	char	   *data;
	Size		size;
	Size		used;
} WorkBuffer;

static WorkBuffer work = {NULL, 0, 0};
static MemoryContext work_context = NULL;

/*
 * Makes the work buffer and the context ready.  Raises nothing if "in_error",
 * but returns false if it cannot be had.
 */
static bool
prepare_work(Size size, bool in_error)
{
	if (work.size < size)
	{
		char	   *data = MemoryContextAllocExtended(TopMemoryContext, size,
													  MCXT_ALLOC_NO_OOM |
													  MCXT_ALLOC_HUGE);

		if (data == NULL)
			return false;
		if (work.data != NULL)
			pfree(work.data);
		work.data = data;
		work.size = size;
	}

	if (work_context == NULL)
	{
		/* making a context may raise: not now if memory is short already */
		if (in_error)
		{
			void	   *probe = MemoryContextAllocExtended(TopMemoryContext,
														   ALLOCSET_DEFAULT_INITSIZE * 2,
														   MCXT_ALLOC_NO_OOM);

			if (probe == NULL)
				return false;
			pfree(probe);
		}
		work_context = AllocSetContextCreate(TopMemoryContext,
											 "pg_querywatch slow log",
											 ALLOCSET_DEFAULT_SIZES);
	}
	return true;
}

/* How much of a text to keep so that it is at most max bytes long */
static inline int
clip(const char *text, int length, int max)
{
	return length > max ? pg_mbcliplen(text, length, max) : length;
}

/* Appends bytes and a NUL; false if they do not fit */
static bool
work_append(const char *bytes, Size length)
{
	if (work.size - work.used < length + 1)
		return false;
	memcpy(work.data + work.used, bytes, length);
	work.data[work.used + length] = '\0';
	work.used += length + 1;
	return true;
}

/* Appends one of the strings, NULL or not */
static void
work_string(SlowString which, const char *string, int length)
{
	SharedSlowRecord *record = (SharedSlowRecord *) work.data;

	if (string != NULL && work_append(string, length))
		record->lengths[which] = length;
	else
		record->lengths[which] = -1;
}

/*
 * Address of the client in figures, NULL where it has none; found out once, as
 * it does not change.  Taken from where pg_stat_activity has it, as the header
 * of MyProcPort needs Kerberos' headers.
 */
static const char *
client_address(void)
{
	static char address[NI_MAXHOST];
	static bool known = false;

	if (!known && MyBEEntry != NULL)
	{
		const SockAddr *client = &MyBEEntry->st_clientaddr;
		int			family = client->addr.ss_family;

		known = true;
		if (family == AF_INET || family == AF_INET6)
		{
			if (pg_getnameinfo_all(&client->addr, client->salen,
								   address, sizeof(address), NULL, 0,
								   NI_NUMERICHOST | NI_NUMERICSERV) == 0)
				clean_ipv6_addr(family, address);
			else
				address[0] = '\0';
		}
	}
	return address[0] != '\0' ? address : NULL;
}

/*
 * Appends a tag's key or value as JSON.  Tags are UTF-8; in a database that is
 * not, only their ASCII characters can be kept.
 */
static void
append_json_string(StringInfo buf, const char *string)
{
	char		ascii[COMMENT_MAX_BYTES];

	if (GetDatabaseEncoding() != PG_UTF8)
	{
		strlcpy(ascii, string, sizeof(ascii));
		visible_ascii(ascii);
		string = ascii;
	}
	escape_json(buf, string);
}

/* The tags that are kept, as a JSON object; nothing if there is none */
static void
append_tags(StringInfo buf, const CommentTags *tags)
{
	for (int i = 0; i < tags->ntags; i++)
	{
		if (!settings_keep_tag(tags->tags[i].key))
			continue;
		appendStringInfoChar(buf, buf->len == 0 ? '{' : ',');
		append_json_string(buf, tags->tags[i].key);
		appendStringInfoChar(buf, ':');
		append_json_string(buf, tags->tags[i].value);
	}
	if (buf->len > 0)
		appendStringInfoChar(buf, '}');
}

/* "json" is false where there may be no memory for the tags' text */
static void
work_tags(const char *text, int length, bool json)
{
	CommentTags tags;
	StringInfoData buf;

	if (!comment_present(text, length) || !comment_parse(text, length, &tags))
	{
		work_string(SLOW_TAGS, NULL, 0);
		work_string(SLOW_TRACE_ID, NULL, 0);
		return;
	}

	buf.len = 0;
	if (json)
	{
		initStringInfo(&buf);
		append_tags(&buf, &tags);
	}
	work_string(SLOW_TAGS, buf.len > 0 ? buf.data : NULL, buf.len);
	work_string(SLOW_TRACE_ID, tags.trace_id[0] != '\0' ? tags.trace_id : NULL,
				strlen(tags.trace_id));
}

/*
 * Appends the bind values, as many as fit into SLOWLOG_MAX_PARAMETERS.
 */
static void
work_values(ParamListInfo params, bool in_error)
{
	SharedSlowRecord *record = (SharedSlowRecord *) work.data;
	Size		start = work.used;
	StringInfoData buf;

	record->nvalues = 0;
	if (params == NULL || params->numParams == 0)
		return;
	if (params->paramFetch != NULL)
	{
		record->nvalues = -1;
		return;
	}

	initStringInfo(&buf);
	for (int i = 0; i < params->numParams; i++)
	{
		const ParamExternData *param = &params->params[i];
		SharedSlowValue value;
		Size		room;
		bool		complete;

		room = SLOWLOG_MAX_PARAMETERS - (work.used - start);
		if (room < sizeof(value) + 1)
			return;
		room -= sizeof(value) + 1;

		memset(&value, 0, sizeof(value));
		value.type = param->ptype;
		resetStringInfo(&buf);
		if (param->isnull || !OidIsValid(param->ptype))
			value.length = -1;
		else if (params_value_cut(&buf, param->ptype, param->value,
								  Max(1, Min(room, qw_parameter_max_length)),
								  in_error, &complete) &&
				 buf.len <= room)
		{
			value.length = buf.len;
			value.complete = complete;
		}
		else
			value.length = -2;

		memcpy(work.data + work.used, &value, sizeof(value));
		work.used += sizeof(value);
		if (value.length >= 0)
			work_append(buf.data, value.length);
		record->nvalues++;
	}
}

/* What it has waited for, and who held it up */
static void
work_waits(const Execution *execution, TimestampTz started_at)
{
	SharedSlowRecord *record = (SharedSlowRecord *) work.data;
	SessionWaits waits;
	char		text[WAITS_PER_SESSION * (SLOW_WAIT_NAME + 24)];
	int			length = 0;
	bool		blocked;

	memset(&waits, 0, sizeof(waits));
	waits.blocker.pid = -1;

	/* they are summed for the client's statement, not for those inside it */
	if (execution->key.toplevel && waits_of_execution(started_at, &waits))
	{
		for (int i = 0; i < waits.nwaits; i++)
		{
			const char *type;
			const char *event;

			activity_wait_names(waits.waits[i].event, &type, &event);
			length += snprintf(text + length, sizeof(text) - length,
							   "%.*s:%.*s\t" INT64_FORMAT "\n",
							   WAIT_TYPE_LENGTH - 1, type,
							   WAIT_EVENT_LENGTH - 1, event,
							   waits.waits[i].time);
		}
	}
	work_string(SLOW_WAITS, length > 0 ? text : NULL, length);

	blocked = waits.blocker.pid >= 0;
	record->blocker_pid = waits.blocker.pid;
	record->blocker_queryid = waits.blocker.queryid;
	record->blocker_userid = waits.blocker.userid;
	record->blocker_dbid = waits.blocker.dbid;
	record->blocker_time = waits.blocker.state_time;
	work_string(SLOW_BLOCKER_STATE, blocked ? waits.blocker.state : NULL,
				strlen(waits.blocker.state));
	work_string(SLOW_BLOCKER_APPLICATION,
				blocked ? waits.blocker.application : NULL,
				strlen(waits.blocker.application));
}

bool
slow_wait_next(const char **waits, char *name, int64 *time)
{
	const char *tab = *waits != NULL ? strchr(*waits, '\t') : NULL;
	const char *end = tab != NULL ? strchr(tab, '\n') : NULL;

	if (end == NULL)
		return false;
	strlcpy(name, *waits, Min(tab - *waits + 1, SLOW_WAIT_NAME));
	*time = strtoll(tab + 1, NULL, 10);
	*waits = end + 1;
	return true;
}

static void
set_numbers(SharedSlowRecord *record, const Execution *execution)
{
	const Usage *usage = execution->usage;

	record->elapsed = execution->elapsed;
	record->plan_time = execution->plan_time;
	record->rows = execution->rows;
	record->outcome = execution->outcome;
	record->sqlstate = execution->sqlstate;
	if (usage != NULL)
	{
		record->shared_blks_hit = usage->blocks[USAGE_SHARED_HIT];
		record->shared_blks_read = usage->blocks[USAGE_SHARED_READ];
		record->temp_blks_written = usage->blocks[USAGE_TEMP_WRITTEN];
		record->wal_bytes = usage->wal[USAGE_WAL_BYTES];
	}
}

/*
 * What is kept of the statement's text: all of it, unless settings keep its
 * constants or its tags out.  False if there is no memory to take them out:
 * then nothing is kept.
 */
static bool
text_to_keep(const char **text, int *length, bool out_of_memory)
{
	int			location = 0;
	TextConstants constants;
	Size		room;
	void	   *probe;

	if (settings_keep_no_tag())
		comment_strip(text, &location, length);
	if (qw_capture_parameters)
		return true;

	/*
	 * What follows raises if it finds no memory, or if its result is too
	 * long: not while an error is handled.  "1," may become "$12345678,".
	 */
	room = (Size) *length * 8 + ALLOCSET_DEFAULT_INITSIZE;
	if (out_of_memory || room > MaxAllocSize)
		return false;
	probe = MemoryContextAllocExtended(work_context, room,
									   MCXT_ALLOC_NO_OOM);
	if (probe == NULL)
		return false;
	pfree(probe);
	*text = normalize_text(*text, 0, length, NULL, true, &constants);
	return true;
}

/* Puts the record together in the work buffer */
static void
work_record(const Execution *execution, QueryDesc *queryDesc,
			const char *text, int length, TimestampTz started_at)
{
	SharedSlowRecord *record = (SharedSlowRecord *) work.data;
	bool		in_error = execution->outcome != OUTCOME_COMPLETED;
	const char *address = client_address();
	const char *application = application_name != NULL ? application_name : "";
	bool		out_of_memory = execution->sqlstate == ERRCODE_OUT_OF_MEMORY;
	const char *kept = text;
	int			kept_length = length;
	bool		text_kept = text_to_keep(&kept, &kept_length, out_of_memory);
	int			query_length = text_kept ?
	clip(kept, kept_length, qw_query_max_length) : 0;
	char	   *plan = NULL;
	int			path_length;

	memset(record, 0, sizeof(SharedSlowRecord));
	record->encoding = GetDatabaseEncoding();
	record->started_at = started_at;
	record->key = execution->key;
	set_numbers(record, execution);
	record->pid = MyProcPid;
	if (!text_kept || query_length != kept_length || execution->text_cut)
		record->query_form = SLOW_QUERY_CUT;
	else if (!STANDARD_STRINGS && memchr(kept, '\\', kept_length) != NULL)
		record->query_form = SLOW_QUERY_BACKSLASHES;
	else
		record->query_form = SLOW_QUERY_COMPLETE;
	record->nvalues = -1;
	work.used = sizeof(SharedSlowRecord);

	/* in the order of SlowString */
	work_string(SLOW_QUERY, kept, query_length);
	work_string(SLOW_APPLICATION_NAME, application,
				Min(strlen(application), NAMEDATALEN - 1));
	work_string(SLOW_CLIENT_ADDR, address,
				address != NULL ? strlen(address) : 0);

	/* a plan has values in its conditions */
	if (qw_capture_plan && qw_capture_parameters &&
		queryDesc != NULL && !in_error)
		plan = plans_text(queryDesc);
	work_string(SLOW_PLAN, plan,
				plan != NULL ? clip(plan, strlen(plan), SLOWLOG_MAX_PLAN) : 0);

	work_tags(text, length, !out_of_memory);
	path_length = strlen(namespace_search_path);
	work_string(SLOW_SEARCH_PATH, path_length <= MAX_SEARCH_PATH ?
				namespace_search_path : NULL, path_length);
	work_waits(execution, started_at);

	if (qw_capture_parameters && !out_of_memory)
		work_values(queryDesc != NULL ? queryDesc->params : execution->params,
					in_error);

	record->size = MAXALIGN(work.used);
}

void
slowlog_record(const Execution *execution, QueryDesc *queryDesc,
			   const char *text, int length, TimestampTz started_at)
{
	bool		in_error = execution->outcome != OUTCOME_COMPLETED;
	MemoryContext old_context = CurrentMemoryContext;
	uint32		holdoff_count;
	volatile bool done = false;

	if (!slowring_attached())
		return;

	HOLD_INTERRUPTS();
	holdoff_count = InterruptHoldoffCount;

	if (prepare_work(MAX_WORK_SIZE + qw_query_max_length, in_error))
	{
		MemoryContextSwitchTo(work_context);
		if (in_error)
		{
			work_record(execution, queryDesc, text, length, started_at);
			done = true;
		}
		else
		{
			PG_TRY();
			{
				work_record(execution, queryDesc, text, length, started_at);
				done = true;
			}
			PG_CATCH();
			{
				/* memory ran out; there is nothing else to undo */
				InterruptHoldoffCount = holdoff_count;
				MemoryContextSwitchTo(work_context);
				FlushErrorState();
			}
			PG_END_TRY();
		}
		MemoryContextSwitchTo(old_context);
	}

	slowring_insert(done ? (SharedSlowRecord *) work.data : NULL);

	if (work_context != NULL)
		MemoryContextReset(work_context);
	RESUME_INTERRUPTS();
}

/* The record as slowring_insert() takes it */
struct SlowHeld
{
	SharedSlowRecord record;
};

SlowHeld *
slowlog_hold(const Execution *execution, QueryDesc *queryDesc,
			 const char *text, int length, TimestampTz started_at)
{
	MemoryContext old_context = CurrentMemoryContext;
	SlowHeld   *held = NULL;
	Size		size;

	Assert(execution->outcome != OUTCOME_COMPLETED);
	if (!slowring_attached())
		return NULL;

	HOLD_INTERRUPTS();
	if (prepare_work(MAX_WORK_SIZE + qw_query_max_length, true))
	{
		MemoryContextSwitchTo(work_context);
		work_record(execution, queryDesc, text, length, started_at);
		MemoryContextSwitchTo(old_context);
		size = ((SharedSlowRecord *) work.data)->size;
		held = MemoryContextAllocExtended(TopMemoryContext, size,
										  MCXT_ALLOC_NO_OOM |
										  MCXT_ALLOC_HUGE);
		if (held != NULL)
			memcpy(held, work.data, size);
		MemoryContextReset(work_context);
	}
	RESUME_INTERRUPTS();
	return held;
}

void
slowlog_insert(SlowHeld *held, const Execution *execution)
{
	if (!slowring_attached())
		return;
	if (held != NULL)
		set_numbers(&held->record, execution);
	slowring_insert(held != NULL ? &held->record : NULL);
	slowlog_drop(held);
}

void
slowlog_drop(SlowHeld *held)
{
	if (held != NULL)
		pfree(held);
}

/* Makes a SlowRecord of a copy, pointing into it */
static void
unpack_record(const SharedSlowRecord *shared, SlowRecord *record)
{
	char	   *p = (char *) (shared + 1);
	char	   *strings[SLOW_NSTRINGS];

	for (int i = 0; i < SLOW_NSTRINGS; i++)
	{
		strings[i] = NULL;
		if (shared->lengths[i] >= 0)
		{
			strings[i] = p;
			p += shared->lengths[i] + 1;
		}
	}

	memset(record, 0, sizeof(SlowRecord));
	record->id = shared->id;
	record->started_at = shared->started_at;
	record->key = shared->key;
	record->elapsed = shared->elapsed;
	record->plan_time = shared->plan_time;
	record->rows = shared->rows;
	record->outcome = (ExecutionOutcome) shared->outcome;
	record->sqlstate = shared->sqlstate;
	record->pid = shared->pid;
	record->shared_blks_hit = shared->shared_blks_hit;
	record->shared_blks_read = shared->shared_blks_read;
	record->temp_blks_written = shared->temp_blks_written;
	record->wal_bytes = shared->wal_bytes;
	record->query_complete = shared->query_form != SLOW_QUERY_CUT;
	record->query_backslashes = shared->query_form == SLOW_QUERY_BACKSLASHES;
	record->encoding = shared->encoding;
	record->query = strings[SLOW_QUERY];
	record->application_name = strings[SLOW_APPLICATION_NAME];
	record->client_addr = strings[SLOW_CLIENT_ADDR];
	record->plan = strings[SLOW_PLAN];
	record->tags = strings[SLOW_TAGS];
	record->trace_id = strings[SLOW_TRACE_ID];
	record->search_path = strings[SLOW_SEARCH_PATH];
	record->waits = strings[SLOW_WAITS];
	record->blocker_pid = shared->blocker_pid;
	record->blocker_key = statement_key(shared->blocker_queryid,
										shared->blocker_userid,
										shared->blocker_dbid, true);
	record->blocker_time = shared->blocker_time;
	record->blocker_state = strings[SLOW_BLOCKER_STATE];
	record->blocker_application = strings[SLOW_BLOCKER_APPLICATION];

	record->nvalues = shared->nvalues;
	if (record->nvalues <= 0)
		return;
	record->values = palloc_array(RecordedValue, record->nvalues);
	for (int i = 0; i < record->nvalues; i++)
	{
		RecordedValue *value = &record->values[i];
		SharedSlowValue stored;

		memcpy(&stored, p, sizeof(stored));
		p += sizeof(stored);
		value->type = stored.type;
		value->isnull = (stored.length == -1);
		value->complete = (stored.length >= 0 && stored.complete);
		value->text = NULL;
		if (stored.length >= 0)
		{
			value->text = p;
			p += stored.length + 1;
		}
	}
}

void
slowlog_read(SlowlogCallback callback, void *arg)
{
	const SharedSlowRecord **records;
	int64		nrecords = slowring_copy(&records);

	for (int64 i = nrecords - 1; i >= 0; i--)
	{
		SlowRecord	record;

		unpack_record(records[i], &record);
		callback(arg, &record);
		if (record.values != NULL)
			pfree(record.values);
	}
}

SlowRecord *
slowlog_find(int64 id)
{
	const SharedSlowRecord **records;
	int64		nrecords = slowring_copy(&records);

	for (int64 i = 0; i < nrecords; i++)
	{
		if (records[i]->id == id)
		{
			SlowRecord *record = palloc_object(SlowRecord);

			unpack_record(records[i], record);
			return record;
		}
	}
	return NULL;
}

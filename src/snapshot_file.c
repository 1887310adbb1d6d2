/*-------------------------------------------------------------------------
 *
 * snapshot_file.c
 *		Format of a snapshot, and the check that one can be loaded.
 *
 * The CRC finds what a disk or a copy has done to a file.  The rest is
 * checked all the same: whatever a file holds, nothing is read outside of it,
 * and what comes out of it breaks no reader.
 *
 * src/snapshot_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"

#include "snapshot_file.h"

/* How many command tags this server knows */
#define PG_CMDTAG(tag, name, event_trigger, table_rewrite, rowcount) + 1
enum
{
	COMMAND_TAGS = 0
#include "tcop/cmdtaglist.h"
};
#undef PG_CMDTAG

static const uint32 struct_sizes[SNAPSHOT_NTYPES] = {
	[SNAPSHOT_END] = 0,
	[SNAPSHOT_STATEMENTS] = sizeof(StatementsInfo),
	[SNAPSHOT_STATEMENT] = sizeof(SnapshotStatement),
	[SNAPSHOT_EVICTED] = sizeof(SnapshotEvicted),
	[SNAPSHOT_SLOWLOG] = sizeof(SlowringState),
	[SNAPSHOT_SLOW] = sizeof(SharedSlowRecord),
	[SNAPSHOT_PATTERNS] = sizeof(PatternsState),
	[SNAPSHOT_PATTERN] = sizeof(Pattern),
	[SNAPSHOT_TOTALS] = sizeof(DatabaseTotals),
	[SNAPSHOT_ERRORS] = sizeof(ErrorTotal),
	[SNAPSHOT_BASE] = sizeof(SnapshotBase),
	[SNAPSHOT_WAITS] = sizeof(WaitsInfo),
	[SNAPSHOT_WAIT] = sizeof(WaitEntry)
};

void
snapshot_header(SnapshotHeader *header, uint64 system_identifier,
				TimestampTz saved_at, bool complete)
{
	memset(header, 0, sizeof(SnapshotHeader));
	memcpy(header->magic, SNAPSHOT_MAGIC, sizeof(header->magic));
	header->byte_order = SNAPSHOT_BYTE_ORDER;
	header->format = SNAPSHOT_FORMAT;
	header->server_major = PG_MAJORVERSION_NUM;
	header->header_size = sizeof(SnapshotHeader);
	header->system_identifier = system_identifier;
	header->saved_at = saved_at;
	header->complete = complete;
	memcpy(header->sizes, struct_sizes, sizeof(header->sizes));
	header->histogram_buckets = HISTOGRAM_BUCKETS;
}

/*
 * Values
 */

static bool
valid_timestamp(TimestampTz t)
{
	return t == 0 || IS_VALID_TIMESTAMP(t);
}

static bool
valid_amount(double amount)
{
	return amount >= 0 && isfinite(amount);
}

static bool
valid_encoding(int encoding)
{
	return encoding == -1 || PG_VALID_BE_ENCODING(encoding);
}

/* Is there a NUL in it? */
static bool
valid_string(const char *string, Size size)
{
	return memchr(string, '\0', size) != NULL;
}

static bool
valid_times(const TimeStats *times)
{
	return times->count >= 0;
}

static bool
valid_counters(const StatementCounters *c)
{
	return c->calls >= 0 && c->errors >= 0 && c->cancels >= 0 &&
		c->slow_calls >= 0 && c->timeouts >= 0 &&
		valid_times(&c->exec) && valid_times(&c->plan) &&
		valid_timestamp(c->last_seen) && valid_timestamp(c->last_slow);
}

static bool
valid_value(const ShapeValue *value)
{
	return value->source <= SHAPE_VALUE_LITERAL && value->list <= 1 &&
		value->number >= 0;
}

static bool
valid_shape(const StatementShape *shape)
{
	if (shape->command > SHAPE_UTILITY ||
		shape->nrelations > SHAPE_MAX_RELATIONS ||
		shape->nconditions > SHAPE_MAX_CONDITIONS ||
		!valid_value(&shape->offset_value) ||
		(shape->command == SHAPE_UTILITY && shape->noutput >= COMMAND_TAGS))
		return false;
	for (int i = 0; i < shape->nconditions; i++)
	{
		if (!valid_value(&shape->conditions[i].value))
			return false;
	}
	return true;
}

/*
 * Records: "length" is that of the payload, at least that of its struct
 */

static bool
valid_statement(const SnapshotStatement *s, Size length)
{
	const StatementRow *row = &s->row;
	const char *text = (const char *) (s + 1);
	const char *tables;
	const char *end = (const char *) s + length;

	if (s->texts_length != length - sizeof(SnapshotStatement) ||
		row->key.toplevel > 1 || !valid_shape(&row->shape) ||
		!valid_counters(&row->counters) || !valid_amount(row->usage) ||
		!valid_timestamp(row->stats_since) ||
		!valid_timestamp(row->minmax_since) ||
		!valid_encoding(row->encoding))
		return false;
	if (s->texts_length == 0)
		return true;

	/* the query; names of tables; an empty one; the origin */
	if (!valid_string(text, s->texts_length))
		return false;
	for (tables = text + strlen(text) + 1;
		 tables < end && *tables != '\0';
		 tables += strlen(tables) + 1)
	{
		if (!valid_string(tables, end - tables))
			return false;
	}
	return tables < end - 1 && valid_string(tables + 1, end - (tables + 1)) &&
		tables + strlen(tables + 1) + 2 == end;
}

static bool
valid_evicted(const SnapshotEvicted *evicted)
{
	return evicted->statements >= 0 && valid_counters(&evicted->counters);
}

/* A string of this length and its NUL at *p, up to end?  Moves *p past it. */
static bool
take_string(const char **p, const char *end, int32 length)
{
	if (length < 0 || end - *p <= length ||
		memchr(*p, '\0', (Size) length + 1) != *p + length)
		return false;
	*p += length + 1;
	return true;
}

static bool
valid_slow(const SharedSlowRecord *record, Size length)
{
	const char *p = (const char *) (record + 1);
	const char *end = (const char *) record + length;

	if (record->size != length || length != MAXALIGN(length) ||
		record->id <= 0 || !valid_encoding(record->encoding) ||
		!valid_timestamp(record->started_at) ||
		record->outcome < OUTCOME_COMPLETED ||
		record->outcome > OUTCOME_TIMEOUT || record->nvalues < -1)
		return false;
	for (int i = 0; i < SLOW_NSTRINGS; i++)
	{
		if (record->lengths[i] != -1 &&
			!take_string(&p, end, record->lengths[i]))
			return false;
	}
	for (int i = 0; i < record->nvalues; i++)
	{
		SharedSlowValue value;

		if (end - p < (ptrdiff_t) sizeof(value))
			return false;
		memcpy(&value, p, sizeof(value));
		p += sizeof(value);
		if (value.length < -2 ||
			(value.length >= 0 && !take_string(&p, end, value.length)))
			return false;
	}
	return true;
}

static bool
valid_patterns(const PatternsState *state)
{
	return state->nroutes >= 0 && state->nroutes <= PATTERN_MAX_NAMES &&
		state->napplications >= 0 &&
		state->napplications <= PATTERN_MAX_NAMES;
}

#define VALID_STRING(field)		valid_string(field, sizeof(field))

static bool
valid_pattern(const Pattern *pattern)
{
	const PatternStrings *strings = &pattern->strings;
	const char *value = strings->values;

	if (pattern->key.queryid == 0 || pattern->key.kind <= REPEAT_NONE ||
		pattern->key.kind > REPEAT_DEEP_OFFSET ||
		(int) pattern->confidence < CONFIDENCE_NONE ||
		pattern->confidence > CONFIDENCE_CONFIRMED ||
		(int) pattern->relationship < RELATIONSHIP_NONE ||
		pattern->relationship > RELATIONSHIP_DEFERRED_COLUMN ||
		pattern->bursts < 0 || pattern->executions < 0 ||
		!valid_amount(pattern->exec_time) ||
		!valid_amount(pattern->burst_time) ||
		!valid_amount(pattern->time_lost) ||
		!valid_timestamp(pattern->first_seen) ||
		!valid_timestamp(pattern->last_seen) ||
		!valid_encoding(strings->encoding) ||
		!VALID_STRING(strings->application_name) ||
		!VALID_STRING(strings->route) ||
		!VALID_STRING(strings->trace_id) ||
		!VALID_STRING(strings->key_column) ||
		!VALID_STRING(strings->parent_column) ||
		!VALID_STRING(strings->constraint_name) ||
		!VALID_STRING(strings->framework))
		return false;

	for (int i = 0; i < strings->nvalues; i++)
	{
		Size		left = strings->values + sizeof(strings->values) - value;

		if (left == 0 || !valid_string(value, left))
			return false;
		value += strlen(value) + 1;
	}
	return strings->nvalues >= -1;
}

static bool
valid_wait(const WaitEntry *entry)
{
	return entry->samples >= 0 && entry->total_time >= 0 &&
		valid_timestamp(entry->last_seen) &&
		VALID_STRING(entry->application) && VALID_STRING(entry->type) &&
		VALID_STRING(entry->event);
}

static bool
valid_record(const SnapshotFrame *frame)
{
	const void *payload = snapshot_payload(frame);

	if (frame->length < struct_sizes[frame->type])
		return false;
	if (frame->type != SNAPSHOT_STATEMENT && frame->type != SNAPSHOT_SLOW &&
		frame->length != struct_sizes[frame->type])
		return false;

	switch ((SnapshotRecordType) frame->type)
	{
		case SNAPSHOT_STATEMENTS:
			return valid_timestamp(((const StatementsInfo *) payload)->stats_reset);
		case SNAPSHOT_STATEMENT:
			return valid_statement(payload, frame->length);
		case SNAPSHOT_EVICTED:
			return valid_evicted(payload);
		case SNAPSHOT_SLOW:
			return valid_slow(payload, frame->length);
		case SNAPSHOT_PATTERNS:
			return valid_patterns(payload);
		case SNAPSHOT_PATTERN:
			return valid_pattern(payload);
		case SNAPSHOT_WAIT:
			return valid_wait(payload);
		case SNAPSHOT_END:
		case SNAPSHOT_WAITS:
		case SNAPSHOT_SLOWLOG:
		case SNAPSHOT_TOTALS:
		case SNAPSHOT_ERRORS:
		case SNAPSHOT_BASE:
		case SNAPSHOT_NTYPES:
			break;
	}
	return true;
}

/*
 * The file
 */

static bool
crc_matches(const char *data, Size size)
{
	pg_crc32c	stored;
	pg_crc32c	crc;

	memcpy(&stored, data + size - sizeof(stored), sizeof(stored));
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, size - sizeof(stored));
	FIN_CRC32C(crc);
	return EQ_CRC32C(stored, crc);
}

const char *
snapshot_fault(const char *data, Size size, uint64 system_identifier)
{
	const SnapshotHeader *header = (const SnapshotHeader *) data;
	const char *damaged = "is damaged";
	Size		place = sizeof(SnapshotHeader);
	int64		last_slow = 0;
	SnapshotHeader ours;

	if (size < sizeof(SnapshotHeader) + sizeof(SnapshotFrame) +
		sizeof(pg_crc32c))
		return "is too short";
	if (memcmp(header->magic, SNAPSHOT_MAGIC, sizeof(header->magic)) != 0)
		return "is not a snapshot";
	if (header->byte_order != SNAPSHOT_BYTE_ORDER)
		return "was written on another kind of machine";
	if (!crc_matches(data, size))
		return "does not match its checksum";

	snapshot_header(&ours, system_identifier, header->saved_at,
					header->complete == 1);
	if (header->format > SNAPSHOT_FORMAT)
		return "was written by a newer version of pg_querywatch";
	if (header->format != SNAPSHOT_FORMAT)
		return "was written by an older version of pg_querywatch";
	if (header->server_major != ours.server_major)
		return "was written by another major version of PostgreSQL";
	if (header->system_identifier != system_identifier)
		return "was written in another database cluster";
	if (memcmp(header, &ours, sizeof(SnapshotHeader)) != 0)
		return "was written by another build of pg_querywatch";
	if (!valid_timestamp(header->saved_at))
		return damaged;

	for (;;)
	{
		const SnapshotFrame *frame = (const SnapshotFrame *) (data + place);
		Size		left = size - place;

		if (left < sizeof(SnapshotFrame))
			return damaged;
		left -= sizeof(SnapshotFrame);
		if (frame->type >= SNAPSHOT_NTYPES || frame->length > left ||
			SNAPSHOT_PADDED(frame->length) > left || !valid_record(frame))
			return damaged;
		if (frame->type == SNAPSHOT_SLOW)
		{
			const SharedSlowRecord *record = snapshot_payload(frame);

			/* oldest first: the ring's readers rely on it */
			if (record->id <= last_slow)
				return damaged;
			last_slow = record->id;
		}
		if (frame->type == SNAPSHOT_END)
			return left == sizeof(pg_crc32c) ? NULL : damaged;
		place += sizeof(SnapshotFrame) + SNAPSHOT_PADDED(frame->length);
	}
}

const SnapshotFrame *
snapshot_next(const char *data, const SnapshotFrame *frame)
{
	if (frame == NULL)
		frame = (const SnapshotFrame *) (data + sizeof(SnapshotHeader));
	else
		frame = (const SnapshotFrame *)
			((const char *) (frame + 1) + SNAPSHOT_PADDED(frame->length));
	return frame->type == SNAPSHOT_END ? NULL : frame;
}

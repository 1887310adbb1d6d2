/*-------------------------------------------------------------------------
 *
 * snapshot_file.c
 *		Format of a snapshot, and the check that one can be loaded.
 *
 * The CRC finds what a disk or a copy has done to a file.  The rest is
 * checked all the same: whatever a file holds, nothing is read outside of it,
 * and what comes out of it breaks no reader.
 *
 * src/snapshot/snapshot_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "mb/pg_wchar.h"
#include "port/pg_crc32c.h"

#include "snapshot/snapshot_layout.h"

/* How many command tags this server knows */
#define PG_CMDTAG(tag, name, event_trigger, table_rewrite, rowcount) + 1
enum
{
	COMMAND_TAGS = 0
#include "tcop/cmdtaglist.h"
};
#undef PG_CMDTAG

/* Of format 2, whose beginning is the same */
typedef struct SnapshotHeader2
{
	char		magic[8];
	uint32		byte_order;
	uint32		format;
	uint32		server_major;
	uint32		header_size;
	uint64		system_identifier;
	TimestampTz saved_at;
	uint32		sizes[SNAPSHOT_BASE + 1];	/* of each type's struct */
	uint32		histogram_buckets;
	uint32		complete;
	uint32		unused;
} SnapshotHeader2;

static const char damaged[] = "is damaged";

void
snapshot_header(SnapshotHeader *header, uint64 system_identifier,
				TimestampTz saved_at, uint64 id, bool complete)
{
	memset(header, 0, sizeof(SnapshotHeader));
	memcpy(header->magic, SNAPSHOT_MAGIC, sizeof(header->magic));
	header->byte_order = SNAPSHOT_BYTE_ORDER;
	header->format = SNAPSHOT_FORMAT;
	header->server_major = PG_MAJORVERSION_NUM;
	header->header_size = sizeof(SnapshotHeader);
	header->system_identifier = system_identifier;
	header->saved_at = saved_at;
	header->id = id;
	header->complete = complete;
}

/*
 * Keys
 */

static inline uint64
mix(uint64 h, uint64 value)
{
	/* the finalizer of MurmurHash3 */
	h = (h ^ value) * UINT64CONST(0x9E3779B97F4A7C15);
	h ^= h >> 33;
	h *= UINT64CONST(0xFF51AFD7ED558CCD);
	return h ^ h >> 33;
}

uint64
snapshot_key(SnapshotRecordType type, const void *payload)
{
	uint64		h = mix(0, (uint64) type + 1);

	switch (type)
	{
		case SNAPSHOT_STATEMENT:
			{
				const StatementKey *key = &((const SnapshotStatement *) payload)->row.key;

				h = mix(h, key->queryid);
				h = mix(h, (uint64) key->userid << 32 | key->dbid);
				return mix(h, key->toplevel);
			}
		case SNAPSHOT_EVICTED:
			return mix(h, ((const SnapshotEvicted *) payload)->dbid);
		case SNAPSHOT_SLOW:
			return mix(h, (uint64) ((const SharedSlowRecord *) payload)->id);
		case SNAPSHOT_PATTERN:
			{
				const PatternKey *key = &((const Pattern *) payload)->key;

				h = mix(h, key->queryid);
				h = mix(h, key->parent);
				h = mix(h, (uint64) key->userid << 32 | key->dbid);
				h = mix(h, key->application);
				h = mix(h, key->route);
				return mix(h, key->kind);
			}
		case SNAPSHOT_TOTALS:
			return mix(h, ((const DatabaseTotals *) payload)->dbid);
		case SNAPSHOT_ERRORS:
			h = mix(h, ((const ErrorTotal *) payload)->dbid);
			return mix(h, (uint64) ((const ErrorTotal *) payload)->sqlstate_class);
		case SNAPSHOT_WAIT:
			{
				const WaitKey *key = &((const WaitEntry *) payload)->key;

				h = mix(h, key->queryid);
				h = mix(h, (uint64) key->userid << 32 | key->dbid);
				h = mix(h, key->application);
				return mix(h, key->event);
			}
		case SNAPSHOT_PLANWASTE:
			{
				const StatementKey *key = &((const PlanWaste *) payload)->key;

				h = mix(h, key->queryid);
				h = mix(h, (uint64) key->userid << 32 | key->dbid);
				return mix(h, key->toplevel);
			}
		case SNAPSHOT_LOCKWAIT:
			{
				const LockWaitKey *key = &((const LockWait *) payload)->key;

				h = mix(h, key->queryid);
				h = mix(h, (uint64) key->userid << 32 | key->dbid);
				h = mix(h, key->blocker_queryid);
				h = mix(h, (uint64) key->blocker_userid << 32 |
						key->blocker_dbid);
				h = mix(h, key->blocker_application);
				return mix(h, (uint64) key->lock_type << 32 |
						   (uint32) key->blocker);
			}
		default:
			return h;			/* there is one */
	}
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
valid_plan_waste(const PlanWaste *waste)
{
	const WastedScan *scan = &waste->scan;

	return waste->key.queryid != 0 && waste->key.toplevel <= 1 &&
		waste->key.padding == 0 && valid_timestamp(waste->last_seen) &&
		scan->how <= SCAN_WASTE_PAIRS && scan->discarded >= 0 &&
		scan->discarded <= scan->read &&
		(scan->how == SCAN_WASTE_NONE) == (scan->executions == 0) &&
		waste->triggers.scans >= 0 && waste->triggers.rows >= 0 &&
		waste->triggers.time >= 0;
}

static bool
valid_lock_wait(const LockWait *entry)
{
	return entry->key.blocker >= BLOCKER_UNKNOWN &&
		entry->key.blocker < BLOCKER_KINDS && entry->executions >= 0 &&
		entry->samples >= 0 && entry->waited >= 0 &&
		entry->waited_before >= 0 && entry->elapsed >= 0 &&
		entry->longest >= 0 && entry->blocker_time >= 0 &&
		valid_timestamp(entry->first_seen) &&
		valid_timestamp(entry->last_seen) &&
		VALID_STRING(entry->blocker_application) &&
		VALID_STRING(entry->blocker_state);
}

/* A record of this build's layout */
static bool
valid_record(const SnapshotFrame *frame)
{
	const void *payload = snapshot_payload(frame);

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
		case SNAPSHOT_PLANWASTE:
			return valid_plan_waste(payload);
		case SNAPSHOT_LOCKWAIT:
			return valid_lock_wait(payload);
		case SNAPSHOT_END:
		case SNAPSHOT_PLANWASTES:
		case SNAPSHOT_WAITS:
		case SNAPSHOT_LOCKWAITS:
		case SNAPSHOT_SLOWLOG:
		case SNAPSHOT_TOTALS:
		case SNAPSHOT_ERRORS:
		case SNAPSHOT_BASE:
		case SNAPSHOT_LAYOUT:
		case SNAPSHOT_GONE:
		case SNAPSHOT_COMMIT:
		case SNAPSHOT_NTYPES:
			break;
	}
	return true;
}

/*
 * Other layouts
 */

/* A field of ours, in the file's struct */
typedef struct FieldPlace
{
	uint32		to;				/* in our struct */
	uint32		from;			/* in the file's */
	uint32		length;			/* to be copied */
	uint32		missing;		/* bytes behind them, set to "fill" */
	uint8		fill;
} FieldPlace;

/* How records of a type become ours */
typedef struct PartMap
{
	bool		known;			/* the file says what it looks like */
	bool		skipped;		/* of a newer version */
	uint32		size;			/* of the file's struct */
	int			nplaces;
	FieldPlace *places;			/* malloc'd */
} PartMap;

typedef struct Loader
{
	PartMap		parts[SNAPSHOT_NTYPES];
	char	   *records;
	Size		used;
	Size		room;
	bool		no_memory;
	int64		last_slow;		/* id of the last slow record put */
	SnapshotLoaded *loaded;
} Loader;

/* "name": as long as that of a layout */
static void
note_skipped(SnapshotLoaded *loaded, const char *name)
{
	for (int i = 0; i < Min(loaded->nskipped, SNAPSHOT_MAX_SKIPPED); i++)
	{
		if (strcmp(loaded->skipped[i], name) == 0)
			return;
	}
	if (loaded->nskipped < SNAPSHOT_MAX_SKIPPED)
		memcpy(loaded->skipped[loaded->nskipped], name,
			   sizeof(loaded->skipped[0]));
	loaded->nskipped++;
}

/* Takes over how a part looks in the file; false if it is damaged */
static bool
map_part(Loader *loader, const SnapshotLayout *theirs,
		 const SnapshotField *their_fields)
{
	const SnapshotField *fields;
	const SnapshotLayout *ours = snapshot_layout(theirs->type, &fields);
	PartMap    *part;

	if (ours == NULL)
	{
		note_skipped(loader->loaded, theirs->name);
		return true;
	}
	part = &loader->parts[theirs->type];
	if (part->known)
		return false;
	part->known = true;
	part->size = theirs->size;
	if (theirs->version > ours->version)
	{
		part->skipped = true;
		note_skipped(loader->loaded, theirs->name);
		return true;
	}
	part->places = malloc(sizeof(FieldPlace) * ours->nfields);
	if (part->places == NULL)
	{
		loader->no_memory = true;
		return true;
	}
	part->nplaces = (int) ours->nfields;
	for (int i = 0; i < part->nplaces; i++)
	{
		const SnapshotField *field = &fields[i];
		FieldPlace *place = &part->places[i];
		uint32		whole = field->size * field->count;

		memset(place, 0, sizeof(FieldPlace));
		place->to = field->offset;
		place->fill = (uint8) field->missing;
		place->missing = whole;
		for (uint32 f = 0; f < theirs->nfields; f++)
		{
			const SnapshotField *their = &their_fields[f];
			Size		length = (Size) field->size *
			Min(field->count, their->count);

			if (their->size != field->size ||
				strcmp(their->name, field->name) != 0)
				continue;
			if (their->offset > part->size ||
				length > part->size - their->offset)
				return false;
			place->from = their->offset;
			place->length = (uint32) length;
			place->missing = whole - place->length;
			break;
		}
	}
	return true;
}

static bool
map_layout(Loader *loader, const SnapshotFrame *frame)
{
	const SnapshotLayout *layout = snapshot_payload(frame);
	const SnapshotField *fields = (const SnapshotField *) (layout + 1);

	if (frame->length < sizeof(SnapshotLayout) ||
		(frame->length - sizeof(SnapshotLayout)) / sizeof(SnapshotField) !=
		layout->nfields ||
		(frame->length - sizeof(SnapshotLayout)) % sizeof(SnapshotField) != 0 ||
		!valid_string(layout->name, sizeof(layout->name)))
		return false;
	for (uint32 i = 0; i < layout->nfields; i++)
	{
		if (!valid_string(fields[i].name, sizeof(fields[i].name)))
			return false;
	}
	return map_part(loader, layout, fields);
}

/* Room for so many bytes behind the records; NULL if there is no memory */
static char *
make_room(Loader *loader, Size size)
{
	if (loader->room - loader->used < size)
	{
		Size		room = (loader->used + size) * 2;
		char	   *records = realloc(loader->records, room);

		if (records == NULL)
		{
			loader->no_memory = true;
			return NULL;
		}
		loader->records = records;
		loader->room = room;
	}
	memset(loader->records + loader->used, 0, size);
	return loader->records + loader->used;
}

/*
 * Puts a record of the file, as one of ours, behind the others, or passes over
 * it.  *put: the copy, or NULL.  False if it is damaged.
 */
static bool
put_record(Loader *loader, const SnapshotFrame *frame,
		   const SnapshotFrame **put)
{
	const SnapshotField *fields;
	const SnapshotLayout *ours = snapshot_layout(frame->type, &fields);
	const char *from = snapshot_payload(frame);
	PartMap    *part;
	SnapshotFrame *copy;
	Size		tail;
	Size		length;
	char	   *to;

	*put = NULL;
	if (ours == NULL)
		return true;			/* said where its layout is */
	part = &loader->parts[frame->type];
	if (!part->known || frame->length < part->size)
		return false;
	if (part->skipped)
		return true;

	tail = frame->length - part->size;
	length = ours->size + tail;
	if (tail > 0 && frame->type != SNAPSHOT_STATEMENT &&
		frame->type != SNAPSHOT_SLOW)
		return false;
	if (frame->type == SNAPSHOT_SLOW && part->size != ours->size)
		length = MAXALIGN(length);
	if (length > PG_INT32_MAX)
		return false;
	copy = (SnapshotFrame *) make_room(loader, sizeof(SnapshotFrame) +
									   SNAPSHOT_PADDED(length));
	if (copy == NULL)
		return true;
	copy->type = frame->type;
	copy->length = (uint32) length;
	to = (char *) (copy + 1);
	for (int i = 0; i < part->nplaces; i++)
	{
		const FieldPlace *place = &part->places[i];

		memcpy(to + place->to, from + place->from, place->length);
		memset(to + place->to + place->length, place->fill, place->missing);
	}
	memcpy(to + ours->size, from + part->size, tail);
	if (frame->type == SNAPSHOT_SLOW)
	{
		SharedSlowRecord *record = (SharedSlowRecord *) to;

		if (record->size != frame->length)
			return false;
		record->size = copy->length;

		/* oldest first: the ring's readers rely on it */
		if (record->id <= loader->last_slow)
			return false;
		loader->last_slow = record->id;
	}
	if (!valid_record(copy))
		return false;
	loader->used += sizeof(SnapshotFrame) + SNAPSHOT_PADDED(length);
	*put = copy;
	return true;
}

/*
 * The files
 */

static bool
crc_matches(const char *data, Size size, pg_crc32c stored)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, size);
	FIN_CRC32C(crc);
	return EQ_CRC32C(stored, crc);
}

/* The frame at a place, if all of it is before the end; or NULL */
static const SnapshotFrame *
frame_at(const char *data, Size place, Size end)
{
	const SnapshotFrame *frame = (const SnapshotFrame *) (data + place);

	if (end - place < sizeof(SnapshotFrame) ||
		frame->length > end - place - sizeof(SnapshotFrame) ||
		SNAPSHOT_PADDED((Size) frame->length) >
		end - place - sizeof(SnapshotFrame))
		return NULL;
	return frame;
}

static inline Size
after_frame(Size place, const SnapshotFrame *frame)
{
	return place + sizeof(SnapshotFrame) +
		SNAPSHOT_PADDED((Size) frame->length);
}

/* What is wrong with the beginning and the end of a base, or NULL */
static const char *
check_envelope(const char *data, Size size, uint64 system_identifier)
{
	const SnapshotHeader *header = (const SnapshotHeader *) data;
	pg_crc32c	stored;

	if (size < sizeof(SnapshotHeader) + sizeof(SnapshotFrame) +
		sizeof(pg_crc32c))
		return "is too short";
	if (memcmp(header->magic, SNAPSHOT_MAGIC, sizeof(header->magic)) != 0)
		return "is not a snapshot";
	if (header->byte_order != SNAPSHOT_BYTE_ORDER)
		return "was written on another kind of machine";
	memcpy(&stored, data + size - sizeof(stored), sizeof(stored));
	if (!crc_matches(data, size - sizeof(stored), stored))
		return "does not match its checksum";

	if (header->format > SNAPSHOT_FORMAT)
		return "was written by a newer version of pg_querywatch";
	if (header->format != SNAPSHOT_FORMAT && header->format != 2)
		return "was written by an older version of pg_querywatch";
	if (header->server_major != PG_MAJORVERSION_NUM)
		return "was written by another major version of PostgreSQL";
	if (header->system_identifier != system_identifier)
		return "was written in another database cluster";
	if (!valid_timestamp(header->saved_at))
		return damaged;
	return NULL;
}

/* The rest of the header */
static const char *
read_header(Loader *loader, const char *data, Size size)
{
	const SnapshotHeader *header = (const SnapshotHeader *) data;
	const SnapshotHeader2 *header2 = (const SnapshotHeader2 *) data;
	uint32		complete = header->complete;

	loader->loaded->saved_at = header->saved_at;
	if (header->format == 2)
	{
		if (size < sizeof(SnapshotHeader2) ||
			header->header_size != sizeof(SnapshotHeader2) ||
			header2->histogram_buckets != HISTOGRAM_BUCKETS)
			return "was written by another build of pg_querywatch";
		for (int type = 1; type <= SNAPSHOT_BASE; type++)
		{
			const SnapshotField *fields;
			const SnapshotLayout *layout = snapshot_layout_2(type, &fields);

			if (layout->size != header2->sizes[type])
				return "was written by another build of pg_querywatch";
			if (!map_part(loader, layout, fields))
				return damaged;
		}
		complete = header2->complete;
	}
	else if (header->header_size != sizeof(SnapshotHeader))
		return damaged;
	if (complete > 1)
		return damaged;
	loader->loaded->complete = complete == 1;
	return NULL;
}

/*
 * Changes
 */

/* What the changes say last of a key */
typedef struct Change
{
	uint64		key;
	const SnapshotFrame *record;	/* ours; NULL: gone */
	bool		used;
	bool		put;
} Change;

typedef struct Changes
{
	Change	   *changes;		/* malloc'd; a hash, open addressing */
	Size		mask;
	Loader		loader;			/* the records in our layout */
	TimestampTz saved_at;		/* of the last commit; 0: there is none */
} Changes;

static Change *
find_change(const Changes *changes, uint64 key)
{
	Size		i = (Size) (key ^ key >> 32) & changes->mask;

	while (changes->changes[i].used && changes->changes[i].key != key)
		i = (i + 1) & changes->mask;
	return &changes->changes[i];
}

/*
 * The end of the last change that is there as a whole, and how many keys there
 * are up to it at most; 0 if there is none
 */
static Size
find_end(const char *data, Size size, Size *nkeys, TimestampTz *saved_at)
{
	Size		place = sizeof(SnapshotChanges);
	Size		checked = place;
	Size		end = 0;
	Size		n = 0;
	pg_crc32c	crc;
	const SnapshotFrame *frame;

	INIT_CRC32C(crc);
	while ((frame = frame_at(data, place, size)) != NULL)
	{
		Size		after = after_frame(place, frame);

		n++;
		if (frame->type == SNAPSHOT_GONE)
			n += frame->length / sizeof(uint64);
		if (frame->type == SNAPSHOT_COMMIT)
		{
			const SnapshotCommit *commit = snapshot_payload(frame);
			Size		upto;
			pg_crc32c	found;

			if (frame->length != sizeof(SnapshotCommit))
				break;
			upto = (const char *) &commit->crc - data;
			COMP_CRC32C(crc, data + checked, upto - checked);
			checked = upto;
			found = crc;
			FIN_CRC32C(found);
			if (!EQ_CRC32C(found, commit->crc) ||
				!valid_timestamp(commit->saved_at))
				break;
			end = after;
			*nkeys = n;
			*saved_at = commit->saved_at;
		}
		place = after;
	}
	return end;
}

/* Reads the changes into a hash; what is wrong with them, or NULL */
static const char *
read_changes(Changes *changes, const char *data, Size size, uint64 id)
{
	const SnapshotChanges *header = (const SnapshotChanges *) data;
	Size		nkeys = 0;
	Size		room = 8;
	Size		end;

	if (size < sizeof(SnapshotChanges))
		return NULL;			/* it was just being made */
	if (memcmp(header->magic, SNAPSHOT_CHANGES_MAGIC,
			   sizeof(header->magic)) != 0)
		return "is not a snapshot";
	if (header->byte_order != SNAPSHOT_BYTE_ORDER ||
		header->format != SNAPSHOT_FORMAT || header->id != id)
		return NULL;			/* of another base */
	end = find_end(data, size, &nkeys, &changes->saved_at);
	if (end == 0)
		return NULL;

	while (room < 2 * nkeys)
		room *= 2;
	changes->mask = room - 1;
	changes->changes = calloc(room, sizeof(Change));
	if (changes->changes == NULL)
	{
		changes->loader.no_memory = true;
		return NULL;
	}

	for (Size place = sizeof(SnapshotChanges); place < end;)
	{
		const SnapshotFrame *frame = frame_at(data, place, end);
		const SnapshotFrame *record;
		Change	   *change;

		if (frame->type == SNAPSHOT_GONE)
		{
			const uint64 *keys = snapshot_payload(frame);

			for (uint32 i = 0; i < frame->length / sizeof(uint64); i++)
			{
				change = find_change(changes, keys[i]);
				change->used = true;
				change->key = keys[i];
				change->record = NULL;
			}
		}
		else if (!put_record(&changes->loader, frame, &record))
			return damaged;
		else if (record != NULL)
		{
			uint64		key = snapshot_key(record->type,
										   snapshot_payload(record));

			/* where it is in the records, which may move yet */
			change = find_change(changes, key);
			change->used = true;
			change->key = key;
			change->record = (const SnapshotFrame *)
				((const char *) record - changes->loader.records + 1);
		}
		if (changes->loader.no_memory)
			return NULL;
		place = after_frame(place, frame);
	}
	for (Size i = 0; i < room; i++)
	{
		if (changes->changes[i].record != NULL)
			changes->changes[i].record = (const SnapshotFrame *)
				(changes->loader.records +
				 ((Size) changes->changes[i].record - 1));
	}
	return NULL;
}

/* Puts a record that is ours already behind the others */
static bool
copy_record(Loader *loader, const SnapshotFrame *record)
{
	Size		size = after_frame(0, record);
	char	   *to = make_room(loader, size);

	if (to == NULL)
		return true;
	if (record->type == SNAPSHOT_SLOW)
	{
		const SharedSlowRecord *slow = snapshot_payload(record);

		if (slow->id <= loader->last_slow)
			return false;
		loader->last_slow = slow->id;
	}
	memcpy(to, record, size);
	loader->used += size;
	return true;
}

/* All records of a base, and what the changes make of them */
static const char *
load_records(Loader *loader, const char *data, Size place, Size size,
			 Changes *changes)
{
	const SnapshotFrame *frame;
	const SnapshotFrame *record;
	char	   *to;

	while ((frame = frame_at(data, place, size)) != NULL &&
		   frame->type != SNAPSHOT_END)
	{
		int64		last_slow = loader->last_slow;
		Size		used = loader->used;

		place = after_frame(place, frame);
		if (frame->type == SNAPSHOT_LAYOUT ?
			!map_layout(loader, frame) : !put_record(loader, frame, &record))
			return damaged;
		if (loader->no_memory)
			return NULL;
		if (frame->type != SNAPSHOT_LAYOUT && record != NULL &&
			changes->changes != NULL)
		{
			Change	   *change = find_change(changes,
											 snapshot_key(record->type,
														  snapshot_payload(record)));

			if (!change->used)
				continue;
			loader->used = used;
			loader->last_slow = last_slow;
			if (change->record != NULL && !change->put &&
				!copy_record(loader, change->record))
				return damaged;
			change->put = true;
		}
	}
	if (frame == NULL || frame->length != 0 || after_frame(place, frame) != size)
		return damaged;

	/* what is new since then, in the order in which it came */
	if (changes->changes != NULL)
	{
		Size		end = changes->loader.used;

		for (place = 0; place < end; place = after_frame(place, frame))
		{
			Change	   *change;

			frame = (const SnapshotFrame *) (changes->loader.records + place);
			change = find_change(changes,
								 snapshot_key(frame->type,
											  snapshot_payload(frame)));
			if (change->record == frame && !change->put &&
				!copy_record(loader, frame))
				return damaged;
		}
	}

	to = make_room(loader, sizeof(SnapshotFrame));
	if (to != NULL)
		((SnapshotFrame *) to)->type = SNAPSHOT_END;
	return NULL;
}

static void
free_loader(Loader *loader)
{
	for (int type = 0; type < SNAPSHOT_NTYPES; type++)
		free(loader->parts[type].places);
	free(loader->records);
}

/* The layouts, which come first, for the changes that are read before */
static bool
read_layouts(Loader *loader, const char *data, Size place, Size size)
{
	const SnapshotFrame *frame;

	while ((frame = frame_at(data, place, size)) != NULL &&
		   frame->type == SNAPSHOT_LAYOUT)
	{
		if (!map_layout(loader, frame))
			return false;
		place = after_frame(place, frame);
	}
	return true;
}

const char *
snapshot_load(const char *base, Size size, const char *changes_data,
			  Size changes_size, uint64 system_identifier,
			  SnapshotLoaded *loaded)
{
	const SnapshotHeader *header = (const SnapshotHeader *) base;
	Loader		loader;
	Changes		changes;
	SnapshotLoaded twice;
	const char *fault;

	memset(loaded, 0, sizeof(SnapshotLoaded));
	fault = check_envelope(base, size, system_identifier);
	if (fault != NULL)
		return fault;

	size -= sizeof(pg_crc32c);
	memset(&loader, 0, sizeof(loader));
	memset(&changes, 0, sizeof(changes));
	memset(&twice, 0, sizeof(twice));
	loader.loaded = loaded;
	changes.loader.loaded = &twice;
	fault = read_header(&loader, base, size);

	if (fault == NULL && changes_data != NULL && header->format != 2)
	{
		if (!read_layouts(&changes.loader, base, sizeof(SnapshotHeader), size))
			fault = damaged;
		else
			loaded->changes_fault = read_changes(&changes, changes_data,
												 changes_size, header->id);
		if (loaded->changes_fault != NULL)
		{
			free(changes.changes);
			changes.changes = NULL;
		}
		else if (changes.saved_at != 0)
		{
			loaded->saved_at = changes.saved_at;
			loaded->complete = false;
		}
	}
	if (fault == NULL)
		fault = load_records(&loader, base, header->header_size, size,
							 &changes);
	if (loader.no_memory || changes.loader.no_memory)
		fault = "does not fit into memory";

	free(changes.changes);
	free_loader(&changes.loader);
	loaded->records = NULL;
	if (fault == NULL)
	{
		loaded->records = loader.records;
		loader.records = NULL;
	}
	free_loader(&loader);
	return fault;
}

const SnapshotFrame *
snapshot_next(const char *records, const SnapshotFrame *frame)
{
	if (frame == NULL)
		frame = (const SnapshotFrame *) records;
	else
		frame = (const SnapshotFrame *)
			((const char *) (frame + 1) + SNAPSHOT_PADDED(frame->length));
	return frame->type == SNAPSHOT_END ? NULL : frame;
}

/*-------------------------------------------------------------------------
 *
 * snapshot_image.h
 *		A snapshot with some of everything, in memory, for the unit test and
 *		for the fuzzer.
 *
 * test/unit/snapshot_image.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SNAPSHOT_IMAGE_H
#define QW_SNAPSHOT_IMAGE_H

#include <math.h>

#include "port/pg_crc32c.h"

#include "snapshot/snapshot_layout.h"

#define SYSTEM_IDENTIFIER	UINT64CONST(7300000000000000001)
#define BASE_ID				UINT64CONST(42)

/* A file in the making */
static char *image = NULL;
static Size image_size = 0;
static Size image_room = 0;
static Size records_at = 0;		/* places of records in it: the first, ... */
static Size last_slow = 0;
static Size pattern_at = 0;

static void
add(const void *data, Size size)
{
	if (image_room < image_size + size)
	{
		image_room = 2 * (image_size + size);
		image = realloc(image, image_room);
	}
	if (size > 0)
		memcpy(image + image_size, data, size);
	image_size += size;
}

static void
add_record(SnapshotRecordType type, const void *data, Size size,
		   const void *more, Size more_size)
{
	static const char zeros[8] = {0};
	SnapshotFrame frame = {type, (uint32) (size + more_size)};

	add(&frame, sizeof(frame));
	add(data, size);
	add(more, more_size);
	add(zeros, SNAPSHOT_PADDED(frame.length) - frame.length);
}

static void
fix_crc(char *data, Size size)
{
	pg_crc32c	crc;

	INIT_CRC32C(crc);
	COMP_CRC32C(crc, data, size - sizeof(crc));
	FIN_CRC32C(crc);
	memcpy(data + size - sizeof(crc), &crc, sizeof(crc));
}

static void
clear(StatementCounters *counters)
{
	memset(counters, 0, sizeof(*counters));
	times_clear(&counters->exec);
	times_clear(&counters->plan);
}

static void
add_statement(uint64 queryid, const char *texts, Size length)
{
	SnapshotStatement s;

	memset(&s, 0, sizeof(s));
	clear(&s.row.counters);
	s.row.key = statement_key(queryid, 10, 5, true);
	s.row.shape.command = SHAPE_SELECT;
	s.row.counters.calls = s.row.counters.exec.count = (int64) queryid;
	s.row.counters.exec.min = s.row.counters.exec.max = 1000;
	s.row.histogram[3] = queryid;
	s.row.usage = (double) queryid;
	s.row.encoding = length > 0 ? 6 : -1;
	s.texts_length = length;
	add_record(SNAPSHOT_STATEMENT, &s, sizeof(s), texts, length);
}

static void
add_slow(int64 id)
{
	char		buffer[1024] = {0};
	SharedSlowRecord record;
	SharedSlowValue value = {23, 2, true};
	SharedSlowValue null = {25, -1, false};
	Size		used = sizeof(record);

	memset(&record, 0, sizeof(record));
	record.id = id;
	record.encoding = 6;
	record.nvalues = 2;
	for (int i = 0; i < SLOW_NSTRINGS; i++)
		record.lengths[i] = -1;
	record.lengths[SLOW_QUERY] = 8;
	memcpy(buffer + used, "SELECT 1", 9);
	used += 9;
	record.lengths[SLOW_PLAN] = 6;
	memcpy(buffer + used, "Result", 7);
	used += 7;
	memcpy(buffer + used, &value, sizeof(value));
	used += sizeof(value);
	memcpy(buffer + used, "42", 3);
	used += 3;
	memcpy(buffer + used, &null, sizeof(null));
	used += sizeof(null);
	record.size = (uint32) MAXALIGN(used);
	memcpy(buffer, &record, sizeof(record));
	add_record(SNAPSHOT_SLOW, buffer, record.size, NULL, 0);
}

/* A layout, "newer" by so many versions */
static void
add_layout(uint32 type, int newer)
{
	const SnapshotField *fields;
	const SnapshotLayout *ours = snapshot_layout(type, &fields);
	SnapshotLayout layout;

	if (ours == NULL)
		return;
	layout = *ours;
	layout.version += newer;
	add_record(SNAPSHOT_LAYOUT, &layout, sizeof(layout), fields,
			   sizeof(SnapshotField) * layout.nfields);
}

/* A file with some of everything */
static void
make_image(void)
{
	SnapshotHeader header;
	StatementsInfo info = {0};
	SnapshotEvicted evicted;
	SlowringState slow = {2, 1, 2, 0, 0};
	PatternsState patterns = {0};
	Pattern		pattern;
	uint32		crc = 0;

	snapshot_header(&header, SYSTEM_IDENTIFIER, 800000000000000, BASE_ID, true);
	add(&header, sizeof(header));
	for (uint32 type = 0; type < SNAPSHOT_NTYPES; type++)
		add_layout(type, 0);
	records_at = image_size;
	add_record(SNAPSHOT_STATEMENTS, &info, sizeof(info), NULL, 0);
	add_statement(1, NULL, 0);
	add_statement(2, "SELECT $1\0\0", 12);
	add_statement(3, "SELECT * FROM a, b\0public.a\0public.b\0\0" "7:23:public", 50);

	memset(&evicted, 0, sizeof(evicted));
	clear(&evicted.counters);
	evicted.dbid = 5;
	add_record(SNAPSHOT_EVICTED, &evicted, sizeof(evicted), NULL, 0);

	add_record(SNAPSHOT_SLOWLOG, &slow, sizeof(slow), NULL, 0);
	add_slow(1);
	last_slow = image_size + sizeof(SnapshotFrame);
	add_slow(2);

	add_record(SNAPSHOT_PATTERNS, &patterns, sizeof(patterns), NULL, 0);
	memset(&pattern, 0, sizeof(pattern));
	pattern.key.queryid = 1;
	pattern.key.kind = REPEAT_LOOKUP;
	pattern.strings.nvalues = 2;
	memcpy(pattern.strings.values, "1\0two", 6);
	pattern_at = image_size + sizeof(SnapshotFrame);
	add_record(SNAPSHOT_PATTERN, &pattern, sizeof(pattern), NULL, 0);

	add_record(SNAPSHOT_END, NULL, 0, NULL, 0);
	add(&crc, sizeof(crc));
	fix_crc(image, image_size);
}

/*
 * A file of changes to it: another count of statement 2, statement 3 gone, a
 * new one, number 4, and after the first commit, statement 4 again
 */
static Size first_commit = 0;	/* its end */

static char *
make_changes(Size *size)
{
	char	   *base = image;
	Size		base_size = image_size;
	SnapshotChanges header = {"", SNAPSHOT_BYTE_ORDER, SNAPSHOT_FORMAT,
	BASE_ID};
	SnapshotStatement gone;
	SlowringState slow = {3, 2, 3, 1, 0};
	uint64		key;
	char	   *changes;

	image = NULL;
	image_size = image_room = 0;
	memcpy(header.magic, SNAPSHOT_CHANGES_MAGIC, sizeof(header.magic));
	add(&header, sizeof(header));
	for (int commits = 0; commits < 2; commits++)
	{
		SnapshotCommit commit = {800000001000000 + commits, 0, 0};
		SnapshotFrame frame = {SNAPSHOT_COMMIT, sizeof(commit)};
		pg_crc32c	crc;

		if (commits == 0)
		{
			add_statement(2, NULL, 0);
			add_statement(4, "SELECT $1\0\0", 12);
			add_record(SNAPSHOT_SLOWLOG, &slow, sizeof(slow), NULL, 0);
			add_slow(3);
			memset(&gone, 0, sizeof(gone));
			gone.row.key = statement_key(3, 10, 5, true);
			key = snapshot_key(SNAPSHOT_STATEMENT, &gone);
			add_record(SNAPSHOT_GONE, &key, sizeof(key), NULL, 0);
		}
		else
			add_statement(4, NULL, 0);
		add(&frame, sizeof(frame));
		add(&commit.saved_at, sizeof(commit.saved_at));
		INIT_CRC32C(crc);
		COMP_CRC32C(crc, image + sizeof(header), image_size - sizeof(header));
		FIN_CRC32C(crc);
		commit.crc = crc;
		add(&commit.crc, sizeof(commit) - offsetof(SnapshotCommit, crc));
		if (commits == 0)
			first_commit = image_size;
	}
	changes = image;
	*size = image_size;
	image = base;
	image_size = image_room = base_size;
	return changes;
}

#endif							/* QW_SNAPSHOT_IMAGE_H */

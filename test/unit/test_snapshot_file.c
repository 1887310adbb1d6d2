/*-------------------------------------------------------------------------
 *
 * test_snapshot_file.c
 *		The check of snapshots: what is damaged is found, and whatever a file
 *		holds, nothing outside of it is read.
 *
 * Given files as arguments, it says of each what is wrong with it, and
 * nothing else: to be run on snapshots of a server, or by a fuzzer.
 *
 * Links: snapshot_file.c
 *
 * test/unit/test_snapshot_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "port/pg_crc32c.h"

#include "snapshot_file.h"
#include "unit.h"

#undef printf

#define SYSTEM_IDENTIFIER	UINT64CONST(7300000000000000001)

/* Place of a field of the header */
#define HEADER(field)	offsetof(SnapshotHeader, field)

/* What Assert() calls; its other arguments differ between versions */
extern void assertion_failed(const char *condition)
			__asm__("ExceptionalCondition");

void
assertion_failed(const char *condition)
{
	printf("Bail out! %s\n", condition);
	abort();
}

static uint64 random_state = 42;

/* From 0 to limit - 1; the same numbers in every run */
static uint64
random_below(uint64 limit)
{
	random_state ^= random_state << 13;
	random_state ^= random_state >> 7;
	random_state ^= random_state << 17;
	return (random_state >> 11) % limit;
}

/* A file in the making */
static char *image = NULL;
static Size image_size = 0;
static Size image_room = 0;
static Size last_slow = 0;		/* places of records in it */
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
	counters->exec.min = counters->plan.min = INFINITY;
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

/* A file with some of everything */
static void
make_image(void)
{
	SnapshotHeader header;
	StatementsInfo info = {0};
	SnapshotEvicted evicted;
	SlowringState slow = {2, 2, 0, 0};
	PatternsState patterns = {0};
	Pattern		pattern;
	uint32		crc = 0;

	snapshot_header(&header, SYSTEM_IDENTIFIER, 800000000000000);
	add(&header, sizeof(header));
	add_record(SNAPSHOT_STATEMENTS, &info, sizeof(info), NULL, 0);
	add_statement(1, NULL, 0);
	add_statement(2, "SELECT $1\0", 11);
	add_statement(3, "SELECT * FROM a, b\0public.a\0public.b\0", 38);

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

/* So that no byte is read in vain, as a compiler might think */
static volatile Size bytes_read;

/*
 * What is wrong with a file; it is checked in memory of just its size.  Where
 * nothing is, its strings are read as a reader of the statistics would.
 */
static const char *
fault_of(const char *data, Size size)
{
	char	   *copy = malloc(size > 0 ? size : 1);
	const char *fault;
	Size		length = 0;

	memcpy(copy, data, size);
	fault = snapshot_fault(copy, size, SYSTEM_IDENTIFIER);
	if (fault == NULL)
	{
		const SnapshotFrame *frame = NULL;

		while ((frame = snapshot_next(copy, frame)) != NULL)
		{
			const char *payload = snapshot_payload(frame);

			for (uint32 i = 0; i < frame->length; i++)
				length += payload[i];
			if (frame->type == SNAPSHOT_STATEMENT &&
				((const SnapshotStatement *) payload)->texts_length > 0)
			{
				const char *name = payload + sizeof(SnapshotStatement);

				do
				{
					length += strlen(name);
					name += strlen(name) + 1;
				} while (*name != '\0');
			}
		}
	}
	free(copy);
	bytes_read = length;
	return fault;
}

static bool
same(const char *a, const char *b)
{
	return a == b || (a != NULL && b != NULL && strcmp(a, b) == 0);
}

/* One byte set, the checksum right */
static void
expect_fault(Size place, char byte, const char *fault)
{
	char	   *copy = malloc(image_size);
	const char *found;

	memcpy(copy, image, image_size);
	copy[place] = byte;
	fix_crc(copy, image_size);
	found = fault_of(copy, image_size);
	ok(same(found, fault), "byte %d: it %s", (int) place, fault);
	free(copy);
}

static int
check_file(const char *path)
{
	FILE	   *file = fopen(path, "rb");
	char	   *data = malloc(64 * 1024 * 1024);
	Size		size;
	const char *fault;

	if (file == NULL || data == NULL)
		return 2;
	size = fread(data, 1, 64 * 1024 * 1024, file);
	fclose(file);
	fault = fault_of(data, size);
	printf("%s: %s\n", path, fault ? fault : "good");
	free(data);
	return fault ? 1 : 0;
}

int
main(int argc, char **argv)
{
	int			missed = 0;
	int			accepted = 0;
	char	   *copy;

	if (argc > 1)
	{
		int			status = 0;

		for (int i = 1; i < argc; i++)
			status = Max(status, check_file(argv[i]));
		return status;
	}

	make_image();
	copy = malloc(image_size + 64);
	ok(fault_of(image, image_size) == NULL, "a whole file can be loaded");

	/* damage */
	for (int i = 0; i < 2000; i++)
	{
		memcpy(copy, image, image_size);
		copy[random_below(image_size)] ^= 1 << random_below(8);
		missed += fault_of(copy, image_size) == NULL;
	}
	is(missed, 0, "2,000 flipped bits are found, wherever they are");

	missed = 0;
	for (Size size = 0; size < image_size; size++)
		missed += fault_of(image, size) == NULL;
	is(missed, 0, "a file cut anywhere is found");

	missed = 0;
	for (int i = 1; i <= 64; i++)
	{
		memcpy(copy, image, image_size);
		memset(copy + image_size, i & 1 ? 0 : i, i);
		missed += fault_of(copy, image_size + i) == NULL;
	}
	is(missed, 0, "a file that is longer is found");

	missed = 0;
	for (int i = 0; i < 2000; i++)
	{
		Size		size = random_below(image_size);

		for (Size place = 0; place < size; place++)
			copy[place] = (char) random_below(256);
		missed += fault_of(copy, size) == NULL;
	}
	is(missed, 0, "random bytes are not taken for a file");

	/* whole, but not ours */
	expect_fault(HEADER(magic), 'x', "is not a snapshot");
	expect_fault(HEADER(byte_order), 1,
				 "was written on another kind of machine");
	expect_fault(HEADER(format), SNAPSHOT_FORMAT + 1,
				 "was written by a newer version of pg_querywatch");
	expect_fault(HEADER(format), 0,
				 "was written by an older version of pg_querywatch");
	expect_fault(HEADER(server_major), PG_MAJORVERSION_NUM + 1,
				 "was written by another major version of PostgreSQL");
	expect_fault(HEADER(system_identifier), 0,
				 "was written in another database cluster");
	expect_fault(HEADER(sizes[SNAPSHOT_PATTERN]), 3,
				 "was written by another build of pg_querywatch");
	expect_fault(HEADER(reserved), 3,
				 "was written by another build of pg_querywatch");

	/* records that do not hold together */
	expect_fault(sizeof(SnapshotHeader), SNAPSHOT_NTYPES, "is damaged");
	expect_fault(sizeof(SnapshotHeader), SNAPSHOT_SLOW, "is damaged");
	expect_fault(sizeof(SnapshotHeader) + 4, 8, "is damaged");
	expect_fault(sizeof(SnapshotHeader) + 7, 127, "is damaged");

	expect_fault(last_slow + offsetof(SharedSlowRecord, id), 1, "is damaged");
	expect_fault(pattern_at + offsetof(Pattern, key.queryid), 0, "is damaged");

	/*
	 * Anything, with a checksum that is right: some of it can be loaded, for
	 * a count may be any number.  Nothing is read where it should not be, or
	 * the sanitizers say so.
	 */
	for (int i = 0; i < 100000; i++)
	{
		int			changes = 1 + (int) random_below(4);

		memcpy(copy, image, image_size);
		while (changes-- > 0)
		{
			Size		place = sizeof(SnapshotHeader) +
			random_below(image_size - sizeof(SnapshotHeader));
			Size		length = 1 + random_below(image_size / 4);

			length = Min(length, image_size - place);

			switch (random_below(4))
			{
				case 0:
					copy[place] ^= 1 << random_below(8);
					break;
				case 1:
					copy[place] = (char) random_below(256);
					break;
				case 2:
					memset(copy + place, random_below(2) ? 0 : 0xFF,
						   Min(length, 16));
					break;
				default:
					memmove(copy + place, image + random_below(image_size / 2),
							length);
					break;
			}
		}
		fix_crc(copy, image_size);
		accepted += fault_of(copy, image_size) == NULL;
	}
	ok(accepted > 1000 && accepted < 99000,
	   "100,000 forged files are read without a fault, or refused");

	free(copy);
	free(image);
	return unit_done();
}

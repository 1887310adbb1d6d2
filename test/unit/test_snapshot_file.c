/*-------------------------------------------------------------------------
 *
 * test_snapshot_file.c
 *		The check of snapshots: what is damaged is found, and whatever a file
 *		holds, nothing outside of it is read.
 *
 * Given files as arguments, it says of each what is wrong with it, and
 * nothing else: to be run on snapshots of a server, or by a fuzzer.
 *
 * Links: snapshot_file.c snapshot_layout.c
 *
 * test/unit/test_snapshot_file.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "snapshot_image.h"
#include "unit.h"

#undef printf

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

/* So that no byte is read in vain, as a compiler might think */
static volatile Size bytes_read;

/* A copy in memory of just its size */
static char *
copy_of(const char *data, Size size)
{
	char	   *copy = malloc(size > 0 ? size : 1);

	memcpy(copy, data, size);
	return copy;
}

/*
 * What is wrong with a file, and changes, or NULL; they are checked in memory of
 * just their size.  Where nothing is, its strings are read as a reader of the
 * statistics would.
 */
static SnapshotLoaded loaded;

/* Statements by number: which are there, with a text; the last text's length */
static int	statements;
static int	texts;
static int	slow_records;
static bool statement_there[8];

static const char *
fault_with(const char *data, Size size, const char *changes, Size changes_size)
{
	char	   *copy = copy_of(data, size);
	char	   *more = changes != NULL ? copy_of(changes, changes_size) : NULL;
	const char *fault;
	Size		length = 0;

	fault = snapshot_load(copy, size, more, changes_size, SYSTEM_IDENTIFIER,
						  &loaded);
	free(copy);
	free(more);
	statements = texts = slow_records = 0;
	memset(statement_there, 0, sizeof(statement_there));
	if (fault == NULL)
	{
		const SnapshotFrame *frame = NULL;

		while ((frame = snapshot_next(loaded.records, frame)) != NULL)
		{
			const char *payload = snapshot_payload(frame);

			for (uint32 i = 0; i < frame->length; i++)
				length += payload[i];
			slow_records += frame->type == SNAPSHOT_SLOW;
			if (frame->type == SNAPSHOT_STATEMENT)
			{
				const SnapshotStatement *s = snapshot_payload(frame);

				statements++;
				if (s->row.key.queryid < lengthof(statement_there))
					statement_there[s->row.key.queryid] = true;
				texts += s->texts_length > 0;
			}
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
	free(loaded.records);
	bytes_read = length;
	return fault;
}

static const char *
fault_of(const char *data, Size size)
{
	return fault_with(data, size, NULL, 0);
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

/*
 * Fields that a layout leaves out: gaps between those listed that are too
 * large to be padding
 */
static void
test_layouts(void)
{
	for (uint32 type = 0; type < SNAPSHOT_NTYPES; type++)
	{
		const SnapshotField *fields;
		const SnapshotLayout *layout = snapshot_layout(type, &fields);
		int			gaps = 0;
		uint32		end = 0;

		if (layout == NULL)
			continue;
		for (uint32 i = 0; i < layout->nfields; i++)
		{
			uint32		align = fields[i].size % 8 == 0 ? 8 :
			fields[i].size % 4 == 0 ? 4 : fields[i].size % 2 == 0 ? 2 : 1;

			/* texts_length and padding of a key, written as such */
			if (fields[i].offset < end || fields[i].offset - end >= Max(align, 8))
				gaps++;
			end = fields[i].offset + fields[i].size * fields[i].count;
		}

		/* of statements, the two pointers behind the last field are not saved */
		if (type == SNAPSHOT_STATEMENT)
			end += 2 * sizeof(char *);
		ok(gaps == 0 && layout->size - end < 8, "%s: every field is saved",
		   layout->name);
	}
}

/*
 * A file whose slow records, statements and state of patterns look otherwise:
 * a field less, one more, and in another order
 */
static void
test_other_layouts(void)
{
	char	   *base = image;
	Size		base_size = image_size;
	SnapshotHeader header;
	struct OldInfo
	{
		int64		stats_reset;
		int64		unknown;
		int64		dealloc;
	}			info = {800000000000000, 7, 5};
	struct
	{
		SnapshotLayout layout;
		SnapshotField fields[3];
	}			old = {{SNAPSHOT_STATEMENTS, 1, sizeof(info), 3, "statement info"},
		{{"stats_reset", 0, 8, 1, 0}, {"unknown", 8, 8, 1, 0}, {"dealloc", 16, 8, 1, 0}}};
	struct
	{
		SnapshotLayout layout;
		SnapshotField fields[1];
	}			newer = {{SNAPSHOT_NTYPES, 1, 8, 1, "history"}, {{"x", 0, 8, 1, 0}}};
	uint64		x = 1;
	uint32		crc = 0;
	const SnapshotFrame *frame;

	image = NULL;
	image_size = image_room = 0;
	snapshot_header(&header, SYSTEM_IDENTIFIER, 800000000000000, BASE_ID, true);
	add(&header, sizeof(header));
	add_record(SNAPSHOT_LAYOUT, &old, sizeof(old), NULL, 0);
	add_record(SNAPSHOT_LAYOUT, &newer, sizeof(newer), NULL, 0);
	add_layout(SNAPSHOT_STATEMENT, 1);
	add_record(SNAPSHOT_STATEMENTS, &info, sizeof(info), NULL, 0);
	add_record((SnapshotRecordType) SNAPSHOT_NTYPES, &x, sizeof(x), NULL, 0);
	add_statement(1, NULL, 0);
	add_record(SNAPSHOT_END, NULL, 0, NULL, 0);
	add(&crc, sizeof(crc));
	fix_crc(image, image_size);

	ok(snapshot_load(image, image_size, NULL, 0, SYSTEM_IDENTIFIER,
					 &loaded) == NULL, "another layout can be loaded");
	frame = snapshot_next(loaded.records, NULL);
	ok(frame != NULL && frame->type == SNAPSHOT_STATEMENTS &&
	   frame->length == sizeof(StatementsInfo) &&
	   ((const StatementsInfo *) snapshot_payload(frame))->dealloc == 5 &&
	   ((const StatementsInfo *) snapshot_payload(frame))->texts_dropped == 0 &&
	   ((const StatementsInfo *) snapshot_payload(frame))->stats_reset == 800000000000000,
	   "fields are found by name");
	ok(snapshot_next(loaded.records, frame) == NULL && loaded.nskipped == 2 &&
	   strcmp(loaded.skipped[0], "history") == 0 &&
	   strcmp(loaded.skipped[1], "statements") == 0,
	   "parts of a newer version are passed over, and named");
	free(loaded.records);

	free(image);
	image = base;
	image_size = image_room = base_size;
}

static void
test_changes(void)
{
	Size		size;
	char	   *changes = make_changes(&size);
	char	   *copy;
	int			wrong = 0;
	Size		changes_read = 0;

	ok(fault_of(image, image_size) == NULL && statements == 3 && texts == 2 &&
	   slow_records == 2 && loaded.complete, "a base alone");
	ok(fault_with(image, image_size, changes, size) == NULL &&
	   loaded.changes_fault == NULL && statements == 3 && texts == 0 &&
	   statement_there[4] && !statement_there[3] && slow_records == 3 &&
	   !loaded.complete && loaded.saved_at == 800000001000001,
	   "and with its changes");

	/* cut anywhere: the base, or the first commit, or both */
	for (Size end = 0; end < size; end++)
	{
		bool		first = end >= first_commit;

		if (fault_with(image, image_size, changes, end) != NULL ||
			loaded.changes_fault != NULL || statements != 3 ||
			statement_there[4] != first || texts != (first ? 1 : 2) ||
			loaded.complete == first)
			wrong++;
	}
	is(wrong, 0, "changes cut anywhere: what was saved before is there");

	/* a flipped bit is as good as a cut */
	for (int i = 0; i < 2000; i++)
	{
		Size		place = random_below(size);

		copy = copy_of(changes, size);
		copy[place] ^= 1 << random_below(8);
		if (fault_with(image, image_size, copy, size) != NULL ||
			statements != 3 ||
			(place < first_commit - sizeof(uint32) && statement_there[4]))
			wrong++;
		free(copy);
	}
	is(wrong, 0, "nor does a flipped bit bring anything wrong");

	copy = copy_of(changes, size);
	((SnapshotChanges *) copy)->id++;
	ok(fault_with(image, image_size, copy, size) == NULL &&
	   loaded.changes_fault == NULL && loaded.complete && !statement_there[4],
	   "changes of another base count for nothing");
	free(copy);

	/* anything, with checksums that are right */
	for (int i = 0; i < 5000; i++)
	{
		Size		place = sizeof(SnapshotChanges) +
		random_below(size - sizeof(SnapshotChanges));
		Size		length = 1 + random_below(8);
		pg_crc32c	crc;

		copy = copy_of(changes, size);
		memset(copy + place, (int) random_below(256),
			   Min(length, size - place));
		INIT_CRC32C(crc);
		COMP_CRC32C(crc, copy + sizeof(SnapshotChanges),
					first_commit - sizeof(uint64) - sizeof(SnapshotChanges));
		FIN_CRC32C(crc);
		memcpy(copy + first_commit - sizeof(uint64), &crc, sizeof(crc));
		if (fault_with(image, image_size, copy, size) == NULL)
			changes_read += loaded.changes_fault == NULL;
		free(copy);
	}
	ok(changes_read > 250, "5,000 forged changes are read without a fault, or refused");
	free(changes);
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

	test_layouts();
	test_other_layouts();
	test_changes();

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
	expect_fault(HEADER(header_size), 3, "is damaged");
	expect_fault(HEADER(complete), 3, "is damaged");

	/* records that do not hold together */
	expect_fault(records_at, SNAPSHOT_SLOW, "is damaged");
	expect_fault(records_at + 4, 8, "is damaged");
	expect_fault(records_at + 7, 127, "is damaged");

	expect_fault(last_slow + offsetof(SharedSlowRecord, id), 1, "is damaged");
	expect_fault(pattern_at + offsetof(Pattern, key.queryid), 0, "is damaged");

	/*
	 * Anything, with a checksum that is right: some of it can be loaded, for
	 * a count may be any number.  Nothing is read where it should not be, or
	 * the sanitizers say so.
	 */
	for (int i = 0; i < 30000; i++)
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
	ok(accepted > 300 && accepted < 29700,
	   "30,000 forged files are read without a fault, or refused");

	free(copy);
	free(image);
	return unit_done();
}

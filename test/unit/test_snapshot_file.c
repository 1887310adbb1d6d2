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
	expect_fault(HEADER(complete), 3,
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

/*-------------------------------------------------------------------------
 *
 * fuzz_snapshot.c
 *		Snapshots: files whose checksum is right, but nothing else need be.
 *
 * Structs differ from one server version to the next, so an input is no file,
 * but says what is changed in a good one, four bytes a time: how, to what, and
 * where.  Places past the base are in its changes.
 *
 * Links: snapshot_file.c snapshot_layout.c
 *
 * test/fuzz/fuzz_snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fuzz.h"
#include "../unit/snapshot_image.h"

/* Reads it all, as those do that load it; what is summed up means nothing */
static Size
read_records(const char *data)
{
	const SnapshotFrame *frame = NULL;
	Size		sum = 0;

	while ((frame = snapshot_next(data, frame)) != NULL)
	{
		const char *payload = snapshot_payload(frame);

		for (uint32 i = 0; i < frame->length; i++)
			sum += (unsigned char) payload[i];
		if (frame->type == SNAPSHOT_STATEMENT)
		{
			const SnapshotStatement *s = snapshot_payload(frame);
			const char *name = payload + sizeof(SnapshotStatement);

			CHECK(s->row.shape.nconditions <= SHAPE_MAX_CONDITIONS);
			CHECK(s->row.shape.nrelations <= SHAPE_MAX_RELATIONS);
			if (s->texts_length > 0)
			{
				do
				{
					sum += strlen(name);
					name += strlen(name) + 1;
				} while (*name != '\0');
			}
		}
		else if (frame->type == SNAPSHOT_SLOW)
		{
			const SharedSlowRecord *record = snapshot_payload(frame);
			const char *p = (const char *) (record + 1);

			CHECK(record->size == frame->length);
			for (int i = 0; i < SLOW_NSTRINGS; i++)
			{
				if (record->lengths[i] >= 0)
				{
					CHECK(strlen(p) == record->lengths[i]);
					p += record->lengths[i] + 1;
				}
			}
			for (int i = 0; i < record->nvalues; i++)
			{
				SharedSlowValue value;

				memcpy(&value, p, sizeof(value));
				p += sizeof(value);
				if (value.length >= 0)
				{
					CHECK(strlen(p) == value.length);
					p += value.length + 1;
				}
			}
			CHECK(p <= payload + frame->length);
		}
		else if (frame->type == SNAPSHOT_PATTERN)
		{
			const Pattern *pattern = snapshot_payload(frame);
			const char *value = pattern->strings.values;

			for (int i = 0; i < pattern->strings.nvalues; i++)
				value += strlen(value) + 1;
			CHECK(value <= pattern->strings.values +
				  sizeof(pattern->strings.values));
			sum += strlen(pattern->strings.application_name) +
				strlen(pattern->strings.route);
		}
	}
	return sum;
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char *good_changes;
	static Size good_size;
	char	   *file;
	char	   *changes;
	Size		file_size;
	pg_crc32c	crc;
	SnapshotLoaded loaded;
	volatile Size sum = 0;

	if (image == NULL)
	{
		make_image();
		good_changes = make_changes(&good_size);
	}
	file = fuzz_copy((const uint8_t *) image, image_size);
	changes = fuzz_copy((const uint8_t *) good_changes, good_size);
	file_size = image_size;

	for (; size >= 4; data += 4, size -= 4)
	{
		Size		anywhere = (data[2] | data[3] << 8) % (file_size + good_size);
		Size		place = anywhere % file_size;
		Size		length = Min(file_size - place, sizeof(uint64));

		if (anywhere >= file_size)
		{
			changes[anywhere - file_size] = (char) data[1];
			continue;
		}
		switch (data[0] % 5)
		{
			case 0:
				file[place] = (char) data[1];
				break;
			case 1:
				memset(file + place, data[1], length);
				break;
			case 2:
				file[place] ^= data[1];
				break;
			case 3:
				memmove(file + place, image + (Size) data[1] * 8 % file_size,
						Min(file_size - place,
							file_size - (Size) data[1] * 8 % file_size));
				break;
			case 4:
				if (data[1] == 0 && place >= sizeof(SnapshotHeader) +
					sizeof(SnapshotFrame) + sizeof(pg_crc32c))
					file_size = place;
				break;
		}
	}
	file = realloc(file, file_size);
	fix_crc(file, file_size);
	INIT_CRC32C(crc);
	COMP_CRC32C(crc, changes + sizeof(SnapshotChanges),
				first_commit - sizeof(uint64) - sizeof(SnapshotChanges));
	FIN_CRC32C(crc);
	memcpy(changes + first_commit - sizeof(uint64), &crc, sizeof(crc));
	if (snapshot_load(file, file_size, changes, good_size, SYSTEM_IDENTIFIER,
					  &loaded) == NULL)
		sum = read_records(loaded.records);
	(void) sum;
	free(loaded.records);
	free(file);
	free(changes);
	return 0;
}

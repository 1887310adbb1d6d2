/*-------------------------------------------------------------------------
 *
 * table_texts.c
 *		The texts of the statements in the table.
 *
 * A text belongs to its entry and is changed under its partition's lock, held
 * exclusively, and its mutex.  A reader of all texts takes no lock while it
 * copies one: it looks for a change afterwards.
 *
 * src/statements/table_texts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/pg_prng.h"
#include "mb/pg_wchar.h"

#include "common/visible.h"
#include "statements/table_internal.h"

/* Texts dropped at most to make room for one */
#define TEXT_DROP_TRIES		16

/* Copies tried of a text that changes meanwhile */
#define TEXT_COPY_TRIES		100

/*
 * Gives an entry a text, or takes it away; partition held exclusively.  Is the
 * entry pinned?
 */
static bool
set_text(SharedStatement *entry, TextRef text, Size size, Size length,
		 int encoding)
{
	bool		pinned;

	SpinLockAcquire(&entry->mutex);
	entry->text = text;
	entry->text_size = size;
	entry->text_length = length;
	entry->encoding = encoding;
	entry->text_changes++;
	pinned = entry->pins > 0;
	SpinLockRelease(&entry->mutex);
	return pinned;
}

/* Drops the text of a little used statement of some partition */
static void
drop_a_text(void)
{
	int			partition = pg_prng_uint32(&pg_global_prng_state) %
	STATEMENT_PARTITIONS;
	uint32		bucket;
	uint32		i;
	bool		pinned;

	LWLockAcquire(partition_lock(partition), LW_EXCLUSIVE);
	i = table_least_used(partition, true, &bucket);
	if (i != NO_ENTRY)
	{
		TextRef		text = table_statements[i].text;

		pinned = set_text(&table_statements[i], TEXT_NONE, 0, 0, -1);
		texts_free(text);
		pg_atomic_fetch_add_u64(&table_header->texts_dropped, 1);

		/*
		 * only who has it in a slot believes that the text is there; who
		 * keeps it without one looks each time (kept.c)
		 */
		if (pinned)
			pg_atomic_fetch_add_u32(&table_header->text_serial, 1);
	}
	LWLockRelease(partition_lock(partition));
}

bool
table_describe(const StatementKey *key, const TableRef *ref,
			   const char *text, Size text_length,
			   const char *tables, Size tables_length,
			   const StatementShape *shape, uint32 *shape_serial)
{
	SharedStatement *entry;
	LWLock	   *lock = partition_lock(table_partition(key));
	Size		length = text_length + 1 + tables_length;
	char	   *joined = palloc_extended(length, MCXT_ALLOC_NO_OOM);
	TextRef		stored = TEXT_NONE;
	bool		has_text = false;

	*shape_serial = 0;
	if (joined != NULL)
	{
		memcpy(joined, text, text_length);
		joined[text_length] = '\0';
		memcpy(joined + text_length + 1, tables, tables_length);

		stored = texts_store(joined, length);
		for (int tries = 0; stored == TEXT_NONE && tries < TEXT_DROP_TRIES &&
			 length <= texts_limit() / 4; tries++)
		{
			drop_a_text();
			stored = texts_store(joined, length);
		}
		pfree(joined);
	}
	if (stored == TEXT_NONE)
		pg_atomic_fetch_add_u64(&table_header->texts_dropped, 1);

	LWLockAcquire(lock, LW_EXCLUSIVE);
	entry = lock_statement(ref);
	if (entry != NULL)
	{
		if (memcmp(&entry->shape, shape, sizeof(StatementShape)) != 0)
		{
			entry->shape = *shape;
			entry->shape_serial++;
		}
		*shape_serial = entry->shape_serial;
		has_text = entry->text != TEXT_NONE;
		SpinLockRelease(&entry->mutex);

		if (!has_text && stored != TEXT_NONE)
		{
			set_text(entry, stored, length, text_length,
					 GetDatabaseEncoding());
			stored = TEXT_NONE;
			has_text = true;
		}
	}
	/* not needed: somebody else was faster, or the entry has gone */
	texts_free(stored);
	LWLockRelease(lock);
	return has_text;
}

bool
table_look(const TableRef *ref, uint32 *text_serial, bool *has_text)
{
	SharedStatement *entry;

	*text_serial = pg_atomic_read_u32(&table_header->text_serial);
	entry = lock_statement(ref);
	*has_text = entry != NULL && entry->text != TEXT_NONE;
	if (entry != NULL)
		SpinLockRelease(&entry->mutex);
	return entry != NULL;
}

/* What is to be copied of an entry's text, if it still is the statement's */
static bool
look_at_text(const TableRef *ref, TableText *text)
{
	SharedStatement *entry = lock_statement(ref);

	if (entry == NULL)
		return false;
	text->ref = entry->text;
	text->size = entry->text_size;
	text->length = entry->text_length;
	text->encoding = entry->encoding;
	text->changes = entry->text_changes;
	SpinLockRelease(&entry->mutex);
	return text->ref != TEXT_NONE;
}

bool
table_copy_text(const TableRef *ref, StringInfo buffer, TableText *text)
{
	const volatile SharedStatement *entry = &table_statements[ref->entry];

	for (int tries = 0; tries < TEXT_COPY_TRIES; tries++)
	{
		int			start = buffer->len;

		if (!look_at_text(ref, text))
			return false;
		enlargeStringInfo(buffer, text->size);
		text->offset = start;
		if (texts_try_copy(text->ref, text->size, buffer->data + start))
		{
			pg_read_barrier();
			if (entry->text_changes == text->changes)
			{
				buffer->len += text->size;
				return true;
			}
		}
	}
	return false;
}

/*
 * A copy of what is stored of the statement: its text, a NUL, and the names of
 * its tables at *tables.  NULL if it is not there.
 */
static char *
copy_texts(const StatementKey *key, const char **tables, int *encoding)
{
	uint32		bucket = table_bucket(key);
	LWLock	   *lock = partition_lock(bucket_partition(bucket));
	Size		max = 0;
	Size		needed = 1;
	Size		text_length = 0;
	char	   *buffer = NULL;

	/* its length is known only under the lock, where nothing is allocated */
	while (needed > max)
	{
		uint32		i;

		max = Max(needed, 1024);
		if (buffer)
			pfree(buffer);
		buffer = palloc(max);
		needed = 0;

		LWLockAcquire(lock, LW_SHARED);
		i = table_find(key, bucket);
		if (i != NO_ENTRY && table_statements[i].text != TEXT_NONE)
		{
			needed = texts_length(table_statements[i].text);
			text_length = table_statements[i].text_length;
			*encoding = table_statements[i].encoding;
			if (needed <= max)
				texts_copy(table_statements[i].text, buffer);
		}
		LWLockRelease(lock);
	}
	if (needed == 0)
	{
		pfree(buffer);
		return NULL;
	}
	Assert(buffer[text_length] == '\0');
	*tables = buffer + text_length + 1;
	return buffer;
}

char *
statements_raw_text(const StatementKey *key, int *encoding)
{
	const char *tables;

	return copy_texts(key, &tables, encoding);
}

char *
statements_text(const StatementKey *key)
{
	const char *tables;
	int			encoding;
	char	   *text = copy_texts(key, &tables, &encoding);

	return text ? visible_text(text, encoding) : NULL;
}

const char *
statements_tables(const StatementKey *key, int *encoding)
{
	const char *tables;

	return copy_texts(key, &tables, encoding) ? tables : NULL;
}

/*-------------------------------------------------------------------------
 *
 * texts.c
 *		Chunked store for the texts of statements.
 *
 * The chunks that are free form a list, linked like the chunks of a text.
 * The lock protects that list and the count only: the bytes of a chunk that
 * was taken belong to the taker, and are published with the entry that refers
 * to them.
 *
 * src/statements/texts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/settings.h"
#include "common/shmem.h"
#include "statements/texts.h"

#define CHUNK_SIZE	128
#define CHUNK_DATA	(CHUNK_SIZE - 2 * sizeof(uint32))

typedef struct SharedTextChunk
{
	uint32		next;			/* chunk number, 0: last */
	uint32		length;			/* of the whole text; in its first chunk */
	char		data[CHUNK_DATA];
} SharedTextChunk;

typedef struct SharedTexts
{
	uint32		nchunks;		/* those that can be used, numbered from 1 */
	uint32		nfree;
	uint32		first_free;		/* 0: none */
	uint32		never_used;		/* chunks from here on were never taken */
	SharedTextChunk chunks[FLEXIBLE_ARRAY_MEMBER];	/* number 0 is not used */
} SharedTexts;

static SharedTexts *texts = NULL;

static uint32
chunk_limit(void)
{
	return (uint32) ((Size) qw_text_memory * 1024 / CHUNK_SIZE);
}

Size
texts_shmem_size(void)
{
	return offsetof(SharedTexts, chunks) +
		((Size) chunk_limit() + 1) * sizeof(SharedTextChunk);
}

void
texts_shmem_init(void *place, bool found)
{
	texts = place;
	if (found)
		return;
	texts->nchunks = chunk_limit();
	texts->nfree = texts->nchunks;
	texts->first_free = 0;
	texts->never_used = 1;
}

static inline uint32
chunks_needed(Size length)
{
	return length == 0 ? 1 : (uint32) ((length + CHUNK_DATA - 1) / CHUNK_DATA);
}

TextRef
texts_store(const char *data, Size length)
{
	LWLock	   *lock = shmem_lock(SHMEM_LOCK_TEXTS);
	uint32		needed = chunks_needed(length);
	TextRef		first = TEXT_NONE;
	Size		done = 0;

	/* take a chain of chunks */
	LWLockAcquire(lock, LW_EXCLUSIVE);
	if (needed > texts->nfree)
	{
		LWLockRelease(lock);
		return TEXT_NONE;
	}
	texts->nfree -= needed;
	for (uint32 i = 0; i < needed; i++)
	{
		uint32		chunk = texts->first_free;

		if (chunk != 0)
			texts->first_free = texts->chunks[chunk].next;
		else
			chunk = texts->never_used++;
		texts->chunks[chunk].next = first;
		first = chunk;
	}
	LWLockRelease(lock);

	/* and fill it */
	texts->chunks[first].length = (uint32) length;
	for (uint32 chunk = first; chunk != 0; chunk = texts->chunks[chunk].next)
	{
		Size		part = Min(length - done, CHUNK_DATA);

		memcpy(texts->chunks[chunk].data, data + done, part);
		done += part;
	}
	Assert(done == length);
	return first;
}

void
texts_free(TextRef text)
{
	LWLock	   *lock = shmem_lock(SHMEM_LOCK_TEXTS);
	uint32		last = text;
	uint32		count = 1;

	if (text == TEXT_NONE)
		return;
	while (texts->chunks[last].next != 0)
	{
		last = texts->chunks[last].next;
		count++;
	}

	LWLockAcquire(lock, LW_EXCLUSIVE);
	texts->chunks[last].next = texts->first_free;
	texts->first_free = text;
	texts->nfree += count;
	LWLockRelease(lock);
}

bool
texts_try_copy(TextRef text, Size length, char *buffer)
{
	const volatile SharedTextChunk *chunks = texts->chunks;
	uint32		chunk = text;

	for (Size done = 0; done < length; done += CHUNK_DATA)
	{
		if (chunk == 0 || chunk > texts->nchunks)
			return false;
		memcpy(buffer + done, texts->chunks[chunk].data,
			   Min(length - done, CHUNK_DATA));
		chunk = chunks[chunk].next;
	}
	return true;
}

Size
texts_length(TextRef text)
{
	return texts->chunks[text].length;
}

void
texts_copy(TextRef text, char *buffer)
{
	Size		length = texts->chunks[text].length;
	Size		done = 0;

	for (uint32 chunk = text; chunk != 0; chunk = texts->chunks[chunk].next)
	{
		Size		part = Min(length - done, CHUNK_DATA);

		memcpy(buffer + done, texts->chunks[chunk].data, part);
		done += part;
	}
}

Size
texts_used(void)
{
	uint32		nfree;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TEXTS), LW_SHARED);
	nfree = texts->nfree;
	LWLockRelease(shmem_lock(SHMEM_LOCK_TEXTS));
	return (Size) (texts->nchunks - nfree) * CHUNK_SIZE;
}

Size
texts_limit(void)
{
	return (Size) texts->nchunks * CHUNK_SIZE;
}

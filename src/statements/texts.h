/*-------------------------------------------------------------------------
 *
 * texts.h
 *		Store for the texts of statements in shared memory.
 *
 * text_memory cut into chunks of equal size; a text is a chain of them, so
 * nothing fragments and the bound is hard: a text that finds no room is not
 * stored, and the caller frees others or does without.
 *
 * A reference is owned by the statement entry that holds it.  Reading or
 * freeing one needs the lock of that entry's partition (shared to read, but see
 * texts_try_copy(), exclusive to free); the free list has a lock of its own, taken inside.
 *
 * src/statements/texts.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TEXTS_H
#define QW_TEXTS_H

typedef uint32 TextRef;			/* chunk number; 0: no text */

#define TEXT_NONE	((TextRef) 0)

extern Size texts_shmem_size(void);
extern void texts_shmem_init(void *place, bool found);

/* Stores length bytes; TEXT_NONE if there is no room */
extern TextRef texts_store(const char *data, Size length);

extern void texts_free(TextRef text);

extern Size texts_length(TextRef text);

/*
 * Copies that many bytes out without any lock, for who can tell afterwards
 * whether the text was freed meanwhile; false if that shows.
 */
extern bool texts_try_copy(TextRef text, Size length, char *buffer);

/* Copies all texts_length() bytes out */
extern void texts_copy(TextRef text, char *buffer);

/* Bytes in use, whole chunks, and the bound */
extern Size texts_used(void);
extern Size texts_limit(void);

#endif							/* QW_TEXTS_H */

/*-------------------------------------------------------------------------
 *
 * table.h
 *		The shared table of statements, as statements.c uses it.
 *
 * Entries are found by key in a hash of STATEMENT_PARTITIONS partitions, each
 * with an LWLock, held exclusively to create an entry, to evict or to reset it
 * and to give it a text.
 *
 * An entry that is evicted, or taken away by a reset, is reused for another
 * statement and gets a new incarnation; whoever holds a TableRef has it
 * compared.
 *
 * src/statements/table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TABLE_H
#define QW_TABLE_H

#include "lib/stringinfo.h"
#include "port/atomics.h"

#include "common/counters.h"
#include "statements/statements.h"
#include "statements/texts.h"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

/* What a slot learns of its entry */
typedef struct TableEntryInfo
{
	TableRef	ref;
	bool		has_text;
	uint16		observed;		/* StatementFacts.observed; not by
								 * table_pin_again() */
	uint32		text_serial;
	uint32		shape_serial;	/* never 0 */
	uint64		reset_serial;
} TableEntryInfo;

extern Size table_shmem_size(void);
extern void table_shmem_init(void *place, bool found);

extern int	table_partition(const StatementKey *key);

/*
 * Finds the statement's entry, creates it if needed, and pins it: a pinned
 * entry is evicted only when nothing else can be.  *shape: its shape, with
 * command SHAPE_OTHER where it has none yet.
 */
extern void table_pin(const StatementKey *key, TableEntryInfo *info,
					  StatementShape *shape);

/*
 * The same for a statement whose entry, info->ref, and shape are known from
 * before, with info->shape_serial: takes no lock but the entry's mutex.  False
 * if the entry is the statement's no longer.
 */
extern bool table_pin_again(TableEntryInfo *info, StatementShape *shape);

/*
 * Moves a slot's counts to the statement's entry (to a new one if ref's is
 * another statement's by now), unpins it, and sets *used to 0, all under the
 * entry's mutex: for a reader one step.  Counts older than the entry's last
 * reset (by reset_serial) are dropped.  With ref->entry NO_ENTRY nothing was
 * pinned.
 */
extern void table_flush(const StatementKey *key, const TableRef *ref,
						const StatementCounters *counters,
						const uint8 *histogram, uint64 reset_serial,
						uint32 *used);

/* Adds to the facts of ref's entry, if it is still the statement's */
extern void table_add_facts(const TableRef *ref, const StatementFacts *facts);

/*
 * Stores the shape, and the text if there is none; says whether there is one
 * now.  *shape_serial: 0 if ref is not the statement's any more.
 */
extern bool table_describe(const StatementKey *key, const TableRef *ref,
						   const char *text, Size text_length,
						   const char *tables, Size tables_length,
						   const StatementShape *shape, uint32 *shape_serial);

/*
 * When table_text_serial changed.  False if ref is not the statement's any
 * more.
 */
extern bool table_look(const TableRef *ref, uint32 *text_serial,
					   bool *has_text);

/* Entries that there can be */
extern int	table_entries(void);

/*
 * Changes at every reset; *entry and *minmax: the entry's last ones, or those
 * of the partition where a reset took the entry away
 */
extern pg_atomic_uint64 *table_reset_serial;
extern void table_reset_serials(const TableRef *ref, int partition,
								uint64 *entry_serial, uint64 *minmax);

/* Counts of a slot from before this serial are void */
extern uint64 table_void_before(int partition);

/*
 * Reading.  table_list() lists the entries of a partition, as they are at one
 * moment, and returns how many there are, even if that is more than max.
 */
extern int	table_list(int partition, TableRef *refs, int max);

/* An entry's copy, as far as it is not a StatementRow */
typedef struct TableCopy
{
	TableRef	ref;
	uint32		changes;
	uint64		reset_serial;
	uint64		minmax_serial;
} TableCopy;

/*
 * Copies the entry copy->ref, all but its text.  False if it is not the
 * statement's any more.
 */
extern bool table_copy(TableCopy *copy, StatementRow *row);

/*
 * Was anything added to the entry's counts, were they reset or evicted since
 * they were copied?  A caller that has seen a slot empty whose counts went there
 * sees this too, if there is a read barrier between.
 */
extern bool table_changed(const TableCopy *copy);

/*
 * With the partition's lock held exclusively: copies the entry and keeps all
 * others from adding to it (they wait for the partition's lock), or, with quiet
 * false, lets them again.
 */
extern bool table_quiet(TableCopy *copy, StatementRow *row, bool quiet);

/* A text in a reader's buffer */
typedef struct TableText
{
	TextRef		ref;
	uint32		changes;
	uint32		size;			/* with the tables and the origin */
	uint32		length;			/* without them and the NUL before */
	int			encoding;
	int			offset;			/* in the buffer */
} TableText;

/* Appends the entry's text to the buffer; false if it has none */
extern bool table_copy_text(const TableRef *ref, StringInfo buffer,
							TableText *text);

#pragma GCC visibility pop

#endif							/* QW_TABLE_H */

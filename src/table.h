/*-------------------------------------------------------------------------
 *
 * table.h
 *		The shared table of statements, as statements.c uses it.
 *
 * Entries are found by key in a hash of STATEMENT_PARTITIONS partitions, each
 * with an LWLock.  Shared, it keeps the entries of the partition from being
 * created, evicted or reset; an entry's counters are then changed under its
 * spinlock.  Exclusive, everything in the partition stands still: nothing is
 * flushed into it.
 *
 * An entry that is evicted is reused for another statement and gets a new
 * incarnation; whoever holds a TableRef compares it.
 *
 * src/table.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TABLE_H
#define QW_TABLE_H

#include "port/atomics.h"

#include "counters.h"
#include "statements.h"

typedef struct TableRef
{
	uint32		entry;			/* index */
	uint32		incarnation;
} TableRef;

/* What a slot learns of its entry */
typedef struct TableEntryInfo
{
	TableRef	ref;
	bool		has_text;
	uint16		observed;		/* StatementFacts.observed */
	uint32		text_serial;
	uint64		reset_serial;
} TableEntryInfo;

extern Size table_shmem_size(void);
extern void table_shmem_init(void *place, bool found);

extern int	table_partition(const StatementKey *key);

/*
 * Finds the statement's entry, creates it if needed, and pins it: a pinned
 * entry is evicted only when nothing else can be.
 */
extern void table_pin(const StatementKey *key, TableEntryInfo *info,
					  StatementShape *shape);

/*
 * Moves a slot's counts to the statement's entry (to a new one if ref's is
 * another statement's by now), unpins it, and sets *used to 0, all under the
 * partition's lock: for a reader one step.  Counts older than the entry's
 * last reset (by reset_serial) are dropped.
 */
extern void table_flush(const StatementKey *key, const TableRef *ref,
						const StatementCounters *counters,
						const uint32 *histogram, uint64 reset_serial,
						uint32 *used);

/* Adds to the facts of ref's entry, if it is still the statement's */
extern void table_add_facts(const StatementKey *key, const TableRef *ref,
							const StatementFacts *facts);

/* Stores text and shape if they are not there; says whether the text is now */
extern bool table_describe(const StatementKey *key, const TableRef *ref,
						   const char *text, Size text_length,
						   const char *tables, Size tables_length,
						   const StatementShape *shape);

/*
 * When table_text_serial changed.  False if ref is not the statement's any
 * more.
 */
extern bool table_look(const StatementKey *key, const TableRef *ref,
					   uint32 *text_serial, bool *has_text);

/* Entries that there can be */
extern int	table_entries(void);

/* Changes at every reset; *entry and *minmax: the entry's last ones */
extern pg_atomic_uint64 *table_reset_serial;
extern void table_reset_serials(const StatementKey *key, const TableRef *ref,
								uint64 *entry, uint64 *minmax);

/*
 * Copies the partition's entries to rows (at most max_rows) and their texts
 * to texts (max_texts bytes; with_text).  The caller holds the partition's
 * lock exclusively.  Returns false, and the sizes needed in *max_rows and
 * *max_texts, if they do not fit.  refs[i] and reset_serials[i] belong to
 * rows[i].
 */
typedef struct TableCopy
{
	int			max_rows;
	Size		max_texts;
	bool		with_text;
	int			nrows;
	StatementRow *rows;
	TableRef   *refs;
	uint64	   *reset_serials;
	uint64	   *minmax_serials;
	char	   *texts;
} TableCopy;

extern bool table_copy_partition(int partition, TableCopy *copy);

#endif							/* QW_TABLE_H */

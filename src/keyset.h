/*-------------------------------------------------------------------------
 *
 * keyset.h
 *		What a statement returned in the columns that may hold keys: hashes of
 *		the values, in the order of the rows.
 *
 * Plain C on memory that the caller provides, of fixed size.  Only hashes are
 * kept, and how large the integers of a column may be, never a value.
 *
 * src/keyset.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_KEYSET_H
#define QW_KEYSET_H

#include "access/attnum.h"

/* Further columns and rows are left out */
#define KEYSET_MAX_COLUMNS		12
#define KEYSET_MAX_ROWS			256

/* Places of the look-up table; a power of two, twice the rows */
#define KEYSET_TABLE_SIZE		512

/* In place of the binary digits of what is no integer */
#define KEY_BITS_NO_NUMBER		64

typedef struct KeyColumn
{
	Oid			relid;			/* where its values come from ... */
	AttrNumber	attnum;			/* ... 0 if it is an expression */
	uint8		bits;			/* binary digits of its largest integer */
	int16		nindexed;		/* rows in the table so far */
	int16		ndistinct;		/* values among them */
	uint64		hashes[KEYSET_MAX_ROWS];	/* 0: null, or no key */
	uint16		seen[KEYSET_MAX_ROWS];	/* distinct values up to that row */
	uint16		table[KEYSET_TABLE_SIZE];	/* by hash, first row with it plus
											 * one; 0: free */
} KeyColumn;

typedef struct KeySet
{
	int			ncolumns;
	int			nrows;			/* kept */
	bool		incomplete;		/* columns were left out */
	KeyColumn	columns[KEYSET_MAX_COLUMNS];
} KeySet;

/* Empties the set; then its columns are added, before the first row */
extern void keyset_clear(KeySet *set);

/* False if there is no room for another column */
extern bool keyset_add_column(KeySet *set, Oid relid, AttrNumber attnum);

static inline bool
keyset_full(const KeySet *set)
{
	return set->nrows == KEYSET_MAX_ROWS;
}

/*
 * A row, which must not be full: a value of each column, then the row itself.
 */
static inline void
keyset_set(KeySet *set, int column, uint64 hash, int bits)
{
	KeyColumn  *key = &set->columns[column];

	key->hashes[set->nrows] = hash;
	if (hash != 0)
		key->bits = Max(key->bits, bits);
}

static inline void
keyset_end_row(KeySet *set)
{
	set->nrows++;
}

/* The first row that has this value in a column, or -1 */
extern int	keyset_find(KeySet *set, int column, uint64 hash);

/* Values that a column has */
extern int	keyset_distinct(KeySet *set, int column);

/*
 * Are the values of a column small integers that follow one another, such as
 * many a column has?
 */
extern bool keyset_is_dense(KeySet *set, int column);

#endif							/* QW_KEYSET_H */

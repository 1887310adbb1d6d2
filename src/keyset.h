/*-------------------------------------------------------------------------
 *
 * keyset.h
 *		What a statement returned in the columns that may hold keys: hashes of
 *		the values, in the order of the rows.
 *
 * Plain C on memory that the caller provides, of fixed size.  Only hashes are
 * kept, and how large the integers of a column may be, never a value.  A row is
 * stored inline: all that a parent returns pass through here.
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

/* Most places of the look-up table; a power of two, twice the rows */
#define KEYSET_TABLE_SIZE		512

/* In place of the magnitude of what is no integer */
#define KEY_NO_NUMBER			PG_UINT64_MAX

typedef struct KeyColumn
{
	Oid			relid;			/* where its values come from ... */
	AttrNumber	attnum;			/* ... 0 if it is an expression */
	uint16		nplaces;		/* of the table, a power of two, twice its
								 * rows; 0: it is not made yet */
	int16		nindexed;		/* rows in the table so far */
	int16		ndistinct;		/* values among them */
	uint64		magnitudes;		/* of its integers, with all bits of each */
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
 * A row, of a set that is not full: a value of each column, then the row
 * itself.  The magnitude of a value is that of an integer, KEY_NO_NUMBER of
 * anything else, and 0 where there is no hash.
 */
static inline void
keyset_set(KeySet *set, int column, uint64 hash, uint64 magnitude)
{
	KeyColumn  *key = &set->columns[column];

	key->hashes[set->nrows] = hash;
	key->magnitudes |= magnitude;
}

static inline void
keyset_end_row(KeySet *set)
{
	set->nrows++;
}

/* A column, ready to be looked up in */
extern const KeyColumn *keyset_column(KeySet *set, int column);

/* Where a value is in the table, or would be */
static inline uint32
keyset_place(const KeyColumn *column, uint64 hash)
{
	uint32		mask = column->nplaces - 1;
	uint32		place = (uint32) hash & mask;

	while (column->table[place] != 0 &&
		   column->hashes[column->table[place] - 1] != hash)
		place = (place + 1) & mask;
	return place;
}

/* The first row that has this value, or -1 */
static inline int
keyset_find(const KeyColumn *column, uint64 hash)
{
	return hash == 0 ? -1 : column->table[keyset_place(column, hash)] - 1;
}

/*
 * Are the values of a column that is ready small integers that follow one
 * another, such as many a column has?
 */
extern bool keyset_is_dense(const KeyColumn *column);

#endif							/* QW_KEYSET_H */

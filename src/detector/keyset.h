/*-------------------------------------------------------------------------
 *
 * keyset.h
 *		What a statement returned in the columns that may hold keys: hashes of
 *		the values, in the order of the rows.
 *
 * Plain C.  Room for rows is taken from the caller's budget, for as many as
 * come; where that refuses, further rows are left out.  Only hashes are kept,
 * and how large the integers of a column may be, never a value.  A row is stored
 * inline: all that a parent returns pass through here.
 *
 * src/detector/keyset.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_KEYSET_H
#define QW_KEYSET_H

#include "access/attnum.h"
#include "detector/budget.h"
#include "detector/keyhash.h"

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
	uint8		classes;		/* KEYHASH_CLASS() of each value: of another
								 * none need be looked up */
	uint64		magnitudes;		/* of its integers, with all bits of each */
	uint64	   *hashes;			/* 0: null, or no key */
	uint16	   *seen;			/* distinct values up to that row */
	uint16	   *table;			/* by hash, first row with it plus one; 0:
								 * free */
} KeyColumn;

typedef struct KeySet
{
	int			ncolumns;
	int			nrows;			/* kept */
	bool		incomplete;		/* columns were left out */
	bool		numbers_only;	/* no strings are collected: see
								 * keyset_numbers_suffice() */
	uint8		asked;			/* KEYHASH_CLASS() of the keys that were
								 * looked up */
	int16		first_string;	/* columns from here on are strings */
	int			room;			/* rows that there is room for, if the columns
								 * are as they were */
	void	   *memory;			/* where their values are */
	Size		memory_size;
	Budget	   *budget;			/* which that is taken from */
	KeyColumn	columns[KEYSET_MAX_COLUMNS];
} KeySet;

/* A set without columns and rows, to be called once */
extern void keyset_init(KeySet *set, Budget *budget);

/*
 * Empties the set; then its columns are added, before the first row.  The
 * memory is kept, unless keyset_free() gives it back.
 */
extern void keyset_clear(KeySet *set);
extern void keyset_free(KeySet *set);

/* From the column that is added next on, they are strings */
static inline void
keyset_begin_strings(KeySet *set)
{
	set->first_string = set->ncolumns;
}

/* False if there is no room for another column */
extern bool keyset_add_column(KeySet *set, Oid relid, AttrNumber attnum);

static inline bool
keyset_full(const KeySet *set)
{
	return set->nrows == KEYSET_MAX_ROWS;
}

/* Makes room for that many rows in all, of the columns that it has */
extern bool keyset_reserve(KeySet *set, int nrows);

/* Is there room for one more row?  To be asked before each. */
static inline bool
keyset_has_room(KeySet *set)
{
	return likely(set->nrows < set->room) ||
		(!keyset_full(set) && keyset_reserve(set, set->nrows + 1));
}

/*
 * A row, number nrows of a set that is not full: a value of each column, then
 * the row itself.  The magnitude of a value is that of an integer, KEY_NO_NUMBER of
 * anything else, and 0 where there is no hash.
 */
static inline void
keyset_set(KeyColumn *key, int row, uint64 hash, uint64 magnitude)
{
	key->hashes[row] = hash;
	key->magnitudes |= magnitude;
	key->classes |= KEYHASH_CLASS(hash);
}

static inline void
keyset_set_integer(KeyColumn *key, int row, int64 number)
{
	keyset_set(key, row, keyhash_number((uint64) number),
			   keyhash_magnitude(number));
}

static inline void
keyset_end_row(KeySet *set)
{
	set->nrows++;
}

/* Puts rows that have come since into the table */
extern void keyset_index_rows(KeyColumn *column, int nrows);

/* A column, ready to be looked up in */
static inline const KeyColumn *
keyset_column(KeySet *set, int column)
{
	KeyColumn  *key = &set->columns[column];

	if (unlikely(key->nplaces == 0 || key->nindexed < set->nrows))
		keyset_index_rows(key, set->nrows);
	return key;
}

/* Where a value is in the table, or would be */
static inline uint32
keyset_place(const KeyColumn *column, uint64 hash)
{
	uint32		mask = column->nplaces - 1;
	uint32		place = (uint32) (hash >> 1) & mask;

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
 * Would the keys that were looked up have found the same without strings?  They
 * were numbers, no string was one, and there are other columns.
 */
extern bool keyset_numbers_suffice(const KeySet *set);

/* Were keys looked up that the strings left out might have had? */
static inline bool
keyset_misses_strings(const KeySet *set)
{
	return set->numbers_only &&
		(set->asked & ~KEYHASH_CLASS(KEYHASH_OF_NUMBER)) != 0;
}

/*
 * Are the values of a column small integers that follow one another, such as
 * many a column has?
 */
extern bool keyset_is_dense(KeySet *set, int column);

#endif							/* QW_KEYSET_H */

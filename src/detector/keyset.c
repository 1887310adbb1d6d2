/*-------------------------------------------------------------------------
 *
 * keyset.c
 *		What a statement returned in the columns that may hold keys.
 *
 * Rows are only stored as they come, column by column; room doubles when it is
 * full.  The table to look values up in is made
 * when a column is first asked, and brought up to date when rows have come
 * since: most sets are never asked.
 *
 * src/detector/keyset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "detector/keyset.h"

/*
 * Integers are as many as they could be if they are at least one in this many
 * of all up to the next power of two
 */
#define DENSE_SHARE		8

/* Least rows that there is room for */
#define MIN_ROOM		16

/* Bytes that a row takes in each column: its hash, two places, and "seen" */
#define BYTES_OF_ROW	(sizeof(uint64) + 3 * sizeof(uint16))

void
keyset_init(KeySet *set, Budget *budget)
{
	set->memory = NULL;
	set->memory_size = 0;
	set->budget = budget;
	keyset_clear(set);
}

void
keyset_free(KeySet *set)
{
	budget_return(set->budget, set->memory, set->memory_size);
	set->memory = NULL;
	set->memory_size = 0;
	keyset_clear(set);
}

/* Lays out the columns in that memory, for so many rows */
static void
lay_out(KeySet *set, char *memory, int room)
{
	for (int i = 0; i < set->ncolumns; i++)
	{
		KeyColumn  *column = &set->columns[i];

		if (set->nrows > 0)
			memcpy(memory, column->hashes, set->nrows * sizeof(uint64));
		column->hashes = (uint64 *) memory;
		column->seen = (uint16 *) (column->hashes + room);
		column->table = column->seen + room;
		column->nplaces = 0;
		memory += room * BYTES_OF_ROW;
	}
	set->room = room;
}

bool
keyset_reserve(KeySet *set, int nrows)
{
	int			room = MIN_ROOM;
	Size		size;
	void	   *memory;

	if (nrows > KEYSET_MAX_ROWS || set->ncolumns == 0)
		return false;
	if (nrows <= set->room)
		return true;
	while (room < nrows)
		room *= 2;
	size = set->ncolumns * room * BYTES_OF_ROW;
	if (set->nrows == 0 && size <= set->memory_size)
	{
		/* as many as the memory is for that it has */
		while (room < KEYSET_MAX_ROWS && 2 * size <= set->memory_size)
		{
			room *= 2;
			size *= 2;
		}
		lay_out(set, set->memory, room);
		return true;
	}
	memory = budget_take(set->budget, size);
	if (memory == NULL)
		return false;
	lay_out(set, memory, room);
	budget_return(set->budget, set->memory, set->memory_size);
	set->memory = memory;
	set->memory_size = size;
	return true;
}

void
keyset_clear(KeySet *set)
{
	set->room = 0;
	set->ncolumns = 0;
	set->nrows = 0;
	set->incomplete = false;
	set->numbers_only = false;
	set->asked = 0;
	set->first_string = KEYSET_MAX_COLUMNS;
}

bool
keyset_add_column(KeySet *set, Oid relid, AttrNumber attnum)
{
	KeyColumn  *column;

	if (set->ncolumns == KEYSET_MAX_COLUMNS)
	{
		set->incomplete = true;
		return false;
	}
	column = &set->columns[set->ncolumns++];
	column->relid = relid;
	column->attnum = attnum;
	column->classes = 0;
	column->magnitudes = 0;
	column->nplaces = 0;
	column->nindexed = 0;
	column->ndistinct = 0;
	return true;
}

/* A table that has room for all rows, with none in it */
static void
make_table(KeyColumn *column, int nrows)
{
	int			nplaces = pg_nextpower2_32(2 * Max(nrows, 8));

	column->nplaces = nplaces;
	column->nindexed = 0;
	column->ndistinct = 0;
	memset(column->table, 0, nplaces * sizeof(column->table[0]));
}

void
keyset_index_rows(KeyColumn *column, int nrows)
{
	int			ndistinct;

	if (2 * nrows > column->nplaces)
		make_table(column, nrows);
	ndistinct = column->ndistinct;
	for (int row = column->nindexed; row < nrows; row++)
	{
		uint64		hash = column->hashes[row];

		if (hash != 0)
		{
			uint32		place = keyset_place(column, hash);

			if (column->table[place] == 0)
			{
				column->table[place] = row + 1;
				ndistinct++;
			}
		}
		column->seen[row] = ndistinct;
	}
	column->ndistinct = ndistinct;
	column->nindexed = nrows;
}

bool
keyset_numbers_suffice(const KeySet *set)
{
	if (set->asked != KEYHASH_CLASS(KEYHASH_OF_NUMBER) ||
		set->first_string == 0)
		return false;
	for (int i = set->first_string; i < set->ncolumns; i++)
	{
		if (set->columns[i].classes & KEYHASH_CLASS(KEYHASH_OF_NUMBER))
			return false;
	}
	return true;
}

bool
keyset_is_dense(KeySet *set, int column)
{
	uint64		magnitudes = set->columns[column].magnitudes;
	int			bits = 0;

	if (magnitudes != 0)
		bits = pg_leftmost_one_pos64(magnitudes) + 1;
	return bits < 16 &&
		(1 << bits) <= keyset_column(set, column)->ndistinct * DENSE_SHARE;
}

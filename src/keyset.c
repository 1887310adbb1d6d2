/*-------------------------------------------------------------------------
 *
 * keyset.c
 *		What a statement returned in the columns that may hold keys.
 *
 * Rows are only stored as they come.  The table to look values up in is made
 * when a column is first asked, and brought up to date when rows have come
 * since: most sets are never asked.
 *
 * src/keyset.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "keyset.h"

/*
 * Integers are as many as they could be if they are at least one in this many
 * of all up to the next power of two
 */
#define DENSE_SHARE		8

void
keyset_clear(KeySet *set)
{
	set->ncolumns = 0;
	set->nrows = 0;
	set->incomplete = false;
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
	column->bits = 0;
	column->nindexed = 0;
	column->ndistinct = 0;
	memset(column->table, 0, sizeof(column->table));
	return true;
}

/* Where a value is in the table, or would be */
static inline uint16 *
place_of(KeyColumn *column, uint64 hash)
{
	uint32		place = (uint32) (hash ^ (hash >> 32));

	for (;; place++)
	{
		uint16	   *entry = &column->table[place & (KEYSET_TABLE_SIZE - 1)];

		if (*entry == 0 || column->hashes[*entry - 1] == hash)
			return entry;
	}
}

static void
index_rows(KeySet *set, KeyColumn *column)
{
	for (; column->nindexed < set->nrows; column->nindexed++)
	{
		int			row = column->nindexed;

		if (column->hashes[row] != 0)
		{
			uint16	   *entry = place_of(column, column->hashes[row]);

			if (*entry == 0)
			{
				*entry = row + 1;
				column->ndistinct++;
			}
		}
		column->seen[row] = column->ndistinct;
	}
}

int
keyset_find(KeySet *set, int column, uint64 hash)
{
	index_rows(set, &set->columns[column]);
	return hash == 0 ? -1 : *place_of(&set->columns[column], hash) - 1;
}

int
keyset_distinct(KeySet *set, int column)
{
	index_rows(set, &set->columns[column]);
	return set->columns[column].ndistinct;
}

bool
keyset_is_dense(KeySet *set, int column)
{
	int			distinct = keyset_distinct(set, column);
	int			bits = set->columns[column].bits;

	return bits < 16 && (1 << bits) <= distinct * DENSE_SHARE;
}

/*-------------------------------------------------------------------------
 *
 * tableindex.h
 *		The indexes of a table, from the catalogs.
 *
 * The indexes are not opened and not locked.
 *
 * src/rewrite/tableindex.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TABLEINDEX_H
#define QW_TABLEINDEX_H

#include "access/attnum.h"
#include "nodes/pg_list.h"

typedef struct TableIndex
{
	Oid			oid;
	Oid			relid;			/* of the table */
	Oid			am;				/* access method */
	bool		unique;			/* at the end of each statement */
	bool		primary;
	bool		partial;
	List	   *predicate;		/* if so, AND-ed */
	int			ncolumns;		/* without INCLUDE */
	AttrNumber	columns[INDEX_MAX_KEYS];	/* 0: an expression */
	bool		default_order[INDEX_MAX_KEYS];	/* btree: as ORDER BY of the
												 * column compares */
	List	   *expressions;	/* those of the columns that are 0 */
} TableIndex;

/* Those that are valid, palloc'd; the table must be locked */
extern List *table_indexes(Oid relid);

#endif							/* QW_TABLEINDEX_H */

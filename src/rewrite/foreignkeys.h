/*-------------------------------------------------------------------------
 *
 * foreignkeys.h
 *		Foreign keys that reference a table and have no index to find their
 *		rows by.
 *
 * Reads pg_constraint and pg_index; no table is opened or locked.
 *
 * src/rewrite/foreignkeys.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_FOREIGNKEYS_H
#define QW_FOREIGNKEYS_H

#include "access/attnum.h"

typedef struct UnindexedKey
{
	Oid			constraint;
	Oid			relid;			/* the table that references the other */
	int			ncolumns;
	AttrNumber	columns[INDEX_MAX_KEYS];
} UnindexedKey;

/* The first one found, other than a partition's own; false if there is none */
extern bool foreignkeys_unindexed(Oid referenced, UnindexedKey *key);

/*
 * The one of a table that has these columns, in whatever order; a partition's
 * is told as that of the partitioned table it comes from.  False if there is
 * none, or it has an index.
 */
extern bool foreignkeys_of_columns(Oid relid, const AttrNumber *columns,
								   int ncolumns, UnindexedKey *key);

/* That constraint; false if it is gone, or has an index by now */
extern bool foreignkeys_of_constraint(Oid constraint, UnindexedKey *key);

/* CREATE INDEX for it: palloc'd; NULL if a name is gone */
extern char *foreignkeys_index(const UnindexedKey *key);

#endif							/* QW_FOREIGNKEYS_H */

/*-------------------------------------------------------------------------
 *
 * scancolumns.h
 *		What an index could have done for a scan that was run.
 *
 * Taken from the conditions of the plan, which have the types of the values
 * that ran.
 *
 * src/rewrite/scancolumns.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SCANCOLUMNS_H
#define QW_SCANCOLUMNS_H

#include "nodes/execnodes.h"

/* How a condition compares a column */
typedef enum ScanUse
{
	SCAN_NOTHING,				/* so that no index serves it */
	SCAN_EQUAL,					/* a B-tree serves all of these ... */
	SCAN_RANGE,					/* ... and one of these */
	SCAN_GIN,					/* an index of this kind serves it */
	SCAN_MISMATCH,				/* a B-tree would, but for the value's type */
	SCAN_GIST,					/* an index of this kind serves it */
	SCAN_SPGIST					/* the same */
} ScanUse;

/* A plain value, for shared memory */
typedef struct ScanColumn
{
	AttrNumber	attnum;			/* 0: an expression over columns */
	uint8		use;			/* ScanUse */
	uint8		unused;			/* 0 */
} ScanColumn;

#define SCAN_COLUMNS	4

typedef struct ScanColumns
{
	ScanColumn	columns[SCAN_COLUMNS];	/* SCAN_EQUAL first; SCAN_NOTHING ends
										 * them */
	Oid			value_type;		/* of the first SCAN_MISMATCH; else 0 */
} ScanColumns;

/* Does any of them ask for an index, or say why there is none? */
static inline bool
scan_columns_any(const ScanColumns *columns)
{
	return columns->columns[0].use != SCAN_NOTHING;
}

/*
 * The columns of a sequential scan whose table is open.  None if an index
 * serves them already, and of temporary tables.  Reads catalogs and may raise.
 */
extern void scan_columns(ScanState * scan, ScanColumns *columns);

/* Those of conditions on one table, whether an index serves them or not */
extern void scan_columns_of(const List *conditions, ScanColumns *columns);

/*
 * The kind of index, other than a B-tree, whose default operator class for
 * the type serves the operator: SCAN_GIN, SCAN_GIST, SCAN_SPGIST, or
 * SCAN_NOTHING
 */
extern ScanUse scan_special_use(Oid type, Oid operator);

/*
 * The access method of a use that scan_special_use() gives, and how CREATE
 * INDEX names it ("gin"); InvalidOid and NULL for others
 */
extern Oid	scan_special_am(ScanUse use);
extern const char *scan_special_name(ScanUse use);

/*
 * The boolean column that is a condition by itself (b, NOT b, b IS TRUE), or
 * NULL
 */
struct Node;
extern struct Node *scan_boolean_column(struct Node *node);

/* Does an index of the table, which is locked, serve them? */
extern bool scan_columns_served(Oid relid, const ScanColumns *columns);

#endif							/* QW_SCANCOLUMNS_H */

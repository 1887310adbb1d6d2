/*-------------------------------------------------------------------------
 *
 * schema.h
 *		What the repeat detector wants to know of the schema.
 *
 * Reads catalogs, so only in a transaction that is in order, and without any
 * lock of ours.  Takes no lock on the tables asked about: a table that was
 * dropped meanwhile has no keys.
 *
 * src/repeats/schema.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SCHEMA_H
#define QW_SCHEMA_H

#include "detector/window.h"

/* For window_init() */
extern const WindowSchema schema_of_catalogs;

/*
 * "table.column" of a column, "" if it is not there or an expression; buffer:
 * size bytes
 */
extern void schema_column_name(Oid relid, AttrNumber attnum,
							   char *buffer, Size size);

/*
 * The same of a column that was asked about before: asks the catalogs for
 * nothing, and raises nothing.  False: it is not known, or not any longer.
 */
extern bool schema_known_name(Oid relid, AttrNumber attnum,
							  char *buffer, Size size);

/*
 * How often the table was altered since it was asked about first: while that
 * is the same, so are the names of its columns and constraints
 */
extern uint64 schema_altered(Oid relid);

/* Name of a constraint, "" if it is not there */
extern void schema_constraint_name(Oid constraint, char *buffer, Size size);

#endif							/* QW_SCHEMA_H */

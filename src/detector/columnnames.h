/*-------------------------------------------------------------------------
 *
 * columnnames.h
 *		What the names of columns say of the rows that they stand for.
 *
 * Where a schema has no foreign keys, its names mostly say what they would:
 * projects.id is what members.project_id refers to.  Pure.
 *
 * src/detector/columnnames.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_COLUMNNAMES_H
#define QW_COLUMNNAMES_H

#include "detector/window.h"

typedef struct ColumnName
{
	const char *table;
	const char *column;
	bool		unique;
} ColumnName;

/* Is there a table of this name, near the column? */
typedef bool (*ColumnNameIsTable) (void *arg, const char *name);

extern NameAgreement columnnames_compare(const ColumnName *child,
										 const ColumnName *parent,
										 ColumnNameIsTable is_table,
										 void *arg);

#endif							/* QW_COLUMNNAMES_H */

/*-------------------------------------------------------------------------
 *
 * statements_internal.h
 *		The slots of the backends: for statements.c, which fills them, and
 *		statements_read.c.
 *
 * src/statements_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STATEMENTS_INTERNAL_H
#define QW_STATEMENTS_INTERNAL_H

#include "statements.h"
#include "table.h"

typedef struct SharedSlot
{
	uint32		change;			/* odd while the owner writes; see
								 * statements.c */
	uint32		used;			/* 0: empty, nothing else is meant */
	StatementKey key;
	TableRef	ref;
	uint64		reset_serial;
	uint32		totalled;		/* the counts are in this backend's totals
								 * already (see totals.c) */
	uint32		partition;		/* of the key */
	StatementCounters counters; /* not yet in the table */
	uint32		histogram[HISTOGRAM_BUCKETS];
} SharedSlot;

typedef struct SharedBackend
{
	uint32		in_use;
	SharedSlot	slots[SLOTS];
} SharedBackend;

typedef struct SharedStatements
{
	int			nbackends;
	char		pad[PG_CACHE_LINE_SIZE];
	SharedBackend backends[FLEXIBLE_ARRAY_MEMBER];
} SharedStatements;

extern SharedStatements *statements_shared;


#endif							/* QW_STATEMENTS_INTERNAL_H */

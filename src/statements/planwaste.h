/*-------------------------------------------------------------------------
 *
 * planwaste.h
 *		What plans of statements wasted, as planlook.c saw it.
 *
 * A small table in shared memory, apart from that of the statements: few
 * statements have a wasteful plan.  An execution is added only if its plan was
 * looked at and found wasteful.  When the table is full, the statement that was
 * wasteful longest ago makes room, and is counted.
 *
 * One LWLock, SHMEM_LOCK_PLANWASTE, held for copies and arithmetic.  Nothing
 * here raises but planwaste_read(), which allocates.
 *
 * src/statements/planwaste.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_PLANWASTE_H
#define QW_PLANWASTE_H

#include "datatype/timestamp.h"

#include "common/execution.h"
#include "rewrite/scancolumns.h"

/* Statements in the table */
#define PLANWASTE_STATEMENTS	256

/* What became of the rows that a scan or a join threw away */
typedef enum ScanWaste
{
	SCAN_WASTE_NONE,
	SCAN_WASTE_FILTER,			/* no part of an index's condition */
	SCAN_WASTE_ENTRIES,			/* entries of an index whose first columns
								 * have no condition; estimated by blocks */
	SCAN_WASTE_LOSSY,			/* rows of pages that a bitmap had no room to
								 * tell apart */
	SCAN_WASTE_RECHECK,			/* rows that the index was not sure of */
	SCAN_WASTE_PAIRS			/* pairs that a nested loop compared */
} ScanWaste;

/* The scan that wasted most; counts are of the executions looked at */
typedef struct WastedScan
{
	int64		read;			/* rows, entries or pairs */
	int64		discarded;
	uint32		executions;
	uint32		pages;			/* SCAN_WASTE_LOSSY: heap pages that its
								 * bitmaps had, the most */
	Oid			relid;			/* of a nested loop: the inner table; 0: none */
	Oid			index;			/* 0: none */
	ScanColumns columns;		/* of its conditions */
	AttrNumber	pattern;		/* column that is compared with a pattern; 0:
								 * none */
	uint8		how;			/* ScanWaste */
	bool		ordered;		/* it gave the order of a LIMIT */
} WastedScan;

/*
 * The foreign key whose triggers read most of a table, because it has no index;
 * counts are of the executions in which they took long
 */
typedef struct WastedTriggers
{
	int64		scans;
	int64		rows;			/* read; counted for some of the scans */
	int64		time;			/* ns */
	uint32		executions;		/* 0: none */
	Oid			constraint;		/* of a partitioned table: its own */
	Oid			relid;			/* the table that references another */
}			WastedTriggers;

typedef struct PlanWaste
{
	StatementKey key;			/* queryid 0: not used */
	TimestampTz last_seen;
	WastedScan	scan;
	WastedTriggers triggers;
} PlanWaste;

extern Size planwaste_shmem_size(void);
extern void planwaste_shmem_init(void *place, bool found);

/* Adds what one execution wasted; of "waste", the parts that it has */
extern void planwaste_add(const PlanWaste *waste);

/* Copies the entries, in no particular order, palloc'd; returns how many */
extern int	planwaste_read(PlanWaste **entries);

/* As statements_reset() has them; 0: any */
extern void planwaste_reset(Oid userid, Oid dbid, uint64 queryid);

typedef struct PlanWasteInfo
{
	int64		evicted;		/* since the last reset of everything */
	uint64		changes;		/* to any entry, ever */
} PlanWasteInfo;

extern void planwaste_info(PlanWasteInfo *info);

/* At server start: puts back what was saved */
extern void planwaste_restore(const PlanWaste *entry);
extern void planwaste_restore_info(const PlanWasteInfo *info);

#endif							/* QW_PLANWASTE_H */

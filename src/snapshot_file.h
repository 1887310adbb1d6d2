/*-------------------------------------------------------------------------
 *
 * snapshot_file.h
 *		Format of a snapshot, and the check that one can be loaded.
 *
 * A header, then records, then the CRC-32C of everything before it:
 *
 *		SnapshotHeader
 *		SnapshotFrame, payload, zeros up to a multiple of 8
 *		...
 *		SnapshotFrame of type SNAPSHOT_END, without payload
 *		CRC, 4 bytes
 *
 * Payloads are the structs of the modules as they are, followed by their
 * texts; the header says how large each struct is, and the file can be loaded
 * only by a build in which they are the same.  Change SNAPSHOT_FORMAT when
 * one of them changes its meaning but not its size.
 *
 * Pure: the file is in memory, and no server is needed.
 *
 * src/snapshot_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SNAPSHOT_FILE_H
#define QW_SNAPSHOT_FILE_H

#include "patterns.h"
#include "slowring.h"
#include "statements.h"
#include "totals.h"
#include "waits.h"

#define SNAPSHOT_MAGIC		"QWSNAP\r\n"
#define SNAPSHOT_BYTE_ORDER 0x01020304
#define SNAPSHOT_FORMAT		4

typedef enum SnapshotRecordType
{
	SNAPSHOT_END,
	SNAPSHOT_STATEMENTS,		/* StatementsInfo */
	SNAPSHOT_STATEMENT,			/* SnapshotStatement and its text */
	SNAPSHOT_EVICTED,			/* SnapshotEvicted */
	SNAPSHOT_SLOWLOG,			/* SlowringState */
	SNAPSHOT_SLOW,				/* SharedSlowRecord, whole */
	SNAPSHOT_PATTERNS,			/* PatternsState */
	SNAPSHOT_PATTERN,			/* Pattern */
	SNAPSHOT_TOTALS,			/* DatabaseTotals */
	SNAPSHOT_ERRORS,			/* ErrorTotal */
	SNAPSHOT_BASE,				/* SnapshotBase */
	SNAPSHOT_WAITS,				/* WaitsInfo */
	SNAPSHOT_WAIT,				/* WaitEntry */
	SNAPSHOT_NTYPES
} SnapshotRecordType;

typedef struct SnapshotHeader
{
	char		magic[8];
	uint32		byte_order;
	uint32		format;
	uint32		server_major;	/* query ids are those of this version */
	uint32		header_size;
	uint64		system_identifier;	/* OIDs are those of this cluster */
	TimestampTz saved_at;
	uint32		sizes[SNAPSHOT_NTYPES]; /* of each type's struct */
	uint32		histogram_buckets;
	uint32		complete;		/* 1: of the end of a server, nothing was
								 * counted after it; or 0 */
	uint32		unused;			/* 0 */
} SnapshotHeader;

typedef struct SnapshotFrame
{
	uint32		type;			/* SnapshotRecordType */
	uint32		length;			/* of the payload, without the zeros */
} SnapshotFrame;

#define SNAPSHOT_PADDED(length)		TYPEALIGN(8, (length))

typedef struct SnapshotStatement
{
	uint64		texts_length;	/* of the query, its NUL, the tables and the
								 * origin */
	StatementRow row;			/* text: NULL or not, tables: NULL */
} SnapshotStatement;

typedef struct SnapshotEvicted
{
	Oid			dbid;
	uint32		reserved;		/* 0 */
	int64		statements;
	StatementCounters counters;
} SnapshotEvicted;

/* Counts that /metrics leaves out: see snapshot.c */
typedef struct SnapshotBase
{
	int64		dealloc;		/* of StatementsInfo */
	int64		texts_dropped;
	int64		patterns_dropped;
	int64		slow_overwritten;
} SnapshotBase;

/* The header of a file that this build writes */
extern void snapshot_header(SnapshotHeader *header, uint64 system_identifier,
							TimestampTz saved_at, bool complete);

/*
 * Why a file cannot be loaded into the cluster: a phrase that goes on after
 * "it ...", or NULL if it can.  Then every record has been checked: whoever
 * walks them with snapshot_next() may use what is in them.  "data" is aligned
 * to 8 bytes.
 */
extern const char *snapshot_fault(const char *data, Size size,
								  uint64 system_identifier);

/*
 * The record after this one, or the first one after NULL; NULL at the end.
 * The payload follows the frame.
 */
extern const SnapshotFrame *snapshot_next(const char *data,
										  const SnapshotFrame *frame);

static inline const void *
snapshot_payload(const SnapshotFrame *frame)
{
	return frame + 1;
}

#endif							/* QW_SNAPSHOT_FILE_H */

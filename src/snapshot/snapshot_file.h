/*-------------------------------------------------------------------------
 *
 * snapshot_file.h
 *		Format of a snapshot, and the check that one can be loaded.
 *
 * The base is a header, then records, then the CRC-32C of everything before
 * it:
 *
 *		SnapshotHeader
 *		SnapshotFrame, payload, zeros up to a multiple of 8
 *		...
 *		SnapshotFrame of type SNAPSHOT_END, without payload
 *		CRC, 4 bytes
 *
 * The changes since then are in a file of their own, to which each save adds:
 *
 *		SnapshotChanges
 *		SnapshotFrame, payload, zeros
 *		...
 *		SnapshotFrame of type SNAPSHOT_COMMIT, SnapshotCommit
 *		...
 *
 * A record there replaces the one of its key in the base (see snapshot_key());
 * SNAPSHOT_GONE takes some away.  What stands behind the last whole
 * SNAPSHOT_COMMIT whose CRC is right is not there: it was being written when
 * the server came to its end.  Changes that are not of the base, by its id, are
 * those of one before it and count for nothing.
 *
 * Payloads are the structs of the modules as they are, followed by their
 * texts.  SNAPSHOT_LAYOUT records, first in the base, say what they look like,
 * so that a build with other structs can read them: see snapshot_layout.h.
 * Change SNAPSHOT_FORMAT when anything else is changed here.
 *
 * Pure: the files are in memory, and no server is needed.
 *
 * src/snapshot/snapshot_file.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SNAPSHOT_FILE_H
#define QW_SNAPSHOT_FILE_H

#include "repeats/patterns.h"
#include "slow/slowring.h"
#include "statements/planwaste.h"
#include "statements/statements.h"
#include "statements/totals.h"
#include "waits/waits.h"

#define SNAPSHOT_MAGIC		"QWSNAP\r\n"
#define SNAPSHOT_BYTE_ORDER 0x01020304
#define SNAPSHOT_FORMAT		5
#define SNAPSHOT_CHANGES_MAGIC	"QWCHNG\r\n"

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
	SNAPSHOT_LAYOUT,			/* SnapshotLayout and its fields */
	SNAPSHOT_GONE,				/* keys, uint64 each */
	SNAPSHOT_COMMIT,			/* SnapshotCommit */
	SNAPSHOT_WAITS,				/* WaitsInfo */
	SNAPSHOT_WAIT,				/* WaitEntry */
	SNAPSHOT_PLANWASTES,		/* PlanWasteInfo */
	SNAPSHOT_PLANWASTE,			/* PlanWaste */
	SNAPSHOT_LOCKWAITS,			/* LockWaitsInfo */
	SNAPSHOT_LOCKWAIT,			/* LockWait */
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
	uint64		id;				/* of this base; random */
	uint32		complete;		/* 1: of the end of a server, nothing was
								 * counted after it; or 0 */
	uint32		unused;			/* 0 */
} SnapshotHeader;

typedef struct SnapshotChanges
{
	char		magic[8];
	uint32		byte_order;
	uint32		format;
	uint64		id;				/* of the base */
} SnapshotChanges;

typedef struct SnapshotCommit
{
	TimestampTz saved_at;
	uint32		crc;			/* CRC-32C of all between the beginning of the
								 * file, SnapshotChanges, and this */
	uint32		unused;			/* 0 */
} SnapshotCommit;

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
							TimestampTz saved_at, uint64 id, bool complete);

/* Which record this one is: no two in a base have the same key */
extern uint64 snapshot_key(SnapshotRecordType type, const void *payload);

#define SNAPSHOT_MAX_SKIPPED	8

typedef struct SnapshotLoaded
{
	char	   *records;		/* malloc'd */
	TimestampTz saved_at;
	bool		complete;		/* as in the header, and no changes since */
	int			nskipped;		/* parts that only a newer version knows ... */
	char		skipped[SNAPSHOT_MAX_SKIPPED][16];	/* ... some of their names */
	const char *changes_fault;	/* what is wrong with the changes; as below */
} SnapshotLoaded;

/*
 * Makes records of this build out of a base, and its changes where there are
 * any (or NULL).  Returns why the base cannot be loaded into the cluster: a
 * phrase that goes on after "it ...", or NULL if it can.  Then every record has
 * been checked: whoever walks them with snapshot_next() may use what is in
 * them.  "base" and "changes" are aligned to 8 bytes.
 */
extern const char *snapshot_load(const char *base, Size size,
								 const char *changes, Size changes_size,
								 uint64 system_identifier,
								 SnapshotLoaded *loaded);

/*
 * The record after this one, or the first one after NULL; NULL at the end.
 * The payload follows the frame.
 */
extern const SnapshotFrame *snapshot_next(const char *records,
										  const SnapshotFrame *frame);

static inline const void *
snapshot_payload(const SnapshotFrame *frame)
{
	return frame + 1;
}

#endif							/* QW_SNAPSHOT_FILE_H */

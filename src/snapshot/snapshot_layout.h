/*-------------------------------------------------------------------------
 *
 * snapshot_layout.h
 *		What lies where in the records of a snapshot.
 *
 * A file describes the struct of each of its parts: field by field, by name.
 * A reader whose struct is another one copies the fields that both know, so a
 * file of an older or newer layout is read.  Change a part's version, in
 * snapshot_layout.c, when a field changes its meaning but not its name, type
 * and size; a part of a newer version is not read.
 *
 * Pure: no server needed.
 *
 * src/snapshot/snapshot_layout.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SNAPSHOT_LAYOUT_H
#define QW_SNAPSHOT_LAYOUT_H

#include "snapshot/snapshot_file.h"

typedef struct SnapshotField
{
	char		name[48];		/* ended by a NUL */
	uint32		offset;			/* in the struct */
	uint32		size;			/* of an element */
	uint32		count;			/* of elements; 1 if it is no array */
	uint32		missing;		/* each byte of it where a file has no such
								 * field; 0 in a file */
} SnapshotField;

/* Payload of SNAPSHOT_LAYOUT, followed by the fields */
typedef struct SnapshotLayout
{
	uint32		type;			/* SnapshotRecordType */
	uint32		version;
	uint32		size;			/* of the struct */
	uint32		nfields;
	char		name[16];		/* of the part, ended by a NUL */
} SnapshotLayout;

/* The layout of this build, fields at *fields; NULL if the type has none */
extern const SnapshotLayout *snapshot_layout(uint32 type,
											 const SnapshotField **fields);

/*
 * The layout of format 2, which did not describe itself; NULL if the type has
 * none
 */
extern const SnapshotLayout *snapshot_layout_2(uint32 type,
											   const SnapshotField **fields);

#endif							/* QW_SNAPSHOT_LAYOUT_H */

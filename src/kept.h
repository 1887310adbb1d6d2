/*-------------------------------------------------------------------------
 *
 * kept.h
 *		Statements of this session that lost their slots.
 *
 * A session that runs more statements than it has slots remembers what it
 * knew of some hundred of them, in memory of its own, so that they need not be
 * looked up anew when they come again.  Their entries are not pinned: whether
 * the table still has them is found out then.  Nothing here raises.
 *
 * src/kept.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_KEPT_H
#define QW_KEPT_H

#include "statements.h"
#include "table.h"

/* A statement is about to lose its slot */
extern void kept_remember(const StatementLocal *local, const TableRef *ref);

/*
 * A statement gets a slot again: pins it and fills in *info and *local; false
 * if it is not known any more.
 */
extern bool kept_pin(const StatementKey *key, TableEntryInfo *info,
					 StatementLocal *local);

#endif							/* QW_KEPT_H */

/*-------------------------------------------------------------------------
 *
 * evidence.h
 *		Collects the keys that a statement returns, while it returns them.
 *
 * A DestReceiver is put before the one that the rows go to.  It is there for
 * one run of a statement that was taken for a parent, and only until the set
 * is full.  Raises nothing; may look up the base type of a domain.
 *
 * src/repeats/evidence.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_EVIDENCE_H
#define QW_EVIDENCE_H

#include "executor/execdesc.h"
#include "tcop/dest.h"
#include "detector/window.h"

/* One run; lies on the stack of its caller */
typedef struct EvidenceCollector
{
	DestReceiver pub;
	DestReceiver *receiver;		/* the rows' own */
	KeySet	   *rows;
	int			rows_before;
	int			ncolumns;
	AttrNumber	columns[KEYSET_MAX_COLUMNS];	/* of the output, from 0 */
	Oid			types[KEYSET_MAX_COLUMNS];	/* looked through domains */
} EvidenceCollector;

/* Before the run, and after it; "failed": what it returned does not count */
extern void evidence_begin(EvidenceCollector *collector, QueryDesc *queryDesc,
						   KeySet *rows);
extern void evidence_end(EvidenceCollector *collector, QueryDesc *queryDesc,
						 bool failed);

/* The statements whose rows are wanted, of all backends */
extern Size evidence_shmem_size(void);
extern void evidence_shmem_init(void *place, bool found);
extern WindowArmed *evidence_armed(void);

/* Forgets them */
extern void evidence_reset(void);

#endif							/* QW_EVIDENCE_H */

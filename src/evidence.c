/*-------------------------------------------------------------------------
 *
 * evidence.c
 *		Collects the keys that a statement returns, while it returns them.
 *
 * Which statements those are is known to all backends, so that an application
 * need not come back on the same connection: a table of query identifiers in
 * shared memory, each at a place of its own, read and written without a lock.
 *
 * src/evidence.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/pg_type.h"
#include "executor/tuptable.h"
#include "nodes/plannodes.h"
#include "utils/syscache.h"

#include "evidence.h"
#include "keyhash.h"
#include "params.h"

static WindowArmed *armed = NULL;

Size
evidence_shmem_size(void)
{
	return sizeof(WindowArmed);
}

void
evidence_shmem_init(void *place, bool found)
{
	armed = place;
	if (!found)
		memset(place, 0, sizeof(WindowArmed));
}

WindowArmed *
evidence_armed(void)
{
	return armed;
}

void
evidence_reset(void)
{
	for (int i = 0; i < WINDOW_ARMED_SIZE; i++)
		armed->queryids[i] = 0;
}

/* The type that a domain is over, however many lie between */
static Oid
base_type(Oid type)
{
	while (type >= FirstNormalObjectId)
	{
		HeapTuple	tuple = SearchSysCache1(TYPEOID, ObjectIdGetDatum(type));
		Oid			base = InvalidOid;

		if (!HeapTupleIsValid(tuple))
			return InvalidOid;
		if (((Form_pg_type) GETSTRUCT(tuple))->typtype == TYPTYPE_DOMAIN)
			base = ((Form_pg_type) GETSTRUCT(tuple))->typbasetype;
		ReleaseSysCache(tuple);
		if (!OidIsValid(base))
			break;
		type = base;
	}
	return type;
}

static bool
is_number_or_uuid(Oid type)
{
	return type == INT4OID || type == INT8OID || type == INT2OID ||
		type == UUIDOID;
}

/*
 * Chooses the columns that may hold keys, strings last: there may be more of
 * them than fit.  "rows" is told of those it does not know.
 */
static void
choose_columns(EvidenceCollector *collector, QueryDesc *queryDesc)
{
	List	   *targets = queryDesc->plannedstmt->planTree->targetlist;
	int			known = collector->rows->ncolumns;

	for (int strings = 0; strings < 2; strings++)
	{
		ListCell   *cell;

		foreach(cell, targets)
		{
			TargetEntry *target = lfirst_node(TargetEntry, cell);
			Oid			type;

			if (target->resjunk || target->resno > queryDesc->tupDesc->natts)
				continue;
			type = base_type(TupleDescAttr(queryDesc->tupDesc,
										   target->resno - 1)->atttypid);
			if (!params_key_type(type) ||
				is_number_or_uuid(type) != (strings == 0))
				continue;

			/* a text that was made for reading may hold a key or not */
			if (strings && target->resorigtbl == InvalidOid)
				continue;
			if (known == 0 ?
				!keyset_add_column(collector->rows, target->resorigtbl,
								   target->resorigcol) :
				collector->ncolumns == known)
				return;
			collector->columns[collector->ncolumns] = target->resno;
			collector->types[collector->ncolumns] = type;
			collector->last_column = Max(collector->last_column, target->resno);
			collector->ncolumns++;
		}
	}
}

static inline void
add_row(EvidenceCollector *collector, TupleTableSlot *slot)
{
	KeySet	   *rows = collector->rows;

	slot_getsomeattrs(slot, collector->last_column);
	for (int i = 0; i < collector->ncolumns; i++)
	{
		int			column = collector->columns[i] - 1;
		uint64		hash = 0;
		uint64		magnitude = 0;

		if (likely(!slot->tts_isnull[column]))
		{
			Oid			type = collector->types[i];
			Datum		value = slot->tts_values[column];

			if (type == INT4OID)
				hash = keyhash_integer(DatumGetInt32(value), &magnitude);
			else if (type == INT8OID)
				hash = keyhash_integer(DatumGetInt64(value), &magnitude);
			else
				hash = params_hash_key(type, value, &magnitude);
		}
		keyset_set(rows, i, hash, magnitude);
	}
	keyset_end_row(rows);
}

static bool
collect_slot(TupleTableSlot *slot, DestReceiver *self)
{
	EvidenceCollector *collector = (EvidenceCollector *) self;

	if (!keyset_full(collector->rows))
		add_row(collector, slot);
	return collector->receiver->receiveSlot(slot, collector->receiver);
}

static void
collect_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	EvidenceCollector *collector = (EvidenceCollector *) self;

	collector->receiver->rStartup(collector->receiver, operation, typeinfo);
}

static void
collect_shutdown(DestReceiver *self)
{
	EvidenceCollector *collector = (EvidenceCollector *) self;

	collector->receiver->rShutdown(collector->receiver);
}

static void
collect_destroy(DestReceiver *self)
{
	EvidenceCollector *collector = (EvidenceCollector *) self;

	collector->receiver->rDestroy(collector->receiver);
}

void
evidence_begin(EvidenceCollector *collector, QueryDesc *queryDesc,
			   KeySet *rows)
{
	collector->receiver = queryDesc->dest;
	collector->rows = rows;
	collector->rows_before = rows->nrows;
	collector->ncolumns = 0;
	collector->last_column = 0;
	choose_columns(collector, queryDesc);

	/* a statement by the same name that returns other columns */
	if (collector->ncolumns != rows->ncolumns || collector->ncolumns == 0)
		return;

	collector->pub.receiveSlot = collect_slot;
	collector->pub.rStartup = collect_startup;
	collector->pub.rShutdown = collect_shutdown;
	collector->pub.rDestroy = collect_destroy;
	collector->pub.mydest = collector->receiver->mydest;
	queryDesc->dest = &collector->pub;
}

void
evidence_end(EvidenceCollector *collector, QueryDesc *queryDesc, bool failed)
{
	if (queryDesc->dest == &collector->pub)
		queryDesc->dest = collector->receiver;
	if (failed)
		collector->rows->nrows = collector->rows_before;
}

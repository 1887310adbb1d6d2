/*-------------------------------------------------------------------------
 *
 * evidence.c
 *		Collects the keys that a statement returns, while it returns them.
 *
 * Which statements those are is known to all backends, so that an application
 * need not come back on the same connection: a table of query identifiers in
 * shared memory, each at a place of its own, read and written without a lock.
 *
 * src/repeats/evidence.c
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

#include "detector/keyhash.h"
#include "query/params.h"
#include "repeats/evidence.h"

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
		armed->parents[i] = 0;
	memset(armed->history, 0, sizeof(armed->history));
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

		if (strings && collector->rows->numbers_only)
			return;
		if (strings && known == 0)
			keyset_begin_strings(collector->rows);
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
			collector->columns[collector->ncolumns] = target->resno - 1;
			collector->types[collector->ncolumns] = type;
			collector->ncolumns++;
		}
	}
}

static pg_noinline void
add_other_key(KeyColumn *key, int row, Oid type, Datum value)
{
	uint64		magnitude;
	uint64		hash = params_hash_key(type, value, &magnitude);

	keyset_set(key, row, hash, magnitude);
}

/*
 * Integers, and strings as tables mostly hold them: short, and no number by
 * their beginning.
 */
static pg_attribute_always_inline void
add_key(KeyColumn *key, int row, Oid type, Datum value)
{
	const char *text;
	Size		length;

	switch (type)
	{
		case INT4OID:
			keyset_set_integer(key, row, DatumGetInt32(value));
			return;
		case INT8OID:
			keyset_set_integer(key, row, DatumGetInt64(value));
			return;
		case TEXTOID:
		case VARCHAROID:
			if (!VARATT_IS_SHORT(DatumGetPointer(value)) ||
				VARATT_IS_EXTERNAL(DatumGetPointer(value)))
				break;
			text = VARDATA_SHORT(DatumGetPointer(value));
			length = VARSIZE_SHORT(DatumGetPointer(value)) - VARHDRSZ_SHORT;
			if (length == 0 || *text <= '9' || !params_is_plain_text(length))
				break;
			keyset_set(key, row, keyhash_data(text, length), KEY_NO_NUMBER);
			return;
	}
	add_other_key(key, row, type, value);
}

static inline void
add_row(EvidenceCollector *collector, TupleTableSlot *slot)
{
	KeyColumn  *key = collector->rows->columns;
	int			row = collector->rows->nrows;
	int			ncolumns = collector->ncolumns;

	slot_getallattrs(slot);		/* once; the receiver needs them all */
	for (int i = 0; i < ncolumns; i++, key++)
	{
		int			column = collector->columns[i];

		if (unlikely(slot->tts_isnull[column]))
			keyset_set(key, row, 0, 0);
		else
			add_key(key, row, collector->types[i], slot->tts_values[column]);
	}
	keyset_end_row(collector->rows);
}

static bool
collect_slot(TupleTableSlot *slot, DestReceiver *self)
{
	EvidenceCollector *collector = (EvidenceCollector *) self;

	if (keyset_has_room(collector->rows))
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

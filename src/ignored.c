/*-------------------------------------------------------------------------
 *
 * ignored.c
 *		The list of statements whose repeats are meant: querywatch.ignored.
 *
 * The table belongs to the extension, and a dump carries it.  A statement is
 * known by its queryid, and by its text too, for the queryid depends on the
 * OIDs of the tables, which are others where a dump was restored.
 *
 * It is read as it is at the moment, not as of the transaction's snapshot:
 * with SnapshotSelf, which leaves no trace in a serializable transaction
 * either.  Nothing is kept, so nothing has to be invalidated; it is a list of
 * some rows that people wrote, so it is read from end to end.
 *
 * src/ignored.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "guarded.h"
#include "ignored.h"
#include "statements.h"

/* Its first columns, as the extension's script defines them */
#define COLUMN_QUERYID	1
#define COLUMN_QUERY	2

typedef struct Lookup
{
	StatementKey key;
	char	   *query;			/* its text; NULL if that is not kept */
	bool		may_act;
} Lookup;

/* Is this the table, and not another that somebody made by this name? */
static bool
is_the_list(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);

	return relation->rd_rel->relkind == RELKIND_RELATION &&
		desc->natts >= COLUMN_QUERY &&
		TupleDescAttr(desc, COLUMN_QUERYID - 1)->atttypid == INT8OID &&
		TupleDescAttr(desc, COLUMN_QUERY - 1)->atttypid == TEXTOID;
}

static bool
list_has(Relation relation, const StatementKey *key, const char *query)
{
	SysScanDesc scan = systable_beginscan(relation, InvalidOid, false,
										  SnapshotSelf, 0, NULL);
	HeapTuple	tuple;
	bool		found = false;

	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, COLUMN_QUERYID,
										 RelationGetDescr(relation), &isnull);

		found = !isnull && (uint64) DatumGetInt64(value) == key->queryid;
		if (found || query == NULL)
			continue;
		value = heap_getattr(tuple, COLUMN_QUERY, RelationGetDescr(relation),
							 &isnull);
		found = !isnull && strcmp(TextDatumGetCString(value), query) == 0;
	}
	systable_endscan(scan);
	return found;
}

static void
look_up(void *arg)
{
	Lookup	   *lookup = arg;
	Oid			namespace = get_namespace_oid("querywatch", true);
	Oid			relid = OidIsValid(namespace) ?
	get_relname_relid("ignored", namespace) : InvalidOid;
	Relation	relation;

	if (!OidIsValid(relid))
		return;					/* the extension is not in this database */
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
	{
		lookup->may_act = false;
		return;
	}

	/* it may have gone before it was locked */
	relation = try_relation_open(relid, NoLock);
	if (relation == NULL)
	{
		UnlockRelationOid(relid, AccessShareLock);
		return;
	}
	if (is_the_list(relation))
		lookup->may_act = !list_has(relation, &lookup->key, lookup->query);
	relation_close(relation, AccessShareLock);
}

bool
ignored_may_act(const StatementKey *key)
{
	Lookup		lookup;

	lookup.key = *key;
	lookup.query = statements_text(key);
	lookup.may_act = true;
	return guarded_call(look_up, &lookup) && lookup.may_act;
}

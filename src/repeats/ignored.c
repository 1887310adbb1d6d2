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
 * either.  Nothing is kept, so nothing has to be invalidated.
 *
 * Anybody may have made a table by this name where the extension is not
 * installed, so only the table that belongs to the extension is read.  Both
 * look-ups go through an index: their cost does not grow with the list.  No
 * lock is waited for, neither of the table nor of an index nor of the catalogs
 * that say what belongs to the extension.
 *
 * src/repeats/ignored.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "catalog/dependency.h"
#include "catalog/namespace.h"
#include "catalog/pg_am_d.h"
#include "catalog/pg_class_d.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type_d.h"
#include "commands/extension.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "common/guarded.h"
#include "repeats/ignored.h"
#include "statements/statements.h"

/* Its columns that are read, as the extension's script defines them */
#define COLUMN_QUERYID		1
#define COLUMN_QUERY		2
#define COLUMN_QUERY_HASH	6

/* Texts of the same hash that are compared at most */
#define MAX_COMPARED		100

typedef struct Lookup
{
	StatementKey key;
	char	   *query;			/* its text; NULL if that is not kept */
	bool		may_act;
} Lookup;

/* Does the table belong to the extension? */
static bool
is_the_list(Relation relation)
{
	TupleDesc	desc = RelationGetDescr(relation);
	Oid			extension = get_extension_oid("pg_querywatch", true);

	if (!OidIsValid(extension) ||
		relation->rd_rel->relkind != RELKIND_RELATION ||
		desc->natts < COLUMN_QUERY_HASH ||
		TupleDescAttr(desc, COLUMN_QUERYID - 1)->atttypid != INT8OID ||
		TupleDescAttr(desc, COLUMN_QUERY - 1)->atttypid != TEXTOID ||
		TupleDescAttr(desc, COLUMN_QUERY_HASH - 1)->atttypid != INT8OID)
		return false;
	return getExtensionOfObject(RelationRelationId,
								RelationGetRelid(relation)) == extension;
}

/*
 * Does the text of a row with the hash of the statement's text equal that?  One
 * that is stored out of line would have to be fetched from another table, which
 * may be locked; its hash is enough.
 */
static bool
has_text(HeapTuple tuple, Relation relation, const char *query)
{
	bool		isnull;
	Datum		value = heap_getattr(tuple, COLUMN_QUERY,
									 RelationGetDescr(relation), &isnull);

	if (isnull)
		return false;
	return VARATT_IS_EXTERNAL(DatumGetPointer(value)) ||
		strcmp(TextDatumGetCString(value), query) == 0;
}

/*
 * The B-tree index of a bigint column, locked; InvalidOid if there is none
 * that can be read at once.
 */
static Oid
lock_index_of(Relation relation, AttrNumber column)
{
	List	   *indexes = RelationGetIndexList(relation);
	ListCell   *cell;
	Oid			found = InvalidOid;

	foreach(cell, indexes)
	{
		Oid			indexid = lfirst_oid(cell);
		Relation	index;

		if (!ConditionalLockRelationOid(indexid, AccessShareLock))
			continue;
		index = try_relation_open(indexid, NoLock);
		if (index == NULL)
			continue;
		if (index->rd_rel->relam == BTREE_AM_OID &&
			index->rd_index->indisvalid &&
			index->rd_index->indkey.values[0] == column &&
			heap_attisnull(index->rd_indextuple, Anum_pg_index_indpred, NULL))
			found = indexid;
		relation_close(index, NoLock);
		if (OidIsValid(found))
			break;
	}
	list_free(indexes);
	return found;
}

/*
 * Has the list a row with this value in that column, and with this text unless
 * "query" is NULL?  *known is cleared if the index cannot be read.
 */
static bool
list_has(Relation relation, AttrNumber column, int64 value, const char *query,
		 bool *known)
{
	Oid			index = lock_index_of(relation, column);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	if (!OidIsValid(index))
	{
		*known = false;
		return false;
	}
	ScanKeyInit(&scankey, column, BTEqualStrategyNumber, F_INT8EQ,
				Int64GetDatum(value));
	scan = systable_beginscan(relation, index, true, SnapshotSelf, 1,
							  &scankey);
	for (int i = 0; i < MAX_COMPARED && !found; i++)
	{
		CHECK_FOR_INTERRUPTS();
		tuple = systable_getnext(scan);
		if (!HeapTupleIsValid(tuple))
			break;
		found = query == NULL || has_text(tuple, relation, query);
	}
	systable_endscan(scan);
	return found;
}

static bool
list_has_statement(Relation relation, const Lookup *lookup, bool *known)
{
	const char *query = lookup->query;

	if (list_has(relation, COLUMN_QUERYID, (int64) lookup->key.queryid, NULL,
				 known))
		return true;
	/* the hash is that of hashtextextended(query, 0) */
	return query != NULL &&
		list_has(relation, COLUMN_QUERY_HASH,
				 (int64) hash_bytes_extended((const unsigned char *) query,
											 strlen(query), 0),
				 query, known);
}

/* GuardedCallback: its locks go with its subtransaction */
static void
look_up(void *arg)
{
	Lookup	   *lookup = arg;
	Oid			namespace = get_namespace_oid("querywatch", true);
	Oid			relid = OidIsValid(namespace) ?
	get_relname_relid("ignored", namespace) : InvalidOid;
	Relation	relation;
	bool		known = true;

	if (!OidIsValid(relid))
		return;					/* the extension is not in this database */
	lookup->may_act = false;
	if (!ConditionalLockRelationOid(relid, AccessShareLock) ||
		!ConditionalLockRelationOid(ExtensionRelationId, AccessShareLock) ||
		!ConditionalLockRelationOid(ExtensionNameIndexId, AccessShareLock) ||
		!ConditionalLockRelationOid(DependRelationId, AccessShareLock) ||
		!ConditionalLockRelationOid(DependDependerIndexId, AccessShareLock))
		return;

	/* it may have gone before it was locked */
	relation = try_relation_open(relid, NoLock);
	if (relation == NULL)
	{
		lookup->may_act = true;
		return;
	}
	lookup->may_act = !is_the_list(relation) ||
		(!list_has_statement(relation, lookup, &known) && known);
	relation_close(relation, NoLock);
}

bool
ignored_may_act(const StatementKey *key)
{
	Lookup		lookup;

	lookup.key = *key;
	lookup.query = statements_text(key);
	lookup.may_act = true;
	return guarded_look(look_up, &lookup) && lookup.may_act;
}

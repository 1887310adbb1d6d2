/*-------------------------------------------------------------------------
 *
 * tableindex.c
 *		The indexes of a table, from the catalogs.
 *
 * src/rewrite/tableindex.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_am.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "commands/defrem.h"
#include "nodes/makefuncs.h"
#include "nodes/nodes.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "rewrite/tableindex.h"

static Oid
access_method(Oid indexid)
{
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(indexid));
	Oid			result = InvalidOid;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relam;
		ReleaseSysCache(tuple);
	}
	return result;
}

static void
fill_columns(TableIndex *index, HeapTuple tuple)
{
	Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);
	bool		isnull;
	oidvector  *classes = (oidvector *)
	DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
									Anum_pg_index_indclass, &isnull));
	oidvector  *collations = (oidvector *)
	DatumGetPointer(SysCacheGetAttr(INDEXRELID, tuple,
									Anum_pg_index_indcollation, &isnull));

	for (int i = 0; i < index->ncolumns; i++)
	{
		Oid			type;
		int32		typmod;
		Oid			collation;

		index->columns[i] = form->indkey.values[i];
		if (index->columns[i] <= 0 || index->am != BTREE_AM_OID)
			continue;
		get_atttypetypmodcoll(index->relid, index->columns[i], &type, &typmod,
							  &collation);
		index->default_order[i] = collations->values[i] == collation &&
			get_opclass_family(classes->values[i]) ==
			get_opclass_family(GetDefaultOpClass(type, BTREE_AM_OID));
	}
}

List *
table_indexes(Oid relid)
{
	Relation	rel = table_open(relid, NoLock);
	List	   *oids = RelationGetIndexList(rel);
	List	   *result = NIL;
	ListCell   *lc;

	table_close(rel, NoLock);
	foreach(lc, oids)
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index form;
		TableIndex *index;
		Datum		expressions;
		Datum		predicate;
		bool		isnull;

		if (!HeapTupleIsValid(tuple))
			continue;
		form = (Form_pg_index) GETSTRUCT(tuple);
		if (form->indisvalid)
		{
			index = palloc0_object(TableIndex);
			index->oid = lfirst_oid(lc);
			index->relid = relid;
			index->am = access_method(lfirst_oid(lc));
			index->unique = form->indisunique && form->indimmediate;
			index->primary = form->indisprimary;
			predicate = SysCacheGetAttr(INDEXRELID, tuple,
										Anum_pg_index_indpred, &isnull);
			index->partial = !isnull;
			if (!isnull)
				index->predicate =
					make_ands_implicit(stringToNode(TextDatumGetCString(predicate)));
			index->ncolumns = form->indnkeyatts;
			fill_columns(index, tuple);
			expressions = SysCacheGetAttr(INDEXRELID, tuple,
										  Anum_pg_index_indexprs, &isnull);
			if (!isnull)
				index->expressions =
					stringToNode(TextDatumGetCString(expressions));
			result = lappend(result, index);
		}
		ReleaseSysCache(tuple);
	}
	return result;
}

/*-------------------------------------------------------------------------
 *
 * foreignkeys.c
 *		Foreign keys without an index.
 *
 * src/rewrite/foreignkeys.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "rewrite/foreignkeys.h"

static bool
is_column_of(const UnindexedKey *key, AttrNumber attnum)
{
	for (int i = 0; i < key->ncolumns; i++)
	{
		if (key->columns[i] == attnum)
			return true;
	}
	return false;
}

/* Has its table an index that begins with its columns, in whatever order? */
static bool
has_index(const UnindexedKey *key)
{
	Relation	catalog = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&scankey, Anum_pg_index_indrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(key->relid));
	scan = systable_beginscan(catalog, IndexIndrelidIndexId, true, NULL, 1,
							  &scankey);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		found = form->indisvalid && form->indnkeyatts >= key->ncolumns &&
			heap_attisnull(tuple, Anum_pg_index_indpred,
						   RelationGetDescr(catalog));
		for (int i = 0; found && i < key->ncolumns; i++)
			found = is_column_of(key, form->indkey.values[i]);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

static bool
read_columns(Relation catalog, HeapTuple tuple, UnindexedKey *key)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, Anum_pg_constraint_conkey,
									 RelationGetDescr(catalog), &isnull);
	ArrayType  *array;

	if (isnull)
		return false;
	array = DatumGetArrayTypeP(datum);
	key->ncolumns = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	if (key->ncolumns < 1 || key->ncolumns > INDEX_MAX_KEYS)
		return false;
	memcpy(key->columns, ARR_DATA_PTR(array),
		   key->ncolumns * sizeof(AttrNumber));
	return true;
}

bool
foreignkeys_unindexed(Oid referenced, UnindexedKey *result)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	/* there is no index on the referenced table */
	scan = systable_beginscan(catalog, InvalidOid, false, NULL, 0, NULL);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype != CONSTRAINT_FOREIGN ||
			form->confrelid != referenced || OidIsValid(form->conparentid))
			continue;
		result->constraint = form->oid;
		result->relid = form->conrelid;
		found = read_columns(catalog, tuple, result) && !has_index(result);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

bool
foreignkeys_of_constraint(Oid constraint, UnindexedKey *result)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		found = false;

	ScanKeyInit(&scankey, Anum_pg_constraint_oid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(constraint));
	scan = systable_beginscan(catalog, ConstraintOidIndexId, true, NULL, 1,
							  &scankey);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		result->constraint = form->oid;
		result->relid = form->conrelid;
		found = form->contype == CONSTRAINT_FOREIGN &&
			read_columns(catalog, tuple, result) && !has_index(result);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return found;
}

/* Has it these columns and no others? */
static bool
has_columns(const UnindexedKey *key, const AttrNumber *columns, int ncolumns)
{
	if (key->ncolumns != ncolumns)
		return false;
	for (int i = 0; i < ncolumns; i++)
	{
		if (!is_column_of(key, columns[i]))
			return false;
	}
	return true;
}

bool
foreignkeys_of_columns(Oid relid, const AttrNumber *columns, int ncolumns,
					   UnindexedKey *result)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			parent = InvalidOid;
	bool		found = false;

	ScanKeyInit(&scankey, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &scankey);
	while (!found && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);

		if (form->contype != CONSTRAINT_FOREIGN)
			continue;
		result->constraint = form->oid;
		result->relid = form->conrelid;
		parent = form->conparentid;
		found = read_columns(catalog, tuple, result) &&
			has_columns(result, columns, ncolumns) && !has_index(result);
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);

	/* each level of partitions has its own */
	while (found && OidIsValid(parent))
	{
		UnindexedKey above;
		HeapTuple	constraint;

		if (!foreignkeys_of_constraint(parent, &above))
			break;
		constraint = SearchSysCache1(CONSTROID, ObjectIdGetDatum(parent));
		if (!HeapTupleIsValid(constraint))
			break;
		parent = ((Form_pg_constraint) GETSTRUCT(constraint))->conparentid;
		ReleaseSysCache(constraint);

		/* that of a partition of the referenced table is the same table's */
		*result = above;
	}
	return found;
}

char *
foreignkeys_index(const UnindexedKey *key)
{
	char	   *table = get_rel_name(key->relid);
	char	   *schema = get_namespace_name(get_rel_namespace(key->relid));
	bool		partitioned = get_rel_relkind(key->relid) ==
	RELKIND_PARTITIONED_TABLE;
	StringInfoData buf;

	if (table == NULL || schema == NULL)
		return NULL;
	initStringInfo(&buf);
	/* a partitioned table's cannot be made so */
	appendStringInfo(&buf, "CREATE INDEX %sON %s (",
					 partitioned ? "" : "CONCURRENTLY ",
					 quote_qualified_identifier(schema, table));
	for (int i = 0; i < key->ncolumns; i++)
	{
		char	   *column = get_attname(key->relid, key->columns[i], true);

		if (column == NULL)
			return NULL;
		appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
						 quote_identifier(column));
	}
	appendStringInfoChar(&buf, ')');
	return buf.data;
}

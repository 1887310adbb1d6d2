/*-------------------------------------------------------------------------
 *
 * schema.c
 *		Foreign keys, unique columns and names out of the catalogs.
 *
 * src/schema.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_index.h"
#include "utils/array.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "schema.h"

/* Reads the smallint[] of a foreign key's columns, at most the maximum */
static int
key_columns(Relation catalog, HeapTuple tuple, AttrNumber field,
			AttrNumber *columns)
{
	bool		isnull;
	Datum		datum = heap_getattr(tuple, field, RelationGetDescr(catalog),
									 &isnull);
	ArrayType  *array;
	int			n;

	if (isnull)
		return 0;
	array = DatumGetArrayTypeP(datum);
	n = ArrayGetNItems(ARR_NDIM(array), ARR_DIMS(array));
	n = Min(n, WINDOW_MAX_KEY_COLUMNS);
	memcpy(columns, ARR_DATA_PTR(array), n * sizeof(AttrNumber));
	return n;
}

static int
catalog_foreign_keys(void *arg, Oid relid, WindowForeignKey *keys, int max)
{
	Relation	catalog = table_open(ConstraintRelationId, AccessShareLock);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	int			n = 0;

	ScanKeyInit(&scankey, Anum_pg_constraint_conrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, ConstraintRelidTypidNameIndexId, true,
							  NULL, 1, &scankey);
	while (n < max && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_constraint form = (Form_pg_constraint) GETSTRUCT(tuple);
		WindowForeignKey *key = &keys[n];

		if (form->contype != CONSTRAINT_FOREIGN)
			continue;
		memset(key, 0, sizeof(WindowForeignKey));
		key->constraint = form->oid;
		key->relid = relid;
		key->refrelid = form->confrelid;
		key->ncolumns = key_columns(catalog, tuple, Anum_pg_constraint_conkey,
									key->columns);
		if (key->ncolumns > 0 &&
			key_columns(catalog, tuple, Anum_pg_constraint_confkey,
						key->refcolumns) == key->ncolumns)
			n++;
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return n;
}

static bool
catalog_is_unique(void *arg, Oid relid, AttrNumber attnum)
{
	Relation	catalog = table_open(IndexRelationId, AccessShareLock);
	ScanKeyData scankey;
	SysScanDesc scan;
	HeapTuple	tuple;
	bool		result = false;

	ScanKeyInit(&scankey, Anum_pg_index_indrelid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(relid));
	scan = systable_beginscan(catalog, IndexIndrelidIndexId, true,
							  NULL, 1, &scankey);
	while (!result && HeapTupleIsValid(tuple = systable_getnext(scan)))
	{
		Form_pg_index form = (Form_pg_index) GETSTRUCT(tuple);

		result = form->indisunique && form->indisvalid &&
			form->indnkeyatts == 1 && form->indkey.values[0] == attnum &&
			heap_attisnull(tuple, Anum_pg_index_indpred,
						   RelationGetDescr(catalog));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

const WindowSchema schema_of_catalogs = {
	.foreign_keys = catalog_foreign_keys,
	.is_unique = catalog_is_unique,
	.arg = NULL
};

void
schema_column_name(Oid relid, AttrNumber attnum, char *buffer, Size size)
{
	char	   *table = OidIsValid(relid) ? get_rel_name(relid) : NULL;
	char	   *column = table && attnum != 0 ?
	get_attname(relid, attnum, true) : NULL;

	buffer[0] = '\0';
	if (table && column)
		snprintf(buffer, size, "%s.%s", table, column);
}

void
schema_constraint_name(Oid constraint, char *buffer, Size size)
{
	char	   *name = OidIsValid(constraint) ?
	get_constraint_name(constraint) : NULL;

	strlcpy(buffer, name ? name : "", size);
}

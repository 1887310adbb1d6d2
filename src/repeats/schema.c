/*-------------------------------------------------------------------------
 *
 * schema.c
 *		Foreign keys, unique columns and names out of the catalogs.
 *
 * What was found is kept, each at the one place that its table has, until the
 * server says that this or another table of the same place was altered: a
 * burst that comes again asks the same.
 *
 * src/repeats/schema.c
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
#include "utils/inval.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"

#include "detector/columnnames.h"
#include "repeats/schema.h"

/* Places, powers of two */
#define KEPT_TABLES		64
#define KEPT_COLUMNS	128

/* Foreign keys of a table that are kept; of one with more, none */
#define KEPT_KEYS		8

typedef struct KeptTable
{
	Oid			relid;			/* 0: not used */
	uint64		altered;		/* altered_count() when it was read */
	int			nkeys;
	WindowForeignKey keys[KEPT_KEYS];
} KeptTable;

typedef struct KeptColumn
{
	Oid			relid;			/* 0: not used */
	AttrNumber	attnum;
	bool		unique;
	bool		unique_known;
	uint64		altered;
	char		name[2 * NAMEDATALEN];	/* table.column; "": not known */
} KeptColumn;

static KeptTable kept_tables[KEPT_TABLES];
static KeptColumn kept_columns[KEPT_COLUMNS];

/* How often tables of a place were altered, and all of them at once */
static uint64 altered[KEPT_TABLES];
static uint64 altered_all = 0;
static bool callback_registered = false;

/* Grows whenever the table is altered */
static inline uint64
altered_count(Oid relid)
{
	return altered[relid % KEPT_TABLES] + altered_all;
}

static void
table_altered(Datum arg, Oid relid)
{
	if (OidIsValid(relid))
		altered[relid % KEPT_TABLES]++;
	else
		altered_all++;
}

static void
register_callback(void)
{
	if (!callback_registered)
		CacheRegisterRelcacheCallback(table_altered, (Datum) 0);
	callback_registered = true;
}

/* The column's place, emptied if it held another or its table was altered */
static KeptColumn *
kept_column(Oid relid, AttrNumber attnum)
{
	KeptColumn *column =
	&kept_columns[(relid * 31 + (uint32) attnum) % KEPT_COLUMNS];

	register_callback();
	if (column->relid != relid || column->attnum != attnum ||
		column->altered != altered_count(relid))
	{
		column->relid = relid;
		column->attnum = attnum;
		column->altered = altered_count(relid);
		column->unique_known = false;
		column->name[0] = '\0';
	}
	return column;
}

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
read_foreign_keys(Oid relid, WindowForeignKey *keys, int max)
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

/*
 * The count of alterations is taken before the catalog is read: if the table
 * is altered meanwhile, what was read is kept for nothing.
 */
static int
catalog_foreign_keys(void *arg, Oid relid, WindowForeignKey *keys, int max)
{
	KeptTable  *table = &kept_tables[relid % KEPT_TABLES];
	uint64		count = altered_count(relid);
	int			n;

	register_callback();
	if (table->relid == relid && table->altered == count &&
		table->nkeys <= max)
	{
		memcpy(keys, table->keys, table->nkeys * sizeof(WindowForeignKey));
		return table->nkeys;
	}
	n = read_foreign_keys(relid, keys, max);
	if (n <= KEPT_KEYS && n < max)
	{
		table->relid = relid;
		table->altered = count;
		table->nkeys = n;
		memcpy(table->keys, keys, n * sizeof(WindowForeignKey));
	}
	return n;
}

static bool
read_is_unique(Oid relid, AttrNumber attnum)
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

static bool
catalog_is_unique(void *arg, Oid relid, AttrNumber attnum)
{
	KeptColumn *column = kept_column(relid, attnum);

	if (!column->unique_known)
	{
		column->unique = read_is_unique(relid, attnum);
		column->unique_known = true;
	}
	return column->unique;
}

/* Are the index's columns among these, and one or more of the first nfixed? */
static bool
index_is_among(Form_pg_index form, const AttrNumber *columns, int ncolumns,
			   int nfixed)
{
	bool		fixed = false;

	for (int i = 0; i < form->indnkeyatts; i++)
	{
		int			place = 0;

		while (place < ncolumns && columns[place] != form->indkey.values[i])
			place++;
		if (place == ncolumns)
			return false;
		fixed |= place < nfixed;
	}
	return fixed;
}

static bool
catalog_has_key(void *arg, Oid relid, const AttrNumber *columns, int ncolumns,
				int nfixed)
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
			index_is_among(form, columns, ncolumns, nfixed) &&
			heap_attisnull(tuple, Anum_pg_index_indpred,
						   RelationGetDescr(catalog));
	}
	systable_endscan(scan);
	table_close(catalog, AccessShareLock);
	return result;
}

/* ColumnNameIsTable: a table in the schema that arg names */
static bool
is_table_there(void *arg, const char *name)
{
	return OidIsValid(get_relname_relid(name, *(Oid *) arg));
}

static NameAgreement
catalog_names(void *arg, Oid relid, AttrNumber attnum, Oid parent_relid,
			  AttrNumber parent_attnum)
{
	ColumnName	child;
	ColumnName	parent;
	Oid			namespace = get_rel_namespace(relid);

	child.table = get_rel_name(relid);
	child.column = get_attname(relid, attnum, true);
	child.unique = catalog_is_unique(arg, relid, attnum);
	parent.table = get_rel_name(parent_relid);
	parent.column = get_attname(parent_relid, parent_attnum, true);
	parent.unique = catalog_is_unique(arg, parent_relid, parent_attnum);
	if (child.table == NULL || child.column == NULL || parent.table == NULL ||
		parent.column == NULL)
		return NAMES_UNKNOWN;
	return columnnames_compare(&child, &parent, is_table_there, &namespace);
}

const WindowSchema schema_of_catalogs = {
	.foreign_keys = catalog_foreign_keys,
	.is_unique = catalog_is_unique,
	.names = catalog_names,
	.has_key = catalog_has_key,
	.arg = NULL
};

void
schema_column_name(Oid relid, AttrNumber attnum, char *buffer, Size size)
{
	KeptColumn *kept;

	buffer[0] = '\0';
	if (!OidIsValid(relid) || attnum == 0)
		return;
	kept = kept_column(relid, attnum);
	if (kept->name[0] == '\0')
	{
		char	   *table = get_rel_name(relid);
		char	   *column = table ? get_attname(relid, attnum, true) : NULL;

		if (column)
			snprintf(kept->name, sizeof(kept->name), "%s.%s", table, column);
	}
	strlcpy(buffer, kept->name, size);
}

bool
schema_known_name(Oid relid, AttrNumber attnum, char *buffer, Size size)
{
	const KeptColumn *kept = kept_column(relid, attnum);

	if (kept->name[0] == '\0')
		return false;
	strlcpy(buffer, kept->name, size);
	return true;
}

uint64
schema_altered(Oid relid)
{
	register_callback();
	return altered_count(relid);
}

void
schema_constraint_name(Oid constraint, char *buffer, Size size)
{
	char	   *name = OidIsValid(constraint) ?
	get_constraint_name(constraint) : NULL;

	strlcpy(buffer, name ? name : "", size);
}

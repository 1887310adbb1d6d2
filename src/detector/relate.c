/*-------------------------------------------------------------------------
 *
 * relate.c
 *		Which columns lead from a parent statement to a repeated one.
 *
 * The child compares a column with a value that varies.  That column is
 *
 *	- a foreign key to one of the parent's tables: one_to_many, or
 *	  many_to_many when the child's rows come from a table behind it;
 *	- referenced by one of the parent's tables: many_to_one;
 *	- the key of the rows that the parent lists, of which it left out columns
 *	  that the child returns: deferred_column; or something is joined to the
 *	  row.
 *
 * The parent has to return the other column, and not only as the echo of a
 * value that it was asked for.
 *
 * A child that answers with a count or with EXISTS is count_or_exists by
 * whichever of these columns.
 *
 * src/detector/relate.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/relate.h"
#include "detector/valueset.h"

uint64
relate_parent_id(uint64 queryid, const StatementShape *shape)
{
	int			nrelations = Min(shape->nrelations, SHAPE_MAX_RELATIONS);
	int			nconditions = Min(shape->nconditions, SHAPE_MAX_CONDITIONS);
	uint64		h = shape->command;

	if ((shape->flags & SHAPE_LIST_CONDITION) == 0 ||
		(shape->flags & SHAPE_INCOMPLETE) != 0)
		return queryid;
	h = valueset_mix(h << 32 | (uint64) shape->noutput << 16 | shape->flags);
	h = valueset_mix(h ^ shape->target);
	for (int i = 0; i < nrelations; i++)
		h = valueset_mix(h ^ valueset_mix(shape->relations[i]) ^
						 shape->not_returned[i]);
	for (int i = 0; i < nconditions; i++)
	{
		const ShapeCondition *condition = &shape->conditions[i];

		h = valueset_mix(h ^ ((uint64) condition->relid << 32 |
							  (uint64) (uint16) condition->attnum << 8 |
							  (condition->value.list ? 0x80 : 0) |
							  condition->value_class));
	}
	return h == 0 ? 1 : h;
}

void
relate_init(Relater *relater, const WindowSchema *schema)
{
	relater->schema = schema;
	relater->ntables = 0;
	relater->ncolumns = 0;
}

/*
 * The foreign keys that relid holds; none when too much was asked already.
 */
static const RelaterTable *
keys_of(Relater *relater, Oid relid)
{
	static const RelaterTable nothing = {0};
	const WindowSchema *schema = relater->schema;
	RelaterTable *table;

	for (int i = 0; i < relater->ntables; i++)
	{
		if (relater->tables[i].relid == relid)
			return &relater->tables[i];
	}
	if (schema == NULL || schema->foreign_keys == NULL ||
		relid == InvalidOid || relater->ntables == RELATE_MAX_TABLES)
		return &nothing;

	table = &relater->tables[relater->ntables++];
	table->relid = relid;
	table->nkeys = schema->foreign_keys(schema->arg, relid, table->keys,
										RELATE_MAX_KEYS);
	table->nkeys = Min(Max(table->nkeys, 0), RELATE_MAX_KEYS);
	return table;
}

static bool
is_unique(Relater *relater, Oid relid, AttrNumber attnum)
{
	const WindowSchema *schema = relater->schema;
	RelaterColumn *column;

	for (int i = 0; i < relater->ncolumns; i++)
	{
		column = &relater->columns[i];
		if (column->relid == relid && column->attnum == attnum)
			return column->unique;
	}
	if (schema == NULL || schema->is_unique == NULL ||
		relater->ncolumns == RELATE_MAX_COLUMNS)
		return false;

	column = &relater->columns[relater->ncolumns++];
	column->relid = relid;
	column->attnum = attnum;
	column->unique = schema->is_unique(schema->arg, relid, attnum);
	return column->unique;
}

/* Place of a table among those of a statement, or -1 */
static int
place_of_table(const StatementShape *shape, Oid relid)
{
	int			nrelations = Min(shape->nrelations, SHAPE_MAX_RELATIONS);

	for (int i = 0; i < nrelations; i++)
	{
		if (shape->relations[i] == relid)
			return i;
	}
	return -1;
}

/* Is the column compared for equality with one value? */
static bool
is_echo(const StatementShape *shape, Oid relid, AttrNumber attnum)
{
	int			nconditions = Min(shape->nconditions, SHAPE_MAX_CONDITIONS);

	for (int i = 0; i < nconditions; i++)
	{
		const ShapeCondition *condition = &shape->conditions[i];

		if (condition->relid == relid && condition->attnum == attnum &&
			condition->value.list == 0)
			return true;
	}
	return false;
}

/* May rows of the statement lead somewhere by this column? */
static bool
leads(const StatementShape *shape, Oid relid, AttrNumber attnum)
{
	int			table = place_of_table(shape, relid);

	return table >= 0 &&
		(shape->not_returned[table] & SHAPE_COLUMN_BIT(attnum)) == 0 &&
		!is_echo(shape, relid, attnum);
}

bool
relate_left_out(const StatementShape *parent, const StatementShape *child,
				Oid relid)
{
	int			in_parent = place_of_table(parent, relid);
	int			in_child = place_of_table(child, relid);

	return in_parent >= 0 && in_child >= 0 &&
		child->not_returned[in_child] != 0 &&
		(parent->not_returned[in_parent] & ~child->not_returned[in_child]) != 0;
}

/* Place of a column among those of a key, or -1 */
static int
place_of(const AttrNumber *columns, int ncolumns, AttrNumber attnum)
{
	ncolumns = Min(ncolumns, WINDOW_MAX_KEY_COLUMNS);
	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i] == attnum)
			return i;
	}
	return -1;
}

/* A foreign key of table "relid" that references "refrelid", other than one */
static const WindowForeignKey *
key_between(Relater *relater, Oid relid, Oid refrelid,
			const WindowForeignKey *except)
{
	const RelaterTable *table = keys_of(relater, relid);

	for (int i = 0; i < table->nkeys; i++)
	{
		if (table->keys[i].refrelid == refrelid && &table->keys[i] != except)
			return &table->keys[i];
	}
	return NULL;
}

/*
 * Is the table of the condition a mere junction, on the way to the one that
 * the child's rows come from?
 */
static bool
through_junction(Relater *relater, const StatementShape *child,
				 const WindowForeignKey *key)
{
	int			nrelations = Min(child->nrelations, SHAPE_MAX_RELATIONS);

	if (child->target != InvalidOid)
		return child->target != key->relid &&
			key_between(relater, key->relid, child->target, key) != NULL;

	/* which table the rows come from is not known; it must be another one */
	for (int i = 0; i < nrelations; i++)
	{
		if (child->relations[i] != key->relid &&
			key_between(relater, key->relid, child->relations[i], key) != NULL)
			return true;
	}
	return false;
}

static void
link_columns(StatementLink *link, LinkGrade grade,
			 RepeatRelationship relationship, Oid constraint,
			 const ShapeCondition *condition,
			 Oid parent_relid, AttrNumber parent_attnum)
{
	link->grade = grade;
	link->relationship = relationship;
	link->constraint = constraint;
	link->key_relid = condition->relid;
	link->key_attnum = condition->attnum;
	link->parent_relid = parent_relid;
	link->parent_attnum = parent_attnum;
}

/*
 * The child's column is a foreign key to a table of the parent
 */
static bool
link_to_children(Relater *relater, const StatementShape *child,
				 const ShapeCondition *condition,
				 const StatementShape *parent, StatementLink *link)
{
	const RelaterTable *table = keys_of(relater, condition->relid);

	for (int i = 0; i < table->nkeys; i++)
	{
		const WindowForeignKey *key = &table->keys[i];
		int			place = place_of(key->columns, key->ncolumns,
									 condition->attnum);

		if (place < 0 || place_of_table(parent, key->refrelid) < 0)
			continue;
		if (!leads(parent, key->refrelid, key->refcolumns[place]))
		{
			link->left_out = true;
			continue;
		}
		link_columns(link, LINK_KEY,
					 through_junction(relater, child, key) ?
					 RELATIONSHIP_MANY_TO_MANY : RELATIONSHIP_ONE_TO_MANY,
					 key->constraint, condition,
					 key->refrelid, key->refcolumns[place]);
		return true;
	}
	return false;
}

/*
 * A table of the parent references the child's column
 */
static bool
link_to_one(Relater *relater, const StatementShape *child,
			const ShapeCondition *condition,
			const StatementShape *parent, StatementLink *link)
{
	int			nrelations = Min(parent->nrelations, SHAPE_MAX_RELATIONS);
	bool		found = false;

	for (int i = 0; i < nrelations; i++)
	{
		const RelaterTable *table = keys_of(relater, parent->relations[i]);

		for (int j = 0; j < table->nkeys; j++)
		{
			const WindowForeignKey *key = &table->keys[j];
			int			place = place_of(key->refcolumns, key->ncolumns,
										 condition->attnum);

			if (place < 0 || key->refrelid != condition->relid)
				continue;
			if (!leads(parent, key->relid, key->columns[place]))
			{
				link->left_out = true;
				continue;
			}

			/* the row above, or the rest of the same row */
			if (key->relid == condition->relid &&
				relate_left_out(parent, child, key->relid) &&
				leads(parent, condition->relid, condition->attnum))
			{
				link_columns(link, LINK_POSSIBLE, RELATIONSHIP_NONE, InvalidOid,
							 condition, key->relid, 0);
				return true;
			}
			if (found && (link->parent_relid != key->relid ||
						  link->parent_attnum != key->columns[place]))
			{
				link_columns(link, LINK_POSSIBLE, RELATIONSHIP_MANY_TO_ONE,
							 InvalidOid, condition, key->relid, 0);
				return true;
			}
			link_columns(link, LINK_KEY, RELATIONSHIP_MANY_TO_ONE,
						 key->constraint, condition,
						 key->relid, key->columns[place]);
			found = true;
		}
	}
	return found;
}

/*
 * The child's column is a key of the rows that the parent lists
 */
static bool
link_to_row(Relater *relater, const StatementShape *child,
			const ShapeCondition *condition,
			const StatementShape *parent, StatementLink *link)
{
	const WindowForeignKey *key;

	if (place_of_table(parent, condition->relid) < 0 ||
		!is_unique(relater, condition->relid, condition->attnum))
		return false;
	if (!leads(parent, condition->relid, condition->attnum))
	{
		link->left_out = true;
		return false;
	}

	/* rows that are locked one by one were not left out by the parent */
	if (child->flags & SHAPE_ROW_LOCKS)
		return false;

	/* the row serves only to join something to it */
	if (child->target != InvalidOid && child->target != condition->relid)
	{
		RepeatRelationship relationship = RELATIONSHIP_MANY_TO_ONE;

		key = key_between(relater, condition->relid, child->target, NULL);
		if (key == NULL)
		{
			relationship = RELATIONSHIP_ONE_TO_MANY;
			key = key_between(relater, child->target, condition->relid, NULL);
		}
		if (key == NULL)
			return false;
		link_columns(link, LINK_KEY, relationship, key->constraint, condition,
					 condition->relid, condition->attnum);
		return true;
	}

	/* a row that the parent joined to those that it lists */
	if (parent->target != condition->relid)
	{
		key = key_between(relater, parent->target, condition->relid, NULL);
		link_columns(link, key != NULL ? LINK_KEY : LINK_POSSIBLE,
					 RELATIONSHIP_MANY_TO_ONE,
					 key != NULL ? key->constraint : InvalidOid,
					 condition, condition->relid, condition->attnum);
		return true;
	}

	/* what it returned already was not deferred */
	if (!relate_left_out(parent, child, condition->relid))
		return false;
	link_columns(link, LINK_KEY, RELATIONSHIP_DEFERRED_COLUMN, InvalidOid,
				 condition, condition->relid, condition->attnum);
	return true;
}

void
relate_statements(Relater *relater, const StatementShape *child,
				  uint32 varying, const StatementShape *parent,
				  StatementLink *link)
{
	typedef bool (*Way) (Relater *, const StatementShape *,
						 const ShapeCondition *, const StatementShape *,
						 StatementLink *);
	static const Way ways[] = {link_to_children, link_to_one, link_to_row};
	int			nconditions = Min(child->nconditions, SHAPE_MAX_CONDITIONS);

	memset(link, 0, sizeof(StatementLink));
	for (int way = 0; way < lengthof(ways); way++)
	{
		for (int i = 0; i < nconditions; i++)
		{
			const ShapeCondition *condition = &child->conditions[i];

			if ((varying & (1U << i)) == 0 ||
				condition->relid == InvalidOid || condition->attnum == 0)
				continue;
			if (ways[way] (relater, child, condition, parent, link))
			{
				if (child->flags & SHAPE_AGGREGATE_ONLY)
					link->relationship = RELATIONSHIP_COUNT_OR_EXISTS;
				return;
			}
		}
	}
}

/*
 * Does the column reference a table, by a key of one column?  Which, or 0; the
 * first one.
 */
static Oid
referenced_by(Relater *relater, Oid relid, AttrNumber attnum)
{
	const RelaterTable *table = keys_of(relater, relid);

	for (int i = 0; i < table->nkeys; i++)
	{
		if (table->keys[i].ncolumns == 1 && table->keys[i].columns[0] == attnum)
			return table->keys[i].refrelid;
	}
	return InvalidOid;
}

RepeatRelationship
relate_values(Relater *relater, Oid relid, AttrNumber attnum,
			  Oid parent_relid, AttrNumber parent_attnum, bool *unlikely)
{
	Oid			references = referenced_by(relater, relid, attnum);
	Oid			parent_references = referenced_by(relater, parent_relid,
												  parent_attnum);
	bool		unique = is_unique(relater, relid, attnum);
	bool		parent_unique = is_unique(relater, parent_relid,
										  parent_attnum);

	/*
	 * what one of them stands for: a row of the table it references, or its
	 * own
	 */
	if (references == InvalidOid && unique)
		references = relid;
	if (parent_references == InvalidOid && parent_unique)
		parent_references = parent_relid;
	*unlikely = references != InvalidOid && parent_references != InvalidOid &&
		references != parent_references;

	if (*unlikely || unique == parent_unique)
		return RELATIONSHIP_NONE;
	return unique ? RELATIONSHIP_MANY_TO_ONE : RELATIONSHIP_ONE_TO_MANY;
}

bool
relate_is_unique(Relater *relater, Oid relid, AttrNumber attnum)
{
	return relid != InvalidOid && attnum != 0 &&
		is_unique(relater, relid, attnum);
}

/* The foreign key that leads from one column to another; NULL if none does */
static const WindowForeignKey *
key_of_columns(Relater *relater, Oid relid, AttrNumber attnum,
			   Oid refrelid, AttrNumber refattnum)
{
	const RelaterTable *table = keys_of(relater, relid);

	for (int i = 0; i < table->nkeys; i++)
	{
		const WindowForeignKey *key = &table->keys[i];
		int			place = place_of(key->columns, key->ncolumns, attnum);

		if (place >= 0 && key->refrelid == refrelid &&
			key->refcolumns[place] == refattnum)
			return key;
	}
	return NULL;
}

ColumnAgreement
relate_agreement(Relater *relater, const StatementShape *child, int condition,
				 const StatementShape *parent,
				 Oid parent_relid, AttrNumber parent_attnum,
				 StatementLink *link)
{
	const ShapeCondition *column = &child->conditions[condition];
	const WindowSchema *schema = relater->schema;
	const WindowForeignKey *key;
	bool		unlikely = false;
	bool		parent_unique;
	NameAgreement names = NAMES_UNKNOWN;
	Oid			references;
	Oid			parent_references;

	memset(link, 0, sizeof(StatementLink));
	link->key_relid = column->relid;
	link->key_attnum = column->attnum;
	link->parent_relid = parent_relid;
	link->parent_attnum = parent_attnum;
	if (column->relid == InvalidOid || column->attnum == 0 ||
		parent_relid == InvalidOid || parent_attnum == 0)
	{
		if (child->flags & SHAPE_AGGREGATE_ONLY)
			link->relationship = RELATIONSHIP_COUNT_OR_EXISTS;
		return COLUMNS_UNKNOWN;
	}
	parent_unique = is_unique(relater, parent_relid, parent_attnum);
	link->relationship = relate_values(relater, column->relid, column->attnum,
									   parent_relid, parent_attnum, &unlikely);
	if ((key = key_of_columns(relater, column->relid, column->attnum,
							  parent_relid, parent_attnum)) != NULL)
	{
		link->constraint = key->constraint;
		link->relationship = through_junction(relater, child, key) ?
			RELATIONSHIP_MANY_TO_MANY : RELATIONSHIP_ONE_TO_MANY;
	}
	else if ((key = key_of_columns(relater, parent_relid, parent_attnum,
								   column->relid, column->attnum)) != NULL)
	{
		link->constraint = key->constraint;
		link->relationship = RELATIONSHIP_MANY_TO_ONE;
	}
	else if (column->relid == parent_relid && column->attnum == parent_attnum &&
			 parent_unique && child->target == parent_relid)
	{
		if (parent->target != InvalidOid && parent->target != parent_relid)
			link->relationship = RELATIONSHIP_MANY_TO_ONE;
		else if (relate_left_out(parent, child, parent_relid))
			link->relationship = RELATIONSHIP_DEFERRED_COLUMN;
	}
	if (child->flags & SHAPE_AGGREGATE_ONLY)
		link->relationship = RELATIONSHIP_COUNT_OR_EXISTS;

	if (key != NULL ||
		(column->relid == parent_relid && column->attnum == parent_attnum))
		return COLUMNS_LINKED;
	references = referenced_by(relater, column->relid, column->attnum);
	parent_references = referenced_by(relater, parent_relid, parent_attnum);
	if (references != InvalidOid && references == parent_references)
		return COLUMNS_LINKED;
	if (unlikely &&
		(references != InvalidOid || parent_references != InvalidOid))
		return COLUMNS_CONTRADICT;
	if (schema != NULL && schema->names != NULL)
		names = schema->names(schema->arg, column->relid, column->attnum,
							  parent_relid, parent_attnum);
	if (names == NAMES_AGREE)
		return COLUMNS_AGREE;
	if (unlikely || names == NAMES_DIFFER ||
		(names == NAMES_NO_KEY && !parent_unique &&
		 parent_references == InvalidOid))
		return COLUMNS_DIFFER;
	return COLUMNS_UNKNOWN;
}

bool
relate_same_row(Relater *relater, const StatementShape *shape, uint32 varying)
{
	int			nconditions = Min(shape->nconditions, SHAPE_MAX_CONDITIONS);
	Oid			relid = InvalidOid;

	/* a fixed row of one table says nothing about the rows of another */
	for (int i = 0; i < nconditions; i++)
	{
		if ((varying & (1U << i)) == 0)
			continue;
		if (relid != InvalidOid && shape->conditions[i].relid != relid)
			return false;
		relid = shape->conditions[i].relid;
	}

	for (int i = 0; i < nconditions; i++)
	{
		const ShapeCondition *condition = &shape->conditions[i];

		if ((varying & (1U << i)) == 0 &&
			condition->relid == relid && condition->attnum != 0 &&
			is_unique(relater, relid, condition->attnum))
			return true;
	}
	return false;
}

bool
relate_is_membership(Relater *relater, const StatementShape *shape,
					 uint32 varying)
{
	const WindowSchema *schema = relater->schema;
	int			nconditions = Min(shape->nconditions, SHAPE_MAX_CONDITIONS);
	AttrNumber	columns[SHAPE_MAX_CONDITIONS];
	int			ncolumns = 0;
	int			nfixed = 0;
	Oid			relid = InvalidOid;

	if (schema == NULL || schema->has_key == NULL ||
		shape->command != SHAPE_SELECT)
		return false;
	for (int i = 0; i < nconditions && relid == InvalidOid; i++)
	{
		if (varying & (1U << i))
			relid = shape->conditions[i].relid;
	}
	if (relid == InvalidOid)
		return false;

	/*
	 * those that have the same value each time, and stand for a row by it,
	 * which a type or a number in a list does not; then the others
	 */
	for (int pass = 0; pass < 2; pass++)
	{
		for (int i = 0; i < nconditions; i++)
		{
			const ShapeCondition *condition = &shape->conditions[i];
			bool		fixed;

			if (condition->relid != relid || condition->attnum == 0 ||
				condition->value.list != 0)
				continue;
			fixed = (varying & (1U << i)) == 0 &&
				(is_unique(relater, relid, condition->attnum) ||
				 referenced_by(relater, relid, condition->attnum) != InvalidOid);
			if (fixed == (pass == 0))
				columns[ncolumns++] = condition->attnum;
		}
		if (pass == 0)
			nfixed = ncolumns;
	}
	return nfixed > 0 && nfixed < ncolumns &&
		schema->has_key(schema->arg, relid, columns, ncolumns, nfixed);
}

/*-------------------------------------------------------------------------
 *
 * trust.c
 *		What may be done with a statement of another role.
 *
 * src/trust.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/genam.h"
#include "access/htup_details.h"
#include "access/relation.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/indexing.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "compat.h"
#include "trust.h"

/* All that defines a relation and the views below it, in bytes */
#define MAX_DEFINITION		(4 * 1024 * 1024)

/* Relations that a view may name, directly or not; views below each other */
#define MAX_VIEW_RELATIONS	256

/* Relations of a query whose views have been expanded */
#define MAX_EXPANDED		256

/* Partitions, or tables that inherit, of the relations of a query */
#define MAX_CHILDREN		256

/*
 * Definitions
 */

typedef bool (*RowCallback) (HeapTuple tuple, TupleDesc desc, void *arg);

/* Calls back for the rows that an index finds by keys, until one is false */
static bool
scan_rows(Oid catalog, Oid index, ScanKey keys, int nkeys,
		  RowCallback callback, void *arg)
{
	Relation	rel = table_open(catalog, AccessShareLock);
	SysScanDesc scan = systable_beginscan(rel, index, true, NULL, nkeys, keys);
	HeapTuple	tuple;
	bool		result = true;

	while (result && HeapTupleIsValid(tuple = systable_getnext(scan)))
		result = callback(tuple, RelationGetDescr(rel), arg);
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/* The same for the rows whose column "column" is this OID */
static bool
each_row(Oid catalog, Oid index, AttrNumber column, Oid value,
		 RowCallback callback, void *arg)
{
	ScanKeyData key;

	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(value));
	return scan_rows(catalog, index, &key, 1, callback, arg);
}

/* Adds up the bytes of a row's columns of variable length */
static bool
sum_sizes(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Size	   *size = (Size *) arg;

	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull;
		Datum		value;

		if (TupleDescAttr(desc, i)->attlen != -1)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &isnull);
		if (!isnull)
			*size += toast_raw_datum_size(value);
	}
	return *size <= MAX_DEFINITION;
}

/* What the relation cache loads when a relation is opened, or planned */
static bool
is_small(Oid relid, Size *size)
{
	static const struct
	{
		Oid			catalog;
		Oid			index;
		AttrNumber	key;
	}			parts[] = {
		{RewriteRelationId, RewriteRelRulenameIndexId, Anum_pg_rewrite_ev_class},
		{PolicyRelationId, PolicyPolrelidPolnameIndexId, Anum_pg_policy_polrelid},
		{ConstraintRelationId, ConstraintRelidTypidNameIndexId, Anum_pg_constraint_conrelid},
		{AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid},
		{TriggerRelationId, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid},
		{StatisticExtRelationId, StatisticExtRelidIndexId, Anum_pg_statistic_ext_stxrelid},
		{IndexRelationId, IndexIndrelidIndexId, Anum_pg_index_indrelid}
	};

	for (int i = 0; i < lengthof(parts); i++)
	{
		if (!each_row(parts[i].catalog, parts[i].index, parts[i].key, relid,
					  sum_sizes, size))
			return false;
	}
	return true;
}

/* Adds a relation that a rule depends on to a list */
static bool
add_relation(HeapTuple tuple, TupleDesc desc, void *arg)
{
	List	  **relations = (List **) arg;
	Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

	if (depend->refclassid == RelationRelationId)
		*relations = list_append_unique_oid(*relations, depend->refobjid);
	return list_length(*relations) <= MAX_VIEW_RELATIONS;
}

/* The same for all that a rule depends on */
static bool
add_relations(HeapTuple tuple, TupleDesc desc, void *arg)
{
	ScanKeyData keys[2];

	ScanKeyInit(&keys[0], Anum_pg_depend_classid, BTEqualStrategyNumber,
				F_OIDEQ, ObjectIdGetDatum(RewriteRelationId));
	ScanKeyInit(&keys[1], Anum_pg_depend_objid, BTEqualStrategyNumber,
				F_OIDEQ,
				ObjectIdGetDatum(((Form_pg_rewrite) GETSTRUCT(tuple))->oid));
	return scan_rows(DependRelationId, DependDependerIndexId, keys,
					 lengthof(keys), add_relation, arg);
}

bool
trust_definition(Oid relid)
{
	List	   *relations = list_make1_oid(relid);
	Size		size = 0;

	/* the list grows meanwhile */
	for (int i = 0; i < list_length(relations); i++)
	{
		Oid			next = list_nth_oid(relations, i);

		CHECK_FOR_INTERRUPTS();
		if (next < FirstNormalObjectId)
			continue;
		if (!is_small(next, &size) ||
			!each_row(RewriteRelationId, RewriteRelRulenameIndexId,
					  Anum_pg_rewrite_ev_class, next, add_relations,
					  &relations))
			return false;
	}
	return true;
}

/*
 * Rights
 */

static bool
may_not_execute(Oid function, void *context)
{
	return !compat_may_execute(function, GetUserId());
}

static bool
find_forbidden(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, may_not_execute, context))
		return true;
	if (IsA(node, Query))
		return !compat_may_use_relations((Query *) node) ||
			query_tree_walker((Query *) node, find_forbidden, context, 0);
	return expression_tree_walker(node, find_forbidden, context);
}

bool
trust_rights(Query *query)
{
	return !find_forbidden((Node *) query, NULL);
}

/*
 * Expansion
 */

static bool count_relations(Node *node, int *count);

/* True: there are too many, or it cannot be told */
static bool
count_relation(const RangeTblEntry *rte, int *count)
{
	Relation	rel;
	bool		too_many = ++*count > MAX_EXPANDED;

	if (too_many || rte->relid < FirstNormalObjectId)
		return too_many;
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (!ConditionalLockRelationOid(rte->relid, AccessShareLock))
		return true;
	rel = relation_open(rte->relid, NoLock);
	if (rel->rd_rel->relkind == RELKIND_VIEW)
		too_many = count_relations((Node *) get_view_query(rel), count);
	else if (rel->rd_rules != NULL)
		too_many = true;
	if (rel->rd_rsdesc != NULL)
	{
		ListCell   *lc;

		foreach(lc, rel->rd_rsdesc->policies)
			too_many |= ((RowSecurityPolicy *) lfirst(lc))->hassublinks;
	}
	relation_close(rel, NoLock);
	return too_many;
}

static bool
count_relations(Node *node, int *count)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
			count_relation((RangeTblEntry *) node, count);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, count_relations, count,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, count_relations, count);
}

bool
trust_expansion(Query *query)
{
	int			count = 0;

	return !count_relations((Node *) query, &count);
}

/*
 * Planning
 */

/*
 * Compiled functions are made by superusers.  Those that run queries, which
 * may call anything, as table_to_xml() does, are not parallel safe.
 */
static bool
is_interpreted(Oid function, void *context)
{
	HeapTuple	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	Form_pg_proc form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return true;
	form = (Form_pg_proc) GETSTRUCT(tuple);
	result = form->proparallel != PROPARALLEL_SAFE ||
		(function >= FirstNormalObjectId &&
		 form->prolang != INTERNALlanguageId &&
		 form->prolang != ClanguageId);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Is nothing but compiled code run to read, compare or estimate values of a
 * type?  Not so for a domain, whose constraints are expressions, for what may
 * contain one, and for a range, whose difference is any function.
 */
static bool
is_plain_type(Oid type)
{
	Oid			element;

	if (type < FirstNormalObjectId)
		return true;
	element = get_element_type(type);
	if (OidIsValid(element))
		return is_plain_type(element);
	return get_typtype(type) == TYPTYPE_BASE || type_is_enum(type);
}

static bool
find_interpreted(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_interpreted, context))
		return true;
	switch (nodeTag(node))
	{
		case T_Var:
		case T_Const:
		case T_Param:
		case T_CoerceViaIO:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_RowExpr:
		case T_ArrayExpr:
		case T_ArrayCoerceExpr:
			if (!is_plain_type(exprType(node)))
				return true;
			break;
		case T_Query:
			return query_tree_walker((Query *) node, find_interpreted,
									 context, 0);
		default:
			break;
	}
	return expression_tree_walker(node, find_interpreted, context);
}

/* Has a row an expression that is not compiled code?  False if so. */
static bool
are_compiled(HeapTuple tuple, TupleDesc desc, const AttrNumber *columns)
{
	for (; *columns != 0; columns++)
	{
		bool		isnull;
		Datum		value = heap_getattr(tuple, *columns, desc, &isnull);

		if (!isnull &&
			find_interpreted(stringToNode(TextDatumGetCString(value)), NULL))
			return false;
	}
	return true;
}

static bool
index_is_compiled(HeapTuple tuple, TupleDesc desc, void *arg)
{
	static const AttrNumber columns[] = {Anum_pg_index_indexprs,
	Anum_pg_index_indpred, 0};

	return are_compiled(tuple, desc, columns);
}

static bool
constraint_is_compiled(HeapTuple tuple, TupleDesc desc, void *arg)
{
	static const AttrNumber columns[] = {Anum_pg_constraint_conbin, 0};

	return are_compiled(tuple, desc, columns);
}

static bool
statistics_are_compiled(HeapTuple tuple, TupleDesc desc, void *arg)
{
	static const AttrNumber columns[] = {Anum_pg_statistic_ext_stxexprs, 0};

	return are_compiled(tuple, desc, columns);
}

static bool
partitioning_is_compiled(HeapTuple tuple, TupleDesc desc, void *arg)
{
	static const AttrNumber columns[] = {Anum_pg_partitioned_table_partexprs, 0};

	return are_compiled(tuple, desc, columns);
}

static bool
relation_is_compiled(Oid relid)
{
	return get_rel_relkind(relid) != RELKIND_FOREIGN_TABLE &&
		each_row(IndexRelationId, IndexIndrelidIndexId,
				 Anum_pg_index_indrelid, relid, index_is_compiled, NULL) &&
		each_row(ConstraintRelationId, ConstraintRelidTypidNameIndexId,
				 Anum_pg_constraint_conrelid, relid, constraint_is_compiled,
				 NULL) &&
		each_row(StatisticExtRelationId, StatisticExtRelidIndexId,
				 Anum_pg_statistic_ext_stxrelid, relid,
				 statistics_are_compiled, NULL) &&
		each_row(PartitionedRelationId, PartitionedRelidIndexId,
				 Anum_pg_partitioned_table_partrelid, relid,
				 partitioning_is_compiled, NULL);
}

/* Adds a relation's partitions, or the tables that inherit from it */
static bool
add_child(HeapTuple tuple, TupleDesc desc, void *arg)
{
	List	  **relations = (List **) arg;

	*relations = list_append_unique_oid(*relations,
										((Form_pg_inherits) GETSTRUCT(tuple))->inhrelid);
	return list_length(*relations) <= MAX_CHILDREN;
}

static bool
collect_relations(Node *node, List **relations)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		if (rte->rtekind == RTE_RELATION)
			*relations = list_append_unique_oid(*relations, rte->relid);
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_relations,
								 relations, QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_relations, relations);
}

bool
trust_planning(Query *query)
{
	List	   *relations = NIL;

	if (find_interpreted((Node *) query, NULL))
		return false;
	(void) collect_relations((Node *) query, &relations);
	for (int i = 0; i < list_length(relations); i++)
	{
		Oid			relid = list_nth_oid(relations, i);

		CHECK_FOR_INTERRUPTS();
		if (relid < FirstNormalObjectId)
			continue;
		if (!trust_definition(relid) || !relation_is_compiled(relid) ||
			!each_row(InheritsRelationId, InheritsParentIndexId,
					  Anum_pg_inherits_inhparent, relid, add_child,
					  &relations))
			return false;
	}
	return true;
}

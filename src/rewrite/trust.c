/*-------------------------------------------------------------------------
 *
 * trust.c
 *		What may be done with a statement of another role.
 *
 * src/rewrite/trust.c
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
#include "catalog/pg_aggregate.h"
#include "catalog/pg_attrdef.h"
#include "catalog/pg_attribute.h"
#include "catalog/pg_class.h"
#include "catalog/pg_constraint.h"
#include "catalog/pg_depend.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_operator.h"
#include "catalog/pg_partitioned_table.h"
#include "catalog/pg_policy.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_rewrite.h"
#include "catalog/pg_statistic_ext.h"
#include "catalog/pg_trigger.h"
#include "catalog/pg_type.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "nodes/value.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/acl.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"

#include "common/compat.h"
#include "rewrite/growth.h"
#include "rewrite/trust.h"

/*
 * All that defines what a statement names, and the relations, types and
 * functions below that, in bytes of the catalogs
 */
#define MAX_DEFINITION		(512 * 1024)

/* Of views and policies, each as often as it is put into the statement */
#define MAX_EXPANDED_SIZE	(256 * 1024)

/* Rows of the catalogs count for so many bytes more than their values have */
#define ROW_SIZE			128

/* Functions or operators of one name */
#define MAX_NAMESAKES		1000

/*
 * Functions and operators that analysis has to choose from, at each place where
 * one is called, and their arguments: each takes 0.1 microseconds or so
 */
#define MAX_CHOICES			250000

/* Relations, and types, that are named, directly or not */
#define MAX_RELATIONS		256
#define MAX_TYPES			1000

/* Relations of a query whose views have been expanded */
#define MAX_EXPANDED		256

/* Relations of a query that is planned: more take long */
#define MAX_PLANNED			24

/* Partitions, or tables that inherit, of the relations of a query */
#define MAX_CHILDREN		256

/* What has been looked at of a statement, and what is to be */
typedef struct Sum
{
	Size		size;
	Size		max_size;
	List	   *relations;		/* OIDs of those that are not built in */
	List	   *types;			/* the same */
	List	   *functions;		/* the same, but for those found by name */
	int			rows;			/* that a name has found */
	int			uses;			/* of that name */
	int64		choices;		/* of all names so far */
}			Sum;

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
	{
		CHECK_FOR_INTERRUPTS();
		result = callback(tuple, RelationGetDescr(rel), arg);
	}
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

/* The same for the rows whose column "column" is this name */
static bool
each_namesake(Oid catalog, Oid index, AttrNumber column, const char *name,
			  RowCallback callback, void *arg)
{
	ScanKeyData key;
	NameData	value;

	namestrcpy(&value, name);
	ScanKeyInit(&key, column, BTEqualStrategyNumber, F_NAMEEQ,
				NameGetDatum(&value));
	return scan_rows(catalog, index, &key, 1, callback, arg);
}

static bool
add_oid(List **oids, Oid oid, int max)
{
	if (oid >= FirstNormalObjectId)
		*oids = list_append_unique_oid(*oids, oid);
	return list_length(*oids) <= max;
}

/*
 * RowCallback: adds up the bytes of a row's columns of variable length, as
 * they are when they have been read
 */
static bool
sum_sizes(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Sum		   *sum = (Sum *) arg;

	sum->size += ROW_SIZE;
	for (int i = 0; i < desc->natts; i++)
	{
		bool		isnull;
		Datum		value;

		if (TupleDescAttr(desc, i)->attlen != -1)
			continue;
		value = heap_getattr(tuple, i + 1, desc, &isnull);
		if (!isnull)
			sum->size += toast_raw_datum_size(value);
	}
	return sum->size <= sum->max_size;
}

/* RowCallback */
static bool
sum_attribute(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Sum		   *sum = (Sum *) arg;

	return sum_sizes(tuple, desc, arg) &&
		add_oid(&sum->types, ((Form_pg_attribute) GETSTRUCT(tuple))->atttypid,
				MAX_TYPES);
}

/* What the relation cache loads when a relation is opened, or planned */
static bool
sum_relation(Oid relid, Sum * sum)
{
	static const struct
	{
		Oid			catalog;
		Oid			index;
		AttrNumber	key;
		RowCallback callback;
	}			parts[] = {
		{RelationRelationId, ClassOidIndexId, Anum_pg_class_oid, sum_sizes},
		{AttributeRelationId, AttributeRelidNumIndexId, Anum_pg_attribute_attrelid, sum_attribute},
		{RewriteRelationId, RewriteRelRulenameIndexId, Anum_pg_rewrite_ev_class, sum_sizes},
		{PolicyRelationId, PolicyPolrelidPolnameIndexId, Anum_pg_policy_polrelid, sum_sizes},
		{ConstraintRelationId, ConstraintRelidTypidNameIndexId, Anum_pg_constraint_conrelid, sum_sizes},
		{AttrDefaultRelationId, AttrDefaultIndexId, Anum_pg_attrdef_adrelid, sum_sizes},
		{TriggerRelationId, TriggerRelidNameIndexId, Anum_pg_trigger_tgrelid, sum_sizes},
		{StatisticExtRelationId, StatisticExtRelidIndexId, Anum_pg_statistic_ext_stxrelid, sum_sizes},
		{IndexRelationId, IndexIndrelidIndexId, Anum_pg_index_indrelid, sum_sizes}
	};

	for (int i = 0; i < lengthof(parts); i++)
	{
		if (!each_row(parts[i].catalog, parts[i].index, parts[i].key, relid,
					  parts[i].callback, sum))
			return false;
	}
	return true;
}

/* RowCallback: adds a relation that a rule depends on */
static bool
add_relation(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Form_pg_depend depend = (Form_pg_depend) GETSTRUCT(tuple);

	return depend->refclassid != RelationRelationId ||
		add_oid(&((Sum *) arg)->relations, depend->refobjid, MAX_RELATIONS);
}

/* RowCallback: the same for all that a rule depends on */
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

/* RowCallback: a type, and those that it is made of */
static bool
sum_type(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Sum		   *sum = (Sum *) arg;
	Form_pg_type type = (Form_pg_type) GETSTRUCT(tuple);

	return sum_sizes(tuple, desc, arg) &&
		add_oid(&sum->types, type->typelem, MAX_TYPES) &&
		add_oid(&sum->types, type->typbasetype, MAX_TYPES) &&
		add_oid(&sum->relations, type->typrelid, MAX_RELATIONS) &&
		++sum->rows <= MAX_NAMESAKES;
}

/* RowCallback: a function; all that have its name are looked at by analysis */
static bool
sum_function(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Sum		   *sum = (Sum *) arg;
	Form_pg_proc function = (Form_pg_proc) GETSTRUCT(tuple);

	for (int i = 0; i < function->proargtypes.dim1; i++)
	{
		if (!add_oid(&sum->types, function->proargtypes.values[i], MAX_TYPES))
			return false;
	}
	sum->choices += (int64) sum->uses * (function->pronargs + 1);
	return sum_sizes(tuple, desc, arg) && sum->choices <= MAX_CHOICES &&
		add_oid(&sum->types, function->prorettype, MAX_TYPES) &&
		++sum->rows <= MAX_NAMESAKES;
}

/* RowCallback */
static bool
sum_operator(HeapTuple tuple, TupleDesc desc, void *arg)
{
	Sum		   *sum = (Sum *) arg;
	Form_pg_operator operator = (Form_pg_operator) GETSTRUCT(tuple);

	sum->choices += (int64) sum->uses * 3;
	return sum_sizes(tuple, desc, arg) && sum->choices <= MAX_CHOICES &&
		add_oid(&sum->types, operator->oprleft, MAX_TYPES) &&
		add_oid(&sum->types, operator->oprright, MAX_TYPES) &&
		add_oid(&sum->functions, operator->oprcode, MAX_NAMESAKES) &&
		++sum->rows <= MAX_NAMESAKES;
}

/* The relations, types and functions in the lists, which grow meanwhile */
static bool
sum_lists(Sum * sum)
{
	int			nrelations = 0;
	int			ntypes = 0;
	int			nfunctions = 0;

	sum->uses = 0;
	for (;;)
	{
		if (nrelations < list_length(sum->relations))
		{
			Oid			relid = list_nth_oid(sum->relations, nrelations++);

			if (!sum_relation(relid, sum) ||
				!each_row(RewriteRelationId, RewriteRelRulenameIndexId,
						  Anum_pg_rewrite_ev_class, relid, add_relations, sum))
				return false;
		}
		else if (ntypes < list_length(sum->types))
		{
			sum->rows = 0;
			if (!each_row(TypeRelationId, TypeOidIndexId, Anum_pg_type_oid,
						  list_nth_oid(sum->types, ntypes++), sum_type, sum))
				return false;
		}
		else if (nfunctions < list_length(sum->functions))
		{
			sum->rows = 0;
			if (!each_row(ProcedureRelationId, ProcedureOidIndexId,
						  Anum_pg_proc_oid,
						  list_nth_oid(sum->functions, nfunctions++),
						  sum_function, sum))
				return false;
		}
		else
			return true;
	}
}

static int
compare_names(const ListCell *a, const ListCell *b)
{
	return strcmp(strVal(lfirst(a)), strVal(lfirst(b)));
}

/*
 * What is found by these names, as functions and types, or as operators.  A
 * name is there as often as it is used.
 */
static bool
sum_names(const List *names, bool operators, Sum * sum)
{
	List	   *sorted = list_copy(names);
	int			end;

	list_sort(sorted, compare_names);
	for (int i = 0; i < list_length(sorted); i = end)
	{
		const char *name = strVal(list_nth(sorted, i));

		for (end = i + 1; end < list_length(sorted); end++)
		{
			if (strcmp(strVal(list_nth(sorted, end)), name) != 0)
				break;
		}
		sum->uses = end - i;
		sum->rows = 0;
		if (operators)
		{
			if (!each_namesake(OperatorRelationId, OperatorNameNspIndexId,
							   Anum_pg_operator_oprname, name, sum_operator,
							   sum))
				return false;
		}
		else if (!each_namesake(ProcedureRelationId, ProcedureNameArgsNspIndexId,
								Anum_pg_proc_proname, name, sum_function, sum) ||
				 !each_namesake(TypeRelationId, TypeNameNspIndexId,
								Anum_pg_type_typname, name, sum_type, sum))
			return false;
	}
	return true;
}

bool
trust_definitions(const List *relations, const List *names,
				  const List *operators)
{
	Sum			sum = {.max_size = MAX_DEFINITION};
	ListCell   *lc;

	foreach(lc, relations)
	{
		if (!add_oid(&sum.relations, lfirst_oid(lc), MAX_RELATIONS))
			return false;
	}
	return sum_names(names, false, &sum) && sum_names(operators, true, &sum) &&
		sum_lists(&sum);
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

/* What a query becomes */
typedef struct Expansion
{
	int			nrelations;
	Sum			sum;
	Oid			view;			/* whose query is being walked */
}			Expansion;

static bool expand(Node *node, Expansion * expansion);

/* Has the relation no rules but that of a view, and only simple policies? */
static bool
has_plain_rules(Relation rel)
{
	bool		view = rel->rd_rel->relkind == RELKIND_VIEW;
	ListCell   *lc;

	if (rel->rd_rules != NULL &&
		(!view || rel->rd_rules->numLocks != 1 ||
		 rel->rd_rules->rules[0]->event != CMD_SELECT))
		return false;
	if (rel->rd_rsdesc != NULL)
	{
		foreach(lc, rel->rd_rsdesc->policies)
		{
			if (((RowSecurityPolicy *) lfirst(lc))->hassublinks)
				return false;
		}
	}
	return true;
}

/* True: there is too much, or it cannot be told */
static bool
expand_relation(const RangeTblEntry *rte, Expansion * expansion)
{
	Oid			outer = expansion->view;
	Relation	rel;
	bool		too_much;

	/* before 16 a view's query had the view in it, as OLD and NEW */
	if (rte->relid == outer || rte->relid < FirstNormalObjectId)
		return false;
	if (++expansion->nrelations > MAX_EXPANDED)
		return true;
	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	if (!ConditionalLockRelationOid(rte->relid, AccessShareLock) ||
		!sum_relation(rte->relid, &expansion->sum))
		return true;
	rel = relation_open(rte->relid, NoLock);
	too_much = !has_plain_rules(rel);
	if (!too_much && rel->rd_rel->relkind == RELKIND_VIEW)
	{
		expansion->view = rte->relid;
		too_much = expand((Node *) get_view_query(rel), expansion);
		expansion->view = outer;
	}
	relation_close(rel, NoLock);
	return too_much;
}

static bool
expand(Node *node, Expansion * expansion)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
		return ((RangeTblEntry *) node)->rtekind == RTE_RELATION &&
			expand_relation((RangeTblEntry *) node, expansion);
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, expand, expansion,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, expand, expansion);
}

/* The names of the functions and operators in a query */
typedef struct Names
{
	List	   *functions;		/* of String */
	List	   *operators;
}			Names;

/* RowCallback */
static bool
add_function_name(HeapTuple tuple, TupleDesc desc, void *arg)
{
	char	   *name = pstrdup(NameStr(((Form_pg_proc) GETSTRUCT(tuple))->proname));
	Names	   *names = (Names *) arg;

	names->functions = list_append_unique(names->functions, makeString(name));
	return true;
}

static bool
add_function(Oid function, void *arg)
{
	(void) each_row(ProcedureRelationId, ProcedureOidIndexId,
					Anum_pg_proc_oid, function, add_function_name, arg);
	return false;
}

static bool
collect_names(Node *node, Names * names)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			{
				char	   *name = get_opname(((OpExpr *) node)->opno);

				if (name != NULL)
					names->operators = list_append_unique(names->operators,
														  makeString(name));
			}
			break;
		case T_ScalarArrayOpExpr:
			{
				char	   *name = get_opname(((ScalarArrayOpExpr *) node)->opno);

				if (name != NULL)
					names->operators = list_append_unique(names->operators,
														  makeString(name));
			}
			break;
		case T_Query:
			return query_tree_walker((Query *) node, collect_names, names, 0);
		default:
			(void) check_functions_in_node(node, add_function, names);
			break;
	}
	return expression_tree_walker(node, collect_names, names);
}

bool
trust_expansion(Query *query)
{
	Expansion	expansion = {.sum = {.max_size = MAX_EXPANDED_SIZE}};

	return !expand((Node *) query, &expansion);
}

bool
trust_printing(Query *query)
{
	Names		names = {0};

	(void) collect_names((Node *) query, &names);
	return trust_definitions(NIL, names.functions, names.operators);
}

/*
 * Planning
 */

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

/* Is an aggregate's state of a plain type? */
static bool
is_plain_aggregate(Oid function)
{
	HeapTuple	tuple = SearchSysCache1(AGGFNOID, ObjectIdGetDatum(function));
	Form_pg_aggregate form;
	bool		result;

	if (!HeapTupleIsValid(tuple))
		return false;
	form = (Form_pg_aggregate) GETSTRUCT(tuple);
	result = is_plain_type(form->aggtranstype) &&
		(!OidIsValid(form->aggmtranstype) || is_plain_type(form->aggmtranstype));
	ReleaseSysCache(tuple);
	return result;
}

/*
 * Compiled functions are made by superusers.  Those that run queries, which
 * may call anything, as table_to_xml() does, are not parallel safe.  Of an
 * aggregate the planner reads the initial value, whose type is in no tree.
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
	result |= function >= FirstNormalObjectId &&
		form->prokind == PROKIND_AGGREGATE && !is_plain_aggregate(function);
	ReleaseSysCache(tuple);
	return result;
}

/*
 * An operator's negator and commutator are called by estimates of the planner,
 * and may be put in its place.
 */
static bool
has_interpreted_relatives(Oid operator)
{
	Oid			relatives[4];

	if (operator < FirstNormalObjectId)
		return false;
	relatives[0] = get_negator(operator);
	relatives[1] = get_commutator(operator);
	relatives[2] = OidIsValid(relatives[0]) ? get_commutator(relatives[0]) :
		InvalidOid;
	relatives[3] = OidIsValid(relatives[1]) ? get_negator(relatives[1]) :
		InvalidOid;
	for (int i = 0; i < lengthof(relatives); i++)
	{
		if (OidIsValid(relatives[i]) &&
			is_interpreted(get_opcode(relatives[i]), NULL))
			return true;
	}
	return false;
}

static bool
find_interpreted(Node *node, void *context)
{
	ListCell   *lc;

	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_interpreted, context))
		return true;
	switch (nodeTag(node))
	{
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			if (has_interpreted_relatives(((OpExpr *) node)->opno))
				return true;
			break;
		case T_ScalarArrayOpExpr:
			if (has_interpreted_relatives(((ScalarArrayOpExpr *) node)->opno))
				return true;
			break;
		case T_RowCompareExpr:
			foreach(lc, ((RowCompareExpr *) node)->opnos)
			{
				if (has_interpreted_relatives(lfirst_oid(lc)))
					return true;
			}
			break;
		default:
			break;
	}
	switch (nodeTag(node))
	{
		case T_Query:
			return query_tree_walker((Query *) node, find_interpreted,
									 context, 0);
		case T_Var:
		case T_Const:
		case T_Param:
		case T_Aggref:
		case T_WindowFunc:
		case T_SubscriptingRef:
		case T_FuncExpr:
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
		case T_FieldSelect:
		case T_FieldStore:
		case T_RelabelType:
		case T_CoerceViaIO:
		case T_ArrayCoerceExpr:
		case T_ConvertRowtypeExpr:
		case T_CollateExpr:
		case T_CaseExpr:
		case T_CaseTestExpr:
		case T_ArrayExpr:
		case T_RowExpr:
		case T_CoalesceExpr:
		case T_MinMaxExpr:
		case T_CoerceToDomain:
		case T_CoerceToDomainValue:
		case T_SetToDefault:
			if (!is_plain_type(exprType(node)))
				return true;
			break;
		case T_RangeTblFunction:
			foreach(lc, ((RangeTblFunction *) node)->funccoltypes)
			{
				if (!is_plain_type(lfirst_oid(lc)))
					return true;
			}
			break;
		case T_TableFunc:
			foreach(lc, ((TableFunc *) node)->coltypes)
			{
				if (!is_plain_type(lfirst_oid(lc)))
					return true;
			}
			break;
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

/* The relations of a query that is to be planned */
typedef struct Planned
{
	List	   *relations;		/* OIDs, each once */
	int			count;			/* as often as they are there */
}			Planned;

static bool
collect_relations(Node *node, Planned * planned)
{
	if (node == NULL)
		return false;
	if (IsA(node, RangeTblEntry))
	{
		RangeTblEntry *rte = (RangeTblEntry *) node;

		/* joins and groups are made of others */
		if (rte->rtekind == RTE_RELATION)
			planned->relations = list_append_unique_oid(planned->relations,
														rte->relid);
		return rte->rtekind != RTE_JOIN && rte->rtekind != RTE_SUBQUERY &&
			++planned->count > MAX_PLANNED;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_relations, planned,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, collect_relations, planned);
}

bool
trust_planning(Query *query)
{
	Sum			sum = {.max_size = MAX_DEFINITION};
	Planned		planned = {0};

	if (!growth_of_planning(query) ||
		find_interpreted((Node *) query, NULL) ||
		collect_relations((Node *) query, &planned))
		return false;
	for (int i = 0; i < list_length(planned.relations); i++)
	{
		Oid			relid = list_nth_oid(planned.relations, i);

		CHECK_FOR_INTERRUPTS();
		if (relid < FirstNormalObjectId)
			continue;
		if (!sum_relation(relid, &sum) || !relation_is_compiled(relid) ||
			!each_row(InheritsRelationId, InheritsParentIndexId,
					  Anum_pg_inherits_inhparent, relid, add_child,
					  &planned.relations))
			return false;
	}
	return true;
}

/*-------------------------------------------------------------------------
 *
 * rewrite_safety.c
 *		What a rewrite may contain, and which tables it may write.
 *
 * One statement in place of many has one snapshot, one command counter and one
 * set of triggers' and sequences' turns.  So everything that a statement runs
 * is looked at, also what its text does not show (defaults, generated columns,
 * constraints, domains, policies, views, triggers, referential actions of
 * foreign keys), and only what is known to be indifferent to that passes:
 *
 * - functions of PostgreSQL itself that are immutable, and the stable ones of a
 *   list; the current time where all executions were in one transaction, or
 *   where a SELECT compares with it only;
 * - functions that users made, in a SELECT by how they are declared, in a
 *   write only immutable ones in C: one in SQL that is declared so may read
 *   the table that is written;
 * - the next value of a sequence as default of the column that owns it;
 * - triggers of PostgreSQL itself.
 *
 * src/rewrite/rewrite_safety.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/sysattr.h"
#include "access/table.h"
#include "access/transam.h"
#include "catalog/dependency.h"
#include "catalog/pg_class.h"
#include "catalog/pg_index.h"
#include "catalog/pg_inherits.h"
#include "catalog/pg_language.h"
#include "catalog/pg_proc.h"
#include "catalog/pg_trigger.h"
#include "commands/trigger.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "parser/parsetree.h"
#include "rewrite/rewriteHandler.h"
#include "rewrite/rowsecurity.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"
#include "utils/rel.h"
#include "utils/syscache.h"
#include "utils/typcache.h"

#include "common/compat.h"
#include "rewrite/rewrite_internal.h"

/* More tables than these, of a hierarchy or by foreign keys, are not looked at */
#define MAX_TABLES		256

/* Views in views */
#define MAX_VIEWS		16

typedef struct SafetyCheck
{
	bool		writes;			/* of an INSERT, UPDATE or DELETE */
	bool		one_transaction;	/* all executions were in one */
	bool		in_output;		/* of a SELECT: in what it returns */
	Oid			owner;			/* column whose default is looked at, ... */
	AttrNumber	owner_attnum;	/* ... 0: none */
	Oid			view;			/* view that is looked into */
	int			nviews;
} SafetyCheck;

static bool is_unsafe(Node *node, SafetyCheck *check);

/* Stable functions of PostgreSQL that depend on settings and catalogs only */
static bool
is_harmless(const char *name)
{
	static const char *const names[] = {
		"anytextcat", "array_to_json", "array_to_string", "concat",
		"concat_ws", "convert", "convert_from", "convert_to",
		"current_database", "current_schema", "current_user", "date",
		"date_cmp_timestamptz", "date_eq_timestamptz",
		"date_ge_timestamptz", "date_gt_timestamptz",
		"date_le_timestamptz", "date_lt_timestamptz",
		"date_ne_timestamptz", "date_part", "date_trunc", "enum_first",
		"enum_last", "enum_range", "extract", "format", "generate_series",
		"in_range", "interval_pl_timestamptz", "json_agg",
		"json_agg_transfn", "json_build_array", "json_build_object",
		"json_object_agg", "json_object_agg_transfn", "json_populate_record",
		"json_populate_recordset", "json_to_record", "json_to_recordset",
		"json_to_tsvector", "jsonb_agg", "jsonb_agg_finalfn",
		"jsonb_agg_transfn", "jsonb_build_array", "jsonb_build_object",
		"jsonb_object_agg", "jsonb_object_agg_finalfn",
		"jsonb_object_agg_transfn", "jsonb_path_exists_tz",
		"jsonb_path_match_tz", "jsonb_path_query_array_tz",
		"jsonb_path_query_first_tz", "jsonb_path_query_tz",
		"jsonb_populate_record", "jsonb_populate_recordset",
		"jsonb_to_record", "jsonb_to_recordset", "jsonb_to_tsvector",
		"length", "make_timestamptz", "money", "numeric", "overlaps",
		"phraseto_tsquery", "plainto_tsquery", "quote_literal",
		"quote_nullable", "regclass", "row_to_json", "session_user",
		"textanycat", "time", "timestamp", "timestamp_cmp_timestamptz",
		"timestamp_eq_timestamptz", "timestamp_ge_timestamptz",
		"timestamp_gt_timestamptz", "timestamp_le_timestamptz",
		"timestamp_lt_timestamptz", "timestamp_ne_timestamptz",
		"timestamptz", "timestamptz_cmp_date", "timestamptz_cmp_timestamp",
		"timestamptz_eq_date", "timestamptz_eq_timestamp",
		"timestamptz_ge_date", "timestamptz_ge_timestamp",
		"timestamptz_gt_date", "timestamptz_gt_timestamp",
		"timestamptz_le_date", "timestamptz_le_timestamp",
		"timestamptz_lt_date", "timestamptz_lt_timestamp",
		"timestamptz_mi_interval", "timestamptz_ne_date",
		"timestamptz_ne_timestamp", "timestamptz_pl_interval", "timetz",
		"timezone", "to_char", "to_date", "to_json", "to_jsonb", "to_number",
		"to_timestamp", "to_tsquery", "to_tsvector", "ts_headline",
		"ts_match_tq", "ts_match_tt", "websearch_to_tsquery", "xml",
		"xml_is_well_formed"
	};
	size_t		length = strlen(name);

	/* of types */
	if ((length > 3 && strcmp(name + length - 3, "_in") == 0) ||
		(length > 4 && strcmp(name + length - 4, "_out") == 0) ||
		strcmp(name, "regclassin") == 0 || strcmp(name, "regclassout") == 0)
		return true;
	for (int i = 0; i < lengthof(names); i++)
	{
		if (strcmp(names[i], name) == 0)
			return true;
	}
	return false;
}

/* Is the time of the transaction as good as that of each execution? */
static bool
is_time_unsafe(const SafetyCheck *check)
{
	return (check->writes || check->in_output) && !check->one_transaction;
}

/* check_function_callback: true if it is unsafe */
static bool
is_function_unsafe(Oid function, void *arg)
{
	const SafetyCheck *check = arg;
	HeapTuple	tuple;
	Form_pg_proc proc;
	bool		result;

	if (function == F_NOW || function == F_TRANSACTION_TIMESTAMP)
		return is_time_unsafe(check);
	if (function == F_STATEMENT_TIMESTAMP)
		return check->writes || check->in_output;
	tuple = SearchSysCache1(PROCOID, ObjectIdGetDatum(function));
	if (!HeapTupleIsValid(tuple))
		return true;
	proc = (Form_pg_proc) GETSTRUCT(tuple);
	if (function >= FirstNormalObjectId)
		result = check->writes ?
			proc->provolatile != PROVOLATILE_IMMUTABLE ||
			proc->prolang != ClanguageId :
			proc->provolatile == PROVOLATILE_VOLATILE;
	else if (proc->provolatile == PROVOLATILE_STABLE)
		result = !is_harmless(NameStr(proc->proname));
	else
		result = proc->provolatile != PROVOLATILE_IMMUTABLE;
	ReleaseSysCache(tuple);
	return result;
}

/* Is it nextval() of a sequence that the column owns that it is default of? */
static bool
is_own_sequence(const Node *node, const SafetyCheck *check)
{
	const FuncExpr *call = (const FuncExpr *) node;
	const Const *sequence;
	Oid			table;
	int32		column;

	if (!IsA(node, FuncExpr) || call->funcid != F_NEXTVAL ||
		check->owner_attnum == 0)
		return false;
	sequence = linitial(call->args);
	if (!IsA(sequence, Const) || sequence->constisnull)
		return false;
	if (!sequenceIsOwned(DatumGetObjectId(sequence->constvalue),
						 DEPENDENCY_AUTO, &table, &column))
		return false;
	return table == check->owner && column == check->owner_attnum;
}

/* Are the constraints of a domain unsafe? */
static bool
is_domain_unsafe(Oid type, SafetyCheck *check)
{
	DomainConstraintRef *ref;	/* is told when its context ends */
	ListCell   *lc;

	if (get_typtype(type) != TYPTYPE_DOMAIN || !compat_has_constraints(type))
		return false;
	ref = palloc0_object(DomainConstraintRef);
	InitDomainConstraintRef(type, ref, CurrentMemoryContext, false);
	foreach(lc, ref->constraints)
	{
		const DomainConstraintState *constraint = lfirst(lc);

		if (constraint->constrainttype == DOM_CONSTRAINT_CHECK &&
			is_unsafe((Node *) constraint->check_expr, check))
			return true;
	}
	return false;
}

/* Opens a relation that may not be locked yet; raises if that would wait */
static Relation
open_now(Oid relid)
{
	if (!ConditionalLockRelationOid(relid, AccessShareLock))
		ereport(ERROR,
				(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
				 errmsg("could not obtain lock on relation with OID %u", relid)));
	return table_open(relid, NoLock);
}

static bool
are_policies_unsafe(Relation rel, SafetyCheck *check)
{
	ListCell   *lc;

	if (!rel->rd_rel->relrowsecurity || rel->rd_rsdesc == NULL)
		return false;
	foreach(lc, rel->rd_rsdesc->policies)
	{
		const RowSecurityPolicy *policy = lfirst(lc);

		if ((check->writes && policy->hassublinks) ||
			is_unsafe((Node *) policy->qual, check) ||
			is_unsafe((Node *) policy->with_check_qual, check))
			return true;
	}
	return false;
}

/* A relation that is read: a view is what is in it */
static bool
is_relation_unsafe(const RangeTblEntry *rte, SafetyCheck *check)
{
	Relation	rel;
	bool		result = false;

	if (rte->tablesample != NULL)
		return true;
	/* (a view's own entry is there for its rule) */
	if (rte->relid < FirstNormalObjectId || rte->relid == check->view)
		return false;
	rel = open_now(rte->relid);
	if (rel->rd_rel->relkind == RELKIND_VIEW)
	{
		SafetyCheck inner = *check;

		inner.nviews++;
		inner.view = rte->relid;
		result = inner.nviews > MAX_VIEWS ||
			is_unsafe((Node *) get_view_query(rel), &inner);
	}
	else
	{
		SafetyCheck inner = *check;

		inner.in_output = false;
		result = are_policies_unsafe(rel, &inner);
	}
	table_close(rel, NoLock);
	return result;
}

static bool
is_query_unsafe(Query *query, SafetyCheck *check)
{
	SafetyCheck output = *check;
	SafetyCheck rest = *check;
	ListCell   *lc;

	output.in_output = true;
	rest.in_output = false;
	if (is_unsafe((Node *) query->targetList, &output) ||
		is_unsafe((Node *) query->returningList, &output))
		return true;
	foreach(lc, query->rtable)
	{
		const RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION &&
			!(check->writes && lc == list_head(query->rtable)) &&
			is_relation_unsafe(rte, check))
			return true;
		if (rte->rtekind == RTE_FUNCTION || rte->rtekind == RTE_VALUES ||
			rte->rtekind == RTE_TABLEFUNC)
		{
			if (is_unsafe((Node *) rte->functions, &output) ||
				is_unsafe((Node *) rte->values_lists, &output) ||
				is_unsafe((Node *) rte->tablefunc, &output))
				return true;
		}
	}

	/* the parts already looked at are looked at again, more leniently */
	return query_tree_walker(query, is_unsafe, &rest, 0);
}

static bool
is_unsafe(Node *node, SafetyCheck *check)
{
	if (node == NULL || is_own_sequence(node, check))
		return false;
	if (check_functions_in_node(node, is_function_unsafe, check))
		return true;
	switch (nodeTag(node))
	{
		case T_Query:
			return is_query_unsafe((Query *) node, check);
		case T_NextValueExpr:
			/* as default it is the identity of the column */
			return check->owner_attnum == 0;
		case T_SQLValueFunction:
			switch (((SQLValueFunction *) node)->op)
			{
				case SVFOP_CURRENT_ROLE:
				case SVFOP_CURRENT_USER:
				case SVFOP_USER:
				case SVFOP_SESSION_USER:
				case SVFOP_CURRENT_CATALOG:
				case SVFOP_CURRENT_SCHEMA:
					return false;
				default:
					return is_time_unsafe(check);
			}
		case T_CoerceToDomain:
			if (check->writes &&
				is_domain_unsafe(((CoerceToDomain *) node)->resulttype, check))
				return true;
			break;
		default:
			break;
	}
	return expression_tree_walker(node, is_unsafe, check);
}

/* May it read or write rows of another relation than those it names? */
static bool
reaches_others(Node *node, SafetyCheck *check)
{
	if (node == NULL)
		return false;
	if (check_functions_in_node(node, is_function_unsafe, check))
		return true;
	if (IsA(node, RangeTblEntry))
	{
		const RangeTblEntry *rte = (const RangeTblEntry *) node;
		Relation	rel;
		bool		result;

		if (rte->rtekind != RTE_RELATION || rte->relid < FirstNormalObjectId)
			return false;
		rel = open_now(rte->relid);
		result = rel->rd_rel->relkind != RELKIND_RELATION ||
			rel->rd_rel->relrowsecurity || rel->rd_rel->relispartition ||
			has_subclass(rte->relid) || has_superclass(rte->relid);
		table_close(rel, NoLock);
		return result;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, reaches_others, check,
								 QTW_EXAMINE_RTES_BEFORE);
	return expression_tree_walker(node, reaches_others, check);
}

/*
 * Was there the same data for all executions?  Where other tables were written
 * between them, that is known of plain tables only.
 */
static bool
had_same_data(Query *query, const RewriteSource *source)
{
	SafetyCheck check = {
		.writes = true,
		.one_transaction = source->one_transaction
	};

	if (!source->seen)
		return true;
	return (source->varied & VARIED_DATA) == 0 &&
		((source->varied & VARIED_OTHER_TABLES) == 0 ||
		 !reaches_others((Node *) query, &check));
}

bool
rewrite_reads_safely(Query *query, const RewriteSource *source)
{
	SafetyCheck check = {
		.one_transaction = !source->seen || source->one_transaction
	};

	return query->commandType == CMD_SELECT && !query->hasModifyingCTE &&
		!contain_volatile_functions((Node *) query) &&
		!is_unsafe((Node *) query, &check) && had_same_data(query, source);
}

/* Tables that a write touches, and what it does with them */
typedef struct WrittenTables
{
	SafetyCheck check;
	List	   *seen;			/* OIDs */
	int			events;			/* TRIGGER_TYPE_... */
	bool		returns;
	Oid			target;
} WrittenTables;

static bool are_tables_unsafe(WrittenTables *tables, Oid relid, int events);

/*
 * Is there a trigger that may see rows, or a number of them, that it would not
 * see in the loop?  A foreign key's action reaches another table.
 */
static bool
are_triggers_unsafe(WrittenTables *tables, Relation rel, int events)
{
	const TriggerDesc *desc = rel->trigdesc;

	for (int i = 0; desc != NULL && i < desc->numtriggers; i++)
	{
		const Trigger *trigger = &desc->triggers[i];
		int			action = 0;

		if (trigger->tgenabled == TRIGGER_DISABLED ||
			(trigger->tgtype & events) == 0)
			continue;
		switch (trigger->tgfoid)
		{
			case F_RI_FKEY_CASCADE_DEL:
				action = TRIGGER_TYPE_DELETE;
				break;
			case F_RI_FKEY_CASCADE_UPD:
			case F_RI_FKEY_SETNULL_DEL:
			case F_RI_FKEY_SETNULL_UPD:
			case F_RI_FKEY_SETDEFAULT_DEL:
			case F_RI_FKEY_SETDEFAULT_UPD:
				action = TRIGGER_TYPE_UPDATE;
				break;
			default:
				if (trigger->tgfoid >= FirstNormalObjectId)
					return true;
				continue;
		}

		/*
		 * A row that goes with another is not returned, and one that is
		 * changed with another may not be found any more
		 */
		if (trigger->tgconstrrelid == tables->target &&
			(tables->returns || action == TRIGGER_TYPE_UPDATE))
			return true;
		if (are_tables_unsafe(tables, trigger->tgconstrrelid, action))
			return true;
	}
	return false;
}

static bool
are_columns_unsafe(WrittenTables *tables, Relation rel,
				   const Bitmapset *given, bool inserts)
{
	SafetyCheck *check = &tables->check;
	TupleDesc	desc = RelationGetDescr(rel);
	bool		result = false;

	for (int i = 0; i < desc->natts && !result; i++)
	{
		Form_pg_attribute attribute = TupleDescAttr(desc, i);

		if (attribute->attisdropped)
			continue;
		result = is_domain_unsafe(attribute->atttypid, check);
		if (!attribute->attgenerated &&
			(!inserts || bms_is_member(attribute->attnum, given)))
			continue;
		check->owner = RelationGetRelid(rel);
		check->owner_attnum = attribute->attgenerated ? 0 : attribute->attnum;
		result |= is_unsafe(build_column_default(rel, attribute->attnum), check);
		check->owner_attnum = 0;
	}
	for (int i = 0; desc->constr != NULL && i < desc->constr->num_check && !result; i++)
		result = is_unsafe(stringToNode(desc->constr->check[i].ccbin), check);
	return result;
}

/* One table, with the columns that an INSERT gives values */
static bool
is_table_unsafe(WrittenTables *tables, Oid relid, int events,
				const Bitmapset *given)
{
	Relation	rel;
	bool		result;

	if (list_member_oid(tables->seen, relid))
		return false;
	if (list_length(tables->seen) >= MAX_TABLES)
		return true;
	tables->seen = lappend_oid(tables->seen, relid);
	rel = open_now(relid);

	/* rules are of the table that is named only */
	result = (rel->rd_rel->relkind != RELKIND_RELATION &&
			  rel->rd_rel->relkind != RELKIND_PARTITIONED_TABLE) ||
		(rel->rd_rel->relhasrules && relid == tables->target) ||
		are_triggers_unsafe(tables, rel, events) ||
		are_columns_unsafe(tables, rel, given,
						   relid == tables->target &&
						   (events & TRIGGER_TYPE_INSERT) != 0) ||
		are_policies_unsafe(rel, &tables->check);
	table_close(rel, NoLock);
	return result;
}

/* A table with its partitions or those that inherit from it */
static bool
are_tables_unsafe(WrittenTables *tables, Oid relid, int events)
{
	ListCell   *lc;

	if (is_table_unsafe(tables, relid, events, NULL))
		return true;
	if (!has_subclass(relid))
		return false;
	/* a row that moves is deleted and inserted */
	if ((events & TRIGGER_TYPE_UPDATE) != 0 &&
		get_rel_relkind(relid) == RELKIND_PARTITIONED_TABLE)
		events |= TRIGGER_TYPE_INSERT | TRIGGER_TYPE_DELETE;
	foreach(lc, find_all_inheritors(relid, NoLock, NULL))
	{
		if (is_table_unsafe(tables, lfirst_oid(lc), events, NULL))
			return true;
	}
	return false;
}

/* Columns that an index makes unique, or excludes, row by row */
static bool
writes_unique_columns(Relation rel, const Bitmapset *written)
{
	bool		result = false;
	ListCell   *lc;

	foreach(lc, RelationGetIndexList(rel))
	{
		HeapTuple	tuple = SearchSysCache1(INDEXRELID,
											ObjectIdGetDatum(lfirst_oid(lc)));
		Form_pg_index index;
		Bitmapset  *columns = NULL;
		static const int parts[] = {Anum_pg_index_indexprs, Anum_pg_index_indpred};

		if (!HeapTupleIsValid(tuple))
			return true;
		index = (Form_pg_index) GETSTRUCT(tuple);
		for (int i = 0; i < index->indnatts; i++)
			columns = bms_add_member(columns, index->indkey.values[i] -
									 FirstLowInvalidHeapAttributeNumber);
		for (int i = 0; i < lengthof(parts); i++)
		{
			bool		isnull;
			Datum		part = SysCacheGetAttr(INDEXRELID, tuple, parts[i],
											   &isnull);

			if (!isnull)
				pull_varattnos(stringToNode(TextDatumGetCString(part)), 1,
							   &columns);
		}
		result |= (index->indisunique || index->indisexclusion) &&
			index->indimmediate && bms_overlap(columns, written);
		ReleaseSysCache(tuple);
	}
	return result;
}

bool
rewrite_writes_safely(Query *query, const RewriteSource *source)
{
	RangeTblEntry *target;
	WrittenTables tables = {
		.check = {
			.writes = true,
			.one_transaction = !source->seen || source->one_transaction
		}
	};
	Bitmapset  *given = NULL;
	Bitmapset  *written = NULL;
	ListCell   *lc;
	Relation	rel;
	bool		result;

	if (query->resultRelation == 0 || query->cteList != NIL ||
		query->hasSubLinks || !had_same_data(query, source))
		return false;
	target = rt_fetch(query->resultRelation, query->rtable);
	switch (query->commandType)
	{
		case CMD_INSERT:
			tables.events = TRIGGER_TYPE_INSERT;
			if (query->onConflict != NULL &&
				query->onConflict->action == ONCONFLICT_UPDATE)
				tables.events |= TRIGGER_TYPE_UPDATE;
			break;
		case CMD_UPDATE:
			tables.events = TRIGGER_TYPE_UPDATE;
			break;
		case CMD_DELETE:
			tables.events = TRIGGER_TYPE_DELETE;
			break;
		default:
			return false;
	}
	foreach(lc, query->targetList)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		if (IsA(tle->expr, SetToDefault))
		{
			if (query->commandType != CMD_INSERT)
				return false;
			continue;
		}
		given = bms_add_member(given, tle->resno);
		written = bms_add_member(written, tle->resno -
								 FirstLowInvalidHeapAttributeNumber);
	}
	tables.target = target->relid;
	tables.returns = query->returningList != NIL;
	if (is_unsafe((Node *) query, &tables.check) ||
		is_table_unsafe(&tables, target->relid, tables.events, given) ||
		are_tables_unsafe(&tables, target->relid, tables.events))
		return false;
	if (query->commandType != CMD_UPDATE)
		return true;
	rel = open_now(target->relid);
	result = !writes_unique_columns(rel, written);
	table_close(rel, NoLock);
	return result;
}

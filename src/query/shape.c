/*-------------------------------------------------------------------------
 *
 * shape.c
 *		Works out what a statement is from its analysed Query.
 *
 * The Query is looked at as parse analysis left it, before rules are applied,
 * so a view is a relation like a table.  FROM subqueries, WITH queries and
 * sublinks are followed, because ORMs wrap what they ask (SELECT count(*)
 * FROM (SELECT ...), SELECT EXISTS (SELECT ...), IN (SELECT ...)); their
 * conditions count like the outer ones.  Conditions are found where they are
 * AND-ed; below an OR there is none.
 *
 * src/query/shape.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "access/transam.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "catalog/pg_namespace.h"
#include "catalog/pg_type.h"
#include "lib/stringinfo.h"
#include "nodes/nodeFuncs.h"
#include "parser/parsetree.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/syscache.h"

#include "common/compat.h"
#include "query/normalize.h"
#include "query/shape.h"

/* Subqueries within subqueries that are followed */
#define MAX_DEPTH	8

typedef struct ShapeBuilder
{
	StatementShape *shape;
	const JumbleState *jstate;
	int		   *locations;		/* of the constants, made when first needed */
	int			nlocations;
	int			depth;
	bool		catalog;		/* a system catalog was seen */
	Oid			own_schema;		/* querywatch, or an OID that no schema has */
	Query	   *query;			/* the one being walked */
	bool		in_output[SHAPE_MAX_RELATIONS];
	uint32		returned[SHAPE_MAX_RELATIONS];	/* see not_returned */
	bool		returns_unknown;	/* ... columns of any of them, perhaps */
	bool		in_aggregate;	/* the part of the output being walked */
} ShapeBuilder;

static void walk_query(ShapeBuilder *builder, Query *query);

static void
add_relation(ShapeBuilder *builder, Oid relid)
{
	StatementShape *shape = builder->shape;

	/* our own views are as good as catalogs */
	if (relid < FirstNormalObjectId ||
		get_rel_namespace(relid) == builder->own_schema)
	{
		builder->catalog = true;
		return;
	}
	for (int i = 0; i < shape->nrelations; i++)
	{
		if (shape->relations[i] == relid)
			return;
	}
	if (shape->nrelations == SHAPE_MAX_RELATIONS)
		shape->flags |= SHAPE_INCOMPLETE;
	else
		shape->relations[shape->nrelations++] = relid;
}

/* Takes casts, implicit and written, off an expression */
static Node *
strip_casts(Node *node)
{
	for (;;)
	{
		if (node == NULL)
			return NULL;
		if (IsA(node, RelabelType))
			node = (Node *) ((RelabelType *) node)->arg;
		else if (IsA(node, CoerceViaIO))
			node = (Node *) ((CoerceViaIO *) node)->arg;
		else if (IsA(node, ArrayCoerceExpr))
			node = (Node *) ((ArrayCoerceExpr *) node)->arg;
		else if (IsA(node, CoerceToDomain))
			node = (Node *) ((CoerceToDomain *) node)->arg;
		else if (IsA(node, CollateExpr))
			node = (Node *) ((CollateExpr *) node)->arg;
		else if (IsA(node, FuncExpr) &&
				 ((FuncExpr *) node)->funcformat != COERCE_EXPLICIT_CALL &&
				 ((FuncExpr *) node)->args != NIL)
			node = (Node *) linitial(((FuncExpr *) node)->args);
		else
			return node;
	}
}

bool
shape_resolve_var(Query *query, Var *var, Oid *relid, AttrNumber *attnum)
{
	for (int i = 0; i < MAX_DEPTH; i++)
	{
		RangeTblEntry *rte;
		Node	   *next;

		if (var->varlevelsup != 0 || var->varno < 1 ||
			var->varno > list_length(query->rtable))
			return false;
		rte = rt_fetch(var->varno, query->rtable);
		switch (rte->rtekind)
		{
			case RTE_RELATION:
				*relid = rte->relid;
				*attnum = var->varattno;
				return true;
			case RTE_JOIN:
				if (var->varattno < 1 ||
					var->varattno > list_length(rte->joinaliasvars))
					return false;
				next = list_nth(rte->joinaliasvars, var->varattno - 1);
				break;
			case RTE_SUBQUERY:
				{
					TargetEntry *tle;

					if (var->varattno < 1 ||
						var->varattno > list_length(rte->subquery->targetList))
						return false;
					tle = list_nth_node(TargetEntry,
										rte->subquery->targetList,
										var->varattno - 1);
					next = (Node *) tle->expr;
					query = rte->subquery;
					break;
				}
			default:
				next = compat_grouped(rte, var->varattno);
				if (next == NULL)
					return false;
				break;
		}
		next = strip_casts(next);
		if (next == NULL || !IsA(next, Var))
			return false;
		var = (Var *) next;
	}
	return false;
}

static int
compare_locations(const void *a, const void *b)
{
	int			l = *(const int *) a;
	int			r = *(const int *) b;

	return (l > r) - (l < r);
}

/*
 * Place of a constant among those that jumbling listed, as
 * normalize_literals() counts them, or -1 if it is not one of them.
 */
static int
literal_number(ShapeBuilder *builder, int location)
{
	const JumbleState *jstate = builder->jstate;
	int			low = 0;
	int			high;

	if (jstate == NULL || location < 0)
		return -1;
	if (builder->locations == NULL)
	{
		int			count = 0;
		int			n = 0;

		/* sorted, each once */
		builder->locations = palloc(sizeof(int) *
									Max(jstate->clocations_count, 1));
		for (int i = 0; i < jstate->clocations_count; i++)
		{
			if (normalize_counts(jstate, &jstate->clocations[i]))
				builder->locations[count++] = jstate->clocations[i].location;
		}
		qsort(builder->locations, count, sizeof(int), compare_locations);
		for (int i = 0; i < count; i++)
		{
			if (n == 0 || builder->locations[n - 1] != builder->locations[i])
				builder->locations[n++] = builder->locations[i];
		}
		builder->nlocations = n;
	}
	high = builder->nlocations - 1;
	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (builder->locations[middle] == location)
			return middle <= PG_INT16_MAX ? middle : -1;
		if (builder->locations[middle] < location)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

/* As what is a value of this type, or a list of such, compared? */
static ShapeValueClass
class_of_type(Oid type, bool list)
{
	if (list && OidIsValid(get_element_type(type)))
		type = get_element_type(type);
	switch (getBaseType(type))
	{
		case INT2OID:
		case INT4OID:
		case INT8OID:
		case OIDOID:
		case NUMERICOID:
			return SHAPE_CLASS_NUMBER;
		case TEXTOID:
		case VARCHAROID:
		case NAMEOID:
		case UNKNOWNOID:
			return SHAPE_CLASS_TEXT;
		case UUIDOID:
			return SHAPE_CLASS_UUID;
		case BPCHAROID:
			return SHAPE_CLASS_BLANK_PADDED;
		case DATEOID:
			return SHAPE_CLASS_DATE;
		case TIMESTAMPOID:
			return SHAPE_CLASS_TIMESTAMP;
		case TIMESTAMPTZOID:
			return SHAPE_CLASS_TIMESTAMPTZ;
		case BYTEAOID:
			return SHAPE_CLASS_BYTES;
		default:
			return SHAPE_CLASS_OTHER;
	}
}

/* Is this expression a value that varies between executions?  Which one? */
static bool
value_of(ShapeBuilder *builder, Node *node, ShapeValue *value)
{
	memset(value, 0, sizeof(ShapeValue));
	node = strip_casts(node);
	if (node == NULL)
		return false;
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;

		if (param->paramkind != PARAM_EXTERN ||
			param->paramid > PG_INT16_MAX)
			return false;
		value->source = SHAPE_VALUE_PARAM;
		value->number = (int16) param->paramid;
		return true;
	}
	/* lower($1) and the like */
	if (IsA(node, FuncExpr) && list_length(((FuncExpr *) node)->args) == 1)
	{
		node = strip_casts(linitial(((FuncExpr *) node)->args));
		if (node != NULL && (IsA(node, Param) || IsA(node, Const)))
			return value_of(builder, node, value);
		return false;
	}
	/* a sign; the one of a constant, but for "+", is part of it */
	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 1)
	{
		node = strip_casts(linitial(((OpExpr *) node)->args));
		if (node != NULL && (IsA(node, Param) || IsA(node, Const)))
			return value_of(builder, node, value);
		return false;
	}
	if (IsA(node, Const))
	{
		int			number;

		number = literal_number(builder, ((Const *) node)->location);
		if (number < 0)
			return true;		/* a value, but a fixed one */
		value->source = SHAPE_VALUE_LITERAL;
		value->number = (int16) number;
		return true;
	}
	return false;
}

bool
shape_find_var(Node *node, Var **found)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var) && ((Var *) node)->varlevelsup == 0)
	{
		*found = (Var *) node;
		return true;
	}
	if (IsA(node, SubLink))
		return false;
	return expression_tree_walker(node, shape_find_var, found);
}

/* column = value, either way round; says whether it was one */
static bool
add_condition(ShapeBuilder *builder, Node *left, Node *right, bool list)
{
	StatementShape *shape = builder->shape;
	ShapeCondition condition;
	Node	   *column = left;
	Node	   *compared = right;
	Var		   *var = NULL;

	memset(&condition, 0, sizeof(condition));
	if (!value_of(builder, right, &condition.value))
	{
		if (list || !value_of(builder, left, &condition.value))
			return false;
		column = right;
		compared = left;
	}
	condition.value_class = class_of_type(exprType(compared), list);
	column = strip_casts(column);
	if (column != NULL && IsA(column, Var))
	{
		if (!shape_resolve_var(builder->query, (Var *) column,
							   &condition.relid, &condition.attnum))
			return false;
	}
	else if (shape_find_var(column, &var))
	{
		if (!shape_resolve_var(builder->query, var,
							   &condition.relid, &condition.attnum))
			return false;
		condition.attnum = 0;	/* an expression over it */
	}
	else
		return false;			/* a comparison of values */

	if (condition.value.source == SHAPE_VALUE_NONE)
		return true;
	condition.value.list = list ? 1 : 0;
	if (shape->nconditions == SHAPE_MAX_CONDITIONS)
		shape->flags |= SHAPE_INCOMPLETE;
	else
		shape->conditions[shape->nconditions++] = condition;
	return true;
}

static bool
is_operator(Oid operator, const char *name)
{
	char	   *opname = get_opname(operator);
	bool		result = opname != NULL && strcmp(opname, name) == 0;

	if (opname)
		pfree(opname);
	return result;
}

static bool
is_range_operator(Oid operator)
{
	char	   *opname = get_opname(operator);
	bool		result = opname != NULL &&
	(opname[0] == '<' || opname[0] == '>') &&
	(opname[1] == '\0' || (opname[1] == '=' && opname[2] == '\0'));

	if (opname)
		pfree(opname);
	return result;
}

/* Sublinks anywhere in an expression */
static bool
walk_sublinks(Node *node, ShapeBuilder *builder)
{
	if (node == NULL)
		return false;
	if (IsA(node, SubLink))
	{
		SubLink    *sublink = (SubLink *) node;
		Query	   *outer = builder->query;

		(void) walk_sublinks(sublink->testexpr, builder);
		if (sublink->subselect && IsA(sublink->subselect, Query))
			walk_query(builder, (Query *) sublink->subselect);
		builder->query = outer;
		return false;
	}
	return expression_tree_walker(node, walk_sublinks, builder);
}

/* Is there a list of two elements or more, written out, within an expression? */
static bool
has_list(Node *node, void *context)
{
	if (node == NULL || IsA(node, SubLink))
		return false;
	if (IsA(node, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;
		Node	   *array = strip_casts(lsecond(op->args));

		if (op->useOr && array != NULL && IsA(array, ArrayExpr) &&
			list_length(((ArrayExpr *) array)->elements) > 1)
			return true;
	}
	return expression_tree_walker(node, has_list, context);
}

/* One condition of an AND, or such an AND */
static void
walk_qual(ShapeBuilder *builder, Node *node)
{
	StatementShape *shape = builder->shape;
	ListCell   *lc;

	if (node == NULL)
		return;

	if (IsA(node, List))
	{
		foreach(lc, (List *) node)
			walk_qual(builder, lfirst(lc));
		return;
	}
	if (is_andclause(node))
	{
		foreach(lc, ((BoolExpr *) node)->args)
			walk_qual(builder, lfirst(lc));
		return;
	}

	if (IsA(node, OpExpr) && list_length(((OpExpr *) node)->args) == 2)
	{
		OpExpr	   *op = (OpExpr *) node;
		Node	   *left = linitial(op->args);
		Node	   *right = lsecond(op->args);
		Node	   *bare_left = strip_casts(left);
		Node	   *bare_right = strip_casts(right);

		/* a join condition is none */
		if (bare_left && IsA(bare_left, Var) &&
			bare_right && IsA(bare_right, Var))
			return;
		shape->flags |= SHAPE_HAS_CONDITION;
		if (is_operator(op->opno, "="))
			(void) add_condition(builder, left, right, false);
		else if (is_range_operator(op->opno))
			shape->flags |= SHAPE_RANGE_CONDITION;
	}
	else if (IsA(node, ScalarArrayOpExpr))
	{
		ScalarArrayOpExpr *op = (ScalarArrayOpExpr *) node;
		Node	   *array = strip_casts(lsecond(op->args));

		shape->flags |= SHAPE_HAS_CONDITION;
		if (op->useOr && is_operator(op->opno, "="))
		{
			if (array && IsA(array, ArrayExpr))
			{
				List	   *elements = ((ArrayExpr *) array)->elements;

				if (list_length(elements) == 1)
					(void) add_condition(builder, linitial(op->args),
										 linitial(elements), false);
				else
					shape->flags |= SHAPE_LIST_CONDITION;
			}
			else
				(void) add_condition(builder, linitial(op->args), array, true);
		}
	}
	else if (IsA(node, RowCompareExpr))
		shape->flags |= SHAPE_HAS_CONDITION | SHAPE_RANGE_CONDITION;
	else if (is_orclause(node))
	{
		bool		all_equal = true;
		Var		   *column = NULL;

		shape->flags |= SHAPE_HAS_CONDITION;

		/* a = 1 OR a = 2 is a list */
		foreach(lc, ((BoolExpr *) node)->args)
		{
			OpExpr	   *op = lfirst(lc);
			Node	   *left;

			if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
				!is_operator(op->opno, "="))
			{
				all_equal = false;
				break;
			}
			left = strip_casts(linitial(op->args));
			if (left == NULL || !IsA(left, Var) ||
				(column != NULL && !equal(column, left)))
			{
				all_equal = false;
				break;
			}
			column = (Var *) left;
		}
		if (all_equal || has_list(node, NULL))
			shape->flags |= SHAPE_LIST_CONDITION;
	}
	else if (is_notclause(node) &&
			 IsA(linitial(((BoolExpr *) node)->args), DistinctExpr))
	{
		DistinctExpr *op = linitial(((BoolExpr *) node)->args);

		shape->flags |= SHAPE_HAS_CONDITION;
		(void) add_condition(builder, linitial(op->args), lsecond(op->args),
							 false);
	}
	else
		shape->flags |= SHAPE_HAS_CONDITION;

	(void) walk_sublinks(node, builder);
}

/* Join conditions; those of outer joins restrict nothing, but may have
 * sublinks */
static void
walk_jointree(ShapeBuilder *builder, Node *node)
{
	ListCell   *lc;

	if (node == NULL)
		return;
	if (IsA(node, FromExpr))
	{
		foreach(lc, ((FromExpr *) node)->fromlist)
			walk_jointree(builder, lfirst(lc));
		walk_qual(builder, ((FromExpr *) node)->quals);
	}
	else if (IsA(node, JoinExpr))
	{
		JoinExpr   *join = (JoinExpr *) node;

		walk_jointree(builder, join->larg);
		walk_jointree(builder, join->rarg);
		if (join->jointype == JOIN_INNER)
			walk_qual(builder, join->quals);
		else
			(void) walk_sublinks(join->quals, builder);
	}
}

/* Does a write to it go, or go too, to other tables? */
static bool
writes_others(const RangeTblEntry *rte)
{
	HeapTuple	tuple;
	bool		result;

	if (rte->rtekind != RTE_RELATION)
		return false;
	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(rte->relid));
	if (!HeapTupleIsValid(tuple))
		return true;
	result = (rte->relkind != RELKIND_RELATION &&
			  rte->relkind != RELKIND_PARTITIONED_TABLE) ||
		((Form_pg_class) GETSTRUCT(tuple))->relhasrules;
	ReleaseSysCache(tuple);
	return result;
}

/* Relations, conditions and locks of a query and those inside it */
static void
walk_query(ShapeBuilder *builder, Query *query)
{
	ListCell   *lc;

	if (builder->depth >= MAX_DEPTH)
	{
		builder->shape->flags |= SHAPE_INCOMPLETE;
		return;
	}
	builder->depth++;

	if (query->commandType != CMD_SELECT)
		builder->shape->flags |= SHAPE_WRITES;
	if (query->resultRelation > 0 &&
		writes_others(rt_fetch(query->resultRelation, query->rtable)))
		builder->shape->flags |= SHAPE_WRITES_OTHERS;

	foreach(lc, query->rowMarks)
	{
		RowMarkClause *mark = lfirst_node(RowMarkClause, lc);

		builder->shape->flags |= SHAPE_ROW_LOCKS;
		if (mark->waitPolicy == LockWaitSkip)
			builder->shape->flags |= SHAPE_SKIP_LOCKED;
	}

	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);

		if (rte->rtekind == RTE_RELATION)
			add_relation(builder, rte->relid);
		else if (rte->rtekind == RTE_SUBQUERY)
			walk_query(builder, rte->subquery);
	}
	foreach(lc, query->cteList)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);

		if (IsA(cte->ctequery, Query))
			walk_query(builder, (Query *) cte->ctequery);
	}

	builder->query = query;
	walk_jointree(builder, (Node *) query->jointree);
	builder->query = query;
	(void) walk_sublinks((Node *) query->targetList, builder);

	builder->depth--;
}

/*
 * Finds the columns that the output comes from, and their tables.  What an
 * aggregate makes of a column is not that column any more.
 */
static bool
output_var_walker(Node *node, ShapeBuilder *builder)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
	{
		Oid			relid;
		AttrNumber	attnum;

		if (!shape_resolve_var(builder->query, (Var *) node, &relid, &attnum))
		{
			builder->returns_unknown = true;
			return false;
		}
		for (int i = 0; i < builder->shape->nrelations; i++)
		{
			if (builder->shape->relations[i] != relid)
				continue;
			builder->in_output[i] = true;
			if (builder->in_aggregate)
				continue;
			builder->returned[i] |= attnum == 0 ? PG_UINT32_MAX :
				SHAPE_COLUMN_BIT(attnum);
		}
		return false;
	}
	if (IsA(node, SubLink))
	{
		SubLinkType type = ((SubLink *) node)->subLinkType;

		if (type != EXISTS_SUBLINK && type != ANY_SUBLINK &&
			type != ALL_SUBLINK)
			builder->returns_unknown = true;
		return false;
	}
	if (IsA(node, Aggref) && !builder->in_aggregate)
	{
		builder->in_aggregate = true;
		(void) expression_tree_walker(node, output_var_walker, builder);
		builder->in_aggregate = false;
		return false;
	}
	return expression_tree_walker(node, output_var_walker, builder);
}

/* Does the output hold a column other than inside an aggregate or sublink? */
static bool
plain_column_walker(Node *node, void *context)
{
	if (node == NULL)
		return false;
	if (IsA(node, Var))
		return true;
	if (IsA(node, Aggref) || IsA(node, SubLink))
		return false;
	return expression_tree_walker(node, plain_column_walker, context);
}

static void
walk_output(ShapeBuilder *builder, Query *query)
{
	StatementShape *shape = builder->shape;
	List	   *output = query->commandType == CMD_SELECT ?
	query->targetList : query->returningList;
	bool		plain = false;
	int			noutput = 0;
	ListCell   *lc;

	builder->query = query;
	foreach(lc, output)
	{
		TargetEntry *tle = lfirst_node(TargetEntry, lc);

		if (tle->resjunk)
			continue;
		noutput++;
		plain |= plain_column_walker((Node *) tle->expr, NULL);
		(void) output_var_walker((Node *) tle->expr, builder);
	}
	shape->noutput = (uint16) Min(noutput, PG_UINT16_MAX);
	for (int i = 0; i < shape->nrelations; i++)
	{
		/* of set operations only the first is seen */
		if (!builder->returns_unknown && query->setOperations == NULL)
			shape->not_returned[i] = ~builder->returned[i];
	}

	if (query->commandType != CMD_SELECT)
	{
		if (query->resultRelation > 0)
			shape->target = rt_fetch(query->resultRelation,
									 query->rtable)->relid;
		return;
	}
	for (int i = 0; i < shape->nrelations; i++)
	{
		if (builder->in_output[i])
		{
			shape->target = shape->relations[i];
			break;
		}
	}
	if (!plain && noutput > 0 && query->groupClause == NIL &&
		query->setOperations == NULL)
		shape->flags |= SHAPE_AGGREGATE_ONLY;
}

static ShapeCommand
command_of(CmdType command)
{
	switch (command)
	{
		case CMD_SELECT:
			return SHAPE_SELECT;
		case CMD_INSERT:
			return SHAPE_INSERT;
		case CMD_UPDATE:
			return SHAPE_UPDATE;
		case CMD_DELETE:
			return SHAPE_DELETE;
		case CMD_MERGE:
			return SHAPE_MERGE;
		default:
			return SHAPE_OTHER;
	}
}

/* Names of the relations, each ended by a NUL and the last by two */
static void
append_names(const StatementShape *shape, StringInfo tables)
{
	for (int i = 0; i < shape->nrelations; i++)
	{
		char	   *name = get_rel_name(shape->relations[i]);
		char	   *schema =
		get_namespace_name(get_rel_namespace(shape->relations[i]));

		if (name == NULL || schema == NULL)
			continue;
		appendStringInfoString(tables,
							   quote_qualified_identifier(schema, name));
		appendStringInfoChar(tables, '\0');
	}
	appendStringInfoChar(tables, '\0');
}

static Oid
own_schema(void)
{
	Oid			schema = get_namespace_oid("querywatch", true);

	return OidIsValid(schema) ? schema : PG_CATALOG_NAMESPACE;
}

void
shape_of_query(Query *query, const JumbleState *jstate,
			   StatementShape *shape, StringInfo tables)
{
	ShapeBuilder builder;

	memset(&builder, 0, sizeof(builder));
	memset(shape, 0, sizeof(StatementShape));
	builder.shape = shape;
	builder.jstate = jstate;
	builder.own_schema = own_schema();

	shape->command = command_of(query->commandType);
	/* one row of VALUES needs no FROM */
	if (query->commandType == CMD_INSERT &&
		(query->jointree == NULL || query->jointree->fromlist == NIL))
		shape->flags |= SHAPE_SINGLE_ROW_VALUES;

	walk_query(&builder, query);
	walk_output(&builder, query);

	if (query->sortClause != NIL)
		shape->flags |= SHAPE_ORDERED;
	if (query->limitCount != NULL)
		shape->flags |= SHAPE_HAS_LIMIT;
	if (query->limitOffset != NULL)
	{
		shape->flags |= SHAPE_HAS_OFFSET;
		builder.query = query;
		(void) value_of(&builder, query->limitOffset, &shape->offset_value);
	}
	if (shape->nrelations == 0 && builder.catalog)
		shape->flags |= SHAPE_CATALOG_ONLY;

	append_names(shape, tables);
}

bool
shape_has_relations(const StatementShape *shape, const Query *query)
{
	ListCell   *lc;

	if (shape->nrelations == 0)
		return true;
	foreach(lc, query->rtable)
	{
		RangeTblEntry *rte = lfirst_node(RangeTblEntry, lc);
		bool		found = false;

		if (rte->rtekind != RTE_RELATION || rte->relid < FirstNormalObjectId)
			continue;
		for (int i = 0; i < shape->nrelations && !found; i++)
			found = shape->relations[i] == rte->relid;
		if (!found)
			return (shape->flags & SHAPE_INCOMPLETE) != 0;
	}
	return true;
}

/* May a shape be that of the plan's statement? */
static bool
fits_plan(const StatementShape *shape, const PlannedStmt *plan)
{
	if (shape->command == SHAPE_OTHER || (shape->flags & SHAPE_INCOMPLETE) != 0)
		return false;
	for (int i = 0; i < shape->nrelations; i++)
	{
		if (!list_member_oid(plan->relationOids, shape->relations[i]))
			return false;
	}
	return true;
}

void
shape_of_plan(const PlannedStmt *plan, const StatementShape *known,
			  StatementShape *shape, StringInfo tables)
{
	ShapeBuilder builder;
	ListCell   *lc;

	if (fits_plan(known, plan))
	{
		*shape = *known;
		append_names(shape, tables);
		return;
	}

	memset(&builder, 0, sizeof(builder));
	memset(shape, 0, sizeof(StatementShape));
	builder.shape = shape;
	builder.own_schema = own_schema();

	shape->command = command_of(plan->commandType);
	shape->flags = SHAPE_INCOMPLETE;
	if (plan->commandType != CMD_SELECT || plan->hasModifyingCTE)
		shape->flags |= SHAPE_WRITES;
	foreach(lc, plan->relationOids)
		add_relation(&builder, lfirst_oid(lc));
	if (shape->nrelations == 0 && builder.catalog)
		shape->flags |= SHAPE_CATALOG_ONLY;
	append_names(shape, tables);
}

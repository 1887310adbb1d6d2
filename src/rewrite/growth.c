/*-------------------------------------------------------------------------
 *
 * growth.c
 *		How much analysis and planning make of a statement.
 *
 * What is counted is an upper limit, and no more than that: a table is taken
 * to be expanded by every "*" beside it, and every subquery to be pulled up.
 *
 * src/rewrite/growth.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_class.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "utils/syscache.h"

#include "common/compat.h"
#include "rewrite/growth.h"

/* Columns that analysis may make of a statement, of 150 bytes or so each */
#define MAX_COLUMNS		150000

/* Nodes of a query that is planned */
#define MAX_NODES		20000

/*
 * Analysis
 */

/* The columns of a common table expression */
typedef struct NamedColumns
{
	const char *name;
	int64		columns;
}			NamedColumns;

typedef struct Columns
{
	int64		made;			/* by the whole statement */
	int64		of_level;		/* those that "*" stands for */
	List	   *ctes;			/* of NamedColumns, the innermost last */
}			Columns;

static int64 columns_of_statement(Node *statement, Columns * columns);
static bool count_columns(Node *node, Columns * columns);

static bool
count_nodes(Node *node, int64 *nodes)
{
	if (node == NULL)
		return false;
	++*nodes;
	return raw_expression_tree_walker(node, count_nodes, nodes);
}

static int64
columns_of_relation(const RangeVar *name, const Columns * columns)
{
	Oid			relid = RangeVarGetRelid(name, NoLock, true);
	HeapTuple	tuple = SearchSysCache1(RELOID, ObjectIdGetDatum(relid));
	int64		result = 0;
	ListCell   *lc;

	if (HeapTupleIsValid(tuple))
	{
		result = ((Form_pg_class) GETSTRUCT(tuple))->relnatts;
		ReleaseSysCache(tuple);
	}

	/* whichever of those of this name it is */
	foreach(lc, columns->ctes)
	{
		const		NamedColumns *cte = lfirst(lc);

		if (name->schemaname == NULL && strcmp(cte->name, name->relname) == 0)
			result = Max(result, cte->columns);
	}
	return result;
}

/* The columns of an item of FROM */
static int64
columns_of_item(Node *item, Columns * columns)
{
	int64		result;

	switch (nodeTag(item))
	{
		case T_RangeVar:
			result = columns_of_relation((RangeVar *) item, columns);
			break;
		case T_RangeSubselect:
			result = columns_of_statement(((RangeSubselect *) item)->subquery,
										  columns);
			break;
		case T_RangeTableSample:
			result = columns_of_item(((RangeTableSample *) item)->relation,
									 columns);
			break;
		case T_JoinExpr:
			{
				JoinExpr   *join = (JoinExpr *) item;
				int64		left = columns_of_item(join->larg, columns);
				int64		right = columns_of_item(join->rarg, columns);

				/* all names are compared with all */
				if (join->isNatural)
					columns->made += left * right / 100;
				result = left + right;
			}
			break;
		default:
			/* functions, whose types have so many columns at most */
			result = MaxTupleAttributeNumber;
			break;
	}
	columns->made += result;
	return result;
}

static bool
is_star(Node *node)
{
	if (IsA(node, ColumnRef))
		return IsA(llast(((ColumnRef *) node)->fields), A_Star);
	return IsA(node, A_Indirection) &&
		IsA(llast(((A_Indirection *) node)->indirection), A_Star);
}

/* The columns of a list of results */
static int64
columns_of_targets(List *targets, const Columns * columns)
{
	int64		result = 0;
	ListCell   *lc;

	foreach(lc, targets)
	{
		Node	   *value = lfirst_node(ResTarget, lc)->val;

		if (value == NULL || !is_star(value))
			result++;
		else if (IsA(value, ColumnRef))
			result += columns->of_level;
		else
			result += MaxTupleAttributeNumber;
	}
	/* analysis raises for more */
	return Min(result, MaxTupleAttributeNumber);
}

static void
add_ctes(WithClause * with, Columns * columns)
{
	ListCell   *lc;

	if (with == NULL)
		return;
	foreach(lc, with->ctes)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		NamedColumns *named = palloc_object(NamedColumns);

		/* it may name itself, and those after it */
		named->name = cte->ctename;
		named->columns = MaxTupleAttributeNumber;
		columns->ctes = lappend(columns->ctes, named);
	}
	foreach(lc, with->ctes)
	{
		CommonTableExpr *cte = lfirst_node(CommonTableExpr, lc);
		NamedColumns *named = list_nth(columns->ctes,
									   list_length(columns->ctes) -
									   list_length(with->ctes) +
									   foreach_current_index(lc));

		named->columns = columns_of_statement(cte->ctequery, columns);
	}
}

/* What the current level's FROM has, and the table that it changes */
static void
add_level(RangeVar *relation, List *from, Columns * columns)
{
	ListCell   *lc;

	columns->of_level = 0;
	if (relation != NULL)
		columns->of_level += 2 * columns_of_item((Node *) relation, columns);
	foreach(lc, from)
		columns->of_level += columns_of_item(lfirst(lc), columns);
}

static int64
columns_of_select(SelectStmt *select, Columns * columns)
{
	int64		result;

	add_ctes(select->withClause, columns);
	if (select->op != SETOP_NONE)
	{
		result = columns_of_statement((Node *) select->larg, columns);
		(void) columns_of_statement((Node *) select->rarg, columns);
		columns->made += result;
		columns->of_level = result;
		(void) count_columns((Node *) select->sortClause, columns);
		(void) count_columns(select->limitOffset, columns);
		(void) count_columns(select->limitCount, columns);
		return result;
	}
	add_level(NULL, select->fromClause, columns);
	if (select->valuesLists != NIL)
		result = list_length(linitial(select->valuesLists));
	else
		result = columns_of_targets(select->targetList, columns);
	(void) raw_expression_tree_walker((Node *) select, count_columns, columns);
	return result;
}

/* Counts what a statement's analysis makes, and returns its results' columns */
static int64
columns_of_statement(Node *statement, Columns * columns)
{
	int64		outer_level = columns->of_level;
	int			outer_ctes = list_length(columns->ctes);
	int64		result = 0;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	switch (nodeTag(statement))
	{
		case T_SelectStmt:
			result = columns_of_select((SelectStmt *) statement, columns);
			break;
		case T_InsertStmt:
			{
				InsertStmt *insert = (InsertStmt *) statement;

				add_ctes(insert->withClause, columns);
				add_level(insert->relation, NIL, columns);
				result = columns_of_targets(COMPAT_RETURNING(insert), columns);
			}
			break;
		case T_UpdateStmt:
			{
				UpdateStmt *update = (UpdateStmt *) statement;

				add_ctes(update->withClause, columns);
				add_level(update->relation, update->fromClause, columns);
				result = columns_of_targets(COMPAT_RETURNING(update), columns);
			}
			break;
		case T_DeleteStmt:
			{
				DeleteStmt *delete = (DeleteStmt *) statement;

				add_ctes(delete->withClause, columns);
				add_level(delete->relation, delete->usingClause, columns);
				result = columns_of_targets(COMPAT_RETURNING(delete), columns);
			}
			break;
		default:
			/* MERGE is not looked at */
			columns->made = MAX_COLUMNS + 1;
			return 0;
	}
	if (!IsA(statement, SelectStmt))
		(void) raw_expression_tree_walker(statement, count_columns, columns);
	columns->made += result;
	columns->of_level = outer_level;
	columns->ctes = list_truncate(columns->ctes, outer_ctes);
	return result;
}

/* Counts what is in the expressions of a level; its FROM is counted already */
static bool
count_columns(Node *node, Columns * columns)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeSubselect:
		case T_WithClause:
			return false;
		case T_SelectStmt:
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
			(void) columns_of_statement(node, columns);
			return columns->made > MAX_COLUMNS;
		case T_ColumnRef:
			if (is_star(node))
				columns->made += columns->of_level;
			return columns->made > MAX_COLUMNS;
		case T_A_Indirection:
			/* the expression is copied for each column of its type */
			if (is_star(node))
			{
				int64		nodes = 0;

				(void) count_nodes(node, &nodes);
				columns->made += nodes * MaxTupleAttributeNumber;
			}
			break;
		default:
			break;
	}
	return columns->made > MAX_COLUMNS ||
		raw_expression_tree_walker(node, count_columns, columns);
}

bool
growth_of_analysis(Node *statement)
{
	Columns		columns = {0};

	(void) columns_of_statement(statement, &columns);
	return columns.made <= MAX_COLUMNS;
}

/*
 * Planning
 */

/* The sizes of some expressions, by number; NULL: 1 each */
typedef struct Sizes
{
	int			n;
	double	   *sizes;
}			Sizes;

/* A query within those around it */
typedef struct Level
{
	struct Level *outer;
	const Query *query;
	Sizes	   *relations;		/* of the columns of each in its range table */
	Sizes	   *ctes;			/* the same of its common table expressions */
}			Level;

typedef struct Nodes
{
	Level	   *level;
	double		count;
}			Nodes;

static Sizes size_query(Query *query, Nodes * nodes);

static Level *
level_above(Level * level, int up)
{
	while (up-- > 0 && level != NULL)
		level = level->outer;
	return level;
}

/* What a column becomes, beside itself */
static double
size_of_var(const Var *var, const Nodes * nodes)
{
	Level	   *level = level_above(nodes->level, var->varlevelsup);
	const		Sizes *sizes;
	double		result = 0;

	if (level == NULL || var->varno < 1 ||
		var->varno > list_length(level->query->rtable))
		return 0;
	sizes = &level->relations[var->varno - 1];
	if (var->varattno > 0 && var->varattno <= sizes->n)
		return sizes->sizes[var->varattno - 1];
	for (int i = 0; var->varattno == 0 && i < sizes->n; i++)
		result += sizes->sizes[i];
	return result;
}

static bool
add_nodes(Node *node, Nodes * nodes)
{
	if (node == NULL)
		return false;
	if (++nodes->count > MAX_NODES)
		return true;
	if (IsA(node, Var))
	{
		nodes->count += size_of_var((Var *) node, nodes);
		return nodes->count > MAX_NODES;
	}
	if (IsA(node, Query))
	{
		(void) size_query((Query *) node, nodes);
		return nodes->count > MAX_NODES;
	}
	return expression_tree_walker(node, add_nodes, nodes);
}

/*
 * The size of each expression of a list, or of a target list.  "counts": they
 * are part of the query, which otherwise has them elsewhere.
 */
static Sizes
size_list(List *list, bool counts, Nodes * nodes)
{
	Sizes		result = {list_length(list)};
	ListCell   *lc;

	result.sizes = palloc0_array(double, result.n + 1);
	foreach(lc, list)
	{
		Nodes		part = {nodes->level, 0};

		(void) add_nodes(lfirst(lc), &part);
		result.sizes[foreach_current_index(lc)] = part.count;
		if (counts)
			nodes->count += part.count;
	}
	return result;
}

static Sizes
size_cte(const RangeTblEntry *rte, Level * level)
{
	Sizes		none = {0};
	ListCell   *lc;

	level = level_above(level, rte->ctelevelsup);
	if (level == NULL || level->ctes == NULL)
		return none;
	foreach(lc, level->query->cteList)
	{
		if (strcmp(lfirst_node(CommonTableExpr, lc)->ctename, rte->ctename) == 0)
			return level->ctes[foreach_current_index(lc)];
	}
	return none;
}

static Sizes
size_relation(RangeTblEntry *rte, Nodes * nodes)
{
	Sizes		none = {0};
	ListCell   *lc;

	(void) add_nodes((Node *) rte->securityQuals, nodes);
	switch (rte->rtekind)
	{
		case RTE_SUBQUERY:
			return size_query(rte->subquery, nodes);
		case RTE_JOIN:
			return size_list(rte->joinaliasvars, false, nodes);
		case RTE_CTE:
			return size_cte(rte, nodes->level);
		case RTE_VALUES:
			for_each_from(lc, rte->values_lists, 1)
				(void) add_nodes(lfirst(lc), nodes);
			return size_list(linitial(rte->values_lists), true, nodes);
		case RTE_FUNCTION:
			(void) add_nodes((Node *) rte->functions, nodes);
			return none;
		case RTE_TABLEFUNC:
			(void) add_nodes((Node *) rte->tablefunc, nodes);
			return none;
		default:
			return size_list(compat_group_expressions(rte), true, nodes);
	}
}

/* Adds the nodes of a query, and returns the sizes of its results */
static Sizes
size_query(Query *query, Nodes * nodes)
{
	Level		level = {nodes->level, query};
	int			nrelations = list_length(query->rtable);
	Query		rest;
	Sizes		result;
	ListCell   *lc;

	CHECK_FOR_INTERRUPTS();
	check_stack_depth();
	level.relations = palloc0_array(Sizes, nrelations + 1);
	level.ctes = palloc0_array(Sizes, list_length(query->cteList) + 1);
	nodes->level = &level;
	foreach(lc, query->cteList)
		level.ctes[foreach_current_index(lc)] =
		size_query(castNode(Query,
							lfirst_node(CommonTableExpr, lc)->ctequery),
				   nodes);
	foreach(lc, query->rtable)
		level.relations[foreach_current_index(lc)] =
		size_relation(lfirst_node(RangeTblEntry, lc), nodes);

	result = size_list(query->targetList, true, nodes);
	rest = *query;
	rest.targetList = NIL;
	(void) query_tree_walker(&rest, add_nodes, nodes,
							 QTW_IGNORE_RANGE_TABLE |
							 QTW_IGNORE_CTE_SUBQUERIES);

	/* the results of UNION ALL are those of any of its parts */
	for (int i = 0; query->setOperations != NULL && i < nrelations; i++)
	{
		for (int n = 0; n < Min(result.n, level.relations[i].n); n++)
			result.sizes[n] += level.relations[i].sizes[n];
	}
	nodes->level = level.outer;
	return result;
}

bool
growth_of_planning(Query *query)
{
	Nodes		nodes = {0};

	(void) size_query(query, &nodes);
	return nodes.count <= MAX_NODES;
}

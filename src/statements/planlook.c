/*-------------------------------------------------------------------------
 *
 * planlook.c
 *		Looks at plans that ran, for what they wasted.
 *
 * src/statements/planlook.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/transam.h"
#include "catalog/pg_class.h"
#include "catalog/pg_operator.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"
#include "utils/rel.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "statements/planlook.h"

/*
 * Before the run
 */

static AttrNumber
index_column(const Node *node)
{
	while (node != NULL && IsA(node, RelabelType))
		node = (const Node *) ((const RelabelType *) node)->arg;
	return node != NULL && IsA(node, Var) ? ((const Var *) node)->varattno : 0;
}

/* The column of an index that a condition is on; 0: not known */
static AttrNumber
condition_column(const Node *node)
{
	switch (nodeTag(node))
	{
		case T_OpExpr:
			return index_column(linitial(((const OpExpr *) node)->args));
		case T_ScalarArrayOpExpr:
			return index_column(linitial(((const ScalarArrayOpExpr *) node)->args));
		case T_RowCompareExpr:
			return index_column(linitial(((const RowCompareExpr *) node)->largs));
		case T_NullTest:
			return index_column((const Node *) ((const NullTest *) node)->arg);
		default:
			return 0;
	}
}

/*
 * Is there a column with a condition behind one without?  Then the condition
 * does not say where in the index to read.
 */
static bool
skips_column(const List *conditions)
{
	uint32		columns = 0;
	ListCell   *lc;

	foreach(lc, conditions)
	{
		AttrNumber	column = condition_column(lfirst(lc));

		if (column <= 0 || column > 32)
			return false;
		columns |= 1U << (column - 1);
	}
	return (columns & (columns + 1)) != 0;
}

/* Conditions on an index's columns; NIL: there are none, or it is no such scan */
static const List *
index_conditions(const Plan * plan)
{
	switch (nodeTag(plan))
	{
		case T_IndexScan:
			return ((const IndexScan *) plan)->indexqual;
		case T_IndexOnlyScan:
			return ((const IndexOnlyScan *) plan)->indexqual;
		case T_BitmapIndexScan:
			return ((const BitmapIndexScan *) plan)->indexqual;
		default:
			return NIL;
	}
}

static int	plan_needs(const Plan * plan);

static int
list_needs(const List *plans)
{
	ListCell   *lc;
	int			needs = 0;

	foreach(lc, plans)
		needs |= plan_needs(lfirst(lc));
	return needs;
}

static int
plan_needs(const Plan * plan)
{
	int			needs = 0;

	if (plan == NULL)
		return 0;
	switch (nodeTag(plan))
	{
		case T_SeqScan:
		case T_IndexScan:
		case T_IndexOnlyScan:
			if (plan->qual != NIL)
				needs = INSTRUMENT_ROWS;
			break;
		case T_BitmapHeapScan:
			needs = INSTRUMENT_ROWS;
			break;
		case T_NestLoop:
			if (((const NestLoop *) plan)->join.joinqual != NIL)
				needs = INSTRUMENT_ROWS;
			break;
		case T_Append:
			needs = list_needs(((const Append *) plan)->appendplans);
			break;
		case T_MergeAppend:
			needs = list_needs(((const MergeAppend *) plan)->mergeplans);
			break;
		case T_BitmapAnd:
			needs = list_needs(((const BitmapAnd *) plan)->bitmapplans);
			break;
		case T_BitmapOr:
			needs = list_needs(((const BitmapOr *) plan)->bitmapplans);
			break;
		case T_SubqueryScan:
			needs = plan_needs(((const SubqueryScan *) plan)->subplan);
			break;
		default:
			break;
	}
	if (skips_column(index_conditions(plan)))
		needs |= INSTRUMENT_ROWS | INSTRUMENT_BUFFERS;
	return needs | plan_needs(plan->lefttree) | plan_needs(plan->righttree);
}

int
planlook_needs(const PlannedStmt *plannedstmt)
{
	const		Plan *plan = plannedstmt->planTree;

	/* the first page of a table in the order of its key: the commonest */
	if (IsA(plan, Limit) && plan->lefttree->lefttree == NULL &&
		plan->lefttree->qual == NIL && IsA(plan->lefttree, IndexScan))
		return 0;
	return plan_needs(plan) | list_needs(plannedstmt->subplans);
}

/*
 * After the run
 */

/* The scan or join that throws most away */
typedef struct WorstNode
{
	PlanState  *node;			/* NULL: none */
	PlanState  *above;			/* that of the query, to find a LIMIT */
	ScanWaste	how;
	double		read;
	double		discarded;
	PlanLook   *look;
} WorstNode;

static double
tuples_of(const CompatNodeUsage *instrument)
{
	return instrument->ntuples + instrument->tuplecount;
}

static void
consider(WorstNode *worst, PlanState * node, ScanWaste how, double read,
		 double discarded)
{
	/* a pair is compared far faster than a row is read */
	double		weight = how == SCAN_WASTE_PAIRS ?
	(double) PLANLOOK_ROWS / PLANLOOK_PAIRS : 1;
	double		worst_weight = worst->how == SCAN_WASTE_PAIRS ?
	(double) PLANLOOK_ROWS / PLANLOOK_PAIRS : 1;

	if (discarded * weight < PLANLOOK_ROWS ||
		discarded * weight <= worst->discarded * worst_weight)
		return;
	worst->node = node;
	worst->how = how;
	worst->read = read;
	worst->discarded = discarded;
}

/*
 * Entries of an index that were read to find some of them, by its blocks.
 * Rows of the table that were fetched took a block each, at most.
 */
static void
consider_entries(WorstNode *worst, PlanState * node, Relation index,
				 double fetched)
{
	const CompatNodeUsage *instrument = node->instrument;
	const BufferUsage *buffers = COMPAT_NODE_BUFFERS(instrument);
	double		blocks = (double) (buffers->shared_blks_hit +
								   buffers->shared_blks_read) - fetched;
	double		found = tuples_of(instrument) + instrument->nfiltered1 +
	instrument->nfiltered2;
	double		entries;

	if (index == NULL || blocks <= 0 || index->rd_rel->relpages <= 0 ||
		!skips_column(index_conditions(node->plan)))
		return;
	entries = blocks * index->rd_rel->reltuples / index->rd_rel->relpages;
	if (instrument->nloops <= 1)
		entries = Min(entries, index->rd_rel->reltuples);
	consider(worst, node, SCAN_WASTE_ENTRIES, entries, entries - found);
}

static void
consider_rows(WorstNode *worst, PlanState * node, ScanWaste how,
			  double discarded)
{
	consider(worst, node, how, discarded + tuples_of(node->instrument),
			 discarded);
}

static bool
find_worst_node(PlanState * node, void *context)
{
	WorstNode  *worst = (WorstNode *) context;
	const CompatNodeUsage *instrument = node->instrument;

	if (instrument != NULL)
	{
		switch (nodeTag(node))
		{
			case T_SeqScanState:
				consider_rows(worst, node, SCAN_WASTE_FILTER,
							  instrument->nfiltered1);
				break;
			case T_IndexScanState:
				consider_rows(worst, node, SCAN_WASTE_FILTER,
							  instrument->nfiltered1);
				consider_rows(worst, node, SCAN_WASTE_RECHECK,
							  instrument->nfiltered2);
				consider_entries(worst, node,
								 ((IndexScanState *) node)->iss_RelationDesc,
								 tuples_of(instrument) +
								 instrument->nfiltered1 +
								 instrument->nfiltered2);
				break;
			case T_IndexOnlyScanState:
				consider_rows(worst, node, SCAN_WASTE_FILTER,
							  instrument->nfiltered1);
				consider_entries(worst, node,
								 ((IndexOnlyScanState *) node)->ioss_RelationDesc,
								 instrument->ntuples2);
				break;
			case T_BitmapIndexScanState:
				consider_entries(worst, node,
								 ((BitmapIndexScanState *) node)->biss_RelationDesc,
								 0);
				break;
			case T_BitmapHeapScanState:
				consider_rows(worst, node, SCAN_WASTE_FILTER,
							  instrument->nfiltered1);
				consider_rows(worst, node,
							  compat_lossy_pages((BitmapHeapScanState *) node) > 0 ?
							  SCAN_WASTE_LOSSY : SCAN_WASTE_RECHECK,
							  instrument->nfiltered2);
				break;
			case T_NestLoopState:
				consider_rows(worst, node, SCAN_WASTE_PAIRS,
							  instrument->nfiltered1);
				break;
			default:
				break;
		}
	}
	return planstate_tree_walker(node, find_worst_node, context);
}

/*
 * Conditions of a plan are about columns of an index or of the plans below it.
 * Where one of these is a table's column it is put in its place; what else
 * there is becomes a parameter: it comes from elsewhere.
 */
typedef struct ToTable
{
	const List *index_columns;	/* of TargetEntry; INDEX_VAR */
	const		Plan *inner;	/* INNER_VAR */
	Index		scanrelid;
} ToTable;

/* The table's column that a plan returns; NULL: it is none */
static Var *
returned_column(const Plan * plan, AttrNumber attno, const Plan * *scan)
{
	while (plan != NULL && attno > 0 && attno <= list_length(plan->targetlist))
	{
		const TargetEntry *entry = list_nth_node(TargetEntry, plan->targetlist,
												 attno - 1);
		Var		   *var = (Var *) entry->expr;

		if (!IsA(var, Var))
			return NULL;
		switch (nodeTag(plan))
		{
			case T_SeqScan:
			case T_IndexScan:
			case T_BitmapHeapScan:
				*scan = plan;
				return var->varattno > 0 ? var : NULL;
			case T_Material:
			case T_Sort:
				attno = var->varattno;
				plan = plan->lefttree;
				break;
			default:
				return NULL;
		}
	}
	return NULL;
}

static Node *
to_table_mutator(Node *node, void *context)
{
	const ToTable *to = (const ToTable *) context;

	if (node == NULL)
		return NULL;
	if (IsA(node, Var))
	{
		Var		   *var = (Var *) node;
		Var		   *column = NULL;
		const		Plan *scan;
		Param	   *param;

		if (var->varno == INDEX_VAR && var->varattno > 0 &&
			var->varattno <= list_length(to->index_columns))
			column = (Var *) list_nth_node(TargetEntry, to->index_columns,
										   var->varattno - 1)->expr;
		else if (var->varno == INNER_VAR)
			column = returned_column(to->inner, var->varattno, &scan);
		else if (!IS_SPECIAL_VARNO(var->varno))
			column = var;
		if (column != NULL && IsA(column, Var))
			return (Node *) copyObject(column);
		param = makeNode(Param);
		param->paramkind = PARAM_EXEC;
		param->paramtype = var->vartype;
		param->paramtypmod = var->vartypmod;
		param->paramcollid = var->varcollid;
		param->location = -1;
		return (Node *) param;
	}
	return expression_tree_mutator(node, to_table_mutator, context);
}

/* The scan of one table that the inner side of a nested loop is; NULL: none */
static ScanState *
inner_scan(PlanState * inner)
{
	while (inner != NULL && (IsA(inner, MaterialState) ||
							 IsA(inner, SortState)))
		inner = outerPlanState(inner);
	if (inner == NULL)
		return NULL;
	switch (nodeTag(inner))
	{
		case T_SeqScanState:
		case T_IndexScanState:
		case T_BitmapHeapScanState:
			return (ScanState *) inner;
		default:
			return NULL;
	}
}

/* Its conditions, on columns of the table */
static List *
table_conditions(PlanState * node)
{
	const		Plan *plan = node->plan;
	ToTable		to = {0};
	List	   *conditions = NIL;

	switch (nodeTag(plan))
	{
		case T_IndexScan:
			conditions = ((const IndexScan *) plan)->indexqualorig;
			break;
		case T_IndexOnlyScan:
			conditions = ((const IndexOnlyScan *) plan)->indexqual;
			to.index_columns = ((const IndexOnlyScan *) plan)->indextlist;
			break;
		case T_BitmapIndexScan:
			return ((const BitmapIndexScan *) plan)->indexqualorig;
		case T_BitmapHeapScan:
			conditions = ((const BitmapHeapScan *) plan)->bitmapqualorig;
			break;
		case T_NestLoop:
			conditions = ((const NestLoop *) plan)->join.joinqual;
			to.inner = innerPlanState(node)->plan;
			return (List *) to_table_mutator((Node *) conditions, &to);
		default:
			break;
	}
	conditions = list_concat_copy(conditions, plan->qual);
	return (List *) to_table_mutator((Node *) conditions, &to);
}

/* A column that one of the conditions compares with a pattern; 0: none */
static AttrNumber
pattern_column(const List *conditions)
{
	ListCell   *lc;

	foreach(lc, conditions)
	{
		const OpExpr *op = lfirst(lc);
		AttrNumber	column;

		if (!IsA(op, OpExpr) || list_length(op->args) != 2 ||
			(op->opno != OID_TEXT_LIKE_OP && op->opno != OID_TEXT_ICLIKE_OP &&
			 op->opno != OID_TEXT_REGEXEQ_OP &&
			 op->opno != OID_TEXT_ICREGEXEQ_OP))
			continue;
		column = index_column(linitial(op->args));
		if (column > 0)
			return column;
	}
	return 0;
}

/* The index that a scan reads; NULL: none, or several */
static Relation
index_of(PlanState * node)
{
	switch (nodeTag(node))
	{
		case T_IndexScanState:
			return ((IndexScanState *) node)->iss_RelationDesc;
		case T_IndexOnlyScanState:
			return ((IndexOnlyScanState *) node)->ioss_RelationDesc;
		case T_BitmapIndexScanState:
			return ((BitmapIndexScanState *) node)->biss_RelationDesc;
		case T_BitmapHeapScanState:
			return IsA(outerPlanState(node), BitmapIndexScanState) ?
				index_of(outerPlanState(node)) : NULL;
		default:
			return NULL;
	}
}

static bool
is_ordered(PlanState * top, PlanState * node)
{
	return IsA(top, LimitState) && outerPlanState(top) == node &&
		(IsA(node, IndexScanState) || IsA(node, IndexOnlyScanState));
}

static void
describe(WorstNode *worst)
{
	WastedScan *scan = &worst->look->scan;
	PlanState  *node = worst->node;
	ScanState  *of = IsA(node, NestLoopState) ?
	inner_scan(innerPlanState(node)) : (ScanState *) node;
	Relation	index = index_of(node);
	Relation	rel = of != NULL ? of->ss_currentRelation : NULL;
	List	   *conditions;

	if (rel != NULL)
		scan->relid = RelationGetRelid(rel);
	else if (index != NULL)
		scan->relid = index->rd_index->indrelid;

	/* those of others, and of the server's own tables, are left alone */
	if (OidIsValid(scan->relid) &&
		(scan->relid < FirstNormalObjectId ||
		 get_rel_persistence(scan->relid) == RELPERSISTENCE_TEMP))
		return;
	conditions = table_conditions(node);
	if (OidIsValid(scan->relid))
		scan_columns_of(conditions, &scan->columns);
	if (IsA(node, SeqScanState) && scan_columns_any(&scan->columns))
	{
		/* none are left where an index is there, which the planner left alone */
		scan_columns(of, &scan->columns);
		if (!scan_columns_any(&scan->columns))
			return;
		worst->look->sequential = true;
	}

	scan->how = worst->how;
	scan->executions = 1;
	scan->read = (int64) worst->read;
	scan->discarded = (int64) worst->discarded;
	scan->index = index != NULL ? RelationGetRelid(index) : InvalidOid;
	scan->ordered = is_ordered(worst->above, node);
	if (IsA(node, BitmapHeapScanState))
		scan->pages = (uint32)
			Min(compat_lossy_pages((BitmapHeapScanState *) node) +
				compat_exact_pages((BitmapHeapScanState *) node),
				PG_UINT32_MAX);
	scan->pattern = pattern_column(conditions);
}

/* GuardedCallback */
static void
describe_worst(void *arg)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "pg_querywatch plan",
												  ALLOCSET_SMALL_SIZES);
	MemoryContext old_context = MemoryContextSwitchTo(context);

	describe((WorstNode *) arg);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
}

bool
planlook_end(QueryDesc *queryDesc, PlanLook *look)
{
	WorstNode	worst = {.above = queryDesc->planstate,.look = look};

	memset(look, 0, sizeof(PlanLook));
	(void) find_worst_node(queryDesc->planstate, &worst);
	return worst.node != NULL && guarded_call_early(describe_worst, &worst) &&
		look->scan.how != SCAN_WASTE_NONE;
}

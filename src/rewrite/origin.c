/*-------------------------------------------------------------------------
 *
 * origin.c
 *		How a statement was analysed when it ran.
 *
 * src/rewrite/origin.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "catalog/namespace.h"
#include "common/hashfn.h"
#include "nodes/nodeFuncs.h"

#include "common/compat.h"
#include "detector/valueset.h"
#include "rewrite/origin.h"

/* Longer ones are not kept */
#define MAX_PARAM_TYPES		256
#define MAX_SEARCH_PATH		512

/*
 * Types of parameters
 */

typedef struct TypeCollector
{
	int			nparams;
	const int  *constants;
	int			nconstants;
	Oid		   *types;			/* of parameters, then of constants */
}			TypeCollector;

/* Number of the constant at this place in the text, from 0; -1: none */
static int
find_constant(const TypeCollector * collector, int location)
{
	for (int i = 0; i < collector->nconstants; i++)
	{
		if (collector->constants[i] == location)
			return i;
	}
	return -1;
}

static bool
collect_types(Node *node, TypeCollector * collector)
{
	if (node == NULL)
		return false;
	if (IsA(node, Const) && ((Const *) node)->location >= 0)
	{
		int			n = find_constant(collector, ((Const *) node)->location);

		if (n >= 0)
			collector->types[collector->nparams + n] =
				((Const *) node)->consttype;
		return false;
	}
	if (IsA(node, Param))
	{
		Param	   *param = (Param *) node;

		if (param->paramkind == PARAM_EXTERN && param->paramid >= 1 &&
			param->paramid <= collector->nparams)
			collector->types[param->paramid - 1] = param->paramtype;
		return false;
	}
	if (IsA(node, Query))
		return query_tree_walker((Query *) node, collect_types, collector, 0);
	return expression_tree_walker(node, collect_types, collector);
}

/*
 * Meaning
 */

typedef struct Meaning
{
	uint64		hash;
}			Meaning;

static inline void
add(Meaning * meaning, uint64 value)
{
	meaning->hash = valueset_mix(meaning->hash ^ value) + 1;
}

static void
add_oids(Meaning * meaning, const List *oids)
{
	ListCell   *lc;

	foreach(lc, oids)
		add(meaning, lfirst_oid(lc));
}

static void
add_ints(Meaning * meaning, const List *ints)
{
	ListCell   *lc;

	foreach(lc, ints)
		add(meaning, (uint64) lfirst_int(lc));
}

/* A constant or a parameter */
static void
add_value(Meaning * meaning, Oid type, Oid collation)
{
	add(meaning, T_Const);
	add(meaning, type);
	add(meaning, collation);
}

static void
add_relation(Meaning * meaning, const RangeTblEntry *rte)
{
	add(meaning, rte->rtekind);
	add(meaning, rte->relid);
	add(meaning, rte->inh);
	add(meaning, rte->lateral);
	add(meaning, rte->jointype);
	add(meaning, rte->self_reference);
	add(meaning, rte->ctelevelsup);
	if (rte->ctename)
		add(meaning, hash_bytes((const unsigned char *) rte->ctename,
								strlen(rte->ctename)));
	add_oids(meaning, rte->coltypes);
	add_ints(meaning, rte->coltypmods);
	add_oids(meaning, rte->colcollations);
}

static void
add_query(Meaning * meaning, const Query *query)
{
	ListCell   *lc;

	add(meaning, query->commandType);
	add(meaning, query->resultRelation);
	add(meaning, query->limitOption);
	add(meaning, query->groupDistinct);
	add(meaning, query->hasDistinctOn);
	add(meaning, query->override);
	add(meaning, query->hasRecursive);
	foreach(lc, query->rowMarks)
	{
		const RowMarkClause *mark = lfirst_node(RowMarkClause, lc);

		add(meaning, mark->rti);
		add(meaning, mark->strength);
		add(meaning, mark->waitPolicy);
	}
}

/* What a node says beside the nodes below it */
static void
add_node(Meaning * meaning, Node *node)
{
	switch (nodeTag(node))
	{
		case T_Var:
			{
				const Var  *var = (const Var *) node;

				add(meaning, var->varno);
				add(meaning, (uint64) var->varattno);
				add(meaning, var->vartype);
				add(meaning, var->varcollid);
				add(meaning, var->varlevelsup);
			}
			break;
		case T_Aggref:
			{
				const Aggref *agg = (const Aggref *) node;

				add(meaning, agg->aggfnoid);
				add(meaning, agg->aggtype);
				add(meaning, agg->inputcollid);
				add(meaning, agg->aggstar);
				add(meaning, agg->aggvariadic);
				add(meaning, agg->aggkind);
				add(meaning, agg->agglevelsup);
			}
			break;
		case T_GroupingFunc:
			add(meaning, ((GroupingFunc *) node)->agglevelsup);
			add_ints(meaning, ((GroupingFunc *) node)->refs);
			break;
		case T_WindowFunc:
			add(meaning, ((WindowFunc *) node)->winfnoid);
			add(meaning, ((WindowFunc *) node)->wintype);
			add(meaning, ((WindowFunc *) node)->inputcollid);
			add(meaning, ((WindowFunc *) node)->winref);
			break;
		case T_SubscriptingRef:
			add(meaning, ((SubscriptingRef *) node)->refcontainertype);
			add(meaning, ((SubscriptingRef *) node)->refrestype);
			break;
		case T_FuncExpr:
			add(meaning, ((FuncExpr *) node)->funcid);
			add(meaning, ((FuncExpr *) node)->funcresulttype);
			add(meaning, ((FuncExpr *) node)->funcvariadic);
			add(meaning, ((FuncExpr *) node)->inputcollid);
			break;
		case T_OpExpr:
		case T_DistinctExpr:
		case T_NullIfExpr:
			add(meaning, ((OpExpr *) node)->opno);
			add(meaning, ((OpExpr *) node)->opresulttype);
			add(meaning, ((OpExpr *) node)->inputcollid);
			break;
		case T_ScalarArrayOpExpr:
			add(meaning, ((ScalarArrayOpExpr *) node)->opno);
			add(meaning, ((ScalarArrayOpExpr *) node)->useOr);
			add(meaning, ((ScalarArrayOpExpr *) node)->inputcollid);
			break;
		case T_BoolExpr:
			add(meaning, ((BoolExpr *) node)->boolop);
			break;
		case T_SubLink:
			add(meaning, ((SubLink *) node)->subLinkType);
			break;
		case T_FieldSelect:
			add(meaning, ((FieldSelect *) node)->fieldnum);
			add(meaning, ((FieldSelect *) node)->resulttype);
			break;
		case T_FieldStore:
			add(meaning, ((FieldStore *) node)->resulttype);
			add_ints(meaning, ((FieldStore *) node)->fieldnums);
			break;
		case T_RelabelType:
			add(meaning, ((RelabelType *) node)->resulttype);
			add(meaning, (uint64) ((RelabelType *) node)->resulttypmod);
			add(meaning, ((RelabelType *) node)->resultcollid);
			break;
		case T_CoerceViaIO:
			add(meaning, ((CoerceViaIO *) node)->resulttype);
			break;
		case T_ArrayCoerceExpr:
			add(meaning, ((ArrayCoerceExpr *) node)->resulttype);
			add(meaning, (uint64) ((ArrayCoerceExpr *) node)->resulttypmod);
			break;
		case T_ConvertRowtypeExpr:
			add(meaning, ((ConvertRowtypeExpr *) node)->resulttype);
			break;
		case T_CollateExpr:
			add(meaning, ((CollateExpr *) node)->collOid);
			break;
		case T_CaseExpr:
			add(meaning, ((CaseExpr *) node)->casetype);
			break;
		case T_CaseTestExpr:
			add(meaning, ((CaseTestExpr *) node)->typeId);
			break;
		case T_ArrayExpr:
			add(meaning, ((ArrayExpr *) node)->array_typeid);
			add(meaning, ((ArrayExpr *) node)->multidims);
			break;
		case T_RowExpr:
			add(meaning, ((RowExpr *) node)->row_typeid);
			break;
		case T_RowCompareExpr:
			add_oids(meaning, ((RowCompareExpr *) node)->opnos);
			add_oids(meaning, ((RowCompareExpr *) node)->inputcollids);
			break;
		case T_CoalesceExpr:
			add(meaning, ((CoalesceExpr *) node)->coalescetype);
			break;
		case T_MinMaxExpr:
			add(meaning, ((MinMaxExpr *) node)->minmaxtype);
			add(meaning, ((MinMaxExpr *) node)->op);
			break;
		case T_SQLValueFunction:
			add(meaning, ((SQLValueFunction *) node)->op);
			add(meaning, (uint64) ((SQLValueFunction *) node)->typmod);
			break;
		case T_XmlExpr:
			add(meaning, ((XmlExpr *) node)->op);
			add(meaning, ((XmlExpr *) node)->type);
			break;
		case T_NullTest:
			add(meaning, ((NullTest *) node)->nulltesttype);
			add(meaning, ((NullTest *) node)->argisrow);
			break;
		case T_BooleanTest:
			add(meaning, ((BooleanTest *) node)->booltesttype);
			break;
		case T_CoerceToDomain:
			add(meaning, ((CoerceToDomain *) node)->resulttype);
			break;
		case T_CoerceToDomainValue:
			add(meaning, ((CoerceToDomainValue *) node)->typeId);
			break;
		case T_SetToDefault:
			add(meaning, ((SetToDefault *) node)->typeId);
			break;
		case T_CurrentOfExpr:
			add(meaning, ((CurrentOfExpr *) node)->cvarno);
			break;
		case T_NextValueExpr:
			add(meaning, ((NextValueExpr *) node)->seqid);
			break;
		case T_TargetEntry:
			add(meaning, ((TargetEntry *) node)->resno);
			add(meaning, ((TargetEntry *) node)->ressortgroupref);
			add(meaning, ((TargetEntry *) node)->resjunk);
			break;
		case T_RangeTblRef:
			add(meaning, ((RangeTblRef *) node)->rtindex);
			break;
		case T_JoinExpr:
			add(meaning, ((JoinExpr *) node)->jointype);
			add(meaning, ((JoinExpr *) node)->rtindex);
			break;
		case T_OnConflictExpr:
			add(meaning, ((OnConflictExpr *) node)->action);
			add(meaning, ((OnConflictExpr *) node)->constraint);
			break;
		case T_SortGroupClause:
			add(meaning, ((SortGroupClause *) node)->tleSortGroupRef);
			add(meaning, ((SortGroupClause *) node)->eqop);
			add(meaning, ((SortGroupClause *) node)->sortop);
			add(meaning, ((SortGroupClause *) node)->nulls_first);
			break;
		case T_GroupingSet:
			add(meaning, ((GroupingSet *) node)->kind);
			break;
		case T_WindowClause:
			add(meaning, ((WindowClause *) node)->winref);
			add(meaning, ((WindowClause *) node)->frameOptions);
			add(meaning, ((WindowClause *) node)->startInRangeFunc);
			add(meaning, ((WindowClause *) node)->endInRangeFunc);
			break;
		case T_CommonTableExpr:
			add(meaning, ((CommonTableExpr *) node)->ctematerialized);
			add(meaning, ((CommonTableExpr *) node)->cterecursive);
			break;
		case T_SetOperationStmt:
			add(meaning, ((SetOperationStmt *) node)->op);
			add(meaning, ((SetOperationStmt *) node)->all);
			add_oids(meaning, ((SetOperationStmt *) node)->colTypes);
			add_oids(meaning, ((SetOperationStmt *) node)->colCollations);
			break;
		case T_RangeTblFunction:
			add_oids(meaning, ((RangeTblFunction *) node)->funccoltypes);
			break;
		case T_TableFunc:
			add_oids(meaning, ((TableFunc *) node)->coltypes);
			add(meaning, (uint64) ((TableFunc *) node)->ordinalitycol);
			break;
		case T_TableSampleClause:
			add(meaning, ((TableSampleClause *) node)->tsmhandler);
			break;
		default:
			break;
	}
}

static bool
add_tree(Node *node, Meaning * meaning)
{
	if (node == NULL)
	{
		add(meaning, T_Invalid);
		return false;
	}
	switch (nodeTag(node))
	{
		case T_Const:
			add_value(meaning, ((Const *) node)->consttype,
					  ((Const *) node)->constcollid);
			return false;
		case T_Param:
			add_value(meaning, ((Param *) node)->paramtype,
					  ((Param *) node)->paramcollid);
			return false;
		case T_CoerceToDomain:
			/* a value that is written into the text in place of a parameter */
			if (IsA(((CoerceToDomain *) node)->arg, Const) ||
				IsA(((CoerceToDomain *) node)->arg, Param))
			{
				add_value(meaning, ((CoerceToDomain *) node)->resulttype,
						  ((CoerceToDomain *) node)->resultcollid);
				return false;
			}
			break;
		case T_RangeTblEntry:
			/* what is in it comes next */
			add_relation(meaning, (RangeTblEntry *) node);
			return false;
		case T_Query:
			add(meaning, T_Query);
			add_query(meaning, (Query *) node);
			(void) query_tree_walker((Query *) node, add_tree, meaning,
									 QTW_EXAMINE_RTES_BEFORE |
									 QTW_EXAMINE_SORTGROUP);
			add(meaning, T_Query);
			return false;
		default:
			break;
	}
	add(meaning, nodeTag(node));
	add_node(meaning, node);
	return expression_tree_walker(node, add_tree, meaning);
}

uint64
origin_meaning(Query *query)
{
	Meaning		meaning = {0};

	(void) add_tree((Node *) query, &meaning);
	return meaning.hash;
}

/*
 * As a string
 */

void
origin_append(StringInfo buf, Query *query, int nparams,
			  const int *constants, int nconstants)
{
	TypeCollector collector = {nparams, constants, nconstants, NULL};
	int			ntypes = nparams + nconstants;

	if (ntypes <= MAX_PARAM_TYPES &&
		strlen(namespace_search_path) <= MAX_SEARCH_PATH)
	{
		collector.types = palloc0_array(Oid, ntypes + 1);
		(void) query_tree_walker(query, collect_types, &collector, 0);
		appendStringInfo(buf, UINT64_FORMAT ":", origin_meaning(query));
		for (int i = 0; i < ntypes; i++)
			appendStringInfo(buf, "%s%u", i > 0 ? "," : "",
							 collector.types[i]);
		appendStringInfo(buf, ":%s", namespace_search_path);
		pfree(collector.types);
	}
	appendStringInfoChar(buf, '\0');
}

bool
origin_read(const char *string, StatementOrigin *origin)
{
	char	   *p;

	if (string == NULL || *string < '0' || *string > '9')
		return false;
	origin->meaning = strtou64(string, &p, 10);
	origin->nparams = 0;
	origin->param_types = palloc_array(Oid, MAX_PARAM_TYPES);
	if (*p++ != ':')
		return false;
	while (*p >= '0' && *p <= '9' && origin->nparams < MAX_PARAM_TYPES)
	{
		origin->param_types[origin->nparams++] = (Oid) strtoul(p, &p, 10);
		if (*p != ',')
			break;
		p++;
	}
	if (*p != ':')
		return false;
	origin->search_path = p + 1;
	return true;
}

const char *
origin_behind(const char *tables)
{
	while (*tables != '\0')
		tables += strlen(tables) + 1;
	return tables + 1;
}

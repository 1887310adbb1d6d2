/*-------------------------------------------------------------------------
 *
 * hypothetical.c
 *		What a statement would cost with an index that is not there.
 *
 * HypoPG shows its indexes to the planner during EXPLAIN only, so an EXPLAIN
 * it is, of the Query at hand: that one may have parameters without values,
 * and gets the plan that serves them all.
 *
 * Planning evaluates functions of the statement: the caller has seen to it
 * that none of them may do harm, see trust.h.
 *
 * src/rewrite/hypothetical.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/genam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/namespace.h"
#include "catalog/pg_extension.h"
#include "catalog/pg_type.h"
#include "commands/extension.h"
#include "executor/spi.h"
#include "executor/tuptable.h"
#include "fmgr.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "optimizer/paths.h"
#include "parser/parse_func.h"
#include "tcop/dest.h"
#include "tcop/utility.h"
#include "utils/builtins.h"
#include "utils/fmgroids.h"
#include "utils/lsyscache.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "rewrite/hypothetical.h"

typedef struct IndexTrial
{
	const Query *query;
	const char *text;
	const char *create_index;
	char	   *function;		/* hypopg_create_index, as to be called */
	Oid			drop_function;
	Oid			index;			/* InvalidOid: not there */
	bool		used;
	double		cost;			/* negative: not known */
} IndexTrial;

/* Takes the lines of an EXPLAIN */
typedef struct ExplainReceiver
{
	DestReceiver pub;
	IndexTrial *trial;
} ExplainReceiver;

static bool
receive_line(TupleTableSlot *slot, DestReceiver *self)
{
	IndexTrial *trial = ((ExplainReceiver *) self)->trial;
	Datum		value;
	bool		isnull;
	const char *line;
	const char *cost;

	value = slot_getattr(slot, 1, &isnull);
	if (isnull)
		return true;
	line = TextDatumGetCString(value);
	cost = strstr(line, "(cost=");
	if (trial->cost < 0 && cost != NULL)
	{
		cost = strstr(cost, "..");
		if (cost != NULL)
			trial->cost = strtod(cost + 2, NULL);
	}
	/* HypoPG puts the OID in front of its names */
	if (OidIsValid(trial->index) &&
		strstr(line, psprintf("<%u>", trial->index)) != NULL)
		trial->used = true;
	return true;
}

static void
receive_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
}

static void
receive_end(DestReceiver *self)
{
}

/* GuardedCallback: makes the index */
static void
create_index(void *arg)
{
	IndexTrial *trial = (IndexTrial *) arg;
	Oid			types[1] = {TEXTOID};
	Datum		values[1];
	bool		isnull;

	SPI_connect();
	values[0] = CStringGetTextDatum(trial->create_index);
	if (SPI_execute_with_args(trial->function, 1, types, values, NULL, false,
							  1) == SPI_OK_SELECT && SPI_processed == 1)
		trial->index =
			DatumGetObjectId(SPI_getbinval(SPI_tuptable->vals[0],
										   SPI_tuptable->tupdesc, 1, &isnull));
	SPI_finish();
}

/*
 * The planner looks for interrupts nowhere; while a statement is planned here,
 * it does so for each join that it considers.
 */
static bool planning = false;
static bool hooked = false;
static set_join_pathlist_hook_type next_set_join_pathlist_hook = NULL;

static void
qw_set_join_pathlist(PlannerInfo * root, RelOptInfo * joinrel,
					 RelOptInfo * outerrel, RelOptInfo * innerrel,
					 JoinType jointype, JoinPathExtraData * extra)
{
	if (planning)
		CHECK_FOR_INTERRUPTS();
	if (next_set_join_pathlist_hook != NULL)
		next_set_join_pathlist_hook(root, joinrel, outerrel, innerrel,
									jointype, extra);
}

/* GuardedCallback: plans the statement */
static void
explain(void *arg)
{
	IndexTrial *trial = (IndexTrial *) arg;
	ExplainStmt *explain_statement = makeNode(ExplainStmt);
	PlannedStmt *utility = makeNode(PlannedStmt);
	ExplainReceiver receiver = {
		.pub = {
			.receiveSlot = receive_line,
			.rStartup = receive_startup,
			.rShutdown = receive_end,
			.rDestroy = receive_end,
			.mydest = DestNone,
		},
		.trial = trial
	};

	explain_statement->query = (Node *) copyObject(trial->query);
	explain_statement->options = compat_explain_any_values();
	utility->commandType = CMD_UTILITY;
	utility->canSetTag = false;
	utility->utilityStmt = (Node *) explain_statement;
	utility->stmt_location = -1;

	trial->cost = -1;
	trial->used = false;
	ProcessUtility(utility, trial->text, false, PROCESS_UTILITY_QUERY, NULL,
				   NULL, &receiver.pub, NULL);
}

/* Schema of an extension; there is a function for it, since 16 only */
static Oid
extension_schema(Oid extension)
{
	Relation	rel = table_open(ExtensionRelationId, AccessShareLock);
	ScanKeyData key;
	SysScanDesc scan;
	HeapTuple	tuple;
	Oid			result = InvalidOid;

	ScanKeyInit(&key, Anum_pg_extension_oid, BTEqualStrategyNumber, F_OIDEQ,
				ObjectIdGetDatum(extension));
	scan = systable_beginscan(rel, ExtensionOidIndexId, true, NULL, 1, &key);
	tuple = systable_getnext(scan);
	if (HeapTupleIsValid(tuple))
		result = ((Form_pg_extension) GETSTRUCT(tuple))->extnamespace;
	systable_endscan(scan);
	table_close(rel, AccessShareLock);
	return result;
}

/*
 * GuardedCallback: finds HypoPG's functions.  It is not there for a role that
 * may not use its schema.
 */
static void
find_hypopg(void *arg)
{
	IndexTrial *trial = (IndexTrial *) arg;
	Oid			extension = get_extension_oid("hypopg", true);
	char	   *schema;
	Oid			types[1] = {OIDOID};

	if (!OidIsValid(extension))
		return;
	schema = get_namespace_name(extension_schema(extension));
	if (schema == NULL)
		return;
	trial->function = psprintf("SELECT indexrelid FROM %s($1)",
							   quote_qualified_identifier(schema,
														  "hypopg_create_index"));
	trial->drop_function =
		LookupFuncName(list_make2(makeString(schema),
								  makeString("hypopg_drop_index")),
					   1, types, true);
}

/* Plans the statement; false if that cannot be done */
static bool
plan(IndexTrial *trial)
{
	volatile bool done = false;

	/* joins of users are to cost no more than without it */
	if (!hooked)
	{
		next_set_join_pathlist_hook = set_join_pathlist_hook;
		set_join_pathlist_hook = qw_set_join_pathlist;
		hooked = true;
	}
	planning = true;
	PG_TRY();
	{
		done = guarded_look(explain, trial) && trial->cost >= 0;
	}
	PG_FINALLY();
	{
		planning = false;
		/* unless a library has put its own before it meanwhile */
		if (set_join_pathlist_hook == qw_set_join_pathlist)
		{
			set_join_pathlist_hook = next_set_join_pathlist_hook;
			hooked = false;
		}
	}
	PG_END_TRY();
	return done;
}

bool
hypothetical_costs(const Query *query, const char *text,
				   const char *create_index_text, HypotheticalCosts *costs)
{
	IndexTrial	trial = {query, text, create_index_text};
	volatile bool done;

	if (!guarded_look(find_hypopg, &trial) ||
		!OidIsValid(trial.drop_function) ||
		!plan(&trial))
		return false;
	costs->without = trial.cost;

	if (!guarded_look(create_index, &trial) || !OidIsValid(trial.index))
		return false;
	PG_TRY();
	{
		done = plan(&trial);
	}
	PG_FINALLY();
	{
		/* takes it off a list in this backend's memory */
		(void) OidFunctionCall1(trial.drop_function,
								ObjectIdGetDatum(trial.index));
	}
	PG_END_TRY();
	costs->with = trial.cost;
	costs->used = trial.used && trial.cost < costs->without;
	return done;
}

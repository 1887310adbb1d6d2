/*-------------------------------------------------------------------------
 *
 * triggerscans.c
 *		Watches the queries of foreign keys' triggers.
 *
 * A query's time is that from its start until its memory goes, which a callback
 * of its memory context sees: that is where its rows are read, too.
 *
 * src/statements/triggerscans.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "executor/executor.h"
#include "nodes/nodeFuncs.h"
#include "optimizer/optimizer.h"
#include "utils/rel.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "rewrite/foreignkeys.h"
#include "statements/planwaste.h"
#include "statements/triggerscans.h"

/* Tables watched for a statement */
#define MAX_TABLES		4

/* Less of a statement's time is not looked into; ns */
#define WORTH_A_LOOK	500000

/* Scans whose rows are counted: the first of a statement, then every so many */
#define COUNTED_FIRST	4
#define COUNTED_STEP	16

/* The scans of one table by one set of columns */
typedef struct TableScans
{
	Oid			relid;
	int			ncolumns;
	AttrNumber	columns[INDEX_MAX_KEYS];	/* ascending */
	int64		scans;
	int64		counted;		/* of these, with their rows */
	double		rows;
	uint64		time;			/* ns */
}			TableScans;

/* A query that runs; lies in its memory */
typedef struct WatchedQuery
{
	PlanState  *planstate;
	TableScans *table;
	uint64		statement;		/* as statements_watched was */
	bool		counted;
	uint64		start;
	MemoryContextCallback callback;
}			WatchedQuery;

bool		triggerscans_on = false;

static uint64 statements_watched = 0;
static TableScans tables[MAX_TABLES];
static int	ntables;
static uint32 queries;			/* of this statement */

/*
 * Is it a text that ri_triggers.c writes?  Another that begins like it could be
 * a trigger function's: by what columns it scans is asked later.
 */
static bool
is_foreign_key_text(const char *text)
{
	static const char *const beginnings[] = {
		"SELECT 1 FROM ", "DELETE FROM ", "UPDATE "
	};

	for (int i = 0; i < lengthof(beginnings); i++)
	{
		size_t		length = strlen(beginnings[i]);

		if (strncmp(text, beginnings[i], length) != 0)
			continue;
		text += length;
		if (strncmp(text, "ONLY ", 5) == 0)
			text += 5;
		return *text == '"';
	}
	return false;
}

bool
triggerscans_wanted(QueryDesc *queryDesc)
{
	if (queryDesc->plannedstmt->planTree->total_cost < TRIGGERSCANS_COST ||
		queryDesc->sourceText == NULL ||
		!is_foreign_key_text(queryDesc->sourceText))
		return false;
	if (queries < COUNTED_FIRST || queries % COUNTED_STEP == 0)
		queryDesc->instrument_options |= INSTRUMENT_ROWS;
	queries++;
	return true;
}

static bool
find_scan(PlanState * node, void *context)
{
	if (IsA(node, SeqScanState))
	{
		*(ScanState * *) context = (ScanState *) node;
		return true;
	}
	return planstate_tree_walker(node, find_scan, context);
}

static bool
add_rows(PlanState * node, void *context)
{
	if (IsA(node, SeqScanState) && node->instrument != NULL)
		*(double *) context += node->instrument->ntuples +
			node->instrument->tuplecount + node->instrument->nfiltered1;
	return planstate_tree_walker(node, add_rows, context);
}

/* MemoryContextCallback: the query is over */
static void
query_over(void *arg)
{
	WatchedQuery *query = arg;

	if (!triggerscans_on || query->statement != statements_watched)
		return;
	query->table->scans++;
	query->table->time += compat_clock() - query->start;
	if (query->counted)
	{
		query->table->counted++;
		(void) add_rows(query->planstate, &query->table->rows);
	}
}

/* The place for a scan; NULL: there is no more room, or it has no condition */
static TableScans *
place_of(const ScanState * scan)
{
	TableScans	one = {0};
	Bitmapset  *columns = NULL;
	int			column = -1;

	one.relid = RelationGetRelid(scan->ss_currentRelation);
	pull_varattnos((Node *) scan->ps.plan->qual,
				   ((const Scan *) scan->ps.plan)->scanrelid, &columns);
	while ((column = bms_next_member(columns, column)) >= 0)
	{
		AttrNumber	attnum = column + FirstLowInvalidHeapAttributeNumber;

		if (attnum <= 0 || one.ncolumns >= INDEX_MAX_KEYS)
			return NULL;
		one.columns[one.ncolumns++] = attnum;
	}
	if (one.ncolumns == 0)
		return NULL;
	for (int i = 0; i < ntables; i++)
	{
		if (tables[i].relid == one.relid &&
			tables[i].ncolumns == one.ncolumns &&
			memcmp(tables[i].columns, one.columns, sizeof(one.columns)) == 0)
			return &tables[i];
	}
	if (ntables >= MAX_TABLES)
		return NULL;
	tables[ntables] = one;
	return &tables[ntables++];
}

void
triggerscans_started(QueryDesc *queryDesc)
{
	MemoryContext context = queryDesc->estate->es_query_cxt;
	MemoryContext old_context = MemoryContextSwitchTo(context);
	ScanState  *scan = NULL;
	TableScans *table = NULL;

	(void) find_scan(queryDesc->planstate, &scan);
	if (scan != NULL && scan->ss_currentRelation != NULL)
		table = place_of(scan);
	if (table != NULL)
	{
		WatchedQuery *query = palloc0_object(WatchedQuery);

		query->planstate = queryDesc->planstate;
		query->table = table;
		query->statement = statements_watched;
		query->counted = (queryDesc->instrument_options & INSTRUMENT_ROWS) != 0;
		query->callback.func = query_over;
		query->callback.arg = query;
		MemoryContextRegisterResetCallback(context, &query->callback);
		query->start = compat_clock();
	}
	MemoryContextSwitchTo(old_context);
}

bool
triggerscans_begin(void)
{
	if (triggerscans_on)
		return false;
	statements_watched++;
	ntables = 0;
	queries = 0;
	triggerscans_on = true;
	return true;
}

/* GuardedCallback: which foreign key was it? */
static void
find_foreign_key(void *arg)
{
	WastedTriggers *triggers = arg;
	const		TableScans *worst = &tables[0];
	UnindexedKey key;

	for (int i = 1; i < ntables; i++)
	{
		if (tables[i].time > worst->time)
			worst = &tables[i];
	}
	if (worst->counted == 0 ||
		!foreignkeys_of_columns(worst->relid, worst->columns, worst->ncolumns,
								&key))
		return;
	triggers->constraint = key.constraint;
	triggers->relid = key.relid;
	triggers->executions = 1;
	triggers->scans = worst->scans;
	triggers->rows = (int64) (worst->rows / worst->counted * worst->scans);
	triggers->time = (int64) worst->time;
}

void
triggerscans_end(const StatementKey *key)
{
	PlanWaste	waste = {0};
	uint64		time = 0;

	triggerscans_on = false;
	for (int i = 0; i < ntables; i++)
		time = Max(time, tables[i].time);
	if (key == NULL || time < WORTH_A_LOOK ||
		!guarded_call_early(find_foreign_key, &waste.triggers) ||
		waste.triggers.executions == 0)
		return;
	waste.key = *key;
	planwaste_add(&waste);
}

/*-------------------------------------------------------------------------
 *
 * facts.c
 *		What a statement wastes, as its executions showed it.
 *
 * src/statements/facts.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/detoast.h"
#include "access/htup_details.h"
#include "common/pg_prng.h"
#include "executor/hashjoin.h"
#include "executor/nodeAgg.h"
#include "miscadmin.h"
#include "nodes/nodeFuncs.h"
#include "storage/lwlock.h"
#include "storage/proc.h"
#include "utils/array.h"
#include "utils/builtins.h"
#include "utils/fmgrprotos.h"
#include "utils/rel.h"
#include "utils/tuplesort.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "statements/facts.h"
#include "statements/planlook.h"
#include "statements/statements.h"

/* Results of the client's, on average, of which one is measured */
#define MEASURE_STEP	32

/* Columns of a row that are measured */
#define MEASURED_COLUMNS	64

/* Waiting sessions that are asked for whom they wait */
#define MAX_WAITERS		16

int			facts_countdown = 1;
QueryDesc  *facts_query = NULL;

/*
 * The receiver that measures.  One is enough: only the client's statements
 * are measured, and one is over before the next one runs.
 */
static struct
{
	DestReceiver receiver;		/* must be first */
	DestReceiver *next;			/* the statement's own */
	int			natts;
	uint32		rows;
	int64		bytes;
	int64		columns[MEASURED_COLUMNS];
}			measuring;

static uint32
add_uint32(uint32 a, uint32 b)
{
	return a > PG_UINT32_MAX - b ? PG_UINT32_MAX : a + b;
}

static uint32
as_uint32(int64 a)
{
	return (uint32) Min(Max(a, 0), (int64) PG_UINT32_MAX);
}

void
facts_add(StatementFacts *a, const StatementFacts *b)
{
	a->large_rows += b->large_rows;
	a->large_time += b->large_time;
	a->large_calls = add_uint32(a->large_calls, b->large_calls);
	a->max_rows = Max(a->max_rows, b->max_rows);

	a->offset_rows += b->offset_rows;
	a->offset_time += b->offset_time;
	a->offset_calls = add_uint32(a->offset_calls, b->offset_calls);
	a->max_offset = Max(a->max_offset, b->max_offset);

	a->spill_time += b->spill_time;
	a->spill_calls = add_uint32(a->spill_calls, b->spill_calls);
	a->max_spill_blocks = Max(a->max_spill_blocks, b->max_spill_blocks);
	a->work_mem = Max(a->work_mem, b->work_mem);
	a->work_mem_had = Max(a->work_mem_had, b->work_mem_had);
	a->spilled |= b->spilled;

	a->idle_calls = add_uint32(a->idle_calls, b->idle_calls);
	a->idle_time += b->idle_time;
	a->max_idle = Max(a->max_idle, b->max_idle);
	a->blocked = Max(a->blocked, b->blocked);

	a->timeout_time += b->timeout_time;

	a->observed = (uint16) Min(a->observed + b->observed, PG_UINT16_MAX);
	if (b->scans > 0)
	{
		/* another table's scan counts from when it is the worse one */
		if (a->scan_relid != b->scan_relid &&
			(a->scans == 0 ||
			 (double) b->scan_discarded / b->scans >
			 (double) a->scan_discarded / a->scans))
		{
			a->scan_relid = b->scan_relid;
			a->scans = 0;
			a->scan_read = a->scan_discarded = 0;
		}
		if (a->scan_relid == b->scan_relid)
		{
			a->scans = add_uint32(a->scans, b->scans);
			a->scan_read += b->scan_read;
			a->scan_discarded += b->scan_discarded;
			a->scan_columns = b->scan_columns;
		}
	}

	if (b->rows_measured > 0)
	{
		a->rows_measured = add_uint32(a->rows_measured, b->rows_measured);
		a->row_bytes += b->row_bytes;
		memcpy(a->widest, b->widest, sizeof(a->widest));
		memcpy(a->widest_relid, b->widest_relid, sizeof(a->widest_relid));
		memcpy(a->widest_bytes, b->widest_bytes, sizeof(a->widest_bytes));
	}
}

/*
 * Plans
 */

void
facts_observe(QueryDesc *queryDesc, const StatementKey *key)
{
	StatementLocal *local;
	int			slot;
	int			needs;

	/* somebody else asked for instrumentation: nothing is to be added */
	if (queryDesc->instrument_options != 0)
		return;
	slot = statements_slot(key);
	if (slot < 0)
		return;
	local = statements_local(slot);
	if (local->scans_seen >= PLANLOOK_FIRST &&
		++local->scans_passed < PLANLOOK_STEP)
		return;

	needs = planlook_needs(queryDesc->plannedstmt);
	if (needs == 0)
		return;

	local->scans_seen++;
	local->scans_passed = 0;
	queryDesc->instrument_options |= needs;
}

/* What an index on a table would have spared; other waste goes elsewhere */
static void
add_plan(StatementFacts *facts, QueryDesc *queryDesc, const StatementKey *key)
{
	PlanLook	look;
	PlanWaste	waste = {0};

	facts->observed = 1;
	if (!planlook_end(queryDesc, &look))
		return;
	if (look.sequential)
	{
		facts->scans = 1;
		facts->scan_relid = look.scan.relid;
		facts->scan_read = look.scan.read;
		facts->scan_discarded = look.scan.discarded;
		facts->scan_columns = look.scan.columns;
		return;
	}
	waste.key = *key;
	waste.scan = look.scan;
	planwaste_add(&waste);
}

/*
 * Memory
 */

/* What would have kept everything in memory, in kB of work_mem */
typedef struct MemoryNeed
{
	double		kilobytes;
	double		spilled;		/* kB of files, all nodes' */
	uint8		by;				/* SPILL_... */
	bool		unknown;		/* a node may have written files that cannot
								 * be asked for it any more */
} MemoryNeed;

static void
need_memory(MemoryNeed *need, uint8 by, double kilobytes)
{
	need->by |= by;
	need->kilobytes = Max(need->kilobytes, kilobytes);
}

/*
 * A tuple takes more room in memory than on disk: the header of its chunk,
 * whose size may be rounded up to a power of two, and its SortTuple, in an
 * array that doubles as it grows.  Where there is nothing but a pointer to the
 * tuple in that array, ROWS_ROUNDING is enough for the narrowest.
 */
#define SORT_TUPLE_SIZE		24
#define CHUNK_ROUNDING		2.0
#define ROWS_ROUNDING		4.0

static double
tuples_of(PlanState * planstate)
{
	if (planstate->instrument)
		return planstate->instrument->ntuples +
			planstate->instrument->tuplecount;
	return planstate->plan->plan_rows;
}

static void
sort_need(MemoryNeed *need, Tuplesortstate * state, double tuples)
{
	TuplesortInstrumentation stats;

	tuplesort_get_stats(state, &stats);
	if (stats.spaceType == SORT_SPACE_TYPE_DISK)
		need_memory(need, SPILL_SORT, stats.spaceUsed * CHUNK_ROUNDING +
					2.0 * SORT_TUPLE_SIZE * tuples / 1024.0);
}

/*
 * A hash join that expects too much for its memory begins with batches: what
 * it expects has to fit too, with an array of buckets, and the part that is set
 * aside for common values.
 */
static void
hash_need(MemoryNeed *need, HashState * hash)
{
	HashJoinTable table = hash->hashtable;
	const		Plan *rows = outerPlan(hash->ps.plan);
	double		held;
	double		expected;

	if (table == NULL || table->nbatch <= 1)
		return;
	held = (double) table->nbatch * Max(table->spacePeak, table->spaceAllowed);
	expected = rows->plan_rows *
		(HJTUPLE_OVERHEAD + MAXALIGN(SizeofMinimalTupleHeader) +
		 MAXALIGN(rows->plan_width) + 2.0 * sizeof(HashJoinTuple)) *
		(100 + SKEW_HASH_MEM_PERCENT) / 100.0;
	need_memory(need, SPILL_HASH,
				Max(held, expected) / 1024.0 / hash_mem_multiplier);
}

/* Rows that a node keeps to return them again */
static void
rows_need(MemoryNeed *need, Tuplestorestate * rows)
{
	if (rows != NULL && !tuplestore_in_memory(rows))
		need_memory(need, SPILL_ROWS, need->spilled * ROWS_ROUNDING);
}

static bool
find_memory_need(PlanState * planstate, void *context)
{
	MemoryNeed *need = (MemoryNeed *) context;

	switch (nodeTag(planstate))
	{
		case T_SortState:
			{
				SortState  *sort = (SortState *) planstate;

				if (sort->sort_Done && sort->tuplesortstate != NULL)
					sort_need(need, (Tuplesortstate *) sort->tuplesortstate,
							  tuples_of(outerPlanState(planstate)));
			}
			break;
		case T_HashState:
			hash_need(need, (HashState *) planstate);
			break;
		case T_AggState:
			{
				AggState   *agg = (AggState *) planstate;

				/* rows that were put aside become groups, at worst one each */
				if (agg->hash_batches_used > 1)
					need_memory(need, SPILL_GROUPS,
								(agg->hash_mem_peak / 1024.0 +
								 agg->hash_disk_used * 3.0) /
								hash_mem_multiplier);

				/* DISTINCT and ORDER BY of aggregates sort, too */
				for (int i = 0; i < agg->numtrans; i++)
					need->unknown |= agg->pertrans[i].numSortCols > 0;
			}
			break;
		case T_MaterialState:
			rows_need(need, ((MaterialState *) planstate)->tuplestorestate);
			break;
		case T_CteScanState:
			{
				CteScanState *leader = ((CteScanState *) planstate)->leader;

				if (leader != NULL)
					rows_need(need, leader->cte_table);
			}
			break;
		case T_IncrementalSortState:
		case T_FunctionScanState:
		case T_TableFuncScanState:
		case T_RecursiveUnionState:
		case T_WindowAggState:
			need->unknown = true;
			break;
		case T_GatherState:
			if (((GatherState *) planstate)->nworkers_launched > 0)
				need->by |= SPILL_PARALLEL;
			break;
		case T_GatherMergeState:
			if (((GatherMergeState *) planstate)->nworkers_launched > 0)
				need->by |= SPILL_PARALLEL;
			break;
		default:
			break;
	}
	return planstate_tree_walker(planstate, find_memory_need, context);
}

/*
 * Where every file is that of a node that can be asked, what it needs is
 * predicted.  Else it is guessed from the files' size: by what a worker kept, a
 * plan without workers would have to keep all of it.
 */
static void
add_spill(StatementFacts *facts, QueryDesc *queryDesc, uint64 elapsed,
		  int64 spilled)
{
	MemoryNeed	need = {.spilled = spilled * (BLCKSZ / 1024.0)};

	facts->spill_calls = 1;
	facts->spill_time = (int64) elapsed;
	facts->max_spill_blocks = as_uint32(spilled);
	find_memory_need(queryDesc->planstate, &need);
	if (need.by == 0 || need.unknown || (need.by & SPILL_PARALLEL) != 0)
		need_memory(&need, SPILL_UNPREDICTED, need.spilled * ROWS_ROUNDING);
	if (need.kilobytes <= work_mem)
		need.by |= SPILL_UNPREDICTED;
	facts->spilled = need.by;
	facts->work_mem = (uint32) Min(need.kilobytes, (double) MAX_KILOBYTES);
	facts->work_mem_had = (uint32) work_mem;
}

/*
 * Widths
 */

static bool
measuring_receive(TupleTableSlot *slot, DestReceiver *self)
{
	if (measuring.rows < FACTS_MEASURED_ROWS)
	{
		TupleDesc	desc = slot->tts_tupleDescriptor;
		int			natts = Min(desc->natts, MEASURED_COLUMNS);

		slot_getallattrs(slot);
		measuring.rows++;
		measuring.natts = natts;
		for (int i = 0; i < natts; i++)
		{
			Form_pg_attribute attribute = TupleDescAttr(desc, i);
			int64		bytes = attribute->attlen;

			if (slot->tts_isnull[i])
				continue;
			if (bytes == -1)
				bytes = (int64) toast_raw_datum_size(slot->tts_values[i]) -
					VARHDRSZ;
			else if (bytes == -2)
				bytes = strlen(DatumGetCString(slot->tts_values[i]));
			measuring.bytes += bytes;
			measuring.columns[i] += bytes;
		}
	}
	return measuring.next->receiveSlot(slot, measuring.next);
}

static void
measuring_startup(DestReceiver *self, int operation, TupleDesc typeinfo)
{
	measuring.next->rStartup(measuring.next, operation, typeinfo);
}

static void
measuring_shutdown(DestReceiver *self)
{
	measuring.next->rShutdown(measuring.next);
}

static void
measuring_destroy(DestReceiver *self)
{
	measuring.next->rDestroy(measuring.next);
}

void
facts_measure(QueryDesc *queryDesc)
{
	facts_query = NULL;
	if (queryDesc->operation != CMD_SELECT ||
		(queryDesc->dest->mydest != DestRemote &&
		 queryDesc->dest->mydest != DestRemoteExecute))
		return;
	facts_countdown = 1 + (int)
		(pg_prng_uint32(&pg_global_prng_state) % (2 * MEASURE_STEP - 1));

	memset(&measuring, 0, sizeof(measuring));
	measuring.receiver.receiveSlot = measuring_receive;
	measuring.receiver.rStartup = measuring_startup;
	measuring.receiver.rShutdown = measuring_shutdown;
	measuring.receiver.rDestroy = measuring_destroy;
	measuring.receiver.mydest = queryDesc->dest->mydest;
	measuring.next = queryDesc->dest;
	queryDesc->dest = &measuring.receiver;
	facts_query = queryDesc;
}

static void
add_widths(StatementFacts *facts, QueryDesc *queryDesc)
{
	List	   *targets = queryDesc->plannedstmt->planTree->targetlist;

	if (measuring.rows == 0 ||
		(facts->large_calls == 0 &&
		 measuring.bytes / measuring.rows < FACTS_WIDE_ROW))
		return;
	facts->rows_measured = measuring.rows;
	facts->row_bytes = measuring.bytes;
	for (int place = 0; place < FACTS_WIDEST; place++)
	{
		int			widest = -1;

		for (int i = 0; i < measuring.natts; i++)
		{
			if (measuring.columns[i] > 0 &&
				(widest < 0 || measuring.columns[i] > measuring.columns[widest]))
				widest = i;
		}
		if (widest < 0)
			break;
		facts->widest[place] = widest + 1;
		if (widest < list_length(targets))
		{
			TargetEntry *target = list_nth_node(TargetEntry, targets, widest);

			if (OidIsValid(target->resorigtbl) && target->resorigcol > 0)
			{
				facts->widest_relid[place] = target->resorigtbl;
				facts->widest[place] = target->resorigcol;
			}
		}
		facts->widest_bytes[place] =
			as_uint32(measuring.columns[widest] / measuring.rows);
		measuring.columns[widest] = 0;
	}
}

/*
 * Ends of executions
 */

void
facts_end(QueryDesc *queryDesc, int slot, uint64 elapsed, uint64 rows,
		  int64 spilled)
{
	StatementFacts facts = {0};
	bool		any = false;

	if (rows >= FACTS_MANY_ROWS && queryDesc->operation == CMD_SELECT)
	{
		facts.large_calls = 1;
		facts.large_rows = (int64) rows;
		facts.large_time = (int64) elapsed;
		facts.max_rows = as_uint32((int64) rows);
		any = true;
	}
	if (facts_skipped(queryDesc) >= FACTS_DEEP_OFFSET)
	{
		facts.offset_calls = 1;
		facts.offset_rows = facts_skipped(queryDesc);
		facts.offset_time = (int64) elapsed;
		facts.max_offset = as_uint32(facts.offset_rows);
		any = true;
	}
	if (spilled > 0)
	{
		add_spill(&facts, queryDesc, elapsed, spilled);
		any = true;
	}
	if (queryDesc->instrument_options != 0 && facts_costly(queryDesc))
	{
		add_plan(&facts, queryDesc, &statements_local(slot)->key);
		any = true;
	}
	if (facts_query == queryDesc)
	{
		facts_query = NULL;
		add_widths(&facts, queryDesc);
		any = any || facts.rows_measured > 0;
	}
	if (any)
		statements_add_facts(slot, &facts);
}

void
facts_spilled(QueryDesc *queryDesc, int slot, uint64 elapsed, int64 spilled)
{
	StatementFacts facts = {0};

	add_spill(&facts, queryDesc, elapsed, spilled);
	statements_add_facts(slot, &facts);
}

void
facts_timeout(int slot, uint64 elapsed)
{
	StatementFacts facts = {0};

	facts.timeout_time = (int64) elapsed;
	statements_add_facts(slot, &facts);
}

/*
 * Idle transactions
 */

/* An unlocked look: does any session wait for a lock? */
static bool
somebody_waits(void)
{
	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		if (ProcGlobal->allProcs[i].waitLock != NULL)
			return true;
	}
	return false;
}

/* GuardedCallback: sessions that wait for this one */
static void
count_blocked(void *arg)
{
	uint32	   *blocked = (uint32 *) arg;
	int			asked = 0;

	for (uint32 i = 0; i < ProcGlobal->allProcCount; i++)
	{
		PGPROC	   *proc = &ProcGlobal->allProcs[i];
		int			pid = proc->pid;
		ArrayType  *blockers;
		int		   *pids;

		/* for whom it waits is found out under the locks */
		if (pid == 0 || proc == MyProc || proc->waitLock == NULL)
			continue;
		if (++asked > MAX_WAITERS)
			break;
		blockers = DatumGetArrayTypeP(DirectFunctionCall1(pg_blocking_pids,
														  Int32GetDatum(pid)));
		pids = (int *) ARR_DATA_PTR(blockers);
		for (int p = 0; p < ArrayGetNItems(ARR_NDIM(blockers),
										   ARR_DIMS(blockers)); p++)
		{
			if (pids[p] == MyProcPid)
			{
				(*blocked)++;
				break;
			}
		}
		pfree(blockers);
	}
}

void
facts_idle(int slot, uint64 idle)
{
	StatementKey key = statements_local(slot)->key;
	StatementFacts facts = {0};

	facts.idle_calls = 1;
	facts.idle_time = (int64) idle;
	facts.max_idle = as_uint32((int64) (idle / 1000000));
	if (somebody_waits())
		(void) guarded_call_early(count_blocked, &facts.blocked);
	if (statements_slot_holds(slot, &key))
		statements_add_facts(slot, &facts);
}

/*-------------------------------------------------------------------------
 *
 * suggest_plan.c
 *		Findings about plans in words.
 *
 * src/findings/suggest_plan.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"

#include "findings/suggest_internal.h"
#include "rewrite/foreignkeys.h"
#include "rewrite/indexes.h"

/*
 * Wasteful scans
 */

/* " by the index i", or "" */
static char *
index_text(const Finding *finding, const WastedScan *scan)
{
	char	   *name;

	if (!OidIsValid(scan->index))
		return "";
	name = is_here(finding) ? get_rel_name(scan->index) : NULL;
	return name ? psprintf("the index %s", name) : "an index";
}

static void
scan_evidence(StringInfo buf, const Finding *finding)
{
	const WastedScan *scan = &finding->statement->waste->scan;
	int64		read = scan->read / scan->executions;
	int64		discarded = scan->discarded / scan->executions;
	const char *table = is_here(finding) ? table_text(scan->relid) : "a table";
	const char *index = index_text(finding, scan);

	switch ((ScanWaste) scan->how)
	{
		case SCAN_WASTE_FILTER:
			appendStringInfo(buf, "each execution reads %s of %s%s%s%s and throws %s away",
							 counted(read, "row", "rows"), table,
							 *index ? " by " : "", index,
							 scan->ordered ? ", in the order of its LIMIT," : "",
							 count_text(discarded));
			break;
		case SCAN_WASTE_ENTRIES:
			appendStringInfo(buf, "each execution reads some %s of %s for %s of %s (as its blocks show): a column of the index has no condition, one behind it has",
							 counted(read, "entry", "entries"), index,
							 counted(read - discarded, "row", "rows"), table);
			break;
		case SCAN_WASTE_LOSSY:
			appendStringInfo(buf, "each execution checks %s of %s again and throws %s away, because its bitmap had no room to tell the rows of %s apart",
							 counted(read, "row", "rows"), table,
							 count_text(discarded),
							 counted(scan->pages, "page", "pages"));
			break;
		case SCAN_WASTE_RECHECK:
			appendStringInfo(buf, "each execution checks %s of %s again that %s found, and throws %s away",
							 counted(read, "row", "rows"), table,
							 *index ? index : "indexes",
							 count_text(discarded));
			break;
		case SCAN_WASTE_PAIRS:
			appendStringInfo(buf, "each execution compares %s of rows in a nested loop%s and throws %s away",
							 counted(read, "pair", "pairs"),
							 OidIsValid(scan->relid) ?
							 psprintf(", each row with all of %s,", table) : "",
							 count_text(discarded));
			break;
		case SCAN_WASTE_NONE:
			break;
	}
	appendStringInfo(buf, " (%s looked at)",
					 counted(scan->executions, "execution", "executions"));
}

/* What is to be done where no index is known that helps */
static char *
scan_remedy(const Finding *finding)
{
	const WastedScan *scan = &finding->statement->waste->scan;
	const char *column = is_here(finding) && scan->pattern > 0 ?
	get_attname(scan->relid, scan->pattern, true) : NULL;

	if (scan->how == SCAN_WASTE_LOSSY)
		return pstrdup("A larger work_mem for it keeps single rows in the bitmap: SET LOCAL work_mem, in its transaction. Or an index that finds fewer rows.");
	if (scan->how == SCAN_WASTE_RECHECK)
		return pstrdup("The index cannot decide the condition alone. A condition that more of its columns decide, or a B-tree index for a part of the condition, finds fewer rows.");
	if (scan->how == SCAN_WASTE_PAIRS)
		return pstrdup("A join by equality can be done by hashing or by an index. Where the condition has an OR, join twice and unite; where it is a range, an index on the inner table's column; where the planner expected few rows, ANALYZE.");
	if (column != NULL)
		return psprintf("An index for patterns serves it: USING gin (%s gin_trgm_ops), of the extension pg_trgm; for LIKE with a fixed beginning, a B-tree (%s text_pattern_ops).",
						quote_identifier(column), quote_identifier(column));
	if (scan->ordered)
		return pstrdup("An index that has the columns of the condition first and those of the ORDER BY behind them finds the rows at once; no column was found that one could begin with.");
	return pstrdup("If the condition is always the same, a partial index has its rows alone: CREATE INDEX ... WHERE, with the condition. Else ask for what an index can find.");
}

/* The index that helps; false if none is known */
static bool
scan_index(const Finding *finding, StringInfo evidence, Suggestion *result)
{
	const WastedScan *scan = &finding->statement->waste->scan;
	RewriteSource source;
	IndexAdvice advice = {.verdict = INDEX_NOT_ANALYZED};

	if (scan->how == SCAN_WASTE_LOSSY || !OidIsValid(scan->relid))
		return false;

	/* by a range, an index would find a good part of the table each time */
	if (scan->how == SCAN_WASTE_PAIRS &&
		scan->columns.columns[0].use != SCAN_EQUAL)
		return false;
	if (scan->how != SCAN_WASTE_PAIRS &&
		rewrite_source(finding, finding->statement, &source))
		(void) index_advice_whole(&source, scan->relid, &advice);
	if (advice.verdict == INDEX_NOT_ANALYZED &&
		scan_columns_any(&scan->columns))
		(void) index_of_scan(finding->key.userid, scan->relid, &scan->columns,
							 &advice);
	if (advice.verdict == INDEX_SERVED)
		result->dropped = true;
	if (advice.condition)
		appendStringInfo(evidence, "; condition: %s", advice.condition);
	if (advice.statement == NULL)
		return false;
	if (advice.tried)
	{
		appendStringInfo(evidence,
						 "; planner's cost %.0f, with the index %.0f (tried with HypoPG)",
						 advice.cost_without, advice.cost_with);
		result->confidence = CONFIDENCE_CONFIRMED;
	}
	result->rewrite = advice.statement;
	result->suggestion = psprintf("Create an index on %s (%s)%s.",
								  table_text(advice.relid), advice.columns,
								  scan->ordered ?
								  ": it finds the rows in the order of the LIMIT" : "");
	return strlen(result->suggestion) <= SUGGESTION_LENGTH;
}

void
suggest_scan(const Finding *finding, Suggestion *result)
{
	StringInfoData evidence;

	initStringInfo(&evidence);
	scan_evidence(&evidence, finding);
	if (!is_here(finding) || !scan_index(finding, &evidence, result))
		result->suggestion = scan_remedy(finding);
	result->evidence = evidence.data;
}

/*
 * Foreign keys without an index
 */

void
suggest_foreign_key(const Finding *finding, Suggestion *result)
{
	const		WastedTriggers *triggers = &finding->statement->waste->triggers;
	double		total = Max(finding->statement->counters.exec.total, 1);
	char	   *name = is_here(finding) ?
	get_constraint_name(triggers->constraint) : NULL;
	UnindexedKey key;

	result->evidence =
		psprintf("the triggers of %s, which has no index, read %s of %s in %s: %.0f %% of its time (mean of %s)",
				 name ? psprintf("the foreign key %s", name) : "a foreign key",
				 counted(triggers->rows / triggers->executions, "row", "rows"),
				 name ? table_text(triggers->relid) : "a table",
				 counted(Max(triggers->scans / triggers->executions, 1),
						 "scan", "scans"),
				 100.0 * Min(triggers->time / total, 1),
				 counted(triggers->executions, "execution", "executions"));
	result->suggestion = pstrdup("Create an index on the columns of the foreign key, in the table that references this one.");
	if (!is_here(finding))
		return;
	if (name == NULL || !foreignkeys_of_constraint(triggers->constraint, &key))
	{
		/* the constraint is gone, or an index is there by now */
		result->dropped = true;
		return;
	}
	result->rewrite = foreignkeys_index(&key);
	if (result->rewrite != NULL)
		result->suggestion =
			psprintf("Create an index on %s for its foreign key %s: its triggers find the rows by it.",
					 table_text(triggers->relid), name);
}

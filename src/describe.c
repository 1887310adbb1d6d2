/*-------------------------------------------------------------------------
 *
 * describe.c
 *		Text and shape of new statements.
 *
 * src/describe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "comment.h"
#include "describe.h"
#include "normalize.h"
#include "origin.h"
#include "secrets.h"
#include "settings.h"
#include "statements.h"

static void
store(int slot, const char *text, int length, const char *tables,
	  Size tables_length, const StatementShape *shape)
{
	if (length > qw_query_max_length)
		length = pg_mbcliplen(text, length, qw_query_max_length);
	statements_describe(slot, text, length, tables, tables_length, shape);
}

/* Narrows a source text to the statement, without the tags around it */
static void
find_statement(const char **text, int *location, int *length)
{
	normalize_clean(text, location, length);
	comment_strip(text, location, length);
	(void) secrets_cut(*text, length);
}

/* All that is allocated on the way goes with this context */
static MemoryContext
make_context(void)
{
	return AllocSetContextCreate(CurrentMemoryContext,
								 "pg_querywatch statement",
								 ALLOCSET_DEFAULT_SIZES);
}

void
describe_query(int slot, const char *text, int location, int length,
			   Query *query, const JumbleState *jstate)
{
	MemoryContext context = make_context();
	MemoryContext old = MemoryContextSwitchTo(context);
	StringInfoData tables;
	StatementShape shape;
	int		   *constants = NULL;
	int			nconstants = 0;

	initStringInfo(&tables);
	if (query->utilityStmt)
	{
		memset(&shape, 0, sizeof(shape));
		shape.command = SHAPE_UTILITY;
		shape.noutput = CreateCommandTag(query->utilityStmt);
		appendStringInfoChar(&tables, '\0');
	}
	else
		shape_of_query(query, jstate, &shape, &tables);

	find_statement(&text, &location, &length);
	if (jstate && jstate->clocations_count > 0)
		text = normalize_text(text, location, &length, jstate, &constants,
							  &nconstants);
	if (query->utilityStmt == NULL && jstate != NULL &&
		!JUMBLE_HAS_SQUASHED_LISTS(jstate))
		origin_append(&tables, query, jstate->highest_extern_param_id,
					  constants, nconstants);
	else
		appendStringInfoChar(&tables, '\0');
	store(slot, text, length, tables.data, tables.len, &shape);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
describe_plan(int slot, QueryDesc *queryDesc)
{
	const char *text = queryDesc->sourceText;
	int			location = queryDesc->plannedstmt->stmt_location;
	int			length = queryDesc->plannedstmt->stmt_len;
	MemoryContext context = make_context();
	MemoryContext old = MemoryContextSwitchTo(context);
	StringInfoData tables;
	StatementShape shape;

	initStringInfo(&tables);
	shape_of_plan(queryDesc->plannedstmt, &statements_local(slot)->shape,
				  &shape, &tables);
	/* how it was analysed is not known */
	appendStringInfoChar(&tables, '\0');
	find_statement(&text, &location, &length);
	text = normalize_unparsed(text, length);
	store(slot, text, strlen(text), tables.data, tables.len, &shape);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
describe_utility(int slot, CommandTag tag, const char *text, int length)
{
	StatementShape shape = {.command = SHAPE_UTILITY};
	int			location = 0;

	if (statements_described(slot))
		return;
	shape.noutput = tag;
	comment_strip(&text, &location, &length);
	store(slot, text, length, "\0", 2, &shape);
}

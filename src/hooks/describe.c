/*-------------------------------------------------------------------------
 *
 * describe.c
 *		Text and shape of new statements.
 *
 * src/hooks/describe.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "mb/pg_wchar.h"
#include "tcop/utility.h"
#include "utils/memutils.h"

#include "common/settings.h"
#include "hooks/describe.h"
#include "query/comment.h"
#include "query/normalize.h"
#include "query/secrets.h"
#include "rewrite/origin.h"
#include "statements/statements.h"

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

bool
describe_hides_constants(Node *utility)
{
	switch (nodeTag(utility))
	{
		case T_CallStmt:
		case T_CopyStmt:
		case T_CreateTableAsStmt:
		case T_DeclareCursorStmt:
		case T_ExecuteStmt:
		case T_ExplainStmt:
		case T_NotifyStmt:
		case T_PrepareStmt:
			return true;
		case T_TransactionStmt:
			return ((TransactionStmt *) utility)->gid != NULL;
		default:
			return false;
	}
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
	TextConstants constants;

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
	text = normalize_text(text, location, &length, jstate,
						  query->utilityStmt == NULL ||
						  describe_hides_constants(query->utilityStmt),
						  &constants);
	if (query->utilityStmt == NULL && jstate != NULL &&
		!JUMBLE_HAS_SQUASHED_LISTS(jstate))
		origin_append(&tables, query, constants.nparams, constants.places,
					  constants.nplaces);
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
	TextConstants constants;

	initStringInfo(&tables);
	shape_of_plan(queryDesc->plannedstmt, &statements_local(slot)->shape,
				  &shape, &tables);
	/* how it was analysed is not known */
	appendStringInfoChar(&tables, '\0');
	find_statement(&text, &location, &length);
	text = normalize_text(text, location, &length, NULL, true, &constants);
	store(slot, text, length, tables.data, tables.len, &shape);

	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

void
describe_utility(int slot, CommandTag tag, const char *text, int length,
				 bool hide)
{
	MemoryContext context;
	MemoryContext old;
	StatementShape shape = {.command = SHAPE_UTILITY};
	TextConstants constants;
	int			location = 0;

	if (statements_described(slot))
		return;
	shape.noutput = tag;
	comment_strip(&text, &location, &length);
	if (!hide)
	{
		store(slot, text, length, "\0", 2, &shape);
		return;
	}

	context = make_context();
	old = MemoryContextSwitchTo(context);
	text = normalize_text(text, location, &length, NULL, true, &constants);
	store(slot, text, length, "\0", 2, &shape);
	MemoryContextSwitchTo(old);
	MemoryContextDelete(context);
}

/*-------------------------------------------------------------------------
 *
 * lists.c
 *		Statements that differ in the length of a list only.
 *
 * They are told by their normalised texts, in which each constant is a $n: a
 * list of those is written as one of them, and a list of rows as one row.
 *
 * src/findings/lists.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "lib/stringinfo.h"
#include "parser/scansup.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"

#include "findings/lists.h"

#define MAX_DEPTH	32			/* of parentheses; what is deeper is not
								 * folded */

/*
 * Takes the last element of a list off again, with its comma, if the one before
 * it is the same and has a parameter.  Outside of parentheses only rows are
 * elements.
 */
static bool
fold(StringInfo buf, int element, int depth)
{
	int			length = buf->len - element;
	int			before = element - 1 - length;
	const char *text = buf->data;

	if (length <= 0 || before < 1 || text[element - 1] != ',' ||
		memcmp(text + before, text + element, length) != 0 ||
		memchr(text + element, '$', length) == NULL)
		return false;
	/* does the one before begin there? */
	if (text[element] != '(' &&
		(depth == 0 || (text[before - 1] != '(' && text[before - 1] != ',')))
		return false;
	buf->len = element - 1;
	return true;
}

/*
 * The text without blanks, numbers of parameters, and lengths of its lists;
 * false if it has no list of two or more.
 */
static bool
fold_lists(const char *text, StringInfo buf)
{
	int			element[MAX_DEPTH] = {0};	/* where the last one begins */
	int			depth = 0;
	bool		any = false;

	resetStringInfo(buf);
	for (const char *p = text; *p; p++)
	{
		if (scanner_isspace(*p))
			continue;
		if ((*p == ',' || *p == ')') && depth < MAX_DEPTH)
			any |= fold(buf, element[depth], depth);
		appendStringInfoCharMacro(buf, *p);
		if (*p == '$')
		{
			while (p[1] >= '0' && p[1] <= '9')
				p++;
		}
		else if (*p == '(')
			depth++;
		else if (*p == ')' && depth > 0)
			depth--;
		if ((*p == '(' || *p == ',') && depth < MAX_DEPTH)
			element[depth] = buf->len;

		/* a row is folded at once: more than a comma may follow the last */
		if (*p == ')' && depth < MAX_DEPTH)
			any |= fold(buf, element[depth], depth);
	}
	return any;
}

HTAB *
list_families(void)
{
	HASHCTL		control = {0};

	control.keysize = sizeof(StatementKey);
	control.entrysize = sizeof(ListFamily);
	control.hcxt = CurrentMemoryContext;
	return hash_create("pg_querywatch lists", 256, &control,
					   HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
}

ListFamily *
list_families_add(HTAB * families, const StatementRow *row)
{
	static StringInfoData folded;
	bool		has_list;
	StatementKey key;
	ListFamily *family;
	bool		found;

	if (row->text == NULL || strchr(row->text, '$') == NULL)
		return NULL;
	if (folded.data == NULL)
	{
		MemoryContext old = MemoryContextSwitchTo(TopMemoryContext);

		initStringInfo(&folded);
		MemoryContextSwitchTo(old);
	}
	has_list = fold_lists(row->text, &folded);

	key = statement_key(hash_bytes_extended((unsigned char *) folded.data,
											folded.len, 0),
						row->key.userid, row->key.dbid, row->key.toplevel);
	family = hash_search(families, &key, HASH_ENTER, &found);
	if (!found)
	{
		memset((char *) family + sizeof(StatementKey), 0,
			   sizeof(ListFamily) - sizeof(StatementKey));
		family->most_executions = -1;
		family->first_seen = row->stats_since;
	}
	family->statements++;
	family->lists += has_list;
	family->executions += row->counters.exec.count;
	family->first_seen = Min(family->first_seen, row->stats_since);
	family->last_seen = Max(family->last_seen, row->counters.last_seen);
	if (family->lists == 0 || family->statements == 1 ||
		row->counters.exec.count <= family->most_executions)
		return NULL;
	family->most_executions = row->counters.exec.count;
	family->example = row->key;
	return family;
}

/* StatementCallback */
static void
count_statement(void *arg, const StatementRow *row)
{
	(void) list_families_add(arg, row);
}

int64
lists_count(void)
{
	HTAB	   *families = list_families();
	HASH_SEQ_STATUS status;
	ListFamily *family;
	int64		count = 0;

	statements_read(true, count_statement, families);
	hash_seq_init(&status, families);
	while ((family = hash_seq_search(&status)) != NULL)
	{
		if (family->lists > 0)
			count += family->statements - 1;
	}
	hash_destroy(families);
	return count;
}

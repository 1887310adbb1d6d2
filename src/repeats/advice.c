/*-------------------------------------------------------------------------
 *
 * advice.c
 *		Messages of on_repeat: what was repeated, after what, and the cure.
 *
 * src/repeats/advice.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "utils/lsyscache.h"

#include "common/settings.h"
#include "repeats/advice.h"
#include "statements/statements.h"

/* Longest piece of a statement in a message, bytes */
#define MESSAGE_TEXT_LENGTH		300

const char *
repeat_kind_name(RepeatKind kind)
{
	switch (kind)
	{
		case REPEAT_N_PLUS_ONE:
			return "n_plus_one";
		case REPEAT_LOOKUP:
			return "repeated_lookup";
		case REPEAT_DUPLICATE:
			return "duplicate_query";
		case REPEAT_INSERT:
			return "row_by_row_insert";
		case REPEAT_UPDATE:
			return "row_by_row_update";
		case REPEAT_DELETE:
			return "row_by_row_delete";
		case REPEAT_DEEP_OFFSET:
			return "deep_offset";
		case REPEAT_NONE:
			break;
	}
	return "none";
}

const char *
repeat_confidence_name(RepeatConfidence confidence)
{
	switch (confidence)
	{
		case CONFIDENCE_SUSPECTED:
			return "suspected";
		case CONFIDENCE_LIKELY:
			return "likely";
		case CONFIDENCE_CONFIRMED:
			return "confirmed";
		case CONFIDENCE_NONE:
			break;
	}
	return "none";
}

const char *
repeat_relationship_name(RepeatRelationship relationship)
{
	switch (relationship)
	{
		case RELATIONSHIP_ONE_TO_MANY:
			return "one_to_many";
		case RELATIONSHIP_MANY_TO_ONE:
			return "many_to_one";
		case RELATIONSHIP_MANY_TO_MANY:
			return "many_to_many";
		case RELATIONSHIP_COUNT_OR_EXISTS:
			return "count_or_exists";
		case RELATIONSHIP_DEFERRED_COLUMN:
			return "deferred_column";
		case RELATIONSHIP_NONE:
			break;
	}
	return NULL;
}

static const char *
ellipsis(void)
{
	return GetDatabaseEncoding() == PG_UTF8 ? "\342\200\246" : "...";
}

/*
 * A statement in few words: on one line, its select list left out, cut.
 */
static char *
brief_text(const char *text)
{
	StringInfoData buf;
	const char *from = NULL;
	bool		space = false;

	initStringInfo(&buf);
	if (text == NULL)
	{
		appendStringInfoString(&buf, "(text not kept)");
		return buf.data;
	}
	if (pg_strncasecmp(text, "SELECT", 6) == 0)
	{
		int			depth = 0;

		/* the FROM that belongs to it */
		for (const char *p = text + 6; *p && from == NULL; p++)
		{
			if (*p == '(')
				depth++;
			else if (*p == ')')
				depth--;
			else if (depth == 0 && isspace((unsigned char) p[-1]) &&
					 pg_strncasecmp(p, "FROM", 4) == 0 &&
					 isspace((unsigned char) p[4]))
				from = p;
		}
		if (from && from - text > 20)
		{
			appendStringInfo(&buf, "SELECT %s ", ellipsis());
			text = from;
		}
	}
	for (const char *p = text; *p; p++)
	{
		if (isspace((unsigned char) *p))
		{
			space = buf.len > 0;
			continue;
		}
		if (space && buf.data[buf.len - 1] != ' ')
			appendStringInfoChar(&buf, ' ');
		space = false;
		appendStringInfoChar(&buf, *p);
	}
	if (buf.len > MESSAGE_TEXT_LENGTH)
	{
		buf.len = pg_mbcliplen(buf.data, buf.len, MESSAGE_TEXT_LENGTH);
		buf.data[buf.len] = '\0';
		appendStringInfoString(&buf, ellipsis());
	}
	return buf.data;
}

/* Tables of the parent, or a word for them */
static const char *
table_name(Oid relid, const char *otherwise)
{
	char	   *name = OidIsValid(relid) ? get_rel_name(relid) : NULL;

	return name ? name : otherwise;
}

Oid
main_table(const StatementShape *shape)
{
	if (OidIsValid(shape->target))
		return shape->target;
	return shape->nrelations > 0 ? shape->relations[0] : InvalidOid;
}

/* "posts.author_id", or the table where the column is not known */
static const char *
key_name(const BurstFacts *facts, const PatternStrings *strings)
{
	if (strings->key_column[0] != '\0')
		return strings->key_column;
	return table_name(main_table(&facts->shape), "a table");
}

static char *
message(const BurstFacts *facts, const RepeatVerdict *verdict,
		const PatternStrings *strings)
{
	const char *confidence = repeat_confidence_name(verdict->confidence);
	const char *relationship = repeat_relationship_name(verdict->relationship);
	const char *table = table_name(main_table(&facts->shape), "a table");
	uint64		n = facts->executions;

	switch (verdict->kind)
	{
		case REPEAT_N_PLUS_ONE:
			return psprintf("%s N+1%s%s%s: " UINT64_FORMAT " queries on %s after " UINT64_FORMAT " %s returned " UINT64_FORMAT " %s",
							confidence,
							relationship ? " (" : "",
							relationship ? relationship : "",
							relationship ? ")" : "",
							n, key_name(facts, strings),
							facts->parent_executions,
							facts->parent_executions == 1 ? "query" : "queries",
							facts->parent_rows,
							table_name(main_table(&facts->parent_shape), "rows"));
		case REPEAT_LOOKUP:
			return psprintf("%s repeated lookup: " UINT64_FORMAT " queries on %s, one value at a time",
							confidence, n, key_name(facts, strings));
		case REPEAT_DUPLICATE:
			return psprintf("%s duplicate query: " UINT64_FORMAT " times the same query on %s with the same values",
							confidence, n, table);
		case REPEAT_INSERT:
			return psprintf("%s row-by-row insert: " UINT64_FORMAT " single-row INSERTs into %s",
							confidence, n, table);
		case REPEAT_UPDATE:
			return psprintf("%s row-by-row update: " UINT64_FORMAT " single-row UPDATEs of %s",
							confidence, n, table);
		case REPEAT_DELETE:
			return psprintf("%s row-by-row delete: " UINT64_FORMAT " single-row DELETEs from %s",
							confidence, n, table);
		case REPEAT_DEEP_OFFSET:
			return psprintf("%s OFFSET pagination: " UINT64_FORMAT " pages of %s, the last one skips " UINT64_FORMAT " rows",
							confidence, n, table, facts->max_offset);
		case REPEAT_NONE:
			break;
	}
	return pstrdup(confidence);
}

/* Where the values came from */
static void
append_evidence(StringInfo buf, const BurstFacts *facts,
				const PatternStrings *strings)
{
	appendStringInfo(buf, "%s took ", strings->key_column);
	if (facts->keys_matched < facts->keys_compared)
		appendStringInfo(buf, "%d of ", facts->keys_matched);
	appendStringInfo(buf, "its %d values from %s; ", facts->keys_compared,
					 strings->parent_column);
}

static char *
detail(const StatementKey *key, const BurstFacts *facts,
	   const RepeatVerdict *verdict, const PatternStrings *strings)
{
	StringInfoData buf;
	char	   *text;

	initStringInfo(&buf);
	if (verdict->has_parent && strings->constraint_name[0] != '\0')
		appendStringInfo(&buf, "Foreign key %s; ", strings->constraint_name);
	if (verdict->has_parent && verdict->values == VALUES_CONFIRM &&
		strings->key_column[0] != '\0' && strings->parent_column[0] != '\0')
		append_evidence(&buf, facts, strings);
	else
		appendStringInfo(&buf, UINT64_FORMAT " distinct value%s; ",
						 facts->distinct_values,
						 facts->distinct_values == 1 ? "" : "s");
	if (verdict->one_transaction)
		appendStringInfoString(&buf, "same transaction.");
	else if (verdict->committed_alone)
		appendStringInfoString(&buf, "each committed alone.");
	else
		appendStringInfo(&buf, UINT64_FORMAT " transactions.",
						 facts->transactions);

	if (strings->nvalues > 0)
	{
		const char *value = strings->values;

		appendStringInfoString(&buf, " Example values: ");
		for (int i = 0; i < strings->nvalues; i++)
		{
			appendStringInfo(&buf, "%s%s", i > 0 ? ", " : "",
							 *value == PATTERN_VALUE_NULL ? "NULL" : value);
			value += strlen(value) + 1;
		}
		appendStringInfoChar(&buf, '.');
	}

	if (verdict->has_parent)
	{
		StatementKey parent = *key;

		parent.queryid = facts->parent_queryid;
		text = statements_text(&parent);
		if (text == NULL)
		{
			/* a cursor's query is kept as a nested statement */
			parent.toplevel = 0;
			text = statements_text(&parent);
		}
		appendStringInfo(&buf, " Parent: %s.", brief_text(text));
	}
	appendStringInfo(&buf, " Repeated: %s.", brief_text(statements_text(key)));
	if (strings->route[0] != '\0')
		appendStringInfo(&buf, " Route: %s.", strings->route);
	return buf.data;
}

/* Loaders of the ORMs, by relationship */
typedef enum Orm
{
	ORM_SQLALCHEMY,
	ORM_DJANGO,
	ORM_RAILS,
	ORM_HIBERNATE,
	NORMS
} Orm;

static const char *const orm_names[NORMS] = {
	"SQLAlchemy", "Django", "Rails", "Hibernate"
};

static const char *const to_many_loaders[NORMS] = {
	"selectinload", "prefetch_related", "includes", "@BatchSize or join fetch"
};

static const char *const to_one_loaders[NORMS] = {
	"joinedload", "select_related", "includes", "join fetch"
};

static const char *const column_loaders[NORMS] = {
	"undefer", "no defer() or only()", "select the column",
	"fetch all properties"
};

static const char *const count_loaders[NORMS] = {
	"func.count() with group_by", "annotate(Count())", "group().count",
	"a query with GROUP BY"
};

static const char *const insert_writers[NORMS] = {
	"insert() with a list of rows", "bulk_create", "insert_all",
	"hibernate.jdbc.batch_size"
};

static const char *const update_writers[NORMS] = {
	"update() with a condition, or bulk parameters", "update() or bulk_update",
	"update_all or upsert_all", "an update query"
};

static const char *const delete_writers[NORMS] = {
	"delete() with a condition", "delete() of a queryset", "delete_all",
	"a delete query"
};

/* The ORM that the tags reveal, or NORMS */
static Orm
orm_of_tags(const char *framework)
{
	static const struct
	{
		const char *word;
		Orm			orm;
	}			words[] =
	{
		{"sqlalchemy", ORM_SQLALCHEMY},
		{"django", ORM_DJANGO},
		{"rails", ORM_RAILS},
		{"active_record", ORM_RAILS},
		{"activerecord", ORM_RAILS},
		{"hibernate", ORM_HIBERNATE}
	};
	char		lower[NAMEDATALEN];

	strlcpy(lower, framework, sizeof(lower));
	for (char *p = lower; *p; p++)
		*p = pg_tolower((unsigned char) *p);
	for (int i = 0; i < lengthof(words); i++)
	{
		const char *word = strstr(lower, words[i].word);

		/* Grails is not Rails */
		if (word != NULL &&
			(word == lower || !isalpha((unsigned char) word[-1])))
			return words[i].orm;
	}
	return NORMS;
}

/*
 * Does an alias of Hibernate's stand there: author0_.id, a1_0.id?  (Doctrine's
 * are a0_.)
 */
static bool
is_alias_of_hibernate(const char *text, const char *dot)
{
	const char *p = dot;
	const char *letters;
	bool		ends_in_digits;

	while (p > text && isdigit((unsigned char) p[-1]))
		p--;
	ends_in_digits = p < dot;
	if (p == text || p[-1] != '_')
		return false;
	p--;
	if (p == text || !isdigit((unsigned char) p[-1]))
		return false;
	while (p > text && isdigit((unsigned char) p[-1]))
		p--;
	letters = p;
	while (letters > text && isalpha((unsigned char) letters[-1]))
		letters--;
	if (letters == p)
		return false;
	if (!ends_in_digits)
		return p - letters > 1;

	/* with digits behind it, it is letters and nothing else before them */
	return letters == text || isspace((unsigned char) letters[-1]);
}

/* Is a column named as SQLAlchemy labels them: author.id AS author_id? */
static bool
is_label_of_sqlalchemy(const char *column)
{
	Size		table_length = strcspn(column, ". ,");
	const char *name = column + table_length + 1;
	Size		name_length;
	const char *label;

	if (table_length == 0 || column[table_length] != '.')
		return false;
	name_length = strcspn(name, ". ,");
	label = name + name_length;
	if (name_length == 0 || strncmp(label, " AS ", 4) != 0)
		return false;
	label += 4;
	return strncmp(label, column, table_length) == 0 &&
		label[table_length] == '_' &&
		strncmp(label + table_length + 1, name, name_length) == 0 &&
		strchr(", \n", label[table_length + 1 + name_length]) != NULL;
}

/* SELECT "author".* FROM "author" WHERE "author"."id" = ... */
static bool
is_select_of_rails(const char *text)
{
	const char *table;
	Size		length;
	const char *p;

	if (strncmp(text, "SELECT \"", 8) != 0)
		return false;
	table = text + 7;
	length = strcspn(table + 1, "\"") + 2;
	p = table + length;
	if (strncmp(p, ".* FROM ", 8) != 0 || strncmp(p + 8, table, length) != 0)
		return false;
	p = strstr(p + 8 + length, " WHERE ");
	return p != NULL && strncmp(p + 7, table, length) == 0 &&
		p[7 + length] == '.';
}

/* The ORM that a statement's text reveals, or NORMS */
static Orm
orm_of_text(const char *text)
{
	if (text == NULL)
		return NORMS;
	if (is_select_of_rails(text))
		return ORM_RAILS;
	/* people label columns like that too, but do not break the line so */
	if (strncmp(text, "SELECT ", 7) == 0 && is_label_of_sqlalchemy(text + 7) &&
		strstr(text, " \nFROM ") != NULL)
		return ORM_SQLALCHEMY;
	if (strncmp(text, "SELECT COUNT(*) AS \"__count\" FROM ", 34) == 0)
		return ORM_DJANGO;
	for (const char *p = strchr(text, '.'); p != NULL; p = strchr(p + 1, '.'))
	{
		if (is_alias_of_hibernate(text, p))
			return ORM_HIBERNATE;
	}
	return NORMS;
}

static Orm
orm_of(const char *framework, const char *text)
{
	Orm			orm = orm_of_tags(framework);

	return orm != NORMS ? orm : orm_of_text(text);
}

char *
advice_loaders(RepeatRelationship relationship, const StatementShape *shape,
			   const char *framework, const char *text)
{
	const char *const *loaders = to_many_loaders;
	Orm			orm = orm_of(framework, text);

	if (orm == NORMS)
		return "";
	if (advice_counts(relationship, shape))
		loaders = count_loaders;
	else if (relationship == RELATIONSHIP_DEFERRED_COLUMN)
		loaders = column_loaders;
	else if (relationship == RELATIONSHIP_MANY_TO_ONE)
		loaders = to_one_loaders;
	return psprintf(" %s: %s.", orm_names[orm], loaders[orm]);
}

char *
advice_writers(RepeatKind kind, const char *framework, const char *text)
{
	const char *const *writers =
	kind == REPEAT_INSERT ? insert_writers :
	kind == REPEAT_UPDATE ? update_writers : delete_writers;
	Orm			orm = orm_of(framework, text);

	if (orm == NORMS)
		return "";
	return psprintf(" (%s: %s)", orm_names[orm], writers[orm]);
}

char *
advice_readers(FetchAdvice what, const char *text)
{
	static const char *const readers[][NORMS] = {
		{"yield_per", "iterator()", "find_each",
		"a scrolled or streamed query"},
		{"load_only or defer", "only() or defer()", "select", "a projection"},
		{"select() of columns", "values()", "pluck", "a projection"}
	};
	Orm			orm = orm_of_text(text);

	if (orm == NORMS)
		return "";
	return psprintf(" (%s: %s)", orm_names[orm], readers[what][orm]);
}

static char *
hint(const BurstFacts *facts, const RepeatVerdict *verdict,
	 const PatternStrings *strings, const char *text)
{
	StringInfoData buf;
	const char *column = strrchr(strings->key_column, '.');

	column = column ? column + 1 : "key";
	initStringInfo(&buf);
	switch (verdict->kind)
	{
		case REPEAT_N_PLUS_ONE:
			if (verdict->relationship == RELATIONSHIP_DEFERRED_COLUMN)
			{
				appendStringInfoString(&buf,
									   "Fetch the column with the rows it belongs to.");
				appendStringInfoString(&buf,
									   advice_loaders(verdict->relationship,
													  &facts->shape,
													  strings->framework,
													  text));
				break;
			}
			if (advice_counts(verdict->relationship, &facts->shape))
			{
				appendStringInfo(&buf,
								 "One query does: SELECT %s, count(*) %s WHERE %s = ANY ($1) GROUP BY %s.",
								 column, ellipsis(), column, column);
				break;
			}
			appendStringInfo(&buf, "One query does: %s WHERE %s = ANY ($1).",
							 ellipsis(), column);
			appendStringInfoString(&buf, advice_loaders(verdict->relationship,
														&facts->shape,
														strings->framework,
														text));
			break;
		case REPEAT_LOOKUP:
			appendStringInfo(&buf, "One query does: %s WHERE %s = ANY ($1).",
							 ellipsis(), column);
			break;
		case REPEAT_DUPLICATE:
			appendStringInfoString(&buf,
								   "Ask once and keep the result for the rest of the request.");
			break;
		case REPEAT_INSERT:
			appendStringInfoString(&buf,
								   "Send the rows together: one INSERT with many rows of VALUES, or COPY from some thousand rows on; and commit once.");
			break;
		case REPEAT_UPDATE:
			appendStringInfo(&buf,
							 "One statement does: UPDATE %s FROM (VALUES %s) or unnest(); and commit once.",
							 ellipsis(), ellipsis());
			break;
		case REPEAT_DELETE:
			appendStringInfo(&buf,
							 "One statement does: DELETE %s WHERE %s = ANY ($1); and commit once.",
							 ellipsis(), column);
			break;
		case REPEAT_DEEP_OFFSET:
			appendStringInfoString(&buf,
								   "Remember the last row's sort key and ask for the rows after it (keyset pagination), instead of skipping those before.");
			break;
		case REPEAT_NONE:
			break;
	}
	return buf.data;
}

static int
sqlstate_of(RepeatKind kind)
{
	switch (kind)
	{
		case REPEAT_N_PLUS_ONE:
			return MAKE_SQLSTATE('Q', 'W', '0', '0', '1');
		case REPEAT_LOOKUP:
			return MAKE_SQLSTATE('Q', 'W', '0', '0', '2');
		case REPEAT_DUPLICATE:
			return MAKE_SQLSTATE('Q', 'W', '0', '0', '3');
		case REPEAT_DEEP_OFFSET:
			return MAKE_SQLSTATE('Q', 'W', '0', '0', '5');
		default:
			return MAKE_SQLSTATE('Q', 'W', '0', '0', '4');
	}
}

void
advice_report(OnRepeat level, const StatementKey *key,
			  const BurstFacts *facts, const RepeatVerdict *verdict,
			  const PatternStrings *strings)
{
	static const int elevels[] = {DEBUG5, LOG, NOTICE, WARNING, ERROR};
	Oid			table = OidIsValid(facts->key_relid) ? facts->key_relid :
	main_table(&facts->shape);
	char	   *name = OidIsValid(table) ? get_rel_name(table) : NULL;
	char	   *schema = name ?
	get_namespace_name(get_rel_namespace(table)) : NULL;
	char	   *column = name && table == facts->key_relid &&
	facts->key_attnum != 0 ?
	get_attname(table, facts->key_attnum, true) : NULL;
	const char *constraint = verdict->has_parent &&
	strings->constraint_name[0] != '\0' ? strings->constraint_name : NULL;

	ereport(elevels[level],
			(errcode(sqlstate_of(verdict->kind)),
			 errmsg_internal("%s", message(facts, verdict, strings)),
			 errdetail_internal("%s", detail(key, facts, verdict, strings)),
			 errhint("%s", hint(facts, verdict, strings,
								statements_text(key))),
	/* the server's log would have the statement with its constants */
			 errhidestmt(!qw_capture_parameters),
			 schema ? err_generic_string(PG_DIAG_SCHEMA_NAME, schema) : 0,
			 name ? err_generic_string(PG_DIAG_TABLE_NAME, name) : 0,
			 column ? err_generic_string(PG_DIAG_COLUMN_NAME, column) : 0,
			 constraint ? err_generic_string(PG_DIAG_CONSTRAINT_NAME,
											 constraint) : 0));
}

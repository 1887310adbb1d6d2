/*-------------------------------------------------------------------------
 *
 * columnnames.c
 *		What the names of columns say of the rows that they stand for.
 *
 * A column stands for a row of the table that it is called after: a key called
 * "id" for one of its own table, "project_id" for a project, "parent_id" for a
 * row of its own table.  Words are compared in the singular, in full and by
 * their last part: "issue_categories" and "category_id".
 *
 * src/detector/columnnames.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/columnnames.h"

/* What a column may stand for */
#define MAX_WORDS	4

typedef struct Words
{
	int			nwords;
	bool		of_table;		/* they are those of a table */
	char		words[MAX_WORDS][NAMEDATALEN];
} Words;

static inline bool
ends_with(const char *word, int length, const char *end)
{
	int			end_length = strlen(end);

	return length >= end_length &&
		memcmp(word + length - end_length, end, end_length) == 0;
}

/* Puts a word into the singular, as far as its end shows */
static void
make_singular(char *word)
{
	int			length = strlen(word);

	if (length > 4 && ends_with(word, length, "ies"))
		strcpy(word + length - 3, "y");
	else if (length > 4 &&
			 (ends_with(word, length, "sses") ||
			  ends_with(word, length, "uses") ||
			  ends_with(word, length, "xes") ||
			  ends_with(word, length, "ches")))
		word[length - 2] = '\0';
	else if (length > 2 && word[length - 1] == 's' &&
			 !ends_with(word, length, "ss") && !ends_with(word, length, "us"))
		word[length - 1] = '\0';
}

static void
add_word(Words *words, const char *word, int length)
{
	char	   *to;

	if (words->nwords == MAX_WORDS || length <= 0 || length >= NAMEDATALEN)
		return;
	to = words->words[words->nwords++];
	memcpy(to, word, length);
	to[length] = '\0';
	make_singular(to);
}

/* A table's name in full, and without its first part */
static void
add_table(Words *words, const char *table)
{
	const char *rest = strchr(table, '_');

	add_word(words, table, strlen(table));
	if (rest != NULL)
		add_word(words, rest + 1, strlen(rest + 1));
}

static bool
is_key_word(const char *column)
{
	return strcmp(column, "id") == 0 || strcmp(column, "uuid") == 0 ||
		strcmp(column, "pk") == 0 || strcmp(column, "uid") == 0;
}

static void
find_words(const ColumnName *name, Words *words)
{
	const char *column = name->column;
	const char *part = NULL;
	int			length = strlen(column);

	words->nwords = 0;
	words->of_table = false;
	if (is_key_word(column) ||
		(name->unique && !ends_with(column, length, "_id")))
	{
		words->of_table = true;
		add_table(words, name->table);
		return;
	}
	if (ends_with(column, length, "uuid"))
		length -= 4;
	else if (ends_with(column, length, "id") ||
			 ends_with(column, length, "pk"))
		length -= 2;
	else
		return;
	if (length > 0 && column[length - 1] == '_')
		length--;
	if (length == 0)
		return;
	if ((length == 6 && memcmp(column, "parent", 6) == 0) ||
		(length == 4 && memcmp(column, "root", 4) == 0))
	{
		words->of_table = true;
		add_table(words, name->table);
	}
	add_word(words, column, length);
	for (int i = 0; i < length; i++)
	{
		if (column[i] == '_')
			part = column + i + 1;
	}
	if (part != NULL)
		add_word(words, part, column + length - part);
}

/* Is one of the words what a table is called? */
static bool
name_table(const Words *words, ColumnNameIsTable is_table, void *arg)
{
	if (words->of_table)
		return true;
	for (int i = 0; i < words->nwords; i++)
	{
		char		plural[NAMEDATALEN + 4];
		int			length = strlen(words->words[i]);

		if (is_table(arg, words->words[i]))
			return true;
		strcpy(plural, words->words[i]);
		strcpy(plural + length, "s");
		if (is_table(arg, plural))
			return true;
		strcpy(plural + length, "es");
		if (is_table(arg, plural))
			return true;
		if (length > 0 && words->words[i][length - 1] == 'y')
		{
			strcpy(plural + length - 1, "ies");
			if (is_table(arg, plural))
				return true;
		}
	}
	return false;
}

/* Is the column called as keys are? */
static bool
is_called_key(const char *column)
{
	static const char *const ends[] = {
		"id", "uuid", "pk", "key", "code", "number", "no", "ref"
	};

	for (int i = 0; i < lengthof(ends); i++)
	{
		if (ends_with(column, strlen(column), ends[i]))
			return true;
	}
	return false;
}

NameAgreement
columnnames_compare(const ColumnName *child, const ColumnName *parent,
					ColumnNameIsTable is_table, void *arg)
{
	Words		ours;
	Words		theirs;

	find_words(child, &ours);
	find_words(parent, &theirs);
	for (int i = 0; i < ours.nwords; i++)
	{
		for (int j = 0; j < theirs.nwords; j++)
		{
			if (strcmp(ours.words[i], theirs.words[j]) == 0)
				return NAMES_AGREE;
		}
	}
	if (ours.nwords > 0 && theirs.nwords > 0 &&
		name_table(&ours, is_table, arg) && name_table(&theirs, is_table, arg))
		return NAMES_DIFFER;
	if (!parent->unique && !is_called_key(parent->column))
		return NAMES_NO_KEY;
	return NAMES_UNKNOWN;
}

/*-------------------------------------------------------------------------
 *
 * runnable.c
 *		The text of a recorded statement that runs it again.
 *
 * The text is taken apart into the tokens of PostgreSQL's scanner.  Parameters
 * become literals, and strings whose meaning depends on a setting are written
 * anew; everything else is copied.  A literal with its cast stands without
 * parentheses only between tokens that allow it: the grammar has $1 wherever
 * it has a parenthesized expression, so that parentheses are always right.
 *
 * What comes out is parsed with every setting that its reader may have, and
 * must be the statement that ran, node by node.
 *
 * No state and no locks.
 *
 * src/query/runnable.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <ctype.h>

#include "access/transam.h"
#include "common/keywords.h"
#include "nodes/nodeFuncs.h"
#include "nodes/parsenodes.h"
#include "parser/parser.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "query/runnable.h"

/* What the parser names a column after that nothing names */
#define UNNAMED_COLUMN	"?column?"

typedef struct TextToken
{
	int			offset;			/* in the statement's text */
	int			length;
	int			param;			/* n of $n; 0: another token */
	const char *string;			/* what a quoted string stands for, or NULL */
	bool		name_after;		/* the column that ends here needs a name */
	int			literal;		/* offset of a parameter's literal in the
								 * result */
} TextToken;

typedef struct StatementText
{
	const char *text;
	List	   *trees;			/* as parsed */
	TextToken  *tokens;			/* the last has no length: the end */
	int			ntokens;		/* without the last */
	int			start;			/* offset of what is to be written */
} StatementText;

/* What runnable_write() is called with */
typedef struct WriteRequest
{
	const char *query;
	bool		backslashes;
	bool		foreign;
	int			nvalues;
	const RecordedValue *values;
	char	  **literals;		/* of the values; NULL: there is none */
} WriteRequest;

/*
 * Tokens before and after a parameter between which a literal with a cast can
 * stand as it is.  A cast binds more tightly than every operator.  Characters
 * that operators are made of are told by is_operator().
 */
static const char *const before_cast[] = {
	"(", ",", "[", "all", "and", "between", "by", "distinct", "else", "escape",
	"for", "from", "in", "ilike", "like", "limit", "not", "offset", "or",
	"returning", "select", "then", "when", "where"
};
static const char *const after_cast[] = {
	")", ",", "]", ";", "::", "and", "as", "asc", "between", "collate", "desc",
	"else", "end", "escape", "fetch", "for", "from", "group", "having", "ilike",
	"in", "is", "like", "limit", "not", "offset", "or", "order", "returning",
	"then", "union", "when", "where"
};

Node *
runnable_walkable(Node *statement)
{
	while (statement != NULL)
	{
		switch (nodeTag(statement))
		{
			case T_SelectStmt:
			case T_InsertStmt:
			case T_UpdateStmt:
			case T_DeleteStmt:
			case T_MergeStmt:
				return statement;
			case T_CallStmt:
				return (Node *) ((CallStmt *) statement)->funccall;
			case T_ExecuteStmt:
				return (Node *) ((ExecuteStmt *) statement)->params;
			case T_PrepareStmt:
				statement = ((PrepareStmt *) statement)->query;
				break;
			case T_DeclareCursorStmt:
				statement = ((DeclareCursorStmt *) statement)->query;
				break;
			case T_CreateTableAsStmt:
				statement = ((CreateTableAsStmt *) statement)->query;
				break;
			case T_ExplainStmt:
				statement = ((ExplainStmt *) statement)->query;
				break;
			case T_CopyStmt:
				statement = ((CopyStmt *) statement)->query;
				break;
			default:
				return NULL;
		}
	}
	return NULL;
}

/* A part of an identifier or a number? */
static bool
is_word_character(char c)
{
	return isalnum((unsigned char) c) || c == '_' || c == '$' ||
		IS_HIGHBIT_SET(c);
}

/* Is the token this keyword, in any case, or this punctuation? */
static bool
token_is(const StatementText *statement, int i, const char *word)
{
	const TextToken *token = &statement->tokens[i];

	return token->length == strlen(word) &&
		pg_strncasecmp(statement->text + token->offset, word,
					   token->length) == 0;
}

static bool
token_is_one_of(const StatementText *statement, int i,
				const char *const *words, int nwords)
{
	for (int j = 0; j < nwords; j++)
	{
		if (token_is(statement, i, words[j]))
			return true;
	}
	return false;
}

static bool
is_operator(const StatementText *statement, int i)
{
	const TextToken *token = &statement->tokens[i];

	return token->length > 0 &&
		strchr("+-*/<>=~!@#%^&|`?", statement->text[token->offset]) != NULL;
}

/* Splits the text into tokens; raises if that cannot be done */
static void
scan(StatementText *statement, bool backslashes)
{
	core_yyscan_t scanner;
	core_yy_extra_type extra;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			room = 64;

	statement->tokens = palloc_array(TextToken, room);
	statement->ntokens = 0;
	scanner = scanner_init(statement->text, &extra, &ScanKeywords,
						   ScanKeywordTokens);
	compat_scan_backslashes(&extra, backslashes);
	for (;;)
	{
		bool		more = core_yylex(&value, &location, scanner) != 0;
		TextToken  *token;
		const char *text;

		if (statement->ntokens == room)
		{
			room *= 2;
			statement->tokens = repalloc_array(statement->tokens, TextToken, room);
		}
		token = &statement->tokens[statement->ntokens];
		memset(token, 0, sizeof(TextToken));
		if (!more)
			break;

		/* the scanner has put a NUL behind the token */
		text = extra.scanbuf + location;
		token->offset = location;
		token->length = strlen(text);
		if (text[0] == '$' && isdigit((unsigned char) text[1]))
			token->param = value.ival;
		else if (text[0] == '\'' ||
				 ((text[0] == 'e' || text[0] == 'E') && text[1] == '\''))
			token->string = value.str;
		statement->ntokens++;
	}
	scanner_finish(scanner);
	statement->tokens[statement->ntokens].offset = strlen(statement->text);
}

/* The offset of the statement that a PREPARE prepares */
static int
prepared_offset(const StatementText *statement)
{
	int			depth = 0;

	for (int i = 0; i < statement->ntokens; i++)
	{
		if (token_is(statement, i, "("))
			depth++;
		else if (token_is(statement, i, ")"))
			depth--;
		else if (depth == 0 && token_is(statement, i, "as"))
		{
			const char *p = statement->text + statement->tokens[i].offset + 2;

			/* the comments before it belong to it */
			while (scanner_isspace(*p))
				p++;
			return p - statement->text;
		}
	}
	return 0;
}

/*
 * Adds to the list the location of each parameter that is a column without a
 * name: the parser names a column after a cast's type, but not after a
 * parameter.
 */
static bool
find_unnamed(Node *node, void *context)
{
	List	  **locations = (List **) context;

	if (node == NULL)
		return false;
	if (IsA(node, ResTarget) && ((ResTarget *) node)->name == NULL)
	{
		Node	   *value = ((ResTarget *) node)->val;

		for (;;)
		{
			if (value != NULL && IsA(value, CollateClause))
				value = ((CollateClause *) value)->arg;
			else if (value != NULL && IsA(value, A_Indirection) &&
					 IsA(llast(((A_Indirection *) value)->indirection), A_Indices))
				value = ((A_Indirection *) value)->arg;
			else
				break;
		}
		if (value != NULL && IsA(value, ParamRef))
			*locations = lappend_int(*locations,
									 ((ParamRef *) value)->location);
	}
	return raw_expression_tree_walker(node, find_unnamed, context);
}

/* The last token of the column that consists of this parameter */
static int
column_end(const StatementText *statement, int param)
{
	int			left = param - 1;
	int			end = param;

	for (;;)
	{
		if (left >= 0 && token_is(statement, left, "(") &&
			token_is(statement, end + 1, ")"))
		{
			left--;
			end++;
		}
		else if (token_is(statement, end + 1, "collate"))
		{
			end += 2;
			while (token_is(statement, end + 1, "."))
				end += 2;
		}
		else if (token_is(statement, end + 1, "["))
		{
			int			depth = 0;

			do
			{
				end++;
				if (token_is(statement, end, "["))
					depth++;
				else if (token_is(statement, end, "]"))
					depth--;
			} while (depth > 0 && end < statement->ntokens);
		}
		else
			return Min(end, statement->ntokens);
	}
}

/* Marks where columns need a name */
static void
mark_unnamed(StatementText *statement, Node *tree)
{
	Node	   *walkable = runnable_walkable(tree);
	List	   *locations = NIL;
	ListCell   *next;

	if (walkable == NULL)
		return;
	find_unnamed(walkable, &locations);

	list_sort(locations, list_int_cmp);
	next = list_head(locations);
	for (int i = 0; i < statement->ntokens && next != NULL; i++)
	{
		if (statement->tokens[i].offset != lfirst_int(next))
			continue;
		statement->tokens[column_end(statement, i)].name_after = true;
		next = lnext(locations, next);
	}
}

/* A value as a literal of its type, or NULL if there is none */
static char *
literal_of(const RecordedValue *value)
{
	uint16		flags = FORMAT_TYPE_TYPEMOD_GIVEN | FORMAT_TYPE_INVALID_AS_NULL;
	char	   *type_name;
	char	   *literal;

	if (!value->isnull && (!value->complete || value->text == NULL))
		return NULL;
	literal = value->isnull ? "NULL" : quote_literal_cstr(value->text);

	/* what the parser would take it for by itself */
	if (value->type == UNKNOWNOID)
		return literal;

	/* user's types with their schema: this will be run somewhere else */
	if (value->type >= FirstNormalObjectId)
		flags |= FORMAT_TYPE_FORCE_QUALIFY;
	type_name = format_type_extended(value->type, -1, flags);
	if (type_name == NULL || (get_typtype(value->type) == TYPTYPE_PSEUDO &&
							  value->type != CSTRINGOID))
		return NULL;
	return psprintf("%s::%s", literal, type_name);
}

/* Writes the value of parameter token i; false if that can't be done */
static bool
write_param(StringInfo buf, const WriteRequest *request,
			const StatementText *statement, int i)
{
	TextToken  *token = &statement->tokens[i];
	bool		bare;
	char		next = statement->text[token->offset + token->length];

	if (token->param > request->nvalues ||
		request->literals[token->param - 1] == NULL)
		return false;

	bare = i > 0 && token->offset > statement->start &&
		(is_operator(statement, i - 1) ||
		 token_is_one_of(statement, i - 1, before_cast, lengthof(before_cast))) &&
		(i + 1 == statement->ntokens || is_operator(statement, i + 1) ||
		 token_is_one_of(statement, i + 1, after_cast, lengthof(after_cast)));

	/* U& and : would become part of the literal, the latter in psql */
	if (bare && buf->len > 0 &&
		(buf->data[buf->len - 1] == '&' || buf->data[buf->len - 1] == ':'))
		appendStringInfoChar(buf, ' ');
	if (!bare)
		appendStringInfoChar(buf, '(');
	token->literal = buf->len;
	appendStringInfoString(buf, request->literals[token->param - 1]);
	if (!bare)
		appendStringInfoChar(buf, ')');
	else if (is_word_character(next))
		appendStringInfoChar(buf, ' ');
	return true;
}

/* Appends a string constant, apart from a word before it */
static void
write_string(StringInfo buf, const char *string)
{
	char	   *quoted = quote_literal_cstr(string);

	if (buf->len > 0 && is_word_character(buf->data[buf->len - 1]))
		appendStringInfoChar(buf, ' ');
	appendStringInfoString(buf, quoted);
	pfree(quoted);
}

/*
 * Must this string be written anew?  Its backslashes may be escapes or not;
 * in E'...' they are, but not every session takes a quote after one.
 */
static bool
is_rewritten(const StatementText *statement, const TextToken *token)
{
	const char *text = statement->text + token->offset;

	if (token->string == NULL)
		return false;
	for (int i = 0; i < token->length; i++)
	{
		if (text[i] == '\\' && (text[0] == '\'' || text[i + 1] == '\''))
			return true;
		if (text[i] == '\\')
			i++;
	}
	return false;
}

/* Does the string have bytes that are written as their numbers? */
static bool
has_byte_escapes(const StatementText *statement, const TextToken *token)
{
	const char *text = statement->text + token->offset;

	if (token->string == NULL)
		return false;
	for (int i = 0; i + 1 < token->length; i++)
	{
		if (text[i] == '\\' &&
			(isdigit((unsigned char) text[i + 1]) || text[i + 1] == 'x'))
			return true;
	}
	return false;
}

static bool
is_unicode_string(const StatementText *statement, const TextToken *token)
{
	const char *text = statement->text + token->offset;

	return token->length >= 4 && (text[0] == 'u' || text[0] == 'U') &&
		text[1] == '&' && text[2] == '\'';
}

/*
 * Writes the U&'...' that begins at token i, with its UESCAPE, as what it
 * stands for, and returns its last token.
 */
static int
write_unicode_string(StringInfo buf, const StatementText *statement, int i)
{
	const TextToken *first = &statement->tokens[i];
	int			last = token_is(statement, i + 1, "uescape") ? i + 2 : i;
	int			length = statement->tokens[last].offset +
	statement->tokens[last].length - first->offset;
	char	   *select = psprintf("SELECT %.*s", length,
								  statement->text + first->offset);
	RawStmt    *parsed = linitial_node(RawStmt,
									   compat_raw_parse(select, false));
	ResTarget  *target = linitial_node(ResTarget,
									   castNode(SelectStmt, parsed->stmt)->targetList);

	write_string(buf, strVal(&castNode(A_Const, target->val)->val));
	return last;
}

/* Writes the statement with its values; NULL if that can't be done */
static char *
write_statement(const WriteRequest *request, StatementText *statement)
{
	StringInfoData buf;
	int			copied = statement->start;

	initStringInfo(&buf);
	for (int i = 0; i < statement->ntokens; i++)
	{
		const TextToken *token = &statement->tokens[i];
		const TextToken *last = token;

		if (token->offset < statement->start)
			continue;
		if (request->foreign && has_byte_escapes(statement, token))
			return NULL;

		appendBinaryStringInfo(&buf, statement->text + copied,
							   token->offset - copied);
		if (token->param > 0)
		{
			if (!write_param(&buf, request, statement, i))
				return NULL;
		}
		else if (is_unicode_string(statement, token))
		{
			i = write_unicode_string(&buf, statement, i);
			last = &statement->tokens[i];
		}
		else if (is_rewritten(statement, token))
		{
			/* there is no N'...' with escapes, but NCHAR E'...' */
			if (i > 0 && token_is(statement, i - 1, "n") &&
				token->offset == token[-1].offset + 1)
				appendStringInfoString(&buf, "char");
			write_string(&buf, token->string);
		}
		else
			appendBinaryStringInfo(&buf, statement->text + token->offset,
								   token->length);
		if (last->name_after)
			appendStringInfoString(&buf, " AS \"" UNNAMED_COLUMN "\"");
		copied = last->offset + last->length;
	}
	appendStringInfoString(&buf, statement->text + copied);
	return buf.data;
}

/* What restore_params() works on */
typedef struct WrittenLiterals
{
	const TextToken *params;	/* in the order of their literals */
	int			nparams;
	const RecordedValue *values;
} WrittenLiterals;

/* The parameter whose literal is at this location; 0: none */
static int
literal_param(const WrittenLiterals *literals, const A_Const *literal, bool cast)
{
	int			low = 0;
	int			high = literals->nparams - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;
		const TextToken *token = &literals->params[middle];

		if (token->literal < literal->location)
			low = middle + 1;
		else if (token->literal > literal->location)
			high = middle - 1;
		else
			return cast == (literals->values[token->param - 1].type != UNKNOWNOID) ?
				token->param : 0;
	}
	return 0;
}

StaticAssertDecl(sizeof(ParamRef) <= sizeof(TypeCast) &&
				 sizeof(ParamRef) <= sizeof(A_Const),
				 "a parameter does not fit in place of its literal");

/*
 * Puts parameters back in place of their literals in a parsed statement, and
 * takes away names that a column would have without them.
 */
static bool
restore_params(Node *node, void *context)
{
	const WrittenLiterals *literals = (const WrittenLiterals *) context;
	int			param = 0;

	if (node == NULL)
		return false;
	if (IsA(node, TypeCast) && IsA(((TypeCast *) node)->arg, A_Const))
		param = literal_param(literals, (A_Const *) ((TypeCast *) node)->arg, true);
	else if (IsA(node, A_Const))
		param = literal_param(literals, (A_Const *) node, false);
	if (param > 0)
	{
		memset(node, 0, sizeof(ParamRef));
		((ParamRef *) node)->type = T_ParamRef;
		((ParamRef *) node)->number = param;
		return false;
	}
	if (IsA(node, ResTarget) && ((ResTarget *) node)->name != NULL &&
		strcmp(((ResTarget *) node)->name, UNNAMED_COLUMN) == 0)
		((ResTarget *) node)->name = NULL;
	return raw_expression_tree_walker(node, restore_params, context);
}

static Node *
restored_tree(List *trees, const WrittenLiterals *literals)
{
	Node	   *tree;
	Node	   *walkable;

	if (list_length(trees) != 1)
		return NULL;
	tree = linitial_node(RawStmt, trees)->stmt;
	if (IsA(tree, PrepareStmt))
		tree = ((PrepareStmt *) tree)->query;
	walkable = runnable_walkable(tree);
	if (walkable != NULL)
		restore_params(walkable, (void *) literals);
	return tree;
}

/* Is the result the statement that ran, for whoever reads it? */
static bool
is_same_statement(const WriteRequest *request, const StatementText *statement,
				  const char *result)
{
	static const WrittenLiterals no_literals;
	TextToken  *params = palloc_array(TextToken, statement->ntokens + 1);
	WrittenLiterals literals = {params, 0, request->values};
	Node	   *original;

	for (int i = 0; i < statement->ntokens; i++)
	{
		if (statement->tokens[i].param > 0 &&
			statement->tokens[i].offset >= statement->start)
			params[literals.nparams++] = statement->tokens[i];
	}

	original = restored_tree(statement->trees, &no_literals);
	return original != NULL &&
		equal(original,
			  restored_tree(compat_raw_parse(result, false), &literals)) &&
		(strchr(result, '\\') == NULL ||
		 equal(original,
			   restored_tree(compat_raw_parse(result, true), &literals)));
}

/* runnable_write(), but raises for a text that cannot be parsed */
static char *
try_write(const WriteRequest *request)
{
	StatementText statement = {.text = request->query};
	Node	   *tree;
	char	   *result;
	bool		any_param = false;

	statement.trees = compat_raw_parse(request->query, request->backslashes);
	if (list_length(statement.trees) != 1)
		return NULL;
	tree = linitial_node(RawStmt, statement.trees)->stmt;

	scan(&statement, request->backslashes);
	if (IsA(tree, PrepareStmt))
		statement.start = prepared_offset(&statement);
	mark_unnamed(&statement, tree);

	/* in the body of a function, values go by the names of its arguments */
	for (int i = 0; i < statement.ntokens; i++)
		any_param |= statement.tokens[i].param > 0;
	if (request->nvalues > 0 && !any_param)
		return NULL;

	result = write_statement(request, &statement);
	if (result != NULL && !is_same_statement(request, &statement, result))
		return NULL;
	return result;
}

char *
runnable_write(const char *query, bool backslashes, bool foreign,
			   int nvalues, const RecordedValue *values)
{
	MemoryContext context = CurrentMemoryContext;
	WriteRequest request = {query, backslashes, foreign, nvalues, values};
	char	   *volatile result = NULL;

	/* reads the catalog, so that it must not fail unnoticed */
	request.literals = palloc_array(char *, Max(nvalues, 1));
	for (int i = 0; i < nvalues; i++)
		request.literals[i] = literal_of(&values[i]);

	PG_TRY();
	{
		result = try_write(&request);
	}
	PG_CATCH();
	{
		/*
		 * The parser and the scanner hold nothing but memory: nothing else is
		 * to be undone.
		 */
		MemoryContextSwitchTo(context);
		if (geterrcode() == ERRCODE_OUT_OF_MEMORY)
			PG_RE_THROW();
		FlushErrorState();
	}
	PG_END_TRY();
	return result;
}

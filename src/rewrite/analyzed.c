/*-------------------------------------------------------------------------
 *
 * analyzed.c
 *		A statement's text together with what it means.
 *
 * src/rewrite/analyzed.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/htup_details.h"
#include "catalog/namespace.h"
#include "catalog/pg_type.h"
#include "common/keywords.h"
#include "miscadmin.h"
#include "nodes/makefuncs.h"
#include "nodes/nodeFuncs.h"
#include "parser/parse_node.h"
#include "parser/parse_param.h"
#include "parser/scanner.h"
#include "parser/scansup.h"
#include "storage/lmgr.h"
#include "utils/builtins.h"
#include "utils/lsyscache.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/guarded.h"
#include "rewrite/analyzed.h"
#include "rewrite/growth.h"
#include "rewrite/origin.h"
#include "rewrite/rewrite.h"
#include "rewrite/trust.h"

/* A text with more tokens is no longer something to be shown */
#define MAX_TOKENS	5000

/* Parameters of the protocol are counted in 16 bits */
#define MAX_PARAMS	65535

/* Codes of the scanner, which scanner.h says are these */
#define TOKEN_IDENT		258
#define TOKEN_UIDENT	259

/* Of normalize_text(): stands for more constants than are in the text */
#define SQUASHED_LIST "/*, ... */"

static bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/*
 * Makes the tokens of a text, and the text from the first to the last of
 * them.  Raises as the parser does.
 */
static AnalyzedText *
scan_text(const char *text)
{
	AnalyzedText *analyzed = palloc0_object(AnalyzedText);
	core_yy_extra_type extra;
	core_yyscan_t scanner;
	core_YYSTYPE value;
	YYLTYPE		location;
	int			kind;
	int			space = 64;
	int			depth = 0;
	int			first;

	analyzed->tokens = palloc_array(Token, space);
	scanner = scanner_init(text, &extra, &ScanKeywords, ScanKeywordTokens);
	while ((kind = core_yylex(&value, &location, scanner)) != 0)
	{
		Token	   *token;
		char		c = text[location];

		if (analyzed->ntokens == MAX_TOKENS)
			ereport(ERROR,
					(errcode(ERRCODE_STATEMENT_TOO_COMPLEX),
					 errmsg("statement has too many tokens")));
		if (analyzed->ntokens == space)
		{
			space *= 2;
			analyzed->tokens = repalloc_array(analyzed->tokens, Token, space);
		}
		if (c == ')' || c == ']')
			depth--;
		token = &analyzed->tokens[analyzed->ntokens++];
		token->start = location;
		/* the scanner has put a NUL behind its token */
		token->end = location + strlen(extra.scanbuf + location);
		token->depth = depth;
		token->param = c == '$' && is_digit(text[location + 1]) ?
			atoi(text + location + 1) : 0;
		token->name = kind == TOKEN_IDENT || kind == TOKEN_UIDENT;
		if (token->param > MAX_PARAMS)
			ereport(ERROR,
					(errcode(ERRCODE_UNDEFINED_PARAMETER),
					 errmsg("there is no parameter $%d", token->param)));
		if (c == '(' || c == '[')
			depth++;
	}
	scanner_finish(scanner);

	while (analyzed->ntokens > 0 &&
		   text[analyzed->tokens[analyzed->ntokens - 1].start] == ';')
		analyzed->ntokens--;
	if (analyzed->ntokens == 0 || strstr(text, SQUASHED_LIST) != NULL)
		ereport(ERROR,
				(errcode(ERRCODE_SYNTAX_ERROR),
				 errmsg("not a whole statement")));

	first = analyzed->tokens[0].start;
	analyzed->length = analyzed->tokens[analyzed->ntokens - 1].end - first;
	analyzed->text = pnstrdup(text + first, analyzed->length);
	for (int i = 0; i < analyzed->ntokens; i++)
	{
		Token	   *token = &analyzed->tokens[i];

		token->start -= first;
		token->end -= first;
		analyzed->nparams = Max(analyzed->nparams, token->param);
	}
	return analyzed;
}

/* Parses a text that is one statement of a kind that we look at */
static RawStmt *
parse_one(const char *text)
{
	List	   *statements = raw_parser(text, RAW_PARSE_DEFAULT);
	RawStmt    *statement;

	if (list_length(statements) == 1)
	{
		statement = linitial_node(RawStmt, statements);
		switch (nodeTag(statement->stmt))
		{
			case T_SelectStmt:
				if (((SelectStmt *) statement->stmt)->intoClause == NULL)
					return statement;
				break;
			case T_InsertStmt:
			case T_UpdateStmt:
			case T_DeleteStmt:
				return statement;
			default:
				break;
		}
	}
	ereport(ERROR,
			(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
			 errmsg("not one SELECT, INSERT, UPDATE or DELETE")));
}

/*
 * PreParseColumnRefHook: each column may have to be looked for among many, and
 * each is an argument of a function that may have many namesakes.
 */
static Node *
check_interrupts(ParseState *pstate, ColumnRef * column)
{
	CHECK_FOR_INTERRUPTS();
	return NULL;
}

/*
 * Analyses as PREPARE does: types of parameters that are not given are
 * inferred.  Unlike parse_analyze_varparams() it does not make the statement
 * known to modules that record what users run.
 */
static void
analyze(AnalyzedText *analyzed, RawStmt *statement, const Oid *types,
		int ntypes)
{
	ParseState *pstate = make_parsestate(NULL);
	int			nparams = analyzed->nparams;

	analyzed->param_types = palloc0_array(Oid, nparams + 1);
	if (types != NULL)
		memcpy(analyzed->param_types, types,
			   sizeof(Oid) * Min(nparams, ntypes));
	pstate->p_sourcetext = analyzed->text;
	pstate->p_pre_columnref_hook = check_interrupts;
	setup_parse_variable_parameters(pstate, &analyzed->param_types, &nparams);
	analyzed->query = transformTopLevelStmt(pstate, statement);
	check_variable_parameters(pstate, analyzed->query);
	free_parsestate(pstate);
	if (analyzed->query->commandType == CMD_UTILITY ||
		nparams != analyzed->nparams)
		ereport(ERROR,
				(errcode(ERRCODE_FEATURE_NOT_SUPPORTED),
				 errmsg("not a statement with a plan")));
}

/*
 * Analyses the caller's own text.  An error about a column that is not there is
 * kept in *error for the caller: it is a slip of the pen, where other errors
 * say that there is nothing to rewrite.
 */
static void
analyze_own(AnalyzedText *analyzed, RawStmt *statement,
			MemoryContext error_context, ErrorData **error)
{
	PG_TRY();
	{
		analyze(analyzed, statement, NULL, 0);
	}
	PG_CATCH();
	{
		if (geterrcode() == ERRCODE_UNDEFINED_COLUMN)
		{
			MemoryContext old_context = MemoryContextSwitchTo(error_context);

			*error = CopyErrorData();
			MemoryContextSwitchTo(old_context);
		}
		PG_RE_THROW();
	}
	PG_END_TRY();
}

/* Is the parameter at this token written as a list, $n::type[]? */
static bool
is_list(const AnalyzedText *analyzed, int token)
{
	return token_is(analyzed, token + 1, "::") &&
		token_is(analyzed, token_after_type(analyzed, token + 2) - 1, "]");
}

AnalyzedText *
analyze_with(const char *text, const Oid *types, int ntypes)
{
	AnalyzedText *analyzed = scan_text(text);
	Oid		   *known = palloc0_array(Oid, ntypes + 1);

	if (ntypes > 0)
		memcpy(known, types, sizeof(Oid) * ntypes);
	for (int i = 0; i < analyzed->ntokens; i++)
	{
		int			param = analyzed->tokens[i].param;

		if (param > 0 && param <= ntypes && is_list(analyzed, i))
			known[param - 1] = InvalidOid;
	}
	analyze(analyzed, parse_one(analyzed->text), known, ntypes);
	return analyzed;
}

/*
 * First of the tokens that make a type before this one, as in "date $1" or
 * "timestamp (3) with time zone $1"; the token itself if there are none.  No
 * other word that may stand before a constant is a name, or one of these.
 */
static int
first_of_type(const AnalyzedText *analyzed, int token)
{
	static const char *const words[] = {
		"interval", "timestamp", "time", "char", "character", "nchar",
		"varchar", "varying", "bit", "int", "integer", "smallint", "bigint",
		"real", "float", "precision", "numeric", "decimal", "dec", "boolean",
		"json"
	};
	int			first = token - 1;
	bool		known;

	if (token_is(analyzed, first, "zone") &&
		token_is(analyzed, first - 1, "time") &&
		(token_is(analyzed, first - 2, "with") ||
		 token_is(analyzed, first - 2, "without")))
		first -= 3;
	if (token_is(analyzed, first, ")"))
	{
		int			depth = analyzed->tokens[first].depth;

		do
			first--;
		while (first >= 0 && analyzed->tokens[first].depth != depth);
		first--;
	}
	if (first < 0)
		return token;
	known = analyzed->tokens[first].name;
	for (int i = 0; i < lengthof(words) && !known; i++)
		known = token_is(analyzed, first, words[i]);
	if (!known)
		return token;
	while (token_is(analyzed, first - 1, ".") && first >= 2)
		first -= 2;
	if (token_is(analyzed, first, "varying") ||
		token_is(analyzed, first, "precision"))
		first--;
	return Max(first, 0);
}

/* Token after the fields of an interval, as in "$1 day to second (3)" */
static int
token_after_fields(const AnalyzedText *analyzed, int token)
{
	static const char *const words[] = {
		"year", "month", "day", "hour", "minute", "second", "to"
	};

	for (;;)
	{
		bool		more = false;

		for (int i = 0; i < lengthof(words) && !more; i++)
			more = token_is(analyzed, token, words[i]);
		if (!more)
			return token;
		token++;
		if (token_is(analyzed, token, "("))
			token = token_after_parenthesis(analyzed, token);
	}
}

/*
 * Kept texts have "date $1" where the statement had date '2020-01-01', and no
 * parameter can stand there.  As its type is known, $1 alone says as much.
 */
static AnalyzedText *
plain_params(const AnalyzedText *analyzed, const StatementOrigin *origin)
{
	TextEdits	edits = {0};

	for (int i = 1; i < analyzed->ntokens; i++)
	{
		int			param = analyzed->tokens[i].param;
		int			first;
		int			end = i + 1;

		if (param == 0 || param > origin->nparams ||
			!OidIsValid(origin->param_types[param - 1]))
			continue;
		first = first_of_type(analyzed, i);
		if (first == i)
			continue;
		if (origin->param_types[param - 1] == INTERVALOID)
			end = token_after_fields(analyzed, end);
		edit_tokens(&edits, analyzed, first, i, "");
		if (end > i + 1)
			edit_tokens(&edits, analyzed, i + 1, end, "");
	}
	return scan_text(apply_edits(analyzed, &edits));
}

/* The relations that a raw parse tree names */
typedef struct NamedRelations
{
	List	   *relations;		/* of RangeVar */
	List	   *cte_names;		/* of String */
	List	   *names;			/* of String, as often as they are there: may
								 * be functions or types */
	List	   *operators;		/* of String, likewise */
	LOCKMODE	lockmode;		/* strongest that analysis will take */
	bool		constants;		/* there are strings whose type's input
								 * function analysis would call */
} NamedRelations;

/* Adds the last of the parts of a name that is one */
static void
add_name(List **names, const List *parts)
{
	ListCell   *lc;
	Node	   *last = NULL;

	foreach(lc, parts)
	{
		if (IsA(lfirst(lc), String))
			last = lfirst(lc);
	}
	if (last != NULL)
		*names = lappend(*names, last);
}

static bool
name_walker(Node *node, NamedRelations *named)
{
	if (node == NULL)
		return false;
	switch (nodeTag(node))
	{
		case T_RangeVar:
			named->relations = lappend(named->relations, node);
			return false;
		case T_FuncCall:
			add_name(&named->names, ((FuncCall *) node)->funcname);
			break;
		case T_TypeName:
			add_name(&named->names, ((TypeName *) node)->names);
			break;
		case T_ColumnRef:
			/* table.function is function(table) */
			add_name(&named->names, ((ColumnRef *) node)->fields);
			return false;
		case T_A_Indirection:
			add_name(&named->names, ((A_Indirection *) node)->indirection);
			break;
		case T_A_Expr:
			add_name(&named->operators, ((A_Expr *) node)->name);
			break;
		case T_SubLink:
			add_name(&named->operators, ((SubLink *) node)->operName);
			break;
		case T_SortBy:
			add_name(&named->operators, ((SortBy *) node)->useOp);
			break;
		case T_CommonTableExpr:
			named->cte_names =
				lappend(named->cte_names,
						makeString(((CommonTableExpr *) node)->ctename));
			break;
		case T_A_Const:
			named->constants |= !((A_Const *) node)->isnull &&
				(IsA(&((A_Const *) node)->val, String) ||
				 IsA(&((A_Const *) node)->val, BitString));
			break;
		case T_LockingClause:
			named->lockmode = Max(named->lockmode, RowShareLock);
			/* its names are aliases */
			return false;
		case T_InsertStmt:
		case T_UpdateStmt:
		case T_DeleteStmt:
			named->lockmode = RowExclusiveLock;
			break;
		default:
			break;
	}
	return raw_expression_tree_walker(node, name_walker, named);
}

/*
 * Do the names mean relations of the shape only, in this search_path?  Those
 * that do are locked, unless somebody else has them: analysis must not wait.
 * Those of a recorded statement may not be too large to be opened.
 */
static bool
lock_relations(const NamedRelations *named, const StatementShape *shape)
{
	ListCell   *lc;
	List	   *relids = NIL;

	/* those that the grammar has other words for, too */
	List	   *operators = list_concat(list_make5(makeString("="),
												   makeString("<"),
												   makeString("<="),
												   makeString(">"),
												   makeString(">=")),
										named->operators);

	foreach(lc, named->relations)
	{
		RangeVar   *name = lfirst_node(RangeVar, lc);
		Oid			relid;
		bool		known = shape == NULL;

		if (name->schemaname == NULL &&
			list_member(named->cte_names, makeString(name->relname)))
			continue;
		relid = RangeVarGetRelid(name, NoLock, true);
		if (!OidIsValid(relid))
			return false;
		for (int i = 0; shape != NULL && i < shape->nrelations; i++)
			known |= shape->relations[i] == relid;
		if (!known && relid >= FirstNormalObjectId)
			return false;
		if (!ConditionalLockRelationOid(relid, named->lockmode))
			ereport(ERROR,
					(errcode(ERRCODE_LOCK_NOT_AVAILABLE),
					 errmsg("could not obtain lock on relation \"%s\"",
							name->relname)));
		relids = lappend_oid(relids, relid);
	}
	return shape == NULL || trust_definitions(relids, named->names, operators);
}

/* Is the query about exactly the relations of the shape? */
static bool
same_relations(Query *query, const StatementShape *shape)
{
	StatementShape now;
	StringInfoData names;

	initStringInfo(&names);
	shape_of_query(query, NULL, &now, &names);
	if (now.command != shape->command ||
		now.nrelations != shape->nrelations ||
		((now.flags | shape->flags) & SHAPE_INCOMPLETE) != 0)
		return false;
	for (int i = 0; i < now.nrelations; i++)
	{
		bool		found = false;

		for (int j = 0; j < shape->nrelations; j++)
			found |= now.relations[i] == shape->relations[j];
		if (!found)
			return false;
	}
	return true;
}

typedef struct AnalyzedRequest
{
	const RewriteSource *source;
	StatementOrigin origin;		/* of a recorded statement */
	AnalyzedCallback callback;
	void	   *arg;
	bool		done;			/* called back */
	MemoryContext error_context;
	ErrorData  *error;			/* about the caller's own text, to be raised;
								 * in error_context */
} AnalyzedRequest;

/* GuardedCallback */
static void
analyze_guarded(void *arg)
{
	AnalyzedRequest *request = (AnalyzedRequest *) arg;
	const StatementShape *shape = request->source->shape;
	bool		recorded = OidIsValid(request->source->userid);
	const StatementOrigin *origin = &request->origin;
	AnalyzedText *analyzed = scan_text(request->source->text);
	RawStmt    *statement;
	NamedRelations named = {.lockmode = AccessShareLock};

	if (recorded)
		analyzed = plain_params(analyzed, origin);
	statement = parse_one(analyzed->text);

	/* what is locked conditionally below may not be all there is to lock */
	(void) set_config_option("lock_timeout", "50ms", PGC_USERSET,
							 PGC_S_SESSION, GUC_ACTION_LOCAL, true, 0, false);
	(void) name_walker(statement->stmt, &named);
	if ((recorded && named.constants) || !lock_relations(&named, shape) ||
		(recorded && !growth_of_analysis(statement->stmt)))
		return;
	if (recorded)
		analyze(analyzed, statement, origin->param_types, origin->nparams);
	else
		analyze_own(analyzed, statement, request->error_context,
					&request->error);
	if (recorded &&
		(origin_meaning(analyzed->query) != origin->meaning ||
		 !trust_rights(analyzed->query)))
		return;
	if (shape != NULL && !same_relations(analyzed->query, shape))
		return;
	request->done = true;
	request->callback(request->arg, analyzed);
}

bool
analyzed_call(const RewriteSource *source, AnalyzedCallback callback,
			  void *arg)
{
	MemoryContext old_context = CurrentMemoryContext;
	MemoryContext context = AllocSetContextCreate(old_context,
												  "querywatch analysis",
												  ALLOCSET_DEFAULT_SIZES);
	AnalyzedRequest request = {.source = source,.callback = callback,.arg = arg,
	.error_context = old_context};
	bool		done;

	MemoryContextSwitchTo(context);
	if (!OidIsValid(source->userid))
		done = guarded_look_as(GetUserId(), NULL, analyze_guarded, &request);
	else
		done = origin_read(source->origin, &request.origin) &&
			guarded_look_as(source->userid, request.origin.search_path,
							analyze_guarded, &request);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	if (request.error != NULL)
		ReThrowError(request.error);
	return done && request.done;
}

int
token_at(const AnalyzedText *analyzed, int location)
{
	int			low = 0;
	int			high = analyzed->ntokens - 1;

	while (low <= high)
	{
		int			middle = (low + high) / 2;

		if (analyzed->tokens[middle].start == location)
			return middle;
		if (analyzed->tokens[middle].start < location)
			low = middle + 1;
		else
			high = middle - 1;
	}
	return -1;
}

bool
token_is(const AnalyzedText *analyzed, int token, const char *word)
{
	const Token *t;

	if (token < 0 || token >= analyzed->ntokens)
		return false;
	t = &analyzed->tokens[token];
	return t->end - t->start == strlen(word) &&
		pg_strncasecmp(analyzed->text + t->start, word, strlen(word)) == 0;
}

int
token_find(const AnalyzedText *analyzed, int token, const char *word)
{
	for (; token < analyzed->ntokens; token++)
	{
		if (analyzed->tokens[token].depth == 0 &&
			token_is(analyzed, token, word))
			return token;
	}
	return -1;
}

int
token_after_name(const AnalyzedText *analyzed, int token)
{
	token++;
	while (token_is(analyzed, token, "."))
		token += 2;
	return Min(token, analyzed->ntokens);
}

int
token_after_parenthesis(const AnalyzedText *analyzed, int token)
{
	int			depth = analyzed->tokens[token].depth;

	for (token++; token < analyzed->ntokens; token++)
	{
		if (analyzed->tokens[token].depth == depth)
			return token + 1;
	}
	return analyzed->ntokens;
}

/*
 * Goes by the words that may follow in a type's name.  Where that is wrong,
 * the text that is made will not be what was meant, and is seen not to be.
 */
int
token_after_type(const AnalyzedText *analyzed, int token)
{
	static const char *const words[] = {
		"precision", "varying", "with", "without", "time", "zone"
	};

	token = token_after_name(analyzed, token);
	for (;;)
	{
		bool		more = false;

		for (int i = 0; i < lengthof(words) && !more; i++)
			more = token_is(analyzed, token, words[i]);
		if (token_is(analyzed, token, "(") || token_is(analyzed, token, "["))
			token = token_after_parenthesis(analyzed, token);
		else if (more)
			token++;
		else
			return token;
	}
}

int
token_count_param(const AnalyzedText *analyzed, int param)
{
	int			n = 0;

	for (int i = 0; i < analyzed->ntokens; i++)
		n += analyzed->tokens[i].param == param;
	return n;
}

char *
tokens_text(const AnalyzedText *analyzed, int first, int end)
{
	return pnstrdup(analyzed->text + analyzed->tokens[first].start,
					analyzed->tokens[end - 1].end -
					analyzed->tokens[first].start);
}

char *
unused_name(const AnalyzedText *analyzed, const char *name)
{
	for (int n = 0;; n++)
	{
		char	   *candidate = n == 0 ? pstrdup(name) :
		psprintf("%s%d", name, n);
		const char *quoted = psprintf("\"%s\"", candidate);
		bool		used = false;

		for (int i = 0; i < analyzed->ntokens && !used; i++)
			used = token_is(analyzed, i, candidate) ||
				token_is(analyzed, i, quoted);
		if (!used)
			return candidate;
	}
}

void
edit_bytes(TextEdits *edits, int start, int end, const char *text)
{
	int			place;

	if (edits->edits == NULL)
	{
		edits->space = 16;
		edits->edits = palloc_array(TextEdit, edits->space);
	}
	else if (edits->nedits == edits->space)
	{
		edits->space *= 2;
		edits->edits = repalloc_array(edits->edits, TextEdit, edits->space);
	}
	for (place = edits->nedits; place > 0; place--)
	{
		if (edits->edits[place - 1].start <= start)
			break;
		edits->edits[place] = edits->edits[place - 1];
	}
	edits->edits[place] = (TextEdit)
	{
		start, end, text
	};
	edits->nedits++;
}

void
edit_tokens(TextEdits *edits, const AnalyzedText *analyzed, int first,
			int end, const char *text)
{
	int			start = first < analyzed->ntokens ?
	analyzed->tokens[first].start : analyzed->length;

	edit_bytes(edits, start,
			   end > first ? analyzed->tokens[end - 1].end : start, text);
}

static char *
edited(const AnalyzedText *analyzed, const TextEdits *edits, int first,
	   int end)
{
	StringInfoData buf;
	int			start = first;

	initStringInfo(&buf);
	for (int i = 0; i < edits->nedits; i++)
	{
		const TextEdit *edit = &edits->edits[i];

		if (edit->start < first ||
			(edit->start >= end && end < analyzed->length))
			continue;
		if (edit->start < start || edit->end > end)
			elog(ERROR, "edits of a statement overlap");
		appendBinaryStringInfo(&buf, analyzed->text + start,
							   edit->start - start);
		appendStringInfoString(&buf, edit->text);
		start = edit->end;
	}
	appendBinaryStringInfo(&buf, analyzed->text + start, end - start);
	return buf.data;
}

char *
apply_edits(const AnalyzedText *analyzed, TextEdits *edits)
{
	return edited(analyzed, edits, 0, analyzed->length);
}

char *
apply_edits_between(const AnalyzedText *analyzed, TextEdits *edits,
					int first, int end)
{
	if (end <= first)
		return "";
	return edited(analyzed, edits, analyzed->tokens[first].start,
				  analyzed->tokens[end - 1].end);
}

char *
written_type(Oid type, int32 typmod, bool array)
{
	char	   *name = format_type_extended(type, typmod,
											FORMAT_TYPE_TYPEMOD_GIVEN);

	return array ? psprintf("%s[]", name) : name;
}

Param *
param_of(Node *value, bool any_cast)
{
	while (value != NULL)
	{
		CoercionForm form;

		if (IsA(value, Param))
			return ((Param *) value)->paramkind == PARAM_EXTERN ?
				(Param *) value : NULL;
		if (IsA(value, RelabelType))
		{
			form = ((RelabelType *) value)->relabelformat;
			value = (Node *) ((RelabelType *) value)->arg;
		}
		else if (IsA(value, ArrayCoerceExpr))
		{
			form = ((ArrayCoerceExpr *) value)->coerceformat;
			value = (Node *) ((ArrayCoerceExpr *) value)->arg;
		}
		else if (IsA(value, CoerceViaIO))
		{
			form = ((CoerceViaIO *) value)->coerceformat;
			value = (Node *) ((CoerceViaIO *) value)->arg;
		}
		else if (IsA(value, CoerceToDomain))
		{
			form = ((CoerceToDomain *) value)->coercionformat;
			value = (Node *) ((CoerceToDomain *) value)->arg;
		}
		else if (IsA(value, FuncExpr) &&
				 ((FuncExpr *) value)->funcformat != COERCE_EXPLICIT_CALL &&
				 ((FuncExpr *) value)->args != NIL)
		{
			form = ((FuncExpr *) value)->funcformat;
			value = linitial(((FuncExpr *) value)->args);
		}
		else
			return NULL;
		if (form != COERCE_IMPLICIT_CAST && !any_cast)
			return NULL;
	}
	return NULL;
}

RangeTblEntry *
only_relation(const Query *query)
{
	RangeTblRef *ref;
	RangeTblEntry *rte;

	if (query->jointree == NULL || list_length(query->jointree->fromlist) != 1)
		return NULL;
	ref = linitial(query->jointree->fromlist);
	if (!IsA(ref, RangeTblRef))
		return NULL;
	rte = list_nth_node(RangeTblEntry, query->rtable, ref->rtindex - 1);
	return rte->rtekind == RTE_RELATION ? rte : NULL;
}

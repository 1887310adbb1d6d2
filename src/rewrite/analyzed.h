/*-------------------------------------------------------------------------
 *
 * analyzed.h
 *		A statement's text together with what it means: its tokens and its
 *		analysed Query.
 *
 * For those that make another statement of it, see rewrite.h and indexes.h.
 * Text is changed at tokens that the Query's nodes point to, never by search,
 * and what comes out is analysed again, to be compared with what went in.
 *
 * src/rewrite/analyzed.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_ANALYZED_H
#define QW_ANALYZED_H

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"
#include "nodes/primnodes.h"

#include "query/shape.h"

/* One token of a text: bytes from start, before end */
typedef struct Token
{
	int			start;
	int			end;
	int			depth;			/* of parentheses and brackets around it; one
								 * that opens or closes has that outside */
	int			param;			/* n of $n, or 0 */
	bool		name;			/* an identifier, not a keyword */
} Token;

typedef struct AnalyzedText
{
	char	   *text;			/* from its first token to its last, without a
								 * semicolon */
	int			length;
	Token	   *tokens;
	int			ntokens;
	Query	   *query;			/* locations are offsets into text */
	Oid		   *param_types;	/* of $1, $2, ...; InvalidOid: not used */
	int			nparams;		/* highest n of a $n */
} AnalyzedText;

/*
 * Analyses a text and calls back, in a short-lived memory context that is
 * current; what the callback makes for the caller must be put elsewhere.
 * False, with or without a call, if the text is not one whole statement of
 * SELECT, INSERT, UPDATE or DELETE, if one of its relations is locked, or if
 * anything raised.
 *
 * A recorded statement (source->userid is set) is analysed as the role that
 * ran it, with the search_path and the types that it had then: see
 * guarded_look_as().  False as well if that role may not use what the
 * statement names any more, if analysis finds anything else than it found
 * then (relations, columns, operators, functions, types, collations), if the
 * text has a constant, whose type might run code of that role's, or if views
 * were made so large that to expand them would take long.
 *
 * The caller's own text is analysed as the caller, in the session's
 * search_path and as PREPARE would.  Raises if it names a column that is not
 * there.
 *
 * Runs in a subtransaction that is rolled back.  Hooks of parse analysis are
 * not called.
 */
struct RewriteSource;
typedef void (*AnalyzedCallback) (void *arg, AnalyzedText *analyzed);
extern bool analyzed_call(const struct RewriteSource *source,
						  AnalyzedCallback callback, void *arg);

/*
 * Analyses another text in the same way, from within the callback.  "types"
 * are those of $1 to $ntypes; they are not looked at for a parameter that is
 * written as a list, $n::type[].  Raises if that is not possible.
 */
extern AnalyzedText *analyze_with(const char *text, const Oid *types,
								  int ntypes);

/* The same for a text that has the parameters of another */
static inline AnalyzedText *
analyze_again(const AnalyzedText *original, const char *text)
{
	return analyze_with(text, original->param_types, original->nparams);
}

/* Tokens */
extern int	token_at(const AnalyzedText *analyzed, int location);
extern bool token_is(const AnalyzedText *analyzed, int token,
					 const char *word);

/* First token from "token" on that is this word outside parentheses, or -1 */
extern int	token_find(const AnalyzedText *analyzed, int token,
					   const char *word);

/* Token after a column reference, type name, or parentheses begun here */
extern int	token_after_name(const AnalyzedText *analyzed, int token);
extern int	token_after_type(const AnalyzedText *analyzed, int token);
extern int	token_after_parenthesis(const AnalyzedText *analyzed, int token);

/* Occurrences of $n */
extern int	token_count_param(const AnalyzedText *analyzed, int param);

/* Text of the tokens from first up to, not including, end; palloc'd */
extern char *tokens_text(const AnalyzedText *analyzed, int first, int end);

/* A name that no token has, made of this one */
extern char *unused_name(const AnalyzedText *analyzed, const char *name);

/* Replacements in a text, to be made together */
typedef struct TextEdit
{
	int			start;			/* bytes from here, before end, make way */
	int			end;
	const char *text;
} TextEdit;

typedef struct TextEdits
{
	TextEdit   *edits;
	int			nedits;
	int			space;
} TextEdits;

extern void edit_bytes(TextEdits *edits, int start, int end,
					   const char *text);
extern void edit_tokens(TextEdits *edits, const AnalyzedText *analyzed,
						int first, int end, const char *text);

/* The text with the edits; those of the same place in the order made */
extern char *apply_edits(const AnalyzedText *analyzed, TextEdits *edits);

/* The same of the tokens from first up to, not including, end: their edits */
extern char *apply_edits_between(const AnalyzedText *analyzed,
								 TextEdits *edits, int first, int end);

/* A type's name as it has to be written here, "[]" behind it if array */
extern char *written_type(Oid type, int32 typmod, bool array);

/*
 * "value" if it is $n, with or without casts that are not written; for a cast
 * that is written too if "any_cast".  NULL if not.
 */
extern Param *param_of(Node *value, bool any_cast);

/* The Query of a FROM item, if it is a plain relation; else NULL */
extern RangeTblEntry *only_relation(const Query *query);

#endif							/* QW_ANALYZED_H */

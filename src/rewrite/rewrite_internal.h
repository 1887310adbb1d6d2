/*-------------------------------------------------------------------------
 *
 * rewrite_internal.h
 *		What the files of rewrite.h share.
 *
 * All of it is called within analyzed_call(), and may raise.
 *
 * src/rewrite/rewrite_internal.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_REWRITE_INTERNAL_H
#define QW_REWRITE_INTERNAL_H

#include "rewrite/analyzed.h"
#include "rewrite/rewrite.h"

/* A rewrite in the making: arg of an AnalyzedCallback */
typedef struct RewriteRequest
{
	const RewriteSource *source;
	int			attempt;		/* from 0: after one that raised, the next */
	MemoryContext context;		/* of the result */
	char	   *result;
} RewriteRequest;

/*
 * Calls back until an attempt does not raise.  The callback puts what it made
 * where rewrite_give() says.
 */
extern char *rewrite_make(const RewriteSource *source,
						  AnalyzedCallback callback, int attempts);
extern void rewrite_give(RewriteRequest *request, const char *text);

/*
 * A text with the parameters of a recorded statement, where those that are no
 * lists and were fractions or times say so: their type would else be that of
 * what they are compared with.
 */
extern const char *rewrite_typed(const AnalyzedText *analyzed,
								 const RewriteSource *source,
								 const char *text);

/*
 * Does a SELECT give the same rows for a key whether it is asked for alone or
 * with others, as far as functions, views and policies are concerned?
 */
extern bool rewrite_reads_safely(Query *query, const RewriteSource *source);

/*
 * Does an INSERT, UPDATE or DELETE write the same whether rows come one by one
 * or together, as long as each has its own key?
 */
extern bool rewrite_writes_safely(Query *query, const RewriteSource *source);

/* The statement with "= ANY" for its condition on the key, or NULL */
extern char *rewrite_condition_as_list(AnalyzedText *analyzed,
									   const RewriteSource *source);

/* A condition that compares something of a table with a parameter */
typedef struct KeyCondition
{
	Node	   *condition;		/* OpExpr and the like */
	Node	   *key;			/* its side that the columns are on */
	Var		   *column;			/* if that is a column, else NULL */
	Node	   *value;			/* its other side */
	bool		value_first;
	int			param;			/* the $n in value */
	int			token;			/* of $n, if there is one only, or -1 */
	Oid			relid;			/* of the first column */
	AttrNumber	attnum;			/* 0: key is an expression */
} KeyCondition;

/* All of a statement, those of its subqueries too: of KeyCondition */
extern List *rewrite_conditions(AnalyzedText *analyzed);

/* The condition on the key; NULL: there is none, or several */
extern KeyCondition *rewrite_key(List *conditions,
								 const RewriteSource *source);

/* Was this parameter another in some executions, or may it have been? */
extern bool rewrite_varies(List *conditions, const RewriteSource *source,
						   int param);

/* Those parameters in order, the key's among them */
extern List *rewrite_varying(const AnalyzedText *analyzed, List *conditions,
							 const RewriteSource *source,
							 const KeyCondition *key);

/* Is it "column = value", AND-ed, in the topmost query? */
extern bool rewrite_is_simple(const AnalyzedText *analyzed,
							  const KeyCondition *condition);

/* Is it among the AND-ed conditions of a FROM with its WHERE? */
extern bool rewrite_restricts_all(const Node *node, const Node *condition);

/* The place of a condition's operator in the text */
extern int	rewrite_condition_location(const Node *condition);

/* The name of its column, quoted as needed; "key" if it is an expression */
extern char *rewrite_column_name(const KeyCondition *condition);

/*
 * Do rows that satisfy different conditions not influence each other?  No
 * aggregates, LIMIT, DISTINCT and the like.
 */
extern bool rewrite_filters_rows(const Query *query);

/* A Param as analysis makes it */
extern Param *rewrite_param(int number, Oid type);

/*
 * Writes the name of relation number varno before its columns where they are
 * written without one, so that another relation may join it.
 */
extern void rewrite_qualify(const AnalyzedText *analyzed, int varno,
							TextEdits *edits);

/* Can unnest() give rows of one column of this type? */
extern bool rewrite_can_unnest(Oid type);

#endif							/* QW_REWRITE_INTERNAL_H */

/*-------------------------------------------------------------------------
 *
 * lists.h
 *		Statements that differ in the length of a list only.
 *
 * IN ($1, $2) and IN ($1, $2, $3) have different query ids, as have INSERTs of
 * two rows and of three: PostgreSQL 18 and later take lists of constants for
 * one, earlier versions none.
 *
 * src/findings/lists.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_LISTS_H
#define QW_LISTS_H

#include "utils/hsearch.h"

#include "statements/statements.h"

/* Statements of one role and database that are one but for their lists */
typedef struct ListFamily
{
	StatementKey key;			/* must be first: hash key; the hash of the
								 * text without lengths is its queryid */
	StatementKey example;		/* one of the second and later ones */
	int64		statements;
	int64		lists;			/* of them, those with one of two or more: if
								 * there is none it is no family */
	int64		executions;
	int64		most_executions;	/* the example's */
	TimestampTz first_seen;
	TimestampTz last_seen;
} ListFamily;

/* A hash table of ListFamily, in the current context */
extern HTAB * list_families(void);

/*
 * Counts a statement whose text was read.  Returns its family if the statement
 * is the example from now on, else NULL.
 */
extern ListFamily *list_families_add(HTAB * families, const StatementRow *row);

/* How many statements kept differ from another one in lengths only */
extern int64 lists_count(void);

#endif							/* QW_LISTS_H */

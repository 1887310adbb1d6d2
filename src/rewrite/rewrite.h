/*-------------------------------------------------------------------------
 *
 * rewrite.h
 *		A statement that does at once what another does over and over.
 *
 * A rewrite is made from the analysed statement, at the places in its text
 * that the analysis points to, and is analysed itself: unless it then says the
 * same as the original, but for what was to be changed, there is none.  All of
 * these return a palloc'd text in the server encoding, or NULL where no
 * rewrite is known to be right, among them: a text that was cut or is not
 * valid, relations that are not there any more or are locked, functions that
 * are volatile.  They raise nothing, and neither wait for nor keep locks.
 * They must run in the database of the statement, in a transaction, and not
 * in a parallel worker.
 *
 * Parameters of a rewrite are to be passed by these rules: what was $n and is
 * still there stays $n; $n of a list, written $n::type[], takes an array.
 *
 * src/rewrite/rewrite.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_REWRITE_H
#define QW_REWRITE_H

#include "access/attnum.h"
#include "detector/window.h"
#include "query/shape.h"

typedef struct RewriteSource
{
	const char *text;			/* normalised, as the statement table has it */
	const StatementShape *shape;	/* the relations that it was about; NULL:
									 * those that its names mean here */
	Oid			userid;			/* role that ran it; InvalidOid: it is the
								 * caller's own text */
	const char *origin;			/* how it was analysed when it ran, see
								 * origin.h; NULL: the caller's own text */
	Oid			key_relid;		/* the column whose value varies; InvalidOid:
								 * the one that is compared with a parameter */
	AttrNumber	key_attnum;		/* 0: an expression over the relation's */

	/*
	 * What was seen of the executions.  Where nothing was, all but the key is
	 * taken for the same in all of them, an UPDATE's keys for different ones,
	 * and all of them for parts of one transaction.
	 */
	bool		seen;
	bool		one_transaction;	/* each burst was in one */
	uint16		varied;			/* VARIED_..., see window.h */
} RewriteSource;

/*
 * The statement for a list of keys, in place of once for each: for a SELECT
 * "column = ANY ($n::type[])" where that gives the same rows, the column added
 * to the output if it is not there; else the statement for each key of the
 * list (LATERAL), with the key as first column.  A single count, sum or the
 * like is grouped by key, and keys without rows are there too.  Each key's
 * rows are those of the statement run with it; keys are to be listed once.
 *
 * Where other values varied too, there is a list for each: "(a, b) IN (SELECT *
 * FROM unnest($1::a[], $2::b[]))" for conditions that are one beside the other,
 * else LATERAL.  Other conditions stay as they are.
 */
extern char *rewrite_batched(const RewriteSource *source);

/*
 * Parent and child in one: rows of the parent, each with the rows that the
 * child returned for it, or with NULLs where it returned none.  The key of
 * "parent" is its column that the child's key is compared with.  Parameters
 * of the child are numbered after those of the parent.  Rows come in the order
 * of the parent; there is none where that cannot be written.
 */
extern char *rewrite_joined(const RewriteSource *parent,
							const RewriteSource *child);

/*
 * INSERT of one row, UPDATE or DELETE by key: for many rows, with an array for
 * each parameter that is one of the row's.  For an UPDATE, and an INSERT with
 * ON CONFLICT DO UPDATE, each key must be there once: where executions were
 * seen, an UPDATE is made at once only if that was so, and such an INSERT is
 * not.  Rows returned have their key in front, but those of an INSERT, which
 * come in the order of the arrays.
 */
extern char *rewrite_written_at_once(const RewriteSource *source);

/*
 * INSERT of one row: of two, by VALUES with one more row of parameters; as
 * many more as wanted may follow.
 */
extern char *rewrite_multirow_values(const RewriteSource *source);

/* INSERT of one row: the COPY that takes the same columns */
extern char *rewrite_copy(const RewriteSource *source);

/*
 * ORDER BY ... LIMIT ... OFFSET $n: the next page after a row, whose values of
 * the ORDER BY columns are to be passed.  Where the order was not unique, the
 * key of the table is added to it.  (The first page is asked for without the
 * condition.)
 */
extern char *rewrite_keyset(const RewriteSource *source);

#endif							/* QW_REWRITE_H */

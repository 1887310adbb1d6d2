/*-------------------------------------------------------------------------
 *
 * runnable.h
 *		The text of a recorded statement that runs it again.
 *
 * src/query/runnable.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_RUNNABLE_H
#define QW_RUNNABLE_H

#include "nodes/nodes.h"

#include "query/params.h"

/*
 * Writes a statement with its bind values in place of $1, $2 ... as literals
 * that are quoted and cast to their type.  Of a PREPARE, writes the statement
 * prepared.  Returns a palloc'd string, or NULL if PostgreSQL's parser does
 * not read the result as the same statement: the text is not one statement, a
 * value is not complete or its type has no name, a $n has no value, there are
 * values but no $n.  The caller knows whether the text was cut.  Looks up type
 * names in the catalog of the current database; apart from memory running out,
 * does not raise.
 *
 * "backslashes": those in the statement's '...' are escapes, as they are with
 * standard_conforming_strings off.  "foreign": the statement ran in a database
 * with another encoding, in which bytes written as escapes meant other
 * characters; such a text gives NULL.
 *
 * The result has no string whose meaning depends on a setting of the session
 * that reads it: every string with a backslash is E'...', and none is U&'...'.
 */
extern char *runnable_write(const char *query, bool backslashes, bool foreign,
							int nvalues, const RecordedValue *values);

/*
 * The part of a parsed statement that raw_expression_tree_walker() can walk:
 * the statement itself, the query or the arguments in a utility statement, or
 * NULL if it has none.
 */
extern Node *runnable_walkable(Node *statement);

#endif							/* QW_RUNNABLE_H */

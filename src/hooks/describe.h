/*-------------------------------------------------------------------------
 *
 * describe.h
 *		Gives a statement of the table its text and shape.
 *
 * Once for each new statement.  Reads catalogs, but for describe_utility();
 * allocates in the current context and frees it again.
 *
 * src/hooks/describe.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_DESCRIBE_H
#define QW_DESCRIBE_H

#include "tcop/cmdtag.h"

#include "common/compat.h"

/*
 * From parse analysis; a utility statement too, where its constants are known.
 * "location" and "length": of the statement in its source text.
 */
extern void describe_query(int slot, const char *text, int location,
						   int length, Query *query,
						   const JumbleState *jstate);

/*
 * When it runs, for one whose parse was not seen, or whose text has gone
 * since: a prepared one may never be parsed again.
 */
extern void describe_plan(int slot, QueryDesc *queryDesc);

/*
 * Is every constant of this utility statement kept out of its text?  Of one
 * that carries a query, values for one, or a message.  What any other says, it
 * is about: a setting, a definition that is in the catalogs then, a DO block.
 */
extern bool describe_hides_constants(Node *utility);

/*
 * A utility statement, if it has no text yet; "hide" is what
 * describe_hides_constants() said of it.  May be called while an error is being
 * handled.
 */
extern void describe_utility(int slot, CommandTag tag, const char *text,
							 int length, bool hide);

#endif							/* QW_DESCRIBE_H */

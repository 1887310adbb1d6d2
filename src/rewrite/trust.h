/*-------------------------------------------------------------------------
 *
 * trust.h
 *		What may be done with a statement of another role: opened, expanded,
 *		planned.
 *
 * Whoever reads findings has statements analysed that others have sent, about
 * objects that others have made and may have changed since.  The functions
 * here tell beforehand whether the next step would run code of theirs, or cost
 * out of proportion.  They read catalogs only, may raise, and are to be called
 * as the role that ran the statement (guarded_look_as()).
 *
 * src/rewrite/trust.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_TRUST_H
#define QW_TRUST_H

#include "nodes/parsenodes.h"

/*
 * May these relations (OIDs) be opened, and may what a statement names (lists
 * of String, without schemas) be looked up: functions and types, operators?
 * All that defines them is of reasonable size: columns, rules, policies,
 * constraints and so on; the same of the relations that rules name, of the
 * types of columns, arguments and results, and of composite types' relations;
 * and not too many have the same name.
 */
extern bool trust_definitions(const List *relations, const List *names,
							  const List *operators);

/* May the current role use the relations and functions of a query? */
extern bool trust_rights(Query *query);

/*
 * May a query be rewritten?  The views in it expand to a reasonable number of
 * relations and to a reasonable size, and no other rules are in it.  Locks the
 * views in it; false if that had to wait.
 */
extern bool trust_expansion(Query *query);

/*
 * May expressions of a query be printed?  To see whether a name needs its
 * schema, functions and operators of the same name are looked up.
 */
extern bool trust_printing(Query *query);

/*
 * May a rewritten query be planned?  The planner evaluates functions of the
 * query, of indexes, constraints and statistics, and its estimates call
 * operators.  True if all of these are compiled ones (of language internal or
 * C), which only a superuser can make, and run no queries.
 */
extern bool trust_planning(Query *query);

#endif							/* QW_TRUST_H */

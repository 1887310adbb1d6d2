/*-------------------------------------------------------------------------
 *
 * ignored.h
 *		The list of statements whose repeats are meant: querywatch.ignored.
 *
 * src/repeats/ignored.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_IGNORED_H
#define QW_IGNORED_H

#include "common/execution.h"

/*
 * May on_repeat act on this statement?  Not if the list of the current
 * database has its queryid or its text, nor if that cannot be told because the
 * list or its index is locked (it is being dropped, say).  A table by the
 * list's name that does not belong to the extension is not read.  Looks the
 * statement up in two indexes, for the rare case that on_repeat would act.
 * Raises nothing but what guarded_look() does: a cancel, a termination, lack
 * of memory.  Waits for no lock and keeps none.
 */
extern bool ignored_may_act(const StatementKey *key);

#endif							/* QW_IGNORED_H */

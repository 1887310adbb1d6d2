/*-------------------------------------------------------------------------
 *
 * ignored.h
 *		The list of statements whose repeats are meant: querywatch.ignored.
 *
 * src/ignored.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_IGNORED_H
#define QW_IGNORED_H

#include "execution.h"

/*
 * May on_repeat act on this statement?  Not if the list of the current
 * database has its queryid or its text, nor if that cannot be told because the
 * list is locked (it is being dropped, say).  Reads the table, so it is for
 * the rare case that on_repeat would act; does not raise, does not wait for
 * anybody, keeps no lock.
 */
extern bool ignored_may_act(const StatementKey *key);

#endif							/* QW_IGNORED_H */

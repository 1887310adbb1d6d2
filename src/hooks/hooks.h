/*-------------------------------------------------------------------------
 *
 * hooks.h
 *		The path of one statement through parser, planner and executor.
 *
 * src/hooks/hooks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_HOOKS_H
#define QW_HOOKS_H

#include "nodes/parsenodes.h"

/* Installs all hooks; in _PG_init only */
extern void hooks_install(void);

/*
 * The client declares a cursor: before 18 its query has no id, so that it is
 * given one here, by which the repeat detector follows it.
 */
extern void hooks_declare_cursor(const DeclareCursorStmt *stmt,
								 const char *text, int location, int length);

/* ... and it failed */
extern void hooks_forget_declaration(void);

/* Of utility.c, installed with the others */
extern void utility_hook_install(void);

#endif							/* QW_HOOKS_H */

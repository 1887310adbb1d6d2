/*-------------------------------------------------------------------------
 *
 * hooks.h
 *		The path of one statement through parser, planner and executor.
 *
 * src/hooks.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_HOOKS_H
#define QW_HOOKS_H

/* Installs all hooks; in _PG_init only */
extern void hooks_install(void);

/* Of utility.c, installed with the others */
extern void utility_hook_install(void);

#endif							/* QW_HOOKS_H */

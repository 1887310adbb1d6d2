/*-------------------------------------------------------------------------
 *
 * origin.h
 *		How a statement was analysed when it ran.
 *
 * The kept text of a statement says less than the statement did: names are
 * looked up in a search_path, and operators and functions are chosen by the
 * types of parameters and constants.  The origin of a statement holds these,
 * and a hash of what analysis made of them, so that a later analysis of the
 * text can be made the same way and be compared with the first.
 *
 * An origin is kept as a string behind the names of the statement's tables
 * (see table_texts.c): "hash:type,type,...:search_path".
 *
 * src/rewrite/origin.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_ORIGIN_H
#define QW_ORIGIN_H

#include "lib/stringinfo.h"
#include "nodes/parsenodes.h"

typedef struct StatementOrigin
{
	uint64		meaning;		/* of origin_meaning() */
	int			nparams;
	Oid		   *param_types;	/* of $1, $2, ... in the kept text;
								 * InvalidOid: not known; palloc'd */
	const char *search_path;	/* the setting; points into the string */
} StatementOrigin;

/*
 * Appends the origin of a statement that is being analysed, and a NUL; just
 * the NUL where it would be too long.  "query" is not a utility statement.
 * $1 to $nparams are parameters of the statement; the constants, given by
 * their places in the source text, became $(nparams + 1) and so on.  May be
 * called by a hook of parse analysis: reads no catalogs.
 */
extern void origin_append(StringInfo buf, Query *query, int nparams,
						  const int *constants, int nconstants);

/* Reads such a string; false if it is empty, or none */
extern bool origin_read(const char *string, StatementOrigin *origin);

/* The string in what is stored of a statement, behind its tables' names */
extern const char *origin_behind(const char *tables);

/*
 * A hash of what an analysed query means: its relations, columns, operators,
 * functions, types and collations, and how they are put together.  Constants
 * and parameters count by their types alone, so that a statement and its kept
 * text have the same.
 */
extern uint64 origin_meaning(Query *query);

#endif							/* QW_ORIGIN_H */

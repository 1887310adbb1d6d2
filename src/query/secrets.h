/*-------------------------------------------------------------------------
 *
 * secrets.h
 *		Passwords and the like in the texts of utility statements.
 *
 * src/query/secrets.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SECRETS_H
#define QW_SECRETS_H

#include "nodes/parsenodes.h"

/*
 * Where the first secret of a utility statement begins in its source text; -1:
 * it has none.  *is_value: the value begins there; else it is the first string
 * constant from there on.  To be asked before the statement runs.  Does not
 * raise, allocates nothing.
 */
extern int	secrets_location(Node *parsetree, bool *is_value);

/*
 * The source text of the utility statement with a secret that is running, NULL
 * if there is none, and how much of it may be kept: the query inside COPY has
 * the text of the COPY.
 */
extern const char *secrets_source;
extern int	secrets_kept_length;

/* Cuts the length of a statement's text if it reaches into such a secret */
static inline bool
secrets_cut(const char *text, int *length)
{
	if (likely(secrets_source == NULL) || text < secrets_source ||
		text + *length <= secrets_source + secrets_kept_length ||
		text > secrets_source + secrets_kept_length)
		return false;
	*length = secrets_source + secrets_kept_length - text;
	return true;
}

#endif							/* QW_SECRETS_H */

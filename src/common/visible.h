/*-------------------------------------------------------------------------
 *
 * visible.h
 *		What a role may see, and in which encoding.
 *
 * src/common/visible.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_VISIBLE_H
#define QW_VISIBLE_H

/*
 * May the caller see texts, values, plans and tags of that role's statements?
 * Its own, and everybody's with pg_read_all_stats.
 */
extern bool visible_to_caller(Oid userid);

/* May it see those of all roles? */
extern bool visible_all_to_caller(void);

/*
 * A string of a database in "encoding" in this database's: palloc'd.  What has
 * no counterpart here becomes a question mark; does not raise.
 */
extern char *visible_text(const char *string, int encoding);

/* The same; clears *exact if a question mark was put in */
extern char *visible_text_exact(const char *string, int encoding, bool *exact);

/*
 * Puts a question mark in place of every byte beyond ASCII, and tells whether
 * there was one
 */
extern bool visible_ascii(char *string);

#endif							/* QW_VISIBLE_H */

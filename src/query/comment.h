/*-------------------------------------------------------------------------
 *
 * comment.h
 *		sqlcommenter tags and the trace id out of a statement's comment.
 *
 * Pure: reads the given bytes, allocates nothing, raises nothing, needs no
 * server.  Comments that are not sqlcommenter's (key='value' pairs, comma
 * separated, values URL-encoded, a comment at the start or at the end of the
 * statement) yield no tags.  Format: the sqlcommenter specification; trace
 * id: W3C trace context, traceparent = 00-<32 hex>-<16 hex>-<2 hex>.
 *
 * src/query/comment.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_COMMENT_H
#define QW_COMMENT_H

#define COMMENT_MAX_TAGS		16
#define COMMENT_MAX_BYTES		1024	/* of all keys and values, decoded */
#define COMMENT_TRACE_ID_LENGTH	32

typedef struct CommentTag
{
	const char *key;			/* both end with a NUL and point into */
	const char *value;			/* CommentTags.bytes */
} CommentTag;

typedef struct CommentTags
{
	int			ntags;
	CommentTag	tags[COMMENT_MAX_TAGS];
	char		trace_id[COMMENT_TRACE_ID_LENGTH + 1];	/* "" if none */
	bool		ignore;			/* querywatch='ignore' */
	char		bytes[COMMENT_MAX_BYTES];
} CommentTags;

/*
 * Quick test whether there is a comment worth parsing: the statement, white
 * space and semicolons aside, starts with a slash and star or ends with a
 * star and slash.  Costs a few instructions.
 */
extern bool comment_present(const char *text, int length);

/*
 * False where two looks tell that there is none: most texts begin with a letter,
 * and end with neither space, semicolon nor slash.
 */
static inline bool
comment_possible(const char *text, int length)
{
	unsigned char first;
	unsigned char last;

	if (length <= 0)
		return false;
	first = (unsigned char) text[0];
	last = (unsigned char) text[length - 1];
	return first <= '/' || first == ';' ||
		last <= ' ' || last == ';' || last == '/';
}

/*
 * Parses the leading and the trailing comment of text.  Returns false, and
 * *tags empty, if there are no tags.  Tags past COMMENT_MAX_TAGS or
 * COMMENT_MAX_BYTES are left out.  A value is cut at a character boundary of
 * UTF-8 and never holds a control character or invalid UTF-8 (such bytes
 * become '?').
 */
extern bool comment_parse(const char *text, int length, CommentTags *tags);

/*
 * Moves the begin of a statement of the source text back over the comments
 * right before it: since PostgreSQL 18 it is where its first word is.
 * "location" may be -1, not known, and "length" 0, to the end.
 */
extern void comment_include(const char *source, int *location, int *length);

/*
 * Narrows a statement to what is left without its leading and trailing
 * comments that hold tags: they differ from one execution to the next.
 * "location" is counted up with *text.
 */
extern void comment_strip(const char **text, int *location, int *length);

/* The value of a tag, NULL if it is not there */
extern const char *comment_tag(const CommentTags *tags, const char *key);

/*
 * The route a statement was sent from, for people: "route" if there is one,
 * else "controller#action", else "job", else "".  Written to buffer, always
 * ended with a NUL, cut to size at a character boundary.
 */
extern void comment_route(const CommentTags *tags, char *buffer, size_t size);

#endif							/* QW_COMMENT_H */

/*-------------------------------------------------------------------------
 *
 * comment.c
 *		sqlcommenter tags and the trace id out of a statement's comment.
 *
 * Three formats are understood:
 *
 *		key='value',key='value'		sqlcommenter: both URL-encoded, a quote in
 *									a value written as \'
 *		key:value,key:value			the older one of Marginalia and of Rails'
 *									query logs: nothing is encoded
 *
 * and, within the first, the W3C traceparent.  A comment is taken as a whole
 * or not at all: one that departs from both formats anywhere is somebody's
 * remark, or a hint for the planner, and yields nothing.
 *
 * No more than COMMENT_MAX_SCAN bytes are looked at from either end of the
 * statement, so the cost does not depend on its length.
 *
 * src/query/comment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query/comment.h"

/* Longest comment that is read, and most of them at either end */
#define COMMENT_MAX_SCAN		8192
#define COMMENT_MAX_COMMENTS	4

/* Longest key; the value may be as long as all of them together */
#define COMMENT_MAX_KEY			64

/*
 * The tags so far, and how much of them was there before the comment at hand:
 * what to go back to if that turns out to be something else.
 */
typedef struct TagCollector
{
	CommentTags *tags;
	size_t		used;			/* of tags->bytes */
	int			before_ntags;
	size_t		before_used;
	bool		before_ignore;
	bool		before_traced;
} TagCollector;

/* The lexer's white space */
static inline bool
is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

static inline bool
is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int
hex_value(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Narrows [*begin, *end) to what white space and semicolons enclose */
static inline void
trim(const char **begin, const char **end)
{
	const char *p = *begin;
	const char *q = *end;

	while (p < q && (is_space(*p) || *p == ';'))
		p++;
	while (q > p && (is_space(q[-1]) || q[-1] == ';'))
		q--;
	*begin = p;
	*end = q;
}

static inline bool
starts_with_comment(const char *begin, const char *end)
{
	return end - begin >= 4 && begin[0] == '/' && begin[1] == '*';
}

static inline bool
ends_with_comment(const char *begin, const char *end)
{
	return end - begin >= 4 && end[-2] == '*' && end[-1] == '/';
}

bool
comment_present(const char *text, int length)
{
	const char *begin = text;
	const char *end = text + Max(length, 0);

	trim(&begin, &end);
	return starts_with_comment(begin, end) || ends_with_comment(begin, end);
}

/*
 * Where the comment that starts at begin ends, comments nested in it
 * included; NULL if it is not closed, or too long.
 */
static const char *
find_close(const char *begin, const char *end)
{
	const char *p = begin;
	int			depth = 0;

	if (end - begin > COMMENT_MAX_SCAN)
		end = begin + COMMENT_MAX_SCAN;

	while (end - p >= 2)
	{
		if (p[0] == '/' && p[1] == '*')
		{
			depth++;
			p += 2;
		}
		else if (p[0] == '*' && p[1] == '/')
		{
			p += 2;
			if (--depth == 0)
				return p;
		}
		else
			p++;
	}
	return NULL;
}

/* Where the comment that ends at end starts; NULL likewise */
static const char *
find_open(const char *begin, const char *end)
{
	const char *p = end;
	int			depth = 0;

	if (end - begin > COMMENT_MAX_SCAN)
		begin = end - COMMENT_MAX_SCAN;

	while (p - begin >= 2)
	{
		if (p[-2] == '*' && p[-1] == '/')
		{
			depth++;
			p -= 2;
		}
		else if (p[-2] == '/' && p[-1] == '*')
		{
			p -= 2;
			if (--depth == 0)
				return p;
		}
		else
			p--;
	}
	return NULL;
}

/*
 * Length of the UTF-8 character at s, 0 if it is none, -1 if it is one as far
 * as there are bytes.
 */
static int
utf8_length(const unsigned char *s, size_t available)
{
	unsigned char low = 0x80;
	unsigned char high = 0xBF;
	int			length;

	if (s[0] < 0x80)
		return 1;
	else if (s[0] < 0xC2)
		return 0;
	else if (s[0] < 0xE0)
		length = 2;
	else if (s[0] < 0xF0)
	{
		length = 3;
		if (s[0] == 0xE0)
			low = 0xA0;			/* shorter forms exist */
		else if (s[0] == 0xED)
			high = 0x9F;		/* surrogates */
	}
	else if (s[0] < 0xF5)
	{
		length = 4;
		if (s[0] == 0xF0)
			low = 0x90;			/* shorter forms exist */
		else if (s[0] == 0xF4)
			high = 0x8F;		/* past U+10FFFF */
	}
	else
		return 0;

	for (int i = 1; i < length; i++)
	{
		if ((size_t) i >= available)
			return -1;
		if (s[i] < low || s[i] > high)
			return 0;
		low = 0x80;
		high = 0xBF;
	}
	return length;
}

/*
 * Makes bytes[0 .. length) harmless, in place: control characters and what is
 * not UTF-8 become question marks.  If the bytes were cut, the rest of the
 * last character is left out.  Returns the new length.
 */
static size_t
sanitize(char *bytes, size_t length, bool cut)
{
	unsigned char *s = (unsigned char *) bytes;
	size_t		from = 0;
	size_t		to = 0;

	while (from < length)
	{
		int			n = utf8_length(s + from, length - from);

		if (n < 0 && cut)
			break;
		if (n <= 0)
		{
			s[to++] = '?';
			from++;
		}
		else if (s[from] < 0x20 || s[from] == 0x7F ||
				 (from + 1 < length && s[from] == 0xC2 && s[from + 1] < 0xA0))
		{
			s[to++] = '?';
			from += n;
		}
		else
		{
			memmove(s + to, s + from, n);
			to += n;
			from += n;
		}
	}
	return to;
}

/*
 * Copies a raw key or value to buffer, decoded and made harmless, always ended
 * with a NUL.  Returns false if it had to be cut.
 */
static bool
decode(const char *begin, const char *end, bool encoded,
	   char *buffer, size_t size, size_t *decoded_length)
{
	size_t		length = 0;
	bool		cut = false;

	while (begin < end)
	{
		char		c = *begin++;

		if (encoded && c == '%' && end - begin >= 2 &&
			hex_value(begin[0]) >= 0 && hex_value(begin[1]) >= 0)
		{
			c = (char) (hex_value(begin[0]) * 16 + hex_value(begin[1]));
			begin += 2;
		}
		else if (encoded && c == '\\' && begin < end &&
				 (*begin == '\'' || *begin == '\\'))
			c = *begin++;

		if (length + 1 >= size)
		{
			cut = true;
			break;
		}
		buffer[length++] = c;
	}

	length = sanitize(buffer, length, cut);
	buffer[length] = '\0';
	*decoded_length = length;
	return !cut;
}

/*
 * Sets the trace id from a traceparent: version, 32 digits of trace id, 16 of
 * parent id, flags.  Versions to come may append fields; a trace id of zeros
 * is none.
 */
static void
take_trace_id(CommentTags *tags, const char *value, size_t length)
{
	char		id[COMMENT_TRACE_ID_LENGTH + 1];
	bool		zero = true;

	if (tags->trace_id[0] != '\0' ||
		length < 55 ||
		(length > 55 && (value[55] != '-' || strncmp(value, "00", 2) == 0)) ||
		strncmp(value, "ff", 2) == 0)
		return;

	for (int i = 0; i < 55; i++)
	{
		if (i == 2 || i == 35 || i == 52)
		{
			if (value[i] != '-')
				return;
		}
		else if (hex_value(value[i]) < 0)
			return;
	}

	for (int i = 0; i < COMMENT_TRACE_ID_LENGTH; i++)
	{
		id[i] = "0123456789abcdef"[hex_value(value[3 + i])];
		if (id[i] != '0')
			zero = false;
	}
	id[COMMENT_TRACE_ID_LENGTH] = '\0';

	if (!zero)
		memcpy(tags->trace_id, id, sizeof(id));
}

/*
 * Adds one tag, unless there is no room for it or its key is there already.
 * The trace id and the wish to be ignored are seen even then.
 */
static void
add_tag(TagCollector *collector, const char *key_begin, const char *key_end,
		const char *value_begin, const char *value_end, bool encoded)
{
	CommentTags *tags = collector->tags;
	size_t		room = COMMENT_MAX_BYTES - collector->used;
	char		key[COMMENT_MAX_KEY];
	char		value[COMMENT_MAX_BYTES];
	size_t		key_size;
	size_t		value_size;

	if (!decode(key_begin, key_end, encoded, key, sizeof(key), &key_size))
		return;
	(void) decode(value_begin, value_end, encoded, value, sizeof(value),
				  &value_size);

	if (strcmp(key, "traceparent") == 0)
		take_trace_id(tags, value, value_size);
	else if (strcmp(key, "querywatch") == 0 && strcmp(value, "ignore") == 0)
		tags->ignore = true;

	if (tags->ntags >= COMMENT_MAX_TAGS || comment_tag(tags, key) != NULL)
		return;

	/* each with its NUL */
	key_size++;
	value_size++;
	if (key_size + value_size > room)
	{
		/* cut the value if that leaves anything of it */
		if (key_size + 2 > room)
			return;
		value_size = sanitize(value, room - key_size - 1, true) + 1;
		if (value_size == 1)
			return;
		value[value_size - 1] = '\0';
	}

	tags->tags[tags->ntags].key =
		memcpy(tags->bytes + collector->used, key, key_size);
	collector->used += key_size;
	tags->tags[tags->ntags].value =
		memcpy(tags->bytes + collector->used, value, value_size);
	collector->used += value_size;
	tags->ntags++;
}

/* key='value', ... ; false if it is not that */
static bool
parse_sqlcommenter(TagCollector *collector, const char *p, const char *end)
{
	while (p < end)
	{
		const char *key = p;
		const char *key_end;
		const char *value;

		while (p < end && *p != '=' && *p != '\'' && *p != ',' && !is_space(*p))
			p++;
		if (p == key || end - p < 3 || p[0] != '=' || p[1] != '\'')
			return false;
		key_end = p;

		p += 2;
		value = p;
		while (p < end && *p != '\'')
			p += (*p == '\\' && end - p >= 2) ? 2 : 1;
		if (p >= end)
			return false;
		add_tag(collector, key, key_end, value, p, true);
		p++;

		while (p < end && is_space(*p))
			p++;
		if (p < end && *p++ != ',')
			return false;
		while (p < end && is_space(*p))
			p++;
	}
	return true;
}

/*
 * key:value,key:value; false if it is not that.  Its keys are identifiers in
 * lower case and no white space follows them, which tells it from most of
 * what people write into comments.
 */
static bool
parse_marginalia(TagCollector *collector, const char *p, const char *end)
{
	while (p < end)
	{
		const char *key = p;
		const char *key_end;
		const char *value;

		while (p < end &&
			   ((*p >= 'a' && *p <= 'z') || *p == '_' ||
				(p > key && is_digit(*p))))
			p++;
		if (p == key || end - p < 2 || *p != ':')
			return false;
		key_end = p;

		value = ++p;
		if (is_space(*value))
			return false;
		while (p < end && *p != ',')
			p++;
		if (p == value)
			return false;
		add_tag(collector, key, key_end, value, p, false);
		if (p < end)
			p++;
	}
	return true;
}

static void
undo(TagCollector *collector)
{
	collector->tags->ntags = collector->before_ntags;
	collector->used = collector->before_used;
	collector->tags->ignore = collector->before_ignore;
	if (!collector->before_traced)
		collector->tags->trace_id[0] = '\0';
}

/* Takes the tags of one comment, given with its delimiters, if it has any */
static bool
parse_comment(TagCollector *collector, const char *begin, const char *end)
{
	collector->before_ntags = collector->tags->ntags;
	collector->before_used = collector->used;
	collector->before_ignore = collector->tags->ignore;
	collector->before_traced = collector->tags->trace_id[0] != '\0';

	begin += 2;
	end -= 2;
	while (begin < end && is_space(*begin))
		begin++;
	while (end > begin && is_space(end[-1]))
		end--;

	if (parse_sqlcommenter(collector, begin, end))
		return true;
	undo(collector);
	if (parse_marginalia(collector, begin, end))
		return true;
	undo(collector);
	return false;
}

static inline bool
has_tags(const CommentTags *tags)
{
	return tags->ntags > 0 || tags->trace_id[0] != '\0' || tags->ignore;
}

/*
 * Parses the comments at both ends.  *rest and *rest_end become what is left
 * of the text without those that hold tags.
 */
static void
split_comments(const char *begin, const char *end, CommentTags *tags,
			   const char **rest, const char **rest_end)
{
	TagCollector collector;
	bool		tagged = true;

	tags->ntags = 0;
	tags->trace_id[0] = '\0';
	tags->ignore = false;
	collector.tags = tags;
	collector.used = 0;

	trim(&begin, &end);
	*rest = begin;
	*rest_end = end;

	/* The trailing ones first: theirs is the say if a key comes twice */
	for (int i = 0; i < COMMENT_MAX_COMMENTS; i++)
	{
		const char *open;

		if (!ends_with_comment(begin, end))
			break;
		open = find_open(begin, end);
		if (open == NULL || end - open < 4)
			break;
		tagged = parse_comment(&collector, open, end) && tagged;
		end = open;
		trim(&begin, &end);
		if (tagged)
			*rest_end = end;
	}

	tagged = true;
	for (int i = 0; i < COMMENT_MAX_COMMENTS; i++)
	{
		const char *close;

		if (!starts_with_comment(begin, end))
			break;
		close = find_close(begin, end);
		if (close == NULL)
			break;
		tagged = parse_comment(&collector, begin, close) && tagged;
		begin = close;
		trim(&begin, &end);
		if (tagged)
			*rest = begin;
	}
}

bool
comment_parse(const char *text, int length, CommentTags *tags)
{
	const char *rest;
	const char *rest_end;

	split_comments(text, text + Max(length, 0), tags, &rest, &rest_end);
	return has_tags(tags);
}

void
comment_include(const char *source, int *location, int *length)
{
	const char *begin = source + *location;
	const char *limit = source + Max(*location - COMMENT_MAX_SCAN, 0);
	const char *p = begin;

	while (p > limit)
	{
		int			depth = 0;

		while (p > limit && is_space(p[-1]))
			p--;
		if (!ends_with_comment(limit, p))
			break;
		do
		{
			if (p - limit < 2)
				return;			/* not a whole one */
			if (p[-2] == '*' && p[-1] == '/')
			{
				depth++;
				p -= 2;
			}
			else if (p[-2] == '/' && p[-1] == '*')
			{
				depth--;
				p -= 2;
			}
			else
				p--;
		} while (depth > 0);
		if (*length > 0)
			*length += begin - p;
		*location = p - source;
		begin = p;
	}
}

void
comment_strip(const char **text, int *location, int *length)
{
	CommentTags tags;
	const char *rest;
	const char *rest_end;

	if (!comment_present(*text, *length))
		return;
	split_comments(*text, *text + *length, &tags, &rest, &rest_end);
	if (rest_end <= rest)
		return;
	*location += rest - *text;
	*length = rest_end - rest;
	*text = rest;
}

const char *
comment_tag(const CommentTags *tags, const char *key)
{
	for (int i = 0; i < tags->ntags; i++)
	{
		if (strcmp(tags->tags[i].key, key) == 0)
			return tags->tags[i].value;
	}
	return NULL;
}

/* Appends to buffer, which holds length bytes; returns the new length */
static size_t
append_cut(char *buffer, size_t size, size_t length, const char *string)
{
	size_t		n = strlen(string);

	if (length + n + 1 > size)
	{
		n = size - length - 1;
		while (n > 0 && ((unsigned char) string[n] & 0xC0) == 0x80)
			n--;
	}
	memcpy(buffer + length, string, n);
	buffer[length + n] = '\0';
	return length + n;
}

void
comment_route(const CommentTags *tags, char *buffer, size_t size)
{
	const char *route = comment_tag(tags, "route");
	const char *controller = comment_tag(tags, "controller");
	const char *action = comment_tag(tags, "action");
	const char *job = comment_tag(tags, "job");
	size_t		length = 0;

	if (size == 0)
		return;
	buffer[0] = '\0';

	if (route != NULL && route[0] != '\0')
		append_cut(buffer, size, 0, route);
	else if (controller != NULL && controller[0] != '\0')
	{
		length = append_cut(buffer, size, 0, controller);
		if (action != NULL && action[0] != '\0')
		{
			length = append_cut(buffer, size, length, "#");
			append_cut(buffer, size, length, action);
		}
	}
	else if (job != NULL)
		append_cut(buffer, size, 0, job);
}

/*-------------------------------------------------------------------------
 *
 * fuzz_comment.c
 *		Comments of statements, which any client may send.
 *
 * Links: comment.c
 *
 * test/fuzz/fuzz_comment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query/comment.h"
#include "fuzz.h"

/* A string of the tags is one, and holds nothing that could not be printed */
static void
check_string(const CommentTags *tags, const char *string)
{
	CHECK(string >= tags->bytes && string < tags->bytes + COMMENT_MAX_BYTES);
	CHECK(memchr(string, '\0', tags->bytes + COMMENT_MAX_BYTES - string) != NULL);
	for (; *string != '\0'; string++)
		CHECK((unsigned char) *string >= ' ' && *string != 0x7F);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char	   *copy = fuzz_copy(data, size);
	const char *text = copy;
	int			location = 0;
	int			length = (int) size;
	CommentTags tags;
	char		route[64];

	memset(&tags, 0x7F, sizeof(tags));
	if (comment_parse(copy, length, &tags))
		CHECK(comment_present(copy, length));
	else
		CHECK(tags.ntags == 0 && tags.trace_id[0] == '\0' && !tags.ignore);

	CHECK(tags.ntags >= 0 && tags.ntags <= COMMENT_MAX_TAGS);
	CHECK(strlen(tags.trace_id) == 0 ||
		  strlen(tags.trace_id) == COMMENT_TRACE_ID_LENGTH);
	for (int i = 0; i < tags.ntags; i++)
	{
		check_string(&tags, tags.tags[i].key);
		check_string(&tags, tags.tags[i].value);
		CHECK(comment_tag(&tags, tags.tags[i].key) != NULL);
	}
	for (size_t room = 1; room <= sizeof(route); room *= 2)
	{
		comment_route(&tags, route, room);
		CHECK(strlen(route) < room);
	}

	/* what is left is a part of it */
	comment_strip(&text, &location, &length);
	CHECK(length >= 0 && text >= copy && text + length <= copy + size);
	CHECK(location == text - copy);
	free(copy);
	return 0;
}

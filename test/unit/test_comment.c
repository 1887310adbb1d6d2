/*-------------------------------------------------------------------------
 *
 * test_comment.c
 *		Unit test of src/query/comment.c, without a server.
 *
 * Prints TAP.  Every text is copied to the end of a heap block before it is
 * parsed, so that the address sanitizer sees each read outside of it.
 *
 * test/unit/test_comment.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "query/comment.h"
#include "unit.h"

#define TRACE	"0af7651916cd43dd8448eb211c80319c"

static bool
parse_bytes(const char *bytes, size_t length, CommentTags *tags)
{
	char	   *copy = malloc(length > 0 ? length : 1);
	bool		found;

	memcpy(copy, bytes, length);
	memset(tags, 0x7F, sizeof(*tags));
	found = comment_parse(copy, (int) length, tags);
	if (found && !comment_present(copy, (int) length))
	{
		ok(false, "a text with tags has a comment");
		found = false;
	}
	free(copy);
	return found;
}

static bool
parse(const char *text, CommentTags *tags)
{
	return parse_bytes(text, strlen(text), tags);
}

/*
 * Writes the tags as key=value;key=value;
 */
static const char *
listed(const char *text)
{
	static char list[4 * COMMENT_MAX_BYTES];
	CommentTags tags;

	list[0] = '\0';
	parse(text, &tags);
	for (int i = 0; i < tags.ntags; i++)
	{
		strcat(list, tags.tags[i].key);
		strcat(list, "=");
		strcat(list, tags.tags[i].value);
		strcat(list, ";");
	}
	return list;
}

static void
is_tags(const char *text, const char *expected, const char *name)
{
	const char *list = listed(text);

	ok(strcmp(list, expected) == 0, name);
	if (strcmp(list, expected) != 0)
		printf("# got      %s\n# expected %s\n", list, expected);
}

static void
is_trace(const char *text, const char *expected, const char *name)
{
	CommentTags tags;

	parse(text, &tags);
	ok(strcmp(tags.trace_id, expected) == 0, name);
	if (strcmp(tags.trace_id, expected) != 0)
		printf("# got      %s\n# expected %s\n", tags.trace_id, expected);
}

static void
is_route(const char *text, size_t size, const char *expected, const char *name)
{
	CommentTags tags;
	char	   *buffer = malloc(size);

	parse(text, &tags);
	comment_route(&tags, buffer, size);
	ok(strcmp(buffer, expected) == 0, name);
	if (strcmp(buffer, expected) != 0)
		printf("# got      %s\n# expected %s\n", buffer, expected);
	free(buffer);
}

static bool
present(const char *text)
{
	return comment_present(text, strlen(text));
}

static void
test_present(void)
{
	ok(!present(""), "nothing has no comment");
	ok(!present("SELECT 1"), "no comment");
	ok(present("/*a*/ SELECT 1"), "leading comment");
	ok(present(" \n;SELECT 1 /*a*/ ; \t"), "trailing comment before a semicolon");
	ok(!present("SELECT /*a*/ 1"), "a comment in the middle does not count");
	ok(!present("/*/"), "too short for a comment");
	ok(!present(";"), "a semicolon only");
	ok(!comment_present("x", 0), "length 0");
	ok(!comment_present("x", -1), "negative length");
}

static void
test_sqlcommenter(void)
{
	is_tags("SELECT 1 /*action='index',controller='posts'*/",
			"action=index;controller=posts;", "two tags");
	is_tags("/*application='shop'*/ SELECT 1", "application=shop;", "leading");
	is_tags("/*a='1'*/ SELECT 1 /*b='2'*/", "b=2;a=1;", "leading and trailing");
	is_tags("/*a='1'*/ SELECT 1 /*a='2'*/", "a=2;", "the trailing one wins");
	is_tags("SELECT 1 /*a='1'*/ /*b='2'*/;", "b=2;a=1;", "two trailing ones");
	is_tags("/*x*//*a='1'*/SELECT 1", "a=1;", "behind a comment that is none");
	is_tags("SELECT 1 /* a='1', b='2' */", "a=1;b=2;", "spaces around");
	is_tags("SELECT 1 /*route='%2Fusers%2F%3Aid'*/", "route=/users/:id;",
			"URL decoding");
	is_tags("SELECT 1 /*na%6De='DROP%20TABLE%20FOO'*/", "name=DROP TABLE FOO;",
			"URL decoding of keys");
	is_tags("SELECT 1 /*a='it\\'s'*/", "a=it's;", "escaped quote");
	is_tags("SELECT 1 /*a='\\\\',b='2'*/", "a=\\;b=2;", "escaped backslash");
	is_tags("SELECT 1 /*a='%27'*/", "a=';", "encoded quote");
	is_tags("SELECT 1 /*a=''*/", "a=;", "empty value");
	is_tags("SELECT 1 /*a='1',*/", "a=1;", "comma at the end");
	is_tags("SELECT 1 /*a='1',a='2'*/", "a=1;", "the same key twice");
	is_tags("SELECT 1 /*a='%'*/", "a=%;", "a percent sign at the end");
	is_tags("SELECT 1 /*a='%4'*/", "a=%4;", "half an escape");
	is_tags("SELECT 1 /*a='%zz%41'*/", "a=%zzA;", "no hexadecimal digits");
	is_tags("SELECT 1 /*a='x,b=y'*/", "a=x,b=y;", "a comma in a value");
	is_tags("SELECT 1 /*a='b:c'*/", "a=b:c;", "a colon in a value");
	is_tags("INSERT INTO t VALUES ('/*a=''1''*/')", "",
			"what looks like one in a string");
}

static void
test_marginalia(void)
{
	is_tags("SELECT 1 /*application:Blog,controller:posts,action:index*/",
			"application=Blog;controller=posts;action=index;", "three tags");
	is_tags("/*application:Blog*/ SELECT 1", "application=Blog;", "leading");
	is_tags("SELECT 1 /*line:/app/models/post.rb:12:in `x'*/",
			"line=/app/models/post.rb:12:in `x';", "colons in a value");
	is_tags("SELECT 1 /*a:%41*/", "a=%41;", "nothing is decoded");
	is_tags("SELECT 1 /*namespaced_controller:admin/posts*/",
			"namespaced_controller=admin/posts;", "a slash in a value");
}

static void
test_others(void)
{
	is_tags("SELECT 1 /* fetch the posts */", "", "a remark");
	is_tags("SELECT 1 /* TODO: index this */", "", "a remark with a colon");
	is_tags("SELECT 1 /* note: index this */", "", "the same in lower case");
	is_tags("/*+ IndexScan(t) */ SELECT 1", "", "a planner hint");
	is_tags("/*! mysql */ SELECT 1", "", "a MySQL comment");
	is_tags("SELECT 1 /* where a = 'x' */", "", "SQL in a comment");
	is_tags("SELECT 1 /* a=1 */", "", "a value without quotes");
	is_tags("SELECT 1 /*a='1' and b='2'*/", "", "no comma");
	is_tags("SELECT 1 /*a='1',b*/", "", "all or nothing: a key alone");
	is_tags("SELECT 1 /*a='1',b='2*/", "", "all or nothing: no closing quote");
	is_tags("SELECT 1 /*a='1',b='2\\*/", "", "a backslash at the end");
	is_tags("SELECT 1 /*a='1',='2'*/", "", "an empty key");
	is_tags("SELECT 1 /*a:1,b*/", "", "all or nothing: no colon");
	is_tags("SELECT 1 /*a:1,b:*/", "", "all or nothing: an empty value");
	is_tags("SELECT 1 /*A:1*/", "", "a key in upper case");
	is_tags("SELECT 1 /**/", "", "an empty comment");
	is_tags("/**/", "", "an empty comment alone");
	is_tags("/*/", "", "an unfinished comment");
	is_tags("/* a='1'", "", "a comment never closed");
	is_tags("a='1' */", "", "a comment never opened");
	is_tags("*/ /*", "", "the wrong way round");
	is_tags("/*/ */", "", "an overlap");
	is_tags("/*/*/", "", "another");
	is_tags("/* /* */", "", "one of two not closed");
	is_tags("SELECT 1 /* x /* y */ z */", "", "nested, a remark");
	is_tags("SELECT 1 /*a='/*x*/'*/", "a=/*x*/;", "nested, in a value");
	is_tags("/*a='/*x*/'*/SELECT 1", "a=/*x*/;", "the same, leading");
	is_tags("SELECT 1 -- /*a='1'", "", "a line comment");
	is_tags("", "", "nothing");
	is_tags(";;; ", "", "semicolons");
}

static void
test_characters(void)
{
	CommentTags tags;

	is_tags("SELECT 1 /*a='%C3%A9%E2%82%AC%F0%9F%98%80'*/",
			"a=\xC3\xA9\xE2\x82\xAC\xF0\x9F\x98\x80;", "UTF-8, encoded");
	is_tags("SELECT 1 /*a='\xC3\xA9'*/", "a=\xC3\xA9;", "UTF-8, as it is");
	is_tags("SELECT 1 /*a='%00x%0A%1B%7F'*/", "a=?x???;", "control characters");
	is_tags("SELECT 1 /*a='x\ny'*/", "a=x?y;", "a line break as it is");
	is_tags("SELECT 1 /*a='%C2%85'*/", "a=?;", "a control character past ASCII");
	is_tags("SELECT 1 /*a='%FF%C3'*/", "a=??;", "not UTF-8");
	is_tags("SELECT 1 /*a='%C3x'*/", "a=?x;", "half a character");
	is_tags("SELECT 1 /*a='%C0%AF'*/", "a=??;", "an overlong form");
	is_tags("SELECT 1 /*a='%E0%80%AF'*/", "a=???;", "a longer one");
	is_tags("SELECT 1 /*a='%F0%80%80%AF'*/", "a=????;", "the longest");
	is_tags("SELECT 1 /*a='%ED%A0%80'*/", "a=???;", "a surrogate");
	is_tags("SELECT 1 /*a='%F4%90%80%80'*/", "a=????;", "past the last character");
	is_tags("SELECT 1 /*%00='1'*/", "?=1;", "a control character in a key");

	parse_bytes("SELECT 1 /*a='\0'*/", 18, &tags);
	ok(tags.ntags == 1 && strcmp(tags.tags[0].value, "?") == 0, "a NUL as it is");
}

static void
test_trace(void)
{
	is_trace("SELECT 1 /*traceparent='00-" TRACE "-b7ad6b7169203331-01'*/",
			 TRACE, "a trace id");
	is_trace("/*traceparent='00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01'*/SELECT 1",
			 TRACE, "in lower case");
	is_trace("SELECT 1 /*a='1',traceparent='00-" TRACE "-b7ad6b7169203331-00',z='2'*/",
			 TRACE, "among others");
	is_trace("SELECT 1 /*traceparent='cc-" TRACE "-b7ad6b7169203331-01-what'*/",
			 TRACE, "a version to come");
	is_trace("SELECT 1 /*traceparent='00-" TRACE "-b7ad6b7169203331-01-what'*/",
			 "", "version 00 has no more fields");
	is_trace("SELECT 1 /*traceparent='ff-" TRACE "-b7ad6b7169203331-01'*/",
			 "", "version ff is none");
	is_trace("SELECT 1 /*traceparent='00-00000000000000000000000000000000-b7ad6b7169203331-01'*/",
			 "", "zeros");
	is_trace("SELECT 1 /*traceparent='00-" TRACE "-b7ad6b7169203331'*/",
			 "", "too short");
	is_trace("SELECT 1 /*traceparent='00-zaf7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01'*/",
			 "", "no hexadecimal digit");
	is_trace("SELECT 1 /*traceparent='00_" TRACE "_b7ad6b7169203331_01'*/",
			 "", "other separators");
	is_trace("SELECT 1 /*traceparent=''*/", "", "empty");
	is_trace("SELECT 1 /*traceparent='00-" TRACE "-b7ad6b7169203331-01',b*/",
			 "", "not from a comment that is none");
}

static void
test_ignore(void)
{
	CommentTags tags;

	ok(parse("SELECT 1 /*querywatch='ignore'*/", &tags) && tags.ignore,
	   "ignore");
	ok(parse("/*querywatch:ignore*/ SELECT 1", &tags) && tags.ignore,
	   "ignore, the older format");
	ok(parse("SELECT 1 /*querywatch='no'*/", &tags) && !tags.ignore,
	   "another value");
	ok(!parse("SELECT 1 /* querywatch ignore */", &tags) && !tags.ignore,
	   "a remark");
	ok(!parse("SELECT 1 /*querywatch='ignore',x*/", &tags) && !tags.ignore,
	   "not from a comment that is none");
}

static void
test_limits(void)
{
	static char text[1100000];
	CommentTags tags;
	char	   *p;
	size_t		total = 0;

	/* more tags than fit */
	p = text + sprintf(text, "SELECT 1 /*");
	for (int i = 0; i < 40; i++)
		p += sprintf(p, "k%d='v%d',", i, i);
	sprintf(p, "querywatch='ignore',traceparent='00-" TRACE "-b7ad6b7169203331-01'*/");
	ok(parse(text, &tags) && tags.ntags == COMMENT_MAX_TAGS, "too many tags");
	ok(tags.ignore && strcmp(tags.trace_id, TRACE) == 0,
	   "trace id and ignore are seen all the same");
	ok(comment_tag(&tags, "k15") != NULL && comment_tag(&tags, "k16") == NULL,
	   "the first ones are kept");

	/* a value longer than fits, of characters of three bytes */
	p = text + sprintf(text, "SELECT 1 /*a='");
	for (int i = 0; i < 700; i++)
		p += sprintf(p, "%%E2%%82%%AC");
	sprintf(p, "',b='2'*/");
	ok(parse(text, &tags) && tags.ntags >= 1, "a long value");
	ok(strlen(tags.tags[0].value) % 3 == 0 &&
	   strlen(tags.tags[0].value) > COMMENT_MAX_BYTES - 10,
	   "is cut at a character");
	for (int i = 0; i < tags.ntags; i++)
		total += strlen(tags.tags[i].key) + strlen(tags.tags[i].value) + 2;
	ok(total <= COMMENT_MAX_BYTES, "all within the limit");

	/* long values one after another */
	p = text + sprintf(text, "SELECT 1 /*");
	for (int i = 0; i < 10; i++)
	{
		p += sprintf(p, "k%d='", i);
		memset(p, 'a' + i, 300);
		p += 300;
		p += sprintf(p, "',");
	}
	sprintf(p, "*/");
	ok(parse(text, &tags) && tags.ntags == 4 &&
	   strlen(tags.tags[3].value) < 300, "the fourth is cut, the rest left out");

	/* a key that is too long */
	p = text + sprintf(text, "SELECT 1 /*");
	memset(p, 'k', 500);
	p += 500;
	sprintf(p, "='v',b='2'*/");
	ok(parse(text, &tags) && tags.ntags == 1 &&
	   strcmp(tags.tags[0].key, "b") == 0, "a long key is left out");

	/* a comment too long to be looked at, and a million bytes around one */
	p = text + sprintf(text, "SELECT 1 /*a='");
	memset(p, 'x', 20000);
	p += 20000;
	sprintf(p, "'*/");
	ok(!parse(text, &tags), "a comment of 20 kB");

	memset(text, 'x', 1000000);
	memcpy(text, "/*a='1'*/", 9);
	memcpy(text + 1000000, "/*b='2'*/", 10);
	ok(parse(text, &tags) && tags.ntags == 2, "a megabyte between two comments");

	memset(text, '/', 1000000);
	memcpy(text + 1000000, "*/", 3);
	ok(!parse(text, &tags), "a megabyte of slashes");
	for (int i = 0; i < 500000; i++)
		memcpy(text + 2 * i, "/*", 2);
	text[1000000] = '\0';
	ok(!parse(text, &tags), "a megabyte of openings");
	for (int i = 0; i < 500000; i++)
		memcpy(text + 2 * i, "*/", 2);
	ok(!parse(text, &tags), "a megabyte of endings");
	for (int i = 0; i < 250000; i++)
		memcpy(text + 4 * i, "/**/", 4);
	ok(!parse(text, &tags), "a megabyte of comments");
}

static void
test_route(void)
{
	is_route("SELECT 1 /*route='/posts/:id',controller='c',action='a'*/", 64,
			 "/posts/:id", "route goes first");
	is_route("SELECT 1 /*controller='posts',action='index',job='J'*/", 64,
			 "posts#index", "controller and action");
	is_route("SELECT 1 /*controller='posts'*/", 64, "posts", "controller alone");
	is_route("SELECT 1 /*action='index'*/", 64, "", "action alone is none");
	is_route("SELECT 1 /*job='MailJob'*/", 64, "MailJob", "job");
	is_route("SELECT 1 /*route='',job='MailJob'*/", 64, "MailJob", "empty route");
	is_route("SELECT 1", 64, "", "none");
	is_route("SELECT 1 /*controller='posts',action='index'*/", 8, "posts#i",
			 "cut");
	is_route("SELECT 1 /*controller='posts',action='index'*/", 6, "posts",
			 "cut before the separator");
	is_route("SELECT 1 /*route='%E2%82%AC%E2%82%AC'*/", 6, "\xE2\x82\xAC",
			 "cut at a character");
	is_route("SELECT 1 /*route='x'*/", 1, "", "no room");
}

/* The same numbers on every machine */
static unsigned int
random_below(unsigned int n)
{
	static unsigned int seed = 42;

	seed = seed * 1103515245u + 12345u;
	return (seed >> 16) % n;
}

/*
 * Random bytes of those that matter, and mutations of a good comment: nothing
 * is expected but that every string is in its place and harmless.
 */
static void
test_random(void)
{
	static const char alphabet[] = "/*/*'=,:;\\% ab1'\xC3\xA9\xF0\n";
	static const char good[] =
		"/*a='1'*/SELECT 1 /*b='%C3%A9\\'',traceparent='00-" TRACE
		"-b7ad6b7169203331-01'*/ /*c:d,e:f*/";
	bool		fine = true;

	for (int round = 0; round < 200000 && fine; round++)
	{
		char		text[256];
		size_t		length;
		CommentTags tags;
		char		route[16];

		if (round % 2 == 0)
		{
			length = random_below(sizeof(text));
			for (size_t i = 0; i < length; i++)
				text[i] = alphabet[random_below(sizeof(alphabet))];
		}
		else
		{
			length = sizeof(good) - 1;
			memcpy(text, good, length);
			for (int i = random_below(4); i >= 0; i--)
				text[random_below(length)] = alphabet[random_below(sizeof(alphabet))];
			length -= random_below(8);
		}

		parse_bytes(text, length, &tags);
		if (tags.ntags < 0 || tags.ntags > COMMENT_MAX_TAGS)
			fine = false;
		for (int i = 0; i < tags.ntags && fine; i++)
		{
			for (const char *p = tags.tags[i].value; *p != '\0'; p++)
			{
				if (p < tags.bytes || p >= tags.bytes + COMMENT_MAX_BYTES ||
					(unsigned char) *p < 0x20)
					fine = false;
			}
		}
		comment_route(&tags, route, 1 + random_below(sizeof(route)));
	}
	ok(fine, "200000 random texts");
}

/* The statement that begins at the first '@' of text, which is taken out */
static void
begins(const char *text, int length, const char *expected)
{
	char		source[1024];
	int			location = strchr(text, '@') - text;
	int			moved = location;
	int			moved_length = length;

	memcpy(source, text, location);
	strcpy(source + location, text + location + 1);
	comment_include(source, &moved, &moved_length);
	ok(strcmp(source + moved, expected) == 0 &&
	   moved_length == (length == 0 ? 0 : length + location - moved),
	   "\"%s\" begins at \"%s\"", text, source + moved);
}

static void
test_include(void)
{
	begins("@SELECT 1", 0, "SELECT 1");
	begins("  @SELECT 1", 8, "SELECT 1");
	begins("/* a */ @SELECT 1", 0, "/* a */ SELECT 1");
	begins("/* a */ @SELECT 1", 8, "/* a */ SELECT 1");
	begins("/* a *//* b */@SELECT 1", 8, "/* a *//* b */SELECT 1");
	begins("/* a /* b */ c */ @SELECT 1", 0, "/* a /* b */ c */ SELECT 1");
	begins("SELECT 1; /* a */ @SELECT 2", 8, "/* a */ SELECT 2");
	begins("SELECT 1 /* a */; @SELECT 2", 8, "SELECT 2");
	begins("SELECT '/*'; /* a */ @SELECT 2", 8, "/* a */ SELECT 2");
	begins("SELECT 1; b */ @SELECT 2", 8, "SELECT 2");
	begins("*/@SELECT 2", 8, "SELECT 2");
	begins("/*/@SELECT 2", 8, "SELECT 2");
	begins("*/ /* a */@SELECT 2", 8, "/* a */SELECT 2");
}

int
main(void)
{
	test_present();
	test_sqlcommenter();
	test_marginalia();
	test_others();
	test_characters();
	test_trace();
	test_ignore();
	test_include();
	test_limits();
	test_route();
	test_random();

	return unit_done();
}

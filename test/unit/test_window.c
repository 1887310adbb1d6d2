/*-------------------------------------------------------------------------
 *
 * test_window.c
 *		The contract of the repeat detector, case by case: what must be found
 *		(P) and what must not be called a repeat (N), each as a written
 *		stream.
 *
 * A case that does not say whether it runs in a transaction is tried inside
 * one (T) and with each statement on its own (A).
 *
 * Links: burst.c keyset.c relate.c units.c values.c valueset.c verdict.c walkproof.c walkrows.c walks.c window.c
 *
 * test/unit/test_window.c
 *
 *-------------------------------------------------------------------------
 */
#include "stream.h"

#define N		20

static const RepeatRelationship NO_RELATIONSHIP = RELATIONSHIP_NONE;

static Statement authors, posts, tags, comments, books, orders, users;
static Statement author_by_id, posts_of_author, user_by_id, page_by_slug,
			session_by_token;
static Statement insert_author, insert_audit;

static void
make_statements(void)
{
	authors = list_of_all(AUTHORS);
	posts = list_of_all(POSTS);
	tags = list_of_all(TAGS);
	comments = list_of_all(COMMENTS);
	books = list_of_all(BOOKS);
	orders = list_of_all(ORDERS);
	users = list_of_all(USERS);
	author_by_id = lookup(AUTHORS, 1);
	posts_of_author = lookup(POSTS, 2);
	user_by_id = lookup(USERS, 1);
	page_by_slug = lookup(PAGES, 2);
	session_by_token = lookup(SESSIONS, 3);
	insert_author = insert_into(AUTHORS);
	insert_audit = insert_into(AUDIT);
}

/* Both ways of a case: 0 inside one transaction, 1 each statement alone */
#define BOTH_WAYS			for (int way = 0; way < 2; way++)
#define NAME(t, a)			(way == 0 ? (t) : (a))

static void
start_way(int way)
{
	start_stream();
	if (way == 0)
		begin();
}

/* A listing of N rows, and the child once for each */
static void
walk(const Statement *parent, const Statement *child, uint64 rows_each)
{
	run(parent, N, 0);
	for (int i = 0; i < N; i++)
		run(child, rows_each, i);
}

static void
found_walk(const char *name, const Statement *parent, const Statement *child,
		   uint64 rows_each, RepeatConfidence confidence,
		   RepeatRelationship relationship)
{
	walk(parent, child, rows_each);
	expect(name, child, REPEAT_N_PLUS_ONE, confidence, relationship, parent);
	expect_begun(name, child, REPEAT_N_PLUS_ONE, confidence, relationship,
				 parent);
	expect_verdicts(name, 1);
}

static void
reads_found(void)
{
	BOTH_WAYS
	{
		Statement	profile = lookup(PROFILES, 2);
		Statement	tags_of_post =
			joined(where(statement(SHAPE_SELECT, TAGS, 3), POST_TAGS, 2),
				   POST_TAGS);
		Statement	roots = list_of_all(COMMENTS);
		Statement	children = lookup(COMMENTS, 2);
		Statement	polymorphic =
			where(lookup(ATTACHMENTS, 2), ATTACHMENTS, 3);
		Statement	count_of_posts =
			flagged(where(joined(statement(SHAPE_SELECT, InvalidOid, 1),
								 POSTS), POSTS, 2), SHAPE_AGGREGATE_ONLY);
		Statement	has_posts = flagged(count_of_posts, SHAPE_HAS_LIMIT);
		Statement	newest_post = flagged(posts_of_author,
										  SHAPE_HAS_LIMIT | SHAPE_ORDERED);
		Statement	name_of_author =
			where(statement(SHAPE_SELECT, AUTHORS, 1), AUTHORS, 1);
		Statement	titles = leaving_out(posts, 4);
		Statement	body_of_post =
			leaving_out(where(statement(SHAPE_SELECT, POSTS, 2), POSTS, 1), 3);
		Statement	publisher_by_id = lookup(PUBLISHERS, 1);
		Statement	members = lookup(MEMBERS, 2);
		Statement	addresses = lookup(ADDRESSES, 2);
		Statement	in_of_one = posts_of_author;
		RepeatConfidence by_cardinality = way == 0 ? CONFIDENCE_LIKELY :
			CONFIDENCE_SUSPECTED;
		const char *name;

		has_posts.queryid++;
		newest_post.queryid++;
		in_of_one.queryid += 2;
		in_of_one.shape.conditions[0].value.list = 1;

		start_way(way);
		found_walk(NAME("P1 T", "P3 A"), &posts, &author_by_id, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE);
		is(closed[0].facts.executions, N, "P1: executions");
		is(closed[0].facts.distinct_keys, N, "P1: distinct keys");
		is(closed[0].facts.distinct_values, N, "P1: distinct values");
		is(closed[0].facts.duplicates, 0, "P1: duplicates");
		is(closed[0].facts.key_relid, AUTHORS, "P1: table of the key");
		is(closed[0].facts.key_attnum, 1, "P1: column of the key");
		is(closed[0].facts.parent_relid, POSTS, "P1: the parent's table");
		is(closed[0].facts.parent_attnum, 2, "P1: the parent's column");
		is(closed[0].facts.parent_transactions_shared, way == 0,
		   "P1: the parent ran in the same transaction");
		is(closed[0].facts.transactions, way == 0 ? 1 : N,
		   "P1: transactions");
		is(closed[0].verdict.one_transaction, way == 0,
		   "P1: one transaction");
		is(closed[0].verdict.time_lost,
		   (N - 1) * (pause_before + running), "P1: time lost");

		start_way(way);
		found_walk(NAME("P2 T", "P4 A"), &authors, &posts_of_author, 7,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);
		is(closed[0].facts.key_relid, POSTS, "P2: table of the key");
		is(closed[0].facts.key_attnum, 2, "P2: column of the key");
		is(closed[0].facts.parent_relid, AUTHORS, "P2: the parent's table");
		is(closed[0].facts.parent_attnum, 1, "P2: the parent's column");

		start_way(way);
		found_walk(NAME("P5 T", "P5 A"), &authors, &profile, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);

		start_way(way);
		found_walk(NAME("P6 T", "P6 A"), &posts, &tags_of_post, 3,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_MANY);

		/* three roots, of which each node is asked for its children */
		start_way(way);
		name = NAME("P7 T", "P7 A");
		run(&roots, 3, 0);
		for (int i = 0; i < N; i++)
			run(&children, i < N - 3 ? 1 : 0, i);
		expect(name, &children, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &roots);
		expect_verdicts(name, 1);

		/* the same where the root was had by its key: its own parent */
		start_way(way);
		name = NAME("P7 from one root T", "P7 from one root A");
		run(&roots, 1, 0);
		for (int i = 0; i < N; i++)
			run(&children, i < 7 ? 3 : 0, i);
		expect(name, &children, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &children);

		start_way(way);
		name = NAME("P8 T", "P8 A");
		run(&posts, N, 0);
		for (int i = 0; i < N; i++)
			RUN(&polymorphic, .rows = 2, .key = {i, 4711});
		expect(name, &polymorphic, REPEAT_N_PLUS_ONE, by_cardinality,
			   NO_RELATIONSHIP, &posts);
		expect_begun(name, &polymorphic, REPEAT_N_PLUS_ONE,
					 CONFIDENCE_SUSPECTED, NO_RELATIONSHIP, &posts);
		expect_verdicts(name, 1);

		start_way(way);
		found_walk(NAME("P9 T", "P9 A"), &authors, &count_of_posts, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_COUNT_OR_EXISTS);

		start_way(way);
		found_walk(NAME("P10 T", "P10 A"), &authors, &has_posts, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_COUNT_OR_EXISTS);

		start_way(way);
		schema_without_keys = true;
		name = NAME("P10 without a foreign key T",
					"P10 without a foreign key A");
		walk(&authors, &has_posts, 1);
		expect(name, &has_posts, REPEAT_N_PLUS_ONE, by_cardinality,
			   RELATIONSHIP_COUNT_OR_EXISTS, &authors);
		expect_begun(name, &has_posts, REPEAT_N_PLUS_ONE, CONFIDENCE_SUSPECTED,
					 RELATIONSHIP_COUNT_OR_EXISTS, &authors);
		expect_verdicts(name, 1);

		start_way(way);
		found_walk(NAME("P11 T", "P11 A"), &authors, &newest_post, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);

		start_way(way);
		found_walk(NAME("P12 T", "P12 A"), &posts, &name_of_author, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE);

		start_way(way);
		found_walk(NAME("P13 T", "P13 A"), &titles, &body_of_post, 1,
				   CONFIDENCE_CONFIRMED, RELATIONSHIP_DEFERRED_COLUMN);

		start_way(way);
		name = NAME("P14 T", "P14 A");
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, i);
		expect(name, &author_by_id, REPEAT_LOOKUP, way == 0 ?
			   CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED, NO_RELATIONSHIP,
			   NULL);
		expect_begun(name, &author_by_id, REPEAT_LOOKUP, way == 0 ?
					 CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED,
					 NO_RELATIONSHIP, NULL);

		start_way(way);
		name = NAME("P15 T", "P15 A");
		run(&books, N, 0);
		for (int i = 0; i < N; i++)
		{
			run(&author_by_id, 1, i);
			run(&publisher_by_id, 1, i);
		}
		expect(name, &author_by_id, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_MANY_TO_ONE, &books);
		expect(name, &publisher_by_id, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &books);
		expect_begun(name, &author_by_id, REPEAT_N_PLUS_ONE,
					 CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &books);
		expect_begun(name, &publisher_by_id, REPEAT_N_PLUS_ONE,
					 CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &books);
		expect_verdicts(name, 2);

		/* one member for each order, one address for each member */
		start_way(way);
		name = NAME("P16 T", "P16 A");
		run(&orders, N, 0);
		for (int i = 0; i < N; i++)
		{
			run(&members, 1, i);
			run(&addresses, 1, 100 + i);
		}
		expect(name, &members, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &orders);
		expect(name, &addresses, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &members);
		expect_begun(name, &members, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
					 RELATIONSHIP_ONE_TO_MANY, &orders);
		expect_begun(name, &addresses, REPEAT_N_PLUS_ONE,
					 CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY,
					 &members);
		expect_verdicts(name, 2);

		/* level by level, three members each */
		start_way(way);
		name = NAME("P16 by level T", "P16 by level A");
		run(&orders, N, 0);
		for (int i = 0; i < N; i++)
			run(&members, 3, i);
		for (int i = 0; i < 3 * N; i++)
			run(&addresses, 1, i);
		expect(name, &members, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &orders);
		expect(name, &addresses, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &members);

		/* depth first, three members each */
		start_way(way);
		name = NAME("P16 in depth T", "P16 in depth A");
		run(&orders, N, 0);
		for (int i = 0; i < N; i++)
		{
			run(&members, 3, i);
			for (int j = 0; j < 3; j++)
				run(&addresses, 1, 3 * i + j);
		}
		expect(name, &members, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &orders);
		expect(name, &addresses, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &members);
		expect_verdicts(name, 2);

		/* the parent through a cursor, ten rows at a time */
		start_way(way);
		name = NAME("P18 T", "P18 A");
		{
			WindowStatement *cursor = RUN(&posts, .rows = 10);

			for (int i = 0; i < 40; i++)
			{
				if (i > 0 && i % 10 == 0)
				{
					clock_now += MICROSECONDS(200);
					window_more_rows(window, cursor, clock_now,
									 MICROSECONDS(20), 10);
				}
				run(&author_by_id, 1, i);
			}
		}
		expect(name, &author_by_id, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_MANY_TO_ONE, &posts);
		is(closed[0].facts.parent_executions, 1, "P18: parent ran once");
		is(closed[0].facts.parent_rows, 40, "P18: rows of all chunks");

		/* row by row from the cursor */
		start_way(way);
		name = NAME("P18 by one T", "P18 by one A");
		{
			WindowStatement *cursor = RUN(&posts, .rows = 1);

			for (int i = 0; i < N; i++)
			{
				if (i > 0)
					window_more_rows(window, cursor, clock_now, 1000, 1);
				run(&author_by_id, 1, i);
			}
		}
		expect(name, &author_by_id, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_MANY_TO_ONE, &posts);

		start_way(way);
		name = NAME("P19 T", "P19 A");
		run(&authors, N, 0);
		for (int i = 0; i < N; i++)
			RUN(&in_of_one, .rows = 3, .key = {i}, .list_length = 1);
		expect(name, &in_of_one, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &authors);

		/* the literals' hashes come in place of the parameters' */
		for (int i = 20; i <= 22; i++)
		{
			char		label[16];
			Statement	child = author_by_id;

			child.queryid += i;
			if (i != 21)
				child.shape.conditions[0].value.source = SHAPE_VALUE_LITERAL;
			snprintf(label, sizeof(label), "P%d %s", i, NAME("T", "A"));
			start_way(way);
			found_walk(label, &posts, &child, 1, CONFIDENCE_CONFIRMED,
					   RELATIONSHIP_MANY_TO_ONE);
		}

		start_way(way);
		name = NAME("P28 T", "P28 A");
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, 42);
		expect(name, &author_by_id, REPEAT_DUPLICATE, way == 0 ?
			   CONFIDENCE_CONFIRMED : CONFIDENCE_SUSPECTED, NO_RELATIONSHIP,
			   NULL);
		expect_begun(name, &author_by_id, REPEAT_DUPLICATE, way == 0 ?
					 CONFIDENCE_CONFIRMED : CONFIDENCE_SUSPECTED,
					 NO_RELATIONSHIP, NULL);
		is(closed[0].facts.duplicates, N - 1, "P28: duplicates");
		is(closed[0].facts.distinct_values, 1, "P28: distinct values");

		start_way(way);
		name = NAME("P29 T", "P29 A");
		{
			Statement	page = flagged(list_of_all(POSTS), SHAPE_HAS_OFFSET |
									   SHAPE_HAS_LIMIT | SHAPE_ORDERED);

			for (int i = 0; i <= 50; i++)
				RUN(&page, .rows = 100, .offset = 1 + 100 * i);
			expect(name, &page, REPEAT_DEEP_OFFSET, way == 0 ?
				   CONFIDENCE_CONFIRMED : CONFIDENCE_LIKELY, NO_RELATIONSHIP,
				   NULL);
			expect_begun(name, &page, REPEAT_DEEP_OFFSET, way == 0 ?
						 CONFIDENCE_CONFIRMED : CONFIDENCE_LIKELY,
						 NO_RELATIONSHIP, NULL);
			is(closed[0].facts.max_offset, 5000, "P29: the largest offset");
			is(closed[0].facts.offset_steps, 50, "P29: steps");
		}
	}

	/* P17: savepoints share their transaction's number, and are no others */
	start_way(0);
	{
		Statement	savepoint = statement(SHAPE_UTILITY, InvalidOid, 0);

		run(&authors, N, 0);
		for (int i = 0; i < N; i++)
		{
			run(&savepoint, 0, 0);
			run(&posts_of_author, 4, i);
			run(&savepoint, 0, 0);
		}
		expect("P17 T", &posts_of_author, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
		expect_verdicts("P17 T", 1);
	}
}

static void
writes_found(void)
{
	Statement	update_post = update_by_id(POSTS);
	Statement	delete_post = delete_by_id(POSTS);
	Statement	post_by_id = lookup(POSTS, 1);

	BOTH_WAYS
	{
		RepeatConfidence confidence = way == 0 ? CONFIDENCE_CONFIRMED :
			CONFIDENCE_LIKELY;
		const char *name;

		start_way(way);
		name = NAME("P23 T", "P24 A");
		for (int i = 0; i < N; i++)
			run(&insert_author, 1, i);
		expect(name, &insert_author, REPEAT_INSERT, confidence,
			   NO_RELATIONSHIP, NULL);
		expect_begun(name, &insert_author, REPEAT_INSERT, confidence,
					 NO_RELATIONSHIP, NULL);
		is(closed[0].verdict.committed_alone, way == 1,
		   "P24: committed one by one");

		start_way(way);
		name = NAME("P25 T", "P25 A");
		for (int i = 0; i < N; i++)
			run(&update_post, 1, i);
		expect(name, &update_post, REPEAT_UPDATE, confidence,
			   NO_RELATIONSHIP, NULL);
		expect_begun(name, &update_post, REPEAT_UPDATE, confidence,
					 NO_RELATIONSHIP, NULL);

		start_way(way);
		name = NAME("P26 T", "P26 A");
		for (int i = 0; i < N; i++)
			run(&delete_post, i % 2, i);
		expect(name, &delete_post, REPEAT_DELETE, confidence,
			   NO_RELATIONSHIP, NULL);
		expect_verdicts(name, 1);

		/* each of one BEGIN ... COMMIT */
		start_stream();
		for (int i = 0; i < N; i++)
		{
			begin();
			run(&insert_author, 1, i);
			commit();
		}
		expect("P24 in a block each", &insert_author, REPEAT_INSERT,
			   CONFIDENCE_LIKELY, NO_RELATIONSHIP, NULL);
		is(closed[0].verdict.committed_alone, true,
		   "P24 in a block each: committed one by one");

		/*
		 * Find or create, and read and write back.  In autocommit they are
		 * not to be told from as many requests: nothing may be said.
		 */
		start_way(way);
		name = NAME("P27 T", "P27 A");
		for (int i = 0; i < N; i++)
		{
			run(&author_by_id, 0, i);
			run(&insert_author, 1, i);
		}
		if (way == 0)
		{
			expect(name, &author_by_id, REPEAT_LOOKUP, CONFIDENCE_LIKELY,
				   NO_RELATIONSHIP, NULL);
			expect(name, &insert_author, REPEAT_INSERT, CONFIDENCE_CONFIRMED,
				   NO_RELATIONSHIP, NULL);
			expect_verdicts(name, 2);
		}
		else
			expect_nothing(name);

		start_way(way);
		name = NAME("P31 T", "P31 A");
		for (int i = 0; i < N; i++)
		{
			run(&post_by_id, 1, i);
			run(&update_post, 1, i);
		}
		if (way == 0)
		{
			expect(name, &post_by_id, REPEAT_LOOKUP, CONFIDENCE_LIKELY,
				   NO_RELATIONSHIP, NULL);
			expect(name, &update_post, REPEAT_UPDATE, CONFIDENCE_CONFIRMED,
				   NO_RELATIONSHIP, NULL);
			expect_verdicts(name, 2);
		}
		else
			expect_nothing(name);
	}

	/* P30: fixtures, then P2 */
	start_way(0);
	for (int i = 0; i < N; i++)
		run(&insert_author, 1, i);
	walk(&authors, &posts_of_author, 4);
	expect("P30 T", &insert_author, REPEAT_INSERT, CONFIDENCE_CONFIRMED,
		   NO_RELATIONSHIP, NULL);
	expect("P30 T", &posts_of_author, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
		   RELATIONSHIP_ONE_TO_MANY, &authors);
	expect_verdicts("P30 T", 2);
}

static void
reads_not_found(void)
{
	Statement	joined_load = joined(list_of_all(AUTHORS), POSTS);
	Statement	eager = posts_of_author;
	Statement	eager_literals = flagged(posts_of_author,
										 SHAPE_LIST_CONDITION);
	Statement	subquery = joined(lookup(POSTS, 2), AUTHORS);
	Statement	keyset =
		flagged(list_of_all(POSTS), SHAPE_HAS_CONDITION |
				SHAPE_RANGE_CONDITION | SHAPE_ORDERED | SHAPE_HAS_LIMIT);
	Statement	keyset_of_author =
		flagged(posts_of_author, SHAPE_RANGE_CONDITION | SHAPE_ORDERED |
				SHAPE_HAS_LIMIT);
	Statement	catalog = flagged(lookup(1259, 1), SHAPE_CATALOG_ONLY);
	Statement	ping = statement(SHAPE_SELECT, InvalidOid, 1);
	Statement	show = statement(SHAPE_UTILITY, InvalidOid, 0);
	Statement	page = flagged(list_of_all(POSTS), SHAPE_HAS_OFFSET |
							   SHAPE_HAS_LIMIT | SHAPE_ORDERED);

	eager.queryid++;
	eager.shape.conditions[0].value.list = 1;
	eager_literals.queryid += 2;
	keyset_of_author.queryid += 3;

	BOTH_WAYS
	{
		start_way(way);
		run(&joined_load, 80, 0);
		expect_nothing(NAME("N1 T", "N1 A"));

		start_way(way);
		run(&authors, N, 0);
		RUN(&eager, .rows = 80, .key = {1}, .list_length = N);
		expect_nothing(NAME("N2 T", "N2 A"));

		start_way(way);
		run(&authors, 2500, 0);
		for (int i = 0; i < 5; i++)
			RUN(&eager, .rows = 900, .key = {i}, .list_length = 500);
		expect_nothing(NAME("N3 T", "N3 A"));

		/* the last chunk is smaller, of one perhaps */
		start_way(way);
		run(&authors, 25, 0);
		for (int i = 0; i < 9; i++)
			RUN(&eager, .rows = 2, .key = {i}, .list_length = i < 8 ? 3 : 1);
		expect_nothing(NAME("N3 to the last one T", "N3 to the last one A"));

		start_way(way);
		run(&authors, 2500, 0);
		for (int i = 0; i < 9; i++)
			run(&eager_literals, 900, i);
		expect_nothing(NAME("N3 by literals T", "N3 by literals A"));

		start_way(way);
		run(&authors, N, 0);
		run(&subquery, 80, 0);
		expect_nothing(NAME("N4 T", "N4 A"));

		start_way(way);
		for (int i = 0; i < N; i++)
			RUN(&keyset, .rows = 100, .other = 100 * i);
		expect_nothing(NAME("N5 T", "N5 A"));

		start_way(way);
		run(&authors, N, 0);
		for (int i = 0; i < N; i++)
			RUN(&keyset_of_author, .rows = 100, .key = {7}, .other = 100 * i);
		expect_nothing(NAME("N5 of one author T", "N5 of one author A"));

		start_way(way);
		{
			WindowStatement *cursor = RUN(&posts, .rows = 100);

			for (int i = 0; i < 50; i++)
				window_more_rows(window, cursor, clock_now += 100000, 1000,
								 100);
		}
		expect_nothing(NAME("N6 T", "N6 A"));

		start_way(way);
		for (int i = 0; i < 3; i++)
			run(&show, 10000, 0);
		expect_nothing(NAME("N7 T", "N7 A"));

		start_way(way);
		run(&author_by_id, 1, 1);
		run(&posts, 4, 1);
		run(&author_by_id, 1, 2);
		expect_nothing(NAME("N10 T", "N10 A"));

		start_way(way);
		for (int i = 0; i < 2; i++)
		{
			run(&author_by_id, 1, i);
			run(&posts_of_author, 4, i);
		}
		expect_nothing(NAME("N11 T", "N11 A"));

		start_way(way);
		run(&posts, 1, 0);
		run(&author_by_id, 1, 1);
		run(&author_by_id, 1, 2);
		expect_nothing(NAME("N12 T", "N12 A"));

		start_way(way);
		run(&author_by_id, 1, 1);
		run(&insert_author, 1, 1);
		expect_nothing(NAME("N20 T", "N20 A"));

		start_way(way);
		for (int i = 0; i < 4; i++)
			run(&author_by_id, 1, i);
		expect_nothing(NAME("N21 T", "N21 A"));

		start_way(way);
		for (int i = 0; i < N; i++)
			run(&catalog, 1, i);
		expect_nothing(NAME("N24 T", "N24 A"));

		start_way(way);
		for (int i = 0; i < N; i++)
		{
			run(&ping, 1, i);
			run(&show, 1, i);
		}
		expect_nothing(NAME("N25 T", "N25 A"));

		start_way(way);
		run(&posts, N, 0);
		run(&author_by_id, 0, 1);
		expect_nothing(NAME("N30 T", "N30 A"));

		start_way(way);
		RUN(&page, .rows = 20, .offset = 21);
		expect_nothing(NAME("N31 T", "N31 A"));

		start_way(way);
		run(&posts, 3, 0);
		for (int i = 0; i < 3; i++)
			run(&author_by_id, 1, i);
		expect_nothing(NAME("N32 T", "N32 A"));
	}

	/* N16, N27: seconds apart, or one */
	for (int seconds = 1; seconds <= 5; seconds += 4)
	{
		start_stream();
		pause_before = MILLISECONDS(1000 * seconds);
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, 1);
		expect_nothing(seconds == 1 ? "N16, the same" : "N27, the same");

		start_stream();
		pause_before = MILLISECONDS(1000 * seconds);
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, i);
		expect_nothing(seconds == 1 ? "N16" : "N27");

		start_stream();
		begin();
		run(&posts, N, 0);
		pause_before = MILLISECONDS(1000 * seconds);
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, i);
		expect_nothing(seconds == 1 ? "N16 T" : "N27 T");
	}

	/*
	 * N22, N23: what functions and triggers run is not shown to the detector;
	 * of these only the outer statement is.
	 */
	start_stream();
	run(&insert_author, 10000, 0);
	run(&ping, 1, 0);
	expect_nothing("N22, N23");
}

static void
writes_not_found(void)
{
	Statement	multi_row = statement(SHAPE_INSERT, AUTHORS, 0);
	Statement	update_post = update_by_id(POSTS);
	Statement	post_by_id = lookup(POSTS, 1);

	BOTH_WAYS
	{
		start_way(way);
		for (int i = 0; i < 10; i++)
			run(&multi_row, 100, i);
		expect_nothing(NAME("N8 T", "N8 A"));
		start_way(way);
		for (int i = 0; i < 200; i++)
			run(&multi_row, 1, i);
		expect_nothing(NAME("N26 T", "N26 A"));

		start_way(way);
		for (int i = 0; i < 100; i++)
			RUN(&insert_author, .rows = 1, .key = {i}, .pipelined = i > 0);
		expect_nothing(NAME("N9 T", "N9 A"));
		start_way(way);
		for (int i = 0; i < 100; i++)
			RUN(&insert_author, .rows = 1, .key = {i},
				.pipelined = i % 10 > 0);
		expect_nothing(NAME("N9 in ten batches T", "N9 in ten batches A"));
		start_way(way);
		for (int i = 0; i < 100; i++)
			RUN(&update_post, .rows = 1, .key = {i}, .pipelined = i % 10 > 0);
		expect_nothing(NAME("N9 of updates T", "N9 of updates A"));
		start_way(way);
		run(&posts, 100, 0);
		for (int i = 0; i < 100; i++)
			RUN(&author_by_id, .rows = 1, .key = {i}, .pipelined = i > 0);
		expect_nothing(NAME("N9 of reads T", "N9 of reads A"));

		start_way(way);
		for (int i = 0; i < N; i++)
		{
			run(&post_by_id, 1, 7);
			run(&update_post, 1, 7);
		}
		expect_nothing(NAME("N19 T", "N19 A"));

		start_way(way);
		for (int i = 0; i < N; i++)
		{
			run(&post_by_id, 1, 7);
			run(&insert_audit, 1, 0);
			window_wrote(window);
			run(&post_by_id, 1, 7);
			window_wrote(window);
		}
		window_close(window);
		ok(result_of(&post_by_id, closed, nclosed) == NULL,
		   NAME("N33 T", "N33 A"));
	}

	/* N18: the transaction fails, at the write or at COMMIT, and is retried */
	start_stream();
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&post_by_id, 1, 7);
		RUN(&update_post, .key = {7}, .failed = i < N - 1);
		commit();
	}
	expect_nothing("N18, at the write");

	start_stream();
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&update_post, 1, i);
		commit();
		window_close(window);
	}
	expect_nothing("N18, at COMMIT");

	start_stream();
	for (int i = 0; i < N; i++)
		RUN(&update_post, .key = {i}, .failed = true);
	expect_nothing("N18, alone");

	/* N29: another role, another application, another route */
	start_stream();
	for (int i = 0; i < 3 * N; i++)
	{
		WindowContext context = {10, 11, 12, 0};

		context.userid += i % 3 == 0 ? i : 0;
		context.application += i % 3 == 1 ? i : 0;
		context.route += i % 3 == 2 ? i : 0;
		window_context(window, &context);
		run(&insert_author, 1, i);
		run(&author_by_id, 1, i);
	}
	expect_nothing("N29");
}

/* One request: what it asks first, a user, a page */
static void
request(const Statement *first, int i, bool block)
{
	if (block)
		begin();
	if (first != NULL)
		run(first, 1, 1000 + i % 7);
	run(&user_by_id, 1, i % 5);
	run(&page_by_slug, 1, i);
	if (block)
		commit();
}

static void
requests_not_found(void)
{
	Statement	work = flagged(lookup(JOBS, 2), SHAPE_SKIP_LOCKED |
							   SHAPE_ROW_LOCKS | SHAPE_HAS_LIMIT);
	Statement	work_done = update_by_id(JOBS);
	Statement	settings = list_of_all(SETTINGS);
	Statement	update_account = update_by_id(ACCOUNTS);
	Statement	account = lookup(ACCOUNTS, 1);
	Statement	same_account = lookup(ACCOUNTS, 1);
	Statement	update_teller = update_by_id(PAGES);
	Statement	update_branch = update_by_id(VENUES);
	Statement	insert_history = insert_into(AUDIT);

	for (int block = 0; block < 2; block++)
	{
		const char *name = block ? "N13" : "N14";

		start_stream();
		for (int i = 0; i < N; i++)
			request(&session_by_token, i, block);
		expect_nothing(name);

		/* other things first: the window began with none of the three */
		start_stream();
		run(&settings, 1, 0);
		for (int i = 0; i < N; i++)
			request(&session_by_token, i, block);
		expect_nothing(block ? "N13 after another statement" :
					   "N14 after another statement");

		/* ... which returned as many rows as there are requests */
		for (int rows = N / 2; rows <= 2 * N; rows += N / 2)
		{
			start_stream();
			run(&users, rows, 0);
			for (int i = 0; i < N; i++)
				request(&session_by_token, i, block);
			expect_nothing(block ? "N13 after a listing of users" :
						   "N14 after a listing of users");
		}

		start_stream();
		if (block)
			begin();
		run(&settings, 1, 0);
		for (int i = 0; i < N; i++)
		{
			if (block)
				begin();
			run(&update_account, 1, i);
			run(&account, 1, i);
			run(&update_teller, 1, i);
			run(&update_branch, 1, i % 2);
			run(&insert_history, 1, i);
		}
		expect_nothing(block ? "N28" : "N28 A");
	}

	/* two writes in each request: the first one's beginning is its own */
	start_stream();
	run(&users, 1, 0);
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&session_by_token, 1, i);
		run(&insert_history, 1, 2 * i);
		run(&insert_history, 1, 2 * i + 1);
		commit();
	}
	expect_less("requests with two writes each", CONFIDENCE_LIKELY);

	/* a write in each, and something else in every other one */
	start_stream();
	for (int i = 0; i < N; i++)
	{
		begin();
		if (i % 2)
			run(i % 4 == 1 ? &settings : &users, 1, i);
		run(&insert_history, 1, i);
		commit();
	}
	expect_less("requests of which every other one reads", CONFIDENCE_LIKELY);

	/* rows looked up one by one are not a list that left something out */
	start_stream();
	for (int i = 0; i < 6; i++)
	{
		begin();
		run(&user_by_id, 1, i);
		commit();
	}
	begin();
	for (int i = 0; i < 5; i++)
		run(&account, 1, i);
	for (int i = 0; i < 5; i++)
		run(&same_account, 1, i);
	commit();
	expect("look-ups of the same rows", &same_account, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, NO_RELATIONSHIP, NULL);

	/* N15: transactions of two clients, in turn and not */
	start_stream();
	for (int i = 0; i < 2 * N; i++)
	{
		begin();
		if (i % 3 == 0)
		{
			run(&session_by_token, 1, i);
			run(&user_by_id, 1, i);
		}
		else
		{
			run(&user_by_id, 1, i);
			run(&page_by_slug, 1, i);
		}
		commit();
	}
	expect_nothing("N15");

	start_stream();
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&work, 1, 1);
		run(&work_done, 1, i);
		commit();
	}
	expect_nothing("N17");

	start_stream();
	run(&settings, N, 0);
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&work, 1, 1);
		run(&work_done, 1, i);
		commit();
	}
	expect_nothing("N17 after another statement");
}

/* N34: a write per request on a pooled connection, 100 ms apart */
static void
requests_that_write(void)
{
	Statement	update = update_by_id(AUTHORS);

	for (int pause = 1; pause <= 100; pause *= 100)
	{
		start_stream();
		pause_before = MILLISECONDS(pause);
		for (int i = 0; i < N; i++)
			RUN(&insert_audit, .rows = 1, .other = i);
		expect(pause == 1 ? "a loop of INSERTs" : "N34: an INSERT a request",
			   &insert_audit, REPEAT_INSERT,
			   pause == 1 ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED,
			   NO_RELATIONSHIP, NULL);
		start_stream();
		pause_before = MILLISECONDS(pause);
		for (int i = 0; i < N; i++)
			run(&update, 1, i);
		expect(pause == 1 ? "a loop of UPDATEs" : "N34: an UPDATE a request",
			   &update, REPEAT_UPDATE,
			   pause == 1 ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED,
			   NO_RELATIONSHIP, NULL);
	}
}

int
main(void)
{
	make_statements();
	reads_found();
	writes_found();
	reads_not_found();
	writes_not_found();
	requests_not_found();
	requests_that_write();
	free(window);
	return unit_done();
}

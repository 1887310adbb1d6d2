/*-------------------------------------------------------------------------
 *
 * test_values.c
 *		Where the values of a repeated statement came from: the repeat
 *		detector's evidence by values, as written streams.
 *
 * Each stream runs twice: the first time the parent is taken for one, the
 * second time its rows are collected and the values compared with them.
 *
 * Links: burst.c keyset.c relate.c units.c values.c valueset.c verdict.c walkproof.c walkrows.c walks.c window.c
 *
 * test/unit/test_values.c
 *
 *-------------------------------------------------------------------------
 */
#include "stream.h"

#define N		20

static const RepeatRelationship NO_RELATIONSHIP = RELATIONSHIP_NONE;

static Statement authors, posts, settings, venues;
static Statement posts_of_author, author_by_id, attachments, account_by_id;
static Returned author_rows, post_rows, setting_rows, venue_rows;

/* Column "attnum" of the table has first, first + step, ... */
static void
fill_column(Returned *rows, int nrows, Oid relid, AttrNumber attnum,
			uint64 first, uint64 step)
{
	int			column = rows->ncolumns++;

	rows->nrows = nrows;
	rows->columns[column].relid = relid;
	rows->columns[column].attnum = attnum;
	for (int i = 0; i < nrows; i++)
		rows->values[i][column] = first + i * step;
}

static Returned few_rows;

static void
make_statements(void)
{
	authors = list_of_all(AUTHORS);
	posts = list_of_all(POSTS);
	settings = list_of_all(SETTINGS);
	venues = list_of_all(VENUES);
	posts_of_author = lookup(POSTS, 2);
	author_by_id = lookup(AUTHORS, 1);
	attachments = lookup(ATTACHMENTS, 2);	/* no foreign key */
	account_by_id = lookup(ACCOUNTS, 1);

	fill_column(&author_rows, N, AUTHORS, 1, 1, 1);
	fill_column(&author_rows, N, AUTHORS, 4, 3000, 7);
	fill_column(&post_rows, N, POSTS, 1, 500, 1);
	fill_column(&post_rows, N, POSTS, 2, 1, 1);
	fill_column(&setting_rows, N, SETTINGS, 1, 1, 1);
	fill_column(&venue_rows, N, VENUES, 1, NO_NUMBER, 977);
}

/* The order in which the keys are asked for: places of the parent's rows */
typedef enum Order
{
	IN_ORDER, BACKWARDS, SHUFFLED
} Order;

static int
place(Order order, int i)
{
	switch (order)
	{
		case IN_ORDER:
			return i;
		case BACKWARDS:
			return N - 1 - i;
		default:
			return (i * 7 + 3) % N; /* 7 and N have no common factor */
	}
}

typedef enum Way
{
	TOGETHER, ALONE, BLOCKS
} Way;

static const char *const way_names[] = {"together", "alone", "in blocks"};

/* One list and what follows it: "n" keys of column "column" */
static void
request(Way way, const Statement *parent, const Returned *rows, int column,
		const Statement *child, Order order, int n)
{
	clock_now += MILLISECONDS(1000);
	if (way == TOGETHER)
		begin();
	RUN(parent, .rows = rows->nrows, .returned = rows);
	for (int i = 0; i < n; i++)
	{
		if (way == BLOCKS)
			begin();
		run(child, 1, rows->values[place(order, i)][column]);
		if (way == BLOCKS)
			commit();
	}
	if (way == TOGETHER)
		commit();
	window_close(window);
}

static const Result *
last_closed(void)
{
	return &closed[nclosed - 1];
}

static void
expect_last(const char *name, RepeatConfidence confidence,
			RepeatRelationship relationship, const Statement *parent)
{
	if (!ok(nclosed > 0 &&
			is_verdict(last_closed(), REPEAT_N_PLUS_ONE, confidence,
					   relationship, parent),
			"%s: %s", name, confidences[confidence]))
		print_results(name, closed, nclosed);
}

/* Two requests; the second's verdict */
static void
expect_second(const char *name, Way way, const Statement *parent,
			  const Returned *rows, int column, const Statement *child,
			  Order order, int n, RepeatConfidence confidence,
			  RepeatRelationship relationship)
{
	char		full_name[128];

	snprintf(full_name, sizeof(full_name), "%s, %s", name, way_names[way]);
	start_stream();
	request(way, parent, rows, column, child, order, n);
	is(rows_collected, 0, "nothing is collected at first");
	request(way, parent, rows, column, child, order, n);
	is(rows_collected, rows->nrows, "then the rows are");
	expect_last(full_name, confidence, relationship, parent);
}

static void
parents_confirmed(void)
{
	for (Way way = TOGETHER; way <= BLOCKS; way++)
	{
		expect_second("no foreign key", way, &authors, &author_rows, 0,
					  &attachments, IN_ORDER, N, CONFIDENCE_CONFIRMED,
					  RELATIONSHIP_ONE_TO_MANY);
		is(last_closed()->facts.keys_compared, N, "all keys were compared");
		is(last_closed()->facts.keys_matched, N, "and matched");
		is(last_closed()->facts.parent_relid, AUTHORS, "the parent's table");
		is(last_closed()->facts.parent_attnum, 1, "the parent's column");
		is(last_closed()->facts.key_relid, ATTACHMENTS, "the child's table");
		is(last_closed()->facts.key_attnum, 2, "the child's column");
		is(last_closed()->verdict.values, VALUES_CONFIRM, "by values");

		/* the first small integers of a list are those of many another */
		is(begun[nbegun - 1].verdict.kind, REPEAT_LOOKUP,
		   "no parent by the first five");

		expect_second("no foreign key, backwards", way, &authors,
					  &author_rows, 0, &attachments, BACKWARDS, N,
					  CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);
		expect_second("all of the rows, shuffled", way, &authors,
					  &author_rows, 0, &attachments, SHUFFLED, N,
					  CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);
		expect_second("foreign key", way, &authors, &author_rows, 0,
					  &posts_of_author, IN_ORDER, N, CONFIDENCE_CONFIRMED,
					  RELATIONSHIP_ONE_TO_MANY);
		expect_second("large keys of two tables", way, &venues, &venue_rows,
					  0, &account_by_id, IN_ORDER, N, CONFIDENCE_CONFIRMED,
					  NO_RELATIONSHIP);

		/* as N37: a few small integers are in many a column */
		fill_column(&few_rows, 6, AUTHORS, 1, 1, 1);
		request(way, &authors, &few_rows, 0, &attachments, IN_ORDER, 6);
		request(way, &authors, &few_rows, 0, &attachments, IN_ORDER, 6);
		ok(last_closed()->verdict.kind == REPEAT_LOOKUP &&
		   !last_closed()->verdict.has_parent,
		   "six small integers are no values of a parent");

		/* the first keys of a loop that was left */
		expect_second("half of the rows in order", way, &authors,
					  &author_rows, 0, &attachments, IN_ORDER, N / 2 + 1,
					  CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);
	}

	expect_second("half of the rows backwards", ALONE, &authors,
				  &author_rows, 0, &attachments, BACKWARDS, N / 2 + 1,
				  CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY);

	/* fewer than half: the count says nothing, the values do */
	expect_second("a few large keys", TOGETHER, &venues, &venue_rows, 0,
				  &attachments, SHUFFLED, 6, CONFIDENCE_CONFIRMED,
				  RELATIONSHIP_ONE_TO_MANY);
}

/* A list, and requests for some of what is in it, on the same connection */
static void
requests_doubted(void)
{
	expect_second("requests for some rows", ALONE, &authors, &author_rows, 0,
				  &posts_of_author, SHUFFLED, 12, CONFIDENCE_SUSPECTED,
				  RELATIONSHIP_ONE_TO_MANY);
	is(closed[0].verdict.confidence, CONFIDENCE_CONFIRMED,
	   "their number alone would have confirmed it");
	is(last_closed()->verdict.values, VALUES_DOUBT, "the values doubt it");
	expect_second("requests for some rows", TOGETHER, &authors, &author_rows,
				  0, &posts_of_author, SHUFFLED, 12, CONFIDENCE_CONFIRMED,
				  RELATIONSHIP_ONE_TO_MANY);
	expect_second("requests for some rows", BLOCKS, &authors, &author_rows, 0,
				  &attachments, SHUFFLED, 12, CONFIDENCE_SUSPECTED,
				  RELATIONSHIP_ONE_TO_MANY);
	expect_second("small integers without order", TOGETHER, &authors,
				  &author_rows, 0, &attachments, SHUFFLED, 12,
				  CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY);
}

/* As many look-ups as there were rows, by chance */
static void
coincidences_doubted(void)
{
	for (Way way = TOGETHER; way <= ALONE; way++)
	{
		static Returned others;

		others.ncolumns = 0;
		fill_column(&others, N, ACCOUNTS, 1, 9000, 11);

		/* settings, and other keys than theirs */
		start_stream();
		for (int i = 0; i < 2; i++)
		{
			clock_now += MILLISECONDS(1000);
			if (way == TOGETHER)
				begin();
			RUN(&settings, .rows = N, .returned = &setting_rows);
			for (int j = 0; j < N; j++)
				run(&account_by_id, 1, others.values[j][0]);
			commit();
			window_close(window);
		}
		is(closed[0].verdict.confidence,
		   way == TOGETHER ? CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED,
		   "other keys: by their number");
		is(last_closed()->verdict.kind, REPEAT_LOOKUP,
		   "other keys: not those of the settings");

		/* 1 to 20 are keys of both tables */
		expect_second("small keys of two tables", way, &settings,
					  &setting_rows, 0, &account_by_id, IN_ORDER, N,
					  CONFIDENCE_SUSPECTED, NO_RELATIONSHIP);

		/* the column references another table than settings */
		expect_second("small keys of a third table", way, &settings,
					  &setting_rows, 0, &posts_of_author, IN_ORDER, N,
					  CONFIDENCE_SUSPECTED, NO_RELATIONSHIP);

		/* a foreign key, but the keys are not those of the list */
		start_stream();
		for (int i = 0; i < 2; i++)
		{
			clock_now += MILLISECONDS(1000);
			if (way == TOGETHER)
				begin();
			RUN(&authors, .rows = N, .returned = &author_rows);
			for (int j = 0; j < N; j++)
				run(&posts_of_author, 1, others.values[j][0]);
			commit();
			window_close(window);
		}
		is(last_closed()->verdict.kind, REPEAT_LOOKUP,
		   "foreign key and other keys");
	}
}

/* Two lists of the same length; the last one is not the parent */
static void
values_choose_parent(void)
{
	start_stream();
	for (int i = 0; i < 2; i++)
	{
		clock_now += MILLISECONDS(1000);
		begin();
		RUN(&venues, .rows = N, .returned = &venue_rows);
		RUN(&settings, .rows = N, .returned = &setting_rows);
		for (int j = 0; j < N; j++)
			run(&attachments, 1, venue_rows.values[j][0]);
		commit();
		window_close(window);
		if (i == 0)
			is(last_closed()->verdict.kind, REPEAT_LOOKUP,
			   "two lists, by number");
		else
			expect_last("two lists, by values", CONFIDENCE_CONFIRMED,
						RELATIONSHIP_ONE_TO_MANY, &venues);
	}

	/* five keys are in both, the rest in one */
	start_stream();
	for (int i = 0; i < 2; i++)
	{
		Returned	few = setting_rows;

		few.nrows = 8;
		clock_now += MILLISECONDS(1000);
		begin();
		RUN(&authors, .rows = N, .returned = &author_rows);
		RUN(&settings, .rows = 8, .returned = &few);
		for (int j = 0; j < N; j++)
			run(&attachments, 1, author_rows.values[j][0]);
		commit();
		window_close(window);
	}
	expect_last("the longer of two lists", CONFIDENCE_CONFIRMED,
				RELATIONSHIP_ONE_TO_MANY, &authors);

	/* several columns have the values: the one that the key names */
	{
		static Returned twins;

		twins.ncolumns = 0;
		fill_column(&twins, N, POSTS, 1, 1, 1);
		fill_column(&twins, N, POSTS, 2, 1, 1);
		expect_second("two columns", ALONE, &posts, &twins, 1, &author_by_id,
					  IN_ORDER, N, CONFIDENCE_CONFIRMED,
					  RELATIONSHIP_MANY_TO_ONE);
		is(last_closed()->facts.parent_attnum, 2, "two columns: that of the key");
	}

	/* the same key in many rows, asked for once */
	{
		static Returned shared;

		shared.ncolumns = 0;
		fill_column(&shared, N, POSTS, 1, 100, 1);
		fill_column(&shared, N, POSTS, 3, 0, 0);
		for (int i = 0; i < N; i++)
			shared.values[i][1] = NO_NUMBER + i / 3 * 1000;
		start_stream();
		for (int i = 0; i < 2; i++)
		{
			clock_now += MILLISECONDS(1000);
			RUN(&posts, .rows = N, .returned = &shared);
			for (int j = 0; j < N; j += 3)
				run(&account_by_id, 1, shared.values[j][1]);
			window_close(window);

			/* too few for their number to tell: it is not armed */
			armed_parents.parents[posts.queryid % WINDOW_ARMED_SIZE] =
				posts.queryid;
		}
		expect_last("each key once", CONFIDENCE_CONFIRMED,
					RELATIONSHIP_MANY_TO_ONE, &posts);
	}
}

/* Two statements for each row, every one committed: not requests */
static void
interleaved_loops(void)
{
	Statement	other = lookup(VENUES, 2);

	start_stream();
	for (int i = 0; i < 2; i++)
	{
		clock_now += MILLISECONDS(1000);
		RUN(&authors, .rows = N, .returned = &author_rows);
		for (int j = 0; j < N; j++)
		{
			run(&attachments, 1, author_rows.values[j][0]);
			run(&other, 1, author_rows.values[j][0]);
		}
		window_close(window);
		if (i == 0)
			is(count_verdicts(closed, nclosed, CONFIDENCE_SUSPECTED), 0,
			   "two statements for each row look like requests");
	}
	is(count_verdicts(closed, nclosed, CONFIDENCE_CONFIRMED), 2,
	   "until the values are compared");

	/* requests that each read their session first, whatever was listed */
	start_stream();
	for (int i = 0; i < 3; i++)
	{
		Statement	session = lookup(SESSIONS, 3);
		static Returned one;

		session.queryid = 4711;
		clock_now += MILLISECONDS(1000);
		armed_parents.parents[4711 % WINDOW_ARMED_SIZE] = 4711;
		armed_parents.parents[authors.queryid % WINDOW_ARMED_SIZE] =
			authors.queryid;
		RUN(&authors, .rows = N, .returned = &author_rows);
		for (int j = 0; j < N; j++)
		{
			int			key = author_rows.values[place(SHUFFLED, j * j)][0];

			one.ncolumns = 0;
			fill_column(&one, 1, SESSIONS, 5, key, 0);
			RUN(&session, .rows = 1, .key = {1000 + j}, .returned = &one);
			run(&attachments, 1, key);
		}
		window_close(window);
	}
	is(count_verdicts(closed, nclosed, CONFIDENCE_LIKELY), 0,
	   "requests with their sessions");
}

/* No foreign keys: rows of rows of a list, each read on its own */
static void
nested_loops(void)
{
	Statement	orders = list_of_all(ORDERS);
	Statement	members = lookup(MEMBERS, 2);
	Statement	addresses = lookup(ADDRESSES, 2);
	Returned	order_rows = {0};

	fill_column(&order_rows, N, ORDERS, 1, NO_NUMBER, 7);
	start_stream();
	schema_without_keys = true;
	for (int i = 0; i < 2; i++)
	{
		armed_parents.parents[members.queryid % WINDOW_ARMED_SIZE] =
			members.queryid;
		clock_now += MILLISECONDS(1000);
		RUN(&orders, .rows = N, .returned = &order_rows);
		for (int j = 0; j < N; j++)
		{
			uint64		order = order_rows.values[j][0];
			Returned	member = {0};

			fill_column(&member, 1, MEMBERS, 1, order + 1000000, 0);
			RUN(&members, .rows = 1, .key = {order}, .returned = &member);
			run(&addresses, 1, order + 1000000);
		}
		window_close(window);
	}
	is(count_verdicts(closed, nclosed, CONFIDENCE_CONFIRMED), 2,
	   "rows of rows");
	expect("rows of rows", &members, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
		   RELATIONSHIP_ONE_TO_MANY, &orders);
	expect("rows of rows", &addresses, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &members);
}

/* The list does not return the column that the foreign key names */
static void
column_not_returned(void)
{
	Returned	names = {0};

	fill_column(&names, N, AUTHORS, 4, 7000, 3);
	start_stream();
	for (int i = 0; i < 2; i++)
	{
		clock_now += MILLISECONDS(1000);
		RUN(&authors, .rows = N, .returned = &names);
		for (int j = 0; j < N; j++)
			run(&posts_of_author, 1, j + 1);
		window_close(window);
	}
	is(rows_collected, N, "other columns were collected");
	is(last_closed()->verdict.kind, REPEAT_LOOKUP,
	   "the key's column was not returned");
}

#define MAX_MEMORY		1000000

static Budget memory = {take_memory, give_memory, MAX_MEMORY};

static void
collecting_ends(void)
{
	static Returned many;
	static Returned others;
	static KeySet set;
	int			before;

	/* 256 rows, however many there are */
	many.ncolumns = 0;
	fill_column(&many, MAX_ROWS_RETURNED, AUTHORS, 1, 1, 1);
	start_stream();
	request(ALONE, &authors, &many, 0, &attachments, IN_ORDER, N);
	request(ALONE, &authors, &many, 0, &attachments, IN_ORDER, N);
	is(rows_collected, KEYSET_MAX_ROWS, "so many rows and no more");
	ok(!last_closed()->facts.keys_complete, "that is not all of them");

	/* nothing follows the list any more */
	start_stream();
	request(ALONE, &authors, &author_rows, 0, &attachments, IN_ORDER, N);
	for (int i = 0; i < 40; i++)
		request(ALONE, &authors, &author_rows, 0, &attachments, IN_ORDER, 0);
	before = rows_collected;
	request(ALONE, &authors, &author_rows, 0, &attachments, IN_ORDER, 0);
	is(rows_collected, before, "rows that nobody asks for are let be");
	ok(before > 0 && before <= 16 * N, "after some time");

	/* nor strings where numbers are asked for, until a string is */
	others.ncolumns = 0;
	fill_column(&others, N, AUTHORS, 1, 500, 3);
	fill_column(&others, N, AUTHORS, 2, NO_NUMBER, 977);
	start_stream();
	request(ALONE, &authors, &others, 0, &attachments, IN_ORDER, N);
	for (int i = 0; i < 16; i++)
		request(ALONE, &authors, &others, 0, &attachments, IN_ORDER, N);
	is(columns_collected, 2, "strings are collected");
	request(ALONE, &authors, &others, 0, &attachments, IN_ORDER, N);
	is(columns_collected, 1, "those that nobody asks for are let be");
	expect_last("without strings", CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY,
				&authors);
	request(ALONE, &authors, &author_rows, 0, &attachments, SHUFFLED, N / 2);
	ok(last_closed()->facts.keys_complete, "numbers are all there");
	request(ALONE, &authors, &others, 1, &attachments, IN_ORDER, N);
	is(last_closed()->facts.keys_matched, 0, "a string is not found");
	ok(!last_closed()->facts.keys_complete, "which means nothing");
	request(ALONE, &authors, &others, 1, &attachments, IN_ORDER, N);
	is(columns_collected, 2, "but now strings are wanted");
	expect_last("with strings again", CONFIDENCE_CONFIRMED, NO_RELATIONSHIP,
				&authors);

	/* nor are they let be that spell numbers, or that are all there is */
	keyset_init(&set, &memory);
	set.asked = KEYHASH_CLASS(KEYHASH_OF_NUMBER);
	keyset_begin_strings(&set);
	ok(!keyset_numbers_suffice(&set), "only strings");
	keyset_add_column(&set, 1, 1);
	keyset_begin_strings(&set);
	keyset_add_column(&set, 1, 2);
	ok(keyset_numbers_suffice(&set), "numbers and strings");
	ok(keyset_has_room(&set), "room for a row");
	keyset_set(&set.columns[1], 0, hash_of(3), 3);
	ok(!keyset_numbers_suffice(&set), "a string that is a number");
	keyset_free(&set);

	/* what a failed execution returned is no evidence */
	others.ncolumns = 0;
	fill_column(&others, N, AUTHORS, 1, 1, 1);
	fill_column(&others, N, AUTHORS, 4, 90000, 1);
	start_stream();
	request(ALONE, &authors, &author_rows, 0, &attachments, IN_ORDER, N);
	clock_now += MILLISECONDS(1000);
	RUN(&authors, .rows = N, .failed = true, .returned = &author_rows);
	RUN(&authors, .rows = N, .returned = &others);
	for (int i = 0; i < N; i++)
		run(&attachments, 1, 3000 + 7 * i);
	window_close(window);
	is(last_closed()->facts.keys_matched, 0, "rows of a failed execution");
	ok(last_closed()->facts.keys_complete, "the others are all there");

	/* without a table of parents nothing is collected */
	start_stream();
	window_set_armed(window, NULL);
	for (int i = 0; i < 3; i++)
		request(ALONE, &authors, &author_rows, 0, &attachments, IN_ORDER, N);
	is(rows_collected, 0, "no table, no rows");
}

/*
 * Where the rows of all statements are collected, values tell at the first
 * visit what they tell at every other
 */
static void
first_visits(void)
{
	static WindowArmed before;
	static Statement lists[40];

	for (int i = 0; i < lengthof(lists); i++)
		lists[i] = list_of_all(VENUES);
	for (int visit = 0; visit < 20; visit++)
	{
		if (visit % 10 == 0)
		{
			start_stream();
			window_collect_all(window, true);
		}
		before = armed_parents;
		nclosed = nbegun = 0;

		/* more lists than there is room for; the parent comes last */
		clock_now += MILLISECONDS(1000);
		begin();
		for (int i = 0; i < lengthof(lists); i++)
			RUN(&lists[i], .rows = N, .returned = &venue_rows);
		RUN(&settings, .rows = N, .returned = &setting_rows);
		RUN(&authors, .rows = N, .returned = &author_rows);
		for (int i = 0; i < N; i++)
			run(&attachments, 1, visit < 10 ? 3000 + 7 * i : 5 + 1000 * i);
		commit();
		window_close(window);
		if (visit < 10)
		{
			ok(is_verdict(result_of(&attachments, begun, nbegun),
						  REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
						  RELATIONSHIP_NONE, &authors),
			   "visit %d is judged by values", visit);
			is(last_closed()->facts.keys_matched, N, "all of them");
		}
		else
			ok(result_of(&attachments, begun, nbegun) == NULL ||
			   !result_of(&attachments, begun, nbegun)->verdict.has_parent ||
			   result_of(&attachments, begun, nbegun)->verdict.confidence <
			   CONFIDENCE_LIKELY,
			   "visit %d: the values refute all parents", visit);
		ok(memcmp(before.history, armed_parents.history,
				  sizeof(before.history)) == 0,
		   "and depends on no other visit");
	}
}

static void
key_sets(void)
{
	static KeySet set;
	Size		before = memory.used;

	keyset_init(&set, &memory);
	for (int i = 0; i < KEYSET_MAX_COLUMNS; i++)
		ok(keyset_add_column(&set, 1, i), "column %d", i);
	ok(!set.incomplete, "all columns fit");
	ok(!keyset_add_column(&set, 1, 99) && set.incomplete, "one too many");
	for (int row = 0; keyset_has_room(&set); row++)
	{
		for (int i = 0; i < KEYSET_MAX_COLUMNS; i++)
		{
			/* the last: hashes of which all go to the same place */
			uint64		hash = i == 0 ? 0 : i == 1 ? hash_of(row / 2) :
			i == 2 ? (uint64) (row + 1) * KEYSET_TABLE_SIZE : hash_of(row);

			keyset_set(&set.columns[i], row, hash,
					   i == 3 ? 300 : 1 << 19);
		}
		keyset_end_row(&set);
		if (row == 10)
			is(keyset_column(&set, 3)->ndistinct, 11, "values so far");
	}
	ok(keyset_full(&set), "full");
	is(keyset_find(keyset_column(&set, 0), hash_of(1)), -1, "only nulls");
	is(keyset_find(keyset_column(&set, 0), 0), -1, "null is not found");
	is(keyset_column(&set, 0)->ndistinct, 0, "null is no value");
	is(keyset_find(keyset_column(&set, 1), hash_of(100)), 200, "the first of two rows");
	is(keyset_column(&set, 1)->ndistinct, KEYSET_MAX_ROWS / 2, "pairs of values");
	is(set.columns[1].seen[200], 101, "values up to a row");
	is(keyset_find(keyset_column(&set, 2), 256 * KEYSET_TABLE_SIZE), 255, "last of all");
	is(keyset_find(keyset_column(&set, 2), 257 * KEYSET_TABLE_SIZE), -1, "not there");
	is(set.columns[4].classes, KEYHASH_CLASS(hash_of(7)), "numbers only");
	ok(keyset_is_dense(&set, 3), "dense");
	ok(!keyset_is_dense(&set, 4), "not dense");

	/* what it has is enough for fewer columns, and is given back */
	keyset_clear(&set);
	keyset_add_column(&set, 1, 1);
	ok(keyset_reserve(&set, KEYSET_MAX_ROWS) && set.room == KEYSET_MAX_ROWS,
	   "room for one column");
	keyset_free(&set);
	is(memory.used, before, "nothing is kept");

	/* where there is none, rows are left out */
	memory.limit = memory.used + 1000;
	keyset_add_column(&set, 1, 1);
	for (int row = 0; keyset_has_room(&set); row++)
	{
		keyset_set(&set.columns[0], row, hash_of(row), row);
		keyset_end_row(&set);
	}
	is(set.nrows, 32, "as many rows as there is room for");
	is(keyset_find(keyset_column(&set, 0), hash_of(7)), 7, "those are there");
	keyset_free(&set);
	memory.limit = MAX_MEMORY;
}

int
main(void)
{
	make_statements();
	first_visits();
	key_sets();
	parents_confirmed();
	requests_doubted();
	coincidences_doubted();
	values_choose_parent();
	interleaved_loops();
	nested_loops();
	column_not_returned();
	collecting_ends();
	free(window);
	return unit_done();
}

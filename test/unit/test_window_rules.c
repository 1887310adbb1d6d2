/*-------------------------------------------------------------------------
 *
 * test_window_rules.c
 *		The repeat detector's rules one by one: where windows end, what is
 *		counted, which parent is taken; and streams made at random.
 *
 * Links: burst.c keyset.c relate.c units.c values.c valueset.c verdict.c walkproof.c walkrows.c walks.c window.c
 *
 * test/unit/test_window_rules.c
 *
 *-------------------------------------------------------------------------
 */
#include "stream.h"

#define N		20

static Statement authors, posts, orders, users, books;
static Statement author_by_id, posts_of_author, user_by_id, publisher_by_id;
static Statement insert_author, other;

static void
make_statements(void)
{
	authors = list_of_all(AUTHORS);
	posts = list_of_all(POSTS);
	orders = list_of_all(ORDERS);
	users = list_of_all(USERS);
	books = list_of_all(BOOKS);
	author_by_id = lookup(AUTHORS, 1);
	posts_of_author = lookup(POSTS, 2);
	user_by_id = lookup(USERS, 1);
	publisher_by_id = lookup(PUBLISHERS, 1);
	insert_author = insert_into(AUTHORS);
	other = list_of_all(SETTINGS);
}

static void
lookups(int from, int to)
{
	for (int i = from; i < to; i++)
		run(&author_by_id, 1, i);
}

/* ----------
 * Windows
 * ----------
 */

static void
test_windows(void)
{
	WindowContext context = {10, 0, 0, 77};
	WindowStatement *entry;
	BurstFacts	facts;

	/* the gap, to the nanosecond, from the end to the next start */
	start_stream();
	begin();
	lookups(0, 3);
	pause_before = MILLISECONDS(250);
	lookups(3, 6);
	window_close(window);
	is(nclosed, 1, "a pause as long as the gap does not end the window");
	start_stream();
	begin();
	lookups(0, 3);
	pause_before = MILLISECONDS(250) + 1;
	lookups(3, 4);
	pause_before = MICROSECONDS(300);
	lookups(4, 7);
	window_close(window);
	is(nclosed, 0, "a longer one does");

	/* running is not being idle */
	start_stream();
	begin();
	running = MILLISECONDS(900);
	lookups(0, 6);
	window_close(window);
	is(nclosed, 1, "a slow statement does not end the window");

	/* a clock that stands still, or an end after the next start */
	start_stream();
	begin();
	running = pause_before = 0;
	lookups(0, 6);
	window_close(window);
	is(nclosed, 1, "no time at all does not end the window");
	is(closed[0].verdict.time_lost, 0, "and none is lost");

	/* the opener comes again */
	start_stream();
	for (int i = 0; i < 3 * N; i++)
	{
		run(&users, 1, 0);
		run(&author_by_id, 1, i);
	}
	window_close(window);
	is(nclosed, 0, "the opener in another transaction ends the window");
	start_stream();
	begin();
	for (int i = 0; i < N; i++)
	{
		run(&users, 1, 0);
		run(&author_by_id, 1, i);
	}
	window_close(window);
	ok(result_of(&author_by_id, closed, nclosed) != NULL,
	   "in the same transaction it does not");
	start_stream();
	window_context(window, &context);
	for (int i = 0; i < N; i++)
	{
		run(&users, 1, 0);
		run(&author_by_id, 1, i);
	}
	window_close(window);
	ok(result_of(&author_by_id, closed, nclosed) != NULL &&
	   closed[0].facts.one_piece, "nor in the same trace");
	is(closed[0].facts.cycle_members, 0, "a trace has no cycle");
	start_stream();
	lookups(0, N);
	window_close(window);
	is(nclosed, 1, "nor with nothing between");
	start_stream();
	begin();
	run(&author_by_id, 1, 0);
	run(&users, 1, 0);
	run(&author_by_id, 1, 1);
	commit();
	lookups(2, 6);
	window_close(window);
	is(nclosed, 1, "nothing between since it came last");

	/* what no repeat can be part of is nothing between */
	start_stream();
	{
		Statement	ping = statement(SHAPE_SELECT, InvalidOid, 1);

		for (int i = 0; i < N; i++)
		{
			run(&author_by_id, 1, i);
			ok(RUN(&ping, .rows = 1) == NULL, "SELECT 1 has no entry");
		}
	}
	window_close(window);
	is(nclosed, 1, "nor with pings between");

	/* each part of the context; the same context again changes nothing */
	for (int part = 0; part < 5; part++)
	{
		start_stream();
		context = (WindowContext) {10, 11, 12, 13};
		begin();
		window_context(window, &context);
		lookups(0, 3);
		context.userid += part == 1;
		context.application += part == 2;
		context.route += part == 3;
		context.trace += part == 4;
		window_context(window, &context);
		lookups(3, 6);
		window_close(window);
		is(nclosed, part == 0 ? 1 : 0, "context");
	}

	/* reported once */
	start_stream();
	lookups(0, N);
	window_close(window);
	window_close(window);
	is(nclosed, 1, "a burst is reported once");
	lookups(0, 2);
	window_close(window);
	is(nclosed, 1, "and not with the next window");
	lookups(0, N);
	is(nclosed, 1, "nor before its window ends");
	window_close(window);
	is(nclosed, 2, "then again");
	lookups(0, 3);
	window_close(window);
	is(nclosed, 2, "and no counts are left behind");

	/* one window after another, the same statements in each */
	start_stream();
	for (int i = 0; i < 3; i++)
	{
		begin();
		run(&posts, N, 0);
		lookups(0, N);
		commit();
	}
	window_close(window);
	is(nclosed, 3, "three windows");
	for (int i = 0; i < nclosed; i++)
	{
		is(closed[i].facts.executions, N, "each with its own executions");
		is(closed[i].facts.parent_rows, N, "and its own parent's rows");
	}

	/* closed while a statement runs */
	start_stream();
	lookups(0, 4);
	entry = RUN(&author_by_id, .key = {9}, .open = true);
	window_close(window);
	end_one(entry, 1, 1, false);
	window_more_rows(window, entry, clock_now, 1, 1);
	is(nclosed, 0, "an execution that outlives its window: not reported");
	lookups(0, 4);
	window_close(window);
	is(nclosed, 0, "an execution that outlives its window: not counted");

	/* handles */
	start_stream();
	entry = RUN(&author_by_id, .key = {9});
	is(window_handle(window, entry), -1, "no handle");
	window_set_handle(entry, 7);
	is(window_handle(window, entry), 7, "a handle");
	lookups(0, N);
	window_close(window);
	is(closed[0].handle, 7, "it comes back");
	lookups(0, N);
	is(window_handle(window, entry), -1, "and is forgotten");
	window_close(window);
	is(closed[1].handle, -1, "no handle comes back");

	/* known entries */
	start_stream();
	entry = RUN(&author_by_id, .key = {9});
	{
		WindowStatement *found = begin_one(entry, &users);

		ok(found != entry, "another statement's entry is not taken");
		ok(begin_one(found, &users) == found, "its own is");
		ok(begin_one(NULL, &users) == found, "and found");
		ok(window_holds(found, users.queryid) &&
		   !window_holds(entry, users.queryid), "window_holds");
	}

	/* a shape that becomes known */
	start_stream();
	begin();
	{
		Statement	unknown = author_by_id;

		memset(&unknown.shape, 0, sizeof(unknown.shape));
		unknown.queryid += 5;
		for (int i = 0; i < N; i++)
			run(&unknown, 1, i);
		expect_nothing("no shape yet");
		for (int i = 0; i < 4; i++)
			run(&unknown, 1, i);
		unknown.shape = author_by_id.shape;
		for (int i = 0; i < N; i++)
			run(&unknown, 1, i);
		expect("a shape that becomes known", &unknown, REPEAT_LOOKUP,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
		is(closed[0].facts.executions, N, "counted from then on");
	}

	/* facts as they stand */
	start_stream();
	begin();
	run(&posts, N, 0);
	lookups(0, 7);
	entry = RUN(&author_by_id, .rows = 1, .key = {7});
	window_facts(window, entry, &facts);
	is(facts.executions, 8, "facts of an open burst: executions");
	is(facts.parent_rows, N, "facts of an open burst: the parent");
	lookups(8, N);
	window_close(window);
	is(closed[0].facts.executions, N, "and when it is over");
}

/* ----------
 * Many statements
 * ----------
 */

static void
test_many_statements(void)
{
	static Statement many[3 * WINDOW_MAX_STATEMENTS];
	WindowStatement *entry;

	for (int i = 0; i < lengthof(many); i++)
		many[i] = lookup(SETTINGS, 1);

	/* the least recently used goes, and its burst is told first */
	start_stream();
	begin();
	lookups(0, N);
	for (int i = 0; i < WINDOW_MAX_STATEMENTS - 1; i++)
		run(&many[i], 1, i);
	is(nclosed, 0, "128 statements have room");
	entry = RUN(&author_by_id, .key = {1});
	run(&many[WINDOW_MAX_STATEMENTS], 1, 0);
	is(nclosed, 0, "one more drops one used longer ago");
	ok(window_holds(entry, author_by_id.queryid), "and keeps the burst");
	for (int i = 0; i < WINDOW_MAX_STATEMENTS - 1; i++)
		run(&many[WINDOW_MAX_STATEMENTS + 1 + i], 1, 0);
	is(nclosed, 1, "a burst that is dropped is reported");
	ok(!window_holds(entry, author_by_id.queryid), "its entry is another's");
	window_close(window);
	is(nclosed, 1, "once");

	/* one of several bursts dropped, the others remain */
	start_stream();
	begin();
	for (int i = 0; i < 3; i++)
	{
		for (int j = 0; j < N; j++)
			run(&many[i], 1, j);
	}
	for (int i = 3; i < WINDOW_MAX_STATEMENTS; i++)
		run(&many[i], 1, 0);
	run(&many[0], 1, 0);
	run(&many[2], 1, 0);
	run(&author_by_id, 1, 0);
	is(nclosed, 1, "the second of three is dropped");
	ok(closed[0].facts.queryid == many[1].queryid, "that one");
	window_close(window);
	is(nclosed, 3, "the others when the window ends");
	ok(closed[1].facts.queryid == many[0].queryid &&
	   closed[2].facts.queryid == many[2].queryid, "those two");

	/* all of them are still found, in a window of few */
	start_stream();
	for (int round = 0; round < 5; round++)
	{
		for (int i = 0; i < lengthof(many); i++)
			run(&many[i], 1, 0);
	}
	window_close(window);
	nclosed = 0;
	begin();
	for (int i = 0; i < N; i++)
	{
		for (int j = 0; j < 100; j += 10)
			run(&many[j], 1, i);
	}
	window_close(window);
	is(nclosed, 10, "entries are recycled");

	/* the parent is dropped after it was found */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
	{
		run(&author_by_id, 1, i);
		for (int j = 0; j < 9; j++)
			run(&many[9 * i + j], 1, 0);
	}
	window_close(window);
	ok(is_verdict(result_of(&author_by_id, closed, nclosed),
				  REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
				  RELATIONSHIP_MANY_TO_ONE, &posts),
	   "a parent that was dropped is remembered");
}

/* Which entry is recycled, against the plainest account of it */
static void
test_least_recently_used(void)
{
	static Statement many[2 * WINDOW_MAX_STATEMENTS];
	static WindowStatement *entries[lengthof(many)];
	static int	used[lengthof(many)];
	uint64		random = 1;
	int			recycled = 0;
	int			wrong = 0;

	for (int i = 0; i < lengthof(many); i++)
		many[i] = lookup(SETTINGS, 1);
	start_stream();
	set_threshold(1000000);
	begin();
	for (int now = 1; now <= 5000; now++)
	{
		int			next;
		int			oldest = -1;
		int			nentries = 0;
		bool		there = false;

		random = random * UINT64CONST(6364136223846793005) +
			UINT64CONST(1442695040888963407);
		/* in turn, at random, and some of them more often */
		next = now % 3 == 0 ? now / 3 : (int) (random >> 33);
		next %= now % 3 == 1 ? 40 : lengthof(many);

		for (int i = 0; i < lengthof(many); i++)
		{
			if (entries[i] == NULL || !window_holds(entries[i], many[i].queryid))
				continue;
			nentries++;
			there = there || i == next;
			if (oldest < 0 || used[i] < used[oldest])
				oldest = i;
		}
		entries[next] = RUN(&many[next], .key = {1});
		used[next] = now;
		if (there || nentries < WINDOW_MAX_STATEMENTS)
			continue;
		recycled++;
		if (window_holds(entries[oldest], many[oldest].queryid))
			wrong++;
	}
	window_close(window);
	ok(recycled > 1000, "many entries were recycled");
	is(wrong, 0, "each time the one used longest ago");
}

/* ----------
 * Counts
 * ----------
 */

static void
test_counts(void)
{
	/* distinct values: exact up to 64, then estimated */
	for (int n = 5; n <= 40000; n *= 2)
	{
		char		name[64];
		uint64		distinct;

		start_stream();
		begin();
		for (int i = 0; i < 2 * n; i++)
			run(&author_by_id, 1, i % n);
		window_close(window);
		distinct = closed[0].facts.distinct_keys;
		snprintf(name, sizeof(name), "%d distinct keys: " UINT64_FORMAT, n,
				 distinct);
		if (n <= WINDOW_MAX_VALUES)
			ok(distinct == n, "%s", name);
		else
			ok(distinct > n / 2 && distinct < 2 * n, "%s", name);
		distinct = closed[0].facts.distinct_values;
		ok(n <= WINDOW_MAX_VALUES ? distinct == n :
		   distinct > n / 2 && distinct < 2 * n, "%s, values", name);
		ok(closed[0].facts.duplicates >= n / 2 - 1 &&
		   closed[0].facts.duplicates <= 2 * n, "%s, duplicates", name);
	}

	/* duplicates: for each value, no write since it was seen */
	start_stream();
	begin();
	for (int i = 0; i < 5; i++)
	{
		run(&author_by_id, 1, 1);	/* the first is not looked at */
		run(&author_by_id, 1, 2);
		run(&author_by_id, 1, 2);
		run(&author_by_id, 1, 3);
		run(&author_by_id, 1, 2);
		run(&insert_author, 1, i);
	}
	window_close(window);
	is(closed[0].facts.duplicates, 10, "duplicates between writes");
	is(closed[0].facts.distinct_values, 3, "of three values");

	/* the first is not presumed to be the same across a write */
	start_stream();
	begin();
	run(&author_by_id, 1, 1);
	window_wrote(window);
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, 1);
	window_close(window);
	is(closed[0].facts.duplicates, N - 1, "a write after the first");

	/* a write by statement of each kind, failed too */
	for (int kind = 0; kind < 7; kind++)
	{
		Statement	writes[] = {
			insert_into(AUTHORS), update_by_id(AUTHORS),
			delete_by_id(AUTHORS), statement(SHAPE_MERGE, AUTHORS, 0),
			flagged(lookup(AUTHORS, 1), SHAPE_WRITES),
			flagged(statement(SHAPE_SELECT, InvalidOid, 1), SHAPE_WRITES),
			insert_into(AUTHORS)
		};

		start_stream();
		begin();
		for (int i = 0; i < N; i++)
		{
			run(&author_by_id, 1, 1);
			RUN(&writes[kind], .key = {1}, .failed = kind == 6);
		}
		window_close(window);
		ok(result_of(&author_by_id, closed, nclosed) == NULL,
		   "read again after a write of kind %d", kind);
	}

	/* values that are there but not known are neither alike nor different */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
	{
		WindowStatement *entry;
		WindowValues values;

		clock_now += 1000;
		window_round_trip(window);
		entry = begin_one(NULL, &author_by_id);
		memset(&values, 0, sizeof(values));
		values.offset = -1;
		if (i % 2)
		{
			*window_values_place(window, entry) = values;
			window_values(window, entry, &values);
		}
		clock_now += 1000;
		end_one(entry, 1000, 1, false);
	}
	expect_nothing("values not known");

	/* writes need no values; a transaction may have any number */
	for (int statements = 1; statements <= 2; statements++)
	{
		start_stream();
		for (int i = 0; i < N; i++)
		{
			WindowStatement *entry;

			clock_now += 1000;
			transaction_now = i * statements / 2;
			window_round_trip(window);
			entry = begin_one(NULL, &insert_author);
			clock_now += 1000;
			end_one(entry, 1000, 1, false);
		}
		expect("values not known", &insert_author, REPEAT_INSERT,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
		is(closed[0].facts.transactions, N * statements / 2,
		   "transactions by number");
	}

	/* failed ones are taken back, also the one at the threshold */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < 4; i++)
		run(&author_by_id, 1, i);
	schema_calls = 0;
	for (int i = 0; i < 100 && i < MAX_RESULTS - 1; i++)
		RUN(&author_by_id, .key = {i}, .failed = true);
	ok(schema_calls <= 10, "the schema is asked once for a burst that fails");
	window_close(window);
	is(nclosed, 0, "failed ones do not count");
	ok(nbegun > 50 && begun[nbegun - 1].facts.executions == 5,
	   "each would have made a burst");

	/* the values of a failed one are forgotten */
	start_stream();
	begin();
	for (int i = 0; i < N; i++)
	{
		run(&author_by_id, 1, 1);
		RUN(&author_by_id, .key = {100 + i}, .failed = true);
	}
	expect("failed ones between", &author_by_id, REPEAT_DUPLICATE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);

	/* batches */
	start_stream();
	begin();
	for (int i = 0; i < 60; i++)
		RUN(&author_by_id, .rows = 1, .key = {i}, .pipelined = i % 3 > 0);
	window_close(window);
	is(closed[0].facts.executions, 20, "a batch counts once");
	is(closed[0].facts.rows, 60, "with all its rows");
	is(closed[0].facts.last_end - closed[0].facts.first_start,
	   60 * running + 19 * pause_before, "from its first to its last");
	start_stream();
	begin();
	for (int i = 0; i < N; i++)
	{
		run(&user_by_id, 1, i);
		RUN(&author_by_id, .rows = 1, .key = {i}, .pipelined = true);
	}
	window_close(window);
	is(closed[0].facts.executions, N, "two statements in each batch: one");
	is(closed[1].facts.executions, N, "two statements in each batch: other");

	/* time */
	start_stream();
	begin();
	running = MILLISECONDS(2);
	pause_before = MILLISECONDS(1);
	for (int i = 0; i < 10; i++)
		run(&author_by_id, 1, i);
	window_close(window);
	is(closed[0].facts.exec_time, MILLISECONDS(20), "time executing");
	is(closed[0].verdict.time_lost, MILLISECONDS(29 - 2), "time lost");

	/* loops that interleave share the time they ran in */
	start_stream();
	begin();
	running = MILLISECONDS(2);
	pause_before = MILLISECONDS(1);
	for (int i = 0; i < 10; i++)
	{
		run(&author_by_id, 1, i);
		run(&user_by_id, 1, i);
	}
	window_close(window);
	is(nclosed, 2, "two loops, interleaved");
	is(closed[0].facts.wall_time + closed[1].facts.wall_time,
	   MILLISECONDS(20 * 3 - 2), "share their time");
	is(closed[0].verdict.time_lost, MILLISECONDS(29 - 2), "time of one");
	is(closed[1].verdict.time_lost, MILLISECONDS(29 - 2), "time of the other");

	/* a long pause is not the loop's */
	start_stream();
	begin();
	running = MILLISECONDS(2);
	pause_before = WINDOW_PAUSE;
	for (int i = 0; i < 10; i++)
		run(&author_by_id, 1, i);
	window_close(window);
	is(closed[0].facts.wall_time, MILLISECONDS(20), "without its pauses");

	/* executions in a block; the first is presumed to be like the second */
	for (int begun_at = 0; begun_at < 3; begun_at++)
	{
		static const int in_blocks[] = {10, 10, 8};

		start_stream();
		for (int i = 0; i < 10; i++)
		{
			if (i == begun_at)
				begin();
			RUN(&author_by_id, .rows = i, .key = {i});
		}
		window_close(window);
		is(closed[0].facts.in_blocks, in_blocks[begun_at],
		   "executions in a block");
		is(closed[0].facts.transactions, begun_at + 1,
		   "transactions with it");
		is(closed[0].facts.rows, 45, "and all rows");
	}

	/* values of the conditions, first alone, then with others */
	start_stream();
	begin();
	for (int i = 0; i < 20; i++)
		RUN(&author_by_id, .rows = 1, .key = {i < 10 ? i : i - 5},
			.other = i < 10 ? 0 : i);
	window_close(window);
	is(closed[0].facts.distinct_values, 20, "sets of all values");
	is(closed[0].facts.distinct_keys, 14, "and of the conditions' values");

	/* facts that were told before are brought up to date */
	for (int distinct = 1; distinct <= 400; distinct *= 20)
	{
		BurstFacts	told = {0};
		int			wrong = 0;
		WindowStatement *entry = NULL;

		start_stream();
		for (int i = 0; i < 1000; i++)
		{
			BurstFacts	facts;
			BurstProgress progress;

			entry = RUN(&author_by_id, .rows = i, .key = {i % distinct});
			window_facts(window, entry, &facts);
			if (i == 10)
				told = facts;
			if (i < 10)
				continue;
			window_progress(window, entry, &progress);
			window_advance(&told, &progress);
			wrong += told.executions != facts.executions ||
				told.rows != facts.rows ||
				told.transactions != facts.transactions ||
				told.exec_time != facts.exec_time ||
				told.last_end != facts.last_end ||
				told.distinct_values != facts.distinct_values ||
				told.distinct_keys != facts.distinct_keys;
		}
		is(wrong, 0, "facts brought up to date are as they would be told");

		/* what was told is known; what has grown is told */
		nclosed = 0;
		window_told(window, entry, 1002);
		ok(!window_is_due(window, entry), "told, the burst is not due");
		window_bursts(window, true, burst_closed, NULL);
		is(nclosed, 0, "nor has it grown");
		window_bursts(window, false, burst_closed, NULL);
		is(nclosed, 1, "but it can be told again");
		window_told(window, entry, 1002);
		RUN(&author_by_id, .rows = 1, .key = {0});
		ok(!window_is_due(window, entry), "with one more it is not due yet");
		window_bursts(window, true, burst_closed, NULL);
		is(nclosed, 1, "long, it is told when it is due");
		RUN(&author_by_id, .rows = 1, .key = {0});
		ok(window_is_due(window, entry), "as it is now");
		window_bursts(window, true, burst_closed, NULL);
		is(nclosed, 2, "and has grown");
		ok(!window_is_due(window, entry), "it has to grow by an eighth");
		for (int i = 0; i < 5; i++)
		{
			pause_before = MILLISECONDS(240);
			RUN(&author_by_id, .rows = 1, .key = {0});
		}
		ok(window_is_due(window, entry), "or a second to pass");

		/* at the end of the window too, unless nothing has run since */
		nclosed = 0;
		window_told(window, entry, 1002);
		window_close(window);
		ok(nclosed == 1 && closed[0].as_told, "closed as it was told");
		for (int way = 0; way < 3; way++)
		{
			for (int i = 0; i < N; i++)
				entry = RUN(&author_by_id, .rows = 1, .key = {i});
			window_told(window, entry, 1002);
			if (way == 0)
				RUN(&authors, .rows = N);
			else if (way == 1)
				RUN(&author_by_id, .rows = 1, .pipelined = true);
			else
				window_more_rows(window, entry, clock_now, 1, 1);
			window_close(window);
			ok(!closed[1 + way].as_told, "told anew, %d", way);
			is(closed[1 + way].facts.rows, N + (way > 0), "with all rows");
		}
	}

	/* transactions, as they came */
	start_stream();
	for (int i = 0; i < N; i++)
	{
		if (i % 5 == 0)
			begin();
		run(&insert_author, 1, i);
	}
	window_close(window);
	is(closed[0].facts.transactions, 4, "four transactions");
	ok(!closed[0].verdict.committed_alone && !closed[0].verdict.one_transaction,
	   "neither one nor each alone");
	is(closed[0].verdict.confidence, CONFIDENCE_CONFIRMED,
	   "each transaction is a burst by itself");

	start_stream();
	for (int i = 0; i < N; i++)
	{
		if (i % 4 == 0)
			begin();
		run(&insert_author, 1, i);
	}
	window_close(window);
	is(closed[0].verdict.confidence, CONFIDENCE_LIKELY, "likely if none is");
}

static void
test_thresholds(void)
{
	for (int n = 2; n <= 9; n++)
	{
		for (int count = n - 1; count <= n; count++)
		{
			char		name[64];

			snprintf(name, sizeof(name), "threshold %d, %d executions", n,
					 count);
			start_stream();
			set_threshold(n);
			begin();
			run(&authors, Max(count, 2), 0);
			for (int i = 0; i < count; i++)
				run(&posts_of_author, 3, i);
			if (count < n)
				expect_nothing(name);
			else
			{
				expect(name, &posts_of_author, REPEAT_N_PLUS_ONE,
					   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY,
					   &authors);
				expect_begun(name, &posts_of_author, REPEAT_N_PLUS_ONE,
							 CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY,
							 &authors);
				is(nbegun, 1, "it begins once");
			}

			start_stream();
			set_threshold(n);
			begin();
			for (int i = 0; i < count; i++)
				run(&author_by_id, 1, 1);
			if (count < n)
				expect_nothing(name);
			else
				expect(name, &author_by_id, REPEAT_DUPLICATE,
					   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);
		}
	}

	/* one with other rubbish for a threshold */
	start_stream();
	set_threshold(-3);
	run(&author_by_id, 1, 1);
	expect_nothing("a threshold of no sense");
}

/* ----------
 * Parents
 * ----------
 */

static void
test_parents(void)
{
	/* the one with the foreign key, whatever came between */
	start_stream();
	begin();
	run(&posts, N, 0);
	run(&users, N, 0);
	lookups(0, N);
	expect("another listing between", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &posts);

	/* the one whose rows fit */
	start_stream();
	begin();
	run(&posts, N, 0);
	run(&books, 3, 0);
	lookups(0, N);
	expect("a smaller one between", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &posts);

	/* of two alike, the later */
	start_stream();
	begin();
	run(&posts, N, 0);
	run(&books, N, 0);
	lookups(0, N);
	expect("the later of two", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &books);

	/* never one that came after the child had begun */
	start_stream();
	begin();
	lookups(0, 1);
	run(&posts, N, 0);
	lookups(1, N);
	expect("a listing after the first", &author_by_id, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);

	/* nor, without a key, one whose rows only add up */
	start_stream();
	schema_without_keys = true;
	begin();
	run(&users, N, 0);
	run(&posts, 1, 0);
	run(&posts, 1, 0);
	for (int i = 0; i < N; i++)
		run(&publisher_by_id, 1, i);
	expect("rows that add up", &publisher_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &users);
	for (int chunks = 1; chunks <= 2; chunks++)
	{
		WindowStatement *cursor;

		start_stream();
		schema_without_keys = true;
		begin();
		cursor = RUN(&posts, .rows = 1);
		if (chunks == 2)
			window_more_rows(window, cursor, clock_now, 1, N - 1);
		for (int i = 0; i < N; i++)
			run(&publisher_by_id, 1, i);
		expect("rows of two chunks", &publisher_by_id,
			   chunks == 1 ? REPEAT_LOOKUP : REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE,
			   chunks == 1 ? NULL : &posts);
	}

	/* a key of another table is none */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
		run(&user_by_id, 1, i);
	expect("a key of another table", &user_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &posts);

	/* nor a column of the parent's table that is not unique */
	start_stream();
	begin();
	run(&users, N, 0);
	{
		Statement	by_name = lookup(USERS, 3);

		for (int i = 0; i < N; i++)
			run(&by_name, 1, i);
		expect("a column that is not unique", &by_name, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &users);
	}

	/* nor one of one row */
	start_stream();
	begin();
	run(&posts, 1, 0);
	lookups(0, N);
	expect("a parent of one row", &author_by_id, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);

	/* a foreign key, but far from all rows */
	start_stream();
	begin();
	run(&posts, 100, 0);
	lookups(0, N);
	expect("a key without cardinality", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_MANY_TO_ONE, &posts);

	/* keys that the parent cannot have returned */
	start_stream();
	begin();
	run(&authors, 3, 0);
	for (int i = 0; i < N; i++)
		run(&posts_of_author, 2, i);
	expect("more keys than rows", &posts_of_author, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);

	/* at the threshold there must be that many rows */
	start_stream();
	begin();
	run(&posts, 4, 0);
	lookups(0, 5);
	expect_begun("four rows", &author_by_id, REPEAT_N_PLUS_ONE,
				 CONFIDENCE_LIKELY, RELATIONSHIP_MANY_TO_ONE, &posts);
	expect("four rows", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &posts);

	/* half of the rows is enough, as the identity map does */
	for (int count = 8; count <= 24; count++)
	{
		start_stream();
		begin();
		run(&posts, N, 0);
		lookups(0, count);
		expect("about as many as rows", &author_by_id, REPEAT_N_PLUS_ONE,
			   count >= N / 2 && count <= 23 ? CONFIDENCE_CONFIRMED :
			   CONFIDENCE_LIKELY, RELATIONSHIP_MANY_TO_ONE, &posts);
	}

	/* raw SQL without an identity map: four authors, in turn */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, i % 4);
	expect("few keys, many rows", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &posts);

	/* the same without any reason is asking again */
	start_stream();
	begin();
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, i % 4);
	expect("few keys, no parent", &author_by_id, REPEAT_DUPLICATE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);
	start_stream();
	begin();
	run(&authors, 2, 0);
	for (int i = 0; i < N; i++)
		run(&posts_of_author, 4, i % 2);
	expect("few keys, few rows", &posts_of_author, REPEAT_DUPLICATE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);

	start_stream();
	begin();
	run(&posts, 5, 0);
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, i % 4);
	expect("few keys, more often than rows", &author_by_id, REPEAT_DUPLICATE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);
	for (int n = 3; n <= 12; n += 3)
	{
		start_stream();
		schema_without_keys = true;
		begin();
		run(&posts, N, 0);
		for (int i = 0; i < N; i++)
			run(&publisher_by_id, 1, i % n);
		window_close(window);
		is(closed[0].verdict.kind, n == 3 ? REPEAT_DUPLICATE :
		   n < 10 ? REPEAT_LOOKUP : REPEAT_N_PLUS_ONE,
		   "few keys by cardinality alone");
	}

	/* cardinality alone: only of what came last, and about all its rows */
	start_stream();
	schema_without_keys = true;
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
		run(&publisher_by_id, 1, i);
	expect("cardinality alone", &publisher_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &posts);
	start_stream();
	schema_without_keys = true;
	begin();
	run(&posts, N, 0);
	run(&users, 3, 0);
	for (int i = 0; i < N; i++)
		run(&publisher_by_id, 1, i);
	expect("cardinality, not the last", &publisher_by_id, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	start_stream();
	schema_without_keys = true;
	begin();
	run(&posts, 100, 0);
	for (int i = 0; i < N; i++)
		run(&publisher_by_id, 1, i);
	expect("cardinality of far more rows", &publisher_by_id, REPEAT_LOOKUP,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	start_stream();
	schema_without_keys = true;
	run(&posts, N, 0);
	begin();
	for (int i = 0; i < N; i++)
		run(&publisher_by_id, 1, i);
	expect("cardinality in another transaction", &publisher_by_id,
		   REPEAT_N_PLUS_ONE, CONFIDENCE_SUSPECTED, RELATIONSHIP_NONE,
		   &posts);

	/* two relations without keys, interleaved, one of them of many rows */
	start_stream();
	schema_without_keys = true;
	begin();
	run(&authors, N, 0);
	for (int i = 0; i < N; i++)
	{
		run(&posts_of_author, 7, i);
		run(&publisher_by_id, 1, i);
	}
	expect("interleaved without keys", &posts_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &authors);
	expect("interleaved without keys", &publisher_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &authors);

	/* a tenant that is always the same is not the key */
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	of_tenant = where(lookup(POSTS, 9), POSTS, 2);

		for (int i = 0; i < N; i++)
			RUN(&of_tenant, .rows = 3, .key = {5, i});
		expect("tenant", &of_tenant, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &authors);
		is(closed[0].facts.key_attnum, 2, "the key is what varies");
	}
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	of_author = where(lookup(POSTS, 2), POSTS, 9);

		for (int i = 0; i < N; i++)
			RUN(&of_author, .rows = 3, .key = {5, i});
		expect("the key does not vary", &of_author, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &authors);
		is(closed[0].facts.constraint, 0, "so it is no foreign key");
	}

	/* keys that do not vary before the threshold */
	start_stream();
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, i < 8 ? 0 : i);
	expect_begun("the first author's posts come first", &author_by_id,
				 REPEAT_DUPLICATE, CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE,
				 NULL);
	expect("the first author's posts come first", &author_by_id,
		   REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE,
		   &posts);
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	of_author = where(lookup(POSTS, 2), POSTS, 9);

		for (int i = 0; i < N; i++)
			RUN(&of_author, .rows = 3, .key = {5, i < 8 ? 0 : i});
		window_close(window);
		is(closed[0].facts.constraint, 0,
		   "a key that turns out not to vary is none");
	}

	/* the same row each time */
	start_stream();
	begin();
	{
		Statement	versioned = where(update_by_id(POSTS), POSTS, 9);

		for (int i = 0; i < N; i++)
			RUN(&versioned, .rows = 1, .key = {5, i});
		expect_nothing("one row, another version each time");
		start_stream();
		begin();
		for (int i = 0; i < N; i++)
			RUN(&versioned, .rows = 1, .key = {i, i % 3});
		expect("rows with versions", &versioned, REPEAT_UPDATE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);
	}

	/* ... but where a key leads from the parent, whether it is its */
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	is_of = where(lookup(POSTS, 2), POSTS, 1);
		Statement	venues = statement(SHAPE_SELECT, VENUES, 5);

		for (int i = 0; i < N; i++)
			RUN(&is_of, .rows = i == 3, .key = {i, 7});
		expect("one row, of whom?", &is_of, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_COUNT_OR_EXISTS, &authors);
		start_stream();
		begin();
		run(&venues, N, 0);
		for (int i = 0; i < N; i++)
			RUN(&is_of, .rows = i == 3, .key = {i, 7});
		expect_nothing("one row, and a list that leads nowhere");
	}
	start_stream();
	begin();
	run(&posts, N, 0);
	{
		Statement	has_tag = where(lookup(POST_TAGS, 2), POST_TAGS, 3);

		for (int i = 0; i < N; i++)
			RUN(&has_tag, .rows = i % 2, .key = {i, 7});
		expect("has it this tag?", &has_tag, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_COUNT_OR_EXISTS, &posts);
		start_stream();
		begin();
		run(&posts, N, 0);
		for (int i = 0; i < N; i++)
			RUN(&has_tag, .rows = i % 2, .key = {i, i % 5});
		expect("a tag of each", &has_tag, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &posts);
	}

	/* a type that is always the same stands for no row */
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	of_type = where(lookup(SETTINGS, 2), SETTINGS, 3);

		for (int i = 0; i < N; i++)
			RUN(&of_type, .rows = 1, .key = {i, 7});
		expect("one of a type for each", &of_type, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &authors);
	}

	/* ... but not because a row of another table is the same */
	start_stream();
	begin();
	run(&authors, N, 0);
	{
		Statement	of_tenant =
			joined(where(lookup(POSTS, 2), SETTINGS, 1), SETTINGS);

		for (int i = 0; i < N; i++)
			RUN(&of_tenant, .rows = 3, .key = {i, 5});
		expect("the same row of another table", &of_tenant,
			   REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &authors);
	}
	start_stream();
	begin();
	{
		Statement	of_both = joined(where(where(lookup(POSTS, 1), SETTINGS, 2),
										   POSTS, 9), SETTINGS);

		for (int i = 0; i < N; i++)
			RUN(&of_both, .rows = 3, .key = {5, i, i});
		expect("rows of two tables vary", &of_both, REPEAT_LOOKUP,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	}

	/* several rows each: no row-by-row update */
	start_stream();
	begin();
	{
		Statement	update = where(statement(SHAPE_UPDATE, POSTS, 0), POSTS, 2);

		for (int i = 0; i < N; i++)
			run(&update, 3, i);
		window_close(window);
		is(count_verdicts(closed, nclosed, CONFIDENCE_SUSPECTED), 0,
		   "updates of several rows: nothing at the end");
	}

	/* a row joined to the parent's row: has_one through */
	start_stream();
	begin();
	run(&posts, N, 0);
	{
		Statement	through =
			joined(where(statement(SHAPE_SELECT, AUTHORS, 5), POSTS, 1),
				   POSTS);

		for (int i = 0; i < N; i++)
			run(&through, 1, i);
		expect("through the parent's row", &through, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &posts);
	}

	/* up a tree of whole rows, and columns of the same */
	start_stream();
	begin();
	{
		Statement	list = leaving_out(list_of_all(COMMENTS), 5);
		Statement	up = leaving_out(lookup(COMMENTS, 1), 5);
		Statement	body = leaving_out(lookup(COMMENTS, 1), 3);
		Statement	titles = leaving_out(list, 2);

		body.queryid++;
		titles.queryid++;
		run(&list, N, 0);
		for (int i = 0; i < N; i++)
			run(&up, 1, i);
		expect("up a tree", &up, REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_MANY_TO_ONE, &list);

		start_stream();
		begin();
		run(&titles, N, 0);
		for (int i = 0; i < N; i++)
			run(&body, 1, i);
		expect("a column of a tree", &body, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_DEFERRED_COLUMN, &titles);

		/* which of the two, only values can tell */
		start_stream();
		begin();
		run(&list, N, 0);
		for (int i = 0; i < N; i++)
			run(&body, 1, i);
		expect("up or a column", &body, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, &list);
	}

	/* two foreign keys to one table */
	start_stream();
	begin();
	{
		Statement	orders = list_of_all(ORDERS);
		Statement	customer = lookup(USERS, 1);

		two_keys_to_users = true;
		run(&orders, N, 0);
		for (int i = 0; i < N; i++)
			run(&customer, 1, i);
		expect("one of two keys", &customer, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_MANY_TO_ONE, &orders);
		two_keys_to_users = false;
	}

	/* the key's column is not in the output, or only as what was asked for */
	start_stream();
	begin();
	{
		Statement	ids = leaving_out(list_of_all(POSTS), 2);
		Statement	of_one = lookup(POSTS, 2);

		run(&ids, N, 0);
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, i);
		expect("not returned", &author_by_id, REPEAT_LOOKUP,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
		start_stream();
		begin();
		run(&of_one, N, 1);
		for (int i = 0; i < N; i++)
			run(&author_by_id, 1, i);
		expect("an echo", &author_by_id, REPEAT_LOOKUP, CONFIDENCE_LIKELY,
			   RELATIONSHIP_NONE, NULL);
	}

	/* a tree, one level deep */
	start_stream();
	begin();
	{
		Statement	roots = list_of_all(COMMENTS);
		Statement	children = lookup(COMMENTS, 2);

		run(&roots, N, 0);
		for (int i = 0; i < N; i++)
			run(&children, 3, i);
		expect("a tree, one level deep", &children, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &roots);
		start_stream();
		begin();
		run(&roots, 100, 0);
		for (int i = 0; i < N; i++)
			run(&children, 0, i);
		expect("a tree, of some", &children, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_LIKELY, RELATIONSHIP_ONE_TO_MANY, &roots);
	}

	/* children of nodes that the statement did not return itself */
	start_stream();
	begin();
	{
		Statement	children = lookup(COMMENTS, 2);

		for (int i = 0; i < N; i++)
			run(&children, i < 2 ? 1 : 0, i);
		expect("children of other nodes", &children, REPEAT_LOOKUP,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	}

	/* lookups in a table that references itself are lookups */
	start_stream();
	begin();
	{
		Statement	comment = lookup(COMMENTS, 1);

		for (int i = 0; i < N; i++)
			run(&comment, 1, i);
		expect("lookups in a tree", &comment, REPEAT_LOOKUP,
			   CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	}

	/* the schema is asked little, however many listings came before */
	start_stream();
	begin();
	for (int i = 0; i < 100; i++)
	{
		Statement	list = list_of_all(500 + i);

		for (int j = 1; j < SHAPE_MAX_RELATIONS; j++)
			list = joined(list, 1000 + 10 * i + j);
		run(&list, N, 0);
	}
	lookups(0, N);
	ok(schema_calls > 0 && schema_calls <= 30, "calls of the schema: %d",
	   schema_calls);

	/* what must not be judged */
	for (int kind = 0; kind < 6; kind++)
	{
		static const int flags[] = {
			SHAPE_IGNORED, SHAPE_SKIP_LOCKED, SHAPE_CATALOG_ONLY,
			SHAPE_LIST_CONDITION, SHAPE_WRITES, 0
		};
		Statement	child = flagged(lookup(POSTS, 2), flags[kind]);

		start_stream();
		begin();
		run(&authors, N, 0);
		for (int i = 0; i < N; i++)
			run(&child, 1, i);
		if (flags[kind] != 0)
			expect_nothing("never");
		else
			expect_verdicts("else", 1);
	}

	/* conditions that did not fit: never more than likely, no offsets */
	start_stream();
	begin();
	{
		Statement	child = flagged(lookup(POSTS, 2), SHAPE_INCOMPLETE);
		Statement	page = flagged(list_of_all(POSTS), SHAPE_HAS_OFFSET |
								   SHAPE_INCOMPLETE);

		run(&authors, N, 0);
		for (int i = 0; i < N; i++)
			run(&child, 1, i);
		expect("incomplete", &child, REPEAT_N_PLUS_ONE, CONFIDENCE_LIKELY,
			   RELATIONSHIP_ONE_TO_MANY, &authors);
		start_stream();
		begin();
		for (int i = 0; i < N; i++)
			RUN(&page, .rows = 10, .offset = 1 + i * 10);
		expect_nothing("incomplete pages");
	}

	/* pages of other authors are no steps; nor are pages back */
	start_stream();
	begin();
	{
		Statement	page = flagged(lookup(POSTS, 2), SHAPE_HAS_OFFSET);

		for (int i = 0; i < N; i++)
			RUN(&page, .rows = 10, .key = {3}, .offset = 1 + i * 10);
		expect("pages of one author", &page, REPEAT_DEEP_OFFSET,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_NONE, NULL);
		start_stream();
		begin();
		for (int i = 0; i < N; i++)
			RUN(&page, .rows = 10, .key = {i}, .offset = 1 + i * 10);
		window_close(window);
		is(closed[0].verdict.kind, REPEAT_LOOKUP, "pages of several authors");
		is(closed[0].facts.offset_steps, 0, "are no steps");
		start_stream();
		begin();
		for (int i = 0; i < N; i++)
			RUN(&page, .rows = 10, .key = {i / 4}, .offset = 1 + i % 4 * 10);
		window_close(window);
		is(closed[0].verdict.kind, REPEAT_LOOKUP, "four pages of each author");
		start_stream();
		begin();
		page = flagged(list_of_all(POSTS), SHAPE_HAS_OFFSET);
		for (int i = 0; i < N; i++)
			RUN(&page, .rows = 10, .offset = 11);
		expect_nothing("a page without a condition, again");
		start_stream();
		begin();
		for (int i = N; i > 0; i--)
			RUN(&page, .rows = 10, .key = {3}, .offset = 1 + i * 10);
		expect_nothing("pages back");
		start_stream();
		for (int i = 0; i < 2 * N; i++)
			RUN(&page, .rows = 10, .offset = 1 + i * 3 % 5 * 10);
		expect_nothing("pages in no order");
	}
}

/* ----------
 * Requests on one connection
 * ----------
 */

static void
test_requests(void)
{
	static Statement once[3 * N];
	Statement	session = lookup(SESSIONS, 3);
	Statement	page_a = lookup(PAGES, 2);
	Statement	page_b = lookup(VENUES, 2);
	Statement	audit = insert_into(AUDIT);
	Statement	members = lookup(MEMBERS, 2);
	Statement	addresses = lookup(ADDRESSES, 2);

	for (int i = 0; i < lengthof(once); i++)
		once[i] = list_of_all(i % 2 ? POSTS : SETTINGS);

	/* look-ups in a row inside of a transaction, and one before and after it */
	for (int n = 4; n <= 13; n += 9)
	{
		start_stream();
		begin();
		run(&user_by_id, 1, 0);
		run(&author_by_id, 1, 1000);
		for (int i = 0; i < 15; i++)
			run(&page_a, 1, i % 4);
		commit();
		begin();
		for (int i = 0; i < n; i++)
			run(&author_by_id, 1, i);
		commit();
		begin();
		run(&author_by_id, 1, 2000);
		commit();
		if (n == 4)
			expect("too few look-ups in one transaction", &author_by_id,
				   REPEAT_LOOKUP, CONFIDENCE_SUSPECTED, RELATIONSHIP_NONE, NULL);
		else
			expect("look-ups that one transaction holds", &author_by_id,
				   REPEAT_LOOKUP, CONFIDENCE_LIKELY, RELATIONSHIP_NONE, NULL);
	}

	/* what ran before the transaction that holds a loop is not part of it */
	start_stream();
	for (int i = 0; i < 3; i++)
		run(&author_by_id, 1, 1000 + i);
	begin();
	run(&posts, N, 0);
	for (int i = 0; i < N; i++)
		run(&author_by_id, 1, i);
	commit();
	is(nclosed, 1, "the end of a transaction that holds a loop ends the window");
	run(&author_by_id, 1, 1);
	window_close(window);
	is(nclosed, 1, "what comes after it is not part of the loop");

	for (int block = 0; block < 2; block++)
	{
		/* every request begins with something else */
		start_stream();
		for (int i = 0; i < 2 * N; i++)
		{
			if (block)
				begin();
			run(&once[i], 4, i);
			run(&session, 1, i % 7);
			run(&user_by_id, 1, i % 7);
			run(&page_a, 1, i);
			commit();
		}
		expect_nothing("each begins with another statement");

		/* ... which returns rows that lead to what comes next */
		start_stream();
		for (int i = 0; i < 2 * N; i++)
		{
			if (block)
				begin();
			run(&once[i], i == 1 ? 2 * N : 1, i);
			run(&author_by_id, 1, i);
			commit();
		}
		expect_nothing("each of its own, and an author");

		/* two kinds of page, in turn */
		start_stream();
		run(&other, N, 0);
		for (int i = 0; i < 2 * N; i++)
		{
			if (block)
				begin();
			run(&session, 1, i % 7);
			run(&user_by_id, 1, i % 7);
			run(i % 2 ? &page_a : &page_b, 1, i);
			commit();
		}
		expect_nothing("two kinds of page");

		/* many kinds, none of which comes half as often as the user */
		start_stream();
		run(&other, N, 0);
		for (int i = 0; i < 3 * N; i++)
		{
			if (block)
				begin();
			run(&user_by_id, 1, i);
			run(&once[i % 9], 1, i);
			commit();
		}
		expect_nothing("nine kinds of page");

		/* a log entry for each */
		start_stream();
		run(&users, N, 0);
		for (int i = 0; i < N; i++)
		{
			if (block)
				begin();
			run(&user_by_id, 1, i);
			run(&audit, 1, i);
			commit();
		}
		expect_nothing("a user and a log entry");

		/* three sections on each page: not five, and not together */
		start_stream();
		for (int i = 0; i < N; i++)
		{
			if (block)
				begin();
			run(&once[i], 1, i);
			run(&books, 3, i);
			for (int j = 0; j < 3; j++)
				run(&author_by_id, 1, 3 * i + j);
			commit();
		}
		expect_nothing("three sections");

		/* pages in steps, each a request */
		start_stream();
		run(&other, N, 0);
		{
			Statement	page = flagged(list_of_all(POSTS), SHAPE_HAS_OFFSET);

			for (int i = 0; i < N; i++)
			{
				if (block)
					begin();
				run(&session, 1, 1);
				RUN(&page, .rows = 10, .offset = 1 + 10 * i);
				commit();
			}
		}
		expect_nothing("pages in requests");

		/* one customer's orders: children, twice as often as nothing */
		start_stream();
		run(&other, N, 0);
		for (int i = 0; i < N; i++)
		{
			if (block)
				begin();
			run(&author_by_id, 1, i);
			run(&posts_of_author, 4, i);
			commit();
		}
		expect_nothing("an author and his posts");
	}

	/*
	 * One of the requests has a real one: it is found, in the transaction or
	 * where each statement is its own.
	 */
	for (int block = 0; block < 2; block++)
	{
		start_stream();
		for (int i = 0; i < 6; i++)
		{
			if (block)
				begin();
			run(&session, 1, 1);
			run(&user_by_id, 1, 1);
			if (i == 3)
			{
				run(&authors, N, 0);
				for (int j = 0; j < N; j++)
					run(&posts_of_author, 4, j);
			}
			commit();
		}
		expect("one request of several", &posts_of_author, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
		expect_verdicts("one request of several", 1);
	}

	/* a step in a transaction each, with both levels */
	start_stream();
	run(&orders, N, 0);
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&members, 1, i);
		run(&addresses, 1, i);
		commit();
	}
	expect("a transaction each", &members, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY, &orders);
	expect("a transaction each", &addresses, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY, &members);

	/* a list, and requests for its rows' children, each in BEGIN ... COMMIT */
	start_stream();
	run(&authors, N, 0);
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&posts_of_author, 4, i);
		commit();
	}
	expect("requests in blocks", &posts_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY, &authors);

	/* in autocommit, for some of them only: no loop over the rows */
	start_stream();
	run(&authors, N, 0);
	for (int i = 0; i < 6; i++)
		run(&posts_of_author, 4, 3 * i);
	expect("requests for a few", &posts_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY, &authors);

	/* ... or for some of them twice */
	start_stream();
	run(&authors, N, 0);
	for (int i = 0; i < N; i++)
		run(&posts_of_author, 4, i % 17);
	expect("requests for some twice", &posts_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY, &authors);

	/* ... unless something else came in each, too */
	start_stream();
	run(&orders, N, 0);
	for (int i = 0; i < N; i++)
	{
		begin();
		run(&session, 1, i);
		run(&members, 1, i);
		run(&addresses, 1, i);
		commit();
	}
	expect_nothing("a transaction each, and a session");

	/* some of the steps need another statement: still a loop */
	start_stream();
	run(&books, N, 0);
	for (int i = 0; i < N; i++)
	{
		run(&author_by_id, 1, i);
		if (i % 3 == 0)
			run(&publisher_by_id, 1, i);
	}
	expect("another one at times", &author_by_id, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_MANY_TO_ONE, &books);

	/* what came often before the loop, or after, is not of its cycle */
	for (int after = 0; after < 2; after++)
	{
		start_stream();
		run(&other, 1, 0);
		for (int i = 0; i < N && !after; i++)
			run(&user_by_id, 1, i);
		run(&books, N, 0);
		for (int i = 0; i < N; i++)
		{
			run(&author_by_id, 1, i);
			run(&publisher_by_id, 1, i);
		}
		for (int i = 0; i < N && after; i++)
			run(&user_by_id, 1, i);
		expect("users before or after the loop", &author_by_id,
			   REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_MANY_TO_ONE, &books);
	}

	/* keys that nothing before returned explain nothing */
	start_stream();
	run(&authors, 3, 0);
	run(&books, N, 0);
	for (int i = 0; i < N; i++)
	{
		run(&publisher_by_id, 1, i);
		run(&posts_of_author, 2, i);
	}
	expect_verdicts("keys from elsewhere", 0);

	/* requests for the children of some, again and again */
	start_stream();
	run(&authors, N, 0);
	for (int i = 0; i < N; i++)
		run(&posts_of_author, 4, (i * 7) % 11);
	expect("children of some, several times", &posts_of_author,
		   REPEAT_N_PLUS_ONE, CONFIDENCE_SUSPECTED, RELATIONSHIP_ONE_TO_MANY,
		   &authors);
}

/*
 * Requests made at random: each kind of page runs some statements once, after
 * what all of them begin with.  Nothing may be called likely.
 */
static void
test_random_requests(void)
{
	static const Oid tables[] = {SESSIONS, USERS, PAGES, SETTINGS, ACCOUNTS,
	JOBS, VENUES, PUBLISHERS, TAGS, AUDIT};
	int			wrong = 0;

	srandom(20240817);
	for (int round = 0; round < 3000; round++)
	{
		Statement	common[3];
		Statement	pages[4][4];
		int			ncommon = 1 + random() % 3;
		int			npages = 1 + random() % 4;
		int			size[4];
		bool		block = random() % 2;
		int			nrequests = 5 + random() % 60;

		start_stream();
		for (int i = 0; i < ncommon; i++)
			common[i] = lookup(tables[random() % lengthof(tables)],
							   1 + random() % 3);
		for (int i = 0; i < npages; i++)
		{
			size[i] = 1 + random() % 4;
			for (int j = 0; j < size[i]; j++)
			{
				Oid			table = tables[random() % lengthof(tables)];

				switch (random() % 5)
				{
					case 0:
						pages[i][j] = insert_into(table);
						break;
					case 1:
						pages[i][j] = update_by_id(table);
						break;
					case 2:
						pages[i][j] = list_of_all(table);
						break;
					default:
						pages[i][j] = lookup(table, 1 + random() % 3);
						break;
				}
			}
		}
		if (random() % 2)
			run(&other, random() % 40, 0);
		for (int i = 0; i < nrequests; i++)
		{
			int			page = random() % npages;
			uint64		key = random() % 50;

			if (block)
				begin();
			for (int j = 0; j < ncommon; j++)
				run(&common[j], 1, key);
			for (int j = 0; j < size[page]; j++)
				run(&pages[page][j], random() % 10 == 0 ? 9 : 1,
					random() % 50);
			commit();
		}
		window_close(window);
		if (count_verdicts(closed, nclosed, CONFIDENCE_LIKELY) > 0 ||
			count_verdicts(begun, nbegun, CONFIDENCE_LIKELY) > 0)
		{
			if (wrong++ == 0)
			{
				print_results("begun", begun, nbegun);
				print_results("closed", closed, nclosed);
			}
		}
	}
	is(wrong, 0, "3000 streams of requests at random");
}

/* Calls in any order, on more statements than fit: no crash, no nonsense */
static void
test_random_calls(void)
{
	static Statement many[200];
	WindowStatement *open[8] = {NULL};
	uint64		open_queryid[8] = {0};
	bool		sane = true;

	srandom(4711);
	for (int i = 0; i < lengthof(many); i++)
	{
		Oid			table = AUTHORS + random() % 20;

		many[i] = i % 3 == 0 ? list_of_all(table) :
			i % 3 == 1 ? lookup(table, 1 + random() % 3) :
			insert_into(table);
	}
	start_stream();
	for (int i = 0; i < 200000; i++)
	{
		int			slot = random() % lengthof(open);
		int			n = random() % 400;
		Statement  *s = &many[n < 200 ? n : n % 9];

		nclosed = nbegun = 0;
		switch (random() % 40)
		{
			case 0:
				window_close(window);
				break;
			case 2:
				{
					WindowContext context = {random() % 2, 1, 1, random() % 3};

					if (random() % 10 == 0)
						window_context(window, &context);
				}
				break;
			case 3:
				set_threshold(random() % 9);
				break;
			case 4:
				begin();
				break;
			case 5:
				commit();
				break;
			case 6:
				open[slot] = RUN(s, .key = {random() % 30}, .open = true);
				open_queryid[slot] = s->queryid;
				break;
			case 7:
			case 8:
				if (open[slot] && window_holds(open[slot], open_queryid[slot]))
				{
					BurstFacts	facts;

					end_one(open[slot], 5, 3, random() % 4 == 0);
					window_more_rows(window, open[slot], clock_now, 5, 3);
					window_facts(window, open[slot], &facts);
				}
				break;
			case 9:
				many[n % 200].shape.flags ^= SHAPE_IGNORED;
				break;
			default:
				RUN(s, .rows = random() % 5, .key = {random() % 100},
					.pipelined = random() % 8 == 0,
					.failed = random() % 8 == 0,
					.list_length = random() % 50 == 0 ? 2 : 0);
				break;
		}
		for (int j = 0; j < nclosed; j++)
		{
			const BurstFacts *f = &closed[j].facts;

			sane = sane && f->executions >= 2 &&
				f->distinct_values <= f->executions &&
				f->distinct_keys <= f->executions &&
				f->transactions <= f->executions && f->transactions > 0 &&
				f->last_end >= f->first_start &&
				f->cycle_unexplained <= f->cycle_members;
		}
	}
	ok(sane, "200,000 calls at random");
}

/* Facts that no stream leads to, or only together with others */
static void
test_verdicts(void)
{
	BurstFacts	facts;
	RepeatVerdict verdict;

	memset(&facts, 0, sizeof(facts));
	facts.shape = author_by_id.shape;
	facts.executions = facts.distinct_keys = facts.distinct_values = N;
	facts.transactions = N;
	facts.cycle_members = facts.cycle_unexplained = 1;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_NONE, "requests");
	facts.one_piece = true;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_LOOKUP, "not within one trace");
	facts.one_piece = false;
	facts.transactions = 1;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_LOOKUP, "nor within one transaction");

	facts.cycle_members = facts.cycle_unexplained = 0;
	facts.parent_queryid = posts.queryid;
	facts.parent_rows = N;
	facts.parent_transactions_shared = 1;
	facts.relationship = RELATIONSHIP_MANY_TO_ONE;
	facts.constraint = 1;
	facts.distinct_keys = 1;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_LOOKUP, "keys that do not vary, but other values");
	facts.shape.flags |= SHAPE_RANGE_CONDITION;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_NONE, "unless they are a range's");
	facts.shape.flags &= ~SHAPE_RANGE_CONDITION;
	facts.distinct_keys = 2;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_N_PLUS_ONE, "two keys by a foreign key");

	facts.constraint = 0;
	facts.relationship = RELATIONSHIP_NONE;
	facts.executions = facts.parent_rows = 6;
	facts.distinct_keys = 4;
	facts.distinct_values = 4;
	verdict_decide(&facts, 5, true, &verdict);
	is(verdict.kind, REPEAT_LOOKUP, "four keys by cardinality alone: no N+1");
	is(verdict.confidence, CONFIDENCE_SUSPECTED, "and nothing that is sure");
}

/* Any bytes at all have a verdict */
static void
test_garbage(void)
{
	bool		sane = true;

	srandom(99);
	for (int i = 0; i < 300000; i++)
	{
		BurstFacts	facts;
		RepeatVerdict verdict;
		unsigned char *bytes = (unsigned char *) &facts;

		for (int j = 0; j < sizeof(facts); j++)
			bytes[j] = random() % 3 ? 0 : random() % 4 ? 0xFF : random();
		memset(&facts.batched, random() % 2, sizeof(bool));
		memset(&facts.one_piece, random() % 2, sizeof(bool));
		memset(&facts.same_row, random() % 2, sizeof(bool));
		memset(&facts.is_membership, random() % 2, sizeof(bool));
		memset(&facts.keys_complete, random() % 2, sizeof(bool));
		memset(&facts.keys_dense, random() % 2, sizeof(bool));
		memset(&facts.keys_unlikely, random() % 2, sizeof(bool));
		memset(&facts.keys_agree, random() % 2, sizeof(bool));
		if (random() % 2)
		{
			/* get past the first checks */
			facts.shape.command = SHAPE_SELECT + random() % 4;
			facts.shape.flags = random() & SHAPE_HAS_CONDITION ? 3 : 0x0b;
			facts.shape.nrelations = 1 + random() % 255;
			facts.batched = false;
		}
		verdict_decide(&facts, i % 7 == 0 ? (int) random() : 5, i % 2,
					   &verdict);
		verdict_decide(&facts, PG_INT32_MIN, i % 2, &verdict);
		sane = sane && verdict.kind <= REPEAT_DEEP_OFFSET &&
			verdict.confidence <= CONFIDENCE_CONFIRMED &&
			verdict.relationship <= RELATIONSHIP_DEFERRED_COLUMN &&
			(verdict.kind == REPEAT_N_PLUS_ONE || !verdict.has_parent) &&
			(verdict.kind == REPEAT_NONE) ==
			(verdict.confidence == CONFIDENCE_NONE);
	}
	ok(sane, "300,000 facts that make no sense");
}

/* What varied in a burst */
static unsigned
varied(const Statement *s)
{
	window_close(window);
	return result_of(s, closed, nclosed)->facts.varied;
}

static void
test_varied(void)
{
	Statement	pair = where(lookup(POSTS, 1), POSTS, 2);
	Statement	update = where(statement(SHAPE_UPDATE, POSTS, 0), POSTS, 1);

	start_stream();
	begin();
	for (int i = 0; i < N; i++)
		RUN(&pair, .rows = 1, .key = {i, 7});
	is(varied(&pair), VARIED_CONDITION(0) | VARIED_SAME_KEYS,
	   "the first condition varies");

	start_stream();
	begin();
	for (int i = 0; i < N; i++)
		RUN(&pair, .rows = 1, .key = {i, i % 3}, .other = i);
	is(varied(&pair), VARIED_CONDITION(0) | VARIED_CONDITION(1) |
	   VARIED_OTHERS | VARIED_SAME_KEYS, "all varies");

	start_stream();
	begin();
	for (int i = 0; i < 1000; i++)
		RUN(&update, .rows = 1, .key = {i}, .other = 1);
	is(varied(&update), VARIED_CONDITION(0), "an UPDATE's keys are different");

	/* the first one's value counts, too; and one among a thousand */
	start_stream();
	begin();
	for (int i = 0; i < N; i++)
		RUN(&update, .rows = 1, .key = {i % (N - 1)});
	is(varied(&update), VARIED_CONDITION(0) | VARIED_SAME_KEYS,
	   "the first key comes again");
	start_stream();
	for (int i = 0; i < 1000; i++)
		RUN(&update, .rows = 1, .key = {i == 900 ? 501 : i});
	is(varied(&update), VARIED_CONDITION(0) | VARIED_SAME_KEYS,
	   "a key comes again in a long loop");

	/* no more room to know */
	start_stream();
	begin();
	for (int i = 0; i < 4000; i++)
		RUN(&update, .rows = 1, .key = {i});
	is(varied(&update), VARIED_CONDITION(0) | VARIED_SAME_KEYS,
	   "keys of too long a loop");
}

int
main(void)
{
	make_statements();
	test_windows();
	test_many_statements();
	test_least_recently_used();
	test_counts();
	test_thresholds();
	test_parents();
	test_requests();
	test_random_requests();
	test_random_calls();
	test_verdicts();
	test_varied();
	test_garbage();
	free(window);
	return unit_done();
}

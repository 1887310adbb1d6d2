/*-------------------------------------------------------------------------
 *
 * test_walks.c
 *		Units of work: pages served one after another on one connection, each
 *		statement committed alone, and never idle.
 *
 * Links: burst.c keyset.c relate.c units.c values.c valueset.c verdict.c walkproof.c walkrows.c walks.c window.c
 *
 * test/unit/test_walks.c
 *
 *-------------------------------------------------------------------------
 */
#include "stream.h"

#define N		20

static const RepeatRelationship NO_RELATIONSHIP = RELATIONSHIP_NONE;

static Statement users_by_id, session, posts_of_user, authors, posts,
			books_of_author, settings_by_name, insert_audit, update_job;
static Statement rare[40];

/* Rows of a list: a key of its own, and one of an author, both in gaps */
static Returned post_rows;
static Returned author_rows;
static Returned few_rows;

static void
make_rows(Returned *rows, int nrows, Oid relid, Oid other, uint64 from,
		  uint64 step)
{
	memset(rows, 0, sizeof(Returned));
	rows->nrows = nrows;
	rows->ncolumns = 2;
	rows->columns[0].relid = relid;
	rows->columns[0].attnum = 1;
	rows->columns[1].relid = other;
	rows->columns[1].attnum = 2;
	for (int i = 0; i < nrows; i++)
	{
		rows->values[i][0] = from + i * step;
		rows->values[i][1] = from + 100000 + i * 7 * step;
	}
}

static void
make_statements(void)
{
	users_by_id = lookup(USERS, 1);
	session = lookup(SESSIONS, 3);
	posts_of_user = lookup(PAGES, 4);
	authors = list_of_all(AUTHORS);
	posts = list_of_all(POSTS);
	books_of_author = lookup(ATTACHMENTS, 2);
	settings_by_name = lookup(SETTINGS, 2);
	insert_audit = insert_into(AUDIT);
	update_job = update_by_id(JOBS);
	for (int i = 0; i < lengthof(rare); i++)
		rare[i] = lookup(VENUES, 2 + i % 3);
	make_rows(&author_rows, N, AUTHORS, VENUES, 1000, 13);
	make_rows(&post_rows, N, POSTS, USERS, 5000, 17);
	make_rows(&few_rows, 5, AUTHORS, VENUES, 1000, 13);
}

static void
list(const Statement *parent, const Returned *rows)
{
	RUN(parent, .rows = rows->nrows, .returned = rows);
}

/* A page in autocommit: for each row of the list, a look-up */
static void
page(const Statement *parent, const Returned *rows, const Statement *child,
	 int column)
{
	list(parent, rows);
	for (int i = 0; i < rows->nrows; i++)
		run(child, 1, rows->values[i][column]);
}

/* The sure verdicts on a statement */
static int
sure_of(const Statement *s)
{
	int			n = 0;

	for (int i = 0; i < nclosed; i++)
		n += closed[i].facts.queryid == s->queryid &&
			closed[i].verdict.kind == REPEAT_N_PLUS_ONE &&
			closed[i].verdict.confidence >= CONFIDENCE_LIKELY;
	return n;
}

/*
 * Whatever a connection's first statement is: a page's own, one that the page
 * repeats too, one that never comes again
 */
static void
test_first_statement(void)
{
	for (int first = 0; first < 3; first++)
	{
		start_stream();
		if (first == 1)
			run(&books_of_author, 1, 1);
		else if (first == 2)
			run(&rare[0], 1, 1);
		for (int i = 0; i < 6; i++)
		{
			run(&session, 1, 1);
			run(&users_by_id, 1, 1);
			page(&authors, &author_rows, &books_of_author, 0);
			page(&posts, &post_rows, &posts_of_user, 0);
		}
		window_close(window);
		ok(sure_of(&books_of_author) >= 2 && sure_of(&posts_of_user) >= 2,
		   "two loops of a page are found, beginning %d: %d, %d", first,
		   sure_of(&books_of_author), sure_of(&posts_of_user));
		expect("first loop", &books_of_author, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
		expect("second loop", &posts_of_user, REPEAT_N_PLUS_ONE,
			   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &posts);
	}
}

/* What else runs as often in a unit: the same again, and writes */
static void
test_members(void)
{
	start_stream();
	for (int i = 0; i < 4; i++)
	{
		run(&session, 1, 1);
		list(&authors, &author_rows);
		for (int j = 0; j < N; j++)
		{
			run(&books_of_author, 1, author_rows.values[j][0]);
			run(&settings_by_name, 1, 7);
			RUN(&insert_audit, .rows = 1, .other = i * N + j);
			run(&update_job, 1, i * 1000 + j);
		}
	}
	window_close(window);
	expect("with others at each step", &books_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
	expect("an INSERT at each step", &insert_audit, REPEAT_INSERT,
		   CONFIDENCE_CONFIRMED, NO_RELATIONSHIP, NULL);
	expect("an UPDATE at each step", &update_job, REPEAT_UPDATE,
		   CONFIDENCE_CONFIRMED, NO_RELATIONSHIP, NULL);
}

/* The facts of a statement's last burst that a window or unit told of */
static const BurstFacts *
facts_of(const Statement *s)
{
	for (int i = nclosed - 1; i >= 0; i--)
	{
		if (closed[i].facts.queryid == s->queryid)
			return &closed[i].facts;
	}
	abort();
}

/* Which values varied in a unit: rewrites depend on it */
static void
test_varied(void)
{
	Statement	pages_by_two = where(lookup(PAGES, 3), PAGES, 4);
	uint16		varied;

	start_stream();
	run(&books_of_author, 1, 1);	/* each step is a window of its own */
	for (int i = 0; i < 4; i++)
	{
		run(&session, 1, 1);
		list(&authors, &author_rows);
		for (int j = 0; j < N; j++)
		{
			run(&books_of_author, 1, author_rows.values[j][0]);
			RUN(&pages_by_two, .rows = 1,
				.key = {7, author_rows.values[j][0]});
			RUN(&update_job, .rows = 1, .key = {i * 1000 + j}, .other = j + 1);
		}
	}
	window_close(window);

	varied = facts_of(&books_of_author)->varied;
	ok((varied & (VARIED_CONDITION(0) | VARIED_OTHERS | VARIED_DATA)) ==
	   VARIED_CONDITION(0),
	   "in a unit the key varied and nothing else: %x", varied);
	ok((varied & VARIED_OTHER_TABLES) != 0,
	   "while another table was written: %x", varied);
	varied = facts_of(&pages_by_two)->varied;
	ok((varied & (VARIED_CONDITION(0) | VARIED_CONDITION(1))) ==
	   VARIED_CONDITION(1), "of two conditions the second varied: %x", varied);
	varied = facts_of(&update_job)->varied;
	ok((varied & (VARIED_CONDITION(0) | VARIED_OTHERS)) ==
	   (VARIED_CONDITION(0) | VARIED_OTHERS),
	   "an UPDATE's key varied, and what it set: %x", varied);
}

/* A list of five is too short by itself; twice is enough */
static void
test_short(void)
{
	start_stream();
	for (int i = 0; i < 5; i++)
	{
		run(&session, 1, 1);
		page(&authors, &few_rows, &books_of_author, 0);
		for (int j = 0; j < 6; j++)
			run(&rare[j], 1, i);
	}
	window_close(window);
	expect("five of five, again and again", &books_of_author,
		   REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY,
		   &authors);
}

/* Requests back to back: nothing that is surer than suspected */
static void
test_requests(void)
{
	uint64		seed = 4711;

	for (int kind = 0; kind < 6; kind++)
	{
		static const char *const names[] = {
			"a detail page 200 times",
			"a detail page 200 times, each with its session",
			"a list and a detail page in turn",
			"five kinds of page at random",
			"details of a hot list",
			"details in order, each with its session and an INSERT"
		};

		start_stream();
		for (int i = 0; i < 200; i++)
		{
			uint64		r = (seed = seed * UINT64CONST(6364136223846793005) +
							 UINT64CONST(1442695040888963407)) >> 33;
			uint64		author = author_rows.values[r % N][0];

			if (kind == 1 || kind == 5)
			{
				run(&session, 1, 1);
				run(&users_by_id, 1, 1);
			}
			switch (kind)
			{
				case 0:
				case 1:
					if (i == 0)
						list(&authors, &author_rows);
					run(&books_of_author, 1, author);
					break;
				case 2:
					list(&authors, &author_rows);
					run(&books_of_author, 1, author);
					break;
				case 3:
					if (r % 5 == 0)
						list(&authors, &author_rows);
					else if (r % 5 == 1)
						list(&posts, &post_rows);
					else if (r % 5 == 2)
						run(&books_of_author, 1, author);
					else if (r % 5 == 3)
						run(&posts_of_user, 1,
							post_rows.values[(r / 8) % N][0]);
					else
						run(&users_by_id, 1, r % 7);
					break;
				case 4:
					if (i % 10 == 0)
						list(&authors, &author_rows);
					run(&books_of_author, 1,
						author_rows.values[(r % 7) * (r % 3)][0]);
					break;
				case 5:
					if (i % 50 == 0)
						list(&authors, &author_rows);
					run(&books_of_author, 1, author_rows.values[i % N][0]);
					RUN(&insert_audit, .rows = 1, .other = i);
					break;
			}
		}
		expect_less(names[kind], CONFIDENCE_LIKELY);
	}
}

/* What was asked for, and comes back, leads nowhere */
static void
test_rows(void)
{
	Statement	by_list = lookup(AUTHORS, 1);
	Returned	echo = author_rows;

	/* it asks for a row by its key, and gets the key back */
	start_stream();
	for (int i = 0; i < 4; i++)
	{
		for (int j = 0; j < N; j++)
		{
			echo.nrows = 6;
			echo.values[0][0] = author_rows.values[j][0];
			RUN(&by_list, .rows = 6, .key = {author_rows.values[j][0]},
				.returned = &echo);
			run(&books_of_author, 1, author_rows.values[j][0]);
		}
	}
	window_close(window);
	for (int i = 0; i < nclosed; i++)
		ok(!closed[i].verdict.has_parent ||
		   closed[i].facts.parent_queryid != by_list.queryid ||
		   closed[i].verdict.confidence < CONFIDENCE_LIKELY,
		   "a key that was asked for and came back leads nowhere");
}

/* A pool asks whether a connection is alive before it hands it out */
static void
test_checked_out(void)
{
	start_stream();
	for (int i = 0; i < 3; i++)
	{
		window_checked_out(window, clock_now);
		for (int j = 0; j < 8; j++)
			run(&books_of_author, 1, i * 100 + j);
		run(&rare[i], 1, 1);
	}
	window_close(window);
	is(nclosed, 3, "each check of the connection begins a window");

	start_stream();
	for (int i = 0; i < N; i++)
	{
		window_checked_out(window, clock_now);
		run(&books_of_author, 1, i);
	}
	window_close(window);
	is(nclosed, 1, "but not where each statement has its own");
}

/*
 * A page whose loop has a statement that is the same in each step, as requests
 * have their session; and the same as requests.  "pings" is how often the pool
 * asks: 0 never, 1 before each request, 2 once in three seconds, 3 only if the
 * connection has been idle, 4 before each statement.
 */
static void
test_pools(void)
{
	for (int pings = 0; pings < 5; pings++)
	{
		for (int requests = 0; requests < 2; requests++)
		{
			uint64		last = clock_now;
			int			sure;

			start_stream();
			for (int i = 0; i < 200; i++)
			{
				int			step = i % (N + 1);

				/* each request takes 50 ms; an hour has some that are idle */
				if (requests || step == 0)
				{
					clock_now += MILLISECONDS(50);
					if (pings == 3 && i % 50 == 0)
						clock_now += MILLISECONDS(700);
					if (pings == 1 || (pings == 3 && i % 50 == 0) ||
						(pings == 2 && clock_now - last >= MILLISECONDS(3000)))
					{
						window_checked_out(window, clock_now);
						last = clock_now;
					}
				}
				for (int j = 0; j < 6; j++)
				{
					const Statement *s = j == 0 ? &session :
					j == 1 ? &users_by_id : j == 2 ? &settings_by_name :
					step == 0 ? &posts : j == 3 ? &posts_of_user :
					j == 4 ? &books_of_author : &rare[0];

					if (pings == 4)
						window_checked_out(window, clock_now);
					if (s == &posts)
					{
						list(&posts, &post_rows);
						break;
					}
					run(s, 1, j < 3 ? 1 : post_rows.values[step - 1][j % 2]);
				}
			}
			window_close(window);
			sure = sure_of(&posts_of_user);
			if (pings == 1 && !requests)
				ok(sure > 0, "a page between two questions of the pool is one");
			else
				ok(sure == 0, "%s, pings of kind %d",
				   requests ? "requests" : "a page like requests", pings);
			if (requests)
				expect_less("requests of a pool", CONFIDENCE_LIKELY);
		}
	}
}

/*
 * A look-up that fails now and then ends no walk, and nothing is counted twice
 */
static void
test_failed_step(void)
{
	start_stream();
	run(&rare[0], 1, 1);
	for (int i = 0; i < 4; i++)
	{
		list(&authors, &author_rows);
		for (int j = 0; j < N; j++)
		{
			run(&settings_by_name, 1, 500 + N * i + j);
			RUN(&books_of_author, .rows = 1,
				.key = {author_rows.values[j][0]}, .failed = j % 6 == 5);
		}
		run(&session, 1, 1);
	}
	expect("failed steps", &books_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
	ok(sure_of(&books_of_author) <= 4,
	   "a step that fails begins no other burst: %d",
	   sure_of(&books_of_author));
}

/* Executions told of, in all bursts of the statement */
static uint64
executions_told(const Statement *s)
{
	uint64		executions = 0;

	for (int i = 0; i < nclosed; i++)
	{
		if (closed[i].facts.queryid == s->queryid && !closed[i].as_told &&
			(closed[i].handle >= 0 || !gives_handles) &&
			closed[i].verdict.kind != REPEAT_NONE)
			executions += closed[i].facts.executions;
	}
	return executions;
}

/* What has failed is not counted, also where it took another's place */
static void
test_failed_counts(void)
{
	static Returned many_rows;
	int			nfailed = 0;

	make_rows(&many_rows, 90, AUTHORS, VENUES, 1000, 13);
	start_stream();
	for (int i = 0; i < 3; i++)
	{
		run(&session, 1, 1);
		list(&authors, &many_rows);
		for (int j = 0; j < many_rows.nrows; j++)
		{
			bool		failed = j >= 60 && j % 3 == 0;

			RUN(&books_of_author, .rows = 1,
				.key = {many_rows.values[j][0]}, .failed = failed);
			nfailed += failed;
		}
	}
	expect("failed steps of a long walk", &books_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
	ok(executions_told(&books_of_author) <= 3 * many_rows.nrows - nfailed,
	   "what failed is not counted: %d of %d failed, %d told", nfailed,
	   3 * many_rows.nrows, (int) executions_told(&books_of_author));
}

/* A unit stays open as long as its walk may go on: it is told of once */
static void
test_far_step(void)
{
	static Returned many_rows;

	make_rows(&many_rows, 40, AUTHORS, VENUES, 1000, 13);
	start_stream();
	run(&books_of_author, 1, 1);	/* each step is a window of its own */
	for (int i = 0; i < 2; i++)
	{
		run(&session, 1, 1);
		list(&authors, &many_rows);
		for (int j = 0; j < many_rows.nrows; j++)
		{
			run(&books_of_author, 1, many_rows.values[j][0]);
			for (int k = 0; k < (j % 10 == 9 ? 32 : 12); k++)
				run(&rare[k], 1, 10000 * i + 100 * j + k);
		}
	}
	window_close(window);
	expect("a step far away", &books_of_author, REPEAT_N_PLUS_ONE,
		   CONFIDENCE_CONFIRMED, RELATIONSHIP_ONE_TO_MANY, &authors);
	ok(executions_told(&books_of_author) <= 2 * many_rows.nrows + 1,
	   "and nothing is told of twice: %d executions",
	   (int) executions_told(&books_of_author));
}

/*
 * The same look-up at each step of what is a walk over a list's rows, on
 * connections of their own: it belongs to the walk, and not where there is none
 */
static void
test_same_at_each_step(void)
{
	Statement	pages_by_user = lookup(PAGES, 4);

	for (int walks = 0; walks < 2; walks++)
	{
		start_stream();
		for (int i = 0; i < 3; i++)
		{
			run(&rare[i], 1, 1);
			list(&authors, &author_rows);
			for (int j = 0; j < N; j++)
			{
				uint64		place = walks ? j : (j * 7 + i) % 11;

				run(&settings_by_name, 1, i);
				run(&users_by_id, 1, author_rows.values[place][1]);
				run(&pages_by_user, 1, author_rows.values[place][1]);
			}
			window_close(window);
		}
		if (walks)
			expect("the same at each step of a walk", &settings_by_name,
				   REPEAT_DUPLICATE, CONFIDENCE_LIKELY, NO_RELATIONSHIP, NULL);
		else
			expect_less("the same in each request", CONFIDENCE_LIKELY);
	}
}

/*
 * What the windows within a loop hold, which its own head cuts, and what the
 * unit tells of is counted once
 */
static void
test_told_once(void)
{
	for (int dense = 0; dense < 2; dense++)
	{
		static Returned many_rows;
		int			step = dense ? 1 : 13;
		int			cut = dense ? 7 : 9;
		int			executions = 0;
		int			deferred = 0;

		make_rows(&many_rows, 40, AUTHORS, VENUES, dense ? 1 : 1000, step);
		start_stream();
		gives_handles = true;
		run(&session, 1, 1);
		for (int i = 0; i < 4; i++)
		{
			list(&authors, &many_rows);
			for (int j = 0; j < many_rows.nrows; j++)
			{
				if (j % cut == cut - 1)
					run(&session, 1, 1);
				run(&books_of_author, 1, many_rows.values[j][0]);
				executions++;
				for (int k = 0; k < window->nstatements; k++)
				{
					const WindowStatement *other = window->statements[k];

					deferred += other->walked && other->walk->deferred > 0;
				}
			}
			for (int j = 0; j < 60; j++)
				run(&rare[j % 40], 1, 1000 * i + j);
		}
		window_close(window);
		expect("a loop of several windows", &books_of_author,
			   REPEAT_N_PLUS_ONE, CONFIDENCE_CONFIRMED,
			   RELATIONSHIP_ONE_TO_MANY, &authors);
		ok(executions_told(&books_of_author) <= executions &&
		   executions_told(&books_of_author) >= executions * 9 / 10,
		   "each execution is told of once: %d of %d",
		   (int) executions_told(&books_of_author), executions);
		ok(deferred > 0 || !dense, "a window leaves its burst to the walk");
		for (int i = 0; i < nclosed; i++)
		{
			int			ends = 0;

			for (int j = 0; j < nclosed; j++)
				ends += closed[j].handle == closed[i].handle;
			ok(ends == 1 || closed[i].handle < 0, "burst %d ends once",
			   closed[i].handle);
		}
		for (int i = 1; i <= nbegun; i++)
		{
			int			ends = 0;

			for (int j = 0; j < nclosed; j++)
				ends += closed[j].handle == i;
			ok(ends == 1, "burst %d that begun has ended", i);
		}
		gives_handles = false;
	}
}

int
main(void)
{
	make_statements();
	test_first_statement();
	test_failed_step();
	test_failed_counts();
	test_far_step();
	test_same_at_each_step();
	test_told_once();
	test_members();
	test_varied();
	test_short();
	test_requests();
	test_rows();
	test_checked_out();
	test_pools();
	free(window);
	return unit_done();
}

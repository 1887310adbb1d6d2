/*-------------------------------------------------------------------------
 *
 * stream.h
 *		Written streams of executions, and the schema they run on, for the
 *		tests of the repeat detector.
 *
 * A stream is written with run(), begin() and commit(); what the detector made
 * of it is looked at with expect() and expect_nothing().
 *
 * test/unit/stream.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_STREAM_H
#define QW_STREAM_H

#include "postgres.h"

#include <stdlib.h>

#include "unit.h"
#include "detector/window_run.h"

#define MICROSECONDS(n)		((uint64) (n) * 1000)
#define MILLISECONDS(n)		((uint64) (n) * 1000000)

/* ----------
 * The schema.  Column 1 of every table is its primary key.
 * ----------
 */

enum
{
	AUTHORS = 101, POSTS, TAGS, POST_TAGS, PROFILES, COMMENTS, BOOKS,
	PUBLISHERS, ORDERS, MEMBERS, ADDRESSES, USERS, SESSIONS, PAGES, ATTACHMENTS,
	ACCOUNTS, AUDIT, SETTINGS, JOBS, VENUES
};

typedef struct Key
{
	Oid			relid;
	AttrNumber	attnum;
	Oid			refrelid;
} Key;

static const Key keys[] = {
	{POSTS, 2, AUTHORS},
	{POST_TAGS, 2, POSTS}, {POST_TAGS, 3, TAGS},
	{PROFILES, 2, AUTHORS},
	{COMMENTS, 2, COMMENTS}, {COMMENTS, 3, POSTS},
	{BOOKS, 2, AUTHORS}, {BOOKS, 3, PUBLISHERS},
	{MEMBERS, 2, ORDERS}, {ADDRESSES, 2, MEMBERS},
	{SESSIONS, 2, USERS}, {AUDIT, 2, USERS}, {PAGES, 3, USERS},
	{ORDERS, 2, USERS}, {ORDERS, 3, USERS}	/* two_keys_to_users */
};

static int	schema_calls = 0;
static bool schema_without_keys = false;
static bool two_keys_to_users = false;

static inline int
foreign_keys(void *arg, Oid relid, WindowForeignKey *found, int max)
{
	int			n = 0;

	schema_calls++;
	if (schema_without_keys)
		return 0;
	for (int i = 0; i < lengthof(keys) && n < max; i++)
	{
		if (keys[i].relid != relid ||
			(relid == ORDERS && !two_keys_to_users))
			continue;
		memset(&found[n], 0, sizeof(found[n]));
		found[n].constraint = 1000 + i;
		found[n].relid = relid;
		found[n].refrelid = keys[i].refrelid;
		found[n].ncolumns = 1;
		found[n].columns[0] = keys[i].attnum;
		found[n].refcolumns[0] = 1;
		n++;
	}
	return n;
}

static inline bool
is_unique(void *arg, Oid relid, AttrNumber attnum)
{
	schema_calls++;
	return attnum == 1 || (relid == PROFILES && attnum == 2);
}

/* Columns 1, and 2 with 3 of POST_TAGS and of SETTINGS */
static inline bool
has_key(void *arg, Oid relid, const AttrNumber *columns, int ncolumns,
		int nfixed)
{
	bool		found[4] = {false};
	bool		fixed[4] = {false};

	schema_calls++;
	for (int i = 0; i < ncolumns; i++)
	{
		if (columns[i] <= 3)
		{
			found[columns[i]] = true;
			fixed[columns[i]] |= i < nfixed;
		}
	}
	return fixed[1] ||
		((relid == POST_TAGS || relid == SETTINGS) && found[2] && found[3] &&
		 (fixed[2] || fixed[3]));
}

static const WindowSchema schema = {
	.foreign_keys = foreign_keys,
	.is_unique = is_unique,
	.has_key = has_key
};

/* ----------
 * Statements
 * ----------
 */

typedef struct Statement
{
	uint64		queryid;
	StatementShape shape;
} Statement;

static inline Statement
statement(ShapeCommand command, Oid relid, int noutput)
{
	static uint64 queryid = 0;
	Statement	s;

	memset(&s, 0, sizeof(s));
	s.queryid = ++queryid * UINT64CONST(0x9e3779b97f4a7c15);
	s.shape.command = command;
	s.shape.noutput = noutput;
	s.shape.target = relid;
	if (relid != InvalidOid)
		s.shape.relations[s.shape.nrelations++] = relid;
	if (command == SHAPE_INSERT || command == SHAPE_UPDATE ||
		command == SHAPE_DELETE)
		s.shape.flags |= SHAPE_WRITES;
	return s;
}

static inline Statement
flagged(Statement s, int flags)
{
	s.shape.flags |= flags;
	return s;
}

/* Without a column of its table in the output; all others are there */
static inline Statement
leaving_out(Statement s, AttrNumber attnum)
{
	s.shape.not_returned[0] |= SHAPE_COLUMN_BIT(attnum);
	return s;
}

static inline Statement
joined(Statement s, Oid relid)
{
	s.shape.relations[s.shape.nrelations++] = relid;
	return s;
}

/* ... AND column = $n */
static inline Statement
where(Statement s, Oid relid, AttrNumber attnum)
{
	ShapeCondition *condition = &s.shape.conditions[s.shape.nconditions++];

	s.shape.flags |= SHAPE_HAS_CONDITION;
	condition->relid = relid;
	condition->attnum = attnum;
	condition->value.source = SHAPE_VALUE_PARAM;
	condition->value.number = s.shape.nconditions;
	condition->value_class = SHAPE_CLASS_NUMBER;
	return s;
}

static inline Statement
list_of_all(Oid relid)
{
	return statement(SHAPE_SELECT, relid, 5);
}

static inline Statement
lookup(Oid relid, AttrNumber attnum)
{
	return where(statement(SHAPE_SELECT, relid, 5), relid, attnum);
}

static inline Statement
insert_into(Oid relid)
{
	return flagged(statement(SHAPE_INSERT, relid, 0), SHAPE_SINGLE_ROW_VALUES);
}

static inline Statement
update_by_id(Oid relid)
{
	return where(statement(SHAPE_UPDATE, relid, 0), relid, 1);
}

static inline Statement
delete_by_id(Oid relid)
{
	return where(statement(SHAPE_DELETE, relid, 0), relid, 1);
}

/* ----------
 * The stream
 * ----------
 */

#define MAX_RESULTS		64

typedef struct Result
{
	BurstFacts	facts;
	RepeatVerdict verdict;
	int			handle;
	bool		as_told;		/* without facts: they were told */
} Result;

static Window *window = NULL;
static int	threshold = 5;
static uint64 clock_now = 0;
static uint64 transaction_now = 0;
static bool in_block = false;
static Result closed[MAX_RESULTS];	/* bursts of windows that have ended */
static int	nclosed = 0;
static Result begun[MAX_RESULTS];	/* at the threshold */
static int	nbegun = 0;
static bool gives_handles = false;	/* to bursts, as the real caller does */

/* Of the next executions */
static uint64 pause_before = MICROSECONDS(300);
static uint64 running = MICROSECONDS(50);

/* The statements taken for parents in this stream, and rows of theirs */
static WindowArmed armed_parents;
static int	rows_collected = 0;

static inline void
burst_closed(void *arg, const BurstFacts *facts, int handle)
{
	Result	   *result = &closed[nclosed];

	if (nclosed == MAX_RESULTS)
		abort();
	nclosed++;
	result->handle = handle;
	result->as_told = facts == NULL;
	if (facts == NULL)
	{
		memset(&result->facts, 0, sizeof(BurstFacts));
		memset(&result->verdict, 0, sizeof(RepeatVerdict));
		return;
	}
	result->facts = *facts;
	verdict_decide(facts, threshold, true, &result->verdict);
}

/* Units of work that have told of a burst */
static int	nunit_bursts = 0;
static int	units_taken_over = 0;

static inline int
unit_told(void *arg, WindowUnitEvent event, const BurstFacts *facts, int handle)
{
	switch (event)
	{
		case WINDOW_UNIT_BEGINS:
			nunit_bursts++;
			units_taken_over += handle >= 0;
			return handle >= 0 ? handle : 1000 + nunit_bursts;
		case WINDOW_UNIT_GOES_ON:
			break;
		case WINDOW_UNIT_ENDS:
			burst_closed(arg, facts, handle);
			break;
	}
	return handle;
}

/*
 * As the real caller does, remember the entry of each statement, also when it
 * has become another's; and sometimes that of another statement.
 */
#define MAX_KNOWN		97

static WindowStatement *known[MAX_KNOWN];

/*
 * Memory that windows take, which is full of rubbish; what a stream has not given
 * back is lost when the next one starts
 */
#define MAX_PIECES		4096

static void *pieces[MAX_PIECES];
static int	npieces = 0;

static inline void *
take_memory(Size size)
{
	void	   *place = malloc(size);

	if (place == NULL || npieces == MAX_PIECES)
		abort();
	memset(place, 0xA5, size);
	return pieces[npieces++] = place;
}

static inline void
give_memory(void *place)
{
	int			i = 0;

	while (pieces[i] != place)
		i++;
	pieces[i] = pieces[--npieces];
	free(place);
}

static const WindowMemory memory_of_test = {take_memory, give_memory};

/* A new stream, on memory full of rubbish */
static inline void
start_stream(void)
{
	if (window == NULL)
		window = malloc(window_size());
	if (window == NULL)
		abort();
	while (npieces > 0)
		free(pieces[--npieces]);
	memset(window, 0xA5, window_size());
	memset(known, 0, sizeof(known));
	window_init(window, &schema, &memory_of_test, burst_closed, NULL);
	memset((void *) &armed_parents, 0, sizeof(armed_parents));
	window_set_armed(window, &armed_parents);
	window_set_unit_callback(window, unit_told);
	threshold = 5;
	window_configure(window, threshold, MILLISECONDS(250));
	clock_now += MILLISECONDS(10000);
	transaction_now++;
	in_block = false;
	nclosed = nbegun = 0;
	nunit_bursts = units_taken_over = 0;
	rows_collected = 0;
	schema_calls = 0;
	schema_without_keys = false;
	pause_before = MICROSECONDS(300);
	running = MICROSECONDS(50);
}

static inline void
set_threshold(int n)
{
	threshold = n;
	window_configure(window, n, MILLISECONDS(250));
}

static inline void
begin(void)
{
	transaction_now++;
	in_block = true;
}

static inline void
commit(void)
{
	window_committed(window, transaction_now);
	in_block = false;
}

/*
 * What a statement returns in its columns that may hold keys; 0: null.  From
 * NO_NUMBER on it is not an integer, but a string; such columns come last.
 */
#define MAX_ROWS_RETURNED	400
#define MAX_COLUMNS_RETURNED 3
#define NO_NUMBER			UINT64CONST(1000000000)

typedef struct Returned
{
	int			nrows;
	int			ncolumns;
	ShapeCondition columns[MAX_COLUMNS_RETURNED];	/* where they come from */
	uint64		values[MAX_ROWS_RETURNED][MAX_COLUMNS_RETURNED];
} Returned;

/* Everything that one execution can have */
typedef struct Run
{
	uint64		rows;
	uint64		key[SHAPE_MAX_CONDITIONS];	/* conditions' values */
	uint64		other;			/* value that is in no condition */
	int			list_length;
	int64		offset;			/* 0: none; else offset + 1 */
	bool		pipelined;
	bool		failed;
	bool		open;			/* do not end it */
	const Returned *returned;	/* its rows, if anyone asks for them */
} Run;

static inline uint64
hash_of(uint64 value)
{
	uint64		hash = (value + 1) * UINT64CONST(0xd6e8feb86659fd93);

	hash ^= hash >> 32;
	hash *= UINT64CONST(0xd6e8feb86659fd93);
	return value >= NO_NUMBER ? hash & ~KEYHASH_OF_NUMBER :
		hash | KEYHASH_OF_NUMBER;
}

static int	columns_collected = 0;	/* of the last row */

static inline void
collect_rows(KeySet *rows, const Returned *returned)
{
	if (rows->ncolumns == 0)
	{
		bool		strings = false;

		for (int i = 0; i < returned->ncolumns; i++)
		{
			if (!strings && returned->values[0][i] >= NO_NUMBER)
			{
				if (rows->numbers_only)
					break;
				keyset_begin_strings(rows);
				strings = true;
			}
			keyset_add_column(rows, returned->columns[i].relid,
							  returned->columns[i].attnum);
		}
	}
	for (int i = 0; i < returned->nrows && keyset_has_room(rows); i++)
	{
		for (int j = 0; j < rows->ncolumns; j++)
		{
			uint64		value = returned->values[i][j];

			keyset_set(&rows->columns[j], rows->nrows,
					   value == 0 ? 0 : hash_of(value),
					   value >= NO_NUMBER ? KEY_NO_NUMBER : value);
		}
		keyset_end_row(rows);
		rows_collected++;
		columns_collected = rows->ncolumns;
	}
}

/*
 * An execution begins; by the shortcut if there is one.  Where that says that
 * there is nothing to be asked, there must be nothing.
 */
static inline WindowStatement *
begin_one(WindowStatement *entry, const Statement *s)
{
	bool		asks;

	if (!window_begin_known(window, entry, s->queryid, &s->shape, clock_now,
							transaction_now, &asks))
		entry = window_begin(window, entry, s->queryid, &s->shape, clock_now,
							 transaction_now, &asks);
	if (asks)
	{
		window_in_block(entry, in_block);
		window_look(window, entry);
	}
	else if (entry != NULL &&
			 (window_wants_values(window, entry) ||
			  window_at_threshold(window, entry) || window_wants_rows(entry)))
		abort();
	return entry;
}

static inline void
end_one(WindowStatement *entry, uint64 elapsed, uint64 rows, bool failed)
{
	if (failed)
		window_failed(window, entry, clock_now);
	else if (!window_end(window, entry, clock_now, elapsed, rows))
		window_end_more(window, entry);
}

static inline WindowStatement *
execute(const Statement *s, Run run)
{
	WindowStatement *entry;

	if (!in_block)
		transaction_now++;
	if (!run.pipelined)
		clock_now += pause_before;

	if (!run.pipelined)
		window_round_trip(window);
	entry = begin_one(known[s->queryid % MAX_KNOWN], s);
	if (entry == NULL)
		return NULL;
	known[s->queryid % MAX_KNOWN] = entry;

	if (window_wants_values(window, entry))
	{
		WindowValues values;
		uint64		all = hash_of(run.other + 77777);

		memset(&values, 0, sizeof(values));
		for (int i = 0; i < s->shape.nconditions; i++)
		{
			values.conditions[i] = hash_of(run.key[i]);
			all = hash_of(all ^ values.conditions[i]);
		}
		values.others = hash_of(run.other);
		values.offset = run.offset - 1;
		if (run.offset > 0)
			all = hash_of(all + run.offset);
		values.all = all;

		/* the one value is that of the condition */
		if (s->shape.nconditions == 1 && run.other == 0 && run.offset == 0)
			values.all = values.conditions[0];
		values.list_length = run.list_length;
		*window_values_place(window, entry) = values;
		window_values(window, entry, &values);
	}
	if (window_at_threshold(window, entry))
	{
		Result	   *result = &begun[nbegun];

		if (nbegun == MAX_RESULTS)
			abort();
		nbegun++;
		window_threshold(window, entry, &result->facts);
		verdict_decide(&result->facts, threshold, false, &result->verdict);
		if (gives_handles)
			window_set_handle(entry, nbegun);
	}
	if (window_wants_rows(entry) && run.returned != NULL)
	{
		KeySet	   *rows = window_collect(window, entry);
		int			nrows = rows ? rows->nrows : 0;

		if (rows != NULL)
			collect_rows(rows, run.returned);
		if (rows != NULL && run.failed)
			rows->nrows = nrows;
	}
	clock_now += running;
	if (!run.open)
		end_one(entry, running, run.rows, run.failed);
	return entry;
}

#define RUN(s, ...)			execute((s), (Run) {__VA_ARGS__})

/* The ordinary execution: rows returned, value of the first condition */
static inline void
run(const Statement *s, uint64 rows, uint64 key)
{
	RUN(s, .rows = rows, .key = {key});
}

/* ----------
 * What is expected
 * ----------
 */

static const char *const kinds[] = {
	"nothing", "n_plus_one", "repeated_lookup", "duplicate_query",
	"row_by_row_insert", "row_by_row_update", "row_by_row_delete",
	"deep_offset"
};
static const char *const confidences[] = {
	"none", "suspected", "likely", "confirmed"
};

static inline void
print_results(const char *when, const Result *results, int n)
{
	for (int i = 0; i < n; i++)
	{
		const BurstFacts *f = &results[i].facts;
		const RepeatVerdict *v = &results[i].verdict;

		printf("# %s: table %u: %s, %s, relationship %d; executions %llu in "
			   "%llu transactions, rows %llu, values %llu, keys %llu, "
			   "duplicates %llu, steps %llu; cycle %u, %u unexplained; "
			   "parent %u: executions %llu, rows %llu, constraint %u\n",
			   when, f->shape.target, kinds[v->kind],
			   confidences[v->confidence], (int) v->relationship,
			   (unsigned long long) f->executions,
			   (unsigned long long) f->transactions,
			   (unsigned long long) f->rows,
			   (unsigned long long) f->distinct_values,
			   (unsigned long long) f->distinct_keys,
			   (unsigned long long) f->duplicates,
			   (unsigned long long) f->offset_steps,
			   f->cycle_members, f->cycle_unexplained,
			   f->parent_shape.target,
			   (unsigned long long) f->parent_executions,
			   (unsigned long long) f->parent_rows,
			   f->constraint);
	}
}

/* The worst verdict on a statement, NULL if there is none */
static inline const Result *
result_of(const Statement *s, const Result *results, int n)
{
	const Result *worst = NULL;

	for (int i = 0; i < n; i++)
	{
		if (results[i].facts.queryid == s->queryid &&
			results[i].verdict.kind != REPEAT_NONE &&
			(worst == NULL ||
			 results[i].verdict.confidence > worst->verdict.confidence))
			worst = &results[i];
	}
	return worst;
}

static inline bool
is_verdict(const Result *result, RepeatKind kind,
		   RepeatConfidence confidence, RepeatRelationship relationship,
		   const Statement *parent)
{
	return result != NULL &&
		result->verdict.kind == kind &&
		result->verdict.confidence == confidence &&
		result->verdict.relationship == relationship &&
		result->verdict.has_parent == (parent != NULL) &&
		(parent == NULL || result->facts.parent_queryid == parent->queryid);
}

/* Is this the verdict on the statement when its window has closed? */
static inline bool
expect(const char *name, const Statement *s, RepeatKind kind,
	   RepeatConfidence confidence, RepeatRelationship relationship,
	   const Statement *parent)
{
	bool		passed;

	window_close(window);
	passed = ok(is_verdict(result_of(s, closed, nclosed), kind, confidence,
						   relationship, parent),
				"%s: %s, %s", name, kinds[kind], confidences[confidence]);
	if (!passed)
		print_results(name, closed, nclosed);
	return passed;
}

/* Was it the verdict when the burst began? */
static inline bool
expect_begun(const char *name, const Statement *s, RepeatKind kind,
			 RepeatConfidence confidence, RepeatRelationship relationship,
			 const Statement *parent)
{
	bool		passed = ok(is_verdict(result_of(s, begun, nbegun), kind,
									   confidence, relationship, parent),
							"%s, at the threshold: %s, %s", name, kinds[kind],
							confidences[confidence]);

	if (!passed)
		print_results(name, begun, nbegun);
	return passed;
}

/* Statements with a verdict of this confidence or more */
static inline int
count_verdicts(const Result *results, int n, RepeatConfidence confidence)
{
	int			count = 0;

	for (int i = 0; i < n; i++)
	{
		if (results[i].verdict.kind != REPEAT_NONE &&
			results[i].verdict.confidence >= confidence)
			count++;
	}
	return count;
}

/* Verdicts of that many bursts, no more */
static inline bool
expect_verdicts(const char *name, int expected)
{
	bool		passed;

	window_close(window);
	passed = ok(count_verdicts(closed, nclosed, CONFIDENCE_SUSPECTED) ==
				expected, "%s: %d in all", name, expected);
	if (!passed)
		print_results(name, closed, nclosed);
	return passed;
}

/* No verdict of this confidence or more, at the threshold or at the end */
static inline bool
expect_less(const char *name, RepeatConfidence confidence)
{
	bool		passed;

	window_close(window);
	passed = ok(count_verdicts(closed, nclosed, confidence) == 0 &&
				count_verdicts(begun, nbegun, confidence) == 0,
				"%s: nothing %s", name, confidences[confidence]);
	if (!passed)
	{
		print_results(name, begun, nbegun);
		print_results(name, closed, nclosed);
	}
	return passed;
}

static inline bool
expect_nothing(const char *name)
{
	return expect_less(name, CONFIDENCE_SUSPECTED);
}

#endif							/* QW_STREAM_H */

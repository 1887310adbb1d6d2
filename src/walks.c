/*-------------------------------------------------------------------------
 *
 * walks.c
 *		Walks of a statement's values over the rows of another: found,
 *		followed, and weighed.
 *
 * Before each execution its values go into the statement's ring, and on to the
 * walks it is on (follow_walk).  A statement that is on none looks, now and
 * then, for rows that its last values came from (look_for_walks).  A step of a
 * walk of five different values or more asks for proof (weigh_walk): how
 * likely is it that requests for as many rows, one after another, would take
 * them in this order, or none of them twice?  What is less likely than one in
 * a hundred thousand is a loop; all from the rows to the last step is one unit
 * of work, see units.c.
 *
 * src/walks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "window_run.h"

/* Loose executions that may lie between two steps of a walk: at least, at most */
#define NEAR_STEP			16
#define FAR_STEP			48

/* ... between the rows and a walk that something interrupts */
#define FAR_ROWS			64

/* ... and between the steps of a walk that nothing does */
#define TIGHT_STEP			2

/* ... or of one that is told by taking each row once */
#define WIDE_STEP			24

/* Different values that a walk has when it is found, and when it is weighed */
#define LEAST_FOUND			4
#define LEAST_WEIGHED		5

/* One in a hundred thousand; and what is worth remembering, as -log10 */
#define SURE				5.0f
#define NOTEWORTHY			2.5f

/* Statements armed at a look, and rows that one must have returned */
#define MAX_ARMED_AT_ONCE	4
#define LEAST_ROWS			5

/*
 * Executions until a statement looks again that found nothing, at most; and of
 * all statements, until parents are armed again
 */
#define MAX_UNTIL_LOOK		32
#define MIN_UNTIL_ARMING	32
#define MAX_UNTIL_ARMING	1024

/* Places that a ring holds are found by their number */
static inline uint64 *
record_of(Window *window, const WindowStatement *statement, uint64 number)
{
	return &window->rings[statement->index][number % WALK_RING * WALK_RECORD];
}

/* Executions in the ring */
static inline uint64
ring_begin(const WalkStatement *walked)
{
	return walked->recorded > WALK_RING ? walked->recorded - WALK_RING : 0;
}

WalkStatement *
walks_of(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = &window->walks[statement->index];

	if (!statement->walked)
	{
		memset(walked, 0, offsetof(WalkStatement, walk));
		walked->handle = -1;
		for (int i = 0; i < WALK_LINKS; i++)
			walked->walks[i].serial = 0;
		statement->walked = true;
	}
	return walked;
}

/* ----------
 * Rows
 * ----------
 */

static inline WalkRows *
rows_of(Window *window, const Walk *walk)
{
	WalkRows   *rows = &window->walk_rows[walk->rows];

	return walk->serial != 0 && rows->serial == walk->serial ? rows : NULL;
}

/* The place of a value among the different ones of a column, or -1 */
static inline int
rank_of(KeySet *rows, int column, uint64 value)
{
	const KeyColumn *key;
	int			row;

	rows->asked |= KEYHASH_CLASS(value);
	if ((rows->columns[column].classes & KEYHASH_CLASS(value)) == 0)
		return -1;
	key = keyset_column(rows, column);
	row = keyset_find(key, value);
	return row < 0 ? -1 : key->seen[row] - 1;
}

/* Copies rows into a set that has the same columns, as many as fit */
static void
append_rows(KeySet *to, const KeySet *from)
{
	int			nrows = Min(from->nrows, KEYSET_MAX_ROWS - to->nrows);

	if (to->ncolumns == 0)
	{
		to->incomplete = from->incomplete;
		to->first_string = from->first_string;
		for (int i = 0; i < from->ncolumns; i++)
			(void) keyset_add_column(to, from->columns[i].relid,
									 from->columns[i].attnum);
	}
	if (to->ncolumns != from->ncolumns || nrows <= 0)
		return;
	for (int i = 0; i < from->ncolumns; i++)
	{
		const KeyColumn *column = &from->columns[i];

		memcpy(&to->columns[i].hashes[to->nrows], column->hashes,
			   nrows * sizeof(column->hashes[0]));
		to->columns[i].magnitudes |= column->magnitudes;
		to->columns[i].classes |= column->classes;
	}
	to->nrows += nrows;
}

/* The columns that only hold what the statement was asked for */
static uint16
echo_of(const StatementShape *shape, const KeySet *rows)
{
	uint16		echo = 0;

	for (int i = 0; i < shape->nconditions; i++)
	{
		const ShapeCondition *condition = &shape->conditions[i];

		if (condition->value.list || condition->attnum == 0)
			continue;
		for (int j = 0; j < rows->ncolumns; j++)
		{
			if (rows->columns[j].relid == condition->relid &&
				rows->columns[j].attnum == condition->attnum)
				echo |= 1 << j;
		}
	}
	return echo;
}

/* Is the statement itself on a walk? */
static bool
is_walking(Window *window, const WindowStatement *statement)
{
	const WalkStatement *walked = &window->walks[statement->index];

	if (!statement->walked)
		return false;
	for (int i = 0; i < WALK_LINKS; i++)
	{
		const Walk *walk = &walked->walks[i];

		if (walk->serial != 0 && !walk->over && walk->matched >= 3 &&
			walk->last_place == window->position)
			return true;
	}
	return false;
}

/* A place for the rows of a statement: free, far away, or not used for longest */
static WalkRows *
free_rows(Window *window, uint64 loose)
{
	WalkRows   *best = NULL;
	bool		best_far = false;

	for (int i = 0; i < WALK_ROWS; i++)
	{
		WalkRows   *rows = &window->walk_rows[i];
		bool		is_far;

		if (rows->serial == 0)
			return rows;
		is_far = loose - rows->last_loose > FAR_ROWS &&
			window->position - rows->used > NEAR_STEP;
		if (best == NULL || (is_far && !best_far) ||
			(is_far == best_far && rows->used < best->used))
		{
			best = rows;
			best_far = is_far;
		}
	}
	return best;
}

void
walks_collect(Window *window, WindowStatement *statement, uint64 returned,
			  bool further)
{
	const KeySet *staged = &window->staged;
	uint64		loose = window->position - window->steps;
	bool		walking = is_walking(window, statement);
	WalkRows   *rows = NULL;

	if (window->unit_callback == NULL)
		return;
	for (int i = 0; i < WALK_ROWS && rows == NULL; i++)
	{
		if (window->walk_rows[i].serial != 0 &&
			window->walk_rows[i].queryid == statement->queryid)
			rows = &window->walk_rows[i];
	}
	if (rows != NULL && !further && !walking &&
		!(statement->in_block && rows->in_block &&
		  rows->transaction == statement->transaction))
	{
		/* a new epoch; whatever walked over the old rows is over */
		rows->serial = 0;
		if (rows->asked)
			statement->unasked = 0;
		else if (statement->counts.keyset == 0)
			window_unasked(window, statement);
	}
	if (rows == NULL || rows->serial == 0)
	{
		if (staged->ncolumns == 0 || returned == 0 ||
			(returned < LEAST_ROWS && !walking))
			return;
		if (rows == NULL)
			rows = free_rows(window, loose);
		rows->serial = ++window->walk_serial;
		rows->queryid = statement->queryid;
		rows->owner = statement->index;
		rows->asked = false;
		rows->first_place = window->position;
		rows->first_loose = loose;
		rows->executions = rows->returned = 0;
		rows->shape = statement->shape;
		rows->rows = &window->walk_keysets[rows - window->walk_rows];
		keyset_clear(rows->rows);
		rows->echo = echo_of(&statement->shape, staged);
		if (!window->walking)
			window->walking_since = window->position;
		window->walking = window->asks_always = true;
	}
	append_rows(rows->rows, staged);
	rows->last_place = rows->used = window->position;
	rows->last_loose = loose;
	rows->transaction = statement->transaction;
	rows->in_block = statement->in_block;
	rows->executions++;
	rows->returned += returned;
}

void
walks_were_asked(const Window *window, WindowKeySet *keyset)
{
	for (int i = 0; i < WALK_ROWS; i++)
	{
		const WalkRows *rows = &window->walk_rows[i];

		if (rows->queryid == keyset->queryid && rows->asked)
		{
			keyset->asked = true;
			keyset->rows.asked |= rows->rows->asked;
		}
	}
}

void
window_take_rows(Window *window, WindowStatement *statement, uint64 returned,
				 bool further)
{
	WindowCounts *counts = &statement->counts;

	window->is_staged = false;
	if (counts->keyset != 0)
		append_rows(&window->keysets[counts->keyset - 1].rows,
					&window->staged);
	walks_collect(window, statement, returned, further);
}

/* ----------
 * Steps
 * ----------
 */

static inline bool
is_match(const Walk *walk)
{
	return walk->matched >= 2 && walk->matched * 10 >= walk->compared * 9;
}

static inline int
disorder(const Walk *walk)
{
	return Min(walk->up, walk->down);
}

static inline bool
is_ordered(const Walk *walk)
{
	return walk->up + walk->down > 0 &&
		disorder(walk) * 10 <= walk->up + walk->down;
}

/* Did the value belong to the walk? */
static bool
follow_walk(Window *window, Walk *walk, WalkRows *rows, uint64 place,
			uint64 loose, uint64 value)
{
	uint64	   *word;
	uint64		bit;
	int			rank;

	if (walk->over)
		return false;
	if (walk->matched >= 3)
	{
		uint64		mean = (walk->last_loose - walk->first_loose) /
		(walk->matched - 1);

		if (loose - walk->last_loose >
			Min(FAR_STEP, Max(NEAR_STEP, 3 * mean)))
		{
			walk->over = true;
			return false;
		}
	}
	if (value == walk->last_value)
	{
		/* before there is another value, the walk has not begun */
		if (walk->matched == 1)
		{
			walk->first_place = place;
			walk->first_loose = loose;
		}
		if (walk->missed_in_row > 0)
			return false;
		walk->last_place = place;
		walk->last_loose = loose;
		return true;
	}

	rank = rank_of(rows->rows, walk->column, value);
	walk->compared++;
	walk->last_value = value;
	if (rank < 0)
	{
		walk->missed++;
		walk->missed_in_row++;
		return false;
	}
	word = &walk->seen[rank / 64];
	bit = UINT64CONST(1) << (rank % 64);
	if ((*word & bit) != 0 && walk->again == 0 &&
		walk->distinct >= LEAST_WEIGHED &&
		walk->distinct * 10 >= walk->offered * 9)
	{
		/* the walk is done; whoever asks again is another */
		walk->over = true;
		return false;
	}
	if (walk->matched == 0)
	{
		walk->first_place = place;
		walk->first_loose = loose;
		walk->lowest = walk->highest = rank;
	}
	else
	{
		walk->longest = Max(walk->longest, place - walk->last_place);
		walk->widest = Max(walk->widest, loose - walk->last_loose);
		if (rank > walk->last)
			walk->up++;
		else if (rank < walk->last)
			walk->down++;
	}
	walk->missed_in_row = 0;
	walk->matched++;
	walk->last_place = place;
	walk->last_loose = loose;
	if ((*word & bit) != 0)
		walk->again++;
	else
	{
		*word |= bit;
		walk->distinct++;
	}
	walk->last = rank;
	walk->lowest = Min(walk->lowest, rank);
	walk->highest = Max(walk->highest, rank);
	return true;
}

/* ----------
 * Proof
 * ----------
 */

/* log10(n!) */
static float
log_factorial(int n)
{
	static float table[KEYSET_MAX_ROWS + 1];

	if (table[2] == 0)
	{
		for (int i = 2; i <= KEYSET_MAX_ROWS; i++)
			table[i] = table[i - 1] + log10f((float) i);
	}
	return n <= 1 ? 0 : table[Min(n, KEYSET_MAX_ROWS)];
}

static float
log_choose(int n, int k)
{
	if (k < 0 || k > n)
		return 0;
	return log_factorial(n) - log_factorial(k) - log_factorial(n - k);
}

/*
 * -log10 of the chance that as many rows, asked for at random, come in order
 * and near each other
 */
static float
surprise_of_order(const Walk *walk)
{
	int			n = walk->distinct;
	int			span = walk->highest - walk->lowest + 1;
	float		offered = (float) walk->offered;

	if (n < 2)
		return 0;
	return -(log10f(2.0f * Max(1, walk->offered - span + 1)) +
			 log_choose(span - 2, n - 2) - n * log10f(offered)) -
		(disorder(walk) + walk->again) * log10f(Max(2.0f, n * offered));
}

/* ... and that none of them comes twice */
static float
surprise_of_once(const Walk *walk)
{
	int			n = walk->distinct;

	if (walk->again > 0 || walk->missed > 0)
		return 0;
	return -(log_factorial(walk->offered) - log_factorial(walk->offered - n) -
			 n * log10f((float) walk->offered));
}

static uint64
history_key(const WindowStatement *statement, const WalkRows *rows,
			const Walk *walk)
{
	return valueset_mix(valueset_mix(statement->queryid + rows->queryid * 3) +
						walk->column * 8 + walk->condition) | 1;
}

static WalkHistory *
history_of(Window *window, const WindowStatement *statement,
		   const WalkRows *rows, const Walk *walk)
{
	uint64		link = history_key(statement, rows, walk);
	WalkHistory *history;

	if (window->armed == NULL)
		return NULL;
	history = &window->armed->history[link % WINDOW_HISTORY_SIZE];
	if (history->link != link)
	{
		history->link = link;
		history->walks = history->without = 0;
		history->surprise = 0;
	}
	return history;
}

/* Short walks add up, if most of the parent's executions had one */
static bool
adds_up(Window *window, const WindowStatement *statement, const WalkRows *rows,
		Walk *walk, float surprise)
{
	WalkHistory *history = history_of(window, statement, rows, walk);

	if (history == NULL)
		return false;
	if (!walk->noted)
	{
		walk->noted = true;
		walk->before = history->surprise;
		history->walks++;
		history->surprise += surprise;
	}
	return walk->before + surprise >= SURE &&
		history->without * 3 <= history->walks;
}

/* Is the walk one that requests do not take, whatever lies between its steps? */
static WalkProof
weigh_walk(Window *window, const WindowStatement *statement, WalkRows *rows,
		   Walk *walk)
{
	int			n = walk->distinct;
	int			span = walk->highest - walk->lowest + 1;
	float		order;

	walk->offered = keyset_column(rows->rows, walk->column)->ndistinct;
	walk->dense = keyset_is_dense(rows->rows, walk->column);
	if (!is_match(walk) || n < LEAST_WEIGHED ||
		walk->agreement == COLUMNS_CONTRADICT ||
		(walk->dense && walk->agreement < 0))
		return WALK_NO_PROOF;
	if (walk->first_loose - Min(walk->first_loose, rows->first_loose) >
		FAR_ROWS + (rows->last_loose - rows->first_loose) &&
		walk->widest > TIGHT_STEP)
		return WALK_NO_PROOF;

	/* a list, and requests for what is in it */
	if (walk->own_row &&
		(statement->shape.noutput >= rows->shape.noutput ||
		 !is_ordered(walk) || walk->widest > TIGHT_STEP || n * 2 < span))
		return WALK_NO_PROOF;
	if (n < 8 && walk->longest > NEAR_STEP)
		return WALK_NO_PROOF;
	if (walk->dense && walk->agreement <= 0 &&
		!(is_ordered(walk) && n >= 8 && n * 2 >= walk->offered))
		return WALK_NO_PROOF;

	order = surprise_of_order(walk);
	if (order >= SURE)
		return WALK_ORDERED;
	if (walk->widest <= WIDE_STEP && surprise_of_once(walk) >= SURE)
		return WALK_EACH_ONCE;
	if (order >= NOTEWORTHY && walk->again == 0 && disorder(walk) == 0 &&
		walk->widest <= NEAR_STEP && walk->agreement >= 0 &&
		adds_up(window, statement, rows, walk, order))
		return WALK_ORDERED;
	return WALK_NO_PROOF;
}

/*
 * Did another statement come once for each step of the walk, (almost) always
 * with the same values, and before the first step?  Requests may begin with it.
 * Where the order proves nothing, any statement that came as often and has
 * nothing to do with the walk says as much.
 */
static bool
has_head(Window *window, const WindowStatement *statement, const Walk *walk,
		 WalkProof proof)
{
	int			n = walk->distinct;

	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *other = &window->statements[i];
		const WalkStatement *walked = &window->walks[i];
		uint64		first = 0;
		uint64		values[WALK_RING / 8 + 2];
		int			nvalues = 0;
		int			count = 0;
		bool		shares = false;

		if (other == statement || !other->walked || walked->recorded == 0)
			continue;
		for (uint64 r = walked->recorded; r > ring_begin(walked); r--)
		{
			const uint64 *record = record_of(window, other, r - 1);
			int			v = 0;

			if (record[0] + walk->longest < walk->first_place)
				break;
			first = record[0];
			count++;
			while (v < nvalues && values[v] != record[3])
				v++;
			if (v == nvalues && nvalues < lengthof(values))
				values[nvalues++] = record[3];
		}
		if (count == WALK_RING)
			count = Max(count, n);
		if (count < n - 1 - n / 8 || count > n + 2 + n / 8 ||
			(first > walk->first_place &&
			 window->walking_since + walk->longest < walk->first_place))
			continue;
		if (nvalues <= 1 + n / 8)
			return true;
		if (proof == WALK_ORDERED)
			continue;
		for (int j = 0; j < WALK_LINKS; j++)
		{
			const Walk *theirs = &walked->walks[j];

			shares = shares || (theirs->serial != 0 && !theirs->over &&
								theirs->matched >= 3);
		}
		if (!shares)
			return true;
	}
	return false;
}

static int
score(const Walk *walk)
{
	int			points = (is_match(walk) ? 32 : 0) +
	(walk->agreement == COLUMNS_LINKED ? 16 : walk->agreement > 0 ? 8 : 0) -
	(walk->agreement < 0 ? (walk->dense ? 24 : 8) : 0) +
	(is_ordered(walk) ? 6 : 0) + (walk->dense ? 0 : 6) +
	(walk->distinct * 2 >= walk->offered ? 3 : 0);

	return points * (KEYSET_MAX_ROWS + 1) + Min(walk->matched, KEYSET_MAX_ROWS);
}

/* Were all steps of the walk taken in the transaction block that is open? */
static inline bool
in_one_block(const WindowStatement *statement, const Walk *walk)
{
	const WindowCounts *counts = &statement->counts;

	return statement->in_block &&
		counts->last_transaction == statement->transaction &&
		counts->executions - counts->before_transaction + 1 >= walk->matched;
}

/* A step of five values or more: does it prove a unit? */
static bool
decide(Window *window, WindowStatement *statement, WalkRows *rows, Walk *walk)
{
	/* what is proven is looked at again when it has grown by a quarter */
	if (walk->proof == WALK_NO_PROOF || walk->vetoed ||
		walk->distinct >= walk->next_weighed)
	{
		walk->proof = weigh_walk(window, statement, rows, walk);
		if (walk->proof == WALK_NO_PROOF)
			return false;
		walk->next_weighed = walk->distinct + walk->distinct / 4;
	}
	if (walk->distinct >= walk->next_veto && !in_one_block(statement, walk))
	{
		walk->next_veto = walk->distinct < 8 ? walk->distinct + 1 :
			walk->distinct + walk->distinct / 2;
		walk->vetoed = has_head(window, statement, walk, walk->proof);
	}
	if (walk->vetoed)
		return false;
	walk->decided = true;
	units_extend(window, statement, rows, walk);
	return true;
}

/* ----------
 * Looking
 * ----------
 */

/*
 * Has the rows of the SELECTs collected that returned some and ran last, so that
 * the statement may be found to walk over them
 */
static bool
arm_parents(Window *window, const WindowStatement *statement)
{
	for (int armed = 0; armed < MAX_ARMED_AT_ONCE; armed++)
	{
		WindowStatement *best = NULL;

		for (int i = 0; i < window->nstatements; i++)
		{
			WindowStatement *other = &window->statements[i];

			if (other == statement || other->queryid == 0 ||
				other->shape.command != SHAPE_SELECT ||
				other->counts.executions == 0 ||
				other->counts.max_rows < LEAST_ROWS ||
				is_armed(window, other))
				continue;
			if (best == NULL || other->counts.last_position >
				best->counts.last_position)
				best = other;
		}
		if (best == NULL)
			return armed > 0;
		window->armed->queryids[best->queryid % WINDOW_ARMED_SIZE] =
			best->queryid;
		best->unasked = 0;
		if (best->serial == window->serial)
			best->counts.armed = true;
	}
	return true;
}

void
walks_arm(Window *window, WindowStatement *statement)
{
	uint64		total = statement->earlier + statement->counts.executions;

	statement->next_arming = total + 5;
	if (window->armed == NULL || window->unit_callback == NULL ||
		total + 1 < window->threshold ||
		statement->shape.command != SHAPE_SELECT ||
		window->position < window->arm_after)
		return;

	/* where there was none, the next is looked for later and later */
	if (arm_parents(window, statement))
		window->arm_pause = MIN_UNTIL_ARMING;
	else
		window->arm_pause = Min(Max(2 * window->arm_pause, MIN_UNTIL_ARMING),
								MAX_UNTIL_ARMING);
	window->arm_after = window->position + window->arm_pause;
}

/* How many of the last values are in the column; they end with the latest */
static int
matching_tail(Window *window, const WindowStatement *statement,
			  WalkRows *rows, int column, int condition)
{
	const WalkStatement *walked = &window->walks[statement->index];
	int			n = 0;

	for (uint64 r = walked->recorded; r > ring_begin(walked); r--, n++)
	{
		const uint64 *record = record_of(window, statement, r - 1);

		if (record[0] <= rows->first_place ||
			rank_of(rows->rows, column, record[4 + condition]) < 0)
			break;
	}
	return n;
}

/* Follows the last n values over a column; false if they are no walk */
static bool
replay(Window *window, const WindowStatement *statement, WalkRows *rows,
	   int column, int condition, int n, Walk *walk)
{
	const WalkStatement *walked = &window->walks[statement->index];
	Walk		begin;

	memset(&begin, 0, sizeof(Walk));
	begin.serial = rows->serial;
	begin.rows = rows - window->walk_rows;
	begin.column = column;
	begin.condition = condition;
	begin.offered = keyset_column(rows->rows, column)->ndistinct;
	begin.next_veto = LEAST_WEIGHED;
	*walk = begin;
	for (uint64 r = walked->recorded - n; r < walked->recorded; r++)
	{
		const uint64 *record = record_of(window, statement, r);

		if (!follow_walk(window, walk, rows, record[0], record[1],
						 record[4 + condition]) && walk->over)
		{
			*walk = begin;
			(void) follow_walk(window, walk, rows, record[0], record[1],
							   record[4 + condition]);
		}
	}
	return walk->distinct >= LEAST_FOUND && walk->missed_in_row == 0;
}

/* What the schema says of the walk's columns; it is asked once for each pair */
static void
relate_walk(Window *window, Relater *relater, const WindowStatement *statement,
			const KeyColumn *column, Walk *walk)
{
	const ShapeCondition *condition =
	&statement->shape.conditions[walk->condition];
	uint64		key = valueset_mix(valueset_mix(statement->queryid + walk->condition) ^
								   ((uint64) column->relid << 16 | (uint16) column->attnum)) | 1;
	KnownColumns *known = &window->known_columns[key / 2 % WALK_KNOWN];

	if (known->key != key)
	{
		known->agreement =
			relate_agreement(relater, &statement->shape, walk->condition,
							 column->relid, column->attnum, &known->link);
		known->unique = relate_is_unique(relater, condition->relid,
										 condition->attnum);
		known->key = key;
	}
	walk->link = known->link;
	walk->agreement = known->agreement;
	walk->own_row = condition->relid == column->relid &&
		condition->attnum == column->attnum &&
		statement->shape.command == SHAPE_SELECT &&
		statement->shape.target == condition->relid && known->unique;
}

/* Which columns of which rows do the last values come from? */
static void
look_for_walks(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = &window->walks[statement->index];
	int			scores[WALK_LINKS];
	int			nwalks = 0;
	Relater		relater;

	relate_init(&relater, &window->schema);
	for (int k = 0; k < WALK_ROWS; k++)
	{
		WalkRows   *rows = &window->walk_rows[k];

		if (rows->serial == 0 || rows->rows->nrows < 2)
			continue;
		for (int c = 0; c < statement->shape.nconditions; c++)
		{
			const ShapeCondition *condition = &statement->shape.conditions[c];

			if (condition->value_class == SHAPE_CLASS_OTHER ||
				(statement->counts.opaque & (1U << c)) != 0)
				continue;
			for (int j = 0; j < rows->rows->ncolumns; j++)
			{
				const KeyColumn *column = &rows->rows->columns[j];
				Walk		walk;
				int			n;
				int			place;
				int			points;

				if ((rows->echo & (1 << j)) != 0)
					continue;
				n = matching_tail(window, statement, rows, j, c);
				if (n < LEAST_FOUND ||
					!replay(window, statement, rows, j, c, n, &walk))
					continue;
				rows->asked = true;
				walk.dense = keyset_is_dense(rows->rows, j);
				relate_walk(window, &relater, statement, column, &walk);
				points = score(&walk);
				for (place = nwalks; place > 0 && scores[place - 1] < points;
					 place--)
				{
					if (place < WALK_LINKS)
					{
						scores[place] = scores[place - 1];
						walked->walks[place] = walked->walks[place - 1];
					}
				}
				if (place < WALK_LINKS)
				{
					scores[place] = points;
					walked->walks[place] = walk;
					nwalks = Min(nwalks + 1, WALK_LINKS);
				}
			}
		}
	}
	for (int i = nwalks; i < WALK_LINKS; i++)
		walked->walks[i].serial = 0;
	if (nwalks == 0)
		walked->next_look = walked->recorded +
			Max((uint64) LEAST_WEIGHED,
				Min(walked->recorded / 2, (uint64) MAX_UNTIL_LOOK));
	for (int i = 0; i < nwalks; i++)
	{
		Walk	   *walk = &walked->walks[i];

		if (walk->distinct >= LEAST_WEIGHED &&
			decide(window, statement, &window->walk_rows[walk->rows], walk))
			break;
	}
}

/* A walk that has ended */
static void
drop_walk(Window *window, WindowStatement *statement, Walk *walk)
{
	if (!walk->noted && walk->distinct >= LEAST_WEIGHED && is_match(walk) &&
		window->armed != NULL)
	{
		const WalkRows *rows = &window->walk_rows[walk->rows];
		WalkHistory *history =
		&window->armed->history[history_key(statement, rows, walk) %
								WINDOW_HISTORY_SIZE];

		if (rows->serial == walk->serial &&
			history->link == history_key(statement, rows, walk))
			history->without++;
	}
	if (!walk->decided)
		units_suspect(window, statement, walk);
	walk->serial = 0;
}

/* Takes the step of each walk that the statement is on; is it on any? */
static bool
follow_walks(Window *window, WindowStatement *statement, uint64 place,
			 uint64 loose, const WindowValues *values, bool *stepped)
{
	WalkStatement *walked = &window->walks[statement->index];
	bool		on_any = false;
	bool		decided = false;

	for (int i = 0; i < WALK_LINKS; i++)
	{
		Walk	   *walk = &walked->walks[i];
		WalkRows   *rows;

		if (walk->serial == 0)
			continue;
		rows = rows_of(window, walk);
		if (rows == NULL)
		{
			drop_walk(window, statement, walk);
			continue;
		}
		if (!follow_walk(window, walk, rows, place, loose,
						 values->conditions[walk->condition]))
		{
			if (walk->over || walk->missed_in_row > 2 || !is_match(walk))
			{
				/* the values went on where the rows ended: no walk over them */
				if (!walk->over && walk->dense && walked->in_unit &&
					walked->walk.serial == walk->serial &&
					walked->walk.column == walk->column &&
					loose - walk->last_loose <= 4 + 3 * Max(1, walk->widest))
					units_take_back(window, statement);
				drop_walk(window, statement, walk);
				continue;
			}
			on_any = true;
			continue;
		}
		on_any = true;
		*stepped = *stepped || walk->matched >= 3;
		rows->used = place;
		rows->last_loose = loose;
		if (walk->distinct >= LEAST_WEIGHED && !decided)
			decided = decide(window, statement, rows, walk);
	}
	return on_any;
}

/* ----------
 * An execution
 * ----------
 */

void
walks_run(Window *window, WindowStatement *statement,
		  const WindowValues *values)
{
	WalkStatement *walked;
	uint64	   *record;
	uint64		place = window->position + 1;
	uint64		loose = place - window->steps;
	bool		stepped = false;

	if (window->unit_callback == NULL)
		return;
	walked = walks_of(window, statement);
	record = record_of(window, statement, walked->recorded);
	record[0] = place;
	record[1] = loose;
	record[2] = statement->start;
	record[3] = values->all;
	for (int i = 0; i < statement->shape.nconditions; i++)
		record[4 + i] = values->conditions[i];
	walked->recorded++;

	if (window->unit.id != 0)
		units_run(window, statement, loose);
	if (statement->counts.batched ||
		statement->shape.command == SHAPE_INSERT ||
		statement->shape.nconditions == 0)
		return;
	if (!follow_walks(window, statement, place, loose, values, &stepped) &&
		walked->recorded >= walked->next_look &&
		walked->recorded >= LEAST_FOUND)
	{
		look_for_walks(window, statement);
		for (int i = 0; i < WALK_LINKS; i++)
			stepped = stepped || walked->walks[i].serial != 0;
		walks_arm(window, statement);
	}
	if (stepped)
		window->steps++;
	if (window->unit.id != 0)
		units_publish(window, statement);
}

void
walks_forget(Window *window)
{
	if (!window->walking)
		return;
	units_close(window);
	for (int i = 0; i < WALK_ROWS; i++)
		window->walk_rows[i].serial = 0;
	for (int i = 0; i < window->nstatements; i++)
		window->statements[i].walked = false;
	window->walking = false;
}

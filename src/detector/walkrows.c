/*-------------------------------------------------------------------------
 *
 * walkrows.c
 *		The rows that values may walk over: of which statements they are
 *		collected, and the last execution's of each.
 *
 * src/detector/walkrows.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/walks_internal.h"

/* Statements armed at a look, and rows that one must have returned */
#define MAX_ARMED_AT_ONCE	4
#define LEAST_ROWS			5

/* Executions of all statements until parents are armed again */
#define MIN_UNTIL_ARMING	32
#define MAX_UNTIL_ARMING	1024

/*
 * Copies rows into a set that has the same columns, as many as fit.  False if
 * there is no memory for them.
 */
static bool
append_rows(KeySet *to, const KeySet *from)
{
	int			nrows;

	if (to->ncolumns == 0)
	{
		to->incomplete = from->incomplete;
		to->first_string = from->first_string;
		for (int i = 0; i < from->ncolumns; i++)
			(void) keyset_add_column(to, from->columns[i].relid,
									 from->columns[i].attnum);
	}
	nrows = Min(from->nrows, KEYSET_MAX_ROWS - to->nrows);
	if (to->ncolumns != from->ncolumns || nrows <= 0)
		return true;
	if (!keyset_reserve(to, to->nrows + nrows))
		return false;
	for (int i = 0; i < from->ncolumns; i++)
	{
		const KeyColumn *column = &from->columns[i];

		memcpy(&to->columns[i].hashes[to->nrows], column->hashes,
			   nrows * sizeof(column->hashes[0]));
		to->columns[i].magnitudes |= column->magnitudes;
		to->columns[i].classes |= column->classes;
	}
	to->nrows += nrows;
	return true;
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
	const WalkStatement *walked = statement->walk;

	if (!statement->walked)
		return false;
	for (int i = 0; i < walked->nwalks; i++)
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
		WalkRows   *rows = &window->rows->rows[i];
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

/* Are there places for rows?  They are made if not. */
static bool
has_places(Window *window)
{
	if (window->rows != NULL)
		return true;
	window->rows = window_take(window, sizeof(WalkedRows));
	if (window->rows == NULL)
		return false;
	memset(window->rows, 0, sizeof(WalkedRows));
	for (int i = 0; i < WALK_ROWS; i++)
		keyset_init(&window->rows->keysets[i], &window->memory_of_rows);
	return true;
}

/*
 * Forgets the rows, but for these, that were not used for longest, and gives
 * their memory back; false if there are none.
 */
static bool
forget_rows(Window *window, const WalkRows *except)
{
	WalkRows   *oldest = NULL;

	for (int i = 0; window->rows && i < WALK_ROWS; i++)
	{
		WalkRows   *rows = &window->rows->rows[i];

		if (rows != except && rows->rows != NULL &&
			rows->rows->memory != NULL &&
			(oldest == NULL || rows->used < oldest->used))
			oldest = rows;
	}
	if (oldest == NULL)
		return false;
	oldest->serial = 0;
	keyset_free(oldest->rows);
	return true;
}

bool
walks_forget_oldest(Window *window)
{
	return forget_rows(window, NULL);
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
	for (int i = 0; window->rows && i < WALK_ROWS && rows == NULL; i++)
	{
		WalkRows   *known = &window->rows->rows[i];

		if (known->serial != 0 && known->queryid == statement->queryid)
			rows = known;
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
			(returned < LEAST_ROWS && !walking) || !has_places(window))
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
		rows->rows = &window->rows->keysets[rows - window->rows->rows];
		keyset_clear(rows->rows);
		rows->echo = echo_of(&statement->shape, staged);
		if (!window->walking)
			window->walking_since = window->position;
		window->walking = window->asks_always = true;
	}
	while (!append_rows(rows->rows, staged) && forget_rows(window, rows));
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
	for (int i = 0; window->rows && i < WALK_ROWS; i++)
	{
		const WalkRows *rows = &window->rows->rows[i];

		if (rows->serial != 0 && rows->queryid == keyset->queryid && rows->asked)
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
	{
		while (!append_rows(&window->keysets[counts->keyset - 1].rows,
							&window->staged) &&
			   forget_rows(window, NULL));
	}
	walks_collect(window, statement, returned, further);
}

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
			WindowStatement *other = window->statements[i];

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
		arm(window, best);
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

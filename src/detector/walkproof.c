/*-------------------------------------------------------------------------
 *
 * walkproof.c
 *		What a walk proves: how unlikely is it that requests, one after
 *		another, would take as many rows in this order, or none of them twice?
 *
 * What is less likely than one in a hundred thousand is a loop.  Shorter walks
 * add up over the executions of the parent.  Some walks prove nothing however
 * unlikely they are: see walkproof_weigh(), and walkproof_has_head() for the
 * requests that begin with the same statement each.
 *
 * src/detector/walkproof.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <math.h>

#include "detector/walks_internal.h"

/* Loose executions between the steps of a walk that nothing interrupts */
#define TIGHT_STEP			2

/* ... or of one that is told by taking each row once */
#define WIDE_STEP			24

/* One in a hundred thousand; and what is worth remembering, as -log10 */
#define SURE				5.0f
#define NOTEWORTHY			2.5f

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

	/* where the rows of all are collected, what was before does not matter */
	if (window->armed == NULL || window->collects_all)
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

WalkProof
walkproof_weigh(Window *window, const WindowStatement *statement, WalkRows *rows,
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
		 !relate_left_out(&rows->shape, &statement->shape,
						  statement->shape.target) ||
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
bool
walkproof_has_head(Window *window, const WindowStatement *statement, const Walk *walk,
				   WalkProof proof)
{
	int			n = walk->distinct;

	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *other = window->statements[i];
		const WalkStatement *walked = other->walk;
		uint64		first = 0;
		uint64		values[WALK_RING / 8 + 2];
		int			nvalues = 0;
		int			count = 0;
		bool		shares = false;

		if (other == statement || !other->walked || walked->recorded == 0)
			continue;
		for (uint64 r = walked->recorded; r > ring_begin(walked); r--)
		{
			const uint64 *record = record_of(walked, r - 1);
			uint64		place = place_of(window, record);
			int			v = 0;

			if (place + walk->longest < walk->first_place)
				break;
			first = place;
			count++;
			while (v < nvalues && values[v] != record[RECORD_ALL])
				v++;
			if (v == nvalues && nvalues < lengthof(values))
				values[nvalues++] = record[RECORD_ALL];
		}
		if (count == walked->room)
			count = Max(count, n);
		if (count < n - 1 - n / 8 || count > n + 2 + n / 8 ||
			(first > walk->first_place &&
			 window->walking_since + walk->longest < walk->first_place))
			continue;
		if (nvalues <= 1 + n / 8)
			return true;
		if (proof == WALK_ORDERED)
			continue;
		for (int j = 0; j < walked->nwalks; j++)
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

void
walkproof_ended(Window *window, const WindowStatement *statement,
				const Walk *walk)
{
	const WalkRows *rows = rows_of(window, walk);
	WalkHistory *history;
	uint64		link;

	if (walk->noted || walk->distinct < LEAST_WEIGHED || !is_match(walk) ||
		window->armed == NULL || window->collects_all || rows == NULL)
		return;
	link = history_key(statement, rows, walk);
	history = &window->armed->history[link % WINDOW_HISTORY_SIZE];
	if (history->link == link)
		history->without++;
}

/*-------------------------------------------------------------------------
 *
 * walks.c
 *		Walks of a statement's values over the rows of another: found,
 *		followed, and weighed.
 *
 * Before each execution its values go into the statement's ring, and on to the
 * walks it is on (follow_walk).  A statement that is on none looks, now and
 * then, for rows that its last values came from (look_for_walks).  A step of a
 * walk of five different values or more asks for proof, see walkproof.c.  Where
 * there is, all from the rows to the last step is one unit of work, see units.c.
 *
 * src/detector/walks.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/walks_internal.h"

/* Different values that a walk has when it is found */
#define LEAST_FOUND			4

/* Executions until a statement looks again that found nothing, at most */
#define MAX_UNTIL_LOOK		32

/* ----------
 * What is remembered of a statement
 * ----------
 */

/* A ring for so many records, or what there is memory for */
static void
make_ring(Window *window, WalkStatement *walked, int room)
{
	Size		size = (Size) room * walked->record_size * sizeof(uint64);
	uint64	   *ring = window_take(window, size);

	if (ring == NULL)
		return;
	for (uint64 r = ring_begin(walked); r < walked->recorded; r++)
		memcpy(&ring[r % room * walked->record_size], record_of(walked, r),
			   walked->record_size * sizeof(uint64));
	budget_return(&window->memory, walked->ring, walked->ring_size);
	walked->ring = ring;
	walked->ring_size = size;
	walked->room = room;
}

WalkStatement *
walks_of(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;

	if (statement->walked)
		return walked;
	if (walked == NULL)
	{
		walked = window_take(window, sizeof(WalkStatement));
		if (walked == NULL)
			return NULL;
		memset(walked, 0, sizeof(WalkStatement));
		statement->walk = walked;
	}

	/* what it has stays, for records of another size perhaps */
	memset(walked, 0, offsetof(WalkStatement, nwalks));
	walked->handle = -1;
	walked->record_size = WALK_RECORD + statement->shape.nconditions;
	walked->room = Min(walked->ring_size / sizeof(uint64) /
					   walked->record_size, WALK_RING);
	if (walked->room < WALK_RING_BEGIN)
		make_ring(window, walked, WALK_RING_BEGIN);
	if (walked->room == 0)
		return NULL;
	for (int i = 0; i < walked->nwalks; i++)
		walked->walks[i].serial = 0;
	statement->walked = true;
	return walked;
}

/* ----------
 * Steps
 * ----------
 */

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

/* Did the value belong to the walk? */
static bool
follow_walk(Walk *walk, WalkRows *rows, uint64 place, uint64 loose,
			uint64 value)
{
	uint64	   *word;
	uint64		bit;
	int			rank;

	if (walk->over)
		return false;
	if (walk->matched >= 3 &&
		loose - walk->last_loose > longest_step(walk))
	{
		walk->over = true;
		return false;
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

static int
score(const Walk *walk)
{
	int			points = (is_match(walk) ? 32 : 0) +
	(walk->agreement == COLUMNS_LINKED ? 16 : walk->agreement > 0 ? 8 : 0) +
	(walk->link.constraint != InvalidOid ? 4 : 0) -
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
		walk->proof = walkproof_weigh(window, statement, rows, walk);
		if (walk->proof == WALK_NO_PROOF)
			return false;
		walk->next_weighed = walk->distinct + walk->distinct / 4;
	}
	if (walk->distinct >= walk->next_veto && !in_one_block(statement, walk))
	{
		walk->next_veto = walk->distinct < 8 ? walk->distinct + 1 :
			walk->distinct + walk->distinct / 2;
		walk->vetoed = walkproof_has_head(window, statement, walk, walk->proof);
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

/* How many of the last values are in the column; they end with the latest */
static int
matching_tail(Window *window, const WindowStatement *statement,
			  WalkRows *rows, int column, int condition)
{
	const WalkStatement *walked = statement->walk;
	int			n = 0;

	for (uint64 r = walked->recorded; r > ring_begin(walked); r--, n++)
	{
		const uint64 *record = record_of(walked, r - 1);

		if (place_of(window, record) <= rows->first_place ||
			rank_of(rows->rows, column, record[WALK_RECORD + condition]) < 0)
			break;
	}
	return n;
}

/* Follows the last n values over a column; false if they are no walk */
static bool
replay(Window *window, const WindowStatement *statement, WalkRows *rows,
	   int column, int condition, int n, Walk *walk)
{
	const WalkStatement *walked = statement->walk;
	Walk		begin;

	memset(&begin, 0, sizeof(Walk));
	begin.serial = rows->serial;
	begin.rows = rows - window->rows->rows;
	begin.column = column;
	begin.condition = condition;
	begin.offered = keyset_column(rows->rows, column)->ndistinct;
	begin.next_veto = LEAST_WEIGHED;
	*walk = begin;
	for (uint64 r = walked->recorded - n; r < walked->recorded; r++)
	{
		const uint64 *record = record_of(walked, r);
		uint64		place = place_of(window, record);
		uint64		loose = loose_of(window, record);
		uint64		value = record[WALK_RECORD + condition];

		if (!follow_walk(walk, rows, place, loose, value) && walk->over)
		{
			*walk = begin;
			(void) follow_walk(walk, rows, place, loose, value);
		}
	}
	return walk->distinct >= LEAST_FOUND && walk->missed_in_row == 0;
}

/* What the schema says of the walk's columns; it is asked once for each pair */
static void
relate_walk(Window *window, Relater *relater, const WindowStatement *statement,
			const WalkRows *rows, const KeyColumn *column, Walk *walk)
{
	const ShapeCondition *condition =
	&statement->shape.conditions[walk->condition];
	uint64		key = valueset_mix(valueset_mix(statement->queryid + walk->condition) ^
								   valueset_mix(rows->queryid) ^
								   ((uint64) column->relid << 16 | (uint16) column->attnum)) | 1;
	KnownColumns *known = &window->rows->known[key / 2 % WALK_KNOWN];

	if (known->key != key)
	{
		known->agreement =
			relate_agreement(relater, &statement->shape, walk->condition,
							 &rows->shape, column->relid, column->attnum,
							 &known->link);
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
	WalkStatement *walked = statement->walk;
	int			scores[WALK_LINKS];
	int			nwalks = 0;
	Walk		found[WALK_LINKS];
	Relater		relater;

	relate_init(&relater, &window->schema);
	for (int k = 0; window->rows && k < WALK_ROWS; k++)
	{
		WalkRows   *rows = &window->rows->rows[k];

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
				relate_walk(window, &relater, statement, rows, column,
							&walk);
				points = score(&walk);
				for (place = nwalks; place > 0 && scores[place - 1] < points;
					 place--)
				{
					if (place < WALK_LINKS)
					{
						scores[place] = scores[place - 1];
						found[place] = found[place - 1];
					}
				}
				if (place < WALK_LINKS)
				{
					scores[place] = points;
					found[place] = walk;
					nwalks = Min(nwalks + 1, WALK_LINKS);
				}
			}
		}
	}
	if (nwalks > 0 && walked->walks == NULL)
	{
		walked->walks = window_take(window, WALK_LINKS * sizeof(Walk));
		if (walked->walks != NULL)
			walked->nwalks = WALK_LINKS;
	}
	nwalks = Min(nwalks, walked->nwalks);
	for (int i = 0; i < walked->nwalks; i++)
	{
		if (i < nwalks)
			walked->walks[i] = found[i];
		else
			walked->walks[i].serial = 0;
	}
	if (nwalks == 0)
		walked->next_look = walked->recorded +
			Max((uint64) LEAST_WEIGHED,
				Min(walked->recorded / 2, (uint64) MAX_UNTIL_LOOK));
	for (int i = 0; i < nwalks; i++)
	{
		Walk	   *walk = &walked->walks[i];

		if (walk->distinct >= LEAST_WEIGHED &&
			decide(window, statement, &window->rows->rows[walk->rows], walk))
			break;
	}
}

/* A walk that has ended */
static void
drop_walk(Window *window, WindowStatement *statement, Walk *walk)
{
	walkproof_ended(window, statement, walk);
	if (!walk->decided)
		units_suspect(window, statement, walk);
	walk->serial = 0;
	for (int i = 0; i < statement->walk->nwalks; i++)
	{
		if (statement->walk->walks[i].serial != 0)
			return;
	}
	if (!statement->covered)
		units_settle(window, statement, false);
}

/* Takes the step of each walk that the statement is on; is it on any? */
static bool
follow_walks(Window *window, WindowStatement *statement, uint64 place,
			 uint64 loose, const WindowValues *values, bool *stepped)
{
	WalkStatement *walked = statement->walk;
	bool		on_any = false;
	bool		decided = false;

	for (int i = 0; i < walked->nwalks; i++)
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
		if (!follow_walk(walk, rows, place, loose,
						 values->conditions[walk->condition]))
		{
			if (walk->over || walk->missed_in_row > 2 || !is_match(walk))
			{
				/* the values went on where the rows ended: no walk over them */
				if (!walk->over && walk->dense && walked->in_unit &&
					walked->best->walk.serial == walk->serial &&
					walked->best->walk.column == walk->column &&
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
	int			nconditions = statement->shape.nconditions;
	bool		stepped = false;

	if (window->unit_callback == NULL)
		return;
	walked = walks_of(window, statement);
	if (unlikely(walked == NULL ||
				 walked->record_size != WALK_RECORD + nconditions))
		return;
	if (walked->recorded == walked->room && walked->room < WALK_RING)
		make_ring(window, walked, Min(2 * walked->room, WALK_RING));
	record = record_of(walked, walked->recorded);
	record[RECORD_PLACES] = place << 32 | (uint32) loose;
	record[RECORD_START] = statement->start;
	record[RECORD_ALL] = values->all;
	for (int i = 0; i < nconditions; i++)
		record[WALK_RECORD + i] = values->conditions[i];
	walked->recorded++;

	if (window->unit.id != 0)
		units_run(window, statement, loose);
	if (statement->counts.batched ||
		statement->shape.command == SHAPE_INSERT ||
		nconditions == 0)
		return;
	if (!follow_walks(window, statement, place, loose, values, &stepped) &&
		walked->recorded >= walked->next_look &&
		walked->recorded >= LEAST_FOUND)
	{
		look_for_walks(window, statement);
		for (int i = 0; i < walked->nwalks; i++)
			stepped = stepped || walked->walks[i].serial != 0;
		walks_arm(window, statement);
	}
	if (stepped)
		take_step(window);
	if (window->unit.id != 0)
		units_publish(window, statement);
}

void
walks_failed(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;

	if (!statement->walked || walked->recorded == 0 ||
		place_of(window, record_of(walked, walked->recorded - 1)) !=
		window->position + 1)
		return;
	walked->recorded--;

	/* it took the place of the oldest one */
	if (walked->recorded >= walked->room)
		walked->overwritten = walked->recorded - walked->room + 1;
}

void
walks_forget(Window *window)
{
	if (!window->walking)
		return;
	units_close(window);
	for (int i = 0; i < window->nstatements; i++)
	{
		if (window->statements[i]->walked)
			units_settle(window, window->statements[i], false);
	}
	for (int i = 0; window->rows && i < WALK_ROWS; i++)
		window->rows->rows[i].serial = 0;
	for (int i = 0; i < window->nstatements; i++)
		window->statements[i]->walked = false;
	window->walking = false;
}

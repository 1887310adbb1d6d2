/*-------------------------------------------------------------------------
 *
 * units.c
 *		Units of work that a walk proves, and what they say of the statements
 *		in them.
 *
 * A unit begins with the rows that are walked over and ends with the last step
 * of a walk; what touches it makes it longer.  It is closed when nothing has
 * made it longer for a while.  A statement's executions in it are counted by
 * subtraction, from its ring.
 *
 * A statement with enough executions in the unit is a burst of the unit, told
 * through the callback of its own.  If the window has a burst of the statement,
 * the unit takes it over, unless that is surer already.
 *
 * src/detector/units.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/walks_internal.h"

/*
 * Loose executions after the last step that close a unit, at least: it stays
 * open as long as its walks may go on
 */
#define TAIL				24

/* ... between the rows and the walk that the unit may take in */
#define REACH				16

/* First record of the ring that is of a place or later; see walks.c */
static uint64
first_since(Window *window, const WindowStatement *statement, uint64 place)
{
	const WalkStatement *walked = statement->walk;
	uint64		begin = ring_begin(walked);
	uint64		r = walked->recorded;

	while (r > begin && place_of(window, record_of(walked, r - 1)) >= place)
		r--;
	return r;
}

/* Makes before_unit that of the open unit */
static void
count_before(Window *window, const WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;

	if (walked->unit == window->unit.id)
		return;
	walked->unit = window->unit.id;
	walked->before_unit = first_since(window, statement, window->unit.start);
	walked->in_unit = false;
	walked->published = 0;
}

/* A burst of these records was told of */
static void
has_told(WalkStatement *walked, uint64 from, uint64 to)
{
	if (from > walked->told_to)
		walked->told_from = from;
	walked->told_to = to;
}

/* How many of the records from begin to before end no burst has told of */
static uint64
untold(const WalkStatement *walked, uint64 begin, uint64 end)
{
	uint64		from = Max(begin, walked->told_from);
	uint64		to = Min(end, walked->told_to);

	return end - begin - (to > from ? to - from : 0);
}

/* The first record behind the open unit */
static uint64
end_in_unit(Window *window, const WindowStatement *statement)
{
	return Max(first_since(window, statement, window->unit.end + 1),
			   statement->walk->before_unit);
}

/* Executions in the open unit that no burst has told of */
static uint64
executions_in_unit(Window *window, const WindowStatement *statement)
{
	return untold(statement->walk, statement->walk->before_unit,
				  end_in_unit(window, statement));
}

static inline bool
is_same_walk(const Walk *walk, const Walk *other)
{
	return walk->serial == other->serial && walk->column == other->column &&
		walk->condition == other->condition;
}

static UnitRole
role_of(const Window *window, const WalkStatement *walked, const Walk **walk)
{
	*walk = NULL;
	if (walked->in_unit)
	{
		*walk = &walked->best->walk;
		return (*walk)->proof == WALK_ORDERED ? UNIT_ORDERED :
			UNIT_EACH_ONCE;
	}
	for (int i = 0; i < walked->nwalks; i++)
	{
		const Walk *other = &walked->walks[i];

		if (rows_of(window, other) != NULL &&
			other->distinct >= 4 &&
			other->matched * 10 >= other->compared * 9 &&
			other->agreement >= 0 && (other->agreement > 0 || !other->dense))
		{
			*walk = other;
			return UNIT_MATCHES;
		}
	}
	return UNIT_MEMBER;
}

/* The facts of the ring's records from begin to before end */
static void
fill_counts(Window *window, const WindowStatement *statement, uint64 begin,
			uint64 end, BurstFacts *facts)
{
	const WindowCounts *counts = &statement->counts;
	const WalkStatement *walked = statement->walk;
	uint64		from = Max(begin, ring_begin(walked));
	uint64		looked_at = 0;
	uint64		distinct = 0;

	memset(facts, 0, sizeof(BurstFacts));
	facts->queryid = statement->queryid;
	facts->shape = statement->shape;
	facts->executions = untold(walked, begin, end);
	facts->batched = counts->batched;
	facts->is_membership = statement->is_membership;
	for (uint64 r = from; r < end; r++)
	{
		uint64		all = record_of(walked, r)[RECORD_ALL];
		uint64		other = from;

		while (other < r && record_of(walked, other)[RECORD_ALL] != all)
			other++;
		distinct += other == r;
		looked_at++;
	}
	facts->distinct_values = valueset_estimate(distinct, looked_at,
											   facts->executions);
	facts->distinct_keys = statement->shape.nconditions == 0 ? 0 :
		facts->distinct_values;
	facts->duplicates = facts->executions - Min(facts->distinct_values,
												facts->executions);
	if (looked_at > 0)
	{
		facts->first_start = record_of(walked, from)[RECORD_START];
		facts->last_end = Max(facts->first_start,
							  record_of(walked, end - 1)[RECORD_START]);
		/* before the ring begins it went on as in it */
		if (from > begin && looked_at > 1)
			facts->first_start -= Min(facts->first_start,
									  (facts->last_end - facts->first_start) /
									  (looked_at - 1) * (from - begin));
	}

	/* what was not counted by execution is as in the window */
	facts->transactions = facts->executions;
	if (counts->executions > 0)
	{
		double		share = (double) facts->executions /
		(double) counts->executions;

		facts->rows = (uint64) ((double) counts->rows * share);
		facts->exec_time = (uint64) ((double) counts->exec_time * share);
		facts->transactions = Max((uint64) ((double) counts->transactions * share), 1);
		facts->in_blocks = Min((uint64) ((double) counts->in_blocks * share),
							   facts->executions);
	}
	facts->most_in_one = facts->executions / Max(facts->transactions, 1);
	facts->last_end += facts->exec_time / Max(facts->executions, 1);
}

/* What varied between the ring's records from begin to before end */
static uint16
varied_between(const Window *window, const WindowStatement *statement,
			   uint64 begin, uint64 end)
{
	const WalkStatement *walked = statement->walk;
	int			nconditions = statement->shape.nconditions;
	uint16		varied = VARIED_SAME_KEYS;
	const uint64 *first;

	if (ring_begin(walked) > begin || begin >= end ||
		walked->record_size != WALK_RECORD + nconditions)
		return varied | VARIED_OTHERS | VARIED_OTHER_TABLES | VARIED_DATA |
			(VARIED_CONDITION(nconditions) - 1);
	first = record_of(walked, begin);
	for (uint64 r = begin; r < end; r++)
	{
		const uint64 *record = record_of(walked, r);

		for (int i = 0; i < nconditions; i++)
		{
			if (record[WALK_RECORD + i] != first[WALK_RECORD + i])
				varied |= VARIED_CONDITION(i);
		}
		/* what else is in the values is not told apart */
		if (nconditions != 1 ||
			record[RECORD_ALL] != record[WALK_RECORD])
			varied |= VARIED_OTHERS;
	}
	if (window->changed_at >= place_of(window, first))
		return varied | VARIED_OTHER_TABLES | VARIED_DATA;
	return varied | burst_changed(window, statement, place_of(window, first),
								  place_of(window, record_of(walked, end - 1)));
}

/* Whose rows these are */
static void
set_parent(WalkParent *parent, const WalkRows *rows)
{
	parent->queryid = rows->queryid;
	parent->executions = rows->executions;
	parent->returned = rows->returned;
	parent->shape = rows->shape;
}

/* The walk's rows as parent */
static void
fill_walk(const Walk *walk, const WalkParent *parent, BurstFacts *facts)
{
	facts->keys_compared = walk->compared;
	facts->keys_matched = walk->matched;
	facts->keys_disorder = Min(walk->up, walk->down);
	facts->keys_walked = walk->highest - walk->lowest + 1;
	facts->keys_offered = walk->offered;
	facts->keys_dense = walk->dense;
	facts->keys_unlikely = walk->agreement < 0;
	facts->keys_agree = walk->agreement > 0;
	facts->relationship = walk->link.relationship;
	facts->constraint = walk->link.constraint;
	facts->key_relid = walk->link.key_relid;
	facts->key_attnum = walk->link.key_attnum;
	facts->parent_relid = walk->link.parent_relid;
	facts->parent_attnum = walk->link.parent_attnum;
	facts->parent_queryid = parent->queryid;
	facts->parent_shape = parent->shape;
	facts->parent_executions = parent->executions;
	facts->parent_rows = parent->returned;
}

static void
fill_facts(Window *window, const WindowStatement *statement, BurstFacts *facts)
{
	const WalkStatement *walked = statement->walk;
	uint64		end = end_in_unit(window, statement);
	const Walk *walk;
	UnitRole	role = role_of(window, walked, &walk);

	/* as it is now, if it goes on */
	for (int i = 0; walked->in_unit && i < walked->nwalks; i++)
	{
		if (is_same_walk(&walked->walks[i], &walked->best->walk))
		{
			walk = &walked->walks[i];
			break;
		}
	}
	fill_counts(window, statement, walked->before_unit, end, facts);
	facts->varied = varied_between(window, statement, walked->before_unit, end);
	facts->unit = role;
	if (walked->in_unit)
		fill_walk(walk, &walked->best->parent, facts);
	else if (walk != NULL)
	{
		WalkParent	parent;

		set_parent(&parent, &window->rows->rows[walk->rows]);
		fill_walk(walk, &parent, facts);
	}
	for (int i = 0; i < statement->shape.nconditions &&
		 facts->key_relid == InvalidOid; i++)
	{
		if (statement->counts.varying == 0 ||
			(statement->counts.varying & (1 << i)) != 0)
		{
			facts->key_relid = statement->shape.conditions[i].relid;
			facts->key_attnum = statement->shape.conditions[i].attnum;
		}
	}
}

/* Does the window know it as well as the unit? */
static bool
window_is_surer(Window *window, const WindowStatement *statement,
				const BurstFacts *facts)
{
	BurstFacts	theirs;
	RepeatVerdict ours;
	RepeatVerdict verdict;

	if (statement->serial != window->serial || !window->open ||
		!statement->counts.burst)
		return false;
	window_facts(window, statement, &theirs);
	verdict_decide(&theirs, window->threshold, true, &verdict);
	verdict_decide(facts, window->threshold, true, &ours);
	if (verdict.kind == REPEAT_NONE || verdict.confidence < CONFIDENCE_LIKELY)
		return false;
	if (ours.kind == REPEAT_N_PLUS_ONE && verdict.kind != REPEAT_N_PLUS_ONE)
		return false;
	if (ours.has_parent && verdict.has_parent &&
		verdict.values != VALUES_CONFIRM)
		return false;
	return theirs.executions >= facts->executions;
}

void
units_publish(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;
	BurstFacts	facts;
	RepeatVerdict verdict;
	uint64		executions;

	if (!statement->possible)
		return;
	count_before(window, statement);
	executions = executions_in_unit(window, statement);
	if (executions < window->threshold ||
		executions < walked->published + walked->published / 4)
		return;
	fill_facts(window, statement, &facts);
	verdict_decide(&facts, window->threshold, true, &verdict);
	if (walked->published == 0)
	{
		/* this execution makes a burst of the window: it may be surer */
		if (statement->serial == window->serial &&
			statement->counts.executions + 1 == window->threshold)
			return;
		if (verdict.kind == REPEAT_NONE ||
			window_is_surer(window, statement, &facts))
			return;
		walked->handle =
			window->unit_callback(window->callback_arg, WINDOW_UNIT_BEGINS,
								  &facts, window_handle(window, statement));
		statement->counts.handle = 0;
		statement->counts.taken = statement->covered = true;
		units_settle(window, statement, true);
	}
	else
		(void) window->unit_callback(window->callback_arg,
									 WINDOW_UNIT_GOES_ON, &facts,
									 walked->handle);
	walked->published = executions;
}

/* The statement's burst in the unit has ended */
void
units_end_burst(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;
	BurstFacts	facts;

	if (!statement->covered)
		return;
	statement->covered = false;
	fill_facts(window, statement, &facts);
	(void) window->unit_callback(window->callback_arg, WINDOW_UNIT_ENDS,
								 &facts, walked->handle);
	walked->handle = -1;
	walked->published = 0;
	has_told(walked, walked->before_unit,
			 end_in_unit(window, statement));
}

void
units_settle(Window *window, WindowStatement *statement, bool in_unit)
{
	WalkStatement *walked = statement->walk;
	int			handle = walked->deferred - 1;
	BurstFacts	nothing;

	if (handle < 0)
		return;
	walked->deferred = 0;
	if (!in_unit)
	{
		has_told(walked, walked->deferred_from, walked->deferred_to);
		window->callback(window->callback_arg, NULL, handle);
		return;
	}
	memset(&nothing, 0, sizeof(nothing));
	nothing.queryid = statement->queryid;
	window->callback(window->callback_arg, &nothing, handle);
}

bool
units_defer(Window *window, WindowStatement *statement,
			const BurstFacts *facts)
{
	WalkStatement *walked = statement->walk;
	uint64		from = walked->recorded - Min(statement->counts.executions,
											  walked->recorded);
	RepeatVerdict verdict;

	/* in a unit a burst of the window has none, and reaches nobody */
	if (statement->counts.handle == 0)
		return false;
	verdict_decide(facts, window->threshold, true, &verdict);
	if (verdict.kind == REPEAT_NONE)
		return false;
	units_settle(window, statement, false);
	for (int i = 0; i < walked->nwalks &&
		 verdict.confidence < CONFIDENCE_LIKELY; i++)
	{
		const Walk *walk = &walked->walks[i];

		if (rows_of(window, walk) != NULL && !walk->over && is_match(walk) &&
			walk->agreement >= 0)
		{
			walked->deferred = statement->counts.handle;
			walked->deferred_from = from;
			walked->deferred_to = walked->recorded;
			return true;
		}
	}
	has_told(walked, from, walked->recorded);
	return false;
}

void
window_refresh_units(Window *window)
{
	for (int i = 0; window->unit.id != 0 && i < window->nstatements; i++)
	{
		const WindowStatement *statement = window->statements[i];
		BurstFacts	facts;

		if (!statement->covered)
			continue;
		fill_facts(window, statement, &facts);
		(void) window->unit_callback(window->callback_arg,
									 WINDOW_UNIT_GOES_ON, &facts,
									 statement->walk->handle);
	}
}

void
units_close(Window *window)
{
	if (window->unit.id == 0)
		return;
	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *statement = window->statements[i];

		if (!statement->walked)
			continue;
		units_end_burst(window, statement);
		units_settle(window, statement, false);
	}
	window->unit.id = 0;
}

/* All statements in the unit that have run often enough */
static void
publish_all(Window *window)
{
	for (int i = 0; i < window->nstatements; i++)
	{
		if (window->statements[i]->walked)
			units_publish(window, window->statements[i]);
	}
}

void
units_run(Window *window, WindowStatement *statement, uint64 loose)
{
	if (loose > window->unit.open_until)
	{
		publish_all(window);
		units_close(window);
		return;
	}
	count_before(window, statement);
}

void
units_extend(Window *window, WindowStatement *statement, WalkRows *rows,
			 const Walk *walk)
{
	WalkUnit   *unit = &window->unit;
	WalkStatement *walked = statement->walk;
	uint64		start = walk->first_place;
	uint64		end = walk->last_place;
	bool		wider = false;

	/* the rows' own execution belongs to it, if it was just before */
	if (rows->last_place < start &&
		walk->first_loose - Min(walk->first_loose, rows->last_loose) <= REACH)
		start = rows->last_place;
	else if (rows->last_place >= start && rows->first_place < start &&
			 walk->first_loose - Min(walk->first_loose, rows->first_loose) <= REACH)
		start = rows->first_place;

	if (unit->id != 0 && start > unit->end + 1)
		units_close(window);
	if (unit->id == 0)
	{
		unit->id = ++window->units;
		unit->start = start;
		unit->end = end;
		unit->open_until = 0;
		wider = true;
	}
	else
	{
		if (start < unit->start)
		{
			unit->start = start;
			wider = true;
			for (int i = 0; i < window->nstatements; i++)
			{
				const WindowStatement *other = window->statements[i];

				if (other->walked && other->walk->unit == unit->id)
					other->walk->before_unit =
						Min(other->walk->before_unit,
							first_since(window, other, start));
			}
		}
		unit->end = Max(unit->end, end);
	}
	unit->open_until = Max(unit->open_until, window->position + 1 -
						   window->steps + Max(TAIL, longest_step(walk)));
	count_before(window, statement);
	if (walked->best == NULL)
		walked->best = window_take(window, sizeof(UnitWalk));
	if (walked->best != NULL &&
		(!walked->in_unit || walked->best->walk.serial != walk->serial ||
		 walked->best->walk.proof < walk->proof))
	{
		walked->best->walk = *walk;
		set_parent(&walked->best->parent, rows);
		walked->in_unit = true;
	}
	if (wider)
		publish_all(window);
}

void
units_take_back(Window *window, WindowStatement *statement)
{
	WalkStatement *walked = statement->walk;

	walked->in_unit = false;
	if (statement->covered)
	{
		BurstFacts	facts;

		fill_counts(window, statement, walked->recorded, walked->recorded, &facts);
		(void) window->unit_callback(window->callback_arg, WINDOW_UNIT_ENDS,
									 &facts, walked->handle);
		statement->covered = false;
		walked->handle = -1;
		walked->published = 0;
	}

	/* a unit that nothing else proves is none */
	for (int i = 0; i < window->nstatements; i++)
	{
		const WindowStatement *other = window->statements[i];

		if (other->walked && other->walk->unit == window->unit.id &&
			other->walk->in_unit)
			return;
	}
	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *other = window->statements[i];

		if (other->walked && other->covered)
		{
			BurstFacts	facts;

			fill_counts(window, other, 0, 0, &facts);
			(void) window->unit_callback(window->callback_arg, WINDOW_UNIT_ENDS,
										 &facts, other->walk->handle);
			other->covered = false;
			other->walk->handle = -1;
		}
	}
	window->unit.id = 0;
}

void
units_suspect(Window *window, WindowStatement *statement, const Walk *walk)
{
	BurstFacts	facts;
	WalkParent	parent;
	uint64		begin = first_since(window, statement, walk->first_place);
	uint64		end = first_since(window, statement, walk->last_place + 1);
	int			handle;

	if (walk->distinct < window->threshold ||
		untold(statement->walk, begin, end) < window->threshold ||
		walk->matched * 10 < walk->compared * 9 || walk->agreement < 0 ||
		rows_of(window, walk) == NULL ||
		statement->covered || !statement->possible ||
		(statement->serial == window->serial && statement->counts.burst))
		return;
	fill_counts(window, statement, begin, end, &facts);
	facts.unit = UNIT_SUSPECTED;
	set_parent(&parent, &window->rows->rows[walk->rows]);
	fill_walk(walk, &parent, &facts);
	handle = window->unit_callback(window->callback_arg, WINDOW_UNIT_BEGINS,
								   &facts, -1);
	(void) window->unit_callback(window->callback_arg, WINDOW_UNIT_ENDS,
								 &facts, handle);
	has_told(statement->walk, begin, end);
	units_settle(window, statement, true);
}

/*-------------------------------------------------------------------------
 *
 * burst.c
 *		Facts of a burst: the statement's own, its parent, and the company it
 *		keeps.
 *
 * The parent is looked for once, at the threshold, because the schema may be
 * asked then; what was found is kept with the statement.
 *
 * src/detector/burst.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/window_run.h"

/* Statements considered as parent of a burst, most recent first */
#define MAX_CANDIDATES		16

/* Statements of a burst's cycle whose parents are looked for with its own */
#define MAX_CYCLE_LOOKUPS	4

/* Values that no requests ask for in order, one after another */
#define LONG_WALK			8

/* A parent's parent's parent: no deeper */
#define MAX_LEVELS			8

/* The entry of the parent, if it still holds that statement's counts */
static const WindowStatement *
entry_of(const Window *window, const WindowParent *parent)
{
	const WindowStatement *entry = window->statements[parent->index];

	if (entry->queryid != parent->queryid || entry->serial != window->serial)
		return NULL;
	return entry;
}

/*
 * Is the column that leads from the parent to the statement compared with a
 * value that varies?  At the threshold none may have varied yet.
 */
static bool
link_varies(const WindowStatement *statement, const StatementLink *link)
{
	if (link->grade == LINK_NONE)
		return statement->counts.varying != 0;
	for (int i = 0; i < statement->shape.nconditions; i++)
	{
		const ShapeCondition *condition = &statement->shape.conditions[i];

		if (condition->relid == link->key_relid &&
			condition->attnum == link->key_attnum &&
			(statement->counts.varying & (1U << i)) != 0)
			return true;
	}
	return false;
}

/* ----------
 * The parent
 * ----------
 */

/* When a candidate ran last before the child first did, as far as known */
static inline uint64
recency(const WindowStatement *candidate, const WindowStatement *child)
{
	return candidate->counts.last_end <= child->counts.first_start ?
		candidate->counts.last_end : candidate->counts.first_end;
}

/*
 * The SELECTs of the window that returned two rows or more and had first ended
 * when the child first began, most recent first.
 */
static int
find_candidates(const Window *window, const WindowStatement *child,
				const WindowStatement **candidates)
{
	int			ncandidates = 0;

	for (int i = 0; i < window->nstatements; i++)
	{
		const WindowStatement *statement = window->statements[i];
		int			place;

		if (!has_run(window, statement) ||
			statement->queryid == child->queryid ||
			statement->shape.command != SHAPE_SELECT ||
			statement->counts.rows < 2 ||
			statement->counts.first_end > child->counts.first_start)
			continue;

		for (place = ncandidates; place > 0; place--)
		{
			if (recency(candidates[place - 1], child) >=
				recency(statement, child))
				break;
			if (place < MAX_CANDIDATES)
				candidates[place] = candidates[place - 1];
		}
		if (place < MAX_CANDIDATES)
		{
			candidates[place] = statement;
			ncandidates = Min(ncandidates + 1, MAX_CANDIDATES);
		}
	}
	return ncandidates;
}

static void
set_parent(WindowParent *parent, const WindowStatement *child,
		   const WindowStatement *entry, const StatementLink *link)
{
	uint64		transaction = child->counts.first_transaction;

	parent->queryid = entry->queryid;
	parent->index = entry->index;
	parent->executions = entry->counts.executions;
	parent->rows = entry->counts.rows;
	parent->shares_transaction =
		entry->counts.first_transaction == transaction ||
		entry->counts.last_transaction == transaction;
	parent->shape = entry->shape;
	parent->link = *link;
}

/* Is there a place for the statement's parent?  It is made if not. */
static bool
make_parent(Window *window, WindowStatement *statement)
{
	WindowDetail *detail = statement->detail;

	if (detail == NULL && !window_make_detail(window, statement))
		return false;
	detail = statement->detail;
	if (detail->parent == NULL)
		detail->parent = window_take(window, sizeof(WindowParent));
	return detail->parent != NULL;
}

/*
 * Looks for the parent of a statement.
 *
 * Any candidate that a foreign key leads from is better than one that only
 * returned as many rows as the child ran; for that to mean something nothing
 * else may have returned rows in a row before the child began.
 * (What was itself repeated as often is another child, interleaved.)
 */
static void
find_parent(Window *window, Relater *relater, WindowStatement *child,
			WindowParent *parent)
{
	WindowCounts *counts = &child->counts;
	const WindowStatement *candidates[MAX_CANDIDATES];
	const WindowStatement *best = NULL;
	const WindowStatement *recent = NULL;
	int			nrecent = 0;
	StatementLink best_link;
	StatementLink link;
	int			best_score = 0;
	int			ncandidates;
	uint32		varying = counts->varying;

	counts->related = true;
	parent->queryid = 0;
	parent->nvalue_links = 0;

	if (child->shape.nconditions == 0)
		return;
	if (varying == 0)
		varying = ~0U;			/* not known yet which will vary */
	else
	{
		child->is_membership = relate_is_membership(relater, &child->shape,
													varying);
		counts->same_row = relate_same_row(relater, &child->shape, varying);
		if (counts->same_row && !child->is_membership)
			return;
	}
	if (child->shape.command != SHAPE_SELECT)
		return;

	ncandidates = find_candidates(window, child, candidates);
	for (int i = 0; i < ncandidates; i++)
	{
		const WindowStatement *candidate = candidates[i];
		int			score;

		relate_statements(relater, &child->shape, varying, &candidate->shape,
						  &link);
		if (candidate->counts.max_rows >= 2 && !link.left_out &&
			candidate->counts.executions <= counts->executions / 2 &&
			nrecent++ == 0)
			recent = candidate;
		if (link.grade == LINK_NONE)
			continue;
		score = 2 * link.grade;
		if (candidate->counts.rows >= counts->executions)
			score += 2 * LINK_KEY;
		if (candidate->counts.executions <= counts->executions / 2)
			score++;
		if (score > best_score)
		{
			best_score = score;
			best = candidate;
			best_link = link;
		}
	}

	/*
	 * A tree: the rows that the statement itself returned lead to it again,
	 * one execution for each, and one for the root.
	 */
	if (best == NULL && counts->rows >= 2 &&
		counts->rows + 1 >= counts->executions)
	{
		relate_statements(relater, &child->shape, varying, &child->shape,
						  &best_link);
		if (best_link.relationship == RELATIONSHIP_ONE_TO_MANY &&
			best_link.constraint != InvalidOid &&
			best_link.key_relid == best_link.parent_relid &&
			best_link.key_attnum != best_link.parent_attnum)
			best = child;
	}

	/* does that row belong to each of the parent's?  Its number says nothing */
	if (counts->same_row)
	{
		nrecent = 0;
		if (best != NULL && best_link.constraint == InvalidOid)
			best = NULL;
	}

	if (best == NULL && nrecent == 1)
	{
		best = recent;
		memset(&best_link, 0, sizeof(best_link));
		if (child->shape.flags & SHAPE_AGGREGATE_ONLY)
			best_link.relationship = RELATIONSHIP_COUNT_OR_EXISTS;
	}

	if (best != NULL)
		set_parent(parent, child, best, &best_link);
	values_relate(window, relater, child, varying, candidates, ncandidates,
				  parent);
	counts->same_row = counts->same_row && best == NULL &&
		parent->nvalue_links == 0;
}

/*
 * Has the rows of the statements collected, from their next window on, that may
 * be the parent: the one it was taken for, and those that returned as many rows
 * as the child has run without having run as often themselves.
 */
static void
arm_candidates(Window *window, const WindowStatement *child,
			   const BurstFacts *facts)
{
	const WindowStatement *candidates[MAX_CANDIDATES];
	RepeatVerdict verdict;
	uint64		taken_for = 0;
	int			ncandidates;
	int			armed = 0;
	bool		all_armed = true;

	if (window->armed == NULL || child->shape.command != SHAPE_SELECT ||
		(facts->distinct_keys < 2 && !facts->is_membership) || facts->batched)
		return;

	ncandidates = find_candidates(window, child, candidates);
	for (int i = 0; i < ncandidates; i++)
		all_armed = all_armed && is_armed(window, candidates[i]);
	if (all_armed)
		return;

	verdict_decide(facts, window->threshold, false, &verdict);
	if (verdict.has_parent)
		taken_for = facts->parent_queryid;
	for (int i = 0; i < ncandidates && armed < WINDOW_MAX_KEYSETS; i++)
	{
		const WindowCounts *counts = &candidates[i]->counts;

		if (candidates[i]->queryid == taken_for ||
			(counts->max_rows >= 2 &&
			 counts->rows >= child->counts.executions &&
			 counts->executions <= child->counts.executions / 2))
		{
			arm(window, candidates[i]);
			window->statements[candidates[i]->index]->counts.armed = true;
			armed++;
		}
	}
}

/* ----------
 * Company
 * ----------
 */

/* Did "other" run between the first and the last execution of "statement"? */
static inline bool
runs_among(const WindowStatement *other, const WindowStatement *statement)
{
	return other->queryid != statement->queryid &&
		other->counts.last_end > statement->counts.first_start &&
		other->counts.first_start < statement->counts.last_end;
}

/* Executions of all other statements in that time */
static inline uint64
executions_among(const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;
	uint64		all = counts->last_position - counts->first_position + 1;

	return all > counts->executions ? all - counts->executions : 0;
}

/* Distinct values of all executions */
static inline uint64
estimate(const ValueSet *set, const WindowCounts *counts)
{
	return valueset_estimate(valueset_count(set, counts->hashed),
							 counts->hashed, counts->executions);
}

/*
 * The statement whose rows this one walks over, as so many of their values show;
 * NULL if none is known
 */
static const WindowStatement *
parent_by_values(Window *window, const WindowStatement *statement,
				 int *nmatched)
{
	WindowDetail *detail = statement->detail;
	const WindowStatement *owner;
	const ValueLink *link;
	BurstFacts	facts;

	if (!statement->counts.related || detail->parent->nvalue_links == 0)
		return NULL;
	owner = values_compare(window, statement, detail, &link, &facts);
	if (owner == NULL || !verdict_walks(&facts))
		return NULL;
	*nmatched = facts.keys_matched;
	return owner;
}

/* By a foreign key, or by one of several */
static inline bool
leads_by_key(const StatementLink *link)
{
	return link->constraint != InvalidOid ||
		(link->grade == LINK_POSSIBLE && link->parent_attnum == 0 &&
		 link->relationship == RELATIONSHIP_MANY_TO_ONE);
}

/*
 * Was the statement repeated because a statement that came clearly more rarely
 * returned rows, which a foreign key leads from, or which it walks over; or
 * because one did that is itself explained so?  *walks: its own values show it,
 * by many enough of them.
 */
static bool
is_explained(Window *window, const WindowStatement *statement, bool *walks)
{
	*walks = false;
	for (int level = 0; level < MAX_LEVELS; level++)
	{
		const WindowDetail *detail = statement->detail;
		const WindowCounts *counts = &statement->counts;
		int			nmatched;
		const WindowStatement *parent = parent_by_values(window, statement,
														 &nmatched);
		uint64		rows;

		if (parent != NULL)
		{
			if (parent->counts.executions <= counts->executions / 2)
			{
				*walks = level == 0 && nmatched >= LONG_WALK &&
					parent->counts.executions <=
					counts->executions / window->threshold;
				return true;
			}
			statement = parent;
			continue;
		}
		if (!counts->related || detail->parent->queryid == 0 ||
			!leads_by_key(&detail->parent->link) ||
			!link_varies(statement, &detail->parent->link))
			return false;
		parent = entry_of(window, detail->parent);
		if (parent == NULL || parent == statement)
			return false;

		/* keys that the parent cannot have returned came from elsewhere */
		rows = parent->counts.rows;
		if (detail->parent->link.key_relid == detail->parent->link.parent_relid)
			rows += counts->rows;
		if (estimate(keys_of(statement, detail), counts) > 3 * rows)
			return false;

		if (parent->counts.executions <= counts->executions / 2)
			return true;
		statement = parent;
	}
	return false;
}

/*
 * Fills in who else came as often as the statement while it was repeated: the
 * others of a cycle, if it is one.  "As often" is at least half as often, but
 * of the parent so often that fewer executions followed each of its own than
 * make a burst.  Statements of which each came more rarely count for one if
 * together they came as often: every request of a pooled connection may have a
 * beginning of its own.
 */
static void
fill_cycle(Window *window, const WindowStatement *statement,
		   BurstFacts *facts)
{
	uint64		executions = statement->counts.executions;
	uint64		half = (executions + 1) / 2;
	uint64		among = executions_among(statement);
	uint64		explained = 0;
	uint64		parent_queryid = facts->parent_queryid;

	facts->others = among;
	if (among < half && facts->parent_executions < 2)
		return;

	for (int i = 0; i < window->nstatements; i++)
	{
		const WindowStatement *other = window->statements[i];
		bool		member;
		bool		walks;

		if (!has_run(window, other) || !runs_among(other, statement))
			continue;
		member = (among >= half && other->counts.executions >= half) ||
			(other->queryid == parent_queryid &&
			 other->counts.executions > 1 &&
			 other->counts.executions > executions / window->threshold);
		if (is_explained(window, other, &walks))
			explained += other->counts.executions;
		else if (member)
			facts->cycle_unexplained++;
		if (member)
			facts->cycle_members++;
		if (member && walks)
			facts->cycle_walks++;
	}

	if (facts->cycle_unexplained == 0 && among > explained &&
		among - explained >= half)
	{
		facts->cycle_members++;
		facts->cycle_unexplained++;
	}
}

/*
 * Looks for parents of those who came about as often so far and are not past
 * the threshold themselves.
 */
static void
relate_cycle(Window *window, Relater *relater,
			 const WindowStatement *statement)
{
	uint64		half = (statement->counts.executions + 1) / 2;
	int			lookups = 0;

	if (executions_among(statement) < half)
		return;

	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *other = window->statements[i];

		if (!has_run(window, other) || other->counts.related ||
			!other->possible || other->shape.command != SHAPE_SELECT ||
			other->counts.executions < Max(half, 2) ||
			!runs_among(other, statement))
			continue;
		if (lookups++ == MAX_CYCLE_LOOKUPS)
			break;
		if (!make_parent(window, other))
			break;
		find_parent(window, relater, other, other->detail->parent);
	}
}

/* ----------
 * Facts
 * ----------
 */

static void
fill_parent(const Window *window, const WindowParent *parent,
			BurstFacts *facts)
{
	const WindowStatement *entry = entry_of(window, parent);

	facts->parent_queryid = parent->queryid;
	facts->parent_shape = parent->shape;
	facts->parent_executions = entry ? entry->counts.executions :
		parent->executions;
	facts->parent_rows = entry ? entry->counts.rows : parent->rows;
	facts->parent_transactions_shared = parent->shares_transaction ? 1 : 0;
	facts->relationship = parent->link.relationship;
	facts->constraint = parent->link.constraint;
	facts->key_relid = parent->link.key_relid;
	facts->key_attnum = parent->link.key_attnum;
	facts->parent_relid = parent->link.parent_relid;
	facts->parent_attnum = parent->link.parent_attnum;
}

static inline uint64
distinct_keys(const BurstFacts *facts, uint64 distinct)
{
	if (facts->shape.nconditions == 0)
		return 0;
	return facts->same_row ? Min(distinct, 1) : distinct;
}

static bool
shares_tables(const StatementShape *a, const StatementShape *b)
{
	for (int i = 0; i < a->nrelations; i++)
	{
		for (int j = 0; j < b->nrelations; j++)
		{
			if (a->relations[i] == b->relations[j])
				return true;
		}
	}
	return false;
}

/* May what "writer" did have changed what "statement" reads or writes? */
static bool
may_change(const WindowStatement *writer, const WindowStatement *statement)
{
	return writer->counts.wrote_within ||
		writer->shape.command == SHAPE_OTHER ||
		(writer->shape.flags & SHAPE_WRITES_OTHERS) != 0 ||
		((writer->shape.flags | statement->shape.flags) &
		 SHAPE_INCOMPLETE) != 0 ||
		shares_tables(&writer->shape, &statement->shape);
}

uint16
burst_changed(const Window *window, const WindowStatement *statement,
			  uint64 first, uint64 last)
{
	uint16		result = 0;

	for (int i = 0; i < window->nstatements; i++)
	{
		const WindowStatement *other = window->statements[i];
		const WindowCounts *counts = &other->counts;

		if (other->queryid == statement->queryid ||
			!(other->writes || counts->wrote_within) ||
			counts->executions == 0 || counts->last_position < first ||
			(other->serial == window->serial && counts->first_position > last))
			continue;
		result |= VARIED_OTHER_TABLES;
		if (may_change(other, statement))
			result |= VARIED_DATA;
	}
	return result;
}

/* The same of all executions of a burst of the window */
static uint16
changed_between(const Window *window, const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;

	if (counts->first_written == window->written &&
		counts->first_changes == window->changes)
		return 0;
	if (counts->changed_after > 0 && counts->changed_after < counts->executions)
		return VARIED_OTHER_TABLES | VARIED_DATA;
	return burst_changed(window, statement, counts->first_position,
						 counts->last_position);
}

static uint16
varied(const Window *window, const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;
	uint16		result = counts->varying | changed_between(window, statement);

	if (counts->others_vary || counts->hashed == 0 ||
		(counts->keys_apart && counts->hashed < counts->executions))
		result |= VARIED_OTHERS;

	/* which of several may be others in what was not looked at? */
	if (statement->shape.nconditions > 1 &&
		counts->hashed < counts->executions)
		result |= VARIED_CONDITION(statement->shape.nconditions) - 1;
	if (statement->shape.command != SHAPE_UPDATE || counts->same_keys ||
		counts->hashed < counts->executions ||
		statement->shape.nconditions == 0)
		result |= VARIED_SAME_KEYS;
	return result;
}

void
window_progress(const Window *window, const WindowStatement *statement,
				BurstProgress *progress)
{
	const WindowCounts *counts = &statement->counts;
	const WindowDetail *detail = statement->detail;

	window_grow(statement, &progress->growth);
	progress->most_in_one = window_most_in_one(statement);
	progress->hashed = counts->hashed;
	progress->distinct_values = valueset_count(&detail->all, counts->hashed);
	progress->distinct_keys = valueset_count(keys_of(statement, detail),
											 counts->hashed);
	progress->varied = varied(window, statement);
}

void
window_advance(BurstFacts *facts, const BurstProgress *progress)
{
	const BurstGrowth *growth = &progress->growth;

	if (growth->executions <= facts->executions)
		return;
	facts->executions = growth->executions;
	facts->rows = growth->rows;
	facts->transactions = growth->transactions;
	facts->most_in_one = progress->most_in_one;
	facts->exec_time = growth->exec_time;
	facts->wall_time = growth->wall_time;
	facts->last_end = growth->last_end;
	facts->distinct_values =
		valueset_estimate(progress->distinct_values, progress->hashed,
						  growth->executions);
	facts->distinct_keys =
		distinct_keys(facts, valueset_estimate(progress->distinct_keys,
											   progress->hashed,
											   growth->executions));
	facts->varied = progress->varied;
}

static void
fill_facts(Window *window, const WindowStatement *statement,
		   WindowDetail *detail, BurstFacts *facts)
{
	const WindowCounts *counts = &statement->counts;

	memset(facts, 0, sizeof(BurstFacts));
	facts->queryid = statement->queryid;
	facts->shape = statement->shape;
	facts->executions = counts->executions;
	facts->rows = counts->rows;
	facts->transactions = counts->transactions;
	facts->most_in_one = window_most_in_one(statement);
	facts->in_blocks = counts->in_blocks;
	facts->exec_time = counts->exec_time;
	facts->wall_time = counts->wall_time;
	facts->first_start = counts->first_start;
	facts->last_end = counts->last_end;
	facts->batched = counts->batched;
	facts->one_piece = window_is_one_piece(window);

	facts->same_row = counts->same_row;
	facts->is_membership = statement->is_membership;
	facts->varied = varied(window, statement);
	facts->distinct_values = estimate(&detail->all, counts);
	facts->distinct_keys = distinct_keys(facts, estimate(keys_of(statement, detail),
														 counts));
	facts->duplicates = counts->duplicates;
	facts->rereads = counts->rereads;
	if (counts->hashed > 0 && counts->executions > counts->hashed + 1)
		facts->duplicates = (uint64) ((double) facts->duplicates *
									  (double) counts->executions /
									  (double) counts->hashed);
	facts->max_offset = counts->max_offset;
	facts->offset_steps = counts->offset_steps;

	/* what holds for all hashed executions is presumed of the first one */
	if (counts->hashed > 1 && counts->executions > counts->hashed)
	{
		if (facts->distinct_values == 1 &&
			counts->first_written == counts->hashed_written)
			facts->duplicates++;
		if (counts->offset_steps == counts->hashed - 1)
			facts->offset_steps++;
	}

	if (counts->related)
	{
		const WindowStatement *owner = NULL;
		const ValueLink *values;
		WindowParent parent;

		if (detail->parent->nvalue_links > 0)
			owner = values_compare(window, statement, detail, &values, facts);
		if (owner != NULL)
		{
			set_parent(&parent, statement, owner, &values->link);
			fill_parent(window, &parent, facts);
		}
		else if (detail->parent->queryid != 0 &&
				 link_varies(statement, &detail->parent->link))
			fill_parent(window, detail->parent, facts);
	}
	for (int i = 0; i < statement->shape.nconditions &&
		 facts->key_relid == InvalidOid; i++)
	{
		if (counts->varying & (1 << i))
		{
			facts->key_relid = statement->shape.conditions[i].relid;
			facts->key_attnum = statement->shape.conditions[i].attnum;
		}
	}
	if (counts->transactions > 1 && !facts->one_piece)
		fill_cycle(window, statement, facts);
}

void
window_facts(Window *window, const WindowStatement *statement,
			 BurstFacts *facts)
{
	static WindowDetail nothing;	/* of one whose values are not looked at */

	fill_facts(window, statement,
			   statement->detail ? statement->detail : &nothing, facts);
}

int
window_other_columns(const WindowStatement *statement, Oid *relids,
					 AttrNumber *attnums, int max)
{
	const WindowDetail *detail = statement->detail;
	int			n = 0;

	if (!statement->counts.related || detail == NULL ||
		detail->parent->nvalue_links < 2)
		return 0;
	for (; n < Min(detail->parent->nvalue_links, max); n++)
	{
		const StatementLink *link = &detail->parent->value_links[n].link;

		relids[n] = link->parent_relid;
		attnums[n] = link->parent_attnum;
	}
	return n;
}

/* What counting an execution changes, or reads */
static void
copy_counted(const WindowStatement *statement, const WindowDetail *from,
			 WindowDetail *to)
{
	to->values = from->values;
	memcpy(to->first_conditions, from->first_conditions,
		   sizeof(to->first_conditions));
	to->first_others = from->first_others;
	to->last_key = from->last_key;
	to->last_offset = from->last_offset;
	to->parent = from->parent;
	to->order = from->order;
	to->order_conditions = from->order_conditions;
	if (statement->counts.hashed > 0)
		valueset_copy(&to->all, &from->all);
	if (statement->counts.keys_apart)
		valueset_copy(&to->keys, &from->keys);
}

void
window_threshold(Window *window, WindowStatement *statement, BurstFacts *facts)
{
	WindowCounts *counts = &statement->counts;
	WindowDetail *detail = statement->detail;
	WindowStatement copy = *statement;
	WindowDetail detail_copy;
	ValueSetMany all;
	ValueSetMany keys;

	detail_copy.all = (ValueSet)
	{
		.hashes = all.hashes,.marks = all.marks,
			.room = WINDOW_MAX_VALUES
	};
	detail_copy.keys = (ValueSet)
	{
		.hashes = keys.hashes,.marks = keys.marks,
			.room = WINDOW_MAX_VALUES
	};
	copy_counted(&copy, detail, &detail_copy);

	if (copy.counts_as_one)
		window_count_execution(window, &copy, &detail_copy,
							   window->position + 1);
	detail->order = detail_copy.order;
	detail->order_conditions = detail_copy.order_conditions;
	copy.counts.last_end = Max(copy.counts.last_end, copy.start);

	/* once, even if this execution fails and another one gets here */
	if (!counts->threshold_asked)
	{
		Relater		relater;

		relate_init(&relater, &window->schema);
		if (make_parent(window, statement))
		{
			detail_copy.parent = detail->parent;
			find_parent(window, &relater, &copy, detail->parent);
			counts->related = true;
			counts->same_row = copy.counts.same_row;
			statement->is_membership = copy.is_membership;
		}
		counts->threshold_asked = true;

		if (copy.counts.transactions > 1 && !window_is_one_piece(window))
			relate_cycle(window, &relater, &copy);
		fill_facts(window, &copy, &detail_copy, facts);
		arm_candidates(window, &copy, facts);
		return;
	}

	/* the one that failed, and its key, do not count */
	for (int i = 0; counts->related && i < detail->parent->nvalue_links; i++)
		memset(&detail->parent->value_links[i].match, 0, sizeof(KeyMatch));
	fill_facts(window, &copy, &detail_copy, facts);
}

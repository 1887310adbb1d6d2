/*-------------------------------------------------------------------------
 *
 * values.c
 *		Which rows the values of a repeated statement came from.
 *
 * A statement that was taken for a parent once has the values collected that
 * it returns from then on (window_collect).  When a burst begins, the keys that
 * it asked for so far are looked up in every column of every candidate for its
 * parent.  A column is the better, in this order,
 *
 *	- if (almost) all keys are among its values;
 *	- if a key of the schema leads through it;
 *	- if the schema does not speak against it, or its values are more than
 *	  small integers;
 *	- if the keys came in the order of its rows.
 *
 * The best few are compared again whenever facts are asked for, with all keys
 * that have come until then: small integers are values of many a column, and
 * five of them may be found in the wrong one.
 *
 * src/detector/values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/window_internal.h"

/*
 * Looks up, in the column of a link, the keys that were asked for since this
 * was last done
 */
static void
match_keys(Window *window, const WindowStatement *child, ValueLink *link)
{
	KeySet	   *rows = &window->keysets[link->keyset].rows;
	const KeyColumn *column = NULL;
	KeyMatch   *match = &link->match;
	const WindowDetail *detail = child->detail;
	const uint64 *key;
	uint8		classes = rows->columns[link->column].classes;
	uint8		asked = 0;
	uint64		last_hash = match->last_hash;
	int			nkeys = child->counts.nkeys;
	int			compared = match->compared;
	int			last = match->last;

	if (match->nkeys >= nkeys)
		return;
	key = &detail->order[match->nkeys * detail->order_conditions +
						 link->condition];
	for (int n = match->nkeys; n < nkeys; n++, key += detail->order_conditions)
	{
		uint64		hash = *key;
		int			row;

		/* it was another condition's value that changed */
		if (n > 0 && hash == last_hash)
			continue;
		last_hash = hash;
		compared++;
		asked |= KEYHASH_CLASS(hash);
		if ((classes & KEYHASH_CLASS(hash)) == 0)
			continue;
		if (column == NULL)
			column = keyset_column(rows, link->column);
		row = keyset_find(column, hash);
		if (row < 0)
			continue;
		if (match->matched++ == 0)
			match->first = match->furthest = row;
		else if (row > last)
		{
			match->up++;
			match->furthest = Max(match->furthest, row);
		}
		else
		{
			match->down++;
			match->first = Min(match->first, row);
		}
		last = row;
	}
	rows->asked |= asked;
	match->nkeys = Max(match->nkeys, nkeys);
	match->compared = compared;
	match->last_hash = last_hash;
	match->last = last;
}

static inline int
disorder(const KeyMatch *match)
{
	return Min(match->up, match->down);
}

/* Values of the column from the first row on, or from the last one back */
static int
walked(KeySet *rows, const ValueLink *link)
{
	const KeyMatch *match = &link->match;
	const KeyColumn *column;

	if (match->matched == 0)
		return 0;
	column = keyset_column(rows, link->column);
	if (match->down > match->up)
		return column->ndistinct - column->seen[match->first] + 1;
	return column->seen[match->furthest];
}

/* Are (almost) all keys values of the column? */
static inline bool
is_match(const KeyMatch *match)
{
	return match->matched >= 2 && match->matched * 10 >= match->compared * 9;
}

static int
score(Window *window, const ValueLink *link)
{
	const KeyMatch *match = &link->match;
	KeySet	   *rows = &window->keysets[link->keyset].rows;
	int			points = (is_match(match) ? 32 : 0) +
	(link->linked ? 16 : 0) +
	(link->unlikely && keyset_is_dense(rows, link->column) ? 0 : 8) +
	(disorder(match) * 10 <= match->matched ? 4 : 0) +
	(link->exact ? 2 : 0) +
	(2 * match->matched >= walked(rows, link) ? 1 : 0);

	return points * (WINDOW_MAX_VALUES + 1) + match->matched;
}

/*
 * What the columns are to each other, where no key leads from one to the other.
 * The schema is asked only about columns that come into question.
 */
static void
link_values(Relater *relater, const WindowStatement *child,
			const ShapeCondition *condition, const StatementShape *parent,
			const KeyColumn *column, bool ask, ValueLink *link)
{
	bool		unlikely = false;

	memset(&link->link, 0, sizeof(StatementLink));
	link->link.key_relid = condition->relid;
	link->link.key_attnum = condition->attnum;
	link->link.parent_relid = column->relid;
	link->link.parent_attnum = column->attnum;
	link->unlikely = !ask;
	if (ask && condition->attnum != 0 && column->attnum != 0)
	{
		StatementLink related;
		ColumnAgreement agreement;

		agreement = relate_agreement(relater, &child->shape, link->condition,
									 parent, column->relid, column->attnum,
									 &related);
		link->unlikely = agreement < 0;
		link->agrees = agreement > 0;
		if (related.constraint != InvalidOid)
		{
			link->link = related;
			link->link.grade = LINK_KEY;
			link->linked = link->exact = true;
			return;
		}
		link->link.relationship =
			relate_values(relater, condition->relid, condition->attnum,
						  column->relid, column->attnum, &unlikely);
		if (related.relationship == RELATIONSHIP_DEFERRED_COLUMN)
			link->link.relationship = related.relationship;
		link->unlikely = link->unlikely || unlikely;
	}
	if (child->shape.flags & SHAPE_AGGREGATE_ONLY)
		link->link.relationship = RELATIONSHIP_COUNT_OR_EXISTS;
}

/* Keeps a link among the best, if it is one of them */
static void
keep_link(WindowParent *parent, int *scores, const ValueLink *link, int points)
{
	int			place;

	for (place = parent->nvalue_links; place > 0; place--)
	{
		if (scores[place - 1] >= points)
			break;
		if (place < MAX_VALUE_LINKS)
		{
			scores[place] = scores[place - 1];
			parent->value_links[place] = parent->value_links[place - 1];
		}
	}
	if (place < MAX_VALUE_LINKS)
	{
		scores[place] = points;
		parent->value_links[place] = *link;
		parent->nvalue_links = Min(parent->nvalue_links + 1, MAX_VALUE_LINKS);
	}
}

/* Compares with the rows of one candidate */
static void
relate_rows(Window *window, Relater *relater, const WindowStatement *child,
			uint32 varying, const WindowStatement *candidate, WindowParent *parent,
			int *scores)
{
	WindowKeySet *keyset = &window->keysets[candidate->counts.keyset - 1];
	StatementLink link;

	keyset->asked = true;
	if (candidate->queryid == parent->queryid &&
		parent->link.grade != LINK_NONE)
		link = parent->link;
	else
		relate_statements(relater, &child->shape, varying, &candidate->shape,
						  &link);
	for (int i = 0; i < child->shape.nconditions; i++)
	{
		const ShapeCondition *condition = &child->shape.conditions[i];

		/* of some values only the text is known, not what equals it */
		if (((varying & ~child->counts.opaque) & (1U << i)) == 0 ||
			condition->value_class == SHAPE_CLASS_OTHER)
			continue;
		for (int j = 0; j < keyset->rows.ncolumns; j++)
		{
			const KeyColumn *column = &keyset->rows.columns[j];
			ValueLink	values;

			memset(&values, 0, sizeof(values));
			values.keyset = candidate->counts.keyset - 1;
			values.column = j;
			values.condition = i;
			values.linked = link.grade == LINK_KEY &&
				link.key_relid == condition->relid &&
				link.key_attnum == condition->attnum &&
				(column->attnum == 0 ||
				 (link.parent_relid == column->relid &&
				  link.parent_attnum == column->attnum));
			values.exact = values.linked && column->attnum != 0;
			values.link = link;
			match_keys(window, child, &values);
			if (!values.linked)
			{
				if (!is_match(&values.match) &&
					candidate->queryid != parent->queryid)
					continue;
				link_values(relater, child, condition, &candidate->shape,
							column, is_match(&values.match), &values);
			}
			keep_link(parent, scores, &values, score(window, &values));
		}
	}
}

void
values_relate(Window *window, Relater *relater, const WindowStatement *child,
			  uint32 varying, const WindowStatement *const *candidates, int ncandidates,
			  WindowParent *parent)
{
	int			scores[MAX_VALUE_LINKS];

	parent->nvalue_links = 0;
	if (window->nkeysets == 0 || child->counts.nkeys < 2 ||
		(child->shape.flags & SHAPE_ROW_LOCKS))
		return;
	for (int i = 0; i < ncandidates; i++)
	{
		/* a key leads from rows that nobody looked at */
		if (candidates[i]->queryid == parent->queryid &&
			candidates[i]->counts.keyset == 0 &&
			parent->link.grade == LINK_KEY)
			return;
	}
	for (int i = 0; i < ncandidates; i++)
	{
		if (candidates[i]->counts.keyset != 0)
			relate_rows(window, relater, child, varying,
						candidates[i], parent, scores);
	}

	/* where some match, they come first, and the others will not */
	if (parent->nvalue_links > 0 && is_match(&parent->value_links[0].match))
	{
		while (!is_match(&parent->value_links[parent->nvalue_links - 1].match))
			parent->nvalue_links--;
	}
}

/*
 * May values that were not found be in rows that were too many to be kept?  If
 * most are kept, some would have been found.
 */
static bool
may_be_left_out(const KeySet *rows, const WindowStatement *parent,
				const KeyMatch *match)
{
	return rows->nrows == KEYSET_MAX_ROWS &&
		parent->counts.max_rows > KEYSET_MAX_ROWS &&
		(match->matched > 0 || parent->counts.max_rows > 2 * KEYSET_MAX_ROWS);
}

const WindowStatement *
values_compare(Window *window, const WindowStatement *child,
			   WindowDetail *detail, const ValueLink **link,
			   BurstFacts *facts)
{
	WindowParent *parent = detail->parent;
	const WindowStatement *best = NULL;
	const ValueLink *best_link = NULL;
	const KeyMatch *match;
	KeySet	   *rows;
	int			best_score = -1;

	for (int i = 0; i < parent->nvalue_links; i++)
	{
		ValueLink  *values = &parent->value_links[i];
		const WindowKeySet *keyset = &window->keysets[values->keyset];
		const WindowStatement *owner = window->statements[keyset->owner];
		int			points;

		if (!is_of_window(window, owner, keyset->queryid) ||
			(child->counts.opaque & (1U << values->condition)) != 0)
			continue;
		match_keys(window, child, values);

		/* what does not match speaks of the parent that it was taken for only */
		if (!is_match(&values->match) && owner->queryid != parent->queryid)
			continue;
		points = parent->nvalue_links > 1 ? score(window, values) : 0;
		if (points > best_score)
		{
			best_score = points;
			best = owner;
			best_link = values;
		}
	}
	if (best == NULL)
		return NULL;

	match = &best_link->match;
	rows = &window->keysets[best_link->keyset].rows;
	if (!is_match(match) && may_be_left_out(rows, best, match))
		return NULL;
	facts->keys_compared = match->compared;
	facts->keys_matched = match->matched;
	facts->keys_disorder = disorder(match);
	facts->keys_walked = walked(rows, best_link);
	facts->keys_offered = keyset_column(rows, best_link->column)->ndistinct;
	facts->keys_complete = rows->nrows == best->counts.rows &&
		!rows->incomplete && !keyset_misses_strings(rows) &&
		(best_link->exact || !best_link->linked);
	facts->keys_dense = keyset_is_dense(rows, best_link->column);
	facts->keys_unlikely = best_link->unlikely;
	facts->keys_agree = best_link->agrees;
	*link = best_link;
	return is_match(match) ? best : NULL;
}

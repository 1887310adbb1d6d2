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
 * src/values.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "window_internal.h"

typedef struct Match
{
	int			compared;
	int			matched;
	int			disorder;
	int			walked;
	int			offered;
} Match;

/* Looks up what a statement asked for by one condition in one column */
static void
match_keys(const WindowStatement *child, const WindowDetail *detail,
		   int condition, KeySet *rows, int column, Match *match)
{
	const KeyColumn *keys = &rows->columns[column];
	int			nkeys = child->counts.nkeys;
	uint64		last_hash = 0;
	int			last_row = -1;
	int			first = 0;
	int			furthest = 0;
	int			up = 0;
	int			down = 0;

	memset(match, 0, sizeof(Match));
	match->offered = keyset_distinct(rows, column);
	for (int i = 0; i < nkeys; i++)
	{
		uint64		hash = detail->key_order[i][condition];
		int			row;

		/* it was another condition's value that changed */
		if (hash == last_hash)
			continue;
		last_hash = hash;
		match->compared++;
		row = keyset_find(rows, column, hash);
		if (row < 0)
			continue;
		match->matched++;
		if (last_row < 0)
			first = furthest = row;
		else if (row > last_row)
			up++;
		else
			down++;
		last_row = row;
		first = Min(first, row);
		furthest = Max(furthest, row);
	}
	if (match->matched == 0)
		return;

	/* from the first row on, or from the last one back */
	match->disorder = Min(up, down);
	match->walked = down > up ? match->offered - keys->seen[first] + 1 :
		keys->seen[furthest];
}

/* Are (almost) all keys values of the column? */
static inline bool
is_match(const Match *match)
{
	return match->matched >= 2 && match->matched * 10 >= match->compared * 9;
}

static inline bool
in_order(const Match *match)
{
	return match->disorder * 10 <= match->matched;
}

static int
score(const Match *match, const ValueLink *link, bool dense)
{
	int			points = (is_match(match) ? 32 : 0) +
	(link->linked ? 16 : 0) +
	(link->unlikely && dense ? 0 : 8) +
	(in_order(match) ? 4 : 0) +
	(link->exact ? 2 : 0) +
	(2 * match->matched >= match->walked ? 1 : 0);

	return points * (WINDOW_MAX_VALUES + 1) + match->matched;
}

/*
 * What the columns are to each other, where no key leads from one to the other.
 * The schema is asked only about columns that come into question.
 */
static void
link_values(Relater *relater, const WindowStatement *child,
			const ShapeCondition *condition, const KeyColumn *column,
			bool ask, ValueLink *link)
{
	memset(&link->link, 0, sizeof(StatementLink));
	link->link.key_relid = condition->relid;
	link->link.key_attnum = condition->attnum;
	link->link.parent_relid = column->relid;
	link->link.parent_attnum = column->attnum;
	link->unlikely = !ask;
	if (ask && condition->attnum != 0 && column->attnum != 0)
		link->link.relationship =
			relate_values(relater, condition->relid, condition->attnum,
						  column->relid, column->attnum, &link->unlikely);
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
			const WindowDetail *detail, uint32 varying,
			const WindowStatement *candidate, WindowParent *parent,
			int *scores)
{
	WindowKeySet *keyset = &window->keysets[candidate->counts.keyset - 1];
	StatementLink link;

	keyset->asked = true;
	relate_statements(relater, &child->shape, varying, &candidate->shape,
					  &link);
	for (int i = 0; i < child->shape.nconditions; i++)
	{
		const ShapeCondition *condition = &child->shape.conditions[i];

		if ((varying & (1U << i)) == 0)
			continue;
		for (int j = 0; j < keyset->rows.ncolumns; j++)
		{
			const KeyColumn *column = &keyset->rows.columns[j];
			ValueLink	values;
			Match		match;

			values.keyset = candidate->counts.keyset - 1;
			values.column = j;
			values.condition = i;
			values.linked = link.grade != LINK_NONE &&
				link.key_relid == condition->relid &&
				link.key_attnum == condition->attnum;
			values.exact = values.linked && column->attnum != 0 &&
				link.parent_relid == column->relid &&
				link.parent_attnum == column->attnum;
			values.unlikely = false;
			values.link = link;
			match_keys(child, detail, i, &keyset->rows, j, &match);
			if (!values.linked)
			{
				if (!is_match(&match) &&
					candidate->queryid != parent->queryid)
					continue;
				link_values(relater, child, condition, column,
							is_match(&match), &values);
			}
			keep_link(parent, scores, &values,
					  score(&match, &values,
							keyset_is_dense(&keyset->rows, j)));
		}
	}
}

void
values_relate(Window *window, Relater *relater, const WindowStatement *child,
			  const WindowDetail *detail, uint32 varying,
			  const WindowStatement *const *candidates, int ncandidates,
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
			parent->link.grade != LINK_NONE)
			return;
	}
	for (int i = 0; i < ncandidates; i++)
	{
		if (candidates[i]->counts.keyset != 0)
			relate_rows(window, relater, child, detail, varying,
						candidates[i], parent, scores);
	}
}

const WindowStatement *
values_compare(Window *window, const WindowStatement *child,
			   const WindowDetail *detail, const WindowParent *parent,
			   const ValueLink **link, BurstFacts *facts)
{
	const WindowStatement *best = NULL;
	const ValueLink *best_link = NULL;
	Match		best_match;
	int			best_score = -1;

	for (int i = 0; i < parent->nvalue_links; i++)
	{
		const ValueLink *values = &parent->value_links[i];
		WindowKeySet *keyset = &window->keysets[values->keyset];
		const WindowStatement *owner = &window->statements[keyset->owner];
		Match		match;
		int			points;

		if (!is_of_window(window, owner, keyset->queryid))
			continue;
		match_keys(child, detail, values->condition, &keyset->rows,
				   values->column, &match);

		/* what does not match speaks of the parent that it was taken for only */
		if (!is_match(&match) && owner->queryid != parent->queryid)
			continue;
		points = score(&match, values,
					   keyset_is_dense(&keyset->rows, values->column));
		if (points > best_score)
		{
			best_score = points;
			best = owner;
			best_link = values;
			best_match = match;
		}
	}
	if (best == NULL)
		return NULL;

	{
		KeySet	   *rows = &window->keysets[best_link->keyset].rows;

		facts->keys_compared = best_match.compared;
		facts->keys_matched = best_match.matched;
		facts->keys_disorder = best_match.disorder;
		facts->keys_walked = best_match.walked;
		facts->keys_offered = best_match.offered;
		facts->keys_complete = rows->nrows == best->counts.rows &&
			!rows->incomplete && (best_link->exact || !best_link->linked);
		facts->keys_dense = keyset_is_dense(rows, best_link->column);
		facts->keys_unlikely = best_link->unlikely;
	}
	*link = best_link;
	return is_match(&best_match) ? best : NULL;
}

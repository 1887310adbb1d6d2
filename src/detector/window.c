/*-------------------------------------------------------------------------
 *
 * window.c
 *		The repeat detector: one backend's stream of executions, cut into
 *		windows, and what each window shows.
 *
 * Statements keep their entries from one window to the next, so that the
 * shape need not be copied again; their counts belong to the window whose
 * serial number they carry and are reset when the statement first runs in
 * another one.  Beginning a window is thus one increment, and ending one
 * without a burst nothing at all.
 *
 * What every execution touches (WindowStatement) is kept apart from what only
 * a repeated statement needs (WindowDetail), so that most of the latter's
 * memory is never touched.
 *
 * Counting happens when an execution has ended: one that fails has never been
 * counted.  At the threshold, which is looked at before the execution runs,
 * it is counted in a copy.
 *
 * src/detector/window.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "port/pg_bitutils.h"

#include "detector/window_run.h"

/*
 * Windows in a row after which rows, or strings among them, are no longer
 * collected for nothing
 */
#define MAX_UNASKED		16

/*
 * A pool that asks each time is told from one that asks now and then: it did so
 * soon after it had asked before, several times of the last sixteen.  (Some ask
 * once in three seconds, or when the connection has been idle.)
 */
#define CHECK_OUT_SOON		UINT64CONST(1000000000)
#define CHECK_OUTS_ENOUGH	3

/* Nothing is known of work that began so long ago */
#define CHECK_OUT_LONG_AGO	UINT64CONST(60000000000)

Size
window_size(void)
{
	return sizeof(Window);
}

void
window_init(Window *window, const WindowSchema *schema,
			const WindowMemory *memory, WindowBurstCallback callback,
			void *callback_arg)
{
	memset(window, 0, offsetof(Window, last_used));
	if (schema != NULL)
		window->schema = *schema;
	window->callback = callback;
	window->callback_arg = callback_arg;
	window->batch = 1;
	window->memory.allocate = memory->allocate;
	window->memory.release = memory->release;
	window->memory_of_rows = window->memory;
	window_set_memory(window, WINDOW_MEMORY);
	for (int i = 0; i < WINDOW_ALL_KEYSETS; i++)
		keyset_init(&window->keysets[i].rows, &window->memory_of_rows);
	keyset_init(&window->staged, &window->memory_of_rows);
	memset(window->lists, NO_ENTRY, sizeof(window->lists));
	window_configure(window, 5, UINT64CONST(250000000));
}

void
window_set_unit_callback(Window *window, WindowUnitCallback callback)
{
	window->unit_callback = callback;
}

void
window_set_armed(Window *window, WindowArmed *armed)
{
	window->armed = armed;
}

void
window_configure(Window *window, int threshold, uint64 gap)
{
	window->threshold = Max(threshold, 2);
	window->gap = gap;
	window->asks_always = window->threshold <= 2 || window->nkeysets > 0 ||
		window->walking || window->collects_all;
}

/* What is in use already stays until the next window: lower_limits() */
static void
set_limits(Window *window)
{
	Size		rows = window->collects_all ?
	MEMORY_OF_ALL_ROWS(window->max_memory) :
	MEMORY_OF_ROWS(window->max_memory);
	Size		rest = MEMORY_OF_REST(window->max_memory);

	window->memory_of_rows.limit = Max(rows, window->memory_of_rows.used);
	window->memory.limit = Max(rest, window->memory.used);
	window->takes_less = window->memory_of_rows.limit > rows ||
		window->memory.limit > rest;
}

void
window_set_memory(Window *window, Size memory)
{
	window->max_memory = memory;
	set_limits(window);
}

uint64
window_memory_refused(const Window *window)
{
	return window->memory.refused;
}

void
window_collect_all(Window *window, bool all)
{
	window->collects_all = all;
	window->asks_always |= all;
	set_limits(window);
}

void
window_context(Window *window, const WindowContext *context)
{
	if (window->context.userid == context->userid &&
		window->context.application == context->application &&
		window->context.route == context->route &&
		window->context.trace == context->trace)
		return;
	window_close(window);
	window->context = *context;
}

/* ----------
 * Entries
 * ----------
 */

/* Size of WindowDetail.order for so many conditions */
static inline Size
size_of_order(int nconditions)
{
	return (Size) WINDOW_MAX_VALUES * nconditions * sizeof(uint64);
}

static inline uint8 *
list_of(Window *window, uint64 queryid)
{
	return &window->lists[(queryid ^ (queryid >> 32)) & (LOOKUP_LISTS - 1)];
}

/* Tells of a burst, once */
static void
report_burst(Window *window, WindowStatement *statement)
{
	BurstFacts	facts;

	if (window->callback == NULL || statement->counts.taken)
		return;
	if (!statement->walked && statement->counts.told == window_moment(window))
	{
		window->callback(window->callback_arg, NULL,
						 statement->counts.handle - 1);
		return;
	}
	window_facts(window, statement, &facts);
	if (statement->walked && units_defer(window, statement, &facts))
		return;
	window->callback(window->callback_arg, &facts,
					 statement->counts.handle - 1);
}

/*
 * The entry used longest ago.  Several are found at once: one of them that was
 * not used since is older than all that were not among them.  They are looked
 * for from "from" on, or behind the last of those found before: statements that
 * run in turn have used their entries in that order.
 */
static int
least_recently_used(Window *window, int from)
{
	for (; window->nrecycled < window->noldest; window->nrecycled++)
	{
		const WindowAge *age = &window->oldest[window->nrecycled];

		if (window->last_used[age->index] == age->last_used)
			return age->index;
	}
	if (window->noldest > 0)
		from = window->oldest[window->noldest - 1].index + 1;

	window->noldest = window->nrecycled = 0;
	for (int i = 0, index = from; i < window->nstatements; i++, index++)
	{
		uint64		last_used;
		int			place = window->noldest;

		if (index >= window->nstatements)
			index = 0;
		last_used = window->last_used[index];

		if (place < WINDOW_OLDEST)
			window->noldest++;
		else if (window->oldest[--place].last_used < last_used)
			continue;
		for (; place > 0 && window->oldest[place - 1].last_used > last_used;
			 place--)
			window->oldest[place] = window->oldest[place - 1];
		window->oldest[place].last_used = last_used;
		window->oldest[place].index = index;
	}
	return window->oldest[0].index;
}

/* Gives back what a set took beside its few */
static void
release_many(Window *window, ValueSet *set)
{
	if (set->room == WINDOW_MAX_VALUES)
		budget_return(&window->memory, set->hashes, sizeof(ValueSetMany));
}

/*
 * Releases what is known of the statement that ran longest ago, if it has not
 * run in this window.  Its walk stays.  False if there is no such statement.
 */
static bool
release_oldest(Window *window)
{
	WindowStatement *oldest = NULL;
	WindowDetail *detail;

	for (int i = 0; i < window->nstatements; i++)
	{
		WindowStatement *statement = window->statements[i];

		if (statement->detail != NULL &&
			statement->serial != window->serial && !statement->covered &&
			(oldest == NULL ||
			 window->last_used[i] < window->last_used[oldest->index]))
			oldest = statement;
	}
	if (oldest == NULL)
		return false;

	detail = oldest->detail;
	oldest->detail = NULL;
	oldest->counts.related = false;
	release_many(window, &detail->all);
	release_many(window, &detail->keys);
	budget_return(&window->memory, detail->parent, sizeof(WindowParent));
	budget_return(&window->memory, detail->order,
				  size_of_order(detail->order_conditions));
	budget_return(&window->memory, detail, sizeof(WindowDetail));
	return true;
}

void *
window_take(Window *window, Size size)
{
	while (!budget_has(&window->memory, size) && release_oldest(window))
		;
	return budget_take(&window->memory, size);
}

/* Is there an entry that was never used?  Some are made if not. */
static bool
has_entry(Window *window)
{
	int			first = window->nstatements;
	WindowStatement *made;

	if (first % ENTRIES_AT_ONCE != 0)
		return true;
	made = window_take(window, ENTRIES_AT_ONCE * sizeof(WindowStatement));
	if (made == NULL)
		return false;
	memset(made, 0, ENTRIES_AT_ONCE * sizeof(WindowStatement));
	for (int i = 0; i < ENTRIES_AT_ONCE; i++)
		window->statements[first + i] = &made[i];
	return true;
}

/*
 * An entry to use anew.  Those of statements that have not run in this window
 * hold nothing and go first, whichever comes; else the one not used for
 * longest.  NULL: there is no memory for the first.
 */
static WindowStatement *
free_entry(Window *window)
{
	WindowStatement *statement;
	uint8	   *link;
	int			index = window->hand;

	if (window->nstatements < WINDOW_MAX_STATEMENTS && has_entry(window))
	{
		statement = window->statements[window->nstatements];
		statement->index = window->nstatements++;
		return statement;
	}
	if (window->nstatements == 0)
		return NULL;

	index %= window->nstatements;
	window->hand = (index + 1) % window->nstatements;
	if (window->statements[index]->serial == window->serial)
		index = least_recently_used(window, index);

	statement = window->statements[index];
	if (unlikely(statement->covered))
		units_end_burst(window, statement);
	if (statement->walked)
		units_settle(window, statement, false);
	if (statement->writes || statement->counts.wrote_within)
	{
		/* nobody will know what it wrote */
		if (statement->serial == window->serial)
			window_changed(window);
		else
			window->changed_at = window->position;
	}
	if (statement->serial == window->serial && statement->counts.burst)
	{
		report_burst(window, statement);
		for (int i = 0; i < window->nbursts; i++)
		{
			if (window->bursts[i] == index)
			{
				window->nbursts--;
				memmove(&window->bursts[i], &window->bursts[i + 1],
						window->nbursts - i);
				break;
			}
		}
	}

	link = list_of(window, statement->queryid);
	while (*link != index)
		link = &window->statements[*link]->next;
	*link = statement->next;
	return statement;
}

/* Does a shape tell anything at all? */
static inline bool
is_relevant(const StatementShape *shape)
{
	if (shape->command == SHAPE_OTHER)
		return true;			/* not known yet */
	return shape->command != SHAPE_UTILITY && shape->nrelations > 0 &&
		(shape->flags & SHAPE_CATALOG_ONLY) == 0;
}

static inline bool
is_write(const StatementShape *shape)
{
	return (shape->command >= SHAPE_INSERT &&
			shape->command <= SHAPE_MERGE) ||
		(shape->flags & SHAPE_WRITES) != 0;
}

static void
set_shape(Window *window, WindowStatement *statement,
		  const StatementShape *shape)
{
	statement->shape = *shape;
	statement->parent_id = relate_parent_id(statement->queryid, shape);
	statement->possible = verdict_possible(shape);
	statement->writes = is_write(shape);
	statement->written_place = shape->command == SHAPE_SELECT ? 0 :
		written_place(shape->target);
	statement->asks_first = statement->possible && window_asks_first(shape);
	statement->by_key = statement->possible && shape->nconditions == 1 &&
		shape->conditions[0].value.source == SHAPE_VALUE_PARAM &&
		!shape->conditions[0].value.list &&
		shape->offset_value.source == SHAPE_VALUE_NONE;

	/* what was counted under another shape means nothing now */
	if (!statement->counts.burst)
		statement->serial = 0;
	if (!statement->covered)
	{
		if (statement->walked)
			units_settle(window, statement, false);
		statement->walked = false;
	}
}

/* The entry of a statement, made if there is none, of that shape */
static WindowStatement *
find_entry(Window *window, uint64 queryid, const StatementShape *shape)
{
	WindowStatement *statement;
	uint8	   *list = list_of(window, queryid);

	for (uint8 i = *list; i != NO_ENTRY; i = statement->next)
	{
		statement = window->statements[i];
		if (statement->queryid == queryid)
		{
			if (memcmp(&statement->shape, shape, sizeof(StatementShape)) != 0)
				set_shape(window, statement, shape);
			return statement;
		}
	}

	statement = free_entry(window);
	if (statement == NULL)
		return NULL;
	statement->queryid = queryid;
	statement->next = *list;
	statement->unasked = 0;
	statement->only_numbers = 0;
	statement->walked = false;
	statement->covered = false;
	statement->is_membership = false;
	statement->earlier = 0;
	statement->next_arming = window->threshold;
	*list = statement->index;
	statement->counts.burst = false;
	set_shape(window, statement, shape);
	return statement;
}

/*
 * Gives back what is more than there may be: of rows, all that no walk needs,
 * then of walks, and what is known of statements of other windows.
 */
static pg_noinline void
lower_limits(Window *window)
{
	for (int i = 0; i < WINDOW_ALL_KEYSETS; i++)
		keyset_free(&window->keysets[i].rows);
	set_limits(window);
	while (window->takes_less &&
		   (walks_forget_oldest(window) || release_oldest(window)))
		set_limits(window);
}

/* ----------
 * An execution
 * ----------
 */

static inline void
open_window(Window *window, uint64 queryid)
{
	window->open = true;
	window->serial++;
	window->others = false;
	window->opener = queryid;
	window->nbursts = 0;
	window->nkeysets = 0;
	window->noldest = window->nrecycled = 0;
	window->asks_always = window->threshold <= 2 || window->walking ||
		window->collects_all;
	if (unlikely(window->takes_less))
		lower_limits(window);
	if (unlikely(window->one_check_out) &&
		window->last_end - Min(window->last_end, window->checked_out_at) >
		CHECK_OUT_LONG_AGO)
		window->one_check_out = false;
}

static void end_window(Window *window);

WindowStatement *
window_begin(Window *window, WindowStatement *known, uint64 queryid,
			 const StatementShape *shape, uint64 now, uint64 transaction,
			 bool *asks)
{
	WindowStatement *statement = known;

	if (!is_relevant(shape))
	{
		*asks = false;
		if (is_write(shape))
		{
			note_write(window, 0);
			window_changed(window);
		}
		return NULL;
	}

	if (!window->open || is_over(window, queryid, now, transaction))
	{
		if (window->open && now - window->last_end <= window->gap)
			end_window(window);
		else
			window_close(window);
		open_window(window, queryid);
	}
	if (statement == NULL || statement->queryid != queryid)
		statement = find_entry(window, queryid, shape);
	else if (memcmp(&statement->shape, shape, sizeof(StatementShape)) != 0)
		set_shape(window, statement, shape);
	if (statement == NULL)
	{
		*asks = false;
		return NULL;
	}
	*asks = begin_execution(window, statement, now, transaction);
	return statement;
}

/* ----------
 * Values
 * ----------
 */

/* When the statement whose rows are in a set last ran in this window, or 0 */
static uint64
last_filled(const Window *window, const WindowKeySet *keyset)
{
	const WindowStatement *owner = window->statements[keyset->owner];

	if (!is_of_window(window, owner, keyset->queryid))
		return 0;
	return owner->counts.last_position;
}

/*
 * A set for the rows of a further statement; NULL if there is none.  Where the
 * rows of all are collected it may be one that nothing was compared with, of
 * the statement that ran longest ago.
 */
static WindowKeySet *
free_keyset(Window *window)
{
	WindowKeySet *oldest = NULL;
	WindowStatement *owner;

	if (window->nkeysets <
		(window->collects_all ? WINDOW_ALL_KEYSETS : WINDOW_MAX_KEYSETS))
		return &window->keysets[window->nkeysets++];
	if (!window->collects_all)
		return NULL;
	for (int i = 0; i < window->nkeysets; i++)
	{
		WindowKeySet *keyset = &window->keysets[i];

		if (!keyset->asked &&
			(oldest == NULL || last_filled(window, keyset) <
			 last_filled(window, oldest)))
			oldest = keyset;
	}
	if (oldest == NULL)
		return NULL;
	owner = window->statements[oldest->owner];
	if (is_of_window(window, owner, oldest->queryid))
		owner->counts.keyset = 0;
	return oldest;
}

/* The window's own set for the rows of a statement, if it has room for one */
static void
open_keyset(Window *window, WindowStatement *statement)
{
	WindowCounts *counts = &statement->counts;
	WindowKeySet *keyset;

	if (counts->keyset != 0 || (keyset = free_keyset(window)) == NULL)
		return;
	window->asks_always = true;
	counts->keyset = keyset - window->keysets + 1;
	keyset->owner = statement->index;
	keyset->queryid = statement->queryid;
	keyset->asked = false;
	keyset_clear(&keyset->rows);
	keyset->rows.numbers_only = !window->collects_all &&
		statement->only_numbers == MAX_UNASKED;
}

KeySet *
window_collect(Window *window, WindowStatement *statement)
{
	WindowCounts *counts = &statement->counts;
	bool		full;

	if (!window->open || statement->serial != window->serial)
		return NULL;
	if (counts->armed)
		open_keyset(window, statement);
	full = counts->keyset == 0 ||
		keyset_full(&window->keysets[counts->keyset - 1].rows);
	if (window->unit_callback == NULL && full)
	{
		counts->armed = false;
		return NULL;
	}
	keyset_clear(&window->staged);
	if (counts->keyset != 0)
		window->staged.numbers_only =
			window->keysets[counts->keyset - 1].rows.numbers_only;
	window->is_staged = true;
	statement->ends_plainly = false;
	return &window->staged;
}

bool
window_compares(const Window *window)
{
	return window->open && (window->nkeysets > 0 || window->walking);
}

/* Makes places for more keys; false if there are as many as there may be */
static bool
enlarge_updated(Window *window, UpdatedKeys *updated)
{
	int			nplaces = Max(4 * updated->nplaces, WINDOW_UPDATED_KEYS / 16);
	uint64	   *keys;

	if (nplaces > WINDOW_UPDATED_KEYS)
		return false;
	keys = window_take(window, nplaces * sizeof(uint64));
	if (keys == NULL)
		return false;
	memset(keys, 0, nplaces * sizeof(uint64));
	for (int i = 0; i < updated->nplaces; i++)
	{
		uint32		place = (uint32) updated->keys[i];

		if (updated->keys[i] == 0)
			continue;
		while (keys[place % nplaces] != 0)
			place++;
		keys[place % nplaces] = updated->keys[i];
	}
	budget_return(&window->memory, updated->keys,
				  updated->nplaces * sizeof(uint64));
	updated->keys = keys;
	updated->nplaces = nplaces;
	return true;
}

/*
 * Did this UPDATE have the same key before in the window?  True also when
 * there is no room to know.  The key is remembered if "ended".
 */
static bool
is_updated_again(Window *window, const WindowStatement *statement, uint64 key,
				 bool ended)
{
	UpdatedKeys *updated = &window->updated;
	uint64		hash = valueset_mix(key ^ statement->queryid);
	uint32		place = (uint32) hash;

	if (updated->serial != window->serial)
	{
		updated->serial = window->serial;
		updated->nkeys = 0;
		if (updated->nplaces > 0)
			memset(updated->keys, 0, updated->nplaces * sizeof(uint64));
	}
	if (hash == 0 ||
		(updated->nkeys >= updated->nplaces / 4 * 3 &&
		 !enlarge_updated(window, updated)))
		return true;
	for (;; place++)
	{
		uint64	   *entry = &updated->keys[place % updated->nplaces];

		if (*entry == hash)
			return true;
		if (*entry == 0)
		{
			if (ended)
			{
				*entry = hash;
				updated->nkeys++;
			}
			return false;
		}
	}
}

bool
window_make_detail(Window *window, WindowStatement *statement)
{
	WindowDetail *detail = NULL;

	if (statement->possible)
		detail = window_take(window, sizeof(WindowDetail));
	if (detail == NULL)
	{
		/* nothing can be known of it */
		statement->possible = statement->asks_first = false;
		statement->by_key = false;
		statement->ends_plainly = true;
		return false;
	}
	memset(detail, 0, sizeof(WindowDetail));
	valueset_init(&detail->all, &detail->few_all);
	valueset_init(&detail->keys, &detail->few_keys);
	statement->detail = detail;
	return true;
}

/* Gives a set as much room as one may have, if there is memory */
static void
make_room(Window *window, ValueSet *set)
{
	ValueSetMany *many;

	if (set->room == WINDOW_MAX_VALUES)
		return;
	many = window_take(window, sizeof(ValueSetMany));
	if (many != NULL)
		valueset_move(set, many);
}

static inline void
make_room_for_one(Window *window, ValueSet *set)
{
	if (unlikely(set->nhashes == set->room))
		make_room(window, set);
}

/* Was any table that the statement reads written to since? */
static bool
was_written(const Window *window, const WindowStatement *statement,
			uint32 written)
{
	const StatementShape *shape = &statement->shape;
	bool		result = window->last_written[0] - written - 1 < PG_INT32_MAX ||
	(shape->flags & SHAPE_INCOMPLETE) != 0;

	for (int i = 0; i < shape->nrelations && !result; i++)
		result = window->last_written[written_place(shape->relations[i])] -
			written - 1 < PG_INT32_MAX;
	return result;
}

/* Is there room for the keys of so many conditions, in order? */
static bool
has_order(Window *window, WindowCounts *counts, WindowDetail *detail,
		  int nconditions)
{
	if (likely(detail->order != NULL &&
			   detail->order_conditions >= nconditions))
		return true;
	budget_return(&window->memory, detail->order,
				  size_of_order(detail->order_conditions));
	counts->nkeys = 0;
	detail->order = window_take(window, size_of_order(nconditions));
	detail->order_conditions = detail->order ? nconditions : 0;
	return detail->order != NULL;
}

/* Counts the values of an execution */
static pg_noinline void
count_values(Window *window, WindowStatement *statement,
			 WindowDetail *detail)
{
	const WindowValues *values = &detail->values;
	WindowCounts *counts = &statement->counts;
	int			nconditions = statement->shape.nconditions;
	uint32		written = window->written;
	uint64		all = valueset_mix(values->all);
	uint64		key = all;
	bool		fresh;

	if (nconditions != 1 || values->conditions[0] != values->all)
	{
		key = 0;
		for (int i = 0; i < nconditions; i++)
			key = valueset_mix(key + values->conditions[i]);
	}

	if (counts->hashed == 0)
	{
		valueset_clear(&detail->all);
		memcpy(detail->first_conditions, values->conditions,
			   sizeof(detail->first_conditions));
		detail->first_others = values->others;
		counts->hashed_written = written;
	}
	else
	{
		counts->others_vary |= values->others != detail->first_others;
		for (int i = 0; i < nconditions; i++)
		{
			if (values->conditions[i] != detail->first_conditions[i])
				counts->varying |= 1 << i;
		}
		if (values->offset > detail->last_offset && key == detail->last_key)
			counts->offset_steps++;
	}
	if (statement->shape.command == SHAPE_UPDATE && !counts->same_keys)
		counts->same_keys =
			is_updated_again(window, statement, key,
							 detail == statement->detail);
	detail->last_key = key;
	detail->last_offset = values->offset;
	if (values->offset > 0)
		counts->max_offset = Max(counts->max_offset, (uint64) values->offset);

	if (unlikely(key != all && nconditions > 0 && !counts->keys_apart))
	{
		/* so far they were the same */
		counts->keys_apart = true;
		if (detail->all.room > detail->keys.room)
			make_room(window, &detail->keys);
		if (detail->all.nhashes <= detail->keys.room)
			valueset_copy(&detail->keys, &detail->all);
		else
			counts->batched = true; /* nothing is known of them: no repeat */
	}
	make_room_for_one(window, &detail->all);
	fresh = !valueset_add(&detail->all, all, &written);
	if (!fresh && written == window->written)
		counts->duplicates += UINT64CONST(1) << detail->all.level;
	else if (!fresh && !was_written(window, statement, written))
		counts->rereads += UINT64CONST(1) << detail->all.level;
	if (fresh && counts->keys_apart)
		make_room_for_one(window, &detail->keys);
	if (fresh && counts->keys_apart)
		fresh = !valueset_add(&detail->keys, key, &written);
	if (fresh && nconditions > 0 && window->nkeysets > 0 &&
		counts->nkeys < WINDOW_MAX_VALUES &&
		keys_of(statement, detail)->level == 0 &&
		has_order(window, counts, detail, nconditions))
	{
		uint64	   *keys =
		&detail->order[counts->nkeys++ * detail->order_conditions];

		for (int i = 0; i < nconditions; i++)
			keys[i] = values->conditions[i];
	}
	counts->hashed++;
}

void
window_count_values(Window *window, WindowStatement *statement,
					WindowDetail *detail)
{
	if (!window_count_fresh_key(window, statement, detail))
		count_values(window, statement, detail);
}

void
window_count_execution(Window *window, WindowStatement *statement,
					   WindowDetail *detail, uint64 position)
{
	count_further(window, statement, position);
	if (statement->has_values)
	{
		window_count_values(window, statement, detail);
		statement->has_values = false;
	}
}

void
window_set_handle(WindowStatement *statement, int handle)
{
	statement->counts.handle = handle + 1;
}

void
window_make_burst(Window *window, WindowStatement *statement)
{
	statement->counts.burst = true;
	if (statement->counts.first_changes != window->changes)
		statement->counts.changed_after = 1;
	statement->counts.told = 0;
	window->bursts[window->nbursts++] = statement->index;
}

void
window_failed(Window *window, WindowStatement *statement, uint64 now)
{
	window->last_end = window->accounted = now;
	window->is_staged = false;

	/* it has no position, so it is no step either, and in no unit */
	if (window->stepped == window->position + 1)
	{
		window->steps--;
		window->stepped = 0;
	}
	walks_failed(window, statement);
	if (statement->writes)
		note_write(window, statement->written_place);
}

void
window_passed(Window *window, uint64 now)
{
	window->accounted = now;
}

bool
window_holds(const WindowStatement *statement, uint64 queryid)
{
	return statement->queryid == queryid;
}

void
window_more_rows(Window *window, WindowStatement *statement, uint64 now,
				 uint64 elapsed, uint64 rows)
{
	WindowCounts *counts = &statement->counts;

	window->last_end = window->accounted = now;
	window->additions++;
	if (window->is_staged)
		window_take_rows(window, statement, rows, true);
	if (statement->serial != window->serial || counts->executions == 0)
		return;
	counts->exec_time += elapsed;
	counts->wall_time += elapsed;
	counts->rows += rows;
	counts->last_rows += rows;
	counts->max_rows = Max(counts->max_rows, counts->last_rows);
	counts->last_end = now;
}

void
window_wrote(Window *window)
{
	note_write(window, 0);
}

void
window_changed(Window *window)
{
	window->changes++;
	window->changed_at = window->position;
	for (int i = 0; window->open && i < window->nbursts; i++)
	{
		WindowCounts *counts =
		&window->statements[window->bursts[i]]->counts;

		if (counts->changed_after == 0)
			counts->changed_after = counts->executions;
	}
}

void
window_wrote_within(Window *window)
{
	note_write(window, 0);
	if (window->within != window->tick)
	{
		for (int i = 0; i < window->nstatements; i++)
		{
			if (window->last_used[i] == window->tick)
			{
				window->within = window->tick;
				window->within_index = i;
				break;
			}
		}
	}
	if (window->open && window->within == window->tick)
	{
		WindowStatement *statement =
		window->statements[window->within_index];

		/* has it not ended yet? */
		if (statement->serial == window->serial &&
			statement->start > window->last_end)
		{
			statement->counts.wrote_within = true;
			return;
		}
	}
	window_changed(window);
}

/* ----------
 * The end of a window
 * ----------
 */

void
window_unasked(Window *window, WindowStatement *owner)
{
	volatile uint64 *place;

	if (window->collects_all || ++owner->unasked < MAX_UNASKED)
		return;
	owner->unasked = 0;
	if (window->armed != NULL &&
		(place = armed_place(window, owner->parent_id)) != NULL)
		*place = 0;
}

/*
 * Rows that nothing is ever compared with are not collected any longer; nor
 * strings where all that is compared are numbers.
 */
static pg_noinline void
disarm_unasked(Window *window)
{
	for (int i = 0; i < window->nkeysets; i++)
	{
		WindowKeySet *keyset = &window->keysets[i];
		WindowStatement *owner = window->statements[keyset->owner];

		if (!is_of_window(window, owner, keyset->queryid))
			continue;
		walks_were_asked(window, keyset);
		if (keyset->asked)
		{
			owner->unasked = 0;
			if (!keyset_numbers_suffice(&keyset->rows))
				owner->only_numbers = 0;
			else if (owner->only_numbers < MAX_UNASKED)
				owner->only_numbers++;
		}
		else
			window_unasked(window, owner);
	}
}

void
window_told(const Window *window, WindowStatement *statement, uint64 due)
{
	statement->counts.told = window_moment(window);
	statement->counts.told_at = window->last_end;
	statement->counts.due = due;
}

void
window_begun(const Window *window, WindowStatement *statement,
			 BurstFacts *facts, uint64 due)
{
	const WindowCounts *counts = &statement->counts;

	facts->rows = counts->rows;
	facts->exec_time = counts->exec_time;
	facts->wall_time = counts->wall_time;
	facts->last_end = counts->last_end;
	statement->counts.told = 0;
	statement->counts.told_at = window->last_end;
	statement->counts.due = due;
}

void
window_bursts(Window *window, bool grown, WindowBurstCallback callback,
			  void *arg)
{
	for (int i = 0; window->open && i < window->nbursts; i++)
	{
		WindowStatement *statement = window->statements[window->bursts[i]];
		bool		is_long = window_is_long(statement);
		uint64		executions = window_executions(statement);
		BurstFacts	facts;

		if (statement->counts.taken ||
			(grown && (statement->counts.told == window_moment(window) ||
					   (is_long && !window_is_due(window, statement)))))
			continue;
		window_told(window, statement,
					is_long ? executions + executions / 8 : 0);
		window_facts(window, statement, &facts);
		callback(arg, &facts, statement->counts.handle - 1);
	}
}

void
window_committed(Window *window, uint64 transaction)
{
	if (!window->open || window_is_one_piece(window))
		return;
	for (int i = 0; i < window->nbursts; i++)
	{
		const WindowCounts *counts =
		&window->statements[window->bursts[i]]->counts;

		if (counts->last_transaction == transaction &&
			counts->executions - counts->before_transaction >=
			window->threshold)
		{
			window_close(window);
			return;
		}
	}
}

/* Ends the window; walks and units go on */
static void
end_window(Window *window)
{
	int			nbursts = window->nbursts;

	if (!window->open)
		return;
	if (unlikely(window->nkeysets > 0))
		disarm_unasked(window);

	/* first, so that nothing is reported twice should the callback raise */
	window->open = false;
	for (int i = 0; i < nbursts; i++)
		report_burst(window, window->statements[window->bursts[i]]);
}

void
window_checked_out(Window *window, uint64 now)
{
	bool		worked = window->position - window->checked_out >=
	window->threshold;
	bool		soon = now - window->checked_out_at < CHECK_OUT_SOON &&
	now - window->last_end <= window->gap;

	/* twice at once */
	if (window->position == window->checked_out)
	{
		window->checked_out_at = now;
		return;
	}
	window->checked_out = window->position;
	window->checked_out_at = now;
	window->check_outs = window->check_outs << 1 | (worked && soon);
	window->one_check_out =
		pg_popcount32(window->check_outs) >= CHECK_OUTS_ENOUGH;
	if (window->one_check_out)
		window_close(window);
	else if (window->open && worked && window->context.trace == 0)
		end_window(window);
}

void
window_close(Window *window)
{
	walks_forget(window);
	end_window(window);
}

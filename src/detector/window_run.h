/*-------------------------------------------------------------------------
 *
 * window_run.h
 *		The beginning and the end of an execution, as every statement takes
 *		them, and what one that may be a repeat is asked in between: inlined
 *		into their callers.
 *
 * src/detector/window_run.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_WINDOW_RUN_H
#define QW_WINDOW_RUN_H

#include "detector/window_internal.h"

/*
 * Whatever comes next was not sent together with what came before it, as one
 * batch on the wire
 */
static inline void
window_round_trip(Window *window)
{
	window->batch++;
}

/*
 * Has the backend begun something else?  It was idle, or the statement that
 * opened the window comes again after others in another transaction: a pooled
 * connection's next request.
 */
static inline bool
is_over(const Window *window, uint64 queryid, uint64 now, uint64 transaction)
{
	if ((int64) (now - window->last_end) > (int64) window->gap)
		return true;
	return queryid == window->opener && window->others &&
		transaction != window->opener_transaction &&
		!window_is_one_piece(window);
}

/* Has so much time passed that the window is over, if it was all idle? */
static inline bool
window_is_late(const Window *window, uint64 now)
{
	return window->open &&
		(int64) (now - window->last_end) > (int64) window->gap;
}

static inline uint64
window_last_end(const Window *window)
{
	return window->last_end;
}

/* Of the time since window_last_end(), "idle" alone was the client's */
static inline void
window_went_on(Window *window, uint64 now, uint64 idle)
{
	window->last_end = now - idle;
}

/*
 * Are the values of an execution looked at that is not the first?  In a long
 * loop over many transactions those of some are.
 */
static inline bool
wants_values_again(const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;

	return counts->executions < WINDOW_ALL_VALUES ||
		statement->shape.command == SHAPE_UPDATE ||
		counts->transactions == 1 ||
		counts->executions % WINDOW_VALUE_STEP == 0 ||
		(statement->shape.flags & SHAPE_HAS_OFFSET) != 0;
}

/*
 * Makes zero what the first execution to begin in a window does: in pieces that
 * take one instruction each, where the whole is made into a loop
 */
static inline void
clear_counts(WindowCounts *counts)
{
	char	   *place = (char *) counts;

	StaticAssertStmt(offsetof(WindowCounts, first_start) % 16 == 0,
					 "the fields up to first_start are cleared in pieces of 16");
#pragma GCC unroll 16
	for (int i = 0; i < offsetof(WindowCounts, first_start); i += 16)
		memset(place + i, 0, 16);
}

/*
 * An execution of a statement that has an entry, in a window that is open.
 * Returns whether there may be anything to be asked of it: its values, its
 * rows, whether it is at the threshold.
 */
static pg_attribute_always_inline bool
begin_execution(Window *window, WindowStatement *statement, uint64 now,
				uint64 transaction)
{
	WindowCounts *counts = &statement->counts;

	window->last_used[statement->index] = ++window->tick;
	if (statement->queryid == window->opener)
	{
		window->opener_transaction = transaction;
		window->others = false;
	}
	else
		window->others = true;

	statement->start = now;
	statement->transaction = transaction;
	statement->has_values = false;
	if (statement->serial != window->serial)
	{
		/* the first one in this window */
		statement->earlier += counts->executions;
		clear_counts(counts);
		statement->serial = window->serial;
		statement->counts_as_one = true;
		statement->ends_plainly = true;
		statement->in_block = false;
		counts->armed = is_armed(window, statement);
		if (!counts->armed && !window->asks_always &&
			statement->earlier < statement->next_arming &&
			!statement->asks_first)
			return false;
		if (unlikely(statement->detail == NULL) && statement->possible)
			(void) window_make_detail(window, statement);
		return true;
	}
	if (unlikely(statement->detail == NULL) && statement->possible)
		(void) window_make_detail(window, statement);
	statement->counts_as_one = counts->batch != window->batch;
	statement->ends_plainly = !statement->possible ||
		(!counts->burst && counts->executions + 1 < window->threshold);
	return counts->armed ||
		(statement->possible &&
		 (!counts->burst || window->walking || wants_values_again(statement)));
}

/*
 * window_begin() of a statement whose entry is known, in a window that goes
 * on.  Returns false, having done nothing, if that is not so.
 */
static pg_attribute_always_inline bool
window_begin_known(Window *window, WindowStatement *known, uint64 queryid,
				   const StatementShape *shape, uint64 now,
				   uint64 transaction, bool *asks)
{
	/*
	 * Of the shape, the fields before "target" are compared; where only its
	 * tables are others, the caller no longer takes the entry for known.
	 */
	if (unlikely(known == NULL || known->queryid != queryid ||
				 memcmp(&known->shape, shape,
						offsetof(StatementShape, target)) != 0 ||
				 !window->open || is_over(window, queryid, now, transaction)))
		return false;
	*asks = begin_execution(window, known, now, transaction);
	return true;
}

/*
 * Is the execution that has begun in a transaction that BEGIN opened?  That
 * need not be told of a statement's first one in a window, which is presumed to
 * be like its second.
 */
static inline void
window_in_block(WindowStatement *statement, bool in_block)
{
	statement->in_block = in_block;
}

/*
 * Values are looked at from a statement's second execution in a window on,
 * where two make a burst or there are rows to compare them with from the first;
 * in a long loop over many transactions of some executions only.  An UPDATE's
 * are always looked at, and those of a statement with several values from the
 * first.
 */
static inline bool
window_wants_values(const Window *window, const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;

	if (!statement->possible)
		return false;
	if (counts->executions == 0)
		return window->asks_always || statement->asks_first;
	return !counts->burst || window->walking || wants_values_again(statement);
}

/*
 * Will the values be looked at, when the statement that is parsed now is
 * executed, in this transaction?
 */
static inline bool
window_expects_values(const Window *window, const WindowStatement *statement,
					  uint64 transaction)
{
	/* the counts may be those of a window that is over, or about to be */
	if (statement->serial == window->serial && window->open &&
		!is_over(window, statement->queryid, window->last_end, transaction))
		return window_wants_values(window, statement);
	return statement->possible &&
		(window->threshold <= 2 || window->nkeysets > 0 || window->walking ||
		 window->collects_all || statement->asks_first);
}

/* Is it asked for by one key, which is a parameter, and nothing else? */
static inline bool
window_is_by_key(const WindowStatement *statement)
{
	return statement->by_key;
}

/* Where the values are to be made, for window_values() */
static inline WindowValues *
window_values_place(Window *window, const WindowStatement *statement)
{
	return &statement->detail->values;
}

/*
 * Takes the steps of walks, unless the statement is a burst in this transaction
 * block: what it repeats there belongs together anyway.
 */
static inline void
run_walks(Window *window, WindowStatement *statement,
		  const WindowValues *values)
{
	const WindowParent *parent = statement->detail->parent;

	if (statement->in_block && !statement->covered &&
		statement->counts.burst &&
		statement->counts.last_transaction == statement->transaction &&
		(statement->counts.executions > window->threshold ||
		 (statement->counts.related && parent->queryid != 0 &&
		  parent->link.constraint != InvalidOid)))
		take_step(window);
	else
		walks_run(window, statement, values);
}

/* They were made there */
static inline void
window_values(Window *window, WindowStatement *statement,
			  const WindowValues *values)
{
	const ShapeCondition *condition = statement->shape.conditions;

	if (unlikely(!statement->counts_as_one))
		return;

	if (unlikely(values->list_length >= 2))
		statement->counts.batched = true;
	statement->counts.opaque |= values->opaque;

	/* a value that is there but was not hashed could be any */
	for (int i = 0; i < statement->shape.nconditions; i++)
	{
		if (unlikely(values->conditions[i] == 0) &&
			condition[i].value.source != SHAPE_VALUE_NONE)
			return;
	}
	statement->has_values = true;
	statement->ends_plainly = false;
	if (unlikely(window->walking))
		run_walks(window, statement, values);
}

/* The same, of the one value of a statement asked by its key */
static inline void
window_has_key(Window *window, WindowStatement *statement)
{
	statement->has_values = statement->counts_as_one;
	statement->ends_plainly &= !statement->counts_as_one;
	if (unlikely(window->walking) && statement->counts_as_one)
		run_walks(window, statement,
				  &statement->detail->values);
}

/* Are parents of this statement to be looked for that it has had in no window? */
static inline void
window_look(Window *window, WindowStatement *statement)
{
	if (statement->earlier >= statement->next_arming)
		walks_arm(window, statement);
}

/* Are the rows that the execution returns wanted? */
static inline bool
window_wants_rows(const WindowStatement *statement)
{
	return statement->counts.armed;
}

/*
 * True in the execution that makes the burst, after window_begin() and
 * window_values(): the moment to look for a parent and to act.
 */
static inline bool
window_at_threshold(const Window *window, const WindowStatement *statement)
{
	return !statement->counts.burst &&
		statement->counts.executions + 1 >= window->threshold &&
		statement->counts_as_one && statement->possible &&
		!statement->covered && !statement->counts.taken;
}

/*
 * What window_set_handle() stored; -1 if that is nothing, or the window it was
 * set in is over
 */
static inline int
window_handle(const Window *window, const WindowStatement *statement)
{
	if (!window->open || statement->serial != window->serial ||
		statement->covered)
		return -1;
	return statement->counts.handle - 1;
}

/*
 * From when on the session's time belongs to the execution that ends: from the
 * end of what ran before it, whichever statement that was, so that no time
 * belongs to two.  A long pause is the application's own.
 */
static inline uint64
wall_time_begins(const Window *window, const WindowStatement *statement)
{
	return statement->start - window->accounted < WINDOW_PAUSE ?
		window->accounted : statement->start;
}

/* Counts the first execution of a statement in a window */
static inline void
count_first(Window *window, WindowStatement *statement, uint64 now,
			uint64 elapsed, uint64 rows)
{
	WindowCounts *counts = &statement->counts;
	uint64		position = ++window->position;

	counts->executions = 1;
	counts->rows = counts->last_rows = counts->max_rows = rows;
	counts->batch = window->batch;
	counts->first_start = statement->start;
	counts->first_end = counts->last_end = now;
	counts->exec_time = elapsed;
	counts->wall_time = now - statement->start;
	counts->first_transaction = counts->last_transaction =
		statement->transaction;
	counts->transactions = 1;
	counts->in_blocks = 0;
	counts->first_position = counts->last_position = position;
	counts->first_written = window->written;
	counts->first_changes = window->changes;
}

/* Counts a further one, but for its rows and its time */
static inline void
count_further(const Window *window, WindowStatement *statement,
			  uint64 position)
{
	WindowCounts *counts = &statement->counts;

	if (counts->last_transaction != statement->transaction)
	{
		counts->transactions++;
		counts->most_in_one = Max(counts->most_in_one,
								  counts->executions - counts->before_transaction);
		counts->before_transaction = counts->executions;
	}

	/* the first one is presumed to be like the second */
	if (statement->in_block)
		counts->in_blocks += counts->executions == 1 ? 2 : 1;
	counts->executions++;
	counts->last_transaction = statement->transaction;
	counts->last_position = position;
	counts->batch = window->batch;
}

/*
 * The execution has ended without failing: "elapsed" of it was executing.
 * Returns false if window_end_more() is to be called too.
 */
static inline bool
window_end(Window *window, WindowStatement *statement, uint64 now,
		   uint64 elapsed, uint64 rows)
{
	WindowCounts *counts = &statement->counts;

	window->last_end = now;
	if (statement->writes)
		note_write(window, statement->written_place);
	if (unlikely(statement->serial != window->serial))
	{
		window->accounted = now;
		return true;
	}

	if (counts->executions == 0)
		count_first(window, statement, now, elapsed, rows);
	else
	{
		if (likely(statement->counts_as_one))
			count_further(window, statement, ++window->position);
		else
			window->additions++;
		counts->rows += rows;
		counts->last_rows = rows;
		counts->max_rows = Max(counts->max_rows, rows);
		counts->exec_time += elapsed;
		counts->wall_time += now - wall_time_begins(window, statement);
		counts->last_end = now;
	}
	window->accounted = now;
	return statement->ends_plainly;
}

/*
 * Counts what is most common: the one value of a row asked for by its key, and
 * none that has come before.  False, with nothing done, if it is not that.
 */
static inline bool
window_count_fresh_key(Window *window, WindowStatement *statement,
					   WindowDetail *detail)
{
	const WindowValues *values = &detail->values;
	WindowCounts *counts = &statement->counts;
	uint64		all = values->all;
	uint64		key = valueset_mix(all);

	if (unlikely(statement->shape.nconditions != 1 || counts->hashed == 0 ||
				 statement->shape.command == SHAPE_UPDATE ||
				 values->conditions[0] != all || values->offset >= 0 ||
				 counts->keys_apart ||
				 (window->nkeysets > 0 && detail->order == NULL)) ||
		!valueset_add_fresh(&detail->all, key, window->written))
		return false;
	counts->varying |= all != detail->first_conditions[0];
	detail->last_key = key;
	detail->last_offset = -1;
	counts->hashed++;
	if (window->nkeysets > 0 && counts->nkeys < WINDOW_MAX_VALUES)
		detail->order[counts->nkeys++ * detail->order_conditions] = all;
	return true;
}

/*
 * window_end_more() of a statement that is in a burst, if its one value is a
 * fresh key; else false, with nothing done
 */
static inline bool
window_end_key(Window *window, WindowStatement *statement)
{
	if (!statement->has_values ||
		!window_count_fresh_key(window, statement,
								statement->detail))
		return false;
	statement->has_values = false;
	return true;
}

/*
 * The rest of window_end(), if that asks for it.  True if the statement is in
 * a burst.
 */
static inline bool
window_end_more(Window *window, WindowStatement *statement)
{
	WindowCounts *counts = &statement->counts;

	if (unlikely(window->is_staged))
		window_take_rows(window, statement, counts->last_rows, false);
	if (statement->has_values)
		window_count_values(window, statement,
							statement->detail);
	statement->has_values = false;
	if (!counts->burst && statement->possible &&
		counts->executions >= window->threshold)
		window_make_burst(window, statement);
	return counts->burst;
}

/* The most executions that one transaction held */
static inline uint64
window_most_in_one(const WindowStatement *statement)
{
	const WindowCounts *counts = &statement->counts;

	return Max(counts->most_in_one,
			   counts->executions - counts->before_transaction);
}

/* Are all facts of the burst to be told again? */
static inline bool
window_is_due(const Window *window, const WindowStatement *statement)
{
	return statement->counts.executions >= statement->counts.due ||
		window->last_end - statement->counts.told_at >= WINDOW_TELL_AFTER;
}

/* Has it so many executions that its facts are not told with each of them? */
static inline bool
window_is_long(const WindowStatement *statement)
{
	return statement->counts.executions > WINDOW_LONG_BURST;
}

/*
 * Is there nothing to be done at the end of this execution, of a statement that
 * is in a burst, but to tell of it?
 */
static inline bool
window_ends_uncounted(const Window *window, const WindowStatement *statement)
{
	return !statement->has_values && !window->is_staged;
}

/* What every execution of a burst changes */
static inline void
window_grow(const WindowStatement *statement, BurstGrowth *growth)
{
	const WindowCounts *counts = &statement->counts;

	growth->executions = counts->executions;
	growth->rows = counts->rows;
	growth->transactions = counts->transactions;
	growth->exec_time = counts->exec_time;
	growth->wall_time = counts->wall_time;
	growth->last_end = counts->last_end;
}

static inline uint64
window_executions(const WindowStatement *statement)
{
	return statement->counts.executions;
}

#endif							/* QW_WINDOW_RUN_H */

/*-------------------------------------------------------------------------
 *
 * verdict.c
 *		What a burst is: facts in, verdict out.
 *
 * A pure function.  The facts may be a copy of another backend's shared
 * memory, so nothing in them is trusted: no count is used as an index, and
 * arithmetic on them saturates.
 *
 * Precision counts more than recall: a rule that is in doubt says
 * REPEAT_NONE, or suspected, on which nothing acts.
 *
 * src/detector/verdict.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "detector/window.h"

/* a is at least numerator/denominator of b, without overflow */
static inline bool
at_least_share(uint64 a, uint64 b, uint64 numerator, uint64 denominator)
{
	return a / numerator >= b / denominator &&
		(a / numerator > b / denominator ||
		 (a % numerator) * denominator >= (b % denominator) * numerator);
}

static inline uint64
add(uint64 a, uint64 b)
{
	return a > PG_UINT64_MAX - b ? PG_UINT64_MAX : a + b;
}

/*
 * As many as the parent returned, and a tenth more: a row may have been
 * counted that was not walked over, or walked over twice.
 */
static inline uint64
with_tolerance(uint64 rows)
{
	return add(rows, rows / 10 + 1);
}

bool
verdict_possible(const StatementShape *shape)
{
	uint16		flags = shape->flags;

	if (shape->nrelations == 0 ||
		(flags & (SHAPE_IGNORED | SHAPE_SKIP_LOCKED | SHAPE_CATALOG_ONLY)))
		return false;

	switch (shape->command)
	{
		case SHAPE_SELECT:
			return (flags & (SHAPE_LIST_CONDITION | SHAPE_WRITES)) == 0 &&
				(flags & (SHAPE_HAS_CONDITION | SHAPE_HAS_OFFSET)) != 0;
		case SHAPE_INSERT:
			return (flags & SHAPE_SINGLE_ROW_VALUES) != 0;
		case SHAPE_UPDATE:
		case SHAPE_DELETE:
			return (flags & SHAPE_LIST_CONDITION) == 0 &&
				shape->nconditions > 0;
		default:
			return false;
	}
}

/* Do the parent's rows lead to rows of the same table, and so on? */
static inline bool
is_tree(const BurstFacts *facts)
{
	return facts->constraint != InvalidOid &&
		facts->key_relid == facts->parent_relid &&
		facts->key_attnum != facts->parent_attnum &&
		facts->relationship == RELATIONSHIP_ONE_TO_MANY;
}

/*
 * Rows that the parent had to walk over, at most.  In a tree every row that
 * the child returns may be asked for its own children.
 */
static uint64
rows_walked(const BurstFacts *facts)
{
	if (is_tree(facts) && facts->parent_queryid != facts->queryid)
		return add(facts->parent_rows, facts->rows);
	return facts->parent_rows;
}

/* Did the statement run about as often as the parent returned rows? */
static bool
has_cardinality(const BurstFacts *facts, bool final)
{
	uint64		rows = rows_walked(facts);

	if (facts->parent_queryid == 0)
		return false;
	if (!final)
		return rows >= facts->executions;

	/*
	 * An ORM's identity map makes it fewer, but not less than half.  A tree
	 * may be walked one level deep or all the way.
	 */
	return facts->executions >= facts->parent_rows / 2 &&
		facts->executions <= with_tolerance(rows) &&
		(facts->executions >= rows / 2 ||
		 facts->executions <= with_tolerance(facts->parent_rows));
}

/* Is it known by which columns the parent leads to the statement? */
static bool
has_key(const BurstFacts *facts)
{
	return facts->parent_queryid != 0 &&
		(facts->constraint != InvalidOid ||
		 facts->relationship == RELATIONSHIP_DEFERRED_COLUMN);
}

/* ... or that there are several such columns, of which one or more lead to it? */
static bool
may_have_key(const BurstFacts *facts)
{
	return facts->parent_queryid != 0 && facts->constraint == InvalidOid &&
		facts->parent_relid != InvalidOid && facts->parent_attnum == 0;
}

/*
 * Could the keys that were asked for have come from the parent?  Of one column
 * it returned no more keys than rows.  Counts past WINDOW_MAX_VALUES are
 * estimates.
 */
static bool
keys_fit_parent(const BurstFacts *facts)
{
	uint64		rows = rows_walked(facts);
	uint64		most = add(rows, rows / 2 + 1);

	return facts->distinct_keys <= (may_have_key(facts) ? add(most, most) : most);
}

/*
 * Could these be so many requests that happen to share a connection, rather
 * than one piece of work?  Within one transaction or trace there is no
 * question, nor where one of its transactions alone holds a burst.  Else, what
 * comes as often as the statement may belong to the same request.
 */
static bool
may_be_requests(const BurstFacts *facts, uint64 threshold)
{
	return facts->transactions != 1 && !facts->one_piece &&
		facts->most_in_one < threshold && facts->cycle_members > 0;
}

/* Did the parent return none of the values, as far as they were compared? */
static bool
is_refuted(const BurstFacts *facts)
{
	return facts->keys_compared >= 2 && facts->keys_matched == 0 &&
		facts->keys_complete;
}

bool
verdict_walks(const BurstFacts *facts)
{
	return facts->keys_disorder * 10 <= facts->keys_matched &&
		facts->keys_matched * 2 >= facts->keys_walked;
}

/* Fewer executions, or values, are as many by coincidence */
#define LEAST_BY_NUMBER		8

/*
 * Does nothing speak for the two columns but a few small integers, which many
 * a column has?
 */
static bool
may_be_coincidence(const BurstFacts *facts)
{
	return facts->keys_dense && !facts->keys_agree && !has_key(facts) &&
		!may_have_key(facts) && facts->keys_matched < LEAST_BY_NUMBER;
}

/*
 * What the values say.  Within one transaction or trace it is enough that the
 * keys came from the parent.  Otherwise requests for some of its rows, one
 * after another, ask for values of the parent just as well: but a loop takes
 * them in order, or takes (almost) all, each once.  The same holds where the
 * values are small integers, which many a column has; and where the schema
 * speaks against the two columns too, nothing follows from those.
 */
static ValueEvidence
weigh_values(const BurstFacts *facts, uint64 threshold, bool together,
			 bool final)
{
	uint64		compared = facts->keys_compared;
	uint64		matched = facts->keys_matched;
	uint64		offered = facts->keys_offered;
	bool		walks = verdict_walks(facts);
	bool		half;
	bool		full;

	if (facts->parent_queryid == 0 || compared < 2 ||
		compared < Min(threshold, WINDOW_MAX_VALUES) - 1)
		return VALUES_UNKNOWN;
	if (matched * 10 < compared * 9)
	{
		if (!facts->keys_complete && has_key(facts))
			return VALUES_UNKNOWN;
		if (is_tree(facts))
			return VALUES_UNKNOWN;
		if (has_key(facts) ? matched * 2 < compared :
			facts->keys_complete)
			return VALUES_DOUBT;
		return VALUES_UNKNOWN;
	}

	if (facts->keys_dense &&
		(facts->keys_unlikely || may_be_coincidence(facts)))
		return VALUES_DOUBT;
	if (together && (has_key(facts) || !facts->keys_dense))
		return VALUES_CONFIRM;

	/* how many there will be is not known at the threshold */
	half = !final || facts->distinct_keys >= offered / 2;
	full = final && at_least_share(facts->distinct_keys, offered, 9, 10) &&
		at_least_share(facts->distinct_keys, facts->executions, 9, 10);
	return (walks && half) || full ? VALUES_CONFIRM : VALUES_DOUBT;
}

/* The same few values over and over, and nothing written between */
static bool
is_duplicate(const BurstFacts *facts, uint64 threshold)
{
	return facts->duplicates >= threshold - 1 &&
		facts->distinct_values < threshold;
}

/*
 * The same few values over and over, while only tables were written to that
 * the statement does not name.  What a trigger changed is not known.
 */
static bool
is_reread(const BurstFacts *facts, uint64 threshold)
{
	return add(facts->duplicates, facts->rereads) >= threshold - 1 &&
		facts->distinct_values < threshold;
}

/*
 * Does something else than the columns compared for equality vary, of
 * which nothing is a range, that pages are read by?
 */
static bool
varies_otherwise(const BurstFacts *facts, uint64 threshold)
{
	return (facts->shape.flags & (SHAPE_RANGE_CONDITION | SHAPE_HAS_OFFSET)) == 0 &&
		facts->distinct_values >= threshold && !facts->same_row;
}

/*
 * A SELECT that walks over the parent's rows: the confidence in that, or
 * CONFIDENCE_NONE.
 */
static RepeatConfidence
judge_parent(const BurstFacts *facts, uint64 threshold, bool together,
			 bool final, ValueEvidence values)
{
	bool		key = has_key(facts) || may_have_key(facts);
	bool		cardinality = has_cardinality(facts, final);
	bool		many = facts->relationship == RELATIONSHIP_ONE_TO_MANY ||
	facts->relationship == RELATIONSHIP_COUNT_OR_EXISTS;
	RepeatConfidence confidence;

	if (facts->shape.nconditions == 0 || facts->distinct_keys < 2 ||
		(is_refuted(facts) && !is_tree(facts)) ||
		(facts->keys_matched > 0 && may_be_coincidence(facts)))
		return CONFIDENCE_NONE;

	if (key)
	{
		if (!keys_fit_parent(facts))
			return CONFIDENCE_NONE;

		/* rows that were looked up one by one had nothing deferred */
		if (facts->relationship == RELATIONSHIP_DEFERRED_COLUMN &&
			facts->parent_rows <= facts->parent_executions)
			return CONFIDENCE_NONE;

		/*
		 * Keys that come again and again are looked up row by row only where
		 * many rows share a key, and not more often than there are rows.
		 * Otherwise something else is being repeated.
		 */
		if ((facts->distinct_keys < threshold ||
			 is_duplicate(facts, threshold)) &&
			(facts->relationship != RELATIONSHIP_MANY_TO_ONE ||
			 facts->executions > with_tolerance(facts->parent_rows) ||
			 (final && values != VALUES_CONFIRM &&
			  !at_least_share(facts->executions, facts->parent_rows, 9, 10))))
			return CONFIDENCE_NONE;

		confidence = cardinality && has_key(facts) ? CONFIDENCE_CONFIRMED :
			CONFIDENCE_LIKELY;

		/*
		 * A loop over the rows of one table asks for the children of each
		 * once, and for those of all rows.  Requests, one after another, ask
		 * for some twice and for others never.  (Estimates of larger counts
		 * may be far off.)
		 */
		if (!together && many &&
			(!cardinality ||
			 !(facts->executions > WINDOW_MAX_VALUES ?
			   at_least_share(facts->distinct_keys, facts->executions, 1, 2) :
			   at_least_share(facts->distinct_keys, facts->executions, 9, 10))))
			confidence = CONFIDENCE_SUSPECTED;

		/*
		 * The same columns of the same rows once more: a list, and requests
		 * for what is in it, look just like that.
		 */
		if (!together &&
			facts->relationship == RELATIONSHIP_DEFERRED_COLUMN &&
			(!cardinality ||
			 facts->shape.noutput >= facts->parent_shape.noutput))
			confidence = CONFIDENCE_SUSPECTED;
	}
	else if ((cardinality || values == VALUES_CONFIRM) &&
			 facts->distinct_keys >= threshold &&
			 (!final || values == VALUES_CONFIRM ||
			  facts->executions >= LEAST_BY_NUMBER) &&
			 at_least_share(facts->distinct_keys, facts->executions, 1, 2))
	{
		/* nothing but a number speaks for it: it has to be the same */
		confidence = final && facts->executions == rows_walked(facts) &&
			(facts->one_piece ||
			 (together && facts->parent_transactions_shared > 0)) ?
			CONFIDENCE_LIKELY : CONFIDENCE_SUSPECTED;
	}
	else
		return CONFIDENCE_NONE;

	/*
	 * A lazy load is no transaction of its own: where each execution, or few
	 * at a time, had its BEGIN and COMMIT, they are rather requests.
	 */
	if (!together && at_least_share(facts->in_blocks, facts->executions, 1, 2) &&
		facts->executions / Max(facts->transactions, 1) < threshold)
		confidence = CONFIDENCE_SUSPECTED;

	if (values == VALUES_CONFIRM)
		confidence = CONFIDENCE_CONFIRMED;
	else if (values == VALUES_DOUBT)
		confidence = CONFIDENCE_SUSPECTED;
	else if (facts->keys_compared >= 2 && !is_tree(facts) &&
			 facts->keys_matched * 10 < facts->keys_compared * 9)
		confidence = Min(confidence, CONFIDENCE_LIKELY);

	/* a condition that was left out may be another reason for it */
	if (facts->shape.flags & SHAPE_INCOMPLETE)
		confidence = Min(confidence, CONFIDENCE_LIKELY);
	return confidence;
}

/*
 * A SELECT that ran often enough in one piece of work, and is neither of the
 * above: what it is, is less sure.
 */
static void
decide_rest(const BurstFacts *facts, uint64 threshold, RepeatVerdict *verdict)
{
	if (is_reread(facts, threshold))
	{
		verdict->kind = REPEAT_DUPLICATE;
		verdict->confidence = CONFIDENCE_LIKELY;
	}
	else if (varies_otherwise(facts, threshold))
	{
		verdict->kind = REPEAT_LOOKUP;
		verdict->confidence = CONFIDENCE_LIKELY;
	}
	else if (facts->shape.nconditions > 0 && facts->distinct_keys > 1)
	{
		/* from a few places, perhaps */
		verdict->kind = REPEAT_LOOKUP;
		verdict->confidence = CONFIDENCE_SUSPECTED;
	}
}

/* How the parent's rows lead to the statement's */
static RepeatRelationship
relationship_of(const BurstFacts *facts)
{
	if (facts->relationship <= RELATIONSHIP_NONE ||
		facts->relationship > RELATIONSHIP_DEFERRED_COLUMN)
		return RELATIONSHIP_NONE;
	if (facts->relationship == RELATIONSHIP_ONE_TO_MANY &&
		facts->is_membership)
		return RELATIONSHIP_COUNT_OR_EXISTS;
	return facts->relationship;
}

static void
decide_select(const BurstFacts *facts, uint64 threshold, bool together,
			  bool dense, bool final, RepeatVerdict *verdict)
{
	uint16		flags = facts->shape.flags;
	RepeatConfidence confidence;
	ValueEvidence values;

	/* From page to page; visitors who look at one each go back as often */
	if ((flags & SHAPE_HAS_OFFSET) &&
		(flags & SHAPE_INCOMPLETE) == 0 &&
		facts->offset_steps >= threshold - 1 &&
		at_least_share(facts->offset_steps, facts->executions - 1, 3, 4) &&
		facts->distinct_keys <= 1 &&
		!may_be_requests(facts, threshold))
	{
		verdict->kind = REPEAT_DEEP_OFFSET;
		verdict->confidence = together ? CONFIDENCE_CONFIRMED :
			CONFIDENCE_LIKELY;
		return;
	}

	if ((flags & SHAPE_HAS_CONDITION) == 0)
		return;

	values = weigh_values(facts, threshold, together, final);
	confidence = judge_parent(facts, threshold, together, final, values);

	/*
	 * The same again at each step of a walk that explains all that came as
	 * often: it belongs to the walk.
	 */
	if (may_be_requests(facts, threshold) && confidence == CONFIDENCE_NONE &&
		facts->cycle_unexplained == 0 && facts->cycle_walks > 0 &&
		is_duplicate(facts, threshold))
	{
		verdict->kind = REPEAT_DUPLICATE;
		verdict->confidence = CONFIDENCE_LIKELY;
		return;
	}

	/*
	 * Requests, unless a foreign key explains why this statement, and each
	 * that came as often, was repeated after one that came more rarely; or
	 * the values show that it walked over rows of such a one.
	 */
	if (may_be_requests(facts, threshold) &&
		(confidence == CONFIDENCE_NONE || facts->cycle_unexplained > 0 ||
		 (facts->constraint == InvalidOid &&
		  !(may_have_key(facts) &&
			facts->relationship == RELATIONSHIP_MANY_TO_ONE))) &&
		!(confidence == CONFIDENCE_CONFIRMED && values == VALUES_CONFIRM &&
		  verdict_walks(facts) &&
		  (facts->parent_executions <= facts->executions / threshold ||
		   facts->cycle_unexplained == 0) &&
		  facts->relationship != RELATIONSHIP_DEFERRED_COLUMN))
		return;

	if (confidence != CONFIDENCE_NONE)
	{
		verdict->kind = REPEAT_N_PLUS_ONE;
		verdict->confidence = confidence;
		verdict->has_parent = true;
		verdict->values = values;
		verdict->relationship = relationship_of(facts);
	}
	else if (is_duplicate(facts, threshold))
	{
		verdict->kind = REPEAT_DUPLICATE;
		verdict->confidence = dense ? CONFIDENCE_CONFIRMED :
			CONFIDENCE_SUSPECTED;
	}
	else if (facts->shape.nconditions > 0 &&
			 facts->distinct_keys >= threshold)
	{
		verdict->kind = REPEAT_LOOKUP;
		verdict->confidence = dense ? CONFIDENCE_LIKELY :
			CONFIDENCE_SUSPECTED;
	}
	else if (dense)
		decide_rest(facts, threshold, verdict);
}

/*
 * Longest mean pause between the writes of a loop, in nanoseconds, where each is
 * committed by itself
 */
#define LOOP_PAUSE		UINT64CONST(50000000)

/*
 * Did longer pass, on average, between the executions than a loop lets pass?
 * So it does where each is that of a request.
 */
static bool
has_pauses(const BurstFacts *facts)
{
	uint64		wall = facts->last_end > facts->first_start ?
	facts->last_end - facts->first_start : 0;
	uint64		idle = wall > facts->exec_time ? wall - facts->exec_time : 0;

	return idle / Max(facts->executions, 1) > LOOP_PAUSE;
}

static void
decide_write(const BurstFacts *facts, uint64 threshold, bool dense,
			 RepeatVerdict *verdict)
{
	if (facts->shape.command == SHAPE_INSERT)
	{
		/* several rows for each that was counted: sent in batches */
		if (facts->rows / 2 >= facts->executions)
			return;
		verdict->kind = REPEAT_INSERT;
	}
	else
	{
		if (facts->distinct_keys < threshold ||
			facts->rows > facts->executions)
			return;
		verdict->kind = facts->shape.command == SHAPE_UPDATE ?
			REPEAT_UPDATE : REPEAT_DELETE;
	}

	/*
	 * With something else in every other transaction, or with pauses, they
	 * may be requests: what they have in common differs from request to
	 * request.
	 */
	if (dense)
		verdict->confidence = CONFIDENCE_CONFIRMED;
	else if (facts->others * 2 >= facts->transactions || has_pauses(facts))
		verdict->confidence = CONFIDENCE_SUSPECTED;
	else
		verdict->confidence = CONFIDENCE_LIKELY;
	verdict->committed_alone = facts->transactions >= facts->executions;
}

/*
 * A statement in a unit of work, all of whose executions belong together.  What
 * a walk proves that has nothing to speak for its columns is the unit, rather
 * than the parent.
 */
static void
decide_unit(const BurstFacts *facts, uint64 threshold, RepeatVerdict *verdict)
{
	bool		walked = facts->unit != UNIT_MEMBER;

	switch (facts->shape.command)
	{
		case SHAPE_SELECT:
			if ((facts->shape.flags & SHAPE_HAS_CONDITION) == 0)
				return;
			if (walked)
			{
				verdict->kind = REPEAT_N_PLUS_ONE;
				verdict->has_parent = facts->parent_queryid != 0;
				verdict->relationship = relationship_of(facts);
				verdict->confidence =
					facts->unit == UNIT_SUSPECTED ? CONFIDENCE_SUSPECTED :
					facts->unit == UNIT_EACH_ONCE ? CONFIDENCE_LIKELY :
					CONFIDENCE_CONFIRMED;
				verdict->values = facts->unit == UNIT_SUSPECTED ?
					VALUES_UNKNOWN : VALUES_CONFIRM;
			}
			else if (is_duplicate(facts, threshold))
			{
				verdict->kind = REPEAT_DUPLICATE;
				verdict->confidence = CONFIDENCE_CONFIRMED;
			}
			else if (facts->shape.nconditions > 0 &&
					 facts->distinct_keys >= threshold)
			{
				verdict->kind = REPEAT_LOOKUP;
				verdict->confidence = CONFIDENCE_LIKELY;
			}
			else
				decide_rest(facts, threshold, verdict);
			break;
		case SHAPE_INSERT:
			if (facts->rows / 2 < facts->executions)
			{
				verdict->kind = REPEAT_INSERT;
				verdict->confidence = CONFIDENCE_CONFIRMED;
			}
			break;
		default:
			if (facts->distinct_keys >= threshold &&
				facts->rows <= facts->executions)
			{
				verdict->kind = facts->shape.command == SHAPE_UPDATE ?
					REPEAT_UPDATE : REPEAT_DELETE;
				verdict->confidence = CONFIDENCE_CONFIRMED;
			}
			break;
	}
	verdict->committed_alone = facts->shape.command != SHAPE_SELECT &&
		facts->transactions >= facts->executions;
	if (facts->shape.flags & SHAPE_INCOMPLETE)
		verdict->confidence = Min(verdict->confidence, CONFIDENCE_LIKELY);
}

void
verdict_decide(const BurstFacts *facts, int threshold, bool final,
			   RepeatVerdict *verdict)
{
	uint64		least = Max(threshold, 2);
	uint64		mean;
	bool		together;
	bool		dense;

	memset(verdict, 0, sizeof(RepeatVerdict));

	if (facts->executions < least || facts->batched ||
		!verdict_possible(&facts->shape))
		return;

	verdict->one_transaction = facts->transactions == 1;
	together = verdict->one_transaction || facts->one_piece;

	/*
	 * each of its transactions would make a burst by itself, or one that
	 * holds most of it does
	 */
	dense = together ||
		facts->executions / Max(facts->transactions, 1) >= least ||
		(facts->most_in_one >= least &&
		 facts->most_in_one >= facts->executions / 2);

	mean = facts->exec_time / facts->executions;
	if (facts->wall_time > mean)
		verdict->time_lost = facts->wall_time - mean;

	if (facts->unit > UNIT_NONE && facts->unit <= UNIT_ORDERED)
		decide_unit(facts, least, verdict);
	else if (facts->shape.command == SHAPE_SELECT)
		decide_select(facts, least, together, dense, final, verdict);
	else if (!may_be_requests(facts, least))
		decide_write(facts, least, dense, verdict);
}

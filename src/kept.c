/*-------------------------------------------------------------------------
 *
 * kept.c
 *		Statements of this session that lost their slots.
 *
 * Sets of a few ways, in each of which the next is used in turn.  No memory is
 * taken by a session whose slots are enough.
 *
 * src/kept.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "utils/memutils.h"

#include "kept.h"

#define KEPT_SETS	128
#define KEPT_WAYS	4

typedef struct KeptStatement
{
	StatementLocal local;		/* queryid 0: none */
	TableRef	ref;
} KeptStatement;

typedef struct KeptSet
{
	KeptStatement ways[KEPT_WAYS];
	uint32		next;			/* way to be used next */
} KeptSet;

static KeptSet *sets = NULL;

/* Of other bits than the lists of slots, or only some would be used */
static inline KeptSet *
set_of(const StatementKey *key)
{
	return &sets[((key->queryid >> 7) ^ (key->queryid >> 39)) % KEPT_SETS];
}

static inline KeptStatement *
find(KeptSet *set, const StatementKey *key)
{
	for (int i = 0; i < KEPT_WAYS; i++)
	{
		if (set->ways[i].local.key.queryid == key->queryid &&
			statement_key_equal(&set->ways[i].local.key, key))
			return &set->ways[i];
	}
	return NULL;
}

void
kept_remember(const StatementLocal *local, const TableRef *ref)
{
	KeptStatement *kept;
	KeptSet    *set;

	if (unlikely(sets == NULL))
	{
		sets = MemoryContextAllocExtended(TopMemoryContext,
										  sizeof(KeptSet) * KEPT_SETS,
										  MCXT_ALLOC_NO_OOM |
										  MCXT_ALLOC_ZERO);
		if (sets == NULL)
			return;
	}
	set = set_of(&local->key);
	kept = find(set, &local->key);
	if (kept == NULL)
		kept = &set->ways[set->next++ % KEPT_WAYS];
	kept->local = *local;
	kept->ref = *ref;
}

bool
kept_pin(const StatementKey *key, TableEntryInfo *info,
		 StatementLocal *local)
{
	KeptStatement *kept = sets ? find(set_of(key), key) : NULL;

	if (kept == NULL)
		return false;
	info->ref = kept->ref;
	info->shape_serial = kept->local.shape_serial;
	if (!table_pin_again(info, &kept->local.shape))
		return false;
	*local = kept->local;

	/* as another table of that name, or dropped from the window meanwhile */
	if (info->shape_serial != local->shape_serial ||
		(local->window_statement != NULL &&
		 !window_holds(local->window_statement, key->queryid)))
		local->window_statement = NULL;
	return true;
}

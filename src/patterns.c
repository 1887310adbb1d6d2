/*-------------------------------------------------------------------------
 *
 * patterns.c
 *		The shared table of patterns, and the bursts that are open.
 *
 * A table of a thousand patterns is searched by comparing hashes in a row,
 * which takes about as long as the copying.  When it is full the pattern seen
 * longest ago makes room.
 *
 * A burst is moved from its backend's open ones to the table under the lock
 * held exclusively, and a reader copies both under the lock held shared, so
 * it sees each burst once.
 *
 * src/patterns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "patterns.h"
#include "settings.h"
#include "shmem.h"

/*
 * Open bursts that readers see: one for each two backends, and so many more.  A
 * backend takes as many as are free; those that find no room are private to it
 * and reach readers when they close.
 */
#define MORE_BURSTS		512

/* Places from one backend's first choice to the next one's */
#define FIRST_BURSTS	4

/* Bursts that a reader has room for, should they begin while it reads */
#define SPARE_BURSTS	16

/*
 * Bursts of one backend open at a time: its window holds no more statements, and
 * each may have one in a unit of work too
 */
#define OPEN_BURSTS		(2 * WINDOW_MAX_STATEMENTS)

/* Copies tried of a burst that is being written */
#define MAX_COPY_TRIES	100000

#define OTHER_ROUTES	"(other)"

typedef struct OpenBurst
{
	bool		used;
	Oid			userid;
	Oid			dbid;
	int			threshold;		/* repeat_threshold of its session */
	uint32		resets;			/* SharedPatterns.resets when it began */
	Oid			parent_relid;	/* the parent's column that the strings name */
	AttrNumber	parent_attnum;
	TimestampTz seen;
	PatternStrings strings;
	BurstFacts	facts;
	BurstProgress progress;		/* since then; 0 executions: none */
} OpenBurst;

/* No two lie on the same cache line */
typedef union SharedBurst
{
	struct
	{
		pg_atomic_uint32 taken; /* 1: a backend has it */
		uint32		change;		/* odd while the owner writes */
		OpenBurst	burst;
	};
	char		pad[TYPEALIGN(PG_CACHE_LINE_SIZE,
							  sizeof(OpenBurst) + sizeof(uint64))];
} SharedBurst;

typedef struct SharedPattern
{
	uint64		hash;			/* of the key; 0: free */
	uint64		recorded;		/* SharedPatterns.recorded when a burst was
								 * added last; 0: not since the server start */
	Pattern		pattern;
} SharedPattern;

typedef struct SharedPatterns
{
	int			max;
	int			nbackends;
	int			npatterns;
	int			nroutes;
	uint64		routes[PATTERN_MAX_ROUTES];
	uint32		resets;			/* a burst from before the last one is void */
	uint64		recorded;		/* bursts added; unlike the time of day it
								 * never steps back */
	int64		dropped;
	int64		routes_folded;
	PatternCounts counts;
	SharedPattern patterns[FLEXIBLE_ARRAY_MEMBER];
} SharedPatterns;

static SharedPatterns *shared = NULL;
static SharedBurst *shared_bursts = NULL;	/* burst_count() of them, of
											 * whichever backend takes them */

/* Where the bursts of this backend are */
typedef struct BurstPlace
{
	bool		used;
	OpenBurst  *burst;			/* part of "shared", or private */
	SharedBurst *shared;		/* where readers see it; NULL if they do not */
} BurstPlace;

static BurstPlace places[OPEN_BURSTS];
static OpenBurst private_bursts[OPEN_BURSTS];

static Size
table_size(void)
{
	return add_size(offsetof(SharedPatterns, patterns),
					mul_size(qw_max_patterns, sizeof(SharedPattern)));
}

static int
burst_count(void)
{
	return MaxBackends / 2 + MORE_BURSTS;
}

Size
patterns_shmem_size(void)
{
	return add_size(CACHELINEALIGN(table_size()),
					mul_size(burst_count(), sizeof(SharedBurst)));
}

Size
patterns_connection_size(void)
{
	return sizeof(SharedBurst) / 2;
}

void
patterns_shmem_init(void *place, bool found)
{
	shared = place;
	shared_bursts = (SharedBurst *)
		((char *) place + CACHELINEALIGN(table_size()));
	if (found)
		return;
	memset(place, 0, patterns_shmem_size());
	shared->max = qw_max_patterns;
	shared->nbackends = MaxBackends;
	for (int i = 0; i < burst_count(); i++)
		pg_atomic_init_u32(&shared_bursts[i].taken, 0);
}

uint64
pattern_text_hash(const char *string)
{
	uint64		hash;

	if (string[0] == '\0')
		return 0;
	hash = hash_bytes_extended((const unsigned char *) string,
							   strlen(string), 0);
	return hash != 0 ? hash : 1;
}

/*
 * The table
 */

/*
 * What the burst of these facts adds up to on its own; false: to nothing.
 * Without the strings.
 */
static bool
pattern_of_burst(const OpenBurst *burst, const BurstFacts *facts, bool final,
				 Pattern *pattern)
{
	RepeatVerdict verdict;

	verdict_decide(facts, burst->threshold, final, &verdict);
	if (verdict.kind == REPEAT_NONE ||
		verdict.confidence == CONFIDENCE_NONE)
		return false;

	memset(&pattern->key, 0, sizeof(PatternKey));
	memset(&pattern->confidence, 0,
		   sizeof(Pattern) - offsetof(Pattern, confidence));
	pattern->key.kind = verdict.kind;
	pattern->key.userid = burst->userid;
	pattern->key.dbid = burst->dbid;
	pattern->key.queryid = facts->queryid;
	pattern->key.parent_queryid = verdict.has_parent ? facts->parent_queryid : 0;
	pattern->key.application = pattern_text_hash(burst->strings.application_name);
	pattern->key.route = pattern_text_hash(burst->strings.route);
	pattern->confidence = verdict.confidence;
	pattern->relationship = verdict.relationship;
	pattern->bursts = 1;
	pattern->executions = pattern->max_burst = facts->executions;
	pattern->distinct_values = facts->distinct_values;
	pattern->rows = facts->rows;
	pattern->transactions = facts->transactions;
	pattern->bursts_one_transaction = verdict.one_transaction;
	pattern->bursts_committed_alone = verdict.committed_alone;
	if (verdict.has_parent)
	{
		pattern->parent_executions = facts->parent_executions;
		pattern->parent_rows = facts->parent_rows;
		pattern->values_compared = facts->keys_compared;
		pattern->values_matched = facts->keys_matched;
		pattern->bursts_values_confirm = verdict.values == VALUES_CONFIRM;
		pattern->bursts_values_doubt = verdict.values == VALUES_DOUBT;
	}
	pattern->max_offset = facts->max_offset;
	pattern->varied = facts->varied;
	pattern->key_relid = facts->key_relid;
	pattern->key_attnum = facts->key_attnum;
	if (verdict.has_parent)
	{
		pattern->parent_relid = facts->parent_relid;
		pattern->parent_attnum = facts->parent_attnum;
	}
	pattern->exec_time = (double) facts->exec_time;
	pattern->burst_time = (double) (facts->last_end - facts->first_start);
	pattern->time_lost = (double) verdict.time_lost;
	pattern->first_seen = pattern->last_seen = burst->seen;
	return true;
}

/* The strings of such a pattern */
static void
add_strings(const OpenBurst *burst, Pattern *pattern)
{
	pattern->strings = burst->strings;
	if (pattern->parent_relid != burst->parent_relid ||
		pattern->parent_attnum != burst->parent_attnum)
		pattern->strings.parent_column[0] =
			pattern->strings.constraint_name[0] = '\0';
}

/* Do the values of any of its bursts tell? */
static inline bool
has_values(const Pattern *pattern)
{
	return pattern->bursts_values_confirm + pattern->bursts_values_doubt > 0;
}

/*
 * A burst whose values tell is believed before those without, whichever was
 * surer; where the values of some speak for the parent and those of others
 * against it, the greater number.
 */
static inline bool
is_better(const Pattern *a, const Pattern *b)
{
	return has_values(a) == has_values(b) ?
		a->confidence > b->confidence : has_values(a);
}

void
pattern_sum(Pattern *to, const Pattern *from)
{
	to->bursts += from->bursts;
	to->executions += from->executions;
	to->max_burst = Max(to->max_burst, from->max_burst);
	to->distinct_values += from->distinct_values;
	to->rows += from->rows;
	to->transactions += from->transactions;
	to->bursts_one_transaction += from->bursts_one_transaction;
	to->bursts_committed_alone += from->bursts_committed_alone;
	to->parent_executions += from->parent_executions;
	to->parent_rows += from->parent_rows;
	to->max_offset = Max(to->max_offset, from->max_offset);
	to->varied |= from->varied;
	to->exec_time += from->exec_time;
	to->burst_time += from->burst_time;
	to->time_lost += from->time_lost;
	to->first_seen = Min(to->first_seen, from->first_seen);
	to->last_seen = Max(to->last_seen, from->last_seen);
}

/* The strings of "from" are needed only if it is better */
static void
pattern_add(Pattern *to, const Pattern *from)
{
	bool		better = is_better(from, to);

	to->bursts_values_confirm += from->bursts_values_confirm;
	to->bursts_values_doubt += from->bursts_values_doubt;
	if (better)
	{
		to->confidence = from->confidence;
		to->relationship = from->relationship;
		to->key_relid = from->key_relid;
		to->key_attnum = from->key_attnum;
		to->parent_relid = from->parent_relid;
		to->parent_attnum = from->parent_attnum;
		strlcpy(to->strings.key_column, from->strings.key_column,
				sizeof(to->strings.key_column));
		strlcpy(to->strings.parent_column, from->strings.parent_column,
				sizeof(to->strings.parent_column));
		strlcpy(to->strings.constraint_name, from->strings.constraint_name,
				sizeof(to->strings.constraint_name));
	}
	if (to->bursts_values_doubt > to->bursts_values_confirm)
		to->confidence = Min(to->confidence, CONFIDENCE_SUSPECTED);
	to->values_compared += from->values_compared;
	to->values_matched += from->values_matched;
	pattern_sum(to, from);
}

static uint64
pattern_hash(const PatternKey *key)
{
	uint64		h = key->queryid;

	h = hash_combine64(h, key->parent_queryid);
	h = hash_combine64(h, key->application);
	h = hash_combine64(h, key->route);
	h = hash_combine64(h, (uint64) key->userid << 32 | key->dbid);
	h = hash_combine64(h, key->kind);
	return h != 0 ? h : 1;
}

static bool
pattern_key_equal(const PatternKey *a, const PatternKey *b)
{
	return a->kind == b->kind && a->userid == b->userid &&
		a->dbid == b->dbid && a->queryid == b->queryid &&
		a->parent_queryid == b->parent_queryid &&
		a->application == b->application && a->route == b->route;
}

/*
 * A route is the client's word and may be a raw URL: past a number of
 * distinct ones they share a name; then true.
 */
static bool
fold_route(Pattern *pattern)
{
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE));
	if (pattern->key.route == 0)
		return false;
	for (int i = 0; i < shared->nroutes; i++)
	{
		if (shared->routes[i] == pattern->key.route)
			return false;
	}
	if (shared->nroutes < PATTERN_MAX_ROUTES)
	{
		shared->routes[shared->nroutes++] = pattern->key.route;
		return false;
	}
	shared->routes_folded++;
	pattern->key.route = pattern_text_hash(OTHER_ROUTES);
	return true;
}

/*
 * The values have shown which parent it is.  Others, which the same statement
 * was only seen after, were taken for it by mistake.
 */
static void
doubt_other_parents(const Pattern *pattern)
{
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE));
	for (int i = 0; i < shared->npatterns; i++)
	{
		Pattern    *other = &shared->patterns[i].pattern;
		PatternKey	key = other->key;

		key.parent_queryid = pattern->key.parent_queryid;
		if (other->key.parent_queryid != 0 && !has_values(other) &&
			other->strings.constraint_name[0] == '\0' &&
			other->relationship != RELATIONSHIP_DEFERRED_COLUMN &&
			pattern_key_equal(&key, &pattern->key))
			other->confidence = Min(other->confidence, CONFIDENCE_SUSPECTED);
	}
}

/* Counts a burst that has ended; the lock is held exclusively */
static void
count_burst(const Pattern *pattern)
{
	PatternCount *count =
	&shared->counts.counts[pattern->key.kind][pattern->confidence];

	count->bursts++;
	count->executions += pattern->executions;
	count->time_lost += (int64) pattern->time_lost;
}

/* Was nothing added to a pattern for longer than to another? */
static bool
is_older(const SharedPattern *a, const SharedPattern *b)
{
	if (a->recorded != b->recorded)
		return a->recorded < b->recorded;
	return a->pattern.last_seen < b->pattern.last_seen;
}

/* Adds a burst's pattern to the table; the lock is held exclusively */
static void
table_record(const OpenBurst *burst, Pattern *pattern)
{
	SharedPattern *entry = NULL;
	bool		folded = fold_route(pattern);
	uint64		hash;

	if (pattern->bursts_values_confirm > 0)
		doubt_other_parents(pattern);
	hash = pattern_hash(&pattern->key);
	for (int i = 0; i < shared->npatterns; i++)
	{
		SharedPattern *candidate = &shared->patterns[i];

		if (candidate->hash == hash &&
			pattern_key_equal(&candidate->pattern.key, &pattern->key))
		{
			if (is_better(pattern, &candidate->pattern))
				add_strings(burst, pattern);
			pattern_add(&candidate->pattern, pattern);
			candidate->recorded = ++shared->recorded;
			return;
		}
		if (entry == NULL || is_older(candidate, entry))
			entry = candidate;
	}
	if (shared->npatterns < shared->max)
		entry = &shared->patterns[shared->npatterns++];
	else
		shared->dropped++;
	Assert(entry != NULL);
	add_strings(burst, pattern);
	if (folded)
		strlcpy(pattern->strings.route, OTHER_ROUTES,
				sizeof(pattern->strings.route));
	entry->hash = hash;
	entry->recorded = ++shared->recorded;
	entry->pattern = *pattern;
}

/*
 * Open bursts
 */

/* Takes a place where readers see a burst.  NULL if none is free. */
static SharedBurst *
take_shared_burst(void)
{
	uint32		nslots = (uint32) burst_count();
	int			number = MyProc != NULL ? compat_proc_number() : -1;
	uint32		start;

	if (number < 0 || number >= shared->nbackends)
		return NULL;
	start = (uint32) number * FIRST_BURSTS;
	for (uint32 i = 0; i < nslots; i++)
	{
		SharedBurst *slot = &shared_bursts[(start + i) % nslots];

		if (pg_atomic_read_u32(&slot->taken) == 0 &&
			pg_atomic_exchange_u32(&slot->taken, 1) == 0)
			return slot;
	}
	return NULL;
}

/* Where nobody sees it, there is no slot */
static inline void
begin_writing(SharedBurst *slot)
{
	if (slot == NULL)
		return;
	((volatile SharedBurst *) slot)->change++;
	pg_write_barrier();
}

static inline void
end_writing(SharedBurst *slot)
{
	if (slot == NULL)
		return;
	pg_write_barrier();
	((volatile SharedBurst *) slot)->change++;
}

int
patterns_open(const PatternStrings *strings, Oid userid,
			  const BurstFacts *facts)
{
	TimestampTz now;
	int			handle;
	OpenBurst  *burst;
	SharedBurst *slot;

	for (handle = 0; handle < OPEN_BURSTS; handle++)
	{
		if (!places[handle].used)
			break;
	}
	if (handle == OPEN_BURSTS)
		return -1;
	now = GetCurrentTimestamp();
	slot = take_shared_burst();
	burst = slot != NULL ? &slot->burst : &private_bursts[handle];
	places[handle].used = true;
	places[handle].shared = slot;
	places[handle].burst = burst;

	begin_writing(slot);
	burst->used = true;
	burst->userid = userid;
	burst->dbid = MyDatabaseId;
	burst->threshold = qw_repeat_threshold;
	burst->resets = ((volatile SharedPatterns *) shared)->resets;
	burst->parent_relid = facts->parent_relid;
	burst->parent_attnum = facts->parent_attnum;
	burst->seen = now;
	burst->strings = *strings;
	burst->facts = *facts;
	burst->progress.growth.executions = 0;
	end_writing(slot);
	return handle;
}

void
patterns_update(int handle, const BurstFacts *facts)
{
	BurstPlace *place;

	if (handle < 0)
		return;
	place = &places[handle];
	begin_writing(place->shared);
	place->burst->facts = *facts;
	place->burst->progress.growth.executions = 0;
	end_writing(place->shared);
}

const BurstFacts *
patterns_facts(int handle)
{
	Assert(handle >= 0 && handle < OPEN_BURSTS && places[handle].used);
	return &places[handle].burst->facts;
}

void
patterns_rename(int handle, const PatternStrings *strings,
				const BurstFacts *facts)
{
	BurstPlace *place;
	PatternStrings *to;

	if (handle < 0)
		return;
	place = &places[handle];
	to = &place->burst->strings;
	begin_writing(place->shared);
	place->burst->facts = *facts;
	place->burst->progress.growth.executions = 0;
	place->burst->parent_relid = facts->parent_relid;
	place->burst->parent_attnum = facts->parent_attnum;
	strlcpy(to->key_column, strings->key_column, sizeof(to->key_column));
	strlcpy(to->parent_column, strings->parent_column,
			sizeof(to->parent_column));
	strlcpy(to->constraint_name, strings->constraint_name,
			sizeof(to->constraint_name));
	end_writing(place->shared);
}

void
patterns_progress(int handle, const BurstProgress *progress)
{
	BurstPlace *place;

	if (handle < 0)
		return;
	place = &places[handle];
	if (place->shared == NULL)
		return;
	begin_writing(place->shared);
	place->burst->progress = *progress;
	end_writing(place->shared);
}

void
patterns_grown(int handle, BurstGrowth growth)
{
	SharedBurst *slot = places[handle].shared;

	if (unlikely(slot == NULL))
		return;
	begin_writing(slot);
	slot->burst.progress.growth = growth;
	end_writing(slot);
}

void
patterns_close(int handle, const BurstFacts *facts, bool final)
{
	BurstPlace *place;
	Pattern		pattern;
	bool		found;

	if (handle < 0 || handle >= OPEN_BURSTS)
		return;
	place = &places[handle];
	found = pattern_of_burst(place->burst,
							 facts != NULL ? facts : &place->burst->facts,
							 final, &pattern);

	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	if (found && place->burst->resets == shared->resets)
	{
		count_burst(&pattern);
		table_record(place->burst, &pattern);
	}
	begin_writing(place->shared);
	place->burst->used = false;
	end_writing(place->shared);
	if (place->shared != NULL)
		pg_atomic_write_u32(&place->shared->taken, 0);
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
	place->used = false;
}

/*
 * Reading
 */

static bool
copy_burst(SharedBurst *from, OpenBurst *to)
{
	volatile SharedBurst *slot = from;

	for (int tries = 0; tries < MAX_COPY_TRIES && slot->burst.used; tries++)
	{
		uint32		before = slot->change;

		pg_read_barrier();
		memcpy(to, &from->burst, sizeof(OpenBurst));
		pg_read_barrier();
		if ((before & 1) == 0 && slot->change == before)
			return to->used;
		pg_spin_delay();
	}
	return false;
}

void
patterns_read(PatternCallback callback, void *arg)
{
	int			max_bursts = burst_count();
	Pattern    *patterns;
	OpenBurst  *bursts;
	int			npatterns;
	int			nbursts = 0;
	int			nfound = 0;

	/* as many bursts as there are now, and some that begin meanwhile */
	for (int i = 0; i < max_bursts; i++)
		nfound += shared_bursts[i].burst.used;
	nfound = Min(max_bursts, nfound + SPARE_BURSTS);

	patterns = MemoryContextAllocHuge(CurrentMemoryContext,
									  sizeof(Pattern) * (shared->max + nfound));
	bursts = MemoryContextAllocHuge(CurrentMemoryContext,
									sizeof(OpenBurst) * nfound);

	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	npatterns = shared->npatterns;
	for (int i = 0; i < npatterns; i++)
		patterns[i] = shared->patterns[i].pattern;
	for (int i = 0; i < max_bursts && nbursts < nfound; i++)
	{
		if (copy_burst(&shared_bursts[i], &bursts[nbursts]) &&
			bursts[nbursts].resets == shared->resets)
			nbursts++;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));

	for (int i = 0; i < nbursts; i++)
	{
		Pattern		pattern;
		int			p;

		window_advance(&bursts[i].facts, &bursts[i].progress);
		if (!pattern_of_burst(&bursts[i], &bursts[i].facts, true, &pattern))
			continue;
		add_strings(&bursts[i], &pattern);
		for (p = 0; p < npatterns; p++)
		{
			if (pattern_key_equal(&patterns[p].key, &pattern.key))
			{
				pattern_add(&patterns[p], &pattern);
				break;
			}
		}
		if (p == npatterns)
			patterns[npatterns++] = pattern;
	}

	for (int i = 0; i < npatterns; i++)
		callback(arg, &patterns[i]);

	pfree(patterns);
	pfree(bursts);
}

void
patterns_counts(PatternCounts *counts)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	*counts = shared->counts;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_reset(void)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	shared->resets++;
	shared->npatterns = 0;
	shared->nroutes = 0;
	shared->dropped = 0;
	shared->routes_folded = 0;
	memset(&shared->counts, 0, sizeof(shared->counts));
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_info(PatternsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	info->patterns = shared->npatterns;
	info->limit = shared->max;
	info->dropped = shared->dropped;
	info->routes_folded = shared->routes_folded;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

/*
 * Saving and restoring
 */

void
patterns_state(PatternsState *state)
{
	memset(state, 0, sizeof(PatternsState));
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	state->dropped = shared->dropped;
	state->routes_folded = shared->routes_folded;
	state->nroutes = shared->nroutes;
	memcpy(state->routes, shared->routes, sizeof(state->routes));
	state->counts = shared->counts;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_restore_state(const PatternsState *state)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	shared->dropped = state->dropped;
	shared->routes_folded = state->routes_folded;
	shared->nroutes = state->nroutes;
	memcpy(shared->routes, state->routes, sizeof(shared->routes));
	shared->counts = state->counts;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_restore(const Pattern *pattern)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	if (shared->npatterns < shared->max)
	{
		SharedPattern *entry = &shared->patterns[shared->npatterns++];

		entry->hash = pattern_hash(&pattern->key);
		entry->recorded = 0;
		entry->pattern = *pattern;
	}
	else
		shared->dropped++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

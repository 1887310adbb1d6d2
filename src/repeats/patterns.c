/*-------------------------------------------------------------------------
 *
 * patterns.c
 *		The shared table of patterns, and the bursts that are open.
 *
 * Patterns are found by a hash of their key without the parent, so that the
 * patterns of one statement after different parents stand in one chain.  Lists
 * by rank, each in the order of use, tell which pattern makes room when the
 * table is full: the one used longest ago among those of the lowest rank.  A
 * pattern's rank is its confidence; it loses a grade with every RANK_LIFE times
 * max_patterns patterns that wanted room since its last burst.  A burst of a lower rank
 * than every pattern is counted as dropped and takes nobody's place.  One of a
 * kind, statement and parent that are there already, only under another
 * application or route, pushes nothing out: it is added to those under
 * "(other)", which one of them becomes.  A second chain, by the key without
 * these two, leads there.  So closing a burst costs the same however many
 * patterns there are.
 *
 * A burst is moved from its backend's open ones to the table under the lock
 * held exclusively.  A reader copies the patterns piece by piece, then, under
 * the lock held shared, those that were used meanwhile, which stand first in
 * the lists, and the open bursts.  So it sees each burst once, and a writer
 * waits for no copy of the whole table.
 *
 * src/repeats/patterns.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "miscadmin.h"
#include "port/atomics.h"
#include "port/pg_bitutils.h"
#include "storage/ipc.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "detector/relate.h"
#include "repeats/patterns.h"

/*
 * Open bursts that readers see: one for each two backends, and so many more.  A
 * backend takes as many as are free; those that find no room are private to it
 * and reach readers when they close.
 */
#define MORE_BURSTS		256

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

/* Ranks: RepeatConfidence */
#define RANKS			(CONFIDENCE_CONFIRMED + 1)
#define RANK_LIFE		16

/* Patterns that a reader copies while it holds the lock */
#define COPY_PATTERNS	16

#define NO_PATTERN		(-1)

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
	uint64		hash;			/* of the key without the parent */
	uint64		recorded;		/* SharedPatterns.recorded when a burst was
								 * added last; 0: not since the server start */
	uint64		wanted;			/* SharedPatterns.wanted then */
	int			next;			/* in the chain of its bucket */
	uint64		core;			/* hash of the key without application and
								 * route, ... */
	int			core_next;		/* ... and the chain of that */
	int			rank;			/* which list it is in ... */
	int			newer;			/* ... and its neighbours there */
	int			older;
	Pattern		pattern;
} SharedPattern;

/* The patterns of a rank, by use */
typedef struct RankList
{
	int			newest;
	int			oldest;
} RankList;

/* The first distinct names of a kind; further ones share one */
typedef struct SharedNames
{
	int			n;
	uint64		hashes[PATTERN_MAX_NAMES];
	int64		folded;			/* bursts counted under PATTERN_OTHER_NAMES */
} SharedNames;

typedef struct SharedPatterns
{
	int			max;
	int			nbackends;
	int			npatterns;
	int			nbuckets;		/* a power of two */
	SharedNames routes;
	SharedNames applications;
	RankList	ranks[RANKS];
	uint32		resets;			/* a burst from before the last one is void */
	uint64		recorded;		/* bursts added; unlike the time of day it
								 * never steps back */
	uint64		wanted;			/* patterns for which the table had no room */
	int64		dropped;		/* the same, since the last reset */
	int64		memory_refused; /* since then too; not saved */
	PatternCounts counts;
	SharedPattern patterns[FLEXIBLE_ARRAY_MEMBER];
} SharedPatterns;

static SharedPatterns *shared = NULL;
static int *buckets = NULL;		/* heads of the chains by hash ... */
static int *core_buckets = NULL;	/* ... and of those by core */
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

GrowingBurst patterns_growing[OPEN_BURSTS];
static uint32 unseen_change;	/* of bursts that readers do not see */

static int
bucket_count(void)
{
	return (int) pg_nextpower2_32((uint32) qw_max_patterns);
}

static Size
table_size(void)
{
	return add_size(offsetof(SharedPatterns, patterns),
					mul_size(qw_max_patterns, sizeof(SharedPattern)));
}

static Size
buckets_size(void)
{
	return mul_size(2 * (Size) bucket_count(), sizeof(int));
}

static int
burst_count(void)
{
	return MaxBackends / 2 + MORE_BURSTS;
}

Size
patterns_shmem_size(void)
{
	return add_size(add_size(CACHELINEALIGN(table_size()),
							 CACHELINEALIGN(buckets_size())),
					mul_size(burst_count(), sizeof(SharedBurst)));
}

Size
patterns_connection_size(void)
{
	return sizeof(SharedBurst) / 2;
}

/* No pattern at all */
static void
clear_table(void)
{
	shared->npatterns = 0;
	for (int i = 0; i < shared->nbuckets; i++)
		buckets[i] = core_buckets[i] = NO_PATTERN;
	for (int i = 0; i < RANKS; i++)
		shared->ranks[i].newest = shared->ranks[i].oldest = NO_PATTERN;
}

void
patterns_shmem_init(void *place, bool found)
{
	shared = place;
	buckets = (int *) ((char *) place + CACHELINEALIGN(table_size()));
	core_buckets = buckets + bucket_count();
	shared_bursts = (SharedBurst *)
		((char *) buckets + CACHELINEALIGN(buckets_size()));
	if (found)
		return;
	memset(place, 0, patterns_shmem_size());
	shared->max = qw_max_patterns;
	shared->nbackends = MaxBackends;
	shared->nbuckets = bucket_count();
	clear_table();
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
	if (verdict.has_parent)
	{
		pattern->key.parent_queryid = facts->parent_queryid;
		pattern->key.parent = relate_parent_id(facts->parent_queryid,
											   &facts->parent_shape);
	}
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
		pattern->bursts_values_confirm = verdict.values == VALUES_CONFIRM;
		pattern->bursts_values_doubt = verdict.values == VALUES_DOUBT;
	}
	pattern->values_compared = facts->keys_compared;
	pattern->values_matched = facts->keys_matched;
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

/* Of the key without the parent */
static uint64
pattern_hash(const PatternKey *key)
{
	uint64		h = key->queryid;

	h = hash_combine64(h, key->application);
	h = hash_combine64(h, key->route);
	h = hash_combine64(h, (uint64) key->userid << 32 | key->dbid);
	return hash_combine64(h, key->kind);
}

/* Of the key without application and route */
static uint64
core_hash(const PatternKey *key)
{
	uint64		h = hash_combine64(key->queryid, key->parent);

	h = hash_combine64(h, (uint64) key->userid << 32 | key->dbid);
	return hash_combine64(h, key->kind);
}

static bool
pattern_key_equal(const PatternKey *a, const PatternKey *b)
{
	return a->kind == b->kind && a->userid == b->userid &&
		a->dbid == b->dbid && a->queryid == b->queryid &&
		a->parent == b->parent &&
		a->application == b->application && a->route == b->route;
}

/*
 * The table's chains and lists; the lock is held exclusively
 */

static inline int *
bucket_of(uint64 hash)
{
	return &buckets[(hash ^ hash >> 32) & (shared->nbuckets - 1)];
}

static inline int *
core_bucket_of(uint64 core)
{
	return &core_buckets[(core ^ core >> 32) & (shared->nbuckets - 1)];
}

static void
unlink_rank(int i)
{
	SharedPattern *entry = &shared->patterns[i];
	RankList   *list = &shared->ranks[entry->rank];

	if (entry->newer != NO_PATTERN)
		shared->patterns[entry->newer].older = entry->older;
	else
		list->newest = entry->older;
	if (entry->older != NO_PATTERN)
		shared->patterns[entry->older].newer = entry->newer;
	else
		list->oldest = entry->newer;
}

/* Puts a pattern that is in no list among those of its confidence */
static void
link_rank(int i, bool newest)
{
	SharedPattern *entry = &shared->patterns[i];
	RankList   *list;

	entry->rank = entry->pattern.confidence;
	list = &shared->ranks[entry->rank];
	entry->newer = newest ? NO_PATTERN : list->oldest;
	entry->older = newest ? list->newest : NO_PATTERN;
	if (entry->newer != NO_PATTERN)
		shared->patterns[entry->newer].older = i;
	else
		list->newest = i;
	if (entry->older != NO_PATTERN)
		shared->patterns[entry->older].newer = i;
	else
		list->oldest = i;
}

static void
link_pattern(int i, bool newest)
{
	SharedPattern *entry = &shared->patterns[i];
	int		   *bucket;

	entry->hash = pattern_hash(&entry->pattern.key);
	bucket = bucket_of(entry->hash);
	entry->next = *bucket;
	*bucket = i;
	entry->core = core_hash(&entry->pattern.key);
	bucket = core_bucket_of(entry->core);
	entry->core_next = *bucket;
	*bucket = i;
	link_rank(i, newest);
}

static void
unlink_pattern(int i)
{
	SharedPattern *entry = &shared->patterns[i];
	int		   *link = bucket_of(entry->hash);

	while (*link != i)
		link = &shared->patterns[*link].next;
	*link = entry->next;
	link = core_bucket_of(entry->core);
	while (*link != i)
		link = &shared->patterns[*link].core_next;
	*link = entry->core_next;
	unlink_rank(i);
}

/* The pattern of a key, or NO_PATTERN */
static int
find_pattern(const PatternKey *key, uint64 hash)
{
	int			i;

	for (i = *bucket_of(hash); i != NO_PATTERN; i = shared->patterns[i].next)
	{
		if (shared->patterns[i].hash == hash &&
			pattern_key_equal(&shared->patterns[i].pattern.key, key))
			break;
	}
	return i;
}

/* The pattern was used just now, its confidence may be another */
static void
touch_pattern(int i)
{
	unlink_rank(i);
	link_rank(i, true);
	shared->patterns[i].recorded = ++shared->recorded;
	shared->patterns[i].wanted = shared->wanted;
}

/* A pattern's rank as of now */
static int
rank_now(const SharedPattern *entry)
{
	uint64		age = shared->wanted - entry->wanted;
	uint64		grades = age / ((uint64) RANK_LIFE * shared->max);

	return grades < (uint64) entry->rank ? entry->rank - (int) grades : 0;
}

/*
 * The pattern that makes room for one of that confidence: the one used longest
 * ago of those with the lowest rank.  NO_PATTERN: all rank higher.
 */
static int
find_victim(RepeatConfidence confidence)
{
	int			best = NO_PATTERN;
	int			best_rank = (int) confidence + 1;

	for (int rank = 0; rank < RANKS; rank++)
	{
		int			i = shared->ranks[rank].oldest;
		int			now;

		if (i == NO_PATTERN)
			continue;
		now = rank_now(&shared->patterns[i]);
		if (now < best_rank ||
			(now == best_rank && best != NO_PATTERN &&
			 shared->patterns[i].recorded < shared->patterns[best].recorded))
		{
			best = i;
			best_rank = now;
		}
	}
	return best;
}

/*
 * Routes and applications are the client's word and may be raw URLs or numbers
 * of jobs: past a number of distinct ones they share a name; then true.
 */
static bool
fold_name(SharedNames *names, uint64 *hash)
{
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE));
	if (*hash == 0)
		return false;
	for (int i = 0; i < names->n; i++)
	{
		if (names->hashes[i] == *hash)
			return false;
	}
	if (names->n < PATTERN_MAX_NAMES)
	{
		names->hashes[names->n++] = *hash;
		return false;
	}
	names->folded++;
	*hash = pattern_text_hash(PATTERN_OTHER_NAMES);
	return true;
}

/* The same for an open burst, which takes no name's place */
static void
fold_open(const SharedNames *names, uint64 *hash, char *name, Size size)
{
	if (*hash == 0 || names->n < PATTERN_MAX_NAMES)
		return;
	for (int i = 0; i < names->n; i++)
	{
		if (names->hashes[i] == *hash)
			return;
	}
	*hash = pattern_text_hash(PATTERN_OTHER_NAMES);
	strlcpy(name, PATTERN_OTHER_NAMES, size);
}

/*
 * Was it seen without rows of a parent to compare with, and no key leads to
 * one?
 */
static bool
is_guess(const Pattern *pattern)
{
	if (pattern->key.kind == REPEAT_LOOKUP)
		return pattern->values_compared == 0;
	return pattern->key.kind == REPEAT_N_PLUS_ONE && !has_values(pattern) &&
		pattern->strings.constraint_name[0] == '\0' &&
		pattern->relationship != RELATIONSHIP_DEFERRED_COLUMN;
}

/* Did the rows that it was compared with hold none of its values? */
static bool
is_refuted(const Pattern *pattern)
{
	return pattern->key.parent == 0 && pattern->values_compared >= 2 &&
		pattern->values_matched == 0;
}

/*
 * The values have shown which parent it is, or is not.  Others, which the same statement
 * was only seen after, were taken for it by mistake.
 */
static void
doubt_other_parents(const Pattern *pattern)
{
	PatternKey	wanted = pattern->key;
	uint64		hash;

	wanted.kind = REPEAT_N_PLUS_ONE;
	hash = pattern_hash(&wanted);
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE));
	for (int i = *bucket_of(hash); i != NO_PATTERN; i = shared->patterns[i].next)
	{
		Pattern    *other = &shared->patterns[i].pattern;
		PatternKey	key = other->key;

		key.parent = wanted.parent;
		if (other->key.parent != 0 && !has_values(other) &&
			other->confidence > CONFIDENCE_SUSPECTED &&
			(is_guess(other) || is_refuted(pattern)) &&
			pattern_key_equal(&key, &wanted))
		{
			other->confidence = CONFIDENCE_SUSPECTED;
			touch_pattern(i);	/* for readers, see update_copy() */
		}
	}
}

/*
 * The values have shown that the statement walked over no parent's rows, or
 * over whose.  The pattern of a guess about it may be taken for the same, and
 * becomes one of that key; its number, or NO_PATTERN.
 */
static int
adopt_guess(const Pattern *pattern)
{
	static const RepeatKind kinds[] = {REPEAT_LOOKUP, REPEAT_N_PLUS_ONE};

	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE));
	for (int k = 0; k < lengthof(kinds); k++)
	{
		PatternKey	key = pattern->key;
		uint64		hash;

		key.kind = kinds[k];
		hash = pattern_hash(&key);
		for (int i = *bucket_of(hash); i != NO_PATTERN;
			 i = shared->patterns[i].next)
		{
			Pattern    *other = &shared->patterns[i].pattern;

			key.parent = other->key.parent;
			if (shared->patterns[i].hash != hash || !is_guess(other) ||
				!pattern_key_equal(&key, &other->key))
				continue;
			unlink_pattern(i);
			other->key = pattern->key;
			other->parent_executions = other->parent_rows = 0;
			other->confidence = pattern->confidence;
			other->relationship = pattern->relationship;
			other->parent_relid = pattern->parent_relid;
			other->parent_attnum = pattern->parent_attnum;
			other->strings.parent_column[0] = '\0';
			link_pattern(i, true);
			return i;
		}
	}
	return NO_PATTERN;
}

/*
 * What a guess is taken for where values have shown the one parent of the
 * statement before: gives it that key.
 */
static void
follow_values(Pattern *pattern)
{
	PatternKey	key = pattern->key;
	uint64		hash;
	int			known = NO_PATTERN;

	key.kind = REPEAT_N_PLUS_ONE;
	hash = pattern_hash(&key);
	for (int i = *bucket_of(hash); i != NO_PATTERN; i = shared->patterns[i].next)
	{
		const Pattern *other = &shared->patterns[i].pattern;

		key.parent = other->key.parent;
		if (shared->patterns[i].hash != hash ||
			!pattern_key_equal(&key, &other->key))
			continue;
		if (other->bursts_values_confirm > other->bursts_values_doubt)
		{
			if (known != NO_PATTERN)
				return;
			known = i;
		}
	}
	if (known == NO_PATTERN)
		return;
	if (pattern->key.parent != shared->patterns[known].pattern.key.parent)
		pattern->parent_executions = pattern->parent_rows = 0;
	pattern->key = shared->patterns[known].pattern.key;
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

/*
 * There is no room for another pattern of this key.  If there are any that
 * differ from it in application or route only, it becomes one of theirs that
 * is for all others, and the number of that is returned; else NO_PATTERN.
 */
static int
join_others(Pattern *pattern)
{
	uint64		other = pattern_text_hash(PATTERN_OTHER_NAMES);
	uint64		core = core_hash(&pattern->key);
	PatternKey	key = pattern->key;
	SharedPattern *entry;
	int			i;

	key.application = other;
	i = find_pattern(&key, pattern_hash(&key));
	if (i == NO_PATTERN)
	{
		key.route = other;
		i = find_pattern(&key, pattern_hash(&key));
	}
	for (int c = *core_bucket_of(core); c != NO_PATTERN && i == NO_PATTERN;
		 c = shared->patterns[c].core_next)
	{
		PatternKey	theirs = shared->patterns[c].pattern.key;

		theirs.application = theirs.route = other;
		if (shared->patterns[c].core == core &&
			pattern_key_equal(&theirs, &key))
			i = c;
	}
	if (i == NO_PATTERN)
		return i;

	if (pattern->key.application != key.application)
		shared->applications.folded++;
	if (pattern->key.route != key.route)
		shared->routes.folded++;
	pattern->key = key;
	entry = &shared->patterns[i];
	if (!pattern_key_equal(&entry->pattern.key, &key))
	{
		unlink_pattern(i);
		entry->pattern.key = key;
		strlcpy(entry->pattern.strings.application_name, PATTERN_OTHER_NAMES,
				sizeof(entry->pattern.strings.application_name));
		strlcpy(entry->pattern.strings.route, PATTERN_OTHER_NAMES,
				sizeof(entry->pattern.strings.route));
		link_pattern(i, true);
	}
	return i;
}

/* Adds a burst's pattern to the table; the lock is held exclusively */
static void
table_record(const OpenBurst *burst, Pattern *pattern)
{
	bool		other_route = fold_name(&shared->routes, &pattern->key.route);
	bool		other_application = fold_name(&shared->applications,
											  &pattern->key.application);
	uint64		hash;
	int			i;

	add_strings(burst, pattern);
	if (is_guess(pattern))
		follow_values(pattern);
	hash = pattern_hash(&pattern->key);
	i = find_pattern(&pattern->key, hash);
	if (pattern->bursts_values_confirm > 0 || is_refuted(pattern))
	{
		if (i == NO_PATTERN)
			i = adopt_guess(pattern);
		doubt_other_parents(pattern);
	}
	if (i == NO_PATTERN && shared->npatterns == shared->max)
		i = join_others(pattern);
	if (i != NO_PATTERN)
	{
		pattern_add(&shared->patterns[i].pattern, pattern);
		touch_pattern(i);
		return;
	}

	shared->recorded++;
	if (shared->npatterns < shared->max)
		i = shared->npatterns++;
	else
	{
		i = find_victim(pattern->confidence);
		shared->wanted++;
		shared->dropped++;
		if (i == NO_PATTERN)
			return;
		unlink_pattern(i);
	}
	if (other_route)
		strlcpy(pattern->strings.route, PATTERN_OTHER_NAMES,
				sizeof(pattern->strings.route));
	if (other_application)
		strlcpy(pattern->strings.application_name, PATTERN_OTHER_NAMES,
				sizeof(pattern->strings.application_name));
	shared->patterns[i].recorded = shared->recorded;
	shared->patterns[i].wanted = shared->wanted;
	shared->patterns[i].pattern = *pattern;
	link_pattern(i, true);
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
	slot->change++;
	pg_write_barrier();
}

static inline void
end_writing(SharedBurst *slot)
{
	if (slot == NULL)
		return;
	pg_write_barrier();
	slot->change++;
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
	patterns_growing[handle].growth = NULL;
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

bool
patterns_is_named(int handle, const BurstFacts *facts)
{
	const OpenBurst *burst = places[handle].burst;

	return burst->parent_relid == facts->parent_relid &&
		burst->parent_attnum == facts->parent_attnum;
}

void
patterns_rename_parent(int handle, const BurstFacts *facts, const char *column)
{
	BurstPlace *place = &places[handle];
	PatternStrings *to = &place->burst->strings;

	begin_writing(place->shared);
	place->burst->parent_relid = facts->parent_relid;
	place->burst->parent_attnum = facts->parent_attnum;
	strlcpy(to->parent_column, column, sizeof(to->parent_column));
	to->constraint_name[0] = '\0';
	end_writing(place->shared);
}

void
patterns_progress(int handle, const BurstProgress *progress)
{
	BurstPlace *place;

	if (handle < 0)
		return;
	place = &places[handle];
	patterns_growing[handle].growth = &place->burst->progress.growth;
	patterns_growing[handle].change = place->shared != NULL ?
		&place->shared->change : &unseen_change;
	begin_writing(place->shared);
	place->burst->progress = *progress;
	end_writing(place->shared);
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

/*
 * Copies the table, piece by piece.  *recorded and *resets: SharedPatterns' when
 * that began.
 */
static int
copy_table(Pattern *patterns, uint64 *recorded, uint32 *resets)
{
	int			n = 0;
	bool		more;

	do
	{
		int			end;

		LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
		if (n == 0)
		{
			*recorded = shared->recorded;
			*resets = shared->resets;
		}
		end = Min(shared->npatterns, n + COPY_PATTERNS);
		for (; n < end; n++)
			patterns[n] = shared->patterns[n].pattern;
		more = n < shared->npatterns;
		LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
	} while (more);
	return n;
}

/*
 * Brings such a copy up to date; the lock is held.  Returns how many there are
 * now.
 */
static int
update_copy(Pattern *patterns, int n, uint64 recorded, uint32 resets)
{
	/* discarded meanwhile: what came since is as new as can be */
	if (resets != shared->resets)
		recorded = 0;
	for (int rank = 0; rank < RANKS; rank++)
	{
		for (int i = shared->ranks[rank].newest;
			 i != NO_PATTERN && shared->patterns[i].recorded > recorded;
			 i = shared->patterns[i].older)
			patterns[i] = shared->patterns[i].pattern;
	}
	return shared->npatterns;
}

void
patterns_read(PatternCallback callback, void *arg)
{
	int			max_bursts = burst_count();
	Pattern    *patterns;
	OpenBurst  *bursts;
	SharedNames routes;
	SharedNames applications;
	uint64		recorded;
	uint32		resets;
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

	npatterns = copy_table(patterns, &recorded, &resets);
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	npatterns = update_copy(patterns, npatterns, recorded, resets);
	routes = shared->routes;
	applications = shared->applications;
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
		fold_open(&routes, &pattern.key.route, pattern.strings.route,
				  sizeof(pattern.strings.route));
		fold_open(&applications, &pattern.key.application,
				  pattern.strings.application_name,
				  sizeof(pattern.strings.application_name));
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
	clear_table();
	memset(&shared->routes, 0, sizeof(SharedNames));
	memset(&shared->applications, 0, sizeof(SharedNames));
	shared->dropped = 0;
	shared->memory_refused = 0;
	memset(&shared->counts, 0, sizeof(shared->counts));
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_memory_refused(uint64 pieces)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	shared->memory_refused += pieces;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_info(PatternsInfo *info)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_SHARED);
	info->patterns = shared->npatterns;
	info->limit = shared->max;
	info->dropped = shared->dropped;
	info->routes_folded = shared->routes.folded;
	info->applications_folded = shared->applications.folded;
	info->memory_refused = shared->memory_refused;
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
	state->routes_folded = shared->routes.folded;
	state->nroutes = shared->routes.n;
	memcpy(state->routes, shared->routes.hashes, sizeof(state->routes));
	state->applications_folded = shared->applications.folded;
	state->napplications = shared->applications.n;
	memcpy(state->applications, shared->applications.hashes,
		   sizeof(state->applications));
	state->counts = shared->counts;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_restore_state(const PatternsState *state)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	shared->dropped = state->dropped;
	shared->routes.folded = state->routes_folded;
	shared->routes.n = state->nroutes;
	memcpy(shared->routes.hashes, state->routes, sizeof(state->routes));
	shared->applications.folded = state->applications_folded;
	shared->applications.n = state->napplications;
	memcpy(shared->applications.hashes, state->applications,
		   sizeof(state->applications));
	shared->counts = state->counts;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

void
patterns_restore(const Pattern *pattern)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_PATTERNS), LW_EXCLUSIVE);
	if (shared->npatterns < shared->max)
	{
		int			i = shared->npatterns++;

		shared->patterns[i].recorded = 0;
		shared->patterns[i].wanted = shared->wanted;
		shared->patterns[i].pattern = *pattern;

		/* of files in which no parent was the same as another one */
		if (pattern->key.parent == 0)
			shared->patterns[i].pattern.key.parent = pattern->key.parent_queryid;
		link_pattern(i, false);
	}
	else
		shared->dropped++;
	LWLockRelease(shmem_lock(SHMEM_LOCK_PATTERNS));
}

/*-------------------------------------------------------------------------
 *
 * capture.c
 *		Counts the statements that this session runs, for tests.
 *
 * Two hash tables with open addressing, never more than three quarters full:
 * of statements by role and queryid, and of values by their hash and the
 * statement's.
 * The statements lie in an array in the order in which they came; the last
 * entry of it is for all that found no room, so that the sum of executions is
 * always right.
 *
 * src/repeats/capture.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/hashfn.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "common/session.h"
#include "common/settings.h"
#include "detector/valueset.h"
#include "repeats/capture.h"

#define INDEX_SIZE		4096	/* powers of two */
#define VALUES_SIZE		65536

StaticAssertDecl(CAPTURE_MAX_STATEMENTS <= INDEX_SIZE * 3 / 4,
				 "the index of statements must keep room");
StaticAssertDecl(CAPTURE_MAX_VALUES <= VALUES_SIZE * 3 / 4,
				 "the table of values must keep room");

typedef struct Capture
{
	uint64		start;			/* monotonic clock */
	bool		has_values;		/* of the execution recorded next ... */
	uint64		values_hash;	/* ... their hash */
	bool		values_complete;
	int			nvalues;
	int			nstatements;	/* without the entry for all others */
	CapturedStatement statements[CAPTURE_MAX_STATEMENTS + 1];
	uint16		index[INDEX_SIZE];	/* number of a statement, from 1; 0: free */
	uint64		values[VALUES_SIZE];	/* 0: free */
} Capture;

bool		capture_on = false;
static Capture *capture = NULL;

void
capture_begin(void)
{
	Assert(!capture_on);
	capture = MemoryContextAllocZero(TopMemoryContext, sizeof(Capture));
	capture->values_complete = true;
	capture->start = compat_clock();
	capture_on = true;
	session_obstacle(OBSTACLE_CAPTURE, true);
	session_obstacle(OBSTACLE_SETTINGS, true);
}

void
capture_forget(void)
{
	if (!capture_on)
		return;
	capture_on = false;
	session_obstacle(OBSTACLE_CAPTURE, false);
	session_obstacle(OBSTACLE_SETTINGS, true);
	pfree(capture);
	capture = NULL;
}

/*
 * Hash of what makes two executions those of one statement: the role too, for
 * it decides who may see the text
 */
static inline uint64
hash_statement(const StatementKey *key)
{
	return hash_combine64(key->queryid, key->userid);
}

/* The entry of a statement; that for all others if it finds no room */
static CapturedStatement *
find_statement(const StatementKey *key, bool make)
{
	uint32		slot = (uint32) valueset_mix(hash_statement(key)) % INDEX_SIZE;
	CapturedStatement *statement;

	while (capture->index[slot] != 0)
	{
		statement = &capture->statements[capture->index[slot] - 1];
		if (statement->key.queryid == key->queryid &&
			statement->key.userid == key->userid)
			return statement;
		slot = (slot + 1) % INDEX_SIZE;
	}
	if (!make || capture->nstatements == CAPTURE_MAX_STATEMENTS)
		return &capture->statements[CAPTURE_MAX_STATEMENTS];

	statement = &capture->statements[capture->nstatements++];
	capture->index[slot] = capture->nstatements;
	statement->key = *key;
	return statement;
}

/* Was this set of values not there before? */
static bool
add_values(uint64 hash)
{
	uint32		slot = (uint32) hash % VALUES_SIZE;

	if (hash == 0)
		hash = 1;
	while (capture->values[slot] != 0)
	{
		if (capture->values[slot] == hash)
			return false;
		slot = (slot + 1) % VALUES_SIZE;
	}
	if (capture->nvalues == CAPTURE_MAX_VALUES)
	{
		capture->values_complete = false;
		return false;
	}
	capture->values[slot] = hash;
	capture->nvalues++;
	return true;
}

void
capture_values(uint64 hash)
{
	capture->has_values = true;
	capture->values_hash = hash;
}

void
capture_execution(const StatementKey *key, uint64 start, uint64 elapsed,
				  uint64 rows)
{
	CapturedStatement *statement;
	bool		has_values = capture->has_values;

	capture->has_values = false;
	if (start < capture->start)
		return;
	statement = find_statement(key, true);
	statement->executions++;
	statement->rows += rows;
	statement->exec_time += elapsed;
	if (has_values && statement->key.queryid != 0 &&
		add_values(valueset_mix(hash_combine64(hash_statement(key),
											   capture->values_hash))))
		statement->distinct_values++;
}

void
capture_more_rows(const StatementKey *key, uint64 elapsed, uint64 rows)
{
	CapturedStatement *statement = find_statement(key, false);

	/* it may have been executed before the capture began */
	if (statement->executions == 0)
		return;
	statement->rows += rows;
	statement->exec_time += elapsed;
}

int
capture_count(void)
{
	bool		others =
	capture->statements[CAPTURE_MAX_STATEMENTS].executions > 0;

	return capture->nstatements + (others ? 1 : 0);
}

const CapturedStatement *
capture_statement(int n)
{
	Assert(n >= 0 && n < capture_count());
	return &capture->statements[n < capture->nstatements ? n :
								CAPTURE_MAX_STATEMENTS];
}

bool
capture_values_complete(void)
{
	return capture->values_complete;
}

/*-------------------------------------------------------------------------
 *
 * suggest_lock.c
 *		Findings about waiting for locks in words.
 *
 * Of whoever held a lock, its statement and its state are shown to those who
 * may see its role's statements; its application to everybody, as
 * pg_stat_activity does.
 *
 * src/findings/suggest_lock.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "lib/stringinfo.h"
#include "mb/pg_wchar.h"
#include "storage/lock.h"
#include "tcop/cmdtag.h"
#include "utils/lsyscache.h"

#include "common/visible.h"
#include "findings/suggest_internal.h"
#include "rewrite/foreignkeys.h"

/* Bytes shown of a statement that held a lock */
#define MAX_STATEMENT	100

/* Those of its waits that are behind one and the same, for locks of any type */
typedef struct Behind
{
	const FindingLockWait *first;	/* the longest of them */
	int64		waited;			/* microseconds */
	int64		state_time;		/* that the blocker was in its state, at most */
} Behind;

/* Samples of an execution, from which on its wait was measured and not guessed */
#define MEASURED_SAMPLES	2

static bool
same_blocker(const LockWaitKey *a, const LockWaitKey *b)
{
	return a->blocker == b->blocker &&
		a->blocker_queryid == b->blocker_queryid &&
		a->blocker_dbid == b->blocker_dbid &&
		a->blocker_userid == b->blocker_userid &&
		a->blocker_application == b->blocker_application;
}

/* Whom it waited for longest, of those that are known; false if none is */
static bool
find_worst(const Finding *finding, Behind *worst)
{
	worst->waited = -1;
	for (int i = 0; i < finding->nlock_waits; i++)
	{
		const FindingLockWait *first = &finding->lock_waits[i];
		Behind		behind = {first, 0, 0};

		if (first->wait->key.blocker == BLOCKER_UNKNOWN)
			continue;
		for (int j = i; j < finding->nlock_waits; j++)
		{
			const LockWait *wait = finding->lock_waits[j].wait;

			if (!same_blocker(&wait->key, &first->wait->key))
				continue;
			behind.waited += wait->waited;
			behind.state_time = Max(behind.state_time, wait->blocker_time);
		}
		if (behind.waited > worst->waited)
			*worst = behind;
	}
	return worst->waited >= 0;
}

/* Waits for locks of a type; microseconds */
static int64
waited_for(const Finding *finding, int lock_type)
{
	int64		waited = 0;

	for (int i = 0; i < finding->nlock_waits; i++)
	{
		if (finding->lock_waits[i].wait->key.lock_type == lock_type)
			waited += finding->lock_waits[i].wait->waited;
	}
	return waited;
}

/* The type of lock that it waited for longest */
static int
main_type(const Finding *finding)
{
	int			type = 0;

	for (int i = 1; i <= LOCKTAG_LAST_TYPE; i++)
	{
		if (waited_for(finding, i) > waited_for(finding, type))
			type = i;
	}
	return type;
}

/* "relation", or "tuple (3.0 s) and transactionid (1.2 s)" */
static void
list_types(StringInfo buf, const Finding *finding, int64 waited)
{
	int			type = main_type(finding);
	int			ntypes = 0;

	if (waited_for(finding, type) == waited)
	{
		appendStringInfoString(buf, lockwaits_type_name(type));
		return;
	}
	for (int i = 0; i <= LOCKTAG_LAST_TYPE; i++)
	{
		int64		time = waited_for(finding, i);

		if (time > 0)
			appendStringInfo(buf, "%s%s (%s)", ntypes++ > 0 ? " and " : "",
							 lockwaits_type_name(i), time_text(time * 1000.0));
	}
}

/* A statement's text on one line, cut */
static char *
brief(const FindingStatement *statement)
{
	char	   *text;
	StringInfoData buf;
	int			length;

	if (statement == NULL || statement->text == NULL)
		return pstrdup("a statement whose text is not kept");
	text = visible_text(statement->text, statement->encoding);
	initStringInfo(&buf);
	for (const char *p = text; *p; p++)
	{
		bool		space = *p == ' ' || *p == '\t' || *p == '\n' || *p == '\r';

		if (!space)
			appendStringInfoChar(&buf, *p);
		else if (buf.len > 0 && buf.data[buf.len - 1] != ' ')
			appendStringInfoChar(&buf, ' ');
	}
	if (buf.len <= MAX_STATEMENT)
		return buf.data;
	length = pg_mbcliplen(buf.data, buf.len, MAX_STATEMENT);
	buf.data[length] = '\0';
	return psprintf("%s...", buf.data);
}

/* Who held the lock */
static void
describe_blocker(StringInfo buf, const Finding *finding, const Behind *behind)
{
	const LockWait *wait = behind->first->wait;
	bool		visible = visible_to_caller(wait->key.blocker_userid);
	const FindingStatement *blocker = behind->first->blocker;

	switch ((BlockerKind) wait->key.blocker)
	{
		case BLOCKER_PREPARED:
			appendStringInfoString(buf, "a prepared transaction");
			return;
		case BLOCKER_DEADLOCK:
			appendStringInfoString(buf, "each other: a deadlock");
			return;
		case BLOCKER_OTHER:
			appendStringInfo(buf, "a process of type %s", wait->blocker_state);
			return;
		default:
			break;
	}
	if (!visible)
		appendStringInfoString(buf, "a statement of another role");
	else if (wait->key.blocker_queryid == 0)
		appendStringInfoString(buf, "a session whose statement is not known");
	else if (blocker == finding->statement)
		appendStringInfoString(buf, "the same statement");
	else
		appendStringInfoString(buf, brief(blocker));
	if (wait->blocker_application[0] != '\0')
		appendStringInfo(buf, " of %s",
						 visible_text(wait->blocker_application, PG_SQL_ASCII));
	if (visible)
		appendStringInfo(buf, " (%s %s)", wait->blocker_state,
						 time_text(behind->state_time * 1000.0));
}

static char *
lock_evidence(const Finding *finding, const Behind *behind, bool known)
{
	StringInfoData buf;
	int64		waited = 0;
	int64		elapsed = 0;
	int64		samples = 0;
	const LockWait *wait;

	for (int i = 0; i < finding->nlock_waits; i++)
	{
		wait = finding->lock_waits[i].wait;
		waited += wait->waited;
		elapsed += wait->elapsed;
		samples += wait->samples;
	}
	initStringInfo(&buf);
	appendStringInfo(&buf, "%s %s %s of %s for ",
					 counted(finding->executions, "execution", "executions"),
					 samples >= MEASURED_SAMPLES * finding->executions ?
					 "waited" : "were seen waiting, at least",
					 time_text(waited * 1000.0),
					 time_text(Max(elapsed, waited) * 1000.0));
	list_types(&buf, finding, waited);
	appendStringInfoString(&buf, " locks");
	if (finding->key.queryid == 0)
		appendStringInfoString(&buf, " while they were being parsed");
	if (!known)
		return buf.data;

	if (behind->waited == waited)
		appendStringInfoString(&buf, ", behind ");
	else if (behind->waited * 2 > waited)
		appendStringInfoString(&buf, ", most behind ");
	else
		appendStringInfo(&buf, ", %s of it behind ",
						 time_text(behind->waited * 1000.0));
	describe_blocker(&buf, finding, behind);
	wait = behind->first->wait;
	if (wait->queued_queryid != 0 && visible_to_caller(wait->queued_userid))
		appendStringInfo(&buf, "; before it in the queue: %s",
						 behind->first->queued == finding->statement ?
						 "itself" : brief(behind->first->queued));
	return buf.data;
}

/* Does it change or lock tables as a whole? */
static bool
is_ddl(const FindingStatement *statement)
{
	static const char *const words[] = {
		"ALTER", "CLUSTER", "CREATE", "DROP", "LOCK", "REFRESH", "REINDEX",
		"TRUNCATE", "VACUUM"
	};
	const char *tag;

	if (statement == NULL || !statement->known ||
		statement->shape.command != SHAPE_UTILITY)
		return false;
	tag = GetCommandTagName((CommandTag) statement->shape.noutput);
	for (int i = 0; i < lengthof(words); i++)
	{
		if (strncmp(tag, words[i], strlen(words[i])) == 0)
			return true;
	}
	return false;
}

/* A DELETE that has to search a table for rows that reference its own */
static bool
suggest_key_index(const FindingStatement *blocker, const Finding *finding,
				  Suggestion *result)
{
	UnindexedKey key;
	char	   *index;

	if (blocker == NULL || !blocker->known ||
		blocker->shape.command != SHAPE_DELETE || !is_here(finding) ||
		blocker->key.dbid != finding->key.dbid ||
		!OidIsValid(blocker->shape.target) ||
		!foreignkeys_unindexed(blocker->shape.target, &key) ||
		(index = foreignkeys_index(&key)) == NULL)
		return false;
	result->rewrite = index;
	result->suggestion =
		psprintf("For each row that the DELETE takes out of %s it searches all of %s, whose foreign key has no index: create one.",
				 table_text(blocker->shape.target), table_text(key.relid));
	return strlen(result->suggestion) <= SUGGESTION_LENGTH;
}

static const char *
advise_on_relation(const Finding *finding, const Behind *behind, bool known)
{
	if (is_ddl(finding->statement))
		return "Run it with SET lock_timeout = '2s' and try again until it gets the lock: while it waits, every other statement on the table waits behind it. End long and idle transactions on the table first.";
	if (known && (is_ddl(behind->first->queued) ||
				  behind->first->wait->queued_queryid != 0))
		return "What wants the whole table waits too, and all others wait behind it: run it with SET lock_timeout = '2s' and try again, so that the queue dissolves. End long and idle transactions on the table first.";
	return "Run what locks the whole table with SET lock_timeout = '2s', in a transaction of its own that ends at once, and try again; what scans or rewrites the table has a way without: CREATE INDEX CONCURRENTLY, NOT VALID and VALIDATE CONSTRAINT later.";
}

static const char *
advise_on_rows(const Finding *finding)
{
	const StatementShape *shape = &finding->statement->shape;

	if (finding->statement->known && (shape->flags & SHAPE_ROW_LOCKS) != 0 &&
		(shape->flags & SHAPE_HAS_LIMIT) != 0 &&
		(shape->flags & SHAPE_SKIP_LOCKED) == 0)
		return "If any row will do, as in a queue of jobs, take one that nobody has: FOR UPDATE SKIP LOCKED. Else commit sooner.";
	return NULL;
}

static const char *
advise_on_state(const Finding *finding, const Behind *behind)
{
	bool		visible =
	visible_to_caller(behind->first->wait->key.blocker_userid);

	switch ((BlockerKind) behind->first->wait->key.blocker)
	{
		case BLOCKER_DEADLOCK:
			return "Lock the same rows in the same order everywhere: sort what is written by its key, or SELECT ... ORDER BY its key FOR UPDATE first. Try again what failed with 40P01.";
		case BLOCKER_PREPARED:
			return "Look at pg_prepared_xacts: COMMIT PREPARED or ROLLBACK PREPARED what was left over. A transaction manager has to end what it prepared.";
		case BLOCKER_OTHER:
			return "Look at pg_stat_activity for what it does. lock_timeout bounds the wait.";
		case BLOCKER_IDLE:
			if (visible)
				return "It holds a lock of its session, not of a transaction: release it as soon as the work is done, or take pg_advisory_xact_lock().";
			break;
		case BLOCKER_IDLE_IN_TRANSACTION:
			if (visible)
				return "Commit sooner: the transaction that held the lock did nothing meanwhile. No slow work (calls to other services, waiting for people) between the write and COMMIT; idle_in_transaction_session_timeout ends what was forgotten, lock_timeout bounds the wait.";
			break;
		case BLOCKER_ACTIVE:
			if (visible && behind->first->blocker == finding->statement)
				return "Many write the same rows: write them last in the transaction and commit at once, in the same order everywhere, or spread a counter over several rows. lock_timeout bounds the wait.";
			break;
		case BLOCKER_UNKNOWN:
			break;
	}
	return NULL;
}

void
suggest_shorter_lock(const Finding *finding, Suggestion *result)
{
	Behind		behind;
	bool		known = find_worst(finding, &behind);
	bool		visible = known &&
	visible_to_caller(behind.first->wait->key.blocker_userid);
	BlockerKind kind = known ?
	(BlockerKind) behind.first->wait->key.blocker : BLOCKER_UNKNOWN;
	const char *advice = NULL;

	result->evidence = lock_evidence(finding, &behind, known);
	if (visible && kind == BLOCKER_ACTIVE &&
		suggest_key_index(behind.first->blocker, finding, result))
		return;
	if (kind == BLOCKER_DEADLOCK || kind == BLOCKER_PREPARED)
		advice = advise_on_state(finding, &behind);
	else
	{
		switch (main_type(finding))
		{
			case LOCKTAG_RELATION:
				advice = advise_on_relation(finding, &behind, known);
				break;
			case LOCKTAG_RELATION_EXTEND:
				advice = "Many sessions add pages to one table at the same time: write more rows per statement (COPY, INSERT of several rows) from fewer sessions, or into partitions.";
				break;
			case LOCKTAG_VIRTUALTRANSACTION:
				advice = "It waits for transactions that began before it to end, as CREATE INDEX CONCURRENTLY does: end long and idle ones first.";
				break;
			case LOCKTAG_TUPLE:
			case LOCKTAG_TRANSACTION:
				advice = advise_on_rows(finding);
				break;
			case LOCKTAG_ADVISORY:
				if (kind != BLOCKER_IDLE && kind != BLOCKER_IDLE_IN_TRANSACTION)
					advice = "Hold the advisory lock for less of the work, split it by key, or do something else meanwhile: pg_try_advisory_xact_lock() does not wait.";
				break;
			default:
				break;
		}
	}
	if (advice == NULL && known)
		advice = advise_on_state(finding, &behind);
	if (advice == NULL)
		advice = "Commit sooner what holds the lock, and write contended rows last, in the same order everywhere. lock_timeout bounds the wait.";
	result->suggestion = pstrdup(advice);
}

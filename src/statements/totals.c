/*-------------------------------------------------------------------------
 *
 * totals.c
 *		Totals of databases, and errors by class.
 *
 * A backend's own totals are written by it alone, between two increments of a
 * change counter, as slots are (see statements.c).  What it has counted is
 * the sum of them and of its slots that are not "totalled"; setting that flag
 * and adding the slot's counts is one change.  So a reader that finds the
 * change counter as it was before it went through the slots has counted each
 * execution once.
 *
 * SHMEM_LOCK_TOTALS: shared while backends are read, so that none hands its
 * totals over to its database meanwhile; exclusively to do that, and to give
 * a database its place.  A place once given stays until the database is
 * dropped, so that no series of numbers starts anew.
 *
 * Everything is added up in integers: floating point sums in another order
 * would differ in the last digit, and a counter might seem to go down.
 *
 * A reset of all statistics voids what was counted before its serial.  The
 * owner notices when it next adds something.
 *
 * Errors are counted in a table of atomic counters, found by key and claimed
 * by compare-and-exchange; the last is for those that find no place.
 *
 * src/statements/totals.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "port/atomics.h"
#include "utils/errcodes.h"

#include "common/compat.h"
#include "common/shmem.h"
#include "statements/statements.h"
#include "statements/totals.h"

/* Attempts to read a backend's counts before waiting a little */
#define READ_SPINS	1000
#define READ_WAITS	1000		/* of a millisecond */

/* 4 microseconds to 137 seconds, finest where most statements are */
const int	totals_exponents[TOTALS_BOUNDS] = {
	12, 14, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32,
	33, 35, 37
};

StaticAssertDecl(HISTOGRAM_MIN_EXPONENT <= 12 && HISTOGRAM_MAX_EXPONENT >= 37,
				 "bounds of totals are bounds of histograms");

/* No two lie on the same cache line */
typedef union SharedBackendTotals
{
	struct
	{
		uint32		change;		/* odd while the owner writes */
		uint32		in_use;		/* SHMEM_LOCK_TOTALS, as is ... */
		int			database;	/* ... its place among the databases */
		uint64		serial;		/* of when the counts were zero */
		TotalCounts counts;
	};
	char		pad[TYPEALIGN(PG_CACHE_LINE_SIZE,
							  sizeof(TotalCounts) + 3 * sizeof(uint64))];
} SharedBackendTotals;

typedef struct SharedErrorTotal
{
	pg_atomic_uint64 key;		/* place of the database + 1, class; 0: free */
	pg_atomic_uint64 count;
} SharedErrorTotal;

typedef struct SharedTotals
{
	int			nbackends;
	int			ndatabases;		/* places given; the first is for the rest */
	pg_atomic_uint64 void_before;	/* counts from before this serial */
	DatabaseTotals databases[TOTALS_DATABASES];
	SharedErrorTotal errors[TOTALS_ERRORS];
} SharedTotals;

static SharedTotals *shared = NULL;
static SharedBackendTotals *backends = NULL;
static SharedBackendTotals *mine = NULL;

/* Which of our bounds a bucket of the statements' histograms is below */
static uint8 bound_of_bucket[HISTOGRAM_BUCKETS];

Size
totals_shmem_size(void)
{
	return add_size(CACHELINEALIGN(sizeof(SharedTotals)),
					mul_size(MaxBackends, sizeof(SharedBackendTotals)));
}

Size
totals_connection_size(void)
{
	return sizeof(SharedBackendTotals);
}

void
totals_shmem_init(void *place, bool found)
{
	int			bound = 0;

	StaticAssertStmt(sizeof(SharedBackendTotals) % PG_CACHE_LINE_SIZE == 0,
					 "no cache line belongs to two backends");
	shared = place;
	backends = (SharedBackendTotals *)
		((char *) place + CACHELINEALIGN(sizeof(SharedTotals)));
	for (int i = 0; i < HISTOGRAM_BUCKETS; i++)
	{
		while (bound < TOTALS_BOUNDS &&
			   histogram_lower(i) >= UINT64CONST(1) << totals_exponents[bound])
			bound++;
		bound_of_bucket[i] = bound;
	}
	if (found)
		return;
	memset(place, 0, totals_shmem_size());
	shared->nbackends = MaxBackends;
	shared->ndatabases = 1;
	pg_atomic_init_u64(&shared->void_before, 0);
	for (int i = 0; i < TOTALS_ERRORS; i++)
	{
		pg_atomic_init_u64(&shared->errors[i].key, 0);
		pg_atomic_init_u64(&shared->errors[i].count, 0);
	}
}

/*
 * Counting
 */

void
total_counts_add(TotalCounts *a, const TotalCounts *b)
{
	int64	   *to = (int64 *) a;
	const int64 *from = (const int64 *) b;

	StaticAssertStmt(sizeof(TotalCounts) % sizeof(int64) == 0,
					 "TotalCounts is all int64");
	for (int i = 0; i < sizeof(TotalCounts) / sizeof(int64); i++)
		to[i] += from[i];
}

void
total_counts_subtract(TotalCounts *a, const TotalCounts *b)
{
	int64	   *from = (int64 *) a;
	const int64 *less = (const int64 *) b;

	for (int i = 0; i < sizeof(TotalCounts) / sizeof(int64); i++)
		from[i] -= less[i];
}

/* Adds the counts of a slot */
static void
counts_add_slot(TotalCounts *pg_restrict a,
				const StatementCounters *pg_restrict c,
				const uint8 *histogram, bool toplevel)
{
	int			end;

	a->executions += c->exec.count;
	a->errors += c->errors;
	a->cancels += c->cancels;
	a->timeouts += c->timeouts;
	a->slow += c->slow_calls;
	a->rows += c->rows;
	a->plans += c->plan.count;
	a->exec_time += (int64) c->exec.total;
	a->plan_time += (int64) c->plan.total;
	a->client_time += c->client_time;
	if (toplevel)
		a->busy_time += (int64) c->exec.total + (int64) c->plan.total;
	for (int i = 0; i < USAGE_NBLOCKS; i++)
		a->blocks[i] += c->usage.blocks[i];
	a->wal_bytes += c->usage.wal[USAGE_WAL_BYTES];

	end = counters_end_bucket(c);
	for (int i = counters_first_bucket(c); i < end; i++)
		a->latency[bound_of_bucket[i]] += histogram[i];
}

/* The place of a database, given to it if there is one to give */
static int
database_place(Oid dbid)
{
	Assert(LWLockHeldByMeInMode(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE));
	for (int i = 1; i < shared->ndatabases; i++)
	{
		if (shared->databases[i].dbid == dbid)
			return i;
	}
	for (int i = 1; i < TOTALS_DATABASES; i++)
	{
		if (shared->databases[i].dbid != InvalidOid)
			continue;
		memset(&shared->databases[i], 0, sizeof(DatabaseTotals));
		shared->databases[i].dbid = dbid;
		shared->ndatabases = Max(shared->ndatabases, i + 1);
		return i;
	}
	return 0;
}

void
totals_attach(void)
{
	SharedBackendTotals *backend = &backends[compat_proc_number()];

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	backend->change = 0;
	backend->database = OidIsValid(MyDatabaseId) ?
		database_place(MyDatabaseId) : 0;
	backend->serial = pg_atomic_read_u64(&shared->void_before);
	memset(&backend->counts, 0, sizeof(TotalCounts));
	backend->in_use = 1;
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
	mine = backend;
}

void
totals_detach(void)
{
	SharedBackendTotals *backend = mine;

	if (backend == NULL)
		return;
	mine = NULL;
	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	if (backend->serial >= pg_atomic_read_u64(&shared->void_before))
		total_counts_add(&shared->databases[backend->database].counts,
						 &backend->counts);
	backend->in_use = 0;
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
}

/*
 * The owner's writes to its totals stand between these two.  Returns whether
 * what was counted since that serial still counts; what there was from before
 * a reset is gone.
 */
static inline bool
write_begins(uint64 serial)
{
	uint64		void_before = pg_atomic_read_u64(&shared->void_before);

	mine->change++;
	pg_write_barrier();
	if (unlikely(mine->serial < void_before))
	{
		memset(&mine->counts, 0, sizeof(TotalCounts));
		mine->serial = void_before;
	}
	return serial >= void_before;
}

static inline void
write_ends(void)
{
	pg_write_barrier();
	mine->change++;
}

void
totals_add(const StatementCounters *counters, const uint8 *histogram,
		   bool toplevel, uint64 serial, uint32 *totalled)
{
	if (mine == NULL)
		return;
	if (write_begins(serial))
		counts_add_slot(&mine->counts, counters, histogram, toplevel);
	*totalled = 1;
	write_ends();
}

/* The WAL that a run has written */
static pg_noinline void
add_wal_bytes(TotalCounts *counts, const Measure *measure)
{
	int64		wal[USAGE_NWAL] = {0};

	compat_add_wal_usage(wal, &pgWalUsage, &measure->wal);
	counts->wal_bytes += wal[USAGE_WAL_BYTES];
}

void
totals_add_run(uint64 elapsed, uint64 planned, uint64 rows,
			   const Measure *measure, bool toplevel, uint64 serial)
{
	if (mine == NULL)
		return;

	/* the serial was read before what it is compared with */
	pg_read_barrier();
	if (write_begins(serial))
	{
		TotalCounts *counts = &mine->counts;
		uint64		busy = elapsed;

		counts->executions++;
		counts->rows += rows;
		counts->exec_time += elapsed;
		if (planned != 0)
		{
			counts->plans++;
			counts->plan_time += planned - 1;
			busy += planned - 1;
		}
		if (toplevel)
			counts->busy_time += busy;
		measure_add_blocks(measure, counts->blocks);
		if (unlikely(measure_wrote(measure)))
			add_wal_bytes(counts, measure);
		counts->latency[bound_of_bucket[histogram_bucket(elapsed)]]++;
	}
	write_ends();
}

void
totals_add_client(uint64 elapsed, uint64 serial)
{
	if (mine == NULL)
		return;
	pg_read_barrier();
	if (write_begins(serial))
		mine->counts.client_time += elapsed;
	write_ends();
}

/* Adds errors of a class, of the database in that place */
static void
count_errors(int place, int sqlstate_class, int64 n)
{
	uint64		key = ((uint64) (place + 1) << 32) | (uint32) sqlstate_class;

	/* 0 stands for any, and is no class that fails */
	for (int i = 0; i < TOTALS_ERRORS - 1 && sqlstate_class != 0; i++)
	{
		SharedErrorTotal *error = &shared->errors[i];
		uint64		there = pg_atomic_read_u64(&error->key);

		if (there == 0 &&
			pg_atomic_compare_exchange_u64(&error->key, &there, key))
			there = key;
		if (there == key)
		{
			pg_atomic_fetch_add_u64(&error->count, n);
			return;
		}
	}
	pg_atomic_fetch_add_u64(&shared->errors[TOTALS_ERRORS - 1].count, n);
}

void
totals_count_error(int sqlstate)
{
	if (mine != NULL)
		count_errors(mine->database, ERRCODE_TO_CATEGORY(sqlstate), 1);
}

void
totals_reset(uint64 serial)
{
	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	pg_atomic_write_u64(&shared->void_before, serial);
	for (int i = 0; i < shared->ndatabases; i++)
	{
		memset(&shared->databases[i].counts, 0, sizeof(TotalCounts));
		memset(&shared->databases[i].base, 0, sizeof(TotalCounts));
	}
	for (int i = 0; i < TOTALS_ERRORS; i++)
		pg_atomic_write_u64(&shared->errors[i].count, 0);
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
}

void
totals_forget(Oid dbid)
{
	int			place = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	for (int i = 1; i < shared->ndatabases; i++)
	{
		if (shared->databases[i].dbid == dbid)
			place = i;
	}
	for (int b = 0; b < shared->nbackends && place != 0; b++)
	{
		if (backends[b].in_use &&
			backends[b].database == place)
			place = 0;
	}
	if (place != 0)
	{
		total_counts_add(&shared->databases[0].counts,
						 &shared->databases[place].counts);
		total_counts_add(&shared->databases[0].base,
						 &shared->databases[place].base);
		memset(&shared->databases[place], 0, sizeof(DatabaseTotals));

		/* its errors too; their places are free for others */
		for (int i = 0; i < TOTALS_ERRORS - 1; i++)
		{
			SharedErrorTotal *error = &shared->errors[i];

			if (pg_atomic_read_u64(&error->key) >> 32 == place + 1)
			{
				pg_atomic_fetch_add_u64(&shared->errors[TOTALS_ERRORS - 1].count,
										pg_atomic_exchange_u64(&error->count, 0));
				pg_atomic_write_u64(&error->key, 0);
			}
		}
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
}

/*
 * Reading
 */

typedef struct PendingSum
{
	TotalCounts *counts;
	uint64		void_before;
} PendingSum;

static void
add_pending(void *arg, const StatementKey *key,
			const StatementCounters *counters, const uint8 *histogram,
			uint64 serial)
{
	PendingSum *sum = arg;

	if (serial >= sum->void_before)
		counts_add_slot(sum->counts, counters, histogram, key->toplevel != 0);
}

/*
 * What a backend has counted since it began, its slots included.  An owner
 * stopped in the middle of its few stores is waited for, up to a second: what
 * it has added by then may be counted twice.
 */
static void
read_backend(int number, TotalCounts *counts)
{
	SharedBackendTotals *backend = &backends[number];
	volatile uint32 *change = &backend->change;
	PendingSum	sum;

	sum.counts = counts;
	sum.void_before = pg_atomic_read_u64(&shared->void_before);
	memset(counts, 0, sizeof(TotalCounts));
	for (int tries = 0; tries < READ_SPINS + READ_WAITS; tries++)
	{
		uint32		before = *change;

		if ((before & 1) == 0)
		{
			pg_read_barrier();
			memset(counts, 0, sizeof(TotalCounts));
			if (backend->serial >= sum.void_before)
				*counts = backend->counts;
			statements_pending(number, add_pending, &sum);
			pg_read_barrier();
			if (*change == before)
				return;
		}
		if (tries < READ_SPINS)
			pg_spin_delay();
		else
			pg_usleep(1000);
	}
}

int
totals_read(DatabaseTotals *databases)
{
	TotalCounts counts;
	int			ndatabases = 1;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_SHARED);
	memcpy(databases, shared->databases, sizeof(shared->databases));
	for (int b = 0; b < shared->nbackends; b++)
	{
		if (!backends[b].in_use)
			continue;
		read_backend(b, &counts);
		total_counts_add(&databases[backends[b].database].counts, &counts);
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));

	/* those of no database in particular, if there is anything */
	if (databases[0].counts.executions + databases[0].counts.plans == 0)
		ndatabases = 0;
	for (int i = 1; i < TOTALS_DATABASES; i++)
	{
		if (databases[i].dbid != InvalidOid)
			databases[ndatabases++] = databases[i];
	}
	return ndatabases;
}

int
totals_read_errors(ErrorTotal *errors)
{
	int			nerrors = 0;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_SHARED);
	for (int i = 0; i < TOTALS_ERRORS; i++)
	{
		uint64		key = pg_atomic_read_u64(&shared->errors[i].key);
		ErrorTotal	error = {InvalidOid, 0, 0};
		int			n;

		error.count = (int64) pg_atomic_read_u64(&shared->errors[i].count);
		if (key != 0)
		{
			error.dbid = shared->databases[(key >> 32) - 1].dbid;
			error.sqlstate_class = (int) (uint32) key;
		}
		else if (error.count == 0)
			continue;

		/* a place set free before it was found made it claim a second one */
		for (n = 0; n < nerrors; n++)
		{
			if (errors[n].dbid == error.dbid &&
				errors[n].sqlstate_class == error.sqlstate_class)
				break;
		}
		if (n < nerrors)
			errors[n].count += error.count;
		else
			errors[nerrors++] = error;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
	return nerrors;
}

int64
totals_busy_time(int backend)
{
	TotalCounts counts;
	int64		busy_time = -1;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_SHARED);
	if (backend >= 0 && backend < shared->nbackends &&
		backends[backend].in_use)
	{
		read_backend(backend, &counts);
		busy_time = counts.busy_time;
	}
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
	return busy_time;
}

/*
 * Restoring
 */

void
totals_restore(const DatabaseTotals *totals)
{
	int			place;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	place = OidIsValid(totals->dbid) ? database_place(totals->dbid) : 0;
	total_counts_add(&shared->databases[place].counts, &totals->counts);
	total_counts_add(&shared->databases[place].base, &totals->base);
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
}

void
totals_restore_error(const ErrorTotal *error)
{
	int			place;

	LWLockAcquire(shmem_lock(SHMEM_LOCK_TOTALS), LW_EXCLUSIVE);
	place = OidIsValid(error->dbid) ? database_place(error->dbid) : 0;
	count_errors(place, error->sqlstate_class, error->count);
	LWLockRelease(shmem_lock(SHMEM_LOCK_TOTALS));
}

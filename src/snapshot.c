/*-------------------------------------------------------------------------
 *
 * snapshot.c
 *		Saving the statistics to a file, and loading them at server start.
 *
 * The worker saves every save_interval, and soon after a reset.  At shutdown
 * it is the postmaster that saves, when all other processes have gone: those
 * that end last, connections for replication that also run SQL, count until
 * after the shutdown checkpoint.  A shutdown that is not clean saves nothing,
 * for a process that was killed may have left a lock behind.
 *
 * Nothing is written where nothing has changed since the file was saved or
 * loaded: a server without work does not write to disk.  See fingerprint().
 *
 * The file is written under another name, piece by piece as the recorders
 * hand out copies, so that nothing is locked while it is written, and gets
 * its name when it is complete and on disk.  So there is always one whole
 * file, the last or the one before.
 *
 * After a crash the counts are lower than they were.  The views say so; but
 * who collects /metrics would take what is left of a counter for new.  So what
 * was loaded after another end than a clean one is the base of these counters,
 * which they leave out from then on, and which is saved with the counts: they
 * begin at 0.
 *
 * It is loaded by the postmaster when shared memory is made, which after a
 * crash is made anew.  One that cannot be used is set aside, with a line in
 * the log.  So is one that a base backup has brought along: its statistics
 * are those of the server that was backed up.
 *
 * src/snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/controldata_utils.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "compat.h"
#include "origin.h"
#include "settings.h"
#include "shmem.h"
#include "slowlog.h"
#include "snapshot.h"
#include "snapshot_file.h"
#include "table.h"

/* Windows has none of these, nor FIFOs among its files */
#ifndef O_NONBLOCK
#define O_NONBLOCK	0
#endif
#ifndef O_NOFOLLOW
#define O_NOFOLLOW	0
#endif

#define SNAPSHOT_PATH	"pg_stat/pg_querywatch.snapshot"
#define TEMPORARY_PATH	SNAPSHOT_PATH ".tmp"
#define ASIDE_PATH		SNAPSHOT_PATH ".corrupt"

#define WRITE_SIZE		(64 * 1024)

/* Room for the longest slow record */
#define SLOW_SIZE		(2 * 1024 * 1024)

/* Milliseconds between saves that were asked for */
#define REQUEST_DELAY	1000

/* In a fingerprint */
#define COMPLETE	(UINT64CONST(1) << 33)

typedef struct SharedSnapshot
{
	pg_atomic_uint64 saved_at;	/* TimestampTz */
	pg_atomic_uint64 saved;		/* fingerprint of what is in the file, with
								 * COMPLETE as in its header; 0: not known */
	SnapshotBase base;			/* written before other processes begin */
	pg_atomic_uint32 requested;
} SharedSnapshot;

static SharedSnapshot *shared = NULL;

/* Of the worker: monotonic milliseconds */
static uint64 last_save = 0;

static uint32 write_event = 0;

/* The last save failed, and that has been reported */
static bool failing = false;

Size
snapshot_shmem_size(void)
{
	return sizeof(SharedSnapshot);
}

void
snapshot_shmem_init(void *place, bool found)
{
	shared = place;
	if (found)
		return;
	pg_atomic_init_u64(&shared->saved_at, 0);
	pg_atomic_init_u64(&shared->saved, 0);
	memset(&shared->base, 0, sizeof(SnapshotBase));
	pg_atomic_init_u32(&shared->requested, 0);
}

TimestampTz
snapshot_saved_at(void)
{
	return (TimestampTz) pg_atomic_read_u64(&shared->saved_at);
}

void
snapshot_base(SnapshotBase *base)
{
	*base = shared->base;
}

void
snapshot_request(void)
{
	pg_atomic_write_u32(&shared->requested, 1);
	worker_wake();
}

/*
 * Saving
 */

typedef struct SnapshotWriter
{
	int			fd;				/* -1: only the CRC is wanted */
	int			error;			/* errno of the first failure, or 0 */
	Size		used;			/* of the buffer */
	pg_crc32c	crc;			/* of all that was put */
	char	   *buffer;
} SnapshotWriter;

static void
flush(SnapshotWriter *writer)
{
	Size		done = 0;

	pgstat_report_wait_start(write_event);
	while (done < writer->used && writer->error == 0)
	{
		ssize_t		n;

		errno = 0;
		n = write(writer->fd, writer->buffer + done, writer->used - done);
		if (n > 0)
			done += n;
		else if (errno != EINTR)
			writer->error = errno != 0 ? errno : ENOSPC;
	}
	pgstat_report_wait_end();
	writer->used = 0;

	/* others may wait for an answer, as DROP DATABASE does */
	if (IsUnderPostmaster)
		CHECK_FOR_INTERRUPTS();
}

static void
put(SnapshotWriter *writer, const void *data, Size size)
{
	COMP_CRC32C(writer->crc, data, size);
	if (writer->fd < 0)
		return;
	while (size > 0 && writer->error == 0)
	{
		Size		part = Min(size, WRITE_SIZE - writer->used);

		memcpy(writer->buffer + writer->used, data, part);
		writer->used += part;
		data = (const char *) data + part;
		size -= part;
		if (writer->used == WRITE_SIZE)
			flush(writer);
	}
}

/* A record: its struct, and bytes that follow it */
static void
put_record(SnapshotWriter *writer, SnapshotRecordType type,
		   const void *data, Size size, const void *more, Size more_size)
{
	static const char zeros[8] = {0};
	SnapshotFrame frame;

	frame.type = type;
	frame.length = (uint32) (size + more_size);
	put(writer, &frame, sizeof(frame));
	put(writer, data, size);
	put(writer, more, more_size);
	put(writer, zeros, SNAPSHOT_PADDED(frame.length) - frame.length);
}

static void
put_statement(void *arg, const StatementRow *row)
{
	SnapshotStatement statement;

	memset(&statement, 0, sizeof(statement));
	statement.row = *row;
	statement.row.unused = 0;
	statement.row.text = statement.row.tables = NULL;
	if (row->text != NULL)
	{
		const char *origin = origin_behind(row->tables);

		statement.texts_length = origin + strlen(origin) + 1 - row->text;
	}
	put_record(arg, SNAPSHOT_STATEMENT, &statement, sizeof(statement),
			   row->text, statement.texts_length);
}

static void
put_evicted(void *arg, Oid dbid, int64 statements,
			const StatementCounters *counters)
{
	SnapshotEvicted evicted;

	memset(&evicted, 0, sizeof(evicted));
	evicted.dbid = dbid;
	evicted.statements = statements;
	evicted.counters = *counters;
	put_record(arg, SNAPSHOT_EVICTED, &evicted, sizeof(evicted), NULL, 0);
}

static void
put_slow_records(SnapshotWriter *writer)
{
	SlowringCursor cursor = {0};
	char	   *records = palloc(SLOW_SIZE);
	Size		size;

	while ((size = slowring_copy_some(&cursor, records, SLOW_SIZE)) > 0)
	{
		for (Size place = 0; place < size;)
		{
			const SharedSlowRecord *record = (const SharedSlowRecord *)
			(records + place);

			put_record(writer, SNAPSHOT_SLOW, record, record->size, NULL, 0);
			place += record->size;
		}
	}
	pfree(records);
}

static void
put_pattern(void *arg, const Pattern *pattern)
{
	put_record(arg, SNAPSHOT_PATTERN, pattern, sizeof(Pattern), NULL, 0);
}

static void
put_wait(void *arg, const WaitEntry *entry)
{
	put_record(arg, SNAPSHOT_WAIT, entry, sizeof(WaitEntry), NULL, 0);
}

static void
put_totals(SnapshotWriter *writer)
{
	DatabaseTotals *databases = palloc(sizeof(DatabaseTotals) * TOTALS_DATABASES);
	ErrorTotal *errors = palloc(sizeof(ErrorTotal) * TOTALS_ERRORS);
	int			ndatabases = totals_read(databases);
	int			nerrors = totals_read_errors(errors);

	for (int i = 0; i < ndatabases; i++)
		put_record(writer, SNAPSHOT_TOTALS, &databases[i],
				   sizeof(DatabaseTotals), NULL, 0);
	for (int i = 0; i < nerrors; i++)
		put_record(writer, SNAPSHOT_ERRORS, &errors[i], sizeof(ErrorTotal),
				   NULL, 0);
	pfree(databases);
	pfree(errors);
}

/* All of it */
static void
put_all(SnapshotWriter *writer, TimestampTz now, bool complete)
{
	SnapshotHeader header;
	StatementsInfo info;
	SlowringState slow;
	PatternsState patterns;
	WaitsInfo	waits;
	pg_crc32c	crc;

	INIT_CRC32C(writer->crc);
	snapshot_header(&header, GetSystemIdentifier(), now, complete);
	put(writer, &header, sizeof(header));

	statements_info(&info);
	put_record(writer, SNAPSHOT_STATEMENTS, &info, sizeof(info), NULL, 0);
	statements_read(true, put_statement, writer);
	statements_evicted(put_evicted, writer);

	put_totals(writer);

	slowring_state(&slow);
	put_record(writer, SNAPSHOT_SLOWLOG, &slow, sizeof(slow), NULL, 0);
	put_slow_records(writer);

	patterns_state(&patterns);
	put_record(writer, SNAPSHOT_PATTERNS, &patterns, sizeof(patterns), NULL, 0);
	patterns_read(put_pattern, writer);

	waits_info(&waits);
	put_record(writer, SNAPSHOT_WAITS, &waits, sizeof(waits), NULL, 0);
	waits_read(put_wait, writer);

	put_record(writer, SNAPSHOT_BASE, &shared->base, sizeof(SnapshotBase),
			   NULL, 0);
	put_record(writer, SNAPSHOT_END, NULL, 0, NULL, 0);
	crc = writer->crc;
	FIN_CRC32C(crc);
	put(writer, &crc, sizeof(crc));
	flush(writer);
}

/*
 * Changes, but for one chance in 2^32, whenever anything to be saved does, and
 * is cheap: the counts of a statement change only with those of its database,
 * by a reset, or by an eviction.  Never 0.
 */
static uint64
fingerprint(void)
{
	SnapshotWriter writer = {.fd = -1};
	uint64		serial = pg_atomic_read_u64(table_reset_serial);
	StatementsInfo info;
	SlowringState slow;
	PatternsState patterns;
	WaitsInfo	waits;

	INIT_CRC32C(writer.crc);
	put(&writer, &serial, sizeof(serial));
	statements_info(&info);
	info.entries = 0;			/* some have no counts */
	put(&writer, &info, sizeof(info));
	statements_evicted(put_evicted, &writer);
	put_totals(&writer);
	slowring_state(&slow);
	put(&writer, &slow, sizeof(slow));
	patterns_state(&patterns);
	put(&writer, &patterns, sizeof(patterns));
	patterns_read(put_pattern, &writer);
	waits_info(&waits);
	put(&writer, &waits, sizeof(waits));
	return (uint64) 1 << 32 | writer.crc;
}

/* Reports a change between saves that fail and saves that do not */
static void
report_outcome(int error)
{
	if (error != 0 && !failing)
	{
		errno = error;
		ereport(LOG,
				(errcode_for_file_access(),
				 errmsg("pg_querywatch could not save its statistics to file \"%s\": %m",
						SNAPSHOT_PATH),
				 errdetail("What was saved before is kept, and saving is tried again.")));
	}
	else if (error == 0 && failing)
		ereport(LOG,
				(errmsg("pg_querywatch saves its statistics again")));
	failing = error != 0;
}

static bool
file_is_there(void)
{
	struct stat st;

	return stat(SNAPSHOT_PATH, &st) == 0;
}

/*
 * Writes the file, if need be; what goes wrong is reported, if it did not
 * before.  "complete": nothing can be counted any more.
 */
static void
save(bool complete)
{
	TimestampTz now = GetCurrentTimestamp();
	SnapshotWriter writer = {0};
	MemoryContext context;
	MemoryContext old_context;
	uint64		state;
	uint64		saved;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"pg_querywatch snapshot",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);

	/* before what is written is read: what changes meanwhile is for the next */
	state = fingerprint();
	saved = pg_atomic_read_u64(&shared->saved);
	if ((state == saved || (state | COMPLETE) == saved) &&
		(!complete || (saved & COMPLETE) != 0) && file_is_there())
	{
		pg_atomic_write_u64(&shared->saved_at, (uint64) now);
		MemoryContextSwitchTo(old_context);
		MemoryContextDelete(context);
		return;
	}

	writer.fd = OpenTransientFile(TEMPORARY_PATH,
								  O_WRONLY | O_CREAT | O_TRUNC | PG_BINARY);
	if (writer.fd < 0)
		writer.error = errno;
	else
	{
		writer.buffer = palloc(WRITE_SIZE);
		put_all(&writer, now, complete);

		/* here, as durable_rename() would report it every time */
		if (writer.error == 0 && pg_fsync(writer.fd) != 0)
			writer.error = errno;
		if (CloseTransientFile(writer.fd) != 0 && writer.error == 0)
			writer.error = errno;
		if (writer.error == 0 &&
			durable_rename(TEMPORARY_PATH, SNAPSHOT_PATH,
						   failing ? DEBUG1 : LOG) != 0)
			writer.error = errno != 0 ? errno : EIO;
		if (writer.error != 0)
			(void) unlink(TEMPORARY_PATH);
	}
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
	if (writer.error == 0)
	{
		pg_atomic_write_u64(&shared->saved_at, (uint64) now);
		pg_atomic_write_u64(&shared->saved, complete ? state | COMPLETE : state);
	}
	report_outcome(writer.error);
}

/* Has the server been shut down as it should, with a checkpoint? */
static bool
shutdown_is_clean(void)
{
	bool		crc_ok;
	ControlFileData *control = get_controlfile(DataDir, &crc_ok);
	bool		clean = crc_ok &&
	(control->state == DB_SHUTDOWNED ||
	 control->state == DB_SHUTDOWNED_IN_RECOVERY);

	pfree(control);
	return clean;
}

/* The end of the postmaster, or of a standalone backend */
static void
save_at_shutdown(int code, Datum arg)
{
	if (code == 0 && qw_save && shutdown_is_clean())
		save(true);
}

static uint64
milliseconds(void)
{
	return compat_clock() / 1000000;
}

/* The worker begins: what was loaded is as good as saved */
static void
duty_begin(void)
{
	last_save = milliseconds();
	write_event = compat_wait_event("PgQuerywatchSnapshotWrite");
}

static long
duty_run(void)
{
	uint64		now = milliseconds();
	uint64		due;

	if (!qw_save || qw_save_interval == 0)
		return -1;

	due = last_save + (uint64) qw_save_interval * 1000;
	if (pg_atomic_read_u32(&shared->requested) != 0)
		due = Min(due, last_save + REQUEST_DELAY);
	if (now >= due)
	{
		pg_atomic_write_u32(&shared->requested, 0);
		save(false);
		last_save = milliseconds();
		return duty_run();
	}
	return (long) (due - now);
}

const WorkerDuty snapshot_duty = {
	.begin = duty_begin,
	.run = duty_run
};

/*
 * Loading
 */

/* A record that is loaded in an order of its own, the highest first */
typedef struct RankedRecord
{
	double		rank;
	TimestampTz last_seen;
	const SnapshotFrame *frame;
} RankedRecord;

static int
compare_ranks(const void *a, const void *b)
{
	const RankedRecord *left = a;
	const RankedRecord *right = b;

	if (left->rank != right->rank)
		return left->rank > right->rank ? -1 : 1;
	if (left->last_seen != right->last_seen)
		return left->last_seen > right->last_seen ? -1 : 1;
	return 0;
}

/*
 * After a crash: what was counted before becomes the base of counters
 */

static void
make_base(StatementRow *row)
{
	row->base.executions = row->counters.exec.count;
	row->base.failures = row->counters.errors + row->counters.cancels;
	row->base.rows = row->counters.rows;
	row->base.exec_time = row->counters.exec.total;
}

static void
restore_totals(const DatabaseTotals *saved, bool complete)
{
	DatabaseTotals totals = *saved;

	if (!complete)
		totals.base = totals.counts;
	totals_restore(&totals);
}

static void
restore_patterns_state(const PatternsState *saved, bool complete)
{
	PatternsState *state = palloc(sizeof(PatternsState));

	*state = *saved;

	/* /metrics alone shows them */
	if (!complete)
		memset(&state->counts, 0, sizeof(state->counts));
	patterns_restore_state(state);
	pfree(state);
}

static void
set_base(void)
{
	StatementsInfo info;
	PatternsInfo patterns;
	SlowlogCounters slow;

	statements_info(&info);
	patterns_info(&patterns);
	slowlog_counters(&slow);
	shared->base.dealloc = info.dealloc;
	shared->base.texts_dropped = info.texts_dropped;
	shared->base.patterns_dropped = patterns.dropped;
	shared->base.slow_overwritten = slow.overwritten;
}

/*
 * Loads a file that has been checked.  "complete": the server came to a clean
 * end, after which it was written.  Where the settings leave less room than
 * there was, the most used statements, the patterns with the most executions
 * and the newest slow executions find some.
 */
static void
restore(const char *data, bool complete)
{
	const SnapshotFrame *frame = NULL;
	RankedRecord *ranked;
	Size		nranked = 0;

	while ((frame = snapshot_next(data, frame)) != NULL)
		nranked++;
	ranked = palloc_extended(sizeof(RankedRecord) * Max(nranked, 1),
							 MCXT_ALLOC_HUGE);
	nranked = 0;

	while ((frame = snapshot_next(data, frame)) != NULL)
	{
		const void *payload = snapshot_payload(frame);
		RankedRecord *record = &ranked[nranked];

		record->frame = frame;
		switch ((SnapshotRecordType) frame->type)
		{
			case SNAPSHOT_STATEMENTS:
				statements_restore_info(payload);
				break;
			case SNAPSHOT_STATEMENT:
				record->rank = ((const SnapshotStatement *) payload)->row.usage;
				record->last_seen =
					((const SnapshotStatement *) payload)->row.counters.last_seen;
				nranked++;
				break;
			case SNAPSHOT_EVICTED:
				{
					const SnapshotEvicted *evicted = payload;

					statements_restore_evicted(evicted->dbid,
											   evicted->statements,
											   &evicted->counters);
				}
				break;
			case SNAPSHOT_TOTALS:
				restore_totals(payload, complete);
				break;
			case SNAPSHOT_ERRORS:
				/* /metrics alone shows them */
				if (complete)
					totals_restore_error(payload);
				break;
			case SNAPSHOT_BASE:
				if (complete)
					memcpy(&shared->base, payload, sizeof(SnapshotBase));
				break;
			case SNAPSHOT_SLOWLOG:
				slowring_restore_state(payload);
				break;
			case SNAPSHOT_SLOW:
				slowring_restore(payload);
				break;
			case SNAPSHOT_PATTERNS:
				restore_patterns_state(payload, complete);
				break;
			case SNAPSHOT_PATTERN:
				record->rank = (double) ((const Pattern *) payload)->executions;
				record->last_seen = ((const Pattern *) payload)->last_seen;
				nranked++;
				break;
			case SNAPSHOT_WAITS:
				waits_restore_info(payload);
				break;
			case SNAPSHOT_WAIT:
				record->rank = (double) ((const WaitEntry *) payload)->total_time;
				record->last_seen = ((const WaitEntry *) payload)->last_seen;
				nranked++;
				break;
			case SNAPSHOT_END:
			case SNAPSHOT_NTYPES:
				break;
		}
	}

	qsort(ranked, nranked, sizeof(RankedRecord), compare_ranks);
	for (Size i = 0; i < nranked; i++)
	{
		const void *payload = snapshot_payload(ranked[i].frame);

		if (ranked[i].frame->type == SNAPSHOT_PATTERN)
			patterns_restore(payload);
		else if (ranked[i].frame->type == SNAPSHOT_WAIT)
			waits_restore(payload);
		else
		{
			const SnapshotStatement *statement = payload;
			StatementRow row = statement->row;

			if (!complete)
				make_base(&row);
			row.text = statement->texts_length > 0 ?
				(const char *) (statement + 1) : NULL;
			statements_restore(&row, statement->texts_length);
		}
	}
	pfree(ranked);
	if (!complete)
		set_base();
	pg_atomic_write_u64(&shared->saved_at,
						(uint64) ((const SnapshotHeader *) data)->saved_at);
}

/*
 * Reads the file, palloc'd.  NULL if it is not there, or *fault says why it
 * cannot be read: a phrase as those of snapshot_fault().
 */
static char *
read_file(Size *size, const char **fault)
{
	struct stat st;
	char	   *data = NULL;
	Size		done = 0;
	int			fd;

	*fault = NULL;
	if (lstat(SNAPSHOT_PATH, &st) != 0)
	{
		if (errno != ENOENT)
			*fault = "cannot be opened";
		return NULL;
	}

	/* to open a FIFO waits for who writes to it, a device may do anything */
	if (!S_ISREG(st.st_mode))
	{
		*fault = "is not a regular file";
		return NULL;
	}
	fd = OpenTransientFile(SNAPSHOT_PATH,
						   O_RDONLY | O_NONBLOCK | O_NOFOLLOW | PG_BINARY);
	if (fd < 0)
	{
		*fault = "cannot be opened";
		return NULL;
	}

	/* it may be another one by now */
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		*fault = "is not a regular file";
	else
	{
		*size = st.st_size;
		data = palloc_extended(Max(*size, 1), MCXT_ALLOC_HUGE | MCXT_ALLOC_NO_OOM);
		if (data == NULL)
			*fault = "does not fit into memory";
	}
	while (*fault == NULL && done < *size)
	{
		ssize_t		n = read(fd, data + done, *size - done);

		if (n > 0)
			done += n;
		else if (n == 0 || errno != EINTR)
			*fault = "cannot be read";
	}
	CloseTransientFile(fd);
	return data;
}

static void
load(void)
{
	struct stat st;
	const char *fault;
	Size		size = 0;
	char	   *data = read_file(&size, &fault);

	if (data == NULL && fault == NULL)
		return;
	if (fault == NULL && stat(BACKUP_LABEL_FILE, &st) == 0)
		fault = "came with a base backup";
	if (fault == NULL)
		fault = snapshot_fault(data, size, GetSystemIdentifier());

	if (fault == NULL)
	{
		bool		complete = ((const SnapshotHeader *) data)->complete != 0 &&
		shutdown_is_clean();

		restore(data, complete);
		pg_atomic_write_u64(&shared->saved,
							fingerprint() | (complete ? COMPLETE : 0));
	}
	else if (rename(SNAPSHOT_PATH, ASIDE_PATH) == 0)
		ereport(LOG,
				(errmsg("pg_querywatch set snapshot file \"%s\" aside as \"%s\" and starts without statistics: it %s",
						SNAPSHOT_PATH, ASIDE_PATH, fault)));
	else
		ereport(LOG,
				(errmsg("pg_querywatch cannot use snapshot file \"%s\" and starts without statistics: it %s",
						SNAPSHOT_PATH, fault)));
	if (data != NULL)
		pfree(data);
}

void
snapshot_startup(bool found)
{
	if (IsUnderPostmaster)
		return;

	on_shmem_exit(save_at_shutdown, (Datum) 0);
	if (!found)
	{
		(void) unlink(TEMPORARY_PATH);
		if (qw_save)
			load();
	}
}

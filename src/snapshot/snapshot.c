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
 * The base is written under another name, piece by piece as the recorders
 * hand out copies, so that nothing is locked while it is written, and gets
 * its name when it is complete and on disk.  So there is always one whole
 * file, the last or the one before.
 *
 * The worker remembers a hash of each record that it wrote.  Further saves
 * write those that have changed since, and the keys of those that have gone,
 * to a second file that belongs to the base, until that file has grown to
 * half of the base: then a new base is written.  A shutdown writes a new
 * base, and so does a worker that has just begun, since it remembers nothing.
 * The records of slow executions never change, there may be very many, and
 * their ids grow: for them the last id is remembered.
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
 * src/snapshot/snapshot.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "access/xlog.h"
#include "common/controldata_utils.h"
#include "common/hashfn.h"
#include "miscadmin.h"
#include "pgstat.h"
#include "port/atomics.h"
#include "port/pg_crc32c.h"
#include "storage/fd.h"
#include "storage/ipc.h"
#include "utils/hsearch.h"
#include "utils/memutils.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "rewrite/origin.h"
#include "slow/slowlog.h"
#include "snapshot/snapshot.h"
#include "snapshot/snapshot_file.h"
#include "snapshot/snapshot_layout.h"
#include "statements/table.h"

/* Windows has none of these, nor FIFOs among its files */
#ifndef O_NONBLOCK
#define O_NONBLOCK	0
#endif
#ifndef O_NOFOLLOW
#define O_NOFOLLOW	0
#endif

#define SNAPSHOT_PATH	"pg_stat/pg_querywatch.snapshot"
#define TEMPORARY_PATH	SNAPSHOT_PATH ".tmp"
#define CHANGES_PATH	"pg_stat/pg_querywatch.changes"
#define ASIDE_SUFFIX	".corrupt"

#define WRITE_SIZE		(64 * 1024)

/* Room for the longest slow record */
#define SLOW_SIZE		(2 * 1024 * 1024)

/* The changes may grow to this, or half of the base, whichever is more */
#define MIN_CHANGES		(256 * 1024)

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
	Size		size;			/* of all that was put */
	Size		limit;			/* of size, EFBIG past it; 0: none */
	pg_crc32c	crc;			/* of all that was put */
	bool		changes;		/* only what has changed is put */
	bool		remember;		/* what is put, in "written" */
	char	   *buffer;
} SnapshotWriter;

/* A record in the files, of the worker */
typedef struct WrittenRecord
{
	uint64		key;			/* snapshot_key() */
	uint64		hash;			/* of the rest */
	uint32		save;			/* the last one that found it there */
} WrittenRecord;

static HTAB * written = NULL;	/* NULL: the next save writes a base */
static uint32 saves = 0;
static int64 written_slow = 0;	/* id of the last slow record written */
static uint64 base_id = 0;
static Size base_size = 0;
static Size changes_size = 0;	/* 0: there is no such file */
static pg_crc32c changes_crc;	/* of these bytes */

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
	writer->size += size;
	if (writer->limit != 0 && writer->size > writer->limit &&
		writer->error == 0)
		writer->error = EFBIG;
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

/*
 * Is the record in the files as it is?  Remembers it.  What differs only in
 * "usage", which decays by itself, is the same.
 */
static bool
is_written(SnapshotRecordType type, const void *data, Size size,
		   const void *more, Size more_size)
{
	uint64		key;
	uint64		hash;
	bool		found;
	WrittenRecord *record;

	if (type == SNAPSHOT_SLOW)
	{
		int64		id = ((const SharedSlowRecord *) data)->id;

		found = id <= written_slow;
		written_slow = Max(written_slow, id);
		return found;
	}
	key = snapshot_key(type, data);
	if (type == SNAPSHOT_STATEMENT)
	{
		SnapshotStatement statement = *(const SnapshotStatement *) data;

		statement.row.usage = 0;
		hash = hash_bytes_extended((unsigned char *) &statement,
								   sizeof(statement), 0);
	}
	else
		hash = hash_bytes_extended(data, size, 0);
	if (more_size > 0)
		hash = hash_bytes_extended(more, more_size, hash);

	record = hash_search(written, &key, HASH_ENTER, &found);
	if (found && record->hash == hash)
	{
		record->save = saves;
		return true;
	}
	record->hash = hash;
	record->save = saves;
	return false;
}

/* A record: its struct, and bytes that follow it */
static void
put_record(SnapshotWriter *writer, SnapshotRecordType type,
		   const void *data, Size size, const void *more, Size more_size)
{
	static const char zeros[8] = {0};
	const SnapshotField *fields;
	SnapshotFrame frame;

	if (writer->remember && snapshot_layout(type, &fields) != NULL &&
		is_written(type, data, size, more, more_size) && writer->changes)
		return;
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
put_plan_wastes(SnapshotWriter *writer)
{
	PlanWasteInfo info;
	PlanWaste  *entries;
	int			n = planwaste_read(&entries);

	planwaste_info(&info);
	put_record(writer, SNAPSHOT_PLANWASTES, &info, sizeof(info), NULL, 0);
	for (int i = 0; i < n; i++)
		put_record(writer, SNAPSHOT_PLANWASTE, &entries[i], sizeof(PlanWaste),
				   NULL, 0);
	pfree(entries);
}

static void
put_lock_waits(SnapshotWriter *writer)
{
	LockWaitsInfo info;
	LockWait   *entries;
	int			n = lockwaits_read(&entries);

	lockwaits_info(&info);
	put_record(writer, SNAPSHOT_LOCKWAITS, &info, sizeof(info), NULL, 0);
	for (int i = 0; i < n; i++)
		put_record(writer, SNAPSHOT_LOCKWAIT, &entries[i], sizeof(LockWait),
				   NULL, 0);
	pfree(entries);
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

/* How the records look that follow */
static void
put_layouts(SnapshotWriter *writer)
{
	for (uint32 type = 0; type < SNAPSHOT_NTYPES; type++)
	{
		const SnapshotField *fields;
		const SnapshotLayout *layout = snapshot_layout(type, &fields);

		if (layout != NULL)
			put_record(writer, SNAPSHOT_LAYOUT, layout, sizeof(SnapshotLayout),
					   fields, sizeof(SnapshotField) * layout->nfields);
	}
}

/* All records, or those that have changed */
static void
put_records(SnapshotWriter *writer)
{
	StatementsInfo info;
	SlowringState slow;
	PatternsState patterns;
	WaitsInfo	waits;

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
	put_lock_waits(writer);

	put_plan_wastes(writer);

	put_record(writer, SNAPSHOT_BASE, &shared->base, sizeof(SnapshotBase),
			   NULL, 0);
}

/* All of a base */
static void
put_base(SnapshotWriter *writer, TimestampTz now, uint64 id, bool complete)
{
	SnapshotHeader header;
	pg_crc32c	crc;

	INIT_CRC32C(writer->crc);
	snapshot_header(&header, GetSystemIdentifier(), now, id, complete);
	put(writer, &header, sizeof(header));
	put_layouts(writer);
	put_records(writer);
	put_record(writer, SNAPSHOT_END, NULL, 0, NULL, 0);
	crc = writer->crc;
	FIN_CRC32C(crc);
	put(writer, &crc, sizeof(crc));
	flush(writer);
}

/* The keys of records that this save did not find any more */
static void
put_gone(SnapshotWriter *writer)
{
	HASH_SEQ_STATUS status;
	WrittenRecord *record;
	uint64	   *keys = palloc_extended(sizeof(uint64) *
									   Max(hash_get_num_entries(written), 1),
									   MCXT_ALLOC_HUGE);
	int			nkeys = 0;

	hash_seq_init(&status, written);
	while ((record = hash_seq_search(&status)) != NULL)
	{
		if (record->save == saves)
			continue;
		keys[nkeys++] = record->key;
		hash_search(written, &record->key, HASH_REMOVE, NULL);
	}
	if (nkeys > 0)
		put_record(writer, SNAPSHOT_GONE, keys, sizeof(uint64) * nkeys,
				   NULL, 0);
	pfree(keys);
}

/* What has changed, and that it is all there */
static void
put_changes(SnapshotWriter *writer, TimestampTz now)
{
	SnapshotFrame frame = {SNAPSHOT_COMMIT, sizeof(SnapshotCommit)};
	SnapshotCommit commit = {0};

	if (changes_size == 0)
	{
		SnapshotChanges header;

		memset(&header, 0, sizeof(header));
		memcpy(header.magic, SNAPSHOT_CHANGES_MAGIC, sizeof(header.magic));
		header.byte_order = SNAPSHOT_BYTE_ORDER;
		header.format = SNAPSHOT_FORMAT;
		header.id = base_id;
		INIT_CRC32C(writer->crc);
		put(writer, &header, sizeof(header));

		/* the CRC is of what follows it: the header is checked as it is */
		INIT_CRC32C(writer->crc);
	}
	else
		writer->crc = changes_crc;
	put_records(writer);
	put_gone(writer);

	commit.saved_at = now;
	put(writer, &frame, sizeof(frame));
	put(writer, &commit.saved_at, sizeof(commit.saved_at));
	commit.crc = writer->crc;
	FIN_CRC32C(commit.crc);
	put(writer, &commit.crc, sizeof(commit) - offsetof(SnapshotCommit, crc));
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
	PlanWasteInfo wastes;
	LockWaitsInfo lockwaits;

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
	planwaste_info(&wastes);
	put(&writer, &wastes, sizeof(wastes));
	lockwaits_info(&lockwaits);
	put(&writer, &lockwaits, sizeof(lockwaits));
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
files_are_there(void)
{
	struct stat st;

	return stat(SNAPSHOT_PATH, &st) == 0 &&
		(changes_size == 0 ||
		 (stat(CHANGES_PATH, &st) == 0 && (Size) st.st_size == changes_size));
}

/* Begins to remember anew what is written; of the worker */
static void
forget_written(bool anew)
{
	if (written != NULL)
		hash_destroy(written);
	written = NULL;
	written_slow = 0;
	if (anew)
	{
		HASHCTL		control = {
			.keysize = sizeof(uint64),
			.entrysize = sizeof(WrittenRecord),
			.hcxt = TopMemoryContext
		};

		written = hash_create("pg_querywatch saved records", 1024, &control,
							  HASH_ELEM | HASH_BLOBS | HASH_CONTEXT);
	}
}

/*
 * Creates a file, in place of what is there: to open that instead might wait
 * for ever, were it a FIFO, or write elsewhere, were it a link.
 */
static int
create_file(const char *path)
{
	(void) unlink(path);
	return OpenTransientFile(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW |
							 PG_BINARY);
}

static void
finish_file(SnapshotWriter *writer)
{
	/* here, as durable_rename() would report it every time */
	if (writer->error == 0 && pg_fsync(writer->fd) != 0)
		writer->error = errno;
	if (CloseTransientFile(writer->fd) != 0 && writer->error == 0)
		writer->error = errno;
}

/* Writes a base; returns errno, or 0 */
static int
save_base(TimestampTz now, bool complete)
{
	SnapshotWriter writer = {0};
	uint64		id;

	if (!pg_strong_random(&id, sizeof(id)))
		id = (uint64) now;
	writer.fd = create_file(TEMPORARY_PATH);
	if (writer.fd < 0)
		return errno;
	writer.buffer = palloc(WRITE_SIZE);
	writer.remember = IsUnderPostmaster;
	if (writer.remember)
		forget_written(true);
	saves++;
	put_base(&writer, now, id, complete);
	finish_file(&writer);
	if (writer.error == 0 &&
		durable_rename(TEMPORARY_PATH, SNAPSHOT_PATH,
					   failing ? DEBUG1 : LOG) != 0)
		writer.error = errno != 0 ? errno : EIO;
	if (writer.error != 0)
	{
		(void) unlink(TEMPORARY_PATH);
		forget_written(false);
		return writer.error;
	}

	/* those of the base before, which count for nothing any more */
	(void) unlink(CHANGES_PATH);
	base_id = id;
	base_size = writer.size;
	changes_size = 0;
	return 0;
}

/*
 * Adds what has changed to the changes; false if a base is to be written
 * instead, because they would be too many or something is in the way.
 */
static bool
save_changes(TimestampTz now)
{
	SnapshotWriter writer = {0};
	Size		most = Max(MIN_CHANGES, base_size / 2);
	struct stat st;

	if (written == NULL || changes_size >= most || !files_are_there())
		return false;
	if (changes_size == 0)
		writer.fd = create_file(CHANGES_PATH);
	else
		writer.fd = OpenTransientFile(CHANGES_PATH, O_WRONLY | O_NONBLOCK |
									  O_NOFOLLOW | PG_BINARY);
	if (writer.fd < 0)
		return false;
	if (fstat(writer.fd, &st) != 0 || !S_ISREG(st.st_mode) ||
		(Size) st.st_size != changes_size ||
		lseek(writer.fd, (off_t) changes_size, SEEK_SET) < 0)
	{
		CloseTransientFile(writer.fd);
		return false;
	}
	writer.buffer = palloc(WRITE_SIZE);
	writer.changes = writer.remember = true;
	writer.limit = most - changes_size;
	saves++;
	put_changes(&writer, now);
	finish_file(&writer);
	if (writer.error == 0 && changes_size == 0)
		fsync_fname("pg_stat", true);
	if (writer.error != 0)
	{
		/* what is behind the last commit is not read; the base is next */
		forget_written(false);
		return false;
	}
	changes_size += writer.size;
	changes_crc = writer.crc;
	return true;
}

/*
 * Writes what there is to be written; what goes wrong is reported, if it did
 * not before.  "complete": nothing can be counted any more.
 */
static void
save(bool complete)
{
	TimestampTz now = GetCurrentTimestamp();
	MemoryContext context;
	MemoryContext old_context;
	uint64		state;
	uint64		saved;
	int			error = 0;

	context = AllocSetContextCreate(CurrentMemoryContext,
									"pg_querywatch snapshot",
									ALLOCSET_DEFAULT_SIZES);
	old_context = MemoryContextSwitchTo(context);

	/* before what is written is read: what changes meanwhile is for the next */
	state = fingerprint();
	saved = pg_atomic_read_u64(&shared->saved);
	if ((state != saved && (state | COMPLETE) != saved) ||
		(complete && (saved & COMPLETE) == 0) || !files_are_there())
	{
		if (complete || !save_changes(now))
			error = save_base(now, complete);
		if (error == 0)
			pg_atomic_write_u64(&shared->saved,
								complete ? state | COMPLETE : state);
		report_outcome(error);
	}
	if (error == 0)
		pg_atomic_write_u64(&shared->saved_at, (uint64) now);
	MemoryContextSwitchTo(old_context);
	MemoryContextDelete(context);
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
task_begin(void)
{
	last_save = milliseconds();
	write_event = compat_wait_event("PgQuerywatchSnapshotWrite");
}

static long
task_run(void)
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
		return task_run();
	}
	return (long) (due - now);
}

const WorkerTask snapshot_task = {
	.begin = task_begin,
	.run = task_run
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
restore(const SnapshotLoaded *loaded, bool complete)
{
	const char *data = loaded->records;
	int64		oldest_slow = 0;
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
				oldest_slow = ((const SlowringState *) payload)->oldest_id;
				break;
			case SNAPSHOT_SLOW:
				/* one of the base may have been overwritten since */
				if (((const SharedSlowRecord *) payload)->id >= oldest_slow)
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
			case SNAPSHOT_PLANWASTES:
				planwaste_restore_info(payload);
				break;
			case SNAPSHOT_PLANWASTE:
				planwaste_restore(payload);
				break;
			case SNAPSHOT_LOCKWAITS:
				lockwaits_restore_info(payload);
				break;
			case SNAPSHOT_LOCKWAIT:
				record->rank = (double) ((const LockWait *) payload)->waited;
				record->last_seen = ((const LockWait *) payload)->last_seen;
				nranked++;
				break;
			case SNAPSHOT_END:
			case SNAPSHOT_LAYOUT:
			case SNAPSHOT_GONE:
			case SNAPSHOT_COMMIT:
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
		else if (ranked[i].frame->type == SNAPSHOT_LOCKWAIT)
			lockwaits_restore(payload);
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
						(uint64) loaded->saved_at);
}

/*
 * Reads a file, palloc'd.  NULL if it is not there, or *fault says why it
 * cannot be read: a phrase as those of snapshot_fault().
 */
static char *
read_file(const char *path, Size *size, const char **fault)
{
	struct stat st;
	char	   *data = NULL;
	Size		done = 0;
	int			fd;

	*fault = NULL;
	if (lstat(path, &st) != 0)
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
	fd = OpenTransientFile(path,
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

/* Sets a file aside that cannot be used; "loss": what that means */
static void
set_aside(const char *path, const char *fault, const char *loss)
{
	char		aside[MAXPGPATH];

	snprintf(aside, sizeof(aside), "%s" ASIDE_SUFFIX, path);
	if (rename(path, aside) == 0)
		ereport(LOG,
				(errmsg("pg_querywatch set snapshot file \"%s\" aside as \"%s\" and starts without %s: it %s",
						path, aside, loss, fault)));
	else
		ereport(LOG,
				(errmsg("pg_querywatch cannot use snapshot file \"%s\" and starts without %s: it %s",
						path, loss, fault)));
}

/* Says which parts of the file were not loaded */
static void
report_skipped(const SnapshotLoaded *loaded)
{
	for (int i = 0; i < Min(loaded->nskipped, SNAPSHOT_MAX_SKIPPED); i++)
		ereport(LOG,
				(errmsg("pg_querywatch did not load part \"%s\" of snapshot file \"%s\"",
						loaded->skipped[i], SNAPSHOT_PATH),
				 errdetail("A newer version of pg_querywatch has written it.")));
}

static void
load(void)
{
	struct stat st;
	const char *fault;
	const char *changes_fault = NULL;
	Size		size = 0;
	Size		more = 0;
	char	   *data = read_file(SNAPSHOT_PATH, &size, &fault);
	char	   *changes = NULL;
	SnapshotLoaded loaded = {0};

	if (data == NULL && fault == NULL)
		return;
	if (fault == NULL && stat(BACKUP_LABEL_FILE, &st) == 0)
		fault = "came with a base backup";
	if (fault == NULL)
	{
		changes = read_file(CHANGES_PATH, &more, &changes_fault);
		fault = snapshot_load(data, size,
							  changes_fault == NULL ? changes : NULL, more,
							  GetSystemIdentifier(), &loaded);
		if (changes_fault == NULL)
			changes_fault = loaded.changes_fault;
	}

	if (fault == NULL)
	{
		bool		complete = loaded.complete && changes_fault == NULL &&
		shutdown_is_clean();

		restore(&loaded, complete);
		pg_atomic_write_u64(&shared->saved,
							fingerprint() | (complete ? COMPLETE : 0));
		report_skipped(&loaded);
		if (changes_fault != NULL)
			set_aside(CHANGES_PATH, changes_fault, "the last changes");
	}
	else
		set_aside(SNAPSHOT_PATH, fault, "statistics");
	free(loaded.records);
	if (changes != NULL)
		pfree(changes);
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

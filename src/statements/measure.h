/*-------------------------------------------------------------------------
 *
 * measure.h
 *		What a statement uses up: readings of the clock and of the server's
 *		own counts, before and after.
 *
 * src/statements/measure.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_MEASURE_H
#define QW_MEASURE_H

#include "executor/instrument.h"
#include "storage/bufmgr.h"

#include "common/compat.h"
#include "common/execution.h"

/* The readings before something that is measured */
typedef struct Measure
{
	uint64		start;			/* monotonic clock, ns */
	WalUsage	wal;
	bool		io_timing;		/* "buffers" has its times */
	int64		rare;			/* measure_rare() of "buffers"; -1, which it
								 * never is, where it has times */
	BufferUsage buffers;
} Measure;

StaticAssertDecl(offsetof(BufferUsage, temp_blks_written) ==
				 USAGE_TEMP_WRITTEN * sizeof(int64),
				 "BufferUsage begins with the block counters");

/*
 * The sum of the block counters but for hits in shared buffers.  They only
 * grow, so that while it stands still each of them does, as they do in most
 * executions.
 */
static inline int64
measure_rare(const BufferUsage *usage)
{
	return usage->shared_blks_read + usage->shared_blks_dirtied +
		usage->shared_blks_written + usage->local_blks_hit +
		usage->local_blks_read + usage->local_blks_dirtied +
		usage->local_blks_written + usage->temp_blks_read +
		usage->temp_blks_written;
}

/* Reads the counts, not the clock */
static inline void
measure_usage_start(Measure *measure)
{
	measure->wal = pgWalUsage;
	measure->io_timing = track_io_timing;
	if (unlikely(measure->io_timing))
		measure->buffers = pgBufferUsage;
	else
		memcpy(&measure->buffers, &pgBufferUsage,
			   USAGE_NBLOCKS * sizeof(int64));
	measure->rare = measure->io_timing ? -1 : measure_rare(&pgBufferUsage);
}

static pg_noinline void
measure_usage_anew(Measure *measure)
{
	measure_usage_start(measure);
}

/* The same where "measure" has earlier readings, most of which may still hold */
static inline void
measure_usage_restart(Measure *measure)
{
	if (unlikely(measure_rare(&pgBufferUsage) != measure->rare ||
				 track_io_timing))
	{
		measure_usage_anew(measure);
		return;
	}
	measure->buffers.shared_blks_hit = pgBufferUsage.shared_blks_hit;
	if (pgWalUsage.wal_records != measure->wal.wal_records)
		measure->wal = pgWalUsage;
}

static inline void
measure_start(Measure *measure)
{
	measure->start = compat_clock();
	measure_usage_start(measure);
}

/* Has WAL been written since? */
static inline bool
measure_wrote(const Measure *measure)
{
	return pgWalUsage.wal_records != measure->wal.wal_records;
}

/* May blocks have been used since, other than found in shared buffers? */
static inline bool
measure_used_rare(const Measure *measure)
{
	return measure_rare(&pgBufferUsage) != measure->rare;
}

/* The blocks used since, added to as many sums */
static pg_noinline void
measure_add_rare(const Measure *measure, int64 *blocks)
{
	const int64 *now = (const int64 *) &pgBufferUsage;
	const int64 *then = (const int64 *) &measure->buffers;

	for (int i = USAGE_SHARED_HIT + 1; i < USAGE_NBLOCKS; i++)
		blocks[i] += now[i] - then[i];
}

static inline void
measure_add_hits(const Measure *measure, int64 *blocks)
{
	blocks[USAGE_SHARED_HIT] += pgBufferUsage.shared_blks_hit -
		measure->buffers.shared_blks_hit;
}

static inline void
measure_add_blocks(const Measure *measure, int64 *blocks)
{
	measure_add_hits(measure, blocks);
	if (unlikely(measure_used_rare(measure)))
		measure_add_rare(measure, blocks);
}

/*
 * What was used up since, added to "usage".  What few statements use is added
 * elsewhere, so that the others need not save registers for it.
 */
static pg_noinline void
measure_add_wal(const Measure *measure, int64 *wal)
{
	compat_add_wal_usage(wal, &pgWalUsage, &measure->wal);
}

static pg_noinline void
measure_add_times(const Measure *measure, Usage *usage)
{
	int64		used[USAGE_NTIMES];

	compat_io_times(used, &pgBufferUsage, &measure->buffers);
	for (int i = 0; i < USAGE_NTIMES; i++)
		usage->times[i] += used[i];
}

/* Returns measure_wrote() */
static inline bool
measure_add_usage(const Measure *measure, Usage *usage)
{
	measure_add_blocks(measure, usage->blocks);
	if (unlikely(measure->io_timing))
		measure_add_times(measure, usage);
	if (likely(!measure_wrote(measure)))
		return false;
	measure_add_wal(measure, usage->wal);
	return true;
}

static inline void
measure_usage(const Measure *measure, Usage *usage)
{
	memset(usage, 0, sizeof(Usage));
	(void) measure_add_usage(measure, usage);
}

#endif							/* QW_MEASURE_H */

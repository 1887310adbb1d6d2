/*-------------------------------------------------------------------------
 *
 * settings.h
 *		The settings of pg_querywatch: their variables and definition.
 *
 * src/common/settings.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_SETTINGS_H
#define QW_SETTINGS_H

/* The library's version */
#define QW_VERSION	"1.0.0"

/* Reached without a detour through the symbol table */
#pragma GCC visibility push(hidden)

typedef enum TrackLevel
{
	TRACK_NONE = 0,
	TRACK_TOP = 1,				/* statements sent by clients */
	TRACK_ALL = PG_INT32_MAX	/* those inside functions too */
} TrackLevel;

typedef enum OnRepeat
{
	ON_REPEAT_OFF,
	ON_REPEAT_LOG,
	ON_REPEAT_NOTICE,
	ON_REPEAT_WARNING,
	ON_REPEAT_ERROR
} OnRepeat;

/* What on_repeat acts on: this confidence and those above it */
typedef enum OnRepeatConfidence
{
	ON_REPEAT_SUSPECTED,
	ON_REPEAT_LIKELY,
	ON_REPEAT_CONFIRMED
} OnRepeatConfidence;

extern int	qw_track;			/* TrackLevel */
extern bool qw_track_utility;
extern bool qw_track_planning;
extern int	qw_max_statements;
extern int	qw_text_memory;		/* kB */
extern int	qw_query_max_length;	/* bytes */
extern int	qw_slow_threshold;	/* ms; -1: none */
extern uint64 qw_slow_nanoseconds;	/* the same; none: the largest number */
extern int	qw_slow_memory;		/* kB */
extern bool qw_capture_plan;
extern bool qw_capture_parameters;
extern int	qw_parameter_max_length;	/* bytes */
extern int	qw_repeat_threshold;	/* executions */
extern int	qw_repeat_gap;		/* ms */
extern int	qw_repeat_memory;	/* kB, of a session */
extern int	qw_on_repeat;		/* OnRepeat */
extern int	qw_on_repeat_confidence;	/* OnRepeatConfidence */
extern int	qw_max_patterns;
extern int	qw_max_waits;
extern int	qw_wait_sampling_interval;	/* ms */
extern int	qw_metrics_port;	/* 0: /metrics is off */
extern char *qw_metrics_address;	/* name or number; "*": all */
extern char *qw_metrics_hosts;	/* names of the server in a Host header */
extern int	qw_metrics_statements;
extern char *qw_tags;			/* comma-separated keys */
extern bool qw_save;
extern int	qw_save_interval;	/* s; 0: at shutdown only */

/* Is this tag key among those that qw_tags keeps? */
extern bool settings_keep_tag(const char *key);

/* Does qw_tags keep none at all? */
extern bool settings_keep_no_tag(void);

/* Defines them all; in _PG_init only, while preloading */
extern void settings_define(void);

#pragma GCC visibility pop

#endif							/* QW_SETTINGS_H */

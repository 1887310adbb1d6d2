/*-------------------------------------------------------------------------
 *
 * settings.c
 *		Definition of the settings.
 *
 * Ranges are checked by hooks rather than by the limits of the variable, so
 * that a value out of range is refused with a hint that says what is in it.
 *
 * src/common/settings.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include <limits.h>

#include "utils/guc.h"

#include "common/session.h"
#include "common/settings.h"

int			qw_track = TRACK_TOP;
bool		qw_track_utility = true;
bool		qw_track_planning = true;
int			qw_max_statements = 5000;
int			qw_text_memory = 8 * 1024;
int			qw_query_max_length = 4096;
int			qw_slow_threshold = 500;
uint64		qw_slow_nanoseconds;
int			qw_slow_memory = 4 * 1024;
bool		qw_capture_plan = true;
bool		qw_capture_parameters = true;
int			qw_parameter_max_length = 256;
int			qw_repeat_threshold = 5;
int			qw_repeat_gap = 250;
int			qw_repeat_memory = 1024;
int			qw_on_repeat = ON_REPEAT_OFF;
int			qw_on_repeat_confidence = ON_REPEAT_LIKELY;
int			qw_max_patterns = 1000;
int			qw_max_waits = 2000;
int			qw_wait_sampling_interval = 100;
int			qw_metrics_port = 0;
int			qw_metrics_statements = 0;
char	   *qw_metrics_address = NULL;
char	   *qw_metrics_hosts = NULL;
char	   *qw_tags = NULL;
bool		qw_save = true;
int			qw_save_interval = 60;
Session		session = {.obstacles = OBSTACLE_SETTINGS};

static const struct config_enum_entry track_options[] = {
	{"none", TRACK_NONE, false},
	{"top", TRACK_TOP, false},
	{"all", TRACK_ALL, false},
	{NULL, 0, false}
};

static const struct config_enum_entry on_repeat_options[] = {
	{"off", ON_REPEAT_OFF, false},
	{"log", ON_REPEAT_LOG, false},
	{"notice", ON_REPEAT_NOTICE, false},
	{"warning", ON_REPEAT_WARNING, false},
	{"error", ON_REPEAT_ERROR, false},
	{NULL, 0, false}
};

static const struct config_enum_entry on_repeat_confidence_options[] = {
	{"confirmed", ON_REPEAT_CONFIRMED, false},
	{"likely", ON_REPEAT_LIKELY, false},
	{"suspected", ON_REPEAT_SUSPECTED, false},
	{NULL, 0, false}
};

/* Numeric settings: what is in range, and in which unit */
typedef struct NumberSetting
{
	const char *name;
	int		   *variable;
	const char *what;
	const char *detail;
	int			min;
	int			max;
	const char *hint;
	GucContext	context;
	int			flags;
} NumberSetting;

enum
{
	MAX_STATEMENTS,
	TEXT_MEMORY,
	QUERY_MAX_LENGTH,
	SLOW_THRESHOLD,
	SLOW_MEMORY,
	PARAMETER_MAX_LENGTH,
	REPEAT_THRESHOLD,
	REPEAT_GAP,
	REPEAT_MEMORY,
	MAX_PATTERNS,
	MAX_WAITS,
	WAIT_SAMPLING_INTERVAL,
	SAVE_INTERVAL,
	METRICS_PORT,
	METRICS_STATEMENTS
};

static const NumberSetting numbers[] = {
	[MAX_STATEMENTS] = {
		"pg_querywatch.max_statements", &qw_max_statements,
		"Sets how many statements are kept.",
		"The least used ones make room for new ones.",
		100, 1000000, "Give a number of statements from 100 to 1000000.",
		PGC_POSTMASTER, 0
	},
	[TEXT_MEMORY] = {
		"pg_querywatch.text_memory", &qw_text_memory,
		"Sets the memory for the texts of statements.",
		"It is never exceeded: the texts of little used statements make room.",
		64, 2 * 1024 * 1024, "Give a size from 64kB to 2GB.",
		PGC_POSTMASTER, GUC_UNIT_KB
	},
	[QUERY_MAX_LENGTH] = {
		"pg_querywatch.query_max_length", &qw_query_max_length,
		"Sets the longest text of a statement that is kept.",
		"Longer texts are cut.",
		128, 1024 * 1024, "Give a size from 128B to 1MB.",
		PGC_SUSET, GUC_UNIT_BYTE
	},
	[SLOW_THRESHOLD] = {
		"pg_querywatch.slow_threshold", &qw_slow_threshold,
		"Sets the execution time from which on an execution goes into the slow log.",
		"0 logs all executions, -1 none.",
		-1, INT_MAX, "Give a time from 0 to 24 days, or -1 for none.",
		PGC_SUSET, GUC_UNIT_MS
	},
	[SLOW_MEMORY] = {
		"pg_querywatch.slow_memory", &qw_slow_memory,
		"Sets the memory of the slow log.",
		"The oldest executions are overwritten.",
		64, 1024 * 1024, "Give a size from 64kB to 1GB.",
		PGC_POSTMASTER, GUC_UNIT_KB
	},
	[PARAMETER_MAX_LENGTH] = {
		"pg_querywatch.parameter_max_length", &qw_parameter_max_length,
		"Sets the longest text of a parameter value that is kept.",
		"Longer values are cut.",
		8, 64 * 1024, "Give a size from 8B to 64kB.",
		PGC_SUSET, GUC_UNIT_BYTE
	},
	[REPEAT_THRESHOLD] = {
		"pg_querywatch.repeat_threshold", &qw_repeat_threshold,
		"Sets how many executions of a statement in one window make a burst.",
		NULL,
		2, 1000000, "Give a number of executions from 2 to 1000000.",
		PGC_USERSET, 0
	},
	[REPEAT_GAP] = {
		"pg_querywatch.repeat_gap", &qw_repeat_gap,
		"Sets the idle time of a session that ends the window in which repeats are counted.",
		NULL,
		1, 3600 * 1000, "Give a time from 1ms to 1h.",
		PGC_SUSET, GUC_UNIT_MS
	},
	[REPEAT_MEMORY] = {
		"pg_querywatch.repeat_memory", &qw_repeat_memory,
		"Sets the memory that a session may take to find its repeated statements and what they repeat for.",
		"Taken only when it is needed.  Sessions in which on_repeat is on, or that capture, may take more for the rows of parents.",
		256, 65536, "Give a size from 256kB to 64MB.",
		PGC_SUSET, GUC_UNIT_KB
	},
	[MAX_PATTERNS] = {
		"pg_querywatch.max_patterns", &qw_max_patterns,
		"Sets how many patterns of repeated statements are kept.",
		"Of the least sure, the one seen longest ago makes room for a new one.",
		10, 100000, "Give a number of patterns from 10 to 100000.",
		PGC_POSTMASTER, 0
	},
	[MAX_WAITS] = {
		"pg_querywatch.max_waits", &qw_max_waits,
		"Sets how many sums of what sessions wait for are kept.",
		"One seen long ago makes room for a new one.",
		100, 1000000, "Give a number of sums from 100 to 1000000.",
		PGC_POSTMASTER, 0
	},
	[WAIT_SAMPLING_INTERVAL] = {
		"pg_querywatch.wait_sampling_interval", &qw_wait_sampling_interval,
		"Sets the time between samples of what active sessions wait for.",
		"0 takes none.",
		0, 60 * 1000, "Give a time from 1ms to 1min, or 0 for none.",
		PGC_SIGHUP, GUC_UNIT_MS
	},
	[SAVE_INTERVAL] = {
		"pg_querywatch.save_interval", &qw_save_interval,
		"Sets the time between saves of the statistics.",
		"A crash loses what was recorded since the last one. 0 saves at shutdown only.",
		0, 24 * 3600, "Give a time from 1s to 1d, or 0 to save at shutdown only.",
		PGC_SIGHUP, GUC_UNIT_S
	},
	[METRICS_PORT] = {
		"pg_querywatch.metrics_port", &qw_metrics_port,
		"Sets the port on which the background worker serves metrics over HTTP.",
		"0 serves none.",
		0, 65535, "Give a port from 1 to 65535, or 0 for none.",
		PGC_POSTMASTER, 0
	},
	[METRICS_STATEMENTS] = {
		"pg_querywatch.metrics_statements", &qw_metrics_statements,
		"Sets how many statements have metrics of their own, with their texts.",
		"Those with the most time; 0 for none.",
		0, 1000, "Give a number of statements from 0 to 1000.",
		PGC_SUSET, 0
	}
};

static bool
check_number(const NumberSetting *setting, int value)
{
	if (value >= setting->min && value <= setting->max)
		return true;
	GUC_check_errcode(ERRCODE_INVALID_PARAMETER_VALUE);
	GUC_check_errmsg("%d is outside the valid range for parameter \"%s\" (%d .. %d)",
					 value, setting->name, setting->min, setting->max);
	GUC_check_errhint("%s", setting->hint);
	return false;
}

/* A check hook is not told which setting it checks */
#define CHECK_HOOK(function, which) \
static bool \
function(int *newval, void **extra, GucSource source) \
{ \
	return check_number(&numbers[which], *newval); \
}

CHECK_HOOK(check_max_statements, MAX_STATEMENTS)
CHECK_HOOK(check_text_memory, TEXT_MEMORY)
CHECK_HOOK(check_query_max_length, QUERY_MAX_LENGTH)
CHECK_HOOK(check_slow_threshold, SLOW_THRESHOLD)
CHECK_HOOK(check_slow_memory, SLOW_MEMORY)
CHECK_HOOK(check_parameter_max_length, PARAMETER_MAX_LENGTH)
CHECK_HOOK(check_repeat_threshold, REPEAT_THRESHOLD)
CHECK_HOOK(check_repeat_gap, REPEAT_GAP)
CHECK_HOOK(check_repeat_memory, REPEAT_MEMORY)
CHECK_HOOK(check_max_patterns, MAX_PATTERNS)
CHECK_HOOK(check_max_waits, MAX_WAITS)
CHECK_HOOK(check_wait_sampling_interval, WAIT_SAMPLING_INTERVAL)
CHECK_HOOK(check_save_interval, SAVE_INTERVAL)
CHECK_HOOK(check_metrics_statements, METRICS_STATEMENTS)

static bool
check_metrics_port(int *newval, void **extra, GucSource source)
{
#ifndef USE_LIBMICROHTTPD
	if (*newval > 0)
	{
		GUC_check_errcode(ERRCODE_FEATURE_NOT_SUPPORTED);
		GUC_check_errmsg("pg_querywatch was built without libmicrohttpd and cannot serve metrics");
		GUC_check_errhint("Install libmicrohttpd and zlib with their headers (Debian: libmicrohttpd-dev, zlib1g-dev) and build it again, or read querywatch.prometheus().");
		return false;
	}
#endif
	return check_number(&numbers[METRICS_PORT], *newval);
}

static const GucIntCheckHook number_hooks[] = {
	[MAX_STATEMENTS] = check_max_statements,
	[TEXT_MEMORY] = check_text_memory,
	[QUERY_MAX_LENGTH] = check_query_max_length,
	[SLOW_THRESHOLD] = check_slow_threshold,
	[SLOW_MEMORY] = check_slow_memory,
	[PARAMETER_MAX_LENGTH] = check_parameter_max_length,
	[REPEAT_THRESHOLD] = check_repeat_threshold,
	[REPEAT_GAP] = check_repeat_gap,
	[REPEAT_MEMORY] = check_repeat_memory,
	[MAX_PATTERNS] = check_max_patterns,
	[MAX_WAITS] = check_max_waits,
	[WAIT_SAMPLING_INTERVAL] = check_wait_sampling_interval,
	[SAVE_INTERVAL] = check_save_interval,
	[METRICS_PORT] = check_metrics_port,
	[METRICS_STATEMENTS] = check_metrics_statements
};

/* repeat_threshold, repeat_gap, repeat_memory or on_repeat */
static void
assign_repeat_setting(int newval, void *extra)
{
	session_obstacle(OBSTACLE_SETTINGS, true);
}

static void
assign_track(int newval, void *extra)
{
	session_obstacle(OBSTACLE_TRACK_NONE, newval == TRACK_NONE);
}

static void
assign_track_utility(bool newval, void *extra)
{
	session_obstacle(OBSTACLE_NO_UTILITY, !newval);
}

static void
assign_slow_threshold(int newval, void *extra)
{
	qw_slow_nanoseconds = newval < 0 ? PG_UINT64_MAX :
		(uint64) newval * 1000000;
}

static const GucIntAssignHook number_assigned[
											  lengthof(numbers)] =
{
	[SLOW_THRESHOLD] = assign_slow_threshold,
		[REPEAT_THRESHOLD] = assign_repeat_setting,
		[REPEAT_GAP] = assign_repeat_setting,
		[REPEAT_MEMORY] = assign_repeat_setting
};

/* A list of keys: letters, digits, underscores, dashes, dots */
static bool
check_tags(char **newval, void **extra, GucSource source)
{
	for (const char *p = *newval; *p; p++)
	{
		if (!isalnum((unsigned char) *p) && strchr("_-., \t", *p) == NULL)
		{
			GUC_check_errmsg("invalid list of tag keys: \"%s\"", *newval);
			GUC_check_errhint("Give sqlcommenter keys separated by commas, for example \"application,controller,action\".");
			return false;
		}
	}
	return true;
}

static bool
check_metrics_hosts(char **newval, void **extra, GucSource source)
{
	for (const char *p = *newval; *p; p++)
	{
		if (!isalnum((unsigned char) *p) && strchr("-_.:*, \t", *p) == NULL)
		{
			GUC_check_errmsg("invalid list of host names: \"%s\"", *newval);
			GUC_check_errhint("Give names without ports separated by commas, for example \"db1.example.com,db1\".");
			return false;
		}
	}
	return true;
}

bool
settings_keep_tag(const char *key)
{
	Size		length = strlen(key);
	const char *p = qw_tags;

	while (p && *p)
	{
		Size		n;

		p += strspn(p, ", \t");
		n = strcspn(p, ", \t");
		if (n == length && strncmp(p, key, n) == 0)
			return true;
		p += n;
	}
	return false;
}

bool
settings_keep_no_tag(void)
{
	return qw_tags == NULL || qw_tags[strspn(qw_tags, ", \t")] == '\0';
}

void
settings_define(void)
{
	for (int i = 0; i < lengthof(numbers); i++)
	{
		const NumberSetting *s = &numbers[i];

		DefineCustomIntVariable(s->name, s->what, s->detail, s->variable,
								*s->variable, INT_MIN, INT_MAX, s->context,
								s->flags, number_hooks[i], number_assigned[i],
								NULL);
	}

	DefineCustomEnumVariable("pg_querywatch.track",
							 "Selects which statements are recorded.",
							 "none, top (those sent by clients) or all (those inside functions too).",
							 &qw_track, TRACK_TOP, track_options,
							 PGC_SUSET, 0, NULL, assign_track, NULL);
	DefineCustomBoolVariable("pg_querywatch.track_utility",
							 "Records utility statements too.",
							 NULL, &qw_track_utility, true,
							 PGC_SUSET, 0, NULL, assign_track_utility, NULL);
	DefineCustomBoolVariable("pg_querywatch.track_planning",
							 "Records planning time.",
							 NULL, &qw_track_planning, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pg_querywatch.capture_plan",
							 "Keeps the plan of slow executions.",
							 NULL, &qw_capture_plan, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pg_querywatch.capture_parameters",
							 "Keeps parameter values of slow executions and of examples of repeats.",
							 NULL, &qw_capture_parameters, true,
							 PGC_SUSET, 0, NULL, NULL, NULL);
	DefineCustomBoolVariable("pg_querywatch.save",
							 "Saves the statistics, so that they survive a restart.",
							 "When off, they are neither saved nor loaded at server start.",
							 &qw_save, true,
							 PGC_SIGHUP, 0, NULL, NULL, NULL);
	DefineCustomEnumVariable("pg_querywatch.on_repeat",
							 "Selects what happens when a statement is repeated up to the threshold.",
							 "off, log, notice, warning or error.",
							 &qw_on_repeat, ON_REPEAT_OFF, on_repeat_options,
							 PGC_USERSET, 0, NULL, assign_repeat_setting, NULL);
	DefineCustomEnumVariable("pg_querywatch.on_repeat_confidence",
							 "Selects how sure a repeat must be for on_repeat to act on it.",
							 "confirmed, likely or suspected, and what is surer.",
							 &qw_on_repeat_confidence, ON_REPEAT_LIKELY,
							 on_repeat_confidence_options,
							 PGC_USERSET, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("pg_querywatch.metrics_address",
							   "Sets the address that metrics are served on.",
							   "A name or number of this machine; * is all of them.",
							   &qw_metrics_address, "localhost",
							   PGC_POSTMASTER, 0, NULL, NULL, NULL);
	DefineCustomStringVariable("pg_querywatch.metrics_hosts",
							   "Lists further names that clients may use for the server of metrics.",
							   "Requests whose Host header has another name than these, localhost or metrics_address are refused; * allows every name.",
							   &qw_metrics_hosts, "",
							   PGC_SIGHUP, 0, check_metrics_hosts, NULL, NULL);
	DefineCustomStringVariable("pg_querywatch.tags",
							   "Lists the sqlcommenter tags that are kept.",
							   "Trace ids are always kept.",
							   &qw_tags,
							   "application,controller,action,route,job,framework,db_driver",
							   PGC_SUSET, 0, check_tags, NULL, NULL);

	MarkGUCPrefixReserved("pg_querywatch");
}

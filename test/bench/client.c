/*
 * A client for the benchmark: sends what a file says, and tells what the
 * server took.
 *
 *	client loop FILE TRANSACTIONS
 *	client pipeline FILE TRANSACTIONS CPU
 *	client churn FIRST COUNT LENGTH
 *	client hot PAUSE
 *	client hold CONNECTIONS
 *	client string FILE STATEMENTS
 *
 * "string" sends STATEMENTS lines of the file at once, as one string in the
 * simple protocol.  For the others, a file's lines, empty ones and # comments left out:
 *
 *	S SQL				sent once, at the start
 *	P NAME SQL			prepared once, at the start
 *	E NAME [VALUE]		executes what was prepared, with its one value
 *	Q SQL				sent in the simple protocol
 *
 * The E and Q lines are a transaction's statements.  "@" in a Q line, or as
 * a value, is a key from 1 to KEYS, the same ones in the same order every
 * time.
 *
 * Results are printed as lines "name value".  Connects as libpq's
 * environment variables say.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <libpq-fe.h>

#define KEYS			1000
#define MAX_LINES		2048
#define HOT_STATEMENTS	50
#define WIDE_COLUMNS	400		/* of the table "wide" */
#define THINK_TIME		1000		/* microseconds between statements of a loop */
#define IN_FLIGHT		64		/* transactions sent ahead in a pipeline */

typedef struct Line
{
	char		kind;
	char	   *name;			/* of P and E */
	char	   *rest;			/* SQL, or the value; NULL: no value */
} Line;

static Line lines[MAX_LINES];
static int	nlines = 0;
static volatile sig_atomic_t stopped = 0;

static void
fail(const char *what, PGconn *connection)
{
	fprintf(stderr, "client: %s: %s\n", what,
			connection ? PQerrorMessage(connection) : "");
	exit(1);
}

static uint64_t
clock_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t) t.tv_sec * 1000000000 + t.tv_nsec;
}

static int
next_key(void)
{
	static uint32_t state = 1;

	state = state * 1664525 + 1013904223;
	return (int) ((state >> 8) % KEYS) + 1;
}

static PGconn *
connect_server(void)
{
	PGconn	   *connection = PQconnectdb("");

	if (PQstatus(connection) != CONNECTION_OK)
		fail("no connection", connection);
	return connection;
}

static void
check(PGconn *connection, PGresult *result)
{
	ExecStatusType status = PQresultStatus(result);

	if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
		fail("a statement failed", connection);
	PQclear(result);
}

static void
read_file(const char *path)
{
	char	   *text = NULL;
	size_t		size = 0;
	FILE	   *file = fopen(path, "r");

	if (file == NULL)
		fail("cannot read the file", NULL);
	while (getline(&text, &size, file) > 0)
	{
		Line	   *line = &lines[nlines];
		char	   *p = strdup(text);

		p[strcspn(p, "\n")] = '\0';
		if (p[0] == '\0' || p[0] == '#')
			continue;
		if (strchr("SPEQ", p[0]) == NULL || p[1] != ' ' || nlines == MAX_LINES)
			fail("bad file", NULL);
		line->kind = p[0];
		line->rest = p + 2;
		if (p[0] == 'P' || p[0] == 'E')
		{
			line->name = p + 2;
			line->rest = strchr(p + 2, ' ');
			if (line->rest)
				*line->rest++ = '\0';
		}
		nlines++;
	}
	fclose(file);
}

static void
prepare(PGconn *connection)
{
	for (int i = 0; i < nlines; i++)
	{
		if (lines[i].kind == 'S')
			check(connection, PQexec(connection, lines[i].rest));
		else if (lines[i].kind == 'P')
			check(connection, PQprepare(connection, lines[i].name,
										lines[i].rest, 0, NULL));
	}
}

/* A value, a key in place of "@" */
static const char *
value_of(const Line *line)
{
	static char key[16];

	if (line->rest == NULL || strcmp(line->rest, "@") != 0)
		return line->rest;
	snprintf(key, sizeof(key), "%d", next_key());
	return key;
}

/*
 * Waits before every statement, so that the server always finds nothing to
 * read and sleeps: whether it does is chance otherwise, and costs it some
 * hundred instructions.
 */
static int
loop(const char *path, long transactions)
{
	PGconn	   *connection = connect_server();
	char		sql[8192];

	read_file(path);
	printf("pid %d\n", PQbackendPID(connection));
	prepare(connection);
	for (long n = 0; n < transactions; n++)
	{
		for (int i = 0; i < nlines; i++)
		{
			const Line *line = &lines[i];

			if (line->kind == 'E' || line->kind == 'Q')
				usleep(THINK_TIME);
			if (line->kind == 'E')
			{
				const char *value = value_of(line);

				check(connection, PQexecPrepared(connection, line->name,
												 value != NULL, &value,
												 NULL, NULL, 0));
			}
			else if (line->kind == 'Q')
			{
				const char *mark = strchr(line->rest, '@');

				if (mark)
					snprintf(sql, sizeof(sql), "%.*s%d%s",
							 (int) (mark - line->rest), line->rest,
							 next_key(), mark + 1);
				check(connection, PQexec(connection, mark ? sql : line->rest));
			}
		}
	}
	PQfinish(connection);
	return 0;
}

/* Nanoseconds a process has been on a processor */
static uint64_t
processor_time(int pid)
{
	char		path[64];
	unsigned long long time = 0;
	FILE	   *file;

	snprintf(path, sizeof(path), "/proc/%d/schedstat", pid);
	file = fopen(path, "r");
	if (file == NULL || fscanf(file, "%llu", &time) != 1)
		fail("no schedstat of the backend", NULL);
	fclose(file);
	return time;
}

static void
send_transaction(PGconn *connection)
{
	for (int i = 0; i < nlines; i++)
	{
		const char *value;

		if (lines[i].kind != 'E')
			continue;
		value = value_of(&lines[i]);
		if (!PQsendQueryPrepared(connection, lines[i].name, value != NULL,
								 &value, NULL, NULL, 0))
			fail("cannot send", connection);
	}
	if (!PQpipelineSync(connection))
		fail("cannot send", connection);
}

/* Reads up to and with the next Sync */
static void
receive_transaction(PGconn *connection)
{
	bool		synced = false;

	while (!synced)
	{
		PGresult   *result = PQgetResult(connection);

		if (result == NULL)
			continue;
		if (PQresultStatus(result) == PGRES_PIPELINE_SYNC)
		{
			PQclear(result);
			synced = true;
		}
		else
			check(connection, result);
	}
}

/* Batches of transactions: sent together, so that the server never waits */
static void
pipelined(PGconn *connection, long transactions)
{
	for (long done = 0; done < transactions; done += IN_FLIGHT)
	{
		for (int i = 0; i < IN_FLIGHT; i++)
			send_transaction(connection);
		for (int i = 0; i < IN_FLIGHT; i++)
			receive_transaction(connection);
	}
}

static int
pipeline(const char *path, long transactions, int cpu)
{
	PGconn	   *connection = connect_server();
	int			pid = PQbackendPID(connection);
	uint64_t	before;
	cpu_set_t	set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set) != 0 ||
		sched_setaffinity(pid, sizeof(set), &set) != 0)
		fail("cannot bind to a processor", NULL);

	read_file(path);
	prepare(connection);
	if (!PQenterPipelineMode(connection))
		fail("no pipeline", connection);
	transactions = (transactions + IN_FLIGHT - 1) / IN_FLIGHT * IN_FLIGHT;
	pipelined(connection, transactions / 10);
	before = processor_time(pid);
	pipelined(connection, transactions);
	printf("nanoseconds %.1f\n",
		   (double) (processor_time(pid) - before) / (double) transactions);
	PQfinish(connection);
	return 0;
}

static int
compare_times(const void *a, const void *b)
{
	uint64_t	x = *(const uint64_t *) a;
	uint64_t	y = *(const uint64_t *) b;

	return x < y ? -1 : x > y;
}

/*
 * Statements of which no two are alike: which two of the table's columns they
 * select.  LENGTH is made up with column names as an ORM writes them.
 */
static void
churn_statement(char *sql, long number, int length)
{
	char	   *p = sql;

	p += sprintf(p, "SELECT c%ld, c%ld", number / WIDE_COLUMNS % WIDE_COLUMNS,
				 number % WIDE_COLUMNS);
	for (int i = 0; p - sql < length - 40; i++)
		p += sprintf(p, ", wide_1.c%d AS application_models_wide_1_column_c%d",
					 i, i);
	sprintf(p, " FROM wide wide_1 WHERE id = %ld", number % 7);
}

static int
churn(long first, long count, int length)
{
	PGconn	   *connection = connect_server();
	char	   *sql = malloc(length + 256);
	uint64_t   *times = malloc(sizeof(uint64_t) * count);
	uint64_t	start = clock_ns();
	uint64_t	end = start;
	uint64_t	total;

	for (long i = 0; i < count; i++)
	{
		uint64_t	begin = end;

		churn_statement(sql, first + i, length);
		check(connection, PQexec(connection, sql));
		end = clock_ns();
		times[i] = end - begin;
	}
	total = end - start;
	qsort(times, count, sizeof(uint64_t), compare_times);
	printf("seconds %.6f\n", (double) total / 1e9);
	printf("slowest %.3f\n", (double) times[count - 1] / 1e6);
	printf("slowest_10th %.3f\n", (double) times[count - 10] / 1e6);
	PQfinish(connection);
	return 0;
}

static void
stop(int signal)
{
	(void) signal;
	stopped = 1;
}

/* The hot statements in turn, PAUSE microseconds apart, until SIGTERM */
static int
hot(int pause)
{
	PGconn	   *connection = connect_server();
	char		sql[256];
	long		rounds;
	uint64_t	slowest = 0;

	signal(SIGTERM, stop);
	for (rounds = 0; !stopped; rounds++)
	{
		for (int i = 0; i < HOT_STATEMENTS; i++)
		{
			uint64_t	start;

			snprintf(sql, sizeof(sql),
					 "SELECT c%d FROM wide hot WHERE id = %ld", i, rounds);
			usleep(pause);
			start = clock_ns();
			check(connection, PQexec(connection, sql));
			start = clock_ns() - start;
			if (start > slowest)
				slowest = start;
		}
	}
	printf("rounds %ld\nslowest %.3f\n", rounds, (double) slowest / 1e6);
	PQfinish(connection);
	return 0;
}

/* Connections that have all run something, until standard input ends */
static int
hold(int count)
{
	for (int n = 0; n < count; n++)
	{
		PGconn	   *connection = connect_server();
		char		sql[64];

		for (int i = 0; i < HOT_STATEMENTS; i++)
		{
			snprintf(sql, sizeof(sql),
					 "SELECT c%d FROM wide hot WHERE id = 1", i);
			check(connection, PQexec(connection, sql));
		}
		printf("pid %d\n", PQbackendPID(connection));
	}
	printf("ready 1\n");
	fflush(stdout);
	while (getchar() != EOF)
		;
	return 0;
}

/* Sends a file, one statement a line, so many at a time */
static int
string(const char *path, int statements)
{
	PGconn	   *connection = connect_server();
	FILE	   *file = fopen(path, "r");
	char	   *line = NULL;
	size_t		size = 0;
	ssize_t		length;
	char	   *sql = NULL;
	size_t		used = 0;
	size_t		space = 0;
	int			n = 0;
	uint64_t	start;

	if (file == NULL || statements < 1)
		fail("cannot read the file", NULL);
	start = clock_ns();
	for (;;)
	{
		length = getline(&line, &size, file);
		if (length > 0)
		{
			if (used + length >= space)
			{
				space = 2 * (used + length + 1);
				sql = realloc(sql, space);
			}
			memcpy(sql + used, line, length + 1);
			used += length;
			n++;
		}
		if (n == statements || (length <= 0 && n > 0))
		{
			check(connection, PQexec(connection, sql));
			used = n = 0;
		}
		if (length <= 0)
			break;
	}
	printf("seconds %.6f\n", (double) (clock_ns() - start) / 1e9);
	fclose(file);
	PQfinish(connection);
	return 0;
}

int
main(int argc, char **argv)
{
	const char *mode = argc > 1 ? argv[1] : "";

	if (strcmp(mode, "loop") == 0 && argc == 4)
		return loop(argv[2], atol(argv[3]));
	if (strcmp(mode, "pipeline") == 0 && argc == 5)
		return pipeline(argv[2], atol(argv[3]), atoi(argv[4]));
	if (strcmp(mode, "churn") == 0 && argc == 5)
		return churn(atol(argv[2]), atol(argv[3]), atoi(argv[4]));
	if (strcmp(mode, "hot") == 0 && argc == 3)
		return hot(atoi(argv[2]));
	if (strcmp(mode, "hold") == 0 && argc == 3)
		return hold(atoi(argv[2]));
	if (strcmp(mode, "string") == 0 && argc == 4)
		return string(argv[2], atoi(argv[3]));
	fprintf(stderr, "client: see the head of client.c\n");
	return 2;
}

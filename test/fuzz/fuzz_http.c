/*-------------------------------------------------------------------------
 *
 * fuzz_http.c
 *		What a client may send to the port of the metrics.
 *
 * Links: none
 *
 * test/fuzz/fuzz_http.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fuzz.h"

/* with all that is static in it */
#include "metrics/metrics_http.c"

#ifndef USE_LIBMICROHTTPD

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	return 0;
}

#else

#include <arpa/inet.h>
#include <netinet/in.h>

/*
 * The server's, as far as they are needed
 */
int			qw_metrics_port = 0;
char	   *qw_metrics_address = "127.0.0.1";
char	   *qw_metrics_hosts = "db.example.com, *.x";
int			qw_metrics_statements = 0;
MemoryContext TopMemoryContext = NULL;
MemoryContext CurrentMemoryContext = NULL;
sigjmp_buf *PG_exception_stack = NULL;
ErrorContextCallback *error_context_stack = NULL;

/* What lies in the one memory context */
static char *allocated = NULL;

PrometheusData *
prometheus_collect(int statements, int findings_age)
{
	return NULL;
}

void
prometheus_render(StringInfo out, PrometheusData *data,
				  const Directory *names, bool names_fresh, bool ascii)
{
	for (int i = 0; i < 200; i++)
		appendStringInfo(out, "series{number=\"%d\"} 1\n", i);
	allocated = out->data;
}

bool
directory_read(Directory *names, bool nowait)
{
	return true;
}

MemoryContext
AllocSetContextCreateInternal(MemoryContext parent, const char *name,
							  Size minContextSize, Size initBlockSize,
							  Size maxBlockSize)
{
	return NULL;
}

void
MemoryContextDelete(MemoryContext context)
{
	free(allocated);
	allocated = NULL;
}

void
StartTransactionCommand(void)
{
}

void
CommitTransactionCommand(void)
{
}

void
AbortCurrentTransaction(void)
{
}

void
EmitErrorReport(void)
{
}

void
FlushErrorState(void)
{
}

/* Nothing is to be reported here */
bool
errstart(int elevel, const char *domain)
{
	CHECK(elevel == LOG);
	return false;
}

bool
errstart_cold(int elevel, const char *domain)
{
	return errstart(elevel, domain);
}

void
errfinish(const char *filename, int lineno, const char *funcname)
{
}

int
errcode(int sqlerrcode)
{
	return 0;
}

int
errcode_for_socket_access(void)
{
	return 0;
}

int
errmsg(const char *fmt,...)
{
	return 0;
}

int
errhint(const char *fmt,...)
{
	return 0;
}

void
pg_re_throw(void)
{
	abort();
}

/* A port that is free */
static int
free_port(void)
{
	struct sockaddr_in address = {0};
	socklen_t	length = sizeof(address);
	int			sock = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	CHECK(bind(sock, (struct sockaddr *) &address, sizeof(address)) == 0);
	CHECK(getsockname(sock, (struct sockaddr *) &address, &length) == 0);
	close(sock);
	return ntohs(address.sin_port);
}

/* -1 where the machine has no port left: those of the last minute are kept */
static int
connect_to_server(void)
{
	struct sockaddr_in address = {0};
	struct linger linger = {1, 0};	/* leaves no TIME_WAIT behind */
	int			sock = socket(AF_INET, SOCK_STREAM, 0);

	address.sin_family = AF_INET;
	address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	address.sin_port = htons(qw_metrics_port);
	if (connect(sock, (struct sockaddr *) &address, sizeof(address)) != 0)
	{
		close(sock);
		return -1;
	}
	setsockopt(sock, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
	return sock;
}

/* The bytes in two pieces, the first byte says where the cut is */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char		answer[4096];
	size_t		cut_at;
	int			sock;
	ssize_t		n;
	bool		answered = false;

	if (size < 1 || size > 16 * 1024)
		return 0;
	if (qw_metrics_port == 0)
	{
		qw_metrics_port = free_port();
		task_begin();
		(void) task_run();
		CHECK(nlisteners > 0);
	}

	cut_at = Min(data[0], size - 1);
	data++;
	size--;
	sock = connect_to_server();
	if (sock < 0)
		return 0;
	if (send(sock, data, cut_at, MSG_NOSIGNAL) > 0)
		(void) task_run();
	(void) send(sock, data + cut_at, size - cut_at, MSG_NOSIGNAL);
	shutdown(sock, SHUT_WR);
	for (int i = 0; i < 50; i++)
	{
		(void) task_run();
		n = recv(sock, answer, sizeof(answer), MSG_DONTWAIT);
		if (n == 0 || (n < 0 && errno != EAGAIN))
			break;
		if (n > 0 && !answered)
		{
			CHECK(n > 9 && memcmp(answer, "HTTP/1.", 7) == 0);
			answered = true;
		}
	}
	close(sock);
	for (int i = 0; i < 10 && listeners[0].nclients > 0; i++)
		(void) task_run();
	CHECK(listeners[0].nclients >= 0 && listeners[0].nclients <= MAX_CLIENTS);
	return 0;
}

#endif							/* USE_LIBMICROHTTPD */

/*-------------------------------------------------------------------------
 *
 * metrics_http.c
 *		Serves /metrics from the background worker, with libmicrohttpd.
 *
 * One thread, the worker's own: libmicrohttpd runs without threads and shows
 * what it waits for as an epoll instance.  There is one for each address that
 * is listened on; they are in one epoll instance more, which is what the
 * worker's loop waits for.  run() has libmicrohttpd do what can be done
 * without waiting.
 *
 * What a client can take up is bounded:
 *	- connections: MAX_CLIENTS at a time.  When they get few, the oldest makes
 *	  room, so that clients that say nothing do not keep others out.
 *	- time: a connection is cut after MAX_SECONDS, and sooner if nothing
 *	  comes.  libmicrohttpd's own timeout begins anew with each byte, so a
 *	  client that sends one now and then would stay.
 *	- memory: REQUEST_MEMORY for request line and headers, which is all there
 *	  is to a request; a body is refused.  The answer is made once for each.
 *	Connections are not kept open for a second request.
 *
 * A page of a stranger in somebody's browser can have its name resolve to this
 * machine and then read what is served here (DNS rebinding).  The browser says
 * the stranger's name in the Host header, so only a Host that stands for this
 * server gets the metrics.
 *
 * Nothing may be raised out of libmicrohttpd's callbacks: what can fail is
 * caught, reported, and answered with 500.
 *
 * Where the port is taken by another process it is tried again, with one
 * warning in the log.
 *
 * src/metrics/metrics_http.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "common/settings.h"
#include "metrics/metrics_http.h"

#ifdef USE_LIBMICROHTTPD

#include <arpa/inet.h>
#include <ctype.h>
#include <microhttpd.h>
#include <netdb.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>
#include <zlib.h>

#include "access/xact.h"
#include "common/ip.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/latch.h"
#include "utils/memutils.h"

#include "common/compat.h"
#include "metrics/prometheus.h"

#define MAX_ADDRESSES	8
#define MAX_CLIENTS		64		/* of each address */
#define SPARE_CLIENTS	8		/* the oldest makes room for the last ones */
#define MAX_SECONDS		10
#define IDLE_SECONDS	5
#define REQUEST_MEMORY	(8 * 1024)
#define RETRY_SECONDS	10
#define FINDINGS_SECONDS	30	/* as findings look at all statements */

#define NANOSECONDS		UINT64CONST(1000000000)

typedef struct Client
{
	pgsocket	socket;			/* PGINVALID_SOCKET: none */
	uint64		since;			/* monotonic clock */
	bool		cut;
} Client;

typedef struct Listener
{
	struct MHD_Daemon *daemon;
	int			nclients;
	Client		clients[MAX_CLIENTS];
} Listener;

static Listener listeners[MAX_ADDRESSES];
static int	nlisteners = 0;
static int	epoll_descriptor = -1;
static uint64 retry_at = 0;
static bool warned = false;

/* Names of databases and roles as last read */
static MemoryContext directory_context = NULL;
static Directory directory;

/*
 * Answers
 */

/*
 * Reads the names anew.  False if that could not be done, because a catalog is
 * locked or the read was cancelled: then there are those of the last time.
 */
static bool
refresh_directory(void)
{
	MemoryContext context = AllocSetContextCreate(TopMemoryContext,
												  "pg_querywatch directory",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = CurrentMemoryContext;
	Directory	fresh = {0};
	volatile bool done = false;

	PG_TRY();
	{
		StartTransactionCommand();
		MemoryContextSwitchTo(context);
		done = directory_read(&fresh, true);
		CommitTransactionCommand();
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
		AbortCurrentTransaction();
		done = false;
	}
	PG_END_TRY();
	MemoryContextSwitchTo(caller);

	if (!done)
	{
		MemoryContextDelete(context);
		return false;
	}
	if (directory_context)
		MemoryContextDelete(directory_context);
	directory_context = context;
	directory = fresh;
	return true;
}

/* The metrics; false if that failed, which has been reported then */
static bool
make_metrics(StringInfo out)
{
	MemoryContext caller = CurrentMemoryContext;
	volatile bool done = false;

	PG_TRY();
	{
		PrometheusData *data = prometheus_collect(qw_metrics_statements,
												  FINDINGS_SECONDS);
		bool		fresh = refresh_directory();

		prometheus_render(out, data, &directory, fresh, false);
		done = true;
	}
	PG_CATCH();
	{
		MemoryContextSwitchTo(caller);
		EmitErrorReport();
		FlushErrorState();
	}
	PG_END_TRY();
	return done;
}

/* Compresses with gzip into malloc'd memory; NULL if that failed */
static void *
compress_gzip(const char *data, Size length, Size *compressed)
{
	z_stream	stream = {0};
	void	   *buffer = NULL;

	if (length > UINT_MAX / 2 ||
		deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, MAX_WBITS + 16, 8,
					 Z_DEFAULT_STRATEGY) != Z_OK)
		return NULL;
	*compressed = deflateBound(&stream, length);
	buffer = malloc(*compressed);
	if (buffer)
	{
		stream.next_in = (Bytef *) data;
		stream.avail_in = (uInt) length;
		stream.next_out = buffer;
		stream.avail_out = (uInt) * compressed;
		if (deflate(&stream, Z_FINISH) == Z_STREAM_END)
			*compressed = stream.total_out;
		else
		{
			free(buffer);
			buffer = NULL;
		}
	}
	deflateEnd(&stream);
	return buffer;
}

/* Does the client take gzip?  "gzip;q=0" says no. */
static bool
accepts_gzip(struct MHD_Connection *connection)
{
	const char *accepted =
	MHD_lookup_connection_value(connection, MHD_HEADER_KIND,
								MHD_HTTP_HEADER_ACCEPT_ENCODING);

	while (accepted && *accepted)
	{
		Size		length = strcspn(accepted, ",");
		const char *q = memchr(accepted, ';', length);
		Size		name_length;

		while (length > 0 && *accepted == ' ')
		{
			accepted++;
			length--;
		}
		name_length = strcspn(accepted, " ;,");
		if (name_length == 4 && pg_strncasecmp(accepted, "gzip", 4) == 0)
		{
			if (q == NULL || (q = strstr(q, "q=")) == NULL)
				return true;
			return strtod(q + 2, NULL) > 0;
		}
		accepted += length;
		if (*accepted == ',')
			accepted++;
	}
	return false;
}

static enum MHD_Result
answer(struct MHD_Connection *connection, unsigned int status,
	   struct MHD_Response *response, const char *type)
{
	enum MHD_Result result;

	if (response == NULL)
		return MHD_NO;
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
	MHD_add_response_header(response, MHD_HTTP_HEADER_CONNECTION, "close");
	result = MHD_queue_response(connection, status, response);
	MHD_destroy_response(response);
	return result;
}

static enum MHD_Result
answer_line(struct MHD_Connection *connection, unsigned int status,
			const char *line)
{
	struct MHD_Response *response =
	MHD_create_response_from_buffer(strlen(line), (void *) line,
									MHD_RESPMEM_PERSISTENT);

	if (response && status == MHD_HTTP_METHOD_NOT_ALLOWED)
		MHD_add_response_header(response, MHD_HTTP_HEADER_ALLOW, "GET, HEAD");
	return answer(connection, status, response, "text/plain; charset=utf-8");
}

static enum MHD_Result
answer_metrics(struct MHD_Connection *connection)
{
	MemoryContext context = AllocSetContextCreate(CurrentMemoryContext,
												  "pg_querywatch metrics",
												  ALLOCSET_DEFAULT_SIZES);
	MemoryContext caller = MemoryContextSwitchTo(context);
	struct MHD_Response *response = NULL;
	StringInfoData out;
	bool		done;

	initStringInfo(&out);
	done = make_metrics(&out);
	if (done)
	{
		Size		length;
		void	   *compressed = NULL;

		if (accepts_gzip(connection))
			compressed = compress_gzip(out.data, out.len, &length);
		if (compressed)
		{
			response = MHD_create_response_from_buffer(length, compressed,
													   MHD_RESPMEM_MUST_FREE);
			if (response)
				MHD_add_response_header(response,
										MHD_HTTP_HEADER_CONTENT_ENCODING,
										"gzip");
			else
				free(compressed);
		}
		else
			response = MHD_create_response_from_buffer(out.len, out.data,
													   MHD_RESPMEM_MUST_COPY);
		if (response)
			MHD_add_response_header(response, MHD_HTTP_HEADER_VARY,
									MHD_HTTP_HEADER_ACCEPT_ENCODING);
	}
	MemoryContextSwitchTo(caller);
	MemoryContextDelete(context);
	if (!done)
		return answer_line(connection, MHD_HTTP_INTERNAL_SERVER_ERROR,
						   "the metrics could not be made: see the server log\n");
	return answer(connection, MHD_HTTP_OK, response, PROMETHEUS_CONTENT_TYPE);
}

/*
 * Does the name stand for this server: localhost, metrics_address, or one of
 * metrics_hosts?
 */
static bool
is_name_of_server(const char *name, Size length)
{
	const char *p = qw_metrics_hosts;

	if (length == strlen("localhost") &&
		pg_strncasecmp(name, "localhost", length) == 0)
		return true;
	if (length == strlen(qw_metrics_address) &&
		pg_strncasecmp(name, qw_metrics_address, length) == 0)
		return true;
	while (p && *p)
	{
		Size		n;

		p += strspn(p, ", \t");
		n = strcspn(p, ", \t");
		if ((n == 1 && *p == '*') ||
			(n == length && n > 0 && pg_strncasecmp(p, name, n) == 0))
			return true;
		p += n;
	}
	return false;
}

/* Is it, in figures, the address that the client has connected to? */
static bool
is_address_of_connection(const char *host, Size length,
						 struct MHD_Connection *connection)
{
	const union MHD_ConnectionInfo *info =
	MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
	struct sockaddr_storage local = {0};
	socklen_t	local_length = sizeof(local);
	char		text[INET6_ADDRSTRLEN];
	struct in6_addr address;

	if (length >= sizeof(text) || info == NULL ||
		getsockname(info->connect_fd, (struct sockaddr *) &local,
					&local_length) != 0)
		return false;
	memcpy(text, host, length);
	text[length] = '\0';
	if (local.ss_family == AF_INET)
		return inet_pton(AF_INET, text, &address) == 1 &&
			memcmp(&address, &((struct sockaddr_in *) &local)->sin_addr,
				   sizeof(struct in_addr)) == 0;
	return local.ss_family == AF_INET6 &&
		inet_pton(AF_INET6, text, &address) == 1 &&
		memcmp(&address, &((struct sockaddr_in6 *) &local)->sin6_addr,
			   sizeof(struct in6_addr)) == 0;
}

typedef struct HostCheck
{
	struct MHD_Connection *connection;
	int			nallowed;
	int			nrefused;
}			HostCheck;

/* MHD_KeyValueIterator: looks at each Host header, without its port */
static enum MHD_Result
check_host(void *arg, enum MHD_ValueKind kind, const char *key,
		   const char *value)
{
	HostCheck  *check = arg;
	const char *host = value ? value : "";
	Size		length = strlen(host);
	Size		digits = 0;

	if (pg_strcasecmp(key, MHD_HTTP_HEADER_HOST) != 0)
		return MHD_YES;
	while (digits < length && isdigit((unsigned char) host[length - 1 - digits]))
		digits++;
	if (digits < length && host[length - 1 - digits] == ':' &&
		(host[0] != '[' || memchr(host, ']', length - 1 - digits) != NULL))
		length -= digits + 1;
	if (length >= 2 && host[0] == '[' && host[length - 1] == ']')
	{
		host++;
		length -= 2;
	}
	else if (length > 1 && host[length - 1] == '.')
		length--;				/* the root of names */
	if (length > 0 &&
		(is_name_of_server(host, length) ||
		 is_address_of_connection(host, length, check->connection)))
		check->nallowed++;
	else
		check->nrefused++;
	return MHD_YES;
}

/*
 * Does the client say that it means this server?  HTTP/1.0, which no browser
 * speaks, has no Host header.
 */
static bool
is_host_allowed(struct MHD_Connection *connection, const char *version)
{
	HostCheck	check = {connection, 0, 0};

	(void) MHD_get_connection_values(connection, MHD_HEADER_KIND, check_host,
									 &check);
	return check.nrefused == 0 &&
		(check.nallowed > 0 || strcmp(version, MHD_HTTP_VERSION_1_0) == 0);
}

static enum MHD_Result
handle_request(void *arg, struct MHD_Connection *connection, const char *url,
			   const char *method, const char *version,
			   const char *upload_data, size_t *upload_data_size,
			   void **request)
{
	/*
	 * Called once when the headers are there, and again when the request is:
	 * what has no business to have a body is refused the first time.
	 */
	static char seen;

	if (strcmp(method, MHD_HTTP_METHOD_GET) != 0 &&
		strcmp(method, MHD_HTTP_METHOD_HEAD) != 0)
		return answer_line(connection, MHD_HTTP_METHOD_NOT_ALLOWED,
						   "only GET and HEAD\n");
	if (strcmp(url, "/metrics") != 0 && strcmp(url, "/healthz") != 0)
		return answer_line(connection, MHD_HTTP_NOT_FOUND,
						   "there is /metrics, and /healthz\n");
	if (strcmp(url, "/metrics") == 0 && !is_host_allowed(connection, version))
		return answer_line(connection, MHD_HTTP_FORBIDDEN,
						   "this name of the server is not in pg_querywatch.metrics_hosts\n");
	if (*request == NULL)
	{
		*request = &seen;
		return MHD_YES;
	}
	if (*upload_data_size != 0)
		return MHD_NO;
	if (strcmp(url, "/healthz") == 0)
		return answer_line(connection, MHD_HTTP_OK, "ok\n");
	return answer_metrics(connection);
}

/*
 * Clients
 */

/* Ends a connection: libmicrohttpd will find it closed */
static void
cut(Client *client)
{
	(void) shutdown(client->socket, SHUT_RDWR);
	client->cut = true;
}

static void
cut_oldest(Listener *listener)
{
	Client	   *oldest = NULL;

	for (int i = 0; i < MAX_CLIENTS; i++)
	{
		Client	   *client = &listener->clients[i];

		if (client->socket != PGINVALID_SOCKET && !client->cut &&
			(oldest == NULL || client->since < oldest->since))
			oldest = client;
	}
	if (oldest)
		cut(oldest);
}

/* Cuts those that have been there too long; ns until the next one will */
static uint64
cut_overdue(Listener *listener, uint64 now)
{
	uint64		next = PG_UINT64_MAX;

	for (int i = 0; i < MAX_CLIENTS; i++)
	{
		Client	   *client = &listener->clients[i];
		uint64		end = client->since + MAX_SECONDS * NANOSECONDS;

		if (client->socket == PGINVALID_SOCKET || client->cut)
			continue;
		if (now >= end)
			cut(client);
		else
			next = Min(next, end - now);
	}
	return next;
}

/* A connection begins or ends */
static void
notify_connection(void *arg, struct MHD_Connection *connection,
				  void **client_of_connection,
				  enum MHD_ConnectionNotificationCode code)
{
	Listener   *listener = arg;

	if (code == MHD_CONNECTION_NOTIFY_STARTED)
	{
		const union MHD_ConnectionInfo *info =
		MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);

		if (listener->nclients >= MAX_CLIENTS - SPARE_CLIENTS)
			cut_oldest(listener);
		for (int i = 0; i < MAX_CLIENTS && info; i++)
		{
			Client	   *client = &listener->clients[i];

			if (client->socket != PGINVALID_SOCKET)
				continue;
			client->socket = info->connect_fd;
			client->since = compat_clock();
			client->cut = false;
			listener->nclients++;
			*client_of_connection = client;
			break;
		}
	}
	else if (*client_of_connection != NULL)
	{
		((Client *) *client_of_connection)->socket = PGINVALID_SOCKET;
		*client_of_connection = NULL;
		listener->nclients--;
	}
}

/*
 * Listening
 */

/* A socket that listens there, or PGINVALID_SOCKET and errno */
static pgsocket
open_socket(const struct addrinfo *address)
{
	pgsocket	sock = socket(address->ai_family, SOCK_STREAM, 0);
	int			on = 1;
	int			saved_errno;

	if (sock == PGINVALID_SOCKET)
		return PGINVALID_SOCKET;
	(void) setsockopt(sock, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
#ifdef IPV6_V6ONLY
	if (address->ai_family == AF_INET6)
		(void) setsockopt(sock, IPPROTO_IPV6, IPV6_V6ONLY, &on, sizeof(on));
#endif
	if (pg_set_noblock(sock) &&
		bind(sock, address->ai_addr, address->ai_addrlen) == 0 &&
		listen(sock, MAX_CLIENTS) == 0)
		return sock;
	saved_errno = errno;
	closesocket(sock);
	errno = saved_errno;
	return PGINVALID_SOCKET;
}

static bool
start_listener(pgsocket sock)
{
	Listener   *listener = &listeners[nlisteners];
	const union MHD_DaemonInfo *info;
	struct epoll_event event = {0};

	listener->nclients = 0;
	for (int i = 0; i < MAX_CLIENTS; i++)
		listener->clients[i].socket = PGINVALID_SOCKET;
	listener->daemon =
		MHD_start_daemon(MHD_USE_EPOLL, 0, NULL, NULL,
						 handle_request, NULL,
						 MHD_OPTION_LISTEN_SOCKET, sock,
						 MHD_OPTION_CONNECTION_LIMIT, (unsigned int) MAX_CLIENTS,
						 MHD_OPTION_CONNECTION_TIMEOUT, (unsigned int) IDLE_SECONDS,
						 MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t) REQUEST_MEMORY,
						 MHD_OPTION_NOTIFY_CONNECTION, notify_connection, listener,
						 MHD_OPTION_END);
	if (listener->daemon == NULL)
		return false;
	nlisteners++;
	info = MHD_get_daemon_info(listener->daemon, MHD_DAEMON_INFO_EPOLL_FD);
	event.events = EPOLLIN;
	return info != NULL &&
		epoll_ctl(epoll_descriptor, EPOLL_CTL_ADD, info->epoll_fd, &event) == 0;
}

static void
stop_listening(void)
{
	while (nlisteners > 0)
		MHD_stop_daemon(listeners[--nlisteners].daemon);
}

/* Address and port, for the log */
static const char *
address_text(const struct addrinfo *address)
{
	static char text[NI_MAXHOST + NI_MAXSERV + 4];
	char		host[NI_MAXHOST];
	char		port[NI_MAXSERV];

	if (getnameinfo(address->ai_addr, address->ai_addrlen,
					host, sizeof(host), port, sizeof(port),
					NI_NUMERICHOST | NI_NUMERICSERV) != 0)
		return "?";
	snprintf(text, sizeof(text),
			 address->ai_family == AF_INET6 ? "[%s]:%s" : "%s:%s", host, port);
	return text;
}

/* The first warning is one; those of further attempts are for who debugs */
static int
failure_level(void)
{
	int			level = warned ? DEBUG1 : WARNING;

	warned = true;
	return level;
}

/*
 * Listens on every address that metrics_address has.  Those that this machine
 * does not know, such as IPv6's localhost where there is no IPv6, are passed
 * over; any other failure is one of all, to be tried again.
 */
static void
start_listening(void)
{
	struct addrinfo hints = {0};
	struct addrinfo *addresses = NULL;
	bool		any = strcmp(qw_metrics_address, "*") == 0;
	char		port[16];
	int			error;

	hints.ai_socktype = SOCK_STREAM;
	hints.ai_flags = AI_PASSIVE;
	snprintf(port, sizeof(port), "%d", qw_metrics_port);
	error = getaddrinfo(any ? NULL : qw_metrics_address, port, &hints,
						&addresses);
	if (error != 0)
	{
		ereport(failure_level(),
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("pg_querywatch cannot serve metrics: \"%s\" is not a valid address: %s",
						qw_metrics_address, gai_strerror(error)),
				 errhint("Set \"pg_querywatch.metrics_address\" to an address of this machine and restart the server.")));
		return;
	}

	error = EADDRNOTAVAIL;
	for (struct addrinfo *address = addresses;
		 address && nlisteners < MAX_ADDRESSES; address = address->ai_next)
	{
		pgsocket	sock = open_socket(address);
		int			nbefore = nlisteners;

		if (sock == PGINVALID_SOCKET &&
			(errno == EADDRNOTAVAIL || errno == EAFNOSUPPORT))
			continue;
		if (sock == PGINVALID_SOCKET || !start_listener(sock))
		{
			error = errno;
			if (sock != PGINVALID_SOCKET && nlisteners == nbefore)
				closesocket(sock);
			stop_listening();
			ereport(failure_level(),
					(errcode_for_socket_access(),
					 errmsg("pg_querywatch cannot serve metrics on %s: %s",
							address_text(address), strerror(error)),
					 error == EADDRINUSE ?
					 errhint("Another process has this port. It is tried again every %d seconds; the server runs without metrics meanwhile.",
							 RETRY_SECONDS) : 0));
			error = 0;
			break;
		}
	}
	if (nlisteners > 0)
	{
		ereport(LOG,
				(errmsg("pg_querywatch serves metrics on %s:%d",
						qw_metrics_address, qw_metrics_port)));
		warned = false;
	}
	else if (error == EADDRNOTAVAIL)
		ereport(failure_level(),
				(errcode(ERRCODE_CONFIG_FILE_ERROR),
				 errmsg("pg_querywatch cannot serve metrics: \"%s\" is not an address of this machine",
						qw_metrics_address)));
	freeaddrinfo(addresses);
}

/*
 * The task
 */

static void
task_begin(void)
{
	if (qw_metrics_port == 0)
		return;
	epoll_descriptor = epoll_create1(EPOLL_CLOEXEC);
	if (epoll_descriptor < 0)
		ereport(WARNING,
				(errcode_for_socket_access(),
				 errmsg("pg_querywatch cannot serve metrics: %m")));
}

static pgsocket
task_descriptor(void)
{
	return epoll_descriptor;
}

static long
task_run(void)
{
	uint64		now = compat_clock();
	uint64		due = PG_UINT64_MAX;

	if (epoll_descriptor < 0)
		return -1;
	if (nlisteners == 0 && now >= retry_at)
	{
		start_listening();
		retry_at = now + RETRY_SECONDS * NANOSECONDS;
	}
	if (nlisteners == 0)
		return (long) ((retry_at - now) / 1000000) + 1;

	for (int i = 0; i < nlisteners; i++)
	{
		Listener   *listener = &listeners[i];
		int			nclients = listener->nclients;
		MHD_UNSIGNED_LONG_LONG timeout;

		(void) MHD_run(listener->daemon);

		/* with some gone it may listen again, but says so when it runs only */
		if (listener->nclients != nclients)
			due = 0;
		due = Min(due, cut_overdue(listener, now));
		if (MHD_get_timeout(listener->daemon, &timeout) == MHD_YES)
			due = Min(due, (uint64) timeout * 1000000);
	}
	return due == PG_UINT64_MAX ? -1 : (long) ((due + 999999) / 1000000);
}

static void
task_end(void)
{
	stop_listening();
}

const WorkerTask metrics_task = {
	.begin = task_begin,
	.descriptor = task_descriptor,
	.run = task_run,
	.end = task_end
};

#else							/* !USE_LIBMICROHTTPD */

static long
task_run(void)
{
	return -1;
}

const WorkerTask metrics_task = {
	.run = task_run
};

#endif							/* USE_LIBMICROHTTPD */

/*
 * failing.c: makes system calls on pg_querywatch's snapshot fail, for tests.
 * Preloaded into the server; does nothing until the file that FAILING names is
 * there.  It says what is to fail, in three words:
 *
 *	call		open, write, fsync, rename or fork
 *	n			which one of this process, from 1; 0: all of them
 *	what		the errno to fail with, or "kill" to die before it
 *
 * The file is removed when that has happened, unless n is 0.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int	calls;

static int
fails(const char *call)
{
	const char *plan = getenv("FAILING");
	char		planned[16] = "";
	char		what[16] = "";
	int			n = 0;
	FILE	   *file;

	if (plan == NULL || access(plan, R_OK) != 0 ||
		(file = fopen(plan, "r")) == NULL)
		return 0;
	if (fscanf(file, "%15s %d %15s", planned, &n, what) != 3)
		planned[0] = '\0';
	fclose(file);
	if (strcmp(planned, call) != 0 || (n != 0 && ++calls != n))
		return 0;
	if (n != 0)
	{
		calls = 0;
		unlink(plan);
	}
	if (strcmp(what, "kill") == 0)
		kill(getpid(), SIGKILL);
	errno = atoi(what);
	return 1;
}

/* Is it the snapshot's, or the folder that it is in? */
static int
of_snapshot(int fd)
{
	char		link[64];
	char		path[4096];
	ssize_t		length;
	int			saved = errno;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	length = readlink(link, path, sizeof(path) - 1);
	errno = saved;
	if (length < 0)
		return 0;
	path[length] = '\0';
	return strstr(path, "pg_querywatch.snapshot") != NULL ||
		(length > 8 && strcmp(path + length - 8, "/pg_stat") == 0);
}

int
open(const char *path, int flags,...)
{
	static int	(*real) (const char *, int, mode_t);
	va_list		args;
	mode_t		mode;

	if (real == NULL)
		real = (int (*) (const char *, int, mode_t)) dlsym(RTLD_NEXT, "open");
	va_start(args, flags);
	mode = flags & O_CREAT ? va_arg(args, mode_t) : 0;
	va_end(args);
	if (strstr(path, "pg_querywatch.snapshot.tmp") != NULL && fails("open"))
		return -1;
	return real(path, flags, mode);
}

ssize_t
write(int fd, const void *data, size_t size)
{
	static ssize_t (*real) (int, const void *, size_t);

	if (real == NULL)
		real = (ssize_t (*) (int, const void *, size_t)) dlsym(RTLD_NEXT, "write");
	if (fd > 2 && of_snapshot(fd) && fails("write"))
		return -1;
	return real(fd, data, size);
}

int
fsync(int fd)
{
	static int	(*real) (int);

	if (real == NULL)
		real = (int (*) (int)) dlsym(RTLD_NEXT, "fsync");
	if (of_snapshot(fd) && fails("fsync"))
		return -1;
	return real(fd);
}

int
rename(const char *from, const char *to)
{
	static int	(*real) (const char *, const char *);

	if (real == NULL)
		real = (int (*) (const char *, const char *)) dlsym(RTLD_NEXT, "rename");
	if (strstr(from, "pg_querywatch.snapshot") != NULL && fails("rename"))
		return -1;
	return real(from, to);
}

pid_t
fork(void)
{
	static pid_t (*real) (void);

	if (real == NULL)
		real = (pid_t (*) (void)) dlsym(RTLD_NEXT, "fork");
	if (fails("fork"))
		return -1;
	return real();
}

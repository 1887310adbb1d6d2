/*-------------------------------------------------------------------------
 *
 * capacity.h
 *		Names and connection limits of databases and roles, and how many
 *		connections there are of each.
 *
 * Read from the shared catalogs, so it works in a process without a database,
 * and from the array of processes, as the server itself counts when it
 * refuses a connection.
 *
 * src/metrics/capacity.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_CAPACITY_H
#define QW_CAPACITY_H

/* A database or a role */
typedef struct NamedOid
{
	Oid			oid;
	NameData	name;
	int			connection_limit;	/* -1: none that is enforced */
} NamedOid;

typedef struct Directory
{
	int			ndatabases;
	NamedOid   *databases;		/* by OID */
	int			nroles;
	NamedOid   *roles;			/* by OID */
} Directory;

/*
 * Reads the catalogs, in a transaction, into memory of the current context.
 * If somebody has locked one of them away, it waits, or with "nowait" returns
 * false.
 */
extern bool directory_read(Directory *directory, bool nowait);

/* Name of a database or role; NULL if it is not there */
extern const char *directory_database_name(const Directory *directory, Oid dbid);
extern const char *directory_role_name(const Directory *directory, Oid userid);

typedef enum CapacityScope
{
	CAPACITY_SERVER,
	CAPACITY_DATABASE,
	CAPACITY_ROLE
} CapacityScope;

extern const char *capacity_scope_name(CapacityScope scope);

typedef struct Capacity
{
	CapacityScope scope;
	Oid			oid;			/* 0 for the server */
	const char *name;			/* NULL for the server */
	int			used;
	int			reserved;		/* of the server's, for superusers and members
								 * of pg_use_reserved_connections */
	int			connection_limit;
	double		utilization;	/* of what is not reserved; may be past 1 */
} Capacity;

/*
 * The server, and each database and role with a limit: palloc'd; returns how
 * many.  Lock-free.
 */
extern int	capacity_read(const Directory *directory, Capacity **capacity);

#endif							/* QW_CAPACITY_H */

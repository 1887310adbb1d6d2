/*-------------------------------------------------------------------------
 *
 * capacity.c
 *		Connection limits and what is used of them.
 *
 * Of the server's max_connections, what counts is PGPROCs: a client that has
 * not said its password yet takes one too, long before it is seen in
 * pg_stat_activity.  They are the first max_connections of all; other
 * processes have their own.
 *
 * The limits of databases and roles do not hold for superusers, so the limit
 * of a role that is one is none.
 *
 * src/metrics/capacity.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "access/heapam.h"
#include "access/htup_details.h"
#include "access/table.h"
#include "catalog/pg_authid.h"
#include "catalog/pg_database.h"
#include "miscadmin.h"
#include "storage/lmgr.h"
#include "storage/proc.h"
#include "utils/guc.h"
#include "utils/rel.h"
#include "utils/snapmgr.h"

#include "common/compat.h"
#include "metrics/capacity.h"

static int
compare_oids(const void *a, const void *b)
{
	Oid			x = ((const NamedOid *) a)->oid;
	Oid			y = ((const NamedOid *) b)->oid;

	return x < y ? -1 : x > y;
}

/* What of a catalog's row we want */
static void
from_database(HeapTuple tuple, NamedOid *named)
{
	Form_pg_database database = (Form_pg_database) GETSTRUCT(tuple);

	named->oid = database->oid;
	named->name = database->datname;
	named->connection_limit = database->datconnlimit;
}

static void
from_role(HeapTuple tuple, NamedOid *named)
{
	Form_pg_authid role = (Form_pg_authid) GETSTRUCT(tuple);

	named->oid = role->oid;
	named->name = role->rolname;
	named->connection_limit = role->rolsuper ? -1 : role->rolconnlimit;
}

/* A whole catalog, sorted by OID; its lock is held */
static NamedOid *
read_catalog(Oid relid, void (*convert) (HeapTuple, NamedOid *), int *n)
{
	int			max = 64;
	NamedOid   *list = palloc(sizeof(NamedOid) * max);
	Relation	rel = table_open(relid, NoLock);
	TableScanDesc scan = table_beginscan_catalog(rel, 0, NULL);
	HeapTuple	tuple;

	*n = 0;
	while ((tuple = heap_getnext(scan, ForwardScanDirection)) != NULL)
	{
		if (*n == max)
		{
			max *= 2;
			list = repalloc_huge(list, sizeof(NamedOid) * max);
		}
		convert(tuple, &list[(*n)++]);
	}
	table_endscan(scan);
	table_close(rel, AccessShareLock);
	qsort(list, *n, sizeof(NamedOid), compare_oids);
	return list;
}

static bool
lock_catalog(Oid relid, bool nowait)
{
	if (nowait)
		return ConditionalLockRelationOid(relid, AccessShareLock);
	LockRelationOid(relid, AccessShareLock);
	return true;
}

bool
directory_read(Directory *directory, bool nowait)
{
	if (!lock_catalog(DatabaseRelationId, nowait))
		return false;
	if (!lock_catalog(AuthIdRelationId, nowait))
	{
		UnlockRelationOid(DatabaseRelationId, AccessShareLock);
		return false;
	}
	directory->databases = read_catalog(DatabaseRelationId, from_database,
										&directory->ndatabases);
	directory->roles = read_catalog(AuthIdRelationId, from_role,
									&directory->nroles);
	return true;
}

static const char *
name_of(const NamedOid *list, int n, Oid oid)
{
	NamedOid	key = {.oid = oid};
	const NamedOid *found;

	found = n > 0 ?
		bsearch(&key, list, n, sizeof(NamedOid), compare_oids) : NULL;
	return found ? NameStr(found->name) : NULL;
}

const char *
directory_database_name(const Directory *directory, Oid dbid)
{
	return name_of(directory->databases, directory->ndatabases, dbid);
}

const char *
directory_role_name(const Directory *directory, Oid userid)
{
	return name_of(directory->roles, directory->nroles, userid);
}

/*
 * Capacity
 */

const char *
capacity_scope_name(CapacityScope scope)
{
	switch (scope)
	{
		case CAPACITY_SERVER:
			return "server";
		case CAPACITY_DATABASE:
			return "database";
		case CAPACITY_ROLE:
			return "role";
	}
	return NULL;
}

/* 0 where the server does not know the setting */
static int
int_setting(const char *name)
{
	const char *value = GetConfigOption(name, true, false);

	return value ? atoi(value) : 0;
}

static void
set_capacity(Capacity *c, CapacityScope scope, Oid oid, const char *name,
			 int used, int reserved, int connection_limit)
{
	int			open = connection_limit - reserved;

	c->scope = scope;
	c->oid = oid;
	c->name = name;
	c->used = used;
	c->reserved = reserved;
	c->connection_limit = connection_limit;
	/* a limit of none at all is reached */
	c->utilization = open > 0 ? (double) used / open : 1.0;
}

int
capacity_read(const Directory *directory, Capacity **capacity)
{
	int			max = 1;
	int			n = 0;
	int			used = 0;
	int			nprocs = 0;
	Oid		   *dbids = palloc(sizeof(Oid) * MaxBackends);
	Oid		   *userids = palloc(sizeof(Oid) * MaxBackends);

	for (int i = 0; i < MaxBackends; i++)
	{
		volatile const PGPROC *proc = GetPGProcByNumber(i);

		/*
		 * before 17 a free one keeps the pid it had, but nobody owns its
		 * latch
		 */
		if (proc->procLatch.owner_pid == 0)
			continue;
		if (i < MaxConnections)
			used++;
		if (compat_counts_as_connection(proc))
		{
			dbids[nprocs] = proc->databaseId;
			userids[nprocs++] = proc->roleId;
		}
	}

	for (int i = 0; i < directory->ndatabases; i++)
		max += directory->databases[i].connection_limit >= 0;
	for (int i = 0; i < directory->nroles; i++)
		max += directory->roles[i].connection_limit >= 0;
	*capacity = palloc(sizeof(Capacity) * max);

	set_capacity(&(*capacity)[n++], CAPACITY_SERVER, InvalidOid, NULL, used,
				 int_setting("superuser_reserved_connections") +
				 int_setting("reserved_connections"), MaxConnections);
	for (int i = 0; i < directory->ndatabases; i++)
	{
		const NamedOid *database = &directory->databases[i];

		if (database->connection_limit < 0)
			continue;
		used = 0;
		for (int p = 0; p < nprocs; p++)
			used += dbids[p] == database->oid;
		set_capacity(&(*capacity)[n++], CAPACITY_DATABASE, database->oid,
					 NameStr(database->name), used, 0,
					 database->connection_limit);
	}
	for (int i = 0; i < directory->nroles; i++)
	{
		const NamedOid *role = &directory->roles[i];

		if (role->connection_limit < 0)
			continue;
		used = 0;
		for (int p = 0; p < nprocs; p++)
			used += userids[p] == role->oid;
		set_capacity(&(*capacity)[n++], CAPACITY_ROLE, role->oid,
					 NameStr(role->name), used, 0, role->connection_limit);
	}
	pfree(dbids);
	pfree(userids);
	return n;
}

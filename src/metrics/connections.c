/*-------------------------------------------------------------------------
 *
 * connections.c
 *		Clients' connections, added up.
 *
 * src/metrics/connections.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "miscadmin.h"
#include "utils/backend_status.h"
#include "utils/timestamp.h"

#include "common/compat.h"
#include "metrics/connections.h"

const char *
connection_state_name(ConnectionState state)
{
	switch (state)
	{
		case CONNECTION_ACTIVE:
			return "active";
		case CONNECTION_IDLE:
			return "idle";
		case CONNECTION_IDLE_IN_TRANSACTION:
			return "idle_in_transaction";
		case CONNECTION_OTHER:
		case CONNECTION_NSTATES:
			break;
	}
	return "other";
}

static ConnectionState
state_of(const PgBackendStatus *status)
{
	switch (status->st_state)
	{
		case STATE_RUNNING:
		case STATE_FASTPATH:
			return CONNECTION_ACTIVE;
		case STATE_IDLE:
			return CONNECTION_IDLE;
		case STATE_IDLEINTRANSACTION:
		case STATE_IDLEINTRANSACTION_ABORTED:
			return CONNECTION_IDLE_IN_TRANSACTION;
		default:
			return CONNECTION_OTHER;
	}
}

static ConnectionGroup *
group_of(Connections *c, Oid dbid, Oid userid)
{
	for (int i = 0; i < c->ngroups; i++)
	{
		if (c->groups[i].dbid == dbid && c->groups[i].userid == userid)
			return &c->groups[i];
	}
	/* the last is for the rest */
	if (c->ngroups >= CONNECTIONS_MAX_GROUPS - 1)
	{
		if (dbid != InvalidOid || userid != InvalidOid)
			return group_of(c, InvalidOid, InvalidOid);
		Assert(c->ngroups < CONNECTIONS_MAX_GROUPS);
	}
	memset(&c->groups[c->ngroups], 0, sizeof(ConnectionGroup));
	c->groups[c->ngroups].dbid = dbid;
	c->groups[c->ngroups].userid = userid;
	return &c->groups[c->ngroups++];
}

static DatabaseActivity *
database_of(Connections *c, Oid dbid)
{
	for (int i = 0; i < c->ndatabases; i++)
	{
		if (c->databases[i].dbid == dbid)
			return &c->databases[i];
	}
	memset(&c->databases[c->ndatabases], 0, sizeof(DatabaseActivity));
	c->databases[c->ndatabases].dbid = dbid;
	return &c->databases[c->ndatabases++];
}

void
connections_read(Connections *c)
{
	TimestampTz now = GetCurrentTimestamp();
	int			nbackends;

	/* as of now, whatever this transaction has looked at before */
	pgstat_clear_backend_activity_snapshot();
	nbackends = pgstat_fetch_stat_numbackends();

	c->ngroups = c->ndatabases = 0;
	c->groups = palloc(sizeof(ConnectionGroup) * CONNECTIONS_MAX_GROUPS);
	c->databases = palloc(sizeof(DatabaseActivity) * Max(nbackends, 1));
	for (int i = 1; i <= nbackends; i++)
	{
		const PgBackendStatus *status = compat_backend_status(i);
		ConnectionState state;
		DatabaseActivity *database;

		if (status == NULL || status->st_backendType != B_BACKEND)
			continue;
		state = state_of(status);
		group_of(c, status->st_databaseid,
				 status->st_userid)->connections[state]++;
		database = database_of(c, status->st_databaseid);
		if (status->st_xact_start_timestamp != 0)
			database->longest_transaction =
				Max(database->longest_transaction,
					now - status->st_xact_start_timestamp);
		if (state == CONNECTION_IDLE_IN_TRANSACTION)
			database->longest_idle_in_transaction =
				Max(database->longest_idle_in_transaction,
					now - status->st_state_start_timestamp);
	}
	pgstat_clear_backend_activity_snapshot();
}

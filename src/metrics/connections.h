/*-------------------------------------------------------------------------
 *
 * connections.h
 *		Clients' connections as the server shows them, added up.
 *
 * Read from the array behind pg_stat_activity; needs neither a database nor a
 * transaction.
 *
 * src/metrics/connections.h
 *
 *-------------------------------------------------------------------------
 */
#ifndef QW_CONNECTIONS_H
#define QW_CONNECTIONS_H

#include "datatype/timestamp.h"

/* Pairs of database and role told apart; the rest are one of OIDs 0 */
#define CONNECTIONS_MAX_GROUPS	200

typedef enum ConnectionState
{
	CONNECTION_ACTIVE,
	CONNECTION_IDLE,
	CONNECTION_IDLE_IN_TRANSACTION, /* failed ones included */
	CONNECTION_OTHER,			/* starting, or track_activities is off */
	CONNECTION_NSTATES
} ConnectionState;

extern const char *connection_state_name(ConnectionState state);

typedef struct ConnectionGroup
{
	Oid			dbid;
	Oid			userid;
	int			connections[CONNECTION_NSTATES];
} ConnectionGroup;

/* What lasts longest in a database, microseconds; 0 if there is none */
typedef struct DatabaseActivity
{
	Oid			dbid;
	int64		longest_transaction;
	int64		longest_idle_in_transaction;
} DatabaseActivity;

typedef struct Connections
{
	int			ngroups;
	ConnectionGroup *groups;
	int			ndatabases;
	DatabaseActivity *databases;
} Connections;

/* Fills it in, in memory of the current context */
extern void connections_read(Connections *connections);

#endif							/* QW_CONNECTIONS_H */

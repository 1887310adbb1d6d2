/*-------------------------------------------------------------------------
 *
 * sqlmetrics.c
 *		SQL-callable functions over connections, capacity and metrics.
 *
 * src/functions/sqlmetrics.c
 *
 *-------------------------------------------------------------------------
 */
#include "postgres.h"

#include "fmgr.h"
#include "funcapi.h"
#include "mb/pg_wchar.h"
#include "miscadmin.h"
#include "storage/proc.h"
#include "utils/acl.h"
#include "utils/backend_status.h"
#include "utils/builtins.h"
#include "utils/tuplestore.h"

#include "common/compat.h"
#include "common/settings.h"
#include "common/shmem.h"
#include "common/visible.h"
#include "metrics/capacity.h"
#include "metrics/prometheus.h"
#include "statements/totals.h"

PG_FUNCTION_INFO_V1(pg_querywatch_busy_times_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_capacity_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_totals_1_0);
PG_FUNCTION_INFO_V1(pg_querywatch_prometheus_1_0);

/* Index of the process with that pid, -1 if there is none any more */
static int
backend_number(int pid)
{
	for (int i = 0; i < MaxBackends; i++)
	{
		if (GetPGProcByNumber(i)->pid == pid)
			return i;
	}
	return -1;
}

/*
 * Clients' backends, those that pg_stat_activity shows, and the time that
 * each spent on what its client sent; NULL where pg_stat_activity would hide
 * the state of the backend
 */
Datum
pg_querywatch_busy_times_1_0(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	int			nbackends = pgstat_fetch_stat_numbackends();

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	for (int i = 1; i <= nbackends; i++)
	{
		const PgBackendStatus *status = compat_backend_status(i);
		int64		busy_time;
		Datum		values[2];
		bool		nulls[2] = {false, false};

		if (status == NULL || status->st_backendType != B_BACKEND)
			continue;
		nulls[1] = !visible_all_to_caller() &&
			!has_privs_of_role(GetUserId(), status->st_userid);
		busy_time = totals_busy_time(backend_number(status->st_procpid));
		values[0] = Int32GetDatum(status->st_procpid);
		values[1] = Float8GetDatum((double) Max(busy_time, 0) /
								   NANOSECONDS_PER_MS);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pg_querywatch_capacity_1_0(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	Directory	directory;
	Capacity   *capacity;
	int			n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	(void) directory_read(&directory, false);
	n = capacity_read(&directory, &capacity);
	for (int i = 0; i < n; i++)
	{
		const Capacity *c = &capacity[i];
		NameData	name;
		Datum		values[6];
		bool		nulls[6] = {false};

		values[0] = CStringGetTextDatum(capacity_scope_name(c->scope));
		nulls[1] = c->name == NULL;
		namestrcpy(&name, c->name ? c->name : "");
		values[1] = NameGetDatum(&name);
		values[2] = Int32GetDatum(c->used);
		nulls[3] = c->scope != CAPACITY_SERVER;
		values[3] = Int32GetDatum(c->reserved);
		values[4] = Int32GetDatum(c->connection_limit);
		values[5] = Float8GetDatum(c->utilization);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

Datum
pg_querywatch_totals_1_0(PG_FUNCTION_ARGS)
{
	ReturnSetInfo *rsinfo = (ReturnSetInfo *) fcinfo->resultinfo;
	DatabaseTotals *databases = palloc(sizeof(DatabaseTotals) * TOTALS_DATABASES);
	int			n;

	shmem_require();
	InitMaterializedSRF(fcinfo, 0);
	n = totals_read(databases);
	for (int i = 0; i < n; i++)
	{
		const TotalCounts *c = &databases[i].counts;
		Datum		values[14];
		bool		nulls[14] = {false};

		nulls[0] = !OidIsValid(databases[i].dbid);
		values[0] = ObjectIdGetDatum(databases[i].dbid);
		values[1] = Int64GetDatum(c->executions);
		values[2] = Int64GetDatum(c->errors);
		values[3] = Int64GetDatum(c->cancels);
		values[4] = Int64GetDatum(c->timeouts);
		values[5] = Int64GetDatum(c->slow);
		values[6] = Int64GetDatum(c->rows);
		values[7] = Float8GetDatum((double) c->exec_time / NANOSECONDS_PER_MS);
		values[8] = Float8GetDatum((double) c->plan_time / NANOSECONDS_PER_MS);
		values[9] = Float8GetDatum((double) c->client_time / NANOSECONDS_PER_MS);
		values[10] = Int64GetDatum(c->blocks[USAGE_SHARED_HIT]);
		values[11] = Int64GetDatum(c->blocks[USAGE_SHARED_READ]);
		values[12] = Int64GetDatum(c->blocks[USAGE_TEMP_WRITTEN]);
		values[13] = Int64GetDatum(c->wal_bytes);
		tuplestore_putvalues(rsinfo->setResult, rsinfo->setDesc, values, nulls);
	}
	return (Datum) 0;
}

/*
 * The metrics, as /metrics shows them; without those of single statements for
 * a role that may not see all of them.
 */
Datum
pg_querywatch_prometheus_1_0(PG_FUNCTION_ARGS)
{
	PrometheusData *data;
	Directory	directory;
	StringInfoData out;

	shmem_require();
	initStringInfo(&out);
	data = prometheus_collect(visible_all_to_caller() ?
							  qw_metrics_statements : 0, 0);
	(void) directory_read(&directory, false);
	prometheus_render(&out, data, &directory, true,
					  GetDatabaseEncoding() != PG_UTF8 &&
					  GetDatabaseEncoding() != PG_SQL_ASCII);
	PG_RETURN_TEXT_P(cstring_to_text_with_len(out.data, out.len));
}

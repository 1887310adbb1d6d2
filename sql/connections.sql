--
-- Connections, and what is left of the limits
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET application_name = 'regress connections';

-- this one
SELECT datname = current_database() AS database, rolname = current_user AS role,
       total, active, idle, idle_in_transaction, waiting,
       longest_transaction >= 0 AS in_transaction, longest_idle_in_transaction
  FROM querywatch.connections WHERE application_name = 'regress connections';

-- as many as pg_stat_activity shows, however they are grouped
SELECT sum(total) = (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend') AS all_of_them,
       sum(active + idle + idle_in_transaction) <= sum(total) AS states
  FROM querywatch.connections;

-- what executed counts as busy, what waited for the client does not
DO $$ BEGIN PERFORM pg_sleep(0.3); END $$;
SELECT busy_share BETWEEN 0 AND 1 AS share, busy_share > 0 AS busy
  FROM querywatch.connections WHERE application_name = 'regress connections';
SELECT busy_time >= 300 AS slept FROM querywatch.busy_times() WHERE pid = pg_backend_pid();

-- limits: of the server as its settings say, of databases and roles that have one
SELECT scope, name IS NULL AS unnamed, used > 0 AS used,
       reserved = current_setting('superuser_reserved_connections')::int
         + coalesce(current_setting('reserved_connections', true), '0')::int AS reserved,
       connection_limit = current_setting('max_connections')::int AS connection_limit,
       abs(utilization - used::float8 / (connection_limit - reserved)) < 1e-9 AS utilization
  FROM querywatch.capacity WHERE scope = 'server';
CREATE ROLE regress_qw_limited LOGIN CONNECTION LIMIT 4;
CREATE ROLE regress_qw_barred LOGIN CONNECTION LIMIT 0;
CREATE ROLE regress_qw_unlimited LOGIN;
CREATE ROLE regress_qw_boss LOGIN SUPERUSER CONNECTION LIMIT 4;
CREATE DATABASE "regress_qw ""limited""" CONNECTION LIMIT 7;
SELECT * FROM querywatch.capacity WHERE scope <> 'server' AND name ~ 'regress_qw' ORDER BY name;

-- for everyone, but not what others are about
SET ROLE regress_qw_unlimited;
SELECT sum(total) > 0 AS total, count(active) AS active, count(busy_share) AS busy_share
  FROM querywatch.connections WHERE rolname IS DISTINCT FROM current_user;
SELECT count(*) FROM querywatch.capacity WHERE name ~ 'regress_qw';
SELECT count(*) FROM querywatch.idle_in_transaction;
RESET ROLE;

DROP DATABASE "regress_qw ""limited""";
DROP ROLE regress_qw_limited, regress_qw_barred, regress_qw_unlimited, regress_qw_boss;

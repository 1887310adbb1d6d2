--
-- More statements than a session has slots: what is counted without one
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.track_utility = off;
CREATE TABLE slot_item (id int PRIMARY KEY, n int);
INSERT INTO slot_item SELECT i, i FROM generate_series(0, 9) AS i;
CREATE TABLE slot_note (n int);
CREATE TEMP VIEW seen AS
  SELECT s.*, (length(query) - length(replace(query, ', n', ''))) / 3 AS i, command = 'INSERT' AS writes,
         (SELECT sum(h.calls) FROM querywatch.latency_histogram(queryid) AS h) AS histogram
    FROM querywatch.statements AS s
   WHERE query ~ '(FROM|INTO) slot_' AND query !~ '\mseen\M' AND calls + errors > 0;
-- what the database has counted, less what its statements have
CREATE TEMP VIEW missing AS
  SELECT t.executions - s.executions AS executions, t.errors - s.errors AS errors,
         t.slow_executions - s.slow AS slow, t.rows - s.rows AS rows,
         abs(t.total_exec_time - s.exec_time) > 0.001 AS exec_time,
         abs(t.total_plan_time - s.plan_time) > 0.001 AS plan_time,
         abs(t.total_client_time - s.client_time) > 0.001 AS client_time,
         t.shared_blks_hit - s.shared_blks_hit AS blocks, t.wal_bytes - s.wal_bytes AS wal
    FROM querywatch.totals AS t,
         (SELECT sum(calls + errors + cancels) AS executions, sum(errors) AS errors, sum(slow_calls) AS slow,
                 sum(rows) AS rows, sum(total_exec_time) AS exec_time, sum(total_plan_time) AS plan_time,
                 sum(client_time) AS client_time, sum(shared_blks_hit) AS shared_blks_hit, sum(wal_bytes) AS wal_bytes
            FROM querywatch.statements(false)
           WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())) AS s
   WHERE t.datname = current_database();

\set ECHO none
SELECT format('PREPARE read%s (int) AS SELECT 60 / n%s FROM slot_item WHERE id BETWEEN $1 AND %s', i, repeat(', n', i), 1 + i % 9)
  FROM generate_series(1, 150) AS i \gexec
SELECT format('PREPARE write%s AS INSERT INTO slot_note SELECT n FROM slot_item WHERE id = 1 RETURNING n%s', i, repeat(', n', i))
  FROM generate_series(1, 100) AS i \gexec
\set ECHO all
\set rounds 'SELECT format(''EXECUTE read%s (1)'', i) FROM generate_series(1, 3) AS round, generate_series(1, 150) AS i ORDER BY round, i'
\set writes 'SELECT format(''EXECUTE write%s'', i) FROM generate_series(1, 3) AS round, generate_series(1, 100) AS i ORDER BY round, i'

-- executions, planned anew or not
SELECT querywatch.reset() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
:rounds \gexec
SET plan_cache_mode = force_custom_plan;
:rounds \gexec
RESET plan_cache_mode;
:writes \gexec
\o
\set ECHO all
SELECT writes, count(*), min(calls), max(calls), bool_and(histogram = calls) AS histogram,
       bool_and(rows = calls * CASE WHEN writes THEN 1 ELSE 1 + i % 9 END) AS rows,
       min(plans), max(plans), bool_and(shared_blks_hit > 0) AS blocks, bool_and(wal_records > 0) AS wal,
       bool_and(min_exec_time > 0 AND min_exec_time <= max_exec_time AND max_exec_time < total_exec_time) AS times
  FROM seen GROUP BY 1 ORDER BY 1;
TABLE missing;

-- the client's time, in a transaction
SELECT querywatch.reset() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
BEGIN;
:rounds \gexec
COMMIT;
\o
\set ECHO all
SELECT count(*), min(calls), max(calls), bool_and(client_time > 0) AS client_time FROM seen;
TABLE missing;

-- a reset of some of them, and of the extremes
SELECT count(querywatch.reset(0, 0, queryid)) FROM seen WHERE i > 50;
SELECT querywatch.reset(minmax_only => true) IS NOT NULL AS reset;
SELECT count(*), min(i), max(i), max(max_exec_time) FROM seen;
\set ECHO none
\o /dev/null
:rounds \gexec
\o
\set ECHO all
SELECT i > 50 AS reset, count(*), min(calls), max(calls), bool_and(histogram = calls) AS histogram,
       bool_and(max_exec_time > 0) AS extremes
  FROM seen GROUP BY 1 ORDER BY 1;

-- slow ones
SELECT querywatch.reset() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
:rounds \gexec
SET pg_querywatch.slow_threshold = 0;
:rounds \gexec
RESET pg_querywatch.slow_threshold;
\o
\set ECHO all
SELECT count(*), min(calls), max(calls), min(slow_calls), max(slow_calls), bool_and(histogram = calls) AS histogram FROM seen;
TABLE missing;

-- nested ones, with failures
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
DO $$
BEGIN
  FOR round IN 1 .. 4 LOOP
    FOR i IN 1 .. 150 LOOP
      BEGIN
        EXECUTE format('SELECT 60 / n%s FROM slot_item WHERE id = %s', repeat(', n', i), round % 2);
      EXCEPTION WHEN division_by_zero THEN NULL;
      END;
    END LOOP;
  END LOOP;
END $$;
RESET pg_querywatch.track;
SELECT toplevel, count(*), min(calls), max(calls), min(errors), max(errors), min(plans), max(plans),
       bool_and(histogram = calls + errors) AS histogram
  FROM seen GROUP BY toplevel;
TABLE missing;

-- one that runs over and over has a slot, and what it had before
SELECT querywatch.reset() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
SELECT 'EXECUTE read7 (1)' FROM generate_series(1, 20) AS i \gexec
:rounds \gexec
SELECT 'EXECUTE read7 (1)' FROM generate_series(1, 20) AS i \gexec
\o
\set ECHO all
SELECT i = 7 AS seven, count(*), min(calls), max(calls) FROM seen GROUP BY 1 ORDER BY 1;
TABLE missing;

-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DEALLOCATE ALL;
DROP VIEW missing, seen;
DROP TABLE slot_item, slot_note;

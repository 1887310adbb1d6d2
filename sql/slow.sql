--
-- The slow log
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

SET jit = off;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 10) AS i;

-- by default only what is slow
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
SELECT 'fast' FROM item WHERE id = 1;
SELECT count(*) FROM querywatch.slow_statements;

-- what a record says
SET pg_querywatch.slow_threshold = 0;
SET application_name = 'regress slow';
SELECT 'all', id FROM item WHERE id < 4 ORDER BY id;
INSERT INTO item VALUES (11, 'eleven');
SET pg_querywatch.slow_threshold = -1;
SELECT 'none' FROM item;
SELECT id - first_value(id) OVER (ORDER BY id) AS nth, outcome, sqlstate, rows, toplevel,
       datname = current_database() AS db, rolname = current_user AS role, application_name,
       client_addr, pid = pg_backend_pid() AS pid, exec_time > 0 AS exec_time, plan_time >= 0 AS plan_time,
       started_at BETWEEN now() - interval '10 min' AND now() AS started,
       shared_blks_hit >= 0 AS hit, temp_blks_written, wal_bytes > 0 AS wal,
       parameters, tags, trace_id, query, runnable_sql
  FROM querywatch.slow_statements WHERE query !~ 'SET' ORDER BY id \gx
SELECT plan FROM querywatch.slow_statements WHERE query ~ '^INSERT';
SELECT queryid = (SELECT queryid FROM querywatch.statements WHERE query ~ '^INSERT INTO item') AS same_id
  FROM querywatch.slow_statements WHERE query ~ '^INSERT';
-- newest first
SELECT bool_and(id < before) AS newest_first
  FROM (SELECT id, lag(id) OVER () AS before FROM querywatch.slow_statements) AS s;
RESET application_name;

-- nested ones too, where they are recorded
SELECT querywatch.reset_slow();
CREATE FUNCTION inner_sql() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM item); END';
SET pg_querywatch.track = 'all';
SET pg_querywatch.slow_threshold = 0;
SELECT inner_sql();
SET pg_querywatch.slow_threshold = -1;
RESET pg_querywatch.track;
SELECT toplevel, query, plan IS NOT NULL AS plan FROM querywatch.slow_statements
 WHERE query ~ 'SELECT' ORDER BY query COLLATE "C";
DROP FUNCTION inner_sql();

-- failures: an error, a time-out, a cancellation
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
SELECT 1 / (id - 3) AS "error" FROM item ORDER BY id;
SET pg_querywatch.slow_threshold = 20;
SET statement_timeout = '50ms';
SELECT max(a) AS "timeout" FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b;
PREPARE late (int) AS SELECT max(b) AS "late" FROM generate_series(1, 100000) AS a, generate_series(1, $1) AS b;
EXECUTE late (100000);
RESET statement_timeout;
\set VERBOSITY terse
DO $$ BEGIN PERFORM set_config('regress.pid', pg_backend_pid()::text, false); END $$;
SELECT format('sleep 0.2; psql -X -At -d %s -c "SELECT pg_cancel_backend(%s)" >/dev/null', current_database(), pg_backend_pid()) AS cancel \gset
\setenv CANCEL :cancel
\! (sh -c "$CANCEL" &)
SELECT min(a) AS "canceled" FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b;
-- utility statements as well
SET statement_timeout = '50ms';
CREATE TABLE slow_made AS SELECT a FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b;
DO 'BEGIN PERFORM pg_sleep(10); END';
RESET statement_timeout;
\set VERBOSITY default
SET pg_querywatch.slow_threshold = -1;
SELECT outcome, sqlstate, exec_time >= 40 AS long, exec_time < 20000 AS in_bounds, rows, parameters,
       plan, runnable_sql IS NOT NULL AS runnable, query
  FROM querywatch.slow_statements WHERE query !~ 'RESET|SET' AND outcome <> 'completed' ORDER BY id;
SELECT calls, errors, cancels, slow_calls, timeouts, last_slow_at IS NOT NULL AS last_slow, query
  FROM querywatch.statements(true) AS s
 WHERE errors + cancels > 0 AND query ~ '"(error|timeout|late|canceled)"' ORDER BY query COLLATE "C";
SELECT query ~ '"late"' AS late, calls, slow_calls, round(slow_share::numeric, 2) AS share, timeouts, total_exec_time >= 40 AS time
  FROM querywatch.slow_summary WHERE query ~ '"(late|error)"' ORDER BY 1;

-- timed out while it was planned, and while its execution was prepared
CREATE FUNCTION slow_immutable() RETURNS int LANGUAGE plpgsql IMMUTABLE AS 'BEGIN PERFORM pg_sleep(10); RETURN 1; END';
CREATE FUNCTION slow_stable() RETURNS int LANGUAGE plpgsql STABLE AS 'BEGIN PERFORM pg_sleep(10); RETURN 1; END';
CREATE TABLE parted (id int) PARTITION BY LIST (id);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 20;
SET statement_timeout = '50ms';
\set VERBOSITY sqlstate
SELECT slow_immutable() AS "planning";
SELECT id AS "starting" FROM parted WHERE id = slow_stable();
\set VERBOSITY default
RESET statement_timeout;
SET pg_querywatch.slow_threshold = -1;
SELECT outcome, exec_time + plan_time >= 40 AS long, query FROM querywatch.slow_statements WHERE query ~ '^SELECT' ORDER BY id;
SELECT cancels, timeouts, slow_calls, query FROM querywatch.statements(true) WHERE query ~ '^SELECT.*"(planning|starting)"' ORDER BY query COLLATE "C";
DROP TABLE parted;
DROP FUNCTION slow_immutable(), slow_stable();

-- parameters
SELECT querywatch.reset_slow();
PREPARE many (int, text, date, bool, int[], text) AS
  SELECT $1 + 1, $2 || '!', $3, $4, $5, $6 FROM item WHERE id = $1;
SET pg_querywatch.slow_threshold = 0;
EXECUTE many (1, 'it''s', '2024-02-29', true, '{1,NULL,3}', NULL);
SET pg_querywatch.parameter_max_length = 8;
EXECUTE many (2, 'äöüäöüäöü', '2024-02-29', false, '{}', '');
SET pg_querywatch.capture_parameters = off;
EXECUTE many (3, 'x', NULL, NULL, NULL, NULL);
RESET pg_querywatch.parameter_max_length;
RESET pg_querywatch.capture_parameters;
SET pg_querywatch.capture_plan = off;
EXECUTE many (4, 'x', NULL, NULL, NULL, NULL);
RESET pg_querywatch.capture_plan;
SET pg_querywatch.slow_threshold = -1;
SELECT parameters, plan IS NOT NULL AS plan, runnable_sql
  FROM querywatch.slow_statements WHERE query ~ 'PREPARE many' ORDER BY id;
DEALLOCATE many;

-- texts: cut ones can't be run
SELECT querywatch.reset_slow();
SET pg_querywatch.query_max_length = 128;
SET pg_querywatch.slow_threshold = 0;
SELECT 'äääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääääää' AS long;
SET pg_querywatch.slow_threshold = -1;
RESET pg_querywatch.query_max_length;
SELECT octet_length(query) BETWEEN 125 AND 128 AS cut, runnable_sql FROM querywatch.slow_statements WHERE query ~ 'long|ä' ORDER BY id LIMIT 1;

-- several statements in one message: each its own text
SELECT querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
SELECT 1 AS one\; SELECT 2 AS two FROM item WHERE id = 1 \; /* three */ SELECT 3 AS three;
SET pg_querywatch.slow_threshold = -1;
SELECT query, runnable_sql FROM querywatch.slow_statements WHERE query ~ 'one|two|three' ORDER BY id;

-- tags
SELECT querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
SELECT 'tagged 1' FROM item WHERE id = 1 /*application='shop',controller='order%20s',action='it%27s',unknown='dropped',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/;
/*route='%2Fposts%2F%C3%A4',db_driver='django'*/ SELECT 'tagged 2' FROM item WHERE id = 1;
SELECT 'tagged 3' FROM item WHERE id = 1 /* just a comment */;
SELECT 'tagged 4' FROM item WHERE id = 1 /*traceparent='nonsense',route=''*/;
SELECT 'tagged 5' FROM item WHERE id = 1 -- route='line'
;
SELECT 'tagged 6' FROM item WHERE id = 1 /*route='%zz',job='\'',action='unclosed*/;
SELECT 'tagged 7 /*route=''in a string''*/' FROM item WHERE id = 1;
SET pg_querywatch.tags = 'unknown, job';
SELECT 'tagged 8' FROM item WHERE id = 1 /*application='shop',unknown='kept',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/;
RESET pg_querywatch.tags;
SET pg_querywatch.slow_threshold = -1;
SELECT substring(query, 'tagged \d') AS query, tags, trace_id
  FROM querywatch.slow_statements WHERE query ~ 'tagged' ORDER BY id;

-- explain(): the plan it has now, for its values
SELECT querywatch.reset_slow();
PREPARE by_id (int, text) AS SELECT name FROM item WHERE id = $1 AND name <> $2;
PREPARE upd (int) AS UPDATE item SET name = name WHERE id = $1;
SET enable_seqscan = off;
SET pg_querywatch.slow_threshold = 0;
EXECUTE by_id (3, 'x');
EXECUTE upd (3);
SHOW work_mem;
SELECT name FROM item WHERE id = 5 FOR UPDATE;
WITH u AS (UPDATE item SET name = name WHERE id = 1 RETURNING id) SELECT count(*) FROM u;
SET pg_querywatch.slow_threshold = -1;
SELECT min(id) FILTER (WHERE query ~ 'by_id') AS by_id, min(id) FILTER (WHERE query ~ 'upd') AS upd,
       min(id) FILTER (WHERE query ~ 'SHOW') AS show, min(id) FILTER (WHERE query ~ 'FOR UPDATE') AS lock,
       min(id) FILTER (WHERE query ~ '^WITH') AS cte
  FROM querywatch.slow_statements \gset
SELECT regexp_replace(line, '\(cost.*\)', '(cost)') AS line FROM querywatch.explain(:by_id) AS line;
SELECT regexp_replace(line, '\(cost.*\)', '(cost)') AS line FROM querywatch.explain(:upd) AS line;
SELECT count(*) FILTER (WHERE line ~ 'actual') > 0 AS run, count(*) FILTER (WHERE line ~ 'Execution Time') AS time
  FROM querywatch.explain(:by_id, true) AS line;
SELECT line ~ 'Limit|LockRows' AS ok FROM querywatch.explain(:lock) AS line LIMIT 1;
SELECT querywatch.explain(:upd, true);
SELECT querywatch.explain(:lock, true);
SELECT querywatch.explain(:cte, true);
SELECT querywatch.explain(:show);
SELECT querywatch.explain(-1);
SELECT querywatch.explain(NULL);
SELECT count(*) >= 5 AS ok FROM querywatch.explain(:by_id, "analyze" => true);
SHOW transaction_read_only;
RESET enable_seqscan;
DEALLOCATE ALL;
-- what can't be run again says why
SELECT querywatch.reset_slow();
PREPARE cut (text) AS SELECT name FROM item WHERE name = $1;
SET pg_querywatch.slow_threshold = 0;
SET pg_querywatch.capture_parameters = off;
EXECUTE cut ('x');
RESET pg_querywatch.capture_parameters;
EXECUTE cut (repeat('x', 300));
SET pg_querywatch.slow_threshold = -1;
SELECT min(id) AS a, max(id) AS b FROM querywatch.slow_statements WHERE query ~ 'cut' \gset
\set SHOW_CONTEXT never
DO $$
DECLARE
  r record;
  message text;
  hint text;
BEGIN
  FOR r IN SELECT id FROM querywatch.slow_statements WHERE query ~ 'PREPARE cut' ORDER BY id LOOP
    BEGIN
      PERFORM querywatch.explain(r.id);
    EXCEPTION WHEN OTHERS THEN
      GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, hint = PG_EXCEPTION_HINT;
      RAISE INFO '% % %', SQLSTATE, regexp_replace(message, '\d+', 'N'), hint;
    END;
  END LOOP;
END $$;
\set SHOW_CONTEXT errors
DEALLOCATE ALL;

-- the ring: the oldest make room, and are counted
SELECT querywatch.reset_slow();
SELECT slow_recorded, slow_overwritten, slow_dropped FROM querywatch.info;
SET pg_querywatch.track = 'all';
SET pg_querywatch.query_max_length = '100kB';
SET pg_querywatch.slow_threshold = 0;
DO $$
BEGIN
  FOR i IN 1 .. 100 LOOP
    EXECUTE format('SELECT %L || %s', repeat('x', 90000), i);
  END LOOP;
END $$;
SET pg_querywatch.slow_threshold = -1;
RESET pg_querywatch.query_max_length;
RESET pg_querywatch.track;
SELECT slow_recorded >= 100 AS recorded, slow_overwritten BETWEEN 1 AND slow_recorded AS overwritten,
       slow_recorded - slow_overwritten = (SELECT count(*) FROM querywatch.slow_statements) AS rest_is_there,
       slow_dropped
  FROM querywatch.info;
SELECT count(*) > 10 AS many, max(id) - min(id) + 1 = count(*) AS no_gaps,
       bool_and(length(query) > 90000) FILTER (WHERE query ~ '^SELECT ''') AS whole
  FROM querywatch.slow_statements;
SELECT querywatch.reset_slow();
SELECT count(*) FROM querywatch.slow_statements;
SELECT slow_recorded, slow_overwritten FROM querywatch.info;

-- a value and a plan that cannot be printed: the statement does not notice
CREATE TYPE mood AS ENUM ('good', 'bad');
CREATE TABLE feeling (id int PRIMARY KEY, m mood);
INSERT INTO feeling VALUES (1, 'bad'), (2, 'good');
CREATE FUNCTION forget_bad() RETURNS boolean LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM pg_enum WHERE enumlabel = 'bad' AND enumtypid = 'mood'::regtype;
  RETURN true;
END $$;
PREPARE unprintable (mood, text) AS
  SELECT id FROM feeling WHERE m = $1 AND $2 = $2 AND forget_bad();
SET pg_querywatch.slow_threshold = 0;
BEGIN;
SELECT 'before' AS row;
EXECUTE unprintable ('bad', 'custom plan');
SELECT 'after' AS row;
ROLLBACK;
BEGIN;
SET LOCAL plan_cache_mode = force_generic_plan;
EXECUTE unprintable ('bad', 'generic plan');
ROLLBACK;
RESET pg_querywatch.slow_threshold;
SELECT outcome, parameters, runnable_sql, plan IS NOT NULL AS plan
  FROM querywatch.slow_statements WHERE query ~ 'unprintable' AND parameters IS NOT NULL ORDER BY id;
DEALLOCATE unprintable;
DROP FUNCTION forget_bad();
DROP TABLE feeling;
DROP TYPE mood;

RESET ALL;
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP TABLE item;

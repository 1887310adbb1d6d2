--
-- Statistics of statements
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.track_utility = off;
SET jit = off;

-- what this database's statements are, without those that look
CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M';

CREATE TABLE item (id int PRIMARY KEY, name text, price numeric);
CREATE TABLE "Odd table" (id int);

-- constants are out of the text, statements that differ by them are one
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT 1 AS "int";
SELECT 2 AS "int";
SELECT -3 AS "int";
SELECT 'a' AS "text", 1.5 AS "numeric", true AS "bool", NULL AS "null";
SELECT E'it''s\n' AS "text", $$dollar$$ AS "numeric", B'101' AS "bool", NULL AS "null";
SELECT  /* a comment */ initcap('x') -- and another
;
   SELECT lower('SPACES') ;
SELECT upper('one')\; SELECT length('two'), 'ä' AS "ä"\; SELECT reverse('three');
SELECT count(*) FROM item WHERE id = 5 OR name = 'five' LIMIT 1 OFFSET 0;
SELECT count(*) FROM item WHERE id = 6 OR name = 'it''s' LIMIT 2 OFFSET 1;
SELECT calls, rows, plans, query FROM seen ORDER BY query COLLATE "C";

-- rows and calls of data changes
SELECT querywatch.reset() IS NOT NULL AS reset;
INSERT INTO item VALUES (1, 'one', 1), (2, 'two', 2), (3, 'three', 3);
INSERT INTO item SELECT i, 'item ' || i, i FROM generate_series(4, 10) AS i;
INSERT INTO item VALUES (11, 'eleven', 11) RETURNING id;
INSERT INTO item VALUES (11, 'again', 11) ON CONFLICT (id) DO NOTHING RETURNING id;
UPDATE item SET price = price + 1 WHERE id <= 4;
UPDATE item SET price = 0 WHERE id = 100;
UPDATE item SET price = 5 WHERE id > 8 RETURNING id, price;
DELETE FROM item WHERE id = 11 RETURNING *;
MERGE INTO item USING (VALUES (10), (12)) AS v (id) ON item.id = v.id
  WHEN MATCHED THEN UPDATE SET name = 'merged'
  WHEN NOT MATCHED THEN INSERT VALUES (v.id, 'new', 0);
WITH gone AS (DELETE FROM item WHERE id = 12 RETURNING id)
  SELECT count(*) FROM gone;
TABLE "Odd table";
SELECT name FROM item ORDER BY id LIMIT 3;
VALUES (1, 'x'), (2, 'y');
SELECT count(*) FROM item AS a JOIN item AS b USING (id)
 WHERE EXISTS (SELECT FROM "Odd table" AS o WHERE o.id = a.id);
SELECT calls, rows, command, tables, query FROM seen ORDER BY query COLLATE "C";

-- prepared statements: the text of the PREPARE, counted at each EXECUTE
SELECT querywatch.reset() IS NOT NULL AS reset;
PREPARE by_id (int) AS SELECT name FROM item WHERE id = $1 AND price < 100;
EXECUTE by_id (1);
EXECUTE by_id (2);
EXECUTE by_id (NULL);
SELECT querywatch.reset() IS NOT NULL AS reset;
EXECUTE by_id (3);
DEALLOCATE by_id;
SELECT calls, rows, toplevel, tables, query FROM seen ORDER BY query COLLATE "C";

-- prepared before it was to be recorded: its text is known all the same
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = none;
PREPARE unseen (int) AS SELECT id, price FROM item WHERE id = $1;
SET pg_querywatch.track = top;
EXECUTE unseen (1);
DEALLOCATE unseen;
SELECT calls, rows,
       query ~ 'SELECT id, price FROM item WHERE id = \$1$' AS text
  FROM querywatch.statements
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
   AND calls > 0 AND (query IS NULL OR query ~ 'id, price FROM item WHERE id');

-- planning: each time, until the plan is generic
SELECT querywatch.reset() IS NOT NULL AS reset;
SET plan_cache_mode = force_custom_plan;
PREPARE custom (int) AS SELECT 'custom', name FROM item WHERE id = $1;
EXECUTE custom (1);
EXECUTE custom (2);
SET plan_cache_mode = force_generic_plan;
PREPARE generic (int) AS SELECT 'generic', name, id FROM item WHERE id = $1;
EXECUTE generic (1);
EXECUTE generic (2);
RESET plan_cache_mode;
DEALLOCATE ALL;
SELECT calls, plans, min_plan_time <= max_plan_time AS ordered,
       total_plan_time > 0 AS timed,
       abs(mean_plan_time * plans - total_plan_time) < 1e-6 AS averaged, query
  FROM seen ORDER BY query COLLATE "C";

-- failures are counted, in every phase, and their time with them
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT 1/0 AS "while planning";
SELECT 1/(id - 3) AS "while running" FROM item;
SELECT 1/(id - 3) AS "while running" FROM item WHERE id < 3;
SELECT 1/(id - 3) AS "while running" FROM item;
INSERT INTO item VALUES (1, 'double', 0);
SELECT no_such_column AS "never analysed" FROM item;
CREATE ROLE regress_qw_nobody;
GRANT regress_qw_nobody TO CURRENT_USER;
SET ROLE regress_qw_nobody;
SELECT id AS "not permitted" FROM item;
RESET ROLE;
DROP ROLE regress_qw_nobody;
SELECT calls, errors, cancels, rows, total_exec_time > 0 AS timed, query
  FROM seen ORDER BY query COLLATE "C";

-- an error does not leave the nesting wrong
SELECT initcap('after errors');
SELECT calls, toplevel FROM seen WHERE query ~ 'initcap';

-- cancelled: by time-out here; the slow log tests tell the two apart
SELECT querywatch.reset() IS NOT NULL AS reset;
SET statement_timeout = '50ms';
SELECT count(*) AS "cancelled"
  FROM generate_series(1, 100000) AS a, generate_series(1, 100000) AS b;
RESET statement_timeout;
SELECT calls, errors, cancels, total_exec_time >= 40 AS timed,
       max_exec_time >= 40 AS max, p99_exec_time >= 40 AS p99, query
  FROM seen ORDER BY query COLLATE "C";
SELECT timeouts FROM querywatch.statements(true) WHERE query ~ 'cancelled' AND query !~ 'querywatch';

-- a deferred constraint fails at the end of the transaction
CREATE TABLE deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
INSERT INTO deferred VALUES (1);
INSERT INTO deferred VALUES (1);
COMMIT;
SELECT calls, errors, rows, query FROM seen ORDER BY query COLLATE "C";
DROP TABLE deferred;

-- times hang together
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
DO $$
BEGIN
  FOR i IN 1 .. 200 LOOP
    PERFORM count(*) AS "timed" FROM generate_series(1, i * 20);
  END LOOP;
END $$;
RESET pg_querywatch.track;
SELECT calls, toplevel,
       min_exec_time > 0 AS min, min_exec_time <= p50_exec_time AS min_p50,
       p50_exec_time <= p95_exec_time AS p50_p95,
       p95_exec_time <= p99_exec_time AS p95_p99,
       p99_exec_time <= max_exec_time AS p99_max,
       abs(mean_exec_time * calls - total_exec_time) < 1e-6 AS averaged,
       stddev_exec_time BETWEEN 0 AND max_exec_time AS stddev,
       last_seen BETWEEN now() - interval '10 minutes' AND now() AS last_seen,
       minmax_stats_since = stats_since AS since
  FROM seen WHERE query ~ '"timed"';
SELECT sum(calls) = (SELECT sum(calls) FROM querywatch.latency_histogram(s.queryid)) AS all_in_histogram
  FROM seen AS s WHERE query ~ '"timed"' GROUP BY queryid;
SELECT bool_and(lower_time < upper_time) AS ordered,
       bool_and(length(bar) BETWEEN 0 AND 40) AS bars,
       max(length(bar)) AS longest,
       bool_and((calls > 0) = (bar <> '')) AS shown,
       count(*) <= 24 AS short
  FROM querywatch.latency_histogram();
SELECT bool_and(upper_time = next_time) AS contiguous
  FROM (SELECT upper_time, lead(lower_time) OVER (ORDER BY lower_time) AS next_time
          FROM querywatch.latency_histogram()) AS h
 WHERE next_time IS NOT NULL;
SELECT count(*) FROM querywatch.latency_histogram(-1);
-- a look-up that found nothing is not all statements
SELECT count(*) FROM querywatch.latency_histogram((SELECT queryid FROM querywatch.statements WHERE false));

-- time the client takes between statements of a transaction
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
SELECT lower('THINKING');
\! sleep 0.12
SELECT upper('then');
COMMIT;
SELECT reverse('outside a transaction');
\! sleep 0.12
SELECT length('the end');
SELECT client_time >= 100 AS client_time, client_time < total_exec_time + 5000 AS sane, query
  FROM seen ORDER BY query COLLATE "C";

-- what a statement used up
CREATE TEMP TABLE local_item AS SELECT * FROM item;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT max(id) AS "hits" FROM item;
INSERT INTO item VALUES (50, 'writes', 1);
INSERT INTO local_item VALUES (51, 'local', 1);
SET work_mem = '64kB';
SELECT count(*) AS "spills" FROM (SELECT i FROM generate_series(1, 20000) AS i ORDER BY -i) AS s;
RESET work_mem;
SELECT shared_blks_hit > 0 AS hit,
       local_blks_hit > 0 AS local_hit, temp_blks_written > 0 AS temp_written,
       temp_blks_read > 0 AS temp_read, wal_records > 0 AS wal,
       wal_bytes > 0 AS bytes, query
  FROM seen ORDER BY query COLLATE "C";
DELETE FROM item WHERE id = 50;

-- JIT, where the server has it
SELECT querywatch.reset() IS NOT NULL AS reset;
SET jit = on;
SET jit_above_cost = 0;
SELECT sum(id) AS "jitted" FROM item;
SELECT (jit_functions > 0) = pg_jit_available() AS jit,
       (jit_generation_time > 0) = pg_jit_available() AS jit_time
  FROM seen WHERE query ~ 'jitted';
SET jit = off;
RESET jit_above_cost;

-- nested statements
CREATE FUNCTION sql_count() RETURNS bigint LANGUAGE sql VOLATILE
  AS 'SELECT count(*) AS "in SQL function" FROM item';
CREATE FUNCTION plpgsql_count(divisor int) RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
DECLARE
  n bigint;
BEGIN
  SELECT sum(id) AS "in PL/pgSQL function" FROM item INTO n;
  BEGIN
    SELECT n / divisor AS "caught" FROM pg_backend_pid() INTO n;
  EXCEPTION WHEN division_by_zero THEN
    NULL;
  END;
  RETURN n;
END $$;
CREATE PROCEDURE commits(n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. n LOOP
    INSERT INTO "Odd table" VALUES (i);
    COMMIT;
  END LOOP;
END $$;
CREATE FUNCTION on_odd() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  UPDATE item SET price = price WHERE id = 1;
  RETURN NULL;
END $$;
CREATE TRIGGER odd AFTER DELETE ON "Odd table" FOR EACH ROW EXECUTE FUNCTION on_odd();

SET pg_querywatch.track = top;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT sql_count(), plpgsql_count(1), plpgsql_count(0);
CALL commits(2);
DO 'BEGIN PERFORM lower(''in DO''); END';
DELETE FROM "Odd table";
SELECT calls, rows, errors, toplevel, query FROM seen ORDER BY query COLLATE "C";

SET pg_querywatch.track = 'all';
DISCARD PLANS;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT sql_count(), plpgsql_count(1), plpgsql_count(0);
CALL commits(2);
DO 'BEGIN PERFORM lower(''in DO''); END';
DELETE FROM "Odd table";
SELECT sum(id) AS "in PL/pgSQL function" FROM item;
SELECT calls, rows, errors, toplevel, query FROM seen
 ORDER BY query COLLATE "C", toplevel;

SET pg_querywatch.track = none;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT sql_count(), plpgsql_count(1);
CALL commits(2);
DELETE FROM "Odd table";
SELECT count(*) FROM seen;
RESET pg_querywatch.track;

-- two roles, two statements
CREATE ROLE regress_qw_other;
GRANT SELECT ON item TO regress_qw_other;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT count(*) AS "by two roles" FROM item;
SET ROLE regress_qw_other;
SELECT count(*) AS "by two roles" FROM item;
SELECT count(*) AS "by two roles" FROM item;
RESET ROLE;
SELECT r.rolname = 'regress_qw_other' AS other, calls
  FROM seen JOIN pg_roles AS r ON r.oid = seen.userid ORDER BY 1;
DROP OWNED BY regress_qw_other;
DROP ROLE regress_qw_other;

-- texts are cut at a character
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.query_max_length = 128;
SELECT 1 AS "ääääääääääääääääääääääääääääää", now() IS NULL AS "äääääääääääääääääääääääääääääää";
SELECT 1 AS "xäääääääääääääääääääääääääääää", now() IS NOT NULL AS "äääääääääääääääääääääääääääää";
SELECT calls, octet_length(query) BETWEEN 127 AND 128 AS cut, query FROM seen ORDER BY query COLLATE "C";
RESET pg_querywatch.query_max_length;

-- without texts, for scrapers
SELECT count(*) > 0 AS statements, count(query) AS texts
  FROM querywatch.statements(false);

-- more slots than a backend has: nothing is lost
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
DO $$
BEGIN
  FOR round IN 1 .. 3 LOOP
    FOR i IN 1 .. 150 LOOP
      EXECUTE format('SELECT 1 AS many %s', repeat(', 1', i));
    END LOOP;
  END LOOP;
END $$;
RESET pg_querywatch.track;
SELECT count(*), sum(calls), min(calls), max(calls) FROM seen WHERE query ~ 'AS many';

-- what the start of the executor runs, to find the partitions, is nested; an
-- error in it is the client's statement's, and what follows is not nested
CREATE TABLE parted (k int, v int) PARTITION BY LIST (k);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES IN (1);
CREATE TABLE parted_2 PARTITION OF parted FOR VALUES IN (2);
INSERT INTO parted VALUES (1, 10), (2, 20);
CREATE FUNCTION part() RETURNS int STABLE LANGUAGE plpgsql
AS $$ BEGIN RETURN (SELECT 2 / divisor AS below FROM parts); END $$;
CREATE TABLE parts AS SELECT 1 AS divisor;
SET plan_cache_mode = force_generic_plan;
PREPARE pruned AS SELECT v FROM parted WHERE k = part();
EXECUTE pruned;
SELECT querywatch.reset() IS NOT NULL AS reset;
EXECUTE pruned;
UPDATE parts SET divisor = 0;
\set VERBOSITY terse
EXECUTE pruned;
SELECT 1 AS after;
SET pg_querywatch.track = 'all';
EXECUTE pruned;
DO $$ BEGIN EXECUTE 'EXECUTE pruned';
EXCEPTION WHEN division_by_zero THEN NULL; END $$;
UPDATE parts SET divisor = 1;
EXECUTE pruned;
SELECT 1 AS after;
\set VERBOSITY default
RESET pg_querywatch.track;
SELECT toplevel, calls, errors, replace(query, 'PREPARE pruned AS ', '') AS query
  FROM querywatch.statements
 WHERE query ~ 'parts|parted|after' AND query !~ '^DO'
 ORDER BY query COLLATE "C", toplevel;
DEALLOCATE pruned;
RESET plan_cache_mode;
DROP TABLE parted, parts;
DROP FUNCTION part();

-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP FUNCTION sql_count(), plpgsql_count(int), on_odd() CASCADE;
DROP PROCEDURE commits(int);
DROP TABLE "Odd table", item;
DROP VIEW seen;

--
-- Reset: of all, of what matches, of the extremes only
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.track_utility = off;
CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M' AND calls > 0;
CREATE ROLE regress_qw_reset;
CREATE TABLE reset_item (id int);
GRANT SELECT ON reset_item TO regress_qw_reset;

-- all
SELECT lower('A');
SELECT querywatch.reset() BETWEEN now() - interval '1 s' AND clock_timestamp() AS now;
SELECT calls, query FROM seen;
SELECT count(*) AS from_before FROM querywatch.statements
 WHERE stats_since < (SELECT stats_reset FROM querywatch.info) AND calls > 0 AND query !~ 'querywatch';
SELECT stats_reset BETWEEN now() - interval '1 min' AND now() AS stats_reset FROM querywatch.info;

-- after it, counting goes on from nothing, with the text
SELECT lower('A');
SELECT lower('B');
SELECT calls, rows, query FROM seen;

-- one statement
SELECT upper('a');
SELECT upper('b');
SELECT querywatch.reset(queryid => queryid) IS NOT NULL AS reset FROM querywatch.statements WHERE query ~ '^SELECT upper';
SELECT calls, query FROM seen ORDER BY query COLLATE "C";
SELECT upper('c');
SELECT calls, query FROM seen ORDER BY query COLLATE "C";

-- one role
SET ROLE regress_qw_reset;
SELECT count(*) FROM reset_item;
SELECT lower('C');
RESET ROLE;
SELECT count(*) FROM reset_item;
SELECT querywatch.reset(userid => 'regress_qw_reset'::regrole) IS NOT NULL AS reset;
SELECT userid = 'regress_qw_reset'::regrole AS theirs, calls, query FROM seen ORDER BY query COLLATE "C";

-- one database: another than this one changes nothing
SELECT querywatch.reset(dbid => 1) IS NOT NULL AS reset;
SELECT count(*) FROM seen;
SELECT querywatch.reset(dbid => oid) IS NOT NULL AS reset FROM pg_database WHERE datname = current_database();
SELECT count(*) FROM seen;

-- only where all match
SELECT lower('D');
SELECT querywatch.reset('regress_qw_reset'::regrole, 0, queryid) IS NOT NULL AS reset FROM seen WHERE query ~ 'lower';
SELECT calls, query FROM seen;
SELECT querywatch.reset(userid, dbid, queryid) IS NOT NULL AS reset FROM seen WHERE query ~ 'lower';
SELECT calls, query FROM seen;

-- the extremes
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT pg_sleep(0.02);
SELECT pg_sleep(0.01);
SELECT querywatch.reset(minmax_only => true) BETWEEN now() - interval '1 s' AND clock_timestamp() AS now;
SELECT calls, min_exec_time, max_exec_time, total_exec_time >= 30 AS total, p50_exec_time > 0 AS p50,
       min_plan_time, max_plan_time, total_plan_time > 0 AS plan, minmax_stats_since > stats_since AS since
  FROM seen WHERE query ~ 'pg_sleep';
SELECT pg_sleep(0.005);
SELECT calls, min_exec_time = max_exec_time AS one, min_exec_time >= 4.9 AS min, max_exec_time < total_exec_time AS below
  FROM seen WHERE query ~ 'pg_sleep';
SELECT pg_sleep(0.0);
SELECT calls, min_exec_time < max_exec_time AS two FROM seen WHERE query ~ 'pg_sleep';
-- of one statement only
SELECT lower('E');
SELECT querywatch.reset(0, 0, queryid, true) IS NOT NULL AS reset FROM seen WHERE query ~ 'pg_sleep';
SELECT max_exec_time > 0 AS max, query FROM seen WHERE query ~ 'lower|pg_sleep' ORDER BY query COLLATE "C";

-- with statements whose slots were given to others meanwhile
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    EXECUTE 'SELECT now()' || repeat(', 1', i);
  END LOOP;
END $$;
SELECT count(*) FROM seen WHERE query ~ '^SELECT now\(\)(, \$\d+)+$';
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT count(*) FROM seen WHERE query ~ '^SELECT now\(\)(, \$\d+)+$';
DO $$
BEGIN
  FOR i IN 1 .. 300 LOOP
    EXECUTE 'SELECT now()' || repeat(', 1', i);
  END LOOP;
END $$;
SELECT count(*), min(calls), max(calls) FROM seen WHERE query ~ '^SELECT now\(\)(, \$\d+)+$';
RESET pg_querywatch.track;

-- not while a transaction fails: it is done at once, not at COMMIT
SELECT lower('F');
BEGIN;
SELECT querywatch.reset() IS NOT NULL AS reset;
ROLLBACK;
SELECT count(*) FROM seen WHERE query ~ 'lower';

-- nothing is left of what was before: no entry, no text, no comment in one
SELECT count(*) /* customer Smith */ FROM reset_item;
PREPARE item(int) AS SELECT id FROM reset_item WHERE id = $1;
EXECUTE item(1);
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT statements <= 3 AS entries, text_bytes <= 3 * 128 AS texts, dealloc FROM querywatch.info;
SELECT count(*) FROM reset_item;
SELECT calls, query FROM seen WHERE query ~ 'count';
-- nor of a statement alone
SELECT count(*) /* customer Jones */ FROM reset_item;
SELECT querywatch.reset(queryid => queryid) IS NOT NULL AS reset FROM seen WHERE query ~ 'count';
SELECT count(*) FROM reset_item;
SELECT calls, query FROM seen WHERE query ~ 'count';

-- a prepared statement, which is not parsed again, has its text and its shape
EXECUTE item(1);
SELECT calls, query, tables FROM seen WHERE query ~ 'PREPARE';
CREATE TABLE reset_owner (id int PRIMARY KEY);
INSERT INTO reset_owner SELECT generate_series(1, 8);
ALTER TABLE reset_item ADD FOREIGN KEY (id) REFERENCES reset_owner;
DEALLOCATE item;
PREPARE item(int) AS SELECT id FROM reset_item WHERE id = $1;
EXECUTE item(1);
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_patterns() IS NOT NULL AS reset_patterns;
BEGIN;
ROLLBACK;
BEGIN;
SELECT id FROM reset_owner;
EXECUTE item(1);
EXECUTE item(2);
EXECUTE item(3);
EXECUTE item(4);
EXECUTE item(5);
EXECUTE item(6);
EXECUTE item(7);
EXECUTE item(8);
COMMIT;
SELECT kind, confidence, relationship, executions FROM querywatch.repeated_statements WHERE query ~ 'PREPARE item';

RESET ALL;
DROP VIEW seen;
DROP TABLE reset_item, reset_owner;
DROP ROLE regress_qw_reset;

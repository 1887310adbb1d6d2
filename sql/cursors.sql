--
-- Cursors: a query that runs in pieces is one execution
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.track = 'all';

CREATE TEMP VIEW seen AS
  SELECT toplevel, calls, rows, errors, command, regexp_replace(query, '\$?\d+', 'N', 'g') AS query
    FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M' AND command NOT IN ('BEGIN', 'COMMIT', 'ROLLBACK', 'SET');
CREATE TABLE item (id int PRIMARY KEY, parent_id int REFERENCES item, name text);
INSERT INTO item SELECT i, nullif(i / 10, 0), 'item ' || i FROM generate_series(1, 100) AS i;

-- read in part, in full, and not at all
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
DECLARE part CURSOR FOR SELECT id FROM item ORDER BY id;
FETCH 2 FROM part;
FETCH FORWARD 3 FROM part;
MOVE 10 IN part;
CLOSE part;
DECLARE whole CURSOR FOR SELECT name FROM item WHERE id <= 3 ORDER BY id;
FETCH ALL FROM whole;
FETCH ALL FROM whole;
CLOSE whole;
DECLARE unread CURSOR FOR SELECT count(*) FROM item;
COMMIT;
SELECT * FROM seen WHERE toplevel ORDER BY query COLLATE "C";

-- the query itself, where it has an id: as a nested statement
CREATE FUNCTION open(c refcursor, query text) RETURNS refcursor LANGUAGE plpgsql
  AS 'BEGIN OPEN c SCROLL FOR EXECUTE query; RETURN c; END';
\o /dev/null

-- closed, or at the end of the transaction, committed or not
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
SELECT open('closed', 'SELECT id, 1 FROM item ORDER BY id');
FETCH 1 FROM closed;
FETCH 2 FROM closed;
CLOSE closed;
SELECT open('committed', 'SELECT id, 1, 2 FROM item ORDER BY id');
FETCH 2 FROM committed;
FETCH BACKWARD 1 FROM committed;
COMMIT;
BEGIN;
SELECT open('rolled', 'SELECT id, 1, 2, 3 FROM item ORDER BY id');
FETCH 3 FROM rolled;
FETCH 1 FROM rolled;
ROLLBACK;
BEGIN;
SAVEPOINT s;
SELECT open('saved', 'SELECT id, 1, 2, 3, 4 FROM item ORDER BY id');
FETCH 5 FROM saved;
ROLLBACK TO s;
SELECT open('kept', 'SELECT id, 1, 2, 3, 4, 5 FROM item ORDER BY id');
FETCH 6 FROM kept;
SELECT 1/0;
COMMIT;

-- two at a time, interleaved
BEGIN;
SELECT open('a', 'SELECT name FROM item ORDER BY id');
SELECT open('b', 'SELECT name, name FROM item ORDER BY id');
FETCH 1 FROM a;
FETCH 2 FROM b;
FETCH 3 FROM a;
FETCH 4 FROM b;
CLOSE a;
FETCH 1 FROM b;
CLOSE b;
COMMIT;

-- an error in the middle
BEGIN;
SELECT open('failing', 'SELECT i, 1 / (i - 4) FROM generate_series(1, 10) AS i');
FETCH 2 FROM failing;
FETCH 2 FROM failing;
ROLLBACK;
\o
SELECT * FROM seen WHERE command = 'SELECT' AND NOT toplevel AND calls + errors > 0 ORDER BY query COLLATE "C", toplevel;

-- WITH HOLD: read to its end at COMMIT
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT id FROM item WHERE id > 90 ORDER BY id;
FETCH 2 FROM held;
COMMIT;
FETCH 2 FROM held;
CLOSE held;
SELECT * FROM seen WHERE toplevel ORDER BY query COLLATE "C";

-- an error in the middle
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
DECLARE failing CURSOR FOR SELECT 1 / (i - 4) AS n FROM generate_series(1, 10) AS i;
FETCH 2 FROM failing;
FETCH 2 FROM failing;
ROLLBACK;
FETCH 1 FROM no_such_cursor;
SELECT * FROM seen WHERE toplevel ORDER BY query COLLATE "C";

-- in PL/pgSQL
SELECT querywatch.reset() IS NOT NULL AS reset;
DO $$
DECLARE
  c CURSOR FOR SELECT id, parent_id FROM item ORDER BY id;
  r record;
  n int := 0;
BEGIN
  FOR r IN c LOOP
    n := n + 1;
    EXIT WHEN n = 3;
  END LOOP;
  FOR r IN SELECT name, parent_id FROM item ORDER BY id LOOP
    n := n + 1;
  END LOOP;
END $$;
SELECT toplevel, calls, rows, errors, query FROM seen
 WHERE calls > 0 AND NOT toplevel ORDER BY query COLLATE "C";

-- a slow one: its time is the sum of its parts
SET pg_querywatch.slow_threshold = 100;
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
BEGIN;
SELECT open('slow', 'SELECT id, pg_sleep(0.06) FROM item ORDER BY id');
MOVE 1 IN slow;
MOVE 1 IN slow;
CLOSE slow;
COMMIT;
RESET pg_querywatch.slow_threshold;
SELECT calls, rows, slow_calls, total_exec_time >= 120 AS time, toplevel
  FROM querywatch.statements WHERE query ~ '^SELECT id, pg_sleep';
SELECT rows, exec_time >= 120 AS time, outcome, toplevel, plan ~ 'item' AS plan
  FROM querywatch.slow_statements WHERE query ~ '^SELECT id, pg_sleep';
SELECT querywatch.reset_slow();

DROP VIEW seen;

-- the parent of an N+1 read through a cursor (P18)
RESET pg_querywatch.track;
SET pg_querywatch.repeat_gap = '1min';
DISCARD ALL;
SET pg_querywatch.repeat_gap = '1min';
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
BEGIN;
DECLARE parents CURSOR FOR SELECT id FROM item WHERE id <= 8 ORDER BY id;
FETCH 4 FROM parents;
SELECT count(*) AS children FROM item WHERE parent_id = 1;
SELECT count(*) AS children FROM item WHERE parent_id = 2;
SELECT count(*) AS children FROM item WHERE parent_id = 3;
SELECT count(*) AS children FROM item WHERE parent_id = 4;
FETCH 4 FROM parents;
SELECT count(*) AS children FROM item WHERE parent_id = 5;
SELECT count(*) AS children FROM item WHERE parent_id = 6;
SELECT count(*) AS children FROM item WHERE parent_id = 7;
SELECT count(*) AS children FROM item WHERE parent_id = 8;
CLOSE parents;
COMMIT;
SELECT kind, confidence, relationship, executions, distinct_parameters, query,
       parent_query ~ 'SELECT id FROM item' AS parent
  FROM querywatch.repeated_statements WHERE datname = current_database();

-- FETCHes are no repeat (N6)
DISCARD ALL;
SET pg_querywatch.repeat_gap = '1min';
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
BEGIN;
DECLARE rows CURSOR FOR SELECT id FROM item WHERE name <> 'x' ORDER BY id;
\o /dev/null
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
FETCH 1 FROM rows;
\o
COMMIT;
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();

RESET ALL;
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP TABLE item;
DROP FUNCTION open(refcursor, text);

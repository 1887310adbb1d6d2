--
-- Transactions, whole and in part: exact counts, and what is a loop
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE VIEW seen AS
  SELECT toplevel, sum(calls) AS calls, sum(rows) AS rows, sum(errors) AS errors,
         regexp_replace(query, '\$?\m\d+\M', 'N', 'g') AS query
    FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M|\mpatterns\M'
     AND query ~ '^(SELECT|INSERT|UPDATE|CALL|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|DECLARE|FETCH)'
   GROUP BY 1, 5;
CREATE VIEW patterns AS
  SELECT kind, confidence, executions, query FROM querywatch.repeated_statements
   WHERE datname = current_database();
CREATE TABLE item (id int PRIMARY KEY, n int);
CREATE TABLE child (id int PRIMARY KEY, item_id int REFERENCES item DEFERRABLE INITIALLY DEFERRED);
SET pg_querywatch.track = 'all';
SET pg_querywatch.repeat_gap = '1min';

-- a loop of subtransactions: every second one fails, at its end or in the middle
CREATE FUNCTION fill(rounds int) RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  caught int := 0;
BEGIN
  FOR i IN 1 .. rounds LOOP
    BEGIN
      INSERT INTO item VALUES (i / 2, 0);
    EXCEPTION WHEN unique_violation THEN
      caught := caught + 1;
    END;
    BEGIN
      UPDATE item SET n = n + 1 WHERE id = i / 2;
      IF i % 2 = 0 THEN
        RAISE EXCEPTION 'undone';
      END IF;
    EXCEPTION WHEN raise_exception THEN
      caught := caught + 1;
    END;
  END LOOP;
  RETURN caught;
END $$;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT fill(1001);
SELECT sum(n) FROM item;
SELECT * FROM seen WHERE query ~ 'item|fill' ORDER BY query COLLATE "C", toplevel;

-- nested a hundred deep, each level undone
CREATE FUNCTION nest(level int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF level = 0 THEN
    RETURN 1 / (SELECT min(id) FROM item WHERE id = 0);
  END IF;
  UPDATE item SET n = n WHERE id = level;
  RETURN nest(level - 1);
EXCEPTION WHEN division_by_zero THEN
  PERFORM n FROM item WHERE id = level;
  RAISE;
END $$;
SELECT querywatch.reset() IS NOT NULL AS reset;
\set VERBOSITY sqlstate
SELECT nest(100);
\set VERBOSITY default
SELECT * FROM seen WHERE query ~ 'item|nest' ORDER BY query COLLATE "C", toplevel;

-- the same loop over savepoints that a client sends, half of them undone
SELECT querywatch.reset() IS NOT NULL AS reset;
\set ECHO none
SELECT 'BEGIN' UNION ALL
(SELECT unnest(ARRAY['SAVEPOINT s', format('UPDATE item SET n = -1 WHERE id = %s', i),
                     CASE i % 2 WHEN 0 THEN 'RELEASE s' ELSE 'ROLLBACK TO s' END])
  FROM generate_series(1, 20) AS i) UNION ALL
SELECT 'COMMIT' \gexec
\set ECHO all
SELECT count(*) FROM item WHERE n = -1;
SELECT calls, rows, split_part(query, ' ', 1) AS command FROM seen
 WHERE query ~ '^(UPDATE|SAVEPOINT|RELEASE|ROLLBACK)' ORDER BY query COLLATE "C";

-- a transaction that is aborted: what it refuses was not run
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
INSERT INTO item VALUES (1001, 0);
INSERT INTO item VALUES (1001, 0);
INSERT INTO item VALUES (1002, 0);
SELECT count(*) FROM item;
COMMIT;
SELECT calls, rows, errors, query FROM seen WHERE toplevel AND query ~ 'item|COMMIT|ROLLBACK' ORDER BY query COLLATE "C";

-- one that fails at its end: its statements have run, and what is left to the
-- end fails after COMMIT has run
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
INSERT INTO child VALUES (1, 5000);
COMMIT;
SELECT count(*) FROM child;
SELECT calls, rows, errors, query FROM seen WHERE toplevel AND query ~ 'INSERT|COMMIT' ORDER BY query COLLATE "C";

-- errors of every class, handled or not; and messages that are none
CREATE FUNCTION fail(code text) RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN RAISE EXCEPTION 'failed' USING ERRCODE = code; END $$;
CREATE FUNCTION handle(code text) RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN RETURN fail(code); EXCEPTION WHEN OTHERS THEN RETURN 1; END $$;
CREATE FUNCTION warn(code text) RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN RAISE WARNING 'warned' USING ERRCODE = code; RAISE LOG 'logged'; RETURN 1; END $$;
CREATE FUNCTION deeper(n int) RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN RETURN deeper(n + 1); END $$;
SELECT querywatch.reset() IS NOT NULL AS reset;
\set VERBOSITY sqlstate
SELECT fail('02000') FROM item;
SELECT fail('01000') FROM item;
SELECT fail('22012') FROM item;
SELECT fail('XX000') FROM item;
SELECT fail('53200') FROM item;
SELECT fail('40001') FROM item;
SELECT deeper(1);
SELECT handle('02000') + handle('22012') + handle('XX000') AS handled;
SELECT handle('22012') AS handled, fail('02000');
SELECT fail('01000') WHERE handle('02000') = 1;
SELECT warn('22012') + warn('01000') + warn('02000') AS warned;
SELECT warn('22012') AS warned, fail('22012');
SELECT fail('02000') FROM fail('01000');
EXPLAIN SELECT 1 / 0;
SELECT 'still' AS here;
\set VERBOSITY default
SELECT calls, rows, errors, query FROM seen WHERE toplevel AND query ~ 'fail|handle|warn|deeper|still' ORDER BY query COLLATE "C";

-- one that is handled and raised again, as the last of a session
CREATE FUNCTION again() RETURNS int LANGUAGE plpgsql
  AS $$ BEGIN RETURN fail('22012'); EXCEPTION WHEN division_by_zero THEN RAISE; END $$;
SELECT querywatch.reset() IS NOT NULL AS reset;
\set VERBOSITY sqlstate
SELECT again();
SELECT again() FROM item;
\set VERBOSITY default
\c -
SELECT calls, rows, errors, query FROM seen WHERE toplevel AND query ~ 'again' ORDER BY query COLLATE "C";
SET pg_querywatch.track = 'all';

-- a procedure that commits, called in a loop; a loop inside of it is its own
CREATE PROCEDURE step(first int, steps int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN first .. first + steps - 1 LOOP
    UPDATE item SET n = i WHERE id = i;
    IF i % 3 = 0 THEN
      ROLLBACK;
    ELSE
      COMMIT AND CHAIN;
    END IF;
  END LOOP;
END $$;
DISCARD ALL;
SET pg_querywatch.repeat_gap = '1min';
SET pg_querywatch.track = 'all';
\set ECHO none
SELECT querywatch.reset() IS NOT NULL AND querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT format('CALL step(%s, 10)', i) FROM generate_series(1, 91, 10) AS i \gexec
\set ECHO all
SELECT * FROM seen WHERE query ~ '^(CALL|UPDATE|COMMIT|ROLLBACK)' ORDER BY query COLLATE "C";
SELECT * FROM patterns;

-- a cursor WITH HOLD that fails when the transaction ends (what is run there is
-- counted with track = all since 18, where it has an id)
SET pg_querywatch.track = top;
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT 1 / (i - 4) AS n FROM generate_series(1, 10) AS i;
FETCH 2 FROM held;
COMMIT;
FETCH 2 FROM held;
BEGIN;
DECLARE held CURSOR WITH HOLD FOR SELECT 1 / (i - 4) AS n FROM generate_series(5, 10) AS i;
COMMIT;
FETCH ALL FROM held;
CLOSE held;
SELECT sum(calls) AS calls, sum(rows) AS rows, sum(errors) AS errors, split_part(query, ' ', 1) AS command FROM seen
 WHERE query ~ '^(DECLARE|FETCH|COMMIT)' GROUP BY 4 ORDER BY min(query COLLATE "C");

RESET ALL;
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP VIEW seen, patterns;
DROP TABLE child, item;
DROP FUNCTION fill(int), nest(int), fail(text), handle(text), warn(text), deeper(int), again();
DROP PROCEDURE step(int, int);

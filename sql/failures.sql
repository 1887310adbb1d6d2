--
-- Whose error is it?  What a statement handles itself is not its failure, and
-- what follows a failure is as it was before.
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M|^(SET|RESET|BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE)';
CREATE TABLE failing (id int PRIMARY KEY, part int);
INSERT INTO failing SELECT i, i % 3 FROM generate_series(0, 9) AS i;
CREATE FUNCTION handled(n int) RETURNS text LANGUAGE plpgsql STABLE AS $$
DECLARE code text := 'none';
BEGIN
  FOR i IN 1..n LOOP
    BEGIN
      PERFORM 1 / (id - 3) FROM failing;
    EXCEPTION WHEN division_by_zero THEN
      code := SQLSTATE;
    END;
  END LOOP;
  RETURN code;
END $$;
CREATE FUNCTION raised(code text) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM 1 / (id - 3) FROM failing;
  EXCEPTION WHEN division_by_zero THEN
    RAISE EXCEPTION USING ERRCODE = code, MESSAGE = 'another';
  END;
  RETURN 1;
END $$;
CREATE FUNCTION not_handled() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  BEGIN
    PERFORM 1 / (id - 3) FROM failing;
  EXCEPTION WHEN unique_violation THEN
    RETURN 0;
  END;
  RETURN 1;
END $$;
CREATE FUNCTION noticed() RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  RAISE NOTICE 'no failure' USING ERRCODE = 'division_by_zero';
  RETURN 1;
END $$;
\set VERBOSITY terse

-- handled inside, once and often; with what runs inside counted too
SET pg_querywatch.track = 'all';
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT handled(1);
SELECT handled(20), 2 AS often;
SELECT noticed();
SELECT calls, errors, toplevel, query FROM seen WHERE query ~ '^SELECT' ORDER BY query COLLATE "C";
RESET pg_querywatch.track;

-- handled, and then another error; not handled by the block around it
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
SELECT raised('22023');
SELECT raised('40001'), 2 AS again;
SELECT not_handled();
SELECT handled(3);
SET pg_querywatch.slow_threshold = -1;
SELECT calls, errors, toplevel, query FROM seen ORDER BY query COLLATE "C";
SELECT outcome, sqlstate, query FROM querywatch.slow_statements
 WHERE query ~ 'handled|raised' AND query !~ 'querywatch\.' ORDER BY id;

-- inside a transaction: in savepoints, and after ROLLBACK TO
SELECT querywatch.reset() IS NOT NULL AS reset;
BEGIN;
SELECT count(*) FROM failing;
SAVEPOINT one;
SELECT 1 / (id - 3) AS failed FROM failing;
ROLLBACK TO one;
SAVEPOINT two;
SELECT not_handled();
SELECT 1 AS "aborted";
ROLLBACK TO one;
SELECT count(*) FROM failing;
SELECT handled(1);
RELEASE one;
COMMIT;
SELECT calls, errors, toplevel, query FROM seen ORDER BY query COLLATE "C";

-- while execution starts: functions that prune partitions, and run queries
CREATE TABLE parts (id int, part text) PARTITION BY LIST (part);
CREATE TABLE parts_1 PARTITION OF parts FOR VALUES IN ('22012');
CREATE TABLE parts_2 PARTITION OF parts FOR VALUES IN ('other');
INSERT INTO parts VALUES (1, '22012'), (2, 'other');
CREATE FUNCTION pruning_fails() RETURNS text LANGUAGE plpgsql STABLE AS
  'BEGIN RETURN (1 / (SELECT count(*) FROM failing WHERE id < 0))::text; END';
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT id FROM parts WHERE part = handled(2);
SELECT id AS failed FROM parts WHERE part = pruning_fails();
SELECT id FROM parts WHERE part = handled(1);
SELECT calls, errors, query FROM seen WHERE query ~ 'parts' ORDER BY query COLLATE "C";

-- a trigger fails, at once and in its block
CREATE FUNCTION checks() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  PERFORM handled(1);
  IF new.id = 11 THEN
    PERFORM 1 / (id - 3) FROM failing;
  END IF;
  RETURN NULL;
END $$;
CREATE TRIGGER checks AFTER INSERT ON failing FOR EACH ROW EXECUTE FUNCTION checks();
SELECT querywatch.reset() IS NOT NULL AS reset;
INSERT INTO failing VALUES (10);
INSERT INTO failing VALUES (11);
INSERT INTO failing VALUES (12);
PREPARE add_failing (int) AS INSERT INTO failing VALUES ($1) RETURNING id;
EXECUTE add_failing (13);
EXECUTE add_failing (11);
EXECUTE add_failing (14);
SELECT calls, errors, rows, toplevel, query FROM seen ORDER BY query COLLATE "C";

-- none of it left anything behind
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT count(*) AS "at the end" FROM failing;
SELECT calls, errors, toplevel, query FROM seen ORDER BY query COLLATE "C";

\set VERBOSITY default
DEALLOCATE ALL;
DROP TABLE failing, parts;
DROP FUNCTION handled(int), raised(text), not_handled(), noticed(), pruning_fails(), checks();

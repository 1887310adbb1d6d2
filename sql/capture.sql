--
-- begin_capture() and end_capture(): the statements of this session, counted
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE TABLE capture_item (id int PRIMARY KEY, name text);
INSERT INTO capture_item SELECT i, 'item ' || i FROM generate_series(1, 20) AS i;
CREATE ROLE regress_qw_tester;
GRANT SELECT ON capture_item TO regress_qw_tester;
\set SHOW_CONTEXT never
\set captured 'SELECT n, executions, distinct_parameters AS distinct, rows, query FROM querywatch.end_capture();'

-- each statement once, in the order of its first execution; the calls
-- themselves are not counted
SELECT querywatch.begin_capture();
SELECT name FROM capture_item WHERE id = 1;
SELECT count(*) FROM capture_item;
SELECT name FROM capture_item WHERE id = 2;
SELECT name FROM capture_item WHERE id = 2;
SELECT strpos('capture', 'a');
SELECT strpos('capture', 'b');
UPDATE capture_item SET name = name WHERE id > 15;
:captured
-- the total, in one number; nothing is no row
SELECT querywatch.begin_capture();
SELECT coalesce(sum(executions), 0) AS total FROM querywatch.end_capture();
SELECT querywatch.begin_capture();
SELECT name FROM capture_item WHERE id = 1;
SELECT name FROM capture_item WHERE id = 2\; SELECT name FROM capture_item WHERE id = 3;
SELECT sum(executions) AS total, bool_and(exec_time > 0) AS timed, bool_and(queryid <> 0) AS id FROM querywatch.end_capture();
-- columns
SELECT querywatch.begin_capture();
SELECT * FROM querywatch.end_capture();
\gdesc
SELECT count(*) FROM querywatch.end_capture();

-- what is a query to an application: COPY, DDL, cursors; transactions,
-- savepoints, SET and SHOW are not
SELECT querywatch.begin_capture();
BEGIN;
SAVEPOINT s;
SET LOCAL work_mem = '5MB';
SHOW work_mem;
DECLARE c CURSOR FOR SELECT id FROM capture_item ORDER BY id;
FETCH NEXT FROM c;
FETCH NEXT FROM c;
CLOSE c;
RELEASE s;
COMMIT;
COPY (SELECT id FROM capture_item WHERE id < 4) TO STDOUT;
CREATE TEMP TABLE capture_temp AS SELECT id FROM capture_item;
PREPARE p AS SELECT name FROM capture_item WHERE id = $1;
EXECUTE p (1);
EXECUTE p (2);
EXECUTE p (2);
DEALLOCATE p;
DO 'BEGIN PERFORM id FROM capture_item; PERFORM id FROM capture_item; END';
:captured

-- failures are counted; a ROLLBACK undoes nothing of it, and in a transaction
-- that failed it cannot be ended
SELECT querywatch.begin_capture();
BEGIN;
SELECT name FROM capture_item WHERE id = 1;
SELECT name, 1 / (id - 2) FROM capture_item WHERE id = 2;
SELECT name FROM capture_item WHERE id = 3;
SELECT * FROM querywatch.end_capture();
ROLLBACK;
INSERT INTO capture_item VALUES (1, 'again');
SELECT no_such_column FROM capture_item;
COPY no_such_table TO STDOUT;
:captured
-- begun in a transaction that is rolled back
BEGIN;
SELECT querywatch.begin_capture();
SELECT name FROM capture_item WHERE id = 1;
ROLLBACK;
SELECT name FROM capture_item WHERE id = 2;
:captured
-- beside on_repeat: the statement that is refused is one, too
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 2;
SELECT querywatch.begin_capture();
BEGIN;
SELECT id FROM capture_item WHERE name = 'a';
SELECT id FROM capture_item WHERE name = 'b';
ROLLBACK;
:captured
RESET ALL;

-- one at a time, and begun before it is ended
SELECT * FROM querywatch.end_capture();
SELECT querywatch.begin_capture();
SELECT querywatch.begin_capture();
DISCARD ALL;
SELECT * FROM querywatch.end_capture();
-- nothing would be counted
SET pg_querywatch.track = none;
SELECT querywatch.begin_capture();
RESET pg_querywatch.track;
SET compute_query_id = off;
SELECT querywatch.begin_capture();
RESET compute_query_id;

-- for anybody, read-only too, and not from inside of a function alone
SET ROLE regress_qw_tester;
BEGIN READ ONLY;
SELECT querywatch.begin_capture();
SELECT name FROM capture_item WHERE id = 1;
:captured
COMMIT;
RESET ROLE;
DO 'BEGIN PERFORM querywatch.begin_capture(); PERFORM id FROM capture_item; END';
SELECT name FROM capture_item WHERE id = 1;
:captured
-- a trigger's statements are not the client's
CREATE FUNCTION capture_trigger() RETURNS trigger LANGUAGE plpgsql AS
  'BEGIN PERFORM count(*) FROM capture_item; RETURN NEW; END';
CREATE TRIGGER t BEFORE UPDATE ON capture_item FOR EACH ROW EXECUTE FUNCTION capture_trigger();
SELECT querywatch.begin_capture();
UPDATE capture_item SET name = 'y' WHERE id < 4;
:captured

-- exactly
SELECT querywatch.begin_capture();
\o /dev/null
\set ECHO none
SELECT format('SELECT name FROM capture_item WHERE id = %s', i) FROM generate_series(1, 1000) AS i, generate_series(1, 2) \gexec
\set ECHO all
\o
SELECT executions, distinct_parameters, rows, query FROM querywatch.end_capture() OFFSET 1;

DROP TABLE capture_item;
DROP FUNCTION capture_trigger();
DROP ROLE regress_qw_tester;

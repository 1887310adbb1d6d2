--
-- Utility statements
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M';

CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 10) AS i;

-- definitions, settings, transactions
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TABLE made (id int);
ALTER TABLE made ADD COLUMN more int;
CREATE INDEX ON made (id);
ANALYZE made;
TRUNCATE made;
DROP TABLE made;
DROP TABLE made;
SET LOCAL enable_seqscan = on;
SHOW server_encoding;
BEGIN;
SAVEPOINT s;
ROLLBACK TO SAVEPOINT s;
RELEASE SAVEPOINT s;
ROLLBACK;
BEGIN;
COMMIT;
BEGIN;
COMMIT;
VACUUM item;
SELECT calls, rows, errors, toplevel, command, query FROM seen
 WHERE command NOT IN ('SAVEPOINT', 'RELEASE') AND query !~ 'ROLLBACK TO|enable_seqscan'
 ORDER BY query COLLATE "C";
SELECT command, sum(calls) AS calls FROM seen
 WHERE command IN ('SAVEPOINT', 'RELEASE') OR query ~ 'ROLLBACK TO|SET LOCAL' GROUP BY command ORDER BY command COLLATE "C";

-- rows of COPY, both ways
SELECT querywatch.reset() IS NOT NULL AS reset;
COPY item FROM stdin;
11	eleven
12	twelve
\.
COPY (SELECT id FROM item WHERE id > 8 ORDER BY id) TO stdout;
COPY item TO '/dev/null';
COPY item FROM stdin;
1	double
\.
SELECT calls, rows, errors, command, regexp_replace(query, '[$\d]+', 'N', 'g') AS query
  FROM seen ORDER BY query COLLATE "C";

-- statements that make tables, and their rows
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TABLE copied AS SELECT * FROM item;
CREATE TABLE empty AS SELECT * FROM item WITH NO DATA;
SELECT id INTO selected FROM item;
CREATE MATERIALIZED VIEW mat AS SELECT * FROM item;
REFRESH MATERIALIZED VIEW mat;
PREPARE q AS SELECT * FROM item;
CREATE TABLE executed AS EXECUTE q;
DEALLOCATE q;
SELECT calls, rows, toplevel, command, query FROM seen
 WHERE command <> 'DEALLOCATE' ORDER BY query COLLATE "C";
DROP TABLE copied, empty, selected, executed;
DROP MATERIALIZED VIEW mat;

-- EXPLAIN runs nothing, or something below it
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
\o /dev/null
EXPLAIN (COSTS OFF) SELECT count(*) AS "explained" FROM item;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) SELECT name AS "analysed" FROM item WHERE id = id;
EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF, BUFFERS OFF) UPDATE item SET name = name WHERE false;
\o
RESET pg_querywatch.track;
SELECT calls, rows, toplevel, command, errors FROM seen
 ORDER BY toplevel, command COLLATE "C", calls, rows;

-- EXECUTE is counted as what it runs
SELECT querywatch.reset() IS NOT NULL AS reset;
PREPARE p (int) AS UPDATE item SET name = name WHERE id <= $1;
EXECUTE p (3);
EXECUTE p (1);
EXPLAIN (COSTS OFF) EXECUTE p (1);
DEALLOCATE p;
EXECUTE p (1);
PREPARE u AS SELECT 1/(id - id) FROM item;
EXECUTE u;
DEALLOCATE u;
SELECT calls, rows, errors, toplevel, command,
       regexp_replace(query, '\mp\M|\d', 'N', 'g') AS query
  FROM seen WHERE command NOT IN ('DEALLOCATE') ORDER BY query COLLATE "C";

-- procedures and DO
CREATE PROCEDURE proc(n int) LANGUAGE plpgsql AS 'BEGIN PERFORM 1 / n; END';
SELECT querywatch.reset() IS NOT NULL AS reset;
CALL proc(1);
CALL proc(1);
CALL proc(0);
DO 'BEGIN NULL; END';
DO 'BEGIN RAISE ''failed''; END';
SELECT sum(calls) AS calls, sum(errors) AS errors, bool_and(toplevel) AS toplevel, command
  FROM seen GROUP BY command ORDER BY command COLLATE "C";
SELECT count(*) AS without_text
  FROM querywatch.statements(true) AS s JOIN pg_database AS d ON d.oid = s.dbid
 WHERE d.datname = current_database() AND s.query IS NULL;
DROP PROCEDURE proc(int);

-- passwords are not kept
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE ROLE regress_qw_secret LOGIN PASSWORD 'hush1';
ALTER ROLE regress_qw_secret PASSWORD 'hush2';
ALTER USER regress_qw_secret WITH ENCRYPTED PASSWORD $x$hush3$x$ VALID UNTIL 'infinity';
ALTER ROLE regress_qw_secret /* 'hush4' */ PASSWORD E'hush\x35';
CREATE ROLE regress_qw_secret PASSWORD 'hush6';
CREATE FOREIGN DATA WRAPPER regress_qw_wrapper;
CREATE SERVER regress_qw_server FOREIGN DATA WRAPPER regress_qw_wrapper OPTIONS (password 'hush7');
CREATE USER MAPPING FOR regress_qw_secret SERVER regress_qw_server OPTIONS (user 'me', password 'hush7');
DROP FOREIGN DATA WRAPPER regress_qw_wrapper CASCADE;
CREATE USER regress_qw_secret2 PASSWORD U&'hush\0038';
DROP ROLE regress_qw_secret, regress_qw_secret2;
SELECT calls, errors, rtrim(query) AS query FROM seen WHERE query ~* 'PASSWORD|OPTIONS'
 ORDER BY query COLLATE "C";
SELECT count(*) FROM querywatch.statements WHERE query ~ 'hush' AND query !~ 'querywatch';
SET pg_querywatch.slow_threshold = 0;
SELECT querywatch.reset_slow();
CREATE ROLE regress_qw_secret LOGIN PASSWORD 'hush9';
DROP ROLE regress_qw_secret;
RESET pg_querywatch.slow_threshold;
SELECT query FROM querywatch.slow_statements WHERE query ~ 'ROLE' ORDER BY id;
SELECT count(*) FROM querywatch.slow_statements AS s WHERE s::text ~ 'hush9';
SELECT querywatch.reset_slow();

-- a utility statement inside a function
CREATE FUNCTION utility() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
  CREATE TEMP TABLE inside (id int);
  DROP TABLE inside;
END $$;
SET pg_querywatch.track = 'all';
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT utility();
RESET pg_querywatch.track;
SELECT calls, toplevel, command, query FROM seen ORDER BY query COLLATE "C";
DROP FUNCTION utility();

-- none of them, where they are not to be recorded
SET pg_querywatch.track_utility = off;
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TABLE unseen (id int);
DROP TABLE unseen;
BEGIN;
COMMIT;
CREATE TABLE queried AS SELECT 1 AS "inside";
DROP TABLE queried;
SELECT calls, toplevel, query FROM seen;
RESET pg_querywatch.track_utility;

-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP TABLE item;
DROP VIEW seen;

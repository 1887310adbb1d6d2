--
-- Abuse: nothing of it may break a session, lose an error or a count
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M';

-- texts of a megabyte, cut
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
\set ECHO none
\o /dev/null
SELECT format('SELECT length(%L) AS long', repeat('x', 1000000)) \gexec
SELECT format('SELECT /* %s */ 1 AS "long comment", now() < now()', repeat('ä', 500000)) \gexec
SELECT 'SELECT ' || string_agg('1 + 1 AS "äöü"', ', ') || ' -- many columns' FROM generate_series(1, 1600) \gexec
SELECT 'SELECT count(*) AS many_literals FROM (VALUES (1)) AS v (i) WHERE i IN (' || string_agg(i::text, ',') || ')' FROM generate_series(1, 50000) AS i \gexec
SELECT 'SELECT ' || repeat('(', 1000) || '1' || repeat(')', 1000) || ' AS nested, now() IS NOT NULL' \gexec
SELECT 'SELECT 1 AS unions' || repeat(' UNION ALL SELECT 1', 500) \gexec
\o
\set ECHO all
SET pg_querywatch.slow_threshold = -1;
SELECT calls, octet_length(query) <= 4096 AS cut, left(query, 25) AS query FROM seen
 WHERE query ~ 'length\(|^SELECT /\*|äöü|many_literals|nested|\(\(\(|unions' ORDER BY query COLLATE "C";
SELECT count(*), max(octet_length(query)) AS longest, count(runnable_sql) AS runnable
  FROM querywatch.slow_statements WHERE octet_length(query) > 4000;
SELECT slow_dropped FROM querywatch.info;

-- the longest that is kept
SET pg_querywatch.query_max_length = '1MB';
\set ECHO none
\o /dev/null
SELECT format('SELECT length(%L), 2 AS long', repeat('x', 1000000)) \gexec
SELECT 'SELECT 1 AS longest' || repeat(', 1', 300000) \gexec
\o
\set ECHO all
RESET pg_querywatch.query_max_length;

-- too deep for the parser: the error is the server's, and stays so
\set VERBOSITY sqlstate
\set ECHO none
SELECT 'SELECT ' || repeat('(', 100000) || '1' || repeat(')', 100000) AS deep \gset
:deep;
SELECT 'SELECT 1' || repeat('+1', 100000) AS chain \gset
:chain;
\set ECHO all
\set VERBOSITY default
SELECT 'still' AS here;

-- as many columns as a table and a result may have
\set ECHO none
\o /dev/null
SELECT 'CREATE TABLE wide (' || string_agg('c' || i || ' int', ', ') || ')' FROM generate_series(1, 1600) AS i \gexec
SELECT 'INSERT INTO wide VALUES (' || string_agg(i::text, ', ') || ')' FROM generate_series(1, 1600) AS i \gexec
SELECT 'UPDATE wide SET ' || string_agg(format('c%s = c%s + 1', i, i), ', ') || ' WHERE c1 = 1' FROM generate_series(1, 1600) AS i \gexec
SELECT 'SELECT count(*) FROM wide WHERE ' || string_agg(format('c%s = %s', i, i), ' AND ') FROM generate_series(1, 500) AS i \gexec
SELECT * FROM wide;
\o
\set ECHO all
SELECT calls, rows, tables, command FROM seen WHERE query ~ '^(INSERT|UPDATE|SELECT (\*|count\(\*\)) FROM) *(INTO )?wide' ORDER BY query COLLATE "C";
DROP TABLE wide;

-- nothing at all
SELECT querywatch.reset() IS NOT NULL AS reset;
;
 ;
/* only a comment */;
-- only a comment
\;\;
SELECT\; SELECT;
SELECT FROM generate_series(1, 3);
SELECT calls, rows, query FROM seen ORDER BY query COLLATE "C";

-- comments of all kinds
SELECT querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
SELECT 'c01' /* */;
SELECT 'c02' /**/;
SELECT 'c03' /* /* nested */ */;
SELECT 'c04' /*=*/;
SELECT 'c05' /*='x'*/;
SELECT 'c06' /*a=*/;
SELECT 'c07' /*a='*/;
SELECT 'c08' /*a='b*/;
SELECT 'c09' /*route='x',*/;
SELECT 'c10' /*,route='x'*/;
SELECT 'c11' /*route='x',route='y'*/;
SELECT 'c12' /*route=%27x%27*/;
SELECT 'c13' /*route='%'*/;
SELECT 'c14' /*route='%4'*/;
SELECT 'c15' /*route='%00'*/;
SELECT 'c16' /*route='%FF%FE'*/;
SELECT 'c17' /*route='%0A%09"\'*/;
SELECT 'c18' /*route='ä'*/;
SELECT 'c19' /*traceparent='00--'*/;
SELECT 'c20' /*traceparent='00-00000000000000000000000000000000-0000000000000000-00'*/;
SELECT 'c21' /*route='a'*/ /*route='b'*/;
SELECT 'c22' --route='x'
;
SELECT 'c23' /*route='x'*/ , '/*route=''y''*/';
\set ECHO none
SELECT format('SELECT ''c24'' /*route=''%s''*/', repeat('%C3%A4', 5000)) \gexec
SELECT format('SELECT ''c25'' /*%s*/', (SELECT string_agg(format('key%s=''x''', i), ',') FROM generate_series(1, 1000) AS i)) \gexec
\set ECHO all
SET pg_querywatch.slow_threshold = -1;
SELECT substring(query, 'c\d\d') AS query, left(tags::text, 40) AS tags, trace_id
  FROM querywatch.slow_statements WHERE query ~ '^SELECT ''c\d\d''' ORDER BY id;

-- NULLs everywhere
PREPARE nulls (int, text, int[]) AS SELECT $1, $2, $3;
SET pg_querywatch.slow_threshold = 0;
EXECUTE nulls (NULL, NULL, NULL);
SET pg_querywatch.slow_threshold = -1;
SELECT parameters, runnable_sql FROM querywatch.slow_statements WHERE query ~ 'PREPARE nulls' ORDER BY id DESC LIMIT 1;
DEALLOCATE nulls;

-- everything thrown away in between
SELECT querywatch.reset() IS NOT NULL AS reset;
PREPARE thrown (int) AS SELECT oid FROM pg_class WHERE oid = $1;
EXECUTE thrown (1);
DROP VIEW seen;
DISCARD ALL;
EXECUTE thrown (1);
DISCARD PLANS;
DISCARD TEMP;
DISCARD SEQUENCES;
SELECT calls, command, query FROM querywatch.statements WHERE query ~ 'DISCARD|thrown' AND query !~ 'querywatch' ORDER BY query COLLATE "C";

-- errors keep their place and text
SET pg_querywatch.slow_threshold = 0;
SELECT 1 AS a, no_such_column;
SELECT 1 FROM no_such_table;
SELEC 1;
SELECT 'a'::int;
SELECT CAST(name AS int) FROM (VALUES ('x')) AS v (name);
SET pg_querywatch.slow_threshold = -1;

-- failing within functions, subtransactions and exceptions, nested
CREATE FUNCTION deep(n int) RETURNS int LANGUAGE plpgsql AS $$
BEGIN
  IF n = 0 THEN
    RETURN 1 / n;
  END IF;
  BEGIN
    RETURN deep(n - 1);
  EXCEPTION WHEN division_by_zero THEN
    IF n % 2 = 0 THEN
      RAISE;
    END IF;
    RETURN n;
  END;
END $$;
SET pg_querywatch.track = 'all';
SET pg_querywatch.slow_threshold = 0;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT deep(0);
SELECT deep(1);
SELECT deep(50);
SET pg_querywatch.slow_threshold = -1;
RESET pg_querywatch.track;
SELECT calls, errors, toplevel FROM querywatch.statements WHERE query ~ '^SELECT deep\(\$1\)';
CREATE FUNCTION endless(n int) RETURNS int LANGUAGE sql VOLATILE AS 'SELECT 1';
CREATE OR REPLACE FUNCTION endless(n int) RETURNS int LANGUAGE plpgsql AS 'BEGIN RETURN endless(n + 1); END';
\set VERBOSITY sqlstate
SET pg_querywatch.track = 'all';
SELECT endless(1);
RESET pg_querywatch.track;
\set VERBOSITY default
SELECT 'top' AS level, querywatch.reset() IS NULL AS reset;
SELECT initcap('after it');
SELECT calls, toplevel FROM querywatch.statements WHERE query ~ '^SELECT initcap';
DROP FUNCTION deep(int), endless(int);

-- invalid bytes, where the database does not care
CREATE DATABASE regress_qw_ascii ENCODING 'SQL_ASCII' LC_COLLATE 'C' LC_CTYPE 'C' TEMPLATE template0;
SELECT current_database() AS this \gset
\c regress_qw_ascii
SET client_encoding = 'SQL_ASCII';
SET client_min_messages = warning;
CREATE EXTENSION pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.slow_threshold = 0;
\set ECHO none
\set invalid `printf '\377\376\303'`
SELECT length(:'invalid') AS bytes, 'invalid' AS "what";
SELECT length(:'invalid') AS bytes /*route=':invalid'*/;
PREPARE bytes (text) AS SELECT octet_length($1) AS bytes;
EXECUTE bytes (:'invalid');
\set ECHO all
SET pg_querywatch.slow_threshold = -1;
SELECT count(*) AS statements FROM querywatch.statements WHERE query ~ 'bytes';
\c :this
SELECT count(*) > 3 AS statements, count(*) FILTER (WHERE query ~ 'bytes') AS bytes
  FROM querywatch.statements AS s JOIN pg_database AS d ON d.oid = s.dbid WHERE datname = 'regress_qw_ascii';
SELECT query ~ '^(SELECT length|PREPARE bytes)' AS query, parameters IS NOT NULL AS parameters, octet_length(parameters[1]) AS length
  FROM querywatch.slow_statements WHERE datname = 'regress_qw_ascii' AND query ~ 'bytes' ORDER BY id;
SELECT max(id) AS id FROM querywatch.slow_statements WHERE datname = 'regress_qw_ascii' \gset
\set VERBOSITY sqlstate
SELECT querywatch.explain(:id);
\set VERBOSITY default
DROP DATABASE regress_qw_ascii;
-- of a database that is gone
SELECT count(*) > 0 AS statements FROM querywatch.statements WHERE dbid NOT IN (SELECT oid FROM pg_database) AND dbid <> 0;
SELECT count(*) > 0 AS slow FROM querywatch.slow_statements WHERE datname IS NULL;
SELECT querywatch.reset_slow();
SELECT querywatch.reset() IS NOT NULL AS reset;

-- one statement in texts of different lengths: the constants of one are not
-- looked for in another
CREATE TABLE spaced (id int PRIMARY KEY, name text);
INSERT INTO spaced VALUES (1, 'one'), (2, 'two');
SELECT querywatch.reset_patterns() IS NOT NULL AS patterns;
SET pg_querywatch.repeat_threshold = 3;
SET pg_querywatch.repeat_gap = '1min';
BEGIN;
PREPARE near AS SELECT name FROM spaced WHERE id = 1;
PREPARE near2 AS SELECT name FROM spaced WHERE id = 1;
EXECUTE near;
EXECUTE near2;
\set ECHO none
SELECT format('PREPARE far AS SELECT name FROM spaced WHERE%sid = 2', repeat(' ', 1000000)) \gexec
\set ECHO all
EXECUTE near;
EXECUTE near2;
EXECUTE far;
COMMIT;
SELECT executions, example_parameters FROM querywatch.repeated_statements WHERE query ~ 'spaced';
RESET pg_querywatch.repeat_threshold;
RESET pg_querywatch.repeat_gap;
DEALLOCATE ALL;
DROP TABLE spaced;
SELECT querywatch.reset_patterns() IS NOT NULL AS patterns;

--
-- The same statements as pg_stat_statements sees them: calls, rows, blocks
--
SELECT setting !~ 'pg_stat_statements' AS alone
  FROM pg_settings WHERE name = 'shared_preload_libraries' \gset
\if :alone
\echo skipped: pg_stat_statements is not preloaded
\quit
\endif
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements;
RESET client_min_messages;
SET jit = on;
SELECT pg_jit_available() AS jit \gset
SET jit = off;

-- what the two do not agree on; statements that never completed are only ours
CREATE TEMP VIEW both_sides AS
  SELECT toplevel, coalesce(p.query, q.query) AS query, coalesce(p.calls, 0) AS calls, coalesce(p.rows, 0) AS rows,
         CASE WHEN p.queryid IS NOT NULL THEN
                ARRAY[p.calls, p.rows, p.jit_functions,
                      p.shared_blks_hit, p.shared_blks_read, p.shared_blks_dirtied, p.shared_blks_written,
                      p.local_blks_hit, p.local_blks_read, p.local_blks_dirtied, p.local_blks_written,
                      p.temp_blks_read, p.temp_blks_written, p.wal_records, p.wal_fpi,
                      p.wal_bytes] END AS theirs,
         CASE WHEN q.queryid IS NOT NULL THEN
                ARRAY[q.calls, q.rows, q.jit_functions,
                      q.shared_blks_hit, q.shared_blks_read, q.shared_blks_dirtied, q.shared_blks_written,
                      q.local_blks_hit, q.local_blks_read, q.local_blks_dirtied, q.local_blks_written,
                      q.temp_blks_read, q.temp_blks_written, q.wal_records, q.wal_fpi,
                      q.wal_bytes] END AS ours
    FROM pg_stat_statements AS p
    FULL JOIN querywatch.statements AS q USING (userid, dbid, toplevel, queryid)
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND (p.queryid IS NOT NULL OR q.calls > 0)
     AND coalesce(p.query, q.query, '') !~ '\mreset\M|differences|compared';
CREATE TEMP VIEW differences AS
  SELECT toplevel, query, theirs, ours FROM both_sides
   WHERE ours IS DISTINCT FROM theirs
   ORDER BY query COLLATE "C", toplevel;
-- and that there was something to compare
CREATE TEMP VIEW compared AS
  SELECT count(*) >= 60 AS many, sum(calls) >= 75 AS calls, sum(rows) > 3000 AS rows,
         (sum(theirs[3]) > 0) = :'jit' AS jit, sum(theirs[4]) > 1000 AS hit,
         sum(theirs[8]) > 0 AS local, sum(theirs[13]) > 0 AS temp, sum(theirs[16]) > 0 AS wal,
         bool_or(NOT toplevel) AS nested
    FROM both_sides;

-- objects for it
CREATE TABLE author (id int PRIMARY KEY, name text NOT NULL);
CREATE TABLE post (id serial PRIMARY KEY, author_id int NOT NULL REFERENCES author ON DELETE CASCADE, title text);
CREATE TABLE log (what text);
CREATE FUNCTION log_post() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  INSERT INTO log SELECT TG_OP FROM author WHERE id = 1;
  PERFORM count(*) FROM log;
  RETURN NULL;
END $$;
CREATE TRIGGER log_post AFTER INSERT OR UPDATE ON post FOR EACH ROW EXECUTE FUNCTION log_post();
CREATE TRIGGER log_posts AFTER DELETE ON post FOR EACH STATEMENT EXECUTE FUNCTION log_post();
CREATE FUNCTION titles(a int) RETURNS SETOF text LANGUAGE sql STABLE
  AS 'SELECT title FROM post WHERE author_id = a ORDER BY id';
CREATE FUNCTION walk() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int := 0;
  i int;
BEGIN
  FOR a IN 1 .. 5 LOOP
    n := n + (SELECT count(*) FROM post WHERE author_id = a);
    BEGIN
      INSERT INTO author VALUES (a, 'again');
    EXCEPTION WHEN unique_violation THEN
      n := n + 1;
    END;
  END LOOP;
  EXECUTE 'SELECT max(id) FROM post WHERE id < $1' INTO i USING 1000;
  RETURN n;
END $$;
CREATE PROCEDURE work(n int) LANGUAGE plpgsql AS $$
BEGIN
  FOR i IN 1 .. n LOOP
    UPDATE post SET title = title WHERE id = i;
    IF i % 2 = 0 THEN COMMIT; ELSE ROLLBACK; END IF;
  END LOOP;
END $$;
CREATE TABLE big AS SELECT i AS id, i % 100 AS a, repeat('x', 100) AS filler FROM generate_series(1, 20000) AS i;
VACUUM ANALYZE big;
-- the settings of the parallel queries below do make them parallel
BEGIN;
SET LOCAL parallel_setup_cost = 0;
SET LOCAL parallel_tuple_cost = 0;
SET LOCAL min_parallel_table_scan_size = 0;
SET LOCAL max_parallel_workers_per_gather = 2;
EXPLAIN (COSTS OFF) SELECT count(*), max(filler) FROM big WHERE id % 2 = 0;
COMMIT;

\getenv srcdir PG_ABS_SRCDIR
\set work :srcdir '/sql/include/compare.inc'

CREATE PROCEDURE fill() LANGUAGE plpgsql AS $$
BEGIN
  TRUNCATE author, post, log RESTART IDENTITY;
  INSERT INTO author SELECT i, 'author ' || i FROM generate_series(1, 10) AS i;
  ALTER TABLE post DISABLE TRIGGER USER;
  INSERT INTO post (author_id, title) SELECT i % 10 + 1, 'post ' || i FROM generate_series(1, 30) AS i;
  ALTER TABLE post ENABLE TRIGGER USER;
END $$;

-- only what clients send
CALL fill();
SET pg_stat_statements.track = 'top';
SET pg_querywatch.track = 'top';
\o /dev/null
\i :work
SELECT 1 / (id - 5) FROM author;
SELECT walk(), 1 / (id - 3) FROM author ORDER BY id;
INSERT INTO author VALUES (5, 'x');
BEGIN;
DECLARE e CURSOR FOR SELECT 1 / (i - 3) AS n FROM generate_series(1, 10) AS i;
FETCH 2 FROM e;
FETCH 2 FROM e;
ROLLBACK;
\o
SELECT * FROM compared;
SELECT * FROM differences;

-- nested ones too
CALL fill();
SET pg_stat_statements.track = 'all';
SET pg_querywatch.track = 'all';
\o /dev/null
\i :work
SELECT 1 / (id - 5) FROM author;
SELECT walk(), 1 / (id - 3) FROM author ORDER BY id;
INSERT INTO author VALUES (5, 'x');
BEGIN;
DECLARE e CURSOR FOR SELECT 1 / (i - 3) AS n FROM generate_series(1, 10) AS i;
FETCH 2 FROM e;
FETCH 2 FROM e;
ROLLBACK;
\o
SELECT * FROM compared;
SELECT * FROM differences;
-- texts; of utility statements we hide more
SELECT p.query AS theirs, q.query AS ours
  FROM pg_stat_statements AS p JOIN querywatch.statements AS q USING (userid, dbid, toplevel, queryid)
 WHERE p.query <> q.query AND p.query ~ '\m(author|post|big)\M' AND p.query !~ '^(COPY|CREATE|DECLARE|EXPLAIN|PREPARE)'
 ORDER BY q.query COLLATE "C";

-- plannings, which pg_stat_statements does not count by default (and then
-- adds their blocks to those of the execution)
CALL fill();
SET pg_stat_statements.track_planning = on;
\o /dev/null
\i :work
SELECT 1 / (id - 5) FROM author;
SELECT walk(), 1 / (id - 3) FROM author ORDER BY id;
INSERT INTO author VALUES (5, 'x');
BEGIN;
DECLARE e CURSOR FOR SELECT 1 / (i - 3) AS n FROM generate_series(1, 10) AS i;
FETCH 2 FROM e;
FETCH 2 FROM e;
ROLLBACK;
\o
SELECT count(*) > 50 AS many, sum(p.plans) > 50 AS plans
  FROM pg_stat_statements AS p JOIN querywatch.statements USING (userid, dbid, toplevel, queryid);
SELECT toplevel, p.query, p.plans AS theirs, q.plans AS ours
  FROM pg_stat_statements AS p
  JOIN querywatch.statements AS q USING (userid, dbid, toplevel, queryid)
 WHERE p.plans <> q.plans AND p.query !~ '\mreset\M|querywatch'
 ORDER BY p.query COLLATE "C", toplevel;

-- and the texts: lists of constants are squashed since 18
SELECT count(*) AS listed FROM post WHERE id IN (1, 2, 3);
SELECT count(*) AS listed FROM post WHERE id < 9 AND id IN (4, 5, 6, 7) AND author_id = 1;
SELECT count(*) AS texts, count(*) FILTER (WHERE p.query <> q.query) AS others
  FROM pg_stat_statements AS p
  JOIN querywatch.statements AS q USING (userid, dbid, toplevel, queryid)
 WHERE p.query ~ '^SELECT count.* AS listed';

-- every column of pg_stat_statements is here, with its type
SELECT a.attname, format_type(a.atttypid, a.atttypmod)
  FROM pg_attribute AS a
 WHERE a.attrelid = 'pg_stat_statements'::regclass AND a.attnum > 0
   AND a.attname NOT IN ('blk_read_time', 'blk_write_time')     -- renamed in 17
   AND NOT EXISTS (SELECT FROM pg_attribute AS b
                    WHERE b.attrelid = 'querywatch.statements'::regclass
                      AND b.attname = a.attname AND b.atttypid = a.atttypid)
 ORDER BY a.attnum;

RESET ALL;
DROP TABLE author, post, log, big CASCADE;
DROP FUNCTION log_post(), titles(int), walk();
DROP PROCEDURE work(int), fill();
DROP VIEW differences, compared, both_sides;
DROP EXTENSION pg_stat_statements;

--
-- Repeats: the cases of the detector's contract that a client speaking plain
-- SQL can make, each inside one transaction (T) and in autocommit (A)
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

CREATE TABLE author (id int PRIMARY KEY, name text, bio text);
CREATE TABLE profile (id int PRIMARY KEY, author_id int UNIQUE REFERENCES author, url text);
CREATE TABLE publisher (id int PRIMARY KEY, name text);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author, title text);
CREATE TABLE tag (id int PRIMARY KEY, name text UNIQUE);
CREATE TABLE post_tag (post_id int REFERENCES post, tag_id int REFERENCES tag, PRIMARY KEY (post_id, tag_id));
CREATE TABLE book (id int PRIMARY KEY, author_id int REFERENCES author, publisher_id int REFERENCES publisher, title text);
CREATE TABLE node (id int PRIMARY KEY, parent_id int REFERENCES node, name text);
CREATE TABLE note (id int PRIMARY KEY, target_type text, target_id int, text text);
CREATE TABLE address (id int PRIMARY KEY, city text);
CREATE TABLE member (id int PRIMARY KEY, address_id int REFERENCES address, name text);
CREATE TABLE orders (id int PRIMARY KEY, member_id int REFERENCES member);
CREATE TABLE invoice (id int PRIMARY KEY, billing_id int REFERENCES address, shipping_id int REFERENCES address);
CREATE TABLE session (key text PRIMARY KEY, author_id int REFERENCES author);
CREATE TABLE job (id int PRIMARY KEY, done boolean DEFAULT false);
CREATE TABLE log (id int, what text);
CREATE TABLE reply (id int PRIMARY KEY, post_id int REFERENCES post DEFERRABLE INITIALLY DEFERRED);
INSERT INTO author SELECT i, 'author ' || i, 'bio' FROM generate_series(1, 40) AS i;
INSERT INTO profile SELECT i, i, 'url' FROM generate_series(1, 40) AS i;
INSERT INTO publisher SELECT i, 'publisher' FROM generate_series(1, 40) AS i;
INSERT INTO post SELECT i, i % 40 + 1, 'post ' || i FROM generate_series(1, 200) AS i;
INSERT INTO tag SELECT i, 'tag ' || i FROM generate_series(1, 10) AS i;
INSERT INTO post_tag SELECT i, j FROM generate_series(1, 40) AS i, generate_series(1, 2) AS j;
INSERT INTO book SELECT i, i, i, 'book' FROM generate_series(1, 40) AS i;
INSERT INTO node SELECT i, nullif((i - 1) / 5, 0), 'node' FROM generate_series(1, 100) AS i;
INSERT INTO note SELECT i, 'post', i, 'note' FROM generate_series(1, 40) AS i;
INSERT INTO address SELECT i, 'city' FROM generate_series(1, 40) AS i;
INSERT INTO member SELECT i, i, 'member' FROM generate_series(1, 40) AS i;
INSERT INTO orders SELECT i, i FROM generate_series(1, 40) AS i;
INSERT INTO invoice SELECT i, i, 41 - i FROM generate_series(1, 40) AS i;
INSERT INTO session SELECT 's' || i, i FROM generate_series(1, 40) AS i;
INSERT INTO job SELECT i FROM generate_series(1, 40) AS i;
CREATE FUNCTION serialization_failure() RETURNS void LANGUAGE plpgsql
  AS 'BEGIN RAISE ''serialization failure'' USING ERRCODE = ''40001''; END';
CREATE FUNCTION walk_posts() RETURNS int LANGUAGE plpgsql AS $$
DECLARE
  n int := 0;
BEGIN
  FOR i IN 1 .. 20 LOOP
    n := n + (SELECT count(*) FROM post WHERE author_id = i);
  END LOOP;
  RETURN n;
END $$;

-- What each case sends, statement by statement; modes are T, A or both
CREATE TABLE step (name text, modes text, n serial, sql text);
CREATE PROCEDURE step(name text, statements text, modes text DEFAULT 'TA') LANGUAGE sql
  AS 'INSERT INTO step (name, modes, sql) VALUES (name, modes, statements)';
-- %1$s is the number of the round
CREATE PROCEDURE steps(name text, n int, VARIADIC statements text[]) LANGUAGE sql
  AS 'INSERT INTO step (name, modes, sql)
      SELECT name, ''TA'', format(s, i) FROM generate_series(1, n) AS i, unnest(statements) WITH ORDINALITY AS u (s, j)
       ORDER BY i, j';

-- to be found
CALL step('P1', 'SELECT id, author_id, title FROM post WHERE id <= 20 ORDER BY id');
CALL steps('P1', 20, 'SELECT id, name FROM author WHERE id = %1$s');
CALL step('P2', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P2', 20, 'SELECT id, title FROM post WHERE author_id = %1$s');
CALL step('P5', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P5', 20, 'SELECT url FROM profile WHERE author_id = %1$s');
CALL step('P6', 'SELECT id, title FROM post WHERE id <= 20');
CALL steps('P6', 20, 'SELECT tag.id, tag.name FROM tag, post_tag WHERE post_tag.post_id = %1$s AND post_tag.tag_id = tag.id');
CALL step('P6 join', 'SELECT id, title FROM post WHERE id <= 20');
CALL steps('P6 join', 20, 'SELECT tag.* FROM tag JOIN post_tag ON tag.id = post_tag.tag_id WHERE post_tag.post_id = %1$s ORDER BY tag.id');
-- (the table that FROM begins with is the one whose rows are wanted)
CALL step('P6 wide', 'SELECT id, title FROM post WHERE id <= 20');
CALL steps('P6 wide', 20, 'SELECT tag.name, post_tag.post_id, post_tag.tag_id FROM tag JOIN post_tag ON tag.id = post_tag.tag_id AND post_tag.post_id = %1$s');
CALL step('P2 joined', 'SELECT id, name FROM publisher ORDER BY id LIMIT 20');
CALL steps('P2 joined', 20, 'SELECT book.title, author.id, author.name FROM book JOIN author ON author.id = book.author_id WHERE book.publisher_id = %1$s');
CALL step('P7', 'SELECT id, name FROM node WHERE parent_id IS NULL');
CALL steps('P7', 100, 'SELECT id, name FROM node WHERE parent_id = %1$s');
CALL step('P8', 'SELECT id, title FROM post WHERE id <= 20');
CALL steps('P8', 20, 'SELECT text FROM note WHERE target_type = ''post'' AND target_id = %1$s');
CALL step('P9', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P9', 20, 'SELECT count(*) FROM post WHERE author_id = %1$s');
CALL step('P10', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P10', 20, 'SELECT 1 FROM post WHERE author_id = %1$s LIMIT 1');
CALL step('P10 exists', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P10 exists', 20, 'SELECT EXISTS (SELECT 1 FROM post WHERE author_id = %1$s)');
CALL step('P11', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P11', 20, 'SELECT id, title FROM post WHERE author_id = %1$s ORDER BY id DESC LIMIT 1');
CALL step('P12', 'SELECT id, author_id FROM post WHERE id <= 20');
CALL steps('P12', 20, 'SELECT name FROM author WHERE id = %1$s');
CALL step('P13', 'SELECT id, name FROM author WHERE id <= 20');
CALL steps('P13', 20, 'SELECT bio FROM author WHERE id = %1$s');
CALL steps('P14', 20, 'SELECT id, name FROM author WHERE id = %1$s');
CALL step('P15', 'SELECT id, author_id, publisher_id, title FROM book ORDER BY id LIMIT 20');
CALL steps('P15', 20, 'SELECT id, name FROM author WHERE id = %1$s', 'SELECT id, name FROM publisher WHERE id = %1$s');
CALL step('P16', 'SELECT id, member_id FROM orders ORDER BY id LIMIT 20');
CALL steps('P16', 20, 'SELECT id, address_id, name FROM member WHERE id = %1$s', 'SELECT id, city FROM address WHERE id = %1$s');
CALL step('P17', 'SELECT id, name FROM author ORDER BY id LIMIT 20', 'T');
CALL steps('P17', 20, 'SAVEPOINT s', 'SELECT id, title FROM post WHERE author_id = %1$s', 'RELEASE s');
CALL step('P19', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P19', 20, 'SELECT id, author_id, title FROM post WHERE author_id = ANY (''{%1$s}'')');
CALL step('P19 in', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P19 in', 20, 'SELECT id, author_id, title FROM post WHERE author_id IN (%1$s)');
CALL step('P21', 'PREPARE child (int) AS SELECT id, name FROM author WHERE id = $1', 'A');
CALL step('P21', 'SELECT id, author_id, title FROM post WHERE id <= 20 ORDER BY id', 'A');
CALL steps('P21', 20, 'EXECUTE child (%1$s)');
CALL step('P22', 'SELECT id, author_id, title FROM post WHERE id <= 20 ORDER BY id /* parent */');
CALL steps('P22', 20, 'SELECT id, name FROM author WHERE id = %1$s /* request %1$s */');
CALL steps('P23', 20, 'INSERT INTO log VALUES (%1$s, ''x'')');
CALL steps('P23 returning', 20, 'INSERT INTO log VALUES (%1$s, ''x'') RETURNING id');
-- (the key is checked at COMMIT, by a query that no client sent)
CALL steps('P23 deferred', 20, 'INSERT INTO reply VALUES (%1$s, %1$s) ON CONFLICT (id) DO UPDATE SET post_id = reply.post_id + 1');
CALL steps('P25', 20, 'UPDATE author SET name = ''author'' WHERE id = %1$s');
CALL steps('P26', 20, 'DELETE FROM job WHERE id = %1$s');
CALL steps('P27', 20, 'SELECT id FROM tag WHERE name = ''new %1$s''', 'INSERT INTO tag VALUES (1000 + %1$s, ''new %1$s'') ON CONFLICT DO NOTHING');
CALL steps('P28', 20, 'SELECT id, name FROM author WHERE id = 7');
CALL steps('P29', 20, 'SELECT id, title FROM post ORDER BY id LIMIT 10 OFFSET 10%1$s');
CALL steps('P30', 20, 'INSERT INTO log VALUES (%1$s, ''fixture'')');
CALL step('P30', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL steps('P30', 20, 'SELECT id, title FROM post WHERE author_id = %1$s');
CALL steps('P31', 20, 'SELECT id, name FROM author WHERE id = %1$s', 'UPDATE author SET name = ''author'' WHERE id = %1$s');

-- not to be found
CALL step('N1', 'SELECT * FROM author JOIN post ON post.author_id = author.id');
CALL step('N2', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL step('N2', 'SELECT id, title FROM post WHERE author_id IN (1, 2, 3, 4, 5, 6, 7, 8, 9, 10)');
CALL step('N3', 'SELECT id, name FROM author ORDER BY id');
CALL steps('N3', 10, 'SELECT id, title FROM post WHERE author_id IN (%1$s1, %1$s2, %1$s3, %1$s4)');
CALL step('N3 any', 'SELECT id, name FROM author ORDER BY id');
CALL steps('N3 any', 10, 'SELECT id, title FROM post WHERE author_id = ANY (''{%1$s1,%1$s2,%1$s3,%1$s4}'')');
CALL step('N4', 'SELECT id, name FROM author ORDER BY id LIMIT 20');
CALL step('N4', 'SELECT id, title FROM post WHERE author_id IN (SELECT id FROM author ORDER BY id LIMIT 20)');
CALL steps('N5', 20, 'SELECT id, title FROM post WHERE id > %1$s0 ORDER BY id LIMIT 10');
CALL steps('N7', 10, 'COPY post TO ''/dev/null''');
CALL steps('N8', 10, 'INSERT INTO log VALUES (%1$s, ''a''), (%1$s, ''b''), (%1$s, ''c'')');
INSERT INTO step (name, modes, sql)
  SELECT 'N9', 'A', string_agg(format('INSERT INTO log VALUES (%s, ''batch'')', i), '; ') FROM generate_series(1, 20) AS i;
CALL steps('N10', 2, 'SELECT id, name FROM author WHERE id = %1$s');
CALL steps('N11', 2, 'SELECT id, name FROM author WHERE id = %1$s', 'SELECT id, title FROM post WHERE author_id = %1$s');
CALL step('N12', 'SELECT id, billing_id, shipping_id FROM invoice WHERE id = 1');
CALL steps('N12', 2, 'SELECT id, city FROM address WHERE id = %1$s');
CALL steps('N13', 20, 'BEGIN', 'SELECT author_id FROM session WHERE key = ''s%1$s''', 'SELECT id, name FROM author WHERE id = %1$s', 'SELECT id, title FROM post WHERE author_id = %1$s', 'COMMIT');
CALL steps('N14', 20, 'SELECT author_id FROM session WHERE key = ''s%1$s''', 'SELECT id, name FROM author WHERE id = %1$s', 'SELECT id, title FROM post WHERE author_id = %1$s');
CALL step('N14 after start', 'SELECT count(*) FROM job WHERE done');
CALL steps('N14 after start', 20, 'SELECT author_id FROM session WHERE key = ''s%1$s''', 'SELECT id, title FROM post WHERE id = %1$s', 'UPDATE publisher SET name = ''p'' WHERE id = %1$s');
CALL steps('N17', 20, 'BEGIN', 'SELECT id FROM job WHERE NOT done ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED', 'UPDATE job SET done = true WHERE id = %1$s', 'COMMIT');
CALL steps('N18', 6, 'BEGIN', 'SELECT id, name FROM author WHERE id = 3', 'UPDATE author SET name = ''x'' WHERE id = 3', 'SELECT serialization_failure()', 'ROLLBACK');
CALL steps('N20', 1, 'SELECT id FROM tag WHERE name = ''unique''', 'INSERT INTO tag VALUES (5000, ''unique'') ON CONFLICT DO NOTHING');
CALL steps('N21', 4, 'SELECT id, name FROM author WHERE id = %1$s');
CALL step('N22', 'INSERT INTO post SELECT i, i % 40 + 1, ''bulk'' FROM generate_series(1000, 1100) AS i ON CONFLICT DO NOTHING');
CALL step('N23', 'SELECT walk_posts()');
CALL steps('N24', 20, 'SELECT attname, atttypid FROM pg_attribute WHERE attrelid = %1$s AND attnum > 0', 'SELECT relname FROM pg_class WHERE oid = %1$s');
CALL steps('N25', 20, 'SELECT 1', 'SHOW server_version', 'SET search_path = public');
CALL steps('N26', 10, 'INSERT INTO log VALUES (%1$s, ''a''), (%1$s, ''b'')');
CALL steps('N28', 20, 'BEGIN', 'UPDATE author SET name = ''author'' WHERE id = %1$s', 'SELECT name FROM author WHERE id = %1$s', 'UPDATE publisher SET name = ''publisher'' WHERE id = %1$s', 'INSERT INTO log VALUES (%1$s, ''tpc'')', 'COMMIT');
CALL steps('N29', 20, 'SET application_name = ''tenant %1$s''', 'SELECT id, name FROM author WHERE id = %1$s', 'UPDATE author SET name = ''author'' WHERE id = %1$s');
CALL step('N30', 'SELECT id FROM node WHERE parent_id IS NULL');
CALL step('N31', 'SELECT id, title FROM post ORDER BY id LIMIT 20 OFFSET 20');
CALL steps('N32', 3, 'SELECT id, title FROM post WHERE author_id = %1$s');
CALL steps('N19', 20, 'SELECT id, name FROM author WHERE id = 3', 'UPDATE author SET name = ''author'' WHERE id = 3');
CALL steps('N33', 1, 'SELECT id, name FROM author WHERE id = 3', 'UPDATE author SET name = ''author'' WHERE id = 3', 'SELECT id, name FROM author WHERE id = 3');
CALL steps('ignored', 20, 'SELECT id, name FROM author WHERE id = %1$s /*querywatch=''ignore''*/');
UPDATE step SET modes = 'T' WHERE name IN ('P17');
UPDATE step SET modes = 'A' WHERE name IN ('P21', 'N9', 'N13', 'N14', 'N14 after start', 'N17', 'N18', 'N28');

CREATE TABLE verdict (name text, mode text, kind text, confidence text, relationship text, executions bigint,
                      key text, parent text);
-- it waits longer for slow machines
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
\c -

-- run them all: each in a window of its own, what was found after it
\set ECHO none
\o /dev/null
SELECT sql FROM (
  SELECT name, mode, n, sql FROM step, unnest('{T,A}'::text[]) AS mode WHERE modes ~ mode
  UNION ALL
  SELECT DISTINCT name, mode, i, c
    FROM step, unnest('{T,A}'::text[]) AS mode,
         unnest('{-3,-2,-1}'::int[], ARRAY['DISCARD ALL', 'SELECT querywatch.reset_patterns()',
                                           CASE mode WHEN 'T' THEN 'BEGIN' END]) AS u (i, c)
   WHERE modes ~ mode
  UNION ALL
  SELECT DISTINCT name, mode, i, c
    FROM step, unnest('{T,A}'::text[]) AS mode,
         unnest('{10000,10001,10002}'::int[],
                ARRAY[CASE mode WHEN 'T' THEN 'COMMIT' END, 'DISCARD ALL',
                      format('INSERT INTO verdict SELECT %L, %L, kind, confidence, relationship, executions, key_column,'
                             ' substring(parent_query FROM ''FROM (\w+)'') FROM querywatch.repeated_statements'
                             ' WHERE datname = current_database()', name, mode)]) AS u (i, c)
   WHERE modes ~ mode
) AS s
 WHERE sql IS NOT NULL
 ORDER BY name COLLATE "C", mode COLLATE "C" DESC, n \gexec
\o
\set ECHO all

SELECT v.* FROM verdict AS v WHERE name ~ '^P'
 ORDER BY substring(name, '\d+')::int, name COLLATE "C", mode DESC, kind COLLATE "C", key COLLATE "C";
-- In autocommit a read and a write by turns may as well be so many requests
SELECT DISTINCT name, mode FROM step, unnest('{T,A}'::text[]) AS mode
 WHERE modes ~ mode AND name ~ '^P' AND NOT EXISTS (SELECT FROM verdict AS v WHERE v.name = step.name AND v.mode = mode.mode)
 ORDER BY 1, 2;
SELECT count(DISTINCT name) AS cases FROM step WHERE name !~ '^P';
SELECT v.* FROM verdict AS v WHERE name !~ '^P'
 ORDER BY name COLLATE "C", mode DESC, kind COLLATE "C", key COLLATE "C";

-- idle time ends a window (N16, N27)
DISCARD ALL;
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SET pg_querywatch.repeat_gap = '20ms';
\o /dev/null
SELECT name FROM author WHERE id = 1;
SELECT name FROM author WHERE id = 2;
SELECT name FROM author WHERE id = 3;
\! sleep 0.05
SELECT name FROM author WHERE id = 4;
SELECT name FROM author WHERE id = 5;
SELECT name FROM author WHERE id = 6;
\! sleep 0.05
SELECT name FROM author WHERE id = 7;
SELECT name FROM author WHERE id = 8;
\o
DISCARD ALL;
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();

-- nor is it one to look here again and again
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
BEGIN;
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
COMMIT;
DISCARD ALL;
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;

-- the threshold: five are a burst, four are not; it can be moved
BEGIN;
\set ECHO none
\o /dev/null
SELECT format('SELECT name FROM author WHERE id = %s', i) FROM generate_series(1, 4) AS i \gexec
SELECT format('SELECT url FROM profile WHERE id = %s', i) FROM generate_series(1, 5) AS i \gexec
COMMIT;
DISCARD ALL;
\o
\set ECHO all
SELECT kind, executions, query FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SET pg_querywatch.repeat_threshold = 3;
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('SELECT name FROM author WHERE id = %s', i) FROM generate_series(1, 2) AS i \gexec
SELECT format('SELECT url FROM profile WHERE id = %s', i) FROM generate_series(1, 3) AS i \gexec
COMMIT;
DISCARD ALL;
\o
\set ECHO all
SELECT kind, executions, query FROM querywatch.repeated_statements WHERE datname = current_database();

-- bursts of the same kind add up; route, application, trace and values
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SET application_name = 'regress repeats';
\set ECHO none
\o /dev/null
SELECT format('SELECT name FROM author WHERE id = %s /*controller=''posts'',action=''show'',traceparent=''00-%s-00f067aa0ba902b7-01''*/',
              i, lpad(to_hex(j), 32, '0'))
  FROM generate_series(1, 3) AS j, generate_series(1, 4 + j) AS i ORDER BY j, i \gexec
DISCARD ALL;
\o
\set ECHO all
SELECT kind, confidence, rolname = current_user AS role, application_name, route, bursts, executions, mean_burst, max_burst,
       distinct_parameters, example_parameters, example_trace_id,
       total_exec_time > 0 AS exec_time, total_burst_time >= total_exec_time AS burst_time,
       time_lost BETWEEN 0 AND total_burst_time AS time_lost, first_seen <= last_seen AS seen
  FROM querywatch.repeated_statements WHERE datname = current_database() \gx

-- loops that interleave share the time they ran in
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
BEGIN;
SELECT clock_timestamp() AS begun \gset
\set ECHO none
\o /dev/null
SELECT format(s, i)
  FROM generate_series(1, 20) AS i,
       (VALUES (1, 'SELECT name FROM author WHERE id = %s'),
               (2, 'SELECT url FROM profile WHERE id = %s'),
               (3, 'SELECT title FROM post WHERE id = %s'),
               (4, 'SELECT pg_sleep(0.001)')) AS v (n, s)
 ORDER BY i, n \gexec
\o
\set ECHO all
SELECT count(*), sum(time_lost) > 0 AS some,
       sum(time_lost) <= 1000 * extract(epoch FROM clock_timestamp() - :'begun') AS time_lost
  FROM querywatch.repeated_statements
 WHERE datname = current_database() AND executions = 20;
COMMIT;

-- a burst that goes on is seen already
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
BEGIN;
\set ECHO none
\o /dev/null
SELECT format('SELECT name FROM author WHERE id = %s', i) FROM generate_series(1, 7) AS i \gexec
\o
\set ECHO all
SELECT kind, bursts, executions FROM querywatch.repeated_statements WHERE datname = current_database();
\o /dev/null
SELECT name FROM author WHERE id = 8;
\o
SELECT kind, bursts, executions FROM querywatch.repeated_statements WHERE datname = current_database();
COMMIT;
-- a reset forgets it
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT count(*) FROM querywatch.repeated_statements WHERE datname = current_database();
SELECT patterns, patterns_limit, patterns_dropped FROM querywatch.info;

SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP TABLE reply, author, profile, publisher, post, tag, post_tag, book, node, note, address, member, orders, invoice, session, job, log, step, verdict;
DROP FUNCTION serialization_failure(), walk_posts();
DROP PROCEDURE step(text, text, text), steps(text, int, text[]);

--
-- on_repeat: what happens when a statement is repeated up to the threshold
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE TABLE author (id int PRIMARY KEY, name text);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author, title text);
INSERT INTO author SELECT i, 'author ' || i FROM generate_series(1, 20) AS i;
INSERT INTO post SELECT i, i % 20 + 1, 'post ' || i FROM generate_series(1, 100) AS i;
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
\c -
\set SHOW_CONTEXT never

-- n_plus_one, at each level
SET pg_querywatch.on_repeat = warning;
BEGIN;
SELECT id, name FROM author WHERE id <= 6 ORDER BY id;
SELECT count(title) FROM post WHERE author_id = 1;
SELECT count(title) FROM post WHERE author_id = 2;
SELECT count(title) FROM post WHERE author_id = 3;
SELECT count(title) FROM post WHERE author_id = 4;
SELECT count(title) FROM post WHERE author_id = 5;
SELECT count(title) FROM post WHERE author_id = 6;
COMMIT;
DISCARD ALL;

SET pg_querywatch.on_repeat = notice;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT id, name FROM author WHERE id <= 4 ORDER BY id;
SELECT title FROM post WHERE author_id = 1 ORDER BY id LIMIT 1 /*framework='django:4.2',controller='posts',action='index'*/;
SELECT title FROM post WHERE author_id = 2 ORDER BY id LIMIT 1 /*framework='django:4.2',controller='posts',action='index'*/;
SELECT title FROM post WHERE author_id = 3 ORDER BY id LIMIT 1 /*framework='django:4.2',controller='posts',action='index'*/;
COMMIT;
DISCARD ALL;
SET pg_querywatch.on_repeat = notice;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT id, author_id FROM post WHERE id <= 4 ORDER BY id /*framework='django:4.2',controller='posts',action='index'*/;
SELECT name FROM author WHERE id = 2 /*framework='django:4.2',controller='posts',action='index'*/;
SELECT name FROM author WHERE id = 3 /*framework='django:4.2',controller='posts',action='index'*/;
SELECT name FROM author WHERE id = 4 /*framework='django:4.2',controller='posts',action='index'*/;
COMMIT;
DISCARD ALL;

-- so does the text, sometimes; a hint names no ORM that is not known
\o /dev/null
SET pg_querywatch.on_repeat = notice;
SET pg_querywatch.repeat_threshold = 2;
BEGIN;
SELECT id, name FROM author WHERE id <= 4 ORDER BY id;
SELECT post.id AS post_id, post.title AS post_title 
FROM post 
WHERE author_id = 1;
SELECT post.id AS post_id, post.title AS post_title 
FROM post 
WHERE author_id = 2;
SELECT post0_.title AS title2_0_ FROM post post0_ WHERE post0_.author_id = 1;
SELECT post0_.title AS title2_0_ FROM post post0_ WHERE post0_.author_id = 2;
SELECT p1_0.title, p1_0.id FROM post p1_0 WHERE p1_0.author_id = 1;
SELECT p1_0.title, p1_0.id FROM post p1_0 WHERE p1_0.author_id = 2;
SELECT "post".* FROM "post" WHERE "post"."author_id" = 1;
SELECT "post".* FROM "post" WHERE "post"."author_id" = 2;
SELECT "post"."title", "post"."author_id" FROM "post" WHERE "post"."author_id" = 1;
SELECT "post"."title", "post"."author_id" FROM "post" WHERE "post"."author_id" = 2;
SELECT post_1.id AS post_id FROM post post_1 WHERE post_1.author_id = 1;
SELECT post_1.id AS post_id FROM post post_1 WHERE post_1.author_id = 2;
COMMIT;
\o
DISCARD ALL;

-- the other kinds
SET pg_querywatch.on_repeat = warning;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
PREPARE by_id (int) AS SELECT name FROM author WHERE id = $1;
EXECUTE by_id (1);
EXECUTE by_id (2);
EXECUTE by_id (3);
EXECUTE by_id (4);
SELECT title FROM post WHERE id = 7;
SELECT title FROM post WHERE id = 7;
SELECT title FROM post WHERE id = 7;
INSERT INTO author VALUES (101, 'x');
INSERT INTO author VALUES (102, 'x');
INSERT INTO author VALUES (103, 'x');
UPDATE author SET name = 'y' WHERE id = 101;
UPDATE author SET name = 'y' WHERE id = 102;
UPDATE author SET name = 'y' WHERE id = 103;
DELETE FROM author WHERE id = 101;
DELETE FROM author WHERE id = 102;
DELETE FROM author WHERE id = 103;
SELECT id FROM post ORDER BY id LIMIT 1 OFFSET 10;
SELECT id FROM post ORDER BY id LIMIT 1 OFFSET 20;
SELECT id FROM post ORDER BY id LIMIT 1 OFFSET 30;
COMMIT;
DISCARD ALL;

-- suspected ones do not act, unless that is asked for
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
SELECT name FROM author WHERE id = 1;
SELECT name FROM author WHERE id = 2;
SELECT name FROM author WHERE id = 3;
SELECT name FROM author WHERE id = 4;
SHOW pg_querywatch.on_repeat_confidence;
DISCARD ALL;
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
SET pg_querywatch.on_repeat_confidence = suspected;
SELECT count(name) FROM author WHERE id = 1;
SELECT count(name) FROM author WHERE id = 2;
SELECT count(name) FROM author WHERE id = 3;
SELECT count(name) FROM author WHERE id = 4;
DISCARD ALL;

-- nor do likely ones, where only confirmed ones are to
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
SET pg_querywatch.on_repeat_confidence = confirmed;
BEGIN;
SELECT max(name) FROM author WHERE id = 1;
SELECT max(name) FROM author WHERE id = 2;
SELECT max(name) FROM author WHERE id = 3;
SELECT max(name) FROM author WHERE id = 4;
DELETE FROM post WHERE id = -1;
DELETE FROM post WHERE id = -2;
DELETE FROM post WHERE id = -3;
ROLLBACK;
SET pg_querywatch.on_repeat_confidence = likely;
BEGIN;
SELECT max(name) FROM author WHERE id = 1;
SELECT max(name) FROM author WHERE id = 2;
SELECT max(name) FROM author WHERE id = 3;
ROLLBACK;
SET pg_querywatch.on_repeat_confidence = none;
DISCARD ALL;

-- error: before the statement runs, and with its SQLSTATE
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_patterns() IS NOT NULL AS patterns;
BEGIN;
INSERT INTO author VALUES (201, 'x');
INSERT INTO author VALUES (202, 'x');
SAVEPOINT s;
INSERT INTO author VALUES (203, 'x');
\echo :LAST_ERROR_SQLSTATE :LAST_ERROR_MESSAGE
ROLLBACK TO s;
SELECT count(*) AS inserted FROM author WHERE id > 200;
-- the burst is over with it: it may go on to the next
INSERT INTO author VALUES (203, 'x');
INSERT INTO author VALUES (204, 'x');
INSERT INTO author VALUES (205, 'x');
ROLLBACK;
SELECT calls, errors, query FROM querywatch.statements WHERE query ~ 'INSERT INTO author' ORDER BY query COLLATE "C";
DISCARD ALL;
SELECT kind, confidence, bursts, executions FROM querywatch.repeated_statements WHERE datname = current_database();

-- each kind's SQLSTATE
\set VERBOSITY terse
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 2;
BEGIN;
SELECT id, author_id FROM post WHERE id <= 4 ORDER BY id;
SELECT name FROM author WHERE id = 2;
SELECT name FROM author WHERE id = 3;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SELECT name, name FROM author WHERE id = 2;
SELECT name, name FROM author WHERE id = 3;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SET LOCAL pg_querywatch.repeat_threshold = 3;
SELECT name, 1 FROM author WHERE id = 2;
SELECT name, 1 FROM author WHERE id = 2;
SELECT name, 1 FROM author WHERE id = 2;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
UPDATE author SET name = name WHERE id = 2;
UPDATE author SET name = name WHERE id = 3;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
BEGIN;
SELECT id FROM post ORDER BY id LIMIT 1 OFFSET 10;
SELECT id FROM post ORDER BY id LIMIT 1 OFFSET 20;
\echo :LAST_ERROR_SQLSTATE
ROLLBACK;
\set VERBOSITY default

DISCARD ALL;

-- what is never a repeat never acts
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 2;
BEGIN;
SELECT name FROM author WHERE id = 1 /*querywatch='ignore'*/;
SELECT name FROM author WHERE id = 2 /*querywatch='ignore'*/;
SELECT name FROM author WHERE id = 3 /*querywatch='ignore'*/;
SELECT 1;
SELECT 1;
SELECT name FROM author WHERE id IN (1, 2);
SELECT name FROM author WHERE id IN (3, 4);
SELECT count(*) FROM pg_class WHERE oid = 1;
SELECT count(*) FROM pg_class WHERE oid = 2;
DO $$
BEGIN
  FOR i IN 1 .. 10 LOOP
    PERFORM name FROM author WHERE id = i;
    INSERT INTO author VALUES (300 + i, 'x');
  END LOOP;
END $$;
SELECT name FROM author WHERE id = 1\; SELECT name FROM author WHERE id = 2\; SELECT name FROM author WHERE id = 3;
ROLLBACK;
DISCARD ALL;

-- What was rolled back is over: the next transaction counts anew, although
-- the same statements came before it.  An error in the middle:
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 4;
BEGIN;
SELECT min(name) FROM author WHERE id = 1;
SELECT min(name) FROM author WHERE id = 2;
SELECT min(name) FROM author WHERE id = 3;
SELECT 1 / 0;
SELECT min(name) FROM author WHERE id = 4;
ROLLBACK;
BEGIN;
SELECT min(name) FROM author WHERE id = 4;
SELECT min(name) FROM author WHERE id = 5;
SELECT min(name) FROM author WHERE id = 6;
COMMIT;
DISCARD ALL;

-- COMMIT of a transaction that failed; single-row writes are found over many
-- transactions, too
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 4;
BEGIN;
INSERT INTO author VALUES (401, 'x');
INSERT INTO author VALUES (402, 'x');
INSERT INTO author VALUES (402, 'x');
COMMIT;
BEGIN;
INSERT INTO author VALUES (401, 'x');
INSERT INTO author VALUES (402, 'x');
INSERT INTO author VALUES (403, 'x');
ROLLBACK;
BEGIN;
INSERT INTO author VALUES (401, 'x');
INSERT INTO author VALUES (402, 'x');
-- to a savepoint: as a suite does that keeps its data in one transaction
SAVEPOINT test;
INSERT INTO author VALUES (403, 'x');
ROLLBACK TO test;
INSERT INTO author VALUES (404, 'x');
INSERT INTO author VALUES (405, 'x');
INSERT INTO author VALUES (406, 'x');
RELEASE test;
INSERT INTO author VALUES (407, 'x');
ROLLBACK;
-- statement_timeout, and the repeat's own error
BEGIN;
SELECT min(name) FROM author WHERE id = 7;
SELECT min(name) FROM author WHERE id = 8;
SAVEPOINT s;
SET LOCAL statement_timeout = '50ms';
SELECT min(name || pg_sleep(10)) FROM author WHERE id = 9;
ROLLBACK;
BEGIN;
SELECT min(name) FROM author WHERE id = 7;
SELECT min(name) FROM author WHERE id = 8;
SELECT min(name) FROM author WHERE id = 9;
SELECT min(name) FROM author WHERE id = 10;
SELECT min(name) FROM author WHERE id = 11;
ROLLBACK;
BEGIN;
SELECT min(name) FROM author WHERE id = 12;
SELECT min(name) FROM author WHERE id = 13;
SELECT min(name) FROM author WHERE id = 14;
COMMIT;
-- a COMMIT ends nothing, nor does a ROLLBACK outside of a transaction
BEGIN;
INSERT INTO author VALUES (401, 'x');
COMMIT;
BEGIN;
INSERT INTO author VALUES (402, 'x');
COMMIT;
ROLLBACK;
INSERT INTO author VALUES (403, 'x');
INSERT INTO author VALUES (404, 'x');
DELETE FROM author WHERE id > 400;
DISCARD ALL;

-- switched on, it does not count what came before, be it more than enough
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
INSERT INTO author VALUES (501, 'x');
INSERT INTO author VALUES (502, 'x');
INSERT INTO author VALUES (503, 'x');
INSERT INTO author VALUES (504, 'x');
SET LOCAL pg_querywatch.on_repeat = error;
INSERT INTO author VALUES (505, 'x');
INSERT INTO author VALUES (506, 'x');
SAVEPOINT s;
INSERT INTO author VALUES (507, 'x');
ROLLBACK;
DISCARD ALL;

-- log: nothing for the client
SET pg_querywatch.on_repeat = log;
SET pg_querywatch.repeat_threshold = 2;
BEGIN;
SELECT name FROM author WHERE id = 1;
SELECT name FROM author WHERE id = 2;
COMMIT;
-- off
SET pg_querywatch.on_repeat = off;
BEGIN;
SELECT name FROM author WHERE id = 3;
SELECT name FROM author WHERE id = 4;
COMMIT;
DISCARD ALL;

-- Values tell from the first visit on: a list that came before and returned as
-- many rows is no parent if they are not its own, however often it runs; nor
-- is anything raised
CREATE TABLE kind (id int PRIMARY KEY, thing int, name text);
CREATE TABLE thing (id int PRIMARY KEY, name text);
INSERT INTO kind SELECT i * 1000, i * 700, 'kind' FROM generate_series(1, 6) AS i;
INSERT INTO thing SELECT i * 100, 'thing' FROM generate_series(1, 60) AS i;
SELECT $$BEGIN;
SELECT id, name FROM kind;
SELECT name FROM thing WHERE id = 1000;
SELECT name FROM thing WHERE id = 300;
SELECT name FROM thing WHERE id = 2200;
SELECT name FROM thing WHERE id = 500;
SELECT name FROM thing WHERE id = 700;
ROLLBACK$$ AS visit \gset
\c -
SET pg_querywatch.on_repeat = error;
\o /dev/null
:visit;
:visit;
:visit;
\o
DISCARD ALL;
-- where they are, each time
SET pg_querywatch.on_repeat = warning;
SELECT $$BEGIN;
SELECT id, thing, name FROM kind;
SELECT name FROM thing WHERE id = 700;
SELECT name FROM thing WHERE id = 1400;
SELECT name FROM thing WHERE id = 2100;
SELECT name FROM thing WHERE id = 2800;
SELECT name FROM thing WHERE id = 3500;
ROLLBACK$$ AS visit \gset
\o /dev/null
:visit;
:visit;
\o
DISCARD ALL;
-- a capture is such a visit, too
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT querywatch.begin_capture();
\o /dev/null
:visit;
\o
SELECT count(*) FROM querywatch.end_capture();
DISCARD ALL;
SELECT kind, confidence, parent_column, values_compared, values_matched
  FROM querywatch.repeated_statements WHERE datname = current_database();
-- in another order than its constants have, a statement's values are the same
-- when it is first known
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT name, 'never seen', 5 FROM thing WHERE id = 700;
SELECT name, 'never seen', 5 FROM thing WHERE id = 700;
SELECT name, 'never seen', 5 FROM thing WHERE id = 700;
ROLLBACK;
DISCARD ALL;
DROP TABLE kind, thing;

-- what is known of a table follows it
SET pg_querywatch.on_repeat = warning;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT id, name FROM author WHERE id <= 4 ORDER BY id;
SELECT count(*) FROM post WHERE author_id = 1;
SELECT count(*) FROM post WHERE author_id = 2;
SELECT count(*) FROM post WHERE author_id = 3;
COMMIT;
DISCARD ALL;
ALTER TABLE post DROP CONSTRAINT post_author_id_fkey;
ALTER TABLE post RENAME COLUMN author_id TO written_by;
SET pg_querywatch.on_repeat = warning;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT id, name FROM author WHERE id <= 4 ORDER BY id;
SELECT count(*) FROM post WHERE written_by = 1;
SELECT count(*) FROM post WHERE written_by = 2;
SELECT count(*) FROM post WHERE written_by = 3;
COMMIT;
DISCARD ALL;
ALTER TABLE post ADD CONSTRAINT post_writer FOREIGN KEY (written_by) REFERENCES author;
SET pg_querywatch.on_repeat = warning;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT id, name FROM author WHERE id <= 4 ORDER BY id;
SELECT count(*) FROM post WHERE written_by = 1;
SELECT count(*) FROM post WHERE written_by = 2;
SELECT count(*) FROM post WHERE written_by = 3;
COMMIT;
DISCARD ALL;

SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP TABLE author, post;

--
-- Values: what a repeated statement asks for, compared with what its parent
-- had returned
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

CREATE DOMAIN venue_id AS int;
CREATE TABLE venue (id venue_id PRIMARY KEY, code uuid, slug text, label char(12), small smallint, rank int);
CREATE TABLE remark (id int PRIMARY KEY, subject bigint, code uuid, slug varchar, label char(20), text text);
CREATE TABLE setting (id int PRIMARY KEY, value text);
CREATE TABLE product (id int PRIMARY KEY, name text);
CREATE TABLE singer (id int PRIMARY KEY, name text);
CREATE TABLE song (id int PRIMARY KEY, singer_id int REFERENCES singer, title text);
INSERT INTO venue SELECT i, md5(i::text)::uuid, 'it''s ' || i, 'v' || i, i + 300, 21 - i FROM generate_series(1, 20) AS i;
INSERT INTO remark SELECT i, i, md5(i::text)::uuid, 'it''s ' || i, 'v' || i, 'remark' FROM generate_series(1, 20) AS i;
INSERT INTO setting SELECT i, 'value' FROM generate_series(1, 20) AS i;
INSERT INTO product SELECT i, 'product' FROM generate_series(1, 100) AS i;
INSERT INTO singer SELECT i, 'singer ' || i FROM generate_series(1, 20) AS i;
INSERT INTO song SELECT i, i % 20 + 1, 'song' FROM generate_series(1, 100) AS i;

-- One request: a list, and for each key a statement; T in one transaction, A
-- each on its own, B each in a block of its own
CREATE FUNCTION request(mode text, parent text, child text, keys text[]) RETURNS SETOF text LANGUAGE sql AS $$
  SELECT s
    FROM (SELECT 0, 'BEGIN' WHERE mode = 'T'
          UNION ALL SELECT 1, parent
          UNION ALL SELECT i * 3 + u, s
            FROM generate_subscripts(keys, 1) AS i,
                 unnest('{0,1,2}'::int[], ARRAY[CASE mode WHEN 'B' THEN 'BEGIN' END, format(child, keys[i]),
                                                CASE mode WHEN 'B' THEN 'COMMIT' END]) AS v (u, s)
          UNION ALL SELECT 100000, 'COMMIT' WHERE mode = 'T'
          UNION ALL SELECT 100001, 'DISCARD ALL') AS statements (n, s)
   WHERE s IS NOT NULL
   ORDER BY n
$$;
CREATE VIEW found AS
  SELECT kind, confidence, relationship, key_column, parent_column, bursts, executions, values_compared AS compared,
         values_matched AS matched, substring(parent_query FROM 'FROM (\w+)') AS parent
    FROM querywatch.repeated_statements WHERE datname = current_database()
   ORDER BY kind COLLATE "C", bursts, parent_query COLLATE "C";
CREATE FUNCTION numbers(int, int) RETURNS text[] LANGUAGE sql
  AS 'SELECT array_agg(i::text ORDER BY i) FROM generate_series($1, $2) AS i';
-- twelve of the twenty, in no order
CREATE FUNCTION some_numbers() RETURNS text[] LANGUAGE sql
  AS 'SELECT array_agg(((i * 7 + 3) % 20 + 1)::text ORDER BY i) FROM generate_series(1, 12) AS i';
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
\c -

-- No foreign key, each statement committed alone: suspected, then confirmed;
-- on another connection too
\set ECHO none
\set list '''SELECT * FROM venue ORDER BY id'''
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('A', :list, 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
\o
\set ECHO all
TABLE found;
\c -
\set ECHO none
\o /dev/null
SELECT request('A', :list, 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
\o
\set ECHO all
TABLE found;
SELECT bursts, bursts_values_confirm, bursts_values_doubt FROM querywatch.repeated_statements()
 WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database());

-- Each in a block of its own
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('B', :list, 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
SELECT request('B', :list, 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
\o
\set ECHO all
TABLE found;

-- Types: the values are the same however they are written
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('A', :list, 'SELECT text FROM remark WHERE subject = ''%s''', numbers(1, 20)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE subject = ''%s''', numbers(1, 20)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE code = %L', (SELECT array_agg(upper(code::text) ORDER BY id) FROM venue)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE code = %L::uuid', (SELECT array_agg(code::text ORDER BY id) FROM venue)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE slug = %L', (SELECT array_agg(slug ORDER BY id) FROM venue)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE label = %L', (SELECT array_agg(label ORDER BY id) FROM venue)) \gexec
SELECT request('A', :list, 'SELECT text FROM remark WHERE id = %s', numbers(301, 320)) \gexec
PREPARE by_text (text) AS SELECT text FROM remark WHERE subject = $1::bigint;
SELECT replace(request('A', :list, 'EXECUTE by_text (%L)', numbers(1, 20)), 'DISCARD ALL', 'DEALLOCATE ALL') \gexec
DISCARD ALL;
PREPARE by_code (uuid) AS SELECT text FROM remark WHERE code = $1;
SELECT replace(request('A', :list, 'EXECUTE by_code (%L)', (SELECT array_agg(code::text ORDER BY id) FROM venue)), 'DISCARD ALL', 'DEALLOCATE ALL') \gexec
DISCARD ALL;
PREPARE by_slug (text) AS SELECT text FROM remark WHERE slug = $1;
SELECT replace(request('A', :list, 'EXECUTE by_slug (%L)', (SELECT array_agg(slug ORDER BY id) FROM venue)), 'DISCARD ALL', 'DEALLOCATE ALL') \gexec
DISCARD ALL;
\o
\set ECHO all
SELECT confidence, key_column, parent_column, count(*) AS patterns, sum(bursts) AS bursts, sum(compared) AS compared,
       sum(matched) AS matched
  FROM found GROUP BY confidence, key_column, parent_column
 ORDER BY key_column COLLATE "C", parent_column COLLATE "C";

-- Twenty settings, and by chance twenty look-ups of something else
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('T', 'SELECT * FROM setting', 'SELECT name FROM product WHERE id = %s', numbers(51, 70)) \gexec
\o
\set ECHO all
TABLE found;
\set ECHO none
\o /dev/null
SELECT request('T', 'SELECT * FROM setting', 'SELECT name FROM product WHERE id = %s', numbers(51, 70)) \gexec
\o
\set ECHO all
TABLE found;

-- The numbers are those of the settings: it still is chance
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('T', 'SELECT * FROM setting', 'SELECT name FROM product WHERE id = %s', numbers(1, 20)) \gexec
SELECT request('T', 'SELECT * FROM setting', 'SELECT name FROM product WHERE id = %s', numbers(1, 20)) \gexec
\o
\set ECHO all
TABLE found;

-- A list, and requests for some of what is in it
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('A', 'SELECT id FROM singer ORDER BY id', 'SELECT title FROM song WHERE singer_id = %s', some_numbers()) \gexec
\o
\set ECHO all
TABLE found;
\set ECHO none
\o /dev/null
SELECT request('A', 'SELECT id FROM singer ORDER BY id', 'SELECT title FROM song WHERE singer_id = %s', some_numbers()) \gexec
\o
\set ECHO all
TABLE found;

-- Two lists of the same length: the values tell which it is
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('T', 'SELECT slug FROM venue ORDER BY id; SELECT name FROM singer', 'SELECT text FROM remark WHERE slug = %L',
               (SELECT array_agg(slug ORDER BY id) FROM venue)) \gexec
SELECT request('T', 'SELECT slug FROM venue ORDER BY id; SELECT name FROM singer', 'SELECT text FROM remark WHERE slug = %L',
               (SELECT array_agg(slug ORDER BY id) FROM venue)) \gexec
\o
\set ECHO all
TABLE found;

-- A cursor's rows, chunk by chunk
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
BEGIN;
SELECT request('A', 'DECLARE c CURSOR FOR SELECT code FROM venue ORDER BY id; FETCH 10 c; FETCH 10 c',
               'SELECT text FROM remark WHERE code = %L', (SELECT array_agg(code::text ORDER BY id) FROM venue))
 LIMIT 21 \gexec
COMMIT;
DISCARD ALL;
BEGIN;
SELECT request('A', 'DECLARE c CURSOR FOR SELECT code FROM venue ORDER BY id; FETCH 10 c; FETCH 10 c',
               'SELECT text FROM remark WHERE code = %L', (SELECT array_agg(code::text ORDER BY id) FROM venue))
 LIMIT 21 \gexec
COMMIT;
DISCARD ALL;
\o
\set ECHO all
TABLE found;

-- What a statement returned that failed does not count; the next is sent as ever
\set ECHO none
\o /dev/null
SELECT querywatch.reset_patterns();
SELECT request('A', 'SELECT id, 1 / (rank - 100) FROM venue ORDER BY id', 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
\o
UPDATE venue SET rank = 100 WHERE id = 15;
SELECT id, 1 / (rank - 100) FROM venue ORDER BY id;
UPDATE venue SET rank = 6 WHERE id = 15;
SELECT count(*), sum(id) FROM (SELECT id, 1 / (rank - 100) FROM venue ORDER BY id) AS again;
SELECT id, 1 / (rank - 100) FROM venue ORDER BY id;
\set ECHO none
\o /dev/null
SELECT request('A', 'SELECT id, 1 / (rank - 100) FROM venue ORDER BY id', 'SELECT text FROM remark WHERE subject = %s', numbers(1, 20)) \gexec
\o
\set ECHO all
TABLE found;

-- What on_repeat says
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
SELECT request('A', :list, 'SELECT text FROM remark WHERE code = %L', (SELECT array_agg(code::text ORDER BY id) FROM venue)) \gexec
SET pg_querywatch.on_repeat = notice;
SELECT request('A', :list, 'SELECT text FROM remark WHERE code = %L', (SELECT array_agg(code::text ORDER BY id) FROM venue)) \gexec
\o
\set ECHO all

-- Values are compared by type, however a client spells them: each of these is
-- a statement of its own, sent by two requests
CREATE TABLE account (id uuid PRIMARY KEY, number int UNIQUE, code char(12) UNIQUE, opened date UNIQUE, changed timestamp UNIQUE, key bytea UNIQUE);
CREATE TABLE bill (id int PRIMARY KEY, account_id uuid, number int, code char(12), opened date, changed timestamp, key bytea);
INSERT INTO account SELECT md5(i::text)::uuid, i * 1000 + i % 7, 'it''s ' || i * 31, '2020-01-01'::date + i * 3, '2020-01-01'::timestamp + i * '1 hour 1.5 s'::interval, decode(md5(i::text), 'hex') FROM generate_series(1, 12) AS i;
INSERT INTO bill SELECT row_number() OVER (ORDER BY number), * FROM account;
CREATE TABLE spelling (id int, condition text, keys text[]);
INSERT INTO spelling VALUES
  (1, 'id = ''%s''', ARRAY(SELECT replace(account_id::text, '-', '') FROM bill ORDER BY id)),
  (2, 'id = ''%s''', ARRAY(SELECT upper(account_id::text) FROM bill ORDER BY id)),
  (3, 'id = ''{%s}''', ARRAY(SELECT account_id::text FROM bill ORDER BY id)),
  (4, 'id = ''%s''::uuid', ARRAY(SELECT replace(account_id::text, '-', '') FROM bill ORDER BY id)),
  (5, 'id = uuid ''%s''', ARRAY(SELECT replace(account_id::text, '-', '') FROM bill ORDER BY id)),
  (6, 'id = CAST(''%s'' AS uuid)', ARRAY(SELECT upper(account_id::text) FROM bill ORDER BY id)),
  (7, 'number = +%s', ARRAY(SELECT number::text FROM bill ORDER BY id)),
  (8, 'number = 00%s', ARRAY(SELECT number::text FROM bill ORDER BY id)),
  (9, 'number = '' %s ''', ARRAY(SELECT number::text FROM bill ORDER BY id)),
  (10, 'number = %s.0', ARRAY(SELECT number::text FROM bill ORDER BY id)),
  (11, 'code = E''%s  ''', ARRAY(SELECT replace(code, '''', '\''') FROM bill ORDER BY id)),
  (12, 'code = U&''%s''', ARRAY(SELECT replace(code, '''', '''''') FROM bill ORDER BY id)),
  (13, 'opened = ''%s''', ARRAY(SELECT opened::text FROM bill ORDER BY id)),
  (14, 'changed = ''%s''', ARRAY(SELECT to_char(changed, 'YYYY-MM-DD"T"HH24:MI:SS.US') FROM bill ORDER BY id)),
  (15, 'key = ''\x%s''', ARRAY(SELECT upper(encode(key, 'hex')) FROM bill ORDER BY id)),
  (16, 'number = ANY (''{ %s }'')', ARRAY(SELECT number::text FROM bill ORDER BY id)),
  (17, 'code = E''\x69\164\u0027%s''', ARRAY(SELECT substr(code, 4) FROM bill ORDER BY id)),
  (18, 'code = U&''\0069t\+000027%s''', ARRAY(SELECT substr(code, 4) FROM bill ORDER BY id)),
  (19, 'code = U&''!0069t!0027%s'' UESCAPE ''!''', ARRAY(SELECT substr(code, 4) FROM bill ORDER BY id));
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
SELECT request('T', 'SELECT * FROM bill ORDER BY id',
               format('SELECT id%s FROM account WHERE %s', repeat(', number', s.id), condition), keys)
  FROM spelling AS s, generate_series(1, 2) AS visit ORDER BY s.id, visit \gexec
\o
\set ECHO all
SELECT s.id, condition, confidence, values_matched AS matched, values_compared AS compared
  FROM spelling AS s LEFT JOIN querywatch.repeated_statements AS r
    ON r.datname = current_database() AND r.query ~ format('SELECT id(, number){%s} FROM', s.id)
 ORDER BY s.id;
DROP TABLE spelling, bill, account;

-- A parent that lists its keys is the same one whatever the length of the list,
-- from one visit to the next, and another if it returns other columns
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
SELECT request('T', format('SELECT %s FROM singer WHERE id IN (%s)', columns,
                           (SELECT string_agg(i::text, ',') FROM generate_series(1, n) AS i)),
               'SELECT title FROM song WHERE singer_id = %s', numbers(1, n))
  FROM (VALUES ('id, name'), ('id')) AS c (columns), generate_series(6, 12) AS n
 ORDER BY columns DESC, n \gexec
\o
\set ECHO all
SELECT confidence, bursts, executions, compared, matched, parent FROM found;
SELECT count(*) AS findings FROM querywatch.all_findings WHERE datname = current_database() AND query ~ 'title FROM song' AND kind = 'n_plus_one';

-- Of more rows than are kept, those that are not speak for and against nothing
CREATE TABLE disc (id int PRIMARY KEY);
CREATE TABLE track (disc_id int REFERENCES disc, title text);
INSERT INTO disc SELECT generate_series(1, 1000);
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
\set ECHO none
\o /dev/null
SELECT request('T', 'SELECT id FROM disc ORDER BY id', 'SELECT title FROM track WHERE disc_id = %s', keys)
  FROM unnest(ARRAY[numbers(250, 280)::text, numbers(600, 630)::text]) AS k, CAST (k AS text[]) AS keys, generate_series(1, 2) \gexec
\o
\set ECHO all
SELECT kind, confidence, relationship, bursts, executions, compared, matched, parent FROM found;
DROP TABLE track, disc;

SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP VIEW found;
DROP FUNCTION request(text, text, text, text[]), numbers(int, int), some_numbers();
DROP TABLE venue, remark, setting, product, song, singer;
DROP DOMAIN venue_id;

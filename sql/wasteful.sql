--
-- wasteful_scan: rows that plans read and throw away
--
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
SET pg_querywatch.track = 'top';
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET client_min_messages = warning;
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE SCHEMA wasteful;
SET search_path = wasteful, public;

-- figures that differ between versions are left out
CREATE FUNCTION wasteful() RETURNS TABLE
    (query text, evidence text, suggestion text, rewrite text)
LANGUAGE sql AS $$
  SELECT f.query,
         regexp_replace(regexp_replace(f.evidence, '; [0-9.]+ (us|ms|s) of that.*', ''),
                        '(some|of) [0-9,]+ (entries|pages)', '\1 n \2'),
         f.suggestion, f.rewrite
    FROM querywatch.findings AS f
   WHERE f.kind = 'wasteful_scan' AND f.datname = current_database()
   ORDER BY f.query COLLATE "C"
$$;
\pset null none
\x on

CREATE TABLE item (id int PRIMARY KEY, shop int, kind int, code text, tags int[], note text);
INSERT INTO item
  SELECT i, CASE WHEN i > 39000 THEN 1 ELSE 0 END, i % 4000, md5(i::text), ARRAY[1, i], 'note ' || i
    FROM generate_series(1, 40000) AS i;
CREATE INDEX item_shop ON item (shop);
CREATE INDEX item_code ON item (code, kind);
VACUUM ANALYZE item;

-- a LIMIT in the order of the key, whose rows stand at the end
\o /dev/null
SELECT id FROM item WHERE shop = 1 ORDER BY id LIMIT 1;
SELECT id FROM item WHERE note LIKE '%x%' ORDER BY id LIMIT 10;
SELECT id FROM item WHERE shop = 1 AND kind > 3 ORDER BY id DESC LIMIT 1000;
\o
SELECT * FROM wasteful();

-- where there is such an index by now, nothing is to be made
CREATE INDEX item_shop_id ON item (shop, id);
SELECT query, rewrite FROM wasteful() WHERE query LIKE '%ORDER BY id LIMIT%';
DROP INDEX item_shop_id;

-- conditions on columns of an index that are not its first ones
SELECT querywatch.reset() IS NOT NULL AS reset;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
\o /dev/null
SELECT count(*) FROM item WHERE kind = 3;
SELECT count(note) FROM item WHERE kind = 4;
SET enable_bitmapscan = on;
SET enable_indexscan = off;
SELECT count(tags) FROM item WHERE kind = 5;
RESET enable_indexscan;
\o
SELECT * FROM wasteful();

-- rows that an index finds and another condition throws away
SELECT querywatch.reset() IS NOT NULL AS reset;
UPDATE item SET shop = 2 WHERE id <= 20000;
VACUUM ANALYZE item;
\o /dev/null
SELECT count(note) FROM item WHERE shop = 2 AND note = 'x';
SELECT count(note) FROM item WHERE shop = 2 AND note LIKE '%x%';
\o
SELECT * FROM wasteful();

-- rows of pages that the bitmap could not keep apart, rows that GIN is not sure of
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE INDEX item_tags ON item USING gin (tags);
CREATE TABLE wide (id int, few int, filler text);
INSERT INTO wide SELECT i, i % 90, repeat('x', 60) FROM generate_series(1, 200000) AS i;
CREATE INDEX wide_few ON wide (few);
VACUUM ANALYZE item, wide;
SET work_mem = '64kB';
\o /dev/null
SELECT count(filler) FROM wide WHERE few = 7;
RESET work_mem;
SELECT count(*) FROM item WHERE tags <@ '{1,2}';
\o
SELECT query, regexp_replace(evidence, '[0-9][0-9,]*', 'n', 'g') AS evidence, suggestion, rewrite FROM wasteful();

-- each row of one table compared with all of another
SELECT querywatch.reset() IS NOT NULL AS reset;
RESET enable_seqscan;
CREATE TABLE period (id int, first_day int, last_day int);
CREATE TABLE event (id int, day int);
INSERT INTO period SELECT i, i * 10, i * 10 + 9 FROM generate_series(1, 1500) AS i;
INSERT INTO event SELECT i, i FROM generate_series(1, 1500) AS i;
ANALYZE period, event;
SET enable_mergejoin = off;
\o /dev/null
SELECT count(*) FROM event JOIN period ON day BETWEEN first_day AND last_day;
\o
SELECT query, regexp_replace(evidence, 'of (period|event)', 'of a table') AS evidence,
       suggestion, rewrite
  FROM wasteful();

-- nothing where rows are used, few, in a temporary table, or found by the index
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TEMP TABLE gone AS SELECT i FROM generate_series(1, 30000) AS i;
\o /dev/null
SELECT count(*) FROM item WHERE note LIKE 'note%';
SELECT id FROM item ORDER BY id LIMIT 10;
SELECT id FROM item WHERE shop >= 0 ORDER BY id LIMIT 10;
SELECT count(*) FROM item WHERE code LIKE 'a%' AND id BETWEEN 1 AND 5000;
SELECT count(*) FROM gone WHERE i::text LIKE '%x%';
SELECT count(*) FROM item WHERE code = 'x' AND kind = 3;
\o
SELECT * FROM wasteful();

-- of others, nothing but that it is there
\o /dev/null
SELECT id FROM item WHERE note LIKE '%x%' ORDER BY id LIMIT 10;
\o
CREATE ROLE regress_querywatch_stranger;
SET ROLE regress_querywatch_stranger;
SELECT kind, query, evidence, suggestion, rewrite FROM querywatch.findings
 WHERE kind = 'wasteful_scan' AND datname = current_database();
RESET ROLE;
DROP ROLE regress_querywatch_stranger;

-- of another database, what was measured there
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE DATABASE regress_querywatch_other;
SELECT current_database() AS here \gset
\c regress_querywatch_other
SET max_parallel_workers_per_gather = 0;
CREATE TABLE big (id int PRIMARY KEY, note text);
INSERT INTO big SELECT i, 'note ' || i FROM generate_series(1, 30000) AS i;
ANALYZE big;
\o /dev/null
SELECT id FROM big WHERE note LIKE '%x%' ORDER BY id LIMIT 10;
\o
\c :here
SELECT query, regexp_replace(evidence, '; [0-9.]+ (us|ms|s) of that.*', '') AS evidence, suggestion, rewrite
  FROM querywatch.findings
 WHERE kind = 'wasteful_scan' AND datname = 'regress_querywatch_other';
SELECT sum(substring(line FROM '\d+$')::int) AS counted
  FROM regexp_split_to_table(querywatch.prometheus(), E'\n') AS line
 WHERE line LIKE 'pg_querywatch_findings{%wasteful_scan%';
DROP DATABASE regress_querywatch_other;

-- what it wasted goes with the statement
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT count(*), (SELECT plans_evicted FROM querywatch.info) AS evicted
  FROM querywatch.findings WHERE kind = 'wasteful_scan';
SET client_min_messages = warning;
DROP SCHEMA wasteful CASCADE;

--
-- Parents that are none: a key leads from their table, but no row of theirs led
-- to what was asked for
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

CREATE TABLE maker (id int PRIMARY KEY, name text, successor int REFERENCES maker);
CREATE TABLE model (id int PRIMARY KEY, maker int REFERENCES maker, code text);
CREATE TABLE car (id int PRIMARY KEY, model int REFERENCES model, seller int REFERENCES maker, text text);
CREATE TABLE repair (id int PRIMARY KEY, car int REFERENCES car, price int);
CREATE TABLE trade (id int PRIMARY KEY, seller int REFERENCES maker, buyer int REFERENCES maker);
CREATE TABLE report (id int PRIMARY KEY, body text);
INSERT INTO maker SELECT i, 'maker ' || i FROM generate_series(1, 50) AS i;
INSERT INTO model SELECT i, i % 50 + 1, 'model ' || i FROM generate_series(1, 100) AS i;
INSERT INTO car SELECT i, (i * 7) % 100 + 1, NULL, 'report:' || i + 500 FROM generate_series(1, 200) AS i;
INSERT INTO repair SELECT i, i * 2, i FROM generate_series(1, 100) AS i;
INSERT INTO trade SELECT i, i, 51 - i FROM generate_series(1, 50) AS i;
INSERT INTO report SELECT i + 500, 'body' FROM generate_series(1, 200) AS i;
CREATE VIEW found AS
  SELECT kind, confidence, relationship, key_column, parent_column, executions, values_compared AS compared, values_matched AS matched, substring(parent_query FROM 'FROM (\w+)') AS parent
    FROM querywatch.repeated_statements WHERE datname = current_database()
   ORDER BY kind COLLATE "C", executions, query COLLATE "C";
-- each request is a transaction, on a connection of its own
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
\c -

-- the list does not return the model
BEGIN;
SELECT id, text FROM car WHERE id BETWEEN 1 AND 12 ORDER BY id;
\set ECHO none
\o /dev/null
SELECT format('SELECT code FROM model WHERE id = %s', (i * 7) % 100 + 1) FROM generate_series(1, 12) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- cars are only joined, for their order
BEGIN;
SELECT r.id, r.price FROM repair AS r LEFT JOIN car AS c ON c.id = r.car WHERE c.model > 0 AND r.id <= 12 ORDER BY c.model, r.id;
\set ECHO none
\o /dev/null
SELECT format('SELECT code FROM model WHERE id = %s', i) FROM generate_series(1, 12) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- the rest of a row of a table that was only joined, and nothing of it
-- returned; then one that was returned, but is of another table's rows
BEGIN;
SELECT c.id FROM car AS c JOIN report AS r ON r.id = substring(c.text FROM '\d+')::int WHERE c.id <= 12 ORDER BY c.id;
\set ECHO none
\o /dev/null
SELECT format('SELECT id, body FROM report WHERE id = %s', i) FROM generate_series(501, 512) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -
BEGIN;
SELECT c.id, r.id AS report FROM car AS c LEFT JOIN report AS r ON r.id = substring(c.text FROM '\d+')::int WHERE c.id <= 12 ORDER BY c.id;
\set ECHO none
\o /dev/null
SELECT format('SELECT id, body FROM report WHERE id = %s', i) FROM generate_series(501, 512) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- the same rows read in two ways, by the same key, each by a key of its own:
-- nothing leads from one to the other, nor to the successor, which is not read
BEGIN;
\set ECHO none
\o /dev/null
SELECT format(s, i) FROM generate_series(1, 12) AS i,
  LATERAL (VALUES (1, 'SELECT id FROM maker WHERE id = %s'), (2, 'SELECT id, name FROM maker WHERE id = %s')) AS v (n, s)
 ORDER BY i, n \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- half of the cars have repairs: they are not where all of them come from
BEGIN;
SELECT id, car FROM repair WHERE id <= 10 ORDER BY id;
\set ECHO none
\o /dev/null
SELECT format('SELECT text FROM car WHERE id = %s', i) FROM generate_series(1, 20) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- a column that is NULL in all rows, collected on the second visit
\set ECHO none
\o /dev/null
SELECT s FROM generate_series(1, 2) AS visit,
  LATERAL (SELECT 0, 'BEGIN' UNION ALL SELECT 1, 'SELECT id, seller FROM car WHERE id <= 12 ORDER BY id'
           UNION ALL SELECT 1 + i, format('SELECT name FROM maker WHERE id = %s', 5 + 3 * (i % 2)) FROM generate_series(1, 6) AS i
           UNION ALL SELECT 10, 'COMMIT' UNION ALL SELECT 11, 'DISCARD ALL') AS v (n, s)
 ORDER BY visit, n \gexec
\o
\set ECHO all
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- two keys lead to the makers: the first visit does not tell which, the values
-- of the second do; what was seen before is counted with it
BEGIN;
SELECT id, seller, buyer FROM trade WHERE id BETWEEN 10 AND 15 ORDER BY id;
\set ECHO none
\o /dev/null
SELECT format('SELECT name FROM maker WHERE id = %s', 51 - i) FROM generate_series(10, 15) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
\c -
BEGIN;
SELECT id, seller, buyer FROM trade WHERE id BETWEEN 10 AND 15 ORDER BY id;
\set ECHO none
\o /dev/null
SELECT format('SELECT name FROM maker WHERE id = %s', 51 - i) FROM generate_series(10, 15) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- of two lists, neither is named for being the last
BEGIN;
SELECT id, price FROM repair WHERE id BETWEEN 1 AND 12 ORDER BY id;
SELECT id, successor FROM maker WHERE id BETWEEN 1 AND 13 ORDER BY id;
\set ECHO none
\o /dev/null
SELECT format('SELECT body FROM report WHERE id = %s', i) FROM generate_series(501, 512) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -

-- what comes back is what was asked for: an echo, of which nothing is the child
BEGIN;
SELECT id, model FROM car WHERE model = 8;
\set ECHO none
\o /dev/null
SELECT format('SELECT code FROM model WHERE id = %s', 7 + i) FROM generate_series(1, 6) AS i \gexec
\o
\set ECHO all
COMMIT;
TABLE found;

-- Two columns of the parent have the first five values: which it is, shows later
SELECT querywatch.reset_patterns() IS NOT NULL;
\c -
UPDATE trade SET buyer = seller WHERE id <= 6;
\set ECHO none
\o /dev/null
SELECT unnest(ARRAY['BEGIN', 'SELECT id, seller, buyer FROM trade WHERE id <= 20 ORDER BY id'] ||
              ARRAY(SELECT format('SELECT name FROM maker WHERE id = %s', buyer) FROM trade WHERE id <= 20 ORDER BY id > 6, md5(id::text)) ||
              ARRAY['COMMIT']) FROM generate_series(1, 2) \gexec
\o
\set ECHO all
SELECT confidence, key_column, parent_column, values_compared AS compared, values_matched AS matched
  FROM querywatch.repeated_statements WHERE datname = current_database() AND kind = 'n_plus_one';

\set ECHO none
SELECT querywatch.reset_patterns() IS NOT NULL;
SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec
DROP VIEW found;
DROP TABLE maker, model, car, repair, trade, report;

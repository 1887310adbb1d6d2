--
-- Tables of the same name: since PostgreSQL 18 their statements have the same
-- query id
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE SCHEMA first
  CREATE TABLE same_shop (id int PRIMARY KEY)
  CREATE TABLE same_sale (id int PRIMARY KEY, shop_id int);
CREATE SCHEMA second
  CREATE TABLE same_shop (id int PRIMARY KEY)
  CREATE TABLE same_sale (id int PRIMARY KEY, day date, shop_id int);
ALTER TABLE first.same_sale ADD FOREIGN KEY (shop_id) REFERENCES first.same_shop;
ALTER TABLE second.same_sale ADD FOREIGN KEY (shop_id) REFERENCES second.same_shop;
INSERT INTO second.same_shop SELECT generate_series(1, 5);
INSERT INTO second.same_sale SELECT i, NULL, i FROM generate_series(1, 5) AS i;
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
\c -

-- seen first in a schema that goes
SET search_path = first;
SELECT id FROM same_shop ORDER BY id;
SELECT count(*) FROM same_sale WHERE shop_id = 1;
INSERT INTO same_shop VALUES (1);
RESET search_path;
SET client_min_messages = warning;
DROP SCHEMA first CASCADE;
\c -
\set SHOW_CONTEXT never

-- what matters is the table that is there now
SET search_path = second;
SET pg_querywatch.repeat_threshold = 3;
SET pg_querywatch.on_repeat = warning;
BEGIN;
SELECT id FROM same_shop ORDER BY id;
SELECT count(*) FROM same_sale WHERE shop_id = 1;
SELECT count(*) FROM same_sale WHERE shop_id = 2;
SELECT count(*) FROM same_sale WHERE shop_id = 3;
COMMIT;
BEGIN;
INSERT INTO same_shop VALUES (11);
INSERT INTO same_shop VALUES (12);
INSERT INTO same_shop VALUES (13);
ROLLBACK;
RESET search_path;
RESET pg_querywatch.on_repeat;

SET client_min_messages = warning;
DROP SCHEMA second CASCADE;
SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec

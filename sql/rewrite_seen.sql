--
-- Rewrites of findings: right for the loop that was seen, or none
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
CREATE EXTENSION IF NOT EXISTS btree_gist;
DROP SCHEMA IF EXISTS loops CASCADE;
CREATE SCHEMA loops;
SET search_path = loops, public;
SET pg_querywatch.repeat_gap = '60s';
\pset format unaligned
\pset tuples_only on
\pset null none

CREATE TABLE item (id int PRIMARY KEY, cents int, half numeric, small smallint, big bigint, day date, name varchar(10), tag text,
                   js jsonb, version int, pos int UNIQUE);
INSERT INTO item
  SELECT i, 100 * i, NULL, i, i, date '2024-01-01' + i, 'n' || i, 't' || i % 3, '["a"]', 1, i FROM generate_series(1, 12) AS i;
CREATE VIEW item_view AS SELECT * FROM item;
CREATE VIEW dice AS SELECT id, random() AS eyes FROM item;

-- types of what ran, not of the columns
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('SELECT id FROM item WHERE day = %L::timestamp', day + time '12:00' * (id % 2)) FROM item \gexec
SELECT format('SELECT id FROM item WHERE big = %s', id + 0.5) FROM item \gexec
SELECT format('SELECT id FROM item WHERE small = %s::float8', id + 0.5) FROM item \gexec
SELECT format('DELETE FROM item WHERE big = %s', id + 0.5) FROM item \gexec
SELECT format('UPDATE item SET cents = cents * %s WHERE id = %s', '1.5', id) FROM item \gexec
SELECT format('UPDATE item SET half = cents / %s WHERE id = %s', '2.0', id) FROM item \gexec
SELECT format('UPDATE item SET name = js ->> %s WHERE id = %s', 0, id) FROM item \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query LIKE '%item%' ORDER BY query COLLATE "C";

-- the same key twice, the first or another; keys that are written
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('UPDATE item SET cents = cents + %s WHERE id = %s', i, CASE i WHEN 7 THEN 1 ELSE i END) FROM generate_series(1, 8) AS i \gexec
SELECT format('UPDATE item SET small = small + %s WHERE id = %s', i, CASE i WHEN 7 THEN 3 ELSE i END) FROM generate_series(1, 8) AS i \gexec
SELECT format('UPDATE item SET big = big + %s WHERE id = %s', i, i) FROM generate_series(1, 8) AS i \gexec
SELECT format('UPDATE item SET tag = %L, version = version + 1 WHERE id = %s AND version = %s', 'v', i, v) FROM generate_series(1, 2) AS v, generate_series(1, 4) AS i \gexec
SELECT format('INSERT INTO item (id, cents) VALUES (%s, 1) ON CONFLICT (id) DO UPDATE SET cents = item.cents + 1', i % 3) FROM generate_series(1, 8) AS i \gexec
SELECT format('INSERT INTO item (id, big) VALUES (%s, 1) ON CONFLICT DO NOTHING', 100 + i % 3) FROM generate_series(1, 8) AS i \gexec
SELECT format('UPDATE item SET pos = %s WHERE id = %s', i + 1, i) FROM generate_series(12, 1, -1) AS i \gexec
SELECT format('DELETE FROM item WHERE id = %s RETURNING name', i % 4) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query LIKE '%item%' ORDER BY query COLLATE "C";

-- several values that vary
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('SELECT name FROM item WHERE tag = %L AND small = %s', 't' || i % 3, i % 5) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT name, big FROM item WHERE tag = %L AND small = %s', 't1', i) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT name, id FROM item WHERE tag = %L AND small > %s', 't' || i % 3, i % 5) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT name, tag FROM item WHERE (tag, small) = (%L, %s)', 't' || i % 3, i) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT count(*) FROM item WHERE tag = %L AND small < %s', 't' || i % 3, i) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT big FROM item WHERE id = %s LIMIT 21', i) FROM generate_series(1, 9) AS i \gexec
SELECT format('SELECT day FROM item WHERE small = %s LIMIT 21', i) FROM generate_series(1, 9) AS i \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query LIKE '%item%' ORDER BY query COLLATE "C";
SELECT substring(evidence FROM 'on .* at a time') FROM querywatch.findings WHERE query LIKE '%item%' ORDER BY query COLLATE "C";

-- functions in the text: of sequences, time, session; by one transaction or more
CREATE TABLE noted (id serial, a text, b text, at timestamptz DEFAULT now());
CREATE FUNCTION many() RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT count(*) FROM noted';
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('INSERT INTO noted (a) VALUES (%L)', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, id) VALUES (%L, currval(''noted_id_seq''))', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, id) VALUES (%L, nextval(''noted_id_seq''))', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, id) VALUES (%L, lastval())', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, at) VALUES (%L, clock_timestamp())', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, at) VALUES (%L, statement_timestamp())', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, b) VALUES (%L, random()::text)', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, b) VALUES (%L, current_setting(''application_name''))', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, b) VALUES (%L, many()::text)', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO noted (a, b) VALUES (%L, current_user)', i) FROM generate_series(1, 6) AS i \gexec
ROLLBACK;
SELECT format('INSERT INTO noted (b) VALUES (%L)', i) FROM generate_series(1, 6) AS i \gexec
BEGIN;
SELECT format('SELECT eyes FROM dice WHERE id = %s', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('SELECT name FROM item_view WHERE id = %s', i) FROM generate_series(1, 6) AS i \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query ~ 'noted|dice|item_view' ORDER BY query COLLATE "C";

-- what is not in the text: defaults, generated columns, constraints, domains,
-- policies, triggers, rules, actions of foreign keys, other kinds of tables
CREATE FUNCTION next_no() RETURNS int LANGUAGE sql STABLE AS 'SELECT coalesce(max(id), 0)::int + 1 FROM noted';
CREATE FUNCTION few(int) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT count(*) < 1000 FROM noted';
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END';
CREATE DOMAIN few_int AS int CHECK (few(VALUE));
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TABLE t_plain (id int, x positive, y int GENERATED ALWAYS AS (id * 2) STORED, CHECK (id > 0), UNIQUE (id));
CREATE TABLE t_default (id int, no int DEFAULT next_no());
CREATE TABLE t_generated (id int, y boolean GENERATED ALWAYS AS (few(id)) STORED);
CREATE TABLE t_check (id int CHECK (few(id)));
CREATE TABLE t_domain (id int, x few_int);
CREATE TABLE t_policy (id int);
ALTER TABLE t_policy ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t_policy WITH CHECK (next_no() > 0);
CREATE TABLE t_secure (id int);
ALTER TABLE t_secure ENABLE ROW LEVEL SECURITY;
CREATE POLICY p ON t_secure USING (id > 0);
CREATE TABLE t_trigger (id int);
CREATE TRIGGER t BEFORE INSERT ON t_trigger FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE t_disabled (id int);
CREATE TRIGGER t BEFORE INSERT ON t_disabled FOR EACH ROW EXECUTE FUNCTION touch();
ALTER TABLE t_disabled DISABLE TRIGGER t;
CREATE TABLE t_other_command (id int);
CREATE TRIGGER t AFTER DELETE ON t_other_command FOR EACH STATEMENT EXECUTE FUNCTION touch();
CREATE TABLE t_rule (id int);
CREATE RULE r AS ON INSERT TO t_rule DO ALSO NOTIFY x;
CREATE TABLE t_shared (id int, s int DEFAULT nextval('noted_id_seq'));
CREATE TABLE t_uuid (id int, u uuid DEFAULT gen_random_uuid());
CREATE TABLE t_parts (id int) PARTITION BY LIST (id);
CREATE TABLE t_parts_1 PARTITION OF t_parts DEFAULT;
CREATE TABLE t_parts_trigger (id int) PARTITION BY LIST (id);
CREATE TABLE t_parts_trigger_1 PARTITION OF t_parts_trigger DEFAULT;
CREATE TRIGGER t BEFORE INSERT ON t_parts_trigger_1 FOR EACH ROW EXECUTE FUNCTION touch();
CREATE VIEW t_view AS SELECT id FROM t_plain;
CREATE TABLE t_exclusion (id int, EXCLUDE USING gist (id WITH =));
CREATE TABLE t_deferred (id int UNIQUE DEFERRABLE INITIALLY DEFERRED);
CREATE FUNCTION instead() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN INSERT INTO t_plain (id) VALUES (new.id + 100); RETURN new; END';
CREATE VIEW t_instead AS SELECT id FROM t_plain;
CREATE TRIGGER t INSTEAD OF INSERT ON t_instead FOR EACH ROW EXECUTE FUNCTION instead();
CREATE VIEW t_instead_rule AS SELECT id FROM t_plain;
CREATE RULE r AS ON INSERT TO t_instead_rule DO INSTEAD INSERT INTO t_plain (id) VALUES (new.id + 200);
CREATE VIEW t_local AS SELECT id FROM t_plain WHERE id > 0 WITH LOCAL CHECK OPTION;
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('INSERT INTO %s (id) VALUES (%s)', t, i)
  FROM unnest('{t_plain,t_default,t_generated,t_check,t_domain,t_policy,t_secure,t_trigger,t_disabled,t_other_command,t_rule,t_shared,t_uuid,t_parts,t_parts_trigger,t_exclusion}'::text[]) AS t,
       generate_series(1, 6) AS i ORDER BY t, i \gexec
ROLLBACK;
BEGIN;
SELECT format('INSERT INTO %s (id) VALUES (%s)', t, i) FROM unnest('{t_view,t_instead,t_instead_rule}'::text[]) AS t, generate_series(1, 6) AS i ORDER BY t, i \gexec
ROLLBACK;
BEGIN;
SELECT format('INSERT INTO t_local (id) VALUES (%s)', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('INSERT INTO t_deferred (id) VALUES (%s)', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('UPDATE t_deferred SET id = %s WHERE id = %s', i + 1, i) FROM generate_series(6, 1, -1) AS i \gexec
ROLLBACK;
INSERT INTO t_exclusion SELECT generate_series(1, 6);
CREATE TABLE parent (id int PRIMARY KEY);
CREATE TABLE child (id int REFERENCES parent ON DELETE CASCADE);
CREATE TABLE parent2 (id int PRIMARY KEY);
CREATE TABLE child2 (id int REFERENCES parent2 ON DELETE CASCADE);
CREATE TRIGGER t AFTER DELETE ON child2 FOR EACH ROW EXECUTE FUNCTION touch();
CREATE TABLE staff (id int PRIMARY KEY, boss int REFERENCES staff ON DELETE SET NULL);
INSERT INTO staff SELECT i, nullif(i - 1, 0) FROM generate_series(1, 8) AS i;
INSERT INTO parent SELECT generate_series(1, 6);
INSERT INTO parent2 SELECT generate_series(1, 6);
BEGIN;
SELECT format('UPDATE t_exclusion SET id = id + 10 WHERE id = %s', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('DELETE FROM parent WHERE id = %s', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('DELETE FROM parent2 WHERE id = %s', i) FROM generate_series(1, 6) AS i \gexec
SELECT format('DELETE FROM staff WHERE boss = %s', i) FROM generate_series(1, 6) AS i \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query ~ 't_|parent|staff' ORDER BY query COLLATE "C";

-- what the loop itself writes: the table, through a view, a trigger, a foreign
-- key's action or a function; other tables; after the loop; and settings
CREATE TABLE stock (id int PRIMARY KEY, kind int, amount int);
INSERT INTO stock SELECT i, i % 3, i FROM generate_series(1, 12) AS i;
CREATE VIEW stock_view AS SELECT * FROM stock;
CREATE TABLE moves (id int, n int);
CREATE FUNCTION move() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN UPDATE stock SET amount = amount + 1; RETURN NULL; END';
CREATE TABLE moves_trigger (id int);
CREATE TRIGGER t AFTER INSERT ON moves_trigger FOR EACH ROW EXECUTE FUNCTION move();
CREATE TABLE boxes (id int PRIMARY KEY, stock_id int REFERENCES stock ON DELETE CASCADE);
INSERT INTO boxes SELECT i, i FROM generate_series(1, 12) AS i;
CREATE FUNCTION take(int) RETURNS int LANGUAGE plpgsql AS 'BEGIN UPDATE stock SET amount = amount - 1 WHERE id = $1; RETURN 1; END';
CREATE TABLE halves (id int, n int) PARTITION BY LIST (id);
CREATE TABLE halves_1 PARTITION OF halves DEFAULT;
INSERT INTO halves SELECT i, i FROM generate_series(1, 12) AS i;
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('SELECT sum(amount) AS s1 FROM stock WHERE kind = %s', i), format('UPDATE stock SET amount = amount + %s WHERE id = %s', i, i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT amount AS s2 FROM stock WHERE id = %s', i), format('UPDATE stock_view SET amount = %s WHERE id = %s', i, i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT amount AS s3 FROM stock_view WHERE id = %s', i), format('DELETE FROM stock WHERE id = %s AND kind >= 0', i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT amount AS s4, id FROM stock WHERE id = %s', i), format('INSERT INTO moves_trigger VALUES (%s)', i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT id AS s5 FROM boxes WHERE stock_id = %s', i), format('DELETE FROM stock WHERE id = %s', i % 4 + 1) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT amount AS s6, kind FROM stock WHERE id = %s', i), format('SELECT take(%s)', i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT n AS s7 FROM halves WHERE id = %s', i), format('UPDATE halves_1 SET n = n + %s WHERE id = %s', i, i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT amount AS s8, id, kind FROM stock WHERE id = %s', i), format('INSERT INTO moves VALUES (%s, %s)', i, i) FROM generate_series(1, 8) AS i \gexec
SELECT format('SELECT amount AS s9, kind, id FROM stock WHERE id = %s', i) FROM generate_series(1, 8) AS i \gexec
UPDATE stock SET amount = amount + 1;
ROLLBACK;
BEGIN;
SELECT format('SELECT id AS t1, amount FROM stock WHERE id = %s', i), 'TRUNCATE moves' FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT kind AS t2, amount FROM stock WHERE id = %s', i), format('SET LOCAL TimeZone = %L', i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('SELECT kind AS t3, id, amount FROM stock WHERE id = %s', i), format('SET LOCAL statement_timeout = %L', 60000 + i) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
BEGIN;
SELECT format('UPDATE stock SET amount = amount + %s WHERE id = %s AND kind >= 0', i, i), format('UPDATE stock SET amount = amount * 2 WHERE kind = %s', i % 3) FROM generate_series(1, 8) AS i \gexec
ROLLBACK;
\o
\set ECHO all
SELECT query, coalesce(rewrite, 'none') FROM querywatch.findings WHERE query ~ ' AS [st]\d| AND kind ' ORDER BY query COLLATE "C";

SET client_min_messages = warning;
SELECT querywatch.reset_patterns() IS NULL \g /dev/null
DROP SCHEMA loops CASCADE;

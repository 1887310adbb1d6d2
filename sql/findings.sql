-- What to change: one finding of each kind, from a statement that earns it.
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
SET pg_querywatch.track = 'top';
SET pg_querywatch.repeat_gap = '1min';
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SELECT querywatch.reset() IS NOT NULL AS reset,
       querywatch.reset_patterns() IS NOT NULL AS reset_patterns;
SELECT querywatch.reset_slow();
SELECT clock_timestamp() AS begun \gset

CREATE SCHEMA shop;
SET search_path = shop, public;
CREATE TABLE customer (id integer PRIMARY KEY, name text, biography text);
CREATE TABLE orders (id integer PRIMARY KEY, customer_id integer
                     REFERENCES customer, amount integer, note text);
INSERT INTO customer SELECT i, 'c' || i, repeat(md5(i::text), 300)
  FROM generate_series(1, 200) AS i;
INSERT INTO orders SELECT i, i % 200 + 1, i, 'n' || i % 10
  FROM generate_series(1, 50000) AS i;
VACUUM ANALYZE customer;
VACUUM ANALYZE orders;

-- what the figures say, without the figures that vary
CREATE FUNCTION public.found(text, text DEFAULT '%') RETURNS TABLE
    (confidence text, occurrences bigint, executions bigint, evidence text,
     suggestion text, rewrite text)
LANGUAGE sql AS $$
  SELECT f.confidence, f.occurrences, f.executions,
         regexp_replace(f.evidence,
           '[0-9.]+ (us|ms|s|min|h)\M|[0-9.]+ (%|[kM]?B)|(under )1 %',
           '…', 'g'),
         f.suggestion, f.rewrite
    FROM querywatch.findings AS f
   WHERE f.kind = $1 AND f.datname = current_database()
     AND f.query LIKE $2
     AND f.query NOT LIKE '%querywatch%' AND f.query NOT LIKE '%found%'
   ORDER BY f.query COLLATE "C"
$$;
\x on

-- temporary files
SET work_mem = '64kB';
SELECT count(*) FROM (SELECT note, amount FROM orders
                       ORDER BY note, amount OFFSET 0) AS sorted;
RESET work_mem;
SELECT confidence, occurrences, executions, evidence FROM public.found('temp_spill');
-- what it suggests is enough
SELECT rewrite FROM public.found('temp_spill') \gset
BEGIN;
:rewrite;
SELECT count(*) FROM (SELECT note, amount FROM orders
                       ORDER BY note, amount OFFSET 0) AS sorted;
COMMIT;
SELECT evidence FROM public.found('temp_spill');

-- for rows of a CTE, a hash join and hashed groups too, and more than they had
CREATE FUNCTION public.spill(text) RETURNS TABLE (evidence text, suggestion text, rewrite text)
LANGUAGE sql AS $$
  SELECT regexp_replace(f.evidence, ', [^,]* at most.*', ''), f.suggestion, f.rewrite
    FROM public.found('temp_spill', $1) AS f
$$;
SET work_mem = '1MB';
WITH ids AS MATERIALIZED (SELECT o.id FROM orders AS o, customer AS c WHERE c.id < 3)
SELECT count(*) FROM ids AS a WHERE a.id > (SELECT max(id) FROM ids) - 1;
SELECT evidence, regexp_replace(suggestion, '\d+MB', 'nMB') AS suggestion,
       rewrite ~ '^SET LOCAL work_mem = ''\d+MB''$' AS rewrite
  FROM public.spill('WITH ids %');
SELECT rewrite FROM public.spill('WITH ids %') \gset
BEGIN;
:rewrite;
WITH ids AS MATERIALIZED (SELECT o.id FROM orders AS o, customer AS c WHERE c.id < 3)
SELECT count(*) FROM ids AS a WHERE a.id > (SELECT max(id) FROM ids) - 1;
COMMIT;
SELECT evidence FROM public.spill('WITH ids %');
SET work_mem = '64kB';
SELECT count(*) FROM orders AS a JOIN orders AS b ON a.note || a.id = b.note || b.id;
SELECT * FROM public.spill('% JOIN %');
SELECT rewrite FROM public.spill('% JOIN %') \gset
BEGIN;
:rewrite;
SELECT count(*) FROM orders AS a JOIN orders AS b ON a.note || a.id = b.note || b.id;
COMMIT;
SELECT evidence FROM public.spill('% JOIN %');
SET enable_sort = off;
SELECT count(*) FROM (SELECT note, amount, count(*) FROM orders GROUP BY note, amount) AS groups;
SELECT * FROM public.spill('% groups');
SELECT rewrite FROM public.spill('% groups') \gset
BEGIN;
:rewrite;
SELECT count(*) FROM (SELECT note, amount, count(*) FROM orders GROUP BY note, amount) AS groups;
COMMIT;
SELECT evidence FROM public.spill('% groups');
RESET enable_sort;
-- no promise where what wrote the files cannot be asked
SELECT count(*) FROM generate_series(1, 100000);
SELECT count(DISTINCT note || id) FROM orders;
SELECT count(*), bool_and(suggestion ~ 'which is a guess') AS guessed
  FROM public.spill('SELECT count(%') WHERE rewrite IS NULL;
RESET work_mem;

-- rows skipped
SELECT id FROM orders ORDER BY id LIMIT 2 OFFSET 40000;
SELECT id FROM orders ORDER BY id LIMIT 2 OFFSET 30000;
SELECT id FROM orders ORDER BY id LIMIT 2 OFFSET 20;
SELECT * FROM public.found('deep_offset');

-- rows fetched at once; a cursor's are not, nor those that stay in the server
\o /dev/null
SELECT * FROM orders;
\o
BEGIN;
DECLARE walk CURSOR FOR SELECT id, amount FROM orders;
MOVE FORWARD 1000 IN walk;
\o /dev/null
FETCH FORWARD 20000 FROM walk;
\o
COMMIT;
CREATE TABLE copied AS SELECT id, note FROM orders;
ALTER TABLE copied ADD UNIQUE (id);
SELECT * FROM public.found('large_result');

-- wide rows, measured without fetching them from where they are stored
\o /dev/null
SELECT 'SELECT * FROM customer WHERE id < 4' FROM generate_series(1, 70) \gexec
SELECT 'SELECT id, name FROM customer WHERE id < 4' FROM generate_series(1, 70) \gexec
\o
SELECT * FROM public.found('wide_rows');

-- rows read and thrown away
SELECT count(*) FROM orders WHERE customer_id = 7;
SELECT count(*) FROM orders WHERE customer_id = 8;
SELECT * FROM public.found('missing_index', '%customer_id%');

-- an open transaction that nobody works in
UPDATE querywatch.thresholds SET value = 100
 WHERE name = 'idle_in_transaction_time';
BEGIN;
SELECT name FROM customer WHERE id = 3;
\! sleep 0.3
COMMIT;
SELECT confidence, occurrences, executions, evidence, suggestion
  FROM public.found('idle_in_transaction', 'SELECT name %');
UPDATE querywatch.thresholds SET value = 60000
 WHERE name = 'idle_in_transaction_time';

-- the application takes its time over a result
UPDATE querywatch.thresholds SET value = 100 WHERE name = 'client_time_rows';
BEGIN;
\o /dev/null
SELECT name FROM customer ORDER BY id;
\o
\! sleep 0.06
COMMIT;
SELECT confidence, occurrences, executions, evidence, suggestion
  FROM public.found('client_time', 'SELECT name %');

UPDATE querywatch.thresholds SET value = 1000 WHERE name = 'client_time_rows';

-- cancelled
SET statement_timeout = 30;
SELECT count(*) FROM orders, pg_sleep(10);
RESET statement_timeout;
SELECT confidence, occurrences, executions, evidence, suggestion
  FROM public.found('timeouts');

-- slow, and not for waiting
CREATE FUNCTION busy(ms int) RETURNS void LANGUAGE plpgsql
  AS 'DECLARE start timestamptz := clock_timestamp(); BEGIN WHILE clock_timestamp() < start + ms * interval ''1 ms'' LOOP END LOOP; END';
UPDATE querywatch.thresholds SET value = CASE name WHEN 'slow_statement_share' THEN 0 ELSE 20 END
 WHERE name IN ('slow_statement_p95', 'slow_statement_share', 'slow_statement_time');
SET pg_querywatch.slow_threshold = '20ms';
SELECT count(*) FROM orders, busy(30) WHERE amount < 0;
RESET pg_querywatch.slow_threshold;
SELECT confidence, occurrences, executions,
       evidence ~ 'costliest step: Seq Scan on orders' AS step,
       suggestion ~ 'querywatch\.explain\(\d+\)' AS explain
  FROM public.found('slow_statement', '%busy%') WHERE suggestion ~ 'explain';

-- but a statement that nobody waits for is not, however often it runs
UPDATE querywatch.thresholds SET value = 0
 WHERE name IN ('slow_statement_p95', 'slow_statement_share', 'slow_statement_time');
SELECT count(*) FROM public.found('slow_statement', 'SELECT name FROM customer%');
UPDATE querywatch.thresholds SET value = 0 WHERE name = 'slow_statement_floor';
SELECT count(*) > 0 AS some FROM public.found('slow_statement', 'SELECT name FROM customer%');
UPDATE querywatch.thresholds SET value = 20 WHERE name LIKE 'slow_statement%';
UPDATE querywatch.thresholds SET value = 0.1 WHERE name = 'slow_statement_share';

-- repeated
BEGIN;
SELECT id, name FROM customer ORDER BY id LIMIT 6;
SELECT id FROM orders WHERE customer_id = 1 AND amount < 500;
SELECT id FROM orders WHERE customer_id = 2 AND amount < 500;
SELECT id FROM orders WHERE customer_id = 3 AND amount < 500;
SELECT id FROM orders WHERE customer_id = 4 AND amount < 500;
SELECT id FROM orders WHERE customer_id = 5 AND amount < 500;
SELECT id FROM orders WHERE customer_id = 6 AND amount < 500;
COMMIT;
SELECT * FROM public.found('n_plus_one');

-- the tags tell the ORM
BEGIN;
SELECT id FROM customer ORDER BY id LIMIT 5 /*framework='django:4.2',route='/c'*/;
SELECT note FROM orders WHERE customer_id = 1 AND id < 500 /*framework='django:4.2',route='/c'*/;
SELECT note FROM orders WHERE customer_id = 2 AND id < 500 /*framework='django:4.2',route='/c'*/;
SELECT note FROM orders WHERE customer_id = 3 AND id < 500 /*framework='django:4.2',route='/c'*/;
SELECT note FROM orders WHERE customer_id = 4 AND id < 500 /*framework='django:4.2',route='/c'*/;
SELECT note FROM orders WHERE customer_id = 5 AND id < 500 /*framework='django:4.2',route='/c'*/;
COMMIT;
SELECT suggestion ~ 'Django: prefetch_related' AS django,
       suggestion ~ 'SQLAlchemy|Rails|Hibernate' AS others
  FROM public.found('n_plus_one') WHERE evidence ~ 'route /c';

-- or the text does; where neither does, none is named
CREATE TABLE wording (id int, framework text, statement text);
INSERT INTO wording VALUES
  (1, '', 'SELECT orders.amount AS orders_amount '||E'\n'||'FROM orders '||E'\n'||'WHERE orders.customer_id = %s'),
  (2, '', 'SELECT orders.amount AS orders_amount FROM orders WHERE orders.customer_id = %s'),
  (3, '', 'SELECT "orders".* FROM "orders" WHERE "orders"."customer_id" = %s'),
  (4, '', 'SELECT "orders"."id", "orders"."note" FROM "orders" WHERE "orders"."customer_id" = %s'),
  (5, '', 'select order0_.amount as amount1_0_ from orders order0_ where order0_.customer_id = %s'),
  (6, '', 'select o1_0.id, o1_0.amount from orders o1_0 where o1_0.customer_id = %s'),
  (7, '', 'SELECT o0_.id AS id_0, o0_.amount AS amount_1 FROM orders o0_ WHERE o0_.customer_id = %s'),
  (8, '', 'SELECT t0.id AS id_1, t0.amount AS amount_2 FROM orders t0 WHERE t0.customer_id = %s'),
  (9, '', 'SELECT o0."id", o0."amount" FROM "orders" AS o0 WHERE (o0."customer_id" = %s)'),
  (10, '', 'SELECT "Orders"."id" AS "Orders_id" FROM "orders" "Orders" WHERE "Orders"."customer_id" = %s'),
  (11, '', 'SELECT * FROM "orders" WHERE "orders"."customer_id" = %s'),
  (12, '', 'SELECT "id", "amount" FROM "orders" AS "Order" WHERE "Order"."customer_id" = %s'),
  (13, 'rails_v7.1.0', 'SELECT note FROM orders WHERE customer_id = %s'),
  (14, 'grails:6.1', 'SELECT note FROM orders WHERE customer_id = %s'),
  (15, 'spring', 'SELECT note FROM orders WHERE customer_id = %s'),
  (16, 'spring/hibernate', 'SELECT note FROM orders WHERE customer_id = %s'),
  (17, 'laravel:10', 'SELECT note FROM orders WHERE customer_id = %s'),
  (18, 'sqlalchemy', 'SELECT note FROM orders WHERE customer_id = %s');
\set ECHO none
\o /dev/null
SELECT s
  FROM wording,
       generate_series(0, 8) AS step,
       format(' /*framework=''%s'',route=''wording %s''*/', framework, id) AS comment,
       format(CASE step WHEN 0 THEN 'BEGIN'
                        WHEN 1 THEN 'SELECT id FROM customer WHERE id < 7' || comment
                        WHEN 8 THEN 'COMMIT'
                        ELSE statement || repeat(' AND true', id) || comment END, step - 1) AS s
 ORDER BY id, step \gexec
\o
\set ECHO all
SELECT w.id, w.framework, left(w.statement, 30) AS statement,
       substring(f.suggestion FROM 'SQLAlchemy|Django|Rails|Hibernate') AS named, f.suggestion ~ 'SELECT|= ANY' AS says_sql
  FROM wording AS w LEFT JOIN querywatch.findings AS f ON f.kind = 'n_plus_one' AND f.route = 'wording ' || w.id
 ORDER BY w.id;
DROP TABLE wording;

-- one row, however many parents and routes there are
\set ECHO none
\o /dev/null
BEGIN;
SELECT id FROM customer WHERE id < 8;
SELECT format('SELECT amount FROM orders WHERE customer_id = %s AND id < 500', i) FROM generate_series(1, 7) AS i \gexec
COMMIT;
BEGIN;
SELECT id, name FROM customer WHERE id < 8 /*controller='a'*/;
SELECT format('SELECT amount FROM orders WHERE customer_id = %s AND id < 500 /*controller=''a''*/', i) FROM generate_series(1, 7) AS i \gexec
COMMIT;
SELECT 1 FROM customer WHERE id = 1;
\o
\set ECHO all
SELECT count(*) AS patterns, sum(executions) FROM querywatch.repeated_statements
 WHERE query LIKE 'SELECT amount FROM orders WHERE cust%' AND datname = current_database();
SELECT occurrences, executions,
       evidence ~ '^after 2 queries that returned 14 rows, 14 queries on orders' AS all,
       evidence ~ '; after a query of customer …, a query of customer …;' AS parents,
       evidence ~ '; routes ((none|a) …(, |$)){2}' AS routes
  FROM public.found('n_plus_one', 'SELECT amount FROM orders WHERE cust%');

INSERT INTO copied VALUES (60001, 'a');
INSERT INTO copied VALUES (60002, 'b');
INSERT INTO copied VALUES (60003, 'c');
INSERT INTO copied VALUES (60004, 'd');
INSERT INTO copied VALUES (60005, 'e');
SELECT * FROM public.found('row_by_row_insert');
BEGIN;
UPDATE copied SET note = 'x' WHERE id = 1;
UPDATE copied SET note = 'y' WHERE id = 2;
UPDATE copied SET note = 'z' WHERE id = 3;
UPDATE copied SET note = 'u' WHERE id = 4;
UPDATE copied SET note = 'v' WHERE id = 5;
DELETE FROM copied WHERE id = 1;
DELETE FROM copied WHERE id = 2;
DELETE FROM copied WHERE id = 3;
DELETE FROM copied WHERE id = 4;
DELETE FROM copied WHERE id = 5;
COMMIT;
SELECT * FROM public.found('row_by_row_update');
SELECT * FROM public.found('row_by_row_delete');
BEGIN;
SELECT name FROM customer WHERE id = 9;
SELECT name FROM customer WHERE id = 9;
SELECT name FROM customer WHERE id = 9;
SELECT name FROM customer WHERE id = 9;
SELECT name FROM customer WHERE id = 9;
COMMIT;
SELECT * FROM public.found('duplicate_query', 'SELECT name %');
\x off

-- thresholds: what is below them is none
SELECT count(*) FROM querywatch.findings WHERE kind = 'wide_rows';
UPDATE querywatch.thresholds SET value = 1000000 WHERE name = 'wide_rows_bytes';
SELECT count(*) FROM querywatch.findings WHERE kind = 'wide_rows';
UPDATE querywatch.thresholds SET value = -1 WHERE name = 'wide_rows_bytes';
UPDATE querywatch.thresholds SET name = 'wide' WHERE name = 'wide_rows_bytes';
DELETE FROM querywatch.thresholds WHERE name = 'wide_rows_bytes';
INSERT INTO querywatch.thresholds VALUES ('wide', 1, '');
UPDATE querywatch.thresholds SET what = 'changed' WHERE name = 'wide_rows_bytes';
UPDATE querywatch.thresholds SET value = NULL WHERE name = 'wide_rows_bytes';
UPDATE querywatch.thresholds SET value = 4096 WHERE name = 'wide_rows_bytes' RETURNING value;
UPDATE querywatch.thresholds SET value = 500
 WHERE name = 'slow_statement_p95';
UPDATE querywatch.thresholds SET value = 1000
 WHERE name IN ('slow_statement_time', 'idle_in_transaction_time');
-- each one that the code knows is there, with its default
SELECT name, value FROM querywatch.thresholds ORDER BY name COLLATE "C";

-- severity: of time lost, its share, and confidence
UPDATE querywatch.thresholds SET value = 0 WHERE name IN ('severity_medium_time');
UPDATE querywatch.thresholds SET value = 1e9 WHERE name IN ('severity_high_time', 'severity_high_share');
SELECT DISTINCT severity, confidence = 'suspected' AS suspected
  FROM querywatch.findings ORDER BY severity;
UPDATE querywatch.thresholds SET value = 0 WHERE name = 'severity_high_time';
SELECT DISTINCT severity FROM querywatch.findings WHERE confidence <> 'suspected';
UPDATE querywatch.thresholds SET value = 60000 WHERE name = 'severity_high_time';
UPDATE querywatch.thresholds SET value = 0.1 WHERE name = 'severity_high_share';
UPDATE querywatch.thresholds SET value = 5000 WHERE name = 'severity_medium_time';

-- what was lost is no more than the time that passed, each suggestion short
SELECT sum(time_lost) > 0 AS some,
       sum(time_lost) <= 1000 * extract(epoch FROM clock_timestamp() - :'begun') AS time_lost,
       max(length(suggestion)) <= 400 AS short
  FROM querywatch.all_findings;
-- a statement that is slow and spills counts once
UPDATE querywatch.thresholds SET value = 0 WHERE name LIKE 'slow_statement%';
SELECT kind, evidence ~ 'part of' AS part, count(*)
  FROM querywatch.findings WHERE query LIKE 'SELECT count(*) FROM (SELECT note, amount FROM orders%'
 GROUP BY kind, part ORDER BY kind;
UPDATE querywatch.thresholds
   SET value = CASE name WHEN 'slow_statement_floor' THEN 20
                         WHEN 'slow_statement_p95' THEN 500
                         WHEN 'slow_statement_share' THEN 0.1 ELSE 1000 END
 WHERE name LIKE 'slow_statement%';

-- who may not see the statements sees that there is something
CREATE ROLE regress_querywatch_findings;
SET ROLE regress_querywatch_findings;
SELECT count(*) > 10 AS some,
       count(queryid) + count(parent_queryid) + count(evidence) +
       count(suggestion) + count(rewrite) + count(route) +
       count(parent_query) AS told,
       bool_and(query = '<insufficient privilege>') AS hidden
  FROM querywatch.findings WHERE rolname <> current_user;
UPDATE querywatch.thresholds SET value = 0;
RESET ROLE;
DROP ROLE regress_querywatch_findings;

-- what is ignored is still there, apart
SELECT queryid FROM querywatch.findings WHERE kind = 'row_by_row_insert' \gset
SELECT querywatch.ignore(:queryid, 'imported by hand');
SELECT count(*) FROM querywatch.findings WHERE kind = 'row_by_row_insert';
SELECT kind, executions, ignored FROM querywatch.all_findings WHERE ignored IS NOT NULL;
SELECT querywatch.unignore(:queryid);
SELECT count(*) FROM querywatch.findings WHERE kind = 'row_by_row_insert';

DROP SCHEMA shop CASCADE;
-- of tables that are gone, what is left to say
SELECT count(*) > 5 AS some, count(rewrite) FILTER (WHERE kind <> 'temp_spill') AS rewrites
  FROM querywatch.findings WHERE datname = current_database();
DROP FUNCTION public.spill;
DROP FUNCTION public.found;
SELECT querywatch.reset() IS NOT NULL AS reset,
       querywatch.reset_patterns() IS NOT NULL AS reset_patterns;

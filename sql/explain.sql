--
-- explain(): what it plans, as whom, and what it leaves behind
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;

SET jit = off;
SET enable_bitmapscan = off;
CREATE SCHEMA shop;
SET search_path = shop, public;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item ' || i FROM generate_series(1, 1000) AS i;
ANALYZE item;

-- the plan without its costs, and what is told of an error
CREATE FUNCTION plan_of(slow_id bigint, "analyze" boolean DEFAULT false) RETURNS SETOF text LANGUAGE plpgsql AS $$
DECLARE
  hint text;
BEGIN
  RETURN QUERY SELECT regexp_replace(line, ' *\(cost=.*?\)( \(actual.*)?$', CASE WHEN $2 THEN ', ran' ELSE '' END)
                 FROM querywatch.explain($1, $2) AS line WHERE line !~ '^(Planning|Execution) Time|^ *(Buffers|Index Searches): ';
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS hint = PG_EXCEPTION_HINT;
  RETURN QUERY VALUES (regexp_replace(SQLERRM, '\d+', 'N')), (left(hint, 60));
END $$;

-- utility statements: the query in them
SELECT querywatch.reset_slow();
PREPARE prepared (int) AS SELECT name FROM item WHERE id = $1;
SET pg_querywatch.slow_threshold = 0;
CREATE TABLE made AS SELECT name FROM item WHERE id = 1;
SELECT name INTO made_into FROM item WHERE id = 2 UNION ALL SELECT name FROM item WHERE id = 3;
CREATE TEMP TABLE made_prepared AS EXECUTE prepared (4);
CREATE MATERIALIZED VIEW seen AS SELECT name FROM item WHERE id = 5;
REFRESH MATERIALIZED VIEW seen;
BEGIN;
DECLARE c CURSOR FOR SELECT name FROM item ORDER BY id;
COMMIT;
COPY (SELECT name FROM item WHERE id = 6) TO STDOUT;
COPY made TO STDOUT;
EXPLAIN (COSTS OFF) SELECT name FROM item WHERE id = 7;
EXPLAIN (COSTS OFF) CREATE TABLE never AS SELECT name FROM item WHERE id = 8;
EXPLAIN (COSTS OFF) EXECUTE prepared (9);
VACUUM item;
SET pg_querywatch.slow_threshold = -1;
CREATE TEMP TABLE slow AS
SELECT id, query FROM querywatch.slow_statements WHERE query !~ 'slow_threshold|BEGIN|COMMIT' AND toplevel ORDER BY id;
SELECT query, plan_of(id) FROM slow ORDER BY id;
-- with "analyze", a SELECT in them is run, and nothing is made
SELECT query, plan_of(id, true) FROM slow WHERE query ~ 'AS SELECT|INTO|COPY|DECLARE|EXECUTE' ORDER BY id;
SELECT to_regclass('never') AS never, count(*) FROM pg_cursors WHERE name = 'c';
-- gone meanwhile
DROP MATERIALIZED VIEW seen;
DROP TABLE made, made_into;
DEALLOCATE prepared;
SELECT query, plan_of(id) FROM slow WHERE query ~ 'seen|INTO|TABLE made AS|prepared' ORDER BY id;
SELECT to_regclass('seen') AS seen, to_regclass('made') AS made;

-- in the search_path that the statement had
SET search_path = public;
SELECT shop.plan_of(id) FROM slow WHERE query ~ 'INTO' LIMIT 1;
SELECT querywatch.reset_slow();
SET search_path = shop;
SET pg_querywatch.slow_threshold = 0;
SELECT name FROM item WHERE id = 10;
SET pg_querywatch.slow_threshold = -1;
SET search_path = public;
SELECT shop.plan_of(id) FROM querywatch.slow_statements WHERE query ~ 'item WHERE';
SHOW search_path;
-- temporary tables of who asks do not come before it
CREATE TEMP TABLE item (id int, name text);
SELECT shop.plan_of(id) FROM querywatch.slow_statements WHERE query ~ 'item WHERE';
DROP TABLE item;
SET search_path = shop, public;

-- REFRESH plans as the view's owner: with the functions of a view, a role
-- gets no more rights than REFRESH gives it
CREATE ROLE regress_explain_owner;
CREATE ROLE regress_explain_other;
GRANT USAGE, CREATE ON SCHEMA shop TO regress_explain_owner, regress_explain_other;
CREATE TABLE called (by name);
GRANT ALL ON called, item TO PUBLIC;
SET ROLE regress_explain_owner;
CREATE FUNCTION who() RETURNS text LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN
  RAISE INFO 'planned as %, read only %', current_user, current_setting('transaction_read_only');
  RETURN 'item 1';
END $$;
CREATE FUNCTION really_writes() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  INSERT INTO shop.called VALUES (current_user);
  RETURN 'item 1';
END $$;
CREATE FUNCTION really_makes() RETURNS text LANGUAGE plpgsql AS $$ BEGIN
  CREATE TEMP TABLE trap (a int);
  RETURN 'item 1';
END $$;
CREATE FUNCTION writes() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN shop.really_writes(); END';
CREATE FUNCTION makes() RETURNS text LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN shop.really_makes(); END';
CREATE MATERIALIZED VIEW seen AS SELECT id FROM item WHERE name = who();
RESET ROLE;
SELECT querywatch.reset_slow();
SET pg_querywatch.slow_threshold = 0;
REFRESH MATERIALIZED VIEW seen;
SET ROLE regress_explain_other;
\set VERBOSITY sqlstate
REFRESH MATERIALIZED VIEW seen;
\set VERBOSITY default
SELECT who();
SELECT name FROM item WHERE name = writes();
SELECT name FROM item WHERE name = makes();
RESET ROLE;
DROP TABLE trap;
SET pg_querywatch.slow_threshold = -1;
SELECT outcome, rolname = current_user AS own, plan_of(id) FROM querywatch.slow_statements
 WHERE query ~ 'REFRESH|who|writes|makes' AND toplevel ORDER BY id;
SELECT current_user = session_user AS same_user, current_setting('transaction_read_only') AS read_only, current_setting('search_path') AS search_path;

-- an error in it, in a subtransaction: the transaction goes on as it was
SELECT id AS writes FROM querywatch.slow_statements WHERE query ~ 'writes' AND toplevel \gset
BEGIN;
SET LOCAL work_mem = '1MB';
SAVEPOINT s;
SELECT querywatch.explain(:writes);
ROLLBACK TO s;
SELECT current_user = session_user AS same_user, current_setting('transaction_read_only') AS read_only,
       current_setting('search_path') AS search_path, current_setting('work_mem') AS work_mem, current_setting('pg_querywatch.track') AS track;
INSERT INTO called VALUES ('after');
CREATE TEMP TABLE unrestricted (a int);
SET LOCAL ROLE regress_explain_other;
COMMIT;
DO $$
BEGIN
  BEGIN
    PERFORM querywatch.explain((SELECT id FROM querywatch.slow_statements WHERE query ~ 'writes' AND toplevel ORDER BY id LIMIT 1));
  EXCEPTION WHEN read_only_sql_transaction THEN
    RAISE INFO 'refused: %, read only %, same user %', SQLERRM, current_setting('transaction_read_only'), current_user = session_user;
  END;
  INSERT INTO shop.called VALUES ('after');
END $$;
SELECT * FROM called;

-- the role is gone
DROP OWNED BY regress_explain_other;
DROP ROLE regress_explain_other;
SELECT DISTINCT plan_of(id) FROM querywatch.slow_statements WHERE rolname IS NULL AND query ~ 'who|writes';

-- the name of a prepared statement is one of its session
SELECT querywatch.reset_slow();
PREPARE mine AS SELECT 1;
SET pg_querywatch.slow_threshold = 0;
EXPLAIN (COSTS OFF) EXECUTE mine;
SET pg_querywatch.slow_threshold = -1;
\c -
PREPARE mine AS SELECT 2 WHERE false;
SELECT query, shop.plan_of(id) FROM querywatch.slow_statements WHERE query ~ 'EXECUTE mine';

SELECT querywatch.reset_slow();
RESET ALL;
SET client_min_messages = warning;
DROP SCHEMA shop CASCADE;
DROP OWNED BY regress_explain_owner;
DROP ROLE regress_explain_owner;

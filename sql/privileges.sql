--
-- What a role without pg_read_all_stats sees of others: that they were there,
-- and nothing of what they said
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE ROLE regress_qw_alice;
CREATE ROLE regress_qw_bob;
CREATE ROLE regress_qw_monitor IN ROLE pg_read_all_stats;
CREATE TABLE author (id int PRIMARY KEY, name text);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author, title text);
INSERT INTO author SELECT i, 'author ' || i FROM generate_series(1, 10) AS i;
GRANT SELECT ON author, post TO regress_qw_alice, regress_qw_bob;

-- alice: a statement, slow ones, and a repeat, with what is hers in each
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_slow(), querywatch.reset_patterns() IS NOT NULL AS patterns;
DISCARD ALL;
SET pg_querywatch.repeat_gap = '1min';
SET pg_querywatch.slow_threshold = 0;
SET application_name = 'regress privileges';
SET ROLE regress_qw_alice;
PREPARE secret (text) AS SELECT name FROM author WHERE name = $1 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
EXECUTE secret ('secret value');
BEGIN;
\o /dev/null
SELECT id, name FROM author ORDER BY id /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 1 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 2 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 3 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 4 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 5 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
SELECT title FROM post WHERE author_id = 6 /*route='secret route',traceparent='00-00000000000000000000000000abcdef-00f067aa0ba902b7-01'*/;
\o
COMMIT;
RESET ROLE;
DISCARD ALL;
SELECT id AS slow_id FROM querywatch.slow_statements WHERE query ~ 'PREPARE secret' \gset
SELECT queryid AS secret_queryid FROM querywatch.statements WHERE query ~ 'PREPARE secret' \gset

-- each looks for what is alice's
\getenv srcdir PG_ABS_SRCDIR
\set look :srcdir '/sql/include/privileges.inc'
\set ECHO none
\echo alice
SET ROLE regress_qw_alice;
\i :look
\echo bob
SET ROLE regress_qw_bob;
\i :look
\echo monitor
SET ROLE regress_qw_monitor;
\i :look
\echo superuser
RESET ROLE;
\i :look
\set ECHO all

-- nothing of hers anywhere in what bob can read
SET ROLE regress_qw_bob;
SELECT count(*) FROM querywatch.statements AS s WHERE s::text ~ 'secret|author' AND userid = 'regress_qw_alice'::regrole;
SELECT count(*) FROM querywatch.slow_statements AS s WHERE s::text ~ 'secret|author|abcdef' AND rolname = 'regress_qw_alice';
SELECT count(*) FROM querywatch.slow_summary AS s WHERE s::text ~ 'secret|author' AND rolname = 'regress_qw_alice';
SELECT count(*) FROM querywatch.repeated_statements AS s WHERE s::text ~ 'secret|author|post|abcdef' AND rolname = 'regress_qw_alice';
SELECT count(*) FROM querywatch.statements(true) AS s WHERE s::text ~ 'secret|author' AND userid = 'regress_qw_alice'::regrole;
SELECT count(*) FROM querywatch.slow_statements() AS s WHERE s::text ~ 'secret|author' AND userid = 'regress_qw_alice'::regrole;
SELECT count(*) FROM querywatch.repeated_statements() AS s WHERE s::text ~ 'secret|author|post' AND userid = 'regress_qw_alice'::regrole;
SELECT count(*) FROM querywatch.latency_histogram(:secret_queryid);
\set VERBOSITY sqlstate
SELECT querywatch.explain(:slow_id);
RESET ROLE;
SELECT count(*) > 0 AS histogram FROM querywatch.latency_histogram(:secret_queryid);

-- as the monitor: with the caller's rights on what it names
SET ROLE regress_qw_monitor;
SELECT querywatch.explain(:slow_id);
-- what changes anything is not for everybody
SET ROLE regress_qw_bob;
SELECT querywatch.reset();
SELECT querywatch.reset(minmax_only => true);
SELECT querywatch.reset_slow();
SELECT querywatch.reset_patterns();
CREATE TABLE querywatch.mine (id int);
\set VERBOSITY default
RESET ROLE;
SELECT p.oid::regprocedure AS function
  FROM pg_proc AS p
 WHERE p.pronamespace = 'querywatch'::regnamespace
   AND NOT has_function_privilege('regress_qw_bob', p.oid, 'EXECUTE')
 ORDER BY p.proname COLLATE "C";
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'querywatch'::regnamespace AND c.relkind = 'v'
   AND NOT has_table_privilege('regress_qw_bob', c.oid, 'SELECT');
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'querywatch'::regnamespace
   AND has_table_privilege('regress_qw_bob', c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE');
-- but it can be granted
GRANT EXECUTE ON FUNCTION querywatch.reset_slow() TO regress_qw_bob;
SET ROLE regress_qw_bob;
SELECT querywatch.reset_slow();
RESET ROLE;
REVOKE EXECUTE ON FUNCTION querywatch.reset_slow() FROM regress_qw_bob;

-- every object says what it is
SELECT c.relname FROM pg_class AS c
 WHERE c.relnamespace = 'querywatch'::regnamespace AND c.relkind IN ('r', 'v')
   AND obj_description(c.oid, 'pg_class') IS NULL;
SELECT p.oid::regprocedure FROM pg_proc AS p
 WHERE p.pronamespace = 'querywatch'::regnamespace AND obj_description(p.oid, 'pg_proc') IS NULL;

-- a statement is planned with the rights of the role that ran it: its
-- functions may be traps
CREATE SCHEMA regress_qw_trap AUTHORIZATION regress_qw_alice;
SET pg_querywatch.slow_threshold = 0;
SET ROLE regress_qw_alice;
CREATE FUNCTION regress_qw_trap.spring() RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN RAISE NOTICE ''sprung as %'', current_user; RETURN 1; END';
SELECT 'bait' AS "bait" WHERE regress_qw_trap.spring() = 1;
RESET ROLE;
SET pg_querywatch.slow_threshold = -1;
SELECT id AS bait FROM querywatch.slow_statements WHERE query ~ '"bait"' LIMIT 1 \gset
SELECT querywatch.explain(:bait);
SELECT current_user = session_user AS back;
SET ROLE regress_qw_monitor;
\set VERBOSITY sqlstate
SELECT querywatch.explain(:bait);
\set VERBOSITY default
RESET ROLE;
DROP SCHEMA regress_qw_trap CASCADE;
SELECT querywatch.reset_slow();

SELECT querywatch.reset_patterns() IS NOT NULL AS patterns;
DROP TABLE author, post;
DROP ROLE regress_qw_alice, regress_qw_bob, regress_qw_monitor;

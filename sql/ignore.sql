--
-- ignore() and unignore(): statements that may be repeated
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
CREATE TABLE ignore_item (id int PRIMARY KEY, name text);
INSERT INTO ignore_item SELECT i, 'x' FROM generate_series(1, 20) AS i;
SELECT querywatch.reset() IS NOT NULL AS reset, querywatch.reset_patterns() IS NOT NULL AS patterns;
SELECT format('ALTER DATABASE %I SET pg_querywatch.repeat_gap = ''1min''', current_database()) \gexec
CREATE ROLE regress_qw_ignorer;
GRANT SELECT ON ignore_item TO regress_qw_ignorer;
\c -
\set SHOW_CONTEXT never
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;

-- it acts
BEGIN;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
ROLLBACK;

-- what ignore() refuses, and what it says
SELECT querywatch.ignore(NULL, 'x');
SELECT querywatch.ignore(0, 'x');
SELECT querywatch.ignore(1, NULL);
SELECT querywatch.ignore(1, E' \n');
\set VERBOSITY sqlstate
SELECT querywatch.ignore(1);
\set VERBOSITY default
SELECT querywatch.ignore(1, 'not seen yet');
SELECT querywatch.unignore(1);
SELECT querywatch.unignore(1);
SELECT querywatch.unignore(NULL);

-- ignored, it does not act, also at once
SELECT queryid AS id FROM querywatch.statements WHERE query = 'SELECT name FROM ignore_item WHERE id = $1' \gset
SELECT querywatch.ignore(:id, '  the page of three, see the wiki ');
SELECT queryid = :id AS queryid, query, reason, ignored_by = current_user AS by, ignored_at > now() - interval '1min' AS at FROM querywatch.ignored;
BEGIN;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
SELECT name FROM ignore_item WHERE id = 4;
COMMIT;
DISCARD ALL;
-- for nothing but this statement
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT name, id FROM ignore_item WHERE id = 1;
SELECT name, id FROM ignore_item WHERE id = 2;
SELECT name, id FROM ignore_item WHERE id = 3;
ROLLBACK;
-- in a transaction that began before it was ignored, read-only and serializable
SELECT querywatch.unignore(:id);
BEGIN ISOLATION LEVEL SERIALIZABLE READ ONLY;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
\setenv PGDATABASE :DBNAME
\! psql -X -q -At -c "SELECT 'ignored' || querywatch.ignore(queryid, 'in another session') FROM querywatch.statements WHERE query = 'SELECT name FROM ignore_item WHERE id = \$1'"
SELECT name FROM ignore_item WHERE id = 3;
COMMIT;
DISCARD ALL;

-- what is found is counted all the same, and the view says why it is ignored
SELECT kind, bursts, executions, ignored, query FROM querywatch.repeated_statements WHERE datname = current_database() ORDER BY query COLLATE "C";
-- known by its text, where the queryid is another: as after a restore
UPDATE querywatch.ignored SET queryid = 4711;
SELECT count(*), min(query) FROM querywatch.repeated_statements WHERE ignored = 'in another session';
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
COMMIT;
-- only in this database
SELECT count(*) FROM querywatch.repeated_statements WHERE ignored IS NOT NULL AND datname <> current_database();
-- put on the list again, it is there once
SELECT querywatch.ignore(:id, 'restored');
SELECT queryid = :id AS queryid, reason FROM querywatch.ignored;
-- off the list, it acts again
UPDATE querywatch.ignored SET queryid = 4711;
SELECT querywatch.unignore(:id);
DISCARD ALL;
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
ROLLBACK;
-- a text that was cut stands for nothing but its queryid
SET pg_querywatch.query_max_length = 128;
SELECT name, 'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx' AS "a very long name for a column that makes this text longer", id AS "and another very long name that nobody would want" FROM ignore_item WHERE id = 1;
SELECT querywatch.ignore(queryid, 'long') FROM querywatch.statements WHERE query ~ 'a very long name';
SELECT query IS NULL AS cut, reason FROM querywatch.ignored;
RESET pg_querywatch.query_max_length;
DELETE FROM querywatch.ignored;

-- whose business it is
SET ROLE regress_qw_ignorer;
SELECT querywatch.ignore(1, 'x');
SELECT querywatch.unignore(1);
SELECT * FROM querywatch.ignored;
INSERT INTO querywatch.ignored VALUES (1, NULL, 'x', 'x', now());
RESET ROLE;
GRANT EXECUTE ON FUNCTION querywatch.ignore(bigint, text) TO regress_qw_ignorer;
GRANT EXECUTE ON FUNCTION querywatch.unignore(bigint) TO regress_qw_ignorer;
SET ROLE regress_qw_ignorer;
SELECT querywatch.ignore(:id, 'by another');
RESET ROLE;
SELECT queryid = :id AS queryid, reason, ignored_by FROM querywatch.ignored;
-- the list counts for those too who may not read it
SET ROLE regress_qw_ignorer;
SELECT reason FROM querywatch.ignored;
BEGIN;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
COMMIT;
SELECT querywatch.unignore(:id);
RESET ROLE;
DISCARD ALL;

-- without the extension, and with a table of that name which is another
SET pg_querywatch.on_repeat = error;
SET pg_querywatch.repeat_threshold = 3;
BEGIN;
DROP EXTENSION pg_querywatch;
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SAVEPOINT s;
SELECT name FROM ignore_item WHERE id = 3;
ROLLBACK TO s;
CREATE SCHEMA querywatch;
CREATE TABLE querywatch.ignored (queryid text, query bigint);
SELECT name FROM ignore_item WHERE id = 1;
SELECT name FROM ignore_item WHERE id = 2;
SELECT name FROM ignore_item WHERE id = 3;
ROLLBACK;

DISCARD ALL;
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;
SELECT format('ALTER DATABASE %I RESET pg_querywatch.repeat_gap', current_database()) \gexec
DROP TABLE ignore_item;
REVOKE ALL ON FUNCTION querywatch.ignore(bigint, text), querywatch.unignore(bigint) FROM regress_qw_ignorer;
DROP ROLE regress_qw_ignorer;

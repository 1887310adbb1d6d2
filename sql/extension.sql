--
-- The extension itself: created, dropped, created again while it records
--
SET client_min_messages = warning;
DROP EXTENSION IF EXISTS pg_querywatch;
RESET client_min_messages;

-- its schema is fixed
CREATE SCHEMA regress_qw_elsewhere;
CREATE EXTENSION pg_querywatch SCHEMA regress_qw_elsewhere;
CREATE EXTENSION pg_querywatch;
ALTER EXTENSION pg_querywatch SET SCHEMA regress_qw_elsewhere;
DROP SCHEMA regress_qw_elsewhere;
SELECT extversion, extrelocatable, nspname
  FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace WHERE extname = 'pg_querywatch';
SELECT version ~ '^\d+\.\d+' AS version, statements <= statements_limit AS statements,
       text_bytes BETWEEN 0 AND text_limit AS texts, shared_bytes > text_limit AS shared FROM querywatch.info;

-- what it consists of
SELECT object FROM (
  SELECT CASE WHEN d.classid = 'pg_proc'::regclass THEN d.objid::regprocedure::text
              ELSE pg_describe_object(d.classid, d.objid, 0) END AS object
    FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
   WHERE e.extname = 'pg_querywatch' AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e') AS s
 WHERE object !~ '^type '
 ORDER BY object COLLATE "C";

-- views are as the design says
SELECT attrelid::regclass AS view, string_agg(attname, ', ' ORDER BY attnum) AS columns
  FROM pg_attribute
 WHERE attnum > 0 AND NOT attisdropped
   AND attrelid IN (SELECT oid FROM pg_class WHERE relnamespace = 'querywatch'::regnamespace AND relkind = 'v')
 GROUP BY attrelid ORDER BY attrelid::regclass::text COLLATE "C" \g (format=unaligned)

-- recording goes on without it
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT initcap('with');
DROP EXTENSION pg_querywatch;
SELECT initcap('without');
\set VERBOSITY sqlstate
SELECT querywatch.reset();
\set VERBOSITY default
CREATE EXTENSION pg_querywatch;
SELECT initcap('with again');
SELECT calls, query FROM querywatch.statements WHERE query ~ 'initcap' AND query !~ 'querywatch';
SELECT calls, query FROM querywatch.statements WHERE query ~ '(DROP|CREATE) EXTENSION pg_querywatch' ORDER BY query COLLATE "C";

-- dropped by a function, in the middle of a cursor, within a transaction
BEGIN;
DECLARE c CURSOR FOR SELECT query IS NULL FROM querywatch.statements;
\o /dev/null
FETCH 1 FROM c;
\o
DO 'BEGIN EXECUTE ''DROP EXTENSION pg_querywatch''; END';
CLOSE c;
DO 'BEGIN EXECUTE ''DROP EXTENSION pg_querywatch''; END';
ROLLBACK;
SELECT count(*) > 0 AS here FROM querywatch.statements;

-- it cannot be dropped under what depends on it
CREATE VIEW regress_qw_depends AS SELECT calls FROM querywatch.statements;
DROP EXTENSION pg_querywatch;
DROP VIEW regress_qw_depends;

-- the schema goes with it; one that somebody else prepared is refused
DROP EXTENSION pg_querywatch;
SELECT to_regnamespace('querywatch') IS NULL AS schema_gone;
CREATE ROLE regress_qw_trapper;
CREATE SCHEMA querywatch AUTHORIZATION regress_qw_trapper;
\set SHOW_CONTEXT never
CREATE EXTENSION pg_querywatch;
\set SHOW_CONTEXT errors
DROP SCHEMA querywatch;
DROP ROLE regress_qw_trapper;
CREATE EXTENSION pg_querywatch;
SELECT count(*) > 0 AS again FROM querywatch.statements;

-- A recorded statement is analysed again as it was analysed when it ran, or
-- not at all.
SET client_min_messages = warning;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT querywatch.reset_patterns() IS NOT NULL AS reset, querywatch.reset_slow();
CREATE SCHEMA regress_qw_first;
CREATE SCHEMA regress_qw_second;
SET search_path = regress_qw_first, regress_qw_second, public;
CREATE TABLE regress_qw_second.visits (id int PRIMARY KEY, at date, note numeric);
INSERT INTO visits SELECT i, date '2020-01-01' + i, i FROM generate_series(1, 100) AS i;
CREATE FUNCTION regress_qw_second.twice(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN $1 * 2;

CREATE VIEW rewrites AS
SELECT query, rewrite FROM querywatch.findings
 WHERE kind = 'repeated_lookup' ORDER BY query COLLATE "C";

BEGIN;
SELECT format('SELECT note FROM visits WHERE at = date %L', date '2020-01-01' + i)
  FROM generate_series(1, 8) AS i \gexec
SELECT format('SELECT at FROM visits WHERE id = %s AND at > now() - interval ''%s'' day', i, i)
  FROM generate_series(1, 8) AS i \gexec
SELECT format('SELECT id FROM visits WHERE note = %s.0 AND twice(id) > 0', i)
  FROM generate_series(1, 8) AS i \gexec
COMMIT;
SET pg_querywatch.slow_threshold = 0;
SELECT twice(id) FROM visits WHERE id = 7;
RESET pg_querywatch.slow_threshold;
SELECT id AS slow FROM querywatch.slow_statements WHERE query ~ '^SELECT twice' \gset

-- in another search_path the rewrites and the plan are the same
\pset format unaligned
\t on
SET search_path = public;
SELECT * FROM regress_qw_first.rewrites;
SELECT * FROM querywatch.explain(:slow) WHERE explain !~ 'rows=' OR explain ~ 'Index Scan';

-- a function of the same name comes before the one that ran
CREATE FUNCTION regress_qw_first.twice(int) RETURNS int IMMUTABLE LANGUAGE sql RETURN $1 * 3;
SELECT query FROM regress_qw_first.rewrites WHERE rewrite IS NULL;
SELECT count(*) FROM querywatch.explain(:slow);
DROP FUNCTION regress_qw_first.twice(int);
SELECT count(*) FROM regress_qw_first.rewrites WHERE rewrite IS NULL;

-- so does a table
CREATE TABLE regress_qw_first.visits (LIKE regress_qw_second.visits);
SELECT count(*) FROM regress_qw_first.rewrites WHERE rewrite IS NULL;
SELECT count(*) FROM querywatch.explain(:slow);
DROP TABLE regress_qw_first.visits;

-- and a column has another type
ALTER TABLE regress_qw_second.visits ALTER COLUMN note TYPE float8;
SELECT query FROM regress_qw_first.rewrites WHERE rewrite IS NULL;

DROP SCHEMA regress_qw_first, regress_qw_second CASCADE;
SELECT querywatch.reset() IS NOT NULL AS reset;
SELECT querywatch.reset_patterns() IS NOT NULL AS reset, querywatch.reset_slow();

-- a utility statement too has the search_path that it ran with
CREATE SCHEMA regress_qw_first;
SET search_path = regress_qw_first, public;
CREATE TABLE regress_qw_first.visits (id int);
SET pg_querywatch.slow_threshold = 0;
CREATE TABLE copied AS SELECT id FROM visits;
RESET pg_querywatch.slow_threshold;
SET search_path = public;
SELECT id AS slow FROM querywatch.slow_statements WHERE query ~ '^CREATE TABLE copied' \gset
SELECT count(*) FROM querywatch.explain(:slow) WHERE explain ~ 'Scan on visits';
DROP SCHEMA regress_qw_first CASCADE;
SELECT querywatch.reset_slow();

-- nor is there an index for a role that may not read the table any more, of a
-- statement whose text cannot be analysed
CREATE ROLE regress_qw_reader;
GRANT USAGE ON SCHEMA public TO regress_qw_reader;
CREATE TABLE public.large AS SELECT i AS id, i % 1000 AS kind FROM generate_series(1, 60000) AS i;
ANALYZE public.large;
GRANT SELECT ON public.large TO regress_qw_reader;
SET max_parallel_workers_per_gather = 0;
SET ROLE regress_qw_reader;
PREPARE by_kind (int) AS SELECT count(*) FROM public.large WHERE kind = $1;
EXECUTE by_kind (1);
EXECUTE by_kind (2);
EXECUTE by_kind (3);
EXECUTE by_kind (4);
RESET ROLE;
SELECT rewrite FROM querywatch.findings WHERE kind = 'missing_index';
REVOKE SELECT ON public.large FROM regress_qw_reader;
SELECT rewrite IS NULL AS none FROM querywatch.findings WHERE kind = 'missing_index';
DEALLOCATE by_kind;
DROP TABLE public.large;
REVOKE USAGE ON SCHEMA public FROM regress_qw_reader;
DROP ROLE regress_qw_reader;

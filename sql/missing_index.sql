--
-- missing_index: what is said of a scan that was run
--
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
SET pg_querywatch.track = 'top';
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE SCHEMA scans;
SET search_path = scans, public;
SET client_min_messages = warning;

CREATE FUNCTION scans(text DEFAULT '%') RETURNS TABLE
    (query text, why text, suggestion text, rewrite text)
LANGUAGE sql AS $$
  SELECT f.query, substring(f.evidence FROM '(?:execution|executions) looked at\); (.*?)(?:; [0-9.]+ (?:us|ms|s) of that.*)?$'),
         f.suggestion, f.rewrite
    FROM querywatch.findings AS f
   WHERE f.kind = 'missing_index' AND f.datname = current_database()
     AND f.query LIKE $1
   ORDER BY f.query COLLATE "C"
$$;

CREATE TABLE typed (id bigint PRIMARY KEY, small smallint, day date, at timestamptz,
                    code char(8), name varchar, price numeric, todo boolean, note text, doc jsonb);
INSERT INTO typed
  SELECT i, i % 30000, '2000-01-01'::date + i % 5000, '2000-01-01'::timestamptz + i * interval '1 min',
         i, i, i, i % 5000 = 0, i, jsonb_build_object('k', i)
    FROM generate_series(1, 30000) AS i;
CREATE INDEX typed_small_index ON typed (small);
ANALYZE typed;
\pset null none
\x on

-- values with a type written before them, functions of the time, a boolean
\o /dev/null
SELECT count(*) FROM typed WHERE at >= timestamptz '2100-01-01';
SELECT count(*) FROM typed WHERE at >= now() - interval '1 day';
SELECT count(*) FROM typed WHERE day > current_date - 1;
SELECT count(*) FROM typed WHERE todo;
SELECT count(*) FROM typed WHERE NOT todo AND note = '7';
SELECT count(*) FROM typed WHERE doc ->> 'k' = '5';
\o
SELECT * FROM scans();

-- a value of another type than the column: no index, but why there is none
SELECT querywatch.reset() IS NOT NULL AS reset;
PREPARE by_number(numeric) AS SELECT count(*) FROM typed WHERE id = $1;
PREPARE by_list(numeric[]) AS SELECT count(*) FROM typed WHERE id = ANY ($1);
PREPARE by_float(float8) AS SELECT count(*) FROM typed WHERE small = $1;
PREPARE by_text(text) AS SELECT count(*) FROM typed WHERE code = $1;
PREPARE by_int(int) AS SELECT count(*) FROM typed WHERE small = $1;
\o /dev/null
EXECUTE by_number(5);
EXECUTE by_list('{5,6}');
EXECUTE by_float(5);
EXECUTE by_text('5');
EXECUTE by_int(5);
SELECT count(*) FROM typed WHERE id = 7.5;
SELECT count(*) FROM typed WHERE id = 7.5 AND note = 'x';
\o
SELECT * FROM scans();

-- nothing where an index could do nothing, or is there by now
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT count(*) FROM typed WHERE note LIKE '%x%';
SELECT count(*) FROM typed WHERE length(note) + random() = 3;
SELECT count(*) FROM typed WHERE note = '7';
SELECT count(*) FROM typed WHERE price = 7;
\o
SELECT query, rewrite FROM scans();
CREATE INDEX ON typed (note);
CREATE INDEX ON typed (price) WHERE price > 5;
\o /dev/null
SELECT count(*) FROM typed WHERE price = 3;
\o
SELECT query, rewrite FROM scans();

-- what inherits, what is too wide
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TABLE parent (id int, note text);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT i, (SELECT string_agg(md5(i || '.' || j), '') FROM generate_series(1, 40) AS j)
  FROM generate_series(1, 12000) AS i;
ANALYZE child;
\o /dev/null
SELECT count(*) FROM parent WHERE id = 3;
SELECT count(*) FROM child WHERE note = 'x';
SELECT count(*) FROM child WHERE note > 'x';
SELECT count(*) FROM child WHERE note > 'x' AND id = 3;
\o
SELECT * FROM scans();
-- each of them can be made, and that is that
SELECT replace(rewrite, 'CONCURRENTLY ', '') FROM scans() WHERE rewrite IS NOT NULL \gexec
SELECT query, rewrite FROM scans();

-- of another database what was measured there, and nothing else
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE DATABASE regress_querywatch_other;
SELECT current_database() AS here \gset
\c regress_querywatch_other
SET max_parallel_workers_per_gather = 0;
CREATE TABLE big AS SELECT i, i % 10 AS few, 'x' || i AS body FROM generate_series(1, 30000) AS i;
ANALYZE big;
\o /dev/null
SELECT count(*) FROM big WHERE body LIKE '%y%';
SELECT count(*) FROM big WHERE i = 5;
\o
\c :here
SELECT query, regexp_replace(evidence, '; [0-9.]+ (us|ms|s) of that.*', '') AS evidence, suggestion, rewrite
  FROM querywatch.findings
 WHERE kind = 'missing_index' AND datname = 'regress_querywatch_other';
SELECT sum(substring(line FROM '\d+$')::int) AS counted
  FROM regexp_split_to_table(querywatch.prometheus(), E'\n') AS line
 WHERE line LIKE 'pg_querywatch_findings{%missing_index%';

-- what a nested statement took, the one that calls it has taken
\c regress_querywatch_other
CREATE FUNCTION calls() RETURNS void LANGUAGE plpgsql
    AS $$ BEGIN PERFORM count(*) FROM big WHERE few = 77; END $$;
\c :here
SELECT querywatch.reset() IS NOT NULL AS reset;
\c regress_querywatch_other
SET pg_querywatch.track = 'all';
SET max_parallel_workers_per_gather = 0;
SELECT calls();
\c :here
UPDATE querywatch.thresholds SET value = 0 WHERE name LIKE 'slow_statement%';
SELECT kind, query, substring(evidence FROM 'of that is (part of .*)') AS part
  FROM querywatch.findings WHERE datname = 'regress_querywatch_other'
 ORDER BY kind COLLATE "C";
SELECT sum(f.time_lost) <= sum(s.total_exec_time) + 0.001 AS together
  FROM (SELECT sum(time_lost) AS time_lost FROM querywatch.findings
         WHERE datname = 'regress_querywatch_other') AS f,
       (SELECT sum(total_exec_time) AS total_exec_time FROM querywatch.statements
         WHERE toplevel AND dbid = (SELECT oid FROM pg_database WHERE datname = 'regress_querywatch_other')) AS s;
UPDATE querywatch.thresholds
   SET value = CASE name WHEN 'slow_statement_floor' THEN 20
                         WHEN 'slow_statement_p95' THEN 500
                         WHEN 'slow_statement_share' THEN 0.1 ELSE 1000 END
 WHERE name LIKE 'slow_statement%';
DROP DATABASE regress_querywatch_other;

SET client_min_messages = warning;
DROP SCHEMA scans CASCADE;
SELECT querywatch.reset() IS NOT NULL AS reset;

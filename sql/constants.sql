--
-- No constant stays in a kept text, wherever it was
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET jit = off;

-- kept texts of this database that hold what stands for a value: 7531, in
-- numbers, strings and bit strings
CREATE TEMP VIEW leaks AS
  SELECT query FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query ~ '7531|7 531|0111010110111' AND query !~ 'leaks|CREATE (TYPE|DOMAIN|FUNCTION)';
CREATE TEMP VIEW seen AS
  SELECT * FROM querywatch.statements
   WHERE dbid = (SELECT oid FROM pg_database WHERE datname = current_database())
     AND query !~ 'querywatch\.|\mseen\M|\mleaks\M';

CREATE DOMAIN int_list AS int[];
CREATE TYPE pair AS (a int, b text);
CREATE TABLE thing (id int PRIMARY KEY, a int, b text, n numeric(10,2), tags int[], at timestamptz);
INSERT INTO thing VALUES (1, 7531, '7531', 7531, '{7531}', '2026-01-01');
CREATE FUNCTION shift(i int, by int = 0) RETURNS int LANGUAGE sql IMMUTABLE RETURN i + by;
CREATE FUNCTION rows_of(i int) RETURNS SETOF record LANGUAGE sql AS 'SELECT i, i::numeric';
CREATE PROCEDURE work_on(i int, t text) LANGUAGE plpgsql AS 'BEGIN END';

-- a server without libxml cannot run XMLTABLE
CREATE FUNCTION pg_temp.has_xml() RETURNS bool LANGUAGE plpgsql AS $$
BEGIN
  PERFORM xmlparse(CONTENT '<a/>');
  RETURN true;
EXCEPTION WHEN feature_not_supported THEN
  RETURN false;
END $$;
SELECT pg_temp.has_xml() \gset

-- of equal expressions the parser keeps one, and the text has them all
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT id, '{7531}'::int_list FROM thing WHERE id = 1 ORDER BY '{7531}'::int_list;
SELECT '{7531}'::int_list FROM thing GROUP BY '{7531}'::int_list;
SELECT '{7531}'::int_list FROM thing GROUP BY id, ROLLUP ('{7531}'::int_list, a), CUBE (b, ('{7531}'::int_list, 'x7531'::text));
SELECT count(*) FROM thing GROUP BY GROUPING SETS (('x7531'::text), ('x7531'::text, a), ()) HAVING count(*) < 7531;
SELECT DISTINCT ON ('{7531}'::int_list) id FROM thing ORDER BY '{7531}'::int_list, id;
SELECT DISTINCT ON (a + 7531, id) id FROM thing ORDER BY a + 7531, id;
SELECT '{7531}'::int_list, row_number() OVER (PARTITION BY '{7531}'::int_list ORDER BY 'x7531'::text, 7531) FROM thing ORDER BY 'x7531'::text;
SELECT count(*) OVER w, sum(a) OVER (w ORDER BY a + 7531 ROWS 7531 PRECEDING), a + 7531 FROM thing WINDOW w AS (PARTITION BY 7531, 'x7531'::text);
SELECT array_agg(a ORDER BY 7531), array_agg(DISTINCT 7531 ORDER BY 7531), string_agg('x7531', 'x7531' ORDER BY 'x7531') FROM thing;
SELECT percentile_disc(0.7531) WITHIN GROUP (ORDER BY 7531), count(*) FILTER (WHERE a = 7531) FROM thing GROUP BY a = 7531 ORDER BY a = 7531;
SELECT (7531, 'x7531')::pair FROM thing GROUP BY (7531, 'x7531')::pair ORDER BY (7531, 'x7531')::pair;
SELECT '(7531,x)'::pair FROM thing GROUP BY '(7531,x)'::pair, (7531)::text ORDER BY '(7531,x)'::pair, (7531)::text;
SELECT '[7531,7532)'::int4range FROM thing GROUP BY '[7531,7532)'::int4range ORDER BY '[7531,7532)'::int4range;
SELECT shift(7531), shift(by => 7531, i => 1) FROM thing GROUP BY shift(7531), shift(by => 7531, i => 1) ORDER BY shift(7531);
SELECT tags[7531], tags[7531:] FROM thing GROUP BY tags[7531], tags[7531:] ORDER BY tags[7531];
SELECT CASE WHEN a = 7531 THEN 'x7531' ELSE 'y7531' END FROM thing GROUP BY CASE WHEN a = 7531 THEN 'x7531' ELSE 'y7531' END;
SELECT a BETWEEN 7531 AND 7532, a IN (7531, 7532), b LIKE 'x7531%' ESCAPE '!' FROM thing GROUP BY a BETWEEN 7531 AND 7532, a IN (7531, 7532), b LIKE 'x7531%' ESCAPE '!';
SELECT ARRAY[7531, 7532], ROW(7531, 'x7531'), coalesce(b, 'x7531') FROM thing GROUP BY ARRAY[7531, 7532], ROW(7531, 'x7531'), coalesce(b, 'x7531');
SELECT at AT TIME ZONE '+7:53:1', at + interval '7531 s' FROM thing GROUP BY at AT TIME ZONE '+7:53:1', at + interval '7531 s' ORDER BY at + interval '7531 s';
SELECT id FROM thing ORDER BY EXISTS (SELECT 7531), a = (SELECT 7531), EXISTS (SELECT 7531), a = (SELECT 7531), a = ANY (SELECT 7531);
SELECT a FROM (SELECT 7531 AS a, 'x7531' AS b UNION SELECT 7531, 'x7531' ORDER BY 2, 1) AS u GROUP BY a, 'x7531'::text ORDER BY (a), 'x7531'::text;
WITH c AS (SELECT 'x7531' AS x, 7531 AS y FROM thing GROUP BY 'x7531'::text, 7531 + id ORDER BY 'x7531'::text, 7531 + id) SELECT * FROM c ORDER BY y + 7531, y + 7531;
SELECT -7531 AS m, a - 7531, - 7531.0, a -7531 FROM thing GROUP BY a - 7531, a -7531, -7531 + a ORDER BY a - 7531, -7531 + a, a -7531;
SELECT id FROM thing GROUP BY id, a IS DISTINCT FROM 7531 ORDER BY a IS DISTINCT FROM 7531, NOT a = 7531, NOT a = 7531;
INSERT INTO thing (id, b) SELECT DISTINCT ON (7531 + id) 7531, 'x7531' FROM thing ORDER BY 7531 + id ON CONFLICT (id) DO UPDATE SET b = 'x7531', a = 7531 WHERE thing.a = 7531 RETURNING a + 7531, a + 7531;
UPDATE thing AS t SET (a, b) = (SELECT 7531, 'x7531' GROUP BY 'x7531'::text ORDER BY 'x7531'::text) WHERE a = 7531;
DELETE FROM thing WHERE id = 7531 AND a IN (SELECT a FROM thing GROUP BY a, 'x7531'::text ORDER BY 'x7531'::text);
MERGE INTO thing AS t USING (SELECT 7531 AS i GROUP BY 'x7531'::text ORDER BY 'x7531'::text) AS s ON t.id = s.i
  WHEN NOT MATCHED AND s.i = 7530 THEN INSERT (id, b) VALUES (7531, 'x7531') WHEN MATCHED AND s.i = 7531 THEN UPDATE SET b = 'x7531';
\o
SELECT * FROM leaks;
SELECT count(*) FROM seen WHERE query ~ '\$\d';

-- equal expressions stay equal: they have the same number, and the others
-- have theirs after those of a query's id
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT date_trunc('day', at), count(*) AS "same", 'x7531', a + 5 FROM thing WHERE id = 5 GROUP BY date_trunc('day', at), a + 5;
SELECT DISTINCT ON (b || 'x7531', a + 5) b || 'x7531' AS "same before" FROM thing WHERE id = 5 ORDER BY b || 'x7531';
SELECT round(n, -1) AS "same number", a - 1, -1 FROM thing GROUP BY round(n, -1), a -1;
WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 2 FROM r WHERE n < 3) CYCLE n SET c TO 1 DEFAULT 2 USING p SELECT n AS "chance" FROM r ORDER BY 1, n + 4, n + 4;
\o
SELECT query FROM seen ORDER BY query COLLATE "C";

-- what is left out of a query's id
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
\if :has_xml
SELECT * FROM XMLTABLE('/x7531' PASSING '<x7531/>' COLUMNS a int PATH '@x7531' DEFAULT 7531, b text PATH 'b7531' DEFAULT 'x7531', o FOR ORDINALITY);
SELECT * FROM XMLTABLE(XMLNAMESPACES('http://7531' AS x), '/x:x7531' PASSING '<x7531/>' COLUMNS a numeric(7,2) PATH '@x7531' DEFAULT -7531);
\endif
WITH RECURSIVE r(n) AS (SELECT 7531 UNION ALL SELECT n + 1 FROM r WHERE n < 7532)
  SEARCH DEPTH FIRST BY n SET o CYCLE n SET c TO 'Y7531' DEFAULT 'N7531' USING p SELECT * FROM r ORDER BY 1;
SELECT id FROM thing TABLESAMPLE system (75.31) REPEATABLE (7531) LIMIT 7531 OFFSET 7531;
SELECT id FROM thing ORDER BY 1 OFFSET 7531 ROWS FETCH FIRST 7531 ROWS WITH TIES;
\o
SELECT * FROM leaks;
SELECT count(*) FROM seen WHERE query !~ 'XMLTABLE';

-- all forms of constants, twice
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT id FROM thing ORDER BY b = 'x7531', b = 'x7531';
SELECT id, a FROM thing ORDER BY b = 'it''s 7531', b = 'it''s 7531';
SELECT id, b FROM thing ORDER BY b = 'of two -- 7531'
  '7531 lines', b = 'of two -- 7531' -- /*
  '7531 lines';
SELECT id, n FROM thing ORDER BY b = E'\'7531\\', b = E'\'7531\\';
SELECT id, at FROM thing ORDER BY b = e'a'
  'b\\7531\\', b = e'a' -- /*
  'b\\7531\\';
SELECT id, tags FROM thing ORDER BY b = $$7531 ' $a$ 7531$$, b = $$7531 ' $a$ 7531$$;
SELECT a, b FROM thing ORDER BY b = $ä1$7531 $b$ $$ ' $ä1$, b = $ä1$7531 $b$ $$ ' $ä1$;
SELECT a, n FROM thing ORDER BY b = U&'d\0061ta 7531', b = u&'d!0061ta 7531' UESCAPE '!', b = U&'d\0061ta 7531', b = u&'d!0061ta 7531' uescape '!';
SELECT a, at FROM thing ORDER BY b = N'x7531', b = n'x7531', b = nchar 'x7531';
SELECT a, tags FROM thing ORDER BY a::bit(13) = B'0111010110111', a::bit(16) = X'7531', a::bit(13) = b'0111010110111', a::bit(16) = x'7531';
SELECT b, n FROM thing ORDER BY n * 7531., n * .7531, n * 7.531e-10, n * 7531E+1, n * 7531., n * .7531, n * 7.531e-10, n * 7531E+1;
SELECT b, at FROM thing ORDER BY a+7531, a*-7531, a/*x, '7/*$$*/ "*/-7531, a+7531, a*-7531;
SELECT b, tags FROM thing ORDER BY b = 'x7531' COLLATE "C", b = text 'x7531', b = pg_catalog.text 'x7531', b = "text" 'x7531', b = text 'x7531', b = 'x7531' COLLATE "C";
SELECT id AS "a7 ' b", id AS u&"d!0061t 'a" UESCAPE '!', id AS c$7, a - a FROM thing ORDER BY a/7531, a%7531, a/7531, a%7531;
SELECT n, at FROM thing ORDER BY a=7531, a<>-7531, a=7531, a<>-7531, a= @ -7531, a= @ -7531, a= -7531, a= -7531, a= ~7531, a= ~7531;
\o
SELECT query FROM leaks;
SELECT query FROM seen WHERE query ~ 'UESCAPE';
SELECT count(*) FROM seen;

-- prepared: parsed with parameters, and executed without having been parsed
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
PREPARE p1 (int, text) AS SELECT id, $1 + 7531 FROM thing WHERE b <> $2 ORDER BY $1 + 7531, 'x7531'::text, 'x7531'::text, 1;
EXECUTE p1 (7531, 'x7531');
\if :has_xml
PREPARE p2 (int) AS SELECT count(*) AS prepared FROM XMLTABLE('/x7531' PASSING '<x7531/>' COLUMNS a int PATH '@x7531' DEFAULT $1 + 7531);
EXECUTE p2 (7531);
\endif
\o
SELECT regexp_replace(query, '^PREPARE .* AS SELECT', 'SELECT') AS query FROM seen
 WHERE query !~ 'XMLTABLE' ORDER BY query COLLATE "C";
SELECT bool_and(query ~ 'XMLTABLE\(\$2 PASSING \$3 COLUMNS a int PATH \$4 DEFAULT \$1 \+ \$5\)') IS NOT false AS numbered
  FROM seen WHERE query ~ 'XMLTABLE';
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
EXECUTE p1 (7531, 'x7531');
\if :has_xml
EXECUTE p2 (7531);
\endif
\o
SELECT regexp_replace(query, '^PREPARE .* AS SELECT', 'SELECT') AS query FROM seen
 WHERE query !~ 'XMLTABLE' ORDER BY query COLLATE "C";
SELECT bool_and(query ~ 'XMLTABLE\(\$2 PASSING \$3 COLUMNS a int PATH \$4 DEFAULT \$1 \+ \$5\)') IS NOT false AS numbered
  FROM seen WHERE query ~ 'XMLTABLE';
DEALLOCATE ALL;

-- numbers that are no values stay: the statement would be another without them
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT b::varchar(10), b::character varying (11), n::numeric(10,2), CAST(b AS pg_catalog.bpchar(12)), CAST(n AS decimal(9, 3)) AS "casts" FROM thing;
SELECT at::timestamp(3) with time zone, at::time(0), '1 s'::interval(2), interval '1' second(3), interval(4) '1 s', '1 s'::interval day to second(5) AS "times" FROM thing;
SELECT varchar(5) 'abc', bit(3) '101', float(24) '1', '{1}'::int[3], '{1}'::numeric(5,1)[2][3], '{1}'::int ARRAY[4] AS "literals";
SELECT "columns".* FROM rows_of(5) AS "columns" (a int, b numeric(10,2));
SELECT id, a, b AS "ordered" FROM thing ORDER BY 1, (2) DESC, 3 NULLS FIRST LIMIT 10;
SELECT id, a, count(*) AS "grouped" FROM thing GROUP BY (1), ROLLUP (1, 2), CUBE ((1, 2), 1), GROUPING SETS ((1), (2), ()) HAVING count(*) > 5 ORDER BY 3;
SELECT id, a AS "distinct groups" FROM thing GROUP BY DISTINCT 1, 2 ORDER BY 2 USING <;
SELECT DISTINCT ON (1, 2) id, a AS "distinct" FROM thing ORDER BY 2, 1;
(SELECT 1 AS "union" UNION ALL SELECT 2 ORDER BY 1) UNION ALL ((SELECT 3 UNION SELECT 4) ORDER BY 1) ORDER BY 1;
WITH c AS MATERIALIZED (SELECT 1 AS i ORDER BY 1) SELECT ARRAY(SELECT i FROM c ORDER BY 1), array_agg(i ORDER BY 1), i AS "nested" FROM c GROUP BY 3;
SELECT id AS "not positions" FROM thing GROUP BY 1, (2)::text, 3 + a ORDER BY (2)::text, 3 + a, (1);
\o
SELECT query FROM seen ORDER BY query COLLATE "C";

-- utility statements that carry a query, values for one, or a message
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
EXPLAIN SELECT id FROM thing WHERE a = 7531 ORDER BY 1, 'x7531'::text, 'x7531'::text;
EXPLAIN (COSTS OFF) INSERT INTO thing VALUES (7531, 7531, 'x7531');
CREATE TEMP TABLE made WITH (fillfactor = 70) AS SELECT 7531 AS x, 'x7531' AS y;
SELECT 7531 AS x, 'x7531' AS y INTO TEMP made_too FROM thing GROUP BY 'x7531'::text;
CREATE MATERIALIZED VIEW made_view AS SELECT 7531 AS x, b::varchar(10) FROM thing WHERE b = 'x7531';
PREPARE p3 (int) AS SELECT $1 + 7531;
EXPLAIN EXECUTE p3 (7531);
CREATE TEMP TABLE made_of_it AS EXECUTE p3 (7531);
COPY (SELECT 7531, 'x7531' FROM thing ORDER BY 2) TO '/dev/null' WITH (DELIMITER ';');
COPY thing (id) TO '/dev/null' WITH (NULL '7531');
CALL work_on(7531, 'x7531');
NOTIFY channel, 'x7531';
BEGIN;
DECLARE c CURSOR FOR SELECT 7531, 'x7531' FROM thing GROUP BY 'x7531'::text;
FETCH c;
ROLLBACK;
\o
SELECT * FROM leaks;
-- numbered in another order where the server tells some of their places
SELECT regexp_replace(query, '\$\d+', '$n', 'g') AS query
  FROM seen WHERE query ~ '^(CREATE|NOTIFY|COPY)' ORDER BY seen.query COLLATE "C";
DEALLOCATE ALL;

-- statements of functions
SELECT querywatch.reset() IS NOT NULL AS reset;
SET pg_querywatch.track = 'all';
\o /dev/null
DO $do$
DECLARE
  r record;
  i int := 5;
BEGIN
  FOR r IN SELECT 7531 AS x, 'x7531' FROM thing GROUP BY 'x7531'::text LOOP END LOOP;
  EXECUTE 'SELECT $1 + 7531 FROM thing GROUP BY 7531 + id ORDER BY 7531 + id' USING i;
  i := count(*) FROM thing WHERE id < 0 GROUP BY a + 7531 ORDER BY a + 7531;
  PERFORM 'x7531' FROM thing ORDER BY b = 'x7531', b = 'x7531';
END $do$;
\o
SELECT query FROM leaks WHERE query !~ '^DO';
SELECT count(*) >= 4 AS recorded FROM seen WHERE NOT toplevel;
RESET pg_querywatch.track;

-- backslashes are escapes or not, as they were when the text was parsed
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
SELECT statement
  FROM (VALUES
    (1, $$SET escape_string_warning = off$$),
    (2, $$SET standard_conforming_strings = off$$),
    (3, $$SELECT id FROM thing ORDER BY b = '\'7531', b = 'x', b = '\'7531'$$),
    (4, $$SET standard_conforming_strings = on; SELECT id FROM thing ORDER BY b = '\', 7531', b = 'x', b = '\', 7531', b = '\', 7531'$$),
    (5, $$SET standard_conforming_strings = off; SELECT id FROM thing ORDER BY b = 'x\', b = 'x7531', b = 'x\', b = 'x7531'$$),
    (6, $$RESET standard_conforming_strings$$),
    (7, $$RESET escape_string_warning$$)) AS v (i, statement)
 WHERE current_setting('server_version_num')::int < 190000
 ORDER BY i
\set ECHO none
\gexec
\set ECHO all
\o
SELECT * FROM leaks;

-- nested deeper than is kept track of
SELECT querywatch.reset() IS NOT NULL AS reset;
\o /dev/null
\set ECHO none
SELECT 'SELECT id FROM thing ORDER BY ' || repeat('(', 100) || 'a + 7531' || repeat(')', 100) || ', a + 7531, ' || repeat('(', 70) || '1' || repeat(')', 70) \gexec
\set ECHO all
\o
SELECT * FROM leaks;

DROP MATERIALIZED VIEW made_view;
DROP TABLE thing, made, made_too, made_of_it;
DROP DOMAIN int_list;
DROP TYPE pair;
DROP FUNCTION shift(int, int), rows_of(int);
DROP PROCEDURE work_on(int, text);

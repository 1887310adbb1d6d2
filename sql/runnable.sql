--
-- runnable_sql: the values of every built-in type as literals that are what
-- they were
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
RESET client_min_messages;
SET pg_querywatch.parameter_max_length = '64kB';
-- the statements are executed in a function
SET pg_querywatch.track = 'all';

CREATE TYPE mood AS ENUM ('sad', 'it''s "fine", \ ok');
CREATE TYPE pair AS (a int, b text);
CREATE DOMAIN positive AS int CHECK (VALUE > 0);
CREATE TYPE text_range AS RANGE (subtype = text);

CREATE TABLE sample (type regtype, value text);
INSERT INTO sample VALUES
  ('bool', 'true'), ('bool', 'false'),
  ('bytea', '\x'), ('bytea', '\x00deadbeef5c27'),
  ('"char"', 'a'), ('"char"', ''''), ('"char"', '\'), ('"char"', ''),
  ('name', 'a name'), ('name', 'quote '' " \'),
  ('int2', '-32768'), ('int4', '-2147483648'), ('int4', '0'), ('int8', '-9223372036854775808'), ('int8', '9223372036854775807'),
  ('oid', '4294967295'), ('xid', '4294967295'), ('cid', '4294967295'), ('xid8', '18446744073709551615'), ('tid', '(4294967295,65535)'),
  ('text', ''), ('text', 'it''s'), ('text', E'back\\slash'), ('text', E'tab\tnewline\nreturn\r'), ('text', '$$ $1 $2 :x ? %s -- /* */'),
  ('text', 'äöü€𝄞'), ('text', '"double"'), ('text', 'NULL'), ('text', '{a,b}'), ('varchar', 'var''char'), ('bpchar', 'blank   '),
  ('float4', '1.1'), ('float4', '-0'), ('float4', 'NaN'), ('float4', 'Infinity'), ('float4', '3.4028235e+38'), ('float4', '1e-45'),
  ('float8', '0.1'), ('float8', '1e-323'), ('float8', '-Infinity'), ('float8', '123456789.12345679'), ('float8', '2.2250738585072014e-308'),
  ('numeric', '0'), ('numeric', '-1.50'), ('numeric', 'NaN'), ('numeric', '-Infinity'), ('numeric', '123456789012345678901234567890.123456789'), ('numeric', '1e-1000'),
  ('money', '-12.34'),
  ('date', '2024-02-29'), ('date', 'infinity'), ('date', '-infinity'), ('date', '0044-03-15 BC'), ('date', '5874897-12-31'),
  ('time', '23:59:59.999999'), ('time', '24:00:00'), ('timetz', '12:34:56.789+05:30'), ('timetz', '00:00:00-15:59'),
  ('timestamp', '2024-02-29 12:34:56.123456'), ('timestamp', 'infinity'), ('timestamp', '4713-11-24 00:00:00 BC'),
  ('timestamptz', '2024-07-01 12:34:56.123456+00'), ('timestamptz', '-infinity'), ('timestamptz', '1883-11-18 12:03:58-07:52:58'),
  ('interval', '1 year 2 mons -3 days 04:05:06.789'), ('interval', '-178000000 years'), ('interval', '0'), ('interval', '-1 mon +1 day -00:00:00.000001'),
  ('bit', '1'), ('varbit', '10110'), ('varbit', ''),
  ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11'),
  ('json', '{"a": [1, 2.50, "x''y\\"], "a": null}'), ('json', 'null'), ('jsonb', '{"b": 1, "a": "''\u00e4"}'), ('jsonb', '[]'), ('jsonpath', '$.a[*] ? (@ > 1)'),
  ('xml', '<a b="c">it''s</a>'),
  ('inet', '192.168.1.5/24'), ('inet', '::1'), ('cidr', '10.0.0.0/8'), ('cidr', '2001:db8::/32'), ('macaddr', '08:00:2b:01:02:03'), ('macaddr8', '08:00:2b:01:02:03:04:05'),
  ('point', '(1.1,-2.5)'), ('line', '{1,-1,0.1}'), ('lseg', '[(0,0),(1,2.5)]'), ('box', '(3,4),(1,2)'), ('path', '((0,0),(1,1))'), ('path', '[(0,0),(1,1)]'),
  ('polygon', '((0,0),(1,0),(0,1))'), ('circle', '<(1,2),3.3>'),
  ('tsvector', '''a'':1A,2 ''it''''s''' ), ('tsvector', ''), ('tsquery', '''a'' & !''b'' <-> ''c'':*A'),
  ('int4range', '[1,5)'), ('int4range', 'empty'), ('int8range', '(,5)'), ('numrange', '[1.5,2.5]'), ('daterange', '[2024-01-01,infinity)'),
  ('tsrange', '["2024-01-01 00:00:00",)'), ('tstzrange', '["2024-01-01 00:00:00+00","2024-01-02 00:00:00+00"]'),
  ('int4multirange', '{[1,3),[5,7)}'), ('int8multirange', '{[1,2)}'), ('tsmultirange', '{["2024-01-01 00:00:00","2024-01-02 00:00:00")}'), ('tstzmultirange', '{}'), ('nummultirange', '{}'), ('datemultirange', '{[2024-01-01,2024-02-01)}'),
  ('pg_lsn', '16/B374D848'), ('pg_snapshot', '10:20:10,14,15'), ('txid_snapshot', '10:20:10,14,15'),
  ('regclass', 'pg_class'), ('regtype', 'integer'), ('regproc', 'now'), ('regprocedure', 'abs(integer)'), ('regoper', '||/'), ('regoperator', '+(integer,integer)'),
  ('regrole', 'pg_monitor'), ('regnamespace', 'pg_catalog'), ('regconfig', 'simple'), ('regdictionary', 'simple'), ('regcollation', '"C"'), ('regclass', '-'),
  ('oidvector', '1 2 3'), ('int2vector', '1 -2 3'), ('refcursor', 'a cursor'), ('aclitem', 'pg_monitor=r/pg_monitor'),
  ('int4[]', '{}'), ('int4[]', '{1,NULL,-3}'), ('int4[]', '[2:3]={5,6}'), ('int4[]', '{{1,2},{3,4}}'), ('text[]', '{"a,b","it''s","\"q\"","back\\slash",NULL,"NULL",""," "}'),
  ('bool[]', '{t,f,NULL}'), ('bytea[]', '{"\\x00ff",NULL}'), ('float8[]', '{NaN,0.1,-Infinity}'), ('numeric[]', '{1.50,NaN}'), ('timestamptz[]', '{"2024-07-01 12:34:56+00",infinity}'),
  ('interval[]', '{"1 mon","-1 days"}'), ('date[]', '{2024-02-29}'), ('uuid[]', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('jsonb[]', '{"{\"a\": \"x\\\"y\"}"}'), ('inet[]', '{10.0.0.1,::1}'),
  ('box[]', '{(3,4),(1,2);(5,6),(0,0)}'), ('point[]', '{"(1,2)"}'), ('int4range[]', '{"[1,3)",empty}'), ('"char"[]', '{a,"\"",","}'), ('name[]', '{a,"b c"}'), ('varbit[]', '{101,""}'),
  ('mood', 'sad'), ('mood', 'it''s "fine", \ ok'), ('mood[]', '{sad,"it''s \"fine\", \\ ok"}'), ('pair', '(1,"it''s ""quoted"", \\")'), ('pair', '(,)'), ('pair[]', '{"(1,\"a b\")"}'),
  ('positive', '5'), ('text_range', '["a","b''c")');
-- types that not all versions have
INSERT INTO sample SELECT to_regtype(type), value
  FROM (VALUES ('oid8', '18446744073709551615'), ('regdatabase', 'postgres'), ('regdatabase', '-')) AS newer (type, value)
 WHERE to_regtype(type) IS NOT NULL;

-- runs a statement with a parameter of the type, as itself and as recorded,
-- and says whether the two see the same value
CREATE FUNCTION round_trip(type regtype, value text) RETURNS text LANGUAGE plpgsql
SET search_path = pg_catalog, public AS $$
DECLARE
  expected text;
  found text;
  recorded text;
  r record;
BEGIN
  PERFORM querywatch.reset_slow();
  SET pg_querywatch.slow_threshold = 0;
  IF value IS NULL THEN
    EXECUTE format('EXECUTE q_%s (NULL)', type::oid) INTO expected;
  ELSE
    EXECUTE format('EXECUTE q_%s (%L)', type::oid, value) INTO expected;
  END IF;
  SET pg_querywatch.slow_threshold = -1;
  SELECT s.runnable_sql INTO recorded FROM querywatch.slow_statements AS s
   WHERE query ~ '^PREPARE q_' ORDER BY id DESC LIMIT 1;
  IF recorded IS NULL THEN
    RETURN 'no runnable_sql';
  END IF;
  BEGIN
    EXECUTE recorded INTO found;
  EXCEPTION WHEN OTHERS THEN
    RETURN format('%s: %s', SQLERRM, recorded);
  END;
  RETURN CASE WHEN found IS DISTINCT FROM expected THEN format('%s became %s: %s', expected, found, recorded) END;
END $$;

-- the value, its type, and what the client gets
\set ECHO none
SELECT DISTINCT format('PREPARE q_%s (%s) AS SELECT ROW(encode(convert_to($1::text, ''UTF8''), ''hex''), pg_typeof($1), $1 IS NULL)', type::oid, type) FROM sample
\gexec
\set ECHO all
SELECT type, value, round_trip(type, value) AS problem FROM sample WHERE round_trip(type, value) IS NOT NULL;
SELECT DISTINCT type, round_trip(type, NULL) AS problem FROM sample WHERE round_trip(type, NULL) IS NOT NULL;
-- whatever the settings of who runs it
SET DateStyle = 'SQL, DMY';
SET IntervalStyle = sql_standard;
SET extra_float_digits = -5;
SET bytea_output = escape;
SET TimeZone = 'Asia/Kolkata';
SET standard_conforming_strings = on;
SELECT type, value, round_trip(type, value) AS problem FROM sample WHERE round_trip(type, value) IS NOT NULL;
RESET DateStyle;
RESET IntervalStyle;
RESET extra_float_digits;
RESET bytea_output;
RESET TimeZone;
DEALLOCATE ALL;

-- no type that can be a parameter was left out
SELECT t.oid::regtype AS type
  FROM pg_type AS t
 WHERE t.oid < 10000 AND t.typtype IN ('b', 'r', 'm') AND t.typelem = 0
   AND t.typinput <> 'unknownin'::regproc AND t.typnamespace = 'pg_catalog'::regnamespace
   AND t.typname !~ '^(pg_(brin|dependencies|mcv|ndistinct|node_tree)|gtsvector)'
   AND NOT EXISTS (SELECT FROM sample WHERE type = t.oid)
 ORDER BY t.typname COLLATE "C";

-- where the parameters stand
CREATE TABLE item (id int, name text, data jsonb, tags text[], p pair);
INSERT INTO item VALUES (1, 'one', '{"a": {"b": 1}}', '{x,y}', '(1,x)');
SELECT querywatch.reset_slow();
SET pg_querywatch.track = top;
PREPARE a (int, text) AS SELECT id, name FROM item WHERE id = $1 AND (name = $2 OR $2 IS NULL) AND '$1' <> $2 /* $1 */;
PREPARE b (int, int) AS SELECT id FROM item ORDER BY id LIMIT $1 OFFSET $2;
PREPARE c (bigint) AS SELECT id FROM item ORDER BY id FETCH FIRST $1 ROWS ONLY;
PREPARE d (int[]) AS SELECT ($1)[1], $1[1] FROM item WHERE id = ANY ($1);
PREPARE e (text, text) AS SELECT data -> $1 ->> $2 FROM item;
PREPARE f (interval) AS SELECT timestamp '2024-01-01' + $1, $1 * 2;
PREPARE g (int, text) AS INSERT INTO item (id, name) VALUES ($1, $2) RETURNING id + $1 AS sum, $2 || 'x' AS name;
PREPARE h (pair) AS SELECT ($1).a, $1 = p FROM item WHERE p IS NOT NULL;
PREPARE i (int, int, int, int, int, int, int, int, int, int, int) AS SELECT $11 - $1 - $10 AS eleven;
PREPARE j (numeric, numeric) AS SELECT -$1 AS minus, $1 -$2 AS less, 2 ^ $1 AS power, $1::int AS cast, CAST($2 AS text) AS text;
PREPARE k (text) AS SELECT 'a' LIKE $1 ESCAPE '\', $1 COLLATE "C" < 'b', E'\'$1', U&'\0024' || $1, $$ $1 $$ || $1;
PREPARE l (date, date) AS SELECT date '2024-06-01' BETWEEN $1 AND $2, $1 AS "$1", extract(year FROM $1)::int;
PREPARE m AS SELECT 'no parameters, but a dollar: $1';
SET pg_querywatch.slow_threshold = 0;
EXECUTE a (1, 'one');
EXECUTE b (1, 0);
EXECUTE c (1);
EXECUTE d ('{1,2}');
EXECUTE e ('a', 'b');
EXECUTE f ('-1 day');
EXECUTE g (2, 'it''s');
EXECUTE h ('(1,x)');
EXECUTE i (1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11);
EXECUTE j (-1.5, -2);
EXECUTE k ('a%');
EXECUTE l ('2024-01-01', '2024-12-31');
EXECUTE m;
SET pg_querywatch.slow_threshold = -1;
DEALLOCATE ALL;
\set ECHO none
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id \gexec
\set ECHO all
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id;

-- every spelling of OFFSET and FETCH
SELECT querywatch.reset_slow();
PREPARE a (int, int) AS SELECT i FROM generate_series(1, 10) AS i ORDER BY i OFFSET $1 ROWS FETCH FIRST $2 ROWS ONLY;
PREPARE b (int, int) AS SELECT i FROM generate_series(1, 10) AS i ORDER BY i / 4 OFFSET $1 ROW FETCH NEXT $2 ROW WITH TIES;
PREPARE c (int, int) AS SELECT i FROM generate_series(1, 10) AS i ORDER BY i FETCH NEXT $1 ROWS ONLY OFFSET $2;
SET pg_querywatch.slow_threshold = 0;
EXECUTE a (2, 3);
EXECUTE b (2, 1);
EXECUTE c (3, 1);
SET pg_querywatch.slow_threshold = -1;
DEALLOCATE ALL;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id \gexec

-- strings mean the same with every setting of who reads them
SELECT querywatch.reset_slow();
CREATE TABLE victim ();
PREPARE a (text) AS SELECT 'a\' AS a, $1 || 'b\' AS b, '; DROP TABLE victim; --' AS c;
PREPARE b (text) AS SELECT 'a\b'
  'c''d' AS a, date'2024-02-29' AS b, text'x\y'AS c, N'n\' AS d, n'n' AS e, '\'::text || $1 AS f /* '\' */;
PREPARE c (text) AS SELECT U&'d\0061t\+000061\\' AS a, u&'d!0061!!\''' UESCAPE '!' AS b, U&'\0027' || $1 AS c, U&"d!0061" UESCAPE '!' AS d, U&"d\0061" AS U&"\0065" FROM (SELECT 1 AS da) AS s;
PREPARE d (int, int) AS SELECT u&$1 AS a, U&$1::int AS b, e|$2 AS c, u &$1 AS d FROM (VALUES (7, 8)) AS v (u, e);
PREPARE e (text) AS SELECT E'\\\'' AS a, e'\n' AS b, $$a\b$$ AS c, $q$\'$q$ AS d, B'101' AS e, X'1F' AS f, 'a' LIKE $1 ESCAPE '\' AS g;
SET pg_querywatch.slow_threshold = 0;
EXECUTE a ('\''\');
EXECUTE b ('\');
EXECUTE c ('\');
EXECUTE d (3, 4);
EXECUTE e ('\_');
SET pg_querywatch.slow_threshold = -1;
DEALLOCATE ALL;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id;
-- (since 19 there is one setting)
SET backslash_quote = off;
DO $$ BEGIN
  SET escape_string_warning = off;
  SET standard_conforming_strings = off;
EXCEPTION WHEN OTHERS THEN
END $$;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id \gexec
SELECT count(*) FROM querywatch.slow_statements AS s, querywatch.explain(s.id) WHERE query ~ '^PREPARE' AND query !~ 'VALUES';
RESET standard_conforming_strings;
RESET backslash_quote;
DO $$ BEGIN RESET escape_string_warning; EXCEPTION WHEN OTHERS THEN END $$;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id \gexec
SELECT count(*) FROM victim;
DROP TABLE victim;

-- columns that have no name keep none
SELECT querywatch.reset_slow();
PREPARE a (int, text) AS SELECT row_to_json(s) FROM (SELECT $1, ($2), $2 COLLATE "C", (($2 COLLATE "C")), $1 + 1, $1 AS n, ARRAY[$1], (SELECT $1)) AS s;
PREPARE b (text, int[]) AS WITH w AS (SELECT $1, $2[1], ($2)[1:1]) SELECT DISTINCT $1, w FROM w;
SET pg_querywatch.slow_threshold = 0;
EXECUTE a (1, 'x');
EXECUTE b ('x', '{1}');
SET pg_querywatch.slow_threshold = -1;
DEALLOCATE ALL;
SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '^PREPARE' ORDER BY id \gexec

-- none of what is not a statement by itself
SELECT querywatch.reset_slow();
SET pg_querywatch.track = 'all';
SET pg_querywatch.slow_threshold = 0;
DO $$
DECLARE
  n int := 1;
BEGIN
  n := (SELECT count(*) FROM item);
  n := n + (SELECT count(*) FROM item);
  CREATE TEMP TABLE made AS SELECT n AS n;
  CREATE TEMP TABLE made_too AS SELECT 1 AS n;
END $$;
SET pg_querywatch.slow_threshold = -1;
-- (18 and later record the query in them, too)
SELECT query, runnable_sql FROM querywatch.slow_statements WHERE NOT toplevel
 GROUP BY query, runnable_sql ORDER BY query COLLATE "C";
DROP TABLE made, made_too;

SELECT querywatch.reset_slow();
RESET ALL;
-- no more time was lost than passed, whatever counts as a finding
\getenv srcdir PG_ABS_SRCDIR
\set time_lost :srcdir '/sql/include/time_lost.inc'
\i :time_lost
DROP FUNCTION round_trip(regtype, text);
DROP TABLE item, sample;
DROP TYPE mood, pair, text_range;
DROP DOMAIN positive;

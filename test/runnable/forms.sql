-- Every place of PostgreSQL's grammar where an expression can stand, with a
-- parameter in it: see compare.py.  One statement a line; {{NULL}} is null.
DROP TABLE IF EXISTS item, part, made CASCADE
DROP TYPE IF EXISTS pair CASCADE
CREATE TYPE pair AS (a int, b text)
CREATE TABLE item (id int PRIMARY KEY, name text, data jsonb, tags text[], m int[], p pair, made date, price numeric, doc xml, UNIQUE (name))
INSERT INTO item SELECT i, 'item ' || i, jsonb_build_object('a', i, 'b', jsonb_build_array(i, 'x')), ARRAY['x', 'y' || i], ARRAY[[i, 2], [3, i]], ROW(i, 'p')::pair, '2024-01-01'::date + i, i * 1.5, xmlparse(CONTENT '<r><v n="' || i || '">it</v></r>') FROM generate_series(1, 20) AS i
CREATE TABLE part (id int, item_id int REFERENCES item, n int GENERATED ALWAYS AS IDENTITY, q int DEFAULT 7)
INSERT INTO part (id, item_id) SELECT i, i % 20 + 1 FROM generate_series(1, 60) AS i
CREATE OR REPLACE PROCEDURE proc(INOUT x int, y text DEFAULT 'y') LANGUAGE plpgsql AS 'BEGIN x := x + 1; END'
CREATE OR REPLACE PROCEDURE typed(INOUT x pair) LANGUAGE plpgsql AS 'BEGIN COMMIT; x.a := x.a + 1; COMMIT; END'
CREATE OR REPLACE FUNCTION named(x int, y text DEFAULT 'y', VARIADIC z int[] DEFAULT '{}') RETURNS text LANGUAGE sql AS 'SELECT concat(x, y, z)'
CREATE OR REPLACE VIEW low AS SELECT id, name FROM item WHERE id < 10 WITH CHECK OPTION
-- forms: the select list, and the names of its columns
SELECT {{1}}
SELECT {{x}} AS x, {{y}} y, {{z}}, ({{1::int}}), (({{b}})), {{2::int}}, {{c}} COLLATE "C", ({{d}}) COLLATE pg_catalog."C", (({{e}} COLLATE "C"))
SELECT DISTINCT {{1::int}}, {{x}} FROM item
SELECT ALL {{x}} FROM item
SELECT DISTINCT ON (({{x}}::text)) ({{x}}), id FROM item WHERE id = {{1}}
SELECT ({{{1,2}::int[]}})[1], ({{{1,2}::int[]}})[{{1}}:{{2}}], (({{(1,x)::pair}})).a, (({{(1,x)::pair}})).*
SELECT row_to_json(s) FROM (SELECT id, {{x}}, {{7::int}} FROM item) AS s
SELECT (SELECT {{x}}), (SELECT ({{y}})), ARRAY(SELECT {{z}}), EXISTS (SELECT {{1}})
SELECT CASE WHEN true THEN 'a' ELSE {{b}} END, CASE {{1::int}} WHEN {{1::int}} THEN {{x}} ELSE {{y}} END, CASE WHEN {{true}} THEN {{1::int}} END
SELECT * FROM (SELECT {{x}}, id FROM item) AS s (a, b) WHERE a = {{x}}
SELECT "?column?" FROM (SELECT {{x}}) AS s
SELECT {{1::int}}::text, {{x}}::name, CAST({{1}} AS int), CAST({{2024-01-01}} AS date), {{1 day}}::interval day, {{3::int}}::bigint::text
SELECT {{a}} second_column, {{b}} AS year, {{1 mon::interval}} AS month FROM item LIMIT 1
-- forms: operators, next to a parameter without a blank
SELECT 1+{{1}}, {{1::int}}+1, -{{1::int}}, - {{-1::int}}, +{{1::int}}, @{{-1::int}}, 2^{{2}}, {{7::int}}%{{2::int}}, {{7::int}}/{{2::int}}, |/{{4::float8}}, ~{{1::int}}
SELECT 6&{{3}}, u&{{3}}, u&{{3}}::int, u &{{3}}, e|{{1}} FROM (VALUES (7, 4)) AS v (u, e)
SELECT id FROM item WHERE(id={{1}})or(-id={{-2}})AND(name={{item 2}})or'x'>{{y}}
SELECT NOT {{true}}, {{true}} AND {{false}}, {{NULL::bool}} OR {{true}}, {{true::bool}} IS TRUE, {{false::bool}} IS NOT FALSE, {{NULL::bool}} IS UNKNOWN, NOT NOT {{true}}
SELECT {{NULL::int}} IS NULL, {{1::int}} IS NOT NULL, {{1::int}} ISNULL, {{1::int}} NOTNULL, {{1::int}} IS DISTINCT FROM {{NULL::int}}, {{1::int}} IS NOT DISTINCT FROM {{1::int}}
SELECT {{a}} < {{b}} COLLATE "C", {{a}} || {{b}} || 'c', {{a}} OPERATOR(pg_catalog.||) {{b}}, {{1::int}} OPERATOR(pg_catalog.+) {{2}}, OPERATOR(pg_catalog.-) {{1::int}}
SELECT {{1::int}} BETWEEN {{0}} AND {{2}}, {{1::int}} NOT BETWEEN {{0}} AND {{2}}, {{1::int}} BETWEEN SYMMETRIC {{2}} AND {{0}}, id BETWEEN {{1}} AND {{2}} AND id <> {{2}} FROM item
SELECT id FROM item WHERE id IN ({{1}}, {{2}}) AND id NOT IN ({{2}}) AND name IN ({{item 1}}, {{item 2}})
SELECT id FROM item WHERE id = ANY ({{{1,2}}}) OR id = SOME ({{{3}::int[]}}) OR id <> ALL ({{{1,2}}}) AND id > ANY (ARRAY[{{1::int}}, {{2}}]) AND {{1::int}} = ANY (m) AND {{x}} = ALL (tags)
SELECT id FROM item WHERE id = ANY (SELECT {{3::int}}) OR {{4::int}} IN (SELECT id FROM part) AND ({{1::int}}, {{2::int}}) IN (SELECT id, item_id FROM part)
SELECT name LIKE {{item%}}, name NOT LIKE {{x}}, name ILIKE {{ITEM%}}, name LIKE {{item!%}} ESCAPE {{!}}, name LIKE 'item\_%' ESCAPE {{\}}, name SIMILAR TO {{item [0-9]+}} ESCAPE {{\}}, name NOT SIMILAR TO {{x}}, name ~ {{^i}}, name !~* {{\d}} FROM item
SELECT {{abc}} LIKE {{a%}}, {{abc}} ILIKE {{A%}} ESCAPE {{x}}, {{abc}} SIMILAR TO {{a(b|c)+}}
SELECT {{2024-01-01 12:00::timestamp}} AT TIME ZONE {{UTC}}, {{2024-01-01 12:00+00::timestamptz}} AT TIME ZONE 'Europe/Vienna' AT TIME ZONE {{UTC}}, {{12:00+01::timetz}} AT TIME ZONE {{1 hour::interval}}
SELECT ({{1::int}}, {{x}}) = ({{1::int}}, {{x}}), ROW({{1::int}}, {{x}}) < ROW({{2::int}}, {{y}}), ROW({{1::int}}), ROW(), ({{1::int}}, {{2::int}}) IS DISTINCT FROM ({{1::int}}, {{3::int}}), ROW({{NULL::int}}, NULL) IS NULL
SELECT ({{2024-01-01::date}}, {{2024-02-01::date}}) OVERLAPS ({{2024-01-15::date}}, {{1 day::interval}})
SELECT (id, name) = ({{1}}, {{item 1}}), (id, name) IN (({{1}}, {{item 1}}), ({{2}}, {{x}})), (id, name) > ({{1}}, {{x}}) FROM item
SELECT {{<a/>::xml}} IS DOCUMENT, {{x::xml}} IS NOT DOCUMENT, {{a}} IS NORMALIZED, {{a}} IS NFC NORMALIZED, {{a}} IS NOT NFKD NORMALIZED
SELECT {{{1,2}::int[]}} && {{{2}}}, {{{1,2}::int[]}} @> m, tags || {{z}}::text, {{y}}::text || tags, id IS DISTINCT FROM {{1}} FROM item
SELECT data -> {{a}}, data ->> {{a}}, data #> {{{b,0}}}, data @> {{{"a": 1}}}, data ? {{a}}, data ?| {{{a,c}}}, data -> 'b' -> {{0::int}}, data @? {{$.a}}, data @@ {{$.a == 1}} FROM item
SELECT {{1::int}}=id, {{1::int}}<>id, {{1::int}}!=id, {{1::int}}<=id, {{1::int}}>=id, id<{{2}}, id>-{{2::int}}, id*-{{2::int}} FROM item
-- forms: function calls
SELECT abs({{-1::int}}), concat(VARIADIC {{{c,d}::text[]}}), concat({{a::text}}, {{b::text}}), make_interval(days => {{1}}, hours := {{2}}), named({{1}}, {{b}}, VARIADIC {{{1,2}}}), named({{1}}, {{b}}, {{3}}, {{4}})
SELECT count(DISTINCT {{x}}), count(*) FILTER (WHERE id > {{3}}), string_agg(name, {{, }} ORDER BY id DESC, {{x}}), array_agg(DISTINCT id + {{1}}), sum(id + {{1}}) FROM item
SELECT percentile_cont({{0.5}}) WITHIN GROUP (ORDER BY id), percentile_disc({{{0.1,0.9}}}::float8[]) WITHIN GROUP (ORDER BY price * {{2}}), mode() WITHIN GROUP (ORDER BY {{x}}::text), rank({{3}}) WITHIN GROUP (ORDER BY id) FROM item
SELECT EXTRACT(year FROM {{2024-02-29::date}}), EXTRACT('month' FROM {{2024-02-29::timestamp}}), EXTRACT(epoch FROM {{1 day::interval}}), date_part({{day}}, {{2024-02-29::date}})
SELECT OVERLAY({{abcdef}} PLACING {{XX}} FROM {{2}} FOR {{3}}), OVERLAY({{abcdef}} PLACING {{XX}} FROM {{2}}), POSITION({{b}} IN {{abc}}), POSITION({{b}}::text IN 'abc'::text)
SELECT SUBSTRING({{abcdef}} FROM {{2::int}} FOR {{3::int}}), SUBSTRING({{abcdef}} FROM {{2::int}}), SUBSTRING({{abcdef}} FOR {{3::int}}), SUBSTRING({{abcdef}} FOR {{3::int}} FROM {{2::int}}), SUBSTRING({{abcdef}} SIMILAR {{a#"%#"f}} ESCAPE {{#}}), SUBSTRING({{abcdef}} FROM {{b.d}}::text), SUBSTRING({{abcdef}}, {{2::int}})
SELECT TRIM({{ a }}), TRIM(BOTH {{x}} FROM {{xax}}), TRIM(LEADING FROM {{ a}}), TRIM(TRAILING {{x}} FROM {{ax}}), TRIM(FROM {{ a }}), TRIM({{x}} FROM {{xa}}), TRIM({{xax}}, {{x}})
SELECT TREAT({{1::numeric}} AS int), NORMALIZE({{a}}, NFC), COLLATION FOR ({{a}}::text), COALESCE({{NULL::int}}, {{1}}), NULLIF({{1::int}}, {{2}}), GREATEST({{1::int}}, {{2}}), LEAST({{a}}, {{b}})
SELECT array_in({{{1,2}}}, 23, {{-1}}), ceil({{1.5::numeric}}), pg_typeof({{1::int}}), pg_typeof({{x}}::varchar(3)), to_char({{2024-01-01::date}}, {{YYYY}}), format({{%s-%s}}, {{a::text}}, {{b::text}}), json_build_object({{k}}::text, {{v}}::text)
-- forms: arrays
SELECT ARRAY[{{1::int}}, {{2}}], ARRAY[[{{1::int}}], [{{2::int}}]], ARRAY[]::int[] || {{1::int}}, ARRAY[{{a}}, 'b'], m[{{1}}][{{2}}], m[{{1}}:{{2}}][:{{1}}], m[:{{1}}], m[{{2}}:], m[1:{{2}}], (tags || {{z}}::text)[{{1}}] FROM item
SELECT tags[{{1}}], (tags)[id - id + {{1}}], (ARRAY[{{a}}, {{b}}])[{{2}}], (string_to_array({{a,b}}, {{,}}))[{{2}}], data[{{a}}], data['b'][{{0}}] FROM item
SELECT ({{(1,x)::pair}}).b, (p).a + {{1}}, (ROW({{1::int}}, {{x}})::pair).a, ({{{"(1,x)"}::pair[]}})[1].b FROM item
-- forms: FROM
SELECT * FROM generate_series({{1::int}}, {{3}}) AS g
SELECT * FROM generate_series({{1::int}}, {{3}}) WITH ORDINALITY AS g (a, b)
SELECT * FROM ROWS FROM (generate_series({{1::int}}, {{3}}), unnest({{{a,b}::text[]}})) AS r (a, b)
SELECT * FROM json_to_recordset({{[{"a":1,"b":"x"}]}}) AS r (a int, b text)
SELECT * FROM jsonb_to_record({{{"a":1}}}) AS (a int)
SELECT item.id, g FROM item, LATERAL generate_series({{1::int}}, item.id + {{1}}) AS g WHERE item.id < {{3}}
SELECT item.id, l.* FROM item LEFT JOIN LATERAL (SELECT {{x}} AS x, part.id FROM part WHERE item_id = item.id + {{1}}) AS l ON l.id > {{2}}
SELECT count(*) FROM item JOIN part ON part.item_id = item.id AND part.id > {{3}} LEFT JOIN item AS i ON i.id = {{1}} AND (i.name = {{item 1}})
SELECT count(*) FROM item TABLESAMPLE BERNOULLI ({{100}}) REPEATABLE ({{1}})
SELECT count(*) FROM item TABLESAMPLE SYSTEM ({{100::int}}) WHERE id > {{3}}
SELECT * FROM (VALUES ({{1::int}}, {{a}}), ({{2}}, {{b}})) AS v (a, b)
SELECT * FROM current_setting({{server_encoding}}) AS s
SELECT * FROM upper({{x}})
SELECT x.* FROM item, XMLTABLE({{/r/v}} PASSING doc COLUMNS n int PATH {{@n}}, t text PATH '.' DEFAULT {{none}}, u text PATH 'u' DEFAULT {{it}}, o FOR ORDINALITY) AS x
SELECT x.* FROM XMLTABLE({{/r/v}} PASSING BY REF {{<r><v>1</v></r>}} COLUMNS v int PATH '.') AS x
SELECT x.* FROM XMLTABLE(XMLNAMESPACES({{http://x.y}} AS z), {{/z:r}} PASSING {{<r xmlns="http://x.y">1</r>}} COLUMNS v int PATH {{.}}) AS x
SELECT x.* FROM item, XMLTABLE('/r/v' PASSING BY REF doc BY REF COLUMNS n int PATH '@n' NOT NULL) AS x WHERE item.id = {{1}}
-- forms: WHERE, GROUP BY, HAVING, ORDER BY, LIMIT
SELECT g % 2 + {{1}}, count(*) FROM (SELECT id % {{2}} AS g FROM item WHERE id > {{3}}) AS s GROUP BY g HAVING count(*) > {{1}} ORDER BY count(*) + {{1}}, 1 LIMIT {{5}} OFFSET {{0}}
SELECT {{x}}, count(*) FROM item GROUP BY 1
SELECT {{1::int}} FROM item GROUP BY 1
SELECT count(*), id % 2 AS a FROM item GROUP BY GROUPING SETS ((id % 2), (), ({{1::int}}))
SELECT count(*), GROUPING(id % 2) + {{1}} FROM item GROUP BY ROLLUP (id % 2, {{x}}::text) ORDER BY 1, 2
SELECT count(*) FROM item GROUP BY CUBE ((id % 2), (name < {{item 2}})), GROUPING SETS (ROLLUP (made > {{2024-01-05}}), ())
SELECT count(*) FROM item GROUP BY DISTINCT ROLLUP (id), ROLLUP (name || {{x}})
SELECT id FROM item ORDER BY id + {{1}} USING >, name < {{item 3}} DESC NULLS LAST, {{x}}::text ASC NULLS FIRST
SELECT id FROM item ORDER BY abs(id - {{5}}), id DESC LIMIT {{3}}
SELECT id FROM item ORDER BY CASE WHEN id = {{3}} THEN {{0}} ELSE {{1}} END, id LIMIT {{2::int}} + {{1}} OFFSET {{1::int}} - {{0}}
SELECT id FROM item ORDER BY id LIMIT {{NULL}}
SELECT id FROM item ORDER BY id LIMIT ALL OFFSET {{18}}
SELECT id FROM item ORDER BY id OFFSET {{3}} LIMIT {{2}}
SELECT id FROM item ORDER BY id OFFSET {{3}}
SELECT id FROM item ORDER BY id OFFSET {{3}} FOR UPDATE
SELECT id FROM item ORDER BY id LIMIT {{3}} FOR NO KEY UPDATE OF item SKIP LOCKED
SELECT id FROM item ORDER BY id FOR SHARE LIMIT {{3}}
SELECT id FROM item ORDER BY id OFFSET {{2}} ROWS
SELECT id FROM item ORDER BY id OFFSET {{1}} ROW
SELECT id FROM item ORDER BY id OFFSET {{2}} ROWS FETCH FIRST {{3}} ROWS ONLY
SELECT id FROM item ORDER BY id OFFSET {{2}} ROW FETCH FIRST {{1}} ROW ONLY
SELECT id FROM item ORDER BY id OFFSET {{2}} ROWS FETCH NEXT {{3}} ROWS ONLY
SELECT id FROM item ORDER BY id OFFSET {{2}} ROW FETCH NEXT {{1}} ROW ONLY
SELECT id FROM item ORDER BY id % 7 OFFSET {{2}} ROWS FETCH FIRST {{3}} ROWS WITH TIES
SELECT id FROM item ORDER BY id % 7 OFFSET {{2}} ROWS FETCH NEXT {{3}} ROW WITH TIES
SELECT id FROM item ORDER BY id % 7 FETCH FIRST {{3}} ROWS WITH TIES
SELECT id FROM item ORDER BY id FETCH FIRST {{3}} ROWS ONLY OFFSET {{1}} ROWS
SELECT id FROM item ORDER BY id FETCH NEXT {{3}} ROWS ONLY OFFSET {{1}}
SELECT id FROM item ORDER BY id FETCH NEXT ({{3::int}} + {{1}}) ROWS ONLY
SELECT id FROM item ORDER BY id OFFSET ({{1}}) ROWS FETCH NEXT ({{3}}) ROWS ONLY
SELECT id FROM item ORDER BY id OFFSET {{2}} FETCH FIRST ROW ONLY
SELECT id FROM item ORDER BY id OFFSET {{2}} FETCH FIRST {{2}} ROWS ONLY FOR UPDATE
SELECT id FROM item ORDER BY id OFFSET {{2}}	rows	fetch/**/next/**/{{3}}/**/rows only
-- forms: windows
SELECT id, sum(id) OVER (PARTITION BY id % {{2}} ORDER BY id + {{1}}), lag(id, {{1}}, {{0}}) OVER (ORDER BY id), ntile({{3}}) OVER w, nth_value(name, {{2}}) OVER (w ROWS {{1}} PRECEDING) FROM item WINDOW w AS (ORDER BY id)
SELECT sum(id) OVER (ORDER BY id ROWS BETWEEN {{1}} PRECEDING AND {{1}} FOLLOWING), sum(id) OVER (ORDER BY id ROWS BETWEEN CURRENT ROW AND {{2}} FOLLOWING EXCLUDE TIES), sum(id) OVER (ROWS {{2}} PRECEDING) FROM item
SELECT sum(id) OVER (ORDER BY id RANGE {{1}} PRECEDING), sum(id) OVER (ORDER BY made RANGE BETWEEN {{1 day::interval}} PRECEDING AND {{2 days}} FOLLOWING EXCLUDE CURRENT ROW), sum(id) OVER (ORDER BY price RANGE BETWEEN {{1.5}} PRECEDING AND UNBOUNDED FOLLOWING) FROM item
SELECT count(*) OVER (ORDER BY id % 3 GROUPS BETWEEN {{1}} PRECEDING AND {{1}} FOLLOWING EXCLUDE GROUP), count(*) FILTER (WHERE id > {{3}}) OVER (PARTITION BY id < {{5}}) FROM item
SELECT sum(id) OVER w FROM item WINDOW w AS (PARTITION BY name > {{item 3}} ORDER BY id ROWS BETWEEN UNBOUNDED PRECEDING AND {{1}} FOLLOWING)
-- forms: set operations, WITH, VALUES
SELECT {{x}} UNION SELECT {{y}} UNION ALL SELECT name FROM item WHERE id = {{1}} ORDER BY 1 LIMIT {{2}}
(SELECT id FROM item WHERE id < {{5}} ORDER BY id LIMIT {{2}}) INTERSECT (SELECT {{1::int}}) EXCEPT ALL SELECT {{2::int}}
VALUES ({{1::int}}, {{a}}), ({{2}}, {{b}}) ORDER BY 1 DESC LIMIT {{1}} OFFSET {{1}}
WITH a AS (SELECT {{x}} AS x, {{1::int}}), b AS MATERIALIZED (SELECT * FROM a WHERE x = {{x}}) SELECT *, {{z}} FROM b
WITH RECURSIVE r (n, s) AS (SELECT {{1::int}}, {{x}}::text UNION ALL SELECT n + {{1}}, s || {{y}} FROM r WHERE n < {{4}}) SELECT * FROM r
WITH RECURSIVE r (n) AS (SELECT {{1::int}} UNION ALL SELECT n % {{3}} + 1 FROM r) CYCLE n SET c TO 'y' DEFAULT 'n' USING p SELECT * FROM r LIMIT {{6}}
WITH RECURSIVE r (n) AS (VALUES ({{1::int}}) UNION SELECT n + 1 FROM r WHERE n < {{3}}) SEARCH DEPTH FIRST BY n SET o SELECT * FROM r ORDER BY o
TABLE item ORDER BY id LIMIT {{2}} OFFSET {{1}}
-- forms: INSERT, UPDATE, DELETE, MERGE
INSERT INTO part (id, item_id) VALUES ({{100}}, {{1}}), ({{101}}, {{2}}) RETURNING id, {{x}}, q + {{1}} AS q, ({{2::int}})
INSERT INTO part (id, q) VALUES ({{100}}, DEFAULT), (DEFAULT, {{5}}) RETURNING *
INSERT INTO part (id, n) OVERRIDING SYSTEM VALUE VALUES ({{100}}, {{99}}) RETURNING n
INSERT INTO part (id, n) OVERRIDING USER VALUE SELECT {{100::int}}, {{98::int}} RETURNING id
INSERT INTO part (id, item_id) SELECT {{100::int}}, id FROM item WHERE id < {{3}} ORDER BY id LIMIT {{1}} RETURNING id, item_id
INSERT INTO item (id, name) VALUES ({{1}}, {{new}}) ON CONFLICT (id) DO UPDATE SET name = excluded.name || {{x}}, made = {{2024-05-05}} WHERE item.id > {{0}} RETURNING id, name, {{z}}
INSERT INTO item (id, name) VALUES ({{1}}, {{new}}) ON CONFLICT ON CONSTRAINT item_pkey DO UPDATE SET (name, made) = ROW({{x}}, {{2024-05-05::date}}) RETURNING name
INSERT INTO item (id, name) VALUES ({{1}}, {{new}}) ON CONFLICT DO NOTHING RETURNING id
INSERT INTO item (id, p.a, m[{{1}}], tags[{{1}}:{{2}}]) VALUES ({{50}}, {{5}}, {{7}}, {{{a,b}}}) RETURNING p, m, tags
WITH new AS (INSERT INTO part (id) VALUES ({{100}}) RETURNING id, {{x}} AS x) SELECT id + {{1}}, x FROM new
UPDATE item SET name = {{x}}, price = price * {{2}}, tags[{{1}}] = {{t}}, m[{{1}}][{{2}}] = {{9}}, p.b = {{pp}}, (made, data) = ({{2024-06-06}}, {{{"n": 1}}}) WHERE id = {{3}} RETURNING name, price, tags, m, p, made, data
UPDATE item SET (name, price) = (SELECT {{y}}, {{1.5::numeric}}) WHERE id = {{3}} RETURNING name, price
UPDATE item SET data['a'] = {{5}}, data[{{c}}]['d'] = {{"x"}} WHERE id = {{3}} RETURNING data
UPDATE item AS i SET name = i.name || p.id + {{1}} FROM part AS p WHERE p.item_id = i.id AND p.id = {{3}} AND i.id > {{0}} RETURNING i.id, {{x}}
UPDATE item SET name = DEFAULT, price = {{1}} WHERE id IN ({{1}}, {{2}}) RETURNING id
DELETE FROM part USING item WHERE part.item_id = item.id AND item.name = {{item 3}} RETURNING part.id, {{x}}
DELETE FROM part WHERE id = ANY ({{{1,2,3}}}) AND item_id > {{1}} RETURNING *
WITH gone AS (DELETE FROM part WHERE id < {{3}} RETURNING *) SELECT count(*), {{x}} FROM gone
MERGE INTO part AS t USING (VALUES ({{1::int}}, {{2::int}}), ({{500}}, {{3}})) AS s (a, b) ON t.id = s.a AND s.b > {{0}} WHEN MATCHED AND t.q > {{3}} THEN UPDATE SET q = t.q + s.b + {{1}} WHEN MATCHED AND t.q = {{0}} THEN DELETE WHEN NOT MATCHED AND s.a > {{2}} THEN INSERT (id, q) VALUES (s.a, {{9}})
INSERT INTO low VALUES ({{-3}}, {{low}}) RETURNING *
-- forms: XML and constructors
SELECT XMLCONCAT({{<a/>}}, {{<b/>}}), XMLELEMENT(NAME e, {{x::text}}, {{1::int}}), XMLELEMENT(NAME e, XMLATTRIBUTES({{v::text}} AS a, {{2::int}} AS b), {{x::text}}), XMLFOREST({{x::text}} AS f, {{1::int}} AS g), XMLPI(NAME p, {{x}}), XMLCOMMENT({{x}})
SELECT XMLPARSE(CONTENT {{<a/>}}), XMLPARSE(DOCUMENT {{<a/>}} PRESERVE WHITESPACE), XMLPARSE(CONTENT {{ x }} STRIP WHITESPACE), XMLROOT({{<a/>::xml}}, VERSION {{1.1}}, STANDALONE YES), XMLROOT({{<a/>::xml}}, VERSION NO VALUE), XMLSERIALIZE(CONTENT {{<a/>::xml}} AS text), XMLAGG(doc ORDER BY id + {{1}}) FROM item
SELECT XMLEXISTS({{//v}} PASSING {{<r><v/></r>}}), XMLEXISTS({{//v}} PASSING BY REF doc), XMLEXISTS({{//v}} PASSING BY VALUE {{<v/>}} BY REF), XMLEXISTS('//v' PASSING {{<v/>}} BY VALUE), XMLEXISTS('//v' PASSING BY REF ({{<v/>::xml}})), xpath({{//v/@n}}, doc) FROM item
-- forms: strings beside parameters
SELECT 'a\b' || {{c\d}}, E'a\\b\'' || {{x}}, E'\x41\u00e4\n' || {{x}}, $$a\b$$ || {{x}}, $q$a'\$q$ || {{x}}, N'a\b' || {{x}}, n'plain' || {{x}}, U&'d\0061t\+000061' || {{x}}, u&'d!0061t!!\' UESCAPE '!' || {{x}}, U&'\0027\\' || {{x}}
SELECT B'101' & {{110::bit(3)}}, X'1F'::bit(8) | {{00000001::bit(8)}}, b'1' || {{0::varbit}}, text'a\b' || {{x}}, date'2024-01-01' + {{1::int}}, interval'1'day + {{1 day::interval}}, interval '1\' second * {{1}} IS NULL FROM (SELECT 1 WHERE {{false}}) AS s
SELECT 'a\' || {{'}} || '\' || {{''}} || '''' || {{\'}} || '\''' || E'\\' || {{E'\n'}}
SELECT U&"d\0061t" || {{x}} AS U&"x!0061" UESCAPE '!' FROM (SELECT 'v' AS dat) AS s
SELECT {{1::int}} AS "$1", '$1', $$ $1 $$, /* $1 */ {{2::int}} -- $1
SELECT {{$1}}, {{$$x$$}}, {{:x}}, {{/* x */}}, {{-- x}}, {{it's}}, {{a"b}}
-- forms: utility statements with a query
DECLARE c CURSOR FOR SELECT id, {{x}} FROM item WHERE id > {{3}}
DECLARE c SCROLL CURSOR WITH HOLD FOR SELECT id FROM item ORDER BY id OFFSET {{1}} ROWS FETCH NEXT {{2}} ROWS ONLY
CREATE TABLE made AS SELECT id, {{x}}, {{1::int}} AS one FROM item WHERE id > {{3}}
CREATE TEMP TABLE made (a, b) ON COMMIT DROP AS SELECT {{x}}, {{1::int}} WITH NO DATA
SELECT id, {{x}} INTO made FROM item WHERE id > {{3}}
EXPLAIN (COSTS OFF) SELECT id, {{x}} FROM item WHERE id > {{3}} OFFSET {{1}} ROWS
CALL proc({{1}}, {{x}})
CALL proc(y => {{x}}, x => {{4}})
CALL typed({{(1,x)}})
EXPLAIN (COSTS OFF) SELECT id FROM item WHERE p = {{(1,p)::pair}}
-- forms since 16: JSON constructors
SELECT JSON_OBJECT({{k::text}}: {{1::int}}, 'l': {{x::text}} NULL ON NULL), JSON_OBJECT(({{k::text}}) VALUE {{x::text}}, 'm' VALUE {{2::int}} ABSENT ON NULL WITH UNIQUE KEYS RETURNING jsonb), JSON_OBJECT({{a}}::text VALUE {{1::int}})
SELECT JSON_ARRAY({{1::int}}, {{x::text}}, {{{"a": 1}::text}} FORMAT JSON NULL ON NULL), JSON_ARRAY(SELECT id + {{1}} FROM item ORDER BY id LIMIT {{2}}), JSON_ARRAYAGG(id + {{1}} ORDER BY id DESC), JSON_OBJECTAGG(id: name || {{x}}) FROM item
SELECT {{{"a": 1}::text}} IS JSON, {{[1]::text}} IS JSON ARRAY, {{1::text}} IS NOT JSON SCALAR, {{{"a": 1, "a": 2}::text}} IS JSON OBJECT WITH UNIQUE KEYS
SELECT {{0x1F::int}} + 0x1F + {{1_000::int}}, ANY_VALUE(name || {{x}}) FROM item WHERE id = {{1}}
-- forms since 17: JSON queries, MERGE
SELECT JSON_EXISTS({{{"a": 1}::jsonb}}, {{$.a}}), JSON_EXISTS(data, {{$.a ? (@ > $x)}} PASSING {{1::int}} AS x TRUE ON ERROR), JSON_VALUE(data, '$.a' RETURNING int DEFAULT {{5::int}} ON EMPTY), JSON_QUERY(data, {{$.b}} WITH WRAPPER), JSON_SCALAR({{x::text}}), JSON_SERIALIZE({{{"a": 1}::text}} FORMAT JSON), JSON({{[1]::text}}) FROM item
SELECT t.* FROM JSON_TABLE({{[{"a": 1}, {"a": 2}]::jsonb}}, '$[*] ? (@.a > $x)' PASSING {{1::int}} AS x COLUMNS (n FOR ORDINALITY, a int PATH '$.a' DEFAULT {{7::int}} ON EMPTY)) AS t
SELECT x.* FROM item, XMLTABLE({{/r/v}} PASSING doc COLUMNS n int PATH ({{@n}}) DEFAULT {{3}}) AS x
MERGE INTO part AS t USING (SELECT {{1::int}} AS a) AS s ON t.id = s.a WHEN MATCHED THEN UPDATE SET q = {{8}} WHEN NOT MATCHED BY SOURCE AND t.id > {{50}} THEN DELETE RETURNING merge_action(), t.id, {{x}}
-- forms since 18: RETURNING with OLD and NEW
UPDATE item SET name = {{y}} WHERE id = {{3}} RETURNING WITH (OLD AS o, NEW AS n) o.name || {{x}}, n.name, {{z}}

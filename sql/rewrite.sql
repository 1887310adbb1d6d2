--
-- rewrite(): what is made of a statement gives the rows that the statement
-- gives, run once for each key, row or page
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
CREATE SCHEMA rewriting;
RESET client_min_messages;
SET search_path = rewriting, public;
SET datestyle = 'ISO, YMD';

CREATE TYPE mood AS ENUM ('sad', 'ok');
CREATE DOMAIN post_code AS text CHECK (VALUE <> '');
CREATE TYPE pair AS (a int, b text);
CREATE COLLATION ignore_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);

CREATE TABLE authors (
    id int PRIMARY KEY,
    name text NOT NULL,
    email varchar(80),
    nick text COLLATE ignore_case,
    mood mood,
    code post_code,
    born date
);
CREATE TABLE posts (
    id int PRIMARY KEY,
    author_id int REFERENCES authors,
    title varchar(50),
    created_on date NOT NULL DEFAULT '2024-01-01',
    score int NOT NULL DEFAULT 0,
    price numeric(8,2),
    tags text[],
    payload pair,
    length int GENERATED ALWAYS AS (length(title)) STORED
);
CREATE TABLE "Größe" ("Schlüssel" uuid PRIMARY KEY, "select" text, "a""b" int);
CREATE TABLE lines (order_id bigint, line smallint, qty int, PRIMARY KEY (order_id, line));
CREATE TABLE events (id int, day date, kind text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_a PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2024-07-01');
CREATE TABLE events_b PARTITION OF events FOR VALUES FROM ('2024-07-01') TO ('2025-01-01');
CREATE TABLE animals (id int PRIMARY KEY, name text);
CREATE TABLE dogs (breed text) INHERITS (animals);
CREATE VIEW prolific AS SELECT author_id, count(*) AS n FROM posts GROUP BY author_id;
CREATE VIEW titles AS SELECT id, author_id, title FROM posts;

INSERT INTO authors
  SELECT i, 'author ' || i % 7, 'A' || i || '@example.com', CASE i % 2 WHEN 0 THEN 'Bob' ELSE 'bob' END || i / 4,
         CASE i % 3 WHEN 0 THEN 'sad' WHEN 1 THEN 'ok' END::mood, 'p' || i % 5, date '1970-01-01' + i
    FROM generate_series(1, 20) AS i;
INSERT INTO posts (id, author_id, title, created_on, score, price, tags, payload)
  SELECT i, nullif(i % 13, 0), 'title ' || i % 11, date '2024-01-01' + i % 9, i % 4, i / 3.0,
         ARRAY['t' || i % 3], ROW(i, 'x')::pair
    FROM generate_series(1, 60) AS i;
INSERT INTO "Größe" SELECT ('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 'wert ' || i, i FROM generate_series(1, 9) AS i;
INSERT INTO lines SELECT i / 4, i % 4, i FROM generate_series(1, 40) AS i;
INSERT INTO events SELECT i, date '2024-01-01' + i * 9, 'k' || i % 3 FROM generate_series(1, 39) AS i;
INSERT INTO animals SELECT i, 'cat ' || i FROM generate_series(1, 4) AS i;
INSERT INTO dogs SELECT i, 'dog ' || i, 'b' FROM generate_series(3, 6) AS i;

-- rows of a query with these values, as text
CREATE FUNCTION rows_of(query text, arguments text[]) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE
    result text[] := '{}';
    line text;
    list text := (SELECT '(' || string_agg(quote_nullable(a), ',') || ')' FROM unnest(arguments) AS a);
BEGIN
    EXECUTE 'PREPARE one AS SELECT r::text FROM (' || query || E'\n) AS r';
    FOR line IN EXECUTE 'EXECUTE one' || coalesce(list, '') LOOP
        result := result || line;
    END LOOP;
    DEALLOCATE one;
    RETURN result;
END
$$;

CREATE FUNCTION sorted(text[]) RETURNS text[] LANGUAGE sql AS
  'SELECT coalesce(array_agg(a ORDER BY a COLLATE "C"), ''{}'') FROM unnest($1) AS a';

-- the rewrite, and whether it gives the rows of all keys, with or without the
-- key in front; the key is $1
CREATE FUNCTION batch(query text, keys text[], key_column text DEFAULT NULL, others text[] DEFAULT '{}')
RETURNS TABLE (rewrite text, same text) LANGUAGE plpgsql AS $$
DECLARE
    plain text[] := '{}';
    keyed text[] := '{}';
    part text[];
    key text;
    made text[];
BEGIN
    rewrite := querywatch.rewrite(query, 'batch', key_column);
    IF rewrite IS NOT NULL THEN
        FOREACH key IN ARRAY keys LOOP
            part := rows_of(query, key || others);
            plain := plain || part;
            keyed := keyed || ARRAY(SELECT rtrim(ROW(key)::text, ')') || ',' || substr(p, 2) FROM unnest(part) AS p);
        END LOOP;
        made := rows_of(rewrite, keys::text || others);
        same := CASE WHEN cardinality(plain) = 0 THEN 'NO ROWS'
                     WHEN sorted(made) = sorted(keyed) THEN 'same, with key: ' || cardinality(made)
                     WHEN sorted(made) = sorted(plain) THEN 'same: ' || cardinality(made)
                     ELSE 'DIFFERENT' END;
    END IF;
    RETURN NEXT;
END
$$;

\pset format unaligned
\pset tuples_only on
\pset null none

-- conditions as ORMs and people write them
SELECT * FROM batch('SELECT id, title FROM posts WHERE author_id = $1', '{1,5,12,99}');
SELECT * FROM batch('SELECT author_id, title FROM posts WHERE author_id = $1', '{1,5,12,99}');
SELECT * FROM batch('SELECT * FROM posts WHERE $1 = posts.author_id ORDER BY posts.id DESC', '{1,5,12,99,NULL}');
SELECT * FROM batch('SELECT p.id FROM rewriting.posts AS p WHERE p.author_id = $1::INTEGER', '{1,5,12,99}');
SELECT * FROM batch('SELECT p.id FROM posts p WHERE $1::bigint = p.author_id AND score > $2', '{1,5,12}', NULL, '{1}');
SELECT * FROM batch('SELECT p.id FROM posts p WHERE CAST($1 AS bigint) = p.author_id', '{1,5,12}');
SELECT * FROM batch('SELECT p.id FROM posts p WHERE p.author_id=CAST($1 AS int)', '{1,5,12}');
SELECT * FROM batch('SELECT title FROM posts WHERE author_id IN ($1)', '{1,5,12,99}');
SELECT * FROM batch('SELECT title FROM posts WHERE (author_id = ($1))', '{1,5,12,99}');
SELECT * FROM batch('SELECT id FROM authors WHERE email = $1::VARCHAR', '{A1@example.com,A2@example.com}');
SELECT * FROM batch('SELECT id FROM authors WHERE email = $1', '{A1@example.com,A2@example.com}');
SELECT * FROM batch('SELECT id FROM authors WHERE email = $1::character varying(14)', '{A1@example.com,A2@example.com}');
SELECT * FROM batch('SELECT id FROM authors WHERE born = $1::timestamp(3) without time zone', '{1970-01-03 00:00:00,1970-01-04 00:00:00}');
SELECT * FROM batch('SELECT "Größe"."select", "Größe"."a""b" FROM "Größe" WHERE "Größe"."Schlüssel" = $1', '{00000000-0000-0000-0000-000000000002,00000000-0000-0000-0000-000000000003}');
SELECT * FROM batch('SELECT "Größe"."select" AS "ß" FROM "Größe" WHERE "Größe"."Schlüssel" = $1::uuid LIMIT 21', '{00000000-0000-0000-0000-000000000002,00000000-0000-0000-0000-000000000003}');
SELECT * FROM batch('SELECT "select" FROM "Größe" AS "x y" WHERE "x y"."a""b" = $1 AND ''$1 = $1'' <> $$ $1 '' $$ /* $1 */ -- $1', '{2,3}');
SELECT * FROM batch('SELECT id FROM authors WHERE mood = $1', '{sad,ok}');
SELECT * FROM batch('SELECT id FROM authors WHERE code = $1', '{p1,p2}');
SELECT * FROM batch('SELECT id FROM authors WHERE nick = $1', '{BOB1,bob3}');
SELECT * FROM batch('SELECT id FROM authors WHERE name = ($1 || '' 1'')', '{author,writer}');
SELECT * FROM batch('SELECT id FROM authors WHERE name IN ($1 || '' 1'')', '{author,writer}');
SELECT * FROM batch('SELECT id FROM authors WHERE name = CAST($1::int + 1 AS text) || $2', '{1,2}', NULL, '{x}');
SELECT * FROM batch('SELECT id FROM authors WHERE id::text = CAST($1::int AS text)', '{1,2}');
SELECT * FROM batch('SELECT id FROM authors WHERE id = $1::text::int', '{1,2}');
SELECT * FROM batch('SELECT id FROM authors WHERE lower(email) = lower($1)', '{a1@EXAMPLE.com,A2@example.com}');
SELECT * FROM batch('SELECT id FROM authors WHERE name || $2 = $1', '{"author 1-","author 2-"}', NULL, '{-}');
SELECT * FROM batch('SELECT id FROM posts WHERE price = $1', '{1.00,2.00}');

-- joins, several conditions, the same parameter twice
SELECT * FROM batch('SELECT p.id, a.name FROM posts p JOIN authors a ON a.id = p.author_id WHERE a.id = $1', '{1,5,12}');
SELECT * FROM batch('SELECT p.id, a.name FROM posts p LEFT JOIN authors a ON a.id = p.author_id WHERE p.author_id = $1', '{1,5,12}');
SELECT * FROM batch('SELECT p.id, a.name FROM authors a LEFT JOIN posts p ON a.id = p.author_id AND p.score = $1', '{1,2}');
SELECT * FROM batch('SELECT p.id, a.name FROM authors a JOIN posts p ON a.id = p.author_id AND p.score = $1', '{1,2}');
SELECT * FROM batch('SELECT id FROM posts JOIN authors USING (id) WHERE id = $1', '{1,2}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 AND score = $2', '{1,2}', 'posts.author_id', '{1}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 AND score = $2', '{1,2}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 OR score = $1', '{1,2}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 AND score <> $1', '{1,2}');
SELECT * FROM batch('SELECT qty FROM lines WHERE (order_id, line) = ($1, $2)', '{1,2}', 'lines.order_id', '{3}');
SELECT * FROM batch('SELECT a.id, b.id FROM posts a, posts b WHERE a.author_id = $1 AND b.author_id = $2', '{1,2}', 'posts.author_id', '{3}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id IS NOT DISTINCT FROM $1', '{1,NULL}');

-- one row for each key
SELECT * FROM batch('SELECT count(*) FROM posts WHERE author_id = $1', '{1,5,99,NULL,1}');
SELECT * FROM batch('SELECT count(*) AS "n""n", count(title), sum(score), max(title), avg(score) AS count FROM posts p WHERE $1 = p.author_id AND score < $2', '{1,5,99}', NULL, '{3}');
SELECT * FROM batch('SELECT count(*) FROM posts p JOIN authors a ON a.id = p.author_id WHERE a.name = $1', '{author 1,author 2,none}');
SELECT * FROM batch('SELECT count(*) FROM authors WHERE nick = $1', '{BOB1,bob1,x}');
SELECT * FROM batch('SELECT count(*) + 1 FROM posts WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT array_agg(id ORDER BY id) FROM posts WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT count(*) FROM (SELECT DISTINCT score FROM posts WHERE author_id = $1) AS s', '{1,5,99}');
SELECT * FROM batch('SELECT EXISTS (SELECT 1 FROM posts WHERE author_id = $1)', '{1,5,99}');
SELECT * FROM batch('SELECT 1 AS one FROM posts WHERE author_id = $1 LIMIT 1', '{1,5,99}');
SELECT * FROM batch('SELECT * FROM posts WHERE author_id = $1 ORDER BY created_on DESC, id LIMIT 1', '{1,5,99}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 ORDER BY id LIMIT $2 OFFSET $3', '{1,5,99}', NULL, '{2,1}');

-- what is not a plain filter
SELECT * FROM batch('SELECT DISTINCT score FROM posts WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT score, count(*) FROM posts WHERE author_id = $1 GROUP BY score HAVING count(*) > 1', '{1,5,99}');
SELECT * FROM batch('SELECT score, created_on, count(*) FROM posts WHERE author_id = $1 GROUP BY ROLLUP (score, created_on)', '{1,5,99}');
SELECT * FROM batch('SELECT id, row_number() OVER (ORDER BY id) FROM posts WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 UNION SELECT id FROM authors k WHERE id = $1', '{1,5,99}', 'posts.author_id');
SELECT * FROM batch('WITH q AS (SELECT * FROM posts WHERE author_id = $1) SELECT k.id FROM q AS k', '{1,5,99}');
SELECT * FROM batch('WITH q AS (SELECT 1) SELECT id FROM posts, q WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT id FROM authors WHERE id IN (SELECT author_id FROM posts WHERE score = $1)', '{1,2}');
SELECT * FROM batch('SELECT a.id, p.id FROM authors a, LATERAL (SELECT * FROM posts WHERE author_id = a.id ORDER BY id LIMIT 1) p WHERE a.name = $1', '{author 1,author 2}');
SELECT * FROM batch('(SELECT id FROM posts WHERE author_id = $1)', '{1,5,99}');
SELECT * FROM batch('SELECT ALL title FROM posts WHERE author_id = $1 ORDER BY 1', '{1,5,99}');
SELECT * FROM batch('SELECT upper(title) AS author_id FROM posts WHERE author_id = $1 ORDER BY author_id', '{1,5,99}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id OPERATOR(pg_catalog.=) $1', '{1,5,99}');
SELECT * FROM batch('SELECT n FROM prolific WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT title FROM titles WHERE author_id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT kind FROM events WHERE id = $1', '{1,5,99}');
SELECT * FROM batch('SELECT name FROM animals WHERE id = $1', '{1,3,5}');
SELECT * FROM batch('SELECT name FROM ONLY animals WHERE id = $1', '{1,3,5}');

SELECT * FROM batch('WITH RECURSIVE t AS (SELECT id, author_id FROM posts WHERE id = $1 UNION ALL SELECT p.id, p.author_id FROM posts p JOIN t ON p.author_id = t.id AND p.id > 13) SELECT id FROM t', '{3,4}', 'posts.id');
SELECT * FROM batch('SELECT posts, (posts).title FROM posts WHERE (posts).author_id = $1', '{1,5}');
SELECT * FROM batch('SELECT z FROM posts AS p (x, y, z) WHERE p.y = $1', '{1,5}');
SELECT * FROM batch('SELECT id, author_id = $1 AS own FROM posts WHERE id < 4', '{1,5}');
SELECT * FROM batch('SELECT id FROM posts WHERE NOT (author_id = $1) AND id < 4', '{1,5}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 + 1', '{1,5}');
SELECT * FROM batch('SELECT p.id FROM posts p, json_to_recordset(''[{"a": 1}]'') AS r (a int) WHERE p.author_id = $1', '{1,5}');
SELECT * FROM batch('SELECT p.id FROM posts p RIGHT JOIN authors a ON a.id = p.author_id AND a.id = $1', '{1,5}');
SELECT * FROM batch('SELECT DISTINCT ON (score) id, score FROM posts WHERE author_id = $1 ORDER BY score, id DESC', '{1,5}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 EXCEPT ALL SELECT id FROM posts WHERE score = $2', '{1,5}', 'posts.author_id', '{1}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 ORDER BY id FETCH FIRST 2 ROWS WITH TIES', '{1,5}');
SELECT * FROM batch('SELECT p.id, sum(p.score) OVER w FROM posts p WHERE author_id = $1 WINDOW w AS (ORDER BY p.id)', '{1,5}');
-- another search_path than where the tables are; COPY knows no row security
SET search_path = public;
SELECT * FROM rewriting.batch('SELECT id FROM posts WHERE author_id = $1', '{}');
SET search_path = rewriting, public;
ALTER TABLE posts ENABLE ROW LEVEL SECURITY;
SELECT querywatch.rewrite('INSERT INTO posts (id) VALUES ($1)', 'copy');
ALTER TABLE posts DISABLE ROW LEVEL SECURITY;

-- none
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = ANY ($1)', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id IN ($1 /*, ... */)', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE tags = $1', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE payload = $1', '{}');
SELECT * FROM batch('SELECT id, random() FROM posts WHERE author_id = $1', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1 ORDER BY id LIMIT 1 FOR UPDATE', '{}');
SELECT * FROM batch('WITH d AS (DELETE FROM posts WHERE author_id = $1 RETURNING id) SELECT * FROM d', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = ', '{}');
SELECT * FROM batch('SELECT id FROM posts WHERE author_id = $1; SELECT 1', '{}');
SELECT * FROM batch('SELECT id FROM nowhere WHERE author_id = $1', '{}');
SELECT * FROM batch('SELECT id INTO x FROM posts WHERE author_id = $1', '{}');
SELECT * FROM batch('SELECT $2000000000 FROM posts WHERE author_id = $1', '{}');
SELECT * FROM batch('SELECT 1', '{}');
SELECT * FROM batch('', '{}');

-- writes: the table after one execution for each row, and after one for all
CREATE FUNCTION written(query text, rows_ text[][], tab regclass, VARIADIC arrays text[])
RETURNS TABLE (rewrite text, same text) LANGUAGE plpgsql AS $$
DECLARE
    one text[];
    once text[];
    i int;
BEGIN
    rewrite := querywatch.rewrite(query, 'write');
    IF rewrite IS NOT NULL THEN
        BEGIN
            EXECUTE 'PREPARE one AS ' || query;
            FOR i IN 1 .. array_length(rows_, 1) LOOP
                EXECUTE 'EXECUTE one(' || (SELECT string_agg(quote_nullable(r), ',') FROM unnest(rows_[i:i]) AS r) || ')';
            END LOOP;
            DEALLOCATE one;
            one := sorted(rows_of('SELECT * FROM ' || tab, '{}'));
            RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
        EXCEPTION WHEN triggered_action_exception THEN
            NULL;
        END;
        BEGIN
            EXECUTE 'PREPARE two AS ' || rewrite;
            EXECUTE 'EXECUTE two(' || (SELECT string_agg(quote_literal(a), ',') FROM unnest(arrays) AS a) || ')';
            DEALLOCATE two;
            once := sorted(rows_of('SELECT * FROM ' || tab, '{}'));
            RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
        EXCEPTION WHEN triggered_action_exception THEN
            NULL;
        END;
        same := CASE WHEN one = sorted(rows_of('SELECT * FROM ' || tab, '{}')) THEN 'NOTHING WRITTEN'
                     WHEN one = once THEN 'same: ' || cardinality(once)
                     ELSE 'DIFFERENT' END;
    END IF;
    RETURN NEXT;
END
$$;

SELECT * FROM written('INSERT INTO posts (id, author_id, title) VALUES ($1, $2, $3) RETURNING id', '{{101,1,a},{102,NULL,"b c"}}', 'posts', '{101,102}', '{1,NULL}', '{a,b c}');
SELECT * FROM written('INSERT INTO posts AS p (id, title, created_on) VALUES ($1, upper($2), now()) ON CONFLICT (id) DO UPDATE SET title = excluded.title, score = p.score + 1', '{{1,a},{102,b}}', 'posts', '{1,102}', '{a,b}');
SELECT * FROM written('INSERT INTO "Größe" VALUES ($1::uuid, $2, $3::int + $3)', '{{00000000-0000-0000-0000-000000000102,b,4}}', '"Größe"', '{00000000-0000-0000-0000-000000000102}', '{b}', '{4}');
SELECT * FROM written('INSERT INTO authors (id, name, code, mood, email) VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING', '{{1,a,c,ok,e},{102,b,d,sad,f}}', 'authors', '{1,102}', '{a,b}', '{c,d}', '{ok,sad}', '{e,f}');
SELECT * FROM written('INSERT INTO events VALUES ($1, $2, $3)', '{{1,2024-03-01,x},{2,2024-08-01,y}}', 'events', '{1,2}', '{2024-03-01,2024-08-01}', '{x,y}');
SELECT * FROM written('UPDATE posts SET title = $1, score = score + $3 WHERE id = $2 RETURNING *', '{{a,1,5},{b,2,6},{c,999,7}}', 'posts', '{a,b,c}', '{1,2,999}', '{5,6,7}');
SELECT * FROM written('UPDATE "Größe" AS "x y" SET "select" = $1, "a""b" = $3 WHERE "Schlüssel" = $2 AND "x y"."a""b" = $4', '{{a,00000000-0000-0000-0000-000000000001,5,1},{b,00000000-0000-0000-0000-000000000002,6,1}}', '"Größe"', '{a,b}', '{00000000-0000-0000-0000-000000000001,00000000-0000-0000-0000-000000000002}', '{5,6}', '{1,1}');
SELECT * FROM written('UPDATE rewriting.posts SET (title, price) = ($1, $2) WHERE $3 = posts.id OR false', '{}', 'posts', '{}');
SELECT * FROM written('UPDATE rewriting.posts SET (title, price) = ($1, $2) WHERE $3 = posts.id', '{{a,1.5,1},{b,2.5,2}}', 'posts', '{a,b}', '{1.5,2.5}', '{1,2}');
SELECT * FROM written('UPDATE posts SET tags[1] = $1 WHERE id = $2', '{{a,1},{b,2}}', 'posts', '{a,b}', '{1,2}');
SELECT * FROM written('UPDATE lines SET qty = $1 WHERE order_id = $2 AND line = $3', '{{50,1,1},{60,1,2}}', 'lines', '{50,60}', '{1,1}', '{1,2}');
SELECT * FROM written('UPDATE events SET kind = $1 WHERE id = $2', '{{a,1},{b,30}}', 'events', '{a,b}', '{1,30}');
SELECT * FROM written('DELETE FROM posts WHERE id = $1', '{{1},{2}}', 'posts', '{1,2}');
SELECT * FROM written('DELETE FROM posts p WHERE $1 = p.id RETURNING p.title', '{{1},{2}}', 'posts', '{1,2}');
SELECT * FROM written('DELETE FROM lines WHERE order_id = $1 AND line = $2 RETURNING *', '{{1,1},{1,2}}', 'lines', '{1,1}', '{1,2}');
-- none
SELECT * FROM written('INSERT INTO posts (id, tags) VALUES ($1, $2)', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO posts (id, payload) VALUES ($1, $2)', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO posts (id, title) VALUES ($1, default)', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO posts (id, score) VALUES ($1, (SELECT max(score) + 1 FROM posts))', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO posts (id, score) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET score = $3', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO posts (id, score) SELECT $1::int, $2::int', '{}', 'posts', '{}');
SELECT * FROM written('INSERT INTO titles (id, title) VALUES ($1, $2)', '{}', 'posts', '{}');
SELECT * FROM written('UPDATE posts SET id = $1 WHERE id = $2', '{}', 'posts', '{}');
SELECT * FROM written('UPDATE posts SET score = $1 WHERE score > $2', '{}', 'posts', '{}');
SELECT * FROM written('UPDATE posts SET score = (SELECT max(score) FROM posts) WHERE id = $1', '{}', 'posts', '{}');
SELECT * FROM written('UPDATE posts SET score = $1 FROM authors a WHERE a.id = author_id AND a.id = $2', '{}', 'posts', '{}');
SELECT * FROM written('DELETE FROM posts WHERE id < $1', '{}', 'posts', '{}');
SELECT * FROM written('DELETE FROM posts WHERE id = $1 AND random() < $2', '{}', 'posts', '{}');

-- other ways to insert
SELECT querywatch.rewrite(q, 'values'), querywatch.rewrite(q, 'copy')
  FROM unnest(ARRAY['INSERT INTO rewriting.posts (id, "title", tags) VALUES ($1, $2, $3);',
                    'INSERT INTO posts VALUES ($1, $2::int, $3) RETURNING id -- x',
                    'INSERT INTO posts (id, title) VALUES ($2, upper($1) || $2)',
                    'INSERT INTO posts (id, title) VALUES ($1, DEFAULT)',
                    'INSERT INTO posts (id, title) VALUES ($1, $2), ($3, $4)',
                    'INSERT INTO posts (id) SELECT $1']) AS q;
PREPARE two AS INSERT INTO rewriting.posts (id, "title", tags) VALUES ($1, $2, $3), ($4, $5, $6) RETURNING id, title, tags;
BEGIN;
EXECUTE two(201, 'a', '{x}', 202, 'b', '{y}');
COPY rewriting.posts (id, title, tags) FROM STDIN;
203	c	{z}
\.
SELECT count(*) FROM posts WHERE id > 200;
ROLLBACK;

-- pages: all of them, by key, in the order of the original
CREATE FUNCTION pages(query text, first_page text, key_columns text[], page int) RETURNS TABLE (rewrite text, same text) LANGUAGE plpgsql AS $$
DECLARE
    all_rows text[];
    walked text[] := '{}';
    line record;
    arguments text;
    n int;
BEGIN
    rewrite := querywatch.rewrite(query, 'keyset');
    IF rewrite IS NOT NULL THEN
        all_rows := rows_of(regexp_replace(rewrite, '(WHERE|AND) \S* *\(?[^=]*? [<>] .* ORDER BY (.*) LIMIT.*', 'ORDER BY \2'), '{}');
        EXECUTE 'PREPARE next AS ' || rewrite;
        FOR line IN EXECUTE first_page LOOP
            walked := walked || line::text;
            arguments := (SELECT string_agg(quote_literal(to_jsonb(line)->>c), ',') FROM unnest(key_columns) AS c);
        END LOOP;
        LOOP
            n := 0;
            FOR line IN EXECUTE 'EXECUTE next(' || page || ',' || arguments || ')' LOOP
                n := n + 1;
                walked := walked || line::text;
                arguments := (SELECT string_agg(quote_literal(to_jsonb(line)->>c), ',') FROM unnest(key_columns) AS c);
            END LOOP;
            EXIT WHEN n = 0;
        END LOOP;
        DEALLOCATE next;
        same := CASE WHEN walked = all_rows THEN 'same: ' || cardinality(walked) ELSE 'DIFFERENT' END;
    END IF;
    RETURN NEXT;
END
$$;

SELECT * FROM pages('SELECT id, title FROM posts ORDER BY id LIMIT $1 OFFSET $2', 'SELECT id, title FROM posts ORDER BY id LIMIT 7', '{id}', 7);
SELECT * FROM pages('SELECT * FROM posts AS p ORDER BY p.created_on DESC OFFSET $2 LIMIT $1', 'SELECT * FROM posts ORDER BY created_on DESC, id DESC LIMIT 7', '{created_on,id}', 7);
SELECT * FROM pages('SELECT id, score, created_on FROM posts ORDER BY score, created_on DESC LIMIT $1 OFFSET $2', 'SELECT id, score, created_on FROM posts ORDER BY score, created_on DESC, id DESC LIMIT 7', '{score,created_on,id}', 7);
SELECT * FROM pages('SELECT title FROM posts ORDER BY created_on LIMIT $1 OFFSET $2', 'SELECT created_on, id, title FROM posts ORDER BY created_on, id LIMIT 7', '{created_on,id}', 7);
SELECT * FROM pages('SELECT * FROM lines ORDER BY order_id LIMIT $1 OFFSET $2 ROWS', 'SELECT * FROM lines ORDER BY order_id, line LIMIT 7', '{order_id,line}', 7);
SELECT * FROM pages('SELECT "select", "Schlüssel" FROM "Größe" ORDER BY "Größe"."Schlüssel" DESC LIMIT $1 OFFSET CAST($2 AS bigint)', 'SELECT "select", "Schlüssel" FROM "Größe" ORDER BY "Schlüssel" DESC LIMIT 2', '{Schlüssel}', 2);
SELECT * FROM pages('SELECT * FROM events ORDER BY day, id LIMIT $1 OFFSET $2', 'SELECT * FROM events ORDER BY day, id LIMIT 7', '{day,id}', 7);
SELECT querywatch.rewrite('SELECT * FROM posts WHERE author_id = $1 OR score = $2 ORDER BY id LIMIT $3 OFFSET $4', 'keyset');
SELECT querywatch.rewrite('SELECT * FROM posts WHERE author_id = $1 AND score = $2 ORDER BY created_on DESC LIMIT $3 OFFSET $4', 'keyset');
-- none
SELECT q, querywatch.rewrite(q, 'keyset')
  FROM unnest(ARRAY['SELECT * FROM posts ORDER BY title LIMIT $1 OFFSET $2',
                    'SELECT * FROM posts ORDER BY score + 1 LIMIT $1 OFFSET $2',
                    'SELECT * FROM posts LIMIT $1 OFFSET $2',
                    'SELECT * FROM posts ORDER BY id OFFSET $1',
                    'SELECT * FROM posts ORDER BY id LIMIT $1',
                    'SELECT * FROM posts ORDER BY id LIMIT $1 OFFSET $1',
                    'SELECT * FROM posts ORDER BY id LIMIT $1 OFFSET $2 * $3',
                    'SELECT * FROM posts ORDER BY id FETCH FIRST $1 ROWS WITH TIES OFFSET $2',
                    'SELECT DISTINCT id FROM posts ORDER BY id LIMIT $1 OFFSET $2',
                    'SELECT score FROM posts GROUP BY score ORDER BY score LIMIT $1 OFFSET $2',
                    'SELECT posts.id FROM posts, authors ORDER BY posts.id LIMIT $1 OFFSET $2',
                    'SELECT id FROM titles ORDER BY id LIMIT $1 OFFSET $2',
                    'SELECT id FROM animals ORDER BY id LIMIT $1 OFFSET $2',
                    'SELECT title AS id FROM posts ORDER BY created_on LIMIT $1 OFFSET $2',
                    'SELECT id FROM posts UNION SELECT id FROM authors ORDER BY id LIMIT $1 OFFSET $2']) AS q;

-- parent and child in one: against the child run for each row of the parent
CREATE FUNCTION joined(parent text, parent_column text, child text, key text, parent_args text[] DEFAULT '{}', child_args text[] DEFAULT '{}')
RETURNS TABLE (rewrite text, same text) LANGUAGE plpgsql AS $$
DECLARE
    original text[];
    made text[];
BEGIN
    rewrite := querywatch.rewrite(child, 'join', NULL, parent, parent_column);
    IF rewrite IS NOT NULL THEN
        -- children by key, of the rewrite for lists, which was tested above
        original := rows_of(format('SELECT p.*, c.* FROM (%s) AS p LEFT JOIN LATERAL (%s) AS c ON true', parent,
                                   regexp_replace(child, '\$1\M', 'p.' || key)), parent_args || child_args);
        made := rows_of(regexp_replace(rewrite, 'ORDER BY name$', ''), parent_args || child_args);
        same := CASE WHEN cardinality(made) = 0 THEN 'NO ROWS'
                     WHEN sorted(original) = sorted(made) THEN 'same: ' || cardinality(made)
                     ELSE 'DIFFERENT' END;
    END IF;
    RETURN NEXT;
END
$$;

SELECT * FROM joined('SELECT id, name FROM authors', 'authors.id', 'SELECT id, title FROM posts WHERE author_id = $1', 'id');
SELECT * FROM joined('SELECT * FROM authors AS a WHERE a.born > $1 ORDER BY name', 'authors.id', 'SELECT b.* FROM posts b WHERE $1 = b.author_id', 'id', '{1970-01-05}');
SELECT * FROM joined('SELECT * FROM authors ORDER BY id LIMIT 3', 'authors.id', 'SELECT * FROM posts WHERE author_id = $1 AND score > 0', 'id');
SELECT * FROM joined('SELECT * FROM posts', 'posts.author_id', 'SELECT authors.* FROM authors WHERE authors.id = $1', 'author_id');
SELECT * FROM joined('SELECT * FROM authors', 'authors.id', 'SELECT count(*) FROM posts WHERE author_id = $1', 'id');
SELECT * FROM joined('SELECT * FROM posts WHERE score = 1', 'posts.id', 'SELECT * FROM posts WHERE author_id = $1', 'id');
SELECT * FROM joined('SELECT a.id FROM authors a JOIN posts p ON p.author_id = a.id', 'authors.id', 'SELECT title FROM posts WHERE author_id = $1 ORDER BY id LIMIT 1', 'id');
-- none: the key is not in the output, or is volatile, or locks
SELECT * FROM joined('SELECT DISTINCT name FROM authors', 'authors.id', 'SELECT * FROM posts WHERE author_id = $1', 'id');
SELECT * FROM joined('SELECT id, random() FROM authors', 'authors.id', 'SELECT * FROM posts WHERE author_id = $1', 'id');
SELECT * FROM joined('SELECT * FROM authors ORDER BY id LIMIT 3 FOR UPDATE', 'authors.id', 'SELECT * FROM posts WHERE author_id = $1', 'id');

-- how it is called
\set VERBOSITY terse
SELECT querywatch.rewrite('SELECT 1', 'better');
SELECT querywatch.rewrite('SELECT 1', 'join');
SELECT querywatch.rewrite('SELECT 1', 'batch', 'id');
SELECT querywatch.rewrite('SELECT 1', 'batch', 'posts.nowhere');
SELECT querywatch.rewrite(NULL, 'batch');
SELECT querywatch.rewrite('SELECT nowhere FROM posts WHERE author_id = $1', 'batch');
SELECT querywatch.rewrite('UPDATE posts SET nowhere = $1 WHERE id = $2', 'write');

-- a cancel is not swallowed
SET statement_timeout = '300ms';
SELECT count(querywatch.rewrite('SELECT id FROM posts WHERE author_id = $1', 'batch')) FROM generate_series(1, 10000000);
RESET statement_timeout;
\set VERBOSITY default

-- nothing stays locked
BEGIN;
SELECT count(querywatch.rewrite('SELECT id FROM posts WHERE author_id = $1', 'batch'));
SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND relation = 'posts'::regclass;
COMMIT;

SET client_min_messages = warning;
DROP SCHEMA rewriting CASCADE;

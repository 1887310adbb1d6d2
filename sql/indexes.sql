--
-- missing_index(): what a statement would need, and each of it can be created
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
CREATE SCHEMA "Indexing";
SET search_path = "Indexing", public;

CREATE FUNCTION stable_one() RETURNS int LANGUAGE sql STABLE AS 'SELECT 1';
CREATE TABLE posts (
    id int PRIMARY KEY,
    author_id int,
    state text,
    email varchar(50),
    "Name" text COLLATE "C",
    created_at timestamptz,
    payload jsonb,
    tags text[],
    place point
);
INSERT INTO posts
  SELECT i, i % 1000, 's' || i % 3, 'e' || i, 'n' || i, '2024-01-01'::timestamptz + i * interval '1 min', '{}', '{a}'
    FROM generate_series(1, 3000) AS i;
CREATE TABLE served (a int, b int, c text, d jsonb);
CREATE INDEX ON served (b, a, c);
CREATE INDEX ON served (lower(c));
CREATE INDEX ON served USING hash (c);
CREATE INDEX ON served USING gin (d);
CREATE TABLE partly (a int, b int);
CREATE INDEX ON partly (a) WHERE b > 0;
CREATE INDEX ON partly (a, b);
UPDATE pg_index SET indisvalid = false WHERE indrelid = 'partly'::regclass AND indnatts = 2;
CREATE TABLE events (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
CREATE VIEW drafts AS SELECT id, author_id AS author FROM posts WHERE state = 'draft';
CREATE TEMPORARY TABLE scratch (a int);
CREATE TABLE flags (id int, done boolean, state text, at date);
CREATE INDEX ON flags (id) WHERE done;
CREATE INDEX ON flags (at) WHERE state = 'open';
CREATE TABLE wide (id int, body text, doc text[]);
INSERT INTO wide SELECT i, repeat(md5(i::text), 100), array_fill(repeat(md5(i::text), 100), '{2}')
  FROM generate_series(1, 20) AS i;
CREATE TABLE visits (during int4range, path text);
CREATE TABLE days (day int, what text) PARTITION BY LIST (day);
CREATE TABLE days_1 PARTITION OF days FOR VALUES IN (1);
CREATE VIEW named_days AS SELECT * FROM days WHERE what IS NOT NULL;
ANALYZE posts;
ANALYZE wide;
RESET client_min_messages;

-- the advice, which must be one that can be followed, and is not given again
CREATE FUNCTION advise(query text, tab regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    advice text := (querywatch.missing_index(query, tab)).statement;
BEGIN
    IF advice IS NOT NULL THEN
        BEGIN
            EXECUTE replace(advice, 'CONCURRENTLY ', '');
            IF querywatch.missing_index(query, tab) IS NOT NULL THEN
                advice := advice || ' -- AGAIN';
            END IF;
            RAISE EXCEPTION USING ERRCODE = 'triggered_action_exception';
        EXCEPTION WHEN triggered_action_exception THEN
            NULL;
        END;
    END IF;
    RETURN advice;
END
$$;

\pset format unaligned
\pset tuples_only on
\pset null none

-- equality, the most distinct first; then a range, or an order that is cut
SELECT advise('SELECT * FROM posts WHERE author_id = $1', 'posts');
SELECT advise('SELECT * FROM posts AS p WHERE $1 = p.author_id AND p.state IN ($2, $3)', 'posts');
SELECT advise('SELECT * FROM posts WHERE state = $2 AND author_id = $1 AND created_at > $3', 'posts');
SELECT advise('SELECT * FROM posts WHERE created_at BETWEEN $1 AND $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE (created_at, id) > ($1, $2) ORDER BY created_at, id LIMIT 10', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 ORDER BY created_at DESC LIMIT $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 ORDER BY created_at DESC, id LIMIT $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 ORDER BY created_at DESC NULLS LAST LIMIT $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 ORDER BY created_at', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 AND email IS NULL', 'posts');
SELECT advise('SELECT * FROM posts WHERE "Name" = $1::text', 'posts');
SELECT advise('SELECT * FROM posts WHERE email = $1::varchar', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = stable_one()', 'posts');
-- boolean columns
SELECT advise('SELECT * FROM flags WHERE done', 'flags');
SELECT advise('SELECT * FROM flags WHERE NOT done AND state = $1', 'flags');
SELECT advise('SELECT * FROM flags WHERE done IS TRUE', 'flags');
SELECT advise('SELECT * FROM flags WHERE done IS NOT TRUE', 'flags');
-- values too wide for a B-tree
SELECT advise('SELECT * FROM wide WHERE body = $1', 'wide');
SELECT advise('SELECT * FROM wide WHERE body = $1 AND id = $2', 'wide');
SELECT advise('SELECT * FROM wide WHERE body > $1', 'wide');
SELECT advise('SELECT * FROM wide WHERE body > $1 AND id > $2', 'wide');
-- expressions
SELECT advise('SELECT * FROM posts WHERE lower(email) = lower($1)', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id + id = $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE coalesce(state, email) = $1', 'posts');
-- GIN
SELECT advise('SELECT * FROM posts WHERE payload @> $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE tags && $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE payload @> $1 AND author_id = $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE place ~= $1', 'posts');
SELECT advise('SELECT * FROM visits WHERE during @> $1::int', 'visits');
SELECT advise('SELECT * FROM visits WHERE $1 && during', 'visits');
SELECT advise('SELECT * FROM visits WHERE during <> $1', 'visits');
SELECT advise('SELECT * FROM visits WHERE path ^@ $1', 'visits');

-- a partition of a table that the statement names somewhere
SELECT advise('SELECT * FROM posts WHERE EXISTS (SELECT FROM days WHERE days.day = posts.id AND days.what = $1)', 'days_1');
SELECT advise('SELECT * FROM named_days WHERE what = $1', 'days_1');
SELECT advise('SELECT * FROM days_1 WHERE what = $1', 'days_1');
-- anywhere in a statement
SELECT advise('SELECT a.id FROM posts AS a JOIN served AS s ON s.a = a.id AND a.author_id = $1', 'posts');
SELECT advise('SELECT s.a FROM served AS s LEFT JOIN posts AS p ON p.id = s.a AND p.author_id = $1', 'posts');
SELECT advise('SELECT count(*) FROM (SELECT * FROM posts WHERE author_id = $1) AS s', 'posts');
SELECT advise('WITH q AS (SELECT * FROM posts WHERE author_id = $1) SELECT * FROM q', 'posts');
SELECT advise('SELECT * FROM served WHERE a IN (SELECT id FROM posts WHERE author_id = $1)', 'posts');
SELECT advise('SELECT * FROM drafts WHERE author = $1', 'posts');
SELECT advise('UPDATE posts SET state = $1 WHERE author_id = $2', 'posts');
SELECT advise('DELETE FROM posts WHERE created_at < now() - $1::interval', 'posts');
SELECT advise('SELECT * FROM events WHERE id = $1', 'events_2024');
SELECT advise('SELECT * FROM events WHERE id = $1', 'events');
SELECT advise('SELECT * FROM partly WHERE a = $1 AND b = $2', 'partly');
-- none: no condition that an index serves
SELECT advise('SELECT * FROM posts', 'posts');
SELECT advise('SELECT * FROM posts ORDER BY created_at LIMIT 10', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = $1 OR state = $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id <> $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = random() * $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE author_id = id', 'posts');
SELECT advise('SELECT * FROM posts WHERE id + $2 = $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE created_at::date = $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE date_trunc($1, created_at) = $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE email LIKE $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE "Name" = $1 COLLATE "POSIX"', 'posts');
SELECT advise('SELECT * FROM posts WHERE $1 = ANY (tags)', 'posts');
SELECT advise('SELECT s.a FROM posts AS p LEFT JOIN served AS s ON p.author_id = $1', 'posts');
SELECT advise('INSERT INTO posts (id) VALUES ($1)', 'posts');
-- none: an index serves it
SELECT advise('SELECT * FROM posts WHERE id = $1', 'posts');
SELECT advise('SELECT * FROM posts WHERE id = $1 AND author_id = $2', 'posts');
SELECT advise('SELECT * FROM posts WHERE id > $1', 'posts');
SELECT advise('SELECT * FROM served WHERE a = $1 AND b = $2', 'served');
SELECT advise('SELECT * FROM served WHERE b = $1 AND c > $2', 'served');
SELECT advise('SELECT * FROM served WHERE lower(c) = $1', 'served');
SELECT advise('SELECT * FROM served WHERE c = $1', 'served');
SELECT advise('SELECT * FROM served WHERE d @> $1', 'served');
SELECT advise('SELECT * FROM flags WHERE done AND id = $1', 'flags');
SELECT advise('SELECT * FROM flags WHERE state = $1 AND at = $2', 'flags');
-- but this one doesn't
SELECT advise('SELECT * FROM flags WHERE NOT done AND id = $1', 'flags');
SELECT advise('SELECT * FROM flags WHERE id = $1', 'flags');
SELECT advise('SELECT * FROM flags WHERE state > $1 AND at = $2', 'flags');
SELECT advise('SELECT * FROM served WHERE a = $1', 'served');
-- none: not a table to be indexed, or none of the statement's, or no statement
SELECT advise('SELECT * FROM scratch WHERE a = $1', 'scratch');
SELECT advise('SELECT * FROM pg_class WHERE relpages = $1', 'pg_class');
SELECT advise('SELECT * FROM posts WHERE author_id = $1', 'served');
SELECT advise('SELECT * FROM posts WHERE author_id = ', 'posts');

SET client_min_messages = warning;
DROP SCHEMA "Indexing" CASCADE;

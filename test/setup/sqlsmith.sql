-- What sqlsmith finds beside the catalogs: tables of all kinds, and as a role
-- without superuser's functions all of ours.
CREATE EXTENSION pg_querywatch;
CREATE SCHEMA shop;
SET search_path = shop;
CREATE TABLE author (id int PRIMARY KEY, name text, born date, boss int REFERENCES author);
CREATE TABLE post (id bigint PRIMARY KEY, author_id int REFERENCES author,
	title varchar(80), tags text[], body jsonb, rating numeric, written timestamptz, token uuid);
CREATE TABLE reading (post_id bigint, day date, views int) PARTITION BY RANGE (day);
CREATE TABLE reading_2025 PARTITION OF reading FOR VALUES FROM ('2025-01-01') TO ('2026-01-01');
CREATE TABLE reading_2026 PARTITION OF reading FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
CREATE INDEX ON post (author_id);
CREATE VIEW popular AS
	SELECT p.id, p.title, a.name, sum(r.views) AS views
	FROM post AS p JOIN author AS a ON a.id = p.author_id JOIN reading AS r ON r.post_id = p.id
	GROUP BY p.id, a.name;
-- nested statements, and one that fails now and then
CREATE FUNCTION posts_of(author int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
	n bigint := 0;
	title text;
BEGIN
	FOR title IN SELECT p.title FROM shop.post AS p WHERE p.author_id = author LOOP
		n := n + length(title) / (SELECT a.id - 13 FROM shop.author AS a WHERE a.id = author);
	END LOOP;
	RETURN n;
END $$;
INSERT INTO author SELECT i, 'author ' || i, '1970-01-01'::date + i, nullif(i / 10, 0)
	FROM generate_series(1, 100) AS i;
INSERT INTO post SELECT i, i % 100 + 1, 'post ' || i, ARRAY['a', 'b'], '{"a": 1}', i / 3.0,
		'2026-01-01'::timestamptz + i * interval '1 hour', gen_random_uuid()
	FROM generate_series(1, 1000) AS i;
INSERT INTO reading SELECT i, '2025-12-01'::date + i % 60, i FROM generate_series(1, 1000) AS i;
ANALYZE;
CREATE ROLE smith LOGIN IN ROLE pg_read_all_stats;
GRANT USAGE ON SCHEMA shop TO smith;
GRANT ALL ON ALL TABLES IN SCHEMA shop, public TO smith;
GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA querywatch TO smith;

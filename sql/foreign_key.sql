--
-- unindexed_foreign_key: triggers that read a table in full
--
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
SET pg_querywatch.track = 'top';
SET jit = off;
SET max_parallel_workers_per_gather = 0;
SET client_min_messages = warning;
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE SCHEMA fkeys;
SET search_path = fkeys, public;

-- shares of time are left out
CREATE FUNCTION found() RETURNS TABLE
    (query text, evidence text, suggestion text, rewrite text)
LANGUAGE sql AS $$
  SELECT f.query, regexp_replace(f.evidence, ': [0-9]+ % of its time', ': n % of its time'),
         f.suggestion, f.rewrite
    FROM querywatch.findings AS f
   WHERE f.kind = 'unindexed_foreign_key' AND f.datname = current_database()
   ORDER BY f.query COLLATE "C"
$$;
\x on
\pset null none

CREATE TABLE author (id int PRIMARY KEY, name text, UNIQUE (id, name));
CREATE TABLE book (id int PRIMARY KEY, author_id int, author_name text,
                   CONSTRAINT book_author FOREIGN KEY (author_id) REFERENCES author);
CREATE TABLE review (id int PRIMARY KEY, book_id int,
                     CONSTRAINT review_book FOREIGN KEY (book_id) REFERENCES book ON DELETE CASCADE ON UPDATE CASCADE);
INSERT INTO author SELECT i, 'author ' || i FROM generate_series(1, 1000) AS i;
INSERT INTO book SELECT i, 1 + i % 500 FROM generate_series(1, 30000) AS i;
INSERT INTO review SELECT i, 1 + i % 20000 FROM generate_series(1, 40000) AS i;
VACUUM ANALYZE author, book, review;

-- nothing references the rows; a cascade; a key that changes
DELETE FROM author WHERE id BETWEEN 901 AND 903;
DELETE FROM book WHERE id = 1;
UPDATE book SET id = 50000 WHERE id = 2;
SELECT * FROM found();

-- with nested statements recorded it is the same
SET pg_querywatch.track = 'all';
SELECT querywatch.reset() IS NOT NULL AS reset;
DELETE FROM author WHERE id BETWEEN 904 AND 906;
SELECT * FROM found();
SET pg_querywatch.track = 'top';

-- where there is an index by now, the finding is gone
BEGIN;
CREATE INDEX ON book (author_id);
SELECT count(*) FROM found();
ROLLBACK;
SELECT count(*) FROM found();

-- a statement that fails, or whose key stays, or that was undone
SELECT querywatch.reset() IS NOT NULL AS reset;
UPDATE author SET name = 'x' WHERE id = 907;
\set VERBOSITY terse
DELETE FROM author WHERE id = 1;
SELECT count(*) FROM found();

-- another column than the foreign key's, by a trigger of the application's
CREATE FUNCTION look() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  DELETE FROM "book" WHERE author_name = OLD.id::text;
  RETURN NULL;
END $$;
CREATE TRIGGER look AFTER DELETE ON review FOR EACH ROW EXECUTE FUNCTION look();
DELETE FROM review WHERE id = 7;
SELECT count(*) FROM found();
DROP TRIGGER look ON review;

-- with an index there is none
CREATE INDEX book_author_id ON book (author_id);
CREATE INDEX review_book_id ON review (book_id);
DELETE FROM author WHERE id BETWEEN 908 AND 910;
DELETE FROM book WHERE id BETWEEN 3 AND 5;
SELECT count(*) FROM found();

-- two columns, and partitions
SELECT querywatch.reset() IS NOT NULL AS reset;
CREATE TABLE sale (id int, author_id int, author_name text,
                   CONSTRAINT sale_author FOREIGN KEY (author_id, author_name) REFERENCES author (id, name))
  PARTITION BY RANGE (id);
CREATE TABLE sale_1 PARTITION OF sale FOR VALUES FROM (1) TO (20000);
CREATE TABLE sale_2 PARTITION OF sale FOR VALUES FROM (20000) TO (40000);
INSERT INTO sale SELECT i, 10 + i % 100, 'author ' || 10 + i % 100 FROM generate_series(1, 39999) AS i;
VACUUM ANALYZE sale;
DELETE FROM author WHERE id = 911;
SELECT * FROM found();

-- of another role's statement, no text is told to those who may not see it
CREATE ROLE regress_fkeys;
GRANT USAGE ON SCHEMA fkeys TO regress_fkeys;
SET ROLE regress_fkeys;
SELECT query, evidence, suggestion, rewrite
  FROM querywatch.findings WHERE kind = 'unindexed_foreign_key' AND datname = current_database();
RESET ROLE;

\x off
SET client_min_messages = error;
DROP SCHEMA fkeys CASCADE;
DROP ROLE regress_fkeys;
SELECT querywatch.reset() IS NOT NULL AS reset;

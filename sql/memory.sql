--
-- Memory that a backend has for finding repeats
--
CREATE TABLE memory_rows (id int PRIMARY KEY, a int, b int, c int);
INSERT INTO memory_rows SELECT i, 7 * i, 11 * i, 13 * i
FROM generate_series(1, 300) AS i;
CREATE VIEW detector_memory AS
SELECT sum(total_bytes) AS bytes FROM pg_backend_memory_contexts
WHERE name = 'pg_querywatch detector';

-- a new connection, with many statements, none of which is repeated
\c
\set ECHO none
\o /dev/null
SELECT format('SELECT %s, a FROM memory_rows WHERE id = 1', repeat('b, ', i) || 'c')
FROM generate_series(1, 30) AS i \gexec
SELECT * FROM memory_rows;
\o
\set ECHO all
SELECT bytes <= 64 * 1024 AS is_small FROM detector_memory;

-- loops over many rows by many statements, with few and with many values,
-- in one transaction and alone, one after another
\set ECHO none
\o /dev/null
SELECT format('SELECT %s, * FROM memory_rows ORDER BY id', repeat('b, ', i % 40) || 'c')
FROM generate_series(1, 80) AS i \gexec
SELECT format('SELECT %s FROM memory_rows WHERE id = %s', repeat('b, ', j) || 'c', i)
FROM generate_series(1, 30) AS i, generate_series(1, 40) AS j \gexec
SELECT format('SELECT %s, * FROM memory_rows ORDER BY id', repeat('b, ', i % 40) || 'c')
FROM generate_series(1, 80) AS i \gexec
BEGIN;
SELECT format('SELECT %s FROM memory_rows WHERE id = %s AND a = %s', repeat('b, ', j) || 'c', i, 7 * i)
FROM generate_series(1, 10) AS i, generate_series(1, 100) AS j \gexec
COMMIT;
SELECT format('UPDATE memory_rows SET b = %s WHERE id = %s', i, i)
FROM generate_series(1, 300) AS i \gexec
\o
\set ECHO all
SELECT bytes <= 1024 * 1024 AS is_bounded FROM detector_memory;

-- more loops than there is memory for, each in a transaction: those of earlier
-- transactions make room
\c
\set ECHO none
\o /dev/null
SELECT statement
FROM generate_series(1, 200) AS loop,
     LATERAL (SELECT 0 AS i, 'BEGIN' AS statement
              UNION ALL
              SELECT i, format('SELECT %s FROM memory_rows WHERE id = %s', repeat('a, ', loop) || 'c', i)
              FROM generate_series(1, 10) AS i
              UNION ALL
              SELECT 11, 'COMMIT') AS s
ORDER BY loop, i \gexec
\o
\set ECHO all
SELECT bytes <= 1024 * 1024 AS is_bounded FROM detector_memory;
SELECT count(*) AS loops, min(executions), max(executions)
FROM querywatch.repeated_statements
WHERE query LIKE 'SELECT a%memory_rows%' AND kind = 'repeated_lookup';

-- while on_repeat is on, rows of all SELECTs are kept, which takes more; it is
-- given back when that ends, as is what a lower setting leaves no room for
\c
\set ECHO none
\o /dev/null
SET pg_querywatch.on_repeat = log;
BEGIN;
SELECT format('SELECT %s, * FROM memory_rows AS r, memory_rows AS s, memory_rows AS t WHERE r.id = s.id AND t.id = s.id ORDER BY 1', repeat('r.b, ', i) || 'r.c')
FROM generate_series(1, 40) AS i \gexec
COMMIT;
CREATE TEMP TABLE memory_then AS SELECT bytes FROM detector_memory;
RESET pg_querywatch.on_repeat;
SELECT pg_sleep(0.3);
SELECT count(*) FROM memory_rows;
\o
\set ECHO all
SELECT t.bytes > 1024 * 1024 AS was_more, d.bytes <= 1024 * 1024 AS is_bounded
FROM memory_then t, detector_memory d;
\set ECHO none
\o /dev/null
BEGIN;
SELECT format('SELECT %s FROM memory_rows WHERE id = %s', repeat('b, ', j) || 'c', i)
FROM generate_series(1, 30) AS i, generate_series(1, 40) AS j \gexec
COMMIT;
CREATE TEMP TABLE memory_then_2 AS SELECT bytes FROM detector_memory;
SET pg_querywatch.repeat_memory = '256kB';
SELECT pg_sleep(0.3);
SELECT count(*) FROM memory_rows;
\o
\set ECHO all
SELECT t.bytes > 256 * 1024 AS was_more, d.bytes <= 256 * 1024 AS is_bounded
FROM memory_then_2 t, detector_memory d;
RESET pg_querywatch.repeat_memory;

DROP VIEW detector_memory;
DROP TABLE memory_rows;
SELECT count(*) AS patterns FROM querywatch.repeated_statements
WHERE query LIKE '%memory_rows%' AND kind = 'row_by_row_update';
SELECT querywatch.reset_patterns() IS NOT NULL AS reset;

--
-- Statements as applications send them, for which there is a rewrite; those
-- without one are listed
--
SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
DROP SCHEMA IF EXISTS kept CASCADE;
CREATE SCHEMA kept;
SET search_path = kept, public;

CREATE TABLE customers (id bigserial PRIMARY KEY, name text NOT NULL, email varchar(80) UNIQUE, created_at timestamptz NOT NULL DEFAULT now());
CREATE TABLE orders (
    id bigserial PRIMARY KEY, customer_id bigint NOT NULL REFERENCES customers, status varchar(20) NOT NULL DEFAULT 'new',
    total numeric(10,2) NOT NULL, placed_on date NOT NULL, updated_at timestamptz NOT NULL, tags text[], details jsonb
);
CREATE TABLE lines (order_id bigint REFERENCES orders, number int, product_id int, quantity int NOT NULL, PRIMARY KEY (order_id, number));
CREATE TABLE pages (page_id int PRIMARY KEY, namespace int NOT NULL, title text NOT NULL, touched timestamptz NOT NULL, UNIQUE (namespace, title));
CREATE TABLE events (id uuid, day date, kind text, PRIMARY KEY (id, day)) PARTITION BY RANGE (day);
CREATE TABLE events_1 PARTITION OF events DEFAULT;
CREATE VIEW open_orders AS SELECT o.id, o.customer_id, o.total, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE o.status <> 'done';

CREATE TABLE batches (n serial, query text);
INSERT INTO batches (query)
  SELECT format('SELECT %s FROM orders WHERE %s%s', output, condition, tail)
    FROM unnest(ARRAY['*', 'id, total', 'orders.customer_id, orders.status', 'count(*)', 'sum(total), max(placed_on)']) AS output,
         unnest(ARRAY['customer_id = $1', 'orders.customer_id = $1 AND status <> $2', '$1 = customer_id', 'customer_id IN ($1)', 'status = $1']) AS condition,
         unnest(ARRAY['', ' ORDER BY placed_on DESC, id']) AS tail
   WHERE tail = '' OR output !~ 'count|sum';
INSERT INTO batches (query) VALUES
  ('SELECT name FROM customers WHERE id = $1 LIMIT 21'),
  ('SELECT customers.* FROM customers WHERE customers.id = $1 LIMIT 1'),
  ('SELECT id FROM customers WHERE email = $1 LIMIT $2'),
  ('SELECT 1 AS one FROM orders WHERE customer_id = $1 LIMIT 1'),
  ('SELECT EXISTS (SELECT 1 FROM orders WHERE customer_id = $1)'),
  ('SELECT id FROM orders WHERE customer_id = $1 ORDER BY placed_on DESC LIMIT 1'),
  ('SELECT id FROM orders WHERE customer_id = $1 AND updated_at < now()'),
  ('SELECT id, now() - updated_at AS age FROM orders WHERE customer_id = $1'),
  ('SELECT to_char(updated_at, ''YYYY''), count(*) FROM orders WHERE customer_id = $1 GROUP BY 1 ORDER BY 1'),
  ('SELECT o.id, c.name FROM orders o JOIN customers c ON c.id = o.customer_id WHERE c.id = $1'),
  ('SELECT o.id, l.* FROM orders o LEFT JOIN lines l ON l.order_id = o.id WHERE o.id = $1 ORDER BY l.number'),
  ('SELECT * FROM lines WHERE order_id = $1 AND quantity > 3'),
  ('SELECT DISTINCT product_id FROM lines WHERE order_id = $1'),
  ('SELECT product_id, sum(quantity) FROM lines WHERE order_id = $1 GROUP BY product_id'),
  ('SELECT * FROM open_orders WHERE customer_id = $1'),
  ('SELECT * FROM open_orders WHERE id = $1'),
  ('SELECT kind FROM events WHERE id = $1'),
  ('SELECT details ->> ''a'' FROM orders WHERE id = $1'),
  ('SELECT coalesce(sum(total), 0) FROM orders WHERE customer_id = $1'),
  ('SELECT array_agg(id ORDER BY id) FROM orders WHERE customer_id = $1'),
  ('SELECT id, row_number() OVER (ORDER BY placed_on) FROM orders WHERE customer_id = $1'),
  ('WITH mine AS (SELECT * FROM orders WHERE customer_id = $1) SELECT count(*) FROM mine WHERE total > 5'),
  ('SELECT id FROM orders WHERE customer_id = $1 UNION SELECT order_id FROM lines WHERE product_id = 3'),
  ('SELECT id FROM customers WHERE lower(email) = lower($1)'),
  ('SELECT id FROM orders WHERE customer_id = $1 FOR UPDATE'),
  ('SELECT c.id FROM customers c WHERE c.id IN (SELECT customer_id FROM orders WHERE status = $1)'),
  ('SELECT id FROM orders WHERE customer_id = $1 AND ''a'' = ANY (tags)'),
  ('SELECT page_id FROM pages WHERE namespace = 0 AND title = $1'),
  ('SELECT id FROM orders WHERE placed_on = $1::date'),
  ('SELECT id FROM orders WHERE placed_on = CAST($1 AS date)'),
  ('SELECT u.id FROM customers AS u INNER JOIN orders ON (u.id = orders.customer_id) WHERE orders.id = $1 LIMIT 21'),
  ('SELECT id, updated_at AT TIME ZONE ''UTC'' FROM orders WHERE id = $1'),
  ('SELECT id, extract(year FROM placed_on) FROM orders WHERE id = $1'),
  ('SELECT json_build_object(''id'', id) FROM orders WHERE customer_id = $1'),
  -- and none
  ('SELECT id, random() FROM orders WHERE customer_id = $1'),
  ('SELECT nextval(''orders_id_seq'') FROM orders WHERE customer_id = $1'),
  ('SELECT id FROM orders WHERE tags = $1'),
  ('SELECT id FROM orders WHERE customer_id = $1 AND status = current_setting(''a.b'')'),
  ('SELECT id FROM orders TABLESAMPLE SYSTEM (5) WHERE customer_id = $1'),
  ('SELECT id, statement_timestamp() FROM orders WHERE customer_id = $1'),
  ('SELECT id FROM orders WHERE customer_id = $1 ORDER BY id LIMIT 1 FOR UPDATE');
SELECT count(*), count(querywatch.rewrite(query, 'batch', CASE WHEN query ~ 'customer_id.*AND' THEN 'orders.customer_id' END)) AS rewritten FROM batches;
SELECT query FROM batches WHERE querywatch.rewrite(query, 'batch', CASE WHEN query ~ 'customer_id.*AND' THEN 'orders.customer_id' END) IS NULL ORDER BY n;

-- pages
CREATE TABLE paged (n serial, query text);
INSERT INTO paged (query)
  SELECT format('SELECT %s FROM orders%s ORDER BY %s LIMIT $1 OFFSET $2', output, condition, sorted)
    FROM unnest(ARRAY['*', 'id, total', 'orders.id AS id, status']) AS output,
         unnest(ARRAY['', ' WHERE status = $3', ' WHERE customer_id = $3 AND total > $4', ' WHERE updated_at < now()']) AS condition,
         unnest(ARRAY['id', 'id DESC', 'placed_on DESC, id DESC', 'updated_at', 'customer_id, id DESC']) AS sorted;
INSERT INTO paged (query) VALUES
  ('SELECT * FROM orders ORDER BY random() LIMIT $1 OFFSET $2'),
  ('SELECT id AS placed_on FROM orders ORDER BY orders.placed_on LIMIT $1 OFFSET $2'),
  ('SELECT * FROM orders ORDER BY details LIMIT $1 OFFSET $2'),
  ('SELECT * FROM open_orders ORDER BY id LIMIT $1 OFFSET $2');
SELECT count(*), count(querywatch.rewrite(query, 'keyset')) AS rewritten FROM paged;
SELECT query FROM paged WHERE querywatch.rewrite(query, 'keyset') IS NULL ORDER BY n;

-- joins with the parent
CREATE TABLE joined (n serial, parent text, query text);
INSERT INTO joined (parent, query)
  SELECT parent, child
    FROM unnest(ARRAY['SELECT * FROM customers', 'SELECT id, name FROM customers ORDER BY name',
                      'SELECT c.id FROM customers c WHERE c.name = $1 ORDER BY c.id DESC LIMIT 10', 'SELECT id, email FROM customers ORDER BY created_at LIMIT 5', 'SELECT customers.* FROM customers WHERE email LIKE $1']) AS parent,
         unnest(ARRAY['SELECT * FROM orders WHERE customer_id = $1', 'SELECT id, total FROM orders WHERE customer_id = $1 AND status = $2',
                      'SELECT count(*) FROM orders WHERE customer_id = $1', 'SELECT id FROM orders WHERE customer_id = $1 ORDER BY id LIMIT 1',
                      'SELECT o.id, l.quantity FROM orders o JOIN lines l ON l.order_id = o.id WHERE o.customer_id = $1',
                      'SELECT * FROM open_orders WHERE customer_id = $1', 'SELECT id FROM orders WHERE customer_id = $1 AND updated_at < now()',
                      'SELECT max(placed_on) FROM orders WHERE $1 = customer_id', 'SELECT id, random() FROM orders WHERE customer_id = $1',
                      'SELECT id FROM orders WHERE customer_id = $1 ORDER BY placed_on']) AS child;
SELECT count(*), count(querywatch.rewrite(query, 'join', 'orders.customer_id', parent, 'customers.id')) AS rewritten FROM joined WHERE query !~ 'open_orders';
SELECT parent, query FROM joined WHERE query !~ 'open_orders' AND querywatch.rewrite(query, 'join', 'orders.customer_id', parent, 'customers.id') IS NULL ORDER BY n;

-- rows written
CREATE TABLE written (n serial, query text);
INSERT INTO written (query) VALUES
  ('INSERT INTO customers (name, email) VALUES ($1, $2)'),
  ('INSERT INTO customers (name, email) VALUES ($1, $2) RETURNING id'),
  ('INSERT INTO customers (name, email) VALUES ($1, lower($2)) ON CONFLICT DO NOTHING'),
  ('INSERT INTO customers (name, email) VALUES ($1, $2) ON CONFLICT (email) DO UPDATE SET name = excluded.name'),
  ('INSERT INTO orders (customer_id, total, placed_on, updated_at) VALUES ($1, $2, $3, now())'),
  ('INSERT INTO orders (customer_id, total, placed_on, updated_at, tags) VALUES ($1, $2, current_date, current_timestamp, ''{}'')'),
  ('INSERT INTO lines VALUES ($1, $2, $3, $4)'),
  ('INSERT INTO events (id, day, kind) VALUES ($1, $2, $3)'),
  ('UPDATE orders SET status = $1 WHERE id = $2'),
  ('UPDATE orders SET status = $1, updated_at = now() WHERE id = $2'),
  ('UPDATE orders SET total = total + $1 WHERE id = $2 RETURNING total'),
  ('UPDATE orders SET status = $1 WHERE id = $2 AND status = $3'),
  ('UPDATE lines SET quantity = $1 WHERE order_id = $2 AND number = $3'),
  ('UPDATE events SET kind = $1 WHERE id = $2 AND day = $3'),
  ('DELETE FROM orders WHERE id = $1'),
  ('DELETE FROM lines WHERE order_id = $1 AND number = $2'),
  ('DELETE FROM orders WHERE customer_id = $1 AND status = $2 RETURNING total'),
  -- and none
  ('INSERT INTO customers (name, email) VALUES ($1, random()::text)'),
  ('INSERT INTO customers (id, name) VALUES (nextval(''customers_id_seq''), $1)'),
  ('UPDATE customers SET email = $1 WHERE id = $2'),
  ('UPDATE orders SET status = $1 WHERE status = $2');
SELECT count(*), count(querywatch.rewrite(query, 'write')) AS rewritten FROM written;
SELECT query FROM written WHERE querywatch.rewrite(query, 'write') IS NULL ORDER BY n;

SET client_min_messages = warning;
DROP SCHEMA kept CASCADE;

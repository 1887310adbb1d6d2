// Cases as the driver alone sends them.

'use strict';

const { Client, Pool } = require('pg');
const {
  ANY, register, nPlusOne, lookup, duplicate, rowByRow, deepOffset,
} = require('./registry');

const { cases, repeats, noRepeats, noSureRepeats } = register();
const N = 20;

const TABLES = `
  CREATE TABLE authors (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        name text NOT NULL);
  CREATE TABLE posts (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                      author_id bigint REFERENCES authors, title text,
                      views int NOT NULL DEFAULT 0);
  CREATE INDEX ON posts (author_id);
  CREATE TABLE tags (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     name text UNIQUE);
  CREATE TABLE post_tags (post_id bigint REFERENCES posts,
                          tag_id bigint REFERENCES tags,
                          PRIMARY KEY (post_id, tag_id));
  CREATE TABLE addresses (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                          town text);
  CREATE TABLE members (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        address_id bigint REFERENCES addresses, name text);
  CREATE TABLE orders (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                       member_id bigint REFERENCES members, total numeric);
  CREATE TABLE order_lines (order_id bigint REFERENCES orders, line int,
                            article text, PRIMARY KEY (order_id, line));
  CREATE TABLE documents (id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
                          title text, body jsonb);
  CREATE TABLE users (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                      name text);
  CREATE TABLE sessions (token text PRIMARY KEY,
                         user_id bigint REFERENCES users, seen_at timestamptz);
  CREATE TABLE pages (slug text PRIMARY KEY, body text);
  CREATE TABLE items (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                      label text);
  CREATE TABLE settings (name text PRIMARY KEY, value text);
  CREATE TABLE entries (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                        label text, amount int);
  CREATE TABLE jobs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                     state text NOT NULL DEFAULT 'waiting');
  INSERT INTO authors (name)
    SELECT 'Author ' || i FROM generate_series(1, 40) AS i;
  INSERT INTO posts (author_id, title)
    SELECT i % 40 + 1, 'Post ' || i FROM generate_series(1, 120) AS i;
  INSERT INTO tags (name) SELECT 'tag ' || i FROM generate_series(1, 30) AS i;
  INSERT INTO post_tags
    SELECT i, (i + j) % 30 + 1
    FROM generate_series(1, 120) AS i, (VALUES (1), (7), (11)) AS v (j);
  INSERT INTO addresses (town)
    SELECT 'Town ' || i FROM generate_series(1, 60) AS i;
  INSERT INTO members (address_id, name)
    SELECT 61 - i, 'Member ' || i FROM generate_series(1, 60) AS i;
  INSERT INTO orders (member_id, total)
    SELECT i * 7 % 60 + 1, i FROM generate_series(1, 120) AS i;
  INSERT INTO order_lines
    SELECT i, j, 'article ' || i * j
    FROM generate_series(1, 120) AS i, generate_series(1, 3) AS j;
  INSERT INTO documents (title, body)
    SELECT 'Document ' || i, '{"text": "x"}' FROM generate_series(1, 60) AS i;
  INSERT INTO users (name)
    SELECT 'User ' || i FROM generate_series(1, 40) AS i;
  INSERT INTO sessions
    SELECT 'token-' || i, i FROM generate_series(1, 40) AS i;
  INSERT INTO pages
    SELECT 'page-' || i, 'Page' FROM generate_series(1, 40) AS i;
  INSERT INTO items (label)
    SELECT 'Item ' || i FROM generate_series(1, 6000) AS i;
  INSERT INTO settings VALUES ('theme', 'dark');
  INSERT INTO jobs SELECT FROM generate_series(1, 2000)`;

async function createTables(connection) {
  const client = new Client(connection);
  await client.connect();
  await client.query(TABLES);
  await client.end();
}

// What a case gets: one connection, and how to send a statement over it
class Database {
  constructor(pool, prepared) {
    this.pool = pool;
    this.prepared = prepared;
    this.names = new Map();
  }

  async query(text, ...values) {
    let name;
    if (this.prepared && values.length > 0) {
      if (!this.names.has(text))
        this.names.set(text, `statement ${this.names.size}`);
      name = this.names.get(text);
    }
    return (await this.pool.query({ name, text, values })).rows;
  }

  async transaction(work) {
    await this.query('BEGIN');
    await work();
    await this.query('COMMIT');
  }
}

async function run({ run: work }, mode, connection, option) {
  // (one connection, so a transaction may use the pool)
  const pool = new Pool({ ...connection, max: 1 });
  const database = new Database(pool, option === 'prepared');
  try {
    if (mode === 'T')
      await database.transaction(() => work(database));
    else
      await work(database);
  } finally {
    await pool.end();
  }
}

// For statements of ../cases_sql.py
function open(connection, option) {
  const pool = new Pool({ ...connection, max: 1 });
  const database = new Database(pool, option === 'prepared');
  const array = (value) =>
    Array.isArray(value) ? `{${value.join(',')}}` : value;
  return {
    async rows(statement, values) {
      let number = 0;
      const rows = await database.query(
        statement.replace(/%s/g, () => `$${++number}`), ...values.map(array));
      return rows.map(Object.values);
    },
    close: () => pool.end(),
  };
}

async function each(rows, work) {
  for (const row of rows)
    await work(row);
}

const numbers = (count, from = 1) =>
  Array.from({ length: count }, (_, i) => from + i);

const posts = (db) => db.query(
  'SELECT id, author_id FROM posts ORDER BY id LIMIT 20');
const authors = (db) => db.query(
  'SELECT id, name FROM authors ORDER BY id LIMIT 20');

// ---- must be found --------------------------------------------------------

const P1 = nPlusOne('many_to_one', 'authors', 'posts');
const P2 = nPlusOne('one_to_many', 'posts', 'authors');

async function authorsWithPosts(db) {
  await each(await authors(db), ({ id }) =>
    db.query('SELECT * FROM posts WHERE author_id = $1', id));
}

repeats('P1, P3, P21', P1, async (db) => {
  await each(await posts(db), (post) =>
    db.query('SELECT * FROM authors WHERE id = $1', post.author_id));
});

repeats('P2, P4', P2, authorsWithPosts);

repeats('P2, all at once', P2, async (db) => {
  await Promise.all((await authors(db)).map(({ id }) =>
    db.query('SELECT * FROM posts WHERE author_id = $1', id)));
});

repeats('P6', nPlusOne('many_to_many', 'tags JOIN post_tags', 'posts'),
  async (db) => {
    await each(await posts(db), ({ id }) => db.query(
      'SELECT tags.name FROM tags JOIN post_tags ON post_tags.tag_id = tags.id'
      + ' WHERE post_tags.post_id = $1', id));
  });

repeats('P9', nPlusOne('count_or_exists', 'posts', 'authors'), async (db) => {
  await each(await authors(db), ({ id }) =>
    db.query('SELECT count(*) FROM posts WHERE author_id = $1', id));
});

repeats('P11', P2, async (db) => {
  await each(await authors(db), ({ id }) => db.query(
    'SELECT * FROM posts WHERE author_id = $1 ORDER BY id DESC LIMIT $2',
    id, 1));
});

// (in autocommit a list and requests for what is in it look the same)
repeats('P13', nPlusOne('deferred_column', 'documents', 'documents', 20,
  { A: ANY }), async (db) => {
  await each(await db.query('SELECT id, title FROM documents LIMIT 20'),
    ({ id }) => db.query('SELECT body FROM documents WHERE id = $1', id));
});

repeats('P14', lookup('authors'), async (db) => {
  await each(numbers(N, 3), (id) =>
    db.query('SELECT name FROM authors WHERE id = $1', id));
});

repeats('P16', [nPlusOne('many_to_one', 'members', 'orders'),
  nPlusOne('many_to_one', 'addresses', null)], async (db) => {
  await each(await db.query(
    'SELECT id, member_id FROM orders ORDER BY id LIMIT 20'),
  async (order) => {
    const [member] = await db.query(
      'SELECT name, address_id FROM members WHERE id = $1', order.member_id);
    await db.query('SELECT town FROM addresses WHERE id = $1',
      member.address_id);
  });
});

repeats('P19', P2, async (db) => {
  await each(await authors(db), ({ id }) =>
    db.query('SELECT * FROM posts WHERE author_id = ANY ($1)', [id]));
});

repeats('P20', P1, async (db) => {
  await each(await posts(db), (post) =>
    db.query(`SELECT * FROM authors WHERE id = ${post.author_id}`));
});

repeats('P23, P24', rowByRow('insert', 'entries'), async (db) => {
  await each(numbers(N), (i) => db.query(
    'INSERT INTO entries (label, amount) VALUES ($1, $2) RETURNING id',
    'entry', i));
});

repeats('P25', rowByRow('update', 'posts'), async (db) => {
  await each(numbers(N), (id) =>
    db.query('UPDATE posts SET views = views + 1 WHERE id = $1', id));
});

repeats('P26', rowByRow('delete', 'entries'), async (db) => {
  await each(numbers(N), (id) =>
    db.query('DELETE FROM entries WHERE id = $1', -id));
});

repeats('P28', duplicate('settings'), async (db) => {
  await each(numbers(N), () =>
    db.query('SELECT value FROM settings WHERE name = $1', 'theme'));
});

repeats('P29', deepOffset('items'), async (db) => {
  await each(numbers(51, 0), (page) => db.query(
    'SELECT * FROM items ORDER BY label LIMIT $1 OFFSET $2', 100,
    page * 100));
});

repeats('P31', [lookup('posts'), rowByRow('update', 'posts')], async (db) => {
  await each(numbers(N), async (id) => {
    const [{ views }] = await db.query(
      'SELECT views FROM posts WHERE id = $1', id);
    await db.query('UPDATE posts SET views = $2 WHERE id = $1', id, views + 1);
  });
}, 'T');

// ---- must not be called a repeat ------------------------------------------

noRepeats('N1', (db) => db.query(
  'SELECT * FROM authors JOIN posts ON posts.author_id = authors.id'
  + ' WHERE authors.id <= $1', 20));

noRepeats('N2', async (db) => {
  const ids = (await authors(db)).map(({ id }) => id);
  await db.query('SELECT * FROM posts WHERE author_id = ANY ($1)', ids);
});

noRepeats('N3', async (db) => {
  await each(numbers(5, 0), (chunk) => db.query(
    'SELECT * FROM items WHERE id = ANY ($1)',
    numbers(500, chunk * 500 + 1)));
});

noRepeats('N5', async (db) => {
  let last = 0;
  await each(numbers(N), async () => {
    const rows = await db.query(
      'SELECT id, label FROM items WHERE id > $1 ORDER BY id LIMIT 100', last);
    last = rows[rows.length - 1].id;
  });
});

noRepeats('N6', async (db) => {
  await db.query('DECLARE walk CURSOR FOR SELECT * FROM items');
  await each(numbers(50), () => db.query('FETCH 20 FROM walk'));
}, 'T');

noRepeats('N8', async (db) => {
  await each(numbers(10), () => db.query(
    'INSERT INTO entries (label, amount)'
    + ' SELECT * FROM unnest($1::text[], $2::int[])',
    Array(50).fill('chunk'), numbers(50)));
});

noRepeats('N8, VALUES', async (db) => {
  const values = numbers(50).map((i) => `($1, ${i})`).join(', ');
  await each(numbers(10), () => db.query(
    `INSERT INTO entries (label, amount) VALUES ${values}`, 'chunk'));
});

async function requests(db, atomic) {
  await each(numbers(N), async (i) => {
    const work = async () => {
      const [session] = await db.query(
        'SELECT user_id FROM sessions WHERE token = $1', `token-${i}`);
      await db.query('SELECT * FROM users WHERE id = $1', session.user_id);
      await db.query('SELECT * FROM pages WHERE slug = $1', `page-${i}`);
    };
    await (atomic ? db.transaction(work) : work());
  });
}

noSureRepeats('N13', (db) => requests(db, true), 'A');
noSureRepeats('N14', (db) => requests(db, false), 'A');

noSureRepeats('N13, N14, a list, then its rows', async (db) => {
  await authors(db);
  await each(numbers(N), async (i) => {
    await db.query('SELECT * FROM authors WHERE id = $1', i * 2);
    await db.query('SELECT * FROM posts WHERE author_id = $1', i * 2);
  });
}, 'A');

noSureRepeats('N17', async (db) => {
  await each(numbers(N), () => db.transaction(async () => {
    const [{ id }] = await db.query(
      'SELECT id FROM jobs WHERE state = $1 ORDER BY id LIMIT 1'
      + ' FOR UPDATE SKIP LOCKED', 'waiting');
    await db.query('UPDATE jobs SET state = $2 WHERE id = $1', id, 'done');
  }));
}, 'A');

noSureRepeats('N17, in one statement', async (db) => {
  await each(numbers(N), () => db.query(
    'UPDATE jobs SET state = $1 WHERE id = (SELECT id FROM jobs'
    + ' WHERE state = $2 ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED)'
    + ' RETURNING *', 'done', 'waiting'));
}, 'A');

// ---- what applications do -------------------------------------------------

// Resolvers that ask for one row each, gathered until the next turn
noRepeats('flow, a data loader', async (db) => {
  const loader = (statement) => {
    let keys = null;
    let answer;
    return (key) => {
      if (keys === null) {
        keys = [];
        answer = Promise.resolve().then(() => {
          const wanted = keys;
          keys = null;
          return db.query(statement, wanted);
        });
      }
      keys.push(key);
      return answer;
    };
  };
  const member = loader('SELECT * FROM members WHERE id = ANY ($1)');
  const lines = loader('SELECT * FROM order_lines WHERE order_id = ANY ($1)');
  const orders = await db.query('SELECT * FROM orders ORDER BY id LIMIT 20');
  await Promise.all(orders.flatMap((order) =>
    [member(order.member_id), lines(order.id)]));
});

repeats('flow, resolvers without one',
  [nPlusOne('many_to_one', 'members', 'orders'),
    nPlusOne('one_to_many', 'order_lines', 'orders')], async (db) => {
    const orders = await db.query('SELECT * FROM orders ORDER BY id LIMIT 20');
    await Promise.all(orders.flatMap((order) => [
      db.query('SELECT * FROM members WHERE id = $1', order.member_id),
      db.query('SELECT * FROM order_lines WHERE order_id = $1', order.id)]));
  });

repeats('flow, upserts', rowByRow('insert', 'settings'), async (db) => {
  await each(numbers(N), (i) => db.query(
    'INSERT INTO settings VALUES ($1, $2) ON CONFLICT (name)'
    + ' DO UPDATE SET value = excluded.value', `upsert ${i}`, 'x'));
});

repeats('flow, rows by both columns of a key', lookup('order_lines'),
  async (db) => {
    await each(numbers(N), (id) => db.query(
      'SELECT * FROM order_lines WHERE order_id = $1 AND line = $2', id, 2));
  });

noRepeats('flow, a tree by one query', (db) => db.query(
  'WITH RECURSIVE up AS (SELECT id, 1 AS level FROM posts WHERE id = $1'
  + ' UNION ALL SELECT id - 1, level + 1 FROM up WHERE level < 9)'
  + ' SELECT * FROM up', 90));

noSureRepeats('flow, settings of a session for each request', async (db) => {
  await each(numbers(N), async (i) => {
    await db.query('SELECT set_config($1, $2, false)', 'app.user', `${i}`);
    await db.query('SELECT * FROM posts WHERE author_id = $1', i);
  });
}, 'A');

noSureRepeats('flow, a session that is touched with each request',
  async (db) => {
    await each(numbers(N), async (i) => {
      await db.query('UPDATE sessions SET seen_at = now() WHERE token = $1',
        `token-${i}`);
      await db.query('SELECT * FROM pages WHERE slug = $1', `page-${i}`);
    });
  }, 'A');

module.exports = { cases, createTables, open, run };

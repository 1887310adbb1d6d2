# Captures: bounds, and what only a driver can send

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf('postgresql.conf', q{shared_preload_libraries = 'pg_querywatch'});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item' FROM generate_series(1, 100) AS i;
});

# More statements, and more values, than there is room for
my ($out, $err);
$node->psql('postgres', q{
SELECT querywatch.begin_capture();
\o /dev/null
SELECT format('SELECT %s FROM item LIMIT 1', rtrim(repeat('id,', a) || repeat('name,', b), ','))
  FROM generate_series(1, 46) AS a, generate_series(1, 46) AS b \gexec
\o
SELECT count(*), sum(executions), sum(rows), count(queryid), max(n), max(executions) FROM querywatch.end_capture();
}, stdout => \$out, stderr => \$err);
# one is the statement that makes the others, with a row for each
is($out, "\n2049|2117|4232|2048|2049|69", 'statements without room are counted together');
like($err, qr/^\S* ?WARNING:  capture kept only the first 2048 different statements$/m, 'a warning says so');
unlike($err, qr/distinct parameters/, 'only that');

$node->psql('postgres', q{
SELECT querywatch.begin_capture();
\o /dev/null
SELECT format('SELECT name FROM item WHERE id = %s', i) FROM generate_series(1, 50000) AS i \gexec
\o
SELECT executions, distinct_parameters FROM querywatch.end_capture() OFFSET 1;
}, stdout => \$out, stderr => \$err);
is($out, "\n50000|49151", 'distinct values without room are not');
like($err, qr/^\S* ?WARNING:  capture kept only the first 49152 distinct parameters$/m, 'a warning says so');

my $python = $ENV{PYTHON} || '/usr/bin/python3';
SKIP:
{
	skip 'no Python with psycopg and asyncpg', 6
	  if system("$python -c 'import psycopg, asyncpg' >/dev/null 2>&1") != 0;

	# python(WHAT, CODE, EXPECTED)
	sub python
	{
		my ($what, $code, $expected) = @_;
		my $file = $node->basedir . '/test.py';
		unlink $file;
		append_to_file($file, <<'BEGIN' . $code);
import asyncio, sys, psycopg, asyncpg
host, port, user = sys.argv[1:4]
def connect(**kw):
    return psycopg.connect(host=host, port=port, dbname='postgres', user=user, **kw)
END = "SELECT executions, distinct_parameters, rows, query FROM querywatch.end_capture()"
BEGIN
		my ($out, $err);
		IPC::Run::run([ $python, '-B', $file, $node->host, $node->port, $node->safe_psql('postgres', 'SELECT current_user') ],
			'>', \$out, '2>', \$err) or diag($err);
		is($out, $expected, $what);
		return;
	}

	python('values: bound, prepared, as literals and of no built-in type', q{
with connect(autocommit=True) as c:
    c.execute("CREATE TYPE color AS ENUM ('red', 'green')")
    c.execute("SELECT querywatch.begin_capture()")
    for prepare in (False, True):
        for i in (1, 2, 3, 3):
            c.execute("SELECT name FROM item WHERE id = %s AND name = %s", [i, 'item'], prepare=prepare)
    for value in ('red', 'green', 'red', None):
        c.execute("SELECT %s::text::color", [value])
    cursor = psycopg.ClientCursor(c)
    for i in (1, 2, 2):
        cursor.execute("SELECT name FROM item WHERE id < %s ORDER BY 1", [i])
    for row in c.execute(END): print(*row, sep='|')
}, <<'ROWS');
8|3|8|SELECT name FROM item WHERE id = $1 AND name = $2
4|3|4|SELECT $1::text::color
3|2|2|SELECT name FROM item WHERE id < $1 ORDER BY 1
ROWS

	python('portals read in part count once, with all rows', q{
async def main():
    c = await asyncpg.connect(host=host, port=int(port), database='postgres', user=user)
    sql = "SELECT id FROM item WHERE id <= $1 ORDER BY id"
    async with c.transaction():
        before = await c.cursor(sql, 30)
        await before.fetch(5)
        await c.execute("SELECT querywatch.begin_capture()")
        await before.fetch(5)
        cursor = await c.cursor(sql, 50)
        await cursor.fetch(10)
        await cursor.fetch(7)
    async with c.transaction():
        async for row in c.cursor(sql, 20, prefetch=8):
            pass
    for row in await c.fetch(END): print(*row, sep='|')
    await c.close()
asyncio.run(main())
}, "2|2|37|SELECT id FROM item WHERE id <= \$1 ORDER BY id\n");

	python('pipelines and batches: each statement of them', q{
with connect(autocommit=True) as c:
    c.execute("SELECT querywatch.begin_capture()")
    with c.pipeline():
        for i in range(5):
            c.execute("SELECT name FROM item WHERE id = %s", [i])
    c.cursor().executemany("INSERT INTO item VALUES (%s, 'x')", [(200 + i,) for i in range(4)])
    with c.cursor().copy("COPY item FROM STDIN") as copy:
        copy.write_row((300, 'x'))
    for row in c.execute(END): print(*row, sep='|')
}, <<'ROWS');
5|5|4|SELECT name FROM item WHERE id = $1
4|4|4|INSERT INTO item VALUES ($1, $2)
1|1|1|COPY item FROM STDIN
ROWS

	python('denied, not planned, timed out, cancelled: all counted', q{
with connect(autocommit=True) as c:
    c.execute("CREATE ROLE nobody_much")
    c.execute("SELECT querywatch.begin_capture()")
    c.execute("SET statement_timeout = '20ms'")
    c.execute("SET ROLE nobody_much")
    for sql in ("SELECT name FROM item", "SELECT 1 / 0", "SELECT pg_sleep(10)", "CREATE TABLE pg_catalog.x ()"):
        try:
            c.execute(sql)
        except psycopg.Error as e:
            print(e.sqlstate)
    c.execute("RESET ALL")
    c.execute("RESET ROLE")
    for row in c.execute(END): print(*row, sep='|')
}, <<'ROWS');
42501
22012
57014
42501
1|0|0|SELECT name FROM item
1|0|0|SELECT $1 / $2
1|1|0|SELECT pg_sleep($1)
1|1|0|CREATE TABLE pg_catalog.x ()
ROWS

	python('of this session only, and gone with it', q{
with connect(autocommit=True) as a, connect(autocommit=True) as b:
    a.execute("SELECT querywatch.begin_capture()")
    b.execute("SELECT name FROM item WHERE id = 1")
    b.execute("SELECT querywatch.begin_capture()")
    a.execute("SELECT count(*) FROM item WHERE id = 1")
    for row in a.execute(END): print(*row, sep='|')
    print(len(b.execute(END).fetchall()))
}, "1|1|1|SELECT count(*) FROM item WHERE id = \$1\n0\n");

	python('end_capture() in an open cursor', q{
with connect() as c:
    c.execute("SELECT querywatch.begin_capture()")
    c.execute("SELECT name FROM item WHERE id = 1")
    with c.cursor('x') as cursor:
        cursor.execute(END)
        for row in cursor: print(*row, sep='|')
}, "1|1|1|SELECT name FROM item WHERE id = \$1\n1|1|0|DECLARE \"x\" CURSOR FOR SELECT executions, distinct_parameters, rows, query FROM querywatch.end_capture()\n");
}

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

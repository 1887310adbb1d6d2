# What only a driver can send: 65,535 parameters, pipelines, portals read in
# part; and what it gets: the fields of an error.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $python = $ENV{PYTHON} || '/usr/bin/python3';
plan skip_all => 'no Python with psycopg and asyncpg'
  if system("$python -c 'import psycopg, asyncpg' >/dev/null 2>&1") != 0;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_stat_statements,pg_querywatch,auto_explain'
pg_querywatch.repeat_gap = '1min'
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE EXTENSION pg_stat_statements;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item' FROM generate_series(1, 100) AS i;
});

sub python
{
	my ($what, $code) = @_;
	my $file = $node->basedir . '/test.py';
	unlink $file;
	append_to_file($file, "import asyncio, sys, psycopg, asyncpg\nhost, port, user = sys.argv[1:4]\n"
		  . "def connect(**kw): return psycopg.connect(host=host, port=port, dbname='postgres', user=user, **kw)\n$code");
	my ($out, $err);
	my $ok = IPC::Run::run([ $python, '-B', $file, $node->host, $node->port, query('SELECT current_user') ], '>', \$out, '2>', \$err);
	ok($ok, $what) or diag($err);
	chomp $out;
	return $out;
}

sub query { return $node->safe_psql('postgres', shift); }

# As many parameters as the protocol allows, in a SELECT and with rows
query('SELECT querywatch.reset(), querywatch.reset_slow()');
is( python('65,535 parameters', q{
with connect(autocommit=True) as c:
    c.execute("SET pg_querywatch.slow_threshold = 0")
    n = 65535
    sql = "SELECT count(*) FROM item WHERE id IN (" + ",".join(["%s"] * n) + ")"
    print(c.execute(sql, list(range(n))).fetchone()[0])
    sql = "INSERT INTO item VALUES " + ",".join(["(%s, %s)"] * 32767)
    print(c.execute(sql, [v for i in range(32767) for v in (1000 + i, None)]).rowcount)
}),
	"100\n32767", '65,535 parameters are answered');
is( query(q{SELECT calls, rows, octet_length(query) <= 4096 FROM querywatch.statements WHERE command IN ('SELECT', 'INSERT') AND query ~ '\$100|\$1 /\*' ORDER BY command}),
	"1|32767|t\n1|1|t", 'and counted');
is( query(q{SELECT count(*), bool_and(cardinality(parameters) > 100), bool_and(runnable_sql IS NULL)
    FROM querywatch.slow_statements WHERE query ~ '\$100'}),
	'2|t|t', 'and in the slow log, as far as they fit');
query('DELETE FROM item WHERE id > 100');

# Parameters in text and binary, of unknown and user types, cut and NULL
is( python('runnable_sql of bound values', q{
import datetime, decimal, uuid, ipaddress
with connect(autocommit=True, prepare_threshold=0) as c:
    c.execute("SET pg_querywatch.slow_threshold = 0")
    values = [1, "it's", None, decimal.Decimal('1.50'), datetime.date(2024, 2, 29), [1, None, 3], uuid.UUID(int=7), b'\x00\xff', True]
    for binary in (False, True):
        cur = c.cursor(binary=binary)
        names = ", ".join("%b" if binary and v is not None and not isinstance(v, str) else "%s" for v in values)
        cur.execute("SELECT " + names + " -- bound " + str(binary), values)
    c.execute("SET pg_querywatch.slow_threshold = -1")
    rows = c.execute("SELECT runnable_sql FROM querywatch.slow_statements WHERE query ~ '-- bound' ORDER BY id").fetchall()
    print(len(rows), all(c.execute(sql).fetchone()[3:5] == (decimal.Decimal('1.50'), datetime.date(2024, 2, 29)) for sql, in rows))
}), '2 True', 'runnable_sql of bound values');

# A pipeline is one round trip, whatever it repeats; a loop is not
query('SELECT querywatch.reset_patterns()');
python('pipeline', q{
with connect(autocommit=True) as c, c.pipeline():
    for i in range(20):
        c.execute("SELECT name FROM item WHERE id = %s", [i])
});
is(query(q{SELECT count(*) FROM querywatch.repeated_statements WHERE query ~ 'FROM item'}), '0', 'a pipeline is no repeat (N9)');
python('executemany', q{
with connect() as c:
    c.cursor().executemany("INSERT INTO item VALUES (%s, 'x')", [(200 + i,) for i in range(20)])
});
is(query(q{SELECT count(*) FROM querywatch.repeated_statements WHERE query ~ 'INTO item'}), '0', 'nor is executemany in a pipeline');
python('loop', q{
with connect() as c:
    for i in range(20):
        c.execute("SELECT name FROM item WHERE id = %s", [i])
});
is( query(q{SELECT kind, executions FROM querywatch.repeated_statements WHERE query ~ 'FROM item'}),
	'repeated_lookup|20', 'a loop is');

# application_name, set in every way between prepared statements, which are
# parsed once only
query('SELECT querywatch.reset_patterns()');
is( python('application_name', q{
async def main():
    c = await asyncpg.connect(host=host, port=int(port), database='postgres', user=user)
    lookup = await c.prepare("SELECT name FROM item WHERE id = $1")
    alone = await c.prepare("SELECT set_config('application_name', $1, false)")
    twice = await c.prepare("SELECT set_config('application_name', 'x', false), set_config('application_name', $1, false)")
    with_table = await c.prepare("SELECT set_config('application_name', $1, false) FROM item WHERE id = 1")
    local = await c.prepare("SELECT set_config('application_name', $1, true) FROM item WHERE id = 1")
    async def look(n):
        for i in range(n):
            await lookup.fetch(i)
    await c.execute("SET application_name = 'app1'")
    await look(6)
    await alone.fetch('app2')
    await look(7)
    await alone.fetch('app-')
    await alone.fetch('app3')   # where app1 was
    await look(8)
    await twice.fetch('app4')
    await look(9)
    await with_table.fetch('app5')
    await look(10)
    await with_table.fetch('app-')
    await with_table.fetch('app6')
    await look(11)
    async with c.transaction():
        await local.fetch('app7')
        await look(12)
    await look(11)
    try:
        async with c.transaction():
            await c.execute("SET application_name = 'app8'")
            await look(13)
            await c.fetch("SELECT 1 / 0")
    except asyncpg.PostgresError:
        pass
    await look(14)
    await c.close()
    c = await asyncpg.connect(host=host, port=int(port), database='postgres', user=user)
    print(' '.join(map(str, [tuple(r) for r in await c.fetch(
        "SELECT application_name, executions FROM querywatch.repeated_statements WHERE query ~ '^SELECT name FROM item' ORDER BY 1, 2")])))
    await c.close()
asyncio.run(main())
}),
	"('app1', 6) ('app2', 7) ('app3', 8) ('app4', 9) ('app5', 10) ('app6', 36) ('app7', 12) ('app8', 13)",
	'each application_name has its own executions');

# A portal read in part, then closed
query('SELECT querywatch.reset(), pg_stat_statements_reset()');
python('portal', q{
async def main():
    c = await asyncpg.connect(host=host, port=int(port), database='postgres', user=user)
    async with c.transaction():
        cursor = await c.cursor("SELECT id FROM item WHERE id <= $1 ORDER BY id", 50)
        await cursor.fetch(10)
        await cursor.fetch(7)
    async with c.transaction():
        n = 0
        async for row in c.cursor("SELECT id FROM item WHERE id <= $1 ORDER BY id", 50, prefetch=8):
            n += 1
    assert n == 50
    await c.close()
asyncio.run(main())
});
is( query(q{SELECT calls, rows, toplevel FROM querywatch.statements WHERE query ~ '^SELECT id FROM item'}),
	'2|67|t', 'rows of portals read in part are added up, each is one call');
is( query(q{SELECT calls FROM pg_stat_statements WHERE query ~ '^SELECT id FROM item'}),
	'2', 'as many calls as pg_stat_statements has');

# The fields of the error that on_repeat raises
is( python('error fields', q{
with connect(options="-c pg_querywatch.on_repeat=error") as c:
    try:
        for i in range(20):
            c.execute("INSERT INTO item VALUES (%s, 'x')", [300 + i])
    except psycopg.Error as e:
        d = e.diag
        print(e.sqlstate, i, d.severity, d.schema_name, d.table_name, d.message_detail is not None, d.message_hint is not None)
}),
	'QW004 4 ERROR public item True True', 'SQLSTATE, schema and table of a repeat');

# Of every kind, as psycopg and psql's \errverbose tell them
$node->safe_psql('postgres', q{
CREATE SCHEMA shop;
CREATE TABLE shop.owner (id int PRIMARY KEY, name text);
CREATE TABLE shop.pet (id int PRIMARY KEY, owner_id int REFERENCES shop.owner, name text);
INSERT INTO shop.owner SELECT i, 'x' FROM generate_series(1, 20) AS i;
INSERT INTO shop.pet SELECT i, i, 'x' FROM generate_series(1, 20) AS i;
});
is( python('error fields of every kind', q{
def fields(first, statement, values=None, **settings):
    settings['pg_querywatch.on_repeat'] = 'error'
    with connect(options=' '.join('-c %s=%s' % item for item in settings.items())) as c:
        if first:
            c.execute(first).fetchall()
        try:
            for i in range(1, 20):
                c.execute(statement, values if values is not None else [i])
            print('no error')
        except psycopg.Error as e:
            d = e.diag
            print(e.sqlstate, d.schema_name, d.table_name, d.column_name, d.constraint_name)
fields("SELECT * FROM shop.owner", "SELECT * FROM shop.pet WHERE owner_id = %s")
fields("SELECT * FROM shop.pet", "SELECT * FROM shop.owner WHERE id = %s")
fields(None, "SELECT name FROM shop.pet WHERE id = %s")
fields(None, "SELECT name FROM shop.pet WHERE id = %s", [7])
fields(None, "INSERT INTO shop.owner VALUES (100 + %s, 'x')")
fields(None, "UPDATE shop.pet SET name = 'y' WHERE id = %s")
fields(None, "DELETE FROM shop.pet WHERE id = %s")
fields(None, "SELECT id FROM shop.pet ORDER BY id LIMIT 1 OFFSET %s")
}), <<'FIELDS' =~ s/\n$//r, 'SQLSTATE, schema, table, column and constraint of every kind');
QW001 shop pet owner_id pet_owner_id_fkey
QW001 shop owner id pet_owner_id_fkey
QW002 shop pet id None
QW003 shop pet None None
QW004 shop owner None None
QW004 shop pet id None
QW004 shop pet id None
QW005 shop pet None None
FIELDS
for my $level ('error', 'warning', 'notice')
{
	my ($in, $out, $err) = ('', '', '');
	$in = "\\set VERBOSITY verbose\nSET pg_querywatch.on_repeat = $level;\nBEGIN;\nSELECT * FROM shop.owner;\n";
	$in .= "SELECT name FROM shop.pet WHERE owner_id = $_;\n" foreach (1 .. 5);
	$node->psql('postgres', $in . "\\errverbose\n", stdout => \$out, stderr => \$err, on_error_stop => 0);
	like($err, qr/^psql:<stdin>:\d+: \U$level\E:  QW001: confirmed N\+1.*^SCHEMA NAME:  shop\nTABLE NAME:  pet\nCOLUMN NAME:  owner_id\nCONSTRAINT NAME:  pet_owner_id_fkey\n/ms,
		"psql shows the fields of the $level");
	like($err, qr/^psql:<stdin>:\d+: error: ERROR:  QW001: .*^TABLE NAME:  pet\n.*/ms, '\errverbose too') if $level eq 'error';
}

# Empty queries and bad ones
is( python('odd messages', q{
with connect(autocommit=True) as c:
    for empty in ('', ' ; ', '/* x */'):
        c.execute(empty)
        c.execute(empty, prepare=True)
async def main():
    c = await asyncpg.connect(host=host, port=int(port), database='postgres', user=user)
    for bad in ('SELEC', 'SELECT $1', 'SELECT $2::int'):
        try:
            await c.fetch(bad)
        except asyncpg.PostgresError as e:
            print(e.sqlstate)
        except Exception as e:
            print(type(e).__name__)
    print(await c.fetchval('SELECT 1'))
    await c.close()
asyncio.run(main())
}) =~ /1$/ ? 1 : 0, 1, 'the session goes on');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

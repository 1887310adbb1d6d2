# Memory stays bounded whatever clients send: statements of 10 MB, as many
# parameters as the protocol allows, tags of a megabyte, application names,
# routes and statements without number.  A session that is recorded is compared
# with one that sends the same and is not.
#
# With LARGE=1 statements are of 100 MB, and the names 100,000.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'no /proc here' unless $^O eq 'linux';
my $python = $ENV{PYTHON} || '/usr/bin/python3';
plan skip_all => 'no Python with psycopg and psycopg2'
  if system("$python -c 'import psycopg, psycopg2' >/dev/null 2>&1") != 0;

my ($large, $many) = $ENV{LARGE} ? (100, 100_000) : (10, 3000);

# kB that a session may come to need more, at its peak and afterwards: less
# than a copy of the largest texts
my $allowed = 2048;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
fsync = off
log_statement = none
log_min_error_statement = panic
pg_querywatch.max_statements = 500
pg_querywatch.text_memory = '256kB'
pg_querywatch.slow_memory = '1MB'
pg_querywatch.track = 'all'
pg_querywatch.slow_threshold = 0
pg_querywatch.save_interval = '1s'
pg_querywatch.repeat_gap = '1min'
});
# What is freed is given back: the heap's top may have a piece that is not
$ENV{MALLOC_MMAP_THRESHOLD_} = 65536;
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item' FROM generate_series(1, 100) AS i;
});
my $shared = $node->safe_psql('postgres', 'SELECT shared_bytes FROM querywatch.info');

# Each in a session of its own: name, MB of text sent, kB at its peak and kB
# that are left
my $program = $node->basedir . '/memory.py';
append_to_file($program, q{
import re, sys, psycopg, psycopg2
host, port, user, track, LARGE, MANY = sys.argv[1:]
LARGE, MANY = int(LARGE), int(MANY)
options = f"-c pg_querywatch.track={track}"

def status(pid, field):
    return int(re.search(field + r":\s+(\d+) kB", open(f"/proc/{pid}/status").read())[1])

def measure(name, size, work, module=psycopg2):
    connection = module.connect(host=host, port=port, dbname="postgres", user=user, options=options)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SELECT pg_backend_pid()")
    pid = cursor.fetchone()[0]
    cursor.execute("SELECT count(*) FROM item")
    work(cursor)
    cursor.execute("SELECT count(*) FROM item")
    print(name, int(size / 1024), status(pid, "VmHWM") - status(pid, "RssShmem"), status(pid, "RssAnon"), sep="|")
    connection.close()

MB = 1024 * 1024
for name, sql in (
    (f"a literal of {LARGE} MB", "SELECT length('" + "x" * (LARGE * MB) + "')"),
    (f"a comment of {LARGE} MB", "SELECT 1 /*" + "x" * (LARGE * MB) + "*/"),
    (f"{LARGE} MB of blanks", "SELECT" + " " * (LARGE * MB) + "2"),
    ("100,000 literals", "SELECT 1 IN (" + ",".join(map(str, range(100000))) + ")"),
    ("a name of 10 MB", 'SELECT 1 AS "' + "x" * (10 * MB) + '"'),
    ("10 MB that is no SQL", "SELECT 1 " + "+ (" * 10 + "x'" * (5 * MB)),
    ("a tag of 1 MB", "SELECT id FROM item WHERE id = 1 /*route='" + "x" * MB + "'*/"),
    ("100,000 tags", "SELECT id FROM item WHERE id = 2 /*" + ",".join(f"key{i}='x'" for i in range(100000)) + "*/"),
    ("a trace of 1 MB", "SELECT id FROM item WHERE id = 3 /*traceparent='00-" + "a" * MB + "-00f067aa0ba902b7-01'*/"),
):
    def work(cursor):
        try:
            for i in range(2):
                cursor.execute(sql)
        except psycopg2.Error:
            pass
    measure(name, len(sql), work)

n = 65535
sql = "SELECT count(*) FROM item WHERE id IN (" + ",".join(["%s"] * n) + ")"
measure("65,535 parameters", len(sql), lambda cursor: [cursor.execute(sql, list(range(n))) for i in range(2)], psycopg)
values = ["x" * (10 * MB)] * 2
measure("parameters of 10 MB", 20 * MB, lambda cursor: [cursor.execute("SELECT length(%s::text), length(%s::bytea)", values) for i in range(2)], psycopg)

def many(part):
    def work(cursor):
        for first in range(0, MANY, 100):
            cursor.execute("".join(part(i) for i in range(first, first + 100)))
    return work
measure(f"{MANY} application names", 0, many(lambda i: f"SET application_name = 'application {i}'; SELECT id FROM item WHERE id = {i}; "))
measure(f"{MANY} routes", 0, many(lambda i: f"SELECT id FROM item WHERE id = {i} /*route='/item/{i}',traceparent='00-{i + 1:032x}-00f067aa0ba902b7-01'*/; "))
measure(f"{MANY} statements", 0, many(lambda i: f"SELECT id AS c{i} FROM item WHERE id = {' + '.join(['1'] * (1 + i % 300))} OR id = {' * '.join(['1'] * (1 + i // 300))}; "))
});

sub run
{
	my ($track) = @_;
	my ($out, $err);
	ok(IPC::Run::run([ $python, '-B', $program, $node->host, $node->port, $node->safe_psql('postgres', 'SELECT current_user'), $track, $large, $many ], '>', \$out, '2>', \$err), "track = $track")
	  or diag($err);
	return map { my ($name, @kb) = split /\|/; [ $name, @kb ] } split /\n/, $out;
}

my @without = run('none');
my @with = run('all');
is(scalar @with, scalar @without, 'the same was sent');
foreach my $i (0 .. $#with)
{
	my ($name, $size, $peak, $left) = @{ $with[$i] };
	my ($bare_peak, $bare_left) = @{ $without[$i] }[2, 3];
	note "$name: $size kB sent; peak $peak kB, $bare_peak without; left $left kB, $bare_left without";
	cmp_ok($peak - $bare_peak, '<', $allowed, "$name: at its peak");
	cmp_ok($left - $bare_left, '<', $allowed, "$name: afterwards");
}

# The worker writes all of it to disk; readers read it
my $worker = $node->safe_psql('postgres', q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
my ($kb) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+) kB/m;
note "worker: $kb kB";
cmp_ok($kb, '<', 8 * 1024, 'the worker too');
is($node->safe_psql('postgres', 'SELECT shared_bytes FROM querywatch.info'), $shared, 'shared memory is what it was');
is($node->safe_psql('postgres', 'SELECT text_bytes <= text_limit AND statements <= statements_limit AND patterns <= patterns_limit FROM querywatch.info'), 't', 'all is within its bounds');
is($node->safe_psql('postgres', "SELECT dealloc > $many / 2 AND texts_dropped > 100 AND slow_overwritten > $many FROM querywatch.info"), 't', 'what did not fit is counted');
is($node->safe_psql('postgres', 'SELECT count(*) FROM querywatch.all_findings WHERE false'), '0', 'findings can be read');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|out of memory/, 'no crash');
$node->stop;
done_testing();

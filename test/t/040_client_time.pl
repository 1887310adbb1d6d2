# Whose time it is that passes between two statements: planning, waiting for a
# lock in parse analysis, a lone Parse message and a function called by the fast
# path are the server's, and neither end a window nor leave a transaction idle.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Session;

my $python = $ENV{PYTHON} || '/usr/bin/python3';

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
fsync = off
});
$node->start;

# Without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

sub forget { look('SELECT querywatch.reset(), querywatch.reset_patterns()'); }

sub idle
{
	return look(q{SELECT coalesce(sum(client_time), 0) > 100, (SELECT count(*) FROM querywatch.findings WHERE kind = 'idle_in_transaction' AND query ~ 'before_it')
  FROM querywatch.statements WHERE query ~ 'before_it'});
}

look(q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, box_id int);
CREATE TABLE box (id int PRIMARY KEY);
ALTER TABLE item ADD FOREIGN KEY (box_id) REFERENCES box;
INSERT INTO box SELECT generate_series(1, 10);
INSERT INTO item SELECT i, i FROM generate_series(1, 10) AS i;
CREATE FUNCTION slow_to_plan(real) RETURNS int IMMUTABLE LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep($1); RETURN 5; END';
UPDATE querywatch.thresholds SET value = 100 WHERE name = 'idle_in_transaction_time';
ANALYZE;
});

my $session = Session->new($node, name => 'client');
my $blocker = Session->new($node, name => 'blocker');

# Runs in the session what waits for the lock that the blocker holds
sub behind_lock
{
	my ($sql) = @_;
	$blocker->query('BEGIN; LOCK TABLE item');
	$session->send($sql);
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}) or die;
	select undef, undef, undef, 0.4;
	$blocker->query('COMMIT');
	$session->query('SELECT 2');
}

forget();
$session->query('BEGIN; SELECT 1 AS before_it');
select undef, undef, undef, 0.3;
$session->query('SELECT 2; COMMIT');
like(idle(), qr/^t\|/, 'what the client takes is its time');

forget();
$session->query('BEGIN; SELECT 1 AS before_it');
$session->query('SELECT FROM pg_class WHERE 5 = slow_to_plan(0.4) LIMIT 1; COMMIT');
is(idle(), 'f|0', 'planning is not');

forget();
$session->query('BEGIN; SELECT 1 AS before_it');
behind_lock('SELECT count(*) FROM item');
$session->query('COMMIT');
is(idle(), 'f|0', 'waiting for a lock in parse analysis is not');

forget();
$session->query('PREPARE counted AS SELECT count(*) FROM item; BEGIN; SELECT 1 AS before_it');
behind_lock('EXECUTE counted');
$session->query('COMMIT; DEALLOCATE counted');
is(idle(), 'f|0', 'nor where a cached plan takes its locks');

# An N+1 whose statements take longer to plan than repeat_gap
sub patterns
{
	return look(q{SELECT kind, confidence, executions FROM querywatch.repeated_statements});
}
forget();
$session->query('BEGIN; SELECT id FROM box');
$session->query("SELECT id FROM item WHERE box_id = $_ AND 5 = slow_to_plan(0.3)") foreach (1 .. 8);
$session->query('COMMIT');
is(patterns(), 'n_plus_one|confirmed|8', 'planning does not end a window');

forget();
$session->query('DISCARD ALL');
$session->query("SELECT id FROM item WHERE box_id = $_ AND 5 = slow_to_plan(0.3)") foreach (1 .. 6);
$session->query('DISCARD ALL');
is(patterns(), 'repeated_lookup|suspected|6', 'nor outside of a transaction block');

forget();
$session->query('SELECT id FROM box; SELECT id FROM item WHERE box_id = 1');
foreach (2 .. 6)
{
	behind_lock("SELECT id FROM item WHERE box_id = $_");
}
$session->query('DISCARD ALL');
like(patterns(), qr/\|6$/m, 'nor does waiting for a lock');

forget();
foreach (1 .. 6)
{
	$session->query("SELECT id FROM item WHERE box_id = $_");
	select undef, undef, undef, 0.3;
}
$session->query('DISCARD ALL');
is(patterns(), '', 'but the client does');

# What only a driver can send, by libpq's own functions
SKIP:
{
	skip 'no libpq for Python', 4 if system("$python -c 'import ctypes; ctypes.CDLL(\"libpq.so.5\")' >/dev/null 2>&1") != 0;
	my $file = $node->basedir . '/test.py';
	append_to_file($file, q{
import ctypes, sys
pq = ctypes.CDLL("libpq.so.5")
for f in (pq.PQconnectdb, pq.PQexec, pq.PQprepare, pq.PQexecPrepared, pq.PQfn):
    f.restype = ctypes.c_void_p
c = ctypes.c_void_p(pq.PQconnectdb(sys.argv[1].encode()))
def ok(result, status):
    assert pq.PQresultStatus(ctypes.c_void_p(result)) == status, status
ok(pq.PQexec(c, b"BEGIN"), 1)
ok(pq.PQexec(c, b"SELECT 1 AS before_it"), 2)
if sys.argv[2] == "parse":
    print("waits", flush=True)
    ok(pq.PQprepare(c, b"s", b"SELECT count(*) FROM item", 0, None), 1)
    ok(pq.PQexecPrepared(c, b"s", 0, None, None, None, 0), 2)
else:
    class Argument(ctypes.Structure):
        _fields_ = [("len", ctypes.c_int), ("isint", ctypes.c_int), ("ptr", ctypes.c_char_p)]
    seconds = Argument(8, 0, b"\x3f\xd9\x99\x99\x99\x99\x99\x9a")
    result, length = ctypes.create_string_buffer(64), ctypes.c_int()
    ok(pq.PQfn(c, int(sys.argv[3]), result, ctypes.byref(length), 0, ctypes.byref(seconds), 1), 1)
    ok(pq.PQexec(c, b"SELECT 2"), 2)
ok(pq.PQexec(c, b"COMMIT"), 1)
});
	my $connection = $node->connstr('postgres');
	forget();
	$blocker->query('BEGIN; LOCK TABLE item');
	my ($out, $err) = ('', '');
	my $client = IPC::Run::start([ $python, '-B', $file, $connection, 'parse' ], '>', \$out, '2>', \$err);
	$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM pg_stat_activity WHERE wait_event_type = 'Lock'}) or die;
	select undef, undef, undef, 0.4;
	$blocker->query('COMMIT');
	ok($client->finish, 'a lone Parse message') or diag($err);
	is(idle(), 'f|0', 'and it is the server that has waited');

	forget();
	ok(IPC::Run::run([ $python, '-B', $file, $connection, 'fastpath', look(q{SELECT 'pg_sleep'::regproc::oid}) ], '2>', \$err), 'a function called by the fast path') or diag($err);
	is(idle(), 'f|0', 'runs in the server');
}

$_->quit foreach $session, $blocker;
$node->stop;
done_testing();

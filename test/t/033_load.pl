# What an administrator does while applications work: the extension dropped and
# made again, settings changed, sessions ended; and 500 connections.  Every
# execution is counted, once.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
max_connections = 520
shared_buffers = '32MB'
fsync = off
log_statement = none
log_min_messages = warning
pg_querywatch.track_utility = off
pg_querywatch.repeat_gap = '1min'
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item SELECT i, 0 FROM generate_series(1, 1000) AS i;
});

# Each transaction is a request of its own
my $loop = q{
\set route random(1, 50)
\set id random(1, 1000)
\set id2 :id + 1
\set id3 :id + 2
\set id4 :id + 3
\set id5 :id + 4
\set id6 :id + 5
BEGIN;
} . join('', map { "SELECT n FROM item WHERE id = $_ /*route=':route'*/;\n" } qw(:id :id2 :id3 :id4 :id5 :id6)) . q{COMMIT;
};
my $script = $node->basedir . '/load.sql';
append_to_file($script, $loop);

sub bench
{
	my ($clients, $file, @options) = @_;
	my ($out, $err) = ('', '');
	local $ENV{PGAPPNAME} = 'load';
	# looks at the list of ignored statements for each burst, and tells the log
	local $ENV{PGOPTIONS} = '-c pg_querywatch.on_repeat=log';
	my $run = IPC::Run::start(
		[ 'pgbench', '-n', '-c', $clients, '-j', '2', '-f', $file, @options, '-h', $node->host, '-p', $node->port, 'postgres' ],
		'<', \'', '>', \$out, '2>', \$err);
	return { run => $run, out => \$out, err => \$err };
}

sub counted
{
	return $node->safe_psql('postgres', q{SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0), coalesce(sum(errors), 0) FROM querywatch.statements WHERE query ~ '^SELECT n FROM item WHERE id = .1( /.*)?$'});
}

# Rows are not as many: the ids past 1000
sub calls { return (split /\|/, counted())[0]; }

sub working
{
	return $node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE application_name = 'load'");
}

#
# CREATE and DROP EXTENSION, settings
#
my $transactions = 1500;
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
my $load = bench(6, $script, '-t', $transactions);
working();
my $rounds = 0;
while ($load->{run}->pumpable && $node->safe_psql('postgres', "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'load'") > 0)
{
	$rounds++;
	my $on = $rounds % 2 ? 'on' : 'off';
	$node->safe_psql('postgres', 'DROP EXTENSION pg_querywatch; CREATE EXTENSION pg_querywatch; SELECT querywatch.ignore(1, $$test$$)');
	$node->safe_psql('postgres', qq{
ALTER SYSTEM SET pg_querywatch.track_planning = $on;
ALTER SYSTEM SET pg_querywatch.capture_plan = $on;
ALTER SYSTEM SET pg_querywatch.slow_threshold = } . ($rounds % 2 ? 0 : -1) . qq{;
ALTER SYSTEM SET pg_querywatch.query_max_length = } . (128 + $rounds % 2 * 10_000) . qq{;
ALTER SYSTEM SET pg_querywatch.repeat_threshold = } . (2 + $rounds % 7) . qq{;
ALTER SYSTEM SET pg_querywatch.tags = '} . ($rounds % 2 ? 'route' : '') . qq{';
ALTER SYSTEM SET pg_querywatch.save = $on;
ALTER SYSTEM SET pg_querywatch.save_interval = '1s';
SELECT pg_reload_conf();
});
}
$load->{run}->finish;
cmp_ok($rounds, '>', 3, "$rounds times dropped and made, and settings reloaded");
unlike(${ $load->{err} }, qr/ERROR|FATAL|aborted/, 'no client noticed');
is(calls(), 6 * 6 * $transactions, 'every call was counted');
cmp_ok(scalar(() = slurp_file($node->logfile) =~ /LOG:  likely repeated lookup/g), '>', $transactions, 'on_repeat had something to do');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET ALL; SELECT pg_reload_conf()');

#
# Sessions ended, at any point of a statement: an execution that ends with its
# connection is not counted, so no more than one of each is missing
#
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
my ($ended, $sent, $lost) = (0, 0, 0);
foreach my $round (1 .. 4)
{
	my $log = $node->basedir . "/log.$round";
	$load = bench(8, $script, '-T', '2', '-l', "--log-prefix=$log");
	working();
	foreach (1 .. 6)
	{
		$ended += $node->safe_psql('postgres', q{SELECT count(pg_terminate_backend(pid)) FROM (SELECT pid FROM pg_stat_activity WHERE application_name = 'load' ORDER BY random() LIMIT 1) AS a});
	}
	$load->{run}->finish;
	foreach my $file (glob("$log*"))
	{
		$sent += 6 * (() = slurp_file($file) =~ /\n/g);
	}
}
cmp_ok($ended, '>=', 10, "$ended sessions ended");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend'});
my $calls = calls();
cmp_ok($calls, '>=', $sent, 'what was finished before is counted');
cmp_ok($calls, '<=', $sent + 6 * 8 * 4, 'and nothing twice');

#
# ... and in each phase of one
#
$node->safe_psql('postgres', q{
CREATE FUNCTION stay(i int) RETURNS int LANGUAGE plpgsql IMMUTABLE
  AS 'BEGIN PERFORM pg_sleep(100); RETURN i; END';
CREATE FUNCTION stay_volatile(i int) RETURNS int LANGUAGE plpgsql
  AS 'BEGIN BEGIN RAISE ''caught''; EXCEPTION WHEN raise_exception THEN PERFORM pg_sleep(100); END; RETURN i; END';
CREATE FUNCTION on_staying() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_sleep(100); RETURN NULL; END';
CREATE TABLE staying (id int);
CREATE TRIGGER staying AFTER INSERT ON staying FOR EACH ROW EXECUTE FUNCTION on_staying();
CREATE TABLE deferred (id int);
CREATE CONSTRAINT TRIGGER deferred AFTER INSERT ON deferred DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION on_staying();
});
my $locker = Session->new($node);
$locker->query('BEGIN; LOCK TABLE deferred');
# what it is in; what is sent; which statements that is; how many of them end
# (a COMMIT has ended when deferred triggers begin)
my @phases = (
	[ 'planning', 'SELECT n AS phase FROM item WHERE id = stay(1)', ' AS phase ', 0 ],
	[ 'running', 'SELECT pg_sleep(100) AS phase', ' AS phase$', 0 ],
	[ 'running a function', 'SELECT stay_volatile(id) AS phase FROM item', ' AS phase ', 0 ],
	[ 'a trigger', 'INSERT INTO staying VALUES (1)', '^INSERT INTO staying', 0 ],
	[ 'waiting for a lock', 'INSERT INTO deferred VALUES (1)', '^INSERT INTO deferred', 0 ],
	[ 'a utility statement', q{DO $$ BEGIN PERFORM pg_sleep(100); END $$}, '^DO', 0 ],
	[ 'COPY', 'COPY (SELECT pg_sleep(100) AS phase) TO STDOUT', '^COPY', 0 ],
	[ 'a cursor', 'DECLARE c CURSOR FOR SELECT pg_sleep(id / 2 * 100) FROM item ORDER BY id; FETCH 1 FROM c; FETCH 2 FROM c', '^DECLARE c|^FETCH', 2 ],
	[ 'the end of a transaction', 'INSERT INTO deferred VALUES (1); COMMIT', '^INSERT INTO deferred|^COMMIT', 2, 'unlocked' ],
	[ 'idle', 'DECLARE c CURSOR FOR SELECT n FROM item; FETCH 1 FROM c', '^DECLARE c|^FETCH', 2 ]);
foreach my $phase (@phases)
{
	my ($what, $sql, $statements, $ending, $unlocked) = @$phase;
	$locker->query('ROLLBACK') if $unlocked;
	$node->safe_psql('postgres', 'SELECT querywatch.reset(), querywatch.reset_patterns()');
	my $victim = Session->new($node, name => 'victim');
	my $pid = $victim->query('SELECT pg_backend_pid()');
	$victim->query('BEGIN');
	$victim->query("SELECT n FROM item WHERE id = $_") foreach (1 .. 6);
	$victim->query('SET pg_querywatch.track_utility = on');
	$victim->send($sql);
	my $there = $what eq 'idle' ? "query ~ '^FETCH' AND state = 'idle in transaction'" : "state = 'active' AND wait_event IN ('PgSleep', 'relation')";
	$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE pid = $pid AND $there")
	  or die "$what: not reached";
	is($node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 60000)"), 't', "$what: ended");
	is(counted(), '6|6|0', "$what: what was done before is counted");
	is($node->safe_psql('postgres', q{SELECT kind, executions FROM querywatch.repeated_statements}), 'repeated_lookup|6', "$what: its loop too");
	is($node->safe_psql('postgres', "SELECT coalesce(sum(calls), 0), coalesce(sum(errors + cancels), 0) FROM querywatch.statements WHERE query ~ '$statements' AND toplevel"), "$ending|0", "$what: what never ended is not");
	$victim->{psql}->finish;
}
$locker->quit;

#
# 500 connections, that begin when all are there
#
my $gated = $node->basedir . '/gated.sql';
append_to_file($gated, "SELECT pg_advisory_lock_shared(1);\nSELECT pg_advisory_unlock_shared(1);$loop");
my $gate = Session->new($node);
$gate->query('SELECT pg_advisory_lock(1)');
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
$load = bench(500, $gated, '-t', 10);
ok($node->poll_query_until('postgres', q{SELECT sum(total) = 500 FROM querywatch.connections WHERE application_name = 'load'}), '500 connections are seen');
$gate->quit;
$load->{run}->finish;
unlike(${ $load->{err} }, qr/ERROR|FATAL|aborted/, '500 connections at once');
is(calls(), 6 * 500 * 10, 'every call was counted');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|WARNING/, 'no crash');
$node->stop;
done_testing();

# Statements cancelled at random points, for CANCEL_SECONDS (15): every one is
# counted once, as completed or as cancelled, and sessions go on.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $seconds = $ENV{CANCEL_SECONDS} || 15;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'auto_explain,pg_querywatch,pg_stat_statements'
pg_querywatch.track = 'all'
pg_querywatch.slow_threshold = 0
pg_querywatch.text_memory = '256kB'
auto_explain.log_min_duration = '1ms'
fsync = off
log_min_messages = error
log_min_error_statement = panic
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE EXTENSION pg_stat_statements;
CREATE TABLE item (id int PRIMARY KEY, n int, filler text);
INSERT INTO item SELECT i, 0, repeat('x', 100) FROM generate_series(1, 2000) AS i;
CREATE FUNCTION work(k int) RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
  c CURSOR FOR SELECT n FROM item ORDER BY n;
  r record;
BEGIN
  FOR r IN c LOOP
    EXIT WHEN r.n > 10;
  END LOOP;
  BEGIN
    PERFORM 1 / (k - k);
  EXCEPTION WHEN division_by_zero THEN
    NULL;
  END;
  RETURN (SELECT count(*) FROM item AS a JOIN item AS b ON a.filler = b.filler WHERE a.id < 100);
END $$;
});

# Each is a different mix of phases; pgbench goes on after a cancellation as
# psql does, without stopping at errors
my $script = join('', map { my $k = $_; qq{
SELECT count(*) FROM item AS a JOIN item AS b ON a.filler <> b.filler WHERE a.id < $k;
SELECT work($k);
SELECT } . join(', ', ('n + 1') x $k) . qq{ FROM item WHERE id = $k /*route='x$k'*/;
BEGIN;
UPDATE item SET n = n + 1 WHERE id < 300;
DECLARE c CURSOR FOR SELECT * FROM item ORDER BY filler;
FETCH 500 FROM c;
CLOSE c;
ROLLBACK;
CREATE TEMP TABLE t$k AS SELECT * FROM item;
DROP TABLE IF EXISTS t$k;
SELECT count(*) FROM querywatch.statements;
SELECT count(*) FROM querywatch.slow_statements WHERE runnable_sql = '';
SELECT count(*) FROM querywatch.repeated_statements;
} } 20 .. 60);

# What says of each statement how it ended, so that it can be counted: plans
# of several kinds, statements of a function, triggers, prepared and utility
# statements
my @kinds = (
	'SELECT count(a.n) AS joined FROM item AS a JOIN item AS b ON a.filler <> b.filler WHERE a.id < 20',
	'SELECT stepwise(10)',
	'UPDATE triggered SET n = n + 1 WHERE id = pg_backend_pid() % 10',
	q{DO $$ BEGIN PERFORM pg_sleep(0.01); END $$},
	'EXECUTE prepared (20)',
	'COPY (SELECT 1 AS copied, pg_sleep(0.005)) TO STDOUT');
$node->safe_psql('postgres', q{
CREATE SEQUENCE begun;
CREATE FUNCTION stepwise(n int) RETURNS void LANGUAGE plpgsql
  AS 'BEGIN FOR i IN 1 .. n LOOP PERFORM nextval(''begun''), pg_sleep(0.001) AS step; END LOOP; END';
CREATE TABLE triggered (id int PRIMARY KEY, n int);
INSERT INTO triggered SELECT i, 0 FROM generate_series(0, 9) AS i;
CREATE FUNCTION on_triggered() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END';
CREATE TRIGGER on_triggered AFTER UPDATE ON triggered FOR EACH ROW EXECUTE FUNCTION on_triggered();
});

# Their texts may make room for others: the ids are known before
my @regexps = ('^SELECT count.* AS joined', '^SELECT stepwise', '^UPDATE triggered', '^DO', 'AS prepared', '^COPY .* copied', ' AS step$');
my $prepare = 'PREPARE prepared (int) AS SELECT count(b.n) AS prepared FROM item AS a JOIN item AS b ON a.filler <> b.filler WHERE a.id < $1';
$node->safe_psql('postgres', join(';', $prepare, @kinds));
my @queryids = map { $node->safe_psql('postgres', "SELECT queryid FROM querywatch.statements WHERE calls > 0 AND query !~ 'querywatch' AND query ~ '$_' ORDER BY toplevel DESC LIMIT 1") } @regexps;
$node->safe_psql('postgres', 'ALTER SEQUENCE begun RESTART; SELECT querywatch.reset(), pg_stat_statements_reset()');

my $counted_file = $node->basedir . '/counted.sql';
append_to_file($counted_file, "\\set QUIET on\n$prepare;\n" . join('', map { "\\set SQLSTATE none\n$kinds[$_];\n\\echo kind $_ :SQLSTATE\n" } ((0 .. $#kinds) x 20)));

my $work_file = $node->basedir . '/work.sql';
append_to_file($work_file, $script);
my $cancel_file = $node->basedir . '/cancel.sql';
append_to_file($cancel_file, q{
\set us random(0, 20000)
\sleep :us us
SELECT count(pg_cancel_backend(pid)) FROM pg_stat_activity WHERE application_name = 'victim' AND state = 'active';
});

my @server = ('-h', $node->host, '-p', $node->port);
my ($in, $out, $err) = ('', '', '');
my @victims;
{
	local $ENV{PGAPPNAME} = 'victim';
	push @victims,
	  IPC::Run::start(
		[
			'sh', '-c',
			'while :; do psql -X -q -o /dev/null "$@"; done', 'sh', @server,
			'-d', 'postgres', '-f', $work_file
		],
		\$in, \$out, \$err)
	  for (1 .. 2);
}

# They end by themselves, not to leave anything half done
my $stop_file = $node->basedir . '/stop';
my ($counted_out, $counted_err) = ('', '');
my @counted;
{
	local $ENV{PGAPPNAME} = 'victim';
	# auto_explain's report, after the run, would be one more place to cancel at
	local $ENV{PGOPTIONS} =
	  '-c pg_querywatch.slow_threshold=20 -c auto_explain.log_min_duration=-1';
	push @counted,
	  IPC::Run::start(
		[
			'sh', '-c',
			'until [ -e "$0" ]; do psql -X "$@"; done', $stop_file, @server,
			'-d', 'postgres', '-f', $counted_file
		],
		'<', \$in, '>', \$counted_out, '2>', \$counted_err)
	  for (1 .. 2);
}
{
	local $ENV{PGAPPNAME} = 'canceller';
	local $ENV{PGOPTIONS} = '-c pg_querywatch.slow_threshold=-1';
	$node->command_ok(
		[ 'pgbench', '-n', '-T', $seconds, @server, '-f', $cancel_file, 'postgres' ],
		'cancelling');
}
append_to_file($stop_file, '');
$_->finish foreach @counted;
$_->signal('TERM') foreach @victims;
$node->safe_psql('postgres', q{SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE application_name = 'victim'});
$_->finish foreach @victims;
my $canceled = () = $err =~ /canceling statement due to user request/g;
cmp_ok($canceled, '>', 50, 'there was something to cancel');

# One that is cancelled before it is planned, or between planning and running,
# is not counted, which takes a small part of the time.  One that is cancelled
# when it has run is counted as completed, by pg_stat_statements too.
# (A session whose PREPARE was cancelled has nothing to execute.)
$counted_out =~ s/^kind \d+ 26000\n//mg;
foreach my $kind (0 .. $#kinds)
{
	my $sent = () = $counted_out =~ /^kind $kind /mg;
	my $completed = () = $counted_out =~ /^kind $kind 00000$/mg;
	# (psql does not always set it for a COPY that failed.)
	my $cancelled = () = $counted_out =~ /^kind $kind (?:57014|none)?$/mg;
	my ($calls, $errors, $cancels) = split /\|/,
	  $node->safe_psql('postgres', "SELECT sum(calls), sum(errors), sum(cancels) FROM querywatch.statements WHERE toplevel AND queryid = $queryids[$kind]");
	my $others = $node->safe_psql('postgres', "SELECT sum(calls) FROM pg_stat_statements WHERE toplevel AND queryid = $queryids[$kind]");
	note "$kinds[$kind]: $sent sent, $completed completed, $cancelled cancelled; counted $calls, $errors errors, $cancels cancelled; pg_stat_statements $others";
	is($completed + $cancelled, $sent, "kind $kind: completed or cancelled");
	cmp_ok($cancelled, '>', 5, "kind $kind: cancelled");
	is($errors, 0, "kind $kind: none failed otherwise");
	cmp_ok($calls, '>=', $completed, "kind $kind: every completed one is counted");
	is($calls, $others, "kind $kind: as completed, no other");
	cmp_ok($calls + $cancels, '<=', $sent, "kind $kind: none is counted twice");
	cmp_ok($sent - $calls - $cancels, '<=', 2 + $cancelled / 4, "kind $kind: all are counted");
}

# Inside functions a sequence tells how many have begun
my ($begun, $calls, $cancels) = split /\|/, $node->safe_psql('postgres', q{
SELECT (SELECT last_value FROM begun), sum(calls), sum(cancels) FROM querywatch.statements WHERE queryid = } . $queryids[-1]);
note "inside functions: $begun begun; counted $calls, $cancels cancelled";
cmp_ok($calls, '<=', $begun, 'inside functions: none is counted twice');
cmp_ok($calls + $cancels, '>=', $begun, 'and all are counted');

cmp_ok($node->safe_psql('postgres', 'SELECT sum(cancels) FROM querywatch.statements'),
	'>', 50, 'cancellations were counted');
is($node->safe_psql('postgres', q{SELECT count(*) FROM querywatch.statements WHERE calls < 0 OR errors < 0 OR cancels < 0 OR total_exec_time < 0 OR rows < 0}),
	'0', 'no count is out of order');
is( $node->safe_psql('postgres', q{SELECT count(*) > 0 FROM querywatch.slow_statements WHERE outcome = 'canceled' AND sqlstate = '57014'}),
	't', 'cancelled ones are in the slow log');
is( $node->safe_psql('postgres', q{SELECT coalesce(bool_and(query <> '' AND outcome IN ('completed', 'error', 'canceled')), false) FROM querywatch.slow_statements}),
	't', 'and every record there is whole');

# it all still works
$node->safe_psql('postgres', 'SELECT querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()');
$node->safe_psql('postgres', 'SELECT upper($$x$$)' . ";SELECT work($_)" x 3) foreach (1 .. 10);
is( $node->safe_psql('postgres', q{SELECT calls, errors, toplevel FROM querywatch.statements WHERE query ~ '^SELECT upper'}),
	'10|0|t', 'counts are exact afterwards');
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal|stuck spinlock|lock .* is not held/, 'no crash');

$node->stop;
done_testing();

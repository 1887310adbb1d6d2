# A backend that dies takes the server's shared memory with it: afterwards
# everything records again.  And backends that end flush what they counted.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_stat_statements,pg_querywatch,auto_explain'
restart_after_crash = on
pg_querywatch.slow_threshold = 0
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch; CREATE TABLE item (id int PRIMARY KEY, n int)');
$node->safe_psql('postgres', 'INSERT INTO item SELECT i, 0 FROM generate_series(1, 1000) AS i');

my $script = $node->basedir . '/work.sql';
append_to_file($script, q{
\set id random(1, 1000)
SELECT n FROM item WHERE id = :id;
UPDATE item SET n = n + 1 WHERE id = :id;
SELECT count(*) FROM querywatch.statements;
});

# A session's counts survive its end
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
$node->safe_psql('postgres', 'SELECT n FROM item WHERE id = 1; SELECT n FROM item WHERE id = 2') for 1 .. 5;
is( $node->safe_psql('postgres', q{SELECT calls, rows FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
	'10|10', 'counts of sessions that have ended');

# ... also when they are terminated, idle in a transaction
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; SELECT n FROM item WHERE id = 3');
my $pid = $session->query_safe('SELECT pg_backend_pid()');
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid, 10000)");
is( $node->safe_psql('postgres', q{SELECT calls FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
	'11', 'counts of a terminated session');
eval { $session->quit };

foreach my $round (1 .. 2)
{
	my ($in, $out, $err) = ('', '', '');
	$ENV{PGAPPNAME} = 'bench';
	my $bench = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '4', '-j', '1', '-T', '60', '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		\$in, \$out, \$err);
	$ENV{PGAPPNAME} = '004_crash.pl';

	# until they are busy
	$node->poll_query_until('postgres',
		"SELECT count(*) = 4 FROM pg_stat_activity WHERE application_name = 'bench'");
	my $victim = $node->safe_psql('postgres',
		"SELECT pid FROM pg_stat_activity WHERE application_name = 'bench' ORDER BY pid LIMIT 1");
	like($victim, qr/^\d+$/, "round $round: a backend at work");
	is(kill('KILL', $victim), 1, "round $round: killed");
	$bench->finish;

	$node->poll_query_until('postgres', 'SELECT true')
	  or die 'the server did not come back';
	$node->safe_psql('postgres', 'SELECT querywatch.reset(), querywatch.reset_slow()');
	$node->safe_psql('postgres', 'SELECT n FROM item WHERE id = 1');
	is( $node->safe_psql('postgres', q{SELECT calls, rows FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
		'1|1', "round $round: recorded after the crash");
	is( $node->safe_psql('postgres', q{SELECT count(*) FROM querywatch.slow_statements WHERE query ~ '^SELECT n FROM item'}),
		'1', "round $round: slow statements too");
}

my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP/, 'no other failure');
my @signals = $log =~ /terminated by signal (\d+)/g;
is(join(',', @signals), '9,9', 'nothing crashed but what was killed');

$node->stop;
done_testing();

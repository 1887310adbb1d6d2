# Shared memory for each connection: how much it is, and that no count is lost
# where slots are few, where their pool is empty, and where a bucket of a slot's
# histogram is full.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $MOST = 12 * 1024;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
fsync = off
});

sub query
{
	return $node->safe_psql('postgres', shift);
}

# Sizes
my %bytes;
foreach my $connections (100, 1000, 5000)
{
	$node->append_conf('postgresql.conf', "max_connections = $connections");
	$node->start;
	query('CREATE EXTENSION IF NOT EXISTS pg_querywatch');
	my ($shared, $connection) = split /\|/,
	  query('SELECT shared_bytes, connection_bytes FROM querywatch.info');
	is(query("SELECT allocated_size - $shared BETWEEN 0 AND 1024 FROM pg_shmem_allocations WHERE name = 'pg_querywatch'"),
		't', "$connections connections: it is what the server allocated");
	cmp_ok($connection, '<=', $MOST, "at most $MOST B for each");
	$bytes{$connections} = $shared;
	note "$connections connections: $shared B, $connection B for each";
	$node->stop;
}
cmp_ok($bytes{1000}, '<=', 32 * 1024 * 1024, '32 MB at most with 1,000');
foreach my $pair ([ 100, 1000 ], [ 1000, 5000 ])
{
	my ($few, $many) = @$pair;
	my $each = ($bytes{$many} - $bytes{$few}) / ($many - $few);

	cmp_ok($each, '<=', $MOST, sprintf('from %d to %d: %.0f B for each', $few, $many, $each));
}

# More statements than there are slots, in more sessions than the pool has chunks
# for; then again in sessions that take what those have given back
my ($sessions, $statements, $rounds) = (14, 70, 6);
$node->append_conf(
	'postgresql.conf', q{
max_connections = 20
max_worker_processes = 2
autovacuum_max_workers = 1
autovacuum = off
max_wal_senders = 0
});
$node->start;
query('CREATE TABLE item (id int PRIMARY KEY); INSERT INTO item VALUES (1)');
query('SELECT querywatch.reset()');

my $count = q{SELECT count(*), min(calls), max(calls), sum(rows) = sum(calls) FROM querywatch.statements WHERE query LIKE 'SELECT id FROM item%'};
my $script = join '', map {
	join '', map { 'SELECT id FROM item WHERE id = 1' . ' + 0' x $_ . ";\n" } 1 .. $statements
} 1 .. $rounds;

foreach my $round (1, 2)
{
	my @open;
	foreach (1 .. $sessions)
	{
		my $session = $node->background_psql('postgres');
		$session->query_safe($script);
		push @open, $session;
	}
	my $calls = $round * $sessions * $rounds;
	is(query($count), "$statements|$calls|$calls|t", "round $round: all that the sessions ran");
	$_->quit foreach @open;
	is(query($count), "$statements|$calls|$calls|t", '... and when they have ended');
}

# One statement, 3,000 times: more than a bucket of the slot's histogram holds
my $session = $node->background_psql('postgres');
$session->query_safe("SELECT count(*) FROM item;\n" x 3000);
my $often = q{
SELECT calls, (SELECT sum(calls) FROM querywatch.latency_histogram(s.queryid))
  FROM querywatch.statements s WHERE query LIKE 'SELECT count(*) FROM item%'};
is(query($often), '3000|3000', 'all of them are in the histogram');
$session->quit;
is(query($often), '3000|3000', '... and when the session has ended');

# What a slot has no place for: failures, slow ones
query('CREATE TABLE bad (x int); INSERT INTO bad VALUES (0)');
$session = $node->background_psql('postgres', on_error_stop => 0);
$session->query('SELECT 1 / x FROM bad;') foreach 1 .. 3;
$session->query('UPDATE bad SET x = 1;');
$session->query('SELECT 1 / x FROM bad;') foreach 1 .. 4;
$session->query('SET pg_querywatch.slow_threshold = 0;');
$session->query('SELECT 1 / x FROM bad;') foreach 1 .. 5;
my $mixed = q{
SELECT calls, errors, slow_calls, (SELECT sum(calls) FROM querywatch.latency_histogram(s.queryid))
  FROM querywatch.statements s WHERE query LIKE 'SELECT $1 / x FROM bad%'};
is(query($mixed), '9|3|5|12', 'failed and slow ones are counted beside the others');
$session->quit;
is(query($mixed), '9|3|5|12', '... and when the session has ended');

$node->stop;
done_testing();

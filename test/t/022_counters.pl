# No counter goes down, whatever moves, is evicted, ends or restarts meanwhile;
# and in the end they are what the statements add up to.  How long a scrape
# takes with many statements.

use strict;
use warnings;

use IPC::Run;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;
use Time::HiRes qw(time);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.max_statements = 100
fsync = off
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE DATABASE other;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item SELECT i, 0 FROM generate_series(1, 1000) AS i;
});

# Samples that only go up: counters, and the histogram's parts
sub counters
{
	my ($text) = @_;
	my %samples;

	$text =~ s/^pg_querywatch_\w+_(?:total|bucket|sum|count)\{.*\} .*$/my ($n, $v) = $& =~ m{^(.*) (\S+)$}; $samples{$n} = $v; ''/gem;
	return \%samples;
}

# far more statements than are kept
my $dir = $node->basedir;
append_to_file("$dir/churn.sql", "\\set i random(1, 1000)\n"
	  . join('', map { 'SELECT ' . join(', ', ('n') x $_) . " FROM item WHERE id = :i;\n" } 1 .. 150));
my @churn = map {
	my ($database, @more) = @$_;
	my $log = '';
	IPC::Run::start([ $node->installed_command('pgbench'), '-n', '-c', 3, '-T', 8, @more,
			'-h', $node->host, '-p', $node->port, '-f', "$dir/churn.sql", $database ],
		'>', \$log, '2>&1');
} ([ 'postgres', '-C' ], [ 'postgres' ]);

# a reader that does nothing else, to hit the moment when counts move
my $reader = Session->new($node, name => 'reader');
$reader->send(q{
DO $$
DECLARE
  last bigint := 0; executed bigint; reads int := 0; down int := 0;
  finish timestamptz := clock_timestamp() + interval '7 s';
BEGIN
  WHILE clock_timestamp() < finish LOOP
    SELECT sum(t.executions) INTO executed FROM querywatch.totals() AS t;
    down := down + (executed < last)::int;
    last := executed;
    reads := reads + 1;
  END LOOP;
  INSERT INTO item VALUES (-1, reads), (-2, down);
END $$});

# meanwhile statements that are new, in another database too
my ($reads, $down) = (0, 0);
my $last = {};
my $end = time + 8;
while (time < $end || $reads <= 10)
{
	$node->safe_psql($reads % 2 ? 'other' : 'postgres',
		join '', map { 'SELECT ' . join(', ', map { "1 AS c$_" } 1 .. 1 + $_ % 40) . ', ' . ($reads % 3 ? 'now()' : 'version()') . ';' } 1 .. 20);
	my $now = counters($node->safe_psql('postgres', 'SELECT querywatch.prometheus()'));
	foreach my $name (keys %$last)
	{
		next if exists $now->{$name} && $now->{$name} >= $last->{$name};
		$down++;
		diag "$name: " . ($now->{$name} // 'gone') . " after $last->{$name}";
	}
	$last = $now;
	$reads++;
}
$_->finish foreach @churn;
is($reader->query('SELECT n FROM item WHERE id = -2'), '0', 'no total went down either');
cmp_ok($reader->query('SELECT n FROM item WHERE id = -1'), '>', 1000, 'read by the thousand');
$reader->quit;
cmp_ok($reads, '>', 10, "read $reads times");
is($down, 0, 'no counter went down');
cmp_ok($node->safe_psql('postgres', 'SELECT dealloc FROM querywatch.info'), '>', 1000, 'while statements were evicted');

# what the counters are of
my $settled = q{SELECT (SELECT coalesce(sum(calls + errors + cancels), 0) FROM querywatch.statements(false)) + (SELECT coalesce(sum(calls + errors + cancels), 0) FROM querywatch.evicted) = (SELECT sum(executions) FROM querywatch.totals)};
ok($node->poll_query_until('postgres', $settled), 'totals are the sum of statements, and of those evicted');
my $sum = counters($node->safe_psql('postgres', 'SELECT querywatch.prometheus()'));
is($sum->{'pg_querywatch_execution_seconds_bucket{datname="postgres",le="+Inf"}'}, $sum->{'pg_querywatch_execution_seconds_count{datname="postgres"}'}, 'the last bucket is the count');
is($sum->{'pg_querywatch_executions_total{datname="postgres"}'}, $sum->{'pg_querywatch_execution_seconds_count{datname="postgres"}'}, 'and that the executions');

# buckets, where nothing was evicted
$node->append_conf('postgresql.conf', 'pg_querywatch.max_statements = 6000');
$node->restart;
my $after = counters($node->safe_psql('postgres', 'SELECT querywatch.prometheus()'));
is((scalar grep { $after->{$_} < $sum->{$_} } grep { exists $after->{$_} } keys %$sum), 0, 'nor does one after a restart');
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
$after = counters($node->safe_psql('postgres', 'SELECT querywatch.prometheus()'));
cmp_ok($after->{'pg_querywatch_executions_total{datname="postgres"}'}, '<', 5, 'but after a reset');
$node->safe_psql('postgres', 'SELECT pg_sleep(0.01); SELECT pg_sleep(0.3);' . 'SELECT n FROM item WHERE id = 1;' x 50);
is( $node->safe_psql('postgres', q{
WITH metrics AS MATERIALIZED (SELECT querywatch.prometheus() AS text),
bucket AS (
  SELECT m[1] AS le, m[2]::bigint AS below FROM metrics, regexp_matches(text, 'pg_querywatch_execution_seconds_bucket\{datname="postgres",le="([^"]*)"\} (\d+)', 'g') AS m),
wanted AS (
  SELECT b.le, b.below, coalesce(sum(h.calls) FILTER (WHERE h.upper_time <= b.le::float8 * 1000 * 1.01), 0) AS calls
    FROM bucket AS b LEFT JOIN querywatch.latency_histogram() AS h ON true WHERE b.le <> '+Inf' GROUP BY b.le, b.below)
SELECT count(*), count(*) FILTER (WHERE below <> calls AND below <> calls - 1), max(below) > 50 FROM wanted}),
	'22|0|t', 'buckets are those of the statements, cumulative');

# After a crash Prometheus counts nothing again, though less is there than was
# read before: increase() takes what a counter shows that went down for new
$node->append_conf('postgresql.conf', "pg_querywatch.save_interval = '1s'\npg_querywatch.metrics_statements = 5\npg_querywatch.slow_memory = '64kB'\n");
$node->restart;
sub work { $node->safe_psql('postgres', 'SET pg_querywatch.slow_threshold = 0; ' . 'SELECT n FROM item WHERE id = 1;' x shift); return }
sub scrape { return counters($node->safe_psql('postgres', 'SELECT querywatch.prometheus()')) }
sub increase
{
	my ($from, $to, $name) = @_;
	return $to->{$name} < $from->{$name} ? $to->{$name} : $to->{$name} - $from->{$name};
}
work(2000);
$node->psql('postgres', 'SELECT 1 / 0;' x 20, on_error_stop => 0);
my $worked = $node->safe_psql('postgres', 'SELECT clock_timestamp()');
ok($node->poll_query_until('postgres', "SELECT saved_at > '$worked' FROM querywatch.info"), 'saved');
$node->append_conf('postgresql.conf', 'pg_querywatch.save_interval = 0');
$node->reload;
work(50);
my $scraped = scrape();
cmp_ok($scraped->{'pg_querywatch_executions_total{datname="postgres"}'}, '>', 2000, 'counted');
$node->stop('immediate');
$node->start;
my $crashed = scrape();
my @names = grep { exists $scraped->{$_} } sort keys %$crashed;
cmp_ok(scalar @names, '>', 50, 'counters are there after a crash');
is(join("\n", grep { $scraped->{$_} >= 100 && increase($scraped, $crashed, $_) > 20 } @names), '', 'and none counts again what was counted before');
cmp_ok($node->safe_psql('postgres', q{SELECT sum(executions) FROM querywatch.totals WHERE datname = 'postgres'}), '>', 2000, 'the views go on');
work(100);
$scraped = scrape();
$node->restart;
my $restarted = scrape();
is(join("\n", grep { exists $restarted->{$_} && $restarted->{$_} < $scraped->{$_} } sort keys %$scraped), '', 'a restart goes on where the crash began');
is(join("\n", grep { /executions_total/ && $restarted->{$_} > 250 } sort keys %$restarted), '', 'with what was counted since');

# a statement that is reset by itself leaves the totals alone
my $before = $node->safe_psql('postgres', 'SELECT sum(executions) FROM querywatch.totals');
$node->safe_psql('postgres', q{SELECT querywatch.reset(queryid => queryid) FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'});
cmp_ok($node->safe_psql('postgres', 'SELECT sum(executions) FROM querywatch.totals'), '>=', $before, 'a reset of one statement leaves the totals alone');

# with 5,000 statements
$node->safe_psql('postgres', 'SET pg_querywatch.track_utility = off; '
	  . join '', map { my $i = $_; 'SELECT ' . join(', ', ('1') x (1 + $i % 70)) . ' WHERE ' . join(' OR ', ('true') x (1 + int($i / 70))) . ';' } 0 .. 5199);
cmp_ok($node->safe_psql('postgres', 'SELECT statements FROM querywatch.info'), '>', 5000, 'with 5,000 statements');
my $times = $node->safe_psql('postgres', q{
DO $$ DECLARE began timestamptz; best float8 := 1e9; BEGIN
  FOR i IN 1 .. 20 LOOP
    began := clock_timestamp();
    PERFORM querywatch.prometheus();
    best := least(best, extract(epoch FROM clock_timestamp() - began) * 1000);
  END LOOP;
  CREATE TEMP TABLE result AS SELECT best AS ms;
END $$;
SELECT ms FROM result});
note "prometheus() takes $times ms";
cmp_ok($times, '<', 50, 'the metrics take less than 50 ms');

$node->stop;
done_testing();

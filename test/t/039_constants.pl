# No constant of a statement is in a kept text: neither in the views, nor in
# /metrics, nor in the snapshot file, by whichever protocol it was sent

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
# the slow log and examples of repeats are where values are kept
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.slow_threshold = -1
pg_querywatch.capture_parameters = off
pg_querywatch.metrics_statements = 1000
fsync = off
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE DOMAIN word AS text;
CREATE TABLE thing (id int, a int, b text);
});

# Reads without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

my $marker = 'zq7531';
my $script = $node->basedir . '/constants.sql';
PostgreSQL::Test::Utils::append_to_file($script, <<"EOS");
\\set n 5
SELECT id AS kept, '$marker'::word FROM thing WHERE id = :n ORDER BY '$marker'::word, 1;
SELECT '$marker'::word, a + :n FROM thing GROUP BY '$marker'::word, a + :n, a, ('$marker' || a);
SELECT DISTINCT ON ('$marker'::word) id FROM thing WHERE a < :n;
SELECT id, count(*) OVER (PARTITION BY '$marker'::word ORDER BY '$marker'::text) FROM thing ORDER BY '$marker'::word, :n + a;
INSERT INTO thing SELECT DISTINCT ON ('$marker'::word) :n, 1, '$marker' FROM thing;
WITH c AS (SELECT '$marker'::word AS w FROM thing GROUP BY '$marker'::word) DELETE FROM thing USING c WHERE b = w AND id = :n;
EOS
for my $protocol (qw(simple extended prepared))
{
	my $name = "constants_$protocol";

	$node->safe_psql('postgres', "DROP TABLE IF EXISTS $name; ALTER TABLE thing RENAME TO $name; CREATE TABLE thing (LIKE $name)");
	$node->command_ok([ 'pgbench', '-n', '-t', '7', '-M', $protocol, '-f', $script, '-h', $node->host, '-p', $node->port, 'postgres' ],
		"$protocol: statements were sent");
}
$node->safe_psql('postgres', qq{
COPY (SELECT '$marker'::word FROM thing GROUP BY '$marker'::word) TO STDOUT;
CREATE TABLE made AS SELECT '$marker'::word FROM thing GROUP BY '$marker'::word;
EXPLAIN SELECT '$marker'::word FROM thing GROUP BY '$marker'::word;
NOTIFY channel, '$marker';
});

is(look("SELECT query FROM querywatch.statements WHERE query ~ '$marker'"), '', 'views');
cmp_ok(look("SELECT count(*) FROM querywatch.statements WHERE query ~ 'thing'"), '>=', 10, 'there are texts');
my $metrics = look('SELECT querywatch.prometheus()');
like($metrics, qr/AS kept/, '/metrics has texts');
unlike($metrics, qr/$marker/, '/metrics');

$node->stop;
my $snapshot = slurp_file($node->data_dir . '/pg_stat/pg_querywatch.snapshot');
like($snapshot, qr/AS kept/, 'the snapshot file has texts');
unlike($snapshot, qr/$marker/, 'the snapshot file');

done_testing();

# A hot standby records what it runs, apart from its primary

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = PostgreSQL::Test::Cluster->new('primary');
$primary->init(allows_streaming => 1);
$primary->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.repeat_gap = '1min'
});
$primary->start;
$primary->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY);
INSERT INTO item SELECT generate_series(1, 10);
});
$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;
$primary->wait_for_catchup($standby);

my $work = 'BEGIN; '
  . join('', map { "SELECT id FROM item WHERE id = $_; " } 1 .. 7)
  . 'COMMIT;';
$standby->safe_psql('postgres', "SET pg_querywatch.slow_threshold = 0; $work");

my $seen = q{SELECT calls FROM querywatch.statements WHERE query ~ '^SELECT id FROM item'};
is($standby->safe_psql('postgres', $seen), '7', 'the standby records its own statements');
is($primary->safe_psql('postgres', $seen), '', 'which are not the primary\'s');
is( $standby->safe_psql('postgres', q{SELECT kind, executions FROM querywatch.repeated_statements WHERE query ~ 'item'}),
	'repeated_lookup|7', 'repeats too');
is( $standby->safe_psql('postgres', q{SELECT count(*), bool_and(plan IS NOT NULL) FROM querywatch.slow_statements WHERE query ~ '^SELECT id FROM item'}),
	'7|t', 'slow statements too');
my ($stdout, $stderr);
$standby->psql('postgres', 'INSERT INTO item VALUES (11)', stderr => \$stderr);
like($stderr, qr/read-only transaction/, 'what it refuses');
is( $standby->safe_psql('postgres', q{SELECT calls, errors FROM querywatch.statements WHERE query ~ '^INSERT INTO item'}),
	'0|1', 'is counted as an error');
is( $standby->safe_psql('postgres', q{SELECT querywatch.reset() IS NOT NULL, querywatch.reset_patterns() IS NOT NULL}),
	't|t', 'and it can be reset');
is($standby->safe_psql('postgres', $seen . ' AND calls > 0'), '', 'by itself');

$standby->promote;
$standby->safe_psql('postgres', 'INSERT INTO item VALUES (11); SELECT id FROM item WHERE id = 11');
is($standby->safe_psql('postgres', $seen), '1', 'after promotion it goes on');

$standby->stop;
$primary->stop;
done_testing();

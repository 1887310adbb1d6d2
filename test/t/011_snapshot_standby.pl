# Statistics of a standby: its own, from the first start through promotion

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
pg_querywatch.save_interval = '1s'
});
$primary->start;
$primary->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY);
INSERT INTO item SELECT generate_series(1, 10);
});
$primary->poll_query_until('postgres', 'SELECT saved_at IS NOT NULL FROM querywatch.info')
  or die 'not saved';
$primary->backup('backup');

my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
ok(-f $standby->data_dir . '/pg_stat/pg_querywatch.snapshot', 'a base backup brings the primary\'s snapshot along');
$standby->start;
is( $standby->safe_psql('postgres', q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^INSERT INTO item'}),
	'0', 'the standby does not take the primary\'s statistics for its own');
my @lines = slurp_file($standby->logfile) =~ /it came with a base backup$/mg;
is(scalar @lines, 1, 'which it says once');

my $seen = q{SELECT calls FROM querywatch.statements WHERE query = 'SELECT id FROM item'};
$standby->safe_psql('postgres', 'SELECT id FROM item');
$standby->restart;
is($standby->safe_psql('postgres', $seen), '1', 'its own survive a restart');

my $now = $standby->safe_psql('postgres', 'SELECT clock_timestamp()');
ok($standby->poll_query_until('postgres', "SELECT saved_at > '$now' FROM querywatch.info"), 'a standby saves');
$standby->stop('immediate');
$standby->start;
is($standby->safe_psql('postgres', $seen), '1', 'a crash');

$standby->safe_psql('postgres', 'SELECT id FROM item');
$standby->promote;
is($standby->safe_psql('postgres', $seen), '2', 'promotion');
$now = $standby->safe_psql('postgres', 'SELECT clock_timestamp()');
ok($standby->poll_query_until('postgres', "SELECT saved_at > '$now' FROM querywatch.info"), 'and it goes on saving');
$standby->restart;
is($standby->safe_psql('postgres', $seen), '2', 'and a restart after it');
@lines = slurp_file($standby->logfile) =~ /snapshot file/g;
is(scalar @lines, 1, 'nothing else was set aside');

# A replication connection that runs SQL ends after the others at shutdown
$standby->append_conf('postgresql.conf', "wal_level = logical\n");
$standby->restart;
my ($in, $out, $err) = ("SELECT id FROM item WHERE id = 5;\n\\echo ready\n", '', '');
my $walsender = IPC::Run::start(
	[ 'psql', '-XAtq', '-d', $standby->connstr('postgres') . ' replication=database' ],
	'<', \$in, '>', \$out, '2>', \$err);
$walsender->pump until $out =~ /ready/;
$standby->stop('fast');
eval { $walsender->finish; };
$standby->start;
is( $standby->safe_psql('postgres', q{SELECT calls FROM querywatch.statements WHERE query ~ '^SELECT id FROM item WHERE id'}),
	'1', 'what a connection for replication counted is saved too');

$standby->stop;
$primary->stop;
done_testing();

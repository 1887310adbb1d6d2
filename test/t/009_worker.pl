# The background worker: there, and back after it was ended

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
fsync = off
});
$node->start;

my $running = q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'};
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($running) AS w")
  or die 'no worker';
my $pid = $node->safe_psql('postgres', $running);
is( $node->safe_psql('postgres', q{SELECT datname IS NULL, wait_event_type, wait_event ~ '^(Extension|PgQuerywatchWorkerMain)$' FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'}),
	't|Extension|t', 'there is one worker, without a database, and it waits');

# A setting that is reloaded does not end it
$node->reload;
$node->safe_psql('postgres', 'SELECT pg_sleep(0.2)');
is($node->safe_psql('postgres', $running), $pid, 'it stays when settings are reloaded');

# No database is kept from being dropped by it
$node->safe_psql('postgres', 'CREATE DATABASE other');
$node->safe_psql('postgres', 'DROP DATABASE other');
pass('a database can be created and dropped');

# Ended by an administrator, it comes back
$node->safe_psql('postgres', "SELECT pg_terminate_backend($pid)");
ok( $node->poll_query_until('postgres', "SELECT count(*) = 1 FROM ($running AND pid <> $pid) AS w"),
	'it is started again when it was ended');

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal|FATAL(?!:  terminating connection due to administrator)/, 'no failure');

done_testing();

# The stress test (make stress), for 20 seconds

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
max_connections = 100
fsync = off
pg_querywatch.max_statements = 500
pg_querywatch.track_utility = off
pg_querywatch.slow_threshold = '20ms'
pg_querywatch.save_interval = '1s'
});
$node->start;

local $ENV{PGHOST} = $node->host;
local $ENV{PGPORT} = $node->port;
local $ENV{DURATION} = 20;
my ($stdout, $stderr);
my $passed = IPC::Run::run([ 'bash', "$FindBin::Bin/../stress/stress" ],
	'>', \$stdout, '2>', \$stderr);
note($stdout);
diag($stderr) if $stderr ne '';
foreach my $line (split /\n/, $stdout)
{
	ok(!$1, $2) if $line =~ /^(not )?ok \d+ - (.*)/;
}
ok($passed, 'the stress test has passed');

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
done_testing();

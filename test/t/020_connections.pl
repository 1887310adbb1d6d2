# Limits of server, databases and roles; who is idle in a transaction, and
# whom that blocks; pools that are too large

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use IO::Socket::UNIX;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
max_connections = 12
superuser_reserved_connections = 2
fsync = off
});
my $has_reserved = !check_pg_config("#define PG_VERSION_NUM 15");
$node->append_conf('postgresql.conf', 'reserved_connections = 3') if $has_reserved;
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE ROLE app LOGIN;
CREATE ROLE limited LOGIN CONNECTION LIMIT 4;
CREATE DATABASE small CONNECTION LIMIT 3;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item SELECT i, 0 FROM generate_series(1, 10) AS i;
GRANT SELECT, UPDATE ON item TO app, limited;
});

my $reserved = $has_reserved ? 5 : 2;
my $server = q{SELECT used, reserved, connection_limit, round(utilization::numeric, 4) FROM querywatch.capacity WHERE scope = 'server'};
is( $node->safe_psql('postgres', $server),
	sprintf('1|%d|12|%.4f', $reserved, 1 / (12 - $reserved)), 'capacity of an idle server');

# as many as ordinary roles may have
my @sessions;
for my $i (1 .. 12 - $reserved)
{
	push @sessions, Session->new($node, role => 'app', name => "app $i");
}
is( $node->safe_psql('postgres', $server),
	sprintf('%d|%d|12|%.4f', 13 - $reserved, $reserved, (13 - $reserved) / (12 - $reserved)),
	'used up by ordinary roles');
my $stderr;
$node->psql('postgres', 'SELECT 1', extra_params => [ '-U', 'app' ], stderr => \$stderr);
like($stderr, qr/remaining connection slots are reserved/, 'and then the server refuses another');
end_sessions();

# one that has not said its password yet takes a connection too
my $hba = slurp_file($node->data_dir . '/pg_hba.conf');
unlink $node->data_dir . '/pg_hba.conf';
$node->append_conf('pg_hba.conf', "local all slow scram-sha-256\n$hba");
$node->reload;
$node->safe_psql('postgres', q{CREATE ROLE slow LOGIN PASSWORD 'secret'});
my $socket = IO::Socket::UNIX->new(Peer => $node->host . '/.s.PGSQL.' . $node->port);
my $parameters = "user\0slow\0database\0postgres\0\0";
$socket->syswrite(pack('NN', 8 + length $parameters, 3 << 16) . $parameters);
ok( $node->poll_query_until('postgres', q{SELECT used = 2 FROM querywatch.capacity WHERE scope = 'server'}),
	'a client that is still to log in is counted');
$socket->close;

# limits of a database and of a role
push @sessions, map { Session->new($node, role => 'limited') } 1 .. 3;
push @sessions, Session->new($node, role => 'app', database => 'small');
is( $node->safe_psql('postgres', q{SELECT scope, name, used, reserved, connection_limit, round(utilization::numeric, 2) FROM querywatch.capacity WHERE scope <> 'server' ORDER BY name}),
	"role|limited|3||4|0.75\ndatabase|small|1||3|0.33", 'limits of a role and a database');
end_sessions();

# idle in a transaction, and in the way
my $idle = Session->new($node, role => 'app', name => 'holder');
$idle->query('BEGIN');
$idle->query('UPDATE item SET n = n + 1 WHERE id = 7');
my $waiting = Session->new($node, role => 'limited', name => 'waiter');
$waiting->send('UPDATE item SET n = 0 WHERE id = 7');
ok( $node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM querywatch.idle_in_transaction WHERE blocked_pids IS NOT NULL AND blocked_time > 50}),
	'it blocks another');
is( $node->safe_psql('postgres', q{
SELECT i.application_name, i.rolname, i.last_query, i.idle_time > 50, i.transaction_time >= i.idle_time,
       (SELECT string_agg(a.application_name, ',') FROM pg_stat_activity AS a WHERE a.pid = ANY (i.blocked_pids))
  FROM querywatch.idle_in_transaction AS i}),
	'holder|app|UPDATE item SET n = n + 1 WHERE id = 7;|t|t|waiter',
	'it is named with its last statement and whom it blocks');
is( $node->safe_psql('postgres', q{SELECT application_name, active, idle, idle_in_transaction, waiting, longest_idle_in_transaction > 50 FROM querywatch.connections WHERE application_name ~ 'holder|waiter' ORDER BY 1}),
	"holder|0|0|1|0|t\nwaiter|1|0|0|1|", 'and counted by application');
$idle->query('COMMIT');
is($node->safe_psql('postgres', 'SELECT count(*) FROM querywatch.idle_in_transaction'), '0', 'until it commits');
$idle->quit;
$waiting->quit;

# a pool that is too large, and one that is just right
my @pool = map { Session->new($node, role => 'app', name => 'large') } 1 .. 4;
my $busy = Session->new($node, role => 'app', name => 'small');
$busy->query('SELECT pg_sleep(0.1)') for 1 .. 20;
my ($large, $small) = split /\n/, $node->safe_psql('postgres', q{SELECT busy_share FROM querywatch.connections WHERE application_name ~ 'large|small' ORDER BY application_name});
cmp_ok($large, '<', 0.1, 'a pool that does nothing has a small share');
cmp_ok($small, '>', 0.5, 'a busy one has a large share');

# what runs right now counts as well
$busy->send('SELECT pg_sleep(100)');
$node->safe_psql('postgres', 'SELECT pg_sleep(1); SELECT querywatch.reset()');
$node->safe_psql('postgres', 'SELECT pg_sleep(0.5)');
cmp_ok($node->safe_psql('postgres', q{SELECT busy_share FROM querywatch.connections WHERE application_name = 'small'}),
	'>', 0.9, 'so does the statement that is running, after a reset too');
$node->safe_psql('postgres', q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'small'});
$busy->quit;
$_->quit foreach @pool;

$node->stop;
done_testing();

sub end_sessions
{
	$_->quit foreach @sessions;
	@sessions = ();
	$node->poll_query_until('postgres', q{SELECT used = 1 FROM querywatch.capacity WHERE scope = 'server'})
	  or die 'sessions did not end';
}

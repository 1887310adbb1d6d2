# The list of ignored statements: kept over a restart, a dump and its restore;
# and reading it waits for nobody

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 1);
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.repeat_gap = '1min'
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'x' FROM generate_series(1, 10) AS i;
});

# What on_repeat says in this database to a loop over items
my $loop = 'BEGIN; '
  . join('', map { "SELECT name FROM item WHERE id = $_;\n" } 1 .. 7)
  . 'COMMIT;';

sub acts
{
	my ($node, $database) = @_;
	my ($out, $err);
	$node->psql($database, "SET pg_querywatch.on_repeat = notice;\n$loop", stdout => \$out, stderr => \$err);
	return $err =~ /repeated lookup/ ? 'acts' : $err;
}

my $id = q{(SELECT queryid FROM querywatch.statements WHERE query = 'SELECT name FROM item WHERE id = $1'
	AND dbid = (SELECT oid FROM pg_database WHERE datname = current_database()))};
is(acts($node, 'postgres'), 'acts', 'a repeat acts');
$node->safe_psql('postgres', "SELECT querywatch.ignore($id, 'ten at most')");
is(acts($node, 'postgres'), '', 'an ignored one does not');
$node->restart;
is(acts($node, 'postgres'), '', 'nor after a restart');
is($node->safe_psql('postgres', 'SELECT reason FROM querywatch.ignored'), 'ten at most', 'the list is still there');

# pg_dump carries it; in the restored database the table has another OID, and
# the statement another queryid
my $dump = $node->basedir . '/dump';
$node->command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('postgres') ], 'pg_dump');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
$node->command_ok([ 'pg_restore', '-e', '-d', $node->connstr('restored'), $dump ], 'pg_restore');
my $row = 'SELECT queryid, query, reason, ignored_by, ignored_at FROM querywatch.ignored';
is($node->safe_psql('restored', $row), $node->safe_psql('postgres', $row), 'the list was restored');
is(acts($node, 'restored'), '', 'and holds');
# (since 18 it is made of the names of tables)
is($node->safe_psql('restored', "SELECT queryid <> $id FROM querywatch.ignored"),
	$node->pg_version < 18 ? 't' : 'f', 'although the queryid is another');
is( $node->safe_psql('restored', q{SELECT kind, ignored FROM querywatch.repeated_statements WHERE datname = current_database()}),
	'repeated_lookup|ten at most', 'the view knows it too');
is($node->safe_psql('restored', "SELECT querywatch.unignore($id)"), 't', 'it can be taken off by its queryid of now');
is(acts($node, 'restored'), 'acts', 'and acts again');
is(acts($node, 'postgres'), '', 'there only');

# Nobody waits for who holds the table; until then nothing acts on a doubt
my $holder = $node->background_psql('postgres', on_error_stop => 0);
foreach my $hold ('LOCK TABLE querywatch.ignored', 'LOCK TABLE pg_extension', 'DROP EXTENSION pg_querywatch', 'TRUNCATE querywatch.ignored')
{
	my ($out, $err);
	$holder->query_safe('BEGIN');
	$holder->query_safe($hold);
	is( $node->psql('postgres', "SET statement_timeout = '20s'; SET pg_querywatch.on_repeat = error;\n$loop", stderr => \$err),
		0, "no wait and no error: $hold");
	$holder->query_safe('ROLLBACK');
}
$holder->quit;

# No lock stays behind
is( $node->safe_psql('postgres', q{
SET pg_querywatch.on_repeat = error;
BEGIN;
SELECT FROM item WHERE id = 1;
SELECT FROM item WHERE id = 2;
SELECT FROM item WHERE id = 3;
SELECT FROM item WHERE id = 4;
SAVEPOINT s;
\set ON_ERROR_STOP 0
SELECT FROM item WHERE id = 5;
\set ON_ERROR_STOP 1
ROLLBACK TO s;
SELECT count(*) FROM pg_locks WHERE relation = 'querywatch.ignored'::regclass;
SELECT name FROM item WHERE id = 1;
SELECT name FROM item WHERE id = 2;
SELECT name FROM item WHERE id = 3;
SELECT name FROM item WHERE id = 4;
SELECT name FROM item WHERE id = 5;
SELECT count(*) FROM pg_locks WHERE relation = 'querywatch.ignored'::regclass;
}), "0\nx\nx\nx\nx\nx\n0", 'no lock is kept');

# Neither in a read-only transaction nor on a standby is anything else done
$node->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($node, 'backup', has_streaming => 1);
$standby->start;
$node->wait_for_catchup($standby);
is(acts($standby, 'postgres'), '', 'a standby has the list of its primary');
is(acts($standby, 'restored'), 'acts', 'and acts on what is not on it');

foreach my $each ($node, $standby)
{
	unlike(slurp_file($each->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
	$each->stop;
}
done_testing();

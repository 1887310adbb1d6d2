# pg_dump, pg_restore and pg_upgrade: the extension, thresholds that were
# changed and the list of ignored statements come along

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $old = PostgreSQL::Test::Cluster->new('old');
$old->init;
$old->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_querywatch'\nfsync = off\n");
$old->start;
$old->safe_psql('postgres', q{
CREATE ROLE reader;
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text);
UPDATE querywatch.thresholds SET value = 123 WHERE name = 'slow_statement_p95';
UPDATE querywatch.thresholds SET value = 0.5 WHERE name = 'slow_statement_share';
GRANT EXECUTE ON FUNCTION querywatch.reset_slow() TO reader;
GRANT UPDATE ON querywatch.thresholds TO reader;
SELECT name FROM item WHERE id = 1;
SELECT querywatch.ignore(queryid, 'it''s meant') FROM querywatch.statements WHERE query = 'SELECT name FROM item WHERE id = $1';
});

# All that an administrator can change of the extension
sub state
{
	my ($node, $database) = @_;
	return $node->safe_psql($database, q{
SELECT extversion FROM pg_extension WHERE extname = 'pg_querywatch';
SELECT name, value, what FROM querywatch.thresholds ORDER BY name;
SELECT queryid, query, reason, ignored_by, ignored_at FROM querywatch.ignored;
SELECT has_function_privilege('reader', 'querywatch.reset_slow()', 'EXECUTE'), has_function_privilege('reader', 'querywatch.reset_patterns()', 'EXECUTE');
SELECT count(*) FROM pg_depend WHERE refclassid = 'pg_extension'::regclass AND deptype = 'e'
  AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'pg_querywatch');
SELECT unnest(extconfig)::regclass FROM pg_extension WHERE extname = 'pg_querywatch';
SELECT tgname, tgenabled FROM pg_trigger WHERE tgrelid = 'querywatch.thresholds'::regclass;
SELECT relname, relacl FROM pg_class WHERE relnamespace = 'querywatch'::regnamespace AND relname ~ 'threshold' AND relkind IN ('r', 'v') ORDER BY 1;
});
}

# And it does what it is there for
sub works
{
	my ($node, $database, $what) = @_;
	my $stderr;

	is($node->safe_psql($database, q{SELECT id FROM item; SELECT calls FROM querywatch.statements AS s JOIN pg_database AS d ON d.oid = s.dbid AND d.datname = current_database() WHERE query = 'SELECT id FROM item'}),
		'1', "$what: records");
	$node->psql($database, 'DELETE FROM querywatch.thresholds', stderr => \$stderr);
	like($stderr, qr/only the value can be changed/, "$what: thresholds are guarded");
	my $row = "SELECT value FROM querywatch.thresholds WHERE name = 'min_time_lost'";
	is($node->safe_psql($database, "BEGIN; UPDATE querywatch.thresholds SET value = 7 WHERE name = 'min_time_lost'; $row; ROLLBACK"), '7', "$what: and can be changed");
	is($node->safe_psql($database, 'SELECT count(*) >= 0 FROM querywatch.findings'), 't', "$what: findings");
}

my $state = state($old, 'postgres');
like($state, qr/^slow_statement_p95\|123\|/m, 'a threshold was changed');
like($state, qr/it's meant/, 'a statement is ignored');

# Dumps of each form
my $dir = $old->basedir;
$old->command_ok([ 'pg_dump', '-Fp', '-f', "$dir/dump.sql", '-d', $old->connstr('postgres') ], 'pg_dump as SQL');
$old->safe_psql('postgres', 'CREATE DATABASE plain; CREATE DATABASE custom; CREATE DATABASE parallel; CREATE DATABASE data');
$old->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/dump.sql", $old->connstr('plain') ], 'restored by psql');
$old->command_ok([ 'pg_dump', '-Fd', '-f', "$dir/dump", '-d', $old->connstr('postgres') ], 'pg_dump as a directory');
$old->command_ok([ 'pg_restore', '-e', '-d', $old->connstr('custom'), "$dir/dump" ], 'pg_restore');
$old->command_ok([ 'pg_restore', '-e', '-j', '2', '-d', $old->connstr('parallel'), "$dir/dump" ], 'pg_restore with two jobs');
is(state($old, $_), $state, "$_: all of it was restored") foreach qw(plain custom parallel);
works($old, 'custom', 'restored');

# Once more into what is there already
$old->command_ok([ 'pg_restore', '-e', '--clean', '--if-exists', '-d', $old->connstr('custom'), "$dir/dump" ], 'pg_restore --clean');
is(state($old, 'custom'), $state, 'all of it was restored again');

# The data into an extension made by hand, in each way; and who was granted to
# change them may
my $again = 'CREATE EXTENSION pg_querywatch; CREATE TABLE item (id int PRIMARY KEY, name text); GRANT EXECUTE ON FUNCTION querywatch.reset_slow() TO reader; GRANT UPDATE ON querywatch.thresholds TO reader';
foreach my $how ('', '--disable-triggers', '--clean --if-exists', 'as SQL', 'as SQL --disable-triggers')
{
	my ($form, @options) = split / /, $how =~ /^as SQL/ ? $how =~ s/as SQL/sql/r : "restore $how";
	$old->safe_psql('postgres', $_) foreach 'DROP DATABASE IF EXISTS data', 'CREATE DATABASE data';
	$old->safe_psql('data', $again);
	if ($form eq 'sql')
	{
		$old->command_ok([ 'pg_dump', '-Fp', '--data-only', @options, '-f', "$dir/data.sql", '-d', $old->connstr('postgres') ], "pg_dump --data-only $how");
		$old->command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', "$dir/data.sql", $old->connstr('data') ], 'restored by psql');
	}
	else
	{
		push @options, '--data-only' unless "@options" =~ /clean/;
		$old->command_ok([ 'pg_restore', '-e', @options, '-d', $old->connstr('data'), "$dir/dump" ], "pg_restore @options");
	}
	is(state($old, 'data'), $state, 'all of it was restored');
}
$old->safe_psql('data', q{SET ROLE reader; UPDATE querywatch.thresholds SET value = 321 WHERE name = 'slow_statement_p95'});
like(state($old, 'data'), qr/^slow_statement_p95\|321\|/m, 'and it can be changed by who was granted it');

# A server for pg_upgrade records, loads and saves nothing
my $snapshot = $old->data_dir . '/pg_stat/pg_querywatch.snapshot';
$old->stop;
my $saved = slurp_file($snapshot);
command_ok([ 'pg_ctl', '-D', $old->data_dir, '-l', $old->logfile, '-w', '-o', '-b', 'start' ], 'a server as pg_upgrade starts it');
$old->_update_pid(1);
is($old->safe_psql('postgres', 'SELECT name FROM item WHERE id = 2'), '', 'it runs statements');
$old->psql('postgres', 'SELECT * FROM querywatch.statements', stderr => \my $error);
like($error, qr/pg_querywatch is not loaded/, 'and records none');
is($old->safe_psql('postgres', q{SELECT count(*) FROM pg_stat_activity WHERE backend_type ~ 'querywatch'}), '0', 'it has no worker');
$old->stop;
ok(slurp_file($snapshot) eq $saved, 'the saved statistics are as they were');
$old->start;
is($old->safe_psql('postgres', q{SELECT sum(calls) FROM querywatch.statements WHERE query = 'SELECT name FROM item WHERE id = $1'}), '1', 'and are there again afterwards');

# pg_upgrade
$old->safe_psql('postgres', "DROP DATABASE $_") foreach qw(plain parallel data);
$old->stop;
$saved = slurp_file($snapshot);
my $new = PostgreSQL::Test::Cluster->new('new');
$new->init;
$new->append_conf('postgresql.conf', "shared_preload_libraries = 'pg_querywatch'\nfsync = off\n");
my $bindir = $new->config_data('--bindir');
chdir $new->basedir or die;
command_ok(
	[
		'pg_upgrade', '-d', $old->data_dir, '-D', $new->data_dir,
		'-b', $bindir, '-B', $bindir, '-s', $new->host,
		'-p', $old->port, '-P', $new->port
	],
	'pg_upgrade');
ok(slurp_file($snapshot) eq $saved, "pg_upgrade: the old server's statistics are as they were");
ok(!-e $new->data_dir . '/pg_stat/pg_querywatch.snapshot', 'and the new one has none');
$new->start;
foreach my $database ('postgres', 'custom')
{
	is(state($new, $database), $state, "$database: pg_upgrade has kept all of it");
	works($new, $database, "$database, upgraded");
}
is($new->safe_psql('postgres', q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^SELECT name FROM item'}), '0', 'statistics begin anew');
$new->safe_psql('postgres', 'DROP EXTENSION pg_querywatch; CREATE EXTENSION pg_querywatch');
is($new->safe_psql('postgres', q{SELECT value FROM querywatch.thresholds WHERE name = 'slow_statement_p95'}), '500', 'and the extension can be dropped and made again');

unlike(slurp_file($_->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash') foreach $old, $new;
$new->stop;
done_testing();

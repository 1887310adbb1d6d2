# A reset leaves nothing behind, whoever else is connected: no entry, no text,
# no count, and nothing that is evicted later

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
pg_querywatch.max_statements = 100
pg_querywatch.track_utility = off
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch; CREATE TABLE item (id int); INSERT INTO item VALUES (1)');

sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

# So many statements, all different
sub statements
{
	my ($from, $to) = @_;
	return join('', map { 'SELECT id' . ', id' x $_ . " FROM item;\n" } $from .. $to);
}

sub calls
{
	my ($where) = @_;
	return look("SELECT coalesce(sum(calls), 0) FROM querywatch.statements WHERE $where");
}

# Sessions that are connected, and hold in slots what they ran
my @sessions = map { $node->background_psql('postgres') } 1 .. 3;
foreach my $session (@sessions)
{
	$session->query_safe('PREPARE one AS SELECT id /* a remark */ FROM item WHERE id > 0; EXECUTE one');
	$session->query_safe(statements(1, 60));
}
cmp_ok(look('SELECT statements FROM querywatch.info'), '>=', 61, 'there are statements');

look('SELECT querywatch.reset()');
is(look('SELECT statements, text_bytes, dealloc FROM querywatch.info'), '0|0|0', 'after a reset there are none, and no text');
is(calls('true'), '0', 'nor is there any count in a slot');

# Those that stay count anew, with text
$sessions[0]->query_safe('EXECUTE one');
$sessions[1]->query_safe('EXECUTE one');
$sessions[1]->query_safe(statements(1, 1));
is( look('SELECT calls, query FROM querywatch.statements ORDER BY calls DESC'),
	"2|PREPARE one AS SELECT id /* a remark */ FROM item WHERE id > \$1\n1|SELECT id, id FROM item",
	'a statement that was prepared before has its text again');
is(look('SELECT statements FROM querywatch.info'), '2', 'what runs again is there again');

# What ends flushes nothing from before
$_->quit foreach (@sessions);
is(calls('true'), '3', 'the sessions end: no more calls');
is(look('SELECT statements FROM querywatch.info'), '2', 'nor entries');

# The place is free: nothing has to be evicted
$node->safe_psql('postgres', statements(1, 95));
look('SELECT querywatch.reset()');
$node->safe_psql('postgres', statements(96, 190));
is(look('SELECT dealloc, (SELECT count(*) FROM querywatch.evicted) FROM querywatch.info'), '0|0', 'nothing is evicted for the dead');
is(calls('true'), '95', 'and all is counted');
look("SELECT querywatch.reset(dbid => (SELECT oid FROM pg_database WHERE datname = 'postgres'))");
is(look('SELECT statements, text_bytes FROM querywatch.info'), '0|0', 'nor is anything left of a database');
$node->safe_psql('postgres', statements(1, 95));
is(look('SELECT dealloc FROM querywatch.info'), '0', 'nothing is evicted for the dead of a database');

# An entry that a session holds stays, empty, and its eviction is none
my $session = $node->background_psql('postgres');
$session->query_safe(statements(1, 60));
look("SELECT querywatch.reset(dbid => (SELECT oid FROM pg_database WHERE datname = 'postgres'))");
is(look('SELECT statements, text_bytes FROM querywatch.info'), '60|0', 'what a session holds stays, without its text');
is(calls('true'), '0', 'and without a count');
$session->quit;
$node->safe_psql('postgres', statements(200, 290));
cmp_ok(look('SELECT dealloc FROM querywatch.info'), '<', 40, 'its eviction is not counted, of 51');
is(look('SELECT (SELECT sum(calls) FROM querywatch.statements) + (SELECT coalesce(sum(calls), 0) FROM querywatch.evicted)'), '91', 'all is counted');

# A statement that runs while the reset is made is described at its end
$session = $node->background_psql('postgres');
$session->query_until(qr/begun/, "\\echo begun\nSELECT pg_sleep(2) AS slept FROM item;\n");
$node->poll_query_until('postgres', q{SELECT count(*) = 1 FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'});
look('SELECT querywatch.reset()');
$session->quit;
is( look(q{SELECT query FROM querywatch.statements WHERE query IS NULL OR query ~ 'pg_sleep\('}),
	'SELECT pg_sleep($1) AS slept FROM item', 'a statement that ran meanwhile has its text');

# Resets in the midst of executions
my $script = $node->basedir . '/work.sql';
append_to_file($script, join('', map { 'SELECT id' . ', id' x $_ . " FROM item;\n" } 1 .. 80));
my $pgbench = IPC::Run::start(
	[ 'pgbench', '-n', '-c', 4, '-t', 200, '-M', 'prepared', '-f', $script, $node->connstr('postgres') ],
	'>', \my $stdout, '2>', \my $stderr);
while ($pgbench->pumpable)
{
	look('SELECT querywatch.reset()');
	$pgbench->pump_nb;
	$pgbench->reap_nb;
}
ok($pgbench->finish, 'executions go on through resets') or diag $stderr;
is(look('SELECT count(*) FROM querywatch.statements WHERE query IS NULL'), '0', 'each has its text');
is( look(q{SELECT (SELECT coalesce(sum(calls), 0) FROM querywatch.statements) + (SELECT coalesce(sum(calls), 0) FROM querywatch.evicted)
	 = (SELECT sum(substring(line FROM '\S+$')::numeric) FROM regexp_split_to_table(querywatch.prometheus(), '\n') AS line
	     WHERE line ~ '^pg_querywatch_executions_total')}),
	't', 'statements and totals forget the same');

$node->stop;
done_testing();

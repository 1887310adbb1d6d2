# Many sessions at once, on the same and on different statements, with readers
# and resets between: nothing lost, nothing counted twice.

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
pg_querywatch.track_utility = off
fsync = off
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item SELECT i, 0 FROM generate_series(1, 1000) AS i;
});

my $clients = 8;
my $dir = $node->basedir;

sub script
{
	my ($name, $text) = @_;
	append_to_file("$dir/$name", $text);
	return "$dir/$name";
}

sub bench
{
	my ($transactions, @files) = @_;
	return (
		'pgbench', '-n', '-c', $clients, '-j', '2', '-t', $transactions,
		'-h', $node->host, '-p', $node->port,
		(map { ('-f', $_) } @files), 'postgres');
}

# A reader in the background, that sees counts only grow
sub read_meanwhile
{
	my ($reads, $query) = @_;
	my $last = 0;
	my $ok = 1;
	for (1 .. $reads)
	{
		my $now = $node->safe_psql('postgres', $query) || 0;
		if ($now < $last)
		{
			diag("$now after $last");
			$ok = 0;
		}
		$last = $now;
	}
	return $ok;
}

# The same statement by all, in each protocol
my $same = script('same.sql', "\\set id random(1, 1000)\nSELECT n FROM item WHERE id = :id;\n");
foreach my $protocol (qw(simple extended prepared))
{
	$node->safe_psql('postgres', 'SELECT querywatch.reset()');
	my ($in, $out, $err) = ('', '', '');
	my $run = IPC::Run::start([ bench(2000, $same), '-M', $protocol ], \$in, \$out, \$err);
	ok( read_meanwhile(60, q{SELECT sum(calls) FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
		"$protocol: counts that are read never go back");
	$run->finish;
	is( $node->safe_psql('postgres',
			q{SELECT sum(calls), sum(rows), sum(errors), count(*) FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
		$clients * 2000 . '|' . $clients * 2000 . '|0|1',
		"$protocol: every call was counted once");
	is( $node->safe_psql('postgres',
			q{SELECT (SELECT sum(h.calls) FROM querywatch.latency_histogram(queryid) AS h) FROM querywatch.statements WHERE query ~ '^SELECT n FROM item'}),
		$clients * 2000,
		"$protocol: and is in the histogram");
}

# Different ones, more than a backend has slots, and more than fit the slots
# of all: flushed over and over
my $many = script('many.sql', join('', map { "SELECT " . join(', ', ('n') x $_) . " FROM item WHERE id = 1;\n" } 1 .. 200));
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
{
	my ($in, $out, $err) = ('', '', '');
	my $run = IPC::Run::start([ bench(20, $many) ], \$in, \$out, \$err);
	ok( read_meanwhile(30, q{SELECT sum(calls) FROM querywatch.statements WHERE query ~ '^SELECT n[, n]* FROM item'}),
		'many statements: counts that are read never go back');
	$run->finish;
}
is( $node->safe_psql('postgres',
		q{SELECT count(*), min(calls), max(calls), sum(rows) FROM querywatch.statements WHERE query ~ '^SELECT n[, n]* FROM item'}),
	'200|' . $clients * 20 . '|' . $clients * 20 . '|' . $clients * 20 * 200,
	'many statements: every call was counted once');

# Reads, writes, failures and resets of all kinds at once; then one last reset
# and an exact count
my $mixed = script('mixed.sql', q{
\set id random(1, 1000)
SELECT n FROM item WHERE id = :id;
BEGIN;
UPDATE item SET n = n + 1 WHERE id = :id;
ROLLBACK;
});
my $resets = script('resets.sql', q{
SELECT querywatch.reset();
SELECT querywatch.reset(minmax_only => true);
SELECT querywatch.reset(0, 0, queryid) FROM querywatch.statements LIMIT 3;
SELECT querywatch.reset_slow();
SELECT querywatch.reset_patterns();
SELECT count(*) FROM querywatch.statements;
SELECT count(*) FROM querywatch.repeated_statements;
SELECT count(*) FROM querywatch.slow_statements;
SELECT count(*) FROM querywatch.latency_histogram();
});
$node->command_ok([ bench(150, "$mixed\@9", "$resets\@1", "$many\@1") ], 'everything at once, with resets');
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
$node->command_ok([ bench(500, $mixed) ], 'and after them');
is( $node->safe_psql('postgres',
		q{SELECT calls, rows FROM querywatch.statements WHERE query ~ '^(SELECT n FROM|UPDATE) item' AND calls > 0 ORDER BY query}),
	join("\n", ($clients * 500 . '|' . $clients * 500) x 2),
	'the counts are exact');

# The slow log, written by all
$node->safe_psql('postgres', q{ALTER SYSTEM SET pg_querywatch.slow_threshold = 0; SELECT pg_reload_conf()});
$node->poll_query_until('postgres', q{SELECT current_setting('pg_querywatch.slow_threshold') = '0'});
$node->safe_psql('postgres', 'SELECT querywatch.reset_slow()');
$node->command_ok([ bench(1000, $same) ], 'all of them slow');
is( $node->safe_psql('postgres',
		q{SELECT slow_recorded - (SELECT count(*) FROM querywatch.slow_statements WHERE query !~ '^SELECT n FROM item')
		    >= 8000, slow_recorded - slow_overwritten - (SELECT count(*) FROM querywatch.slow_statements) BETWEEN -5 AND 5 FROM querywatch.info}),
	't|t',
	'all were recorded, and are there or overwritten');
is( $node->safe_psql('postgres',
		q{SELECT bool_and(query ~ '^SELECT n FROM item WHERE id = \d+;?$' AND plan ~ 'item' AND rows = 1)
		    FROM querywatch.slow_statements WHERE query ~ '^SELECT n'}),
	't',
	'and whole');

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

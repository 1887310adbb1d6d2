# pg_stat_statements, pg_querywatch and auto_explain preloaded in any order:
# the same counts, for utility statements too, and plans are logged.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my @orders = (
	[qw(pg_stat_statements pg_querywatch auto_explain)],
	[qw(pg_stat_statements auto_explain pg_querywatch)],
	[qw(pg_querywatch pg_stat_statements auto_explain)],
	[qw(pg_querywatch auto_explain pg_stat_statements)],
	[qw(auto_explain pg_stat_statements pg_querywatch)],
	[qw(auto_explain pg_querywatch pg_stat_statements)]);

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
auto_explain.log_min_duration = 0
auto_explain.log_nested_statements = on
auto_explain.log_analyze = on
auto_explain.log_timing = off
pg_stat_statements.track = all
pg_querywatch.track = all
pg_querywatch.slow_threshold = 0
log_min_messages = warning
});

my $work = q{
CREATE TABLE author (id int PRIMARY KEY, name text);
INSERT INTO author SELECT i, 'author' FROM generate_series(1, 20) AS i;
SELECT count(*) FROM author;
SELECT count(*) FROM author;
UPDATE author SET name = 'x' WHERE id < 5;
PREPARE p (int) AS SELECT name FROM author WHERE id = $1;
EXECUTE p (1);
EXECUTE p (2);
DEALLOCATE p;
CREATE FUNCTION f() RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RETURN (SELECT count(*) FROM author WHERE id > 3); END';
SELECT f();
DO 'BEGIN PERFORM f(); END';
BEGIN;
DECLARE c CURSOR FOR SELECT id FROM author ORDER BY id;
FETCH 3 FROM c;
CLOSE c;
COMMIT;
COPY author TO '/dev/null';
CREATE TABLE copy AS SELECT * FROM author;
TRUNCATE copy;
DROP TABLE copy;
SET work_mem = '1MB';
SHOW work_mem;
BEGIN;
SELECT name FROM author WHERE id = 1;
SELECT name FROM author WHERE id = 2;
SELECT name FROM author WHERE id = 3;
SELECT name FROM author WHERE id = 4;
SELECT name FROM author WHERE id = 5;
SELECT name FROM author WHERE id = 6;
ROLLBACK;
DROP TABLE author;
DROP FUNCTION f;
};

my ($first, $counts);
foreach my $order (@orders)
{
	my $names = join(',', @$order);
	$node->append_conf('postgresql.conf',
		"shared_preload_libraries = '$names'");
	$first ? $node->restart : $node->start;
	$node->safe_psql('postgres',
		'CREATE EXTENSION IF NOT EXISTS pg_stat_statements; CREATE EXTENSION IF NOT EXISTS pg_querywatch'
	);
	$node->safe_psql('postgres',
		'SELECT pg_stat_statements_reset(), querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()'
	);
	my $log_from = -s $node->logfile;
	$node->safe_psql('postgres', $work);

	is( $node->safe_psql(
			'postgres', q{
SELECT coalesce(p.query, q.query), p.calls, q.calls, p.rows, q.rows
  FROM pg_stat_statements AS p
  FULL JOIN querywatch.statements AS q USING (userid, dbid, toplevel, queryid)
 WHERE coalesce(p.query, q.query) !~ 'querywatch|reset'
   AND (p.queryid IS NOT NULL OR q.calls > 0)
   AND (p.calls, p.rows) IS DISTINCT FROM (q.calls, q.rows)}),
		'',
		"$names: calls and rows are those of pg_stat_statements");

	# object ids make query ids differ from one round to the next
	my $these = $node->safe_psql(
		'postgres', q{
SELECT command, toplevel, calls, rows, query FROM querywatch.statements
 WHERE query !~ 'querywatch|reset' AND calls > 0 ORDER BY query COLLATE "C", toplevel, calls});
	if (defined $first)
	{
		is($these, $counts, "$names: as in the order $first");
	}
	else
	{
		($first, $counts) = ($names, $these);
		cmp_ok(scalar(split /\n/, $these), '>=', 25,
			'there are statements to compare');
		like($these, qr/^COPY\|t\|1\|20\|/m, 'COPY has its rows');
		like($these, qr/^FETCH\|t\|1\|3\|/m, 'FETCH has its rows');
	}

	is( $node->safe_psql('postgres',
			q{SELECT kind, executions FROM querywatch.repeated_statements WHERE query !~ 'querywatch'}),
		'repeated_lookup|6',
		"$names: the repeat is found");
	is( $node->safe_psql('postgres',
			q{SELECT count(*) FROM querywatch.slow_statements WHERE query ~ 'count\(\*\) FROM author$' AND plan ~ 'Seq Scan'}
		),
		'2',
		"$names: the plans are in the slow log");
	my $log = slurp_file($node->logfile, $log_from);
	like($log, qr/Query Text: SELECT count\(\*\) FROM author/,
		"$names: auto_explain logs");
	unlike($log, qr/TRAP|PANIC|signal/, "$names: no crash");
}

$node->stop;
done_testing();

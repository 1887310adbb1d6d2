# The memory is bounded; what does not fit is counted: evicted statements,
# texts, slow executions, patterns.

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
pg_querywatch.text_memory = '64kB'
pg_querywatch.slow_memory = '64kB'
pg_querywatch.max_patterns = 10
pg_querywatch.track = 'all'
pg_querywatch.track_utility = off
pg_querywatch.repeat_gap = '1min'
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch');

sub query { return $node->safe_psql('postgres', shift); }

# Statements made by DO, all different by their number of columns
sub flood
{
	my ($from, $to, $hot) = @_;
	return qq{
DO \$do\$
BEGIN
  FOR i IN $from .. $to LOOP
    EXECUTE 'SELECT now()' || repeat(', 1', i);
    } . ($hot ? "IF i % 10 = 0 THEN PERFORM upper('hot'); END IF;" : '') . q{
  END LOOP;
END $do$;};
}

# Everything is in the table or among the evicted
query('SELECT querywatch.reset()');
query(flood(1, 1000));
is( query(q{
SELECT (SELECT sum(calls) FROM querywatch.statements WHERE NOT toplevel AND command IS DISTINCT FROM 'DO')
     + (SELECT coalesce(sum(calls), 0) FROM querywatch.evicted) >= 1000}),
	't', 'statements and evicted ones together are what was run');
my ($statements, $limit, $dealloc) = split /\|/,
  query('SELECT statements, statements_limit, dealloc FROM querywatch.info');
cmp_ok($statements, '<=', 100, 'statements are within the limit');
is($limit, 100, 'the limit is what was set');
cmp_ok($dealloc, '>=', 900, 'evictions are counted');
cmp_ok(query('SELECT count(*) FROM querywatch.statements'),
	'<=', 130, 'rows are within the limit and what backends hold on to');

# exactly, when nobody else runs anything
query('SELECT querywatch.reset()');
my $sum = q{
SELECT (SELECT sum(calls) FROM querywatch.statements) + (SELECT coalesce(sum(calls), 0) FROM querywatch.evicted),
       (SELECT sum(rows) FROM querywatch.statements) + (SELECT coalesce(sum(rows), 0) FROM querywatch.evicted)};
my ($calls1, $rows1) = split /\|/, query($sum);
query(flood(1, 700));
query(flood(1, 700));
my ($calls2, $rows2) = split /\|/, query($sum);

# and the reading statement before
is($calls2 - $calls1, 1401, 'every call is in the sum');
is($rows2 - $rows1, 1401, 'every row is in the sum');

# reset() forgets the evicted ones too
query('SELECT querywatch.reset()');
is(query('SELECT coalesce(sum(calls), 0) FROM querywatch.evicted'),
	'0', 'reset forgets evicted statements');

# A flood of one-off statements does not push out the hot one
query('SELECT querywatch.reset()');
query(flood($_ * 200, $_ * 200 + 199, 1)) foreach (1 .. 7);
is(query('SELECT max(calls) FROM querywatch.statements WHERE NOT toplevel'),
	'140', 'the hot statement is still there, whole');

# Text memory: bounded, counted, and no crash without texts
query('SELECT querywatch.reset()');
query(flood(1, 90));
$node->safe_psql('postgres', q{
DO $do$
BEGIN
  FOR i IN 1 .. 90 LOOP
    EXECUTE format('SELECT length(%L) %s', 'x', repeat(' + 1 /* some longer text, to fill the memory for texts */', 20 + i));
  END LOOP;
END $do$});
my ($bytes, $text_limit, $texts_dropped) = split /\|/,
  query('SELECT text_bytes, text_limit, texts_dropped FROM querywatch.info');
cmp_ok($bytes, '<=', $text_limit, 'texts are within their memory');
is($text_limit, 65536, 'which is what was set');
cmp_ok($texts_dropped, '>', 0, 'texts that found no room are counted');
cmp_ok(query('SELECT count(*) FROM querywatch.statements WHERE query IS NULL'),
	'>', 0, 'their statements are still there');
is(query('SELECT count(*) FROM querywatch.slow_summary'),
	'0', 'other views work without texts');
# one that is longer than all of it
$node->safe_psql('postgres',
	"SET pg_querywatch.query_max_length = '1MB'; SELECT " . 'now() IN (' . join(', ', map { "now() + interval '1 s'" } 1 .. 8000) . ')');
is(query('SELECT 1'), '1', 'a text longer than the memory for texts does no harm');
is(query('SELECT text_bytes <= text_limit FROM querywatch.info'), 't', 'and does not fill it');

# A statement whose text was dropped gets it again when it is parsed again
query("SELECT initcap('again')");
query(flood(1, 90));
query("SELECT initcap('again')");
is( query(q{SELECT count(*) FROM querywatch.statements WHERE query = 'SELECT initcap($1)' AND calls > 0}),
	'1', 'a dropped text comes back');

# Slow log: bounded
query('SELECT querywatch.reset_slow()');
$node->safe_psql('postgres',
	'SET pg_querywatch.slow_threshold = 0; ' . flood(1, 500) . ' SET pg_querywatch.slow_threshold = -1');
is( query(q{SELECT slow_recorded >= 500 AND slow_overwritten > 0
       AND slow_recorded - slow_overwritten = (SELECT count(*) FROM querywatch.slow_statements) FROM querywatch.info}),
	't',
	'the slow log is a ring: what was overwritten is counted');
# a record larger than all of it
$node->safe_psql('postgres',
	"SET pg_querywatch.query_max_length = '1MB'; SET pg_querywatch.slow_threshold = 0; SELECT length('"
	  . ('x' x 200_000) . "'); SET pg_querywatch.slow_threshold = -1");
is(query('SELECT slow_dropped FROM querywatch.info'),
	'1', 'what does not fit at all is counted');
is(query('SELECT count(*) >= 0 FROM querywatch.slow_statements'),
	't', 'the slow log can be read');

# Patterns: bounded
query('SELECT querywatch.reset_patterns()');
query('CREATE TABLE item (id int PRIMARY KEY)');
my $bursts = '';
foreach my $n (1 .. 15)
{
	$bursts .= "BEGIN;\n";
	$bursts .= "SELECT id" . (", id" x $n) . " FROM item WHERE id = $_;\n"
	  foreach (1 .. 6);
	$bursts .= "COMMIT; DISCARD ALL;\n";
}
$node->safe_psql('postgres', $bursts);
my ($patterns, $patterns_limit, $patterns_dropped) = split /\|/,
  query('SELECT patterns, patterns_limit, patterns_dropped FROM querywatch.info');
cmp_ok($patterns, '<=', 10, 'patterns are within the limit');
is($patterns_limit, 10, 'which is what was set');
cmp_ok($patterns_dropped, '>=', 5, 'those that made room are counted');
cmp_ok(query(q{SELECT count(*) FROM querywatch.repeated_statements WHERE query IS NULL OR query !~ 'querywatch'}),
	'<=', 10, 'and no more are shown');

# Many open bursts at once in one window
$bursts = "BEGIN;\n";
foreach my $i (1 .. 6)
{
	$bursts .= "SELECT id" . (", id" x $_) . " FROM item WHERE id = $i;\n"
	  foreach (1 .. 40);
}
$node->safe_psql('postgres', "$bursts COMMIT;");
is(query('SELECT 1'), '1', 'more bursts at once than patterns');

# Routes without number
$node->safe_psql('postgres', join('',
		map { my $r = $_; map { "SELECT id FROM item WHERE id = $_ /*route='/item/$r',traceparent='00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01'*/;\n" } 1 .. 5 } 1 .. 80));
cmp_ok(query('SELECT routes_folded FROM querywatch.info'), '>', 0, 'routes past a number are counted as one');

# Applications without number: the N+1 of another stays, whether or not their
# own are as sure
$node->safe_psql('postgres', q{
SELECT querywatch.reset_patterns();
CREATE TABLE author (id int PRIMARY KEY);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author);
INSERT INTO author SELECT generate_series(1, 8);
});
sub loop_of
{
	my ($application, $table, $columns) = @_;
	return join '', map { "$_;\n" } ("SET application_name = '$application'", 'BEGIN',
		'SELECT id' . ', id' x $columns . ' FROM author',
		(map { 'SELECT id' . ', id' x $columns . " FROM $table WHERE " . ($table eq 'post' ? 'author_id' : 'id') . " = $_" } 1 .. 8), 'COMMIT');
}
$node->safe_psql('postgres', loop_of('web', 'post', 0));
$node->safe_psql('postgres', join('', map { loop_of("job-$_", 'post', 1) . loop_of("task-$_", 'item', 2) } 1 .. 200));
is( query(q{SELECT application_name, confidence, bursts FROM querywatch.repeated_statements WHERE application_name = 'web'}),
	'web|confirmed|1', 'applications that come once each push no other out');
is( query(q{SELECT patterns <= 10 AND patterns_dropped = 0 AND applications_folded > 100 FROM querywatch.info}),
	't', 'they are counted as one');
is( query(q{SELECT sum(executions) FROM querywatch.repeated_statements WHERE query ~ '^SELECT id, id FROM post'}),
	'1600', 'no execution of theirs is lost');

# Less sure patterns push out no surer one
$node->safe_psql('postgres', join('',
		map { my $n = $_; map { 'SELECT id' . ', id' x $n . " FROM item WHERE id = $_;\n" } 1 .. 6 } 10 .. 40));
is( query(q{SELECT confidence FROM querywatch.repeated_statements WHERE application_name = 'web'}),
	'confirmed', 'one that is sure stays where others are not');

# Still in order after a restart
$node->restart;
is(query('SELECT statements <= 100 FROM querywatch.info'), 't', 'after a restart it records');
$node->stop;
done_testing();

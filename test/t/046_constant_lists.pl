# Statements that differ in the length of a list only fill the table: info and
# a finding say so, and info names the settings that were too low.

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
fsync = off
});
$node->start;

sub query
{
	return $node->safe_psql('postgres', shift);
}

# Rows of a, b and c, in INSERTs of as many rows as the list has numbers
sub inserts
{
	return join ' ', map { 'INSERT INTO item (a, b) VALUES ' . join(', ', map { "($_, lower('x'))" } 1 .. $_) . ' ON CONFLICT DO NOTHING;' } @_;
}

sub different
{
	return join ' ', map { 'SELECT ' . join('+', ('a') x $_) . ' FROM item;' } @_;
}

my $FINDING = "FROM querywatch.findings WHERE kind = 'constant_lists'";

query('CREATE EXTENSION pg_querywatch; CREATE ROLE other; CREATE TABLE item (a int, b text); SELECT querywatch.reset()');
query(inserts(1 .. 30));
is(query('SELECT list_variants, dealloc FROM querywatch.info'), '29|0', 'counted');
is(query('SELECT settings_to_raise IS NULL FROM querywatch.info'), 't', 'nothing is too low');
is(query("SELECT count(*) $FINDING"), '0', 'no finding while all have room');

query(different(1 .. 120));
query(inserts(1 .. 40));
is(query('SELECT settings_to_raise FROM querywatch.info WHERE dealloc > 0'),
	'{pg_querywatch.max_statements}', 'which setting was too low');
my $evidence = query("SELECT evidence $FINDING");
note $evidence;
like($evidence,
	qr/^\d+ statements of the \d+ kept differ from another of this role in the length of a list only, \d+ of them from this one; [\d,]+ statements of this database had to make room$/,
	'a finding says so');
is(query("SELECT severity, confidence, occurrences = (SELECT list_variants FROM querywatch.info), time_lost, query ~ '^INSERT', suggestion ~ 'unnest' $FINDING"),
	'low|confirmed|t|0|t|t', 'with its columns');
is(query("SELECT count(*) FROM querywatch.findings WHERE kind = 'constant_lists' AND queryid IN (SELECT queryid FROM querywatch.statements)"),
	'1', 'one for all');

# What is no list: as many conditions, several columns, other values
query('SELECT querywatch.reset()');
query(join ' ', map { 'SELECT a FROM item WHERE ' . join(' OR ', ('a = 1') x $_) . ';' } 1 .. 20);
query(join ' ', map { 'SELECT ' . join(', ', map { "a + $_" } 1 .. $_) . ' FROM item;' } 1 .. 20);
query(join ' ', map { "SELECT a FROM item WHERE a IN (1, 2, $_);" } 1 .. 20);
is(query('SELECT list_variants FROM querywatch.info'), '0', 'what is no list');

# Lists of constants are one statement since 18, casts or not
query('SELECT querywatch.reset()');
query(join ' ', map { 'SELECT a FROM item WHERE b IN (' . join(',', ("'x'::text") x $_) . ');' } 2 .. 20);
query(join ' ', map { 'SELECT b FROM item WHERE a IN (' . join(',', 1 .. $_) . ');' } 2 .. 20);
is(query('SELECT list_variants FROM querywatch.info'), $node->pg_version < 18 ? '36' : '0', 'lists of constants');
query(different(1 .. 120));
query(join ' ', map { 'SELECT b FROM item WHERE a IN (' . join(',', 1 .. $_) . ');' } 2 .. 30);
is(query("SELECT count(*), bool_and(suggestion ~ '= ANY') $FINDING"), $node->pg_version < 18 ? '1|t' : '0|', 'arrays are what to use');

# Memory for finding repeats, too little of it
query('ALTER SYSTEM SET pg_querywatch.repeat_memory = 256');
query('SELECT pg_reload_conf()');
query('SELECT querywatch.reset_patterns()');
query('BEGIN;'
	  . join('', map { my $i = $_; map { 'SELECT ' . join(', ', ('b') x $_) . " FROM item WHERE a = $i;" } 1 .. 90 } 1 .. 20)
	  . 'COMMIT;');
is(query("SELECT 'pg_querywatch.repeat_memory' = ANY (settings_to_raise) FROM querywatch.info WHERE repeat_memory_refused > 0"),
	't', 'memory of the detector');
query('ALTER SYSTEM SET pg_querywatch.repeat_memory = 4096');
query('SELECT pg_reload_conf()');
query('SELECT querywatch.reset_patterns()');
query('BEGIN;'
	  . join('', map { my $i = $_; map { 'SELECT ' . join(', ', ('b') x $_) . " FROM item WHERE a = $i;" } 1 .. 90 } 1 .. 20)
	  . 'COMMIT;');
is(query('SELECT repeat_memory_refused FROM querywatch.info'), '0', 'enough of it');

$node->stop;
done_testing();

# What readers are told of a burst that goes on over many transactions, while its
# session waits; and whose executions those of prepared statements are, whose
# texts are not looked at again each time.

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
pg_querywatch.repeat_gap = '10min'
});
$node->start;

sub query
{
	return $node->safe_psql('postgres', shift);
}

query(q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text);
INSERT INTO item SELECT i, 'item' FROM generate_series(1, 1000) AS i});
my $told = q{SELECT sum(executions), sum(distinct_parameters) FROM querywatch.repeated_statements};

# Each in a transaction of its own: at every length the count is exact
my $session = $node->background_psql('postgres');
$session->query_safe('PREPARE one (int) AS SELECT name FROM item WHERE id = $1;');
my $done = 0;
foreach my $length (6, 63, 64, 65, 66, 99, 200, 201, 323)
{
	$session->query_safe(join '', map { "BEGIN;\nEXECUTE one ($_);\nCOMMIT;\n" } $done + 1 .. $length);
	$done = $length;
	my ($executions, $distinct) = split /\|/, query($told);
	is($executions, $length, "$length executions are told while the session waits");
	cmp_ok($distinct, '>', $length / 2, 'and that most are distinct');
}
$session->quit;
$node->poll_query_until('postgres', "SELECT sum(executions) = $done FROM querywatch.repeated_statements");
is((split /\|/, query($told))[0], $done, 'and when it has ended');

# In one block: as much as a reader needs, and all when it ends
query('SELECT querywatch.reset_patterns()');
$session = $node->background_psql('postgres');
$session->query_safe('PREPARE one (int) AS SELECT name FROM item WHERE id = $1;');
$session->query_safe("BEGIN;\n" . join '', map { "EXECUTE one ($_);\n" } 1 .. 30);
cmp_ok((split /\|/, query($told))[0], '>=', 24, 'inside of a block its counts are told now and then');
$session->query_safe('COMMIT');
is((split /\|/, query($told))[0], 30, 'all of them at its end');
$session->quit;

# Two prepared statements of one query id, told apart by their tags
query('SELECT querywatch.reset_patterns()');
$session = $node->background_psql('postgres');
$session->query_safe(q{SET plan_cache_mode = force_generic_plan;
PREPARE a (int) AS SELECT name FROM item WHERE id = $1 /*route='/a'*/;
PREPARE b (int) AS SELECT name FROM item WHERE id = $1 /*route='/b'*/;
PREPARE c (int) AS SELECT name FROM item WHERE id = $1;});
foreach my $prepared (qw(a c b c a))
{
	$session->query_safe(join '', map { "BEGIN;\nEXECUTE $prepared ($_);\nCOMMIT;\n" } 1 .. 20);
}
$session->quit;
my $routes = q{SELECT string_agg(route || ':' || executions, ' ' ORDER BY route COLLATE "C") FROM (SELECT coalesce(route, '-') AS route, sum(executions) AS executions FROM querywatch.repeated_statements GROUP BY 1) AS r};
$node->poll_query_until('postgres', "SELECT ($routes) = '-:40 /a:40 /b:20'");
is(query($routes), '-:40 /a:40 /b:20', 'each has its own route');

# An application's name that a transaction sets, and that its end takes back
query('SELECT querywatch.reset_patterns()');
$session = $node->background_psql('postgres');
$session->query_safe(q{SET plan_cache_mode = force_generic_plan; SET application_name = 'outer';
PREPARE c (int) AS SELECT name FROM item WHERE id = $1;});
$session->query_safe(join '', map { "EXECUTE c ($_);\n" } 1 .. 10);
$session->query_safe("BEGIN;\nSET LOCAL application_name = 'inner';\n" . join('', map { "EXECUTE c ($_);\n" } 1 .. 20) . "COMMIT;\n");
$session->query_safe("BEGIN;\n" . join('', map { "EXECUTE c ($_);\n" } 1 .. 30) . "COMMIT;\n");
$session->quit;
my $names = q{SELECT string_agg(application_name || ':' || executions, ' ' ORDER BY application_name COLLATE "C") FROM (SELECT application_name, sum(executions) AS executions FROM querywatch.repeated_statements GROUP BY 1) AS r};
$node->poll_query_until('postgres', "SELECT ($names) = 'inner:20 outer:40'");
is(query($names), 'inner:20 outer:40', 'each name has what ran under it');

$node->stop;
done_testing();

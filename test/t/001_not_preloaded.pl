# The library loaded, but not preloaded: every function says what to set, and
# nothing else is disturbed.  Not loaded at all: likewise.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->start;

$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch');

my @calls = (
	'SELECT * FROM querywatch.statements',
	'SELECT * FROM querywatch.statements(false)',
	'SELECT * FROM querywatch.slow_statements',
	'SELECT * FROM querywatch.slow_summary',
	'SELECT * FROM querywatch.repeated_statements',
	'SELECT * FROM querywatch.evicted',
	'SELECT * FROM querywatch.info',
	'SELECT * FROM querywatch.latency_histogram()',
	'SELECT * FROM querywatch.explain(1)',
	'SELECT querywatch.begin_capture()',
	'SELECT * FROM querywatch.end_capture()',
	q{SELECT querywatch.ignore(1, 'why')},
	q{SELECT querywatch.rewrite('SELECT 1', 'batch')},
	'SELECT * FROM querywatch.findings',
	'SELECT * FROM querywatch.busy_times()',
	'SELECT * FROM querywatch.capacity',
	'SELECT * FROM querywatch.totals',
	'SELECT querywatch.prometheus()',
	'SELECT querywatch.statement_text(10, 1, true, 1)',
	'SELECT querywatch.statement_tables(10, 1, true, 1)',
	q{SELECT querywatch.missing_index('SELECT 1', 'pg_class')},
	'SELECT querywatch.reset()',
	'SELECT querywatch.reset_slow()',
	'SELECT querywatch.reset_patterns()',
	'SELECT querywatch.reset_waits()',
	'SELECT * FROM querywatch.waits',
	'SELECT * FROM querywatch.activity');

# Is there a function that is not tried here?
my $functions = $node->safe_psql('postgres',
	"SELECT string_agg(DISTINCT proname, ' ') FROM pg_proc WHERE pronamespace = 'querywatch'::regnamespace AND prolang = 13"
);
foreach my $function (split / /, $functions)
{
	ok((grep { /querywatch\.$function\b/ } @calls), "$function is tried");
}

foreach my $load ('', "LOAD 'pg_querywatch'; ")
{
	foreach my $call (@calls)
	{
		my ($stdout, $stderr);
		$node->psql(
			'postgres', "\\set VERBOSITY verbose\n$load$call",
			stdout => \$stdout,
			stderr => \$stderr);
		like($stderr,
			qr/ERROR:  55000: .*HINT: .*shared_preload_libraries/s,
			"$load$call: 55000 and the setting");
	}
}

is( $node->safe_psql('postgres', "LOAD 'pg_querywatch'; CREATE TABLE t AS SELECT 1 AS a; SELECT a FROM t"),
	'1', 'statements run where it is loaded late');
is($node->safe_psql('postgres', 'DROP EXTENSION pg_querywatch; SELECT 1'),
	'1', 'the extension can be dropped');

$node->stop;
done_testing();

# runnable_sql: a parameter wherever PostgreSQL takes an expression, sent by
# the extended protocol; and read in a database with another encoding

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '--encoding', 'UTF8', '--no-locale' ]);
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
fsync = off
});
$node->start;
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch');

# Every form is run as sent and as runnable_sql, and gives the same
my $python = $ENV{PYTHON} || '/usr/bin/python3';
SKIP:
{
	skip 'no Python with psycopg', 2
	  if system("$python -c 'import psycopg.pq' >/dev/null 2>&1") != 0;
	local %ENV = (%ENV, PGHOST => $node->host, PGPORT => $node->port, PGDATABASE => 'postgres');
	my ($out, $err);
	my $forms = "$FindBin::RealBin/../runnable";
	IPC::Run::run([ $python, '-B', "$forms/compare.py", 'forms', "$forms/forms.sql" ], '>', \$out, '2>', \$err);
	like($out, qr/^\d+ compared, 0 differ$/m, 'every form gives the same') or diag($out, $err);
	cmp_ok(($out =~ /^(\d+) parameters$/m)[0] // 0, '>', 600, 'with parameters in every place');
}

# Runs statements in the first database, with the settings; returns what the
# second says of them, oldest first
sub read_elsewhere
{
	my ($database, @statements) = @_;

	$node->safe_psql('postgres', "SELECT querywatch.reset_slow();\nSET pg_querywatch.slow_threshold = 0;\n" . join('', map { "$_;\n" } @statements));
	return split /\n/, $node->safe_psql($database, q{
SET pg_querywatch.slow_threshold = -1;
SET client_encoding = UTF8;
SELECT coalesce(runnable_sql, 'NULL: ' || query) FROM querywatch.slow_statements WHERE query ~ 'AS x' ORDER BY id});
}

$node->safe_psql('postgres', "CREATE DATABASE latin ENCODING LATIN1 TEMPLATE template0 LOCALE 'C'");
$node->safe_psql('postgres', "CREATE DATABASE bytes ENCODING SQL_ASCII TEMPLATE template0 LOCALE 'C'");
$node->safe_psql($_, 'CREATE EXTENSION pg_querywatch') foreach ('latin', 'bytes');
my @statements = (
	q{SELECT 'a' AS x},
	qq{SELECT '\xc3\xa4' AS x},
	qq{SELECT '\xd0\x96' AS x},
	qq{PREPARE p (text) AS SELECT \$1 AS x; EXECUTE p ('\xd0\x96'); EXECUTE p ('\xc3\xa4')},
	q{SELECT E'\303\244' AS x},
	q{SELECT E'\u00e4\n' AS x},
	q{SELECT U&'\00e4' AS x},
	q{SELECT U&'\0416' AS x});
is(join("\n", read_elsewhere('postgres', @statements)), <<"ALL" =~ s/\n$//r, 'in the same encoding, all of them run');
SELECT 'a' AS x
SELECT '\xc3\xa4' AS x
SELECT '\xd0\x96' AS x
SELECT '\xd0\x96'::text AS x
SELECT '\xc3\xa4'::text AS x
SELECT E'\\303\\244' AS x
SELECT E'\\u00e4\\n' AS x
SELECT '\xc3\xa4' AS x
SELECT '\xd0\x96' AS x
ALL
is(join("\n", read_elsewhere('latin', @statements)), <<"LATIN" =~ s/\n$//r, 'in LATIN1, those whose characters it has');
SELECT 'a' AS x
SELECT '\xc3\xa4' AS x
NULL: SELECT '?' AS x
NULL: PREPARE p (text) AS SELECT \$1 AS x
SELECT '\xc3\xa4'::text AS x
NULL: SELECT E'\\303\\244' AS x
SELECT E'\\u00e4\\n' AS x
SELECT '\xc3\xa4' AS x
NULL: SELECT U&'\\0416' AS x
LATIN
is(scalar(grep { /\?/ && !/^NULL/ } read_elsewhere('bytes', @statements)), 0, 'in SQL_ASCII, none with a question mark');

$node->stop;
done_testing();

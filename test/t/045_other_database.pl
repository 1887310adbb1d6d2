# Findings about statements of another database: what was measured there, and
# nothing that only its catalogs can tell; /metrics counts the same

use strict;
use warnings;

use IO::Socket::INET;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $port = PostgreSQL::Test::Cluster::get_free_port();
my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(extra => [ '-E', 'UTF8', '--no-locale' ]);
$node->append_conf(
	'postgresql.conf', qq{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.metrics_port = $port
pg_querywatch.slow_threshold = 0
max_parallel_workers_per_gather = 0
fsync = off
});
$node->start;
$node->safe_psql('postgres', "CREATE DATABASE $_") foreach qw(shop desk);
$node->safe_psql($_, 'CREATE EXTENSION pg_querywatch') foreach qw(shop desk);
$node->safe_psql('shop', <<'END');
CREATE TABLE big AS SELECT i, repeat('x', 200) AS body FROM generate_series(1, 100000) AS i;
CREATE TABLE author (id int PRIMARY KEY);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author, title text);
CREATE INDEX ON post (author_id);
INSERT INTO author SELECT generate_series(1, 12);
INSERT INTO post SELECT i, i % 12 + 1, 't' FROM generate_series(1, 100) AS i;
ANALYZE;
SELECT querywatch.reset();
END

# an index helps the second one only; then a loop, and pages
my $loop = join '', map { "SELECT title FROM post WHERE author_id = $_;\n" } 1 .. 12;
my $pages = join '', map { "SELECT i FROM big ORDER BY i LIMIT 10 OFFSET ${_}0;\n" } 1 .. 9;
my $scans = join '', map { "SELECT count(*) FROM big WHERE body LIKE '%y$_%'; SELECT body FROM big WHERE i = $_;\n" } 1 .. 40;
$node->safe_psql('shop', "$scans BEGIN; SELECT id FROM author ORDER BY id;\n$loop COMMIT; BEGIN; $pages COMMIT;");

# Findings by kind and severity; in which database they are read must not matter
my $counts = q{SELECT string_agg(format('%s %s %s', kind, severity, n), E'\n' ORDER BY kind, severity)
	FROM (SELECT kind, severity, count(*) AS n FROM querywatch.findings WHERE datname = 'shop' GROUP BY 1, 2) AS f};

my $here = $node->safe_psql('shop', 'SELECT kind, rewrite IS NOT NULL, query FROM querywatch.findings ORDER BY 1, 3');
my $there = $node->safe_psql('desk', "SELECT kind, rewrite IS NOT NULL, query FROM querywatch.findings WHERE datname = 'shop' ORDER BY 1, 3");
note "in its database:\n$here";
note "in another:\n$there";

like($here, qr/^missing_index\|t\|SELECT body FROM big/m, 'there: the index that helps');
unlike($here, qr/^missing_index.*LIKE/m, 'and none where none helps');
like($here, qr/^n_plus_one\|t\|/m, 'and the loop, rewritten');
like($there, qr/^missing_index\|f\|SELECT body/m, 'elsewhere the scan was measured, but no index is worked out');
unlike($there, qr/^missing_index.*LIKE/m, 'and none where none helps');
like($there, qr/^n_plus_one\|f\|SELECT title/m, 'the loop was measured, but no rewrite can be made');
unlike($there, qr/\|t\|/, 'no statement at all is worked out');
my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1', PeerPort => $port, Timeout => 20)
  or do { ok(1, 'built without libmicrohttpd'); done_testing(); exit 0 };
$socket->syswrite("GET /metrics HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
my $metrics = join '', <$socket>;
my %said;
while ($metrics =~ /^pg_querywatch_findings\{(.*?)\} (\d+)$/mg)
{
	my ($labels, $n) = ($1, $2);
	my ($kind) = $labels =~ /kind="(\w+)"/;
	my ($severity) = $labels =~ /severity="(\w+)"/;
	$said{"$kind $severity"} += $n;
}
my $counted = join "\n", map { "$_ $said{$_}" } grep { $said{$_} } sort keys %said;
is($counted, $node->safe_psql('desk', $counts =~ s/WHERE datname = 'shop'//r), '/metrics counts the same');

done_testing();

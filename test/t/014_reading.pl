# Counts move from sessions' slots to the table while somebody reads both.  They
# move a hundred at a time and stand still before: one move seen on both sides,
# or on neither, shows as a count that goes back.

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
pg_querywatch.track = 'all'
pg_querywatch.track_utility = off
pg_querywatch.save = off
fsync = off
});
$node->start;
my $columns = join ', ', map { "c$_ int" } 1 .. 100;
$node->safe_psql('postgres', qq{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item VALUES (1, 1);
CREATE TABLE wide ($columns);
});

# A table that takes a while to read
$node->safe_psql('postgres', q{
DO $do$
BEGIN
  FOR i IN 0 .. 4499 LOOP
    EXECUTE format('SELECT c%s, c%s FROM wide', 1 + i / 100, 1 + i % 100);
  END LOOP;
END $do$});

# Sessions that run many statements, one after the other, and give all their
# counts up by ending
my $statements = 48;
my $often = $node->basedir . '/often.sql';
append_to_file($often, 'DO $do$ BEGIN ' . join(' ', map {
	'FOR i IN 1 .. 100 LOOP PERFORM ' . join(', ', ('n') x $_) . ' FROM item WHERE id = 1; END LOOP;'
} 1 .. $statements) . ' END $do$;');
my ($in, $out, $err) = ('', '', '');
my $run = IPC::Run::start(
	[ 'pgbench', '-n', '-C', '-c', '4', '-T', '12', '-h', $node->host,
		'-p', $node->port, '-f', $often, 'postgres' ],
	\$in, \$out, \$err);
my ($code, $stdout, $stderr) = $node->psql('postgres', q{
SET pg_querywatch.track = 'none';
DO $do$
DECLARE
  last jsonb := '{}';
  now jsonb;
  reads int := 0;
  back int := 0;
BEGIN
  WHILE clock_timestamp() < statement_timestamp() + interval '11 s' LOOP
    SELECT coalesce(jsonb_object_agg(queryid, calls), '{}') INTO now
      FROM querywatch.statements(false) WHERE calls >= 100;
    back := back + (SELECT count(*) FROM jsonb_each_text(last) AS l
                      LEFT JOIN jsonb_each_text(now) AS n USING (key)
                     WHERE n.value IS NULL OR n.value::bigint < l.value::bigint);
    last := now;
    reads := reads + 1;
  END LOOP;
  RAISE NOTICE 'reads: %, back: %', reads, back;
END $do$});
$run->finish;
note($stderr);
like($stderr, qr/reads: \d{2,}, back: 0\b/, 'counts that are read never go back');
my ($transactions) = $out =~ /transactions actually processed: (\d+)/;
is( $node->safe_psql('postgres',
		q{SELECT sum(calls) FROM querywatch.statements WHERE query ~ 'n FROM item'}),
	$transactions * $statements * 100, 'and all are there in the end');

done_testing();

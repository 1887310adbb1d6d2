# What no client sent, or not all of it: transactions that another session
# ends, parallel workers, logical replication, autovacuum, loops over dblink
# and foreign tables.  Every statement is counted once, nothing is called a
# repeat that is none, and nothing breaks.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init(allows_streaming => 'logical');
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
max_prepared_transactions = 10
autovacuum_naptime = '1s'
fsync = off
log_statement = none
pg_querywatch.track = 'all'
pg_querywatch.slow_threshold = 0
pg_querywatch.save_interval = '1s'
pg_querywatch.repeat_gap = '1min'
});
$node->start;

# Without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

sub counts
{
	my ($regexp, $database) = @_;
	return look(sprintf q{
SELECT coalesce(sum(calls), 0), coalesce(sum(rows), 0), coalesce(sum(errors), 0) FROM querywatch.statements AS s
  JOIN pg_database AS d ON d.oid = s.dbid AND d.datname = '%s' WHERE query ~ '%s'}, $database // 'postgres', $regexp);
}

sub patterns
{
	my ($database) = @_;
	return look(sprintf q{
SELECT kind, confidence, executions FROM querywatch.repeated_statements WHERE datname = '%s' ORDER BY 1, 2, 3}, $database // 'postgres');
}

sub forget { look('SELECT querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()'); }

$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, name text, n int);
INSERT INTO item SELECT i, 'item ' || i, 0 FROM generate_series(1, 100) AS i;
ANALYZE item;
});

#
# Transactions that are prepared, and ended by another session
#
my $first = Session->new($node);
my $second = Session->new($node);
forget();
$first->query('SET pg_querywatch.on_repeat = notice; SET client_min_messages = error');
$first->query('BEGIN');
$first->query("UPDATE item SET n = n + 1 WHERE id = $_") foreach (1 .. 11);
$first->query(q{PREPARE TRANSACTION 'one'});
is(look(q{SELECT count(*) > 0, count(*) FILTER (WHERE c.relnamespace = 'querywatch'::regnamespace) FROM pg_locks AS l JOIN pg_class AS c ON c.oid = l.relation WHERE l.pid IS NULL}),
	't|0', 'a prepared transaction holds no lock on what is ours');
is(patterns(), 'row_by_row_update|confirmed|11', 'its loop is there when it is prepared');
$second->query(q{COMMIT PREPARED 'one'});
$first->query("SELECT name FROM item WHERE id = $_") foreach (1 .. 10);
$_->query('DISCARD ALL') foreach $first, $second;
is(counts('^UPDATE item'), '11|11|0', 'a prepared transaction: counted once');
is(counts('^(PREPARE TRANSACTION|COMMIT PREPARED)'), '2|0|0', 'what ends it too');
is(patterns(), "repeated_lookup|suspected|10\nrow_by_row_update|confirmed|11", 'its loop is one of one transaction, what comes next is not of it');

# rolled back by another, refused, given up
forget();
$first->query('BEGIN');
$first->query("UPDATE item SET n = n + 1 WHERE id = $_") foreach (1 .. 3);
$first->query(q{PREPARE TRANSACTION 'two'});
$first->query('BEGIN');
$first->query("UPDATE item SET n = n + 1 WHERE id = $_") foreach (11 .. 13);
$first->query(q{PREPARE TRANSACTION 'two'});
$first->query("UPDATE item SET n = n + 1 WHERE id = $_") foreach (21 .. 23);
$second->query(q{ROLLBACK PREPARED 'two'});
$_->query('DISCARD ALL') foreach $first, $second;
is(counts('^UPDATE item'), '9|9|0', 'transactions that are prepared, refused, rolled back: counted once');
is(counts('^(PREPARE TRANSACTION|ROLLBACK PREPARED)'), '3|0|0', 'one that is refused at its end too, as a COMMIT is');

# prepared and committed one by one
forget();
foreach my $i (201 .. 210)
{
	$first->query("BEGIN; INSERT INTO item VALUES ($i); PREPARE TRANSACTION '$i'");
	$first->query("COMMIT PREPARED '$i'");
}
$first->query('DISCARD ALL');
is(counts('^INSERT INTO item'), '10|10|0', 'prepared one by one: counted once');
is(patterns(), 'row_by_row_insert|likely|10', 'and a loop');

# left over from a crash
$first->query(q{BEGIN; UPDATE item SET n = 100 WHERE id = 31; PREPARE TRANSACTION 'three'});
$node->stop('immediate');
$_->{psql}->kill_kill foreach $first, $second;
$node->start;
forget();
$node->safe_psql('postgres', q{COMMIT PREPARED 'three'});
is(look('SELECT n FROM item WHERE id = 31'), '100', 'prepared before a crash, committed after it');
is(counts('^(UPDATE item|COMMIT PREPARED)'), '1|0|0', 'counted as what it is');

#
# Parallel query: the leader counts for its workers
#
$node->safe_psql('postgres', q{
CREATE TABLE big AS SELECT i AS id FROM generate_series(1, 20000) AS i;
VACUUM ANALYZE big;
CREATE FUNCTION looks(i int) RETURNS int LANGUAGE plpgsql PARALLEL SAFE
  AS 'BEGIN RETURN (SELECT count(*) FROM item AS inside WHERE id = i); END';
});
my $parallel = q{
SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0;
SET min_parallel_table_scan_size = 0; SET parallel_leader_participation = off;};
like($node->safe_psql('postgres', "$parallel EXPLAIN SELECT count(*) FROM big WHERE id % 2 = 0"), qr/Workers Planned: [12]/, 'a parallel plan');
forget();
$node->safe_psql('postgres', $parallel . join('', map { "SELECT count(*) FROM big WHERE id % 2 = $_ % 2;" } 1 .. 10) . 'SELECT sum(looks(id)) FROM big WHERE id <= 100');
is(counts('^SELECT count.* FROM big'), '10|10|0', 'parallel queries: counted once');
is(look(q{SELECT shared_blks_hit + shared_blks_read >= 10 * (SELECT relpages FROM pg_class WHERE relname = 'big') FROM querywatch.statements WHERE query ~ '^SELECT count.* FROM big'}),
	't', 'with the blocks that its workers read');
is(counts('count.* AS inside'), '0|0|0', 'what functions run inside workers is not counted apart');

#
# Loops of the server itself over connections to itself
#
SKIP:
{
	skip 'no dblink or postgres_fdw here', 5
	  if look(q{SELECT count(*) FROM pg_available_extensions WHERE name IN ('dblink', 'postgres_fdw')}) ne '2';
	my ($host, $port, $user) = ($node->host, $node->port, look('SELECT current_user'));
	$node->safe_psql('postgres', qq{
CREATE EXTENSION dblink;
CREATE EXTENSION postgres_fdw;
CREATE SERVER self FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '$host', port '$port', dbname 'postgres');
CREATE USER MAPPING FOR CURRENT_USER SERVER self OPTIONS (user '$user');
CREATE FOREIGN TABLE far (id int, name text, n int) SERVER self OPTIONS (table_name 'item');
});
	forget();
	$node->safe_psql('postgres', q{
SELECT count((SELECT name FROM far WHERE far.id = near.id)) FROM generate_series(1, 20) AS near (id);
UPDATE far SET n = n + 1 WHERE id <= 20 AND random() < 2;
INSERT INTO far SELECT 300 + i, 'x', 1 FROM generate_series(1, 20) AS i;
DO $$ BEGIN
  PERFORM dblink_connect('link', 'dbname=postgres application_name=link options=-cpg_querywatch.track=top' || } . "' host=$host port=$port user=$user'" . q{);
  FOR i IN 1 .. 20 LOOP
    PERFORM * FROM dblink('link', 'SELECT id AS linked FROM item WHERE id = ' || i) AS t (id int);
  END LOOP;
  PERFORM dblink_disconnect('link');
END $$});
	ok($node->poll_query_until('postgres', q{SELECT count(*) = 0 FROM pg_stat_activity WHERE application_name IN ('link', 'postgres_fdw')}), 'connections have ended');
	# (Since 18 a cursor's query has an id: with track = all it is counted apart.)
	is( look(q{SELECT sum(calls), sum(rows), sum(errors) FROM querywatch.statements WHERE toplevel AND query ~ '^DECLARE c. CURSOR FOR\s+SELECT name FROM public.item'}),
		'20|0|0', 'a foreign table: each remote query is counted');
	is(counts('^(UPDATE|INSERT INTO) public.item'), '40|40|0', 'each remote write');
	is(counts('^SELECT id AS linked'), '20|20|0', 'dblink: each remote query');
	is(look(q{SELECT application_name, kind, confidence, executions FROM querywatch.repeated_statements ORDER BY application_name COLLATE "C", kind}),
		"link|repeated_lookup|suspected|20\npostgres_fdw|repeated_lookup|likely|20\npostgres_fdw|row_by_row_insert|confirmed|20\npostgres_fdw|row_by_row_update|confirmed|20",
		'and their loops are found, on the side that is asked');
}

#
# Autovacuum: what functions of an index run
#
$node->safe_psql('postgres', q{
CREATE TABLE setting (id int PRIMARY KEY, k int);
INSERT INTO setting SELECT i, 1 FROM generate_series(0, 9) AS i;
CREATE FUNCTION shift(i int) RETURNS int IMMUTABLE LANGUAGE plpgsql
  AS 'DECLARE which int := i % 10; x int; BEGIN SELECT k INTO x FROM public.setting AS shifting WHERE id = which; RETURN x + i; END';
CREATE TABLE vacuumed (id int, v int) WITH (autovacuum_enabled = off, autovacuum_vacuum_threshold = 10, autovacuum_analyze_threshold = 10, autovacuum_vacuum_scale_factor = 0, autovacuum_analyze_scale_factor = 0);
CREATE INDEX ON vacuumed (shift(id));
INSERT INTO vacuumed SELECT i, i FROM generate_series(1, 500) AS i;
UPDATE vacuumed SET v = v + 1;
ALTER DATABASE postgres SET pg_querywatch.on_repeat = error;
ALTER DATABASE postgres SET pg_querywatch.repeat_threshold = 2;
});
forget();
look('ALTER TABLE vacuumed SET (autovacuum_enabled = on)');
{
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	ok($node->poll_query_until('postgres', q{SELECT last_autovacuum IS NOT NULL AND last_autoanalyze IS NOT NULL FROM pg_stat_all_tables WHERE relname = 'vacuumed'}), 'autovacuum');
}
is(counts('shifting'), '500|500|0', 'autovacuum: what it runs is counted');
is(patterns(), '', 'and is no repeat');
is(look(q{SELECT sum(client_time) FROM querywatch.statements WHERE query ~ 'shifting'}), '0', 'nor has it a client that takes its time');
is(look(q{SELECT count(*) FROM querywatch.slow_statements WHERE query ~ 'shifting' AND outcome = 'completed'}), '500', 'it is in the slow log');
look('ALTER DATABASE postgres RESET ALL');

#
# Logical replication: what triggers run as it is applied
#
$node->safe_psql('postgres', 'CREATE DATABASE copy');
$node->safe_psql('postgres', q{
CREATE TABLE shop (id int PRIMARY KEY, n int);
INSERT INTO shop SELECT i, 0 FROM generate_series(1, 50) AS i;
CREATE PUBLICATION shops FOR TABLE shop;
ALTER DATABASE copy SET pg_querywatch.on_repeat = error;
ALTER DATABASE copy SET pg_querywatch.repeat_threshold = 2;
});
$node->safe_psql('postgres', q{SELECT pg_create_logical_replication_slot('shops', 'pgoutput')});
$node->safe_psql('copy', q{
CREATE TABLE shop (id int PRIMARY KEY, n int);
CREATE TABLE log (id int);
CREATE FUNCTION on_shop() RETURNS trigger LANGUAGE plpgsql
  AS 'BEGIN INSERT INTO public.log VALUES (new.id); PERFORM n FROM public.shop WHERE id = new.id - 1; PERFORM pg_sleep(0.001); RETURN NULL; END';
CREATE TRIGGER on_shop AFTER INSERT OR UPDATE ON shop FOR EACH ROW EXECUTE FUNCTION on_shop();
ALTER TABLE shop ENABLE ALWAYS TRIGGER on_shop;
});
forget();
$node->safe_psql('copy', sprintf q{CREATE SUBSCRIPTION shops CONNECTION $$%s$$ PUBLICATION shops WITH (create_slot = false, slot_name = 'shops')}, $node->connstr('postgres'));
sub logged
{
	my ($n) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->poll_query_until('copy', "SELECT count(*) = $n FROM log");
}
ok(logged(50), 'the table is copied');
$node->safe_psql('postgres', 'UPDATE shop SET n = n + 1; INSERT INTO shop SELECT i, 1 FROM generate_series(51, 60) AS i');
ok(logged(110), 'changes are applied');
is(counts('INSERT INTO public.log', 'copy'), '110|110|0', 'apply: what its triggers run is counted');
is(counts('^COPY public.shop', 'postgres'), '1|50|0', 'and the copy, by who was asked for it');
is(patterns('copy'), '', 'it is no repeat');
is(look(q{SELECT sum(client_time) FROM querywatch.statements WHERE query ~ 'public.(log|shop) ' AND dbid = (SELECT oid FROM pg_database WHERE datname = 'copy')}), '0', 'nor has it a client that takes its time');
my $log = slurp_file($node->logfile);
$node->safe_psql('copy', 'DROP SUBSCRIPTION shops');
unlike($log, qr/PANIC|TRAP|terminated by signal|replication worker.* exit code 1/, 'nothing has ended that should not');
$node->stop;
done_testing();

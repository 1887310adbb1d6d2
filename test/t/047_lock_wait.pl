# The finding lock_wait: who waited for locks, how long, behind whom, and what
# is to be done about it; who may see what of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep);
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.wait_sampling_interval = 20
max_prepared_transactions = 5
deadlock_timeout = '2s'
fsync = off
});
$node->start;

# Without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

sub look_as
{
	my ($role, $sql) = @_;
	return $role ? $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]) : look($sql);
}

look(q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, n int, state text);
INSERT INTO item SELECT i, 0, 'new' FROM generate_series(1, 10) AS i;
CREATE TABLE place (id int PRIMARY KEY);
CREATE TABLE visit (id int, place_id int REFERENCES place);
INSERT INTO place SELECT generate_series(1, 300);
INSERT INTO visit SELECT i, i FROM generate_series(1, 299) AS i;
CREATE FUNCTION slow_check() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(4); RETURN OLD; END $$;
CREATE TRIGGER slow_check AFTER DELETE ON place FOR EACH ROW EXECUTE FUNCTION slow_check();
CREATE ROLE alice LOGIN;
GRANT ALL ON item TO alice;
GRANT pg_monitor TO alice;
CREATE ROLE bob LOGIN;
GRANT ALL ON item TO bob;
});
my %session = map { $_ => Session->new($node, name => $_) } qw(shop billing job);
$session{bob} = Session->new($node, name => 'bob', role => 'bob');

sub begin_case
{
	look('SELECT querywatch.reset(), querywatch.reset_waits()');
	return;
}

# Sends what will wait, and waits until it does
sub send_waiting
{
	my ($name, $sql) = @_;
	$session{$name}->send($sql);
	$node->poll_query_until('postgres', qq{SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE application_name = '$name'}) or die;
	return;
}

sub end
{
	$session{$_}->query('ROLLBACK') foreach @_;
	return;
}

# The findings, once the worker has seen their ends; times are holes
sub found
{
	my ($role) = @_;
	sleep 0.2;
	my $found = look_as($role, q{SELECT confidence, query, evidence, suggestion, rewrite FROM querywatch.findings WHERE kind = 'lock_wait' ORDER BY query});
	$found =~ s/\d+(\.\d+)? m?s\b/_/g;
	return $found;
}

# Behind a transaction that is idle
begin_case();
$session{billing}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
send_waiting('shop', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 1.5;
end('billing', 'shop');
is( found(),
	q{confirmed|UPDATE item SET n = $1 WHERE id = $2|1 execution waited _ of _ for transactionid locks, behind the same statement of billing (idle in transaction _)|Commit sooner: the transaction that held the lock did nothing meanwhile. No slow work (calls to other services, waiting for people) between the write and COMMIT; idle_in_transaction_session_timeout ends what was forgotten, lock_timeout bounds the wait.|},
	'behind an idle transaction');
is(look(q{SELECT time_lost > 1400, time_lost <= (SELECT total_exec_time FROM querywatch.statements AS s WHERE s.queryid = f.queryid AND s.calls = 2) FROM querywatch.findings AS f WHERE kind = 'lock_wait'}),
	't|t', 'the time lost is that of the wait');
is(look(q{SELECT count(*) FROM querywatch.findings WHERE kind = 'slow_statement' AND evidence ~ 'costliest step'}), '0', 'no step of the plan is blamed');
like(found('alice'), qr/idle in transaction/, 'who reads all statistics sees who it was');

# What others may see
begin_case();
$session{billing}->query('BEGIN; UPDATE item SET n = 1, state = $$secret$$ WHERE id = 1');
send_waiting('bob', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 1.5;
end('billing', 'bob');
like(found(), qr/behind UPDATE item SET n = \$1, state = \$2 WHERE id = \$3 of billing \(idle in transaction _\)/, 'behind another statement');
like(found('bob'), qr/behind a statement of another role of billing\|Commit sooner what holds the lock/, 'of which another role sees the application');

# DDL that waits, and others behind it
begin_case();
$session{billing}->query('BEGIN; SELECT count(*) FROM item');
send_waiting('job', 'ALTER TABLE item ADD COLUMN more int');
send_waiting('shop', 'SELECT n FROM item WHERE id = 1');
sleep 1.5;
end('billing', 'job');
sleep 0.2;						# what shop has sent is known as long as it is the last
end('shop');
my $ddl = found();
like($ddl, qr/ALTER TABLE item ADD COLUMN more int\|1 execution waited _ of _ for relation locks, behind SELECT count\(\*\) FROM item of billing \(idle in transaction _\)\|Run it with SET lock_timeout = '2s'/, 'DDL is to give up');
like($ddl, qr/SELECT n FROM item WHERE id = \$1\|1 execution waited _ of _ for relation locks, behind SELECT count\(\*\) FROM item of billing \(idle in transaction _\); before it in the queue: ALTER TABLE item ADD COLUMN more int\|What wants the whole table waits too/, 'so that others do not wait behind it');

# A queue of jobs
begin_case();
my $take = q{SELECT id FROM item WHERE state = 'new' ORDER BY id LIMIT 1 FOR UPDATE};
$session{job}->query("BEGIN; $take");
send_waiting('shop', $take);
sleep 1.5;
end('job', 'shop');
like(found(), qr/FOR UPDATE SKIP LOCKED/, 'a queue is to skip what is locked');

# A deadlock
begin_case();
$session{shop}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
$session{job}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 2');
send_waiting('shop', 'UPDATE item SET n = 1 WHERE id = 2');
$session{job}->send('UPDATE item SET n = 1 WHERE id = 1');
sleep 2.5;
end('shop', 'job');
like(found(), qr/behind each other: a deadlock.*\|Lock the same rows in the same order everywhere/, 'a deadlock');

# A prepared transaction that was left over
begin_case();
$session{job}->query(q{BEGIN; UPDATE item SET n = 1 WHERE id = 1; PREPARE TRANSACTION 'p'});
send_waiting('shop', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 1.5;
$session{job}->query(q{ROLLBACK PREPARED 'p'});
end('shop');
like(found(), qr/behind a prepared transaction\|Look at pg_prepared_xacts/, 'a prepared transaction');

# A session's advisory lock
begin_case();
$session{job}->query('SELECT pg_advisory_lock(1)');
send_waiting('shop', 'SELECT pg_advisory_xact_lock(1)');
sleep 1.5;
$session{job}->query('SELECT pg_advisory_unlock(1)');
end('shop');
like(found(), qr/for advisory locks, behind .* of job \(idle _\)\|It holds a lock of its session, not of a transaction/, 'a lock of a session');

# A DELETE that searches for rows that reference its own
begin_case();
$session{job}->send('DELETE FROM place WHERE id = 300');
$node->poll_query_until('postgres', q{SELECT wait_event = 'PgSleep' FROM pg_stat_activity WHERE application_name = 'job'}) or die;
send_waiting('shop', 'SELECT * FROM place WHERE id = 300 FOR UPDATE');
sleep 4.2;
end('job', 'shop');
like(found(), qr/behind DELETE FROM place WHERE id = \$1 of job \(active _\)\|For each row that the DELETE takes out of place it searches all of visit, whose foreign key has no index: create one\.\|CREATE INDEX CONCURRENTLY ON public\.visit \(place_id\)/, 'a foreign key without an index');

# Kept through a restart; and forgotten
my $kept = found();
$node->restart;
is(found(), $kept, 'a restart keeps it');
look('SELECT querywatch.reset_waits()');
is(found(), '', 'forgotten');

# What waits shortly, or seldom, is no finding
begin_case();
%session = map { $_ => Session->new($node, name => $_) } qw(shop billing);
$session{billing}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
send_waiting('shop', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 0.3;
end('billing', 'shop');
is(found(), '', 'a wait below the threshold is none');

$node->stop;
done_testing();

# What sessions wait for, and who holds them up: chains with heads that are
# idle, active, DDL or prepared, every kind of lock, a deadlock, who may see
# what, and the sums that the worker makes of it.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(sleep time);
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.max_waits = 100
max_prepared_transactions = 5
deadlock_timeout = '3s'
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
	return $node->safe_psql('postgres', $sql, extra_params => [ '-U', $role ]);
}

look(q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE item (id int PRIMARY KEY, n int);
INSERT INTO item SELECT i, 0 FROM generate_series(1, 10) AS i;
CREATE ROLE alice LOGIN;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
GRANT ALL ON item TO alice;
});

my %session = map { $_ => Session->new($node, name => $_) } qw(first second third);

# Sends what will wait, and waits until it does
sub send_waiting
{
	my ($name, $sql) = @_;
	$session{$name}->send($sql);
	$node->poll_query_until('postgres', qq{SELECT wait_event_type = 'Lock' FROM pg_stat_activity WHERE application_name = '$name'}) or die;
	return;
}

# Of those that are held up: the wait, whom they wait for, who is at the head
sub blocked
{
	return look(q{
SELECT a.application_name, a.wait_event, string_agg(coalesce(b.application_name, 'none'), ',' ORDER BY b.application_name),
       coalesce((SELECT r.application_name FROM pg_stat_activity AS r WHERE r.pid = a.root_blocker), a.root_blocker::text), a.root_blocker_state,
       a.root_blocker_query, a.lock_wait_time > 0 AND a.lock_wait_time <= a.running_time
  FROM querywatch.activity AS a, unnest(a.blocked_by) AS u (pid) LEFT JOIN pg_stat_activity AS b ON b.pid = u.pid
 GROUP BY a.pid, a.application_name, a.wait_event, a.root_blocker, a.root_blocker_state, a.root_blocker_query, a.lock_wait_time, a.running_time
 ORDER BY 1});
}

sub end
{
	$session{$_}->query('ROLLBACK') foreach @_;
	return;
}

is(blocked(), '', 'nobody is held up');

# An idle head, and a chain of three
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
$session{second}->query('BEGIN; UPDATE item SET n = 2 WHERE id = 2');
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
send_waiting('third', 'UPDATE item SET n = 3 WHERE id = 2');
is(blocked(), 'second|transactionid|first|first|idle in transaction|UPDATE item SET n = 1 WHERE id = 1;|t
third|transactionid|second|first|idle in transaction|UPDATE item SET n = 1 WHERE id = 1;|t', 'a chain behind an idle transaction');
end('first');
end('second', 'third');

# The queue for a tuple
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
send_waiting('third', 'UPDATE item SET n = 3 WHERE id = 1');
is(blocked(), 'second|transactionid|first|first|idle in transaction|UPDATE item SET n = 1 WHERE id = 1;|t
third|tuple|second|first|idle in transaction|UPDATE item SET n = 1 WHERE id = 1;|t', 'a queue for a row');
end('first', 'second', 'third');

# An active head
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
$session{first}->send('SELECT pg_sleep(30)');
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
is(blocked(), 'second|transactionid|first|first|active|SELECT pg_sleep(30);|t', 'behind one that works');
look(q{SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE application_name = 'first'});
end('first', 'second');

# DDL waits, and others wait behind it
$session{first}->query('BEGIN; SELECT FROM item');
send_waiting('second', 'ALTER TABLE item ADD c int');
send_waiting('third', 'SELECT count(*) FROM item');
is(blocked(), 'second|relation|first|first|idle in transaction|SELECT FROM item;|t
third|relation|second|first|idle in transaction|SELECT FROM item;|t', 'a queue behind DDL');
is(look(q{SELECT query, queryid IS NULL FROM querywatch.activity WHERE application_name = 'third'}), 'SELECT count(*) FROM item;|t',
	'one that waits in parse analysis is there, though its statement is not known');
end('first', 'second', 'third');
$session{first}->query('BEGIN; ALTER TABLE item ADD d int');
send_waiting('second', 'SELECT count(*) FROM item');
is(blocked(), 'second|relation|first|first|idle in transaction|ALTER TABLE item ADD d int;|t', 'behind DDL itself');
end('first', 'second');

# Other locks
$session{first}->query('BEGIN; SELECT pg_advisory_xact_lock(5)');
send_waiting('second', 'SELECT pg_advisory_lock(5)');
is(blocked(), 'second|advisory|first|first|idle in transaction|SELECT pg_advisory_xact_lock(5);|t', 'an advisory lock');
end('first', 'second');

# A prepared transaction holds the lock
$session{first}->query(q{BEGIN; UPDATE item SET n = 1 WHERE id = 1; PREPARE TRANSACTION 'p'});
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
is(blocked(), 'second|transactionid|none|0|prepared transaction||t', 'a prepared transaction');
$session{first}->query(q{ROLLBACK PREPARED 'p'});
end('second');

# A deadlock has no head
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
$session{second}->query('BEGIN; UPDATE item SET n = 2 WHERE id = 2');
send_waiting('first', 'UPDATE item SET n = 1 WHERE id = 2');
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
is(blocked(), 'first|transactionid|second||||t
second|transactionid|first||||t', 'a deadlock has no head');
end('first', 'second');

# Who may see it
$session{alice} = Session->new($node, name => 'alice', role => 'alice');
$session{alice}->query("BEGIN; UPDATE item SET n = 777 WHERE id = 1");
send_waiting('second', 'UPDATE item SET n = 888 WHERE id = 1');
sub seen_by
{
	return look_as(shift, q{
SELECT query, queryid IS NULL, wait_event, blocked_by IS NOT NULL, root_blocker_state, root_blocker_query
  FROM querywatch.activity WHERE application_name = 'second'});
}
is(seen_by('alice'), '<insufficient privilege>|t||t|idle in transaction|UPDATE item SET n = 777 WHERE id = 1;', 'a role sees its own statements, and who waits for it');
is(seen_by('monitor'), 'UPDATE item SET n = 888 WHERE id = 1;|f|transactionid|t|idle in transaction|UPDATE item SET n = 777 WHERE id = 1;', 'who may read all statistics sees all');
end('alice', 'second');
$session{second}->query("BEGIN; UPDATE item SET n = 888 WHERE id = 1");
send_waiting('alice', 'UPDATE item SET n = 777 WHERE id = 1');
is(look_as('alice', q{SELECT query, root_blocker_state, root_blocker_query FROM querywatch.activity WHERE application_name = 'alice'}),
	'UPDATE item SET n = 777 WHERE id = 1;||<insufficient privilege>', 'nor that of who holds it up, and its state');
end('second', 'alice');

# Readable while the catalogs with the names are locked
$session{first}->query('BEGIN; LOCK TABLE pg_authid');
is($session{third}->query(q{SET statement_timeout = '5s'; SELECT count(*), count(rolname) FROM querywatch.activity WHERE query ~ 'activity'}), '1|0', 'names are left out rather than waited for');
end('first');

# What the worker sums up
look('SELECT querywatch.reset_waits()');
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
my $start = time;
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 2;
$session{first}->query('COMMIT');
$session{second}->query('SELECT');
my $passed = (time() - $start) * 1000;
my ($time, $query) = split /\|/, look(q{SELECT total_time, query FROM querywatch.waits WHERE wait_event_type = 'Lock' AND application_name = 'second'});
cmp_ok($time, '>', 1700, 'the wait is summed up');
cmp_ok($time, '<', $passed + 400, 'and no more');
is($query, 'UPDATE item SET n = $1 WHERE id = $2', 'with its statement');
is(look_as('alice', q{SELECT count(*), bool_and(query = '<insufficient privilege>'), count(queryid) FROM querywatch.waits WHERE application_name = 'second' AND wait_event_type = 'Lock'}), '1|t|0', 'which others do not see');
is(look(q{SELECT bool_and(share BETWEEN 0 AND 1), round(sum(share)::numeric, 6) FROM querywatch.waits}), 't|1.000000', 'shares are of the whole');
my $before = look(q{SELECT samples > 10 FROM querywatch.waits WHERE wait_event_type = 'Lock' AND application_name = 'second'});
is($before, 't', 'many samples');
$node->restart;
is(look(q{SELECT query, samples > 10 FROM querywatch.waits WHERE wait_event_type = 'Lock' AND application_name = 'second'}), "$query|t", 'it outlives a restart');

# What a slow execution has waited for, and who held it up
%session = map { $_ => Session->new($node, name => $_) } qw(first second third);
sub slow
{
	return look_as($_[0] // $node->safe_psql('postgres', 'SELECT current_user'), q{
SELECT application_name, coalesce((SELECT string_agg(key, ',') FROM jsonb_each(wait_time)), 'none'),
       (SELECT sum(value::float8) FROM jsonb_each_text(wait_time)) BETWEEN exec_time - 400 AND exec_time,
       blocked_by ->> 'state', blocked_by ->> 'application', blocked_by ->> 'statement', (blocked_by ->> 'state_time')::float8 > 500
  FROM querywatch.slow_statements WHERE application_name IN ('first', 'second', 'third') ORDER BY 1});
}
look('SELECT querywatch.reset(), querywatch.reset_slow()');
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
$session{second}->query('BEGIN; UPDATE item SET n = 2 WHERE id = 2');
send_waiting('second', 'UPDATE item SET n = 2 WHERE id = 1');
send_waiting('third', 'UPDATE item SET n = 3 WHERE id = 2');
sleep 1.5;
end('first');
end('second', 'third');
is(slow(), 'second|Lock:transactionid|t|idle in transaction|first|UPDATE item SET n = $1 WHERE id = $2|t
third|Lock:transactionid|t|idle in transaction|first|UPDATE item SET n = $1 WHERE id = $2|t', 'slow executions have their waits, and the head of the chain');
is(slow('alice'), 'second|Lock:transactionid|t||||
third|Lock:transactionid|t||||', 'of which other roles see the time alone');
$session{alice} = Session->new($node, name => 'alice', role => 'alice');
$session{first}->query('BEGIN; UPDATE item SET n = 1 WHERE id = 1');
send_waiting('alice', 'UPDATE item SET n = 2 WHERE id = 1');
sleep 1.5;
end('first');
end('alice');
is(look_as('alice', q{SELECT blocked_by - 'pid' FROM querywatch.slow_statements WHERE application_name = 'alice' AND blocked_by IS NOT NULL}),
	'{"statement": "<insufficient privilege>", "application": "first"}', 'one behind another role does not see its state and statement');
like(look(q{SELECT evidence FROM querywatch.findings WHERE kind = 'slow_statement' AND query ~ '^UPDATE item'}),
	qr/those in the slow log waited .* mostly for Lock:transactionid; .* of that is part of lock_wait$/m, 'the finding names the wait');

# The wait before an execution is not the execution's
look('SELECT querywatch.reset_slow()');
$session{first}->query('BEGIN; LOCK TABLE item');
send_waiting('second', 'SELECT pg_sleep(0.8) FROM item WHERE id = 1');
sleep 1.5;
end('first');
end('second');
is(look(q{SELECT application_name, (SELECT string_agg(key, ',') FROM jsonb_each(wait_time)), blocked_by FROM querywatch.slow_statements WHERE application_name = 'second'}),
	'second|Timeout:PgSleep|', 'a wait in parse analysis is none of the execution');

# One that times out, and one behind a prepared transaction
look('SELECT querywatch.reset_slow()');
$session{first}->query(q{BEGIN; UPDATE item SET n = 1 WHERE id = 1; PREPARE TRANSACTION 'p'});
$session{second}->query(q{SET statement_timeout = '1s'});
$session{second}->query('UPDATE item SET n = 2 WHERE id = 1');
is(look(q{SELECT outcome, (SELECT string_agg(key, ',') FROM jsonb_each(wait_time)), blocked_by FROM querywatch.slow_statements}),
	'timeout|Lock:transactionid|{"pid": 0, "state": "prepared transaction"}', 'a timeout behind a prepared transaction');
$session{first}->query(q{ROLLBACK PREPARED 'p'});

# The bound: more statements than there is room for
%session = ();
foreach my $i (1 .. 3)
{
	$node->safe_psql('postgres', join '', map { 'SELECT pg_sleep(0.12)' . ', 1' x $_ . ";\n" } ($i * 50 - 49) .. $i * 50);
}
is(look(q{SELECT waits, waits_limit, waits_evicted > 20 FROM querywatch.info}), '100|100|t', 'the table is bounded');
is(look(q{SELECT max(length(query) - length(replace(query, ',', ''))) FROM querywatch.waits}), '150', 'and has what came last');

# Names that churn push nobody out
look('SELECT querywatch.reset_waits()');
foreach my $i (1 .. 3)
{
	$node->safe_psql('postgres', join '', map { "SET application_name = 'a$_'; SELECT pg_sleep(0.12);\n" } ($i * 50 - 49) .. $i * 50);
}
is(look(q{SELECT waits < waits_limit, waits_evicted, waits_folded > 50 FROM querywatch.info}), 't|0|t', 'many applications fold');
is(look(q{SELECT count(*) FROM querywatch.waits WHERE application_name = '(other)' AND wait_event = 'PgSleep'}), '1', 'into one');

# Switched off
$node->append_conf('postgresql.conf', 'pg_querywatch.wait_sampling_interval = 0');
$node->reload;
sleep 1;
look('SELECT querywatch.reset_waits()');
$node->safe_psql('postgres', 'SELECT pg_sleep(0.5)');
is(look('SELECT count(*) FROM querywatch.waits'), '0', 'no sampling');
$node->append_conf('postgresql.conf', 'pg_querywatch.wait_sampling_interval = 20');
$node->reload;
sleep 1;
$node->safe_psql('postgres', 'SELECT pg_sleep(0.5)');
cmp_ok(look(q{SELECT coalesce(sum(samples), 0) FROM querywatch.waits WHERE wait_event = 'PgSleep'}), '>', 10, 'sampling, more often');
$node->stop;
done_testing();

# The worker dies, or a system call fails, at each step of the snapshot's
# write; a backend dies amid a load; processes cannot be started

use strict;
use warnings;

use Errno;
use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Session;

plan skip_all => 'no /proc here' unless $^O eq 'linux';

my $node = PostgreSQL::Test::Cluster->new('main');
my $library = $node->basedir . '/failing.so';
system('gcc', '-shared', '-fPIC', '-o', $library, "$FindBin::Bin/failing.c", '-ldl') == 0
  or die 'failing.c does not compile';
my $failing = $node->basedir . '/failing';

$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
restart_after_crash = on
log_statement = none
fsync = on
max_wal_senders = 0
wal_level = minimal
pg_querywatch.save_interval = '1s'
});
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{FAILING} = $failing;
	$node->start;
}
$node->safe_psql('postgres', 'CREATE EXTENSION pg_querywatch; CREATE TABLE item (id int PRIMARY KEY, n int); INSERT INTO item SELECT i, 0 FROM generate_series(1, 20000) AS i; ANALYZE');

# Enough of them for a snapshot of several writes, which is written anew, and
# not only what has changed, when all of them run again
sub run_all
{
	$node->safe_psql('postgres', q{
SET pg_querywatch.track = 'all';
DO $$ BEGIN FOR i IN 1 .. 300 LOOP EXECUTE 'SELECT 1' || repeat(', 1', i); END LOOP; END $$});
	return;
}
run_all();

# Without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

sub wait_until
{
	my ($condition, $what) = @_;
	foreach (1 .. 600)
	{
		return 1 if $condition->();
		usleep(50_000);
	}
	die "not within 30 s: $what";
}

sub wait_for_save
{
	my $now = look('SELECT clock_timestamp()');
	wait_until(sub { look("SELECT coalesce(saved_at > '$now', false) FROM querywatch.info") eq 't' }, 'saved');
}

# The log from a place on, once it has that
sub wait_for_log
{
	my ($from, $regexp) = @_;
	wait_until(sub { substr(slurp_file($node->logfile), $from) =~ $regexp }, $regexp);
	return substr(slurp_file($node->logfile), $from);
}

sub answers
{
	my ($out, $err);
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->psql('postgres', 'SELECT 1', stdout => \$out, stderr => \$err) == 0;
}

sub fail_next
{
	my ($plan) = @_;
	append_to_file("$failing.new", $plan);
	rename("$failing.new", $failing) or die;
}

# Another one for each step
my $step = 0;
sub statement
{
	return 'SELECT ' . join(', ', ('n') x $step) . ' FROM item WHERE id';
}

sub run
{
	my ($times) = @_;
	$node->safe_psql('postgres', join(' ', (statement() . ' = 1;') x $times));
}

sub calls
{
	return look("SELECT coalesce(sum(calls), 0) FROM querywatch.statements WHERE starts_with(query, '" . statement() . " =')");
}

# Killed at each step: what was saved before is there, or what was being saved
foreach my $case (
	[ 'open 1', 'before the file is opened', 1 ],
	[ 'write 2', 'amid the write', 1 ],
	[ 'fsync 1', 'before it is on disk', 1 ],
	[ 'rename 1', 'before it is renamed', 1 ],
	[ 'fsync 4', 'before its new name is on disk', 11 ])
{
	my ($plan, $when, $expected) = @$case;
	$step++;
	run(1);
	wait_for_save();
	my $from = -s $node->logfile;
	my $worker = look(q{SELECT pid FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
	kill('STOP', $worker);
	run(10);
	run_all();
	wait_until(sub { look(q{SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'}) eq '1' }, 'the session has ended');
	fail_next("$plan kill");
	kill('CONT', $worker);
	wait_for_log($from, qr/terminated by signal 9.*ready to accept connections/s);
	wait_until(\&answers, 'answers');
	is(calls(), $expected, "killed $when: what was saved is there");
	unlike(substr(slurp_file($node->logfile), $from), qr/snapshot file/, "killed $when: nothing is set aside");
}

# A call fails at each step: said once, nothing lost, and tried again
foreach my $case (
	[ 'write 1', Errno::ENOSPC, 'No space left on device' ],
	[ 'fsync 1', Errno::EIO, 'Input/output error' ],
	[ 'rename 1', Errno::EROFS, 'Read-only file system' ])
{
	my ($plan, $errno, $message) = @$case;
	$step++;
	run(1);
	my $from = -s $node->logfile;
	fail_next("$plan $errno");
	run_all();
	my $log = wait_for_log($from, qr/saves its statistics again/);
	is(scalar(() = $log =~ /could not save its statistics to file .*: \Q$message\E$/mg), 1, "$plan fails: said once");
	unlike($log, qr/PANIC|terminated by signal/, "$plan fails: the server goes on");
	is(calls(), '1', "$plan fails: nothing is lost");
}
ok(!-e $node->data_dir . '/pg_stat/pg_querywatch.snapshot.tmp', 'nothing is left behind');

# A backend killed amid a load: no more is lost than since the last save
$step++;
append_to_file($node->basedir . '/load.sql', "\\set id random(1, 20000)\n" . statement() . " = :id;\n");
my ($in, $out, $err) = ('', '', '');
my $load;
{
	local $ENV{PGAPPNAME} = 'load';
	$load = IPC::Run::start(
		[ 'pgbench', '-n', '-c', '4', '-T', '60', '-f', $node->basedir . '/load.sql', '-h', $node->host, '-p', $node->port, 'postgres' ],
		'<', \$in, '>', \$out, '2>', \$err);
}
wait_until(sub { calls() > 100 }, 'a load');
wait_for_save();
my $counted = calls();
wait_for_save();
my $victim = look(q{SELECT min(pid) FROM pg_stat_activity WHERE application_name = 'load'});
my $from = -s $node->logfile;
my $killed = look('SELECT clock_timestamp()');
is(kill('KILL', $victim), 1, 'a backend is killed amid a load');
wait_for_log($from, qr/terminated by signal 9.*ready to accept connections/s);
wait_until(\&answers, 'answers');
$load->finish;
cmp_ok(calls(), '>=', $counted, 'what was counted before the last save is there');
cmp_ok(look("SELECT extract(epoch FROM '$killed' - saved_at) FROM querywatch.info"), '<', 5, 'which was just before');

# No process can be started: sessions that are there go on, the worker comes
# back when it can
my $session = Session->new($node);
$session->query('SET max_parallel_workers_per_gather = 2; SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0');
$from = -s $node->logfile;
fail_next('fork 0 ' . Errno::EAGAIN);
my $worker = $session->query(q{SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type = 'pg_querywatch worker'});
ok(!answers(), 'no session can be started');
is($session->query('SELECT n FROM item WHERE id = 3'), '0', 'a session that is there goes on');
my $counts = q{SELECT calls, rows, errors FROM querywatch.statements WHERE query ~ '^SELECT count.*in_parallel'};
is($session->query('SELECT count(*) AS in_parallel FROM item'), '', 'but gets no parallel query done');
is($session->query($counts), '0|0|1', 'which is counted');
like(substr(slurp_file($node->logfile), $from), qr/could not fork/, 'fork has failed');
unlink $failing;
wait_until(\&answers, 'answers');
wait_for_save();
pass('the worker is back');
is($session->query('SELECT count(*) AS in_parallel FROM item'), '20000', 'parallel queries too');
is($session->query($counts), '1|1|1', 'counted once');
$session->quit;

my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP|terminated by signal (?!9)/, 'nothing failed but what was killed');
$node->stop;
done_testing();

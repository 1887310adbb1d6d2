# Statistics survive restarts and crashes; a file that cannot be used does no
# harm

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
pg_querywatch.repeat_gap = '1min'
# a sample that meets the questions of this test would be something to save
pg_querywatch.wait_sampling_interval = 0
restart_after_crash = on
fsync = off
});
$node->start;

my $path = $node->data_dir . '/pg_stat/pg_querywatch.snapshot';
my $changes = $node->data_dir . '/pg_stat/pg_querywatch.changes';

# Reads without being recorded
sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

# All there is to be seen
sub everything
{
	return look(q{
		SELECT to_jsonb(s) FROM querywatch.statements AS s ORDER BY userid, dbid, toplevel, queryid;
		SELECT to_jsonb(s) - 'text' FROM querywatch.slow_statements AS s ORDER BY id;
		SELECT to_jsonb(r) FROM querywatch.repeated_statements() AS r ORDER BY queryid, kind, route;
		SELECT to_jsonb(e) FROM querywatch.evicted AS e ORDER BY dbid;
		SELECT * FROM querywatch.latency_histogram();
		SELECT dealloc, texts_dropped, slow_recorded, slow_overwritten, slow_dropped, patterns, patterns_dropped, routes_folded, stats_reset FROM querywatch.info;
	});
}

sub set
{
	my ($settings) = @_;
	$node->append_conf('postgresql.conf', $settings);
	$node->reload if $node->{_pid};
}

sub now
{
	return look('SELECT clock_timestamp()');
}

# Waits for a save that began after a time, now unless given
sub wait_for_save
{
	my $since = shift // now();
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	$node->poll_query_until('postgres',
		"SELECT coalesce(saved_at > '$since', false) FROM querywatch.info")
	  or die 'not saved';
	return;
}

sub calls
{
	my ($pattern) = @_;
	return look("SELECT coalesce(sum(calls), 0) FROM querywatch.statements WHERE query ~ '$pattern'");
}

# What the log says of snapshots from a place on
sub lines
{
	my ($from) = @_;
	my $log = substr(slurp_file($node->logfile), $from);
	return join("\n", $log =~ /(pg_querywatch (?:set|cannot|could not|saves) .*)$/mg);
}

sub log_size
{
	return -s $node->logfile;
}

# Statistics of all kinds: calls, failures, slow executions with values, loops
# with routes
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE author (id int PRIMARY KEY, name text);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author);
INSERT INTO author SELECT i, 'author' FROM generate_series(1, 20) AS i;
INSERT INTO post SELECT i, i % 20 + 1 FROM generate_series(1, 100) AS i;
ANALYZE;
});
is(look('SELECT saved_at IS NULL FROM querywatch.info'), 't', 'nothing is saved at first');

sub work
{
	$node->psql('postgres', 'SELECT 1 / 0');
	$node->safe_psql('postgres', q{SET pg_querywatch.slow_threshold = 0; PREPARE p(int, text) AS SELECT id FROM author WHERE id = $1 AND name = $2; EXECUTE p(3, 'author'); SELECT count(*) FROM post /*traceparent='00-0123456789abcdef0123456789abcdef-0123456789abcdef-01',route='%2Fposts'*/;});
	$node->safe_psql('postgres', "BEGIN; SELECT id FROM author /*route='posts'*/;"
		  . join('', map { "SELECT id FROM post WHERE author_id = $_ /*route='posts'*/;" } 1 .. 20)
		  . 'COMMIT');
	$node->safe_psql('postgres', 'COPY author TO STDOUT');
	return;
}
work();
isnt(look('SELECT count(*) FROM querywatch.repeated_statements'), '0', 'there are patterns');
isnt(look('SELECT count(*) FROM querywatch.slow_statements'), '0', 'and slow statements');

#
# Restart
#
my $before = everything();
foreach my $mode (qw(fast smart))
{
	my $from = log_size();
	$node->stop($mode);
	ok(-f $path, "$mode shutdown: saved");
	is((stat $path)[2] & 07777, 0600, "$mode shutdown: read by the server only");
	$node->start;
	is(everything(), $before, "$mode restart: everything is there, exactly");
	is(look('SELECT saved_at IS NOT NULL FROM querywatch.info'), 't', "$mode restart: with the time of the save");
	is(lines($from), '', "$mode restart: nothing to report");
}

# Sessions that the shutdown ends: in a transaction, and with an open loop
my $session = $node->background_psql('postgres');
$session->query_safe('BEGIN; SELECT id + 1 FROM author WHERE id = 1');
$session->query_safe("SELECT id + 1 FROM author WHERE id = $_") foreach (2 .. 7);
$node->stop('fast');
eval { $session->quit; };
$node->start;
is(calls('^SELECT id \+ \$1 FROM author'), '7', 'counts of a session that the shutdown ended');
is( look(q{SELECT kind, executions FROM querywatch.repeated_statements WHERE query ~ '^SELECT id \+ \$1'}),
	'repeated_lookup|7', 'and its loop');

# It goes on counting
work();
is(calls('^SELECT id FROM post WHERE author_id'), '40', 'counts go on');
is( look(q{SELECT bursts, executions FROM querywatch.repeated_statements WHERE kind = 'n_plus_one'}),
	'2|40', 'and so do patterns');
is( look('SELECT count(*) = max(id) AND count(*) = (SELECT slow_recorded FROM querywatch.info) FROM querywatch.slow_statements'),
	't', 'and the ids of slow statements');

#
# Crash
#
set("pg_querywatch.save_interval = '1s'\n");
wait_for_save();
$before = everything();
my $from = log_size();
$node->stop('immediate');
$node->start;
is(everything(), $before, 'immediate shutdown: what was saved is there');

foreach my $victim ('pg_querywatch worker', 'client backend')
{
	my $other = $node->background_psql('postgres', on_error_stop => 0);
	my $backend = $other->query_safe('SELECT pg_backend_pid()');
	wait_for_save();
	$before = everything();
	my $pid = $victim eq 'client backend' ? $backend
	  : look("SELECT pid FROM pg_stat_activity WHERE backend_type = '$victim'");
	is(kill('KILL', $pid), 1, "$victim killed");
	eval { $other->quit; };
	$node->poll_query_until('postgres', 'SELECT true');
	# the question of poll_query_until() is recorded
	is(calls('^SELECT id FROM post WHERE author_id'), '40', "$victim killed: what was saved is there");
	$node->restart;
}
is(lines($from), '', 'nothing to report of snapshots');

# Killed while writing: what had been written is left behind
wait_for_save();
$node->stop('immediate');
$before = slurp_file($path);
my $good = $before;
foreach my $length (0, 1, 100, 70_000, length($good))
{
	open(my $file, '>:raw', "$path.tmp") or die;
	print $file substr($good, 0, $length);
	close $file;
	$from = log_size();
	$node->start;
	is(calls('^SELECT id FROM post WHERE author_id'), '40', "killed after writing $length bytes: the snapshot before");
	is(lines($from), '', 'nothing to report');
	$node->stop('immediate');
}

#
# Files that cannot be used
#
set("pg_querywatch.save_interval = 0\n");

my @crc_table = map {
	my $c = $_;
	$c = $c & 1 ? ($c >> 1) ^ 0x82F63B78 : $c >> 1 foreach (1 .. 8);
	$c;
} 0 .. 255;

sub with_crc
{
	my ($content) = @_;
	my $crc = 0xFFFFFFFF;
	$crc = ($crc >> 8) ^ $crc_table[ ($crc ^ $_) & 0xFF ] foreach (unpack('C*', substr($content, 0, -4)));
	return substr($content, 0, -4) . pack('V', $crc ^ 0xFFFFFFFF);
}

sub flipped
{
	my ($place) = @_;
	my $content = $good;
	substr($content, $place, 1) ^= chr(1 << int(rand(8)));
	return $content;
}

sub patched
{
	my ($place, $value) = @_;
	my $content = $good;
	substr($content, $place, length $value) = $value;
	return with_crc($content);
}
is(with_crc($good), $good, 'the checksum is CRC-32C');

my @broken = (
	[ 'empty', '', 'is too short' ],
	[ 'of another program', 'x' x 10_000, 'is not a snapshot' ],
	[ 'cut in the header', substr($good, 0, 30), 'is too short' ],
	[ 'cut', substr($good, 0, length($good) / 2), 'does not match its checksum' ],
	[ 'cut by a byte', substr($good, 0, -1), 'does not match its checksum' ],
	[ 'longer', $good . 'x', 'does not match its checksum' ],
	[ 'flipped in the middle', flipped(length($good) / 2), 'does not match its checksum' ],
	[ 'flipped at the end', flipped(length($good) - 1), 'does not match its checksum' ],
	[ 'of a future version', patched(12, pack('L', 1000)), 'was written by a newer version of pg_querywatch' ],
	[ 'of another major version', patched(16, pack('L', 14)), 'was written by another major version of PostgreSQL' ],
	[ 'of another cluster', patched(24, pack('Q', 1)), 'was written in another database cluster' ]);
foreach my $case (@broken)
{
	my ($name, $content, $reason) = @$case;
	open(my $file, '>:raw', $path) or die;
	print $file $content;
	close $file;
	unlink "$path.corrupt";
	$from = log_size();
	$node->start;
	is( lines($from),
		qq{pg_querywatch set snapshot file "pg_stat/pg_querywatch.snapshot" aside as "pg_stat/pg_querywatch.snapshot.corrupt" and starts without statistics: it $reason},
		"a file $name: one line in the log");
	is(slurp_file("$path.corrupt"), $content, 'it is set aside as it is');
	is(calls('.'), '0', 'the server starts without statistics');
	$node->safe_psql('postgres', 'SELECT id FROM author WHERE id = 1');
	is(calls('^SELECT id FROM author WHERE id'), '1', 'and records');
	$node->stop('immediate');
}
ok(!-e $path, 'the file is not in the way any more');
unlink "$path.corrupt";

# What is no file is not opened: of a FIFO, that would wait for who writes to it
SKIP:
{
	skip 'no FIFOs here', 4 unless eval { require POSIX; POSIX::mkfifo($path, 0600) };
	$from = log_size();
	my $result = system_log('pg_ctl', '-D', $node->data_dir, '-l', $node->logfile,
		'-t', 20, '-w', 'start');
	if ($result != 0)
	{
		open(my $writer, '>', $path);	# lets the server go on
	}
	is($result, 0, 'a FIFO in place of the file: the server starts');
	$node->_update_pid(1);
	is( lines($from),
		qq{pg_querywatch set snapshot file "pg_stat/pg_querywatch.snapshot" aside as "pg_stat/pg_querywatch.snapshot.corrupt" and starts without statistics: it is not a regular file},
		'it is reported, in one line');
	ok(-p "$path.corrupt", 'and set aside');
	is(calls('.'), '0', 'the server starts without statistics');
	$node->stop('immediate');
	unlink "$path.corrupt";
}
mkdir($path) or die;
$from = log_size();
$node->start;
like(lines($from), qr/ it is not a regular file$/, 'nor is a folder');
ok(-d "$path.corrupt", 'it is set aside');
$node->stop('immediate');
rmdir "$path.corrupt";
open(my $link, '>:raw', "$path.elsewhere") or die;
print $link $good;
close $link;
symlink('pg_querywatch.snapshot.elsewhere', $path) or die;
$from = log_size();
$node->start;
like(lines($from), qr/ it is not a regular file$/, 'a symbolic link is not followed');
ok(-l "$path.corrupt", 'it is set aside');
$node->stop('immediate');
unlink "$path.elsewhere";
unlink "$path.corrupt";

#
# save, save_interval
#
open(my $file, '>:raw', $path) or die;
print $file $good;
close $file;
$node->start;
work();
$node->safe_psql('postgres', 'SELECT querywatch.reset_slow()');
sleep(2);
is(slurp_file($path), $good, 'save_interval = 0: not saved while the server runs');
$node->stop('immediate');
$node->start;
is(calls('^SELECT id FROM post WHERE author_id'), '40', 'a crash goes back to the last shutdown');
work();
$node->restart;
is(calls('^SELECT id FROM post WHERE author_id'), '60', 'saved at shutdown');

set("pg_querywatch.save = off\npg_querywatch.save_interval = '1s'\n");
$node->stop;
$good = slurp_file($path);
$node->start;
is(calls('.'), '0', 'save = off: nothing is loaded');
work();
sleep(2);
$node->stop;
is(slurp_file($path), $good, 'and nothing saved');
$node->append_conf('postgresql.conf', "pg_querywatch.save = on\n");
$node->start;
is(calls('^SELECT id FROM post WHERE author_id'), '60', 'the file is as it was left');

# Reset: saved soon, so that a crash does not bring back what was discarded
set("pg_querywatch.save_interval = '1h'\n");
my $since = now();
$node->safe_psql('postgres', 'SELECT querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()');
wait_for_save($since);
$node->stop('immediate');
$node->start;
is(calls('^SELECT id FROM (author|post)'), '0', 'a crash after a reset brings nothing back');
is( look('SELECT slow_recorded, (SELECT count(*) FROM querywatch.slow_statements), (SELECT count(*) FROM querywatch.repeated_statements) FROM querywatch.info'),
	'0|0|0', 'of no kind');

#
# A server without work writes nothing, and all that changes is written
#
set("pg_querywatch.save_interval = '1s'\n");
sub written
{
	my @base = stat $path;
	my @changes = stat $changes;
	return join(' ', map { $_ // '-' } @base[ 1, 9 ], @changes[ 1, 7 ]);
}
work();
wait_for_save();
my $written = written();
wait_for_save() foreach (1, 2);
is(written(), $written, 'nothing new: not written');
foreach my $change (
	[ 'an execution', sub { $node->safe_psql('postgres', 'SELECT id FROM author WHERE id = 2') } ],
	[ 'an error', sub { $node->psql('postgres', 'SELECT id FROM author WHERE id = 1 / 0') } ],
	[ 'a slow execution', sub { $node->safe_psql('postgres', 'SET pg_querywatch.slow_threshold = 0; SELECT id FROM author WHERE id = 2') } ],
	[ 'a reset of one statement', sub { look(q{SELECT querywatch.reset(queryid => queryid) FROM querywatch.statements WHERE query = 'COPY author TO STDOUT'}) } ],
	[ 'a reset of extremes', sub { look('SELECT querywatch.reset(minmax_only => true)') } ],
	[ 'a reset of slow statements', sub { look('SELECT querywatch.reset_slow()') } ],
	[ 'a reset of patterns', sub { look('SELECT querywatch.reset_patterns()') } ])
{
	my ($name, $make) = @$change;
	$written = written();
	$make->();
	wait_for_save();
	isnt(written(), $written, "$name: written");
}
unlink $path or die;
wait_for_save();
ok(-f $path, 'written when the file is not there');
$node->restart;					# written once more, as that of a clean end
$written = written();
$node->restart;
wait_for_save();
is(written(), $written, 'a restart without work writes nothing');
$node->safe_psql('postgres', 'SELECT id FROM author WHERE id = 2');
$node->stop;
isnt(written(), $written, 'a shutdown writes what is new');
$node->start;

#
# Disks that are full or cannot be written to
#
work();
wait_for_save();
$from = log_size();

# What is in place of the files that are written makes room: to open a FIFO
# would wait for who reads from it, to follow a link would write elsewhere
foreach my $place ("$path.tmp", $changes)
{
	my ($name) = $place =~ m{/([^/]+)$};
	my $rewrite = sub {
		unlink $path or die if $place ne $changes;
		work();
		wait_for_save();
	};
	unlink $changes;
	unlink $path or die;
	wait_for_save();			# a base without changes
  SKIP:
	{
		skip 'no FIFOs here', 2 unless eval { POSIX::mkfifo($place, 0600) };
		$rewrite->();
		ok(-f $path, "a FIFO in place of $name: saved");
		ok(!-p $place, 'the FIFO is gone');
	}
	unlink $changes;
	unlink $path or die;
	wait_for_save();
	open(my $other, '>', "$path.other") or die;
	print $other 'precious';
	close $other;
	symlink('pg_querywatch.snapshot.other', $place) or die;
	$rewrite->();
	ok(-f $path && !-l $place, "a link in place of $name: saved, and the link is gone");
	is(slurp_file("$path.other"), 'precious', 'where it led, nothing is written');
	unlink "$path.other";
}
is(lines($from), '', 'there is nothing to report');
unlink $path or die;
wait_for_save();
$from = log_size();
$good = slurp_file($path);
my $posts = calls('^SELECT id FROM post WHERE author_id');
chmod(0500, $node->data_dir . '/pg_stat') or die;
work();
sleep(3);
is( lines($from),
	'pg_querywatch could not save its statistics to file "pg_stat/pg_querywatch.snapshot": Permission denied',
	'a folder that cannot be written to is reported once');
is(slurp_file($path), $good, 'the snapshot before is kept');
chmod(0700, $node->data_dir . '/pg_stat') or die;
$written = written();
wait_for_save();
isnt(written(), $written, 'it is written when it can be');
like(lines($from), qr/Permission denied\npg_querywatch saves its statistics again$/, 'as is that it can be again');
is(calls('^SELECT id FROM post WHERE author_id'), $posts + 20, 'the server has gone on');

# The file cannot be set aside either
$node->stop;
open($file, '>:raw', $path) or die;
print $file 'x';
close $file;
chmod(0500, $node->data_dir . '/pg_stat') or die;
$from = log_size();
$node->start;
like(lines($from), qr/^pg_querywatch cannot use snapshot file .* starts without statistics: it is too short$/m, 'a file that cannot be set aside');
is(calls('.'), '0', 'the server starts without statistics all the same');
$node->stop;
chmod(0700, $node->data_dir . '/pg_stat') or die;

#
# Smaller settings
#
$node->append_conf('postgresql.conf', "pg_querywatch.save_interval = 0\npg_querywatch.slow_threshold = 0\npg_querywatch.track = all\n");
$node->start;
$node->safe_psql('postgres', q{
DO $do$
BEGIN
  FOR i IN 1 .. 300 LOOP
    FOR j IN 1 .. 1 + i / 30 LOOP
      EXECUTE 'SELECT id' || repeat(', id', i) || ' FROM author WHERE id = 1';
    END LOOP;
  END LOOP;
END $do$;
SET pg_querywatch.track = top;
} . join('', map { my $n = $_; "BEGIN;" . join('', map { "SELECT id" . (', id' x $n) . " FROM post WHERE id = $_;" } 1 .. 5 + $n) . "COMMIT; DISCARD ALL;\n" } 1 .. 20));
my $sum = q{SELECT (SELECT sum(calls) FROM querywatch.statements) + (SELECT coalesce(sum(calls), 0) FROM querywatch.evicted),
                   (SELECT sum(rows) FROM querywatch.statements) + (SELECT coalesce(sum(rows), 0) FROM querywatch.evicted)};
my $sums = look($sum);
my $newest = look('SELECT max(id) FROM querywatch.slow_statements');
my $recorded = look('SELECT slow_recorded FROM querywatch.info');
is(look(q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^SELECT id[, id]* FROM author WHERE id' AND NOT toplevel}), '300', '300 statements');
cmp_ok(look('SELECT count(*) FROM querywatch.repeated_statements'), '>=', 20, '20 patterns');
$node->stop;
$node->append_conf('postgresql.conf', q{
pg_querywatch.max_statements = 100
pg_querywatch.text_memory = '64kB'
pg_querywatch.slow_memory = '64kB'
pg_querywatch.max_patterns = 10
pg_querywatch.track = none
});
$node->start;
is(look('SELECT statements <= 100 FROM querywatch.info'), 't', 'fewer statements: within the limit');
is(look($sum), $sums, 'all calls and rows are still in the sum');
is( look(q{SELECT min(calls) >= 8, max(calls) FROM querywatch.statements WHERE NOT toplevel}),
	't|11', 'the most used ones are kept');
is( look(q{SELECT text_bytes <= text_limit, texts_dropped > 0, texts_dropped + (SELECT count(*) FROM querywatch.statements WHERE query IS NOT NULL) >= 100 FROM querywatch.info}),
	't|t|t', 'less memory for texts: those that find no room are counted');
is( look(q{SELECT (SELECT min(calls) FROM querywatch.statements WHERE query IS NOT NULL) >= (SELECT min(calls) FROM querywatch.statements WHERE query IS NULL)}),
	't', 'the most used statements keep theirs');
is( look("SELECT max(id) = $newest, count(*) > 10, max(id) - min(id) + 1 = count(*) FROM querywatch.slow_statements"),
	't|t|t', 'less memory for slow statements: the newest are kept');
is( look("SELECT slow_recorded = $recorded, slow_recorded - slow_overwritten = (SELECT count(*) FROM querywatch.slow_statements) FROM querywatch.info"),
	't|t', 'the others are counted as overwritten');
is( look('SELECT count(*), min(executions) >= 16, max(executions) FROM querywatch.repeated_statements'),
	'10|t|25', 'fewer patterns: those with the most executions are kept');
is(look('SELECT patterns_dropped >= 10 FROM querywatch.info'), 't', 'the others are counted');
$node->append_conf('postgresql.conf', "pg_querywatch.track = top\n");
$node->restart;
$node->safe_psql('postgres', 'SELECT count(*) FROM author');
is(look($sum) ne $sums, 1, 'and it goes on recording');

# the newest one larger than the ring that it comes back to
$node->append_conf('postgresql.conf', "pg_querywatch.slow_memory = 1MB\npg_querywatch.query_max_length = 200kB\n");
$node->restart;
$node->safe_psql('postgres', 'SELECT 1 AS long /* ' . 'x' x 100000 . ' */');
my $ids = look('SELECT max(id) FILTER (WHERE length(query) < 50000), max(id) FROM querywatch.slow_statements');
$node->append_conf('postgresql.conf', "pg_querywatch.track = none\npg_querywatch.slow_memory = 64kB\n");
for my $start (1, 2)
{
	$node->restart;
	is(look(q{SELECT max(id), max(id) + 1 FROM querywatch.slow_statements}),
		$ids, "a slow statement larger than all memory for them is left out, start $start");
}

$node->stop;
my $log = slurp_file($node->logfile);
unlike($log, qr/PANIC|TRAP/, 'no failure');
my @signals = $log =~ /terminated by signal (\d+)/g;
is(join(',', @signals), '9,9', 'nothing crashed but what was killed');

done_testing();

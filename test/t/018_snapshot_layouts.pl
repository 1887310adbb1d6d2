# Saved statistics: files of every layout there was are read, parts that only a
# newer version knows are passed over, and little is written where little
# changes

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.save_interval = 0
pg_querywatch.repeat_gap = '1min'
fsync = off
});
$node->start;
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE author (id int PRIMARY KEY);
INSERT INTO author SELECT generate_series(1, 100);
});

my $path = $node->data_dir . '/pg_stat/pg_querywatch.snapshot';
my $changes = $node->data_dir . '/pg_stat/pg_querywatch.changes';

sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

sub put_file
{
	my ($to, $content) = @_;
	open(my $file, '>:raw', $to) or die;
	print $file $content;
	close $file;
	return;
}

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

# What stands in our own header of this cluster and server: its major version
# and its system identifier
$node->stop;
my $ours = slurp_file($path);

# The files are those of a cluster of their own
sub as_ours
{
	my ($content) = @_;
	substr($content, 16, 4) = substr($ours, 16, 4);
	substr($content, 24, 8) = substr($ours, 24, 8);
	return with_crc($content);
}

SKIP:
{
	skip 'the files are of another kind of machine', 9 if length pack('L!', 0) != 8 || pack('L', 1) ne pack('V', 1);

	foreach my $file ('before-1.0', '1.0')
	{
		my $errors = $file eq '1.0' ? 2 : 1;
		put_file($path, as_ours(slurp_file("$FindBin::Bin/../snapshots/$file.snapshot")));
		my $from = -s $node->logfile;
		$node->start;
		is( look(q{SELECT calls, errors, rows, query FROM querywatch.statements(true) ORDER BY queryid <> 0, calls DESC, query COLLATE "C" LIMIT 9}) =~ s/^.*track_utility.*\n?//mr,
			"8|0|0|SELECT id FROM post WHERE author_id = \$1\n1|0|8|SELECT id FROM author\n0|$errors|0|SELECT \$1/\$2",
			"$file: statements");
		is( look(q{SELECT kind, confidence, route, executions, bursts FROM querywatch.repeated_statements()}),
			'repeated_lookup|likely|authors#index|8|1', 'patterns');
		is( look(q{SELECT count(*) >= 11, bool_and(query IS NOT NULL) FROM querywatch.slow_statements() WHERE query ~ 'SELECT|SET|BEGIN|COMMIT'}),
			't|t', 'slow executions');
		is(slurp_file($node->logfile, $from) =~ /pg_querywatch .*snapshot/, '', 'nothing to report');
		$node->stop('immediate');
	}
}

# A part that is newer, by its layout, the fourth of which is that of slow
# executions' state: the version stands behind the frame and the type
{
	my $content = $ours;
	my $at = index($content, pack('a16', 'patterns'));
	substr($content, $at - 12, 4) = pack('L', 1000);
	put_file($path, with_crc($content));
	my $from = -s $node->logfile;
	$node->start;
	like(slurp_file($node->logfile, $from), qr/pg_querywatch did not load part "patterns" of snapshot file "pg_stat\/pg_querywatch.snapshot"/, 'a newer part: said');
	cmp_ok(look('SELECT count(*) FROM querywatch.statements(false)'), '>', 0, 'the others are loaded');
}

# Little change, little written
$node->append_conf('postgresql.conf', 'pg_querywatch.save_interval = 1');
$node->reload;
look('SELECT querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()');
$node->safe_psql('postgres', join('', map { 'SELECT id' . ', id' x $_ . ' FROM author WHERE id = 1;' } 1 .. 400));

# Waits for a save of what there is now
sub wait_for_save
{
	my $since = look('SELECT clock_timestamp()');
	$node->poll_query_until('postgres', "SELECT saved_at > '$since' FROM querywatch.info") or die;
	return;
}

sub run_some
{
	my ($n) = @_;
	$node->safe_psql('postgres', join('', map { "SELECT id FROM author WHERE id = $_;" } 1 .. $n));
	wait_for_save();
	return;
}
wait_for_save();
run_some(1);
unlink $changes;
run_some(1);
my $base = (stat $path)[1];
my $base_size = -s $path;
cmp_ok($base_size, '>', 500_000, 'a base of 400 statements');
my $before = -s $changes || 0;
run_some(5) foreach (1 .. 3);
is((stat $path)[1], $base, 'a few executions: the base is not written again');
my $written = (-s $changes) - $before;
cmp_ok($written, '>', 0, 'but changes are');
cmp_ok($written, '<', $base_size / 10, 'which are few');
note("base $base_size, changes $written");

my $executions = q{SELECT calls FROM querywatch.statements WHERE query ~ '^SELECT id FROM author WHERE id = '};
my $calls = look($executions);
$node->stop('immediate');
my $good_base = slurp_file($path);
my $good_changes = slurp_file($changes);
$node->append_conf('postgresql.conf', 'pg_querywatch.save_interval = 0');
$node->start;
is(look($executions), $calls, 'after a crash the base and its changes are loaded');
is(look(q{SELECT count(*) FROM querywatch.statements(false)}) > 400, 1, 'and what has not changed');
$node->stop('immediate');

# Cut anywhere, something that was saved once is there
my $unit = length($good_changes) / 12;
foreach my $cut (0, 10, (map { int($unit * $_) } 1 .. 11), length($good_changes) - 1)
{
	put_file($path, $good_base);
	put_file($changes, substr($good_changes, 0, $cut));
	my $from = -s $node->logfile;
	$node->start;
	my $found = look($executions);
	ok( $found >= $calls - 16 && $found < $calls && slurp_file($node->logfile, $from) !~ /pg_querywatch .*snapshot/,
		"changes cut at $cut: what was saved before is there");
	$node->stop('immediate');
}

# In place of them something that is not opened
foreach my $kind ('FIFO', 'link')
{
	unlink $changes, "$changes.corrupt";
	put_file($path, $good_base);
	$kind eq 'FIFO' ? system('mkfifo', $changes) : symlink("$path.elsewhere", $changes);
	my $from = -s $node->logfile;
	$node->start;
	like( slurp_file($node->logfile, $from),
		qr/pg_querywatch set snapshot file "pg_stat\/pg_querywatch.changes" aside as "pg_stat\/pg_querywatch.changes.corrupt" and starts without the last changes: it is not a regular file/,
		"a $kind in place of the changes is set aside");
	cmp_ok(look($executions), '>', 0, 'the base is loaded');
	$node->stop('immediate');
}

# Statements and patterns that were reset do not come back
unlink $changes, "$changes.corrupt";
$node->append_conf('postgresql.conf', 'pg_querywatch.save_interval = 1');
$node->start;
run_some(1);
run_some(1);
my $reset = look(q{SELECT querywatch.reset(0, 0, queryid) FROM querywatch.statements WHERE query ~ '^SELECT id, id FROM author'});
wait_for_save();
ok(-s $changes, 'there are changes');
$node->stop('immediate');
$node->start;
is(look(q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^SELECT id, id FROM author'}), '0', 'what was reset stays away after a crash');
is(look(q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^SELECT id, id, id FROM author'}), '1', 'the rest is there');
$node->stop;
ok(!-e $changes, 'a shutdown leaves the base alone');
done_testing();

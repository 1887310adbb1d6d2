# The time of day steps hours forward and back: windows go on, and what is
# evicted is what it would be otherwise

use strict;
use warnings;

use FindBin;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

plan skip_all => 'LD_PRELOAD is Linux' unless $^O eq 'linux';

my $node = PostgreSQL::Test::Cluster->new('main');
my $library = $node->basedir . '/clock.so';
system('gcc', '-shared', '-fPIC', '-o', $library, "$FindBin::Bin/clock.c", '-ldl') == 0
  or die 'clock.c does not compile';
my $clock = $node->basedir . '/clock';

sub step_to
{
	my ($seconds) = @_;
	open(my $file, -e $clock ? '+<:raw' : '>:raw', $clock) or die;
	print $file pack('q', $seconds);
	close $file;
	return;
}
step_to(0);

$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.max_statements = 100
pg_querywatch.max_patterns = 10
pg_querywatch.track_utility = off
pg_querywatch.repeat_gap = '1min'
});
{
	local $ENV{LD_PRELOAD} = $library;
	local $ENV{CLOCK} = $clock;
	$node->start;
}
$node->safe_psql('postgres', q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE author (id int PRIMARY KEY);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author);
INSERT INTO author SELECT generate_series(1, 20);
INSERT INTO post SELECT i, i % 20 + 1 FROM generate_series(1, 100) AS i;
});

sub look
{
	my ($sql) = @_;
	local $ENV{PGOPTIONS} = '-c pg_querywatch.track=none';
	return $node->safe_psql('postgres', $sql);
}

my $hours = 5 * 3600;
my $begun = look('SELECT now()');
step_to($hours);
is(look("SELECT now() BETWEEN '$begun'::timestamptz + interval '5 h' AND '$begun'::timestamptz + interval '5 h 5 min'"), 't', 'the time of day steps');
step_to(0);

# Loops of the given numbers of columns, which are as many patterns
sub loops
{
	my @columns = @_;
	foreach my $n (@columns)
	{
		$node->safe_psql('postgres', 'BEGIN;' . join('', map { 'SELECT id' . ', id' x $n . " FROM post WHERE id = $_;" } 1 .. 6) . 'COMMIT');
	}
	return;
}

# Which of them are there
sub patterns
{
	return look(q{SELECT string_agg(n::text, ',' ORDER BY n) FROM (SELECT (length(split_part(query, ' FROM', 1)) - length('SELECT id')) / 4 AS n FROM querywatch.repeated_statements WHERE query ~ 'FROM post') AS s});
}

foreach my $step ($hours, -$hours)
{
	my $which = $step > 0 ? 'back' : 'forward';

	# A loop through the step is one
	look('SELECT querywatch.reset(), querywatch.reset_patterns()');
	step_to($step);
	my $session = Session->new($node, name => 'loop');
	$session->query('BEGIN');
	$session->query('SELECT id FROM author');
	$session->query("SELECT id FROM post WHERE author_id = $_") foreach (1 .. 10);
	step_to(0);
	$session->query("SELECT id FROM post WHERE author_id = $_") foreach (11 .. 20);
	$session->query('COMMIT');
	$session->quit;
	is( look('SELECT kind, bursts, executions, confidence FROM querywatch.repeated_statements'),
		'n_plus_one|1|20|confirmed', "$which: a loop goes on");
	is( look(q{SELECT bool_and(total_exec_time BETWEEN 0 AND 60000 AND coalesce(client_time, 0) BETWEEN 0 AND 60000) FROM querywatch.statements}),
		't', 'no time is of hours');

	# Patterns: those seen longest ago make room
	look('SELECT querywatch.reset_patterns()');
	step_to($step);
	loops(1 .. 10);
	step_to(0);
	loops(11 .. 16);
	is(patterns(), '7,8,9,10,11,12,13,14,15,16', "$which: the patterns seen longest ago make room");

	# Statements: of those that ran once, and are in no slot (64 of the flood's
	# are), the newest make room
	look('SELECT querywatch.reset()');
	step_to($step);
	$node->safe_psql('postgres', join('', map { 'SELECT id AS old' . ', id' x $_ . ' FROM author;' } 1 .. 80));
	step_to(0);
	$node->safe_psql('postgres', join('', map { 'SELECT id AS new' . ', id' x $_ . ' FROM post;' } 1 .. 400));
	cmp_ok(look(q{SELECT count(*) FROM querywatch.statements WHERE query ~ '^SELECT id AS old'}), '>', 10, "$which: statements that were there before a flood stay");
}
$node->stop;
done_testing();

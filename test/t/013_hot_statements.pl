# Statements that run all the while keep their entries, and exact counts, among
# many times more that run once than are kept: whoever runs them, and whether
# or not a session holds on to them.

use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Session;
use Test::More;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.max_statements = 1000
pg_querywatch.track = 'all'
pg_querywatch.track_utility = off
max_connections = 30
});
$node->start;
my $columns = join ', ', map { "c$_ int" } 1 .. 200;
$node->safe_psql('postgres',
	"CREATE EXTENSION pg_querywatch; CREATE TABLE wide ($columns)");

# Fifty statements that run again and again, of so many columns
sub hot
{
	my ($width) = @_;
	return join '; ', map { 'SELECT ' . join(', ', ("c$_") x $width) . ' FROM wide' } 1 .. 50;
}

# As many statements of which no two are alike
my $next = 0;
sub flood
{
	my ($count) = @_;
	my $from = $next;
	$next += $count;
	return sprintf q{DO $do$
BEGIN
  FOR i IN %d .. %d LOOP
    EXECUTE format('SELECT c%%s, c%%s FROM wide', 1 + i / 200, 1 + i %% 200);
  END LOOP;
END $do$}, $from, $next - 1;
}

sub kept
{
	my $more = shift() - 1;
	return $node->safe_psql('postgres',
		"SELECT count(*), min(calls), max(calls) FROM querywatch.statements
		  WHERE query ~ '^SELECT c[0-9]+(, c[0-9]+){$more} FROM wide\$'");
}

my $rounds = 8;
my $holder = Session->new($node);
my $flooder = Session->new($node);
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
for (1 .. $rounds)
{
	$holder->query(hot(1));
	$node->safe_psql('postgres', hot(3));
	$flooder->query(hot(4) . ';' . flood(700));
	$flooder->query(flood(700));
}
cmp_ok($node->safe_psql('postgres', 'SELECT dealloc FROM querywatch.info'),
	'>', ($rounds - 1) * 1400, 'statements were evicted, more than are kept');
is(kept(1), "50|$rounds|$rounds",
	'what another session runs keeps its counts');
is(kept(3), "50|$rounds|$rounds",
	'so does what one session after the other runs');
is(kept(4), "50|$rounds|$rounds",
	'and what the session itself runs among the others');
is( $node->safe_psql('postgres', q{
SELECT (SELECT sum(calls) FROM querywatch.statements WHERE query ~ '^SELECT c' OR query IS NULL)
     + (SELECT sum(calls) FROM querywatch.evicted) >= } . $rounds * (3 * 50 + 1400)),
	't', 'nothing is lost');
$holder->quit;
$flooder->quit;

# More sessions' slots than entries: those held go last, but they go, and come
# back
my @sessions = map { Session->new($node) } 1 .. 18;
$node->safe_psql('postgres', 'SELECT querywatch.reset()');
for my $round (1 .. 3)
{
	foreach my $n (0 .. $#sessions)
	{
		$sessions[$n]->query(hot(5 + $n));
	}

	# and all of them the same ones, new to all, at the same time
	$_->send(hot(30 + $round)) foreach @sessions;
	$_->query('SELECT 1') foreach @sessions;
}
is( $node->safe_psql('postgres', q{
SELECT (SELECT sum(calls) FROM querywatch.statements WHERE query ~ 'FROM wide' OR query IS NULL)
     + (SELECT sum(calls) FROM querywatch.evicted) >= 18 * 3 * 100}),
	't', 'what is evicted while it is held is counted all the same');
is( $node->safe_psql('postgres', 'SELECT count(*) - count(DISTINCT (userid, dbid, toplevel, queryid)) FROM querywatch.statements'),
	'0', 'and is there once');
$_->quit foreach @sessions;

done_testing();

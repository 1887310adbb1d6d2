# Advice about the statements of a role that means harm: none of its code runs
# in the session that reads, what it does to its objects costs the reader little,
# and advice is given only where the statement still means what it meant.

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
pg_querywatch.track = 'all'
pg_querywatch.slow_threshold = 0
constraint_exclusion = on
max_parallel_workers_per_gather = 0
jit = off
fsync = off
});
$node->start;

# Several statements, each on its own, as a role
sub run_as
{
	my ($role, $sql, $database) = @_;
	my ($out, $err);
	my $status = $node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \$err,
		on_error_stop => 1, extra_params => [ '-U', $role ]);
	if ($status != 0)
	{
		diag(substr($sql, 0, 300), "\n", $err);
		BAIL_OUT("a statement of $role failed");
	}
	return $out;
}

sub query { return $node->safe_psql('postgres', shift); }

# A statement in a loop; %d is what varies
sub repeat
{
	my ($role, $statement, $set, $times) = @_;
	return run_as($role, join('', ($set // '') . ";\n",
		map { my $s = $statement; $s =~ s/%d/$_/g; "$s \\g /dev/null\n" } 1 .. ($times // 12)));
}

my $hypopg = query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'});
query(q{
CREATE EXTENSION pg_querywatch;
CREATE ROLE mallory LOGIN;
CREATE ROLE alice LOGIN;
CREATE ROLE gone LOGIN;
CREATE ROLE monitor LOGIN IN ROLE pg_monitor;
CREATE SCHEMA mallory AUTHORIZATION mallory;
CREATE SCHEMA alice AUTHORIZATION alice;
CREATE SCHEMA gone AUTHORIZATION gone;
UPDATE querywatch.thresholds SET value = 1000 WHERE name = 'missing_index_rows';
});
query('CREATE SCHEMA hypo; CREATE EXTENSION hypopg SCHEMA hypo; GRANT USAGE ON SCHEMA hypo TO PUBLIC')
  if $hypopg;

# What mallory has: everything that says who runs it
run_as('mallory', q{
CREATE FUNCTION called(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid();
  RETURN $1;
END $$;
CREATE FUNCTION is_called(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN mallory.called($1) IS NOT NULL; END $$;
CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN mallory.called($1) = $2; END $$;
CREATE FUNCTION distance(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN mallory.called($1) - $2; END $$;
CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT mallory.called($1)';
CREATE DOMAIN d AS int CHECK (is_called(VALUE));
CREATE DOMAIN constant AS int CHECK (VALUE > 0 AND is_called(1));
CREATE TYPE c AS (f d);
CREATE TYPE r AS RANGE (subtype = d);
CREATE TYPE measured AS RANGE (subtype = int, subtype_diff = distance);
CREATE FUNCTION to_text(c) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN mallory.called(1)::text; END $$;
CREATE CAST (c AS text) WITH FUNCTION to_text(c);
CREATE AGGREGATE summed (int) (sfunc = int4pl, stype = int, initcond = '0');
CREATE FUNCTION definer(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS
  $$ BEGIN RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid(); RETURN true; END $$;
CREATE FUNCTION setting(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE SET work_mem = '4MB' AS
  $$ BEGIN RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid(); RETURN true; END $$;
CREATE DOMAIN defined AS int CHECK (definer(VALUE));
CREATE DOMAIN set AS int CHECK (setting(VALUE));
CREATE FUNCTION added(defined, int) RETURNS defined LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION added(set, int) RETURNS set LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION result(defined) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE FUNCTION result(set) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE AGGREGATE of_defined (int) (sfunc = added, stype = defined, initcond = '0', finalfunc = result, parallel = safe);
CREATE AGGREGATE of_set (int) (sfunc = added, stype = set, initcond = '0', finalfunc = result, parallel = safe);
CREATE TYPE e AS ENUM ('a', 'b');
CREATE FUNCTION to_json_definer(e) RETURNS json LANGUAGE plpgsql STABLE SECURITY DEFINER AS
  $$ BEGIN RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid(); RETURN '1'; END $$;
CREATE CAST (e AS json) WITH FUNCTION to_json_definer(e);
CREATE TYPE e2 AS ENUM ('a', 'b');
CREATE FUNCTION to_json_setting(e2) RETURNS json LANGUAGE plpgsql STABLE SET work_mem = '4MB' AS
  $$ BEGIN RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid(); RETURN '1'; END $$;
CREATE CAST (e2 AS json) WITH FUNCTION to_json_setting(e2);
CREATE OPERATOR === (leftarg = int, rightarg = int, function = same, restrict = eqsel, join = eqjoinsel);
CREATE OPERATOR !== (leftarg = int, rightarg = int, function = int4ne, restrict = neqsel, join = neqjoinsel, negator = ===);
CREATE OPERATOR >>>> (leftarg = int, rightarg = int, function = same, restrict = scalargtsel, commutator = <<<<);
CREATE OPERATOR <<<< (leftarg = int, rightarg = int, function = int4lt, restrict = scalarltsel, commutator = >>>>);
CREATE TABLE t (id int, a int, b int, pad text);
INSERT INTO t SELECT i, i % 1000, i, 'x' FROM generate_series(1, 40000) AS i;
ANALYZE t;
});

# Places in a statement for a constant whose type's input calls a function.
# Where two expressions are the same, the second one is not among those that
# jumbling tells of.
my @literals = ("'{1}'::d[]", "'(1)'::c", "'[1,5]'::r", "'{\"(1)\"}'::c[]", "d '1'", "CAST('1' AS constant)");
my @places = (
	[ 'ORDER BY', 'SELECT a, LITERAL FROM t WHERE id = %d ORDER BY LITERAL' ],
	[ 'GROUP BY', 'SELECT count(*), LITERAL FROM t WHERE id = %d GROUP BY LITERAL' ],
	[ 'GROUPING SETS', 'SELECT count(*), LITERAL FROM t WHERE id = %d GROUP BY GROUPING SETS ((LITERAL), ())' ],
	[ 'DISTINCT ON', 'SELECT DISTINCT ON (LITERAL) a FROM t WHERE id = %d ORDER BY LITERAL' ],
	[ 'PARTITION BY', 'SELECT LITERAL, count(*) OVER (PARTITION BY LITERAL ORDER BY LITERAL) FROM t WHERE id = %d' ],
	[ 'WINDOW', 'SELECT LITERAL, count(*) OVER w FROM t WHERE id = %d WINDOW w AS (ORDER BY LITERAL)' ],
	[ 'a CTE', 'WITH x AS (SELECT a, LITERAL AS v FROM t WHERE id = %d ORDER BY LITERAL) SELECT * FROM x' ],
	[ 'UNION', 'SELECT LITERAL FROM t WHERE id = %d UNION ALL SELECT LITERAL' ],
	[ 'VALUES', 'SELECT a FROM t, (VALUES (LITERAL), (LITERAL)) AS v (x) WHERE id = %d ORDER BY x' ],
	[ 'a function of FROM', 'SELECT a FROM t, unnest(ARRAY[LITERAL]) AS u WHERE id = %d' ],
	[ 'an aggregate\'s ORDER BY', 'SELECT array_agg(a ORDER BY LITERAL), LITERAL FROM t WHERE id = %d GROUP BY LITERAL' ],
	[ 'CASE', 'SELECT CASE WHEN a = 1 THEN LITERAL ELSE LITERAL END FROM t WHERE id = %d' ],
	[ 'a condition', 'SELECT a FROM t WHERE LITERAL IS NOT NULL AND id = %d' ]);
foreach my $literal (@literals)
{
	foreach my $place (@places)
	{
		my $statement = $place->[1];
		$statement =~ s/LITERAL/$literal/g;
		repeat('mallory', $statement, undef, 6);
	}
}
repeat('mallory', q{SELECT x.v FROM t, XMLTABLE('/a' PASSING XMLPARSE(DOCUMENT '<a/>') COLUMNS v d PATH 'b' DEFAULT '1'::d) AS x WHERE t.id = %d})
  if query(q{SELECT count(*) FROM pg_config WHERE name = 'CONFIGURE' AND setting ~ 'with-libxml'});
repeat('mallory', q{SELECT row(1::d)::c::text, NULLIF(a, '1'::d), a IN ('1'::d, '2'::d) FROM t WHERE id = %d});
repeat('mallory', q{INSERT INTO t (id, a) VALUES (%d, '1'::d)});
repeat('mallory', q{UPDATE t SET b = '1'::d WHERE a = %d RETURNING '1'::d});
repeat('mallory', q{DELETE FROM t WHERE id = -%d AND b = '1'::d});

# What the planner evaluates and calls, to be found by what asks HypoPG.  The
# statements run before, the objects become harmful after that.
my %planned = (
	folded => 'WHERE b > called(0)',
	inlined => 'WHERE b > inlined(0)',
	negator => 'WHERE b !== 5',
	negator_join => 'AS t JOIN t AS t2 USING (id, a, b, pad) WHERE t.b !== t2.a',
	commutator => 'WHERE 5 <<<< b',
	range => 'WHERE measured(-9, b) && measured(1, 5)',
	domain => 'WHERE b::constant > 0',
	arrays => q{WHERE ARRAY[b::d] <> '{1}'::d[]},
	casted => q{WHERE pad <> row(1)::c::text},
	state_definer => 'WHERE b > (SELECT of_defined(a) FROM t AS t2)',
	state_setting => 'WHERE b > (SELECT of_set(a) FROM t AS t2)',
	json_definer => q{WHERE pad <> to_json('a'::e)::text},
	json_setting => q{WHERE pad <> to_json('a'::e2)::text},
	statistics => 'WHERE b > -1');

# The tables whose own definitions become harmful are not those of the others
my %table_of = (range => 'ranged', statistics => 'observed');
run_as('mallory', "CREATE TABLE $_ AS SELECT * FROM t;") foreach values %table_of;
run_as('mallory', "CREATE VIEW $_ AS SELECT id, a, b, pad FROM " . ($table_of{$_} // 't')) foreach keys %planned;
run_as('mallory', q{
CREATE VIEW indexed AS SELECT t.*, called(5) + a AS k FROM t;
CREATE TABLE constrained AS SELECT * FROM t;
CREATE TABLE child () INHERITS (constrained);
CREATE TABLE parted (id int, a int, b int, pad text) PARTITION BY RANGE ((b + called(0)));
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO parted SELECT * FROM t;
CREATE TABLE partial AS SELECT * FROM t;
CREATE TABLE protected AS SELECT * FROM t;
CREATE TABLE generated (id int, a int, b int, pad text, g int GENERATED ALWAYS AS (called(a)) STORED);
INSERT INTO generated SELECT * FROM t WHERE id <= 20000;
INSERT INTO generated SELECT * FROM t WHERE id <= 20000;
});
my @planned = (keys %planned, qw(constrained parted partial protected generated));
repeat('mallory', "SELECT id, pad FROM $_ WHERE a = %d") foreach @planned;
repeat('mallory', "SELECT id, pad FROM indexed WHERE k = %d");
run_as('mallory', "CREATE OR REPLACE VIEW $_ AS SELECT t.id, t.a, t.b, t.pad FROM "
	  . ($table_of{$_} ? "$table_of{$_} AS t" : 't') . " $planned{$_};")
  foreach keys %planned;
run_as('mallory', q{
CREATE STATISTICS s ON (called(a)), (b + called(0)) FROM observed;
CREATE INDEX ON observed (b) WHERE called(5) = 5;
CREATE INDEX ON ranged (measured(-9, b));
ALTER TABLE constrained ADD CHECK (b > called(-1));
CREATE INDEX ON partial ((b + called(3)));
CREATE INDEX ON partial (b) WHERE called(5) = 5;
ALTER TABLE protected ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY p ON protected USING (b > called(0));
ANALYZE;
});

# Everything that can be read, by a session whose process is known
sub read_all
{
	my ($role) = @_;
	my $out = run_as($role, q{
SET search_path = mallory, public;
SELECT pg_backend_pid();
SELECT count(*) FROM querywatch.findings;
SELECT count(*) FROM (SELECT *, f::text FROM querywatch.all_findings AS f) AS f;
SELECT count(*) FROM (SELECT *, s::text FROM querywatch.statements AS s) AS s;
SELECT count(*) FROM (SELECT *, s::text FROM querywatch.slow_statements AS s) AS s;
SELECT count(*) FROM (SELECT *, r::text FROM querywatch.repeated_statements AS r) AS r;
SELECT length(querywatch.prometheus()) > 0;
});
	my ($pid) = $out =~ /^(\d+)/;
	my @calls = slurp_file($node->logfile) =~ /CALLED by \S+ for \S+ in $pid$/mg;
	return scalar @calls;
}

cmp_ok(query(q{SELECT count(*) FROM querywatch.all_findings WHERE rolname = 'mallory'}), '>', 80,
	'there are findings on the statements of mallory');
like(slurp_file($node->logfile), qr/CALLED by mallory for mallory/, 'whose functions say who calls them');
my $superuser = query('SELECT current_user');
is(read_all($superuser), 0, 'none is called by a superuser who reads');
is(read_all('monitor'), 0, 'nor by a member of pg_monitor');
is(query(q{SELECT count(*) FROM querywatch.all_findings WHERE rolname = 'mallory' AND kind = 'missing_index'
            AND rewrite IS NULL AND query ~ 'pad FROM (folded|inlined|negator|commutator|range|domain|state|json|constrained|parted|partial)'}), 0,
	'what may not be planned gets its index untried');
is(query(q{SELECT count(*) FROM querywatch.all_findings WHERE rolname = 'mallory' AND kind = 'missing_index'
            AND evidence ~ 'HypoPG' AND query !~ 'generated'}), 0, 'and not tried with HypoPG');

#
# Objects that are made large after the statements ran
#
$node->safe_psql('postgres', q{SELECT querywatch.reset()});
run_as('mallory', 'CREATE TABLE plain AS SELECT * FROM t WHERE a IS NOT NULL; ANALYZE plain');
my @large = qw(tower joined repeated wide rules big pulled many small);
run_as('mallory', "CREATE VIEW $_ AS SELECT id, a, b, pad FROM plain WHERE id > 0;") foreach @large;
run_as('mallory', q{
CREATE VIEW row_type AS SELECT 1 AS f;
CREATE TABLE holder AS SELECT id, a, row(a)::row_type AS c FROM plain;
CREATE FUNCTION overloaded(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE FUNCTION long(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
CREATE TABLE policies AS SELECT * FROM plain;
CREATE TABLE starry AS SELECT id, a FROM plain;
CREATE TABLE one AS SELECT 1 AS x;
CREATE TYPE pair AS (f int, g int);
CREATE TABLE paired AS SELECT id, a, row(a, a)::pair AS c FROM plain;
CREATE TABLE chosen AS SELECT id, a, a::int2 AS s FROM plain;
CREATE FUNCTION choice(int) RETURNS int LANGUAGE sql AS 'SELECT $1';
});
repeat('mallory', "SELECT id, pad FROM $_ WHERE a = %d") foreach @large, 'policies';
repeat('mallory', 'SELECT id, (c).f FROM holder WHERE a = %d');
repeat('mallory', "SELECT id, $_(a) FROM plain WHERE a = %d") foreach qw(overloaded long);
repeat('mallory', 'SELECT ' . join(', ', ('s.*') x 400) . ' FROM starry AS s WHERE a = %d');
repeat('mallory', 'SELECT p.id FROM plain AS p ' . join(' ', map { "CROSS JOIN one AS x$_" } 1 .. 19) . ' WHERE a = %d');
repeat('mallory', 'SELECT ' . join(', ', ('(COALESCE(c, c, c, c)).*') x 60) . ' FROM paired WHERE a = %d');
repeat('mallory', 'SELECT ' . join(', ', ('choice(s)') x 300) . ' FROM chosen WHERE a = %d');
repeat('mallory', q{UPDATE rules SET pad = 'y' WHERE a = %d AND b < 0});
run_as('mallory', join '',
	'CREATE VIEW tower0 AS SELECT * FROM plain;',
	(map { my $below = $_ - 1; "CREATE VIEW tower$_ AS SELECT x.* FROM tower$below AS x, tower$below AS y;" } 1 .. 16),
	'CREATE OR REPLACE VIEW tower AS SELECT * FROM tower16;',
	'CREATE OR REPLACE VIEW joined AS SELECT t1.* FROM ', join(', ', map { "plain AS t$_" } 1 .. 1000), ';',
	"CREATE VIEW long_expression AS SELECT plain.*, concat('", join("', '", ('y' x 20) x 90), "') AS x FROM plain;",
	'CREATE OR REPLACE VIEW repeated AS SELECT x1.id, x1.a, x1.b, x1.pad FROM ',
	join(', ', map { "long_expression AS x$_" } 1 .. 100), ';',
	'CREATE OR REPLACE VIEW wide AS SELECT id, a, b, pad FROM plain WHERE ',
	join(' AND ', map { "b <> $_" } 1 .. 5000), ';',
	# columns that become large where one expression is put into another
	'CREATE VIEW pulled0 AS SELECT * FROM plain;',
	(map { my $below = $_ - 1; "CREATE VIEW pulled$_ AS SELECT id, a, pad, " . join(' + ', ('b') x 20) . " AS b FROM pulled$below;" } 1 .. 4),
	'CREATE OR REPLACE VIEW pulled AS SELECT id, a, b, pad FROM pulled4 WHERE b > 0;',
	# what takes the planner long
	'CREATE OR REPLACE VIEW many AS SELECT plain.id, a, b, plain.pad FROM plain ', join(' ', map { "JOIN plain AS m$_ USING (a, b)" } 1 .. 17), ';',
	"CREATE OR REPLACE VIEW big AS SELECT id, a, b, pad, '", 'z' x 20000000, "'::text AS z FROM plain;",
	"CREATE OR REPLACE VIEW row_type AS SELECT 1 AS f, '", 'z' x 20000000, "'::text AS z FROM plain;",
	'CREATE VIEW rules0 AS SELECT * FROM plain;',
	(map { my $below = $_ - 1; "CREATE VIEW rules$_ AS SELECT * FROM plain;
CREATE RULE twice AS ON UPDATE TO rules$_ DO INSTEAD (UPDATE rules$below SET pad = NEW.pad WHERE a = OLD.a;
  UPDATE rules$below SET pad = NEW.pad WHERE b = OLD.b);" } 1 .. 16),
	'CREATE RULE twice AS ON UPDATE TO rules DO INSTEAD UPDATE rules16 SET pad = NEW.pad WHERE a = OLD.a;',
	"CREATE OR REPLACE FUNCTION long(int) RETURNS int LANGUAGE sql AS \$\$ SELECT \$1 /* ", 'z' x 20000000, " */ \$\$;",
	q{DO $$ BEGIN
  FOR i IN 1..1500 LOOP
    IF i <= 980 THEN
      EXECUTE format('CREATE TYPE choice%s AS ENUM (); CREATE FUNCTION choice(choice%s) RETURNS int LANGUAGE sql AS ''SELECT 1''', i, i);
    END IF;
    EXECUTE format('CREATE TYPE type%s AS (x int); CREATE FUNCTION overloaded(type%s) RETURNS int LANGUAGE sql AS ''SELECT 1''', i, i);
  END LOOP;
END $$;},
	# columns for each "*" and each join
	(map { my ($what, $part) = @$_; "ALTER $what " . join(', ', map { "ADD $part c$_ int" } 1 .. 1500) . ';' }
		[ 'TABLE starry', '' ], [ 'TABLE one', '' ], [ 'TYPE pair', 'ATTRIBUTE' ]),
	'ALTER TABLE policies ENABLE ROW LEVEL SECURITY;',
	'CREATE POLICY p ON policies USING (EXISTS (SELECT FROM tower16));');

sub megabytes
{
	my ($pid) = @_;
	return slurp_file("/proc/$pid/status") =~ /^VmHWM:\s+(\d+) kB/m ? $1 / 1024 : undef;
}

my $reader = Session->new($node, role => 'monitor');
my $pid = $reader->query('SELECT pg_backend_pid()');
$reader->query('SELECT count(*) FROM querywatch.statements');
my $before = -e "/proc/$pid/status" ? megabytes($pid) : undef;
my $start = time;
my $found = $reader->query(q{SELECT query FROM querywatch.findings WHERE kind = 'repeated_lookup' AND rolname = 'mallory' AND rewrite IS NULL ORDER BY query COLLATE "C"});
my $took = time - $start;
foreach my $name (qw(tower wide big holder overloaded long starry one paired chosen))
{
	like($found, qr/\b$name\b/, "$name is too large to be opened");
}
unlike($found, qr/\bsmall\b/, 'and what is beside it is not');
is( $reader->query(q{SELECT query FROM querywatch.findings WHERE kind = 'missing_index' AND rolname = 'mallory' AND evidence ~ 'HypoPG' AND query !~ 'many'}),
	$hypopg ? 'SELECT id, pad FROM small WHERE a = $1' : '',
	'only what is small when it is expanded is planned');
cmp_ok($took, '<', 10, 'which takes no time to speak of');
SKIP:
{
	skip 'no /proc', 1 unless defined $before;
	cmp_ok(megabytes($pid) - $before, '<', 64, 'and no memory');
}

# A cancel comes through wherever it meets the reading.  Counted is what the
# backend computes until then, where the system says that: others may keep the
# processors busy.
sub milliseconds
{
	my $schedstat = "/proc/$pid/schedstat";

	return -e $schedstat ? (split ' ', slurp_file($schedstat))[0] / 1e6 : 1000 * time;
}

my @late;
$start = milliseconds();
$reader->query('SELECT count(*) FROM querywatch.findings');
my $whole = milliseconds() - $start;
for my $n (1 .. 40)
{
	# a read that was done before is nothing to cancel
	$reader->send(q{SELECT count(*) FROM querywatch.findings, pg_sleep(0); SELECT pg_sleep(0.5)});
	sleep(rand($whole / 1000));
	$start = milliseconds();
	query("SELECT pg_cancel_backend($pid)");
	$node->poll_query_until('postgres', "SELECT state = 'idle' FROM pg_stat_activity WHERE pid = $pid");
	push @late, milliseconds() - $start;
	$reader->query('SELECT 1');
}
@late = sort { $a <=> $b } @late;
note sprintf 'of %.0f ms, cancelled within %.1f ms at the median, %.1f ms at most',
  $whole, $late[@late / 2], $late[-1];
cmp_ok($late[-1], '<', 100, 'reading can be cancelled at any point');
$reader->quit;

#
# Where the statement does not mean what it meant any more
#
run_as('alice', q{
CREATE TYPE mood AS ENUM ('glad', 'sad');
CREATE FUNCTION twice(bigint) RETURNS bigint LANGUAGE sql IMMUTABLE AS 'SELECT 2 * $1';
CREATE OPERATOR ++@ (leftarg = bigint, rightarg = bigint, function = int8pl);
CREATE TABLE things (id int PRIMARY KEY, day date, span interval, mood mood, pad text, n bigint);
INSERT INTO things SELECT i, '2020-01-01'::date + i, i * '1 day'::interval, 'glad', 'x', i FROM generate_series(1, 1000) AS i;
});
query(q{
CREATE SCHEMA app;
GRANT USAGE, CREATE ON SCHEMA app TO alice;
CREATE SCHEMA between;
GRANT USAGE, CREATE ON SCHEMA between TO alice;
GRANT CREATE, USAGE ON SCHEMA public TO alice, mallory, gone;
});
run_as('alice', q{
CREATE TABLE app.elsewhere AS SELECT * FROM things;
CREATE TABLE shared AS SELECT * FROM things;
GRANT SELECT ON shared, things TO gone, mallory;
GRANT USAGE ON SCHEMA alice TO gone, mallory;
});

sub rewrites
{
	my ($role, $pattern, $reader) = @_;
	my $out = run_as($reader // $superuser, qq{
SELECT count(*), count(rewrite) FROM querywatch.findings WHERE rolname = '$role' AND kind = 'repeated_lookup' AND query ~ '$pattern';
});
	return $out;
}

# What has to work: each of these with advice, and NULL once it is changed
my @statements = (
	[ 'a date', q{SELECT pad FROM things WHERE day = date '2020-01-%d'}, undef, 28 ],
	[ 'an interval', q{SELECT pad FROM things WHERE span = interval '%d' day} ],
	[ 'an interval with a precision', q{SELECT span FROM things WHERE span = interval(3) '%d days'} ],
	[ 'a timestamp', q{SELECT pad FROM things WHERE day = timestamp with time zone '2020-01-%d 00:00'} ],
	[ 'a cast', q{SELECT pad, n FROM things WHERE day = '2020-01-%d'::date} ],
	[ 'a string', q{SELECT id, pad FROM things WHERE day = '2020-01-%d'} ],
	[ 'a parameter', q{SELECT pad, pad FROM things WHERE n = :n}, 'pgbench' ],
	[ 'a function', q{SELECT n FROM things WHERE n = twice(%d)} ],
	[ 'an operator', q{SELECT n, n FROM things WHERE id = %d AND n ++@ 1::bigint > 0} ],
	[ 'an enum', q{SELECT pad AS m FROM things WHERE id = %d AND mood = 'glad'} ],
	[ 'another search_path', q{SELECT pad FROM elsewhere WHERE id = %d}, 'SET search_path = app, alice' ],
	[ 'a shared table', q{SELECT pad FROM shared WHERE id = %d} ]);
my $script = $node->basedir . '/script';
foreach my $s (@statements)
{
	my ($name, $statement, $set, $times) = @$s;
	if (($set // '') eq 'pgbench')
	{
		# by the extended protocol, of a type that parse analysis finds
		append_to_file("$script", "\\set n random(1, 1000)\n$statement;\n");
		$node->command_ok([ 'pgbench', '-n', '-M', 'extended', '-t', 12, '-U', 'alice', '-f', "$script", 'postgres' ], $name);
	}
	else
	{
		repeat('alice', $statement, $set, $times // 12);
	}
	$s->[5] = '^' . quotemeta($statement =~ s/ WHERE.*//r) . ' ';
}
foreach my $s (@statements)
{
	foreach my $reader ($superuser, 'monitor', 'alice')
	{
		my $out = rewrites('alice', $s->[5], $reader);
		my ($rows, $given) = split /\|/, $out;
		ok($rows > 0 && $rows == $given, "$s->[0]: advice for $reader") or diag("$s->[5]: $out");
	}
}

# Temporary objects of the reader are no concern of the statement
my $count = q{SELECT count(rewrite) FROM querywatch.findings WHERE rolname = 'alice'};
is( run_as($superuser, qq{
SET search_path = alice, public;
CREATE TEMP TABLE shared (id text, pad int);
CREATE TEMP TABLE things (id text);
$count;
}), run_as($superuser, $count), 'the reader\'s temporary tables hide none');

# A role that may, and then may not, and then is gone
repeat('gone', 'SELECT pad FROM alice.shared WHERE id = %d');
repeat('gone', 'SELECT pad, id FROM alice.things WHERE id = %d');
is(rewrites('gone', 'shared'), '1|1', 'a role that may use the table');
run_as('alice', 'REVOKE SELECT ON shared FROM gone');
is(rewrites('gone', 'shared'), '1|0', 'that may not any more');
is(rewrites('gone', 'things'), '1|1', 'but another table');
run_as('alice', 'REVOKE SELECT ON things FROM gone; GRANT SELECT (id) ON things TO gone');
is(rewrites('gone', 'things'), '1|0', 'or not all of its columns');
run_as('alice', 'GRANT SELECT ON things TO gone; REVOKE USAGE ON SCHEMA alice FROM gone');
is(rewrites('gone', 'things'), '1|0', 'or not the schema');
run_as('alice', 'GRANT USAGE ON SCHEMA alice TO gone');
is(rewrites('gone', 'things'), '1|1', 'may again');
query('REASSIGN OWNED BY gone TO CURRENT_USER; DROP OWNED BY gone; DROP ROLE gone');
is(query(q{SELECT count(*), count(rewrite) FROM querywatch.all_findings WHERE rolname IS NULL AND query ~ 'alice.things'}), '1|0',
	'and is gone');

# Names that mean something else
my %changes = (
	'a function' => [ 'CREATE FUNCTION twice(int) RETURNS int LANGUAGE sql AS \'SELECT $1\'', 'DROP FUNCTION twice(int)' ],
	'an operator' => [
		'ALTER OPERATOR ++@ (bigint, bigint) SET SCHEMA between; CREATE OPERATOR ++@ (leftarg = bigint, rightarg = bigint, function = int8mi)',
		'DROP OPERATOR ++@ (bigint, bigint); ALTER OPERATOR between.++@ (bigint, bigint) SET SCHEMA alice' ],
	'an enum' => [
		q{CREATE TYPE mood2 AS ENUM ('glad'); ALTER TABLE things ADD mood2 mood2; ALTER TABLE things RENAME mood TO mood1; ALTER TABLE things RENAME mood2 TO mood},
		'ALTER TABLE things RENAME mood TO mood2; ALTER TABLE things RENAME mood1 TO mood' ],
	'another search_path' => [
		'ALTER TABLE app.elsewhere RENAME TO elsewhere1; CREATE TABLE app.elsewhere AS SELECT * FROM things',
		'DROP TABLE app.elsewhere; ALTER TABLE app.elsewhere1 RENAME TO elsewhere' ],
	'a shared table' => [
		'ALTER TABLE shared RENAME TO shared1; CREATE VIEW shared AS SELECT * FROM shared1',
		'DROP VIEW shared; ALTER TABLE shared1 RENAME TO shared' ],
	'a parameter' => [
		'ALTER TABLE things ALTER n TYPE numeric', 'ALTER TABLE things ALTER n TYPE bigint' ]);
foreach my $s (@statements)
{
	my $change = $changes{$s->[0]} or next;
	run_as('alice', $change->[0]);
	is(rewrites('alice', $s->[5]), '1|0', "$s->[0] that means something else");
	run_as('alice', $change->[1]);
	is(rewrites('alice', $s->[5]), '1|1', "$s->[0] as it was");
}

is(read_all($superuser) + read_all('monitor'), 0, 'nothing of mallory\'s was called on the way');

done_testing();

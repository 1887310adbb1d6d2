# What a role may learn of others, and what a client can put into places where
# it does not belong.  Every view and function of the schema is walked through:
# a new one fails this test until it is said below what is in it.

use strict;
use warnings;

use Encode;
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.slow_threshold = 0
pg_querywatch.repeat_gap = '1min'
pg_querywatch.metrics_statements = 1000
max_parallel_workers_per_gather = 0
fsync = off
});
$node->start;

sub query { return $node->safe_psql('postgres', shift); }

# As another role: what it got, and what it was told besides
sub query_as
{
	my ($role, $sql, $database) = @_;
	my ($out, $err);
	$node->psql($database // 'postgres', $sql, stdout => \$out, stderr => \$err,
		extra_params => [ '-U', $role ]);
	return wantarray ? ($out, $err) : $out;
}

query(q{
CREATE EXTENSION pg_querywatch;
CREATE ROLE alice LOGIN;
CREATE ROLE bob LOGIN;
CREATE ROLE monitor LOGIN IN ROLE pg_read_all_stats;
CREATE SCHEMA alice AUTHORIZATION alice;
CREATE SCHEMA bob AUTHORIZATION bob;
CREATE DATABASE other;
});
$node->safe_psql('other', 'CREATE EXTENSION pg_querywatch');

#
# The secrets of alice: texts, names, values, tags, traces, plans, findings of
# all kinds.  Each has "sesame" in it, the trace 5e5a3e.
#
my $tag = q{/*route='sesame',job='sesame',traceparent='00-5e5a3e5e5a3e5e5a3e5e5a3e5e5a3e00-00f067aa0ba902b7-01'*/};
query_as('alice', qq{
CREATE TABLE sesame_author (sesame_id int PRIMARY KEY, name text);
CREATE TABLE sesame_post (id int PRIMARY KEY, sesame_author_id int REFERENCES sesame_author, title text);
INSERT INTO sesame_author SELECT i, 'sesame ' || i FROM generate_series(1, 100) AS i;
INSERT INTO sesame_post SELECT i, i % 100 + 1, repeat('sesame', 20) FROM generate_series(1, 60000) AS i;
ANALYZE sesame_author, sesame_post;
COMMENT ON TABLE sesame_post IS 'sesame';
PREPARE sesame (text) AS SELECT sesame_id FROM sesame_author WHERE name = \$1 $tag;
EXECUTE sesame ('open sesame');
BEGIN;
SELECT sesame_id FROM sesame_author $tag;
}
	  . join('', map { "SELECT title FROM sesame_post WHERE sesame_author_id = $_ $tag;\n" } 1 .. 60)
	  . join('', map { "SELECT sesame_id FROM sesame_author WHERE name = 'sesame' $tag;\n" } 1 .. 6)
	  . qq{
COMMIT;
SET work_mem = '64kB';
SELECT count(*) FROM (SELECT title FROM sesame_post ORDER BY title, id OFFSET 5000) AS sesame;
SELECT * FROM sesame_post;
SET statement_timeout = '50ms';
SELECT sesame_id, pg_sleep(0.1) FROM sesame_author WHERE sesame_id = 1 $tag;
});
my $idle = Session->new($node, role => 'alice');
$idle->query('BEGIN; SELECT count(*) FROM sesame_author');
my $busy = Session->new($node, role => 'alice');
$busy->send("SELECT pg_sleep(1000), sesame_id FROM sesame_author $tag");
$node->poll_query_until('postgres', q{SELECT count(*) > 0 FROM querywatch.waits WHERE rolname = 'alice' AND wait_event = 'PgSleep'})
  or die 'alice does not wait';

# What is private: query ids too
query(q{
CREATE SCHEMA test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
CREATE TABLE test.private AS
  SELECT DISTINCT s.queryid FROM querywatch.statements AS s
   WHERE s.userid = 'alice'::regrole AND s.query ~ 'sesame';
GRANT SELECT ON test.private TO PUBLIC;
SELECT querywatch.ignore(queryid, 'open sesame')
  FROM querywatch.repeated_statements WHERE kind = 'duplicate_query';
});
cmp_ok(query('SELECT count(*) FROM test.private'), '>', 8, 'there are secrets');
is( query(q{SELECT string_agg(DISTINCT kind, ' ' ORDER BY kind) FROM querywatch.all_findings WHERE rolname = 'alice'
             AND kind IN ('n_plus_one', 'duplicate_query', 'missing_index', 'temp_spill', 'timeouts', 'large_result')}),
	'duplicate_query large_result missing_index n_plus_one temp_spill timeouts', 'of many kinds');

#
# The walk, made so that its own text has no secret in it
#
my $walk = q{
CREATE SCHEMA IF NOT EXISTS test;
GRANT USAGE ON SCHEMA test TO PUBLIC;
CREATE FUNCTION test.candidates(type regtype) RETURNS text[] LANGUAGE plpgsql AS $$
BEGIN
  RETURN CASE type
    WHEN 'boolean'::regtype THEN '{false,true}'
    WHEN 'oid'::regtype THEN (SELECT array_agg(i::text) FROM (
      SELECT 0::oid UNION ALL SELECT oid FROM pg_roles WHERE rolname = 'alice'
      UNION ALL SELECT oid FROM pg_database WHERE datname = 'postgres') AS v (i))
    WHEN 'regclass'::regtype THEN '{test.private}'
    WHEN 'text'::regtype THEN '{NULL,SELECT 1,batch}'
    WHEN 'bigint'::regtype THEN (SELECT array_agg(i::text) FROM (
      SELECT generate_series(0, 130)
      UNION ALL SELECT queryid FROM test.private) AS v (i))
  END;
END $$;
CREATE FUNCTION test.look(sql text, regexp text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
  found text; message text; detail text; hint text;
BEGIN
  EXECUTE sql INTO found;
  RETURN CASE WHEN found ~ regexp THEN 'shown' ELSE 'hidden' END;
EXCEPTION WHEN OTHERS THEN
  GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL, hint = PG_EXCEPTION_HINT;
  RETURN CASE WHEN message || detail || hint ~ regexp THEN 'shown'
              WHEN SQLSTATE = '42501' THEN 'denied' ELSE 'hidden' END;
END $$;
CREATE FUNCTION test.walk() RETURNS TABLE (object text, verdict text) LANGUAGE plpgsql AS $$
DECLARE
  word text := 'ses' || 'ame|5e5' || 'a3e';
  id text := (SELECT '(?<![0-9])(' || string_agg(queryid::text, '|') || ')(?![0-9])' FROM test.private);
  calls text[];
  f record;
BEGIN
  FOR object IN SELECT relname FROM pg_class
     WHERE relnamespace = 'querywatch'::regnamespace AND relkind NOT IN ('i', 'c') ORDER BY relname
  LOOP
    verdict := test.look(format('SELECT string_agg(t::text, %L) FROM querywatch.%I AS t', E'\n', object), word || '|' || id);
    RETURN NEXT;
  END LOOP;
  FOR f IN SELECT p.oid, p.proname, p.proargtypes::oid[] AS types, p.oid::regprocedure::text AS name
      FROM pg_proc AS p WHERE p.pronamespace = 'querywatch'::regnamespace AND p.prorettype <> 'trigger'::regtype
     ORDER BY p.proname, p.oid
  LOOP
    calls := ARRAY[''];
    FOR i IN 0 .. coalesce(array_upper(f.types, 1), -1) LOOP
      IF test.candidates(f.types[i]) IS NULL THEN
        RAISE EXCEPTION 'no values of type % are known to this test', f.types[i]::regtype;
      END IF;
      calls := ARRAY(SELECT c || CASE WHEN i > 0 THEN ', ' ELSE '' END || coalesce(quote_literal(v), 'NULL') || '::' || f.types[i]::regtype
                       FROM unnest(calls) AS c, unnest(test.candidates(f.types[i])) AS v);
    END LOOP;
    object := replace(f.name, 'querywatch.', '');
    verdict := (SELECT CASE WHEN 'shown' = ANY (v) THEN 'shown' WHEN 'hidden' = ANY (v) THEN 'hidden' ELSE 'denied' END
                  FROM (SELECT array_agg(test.look(format('SELECT string_agg(t::text, %L) FROM querywatch.%I(%s) AS t', E'\n', f.proname, c),
                                                   CASE WHEN 20 = ANY (f.types) THEN word ELSE word || '|' || id END)) AS v
                          FROM unnest(calls) AS c) AS l);
    RETURN NEXT;
  END LOOP;
END $$;
};
query($walk);
$node->safe_psql('other', $walk . 'CREATE TABLE test.private (queryid bigint); GRANT SELECT ON test.private TO PUBLIC');
$node->safe_psql('other', "INSERT INTO test.private VALUES ($_)") foreach (split /\n/, query('SELECT queryid FROM test.private'));

# What holds secrets, and what holds none.  A function that only acts on what
# its caller says, or only on its own session, is of the second kind.
my @private = sort { $a cmp $b } (
	'statements', 'slow_statements', 'slow_summary', 'repeated_statements',
	'all_findings', 'findings', 'idle_in_transaction', 'ignored',
	'statements(boolean)', 'statement_text(oid,oid,boolean,bigint)',
	'statement_tables(oid,oid,boolean,bigint)', 'slow_statements()', 'repeated_statements()',
	'findings()', 'prometheus()', 'waits', 'waits()', 'activity', 'activity()');
my @public = sort { $a cmp $b } (
	'info', 'evicted', 'totals', 'connections', 'capacity', 'thresholds', 'changed_thresholds',
	'info()', 'evicted()', 'totals()', 'busy_times()', 'capacity()',
	'latency_histogram()', 'latency_histogram(bigint)', 'explain(bigint,boolean)',
	'rewrite(text,text,text,text,text)', 'missing_index(text,regclass)', 'begin_capture()', 'end_capture()',
	'ignore(bigint,text)', 'unignore(bigint)', 'reset_slow()',
	'reset_patterns()', 'reset_waits()', 'reset(oid,oid,bigint,boolean)');

foreach my $database ('postgres', 'other')
{
	my %verdicts;
	foreach my $role ('monitor', 'bob', 'alice')
	{
		my ($out, $err) = query_as($role, 'SELECT * FROM test.walk()', $database);
		unlike($err, qr/sesame|5e5a3e|ERROR/, "$database, $role: nothing in messages");
		$verdicts{$role} = { map { split /\|/ } split /\n/, $out };
	}
	is(join("\n", sort keys %{ $verdicts{bob} }), join("\n", sort @private, @public),
		"$database: it is known of every view and function whether it holds secrets");
	my $of = sub { my ($role, $verdict) = @_; return join("\n", sort grep { $verdicts{$role}{$_} eq $verdict } keys %{ $verdicts{$role} }); };
	is($of->('bob', 'shown'), '', "$database: a role sees nothing of another");

	# the list of ignored statements, and what is asked of the planner, are of
	# a database
	my @shown = grep { $_ ne 'ignored' || $database eq 'postgres' } @private;
	my @own = $database eq 'postgres' ? ('explain(bigint,boolean)') : ();
	is($of->('monitor', 'shown'), join("\n", @shown), "$database: pg_read_all_stats sees all of it");
	is( $of->('alice', 'shown'),
		join("\n", sort { $a cmp $b } @own, grep { !/^(ignored|prometheus\(\))$/ } @shown),
		"$database: a role sees its own");
	is( $of->('bob', 'denied'),
		join("\n", sort 'ignored', 'ignore(bigint,text)', 'unignore(bigint)', 'prometheus()', 'reset_slow()', 'reset_patterns()', 'reset_waits()', 'reset(oid,oid,bigint,boolean)'),
		"$database: what is not for everybody");
}
is(query_as('bob', q{SELECT has_function_privilege('querywatch.change_threshold()', 'EXECUTE')}), 'f', 'nor is a trigger');

# A condition with a side effect sees no more than the columns do
query_as('bob', q{
CREATE FUNCTION bob.leak(text) RETURNS boolean COST 0.0000001 LANGUAGE plpgsql AS $$
BEGIN RAISE NOTICE 'leak: %', $1; RETURN false; END $$});
my ($out, $err) = query_as('bob', join('', map {
			my $view = $_;
			join '', map { "SELECT 1 FROM querywatch.$view WHERE bob.leak(${_}::text);\n" }
			  split /\n/, query("SELECT quote_ident(attname) FROM pg_attribute WHERE attrelid = 'querywatch.$view'::regclass AND attnum > 0")
	} grep { !/\(|^ignored$/ } @private));
like($err, qr/leak: /, 'a condition that tells what it sees');
unlike($err, qr/sesame|5e5a3e/, 'is told nothing');

# GRANT EXECUTE on the metrics shows them, but no texts
query('GRANT EXECUTE ON FUNCTION querywatch.prometheus() TO bob');
$out = query_as('bob', 'SELECT querywatch.prometheus()');
like($out, qr/^pg_querywatch_executions_total\{/m, 'prometheus() can be granted');
unlike($out, qr/sesame/, 'and shows no texts then');
query('REVOKE EXECUTE ON FUNCTION querywatch.prometheus() FROM bob');

#
# Functions: with whose rights, and with which search_path
#
is( query(q{
SELECT p.proname, p.proconfig FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
 WHERE p.pronamespace = 'querywatch'::regnamespace AND (p.prosecdef OR l.lanname <> 'c' OR p.proconfig IS NOT NULL)
 ORDER BY 1}),
	join("\n", map { qq($_|{"search_path=pg_catalog, pg_temp"}) } qw(change_threshold ignore unignore)),
	'functions that are not C have a safe search_path');
is( query(q{SELECT proname FROM pg_proc WHERE pronamespace = 'querywatch'::regnamespace AND prosecdef ORDER BY 1}),
	"change_threshold\nignore\nunignore", 'and they alone have the rights of their owner');

# Operators and functions in a role's way of a superuser
query(q{
CREATE SCHEMA trap;
GRANT ALL ON SCHEMA trap TO bob});
query_as('bob', q{
CREATE FUNCTION trap.trap(a bigint, b bigint) RETURNS boolean LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped as %'', current_user; END';
CREATE OPERATOR trap.= (FUNCTION = trap.trap, LEFTARG = bigint, RIGHTARG = bigint);
CREATE FUNCTION trap.btrim(text, text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped as %'', current_user; END';
CREATE FUNCTION trap.quote_ident(text) RETURNS text LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped as %'', current_user; END';
CREATE FUNCTION trap.count(*) RETURNS bigint LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION ''trapped as %'', current_user; END';
});
($out, $err) = query_as(query('SELECT current_user'), q{
SET search_path = trap, pg_catalog;
SELECT querywatch.ignore(1, 'trap');
SELECT querywatch.unignore(1);
UPDATE querywatch.thresholds SET value = value;
\o /dev/null
} . join('', map { "SELECT * FROM querywatch.$_;\n" } grep { !/\(|,/ } @private, @public));
unlike($err, qr/trapped|ERROR/, 'no trap in the search_path springs');

# A statement's functions are not run by who looks at its findings, or at it;
# where HypoPG is there, findings plan it
query('CREATE EXTENSION hypopg')
  if query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'}) > 0;
query_as('bob', q{
CREATE FUNCTION bob.sprung() RETURNS text IMMUTABLE LANGUAGE plpgsql
  AS 'BEGIN RAISE NOTICE ''sprung as %'', current_user; RETURN ''x''; END';
CREATE DOMAIN bob.checked AS text CHECK (VALUE <> bob.sprung());
CREATE TABLE bob.bait (id int PRIMARY KEY, name bob.checked);
INSERT INTO bob.bait SELECT i, 'y' FROM generate_series(1, 20000) AS i;
ANALYZE bob.bait;
} . join('', map { "SELECT id FROM bob.bait WHERE name = 'z$_'::bob.checked AND bob.sprung() = 'x' AND id + 0 = $_;\n" } 1 .. 12));
($out, $err) = query_as(query('SELECT current_user'), '\o /dev/null' . "\n"
	  . join('', map { "SELECT * FROM querywatch.$_;\n" } grep { !/\(|,/ } @private, @public)
	  . 'SELECT querywatch.prometheus();');
unlike($err, qr/sprung as (?!bob)/, 'nobody runs a role\'s functions by reading');

#
# Settings
#
my @settings = split /\n/, query(q{SELECT name || ' = ' || quote_literal(setting) FROM pg_settings WHERE name ~ '^pg_querywatch\.' ORDER BY name});
is( join(' ', grep { my (undef, $told) = query_as('bob', "SET $_"); $told !~ /permission denied|cannot be changed/ } map { s/ = .*//r . " = DEFAULT" } @settings),
	'pg_querywatch.on_repeat = DEFAULT pg_querywatch.on_repeat_confidence = DEFAULT pg_querywatch.repeat_threshold = DEFAULT',
	'what any role may set');
query('CREATE TABLE item (id int PRIMARY KEY, name text); GRANT SELECT ON item TO PUBLIC');
my $loop = 'BEGIN; ' . join('', map { "SELECT name FROM item WHERE id = $_;\n" } 1 .. 7) . 'COMMIT;';
my $strict = Session->new($node, role => 'bob');
$strict->query('SET pg_querywatch.on_repeat = error; SET pg_querywatch.repeat_threshold = 2');
query_as('bob', 'ALTER ROLE bob SET pg_querywatch.on_repeat = error');
is((query_as('alice', $loop))[1], '', 'on_repeat of a role does nothing to another');
like((query_as('bob', $loop))[1], qr/ERROR:  likely repeated lookup/, 'only to its own sessions');
like((query_as('bob', 'ALTER ROLE alice SET pg_querywatch.on_repeat = error; ALTER DATABASE postgres SET pg_querywatch.on_repeat = error'))[1],
	qr/permission denied|must be/, 'which it cannot set for others');
query_as('bob', 'ALTER ROLE bob RESET pg_querywatch.on_repeat');
$strict->quit;

# A pooled connection changes its role: what one does is not the other's parent
(undef, $err) = query_as(query('SELECT current_user'), qq{
CREATE TABLE child (id int PRIMARY KEY, author_id int REFERENCES alice.sesame_author);
GRANT SELECT ON child TO bob;
SET pg_querywatch.on_repeat = notice;
BEGIN;
SET ROLE alice;
SELECT sesame_id FROM alice.sesame_author;
SET ROLE bob;
} . join('', map { "SELECT id FROM child WHERE author_id = $_;\n" } 1 .. 10) . 'COMMIT');
like($err, qr/NOTICE:  .* repeated lookup|NOTICE:  .*N\+1/, 'a repeat after SET ROLE');
unlike($err, qr/SELECT .* FROM sesame_author/, 'says nothing of what another role did');

# Text that sets a password is for nobody
query(q{CREATE ROLE carol PASSWORD 'hushhush'; ALTER ROLE carol PASSWORD 'hushhush'});
is(query(qq{SELECT count(*) FROM querywatch.$_ AS s WHERE s::text ~ 'hus[h]hush'}), '0', "no password in $_")
  foreach qw(statements slow_statements slow_summary findings);

#
# Injection
#
my @evil = ("'", "''", "\\", "\\'", '$$', "'; DROP TABLE victim; --", "*/ DROP TABLE victim; /*", "\n", '"', '$1', "E'\\''", ');DROP TABLE victim;--');
query(q{CREATE TABLE victim (n int); CREATE TABLE store (id int, v text)});
my ($lost, $wrong) = (0, 0);
my @conforming = query('SHOW server_version_num') < 190000 ? ('on', 'off') : ('on');
foreach my $conforming (@conforming)
{
	foreach my $evil (@evil)
	{
		my $comment = $evil =~ s{\*/|/\*|'|\n|\\}{}gr;
		my $value = $evil =~ s/'/''/gr =~ s/\\/\\\\/gr;
		my $mark = int(rand(1e9));
		query(qq{
SET standard_conforming_strings = $conforming;
SET backslash_quote = on;
PREPARE p (int, text) AS SELECT \$1 AS id, \$2 AS v /*route='$comment'*/;
EXECUTE p ($mark, E'$value');
SET pg_querywatch.slow_threshold = -1;
});
		my $sql = query("SET standard_conforming_strings = $conforming; SET pg_querywatch.slow_threshold = -1; SELECT runnable_sql FROM querywatch.slow_statements WHERE parameters[1] = '$mark'");
		if ($sql eq '') { $lost++; next; }
		my $got = query("SET standard_conforming_strings = $conforming; SET pg_querywatch.slow_threshold = -1; $sql");
		$wrong++, diag("$sql gives $got") if $got ne "$mark|$evil" && $got ne "$mark|$evil\n";
	}
}
is($lost, 0, 'there is a runnable_sql for values of all kinds');
is($wrong, 0, 'it gives them back as they were');

# Strings of a session whose backslashes are escapes end where they ended there,
# whoever runs them
foreach my $constant (@conforming > 1 ? (q{'x\\'; DROP TABLE victim; --'}, q{'\\\\'}, q{'a\\'' || 'b\\'$1'}, q{E'\\'' || $1}, q{'\\'$1' || $1 ||'\\\\'}, q{N'a\\'b'}, q{lower('X\\'; --')}) : ())
{
	my $mark = int(rand(1e9));
	my $said = query_as('bob', qq{
SET standard_conforming_strings = off;
SET escape_string_warning = off;
SET backslash_quote = on;
PREPARE p (text) AS SELECT $mark, ($constant) AS s, \$1 AS v;
EXECUTE p (E'it''s \\\\');
});
	like($said, qr/^$mark/, "$constant: a constant of such a session");
	my $found = "FROM querywatch.slow_statements WHERE query ~ 'SELECT $mark' ORDER BY id LIMIT 1";
	my $sql = query("SELECT runnable_sql $found");
	foreach my $setting (@conforming)
	{
		is((query_as('bob', "SET standard_conforming_strings = $setting; SET escape_string_warning = off; SET backslash_quote = on; $sql"))[0], $said, "$constant: the same with $setting");
		is(query("SET standard_conforming_strings = $setting; SET backslash_quote = on; SELECT count(*) FROM querywatch.explain((SELECT id $found))"), '1', "$constant: and it can be explained");
	}
}

# Names of all kinds, of everything that has one: what is made of statements
# with them is one statement, and does the same.  (Since 19 roles have no new
# lines in their names.)
my @names = (
	q{x";drop table victim;--'}, q{c"' = 1; drop table victim; --}, "new\nline; DROP TABLE victim; --", '/* open', 'close */ DROP TABLE victim; /*',
	'-- comment', q{U&"\\0061"}, q{E'\\''}, '$1', '$$', '$x$', '%s %I %L %1$s', '{a="b"} 1', 'back\\slash', "caf\x{e9} \x{1f600}", 'null', 'select', ' leading', "tab\t", 'x' x 62, "\x{e9}" x 31);
my $superuser = query('SELECT current_user');
my $lines_in_roles = query('SHOW server_version_num') < 190000;
sub identifier { return '"' . ($_[0] =~ s/"/""/gr) . '"' }
sub literal { return "E'" . ($_[0] =~ s/([\\'])/\\$1/gr) . "'" }
foreach my $name (@names)
{
	my $what = $name =~ s/[\n\t]/ /gr;
	my $rolname = $lines_in_roles ? $name : $name =~ s/\n/ /gr;
	my ($ident, $role) = map { identifier($_) } $name, $rolname;
	my ($literal, $role_literal) = map { literal($_) } $name, $rolname;
	my $route = join '', map { sprintf '%%%02X', $_ } unpack 'C*', Encode::encode('UTF-8', $name);
	utf8::encode($_) foreach $ident, $role, $literal, $role_literal, $what;
	query(qq{
CREATE ROLE $role LOGIN;
CREATE SCHEMA $ident AUTHORIZATION $role;
SET ROLE $role;
SET application_name = $literal;
CREATE TABLE $ident.$ident ($ident int PRIMARY KEY, v text);
INSERT INTO $ident.$ident SELECT i, 'v' || i FROM generate_series(1, 20) AS i;
ANALYZE $ident.$ident;
BEGIN;
} . join('', map { "SELECT v AS $ident FROM $ident.$ident AS $ident WHERE $ident = $_ /*route='$route'*/;\n" } 1 .. 8) . 'COMMIT;');
	my $looking = 'SET pg_querywatch.slow_threshold = -1';
	my $rewrite = query("$looking; SELECT rewrite FROM querywatch.findings WHERE rolname = $role_literal AND kind = 'repeated_lookup'");
	like($rewrite, qr/ANY/, "$what: a rewrite");
	is(join(' ', query("$looking; PREPARE r AS $rewrite; EXECUTE r ('{3,4}')") =~ /\b(v\d+)/g), 'v3 v4', "$what: is one statement, and finds the rows");
	my $found = "FROM querywatch.slow_statements WHERE rolname = $role_literal AND query ~ '^SELECT v' ORDER BY id LIMIT 1";
	is(query("$looking; " . query("$looking; SELECT runnable_sql $found")), 'v1', "$what: runnable_sql");
	is(query("$looking; SELECT count(*) > 0 FROM querywatch.explain((SELECT id $found))"), 't', "$what: explain()");
	# (the server keeps printable ASCII of an application's name, tags no
	# control characters)
	my $application = $name =~ /^[ -~]+$/ ? $literal : 'application_name';
	is(query("$looking; SELECT bool_and(application_name = $application AND tags ->> 'route' = translate($literal, E'\\n\\t', '??')) FROM querywatch.slow_statements WHERE rolname = $role_literal AND query ~ '^SELECT v'"), 't', "$what: as application and route");
	my %forms = (
		'the first of each' => [ 'batch', "SELECT v AS $ident FROM $ident.$ident AS $ident WHERE $ident = \$1 ORDER BY v LIMIT 1" ],
		'a count of each' => [ 'batch', "SELECT count(v) AS $ident FROM $ident.$ident WHERE $ident = \$1" ],
		'inserts' => [ 'write', "INSERT INTO $ident.$ident ($ident, v) VALUES (\$1, \$2)" ],
		'updates' => [ 'write', "UPDATE $ident.$ident SET v = \$1 WHERE $ident = \$2" ],
		'pages' => [ 'keyset', "SELECT v FROM $ident.$ident ORDER BY $ident LIMIT \$1 OFFSET \$2" ]);
	foreach my $form (sort keys %forms)
	{
		my ($kind, $sql) = @{ $forms{$form} };
		my $made = query("$looking; SELECT querywatch.rewrite(" . literal($sql) . ", '$kind')");
		is(scalar query_as($superuser, "$looking; PREPARE r AS $made; SELECT count(*) FROM pg_prepared_statements"), '1', "$what: a rewrite of $form can be prepared");
	}
	my @faults = grep { !/^(# (TYPE \w+ \w+|HELP \w+ .+)|\w+(\{(\w+="([^"\\]|\\[\\"n])*",?)+\})? -?[0-9.e+-]+)$/ } split /\n/, query("$looking; SELECT querywatch.prometheus()");
	is("@faults", '', "$what: prometheus()");
	query("DROP OWNED BY $role CASCADE; DROP ROLE $role");
}
foreach my $kind (qw(batch write values copy keyset))
{
	($out, $err) = query_as(query('SELECT current_user'),
		qq{SET pg_querywatch.slow_threshold = -1; SELECT querywatch.rewrite(\$q\$SELECT 1; DROP TABLE victim\$q\$, '$kind')});
	is($out, '', "rewrite() of two statements: $kind");
}
$node->psql('postgres', 'SELECT 1 AS twice; DROP TABLE IF EXISTS nothing', extra_params => [ '-c', 'SELECT 1 AS twice \; SELECT 2 AS twice' ]);
is(query(q{SELECT count(*) FROM querywatch.slow_statements WHERE query ~ 'twice.*;.*twice'}), '0', 'a statement of several has its own text only');
is(query('SELECT count(*) FROM victim'), '0', 'the table is still there');

#
# Memory: whatever a client sends, a session has no more than it had
#
my $flood = Session->new($node, role => 'bob');
sub session_memory
{
	return $flood->query('SELECT sum(total_bytes) FROM pg_backend_memory_contexts WHERE name !~ $$^(CacheMemoryContext|index info|CachedPlan|Prepared|RelCache|Relcache|Catcache)$$');
}
query('GRANT pg_monitor TO bob; GRANT EXECUTE ON FUNCTION pg_get_backend_memory_contexts() TO bob; GRANT SELECT ON pg_backend_memory_contexts TO bob');
sub flood
{
	my ($from, $to) = @_;
	$flood->query('\o /dev/null' . "\n" . join('', map {
			my $columns = join ', ', map { "id AS c$_" } 1 .. 1 + $_ % 90;
			my $route = 'r' x ($_ % 500) . $_;
			"SELECT $columns, length('" . 'x' x ($_ * 10 % 20_000) . "') FROM item WHERE id = $_ /*route='$route',job='$_',traceparent='00-" . sprintf('%032x', $_ + 1) . "-00f067aa0ba902b7-01'*/;\n"
	} $from .. $to) . '\o');
}
my $shared = query('SELECT shared_bytes FROM querywatch.info');
flood(1, 300);
my $before = session_memory();
flood(301, 1500);
cmp_ok(session_memory() - $before, '<', 256 * 1024, 'a session does not grow with what it sends');
is(query('SELECT shared_bytes FROM querywatch.info'), $shared, 'nor does shared memory');
is(query('SELECT text_bytes <= text_limit AND statements <= statements_limit AND patterns <= patterns_limit FROM querywatch.info'), 't', 'all is within its bounds');
is(query(q{SELECT count(DISTINCT route) < 100 FROM querywatch.repeated_statements}), 't', 'routes too');
$flood->quit;
$idle->quit;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

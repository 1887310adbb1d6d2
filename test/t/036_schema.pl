# The schema of the extension: who else may have put something into it, what
# its views call, and whose list of ignored statements on_repeat reads.

use strict;
use warnings;

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;
use Session;

my $node = PostgreSQL::Test::Cluster->new('main');
$node->init;
$node->append_conf(
	'postgresql.conf', q{
shared_preload_libraries = 'pg_querywatch'
pg_querywatch.repeat_gap = '1min'
fsync = off
});
$node->start;
$node->safe_psql('postgres', 'CREATE ROLE squatter LOGIN; CREATE ROLE admin LOGIN SUPERUSER');

sub query { return $node->safe_psql(@_); }

# What a statement says when it fails
sub failure
{
	my ($database, $sql, @options) = @_;
	my ($out, $err);
	$node->psql($database, $sql, stdout => \$out, stderr => \$err, @options);
	return $err;
}

# Functions and operators that the objects of the extension use, of the kind
# that the condition says; pg_depend does not list those of pg_catalog
my $walk = q{
WITH member AS (
  SELECT d.classid, d.objid FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
   WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_querywatch'),
tree (object, tree) AS (
  SELECT r.ev_class::regclass::text, r.ev_action::text FROM pg_rewrite AS r
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = r.ev_class
  UNION ALL
  SELECT r.ev_class::regclass::text, r.ev_qual::text FROM pg_rewrite AS r
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = r.ev_class
  UNION ALL
  SELECT p.oid::regprocedure::text, p.prosqlbody::text FROM pg_proc AS p
    JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
  UNION ALL
  SELECT p.oid::regprocedure::text, p.proargdefaults::text FROM pg_proc AS p
    JOIN member AS m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid
  UNION ALL
  SELECT a.adrelid::regclass::text, a.adbin::text FROM pg_attrdef AS a
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = a.adrelid
  UNION ALL
  SELECT c.conrelid::regclass::text, c.conbin::text FROM pg_constraint AS c
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = c.conrelid
  UNION ALL
  SELECT t.tgrelid::regclass::text, t.tgqual::text FROM pg_trigger AS t
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid
  UNION ALL
  SELECT i.indrelid::regclass::text, concat(i.indexprs::text, i.indpred::text) FROM pg_index AS i
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = i.indrelid),
used (object, class, oid) AS (
  SELECT t.object, 'pg_proc'::regclass, f[1]::oid
    FROM tree AS t, regexp_matches(t.tree, ':(?:funcid|opfuncid|hashfuncid|negfuncid|elemfuncid|aggfnoid|winfnoid|startInRangeFunc|endInRangeFunc) (\d+)', 'g') AS f
  UNION ALL
  SELECT t.object, 'pg_operator'::regclass, f[1]::oid
    FROM tree AS t, regexp_matches(t.tree, ':(?:opno|eqop|sortop|setOperators) (\d+)', 'g') AS f
  UNION ALL
  SELECT t.object, 'pg_operator'::regclass, o::oid
    FROM tree AS t, regexp_matches(t.tree, ':(?:opnos|aggargorder) \(o ([\d ]+)\)', 'g') AS f, regexp_split_to_table(f[1], ' ') AS o
  UNION ALL
  SELECT t.tgrelid::regclass::text, 'pg_proc'::regclass, t.tgfoid FROM pg_trigger AS t
    JOIN member AS m ON m.classid = 'pg_class'::regclass AND m.objid = t.tgrelid WHERE NOT t.tgisinternal)
SELECT DISTINCT u.object || ': ' || pg_describe_object(u.class, u.oid, 0)
  FROM used AS u
  LEFT JOIN pg_proc AS p ON u.class = 'pg_proc'::regclass AND p.oid = u.oid
  LEFT JOIN pg_operator AS o ON u.class = 'pg_operator'::regclass AND o.oid = u.oid
 WHERE u.oid <> 0 AND (coalesce(p.pronamespace, o.oprnamespace) = 'pg_catalog'::regnamespace
                       OR EXISTS (SELECT FROM member AS m WHERE m.classid = u.class AND m.objid = u.oid)) IS };

# Functions whose bodies are looked up when they run
my $bodies = q{
SELECT p.oid::regprocedure FROM pg_proc AS p JOIN pg_language AS l ON l.oid = p.prolang
 WHERE p.pronamespace = 'querywatch'::regnamespace AND l.lanname <> 'c'
   AND p.proconfig IS DISTINCT FROM '{"search_path=pg_catalog, pg_temp"}'};

sub is_clean
{
	my ($database, $what) = @_;
	is(query($database, "$walk NOT TRUE"), '', "$what: no view uses a function or operator of another");
	cmp_ok(scalar(split /\n/, query($database, "$walk TRUE")), '>', 100, "$what: the walk finds those of pg_catalog");
	is(query($database, $bodies), '', "$what: no function looks for names anywhere else");
	is(query($database, q{SELECT count(*) FROM pg_depend AS d JOIN pg_extension AS e ON e.oid = d.refobjid
WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'pg_querywatch' AND d.classid = 'pg_namespace'::regclass
  AND d.objid = 'querywatch'::regnamespace}), '1', "$what: the schema belongs to the extension");
}

#
# A schema that is there already
#
my $hint = qr/schema "querywatch" already exists.*HINT: [^\n]*DROP SCHEMA/s;

# In a database where another role may create schemas: it has made one with an
# operator that fits the views' expressions better than that of pg_catalog
query('postgres', 'CREATE DATABASE squat; GRANT CREATE ON DATABASE squat TO squatter');
query('squat', q{
CREATE SCHEMA querywatch;
CREATE FUNCTION querywatch.evil(double precision, integer) RETURNS double precision LANGUAGE plpgsql AS
$$BEGIN RAISE WARNING 'evil runs as %', current_user; RETURN $1; END$$;
CREATE OPERATOR querywatch.* (LEFTARG = double precision, RIGHTARG = integer, FUNCTION = querywatch.evil);
}, extra_params => [ '-U', 'squatter' ]);
my $create = 'CREATE EXTENSION pg_querywatch';
my $err = failure('squat', $create);
like($err, $hint, 'a schema of another role is refused');
unlike($err, qr/give/i, 'and nobody is told to take it over');
query('squat', 'ALTER SCHEMA querywatch OWNER TO CURRENT_USER');
like(failure('squat', $create), $hint, 'given away, it is refused still');
query('squat', 'DROP OWNED BY squatter');
query('squat', 'CREATE SCHEMA IF NOT EXISTS querywatch');
query('squat', $create);
is_clean('squat', 'empty and ours');
is(failure('squat', 'SELECT count(*), sum(longest_transaction) FROM querywatch.connections; SELECT count(*) FROM querywatch.idle_in_transaction'), '', 'the views run nothing of the squatter');
# (the walk would find it)
my $found = query('squat', qq{
BEGIN;
CREATE FUNCTION evil(double precision, integer) RETURNS double precision LANGUAGE sql AS 'SELECT \$1';
CREATE OPERATOR public.* (LEFTARG = double precision, RIGHTARG = integer, FUNCTION = public.evil);
CREATE VIEW trap AS SELECT longest_transaction * 1 AS x FROM querywatch.connections;
ALTER EXTENSION pg_querywatch ADD VIEW trap;
$walk NOT TRUE;
ROLLBACK});
like($found, qr/^trap: $_ /m, "an $_ of another in a view would be found") foreach 'operator', 'function';
query('squat', 'DROP EXTENSION pg_querywatch');
is(query('squat', q{SELECT to_regnamespace('querywatch') IS NULL}), 't', 'DROP EXTENSION drops the schema');

# Each kind of object in it, and each way of being another's
foreach my $case (
	[ 'a table', 'CREATE TABLE querywatch.t ()' ],
	[ 'a function', q{CREATE FUNCTION querywatch.f() RETURNS int LANGUAGE sql AS 'SELECT 1'} ],
	[ 'an operator', 'CREATE OPERATOR querywatch.+ (LEFTARG = text, RIGHTARG = text, FUNCTION = textcat)' ],
	[ 'a type', q{CREATE TYPE querywatch.e AS ENUM ('a')} ],
	[ 'a shell type', 'CREATE TYPE querywatch.s' ],
	[ 'a domain', 'CREATE DOMAIN querywatch.d AS int' ],
	[ 'an operator family', 'CREATE OPERATOR FAMILY querywatch.f USING btree' ],
	[ 'a collation', 'CREATE COLLATION querywatch.c FROM "C"' ],
	[ 'a conversion', q{CREATE CONVERSION querywatch.c FOR 'LATIN1' TO 'UTF8' FROM iso8859_1_to_utf8} ],
	[ 'a text search configuration', 'CREATE TEXT SEARCH CONFIGURATION querywatch.c (COPY = simple)' ],
	[ 'a text search dictionary', 'CREATE TEXT SEARCH DICTIONARY querywatch.d (TEMPLATE = simple)' ],
	[ 'statistics', 'CREATE TABLE t (a int, b int); CREATE STATISTICS querywatch.s ON a, b FROM t' ],
	[ 'default privileges', 'ALTER DEFAULT PRIVILEGES IN SCHEMA querywatch GRANT SELECT ON TABLES TO squatter' ],
	[ 'another may create', 'GRANT CREATE ON SCHEMA querywatch TO squatter' ],
	[ 'everybody may create', 'GRANT ALL ON SCHEMA querywatch TO PUBLIC' ],
	[ 'of another superuser', 'ALTER SCHEMA querywatch OWNER TO admin' ])
{
	my ($what, $sql) = @$case;
	is(failure('postgres', "BEGIN; CREATE SCHEMA querywatch; $sql; DO 'BEGIN CREATE EXTENSION pg_querywatch; EXCEPTION WHEN duplicate_schema THEN RAISE WARNING ''refused''; END'; ROLLBACK") =~ /refused/ ? 'refused' : '', 'refused', "$what: refused");
}

# What another transaction is about to create in the schema as it was
query('postgres', 'CREATE DATABASE race');
query('race', 'CREATE SCHEMA querywatch; GRANT CREATE, USAGE ON SCHEMA querywatch TO squatter');
my $squatter = Session->new($node, role => 'squatter', database => 'race');
$squatter->query(q{BEGIN; CREATE FUNCTION querywatch.evil(double precision, integer) RETURNS double precision LANGUAGE sql AS 'SELECT $1';
CREATE OPERATOR querywatch.* (LEFTARG = double precision, RIGHTARG = integer, FUNCTION = querywatch.evil);});
query('race', 'REVOKE ALL ON SCHEMA querywatch FROM squatter');
# (a server that locks a schema for what is created in it makes it wait)
$err = failure('race', "SET lock_timeout = '5s'; $create");
$squatter->query('COMMIT');
$squatter->quit;
if ($err eq '')
{
	is_clean('race', 'with another that creates meanwhile');
	is(query('race', q{SELECT count(*) FROM pg_operator WHERE oprnamespace = 'querywatch'::regnamespace}), '0', 'its operator is not in the schema');
}
else
{
	like($err, qr/lock timeout/, 'while another creates, it waits');
	like(failure('race', $create), $hint, 'and is refused then');
}

#
# The list of ignored statements
#
my @loop = map { "SELECT name FROM item WHERE id = $_;\n" } 1 .. 7;

# What on_repeat says to a loop over items
sub acts
{
	my ($database, $before) = @_;
	my $err = failure($database, "SET pg_querywatch.on_repeat = notice;\nBEGIN;\n" . ($before // '') . "@loop COMMIT");
	return $err =~ /repeated lookup/ ? 'acts' : $err;
}

my $item = 'CREATE TABLE item (id int PRIMARY KEY, name text); GRANT SELECT ON item TO PUBLIC; INSERT INTO item SELECT i, $$x$$ FROM generate_series(1, 10) AS i;';
my $id = q{(SELECT s.queryid FROM querywatch.statements AS s JOIN pg_database AS d ON d.oid = s.dbid
             WHERE d.datname = current_database() AND s.query = 'SELECT name FROM item WHERE id = $1' LIMIT 1)};

# One that is not the extension's, where the extension is not installed
query('postgres', 'CREATE DATABASE stranger');
query('stranger', $item);
is(acts('stranger'), 'acts', 'a repeat acts');
query('squat', $create);
my $known = query('squat', $id =~ s/current_database\(\)/'stranger'/r);
query('stranger', qq{
CREATE SCHEMA querywatch AUTHORIZATION squatter;
SET ROLE squatter;
CREATE TABLE querywatch.ignored (queryid bigint PRIMARY KEY, query text, reason text, ignored_by name, ignored_at timestamptz, query_hash bigint);
INSERT INTO querywatch.ignored VALUES ($known, 'SELECT name FROM item WHERE id = \$1', 'trap', 'x', now(), 0);
});
is(acts('stranger'), 'acts', "another role's list is not read");

# The extension's, long
query('postgres', "$create; $item");
is(acts('postgres'), 'acts', 'a repeat acts where nothing is ignored');
query('postgres', q{INSERT INTO querywatch.ignored (queryid, query, reason, ignored_by, ignored_at)
SELECT i, 'SELECT ' || repeat('x', 2000) || i, 'many', 'x', now() FROM generate_series(1, 20000) AS i; ANALYZE querywatch.ignored});
query('postgres', "SELECT querywatch.ignore($id, 'meant')");
is(acts('postgres'), '', 'an ignored one does not');
query('postgres', 'UPDATE querywatch.ignored SET queryid = 0 WHERE reason = $$meant$$');
is(acts('postgres'), '', 'nor one that is known by its text');
sub blocks_read
{
	return query('postgres', q{SELECT pg_stat_force_next_flush(); SELECT heap_blks_read + heap_blks_hit FROM pg_statio_all_tables WHERE relid = 'querywatch.ignored'::regclass}) =~ s/\s//gr;
}
cmp_ok(query('postgres', q{SELECT pg_relation_size('querywatch.ignored') / 8192}), '>', 100, 'the list has many blocks');
my $before = blocks_read();
acts('postgres', "SELECT pg_stat_force_next_flush();\n");
my $read = blocks_read() - $before;
cmp_ok($read, '>', 0, 'to know it, the list is read');
cmp_ok($read, '<=', 10, 'but few blocks of it');
query('postgres', 'DELETE FROM querywatch.ignored WHERE reason = $$meant$$');
is(acts('postgres'), 'acts', 'and it acts again');

# Locks of the list, its indexes, and what says whose it is
my $locker = Session->new($node);
foreach my $lock ('LOCK querywatch.ignored', 'REINDEX INDEX querywatch.ignored_pkey', 'REINDEX INDEX querywatch.ignored_query_hash_idx')
{
	$locker->query("BEGIN; $lock");
	is(acts('postgres', "SET LOCAL statement_timeout = '10s';\n"), '', "$lock: nothing waits, and nothing is said");
	$locker->query('ROLLBACK');
}
# A text that is stored out of line, and the index that leads to it
my $long = 'SELECT ' . join(', ', map { 'name AS a' . join('', map { ('a' .. 'z', 0 .. 9)[ rand 36 ] } 1 .. 50) } 1 .. 55) . ' FROM item WHERE id = ';
@loop = map { "$long$_;\n" } 1 .. 7;
$id = qq{(SELECT s.queryid FROM querywatch.statements AS s JOIN pg_database AS d ON d.oid = s.dbid
           WHERE d.datname = current_database() AND s.query = '$long\$1' LIMIT 1)};
is(acts('postgres'), 'acts', 'a long one acts');
query('postgres', "SELECT querywatch.ignore($id, 'long'); UPDATE querywatch.ignored SET queryid = 0 WHERE reason = 'long'");
is(acts('postgres'), '', 'a long one that is ignored does not');
is(query('postgres', q{SELECT octet_length(query) > 3000, pg_column_size(query) > 2000 FROM querywatch.ignored WHERE reason = 'long'}), 't|t', 'it is stored out of line');
my $toast = query('postgres', q{SELECT i.indexrelid::regclass FROM pg_class AS c JOIN pg_index AS i ON i.indrelid = c.reltoastrelid WHERE c.oid = 'querywatch.ignored'::regclass});
$locker->query("BEGIN; REINDEX INDEX $toast");
is(acts('postgres', "SET LOCAL statement_timeout = '10s';\n"), '', 'nor does it wait for what is out of line');
$locker->query('ROLLBACK');
$locker->quit;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

# Values, tags and secrets in no place that a setting, or the documentation,
# says that they are kept out of; and the same rule for every way to read.

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
pg_querywatch.slow_threshold = 0
pg_querywatch.repeat_gap = '1min'
pg_querywatch.track = all
log_statement = none
fsync = off
});
$node->start;

sub query { return $node->safe_psql('postgres', shift); }

# All that the extension says, as a superuser, of what it has seen since reset()
sub everything
{
	my ($database) = @_;
	return $node->safe_psql($database // 'postgres', q{
SET pg_querywatch.slow_threshold = -1;
SET pg_querywatch.track = none;
SELECT s::text FROM querywatch.slow_statements AS s;
SELECT s::text FROM querywatch.statements AS s;
SELECT r::text FROM querywatch.repeated_statements AS r;
SELECT f::text FROM querywatch.all_findings AS f;
});
}
sub forget { query('SELECT querywatch.reset(), querywatch.reset_slow(), querywatch.reset_patterns()'); }

query('CREATE EXTENSION pg_querywatch');

#
# capture_parameters = off keeps values out of slow executions, plans, patterns,
# findings, messages and the server's log
#
query(q{
CREATE TABLE item (id int PRIMARY KEY, name text, price numeric);
INSERT INTO item SELECT i, 'sesame ' || i, i FROM generate_series(1, 100) AS i;
CREATE FUNCTION fails(text) RETURNS int LANGUAGE plpgsql AS 'BEGIN RAISE EXCEPTION USING MESSAGE = $$failed$$; END';
});
my $values = join '', map { "$_;\n" } (
	q{SELECT id FROM item WHERE name = 'needle' AND price = 734512},
	q{SELECT id FROM item WHERE name = E'it\'s needle' OR name = U&'needle\0021' OR name = $x$needle$x$ OR name = N'needle' OR name = 'a' 'b'},
	q{SELECT id FROM item WHERE name LIKE 'needle%' LIMIT 734512},
	q{PREPARE p (text, int) AS SELECT name FROM item WHERE name = $1 AND id = $2 AND name <> 'needle'},
	q{EXECUTE p ('needle', 734512)},
	q{SET plan_cache_mode = force_generic_plan},
	q{EXECUTE p ('needle', 734512)},
	q{INSERT INTO item VALUES (734512, 'needle', -734512.5) ON CONFLICT DO NOTHING},
	q{SELECT fails('needle') /* a comment */},
	q{COMMENT ON TABLE item IS 'needle'},
	q{DO $$BEGIN PERFORM fails('needle'); EXCEPTION WHEN OTHERS THEN NULL; END$$},
	q{SET application_name = 'client'},
	q{BEGIN},
	q{DECLARE c CURSOR FOR SELECT * FROM item WHERE name = 'needle'},
	q{FETCH ALL FROM c},
	q{COMMIT},
	q{SELECT 'needle' || pg_sleep(0.01)},
	q{SELECT repeat('needle', 3000) || 'needle' IS NULL},
	'BEGIN', (map { "SELECT price FROM item WHERE name = 'needle $_' AND id = 734512" } 1 .. 8), 'ROLLBACK',
	'BEGIN', (map { "SELECT price FROM item WHERE id = 734512$_" } 1 .. 8), 'ROLLBACK',
	q{SET statement_timeout = '50ms'},
	q{SELECT 'needle', pg_sleep(1)});
foreach my $on_repeat ('off', 'notice', 'log', 'error')
{
	my ($out, $err);
	my $start = -s $node->logfile;
	forget();
	# (of other errors the server logs the statement)
	$node->psql('postgres', "SET log_min_error_statement = panic; SET pg_querywatch.capture_parameters = off; SET pg_querywatch.on_repeat = $on_repeat; \\o /dev/null\n$values", stdout => \$out, stderr => \$err, on_error_stop => 0);
	my $log = slurp_file($node->logfile, $start);
	like($err . $log, qr/duplicate query|repeated lookup|N\+1/, "$on_repeat: is said") if $on_repeat ne 'off';
	unlike(join('', grep { /querywatch|repeated|duplicate|DETAIL|HINT/ } split /^/, $err . $log), qr/needle \d|734512/, "$on_repeat: no value in what is said");
	my $all = everything();
	like($all, qr/FROM item WHERE name = \$1/, "$on_repeat: the statements are there");
	unlike(query(q{SET pg_querywatch.track = none; SELECT s::text FROM querywatch.slow_statements AS s}), qr/needle|734512/, "$on_repeat: no value in slow_statements");
	is(query(q{SET pg_querywatch.track = none; SELECT count(*) FROM querywatch.slow_statements WHERE (plan IS NOT NULL OR parameters <> '{}') AND query !~ 'reset'}), '0', "$on_repeat: nor a plan");
	is(query(q{SET pg_querywatch.track = none; SELECT count(*) FROM querywatch.repeated_statements WHERE example_parameters::text ~ 'needle|734512'}), '0', "$on_repeat: no example");
	unlike(query(q{SET pg_querywatch.track = none; SELECT f.evidence, f.suggestion, f.rewrite FROM querywatch.all_findings AS f}), qr/needle|734512/, "$on_repeat: no value in findings");
}
# The server adds the statement to what is logged; not to this
my $start = -s $node->logfile;
query('SET pg_querywatch.capture_parameters = off; SET pg_querywatch.on_repeat = log; BEGIN; ' . join('', map { "SELECT price FROM item WHERE id = 734512$_; " } 1 .. 8) . 'COMMIT');
my $log = slurp_file($node->logfile, $start);
like($log, qr/repeated lookup/, 'a repeat is logged');
unlike($log, qr/734512/, 'without its statement');

#
# Tags
#
my $tags = q{/*route='needle',job='needle',traceparent='00-5e5a3e5e5a3e5e5a3e5e5a3e5e5a3e00-00f067aa0ba902b7-01'*/};
forget();
query("SET pg_querywatch.tags = ''; SELECT name FROM item WHERE id = 1 $tags; $tags SELECT price FROM item WHERE id = 2; COMMENT ON TABLE item IS 'x' $tags; PREPARE q AS SELECT id FROM item WHERE id = 3 $tags; EXECUTE q");
is(query(q{SET pg_querywatch.track = none; SELECT count(*) FROM querywatch.slow_statements WHERE query ~ 'item'}) >= 4 ? 1 : 0, 1, 'statements with tags are logged');
unlike(query(q{SET pg_querywatch.track = none; SELECT s::text FROM querywatch.slow_statements AS s}), qr/needle/, 'without tags, their comment is not in the text');
unlike(query(q{SET pg_querywatch.track = none; SELECT query FROM querywatch.statements}), qr/needle/, 'nor is it ever in statements, of utility statements neither');
cmp_ok(query(q{SET pg_querywatch.track = none; SELECT count(*) FROM querywatch.slow_statements AS s WHERE trace_id ~ '^5e5a3e'}), '>=', 3, 'trace ids stay');
forget();
query("SELECT name FROM item WHERE id = 1 $tags");
like(query(q{SELECT query FROM querywatch.slow_statements WHERE query ~ '^SELECT name'}), qr/route='needle'/, 'with tags, the text is as it was sent');

#
# Secrets of utility statements
#
query('CREATE FOREIGN DATA WRAPPER dummy');
my $reset = q{ALTER SYSTEM RESET primary_conninfo; ALTER ROLE CURRENT_USER RESET ALL; ALTER DATABASE postgres RESET ALL};
# Statement, and what stays of it
my @secrets = (
	[ q{CREATE ROLE r LOGIN PASSWORD 'needle'}, 'CREATE ROLE r LOGIN PASSWORD' ],
	[ q{ALTER ROLE r VALID UNTIL 'infinity' ENCRYPTED PASSWORD $x$needle$x$ LOGIN}, q{ALTER ROLE r VALID UNTIL 'infinity' ENCRYPTED PASSWORD} ],
	[ q{ALTER USER r PASSWORD E'needle'}, 'ALTER USER r PASSWORD' ],
	[ q{ALTER ROLE r PASSWORD U&'\006Eeedle'}, 'ALTER ROLE r PASSWORD' ],
	[ q{ALTER ROLE r /* not 'needle' */ PASSWORD 'needle'}, 'ALTER ROLE r' ],
	[ q{/*route='needle'*/ ALTER ROLE r PASSWORD 'needle' /*job='needle'*/}, 'ALTER ROLE r PASSWORD' ],
	[ q{ALTER ROLE r PASSWORD NULL}, 'ALTER ROLE r PASSWORD NULL' ],
	[ q{ALTER SYSTEM SET primary_conninfo = 'host=x password=needle'}, 'ALTER SYSTEM SET primary_conninfo =' ],
	[ q{ALTER SYSTEM SET ssl_passphrase_command TO 'echo needle'}, 'ALTER SYSTEM SET ssl_passphrase_command TO' ],
	[ q{ALTER SYSTEM SET archive_command = 'scp -p needle'}, 'ALTER SYSTEM SET archive_command =' ],
	[ q{ALTER SYSTEM SET work_mem = '5MB'}, q{ALTER SYSTEM SET work_mem = '5MB'} ],
	[ q{SET app.password = needle}, 'SET app.password =' ],
	[ q{SET "app.api_key" TO E'needle', needle}, 'SET "app.api_key" TO' ],
	[ q{SET LOCAL app.jwt TO 'needle'}, 'SET LOCAL app.jwt TO' ],
	[ q{ALTER ROLE r SET app.secret = 'needle'}, 'ALTER ROLE r SET app.secret =' ],
	[ q{ALTER DATABASE postgres SET app.database_url = 'needle'}, 'ALTER DATABASE postgres SET app.database_url =' ],
	[ q{CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1' SET app.secret = 'needle'}, q{CREATE FUNCTION f() RETURNS int LANGUAGE sql AS 'SELECT 1' SET app.secret =} ],
	[ q{ALTER FUNCTION f() SET app.secret = 'needle'}, 'ALTER FUNCTION f() SET app.secret =' ],
	[ q{ALTER FOREIGN DATA WRAPPER dummy OPTIONS (ADD "it's" 'needle')}, q{ALTER FOREIGN DATA WRAPPER dummy OPTIONS (ADD "it's"} ],
	[ q{CREATE FOREIGN DATA WRAPPER dummy2 OPTIONS (key 'needle')}, 'CREATE FOREIGN DATA WRAPPER dummy2 OPTIONS (key' ],
	[ q{CREATE SERVER s TYPE 'type' VERSION '1' FOREIGN DATA WRAPPER dummy OPTIONS (a 'needle')}, q{CREATE SERVER s TYPE 'type' VERSION '1' FOREIGN DATA WRAPPER dummy OPTIONS (a} ],
	[ q{ALTER SERVER s VERSION '2' OPTIONS (DROP a, ADD b 'needle')}, q{ALTER SERVER s VERSION '2' OPTIONS (DROP a, ADD b} ],
	[ q{CREATE USER MAPPING FOR r SERVER s OPTIONS (token 'needle')}, 'CREATE USER MAPPING FOR r SERVER s OPTIONS (token' ],
	[ q{ALTER USER MAPPING FOR r SERVER s OPTIONS (SET token 'needle')}, 'ALTER USER MAPPING FOR r SERVER s OPTIONS (SET token' ],
	[ q{CREATE FOREIGN TABLE ft (a int DEFAULT 1, b text CHECK (b <> 'x') OPTIONS (c 'needle')) SERVER s OPTIONS (d 'needle')}, undef ],
	[ q{CREATE FOREIGN TABLE ft (a text DEFAULT 'x') SERVER s OPTIONS (d 'needle')}, q{CREATE FOREIGN TABLE ft (a text DEFAULT 'x') SERVER s OPTIONS (d} ],
	[ q{ALTER FOREIGN TABLE ft OPTIONS (ADD e 'needle')}, 'ALTER FOREIGN TABLE ft OPTIONS (ADD e' ],
	[ q{ALTER FOREIGN TABLE ft ALTER a OPTIONS (ADD e 'needle')}, 'ALTER FOREIGN TABLE ft ALTER a OPTIONS (ADD e' ],
	[ q{ALTER FOREIGN TABLE ft ADD COLUMN g text OPTIONS (e 'needle')}, 'ALTER FOREIGN TABLE ft ADD COLUMN g text OPTIONS (e' ],
	[ q{IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public OPTIONS (f 'needle')}, 'IMPORT FOREIGN SCHEMA public FROM SERVER s INTO public OPTIONS (f' ],
	[ q{CREATE SUBSCRIPTION sub CONNECTION 'host=/nowhere password=needle' PUBLICATION p WITH (connect = false)}, 'CREATE SUBSCRIPTION sub CONNECTION' ],
	[ q{ALTER SUBSCRIPTION sub CONNECTION $x$host=/nowhere password=needle$x$}, 'ALTER SUBSCRIPTION sub CONNECTION' ],
	[ q{ALTER SUBSCRIPTION sub SET (slot_name = none)}, 'ALTER SUBSCRIPTION sub SET (slot_name = none)' ],
	[ q{DROP SUBSCRIPTION sub}, 'DROP SUBSCRIPTION sub' ],
	[ q{COPY (SELECT 1) TO PROGRAM 'true needle'}, 'COPY (SELECT 1) TO PROGRAM' ],
	[ q{CREATE ROLE r PASSWORD 'needle'}, 'CREATE ROLE r PASSWORD' ]);    # fails
foreach my $case (@secrets)
{
	my ($sql, $kept) = @$case;
	forget();
	$node->psql('postgres', "$sql;", on_error_stop => 0);
	my $where = q{WHERE query !~ 'querywatch'};
	unlike(query("SET pg_querywatch.track = none; SELECT query FROM querywatch.statements $where UNION ALL SELECT query FROM querywatch.slow_statements $where"), qr/needle/i, "$sql: no secret");
	next unless defined $kept;
	# (newer servers replace some constants)
	my $texts = query("SET pg_querywatch.track = none; SELECT DISTINCT btrim(query) FROM querywatch.slow_statements $where");
	like($texts, qr/^\Q$kept\E( [EU]&?)?$/m, 'the rest is kept');
}
query($reset);
# one of several statements in a string, and one inside a function
forget();
$node->psql('postgres', q{DO $$BEGIN EXECUTE 'ALTER ROLE r PASSWORD ''nee' || 'dle'''; END$$}, extra_params => [ '-c', q{SELECT 1 \; ALTER ROLE r PASSWORD 'needle' \; SELECT 2} ]);
unlike(query(q{SET pg_querywatch.track = none; SELECT query FROM querywatch.statements UNION ALL SELECT query FROM querywatch.slow_statements}), qr/needle/, 'of several statements, and inside a function');

#
# end_capture() shows texts under the rule of the views
#
query('CREATE ROLE alice; CREATE ROLE bob LOGIN IN ROLE alice; CREATE TABLE private (card text); ALTER TABLE private OWNER TO alice; GRANT SELECT ON item TO alice, bob');
my $capture = q{
SELECT querywatch.begin_capture() \g /dev/null
SET ROLE alice;
INSERT INTO private (card) VALUES ('4111');
SELECT name FROM item WHERE id = 1 \g /dev/null
RESET ROLE;
SELECT name FROM item WHERE id = 1 \g /dev/null
SELECT name FROM item WHERE id = 2 \g /dev/null
};
my $rows = 'SELECT queryid IS NOT NULL, query, executions, distinct_parameters FROM querywatch.end_capture() ORDER BY n';
is($node->safe_psql('postgres', "$capture $rows", extra_params => [ '-U', 'bob' ]), q{f|<insufficient privilege>|1|1
f|<insufficient privilege>|1|1
t|SELECT name FROM item WHERE id = $1|2|2}, "end_capture() hides another role's statements");
is($node->safe_psql('postgres', "$capture SET ROLE alice; $rows", extra_params => [ '-U', 'bob' ]), q{t|INSERT INTO private (card) VALUES ($1)|1|1
t|SELECT name FROM item WHERE id = $1|1|1
f|<insufficient privilege>|2|2}, 'and shows them to that role');
is($node->safe_psql('postgres', "$capture SET ROLE alice; RESET ROLE; RESET SESSION AUTHORIZATION; SELECT count(*) FROM querywatch.end_capture() WHERE queryid IS NULL", extra_params => [ '-U', query('SELECT current_user') ]), '0', 'and to a superuser');

#
# busy_times() hides what connections hides
#
query('CREATE ROLE eve LOGIN');
my $seen = q{SELECT count(*) FILTER (WHERE b.busy_time IS NOT NULL AND b.pid <> pg_backend_pid()), count(*) FILTER (WHERE b.pid = pg_backend_pid() AND b.busy_time IS NOT NULL), count(*) > 1
 FROM querywatch.busy_times() AS b};
my $busy = Session->new($node);
$busy->query("SELECT 1");
is($node->safe_psql('postgres', $seen, extra_params => [ '-U', 'eve' ]), '0|1|t', "busy_times() hides other roles' connections");
is(query($seen), '1|1|t', 'and shows them to a superuser');
query('GRANT pg_read_all_stats TO eve');
is($node->safe_psql('postgres', $seen, extra_params => [ '-U', 'eve' ]), '1|1|t', 'and to pg_read_all_stats');
$busy->quit;

unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');
$node->stop;
done_testing();

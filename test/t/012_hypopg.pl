# Indexes tried with HypoPG before they are advised

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
pg_querywatch.track = 'all'
fsync = off
});
$node->start;

sub query { return $node->safe_psql('postgres', shift); }

if (query(q{SELECT count(*) FROM pg_available_extensions WHERE name = 'hypopg'}) eq '0')
{
	plan skip_all => 'HypoPG is not installed';
}

query(q{
CREATE EXTENSION pg_querywatch;
CREATE TABLE posts (id int PRIMARY KEY, author_id int, state text);
INSERT INTO posts SELECT i, i % 1000, 'same' FROM generate_series(1, 20000) AS i;
CREATE TABLE planned (by text);
CREATE FUNCTION writes() RETURNS int LANGUAGE plpgsql IMMUTABLE AS
	$$ BEGIN INSERT INTO planned VALUES (current_user); RETURN 1; END $$;
CREATE TABLE events (id int, day date) PARTITION BY RANGE (day);
CREATE TABLE events_2024 PARTITION OF events FOR VALUES FROM ('2024-01-01') TO ('2025-01-01');
INSERT INTO events SELECT i, '2024-02-01' FROM generate_series(1, 5000) AS i;
ANALYZE;
});

sub advice
{
	my ($statement, $relation, $columns) = @_;
	return query("SELECT $columns FROM querywatch.missing_index(\$\$$statement\$\$, '$relation')");
}

is( advice('SELECT * FROM posts WHERE author_id = $1', 'posts', 'statement, cost IS NULL'),
	'CREATE INDEX CONCURRENTLY ON public.posts (author_id)|t', 'without HypoPG there are no costs');

# In a schema that nobody's search_path has
query('CREATE SCHEMA "Hypo"; CREATE EXTENSION hypopg SCHEMA "Hypo"');

is( advice('SELECT * FROM posts WHERE author_id = $1', 'posts',
		'statement, cost > 100, cost_with_index < cost'),
	'CREATE INDEX CONCURRENTLY ON public.posts (author_id)|t|t',
	'the planner would use it, at less cost');
is( advice('SELECT count(*) FROM posts WHERE author_id + $2 = $1 AND author_id = $3', 'posts',
		'cost_with_index < cost'), 't', 'with parameters of all kinds');
is(advice('UPDATE posts SET state = $1 WHERE author_id = $2', 'posts', 'cost_with_index < cost'),
	't', 'an UPDATE');
is(advice('SELECT * FROM posts WHERE state = $1', 'posts', 'count(statement)'),
	'0', 'not advised where the planner would not use it');
is( advice('SELECT * FROM events WHERE id = $1', 'events_2024', 'statement'),
	'CREATE INDEX ON public.events (id)', 'a partitioned table');

# Planning may run what the statement's role made: nothing is written
is( advice('SELECT * FROM posts WHERE author_id = writes() AND state = $1', 'posts', 'statement IS NOT NULL, cost IS NULL'),
	't|t', 'a function that writes when it is planned fails, and so does the trial only');
is(query('SELECT count(*) FROM planned'), '0', 'it has written nothing');

# Statements that ran are tried with the types that they ran with
query(q{CREATE TABLE many AS SELECT i AS id, i % 1000 AS author_id, 'same'::text AS state
  FROM generate_series(1, 40000) AS i;
ANALYZE many;
SELECT querywatch.reset();
SELECT count(*) FROM many WHERE author_id = 7;
SELECT count(*) FROM many WHERE author_id = 7.0;
SELECT count(*) FROM many WHERE state = 'same' AND id % 7000 = 1;});
is( query(q{SELECT confidence, rewrite, evidence ~ 'with the index \d+ \(tried with HypoPG\)', evidence ~ 'numeric'
FROM querywatch.findings WHERE kind = 'missing_index' ORDER BY rewrite}),
	"confirmed|CREATE INDEX CONCURRENTLY ON public.many (author_id)|t|f\nlikely||f|t",
	'findings: one tried, one whose types do not match, none that the planner would not use');

# Nothing is left behind
is( query(q{SELECT statement IS NOT NULL FROM querywatch.missing_index('SELECT * FROM posts WHERE author_id = $1', 'posts');
SELECT count(*) FROM "Hypo".hypopg_list_indexes;
SELECT current_setting('transaction_read_only'), current_user = session_user, current_setting('pg_querywatch.track')}),
	"t\n0\noff|t|all", 'no hypothetical index, setting or role stays');
is( query(q{SELECT * FROM "Hypo".hypopg_create_index('CREATE INDEX ON posts (state)') \g /dev/null
SELECT cost > 0 FROM querywatch.missing_index('SELECT * FROM posts WHERE author_id = $1', 'posts');
SELECT count(*) FROM "Hypo".hypopg_list_indexes}),
	"t\n1", "the user's own hypothetical indexes stay");

$node->stop;
unlike(slurp_file($node->logfile), qr/PANIC|TRAP|terminated by signal/, 'no crash');

done_testing();

"""Who calls the code of a role whose statements others read?

A role sends random statements with literals of types whose input, casts,
operators and estimates call functions of its own, in random places of the
grammar, in loops, so that there are findings, and changes its objects between
them: views, expression indexes, statistics, policies, constraints, types.
Meanwhile a superuser and a member of pg_monitor read every view.  Each of the
functions writes to the server's log who calls it, in which process: never may
that be a reader's.  (Of the role's own calls one in a hundred is written.)

usage: statements.py SECONDS [SEED]

The server is that of PGHOST and PGPORT, with pg_querywatch preloaded; its log
is LOG.  The seed is printed.
"""

import os
import random
import re
import sys
import threading
import time

import psycopg2

DATABASE = "fuzz_statements"

SETUP = r"""
CREATE FUNCTION called(int) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
  IF current_setting('application_name') <> 'fuzz' OR random() < 0.01 THEN
    RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid();
  END IF;
  RETURN $1;
END $$;
CREATE FUNCTION definer(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE SECURITY DEFINER AS $$
BEGIN
  IF current_setting('application_name') <> 'fuzz' OR random() < 0.01 THEN
    RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid();
  END IF;
  RETURN true;
END $$;
CREATE FUNCTION setting(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE SET work_mem = '4MB' AS $$
BEGIN
  IF current_setting('application_name') <> 'fuzz' OR random() < 0.01 THEN
    RAISE LOG 'CALLED by % for % in %', current_user, session_user, pg_backend_pid();
  END IF;
  RETURN true;
END $$;
CREATE FUNCTION is_called(int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN fuzz_owner.called($1) IS NOT NULL; END $$;
CREATE FUNCTION same(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN fuzz_owner.called($1) = $2; END $$;
CREATE FUNCTION less(int, int) RETURNS bool LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN fuzz_owner.called($1) < $2; END $$;
CREATE FUNCTION distance(int, int) RETURNS float8 LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN fuzz_owner.called($1) - $2; END $$;
CREATE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT fuzz_owner.called($1)';
CREATE FUNCTION stable(int) RETURNS int LANGUAGE sql STABLE AS 'SELECT fuzz_owner.called($1)';
CREATE FUNCTION rows(int) RETURNS SETOF int LANGUAGE sql STABLE AS 'SELECT fuzz_owner.called($1)';
CREATE DOMAIN d AS int CHECK (is_called(VALUE));
CREATE DOMAIN dd AS d CHECK (VALUE > called(-1));
CREATE DOMAIN ds AS text CHECK (is_called(length(VALUE)));
CREATE DOMAIN da AS int[] CHECK (is_called(VALUE[1]));
CREATE DOMAIN dx AS int CHECK (definer(VALUE) AND setting(VALUE));
CREATE FUNCTION added(dx, int) RETURNS dx LANGUAGE sql IMMUTABLE AS 'SELECT $1';
CREATE FUNCTION result(dx) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT 1';
CREATE AGGREGATE of_dx (int) (sfunc = added, stype = dx, initcond = '0', finalfunc = result, parallel = safe);
CREATE TYPE c AS (f d, g ds);
CREATE TYPE cc AS (f c, g da);
CREATE TYPE r AS RANGE (subtype = d);
CREATE TYPE m AS RANGE (subtype = int, subtype_diff = distance);
CREATE TYPE e AS ENUM ('one', 'two');
CREATE FUNCTION to_text(c) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN fuzz_owner.called(1)::text; END $$;
CREATE FUNCTION to_c(text) RETURNS c LANGUAGE plpgsql IMMUTABLE AS
  $$ BEGIN RETURN row(fuzz_owner.called(1), 'x')::fuzz_owner.c; END $$;
CREATE CAST (c AS text) WITH FUNCTION to_text(c) AS ASSIGNMENT;
CREATE CAST (text AS c) WITH FUNCTION to_c(text) AS IMPLICIT;
CREATE FUNCTION from_e(e) RETURNS int LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN called(1); END $$;
CREATE CAST (e AS int) WITH FUNCTION from_e(e) AS IMPLICIT;
CREATE FUNCTION e_json(e) RETURNS json LANGUAGE plpgsql STABLE SECURITY DEFINER SET work_mem = '4MB' AS
  $$ BEGIN PERFORM fuzz_owner.definer(1); RETURN '1'; END $$;
CREATE CAST (e AS json) WITH FUNCTION e_json(e);
CREATE OPERATOR === (leftarg = int, rightarg = int, function = same, restrict = eqsel, join = eqjoinsel);
CREATE OPERATOR !== (leftarg = int, rightarg = int, function = int4ne, restrict = neqsel, join = neqjoinsel, negator = ===);
CREATE OPERATOR >>>> (leftarg = int, rightarg = int, function = less, restrict = scalargtsel, join = scalargtjoinsel);
CREATE OPERATOR <<<< (leftarg = int, rightarg = int, function = int4lt, restrict = scalarltsel, join = scalarltjoinsel, commutator = >>>>);
CREATE AGGREGATE summed (int) (sfunc = int4pl, stype = int, initcond = '0', finalfunc = called);
CREATE TABLE t (id int, a int, b int, v d, s ds, w m, pad text);
INSERT INTO t SELECT i, i % 500, i, i, 'x', m(0, i), 'x' FROM generate_series(1, 8000) AS i;
CREATE TABLE u AS SELECT * FROM t;
CREATE TABLE parent (LIKE t);
CREATE TABLE child () INHERITS (parent);
INSERT INTO child SELECT * FROM t;
CREATE TABLE parted (LIKE t) PARTITION BY RANGE ((b + called(0)));
CREATE TABLE part PARTITION OF parted FOR VALUES FROM (MINVALUE) TO (MAXVALUE);
INSERT INTO parted SELECT * FROM t;
CREATE VIEW view1 AS SELECT * FROM t;
CREATE VIEW view2 AS SELECT * FROM u;
ANALYZE;
"""

TABLES = ("t", "u", "parent", "parted", "view1", "view2")

LITERALS = (
    "'1'::d", "d '2'", "'4'::dx", "CAST('3' AS dd)", "'x'::ds", "'{1}'::d[]", "'{1,2}'::dd[]",
    "'{3}'::da", "'(1,x)'::c", "'{\"(1,x)\"}'::c[]", "'(\"(1,x)\",{1})'::cc",
    "'[1,5]'::r", "'[1,5]'::m", "'{[1,5]}'::m[]", "row(1, 'x')::c", "row('1', 'x')::c",
    "'text'::text::c", "1::d", "NULL::d", "ARRAY['1', '2']::d[]", "'one'::e",
    "m(1, 5)", "r('1', '5')", "'one'::e::int", "called(1)", "inlined(2)", "stable(3)",
    "date '2020-01-01'", "interval '1' day", "'2020-01-01'::date", "$$x$$", "E'x\\n'",
    "B'101'", "X'1F'", "1.5", "-7", "true", "NULL",
)

CONDITIONS = (
    "b !== 5", "b === 5", "5 <<<< b", "NOT (b !== 7)", "m(0, b) && m(1, 5)", "w && m(1, 9)",
    "w @> 3", "v = 5", "v = '5'", "v::dd > 3", "s = 'x'", "b > called(0)", "b > inlined(0)",
    "b > stable(0)", "ARRAY[v] <> '{1}'::d[]", "row(1, 'x')::c::text <> pad",
    "b IN (SELECT rows(5))", "b IS DISTINCT FROM '4'::d", "(b, a) > (called(1), 2)",
    "b = ANY ('{1,2}'::d[])", "to_c(pad) IS NOT NULL", "'two'::e::int < b", "a = b",
    "b > (SELECT of_dx(a) FROM u AS u2)", "to_json('one'::e)::text <> pad", "b::dx > 0",
)

STATEMENTS = (
    "SELECT a, {x} FROM {t} WHERE a = {n} ORDER BY {x}",
    "SELECT {x}, count(*) FROM {t} WHERE a = {n} GROUP BY {x}",
    "SELECT DISTINCT ON ({x}) a FROM {t} WHERE a = {n} ORDER BY {x}",
    "SELECT {x}, count(*) OVER (PARTITION BY {x} ORDER BY {x}) FROM {t} WHERE a = {n}",
    "SELECT count(*) OVER w FROM {t} WHERE a = {n} WINDOW w AS (PARTITION BY {x})",
    "WITH q AS (SELECT {x} AS k FROM {t} WHERE a = {n} ORDER BY {x}) SELECT * FROM q",
    "WITH q AS MATERIALIZED (SELECT a, {x} AS k FROM {t}) SELECT k FROM q WHERE a = {n}",
    "SELECT {x} FROM {t} WHERE a = {n} UNION SELECT {x}",
    "SELECT {x} FROM {t} WHERE a = {n} LIMIT 5 OFFSET 0",
    "SELECT CASE WHEN a = {n} THEN {x} ELSE {x} END FROM {t} WHERE a = {n}",
    "SELECT coalesce({x}, {x}), {y} FROM {t} WHERE a = {n}",
    "SELECT array_agg(a ORDER BY {x}) FROM {t} WHERE a = {n} GROUP BY ROLLUP ({x})",
    "SELECT a FROM {t}, unnest(ARRAY[{x}]) AS k WHERE a = {n}",
    "SELECT a FROM {t}, LATERAL (SELECT {x} AS k) AS k WHERE a = {n} ORDER BY k",
    "SELECT a FROM {t}, (VALUES ({x}), ({x})) AS k (l) WHERE a = {n}",
    "SELECT a FROM {t} AS t1 WHERE a = {n} AND EXISTS (SELECT {x} FROM u WHERE u.id = t1.id ORDER BY {x})",
    "SELECT id, pad FROM {t} WHERE a = {n} AND {c}",
    "SELECT id, pad FROM {t} WHERE {c} AND {c2} AND a = {n}",
    "SELECT id, {x} FROM {t} WHERE a = {n} AND {x} IS NOT NULL",
    "SELECT t1.id FROM {t} AS t1 JOIN u AS t2 ON t1.b !== t2.b AND t1.id = t2.id WHERE t1.a = {n}",
    "SELECT summed(a), summed(b) FILTER (WHERE {c}) FROM {t} WHERE a = {n}",
    "SELECT x.k FROM {t}, XMLTABLE('/a' PASSING XMLPARSE(DOCUMENT '<a/>') COLUMNS k d PATH 'b' DEFAULT '1'::d) AS x WHERE a = {n}",
    "SELECT * FROM {t} TABLESAMPLE SYSTEM (100) WHERE a = {n} AND {c}",
    "SELECT jsonb_populate_record(NULL::c, '{{\"f\": 1}}'), {x} FROM {t} WHERE a = {n} ORDER BY {x}",
    "SELECT k.f FROM {t}, jsonb_to_record('{{\"f\": 1}}') AS k (f d) WHERE a = {n}",
    "INSERT INTO u (id, a, v, s) VALUES (-{n}, -1, '1', 'x')",
    "INSERT INTO u (id, a, v) SELECT -{n}, -1, {d} RETURNING {x}",
    "UPDATE u SET v = '5', s = 'y' WHERE id = {n} AND {c} RETURNING {x}",
    "DELETE FROM u WHERE id = -{n} AND {c}",
    "SELECT a FROM {t} WHERE a = {n} FOR UPDATE",
)

CHANGES = (
    "CREATE OR REPLACE VIEW {v} AS SELECT id, a, b, v, s, w, pad FROM {b} WHERE {c}",
    "CREATE OR REPLACE VIEW {v} AS SELECT id, a, b, v, s, w, pad FROM {b} WHERE {c} AND {c2}",
    "CREATE OR REPLACE VIEW {v} AS SELECT x.* FROM {b} AS x JOIN {b} AS y USING (id) WHERE x.b !== y.a",
    "CREATE OR REPLACE VIEW {v} AS SELECT * FROM {b}",
    "CREATE INDEX i{i} ON {b} ((b + called(3)))",
    "CREATE INDEX i{i} ON {b} (m(-9, b))",
    "CREATE INDEX i{i} ON {b} (b) WHERE called(5) = 5",
    "CREATE INDEX i{i} ON {b} USING gist (w)",
    "DROP INDEX IF EXISTS i{i}",
    "CREATE STATISTICS s{i} ON (called(a)), (b + called(0)) FROM {b}",
    "DROP STATISTICS IF EXISTS s{i}",
    "ALTER TABLE parent ADD CONSTRAINT k{i} CHECK (b > called(-1))",
    "ALTER TABLE parent DROP CONSTRAINT IF EXISTS k{i}",
    "CREATE POLICY p{i} ON {b} USING (b > called(0) OR {c})",
    "DROP POLICY IF EXISTS p{i} ON {b}",
    "ALTER TABLE {b} ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
    "ALTER TABLE {b} DISABLE ROW LEVEL SECURITY",
    "ALTER DOMAIN d ADD CONSTRAINT k{i} CHECK (VALUE > called(-5)) NOT VALID",
    "ALTER DOMAIN d DROP CONSTRAINT IF EXISTS k{i}",
    "CREATE OR REPLACE FUNCTION m(int, int) RETURNS m LANGUAGE plpgsql IMMUTABLE AS"
    " $$ BEGIN RETURN m(called($1), $2, '[)'); END $$",
    "CREATE OR REPLACE FUNCTION inlined(int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT called($1) + 0'",
    "CREATE FUNCTION pg_temp.called(int) RETURNS int LANGUAGE sql AS 'SELECT 1'",
    "ANALYZE {b}",
)

READS = (
    "SELECT count(*) FROM (SELECT *, f::text FROM querywatch.findings AS f) AS f",
    "SELECT count(*) FROM (SELECT *, f::text FROM querywatch.all_findings AS f) AS f",
    "SELECT count(*) FROM (SELECT *, s::text FROM querywatch.statements AS s) AS s",
    "SELECT count(*) FROM (SELECT *, s::text FROM querywatch.slow_statements AS s) AS s",
    "SELECT count(*) FROM (SELECT *, r::text FROM querywatch.repeated_statements AS r) AS r",
    "SELECT length(querywatch.prometheus())",
)


def connect(user=None, database=DATABASE, name="fuzz"):
    connection = psycopg2.connect(dbname=database, user=user, application_name=name)
    connection.autocommit = True
    return connection


def run(connection, sql):
    """The rows, or None where it fails, as random statements may."""
    with connection.cursor() as cursor:
        try:
            cursor.execute(sql)
            return cursor.fetchall() if cursor.description else []
        except psycopg2.Error:
            if connection.closed:
                raise
            return None


class Sender:
    """The role whose code it is."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.connection = connect("fuzz_owner")
        self.sent = self.failed = self.changes = 0

    def parts(self):
        choice = self.random.choice
        return {
            "x": choice(LITERALS), "y": choice(LITERALS), "d": choice(LITERALS[:3]),
            "c": choice(CONDITIONS), "c2": choice(CONDITIONS), "t": choice(TABLES),
            "b": choice(("t", "u", "parent", "parted")), "v": choice(("view1", "view2")),
            "i": self.random.randrange(6), "n": "{n}",
        }

    def step(self):
        if self.random.random() < 0.25:
            self.changes += run(self.connection, self.random.choice(CHANGES).format(**self.parts())) is not None
            return
        statement = self.random.choice(STATEMENTS).format(**self.parts())
        prepared = self.random.random() < 0.2
        if prepared:
            run(self.connection, "DEALLOCATE ALL")
            run(self.connection, "PREPARE p (int) AS " + statement.replace("{n}", "$1"))
        for n in range(1, self.random.choice((4, 8, 13))):
            sql = f"EXECUTE p ({n})" if prepared else statement.replace("{n}", str(n))
            self.sent += 1
            if run(self.connection, sql) is None:
                self.failed += 1
                break


class Reader(threading.Thread):
    """Reads until it is told to stop."""

    def __init__(self, user):
        super().__init__()
        self.connection = connect(user, name="reader")
        self.pid = run(self.connection, "SELECT pg_backend_pid()")[0][0]
        run(self.connection, "SET search_path = fuzz_owner, public")
        self.stopping = False
        self.reads = 0
        self.advice = 0
        self.error = None

    def run(self):
        try:
            while not self.stopping:
                for read in READS:
                    if run(self.connection, read) is None:
                        raise RuntimeError(f"cannot be read: {read}")
                    self.reads += 1
                self.advice = max(self.advice, run(
                    self.connection, "SELECT count(rewrite) FROM querywatch.findings")[0][0])
        except Exception as error:  # pylint: disable=broad-except
            self.error = error


def prepare():
    server = connect(database="postgres")
    run(server, f"DROP DATABASE IF EXISTS {DATABASE}")
    run(server, f"CREATE DATABASE {DATABASE}")
    for role, options in (("fuzz_owner", ""), ("fuzz_monitor", "IN ROLE pg_monitor")):
        run(server, f"CREATE ROLE {role} LOGIN {options}")
    owner = connect()
    for sql in ("CREATE EXTENSION pg_querywatch", "CREATE SCHEMA fuzz_owner AUTHORIZATION fuzz_owner",
                "UPDATE querywatch.thresholds SET value = 1000 WHERE name = 'missing_index_rows'"):
        if run(owner, sql) is None:
            sys.exit(f"statements.py: cannot be run: {sql}")
    if run(owner, "SELECT FROM pg_available_extensions WHERE name = 'hypopg'"):
        run(owner, "CREATE SCHEMA hypo")
        run(owner, "CREATE EXTENSION hypopg SCHEMA hypo")
        run(owner, "GRANT USAGE ON SCHEMA hypo TO PUBLIC")
    if run(connect("fuzz_owner"), SETUP) is None:
        sys.exit("statements.py: objects cannot be made")


def calls(log):
    """Processes in which the role's functions were called, how often."""
    found = {}
    with open(log, errors="replace", encoding="utf-8") as lines:
        for line in lines:
            match = re.search(r"CALLED by \S+ for \S+ in (\d+)", line)
            if match:
                pid = int(match.group(1))
                found[pid] = found.get(pid, 0) + 1
    return found


def main():
    seconds = float(sys.argv[1])
    seed = int(sys.argv[2]) if len(sys.argv) > 2 and sys.argv[2] else random.randrange(1 << 32)
    print(f"seed {seed}")
    prepare()
    end = time.monotonic() + seconds
    sender = Sender(seed)
    readers = [Reader(None), Reader("fuzz_monitor")]
    for reader in readers:
        reader.start()
    while time.monotonic() < end and not any(reader.error for reader in readers):
        sender.step()
    for reader in readers:
        reader.stopping = True
    for reader in readers:
        reader.join()
    found = calls(os.environ["LOG"])
    print(f"{sender.sent} statements, {sender.failed} of them failed; {sender.changes} changes of objects; "
          f"{sum(found.values())} calls of functions in the log; {sum(r.reads for r in readers)} reads, "
          f"{max(r.advice for r in readers)} findings with a statement at most")
    for reader in readers:
        if reader.error:
            sys.exit(f"a reader failed: {reader.error}")
        if reader.pid in found:
            sys.exit(f"process {reader.pid}, which reads, called functions {found[reader.pid]} times")
    if not found or not any(reader.advice for reader in readers):
        sys.exit("no function was called, or no advice given: this tests nothing")


main()

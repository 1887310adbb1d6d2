"""Cases: a schema, the loop that runs over it, and what is compared.

Each family is a function of a random.Random and a number, which makes the
names of its tables unique; it returns a Case.  families() has them all.
"""

import datetime as dt
import decimal
import uuid

from clients import Template

D = decimal.Decimal


class Case:
    def __init__(self, name, setup, loop, tables=(), role=None, one_transaction=True,
                 ordered=False, times=(), before=(), whole=False):
        self.name = name
        self.setup = setup              # statements that make the schema
        self.before = before            # [(template, values)] run before the loop
        self.loop = loop                # [(template, values)], in order
        self.tables = tables            # their rows are compared afterwards
        self.role = role
        self.one_transaction = one_transaction
        self.ordered = ordered          # does the loop's SELECT have an order?
        self.times = times              # columns of times: compared by rank
        self.whole = whole              # run all of the loop, with the rewrite in one's place


def fraction(i, n):
    """With decimals always: without, it is another type in a text"""
    return (D(i) / n).quantize(D("0.001"))


# A type of a column, and values that applications compare it with or write to
# it, in several types of theirs.
def utc(*arguments):
    return dt.datetime(*arguments, tzinfo=dt.timezone.utc)


U = [uuid.UUID(int=i) for i in range(1, 9)]
TYPES = {
    "smallint": [list(range(1, 9)), [float(i) for i in range(1, 9)],
                 [fraction(i, 2) for i in range(1, 9)], [i + 0.5 for i in range(1, 9)]],
    "integer": [list(range(1, 9)), [fraction(i, 2) for i in range(1, 9)],
                [float(i) / 2 for i in range(1, 9)], [10 ** 10 + i for i in range(8)]],
    "bigint": [list(range(1, 9)), [fraction(i, 2) for i in range(1, 9)], [float(i) for i in range(1, 9)]],
    "numeric": [[fraction(i, 2) for i in range(1, 9)], list(range(1, 9)), [float(i) / 2 for i in range(1, 9)]],
    "numeric(8,2)": [[fraction(i, 8) for i in range(1, 9)], list(range(1, 9))],
    "real": [[i + 0.1 for i in range(1, 9)], list(range(1, 9)), [fraction(i, 10) for i in range(1, 9)]],
    "double precision": [[i + 0.1 for i in range(1, 9)], list(range(1, 9)), [fraction(i, 10) for i in range(1, 9)]],
    "text": [["a", "A", "b", "B ", "b", "c", "ä", "a "]],
    "varchar(3)": [["a", "A", "b", "abc", "abcd", "c", "ä", "a "]],
    "char(3)": [["a", "A", "b", "abc", "b ", "c", "ä", "a "]],
    "citext": [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    'text COLLATE "prove_ci"': [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    'text COLLATE "C"': [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    "name": [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    "date": [[dt.date(2024, 1, i) for i in range(1, 9)],
             [dt.datetime(2024, 1, i, 12 * (i % 2)) for i in range(1, 9)],
             [utc(2024, 1, i, 12 * (i % 2)) for i in range(1, 9)]],
    "timestamp": [[dt.datetime(2024, 1, i, 12 * (i % 2)) for i in range(1, 9)],
                  [dt.date(2024, 1, i) for i in range(1, 9)]],
    "timestamptz": [[utc(2024, 1, i, 12 * (i % 2)) for i in range(1, 9)],
                    [dt.date(2024, 1, i) for i in range(1, 9)],
                    [dt.datetime(2024, 1, i, 12 * (i % 2)) for i in range(1, 9)]],
    "interval": [[dt.timedelta(hours=12 * i) for i in range(1, 9)]],
    "uuid": [U, [str(u) for u in U]],
    "boolean": [[True, False, True, False, True, True, False, False]],
    "prove_mood": [["sad", "ok", "happy", "sad", "ok", "happy", "sad", "ok"]],
    "prove_positive": [list(range(1, 9)), [fraction(i, 2) for i in range(2, 10)]],
    "prove_code": [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    "prove_code5": [["a", "A", "b", "B", "b ", "c", "C", "ä"]],
    "inet": [["10.0.0.%d" % i for i in range(1, 9)], ["10.0.%d.0/24" % i for i in range(1, 9)]],
    "bytea": [[bytes([i]) for i in range(1, 9)]],
    "jsonb": [["%d" % i for i in range(1, 9)], ['{"a": %d}' % i for i in range(1, 9)]],
    "oid": [list(range(1, 9))],
    "money": [["%d.50" % i for i in range(1, 9)]],
    "time": [["0%d:30" % i for i in range(1, 9)]],
    "timetz": [["0%d:30+0%d" % (i, i % 3) for i in range(1, 9)]],
    "integer[]": [["{%d}" % i for i in range(1, 9)]],
    "text[]": [["{a%d,b}" % i for i in range(1, 9)]],
    "int4range": [["[%d,%d)" % (i, i + 3) for i in range(1, 9)]],
    "point": [["(%d,1)" % i for i in range(1, 9)]],
    "bit(3)": [["10%d" % (i % 2) for i in range(8)]],
    "varbit": [["1" * i for i in range(1, 9)]],
    "macaddr": [["08:00:2b:01:02:0%d" % i for i in range(1, 9)]],
    "xid8": [[str(i) for i in range(1, 9)]],
    "json": [["%d" % i for i in range(1, 9)]],
    "prove_pair": [["(%d,a)" % i for i in range(1, 9)]],
    "prove_ids": [["{%d}" % i for i in range(1, 9)]],
    '"char"': [["a", "A", "b", "B", "c", "C", "d", "D"]],
    "char": [["a", "A", "b", "B", "c", "C", "d", "D"]],
    "interval hour": [[dt.timedelta(hours=i, minutes=30) for i in range(1, 9)]],
    "timestamp(0)": [[dt.datetime(2024, 1, i, 12, 0, 0, 600000 * (i % 2)) for i in range(1, 9)]],
    "timestamptz(0)": [[utc(2024, 1, i, 12, 0, 0, 600000 * (i % 2)) for i in range(1, 9)]],
}

# Once for each database; what a server does not have is left out
PRELUDE = [
    "CREATE EXTENSION IF NOT EXISTS citext",
    "CREATE EXTENSION IF NOT EXISTS btree_gist",
    "CREATE EXTENSION IF NOT EXISTS file_fdw",
    "CREATE EXTENSION IF NOT EXISTS postgres_fdw",
    "CREATE COLLATION prove_ci (provider = icu, locale = 'und-u-ks-level2', deterministic = false)",
    "CREATE TYPE prove_mood AS ENUM ('sad', 'ok', 'happy')",
    "CREATE DOMAIN prove_positive AS integer CHECK (VALUE > 0)",
    "CREATE DOMAIN prove_code AS text CHECK (VALUE <> 'x')",
    "CREATE DOMAIN prove_code5 AS varchar(5)",
    "CREATE TYPE prove_pair AS (a integer, b text)",
    "CREATE DOMAIN prove_ids AS integer[] CHECK (array_length(VALUE, 1) < 5)",
    "CREATE ROLE prove_app",
    "GRANT ALL ON SCHEMA public TO prove_app",
]


def literal(value):
    if value is None:
        return "NULL"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float, D)):
        return str(value)
    if isinstance(value, bytes):
        return "'\\x%s'" % value.hex()
    return "'%s'" % str(value).replace("'", "''")


def draw(r, values, n, repeats):
    """n values, each as often as it comes, or once"""
    if repeats:
        return [r.choice(values) for _ in range(n)]
    return r.sample(values, min(n, len(values)))


def keyed_table(r, t, columntype, values, extra="", rows=24, unique=False):
    """A table with a column of that type, filled with the first set of values"""
    base = TYPES[columntype][0]
    lines = ["CREATE TABLE %s (id integer PRIMARY KEY, k %s, n integer, s text, q numeric, "
             "f double precision, js jsonb, at timestamptz%s)" % (t, columntype, extra)]
    rowtexts = []
    for i in range(1, rows + 1):
        value = base[(i - 1) % len(base)] if i <= rows - 2 or unique else None
        if unique and i > len(base):
            break
        rowtexts.append("(%d, %s, %d, 's%d', %s, %s, '[\"a%d\", \"b\"]', '2024-01-01'::timestamptz + %d * interval '1 h')" % (
            i, "CAST(%s AS %s)" % (literal(value), columntype.split(" COLLATE")[0]), i * 7 % 5, i % 4, i / 4, i / 8, i, i))
    lines.append("INSERT INTO %s (id, k, n, s, q, f, js, at) VALUES %s" % (t, ", ".join(rowtexts)))
    return lines


SELECTS = [
    ("SELECT id, s FROM {t} WHERE k = {{v}}", False),
    ("SELECT k, id, s FROM {t} WHERE k = {{v}}", False),
    ("SELECT * FROM {t} AS x WHERE x.k = {{v}} ORDER BY x.id DESC", True),
    ("SELECT id, n FROM {t} WHERE {{v}} = k ORDER BY n, id", True),
    ("SELECT id FROM {t} WHERE k IN ({{v}}) ORDER BY id", True),
    ("SELECT id, s FROM {t} WHERE k = {{v}} ORDER BY n DESC, id LIMIT {{c:2}}", True),
    ("SELECT id, s FROM {t} WHERE k = {{v}} ORDER BY id OFFSET {{c:1}}", True),
    ("SELECT count(*) FROM {t} WHERE k = {{v}}", False),
    ("SELECT count(*), sum(n), max(s), min(q), avg(f) FROM {t} WHERE k = {{v}} AND n > {{c:1}}", False),
    ("SELECT count(*) + {{c:1}} AS m FROM {t} WHERE k = {{v}}", False),
    ("SELECT bool_or(n > {{c:2}}), array_agg(id ORDER BY id) FROM {t} WHERE k = {{v}}", False),
    ("SELECT DISTINCT n FROM {t} WHERE k = {{v}}", False),
    ("SELECT n, count(*) FROM {t} WHERE k = {{v}} GROUP BY n ORDER BY n", True),
    ("SELECT EXISTS (SELECT {{c:1}} FROM {t} WHERE k = {{v}})", False),
    ("SELECT {{c:1}} AS one FROM {t} WHERE k = {{v}} LIMIT {{c:1}}", False),
    ("SELECT id, row_number() OVER (ORDER BY id) FROM {t} WHERE k = {{v}} ORDER BY id", True),
    ("SELECT id FROM {t} WHERE k = {{v}} UNION ALL SELECT n FROM {t} WHERE s = {{c:'s1'}}", False),
    ("WITH x AS (SELECT * FROM {t} WHERE k = {{v}}) SELECT id, s FROM x ORDER BY id", True),
    ("SELECT a.id, b.id FROM {t} a JOIN {t} b ON a.n = b.id WHERE a.k = {{v}} ORDER BY a.id", True),
    ("SELECT a.id, b.id FROM {t} a LEFT JOIN {t} b ON b.id = a.n AND b.n > {{c:2}} WHERE a.k = {{v}} ORDER BY a.id", True),
    ("SELECT a.id, b.id FROM {t} a LEFT JOIN {t} b ON a.n = b.id AND b.k = {{v}} ORDER BY a.id", True),
    ("SELECT id FROM {t} WHERE k = {{v}} AND at < now() ORDER BY id", True),
    ("SELECT id FROM {t} WHERE k = {{v}} AND s LIKE {{c:'s%%'}} ORDER BY id FOR UPDATE", True),
    ("SELECT id, at::date, to_char(at, {{c:'HH24'}}) FROM {t} WHERE k = {{v}} ORDER BY id", True),
    ("SELECT k || {{c:''}} AS k, id FROM {t} WHERE k = {{v}} ORDER BY id", True),
    ("SELECT id, generate_series({{c:1}}, n) FROM {t} WHERE k = {{v}}", False),
    ("SELECT id, random() FROM {t} WHERE k = {{v}}", False),
    ("SELECT id FROM {t} WHERE k = {{v}} OR n = {{c:3}} ORDER BY id", True),
    ("SELECT id FROM {t} WHERE NOT (k = {{v}}) ORDER BY id", True),
    ("SELECT id FROM {t} WHERE k IS NOT DISTINCT FROM {{v}} ORDER BY id", True),
    ("SELECT id FROM {t} TABLESAMPLE BERNOULLI (50) WHERE k = {{v}}", False),
    ("SELECT id, n FROM {t} WHERE k = {{v}} ORDER BY n FETCH FIRST {{c:2}} ROWS WITH TIES", False),
    ("SELECT id FROM {t} WHERE k = {{v}} ORDER BY id FETCH FIRST {{c:2}} ROWS ONLY", True),
    ("SELECT id FROM {t} WHERE k = {{v}} ORDER BY id FOR UPDATE SKIP LOCKED", True),
    ("SELECT id FROM {t} WHERE k = {{v}} ORDER BY id LIMIT {{c:1}} FOR NO KEY UPDATE", True),
    ("SELECT DISTINCT ON (n) n, id FROM {t} WHERE k = {{v}} ORDER BY n, id DESC", True),
    ("SELECT id FROM {t} WHERE k = {{v}} INTERSECT SELECT id FROM {t} WHERE n > {{c:1}}", False),
    ("SELECT id FROM {t} WHERE k = {{v}} EXCEPT ALL SELECT n FROM {t}", False),
    ("SELECT n, s, count(*) FROM {t} WHERE k = {{v}} GROUP BY GROUPING SETS ((n), (s), ())", False),
    ("SELECT n, sum(q) FROM {t} WHERE k = {{v}} GROUP BY ROLLUP (n) HAVING count(*) > {{c:0}}", False),
    ("WITH x AS MATERIALIZED (SELECT * FROM {t} WHERE k = {{v}}) SELECT a.id, b.id FROM x a JOIN x b USING (n)", False),
    ("WITH RECURSIVE x AS (SELECT id, n FROM {t} WHERE k = {{v}} UNION SELECT t.id, t.n FROM {t} t JOIN x ON t.id = x.n) SELECT id FROM x", False),
    ("SELECT id, (SELECT max(id) FROM {t} b WHERE b.n = a.n) FROM {t} a WHERE k = {{v}}", False),
    ("SELECT a.id, x.c FROM {t} a, LATERAL (SELECT count(*) AS c FROM {t} b WHERE b.n = a.n) x WHERE a.k = {{v}}", False),
    ("SELECT id FROM {t} a WHERE a.k = {{v}} AND EXISTS (SELECT FROM {t} b WHERE b.n = a.n AND b.id <> a.id)", False),
    ("SELECT id FROM {t} a WHERE NOT EXISTS (SELECT FROM {t} b WHERE b.id = a.n AND b.k = {{v}})", False),
    ("SELECT id, lag(id) OVER w, sum(n) OVER w FROM {t} WHERE k = {{v}} WINDOW w AS (ORDER BY id)", False),
    ("SELECT string_agg(s, {{c:','}} ORDER BY id) FROM {t} WHERE k = {{v}}", False),
    ("SELECT count(DISTINCT s), sum(n) FILTER (WHERE n > {{c:1}}) FROM {t} WHERE k = {{v}}", False),
    ("SELECT count(k), count(DISTINCT n) FROM {t} WHERE k = {{v}}", False),
    ("SELECT max(n) FROM {t} WHERE k = {{v}} HAVING count(*) > {{c:1}}", False),
    ("SELECT t.* FROM {t} t WHERE t.k = {{v}}", False),
    ("SELECT t FROM {t} t WHERE t.k = {{v}}", False),
    ("SELECT id AS k FROM {t} WHERE k = {{v}}", False),
    ("SELECT k AS id, id AS k FROM {t} WHERE k = {{v}} ORDER BY {{c:1}}", False),
    ("SELECT id FROM {t} WHERE (k) = ({{v}}) ORDER BY id", True),
    ("SELECT id FROM ONLY {t} WHERE k = {{v}} ORDER BY id", True),
    ("SELECT id FROM {t} WHERE k = {{v}} AND id IN (SELECT n FROM {t} WHERE k = {{v}})", False),
    ("SELECT currval(pg_get_serial_sequence({{c:'{t}'}}, {{c:'ser'}})), id FROM {t} WHERE k = {{v}}", False),
    ("SELECT id, clock_timestamp() > at FROM {t} WHERE k = {{v}}", False),
    ("SELECT id, pg_backend_pid() > {{c:0}}, txid_current_if_assigned() FROM {t} WHERE k = {{v}}", False),
    ("SELECT id, current_date, at < current_timestamp FROM {t} WHERE k = {{v}}", False),
    ("SELECT id, $q$it's$q$, E'a\\n' FROM {t} WHERE k = {{v}} -- tail", False),
    ("TABLE {t} LIMIT {{v}}", False),
]


def lookup(r, t):
    columntype = r.choice(list(TYPES))
    values = r.choice(TYPES[columntype])
    text, ordered = r.choice(SELECTS)
    if "%%" in text:
        text = text.replace("%%", "")
    template = Template(text.format(t=t))
    keys = draw(r, values, 8, r.random() < 0.3)
    if r.random() < 0.15:
        keys[r.randrange(len(keys))] = None
    return Case("lookup %s" % columntype, keyed_table(r, t, columntype, values),
                [(template, [key] * text.count("{{v}}")) for key in keys], [t], ordered=ordered,
                one_transaction=r.random() < 0.8)


def unique_lookup(r, t):
    """By a unique key, with the LIMIT that ORMs add"""
    limit = r.choice(["LIMIT {c:21}", "LIMIT {c:1}", "ORDER BY id LIMIT {c:1}", "LIMIT {v}"])
    template = Template("SELECT id, s FROM %s WHERE id = {v} %s" % (t, limit))
    loop = [(template, [i] + ([21] if "{v}" in limit else [])) for i in r.sample(range(1, 30), 8)]
    return Case("unique lookup", keyed_table(r, t, "integer", None), loop, [t])


def two_conditions(r, t):
    """Several conditions, each of which varies or not"""
    columns = r.sample([("k", [1, 2, 3, 4]), ("n", [0, 1, 2, 3, 4]), ("s", ["s0", "s1", "s2", "s3"]),
                        ("id", list(range(1, 25)))], r.choice([2, 2, 2, 3]))
    forms = []
    pools = []
    for column, values in columns:
        operator = r.choice(["=", "=", "=", "=", "<", ">=", "<>"]) if forms else "="
        forms.append("%s %s {v}" % (column, operator))
        pools.append(values if r.random() < 0.7 else [r.choice(values)])
    tail = r.choice(["", "", " ORDER BY id", " ORDER BY id LIMIT {v}", " ORDER BY id LIMIT {c:3} OFFSET {v}"])
    output = r.choice(["id", "id", "id, s", "count(*)", "*"])
    if output == "count(*)":
        tail = ""
    if "LIMIT {v}" in tail:
        pools.append(r.choice([[2], [1, 2, 3]]))
    if "OFFSET {v}" in tail:
        pools.append([0, 1])
    joined = " AND ".join(forms)
    if r.random() < 0.15 and all(" = " in f for f in forms):
        joined = "(%s) = (%s)" % (", ".join(c for c, _ in columns), ", ".join("{v}" for _ in columns))
    template = Template("SELECT %s FROM %s WHERE %s%s" % (output, t, joined, tail))
    loop = [(template, [r.choice(p) for p in pools]) for _ in range(r.choice([8, 12]))]
    return Case("two conditions", keyed_table(r, t, "integer", None), loop, [t],
                ordered="ORDER" in tail)


def view_lookup(r, t):
    """Views, partitions, inheritance, foreign tables, row security"""
    kind = r.choice(["view", "volatile view", "partitions", "inheritance", "file", "postgres",
                     "security", "volatile security", "function", "materialized", "nested view"])
    setup = keyed_table(r, t + "b", "integer", None)
    role = None
    if kind == "view":
        setup.append("CREATE VIEW %s AS SELECT id, k, s, count(*) OVER () AS n FROM %sb" % (t, t))
    elif kind == "volatile view":
        setup.append("CREATE VIEW %s AS SELECT id, k, s, random() AS n FROM %sb" % (t, t))
    elif kind == "nested view":
        setup.append("CREATE VIEW %si AS SELECT id, k, s, %s AS n FROM %sb" % (
            t, r.choice(["clock_timestamp()", "n", "statement_timestamp()"]), t))
        setup.append("CREATE VIEW %s AS SELECT * FROM %si WHERE id > 2" % (t, t))
    elif kind == "materialized":
        setup.append("CREATE MATERIALIZED VIEW %s AS SELECT * FROM %sb" % (t, t))
    elif kind == "partitions":
        setup += ["CREATE TABLE %s (id integer, k integer, s text, n integer) PARTITION BY RANGE (k)" % t,
                  "CREATE TABLE %s1 PARTITION OF %s FOR VALUES FROM (MINVALUE) TO (4)" % (t, t),
                  "CREATE TABLE %s2 PARTITION OF %s DEFAULT" % (t, t),
                  "INSERT INTO %s SELECT id, k, s, n FROM %sb" % (t, t)]
    elif kind == "inheritance":
        setup += ["CREATE TABLE %s (id integer, k integer, s text, n integer)" % t,
                  "CREATE TABLE %s1 (x integer) INHERITS (%s)" % (t, t),
                  "INSERT INTO %s SELECT id, k, s, n FROM %sb" % (t, t),
                  "INSERT INTO %s1 SELECT id, k, s, n, 1 FROM %sb" % (t, t)]
    elif kind == "file":
        setup += ["CREATE SERVER IF NOT EXISTS prove_file FOREIGN DATA WRAPPER file_fdw",
                  "CREATE FOREIGN TABLE %s (id integer, k integer, s text, n integer) SERVER prove_file "
                  "OPTIONS (program 'seq 1 20 | sed \"s/.*/&,&,s,1/\"', format 'csv')" % t]
    elif kind == "postgres":
        setup += foreign_server() + [
            "CREATE FOREIGN TABLE %s (id integer, k integer, s text, n integer) SERVER prove_loop "
            "OPTIONS (table_name '%sb')" % (t, t)]
    elif kind in ("security", "volatile security"):
        setup += ["CREATE TABLE %s AS SELECT id, k, s, n FROM %sb" % (t, t),
                  "ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % t,
                  "GRANT ALL ON %s TO prove_app" % t,
                  "CREATE POLICY p ON %s USING (%s)" % (t, "n > 1" if kind == "security" else "random() < 0.5 OR n > 3")]
        role = "prove_app"
    elif kind == "function":
        setup += ["CREATE SEQUENCE %sseq" % t,
                  "CREATE FUNCTION %sf(i integer) RETURNS bigint LANGUAGE sql %s $$" % (
                      t, r.choice(["VOLATILE AS $$ SELECT nextval('%sseq')" % t,
                                   "IMMUTABLE AS $$ SELECT i::bigint * 2",
                                   "STABLE AS $$ SELECT count(*) FROM %sb WHERE n > i" % t])),
                  "CREATE TABLE %s AS SELECT id, k, s, n FROM %sb" % (t, t)]
    text = r.choice(["SELECT id, n, s FROM %s WHERE k = {v}", "SELECT * FROM %s WHERE k = {v} ORDER BY id",
                     "SELECT count(*) FROM %s WHERE k = {v}", "SELECT id FROM %s WHERE k = {v} ORDER BY id LIMIT {c:1}",
                     "SELECT id, s FROM %s WHERE k = {v} AND n > {v}"]) % t
    if kind == "function":
        text = "SELECT id, %sf(n) FROM %s WHERE k = {v} ORDER BY id" % (t, t)
    template = Template(text)
    nv = text.count("{v}")
    loop = [(template, [k] + [1] * (nv - 1)) for k in r.sample(range(1, 9), 8)]
    return Case("lookup in %s" % kind, setup, loop, [], role=role, ordered="ORDER" in text)


def foreign_server():
    return ["CREATE SERVER IF NOT EXISTS prove_loop FOREIGN DATA WRAPPER postgres_fdw "
            "OPTIONS (host :host, port :port, dbname :dbname)",
            "CREATE USER MAPPING IF NOT EXISTS FOR CURRENT_USER SERVER prove_loop OPTIONS (user 'postgres')"]


# What may be wrong with the table that is written: (name, statements after the
# table was made, for which commands)
def hazards(t):
    log = "CREATE TABLE %slog (n serial, t text)" % t
    body = "CREATE FUNCTION %sf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN %s END$$"
    trigger = "CREATE TRIGGER %sg %s ON %s FOR EACH %s EXECUTE FUNCTION %sf()"

    def row(when, code):
        return [body % (t, code), trigger % (t, when, t, "ROW", t)]

    return [
        ("log trigger", [log] + row("AFTER INSERT OR UPDATE OR DELETE",
                                    "INSERT INTO %slog (t) SELECT count(*) FROM %s; RETURN NULL;" % (t, t))),
        ("sum trigger", row("BEFORE INSERT OR UPDATE",
                            "NEW.n := (SELECT coalesce(sum(n), 0) FROM %s) + 1; RETURN NEW;" % t)),
        ("touch trigger", row("BEFORE INSERT OR UPDATE", "NEW.touched := 1; RETURN NEW;")),
        ("neighbour trigger", row("AFTER UPDATE", "IF pg_trigger_depth() = 1 THEN UPDATE %s SET q = coalesce(q, 0) + 1 WHERE id = NEW.id + 1; END IF; RETURN NULL;" % t)),
        ("statement trigger", [log, body % (t, "INSERT INTO %slog (t) VALUES (TG_OP); RETURN NULL;" % t),
                               trigger % (t, "AFTER INSERT OR UPDATE OR DELETE", t, "STATEMENT", t)]),
        ("reading default", ["CREATE FUNCTION %sd() RETURNS integer LANGUAGE sql STABLE AS $$SELECT coalesce(max(n), 0) + 1 FROM %s$$" % (t, t),
                             "ALTER TABLE %s ALTER n SET DEFAULT %sd()" % (t, t)]),
        ("immutable lie in generated", ["CREATE FUNCTION %sd(i integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$SELECT count(*) FROM %s$$" % (t, t),
                                        "ALTER TABLE %s ADD gen bigint GENERATED ALWAYS AS (%sd(id)) STORED" % (t, t)]),
        ("generated", ["ALTER TABLE %s ADD gen integer GENERATED ALWAYS AS (id * 2) STORED" % t]),
        ("reading check", ["CREATE FUNCTION %sd(i integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$SELECT count(*) < 40 FROM %s WHERE touched IS NULL$$" % (t, t),
                           "ALTER TABLE %s ADD CHECK (%sd(n))" % (t, t)]),
        ("sum check", ["CREATE FUNCTION %sd(i integer) RETURNS boolean LANGUAGE plpgsql AS $$BEGIN RETURN i IS NULL OR NOT EXISTS (SELECT FROM %s WHERE n = i AND id < 0); END$$" % (t, t),
                       "ALTER TABLE %s ADD CHECK (%sd(n))" % (t, t)]),
        ("unique", ["ALTER TABLE %s ADD u integer" % t, "UPDATE %s SET u = id" % t, "ALTER TABLE %s ADD UNIQUE (u)" % t]),
        ("deferred unique", ["ALTER TABLE %s ADD u integer" % t, "UPDATE %s SET u = id" % t,
                             "ALTER TABLE %s ADD UNIQUE (u) DEFERRABLE INITIALLY DEFERRED" % t]),
        ("exclusion", ["ALTER TABLE %s ADD u integer" % t, "UPDATE %s SET u = id" % t,
                       "ALTER TABLE %s ADD EXCLUDE USING gist (u WITH =)" % t]),
        ("check", ["ALTER TABLE %s ADD CHECK (n < 10000)" % t]),
        ("security", ["ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % t, "GRANT ALL ON %s TO prove_app" % t,
                      "CREATE POLICY p ON %s USING (id <> 3) WITH CHECK (n IS NULL OR n < 10000)" % t]),
        ("reading security", ["CREATE FUNCTION %sd() RETURNS bigint LANGUAGE sql STABLE SECURITY DEFINER AS $$SELECT count(*) FROM %s$$" % (t, t),
                              "ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % t, "GRANT ALL ON %s TO prove_app" % t,
                              "CREATE POLICY p ON %s USING (%sd() %% 2 = 0 OR id > 0) WITH CHECK (%sd() < 28)" % (t, t, t)]),
        ("volatile security", ["CREATE SEQUENCE %sq" % t, "GRANT ALL ON %sq TO prove_app" % t,
                               "ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % t, "GRANT ALL ON %s TO prove_app" % t,
                               "CREATE POLICY p ON %s USING (nextval('%sq') > 0) WITH CHECK (nextval('%sq') > 0)" % (t, t, t)]),
        ("cascade", ["CREATE TABLE %sc (id serial, t_id integer REFERENCES %s ON DELETE CASCADE ON UPDATE CASCADE)" % (t, t),
                     "INSERT INTO %sc (t_id) SELECT id FROM %s" % (t, t)]),
        ("cascade with trigger", ["CREATE TABLE %sc (id serial, t_id integer REFERENCES %s ON DELETE CASCADE)" % (t, t),
                                  "INSERT INTO %sc (t_id) SELECT id FROM %s" % (t, t), log,
                                  body % (t, "INSERT INTO %slog (t) SELECT count(*) FROM %s; RETURN NULL;" % (t, t)),
                                  trigger % (t, "AFTER DELETE", t + "c", "ROW", t)]),
        ("self cascade", ["ALTER TABLE %s ADD up integer REFERENCES %s ON DELETE CASCADE" % (t, t),
                          "UPDATE %s SET up = id - 1 WHERE id > 1 AND id %% 2 = 0" % t]),
        ("self set null", ["ALTER TABLE %s ADD up integer REFERENCES %s ON DELETE SET NULL" % (t, t),
                           "UPDATE %s SET up = id - 1 WHERE id > 1" % t]),
        ("default now", ["ALTER TABLE %s ALTER at SET DEFAULT now()" % t]),
        ("default clock", ["ALTER TABLE %s ALTER at SET DEFAULT clock_timestamp()" % t]),
        ("default statement time", ["ALTER TABLE %s ALTER at SET DEFAULT statement_timestamp()" % t]),
        ("default random", ["ALTER TABLE %s ALTER f SET DEFAULT random()" % t]),
        ("default uuid", ["ALTER TABLE %s ADD u uuid" % t, "ALTER TABLE %s ALTER u SET DEFAULT gen_random_uuid()" % t]),
        ("serial", ["ALTER TABLE %s ADD ser serial" % t]),
        ("identity", ["ALTER TABLE %s ADD ser integer GENERATED ALWAYS AS IDENTITY" % t]),
        ("shared sequence", ["CREATE SEQUENCE %sq" % t, "ALTER TABLE %s ADD ser integer DEFAULT nextval('%sq')" % (t, t)]),
        ("two defaults of one sequence", ["CREATE SEQUENCE %sq" % t, "ALTER TABLE %s ADD ser integer DEFAULT nextval('%sq'), ADD ser2 integer DEFAULT nextval('%sq')" % (t, t, t)]),
        ("last value default", ["CREATE SEQUENCE %sq" % t, "SELECT nextval('%sq')" % t,
                                "ALTER TABLE %s ADD ser bigint DEFAULT lastval()" % t]),
        ("constraint trigger", [log, body % (t, "INSERT INTO %slog (t) SELECT count(*) FROM %s; RETURN NULL;" % (t, t)),
                                "CREATE CONSTRAINT TRIGGER %sg AFTER INSERT OR UPDATE OR DELETE ON %s DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION %sf()" % (t, t, t)]),
        ("column trigger", [log, body % (t, "INSERT INTO %slog (t) SELECT count(*) FROM %s; RETURN NULL;" % (t, t)),
                            "CREATE TRIGGER %sg AFTER UPDATE OF n ON %s FOR EACH ROW WHEN (NEW.n IS NOT NULL) EXECUTE FUNCTION %sf()" % (t, t, t)]),
        ("disabled trigger", [log, body % (t, "INSERT INTO %slog (t) SELECT count(*) FROM %s; RETURN NULL;" % (t, t)),
                              trigger % (t, "AFTER UPDATE OR INSERT", t, "ROW", t), "ALTER TABLE %s DISABLE TRIGGER %sg" % (t, t)]),
        ("suppressing trigger", row("BEFORE INSERT OR UPDATE OR DELETE", "IF (SELECT count(*) FROM %s) %% 2 = 0 THEN RETURN NULL; END IF; IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW;" % t)),
        ("redundant update", ["CREATE TRIGGER %sg BEFORE UPDATE ON %s FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()" % (t, t)]),
        ("updated_at", row("BEFORE INSERT OR UPDATE", "NEW.at := now(); RETURN NEW;")),
        ("transition trigger", [log, body % (t, "INSERT INTO %slog (t) SELECT count(*) FROM newer; RETURN NULL;" % t),
                                "CREATE TRIGGER %sg AFTER UPDATE ON %s REFERENCING NEW TABLE AS newer FOR EACH STATEMENT EXECUTE FUNCTION %sf()" % (t, t, t)]),
        ("partial unique", ["CREATE UNIQUE INDEX ON %s (n) WHERE id > 1000" % t]),
        ("expression unique", ["CREATE UNIQUE INDEX ON %s ((id + coalesce(n, 0) * 1000))" % t]),
        ("self reference", ["ALTER TABLE %s ADD up integer REFERENCES %s" % (t, t)]),
        ("update cascade", ["CREATE TABLE %sc (id serial, t_id integer REFERENCES %s ON UPDATE SET NULL ON DELETE SET DEFAULT)" % (t, t),
                            "INSERT INTO %sc (t_id) SELECT id FROM %s WHERE id %% 3 = 0" % (t, t)]),
        ("identity by default", ["ALTER TABLE %s ADD ser integer GENERATED BY DEFAULT AS IDENTITY" % t]),
        ("cached sequence", ["CREATE SEQUENCE %sq CACHE 5" % t, "ALTER TABLE %s ADD ser integer DEFAULT nextval('%sq')" % (t, t), "ALTER SEQUENCE %sq OWNED BY %s.ser" % (t, t)]),
        ("owned sequence of another column", ["ALTER TABLE %s ADD ser serial" % t, "ALTER TABLE %s ADD ser2 integer DEFAULT nextval('%s_ser_seq')" % (t, t)]),
        ("generated of generated type", ["ALTER TABLE %s ADD gen text GENERATED ALWAYS AS (upper(s) || coalesce(n, 0)::text) STORED" % t]),
        ("restrictive security", ["ALTER TABLE %s ENABLE ROW LEVEL SECURITY" % t, "ALTER TABLE %s FORCE ROW LEVEL SECURITY" % t, "GRANT ALL ON %s TO prove_app" % t,
                                  "CREATE POLICY p ON %s USING (id < 1000)" % t, "CREATE POLICY q ON %s AS RESTRICTIVE FOR UPDATE USING (n < 4)" % t]),
        ("rule", [log, "CREATE RULE r AS ON INSERT TO %s DO ALSO INSERT INTO %slog (t) VALUES ('i')" % (t, t),
                  "CREATE RULE r2 AS ON UPDATE TO %s DO ALSO INSERT INTO %slog (t) VALUES ('u')" % (t, t)]),
        ("reading domain", ["CREATE FUNCTION %sd(i integer) RETURNS boolean LANGUAGE sql STABLE AS $$SELECT count(*) < 1000 FROM %s WHERE i > 0$$" % (t, t),
                            "CREATE DOMAIN %sdom AS integer CHECK (VALUE IS NULL OR %sd(VALUE))" % (t, t),
                            "ALTER TABLE %s ADD d %sdom" % (t, t)]),
        ("extra", []),
        ("extra", []),
        ("extra", []),
    ]


# SET lists, with the values that they take
def assignments(r):
    return r.choice([
        ("n = {v}", lambda i: [r.randrange(5)]),
        ("n = n + {v}", lambda i: [r.randrange(5)]),
        ("n = n * {v}", lambda i: [D(3) / 2]),
        ("n = n * {c:1.5}", lambda i: []),
        ("q = n / {c:2.0}", lambda i: []),
        ("q = n / {v}", lambda i: [r.choice([2, 3, 4])]),
        ("q = n / {v}", lambda i: [D(3) / 2]),
        ("s = js ->> {c:0}", lambda i: []),
        ("s = js ->> {v}", lambda i: [0]),
        ("s = s || {v}", lambda i: ["x%d" % i]),
        ("s = {v}, q = {v}", lambda i: ["x%d" % i, fraction(i, 8)]),
        ("(s, n) = ({v}, {v})", lambda i: ["x%d" % i, i]),
        ("n = {v}", lambda i: [i + 0.5]),
        ("f = {v}", lambda i: [fraction(i, 3)]),
        ("s = {v}", lambda i: [str(i)]),
        ("s = upper({v})", lambda i: ["x%d" % i]),
        ("at = {v}", lambda i: [utc(2024, 2, 1 + i % 20)]),
        ("at = now()", lambda i: []),
        ("at = clock_timestamp()", lambda i: []),
        ("at = {v}", lambda i: [dt.date(2024, 2, 1 + i % 20)]),
        ("s = {v}, n = n + {c:1}", lambda i: ["x%d" % i]),
        ("f = random()", lambda i: []),
        ("n = {v}", lambda i: [None if i % 2 else i]),
        ("js = {v}", lambda i: ['{"a": %d}' % i]),
        ("n = length({v})", lambda i: ["x" * i]),
        ("q = q + {v}", lambda i: [i]),
        ("f = f * {v}", lambda i: [fraction(i, 10)]),
        ("n = extract(day from {v})", lambda i: [dt.date(2024, 2, 1 + i % 20)]),
        ("s = coalesce({v}, s)", lambda i: [None if i % 2 else "c%d" % i]),
        ("s = DEFAULT, n = {v}", lambda i: [i]),
    ])


def times_of(hazard):
    return ["at"]


def roles_of(hazard):
    return "prove_app" if "security" in hazard else None


def update(r, t):
    hazard, statements = r.choice(hazards(t))
    columntype = r.choice(list(TYPES)) if r.random() < 0.4 else "integer"
    setup = keyed_table(r, t, columntype, None, extra=", touched integer") + statements
    changes, values_of = assignments(r)
    loop = []
    kind = r.choice(["id", "id", "id", "id", "typed", "version", "both"])
    if "unique" in hazard or hazard == "exclusion":
        changes, values_of = r.choice([("u = {v}", lambda i: [100 + i]), ("u = u + {c:1}", lambda i: []),
                                       ("n = {v}, u = {v}", lambda i: [1, i + 1])])
    if hazard == "reading domain":
        changes, values_of = "d = {v}", lambda i: [i]
    returning = r.choice(["", "", "", "", " RETURNING id", " RETURNING s", " RETURNING *"])
    n = r.choice([6, 8, 12])
    ids = draw(r, list(range(1, 25)), n, r.random() < 0.3)
    if "u" in changes.split(" ")[0] and r.random() < 0.6:
        ids = sorted(set(ids), reverse=True)
    if kind == "id" or kind == "both":
        where = "id = {v}" if kind == "id" else r.choice(["id = {v} AND s <> {c:'zz'}", "id = {v} AND n < {v}", "id = {v} AND q IS NOT NULL"])
        more = [100] if where.count("{v}") > 1 else []
        template = Template("UPDATE %s SET %s WHERE %s%s" % (t, changes, where, returning))
        loop = [(template, values_of(i) + [i] + more) for i in ids]
    elif kind == "version":
        template = Template("UPDATE %s SET s = {v}, n = n + {c:1} WHERE id = {v} AND n = {v}" % t)
        versions = {i: i * 7 % 5 for i in range(1, 25)}
        for i in ids:
            loop.append((template, ["x%d" % len(loop), i, versions[i]]))
            versions[i] += 1
    else:
        keys = draw(r, r.choice(TYPES[columntype]), 8, r.random() < 0.2)
        template = Template("UPDATE %s SET %s WHERE k = {v}%s" % (t, changes, returning))
        loop = [(template, values_of(i) + [key]) for i, key in enumerate(keys)]
    tables = [t] + [x for x in (t + "log", t + "c") if any("CREATE TABLE %s " % x in s for s in setup)]
    return Case("update (%s, %s)" % (hazard, columntype), setup + grants(t, setup, hazard), loop, tables,
                role=roles_of(hazard), one_transaction=r.random() < 0.8, times=times_of(hazard))


def grants(t, setup, hazard):
    if "security" not in hazard:
        return []
    return ["GRANT ALL ON ALL TABLES IN SCHEMA public TO prove_app",
            "GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO prove_app"]


INSERTS = [
    ("(id, n, s) VALUES ({v}, {v}, {v})", lambda r, i: [i, r.randrange(9), "x%d" % i]),
    ("(id, n) VALUES ({v}, {v})", lambda r, i: [i, fraction(i, 8)]),
    ("(id, n) VALUES ({v}, {v})", lambda r, i: [i, i + 0.5]),
    ("(id, s) VALUES ({v}, {v})", lambda r, i: [i, "x%d" % i]),
    ("(id, s) VALUES ({v}, {v})", lambda r, i: [i, i]),
    ("(id, s) VALUES ({v}, upper({v}))", lambda r, i: [i, "x%d" % i]),
    ("(id, q, f) VALUES ({v}, {v}, {v})", lambda r, i: [i, i / 3, fraction(i, 3)]),
    ("(id, q) VALUES ({v}, {v} / {c:2})", lambda r, i: [i, i]),
    ("(id, q) VALUES ({v}, {v} / {c:2.0})", lambda r, i: [i, i]),
    ("(id, at) VALUES ({v}, {v})", lambda r, i: [i, dt.date(2024, 1, 1 + i % 20)]),
    ("(id, at) VALUES ({v}, now())", lambda r, i: [i]),
    ("(id, at) VALUES ({v}, clock_timestamp())", lambda r, i: [i]),
    ("(id, at) VALUES ({v}, current_timestamp)", lambda r, i: [i]),
    ("(id, at) VALUES ({v}, current_date)", lambda r, i: [i]),
    ("(id, f) VALUES ({v}, random())", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, md5(random()::text))", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, current_user)", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, current_setting({c:'application_name'}))", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, txid_current()::text)", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, pg_current_xact_id()::text)", lambda r, i: [i]),
    ("(id, q) VALUES ({v}, pg_relation_size({c:'{t}'}))", lambda r, i: [i]),
    ("(id, s) VALUES ({v}, set_config({c:'a.b'}, coalesce(current_setting({c:'a.b'}, {c:true}), {c:''}) || {c:'x'}, {c:true}))", lambda r, i: [i]),
    ("(id, js) VALUES ({v}, {v})", lambda r, i: [i, '{"a": %d}' % i]),
    ("(id, n, s) VALUES ({v}, {c:1}, {c:'const'})", lambda r, i: [i]),
    ("(id, n, s) VALUES ({v}, DEFAULT, {v})", lambda r, i: [i, "x%d" % i]),
    ("(id, k) VALUES ({v}, {v})", None),
    ("(id, n, s) VALUES ({v}, (SELECT max(n) + 1 FROM {t}), {v})", lambda r, i: [i, "x"]),
    ("(id, n) SELECT {v}, {v}", lambda r, i: [i, i]),
    ("(id, s) VALUES ({v}, {v})", lambda r, i: [i, None]),
]


def insert(r, t):
    hazard, statements = r.choice(hazards(t))
    columntype = r.choice(list(TYPES)) if r.random() < 0.5 else "integer"
    setup = keyed_table(r, t, columntype, None, extra=", touched integer") + statements
    text, values_of = r.choice(INSERTS)
    typed = r.choice(TYPES[columntype])
    if values_of is None:
        def values_of(r, i):
            return [i, typed[i % len(typed)]]
    if "unique" in hazard or hazard == "exclusion":
        text, values_of = "(id, u) VALUES ({v}, {v})", lambda r, i: [i, 1000 + i]
    if hazard.startswith("self"):
        text, values_of = "(id, up) VALUES ({v}, {v})", lambda r, i: [i, i - 1]
    if hazard == "reading domain":
        text, values_of = "(id, d) VALUES ({v}, {v})", lambda r, i: [i, i]
    conflict = ""
    n = r.choice([6, 8, 12])
    ids = list(range(101, 101 + n))
    if r.random() < 0.3:
        conflict = r.choice([" ON CONFLICT DO NOTHING", " ON CONFLICT (id) DO UPDATE SET s = excluded.s",
                             " ON CONFLICT (id) DO UPDATE SET n = {t}.n + excluded.n, s = excluded.s",
                             " ON CONFLICT (id) DO UPDATE SET n = coalesce({t}.n, {c:0}) + {c:1}"])
        ids = [r.choice(list(range(20, 40))) for _ in range(n)]
    returning = r.choice(["", "", "", " RETURNING id", " RETURNING *"])
    text = "INSERT INTO %s AS %s %s%s%s" % (t, t, text, conflict, returning)
    template = Template(text.replace("{t}", t))
    loop = [(template, values_of(r, i)) for i in ids]
    tables = [t] + [x for x in (t + "log", t + "c") if any("CREATE TABLE %s " % x in s for s in setup)]
    return Case("insert (%s, %s)" % (hazard, columntype), setup + grants(t, setup, hazard), loop, tables,
                role=roles_of(hazard), one_transaction=r.random() < 0.7, times=times_of(hazard), ordered=True)


def interleaved(r, t):
    """An INSERT between others: what it reads of sequences and tables moves on"""
    setup = ["CREATE SEQUENCE %sq" % t,
             "CREATE TABLE %sa (id integer PRIMARY KEY DEFAULT nextval('%sq'), s text)" % (t, t),
             "CREATE TABLE %s (id integer DEFAULT %s, a_id bigint, s text)" % (
                 t, r.choice(["nextval('%sq')" % t, "0", "lastval()"]))]
    child = r.choice(["(a_id, s) VALUES (currval({c:'%sq'}), {v})" % t,
                      "(a_id, s) VALUES (lastval(), {v})",
                      "(a_id, s) VALUES (nextval({c:'%sq'}), {v})" % t,
                      "(s) VALUES ({v})",
                      "(a_id, s) VALUES ((SELECT max(id) FROM %sa), {v})" % t])
    parent_template = Template("INSERT INTO %sa (s) VALUES ({v})" % t)
    child_template = Template("INSERT INTO %s %s" % (t, child))
    loop = []
    for i in range(7):
        loop.append((parent_template, ["p%d" % i]))
        for j in range(r.choice([1, 1, 2])):
            loop.append((child_template, ["c%d %d" % (i, j)]))
    return Case("interleaved inserts", setup, loop, [t, t + "a"])


def delete(r, t):
    hazard, statements = r.choice(hazards(t))
    columntype = r.choice(list(TYPES)) if r.random() < 0.4 else "integer"
    setup = keyed_table(r, t, columntype, None, extra=", touched integer") + statements
    returning = r.choice(["", "", " RETURNING id", " RETURNING s", " RETURNING *", " RETURNING n"])
    if hazard.startswith("self") and r.random() < 0.5:
        template = Template("DELETE FROM %s WHERE up = {v}%s" % (t, returning))
        loop = [(template, [i]) for i in r.sample(range(1, 20), 8)]
    elif r.random() < 0.6:
        where = r.choice(["id = {v}", "id = {v}", "id = {v} AND n > {c:0}", "id = {v} AND n = {v}", "{v} = id"])
        template = Template("DELETE FROM %s WHERE %s%s" % (t, where, returning))
        ids = draw(r, list(range(1, 25)), r.choice([6, 10]), r.random() < 0.3)
        if r.random() < 0.5:
            ids.sort()
        loop = [(template, [i] + ([i * 7 % 5] if where.count("{v}") > 1 else [])) for i in ids]
    else:
        template = Template("DELETE FROM %s WHERE k = {v}%s" % (t, returning))
        loop = [(template, [k]) for k in draw(r, r.choice(TYPES[columntype]), 6, False)]
    tables = [t] + [x for x in (t + "log", t + "c") if any("CREATE TABLE %s " % x in s for s in setup)]
    return Case("delete (%s, %s)" % (hazard, columntype), setup + grants(t, setup, hazard), loop, tables,
                role=roles_of(hazard), one_transaction=r.random() < 0.8, times=times_of(hazard))


def other_target(r, t):
    """Writes to what is no plain table"""
    kind = r.choice(["view", "instead", "partitions", "partition trigger", "partition move", "foreign", "file partition", "inheritance"])
    setup = keyed_table(r, t + "b", "integer", None)
    tables = [t + "b"]
    if kind == "view":
        setup.append("CREATE VIEW %s AS SELECT id, k, n, s FROM %sb WHERE id > 2" % (t, t))
    elif kind == "instead":
        setup += ["CREATE VIEW %s AS SELECT id, k, n, s FROM %sb" % (t, t),
                  "CREATE FUNCTION %sf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE %sb SET q = (SELECT sum(q) FROM %sb) WHERE id = 1; RETURN NEW; END$$" % (t, t, t),
                  "CREATE TRIGGER g INSTEAD OF INSERT OR UPDATE OR DELETE ON %s FOR EACH ROW EXECUTE FUNCTION %sf()" % (t, t)]
    elif kind in ("partitions", "partition trigger", "partition move", "file partition"):
        setup += ["CREATE TABLE %s (id integer, k integer, n integer, s text) PARTITION BY RANGE (k)" % t,
                  "CREATE TABLE %s1 PARTITION OF %s FOR VALUES FROM (MINVALUE) TO (4)" % (t, t),
                  "CREATE TABLE %s2 PARTITION OF %s DEFAULT" % (t, t),
                  "INSERT INTO %s SELECT id, k, n, s FROM %sb" % (t, t)]
        if kind == "partition trigger":
            setup += ["CREATE FUNCTION %sf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n := (SELECT count(*) FROM %s); RETURN NEW; END$$" % (t, t),
                      "CREATE TRIGGER g BEFORE INSERT OR UPDATE ON %s2 FOR EACH ROW EXECUTE FUNCTION %sf()" % (t, t)]
        tables = [t]
    elif kind == "inheritance":
        setup += ["CREATE TABLE %s (id integer, k integer, n integer, s text)" % t,
                  "CREATE TABLE %s1 (x integer) INHERITS (%s)" % (t, t),
                  "INSERT INTO %s1 SELECT id, k, n, s, 1 FROM %sb" % (t, t),
                  "CREATE FUNCTION %sf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN NEW.n := (SELECT sum(n) FROM %s); RETURN NEW; END$$" % (t, t),
                  "CREATE TRIGGER g BEFORE UPDATE ON %s1 FOR EACH ROW EXECUTE FUNCTION %sf()" % (t, t)]
        tables = [t]
    else:
        setup += foreign_server() + [
            "CREATE FOREIGN TABLE %s (id integer, k integer, n integer, s text) SERVER prove_loop OPTIONS (table_name '%sb')" % (t, t)]
    text, values_of = r.choice([
        ("INSERT INTO %s (id, k, n, s) VALUES ({v}, {v}, {v}, {v})", lambda i: [100 + i, i, i, "x"]),
        ("UPDATE %s SET n = {v} WHERE id = {v}", lambda i: [i * 2, i]),
        ("UPDATE %s SET k = {v} WHERE id = {v}", lambda i: [i * 3 % 8, i]),
        ("UPDATE %s SET n = n + {v} WHERE id = {v} RETURNING id, n", lambda i: [i * 2, i]),
        ("DELETE FROM %s WHERE id = {v}", lambda i: [i])])
    if kind == "partition move":
        text, values_of = "UPDATE %s SET k = {v}, n = n + {c:1} WHERE id = {v}", lambda i: [i * 3 % 8, i]
    template = Template(text % t)
    return Case("write to %s" % kind, setup, [(template, values_of(i)) for i in range(1, 11)], tables)


PARENTS = ["SELECT id, s FROM {t}p", "SELECT * FROM {t}p ORDER BY s, id", "SELECT id, s FROM {t}p ORDER BY n DESC, id LIMIT {{c:9}}",
           "SELECT DISTINCT id, n FROM {t}p", "SELECT p.id, p.n, p.s FROM {t}p p WHERE p.n > {{c:0}} ORDER BY p.id DESC",
           "SELECT x.id AS pid, x.s FROM {t}p x ORDER BY x.s DESC, x.id"]
CHILDREN = ["SELECT id, s FROM {t} WHERE p_id = {{v}}", "SELECT * FROM {t} WHERE p_id = {{v}} ORDER BY id DESC",
            "SELECT count(*) FROM {t} WHERE p_id = {{v}}", "SELECT id FROM {t} WHERE p_id = {{v}} AND n > {{c:1}}",
            "SELECT c.id, c.s FROM {t} c WHERE {{v}} = c.p_id ORDER BY c.n, c.id LIMIT {{c:2}}",
            "SELECT id, s FROM {t} WHERE p_id = {{v}} AND n <> {{v}}"]


def parents(r, t):
    """A loop over a parent's rows"""
    keytype = r.choice(["integer", "integer", "bigint", "uuid", "text"])
    convert = "('00000000-0000-0000-0000-' || lpad(%s::text, 12, '0'))::uuid" if keytype == "uuid" else "%s::" + keytype
    fk = r.random() < 0.7
    setup = ["CREATE TABLE %sp (id %s PRIMARY KEY, n integer, s text)" % (t, keytype),
             "INSERT INTO %sp SELECT %s, i * 7 %% 5, md5(i::text) FROM generate_series(1, 12) i" % (t, convert % "i"),
             "CREATE TABLE %s (id integer PRIMARY KEY, p_id %s%s, n integer, s text)" % (t, keytype, " REFERENCES %sp" % t if fk else ""),
             "INSERT INTO %s SELECT i, %s, i %% 4, 's' || i FROM generate_series(1, 30) i" % (t, convert % "(i % 10 + 1)")]
    parent = Template(r.choice(PARENTS).format(t=t))
    child_text = r.choice(CHILDREN).format(t=t)
    child = Template(child_text)
    case = Case("parent and children (%s)" % keytype, setup, [], [], ordered="ORDER" in child_text)
    case.parent = parent
    case.child = child
    case.parent_key = 0
    case.more = [1, 2, 3] if child_text.count("{v}") > 1 else None
    return case


def tree(r, t):
    """A tree that is read level by level, from its own rows"""
    setup = ["CREATE TABLE %s (id integer PRIMARY KEY, up integer REFERENCES %s, s text)" % (t, t),
             "INSERT INTO %s SELECT i, nullif(i / 2, 0), 's' || i FROM generate_series(1, 15) i" % t]
    template = Template("SELECT id, s FROM %s WHERE up = {v} ORDER BY id" % t)
    loop = [(template, [i]) for i in range(1, 16)]
    return Case("tree", setup, loop, [], ordered=True)


def pages(r, t):
    setup = ["CREATE TABLE %s (id integer PRIMARY KEY, n integer NOT NULL, s text NOT NULL, c text COLLATE \"prove_ci\" NOT NULL, z integer, "
             "d date NOT NULL, q numeric NOT NULL, UNIQUE (n, id))" % t,
             "INSERT INTO %s SELECT i, i * 7 %% 5, 's' || i %% 6, chr(97 + i %% 5) || CASE WHEN i %% 2 = 0 THEN 'x' ELSE 'X' END, nullif(i %% 4, 0), "
             "date '2024-01-01' + i %% 7, (i %% 6) / 2.0 FROM generate_series(1, 60) i" % t]
    order = r.choice(["id", "id DESC", "n, id", "n DESC, id DESC", "n, id DESC", "n", "s DESC", "c, id", "z, id", "d, s, id", "q DESC, id",
                      "s COLLATE \"C\", id", "n NULLS FIRST, id", "lower(s), id", "1, id"])
    output = r.choice(["id, n, s", "*", "s", "id AS n, n AS id", "upper(s) AS s, id"])
    where = r.choice(["", "", " WHERE n > {c:1}", " WHERE n = {c:1} OR n = {c:2}", " WHERE z IS NOT NULL AND n < {c:4}"])
    template = Template("SELECT %s FROM %s%s ORDER BY %s LIMIT {c:7} OFFSET {v}" % (output, t, where, order))
    return Case("pages", setup, [(template, [7 * i]) for i in range(9)], [], ordered=True)


def composite(r, t):
    """Keys of two columns of any types, and a foreign key over both"""
    one, two = r.choice(list(TYPES)), r.choice(list(TYPES))
    a, b = TYPES[one][0], TYPES[two][0]
    setup = ["CREATE TABLE %s (a %s, b %s, n integer, s text)" % (t, one, two),
             "INSERT INTO %s VALUES %s" % (t, ", ".join("(%s, %s, %d, 's%d')" % (
                 literal(x), literal(y), i, i % 3) for i, (x, y) in enumerate(
                     [(a[i % len(a)], b[i * 3 % len(b)]) for i in range(16)])))]
    text = r.choice(["SELECT n FROM %s WHERE a = {v} AND b = {v}", "SELECT n, s FROM %s WHERE (a, b) = ({v}, {v}) ORDER BY n",
                     "SELECT count(*) FROM %s WHERE b = {v} AND a = {v}", "SELECT * FROM %s WHERE a = {v} AND s = {c:'s1'} AND b = {v}",
                     "UPDATE %s SET n = n + {c:1} WHERE a = {v} AND b = {v}", "DELETE FROM %s WHERE a = {v} AND b = {v}",
                     "UPDATE %s SET s = {c:'x'} WHERE a = {v} AND b IS NOT DISTINCT FROM {v} RETURNING n"]) % t
    first, second = r.choice(TYPES[one]), r.choice(TYPES[two])
    if "b = {v} AND a" in text:
        first, second = second, first
    loop = [(Template(text), None)]
    template = Template(text)
    loop = [(template, [first[i % len(first)], second[i * 3 % len(second)]]) for i in r.sample(range(16), 8)]
    if r.random() < 0.2:
        loop[3][1][r.randrange(2)] = None
    return Case("composite (%s, %s)" % (one, two), setup, loop, [t], ordered="ORDER" in text)


def settings_changed(r, t):
    """A session that changes settings in the loop, or shadows the table"""
    setup = keyed_table(r, t, "integer", None)
    text = r.choice(["SELECT id, at::text FROM %s WHERE k = {v}", "SELECT id, to_char(at, {c:'DD HH24'}) FROM %s WHERE k = {v}",
                     "SELECT id, f::text FROM %s WHERE k = {v}", "SELECT count(*) FROM %s WHERE k = {v}",
                     "SELECT id FROM %s WHERE k = {v} AND at < {c:'2024-01-02 03:00'} ORDER BY id", "SELECT at::date, n FROM %s WHERE k = {v}"]) % t
    template = Template(text)
    between = r.choice(["SET TimeZone = %d", "SET DateStyle = 'German' /* %d */", "SET extra_float_digits = -%d", "SET IntervalStyle = iso_8601 /* %d */",
                        "SET search_path = pg_catalog, public /* %d */", "CREATE TEMP TABLE " + t + " AS SELECT %d AS id, 1 AS k, 2 AS n, 's' AS s, 1.0 AS q, 1.5::float8 AS f, now() AS at",
                        "TRUNCATE " + t + " /* %d */", "ALTER TABLE " + t + " ALTER n TYPE bigint /* %d */", "COPY " + t + "(id, k) FROM PROGRAM 'echo 10%d,1' (FORMAT csv)",
                        "DO $$BEGIN UPDATE " + t + " SET k = k + 1 WHERE k > %d; END$$"])
    loop = [(template, [i % 8 + 1]) for i in range(10)]
    at = r.randrange(1, 10)
    loop.insert(at, (Template(between % (at % 3 + 1)), []))
    if r.random() < 0.5 and "TEMP" not in between:
        loop = [x for i in range(10) for x in ((template, [i % 8 + 1]), (Template(between % (i % 3 + 1)), []))]
    return Case("settings (%s)" % between.split(" ")[0], setup, loop, [], ordered="ORDER" in text,
                one_transaction=r.random() < 0.5)


def reads_writes(r, t):
    """A loop that reads what it writes: the table, by way of a view, a parent,
    a trigger, a function or a rule"""
    way = r.choice(["table", "table", "view", "read view", "partition", "parent", "child", "trigger", "cascade", "rule", "function", "procedure",
                    "cte", "other", "other", "temporary", "returning"])
    setup = keyed_table(r, t + "b", "integer", None)
    read = written = t + "b"
    if way == "view":
        setup.append("CREATE VIEW %sv AS SELECT * FROM %sb" % (t, t))
        written = t + "v"
    elif way == "read view":
        setup.append("CREATE VIEW %sv AS SELECT * FROM %sb" % (t, t))
        read = t + "v"
    elif way in ("partition", "parent"):
        setup += ["CREATE TABLE %s (id integer, k integer, n integer) PARTITION BY RANGE (id)" % t,
                  "CREATE TABLE %s1 PARTITION OF %s FOR VALUES FROM (MINVALUE) TO (1000)" % (t, t),
                  "INSERT INTO %s SELECT id, k, n FROM %sb" % (t, t)]
        read, written = (t, t + "1") if way == "partition" else (t + "1", t)
    elif way == "child":
        setup += ["CREATE TABLE %s (id integer, k integer, n integer)" % t, "CREATE TABLE %s1 () INHERITS (%s)" % (t, t),
                  "INSERT INTO %s1 SELECT id, k, n FROM %sb" % (t, t)]
        read, written = r.choice([(t, t + "1"), (t + "1", t)])
    elif way == "trigger":
        setup += ["CREATE TABLE %s (id integer PRIMARY KEY, k integer, n integer)" % t, "INSERT INTO %s SELECT id, k, n FROM %sb" % (t, t),
                  "CREATE FUNCTION %sf() RETURNS trigger LANGUAGE plpgsql AS $$BEGIN UPDATE %s SET n = n + 1 WHERE id > 0; RETURN NULL; END$$" % (t, t),
                  "CREATE TRIGGER g AFTER UPDATE ON %sb FOR EACH %s EXECUTE FUNCTION %sf()" % (t, r.choice(["ROW", "STATEMENT"]), t)]
        read = t
    elif way == "cascade":
        setup += ["CREATE TABLE %s (id integer PRIMARY KEY, k integer REFERENCES %sb ON UPDATE CASCADE ON DELETE CASCADE, n integer)" % (t, t),
                  "INSERT INTO %s SELECT id, id, n FROM %sb" % (t, t)]
        read = t
    elif way == "rule":
        setup += ["CREATE TABLE %s (id integer PRIMARY KEY, k integer, n integer)" % t, "INSERT INTO %s SELECT id, k, n FROM %sb" % (t, t),
                  "CREATE RULE r AS ON UPDATE TO %sb DO ALSO UPDATE %s SET n = n + 1" % (t, t)]
        read = t
    elif way == "other":
        setup += ["CREATE TABLE %s AS SELECT id, k, n FROM %sb" % (t, t)]
        read = t
    elif way == "temporary":
        setup += ["CREATE TABLE %s AS SELECT id, k, n FROM %sb" % (t, t)]
    change = r.choice(["UPDATE {w} SET n = n + {{v}} WHERE id = {{v}}", "UPDATE {w} SET k = {{v}} WHERE id = {{v}}",
                       "UPDATE {w} SET n = {{v}} WHERE id > {{v}}"])
    if way in ("cascade",):
        change = r.choice(["DELETE FROM {w} WHERE n = {{v}} AND id = {{v}}", "UPDATE {w} SET id = id + 100 * {{v}} WHERE id = {{v}}"])
    elif way == "function":
        setup.append("CREATE FUNCTION %sf(a integer, b integer) RETURNS integer LANGUAGE plpgsql AS $$BEGIN UPDATE %sb SET n = n + a WHERE id > b; RETURN 1; END$$" % (t, t))
        change = "SELECT %sf({{v}}, {{v}})" % t
    elif way == "procedure":
        setup.append("CREATE PROCEDURE %sf(a integer, b integer) LANGUAGE plpgsql AS $$BEGIN UPDATE %sb SET n = n + a WHERE id > b; END$$" % (t, t))
        change = "CALL %sf({{v}}, {{v}})" % t
    elif way == "cte":
        change = "WITH x AS (UPDATE {w} SET n = n + {{v}} WHERE id > {{v}} RETURNING id) SELECT count(*) FROM x"
    query = r.choice(["SELECT n FROM {r} WHERE id = {{v}}", "SELECT sum(n), count(*) FROM {r} WHERE k = {{v}}", "SELECT id, n FROM {r} WHERE k = {{v}} ORDER BY id",
                      "SELECT id, n FROM {r} WHERE n > {{c:2}} AND k = {{v}}", "SELECT a.n FROM {r} a JOIN {r} b ON b.id = a.n WHERE a.k = {{v}}"])
    reading = Template(query.format(r=read))
    writing = Template(change.format(w=written))
    order = r.choice(["turns", "turns", "reads first", "one between", "pairs"])
    reads = [(reading, [i % 5 + 1]) for i in range(10)]
    writes = [(writing, [i % 4 + 1, i + 1]) for i in range(10)]
    if order == "turns":
        loop = [x for pair in zip(reads, writes) for x in pair]
    elif order == "reads first":
        loop = reads + writes
    elif order == "one between":
        loop = reads[:7] + writes[:1] + reads[7:]
    else:
        loop = [x for i in range(0, 10, 2) for x in reads[i:i + 2] + writes[i:i + 2]]
    if r.random() < 0.2:
        loop.insert(r.randrange(len(loop)), (Template("SAVEPOINT s"), []))
        loop.append((Template("ROLLBACK TO s"), []))
        loop += reads[:4]
    return Case("reads and writes (%s, %s)" % (way, order), setup, loop, [], ordered="ORDER" in query,
                one_transaction=r.random() < 0.8 or any("SAVEPOINT" in x.text for x, _ in loop))


def many_writes(r, t):
    """Two statements that write one table in turns, or tables that have to do
    with each other"""
    setup = keyed_table(r, t, "integer", None, extra=", ser serial") + \
        ["CREATE TABLE %sc (id serial, t_id integer REFERENCES %s%s, n integer)" % (t, t, r.choice([" ON DELETE CASCADE", " ON DELETE SET NULL", " DEFERRABLE INITIALLY DEFERRED", ""]))]
    one, values_one = r.choice([("INSERT INTO {t} (id, n) VALUES ({{v}}, {{v}})", lambda i: [100 + i, i]), ("UPDATE {t} SET n = n + {{v}} WHERE id = {{v}}", lambda i: [i, i + 1]),
                                ("UPDATE {t} SET n = n * {{v}} WHERE id = {{v}}", lambda i: [i + 2, i + 1]), ("DELETE FROM {t} WHERE id = {{v}}", lambda i: [i + 1])])
    two, values_two = r.choice([("INSERT INTO {t}c (t_id, n) VALUES ({{v}}, {{v}})", lambda i: [i + 1, i]), ("INSERT INTO {t} (id, s) VALUES ({{v}}, {{v}})", lambda i: [200 + i, "x"]),
                                ("UPDATE {t} SET n = n + {{c:1}} WHERE n > {{v}}", lambda i: [i]), ("UPDATE {t} SET n = n * {{c:2}} WHERE k = {{v}}", lambda i: [i % 8]),
                                ("DELETE FROM {t} WHERE n = {{v}}", lambda i: [i % 5]), ("DELETE FROM {t}c WHERE t_id = {{v}}", lambda i: [i])])
    a, b = Template(one.format(t=t)), Template(two.format(t=t))
    loop = [x for i in range(8) for x in r.sample([(a, values_one(i)), (b, values_two(i))], 2)]
    return Case("writes in turns", setup, loop, [t, t + "c"], one_transaction=r.random() < 0.8, whole=True)


def families():
    return [lookup] * 6 + [two_conditions] * 4 + [unique_lookup, view_lookup, view_lookup] + [update] * 6 + \
        [insert] * 5 + [interleaved] + [delete] * 3 + [other_target] * 2 + [parents] * 3 + [tree, pages] + [composite] * 3 + [settings_changed] + [reads_writes] * 4 + [many_writes] * 2

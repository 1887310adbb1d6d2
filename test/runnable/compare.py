"""Statements with parameters against their runnable_sql: the same rows.

    compare.py forms FILE...    statements of our own: {{7}} and {{text::type}} are
                                parameters, one statement ends with its line;
                                every one has to run, but for those of newer
                                versions, which are left out if refused
    compare.py suite FILE...    regression tests of PostgreSQL: every constant
                                that can be a parameter becomes one; what
                                PostgreSQL refuses to run is left out

Connects as libpq does by its environment.  The server's library must be
preloaded, the extension created.  Every statement runs twice, as it was sent
by the extended protocol and by runnable_sql, each in a transaction that is
rolled back.  Prints what differs; the last line is "N compared, N differ".
"""

import re
import sys

from psycopg import pq

OK = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)
INT4, NUMERIC = 23, 1700

SETTINGS = """
SET pg_querywatch.track = 'top';
SET pg_querywatch.query_max_length = '64kB';
SET pg_querywatch.parameter_max_length = '64kB';
SET pg_querywatch.capture_plan = off;
SET client_min_messages = error;
SET statement_timeout = '20s';
SET compute_query_id = regress;
SET jit = off
"""

TOKEN = re.compile(r"""
      (?P<comment>--[^\n]*|/\*.*?\*/)
    | (?P<dollar>\$(?P<tag>[A-Za-z_]\w*)?\$.*?\$(?(tag)(?P=tag))\$)
    | (?P<string>\b[eE]'(?:[^'\\]|''|\\.)*'|\b(?:[bBxXnN]|[uU]&)'(?:[^']|'')*'|'(?:[^']|'')*')
    | (?P<name>"(?:[^"]|"")*"|[A-Za-z_\x80-\U0010ffff][\w$\x80-\U0010ffff]*|\$\d+)
    | (?P<number>(?:\d+\.\d*|\.\d+|\d+)(?:[eE][+-]?\d+)?(?![\w.]))
    | (?P<other>.)
    """, re.X | re.S)

# What a session or the cluster would be changed by, or what takes long
SKIPPED = re.compile(
    r"\s*(?:BEGIN|START|COMMIT|END|ROLLBACK|ABORT|SAVEPOINT|RELEASE|PREPARE|EXECUTE|"
    r"DEALLOCATE|DISCARD|LISTEN|NOTIFY|FETCH|MOVE|CLOSE|VACUUM|CHECKPOINT|LOAD|COPY|"
    r"ALTER\s+(?:SYSTEM|DATABASE|EXTENSION)|"
    r"(?:CREATE|ALTER|DROP)\s+(?:DATABASE|TABLESPACE|ROLE|USER|GROUP|SUBSCRIPTION)|"
    r"(?:SET|RESET)\s+(?:SESSION\s+AUTHORIZATION|ROLE|(?:SESSION\s+)?CHARACTERISTICS|ALL)|"
    r"REINDEX\s+(?:DATABASE|SYSTEM)|SECURITY)\b", re.I)
COMPARED = re.compile(
    r"[\s(]*(?:SELECT|WITH|VALUES|INSERT|UPDATE|DELETE|MERGE|TABLE|DECLARE|CALL|EXPLAIN|"
    r"CREATE\s+(?:TEMP\w*\s+|UNLOGGED\s+)?(?:TABLE|MATERIALIZED\s+VIEW)\s+\S+\s+AS)\b", re.I)
# Answers that are another one each time
CHANGING = re.compile(
    r"random|clock_timestamp|timeofday|nextval|txid|pg_current_|xmin|ctid|"
    r"pg_stat|pg_cursors|pg_prepared|pg_sleep|gen_random|pg_backend|uuidv|analyze", re.I)


class Connection:
    def __init__(self):
        self.pg = pq.PGconn.connect(b"")
        if self.pg.status != pq.ConnStatus.OK:
            sys.exit(self.pg.error_message.decode())

    def run(self, sql):
        return self.pg.exec_(sql.encode())

    def value(self, sql):
        result = self.run(sql)
        if result.status not in OK:
            sys.exit(result.error_message.decode())
        return result.get_value(0, 0) if result.ntuples else None


def answer(result):
    """What the client sees, whatever order the rows come in; of an EXPLAIN,
    that it works: a plan may show $1"""
    columns = [(result.fname(i), result.ftype(i)) for i in range(result.nfields)]
    rows = sorted(([result.get_value(r, c) for c in range(result.nfields)]
                   for r in range(result.ntuples)),
                  key=lambda row: [(v is not None, v or b"") for v in row])
    if result.command_status == b"EXPLAIN":
        rows = []
    return columns, rows, result.command_status


class Comparison:
    def __init__(self):
        self.client = Connection()
        self.admin = Connection()
        self.compared = self.differing = self.parameters = 0
        self.pid = self.client.pg.backend_pid
        for statement in SETTINGS.split(";"):
            self.client.run(statement)
        for statement in SETTINGS.split(";"):
            self.admin.run(statement)
        self.admin.run("SET pg_querywatch.slow_threshold = -1")

    def send(self, sql, values):
        """Runs the statement as a driver sends it: the result, or an error"""
        client = self.client.pg
        begin = b"" if sql.startswith("CALL") else b"BEGIN"
        client.exec_(begin)
        client.exec_(b"SET pg_querywatch.slow_threshold = 0")
        result = client.exec_params(
            sql.encode(), [None if v is None else v.encode() for v, _ in values],
            param_types=[t for _, t in values])
        if result.status in (pq.ExecStatus.COPY_IN, pq.ExecStatus.COPY_OUT):
            sys.exit("COPY is not for this: " + sql)
        client.exec_(b"ROLLBACK")
        client.exec_(b"SET pg_querywatch.slow_threshold = -1")
        return result

    def again(self, runnable):
        client = self.client.pg
        client.exec_(b"" if runnable.startswith(b"CALL") else b"BEGIN")
        result = client.exec_params(runnable, [])
        client.exec_(b"ROLLBACK")
        return result

    def differs(self, sql, values, why):
        self.differing += 1
        print("%s\n    %s\n    %s" % (sql.strip(), [v for v, _ in values], why))

    def compare(self, sql, values):
        """False if PostgreSQL does not run the statement"""
        self.admin.run("SELECT querywatch.reset_slow()")
        first = self.send(sql, values)
        if first.status not in OK:
            self.refusal = first.error_message.decode()
            return False
        runnable = self.admin.value(
            "SELECT coalesce(runnable_sql, CASE WHEN octet_length(parameters::text)"
            " > 60000 THEN '-- too long' END) FROM querywatch.slow_statements"
            " WHERE pid = %d AND toplevel AND query !~ '^ROLLBACK|slow_threshold'"
            " ORDER BY id DESC LIMIT 1" % self.pid)
        if runnable == b"-- too long":
            return True
        self.compared += 1
        self.parameters += len(values)
        if runnable is None:
            self.differs(sql, values, "no runnable_sql")
            return True
        second = self.again(runnable)
        if second.status not in OK or answer(first) != answer(second):
            # some give another answer each time
            third = self.send(sql, values)
            if third.status in OK and answer(first) == answer(third):
                self.differs(sql, values, "%s: %s, not %s" % (
                    runnable.decode(), second.error_message.decode() or answer(second),
                    answer(first)))
        return True

    def takes(self, sql, types):
        """Can these be parameters?"""
        client = self.client.pg
        return client.prepare(b"", sql.encode(), types).status in OK


def forms(comparison, path):
    """Runs a file of our own, as the head of this file says"""
    setup = True
    newest = 0
    for line in open(path, encoding="utf-8"):
        line = line.strip()
        if line.startswith("-- forms"):
            setup = False
            newest = int((re.findall(r"^-- forms since (\d+)", line) or [0])[0])
        if not line or line.startswith("--"):
            continue
        if setup:
            result = comparison.client.run(line)
            if result.status not in OK:
                sys.exit(line + ": " + result.error_message.decode())
            continue
        if comparison.client.pg.server_version < newest * 10000:
            continue
        values = []

        def parameter(match):
            values.append((None if match[1] == "NULL" else match[1], 0))
            return "$%d%s" % (len(values), match[2] or "")

        sql = re.sub(r"\{\{(.*?)(::[^{}:]+)?\}\}(?!\})", parameter, line)
        if not comparison.compare(sql, values):
            if newest:
                print("left out: %s: %s" % (sql, comparison.refusal.strip()))
            else:
                comparison.differs(sql, values, comparison.refusal)


def statements(text):
    """The statements of a regression test, without what only psql knows"""
    text = re.sub(r"(?ims)^copy\s[^;]*from\s+stdin[^;]*;.*?^\\\.$", "", text)
    text = re.sub(r"(?m)^\\.*$", "", text)
    text = re.sub(r"\\(?:gset|gexec|gx|g|crosstabview)\b.*", ";", text)
    start = depth = 0
    for match in TOKEN.finditer(text):
        word = match.group().lower()
        if word == "(":
            depth += 1
        elif word == ")":
            depth -= 1
        elif word == ";" and depth <= 0:
            yield text[start:match.start()]
            start, depth = match.end(), 0


def with_parameters(comparison, sql):
    """The statement with each constant a parameter that can be one"""
    pieces = []
    values = []
    for match in TOKEN.finditer(sql):
        pieces.append(match.group())
        text = match.group()
        if match.lastgroup == "string" and text.startswith("'"):
            value = (text[1:-1].replace("''", "'"), 0)
        elif match.lastgroup == "number" and not re.search(r"[eE]-?\d{4}", text):
            value = (text, INT4 if text.isdigit() and int(text) < 2 ** 31 else NUMERIC)
        else:
            continue
        values.append((len(pieces) - 1, value))

    taken = []
    for place, value in values:
        trial = list(pieces)
        trial[place] = "$%d" % (len(taken) + 1)
        if comparison.takes("".join(trial), [t for _, t in taken] + [value[1]]):
            pieces = trial
            taken.append(value)
    return "".join(pieces), taken


def suite(comparison, path):
    """Runs a test of PostgreSQL's, and compares what can be compared"""
    for sql in statements(open(path, encoding="utf-8", errors="replace").read()):
        if not sql.strip() or SKIPPED.match(sql):
            continue
        bare = re.sub(r"(?s)^(?:\s|--[^\n]*\n|/\*.*?\*/)+", "", sql)
        if SKIPPED.match(bare):
            continue
        if COMPARED.match(bare) and not CHANGING.search(sql) and "$" not in sql:
            parametrized, values = with_parameters(comparison, sql)
            if values and not comparison.compare(parametrized, values):
                # one at a time: together their types may not fit
                pass
        comparison.client.run(sql)
        comparison.client.run("ROLLBACK")


def main():
    mode, paths = sys.argv[1], sys.argv[2:]
    comparison = Comparison()
    for path in paths:
        {"forms": forms, "suite": suite}[mode](comparison, path)
    print("%d parameters" % comparison.parameters)
    print("%d compared, %d differ" % (comparison.compared, comparison.differing))
    sys.exit(comparison.differing > 0)


if __name__ == "__main__":
    main()

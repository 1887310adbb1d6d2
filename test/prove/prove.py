"""Proves rewrites: runs loops through drivers, reads what
querywatch.findings makes of them, and runs loop and rewrite on equal copies of
the data.

PGHOST and PGPORT say where a server is that preloads pg_querywatch; the
database "prove" is created anew there.  SEED (a number; 1) chooses the cases,
DURATION (seconds; 60) says how long; ONLY=N,N,... runs these cases.  Prints
what differs, and last "ok" or "not ok" and what was looked at.
"""

import collections
import os
import random
import re
import sys
import time

import psycopg
import psycopg2
import psycopg2.extensions
import psycopg2.extras

import cases
import clients

HOST, PORT = os.environ["PGHOST"], os.environ.get("PGPORT", "5432")
HERE = os.path.dirname(os.path.abspath(__file__))
LIST = re.compile(r'\$(\d+)::((?:"[^"]+"|[\w. ]|\(\d+(?:,\d+)?\))+)\[\]')
NOW = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d+\+00")
PARAM = re.compile(r"\$(\d+)")


def dsn(database, application="prove"):
    return "host=%s port=%s user=postgres dbname=%s application_name=%s" % (
        HOST, PORT, database, application)


class Constant(str):
    """A constant as it stands in the text"""


class Wrong(Exception):
    pass


class Skipped(Exception):
    pass


def timeless(rows):
    """Without the current time, which alone has fractions of seconds"""
    return [tuple(v and NOW.sub("now", str(v)) for v in row) for row in rows]


class Prover:
    def __init__(self):
        with psycopg.connect(dsn("postgres"), autocommit=True) as connection:
            connection.execute("DROP DATABASE IF EXISTS prove WITH (FORCE)")
            connection.execute("DROP ROLE IF EXISTS prove_app")
            connection.execute("CREATE DATABASE prove")
        self.admin = psycopg.connect(dsn("prove", "admin"), autocommit=True)
        self.admin.prepare_threshold = None
        self.admin.execute("CREATE EXTENSION pg_querywatch")
        for statement in cases.PRELUDE:
            try:
                self.admin.execute(statement)
            except psycopg.Error as error:      # not on this server
                print("#", str(error).split("\n")[0])
        self.literals = psycopg2.connect(dsn("prove", "literals"))
        psycopg2.extras.register_uuid()
        self.clients = {
            "psycopg 3": clients.Psycopg3, "psycopg 3, untyped": clients.Psycopg3Untyped,
            "psycopg 3, literals": clients.Psycopg3Literals, "psycopg2": clients.Psycopg2}
        modules = os.environ.get("NODE_MODULES")
        if modules:
            self.clients["node-postgres"] = lambda dsn: clients.Node(dsn, HERE, modules)
        self.counts = collections.Counter()

    # The schema

    def rebuild(self, case, name):
        self.drop(name)
        for statement in case.setup:
            statement = statement.replace(":host", "'%s'" % HOST).replace(":port", "'%s'" % PORT)
            self.admin.execute(statement.replace(":dbname", "'prove'"))

    def made(self, name):
        """What a case has made, by its prefix"""
        made = collections.defaultdict(list)
        pattern = "^%s([a-z_]|[12]$|$)" % name
        kinds = {"r": "TABLE", "p": "TABLE", "v": "VIEW", "m": "MATERIALIZED VIEW",
                 "f": "FOREIGN TABLE", "S": "SEQUENCE"}
        for relname, kind in self.admin.execute(
                "SELECT relname, relkind::text FROM pg_class WHERE relnamespace = 'public'::regnamespace"
                " AND relname ~ %s AND relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
                " AND NOT EXISTS (SELECT FROM pg_depend WHERE objid = pg_class.oid AND deptype IN ('i', 'a') AND refobjid <> objid"
                " AND classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass)"
                " ORDER BY relkind = 'S'", [pattern]):
            made[kinds[kind]].append(relname)
        for proc, in self.admin.execute(
                "SELECT oid::regprocedure::text FROM pg_proc WHERE pronamespace = 'public'::regnamespace"
                " AND proname ~ %s", [pattern]):
            made["ROUTINE"].append(proc)
        for domain, in self.admin.execute(
                "SELECT typname FROM pg_type WHERE typtype = 'd' AND typname ~ %s", [pattern]):
            made["DOMAIN"].append(domain)
        return made

    def state(self, case):
        """Rows of the tables, and where their sequences are"""
        state = {}
        for table in case.tables:
            columns = [c for c, in self.admin.execute(
                "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                " AND NOT attisdropped ORDER BY attnum", [table])]
            listed = ["dense_rank() OVER (ORDER BY %s)" % c if c in case.times else "%s::text" % c
                      for c in columns]
            state[table] = sorted(map(str, self.admin.execute(
                "SELECT %s FROM %s" % (", ".join(listed), table)).fetchall()))
        return state

    # Findings

    def findings(self, name):
        return self.admin.execute(
            "SELECT kind, query, rewrite, suggestion, evidence, parent_query FROM querywatch.findings"
            " WHERE query ~ %s AND application_name = 'prove'", [r"\m%s" % name]).fetchall()

    # Running a rewrite

    def arguments(self, rewrite, values):
        """{n: (is a list, value or list)} of a rewrite's parameters"""
        lists = {int(m[1]) for m in LIST.finditer(rewrite)}
        result = {}
        varying = [n for n in sorted(lists) if n in values]
        rows = list(zip(*(values[n] for n in varying))) if varying else []
        for n in {int(m) for m in PARAM.findall(rewrite)}:
            if n not in values:
                raise Wrong("$%d was no value of the loop" % n)
            if n in lists:
                continue
            if len(set(map(str, values[n]))) > 1:
                raise Wrong("$%d varied, and is one value in the rewrite" % n)
            result[n] = (False, values[n][0])
        return result, varying, rows

    def written(self, value):
        """A value in a text, as the client sent it: with its type, without
        one, or as psycopg2 writes it"""
        if isinstance(value, list) and (self.how != "literals" or isinstance(value[0], Constant)):
            return "ARRAY[%s]" % ", ".join(map(self.written, value))
        if isinstance(value, Constant):
            return str(value)
        if self.how == "untyped" and value is not None:
            return cases.literal(clients.text_of(value))
        if self.how == "typed":
            name = {float: "float8", cases.D: "numeric", bytes: "bytea"}.get(type(value))
            if name:
                return "%s::%s" % (cases.literal(clients.text_of(value)), name)
        with self.literals.cursor() as adapter:
            made = adapter.mogrify("%s", (value,)).decode()
        return made

    def run_text(self, text, arguments, written, role):
        """With values written into the text as psycopg2 does, or with lists as
        strings of unknown type"""
        cursor = self.admin.cursor()
        if role:
            cursor.execute("SET ROLE %s" % role)
        try:
            lists = sorted(n for n, (is_list, _) in arguments.items() if is_list and not written)

            def put(match):
                is_list, value = arguments[int(match[1])]
                if int(match[1]) in lists:
                    return "$%d" % (lists.index(int(match[1])) + 1)
                return self.written(list(value) if is_list else value)
            statement = PARAM.sub(put, text)
            if not lists:
                cursor.execute(statement)
            else:
                cursor.execute("PREPARE proved AS " + statement)
                try:
                    cursor.execute("EXECUTE proved(%s)" % ", ".join(
                        cases.literal(clients.array_of([
                            v.strip("'") if isinstance(v, Constant) else v
                            for v in arguments[n][1]])) for n in lists))
                finally:
                    self.admin.execute("DEALLOCATE proved")
            result = cursor.pgresult
            return [tuple(None if (v := result.get_value(i, j)) is None else v.decode()
                          for j in range(result.nfields)) for i in range(result.ntuples)]
        finally:
            if role:
                self.admin.execute("RESET ROLE")

    # One case

    def loop(self, client, case):
        """Runs it; returns the rows of each execution"""
        if case.role:
            client.execute("SET ROLE %s" % case.role)
        if case.one_transaction:
            client.execute("BEGIN")
        try:
            answers = [client.run(template, values) for template, values in case.loop]
            if case.one_transaction:
                client.execute("COMMIT")
        except (psycopg.Error, psycopg2.Error) as error:
            client.execute("ROLLBACK")
            raise Skipped(str(error).split("\n")[0]) from error
        return answers

    def walk(self, client, case):
        """A parent, and the child for each of its rows: twice, for the second
        time its rows are compared"""
        for _ in range(2):
            client.execute("BEGIN")
            case.parent_rows = client.run(case.parent, [])
            case.children = []
            case.loop = []
            for row in case.parent_rows:
                key = row[case.parent_key]
                values = [int(key) if key.isdigit() and "text" not in case.name else key]
                if case.more:
                    values.append(case.more[len(case.loop) % len(case.more)])
                case.loop.append((case.child, values))
                case.children.append(client.run(case.child, values))
            client.execute("COMMIT")
        return case.children

    def one(self, seed, number, verbose=False):
        r = random.Random("%d-%d" % (seed, number))
        family = r.choice(cases.families())
        name = "p%d_" % number
        case = family(r, name)
        how = r.choice(list(self.clients))
        try:
            self.rebuild(case, name)
        except psycopg.Error as error:
            self.drop(name)
            raise Skipped(str(error).split("\n")[0]) from error
        self.admin.execute("SELECT querywatch.reset(), querywatch.reset_patterns()")
        self.how = {"psycopg 3": "typed", "psycopg 3, untyped": "untyped",
                    "node-postgres": "untyped"}.get(how, "literals")
        client = self.clients[how](dsn("prove"))
        found = []
        try:
            if hasattr(case, "parent"):
                answers = self.walk(client, case)
            else:
                answers = self.loop(client, case)
            after = self.state(case)
            found = self.findings(name)
            literals = getattr(client, "literals")
        finally:
            client.close()
            if not found:
                self.drop(name)
        if verbose:
            print(how, case.name, case.loop[:3], *found, sep="\n")
        try:
            self.check(case, name, how, literals, answers, after, found)
        finally:
            self.drop(name)

    def drop(self, name):
        for kind, names in self.made(name).items():
            for made in names:
                self.admin.execute("DROP %s IF EXISTS %s CASCADE" % (kind, made))

    def check(self, case, name, how, literals, answers, after, found):
        self.counts["loops"] += 1
        seen = set()
        for kind, query, rewrite, suggestion, evidence, parent_query in found:
            if kind in ("slow_statement", "duplicate_query", "missing_index"):
                continue
            template, mine = self.executions(case, query)
            if template is None or kind in seen and kind != "n_plus_one":
                continue
            seen.add(kind)
            self.counts["findings"] += 1
            values = self.values_of(template, literals, [v for _, v in mine])
            rows = [answers[i] for i, _ in mine]
            write = query.split()[0].upper() in ("INSERT", "UPDATE", "DELETE")
            if self.verdicts_wrong(evidence, query, values):
                raise Wrong("%s: evidence says one value at a time: %s" % (kind, evidence))
            changing = len({id(t) for t, _ in case.loop}) > 1
            for label, text in self.texts(rewrite, suggestion):
                for written in (False, True):
                    if changing and not write:
                        self.rebuild(case, name)
                    self.counts[label] += not written
                    try:
                        if label == "join":
                            self.check_join(case, text, literals, written)
                        elif kind == "deep_offset":
                            self.check_pages(case, text, values, rows, written)
                        elif write:
                            self.check_write(case, name, label, text, values, rows,
                                             [i for i, _ in mine], after, written)
                        else:
                            self.check_batch(case, query, text, values, rows, written)
                    except (psycopg.Error, psycopg2.Error) as error:
                        raise Wrong("%s: %s\n    %s" % (label, text, str(error).split("\n")[0])) from error
                    except Wrong as error:
                        raise Wrong("%s: %s\n    %s" % (label, text, error)) from error

    @staticmethod
    def verdicts_wrong(evidence, query, values):
        match = re.search(r"on (\S+), one value at a time", evidence or "")
        if not match:
            return False
        equal = [n for n in values if re.search(r"\w = \$%d\M" .replace(r"\M", r"(?!\d)") % n, query)]
        return len([n for n in equal if len(set(map(str, values[n]))) > 1]) > 1

    @staticmethod
    def texts(rewrite, suggestion):
        """A finding's statements, with names of what they are"""
        if rewrite:
            yield "rewrite", rewrite
        match = re.search(r"Or with the parent: (.*)$", suggestion or "", re.S)
        if match:
            yield "join", match[1]
        match = re.search(r"With values written out: (.*?)(?:; From some thousand rows on: .*)?$", suggestion or "", re.S)
        if match:
            yield "values", match[1].rstrip(";")
        match = re.search(r"From some thousand rows on: (COPY .*)$", suggestion or "", re.S)
        if match:
            yield "copy", match[1]

    @staticmethod
    def executions(case, query):
        """The executions of the loop that this recorded text is of"""
        def skeleton(text):
            return re.sub(r"\s+", " ", re.sub(r"::[\w\"]+(\[\])?|-?\$\d+|'[^']*'", "?", text)).replace("?", "")
        for template in {id(t): t for t, _ in case.loop}.values():
            plain = skeleton(clients.HOLE.sub("$1", template.text))
            if plain == skeleton(query):
                # from there on it is another table of the name
                end = next((i for i, (t, _) in enumerate(case.loop)
                            if t.text.startswith("CREATE TEMP TABLE")), len(case.loop))
                return template, [(i, v) for i, (t, v) in enumerate(case.loop)
                                  if t is template and i < end]
        return None, []

    @staticmethod
    def values_of(template, literals, executions):
        """{n: its value in each execution}"""
        variables, constants = template.numbers(literals)
        values = {n: [e[i] for e in executions] for i, n in enumerate(variables)}
        for n, text in constants.items():
            values[n] = [Constant(text)] * len(executions)
        return values

    def check_batch(self, case, query, rewrite, values, rows, written):
        arguments, varying, keys = self.arguments(rewrite, values)
        distinct = list(dict.fromkeys(keys))
        if any(None in k for k in distinct) and written:
            return
        for i, n in enumerate(varying):
            arguments[n] = (True, [k[i] for k in distinct])
        for n in set(values) - set(arguments):
            # of one row at most there is no other part to be left out
            if not re.search(r"LIMIT \$%d(?!\d)" % n, query) and len(set(map(str, values[n]))) > 1:
                raise Wrong("$%d varied, and is not in the rewrite" % n)
        made = self.run_text(rewrite, arguments, written, case.role)
        expected = [rows[keys.index(k)] for k in distinct]
        flat = [row for part in expected for row in part]
        if not flat and not made:
            return
        width = len(flat[0]) if flat else 0
        extra = len(made[0]) - width if made else 0
        plain = [row[extra:] for row in made]
        if flat and sorted(map(str, plain)) != sorted(map(str, flat)):
            raise Wrong("other rows: %s rather than %s" % (sorted(map(str, plain))[:9], sorted(map(str, flat))[:9]))
        if not flat and made:
            raise Wrong("rows where the loop had none: %s" % made[:5])
        # which rows belong to which key
        if extra and extra == len(varying):
            groups = collections.defaultdict(list)
            for row in made:
                groups[row[:extra]].append(row[extra:])
            have = sorted(str(sorted(map(str, g))) for g in groups.values())
            want = sorted(str(sorted(map(str, part))) for part in expected if part)
            if have != want and len(set(map(str, distinct))) == len(distinct):
                raise Wrong("rows of other keys: %s rather than %s" % (have[:5], want[:5]))
        # rows of a key in the loop's order
        if case.ordered and len(set(plain)) == len(plain):
            for part in expected:
                places = [plain.index(row) for row in part]
                if places != sorted(places):
                    raise Wrong("another order: %s rather than %s" % ([plain[p] for p in sorted(places)], part))

    def check_write(self, case, name, label, text, values, rows, mine, after, written):
        """On the data as it was before the loop, in as many transactions"""
        if case.whole:
            self.check_whole(case, name, text, values, mine, after, written)
            return
        self.rebuild(case, name)
        self.admin.execute("BEGIN" if case.one_transaction else "SELECT 1")
        try:
            self.compare_write(case, label, text, values, rows, after, written)
        finally:
            if case.one_transaction:
                self.admin.execute("ROLLBACK")

    def check_whole(self, case, name, text, values, mine, after, written):
        """Runs the others of the loop too: the rewrite stands where the first
        or where the last of its executions was"""
        if not LIST.search(text):
            return
        arguments, varying, _ = self.arguments(text, values)
        arguments.update({m: (True, values[m]) for m in varying})
        found = []
        for place in (mine[0], mine[-1]):
            self.rebuild(case, name)
            self.admin.execute("BEGIN")
            try:
                for i, (template, others) in enumerate(case.loop):
                    if i == place:
                        self.run_text(text, arguments, written, case.role)
                    elif i not in mine:
                        self.run_text(template.rendered(lambda n: "$%d" % n),
                                      {n: (False, v) for n, v in enumerate(others, 1)}, True, case.role)
                self.admin.execute("SET CONSTRAINTS ALL IMMEDIATE")
                found.append(self.state(case))
            finally:
                self.admin.execute("ROLLBACK")
        if after not in found:
            raise Wrong("with the others it makes %s rather than %s" % (found[0], after))

    def compare_write(self, case, label, text, values, rows, after, written):
        n = len(rows)
        returned = []
        if label == "copy":
            if written:
                return
            columns = [v for _, v in sorted(values.items())]
            if case.role:
                self.admin.execute("SET ROLE %s" % case.role)
            try:
                with self.admin.cursor() as cursor, cursor.copy(text) as copy:
                    for row in zip(*columns):
                        copy.write_row(tuple(None if v is None else v.strip("'") if isinstance(v, Constant) else clients.text_of(v) for v in row))
            finally:
                if case.role:
                    self.admin.execute("RESET ROLE")
        elif label == "values" or not LIST.search(text):
            many = max(map(int, PARAM.findall(text)), default=0)
            first = max(values, default=0)
            if many <= first:
                raise Wrong("no second row")
            numbers = sorted(values)
            seconds = [m for m in sorted({int(x) for x in PARAM.findall(text)}) if m > first]
            order = list(dict.fromkeys(int(x) for x in PARAM.findall(text) if int(x) <= first))
            second_of = dict(zip(seconds, [x for x in order]))
            for i in range(0, n - 1, 2):
                arguments = {m: (False, values[m][i]) for m in numbers if m in order}
                arguments.update({m: (False, values[o][i + 1]) for m, o in second_of.items()})
                returned += self.run_text(text, arguments, written, case.role)
            if n % 2:
                return
        else:
            arguments, varying, keys = self.arguments(text, values)
            if written and any(v is None for m in varying for v in values[m]):
                return
            for m in varying:
                arguments[m] = (True, values[m])
            returned = self.run_text(text, arguments, written, case.role)
        self.admin.execute("SET CONSTRAINTS ALL IMMEDIATE")
        now = self.state(case)
        flat = [row for part in rows for row in part]
        for table in case.tables:
            if len(case.loop) != n:
                continue                # others wrote there too
            if now[table] != after[table]:
                raise Wrong("%s differs: %s rather than %s" % (
                    table, [x for x in now[table] if x not in after[table]][:5],
                    [x for x in after[table] if x not in now[table]][:5]))
        if len(case.loop) != n:
            self.compare_columns(case, now, after)
        flat, returned = timeless(flat), timeless(returned)
        if flat and label != "copy":
            insert = text.lstrip().upper().startswith("INSERT")
            if insert and [str(x) for x in returned] != [str(x) for x in flat]:
                raise Wrong("returns %s rather than %s" % (returned[:5], flat[:5]))
            width = len(returned[0]) if returned else 0
            cut = width - len(flat[0])
            if sorted(str(x[cut:]) for x in returned) != sorted(map(str, flat)):
                raise Wrong("returns %s rather than %s" % (returned[:5], flat[:5]))
            if not insert and returned and len(set(map(str, flat))) > 1 and width == len(flat[0]) \
                    and not re.search(r"RETURNING (?:\w+\.)?(\*|.*\b(id|k)\b)", text):
                raise Wrong("returns rows that nothing tells apart: %s" % text)

    @staticmethod
    def compare_columns(case, now, after):
        """Of interleaved writes only this statement was run again: what its
        table has in it"""
        for table in case.tables:
            if now[table] and now[table] != after[table] and len(now[table]) == len(after[table]):
                raise Wrong("%s differs: %s rather than %s" % (table, now[table][:5], after[table][:5]))

    def check_join(self, case, text, literals, written):
        if not hasattr(case, "parent"):
            raise Wrong("there was no parent")
        values = self.values_of(case.parent, literals, [[]] * len(case.parent_rows))
        arguments = {n: (False, v[0]) for n, v in values.items()}
        child_values = self.values_of(case.child, literals, [v for _, v in case.loop])
        key = min(child_values)
        others = [n for n in sorted(child_values) if n != key and
                  (literals or True)]
        # the child's other parameters are numbered after the parent's
        number = max(values, default=0)
        variables, _ = case.child.numbers(literals)
        for n in [n for n in sorted(child_values) if n != variables[0]]:
            number += 1
            if len(set(map(str, child_values[n]))) > 1:
                raise Wrong("$%d of the child varied" % n)
            arguments[number] = (False, child_values[n][0])
        arguments = {n: a for n, a in arguments.items() if re.search(r"\$%d(?!\d)" % n, text)}
        made = self.run_text(text, arguments, written, None)
        width = len(case.parent_rows[0])
        child_width = len(next((c[0] for c in case.children if c), ())) or len(made[0]) - width
        expected = [p + c for p, part in zip(case.parent_rows, case.children)
                    for c in (part or [(None,) * child_width])]
        if sorted(map(str, made)) != sorted(map(str, expected)):
            raise Wrong("other rows: %s rather than %s" % (made[:5], expected[:5]))
        if "ORDER" in case.parent.text:
            order = list(dict.fromkeys(row[:width] for row in made))
            if order != case.parent_rows:
                raise Wrong("another order of parents: %s rather than %s" % (order[:5], case.parent_rows[:5]))
        if case.ordered:
            for p, part in zip(case.parent_rows, case.children):
                mine = [row[width:] for row in made if row[:width] == p]
                if part and mine != part:
                    raise Wrong("another order of children: %s rather than %s" % (mine[:5], part[:5]))

    def check_pages(self, case, text, values, rows, written):
        """Walks the pages by the rewrite: the same rows in an order of the
        same kind, with none left out"""
        # (pages of an order that is not unique may have a row twice)
        whole = self.run_text(re.sub(r" LIMIT .*", "", case.loop[0][0].rendered(str)), {}, True, None)
        offset = max(values, key=lambda n: len(set(map(str, values[n]))))
        columns = re.search(r"\(?([\w., \"]+?)\)? [<>] \(?\$", text)
        cursor = self.admin.cursor()
        fixed = {n: v[0] for n, v in values.items() if n != offset}
        # the first page is asked for without the condition
        made = self.keyset_walk(cursor, text, fixed, values, offset, written)
        if made is None:
            return
        if sorted(map(str, [m[-len(whole[0]):] for m in made])) != sorted(map(str, whole)):
            raise Wrong("other pages: %d rows rather than %d" % (len(made), len(whole)))

    def keyset_walk(self, cursor, text, fixed, values, offset, written):
        match = re.search(r"(WHERE|AND) (\(.*\)|\S+ [<>] \$\d+|\(.*?\) [<>] \(.*?\)) ORDER BY (.*) LIMIT", text)
        if not match:
            raise Wrong("no condition is seen")
        condition = match[2]
        multi = re.match(r"\((.*?)\) [<>] \((.*?)\)$", condition)
        if multi:
            columns = [c.strip() for c in multi[1].split(",")]
            params = [int(p) for p in PARAM.findall(multi[2])]
        else:
            columns, params = [], []
            for column, p in re.findall(r"([\w.\"]+) [<>] \$(\d+)", condition):
                if column not in columns:
                    columns.append(column)
                    params.append(int(p))
        first = text.replace(match[0], match[0].replace("%s %s " % (match[1], condition), ""), 1)
        names = None
        rows = []
        arguments = {n: (False, v) for n, v in fixed.items()}
        used = {n: a for n, a in arguments.items() if re.search(r"\$%d(?!\d)" % n, first)}
        page = self.run_text(first, used, written, None)
        # places of the columns by names of the output
        names = self.output_names(first, used)
        try:
            places = [names.index(c.split(".")[-1].strip('"')) for c in columns]
        except ValueError:
            raise Wrong("a column of the condition is not in the output") from None
        for _ in range(30):
            rows += page
            if not page:
                return rows
            for p, place in zip(params, places):
                arguments[p] = (False, page[-1][place])
            used = {n: a for n, a in arguments.items() if re.search(r"\$%d(?!\d)" % n, text)}
            page = self.run_text(text, used, written, None)
        raise Wrong("pages never end")

    def output_names(self, text, arguments):
        with self.literals.cursor() as adapter:
            statement = PARAM.sub(lambda m: adapter.mogrify("%s", (arguments[int(m[1])][1],)).decode(), text)
        return [d.name for d in self.admin.execute(statement).description]


def main():
    seed = int(os.environ.get("SEED", "1"))
    duration = float(os.environ.get("DURATION", "60"))
    only = [int(n) for n in os.environ.get("ONLY", "").replace(",", " ").split()]
    prover = Prover()
    prover.admin.execute("SET client_min_messages = warning")
    start = time.monotonic()
    wrong = 0
    number = 0
    while only or time.monotonic() - start < duration:
        if only:
            number = only.pop(0)
        else:
            number += 1
        try:
            prover.one(seed, number, bool(os.environ.get("ONLY")))
        except Skipped as skipped:
            prover.counts["loops that fail"] += 1
            if os.environ.get("ONLY"):
                print("skipped:", skipped)
        except Wrong as error:
            wrong += 1
            r = random.Random("%d-%d" % (seed, number))
            family = r.choice(cases.families())
            case = family(r, "p%d_" % number)
            how = r.choice(list(prover.clients))
            print("WRONG: SEED=%d ONLY=%d: %s by %s\n  %s\n  %s" % (
                seed, number, case.name, how,
                case.loop[0][0].text if case.loop else case.child.text, error), flush=True)
        if os.environ.get("ONLY") and not only:
            break
    print(", ".join("%d %s" % (n, what) for what, n in sorted(prover.counts.items())))
    print("%s 1 - %d of %d cases gave another result (seed %d)" % (
        "not ok" if wrong else "ok", wrong, number, seed))
    print("1..1")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())

"""The clients that run loops: each sends values its own way, and returns rows
as the server writes them.

A statement is a template: {v} stands for a value that the application has in
a variable, {c:7} for the constant 7 in its text.  What a client makes of the
two decides which $n a value is in what pg_querywatch records: constants are
numbered after the parameters, or all in the order of the text where the client
writes values into it.
"""

import json
import re
import subprocess

import psycopg
import psycopg2
import psycopg2.extensions
import psycopg2.extras

HOLE = re.compile(r"\{(v|c:[^}]*)\}")


class Template:
    def __init__(self, text):
        self.text = text
        self.holes = HOLE.findall(text)

    def rendered(self, placeholder):
        """With placeholder(n) for the n-th variable; % is doubled by the caller"""
        numbers = iter(range(1, len(self.holes) + 1))
        return HOLE.sub(lambda m: placeholder(next(numbers)) if m[1] == "v"
                        else m[1][2:], self.text)

    def numbers(self, literals):
        """$n of each variable, in order, and of each constant: {n: literal}"""
        if literals:
            order = list(enumerate(self.holes, 1))
        else:
            variables = [h for h in self.holes if h == "v"]
            constants = [h for h in self.holes if h != "v"]
            order = list(enumerate(variables + constants, 1))
        return ([n for n, h in order if h == "v"],
                {n: h[2:] for n, h in order if h != "v"})


class Psycopg3:
    """Parameters with the types that psycopg declares for Python's"""
    literals = False
    cursor_class = psycopg.Cursor

    def __init__(self, dsn):
        self.connection = psycopg.connect(dsn, autocommit=True)
        self.connection.prepare_threshold = None

    def run(self, template, values):
        with self.cursor_class(self.connection) as cursor:
            cursor.execute(template.rendered(lambda n: "%s") if values
                           else template.rendered(None), values or None)
            result = cursor.pgresult
            return [tuple(None if (v := result.get_value(i, j)) is None else v.decode()
                          for j in range(result.nfields))
                    for i in range(result.ntuples)]

    def execute(self, text):
        self.connection.execute(text)

    def close(self):
        self.connection.close()


class Psycopg3Untyped(Psycopg3):
    """Every value as a string of unknown type, as drivers do that leave types
    to the server"""

    def run(self, template, values):
        return super().run(template, [None if v is None else text_of(v) for v in values])


class Psycopg3Literals(Psycopg3):
    """psycopg's cursor that writes values into the text"""
    literals = True
    cursor_class = psycopg.ClientCursor


class Psycopg2:
    """Values in the text"""
    literals = True

    def __init__(self, dsn):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        with self.connection.cursor() as cursor:
            cursor.execute("SELECT oid FROM pg_type")
            oids = tuple(row[0] for row in cursor)
        psycopg2.extensions.register_type(
            psycopg2.extensions.new_type(oids, "AS_TEXT", lambda value, _: value),
            self.connection)

    def run(self, template, values):
        with self.connection.cursor() as cursor:
            cursor.execute(template.rendered(lambda n: "%s"), values or None)
            return cursor.fetchall() if cursor.description else []

    def execute(self, text):
        with self.connection.cursor() as cursor:
            cursor.execute(text)

    def close(self):
        self.connection.close()


class Node:
    """node-postgres: strings of unknown type, numbers too"""
    literals = False

    def __init__(self, dsn, folder, modules):
        self.process = subprocess.Popen(
            ["node", folder + "/client.js", dsn], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True,
            env={"NODE_PATH": modules, "PATH": "/usr/local/bin:/usr/bin:/bin"})

    def ask(self, text, values):
        self.process.stdin.write(json.dumps({"text": text, "values": values}) + "\n")
        self.process.stdin.flush()
        answer = json.loads(self.process.stdout.readline())
        if "error" in answer:
            raise psycopg.DatabaseError(answer["error"])
        return [tuple(row) for row in answer["rows"]]

    def run(self, template, values):
        return self.ask(template.rendered(lambda n: "$%d" % n).replace("%%", "%"),
                        [None if v is None else text_of(v) for v in values])

    def execute(self, text):
        self.ask(text, [])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def text_of(value):
    """A value as text that its type reads"""
    if isinstance(value, bool):
        return "t" if value else "f"
    if isinstance(value, float):
        return repr(value)
    if isinstance(value, bytes):
        return "\\x" + value.hex()
    return str(value)


def array_of(values):
    """'{...}' of values"""
    return "{" + ",".join(
        "NULL" if v is None else
        '"' + text_of(v).replace("\\", "\\\\").replace('"', '\\"') + '"'
        for v in values) + "}"

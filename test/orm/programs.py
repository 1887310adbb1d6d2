"""Clients in programs of their own: other ORMs, other languages.

Such a program gets the name of an empty database, and what else its entry in
available() says.  It creates its tables there and fills them, and prints the
list of its cases, one JSON array: [number, modes, expected] each, where
expected is "nothing", "nothing sure", or calls of functions in verdicts.py,
[name, [argument, ...], {name: argument, ...}] each.  Then it reads lines
[index, mode, application_name], runs that case on a connection of that name,
closes the connection, and answers null, or an error's text.

With the argument "sql" it sends the statements of cases_sql.py instead: it
makes no tables and prints no list.  A line [mode, application_name] opens a
connection.  Each line [statement, value, ...] is then answered with the rows,
an array of arrays, or with an error's text.  A placeholder is %s.  null closes
the connection and is answered with null.
"""

import json
import os
import shutil
import subprocess
import sys
import threading

import drivers

HERE = os.path.dirname(os.path.abspath(__file__))
TIMEOUT = 60                    # seconds for one case


class Program:
    def __init__(self, name, command, missing=None):
        self.name = name
        self.command = command
        self.missing = missing  # why it cannot be run, or None
        self.process = None

    def open(self, database):
        self.process = subprocess.Popen(
            [word.replace("DATABASE", database) for word in self.command],
            env=dict(os.environ, PGPORT=str(drivers.PORT)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def start(self, database):
        """Returns the cases"""
        self.open(database)
        return self.read()

    def read(self):
        timer = threading.Timer(TIMEOUT, self.process.kill)
        timer.start()
        line = self.process.stdout.readline()
        timer.cancel()
        if not line:
            raise RuntimeError("%s ended or hung" % self.name)
        return json.loads(line)

    def run(self, index, mode, application_name):
        self.process.stdin.write(
            json.dumps([index, mode, application_name]) + "\n")
        self.process.stdin.flush()
        error = self.read()
        if error:
            raise RuntimeError(error)

    def stop(self):
        if self.process:
            self.process.stdin.close()
            self.process.wait()
            self.process = None


class SqlProgram(Program):
    """The statements of cases_sql.py, sent by a program"""
    runs = "sql"

    def __init__(self, name, command, literals, missing=None):
        super().__init__(name, command, missing)
        self.literals = literals

    def ask(self, question):
        self.process.stdin.write(json.dumps(question, default=str) + "\n")
        self.process.stdin.flush()
        return self.read()

    def run(self, function, mode, application_name):
        class Database(drivers.SqlDatabase):
            def query(_, statement, *values):
                answer = self.ask([statement, *values])
                if isinstance(answer, str):
                    raise RuntimeError(answer)
                return answer

        if not self.process:
            self.open(drivers.DATABASE)
        self.ask([mode, application_name])
        database = Database()
        database.mode = mode
        try:
            function(database)
        finally:
            self.ask(None)


def here(*path):
    return os.path.join(HERE, *path)


def commands():
    """How to run each program, and why it cannot be, or None"""
    return dict(
        django=([sys.executable, here("django", "program.py"), "DATABASE"],
                None),
        activerecord=(["ruby", "-W0", here("activerecord", "program.rb"),
                       "DATABASE"],
                      None if shutil.which("ruby") else "no ruby here"),
        node=(["node", "--no-deprecation", here("node", "program.js"),
               "DATABASE"],
              None if os.path.isdir(here("node", "node_modules")) else
              "its packages could not be fetched with npm"),
        pdo=(["php", here("php", "program.php"), "DATABASE"], missing_php()))


def missing_php():
    if not shutil.which("php"):
        return "no php here"
    modules = subprocess.run(["php", "-m"], stdout=subprocess.PIPE, text=True)
    return None if "pdo_pgsql" in modules.stdout.split() else "no PDO here"


def available():
    """The programs with cases of their own, in the order they are run"""
    found = commands()

    def program(name, language, *arguments):
        command, missing = found[language]
        return Program(name, command + list(arguments), missing)

    return [
        program("django", "django", "jobs"),
        program("django/requests", "django", "requests"),
        program("django/requests/tags", "django", "requests", "tags"),
        program("activerecord", "activerecord", "jobs", "prepared"),
        program("activerecord/unprepared", "activerecord", "jobs",
                "unprepared"),
        program("activerecord/requests/tags", "activerecord", "requests",
                "tags"),
        program("pg", "node", "pg"),
        program("pg/prepared", "node", "pg", "prepared"),
        program("sequelize/pg", "node", "sequelize"),
    ]


def sql_clients():
    """The programs that send the statements of cases_sql.py"""
    found = commands()

    def client(name, language, *arguments, literals=False):
        command, missing = found[language]
        return SqlProgram(name, command + ["sql", *arguments], literals,
                          missing)

    return [
        client("django", "django", literals=True),
        client("django/tags", "django", "tags", literals=True),
        client("activerecord", "activerecord", "prepared"),
        client("activerecord/unprepared", "activerecord", "unprepared",
               literals=True),
        client("activerecord/tags", "activerecord", "tags"),
        client("pg", "node", "pg"),
        client("pg/prepared", "node", "pg", "prepared"),
        client("sequelize/pg", "node", "sequelize", literals=True),
        client("pdo", "pdo"),
        client("pdo/emulated", "pdo", "emulated", literals=True),
    ]

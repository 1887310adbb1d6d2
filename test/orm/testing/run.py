"""Runs what doc/test-suites.md shows, in pytest, Django's test runner
and RSpec: which tests fail, what a person reads then, and whether the page
shows this very code and output.  Prints TAP.

PGHOST and PGPORT say where a server is that preloads pg_querywatch; databases
and the role "tester" are created anew there.
"""

import os
import re
import shutil
import subprocess
import sys
import traceback

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
PAGE = os.path.join(HERE, "..", "..", "..", "doc", "test-suites.md")


def server(database, *statements):
    connection = psycopg2.connect(dbname=database, user="postgres")
    connection.autocommit = True
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)
    connection.close()


def prepare():
    server("postgres", *("DROP DATABASE IF EXISTS " + name for name in (
        "shop_test", "rails_test", "blog", "test_blog")))
    server("postgres", "DROP ROLE IF EXISTS tester",
           "CREATE ROLE tester LOGIN CREATEDB",
           "CREATE DATABASE shop_test OWNER tester",
           "CREATE DATABASE rails_test OWNER tester",
           "CREATE DATABASE blog OWNER tester")
    server("shop_test", "CREATE EXTENSION pg_querywatch")


def run(folder, *command):
    """Returns the exit status and what it prints"""
    process = subprocess.run(
        command, cwd=os.path.join(HERE, folder), text=True, timeout=120,
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        env=dict(os.environ, PGUSER="tester", PGDATABASE="",
                 PYTHONDONTWRITEBYTECODE="1", COLUMNS="200"))
    return process.returncode, process.stdout


class Suite:
    """One framework: what its run has to say"""

    def __init__(self, name, folder, shown_as, command, says, missing=None):
        self.name = name
        self.folder = folder
        self.shown_as = shown_as    # the command, in the page
        self.command = command
        self.says = says        # regular expressions
        self.missing = missing
        self.output = ""

    def check(self):
        status, self.output = run(self.folder, *self.command)
        problems = [] if status == 1 else ["exit status %d" % status]
        problems += ["does not say: " + line for line in self.says
                     if not re.search(line, self.output, re.M)]
        if problems:
            problems += self.output.splitlines()
        return problems


def ruby_missing():
    if not shutil.which("rspec"):
        return "no rspec here"
    code = 'require "active_record"; require "pg"'
    if subprocess.run(["ruby", "-e", code], stderr=subprocess.DEVNULL).returncode:
        return "no ActiveRecord or pg for Ruby here"
    return None


N_PLUS_ONE = r"confirmed N\+1 \(%s\): 5 queries on %s after 1 query returned 10 "
DETAIL = (r"^\W*(E +)?DETAIL:  Foreign key \w+; [\w.]+ took its 5 values from "
          r"[\w.]+; same transaction\.")
HINT = r"^\W*(E +)?HINT:  One query does: .*%s"

SUITES = [
    Suite("pytest", "pytest", "pytest --tb=short",
          [sys.executable, "-m", "pytest", "-p", "no:cacheprovider",
           "--tb=short"],
          [N_PLUS_ONE % ("one_to_many", "posts.author_id"), DETAIL,
           HINT % "selectinload",
           r"^FAILED test_shop.py::test_lazy ",
           r"^FAILED test_shop.py::test_lazy_count ",
           r"11 queries, not 2:", r"2 failed, 7 passed"]),
    Suite("Django", "django", "python manage.py test",
          [sys.executable, "manage.py", "test", "--noinput"],
          [N_PLUS_ONE % ("many_to_one", "blog_author.id"), DETAIL,
           HINT % "id = ANY",
           r"^ERROR: test_lazy \(blog.tests.PostPage",
           r"^Ran 8 tests ", r"^FAILED \(errors=1\)$"]),
    Suite("RSpec", "rspec", "rspec", ["rspec", "--no-color", "posts_spec.rb"],
          [N_PLUS_ONE % ("many_to_one", "authors.id"), DETAIL,
           HINT % "includes",
           r"^rspec ./posts_spec.rb:\d+ # the page of posts loads lazily$",
           r"^4 examples, 1 failure$"], ruby_missing()),
]


def blocks():
    """The page's fenced blocks: [language, lines]"""
    with open(PAGE, encoding="utf-8") as file:
        page = file.read()
    return [(language, text.splitlines()) for language, text in
            re.findall(r"^```(\w*)\n(.*?)^```$", page, re.M | re.S)]


def check_code(suite):
    """Code that the page shows is that of the file its first line names"""
    problems = []
    shown = 0
    for language, lines in blocks():
        name = lines[0][2:].strip()
        path = os.path.join(HERE, suite.folder, name)
        if language and not any(os.path.exists(
                os.path.join(HERE, each.folder, name)) for each in SUITES):
            problems.append("there is no file for: " + lines[0])
        if not os.path.exists(path):
            continue
        shown += 1
        with open(path, encoding="utf-8") as file:
            if "\n".join(lines[1:]).strip() not in file.read():
                problems.append("%s is not as the page shows it" % name)
    return problems if shown else ["the page shows no code"]


def check_output(suite):
    """Lines of output that the page shows were printed, but for …"""
    shown = [lines[1:] for language, lines in blocks()
             if lines[0] == "$ " + suite.shown_as]
    if not shown:
        return ["the page shows no output"]
    return ["not printed: " + line for lines in shown for line in lines
            if not re.search(".*".join(map(re.escape, line.split("…"))),
                             suite.output)]


def main():
    prepare()
    number = 0
    failures = 0
    for suite in SUITES:
        for what, runs, check in (
                ("fails and passes, and says why", True, suite.check),
                ("code in the page", False, lambda: check_code(suite)),
                ("output in the page", True, lambda: check_output(suite))):
            number += 1
            name = "%d - %s: %s" % (number, suite.name, what)
            if suite.missing and runs:
                print("ok %s # SKIP %s" % (name, suite.missing))
                continue
            try:
                problems = check()
            except Exception:
                problems = [traceback.format_exc()]
            failures += bool(problems)
            print("%sok %s" % ("not " if problems else "", name))
            for line in "\n".join(problems).splitlines():
                print("#   " + line)
    print("1..%d" % number)
    sys.exit(bool(failures))


if __name__ == "__main__":
    main()

"""Clients in programs of their own: other ORMs, other languages.

Such a program gets the name of an empty database, and what else its entry in
available() says.  It creates its tables there and fills them, and prints the
list of its cases, one JSON array: [number, modes, expected] each, where
expected is "nothing", "nothing sure", or calls of functions in verdicts.py,
[name, [argument, ...], {name: argument, ...}] each.  Then it reads lines
[index, mode, application_name], runs that case on a connection of that name,
closes the connection, and answers null, or an error's text.
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

    def start(self, database):
        """Returns the cases"""
        self.process = subprocess.Popen(
            [word.replace("DATABASE", database) for word in self.command],
            env=dict(os.environ, PGPORT=str(drivers.PORT)),
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
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
        self.process.stdin.close()
        self.process.wait()


def here(*path):
    return os.path.join(HERE, *path)


def available():
    """The programs, in the order they are run"""
    django = [sys.executable, here("django", "program.py"), "DATABASE"]
    activerecord = ["ruby", "-W0", here("activerecord", "program.rb"),
                    "DATABASE"]
    no_ruby = None if shutil.which("ruby") else "no ruby here"
    node = ["node", "--no-deprecation", here("node", "program.js"), "DATABASE"]
    unfetched = None if os.path.isdir(here("node", "node_modules")) else \
        "its packages could not be fetched with npm"
    return [
        Program("django", django + ["jobs"]),
        Program("django/requests", django + ["requests"]),
        Program("django/requests/tags", django + ["requests", "tags"]),
        Program("activerecord", activerecord + ["jobs", "prepared"], no_ruby),
        Program("activerecord/unprepared",
                activerecord + ["jobs", "unprepared"], no_ruby),
        Program("activerecord/requests/tags",
                activerecord + ["requests", "tags"], no_ruby),
        Program("pg", node + ["pg"], unfetched),
        Program("pg/prepared", node + ["pg", "prepared"], unfetched),
        Program("sequelize/pg", node + ["sequelize"], unfetched),
    ]

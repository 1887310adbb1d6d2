"""Runs the cases through real ORMs and drivers and compares what
querywatch.repeated_statements says with what it should.  Prints TAP.

PGHOST and PGPORT say where a server is that preloads pg_querywatch; the
database "orm" is created anew there.  Arguments choose cases by their number
or driver: run.py P1 N13 asyncpg.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
import traceback

import psycopg2
import psycopg2.extras

import cases_on_repeat          # noqa: F401 (registers its cases)
import cases_orm                # noqa: F401
import cases_sql                # noqa: F401
import drivers
import programs
import schema
import verdicts
from registry import CASES
from verdicts import NOTHING, NOTHING_SURE, judge

HOST, PORT = drivers.HOST, drivers.PORT


class Monitor:
    """A superuser's connection that reads the verdicts"""

    def __init__(self):
        connection = self.connect("postgres")
        with connection.cursor() as cursor:
            cursor.execute("DROP DATABASE IF EXISTS orm")
            cursor.execute("DROP ROLE IF EXISTS app")
            cursor.execute("CREATE ROLE app LOGIN")
            cursor.execute("CREATE DATABASE orm OWNER app")
        connection.close()
        self.cursor = self.connect("orm").cursor(
            cursor_factory=psycopg2.extras.RealDictCursor)
        self.cursor.execute("CREATE EXTENSION pg_querywatch")
        self.cursor.execute("GRANT SET ON PARAMETER pg_querywatch.repeat_gap"
                            " TO app")

    @staticmethod
    def connect(database):
        connection = psycopg2.connect(
            host=HOST, port=PORT, user="postgres", dbname=database,
            application_name="monitor")
        connection.autocommit = True
        return connection

    def reset(self):
        self.cursor.execute("SELECT querywatch.reset(),"
                            " querywatch.reset_patterns()")

    def waste(self):
        """Findings of single statements; without those that a slow machine
        may give reason for"""
        self.cursor.execute("""
            SELECT kind, query, evidence FROM querywatch.findings
            WHERE rolname = 'app' AND confidence <> 'suspected'
            AND kind IN ('missing_index', 'temp_spill', 'deep_offset',
                         'large_result', 'wide_rows')""")
        return ["%(kind)s: %(evidence)s\n%(query)s" % row
                for row in self.cursor.fetchall()]

    def rows(self, application_name):
        self.cursor.execute("""
            SELECT * FROM querywatch.repeated_statements
            WHERE application_name LIKE %s
            ORDER BY time_lost DESC""", (application_name + "%",))
        return self.cursor.fetchall()

    def wait_for_end(self, application_name):
        """Until the case's backends are gone, and with them their windows"""
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            self.cursor.execute("""
                SELECT count(*) AS still FROM pg_stat_activity
                WHERE application_name LIKE %s""", (application_name + "%",))
            if self.cursor.fetchone()["still"] == 0:
                return
            time.sleep(0.005)
        raise RuntimeError("backends of %s do not end" % application_name)


class Score:
    """Precision and recall, by driver"""

    def __init__(self):
        self.lines = {}

    def add(self, driver, expected, complaints, alarms, rows):
        line = self.lines.setdefault(driver, [0, 0, 0, 0, 0, 0])
        sure = sum(row["confidence"] != "suspected" for row in rows)
        if expected in (NOTHING, NOTHING_SURE):
            line[2] += 1
            line[3] += not alarms
        else:
            line[0] += 1
            line[1] += not complaints
        line[4] += sure
        line[5] += min(sure, len(alarms))

    def print(self):
        print("#")
        print("# %-28s %10s %12s %10s %8s" % (
            "driver", "repeats", "no repeats", "precision", "recall"))
        total = [0] * 6
        for driver, line in self.lines.items():
            total = [a + b for a, b in zip(total, line)]
            self.line(driver, line)
        self.line("all", total)
        print("# repeats: cases found/all; no repeats: left alone/all;"
              " precision: of the confirmed and likely")

    @staticmethod
    def line(name, line):
        found = line[4] - line[5]
        print("# %-28s %10s %12s %10s %8s" % (
            name, "%d/%d" % (line[1], line[0]), "%d/%d" % (line[3], line[2]),
            "%.1f %%" % (100 * found / line[4]) if line[4] else "-",
            "%.1f %%" % (100 * line[1] / line[0]) if line[0] else "-"))


def is_number(word):
    return word[:1] in "PN" and word[1:].isdigit()


class Runner:
    def __init__(self, chosen):
        self.chosen = chosen
        self.monitor = Monitor()
        self.score = Score()
        self.number = 0
        self.failures = 0

    def wants_driver(self, driver):
        names = [word for word in self.chosen if not is_number(word)]
        return not names or driver in names

    def wanted(self, number, driver):
        numbers = list(filter(is_number, self.chosen))
        return self.wants_driver(driver) and (
            not numbers or any(word in numbers
                               for word in number.split(", ")))

    def report(self, number, driver, mode, problems):
        self.number += 1
        name = "%s %s %s" % (number, driver, mode)
        print("%s %d - %s" % ("not ok" if problems else "ok", self.number,
                              name.replace("#", "").strip()), flush=True)
        for problem in problems:
            for line in problem.splitlines():
                print("#   " + line)
        self.failures += bool(problems)

    def skip(self, name, reason):
        self.number += 1
        print("ok %d - %s # SKIP %s" % (self.number, name, reason))

    def run(self, number, driver, mode, expected, function):
        """function(application_name) sends the stream"""
        if not self.wanted(number, driver):
            return
        application_name = "case %d%s" % (self.number + 1, mode)
        self.monitor.reset()
        try:
            function(application_name)
        except Exception:
            self.report(number, driver, mode, [traceback.format_exc()])
            self.monitor.wait_for_end(application_name)
            return
        self.monitor.wait_for_end(application_name)
        rows = self.monitor.rows(application_name)
        complaints, alarms = judge(expected, rows, mode)
        if expected in (NOTHING, NOTHING_SURE):
            complaints = complaints + self.monitor.waste()
        self.score.add(driver, expected, complaints, alarms, rows)
        self.report(number, driver, mode, complaints + alarms)

    def run_cases(self, driver, select=lambda case: True):
        for case in CASES:
            if case.runs != driver.runs or not select(case) or \
                    case.only and not case.only(driver):
                continue
            for mode in case.modes:
                self.run(case.number, driver.name, mode, case.expected,
                         lambda application_name: driver.run(
                             case.function, mode, application_name))


def run_program(runner, client, number):
    """The cases of a client that is a program of its own"""
    if client.missing:
        runner.skip(client.name, client.missing)
        return
    database = "orm%d" % number
    program("createdb", "-U", "postgres", "-O", "app", database)
    try:
        cases = client.start(database)
        program("vacuumdb", "-U", "postgres", "-q", "-z", database)
        for index, (number, modes, expected) in enumerate(cases):
            for mode in modes:
                runner.run(number, client.name, mode,
                           verdicts.from_json(expected),
                           lambda application_name: client.run(
                               index, mode, application_name))
    except Exception:
        runner.report("started", client.name, "", [traceback.format_exc()])
    finally:
        client.stop()


def check_open_window(runner):
    """A burst is seen while its connection is still open"""
    if runner.chosen:
        return
    runner.monitor.reset()
    seen = []

    def look(database):
        cases_sql.authors_with_posts(database)
        seen.extend(runner.monitor.rows("still open"))

    drivers.Psycopg3().run(look, "T", "still open")
    runner.report("seen while the connection is open", "psycopg", "T",
                  judge([cases_sql.P2], seen, "T")[0])
    runner.monitor.wait_for_end("still open")


PGBOUNCER = """
[databases]
* = host=%(host)s port=%(port)d user=%(user)s
[pgbouncer]
listen_port = %(port)d
unix_socket_dir = %(folder)s
logfile = %(folder)s/log
auth_type = any
pool_mode = transaction
default_pool_size = 2
"""


def run_pgbouncer(runner):
    """N15, and the rest, through PgBouncer in transaction mode"""
    program = shutil.which("pgbouncer", path=os.environ["PATH"] + ":/usr/sbin")
    if not program:
        runner.skip("N15", "no pgbouncer here")
        return
    with tempfile.TemporaryDirectory(prefix="pgqw") as folder:
        config = os.path.join(folder, "pgbouncer.ini")
        with open(config, "w") as file:
            file.write(PGBOUNCER % dict(host=HOST, port=PORT, folder=folder,
                                        user=drivers.USER))
        process = subprocess.Popen([program, "-q", config],
                                   stdout=subprocess.DEVNULL,
                                   stderr=subprocess.DEVNULL)
        try:
            socket = os.path.join(folder, ".s.PGSQL.%d" % PORT)
            for _ in range(500):
                if os.path.exists(socket) or process.poll() is not None:
                    break
                time.sleep(0.01)
            driver = drivers.SqlalchemyPgbouncer(folder)
            for case in CASES:
                if case.runs == "orm" and "T" in case.modes and not case.only:
                    run_through(runner, driver,
                                case.number.replace("N13", "N15"), case)
        finally:
            process.terminate()
            process.wait()


def run_through(runner, driver, number, case):
    """One case; PgBouncer's server connections outlive the client's"""
    if not runner.wanted(number, driver.name):
        return
    application_name = "bouncer %d" % (runner.number + 1)
    runner.monitor.reset()
    driver.run(case.function, "T", application_name)
    rows = runner.monitor.rows(application_name)
    complaints, alarms = judge(case.expected, rows, "T")
    runner.score.add(driver.name, case.expected, complaints, alarms, rows)
    runner.report(number, driver.name, "T", complaints + alarms)


def program(name, *arguments, application_name="", stdin=None):
    """Runs one of PostgreSQL's programs; returns what it prints"""
    return subprocess.run(
        (name,) + arguments, check=True, stdin=stdin, text=True,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        env=dict(os.environ, PGHOST=HOST, PGPORT=str(PORT),
                 PGAPPNAME=application_name)).stdout


def run_programs(runner):
    """N26, N28: PostgreSQL's own programs"""
    if not runner.wanted("N26", "programs") and \
            not runner.wanted("N28", "programs"):
        return
    program("createdb", "-U", "postgres", "-O", "app", "bench")
    program("pgbench", "-U", "app", "-i", "-q", "-s", "1", "bench")
    for protocol in ("simple", "extended", "prepared"):
        for script in ("tpcb-like", "simple-update", "select-only"):
            runner.run(
                "N28, %s, %s" % (script, protocol), "programs", "",
                NOTHING_SURE,
                lambda application_name: program(
                    "pgbench", "-U", "app", "-n", "-t", "200", "-M", protocol,
                    "-b", script, "bench", application_name=application_name))

    with tempfile.NamedTemporaryFile("w+", suffix=".sql") as file:
        def dump(application_name):
            file.write(program("pg_dump", "-U", "postgres", "--inserts",
                               "--rows-per-insert=100", "orm",
                               application_name=application_name))
            file.flush()

        # pg_dump and psql set their own application_name if none is given
        runner.run("N26, pg_dump", "programs", "", NOTHING_SURE, dump)
        if file.tell():
            program("createdb", "-U", "postgres", "restored")
            runner.run(
                "N26, restored by psql", "programs", "", NOTHING_SURE,
                lambda application_name: program(
                    "psql", "-U", "postgres", "-X", "-q", "-f", file.name,
                    "restored", application_name=application_name))


def main():
    runner = Runner(sys.argv[1:])
    setup = drivers.create_engine(drivers.SqlalchemyPsycopg2().url(),
                                  future=True)
    schema.fill(setup)
    setup.dispose()

    for driver in drivers.available():
        runner.run_cases(driver)
    for client in programs.sql_clients():
        if not runner.wants_driver(client.name):
            continue
        if client.missing:
            runner.skip(client.name, client.missing)
            continue
        runner.run_cases(client)
        client.stop()
    check_open_window(runner)
    run_pgbouncer(runner)
    run_programs(runner)
    for number, client in enumerate(programs.available(), 1):
        if runner.wants_driver(client.name):
            run_program(runner, client, number)
    print("1..%d" % runner.number)
    runner.score.print()
    sys.exit(bool(runner.failures))


if __name__ == "__main__":
    main()

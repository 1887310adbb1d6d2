"""Runs the shop against a server that has pg_querywatch preloaded, and shows
what pg_querywatch found.

Called by test/demo/run; PGHOST and PGPORT say where the server is.
"""

import contextlib
import os
import sys
import time

import psycopg2
from sqlalchemy.orm import Session

import fill
import report
import shop
from pages import (AUTOCOMMIT, BLOCK, PAGES, POOLED, seen_in_threes,
                   seen_together)

VISITS = 3                      # of each page


def step(words):
    print("==> " + words, flush=True)


class Counter:
    """Statements that the shop's pages sent, by pg_querywatch's own count"""

    def __init__(self, cursor):
        self.cursor = cursor

    def count(self):
        self.cursor.execute("""
            SELECT coalesce(sum(calls), 0)
            FROM querywatch.statements
            WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'shop')
              AND userid = 'shop'::regrole
              AND query !~* '^(begin|commit|rollback|select [$]1$)'""")
        return self.cursor.fetchone()[0]


class Server:
    """Serves pages, and counts what that takes"""

    def __init__(self, engine, pool, counter):
        self.engines = {
            BLOCK: engine, POOLED: pool,
            AUTOCOMMIT: engine.execution_options(isolation_level="AUTOCOMMIT")}
        self.counter = counter

    def visit(self, route, controller, action, function, served):
        """(results, statements per page, milliseconds per page)"""
        traced = route in ("/orders", "/shipping", "/cart")
        results = []
        before = self.counter.count()
        elapsed = 0
        for number in range(VISITS):
            start = time.perf_counter()
            with contextlib.nullcontext() if served == POOLED else \
                    shop.request(controller, action, route, traced):
                with Session(self.engines[served]) as session:
                    results.append(function(session, number))
                    session.commit()
            elapsed += time.perf_counter() - start
        return (results, float(self.counter.count() - before) / VISITS,
                elapsed * 1000 / VISITS)


def visit_right_pages(server, cursor):
    """Done right, the pages must be left in peace"""
    for route, controller, action, wrong, right, how, served in PAGES:
        server.visit(route, controller, action, right, served)
    cursor.execute("""
        SELECT kind, query FROM querywatch.findings
        WHERE datname = 'shop' AND rolname = 'shop'
        AND confidence <> 'suspected'""")
    findings = cursor.fetchall()
    print("    findings: {}".format(len(findings)))
    for kind, query in findings:
        print("    {}: {}".format(kind, report.cut(query, 70)))
    if findings:
        sys.exit("demo: pg_querywatch found what is not there")


RESET = ("SELECT querywatch.reset(), querywatch.reset_slow(),"
         " querywatch.reset_patterns()")


def main():
    # Local, as superuser: makes the database, reads the statistics
    monitor = psycopg2.connect(dbname="postgres", user="postgres")
    monitor.autocommit = True
    cursor = monitor.cursor()
    cursor.execute("CREATE ROLE shop LOGIN")
    cursor.execute("CREATE DATABASE shop OWNER shop")
    monitor.close()
    monitor = psycopg2.connect(dbname="shop", user="postgres",
                               application_name="demo")
    monitor.autocommit = True
    cursor = monitor.cursor()
    cursor.execute("CREATE EXTENSION pg_querywatch")

    step("filling the shop")
    url = "postgresql+psycopg2://shop@/shop?host=%s&port=%s" % (
        os.environ["PGHOST"], os.environ["PGPORT"])
    engine = shop.connect(url)
    counts = fill.fill(engine)
    report.listed("%s %s" % (format(rows, ","), table)
                  for table, rows in counts)

    # What the filling did is not the application's fault.
    engine.dispose()
    cursor.execute(RESET)
    server = Server(engine, shop.connect_by_pool(url), Counter(cursor))

    step("every page %d times, done right" % VISITS)
    visit_right_pages(server, cursor)

    # What follows is kept, to look at.
    cursor.execute(RESET)
    begun = time.perf_counter()
    step("every page %d times, as it was written and then done right" % VISITS)
    line = "  {:<10} {:>3.0f} statements {:>4.0f} ms  {:>4.0f} {:<10} {:>3.0f} ms  {}"
    print("  {:<10} {:>22}  {:>22}".format("page", "as it was written",
                                           "done right"))
    total = [0, 0, 0, 0]
    for route, controller, action, wrong, right, how, served in PAGES:
        was, statements, elapsed = server.visit(
            route, controller, action, wrong, served)
        now, right_statements, right_elapsed = server.visit(
            route, controller, action, right, served)
        if was != now:
            sys.exit("demo: %s: the right page shows something else" % route)
        print(line.format(
            route, statements, elapsed, right_statements,
            "statement" if right_statements == 1 else "statements",
            right_elapsed, how), flush=True)
        for i, value in enumerate((statements, elapsed, right_statements,
                                   right_elapsed)):
            total[i] += value / len(PAGES)

    step("two reports: one slow, one that runs into its statement_timeout")
    for function, action in ((seen_together, "together"),
                             (seen_in_threes, "threes")):
        with shop.request("reports", action, "/reports/" + action, True):
            with Session(engine) as session:
                function(session)
                session.commit()

    passed = (time.perf_counter() - begun) * 1000
    cursor.execute("SELECT sum(time_lost) FROM querywatch.all_findings")
    lost = cursor.fetchone()[0]

    findings = report.findings(cursor)
    found = report.repeated(cursor)
    missed = {route if served != POOLED else None
              for route, _, _, _, _, _, served in PAGES} - found
    slow = report.slow(cursor)
    report.summary(cursor)

    print()
    report.sentence(
        "Per page: {:.0f} statements and {:.0f} ms as it was written, "
        "{:.1f} statements and {:.0f} ms done right: {:.0f} times as fast."
        .format(*total, total[1] / total[3]))
    if not findings or missed or slow < 2:
        sys.exit("demo: pg_querywatch found less than there is to find")
    print("Lost: {:.0f} ms of the {:.0f} ms that passed.".format(lost, passed))
    if lost > passed:
        sys.exit("demo: more time was lost than passed")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)

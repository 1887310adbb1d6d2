"""64 clients for a long while: pgbench by every protocol, SQLAlchemy with lazy
loads, connections that come and go, readers of every view, resets of another
database's statistics; in rounds, with a restart after each.

After each round the calls of the statements are those that the clients
counted, and still are after the restart; in its second half no process's
memory has grown; the server's log has no warning.  Prints TAP, and figures.

Runs on the server of PGHOST, PGPORT and PGDATA, for DURATION seconds; in
rounds of less than a minute clients are still growing.
"""

import multiprocessing
import os
import re
import subprocess
import tempfile
import time

import psycopg2
from sqlalchemy import Column, ForeignKey, Integer, String, create_engine, event, select
from sqlalchemy.orm import Session, declarative_base, relationship

DURATION = int(os.environ["DURATION"])
ROUNDS = max(2, min(6, DURATION // 120))
ORM_CLIENTS = 12
READERS = 7
GROUPS = {"simple": 20, "prepared": 16, "extended": 4, "coming": 4}
GROWTH = {"client": 1024, "reader": 256, "worker": 128}     # kB at most, by kind of process

Base = declarative_base()
failures = 0
tests = 0


class Author(Base):
    __tablename__ = "soak_author"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    posts = relationship("Post", back_populates="author")


class Post(Base):
    __tablename__ = "soak_post"
    id = Column(Integer, primary_key=True)
    author_id = Column(ForeignKey("soak_author.id"))
    title = Column(String)
    author = relationship("Author", back_populates="posts")


def is_(found, expected, what):
    ok(found == expected, what, f"found {found}, expected {expected}")


def ok(passed, what, why=""):
    global failures, tests
    tests += 1
    failures += not passed
    print(f"{'ok' if passed else 'not ok'} {tests} - {what}")
    if not passed:
        print(f"# {why}")


def connect(database):
    connection = psycopg2.connect(dbname=database, options="-c pg_querywatch.track=none",
                                  application_name="soak")
    connection.autocommit = True
    return connection


def look(sql):
    connection = connect("postgres")
    with connection.cursor() as cursor:
        cursor.execute(sql)
        row = cursor.fetchone()
    connection.close()
    return row


def counted():
    """Calls and failures of the soak's statements."""
    return tuple(map(int, look("""
        SELECT coalesce(sum(calls), 0), coalesce(sum(errors + cancels), 0)
          FROM querywatch.statements AS s
          JOIN pg_database AS d ON d.oid = s.dbid AND d.datname = 'soak'
         WHERE s.query ~ 'soak_' AND s.command IN ('SELECT', 'INSERT', 'UPDATE')""")))


def orm_client(until, count):
    """Pages of an application, lazily and eagerly, and writes row by row."""
    engine = create_engine("postgresql+psycopg2:///soak", future=True)
    calls = 0

    def sent(connection, cursor, statement, parameters, context, executemany):
        nonlocal calls
        calls += statement.count("soak_") > 0

    event.listen(engine, "after_cursor_execute", sent)
    while time.time() < until:
        with Session(engine) as session:
            for author in session.scalars(select(Author).limit(10)):
                len(author.posts)
            for post in session.scalars(select(Post).limit(10)):
                post.author.name
            session.rollback()
            for i in range(3):
                author = session.get(Author, 1 + (calls + i) % 100)
                author.name = f"author {calls}"
                session.flush()
            session.rollback()
    engine.dispose()
    count.value = calls


def reader(until):
    connection = connect("postgres")
    with connection.cursor() as cursor:
        while time.time() < until:
            for view in ("statements", "slow_statements", "slow_summary", "repeated_statements",
                         "all_findings", "evicted", "info", "connections", "capacity", "totals",
                         "idle_in_transaction", "latency_histogram()"):
                cursor.execute(f"SELECT count(*) FROM (SELECT t::text FROM querywatch.{view} AS t) AS v")
            cursor.execute("SELECT length(querywatch.prometheus())")
            time.sleep(0.2)
    connection.close()


def resetter(until):
    connection = connect("postgres")
    with connection.cursor() as cursor:
        while time.time() < until:
            cursor.execute("""SELECT querywatch.reset(minmax_only => true),
                querywatch.reset(dbid => (SELECT oid FROM pg_database WHERE datname = 'postgres')),
                querywatch.reset_slow(), querywatch.reset_patterns()""")
            time.sleep(1)
    connection.close()


SCRIPTS = {
    "same": (1, "\\set id random(1, 100)\nSELECT name FROM soak_author WHERE id = :id;\n"),
    "change": (2, "\\set id random(1, 100)\nBEGIN;\nSELECT name FROM soak_author WHERE id = :id;\n"
                  "UPDATE soak_post SET title = 'x' WHERE id = :id;\nCOMMIT;\n"),
    "loop": (6, "BEGIN;\nSELECT id FROM soak_author LIMIT 5;\n" + "".join(
        f"SELECT title FROM soak_post WHERE author_id = {i};\n" for i in range(1, 6)) + "COMMIT;\n"),
    "many": (80, "".join(f"SELECT {', '.join(['id'] * i)} FROM soak_author WHERE id = 1;\n"
                         for i in range(1, 81))),
}
OPTIONS = {"simple": [], "prepared": ["-M", "prepared"], "extended": ["-M", "extended"], "coming": ["-C"]}


def pgbench(folder, group, seconds):
    files = []
    for name, weight in (("same", 10), ("change", 5), ("loop", 3), ("many", 1)):
        files += ["-f", f"{folder}/{name}.sql@{weight}"]
    return subprocess.Popen(
        ["pgbench", "-n", "-T", str(seconds), "-c", str(GROUPS[group]), "-j", "1",
         *OPTIONS[group], *files, "soak"],
        stdout=open(f"{folder}/{group}.log", "w"), stderr=subprocess.STDOUT)


def pgbench_calls(folder):
    calls = 0
    for group in GROUPS:
        name = None
        for line in open(f"{folder}/{group}.log"):
            if found := re.match(r"SQL script \d+: .*/(\w+)\.sql", line):
                name = found[1]
            elif name and (found := re.match(r" - (\d+) transactions ", line)):
                calls += int(found[1]) * SCRIPTS[name][0]
                name = None
    return calls


def memory():
    """kB that each process has for itself, by kind, pid and start."""
    connection = connect("postgres")
    with connection.cursor() as cursor:
        cursor.execute("""
            SELECT CASE WHEN backend_type = 'pg_querywatch worker' THEN 'worker'
                        WHEN datname = 'soak' THEN 'client' ELSE 'reader' END, pid, backend_start
              FROM pg_stat_activity
             WHERE backend_type = 'pg_querywatch worker' OR application_name IN ('soak', 'pgbench')
                OR datname = 'soak'""")
        processes = [process for process in cursor.fetchall() if process[1] != connection.get_backend_pid()]
    connection.close()
    result = {kind: {} for kind in GROWTH}
    for kind, pid, start in processes:
        try:
            status = open(f"/proc/{pid}/status").read()
        except FileNotFoundError:
            continue
        if found := re.search(r"RssAnon:\s+(\d+) kB", status):
            result[kind][pid, start] = int(found[1])
    return result


def grown(before, after):
    """By how many kB a process of each kind has grown at most, and the largest's size."""
    return {kind: (max((after[kind][key] - before[kind][key] for key in after[kind] if key in before[kind]),
                       default=None), max(after[kind].values(), default=0)) for kind in GROWTH}


def one_round(folder, seconds):
    """What the clients counted, and how processes grew in the second half."""
    until = time.time() + seconds
    counts = [multiprocessing.Value("q", 0) for _ in range(ORM_CLIENTS)]
    processes = [multiprocessing.Process(target=orm_client, args=(until, count)) for count in counts]
    processes += [multiprocessing.Process(target=reader, args=(until,)) for _ in range(READERS)]
    processes.append(multiprocessing.Process(target=resetter, args=(until,)))
    for process in processes:
        process.start()
    benches = [pgbench(folder, group, seconds) for group in GROUPS]
    time.sleep(seconds / 2)
    before = memory()
    time.sleep(max(0, until - time.time() - 2))
    after = memory()
    for process in processes:
        process.join()
    ended = [bench.wait() for bench in benches] + [process.exitcode for process in processes]
    is_(set(ended), {0}, "every client came to its end")
    return (sum(count.value for count in counts) + pgbench_calls(folder),
            grown(before, after))


def main():
    global failures
    connection = connect("postgres")
    with connection.cursor() as cursor:
        cursor.execute("CREATE DATABASE soak")
        cursor.execute("CREATE EXTENSION pg_querywatch")
    connection.close()
    engine = create_engine("postgresql+psycopg2:///soak", future=True,
                           connect_args={"options": "-c pg_querywatch.track=none"})
    Base.metadata.create_all(engine)
    with Session(engine) as session:
        session.add_all(Author(name=f"author {i}", posts=[Post(title="x"), Post(title="y")])
                        for i in range(100))
        session.commit()
    engine.dispose()

    shared = look("SELECT shared_bytes FROM querywatch.info")
    calls = 0
    with tempfile.TemporaryDirectory() as folder:
        for name, (_, sql) in SCRIPTS.items():
            with open(f"{folder}/{name}.sql", "w") as file:
                file.write(sql)
        began = time.time()
        for n in range(1, ROUNDS + 1):
            more, growth = one_round(folder, DURATION // ROUNDS)
            calls += more
            is_(counted(), (calls, 0), f"round {n}: {calls} calls, all counted")
            for kind, (kb, size) in growth.items():
                ok(kb is not None and kb <= GROWTH[kind],
                   f"round {n}: no {kind} has grown by more than {GROWTH[kind]} kB", f"{kb} kB")
                print(f"# by {kb} kB at most; the largest has {size} kB")
            subprocess.run(["pg_ctl", "-D", os.environ["PGDATA"], "-m", "fast", "-w", "-s", "-l",
                            os.environ["PGDATA"] + "/../server.log", "restart"], check=True)
            is_(counted(), (calls, 0), f"round {n}: and still after a restart")
    print(f"# {calls} calls in {time.time() - began:.0f} s")
    is_(look("SELECT shared_bytes FROM querywatch.info"), shared, "shared memory is what it was")
    log = [line for line in open(os.environ["PGDATA"] + "/../server.log")
           if re.search("WARNING|ERROR|FATAL|PANIC|terminated by signal", line)
           # a restart ends what has not yet noticed that its client has gone
           and not line.endswith("FATAL:  terminating connection due to administrator command\n")]
    is_(log[:5], [], "no warning in the log")
    print(f"1..{tests}")
    return failures


if __name__ == "__main__":
    raise SystemExit(1 if main() else 0)

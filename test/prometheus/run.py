"""The metrics in Prometheus's own hands.

Prints TAP.  Needs a server that serves /metrics on 127.0.0.1:METRICS_PORT, the
PG* variables to reach it, PROGRAMS, the folder of prometheus, promtool and
prometheus-sql-exporter, and a current folder to write to.
"""

import json
import os
import re
import shutil
import socket
import subprocess
import sys
import time
import urllib.parse
import urllib.request

import psycopg2

HERE = os.path.dirname(os.path.abspath(__file__))
DOC = os.path.join(HERE, "..", "..", "doc")
PROGRAMS = os.environ["PROGRAMS"]
ENDPOINT = "http://127.0.0.1:%s/metrics" % os.environ["METRICS_PORT"]

number = 0
children = []


def check(ok, what, *diagnostics):
    global number
    number += 1
    print("%s %d - %s" % ("ok" if ok else "not ok", number, what))
    if not ok:
        for diagnostic in diagnostics:
            for line in str(diagnostic).splitlines():
                print("# " + line)
    sys.stdout.flush()
    return ok


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read().decode()


def run(program, *arguments, text=None):
    done = subprocess.run([os.path.join(PROGRAMS, program), *arguments], input=text,
                          capture_output=True, text=True)
    return done.returncode, done.stdout + done.stderr


def start(program, *arguments):
    log = open(program + ".log", "w")
    child = subprocess.Popen([os.path.join(PROGRAMS, program), *arguments],
                             stdout=log, stderr=subprocess.STDOUT)
    children.append(child)
    return child


def wait_for(condition, seconds=60):
    end = time.time() + seconds
    while True:
        try:
            result = condition()
        except OSError:
            result = None
        if result or time.time() > end:
            return result
        time.sleep(0.3)


def connect(**more):
    connection = psycopg2.connect(dbname="postgres", **more)
    connection.autocommit = True
    return connection


def load(cursor):
    """A bit of everything that there are metrics of."""
    for i in range(30):
        cursor.execute("SELECT count(*) FROM author WHERE id > %s", (i,))
    cursor.execute("BEGIN")
    cursor.execute("SELECT id FROM author ORDER BY id")
    for (author,) in cursor.fetchall():
        cursor.execute("SELECT title FROM post WHERE author_id = %s", (author,))
    cursor.execute("COMMIT")
    cursor.execute("SET pg_querywatch.slow_threshold = 1; SELECT pg_sleep(0.01); RESET pg_querywatch.slow_threshold")
    for failing in ("SELECT 1 / (random() * 0)::int", "INSERT INTO author VALUES (1)",
                    "SET statement_timeout = 20; SELECT pg_sleep(5)"):
        try:
            cursor.execute(failing)
        except psycopg2.Error:
            pass
    cursor.execute("RESET statement_timeout")
    cursor.execute("SET work_mem = '64kB'; SELECT count(*) FROM (SELECT i FROM generate_series(1, 20000) AS i ORDER BY -i OFFSET 1) AS s; RESET work_mem")
    cursor.execute("DISCARD ALL")


# Rules, proved without a server

shutil.copy(os.path.join(DOC, "prometheus", "alerts.yml"), "alerts.yml")
shutil.copy(os.path.join(HERE, "alerts_test.yml"), "alerts_test.yml")
status, output = run("promtool", "check", "rules", "alerts.yml")
check(status == 0 and "SUCCESS" in output, "promtool check rules", output)
status, output = run("promtool", "test", "rules", "alerts_test.yml")
check(status == 0 and "FAILED" not in output, "promtool test rules", output)
with open("alerts.yml") as f:
    rules = f.read()
with open("alerts_test.yml") as f:
    tested = f.read()
alerts = re.findall(r"- alert: (\w+)", rules)
check(all("alertname: " + alert in tested for alert in alerts), "each of the %d alerts is tested" % len(alerts))

# The text

connection = connect()
cursor = connection.cursor()
cursor.execute("""
CREATE EXTENSION IF NOT EXISTS pg_querywatch;
CREATE TABLE author (id int PRIMARY KEY);
CREATE TABLE post (id int PRIMARY KEY, author_id int REFERENCES author, title text);
INSERT INTO author SELECT generate_series(1, 20);
INSERT INTO post SELECT i, i % 20 + 1, 'title' FROM generate_series(1, 100) AS i;
CREATE ROLE limited LOGIN CONNECTION LIMIT 5;
""")
load(cursor)
check(wait_for(lambda: "pg_querywatch_build_info" in fetch(ENDPOINT)), "the worker serves metrics")
text = fetch(ENDPOINT)
status, output = run("promtool", "check", "metrics", text=text)
check(status == 0 and output == "", "promtool check metrics", output)
cursor.execute("SET pg_querywatch.metrics_statements = 10; SELECT querywatch.prometheus()")
with_statements = cursor.fetchone()[0]
cursor.execute("RESET pg_querywatch.metrics_statements")
status, output = run("promtool", "check", "metrics", text=with_statements)
check(status == 0 and output == "", "promtool check metrics, with statements", output)

# Prometheus, by the configuration in doc/, only faster

port = free_port()
with open(os.path.join(DOC, "prometheus", "prometheus.yml")) as f:
    configuration = f.read()
with open("prometheus.yml", "w") as f:
    f.write("global:\n  evaluation_interval: 1s\n"
            + configuration.replace("localhost:9753", "127.0.0.1:" + os.environ["METRICS_PORT"])
            .replace("scrape_interval: 15s", "scrape_interval: 1s"))
with open("alerts.yml", "w") as f:
    f.write(re.sub(r"for: \w+", "for: 1s", rules))
status, output = run("promtool", "check", "config", "prometheus.yml")
check(status == 0, "promtool check config", output)
start("prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data",
      "--web.listen-address=127.0.0.1:%d" % port)


def query(expression):
    answer = fetch("http://127.0.0.1:%d/api/v1/query?%s"
                   % (port, urllib.parse.urlencode({"query": expression})))
    return json.loads(answer)["data"]["result"]


check(wait_for(lambda: query('up{job="pg_querywatch"} == 1')), "Prometheus scrapes it")
idle = connect(application_name="idle")
idle.autocommit = False
idle.cursor().execute("SELECT 1")
for i in range(12):
    load(cursor)
    time.sleep(0.5)
families = re.findall(r"^# TYPE (\w+) (\w+)$", text, re.M)
missing = [name for name, kind in families
           if not wait_for(lambda: query(name + ("_count" if kind == "histogram" else "")), 15)]
check(not missing, "each of the %d families has series there" % len(families), missing)
check(query('pg_querywatch_execution_seconds_bucket{datname="postgres",le="+Inf"} == on(datname) pg_querywatch_execution_seconds_count'),
      "the histogram is whole")
check(query('sum(pg_querywatch_time_lost_seconds_total{kind="n_plus_one",confidence="confirmed"}) > 0'), "N+1 queries lose time")

# The dashboard: every query returns data

with open(os.path.join(DOC, "grafana", "pg_querywatch.json")) as f:
    dashboard = json.load(f)
for panel in dashboard["panels"]:
    for target in panel.get("targets", []):
        expression = target["expr"]
        for variable, replacement in (("$__rate_interval", "30s"), ("$instance", ".*"), ("$datname", ".*")):
            expression = expression.replace(variable, replacement)
        found = wait_for(lambda: [r for r in query(expression) if r["value"][1] != "NaN"], 10)
        check(found, "dashboard: %s, %s" % (panel["title"], target["refId"]), expression)

# The documentation: every series, and its queries

with open(os.path.join(DOC, "metrics.md")) as f:
    documentation = f.read()
named = set(re.findall(r"^\| `(pg_querywatch_\w+)`", documentation, re.M))
shown = {name for name, kind in re.findall(r"^# TYPE (\w+) (\w+)$", with_statements, re.M)}
check(named == shown, "doc/metrics.md names the series that there are", named ^ shown)
for example in re.findall(r"^\| `pg_querywatch_\w+` .*\| `([^|]*)` \|$", documentation.replace("\\|", "\x00"), re.M):
    example = example.replace("\x00", "|")
    try:
        query(example)
        ok = True
    except OSError as error:
        ok = False
        output = error
    check(ok, "example: " + example, "" if ok else output)

# An alert that fires: connections run out

idle.rollback()
idle.close()
others = []
while True:
    try:
        others.append(connect(application_name="crowd"))
    except psycopg2.OperationalError as error:
        check("too many clients" in str(error) or "remaining connection slots" in str(error),
              "connections have run out", error)
        break
fired = wait_for(lambda: query('ALERTS{alertname="PgQuerywatchConnectionsNearLimit",alertstate="firing",scope="server"}'))
check(fired, "the alert fires while nobody can log in")
alerts = json.loads(fetch("http://127.0.0.1:%d/api/v1/alerts" % port))["data"]["alerts"]
summary = [a["annotations"]["summary"] for a in alerts if a["labels"]["alertname"] == "PgQuerywatchConnectionsNearLimit"]
check(any(re.match(r"server on 127\.0\.0\.1:\d+ has used 1\d\d(\.\d+)?% of its connections$", s) for s in summary), "and says so", summary)
for other in others:
    other.close()
check(wait_for(lambda: not query('ALERTS{alertname="PgQuerywatchConnectionsNearLimit"}')), "and is over when they are closed")

# sql_exporter, by the configuration in doc/

port = free_port()
with open(os.path.join(DOC, "prometheus", "sql_exporter.yml")) as f:
    configuration = f.read()
with open("sql_exporter.yml", "w") as f:
    f.write(re.sub(r"'postgres://.*'", "'postgres:///postgres?host=%s&port=%s&user=%s&sslmode=disable'"
                   % tuple(os.environ[v] for v in ("PGHOST", "PGPORT", "PGUSER")), configuration)
            .replace("interval: 15s", "interval: 1s"))
start("prometheus-sql-exporter", "-config.file=sql_exporter.yml", "-web.listen-address=127.0.0.1:%d" % port)
names = re.findall(r"^ +- name: (pg_querywatch_\w+)$", configuration, re.M)
collected = wait_for(lambda: (lambda t: t if all("\nsql_%s{" % n in t for n in names) else None)(
    fetch("http://127.0.0.1:%d/metrics" % port)), 30)
check(collected, "sql_exporter collects " + ", ".join(names),
      open("prometheus-sql-exporter.log").read()[-3000:])
for block in re.split(r"^ +- name: ", configuration, flags=re.M)[2:]:
    name = block.split()[0]
    columns = re.findall(r"\w+", re.search(r"values:(.*?)query:", block, re.S).group(1))
    for column in columns:
        check(re.search(r'^sql_%s\{[^}]*col="%s"' % (name, column), collected or "", re.M), "sql_exporter: %s, %s" % (name, column))

# postgres_exporter's queries return the columns they are said to

with open(os.path.join(DOC, "prometheus", "postgres_exporter.yml")) as f:
    configuration = f.read()
for name, sql, metrics in re.findall(r"^(\w+):\n  query: \|\n((?:    .*\n)+)  metrics:\n((?:    - .*\n)+)", configuration, re.M):
    cursor.execute(sql)
    check([c.name for c in cursor.description] == re.findall(r"^    - (\w+):", metrics, re.M),
          "postgres_exporter: " + name, [c.name for c in cursor.description])

for child in children:
    child.terminate()
for child in children:
    child.wait()
print("1..%d" % number)

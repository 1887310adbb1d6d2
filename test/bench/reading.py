"""Reading the statistics: time and memory, and what it costs the writers.

5,000 statements with texts of 2 kB (text_memory = 16MB, so that all texts are
kept).  Time is the server's (EXPLAIN ANALYZE), memory by how much a fresh
backend's address space grows.  Then, once a second, somebody reads while two
clients churn.
"""

import json
import statistics
import time

import churn
from server import (BARE, QUERYWATCH, QUICK, STATEMENTS, Server, contenders,
                    progress)
from tables import Table, number

READINGS = {
    STATEMENTS: ['pg_stat_statements', 'pg_stat_statements(false)'],
    QUERYWATCH: ['querywatch.statements', 'querywatch.statements(false)',
                 'querywatch.findings'],
}
SETTINGS = {
    STATEMENTS: {'pg_stat_statements.max': '5000'},
    QUERYWATCH: {'pg_querywatch.max_statements': '5000',
                 'pg_querywatch.text_memory': '16MB'},
}
ROUNDS = 3 if QUICK else 7


def explained(server, what):
    """Milliseconds, and blocks written to temporary files"""
    found = json.loads(server.sql(
        'EXPLAIN (ANALYZE, TIMING OFF, BUFFERS, FORMAT JSON) SELECT * FROM '
        + what))[0]
    return found['Execution Time'], found['Plan']['Temp Written Blocks']


def grown(server, what):
    """Megabytes by which a backend grows that reads all of it"""
    status = "SELECT pg_read_file('/proc/self/status')"
    # what any query brings along is not counted
    found = server.sql(
        'EXPLAIN SELECT * FROM ' + what, 'CREATE TEMP TABLE before AS ' + status,
        'EXPLAIN (ANALYZE, TIMING OFF) SELECT * FROM ' + what,
        "SELECT substring(pg_read_file('/proc/self/status') "
        "FROM 'VmPeak:\\s*(\\d+)')::int - substring(pg_read_file FROM "
        "'VmPeak:\\s*(\\d+)')::int FROM before")
    return int(found.splitlines()[-1]) / 1024


def fill(server):
    churn.create(server)
    server.client('churn', 0, 4900, 2000)


def run():
    table = Table('Reading 5,000 statements with 2 kB texts',
                  ['', 'ms', 'range', 'MB', 'temp blocks'],
                  ['Medians of %d. Goal: 30 ms, 10 MB, nothing in temporary '
                   'files.' % ROUNDS])
    writers = Table('Writers while somebody reads once a second',
                    ['', 'per s', 'ratio', 'slowest, ms'],
                    ['%s distinct statements of 2 kB by 2 clients, 5,000 kept; '
                     'the slowest statement of a client. Ratio to the bare '
                     'server. Goal: 12 ms.' % number(churn.DISTINCT)])
    bare = None
    for contender in contenders():
        if contender not in READINGS and contender is not BARE:
            continue
        with Server(contender,
                    **SETTINGS.get(contender, {})) as server:
            if contender is BARE:
                server.sql(churn.WIDE)
            else:
                fill(server)
            for what in READINGS.get(contender, []):
                relation = what.split('(')[0]
                if '(' not in what and not server.has_relation(relation):
                    continue
                seen = [explained(server, what) for _ in range(ROUNDS)]
                times = [s[0] for s in seen]
                table.add(what, '%.1f' % statistics.median(times),
                          '%.1f-%.1f' % (min(times), max(times)),
                          '%.1f' % grown(server, what), number(seen[-1][1]))
                progress('  '.join(table.rows[-1]))
            for reading in (False, True):
                if reading and contender is BARE:
                    continue

                def read():
                    if reading:
                        server.sql('SELECT count(query) FROM '
                                   + READINGS[contender][0])
                    time.sleep(1)

                rate, stall, _ = churn.churn(server, 2000, read)
                bare = bare or rate
                writers.add(contender.name + (', read' if reading else ''),
                            number(rate), '%.2f' % (rate / bare),
                            '%.1f' % stall)
                progress('  '.join(writers.rows[-1]))
    return [table, writers]

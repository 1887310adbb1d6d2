"""Transactions per second of pgbench, as ratios to the bare server.

All servers are up at once; each round runs them one after the other for a
short while, so that what else the machine does falls on all of them alike.
The ratio is that of the medians; the spread is the range of the ratios of the
rounds.  Then the same nested statement from 8 clients: where a lock or a
cache line is shared, they meet there.
"""

import os
import re
import statistics
import subprocess

from server import (BARE, QUICK, Server, contenders, output_of, progress)
from tables import Table, number

ROUNDS = 3 if QUICK else 5
SECONDS = 1 if QUICK else 2
SCALE = 10
CLIENTS = (1, 8) if QUICK else (1, 2, 8, 64)

NESTED = ('CREATE FUNCTION nested() RETURNS void LANGUAGE plpgsql AS $$ '
          'DECLARE found int; BEGIN FOR i IN 1..100 LOOP '
          'SELECT abalance INTO found FROM pgbench_accounts WHERE aid = i; '
          'END LOOP; END $$')


def pgbench(server, clients, *options, **environment):
    output = output_of('pgbench', '-n', '-c', str(clients), '-j', '2', '-T',
                       str(SECONDS), *options,
                       env=dict(server.environment, **environment))
    return float(re.search(r'^tps = ([0-9.]+)', output, re.M).group(1))


def compare(servers, clients, *options, tracked=False):
    """Per contender: the median, and the ratios to the bare server's"""
    rates = {server: [] for server in servers}
    for _ in range(ROUNDS):
        for server in servers:
            environment = {}
            if tracked and server.contender.track:
                environment['PGOPTIONS'] = '-c %s=all' % server.contender.track
            rates[server].append(pgbench(server, clients, *options,
                                         **environment))
    bare = rates[servers[0]]
    cells = [number(statistics.median(bare))]
    for server in servers[1:]:
        each = [a / b for a, b in zip(rates[server], bare)]
        cells.append('%.3f (%.2f-%.2f)' % (
            statistics.median(rates[server]) / statistics.median(bare),
            min(each), max(each)))
    return cells


def run():
    servers = [Server(c).start() for c in contenders()]
    assert servers[0].contender is BARE
    try:
        for server in servers:
            progress('%s: filling' % server.contender.name)
            output_of('pgbench', '-i', '-q', '-s', str(SCALE),
                      env=server.environment, stderr=subprocess.DEVNULL)
            server.sql(NESTED)
        columns = ['', 'bare, tps'] + [s.contender.column.lstrip('+')
                                       for s in servers[1:]]
        notes = ['Ratio to the bare server: of the medians of %d runs of %d s, '
                 'interleaved, and the range of the runs.' % (ROUNDS, SECONDS)]
        table = Table('pgbench, scale %d' % SCALE, columns, notes)
        for title, script in (('select', ['-S']), ('TPC-B', [])):
            for mode in ('prepared', 'simple'):
                for clients in CLIENTS:
                    cells = compare(servers, clients, '-M', mode, *script)
                    table.add('%s, %s, %d' % (title, mode, clients), *cells)
                    progress('  '.join(table.rows[-1]))

        path = os.path.join(servers[0].home, 'nested.sql')
        with open(path, 'w') as f:
            f.write('SELECT nested();\n')
        nested = Table('The same nested statement from 8 clients, track = all',
                       columns, notes + ['A transaction is 100 of it. '
                                         'Goal: 0.80 or more.'])
        nested.add('nested, 8', *compare(servers, 8, '-M', 'prepared', '-f',
                                         path, tracked=True))
        progress('  '.join(nested.rows[-1]))
    finally:
        for server in servers:
            server.stop()
    return [table, nested]

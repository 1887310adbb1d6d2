"""Processor time of a pipelined prepared SELECT.

Client and backend are bound to one processor and 64 transactions are sent at
a time: the backend finds the next one there, so that no wake-up is measured.
Its time is what the kernel counts (/proc/PID/schedstat).
"""

import os
import statistics

from server import QUICK, WORK, Server, contenders, progress
from tables import Table

ROUNDS = 5 if QUICK else 11
TRANSACTIONS = 10000 if QUICK else 40000


def run():
    path = os.path.join(WORK, 'pipeline')
    with open(path, 'w') as f:
        f.write('P s SELECT v FROM pipelined WHERE id = $1::int\nE s @\n')
    servers = [Server(c).start() for c in contenders()]
    cpu = max(os.sched_getaffinity(0))
    times = {server: [] for server in servers}
    try:
        for server in servers:
            server.sql('CREATE TABLE pipelined (id int PRIMARY KEY, v int)',
                       'INSERT INTO pipelined SELECT i, i '
                       'FROM generate_series(1, 1000) i', 'VACUUM ANALYZE')
        for n in range(ROUNDS):
            for server in servers:
                times[server].append(float(server.client(
                    'pipeline', path, TRANSACTIONS, cpu)['nanoseconds']))
            progress('round %d of %d' % (n + 1, ROUNDS))
    finally:
        for server in servers:
            server.stop()
    table = Table('Processor time of a pipelined prepared SELECT',
                  ['', 'us', 'ratio', 'range'],
                  ['Medians of %d interleaved runs of %d transactions, and the '
                   'range of the ratios to the bare server.'
                   % (ROUNDS, TRANSACTIONS)])
    bare = times[servers[0]]
    for server in servers:
        ratios = [a / b for a, b in zip(times[server], bare)]
        median = statistics.median(times[server])
        table.add(server.contender.name, '%.2f' % (median / 1000),
                  '%.3f' % (median / statistics.median(bare)),
                  '%.2f-%.2f' % (min(ratios), max(ratios)))
    return [table]

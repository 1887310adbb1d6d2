"""Many statements in one string of the simple protocol.

INSERTs of one row each, as dumps and scripts have them: all in one string,
which is one transaction, and for comparison one at a time in a transaction.
What has to be done for each statement may not depend on how long the string
is: the time of a string is to grow with the number of its statements.
"""

import os
import statistics

from server import (BARE, QUERYWATCH, QUICK, WORK, Contender, Server,
                    contenders, progress)
from tables import Table, number

COUNTS = [3000, 12000] if QUICK else [12000, 32000]
ROUNDS = 3 if QUICK else 5
OFF = Contender('pg_querywatch track=none', '+off', QUERYWATCH.library,
                settings={'pg_querywatch.track': 'none'})


def script(count, alone):
    """Path of a file of INSERTs, one a line"""
    path = os.path.join(WORK, 'strings-%d-%d' % (count, alone))
    with open(path, 'w') as f:
        if alone:
            f.write('BEGIN;\n')
        for i in range(count):
            f.write("INSERT INTO strings VALUES (%d, 'name %d');\n" % (i, i))
        if alone:
            f.write('COMMIT;\n')
    return path


def seconds(server, path, at_once):
    server.sql('TRUNCATE strings')
    return float(server.client('string', path, at_once)['seconds'])


def run():
    compared = contenders()
    if QUERYWATCH in compared:
        compared.insert(compared.index(QUERYWATCH), OFF)
    table = Table('Single-row INSERTs in one string',
                  ['', 'statements', 'one by one, ms', 'ratio',
                   'one string, ms', 'ratio', 'us each', 'to track = none'],
                  ['Medians of %d interleaved runs; ratios to the bare server, '
                   'and of the string to that of pg_querywatch with '
                   'track = none. Goal: at most 2 there, with any number of '
                   'statements.' % ROUNDS])
    servers = [Server(c).start() for c in compared]
    times = {}
    try:
        for server in servers:
            server.sql('CREATE TABLE strings (id int, name text)')
        for count in COUNTS:
            alone = script(count, True)
            together = script(count, False)
            for n in range(ROUNDS):
                for server in servers:
                    times.setdefault((server, count, 'alone'), []).append(
                        seconds(server, alone, 1))
                    times.setdefault((server, count, 'string'), []).append(
                        seconds(server, together, count))
                progress('%s statements, round %d of %d'
                         % (number(count), n + 1, ROUNDS))
    finally:
        for server in servers:
            server.stop()

    def median(server, count, how):
        return statistics.median(times[server, count, how])

    by_contender = {s.contender: s for s in servers}
    bare = by_contender[BARE]
    for count in COUNTS:
        for server in servers:
            alone = median(server, count, 'alone')
            together = median(server, count, 'string')
            to_off = ''
            if server.contender is QUERYWATCH:
                to_off = '%.2f' % (
                    together / median(by_contender[OFF], count, 'string'))
            table.add(server.contender.name, number(count),
                      number(alone * 1000),
                      '%.2f' % (alone / median(bare, count, 'alone')),
                      number(together * 1000),
                      '%.2f' % (together / median(bare, count, 'string')),
                      '%.1f' % (together / count * 1e6), to_off)
    return [table]

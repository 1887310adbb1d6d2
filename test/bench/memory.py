"""Shared memory: in all, by part, per statement and per backend.

Sizes are those that the server allocated (pg_shmem_allocations), as the
difference between two servers that differ in one thing alone.
"""

from server import (BARE, QUERYWATCH, STATEMENTS, Server, contenders,
                    progress)
from tables import Table, number

CONNECTIONS = (100, 1000, 5000)
BOUND = {STATEMENTS: 'pg_stat_statements.max',
         QUERYWATCH: 'pg_querywatch.max_statements'}


def allocations(contender, **settings):
    """Bytes by name"""
    with Server(contender, **settings) as server:
        # without a name: what is only in reserve
        rows = server.sql('SELECT name, sum(allocated_size) '
                          'FROM pg_shmem_allocations '
                          'WHERE name IS NOT NULL GROUP BY 1').splitlines()
    return {row.rsplit('|', 1)[0]: int(row.rsplit('|', 1)[1]) for row in rows}


def total(contender, **settings):
    return sum(allocations(contender, **settings).values())


def megabytes(size):
    return '%.1f' % (size / 1024 / 1024)


# What grows with one setting alone: twice the default against the default
PARTS = [('statements', 'max_statements', '10000'),
         ('texts', 'text_memory', '16MB'),
         ('slow log', 'slow_memory', '8MB'),
         ('patterns', 'max_patterns', '2000')]


def run():
    libraries = [c for c in contenders() if c.library]
    columns = ['connections'] + [number(n) for n in CONNECTIONS]
    table = Table('Shared memory, MB', columns + ['B/statement', 'B/backend'],
                  ['More than the bare server allocates, at the defaults. '
                   'Goal: 32 MB with 1,000 connections, 12 kB for each.'])
    parts = Table('Shared memory of pg_querywatch by part, MB', columns)
    bare = {n: total(BARE, max_connections=str(n)) for n in CONNECTIONS}
    for contender in libraries:
        more = {n: total(contender, max_connections=str(n)) - bare[n]
                for n in CONNECTIONS}
        per_statement = ''
        if contender in BOUND:
            bound = BOUND[contender]
            per_statement = number(
                (total(contender, **{bound: '50000'})
                 - total(contender, **{bound: '40000'})) / 10000)
        first, last = CONNECTIONS[0], CONNECTIONS[-1]
        per_backend = (more[last] - more[first]) / (last - first)
        table.add(contender.name, *(megabytes(more[n]) for n in CONNECTIONS),
                  per_statement, number(per_backend))
        progress('  '.join(table.rows[-1]))
        if contender is not QUERYWATCH:
            continue
        fixed = 0
        for name, setting, double in PARTS:
            size = total(contender, **{'pg_querywatch.' + setting: double}) \
                - more[first] - bare[first]
            fixed += size
            parts.add(name, *[megabytes(size)] * len(CONNECTIONS))
        parts.add('backends and the rest',
                  *(megabytes(more[n] - fixed) for n in CONNECTIONS))
    return [table, parts]

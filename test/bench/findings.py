"""Reading the findings of a server where every place is taken.

1,000 loops by foreign keys, whose rewrites are worked out when they are read,
and beside them as many statements as max_statements allows, which scan for
what an index would find.  Time is the server's, memory as in reading.
"""

import statistics

from reading import ROUNDS, explained, grown
from server import QUERYWATCH, Server, progress
from tables import Table, number

PATTERNS = 1000
LOOP_TABLES = 50


def fill(server):
    """PATTERNS loops of ten, one transaction each; other statements for the
    rest, which read 2,000 rows of a table to return one"""
    lines = ['CREATE EXTENSION IF NOT EXISTS pg_querywatch;',
             'CREATE TABLE parent (id int PRIMARY KEY);',
             'INSERT INTO parent SELECT generate_series(1, 10);',
             'CREATE TABLE wide (id int, n int);',
             'INSERT INTO wide SELECT i, i FROM generate_series(1, 2000) AS i;']
    for t in range(LOOP_TABLES):
        lines.append('CREATE TABLE child_%d (id int PRIMARY KEY, parent_id int '
                     'REFERENCES parent, n int); '
                     'CREATE INDEX ON child_%d (parent_id); INSERT INTO child_%d '
                     'SELECT i, i, i FROM generate_series(1, 10) AS i;' % (t, t, t))
    lines.append('ANALYZE; SELECT querywatch.reset();')
    for loop in range(PATTERNS):
        columns = 'id' + ', n' * (loop // LOOP_TABLES)
        lines.append('BEGIN; SELECT id FROM parent ORDER BY id;')
        lines += ['SELECT %s FROM child_%d WHERE parent_id = %d;'
                  % (columns, loop % LOOP_TABLES, i) for i in range(1, 11)]
        lines.append('COMMIT;')
    other = 5000 - PATTERNS - 10
    for scan in range(other):
        columns = 'id' + ', n' * (scan % 1000)
        lines.append('SELECT %s FROM wide WHERE %s = %d;'
                     % (columns, ('n', 'id', 'n + 0', 'id + 0')[scan // 1000], scan))
    server.script('\n'.join(lines))


def run():
    table = Table('Reading findings', ['', 'statements', 'patterns', 'findings',
                                       'ms', 'range', 'MB'],
                  ['Medians of %d. %s loops of ten by foreign keys; the other '
                   'statements read 2,000 rows to return one. Goal: 1,000 ms.'
                   % (ROUNDS, number(PATTERNS))])
    with Server(QUERYWATCH, **{'pg_querywatch.max_statements': '5000',
                               'pg_querywatch.text_memory': '16MB',
                               'pg_querywatch.max_patterns': str(PATTERNS)}) as server:
        fill(server)
        counts = server.sql(
            'SELECT statements, patterns, (SELECT count(*) FROM querywatch.findings)'
            ' FROM querywatch.info').split('|')
        for what in ('querywatch.findings', 'querywatch.repeated_statements'):
            seen = [explained(server, what) for _ in range(ROUNDS)]
            times = [s[0] for s in seen]
            table.add(what, *[number(int(c)) for c in counts],
                      number(statistics.median(times)),
                      '%s-%s' % (number(min(times)), number(max(times))),
                      '%.1f' % grown(server, what))
            progress('  '.join(table.rows[-1]))
    return [table]

"""More distinct statements than are kept.

Two clients send statements of which no two are alike; a third one, 2 ms apart,
50 hot statements in turn.  Told are the two clients' statements per second as
a ratio to the bare server, the longest that one of them waited for a
statement, and whether the hot statements' counts came out exact.
"""

from server import (BARE, QUERYWATCH, QUERY_ID, QUICK, STATEMENTS, Server,
                    client_end, contenders, progress)
from tables import Table, number

DISTINCT = 20000 if QUICK else 125000
CLIENTS = 2
HOT = 50
PAUSE = 2000                    # microseconds

WIDE = ('CREATE TABLE wide (id int, %s)'
        % ', '.join('c%d int' % i for i in range(400)))

# Setting that bounds the statements, and the view that shows them
BOUND = {STATEMENTS: 'pg_stat_statements.max',
         QUERYWATCH: 'pg_querywatch.max_statements'}
VIEW = {STATEMENTS: 'pg_stat_statements', QUERYWATCH: 'querywatch.statements'}


def churn(server, length, during=None):
    """Sends them; rate, longest stall, rounds of the hot ones"""
    hot = server.client_begin('hot', PAUSE)
    share = DISTINCT // CLIENTS
    clients = [server.client_begin('churn', n * share, share, length)
               for n in range(CLIENTS)]
    while during and any(c.poll() is None for c in clients):
        during()
    found = [client_end(c) for c in clients]
    hot.terminate()
    rounds = int(client_end(hot)['rounds'])
    rate = sum(share / float(f['seconds']) for f in found)
    return rate, max(float(f['slowest']) for f in found), rounds


def hot_counts(server, rounds):
    """What became of the hot statements' counts"""
    view = VIEW.get(server.contender)
    if view is None:
        return ''
    kept, exact = server.sql(
        'SELECT count(*), count(*) FILTER (WHERE calls = %d) FROM %s '
        "WHERE query LIKE 'SELECT c%% FROM wide hot %%'"
        % (rounds, view)).split('|')
    return 'exact' if int(exact) == HOT else '%s of %s kept' % (exact, kept)


def accounted(server, sent):
    """Are the executions of evicted statements in the sums of "evicted"?"""
    if server.contender is not QUERYWATCH:
        return ''
    kept, evicted = server.sql(
        'SELECT (SELECT sum(calls) FROM querywatch.statements '
        "WHERE command = 'SELECT'), "
        '(SELECT coalesce(sum(calls), 0) FROM querywatch.evicted)').split('|')
    seen = int(kept) + int(evicted)
    return 'all' if seen >= sent else '%s missing' % number(sent - seen)


def create(server):
    server.sql(WIDE)
    if server.contender in (STATEMENTS, QUERYWATCH):
        server.sql('CREATE EXTENSION ' + server.contender.library)


def run():
    table = Table(
        'Churn: %s distinct statements, 2 clients' % number(DISTINCT),
        ['', 'kept', 'text', 'per s', 'ratio', 'stall', 'hot', 'counted'],
        ['Statements per second and their ratio to the bare server, longest '
         'wait for a statement in ms, whether the counts of the 50 hot '
         'statements beside them are exact, and whether every execution is '
         'counted, with a statement or with those evicted. '
         'Goal: 0.80 with 40 B texts, 0.70 with 2 kB.'])
    present = [c for c in contenders() if c in (BARE, QUERY_ID, STATEMENTS,
                                                QUERYWATCH)]
    for length, title in ((40, '40 B'), (2000, '2 kB')):
        bare = None
        for contender in present:
            bound = BOUND.get(contender)
            for kept in ((1000, 5000) if bound else (None,)):
                server = Server(contender,
                                **({bound: str(kept)} if bound else {}))
                with server:
                    create(server)
                    rate, stall, rounds = churn(server, length)
                    bare = bare or rate
                    table.add(contender.name, number(kept) if kept else '',
                              title, number(rate), '%.2f' % (rate / bare),
                              '%.1f' % stall, hot_counts(server, rounds),
                              accounted(server, DISTINCT + HOT * rounds))
                progress('  '.join(table.rows[-1]))
    return [table]

"""What sampling waits takes of a processor, all of it in the background worker.

With 1,000 connections: all idle, all active in a statement, and all but one
waiting for a lock of that one.
"""

import os
import subprocess
import time

from scraping import processor_time
from server import QUERYWATCH, QUICK, Server, progress
from tables import Table

CONNECTIONS = 1000
PGBENCH = 500                   # connections of one pgbench
SECONDS = 10 if QUICK else 60

SCRIPTS = (
    ('idle', '\\sleep 3600 s\n', "state = 'idle'"),
    ('active', 'SELECT pg_sleep(3600);\n', "wait_event = 'PgSleep'"),
    ('waiting for one lock', 'SELECT pg_advisory_xact_lock(1) FROM pg_sleep(0);\n'
     'SELECT pg_sleep(3600);\n', "wait_event_type = 'Lock'"),
)


def percent(server, pid):
    before = processor_time(pid)
    began = time.monotonic()
    time.sleep(SECONDS)
    return (processor_time(pid) - before) / 10 / (time.monotonic() - began)


def run():
    table = Table('Processor time of the worker, %d connections' % CONNECTIONS,
                  ['', 'no sampling', 'every 100 ms'],
                  ['Of one core, over %d s each.' % SECONDS])
    with Server(QUERYWATCH, max_connections=str(CONNECTIONS + 50)) as server:
        server.sql('CREATE EXTENSION pg_querywatch')
        pid = server.sql("SELECT pid FROM pg_stat_activity "
                         "WHERE backend_type = 'pg_querywatch worker'")
        for name, script, condition in SCRIPTS:
            path = os.path.join(os.environ['BENCH_WORK'], 'sampling.sql')
            with open(path, 'w') as f:
                f.write('BEGIN;\n' + script if 'lock' in script else script)
            clients = [subprocess.Popen(
                ['pgbench', '-n', '-c', str(PGBENCH), '-T', '3600', '-f', path],
                env=server.environment, stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL)
                for _ in range(CONNECTIONS // PGBENCH)]
            progress('sampling: %s' % name)
            until = time.monotonic() + 300
            while int(server.sql("SELECT count(*) FROM pg_stat_activity WHERE "
                                 "backend_type = 'client backend' AND " + condition)) < CONNECTIONS - 1:
                if time.monotonic() > until:
                    raise RuntimeError('the clients are not there')
                time.sleep(1)
            cells = []
            for interval in ('0', '100'):
                server.sql("ALTER SYSTEM SET pg_querywatch.wait_sampling_interval = %s" % interval)
                server.sql('SELECT pg_reload_conf()')
                time.sleep(2)
                cells.append('%.2f %%' % percent(server, pid))
            table.add(name, *cells)
            for client in clients:
                client.terminate()
                client.wait()
            server.sql("SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                       "WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()")
            time.sleep(3)
    return [table]

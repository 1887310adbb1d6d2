"""What scraping the metrics costs those who write.

Throughput of pgbench's read-write transactions, in turns without scrapes and
with one a second, over HTTP, with 5,000 statements in the table: medians, and
how far the turns of one kind differ by themselves.  And what a scrape takes of
a processor, all of it in the background worker.
"""

import os
import re
import socket
import statistics
import subprocess
import threading
import time
import urllib.request

from server import QUERYWATCH, QUICK, Server, output_of, progress
from tables import Table

TURNS = 4 if QUICK else 10      # of each kind
SECONDS = 3 if QUICK else 10    # of a turn
SCRAPES = 50 if QUICK else 200


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


def fetch(url):
    with urllib.request.urlopen(url, timeout=20) as answer:
        return answer.read()


class Scraper(threading.Thread):
    """Scrapes once a second until it is stopped."""

    def __init__(self, url):
        super().__init__()
        self.url = url
        self.over = threading.Event()

    def run(self):
        while not self.over.is_set():
            fetch(self.url)
            self.over.wait(1)

    def stop(self):
        self.over.set()
        self.join()


def pgbench(server):
    output = output_of('pgbench', '-n', '-M', 'prepared', '-c', '2', '-T',
                       str(SECONDS), env=server.environment)
    return float(re.search(r'tps = ([0-9.]+)', output).group(1))


def processor_time(pid):
    """Of a process, in milliseconds"""
    with open('/proc/%s/stat' % pid) as f:
        fields = f.read().rsplit(')', 1)[1].split()
    ticks = int(fields[11]) + int(fields[12])
    return ticks * 1000 / os.sysconf('SC_CLK_TCK')


def run():
    port = free_port()
    url = 'http://127.0.0.1:%d/metrics' % port
    with Server(QUERYWATCH, **{'pg_querywatch.metrics_port': str(port)}) as server:
        subprocess.run(['pgbench', '-i', '-q', '-s', '5'], check=True,
                       env=server.environment, stderr=subprocess.DEVNULL)
        server.sql('CREATE EXTENSION pg_querywatch')
        for first in range(0, 5000, 100):
            server.sql('; '.join(
                'SELECT %s WHERE %s' % (', '.join(['1'] * (1 + i % 70)),
                                        ' OR '.join(['true'] * (1 + i // 70)))
                for i in range(first, first + 100)))
        pgbench(server)
        without, scraped = [], []
        for turn in range(TURNS):
            progress('scraping: turn %d of %d' % (turn + 1, TURNS))
            without.append(pgbench(server))
            scraper = Scraper(url)
            scraper.start()
            scraped.append(pgbench(server))
            scraper.stop()

        pid = server.sql("SELECT pid FROM pg_stat_activity "
                         "WHERE backend_type = 'pg_querywatch worker'")
        before = processor_time(pid)
        times = []
        for _ in range(SCRAPES):
            began = time.perf_counter()
            body = fetch(url)
            times.append((time.perf_counter() - began) * 1000)
        each = (processor_time(pid) - before) / SCRAPES

    table = Table('Transactions per second, pgbench with 2 clients',
                  ['', 'median', 'lowest', 'highest'],
                  ['The turns alternate; %d of %d s each.' % (TURNS, SECONDS)])
    for name, turns in (('without scrapes', without), ('a scrape each second', scraped)):
        table.add(name, '%.0f' % statistics.median(turns), '%.0f' % min(turns), '%.0f' % max(turns))
    cost = Table('A scrape, 5,000 statements', ['', ''])
    cost.add('processor time of the worker', '%.2f ms' % each)
    cost.add('until the answer is there, median', '%.2f ms' % statistics.median(times))
    cost.add('the longest', '%.2f ms' % max(times))
    cost.add('size', '%d bytes' % len(body))
    return [table, cost]

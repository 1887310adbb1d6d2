"""Throwaway servers to be compared, and what is asked of them."""

import os
import shutil
import signal
import subprocess
import sys
import time

WORK = os.environ['BENCH_WORK']
HERE = os.path.dirname(os.path.abspath(__file__))
CLIENT = os.path.join(WORK, 'client')
QUICK = os.environ.get('QUICK', '0') not in ('', '0')

# What every server is started with
COMMON = {
    'listen_addresses': '',
    'fsync': 'off',
    'autovacuum': 'off',
    'jit': 'off',
    'max_parallel_workers': '0',
    'checkpoint_timeout': '1h',
    'max_wal_size': '8GB',
    'max_connections': '100',
}


class Contender:
    def __init__(self, name, column, library=None, track=None, settings=None):
        self.name = name
        self.column = column            # head of its column
        self.library = library
        self.track = track              # setting that tracks nested statements
        self.settings = dict(settings or {})
        if library:
            self.settings['shared_preload_libraries'] = library


BARE = Contender('none', 'bare')
QUERY_ID = Contender('compute_query_id', '+qid',
                     settings={'compute_query_id': 'on'})
STATEMENTS = Contender('pg_stat_statements', '+pgss',
                       'pg_stat_statements', 'pg_stat_statements.track')
MONITOR = Contender('pg_stat_monitor', '+pgsm', 'pg_stat_monitor',
                    'pg_stat_monitor.pgsm_track')
QUERYWATCH = Contender('pg_querywatch', '+pgqw', 'pg_querywatch',
                       'pg_querywatch.track')


def progress(text):
    print('    ' + text, file=sys.stderr, flush=True)


def output_of(*command, **options):
    return subprocess.run(command, check=True, stdout=subprocess.PIPE,
                          text=True, **options).stdout.strip()


PG_CONFIG = os.environ['PG_CONFIG']
PKGLIBDIR = output_of(PG_CONFIG, '--pkglibdir')


def installed(contender):
    return contender.library is None or os.path.exists(
        os.path.join(PKGLIBDIR, contender.library + '.so'))


def contenders():
    """Those that are on this machine, or of them those asked for."""
    names = os.environ.get('CONTENDERS', '').split()
    return [c for c in (BARE, QUERY_ID, STATEMENTS, MONITOR, QUERYWATCH)
            if installed(c) and (not names or c is BARE or c.name in names)]


class Server:
    """A cluster of its own, under WORK, for one contender."""

    def __init__(self, contender, **settings):
        self.contender = contender
        self.settings = dict(COMMON, **contender.settings)
        self.settings.update(settings)
        self.home = os.path.join(WORK, contender.name)
        self.data = os.path.join(self.home, 'data')
        self.process = None
        shutil.rmtree(self.home, ignore_errors=True)
        template = os.path.join(WORK, 'template')
        if not os.path.exists(template):
            output_of('initdb', '-D', template, '-U', 'postgres', '-A',
                      'trust', '-E', 'UTF8', '--no-locale', '--no-sync')
        shutil.copytree(template, self.data)
        self.environment = dict(os.environ, PGHOST=self.home, PGPORT='5432',
                                PGUSER='postgres', PGDATABASE='postgres')

    def start(self, under=()):
        """Starts the postmaster, under a program such as valgrind."""
        arguments = [*under, os.path.join(output_of(PG_CONFIG, '--bindir'),
                                          'postgres'), '-D', self.data,
                     '-c', 'unix_socket_directories=' + self.home]
        for name, value in self.settings.items():
            arguments += ['-c', '%s=%s' % (name, value)]
        self.log = open(os.path.join(self.home, 'log'), 'a')
        self.process = subprocess.Popen(arguments, stdout=self.log,
                                        stderr=self.log)
        for _ in range(600):
            if self.process.poll() is not None:
                break
            if subprocess.run(['pg_isready', '-q'], env=self.environment,
                              check=False).returncode == 0:
                return self
            time.sleep(0.2)
        with open(self.log.name) as log:
            sys.exit('bench: the server with %s did not start:\n%s'
                     % (self.contender.name, log.read()[-2000:]))

    def stop(self):
        if self.process is not None:
            self.process.send_signal(signal.SIGINT)
            self.process.wait()
            self.process = None
            self.log.close()

    def __enter__(self):
        return self if self.process else self.start()

    def __exit__(self, *_):
        self.stop()

    def sql(self, *statements):
        """Runs statements; what the last one returned, as text."""
        command = ['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1']
        for statement in statements:
            command += ['-c', statement]
        return output_of(*command, env=self.environment)

    def script(self, text):
        """Runs statements one by one, on one connection."""
        subprocess.run(['psql', '-XAtq', '-v', 'ON_ERROR_STOP=1', '-o', os.devnull],
                       input=text, text=True, env=self.environment, check=True)

    def client(self, *arguments):
        """Runs client.c; its results by name."""
        return results(output_of(CLIENT, *map(str, arguments),
                                 env=self.environment))

    def client_begin(self, *arguments):
        """The same, without waiting for it: see client_end()."""
        return subprocess.Popen([CLIENT, *map(str, arguments)], text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                env=self.environment)

    def has_relation(self, name):
        return self.sql("SELECT to_regclass('%s') IS NOT NULL" % name) == 't'


def client_end(process):
    output, _ = process.communicate()
    if process.returncode != 0:
        sys.exit('bench: client.c failed')
    return results(output)


def results(output):
    """Lines "name value"; the last one of a name counts."""
    return dict(line.split(' ', 1) for line in output.splitlines())

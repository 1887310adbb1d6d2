"""Instructions per statement, counted by callgrind.

Two runs of a client that differ in length alone: the difference, divided by
the statements that the longer one ran more, has no start-up in it.  Counted
is the client's backend, in user space.  The count is the same from run to run
to within a few instructions, on any machine with this server and compiler.

What pg_querywatch does with a statement depends on what came before it, so
the plain statements are measured twice:

	plain		eight different statements of the same kind in turn, each in a
				transaction of its own, as requests of an application send
				them: the repeat detector sees no repeat
	burst		one statement over and over, as pgbench sends it: all of it is
				one endless burst, every execution is counted into it

Settings are the defaults, except that statistics are not sent once a second
(track_counts) and that time ends no window and makes no statement slow.

SELECT 1 has no table and is never a repeat, so there is one count of it.
"""

import os
import platform
import re
import sys
import time

from server import (BARE, MONITOR, PG_CONFIG, QUERYWATCH, QUERY_ID, QUICK,
                    STATEMENTS, WORK, Server, contenders, output_of, progress)
from tables import Table, number

TABLES = 8                      # statements of a request
COLUMNS = 18                    # of a table: selects of two are distinct
CHILDREN = 17                   # of the N+1, with parent, BEGIN, COMMIT 20

SCHEMA = [
    *('CREATE TABLE kv%d (id int PRIMARY KEY, %s)'
      % (n, ', '.join('c%d int DEFAULT 1' % i for i in range(COLUMNS)))
      for n in range(TABLES)),
    *('INSERT INTO kv%d SELECT generate_series(1, 1000)' % n
      for n in range(TABLES)),
    *('CREATE TABLE sink%d (a int, b text)' % n for n in range(TABLES)),
    'CREATE TABLE authors (id int PRIMARY KEY, name text)',
    'CREATE TABLE posts (id int PRIMARY KEY, '
    'author_id int REFERENCES authors, title text)',
    "INSERT INTO authors SELECT i, 'name' FROM generate_series(1, %d) i"
    % CHILDREN,
    "INSERT INTO posts SELECT i, 1 + i %% %d, 'title' "
    'FROM generate_series(1, 100) i' % CHILDREN,
    'CREATE INDEX ON posts (author_id)',
    'CREATE FUNCTION nested() RETURNS void LANGUAGE plpgsql AS $$ '
    'DECLARE found int; BEGIN FOR i IN 1..100 LOOP '
    'SELECT c0 INTO found FROM kv0 WHERE id = i; END LOOP; END $$',
    'VACUUM ANALYZE',
]

# Nothing that happens when a time is over shall happen by chance: valgrind is
# slow, and the machine may be busy.
SETTINGS = {
    'track_counts': 'off',
    'update_process_title': 'off',
    'pg_querywatch.slow_threshold': '1h',
    'pg_querywatch.repeat_gap': '1h',
}

GENERIC = 'S SET plan_cache_mode = force_generic_plan'


class Case:
    def __init__(self, name, title, lines, statements, goal=None, track=False):
        self.name = name
        self.title = title
        self.lines = lines              # for client.c
        self.statements = statements    # measured ones, per transaction
        self.goal = goal
        self.track = track              # track = all

    def lengths(self):
        few = max(2, (400 if QUICK else 500) // self.statements)
        return few, few * (2 if QUICK else 3)


def rotation(distinct):
    """Prepared selects that differ in the two columns they return"""
    lines = [GENERIC]
    for n in range(distinct):
        lines.append('P s%d SELECT c%d, c%d FROM kv0 WHERE id = $1::int'
                     % (n, n // COLUMNS, n % COLUMNS))
    lines += ['E s%d @' % n for n in range(distinct)]
    return lines


def in_turn(count, prepare, run):
    lines = [GENERIC]
    lines += [prepare % {'n': n} for n in range(count) if prepare]
    lines += [run % {'n': n} for n in range(count)]
    return lines


SELECT = 'P s%(n)d SELECT c0 FROM kv%(n)d WHERE id = $1::int'
INSERT = "P s%(n)d INSERT INTO sink%(n)d VALUES ($1::int, 'x')"
SIMPLE = 'Q SELECT c0 FROM kv%(n)d WHERE id = @'

CASES = [
    Case('select_prepared', 'SELECT by key, prepared',
         in_turn(TABLES, SELECT, 'E s%(n)d @'), TABLES, 660),
    Case('select_simple', 'SELECT by key, simple',
         in_turn(TABLES, None, SIMPLE), TABLES, 3500),
    Case('insert_prepared', 'INSERT, prepared',
         in_turn(TABLES, INSERT, 'E s%(n)d @'), TABLES, 700),
    Case('select_1', 'SELECT 1, simple', ['Q SELECT 1'], 1, 1900),
    Case('select_prepared_burst', 'SELECT prepared, burst',
         in_turn(1, SELECT, 'E s%(n)d @'), 1, 1200),
    Case('select_simple_burst', 'SELECT simple, burst',
         in_turn(1, None, SIMPLE), 1),
    Case('insert_prepared_burst', 'INSERT prepared, burst',
         in_turn(1, INSERT, 'E s%(n)d @'), 1, 1200),
    Case('nested', 'PL/pgSQL, track = all', ['Q SELECT nested()'], 100,
         700, track=True),
    Case('n_plus_one', 'N+1 of 20 statements',
         [GENERIC, 'P parent SELECT id, name FROM authors',
          'P child SELECT * FROM posts WHERE author_id = $1::int',
          'Q BEGIN', 'E parent',
          *('E child %d' % (i + 1) for i in range(CHILDREN)),
          'Q COMMIT'], CHILDREN + 3, 1200),
    Case('transaction', 'BEGIN; SELECT prepared; COMMIT',
         [GENERIC, SELECT % {'n': 0}, 'Q BEGIN', 'E s0 @', 'Q COMMIT'], 1,
         1150),
    *(Case('rotation_%d' % n, 'rotation over %d' % n, rotation(n), n,
           1700 if n >= 100 else None) for n in (1, 10, 30, 100, 300)),
]

# What is counted besides instructions: calls of these, by any caller
CALLS = {
    'clock reads': re.compile(r'(__)?clock_gettime(@.*)?$'),
    'LWLocks': re.compile(r'LWLock(Conditional)?Acquire(OrWait)?$'),
    'pallocs': re.compile(r'(re)?palloc(0|_extended|_huge)?$|'
                          r'MemoryContextAlloc(Zero|ZeroAligned|Extended|Huge)?$'),
    'mallocs': re.compile(r'(m|re|c)alloc$'),
}

# Whether the server waits for the next message, or that is there already, is
# the client's chance, how long malloc() searches that of what the heap holds,
# and which strings lie across the end of a page, which comparing takes longer
# for, that of where they were allocated; what these execute themselves is not
# counted.
CHANCE = re.compile(r'(WaitEventSetWait|ModifyWaitEvent|epoll_wait|recv|'
                    r'secure_(raw_)?read|__errno_location|'
                    r'malloc|free|realloc|_int_(malloc|free|realloc)|'
                    r'__strn?cmp_(sse|avx|evex)\w*|'
                    r'malloc_consolidate|unlink_chunk.*)(@.*)?$')


def read_callgrind(path):
    """Instructions, system calls and the calls of CALLS in a profile"""
    counts = dict.fromkeys(CALLS, 0)
    names = {}
    called = None
    by_chance = False       # the lines are of a function of CHANCE,
    inclusive = False       # the next one is of what it calls
    chance = 0
    with open(path) as profile:
        for line in profile:
            if line.startswith(('fn=(', 'cfn=(')):
                number_, _, name = line.split('=', 1)[1].strip().partition(' ')
                if name:
                    names[number_] = name
                if line[0] == 'c':
                    called = names[number_]
                else:
                    by_chance = CHANCE.match(names[number_])
            elif line.startswith('calls='):
                inclusive = True
                for what, pattern in CALLS.items():
                    if pattern.match(called):
                        counts[what] += int(line[6:].split()[0])
            elif line[0] in '0123456789+-*':
                if by_chance and not inclusive:
                    chance += int(line.split()[1])
                inclusive = False
            elif line.startswith('totals:'):
                totals = line.split()[1:]
                counts['instructions'] = int(totals[0]) - chance
                counts['system calls'] = int(totals[1]) if totals[1:] else 0
    return counts


def measure_run(server, path, transactions):
    pid = server.client('loop', path, transactions)['pid']
    profile = os.path.join(server.home, 'callgrind.' + pid)
    for _ in range(300):
        if os.path.exists(profile):
            with open(profile) as f:
                if 'totals:' in f.read():
                    break
        time.sleep(0.1)
    else:
        sys.exit('bench: callgrind wrote no profile of the backend')
    counts = read_callgrind(profile)
    if 'KEEP_PROFILES' not in os.environ:
        os.remove(profile)
    return counts, profile


def measure(contender, cases):
    """Per case: a dict of what one statement takes"""
    measured = {}
    server = Server(contender, **SETTINGS)
    with server:
        server.sql(*SCHEMA)
    valgrind = ['valgrind', '-q', '--tool=callgrind', '--trace-children=yes',
                '--collect-systime=yes',
                '--callgrind-out-file=%s/callgrind.%%p' % server.home]
    with server.start(under=valgrind):
        for case in cases:
            lines = list(case.lines)
            if case.track and contender.track:
                lines.insert(0, "S SET %s = 'all'" % contender.track)
            path = os.path.join(WORK, 'case')
            with open(path, 'w') as f:
                f.write('\n'.join(lines) + '\n')
            few, many = case.lengths()
            measure_run(server, path, few)  # warms up what is shared
            short, _ = measure_run(server, path, few)
            long, profile = measure_run(server, path, many)
            more = case.statements * (many - few)
            measured[case.name] = {what: (long[what] - short[what]) / more
                                   for what in long}
            if 'KEEP_PROFILES' in os.environ:
                os.replace(profile, os.path.join(
                    os.environ['KEEP_PROFILES'],
                    'callgrind.%s.%s' % (contender.name, case.name)))
            progress('%s: %s: %s' % (
                contender.name, case.title,
                number(measured[case.name]['instructions'])))
    return measured


def chosen_cases():
    names = os.environ.get('CASES', '').split()
    for name in names:
        if name not in [case.name for case in CASES]:
            sys.exit('bench: no case %s; there are: %s'
                     % (name, ' '.join(case.name for case in CASES)))
    return [case for case in CASES if not names or case.name in names]


def run():
    cases = chosen_cases()
    present = contenders()
    measured = {c: measure(c, cases) for c in present}

    def added(contender, case):
        return (measured[contender][case.name]['instructions']
                - measured[BARE][case.name]['instructions'])

    table = Table(
        'Instructions added to a statement',
        ['', 'bare'] + [c.column for c in present if c is not BARE]
        + ['goal', 'share'],
        ['User-space instructions of the backend per statement without any '
         'extension, and what is added to them by compute_query_id (+qid), '
         'pg_stat_statements (+pgss)%s and pg_querywatch (+pgqw). Share: '
         'pg_querywatch\'s of what pg_stat_statements costs, both above '
         'compute_query_id; goal: under 50 %% in the first four.'
         % (', pg_stat_monitor (+pgsm)' if MONITOR in present else ''),
         'Plain statements: eight different ones in turn, no repeat. Burst: '
         'one over and over, all of it one endless burst for the repeat '
         'detector. PL/pgSQL: per nested statement. Rotation: so many '
         'distinct prepared SELECTs in turn; a backend has 64 slots here.',
         'The body of a clock read, in the kernel\'s vDSO, is not in these '
         'counts: valgrind hides it. Nor are the wait for the next message, '
         'which a server does more or less often by chance, and malloc()\'s '
         'search; the next table counts its calls.'])
    for case in cases:
        base = added(QUERY_ID, case)
        theirs = added(STATEMENTS, case) - base
        table.add(case.title,
                  number(measured[BARE][case.name]['instructions']),
                  *(number(added(c, case)) for c in present if c is not BARE),
                  number(case.goal) if case.goal else '',
                  '%.0f %%' % (100 * (added(QUERYWATCH, case) - base) / theirs))

    calls = Table(
        'What a statement that has a slot does besides',
        ['', *CALLS, 'system calls'],
        ['Calls per statement, by anybody, more than there are with '
         'compute_query_id = on alone. Goal: two clock reads, three where '
         'planned; one palloc; nothing else. Clock reads are not counted as '
         'system calls: the vDSO does them.'])
    for case in cases:
        if case.name in ('rotation_100', 'rotation_300'):
            continue
        differences = {what: measured[QUERYWATCH][case.name][what]
                       - measured[QUERY_ID][case.name][what]
                       for what in [*CALLS, 'system calls']}
        differences['system calls'] -= differences['clock reads']
        calls.add(case.title, *('%.2f' % (round(d, 2) + 0.0)
                                for d in differences.values()))
    return [table, calls]


# Compared with the committed counts

TOLERANCE = 0.05


def made_with():
    """What the counts hold for; another server or compiler has others."""
    return '%s, %s, %s' % (
        ' '.join(output_of(PG_CONFIG, '--version').split('.')[0].split()[:2]),
        output_of('gcc', '-dumpfullversion', '-dumpversion').join(('gcc ', '')),
        platform.machine())


def check(path):
    """Exit status: 1 where a case adds more than it did, above TOLERANCE"""
    update = os.environ.get('UPDATE', '0') not in ('', '0')
    expected = {}
    holds_for = None
    if os.path.exists(path):
        with open(path) as f:
            for line in f:
                name, _, value = line.strip().partition(': ')
                if name == 'made with':
                    holds_for = value
                elif value:
                    expected[name] = float(value)
    if holds_for != made_with() and not update:
        print('bench-check: skipped: the committed counts are for %s, this is '
              '%s' % (holds_for, made_with()))
        return 0

    cases = chosen_cases()
    bare = measure(BARE, cases)
    ours = measure(QUERYWATCH, cases)
    added = {case.name: ours[case.name]['instructions']
             - bare[case.name]['instructions'] for case in cases}
    table = Table('Added instructions, and the committed ones',
                  ['', 'now', 'committed', 'difference'])
    failed = False
    for case in cases:
        now, was = added[case.name], expected.get(case.name)
        difference = (now - was) / was if was else 0
        wrong = not update and (was is None or difference > TOLERANCE)
        failed = failed or wrong
        table.add(case.title, number(now), number(was) if was else 'none',
                  '%+.1f %%%s' % (100 * difference, ' FAILED' if wrong else ''))
    print(table.text())
    if update:
        with open(os.path.join(WORK, 'instructions.expected'), 'w') as f:
            f.write('# Instructions that pg_querywatch adds to a statement; '
                    'written by\n# "make bench-check UPDATE=1".\n'
                    'made with: %s\n' % made_with())
            expected.update(added)
            f.writelines('%s: %.0f\n' % (case.name, expected[case.name])
                         for case in CASES if case.name in expected)
        print('bench-check: test/bench/instructions.expected was written anew')
        return 0
    print('bench-check: %s' % ('more than %.0f %% above the committed counts'
                               % (100 * TOLERANCE) if failed else 'passed'))
    return 1 if failed else 0

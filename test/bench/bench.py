"""The benchmark's parts, one after the other; see run.

	bench.py PART...		runs them, prints their tables
	bench.py check			compares the instruction counts with the committed ones

Tables go to standard output and, as Markdown, to WORK/tables: PART.md, all of
a part, and PART-1.md and so on, one table; progress to standard error.
"""

import datetime
import importlib
import os
import platform
import sys

from server import (COMMON, HERE, PG_CONFIG, QUICK, WORK, contenders,
                    output_of)

PARTS = ['instructions', 'pipelined', 'throughput', 'churn', 'strings',
         'reading', 'findings', 'memory', 'scraping', 'sampling']


def machine():
    """What the figures were measured with, as lines"""
    with open('/proc/cpuinfo') as f:
        models = [line.split(':')[1].strip() for line in f
                  if line.startswith('model name')]
    with open('/proc/meminfo') as f:
        memory = int(f.readline().split()[1]) / 1024 / 1024
    return [
        '%s, %s' % (datetime.date.today(), output_of(PG_CONFIG, '--version')),
        output_of('gcc', '--version').splitlines()[0],
        '%s, %d processors%s, %.0f GB' % (
            platform.machine(), os.cpu_count(),
            ' (%s)' % models[0] if models else '', memory),
        'compared: ' + ', '.join(c.name for c in contenders()),
        'settings: ' + ', '.join(
            "%s = %s" % (name, value or "''")
            for name, value in COMMON.items()),
    ] + (['QUICK=1: shorter runs, for a first look only'] if QUICK else [])


def main():
    arguments = sys.argv[1:]
    if arguments[:1] == ['check']:
        return importlib.import_module('instructions').check(
            os.path.join(HERE, 'instructions.expected'))
    for part in arguments:
        if part not in PARTS:
            sys.exit('make bench: no part %s; there are: %s'
                     % (part, ' '.join(PARTS)))
    print('\n'.join(machine()))
    os.makedirs(os.path.join(WORK, 'tables'))
    for part in arguments or PARTS:
        print('==> ' + part, file=sys.stderr, flush=True)
        texts = ['`make bench PARTS=%s`%s\n\n%s' % (
            part, ' with `QUICK=1`' if QUICK else '',
            '  \n'.join(machine()[:3]))]
        for n, table in enumerate(importlib.import_module(part).run()):
            print(table.text(), flush=True)
            texts.append(table.markdown())
            with open(os.path.join(WORK, 'tables/%s-%d.md' % (part, n + 1)),
                      'w') as markdown:
                markdown.write('`make bench PARTS=%s`, %s\n\n%s'
                               % (part, machine()[0], texts[-1]))
        with open(os.path.join(WORK, 'tables/%s.md' % part), 'w') as markdown:
            markdown.write('\n\n'.join(texts))
    return 0


if __name__ == '__main__':
    sys.exit(main())

"""The test runner of the README"""

from functools import partial
from unittest import TestSuite

from django.db import connections
from django.test import TransactionTestCase
from django.test.runner import DiscoverRunner


def run_without_repeats(method, aliases):
    """Runs a test's method, and not what makes its data, with on_repeat = error."""
    watched = [connection for connection in connections.all()
               if connection.vendor == "postgresql"
               and (aliases == "__all__" or connection.alias in aliases)]
    for connection in watched:
        with connection.cursor() as cursor:
            cursor.execute("SET pg_querywatch.on_repeat = error")
    try:
        method()
    finally:
        for connection in watched:
            if not connection.in_atomic_block:      # else the rollback resets it
                with connection.cursor() as cursor:
                    cursor.execute("RESET pg_querywatch.on_repeat")


def test_cases(suite):
    for test in getattr(suite, "subsuites", suite):     # those of --parallel
        if isinstance(test, TestSuite):
            yield from test_cases(test)
        else:
            yield test


class NoRepeatsRunner(DiscoverRunner):
    """No test may repeat a statement; its data may be made as you like."""

    def run_suite(self, suite, **kwargs):
        for test in test_cases(suite):
            if isinstance(test, TransactionTestCase):
                name = test.id().rpartition(".")[2]
                setattr(test, name, partial(
                    run_without_repeats, getattr(test, name), test.databases))
        return super().run_suite(suite, **kwargs)

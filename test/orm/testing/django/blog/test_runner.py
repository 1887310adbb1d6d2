"""Not in the README: what the runner switches on, where, and for how long"""

from django.db import DatabaseError, connection
from django.test import SimpleTestCase, TestCase, TransactionTestCase

from blog.models import Author


def make_data():
    for i in range(10):
        Author.objects.create(name=f"author {i}")


def on_repeat():
    with connection.cursor() as cursor:
        cursor.execute("SHOW pg_querywatch.on_repeat")
        return cursor.fetchone()[0]


class MoreTests:
    def setUp(self):
        assert on_repeat() == "off"
        make_data()

    def tearDown(self):
        if connection.in_atomic_block:
            connection.set_rollback(True)

    def test_sqlstate(self):
        assert on_repeat() == "error"
        with self.assertRaisesMessage(DatabaseError, "row-by-row insert") as error:
            make_data()
        cause = error.exception.__cause__
        # psycopg 3 and 2
        self.assertEqual(cause.sqlstate if hasattr(cause, "sqlstate")
                         else cause.pgcode, "QW004")

    def test_once_more(self):
        assert on_repeat() == "error"
        Author.objects.create(name="author")


class InTransaction(MoreTests, TestCase):
    pass


class InAutocommit(MoreTests, TransactionTestCase):
    pass


class WithoutDatabase(SimpleTestCase):
    def test_nothing(self):
        pass

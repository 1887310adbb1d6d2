"""Cases of on_repeat = error: a test that is run once is judged by values, and
as on every later run."""

import re

from cases_sql import (N, authors_with_posts, lookups, posts_with_author,
                       sql_case)
from verdicts import ANYTHING

RAISED = re.compile(r"\b(?:confirmed|likely) [^\n]*\b5 [^\n]*")

P1 = ("N+1 (many_to_one): 5 queries on authors.id after 1 query returned"
      " 20 posts")
P2 = ("N+1 (one_to_many): 5 queries on posts.author_id after 1 query returned"
      " 20 authors")


def raises(number, T, A):
    """The stream raises that, on each of three runs in a session; None: it
    does not raise.  Nobody has run it before: the runner resets what other
    sessions have told of it."""
    def register(stream):
        def runs(database):
            wanted = T if database.mode == "T" else A
            for run in range(1, 4):
                # again: after an error some pools take another connection
                database.query("SET pg_querywatch.on_repeat = error")
                raised = None
                try:
                    stream(database)
                except Exception as error:
                    found = RAISED.search(str(error))
                    if found is None:
                        raise
                    raised = found.group()
                if raised != wanted and not (raised and wanted and
                                             wanted in raised):
                    raise AssertionError("run %d raised %s" % (run, raised))
        sql_case(number + ", on_repeat", [ANYTHING])(runs)
        return stream
    return register


raises("P1", P1, P1)(posts_with_author)
raises("P2", P2, P2)(authors_with_posts)
raises("P14", "repeated lookup: 5 queries on authors.id", None)(lookups)


def walk(number, parents, children, message):
    """The children of each of the parents, that no foreign key leads to"""
    @raises(number, message, message)
    def stream(database):
        with database.transaction():
            for id, in database.query(parents):
                database.query(children, id)


walk("P8", "SELECT id FROM ships ORDER BY name LIMIT 20",
     "SELECT * FROM crews WHERE ship = %s",
     "N+1 (one_to_many): 5 queries on crews.ship after 1 query returned"
     " 20 ships")
walk("P32", "SELECT id FROM firms ORDER BY name LIMIT 20",
     "SELECT * FROM staff WHERE firm = %s",
     "N+1 (one_to_many): 5 queries on staff.firm after 1 query returned"
     " 20 firms")


@raises("P1, another list in between", P1, P1)
def two_lists(database):
    with database.transaction():
        posts = database.query(
            "SELECT id, author_id FROM posts ORDER BY id LIMIT 20")
        database.query("SELECT id, name FROM authors ORDER BY id DESC"
                       " LIMIT 15")
        for id, author in posts:
            database.query("SELECT * FROM authors WHERE id = %s", author)


@raises("N38, although a foreign key leads there",
        "repeated lookup: 5 queries on authors.id", None)
def other_authors(database):
    with database.transaction():
        database.query("SELECT id, author_id FROM posts ORDER BY id LIMIT 12")
        for id in range(20, 40):
            database.query("SELECT * FROM authors WHERE id = %s", id)


@raises("N38, as many as were listed",
        "repeated lookup: 5 queries on items.id", None)
def as_many_items(database):
    with database.transaction():
        database.query("SELECT id, name FROM authors ORDER BY id LIMIT 20")
        for i in range(N):
            database.query("SELECT * FROM items WHERE id = %s", 100 + i)

"""Tests of doc/test-suites.md: test_lazy and test_lazy_count are to fail"""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DatabaseError
from sqlalchemy.orm import selectinload

import conftest
from shop import Author, Post, author_page


@pytest.fixture
def authors(session):
    session.add_all(Author(name=f"author {i}", posts=[Post(title="one"), Post(title="two")])
                    for i in range(10))
    session.flush()
    session.expunge_all()


def test_lazy(session, authors, no_repeats):
    assert len(author_page(session)) == 10


def test_eager(session, authors, no_repeats):
    assert len(author_page(session, selectinload(Author.posts))) == 10


def test_lazy_count(session, authors, at_most):
    with at_most(2):
        author_page(session)


def test_eager_count(session, authors, at_most):
    with at_most(2):
        author_page(session, selectinload(Author.posts))


# Not in doc/test-suites.md

def test_sqlstate(session, authors, no_repeats):
    with pytest.raises(DatabaseError) as error:
        author_page(session)
    assert error.value.orig.pgcode == "QW001"
    assert error.value.orig.diag.table_name == "posts"
    assert error.value.orig.diag.column_name == "author_id"


def test_error_ends_capture(session, at_most, no_repeats):
    for _ in range(2):
        with pytest.raises(DatabaseError):
            with at_most(100):
                session.execute(text("SELECT 1 / 0"))


def test_commit(session, authors, no_repeats):
    session.commit()
    session.add(Author(name="another"))
    session.commit()
    with pytest.raises(DatabaseError) as error:
        author_page(session)
    assert error.value.orig.pgcode == "QW001"


def test_nothing_is_left(session):
    assert session.query(Author).count() == 0


def test_library_missing(session, monkeypatch, request):
    monkeypatch.setattr(conftest, "library_loaded", lambda session: False)
    with pytest.raises(pytest.fail.Exception, match="does not load pg_querywatch"):
        request.getfixturevalue("no_repeats")

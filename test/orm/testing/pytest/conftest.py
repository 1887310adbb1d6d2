"""Fixtures of doc/test-suites.md"""

from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session

from shop import Base


@pytest.fixture
def session():
    """Rolled back at the end, whatever the code under test commits."""
    engine = create_engine("postgresql+psycopg2:///shop_test", future=True)
    Base.metadata.create_all(engine)
    with engine.connect() as connection:
        outer = connection.begin()
        savepoint = connection.begin_nested()
        with Session(connection, future=True) as session:

            @event.listens_for(session, "after_transaction_end")
            def next_savepoint(session, transaction):
                nonlocal savepoint
                if not savepoint.is_active:         # commit() has released it
                    savepoint = connection.begin_nested()

            yield session
        outer.rollback()


def library_loaded(session):
    return session.execute(text("SELECT EXISTS (SELECT FROM pg_settings"
                                " WHERE name = 'pg_querywatch.on_repeat')")).scalar()


@pytest.fixture
def no_repeats(session):
    """From here on a repeated statement is an error, until the rollback."""
    if not library_loaded(session):
        pytest.fail("the server does not load pg_querywatch: add it to"
                    " shared_preload_libraries and restart")
    session.execute(text("SET LOCAL pg_querywatch.on_repeat = error"))


@pytest.fixture
def at_most(session):
    """with at_most(2): ... fails if more statements are sent."""
    @contextmanager
    def at_most(limit):
        session.execute(text("SELECT querywatch.begin_capture()"))
        try:
            yield
        except Exception:
            session.rollback()          # it could not be ended before
            raise
        finally:
            captured = session.execute(text(
                "SELECT executions, query FROM querywatch.end_capture()")).all()
        total = sum(row.executions for row in captured)
        assert total <= limit, f"{total} queries, not {limit}:\n" + "\n".join(
            f"{row.executions} x {row.query}" for row in captured)
    return at_most

"""Fixtures of the README"""

from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.orm import Session

from shop import Base


@pytest.fixture
def session():
    engine = create_engine("postgresql+psycopg2:///shop_test", future=True)
    Base.metadata.create_all(engine)
    with engine.connect() as connection, Session(connection) as session:
        yield session                   # rolled back at the end


@pytest.fixture
def no_repeats(session):
    """From here on a repeated statement is an error, until the rollback."""
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

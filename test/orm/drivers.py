"""The ways to the server: an ORM on a driver, or a driver alone.

Each has a name, says which cases it can run ("orm" or "sql"), and runs one:
run(function, mode, application_name) calls function(database) and has closed
its connections when it returns.  A further driver is a further class in
available().
"""

import asyncio
import contextlib
import itertools
import os

import sqlalchemy
from sqlalchemy import create_engine
from sqlalchemy.orm import Session

HOST, PORT = os.environ["PGHOST"], int(os.environ.get("PGPORT", "5432"))
DATABASE, USER = "orm", "app"


class OrmDatabase:
    """What a case of the ORM gets"""

    def __init__(self, engine, mode):
        self.engine = engine
        self.mode = mode

    @contextlib.contextmanager
    def session(self):
        """One request or job; a transaction unless autocommit"""
        with Session(self.engine, future=True) as session:
            yield session
            session.commit()


def engine_options(mode):
    options = dict(future=True, pool_size=1, max_overflow=0)
    if mode == "A":
        options["isolation_level"] = "AUTOCOMMIT"
    return options


class SqlalchemyPsycopg2:
    name = "sqlalchemy/psycopg2"
    runs = "orm"
    literals = True             # values are written into the statement
    host = HOST
    dialect = "psycopg2"

    def url(self):
        return "postgresql+%s://%s@/%s?host=%s&port=%d" % (
            self.dialect, USER, DATABASE, self.host, PORT)

    def run(self, function, mode, application_name):
        engine = create_engine(
            self.url(), connect_args={"application_name": application_name},
            **engine_options(mode))
        try:
            function(OrmDatabase(engine, mode))
        finally:
            engine.dispose()


class SqlalchemyPsycopg(SqlalchemyPsycopg2):
    """SQLAlchemy 2 has a dialect for psycopg 3"""
    name = "sqlalchemy/psycopg"
    literals = False
    dialect = "psycopg"


class SqlalchemyPgbouncer(SqlalchemyPsycopg2):
    """Through PgBouncer in transaction mode"""
    name = "sqlalchemy/psycopg2/pgbouncer"

    def __init__(self, host):
        self.host = host


class SqlalchemyAsyncpg:
    name = "sqlalchemy/asyncpg"
    runs = "orm"
    literals = False

    def run(self, function, mode, application_name):
        from sqlalchemy.ext.asyncio import create_async_engine
        from sqlalchemy.util import greenlet_spawn

        async def main():
            options = engine_options(mode)
            del options["future"]
            engine = create_async_engine(
                "postgresql+asyncpg://%s@/%s" % (USER, DATABASE),
                connect_args={"host": HOST, "port": PORT, "server_settings": {
                    "application_name": application_name}}, **options)
            try:
                await greenlet_spawn(function,
                                     OrmDatabase(engine.sync_engine, mode))
            finally:
                await engine.dispose()

        asyncio.run(main())


class SqlDatabase:
    """What a case in SQL gets.  Placeholders are %s."""

    mode = None

    @contextlib.contextmanager
    def transaction(self):
        """A transaction unless autocommit"""
        if self.mode == "A":
            yield
        else:
            self.query("BEGIN")
            try:
                yield
            except BaseException:
                self.query("ROLLBACK")
                raise
            self.query("COMMIT")


class SqlalchemySql:
    """text() through SQLAlchemy's engine, on one of the ways above"""
    runs = "sql"

    def __init__(self, way):
        self.way = way
        self.name = way.name
        self.literals = way.literals

    def run(self, function, mode, application_name):
        def work(database):
            with database.engine.connect() as connection:
                class Database(SqlDatabase):
                    def query(self, statement, *values):
                        result = connection.execute(
                            sqlalchemy.text(numbered(statement, "(:v%d)")),
                            {"v%d" % number: value
                             for number, value in enumerate(values, 1)})
                        return result.all() if result.returns_rows else []

                # BEGIN and COMMIT are the case's own
                database = Database()
                database.mode = mode
                function(database)

        self.way.run(work, "A", application_name)


def numbered(statement, placeholder="$%d"):
    numbers = itertools.count(1)
    parts = statement.split("%s")
    return parts[0] + "".join(
        placeholder % next(numbers) + part for part in parts[1:])


class Psycopg3:
    """Parameters apart from the statement; prepared after the fifth time"""
    name = "psycopg"
    runs = "sql"
    literals = False
    connect_options = {}

    def run(self, function, mode, application_name):
        import psycopg

        class Database(SqlDatabase):
            def query(self, statement, *values):
                cursor = connection.execute(statement, values or None)
                return cursor.fetchall() if cursor.description else []

            def many(self, statement, rows):
                with connection.cursor() as cursor:
                    cursor.executemany(statement, rows)

        with psycopg.connect(
                host=HOST, port=PORT, dbname=DATABASE, user=USER,
                application_name=application_name, autocommit=True,
                **self.options(psycopg)) as connection:
            database = Database()
            database.mode = mode
            function(database)

    def options(self, psycopg):
        return {}


class Psycopg3Prepared(Psycopg3):
    """Prepared the first time"""
    name = "psycopg/prepared"

    def options(self, psycopg):
        return {"prepare_threshold": 0}


class Psycopg3Literals(Psycopg3):
    """Values written into the statement, simple protocol"""
    name = "psycopg/literals"
    literals = True

    def options(self, psycopg):
        return {"cursor_factory": psycopg.ClientCursor}


class Asyncpg:
    """Named prepared statements, always"""
    name = "asyncpg"
    runs = "sql"
    literals = False

    def run(self, function, mode, application_name):
        import asyncpg

        loop = asyncio.new_event_loop()
        connection = loop.run_until_complete(asyncpg.connect(
            host=HOST, port=PORT, database=DATABASE, user=USER,
            server_settings={"application_name": application_name}))

        class Database(SqlDatabase):
            def query(self, statement, *values):
                if not values and ";" in statement:
                    return loop.run_until_complete(
                        connection.execute(statement))
                return [tuple(row) for row in loop.run_until_complete(
                    connection.fetch(numbered(statement), *values))]

            def many(self, statement, rows):
                loop.run_until_complete(
                    connection.executemany(numbered(statement), rows))

        database = Database()
        database.mode = mode
        try:
            function(database)
        finally:
            loop.run_until_complete(connection.close())
            loop.close()


def available():
    """The drivers that are installed, in the order they are tried"""
    drivers = [SqlalchemyPsycopg2(), SqlalchemyAsyncpg()]
    if int(sqlalchemy.__version__.split(".")[0]) >= 2:
        drivers.append(SqlalchemyPsycopg())
    drivers += [SqlalchemySql(driver) for driver in drivers]
    drivers += [Psycopg3(), Psycopg3Prepared(), Psycopg3Literals(), Asyncpg()]
    return drivers

"""Cases as SQL through a driver alone: streams that the ORM does not send, or
not in this form."""

import random
import threading
import time

import psycopg2

import drivers
from registry import case
from verdicts import (NEVER_DEFERRED, NOTHING, NOTHING_SURE, Never, Want,
                      deep_offset, duplicate, lookup, n_plus_one, never_after,
                      row_by_row)

N = 20


def sql_case(number, expected, modes="TA", only=None):
    return case(number, expected, modes, "sql", only)


def literals(driver):
    return driver.literals


def parameters(driver):
    return not driver.literals


def not_named(driver):
    """Does not prepare by name what has its values in the text; of such the
    values are known the first time only"""
    return driver.name not in ("psycopg/prepared", "asyncpg",
                               "sqlalchemy/asyncpg")


def batches(driver):
    """One batch on the wire for many rows"""
    return driver.name in ("psycopg", "psycopg/prepared", "asyncpg")


# ---- must be found -------------------------------------------------------

P1 = n_plus_one("many_to_one", "authors", "posts")
P2 = n_plus_one("one_to_many", "posts", "authors")


def posts_with_author(database):
    with database.transaction():
        for id, author in database.query(
                "SELECT id, author_id FROM posts ORDER BY id LIMIT 20"):
            database.query("SELECT * FROM authors WHERE id = %s", author)


def authors_with_posts(database):
    with database.transaction():
        for id, name in database.query(
                "SELECT id, name FROM authors ORDER BY id LIMIT 20"):
            database.query("SELECT * FROM posts WHERE author_id = %s", id)


sql_case("P1", P1, "T")(posts_with_author)
sql_case("P2", P2, "T")(authors_with_posts)
sql_case("P3", P1, "A")(posts_with_author)
sql_case("P4", P2, "A")(authors_with_posts)
sql_case("P20", P1, only=literals)(posts_with_author)
sql_case("P21", P1, only=parameters)(posts_with_author)


@sql_case("P6, from the junction table",
          n_plus_one("many_to_many", "post_tags", "posts"))
def junction(database):
    with database.transaction():
        for id, in database.query("SELECT id FROM posts ORDER BY id LIMIT 20"):
            database.query("SELECT t.name FROM post_tags pt JOIN tags t"
                           " ON t.id = pt.tag_id WHERE pt.post_id = %s", id)


@sql_case("P8", n_plus_one("any", "notes", "authors", T=["likely", "confirmed"],
                           A=["suspected", "likely", "confirmed"]))
def polymorphic(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM authors ORDER BY id LIMIT 20"):
            database.query("SELECT body FROM notes WHERE target_type = %s"
                           " AND target_id = %s", "author", id)


@sql_case("P14", lookup("authors"))
def lookups(database):
    with database.transaction():
        for id in range(3, 3 + N):
            database.query("SELECT name FROM authors WHERE id = %s", id)


@sql_case("P16, one-to-many", [
    n_plus_one("one_to_many", "books", "publishers", 10),
    n_plus_one("many_to_one", "authors", None)])
def two_levels(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM publishers ORDER BY id LIMIT 10"):
            for book, author in database.query(
                    "SELECT id, author_id FROM books WHERE publisher_id = %s",
                    id):
                database.query("SELECT * FROM authors WHERE id = %s", author)


@sql_case("P22", P1)
def comments(database):
    with database.transaction():
        for id, author in database.query(
                "SELECT id, author_id FROM posts ORDER BY id LIMIT 20"):
            database.query("SELECT * FROM authors WHERE id = %s"
                           + " /* step " + str(id) + " */", author)


def insert_entries(database):
    with database.transaction():
        for i in range(N):
            database.query("INSERT INTO entries (label, amount)"
                           " VALUES (%s, %s)", "entry", i)


sql_case("P23", row_by_row("insert", "entries"), "T")(insert_entries)
sql_case("P24", row_by_row("insert", "entries"), "A")(insert_entries)


@sql_case("P24, BEGIN and COMMIT around each", Want(
    "row_by_row_insert", None, "^INSERT INTO entries", None, N,
    {"T": ["likely"]}), "T")
def insert_and_commit(database):
    for i in range(N):
        with database.transaction():
            database.query("INSERT INTO entries (label, amount)"
                           " VALUES (%s, %s)", "entry", i)


@sql_case("P25", row_by_row("update", "posts"))
def updates(database):
    with database.transaction():
        for id in range(1, N + 1):
            database.query("UPDATE posts SET views = views + 1 WHERE id = %s",
                           id)


@sql_case("P26", row_by_row("delete", "entries"))
def deletes(database):
    with database.transaction():
        for id in range(-N, 0):
            database.query("DELETE FROM entries WHERE id = %s", id)


@sql_case("P28", duplicate("settings"))
def duplicates(database):
    with database.transaction():
        for _ in range(N):
            database.query("SELECT value FROM settings WHERE name = %s",
                           "theme")


@sql_case("P29", deep_offset("items"))
def offsets(database):
    with database.transaction():
        for offset in range(0, 5001, 100):
            database.query("SELECT * FROM items ORDER BY label LIMIT %s"
                           " OFFSET %s", 100, offset)


# A second condition that is the same for all: a tenant, soft deletion
@sql_case("P2, with further conditions", P2)
def further_conditions(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM authors ORDER BY id LIMIT 20"):
            database.query(
                "SELECT * FROM posts WHERE title IS NOT NULL AND views >= %s"
                " AND author_id = %s ORDER BY id DESC LIMIT %s", 0, id, 10)


@sql_case("P2, half of the parents", n_plus_one(
    "one_to_many", "posts", "authors"))
def half_of_them(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM authors ORDER BY id LIMIT 40"):
            if id % 2:
                database.query("SELECT * FROM posts WHERE author_id = %s", id)


@sql_case("P2, parents joined", n_plus_one(
    "one_to_many", "posts", "books"))
def joined_parents(database):
    with database.transaction():
        for id, in database.query(
                "SELECT a.id FROM books b JOIN authors a ON a.id = b.author_id"
                " ORDER BY b.id LIMIT 20"):
            database.query("SELECT * FROM posts WHERE author_id = %s", id)


@sql_case("P2, aggregate per parent", n_plus_one(
    "any", "posts", "authors"))
def sums(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM authors ORDER BY id LIMIT 20"):
            database.query("SELECT sum(views), max(id) FROM posts"
                           " WHERE author_id = %s", id)


@sql_case("P2, text key", n_plus_one("one_to_many", "labels", "shelves", 12))
def text_key(database):
    with database.transaction():
        for code, in database.query("SELECT code FROM shelves"):
            database.query("SELECT * FROM labels WHERE shelf = %s", code)


@sql_case("P2, key of two columns", n_plus_one(
    "one_to_many", "lines", "bills", 12))
def two_columns(database):
    with database.transaction():
        for year, number in database.query("SELECT year, number FROM bills"):
            database.query("SELECT * FROM lines WHERE year = %s"
                           " AND number = %s", year, number)


@sql_case("P2, partitioned table", n_plus_one(
    "one_to_many", "events", "shelves", 12))
def partitioned(database):
    with database.transaction():
        for code, in database.query("SELECT code FROM shelves"):
            database.query("SELECT * FROM events WHERE shelf = %s", code)


@sql_case("P23, upserts", row_by_row("insert", "settings"))
def upserts(database):
    with database.transaction():
        for i in range(N):
            database.query(
                "INSERT INTO settings (name, value) VALUES (%s, %s)"
                " ON CONFLICT (name) DO UPDATE SET value = excluded.value",
                "upserted %d" % i, "x")


@sql_case("P25, RETURNING", row_by_row("update", "posts"))
def updates_returning(database):
    with database.transaction():
        for id in range(1, N + 1):
            database.query("UPDATE posts SET views = views + %s WHERE id = %s"
                           " RETURNING views", 1, id)


# ---- values: what a list returned is compared from the second time on -----

@sql_case("P8, the second time", n_plus_one("one_to_many", "notes", "authors",
                                            2 * N))
def polymorphic_twice(database):
    polymorphic(database)
    polymorphic(database)


@sql_case("P4, BEGIN and COMMIT around each, the second time",
          n_plus_one("one_to_many", "posts", "authors", 2 * N), "T")
def blocks_twice(database):
    for time in range(2):
        with database.transaction():
            authors = database.query(
                "SELECT id, name FROM authors ORDER BY id LIMIT 20")
        for id, name in authors:
            with database.transaction():
                database.query("SELECT * FROM posts WHERE author_id = %s", id)


@sql_case("P4, requests for some of the list, the second time", n_plus_one(
    "one_to_many", "posts", "authors", 24, A="suspected"), "A")
def some_of_them_twice(database):
    for time in range(2):
        authors = database.query(
            "SELECT id, name FROM authors ORDER BY id LIMIT 20")
        for i in range(12):
            id, name = authors[(i * 7 + 3) % 20]
            database.query("SELECT * FROM posts WHERE author_id = %s", id)


@sql_case("P14, as many as were listed before, the second time",
          lookup("items", 2 * N))
def as_many_by_chance(database):
    for time in range(2):
        with database.transaction():
            database.query("SELECT id, name FROM authors ORDER BY id LIMIT 20")
            for i in range(N):
                database.query("SELECT * FROM items WHERE id = %s", 100 + i)


# ---- must be found: what requests and spellings hide -----------------------

def spelled(number, spelling):
    """P32: an integer, a uuid and a char(n) key, as clients write them.
    There are no foreign keys, so only values tell."""
    def ships_with_crews(database):
        for time in range(2):
            with database.transaction():
                for id, in database.query(
                        "SELECT id FROM ships ORDER BY name LIMIT 20"):
                    database.query("SELECT * FROM crews WHERE ship = "
                                   + spelling(id))
    sql_case("P32, " + number, n_plus_one(
        "one_to_many", "crews", "ships", 2 * N, column="ships.id"),
        only=not_named)(ships_with_crews)


spelled("'+7'", lambda id: "'+%d'" % id)
spelled("+7", lambda id: "+%d" % id)
spelled("007", lambda id: "00%d" % id)
spelled("'007'", lambda id: "'00%d'" % id)
spelled("' 7'", lambda id: "' %d'" % id)
spelled("7.0", lambda id: "%d.0" % id)
spelled("'7'::int", lambda id: "'%d'::int" % id)
spelled("int '7'", lambda id: "int '%d'" % id)
spelled("CAST ('7' AS bigint)", lambda id: "CAST ('%d' AS bigint)" % id)
spelled("E'7'", lambda id: "E'%d'" % id)


def spelled_uuid(number, spelling):
    def both_ways(database):
        for time in range(2):
            with database.transaction():
                for id, firm in database.query(
                        "SELECT id, firm FROM staff ORDER BY name LIMIT 20"):
                    database.query("SELECT * FROM firms WHERE id = "
                                   + spelling(str(firm)))
                for id, in database.query(
                        "SELECT id FROM firms ORDER BY name LIMIT 20"):
                    database.query("SELECT * FROM staff WHERE firm = "
                                   + spelling(str(id)))
    sql_case("P32, " + number, [
        n_plus_one("many_to_one", "firms", "staff", 2 * N,
                   column="staff.firm"),
        n_plus_one("one_to_many", "staff", "firms", 2 * N,
                   column="firms.id")], only=not_named)(both_ways)


spelled_uuid("uuid", lambda id: "'%s'" % id)
spelled_uuid("uuid of 32 digits", lambda id: "'%s'" % id.replace("-", ""))
spelled_uuid("uuid in capitals", lambda id: "'%s'" % id.upper())
spelled_uuid("uuid in braces", lambda id: "'{%s}'" % id)
spelled_uuid("'...'::uuid", lambda id: "'%s'::uuid" % id)
spelled_uuid("uuid '...'", lambda id: "uuid '%s'" % id)
spelled_uuid("CAST ('...' AS uuid)", lambda id: "CAST ('%s' AS uuid)" % id)


@sql_case("P32, uuid as the driver writes it", [
    n_plus_one("many_to_one", "firms", "staff", 2 * N, column="staff.firm"),
    n_plus_one("one_to_many", "staff", "firms", 2 * N, column="firms.id")])
def uuids(database):
    for time in range(2):
        with database.transaction():
            for id, firm in database.query(
                    "SELECT id, firm FROM staff ORDER BY name LIMIT 20"):
                database.query("SELECT * FROM firms WHERE id = %s", firm)
            for id, in database.query(
                    "SELECT id FROM firms ORDER BY name LIMIT 20"):
                database.query("SELECT * FROM staff WHERE firm = %s", id)


def spelled_char(number, spelling):
    def ports_of_ships(database):
        for time in range(2):
            with database.transaction():
                for id, port in database.query(
                        "SELECT id, port FROM ships ORDER BY name LIMIT 20"):
                    database.query("SELECT * FROM ports WHERE code = "
                                   + spelling(port))
    sql_case("P32, " + number, n_plus_one(
        "many_to_one", "ports", "ships", 2 * N, column="ships.port"),
        only=not_named)(ports_of_ships)


spelled_char("char(n)", lambda code: "'%s'" % code)
spelled_char("char(n) without blanks", lambda code: "'%s'" % code.strip())
spelled_char("char(n) with more", lambda code: "'%s  '" % code)
spelled_char("E''", lambda code: r"E'\x%x%s'" % (ord(code[0]), code[1:]))
spelled_char("U&''", lambda code: r"U&'\%04x%s'" % (ord(code[0]), code[1:]))


@sql_case("P33", n_plus_one("one_to_many", "posts", "authors"), "A")
def cursor_with_hold(database):
    database.query("DECLARE walk CURSOR WITH HOLD FOR"
                   " SELECT id, name FROM authors ORDER BY id LIMIT 20")
    for chunk in range(4):
        for id, name in database.query("FETCH 5 FROM walk"):
            database.query("SELECT * FROM posts WHERE author_id = %s", id)
    database.query("CLOSE walk")


@sql_case("P33, the second time, no foreign key", n_plus_one(
    "one_to_many", "crews", "ships", 2 * N, column="ships.id"), "A")
def cursor_with_hold_twice(database):
    for time in range(2):
        database.query("DECLARE walk CURSOR WITH HOLD FOR"
                       " SELECT id FROM ships ORDER BY name LIMIT 20")
        for id, in database.query("FETCH 2000 FROM walk"):
            database.query("SELECT * FROM crews WHERE ship = %s", id)
        database.query("CLOSE walk")


@sql_case("P34", n_plus_one("one_to_many", "posts", "authors", 2 * N), "T")
def children_of_cursors(database):
    for time in range(2):
        with database.transaction():
            for id, name in database.query(
                    "SELECT id, name FROM authors ORDER BY id LIMIT 20"):
                database.query("DECLARE child CURSOR FOR SELECT * FROM posts"
                               " WHERE author_id = %d" % id)
                database.query("FETCH ALL FROM child")
                database.query("CLOSE child")


def shipping(database, times):
    for time in range(times):
        with database.transaction():
            for id, billing, shipping in database.query(
                    "SELECT id, billing, shipping FROM invoices"
                    " ORDER BY id LIMIT 20"):
                database.query("SELECT * FROM addresses WHERE id = %s",
                               shipping)


@sql_case("P35", n_plus_one("count_or_exists", "post_tags", "posts"))
def membership(database):
    with database.transaction():
        for id, in database.query("SELECT id FROM posts ORDER BY id LIMIT 20"):
            database.query("SELECT * FROM post_tags WHERE post_id = %s"
                           " AND tag_id = 7", id)


@sql_case("P35, by the primary key", n_plus_one(
    "count_or_exists", "posts", "authors"))
def membership_by_key(database):
    with database.transaction():
        for id, in database.query(
                "SELECT id FROM authors ORDER BY id LIMIT 20"):
            database.query("SELECT id FROM posts WHERE author_id = %s"
                           " AND id = 7", id)


# (what the list returned is collected once it came into question)
@sql_case("P35, no foreign key, the second time", n_plus_one(
    "count_or_exists", "crews", "ships", 20, column="ships.id"))
def membership_by_values(database):
    for time in range(2):
        with database.transaction():
            for id, in database.query(
                    "SELECT id FROM ships ORDER BY name LIMIT 20"):
                database.query("SELECT name FROM crews WHERE ship = %s"
                               " AND id = 7", id)


@sql_case("P36", [n_plus_one(
    "many_to_one", "addresses", "invoices", T=["likely", "confirmed"],
    A=["likely", "confirmed"]), Never("not billing", lambda row: (
        row["parent_column"] or "invoices.shipping") != "invoices.shipping")])
def two_foreign_keys(database):
    shipping(database, 1)


@sql_case("P36, the second time", [n_plus_one(
    "many_to_one", "addresses", "invoices", 2 * N,
    column="invoices.shipping")])
def two_foreign_keys_twice(database):
    shipping(database, 2)


@sql_case("P37", [n_plus_one("many_to_one", "people", "people", 2 * N,
                             column="people.boss"), NEVER_DEFERRED])
def bosses(database):
    for time in range(2):
        with database.transaction():
            for id, name, boss in database.query(
                    "SELECT id, name, boss FROM people WHERE id > 40"
                    " ORDER BY id LIMIT 20"):
                database.query("SELECT id, name FROM people WHERE id = %s",
                               boss)


@sql_case("P38", [NEVER_DEFERRED])
def all_columns_again(database):
    for time in range(2):
        with database.transaction():
            for id, title, body in database.query(
                    "SELECT * FROM documents ORDER BY id LIMIT 20"):
                database.query("SELECT * FROM documents WHERE id = %s", id)


@sql_case("P38, of a table that was joined", [NEVER_DEFERRED])
def joined_columns(database):
    for time in range(2):
        with database.transaction():
            for author, title in database.query(
                    "SELECT a.id, p.title FROM posts p JOIN authors a"
                    " ON a.id = p.author_id ORDER BY p.id LIMIT 20"):
                database.query("SELECT * FROM authors WHERE id = %s", author)


def pages(database, visit):
    """Requests of several kinds in autocommit, one after another"""
    for i in range(6):
        visit(i)
        for id, author in database.query(
                "SELECT id, author_id FROM posts WHERE id > %s"
                " ORDER BY id LIMIT 20", 10 * i):
            database.query("SELECT * FROM authors WHERE id = %s", author)
        database.query("SELECT * FROM pages WHERE slug = %s", "page-%d" % i)


P39 = n_plus_one("many_to_one", "authors", "posts", None)


@sql_case("P39", P39, "A")
def never_idle(database):
    pages(database, lambda i: None)


@sql_case("P39, a session look-up in each", P39, "A")
def session_in_each(database):
    pages(database, lambda i: database.query(
        "SELECT user_id FROM sessions WHERE token = %s", "token-3"))


@sql_case("P39, the first is one that the page repeats", P39, "A")
def first_is_repeated(database):
    database.query("SELECT * FROM authors WHERE id = %s", 30)
    pages(database, lambda i: None)


@sql_case("P39, the first never comes again", P39, "A")
def first_comes_once(database):
    database.query("SELECT count(*) FROM tags WHERE name = %s", "x")
    pages(database, lambda i: None)


@sql_case("P40", Want(
    "repeated_lookup", None, r"\bFROM items\b", None, 60,
    {"T": ["likely"], "A": ["suspected", "likely"]}))
def sections(database):
    with database.transaction():
        for section in range(2):
            for i in range(30):
                database.query("SELECT * FROM items WHERE id = %s",
                               1000 * section + i * i)
            for i in range(40 * (1 - section)):
                database.query("SELECT id%s FROM pages WHERE slug = 'x'"
                               % (" + id" * i))


@sql_case("P41", Want(
    "repeated_lookup", None, r"\bFROM prices\b", None, 27,
    {"T": ["likely", "confirmed"]}), "T")
def few_keys(database):
    with database.transaction():
        for article in (2, 5, 7):
            for customer in range(3, 12):
                database.query("SELECT price FROM prices WHERE article = %s"
                               " AND customer = %s", article, customer)


# Planning takes longer than repeat_gap: it evaluates the function
@sql_case("P43, slow to plan", n_plus_one("one_to_many", "posts", "authors",
                                          8), "A", only=literals)
def slow_planning(database):
    database.query("SET pg_querywatch.repeat_gap = '60ms'")
    for id, name in database.query(
            "SELECT id, name FROM authors ORDER BY id LIMIT 8"):
        database.query("SELECT * FROM posts WHERE author_id = %s"
                       " AND slow_to_plan()", id)


# Waits for longer than that, before it is planned, for who locks the table
@sql_case("P43, locks", n_plus_one("one_to_many", "posts", "authors", 6), "A",
          only=literals)
def waits_for_locks(database):
    database.query("SET pg_querywatch.repeat_gap = '120ms'")
    locker = psycopg2.connect(
        host=drivers.HOST, port=drivers.PORT, dbname=drivers.DATABASE,
        user=drivers.USER, application_name="locker")
    for id, name in database.query(
            "SELECT id, name FROM authors ORDER BY id LIMIT 6"):
        locker.cursor().execute("LOCK TABLE posts IN ACCESS EXCLUSIVE MODE")
        release = threading.Timer(0.2, locker.commit)
        release.start()
        database.query("SELECT * FROM posts WHERE author_id = %s", id)
        release.join()
    locker.close()


# ---- must not be called a repeat -----------------------------------------

@sql_case("N2, = ANY", NOTHING)
def any_of(database):
    with database.transaction():
        ids = [id for id, in database.query(
            "SELECT id FROM authors ORDER BY id LIMIT 20")]
        for start in range(0, 20, 2):
            database.query("SELECT * FROM posts WHERE author_id = ANY (%s)",
                           ids[start:start + 2])


@sql_case("N5", NOTHING)
def keyset(database):
    with database.transaction():
        last = 0
        for _ in range(N):
            last = database.query("SELECT id FROM items WHERE id > %s"
                                  " ORDER BY id LIMIT 100", last)[-1][0]


@sql_case("N6", NOTHING, "T")
def fetches(database):
    with database.transaction():
        database.query("DECLARE walk CURSOR FOR SELECT * FROM items")
        for _ in range(50):
            database.query("FETCH 20 FROM walk")
        database.query("CLOSE walk")


@sql_case("N9", NOTHING_SURE, only=batches)
def executemany(database):
    with database.transaction():
        database.many("INSERT INTO entries (label, amount) VALUES (%s, %s)",
                      [("many", i) for i in range(N)])


@sql_case("N13", NOTHING_SURE, "T")
@sql_case("N14", NOTHING_SURE, "A")
def requests(database):
    for i in range(1, N + 1):
        with database.transaction():
            user = database.query("SELECT user_id FROM sessions"
                                  " WHERE token = %s", "token-%d" % i)[0][0]
            database.query("SELECT * FROM users WHERE id = %s", user)
            database.query("SELECT * FROM pages WHERE slug = %s",
                           "page-%d" % i)


# (what is prepared would be gone, so by a driver that does not prepare)
@sql_case("N13, DISCARD ALL between", NOTHING, only=literals)
def discarded(database):
    for i in range(1, N + 1):
        with database.transaction():
            database.query("SELECT * FROM users WHERE id = %s", i)
        database.query("DISCARD ALL")


@sql_case("N16", NOTHING, "A", only=lambda driver: driver.name == "psycopg")
def poll(database):
    for i in range(7):
        database.query("SELECT * FROM jobs WHERE id = %s", i)
        time.sleep(1.2)         # repeat_gap is 1s here


@sql_case("N17", NOTHING_SURE)
def queue(database):
    for _ in range(N):
        with database.transaction():
            id = database.query(
                "SELECT id FROM jobs WHERE state = %s ORDER BY id LIMIT 1"
                " FOR UPDATE SKIP LOCKED", "waiting")[0][0]
            database.query("UPDATE jobs SET state = %s WHERE id = %s",
                           "done", id)


@sql_case("N22", NOTHING)
def triggers(database):
    with database.transaction():
        database.query("INSERT INTO audited (author_id, label)"
                       " SELECT i, 'bulk' FROM generate_series(1, 40) AS i")


@sql_case("N23", NOTHING)
def function_loop(database):
    with database.transaction():
        database.query("SELECT names_of(%s)", 40)


@sql_case("N25", NOTHING)
def pings(database):
    for i in range(N):
        database.query("SELECT 1")
        database.query("SHOW search_path")
        database.query("SET work_mem = '4MB'")


@sql_case("N29", NOTHING, only=lambda driver: driver.name == "psycopg")
def tenants(database):
    for i in range(1, N + 1):
        database.query("SET application_name = '%s tenant %d'" % (
            database.query("SHOW application_name")[0][0].split(" tenant")[0],
            i))
        with database.transaction():
            for id in (i, i + 1):
                database.query("SELECT * FROM users WHERE id = %s", id)


@sql_case("N33", NOTHING)
def read_write_read(database):
    with database.transaction():
        for i in range(3):
            database.query("SELECT * FROM posts WHERE id = %s", 5)
            database.query("UPDATE posts SET views = views + 1 WHERE id = %s",
                           5)


# (that one row is written over and over may be told of or not)
@sql_case("N33, 20 times", NOTHING_SURE)
def read_write_read_often(database):
    with database.transaction():
        for i in range(N):
            database.query("SELECT * FROM posts WHERE id = %s", 5)
            database.query("UPDATE posts SET views = views + 1 WHERE id = %s",
                           5)


@sql_case("N18", NOTHING_SURE, "T")
def retries(database):
    for attempt in range(8):
        try:
            with database.transaction():
                for table in ("users", "pages", "jobs"):
                    database.query("SELECT * FROM " + table
                                   + " WHERE id = %s", 4)
                database.query("UPDATE posts SET views = views + 1"
                               " WHERE id = %s", 4)
                if attempt < 7:
                    database.query("DO $$BEGIN RAISE serialization_failure;"
                                   " END$$")
        except Exception as error:
            if "serialization" not in str(error):
                raise


# Requests of several kinds, in no order, that share a first step
@sql_case("N13, of four kinds", NOTHING_SURE)
def mixed_requests(database):
    rnd = random.Random(3)
    for _ in range(60):
        i = rnd.randint(1, 39)
        with database.transaction():
            user = database.query("SELECT user_id FROM sessions"
                                  " WHERE token = %s", "token-%d" % i)[0][0]
            database.query("SELECT * FROM users WHERE id = %s", user)
            kind = rnd.randint(1, 4)
            if kind == 1:
                database.query("SELECT * FROM pages WHERE slug = %s",
                               "page-%d" % i)
            elif kind == 2:
                database.query("SELECT * FROM posts ORDER BY id LIMIT 20")
                database.query("SELECT * FROM authors WHERE id = %s", i)
            elif kind == 3:
                database.query("INSERT INTO entries (label, amount)"
                               " VALUES (%s, %s)", "visit", i)
            else:
                database.query("SELECT count(*) FROM messages"
                               " WHERE recipient_id = %s", user)


# A list and one of its rows, request after request
@sql_case("N13, list and detail", NOTHING_SURE)
def list_and_detail(database):
    for i in range(1, N + 1):
        with database.transaction():
            database.query("SELECT id, author_id FROM posts"
                           " ORDER BY id LIMIT 20")
            database.query("SELECT * FROM authors WHERE id = %s", i)


@sql_case("sequence numbers, locks and functions", NOTHING)
def no_tables(database):
    with database.transaction():
        for i in range(N):
            database.query("SELECT nextval('entries_id_seq')")
            database.query("SELECT pg_advisory_xact_lock(%s::bigint)", i)
            database.query("SELECT * FROM generate_series(1, %s::int)", i)


@sql_case("keyset walk over two columns", NOTHING)
def keyset_pair(database):
    with database.transaction():
        label, id = "", 0
        for _ in range(N):
            label, id = database.query(
                "SELECT label, id FROM items WHERE (label, id) > (%s, %s)"
                " ORDER BY label, id LIMIT 50", label, id)[-1]


@sql_case("keyset walk of one author", NOTHING)
def keyset_filtered(database):
    with database.transaction():
        last = 0
        for _ in range(N):
            database.query("SELECT id FROM posts WHERE author_id = %s"
                           " AND id > %s ORDER BY id LIMIT 5", 3, last)
            last += 5


# Wide lists, each a different one
@sql_case("lists of ten", NOTHING)
def lists(database):
    with database.transaction():
        for start in range(1, 101, 10):
            database.query("SELECT * FROM posts WHERE id IN (%s)" % ", ".join(
                ["%s"] * 10), *range(start, start + 10))


@sql_case("ignored by comment", NOTHING)
def ignored(database):
    with database.transaction():
        for i in range(1, N + 1):
            database.query("SELECT name FROM authors WHERE id = %s"
                           " /*querywatch='ignore'*/", i)


# ---- must not be called a repeat: requests, and coincidences ---------------

@sql_case("N34", NOTHING_SURE, "A")
def insert_of_each_request(database):
    database.query("SET pg_querywatch.repeat_gap = '250ms'")
    for i in range(8):
        database.query("INSERT INTO entries (label, amount) VALUES (%s, %s)",
                       "visit", i)
        time.sleep(0.1)


@sql_case("N34, UPDATE", NOTHING_SURE, "A")
def update_of_each_request(database):
    database.query("SET pg_querywatch.repeat_gap = '250ms'")
    for i in range(1, 9):
        database.query("UPDATE posts SET views = views + 1 WHERE id = %s", i)
        time.sleep(0.1)


def detail(database, i):
    author = database.query("SELECT id, author_id, title FROM posts"
                            " WHERE id = %s", i)[0][1]
    database.query("SELECT * FROM authors WHERE id = %s", author)
    database.query("SELECT t.name FROM tags t JOIN post_tags pt"
                   " ON pt.tag_id = t.id WHERE pt.post_id = %s", i)


@sql_case("N35", NOTHING_SURE, "A")
def detail_page(database):
    for i in range(200):
        detail(database, i * 7 % 120 + 1)


@sql_case("N35, in order", NOTHING_SURE, "A")
def detail_page_in_order(database):
    for i in range(200):
        detail(database, i % 120 + 1)


@sql_case("N35, a session look-up before it", NOTHING_SURE, "A")
def detail_page_with_session(database):
    rnd = random.Random(5)
    for i in range(200):
        user = database.query("SELECT user_id FROM sessions WHERE token = %s",
                              "token-%d" % rnd.randint(1, 39))[0][0]
        database.query("SELECT * FROM users WHERE id = %s", user)
        detail(database, rnd.randint(1, 120))


@sql_case("N35, lists and details in turn", NOTHING_SURE, "A")
def lists_and_details(database):
    rnd = random.Random(7)
    for i in range(100):
        start = rnd.randint(0, 90)
        database.query("SELECT id, title FROM posts WHERE id > %s"
                       " ORDER BY id LIMIT 20", start)
        detail(database, start + rnd.randint(1, 20))


@sql_case("N35, one page 200 times", NOTHING_SURE, "A")
def one_page(database):
    for i in range(200):
        database.query("SELECT * FROM pages WHERE slug = %s", "page-7")
        detail(database, 7)


@sql_case("N35, five kinds at random", NOTHING_SURE, "A")
def five_kinds(database):
    rnd = random.Random(11)
    for _ in range(200):
        kind = rnd.randint(1, 5)
        if kind == 1:
            detail(database, rnd.randint(1, 120))
        elif kind == 2:
            database.query("SELECT id, title FROM posts ORDER BY id LIMIT 20")
        elif kind == 3:
            database.query("SELECT * FROM authors WHERE id = %s",
                           rnd.randint(1, 40))
        elif kind == 4:
            database.query("SELECT id, name FROM authors ORDER BY name"
                           " LIMIT 20")
            database.query("SELECT count(*) FROM posts")
        else:
            database.query("SELECT * FROM pages WHERE slug = %s",
                           "page-%d" % rnd.randint(1, 40))


@sql_case("N36", NOTHING_SURE, "T")
def seven_places(database):
    tables = ("tags", "authors", "users", "addresses", "members", "orders",
              "documents")
    with database.transaction():
        for i, table in enumerate(tables):
            database.query("SELECT value FROM settings WHERE name = %s",
                           "key %d" % (i % 3))
            for number in range(2 + i % 3):
                database.query("SELECT count(*) AS n%d FROM %s"
                               % (number, table))
            database.query("SELECT * FROM %s WHERE id = 7" % table)


@sql_case("N37", [never_after("priorities")])
def small_dense_keys(database):
    for time in range(2):
        with database.transaction():
            database.query("SELECT * FROM priorities ORDER BY id")
            for project in range(1, 6):
                database.query("SELECT * FROM modules WHERE project = %s",
                               project)


@sql_case("N38", [never_after("items")])
def not_in_the_list(database):
    for time in range(2):
        with database.transaction():
            database.query("SELECT * FROM items ORDER BY id LIMIT 310")
            for i in range(1, N + 1):
                database.query("SELECT * FROM pages WHERE id = %s",
                               3000 + i * 7)


@sql_case("N39", [
    n_plus_one("one_to_many", "folders", "folders", 80, T=["likely",
               "confirmed"], A=["likely", "confirmed"]),
    Never("contradicts itself", lambda row: row["confidence"] == "confirmed"
          and row["values_matched"] * 2 < row["values_compared"])])
def tree_by_level(database):
    with database.transaction():
        level = [id for id, in database.query(
            "SELECT id FROM folders WHERE parent_id IS NULL ORDER BY id")]
        while level:
            level = [child for id in level for child, in database.query(
                "SELECT id FROM folders WHERE parent_id = %s", id)]

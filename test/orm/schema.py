"""Tables and rows that the cases run on."""

from sqlalchemy import (Column, ForeignKey, Integer, String, Table, Text,
                        insert, text)
from sqlalchemy.orm import declarative_base, deferred, relationship

Base = declarative_base()


class Author(Base):
    __tablename__ = "authors"
    id = Column(Integer, primary_key=True)
    name = Column(String)
    posts = relationship("Post", back_populates="author")
    profile = relationship("Profile", uselist=False)


class Profile(Base):
    __tablename__ = "profiles"
    id = Column(Integer, primary_key=True)
    author_id = Column(ForeignKey("authors.id"), unique=True)
    motto = Column(String)


post_tags = Table(
    "post_tags", Base.metadata,
    Column("post_id", ForeignKey("posts.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True))


class Tag(Base):
    __tablename__ = "tags"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Post(Base):
    __tablename__ = "posts"
    id = Column(Integer, primary_key=True)
    author_id = Column(ForeignKey("authors.id"), index=True)
    title = Column(String)
    views = Column(Integer, nullable=False, default=0)
    author = relationship("Author", back_populates="posts")
    tags = relationship("Tag", secondary=post_tags)


class Note(Base):
    """On anything: no foreign key"""
    __tablename__ = "notes"
    id = Column(Integer, primary_key=True)
    target_type = Column(String)
    target_id = Column(Integer, index=True)
    body = Column(String)


class Folder(Base):
    """A tree"""
    __tablename__ = "folders"
    id = Column(Integer, primary_key=True)
    parent_id = Column(ForeignKey("folders.id"), index=True)
    name = Column(String)
    children = relationship("Folder")


class Publisher(Base):
    __tablename__ = "publishers"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class Book(Base):
    __tablename__ = "books"
    id = Column(Integer, primary_key=True)
    author_id = Column(ForeignKey("authors.id"))
    publisher_id = Column(ForeignKey("publishers.id"))
    title = Column(String)
    author = relationship("Author")
    publisher = relationship("Publisher")


class Address(Base):
    __tablename__ = "addresses"
    id = Column(Integer, primary_key=True)
    town = Column(String)


class Member(Base):
    __tablename__ = "members"
    id = Column(Integer, primary_key=True)
    address_id = Column(ForeignKey("addresses.id"))
    name = Column(String)
    address = relationship("Address")


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    member_id = Column(ForeignKey("members.id"))
    total = Column(Integer)
    member = relationship("Member")


class Document(Base):
    __tablename__ = "documents"
    id = Column(Integer, primary_key=True)
    title = Column(String)
    body = deferred(Column(Text))


class Item(Base):
    """Many rows, to be walked"""
    __tablename__ = "items"
    id = Column(Integer, primary_key=True)
    label = Column(String)
    parts = relationship("Part")


class Part(Base):
    __tablename__ = "parts"
    id = Column(Integer, primary_key=True)
    item_id = Column(ForeignKey("items.id"), index=True)
    label = Column(String)


class User(Base):
    __tablename__ = "users"
    id = Column(Integer, primary_key=True)
    name = Column(String)


class WebSession(Base):
    __tablename__ = "sessions"
    token = Column(String, primary_key=True)
    user_id = Column(ForeignKey("users.id"))


class Page(Base):
    __tablename__ = "pages"
    id = Column(Integer, primary_key=True)
    slug = Column(String, unique=True)
    body = Column(String)


class Message(Base):
    __tablename__ = "messages"
    id = Column(Integer, primary_key=True)
    sender_id = Column(ForeignKey("users.id"))
    recipient_id = Column(ForeignKey("users.id"))
    body = Column(String)


class Setting(Base):
    __tablename__ = "settings"
    name = Column(String, primary_key=True)
    value = Column(String)


class Entry(Base):
    """Written by the cases"""
    __tablename__ = "entries"
    id = Column(Integer, primary_key=True)
    label = Column(String)
    amount = Column(Integer)


class Job(Base):
    __tablename__ = "jobs"
    id = Column(Integer, primary_key=True)
    state = Column(String, index=True)


# Other kinds of keys
MORE_TABLES = """
    CREATE TABLE shelves (code text PRIMARY KEY);
    CREATE TABLE labels (id serial PRIMARY KEY,
                         shelf text REFERENCES shelves, name text);
    CREATE TABLE events (shelf text REFERENCES shelves, at date)
        PARTITION BY RANGE (at);
    CREATE TABLE events_2026 PARTITION OF events
        FOR VALUES FROM ('2026-01-01') TO ('2027-01-01');
    CREATE TABLE bills (year int, number int, PRIMARY KEY (year, number));
    CREATE TABLE lines (id serial PRIMARY KEY, year int, number int,
                        FOREIGN KEY (year, number) REFERENCES bills);
    INSERT INTO shelves SELECT 'shelf ' || i FROM generate_series(1, 12) AS i;
    INSERT INTO labels (shelf, name)
        SELECT code, 'label' FROM shelves, generate_series(1, 3);
    INSERT INTO events SELECT code, '2026-02-03' FROM shelves;
    INSERT INTO bills SELECT 2026, i FROM generate_series(1, 12) AS i;
    INSERT INTO lines (year, number) SELECT year, number FROM bills;
    CREATE TABLE firms (id uuid PRIMARY KEY, name text);
    CREATE TABLE staff (id uuid PRIMARY KEY, firm uuid, name text);
    CREATE INDEX ON staff (firm);
    CREATE TABLE ports (code char(6) PRIMARY KEY, name text);
    CREATE TABLE ships (id int PRIMARY KEY, port char(6), name text);
    CREATE TABLE crews (id int PRIMARY KEY, ship int, name text);
    CREATE INDEX ON crews (ship);
    CREATE TABLE invoices (id int PRIMARY KEY,
                           billing int REFERENCES addresses,
                           shipping int REFERENCES addresses);
    CREATE TABLE people (id int PRIMARY KEY, name text,
                         boss int REFERENCES people);
    CREATE TABLE days (id int PRIMARY KEY, day date UNIQUE, note text);
    CREATE TABLE prices (article int, customer int, price int,
                         PRIMARY KEY (article, customer));
    CREATE TABLE priorities (id int PRIMARY KEY, name text);
    CREATE TABLE modules (id serial PRIMARY KEY, project int, name text);
    CREATE INDEX ON modules (project);
    INSERT INTO firms
        SELECT md5('firm ' || i)::uuid, 'Firm ' || i
        FROM generate_series(1, 40) AS i;
    INSERT INTO staff
        SELECT md5('staff ' || i)::uuid, md5('firm ' || i % 40 + 1)::uuid,
               'Clerk ' || i
        FROM generate_series(1, 120) AS i;
    INSERT INTO ports
        SELECT 'P' || i * 7, 'Port ' || i FROM generate_series(1, 40) AS i;
    INSERT INTO ships
        SELECT 1000 + i * 13, 'P' || (i * 3 % 40 + 1) * 7, 'Ship ' || i
        FROM generate_series(1, 40) AS i;
    INSERT INTO crews
        SELECT i, 1000 + (i * 7 % 40 + 1) * 13, 'Sailor ' || i
        FROM generate_series(1, 120) AS i;
    INSERT INTO invoices
        SELECT i, i * 17 % 60 + 1, i * 7 % 60 + 1
        FROM generate_series(1, 60) AS i;
    INSERT INTO people
        SELECT i, 'Person ' || i, NULLIF(i / 2, 0)
        FROM generate_series(1, 100) AS i;
    INSERT INTO days
        SELECT i, date '2026-01-01' + i * 3, 'Note'
        FROM generate_series(1, 100) AS i;
    INSERT INTO prices
        SELECT i, j, i * j
        FROM generate_series(1, 9) AS i, generate_series(1, 40) AS j;
    INSERT INTO priorities
        SELECT i, 'Priority ' || i FROM generate_series(1, 5) AS i;
    INSERT INTO modules (project, name)
        SELECT i, 'Module ' || j
        FROM generate_series(1, 20) AS i, generate_series(1, 4) AS j"""


def fill(engine):
    """Creates the tables with their rows"""
    Base.metadata.create_all(engine)
    rows = [
        (Author, [dict(id=i, name="Author %d" % i) for i in range(1, 41)]),
        (Profile, [dict(id=100 + i, author_id=i, motto="Motto %d" % i)
                   for i in range(1, 41)]),
        (Post, [dict(id=i, author_id=(i - 1) % 40 + 1, title="Post %d" % i,
                     views=0) for i in range(1, 121)]),
        (Tag, [dict(id=i, name="tag %d" % i) for i in range(1, 31)]),
        (post_tags, [dict(post_id=i, tag_id=(i * j) % 30 + 1)
                     for i in range(1, 121) for j in (1, 7, 11)
                     if j == 1 or (i * j) % 30 not in
                     [(i * k) % 30 for k in (1, 7, 11) if k < j]]),
        (Note, [dict(target_type="author", target_id=i, body="Note %d" % i)
                for i in range(1, 41)]),
        (Folder, [dict(id=i, parent_id=None, name="Root %d" % i)
                  for i in range(1, 21)]),
        (Folder, [dict(id=20 + i, parent_id=(i - 1) % 20 + 1,
                       name="Folder %d" % i) for i in range(1, 61)]),
        (Publisher, [dict(id=i, name="Publisher %d" % i)
                     for i in range(1, 41)]),
        (Book, [dict(id=i, author_id=(i - 1) % 40 + 1,
                     publisher_id=40 - (i - 1) % 40, title="Book %d" % i)
                for i in range(1, 81)]),
        (Address, [dict(id=i, town="Town %d" % i) for i in range(1, 61)]),
        (Member, [dict(id=i, address_id=61 - i, name="Member %d" % i)
                  for i in range(1, 61)]),
        (Order, [dict(id=i, member_id=(i * 7) % 60 + 1, total=i)
                 for i in range(1, 121)]),
        (Document, [dict(id=i, title="Document %d" % i, body="Text. " * 50)
                    for i in range(1, 61)]),
        (Item, [dict(id=i, label="Item %d" % i) for i in range(1, 6001)]),
        (Part, [dict(item_id=i, label="Part of %d" % i)
                for i in range(1, 3001)]),
        (User, [dict(id=i, name="User %d" % i) for i in range(1, 41)]),
        (WebSession, [dict(token="token-%d" % i, user_id=i)
                      for i in range(1, 41)]),
        (Page, [dict(id=i, slug="page-%d" % i, body="Page %d" % i)
                for i in range(1, 41)]),
        (Message, [dict(id=i, sender_id=i % 40 + 1,
                        recipient_id=(i + 7) % 40 + 1, body="Hello")
                   for i in range(1, 81)]),
        (Setting, [dict(name="theme", value="dark"),
                   dict(name="language", value="en")]),
        (Job, [dict(id=i, state="waiting") for i in range(1, 2001)]),
    ]
    with engine.begin() as connection:
        for table, values in rows:
            connection.execute(insert(table), values)
        # A trigger, for statements that a client did not send
        connection.execute(text("""
            CREATE TABLE audit (entry_id int, at timestamptz)"""))
        connection.execute(text("""
            CREATE FUNCTION audit() RETURNS trigger LANGUAGE plpgsql AS
            'BEGIN
               INSERT INTO audit VALUES (NEW.id, now());
               RETURN NEW;
             END'"""))
        connection.execute(text("""
            CREATE TABLE audited (id serial PRIMARY KEY,
                                  author_id int REFERENCES authors,
                                  label text)"""))
        connection.execute(text("""
            CREATE TRIGGER audited AFTER INSERT ON audited
            FOR EACH ROW EXECUTE FUNCTION audit()"""))
        for statement in MORE_TABLES.split(";"):
            connection.execute(text(statement))
        connection.execute(text("""
            CREATE FUNCTION names_of(count int) RETURNS text LANGUAGE plpgsql AS
            'DECLARE result text := ''''; name text;
             BEGIN
               FOR i IN 1..count LOOP
                 SELECT authors.name INTO name FROM authors WHERE id = i;
                 result := result || name;
               END LOOP;
               RETURN result;
             END'"""))
        # PL/pgSQL would run it when the statement runs; this, as it is planned
        connection.execute(text("""
            CREATE FUNCTION slow_to_plan() RETURNS boolean IMMUTABLE
            LANGUAGE sql AS 'SELECT pg_sleep(0.08) IS NOT NULL'"""))
    with engine.connect().execution_options(
            isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))

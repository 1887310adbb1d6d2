"""Cases as SQLAlchemy's ORM sends them."""

from sqlalchemy import (MetaData, delete, exists, func, insert, literal,
                        select, update)
from sqlalchemy.orm import joinedload, selectinload, subqueryload

from registry import case
from schema import (Author, Book, Document, Entry, Folder, Item, Job, Message,
                    Note, Order, Page, Post, Setting, User, WebSession)
from verdicts import (NOTHING, NOTHING_SURE, Want, deep_offset, duplicate,
                      lookup, n_plus_one, row_by_row)

N = 20


def first(entity, count=N):
    return select(entity).order_by(entity.id).limit(count)


# ---- must be found -------------------------------------------------------

P1 = n_plus_one("many_to_one", "authors", "posts")
P2 = n_plus_one("one_to_many", "posts", "authors")


def posts_with_author(database):
    with database.session() as session:
        for post in session.scalars(first(Post)).all():
            post.author.name


def authors_with_posts(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            len(author.posts)


case("P1", P1, "T")(posts_with_author)
case("P2", P2, "T")(authors_with_posts)
case("P3", P1, "A")(posts_with_author)
case("P4", P2, "A")(authors_with_posts)
case("P20", P1, only=lambda driver: driver.literals)(posts_with_author)
case("P21", P1, only=lambda driver: not driver.literals)(posts_with_author)


@case("P1, 12 authors", n_plus_one("many_to_one", "authors", "posts", 12))
def few_authors(database):
    with database.session() as session:
        for post in session.scalars(
                select(Post).where(Post.author_id <= 12)
                .order_by(Post.id).limit(N)).all():
            post.author.name


# Fewer than half as many as rows: no cardinality, the foreign key remains
@case("P1, 6 authors", n_plus_one("many_to_one", "authors", "posts", 6,
                                  T="likely", A="likely"))
def very_few_authors(database):
    with database.session() as session:
        for post in session.scalars(
                select(Post).where(Post.author_id <= 6)
                .order_by(Post.id.desc()).limit(18)).all():
            post.author.name


@case("P2, 300 parents", n_plus_one("one_to_many", "parts", "items", 300))
def many_parents(database):
    with database.session() as session:
        for item in session.scalars(first(Item, 300)).all():
            len(item.parts)


@case("P2, 5 parents", n_plus_one("one_to_many", "posts", "authors", 5))
def five_parents(database):
    with database.session() as session:
        for author in session.scalars(first(Author, 5)).all():
            len(author.posts)


@case("P2, work between", n_plus_one("one_to_many", "posts", "authors"))
def work_between(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            sum(i * i for i in range(20000))
            len(author.posts)


@case("P5", n_plus_one("one_to_many", "profiles", "authors"))
def profiles(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            author.profile.motto


@case("P6", n_plus_one("many_to_many", "tags, post_tags", "posts"))
def tags(database):
    with database.session() as session:
        for post in session.scalars(first(Post)).all():
            [tag.name for tag in post.tags]


@case("P7", n_plus_one("one_to_many", "folders", "folders"))
def tree(database):
    with database.session() as session:
        for folder in session.scalars(
                select(Folder).where(Folder.parent_id.is_(None))
                .order_by(Folder.id)).all():
            len(folder.children)


@case("P7, all levels", n_plus_one("one_to_many", "folders", "folders", 80))
def whole_tree(database):
    with database.session() as session:
        level = session.scalars(
            select(Folder).where(Folder.parent_id.is_(None))
            .order_by(Folder.id)).all()
        while level:
            level = [child for folder in level for child in folder.children]


@case("P9", n_plus_one("count_or_exists", "posts", "authors"))
def counts(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            session.scalar(select(func.count()).select_from(Post)
                           .where(Post.author_id == author.id))


@case("P10", n_plus_one("count_or_exists", "posts", "authors"))
def any_post(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            session.scalar(select(literal(1)).select_from(Post)
                           .where(Post.author_id == author.id).limit(1))


@case("P10, EXISTS", n_plus_one("count_or_exists", "posts", "authors"))
def exists_post(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            session.scalar(select(
                exists().where(Post.author_id == author.id)))


@case("P11", n_plus_one("one_to_many", "posts", "authors"))
def latest_post(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            session.scalars(select(Post).where(Post.author_id == author.id)
                            .order_by(Post.id.desc()).limit(1)).first()


@case("P12", n_plus_one("many_to_one", "authors", "posts"))
def plucked(database):
    with database.session() as session:
        for post in session.scalars(first(Post)).all():
            session.scalar(select(Author.name)
                           .where(Author.id == post.author_id))


@case("P13", n_plus_one("deferred_column", "documents", "documents",
                        T=["likely", "confirmed"],
                        A=["suspected", "likely", "confirmed"]))
def deferred_bodies(database):
    with database.session() as session:
        for document in session.scalars(first(Document)).all():
            len(document.body)


@case("P14", lookup("authors"))
def gets(database):
    with database.session() as session:
        for id in range(3, 3 + N):
            session.get(Author, id)


@case("P15", [n_plus_one("many_to_one", "authors", "books"),
              n_plus_one("many_to_one", "publishers", "books")])
def interleaved(database):
    with database.session() as session:
        for book in session.scalars(first(Book)).all():
            book.author.name, book.publisher.name


@case("P16", [n_plus_one("many_to_one", "members", "orders"),
              n_plus_one("many_to_one", "addresses", None)])
def nested(database):
    with database.session() as session:
        for order in session.scalars(first(Order)).all():
            order.member.address.town


@case("P16, level by level", [n_plus_one("many_to_one", "members", "orders"),
                              n_plus_one("many_to_one", "addresses", None)])
def nested_levels(database):
    with database.session() as session:
        orders = session.scalars(first(Order)).all()
        members = [order.member for order in orders]
        [member.address.town for member in members]


@case("P17", P2, "T")
def savepoints(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            with session.begin_nested():
                len(author.posts)


@case("P18", n_plus_one("one_to_many", "posts", "authors"), "T")
def streamed_parent(database):
    with database.session() as session:
        for author in session.scalars(
                first(Author).execution_options(yield_per=5)):
            len(author.posts)


@case("P19", P2)
def eager_one_by_one(database):
    with database.session() as session:
        for author in session.scalars(first(Author)).all():
            session.scalars(select(Post)
                            .where(Post.author_id.in_([author.id]))).all()


def add_entries(database):
    with database.session() as session:
        for i in range(N):
            session.add(Entry(label="entry %d" % i, amount=i))
            session.flush()


case("P23", row_by_row("insert", "entries"), "T")(add_entries)
case("P24", row_by_row("insert", "entries"), "A")(add_entries)


@case("P24, BEGIN and COMMIT around each", Want(
    "row_by_row_insert", None, "^INSERT INTO entries", None, N,
    {"T": ["likely"]}), "T")
def committed_entries(database):
    with database.session() as session:
        for i in range(N):
            session.add(Entry(label="entry %d" % i, amount=i))
            session.commit()


@case("P25", row_by_row("update", "posts"))
def update_posts(database):
    with database.session() as session:
        for post in session.scalars(first(Post)).all():
            post.views += 1
            session.flush()


@case("P26", row_by_row("delete", "entries"))
def delete_entries(database):
    with database.session() as session:
        session.execute(insert(Entry).values(
            [dict(label="doomed", amount=i) for i in range(N)]))
        for entry in session.scalars(
                select(Entry).where(Entry.label == "doomed")
                .order_by(Entry.id).limit(N)).all():
            session.delete(entry)
            session.flush()


@case("P27", [row_by_row("insert", "entries"), lookup("entries")], "T")
def find_or_create(database):
    with database.session() as session:
        for i in range(N):
            label = "unique %d of %s" % (i, id(session))
            if session.scalar(select(Entry).where(
                    Entry.label == label)) is None:
                session.add(Entry(label=label, amount=1))
                session.flush()


@case("P28", duplicate("settings"))
def same_again(database):
    with database.session() as session:
        for _ in range(N):
            session.scalar(select(Setting.value)
                           .where(Setting.name == "theme"))


@case("P28, in a loop over rows", duplicate("settings"))
def same_for_each_row(database):
    with database.session() as session:
        for post in session.scalars(first(Post)).all():
            session.scalar(select(Setting.value)
                           .where(Setting.name == "theme"))


@case("P29", deep_offset("items"))
def offsets(database):
    with database.session() as session:
        for offset in range(0, 5001, 100):
            session.scalars(select(Item).order_by(Item.label)
                            .limit(100).offset(offset)).all()


@case("P30", [row_by_row("insert", "entries"), P2], "T")
def fixtures(database):
    with database.session() as session:
        for i in range(N):
            session.add(Entry(label="fixture %d" % i, amount=i))
            session.flush()
        for author in session.scalars(first(Author)).all():
            len(author.posts)


@case("P31", [lookup("posts"), row_by_row("update", "posts")], "T")
def read_and_write_back(database):
    with database.session() as session:
        for id in range(1, N + 1):
            post = session.get(Post, id)
            post.views += 1
            session.flush()


@case("P8, the second time", n_plus_one("one_to_many", "notes", "authors",
                                        2 * N))
def polymorphic_twice(database):
    for time in range(2):
        with database.session() as session:
            for author in session.scalars(first(Author)).all():
                session.scalars(select(Note).where(
                    Note.target_type == "author",
                    Note.target_id == author.id)).all()


# ---- must not be called a repeat -----------------------------------------

@case("N1", NOTHING)
def join(database):
    with database.session() as session:
        for author in session.scalars(
                first(Author).options(joinedload(Author.posts))).unique():
            len(author.posts)


@case("N2", NOTHING)
def second_query(database):
    with database.session() as session:
        for author in session.scalars(
                first(Author).options(selectinload(Author.posts))):
            len(author.posts)


@case("N2, many-to-many", NOTHING)
def second_query_tags(database):
    with database.session() as session:
        for post in session.scalars(
                first(Post).options(selectinload(Post.tags))):
            len(post.tags)


@case("N3", NOTHING)
def chunks(database):
    with database.session() as session:
        for item in session.scalars(
                first(Item, 2500).options(selectinload(Item.parts))).all():
            len(item.parts)


@case("N4", NOTHING)
def subquery(database):
    with database.session() as session:
        for author in session.scalars(
                first(Author).options(subqueryload(Author.posts))):
            len(author.posts)


@case("N5", NOTHING)
def keyset(database):
    with database.session() as session:
        last = 0
        for _ in range(N):
            items = session.scalars(
                select(Item).where(Item.id > last).order_by(Item.id)
                .limit(100)).all()
            last = items[-1].id


@case("N6", NOTHING, "T")
def cursor(database):
    with database.session() as session:
        rows = session.execute(
            select(Item.id, Item.label).limit(1000)
            .execution_options(stream_results=True, max_row_buffer=20))
        while rows.fetchmany(20):
            pass


@case("N6, yield_per", NOTHING, "T")
def yield_per(database):
    with database.session() as session:
        for item in session.scalars(
                first(Item, 1000).execution_options(yield_per=20)):
            item.label


@case("N8", NOTHING)
def many_values(database):
    with database.session() as session:
        for chunk in range(10):
            session.execute(insert(Entry).values(
                [dict(label="chunk %d" % chunk, amount=i) for i in range(50)]))


@case("N9", NOTHING_SURE, only=lambda driver: not driver.literals)
def executemany(database):
    with database.session() as session:
        session.execute(insert(Entry.__table__),
                        [dict(label="many", amount=i) for i in range(N)])


@case("N10", NOTHING)
def two_places(database):
    with database.session() as session:
        session.get(Author, 1)
        session.get(User, 1)
        session.get(Author, 2)


@case("N11", NOTHING)
def one_parent(database):
    for _ in range(2):
        with database.session() as session:
            len(session.get(Author, 7).posts)


@case("N12", NOTHING)
def two_keys(database):
    with database.session() as session:
        message = session.get(Message, 1)
        session.get(User, message.sender_id)
        session.get(User, message.recipient_id)


def requests(database, users):
    """Session, user, page: one request after another"""
    for i in users:
        with database.session() as session:
            web_session = session.get(WebSession, "token-%d" % i)
            session.get(User, web_session.user_id)
            session.scalar(select(Page).where(Page.slug == "page-%d" % i))


@case("N13", NOTHING_SURE, "T")
def requests_in_transactions(database):
    requests(database, range(1, N + 1))


@case("N14", NOTHING_SURE, "A")
def requests_in_autocommit(database):
    requests(database, range(1, N + 1))


@case("N13, one user", NOTHING_SURE, "T")
def requests_of_one_user(database):
    requests(database, [3] * N)


@case("N14, one user", NOTHING_SURE, "A")
def requests_of_one_user_in_autocommit(database):
    requests(database, [3] * N)


@case("N13, one statement", NOTHING_SURE)
def requests_of_one_statement(database):
    for i in range(1, N + 1):
        with database.session() as session:
            session.get(Page, i)


@case("N13, a list in each", NOTHING_SURE)
def requests_with_list(database):
    for i in range(1, N + 1):
        with database.session() as session:
            session.get(User, i)
            session.scalars(first(Post)).all()
            session.get(Author, i)


@case("N13, each writes", NOTHING_SURE)
def requests_that_write(database):
    for i in range(1, N + 1):
        with database.session() as session:
            session.get(User, i)
            session.add(Entry(label="visit", amount=i))


@case("N17", NOTHING_SURE)
def queue(database):
    for _ in range(N):
        with database.session() as session:
            job = session.scalar(
                select(Job).where(Job.state == "waiting").order_by(Job.id)
                .limit(1).with_for_update(skip_locked=True))
            session.execute(update(Job).where(Job.id == job.id)
                            .values(state="done")
                            .execution_options(synchronize_session=False))


@case("N19", NOTHING)
def reread(database):
    with database.session() as session:
        post = session.get(Post, 1)
        for _ in range(3):
            post.views += 1
            session.flush()
            session.refresh(post)


@case("N20", NOTHING)
def uniqueness(database):
    with database.session() as session:
        session.scalar(select(Entry.id).where(Entry.label == "only").limit(1))
        session.add(Entry(label="only", amount=0))


@case("N21", NOTHING)
def four_lookups(database):
    with database.session() as session:
        session.get(Author, 1)
        session.get(User, 2)
        session.get(Page, 3)
        session.get(Post, 4)


@case("N24", NOTHING)
def introspection(database):
    with database.session() as session:
        MetaData().reflect(session.connection())


@case("N30", NOTHING)
def null_keys(database):
    with database.session() as session:
        session.execute(insert(Post).values(
            [dict(id=-i, title="Nobody's", author_id=None, views=0)
             for i in range(1, N + 1)]))
        for post in session.scalars(
                select(Post).where(Post.id < 0).order_by(Post.id)).all():
            post.author
        session.execute(delete(Post).where(Post.id < 0)
                        .execution_options(synchronize_session=False))


@case("N31", NOTHING)
def page_two(database):
    with database.session() as session:
        for offset in (0, 20):
            session.scalars(first(Post).offset(offset)).all()


@case("N32", NOTHING)
def three_sections(database):
    with database.session() as session:
        for id in (1, 2, 3):
            session.get(Page, id)

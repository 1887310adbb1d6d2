"""Cases as Django sends them."""

import itertools
import random

from django.contrib.auth.models import User
from django.contrib.contenttypes.models import ContentType
from django.core.paginator import Paginator
from django.db import connection, transaction
from django.db.models import (Count, Exists, F, OuterRef, Prefetch, Sum,
                              prefetch_related_objects)
from django.utils import timezone

from blog.models import (Author, Book, Document, Entry, Folder, Item, Job,
                         Member, Message, Note, Order, OrderLine, Page, Place,
                         Post, Product, Profile, Publisher, Setting, Tag)
from registry import (NOTHING, NOTHING_SURE, case, deep_offset, duplicate,
                      lookup, n_plus_one, row_by_row)

N = 20
SEVERAL = ["likely", "confirmed"]
ANY = ["suspected", "likely", "confirmed"]
unique = itertools.count(1)


def first(model, count=N):
    return model._default_manager.order_by("pk")[:count]


# ---- must be found -------------------------------------------------------

P1 = n_plus_one("many_to_one", "blog_author", "blog_post")
P2 = n_plus_one("one_to_many", "blog_post", "blog_author")


@case("P1, P3, P20", P1)
def posts_with_author():
    for post in first(Post):
        post.author.name


@case("P2, P4", P2)
def authors_with_posts():
    for author in first(Author):
        list(author.posts.all())


@case("P2, filtered and cut", P2)
def newest_posts():
    for author in first(Author):
        list(author.posts.filter(views__gte=0).order_by("-id")[:3])


@case("P2, prefetched in vain", P2)
def prefetched_in_vain():
    for author in first(Author).prefetch_related("posts"):
        list(author.posts.filter(views=0))


@case("P5", n_plus_one("one_to_many", "blog_profile", "blog_author"))
def profiles():
    for author in first(Author):
        author.profile.motto


@case("P5, forward", n_plus_one("many_to_one", "blog_author", "blog_profile"))
def authors_of_profiles():
    for profile in first(Profile):
        profile.author.name


@case("P6", n_plus_one("many_to_many", "blog_tag INNER JOIN blog_post_tags",
                       "blog_post"))
def tags():
    for post in first(Post):
        [tag.name for tag in post.tags.all()]


@case("P6, other side", n_plus_one(
    "many_to_many", "blog_post INNER JOIN blog_post_tags", "blog_tag"))
def posts_of_tags():
    for tag in first(Tag):
        [post.title for post in tag.post_set.all()]


@case("P6, through a model", n_plus_one(
    "many_to_many", "blog_product INNER JOIN blog_orderline", "blog_order"))
def products():
    for order in first(Order):
        list(order.products.all())


@case("P7", n_plus_one("one_to_many", "blog_folder", "blog_folder"))
def children():
    for folder in Folder.objects.filter(parent=None):
        list(folder.children.all())


@case("P7, all levels", n_plus_one("one_to_many", "blog_folder",
                                   "blog_folder", 80))
def tree():
    level = list(Folder.objects.filter(parent=None))
    while level:
        level = [child for folder in level for child in folder.children.all()]


@case("P7, upwards", n_plus_one("many_to_one", "blog_folder", "blog_folder"))
def parents():
    for folder in Folder.objects.exclude(parent=None).order_by("id")[:N]:
        folder.parent.name


@case("P8, notes of each", n_plus_one("any", "blog_note", "blog_author",
                                      T=SEVERAL, A=ANY))
def notes():
    for author in first(Author):
        [note.body for note in author.notes.all()]


@case("P8, their targets",
      n_plus_one("any", "blog_author", "blog_note", None, T=SEVERAL, A=ANY))
def targets():
    kind = ContentType.objects.get_for_model(Author)
    for note in Note.objects.filter(content_type=kind).order_by("id")[:N]:
        note.target.name


@case("P9", n_plus_one("count_or_exists", "blog_post", "blog_author"))
def counts():
    for author in first(Author):
        author.posts.count()


@case("P9, sums", n_plus_one("any", "blog_post", "blog_author"))
def sums():
    for author in first(Author):
        author.posts.aggregate(Sum("views"))


@case("P10", n_plus_one("count_or_exists", "blog_post", "blog_author"))
def any_posts():
    for author in first(Author):
        author.posts.exists()


@case("P11", P2)
def latest_posts():
    for author in first(Author):
        author.posts.last()


@case("P12", P2)
def titles():
    for author in first(Author):
        list(author.posts.values_list("title", flat=True))


@case("P12, of the author", P1)
def names():
    for post in first(Post):
        Author.objects.values_list("name", flat=True).get(pk=post.author_id)


# (in autocommit a list and requests for what is in it look the same)
@case("P13, defer", n_plus_one("deferred_column", "blog_document",
                               "blog_document", A=ANY))
def deferred():
    for document in Document.objects.defer("body")[:N]:
        len(document.body)


@case("P13, only", n_plus_one("deferred_column", "blog_document",
                              "blog_document", A=ANY))
def only():
    for document in Document.objects.only("id")[:N]:
        document.title


@case("P13, a child table", n_plus_one("any", "blog_restaurant", "blog_place"))
def subclasses():
    for place in first(Place):
        place.restaurant.stars


@case("P14", lookup("blog_author"))
def gets():
    for id in range(3, 3 + N):
        Author.objects.get(pk=id)


@case("P14, exists", lookup("blog_tag"))
def existing_names():
    for i in range(1, N + 1):
        Tag.objects.filter(name="tag %d" % i).exists()


# Two of a book's columns lead to authors: which one, only values can tell.
@case("P15", n_plus_one("many_to_one", "blog_author", "blog_book", T=SEVERAL,
                        A=SEVERAL),
      n_plus_one("many_to_one", "blog_publisher", "blog_book"))
def interleaved():
    for book in first(Book):
        book.author.name, book.publisher.name


@case("P15, twice the same table",
      n_plus_one("many_to_one", "blog_author", "blog_book", 40, T=SEVERAL,
                 A=SEVERAL))
def author_and_translator():
    for book in first(Book):
        book.author.name, book.translator.name


@case("P16", n_plus_one("many_to_one", "blog_member", "blog_order"),
      n_plus_one("many_to_one", "blog_address", None))
def nested():
    for order in first(Order):
        order.member.address.town


@case("P16, to many", n_plus_one("one_to_many", "blog_orderline",
                                 "blog_order"),
      n_plus_one("many_to_one", "blog_product", None, 60))
def lines():
    for order in first(Order):
        for line in order.lines.all():
            line.product.name


# (in autocommit each atomic() is a transaction, as a request may be)
@case("P17", P2, modes="T")
def savepoints():
    for author in first(Author):
        with transaction.atomic():
            list(author.posts.all())


@case("P18", n_plus_one("many_to_one", "blog_member", "blog_order", 60),
      modes="T")
def streamed():
    for order in Order.objects.order_by("id")[:60].iterator(chunk_size=10):
        order.member.name


@case("P19", P2)
def eager_one_by_one():
    for author in first(Author):
        prefetch_related_objects([author], "posts")


@case("P23, P24", row_by_row("insert", "blog_entry"))
def creates():
    for i in range(N):
        Entry.objects.create(label="entry", amount=i)


@case("P23, into a junction", row_by_row("insert", "blog_post_tags"))
def adds():
    tag = Tag.objects.create(name="new %d" % next(unique))
    for post in first(Post):
        post.tags.add(tag)


@case("P25", row_by_row("update", "blog_post"))
def saves():
    for post in first(Post):
        post.views += 1
        post.save()


@case("P25, some fields", row_by_row("update", "blog_post"))
def saves_of_fields():
    for post in first(Post):
        post.views += 1
        post.save(update_fields=["views"])


@case("P25, by id", row_by_row("update", "blog_post"))
def updates():
    for id in range(1, N + 1):
        Post.objects.filter(pk=id).update(views=F("views") + 1)


@case("P26", row_by_row("delete", "blog_entry"))
def deletes():
    Entry.objects.bulk_create(
        Entry(label="doomed", amount=i) for i in range(N))
    for entry in Entry.objects.filter(label="doomed"):
        entry.delete()


@case("P27", row_by_row("insert", "blog_tag"), lookup("blog_tag"), modes="T")
def get_or_create():
    for i in range(N):
        Tag.objects.get_or_create(name="unique %d" % next(unique))


@case("P27, all there", lookup("blog_tag"))
def get_or_create_none():
    for i in range(1, N + 1):
        Tag.objects.get_or_create(name="tag %d" % i)


@case("P27, update_or_create", lookup("blog_tag"),
      row_by_row("update", "blog_tag"), modes="T")
def update_or_create():
    for i in range(1, N + 1):
        Tag.objects.update_or_create(name="tag %d" % i,
                                     defaults={"name": "tag %d" % i})


@case("P28", duplicate("blog_setting"))
def same_again():
    for _ in range(N):
        Setting.objects.get(pk="theme")


@case("P28, in a loop over rows", duplicate("blog_setting"))
def same_for_each_row():
    for post in first(Post):
        Setting.objects.filter(pk="theme").first()


@case("P28, the same count", duplicate("blog_post"))
def same_count():
    for _ in range(N):
        Post.objects.filter(author_id=3).count()


@case("P29", deep_offset("blog_item"))
def offsets():
    for offset in range(0, 5001, 100):
        list(Item.objects.order_by("label")[offset:offset + 100])


@case("P29, Paginator", deep_offset("blog_item"))
def pages():
    for page in Paginator(Item.objects.order_by("id"), 300):
        list(page)


@case("P30", row_by_row("insert", "blog_entry"), P2, modes="T")
def fixtures():
    creates()
    authors_with_posts()


@case("P31", lookup("blog_post"), row_by_row("update", "blog_post"),
      modes="T")
def read_and_write_back():
    for id in range(1, N + 1):
        post = Post.objects.get(pk=id)
        post.views += 1
        post.save()


# ---- must not be called a repeat -----------------------------------------

@case("N1", NOTHING)
def select_related():
    for book in Book.objects.select_related("author", "publisher")[:50]:
        book.author.name, book.publisher.name


@case("N2", NOTHING)
def prefetch_related():
    for author in first(Author).prefetch_related("posts", "profile"):
        len(author.posts.all()), author.profile.motto


@case("N2, many-to-many", NOTHING)
def prefetched_tags():
    for post in first(Post, 50).prefetch_related("tags", "author"):
        len(post.tags.all()), post.author.name


@case("N2, Prefetch()", NOTHING)
def prefetched_queryset():
    for author in first(Author).prefetch_related(Prefetch(
            "posts", Post.objects.select_related("author"), to_attr="seen")):
        len(author.seen)


@case("N2, generic", NOTHING)
def prefetched_targets():
    for note in Note.objects.prefetch_related("target").order_by("id"):
        note.target


@case("N2, in_bulk", NOTHING)
def in_bulk():
    for start in range(1, 101, 10):
        Post.objects.in_bulk(range(start, start + 10))


@case("N3", NOTHING)
def chunks():
    for start in range(0, 2500, 500):
        items = list(Item.objects.order_by("id").prefetch_related("part_set")
                     .filter(id__gt=start)[:500])
        for item in items:
            len(item.part_set.all())


@case("N4", NOTHING)
def subqueries():
    list(Post.objects.filter(author__in=Author.objects.filter(id__lt=20)))
    list(Author.objects.annotate(
        has=Exists(Post.objects.filter(author=OuterRef("pk"))),
        count=Count("posts")))


@case("N5", NOTHING)
def keyset():
    last = 0
    for _ in range(N):
        last = list(Item.objects.filter(id__gt=last).order_by("id")[:100])[
            -1].id


@case("N6", NOTHING, modes="T")
def iterator():
    for item in Item.objects.order_by("id")[:1000].iterator(chunk_size=20):
        item.label


@case("N8", NOTHING)
def bulk_create():
    Entry.objects.bulk_create(
        [Entry(label="bulk", amount=i) for i in range(500)], batch_size=50)


@case("N8, bulk_update", NOTHING)
def bulk_update():
    posts = list(first(Post, 100))
    for post in posts:
        post.views += 1
    Post.objects.bulk_update(posts, ["views"], batch_size=10)


@case("N8, a set of tags", NOTHING)
def set_tags():
    Post.objects.get(pk=3).tags.set(Tag.objects.order_by("id")[:12])


@case("N10", NOTHING)
def two_places():
    Author.objects.get(pk=1)
    User.objects.get(pk=1)
    Author.objects.get(pk=2)


@case("N11", NOTHING)
def one_parent():
    for _ in range(2):
        list(Author.objects.get(pk=7).posts.all())


@case("N12", NOTHING)
def two_keys():
    message = Message.objects.get(pk=1)
    message.sender.username, message.recipient.username


@case("N17", NOTHING_SURE, modes="A")
def queue():
    for _ in range(N):
        with transaction.atomic():
            job = Job.objects.select_for_update(skip_locked=True).filter(
                state="waiting").order_by("id").first()
            job.state = "done"
            job.save()


@case("N19", NOTHING)
def refreshed():
    post = Post.objects.get(pk=1)
    for _ in range(3):
        post.views += 1
        post.save()
        post.refresh_from_db()


@case("N20", NOTHING)
def uniqueness():
    name = "only %d" % next(unique)
    if not Tag.objects.filter(name=name).exists():
        Tag.objects.create(name=name)


@case("N21", NOTHING)
def four_lookups():
    Author.objects.get(pk=1)
    User.objects.get(pk=2)
    Page.objects.get(pk=3)
    Post.objects.get(pk=4)


@case("N24", NOTHING)
def introspection():
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            connection.introspection.get_constraints(cursor, table)
            connection.introspection.get_table_description(cursor, table)


@case("N30", NOTHING)
def null_keys():
    for folder in Folder.objects.filter(parent=None):
        folder.parent


@case("N31", NOTHING)
def page_two():
    paginator = Paginator(Post.objects.order_by("id"), 20)
    for number in (1, 2):
        list(paginator.page(number))


@case("N32", NOTHING)
def three_sections():
    for id in (1, 2, 3):
        Page.objects.get(pk=id)

# ---- what applications do ------------------------------------------------

@case("flow, nested serializers",
      n_plus_one("many_to_one", "blog_member", "blog_order"),
      n_plus_one("one_to_many", "blog_orderline", "blog_order"),
      n_plus_one("many_to_one", "blog_product", None, 60))
def serializers():
    [dict(total=order.total, member=dict(name=order.member.name),
          lines=[dict(quantity=line.quantity, product=line.product.name)
                 for line in order.lines.all()])
     for order in first(Order)]


@case("flow, serializers of what was prefetched", NOTHING)
def prefetched_serializers():
    [dict(member=order.member.name,
          lines=[line.product.name for line in order.lines.all()])
     for order in first(Order).select_related("member").prefetch_related(
         "lines__product")]


@case("flow, a list with computed columns",
      n_plus_one("count_or_exists", "blog_post", "blog_author"),
      n_plus_one("one_to_many", "blog_profile", "blog_author"))
def change_list():
    Author.objects.count()
    page = Paginator(Author.objects.order_by("-id"), N).page(1)
    [(author.posts.count(), author.profile.motto) for author in page]


@case("flow, a data loader", NOTHING)
def data_loader():
    """Resolvers of each level ask once for all"""
    orders = first(Order)
    members = Member.objects.in_bulk({order.member_id for order in orders})
    lines = OrderLine.objects.filter(order_id__in=[o.id for o in orders])
    Product.objects.in_bulk({line.product_id for line in lines})
    [members[order.member_id].name for order in orders]


@case("flow, permissions of each user",
      n_plus_one("any", "auth_permission .*auth_user_user_permissions",
                 "auth_user", T=SEVERAL, A=SEVERAL),
      n_plus_one("any", "auth_permission .*auth_group_permissions",
                 "auth_user", T=SEVERAL, A=SEVERAL))
def permissions():
    for user in User.objects.filter(is_superuser=False).order_by("id")[:N]:
        user.has_perm("blog.add_post")


@case("flow, softly deleted one by one", row_by_row("update", "blog_post"),
      modes="T")
def soft_deletes():
    for post in Post.objects.order_by("-id")[:N]:
        post.deleted_at = timezone.now()
        post.save(update_fields=["deleted_at"])
    transaction.set_rollback(True)


@case("flow, optimistic locking", row_by_row("update", "blog_post"))
def optimistic_locking():
    for post in first(Post):
        Post.objects.filter(pk=post.pk, version=post.version).update(
            title=post.title, version=F("version") + 1)


@case("flow, one tenant's rows of each",
      n_plus_one("one_to_many", "blog_book", "blog_publisher"))
def tenant():
    for publisher in first(Publisher):
        list(Book.objects.filter(publisher=publisher, title__gte="Book",
                                 translator__isnull=False))


@case("flow, an import", lookup("blog_author"),
      row_by_row("insert", "blog_post"), modes="T")
def imported():
    for i in range(1, N + 1):
        author = Author.objects.get(name="Author %d" % i)
        Post.objects.create(author=author, title="imported")
    Post.objects.filter(title="imported").delete()


@case("flow, down a tree and up again", lookup("blog_folder", 12),
      row_by_row("insert", "blog_folder", 11), modes="T")
def breadcrumbs():
    folder = None
    for level in range(12):
        folder = Folder.objects.create(name="level", parent=folder)
    folder = Folder.objects.get(pk=folder.pk)
    while folder.parent:
        folder = folder.parent
    transaction.set_rollback(True)


@case("flow, tags deleted one by one", row_by_row("delete", "blog_tag"),
      row_by_row("delete", "blog_post_tags"), modes="T")
def deleted_with_links():
    Tag.objects.bulk_create(
        Tag(name="doomed %d" % next(unique)) for _ in range(N))
    for tag in Tag.objects.filter(name__startswith="doomed"):
        tag.delete()


@case("flow, deleted with all that refers to it", NOTHING)
def cascade():
    author = Author.objects.create(name="doomed")
    posts = Post.objects.bulk_create(
        Post(author=author, title="doomed") for _ in range(N))
    Post.tags.through.objects.bulk_create(
        Post.tags.through(post=post, tag_id=1) for post in posts)
    author.delete()


@case("flow, a batch job by key", NOTHING)
def batches():
    last = 0
    for _ in range(12):
        with transaction.atomic():
            items = list(Item.objects.filter(id__gt=last).order_by("id")
                         .prefetch_related("part_set")[:50])
            for item in items:
                item.label = "%d parts" % len(item.part_set.all())
            Item.objects.bulk_update(items, ["label"])
        last = items[-1].id


@case("flow, a worker that finds nothing to do", NOTHING_SURE, modes="A")
def idle_worker():
    for _ in range(N):
        Job.objects.filter(state="failed").order_by("id").first()


@case("flow, a form with choices", NOTHING)
def form():
    """Lists for the choices, and what was chosen is there"""
    [(author.id, author.name) for author in Author.objects.order_by("name")]
    [(tag.id, tag.name) for tag in Tag.objects.order_by("name")]
    book = Book.objects.get(pk=3)
    Author.objects.get(pk=book.author_id)
    Publisher.objects.get(pk=book.publisher_id)
    book.title = "Another"
    book.save()


# Requests of several users, one after another, on one connection

def request_case(number, modes="TA"):
    return case(number, NOTHING_SURE, modes=modes, only="requests")


@request_case("N13, N14")
def one_page_after_another(visitors):
    for i in range(1, N + 1):
        visitors.get("page/page-%d" % i)


@request_case("N13, N14, one user")
def one_user(visitors):
    for i in range(1, N + 1):
        visitors.get("page/page-%d" % i, visitors.everybody[0])


@request_case("N13, N14, the same page")
def same_page(visitors):
    for i in range(N):
        visitors.get("post/7", visitors.everybody[0])


@request_case("N13, N14, post and author")
def posts_one_by_one(visitors):
    for i in range(1, N + 1):
        visitors.get("post/%d" % i)


@request_case("N13, N14, author and posts")
def authors_one_by_one(visitors):
    for i in range(1, N + 1):
        visitors.get("author/%d" % i)


@request_case("N13, N14, a list, then its rows")
def list_then_rows(visitors):
    visitors.get("authors")
    for i in range(1, N + 1):
        visitors.get("author/%d" % i)


@request_case("N13, N14, list, row, list, row")
def list_and_row(visitors):
    for i in range(1, N + 1):
        visitors.get("posts?page=%d" % (i % 5 + 1))
        visitors.get("post/%d" % i)


@request_case("N13, N14, a dashboard")
def dashboards(visitors):
    for _ in range(N):
        visitors.get("dashboard")


@request_case("N13, N14, each writes")
def visits(visitors):
    for _ in range(N):
        visitors.get("visit")


@request_case("N13, N14, each counts up")
def likes(visitors):
    for i in range(1, N + 1):
        visitors.get("like/%d" % i)


@request_case("N13, N14, each buys")
def purchases(visitors):
    for i in range(1, N + 1):
        visitors.get("buy/%d" % i)


@request_case("N13, N14, nobody logged in")
def api(visitors):
    for i in range(1, N + 1):
        visitors.get("api/post/%d" % i)


@request_case("N13, N14, an unchanging setting")
def themes(visitors):
    for _ in range(N):
        visitors.get("theme")


@request_case("N13, N14, in no order")
def everything(visitors):
    rnd = random.Random(5)
    for _ in range(80):
        i = rnd.randint(1, 40)
        visitors.get(rnd.choice([
            "page/page-%d" % i, "post/%d" % i, "posts?page=%d" % (i % 6 + 1),
            "posts/tags", "author/%d" % i, "authors", "inbox", "like/%d" % i,
            "visit", "buy/%d" % i, "api/post/%d" % i, "api/posts_of/%d" % i,
            "theme", "dashboard"]))

"""The models of the cases."""

import uuid

from django.contrib.auth.models import User
from django.contrib.contenttypes.fields import (GenericForeignKey,
                                                GenericRelation)
from django.contrib.contenttypes.models import ContentType
from django.db import models


class Author(models.Model):
    name = models.CharField(max_length=50)
    notes = GenericRelation("Note")


class Profile(models.Model):
    author = models.OneToOneField(Author, models.CASCADE)
    motto = models.TextField()


class Tag(models.Model):
    name = models.CharField(max_length=50, unique=True)


class PresentPosts(models.Manager):
    """Posts that are not (softly) deleted"""

    def get_queryset(self):
        return super().get_queryset().filter(deleted_at=None)


class Post(models.Model):
    author = models.ForeignKey(Author, models.CASCADE, null=True,
                               related_name="posts")
    title = models.CharField(max_length=50)
    body = models.TextField(default="")
    views = models.IntegerField(default=0)
    version = models.IntegerField(default=0)
    deleted_at = models.DateTimeField(null=True)
    tags = models.ManyToManyField(Tag)

    objects = PresentPosts()


class Note(models.Model):
    """On anything: no foreign key leads to what it is about"""
    content_type = models.ForeignKey(ContentType, models.CASCADE)
    object_id = models.PositiveIntegerField()
    target = GenericForeignKey()
    body = models.TextField()


class Folder(models.Model):
    """A tree"""
    parent = models.ForeignKey("self", models.CASCADE, null=True,
                               related_name="children")
    name = models.CharField(max_length=50)


class Publisher(models.Model):
    name = models.CharField(max_length=50)


class Book(models.Model):
    author = models.ForeignKey(Author, models.CASCADE)
    translator = models.ForeignKey(Author, models.CASCADE, null=True,
                                   related_name="translations")
    publisher = models.ForeignKey(Publisher, models.CASCADE)
    title = models.CharField(max_length=50)


class Address(models.Model):
    town = models.CharField(max_length=50)


class Member(models.Model):
    address = models.ForeignKey(Address, models.CASCADE)
    name = models.CharField(max_length=50)


class Product(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    name = models.CharField(max_length=50)


class Order(models.Model):
    member = models.ForeignKey(Member, models.CASCADE)
    total = models.IntegerField()
    products = models.ManyToManyField(Product, through="OrderLine")


class OrderLine(models.Model):
    order = models.ForeignKey(Order, models.CASCADE, related_name="lines")
    product = models.ForeignKey(Product, models.CASCADE)
    quantity = models.IntegerField()


class Document(models.Model):
    id = models.UUIDField(primary_key=True, default=uuid.uuid4)
    title = models.CharField(max_length=50)
    body = models.TextField()


class Place(models.Model):
    name = models.CharField(max_length=50)


class Restaurant(Place):
    """In a table of its own, joined by its key"""
    stars = models.IntegerField()


class Item(models.Model):
    """Many rows, to be walked"""
    label = models.CharField(max_length=50)


class Part(models.Model):
    item = models.ForeignKey(Item, models.CASCADE)
    label = models.CharField(max_length=50)


class Message(models.Model):
    sender = models.ForeignKey(User, models.CASCADE, related_name="sent")
    recipient = models.ForeignKey(User, models.CASCADE,
                                  related_name="received")
    body = models.TextField()


class Page(models.Model):
    slug = models.SlugField(unique=True)
    body = models.TextField()


class Setting(models.Model):
    name = models.CharField(max_length=50, primary_key=True)
    value = models.TextField()


class Entry(models.Model):
    """Written by the cases"""
    label = models.CharField(max_length=50)
    amount = models.IntegerField()


class Job(models.Model):
    state = models.CharField(max_length=10, db_index=True)
    attempts = models.IntegerField(default=0)


def fill():
    """Creates the rows"""
    users = User.objects.bulk_create(
        User(username="user %d" % i) for i in range(1, 41))
    authors = Author.objects.bulk_create(
        Author(name="Author %d" % i) for i in range(1, 41))
    Profile.objects.bulk_create(
        Profile(author=author, motto="Motto") for author in authors)
    tags = Tag.objects.bulk_create(
        Tag(name="tag %d" % i) for i in range(1, 31))
    posts = Post.objects.bulk_create(
        Post(author=authors[i % 40], title="Post %d" % i) for i in range(120))
    Post.tags.through.objects.bulk_create(
        Post.tags.through(post=post, tag=tags[(i + j) % 30])
        for i, post in enumerate(posts) for j in (1, 7, 11))
    Note.objects.bulk_create(
        Note(target=author, body="Note") for author in authors)
    Note.objects.bulk_create(
        Note(target=post, body="Note") for post in posts[:40])
    roots = Folder.objects.bulk_create(
        Folder(name="Root %d" % i) for i in range(20))
    Folder.objects.bulk_create(
        Folder(name="Folder %d" % i, parent=roots[i % 20]) for i in range(60))
    publishers = Publisher.objects.bulk_create(
        Publisher(name="Publisher %d" % i) for i in range(40))
    Book.objects.bulk_create(
        Book(author=authors[i % 40], translator=authors[(i * 7 + 3) % 40],
             publisher=publishers[39 - i % 40], title="Book %d" % i)
        for i in range(80))
    addresses = Address.objects.bulk_create(
        Address(town="Town %d" % i) for i in range(60))
    members = Member.objects.bulk_create(
        Member(address=addresses[59 - i], name="Member %d" % i)
        for i in range(60))
    products = Product.objects.bulk_create(
        Product(name="Product %d" % i) for i in range(30))
    orders = Order.objects.bulk_create(
        Order(member=members[i * 7 % 60], total=i) for i in range(120))
    OrderLine.objects.bulk_create(
        OrderLine(order=order, product=products[(i + j * 3) % 30], quantity=1)
        for i, order in enumerate(orders) for j in range(3))
    Document.objects.bulk_create(
        Document(title="Document %d" % i, body="Text. " * 50)
        for i in range(60))
    for i in range(20):
        Restaurant.objects.create(name="Place %d" % i, stars=i % 3)
    items = Item.objects.bulk_create(
        Item(label="Item %d" % i) for i in range(6000))
    Part.objects.bulk_create(
        Part(item=item, label="Part") for item in items[:3000])
    Message.objects.bulk_create(
        Message(sender=users[i % 40], recipient=users[(i + 7) % 40],
                body="Hello") for i in range(80))
    Page.objects.bulk_create(
        Page(slug="page-%d" % i, body="Page") for i in range(1, 41))
    Setting.objects.bulk_create(
        [Setting(name="theme", value="dark"),
         Setting(name="language", value="en")])
    Job.objects.bulk_create(Job(state="waiting") for _ in range(2000))

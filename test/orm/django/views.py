"""Pages as their authors would write them, and one that runs any case."""

import itertools

from django.core.paginator import Paginator
from django.db import transaction
from django.db.models import Count, F
from django.http import HttpResponse
from django.shortcuts import get_object_or_404
from django.urls import path

from blog.models import (Author, Book, Entry, Job, Message, Page, Post,
                         Setting)
from registry import CASES


def text(*values):
    return HttpResponse(", ".join(map(str, values)))


def run_case(request, number):
    request.user.username       # the session and the user are read
    CASES[number].function()
    return text()


def page(request, slug):
    return text(request.user.username, get_object_or_404(Page, slug=slug).body)


def post(request, id):
    post = get_object_or_404(Post, pk=id)
    return text(request.user.username, post.title, post.author.name)


def posts(request):
    page = Paginator(Post.objects.select_related("author").order_by("id"),
                     20).get_page(request.GET.get("page"))
    return text(request.user.username, page.paginator.count,
                *[post.author.name for post in page])


def posts_with_tags(request):
    return text(*[tag.name for post in Post.objects.prefetch_related(
        "tags").order_by("id")[:20] for tag in post.tags.all()])


def author(request, id):
    author = get_object_or_404(Author, pk=id)
    return text(request.user.username, author.name,
                *[post.title for post in author.posts.all()])


def authors(request):
    return text(*[author.name for author in Author.objects.annotate(
        count=Count("posts")).order_by("id")[:20]])


def inbox(request):
    return text(Message.objects.filter(recipient=request.user).count(),
                *[message.body for message in
                  Message.objects.filter(recipient=request.user)
                  .select_related("sender")])


def like(request, id):
    Post.objects.filter(pk=id).update(views=F("views") + 1)
    return text(request.user.username)


def visit(request):
    Entry.objects.create(label=request.user.username, amount=1)
    return text()


def buy(request, id):
    """Locks one row, changes it, and makes another"""
    with transaction.atomic():
        post = Post.objects.select_for_update().get(pk=id)
        post.views += 1
        post.save()
        Entry.objects.create(label=request.user.username, amount=id)
    return text()


def api_post(request, id):
    """Nobody is asked for"""
    return text(get_object_or_404(Post, pk=id).title)


def api_posts_of(request, id):
    return text(*[post.title for post in Post.objects.filter(author_id=id)])


def theme(request):
    return text(Setting.objects.get(pk="theme").value)


def dashboard(request):
    """Four sections, each with a look-up of its own"""
    return text(request.user.username, Post.objects.get(pk=1).title,
                Book.objects.get(pk=1).title, Author.objects.get(pk=1).name,
                Job.objects.filter(state="waiting").count())


urlpatterns = [
    path("case/<int:number>", run_case, name="case"),
    path("page/<slug:slug>", page, name="page"),
    path("post/<int:id>", post, name="post"),
    path("posts", posts, name="posts"),
    path("posts/tags", posts_with_tags, name="posts_with_tags"),
    path("author/<int:id>", author, name="author"),
    path("authors", authors, name="authors"),
    path("inbox", inbox, name="inbox"),
    path("like/<int:id>", like, name="like"),
    path("visit", visit, name="visit"),
    path("buy/<int:id>", buy, name="buy"),
    path("api/post/<int:id>", api_post, name="api_post"),
    path("api/posts_of/<int:id>", api_posts_of, name="api_posts_of"),
    path("theme", theme, name="theme"),
    path("dashboard", dashboard, name="dashboard"),
]


class Visitors:
    """Logged-in users who take turns, all on one connection"""

    def __init__(self, clients):
        self.everybody = clients
        self.turn = itertools.cycle(clients)

    def get(self, address, client=None):
        response = (client or next(self.turn)).get("/" + address)
        assert response.status_code == 200, response

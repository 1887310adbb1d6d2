"""Tests of the README: test_lazy is to fail"""

from django.test import TestCase

from blog.models import Author, Post


class PostPage(TestCase):
    @classmethod
    def setUpTestData(cls):
        for i in range(10):
            author = Author.objects.create(name=f"author {i}")
            Post.objects.create(author=author, title="one")

    def test_lazy(self):
        self.assertEqual(len([post.author.name for post in Post.objects.all()]), 10)

    def test_select_related(self):
        posts = Post.objects.select_related("author")
        self.assertEqual(len([post.author.name for post in posts]), 10)

    def test_prefetch_related(self):
        authors = Author.objects.prefetch_related("post_set")
        self.assertEqual(len([author.post_set.all()[0] for author in authors]), 10)

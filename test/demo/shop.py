"""The shop: its tables, as SQLAlchemy's ORM sees them.

An ordinary application: nothing in it knows of pg_querywatch.  Like many, it
adds sqlcommenter tags to what it sends, so that a statement can be traced to
the page that sent it.
"""

import contextlib
import random
import urllib.parse

from sqlalchemy import (Boolean, Column, DateTime, ForeignKey, Integer,
                        Numeric, String, Table, Text, create_engine, event,
                        func)
from sqlalchemy.orm import declarative_base, relationship

Base = declarative_base()


class Customer(Base):
    __tablename__ = "customers"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False)
    email = Column(String, nullable=False, unique=True)
    since = Column(DateTime, nullable=False)
    address_id = Column(ForeignKey("addresses.id"), nullable=False, index=True)

    address = relationship("Address")
    orders = relationship("Order", back_populates="customer")


class Address(Base):
    __tablename__ = "addresses"
    id = Column(Integer, primary_key=True)
    street = Column(String, nullable=False)
    town = Column(String, nullable=False)
    country = Column(String(2), nullable=False)


class Category(Base):
    __tablename__ = "categories"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False)


product_labels = Table(
    "product_labels", Base.metadata,
    Column("product_id", ForeignKey("products.id"), primary_key=True),
    Column("label_id", ForeignKey("labels.id"), primary_key=True))


class Label(Base):
    __tablename__ = "labels"
    id = Column(Integer, primary_key=True)
    name = Column(String, nullable=False)


class Product(Base):
    __tablename__ = "products"
    id = Column(Integer, primary_key=True)
    category_id = Column(ForeignKey("categories.id"), nullable=False,
                         index=True)
    name = Column(String, nullable=False)
    price = Column(Numeric(10, 2), nullable=False)
    description = Column(Text, nullable=False)
    on_sale = Column(Boolean, nullable=False, default=False)

    category = relationship("Category")
    labels = relationship("Label", secondary=product_labels)
    reviews = relationship("Review", back_populates="product")


class Order(Base):
    __tablename__ = "orders"
    id = Column(Integer, primary_key=True)
    customer_id = Column(ForeignKey("customers.id"), nullable=False,
                         index=True)
    placed_at = Column(DateTime, nullable=False, index=True)
    status = Column(String, nullable=False)

    customer = relationship("Customer", back_populates="orders")
    items = relationship("OrderItem", back_populates="order")


class OrderItem(Base):
    __tablename__ = "order_items"
    id = Column(Integer, primary_key=True)
    order_id = Column(ForeignKey("orders.id"), nullable=False, index=True)
    product_id = Column(ForeignKey("products.id"), nullable=False, index=True)
    quantity = Column(Integer, nullable=False)
    price = Column(Numeric(10, 2), nullable=False)

    order = relationship("Order", back_populates="items")
    product = relationship("Product")


class Review(Base):
    __tablename__ = "reviews"
    id = Column(Integer, primary_key=True)
    product_id = Column(ForeignKey("products.id"), nullable=False, index=True)
    customer_id = Column(ForeignKey("customers.id"), nullable=False,
                         index=True)
    stars = Column(Integer, nullable=False)
    text = Column(Text, nullable=False)

    product = relationship("Product", back_populates="reviews")
    customer = relationship("Customer")


class Setting(Base):
    __tablename__ = "settings"
    name = Column(String, primary_key=True)
    value = Column(String, nullable=False)


class PageView(Base):
    __tablename__ = "page_views"
    id = Column(Integer, primary_key=True)
    visit_id = Column(Integer, nullable=False)
    product_id = Column(ForeignKey("products.id"), nullable=False)
    seen_at = Column(DateTime, nullable=False, server_default=func.now())


# The request being answered; what a framework's sqlcommenter middleware keeps
tags = {}


@contextlib.contextmanager
def request(controller, action, route, traced=False):
    tags.update(application="shop", controller=controller, action=action,
                route=route, db_driver="psycopg2")
    if traced:
        tags["traceparent"] = "00-%032x-%016x-01" % (
            random.getrandbits(128), random.getrandbits(64))
    try:
        yield
    finally:
        tags.clear()


def connect(url, **options):
    engine = create_engine(
        url, future=True, pool_size=1, max_overflow=0,
        connect_args={"application_name": "shop"}, **options)

    @event.listens_for(engine, "before_cursor_execute", retval=True)
    def comment(conn, cursor, statement, parameters, context, executemany):
        if tags:
            # % begins a placeholder in psycopg2
            statement += " /*%s*/" % ",".join(
                "%s='%s'" % (key, urllib.parse.quote(tags[key], safe="")
                             .replace("%", "%%"))
                for key in sorted(tags))
        return statement, parameters

    return engine


def connect_by_pool(url):
    """Each statement on its own, over a connection that is asked whether it is
    alive before each request"""
    return connect(url, isolation_level="AUTOCOMMIT", pool_pre_ping=True)

"""Rows for the shop: the same every time."""

import datetime
import random

from sqlalchemy import insert, text

from shop import (Address, Base, Category, Customer, Label, Order, OrderItem,
                  Product, Review, Setting, product_labels)

FIRST = "Ada Ben Cleo Dan Eve Finn Gus Hana Ivo Jana Kai Lea Mo Nia Olaf".split()
LAST = "Abel Berg Costa Dahl Egan Frei Gross Hahn Ito Jung Kern Lund".split()
TOWNS = "Bergen Ghent Graz Jena Kiel Leeds Lodz Lyon Porto Turin".split()
THINGS = "lamp chair table shelf rug mirror clock vase basket hook".split()
LOOKS = "oak brass linen glass cork steel wool copper paper stone".split()

CUSTOMERS, PRODUCTS, ORDERS, REVIEWS, PAGE_VIEWS = 400, 300, 600, 900, 480000


def fill(engine, page_views=PAGE_VIEWS):
    """Creates the tables and returns [(table, rows), ...]"""
    rnd = random.Random(15)
    epoch = datetime.datetime(2026, 1, 1)

    Base.metadata.create_all(engine)
    rows = {
        Address: [dict(id=i, street="%d %s Street" % (i, rnd.choice(LAST)),
                       town=rnd.choice(TOWNS), country=rnd.choice(["NO", "DE"]))
                  for i in range(1, CUSTOMERS + 1)],
        Customer: [dict(id=i, address_id=i, since=epoch,
                        name=rnd.choice(FIRST) + " " + rnd.choice(LAST),
                        email="customer%d@shop.example" % i)
                   for i in range(1, CUSTOMERS + 1)],
        Category: [dict(id=i, name=name.title() + "s")
                   for i, name in enumerate(THINGS, 1)],
        Label: [dict(id=i, name=name) for i, name in enumerate(LOOKS, 1)],
        Product: [dict(id=i, category_id=i % len(THINGS) + 1,
                       name="%s %s no. %d" % (rnd.choice(LOOKS),
                                              THINGS[i % len(THINGS)], i),
                       price=rnd.randint(500, 50000) / 100,
                       description="A fine thing. " * rnd.randint(5, 20))
                  for i in range(1, PRODUCTS + 1)],
        product_labels: [dict(product_id=i, label_id=label)
                         for i in range(1, PRODUCTS + 1)
                         for label in rnd.sample(range(1, len(LOOKS) + 1), 3)],
        Order: [dict(id=i, customer_id=rnd.randint(1, CUSTOMERS),
                     placed_at=epoch + datetime.timedelta(hours=i),
                     status=rnd.choice(["new", "paid", "sent"]))
                for i in range(1, ORDERS + 1)],
        OrderItem: [dict(order_id=i, product_id=rnd.randint(1, PRODUCTS),
                         quantity=rnd.randint(1, 4),
                         price=rnd.randint(500, 50000) / 100)
                    for i in range(1, ORDERS + 1)
                    for _ in range(rnd.randint(1, 5))],
        Review: [dict(product_id=rnd.randint(1, PRODUCTS),
                      customer_id=rnd.randint(1, CUSTOMERS),
                      stars=rnd.randint(1, 5), text="Would buy again. " * 4)
                 for _ in range(REVIEWS)],
        Setting: [dict(name="currency", value="EUR"),
                  dict(name="tax", value="0.2")],
    }
    counts = []
    with engine.begin() as connection:
        for table, values in rows.items():
            connection.execute(insert(table), values)
            counts.append((getattr(table, "__tablename__", table), len(values)))
        # Some 12 products per visit
        connection.execute(text(
            "INSERT INTO page_views (visit_id, product_id)"
            " SELECT i / 12, 1 + (i::bigint * 7919 + i / 7) %% %d"
            " FROM generate_series(1, %d) AS i"
            % (PRODUCTS, page_views)))
        counts.append(("page_views", page_views))
        for table in ("orders", "products"):
            connection.execute(text(
                "SELECT setval(pg_get_serial_sequence('%s', 'id'),"
                " (SELECT max(id) FROM %s))" % (table, table)))
    with engine.connect().execution_options(
            isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("ANALYZE"))
    return counts

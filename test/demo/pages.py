"""The pages of the shop, each as it was first written and done right.

A page is a function of a Session.  The wrong ones are what an ORM makes easy
to write: every loop below that looks harmless sends one statement per turn.
"""

from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import joinedload, selectinload

from shop import Customer, Order, OrderItem, Product, Review, Setting

# How a page is served: in a transaction with tags, without the transaction, or
# without either over a pool's connection
BLOCK, AUTOCOMMIT, POOLED = "block", "autocommit", "pooled"

# (route, controller, action, wrong, right, how, served)
PAGES = []


def page(route, controller, action, how, served=BLOCK):
    """Registers a class with the static methods wrong and right"""
    def register(cls):
        PAGES.append((route, controller, action, cls.wrong, cls.right, how,
                      served))
        return cls
    return register


def latest_orders(count, number):
    return (select(Order).order_by(Order.placed_at.desc())
            .limit(count).offset(count * number))


@page("/orders", "orders", "index", "selectinload")
class OrderList:
    """Each order with its items: lazy one-to-many"""

    @staticmethod
    def wrong(session, number):
        return [(order.id, sum(item.price for item in order.items))
                for order in session.scalars(latest_orders(50, number))]

    @staticmethod
    def right(session, number):
        orders = latest_orders(50, number).options(selectinload(Order.items))
        return [(order.id, sum(item.price for item in order.items))
                for order in session.scalars(orders)]


@page("/reviews", "reviews", "index", "joinedload")
class ReviewList:
    """Each review with its product: lazy many-to-one"""

    @staticmethod
    def query(number):
        return (select(Review).order_by(Review.id.desc())
                .limit(60).offset(60 * number))

    @staticmethod
    def wrong(session, number):
        return [(review.stars, review.product.name)
                for review in session.scalars(ReviewList.query(number))]

    @staticmethod
    def right(session, number):
        reviews = ReviewList.query(number).options(joinedload(Review.product))
        return [(review.stars, review.product.name)
                for review in session.scalars(reviews)]


@page("/shipping", "orders", "shipping", "joinedload twice")
class Shipping:
    """Orders, their customers, their addresses: nested"""

    @staticmethod
    def wrong(session, number):
        return [(order.id, order.customer.name, order.customer.address.town)
                for order in session.scalars(latest_orders(40, number))]

    @staticmethod
    def right(session, number):
        orders = latest_orders(40, number).options(
            joinedload(Order.customer).joinedload(Customer.address))
        return [(order.id, order.customer.name, order.customer.address.town)
                for order in session.scalars(orders)]


@page("/catalogue", "products", "catalogue", "selectinload")
class Catalogue:
    """Each product with its labels: many-to-many"""

    @staticmethod
    def query(number):
        return (select(Product).order_by(Product.id)
                .limit(40).offset(40 * number))

    @staticmethod
    def wrong(session, number):
        return [(product.name, [label.name for label in product.labels])
                for product in session.scalars(Catalogue.query(number))]

    @staticmethod
    def right(session, number):
        products = Catalogue.query(number).options(
            selectinload(Product.labels))
        return [(product.name, [label.name for label in product.labels])
                for product in session.scalars(products)]


@page("/customers", "customers", "index", "one GROUP BY")
class CustomerList:
    """How many orders has each customer: a count per row"""

    @staticmethod
    def query(number):
        return (select(Customer).order_by(Customer.id)
                .limit(50).offset(50 * number))

    @staticmethod
    def wrong(session, number):
        return [(customer.name,
                 session.scalar(select(func.count()).select_from(Order)
                                .where(Order.customer_id == customer.id)))
                for customer in session.scalars(CustomerList.query(number))]

    @staticmethod
    def right(session, number):
        customers = session.scalars(CustomerList.query(number)).all()
        counts = dict(session.execute(
            select(Order.customer_id, func.count())
            .where(Order.customer_id.in_([c.id for c in customers]))
            .group_by(Order.customer_id)).all())
        return [(customer.name, counts.get(customer.id, 0))
                for customer in customers]


@page("/cart", "cart", "show", "one IN (...)")
class Cart:
    """The products whose ids a cookie brought: one get() each"""

    @staticmethod
    def ids(number):
        return range(1 + number, 280, 10)

    @staticmethod
    def wrong(session, number):
        return [session.get(Product, id).name for id in Cart.ids(number)]

    @staticmethod
    def right(session, number):
        products = session.scalars(
            select(Product).where(Product.id.in_(Cart.ids(number)))
            .order_by(Product.id))
        return [product.name for product in products]


@page("/invoices", "invoices", "index", "asked once")
class Invoices:
    """The same setting looked up for every row"""

    @staticmethod
    def currency(session):
        return session.scalar(
            select(Setting.value).where(Setting.name == "currency"))

    @staticmethod
    def wrong(session, number):
        return [(order.id, Invoices.currency(session))
                for order in session.scalars(latest_orders(30, number))]

    @staticmethod
    def right(session, number):
        currency = Invoices.currency(session)
        return [(order.id, currency)
                for order in session.scalars(latest_orders(30, number))]


@page("/import", "import", "create", "insert() of many")
class Import:
    """Items from a file, stored one by one"""

    @staticmethod
    def rows(number):
        return [dict(order_id=600 - number, product_id=1 + i, quantity=1,
                     price=i) for i in range(80)]

    @staticmethod
    def wrong(session, number):
        for row in Import.rows(number):
            session.add(OrderItem(**row))
            session.commit()
        return None

    @staticmethod
    def right(session, number):
        session.execute(insert(OrderItem).values(Import.rows(number)))
        return None


@page("/ratings", "products", "ratings", "GROUP BY", AUTOCOMMIT)
class Ratings:
    """Stars of each product, without a transaction around the page"""

    @staticmethod
    def products(number):
        return (select(Product.id).order_by(Product.id)
                .limit(40).offset(40 * number))

    @staticmethod
    def wrong(session, number):
        return [(product, session.scalar(
                    select(func.count(Review.stars))
                    .where(Review.product_id == product)))
                for product in session.scalars(Ratings.products(number)).all()]

    @staticmethod
    def right(session, number):
        products = Ratings.products(number).subquery()
        rows = session.execute(
            select(products.c.id, func.count(Review.stars))
            .outerjoin(Review, Review.product_id == products.c.id)
            .group_by(products.c.id).order_by(products.c.id))
        return [tuple(row) for row in rows]


@page("/opinions", "products", "opinions", "selectinload", POOLED)
class Opinions:
    """Who asks, then products with their reviews: only the values tell which
    statements belong together"""

    @staticmethod
    def query(session, number):
        session.scalar(select(Customer.name).where(
            Customer.email == "customer%d@shop.example" % (7 * number + 1)))
        return (select(Product).order_by(Product.name)
                .limit(30).offset(30 * number))

    @staticmethod
    def stars(products):
        return [(product.name, sorted(r.stars for r in product.reviews))
                for product in products]

    @staticmethod
    def wrong(session, number):
        return Opinions.stars(session.scalars(Opinions.query(session, number)))

    @staticmethod
    def right(session, number):
        return Opinions.stars(session.scalars(
            Opinions.query(session, number)
            .options(selectinload(Product.reviews))))


@page("/reprice", "products", "reprice", "one UPDATE")
class Reprice:
    """One category becomes dearer, product by product"""

    @staticmethod
    def wrong(session, number):
        products = session.scalars(
            select(Product).where(Product.category_id == 1 + number)
            .order_by(Product.id))
        for product in products:
            product.price = product.price + 1
            session.flush()
        return None

    @staticmethod
    def right(session, number):
        session.execute(
            update(Product).where(Product.category_id == 1 + number)
            .values(price=Product.price + 1)
            .execution_options(synchronize_session=False))
        return None


# Products that the same visitor looked at
SEEN_TOGETHER = """
SELECT a.product_id, b.product_id AS other_id,
       count(DISTINCT a.visit_id) AS visits
FROM page_views AS a JOIN page_views AS b USING (visit_id)
WHERE a.product_id < b.product_id AND a.id > :since
GROUP BY a.product_id, b.product_id
ORDER BY visits DESC, a.product_id, b.product_id
LIMIT 20"""


def seen_together(session):
    """Simply slow"""
    return session.execute(text(SEEN_TOGETHER), {"since": 0}).all()


# ... and three of them
SEEN_IN_THREES = """
SELECT a.product_id, b.product_id, c.product_id, count(*) AS visits
FROM page_views AS a JOIN page_views AS b USING (visit_id)
JOIN page_views AS c USING (visit_id)
WHERE a.product_id < b.product_id AND b.product_id < c.product_id
GROUP BY 1, 2, 3 ORDER BY visits DESC LIMIT 20"""


def seen_in_threes(session):
    """So slow that the application gives up"""
    session.execute(text("SET LOCAL statement_timeout = '800ms'"))
    try:
        session.execute(text(SEEN_IN_THREES)).all()
    except OperationalError:
        session.rollback()
        return "canceled"
    return "completed"

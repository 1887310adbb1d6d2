"""Runs the cases of cases.py through Django: see ../programs.py for how it
is told to.

Arguments: the database, and how the cases are run:

    jobs            as they are, in transaction.atomic() (T) or not (A)
    requests        each as a view, asked for by a user who is logged in, with
                    ATOMIC_REQUESTS (T) or not (A)
    requests tags   the same, with tags in comments
    sql             the statements of ../cases_sql.py on Django's connection
    sql tags        the same, with tags in comments
"""

import contextlib
import json
import os
import sys
import traceback

import django
from django.conf import settings

DATABASE, WAY, *TAGS = sys.argv[1:]

settings.configure(
    SECRET_KEY="no secret",
    ALLOWED_HOSTS=["*"],
    ROOT_URLCONF="views",
    USE_TZ=True,
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    DATABASES={"default": {
        "ENGINE": "django.db.backends.postgresql", "NAME": DATABASE,
        "USER": "app", "HOST": os.environ["PGHOST"],
        "PORT": os.environ["PGPORT"], "CONN_MAX_AGE": None, "OPTIONS": {}}},
    INSTALLED_APPS=["django.contrib.contenttypes", "django.contrib.auth",
                    "django.contrib.sessions", "blog"],
    # tables from models, in one step
    MIGRATION_MODULES={"contenttypes": None, "auth": None, "sessions": None},
    MIDDLEWARE=["tags.SqlCommenter"] * bool(TAGS) + [
                "django.contrib.sessions.middleware.SessionMiddleware",
                "django.contrib.auth.middleware.AuthenticationMiddleware"])
django.setup()

from django.core.management import call_command     # noqa: E402
from django.db import connection, transaction       # noqa: E402
from django.test import Client                      # noqa: E402

import cases                        # noqa: E402, F401 (registers its cases)
from tags import SqlCommenter                       # noqa: E402
import views                                        # noqa: E402
from blog import models                             # noqa: E402
from registry import CASES                          # noqa: E402


def create_tables():
    call_command("migrate", run_syncdb=True, verbosity=0)
    models.fill()


def run(case, mode, application_name):
    connection.settings_dict["OPTIONS"]["application_name"] = application_name
    connection.settings_dict["ATOMIC_REQUESTS"] = \
        WAY == "requests" and mode == "T"
    try:
        if case.only == "requests":
            case.function(views.Visitors(clients))
        elif WAY == "requests":
            views.Visitors(clients).get("case/%d" % CASES.index(case))
        elif mode == "T":
            with transaction.atomic():
                case.function()
        else:
            case.function()
    finally:
        connection.close()


def answer(value):
    print(json.dumps(value, default=str), flush=True)


def send_statements():
    opened = False
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if question is None:
                connection.close()
                opened = False
                answer(None)
            elif not opened:
                connection.settings_dict["OPTIONS"]["application_name"] = \
                    question[1]
                opened = True
                answer(None)
            else:
                statement, *values = question
                with connection.cursor() as cursor:
                    cursor.execute(statement, values or None)
                    answer(cursor.fetchall() if cursor.description else [])
        except Exception:
            answer(traceback.format_exc())


if WAY == "sql":
    with contextlib.ExitStack() as stack:
        if TAGS:
            stack.enter_context(connection.execute_wrapper(
                SqlCommenter.tagger("case", "case/")))
        send_statements()
    sys.exit()

create_tables()
clients = []
for user in models.User.objects.order_by("id")[:6]:
    clients.append(Client())
    clients[-1].force_login(user)
connection.close()

wanted = [case for case in CASES if case.only in (None, WAY)]
answer([[case.number, case.modes, case.expected] for case in wanted])
for line in sys.stdin:
    number, mode, application_name = json.loads(line)
    try:
        run(wanted[number], mode, application_name)
        answer(None)
    except Exception:
        answer(traceback.format_exc())

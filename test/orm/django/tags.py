"""Tags in comments, as the package sqlcommenter appends them (Debian has
none)."""

from urllib.parse import quote

import django
from django.db import connection

FRAMEWORK = "django:%s" % django.get_version()


class SqlCommenter:
    def __init__(self, get_response):
        self.get_response = get_response

    @staticmethod
    def append(sql, params, tags):
        comment = ",".join("%s='%s'" % (key, quote(value))
                           for key, value in sorted(tags.items()))
        # the driver reads % as the start of a placeholder
        if params is not None:
            comment = comment.replace("%", "%%")
        return "%s /*%s*/" % (sql, comment)

    def __call__(self, request):
        def tagged(execute, sql, params, many, context):
            match = request.resolver_match
            tags = {"framework": FRAMEWORK}
            if match:
                tags["controller"] = match.view_name
                tags["route"] = match.route
            return execute(self.append(sql, params, tags), params, many,
                           context)

        with connection.execute_wrapper(tagged):
            return self.get_response(request)

    @classmethod
    def tagger(cls, controller, route):
        """For statements that are no request's"""
        tags = {"framework": FRAMEWORK, "controller": controller,
                "route": route}

        def tagged(execute, sql, params, many, context):
            return execute(cls.append(sql, params, tags), params, many,
                           context)
        return tagged

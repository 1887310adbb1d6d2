"""Tags in comments, as the package sqlcommenter appends them (Debian has
none)."""

from urllib.parse import quote

import django
from django.db import connection

FRAMEWORK = "django:%s" % django.get_version()


class SqlCommenter:
    def __init__(self, get_response):
        self.get_response = get_response

    def __call__(self, request):
        def tagged(execute, sql, params, many, context):
            match = request.resolver_match
            tags = {"framework": FRAMEWORK}
            if match:
                tags["controller"] = match.view_name
                tags["route"] = match.route
            comment = ",".join("%s='%s'" % (key, quote(value))
                               for key, value in sorted(tags.items()))
            # the driver reads % as the start of a placeholder
            return execute("%s /*%s*/" % (sql, comment.replace("%", "%%")),
                           params, many, context)

        with connection.execute_wrapper(tagged):
            return self.get_response(request)

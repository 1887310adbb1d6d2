"""What a case expects of querywatch.repeated_statements, and the comparison.

T is a case inside one transaction, A the same with autocommit.
"""

import re

CONFIDENCES = ["suspected", "likely", "confirmed"]


def unquoted(query):
    """As if no name needed quotes"""
    return (query or "").replace('"', "")


class Want:
    """One row that must be there"""

    def __init__(self, kind, relationship, repeated, parent, times,
                 confidences, column=None):
        self.kind = kind
        self.relationship = relationship
        self.repeated = repeated
        self.parent = parent
        self.times = times
        self.confidences = confidences
        self.column = column

    def misses(self, row, mode):
        """Why a row is not the one wanted, or None"""
        if row["kind"] != self.kind:
            return "kind is " + row["kind"]
        if not re.search(self.repeated, unquoted(row["query"])):
            return "another statement"
        if self.relationship != "any" and \
                row["relationship"] != self.relationship:
            return "relationship is %s" % row["relationship"]
        if self.parent and not re.search(self.parent,
                                         unquoted(row["parent_query"])):
            return "parent is %s" % row["parent_query"]
        if self.column and row["parent_column"] != self.column:
            return "parent's column is %s" % row["parent_column"]
        if self.times and row["executions"] != self.times:
            return "executions are %s" % row["executions"]
        if row["confidence"] not in self.confidences[mode]:
            return "confidence is %s" % row["confidence"]
        return None

    def __str__(self):
        return "%s %s on /%s/ after /%s/, %s times, %s" % (
            self.kind, self.relationship or "", self.repeated,
            self.parent or "", self.times or "any number of", ", ".join(
                mode + " " + " or ".join(confidences)
                for mode, confidences in self.confidences.items()))


def modes(T, A):
    return {"T": [T] if isinstance(T, str) else T,
            "A": [A] if isinstance(A, str) else A}


def n_plus_one(relationship, repeated, parent, times=20, T="confirmed",
               A="confirmed", column=None):
    """column: the parent's that the values come from"""
    return Want("n_plus_one", relationship, r"\bFROM %s\b" % repeated,
                parent and r"\bFROM %s\b" % parent, times, modes(T, A),
                column)


def lookup(repeated, times=20):
    return Want("repeated_lookup", None, r"\bFROM %s\b" % repeated, None,
                times, modes("likely", "suspected"))


def duplicate(repeated, times=20):
    return Want("duplicate_query", None, r"\bFROM %s\b" % repeated, None,
                times, modes("confirmed", "suspected"))


def row_by_row(verb, table, times=20):
    pattern = {"insert": r"^INSERT INTO %s\b", "update": r"^UPDATE %s\b",
               "delete": r"^DELETE FROM %s\b"}[verb] % table
    return Want("row_by_row_" + verb, None, pattern, None, times,
                modes("confirmed", "likely"))


def deep_offset(repeated):
    return Want("deep_offset", None, r"\bFROM %s\b" % repeated, None, None,
                modes(CONFIDENCES, CONFIDENCES))


class Never:
    """No row may be so; what other rows there are is left open"""

    def __init__(self, description, test):
        self.description = description
        self.test = test

    def __str__(self):
        return self.description


def never_after(parent):
    """The parent must not be the one that a coincidence speaks for"""
    return Never("not after " + parent, lambda row: re.search(
        r"\bFROM %s\b" % parent, unquoted(row["parent_query"])))


NEVER_DEFERRED = Never("not a deferred column", lambda row:
                       row["relationship"] == "deferred_column")

# The case itself raises what is wrong
ANYTHING = Never("anything goes", lambda row: False)

# Every row is forbidden ...
NOTHING = "nothing"
# ... or only those that people are told of
NOTHING_SURE = "nothing sure"


def from_json(expected):
    """What programs.py says that a program may expect"""
    if expected in (NOTHING, NOTHING_SURE):
        return expected
    functions = dict(n_plus_one=n_plus_one, lookup=lookup, duplicate=duplicate,
                     row_by_row=row_by_row, deep_offset=deep_offset)
    return [functions[name](*arguments, **keywords)
            for name, arguments, keywords in expected]


def judge(expected, rows, mode):
    """(complaints, false alarms): both lists of text"""
    complaints, alarms = [], []
    sure = [row for row in rows if row["confidence"] != "suspected"]
    if expected in (NOTHING, NOTHING_SURE):
        for row in rows if expected == NOTHING else sure:
            alarms.append("not a repeat: " + describe(row))
        return complaints, alarms

    nevers = [want for want in expected if isinstance(want, Never)]
    for never in nevers:
        alarms.extend("%s: %s" % (never, describe(row))
                      for row in rows if never.test(row))
    unclaimed = list(rows)
    for want in expected:
        if want in nevers:
            continue
        reasons = []
        for row in unclaimed:
            reason = want.misses(row, mode)
            if reason is None:
                unclaimed.remove(row)
                break
            reasons.append("%s: %s" % (reason, describe(row)))
        else:
            complaints.append("missing: %s" % want)
            complaints.extend("    " + reason for reason in reasons)
    if not complaints and not nevers:
        alarms.extend("too much: " + describe(row)
                      for row in unclaimed if row["confidence"] != "suspected")
    return complaints, alarms


def describe(row):
    return "%s %s %s, %s times, %s after %s" % (
        row["confidence"], row["kind"], row["relationship"] or "",
        row["executions"], " ".join((row["query"] or "?").split())[:160],
        " ".join((row["parent_query"] or "nothing").split())[:100])

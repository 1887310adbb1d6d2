"""The list of cases, and what they expect: functions of ../verdicts.py."""


class Case:
    def __init__(self, number, expected, modes, only, function):
        self.number = number
        self.expected = expected
        self.modes = modes
        self.only = only            # "jobs" or "requests", or None
        self.function = function


CASES = []
NOTHING = "nothing"
NOTHING_SURE = "nothing sure"


def case(number, *expected, modes="TA", only=None):
    """Registers a function as a case"""
    def register(function):
        CASES.append(Case(number, expected[0] if expected[0] in
                          (NOTHING, NOTHING_SURE) else expected,
                          modes, only, function))
        return function
    return register


def n_plus_one(relationship, repeated, parent, times=20, **confidences):
    return ["n_plus_one", [relationship, repeated, parent, times], confidences]


def lookup(repeated, times=20):
    return ["lookup", [repeated, times], {}]


def duplicate(repeated, times=20):
    return ["duplicate", [repeated, times], {}]


def row_by_row(verb, table, times=20):
    return ["row_by_row", [verb, table, times], {}]


def deep_offset(repeated):
    return ["deep_offset", [repeated], {}]

"""The list of cases."""


class Case:
    def __init__(self, number, runs, expected, modes, only, function):
        self.number = number        # as in the detector's list: P1, N13 ...
        self.runs = runs            # "orm" or "sql"
        self.expected = expected
        self.modes = modes
        self.only = only            # function of a driver, or None
        self.function = function


CASES = []


def case(number, expected, modes="TA", runs="orm", only=None):
    """Registers a function of a database as a case.  A number may stand
    several times: variants of one case."""
    if not isinstance(expected, (list, str)):
        expected = [expected]

    def register(function):
        CASES.append(Case(number, runs, expected, modes, only, function))
        return function
    return register

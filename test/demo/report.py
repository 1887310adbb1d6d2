"""What pg_querywatch says of the shop, laid out for a terminal."""

import re
import shutil
import sys
import textwrap

WIDTH = max(80, min(120, shutil.get_terminal_size((120, 24)).columns))
BOLD, PLAIN = ("\033[1m", "\033[0m") if sys.stdout.isatty() else ("", "")


def top_level(statement, word):
    """Where the word stands outside of parentheses and quotes, or -1"""
    depth = 0
    for match in re.finditer(r"'[^']*'|\"[^\"]*\"|[()]|\b%s\b" % word,
                             statement, re.IGNORECASE):
        if match.group() == "(":
            depth += 1
        elif match.group() == ")":
            depth -= 1
        elif depth == 0 and match.group()[0] not in "'\"":
            return match.start()
    return -1


def cut(statement, width):
    """A statement in one line: what it reads or writes, and the condition.

    The list of columns goes first, then its end.
    """
    statement = re.sub(r"/\*.*?\*/", " ", statement or "(unknown)",
                       flags=re.DOTALL)
    statement = " ".join(statement.split())
    if re.match(r"SELECT\b", statement, re.IGNORECASE):
        at = top_level(statement, "FROM")
        if at > 40 or (at > 30 and len(statement) > width):
            statement = "SELECT … " + statement[at:]
    statement = re.sub(r"^(INSERT INTO [^ (]+) ?\(.*?\) (VALUES) ?\(.*?\)",
                       r"\1 (…) \2 (…)", statement, flags=re.IGNORECASE)
    if len(statement) > width:
        statement = statement[:width - 1].rstrip() + "…"
    return statement


def sentence(words):
    print(textwrap.fill(words, WIDTH))


def listed(items):
    print(textwrap.fill(", ".join(items), WIDTH, initial_indent="    ",
                        subsequent_indent="    "))


def heading(title, source):
    space = WIDTH - len(title) - len(source)
    print()
    print(BOLD + title + PLAIN + (" " * space + source if space > 1 else ""))
    print("─" * WIDTH)


def nodes(plan):
    """The nodes of a plan in one line, from the top down"""
    return " ← ".join(
        re.sub(r"(.*?)( using \S+)?( on (\S+).*)?$", r"\1 \4",
               line.split("  (cost=")[0].replace("->", "").strip()).strip()
        for line in plan.splitlines() if "(cost=" in line)


def milliseconds(value):
    return "{:,.0f} ms".format(value) if value >= 9.95 else \
        "{:.1f} ms".format(value)


def wrapped(label, text):
    """Text under a label, wrapped to the terminal"""
    print(textwrap.fill(" ".join(text.split()), WIDTH,
                        initial_indent="{:>11}  ".format(label),
                        subsequent_indent=" " * 13,
                        break_long_words=False, break_on_hyphens=False))


def findings(cursor, most=8):
    heading("Findings: what to change, worst first", "querywatch.findings")
    cursor.execute("""
        SELECT severity, kind, confidence, time_lost, route, query, evidence,
               suggestion, rewrite
        FROM querywatch.findings
        WHERE datname = 'shop' AND rolname = 'shop'""")
    rows = cursor.fetchall()
    for (severity, kind, confidence, lost, route, query, evidence, suggestion,
         rewrite) in rows[:most]:
        print("{}{:<7} {}{}  {}, up to {} lost  {}".format(
            BOLD, severity, kind, PLAIN, confidence, milliseconds(lost),
            route or "").rstrip())
        print("{:>11}  {}".format("statement", cut(query, WIDTH - 13)))
        wrapped("evidence", evidence)
        wrapped("suggestion", suggestion.split(" Or with the parent: ")[0])
        if rewrite:
            wrapped("rewrite", cut(rewrite, 3 * (WIDTH - 13)))
    if len(rows) > most:
        print("... and {} more".format(len(rows) - most))
    return len(rows)


def repeated(cursor):
    """Returns the routes of those that are sure"""
    heading("Repeated: statements that one statement could replace",
            "querywatch.repeated_statements")
    cursor.execute("""
        SELECT kind, relationship, confidence, executions, bursts, time_lost,
               route, query, parent_query
        FROM querywatch.repeated_statements
        WHERE datname = 'shop' AND rolname = 'shop'
        ORDER BY time_lost DESC""")
    rows = cursor.fetchall()
    for (kind, relationship, confidence, executions, bursts, lost, route,
         query, parent) in rows:
        print("up to {:>7} lost {:<26} {:<9} {:>3} times{} {}".format(
            milliseconds(lost), " ".join(filter(None, (kind, relationship))),
            confidence, executions, "" if WIDTH < 100 else " in %d %s" % (
                bursts, "burst " if bursts == 1 else "bursts"),
            cut(route, 14) if route else "").rstrip())
        if parent:
            print("      after  " + cut(parent, WIDTH - 13))
        print("    repeats  " + cut(query, WIDTH - 13))
    return {row[6] for row in rows if row[2] != "suspected"}


def slow(cursor):
    heading("Slow: executions past pg_querywatch.slow_threshold, newest first",
            "querywatch.slow_statements")
    cursor.execute("""
        SELECT to_char(started_at, 'HH24:MI:SS'), exec_time, outcome, rows,
               coalesce(tags->>'route', ''), query, runnable_sql IS NOT NULL,
               plan
        FROM querywatch.slow_statements
        WHERE datname = 'shop' AND rolname = 'shop' ORDER BY id DESC""")
    rows = cursor.fetchall()
    line = "{:<8}  {:>9}  {:<9}  {:>4}  {:<22}  {}"
    print(line.format("started", "time", "outcome", "rows", "route",
                      "statement"))
    for at, time, outcome, count, route, query, runnable, plan in rows:
        print(line.format(at, milliseconds(time), outcome, count, route,
                          cut(query, WIDTH - 62)))
        if plan:
            print("{:>19}  {}".format("plan:", cut(nodes(plan), WIDTH - 21)))
    return len(rows)


def summary(cursor):
    heading("Summary of the slow ones, by statement", "querywatch.slow_summary")
    cursor.execute("""
        SELECT slow_calls, timeouts, total_exec_time, p95_exec_time,
               max_exec_time, query
        FROM querywatch.slow_summary
        WHERE datname = 'shop' AND rolname = 'shop'""")
    line = "{:>4}  {:>8}  {:>10}  {:>10}  {:>10}  {}"
    print(line.format("slow", "timeouts", "total", "95 %", "longest",
                      "statement"))
    for slow_calls, timeouts, total, p95, longest, query in cursor:
        print(line.format(slow_calls, timeouts, milliseconds(total),
                          milliseconds(p95), milliseconds(longest),
                          cut(query, WIDTH - 52)))
    cursor.execute("""
        SELECT count(*), coalesce(sum(calls), 0), coalesce(sum(errors), 0),
               coalesce(sum(cancels), 0), coalesce(sum(total_exec_time), 0)
        FROM querywatch.statements
        WHERE dbid = (SELECT oid FROM pg_database WHERE datname = 'shop')
          AND userid = 'shop'::regrole""")
    statements, calls, errors, cancels, total = cursor.fetchone()
    print("In all: {:,} executions of {} statements, {}; {} failed, "
          "{} canceled".format(calls, statements, milliseconds(total), errors,
                               cancels))

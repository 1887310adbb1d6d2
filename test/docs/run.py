"""Runs the commands of README.md and doc/, in order and as written, and
compares what they print with what the page shows.  Prints TAP.

Fenced blocks of these languages are run: "sql" by one psql for each page,
"sh" by bash, in a copy of the sources, and each line of "ini" is given to
ALTER SYSTEM.  A block without a language that follows is what must be
printed.  Numbers may differ, as may the width of columns; "…" stands for any
text, on a line of its own for any lines.  On the pages of INLINE statements
in tables (`SELECT …;`) are run too.  In a page

	<!-- not run: REASON -->		a block that cannot be run here
	<!-- run: any order -->			rows may come in another order, and others too
	<!-- database: NAME -->			later statements run there

PGHOST and PGPORT say where a server is that preloads pg_querywatch; SOURCE
names the copy of the sources.  Databases are made anew.
"""

import itertools
import os
import re
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.join(HERE, "..", "..")
# The tour comes first: it shows what a run of the demo has left.
PAGES = ["doc/tour.md", "README.md", "doc/getting-started.md",
         "doc/troubleshooting.md", "doc/upgrading.md", "doc/managed-clouds.md",
         "doc/containers-and-ci.md", "doc/limits.md", "doc/contributing.md",
         "doc/internals.md", "doc/metrics.md", "doc/findings.md",
         "doc/reference.md", "doc/repeats.md", "doc/security.md"]
INLINE = {"README.md", "doc/troubleshooting.md"}
RUNS = ("sql", "sh", "ini")
MARKER = "@@ end of block @@"

# What psql says of a command that returns no rows; pages leave it out.
TAGS = re.compile(r"^(BEGIN|COMMIT|ROLLBACK|SET|RESET|DO|GRANT|(CREATE|ALTER|DROP) [A-Z ]+|"
                  r"(INSERT|UPDATE|DELETE|SELECT|COPY)( \d+)+|Expanded display is \w+\.|"
                  r"\(\d+ rows?\))$")
NUMBER = re.compile(r"-?\d[\d,]*(\.\d+)?(e[-+]\d+)?")


class Block:
    def __init__(self, language, text, line, directive):
        self.language = language
        self.text = text
        self.line = line
        self.directive = directive
        self.database = None
        self.output = None


def blocks(page):
    """The blocks of a page that are run, each with the output that it shows"""
    result, current, fence, directive, database = [], None, None, "", None
    inline = page in INLINE
    with open(os.path.join(TOP, page), encoding="utf-8") as file:
        for number, line in enumerate(file, 1):
            line = line.rstrip("\n")
            if fence is not None:
                if line.startswith("```"):
                    if fence.language in RUNS:
                        fence.database = database
                        result.append(fence)
                        current = fence
                    elif fence.language == "" and current is not None:
                        current.output = fence.text
                        current = None
                    else:
                        current = None
                    fence, directive = None, ""
                else:
                    fence.text.append(line)
            elif line.startswith("```"):
                fence = Block(line[3:].strip(), [], number, directive)
            elif line.startswith("<!-- database: "):
                database = line[len("<!-- database: "):-len(" -->")]
            elif line.startswith(("<!-- not run: ", "<!-- run: ")):
                directive = line[len("<!-- "):-len(" -->")]
            elif line.strip():
                current, directive = None, ""
                if inline and line.startswith("|"):
                    for text in re.findall(r"`((?:SELECT|SHOW|GRANT|UPDATE) [^`]*;)`", line):
                        block = Block("sql", [text], number, "")
                        block.database = database
                        result.append(block)
    return result


def normal(line):
    line = NUMBER.sub("N", line)
    line = re.sub(r"[-─]{2,}", "-", line)
    line = re.sub(r"#{2,}", "#", line)
    return re.sub(r"\s+", " ", line).strip()


def differences(shown, printed, any_order):
    """Lines of a page that were not printed; None if the output is as shown"""
    shown, printed = [[normal(line) for line in lines
                       if line.strip() and not TAGS.match(line.strip())]
                      for lines in (shown, printed)]
    patterns = [".*".join(map(re.escape, line.split("…"))) for line in shown]
    if any_order:
        missing = [line for line, pattern in zip(shown, patterns)
                   if line != "…" and not any(re.fullmatch(pattern, each) for each in printed)]
        return missing or None
    whole = "".join(r"(?:.*\n)*" if line == "…" else pattern + "\n"
                    for line, pattern in zip(shown, patterns))
    if re.fullmatch(whole, "".join(line + "\n" for line in printed)):
        return None
    missing = [line for line, pattern in zip(shown, patterns)
               if line != "…" and not any(re.fullmatch(pattern, each) for each in printed)]
    return missing or ["(the lines come in another order, or others between them)"]


class Psql:
    def __init__(self, database):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "psql", "-X", "-U", "postgres", "-d", database],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
            text=True, encoding="utf-8", env=dict(os.environ, PGCLIENTENCODING="UTF8",
                                                  PGAPPNAME="psql", COLUMNS="200"))
        self.run("\\pset pager off")

    def run(self, text):
        self.process.stdin.write(text + "\n\\echo " + MARKER + "\n")
        self.process.stdin.flush()
        lines = []
        for line in self.process.stdout:
            if line.rstrip("\n") == MARKER:
                return lines
            lines.append(line.rstrip("\n"))
        return lines + ["psql has ended"]

    def close(self):
        self.process.stdin.close()
        self.process.wait(60)


def psql(database, *statements):
    command = ["psql", "-XqAt", "-v", "ON_ERROR_STOP=1", "-U", "postgres", "-d", database]
    for statement in statements:
        command += ["-c", statement]
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE).stdout


def run_sh(text):
    """In the copy of the sources; sudo is whoever runs this"""
    with tempfile.TemporaryDirectory() as folder:
        with open(os.path.join(folder, "sudo"), "w", encoding="utf-8") as file:
            file.write('#!/bin/sh\nexec "$@"\n')
        os.chmod(os.path.join(folder, "sudo"), 0o755)
        process = subprocess.run(
            ["bash", "-e", "-o", "pipefail", "-c", text], cwd=os.environ["SOURCE"],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=300,
            env=dict(os.environ, PATH=folder + ":" + os.environ["PATH"]))
    lines = process.stdout.splitlines()
    return lines if process.returncode == 0 else lines + [
        "ERROR: exit status %d" % process.returncode]


def run_ini(lines):
    """Each setting, with its value"""
    problems = []
    for line in lines:
        setting = re.match(r"\s*([\w.]+)\s*=\s*('(?:[^']|'')*'|[^#\s]+)", line)
        if not setting:
            if line.strip() and not line.strip().startswith("#"):
                problems.append("ERROR: no setting: " + line)
            continue
        name, value = setting.groups()
        # (ALTER SYSTEM takes a list for lists of names)
        if name == "shared_preload_libraries":
            value = ", ".join("'%s'" % each.strip() for each in value.strip("'").split(","))
        elif not value.startswith("'"):
            value = "'%s'" % value
        try:
            psql("postgres", "ALTER SYSTEM SET %s = %s" % (name, value),
                 "ALTER SYSTEM RESET " + name)
        except subprocess.CalledProcessError as error:
            problems.append(error.stderr.strip())
    return problems


def anchors(path):
    """What a link into a page may name: its headings, as GitHub spells them"""
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```$", "", file.read(), flags=re.M | re.S)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-")
            for title in re.findall(r"^#+ (.*)$", text, re.M)}


def check_links(page):
    """Problems: links to files and headings that are not there"""
    path = os.path.join(TOP, page)
    with open(path, encoding="utf-8") as file:
        text = re.sub(r"^```.*?^```$", "", file.read(), flags=re.M | re.S)
    problems = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        if re.match(r"\w+:", target):
            continue
        name, _, anchor = target.partition("#")
        to = os.path.join(os.path.dirname(path), name) if name else path
        if not os.path.exists(to):
            problems.append("there is no " + target)
        elif anchor and anchor not in anchors(to):
            problems.append("there is no heading " + target)
    return problems


def found(before, text, after):
    """What is found in a session of its own on the tables of doc/repeats.md"""
    setup = [block for block in blocks("doc/repeats.md") if "CREATE TABLE" in block.text[0]][0]
    psql("postgres", "DROP DATABASE IF EXISTS examples", "CREATE DATABASE examples")
    psql("examples", "CREATE EXTENSION pg_querywatch",
         *[line for line in setup.text if not line.startswith("SET ")])
    psql("examples", "SELECT querywatch.reset_patterns()")
    session = Psql("examples")
    session.run(before + "\n" + text + "\n" + after)
    session.close()
    return psql("examples", "SELECT coalesce(string_agg(concat_ws(' ', kind, relationship) || ': ' ||"
                " confidence, '; ' ORDER BY kind), '–')"
                " FROM querywatch.repeated_statements WHERE datname = 'examples'").strip()


def check_examples(page):
    """Yields the same for the table of loops and what they are taken for"""
    with open(os.path.join(TOP, page), encoding="utf-8") as file:
        rows = re.findall(r"^\| `(.* \\gexec)` \| (.*) \| (.*) \|$", file.read(), re.M)
    for text, alone, together in rows:
        problems = []
        for before, after, shown in (("", "", alone), ("BEGIN;", "COMMIT;", together)):
            if shown.startswith("("):
                continue
            printed = found(before, text, after)
            if printed != shown:
                problems.append("%sshown: %s, found: %s" % (before, shown, printed))
        yield "%s: %s" % (page, text[:70]), problems


def check(page):
    """Yields (name, problems) for each block that is run, problems None for one
    that is not"""
    default = re.sub(r"\W", "_", os.path.splitext(os.path.basename(page))[0].lower())
    psql("postgres", "CREATE EXTENSION IF NOT EXISTS pg_querywatch")
    if page != "doc/tour.md":
        psql("postgres", "SELECT querywatch.reset(), querywatch.reset_slow(),"
             " querywatch.reset_patterns()")
    session, open_in = None, None
    for block in blocks(page):
        name = "%s:%d: %s" % (page, block.line, block.language)
        if block.directive.startswith("not run: "):
            yield name + ", " + block.directive, None
            continue
        if block.language == "ini":
            printed = run_ini(block.text)
        elif block.language == "sh":
            printed = run_sh("\n".join(block.text))
        else:
            database = block.database or default
            if database != open_in:
                if session:
                    session.close()
                if not psql("postgres", "SELECT 1 FROM pg_database WHERE datname = '%s'"
                            % database):
                    psql("postgres", "CREATE DATABASE " + database)
                session, open_in = Psql(database), database
                if page != "README.md" and not any(
                        line.startswith("CREATE EXTENSION") for each in blocks(page)
                        for line in each.text):
                    session.run("SET client_min_messages = warning;\n"
                                "CREATE EXTENSION IF NOT EXISTS pg_querywatch;\n"
                                "RESET client_min_messages;")
            if any(":id" in line or ":queryid" in line for line in block.text):
                session.run("SELECT max(id) AS id, max(queryid) AS queryid"
                            " FROM querywatch.slow_statements \\gset")
            printed = session.run("\n".join(block.text))
        shown = block.output
        problems = []
        if shown is not None:
            missing = differences(shown, printed, block.directive == "run: any order")
            if missing:
                problems = ["shown, but not printed: " + line for line in missing]
        elif any(re.search(r"(ERROR|FATAL|error): ", line) for line in printed):
            problems = ["failed"]
        yield name, problems and problems + ["printed:"] + printed[:60]
    if session:
        session.close()


def main():
    number = 0
    failures = 0
    pages = sys.argv[1:] or PAGES
    for page in pages:
        if not os.path.exists(os.path.join(TOP, page)):
            number += 1
            failures += 1
            print("not ok %d - there is no %s" % (number, page))
            continue
        for name, problems in itertools.chain(check(page), check_examples(page)):
            number += 1
            if problems is None:
                print("ok %d - %s" % (number, name))
            elif problems:
                failures += 1
                print("not ok %d - %s" % (number, name))
                for line in problems:
                    print("#   " + line)
            else:
                print("ok %d - %s" % (number, name))
            sys.stdout.flush()
    for page in ["README.md"] + sorted(
            "doc/" + name for name in os.listdir(os.path.join(TOP, "doc")) if name.endswith(".md")):
        number += 1
        problems = check_links(page)
        failures += bool(problems)
        print("%s %d - %s: links" % ("not ok" if problems else "ok", number, page))
        for line in problems:
            print("#   " + line)
    print("1..%d" % number)
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())

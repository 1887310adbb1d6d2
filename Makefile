# pg_querywatch: which statements are slow, and which are repeated when one
# would do.  "make help" lists the targets.

MODULE_big = pg_querywatch

# From another folder, "make -f /path/to/Makefile" builds there: a read-only
# checkout stays as it is.
TOP := $(patsubst %/,%,$(dir $(firstword $(MAKEFILE_LIST))))
SOURCES = $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/*.c $(TOP)/src/*/*.c)))
LOCAL_HEADERS = $(sort $(patsubst $(TOP)/%,%,$(wildcard $(TOP)/src/*.h $(TOP)/src/*/*.h)))
OBJS = $(SOURCES:.c=.o)
EXTENSION = pg_querywatch
DATA = $(sort $(notdir $(wildcard $(TOP)/pg_querywatch--*.sql)))
PGFILEDESC = "pg_querywatch - slow and repeated statements of applications"

# The regression tests that must run first, in this order; every other file
# in sql/ follows by name.
REGRESS_FIRST = settings statements
REGRESS_FOUND = $(sort $(patsubst %.sql,%,$(notdir $(wildcard $(TOP)/sql/*.sql))))
REGRESS = $(filter $(REGRESS_FOUND),$(REGRESS_FIRST)) \
	$(filter-out $(REGRESS_FIRST),$(REGRESS_FOUND))
ENCODING = UTF8

# PostgreSQL's own headers are not clean under -Wextra without the last three.
WARNINGS = -Wall -Wextra -Wno-unused-parameter -Wno-sign-compare \
	-Wno-missing-field-initializers
PG_CFLAGS = $(WARNINGS)

# Calls between our own files need no detour through the symbol table, those of
# the server's functions none through the procedure linkage table.
ifeq ($(shell uname -s),Linux)
PG_CFLAGS += -fno-plt
PG_LDFLAGS = -Wl,-Bsymbolic-functions
endif
PG_CPPFLAGS = -I$(srcdir)/src

# /metrics is served with libmicrohttpd, where it is there to build with;
# "make METRICS=no" builds without.
PKG_CONFIG ?= pkg-config
METRICS ?= $(shell $(PKG_CONFIG) --exists 'libmicrohttpd >= 0.9.71' zlib \
	2>/dev/null && echo yes)
ifeq ($(METRICS),yes)
METRICS_CPPFLAGS = -DUSE_LIBMICROHTTPD \
	$(shell $(PKG_CONFIG) --cflags libmicrohttpd zlib)
METRICS_LIBS = $(shell $(PKG_CONFIG) --libs libmicrohttpd zlib)
PG_CPPFLAGS += $(METRICS_CPPFLAGS)
SHLIB_LINK = $(METRICS_LIBS)
endif

EXTRA_CLEAN = src/.built-with .warnings .static test/output test/orm/node/node_modules

# Suites of "make test", in order
SUITES = format source warnings static unit fuzz regress isolation tap orm prove prometheus docs demo

PG_CONFIG ?= pg_config
PGXS := $(shell $(PG_CONFIG) --pgxs 2>/dev/null)

# PGXS compiles LLVM bitcode too where the server was built with LLVM; do
# without where that server's clang is not installed.
ifneq ($(wildcard $(PGXS)),)
ifeq ($(shell command -v "$$(sed -n 's/^CLANG *= *//p' '$(dir $(PGXS))../Makefile.global')"),)
override with_llvm := no
endif
endif

# First, for a plain "make" is PGXS's "all"
all:

ifneq ($(wildcard $(PGXS)),)

include $(PGXS)

# Objects are stale when a header changed, or the server or compiler they are
# for.
$(OBJS) $(OBJS:.o=.bc): $(LOCAL_HEADERS) src/.built-with

src/.built-with: FORCE
	@mkdir -p $(sort $(dir $(OBJS))) 2>/dev/null; test -w src || { \
	  echo "make: $(CURDIR) is read-only: build in a folder of your own: mkdir build; cd build; make -f $(CURDIR)/Makefile" >&2; \
	  exit 1; }
	@echo '$(VERSION): $(CC) $(CFLAGS) $(CPPFLAGS)' | cmp -s - $@ || \
	  echo '$(VERSION): $(CC) $(CFLAGS) $(CPPFLAGS)' >$@

ifneq ($(TOP),.)
REGRESS_OPTS += --inputdir=$(TOP)
endif

installcheck: installcheck-server

# pg_regress says nothing a person could use when the library isn't preloaded.
installcheck-server:
	@PGDATABASE="$${PGDATABASE:-postgres}" PATH="$(bindir):$$PATH"; \
	export PGDATABASE PATH; \
	preloaded=$$(psql -XAtqc 'SHOW shared_preload_libraries' 2>&1) || { \
	  echo "installcheck: no server answers: $$preloaded" | tr '\n' ' ' >&2; \
	  echo >&2; exit 1; }; \
	case ",$$(echo "$$preloaded" | tr -d ' \"')," in \
	  *,pg_querywatch,*|*/pg_querywatch,*) ;; \
	  *) echo "installcheck: the server does not preload the library: set shared_preload_libraries = 'pg_querywatch' in postgresql.conf (now '$$preloaded') and restart it" >&2; \
	     exit 1 ;; \
	esac

# Every source by both compilers, with every warning an error.  Options that
# only the other compiler knows are not what is looked for, nor are the casts
# of callbacks in PostgreSQL's own macros.
CLANG_FOUND = $(firstword $(shell command -v $(CLANG) clang 2>/dev/null))
WARNING_COMPILERS = gcc clang
GCC_OBJS = $(SOURCES:src/%.c=.warnings/gcc/%.o)
CLANG_OBJS = $(GCC_OBJS:.warnings/gcc/%=.warnings/clang/%)

check-warnings: $(WARNING_COMPILERS:%=check-warnings-%)

check-warnings-gcc: $(GCC_OBJS)

ifneq ($(CLANG_FOUND),)
check-warnings-clang: $(CLANG_OBJS)
else
check-warnings-clang:
	@echo "check-warnings: no clang here, skipped"
endif

# Static analysis.  cppcheck is told what it must know of PostgreSQL's headers;
# the old one of its two checks for what is uninitialised doesn't know what
# never returns.
CPPCHECK = cppcheck
CPPCHECK_FLAGS = --quiet --error-exitcode=1 --std=c99 \
	--enable=warning,performance,portability --inline-suppr \
	--suppress=legacyUninitvar \
	--include=test/setup/cppcheck.h -Isrc -D__linux__ \
	--template='{file}:{line}: {id}: {message}'

# Without those that are a matter of taste, or of PostgreSQL's own macros
CLANG_TIDY = clang-tidy
CLANG_TIDY_CHECKS = -*,bugprone-*,-bugprone-assignment-in-if-condition,$\
	-bugprone-branch-clone,-bugprone-easily-swappable-parameters,$\
	-bugprone-implicit-widening-of-multiplication-result,$\
	-bugprone-macro-parentheses,-bugprone-narrowing-conversions,$\
	-bugprone-reserved-identifier,-bugprone-suspicious-include
TIDY_SOURCES = $(SOURCES:src/%.c=.static/tidy/%)

# It believes assertions.
SCAN_BUILD = scan-build
SCAN_SOURCES = $(SOURCES:src/%.c=.static/scan/%)

check-static: check-cppcheck check-tidy check-scan

check-cppcheck:
	$(CPPCHECK) $(CPPCHECK_FLAGS) $(SOURCES)

check-tidy: $(TIDY_SOURCES)

$(TIDY_SOURCES): .static/tidy/%: src/%.c
	@$(CLANG_TIDY) --quiet --checks='$(CLANG_TIDY_CHECKS)' --warnings-as-errors='*' $< -- \
	  -std=gnu99 $(CPPFLAGS) -Wno-ignored-attributes 2>/dev/null

check-scan:
	@mkdir -p .static
	@$(SCAN_BUILD) -o .static/report --status-bugs --use-cc="$(CLANG_FOUND)" $(MAKE) -s scan-sources

scan-sources: $(SCAN_SOURCES)

$(SCAN_SOURCES): .static/scan/%: src/%.c
	@$(CC) -std=gnu99 $(CPPFLAGS) -DUSE_ASSERT_CHECKING -w -fsyntax-only $<

clang-found:
	@echo $(CLANG_FOUND)

metrics-flags:
	@echo $(filter -D% -I%,$(METRICS_CPPFLAGS)) $(METRICS_LIBS)

.warnings/gcc/%.o: src/%.c $(LOCAL_HEADERS)
	@mkdir -p $(@D)
	gcc $(CFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -Werror -c -o $@ $<

.warnings/clang/%.o: src/%.c $(LOCAL_HEADERS)
	@mkdir -p $(@D)
	$(CLANG_FOUND) $(CFLAGS) $(CFLAGS_SL) $(CPPFLAGS) -Werror \
	  -Wno-unknown-warning-option -Wno-ignored-optimization-argument \
	  -Wno-ignored-attributes -Wno-cast-function-type-strict -c -o $@ $<

else # no PGXS

# The package for the server that is installed, else for that which the
# distribution has
all install uninstall installcheck check-warnings:
	@version=$$(ls -d /usr/lib/postgresql/*/bin/postgres 2>/dev/null | sed 's|.*postgresql/\([0-9]*\)/bin.*|\1|' | sort -n | tail -n 1); \
	test -n "$$version" || version=$$(apt-cache policy postgresql 2>/dev/null | sed -n 's/.*Candidate: \([0-9][0-9]*\).*/\1/p'); \
	if command -v apt-get >/dev/null; then \
	  package="postgresql-server-dev-$${version:-VERSION}"; \
	elif command -v dnf >/dev/null; then package=postgresql-server-devel; \
	else package="the package of your distribution"; fi; \
	echo "$@: '$(PG_CONFIG) --pgxs' names no makefile: install PostgreSQL's server headers ($$package) or set PG_CONFIG" >&2; exit 1

clean:
	rm -rf pg_querywatch.so src/*.o src/*/*.o src/*.bc src/*/*.bc $(EXTRA_CLEAN)

endif

demo:
	@test/demo/run

apps: install
	@test/apps/all

test:
	@SUITES='$(SUITES)' test/run

# Of libFuzzer, on each of what reads foreign bytes
SECONDS = 600

fuzz:
	@FUZZ_KEEP=1 FUZZ_SECONDS='$(SECONDS)' SUITES=fuzz test/run

# The suites with a server that says what it does wrong with memory
test-sanitize:
	@UNDER=sanitize SUITES='$(if $(filter command line environment,$(origin SUITES)),$(SUITES),regress isolation tap)' \
	  test/run

test-valgrind:
	@UNDER=valgrind SUITES='$(if $(filter command line environment,$(origin SUITES)),$(SUITES),regress)' \
	  test/run

# The suites on a server that checks itself
test-assert:
	@UNDER=assert SUITES='$(if $(filter command line environment,$(origin SUITES)),$(SUITES),regress isolation tap)' \
	  test/run

# Regression tests, restarts and crashes on a server that starts its processes
# by exec, as on Windows
test-exec-backend:
	@UNDER=exec-backend SUITES='$(if $(filter command line environment,$(origin SUITES)),$(SUITES),regress tap)' \
	  TESTS='$(if $(filter command line environment,$(origin TESTS)),$(TESTS),004_crash 009_worker 010_snapshot)' \
	  test/run

# Random statements, for so many seconds
test-sqlsmith:
	@DURATION='$(or $(DURATION),600)' SUITES=sqlsmith test/run

# Loops and their rewrites, for so many seconds
prove:
	@DURATION='$(or $(DURATION),600)' SUITES=prove test/run

# Versions of "make test-matrix": all of them unless some are named
VERSIONS =

test-matrix:
	@VERSIONS='$(VERSIONS)' $(if $(filter command line,$(origin SUITES)),SUITES='$(SUITES)') \
	  test/matrix/run

# PostgreSQL's own suites that "make test-core" runs: regress isolation, and
# runnable: their statements through runnable_sql
CORE =

test-core:
	@CORE='$(CORE)' test/core/run

# Parts of "make bench": all of them unless some are named
PARTS ?=

bench:
	@PARTS='$(PARTS)' test/bench/run

bench-check:
	@test/bench/run check

stress:
	@test/stress/run

soak:
	@test/soak/run

unit regress isolation tap orm prometheus docs format source warnings static:
	@SUITES='$@' test/run

# pg_bsd_indent with the flags of PostgreSQL's pgindent
INDENT = pg_bsd_indent
INDENT_FLAGS = -bad -bap -bbb -bc -bl -cli1 -cp33 -cdb -nce -d0 -di12 -nfc1 \
	-i4 -l79 -lp -lpl -nip -npro -sac -tpg -ts4
TYPEDEFS = src/typedefs.list

indent-check:
	@INDENT='$(INDENT)' INDENT_FLAGS='$(INDENT_FLAGS)' TYPEDEFS='$(TYPEDEFS)' \
	  test/setup/indent --check

indent:
	@INDENT='$(INDENT)' INDENT_FLAGS='$(INDENT_FLAGS)' TYPEDEFS='$(TYPEDEFS)' \
	  test/setup/indent

regress-list:
	@echo $(REGRESS)

help:
	@echo "make                build the extension for the server of PG_CONFIG"
	@echo "make install        install it there"
	@echo "make installcheck   regression tests on that running server (library preloaded)"
	@echo "make demo           show what it finds in a SQLAlchemy application, on a throwaway"
	@echo "                    server; KEEP=1 leaves the server running"
	@echo "make test           every test, on throwaway servers; SUITES='unit regress' only those"
	@echo "make test-matrix    make test on each PostgreSQL that Debian has, in systems of their own,"
	@echo "                    as root, two at a time; VERSIONS='17 18' only those, JOBS=1 one by one"
	@echo "make test-core      PostgreSQL's own tests with the library, compared with without"
	@echo "make unit           only the unit tests; so do regress, isolation, tap, orm,"
	@echo "                    prometheus, docs, format, source, warnings and static; SUITES=demo checks the demo"
	@echo "                    TESTS='006_cancel 035_memory' of tap's only those; CANCEL_SECONDS=120"
	@echo "                    and LARGE=1 have these two do more"
	@echo "make fuzz           ten minutes of libFuzzer on each part that reads foreign bytes;"
	@echo "                    and of random statements while others read (SEED=n repeats);"
	@echo "                    SECONDS=60 for less; keeps what it finds in test/fuzz/corpus"
	@echo "make test-sanitize  regression, isolation and TAP tests with the address and the"
	@echo "                    undefined behaviour sanitizer; SUITES=orm others"
	@echo "make test-assert    the same tests on a server with assertions and checks of memory,"
	@echo "                    which is built once; SOURCE=folder of PostgreSQL's source"
	@echo "make test-exec-backend  regression tests, restarts and crashes on a server that starts"
	@echo "                    its processes by exec, as on Windows, which is built once;"
	@echo "                    SOURCE=folder of PostgreSQL's source"
	@echo "make test-valgrind  regression tests with that server under valgrind's memcheck"
	@echo "make test-sqlsmith  sqlsmith's random statements for DURATION seconds (600);"
	@echo "                    SOURCE=folder of PostgreSQL's source: on its regression database"
	@echo "                    and UNDER=assert or UNDER=sanitize as above"
	@echo "make prove          random loops by several drivers, and on equal copies of the data the"
	@echo "                    rewrites that querywatch.findings gives: the same results? for"
	@echo "                    DURATION seconds (600); SEED=n other cases, ONLY=n one of them"
	@echo "make bench          what it costs, beside pg_stat_statements; PARTS='instructions'"
	@echo "                    only that (instructions, throughput, churn, reading, memory,"
	@echo "                    pipelined, findings, scraping, sampling); QUICK=1 a first look, DOCUMENT=1"
	@echo "                    puts the tables into doc/performance.md"
	@echo "make apps           as root: what is found in Redmine, on the server installed here"
	@echo "make bench-check    do instruction counts still agree with the committed ones?"
	@echo "make stress         32 writers, readers, resets and evictions at once, for DURATION"
	@echo "                    seconds (300), then an exact count"
	@echo "make soak           64 clients, an ORM's among them, readers, resets and restarts, for"
	@echo "                    DURATION seconds (1800), with an exact count"
	@echo "make check-warnings compile with gcc and clang, warnings are errors"
	@echo "make check-static   cppcheck, clang-tidy and clang's analyzer (scan-build) find nothing"
	@echo "make indent-check   is the C code formatted as pgindent would? (make indent does it)"
	@echo "make clean          remove what was built"
	@echo
	@echo "PG_CONFIG=/path/to/pg_config chooses a server; demo and test install the Debian"
	@echo "packages they miss, and touch no database cluster that is there.  orm fetches"
	@echo "the packages of its Node.js tests with npm, and skips those without a network."

FORCE:

.PHONY: all apps demo test test-matrix test-core fuzz test-sanitize test-valgrind test-assert test-exec-backend test-sqlsmith stress soak bench bench-check unit regress isolation tap orm prove \
	prometheus docs format source warnings static help \
	indent indent-check check-static check-cppcheck check-tidy check-scan \
	scan-sources $(TIDY_SOURCES) $(SCAN_SOURCES) check-warnings check-warnings-gcc \
	check-warnings-clang clang-found metrics-flags installcheck-server regress-list FORCE

# What is on this machine: finds PostgreSQL, Python and compilers, for
# packages and lib.bash.  Sourced; prints nothing.

# Oldest major version that pg_querywatch supports
PG_OLDEST=15

die()
{
	printf '%s\n' "$*" >&2
	exit 1
}

have()
{
	command -v "$1" >/dev/null 2>&1
}

# pg_major PG_CONFIG: 15, or nothing
pg_major()
{
	"$1" --version 2>/dev/null | sed -n 's/^PostgreSQL \([0-9][0-9]*\).*/\1/p'
}

# Does this pg_config belong to a server with headers, of a version we know?
pg_complete()
{
	local bindir pgxs include major

	major=$(pg_major "$1")
	[ -n "$major" ] && [ "$major" -ge "$PG_OLDEST" ] || return 1
	bindir=$("$1" --bindir) && pgxs=$("$1" --pgxs) &&
		include=$("$1" --includedir-server) || return 1
	[ -x "$bindir/postgres" ] && [ -x "$bindir/initdb" ] &&
		[ -f "$pgxs" ] && [ -f "$include/postgres.h" ]
}

# Debian's majors that have this program, newest first
debian_majors()
{
	local path

	for path in /usr/lib/postgresql/*/bin/"$1"; do
		[ -x "$path" ] || continue
		path=${path#/usr/lib/postgresql/}
		[ "${path%%/*}" -ge "$PG_OLDEST" ] 2>/dev/null && echo "${path%%/*}"
	done | sort -rn
}

# Sets PG_CONFIG to the pg_config to use; false if there is none
find_postgresql()
{
	local candidate

	if [ -n "${PG_CONFIG:-}" ]; then
		candidate=$(command -v "$PG_CONFIG") ||
			die "PG_CONFIG=$PG_CONFIG is not there"
		if pg_complete "$candidate"; then
			PG_CONFIG=$candidate
			return 0
		fi
		[ "$PG_CONFIG" = pg_config ] ||
			die "PG_CONFIG=$PG_CONFIG is not of a PostgreSQL $PG_OLDEST or later with server and headers"
	fi

	candidate=$(command -v pg_config || true)
	if [ -n "$candidate" ] && pg_complete "$candidate"; then
		PG_CONFIG=$candidate
		return 0
	fi
	for candidate in $(debian_majors pg_config); do
		candidate=/usr/lib/postgresql/$candidate/bin/pg_config
		if pg_complete "$candidate"; then
			PG_CONFIG=$candidate
			return 0
		fi
	done
	PG_CONFIG=
	return 1
}

# python_has INTERPRETER MODULE...
python_has()
{
	local interpreter=$1 module

	shift
	have "$interpreter" || return 1
	for module in "$@"; do
		set -- "$@" "import $module"
		shift
	done
	printf '%s\n' "$@" | "$interpreter" - >/dev/null 2>&1
}

# Sets PYTHON to an interpreter that has these modules; false if there is
# none.  The system's comes first: one that shadows it in the PATH rarely has
# the distribution's modules.
find_python()
{
	local candidate

	if [ -n "${PYTHON:-}" ]; then
		python_has "$PYTHON" "$@" && return 0
		die "PYTHON=$PYTHON lacks one of the modules: $*"
	fi
	for candidate in /usr/bin/python3 python3; do
		if python_has "$candidate" "$@"; then
			PYTHON=$(command -v "$candidate")
			return 0
		fi
	done
	return 1
}

# shellcheck disable=SC2034
PYTHON_MODULES_DEMO='sqlalchemy psycopg2'
# shellcheck disable=SC2034
PYTHON_MODULES_TEST='sqlalchemy psycopg2 greenlet asyncpg psycopg django pytest'

# A throwaway PostgreSQL for the demo and the tests.  Sourced by bash scripts
# that run with set -euo pipefail.
#
# Everything lives in one temporary folder, $work, which is removed at the
# end along with the server in it:
#
#	$work/pg		a private copy of the server's installation, found by
#					PostgreSQL relative to its programs; the extension is
#					installed there, so the system's folders stay as they are
#	$work/src		a copy of the checkout, built there
#	$work/data, $work/server.log, $work/.s.PGSQL.5432
#
# Called by root, all of it belongs to, and runs as, an unprivileged user.

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
top=$(cd "$here/../.." && pwd)
# shellcheck source=find.bash
. "$here/find.bash"

# A caller's make, locale and client settings are not for ours.
unset MAKEFLAGS MFLAGS MAKELEVEL MAKEOVERRIDES
unset PGHOST PGHOSTADDR PGPORT PGDATABASE PGUSER PGPASSWORD PGPASSFILE
unset PGSERVICE PGSERVICEFILE PGOPTIONS PGAPPNAME PGSSLMODE PGTZ PGCLIENTENCODING
unset PGREQUIRESSL PGSSLROOTCERT PGCHANNELBINDING PGDATESTYLE PGCONNECT_TIMEOUT
export LC_ALL=C.UTF-8 LANG=C.UTF-8
umask 022

work=
keep=false						# leave the server running at the end

step()
{
	printf '==> %s\n' "$*"
}

# Removes everything, whatever happens.  Called at exit.
clean_up()
{
	local status=$?

	trap - EXIT
	trap '' INT TERM HUP
	if [ -n "$work" ] && ! $keep; then
		cluster_stop immediate
		rm -rf "$work"
	fi
	exit "$status"
}

# Creates $work, and finds who owns it
work_create()
{
	local parent=${TMPDIR:-/tmp}

	# A socket's path has room for some 100 characters.
	[ ${#parent} -le 60 ] || parent=/tmp
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM
	trap 'exit 129' HUP
	work=$(mktemp -d "$parent/pgqw.XXXXXX")

	user=$(id -un)
	if [ "$(id -u)" -eq 0 ]; then
		if id postgres >/dev/null 2>&1; then
			user=postgres
		else
			user=nobody
		fi
		chown "$user" "$work"
		as_user test -x "$work" ||
			die "user $user cannot enter $work: set TMPDIR to a folder that all may enter"
	fi
	chmod 755 "$work"
}

# as_user COMMAND...: as the unprivileged user, in $work
as_user()
{
	if [ "$(id -u)" -ne 0 ]; then
		(cd "$work" && "$@")
	elif have runuser; then
		(cd "$work" && HOME=$work exec runuser -u "$user" -- "$@")
	else
		(cd "$work" && exec su -s /bin/sh "$user" -c \
			"HOME='$work' exec $(printf '%q ' "$@")")
	fi
}

# Runs a command silently; shows the end of what it printed when it fails.
# quietly WHAT COMMAND...
quietly()
{
	local what=$1 log=$work/quietly.log

	shift
	if ! "$@" >"$log" 2>&1; then
		tail -n 40 "$log" >&2
		die "$what failed"
	fi
}

# Copies the server's installation to $work/pg, at the same paths, and makes
# $PG_CONFIG that of the copy
install_tree()
{
	local bindir sharedir pkglibdir includedir name

	bindir=$("$PG_CONFIG" --bindir)
	sharedir=$("$PG_CONFIG" --sharedir)
	pkglibdir=$("$PG_CONFIG" --pkglibdir)
	as_user mkdir -p "$work/pg$bindir" "$work/pg$sharedir" "$work/pg$pkglibdir"

	# Programs find the rest by their own real path, so they are copied; what
	# is only read can be a link.
	as_user cp -R "$bindir/." "$work/pg$bindir"
	as_user cp -R "$sharedir/." "$work/pg$sharedir"
	for name in "$pkglibdir"/*; do
		case ${name##*/} in
			bitcode|pg_querywatch.so) ;;
			*) [ -e "$work/pg$name" ] || as_user ln -s "$name" "$work/pg$name" ;;
		esac
	done
	as_user rm -f "$work/pg$sharedir"/extension/pg_querywatch*

	# so that the copy's pg_config can be built with
	for includedir in "$("$PG_CONFIG" --includedir)" "$("$PG_CONFIG" --pkgincludedir)"; do
		if [ -d "$includedir" ] && [ ! -e "$work/pg$includedir" ]; then
			as_user mkdir -p "$(dirname "$work/pg$includedir")"
			as_user ln -s "$includedir" "$work/pg$includedir"
		fi
	done

	PG_CONFIG=$work/pg$bindir/pg_config
	bindir=$work/pg$bindir
	as_user "$PG_CONFIG" --version >/dev/null 2>&1 ||
		die "cannot run programs in $work: set TMPDIR to a folder that is not mounted noexec"
	if [ "$("$PG_CONFIG" --bindir)" != "$bindir" ] ||
		[ "$("$PG_CONFIG" --sharedir)" != "$work/pg$sharedir" ]; then
		die "$bindir does not find its own files: this PostgreSQL cannot be relocated"
	fi
	PATH=$bindir:$PATH
	export PATH PG_CONFIG
}

# Copies the checkout to $work/src, without what is built or hidden in it
copy_source()
{
	as_user mkdir -p "$work/src"
	(cd "$top" && tar -cf - --exclude='./.git' --exclude='./.warnings' --exclude='./.static' \
		--exclude='./.programs' \
		--exclude='./test/output' --exclude='*.o' --exclude='*.bc' \
		--exclude='*.so' --exclude='__pycache__' --exclude=node_modules .) |
		as_user tar -xf - --no-same-owner -C "$work/src"
}

processors()
{
	getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2
}

# make_in_source ARGUMENTS...
make_in_source()
{
	as_user make -s -C "$work/src" -j "$(processors)" with_llvm=no \
		PG_CONFIG="$PG_CONFIG" "$@"
}

# Has every server started the way of UNDER, by a script in the place of
# "postgres"
wrap_server()
{
	local bindir log=$work/$UNDER.log

	bindir=$("$PG_CONFIG" --bindir)
	as_user mv "$bindir/postgres" "$bindir/postgres.real"
	{
		echo '#!/bin/bash'
		echo "real='$bindir/postgres.real'"
		case $UNDER in
			sanitize)
				as_user gcc -shared -fPIC -Wl,-z,initfirst -DLOG_PATH="\"$log\"" \
					-o "$work/sanitizer_first.so" "$work/src/test/setup/sanitizer_first.c"
				echo "export LD_PRELOAD='$work/sanitizer_first.so $(gcc -print-file-name=libasan.so) $(gcc -print-file-name=libubsan.so) '\"\${LD_PRELOAD:-}\""
				# shellcheck disable=SC2016
				echo 'exec -a "$0" "$real" "$@"'
				;;
			valgrind)
				# not initdb's, which load no library
				# shellcheck disable=SC2016
				echo 'case ${1:-} in --*|-V) exec "$real" "$@" ;; esac'
				echo "exec valgrind --quiet --leak-check=no --track-origins=yes --num-callers=30" \
					"--error-limit=no --time-stamp=yes --log-file='$log.%p'" \
					"--suppressions='$work/src/test/setup/valgrind.supp'" '"$real" "$@"'
				;;
		esac
	} | as_user tee "$bindir/postgres" >/dev/null
	as_user chmod 755 "$bindir/postgres"
}

# cluster_start SETTING...: a cluster in $work that listens on a socket there
cluster_start()
{
	local setting

	quietly initdb as_user initdb -D "$work/data" -U postgres -A trust \
		-E UTF8 --no-locale --no-sync
	{
		echo "listen_addresses = ''"
		echo "unix_socket_directories = '$work'"
		echo "fsync = off"
		echo "max_connections = 40"
		echo "log_line_prefix = '%m [%p] %q%a '"
		for setting; do
			echo "$setting"
		done
	} | as_user tee -a "$work/data/postgresql.conf" >/dev/null
	if ! as_user pg_ctl -D "$work/data" -t 300 -l "$work/server.log" -w -s start; then
		tail -n 20 "$work/server.log" >&2
		die "the server did not start"
	fi
	export PGHOST=$work PGPORT=5432 PGUSER=postgres PGDATABASE=postgres
}

# cluster_stop [MODE]
cluster_stop()
{
	[ -f "$work/data/postmaster.pid" ] || return 0
	as_user pg_ctl -D "$work/data" -m "${1:-fast}" -w -s stop >/dev/null 2>&1 || true
}

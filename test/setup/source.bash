# PostgreSQL's source, for what needs it.  Sourced, after find.bash.

# fetch_source FOLDER: downloads the source package of the installed server
# $major, or of another of its minor versions, into FOLDER, with apt's own
# mirrors.  Uses FOLDER.apt for apt's lists.
fetch_source()
(
	local folder=$1 version name keyring=/usr/share/keyrings/debian-archive-keyring.gpg
	local apt=(apt-get -o Dir::Etc::sourcelist="$folder.apt/sources.list"
		-o Dir::Etc::sourceparts=/dev/null -o Dir::State::lists="$folder.apt/lists"
		-o Dir::Cache::srcpkgcache= -o Dir::Cache::pkgcache=
		-o APT::Sandbox::User=root -o Acquire::Check-Valid-Until=false)

	have apt-get && have dpkg-query || return 1
	name=$(dpkg-query -W -f '${source:Package}' "postgresql-$major" 2>/dev/null) &&
		version=$(dpkg-query -W -f '${source:Version}' "postgresql-$major") || return 1
	[ -f $keyring ] || keyring=
	mkdir -p "$folder.apt/lists/partial" "$folder"
	apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' \
		'Identifier: Packages' 2>/dev/null | sort -u |
		grep -E ' main$' | grep -Ei 'debian|ubuntu|postgresql' |
		sed "s|^|deb-src ${keyring:+[signed-by=$keyring] }|" >"$folder.apt/sources.list"
	"${apt[@]}" update
	cd "$folder"
	for version in "$version" $("${apt[@]/#apt-get/apt-cache}" showsrc "$name" |
		sed -n 's/^Version: //p' | sort -rVu); do
		rm -f "$folder"/*
		if "${apt[@]}" source --download-only "$name=$version"; then
			return 0
		fi
	done
	return 1
)

# Prints the name of the archive that fetch_source left in FOLDER, and sees to
# it that it can be unpacked
source_archive()
{
	local archive

	archive=$(ls "$1"/*.orig.tar.* | sed -n 1p)
	case $archive in
		*.bz2) have bzip2 || "$top/test/setup/apt-install" bzip2 >&2 ;;
		*.xz) have xz || "$top/test/setup/apt-install" xz-utils >&2 ;;
	esac
	echo "$archive"
}

# The program that unpacks it
source_decompressor()
{
	case $1 in
		*.bz2) echo bzip2 ;;
		*.xz) echo xz ;;
		*) echo gzip ;;
	esac
}

#!/usr/bin/env bash
# Installs the programs that DocuFlow calls, as far as they are missing.
#
#   deploy/setup.sh        what running it needs: PostgreSQL, qpdf, tesseract
#   deploy/setup.sh test   what its tests need on top: Chromium, Node, swaks, Python
#
# On Debian and its relatives packages are installed, as root or through sudo;
# nothing is asked and no database server is started. Elsewhere it says what is
# missing. When nothing is missing it changes nothing and prints nothing.
set -euo pipefail
cd "$(dirname "$0")/.."

purpose=${1:-run}
languages=(eng deu fra spa ita nld por pol)
log=.cache/setup.log
packages=() # Debian's names
formulae=() # Homebrew's names

main() {
	look_for_programs
	[ ${#packages[@]} -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		tell_what_is_missing
	elif [ "$(id -u)" -eq 0 ]; then
		install_packages
	elif command -v sudo >/dev/null; then
		install_packages sudo
	else
		fail "needs root to install packages, run: apt-get install ${packages[*]}"
	fi
}

look_for_programs() {
	find_postgres || need postgresql postgresql@17
	command -v qpdf >/dev/null || need qpdf qpdf
	local installed language
	installed=$(tesseract --list-langs 2>/dev/null || true)
	for language in "${languages[@]}"; do
		grep -qx "$language" <<<"$installed" || need "tesseract-ocr-$language" tesseract-lang
	done
	command -v tesseract >/dev/null || need tesseract-ocr tesseract
	[ -e "${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}" ] || ! command -v apt-get >/dev/null || need ca-certificates - # for Go's downloads
	if [ "$purpose" = test ]; then
		find_chromium || need chromium "--cask chromium"
		command -v swaks >/dev/null || need swaks swaks
		perl -MNet::SSLeay -e 1 2>/dev/null || need libnet-ssleay-perl swaks # TLS in swaks
		command -v python3 >/dev/null || need python3 python
		command -v node >/dev/null || need nodejs node
	fi
}

need() {
	packages+=("$1")
	[[ " ${formulae[*]-} " == *" $2 "* ]] || formulae+=("$2")
}

find_postgres() {
	local bin
	for bin in "${DOCUFLOW_PG_BIN:-}" /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin \
		/usr/pgsql-*/bin /Applications/Postgres.app/Contents/Versions/*/bin; do
		[ ! -x "$bin/initdb" ] || return 0
	done
	command -v initdb >/dev/null
}

find_chromium() {
	local program
	for program in chromium chromium-browser google-chrome; do
		! command -v "$program" >/dev/null || return 0
	done
	[ -d /Applications/Chromium.app ] || [ -d "/Applications/Google Chrome.app" ]
}

tell_what_is_missing() {
	local hint="install them: ${packages[*]}"
	! command -v brew >/dev/null || hint="run: brew install ${formulae[*]}"
	if [ "$purpose" = test ] && [ "${CI:-}" != true ]; then
		echo "setup: some tests will be skipped, programs are missing, $hint" >&2
		return
	fi
	fail "programs are missing, $hint"
}

install_packages() {
	local as_root=("$@")
	if [ ${#as_root[@]} -gt 0 ] && [ ! -t 0 ]; then
		as_root+=(-n) # nobody is there to type a password
	fi
	mkdir -p .cache && : >"$log"
	step "updating the package lists"
	apt_get update || true # one dead source among many does not matter; what does shows below
	if [[ " ${packages[*]} " == *" postgresql "* ]]; then
		step "telling Debian not to start a database server of its own"
		"${as_root[@]}" sh -c 'mkdir -p /etc/postgresql-common/createcluster.d &&
			echo "create_main_cluster = false" >/etc/postgresql-common/createcluster.d/docuflow.conf' 2>>"$log" || give_up
	fi
	step "installing ${packages[*]} (a minute or two)"
	apt_get install --yes --no-install-recommends "${packages[@]}" || give_up
}

apt_get() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get --quiet \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" >>"$log" 2>&1 </dev/null
}

give_up() {
	fail "failed: $(grep -E '^(E:|sudo:|dpkg: error)' "$log" | tail -n 1) (all of it: $log), mend that and run make setup again"
}

step() { echo "setup: $*"; }

fail() {
	echo "setup: $*" >&2
	exit 1
}

main

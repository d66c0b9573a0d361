#!/usr/bin/env bash
# Prints what the tests run against, a line each. With CI=true it fails when
# something is missing: its tests would be skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

missing=()

line() {
	local name=$1 version=$2
	if [ -z "$version" ]; then
		missing+=("$name")
		version="MISSING, its tests are skipped"
	fi
	printf '  %-12s %s\n' "$name" "$version"
}

# ask prints the first line that a program says about its version; nothing when there is no such program.
ask() { "$@" 2>/dev/null | head -n 1 || true; }

postgres_version() {
	local bin
	for bin in "${DOCUFLOW_PG_BIN:-}" /usr/lib/postgresql/*/bin /opt/homebrew/opt/postgresql*/bin /usr/local/opt/postgresql*/bin; do
		[ ! -x "$bin/postgres" ] || "$bin/postgres" --version
	done | sort -V | tail -n 1
}

chromium_version() {
	local program
	for program in chromium chromium-browser google-chrome \
		"/Applications/Chromium.app/Contents/MacOS/Chromium" "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome"; do
		! command -v "$program" >/dev/null || { ask "$program" --version && return; }
	done
}

echo "tested against:"
line Go "$(ask go env GOVERSION)"
line PostgreSQL "$(postgres_version)"
line "S3 server" "$(go version -m .cache/tools/versitygw 2>/dev/null | awk '$1 == "mod" { print "versitygw " $3 }')"
line Chromium "$(chromium_version)"
line Node "$(ask node --version)"
line qpdf "$(ask qpdf --version)"
line tesseract "$(ask tesseract --version)"

if [ "${CI:-}" = true ] && [ ${#missing[@]} -gt 0 ]; then
	echo "missing with CI=true: ${missing[*]}" >&2
	exit 1
fi

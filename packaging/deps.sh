#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that something needs, once; on other systems say what is needed.
#   packaging/deps.sh BUILD [build|test|lint|fuzz]
set -eu
build=${1:-build} goal=${2:-build}
case $goal in
build)	packages="libjansson-dev libyaml-dev libcurl4-openssl-dev libevent-dev libsqlite3-dev libseccomp-dev libsodium-dev
libpcre2-dev libunistring-dev libminizip-dev libexpat1-dev libgmime-3.0-dev libcmark-gfm-dev libedit-dev pkgconf mandoc" programs= ;;
test)	packages="libcmocka-dev libnng-dev python3 python3-pytest python3-pytest-xdist python3-yaml python3-cryptography iproute2
dovecot-imapd exim4-daemon-light openssl poppler-utils graphicsmagick librsvg2-bin tesseract-ocr" programs=npm ;;
lint)	packages= programs=clang ;;
fuzz)	packages=$(clang -dumpversion | sed 's/\..*//; s/.*/libclang-rt-&-dev/') programs= ;;	# after lint
*)	echo "usage: deps.sh BUILD [build|test|lint|fuzz]" >&2; exit 1 ;;
esac
stamp=$build/deps.$goal
want=$(echo $packages $programs)

[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && exit 0
if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "to $goal, alpi needs these (Debian names); install what matches on this system:"
	echo "  $want"
	mkdir -p "$build" && echo "$want" > "$stamp"
	exit 0
fi
missing=
for p in $packages; do
	dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
for p in $programs; do		# which other packages than Debian's may have brought
	command -v "$p" >/dev/null 2>&1 || missing="$missing $p"
done

sudo=
# The tests start mail servers of their own: those that come as services are neither started nor enabled.
policy=/usr/sbin/policy-rc.d
install() {
	if [ ! -e $policy ]; then
		printf '#!/bin/sh\nexit 101\n' | $sudo tee $policy >/dev/null
		trap '$sudo rm -f $policy' EXIT
		$sudo chmod 755 $policy
	fi
	$sudo apt-get update -q >/dev/null
	$sudo env DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null
	for p in dovecot-imapd:dovecot exim4-daemon-light:exim4; do
		case " $* " in *" ${p%:*} "*)
			! command -v systemctl >/dev/null || $sudo systemctl disable -q "${p#*:}" 2>/dev/null || true ;;
		esac
	done
}

if [ -n "$missing" ]; then
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo >/dev/null 2>&1 || {
			echo "to $goal, alpi needs these packages; install them as root:" >&2
			echo "  apt-get install$missing" >&2
			exit 1
		}
	fi
	echo "installing the Debian packages that are needed to $goal, in a minute or two:$missing"
	install $missing
fi
mkdir -p "$build"
echo "$want" > "$stamp"

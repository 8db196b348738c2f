#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Install the Debian packages that building and testing need, once; elsewhere say what is needed.
set -eu
build=${1:-build}
build_packages="libjansson-dev libyaml-dev libcurl4-openssl-dev libevent-dev libsqlite3-dev
libseccomp-dev libsodium-dev libpcre2-dev libunistring-dev libminizip-dev libexpat1-dev libgmime-3.0-dev libcmark-gfm-dev libedit-dev pkgconf mandoc"
test_packages="libcmocka-dev libnng-dev python3 python3-pytest python3-pytest-xdist python3-yaml python3-cryptography iproute2
dovecot-imapd exim4-daemon-light openssl
poppler-utils graphicsmagick librsvg2-bin tesseract-ocr"
packages="$build_packages $test_packages"
stamp=$build/deps
want=$(echo $packages)

[ -f "$stamp" ] && [ "$(cat "$stamp")" = "$want" ] && exit 0
if ! command -v dpkg-query >/dev/null 2>&1; then
	echo "alpi needs these (Debian names) to build and test; install what matches on this system:"
	echo "  $want"
	mkdir -p "$build" && echo "$want" > "$stamp"
	exit 0
fi
missing=
for p in $packages; do
	dpkg-query -W -f='${db:Status-Status}\n' "$p" 2>/dev/null | grep -qx installed || missing="$missing $p"
done
if [ -n "$missing" ]; then
	sudo=
	if [ "$(id -u)" != 0 ]; then
		sudo=sudo
		command -v sudo >/dev/null 2>&1 || {
			echo "missing packages:$missing" >&2
			echo "install them as root: apt-get install$missing" >&2
			exit 1
		}
	fi
	echo "installing the Debian packages this build needs:$missing"
	$sudo apt-get update -q >/dev/null
	DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -q --no-install-recommends $missing >/dev/null
fi
mkdir -p "$build"
echo "$want" > "$stamp"

#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Take out of DESTDIR/PREFIX what install.sh puts there, and nothing else; homes (~/.alpi) stay.
#   packaging/uninstall.sh DESTDIR PREFIX
set -eu
to=$1$2

rm -f "$to/bin/alpi" "$to/libexec/alpi"/alpi-*
for page in docs/*.[1578]; do
	rm -f "$to/share/man/man${page##*.}/${page##*/}.gz"
done
rm -f "$to/share/bash-completion/completions/alpi" "$to/share/zsh/site-functions/_alpi" \
	"$to/lib/systemd/user/alpi-daemon.service" "$to/share/alpi/config.yaml"
for folder in "$to/libexec/alpi" "$to/share/alpi"; do
	[ ! -d "$folder" ] || rmdir --ignore-fail-on-non-empty "$folder"
done

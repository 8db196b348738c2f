#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# Copy a build into DESTDIR/PREFIX: bin/alpi, libexec/alpi/*, man pages, completions, the service unit.
#   packaging/install.sh BUILD DESTDIR PREFIX
set -eu
build=$1
to=$2$3

install -d "$to/bin" "$to/libexec/alpi" "$to/share/alpi"
install -s -m 755 "$build/bin/alpi" "$to/bin/alpi"
for program in "$build"/libexec/alpi/*; do
	install -s -m 755 "$program" "$to/libexec/alpi/${program##*/}"
done
for page in docs/*.[1578]; do
	section=${page##*.}
	install -d "$to/share/man/man$section"
	gzip -9nc "$page" > "$to/share/man/man$section/${page##*/}.gz"
	chmod 644 "$to/share/man/man$section/${page##*/}.gz"
done
install -d "$to/share/bash-completion/completions" "$to/share/zsh/site-functions" "$to/lib/systemd/user"
"$build/bin/alpi" completion bash > "$to/share/bash-completion/completions/alpi"
"$build/bin/alpi" completion zsh > "$to/share/zsh/site-functions/_alpi"
sed "s,@PREFIX@,$3," packaging/alpi.service > "$to/lib/systemd/user/alpi-daemon.service"
install -m 644 packaging/config.yaml "$to/share/alpi/config.yaml"

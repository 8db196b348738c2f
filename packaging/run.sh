#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
# A chat on a throw-away home: the tree's own programs, a model provider that the environment names, or
# the offline stand-in. Without a terminal: one demonstration turn with a tool call. The daemon ends with us.
#   packaging/run.sh BUILD
set -eu
build=$(cd "${1:-build}" && pwd)
alpi=$build/bin/alpi
home=$build/run
temporary=

# A socket's path holds 107 bytes, and the longest one adds 27 to the home's.
if [ ${#home} -gt 80 ]; then
	home=$(mktemp -d /tmp/alpi-run-XXXXXX)
	temporary=$home
	echo "$build/run is too long a path for sockets; the home is $home"
fi
export ALPI_HOME="$home"
unset ALPI_PROFILE

finish() {
	"$alpi" daemon stop >/dev/null 2>&1 || true
	[ -z "$temporary" ] || rm -rf "$temporary"
}
trap finish EXIT
trap 'exit 130' INT TERM

"$alpi" daemon stop >/dev/null 2>&1 || true		# one that an earlier run left behind
rm -rf "$home"
mkdir -p "$home/workspace"
chmod 700 "$home"
printf 'alpi reads, writes and runs commands here, and nowhere else.\n' > "$home/workspace/README"
"$alpi" daemon start --detach >/dev/null

# ALPI_MODEL names a model; otherwise the provider's usual one.
setup() {
	"$alpi" setup --workspace "$home/workspace" ${ALPI_MODEL:+--model "$ALPI_MODEL"} "$@"
}

with_key() {
	provider=$1 key=$2
	shift 2
	[ -n "$key" ] && printf '%s' "$key" | setup --provider "$provider" --key-stdin "$@"
}

choose() {
	if [ -n "${OPENAI_BASE_URL:-}" ]; then
		url=${OPENAI_BASE_URL%/}
		setup --provider server --url "${url%/v1}" && return
	fi
	with_key openai "${OPENAI_API_KEY:-}" && return
	[ -n "${ALPI_MODEL:-}" ] && with_key openrouter "${OPENROUTER_API_KEY:-}" && return
	[ -n "${ALPI_MODEL:-}" ] && with_key groq "${GROQ_API_KEY:-}" && return
	with_key anthropic "${ANTHROPIC_API_KEY:-}" && return
	with_key gemini "${GEMINI_API_KEY:-}" && return
	setup --provider ollama 2>/dev/null && return
	offline
}

offline() {
	"$alpi" setup --provider offline --workspace "$home/workspace"
}

if [ -t 0 ] && [ -t 1 ]; then
	choose
	trap : INT		# Ctrl-C is for the chat
	"$alpi" chat
else
	offline
	echo "no terminal: one turn with a tool call"
	echo "> run uname -s"
	"$alpi" chat --once "run uname -s" --emit-events
fi

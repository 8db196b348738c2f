# SPDX-License-Identifier: Apache-2.0
LIBSRCS += $(addprefix common/, \
	error.c mem.c buf.c log.c clock.c civil.c zone.c zone_rule.c zone_text.c cron.c json.c json_foreign.c base64.c atomic.c paths.c yaml.c yaml_edit.c config.c config_edit.c budget.c db.c restrict.c trim.c audit.c \
	strip.c env.c gateways.c process.c child.c confine.c unixsock.c notify.c logfile.c loop.c tail.c ask.c ask_serve.c boot_write.c \
	scan.c skill.c schema.c codec.c boot.c grant.c grant_mint.c grant_seal.c grant_text.c wire.c bus.c bus_inbox.c bus_ask.c call.c dispatch.c daemon.c follow.c heard.c multi.c http.c url.c)
# What a program that uses all of common/ links; each program lists what it needs of these.
common.LIBS := pcre2-8 nng event event_core sqlite3 yaml jansson sodium seccomp curl

# SPDX-License-Identifier: Apache-2.0
PROGS              += alpi-gatewayd
alpi-gatewayd.DIR  := $(LIBEXEC)
alpi-gatewayd.SRCS := $(addprefix gatewayd/, main.c gateway.c handlers.c allow.c banner.c botapi.c breaker.c commands.c delivery.c inbox.c intake.c markup.c \
	settings.c split.c telegram.c telegram_send.c threads.c turn.c turns.c update.c)
alpi-gatewayd.LIBS := event_core jansson sodium seccomp curl sqlite3 pcre2-8

# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-alpd
alpi-alpd.DIR  := $(LIBEXEC)
alpi-alpd.SRCS := $(addprefix alpd/, main.c anchor.c asks.c blob.c budget.c canonical.c client.c conn.c \
	dial.c doc.c doc_value.c envelope.c fence.c fetch.c frame.c handlers.c identity.c inbound.c key.c keyfile.c local.c \
	methods.c node.c noise.c peers.c peers_yaml.c pending.c ratelimit.c receive.c replay.c seal.c server.c settings.c \
	watch.c)
alpi-alpd.LIBS := event_core event_extra jansson yaml sodium seccomp m

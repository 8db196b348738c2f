# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-alpd
alpi-alpd.DIR  := $(LIBEXEC)
alpi-alpd.SRCS := $(addprefix alpd/, main.c anchor.c asks.c client.c fetch.c handlers.c local.c watch.c)
alpi-alpd.LIBS := nng event_core event_extra jansson yaml sodium seccomp

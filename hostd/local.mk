# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-hostd
alpi-hostd.DIR  := $(LIBEXEC)
alpi-hostd.SRCS := $(addprefix hostd/, main.c handlers.c host.c client.c params.c attachments.c sock.c methods.c \
	turns.c turn.c turn_rows.c followers.c stream.c approvals.c forward.c outputs.c peers.c schedule.c settings.c \
	settings_child.c settings_show.c settings_config.c settings_env.c settings_profiles.c init.c)
alpi-hostd.LIBS := event_core sqlite3 jansson yaml sodium seccomp

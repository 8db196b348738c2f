# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-hostd
alpi-hostd.DIR  := $(LIBEXEC)
alpi-hostd.SRCS := $(addprefix hostd/, main.c handlers.c host.c client.c params.c sock.c methods.c \
	turns.c turn.c turn_rows.c followers.c stream.c approvals.c forward.c settings.c settings_child.c \
	settings_show.c settings_config.c settings_env.c settings_gateway.c settings_storage.c settings_profiles.c init.c)
alpi-hostd.SRCS += $(addprefix hostd/, machine.c profile.c configure.c engine.c chat.c sessions.c memory.c skills.c attachments.c \
	outputs.c schedule.c gateway.c gmail.c questions.c events.c peers.c)
alpi-hostd.LIBS := event_core sqlite3 jansson yaml sodium seccomp

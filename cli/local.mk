# SPDX-License-Identifier: Apache-2.0
PROGS     += alpi
alpi.DIR  := $(BIN)
alpi.SRCS := $(addprefix cli/, main.c \
	args.c ask.c attach.c audit.c chains.c chat.c cli.c client.c commands.c completion.c control.c cron.c daemon.c doctor.c doctor_gateways.c \
	doctor_storage.c explain.c export.c gateway.c gateway_gmail.c gateway_on.c help.c interrupt.c logs.c memory.c once.c outputs.c peers.c peers_setup.c print.c probe.c profile.c prompt.c proto.c \
	render.c render_inline.c render_line.c request.c scan.c schedule.c service.c setup.c show.c skill.c skill_files.c skill_test.c text.c turn.c usage.c verbs.c)
alpi.LIBS := jansson edit yaml sodium pcre2-8

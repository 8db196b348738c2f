# SPDX-License-Identifier: Apache-2.0
PROGS               += alpi-scheduled
alpi-scheduled.DIR  := $(LIBEXEC)
alpi-scheduled.SRCS := $(addprefix scheduled/, main.c handlers.c jobs.c job.c due.c runs.c tick.c run.c agent.c result.c script.c watch.c edit.c tool.c)
alpi-scheduled.LIBS := event_core jansson yaml sqlite3 sodium seccomp pcre2-8

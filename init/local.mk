# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-init
alpi-init.DIR  := $(LIBEXEC)
alpi-init.SRCS := $(addprefix init/, main.c control.c logs.c spawn.c supervise.c units.c)

# SPDX-License-Identifier: Apache-2.0
PROGS            += alpi-unpack
alpi-unpack.DIR  := $(LIBEXEC)
alpi-unpack.SRCS := $(addprefix unpack/, main.c zip.c)
alpi-unpack.LIBS := jansson minizip sodium seccomp

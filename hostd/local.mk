PROGS          += alpi-hostd
alpi-hostd.DIR  := $(LIBEXEC)
alpi-hostd.SRCS := $(addprefix hostd/, main.c)
alpi-hostd.LIBS := nng event_core jansson yaml sodium seccomp

PROGS          += alpi-engined
alpi-engined.DIR  := $(LIBEXEC)
alpi-engined.SRCS := $(addprefix engined/, main.c)
alpi-engined.LIBS := nng event_core jansson yaml sodium seccomp

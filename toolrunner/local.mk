PROGS          += alpi-toolrunner
alpi-toolrunner.DIR  := $(LIBEXEC)
alpi-toolrunner.SRCS := $(addprefix toolrunner/, main.c \
	lexer.c unwrap.c rules.c approve.c denylist.c)
alpi-toolrunner.LIBS := nng event_core jansson yaml sodium seccomp

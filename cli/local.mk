PROGS     += alpi
alpi.DIR  := $(BIN)
alpi.SRCS := $(addprefix cli/, main.c)
alpi.LIBS := jansson edit

LIBSRCS += proto/proto.c

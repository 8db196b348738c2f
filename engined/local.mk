PROGS          += alpi-engined
alpi-engined.DIR  := $(LIBEXEC)
alpi-engined.SRCS := $(addprefix engined/, main.c)
alpi-engined.SRCS += $(addprefix engined/, \
	provider.c dialect.c openai.c anthropic.c gemini.c offline.c answer.c mend.c sse.c refusal.c ollama.c)
alpi-engined.LIBS := nng event_core jansson yaml sodium seccomp curl

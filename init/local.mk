# alpi-init itself is libc only; reading YAML is the business of a short-lived, confined helper.
PROGS               += alpi-init alpi-init-plan
alpi-init.DIR       := $(LIBEXEC)
alpi-init.SRCS      := $(addprefix init/, main.c control.c logs.c loop.c secrets.c spawn.c supervise.c units.c)
alpi-init.COMMON    := none
alpi-init-plan.DIR  := $(LIBEXEC)
alpi-init-plan.SRCS := init/plan.c
alpi-init-plan.LIBS := yaml jansson seccomp

# SPDX-License-Identifier: Apache-2.0
# Reading YAML is not init's business: it asks this short-lived, confined program.
PROGS               += alpi-init-plan
alpi-init-plan.DIR  := $(LIBEXEC)
alpi-init-plan.SRCS := $(addprefix plan/, main.c gateways.c skills.c)
alpi-init-plan.LIBS := yaml jansson seccomp

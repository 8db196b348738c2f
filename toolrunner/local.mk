# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-toolrunner
alpi-toolrunner.DIR  := $(LIBEXEC)
alpi-toolrunner.SRCS := $(addprefix toolrunner/, main.c \
	lexer.c lex_group.c lex_simple.c lex_line.c words.c dollar.c draft.c script.c unwrap.c rules.c rule_paths.c rule_flow.c rule_destroy.c rule_write.c rule_read.c rule_run.c approve.c denylist.c \
	runner.c handlers.c tools.c exec.c exec_calls.c exec_wait.c document.c gate.c consent.c settings.c selftest.c explain.c \
	skill.c launcher.c worker.c worker_spec.c background.c launch.c namespace.c \
	work.c sandbox.c layer.c view.c view_plan.c probe.c command.c said.c base.c files.c lint.c \
	$(addprefix tools/, read.c write.c edit.c search.c terminal.c skill.c db.c))
alpi-toolrunner.SRCS += $(addprefix toolrunner/, produced.c walk.c text.c docx.c program.c picture.c scan.c tools/index.c tools/learn.c tools/pieces.c tools/mailfile.c tools/image.c tools/document.c tools/skill_check.c)
alpi-toolrunner.LIBS := event_core jansson yaml sodium seccomp pcre2-8 minizip expat

PROGS               += alpi-worker
alpi-worker.DIR  := $(LIBEXEC)
alpi-worker.SRCS := $(addprefix toolrunner/, worker_main.c launch.c namespace.c \
	lexer.c lex_group.c lex_simple.c lex_line.c words.c dollar.c draft.c script.c unwrap.c rules.c rule_paths.c rule_flow.c rule_destroy.c rule_write.c rule_read.c rule_run.c approve.c denylist.c \
	work.c sandbox.c layer.c view.c view_plan.c probe.c command.c said.c base.c files.c lint.c tools.c \
	$(addprefix tools/, read.c write.c edit.c search.c terminal.c skill.c db.c))
alpi-worker.SRCS += $(addprefix toolrunner/, produced.c walk.c text.c docx.c program.c picture.c scan.c tools/index.c tools/learn.c tools/pieces.c tools/mailfile.c tools/image.c tools/document.c tools/skill_check.c)
alpi-worker.LIBS := jansson yaml sodium seccomp pcre2-8 minizip expat

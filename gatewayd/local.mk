# SPDX-License-Identifier: Apache-2.0
PROGS              += alpi-gatewayd
alpi-gatewayd.DIR  := $(LIBEXEC)
alpi-gatewayd.SRCS := $(addprefix gatewayd/, main.c gateway.c handlers.c allow.c banner.c botapi.c breaker.c claim.c commands.c delivery.c giving.c inbox.c intake.c removed.c markup.c \
	mime.c mime_html.c mime_part.c mime_text.c mime_write.c \
	outbox.c outfile.c pause.c posts.c posts_ask.c telegram_file.c telegram_fetch.c media.c taking.c \
	said.c settings.c split.c state.c stuck.c telegram.c telegram_send.c threads.c turn.c turns.c update.c)
alpi-gatewayd.SRCS += $(addprefix gatewayd/, menu.c models.c options.c probe.c tell.c telegram_menu.c)
alpi-gatewayd.SRCS += $(addprefix gatewayd/, gapi.c gmail.c gmail_ask.c gmail_consent.c gmail_find.c gmail_mail.c gmail_read.c gmail_round.c gmail_send.c mailtext.c oauth.c oauth_token.c)
alpi-gatewayd.SRCS += $(addprefix gatewayd/, imap.c imap_fetch.c imap_line.c imap_words.c mailbox.c mailbox_act.c mailbox_mail.c mailbox_poll.c mailbox_send.c mailfile.c smtp.c transfer.c)
alpi-gatewayd.SRCS += $(addprefix gatewayd/, html.c matrix.c matrix_api.c matrix_fill.c matrix_media.c matrix_send.c matrix_sync.c webcall.c \
	ntfy.c webhook.c webhook_check.c webhook_in.c)
alpi-gatewayd.SRCS += $(addprefix gatewayd/, email.c email_show.c email_write.c mailbook.c mailcall.c mailcalls.c)
alpi-gatewayd.LIBS := event_core event_extra jansson yaml sodium seccomp curl sqlite3 pcre2-8 gmime-3.0 gobject-2.0 glib-2.0 cmark-gfm

# The library's headers, for the files that call it; looked up when they are compiled, after `make deps`.
$(addprefix $(OBJ)/gatewayd/, mime.o mime_part.o mime_text.o mime_write.o): CPPFLAGS += $(shell pkgconf --cflags gmime-3.0 | sed 's/-I/-isystem /g')

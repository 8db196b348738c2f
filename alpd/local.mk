# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-alpd
alpi-alpd.DIR  := $(LIBEXEC)
alpi-alpd.SRCS := $(addprefix alpd/, main.c handlers.c pinning.c relay.c settings.c budget.c watch.c local.c methods.c \
	anchor.c identity.c key.c keyfile.c peers.c peers_yaml.c peers_edit.c peers_patch.c pending.c stamp.c \
	canonical.c doc.c doc_value.c envelope.c seal.c node.c frame.c noise.c \
	conn.c conn_write.c dial.c client.c client_end.c seen.c \
	server.c server_session.c origin.c pins.c receive.c replay.c pairs.c ratelimit.c \
	inbound.c inbound_job.c inbound_turn.c inbound_voice.c asks.c asks_peer.c told.c blob.c blob_part.c fence.c fetch.c)
alpi-alpd.LIBS := event_core event_extra jansson yaml sodium seccomp m

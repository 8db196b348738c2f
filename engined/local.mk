# SPDX-License-Identifier: Apache-2.0
PROGS          += alpi-engined
alpi-engined.DIR  := $(LIBEXEC)
alpi-engined.SRCS := $(addprefix engined/, main.c \
	handlers.c engine.c engine_tools.c engine_ended.c engine_resume.c settings.c \
	turn.c turn_asked.c step.c calls.c place.c runner.c neighbour.c peer.c schedule.c message.c email.c mention.c agent.c \
	ask.c lasting.c past.c finish.c resume.c explain.c events.c sidecar.c journal.c ledger.c spend.c runlog.c run_asked.c \
	context.c prompt.c project.c tools.c tools_wrap.c fold.c compact.c review.c candidates.c)
alpi-engined.SRCS += $(addprefix engined/, \
	session.c session_asked.c catalog.c recall.c fts.c match.c redact.c talk.c thread.c todo.c entry.c alike.c \
	memory.c promotion.c remember.c remember_call.c knowledge.c)
alpi-engined.SRCS += $(addprefix engined/, \
	outputs.c produced.c outbox.c notice.c notify.c sniff.c staging.c upload.c document.c vision.c attach.c looking.c)
alpi-engined.SRCS += $(addprefix engined/, \
	beneath.c frontmatter.c skill_check.c skills.c skill_edit.c eligible.c skill_cache.c skill_index.c skill_tool.c \
	skill_turn.c skill_osv.c imports.c osv.c skill_order.c skill_import.c skill_asked.c)
alpi-engined.SRCS += $(addprefix engined/, \
	choices.c provider.c attempt.c retry.c target.c dialect.c translate.c openai.c anthropic.c gemini.c offline.c \
	answer.c tokens.c mend.c sse.c refusal.c ollama.c)
alpi-engined.SRCS += $(addprefix engined/, \
	piece.c rank.c words.c shelf.c vectors.c sketch.c fts_vectors.c fts_count.c growth.c said.c endpoint.c transcribe.c speech.c embed.c embedding.c recall_find.c recall_asked.c \
	meaning.c recollect.c page.c fetch.c handover.c \
	workspace.c workspace_list.c workspace_texts.c workspace_vectors.c indexing.c lookup.c)
alpi-engined.SRCS += $(addprefix engined/, memory_store.c memory_whole.c memory_asked.c)
alpi-engined.LIBS := event_core jansson yaml sodium seccomp curl sqlite3 pcre2-8 unistring m

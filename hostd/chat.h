/* SPDX-License-Identifier: Apache-2.0 */
/* The verbs about turns (host-plane.md, 5 and 7). turns.c owns what chat.send starts. */
#ifndef HOSTD_CHAT_H
#define HOSTD_CHAT_H

#include "hostd/client.h"

method_fn	chat_send, chat_cancel, chat_events_since, chat_explain;

#endif

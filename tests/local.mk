# SPDX-License-Identifier: Apache-2.0
# Rows read name:program, "common" for modules of common/ and proto/.

# unit/test_NAME.c
UNIT += zip:alpi-unpack frontmatter:alpi-engined skills:alpi-engined skill_tool:alpi-engined memory:alpi-engined scan:common knowledge:alpi-engined error:common json:common base64:common config:common env:common files:common restrict:common audit:common
UNIT += proto:common codec:common boot:common grant:common bus:common bus_inbox:common bus_ask:common daemon:common layers:common http:common
UNIT += skill:common schema:common boot_write:common process:common cron:common zone:common
UNIT += turns:alpi-hostd host_sock:alpi-hostd profile_page:alpi-hostd stream:alpi-hostd settings:alpi-hostd approvals:alpi-hostd
UNIT += sse:alpi-engined target:alpi-engined retry:alpi-engined openai:alpi-engined openai_wrong:alpi-engined offline:alpi-engined provider:alpi-engined turn:alpi-engined turn_calls:alpi-engined turn_resume:alpi-engined agent:alpi-engined
UNIT += osv:alpi-engined transcribe:alpi-engined
UNIT += recall:alpi-engined growth:alpi-engined past:alpi-engined session:alpi-engined journal:alpi-engined ledger:alpi-engined context:alpi-engined todo:alpi-engined
UNIT += engine_settings:alpi-engined mention:alpi-engined thread:alpi-engined events:alpi-engined
UNIT += compact:alpi-engined fold:alpi-engined review:alpi-engined candidates:alpi-engined
UNIT += shelf:alpi-engined vectors:alpi-engined fts_vectors:alpi-engined tool_index:alpi-toolrunner
UNIT += refusal:alpi usage:alpi cron_words:alpi render:alpi print:alpi cli_args:alpi chains:alpi
UNIT += lexer:alpi-toolrunner approve:alpi-toolrunner denylist:alpi-toolrunner exec:alpi-toolrunner exec_refused:alpi-toolrunner
UNIT += exec_consent:alpi-toolrunner exec_skill:alpi-toolrunner
UNIT += runner:alpi-toolrunner sandbox:alpi-toolrunner tool_read:alpi-toolrunner tool_write:alpi-toolrunner
UNIT += tool_edit:alpi-toolrunner tool_search:alpi-toolrunner tool_terminal:alpi-toolrunner tool_skill:alpi-toolrunner tool_db:alpi-toolrunner
UNIT += client:alpi-alpd client_session:alpi-alpd local:alpi-alpd asks:alpi-alpd fetch:alpi-alpd handlers:alpi-alpd anchor:alpi-alpd
UNIT += link_fence:alpi-alpd link_settings:alpi-alpd conn:alpi-alpd link_server:alpi-alpd link_crowd:alpi-alpd receive:alpi-alpd inbound:alpi-alpd
UNIT += identity:alpi-alpd origin:alpi-alpd key:alpi-alpd keyfile:alpi-alpd noise:alpi-alpd noise_refuse:alpi-alpd frame:alpi-alpd seal:alpi-alpd
UNIT += canonical:alpi-alpd envelope:alpi-alpd replay:alpi-alpd
UNIT += ratelimit:alpi-alpd blob:alpi-alpd peers:alpi-alpd
UNIT += link_life:alpi-alpd
UNIT += outputs:alpi-engined email:alpi-engined attach:alpi-engined document:alpi-toolrunner tool_pieces:alpi-toolrunner tool_image:alpi-toolrunner tool_mailfile:alpi-toolrunner produced:alpi-toolrunner
UNIT += jobs:alpi-scheduled tick:alpi-scheduled job_year:alpi-scheduled
UNIT += inbox:alpi-gatewayd telegram_text:alpi-gatewayd mime:alpi-gatewayd imap_line:alpi-gatewayd imap_words:alpi-gatewayd gmail:alpi-gatewayd
UNIT += outbox:alpi-gatewayd delivery:alpi-gatewayd mailcalls:alpi-gatewayd mailcalls_asked:alpi-gatewayd gateway_files:alpi-gatewayd
UNIT += matrix_sync:alpi-gatewayd webhook_check:alpi-gatewayd
UNIT += init_supervise:alpi-init init_logs:alpi-init

# fuzz/fuzz_NAME.c, its corpus in fuzz/corpus/NAME
FUZZ += cron:common scan:common wire:common json:common config:common env:common codec:common boot:common grant:common skill:common schema:common
FUZZ += zip:alpi-unpack skill_import:alpi-engined frontmatter:alpi-engined sse:alpi-engined memory:alpi-engined openai:alpi-engined session:alpi-engined said:alpi-engined mention:alpi-engined match:alpi-engined
FUZZ += outputs:alpi-engined sniff:alpi-engined candidates:alpi-engined
FUZZ += jobs:alpi-scheduled
FUZZ += render:alpi
FUZZ += osv:alpi-engined page:alpi-engined embed:alpi-engined transcript:alpi-engined docx:alpi-toolrunner picture:alpi-toolrunner
FUZZ += lexer:alpi-toolrunner produced:alpi-toolrunner
FUZZ += peers:alpi-alpd
FUZZ += host:alpi-hostd
FUZZ += update:alpi-gatewayd mime:alpi-gatewayd imap:alpi-gatewayd gmail:alpi-gatewayd
FUZZ += matrix:alpi-gatewayd webhook:alpi-gatewayd
FUZZ += control:alpi-init
FUZZ += noise:alpi-alpd frame:alpi-alpd pem:alpi-alpd canonical:alpi-alpd envelope:alpi-alpd

# what tests and the bench run beside the daemons: the file, and what it links
provider.MORE := fake/provider_order.c fake/provider_answer.c
TOOLS += bench/bus:common bench/spawn:common bench/post:common fake/provider:common
TOOLS += fake/toolcall:alpi-toolrunner fake/mailops:alpi-gatewayd bench/link:alpi-alpd bench/recall:alpi-engined
TOOLS += bench/shelf:alpi-engined bench/jobs:alpi-scheduled

# SPDX-License-Identifier: Apache-2.0
# test:program it belongs to ("common" for modules of common/ and proto/)
UNIT += error:common json:common config:common env:common files:common restrict:common audit:common
FUZZ += json:common config:common env:common
UNIT += proto:common codec:common boot:common grant:common bus:common daemon:common layers:common
TOOLS += bench/bus:common bench/spawn:common bench/post:common
# what tests and the bench run beside the daemons: file below tests/, and what it links
TOOLS += fake/provider:common
UNIT += turns:alpi-hostd host_sock:alpi-hostd stream:alpi-hostd settings:alpi-hostd approvals:alpi-hostd
UNIT += sse:alpi-engined http:common openai:alpi-engined offline:alpi-engined provider:alpi-engined
FUZZ += sse:alpi-engined openai:alpi-engined
UNIT += render:alpi print:alpi cli_args:alpi
FUZZ += render:alpi
UNIT += lexer:alpi-toolrunner approve:alpi-toolrunner denylist:alpi-toolrunner exec:alpi-toolrunner
FUZZ += lexer:alpi-toolrunner
FUZZ += codec:common boot:common grant:common
UNIT += turn:alpi-engined session:alpi-engined journal:alpi-engined ledger:alpi-engined context:alpi-engined todo:alpi-engined engine_settings:alpi-engined
FUZZ += session:alpi-engined
FUZZ += host:alpi-hostd
UNIT += runner:alpi-toolrunner sandbox:alpi-toolrunner tool_read:alpi-toolrunner tool_write:alpi-toolrunner tool_edit:alpi-toolrunner
UNIT += tool_search:alpi-toolrunner tool_terminal:alpi-toolrunner
TOOLS += fake/toolcall:alpi-toolrunner
UNIT += boot_write:common process:common init_supervise:alpi-init init_logs:alpi-init
FUZZ += control:alpi-init

/* SPDX-License-Identifier: Apache-2.0 */
/*
 * THE table of subcommands, what people ask for most first. Parser, help,
 * completion and the manual's tests read it.
 */
#ifndef ALPI_CLI_COMMANDS_H
#define ALPI_CLI_COMMANDS_H

#include "cli/args.h"

extern const struct command	commands[];	/* ends with a row without words */
extern const struct group	groups[];	/* first words that several commands share; the same */

/* The command that argv begins with; *used is how many words were its own. NULL: none. */
const struct command *command_find(int argc, char *const *argv, int *used);
const struct group *group_find(const char *word);

/* the commands, each in the file of its name */
int	chat_command(struct cli *, const struct args *);
int	setup_command(struct cli *, const struct args *);
int	doctor_command(struct cli *, const struct args *);
int	audit_verify_command(struct cli *, const struct args *);
int	scan_check_command(struct cli *, const struct args *);
int	memory_show_command(struct cli *, const struct args *);
int	memory_add_command(struct cli *, const struct args *);
int	memory_replace_command(struct cli *, const struct args *);
int	memory_remove_command(struct cli *, const struct args *);
int	memory_promote_command(struct cli *, const struct args *);
int	skill_list_command(struct cli *, const struct args *);
int	skill_show_command(struct cli *, const struct args *);
int	skill_validate_command(struct cli *, const struct args *);
int	skill_remove_command(struct cli *, const struct args *);
int	skill_import_command(struct cli *, const struct args *);
int	outputs_list_command(struct cli *, const struct args *);
int	outputs_show_command(struct cli *, const struct args *);
int	outputs_read_all_command(struct cli *, const struct args *);
int	schedule_list_command(struct cli *, const struct args *);
int	schedule_show_command(struct cli *, const struct args *);
int	schedule_run_once_command(struct cli *, const struct args *);
int	schedule_fire_command(struct cli *, const struct args *);
int	schedule_add_command(struct cli *, const struct args *);
int	schedule_update_command(struct cli *, const struct args *);
int	schedule_remove_command(struct cli *, const struct args *);
int	schedule_pause_command(struct cli *, const struct args *);
int	schedule_resume_command(struct cli *, const struct args *);
int	schedule_history_command(struct cli *, const struct args *);
int	gateway_list_command(struct cli *, const struct args *);
int	gateway_enable_command(struct cli *, const struct args *);
int	gateway_disable_command(struct cli *, const struct args *);
int	gateway_probe_command(struct cli *, const struct args *);
int	gateway_gmail_command(struct cli *, const struct args *);
int	gateway_remove_command(struct cli *, const struct args *);
int	logs_command(struct cli *, const struct args *);
int	skill_test_command(struct cli *, const struct args *);
int	usage_command(struct cli *, const struct args *);
int	verb_command(struct cli *, const struct args *);
int	sessions_export_command(struct cli *, const struct args *);
int	cron_next_command(struct cli *, const struct args *);
int	profile_list_command(struct cli *, const struct args *);
int	profile_create_command(struct cli *, const struct args *);
int	profile_remove_command(struct cli *, const struct args *);
int	peers_setup_command(struct cli *, const struct args *);
int	peers_list_command(struct cli *, const struct args *);
int	peers_key_command(struct cli *, const struct args *);
int	peers_add_command(struct cli *, const struct args *);
int	peers_remove_command(struct cli *, const struct args *);
int	peers_ping_command(struct cli *, const struct args *);
int	peers_allow_command(struct cli *, const struct args *);
int	peers_deny_command(struct cli *, const struct args *);
int	peers_pending_command(struct cli *, const struct args *);
int	peers_accept_command(struct cli *, const struct args *);
int	peers_discard_command(struct cli *, const struct args *);
int	peers_blob_put_command(struct cli *, const struct args *);
int	peers_blob_get_command(struct cli *, const struct args *);
int	daemon_start_command(struct cli *, const struct args *);
int	daemon_stop_command(struct cli *, const struct args *);
int	daemon_restart_command(struct cli *, const struct args *);
int	daemon_reload_command(struct cli *, const struct args *);
int	daemon_status_command(struct cli *, const struct args *);
int	service_install_command(struct cli *, const struct args *);
int	service_uninstall_command(struct cli *, const struct args *);
int	explain_command(struct cli *, const struct args *);
int	proto_command(struct cli *, const struct args *);
int	completion_command(struct cli *, const struct args *);

#endif

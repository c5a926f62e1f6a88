/* The sub-commands of `dgbench`, one file (cmd_*.c) each. A new one is a file, a line here and a
 * row in main.c. */
#ifndef HARNESS_COMMANDS_H
#define HARNESS_COMMANDS_H

#include "cli.h"

extern const Command command_audit;
extern const Command command_bench;
extern const Command command_completion;
extern const Command command_data;
extern const Command command_explain;
extern const Command command_export;
extern const Command command_factorize;
extern const Command command_forecast;
extern const Command command_import;
extern const Command command_list;
extern const Command command_man;
extern const Command command_merge;
extern const Command command_merge_weights;
extern const Command command_plan;
extern const Command command_predict;
extern const Command command_pretrain;
extern const Command command_query;
extern const Command command_report;
extern const Command command_rotated_study;
extern const Command command_run;
extern const Command command_run_worker;
extern const Command command_score;
extern const Command command_status;
extern const Command command_sweep;
extern const Command command_table;

extern const Command *const commands[]; /* all of them, in the order of the help; closed by NULL */

#endif

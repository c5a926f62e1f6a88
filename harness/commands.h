/* The sub-commands of `dgbench`, one file (cmd_*.c) each. A new one is a file, a line here and a
 * row in main.c. */
#ifndef HARNESS_COMMANDS_H
#define HARNESS_COMMANDS_H

#include "cli.h"

extern const Command command_completion;
extern const Command command_man;

extern const Command *const commands[]; /* all of them, in the order of the help; closed by NULL */

#endif

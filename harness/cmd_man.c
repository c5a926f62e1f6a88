/* `dgbench man` and `dgbench completion`: what the tables of the commands say, for man and bash. */
#include "commands.h"

static bool run_man(const Args *args, Err *err)
{
    (void)args;
    (void)err;
    cli_print_man(stdout, commands);
    return true;
}

static bool run_completion(const Args *args, Err *err)
{
    (void)args;
    (void)err;
    cli_print_bash_completion(stdout, commands);
    return true;
}

const Command command_man = {
    .name = "man",
    .operands = "",
    .help = "print the manual page",
    .example = "dgbench man | man -l -",
    .run = run_man,
};

const Command command_completion = {
    .name = "completion",
    .operands = "",
    .help = "print shell completion for bash",
    .example = "eval \"$(dgbench completion)\"",
    .run = run_completion,
};

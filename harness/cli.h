/* The command line, from tables: every sub-command is one Command with one table of options, and
 * parsing, `--help`, the manual page and shell completion all walk that table.
 *
 *     static const CliOption options[] = {
 *         {"jobs", 'j', "N", "worker processes", 0},
 *         {"dry-run", 0, NULL, "list the runs and stop", 0},
 *         {0},
 *     };
 *     const Command command_sweep = {.name = "sweep", .operands = "SPEC.yaml", ...};
 *
 * Options may stand before or after operands; `--name value` and `--name=value` are the same; `--`
 * ends the options. A wrong command line is ERR_USAGE.
 */
#ifndef HARNESS_CLI_H
#define HARNESS_CLI_H

#include "arena.h"
#include "err.h"

#include <stdint.h>
#include <stdio.h>

enum { CLI_REPEATS = 1 }; /* the option may be given several times; otherwise the last one counts */

typedef struct {
    const char *name;     /* long name without the dashes; NULL closes the table */
    char letter;          /* short name, or 0 */
    const char *argument; /* what the value is called in help; NULL: a switch without value */
    const char *help;
    unsigned flags;
} CliOption;

typedef struct Args Args;

typedef struct {
    const char *name;
    const char *operands; /* for the usage line: "SPEC.yaml"; "" when it takes none */
    int min_operands, max_operands;
    const char *help;         /* one line */
    const char *about;        /* more to say, a paragraph a line; NULL: nothing */
    const char *example;      /* command lines, one a line */
    const char *const *words; /* what the first operand can be (completion); NULL: files */
    const CliOption *options; /* its own; NULL: none. Every command has cli_common_options too */
    bool (*run)(const Args *args, Err *err);
    bool hidden; /* for the program itself, not for people */
} Command;

extern const CliOption cli_common_options[]; /* --help, --quiet, --verbose */

/* Parses argv[0..argc), what follows the command's name. Values point into argv. */
MUST_USE bool args_parse(Args **out, const Command *command, int argc, char *const *argv, Err *err);
void args_free(Args *args); /* NULL is fine */

int args_n_operands(const Args *args);
const char *args_operand(const Args *args, int i); /* NULL when there is no such one */

bool args_has(const Args *args, const char *name);
int args_count(const Args *args, const char *name);
const char *args_nth(const Args *args, const char *name, int i);
const char *args_text(const Args *args, const char *name); /* the last value; NULL: not given */

/* The last value as a whole number in [low, high]; *out keeps what it holds when not given. */
MUST_USE bool args_int(const Args *args, int64_t *out, const char *name, int64_t low, int64_t high,
                       Err *err);

/* All values of the option, each cut at its commas: *n names in the arena; 0 when not given. */
const char **args_names(const Args *args, int *n, const char *name, Arena *arena);

/* Help in three forms. `commands` is closed by NULL; hidden ones are left out. */
void cli_print_overview(FILE *out, const Command *const *commands);
void cli_print_help(FILE *out, const Command *command);
void cli_print_man(FILE *out, const Command *const *commands); /* roff, for man(1) */
void cli_print_bash_completion(FILE *out, const Command *const *commands);

#endif

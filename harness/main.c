/* dgbench: finds the sub-command in the table, parses its options, runs it, and prints the one
 * error line there may be. */
#include "build_info.h"
#include "commands.h"
#include "log.h"
#include "str.h"

#include <errno.h>
#include <string.h>

enum { EXIT_DONE = 0, EXIT_FAILED = 1, EXIT_USAGE = 2 };

const Command *const commands[] = {
    &command_run,        &command_sweep,
    &command_status,     &command_plan,
    &command_data,       &command_pretrain,
    &command_score,      &command_table,
    &command_explain,    &command_report,
    &command_query,      &command_audit,
    &command_forecast,   &command_import,
    &command_merge,      &command_merge_weights,
    &command_export,     &command_predict,
    &command_factorize,  &command_rotated_study,
    &command_list,       &command_bench,
    &command_man,        &command_completion,
    &command_run_worker, NULL,
};

static const Command *find_command(const char *name)
{
    for (int i = 0; commands[i] != NULL; i++) {
        if (str_equal(commands[i]->name, name)) return commands[i];
    }
    return NULL;
}

static bool unknown_command(const char *name, Err *err)
{
    const char *names[sizeof commands / sizeof commands[0]];
    int n = 0;
    for (int i = 0; commands[i] != NULL; i++) {
        if (!commands[i]->hidden) names[n++] = commands[i]->name;
    }
    const char *near = str_nearest(name, names, n);
    if (near != NULL) {
        return err_set(err, ERR_USAGE, "unknown command \"%s\" (did you mean \"%s\"?)", name, near);
    }
    return err_set(err, ERR_USAGE, "unknown command \"%s\", see dgbench --help", name);
}

/* What is still buffered has to reach the reader: a full disk must not look like success. */
static bool flush_output(Err *err)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout)) return true;
    return err_set(err, ERR_IO, "standard output: %s", errno ? strerror(errno) : "writing failed");
}

static bool run_command(const Command *command, int argc, char *const *argv, Err *err)
{
    Args *args = NULL;
    if (!args_parse(&args, command, argc, argv, err)) return false;
    if (args_has(args, "verbose")) log_set_level(LOG_DEBUG);
    if (args_has(args, "quiet")) log_set_level(LOG_QUIET);
    bool ok = true;
    if (args_has(args, "help"))
        cli_print_help(stdout, command);
    else
        ok = command->run(args, err);
    args_free(args);
    return flush_output(ok ? err : &(Err){0}) && ok;
}

/* Options in front of the command's name. *done: nothing is left to do. */
static bool leading_option(const char *text, bool *done, Err *err)
{
    bool help = str_equal(text, "--help") || str_equal(text, "-h");
    *done = help || str_equal(text, "--version");
    if (help)
        cli_print_overview(stdout, commands);
    else if (*done)
        printf("dgbench %s\n", DGBENCH_VERSION);
    else if (str_equal(text, "--quiet") || str_equal(text, "-q"))
        log_set_level(LOG_QUIET);
    else if (str_equal(text, "--verbose") || str_equal(text, "-v"))
        log_set_level(LOG_DEBUG);
    else
        return err_set(err, ERR_USAGE, "unknown option \"%s\", see dgbench --help", text);
    return true;
}

static bool dispatch(int argc, char **argv, Err *err)
{
    int first = 1;
    for (; first < argc && argv[first][0] == '-'; first++) {
        bool done = false;
        if (!leading_option(argv[first], &done, err)) return false;
        if (done) return flush_output(err);
    }
    if (first >= argc) return err_set(err, ERR_USAGE, "no command, see dgbench --help");
    const Command *command = find_command(argv[first]);
    if (command == NULL) return unknown_command(argv[first], err);
    return run_command(command, argc - first - 1, argv + first + 1, err);
}

int main(int argc, char **argv)
{
    Err err = {0};
    if (dispatch(argc, argv, &err)) return EXIT_DONE;
    fprintf(stderr, "dgbench: %s\n", err.text);
    return err.code == ERR_USAGE ? EXIT_USAGE : EXIT_FAILED;
}

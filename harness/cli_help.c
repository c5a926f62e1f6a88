/* Help, the manual page and bash completion, all from the tables of the commands. */
#include "cli.h"

#include "build_info.h"
#include "str.h"

#include <ctype.h>
#include <string.h>

enum { TEXT_WIDTH = 80 };

/* Words filled up to TEXT_WIDTH; a newline begins a new paragraph. */
static void print_wrapped(FILE *out, const char *text)
{
    int column = 0;
    while (*text != 0) {
        int n = (int)strcspn(text, " \n");
        bool breaks = *text == '\n' || column + 1 + n > TEXT_WIDTH;
        if (breaks && column > 0) {
            fputc('\n', out);
            column = 0;
        }
        if (n > 0) column += fprintf(out, "%s%.*s", column > 0 ? " " : "", n, text);
        text += n > 0 ? n : 1;
    }
    if (column > 0) fputc('\n', out);
}

/* "-j, --jobs N" */
static void option_text(char *out, size_t size, const CliOption *option)
{
    int n = option->letter ? snprintf(out, size, "-%c, --%s", option->letter, option->name)
                           : snprintf(out, size, "    --%s", option->name);
    if (option->argument) snprintf(out + n, size - (size_t)n, " %s", option->argument);
}

static void print_options(FILE *out, const CliOption *options)
{
    enum { LEFT = 26 };
    for (const CliOption *o = options; o != NULL && o->name != NULL; o++) {
        char left[80];
        option_text(left, sizeof left, o);
        fprintf(out, "  %-*s  %s%s\n", LEFT, left, o->help,
                o->flags & CLI_REPEATS ? " (may be repeated)" : "");
    }
}

/* Each line of text with `indent` in front. */
static void print_lines(FILE *out, const char *text, const char *indent)
{
    while (*text != 0) {
        size_t n = strcspn(text, "\n");
        fprintf(out, "%s%.*s\n", indent, (int)n, text);
        text += n + (text[n] == '\n');
    }
}

void cli_print_help(FILE *out, const Command *command)
{
    fprintf(out, "usage: dgbench %s%s%s [options]\n\n", command->name,
            command->operands[0] ? " " : "", command->operands);
    char first[2] = {(char)toupper((unsigned char)command->help[0]), 0};
    fprintf(out, "%s%s.\n", first, command->help + 1);
    if (command->about != NULL) {
        fputc('\n', out);
        print_wrapped(out, command->about);
    }
    fprintf(out, "\nOptions:\n");
    print_options(out, command->options);
    print_options(out, cli_common_options);
    fprintf(out, "\nExample:\n");
    print_lines(out, command->example, "  ");
}

void cli_print_overview(FILE *out, const Command *const *commands)
{
    fprintf(out, "usage: dgbench COMMAND [options]\n\n"
                 "Domain-generalization benchmark: trains with each domain held out, logs to a "
                 "results\ndatabase, prints tables.\n\nCommands:\n");
    for (int i = 0; commands[i] != NULL; i++) {
        if (!commands[i]->hidden) fprintf(out, "  %-12s%s\n", commands[i]->name, commands[i]->help);
    }
    fprintf(out, "\nOptions:\n");
    print_options(out, cli_common_options);
    fprintf(out, "      --version               show the version and exit\n\n"
                 "Data goes to standard output, progress to standard error. Exit status: 0 done, 1 "
                 "failed,\n2 wrong usage. `dgbench COMMAND --help` shows a command with an "
                 "example.\n");
}

/* Text for roff: backslashes and dashes kept as they are, no line read as a request. */
static void print_roff(FILE *out, const char *text)
{
    bool line_start = true;
    for (; *text != 0; text++) {
        if (line_start && (*text == '.' || *text == '\'')) fputs("\\&", out);
        if (*text == '\\')
            fputs("\\e", out);
        else if (*text == '-')
            fputs("\\-", out);
        else
            fputc(*text, out);
        line_start = *text == '\n';
    }
}

static void man_options(FILE *out, const CliOption *options)
{
    for (const CliOption *o = options; o != NULL && o->name != NULL; o++) {
        char left[80];
        option_text(left, sizeof left, o);
        fputs(".TP\n.B ", out);
        print_roff(out, left + strspn(left, " "));
        fputc('\n', out);
        print_roff(out, o->help);
        fputc('\n', out);
    }
}

static void man_command(FILE *out, const Command *command)
{
    fprintf(out, ".SS dgbench %s ", command->name);
    print_roff(out, command->operands);
    fputc('\n', out);
    print_roff(out, command->help);
    fputs(".\n", out);
    if (command->about != NULL) {
        fputs(".PP\n", out);
        print_roff(out, command->about);
        fputc('\n', out);
    }
    man_options(out, command->options);
    fputs(".PP\n.nf\n", out);
    print_roff(out, command->example);
    fputs("\n.fi\n", out);
}

void cli_print_man(FILE *out, const Command *const *commands)
{
    fprintf(out, ".TH DGBENCH 1 \"\" \"dgbench %s\" \"User Commands\"\n", DGBENCH_VERSION);
    fputs(".SH NAME\ndgbench \\- domain\\-generalization benchmark\n"
          ".SH SYNOPSIS\n.B dgbench\n.I COMMAND\n[options]\n.SH COMMANDS\n",
          out);
    for (int i = 0; commands[i] != NULL; i++) {
        if (!commands[i]->hidden) man_command(out, commands[i]);
    }
    fputs(".SH COMMON OPTIONS\n", out);
    man_options(out, cli_common_options);
    fputs(".SH EXIT STATUS\n0 done, 1 failed, 2 wrong usage.\n", out);
}

static void completion_case(FILE *out, const Command *command)
{
    fprintf(out, "    %s) options=\"", command->name);
    const CliOption *tables[] = {command->options, cli_common_options};
    for (int t = 0; t < 2; t++) {
        for (const CliOption *o = tables[t]; o != NULL && o->name != NULL; o++) {
            fprintf(out, "--%s ", o->name);
        }
    }
    fputs("\" words=\"", out);
    for (int i = 0; command->words != NULL && command->words[i] != NULL; i++) {
        fprintf(out, "%s ", command->words[i]);
    }
    fputs("\";;\n", out);
}

void cli_print_bash_completion(FILE *out, const Command *const *commands)
{
    fputs("# bash completion of dgbench: eval \"$(dgbench completion)\"\n"
          "_dgbench()\n{\n"
          "    local current=${COMP_WORDS[COMP_CWORD]} options= words=\n"
          "    if [ \"$COMP_CWORD\" -eq 1 ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"",
          out);
    for (int i = 0; commands[i] != NULL; i++) {
        if (!commands[i]->hidden) fprintf(out, "%s ", commands[i]->name);
    }
    fputs("--help --version\" -- \"$current\")\n        return\n    fi\n"
          "    case ${COMP_WORDS[1]} in\n",
          out);
    for (int i = 0; commands[i] != NULL; i++) {
        if (!commands[i]->hidden) completion_case(out, commands[i]);
    }
    fputs("    esac\n"
          "    if [[ $current == -* ]]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$options\" -- \"$current\")\n"
          "    elif [ \"$COMP_CWORD\" -eq 2 ] && [ -n \"$words\" ]; then\n"
          "        mapfile -t COMPREPLY < <(compgen -W \"$words\" -- \"$current\")\n"
          "    else\n"
          "        mapfile -t COMPREPLY < <(compgen -f -- \"$current\")\n"
          "    fi\n}\n"
          "complete -o filenames -F _dgbench dgbench\n",
          out);
}

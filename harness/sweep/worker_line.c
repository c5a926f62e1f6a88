/* Messages of a worker to its sweep. */
#include "worker_line.h"

#include "str.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const char *const END_NAMES[WORKER_N_ENDS] = {"made", "stored", "diverged", "interrupted",
                                                     "failed"};

void worker_line_format(char out[WORKER_LINE_SIZE], const WorkerLine *line)
{
    if (line->ended) {
        snprintf(out, WORKER_LINE_SIZE, "end %s %s\n", END_NAMES[line->end], line->text);
    } else {
        snprintf(out, WORKER_LINE_SIZE, "step %lld %lld %.6g %s\n", (long long)line->step,
                 (long long)line->steps, line->loss, line->text);
    }
    for (char *c = out; c[0] != 0 && c[1] != 0; c++) {
        if (*c == '\n') *c = ' ';
    }
}

/* Cuts the next word off *text; "" at the end. */
static void next_word(char *word, size_t size, const char **text)
{
    *text += strspn(*text, " ");
    size_t n = strcspn(*text, " ");
    snprintf(word, size, "%.*s", (int)n, *text);
    *text += n;
    if (**text == ' ') ++*text;
}

static bool parse_step(WorkerLine *out, const char *text)
{
    char word[64];
    long long step = 0, steps = 0;
    next_word(word, sizeof word, &text);
    if (!str_to_int64(word, &step)) return false;
    next_word(word, sizeof word, &text);
    if (!str_to_int64(word, &steps)) return false;
    next_word(word, sizeof word, &text);
    char *end = NULL;
    *out = (WorkerLine){.step = step, .steps = steps, .loss = strtod(word, &end)};
    snprintf(out->text, sizeof out->text, "%s", text);
    return end != word;
}

static bool parse_end(WorkerLine *out, const char *text)
{
    char word[64];
    next_word(word, sizeof word, &text);
    for (int i = 0; i < WORKER_N_ENDS; i++) {
        if (!str_equal(word, END_NAMES[i])) continue;
        *out = (WorkerLine){.ended = true, .end = (WorkerEnd)i};
        snprintf(out->text, sizeof out->text, "%s", text);
        return true;
    }
    return false;
}

bool worker_line_parse(WorkerLine *out, const char *text)
{
    char word[64];
    next_word(word, sizeof word, &text);
    if (str_equal(word, "step")) return parse_step(out, text);
    return str_equal(word, "end") && parse_end(out, text);
}

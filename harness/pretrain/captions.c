/* Drawing, templates, tokens. */
#include "captions.h"

#include "log.h"
#include "mem.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_TOKENS = 4096, TASK_PHRASES = 256 };

struct Captions {
    CaptionsOptions options;
    double weights[N_WORDS];
    int n_templates, n_captions, n_cut;
};

void captions_text(const Captions *c, Caption caption, Str *out)
{
    const char *phrase = c->options.pairs->phrases[caption.phrase];
    if (caption.template_id < 0) {
        str_add(out, phrase);
        return;
    }
    const char *text = c->options.spec->captions.templates.items[caption.template_id];
    const char *hole = strstr(text, "{}");
    str_add_n(out, text, (size_t)(hole - text));
    str_add(out, phrase);
    str_add(out, hole + 2);
}

/* All tokens, end included; returns how many. -1: more than MAX_TOKENS. */
static int encode(const Captions *c, Caption caption, int *tokens)
{
    Str text = {0};
    Err err = {0};
    captions_text(c, caption, &text);
    bool ok = tokenizer_encode(c->options.tokenizer, str_text(&text), MAX_TOKENS, tokens, &err);
    str_done(&text);
    if (!ok) return -1;
    int end = 0;
    for (int i = 1; i < MAX_TOKENS; i++) {
        if (tokens[i] > tokens[end]) end = i; /* the end is the highest id */
    }
    return end + 1;
}

void captions_tokens(const Captions *c, Caption caption, int *tokens)
{
    int all[MAX_TOKENS], context = c->options.context, n = encode(c, caption, all);
    check(n > 0, "phrase %d has more than %d tokens", caption.phrase, MAX_TOKENS);
    memcpy(tokens, all, (size_t)context * sizeof *tokens);
    if (n > context) tokens[context - 1] = all[n - 1];
}

/* ---- counting ---- */

typedef struct {
    const Captions *captions;
    atomic_int n_captions, n_cut;
    int *longest; /* [n_tasks]: the most tokens, INT_MAX for too many to count */
    Caption *which;
} Count;

static void count_phrase(Count *count, int phrase, int task)
{
    const Captions *c = count->captions;
    bool is_caption = c->options.pairs->is_caption[phrase];
    int tokens[MAX_TOKENS];
    for (int k = is_caption ? -1 : 0; k < (is_caption ? 0 : c->n_templates); k++) {
        Caption caption = {phrase, k};
        int n = encode(c, caption, tokens);
        if (n < 0) n = MAX_TOKENS + 1;
        atomic_fetch_add(&count->n_captions, 1);
        if (n > c->options.context) atomic_fetch_add(&count->n_cut, 1);
        if (n <= count->longest[task]) continue;
        count->longest[task] = n;
        count->which[task] = caption;
    }
}

static void count_task(void *context, int task, int thread)
{
    (void)thread;
    Count *count = context;
    int begin = task * TASK_PHRASES, end = begin + TASK_PHRASES;
    int n = count->captions->options.pairs->n_phrases;
    for (int i = begin; i < end && i < n; i++) count_phrase(count, i, task);
}

static bool judge_longest(const Captions *c, Caption which, int n_tokens, Err *err)
{
    int context = c->options.context;
    bool refused = c->options.spec->captions.too_long == TOO_LONG_REFUSE;
    if (n_tokens <= context || (n_tokens <= MAX_TOKENS && !refused)) return true;
    Str text = {0};
    captions_text(c, which, &text);
    err_set(err, ERR_FORMAT,
            "captions: %d of %d have more than %d tokens, \"%.60s%s\" has %s%d; shorten them%s",
            c->n_cut, c->n_captions, context, str_text(&text), text.n > 60 ? "..." : "",
            n_tokens > MAX_TOKENS ? "more than " : "",
            n_tokens > MAX_TOKENS ? MAX_TOKENS : n_tokens,
            n_tokens > MAX_TOKENS ? "" : ", or set captions.too_long: truncate");
    str_done(&text);
    return false;
}

static bool count_all(Captions *c, Err *err)
{
    int n_tasks = (c->options.pairs->n_phrases + TASK_PHRASES - 1) / TASK_PHRASES, at = 0;
    Count count = {.captions = c};
    count.longest = mem_alloc((size_t)n_tasks, sizeof *count.longest);
    count.which = mem_alloc((size_t)n_tasks, sizeof *count.which);
    thread_pool_run(c->options.pool, n_tasks, count_task, &count);
    for (int i = 1; i < n_tasks; i++) {
        if (count.longest[i] > count.longest[at]) at = i;
    }
    c->n_captions = atomic_load(&count.n_captions);
    c->n_cut = atomic_load(&count.n_cut);
    bool ok = judge_longest(c, count.which[at], count.longest[at], err);
    free(count.longest);
    free(count.which);
    return ok;
}

bool captions_new(Captions **out, const CaptionsOptions *options, Err *err)
{
    Captions *c = mem_alloc(1, sizeof *c);
    const PretrainSpec *spec = options->spec;
    *c = (Captions){.options = *options,
                    .n_templates = spec->captions.templates.n,
                    .weights = {[WORDS_LABEL] = spec->captions.label,
                                [WORDS_KEYWORD] = spec->captions.keyword,
                                [WORDS_SUBGROUP] = spec->captions.subgroup,
                                [WORDS_GROUP] = spec->captions.group,
                                [WORDS_CAPTION] = 1}};
    check(options->context >= 3 && options->context <= MAX_TOKENS, "context of %d",
          options->context);
    if (!count_all(c, err)) {
        captions_free(c);
        return false;
    }
    if (c->n_cut > 0) {
        log_warn("captions: %d of %d have more than %d tokens, they are cut", c->n_cut,
                 c->n_captions, options->context);
    }
    *out = c;
    return true;
}

void captions_free(Captions *c)
{
    free(c);
}

int captions_count(const Captions *c)
{
    return c->n_captions;
}

int captions_n_cut(const Captions *c)
{
    return c->n_cut;
}

/* ---- drawing ---- */

/* The kind, by weight among those that the pair has; its label or caption when all have weight 0.
 */
static WordsKind draw_kind(const Captions *c, int pair, double at)
{
    const int *words;
    double total = 0;
    WordsKind chosen = N_WORDS;
    for (WordsKind k = 0; k < N_WORDS; k++)
        total += pairs_words(c->options.pairs, pair, k, &words) > 0 ? c->weights[k] : 0;
    for (WordsKind k = 0; k < N_WORDS && total > 0; k++) {
        double weight = pairs_words(c->options.pairs, pair, k, &words) > 0 ? c->weights[k] : 0;
        if (weight == 0) continue;
        chosen = k;
        at -= weight / total;
        if (at < 0) break;
    }
    if (chosen != N_WORDS) return chosen;
    return pairs_words(c->options.pairs, pair, WORDS_LABEL, &words) > 0 ? WORDS_LABEL
                                                                        : WORDS_CAPTION;
}

Caption captions_draw(const Captions *c, int pair, RngStream stream, uint64_t draw)
{
    const int *words;
    WordsKind kind = draw_kind(c, pair, rng_uniform(stream, draw, 0));
    int n = pairs_words(c->options.pairs, pair, kind, &words);
    int phrase = words[rng_below(stream, draw, 1, n)];
    bool plain = c->options.pairs->is_caption[phrase];
    return (Caption){phrase, plain ? -1 : rng_below(stream, draw, 2, c->n_templates)};
}

/* Prompts of one class at a time: there are few. */
#include "prompts.h"

#include "embedding.h"

#include <string.h>

static const char HOLE[] = "{}";

void prompt_fill(Str *out, const char *template_text, const char *text)
{
    const char *hole = strstr(template_text, HOLE);
    check(hole != NULL, "template \"%s\"", template_text);
    str_add_n(out, template_text, (size_t)(hole - template_text));
    str_add(out, text);
    str_add(out, hole + strlen(HOLE));
}

bool prompts_tokenize(int *tokens, const Tokenizer *tokenizer, int context,
                      const PromptTexts *prompts, Err *err)
{
    Str prompt = {0};
    const TextList *templates = prompts->templates;
    bool ok = true;
    for (int i = 0; i < prompts->n_texts * templates->n && ok; i++) {
        str_clear(&prompt);
        prompt_fill(&prompt, templates->items[i % templates->n], prompts->texts[i / templates->n]);
        ok = tokenizer_encode(tokenizer, str_text(&prompt), context,
                              tokens + (size_t)i * (size_t)context, err);
    }
    str_done(&prompt);
    return ok;
}

/* The class's prompts, each normalised, summed into row. */
static void encode_class(float *row, Clip *clip, Tape *t, const int *tokens, int n_templates)
{
    Tensor *e = nn_l2_normalise(t, clip_encode_texts(clip, t, tokens, n_templates), 1e-12);
    int dim = e->dims[1];
    memset(row, 0, (size_t)dim * sizeof *row);
    for (int k = 0; k < n_templates; k++) {
        for (int d = 0; d < dim; d++) row[d] += (float)e->v[k * dim + d];
    }
}

void prompts_encode(float *out, Clip *clip, Tape *t, const int *tokens, int n_texts,
                    int n_templates)
{
    const ClipConfig *config = clip_config(clip);
    size_t dim = (size_t)config->embed_dim;
    for (int i = 0; i < n_texts; i++) {
        const int *of_class =
            tokens + (size_t)i * (size_t)n_templates * (size_t)config->text.context;
        tape_begin(t, 0, 0);
        encode_class(out + (size_t)i * dim, clip, t, of_class, n_templates);
    }
    embedding_normalise(out, n_texts, config->embed_dim);
}

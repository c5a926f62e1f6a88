/* Names by replacing parts. */
#include "params_names.h"

#include <string.h>

static const char STACK[] = "{qkv}", PARTS[] = "qkv";

/* The first `from` in s becomes `to`. False when there is none. */
static bool replace(Str *s, const char *from, const char *to)
{
    const char *at = s->n > 0 ? strstr(s->text, from) : NULL;
    if (at == NULL) return false;
    Str out = {0};
    str_add_n(&out, s->text, (size_t)(at - s->text));
    str_add(&out, to);
    str_add(&out, at + strlen(from));
    str_done(s);
    *s = out;
    return true;
}

static void apply(Str *name, bool *transposed, const ParamNaming *naming)
{
    if (naming->base != NULL) apply(name, transposed, naming->base);
    for (int i = 0; i < naming->n_rules; i++) {
        const NameRule *rule = &naming->rules[i];
        bool fits = replace(name, rule->ours, rule->theirs);
        if (fits && (rule->flags & NAME_TRANSPOSED)) *transposed = true;
    }
}

void param_source_init(ParamSource *s, const ParamNaming *naming, const char *prefix,
                       const char *ours)
{
    *s = (ParamSource){.n = 1};
    Str name = {0};
    str_add(&name, ours);
    if (naming != NULL) apply(&name, &s->transposed, naming);
    if (strstr(str_text(&name), STACK) != NULL) s->n = NAME_MAX_PARTS;
    for (int i = 0; i < s->n; i++) {
        char part[2] = {PARTS[i], '\0'};
        str_addf(&s->names[i], "%s%s", prefix, str_text(&name));
        (void)replace(&s->names[i], STACK, part);
    }
    str_done(&name);
}

void param_source_done(ParamSource *s)
{
    for (int i = 0; i < s->n; i++) str_done(&s->names[i]);
}

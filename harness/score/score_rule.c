/* Parsing of one line. */
#include "score_rule.h"

#include <string.h>

static bool wrong(const char *text, const char *expected, Err *err)
{
    return err_set(err, ERR_USAGE, "--rule: found \"%s\", expected %s", text, expected);
}

/* "LOW,SPLIT,HIGH[,quantile]" */
static bool parse_values(StoreRule *out, char *values)
{
    double *const numbers[] = {&out->low, &out->split, &out->high};
    char *rest = NULL, *part = strtok_r(values, ",", &rest);
    for (int i = 0; i < 3; i++) {
        if (part == NULL || !str_to_double(part, numbers[i])) return false;
        part = strtok_r(NULL, ",", &rest);
    }
    out->quantile = part != NULL;
    return part == NULL || (str_equal(part, "quantile") && strtok_r(NULL, ",", &rest) == NULL);
}

bool score_rule_parse(StoreRule *out, const char *text, Arena *arena, Err *err)
{
    StoreRule rule = {.scorer = "*", .source = "dgbench score --rule"};
    char *name = arena_strdup(arena, text), *values = strchr(name, '=');
    if (values == NULL || values == name)
        return wrong(text, "NAME=LOW,SPLIT,HIGH or NAME=LOW,SPLIT,HIGH,quantile", err);
    *values++ = '\0';
    char *glob = strchr(name, '@');
    if (glob != NULL) *glob++ = '\0';
    rule.name = name;
    if (glob != NULL) rule.scorer = glob;
    if (name[0] == '\0' || rule.scorer[0] == '\0')
        return wrong(text, "a name, and after an @ a pattern of scorers", err);
    if (!parse_values(&rule, values))
        return wrong(text, "three numbers LOW,SPLIT,HIGH after the =, and perhaps \",quantile\"",
                     err);
    if (!(rule.low <= rule.split && rule.split <= rule.high))
        return wrong(text, "LOW <= SPLIT <= HIGH", err);
    double least = rule.quantile ? 0 : -1;
    if (rule.low < least || rule.high > 1)
        return wrong(text, rule.quantile ? "quantiles in 0..1" : "cosines in -1..1", err);
    *out = rule;
    return true;
}

/* Parsing one record: see domainbed_record.h. */
#include "domainbed_record.h"

#include "str.h"

#include <math.h>
#include <string.h>

enum { DEFAULT_STEPS = 5001 }; /* N_STEPS of every dataset in DomainBed's datasets.py */

/* ---- JSON --------------------------------------------------------------------------------------
 */

/* The line as a JSON parser takes it, with {} for the pieces that are known already. */
static void add_shortened(Str *out, const char *line, size_t n, JsonPiece first, JsonPiece second)
{
    if (second.text < first.text) {
        JsonPiece swap = first;
        first = second;
        second = swap;
    }
    const char *behind = second.text + second.n;
    json_line_add_legal(out, line, (size_t)(first.text - line));
    str_add(out, "{}");
    json_line_add_legal(out, first.text + first.n, (size_t)(second.text - first.text) - first.n);
    str_add(out, "{}");
    json_line_add_legal(out, behind, (size_t)(line + n - behind));
}

static json_t *parse_json(const DomainbedRecord *r, bool known, const char *line, size_t n,
                          Err *err)
{
    json_error_t why;
    Str text = {0};
    if (known)
        add_shortened(&text, line, n, r->args_text, r->hparams_text);
    else if (json_line_may_be_illegal(line, n))
        json_line_add_legal(&text, line, n);
    json_t *root = text.n > 0 ? json_loadb(text.text, text.n, JSON_REJECT_DUPLICATES, &why)
                              : json_loadb(line, n, JSON_REJECT_DUPLICATES, &why);
    str_done(&text);
    if (root == NULL) {
        err_set(err, ERR_FORMAT, "no JSON (%s), expected one record", why.text);
    } else if (!json_is_object(root)) {
        err_set(err, ERR_FORMAT, "found JSON that is no object, expected one record");
        json_decref(root);
        root = NULL;
    }
    return root;
}

/* ---- args --------------------------------------------------------------------------------------
 */

static bool text_of(const char **out, const json_t *object, const char *name, Arena *arena,
                    Err *err)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || text[0] == '\0')
        return err_set(err, ERR_FORMAT, "no text in \"args\": \"%s\", expected a name", name);
    *out = arena_strdup(arena, text);
    return true;
}

static bool seed_of(int64_t *out, const json_t *object, const char *name, Err *err)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value))
        return err_set(err, ERR_FORMAT, "no whole number in \"args\": \"%s\"", name);
    *out = json_integer_value(value);
    return true;
}

static bool add_test_env(DomainbedRecord *r, json_int_t env, Err *err)
{
    if (env < 0 || env >= r->n_envs) {
        return err_set(err, ERR_FORMAT, "found test_envs with %lld, expected 0 to %d (%s)",
                       (long long)env, r->n_envs - 1, r->dataset);
    }
    int at = r->n_test_envs;
    for (; at > 0 && r->test_envs[at - 1] >= env; at--) {
        if (r->test_envs[at - 1] == env)
            return err_set(err, ERR_FORMAT, "found %lld twice in test_envs", (long long)env);
    }
    for (int i = r->n_test_envs++; i > at; i--) r->test_envs[i] = r->test_envs[i - 1];
    r->test_envs[at] = (int)env;
    return true;
}

static bool read_test_envs(DomainbedRecord *r, Err *err)
{
    const json_t *envs = json_object_get(r->args, "test_envs");
    if (!json_is_array(envs))
        return err_set(err, ERR_FORMAT, "no \"test_envs\" in \"args\", expected a list of numbers");
    for (size_t i = 0; i < json_array_size(envs); i++) {
        const json_t *env = json_array_get(envs, i);
        if (!json_is_integer(env))
            return err_set(err, ERR_FORMAT, "found no number in test_envs, expected 0, 1, ...");
        if (!add_test_env(r, json_integer_value(env), err)) return false;
    }
    return true;
}

static bool read_args(DomainbedRecord *r, const json_t *root, Arena *arena, Err *err)
{
    r->args = json_incref(json_object_get(root, "args"));
    r->hparams = json_incref(json_object_get(root, "hparams"));
    if (!json_is_object(r->args)) return err_set(err, ERR_FORMAT, "no \"args\" in the record");
    if (!json_is_object(r->hparams))
        return err_set(err, ERR_FORMAT, "no \"hparams\" in the record");
    json_object_del(r->args, "data_dir");
    json_object_del(r->args, "output_dir");
    if (!text_of(&r->algorithm, r->args, "algorithm", arena, err) ||
        !text_of(&r->dataset, r->args, "dataset", arena, err) ||
        !seed_of(&r->trial_seed, r->args, "trial_seed", err) ||
        !seed_of(&r->hparams_seed, r->args, "hparams_seed", err) ||
        !seed_of(&r->seed, r->args, "seed", err)) {
        return false;
    }
    json_int_t steps = json_integer_value(json_object_get(r->args, "steps"));
    r->steps = steps > 0 ? steps : DEFAULT_STEPS; /* null and 0 mean the same there */
    const DomainbedDataset *known = domainbed_dataset_find(r->dataset);
    r->n_envs = known != NULL ? known->n_envs : DOMAINBED_MAX_ENVS;
    return read_test_envs(r, err);
}

/* ---- numbers -----------------------------------------------------------------------------------
 */

/* Reads "env{i}_{split}_acc"; false: another name. */
static bool eval_name(int *env, const char **split, const char *name)
{
    static const char *const splits[] = {"in", "out", "uda"};
    if (!str_starts_with(name, "env")) return false;
    const char *s = name + 3;
    int value = 0, n_digits = 0;
    for (; *s >= '0' && *s <= '9' && n_digits < 6; s++, n_digits++) value = 10 * value + *s - '0';
    if (n_digits == 0 || *s != '_') return false;
    for (int i = 0; i < 3; i++) {
        size_t length = strlen(splits[i]);
        if (strncmp(s + 1, splits[i], length) != 0 || !str_equal(s + 1 + length, "_acc")) continue;
        *env = value;
        *split = splits[i];
        return true;
    }
    return false;
}

static bool add_eval(DomainbedRecord *r, DomainbedEval eval, const char *name, const json_t *value,
                     Err *err)
{
    bool is_uda = str_equal(eval.split, "uda");
    int limit = is_uda ? r->n_test_envs : r->n_envs;
    if (eval.env >= limit) {
        return err_set(err, ERR_FORMAT, "found \"%s\", expected %s 0 to %d (%s)", name,
                       is_uda ? "splits" : "environments", limit - 1, r->dataset);
    }
    eval.accuracy = json_is_number(value) ? json_number_value(value) : (double)NAN;
    if (!(eval.accuracy >= 0 && eval.accuracy <= 1)) {
        return err_set(err, ERR_FORMAT, "found \"%s\" %g, expected an accuracy in [0,1]", name,
                       eval.accuracy);
    }
    if (is_uda) eval.env = r->test_envs[eval.env];
    r->evals[r->n_evals++] = eval;
    return true;
}

/* Twice the same evaluation: env1 and env01. */
static bool check_evals(const DomainbedRecord *r, Err *err)
{
    for (int i = 0; i < r->n_evals; i++) {
        for (int j = 0; j < i; j++) {
            if (r->evals[i].env == r->evals[j].env && r->evals[i].split == r->evals[j].split)
                return err_set(err, ERR_FORMAT, "found two accuracies of env%d, split %s",
                               r->evals[i].env, r->evals[i].split);
        }
    }
    return true;
}

static void count_envs(DomainbedRecord *r)
{
    if (domainbed_dataset_find(r->dataset) != NULL) return;
    r->n_envs = 1;
    for (int i = 0; i < r->n_evals; i++) {
        if (r->evals[i].env >= r->n_envs) r->n_envs = r->evals[i].env + 1;
    }
    int last = r->n_test_envs > 0 ? r->test_envs[r->n_test_envs - 1] : 0;
    if (last >= r->n_envs) r->n_envs = last + 1;
}

static bool read_numbers(DomainbedRecord *r, json_t *root, Arena *arena, Err *err)
{
    const char *name;
    json_t *value;
    size_t n = json_object_size(root);
    r->evals = arena_alloc(arena, n, sizeof *r->evals);
    r->numbers = arena_alloc(arena, n, sizeof *r->numbers);
    json_object_foreach(root, name, value)
    {
        DomainbedEval eval = {0};
        if (eval_name(&eval.env, &eval.split, name)) {
            if (!add_eval(r, eval, name, value, err)) return false;
        } else if ((json_is_number(value) || json_is_null(value)) && !str_equal(name, "step")) {
            double number = json_is_null(value) ? (double)NAN : json_number_value(value);
            r->numbers[r->n_numbers++] = (DomainbedNumber){arena_strdup(arena, name), number};
        }
    }
    if (!check_evals(r, err)) return false;
    count_envs(r);
    return true;
}

static bool read_step(DomainbedRecord *r, const json_t *root, Err *err)
{
    const json_t *step = json_object_get(root, "step");
    r->step = json_integer_value(step);
    if (json_is_integer(step) && r->step >= 0) return true;
    return err_set(err, ERR_FORMAT, "no \"step\" in the record, expected a whole number from 0");
}

/* What is the same in all records of a run. */
static void take_args(DomainbedRecord *r, const DomainbedRecord *before)
{
    JsonPiece args_text = r->args_text, hparams_text = r->hparams_text;
    *r = *before;
    r->args_text = args_text;
    r->hparams_text = hparams_text;
    r->n_evals = r->n_numbers = 0;
    json_incref(r->args);
    json_incref(r->hparams);
    if (domainbed_dataset_find(r->dataset) == NULL) r->n_envs = DOMAINBED_MAX_ENVS;
}

bool domainbed_record_parse(DomainbedParser *parser, DomainbedRecord *out, const char *line,
                            size_t n, Err *err)
{
    const DomainbedRecord *before = parser->before;
    DomainbedRecord r = {.args_text = json_line_object(line, n, "args"),
                         .hparams_text = json_line_object(line, n, "hparams")};
    bool known = before != NULL && json_piece_equal(r.args_text, before->args_text) &&
                 json_piece_equal(r.hparams_text, before->hparams_text);
    json_t *root = parse_json(&r, known, line, n, err);
    parser->broken = root == NULL;
    if (root == NULL) return false;
    bool ok = true;
    if (known)
        take_args(&r, before);
    else
        ok = read_args(&r, root, parser->arena, err);
    ok = ok && read_step(&r, root, err) && read_numbers(&r, root, parser->arena, err);
    json_decref(root);
    if (ok)
        *out = r;
    else
        domainbed_record_done(&r);
    return ok;
}

void domainbed_record_done(DomainbedRecord *record)
{
    json_decref(record->args);
    json_decref(record->hparams);
}

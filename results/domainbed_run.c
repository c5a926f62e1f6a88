/* Reading one run directory: see domainbed_run.h. */
#include "domainbed_run.h"

#include "file.h"
#include "str.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum {
    MAX_RESULTS_BYTES = 1 << 28,
    MAX_LINES = 200000, /* a record is a kilobyte or two */
    MAX_OUT_BYTES = 1 << 26,
    JSON_FLAGS = JSON_COMPACT | JSON_SORT_KEYS
};

/* ---- records -----------------------------------------------------------------------------------
 */

static int count_lines(const char *text, size_t n)
{
    int n_lines = 1;
    for (size_t i = 0; i < n; i++) n_lines += text[i] == '\n';
    return n_lines;
}

static bool is_blank(const char *line, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (strchr(" \t\r", line[i]) == NULL) return false;
    }
    return true;
}

static bool same_run(const DomainbedRun *run, const DomainbedRecord *record)
{
    return json_equal(run->records[0].args, record->args) &&
           json_equal(run->records[0].hparams, record->hparams);
}

/* A line that no JSON parser takes is skipped; a record that says something wrong is refused. */
static bool add_line(DomainbedRun *run, const char *line, size_t n, int number, Arena *arena,
                     Err *err)
{
    DomainbedParser parser = {.arena = arena, .before = run->n_records > 0 ? run->records : NULL};
    DomainbedRecord record;
    Err why = {0};
    if (!domainbed_record_parse(&parser, &record, line, n, &why)) {
        if (!parser.broken)
            return err_set(err, ERR_FORMAT, "%s:%d: %s", run->file, number, why.text);
        run->skipped[run->n_skipped++] =
            (DomainbedSkipped){.line = number, .why = arena_strdup(arena, why.text)};
        return true;
    }
    run->records[run->n_records++] = record;
    if (same_run(run, &run->records[run->n_records - 1])) return true;
    return err_set(err, ERR_FORMAT,
                   "%s:%d: found other \"args\" or \"hparams\" than before, expected one run",
                   run->file, number);
}

static bool read_records(DomainbedRun *run, const char *text, size_t n_bytes, Arena *arena,
                         Err *err)
{
    int n_lines = count_lines(text, n_bytes);
    if (n_lines > MAX_LINES)
        return err_set(err, ERR_FORMAT, "%s: found %d lines, expected at most %d", run->file,
                       n_lines, (int)MAX_LINES);
    run->records = arena_alloc(arena, (size_t)n_lines, sizeof *run->records);
    run->skipped = arena_alloc(arena, (size_t)n_lines, sizeof *run->skipped);
    const char *end = text + n_bytes;
    int number = 1;
    for (const char *line = text; line < end; number++) {
        const char *stop = memchr(line, '\n', (size_t)(end - line));
        size_t n = (size_t)((stop != NULL ? stop : end) - line);
        if (!is_blank(line, n) && !add_line(run, line, n, number, arena, err)) return false;
        if (stop == NULL && run->n_skipped > 0 && run->skipped[run->n_skipped - 1].line == number)
            run->skipped[run->n_skipped - 1].last = true;
        line = stop != NULL ? stop + 1 : end;
    }
    if (run->n_records > 0) return true;
    if (run->n_skipped == 0) return err_set(err, ERR_FORMAT, "%s: found no record", run->file);
    return err_set(err, ERR_FORMAT, "%s:%d: %s", run->file, run->skipped[0].line,
                   run->skipped[0].why);
}

static int compare_steps(const void *a, const void *b)
{
    const DomainbedRecord *x = *(DomainbedRecord *const *)a, *y = *(DomainbedRecord *const *)b;
    if (x->step != y->step) return x->step < y->step ? -1 : 1;
    return x < y ? -1 : x > y; /* then as in the file */
}

static void find_superseded(DomainbedRun *run, Arena *arena)
{
    DomainbedRecord **sorted = arena_alloc(arena, (size_t)run->n_records, sizeof *sorted);
    run->superseded = arena_alloc(arena, (size_t)run->n_records, sizeof *run->superseded);
    for (int i = 0; i < run->n_records; i++) sorted[i] = &run->records[i];
    qsort(sorted, (size_t)run->n_records, sizeof(DomainbedRecord *), compare_steps);
    for (int i = 0; i + 1 < run->n_records; i++) {
        if (sorted[i]->step != sorted[i + 1]->step) continue;
        run->superseded[sorted[i] - run->records] = true;
        run->n_superseded++;
    }
    for (int i = 0; i < run->n_records; i++) {
        const DomainbedRecord *record = &run->records[i];
        for (int k = 0; k < record->n_numbers; k++)
            run->has_nonfinite |= !isfinite(record->numbers[k].value);
        if (record->n_envs > run->records[0].n_envs) run->records[0].n_envs = record->n_envs;
    }
}

/* ---- identity ----------------------------------------------------------------------------------
 */

/* The key is a digest of this text: origin, args without paths, hparams; sorted, without blanks. */
static void set_identity(DomainbedRun *run, Arena *arena)
{
    char *args = json_dumps(run->records[0].args, JSON_FLAGS);
    char *hparams = json_dumps(run->records[0].hparams, JSON_FLAGS);
    check(args != NULL && hparams != NULL, "JSON that was read can't be written");
    char *text = arena_printf(arena, "{\"args\":%s,\"hparams\":%s", args, hparams);
    Sha256 *digest = sha256_new();
    sha256_add_str(digest, "domainbed");
    sha256_add_str(digest, text);
    sha256_done_hex(digest, run->key);
    run->spec_json = arena_printf(arena, "%s,\"results\":{\"records\":%d,\"sha256\":\"%s\"}}", text,
                                  run->n_records, run->digest);
    free(args);
    free(hparams);
}

static void set_hparams(DomainbedRun *run, Arena *arena)
{
    const char *name;
    json_t *value, *hparams = run->records[0].hparams;
    StoreHparam *items = arena_alloc(arena, json_object_size(hparams), sizeof *items);
    json_object_foreach(hparams, name, value)
    {
        char *text = json_dumps(value, JSON_FLAGS | JSON_ENCODE_ANY);
        check(text != NULL, "JSON that was read can't be written");
        const char *string = json_string_value(value);
        items[run->n_hparams++] = (StoreHparam){
            arena_strdup(arena, name),
            json_is_null(value) ? NULL : arena_strdup(arena, string != NULL ? string : text)};
        free(text);
    }
    run->hparams = items;
}

/* ---- out.txt -----------------------------------------------------------------------------------
 */

/* The value in a line "\tNAME: VALUE" in the head of out.txt, or "". */
static const char *head_value(const char *text, const char *name, Arena *arena)
{
    const char *end = strstr(text, "\nArgs:");
    const char *line = strstr(text, arena_printf(arena, "\t%s: ", name));
    if (line == NULL || end == NULL || line > end) return "";
    line += strlen(name) + 3;
    return arena_strndup(arena, line, strcspn(line, "\r\n"));
}

static const char *versions(const char *text, const char *const *names, int n, Arena *arena)
{
    Str out = {0};
    for (int i = 0; i < n; i++) {
        const char *value = head_value(text, names[i], arena);
        if (value[0] == '\0') continue;
        str_addf(&out, "%s%s %s", out.n > 0 ? ", " : "", names[i], value);
    }
    const char *copy = arena_strdup(arena, str_text(&out));
    str_done(&out);
    return copy;
}

/* Without out.txt the versions are unknown, and the run counts all the same. */
static void read_environment(DomainbedRun *run, const char *path, Arena *arena)
{
    static const char *const programs[] = {"Python", "PyTorch", "Torchvision"};
    static const char *const libraries[] = {"CUDA", "CUDNN", "NumPy", "PIL"};
    Err ignored = {0};
    char *text = NULL;
    run->environment = (StoreEnvironment){
        .version = "domainbed", .commit = "", .compiler = "", .blas = "", .cpu = ""};
    if (!file_read(&text, NULL, path, MAX_OUT_BYTES, &ignored)) return;
    run->environment.compiler = versions(text, programs, 3, arena);
    run->environment.blas = versions(text, libraries, 4, arena);
    free(text);
}

bool domainbed_run_read(DomainbedRun *out, const char *folder, Arena *arena, Err *err)
{
    DomainbedRun run = {.file = file_join(arena, folder, "results.jsonl")};
    char *text;
    size_t n_bytes;
    uint8_t digest[SHA256_BYTES];
    if (!file_read(&text, &n_bytes, run.file, MAX_RESULTS_BYTES, err)) return false;
    bool ok = read_records(&run, text, n_bytes, arena, err);
    digest_sha256(digest, text, n_bytes);
    free(text);
    if (!ok) {
        domainbed_run_done(&run);
        return false;
    }
    digest_hex(run.digest, digest, sizeof digest);
    run.done = file_exists(file_join(arena, folder, "done"));
    find_superseded(&run, arena);
    set_identity(&run, arena);
    set_hparams(&run, arena);
    read_environment(&run, file_join(arena, folder, "out.txt"), arena);
    *out = run;
    return true;
}

void domainbed_run_done(DomainbedRun *run)
{
    for (int i = 0; i < run->n_records; i++) domainbed_record_done(&run->records[i]);
}

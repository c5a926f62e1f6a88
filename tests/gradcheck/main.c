/* Walks the tables and prints TAP. GRADCHECK_SEED sets the seed; an argument picks the rows whose
 * name contains it. */
#include "gradcheck.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const GradTable *const TABLES[] = {
    &GRADCHECK_LINEAR, &GRADCHECK_ELEMENTWISE, &GRADCHECK_SOFTMAX,
    &GRADCHECK_SHAPE,  &GRADCHECK_CONV,        &GRADCHECK_POOL,
    &GRADCHECK_NORM,   &GRADCHECK_CONTRASTIVE, &GRADCHECK_LOW_RANK,
};
enum { N_TABLES = sizeof TABLES / sizeof *TABLES };

static uint64_t seed_from_environment(void)
{
    const char *text = getenv("GRADCHECK_SEED");
    return text != NULL ? strtoull(text, NULL, 10) : 1;
}

typedef struct {
    uint64_t seed;
    const char *filter;
    int n, n_failed;
    double worst;
} Summary;

static void run_row(Summary *s, const GradRow *row)
{
    if (s->filter != NULL && strstr(row->name, s->filter) == NULL) return;
    bool failed = false;
    double error = gradcheck_row(row, s->seed, &failed);
    if (!(error <= s->worst)) s->worst = error;
    s->n++;
    s->n_failed += failed;
    printf("%s %d - %s\n# relative error %.1e\n", failed ? "not ok" : "ok", s->n, row->name, error);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    Summary s = {.seed = seed_from_environment(), .filter = argc > 1 ? argv[1] : NULL};
    printf("TAP version 13\n# seed %llu (GRADCHECK_SEED)\n", (unsigned long long)s.seed);
    for (int i = 0; i < N_TABLES; i++) {
        for (int j = 0; j < TABLES[i]->n; j++) run_row(&s, &TABLES[i]->rows[j]);
    }
    printf("1..%d\n# worst relative error %.1e in %d rows\n", s.n, s.worst, s.n);
    return s.n_failed > 0 || s.n == 0;
}

/* usage: make_model FOLDER [SEED]: writes a model directory with random weights. */
#include "model_fixture.h"

#include <stdio.h>
#include <stdlib.h>

int main(int argc, char **argv)
{
    Err err = {0};
    if (argc < 2) return 2;
    if (model_fixture_write(argv[1], argc > 2 ? strtoull(argv[2], NULL, 10) : 0, &err)) return 0;
    fprintf(stderr, "%s\n", err.text);
    return 1;
}

/* Folders, small images and golden files for the tests of this layer. */
#ifndef TESTS_DATASETS_FIXTURE_H
#define TESTS_DATASETS_FIXTURE_H

#include "test.h"

#include "dataset.h"
#include "image.h"

/* A new empty folder; free with fixture_done, which deletes it. Inside it, "cache" serves as the
 * cache folder. */
typedef struct {
    char path[64];
    char cache[80];
} Fixture;

void fixture_init(Fixture *f);
void fixture_done(Fixture *f);

/* Path of a file below the folder, valid until the next 8 calls. */
const char *fixture_path(const Fixture *f, const char *name);
void fixture_write(const Fixture *f, const char *name, const void *bytes,
                   size_t n); /* makes parent folders */
void fixture_write_text(const Fixture *f, const char *name, const char *text);
/* A PPM of noise; other seeds give other images. */
void fixture_image(const Fixture *f, const char *name, int seed);
/* root/domain/class/0.ppm .. n-1.ppm for comma-separated names; file k holds concept k of its
 * class. */
void fixture_tree(const Fixture *f, const char *root, const char *domains, const char *classes,
                  int n);

DatasetOptions fixture_options(const Fixture *f);

/* A file of tests/golden/datasets: its bytes (free them), or decoded. Fails the test when it is
 * missing. */
char *golden_bytes(const char *name, size_t *n);
Image golden_image(const char *name);
/* A grey PGM as one channel. */
Image golden_grey(const char *name);

/* Mean absolute difference, in 8-bit steps; fails the test when sizes differ. */
double image_difference(const Image *a, const Image *b);

#endif

#define _GNU_SOURCE /* mkdtemp */
#include "fixture.h"

#include "file.h"
#include "rng.h"

#include <ftw.h>
#include <unistd.h>

void fixture_init(Fixture *f)
{
    snprintf(f->path, sizeof f->path, "/tmp/dgbench-test-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->cache, sizeof f->cache, "%s/cache", f->path);
}

static int remove_entry(const char *path, const struct stat *st, int kind, struct FTW *walk)
{
    (void)st;
    (void)kind;
    (void)walk;
    return remove(path);
}

void fixture_done(Fixture *f)
{
    (void)nftw(f->path, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

const char *fixture_path(const Fixture *f, const char *name)
{
    static char paths[8][512];
    static int next;
    char *path = paths[next++ % 8];
    snprintf(path, sizeof paths[0], "%s/%s", f->path, name);
    return path;
}

void fixture_write(const Fixture *f, const char *name, const void *bytes, size_t n)
{
    Err err = {0};
    char *path = strdup(fixture_path(f, name));
    char *slash = strrchr(path, '/');
    *slash = '\0';
    assert_ok(file_make_dirs(path, &err));
    *slash = '/';
    assert_ok(file_write_atomic(path, bytes, n, &err));
    free(path);
}

void fixture_write_text(const Fixture *f, const char *name, const char *text)
{
    fixture_write(f, name, text, strlen(text));
}

void fixture_image(const Fixture *f, const char *name, int seed)
{
    enum { SIDE = 8, HEAD = 11 };
    char bytes[HEAD + 3 * SIDE * SIDE + 1];
    snprintf(bytes, sizeof bytes, "P6\n8 8\n255\n");
    RngStream s = rng_stream((uint64_t)seed, "fixture");
    for (int i = 0; i < 3 * SIDE * SIDE; i++)
        bytes[HEAD + i] = (char)rng_below(s, 0, (uint64_t)i, 256);
    fixture_write(f, name, bytes, HEAD + 3 * SIDE * SIDE);
}

void fixture_tree(const Fixture *f, const char *root, const char *domains, const char *classes,
                  int n)
{
    char *domain_list = strdup(domains), *domain_rest;
    int seed = 1;
    for (char *d = strtok_r(domain_list, ",", &domain_rest); d != NULL;
         d = strtok_r(NULL, ",", &domain_rest)) {
        char *class_list = strdup(classes), *class_rest;
        for (char *k = strtok_r(class_list, ",", &class_rest); k != NULL;
             k = strtok_r(NULL, ",", &class_rest)) {
            for (int i = 0; i < n; i++) {
                char name[256];
                snprintf(name, sizeof name, "%s/%s/%s/%s%d.ppm", root, d, k, k, i);
                fixture_image(f, name, seed++);
            }
        }
        free(class_list);
    }
    free(domain_list);
}

DatasetOptions fixture_options(const Fixture *f)
{
    return (DatasetOptions){.cache_dir = f->cache};
}

char *golden_bytes(const char *name, size_t *n)
{
    Err err = {0};
    char path[512], *bytes;
    const char *source = getenv("DGBENCH_SOURCE");
    assert_non_null(source);
    snprintf(path, sizeof path, "%s/tests/golden/datasets/%s", source, name);
    assert_ok(file_read(&bytes, n, path, 1 << 20, &err));
    return bytes;
}

Image golden_image(const char *name)
{
    Err err = {0};
    size_t n;
    char *bytes = golden_bytes(name, &n);
    Image image = {0};
    assert_ok(image_decode(&image, NULL, bytes, n, name, &err));
    free(bytes);
    return image;
}

Image golden_grey(const char *name)
{
    Image rgb = golden_image(name), grey = {0};
    image_resize_storage(&grey, rgb.width, rgb.height, 1);
    for (int i = 0; i < rgb.width * rgb.height; i++) grey.data[i] = rgb.data[3 * i];
    image_done(&rgb);
    return grey;
}

double image_difference(const Image *a, const Image *b)
{
    assert_int_equal(a->width, b->width);
    assert_int_equal(a->height, b->height);
    assert_int_equal(a->channels, b->channels);
    int n = a->width * a->height * a->channels;
    double sum = 0;
    for (int i = 0; i < n; i++) sum += abs(a->data[i] - b->data[i]);
    return sum / n;
}

/* The header of an .npy file is a Python dict in one line: {'descr': '<f4', 'fortran_order': False,
 * 'shape': (2, 3), }. */
#include "npy.h"

#include "file.h"
#include "mem.h"
#include "test.h"

enum { MAX_FILE_BYTES = 64 << 20 };

static bool read_shape(NpyArray *a, const char *header, const char *path, Err *err)
{
    const char *p = strstr(header, "'shape': (");
    if (p == NULL) return err_set(err, ERR_FORMAT, "%s: found no shape", path);
    a->n = 1;
    for (p += strlen("'shape': ("); *p != ')' && *p != '\0';) {
        char *end;
        long dim = strtol(p, &end, 10);
        if (end == p || dim < 0 || a->rank == NPY_MAX_RANK) {
            return err_set(err, ERR_FORMAT, "%s: found shape \"%s\"", path, p);
        }
        a->dims[a->rank++] = (int)dim;
        a->n *= (size_t)dim;
        p = end + strspn(end, ", ");
    }
    return true;
}

static double element(const char *data, size_t i, const char *type)
{
    float f;
    double d;
    int32_t i32;
    int64_t i64;
    if (strcmp(type, "<f4") == 0) return memcpy(&f, data + 4 * i, 4), (double)f;
    if (strcmp(type, "<f8") == 0) return memcpy(&d, data + 8 * i, 8), d;
    if (strcmp(type, "<i4") == 0) return memcpy(&i32, data + 4 * i, 4), (double)i32;
    return memcpy(&i64, data + 8 * i, 8), (double)i64;
}

/* The element type, "<f4" and the like; its size, or 0 for one that is not supported. */
static size_t read_type(char type[4], const char *header)
{
    static const char *const KNOWN[] = {"<f4", "<f8", "<i4", "<i8"};
    const char *p = strstr(header, "'descr': '");
    if (p == NULL) return 0;
    (void)snprintf(type, 4, "%s", p + strlen("'descr': '"));
    for (int i = 0; i < 4; i++) {
        if (strcmp(type, KNOWN[i]) == 0) return (size_t)(type[2] - '0');
    }
    return 0;
}

static bool parse(NpyArray *out, char *bytes, size_t n_bytes, const char *path, Err *err)
{
    if (n_bytes < 12 || memcmp(bytes, "\x93NUMPY", 6) != 0) {
        return err_set(err, ERR_FORMAT, "%s: not an .npy file", path);
    }
    const unsigned char *u = (const unsigned char *)bytes;
    size_t start = u[6] == 1 ? 10 : 12;
    size_t length = u[8] + 256u * u[9] + (u[6] == 1 ? 0 : 65536u * u[10]);
    if (start + length > n_bytes) return err_set(err, ERR_FORMAT, "%s: header is cut off", path);
    char *header = bytes + start;
    header[length > 0 ? length - 1 : 0] = '\0'; /* the newline that ends it */
    char type[4];
    size_t size = read_type(type, header);
    if (size == 0 || strstr(header, "'fortran_order': False") == NULL) {
        return err_set(err, ERR_FORMAT, "%s: found %s, expected C order and a plain type", path,
                       header);
    }
    NpyArray a = {0};
    if (!read_shape(&a, header, path, err)) return false;
    if ((n_bytes - start - length) / size != a.n) {
        return err_set(err, ERR_FORMAT, "%s: found %zu bytes for %zu elements", path, n_bytes, a.n);
    }
    a.v = mem_alloc(a.n, sizeof *a.v);
    for (size_t i = 0; i < a.n; i++) a.v[i] = element(bytes + start + length, i, type);
    *out = a;
    return true;
}

bool npy_read(NpyArray *out, const char *path, Err *err)
{
    char *bytes;
    size_t n_bytes;
    if (!file_read(&bytes, &n_bytes, path, MAX_FILE_BYTES, err)) return false;
    bool ok = parse(out, bytes, n_bytes, path, err);
    free(bytes);
    return ok;
}

void npy_done(NpyArray *a)
{
    free(a->v);
    *a = (NpyArray){0};
}

NpyArray golden_load(const char *name)
{
    const char *source = getenv("DGBENCH_SOURCE");
    char path[1024];
    (void)snprintf(path, sizeof path, "%s/tests/golden/%s", source != NULL ? source : ".", name);
    Err err;
    NpyArray a = {0};
    if (!npy_read(&a, path, &err)) fail_msg("%s", err.text);
    return a;
}

void array_close_or_fail(const Real *got, const double *want, size_t n, const double tolerance[2],
                         const char *where)
{
    size_t worst = 0, n_bad = 0;
    double worst_excess = -1, sum_d = 0, sum = 0;
    for (size_t i = 0; i < n; i++) {
        double d = fabs((double)got[i] - want[i]);
        double excess = d / (tolerance[1] + tolerance[0] * fabs(want[i]) + 1e-300);
        n_bad += !(excess <= 1);
        if (!(excess <= worst_excess)) {
            worst = i;
            worst_excess = isnan(excess) ? HUGE_VAL : excess;
        }
        sum_d += d * d;
        sum += want[i] * want[i];
    }
    if (n_bad == 0) return;
    fail_msg(
        "%s: %zu of %zu elements differ, worst [%zu] = %.9g, expected %.9g (rtol %g, atol %g); "
        "NMSE %.3g",
        where, n_bad, n, worst, (double)got[worst], want[worst], tolerance[0], tolerance[1],
        sum_d / (sum + 1e-300));
}

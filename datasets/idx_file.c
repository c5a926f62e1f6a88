#include "idx_file.h"

#include "image.h"

enum { IDX_UNSIGNED_BYTE = 8, IDX_MAX_ITEMS = 100000000 };

static uint32_t big_endian(const uint8_t *b)
{
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

static bool check_magic(const uint8_t *bytes, size_t n_bytes, int rank, const char *place, Err *err)
{
    uint32_t expected = (uint32_t)(IDX_UNSIGNED_BYTE << 8 | rank);
    if (n_bytes >= 2 && bytes[0] == 0x1F && bytes[1] == 0x8B) {
        return err_set(err, ERR_FORMAT, "%s: gzip'd, expected an unpacked IDX file (gunzip it)",
                       place);
    }
    if (n_bytes < 4 || big_endian(bytes) != expected) {
        return err_set(
            err, ERR_FORMAT, "%s: starts with 0x%08x, expected an IDX file of %s (0x%08x)", place,
            n_bytes < 4 ? 0 : big_endian(bytes), rank == 3 ? "images" : "labels", expected);
    }
    return true;
}

bool idx_parse(IdxArray *out, const uint8_t *bytes, size_t n_bytes, int rank, const char *place,
               Err *err)
{
    check(rank == 1 || rank == 3, "rank %d", rank);
    if (!check_magic(bytes, n_bytes, rank, place, err)) return false;
    size_t n_header = 4 + 4 * (size_t)rank;
    if (n_bytes < n_header) return err_set(err, ERR_FORMAT, "%s: truncated in its header", place);
    uint32_t n = big_endian(bytes + 4), height = 1, width = 1;
    if (rank == 3) {
        height = big_endian(bytes + 8);
        width = big_endian(bytes + 12);
    }
    if (n > IDX_MAX_ITEMS || height < 1 || width < 1 || height > IMAGE_MAX_SIDE ||
        width > IMAGE_MAX_SIDE) {
        return err_set(err, ERR_FORMAT, "%s: header says %u items of %u x %u", place, n, height,
                       width);
    }
    uint64_t expected = n_header + (uint64_t)n * height * width;
    if (n_bytes != expected) {
        return err_set(err, ERR_FORMAT, "%s: %zu bytes, expected %llu for %u items of %u x %u%s",
                       place, n_bytes, (unsigned long long)expected, n, height, width,
                       n_bytes < expected ? " (truncated)" : "");
    }
    *out = (IdxArray){(int)n, (int)height, (int)width, bytes + n_header};
    return true;
}

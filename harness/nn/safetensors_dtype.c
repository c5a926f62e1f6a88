/* The element types of safetensors files and their conversions. */
#include "safetensors_dtype.h"

#include <string.h>

_Static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "values are copied as they are stored");

static double get_f64(const uint8_t *p)
{
    double v;
    memcpy(&v, p, sizeof v);
    return v;
}

static float float_of_bits(uint32_t bits)
{
    float v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

static double get_f32(const uint8_t *p)
{
    float v;
    memcpy(&v, p, sizeof v);
    return v;
}

static double get_bf16(const uint8_t *p)
{
    return float_of_bits((uint32_t)(p[0] | p[1] << 8) << 16);
}

/* IEEE 754 binary16: 1 sign, 5 exponent (bias 15), 10 fraction bits; a float has 8 (bias 127) and
 * 23. */
static double get_f16(const uint8_t *p)
{
    uint32_t bits = (uint32_t)(p[0] | p[1] << 8), sign = (bits & 0x8000) << 16;
    uint32_t exponent = bits >> 10 & 31, fraction = bits & 1023;
    if (exponent == 0) return (sign != 0 ? -0x1p-24 : 0x1p-24) * fraction;
    uint32_t wide = exponent == 31 ? 255 : exponent + 127 - 15;
    return float_of_bits(sign | wide << 23 | fraction << 13);
}

static int64_t get_i64(const uint8_t *p)
{
    int64_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static int64_t get_i32(const uint8_t *p)
{
    int32_t v;
    memcpy(&v, p, sizeof v);
    return v;
}

static int64_t get_u8(const uint8_t *p)
{
    return *p;
}

static const SafeDType DTYPES[] = {
    {"F32", 4, get_f32, NULL, 0x7F800000},
    {"F16", 2, get_f16, NULL, 0x7C00},
    {"BF16", 2, get_bf16, NULL, 0x7F80},
    {"F64", 8, get_f64, NULL, 0x7FF0000000000000},
    {"I64", 8, NULL, get_i64, 0},
    {"I32", 4, NULL, get_i32, 0},
    {"U8", 1, NULL, get_u8, 0},
    {"BOOL", 1, NULL, NULL, 0},
    {"I8", 1, NULL, NULL, 0},
    {"I16", 2, NULL, NULL, 0},
    {"U16", 2, NULL, NULL, 0},
    {"U32", 4, NULL, NULL, 0},
    {"U64", 8, NULL, NULL, 0},
};

const SafeDType *safedtype_find(const char *name)
{
    for (size_t i = 0; i < sizeof DTYPES / sizeof *DTYPES; i++) {
        if (strcmp(DTYPES[i].name, name) == 0) return &DTYPES[i];
    }
    return NULL;
}

bool safedtype_is_finite(const SafeDType *type, const uint8_t *data, size_t n_elements)
{
    if (type->exponent == 0) return true;
    for (size_t i = 0; i < n_elements; i++) {
        uint64_t bits = 0;
        memcpy(&bits, data + i * type->bytes, type->bytes);
        if ((bits & type->exponent) == type->exponent) return false;
    }
    return true;
}

/* For the kernels of conv_direct.c and conv_direct_weight.c: vectors of 16 floats, written for
 * AVX-512, used where the machine has it. A block of results is ROWS x PANEL: 28 of the 32
 * registers. */
#ifndef NN_CONV_KERNELS_H
#define NN_CONV_KERNELS_H

#include "conv_product.h"

#if defined(__x86_64__) && !defined(NN_DOUBLE)
#define CONV_HAS_KERNELS 1
#define KERNEL           __attribute__((target("avx512f")))
#define KERNEL_INLINE    KERNEL static inline __attribute__((always_inline))
#ifdef __clang__
#define UNROLL _Pragma("unroll")
#else
#define UNROLL _Pragma("GCC unroll 16")
#endif
#endif

enum {
    ROWS = 14,
    PANEL = 32,
    MIN_CHANNELS = 16, /* patches of fewer are gathered first: then a row is one long tap */
    MAX_TAPS = 32      /* along an axis: bits of a mask */
};

/* This machine can run the kernels on this. */
bool conv_has_kernels(const Gather *g);

bool conv_is_gathered(int channels);

/* Whole cache lines of scratch: n rounded up; Reals that hold n items. */
size_t conv_aligned(size_t n);
size_t conv_reals_of(size_t n, size_t size);

#endif

/* What convolutions come down to, for conv.c and the two ways to compute it (conv_gemm.c,
 * conv_direct.c):
 *
 * ConvProduct: out[row, o] (+)= sum over taps and channels of gathered[row, tap, i] * weight(tap,
 * i, o): the forward pass, and the gradient of x for one residue of its pixels modulo the stride.
 * ConvWeightProduct: dw[o, column] += sum over rows of dy[row, o] * gathered[row, column].
 *
 * All of one group: pointers are to the first channel of the group.
 */
#ifndef NN_CONV_PRODUCT_H
#define NN_CONV_PRODUCT_H

#include "conv_gather.h"
#include "thread_pool.h"

#include <stddef.h>

/* weight(a, b, i, o) = w[(first_h + a * step) * line + (first_w + b * step) * pixel + i * in + o *
 * out] */
typedef struct {
    const Real *w;
    int first_h, first_w, step;
    ptrdiff_t line, pixel, in, out; /* strides in elements */
} ConvWeights;

typedef struct {
    Gather gather;
    const Real *source;
    int n_images;
    ConvWeights weights;
    int n_out;
    const Real *bias; /* [n_out] or NULL */
    bool relu;
    Real *out;      /* grid position (0,0) of image 0 */
    int out_stride; /* elements from one pixel to the next */
    bool add;
    /* Grid position (i,j) of image n is pixel (n * out_h + i * out_step) * out_w + j * out_step. */
    int out_h, out_w, out_step;
    Real *scratch;
} ConvProduct;

typedef struct {
    Gather gather;
    const Real *x, *dy;
    int n_rows, n_outputs, dy_stride;
    Real *dw; /* [n_outputs, gather_columns] */
    Real *scratch;
} ConvWeightProduct;

/* Reals of scratch, for these columns or fewer. */
size_t conv_gemm_scratch(int columns, int n_out, ThreadPool *threads);
size_t conv_gemm_weight_scratch(int columns, int n_outputs, ThreadPool *threads);
void conv_gemm(const ConvProduct *p, ThreadPool *threads);
void conv_gemm_weight(const ConvWeightProduct *p, ThreadPool *threads);

/* Vector kernels without gathering, on machines with AVX-512: may be called for what suits them. */
bool conv_direct_suits(const ConvProduct *p);
bool conv_direct_weight_suits(const ConvWeightProduct *p);
size_t conv_direct_scratch(int taps, int channels, int n_out, ThreadPool *threads);
size_t conv_direct_weight_scratch(int taps, int channels, int n_outputs, ThreadPool *threads);
void conv_direct(const ConvProduct *p, ThreadPool *threads);
void conv_direct_weight(const ConvWeightProduct *p, ThreadPool *threads);

int conv_min(int a, int b);
int conv_ceil_div(int a, int b);
int conv_cut_at(int n, int n_parts, int i); /* where part i of n items begins */

int conv_product_rows(const ConvProduct *p);

/* First element of the output of a row. */
Real *conv_product_pixel(const ConvProduct *p, int row);

/* Cut of a weight product: over rows when there are many (each part but the first sums into a copy
 * of its own), else over outputs. */
typedef struct {
    int n_parts;
    bool rows;
} ConvWeightCut;
ConvWeightCut conv_weight_cut(const ConvWeightProduct *p, ThreadPool *threads);

/* dw += copies [n_copies, size], one after the other. */
void conv_add_copies(Real *dw, const Real *copies, int n_copies, size_t size);

#endif

/* Flip, colours, rotation. */
#include "transform.h"

#include <math.h>
#include <string.h>

static int pixels_of(const Image *image)
{
    return image->width * image->height;
}

static void check_rgb(const Image *image)
{
    check(image->channels == 3, "%d channels, expected RGB", image->channels);
}

void transform_flip(Image *image)
{
    int channels = image->channels;
    for (int y = 0; y < image->height; y++) {
        uint8_t *row = image->data + (size_t)y * (size_t)(image->width * channels);
        for (int a = 0, b = image->width - 1; a < b; a++, b--) {
            for (int c = 0; c < channels; c++) {
                uint8_t held = row[a * channels + c];
                row[a * channels + c] = row[b * channels + c];
                row[b * channels + c] = held;
            }
        }
    }
}

/* The three samples of pixel i. */
static uint8_t *pixel(const Image *image, int i)
{
    return image->data + (ptrdiff_t)3 * i;
}

static int clip8(float v)
{
    return v <= 0 ? 0 : v >= 255 ? 255 : (int)v;
}

/* from + factor * (to - from), truncated and clipped: Image.blend */
static uint8_t blend(int from, int to, float factor)
{
    return (uint8_t)clip8((float)from + factor * (float)(to - from));
}

/* ITU-R BT.601 in 16-bit fixed point, rounded, with PIL's constants */
static int luma(const uint8_t *p)
{
    return (p[0] * 19595 + p[1] * 38470 + p[2] * 7471 + 0x8000) >> 16;
}

/* Every sample blended with one grey level. */
static void blend_with_level(Image *image, int level, double factor)
{
    uint8_t table[256];
    for (int v = 0; v < 256; v++) table[v] = blend(level, v, (float)factor);
    int n = 3 * pixels_of(image);
    for (int i = 0; i < n; i++) image->data[i] = table[image->data[i]];
}

void transform_brightness(Image *image, double factor)
{
    check_rgb(image);
    blend_with_level(image, 0, factor);
}

void transform_contrast(Image *image, double factor)
{
    check_rgb(image);
    int n = pixels_of(image);
    int64_t sum = 0;
    for (int i = 0; i < n; i++) sum += luma(pixel(image, i));
    blend_with_level(image, (int)((double)sum / n + 0.5), factor);
}

void transform_saturation(Image *image, double factor)
{
    check_rgb(image);
    int n = pixels_of(image);
    for (int i = 0; i < n; i++) {
        uint8_t *p = pixel(image, i);
        int grey = luma(p);
        for (int c = 0; c < 3; c++) p[c] = blend(grey, p[c], (float)factor);
    }
}

void transform_grey(Image *image)
{
    check_rgb(image);
    int n = pixels_of(image);
    for (int i = 0; i < n; i++) {
        uint8_t *p = pixel(image, i);
        p[0] = p[1] = p[2] = (uint8_t)luma(p);
    }
}

/* 8-bit hue (a full turn is 255) of a pixel whose largest and smallest samples differ; Smith,
 * "Color Gamut Transform Pairs", SIGGRAPH 1978. */
static int hue_of(const uint8_t *p, int largest, int smallest)
{
    float range = (float)(largest - smallest);
    float r = (float)(largest - p[0]) / range, g = (float)(largest - p[1]) / range,
          b = (float)(largest - p[2]) / range;
    float sixths;
    if (p[0] == largest) {
        sixths = b - g;
    } else if (p[1] == largest) {
        sixths = (float)(2.0 + (double)r - (double)b);
    } else {
        sixths = (float)(4.0 + (double)g - (double)r);
    }
    double turn = (double)sixths / 6.0 + 1.0; /* sixths is in [-1, 5] */
    if (turn >= 1.0) turn -= 1.0;
    return (int)((double)(float)turn * 255.0);
}

static uint8_t rounded(double v)
{
    return (uint8_t)(int)(v + 0.5); /* v >= 0 */
}

/* float and double alternate as in PIL, so that the roundings are the same. */
static void set_hsv(uint8_t *p, int hue, int saturation, int value)
{
    if (saturation == 0) {
        p[0] = p[1] = p[2] = (uint8_t)value;
        return;
    }
    float s = (float)(saturation / 255.0), sixths = (float)(hue * 6.0 / 255.0);
    int sector = (int)sixths;
    float f = sixths - (float)sector;
    uint8_t top = (uint8_t)value, low = rounded(value * (1.0 - (double)s)),
            falling = rounded(value * (1.0 - (double)(s * f))),
            rising = rounded(value * (1.0 - (double)s * (1.0 - (double)f)));
    const uint8_t sectors[6][3] = {{top, rising, low},  {falling, top, low}, {low, top, rising},
                                   {low, falling, top}, {rising, low, top},  {top, low, falling}};
    memcpy(p, sectors[sector % 6], 3);
}

void transform_hue(Image *image, double turns)
{
    check_rgb(image);
    check(turns >= -0.5 && turns <= 0.5, "hue turned by %g", turns);
    int shift = (int)(turns * 255); /* cut towards zero, then modulo 256, as numpy.uint8 */
    int n = pixels_of(image);
    for (int i = 0; i < n; i++) {
        uint8_t *p = pixel(image, i);
        int largest = p[0] > p[1] ? p[0] : p[1], smallest = p[0] < p[1] ? p[0] : p[1];
        if (p[2] > largest) largest = p[2];
        if (p[2] < smallest) smallest = p[2];
        if (largest == smallest) continue;
        int saturation = (int)((double)((float)(largest - smallest) / (float)largest) * 255.0);
        int hue = (hue_of(p, largest, smallest) + shift) & 255;
        set_hsv(p, hue, saturation, largest);
    }
}

static int clamp_index(int i, int n)
{
    return i < 0 ? 0 : i >= n ? n - 1 : i;
}

/* Bilinear sample at (x, y) in pixel-edge coordinates, 0 outside; the edge pixel is repeated for
 * half a pixel. */
static uint8_t sample(const ImageView *image, double x, double y)
{
    int width = image->width, height = image->height;
    if (x < 0 || x >= width || y < 0 || y >= height) return 0;
    double left = floor(x - 0.5), above = floor(y - 0.5);
    double dx = x - 0.5 - left, dy = y - 0.5 - above;
    int x0 = clamp_index((int)left, width), x1 = clamp_index((int)left + 1, width);
    const uint8_t *row0 = image->data + (ptrdiff_t)clamp_index((int)above, height) * width;
    const uint8_t *row1 = image->data + (ptrdiff_t)clamp_index((int)above + 1, height) * width;
    double top = row0[x0] + (row0[x1] - row0[x0]) * dx,
           bottom = row1[x0] + (row1[x1] - row1[x0]) * dx;
    return (uint8_t)(top + (bottom - top) * dy);
}

void transform_rotate(Image *out, const ImageView *image, double degrees)
{
    check(image->channels == 1 && out->width == image->width && out->height == image->height,
          "rotation of %d channels into %d x %d", image->channels, out->width, out->height);
    double radians = -fmod(degrees, 360.0) * 3.14159265358979323846 / 180.0;
    double c = round(cos(radians) * 1e15) / 1e15,
           s = round(sin(radians) * 1e15) / 1e15; /* as PIL: exact at 90 */
    double cx = image->width / 2.0, cy = image->height / 2.0;
    for (int y = 0; y < out->height; y++) {
        for (int x = 0; x < out->width; x++) {
            double u = x + 0.5 - cx, v = y + 0.5 - cy;
            out->data[y * out->width + x] = sample(image, c * u + s * v + cx, -s * u + c * v + cy);
        }
    }
}

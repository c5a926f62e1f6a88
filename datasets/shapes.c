/* Generated images for tests and for machines without data: six shapes in four styles. The same
 * concept (class and number) has the same place, size and rotation in every domain; colours and
 * textures belong to the domain. Every pixel is a pure function of the descriptor's seed. */
#include "mem.h"
#include "rng.h"
#include "source.h"

#include <math.h>
#include <stdlib.h>

enum { SHAPES_VERSION = 1, N_SHAPES = 6, N_STYLES = 4, SUBPIXELS = 4 };
static const double PI = 3.14159265358979323846;
static const double MAX_TURN = 0.35;     /* radians */
static const double OUTLINE_INNER = 0.6; /* the hole of an outlined shape, relative to the shape */

static const char *const SHAPES[N_SHAPES] = {"bar",    "circle", "cross",
                                             "square", "star",   "triangle"};
typedef enum { STYLE_FILLED, STYLE_OUTLINE, STYLE_TEXTURED, STYLE_DARK } Style;
static const char *const STYLES[N_STYLES] = {"filled", "outline", "textured", "dark"};

typedef struct {
    int size, per_class;
    uint64_t seed;
} ShapesContext;

typedef struct {
    double r, g, b; /* 0..255 */
} Color;

/* Is (u, v), in units of the shape's radius, inside? */
static bool inside_star(double u, double v)
{
    double angle = fmod(atan2(v, u) + 2 * PI, 2 * PI / 5);
    if (angle > PI / 5)
        angle = 2 * PI / 5 - angle; /* mirrored: between a tip at 0 and a valley at pi/5 */
    double r = sqrt(u * u + v * v), x = r * cos(angle), y = r * sin(angle);
    double valley_x = 0.42 * cos(PI / 5), valley_y = 0.42 * sin(PI / 5);
    return (valley_x - 1) * y - valley_y * (x - 1) > 0; /* left of the edge from tip to valley */
}

static bool inside(int shape, double u, double v)
{
    double a = fabs(u), b = fabs(v);
    switch (shape) {
    case 0:
        return a < 0.98 && b < 0.28;
    case 1:
        return u * u + v * v < 0.8 * 0.8;
    case 2:
        return (a < 0.26 && b < 0.95) || (b < 0.26 && a < 0.95);
    case 3:
        return a < 0.68 && b < 0.68;
    case 4:
        return inside_star(u, v);
    default:
        return v > -0.5 && 0.866 * a + 0.5 * v < 0.5;
    }
}

/* Where a concept's shape lies in an image of side 1. */
typedef struct {
    int shape;
    double x, y, radius, cosine, sine;
} Placement;

static Placement placement_of(const ShapesContext *c, int shape, int number)
{
    RngStream s = rng_sub(rng_stream(c->seed, "shapes placement"), (uint64_t)shape);
    uint64_t n = (uint64_t)number;
    double angle = MAX_TURN * (2 * rng_uniform(s, n, 0) - 1);
    return (Placement){.shape = shape,
                       .x = 0.5 + 0.12 * (rng_uniform(s, n, 1) - 0.5),
                       .y = 0.5 + 0.12 * (rng_uniform(s, n, 2) - 0.5),
                       .radius = 0.32 + 0.1 * rng_uniform(s, n, 3),
                       .cosine = cos(angle),
                       .sine = sin(angle)};
}

/* Share of the pixel (x, y) that the shape, scaled by `scale`, covers. */
static double coverage(const Placement *p, int x, int y, int size, double scale)
{
    int hits = 0;
    for (int i = 0; i < SUBPIXELS * SUBPIXELS; i++) {
        int column = i % SUBPIXELS, row = i / SUBPIXELS;
        double px = (x + (column + 0.5) / SUBPIXELS) / size - p->x;
        double py = (y + (row + 0.5) / SUBPIXELS) / size - p->y;
        double reach = p->radius * scale;
        hits += inside(p->shape, (p->cosine * px + p->sine * py) / reach,
                       (p->cosine * py - p->sine * px) / reach);
    }
    return (double)hits / (SUBPIXELS * SUBPIXELS);
}

/* A colour of the given hue (turns), between `low` and `high` */
static Color hue_color(double hue, double low, double high)
{
    double channel[3];
    for (int c = 0; c < 3; c++) {
        double wave = 0.5 + 0.5 * cos(2 * PI * (hue - c / 3.0));
        channel[c] = low + (high - low) * wave;
    }
    return (Color){channel[0], channel[1], channel[2]};
}

static Color mix(Color a, Color b, double share)
{
    return (Color){a.r + (b.r - a.r) * share, a.g + (b.g - a.g) * share, a.b + (b.b - a.b) * share};
}

/* One image's look. */
typedef struct {
    Style style;
    Color shape, ground;
    double noise, stripe_x, stripe_y;
    RngStream stream;
    uint64_t number;
} Look;

static Look look_of(const ShapesContext *c, Style style, int shape, int number)
{
    RngStream s =
        rng_sub(rng_sub(rng_stream(c->seed, "shapes look"), (uint64_t)style), (uint64_t)shape);
    uint64_t n = (uint64_t)number;
    double hue = rng_uniform(s, n, 0), other_hue = hue + 0.3 + 0.4 * rng_uniform(s, n, 1);
    double angle = 2 * PI * rng_uniform(s, n, 2);
    Look look = {.style = style,
                 .stream = s,
                 .number = n,
                 .stripe_x = 40 * cos(angle),
                 .stripe_y = 40 * sin(angle)};
    switch (style) {
    case STYLE_FILLED:
        look.shape = hue_color(hue, 20, 220);
        look.ground = hue_color(other_hue, 215, 255);
        if (rng_uniform(s, n, 3) < 0.5) { /* light on dark as often as dark on light */
            Color held = look.shape;
            look.shape = look.ground;
            look.ground = held;
        }
        break;
    case STYLE_OUTLINE:
        look.shape = (Color){30, 30, 30};
        look.ground = (Color){255, 255, 255};
        break;
    case STYLE_TEXTURED:
        look.shape = hue_color(hue, 30, 250);
        look.ground = hue_color(other_hue, 90, 160);
        look.noise = 30;
        break;
    case STYLE_DARK:
        look.shape = hue_color(hue, 110, 210);
        look.ground = hue_color(other_hue, 5, 45);
        look.noise = 8;
        break;
    }
    return look;
}

static Color pixel_color(const Look *look, const Placement *p, int x, int y, int size)
{
    double share = coverage(p, x, y, size, 1);
    if (look->style == STYLE_OUTLINE) share -= coverage(p, x, y, size, OUTLINE_INNER);
    Color shape = look->shape;
    if (look->style == STYLE_TEXTURED) {
        double wave = sin((look->stripe_x * x + look->stripe_y * y) / size);
        shape = mix(shape, (Color){255, 255, 255}, wave > 0.3 ? 0.4 : 0);
    }
    return mix(look->ground, shape, share);
}

static uint8_t sample_of(double value, double noise)
{
    double v = value + noise + 0.5;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

static void draw_shape(Image *out, const Look *look, const Placement *p)
{
    int size = out->width;
    for (int y = 0; y < size; y++) {
        for (int x = 0; x < size; x++) {
            Color color = pixel_color(look, p, x, y, size);
            int at = y * size + x;
            double noise = look->noise;
            if (noise > 0)
                noise *= 2 * rng_uniform(look->stream, look->number, 16 + (uint64_t)at) - 1;
            uint8_t *rgb = out->data + (ptrdiff_t)3 * at;
            rgb[0] = sample_of(color.r, noise);
            rgb[1] = sample_of(color.g, noise);
            rgb[2] = sample_of(color.b, noise);
        }
    }
}

static bool shapes_read(const Source *source, int image, Image *out, uint8_t digest[SHA256_BYTES],
                        unsigned *flags, Err *err)
{
    (void)err;
    const ShapesContext *c = source->context;
    const DatasetImage *row = &source->images[image];
    int number = image % c->per_class;
    Image made = {0};
    Image *target = out != NULL ? out : &made;
    image_resize_storage(target, c->size, c->size, 3);
    Placement placement = placement_of(c, row->label, number);
    Look look = look_of(c, (Style)row->domain, row->label, number);
    draw_shape(target, &look, &placement);
    digest_sha256(digest, target->data, 3 * (size_t)c->size * (size_t)c->size);
    image_done(&made);
    *flags = 0;
    return true;
}

static void take_key(Source *source, const ShapesContext *c)
{
    int64_t rules[5] = {SHAPES_VERSION, LAYOUT_SHAPES, c->size, c->per_class, (int64_t)c->seed};
    digest_sha256(source->key, rules, sizeof rules);
}

static void list_images(Source *source, const ShapesContext *c, Arena *arena)
{
    source->n_images = N_STYLES * N_SHAPES * c->per_class;
    source->images = arena_alloc(arena, (size_t)source->n_images, sizeof *source->images);
    source->first = arena_alloc(arena, N_STYLES + 1, sizeof *source->first);
    for (int i = 0; i < source->n_images; i++) {
        int number = i % c->per_class, shape = i / c->per_class % N_SHAPES,
            style = i / c->per_class / N_SHAPES;
        source->images[i] = (DatasetImage){
            .path = arena_printf(arena, "%s/%s/%04d", STYLES[style], SHAPES[shape], number),
            .concept = arena_printf(arena, "%s-%04d", SHAPES[shape], number),
            .caption = SHAPES[shape],
            .split = "",
            .domain = style,
            .label = shape};
        source->first[style + 1] = i + 1;
    }
}

bool source_open_shapes(Source *source, const Descriptor *d, Arena *arena, Err *err)
{
    (void)err;
    ShapesContext *c = arena_alloc(arena, 1, sizeof *c);
    *c = (ShapesContext){(int)d->shapes.size, (int)d->shapes.per_class, (uint64_t)d->shapes.seed};
    source->place = "shapes";
    source->context = c;
    source->read = shapes_read;
    source->channels = 3;
    source->n_domains = N_STYLES;
    source->domains = arena_alloc(arena, N_STYLES, sizeof *source->domains);
    for (int i = 0; i < N_STYLES; i++) source->domains[i] = STYLES[i];
    source->n_classes = N_SHAPES;
    source->classes = arena_alloc(arena, N_SHAPES, sizeof *source->classes);
    for (int k = 0; k < N_SHAPES; k++) source->classes[k] = SHAPES[k];
    take_key(source, c);
    list_images(source, c, arena);
    return true;
}

/* SWAD, stochastic weight averaging densely: the mean of all weights between the moment when the
 * validation loss stops falling and the moment when it has clearly risen again. Source: Cha et al.
 * 2021, Algorithm 1; their code, swad.py class LossValley. The two differ; `reading` says which one
 * is meant:
 *
 *   reference  what their code computes: segment means count equally; the segment where the loss
 *              converged is counted twice when it comes up in the window again, so are others when
 *              convergence precedes a full window; the earliest segment within tolerance is left
 *              out.
 *   paper      every update from the convergence segment to the last one before the loss stayed
 *              above the threshold for n_tolerance checkpoints, each once.
 *
 * Both read the loss of the raw weights at checkpoints (mean over the source domains of the out
 * split's nll), between which a running mean of the weights is kept: a segment. Theirs stops
 * training when the valley ends ("dead"); here training goes on for the other variants, and the
 * average stays as it is. Their code averages parameters only; running statistics are averaged
 * here, which changes nothing where batch norm is frozen, as theirs is, or where they are estimated
 * anew (batch_norm_refresh.h).
 */
#include "members.h"

#include <float.h>
#include <math.h>
#include <string.h>

enum { N_CONVERGE, N_TOLERANCE, TOLERANCE_RATIO, READING, N_HPARAMS };
enum { READING_REFERENCE, READING_PAPER };
enum { MAX_QUEUE = 16 };

/* numbers: a queue of segments, oldest first, and what was found so far */
enum {
    COUNT,         /* of segments (reference) or updates (paper) in the average */
    SEGMENT_COUNT, /* of updates in the running segment */
    CONVERGED,
    DEAD,
    THRESHOLD,
    VALLEY,   /* checkpoint at which the loss had its minimum */
    N_PUSHED, /* checkpoints so far; the newest segment's is N_PUSHED - 1 */
    LENGTH,   /* of the queue */
    LOSSES,
    COUNTS = LOSSES + MAX_QUEUE, /* updates in each segment */
    N_NUMBERS = COUNTS + MAX_QUEUE
};

/* arrays: average, running segment, the queue's segments in the order of its numbers */
enum { AVERAGE, SEGMENT, QUEUE };

static const char *const readings[] = {"reference", "paper", NULL};

static const HparamDef hparams[N_HPARAMS] = {
    {.name = "n_converge",
     .default_value = 3,
     .kind = HPARAM_INT,
     .low = 1,
     .high = MAX_QUEUE,
     .help = "checkpoints without improvement after which the loss has converged",
     .source = "Cha et al. 2021, N_s"},
    {.name = "n_tolerance",
     .default_value = 6,
     .kind = HPARAM_INT,
     .low = 1,
     .high = MAX_QUEUE,
     .help = "checkpoints above the threshold after which the valley has ended",
     .source = "Cha et al. 2021, N_e"},
    {.name = "tolerance_ratio",
     .default_value = 0.3,
     .low = 0,
     .high = 100,
     .help = "the threshold is (1 + this) times the mean loss of convergence",
     .source = "Cha et al. 2021, r = 1.3; VLCS 1.2"},
    {.name = "reading",
     .default_value = READING_REFERENCE,
     .kind = HPARAM_NAMED,
     .choices = readings,
     .help = "reference: as the authors' code; paper: as Algorithm 1",
     .source = "swad.py LossValley; Cha et al. 2021"},
};

static int hparam(const AverageState *s, int i)
{
    return (int)s->options.hparams[i];
}

static bool is(const AverageState *s, int flag)
{
    return s->numbers[flag] != 0;
}

static int swad_n_arrays(const AveragingOptions *o)
{
    double a = o->hparams[N_CONVERGE], b = o->hparams[N_TOLERANCE];
    return QUEUE + (int)fmax(a, b);
}

static void swad_update(AverageState *s, const Real *weights, int64_t step)
{
    (void)step;
    if (is(s, DEAD)) return;
    average_mix(s, SEGMENT, weights, 1 / (s->numbers[SEGMENT_COUNT] + 1));
    s->numbers[SEGMENT_COUNT]++;
}

/* ---- the queue ---- */

static int length(const AverageState *s)
{
    return (int)s->numbers[LENGTH];
}

/* The checkpoint of entry i. */
static int checkpoint_of(const AverageState *s, int i)
{
    return (int)s->numbers[N_PUSHED] - length(s) + i;
}

static double min_loss(const AverageState *s, int from)
{
    double least = DBL_MAX;
    for (int i = from; i < length(s); i++) least = fmin(least, s->numbers[LOSSES + i]);
    return least;
}

static void drop_oldest(AverageState *s)
{
    int n = length(s) - 1;
    s->numbers[LENGTH] = n;
    Real *oldest = s->arrays[QUEUE];
    memmove(s->arrays + QUEUE, s->arrays + QUEUE + 1, (size_t)n * sizeof *s->arrays);
    s->arrays[QUEUE + n] = oldest;
    memmove(s->numbers + LOSSES, s->numbers + LOSSES + 1, (size_t)n * sizeof *s->numbers);
    memmove(s->numbers + COUNTS, s->numbers + COUNTS + 1, (size_t)n * sizeof *s->numbers);
}

static void push_segment(AverageState *s, double loss)
{
    int n = length(s);
    Real *free_array = s->arrays[QUEUE + n];
    s->arrays[QUEUE + n] = s->arrays[SEGMENT];
    s->arrays[SEGMENT] = free_array;
    s->numbers[LOSSES + n] = isfinite(loss) ? loss : DBL_MAX;
    s->numbers[COUNTS + n] = s->numbers[SEGMENT_COUNT];
    s->numbers[SEGMENT_COUNT] = 0;
    s->numbers[LENGTH]++;
    s->numbers[N_PUSHED]++;
}

/* Entry i into the average; the first one replaces what is there. */
static void add_entry(AverageState *s, int i)
{
    double weight = hparam(s, READING) == READING_PAPER ? s->numbers[COUNTS + i] : 1;
    s->numbers[COUNT] += weight;
    average_mix(s, AVERAGE, s->arrays[QUEUE + i], weight / s->numbers[COUNT]);
}

/* ---- convergence ---- */

/* The oldest of the last n_converge losses is their minimum: *first is its entry. */
static bool has_converged(const AverageState *s, int *first)
{
    *first = length(s) - hparam(s, N_CONVERGE);
    return *first >= 0 && s->numbers[LOSSES + *first] <= min_loss(s, *first);
}

/* swad.py:150-186. Entries of its second queue are the last n_tolerance; Q, the first n_tolerance -
 * n_converge + 1 of them. The copy of the segment counts for nothing: the first sum replaces it. */
static void begin_as_reference(AverageState *s, int first)
{
    int n_converge = hparam(s, N_CONVERGE), n_tolerance = hparam(s, N_TOLERANCE);
    average_mix(s, AVERAGE, s->arrays[QUEUE + first], 1);
    for (int i = 1; i <= n_converge - n_tolerance; i++) add_entry(s, first + i);
    while (length(s) > n_tolerance) drop_oldest(s);
    if (n_tolerance <= n_converge) return;
    int n = n_tolerance - n_converge + 1, start = 0;
    if (n > length(s)) n = length(s);
    for (int i = 0; i < n; i++) {
        if (s->numbers[LOSSES + i] > s->numbers[THRESHOLD]) start = i + 1;
    }
    for (int i = start + 1; i < n; i++) add_entry(s, i);
}

/* What came before the valley is of no use; what does not fit into the window belongs to it. */
static void begin_as_paper(AverageState *s, int first)
{
    s->numbers[COUNT] = 0;
    for (int i = 0; i < first; i++) drop_oldest(s);
    while (length(s) > hparam(s, N_TOLERANCE)) {
        add_entry(s, 0);
        drop_oldest(s);
    }
}

static void look_for_convergence(AverageState *s)
{
    int first;
    if (!has_converged(s, &first)) return;
    double sum = 0;
    for (int i = first; i < length(s); i++) sum += s->numbers[LOSSES + i];
    s->numbers[CONVERGED] = 1;
    s->numbers[THRESHOLD] = sum / hparam(s, N_CONVERGE) * (1 + s->options.hparams[TOLERANCE_RATIO]);
    s->numbers[VALLEY] = checkpoint_of(s, first);
    if (hparam(s, READING) == READING_PAPER) {
        begin_as_paper(s, first);
    } else {
        begin_as_reference(s, first);
    }
}

/* ---- after convergence ---- */

/* swad.py:188-198 */
static void go_on_as_reference(AverageState *s)
{
    if (checkpoint_of(s, 0) < s->numbers[VALLEY]) return;
    if (min_loss(s, 0) > s->numbers[THRESHOLD]) {
        s->numbers[DEAD] = 1;
    } else {
        add_entry(s, 0);
    }
}

static void go_on_as_paper(AverageState *s)
{
    if (min_loss(s, 0) > s->numbers[THRESHOLD]) s->numbers[DEAD] = 1;
}

/* swad.py:200-217 */
static void end_as_reference(AverageState *s)
{
    drop_oldest(s);
    while (length(s) > 0 && min_loss(s, 0) <= s->numbers[THRESHOLD]) {
        add_entry(s, 0);
        drop_oldest(s);
    }
}

static void end_as_paper(AverageState *s)
{
    for (; length(s) > 0; drop_oldest(s)) add_entry(s, 0);
}

/* Without convergence: the last segment (swad.py:202); all weights (t_s = 0, t_e = T of the paper).
 */
static void swad_end(AverageState *s)
{
    if (is(s, DEAD)) return;
    if (hparam(s, READING) == READING_PAPER) {
        end_as_paper(s);
    } else if (is(s, CONVERGED)) {
        end_as_reference(s);
    } else {
        average_mix(s, AVERAGE, s->arrays[QUEUE + length(s) - 1], 1);
        s->numbers[COUNT] = 1;
    }
}

/* Makes room in the queue; in the paper's reading what leaves it is averaged at once: a valley
 * begins only with weights that are still in it. */
static void make_room(AverageState *s)
{
    int n_converge = hparam(s, N_CONVERGE), n_tolerance = hparam(s, N_TOLERANCE);
    bool wide = is(s, CONVERGED) || n_tolerance > n_converge;
    if (length(s) < (wide ? n_tolerance : n_converge)) return;
    if (hparam(s, READING) == READING_PAPER) add_entry(s, 0);
    drop_oldest(s);
}

static void swad_checkpoint(AverageState *s, const AverageCheckpoint *checkpoint)
{
    if (!is(s, DEAD)) {
        make_room(s);
        push_segment(s, checkpoint->source_nll);
        if (!is(s, CONVERGED)) {
            look_for_convergence(s);
        } else if (hparam(s, READING) == READING_PAPER) {
            go_on_as_paper(s);
        } else {
            go_on_as_reference(s);
        }
    }
    if (checkpoint->last) swad_end(s);
}

const Averaging AVERAGING_SWAD = {
    .name = "swad",
    .help = "mean of the weights through the valley of the validation loss; evaluated at the end",
    .source = "Cha et al. 2021, Algorithm 1; swad.py LossValley",
    .hparams = hparams,
    .n_hparams = N_HPARAMS,
    .at_the_end = true,
    .needs_validation = true,
    .n_numbers = N_NUMBERS,
    .n_arrays = swad_n_arrays,
    .update = swad_update,
    .checkpoint = swad_checkpoint,
};

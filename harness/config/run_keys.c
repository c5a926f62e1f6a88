/* Every key of a RunSpec: name, type, default, range, help. Defaults are DomainBed's where it has
 * them (ResNet-50 at 224 pixels, Adam, 5001 steps, a fifth of each domain held out). */
#include "run_spec.h"

#define AT(k, t, field) .key = (k), .type = FIELD_##t, .offset = offsetof(RunSpec, field)
#define MAX_SEED        9007199254740992.0 /* 2^53: whole numbers beyond it do not survive JSON */

static const char *const splits[] = {"image", "concept", "tagged", NULL};
static const char *const augments[] = {"none", "flip", "domainbed", NULL};
static const char *const batch_norms[] = {"live", "frozen", NULL};
static const char *const averaging_bns[] = {"average", "forward", "refresh", NULL};
static const char *const compats[] = {"none", "erm_plusplus", NULL};
static const char *const trainables[] = {"all", "head", "attention", "adapter", "none", NULL};
static const char *const scalings[] = {"lora", "rslora", NULL};
static const char *const factors[] = {"default", "gaussian", "pissa", NULL};
static const char *const generators[] = {"paper", "code", "rezero", NULL};
static const char *const adapter_averages[] = {"factors", "generator", NULL};
static const char *const heads[] = {"random", "zero-shot", NULL};
static const char *const fits[] = {"auto", "squash", "crop", NULL};
static const char *const filters[] = {"auto", "bilinear", "bicubic", NULL};
static const char *const optimizers[] = {"adam", "adamw", "sgd", "lars", NULL};
static const char *const saves[] = {"none", "last", "all", NULL};
static const char *const merges[] = {"none", "uniform", "greedy", "ensemble", NULL};
static const char *const outcomes[] = {"all", "none", NULL};
static const char *const transforms[] = {"clean", "augmented", NULL};

const char *const RUN_SELECTIONS[] = {"training-domain", "leave-one-domain-out", "oracle", "last",
                                      NULL};
const char *const RUN_SCORED[] = {"in", "out", "whole", NULL};
const char *const RUN_STDERRS[] = {"population", "sample", NULL};

static const SchemaRow rows[] = {
    {AT("name", TEXT, name), .flags = FIELD_NOT_IDENTITY,
     .help = "name of the experiment, for people"},
    {AT("dataset", TEXT, dataset), .flags = FIELD_NOT_IDENTITY,
     .help = "name of the dataset (see `dgbench list datasets`)"},
    {AT("protocol", TEXT, protocol), .flags = FIELD_NOT_IDENTITY,
     .help = "preset of a published protocol, laid over the defaults and under the recipe (see "
             "`dgbench list protocols`)"},

    {AT("data.root", TEXT, data.root), .flags = FIELD_NOT_IDENTITY,
     .help = "folder that holds the dataset; empty: where its descriptor says"},
    {AT("data.split", CHOICE, data.split), .choices = splits, .default_text = "image",
     .help =
         "what is held out for validation: images (DomainBed's rule), whole concepts (unseen in "
         "every domain), or as the manifest says (tagged)"},
    {AT("data.holdout_fraction", FLOAT, data.holdout_fraction), .default_text = "0.2", .low = 0,
     .high = 0.9, .help = "share of each domain held out for validation; 0: none"},
    {AT("data.uda_fraction", FLOAT, data.uda_fraction), .default_text = "0", .low = 0, .high = 0.9,
     .help = "share of what remains of each held-out domain that is set aside as images without "
             "labels (split uda, DomainBed's uda_holdout_fraction)"},
    {AT("data.image_size", INT, data.image_size), .default_text = "224", .low = 0, .high = 512,
     .help = "width and height of images as the network sees them, in pixels; net clip: when not "
             "given (or 0) what net.model says, else the positions of a vision transformer are "
             "interpolated"},
    {AT("data.fit", CHOICE, data.fit), .choices = fits, .default_text = "auto",
     .help =
         "how clean images come to that size: squash (both sides), crop (the shorter side, then "
         "the centre); auto: what net.model says, else squash"},
    {AT("data.filter", CHOICE, data.filter), .choices = filters, .default_text = "auto",
     .help = "how images are resampled: bilinear, bicubic; auto: what net.model says, else "
             "bilinear"},
    {AT("data.augment", CHOICE, data.augment), .choices = augments, .default_text = "domainbed",
     .help = "training images: none; flip (mirrored at random); domainbed (random crop, flip, "
             "colour jitter, grey)"},
    {AT("data.replacement", BOOL, data.replacement), .default_text = "true",
     .help = "draw training images with replacement, as DomainBed; false: each once per epoch"},
    {AT("data.class_balanced", BOOL, data.class_balanced), .default_text = "false",
     .help = "draw every class of a domain equally often"},
    {AT("data.batch_size", INT, data.batch_size), .default_text = "32", .low = 1, .high = 65536,
     .help = "images of each source domain per step"},
    {AT("data.workers", INT, data.workers), .default_text = "0", .low = 0, .high = 64,
     .flags = FIELD_NOT_IDENTITY,
     .help = "threads that prepare batches ahead; 0: automatic (none in a one-thread run)"},

    {AT("net.name", TEXT, net.name), .default_text = "resnet-50",
     .help = "network (see `dgbench list nets`)"},
    {AT("net.init", TEXT, net.init), .flags = FIELD_NOT_IDENTITY,
     .help = "safetensors file with pretrained weights; empty: random (its content is part of the "
             "run's key)"},
    {AT("net.pretraining", TEXT, net.pretraining),
     .help = "weights that net.init (or net.model) has to hold, for example "
             "torchvision-imagenet1k-v1; a run without them is refused; empty: nothing is asked"},
    {AT("net.model", TEXT, net.model), .flags = FIELD_NOT_IDENTITY,
     .help = "model directory of a CLIP (config.json, model.safetensors; merges.txt and vocab.json "
             "where its text tower is needed): its image tower is the network of net.name: clip "
             "(what is in it is part of the run's key, not where it lies)"},
    {AT("net.pretrained", BOOL, net.pretrained), .default_text = "true",
     .help =
         "false: the network of net.model with random initial values, as the control that never "
         "was pretrained"},
    {AT("net.head", CHOICE, net.head), .choices = heads, .default_text = "random",
     .help =
         "the classifier's initial weights: random; zero-shot (embeddings of the class prompts "
         "by net.model times its logit scale, bias 0, over features of length 1: the run begins "
         "as the zero-shot prediction)"},
    {AT("net.template", TEXT_LIST, net.template_texts),
     .help =
         "prompts of classes for net.head: zero-shot and eval.alignment, {} is the class's text, "
         "{name} its plain name; several: their mean; empty: \"a photo of a {}\""},
    {AT("net.dropout", FLOAT, net.dropout), .default_text = "0", .low = 0, .high = 0.95,
     .help = "dropout on the features before the classifier"},
    {AT("net.mean", NUMBER_LIST, net.mean), .default_text = "0.485,0.456,0.406", .low = -10,
     .high = 10,
     .help = "mean of red, green, blue in [0,1], subtracted; default ImageNet's, or what net.model "
             "says"},
    {AT("net.std", NUMBER_LIST, net.std), .default_text = "0.229,0.224,0.225", .low = 1e-6,
     .high = 10,
     .help = "standard deviation of red, green, blue, divided by; default ImageNet's, or what "
             "net.model says"},

    {AT("method.recipe", TEXT, method.recipe), .default_text = "erm",
     .help = "named row of choices on the axes below (see `dgbench list recipes`)"},
    {AT("method.label", TEXT, method.label),
     .help = "what tables call the method; empty: the recipe's name"},
    {AT("method.objective", TEXT, method.objective), .default_text = "erm",
     .help = "loss over the batches of the source domains (see `dgbench list objectives`)"},
    {AT("method.adapter", TEXT, method.adapter), .default_text = "none",
     .help = "how trained weights are parameterised (see `dgbench list adapters`)"},
    {AT("method.adapter_target", TEXT_LIST, method.adapting.target), .default_text = "qkvo",
     .help =
         "layers that are adapted: presets (qv, qkvo, qkvo+mlp, resnet-conv2, resnet-layer34, "
         "all) and patterns such as blocks.*.mlp.fc1, in quotes when they begin with *; the first "
         "convolution and the classifier never are"},
    {AT("method.adapter_rank", INT, method.adapting.rank), .default_text = "8", .low = 1,
     .high = 65536, .help = "rank of an adapter's change"},
    {AT("method.adapter_alpha", FLOAT, method.adapting.alpha), .default_text = "8", .low = 0,
     .high = 1e6, .help = "the change is times alpha / rank; 0: alpha is the rank"},
    {AT("method.adapter_scaling", CHOICE, method.adapting.scaling), .choices = scalings,
     .default_text = "lora", .help = "lora: alpha / rank; rslora: alpha / sqrt(rank)"},
    {AT("method.adapter_init", CHOICE, method.adapting.init), .choices = factors,
     .default_text = "default",
     .help = "factors at the start: default (A uniform, B 0, as PEFT); gaussian (A normal with "
             "standard deviation 1 / rank, B 0); pissa (the weight's first singular directions, "
             "which it loses)"},
    {AT("method.adapter_lr_ratio", FLOAT, method.adapting.lr_ratio), .default_text = "1",
     .low = 1e-6, .high = 1e6, .help = "learning rate of B over that of A (16 in LoRA+)"},
    {AT("method.adapter_matched", BOOL, method.adapting.matched), .default_text = "false",
     .help = "lora, dora: each layer has the rank at which it trains as many parameters as op-lora "
             "of method.adapter_rank does, its change times the same number"},
    {AT("method.op_input", INT, method.adapting.input), .default_text = "128", .low = 1,
     .high = 65536, .help = "op-lora, op-dora: length of a generator's learned input"},
    {AT("method.op_width", INT, method.adapting.width), .default_text = "32", .low = 1,
     .high = 65536, .help = "op-lora, op-dora: width of a generator's hidden layer"},
    {AT("method.op_init", CHOICE, method.adapting.generator_init), .choices = generators,
     .default_text = "paper",
     .help =
         "op-lora, op-dora: generators at the start: paper (all biases 0, no change through "
         "rows of 0); code (first biases uniform); rezero (no change through a learned factor)"},
    {AT("method.op_input_std", FLOAT, method.adapting.input_std), .default_text = "0.01", .low = 0,
     .high = 1000,
     .help = "op-lora, op-dora: standard deviation of a generator's input at the start"},
    {AT("method.op_shared", BOOL, method.adapting.shared), .default_text = "false",
     .help = "op-lora, op-dora: one generator for all layers, each with an input of its own"},
    {AT("method.adapter_average", CHOICE, method.adapting.average), .choices = adapter_averages,
     .default_text = "factors",
     .help = "op-lora, op-dora: averages are of the generated factors, or of the generator, which "
             "then makes the factors"},
    {AT("method.adapter_load", TEXT, method.adapter_load), .flags = FIELD_NOT_IDENTITY,
     .help =
         "folder of an adapter in PEFT's format (`dgbench export`) that the run starts from: in "
         "its own adapter, which has to be alike, or merged into the weights where "
         "method.adapter is none (its content is part of the run's key)"},
    {AT("method.averaging", TEXT_LIST, method.averaging),
     .help = "weight averages kept beside the trained weights: none, or a list (see `dgbench list "
             "averages`)"},
    {AT("method.averaging_start", INT, method.averaging_start), .default_text = "600", .low = 0,
     .high = 1e9, .help = "step at which averages begin (600 in ERM++)"},
    {AT("method.ema_decay", FLOAT, method.ema_decay), .default_text = "0.999", .low = 0,
     .high = 0.9999999, .help = "decay of the exponential average per step"},
    {AT("method.averaging_bn", CHOICE, method.averaging_bn), .choices = averaging_bns,
     .default_text = "average",
     .help = "running statistics of averages: average (as the weights); forward (and moved by a "
             "forward pass over every batch, as ERM++); refresh (estimated anew before each "
             "evaluation)"},
    {AT("method.averaging_bn_batches", INT, method.averaging_bn_batches), .default_text = "20",
     .low = 1, .high = 1e6,
     .help = "refresh: the last training batches that the statistics are estimated from"},
    {AT("method.reported", TEXT, method.reported),
     .help = "weights that tables report: raw or an average; empty: the first average there is, "
             "else raw"},
    {AT("method.warm_start", INT, method.warm_start), .default_text = "0", .low = 0, .high = 1e9,
     .help = "first updates that train the classifier only (501 in ERM++)"},
    {AT("method.warm_start_lr", FLOAT, method.warm_start_lr), .default_text = "0", .low = 0,
     .high = 1000,
     .help = "learning rate of the warm start (linear_lr in ERM++); 0: that of method.lr"},
    {AT("method.auto_lr", BOOL, method.auto_lr), .default_text = "false",
     .help = "lower the learning rate when the validation loss stops falling, and stop at the "
             "third time, as ERM++; train.steps is then the most"},
    {AT("method.full_data", BOOL, method.full_data), .default_text = "false",
     .help = "a second stage trains a new model on all source images, with the length and the "
             "learning rates that the first one found"},
    {AT("method.compat", CHOICE, method.compat), .choices = compats, .default_text = "none",
     .help =
         "erm_plusplus: as the paper's first repository where that differs: auto_lr off, "
         "averaging_bn forward of parameters only, first averaged weights count twice, gradients "
         "of the warm start add up"},
    {AT("method.batch_norm", CHOICE, method.batch_norm), .choices = batch_norms,
     .default_text = "live",
     .help = "live: batch statistics in training; frozen: the pretrained statistics throughout"},
    {AT("method.trainable", CHOICE, method.trainable), .choices = trainables, .default_text = "all",
     .help = "which weights are trained: all; the classifier only (head); attention layers and the "
             "classifier (attention; vision transformers only); the adapter and the classifier "
             "(adapter); none (the network is evaluated as it "
             "begins: train.steps is 0)"},
    {AT("method.optimizer", CHOICE, method.optimizer), .choices = optimizers,
     .default_text = "adam",
     .help = "adam (L2 in the gradient), adamw (decoupled decay), sgd or lars"},
    {AT("method.lr", FLOAT, method.lr), .default_text = "5e-5", .low = 0, .high = 1000,
     .help = "learning rate"},
    {AT("method.weight_decay", FLOAT, method.weight_decay), .default_text = "0", .low = 0,
     .high = 1000, .help = "weight decay"},
    {AT("method.beta1", FLOAT, method.beta1), .default_text = "0.9", .low = 0, .high = 0.9999999,
     .help = "adam: decay of the mean of gradients"},
    {AT("method.beta2", FLOAT, method.beta2), .default_text = "0.999", .low = 0, .high = 0.9999999,
     .help = "adam: decay of the mean of squared gradients"},
    {AT("method.eps", FLOAT, method.eps), .default_text = "1e-8", .low = 0, .high = 1,
     .help = "adam: added to the denominator"},
    {AT("method.momentum", FLOAT, method.momentum), .default_text = "0", .low = 0,
     .high = 0.9999999, .help = "sgd, lars: momentum"},
    {AT("method.trust", FLOAT, method.trust), .default_text = "0.001", .low = 1e-9, .high = 1000,
     .help = "lars: length of an update of a layer, in lengths of its weights, at learning rate 1"},
    {AT("method.sam_rho", FLOAT, method.sam_rho), .default_text = "0", .low = 0, .high = 1000,
     .help = "sharpness-aware minimisation: the gradient is taken this far uphill, which takes a "
             "second pass (0.05 in its paper); 0: not at all"},
    {AT("method.schedule", TEXT, method.schedule), .default_text = "constant",
     .help = "course of the learning rate (see `dgbench list schedules`)"},
    {AT("method.lr_warm_up", INT, method.lr_warm_up), .default_text = "0", .low = 0, .high = 1e9,
     .help = "first updates over which the learning rate rises linearly"},
    {AT("method.nesterov", BOOL, method.nesterov), .default_text = "false",
     .help = "sgd: Nesterov's momentum"},
    {AT("method.label_smoothing", FLOAT, method.label_smoothing), .default_text = "0", .low = 0,
     .high = 0.99, .help = "share of the target probability spread over all classes"},

    {AT("train.steps", INT, train.steps), .default_text = "5001", .low = 0, .high = 1e9,
     .help = "optimiser steps; 0 is for method.trainable: none only (in DomainBed it means the "
             "dataset's default)"},
    {AT("train.accumulate", INT, train.accumulate), .default_text = "1", .low = 1, .high = 65536,
     .help = "batches per optimiser step, whose gradients are averaged"},
    {AT("train.checkpoint_freq", INT, train.checkpoint_freq), .default_text = "300", .low = 1,
     .high = 1e9, .help = "steps between evaluations; the last step is always evaluated"},
    {AT("train.threads", INT, train.threads), .default_text = "0", .low = 0, .high = 1024,
     .flags = FIELD_NOT_IDENTITY, .help = "threads of one run; 0: all cores"},
    {AT("train.save", CHOICE, train.save), .choices = saves, .default_text = "none",
     .flags = FIELD_NOT_IDENTITY,
     .help = "weights kept: none, of the last or of all checkpoints (the reported ones; raw ones "
             "beside "
             "an average)"},

    {AT("eval.batch_size", INT, eval.batch_size), .default_text = "64", .low = 1, .high = 65536,
     .flags = FIELD_NOT_IDENTITY, .help = "images per batch of an evaluation"},
    {AT("eval.averages_every", INT, eval.averages_every), .default_text = "1", .low = 1,
     .high = 1e6,
     .help =
         "averages that the method does not report are evaluated at every so manieth checkpoint "
         "and at the last one: each evaluation takes as long as one of the raw weights"},
    {AT("eval.source_train", BOOL, eval.source_train), .default_text = "false",
     .help = "also evaluate the images that are trained on"},
    {AT("eval.source_transform", CHOICE, eval.source_transform), .choices = transforms,
     .default_text = "clean",
     .help =
         "source images are evaluated clean, or augmented as in training (DomainBed's way, which "
         "makes validation noisier); held-out domains always clean"},
    {AT("eval.selection", CHOICE, eval.selection), .choices = RUN_SELECTIONS,
     .default_text = "training-domain", .flags = FIELD_NOT_IDENTITY,
     .help = "rule by which tables of this experiment select step and hyper-parameters"},
    {AT("eval.scored", CHOICE, eval.scored), .choices = RUN_SCORED, .default_text = "in",
     .flags = FIELD_NOT_IDENTITY,
     .help = "split of the held-out domain that tables of this experiment show (DomainBed: in)"},
    {AT("eval.stderr", CHOICE, eval.stderr_of), .choices = RUN_STDERRS,
     .default_text = "population", .flags = FIELD_NOT_IDENTITY,
     .help = "deviation over trials that standard errors are made from (DomainBed: population)"},
    {AT("eval.outcomes", CHOICE, eval.outcomes), .choices = outcomes, .default_text = "all",
     .help = "store the prediction for every target image (all) or only the accuracies (none)"},
    {AT("eval.alignment", BOOL, eval.alignment), .default_text = "false",
     .help =
         "at the end, store how well the trained image embedding of every held-out image agrees "
         "with the text of its class by net.model's text tower, which never learns (net clip "
         "only)"},

    {AT("merge.kind", CHOICE, merge.kind), .choices = merges, .default_text = "none",
     .help = "what `dgbench merge-weights` made of merge.members: the mean of their weights, a "
             "greedy mean, the sum of their logits; none: an ordinary run"},
    {AT("merge.members", TEXT_LIST, merge.members),
     .help = "keys of the runs that were merged; written by `dgbench merge-weights`"},

    {AT("held_out", TEXT_LIST, held_out), .help = "target domains, never trained on"},
    {AT("trial", INT, trial), .default_text = "0", .low = 0, .high = MAX_SEED,
     .help = "number of the trial; seeds the split, as DomainBed's trial_seed"},
    {AT("hparams_seed", INT, hparams_seed), .default_text = "0", .low = 0, .high = MAX_SEED,
     .help = "draw of the hyper-parameters; 0: the values as they stand here"},
    {AT("seed", INT, seed), .default_text = "0", .low = 0, .high = MAX_SEED,
     .help = "seeds initialisation, batches, augmentation; a sweep mixes it into every run's own"},
    {AT("results", TEXT, results), .default_text = "dgbench.db", .flags = FIELD_NOT_IDENTITY,
     .help = "database of results"},
    {AT("output", TEXT, output), .default_text = "dgbench-out", .flags = FIELD_NOT_IDENTITY,
     .help = "folder for checkpoints and logs"},
};

enum { N_ROWS = sizeof rows / sizeof rows[0] };

static const char *extra_default(const HparamDef *def, Arena *arena)
{
    if (def->kind == HPARAM_NAMED) return def->choices[(int)def->default_value];
    return arena_printf(arena, "%.17g", def->default_value);
}

static SchemaRow extra_row(const RunSpecExtras *extras, int i, int index, Arena *arena)
{
    static const FieldType types[] = {
        [HPARAM_REAL] = FIELD_FLOAT, [HPARAM_INT] = FIELD_INT, [HPARAM_NAMED] = FIELD_CHOICE};
    const HparamDef *def = &extras->defs[i];
    return (SchemaRow){
        .key = arena_printf(arena, "method.%s.%s", extras->member, def->name),
        .type = types[def->kind],
        .offset = offsetof(RunSpec, extras) + (size_t)index * sizeof(RunExtra),
        .default_text = extra_default(def, arena),
        .low = def->low,
        .high = def->high,
        .choices = def->choices,
        .help = arena_printf(arena, "%s (%s)", def->help, def->source),
    };
}

const RunKeys *run_keys_new(const RunTables *tables, Arena *arena)
{
    int n_extras = 0;
    for (int m = 0; m < tables->n_extras; m++) n_extras += tables->extras[m].n;
    check(n_extras <= RUN_MAX_EXTRAS, "%d hyper-parameters of members", n_extras);
    SchemaRow *all = arena_alloc(arena, (size_t)N_ROWS + (size_t)n_extras, sizeof *all);
    RunKeys *keys = arena_alloc(arena, 1, sizeof *keys);
    *keys = (RunKeys){{all, N_ROWS}, *tables};
    for (int i = 0; i < N_ROWS; i++) all[i] = rows[i];
    for (int m = 0; m < tables->n_extras; m++) {
        for (int i = 0; i < tables->extras[m].n; i++) {
            int index = keys->schema.n_rows - N_ROWS;
            SchemaRow row = extra_row(&tables->extras[m], i, index, arena);
            check(schema_find(&keys->schema, row.key) == NULL, "key \"%s\" twice", row.key);
            all[keys->schema.n_rows++] = row;
        }
    }
    return keys;
}

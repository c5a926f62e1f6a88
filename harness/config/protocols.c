/* The presets. Facts only: each list says where it was read; what a source leaves open is
 * DomainBed's value, and stands in the notes.
 *
 * Sources: DomainBed (Gulrajani and Lopez-Paz 2021), code at commit b93c22a; its change of all
 * baselines in July 2024 at 3dfdc8e. SWAD (Cha et al. 2021), code at 252190e. ERM++ (Teterwak et
 * al. 2023), its authors' port in DomainBed at b93c22a. IP/OOP (Teterwak et al. 2024), code DB_EH
 * at 10987e4. */
#include "protocols.h"

/* ==== What all of them have in common ==== */

/* scripts/train.py and lib/misc.py: a fifth of every domain is "out". datasets.py: random resized
 * crop, flip, colour jitter, grey at 224 pixels, ImageNet's mean and deviation. */
/* clang-format off */
#define DOMAINBED_DATA                                                                             \
    "data.split=image", "data.holdout_fraction=0.2", "data.uda_fraction=0", "data.image_size=224", \
    "data.augment=domainbed", "data.class_balanced=false", "net.mean=[0.485, 0.456, 0.406]",       \
    "net.std=[0.229, 0.224, 0.225]"

/* hparams_registry.py: its defaults, for images that are not small. algorithms.py: Adam with torch's
 * betas, weight decay coupled (L2), a constant rate. The batch is of each source domain. */
#define DOMAINBED_TRAINING                                                                         \
    "data.batch_size=32", "net.dropout=0", "method.optimizer=adam", "method.lr=5e-5",              \
    "method.weight_decay=0", "method.beta1=0.9", "method.beta2=0.999", "method.eps=1e-8",          \
    "method.label_smoothing=0"
/* clang-format on */

static const char *const every_300[] = {"train.checkpoint_freq=300", NULL};
static const char *const every_1000[] = {"train.checkpoint_freq=1000", NULL};

/* ==== DomainBed ==== */

/* Its small images (28 pixels): hparams_registry.py, networks.py (MNIST_CNN), no augmentation. The
 * validation images then have none either. */
static const char *const small_images[] = {"data.image_size=28",
                                           "data.augment=none",
                                           "eval.source_transform=clean",
                                           "data.batch_size=64",
                                           "method.lr=1e-3",
                                           "net.name=mnist-cnn",
                                           "net.pretraining=",
                                           "train.checkpoint_freq=100",
                                           NULL};

/* CHECKPOINT_FREQ of datasets.py. Fashion-MNIST in MNIST's place is not DomainBed's: treated as
 * what it stands for. */
static const ProtocolRow domainbed_rows[] = {
    {"colored-mnist", small_images, "domainbed-small"},
    {"rotated-mnist", small_images, "domainbed-small"},
    {"colored-fashion-mnist", small_images, "domainbed-small"},
    {"rotated-fashion-mnist", small_images, "domainbed-small"},
    {"vlcs", every_300, NULL},
    {"pacs", every_300, NULL},
    {"office-home", every_300, NULL},
    {"terra-incognita", every_300, NULL},
    {"sviro", every_300, NULL},
    {"domainnet", every_1000, "domainbed-domainnet"},
    {0}};

/* clang-format off */
/* Every split of every domain is evaluated at each checkpoint, those of source domains through the
 * random augmentation (the transform belongs to the domain, not to the split). N_STEPS is 5001 for
 * every dataset, CHECKPOINT_FREQ 100 where a dataset has no own one. Reported: the "in" split of the
 * held-out domain; numpy's std (population) over sqrt(trials). */
#define DOMAINBED_PROTOCOL                                                                         \
    DOMAINBED_DATA, DOMAINBED_TRAINING, "data.replacement=true", "net.name=resnet-50",             \
    "train.steps=5001", "train.checkpoint_freq=100", "eval.source_transform=augmented",            \
    "eval.source_train=true", "eval.selection=training-domain", "eval.scored=in",                  \
    "eval.stderr=population"
/* clang-format on */

static const char *const domainbed_2020[] = {DOMAINBED_PROTOCOL,
                                             "net.pretraining=torchvision-imagenet1k-v1",
                                             "method.batch_norm=frozen", NULL};
static const char *const domainbed_2024[] = {
    DOMAINBED_PROTOCOL, "net.pretraining=timm-resnet50.ram_in1k", "method.batch_norm=live", NULL};

#define NOTE_TABLES                                                                                \
    "DomainBed prints three tables; eval.selection names the one that is read first here"
#define NOTE_MNIST                                                                                 \
    "DomainBed colours and rotates MNIST by each run's own seed; here by the dataset's, so that "  \
    "all runs see the same images"

static const char *const notes_2020[] = {
    NOTE_TABLES, NOTE_MNIST,
    "the published table is commit 7df6f06; the ranges of the random search were read at b93c22a, "
    "and recorded sweeps of VLCS agree with them to the last bit",
    NULL};
static const char *const notes_2024[] = {
    NOTE_TABLES, NOTE_MNIST,
    "commit 3dfdc8e (July 2024) changed initialisation and batch norm of every method: \"ERM\" "
    "since then is not the ERM of the published table",
    NULL};

/* ==== SWAD ==== */

static const char *const swad_vlcs[] = {"train.checkpoint_freq=50",
                                        "method.swad.tolerance_ratio=0.2", NULL};
static const char *const swad_domainnet[] = {"train.steps=15001", "train.checkpoint_freq=500",
                                             NULL};
static const ProtocolRow swad_rows[] = {
    {"vlcs", swad_vlcs, NULL}, {"domainnet", swad_domainnet, NULL}, {0}};

static const char *const swad[] = {DOMAINBED_DATA,
                                   DOMAINBED_TRAINING,
                                   "data.replacement=true",
                                   "net.name=resnet-50",
                                   "net.pretraining=torchvision-imagenet1k-v1",
                                   "method.batch_norm=frozen",
                                   "train.steps=5001",
                                   "train.checkpoint_freq=100",
                                   "eval.source_transform=clean", /* val_augment: False */
                                   "eval.source_train=false",     /* evalmode: fast */
                                   "eval.selection=training-domain",
                                   "eval.scored=in",
                                   "eval.stderr=population",
                                   NULL};

static const char *const notes_swad[] = {
    "the average itself is the recipe's part, not the protocol's",
    "open in the sources: scored split, standard error, sampling with replacement; taken from "
    "DomainBed, of which its code is a fork",
    "inferred: its \"ResNet-50, ImageNet\" are the weights of DomainBed of that time",
    "draws: the values of its search (lr, dropout, weight decay), drawn at random; its authors ran "
    "all 18 combinations",
    NULL};

/* ==== ERM++ ==== */

/* scripts/train_autolr.py: without replacement, what the second pass (on all source images) logs
 * last on the whole held-out domain. Datasets are those of that tree (domainbed_rows), which
 * augments source validation images. */
static const char *const ermpp[] = {DOMAINBED_DATA,
                                    DOMAINBED_TRAINING,
                                    "data.replacement=false",
                                    "net.name=resnet-50",
                                    "net.pretraining=timm-resnet50.ram_in1k",
                                    "method.batch_norm=live",
                                    "train.steps=5001",
                                    "train.checkpoint_freq=100",
                                    "eval.source_transform=augmented",
                                    "eval.selection=last",
                                    "eval.scored=whole",
                                    "eval.stderr=population",
                                    NULL};

static const char *const notes_ermpp[] = {
    "follows the authors' port in DomainBed; their first code trains a fixed number of steps "
    "(DomainNet 60000) and validates through the clean transform",
    "warm start, automatic learning rate, second pass and average are the recipe's part",
    "the port merges the records of both passes, so the last one counts and no step is selected",
    NULL};

/* ==== IP/OOP ==== */

static const char *const ipoop_domainnet[] = {"train.steps=15001", "train.checkpoint_freq=1000",
                                              NULL};
static const ProtocolRow ipoop_rows[] = {{"domainnet", ipoop_domainnet, NULL}, {0}};

/* Evaluated: 0.8 of "in" and 0.2 of "out", the whole held-out domain. Validation images are clean.
 * transforms.py, basic: both sides to 224 pixels, ImageNet's mean and deviation, whatever the model
 * was trained with. evaluator.py:47: the prompt, with the folder's name as it is. */
static const char *const ipoop[] = {DOMAINBED_DATA,
                                    DOMAINBED_TRAINING,
                                    "data.replacement=true",
                                    "data.fit=squash",
                                    "data.filter=bilinear",
                                    "net.name=clip",
                                    "net.head=random",
                                    "net.template=[\"A photo of {name}.\"]",
                                    "net.pretraining=openclip-vit-b-16-laion400m_e32",
                                    "method.batch_norm=frozen",
                                    "train.steps=5001",
                                    "train.checkpoint_freq=200",
                                    "eval.source_transform=clean",
                                    "eval.selection=training-domain",
                                    "eval.scored=whole",
                                    "eval.stderr=population",
                                    NULL};

static const char *const notes_ipoop[] = {
    "its commands make one trial per held-out domain, with the default hyper-parameters",
    "needs net.model: a model directory with OpenCLIP's ViT-B-16 of that name",
    "open in the sources: standard error (there are no error bars), sampling with replacement; "
    "taken from DomainBed",
    "the head is linear on the image tower's projected output, not normalised; images are squashed "
    "and have ImageNet's mean and deviation, not CLIP's",
    "net.template is for zero-shot and alignment; the paper itself writes \"A photo of a\"",
    NULL};

/* ==== The table ==== */

static const Protocol protocols[] = {
    {"domainbed-2020", "DomainBed as published: torchvision's ResNet-50, frozen batch norm",
     "facebookresearch/DomainBed before 3dfdc8e; Gulrajani and Lopez-Paz 2021", domainbed_2020,
     "domainbed", domainbed_rows, notes_2020},
    {"domainbed", "DomainBed since July 2024: AugMix ResNet-50 of timm, live batch norm",
     "facebookresearch/DomainBed b93c22a", domainbed_2024, "domainbed", domainbed_rows, notes_2024},
    {"swad", "SWAD: frequent checkpoints, clean validation images, DomainNet 15001 steps",
     "khanrc/swad 252190e; Cha et al. 2021", swad, "swad", swad_rows, notes_swad},
    {"ermpp",
     "ERM++ as its authors ported it: without replacement, the last step on the whole target",
     "facebookresearch/DomainBed b93c22a, scripts/train_autolr.py; Teterwak et al. 2023", ermpp,
     "domainbed", domainbed_rows, notes_ermpp},
    {"ipoop", "IP/OOP: OpenCLIP ViT-B/16, clean validation images, scored on the whole target",
     "piotr-teterwak/DB_EH 10987e4; Teterwak et al. 2024", ipoop, "none", ipoop_rows, notes_ipoop},
};

enum { N_PROTOCOLS = sizeof protocols / sizeof protocols[0] };

const Protocol *protocol_list(int *n)
{
    *n = N_PROTOCOLS;
    return protocols;
}

const Protocol *protocol_find(const char *name)
{
    for (int i = 0; i < N_PROTOCOLS; i++) {
        if (str_equal(protocols[i].name, name)) return &protocols[i];
    }
    return NULL;
}

/* Named recipes: rows of choices on the axes, in the syntax of `--set`. */
#include "recipes.h"

#include <stddef.h>

static const char *const ERM_SETTINGS[] = {"method.objective=erm", "method.averaging=[]", NULL};
static const char *const ERM_SMA_SETTINGS[] = {"method.objective=erm", "method.averaging=[sma]",
                                               NULL};

/* The author's DomainBed port (algorithms.py ERMPlusPlus, scripts/train_autolr.py). Where we
 * differ:
 *  - updates are counted from 0 everywhere; the port's averages begin with the weights after its
 *    599th update (two earlier than ours).
 *  - running statistics of the average are estimated anew where they are needed, instead of by a
 *    forward pass over every batch (averaging_bn=forward): see methods/README.md for both measured.
 *  - full_data repeats the whole first stage: see stages.h.
 *  - initial weights are net.init, the experiment's choice; the port's are AugMix or DINOv2. */
static const char *const ERM_PLUSPLUS_SETTINGS[] = {
    "method.objective=erm",       "method.averaging=[sma]",
    "method.averaging_start=600", "method.averaging_bn=refresh",
    "method.warm_start=501",      "method.batch_norm=live",
    "method.auto_lr=true",        "method.full_data=true",
    "data.replacement=false",     NULL};

/* Where we differ from Cha et al. 2021 (their code, khanrc/swad): batch norm may be live, and its
 * statistics are then estimated over 500 batches as there; training goes on when the valley ends.
 */
static const char *const SWAD_SETTINGS[] = {
    "method.objective=erm",        "method.averaging=[swad]",         "method.averaging_start=0",
    "method.averaging_bn=refresh", "method.averaging_bn_batches=500", NULL};
static const char *const SAM_SETTINGS[] = {"method.objective=erm", "method.averaging=[]",
                                           "method.sam_rho=0.05", NULL};

/* The pretrained network alone, asked for class prompts: no source image is looked at. */
static const char *const ZERO_SHOT_SETTINGS[] = {"method.objective=erm", "method.averaging=[]",
                                                 "method.trainable=none", "net.head=zero-shot",
                                                 NULL};

/* Features stay what they are: running statistics, too. */
static const char *const LINEAR_PROBE_SETTINGS[] = {"method.objective=erm", "method.averaging=[]",
                                                    "method.trainable=head",
                                                    "method.batch_norm=frozen", NULL};

/* Kumar et al. 2022 probe to the end and then fine-tune; the IP/OOP paper's code (DB_EH) gives the
 * head 501 updates, which is what LP-FT means in its tables. */
static const char *const LP_FT_SETTINGS[] = {"method.objective=erm", "method.averaging=[]",
                                             "method.warm_start=501", NULL};

/* The classifier learns with the adapter; features of a batch norm stay those of the base. */
#define ADAPTER(...)                                                                               \
    {                                                                                              \
        "method.objective=erm", "method.averaging=[]", "method.trainable=adapter",                 \
            "method.batch_norm=frozen", __VA_ARGS__, NULL                                          \
    }

static const char *const LORA_SETTINGS[] = ADAPTER("method.adapter=lora");
static const char *const RSLORA_SETTINGS[] =
    ADAPTER("method.adapter=lora", "method.adapter_scaling=rslora");
static const char *const LORA_PLUS_SETTINGS[] =
    ADAPTER("method.adapter=lora", "method.adapter_lr_ratio=16");
static const char *const PISSA_SETTINGS[] =
    ADAPTER("method.adapter=lora", "method.adapter_init=pissa");
static const char *const DORA_SETTINGS[] = ADAPTER("method.adapter=dora");
static const char *const OP_LORA_SETTINGS[] = ADAPTER("method.adapter=op-lora");
static const char *const OP_DORA_SETTINGS[] = ADAPTER("method.adapter=op-dora");

/* The paper's controls: as many trained parameters without generators (its r = 466), and a
 * generator that is not each layer's own (HyperLoader). */
static const char *const LORA_MATCHED_SETTINGS[] =
    ADAPTER("method.adapter=lora", "method.adapter_matched=true");
static const char *const OP_LORA_SHARED_SETTINGS[] =
    ADAPTER("method.adapter=op-lora", "method.op_shared=true");

const RunRecipe METHOD_RECIPES[] = {
    {"erm", "plain training on all source domains together (Vapnik 1998; DomainBed's ERM)",
     ERM_SETTINGS},
    {"erm-sma", "erm with a simple moving average of the weights beside it (Arpit et al. 2022)",
     ERM_SMA_SETTINGS},
    {"erm++",
     "erm with warm start, averaged weights, Auto-LR, then all data (Teterwak et al. 2025)",
     ERM_PLUSPLUS_SETTINGS},
    {"linear-probe", "the classifier alone is trained, on the features of the initial network",
     LINEAR_PROBE_SETTINGS},
    {"lora", "adapters of low rank and the classifier are trained (Hu et al. 2021)", LORA_SETTINGS},
    {"rslora", "lora with its change times alpha / sqrt(rank) (Kalajdzievski 2023)",
     RSLORA_SETTINGS},
    {"lora+", "lora with a 16 times higher learning rate of B (Hayou et al. 2024)",
     LORA_PLUS_SETTINGS},
    {"pissa", "lora that begins as the principal part of each weight (Meng et al. 2024)",
     PISSA_SETTINGS},
    {"dora", "lora with a learned length of each row (Liu et al. 2024)", DORA_SETTINGS},
    {"op-lora", "lora whose factors are generated while training (Teterwak et al. 2024)",
     OP_LORA_SETTINGS},
    {"op-dora", "dora whose factors and lengths are generated (Teterwak et al. 2024)",
     OP_DORA_SETTINGS},
    {"lora-matched", "lora of the rank that trains as many parameters as op-lora: its control",
     LORA_MATCHED_SETTINGS},
    {"op-lora-shared", "op-lora with one generator for all layers: its control",
     OP_LORA_SHARED_SETTINGS},
    {"lp-ft", "the classifier alone for 501 updates, then everything (Kumar et al. 2022)",
     LP_FT_SETTINGS},
    {"sam", "erm with sharpness-aware minimisation (Foret et al. 2021)", SAM_SETTINGS},
    {"swad",
     "erm with the weights averaged through the valley of the validation loss (Cha et al. "
     "2021)",
     SWAD_SETTINGS},
    {"zero-shot",
     "no training: the class prompts' embeddings classify (Radford et al. 2021); net clip only",
     ZERO_SHOT_SETTINGS},
};

const int N_METHOD_RECIPES = sizeof METHOD_RECIPES / sizeof *METHOD_RECIPES;

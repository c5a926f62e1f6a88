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

/* Named recipes: rows of choices on the axes, in the syntax of `--set`. */
#include "recipes.h"

#include <stddef.h>

static const char *const ERM_SETTINGS[] = {"method.objective=erm", "method.averaging=[]", NULL};
static const char *const ERM_SMA_SETTINGS[] = {"method.objective=erm", "method.averaging=[sma]",
                                               NULL};

const RunRecipe METHOD_RECIPES[] = {
    {"erm", "plain training on all source domains together (Vapnik 1998; DomainBed's ERM)",
     ERM_SETTINGS},
    {"erm-sma", "erm with a simple moving average of the weights beside it (Arpit et al. 2022)",
     ERM_SMA_SETTINGS},
};

const int N_METHOD_RECIPES = sizeof METHOD_RECIPES / sizeof *METHOD_RECIPES;

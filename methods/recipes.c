/* Named recipes: rows of choices on the axes. */
#include "registry.h"

#include "str.h"

static const char *const ERM_SETTINGS[] = {"method.objective=erm", "method.averaging=[]", NULL};
static const char *const ERM_SMA_SETTINGS[] = {"method.objective=erm", "method.averaging=[sma]",
                                               NULL};

static const Recipe RECIPES[] = {
    {"erm", "plain training on all source domains together",
     "Vapnik 1998; DomainBed algorithms.py ERM", ERM_SETTINGS},
    {"erm-sma", "erm with a simple moving average of the weights", "Arpit et al. 2022, section 3",
     ERM_SMA_SETTINGS},
};

enum { N_RECIPES = sizeof RECIPES / sizeof *RECIPES };

const Recipe *method_recipes(int *n)
{
    *n = N_RECIPES;
    return RECIPES;
}

const Recipe *method_recipe(const char *name)
{
    for (int i = 0; i < N_RECIPES; i++) {
        if (str_equal(RECIPES[i].name, name)) return &RECIPES[i];
    }
    return NULL;
}

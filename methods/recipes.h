/* The table of named recipes; users get at it through method_tables (registry.h). */
#ifndef METHODS_RECIPES_H
#define METHODS_RECIPES_H

#include "hparam.h"

extern const RunRecipe METHOD_RECIPES[];
extern const int N_METHOD_RECIPES;

#endif

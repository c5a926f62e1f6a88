/* Names become members of methods/ here. */
#include "run_names.h"

#include "registry.h"
#include "str.h"

enum { MAX_NAMES = 64 }; /* of an axis */

bool run_unknown_name(Err *err, const char *key, const char *found, const char *const *names, int n)
{
    const char *nearest = str_nearest(found, names, n);
    if (nearest != NULL) {
        return err_set(err, ERR_NOT_FOUND, "%s: no \"%s\" (did you mean \"%s\"?)", key, found,
                       nearest);
    }
    Str list = {0};
    for (int i = 0; i < n; i++) str_addf(&list, "%s%s", i > 0 ? ", " : "", names[i]);
    err_set(err, ERR_NOT_FOUND, "%s: no \"%s\", there are: %s", key, found, str_text(&list));
    str_done(&list);
    return false;
}

bool run_find_objective(const Objective **out, const char *name, Err *err)
{
    *out = method_objective(name);
    if (*out != NULL) return true;
    int n;
    const Objective *const *all = method_objectives(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return run_unknown_name(err, "method.objective", name, names, n);
}

bool run_find_averaging(const Averaging **out, const char *name, Err *err)
{
    *out = method_averaging(name);
    if (*out != NULL) return true;
    int n;
    const Averaging *const *all = method_averagings(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return run_unknown_name(err, "method.averaging", name, names, n);
}

bool run_find_schedule(const Schedule **out, const char *name, Err *err)
{
    *out = method_schedule(name);
    if (*out != NULL) return true;
    int n;
    const Schedule *const *all = method_schedules(&n);
    const char *names[MAX_NAMES];
    for (int i = 0; i < n; i++) names[i] = all[i]->name;
    return run_unknown_name(err, "method.schedule", name, names, n);
}

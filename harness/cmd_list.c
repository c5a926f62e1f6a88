/* `dgbench list`: the names that experiment files may use. */
#include "adapter.h"
#include "commands.h"
#include "dataset.h"
#include "experiment.h"
#include "net.h"
#include "protocols.h"
#include "registry.h"
#include "str.h"

static void print_name(const char *name, const char *help)
{
    printf("%-20s%s\n", name, help);
}

static void list_datasets(void)
{
    Arena *arena = arena_new();
    int n;
    const char **names = dataset_shipped_names(&n, arena);
    for (int i = 0; i < n; i++) puts(names[i]);
    arena_free(arena);
}

static void list_nets(void)
{
    int n;
    const NetInfo *nets = net_list(&n);
    for (int i = 0; i < n; i++) print_name(nets[i].name, nets[i].help);
}

static void list_recipes(void)
{
    Arena *arena = arena_new();
    RunTables tables = method_tables(arena);
    for (int i = 0; i < tables.n_recipes; i++) {
        print_name(tables.recipes[i].name, tables.recipes[i].help);
    }
    arena_free(arena);
}

static void list_objectives(void)
{
    int n;
    const Objective *const *objectives = method_objectives(&n);
    for (int i = 0; i < n; i++) print_name(objectives[i]->name, objectives[i]->help);
}

static void list_adapters(void)
{
    int n;
    const AdapterKind *kinds = adapter_kinds(&n);
    for (int i = 0; i < n; i++) print_name(kinds[i].name, kinds[i].help);
}

static void list_adapter_targets(void)
{
    int n;
    const AdapterPreset *presets = adapter_presets(&n);
    for (int i = 0; i < n; i++) print_name(presets[i].name, presets[i].help);
}

static void list_averages(void)
{
    int n;
    const Averaging *const *averagings = method_averagings(&n);
    for (int i = 0; i < n; i++) print_name(averagings[i]->name, averagings[i]->help);
}

static void list_schedules(void)
{
    int n;
    const Schedule *const *schedules = method_schedules(&n);
    for (int i = 0; i < n; i++) print_name(schedules[i]->name, schedules[i]->help);
}

static void list_protocols(void)
{
    int n;
    const Protocol *protocols = protocol_list(&n);
    for (int i = 0; i < n; i++) print_name(protocols[i].name, protocols[i].help);
}

static void list_keys(void)
{
    Arena *arena = arena_new();
    RunTables tables = method_tables(arena);
    schema_print(&run_keys_new(&tables, arena)->schema, stdout);
    schema_print(experiment_sweep_schema(), stdout);
    arena_free(arena);
}

static const struct {
    const char *name, *help;
    void (*print)(void);
} kinds[] = {
    {"datasets", "datasets that came with the program", list_datasets},
    {"nets", "networks, for net.name", list_nets},
    {"recipes", "methods, for method.recipe", list_recipes},
    {"objectives", "losses, for method.objective", list_objectives},
    {"adapters", "how trained weights are parameterised, for method.adapter", list_adapters},
    {"adapter-targets", "layers that are adapted, for method.adapter_target", list_adapter_targets},
    {"averages", "weight averages, for method.averaging", list_averages},
    {"schedules", "courses of the learning rate, for method.schedule", list_schedules},
    {"protocols", "presets of published protocols, for protocol", list_protocols},
    {"keys", "every key of an experiment file, with default, range and help", list_keys},
};

enum { N_KINDS = sizeof kinds / sizeof kinds[0] };

static bool run_list(const Args *args, Err *err)
{
    const char *kind = args_operand(args, 0);
    const char *names[N_KINDS];
    for (int i = 0; i < N_KINDS; i++) {
        names[i] = kinds[i].name;
        if (kind == NULL) {
            print_name(kinds[i].name, kinds[i].help);
        } else if (str_equal(kind, kinds[i].name)) {
            kinds[i].print();
            return true;
        }
    }
    if (kind == NULL) return true;
    const char *near = str_nearest(kind, names, N_KINDS);
    return err_set(err, ERR_USAGE, "list: no kind \"%s\"%s%s%s", kind,
                   near ? " (did you mean \"" : ", see dgbench list", near ? near : "",
                   near ? "\"?)" : "");
}

static const char *const words[] = {
    "datasets", "nets",      "recipes",   "objectives", "adapters", "adapter-targets",
    "averages", "schedules", "protocols", "keys",       NULL};

const Command command_list = {
    .name = "list",
    .operands = "[KIND]",
    .max_operands = 1,
    .help = "list the names that experiment files may use",
    .about = "KIND is datasets, nets, recipes, objectives, adapters, adapter-targets, averages, "
             "schedules, "
             "protocols or keys; "
             "without it, "
             "the kinds are listed.",
    .example = "dgbench list recipes\ndgbench list keys | less",
    .words = words,
    .run = run_list,
};

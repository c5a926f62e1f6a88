/* The registries as tables. */
#include "domainbed_registry.h"

#include "str.h"

#include <stddef.h>

#define SPAWRIOUS                                                                                  \
    3,                                                                                             \
    {                                                                                              \
        "Test", "SC_group_1", "SC_group_2"                                                         \
    }

/* clang-format off */
const DomainbedDataset domainbed_datasets[] = {
    {"Debug28", 3, {"0", "1", "2"}},
    {"Debug224", 3, {"0", "1", "2"}},
    {"ColoredMNIST", 3, {"+90%", "+80%", "-90%"}},
    {"RotatedMNIST", 6, {"0", "15", "30", "45", "60", "75"}},
    {"VLCS", 4, {"C", "L", "S", "V"}},
    {"PACS", 4, {"A", "C", "P", "S"}},
    {"OfficeHome", 4, {"A", "C", "P", "R"}},
    {"TerraIncognita", 4, {"L100", "L38", "L43", "L46"}},
    {"DomainNet", 6, {"clip", "info", "paint", "quick", "real", "sketch"}},
    {"SVIRO", 10, {"aclass", "escape", "hilux", "i3", "lexus", "tesla", "tiguan", "tucson", "x5", "zoe"}},
    {"WILDSCamelyon", 5, {"hospital_0", "hospital_1", "hospital_2", "hospital_3", "hospital_4"}},
    {"WILDSFMoW", 6, {"region_0", "region_1", "region_2", "region_3", "region_4", "region_5"}},
    {"SpawriousO2O_easy", SPAWRIOUS},
    {"SpawriousO2O_medium", SPAWRIOUS},
    {"SpawriousO2O_hard", SPAWRIOUS},
    {"SpawriousM2M_easy", SPAWRIOUS},
    {"SpawriousM2M_medium", SPAWRIOUS},
    {"SpawriousM2M_hard", SPAWRIOUS},
};

static const char *const algorithms[] = {
    "ERM", "ERMPlusPlus", "Fish", "IRM", "GroupDRO", "Mixup", "MLDG", "CORAL", "MMD", "DANN", "CDANN", "MTL",
    "SagNet", "ARM", "VREx", "RSC", "SD", "ANDMask", "SANDMask", "IGA", "SelfReg", "Fishr", "TRM", "IB_ERM",
    "IB_IRM", "CAD", "CondCAD", "Transfer", "CausIRL_CORAL", "CausIRL_MMD", "EQRM", "RDM", "ADRMX", "URM",
};
/* clang-format on */

const int domainbed_n_datasets = sizeof domainbed_datasets / sizeof domainbed_datasets[0];

const DomainbedDataset *domainbed_dataset_find(const char *name)
{
    for (int i = 0; i < domainbed_n_datasets; i++) {
        if (str_equal(domainbed_datasets[i].name, name)) return &domainbed_datasets[i];
    }
    return NULL;
}

int domainbed_algorithm_place(const char *name)
{
    for (int i = 0; i < (int)(sizeof algorithms / sizeof algorithms[0]); i++) {
        if (str_equal(algorithms[i], name)) return i;
    }
    return -1;
}

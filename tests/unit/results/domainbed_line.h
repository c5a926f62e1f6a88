/* A line of a DomainBed results.jsonl to test with. */
#ifndef TESTS_RESULTS_DOMAINBED_LINE_H
#define TESTS_RESULTS_DOMAINBED_LINE_H

#include <stdio.h>

/* A record of ERM on ColoredMNIST (three environments). */
static inline const char *record(const char *test_envs, int step, const char *more)
{
    static char lines[8][1024];
    static int next;
    char *line = lines[next++ % 8];
    snprintf(
        line, sizeof lines[0],
        "{\"args\": {\"algorithm\": \"ERM\", \"data_dir\": \"/a\", \"dataset\": "
        "\"ColoredMNIST\", \"hparams_seed\": 3, \"output_dir\": \"o\", \"seed\": 5, \"steps\": "
        "null, \"test_envs\": [%s], \"trial_seed\": 1}, \"env0_in_acc\": 0.25, "
        "\"env0_out_acc\": 0.5, \"env1_in_acc\": 0.125, \"env1_out_acc\": 1, \"env2_in_acc\": 0, "
        "\"env2_out_acc\": 0.75, %s \"hparams\": {\"lr\": 5e-05, \"name\": \"NaN\", \"none\": "
        "null}, \"step\": %d, \"step_time\": 0.5}\n",
        test_envs, more, step);
    return line;
}

#endif

/* CPU, memory, versions of this machine and build. */
#include "environment.h"

#include "arena.h"
#include "build_info.h" /* made by meson: DGBENCH_VERSION, DGBENCH_COMMIT */
#include "file.h"
#include "gemm.h"
#include "str.h"
#include "thread_pool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#if defined(__clang__)
#define COMPILER "clang " __clang_version__
#else
#define COMPILER "gcc " __VERSION__
#endif

static void read_cpu_model(char out[ENVIRONMENT_TEXT_SIZE])
{
    snprintf(out, ENVIRONMENT_TEXT_SIZE, "unknown");
    FILE *f = fopen("/proc/cpuinfo", "r");
    if (f == NULL) return;
    char line[256];
    while (fgets(line, sizeof line, f) != NULL) {
        const char *colon = strchr(line, ':');
        if (!str_starts_with(line, "model name") || colon == NULL) continue;
        snprintf(out, ENVIRONMENT_TEXT_SIZE, "%.*s", (int)strcspn(colon + 2, "\n"), colon + 2);
        break;
    }
    (void)fclose(f);
}

void environment_read(Environment *out)
{
    *out =
        (Environment){.version = DGBENCH_VERSION, .commit = DGBENCH_COMMIT, .compiler = COMPILER};
    gemm_describe(out->blas, sizeof out->blas);
    read_cpu_model(out->cpu);
    out->cores = thread_count_online();
}

static int64_t cgroup_limit(void)
{
    FILE *f = fopen("/sys/fs/cgroup/memory.max", "r");
    if (f == NULL) return 0;
    char text[64] = "";
    if (fgets(text, sizeof text, f) == NULL) text[0] = '\0';
    (void)fclose(f);
    text[strcspn(text, "\n")] = '\0';
    long long bytes;
    return str_to_int64(text, &bytes) ? bytes : 0; /* "max": no limit */
}

int64_t environment_memory_bytes(void)
{
    long pages = sysconf(_SC_PHYS_PAGES), page = sysconf(_SC_PAGESIZE);
    int64_t machine = pages > 0 && page > 0 ? (int64_t)pages * page : 0;
    int64_t group = cgroup_limit();
    return group > 0 && (machine == 0 || group < machine) ? group : machine;
}

bool environment_check_memory(int64_t need_bytes, const char *what, Err *err)
{
    int64_t have = environment_memory_bytes();
    if (have == 0 || need_bytes <= have) return true;
    return err_set(err, ERR_IO, "%s needs %.1f GiB, this machine has %.1f GiB", what,
                   (double)need_bytes / 0x1p30, (double)have / 0x1p30);
}

int64_t environment_peak_bytes(void)
{
    struct rusage usage;
    return getrusage(RUSAGE_SELF, &usage) == 0 ? (int64_t)usage.ru_maxrss * 1024 : 0;
}

/* Whole-file reading, atomic writing, folders. */
#include "file.h"

#include "log.h"
#include "mem.h"
#include "str.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static bool read_all(FILE *f, char *data, size_t n, const char *path, Err *err)
{
    if (fread(data, 1, n, f) != n) {
        return err_set(err, ERR_IO, "%s: read failed: %s", path,
                       ferror(f) ? strerror(errno) : "file shrank");
    }
    return true;
}

bool file_read(char **out, size_t *n_bytes, const char *path, size_t max_bytes, Err *err)
{
    FILE *f = fopen(path, "rb");
    if (f == NULL) {
        ErrCode code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        return err_set(err, code, "%s: cannot open: %s", path, strerror(errno));
    }
    bool ok = false;
    char *data = NULL;
    struct stat st;
    if (fstat(fileno(f), &st) != 0 || !S_ISREG(st.st_mode)) {
        err_set(err, ERR_IO, "%s: not a regular file", path);
        goto done;
    }
    if ((uint64_t)st.st_size > max_bytes) {
        err_set(err, ERR_FORMAT, "%s: %lld bytes, expected at most %zu", path,
                (long long)st.st_size, max_bytes);
        goto done;
    }
    data = mem_alloc((size_t)st.st_size + 1, 1);
    if (!read_all(f, data, (size_t)st.st_size, path, err)) goto done;
    if (n_bytes != NULL) *n_bytes = (size_t)st.st_size;
    *out = data;
    data = NULL;
    ok = true;
done:
    free(data);
    (void)fclose(f); /* only read from */
    return ok;
}

static void sync_parent(const char *path)
{
    char *parent = mem_strdup(path);
    char *slash = strrchr(parent, '/');
    if (slash != NULL) *slash = '\0';
    int fd = open(slash != NULL && parent[0] != '\0' ? parent : ".", O_RDONLY | O_DIRECTORY);
    if (fd >= 0) {
        (void)fsync(fd); /* some file systems cannot sync folders: the rename is still atomic */
        close(fd);
    }
    free(parent);
}

bool file_sync_rename(const char *tmp, const char *path, Err *err)
{
    int fd = open(tmp, O_RDWR);
    if (fd < 0) return err_set(err, ERR_IO, "%s: cannot open: %s", tmp, strerror(errno));
    int sync_failed = fsync(fd);
    int saved = errno;
    close(fd);
    if (sync_failed != 0) return err_set(err, ERR_IO, "%s: cannot sync: %s", tmp, strerror(saved));
    if (rename(tmp, path) != 0)
        return err_set(err, ERR_IO, "%s: cannot rename to it: %s", path, strerror(errno));
    sync_parent(path);
    return true;
}

bool file_write_atomic(const char *path, const void *data, size_t n_bytes, Err *err)
{
    Str tmp = {0};
    str_addf(&tmp, "%s.tmp.%ld", path, (long)getpid());
    bool ok = false;
    FILE *f = fopen(tmp.text, "wb");
    if (f == NULL) {
        err_set(err, ERR_IO, "%s: cannot create: %s", tmp.text, strerror(errno));
        goto done;
    }
    bool written = fwrite(data, 1, n_bytes, f) == n_bytes;
    int saved = errno;
    if (fclose(f) != 0 && written) {
        written = false;
        saved = errno;
    }
    if (!written) {
        err_set(err, ERR_IO, "%s: cannot write %zu bytes: %s", tmp.text, n_bytes, strerror(saved));
        (void)remove(tmp.text);
        goto done;
    }
    ok = file_sync_rename(tmp.text, path, err);
    if (!ok) (void)remove(tmp.text);
done:
    str_done(&tmp);
    return ok;
}

bool file_make_dirs(const char *path, Err *err)
{
    char *copy = mem_strdup(path);
    bool ok = true;
    for (char *c = copy + 1; ok; c++) {
        if (*c != '/' && *c != '\0') continue;
        char held = *c;
        *c = '\0';
        if (mkdir(copy, 0777) != 0 && errno != EEXIST) {
            ok = err_set(err, ERR_IO, "%s: cannot make folder: %s", copy, strerror(errno));
        }
        *c = held;
        if (held == '\0') break;
    }
    if (ok && !file_is_dir(path)) ok = err_set(err, ERR_IO, "%s: exists and is no folder", path);
    free(copy);
    return ok;
}

bool file_exists(const char *path)
{
    return access(path, F_OK) == 0;
}

bool file_is_dir(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 && S_ISDIR(st.st_mode);
}

int64_t file_size(const char *path)
{
    struct stat st;
    return stat(path, &st) == 0 ? (int64_t)st.st_size : -1;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

bool file_list(char ***out_names, int *out_n, const char *path, Arena *arena, Err *err)
{
    DIR *dir = opendir(path);
    if (dir == NULL) {
        ErrCode code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        return err_set(err, code, "%s: cannot list folder: %s", path, strerror(errno));
    }
    char **names = NULL;
    int n = 0, capacity = 0;
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        if (entry->d_name[0] == '.') continue;
        mem_reserve(names, capacity, n + 1);
        names[n++] = arena_strdup(arena, entry->d_name);
    }
    closedir(dir);
    if (n > 0) qsort(names, (size_t)n, sizeof *names, compare_names);
    *out_names = arena_alloc(arena, (size_t)n, sizeof **out_names);
    if (n > 0) memcpy(*out_names, names, (size_t)n * sizeof *names);
    *out_n = n;
    free(names);
    return true;
}

char *file_join(Arena *arena, const char *folder, const char *name)
{
    if (name[0] == '/' || folder[0] == '\0') return arena_strdup(arena, name);
    return arena_printf(arena, "%s%s%s", folder, str_ends_with(folder, "/") ? "" : "/", name);
}

const char *file_base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash != NULL ? slash + 1 : path;
}

char *file_cache_dir(Arena *arena)
{
    const char *own = getenv("DGBENCH_CACHE");
    if (own != NULL && own[0] != '\0') return arena_strdup(arena, own);
    const char *xdg = getenv("XDG_CACHE_HOME");
    if (xdg != NULL && xdg[0] != '\0') return arena_printf(arena, "%s/dgbench", xdg);
    const char *home = getenv("HOME");
    return arena_printf(arena, "%s/.cache/dgbench", home != NULL ? home : "/tmp");
}

bool file_lock(int *out_lock, const char *path, const char *doing, Err *err)
{
    int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0)
        return err_set(err, ERR_IO, "%s: cannot create lock file: %s", path, strerror(errno));
    if (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        log_info("%s: another process is %s; waiting for it", path, doing);
        int failed;
        do {
            failed = flock(fd, LOCK_EX);
        } while (failed != 0 && errno == EINTR);
        if (failed != 0) {
            err_set(err, ERR_IO, "%s: cannot lock: %s", path, strerror(errno));
            close(fd);
            return false;
        }
    }
    *out_lock = fd;
    return true;
}

void file_unlock(int lock)
{
    close(lock);
}

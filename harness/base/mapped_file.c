#include "mapped_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

bool mapped_file_open(MappedFile *out, const char *path, Err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return err_set(err, errno == ENOENT ? ERR_NOT_FOUND : ERR_IO, "%s: cannot open: %s", path,
                       strerror(errno));
    }
    struct stat st;
    bool ok = fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    if (!ok) {
        err_set(err, ERR_IO, "%s: not a regular file", path);
    } else if (st.st_size == 0) {
        *out = (MappedFile){0};
    } else {
        void *p = mmap(NULL, (size_t)st.st_size, PROT_READ, MAP_SHARED, fd, 0);
        ok = p != MAP_FAILED;
        if (ok) *out = (MappedFile){p, (size_t)st.st_size};
        if (!ok)
            err_set(err, ERR_IO, "%s: cannot map %lld bytes: %s", path, (long long)st.st_size,
                    strerror(errno));
    }
    close(fd);
    return ok;
}

void mapped_file_close(MappedFile *file)
{
    void *bytes; /* munmap takes a pointer without const */
    memcpy(&bytes, &file->bytes, sizeof bytes);
    if (bytes != NULL) munmap(bytes, file->n);
    *file = (MappedFile){0};
}

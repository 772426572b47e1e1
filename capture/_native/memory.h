/* Blocks for columns: large ones on huge pages where the system has them, which saves most of the
 * page faults of a fresh output. */
#ifndef CAPTURE_MEMORY_H
#define CAPTURE_MEMORY_H

#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#define CAPTURE_HUGE ((size_t)2 << 20)

static inline void *capture_block_new(size_t size)
{
#if defined(__linux__) && defined(MADV_HUGEPAGE)
    void *block;
    if (size >= 2 * CAPTURE_HUGE) {
        if (posix_memalign(&block, CAPTURE_HUGE, size) != 0)
            return NULL;
        (void)madvise(block, size, MADV_HUGEPAGE); /* a hint: nothing depends on it */
        return block;
    }
#endif
    return malloc(size ? size : 1);
}

/* Give back the whole pages inside a part of a block that is not needed any more. */
static inline void capture_block_done(char *part, size_t size)
{
#if defined(__linux__) && defined(MADV_DONTNEED)
    const size_t page = 4096;
    const size_t first = ((size_t)part + page - 1) / page * page, last = ((size_t)part + size) / page * page;
    if (last > first)
        (void)madvise((void *)first, last - first, MADV_DONTNEED);
#else
    (void)part;
    (void)size;
#endif
}

#endif

/* Zeroed blocks for columns. Large ones are mapped, on huge pages where the system has them: that
 * saves most of the page faults of a fresh output, and pages of a column that stays zero (the stream
 * and pointer of a log that has none) are never touched. */
#ifndef CAPTURE_MEMORY_H
#define CAPTURE_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

#if defined(__linux__) && defined(MADV_HUGEPAGE) && defined(MAP_ANONYMOUS)
#define CAPTURE_HUGE ((size_t)2 << 20)
#define CAPTURE_PAGE ((size_t)4096)

static inline size_t capture_mapped(size_t size)
{
    return (size + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE;
}

static inline void *capture_block_new(size_t size)
{
    char *start, *block;
    size_t wanted;
    if (size < 2 * CAPTURE_HUGE)
        return calloc(size ? size : 1, 1);
    /* Map more than is wanted and give back the ends, so that the block begins on a huge page. */
    wanted = capture_mapped(size) + CAPTURE_HUGE;
    start = (char *)mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == (char *)MAP_FAILED)
        return NULL;
    block = (char *)(((uintptr_t)start + CAPTURE_HUGE - 1) / CAPTURE_HUGE * CAPTURE_HUGE);
    if (block > start)
        (void)munmap(start, (size_t)(block - start));
    if (start + wanted > block + capture_mapped(size))
        (void)munmap(block + capture_mapped(size), (size_t)(start + wanted - block - capture_mapped(size)));
    (void)madvise(block, size, MADV_HUGEPAGE); /* a hint: nothing depends on it */
    return block;
}

static inline void capture_block_free(void *block, size_t size)
{
    if (block != NULL && size >= 2 * CAPTURE_HUGE)
        (void)munmap(block, capture_mapped(size));
    else
        free(block);
}

/* Give back the whole pages inside a part of a mapped block that is not needed any more. */
static inline void capture_block_done(char *part, size_t size, size_t whole)
{
    const uintptr_t first = ((uintptr_t)part + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE;
    const uintptr_t last = ((uintptr_t)part + size) / CAPTURE_PAGE * CAPTURE_PAGE;
    if (whole >= 2 * CAPTURE_HUGE && last > first)
        (void)madvise((void *)first, last - first, MADV_DONTNEED);
}

#else

static inline void *capture_block_new(size_t size) { return calloc(size ? size : 1, 1); }
static inline void capture_block_free(void *block, size_t size) { (void)size; free(block); }
static inline void capture_block_done(char *part, size_t size, size_t whole) { (void)part; (void)size; (void)whole; }

#endif
#endif

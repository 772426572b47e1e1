/* Blocks for columns. Large ones are mapped, on huge pages where the system has them: that saves most of the page
 * faults of a fresh output. They are zero then, so that pages of a column that stays zero (the stream and pointer of
 * a log that has none) are never touched. The last large block that was freed is kept for the next output, because
 * its pages cost a fifth of the time of recognising. The system may take them back at any time. */
#ifndef CAPTURE_MEMORY_H
#define CAPTURE_MEMORY_H

#include <stdint.h>
#include <stdlib.h>
#if defined(__linux__)
#include <sys/mman.h>
#endif

typedef struct {
    char *start; /* NULL: none */
    size_t size; /* of a mapped block, as mapped */
    int zeroed;
} capture_memory;

#if defined(__linux__) && defined(MADV_HUGEPAGE) && defined(MAP_ANONYMOUS) && defined(__GNUC__)
#define CAPTURE_HUGE ((size_t)2 << 20)
#define CAPTURE_PAGE ((size_t)4096)
#define CAPTURE_KEPT_MOST ((size_t)128 << 20)

/* Begins with its own size. */
static char *capture_kept = NULL;

static inline int capture_is_mapped(size_t size)
{
    return size >= 2 * CAPTURE_HUGE;
}

/* Put a block, or NULL, in the place of the kept one, which the caller then owns. */
static inline capture_memory capture_keep(char *block)
{
    capture_memory before = {__atomic_exchange_n(&capture_kept, block, __ATOMIC_ACQ_REL), 0, 0};
    if (before.start != NULL)
        before.size = *(const size_t *)before.start;
    return before;
}

static inline capture_memory capture_mapped(size_t size)
{
    capture_memory memory = {NULL, (size + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE, 1};
    /* Map more than is wanted and give back the ends, so that the block begins on a huge page. */
    const size_t wanted = memory.size + CAPTURE_HUGE;
    char *start = (char *)mmap(NULL, wanted, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (start == (char *)MAP_FAILED)
        return memory;
    memory.start = (char *)(((uintptr_t)start + CAPTURE_HUGE - 1) / CAPTURE_HUGE * CAPTURE_HUGE);
    if (memory.start > start)
        (void)munmap(start, (size_t)(memory.start - start));
    if (start + wanted > memory.start + memory.size)
        (void)munmap(memory.start + memory.size, (size_t)(start + wanted - memory.start - memory.size));
    (void)madvise(memory.start, memory.size, MADV_HUGEPAGE); /* a hint: nothing depends on it */
    return memory;
}

/* A block; `start` is NULL where there is no memory. */
static inline capture_memory capture_memory_new(size_t size)
{
    capture_memory memory = {NULL, size ? size : 1, 0};
    if (!capture_is_mapped(size)) {
        memory.start = (char *)malloc(memory.size);
        return memory;
    }
    memory = capture_keep(NULL);
    if (memory.start != NULL && memory.size >= size && memory.size / 2 <= size)
        return memory;
    if (memory.start != NULL)
        (void)munmap(memory.start, memory.size);
    return capture_mapped(size);
}

static inline void capture_memory_free(capture_memory memory)
{
    if (memory.start == NULL || !capture_is_mapped(memory.size)) {
        free(memory.start);
        return;
    }
    if (memory.size <= CAPTURE_KEPT_MOST) {
#if defined(MADV_FREE)
        (void)madvise(memory.start, memory.size, MADV_FREE);
#endif
        *(size_t *)memory.start = memory.size;
        memory = capture_keep(memory.start);
    }
    if (memory.start != NULL)
        (void)munmap(memory.start, memory.size);
}

/* Give back the whole pages inside a part of a mapped block that is not needed any more. */
static inline void capture_memory_done(const capture_memory *memory, char *part, size_t size)
{
    const uintptr_t first = ((uintptr_t)part + CAPTURE_PAGE - 1) / CAPTURE_PAGE * CAPTURE_PAGE;
    const uintptr_t last = ((uintptr_t)part + size) / CAPTURE_PAGE * CAPTURE_PAGE;
    if (capture_is_mapped(memory->size) && last > first)
        (void)madvise((void *)first, last - first, MADV_DONTNEED);
}

#else

static inline capture_memory capture_memory_new(size_t size)
{
    capture_memory memory = {(char *)malloc(size ? size : 1), size, 0};
    return memory;
}
static inline void capture_memory_free(capture_memory memory) { free(memory.start); }
static inline void capture_memory_done(const capture_memory *memory, char *part, size_t size)
{
    (void)memory, (void)part, (void)size;
}

#endif
#endif

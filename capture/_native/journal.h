/* CRC-32C and positioned writes, for the journal. The CRC instruction of the processor is used where it
 * has one, which is found out when the program runs; else a table. */
#ifndef CAPTURE_JOURNAL_H
#define CAPTURE_JOURNAL_H

#include <errno.h>
#include <stdint.h>
#include <string.h>
#if defined(_WIN32)
#include <io.h>
#else
#include <unistd.h>
#endif
#if defined(__linux__) && defined(__aarch64__)
#include <sys/auxv.h>
#endif

/* Copy a number from or to a record, where its lowest byte comes first on every machine. */
static inline void capture_copy_number(void *to, const void *from, size_t size)
{
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    size_t at;
    for (at = 0; at < size; at++)
        ((unsigned char *)to)[at] = ((const unsigned char *)from)[size - 1 - at];
#else
    memcpy(to, from, size);
#endif
}

static uint32_t capture_crc_table[256];

static uint32_t capture_crc_by_table(uint32_t crc, const unsigned char *data, size_t size)
{
    while (size--)
        crc = capture_crc_table[(crc ^ *data++) & 0xff] ^ (crc >> 8);
    return crc;
}

#if defined(__x86_64__) && defined(__GNUC__)
/* clang has the instruction apart. */
#if defined(__clang__)
#define CAPTURE_CRC_TARGET "sse4.2,crc32"
#else
#define CAPTURE_CRC_TARGET "sse4.2"
#endif
__attribute__((target(CAPTURE_CRC_TARGET))) static uint32_t capture_crc_by_cpu(uint32_t crc, const unsigned char *data, size_t size)
{
    uint64_t wide = crc, word;
    for (; size >= 8; size -= 8, data += 8) {
        memcpy(&word, data, 8);
        wide = __builtin_ia32_crc32di(wide, word);
    }
    crc = (uint32_t)wide;
    while (size--)
        crc = __builtin_ia32_crc32qi(crc, *data++);
    return crc;
}
static int capture_cpu_has_crc(void) { return __builtin_cpu_supports("sse4.2"); }
#elif defined(__aarch64__) && defined(__GNUC__) && (defined(__linux__) || defined(__APPLE__))
static uint32_t capture_crc_by_cpu(uint32_t crc, const unsigned char *data, size_t size)
{
    uint64_t word;
    for (; size >= 8; size -= 8, data += 8) {
        memcpy(&word, data, 8);
        __asm__(".arch_extension crc\n\tcrc32cx %w0, %w0, %x1" : "+r"(crc) : "r"(word));
    }
    while (size--) {
        uint32_t byte = *data++;
        __asm__(".arch_extension crc\n\tcrc32cb %w0, %w0, %w1" : "+r"(crc) : "r"(byte));
    }
    return crc;
}
#if defined(__linux__)
static int capture_cpu_has_crc(void) { return (getauxval(AT_HWCAP) & (1UL << 7)) != 0; }
#else
static int capture_cpu_has_crc(void) { return 1; }
#endif
#else
#define capture_crc_by_cpu capture_crc_by_table
static int capture_cpu_has_crc(void) { return 0; }
#endif

static uint32_t (*capture_crc_run)(uint32_t, const unsigned char *, size_t) = capture_crc_by_table;

/* Choose how; with `table` the slow way, for a test. */
static void capture_crc_choose(int table)
{
    uint32_t at, bit, crc;
    for (at = 0; at < 256; at++) {
        for (crc = at, bit = 0; bit < 8; bit++)
            crc = crc & 1 ? (crc >> 1) ^ 0x82f63b78u : crc >> 1;
        capture_crc_table[at] = crc;
    }
    capture_crc_run = !table && capture_cpu_has_crc() ? capture_crc_by_cpu : capture_crc_by_table;
}

static inline uint32_t capture_crc32c(const unsigned char *data, size_t size, uint32_t start)
{
    return ~capture_crc_run(~start, data, size);
}

/* Write at a place; -1 and errno. Only other writes to the same descriptor could come between on Windows,
 * and a segment has one writer. */
static int64_t capture_pwrite(int descriptor, const unsigned char *data, size_t size, int64_t at)
{
#if defined(_WIN32)
    if (_lseeki64(descriptor, at, SEEK_SET) < 0)
        return -1;
    return _write(descriptor, data, (unsigned)size);
#else
    return pwrite(descriptor, data, size, (off_t)at);
#endif
}

static int capture_sync(int descriptor)
{
#if defined(_WIN32)
    return _commit(descriptor);
#elif defined(__linux__)
    return fdatasync(descriptor);
#else
    return fsync(descriptor);
#endif
}
#endif

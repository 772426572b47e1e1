/* One kernel of the native core alone, for counting its instructions and comparing its results on other machines.
 *
 *     kernels NAME SAMPLES_A_STROKE ROUNDS
 *
 * prints a checksum of every measure; it is the same for every kernel and machine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#include "../capture/_native/kernels.h"

enum { SAMPLES = 20000, ROOM = SAMPLES + 256 };

static int64_t time_ns[ROOM];
static float x[ROOM], y[ROOM];
static uint8_t action[ROOM];

/* Strokes of one length that wander about, from integers alone. */
static int64_t make_strokes(int64_t length)
{
    const int64_t count = SAMPLES / length * length;
    uint32_t random = 1;
    int64_t i;
    for (i = 0; i < count; i++) {
        const int64_t at = i % length;
        random = random * 1664525u + 1013904223u;
        action[i] = at == 0 ? CAPTURE_DOWN : at == length - 1 ? CAPTURE_UP : CAPTURE_MOVE;
        time_ns[i] = 8000000 * i;
        x[i] = (float)(random >> 16) / 64.0f;
        y[i] = (float)(random >> 8 & 0xffff) / 64.0f;
    }
    return count;
}

/* Of the bytes of numbers, the lowest first on every machine. */
static uint64_t checksum(uint64_t sum, const void *data, size_t count, size_t size)
{
    const uint8_t *bytes = data;
    size_t i, k;
    for (i = 0; i < count; i++)
        for (k = 0; k < size; k++) {
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
            sum = (sum ^ bytes[i * size + size - 1 - k]) * 1099511628211u;
#else
            sum = (sum ^ bytes[i * size + k]) * 1099511628211u;
#endif
        }
    return sum;
}

int main(int argc, char **argv)
{
    static capture_block block;
    static void *columns[CAPTURE_STROKE_COLUMNS];
    const capture_columns samples = {NULL, NULL, action, time_ns, x, y};
    capture_kernel kernels[CAPTURE_KERNELS];
    capture_thresholds limits;
    capture_stroke_columns to;
    const int count = capture_find_kernels(kernels);
    uint64_t sum = 14695981039346656037u;
    int kernel = 0, round, rounds, field;
    int64_t samples_made;
    if (argc != 4) {
        for (kernel = 0; kernel < count; kernel++)
            puts(kernels[kernel].name);
        return argc != 1;
    }
    while (kernel < count && strcmp(kernels[kernel].name, argv[1]) != 0)
        kernel++;
    if (kernel == count)
        return 1;
    samples_made = make_strokes(atoi(argv[2]));
    rounds = atoi(argv[3]);
    memset(&limits, 0, sizeof limits);
    for (field = 0; field < CAPTURE_STROKE_COLUMNS; field++)
        columns[field] = calloc(CAPTURE_BLOCK, 8);
    capture_stroke_at(columns, 0, &to);
    for (round = 0; round < rounds; round++) {
        capture_run run = {0};
        int64_t at = 0;
        do {
            at = kernels[kernel].measure(&samples, at, samples_made + 136, INT64_MIN, &block);
            if (block.count == 0)
                break;
            kernels[kernel].finish(&samples, &block, 1.0, 1, &to);
            kernels[kernel].decide(&block, &limits, &to);
            kernels[kernel].count_taps(block.count, &run, 1.0, &limits, &to);
            if (round == 0) {
                sum = checksum(sum, block.path, block.count, sizeof(float));
                sum = checksum(sum, to.distance, block.count, sizeof(float));
                sum = checksum(sum, to.width, block.count, sizeof(float));
                sum = checksum(sum, to.height, block.count, sizeof(float));
                sum = checksum(sum, to.velocity, block.count, sizeof(float));
                sum = checksum(sum, to.kind, block.count, 1);
            }
        } while (at < samples_made);
    }
    printf("%016" PRIx64 "\n", sum);
    return 0;
}

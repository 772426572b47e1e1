/* Whether a short text is in a block: two neighbouring bytes of the text, which should be rare, are
 * looked for at 16 places at a time. The whole text is compared where they are.
 */
#ifndef CAPTURE_SEARCH_H
#define CAPTURE_SEARCH_H

#include <stddef.h>
#include <string.h>

#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* 0 <= place < length - 1: where in the text the two bytes are. */
static int capture_contains(const char *block, size_t size, const char *text, size_t length, size_t place)
{
    size_t at = 0, places;

    if (size < length)
        return 0;
    places = size - length + 1;
#if defined(__SSE2__) && defined(__GNUC__)
    {
        const __m128i first = _mm_set1_epi8(text[place]);
        const __m128i second = _mm_set1_epi8(text[place + 1]);

        for (; at + 16 <= places; at += 16) {
            const __m128i one = _mm_loadu_si128((const __m128i *)(block + at + place));
            const __m128i two = _mm_loadu_si128((const __m128i *)(block + at + place + 1));
            unsigned found = (unsigned)_mm_movemask_epi8(
                _mm_and_si128(_mm_cmpeq_epi8(one, first), _mm_cmpeq_epi8(two, second)));

            while (found) {
                if (memcmp(block + at + __builtin_ctz(found), text, length) == 0)
                    return 1;
                found &= found - 1;
            }
        }
    }
#endif
    while (at < places) {
        const char *next = memchr(block + at + place, text[place], places - at);

        if (next == NULL)
            return 0;
        at = (size_t)(next - block) - place;
        if (memcmp(block + at, text, length) == 0)
            return 1;
        at++;
    }
    return 0;
}

#endif

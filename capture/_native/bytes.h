/* The text and the size of Python's bytes: macros where there are any, functions of the stable ABI. */
#ifndef CAPTURE_BYTES_H
#define CAPTURE_BYTES_H

#include <Python.h>

#ifdef Py_LIMITED_API
#define capture_bytes_text(bytes) PyBytes_AsString(bytes)
#define capture_bytes_size(bytes) PyBytes_Size(bytes)
#else
#define capture_bytes_text(bytes) PyBytes_AS_STRING(bytes)
#define capture_bytes_size(bytes) PyBytes_GET_SIZE(bytes)
#endif

/* Print 16 bytes as the text of a UUID; return the place behind its 36 characters. */
static inline char *capture_put_uuid(char *place, const unsigned char *raw)
{
    int at;
    for (at = 0; at < 16; at++) {
        if (at == 4 || at == 6 || at == 8 || at == 10)
            *place++ = '-';
        *place++ = "0123456789abcdef"[raw[at] >> 4];
        *place++ = "0123456789abcdef"[raw[at] & 15];
    }
    return place;
}
#endif

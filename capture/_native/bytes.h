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

#endif

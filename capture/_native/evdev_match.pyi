# Nothing here that Python can call.

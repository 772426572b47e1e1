"""Answers queries of DuckDB on Avro files: JSON statements on stdin, the rows of the last one on stdout.

The extension is that of the package duckdb-extension-avro, or one that DuckDB has installed; without either,
the exit status is 3. The package needs one version of DuckDB, hence a process of its own.
"""

import json
import sys
from importlib import resources

import duckdb

connection = duckdb.connect()
try:
    folder = resources.files("duckdb_extension_avro") / "extensions" / f"v{duckdb.__version__}"
    connection.load_extension(str(folder / "avro.duckdb_extension"))
except (ImportError, duckdb.Error):
    try:
        connection.execute("LOAD avro")
    except duckdb.Error as error:
        sys.exit(print(error, file=sys.stderr) or 3)
for statement in json.load(sys.stdin):
    connection.execute(statement)
json.dump(connection.fetchall(), sys.stdout)

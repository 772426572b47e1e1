"""The receiving end of a fleet: a door that accepts batches, and a writer that files them.

A batch goes to a journal on disk before it is acknowledged; the writer turns segments of the
journal into Parquet and Avro files, each event once. See ``docs/gateway.md``.
"""

"""The floor under `touch_up`: one autocommit INSERT of a row of the same size, and nothing else."""

import sqlite3
import tempfile
from pathlib import Path


class Contender:
    def __init__(self, url):
        del url
        self.folder = tempfile.TemporaryDirectory(prefix="bench-")
        self.connection = sqlite3.connect(Path(self.folder.name) / "bare.db", isolation_level=None)
        for pragma in (
            "page_size = 2048",
            "journal_mode = WAL",
            "synchronous = NORMAL",
            "wal_autocheckpoint = 0",
        ):
            self.connection.execute(f"PRAGMA {pragma}")
        self.connection.execute("CREATE TABLE events (id INTEGER PRIMARY KEY, event BLOB)")
        self.event = b"x" * 480

    def call(self, event):
        self.connection.execute("INSERT INTO events (event) VALUES (?)", (event,))

    def prepare(self):
        return (self.event,)

    def settle(self):
        self.connection.execute("PRAGMA wal_checkpoint(PASSIVE)")

    def close(self):
        self.connection.close()
        self.folder.cleanup()

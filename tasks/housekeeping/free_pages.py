"""An SQLite database goes in; it comes out without the pages that removed rows left empty."""

from __future__ import annotations

import logging
import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

from tasks.housekeeping.plan_records import DATABASE, Plan, Removal

if TYPE_CHECKING:
    from pathlib import Path

    from tasks.storage.home import Home

# A database is rewritten as a whole, which fewer empty pages are not worth.
LEAST_SHARE = 0.05
WAIT_SECONDS = 2.0

log = logging.getLogger("pixelgate")


def plan_databases(home: Home) -> Plan:
    """Return the space that compacting MLflow's database would free."""
    free = free_bytes(home.database)
    if not free:
        return Plan()
    name = home.database.relative_to(home.root).as_posix()
    return Plan((Removal(DATABASE, name, free, "empty pages of removed rows", home.database),))


def free_bytes(database: Path) -> int:
    """Return the bytes of empty pages, if they are worth the rewriting; 0 without a database."""
    try:
        # Read only: a question must not create a database.
        uri = f"{database.absolute().as_uri()}?mode=ro"
        with closing(sqlite3.connect(uri, uri=True)) as opened:
            pages, free, size = (
                int(opened.execute(f"PRAGMA {name}").fetchone()[0])
                for name in ("page_count", "freelist_count", "page_size")
            )
    except sqlite3.Error:
        return 0
    return free * size if pages and free / pages >= LEAST_SHARE else 0


def compact(database: Path) -> bool:
    """Rewrite a database without its empty pages; a kill leaves it as it was.

    Returns:
        Whether it was done; it is not while another process writes.
    """
    try:
        with closing(sqlite3.connect(database, timeout=WAIT_SECONDS)) as opened:
            opened.execute("VACUUM")
            # In WAL mode the file itself shrinks only then.
            opened.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    except sqlite3.Error as error:
        log.warning("%s was not compacted: %s", database, error)
        return False
    return True

"""The files that the data gate leaves in the folder of a run, and the columns of their frames."""

from __future__ import annotations

from tasks.inventory.columns import PATH

VERDICT_FILE = "verdict.json"
MOVES_FILE = "moves.parquet"
GROUPS_FILE = "groups.parquet"
LABEL_ERRORS_FILE = "label_errors.parquet"
OUTLIERS_FILE = "outliers.parquet"
OFFENDERS_FILE = "offenders.parquet"
QUARANTINE_FILE = "quarantine.parquet"
# Where a project of Great Expectations has the start page of its Data Docs.
DATA_DOCS = "gx/uncommitted/data_docs/local_site/index.html"

# Of offenders: one row per file and expectation that it breaks.
RULE = "rule"
EXPECTATION = "expectation"
VALUE = "value"
OFFENDER_COLUMNS = (RULE, EXPECTATION, PATH, VALUE)

# Of the quarantine: one row per file, with the names of all rules that it breaks.
RULES = "rules"

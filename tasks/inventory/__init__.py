"""A data folder goes in; a DataFrame with a row per image file comes out.

- `scan.take_inventory`: the whole stage.
- `listing.list_files`, `layouts.label_files`: which files there are, and their labels.
- `cache`: what was read before, so that an unchanged file is not read again.
- `reading.read_files`: reads in processes; `images.read_images`: what files hold, or why they
  can't be read; `looks`: how they look.
- `duplicates.assign_groups`: copies and near-duplicates; `likeness`: whether pixels confirm them.
- `splits.assign_splits`: train, validation and test; `ledger`: which they were, for ever.
- `explain.explain_file`: why a file is where it is.
- `columns`: the names of the frame's columns, and its fingerprint.
"""

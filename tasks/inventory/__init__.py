"""A data folder goes in; a DataFrame with a row per picture file comes out.

- `scan.take_inventory`: the whole stage.
- `layouts.list_files`, `layouts.label_files`: which files there are, and their labels and splits.
- `cache`: what was read before, so that an unchanged file is not read again.
- `pictures.read_pictures`: what files hold, or why they can't be read; `looks`: how they look.
- `splits.assign_splits`: train, validation and test, by content.
- `columns`: the names of the frame's columns, and its fingerprint.
"""

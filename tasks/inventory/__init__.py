"""The inventory stage: turns a data folder into a DataFrame with one row per image file.

- `scan.take_inventory`: the whole stage.
- `listing.list_files`: the files of a folder; `image_formats`: which of them are images.
- `layouts.read_layout`: how a folder is read. `folder_branches` finds its splits, `class_folders`
  its classes, `flat_files` labels in names and in the tables that `label_tables` finds;
  `manifests.read_manifest_folder` reads the files that a manifest names.
- `reading_summary.describe_reading`: says it in one sentence.
- `inventory_cache.InventoryCache`: what was read before, so that unchanged files are not read
  again.
- `reading.read_files`: reads files in worker processes; `image_file.read_images`: what each file
  holds, or why it can't be read; `features.FeatureBatch`: measures, thumbnail and hashes.
- `embeddings.embeddings_of`: what a network that has seen ImageNet says of photographs.
- `duplicates.assign_groups`: exact duplicates and near-duplicates; `similarity.confirm_pairs`:
  compares their pixels; `warped_copies`: cropped and turned ones, found by embeddings and confirmed
  by `image_registration`.
- `declared_groups.declared_groups`: siblings that the user declares; `named_siblings`: images that
  are named like siblings, by what `sibling_names` says of a name and `likeness` of the images;
  `numbered_siblings`: those whose names differ by a number alone.
- `splits.assign_splits`: train, validation and test; `split_ledger.SplitLedger`: remembers the
  split of every image.
- `explain.explain_file`: why a file has its label and its split.
- `run_inventory.record_inventory`: the inventory as part of a run's evidence.
- `columns`: names and dtypes of the frame's columns, and the fingerprint of a data set.
"""

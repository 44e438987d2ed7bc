"""Read models of runs and models, for the command line and dashboards.

It writes only what people ask for and what they look at: requests, proposals, small images.

- `run_list.list_runs`: the summaries of all runs; `run_index.RunIndex` keeps them in memory.
- `model_names.model_names`: the models of a home.
- `model_status.model_statuses`: whether each is healthy, in one sentence, and what to do.
- `in_production.production_of`: what is in production since when, and before.
- `run_files.find_run_file`: a file of a run's evidence, and no other file.
- `image_pages.ImageStore`: the images of a run, by `image_filter.ImageFilter`; one of a million.
- `thumbnails_kept.Thumbnails`: small versions of them, kept by content.
- `proposals.propose`: what people propose about them; `proposal_manifest` writes it as CSV.
- `trends.trend_of`: measurements of a model's runs over time.
"""

"""Images and the champion go in; predictions come out.

- `predictor.predict_files`: predicts files and folders, one row per file.
- `scoring.score_images`: the same to Parquet, with drift and the accuracy to expect.
"""

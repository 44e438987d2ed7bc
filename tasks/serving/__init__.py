"""Images and the champion go in; predictions come out.

- `predictor.predict_files`: files and folders, one row per file.
"""

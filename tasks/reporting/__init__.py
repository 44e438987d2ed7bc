"""The evidence of a run goes in; figures and one self-contained page come out.

- `figures`: PNG files, drawn with matplotlib.
- `previews.draw_previews`: samples of the data before training.
- `results.draw_training`, `results.draw_evaluation`: learning curves, confusion matrix, mistakes.
- `gallery.build_gallery`: thumbnails of the files the data gate found.
- `page.write_report`: report.html.
"""

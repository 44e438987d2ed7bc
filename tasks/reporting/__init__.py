"""The evidence of a run goes in; figures and one self-contained page come out.

- `figures`: PNG files, drawn with matplotlib; `image_mosaic`: where images lie in one of many.
- `beside.previews_drawn_beside`: samples of the data, drawn while a model is trained.
- `results.draw_training`, `results.draw_evaluation`: learning curves, confusion matrix, mistakes.
- `gallery.build_gallery`: thumbnails of the files the data gate found.
- `page.write_report`: report.html.
"""

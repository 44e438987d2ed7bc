"""All the evidence of a run goes in; figures and one self-contained page come out.

- `figures`: PNG files drawn with matplotlib.
- `previews.draw_previews`: what the data looks like, before training.
- `results.draw_training`, `results.draw_evaluation`: what came of it.
- `gallery.build_gallery`: thumbnails of what the data gate found.
- `page.write_report`: report.html.
"""

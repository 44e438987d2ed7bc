"""Where files are kept, and how they are written and read.

- `home.Home`: every path under the home folder.
- `atomic`: writes that are either complete or absent.
- `hashing`: hashes of files and of plain values.
"""

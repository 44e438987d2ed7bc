"""Where files are, and how they are written and read.

- `home.Home`: every path under the home folder.
- `atomic`: writes that are whole or not there.
- `hashing`: hashes of files and of plain values.
"""

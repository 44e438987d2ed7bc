"""The command line `pixelgate`: each file is a group of commands that parses, calls and prints.

- `main`: the app, and what turns errors into messages.
- `run_commands`: run, demo, predict, runs, config; `serve_command`; `tune_command`.
- `data_commands`: inventory, gate, drill; `baseline_commands`; `quarantine_commands`.
- `options`: the options commands share; `display`: what they print; `screen`: where it goes.
"""

"""The command line `pixelgate`: each module is a group of commands that parse, call and print.

- `main`: the app as a whole.
- `run_commands`: run, demo, predict, runs, config; `tune_command`; `score_command`;
  `serve_command`.
- `data_commands`: inventory, gate, drill; `baseline_commands`; `quarantine_commands`.
- `status_command`, `alarm_commands`: whether somebody is needed, and who is told.
- `options`: the options that commands share.
- `data_display`, `run_display`: print results; `printing`: JSON and tables; `screen`: messages for
  people on stderr, and the log file.
- `schedule`: the served flow of `serve`; `demo`: the data of `demo`.
"""

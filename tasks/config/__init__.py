"""Every setting, typed; no stage is imported here.

- `schema.RetrainConfig`: the whole tree, a file for each part.
- `load.load_config`: TOML file, environment and flags, merged and checked.
- `alarm_settings.load_alarm_settings`: who is told of alarms, from a file of its own.
- `required_files.require_files`: an error at once where a file they name is missing.
"""

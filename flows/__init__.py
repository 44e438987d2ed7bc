"""The flows (retrain, drill) and the command line `pixelgate` (cli)."""

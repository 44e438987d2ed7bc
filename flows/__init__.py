"""The flows (retrain, drill, score, gate, housekeeping) and the command line `pixelgate` (cli)."""

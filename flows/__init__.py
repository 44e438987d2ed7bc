"""The flows (retrain, gate) and the command line that starts them."""

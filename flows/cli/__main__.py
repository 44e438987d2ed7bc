"""`python -m flows.cli` is `pixelgate`."""

from flows.cli.main import main

main()

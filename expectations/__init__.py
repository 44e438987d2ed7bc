"""Great Expectations suites and custom expectations over an inventory of images."""

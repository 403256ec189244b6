"""Measurements of turnlog beside its peers: `make bench` prints them, each compared with another of the same run."""

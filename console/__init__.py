"""The command line and the local stack: puts all other rooms together."""

"""What a producer uses: connect to a fleet, submit runs, read their results."""

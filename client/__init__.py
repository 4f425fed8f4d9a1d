"""What a producer uses: submit a run, wait for its result, cancel it."""

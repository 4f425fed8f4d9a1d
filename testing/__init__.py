"""The kit for users' own tests: a fleet in memory, virtual time, faults and a fake model."""

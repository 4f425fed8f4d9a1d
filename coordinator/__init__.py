"""The receiver, the pure core that folds runs, and the thin shell that owns lanes."""

"""What an author writes: agents and pipelines, compiled to data; no I/O."""

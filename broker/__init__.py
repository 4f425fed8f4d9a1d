"""Kafka, Redis and payloads: topics, producer, the one consumer loop, offsets, dead letters, lag, and their in-memory twins."""

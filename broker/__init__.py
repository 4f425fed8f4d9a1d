"""Kafka, Redis and payloads: topics, producer, the one consumer loop, offsets, lag; and their twins in memory."""

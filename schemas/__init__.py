"""What all rooms agree on: messages, compiled pipelines, contracts, ids, errors and settings."""

"""The worker: claims, the handler's context, memos, models, and the built-in agents."""

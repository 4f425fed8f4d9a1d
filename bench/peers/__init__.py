"""`make bench-peers`: the same work by argosy and by its peers, on the same servers, in turns."""

"""The optimizer and its schedule, row-sparse updates, gradient clipping, and the classes' weights in the loss."""

"""What `fit` needs beside the network: optimizers, metrics, reports, resume."""

"""The page of `lightning serve`, on which a model can be tried."""

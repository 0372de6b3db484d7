"""Analysis of trained models: word neighbours, contexts and errors."""

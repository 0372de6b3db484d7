"""What a trained model learned and gets wrong, for a person to look at."""

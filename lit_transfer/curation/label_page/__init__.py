"""The web page of `lightning label`."""

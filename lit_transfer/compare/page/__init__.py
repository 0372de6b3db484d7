"""The page of a comparison, and of an audit: one HTML file."""

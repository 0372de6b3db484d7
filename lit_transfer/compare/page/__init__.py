"""The HTML pages of comparisons and audits."""

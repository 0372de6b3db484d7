"""Labels that are probably wrong: found by classifiers that did not see them."""

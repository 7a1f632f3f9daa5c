"""One page to look at: what was found, as a single HTML file."""

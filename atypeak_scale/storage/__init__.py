"""A path or a URL: reading, publishing whole or not at all, locks."""

"""What did the model learn? (method, section 7)."""

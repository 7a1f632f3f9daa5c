"""The article's figures, drawn by matplotlib; one module for each kind of figure."""

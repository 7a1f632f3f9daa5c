"""The names on disk: arrays of a store, columns of tables, and what a view must not be called."""

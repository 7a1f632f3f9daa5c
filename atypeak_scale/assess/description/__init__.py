"""What is in the data, and what do the scores depend on?"""

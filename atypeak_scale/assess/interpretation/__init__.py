"""What did the model learn?"""

"""What was collected, and new data sets: facts, and their form in the terminal."""
